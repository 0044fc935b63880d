"""What stands before an address: ``src host``, ``tcp dst port``, ``ether proto``."""

from __future__ import annotations

from typing import Final

import msgspec

DEFAULT: Final = ""
UNDEFINED: Final = "undefined"
"""Nothing to carry over: behind ``tcp and`` no bare address may follow."""


class Qualifiers(msgspec.Struct, frozen=True, gc=False):
    """``protocol`` is ``ip``, ``tcp`` …, ``direction`` ``src``, ``dst``, ``or``, ``and`` …, ``type`` ``host``, ``net`` …."""

    protocol: str = DEFAULT
    direction: str = DEFAULT
    type: str = DEFAULT


NONE: Final = Qualifiers(UNDEFINED, UNDEFINED, UNDEFINED)
