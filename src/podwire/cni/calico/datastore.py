"""What Calico's agents read: pools, blocks, and what calico-node has left in the Node objects.

Every rule here is one that several agents share; the facts are those of the reference sheet Calico, sections 1.4 to 1.7 and 2.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final

import msgspec

from podwire.cni.backend import NodeSpec
from podwire.cni.calico.autodetect import NodeAddress, default_pool_cidr
from podwire.cni.calico.config import Calico, IPPool
from podwire.ipam.calico import CalicoIpam, IpamConfig
from podwire.ipam.calico_blocks import Allocation, Pool
from podwire.kube.ippool import IPPoolObject
from podwire.kube.selectors import parse_selector
from podwire.linux.link import Link
from podwire.linux.netns import Netns
from podwire.wire.addr import Ip, Ip4, Mac, Net

IPV4_ADDRESS: Final = "projectcalico.org/IPv4Address"
IPIP_ADDRESS: Final = "projectcalico.org/IPv4IPIPTunnelAddr"
VXLAN_ADDRESS: Final = "projectcalico.org/IPv4VXLANTunnelAddr"
VXLAN_MAC: Final = "projectcalico.org/VXLANTunnelMACAddr"
"""Annotations of the Node."""
TUNNEL_TYPE: Final = "type"
"""The attribute of an allocation that only a tunnel address has."""

_MTU_FALLBACK: Final = 1460
_IPIP_OVERHEAD: Final = 20
_VXLAN_OVERHEAD: Final = 50


class Vtep(msgspec.Struct, frozen=True):
    """A node's end of the VXLAN: the address and MAC of its ``vxlan.calico``, and the address of the node."""

    ip: Ip
    mac: Mac
    parent: Ip


class Datastore:
    """Pools, blocks and nodes of one cluster. ``clock`` gives the nanoseconds from which single-address blocks are drawn."""

    def __init__(self, config: Calico, clock: Callable[[], int]) -> None:
        self.config = config
        self.pools: dict[str, IPPoolObject] = {}
        self.born: dict[str, int] = {}
        """When each pool came, in ns since 1970."""
        self.versions: dict[str, int] = {}
        """The version of each pool's object: all of their changes are counted."""
        self._clock = clock
        self._changes = 0
        self.started: set[str] = set()
        """Nodes on which calico-node got through its start: elsewhere none of its parts runs."""
        self.log: dict[str, list[str]] = {}
        """What calico-node says on each node when it cannot go on."""
        self.ipam = CalicoIpam(self._ipam_config(), clock=clock)
        self._default_pool_made = False
        for pool in config.pools():
            self.put_pool(pool)

    def configure(self, config: Calico) -> None:
        """New settings, the pools left out."""
        self.config = config
        self.ipam.config = self._ipam_config()

    def say(self, node: str, text: str) -> None:
        """A line in calico-node's log; what was said last is not said again."""
        lines = self.log.setdefault(node, [])
        if lines[-1:] != [text]:
            lines.append(text)

    def _ipam_config(self) -> IpamConfig:
        return IpamConfig(
            strict_affinity=self.config.strict_affinity,
            auto_allocate_blocks=self.config.auto_allocate_blocks,
            max_blocks_per_host=self.config.max_blocks_per_host,
        )

    # -- pools ---------------------------------------------------------------------------------------------------

    def put_pool(self, pool: IPPoolObject) -> None:
        """A pool comes, or changes."""
        self.born.setdefault(pool.name, self._clock())
        self._changes += 1
        self.versions[pool.name] = self._changes
        self.pools = dict(sorted({**self.pools, pool.name: pool}.items()))
        self._tell_ipam()

    def begin(self, now: int) -> None:
        """The cluster runs: pools that were given with the settings came with it."""
        for name, time in self.born.items():
            self.born[name] = time or now

    def delete_pool(self, name: str, *, release: bool) -> None:
        """A pool goes. ``release``: with the affinities of its blocks, as Calico's own API does it and a bare object does not."""
        gone = self.pools.pop(name)
        del self.born[name], self.versions[name]
        if release:
            self.ipam.release_pool(_ipam_pool(gone))
        self._tell_ipam()

    def _tell_ipam(self) -> None:
        self.ipam.pools = tuple(_ipam_pool(pool) for pool in self.pools.values())

    def make_default_pool(self, netns: Netns) -> None:
        """The first calico-node makes a pool where there is none (section 2.1)."""
        config = self.config
        if self._default_pool_made or self.pools or config.no_default_pools or config.backend == "none":
            return
        self._default_pool_made = True
        cidr = Net.parse("10.244.0.0/16") if config.pod_cidr_is_block else default_pool_cidr(netns)
        mode = {"bird": ("Always", "Never"), "vxlan": ("Never", "Always")}[config.backend]
        pool = IPPool(str(cidr), ipip_mode=mode[0], vxlan_mode=mode[1], nat_outgoing=True)  # type: ignore[arg-type]
        self.put_pool(pool.decoded())

    def pool_of(self, net: Net) -> IPPoolObject | None:
        """The pool in which a block or an address lies, a disabled one too."""
        return next(
            (pool for pool in self.pools.values() if net.plen >= pool.cidr.plen and net.addr in pool.cidr), None
        )

    @property
    def ipip_enabled(self) -> bool:
        """Felix keeps ``tunl0``: a pool wants it, even a disabled one, or FelixConfiguration says so."""
        forced = self.config.ipip_enabled
        return forced if forced is not None else any(pool.ipip_mode != "Never" for pool in self.pools.values())

    @property
    def vxlan_enabled(self) -> bool:
        """Felix keeps ``vxlan.calico``."""
        forced = self.config.vxlan_enabled
        return forced if forced is not None else any(pool.vxlan_mode != "Never" for pool in self.pools.values())

    # -- blocks --------------------------------------------------------------------------------------------------

    def blocks(self, node: NodeSpec) -> list[Net]:
        """The blocks of a node: its pod CIDR with USE_POD_CIDR, else those of calico-ipam."""
        if self.config.pod_cidr_is_block:
            return [node.pod_cidr] if node.pod_cidr is not None else []
        return [block.cidr for block in self.ipam.blocks_of(node.name)]

    def borrowed(self) -> Iterable[tuple[Ip, Allocation]]:
        """Addresses in use outside the node that owns their block."""
        return () if self.config.pod_cidr_is_block else self.ipam.borrowed().items()

    # -- nodes ---------------------------------------------------------------------------------------------------

    @staticmethod
    def address(node: NodeSpec) -> NodeAddress | None:
        """The node's address as calico-node wrote it; None without BGP start-up (backend ``none``)."""
        text = node.annotations.get(IPV4_ADDRESS)
        if text is None:
            return None
        return _node_address(text)

    def ipip_address(self, node: NodeSpec) -> Ip | None:
        """The address of ``tunl0``: the annotation, or with USE_POD_CIDR the one behind the network address of the pod CIDR."""
        if self.config.pod_cidr_is_block:
            return None if node.pod_cidr is None else Ip4(int(node.pod_cidr.addr) + 1)
        text = node.annotations.get(IPIP_ADDRESS)
        return None if text is None else Ip.parse(text)

    def vtep(self, node: NodeSpec) -> Vtep | None:
        """The node's VTEP; None until both addresses are known (section 1.6)."""
        address, text = self.address(node), node.annotations.get(VXLAN_ADDRESS)
        if address is None or text is None:
            return None
        written = node.annotations.get(VXLAN_MAC)
        return Vtep(Ip.parse(text), Mac.parse(written) if written else vtep_mac(node.name), address.ip)

    def same_subnet(self, node: NodeSpec, other: NodeSpec) -> bool:
        """CrossSubnet's question: whether the other node's address lies in this node's own subnet."""
        mine, theirs = self.address(node), self.address(other)
        return mine is not None and theirs is not None and theirs.ip in mine.subnet

    # -- MTUs ----------------------------------------------------------------------------------------------------

    def _host_mtu(self, netns: Netns) -> int:
        pattern = re.compile(self.config.mtu_iface_pattern)
        return min((link.mtu for link in netns.links() if pattern.search(link.name)), default=_MTU_FALLBACK)

    def ipip_mtu(self, netns: Netns) -> int:
        """The MTU of ``tunl0``."""
        return self.config.ipip_mtu or self._host_mtu(netns) - _IPIP_OVERHEAD

    def vxlan_mtu(self, netns: Netns) -> int:
        """The MTU of ``vxlan.calico``."""
        return self.config.vxlan_mtu or self._host_mtu(netns) - _VXLAN_OVERHEAD

    def pod_mtu(self, netns: Netns) -> int:
        """What Felix writes for the plugin: the smallest of the encapsulations in use, else the host's."""
        enabled = []
        if self.ipip_enabled:
            enabled.append(self.ipip_mtu(netns))
        if self.vxlan_enabled:
            enabled.append(self.vxlan_mtu(netns))
        return min(enabled, default=self._host_mtu(netns))


@lru_cache(maxsize=65536)
def _node_address(text: str) -> NodeAddress:
    ip, _, plen = text.partition("/")
    return NodeAddress(Ip.parse(ip), int(plen))


def _ipam_pool(pool: IPPoolObject) -> Pool:
    return Pool(
        name=pool.name,
        cidr=pool.cidr,
        block_size=pool.block_size,
        uses=pool.allowed_uses,
        selects=parse_selector(pool.node_selector),
        disabled=pool.disabled,
    )


def vtep_mac(node: str) -> Mac:
    """``66:`` and the first five bytes of sha1(node name)."""
    return Mac.parse("66:" + hashlib.sha1(node.encode(), usedforsecurity=False).digest()[:5].hex(":"))


def device_of(netns: Netns, ip: Ip) -> Link | None:
    """The device that holds an address."""
    return next((link for link in netns.links() if any(each.local == ip for each in link.addresses)), None)


def others(node: NodeSpec, nodes: Iterable[NodeSpec]) -> Iterator[NodeSpec]:
    """All nodes but this one."""
    return (other for other in nodes if other.name != node.name)
