"""Routes of packets that came in.

``ip_route_input``, martians and source validation (net/ipv4/route.c, fib_frontend.c; kernel sheet 5.1 and 9).
"""

from __future__ import annotations

from errno import EHOSTUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.fib import BROADCAST, LOCAL, UNICAST
from podwire.linux.link import SCOPE_HOST, Link
from podwire.linux.multicast import is_local_multicast
from podwire.linux.path.lookup import FibResult, fib_lookup, inet_addr_onlink, multipath_hash
from podwire.linux.path.route import Dst, describe, on_link_gateway, rt_bind_exception
from podwire.linux.path.why import sysctl
from podwire.trace.events import By, ByLink, ByPolicyRule, ByReversePath, ByRoute, Routed
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip, Ip4

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_CACHE_LIMIT: Final = 8192


def ip_route_input(
    netns: Netns,
    daddr: Ip,
    saddr: Ip,
    link: Link,
    mark: int = 0,
    tos: int = 0,
    ports: tuple[int, int, int] | None = None,
) -> Dst:
    """``ip_route_input_noref`` for an IPv4 packet that came in by ``link``.

    ``kind``: ``local``, ``forward``, ``error`` (ip_error answers), ``drop`` (martian or failed source validation:
    ``reason`` and ``why``).
    """
    key = (daddr, saddr, link, mark, tos, ports) if mark or tos or ports is not None else (daddr, saddr, link)
    cached = netns.input_routes.get(key)
    if cached is None:
        cached = _route_input(netns, Ip4(daddr), Ip4(saddr), link, mark, tos, ports)
        cached.routed = Routed(daddr, saddr, cached.by, link.name, cached.rule)
        if len(netns.input_routes) > _CACHE_LIMIT:
            netns.input_routes.clear()
        netns.input_routes[key] = cached
    return rt_bind_exception(netns, cached, daddr) if netns.exceptions else cached


def arp_route_input(netns: Netns, target: Ip, sender: Ip, link: Link) -> Dst:
    """The same lookup as ARP makes it: may we answer for ``target``?"""
    to, source = Ip4(target), Ip4(sender)
    if to.is_multicast:
        return _martian(to, DropReason.IP_INVALID_DEST, ByRoute("multicast", str(to), "", link.name))
    return _route_input(netns, to, source, link, 0, 0, None, arp=True)


def igmp_route_input(netns: Netns, daddr: Ip, saddr: Ip, link: Link, mark: int, tos: int) -> Dst:
    """The same lookup for a message of IGMP: ``ip_check_mc_rcu`` takes it whatever group it was sent to."""
    return _multicast_input(netns, Ip4(daddr), Ip4(saddr), link, mark, tos, igmp=True)


def _martian(daddr: Ip, reason: DropReason, why: By) -> Dst:
    return Dst("drop", "none", None, ByRoute("none", str(daddr), table=""), reason=reason, why=why, is_input=True)


def _route_input(
    netns: Netns,
    daddr: Ip4,
    saddr: Ip4,
    link: Link,
    mark: int,
    tos: int,
    ports: tuple[int, int, int] | None,
    *,
    arp: bool = False,
) -> Dst:
    source = ByLink(link.name, "source address", str(saddr))
    localnet = link.conf.route_localnet or netns.conf_all.route_localnet
    if daddr.is_multicast:
        return _multicast_input(netns, daddr, saddr, link, mark, tos)
    if saddr.is_multicast or saddr.is_lbcast:
        return _martian(daddr, DropReason.IP_INVALID_SOURCE, source)
    if daddr.is_lbcast or (not saddr and not daddr):
        return _broadcast_input(netns, daddr, saddr, link, mark, tos, None, arp=arp)
    if saddr.is_zeronet:
        return _martian(daddr, DropReason.IP_INVALID_SOURCE, source)
    if daddr.is_zeronet:
        return _martian(daddr, DropReason.IP_INVALID_DEST, ByLink(link.name, "destination address", str(daddr)))
    if not localnet and not link.is_loopback and (daddr.is_loopback or saddr.is_loopback):
        return _martian(daddr, DropReason.IP_LOCALNET, sysctl(netns, link, "route_localnet"))
    flow_hash = multipath_hash(netns, saddr, daddr, ports)
    result = fib_lookup(netns, daddr, saddr, iif=link, mark=mark, tos=tos, flow_hash=flow_hash, ports=ports)
    forwarding = link.conf.forwarding
    if result.error:
        return _no_route(netns, daddr, result, result.error if forwarding else EHOSTUNREACH)
    route, nexthop = result.route, result.nexthop
    if route is None or nexthop is None:
        return _no_route(netns, daddr, result, EHOSTUNREACH)
    if route.type == BROADCAST:
        return _broadcast_input(netns, daddr, saddr, link, mark, tos, result, arp=arp)
    rule = result.rule.priority if result.rule else 0
    by = describe(netns, route, nexthop, daddr)
    if route.type == LOCAL:
        bad = fib_validate_source(netns, saddr, daddr, link, None, mark, tos, ports)
        if isinstance(bad, Dst):
            return bad
        return Dst("local", LOCAL, netns.loopback, by, src=daddr, rule=rule, is_input=True, mtu=route.mtu)
    if not forwarding:
        return _no_route(netns, daddr, result, EHOSTUNREACH)
    if route.type != UNICAST or result.link is None:
        return _martian(daddr, DropReason.IP_INVALID_DEST, by)
    out = result.link
    bad = fib_validate_source(netns, saddr, daddr, link, out, mark, tos, ports)
    if isinstance(bad, Dst):
        return bad
    redirect = bool(
        bad
        and out is link
        and (link.conf.send_redirects or netns.conf_all.send_redirects)
        and (
            (link.conf.shared_media or netns.conf_all.shared_media)
            or inet_addr_onlink(link, saddr, nexthop.via or ANY4)
        )
    )
    dst = Dst(
        "forward",
        UNICAST,
        out,
        by,
        gateway=on_link_gateway(nexthop),
        rule=rule,
        is_input=True,
        mtu=route.mtu,
        redirect=redirect,
    )
    dst.locked = "mtu" in route.locked
    dst.device_mtu = dst.device_mtu and not dst.locked
    dst.leg = (route, nexthop)
    dst.encap = nexthop.encap
    return dst


def _multicast_input(
    netns: Netns, daddr: Ip4, saddr: Ip4, link: Link, mark: int, tos: int, *, igmp: bool = False
) -> Dst:
    """``ip_check_mc_rcu``, ``ip_route_input_mc`` and ``ip_mc_validate_source``: in by a device that is in the group.

    Nothing is forwarded (mc_forwarding is not modelled).
    """
    by = ByRoute("multicast", str(daddr), "", link.name)
    if not igmp and daddr not in link.mc:
        return _martian(daddr, DropReason.IP_INVALID_DEST, by)
    source = ByLink(link.name, "source address", str(saddr))
    localnet = link.conf.route_localnet or netns.conf_all.route_localnet
    if saddr.is_loopback and not localnet:
        return _martian(daddr, DropReason.IP_LOCALNET, sysctl(netns, link, "route_localnet"))
    if saddr.is_multicast or saddr.is_lbcast or (saddr.is_zeronet and not is_local_multicast(daddr)):
        return _martian(daddr, DropReason.IP_INVALID_SOURCE, source)
    if not saddr.is_zeronet:
        bad = fib_validate_source(netns, saddr, ANY4, link, None, mark, tos)
        if isinstance(bad, Dst):
            return bad
    return Dst("local", "multicast", link, by, src=ANY4, is_input=True)


def _no_route(netns: Netns, daddr: Ip, result: FibResult, error: int) -> Dst:
    by = describe(netns, result.route, result.nexthop, daddr)
    why: By = by
    if result.route is None and result.rule is not None:
        why = ByPolicyRule(result.rule.priority, result.rule.action, result.rule.owner)
    rule = result.rule.priority if result.rule else 0
    return Dst("error", by.type, None, by, error=error, rule=rule, is_input=True, why=why)


def _broadcast_input(
    netns: Netns, daddr: Ip4, saddr: Ip4, link: Link, mark: int, tos: int, result: FibResult | None, *, arp: bool
) -> Dst:
    if arp:
        by = ByRoute(BROADCAST, str(daddr), "local", link.name)
        return Dst("error", BROADCAST, None, by, error=EHOSTUNREACH, is_input=True, why=by)
    if not saddr.is_zeronet:
        bad = fib_validate_source(netns, saddr, ANY4, link, None, mark, tos)
        if isinstance(bad, Dst):
            return bad
    by = (
        describe(netns, result.route, result.nexthop, daddr)
        if result is not None
        else ByRoute(BROADCAST, str(daddr), "", link.name)
    )
    return Dst("local", BROADCAST, link, by, src=ANY4, is_input=True)


def fib_validate_source(
    netns: Netns,
    saddr: Ip,
    daddr: Ip,
    link: Link,
    out: Link | None,
    mark: int,
    tos: int,
    ports: tuple[int, int, int] | None = None,
) -> Dst | bool:
    """``fib_validate_source``: a ``drop`` route where the source may not come in by ``link``.

    Else whether it is on-link there (for redirects).
    """
    all_, conf = netns.conf_all, link.conf
    rp_filter = max(all_.rp_filter, conf.rp_filter)
    accept_local = bool(all_.accept_local or conf.accept_local)
    redirects = all_.send_redirects or conf.send_redirects
    if not rp_filter and (out is not link or not redirects):
        if accept_local:
            return False
        custom = netns.custom_rules or netns.has_custom_local_routes()
        if not custom:
            if saddr in netns.local:
                return _martian(daddr, DropReason.IP_LOCAL_SOURCE, ByLink(link.name, "source address", str(saddr)))
            return False
    return _full_check(netns, saddr, daddr, link, out, rp_filter, mark, tos, ports, accept_local=accept_local)


def _full_check(
    netns: Netns,
    saddr: Ip,
    daddr: Ip,
    link: Link,
    out: Link | None,
    rp_filter: int,
    mark: int,
    tos: int,
    ports: tuple[int, int, int] | None,
    *,
    accept_local: bool,
) -> Dst | bool:
    """``__fib_validate_source``.

    Look up the way back to the source, as a packet that came in by ``out`` would take it.
    """
    src_mark = mark if netns.conf_all.src_valid_mark or link.conf.src_valid_mark else 0
    if ports is not None:
        ports = ports[0], ports[2], ports[1]
    back = fib_lookup(netns, saddr, daddr, iif=out, mark=src_mark, tos=tos, ports=ports)
    route, nexthop = back.route, back.nexthop
    if not back.error and route is not None and nexthop is not None:
        if route.type != UNICAST and (route.type != LOCAL or not accept_local):
            reason = DropReason.IP_LOCAL_SOURCE if route.type == LOCAL else DropReason.IP_INVALID_SOURCE
            return _martian(daddr, reason, ByLink(link.name, "source address", str(saddr)))
        matching = [hop for hop in route.nexthops if hop.ifindex == link.ifindex]
        if matching or (route.type == LOCAL and link.is_loopback):
            return nexthop.scope >= SCOPE_HOST
        if link.addresses:
            if rp_filter == 1:
                return _martian(daddr, DropReason.IP_RPFILTER, _rp(netns, link, back, saddr))
            again = fib_lookup(
                netns, saddr, daddr, iif=out, mark=src_mark, tos=tos, oif=link, ignore_linkdown=True, ports=ports
            )
            return (
                not again.error
                and again.route is not None
                and again.nexthop is not None
                and again.route.type == UNICAST
                and again.nexthop.scope >= SCOPE_HOST
            )
    # last_resort: no way back, or a device without addresses, where loose is as strict as strict (F150).
    if rp_filter:
        return _martian(daddr, DropReason.IP_RPFILTER, _rp(netns, link, back, saddr))
    return False


def _rp(netns: Netns, link: Link, back: FibResult, saddr: Ip) -> By:
    switch = sysctl(netns, link, "rp_filter")
    return ByReversePath(
        switch.key,
        switch.value,
        link.name,
        bool(link.addresses),
        describe(netns, back.route, back.nexthop, saddr),
        switch.owner,
    )
