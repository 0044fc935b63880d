"""What br_netfilter remembers of a frame that passes a bridge (``struct nf_bridge_info``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podwire.linux.link import Link


class NfBridge:
    """By which port the frame came, and by which it goes."""

    __slots__ = ("physin", "physout")

    def __init__(self, physin: Link | None = None, physout: Link | None = None) -> None:
        self.physin = physin
        self.physout = physout
