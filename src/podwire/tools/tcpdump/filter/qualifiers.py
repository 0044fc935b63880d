"""What stands before an address: ``src host``, ``tcp dst port``, ``ether proto``."""

from __future__ import annotations

from typing import Final

import msgspec

DEFAULT: Final = ""
UNDEFINED: Final = "undefined"
"""Nothing to carry over: behind ``tcp and`` no bare address may follow."""

PROTOCOL_NAMES: Final = frozenset(
    "link ip arp rarp sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp atalk aarp decnet lat sca moprc"
    " mopdl iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui".split()
)


class Qualifiers(msgspec.Struct, frozen=True, gc=False):
    """``protocol`` as in ``PROTOCOL_NAMES``, ``direction`` one of src, dst, or, and, addr1 …, ``type`` one of host, net, port …"""

    protocol: str = DEFAULT
    direction: str = DEFAULT
    type: str = DEFAULT


NONE: Final = Qualifiers(UNDEFINED, UNDEFINED, UNDEFINED)
