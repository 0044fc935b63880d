"""What a rule's text may ask the kernel for: the sets of its namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.xt.options import Names

if TYPE_CHECKING:
    from podwire.linux.netns import Netns


class KernelNames(Names):
    """Names as a program in that namespace finds them that asks no name server."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns

    def set_family(self, name: str) -> int | None:
        """IP_SET_OP_GET_FNAME."""
        found = self.netns.ipsets.find(name)
        return found.family if found is not None else None
