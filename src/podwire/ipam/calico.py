"""calico-ipam: whose block an address is taken from (reference sheet Calico, section 2.3).

Source: libcalico-go, lib/ipam/ipam.go of release v3.26: ``autoAssign``, ``findOrClaimBlock``, ``releaseByHandle``; the texts of refusals
are its own. The state is what the API server holds: blocks, affinities, handles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from podwire.ipam.calico_blocks import (
    WORKLOAD,
    Allocation,
    Block,
    Pool,
    affinity_name,
    block_order,
    holds,
    start_index,
)
from podwire.ipam.host_local import IpamError
from podwire.wire.addr import Ip, Net

BLOCK_LIMIT: Final = 20
"""Blocks that a node may have where nothing says how many."""
_ENOUGH: Final = 3
"""Free addresses that a node has to keep when an empty block of it is released."""

_NO_POOL: Final = "cannot find a qualified ippool"


class IpamConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``calicoctl ipam configure``: the IPAMConfig object. ``max_blocks_per_host`` 0 is the built-in limit."""

    strict_affinity: bool = False
    auto_allocate_blocks: bool = True
    max_blocks_per_host: int = 0


class CalicoIpam:
    """All blocks of a cluster. ``nodes`` are the labels of every node, ``pools`` all pools; whoever knows them keeps them up to date."""

    def __init__(self, config: IpamConfig, *, clock: Callable[[], int] | None = None) -> None:
        self.config = config
        self.pools: tuple[Pool, ...] = ()
        self.nodes: dict[str, Mapping[str, str]] = {}
        self._clock = clock
        self._blocks: dict[Net, Block] = {}
        self._affine: dict[str, list[Net]] = {}
        self._handles: dict[str, list[Net]] = {}
        self._lent: dict[Ip, Allocation] = {}
        self.revision = 0
        """Rises with whatever changes a route: blocks that come, go or change hands, addresses that are borrowed or given back."""

    # -- looking -------------------------------------------------------------------------------------------------

    def blocks(self) -> Iterator[Block]:
        """All blocks, in the order in which they were claimed."""
        return iter(self._blocks.values())

    def block(self, cidr: Net) -> Block | None:
        """The block with that prefix."""
        return self._blocks.get(cidr)

    def blocks_of(self, node: str) -> tuple[Block, ...]:
        """The blocks of a node, in the order of their names."""
        return tuple(self._blocks[cidr] for cidr in self._affine.get(node, ()))

    def pool_of(self, block: Net) -> Pool | None:
        """The pool in which a block, or the /32 of an address, lies."""
        return next((pool for pool in self.pools if holds(pool, block)), None)

    def find(self, ip: Ip) -> Allocation | None:
        """Who has an address."""
        for block in self._containing(ip):
            return block.allocations.get(int(ip) - int(block.cidr.addr))
        return None

    def _containing(self, ip: Ip) -> Iterator[Block]:
        for plen in sorted({cidr.plen for cidr in self._blocks}):
            block = self._blocks.get(Net.of(ip, plen))
            if block is not None:
                yield block

    def addresses(self, handle: str) -> list[Ip]:
        """The addresses that were given under a handle."""
        found = []
        for cidr in self._handles.get(handle, ()):
            block = self._blocks[cidr]
            found += [block.address(o) for o, each in sorted(block.allocations.items()) if each.handle == handle]
        return found

    # -- assigning -----------------------------------------------------------------------------------------------

    def auto_assign(
        self,
        node: str,
        handle: str,
        attributes: Mapping[str, str],
        *,
        use: str = WORKLOAD,
        requested: Sequence[Net] = (),
    ) -> Ip:
        """One address for a node; ``requested`` are the pools to take it from, whichever nodes those select.

        Raises ``IpamError`` with calico-ipam's text where there is none.
        """
        pools = self._usable_pools(node, use, requested)
        allocation = Allocation(handle, {"node": node, **attributes})
        block = self._find_or_claim(node, pools)
        messages: list[str] = []
        if block is None and self.config.strict_affinity:
            messages.append("No more free affine blocks and strict affinity enabled")
        elif block is None:
            block = self._borrow(node, pools)
            if block is None:
                messages.append(f"No IPs available in pools: [{' '.join(str(pool.cidr) for pool in pools)}]")
        if block is None:
            shortfall = "; ".join(["Assigned 0 out of 1 requested IPv4 addresses", *messages])
            raise IpamError(f"failed to request IPv4 addresses: {shortfall}")
        self._handles.setdefault(handle, []).append(block.cidr)
        ip = block.assign(allocation)
        if block.affinity != node:
            self._lent[ip] = allocation
            self.revision += 1
        return ip

    def _usable_pools(self, node: str, use: str, requested: Sequence[Net]) -> list[Pool]:
        """``determinePools`` and ``prepareAffinityBlocksForHost``, which gives up empty blocks of pools that are no longer for the node."""
        enabled = sorted((pool for pool in self.pools if not pool.disabled), key=lambda pool: pool.name)
        if not enabled:
            raise IpamError(_NO_POOL)
        labels = self.nodes.get(node, {})
        by_cidr = {pool.cidr: pool for pool in enabled}
        missing = next((cidr for cidr in requested if cidr not in by_cidr), None)
        if missing is not None:
            raise IpamError(f"the given pool ({missing}) does not exist, or is not enabled")
        selecting = [by_cidr[cidr] for cidr in requested] or [pool for pool in enabled if pool.selects(labels)]
        if not selecting:
            raise IpamError(f"no configured Calico pools for node {node}")
        usable = [pool for pool in selecting if use in pool.uses]
        if not usable:
            raise IpamError(f"{_NO_POOL}, no pools match the required use ({use})")
        for block in self.blocks_of(node):
            self._give_up_foreign(block)
        return usable

    def _find_or_claim(self, node: str, pools: Sequence[Pool]) -> Block | None:
        """A block of the node with a free address, an existing one before a new one; None where all blocks are taken."""
        own = [block for block in self.blocks_of(node) if any(holds(pool, block.cidr) for pool in pools)]
        for block in own:
            if block.unallocated:
                return block
        limit = self.config.max_blocks_per_host or BLOCK_LIMIT
        if len(own) >= limit:
            # The plugin answers with the first sentence; the second one is in its log.
            raise IpamError(
                "cannot allocate new block due to per host block limit: Need to allocate an IPAM block but could not - "
                f"limit of {limit} blocks reached for this node"
            )
        if not self.config.auto_allocate_blocks:
            raise IpamError("failed to find or claim a block")
        for pool in pools:
            for cidr in block_order(pool, node, seed=self._clock() if self._clock is not None else None):
                if cidr not in self._blocks:
                    return self.claim(cidr, node)
        return None

    def _borrow(self, node: str, pools: Sequence[Pool]) -> Block | None:
        """The first block with a free address, whoever owns it, in the order in which this node tries them."""
        for pool in pools:
            start = start_index(pool, node)
            free = [block for block in self._blocks.values() if block.unallocated and holds(pool, block.cidr)]
            if free:
                return min(free, key=lambda block: (pool.index(block.cidr) - start) % pool.count)
        return None

    def claim(self, cidr: Net, node: str) -> Block:
        """A new block for a node."""
        self.revision += 1
        block = self._blocks[cidr] = Block(cidr, node)
        self._affine[node] = sorted([*self._affine.get(node, ()), cidr], key=affinity_name)
        return block

    # -- releasing -----------------------------------------------------------------------------------------------

    def release(self, handle: str) -> bool:
        """Every address under a handle goes back; False if there is none. A block without owner goes when it is empty."""
        cidrs = self._handles.pop(handle, None)
        for cidr in dict.fromkeys(cidrs or ()):
            block = self._blocks[cidr]
            for ip in block.release(handle):
                if self._lent.pop(ip, None) is not None:
                    self.revision += 1
            if block.empty and block.affinity is None:
                del self._blocks[cidr]
            else:
                self._give_up_foreign(block)
        return cidrs is not None

    def _give_up_foreign(self, block: Block) -> None:
        """``ensureConsistentAffinity``: an empty block of a pool that is enabled and no longer for its node is given up."""
        pool = self.pool_of(block.cidr)
        if block.affinity is None or not block.empty or pool is None or pool.disabled:
            return
        if not pool.selects(self.nodes.get(block.affinity, {})):
            self.release_affinity(block)

    def release_ip(self, ip: Ip) -> bool:
        """``ReleaseIPs``: one address goes back, whoever uses it; False if nobody has it."""
        for block in self._containing(ip):
            found = block.allocations.get(int(ip) - int(block.cidr.addr))
            if found is not None:
                block.release_one(int(ip) - int(block.cidr.addr))
                self._lent.pop(ip, None)
                self._handles[found.handle].remove(block.cidr)
                if not self._handles[found.handle]:
                    del self._handles[found.handle]
                self.revision += 1
                self._after_release(block)
                return True
        return False

    def _after_release(self, block: Block) -> None:
        """A block without owner goes when it is empty; one of a node that its pool does not select is given up."""
        if block.empty and block.affinity is None:
            del self._blocks[block.cidr]
        else:
            self._give_up_foreign(block)

    def release_affinity(self, block: Block) -> None:
        """``releaseBlockAffinity``: an empty block goes; one in use loses its owner, and its addresses have to be routed one by one."""
        self.revision += 1
        if block.affinity is not None:
            self._affine[block.affinity].remove(block.cidr)
        if block.empty:
            del self._blocks[block.cidr]
        block.affinity = None
        self._lent.update(block.borrowed())

    def release_pool(self, pool: Pool) -> None:
        """``ReleasePoolAffinities``: what deleting a pool does."""
        for block in [each for each in self._blocks.values() if holds(pool, each.cidr)]:
            self.release_affinity(block)

    def release_candidates(self, node: str) -> list[Block]:
        """Empty blocks of a node that kube-controllers would release: the node has others, with at least three free addresses."""
        return [block for block in self.blocks_of(node) if block.empty and self._dispensable(node, block)]

    def _dispensable(self, node: str, block: Block) -> bool:
        rest = [each for each in self.blocks_of(node) if each is not block]
        return bool(rest) and sum(len(each.unallocated) for each in rest) >= _ENOUGH

    def borrowed(self) -> Mapping[Ip, Allocation]:
        """Addresses that are used on another node than the one that owns their block."""
        return self._lent
