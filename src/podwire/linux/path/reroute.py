"""A packet of this host is routed once more, because OUTPUT has changed it (net/ipv4/netfilter.c; fact F195)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.fib import LOCAL, UNICAST
from podwire.linux.netfilter.hooks import NF_ACCEPT
from podwire.linux.path.lookup import inet_addr_type
from podwire.linux.path.receive import early_flow_dissect
from podwire.linux.path.route import ip_route_output
from podwire.trace.events import Dropped, Routed
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.hooks import HookFn
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.headers import IPv4


def ip_route_me_harder(netns: Netns, skb: Skb) -> int:
    """``ip_route_me_harder``: 0, or the negative errno of a packet for which there is no way (``Dropped`` is logged).

    The source address stays, even where it is not an own one; it only does not count for the lookup if it is a broadcast or a group.
    """
    ip: IPv4 = skb.packet.layers[0]  # type: ignore[assignment]
    owner = skb.owner
    source = ip.src if inet_addr_type(netns, ip.src) in {LOCAL, UNICAST} else ANY4
    dst = ip_route_output(
        netns,
        ip.dst,
        source,
        oif=owner.link if owner is not None else None,
        mark=skb.mark,
        tos=ip.tos & 0x1C,
        any_src=bool(source),
        ports=early_flow_dissect(netns, skb),
    )
    log_on = netns.machine.log.on
    if dst.kind == "error":
        if log_on:
            netns.emit(skb.id, Dropped("ip_route_me_harder", DropReason.NETFILTER_DROP, dst.why or dst.by, ""))
        return -dst.error
    skb.dst = dst
    skb.tunnel = dst.encap
    if log_on:
        netns.emit(skb.id, Routed(ip.dst, ip.src, dst.by, "", dst.rule))
    return 0


def ipt_mangle_out(fn: HookFn) -> HookFn:
    """``ipt_mangle_out``, ``nf_route_table_hook4``: OUTPUT of table mangle, and a new route where mark, addresses or TOS have changed."""

    def mangle_out(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        mark, packet = skb.mark, skb.packet
        verdict = fn(skb, netns, iif, oif)
        if verdict != NF_ACCEPT or (skb.mark == mark and skb.packet is packet):
            return verdict
        old: IPv4 = packet.layers[0]  # type: ignore[assignment]
        new: IPv4 = skb.packet.layers[0]  # type: ignore[assignment]
        if skb.mark != mark or (new.src, new.dst, new.tos) != (old.src, old.dst, old.tos):
            return ip_route_me_harder(netns, skb) or verdict
        return verdict

    return mangle_out
