"""Devices: create, change, move, delete (net/core/rtnetlink.c, drivers/net/veth.c, net/core/dev.c)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import RT_TABLE_LOCAL
from podwire.linux.link import FOREVER, SCOPE_HOST, SCOPE_LINK, Address, Cable, Link
from podwire.linux.rtnl.addr import AddrVerbs
from podwire.trace.events import KERNEL
from podwire.wire.addr import NO_MAC, Ip4, Ip6, Mac

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_IFNAMSIZ: Final = 16
KINDS: Final = frozenset({"veth", "bridge", "dummy"})
_EXISTING_KINDS: Final = frozenset(
    {
        "vxlan",
        "ipip",
        "geneve",
        "vlan",
        "macvlan",
        "ipvlan",
        "wireguard",
        "gre",
        "tun",
        "bond",
        "ifb",
        "vrf",
        "vcan",
        "sit",
    }
)


class Peer(msgspec.Struct, frozen=True):
    """The other end of a veth pair: ``peer name N netns X address M mtu U``."""

    name: str = ""
    netns: Netns | None = None  # type: ignore[valid-type]
    mac: Mac = NO_MAC
    mtu: int = 0
    ifindex: int = 0


def eui64_link_local(mac: Mac) -> Ip6:
    """fe80::/64 with the modified EUI-64 of a MAC (RFC 4291 appendix A)."""
    value = int(mac) ^ 0x020000000000
    return Ip6(0xFE80 << 112 | (value >> 24) << 40 | 0xFFFE << 24 | value & 0xFFFFFF)


class LinkVerbs(AddrVerbs):
    """RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK."""

    def add_loopback(self) -> None:
        """``loopback_net_init``: every namespace is born with ``lo``, down, index 1."""
        netns = self.netns
        lo = Link(netns, "lo", "loopback", netns.new_ifindex(), mtu=65536)
        lo.conf.disable_policy = 1
        lo.conf6["accept_dad"] = -1
        self._draw_reachable_time(lo)
        netns.attach(lo)

    def link_add(
        self,
        name: str,
        kind: str,
        *,
        mac: Mac = NO_MAC,
        mtu: int = 0,
        ifindex: int = 0,
        txqueuelen: int | None = None,
        peer: Peer | None = None,
    ) -> Link:
        """``ip link add``; a veth registers its peer first, so the peer has the lower index.

        Raises ``NetlinkError``: EEXIST for a name in use, EINVAL for a bad name or MTU, EOPNOTSUPP ("Unknown device type") for a kind that
        no kernel has; ``NotModelled`` for one that podwire lacks.
        """
        netns = self.netns
        if kind not in KINDS:
            if kind in _EXISTING_KINDS:
                raise NotModelled(f"ip link add type {kind}")
            raise NetlinkError(EOPNOTSUPP, "Unknown device type")
        self._check_name(netns, name, kind)
        if mac.is_multicast:
            raise NetlinkError(EADDRNOTAVAIL)
        if ifindex and netns.link_by_index(ifindex):
            raise NetlinkError(EBUSY)
        if kind != "veth":
            link = self._register(netns, name, kind, mac, mtu, ifindex, txqueuelen)
            netns.changed()
            return link
        other = peer or Peer()
        far = other.netns or netns
        far_name = other.name or self._free_name(far, "veth%d", name if far is netns else "")
        if far_name == name and far is netns:
            raise NetlinkError(EEXIST)
        self._check_name(far, far_name, kind)
        far_link = self._register(far, far_name, kind, other.mac, other.mtu or mtu, other.ifindex, txqueuelen)
        link = self._register(netns, name, kind, mac, mtu, ifindex, txqueuelen)
        link.peer, far_link.peer = far_link, link
        far.changed()
        netns.changed()
        return link

    def ethernet_add(
        self, name: str, mac: Mac, cable: Cable, *, mtu: int = 1500, qdisc: str = "mq", queues: int = 1
    ) -> Link:
        """A NIC appears, its cable in the fabric's hand."""
        netns = self.netns
        self._check_name(netns, name, "ethernet")
        link = self._register(netns, name, "ethernet", mac, mtu, 0, 1000)
        link.cable = cable
        link.qdisc = qdisc
        link.numtxqueues = link.numrxqueues = queues
        link.max_mtu = 9216
        return link

    def _check_name(self, netns: Netns, name: str, kind: str) -> None:
        if (
            not name
            or len(name) >= _IFNAMSIZ
            or name in {".", ".."}
            or "/" in name
            or ":" in name
            or any(map(str.isspace, name))
        ):
            raise NetlinkError(EINVAL)
        if netns.link(name) is not None:
            raise NetlinkError(EEXIST)
        del kind

    def _free_name(self, netns: Netns, pattern: str, taken: str) -> str:
        number = 0
        while netns.link(pattern % number) is not None or pattern % number == taken:
            number += 1
        return pattern % number

    def _register(
        self, netns: Netns, name: str, kind: str, mac: Mac, mtu: int, ifindex: int, txqueuelen: int | None
    ) -> Link:
        index = netns.new_ifindex(ifindex) if ifindex else netns.new_ifindex()
        link = Link(
            netns,
            name,
            kind,
            index,
            mac=mac or netns.draw_mac(name),
            mtu=mtu or 1500,
            txqueuelen=1000 if txqueuelen is None else txqueuelen,
            owner=self.writer,
        )
        self._check_mtu(link, link.mtu)
        self._draw_reachable_time(link)
        netns.attach(link)
        return link

    def _check_mtu(self, link: Link, mtu: int) -> None:
        if mtu < link.min_mtu:
            raise NetlinkError(EINVAL, "mtu less than device minimum")
        if link.max_mtu and mtu > link.max_mtu:
            raise NetlinkError(EINVAL, "mtu greater than device maximum")

    def link_del(self, link: Link) -> None:
        """``ip link del``: a veth takes its peer along. EOPNOTSUPP for ``lo`` and NICs."""
        if link.kind not in KINDS:
            raise NetlinkError(EOPNOTSUPP)
        doomed = [link] if link.peer is None else [link, link.peer]
        for each in doomed:
            type(self)(each.netns, self.writer)._unregister(each)
        link.peer = None

    def _unregister(self, link: Link) -> None:
        if link.is_up:
            self.link_down(link)
        for address in list(link.addresses):
            self._remove_address(link, address, promote=False)
        link.addresses6.clear()
        self._flush_device_routes(link, local_too=True)
        netns = self.netns
        for entry in netns.neighbours.of(link):
            netns.neighbours.remove(entry)
        for key in [key for key in netns.neighbours.proxies if key[1] is link]:
            del netns.neighbours.proxies[key]
        if link in netns.links():
            netns.detach(link)

    # -- changes ------------------------------------------------------------------------------------------------

    def link_up(self, link: Link) -> None:
        """``ip link set X up``: addresses come to life; the other end of a veth may gain carrier."""
        if link.is_up:
            return
        link.is_up = link.was_up = True
        netns = self.netns
        if link.is_loopback and not link.addresses:
            address = Address(Ip4(0x7F000001), 8, Ip4(0x7F000001), scope=SCOPE_HOST, label=link.name)
            self._insert_address(link, address)
        for address in link.addresses:
            self._add_address_routes(link, address)
        self._carrier_changed(link)
        if link.peer is not None:
            self._carrier_changed(link.peer)
        netns.changed()
        from podwire.linux.path.arp import arp_notify

        arp_notify(link)

    def link_down(self, link: Link) -> None:
        """``ip link set X down``: its routes and neighbours go; local addresses stay local."""
        if not link.is_up:
            return
        link.is_up = False
        self._flush_device_routes(link, local_too=False)
        netns = self.netns
        for entry in netns.neighbours.of(link):
            netns.neighbours.remove(entry)
        link.addresses6.clear()
        if link.peer is not None:
            self._carrier_changed(link.peer)
        netns.changed()

    def _carrier_changed(self, link: Link) -> None:
        """NETDEV_CHANGE: entries of a device without carrier go (arp_evict_nocarrier); IPv6 gets or loses its link-local address."""
        netns = link.netns
        if link.is_up and not link.carrier and link.conf.arp_evict_nocarrier and netns.conf_all.arp_evict_nocarrier:
            for entry in netns.neighbours.of(link):
                if entry.state not in {"PERMANENT", "NOARP"}:
                    netns.neighbours.remove(entry)
        if link.running and not link.addresses6 and not (netns.conf6_all["disable_ipv6"] or link.conf6["disable_ipv6"]):
            if link.is_loopback:
                link.addresses6.append(Address(Ip6(1), 128, Ip6(1), scope=SCOPE_HOST, noprefixroute=True, owner=KERNEL))
            elif link.mac:
                local = eui64_link_local(link.mac)
                link.addresses6.append(Address(local, 64, local, scope=SCOPE_LINK, proto=3, valid_lft=FOREVER))
        netns.changed()

    def link_set_mtu(self, link: Link, mtu: int) -> None:
        """``ip link set X mtu N``."""
        self._check_mtu(link, mtu)
        link.mtu = mtu
        self.netns.changed()

    def link_set_mac(self, link: Link, mac: Mac) -> None:
        """``ip link set X address M``: neighbours learned on the device go (arp_netdev_event, NETDEV_CHANGEADDR)."""
        if link.is_loopback:
            raise NetlinkError(EOPNOTSUPP)
        if mac.is_multicast or not mac:
            raise NetlinkError(EADDRNOTAVAIL)
        link.mac = mac
        for entry in self.netns.neighbours.of(link):
            if entry.state != "PERMANENT":
                self.netns.neighbours.remove(entry)
        self.netns.changed()
        from podwire.linux.path.arp import arp_notify

        arp_notify(link)

    def link_rename(self, link: Link, name: str) -> None:
        """``ip link set X name N`` (since Linux 6.? also while it is up)."""
        if name == link.name:
            return
        self._check_name(self.netns, name, link.kind)
        old = link.name
        self.netns.rename(link, name)
        for address in link.addresses:
            if address.label == old:
                address.label = name

    def link_move(self, link: Link, target: Netns, name: str = "") -> None:
        """``ip link set X netns N``: down, stripped of addresses, and with a new index where its own is taken there (dev_change_net_namespace)."""
        if link.is_loopback:
            raise NetlinkError(EINVAL, "The interface netns is immutable")
        new_name = name or link.name
        if target is self.netns:
            return
        if target.link(new_name) is not None:
            raise NetlinkError(EEXIST)
        peer = link.peer
        self._unregister(link)
        link.ifindex = target.new_ifindex(link.ifindex)
        link.name = new_name
        link.netns = target
        link.conf = type(link.conf)(target.conf_default)
        link.neigh = type(link.neigh)(target.neigh_default)
        link.conf6 = dict(target.conf6_default)
        type(self)(target, self.writer)._draw_reachable_time(link)
        target.attach(link)
        if peer is not None:
            self._carrier_changed(peer)

    def link_set_arp(self, link: Link, *, on: bool) -> None:
        """``ip link set X arp on|off``."""
        link.arp = on
        for entry in self.netns.neighbours.of(link):
            self.netns.neighbours.remove(entry)
        self.netns.changed()

    def _draw_reachable_time(self, link: Link) -> None:
        """``neigh_rand_reach_time``: uniform in [0.5, 1.5) of the base (F13), from the seed."""
        base = link.neigh.base_reachable_time_ms * 1_000_000
        stream = self.netns.machine.random("reachable", self.netns.label, link.name)
        link.neigh.reachable_time = base // 2 + stream.randrange(base) if base else 0

    def _flush_device_routes(self, link: Link, *, local_too: bool) -> None:
        """``fib_sync_down_dev`` and ``fib_flush``: a route goes when its last leg is gone; local ones only with the device."""
        netns = self.netns
        for table in netns.tables.values():
            for route in table.dump():
                legs = [hop for hop in route.nexthops if hop.ifindex == link.ifindex]
                if not legs or (route.type == "local" and not local_too):
                    continue
                rest = [hop for hop in route.nexthops if hop.ifindex != link.ifindex and not hop.dead]
                if rest and len(route.nexthops) > 1:
                    hops = tuple(
                        msgspec.structs.replace(hop, dead=True) if hop.ifindex == link.ifindex else hop
                        for hop in route.nexthops
                    )
                    table.swap(route, msgspec.structs.replace(route, nexthops=hops))
                else:
                    table.remove(route)
        if local_too:
            netns.tables[RT_TABLE_LOCAL].flush(lambda r: any(hop.ifindex == link.ifindex for hop in r.nexthops))
