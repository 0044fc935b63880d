"""Route lookups.

``fib_lookup``, source selection, and the output routes of local packets (net/ipv4/fib_frontend.c, route.c,
devinet.c).
"""

from __future__ import annotations

from copy import copy
from errno import EINVAL, ENETUNREACH, ENODEV
from typing import TYPE_CHECKING, Final

from podwire.linux.fib import (
    BROADCAST,
    LOCAL,
    MULTICAST,
    UNICAST,
    NextHop,
    Route,
)
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_UNIVERSE, Link
from podwire.linux.multicast import is_local_multicast
from podwire.linux.names import PROTO_NAMES, SCOPE_NAMES, TABLE_NAMES
from podwire.linux.path.exception import find_exception, next_hop_key
from podwire.linux.path.lookup import FibResult, fib_lookup, inet_select_addr, multipath_hash, source_of
from podwire.linux.path.why import sysctl
from podwire.trace.events import By, ByLink, ByPolicyRule, ByRoute, Routed
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip, Ip4

if TYPE_CHECKING:
    from podwire.linux.neigh import Neighbour
    from podwire.linux.netns import Netns
    from podwire.linux.tunnel import TunnelInfo

_CACHE_LIMIT: Final = 8192
_IP_MAX_MTU: Final = 65535
IPV4_MIN_MTU: Final = 68
"""``inetdev_valid_mtu``: where the route takes less, nothing is sent from here (RFC 791)."""
LOOPBACK_ADDR: Final = Ip4.parse("127.0.0.1")


class Dst:
    """``struct rtable``: where a packet goes.

    ``kind`` is ``local``, ``forward`` (input) or ``output``, ``error`` (an ICMP error answers it) or ``drop``
    (silently, ``reason`` and ``why``). ``gateway`` is the next hop, None where the destination itself is on-link.
    ``type`` is the route's (unicast, local, broadcast, multicast …).
    """

    __slots__ = (
        "by",
        "device_mtu",
        "encap",
        "error",
        "expires",
        "gateway",
        "hoplimit",
        "iif",
        "is_input",
        "kind",
        "leg",
        "link",
        "locked",
        "member",
        "mtu",
        "neighbour",
        "pmtu",
        "reason",
        "redirect",
        "redirected",
        "routed",
        "rule",
        "src",
        "type",
        "why",
    )

    def __init__(
        self,
        kind: str,
        type_: str,
        link: Link | None,
        by: ByRoute,
        *,
        gateway: Ip | None = None,
        src: Ip = ANY4,
        rule: int = 0,
        error: int = 0,
        mtu: int = 0,
        is_input: bool = False,
        redirect: bool = False,
        reason: DropReason | None = None,
        why: By | None = None,
    ) -> None:
        self.kind = kind
        self.type = type_
        self.link = link
        self.by = by
        self.gateway = gateway
        self.src = src
        self.rule = rule
        self.error = error
        self.mtu = mtu
        """MTU metric of the route; 0 where the device decides."""
        self.device_mtu = not mtu and link is not None and 0 < link.max_mtu <= _IP_MAX_MTU
        """No metric and nothing learned: the MTU is what ``link`` has when a packet comes, and ``link`` has no more than an IP packet."""
        self.pmtu = 0
        """``rt_pmtu``: what was learned of the path; 0 for nothing."""
        self.neighbour: Neighbour | None = None
        """The entry that was last found on ``link`` for a next hop of it; good until it is dead."""
        self.expires = 0
        """Until when (ns) that holds."""
        self.redirected = False
        """RTCF_REDIRECTED: the gateway is one that was learned."""
        self.leg: tuple[Route, NextHop] | None = None
        """Whose next hop learns; None where no route of a table is behind this, or one that does not learn."""
        self.locked = False
        """``ip_mtu_locked``: path MTU discovery has no say, and DF is not set for it."""
        self.encap: TunnelInfo | None = None
        """``lwtstate``: what a packet that goes this way brings to its tunnel device."""
        self.member = False
        """The destination is a group that this host is in."""
        self.hoplimit = 0
        """TTL metric of the route; 0 where net.ipv4.ip_default_ttl decides."""
        self.iif: Link | None = None
        """``rt_iif`` of a route to an own address: the device that has it."""
        self.is_input = is_input
        self.redirect = redirect
        self.routed: Routed | None = None
        """What the log says of it: of an input route that is remembered the same for every packet that asks with the same key, of an output
        route what it said of the last packet.
        """
        self.reason = reason
        self.why = why

    @property
    def is_heard_here(self) -> bool:
        """``rt->dst.output`` is ``ip_mc_output`` with RTCF_LOCAL: a broadcast, or to a group that the device is in."""
        return self.type == BROADCAST or (self.type == MULTICAST and self.member)

    @property
    def is_own(self) -> bool:
        """``RTCF_LOCAL``: to an own address, or by lo, whatever the address is."""
        by_lo = self.kind == "output" and self.link is not None and self.link.is_loopback
        return self.type == LOCAL or (by_lo and self.type == UNICAST)

    @property
    def effective_mtu(self) -> int:
        """``dst_mtu``: what was learned of the path, else the metric, else the device's; 65535 at most."""
        mtu = self.pmtu or self.mtu
        if mtu:
            return mtu
        if self.locked or self.link is None:
            return self._unknown_mtu()
        mtu = self.link.mtu
        return mtu if mtu < _IP_MAX_MTU else _IP_MAX_MTU  # noqa: FURB136 - asked for every packet, and min() is a call

    def forward_mtu(self, netns: Netns) -> int:
        """``ip_dst_mtu_maybe_forward``: a router believes what it has learned of a path only where it is told to, or locked (F93)."""
        if self.pmtu and (self.locked or netns.setting("ip_forward_use_pmtu")):
            return self.pmtu
        if self.mtu:
            return self.mtu
        if self.locked or self.link is None:
            return self._unknown_mtu()
        mtu = self.link.mtu
        return mtu if mtu < _IP_MAX_MTU else _IP_MAX_MTU  # noqa: FURB136 - as above

    def _unknown_mtu(self) -> int:
        """A metric of 0 that is locked: behind a gateway nothing can be known."""
        mtu = self.link.mtu if self.link is not None else _IP_MAX_MTU
        return min(mtu, 576 if self.gateway is not None and self.locked else _IP_MAX_MTU)


def ip_select_ttl(netns: Netns, dst: Dst) -> int:
    """``ip4_dst_hoplimit``: what a packet starts with unless its socket says otherwise."""
    return dst.hoplimit or netns.setting("ip_default_ttl")


def describe(netns: Netns, route: Route | None, nexthop: NextHop | None, dst: Ip) -> ByRoute:
    """The value that events carry for a route: what ``ip route`` would show, and who wrote it."""
    if route is None:
        # Routes go with their device: one that was up and is not is worth a word.
        gone = tuple(f"{link.name} is down" for link in netns.links() if link.was_up and not link.is_up)
        return ByRoute("none", str(dst), table="", flags=gone)
    flags = ("onlink",) if nexthop is not None and nexthop.onlink else ()
    link = netns.link_by_index(nexthop.ifindex) if nexthop is not None else None
    if link is not None and not link.running:
        flags = (*flags, "linkdown")
    dst_net = route.dst
    return ByRoute(
        route.type,
        "default" if dst_net.plen == 0 else str(dst_net.addr) if dst_net.plen == dst_net.addr.bits else str(dst_net),
        TABLE_NAMES.get(route.table, str(route.table)),
        link.name if link is not None else "",
        nexthop.via if nexthop is not None else None,
        route.src,
        PROTO_NAMES.get(route.proto, str(route.proto)),
        route.metric,
        SCOPE_NAMES.get(route.scope, str(route.scope)),
        flags,
        route.owner,
    )


def _failed(netns: Netns, result: FibResult, dst: Ip) -> Dst:
    by = describe(netns, result.route, None, dst)
    rule = result.rule
    why: By = by
    if result.route is None and rule is not None:
        why = ByPolicyRule(rule.priority, rule.action, rule.owner)
    return Dst("error", by.type, None, by, error=result.error, rule=rule.priority if rule else 0, why=why)


def _refused(error: int, dst: Ip, reason: DropReason | None = None, why: By | None = None) -> Dst:
    """No lookup was made, or its result is of no use: ``reason`` says why where that is not a missing route."""
    by = ByRoute("none", str(dst), table="")
    return Dst("error", "none", None, by, error=error, reason=reason, why=why or (by if reason is None else None))


def ip_route_output(
    netns: Netns,
    dst: Ip,
    src: Ip = ANY4,
    *,
    oif: Link | None = None,
    mark: int = 0,
    tos: int = 0,
    any_src: bool = False,
    onlink_scope: bool = False,
    ports: tuple[int, int, int] | None = None,
) -> Dst:
    """``ip_route_output_key``: the route of a packet made here.

    ``kind`` is ``error`` with the errno that the caller gets, else ``output`` (delivery to an own address goes out by
    ``lo``). ``any_src`` is FLOWI_FLAG_ANYSRC (forwarders and raw sockets with a header of their own).
    """
    key = (dst, src, oif, mark, tos, any_src, onlink_scope, ports)
    cached = netns.output_routes.get(key)
    if cached is None:
        cached = _ip_route_output(netns, dst, src, oif, mark, tos, any_src=any_src, onlink=onlink_scope, ports=ports)
        if len(netns.output_routes) > _CACHE_LIMIT:
            netns.output_routes.clear()
        netns.output_routes[key] = cached
    return rt_bind_exception(netns, cached, dst) if netns.exceptions else cached


def rt_bind_exception(netns: Netns, dst: Dst, daddr: Ip) -> Dst:
    """``rt_bind_exception``: the route with what was learned for this destination."""
    exception = find_exception(netns, next_hop_key(*dst.leg), daddr) if dst.leg is not None else None
    if exception is None:
        return dst
    exception.bound = True
    bound = copy(dst)
    bound.gateway = exception.gateway or dst.gateway
    bound.redirected = exception.gateway is not None
    bound.pmtu, bound.expires = exception.mtu, exception.expires
    bound.locked = dst.locked or exception.locked
    bound.device_mtu = dst.device_mtu and not (bound.pmtu or bound.locked)
    return bound


def on_link_gateway(nexthop: NextHop) -> Ip | None:
    """``rt_set_nexthop``: a gateway counts where it is on link; one that is an own address means the link itself."""
    return nexthop.via if nexthop.scope == SCOPE_LINK else None


def _mkroute_refuses(netns: Netns, link: Link, src: Ip, daddr: Ip) -> Dst | None:
    """``__mkroute_output``: what no device but lo sends, and what is no destination."""
    localnet = link.conf.route_localnet or netns.conf_all.route_localnet
    if Ip4(src).is_loopback and not link.is_loopback and not localnet:
        return _refused(EINVAL, daddr, DropReason.IP_LOCALNET, sysctl(netns, link, "route_localnet"))
    return _refused(EINVAL, daddr, DropReason.IP_INVALID_DEST) if Ip4(daddr).is_zeronet else None


def _ip_route_output(  # noqa: C901 - ip_route_output_key_hash_rcu is one function in the kernel too
    netns: Netns,
    daddr: Ip,
    saddr: Ip,
    oif: Link | None,
    mark: int,
    tos: int,
    *,
    any_src: bool,
    onlink: bool,
    ports: tuple[int, int, int] | None,
) -> Dst:
    dst = Ip4(daddr)
    lbcast_or_mcast = dst.is_multicast or dst.is_lbcast
    dev: Link | None = None
    if saddr:
        src4 = Ip4(saddr)
        if src4.is_multicast or src4.is_lbcast or src4.is_zeronet:
            return _refused(EINVAL, daddr, DropReason.IP_INVALID_SOURCE)
        owners = netns.local.get(saddr)
        if oif is None and lbcast_or_mcast:
            if not owners:
                return _refused(ENETUNREACH, daddr, DropReason.IP_INVALID_SOURCE)
            dev = owners[0][0]
        elif not any_src and not owners and not netns.is_local(saddr):
            return _refused(ENETUNREACH, daddr, DropReason.IP_INVALID_SOURCE)
    if oif is not None:
        dev = oif
        if oif not in netns.links():
            return _refused(ENODEV, daddr)
        if not oif.is_up:
            return _refused(ENETUNREACH, daddr, DropReason.IP_OUTNOROUTES, ByLink(oif.name, "down", owner=oif.owner))
        if lbcast_or_mcast and not saddr:
            near = dst.is_lbcast or is_local_multicast(dst)
            saddr = inet_select_addr(netns, oif, ANY4, SCOPE_LINK if near else SCOPE_UNIVERSE)
    if lbcast_or_mcast and dev is not None:
        kind = BROADCAST if dst.is_lbcast else MULTICAST
        out = Dst("output", kind, dev, ByRoute(kind, str(daddr), "", dev.name), src=saddr)
        out.member = daddr in dev.mc
        return out
    if not daddr:
        # This host, by whatever address; no table is asked.
        here = saddr or (inet_select_addr(netns, oif, ANY4, SCOPE_HOST) if oif is not None else LOOPBACK_ADDR)
        return Dst("output", LOCAL, netns.loopback, ByRoute(LOCAL, str(here), "", netns.loopback.name), src=here)
    flow_hash = multipath_hash(netns, saddr, daddr, ports)
    result = fib_lookup(
        netns,
        daddr,
        saddr,
        oif=oif,
        mark=mark,
        tos=tos,
        flow_hash=flow_hash,
        ports=ports,
        scope=SCOPE_LINK if onlink else SCOPE_UNIVERSE,
    )
    if result.error:
        if oif is not None:
            # "Apparently, routing tables are wrong. Assume, that the destination is on link.": whatever the error was.
            src = saddr or inet_select_addr(netns, oif, ANY4, SCOPE_LINK)
            if refused := _mkroute_refuses(netns, oif, src, daddr):
                return refused
            by = ByRoute(UNICAST, str(daddr), "", oif.name, flags=("assumed on-link",))
            return Dst("output", UNICAST, oif, by, src=src)
        return _failed(netns, result, daddr)
    route, nexthop = result.route, result.nexthop
    assert route is not None  # noqa: S101 - fib_lookup without error has a route
    assert nexthop is not None  # noqa: S101
    rule = result.rule.priority if result.rule else 0
    by = describe(netns, route, nexthop, daddr)
    if route.type == LOCAL:
        own = Dst("output", LOCAL, netns.loopback, by, src=saddr or route.src or daddr, rule=rule, mtu=route.mtu)
        # Sockets bound to the device shall get the packet though it comes over lo.
        own.iif = result.link
        return own
    src = saddr or source_of(netns, result)
    link = result.link
    if link is None:
        return _failed(netns, FibResult(route, None, None, result.rule, ENETUNREACH), daddr)
    if refused := _mkroute_refuses(netns, link, src, daddr):
        return refused
    type_ = MULTICAST if dst.is_multicast else BROADCAST if dst.is_lbcast else route.type
    gateway = on_link_gateway(nexthop) if type_ == UNICAST else None
    out = Dst("output", type_, link, by, gateway=gateway, src=src, rule=rule, mtu=route.mtu)
    out.encap = nexthop.encap
    out.member = daddr in link.mc
    if type_ == BROADCAST or (type_ == MULTICAST and route.dst.plen < 4):
        # __mkroute_output: the metrics of a route that is not about broadcasts or groups do not count.
        out.mtu = 0
        return out
    out.locked = "mtu" in route.locked
    out.device_mtu = out.device_mtu and not out.locked
    out.leg = (route, nexthop) if type_ == UNICAST else None
    out.hoplimit = next((value for name, value in route.metrics if name == "hoplimit"), 0)
    return out
