"""kube-controllers: empty blocks of nodes that have others are given up (reference sheet Calico, section 2.3).

Source: kube-controllers, pkg/controllers/node/ipam.go of release v3.26: a block has to be empty for the grace period of 15 minutes, and
is looked at every half of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from podwire.ipam.calico import CalicoIpam
from podwire.linux.machine import World
from podwire.wire.addr import Net

_GRACE: Final = 15 * 60 * 1_000_000_000
_PERIOD: Final = _GRACE // 2


class BlockCollector:
    """Remembers which blocks have become empty, and looks at them again when the grace period is over."""

    def __init__(self, ipam: CalicoIpam) -> None:
        self._ipam = ipam
        self._empty: dict[Net, int] = {}
        """How often the block had been used when it was found empty."""

    def look(self, world: World, node: str, told: Callable[[], None]) -> None:
        """An address of this node was given back. ``told`` lets the agents know when a block goes."""
        for block in self._ipam.release_candidates(node):
            if self._empty.get(block.cidr) == block.uses:
                continue
            self._empty[block.cidr] = block.uses
            due = ((world.now + _GRACE) // _PERIOD + 1) * _PERIOD
            world.at(due, partial(self._again, node, block.cidr, block.uses, told))

    def _again(self, node: str, cidr: Net, uses: int, told: Callable[[], None]) -> None:
        if self._empty.get(cidr) != uses:
            return
        del self._empty[cidr]
        for block in self._ipam.release_candidates(node):
            if block.cidr == cidr:
                self._ipam.release_affinity(block)
                told()
