"""calico-node -allocate-tunnel-addrs: addresses of the tunnel devices, left in the Node object (reference sheet Calico, section 1.7)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.cni.backend import Desired, NodeSpec, View
from podwire.cni.calico.datastore import IPIP_ADDRESS, TUNNEL_TYPE, VXLAN_ADDRESS, Datastore
from podwire.ipam.calico_blocks import TUNNEL
from podwire.ipam.host_local import IpamError
from podwire.linux.netlink import Netlink
from podwire.wire.addr import Ip, Net


class _Kind(msgspec.Struct, frozen=True):
    """One kind of tunnel: the annotation, the handle without the node's name, the type of its allocation, the field of a pool."""

    annotation: str
    handle: str
    type: str
    mode: str


_KINDS: Final = (
    _Kind(IPIP_ADDRESS, "ipip-tunnel-addr-", "ipipTunnelAddress", "ipip_mode"),
    _Kind(VXLAN_ADDRESS, "vxlan-tunnel-addr-", "vxlanTunnelAddress", "vxlan_mode"),
)
"""In the order in which they are looked at: an address that IPIP gives back is behind all others when VXLAN takes one."""


class TunnelAddresses:
    """Runs once before Felix starts, and again whenever pools change."""

    name = "allocate-tunnel-addrs"

    def __init__(self, store: Datastore) -> None:
        self._store = store

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """Nothing in the kernel."""
        return Desired()

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Take, keep or give back an address for each kind of tunnel. With USE_POD_CIDR there is nothing to do."""
        if self._store.config.pod_cidr_is_block or node.name not in self._store.started:
            return
        before = dict(node.annotations)
        for kind in _KINDS:
            cidrs = [
                pool.cidr
                for pool in self._store.pools.values()
                if getattr(pool, kind.mode) != "Never"
                and not pool.disabled
                and TUNNEL in pool.allowed_uses
                and self._selects(pool.name, node)
            ]
            if cidrs:
                self._ensure(node, kind, cidrs)
            else:
                self._store.ipam.release(kind.handle + node.name)
                node.annotations.pop(kind.annotation, None)
        if node.annotations != before:
            view.told()

    def log(self, node: str) -> list[str]:
        """What calico-node has logged on a node."""
        return self._store.log.get(node, [])

    def _selects(self, name: str, node: NodeSpec) -> bool:
        pool = next(each for each in self._store.ipam.pools if each.name == name)
        return pool.selects(node.labels)

    def _ensure(self, node: NodeSpec, kind: _Kind, cidrs: list[Net]) -> None:
        ipam = self._store.ipam
        handle = kind.handle + node.name
        text = node.annotations.get(kind.annotation)
        if text is not None:
            ip = Ip.parse(text)
            holder = ipam.find(ip)
            if holder is not None and holder.handle == handle and any(ip in cidr for cidr in cidrs):
                return
        ipam.release(handle)
        try:
            ip = ipam.auto_assign(node.name, handle, {TUNNEL_TYPE: kind.type}, use=TUNNEL, requested=cidrs)
        except IpamError as error:
            # It exits and is started again: until there is one, the tunnel has none.
            self._store.say(node.name, f"Unable to autoassign an address: {error}")
            node.annotations.pop(kind.annotation, None)
            return
        node.annotations[kind.annotation] = str(ip)
