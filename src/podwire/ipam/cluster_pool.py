"""IPAM of Cilium: the operator's ranges for nodes, and the addresses that an agent draws from its own (reference sheet Cilium, section 3).

Sources: pkg/ipam/cidrset/cidr_set.go, pkg/ipam/service/allocator/bitmap.go, pkg/ipam/service/ipallocator/allocator.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final

from podwire.ipam.host_local import IpamError
from podwire.wire.addr import Ip, Ip4, Net

_EXHAUSTED: Final = "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range"
_FULL: Final = "range is full"


class ClusterPool:
    """cluster-pool: a moving cursor over the blocks of each range, which wraps at the end; the ranges one after the other."""

    def __init__(self, ranges: Iterable[Net], mask_size: int) -> None:
        self.mask_size = mask_size
        self._ranges = tuple(ranges)
        self._cursors = dict.fromkeys(self._ranges, 0)
        self._taken: dict[Net, str] = {}

    def allocate(self, node: str) -> Net:
        """The next free block, in order of registration; the one the node has, if it has one. Raises ``IpamError``."""
        have = next((block for block, owner in self._taken.items() if owner == node), None)
        return have if have is not None else self._next(node)

    def _next(self, node: str) -> Net:
        for whole in self._ranges:
            count = 1 << self.mask_size - whole.plen
            size = 1 << 32 - self.mask_size
            for step in range(count):
                number = (self._cursors[whole] + step) % count
                block = Net(Ip4(int(whole.addr) + number * size), self.mask_size)
                if block not in self._taken:
                    self._cursors[whole] = (number + 1) % count
                    self._taken[block] = node
                    return block
        raise IpamError(_EXHAUSTED)

    def release(self, node: str) -> None:
        """The node is gone; its block is used again when the cursor comes round."""
        for block in [block for block, owner in self._taken.items() if owner == node]:
            del self._taken[block]


class HostScope:
    """The agent's allocator: a bitmap, searched from a random place on.

    ``owners`` maps an address to whom it was given: ``router``, ``health``, ``default/pod1``. ``excluded`` are never given out.
    """

    def __init__(self, cidr: Net, stream: Random, excluded: Iterable[Ip] = ()) -> None:
        self.cidr = cidr
        self._stream = stream
        whole = 1 << 32 - cidr.plen
        # Network and broadcast address are not for use, where there are more than two.
        self._base, self.size = (int(cidr.addr) + 1, whole - 2) if whole > 2 else (int(cidr.addr), whole)
        self.owners: dict[Ip, str] = {}
        self._excluded = frozenset(ip for ip in excluded if ip in cidr)
        self._burnt: set[Ip] = set()

    def __contains__(self, ip: Ip) -> bool:
        """Whether the address is one that can be given out."""
        return self._base <= int(ip) < self._base + self.size

    def allocate_next(self, owner: str) -> Ip:
        """An address: uniformly random start, then the first free one from there on. Raises ``IpamError`` "range is full"."""
        while len(self.owners) + len(self._burnt) < self.size:
            start = self._stream.randrange(self.size)
            ip = next(ip for ip in self._from(start) if ip not in self.owners and ip not in self._burnt)
            if ip in self._excluded:
                # It is used up, and the draw repeated.
                self._burnt.add(ip)
                continue
            self.owners[ip] = owner
            return ip
        raise IpamError(_FULL)

    def _from(self, start: int) -> Iterable[Ip]:
        return (Ip4(self._base + (start + step) % self.size) for step in range(self.size))

    def allocate(self, ip: Ip, owner: str) -> Ip:
        """This very address. Raises ``IpamError`` where it is outside the range or taken."""
        if ip not in self:
            raise IpamError(f"provided IP is not in the valid range. The range of valid IPs is {self.cidr}")
        if ip in self.owners or ip in self._burnt:
            raise IpamError("provided IP is already allocated")
        self.owners[ip] = owner
        return ip

    def release(self, ip: Ip) -> None:
        """Give it back; one that was not given out is no error."""
        self.owners.pop(ip, None)
