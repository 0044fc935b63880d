"""Devices: create, move to another namespace, delete (net/core/rtnetlink.c, drivers/net/veth.c, net/core/dev.c)."""

from __future__ import annotations

from collections.abc import Callable
from errno import EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.link import Cable, Link
from podwire.linux.path.igmp import ip_mc_destroy_dev
from podwire.linux.rtnl.bridge import BridgeOptions
from podwire.linux.rtnl.linkset import LinkSetVerbs, check_mtu, eui64_link_local, valid_name
from podwire.linux.rtnl.notify import LinkMessage, link_changed, link_conf_changed, tell
from podwire.linux.rtnl.tunnel import (
    TUNNEL_KINDS,
    tunnel_changelink,
    tunnel_check,
    tunnel_setup,
    tunnel_stop,
    tunnel_uninit,
    tunnel_validate,
    tunnels_over,
)
from podwire.wire.addr import NO_MAC, Mac

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.tunnel import TunnelConfig

__all__ = ["KINDS", "LinkVerbs", "Peer", "eui64_link_local"]

KINDS: Final = frozenset({"veth", "bridge", "dummy"}) | TUNNEL_KINDS
_EXISTING_KINDS: Final = frozenset(
    """amt bareudp bond erspan geneve gre gretap gtp hsr ifb ip6erspan ip6gre ip6gretap ip6tnl ipip ipoib ipvlan ipvtap macsec
    macvlan macvtap netdevsim nlmon sit team tun vcan virt_wifi vlan vrf vti vti6 vxcan vxlan wireguard xfrm""".split()
)
POSSIBLE_CPUS: Final = 2
"""num_possible_cpus: how many queues a veth gets."""


Configure = Callable[[Link], bool]
"""Gives a new device the attributes that it is not made with; True if it shall come up (``rtnl_configure_link``)."""


class Peer(msgspec.Struct, frozen=True):
    """The other end of a veth pair: ``peer name N netns X address M mtu U``."""

    name: str = ""
    netns: Netns | None = None
    mac: Mac | None = None
    mtu: int = 0
    ifindex: int = 0
    configure: Configure | None = None


class _New(msgspec.Struct, frozen=True):
    """One device to register."""

    netns: Netns
    name: str
    kind: str
    mac: Mac | None
    mtu: int
    ifindex: int
    txqueuelen: int = 1000


def _check_mac(mac: Mac | None) -> None:
    if mac is not None and (mac.is_multicast or not mac):
        raise NetlinkError(EADDRNOTAVAIL)


class LinkVerbs(LinkSetVerbs):
    """RTM_NEWLINK and RTM_DELLINK."""

    def add_loopback(self) -> None:
        """``loopback_net_init``: every namespace is born with ``lo``, down, index 1."""
        netns = self.netns
        lo = Link(netns, "lo", "loopback", netns.new_ifindex(), mtu=65536)
        lo.conf.disable_policy = lo.conf.disable_xfrm = 1
        lo.conf6["accept_dad"] = -1
        self._draw_reachable_time(lo)
        netns.attach(lo)

    def link_add(
        self,
        name: str,
        kind: str,
        *,
        mac: Mac | None = None,
        mtu: int = 0,
        ifindex: int = 0,
        txqueuelen: int | None = None,
        peer: Peer | None = None,
        configure: Configure | None = None,
        bridge: BridgeOptions | None = None,
        tunnel: TunnelConfig | None = None,
        tunnel_netns: Netns | None = None,
    ) -> Link:
        """``ip link add``; a veth registers its peer first, so the peer has the lower index.

        A tunnel device is made with ``tunnel``; its outer packets live in ``tunnel_netns``, this namespace where nothing is said.

        Without a name it is called after its kind: ``veth0``, ``bridge0``; without ``mac`` it draws one. Raises ``NetlinkError``:
        EEXIST for a name in use, EINVAL for a bad name, MTU or ``tunnel``, EADDRNOTAVAIL for a group or zero MAC, EOPNOTSUPP
        ("Unknown device type") for a kind that no kernel has; ``NotModelled`` for one that podwire lacks.
        """
        netns = self.netns
        if kind not in KINDS:
            if kind in _EXISTING_KINDS:
                raise NotModelled(f"type {kind}", "ip link add")
            raise NetlinkError(EOPNOTSUPP, "Unknown device type")
        self.link_validate(kind, mac, mtu, tunnel)
        if kind == "veth":
            return self._add_veth(name, mac, mtu, ifindex, txqueuelen, peer or Peer(), configure)
        name = valid_name(netns, name or f"{kind}%d")
        outer = tunnel_netns or netns
        if kind in TUNNEL_KINDS:
            tunnel = tunnel_check(outer, kind, tunnel)
        link = self._register(_New(netns, name, kind, mac, mtu, ifindex, 1000 if txqueuelen is None else txqueuelen))
        if link.bridge is not None and mac is not None:
            # It looks for ports: none, so no carrier from now on.
            link.bridge.mac_set = True
            self._change_id(link.bridge, mac)
        if tunnel is not None:
            tunnel_setup(link, tunnel, outer, mtu)
        if bridge is not None:
            try:
                self.bridge_set(link, bridge)
            except NetlinkError:
                self._unregister(link)
                raise
        self._announce(link, configure)
        return link

    def _announce(self, link: Link, configure: Configure | None = None) -> None:
        """``rtnl_configure_link``: the first message about a device tells how it was configured.

        Only then comes linkwatch; before, the state of a device is UNKNOWN.
        """
        link.lower_state = "UNKNOWN"
        up = configure is not None and configure(link)
        link.announced = True
        if up:
            type(self)(link.netns, self.writer).link_up(link)
        else:
            link_changed(link)
        link.linkwatch()
        if up and not link.carrier_seen:
            link_changed(link)

    def link_validate(self, kind: str, mac: Mac | None, mtu: int, tunnel: TunnelConfig | None = None) -> None:
        """``rtnl_link_ops.validate``: what the kernel refuses before it looks whether there is such a device.

        Raises ``NetlinkError``: EADDRNOTAVAIL for a group or zero MAC, EINVAL (without a text) for the MTU of a veth, and what the
        kind of a tunnel refuses.
        """
        if kind not in KINDS:
            return
        if kind in TUNNEL_KINDS:
            tunnel_validate(kind, tunnel, mac, mtu)
            return
        _check_mac(mac)
        if kind == "veth" and mtu and not 68 <= mtu <= 65535:
            raise NetlinkError(EINVAL)

    def _add_veth(
        self,
        name: str,
        mac: Mac | None,
        mtu: int,
        ifindex: int,
        txqueuelen: int | None,
        peer: Peer,
        configure: Configure | None,
    ) -> Link:
        netns = self.netns
        far = peer.netns or netns
        self.link_validate("veth", peer.mac, peer.mtu)
        far_name = valid_name(far, peer.name or "veth%d")
        if name and far is netns and name == far_name:
            if peer.name:
                raise NetlinkError(EEXIST)
            far_name = self._next_name(far, name)
        if name:
            name = valid_name(netns, name)
        # The peer keeps an index of its own only where the device has one.
        far_link = self._register(_New(far, far_name, "veth", peer.mac, peer.mtu, peer.ifindex if ifindex else 0))
        self._announce(far_link, peer.configure)
        try:
            name = name or valid_name(netns, "veth%d")
            link = self._register(
                _New(netns, name, "veth", mac, mtu, ifindex, 1000 if txqueuelen is None else txqueuelen)
            )
        except NetlinkError:
            type(self)(far, self.writer)._unregister(far_link)
            raise
        link.peer, far_link.peer = far_link, link
        self._announce(link, configure)
        far_link.linkwatch()
        for end in (link, far_link):
            end.netns.changed()
        return link

    def _next_name(self, netns: Netns, taken: str) -> str:
        number = 0
        while netns.link(f"veth{number}") is not None or f"veth{number}" == taken:
            number += 1
        return f"veth{number}"

    def ethernet_add(
        self, name: str, mac: Mac, cable: Cable, *, mtu: int = 1500, qdisc: str = "mq", queues: int = 1
    ) -> Link:
        """A NIC appears, its cable in the fabric's hand."""
        netns = self.netns
        link = self._register(_New(netns, valid_name(netns, name), "ethernet", mac or None, mtu, 0), max_mtu=9216)
        link.cable = cable
        link.qdisc = qdisc
        link.numtxqueues = link.numrxqueues = queues
        self._announce(link)
        return link

    def _register(self, new: _New, *, max_mtu: int = 0) -> Link:
        """``register_netdevice``."""
        netns = new.netns
        if new.ifindex and netns.link_by_index(new.ifindex) is not None:
            raise NetlinkError(EBUSY)
        link = Link(
            netns,
            new.name,
            new.kind,
            new.ifindex,
            mac=new.mac if new.mac is not None else NO_MAC,
            mtu=new.mtu or 1500,
            txqueuelen=new.txqueuelen,
            owner=self.writer,
        )
        link.max_mtu = max_mtu or link.max_mtu
        check_mtu(link, link.mtu)
        link.ifindex = new.ifindex or netns.new_ifindex()
        if new.mac is None:
            link.mac = netns.draw_mac(new.name)
        if new.kind == "veth":
            link.numtxqueues = link.numrxqueues = POSSIBLE_CPUS
        self._draw_reachable_time(link)
        link.announced = False
        netns.attach(link)
        link_conf_changed(link)
        return link

    def link_del(self, link: Link) -> None:
        """``ip link del``: a veth takes its peer along. EOPNOTSUPP for ``lo`` and NICs."""
        if link.kind not in KINDS:
            raise NetlinkError(EOPNOTSUPP)
        if link is link.netns.ipip.fallback:
            # ip_tunnel_dellink: tunl0 stays, and nobody is told.
            return
        if link.bridge is not None:
            self._release_ports(link.bridge)
        doomed = [link] if link.peer is None else [link, link.peer]
        closing = [each for each in doomed if each.is_up]
        for each in closing:
            tunnel_stop(each)
        for each in doomed:
            each.peer, each.is_up = None, False
        for each in closing:
            link_changed(each)
            type(self)(each.netns, self.writer)._closed(each)
        for each in doomed:
            type(self)(each.netns, self.writer)._unregister(each)

    def link_change(self, link: Link, tunnel: TunnelConfig) -> None:
        """``rtnl_link_ops.changelink`` of a tunnel device: ``ip link set X type KIND …``. Raises ``NetlinkError``, and nothing changes."""
        tunnel_changelink(link, tunnel)
        self.netns.changed()

    def _unregister(self, link: Link, target: Netns | None = None, index: int = 0) -> None:
        """``unregister_netdevice``: without addresses, out of every table. ``target``: it goes to another namespace."""
        for tunnel in tunnels_over(link):
            type(self)(tunnel.netns, self.writer).link_del(tunnel)
        ip_mc_destroy_dev(link)
        if target is None:
            tunnel_uninit(link)
        self._del_port(link)
        while link.addresses:
            # The device is dead: no secondary takes the place of a primary address.
            address = link.addresses[0]
            self._unlist(link, address)
            self._tell_address(link, address, deleted=True)
            self._leave(link, address)
        link.addresses6.clear()
        self._flush_device_routes(link, local_too=True, unregister=True)
        netns = self.netns
        self._arp_ifdown(link)
        link_conf_changed(link, deleted=True)
        link.was_up = False
        if target is not None:
            netns.nsid_of(target)
        if netns.machine.listeners:
            tell(LinkMessage(link, target, index, netns=netns, deleted=True))
        if link in netns.links():
            netns.detach(link)

    def link_move(self, link: Link, target: Netns, name: str = "", *, ifindex: int = 0) -> None:
        """``ip link set X netns N``: down, stripped of addresses, and with a new index where its own is taken there.

        ``name`` is taken where its own is in use (dev_change_net_namespace), and else given to it afterwards.
        """
        if link.is_loopback or link.bridge is not None or link is self.netns.ipip.fallback:
            raise NetlinkError(EINVAL, "The interface netns is immutable")
        if target is self.netns:
            if name:
                self.link_rename(link, name)
            return
        new_name = link.name
        if target.link(new_name) is not None:
            if not name:
                raise NetlinkError(EEXIST, "An interface with the same name exists in the target netns")
            new_name = valid_name(target, name)
        if ifindex and target.link_by_index(ifindex) is not None:
            raise NetlinkError(EBUSY, f"The ifindex {ifindex} is not available in the target netns")
        if link.is_up:
            tunnel_stop(link)
            link.is_up = False
            link_changed(link)
            self._closed(link)
        ifindex = ifindex or target.new_ifindex(link.ifindex)
        self._unregister(link, target, ifindex)
        link.ifindex = ifindex
        link.name = new_name
        link.netns = target
        link.conf = type(link.conf)(target.conf_default)
        link.neigh = type(link.neigh)(target.neigh_default)
        link.conf6 = dict(target.conf6_default)
        door = type(self)(target, self.writer)
        door._draw_reachable_time(link)
        target.attach(link)
        link_conf_changed(link)
        link_changed(link)
        if name and name != link.name:
            door.link_rename(link, name)
        door._carrier_changed(link)

    def _draw_reachable_time(self, link: Link) -> None:
        """``neigh_rand_reach_time``: uniform in [0.5, 1.5) of the base (F13), from the seed."""
        base = link.neigh.base_reachable_time_ms * 1_000_000
        stream = self.netns.machine.random("reachable", self.netns.label, link.name)
        link.neigh.reachable_time = base // 2 + stream.randrange(base) if base else 0
