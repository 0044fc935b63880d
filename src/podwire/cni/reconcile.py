"""Bring a node in line with what an agent wants: compare, then apply the difference.

Running it twice changes nothing. The order is the agents' own: devices, addresses, switches, neighbours, FDB, routes. What the kernel
refuses (an MTU, a gateway, a device whose VNI is taken) is left out, as an agent logs it and tries again later.
"""

from __future__ import annotations

from contextlib import suppress

from podwire.cni.backend import Desired, DesiredFdb, DesiredLink, DesiredNeighbour, DesiredRoute, Hop
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import RTPROT_KERNEL, NextHop, Route
from podwire.linux.link import Link
from podwire.linux.neigh import Nud
from podwire.linux.netlink import Netlink
from podwire.linux.rtnl.fdb import FdbFlags, FdbState
from podwire.linux.rtnl.vxlanfdb import FdbRemote


def reconcile(door: Netlink, desired: Desired) -> int:
    """Apply the difference; returns the number of changes made. What waits for a device that is not there is left out."""
    changes = sum(_remove_link(door, name) for name in sorted(desired.absent))
    changes += sum(_link(door, link) for link in desired.links)
    changes += sum(_strip(door, name) for name in sorted(desired.bare))
    for path, value in desired.sysctls:
        if door.sysctl_read(path) != value:
            door.sysctl_write(path, value)
            changes += 1
    changes += _neighbours(door, desired.tables, desired.neighbours)
    changes += _fdb(door, desired.tables, desired.fdb)
    return changes + _routes(door, desired)


# -- devices ------------------------------------------------------------------------------------------------------


def _remove_link(door: Netlink, name: str) -> int:
    link = door.netns.link(name)
    if link is None:
        return 0
    door.link_del(link)
    return 1


def _link(door: Netlink, wanted: DesiredLink) -> int:
    own = Netlink(door.netns, wanted.owner)
    link = door.netns.link(wanted.name)
    changes = 0
    if link is not None and (link.kind != wanted.kind or (wanted.tunnel is not None and link.tunnel != wanted.tunnel)):
        own.link_del(link)
        link, changes = None, 1
    if link is None:
        try:
            link = _new_link(own, wanted)
        except NetlinkError:
            return changes
        changes += 1
    if wanted.mac is not None and link.mac != wanted.mac:
        own.link_set_mac(link, wanted.mac)
        changes += 1
    if link.mtu != wanted.mtu:
        with suppress(NetlinkError):
            own.link_set_mtu(link, wanted.mtu)
            changes += 1
    changes += _addresses(own, link, wanted)
    if not link.is_up:
        own.link_up(link)
        changes += 1
    return changes


def _new_link(door: Netlink, wanted: DesiredLink) -> Link:
    """``tunl0`` comes with its kernel module, every other device is made."""
    if wanted.kind == "ipip" and wanted.tunnel is None:
        return door.tunnel_dev(wanted.name)
    return door.link_add(wanted.name, wanted.kind, mac=wanted.mac, tunnel=wanted.tunnel)


def _strip(door: Netlink, name: str) -> int:
    link = door.netns.link(name)
    return _addresses(door, link, None) if link is not None else 0


def _addresses(door: Netlink, link: Link, wanted: DesiredLink | None) -> int:
    keep = {(address.ip, address.plen): address for address in wanted.addresses} if wanted is not None else {}
    changes = 0
    while gone := next((each for each in link.addresses if (each.local, each.plen) not in keep), None):
        # With a primary address its secondaries go.
        door.addr_del(link, gone.local, gone.plen)
        changes += 1
    have = {(address.local, address.plen) for address in link.addresses}
    for (ip, plen), address in keep.items():
        if (ip, plen) not in have:
            door.addr_add(link, ip, plen, scope=address.scope)
            changes += 1
    return changes


# -- neighbours and FDB -------------------------------------------------------------------------------------------


def _neighbours(door: Netlink, devices: frozenset[str], wanted: tuple[DesiredNeighbour, ...]) -> int:
    netns = door.netns
    missing = {(entry.dev, entry.ip): entry for entry in wanted}
    changes = 0
    for entry in list(netns.neighbours):
        if entry.link.name not in devices or entry.state is not Nud.PERMANENT:
            continue
        want = missing.get((entry.link.name, entry.ip))
        if want is not None and want.lladdr == entry.mac:
            del missing[entry.link.name, entry.ip]
        elif want is None:
            door.neigh_del(entry.ip, entry.link)
            changes += 1
    for want in missing.values():
        link = netns.link(want.dev)
        if link is not None:
            Netlink(netns, want.owner).neigh_add(want.ip, link, want.lladdr, exclusive=False)
            changes += 1
    return changes


def _fdb(door: Netlink, devices: frozenset[str], wanted: tuple[DesiredFdb, ...]) -> int:
    netns = door.netns
    permanent, flags = FdbState(permanent=True), FdbFlags(self_=True)
    changes = 0
    for name in sorted(devices):
        link = netns.link(name)
        if link is None or link.kind != "vxlan":
            continue
        missing = {(entry.lladdr, entry.dst): entry for entry in wanted if entry.dev == name}
        for mac, dst in door.vxlan_fdb_entries(link):
            if (mac, dst) in missing:
                del missing[mac, dst]
            else:
                door.fdb_del(link, mac, permanent, flags, remote=FdbRemote(dst))
                changes += 1
        for entry in missing.values():
            remote = FdbRemote(entry.dst)
            Netlink(netns, entry.owner).fdb_add(link, entry.lladdr, permanent, flags, mode="append", remote=remote)
            changes += 1
    return changes


# -- routes -------------------------------------------------------------------------------------------------------


def _routes(door: Netlink, desired: Desired) -> int:
    netns = door.netns
    wanted: dict[tuple[object, ...], Route] = {}
    for each in desired.routes:
        route = _route(door, each)
        if route is not None:
            wanted[_key(route)] = route
    owned = {link.ifindex for link in netns.links() if link.name in desired.devices}
    changes = 0
    doomed = []
    for number in sorted({route.table for route in desired.routes} | {254}):
        for route in netns.table(number).dump():
            if _key(route) in wanted:
                del wanted[_key(route)]
            elif _is_owned(route, desired, owned):
                doomed.append(route)
    replaced = {_place(route) for route in wanted.values()}
    for route in doomed:
        # A route of the same prefix is replaced below, without a gap.
        if _place(route) not in replaced:
            door.route_remove(route)
            changes += 1
    for route in wanted.values():
        with suppress(NetlinkError):
            Netlink(netns, route.owner).route_add(route, exclusive=False, replace=True)
            changes += 1
    return changes


def _is_owned(route: Route, desired: Desired, devices: set[int]) -> bool:
    if route.proto in desired.protos:
        return True
    if not any(hop.ifindex in devices for hop in route.nexthops):
        return False
    return route.proto in desired.device_protos if desired.device_protos else route.proto != RTPROT_KERNEL


def _route(door: Netlink, each: DesiredRoute) -> Route | None:
    hops = []
    for hop in each.hops or ((Hop(each.dev, each.via),) if each.dev else ()):
        link = door.netns.link(hop.dev)
        if link is None or not link.is_up:
            return None
        hops.append(NextHop(link.ifindex, hop.via, onlink=each.onlink, weight=hop.weight))
    return Route(
        each.dst,
        each.type,
        each.scope,
        each.table,
        each.proto,
        src=each.src,
        nexthops=tuple(hops),
        metrics=(("mtu", each.mtu),) if each.mtu else (),
        owner=each.owner,
    )


def _place(route: Route) -> tuple[object, ...]:
    return (route.table, route.dst, route.metric, route.tos)


def _key(route: Route) -> tuple[object, ...]:
    hops = tuple((hop.ifindex, hop.via, hop.onlink, hop.weight) for hop in route.nexthops)
    return (*_place(route), route.type, route.scope, route.proto, route.src, route.metrics, hops)
