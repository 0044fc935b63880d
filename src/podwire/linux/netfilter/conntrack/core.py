"""A packet meets connection tracking (``nf_conntrack_in`` in net/netfilter/nf_conntrack_core.c)."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.ecache import IPCT_REPLY, nf_conntrack_event_cache
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_ESTABLISHED,
    IP_CT_ESTABLISHED_REPLY,
    IP_CT_IS_REPLY,
    IP_CT_NEW,
    IP_CT_RELATED,
    IP_CT_RELATED_REPLY,
    IP_CT_UNTRACKED,
    IPS_CONFIRMED,
    IPS_EXPECTED,
    IPS_SEEN_REPLY,
    IPS_TEMPLATE,
    ZONE_DIR_BOTH,
    Connection,
)
from podwire.linux.netfilter.conntrack.icmp import nf_conntrack_icmpv4_error
from podwire.linux.netfilter.conntrack.proto import (
    generic_packet,
    nf_conntrack_gre_packet,
    nf_conntrack_icmp_packet,
    nf_conntrack_udp_packet,
    nf_conntrack_udplite_packet,
)
from podwire.linux.netfilter.conntrack.refresh import REPEAT
from podwire.linux.netfilter.conntrack.report import event_in, not_reopened, table_full
from podwire.linux.netfilter.conntrack.sctp import nf_conntrack_sctp_packet
from podwire.linux.netfilter.conntrack.tcp import nf_conntrack_tcp_packet
from podwire.linux.netfilter.conntrack.tuple import (
    IPPROTO_GRE,
    IPPROTO_SCTP,
    IPPROTO_UDPLITE,
    Tuple5,
    nf_ct_get_tuplepr,
    nf_ct_invert,
)
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_DROP
from podwire.trace.events import Flow
from podwire.wire.addr import ANY4
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPv4, Tcp, Udp

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.table import Conntrack
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

PacketFn = Callable[[Connection, "Skb", "Netns", int, int], int]
_TRACKERS: Final[MappingProxyType[int, PacketFn]] = MappingProxyType(
    {
        IPPROTO_TCP: nf_conntrack_tcp_packet,
        IPPROTO_UDP: nf_conntrack_udp_packet,
        IPPROTO_ICMP: nf_conntrack_icmp_packet,
        IPPROTO_SCTP: nf_conntrack_sctp_packet,
        IPPROTO_GRE: nf_conntrack_gre_packet,
        IPPROTO_UDPLITE: nf_conntrack_udplite_packet,
    }
)

_NO_FLOW: Final = Flow(ANY4, ANY4, 0, 0, 0)
_EVENTS_ALWAYS: Final = 1
"""nf_conntrack_events: 0 never, 1 always, 2 where somebody listens."""


def nf_ct_tmpl_alloc(zone: int = 0, zone_dir: int = ZONE_DIR_BOTH, *, from_mark: bool = False) -> Connection:
    """``nf_ct_tmpl_alloc``: what the target CT hangs on a packet (``skb.ct``, with ``ctinfo`` NEW) before its connection is looked up."""
    template = Connection(0, _NO_FLOW, _NO_FLOW, zone, zone_dir)
    template.zone_mark = from_mark
    template.status = IPS_TEMPLATE | IPS_CONFIRMED
    return template


def nf_conntrack_in(skb: Skb, netns: Netns, hook: int) -> int:
    """``nf_conntrack_in``: the packet's connection, made if it has none; NF_DROP (``Dropped`` is logged) or NF_ACCEPT.

    A packet that fits nothing is INVALID: it goes on without ``skb.ct``.
    """
    table = netns.conntrack
    zone, zone_dir = 0, ZONE_DIR_BOTH
    template = skb.ct
    if template is not None:
        if not template.status & IPS_TEMPLATE:
            # It came over lo, or something attached it (F198, F199).
            return NF_ACCEPT
        zone, zone_dir = (skb.mark & 0xFFFF if template.zone_mark else template.zone), template.zone_dir
        skb.ct = None
        skb.ctinfo = 0
    elif skb.ctinfo == IP_CT_UNTRACKED:
        return NF_ACCEPT
    packet = skb.packet
    layers = packet.layers
    ip: IPv4 = layers[0]  # type: ignore[assignment]
    proto = ip.proto
    if ip.frag:
        table.count_stat("invalid")
    elif proto == IPPROTO_ICMP and (
        nf_conntrack_icmpv4_error(skb, netns, hook, zone, zone_dir) != NF_ACCEPT or skb.ct is not None
    ):
        if skb.ct is None:
            table.count_stat("error")
    else:
        header = layers[1] if len(layers) > 1 else None
        kind = type(header)
        flow: Tuple5 | None
        if kind is Tcp or kind is Udp:  # noqa: SIM108 - the common way by itself
            flow = (ip.src, ip.dst, proto, header.sport, header.dport)  # type: ignore[union-attr]
        else:
            flow = nf_ct_get_tuplepr(packet)
        if _resolve(skb, netns, hook, flow, zone, zone_dir, template, table) != NF_ACCEPT:
            return NF_DROP
    if netns.machine.log.on:
        event_in(skb, netns)
    return NF_ACCEPT


def _resolve(
    skb: Skb,
    netns: Netns,
    hook: int,
    flow: Tuple5 | None,
    zone: int,
    zone_dir: int,
    template: Connection | None,
    table: Conntrack,
) -> int:
    """``resolve_normal_ct`` and ``nf_conntrack_handle_packet``, once more where the connection was reopened."""
    while flow is not None:
        # Most packets belong to a connection in the default zone.
        found = table.hash.get(flow)
        if zone or table.zoned or (found is not None and found[0].timeout <= netns.machine.world.now):
            found = table.find(flow, zone, zone_dir)
        if found is None:
            reply = nf_ct_invert(flow)
            if reply is None:
                break
            ct = init_conntrack(table, flow, reply, zone, zone_dir, template)
            if ct is None:
                table.count_stat("drop")
                table_full(skb, netns)
                return NF_DROP
            ctinfo = IP_CT_NEW
        else:
            ct, direction = found
            if direction:
                ctinfo = IP_CT_ESTABLISHED_REPLY
            elif ct.status & IPS_SEEN_REPLY:
                ctinfo = IP_CT_ESTABLISHED
            else:
                ctinfo = IP_CT_RELATED if ct.status & IPS_EXPECTED else IP_CT_NEW
        verdict = _TRACKERS.get(flow[2], generic_packet)(ct, skb, netns, ctinfo, hook)
        if verdict > 0:
            skb.ct = ct
            skb.ctinfo = ctinfo
            if ctinfo == IP_CT_ESTABLISHED_REPLY and not ct.status & IPS_SEEN_REPLY:
                ct.status |= IPS_SEEN_REPLY
                nf_conntrack_event_cache(ct, IPCT_REPLY)
            return NF_ACCEPT
        if verdict == REPEAT:
            continue
        if verdict == NF_DROP:
            table.count_stat("invalid")
            table.count_stat("drop")
            not_reopened(skb, netns)
            return NF_DROP
        break
    skb.ctinfo = 0
    table.count_stat("invalid")
    return NF_ACCEPT


def init_conntrack(
    table: Conntrack,
    flow: Tuple5,
    reply: Flow,
    zone: int = 0,
    zone_dir: int = ZONE_DIR_BOTH,
    template: Connection | None = None,
) -> Connection | None:
    """``init_conntrack``: a connection that is not in the table yet; None where the table is full."""
    most = table.setting("nf_conntrack_max")
    if table.size >= most and table.count >= most and not table.early_drop(flow):
        return None
    table.number += 1
    ct = Connection(table.number, Flow._make(flow), reply, zone, zone_dir, table.netns)
    timeouts = table.timeouts
    ct.acct = timeouts.acct
    if template is not None:
        ct.labels = template.labels
    if timeouts.events == _EVENTS_ALWAYS or (timeouts.events and table.listeners):
        ct.ecache = 0
    return ct


def nf_conntrack_attach(new: Skb, old: Skb) -> None:
    """``nf_conntrack_attach``: an error, or a reset, made here because of a packet belongs to that one's connection (F199)."""
    ct = old.ct
    if ct is not None:
        new.ct = ct
        new.ctinfo = IP_CT_RELATED if old.ctinfo >= IP_CT_IS_REPLY else IP_CT_RELATED_REPLY
