"""calico-ipam's blocks: which block a node takes first, and which address of a block comes next (reference sheet Calico, 2.2 and 2.3).

Source: libcalico-go, lib/ipam (ipam_block.go, ipam_block_reader_writer.go) of release v3.26.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from podwire.ipam.gorand import GoRand
from podwire.wire.addr import Ip, Net, prefix_mask

WORKLOAD: Final = "Workload"
TUNNEL: Final = "Tunnel"


def every_node(labels: Mapping[str, str]) -> bool:
    """The node selector ``all()``."""
    return True


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """An IP pool as IPAM sees it. ``selects`` says of a node's labels whether the pool is for that node; ``uses``: Workload, Tunnel."""

    name: str
    cidr: Net
    block_size: int = 26
    uses: tuple[str, ...] = (WORKLOAD, TUNNEL)
    selects: Callable[[Mapping[str, str]], bool] = every_node
    disabled: bool = False

    @property
    def count(self) -> int:
        """How many blocks it has."""
        return 1 << self.block_size - self.cidr.plen

    def block(self, index: int) -> Net:
        """Its block of that number."""
        base = self.cidr.addr
        return Net(type(base)(int(base) + (index << base.bits - self.block_size)), self.block_size)

    def index(self, block: Net) -> int:
        """The number of a block of this pool."""
        return int(block.addr) - int(self.cidr.addr) >> block.addr.bits - self.block_size

    def block_of(self, ip: Ip) -> Net:
        """The block that holds an address of this pool."""
        return Net.of(ip, self.block_size)


class Allocation(msgspec.Struct, frozen=True):
    """Who has an address: the handle, and what else was noted (``node``, ``pod``, ``namespace``, or ``type`` of a tunnel address)."""

    handle: str
    attributes: dict[str, str]

    @property
    def node(self) -> str:
        """The node on which it is used."""
        return self.attributes["node"]


class Block:
    """One block: its owner, its allocations by ordinal, and the queue of its free ordinals: from the head they go, to the tail they return.

    ``affinity`` is the node that it belongs to; None once that was given up while addresses were in use.
    """

    def __init__(self, cidr: Net, affinity: str | None) -> None:
        self.cidr = cidr
        self.affinity = affinity
        self.uses = 0
        """How many addresses it has given so far."""
        self.allocations: dict[int, Allocation] = {}
        self.unallocated: deque[int] = deque(range(1 << cidr.addr.bits - cidr.plen))

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return len(self.allocations) + len(self.unallocated)

    @property
    def empty(self) -> bool:
        """No address is in use."""
        return not self.allocations

    def address(self, ordinal: int) -> Ip:
        """The address of that number."""
        base = self.cidr.addr
        return type(base)(int(base) + ordinal)

    def assign(self, allocation: Allocation) -> Ip:
        """The address at the head of the queue. Raises ``IndexError`` where none is free."""
        ordinal = self.unallocated.popleft()
        self.uses += 1
        self.allocations[ordinal] = allocation
        return self.address(ordinal)

    def release(self, handle: str) -> list[Ip]:
        """Every address with this handle goes to the tail of the queue, lowest first; returns them."""
        gone = sorted(ordinal for ordinal, allocation in self.allocations.items() if allocation.handle == handle)
        for ordinal in gone:
            del self.allocations[ordinal]
            self.unallocated.append(ordinal)
        return [self.address(ordinal) for ordinal in gone]

    def release_one(self, ordinal: int) -> None:
        """One address goes to the tail of the queue. Raises ``KeyError`` where it is not in use."""
        del self.allocations[ordinal]
        self.unallocated.append(ordinal)

    def borrowed(self) -> Iterator[tuple[Ip, Allocation]]:
        """Addresses in use on other nodes than the owner, by address."""
        for ordinal in sorted(self.allocations):
            if self.allocations[ordinal].node != self.affinity:
                yield self.address(ordinal), self.allocations[ordinal]


def affinity_name(cidr: Net) -> str:
    """How a block is called in the names of Kubernetes objects: ``10-96-0-0-26``. Lists of blocks are in the order of these texts."""
    return str(cidr).replace(".", "-").replace(":", "-").replace("/", "-")


def fnv1_32(data: bytes) -> int:
    """FNV-1 (multiply, then xor), 32 bits."""
    value = 0x811C9DC5
    for byte in data:
        value = value * 0x01000193 & 0xFFFFFFFF ^ byte
    return value


@lru_cache(maxsize=65536)
def first_index(seed: int, count: int) -> int:
    """The number of the block that a node tries first, of ``count``; ``seed`` is ``fnv1_32`` of its name."""
    return GoRand(seed).below(count)


def block_order(pool: Pool, node: str, *, seed: int | None = None) -> Iterator[Net]:
    """The blocks of a pool in the order in which a node tries them.

    ``seed`` stands for the clock, from which blocks of a single address are drawn; without one the name decides there too.
    """
    start = start_index(pool, node, seed)
    for step in range(pool.count):
        yield pool.block((start + step) % pool.count)


def start_index(pool: Pool, node: str, seed: int | None = None) -> int:
    """The number of the block with which ``block_order`` begins."""
    if pool.block_size == pool.cidr.addr.bits and seed is not None:
        return GoRand(seed).below(pool.count)
    return first_index(fnv1_32(node.encode()), pool.count)


def holds(pool: Pool, block: Net) -> bool:
    """Whether a block (or an address as a block) lies in a pool."""
    mask = prefix_mask(pool.cidr.addr.bits, pool.cidr.plen)
    return block.addr.family == pool.cidr.addr.family and int(block.addr) & mask == int(pool.cidr.addr)
