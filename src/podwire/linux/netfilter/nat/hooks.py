"""NAT's own functions at the hooks (net/netfilter/nf_nat_core.c: nf_nat_inet_fn; nf_nat_proto.c; facts F192 to F196).

Only the first packet of a connection is shown to the nat tables. What they ask for, or that they ask for nothing, is settled then
for good: later packets are translated at the same places without a look at any rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_DIR_ORIGINAL,
    IP_CT_ESTABLISHED,
    IP_CT_ESTABLISHED_REPLY,
    IP_CT_IS_REPLY,
    IP_CT_RELATED,
    IP_CT_RELATED_REPLY,
    IPS_DST_NAT,
    IPS_DST_NAT_DONE,
    IPS_NAT_DONE_MASK,
    IPS_NAT_MASK,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
)
from podwire.linux.netfilter.hooks import (
    HOOK_NAMES,
    NF_ACCEPT,
    NF_DROP,
    NF_INET_LOCAL_IN,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
    NF_IP_PRI_NAT_DST,
    NF_IP_PRI_NAT_SRC,
)
from podwire.linux.netfilter.nat.core import nf_nat_alloc_null_binding
from podwire.linux.netfilter.nat.icmp import nf_nat_icmp_reply_translation
from podwire.linux.netfilter.nat.packet import ICMP_WITH_ID, nf_nat_ipv4_manip_pkt
from podwire.linux.netfilter.nat.range import HOOK2MANIP, NF_NAT_MANIP_SRC
from podwire.linux.path.reroute import ip_route_me_harder
from podwire.trace.events import ByLink, Dropped, Translated
from podwire.trace.reasons import DropReason
from podwire.wire.headers import IPPROTO_ICMP, Icmp, IPv4, Tcp, Udp

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netfilter.hooks import HookFn
    from podwire.linux.netfilter.walk import Walk, WalkFn
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.addr import Ip
    from podwire.wire.packet import Packet

_RELATED: Final = frozenset({IP_CT_RELATED, IP_CT_RELATED_REPLY})


def nf_nat_ipv4_ops() -> tuple[tuple[int, int, HookFn, WalkFn], ...]:
    """``nf_nat_ipv4_ops``: hook, priority and function, and what tells a walk of it."""
    places = (
        (NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST, _pre_routing(nf_nat_ipv4_fn(NF_INET_PRE_ROUTING))),
        (NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC, nf_nat_ipv4_fn(NF_INET_POST_ROUTING)),
        (NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST, _local_out(nf_nat_ipv4_fn(NF_INET_LOCAL_OUT))),
        (NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC, nf_nat_ipv4_fn(NF_INET_LOCAL_IN)),
    )
    return tuple((hook, priority, fn, _walk(fn)) for hook, priority, fn in places)


def _walk(fn: HookFn) -> WalkFn:
    """A connection that is settled and has no other address is let through by every packet; others are not noted."""

    def nf_nat_walk(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None, walk: Walk) -> int:
        ct = skb.ct
        if ct is None or ct.status & (IPS_NAT_MASK | IPS_NAT_DONE_MASK) != IPS_NAT_DONE_MASK or ct.masq_index:
            walk.good = False
        return fn(skb, netns, iif, oif)

    return nf_nat_walk


def nf_nat_ipv4_fn(hook: int) -> HookFn:
    """``nf_nat_ipv4_fn`` and ``nf_nat_inet_fn`` for a hook."""
    bit = IPS_SRC_NAT if HOOK2MANIP(hook) == NF_NAT_MANIP_SRC else IPS_DST_NAT
    bit_of_reply = bit ^ IPS_NAT_MASK
    leaves = hook == NF_INET_POST_ROUTING

    def nf_nat_inet_fn(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        ct = skb.ct
        if ct is None:
            return NF_ACCEPT
        ctinfo = skb.ctinfo
        if ctinfo == IP_CT_ESTABLISHED_REPLY:
            if ct.status & bit_of_reply:
                nf_nat_manip_pkt(skb, netns, ct, ctinfo, hook)
            return NF_ACCEPT
        if ctinfo != IP_CT_ESTABLISHED:
            verdict = _settle(skb, netns, ct, iif, oif, hook)
            if verdict is not None:
                return verdict
        if leaves and ct.masq_index and nf_nat_oif_changed(ct, ctinfo, oif):
            return _oif_changed(skb, netns, ct, oif)
        if ct.status & (bit if ctinfo < IP_CT_IS_REPLY else bit_of_reply):
            nf_nat_manip_pkt(skb, netns, ct, ctinfo, hook)
        return NF_ACCEPT

    return nf_nat_inet_fn


def _settle(skb: Skb, netns: Netns, ct: Connection, iif: Link | None, oif: Link | None, hook: int) -> int | None:
    """A packet that is no answer and belongs to no known connection, or is an ICMP error: its verdict, or None to be translated."""
    ctinfo = skb.ctinfo
    ip: IPv4 = skb.packet.layers[0]  # type: ignore[assignment]
    if ctinfo in _RELATED and ip.proto == IPPROTO_ICMP:
        return _icmp_error(skb, netns, ct, ctinfo, hook)
    done = IPS_SRC_NAT_DONE if HOOK2MANIP(hook) == NF_NAT_MANIP_SRC else IPS_DST_NAT_DONE
    if ct.status & done:
        return None
    for table in netns.nat.tables[hook]:
        verdict = table(skb, netns, iif, oif)
        if verdict != NF_ACCEPT:
            return verdict
        if ct.status & done:
            return None
    verdict = nf_nat_alloc_null_binding(netns, ct, hook)
    return None if verdict == NF_ACCEPT else verdict


def _icmp_error(skb: Skb, netns: Netns, ct: Connection, ctinfo: int, hook: int) -> int:
    before = skb.packet
    log_on = netns.machine.log.on
    if not nf_nat_icmp_reply_translation(skb, ct, ctinfo, hook):
        if log_on:
            by = ct.dnat_by or ct.snat_by
            netns.emit(skb.id, Dropped("nf_nat_icmp_reply_translation", DropReason.NETFILTER_DROP, by, ""))
        return NF_DROP
    if log_on and skb.packet is not before:
        _tell(skb, netns, ct, before, hook, reply=ctinfo == IP_CT_RELATED_REPLY)
    return NF_ACCEPT


def nf_nat_manip_pkt(skb: Skb, netns: Netns, ct: Connection, ctinfo: int, hook: int) -> None:
    """``nf_nat_manip_pkt``: one side of the packet becomes as the other direction of its connection expects it."""
    reply = ctinfo >= IP_CT_IS_REPLY
    other = ct.orig if reply else ct.reply
    before = skb.packet
    if HOOK2MANIP(hook) == NF_NAT_MANIP_SRC:
        # The id of ICMP is the source's in both directions.
        port = other.sport if other.proto == IPPROTO_ICMP else other.dport
        skb.packet = nf_nat_ipv4_manip_pkt(before, other.dst, port, source=True)
    else:
        skb.packet = nf_nat_ipv4_manip_pkt(before, other.src, other.sport, source=False)
    if netns.machine.log.on:
        _tell(skb, netns, ct, before, hook, reply=reply)


def _tell(skb: Skb, netns: Netns, ct: Connection, before: Packet, hook: int, *, reply: bool) -> None:
    source = HOOK2MANIP(hook) == NF_NAT_MANIP_SRC
    old, old_port = _end(before, source=source)
    new, new_port = _end(skb.packet, source=source)
    if old == new and old_port == new_port:
        return
    by = None if reply else ct.snat_by if source else ct.dnat_by
    what = "SNAT" if source else "DNAT"
    netns.emit(skb.id, Translated(what, HOOK_NAMES[hook], old, new, old_port, new_port, reply, by))


def _end(packet: Packet, *, source: bool) -> tuple[Ip, int]:
    """Address and port (ICMP id) of one side of a packet."""
    ip: IPv4 = packet.layers[0]  # type: ignore[assignment]
    upper = packet.layers[1] if len(packet.layers) > 1 else None
    port = 0
    if isinstance(upper, Tcp | Udp):
        port = upper.sport if source else upper.dport
    elif isinstance(upper, Icmp) and upper.type in ICMP_WITH_ID:
        port = upper.id
    return (ip.src if source else ip.dst), port


def nf_nat_oif_changed(ct: Connection, ctinfo: int, oif: Link | None) -> bool:
    """``nf_nat_oif_changed``: a masqueraded connection leaves by another device than it began."""
    return ctinfo < IP_CT_IS_REPLY and oif is not None and oif.ifindex != ct.masq_index


def _oif_changed(skb: Skb, netns: Netns, ct: Connection, oif: Link | None) -> int:
    """The connection ends, and the packet with it: the next one begins another, with the address of the new device."""
    if ct.acct:
        # nf_ct_kill_acct
        ct.packets[IP_CT_DIR_ORIGINAL] += 1
        ct.octets[IP_CT_DIR_ORIGINAL] += skb.len
    netns.conntrack.delete(ct)
    if netns.machine.log.on:
        name = oif.name if oif is not None else ""
        by = ByLink(name, "masqueraded by", netns.link_name(ct.masq_index))
        netns.emit(skb.id, Dropped("nf_nat_inet_fn", DropReason.NETFILTER_DROP, by, name))
    return NF_DROP


def _pre_routing(fn: HookFn) -> HookFn:
    """``nf_nat_ipv4_pre_routing``: a packet with a new destination forgets the route that it may have had."""

    def nf_nat_ipv4_pre_routing(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        before = skb.packet
        verdict = fn(skb, netns, iif, oif)
        if skb.packet is not before and verdict == NF_ACCEPT and skb.packet.layers[0].dst != before.layers[0].dst:  # type: ignore[union-attr]
            skb.dst = None
        return verdict

    return nf_nat_ipv4_pre_routing


def _local_out(fn: HookFn) -> HookFn:
    """``nf_nat_ipv4_local_fn``: where the destination is another one than the packet was routed to, it is routed again (F195)."""

    def nf_nat_ipv4_local_fn(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        verdict = fn(skb, netns, iif, oif)
        ct = skb.ct
        if verdict != NF_ACCEPT or ct is None:
            return verdict
        changed = ct.orig.dst != ct.reply.src if skb.ctinfo < IP_CT_IS_REPLY else ct.reply.dst != ct.orig.src
        # NF_DROP_ERR where there is no way there.
        return (ip_route_me_harder(netns, skb) or verdict) if changed else verdict

    return nf_nat_ipv4_local_fn
