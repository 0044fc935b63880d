"""Bring a node in line with what an agent wants: compare, then apply the difference.

Running it twice changes nothing.
"""

from __future__ import annotations

import msgspec

from podwire.cni.backend import Desired
from podwire.linux.fib import RT_TABLE_MAIN, RTPROT_KERNEL, Route
from podwire.linux.netlink import Netlink


def _key(route: Route) -> tuple[object, ...]:
    hops = tuple((hop.ifindex, hop.via, hop.onlink) for hop in route.nexthops)
    return (route.dst, route.type, route.scope, route.proto, route.metric, route.src, hops)


def reconcile(door: Netlink, desired: Desired) -> int:
    """Apply the difference; returns the number of changes made.

    Only routes of the backend's own devices are removed, and never the kernel's (Felix leaves what it does not know
    alone).
    """
    netns = door.netns
    changes = 0
    owned = {link.ifindex for link in netns.links() if link.name in desired.devices}
    wanted = {_key(route): route for route in desired.routes}
    table = netns.table(RT_TABLE_MAIN)
    for route in table.dump():
        if route.proto == RTPROT_KERNEL or not any(hop.ifindex in owned for hop in route.nexthops):
            continue
        if _key(route) in wanted:
            del wanted[_key(route)]
        else:
            door.route_remove(route)
            changes += 1
    for route in wanted.values():
        door.route_add(msgspec.structs.replace(route), exclusive=False, replace=True)
        changes += 1
    for path, value in desired.sysctls:
        if door.sysctl_read(path) != value:
            door.sysctl_write(path, value)
            changes += 1
    return changes
