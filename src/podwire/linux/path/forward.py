"""Passing a packet on: ``ip_forward`` (net/ipv4/ip_forward.c; order of checks: kernel sheet F190)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.hooks import NF_INET_FORWARD
from podwire.linux.path.icmp import icmp_send, ip_rt_send_redirect
from podwire.linux.path.output import ip_output
from podwire.trace.events import PACKET_HOST, ByLink, Dropped, Forwarded
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.wire.headers import ICMP_DEST_UNREACH, ICMP_EXC_TTL, ICMP_FRAG_NEEDED, ICMP_TIME_EXCEEDED, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb


def ip_forward(skb: Skb, link: Link, netns: Netns) -> None:
    """``ip_forward``: TTL, MTU, decrement, redirect, FORWARD, then out."""
    packet = skb.packet
    ip: IPv4 = packet.layers[0]  # type: ignore[assignment]
    dst = skb.dst
    assert dst is not None  # noqa: S101 - ip_rcv_finish routed it
    out = dst.link
    assert out is not None  # noqa: S101 - a forward route has a device
    machine = netns.machine
    sink = machine.log.sink
    if skb.pkt_type != PACKET_HOST:
        if sink is not None:
            by = ByLink(link.name, "broadcast frame", str(skb.eth.dst) if skb.eth else "")
            netns.emit(skb.id, Dropped("ip_forward", DropReason.UNICAST_IN_L2_MULTICAST, by, link.name))
        return
    if ip.ttl <= 1:
        icmp_send(netns, skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL)
        if sink is not None:
            netns.emit(
                skb.id, Dropped("ip_forward", DropReason.IP_INHDR, ByLink(link.name, "ttl", str(ip.ttl)), link.name)
            )
        return
    if (
        ip.df
        and skb.len > (mtu := out.mtu if dst.device_mtu else dst.forward_mtu(netns))
        and not (skb.frags and max(skb.frags) + ip.size <= mtu)
    ):
        icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu)
        if sink is not None:
            netns.emit(
                skb.id, Dropped("ip_forward", DropReason.PKT_TOO_BIG, ByLink(out.name, "mtu", str(mtu)), link.name)
            )
        return
    lower = IPv4(
        ip.src, ip.dst, ip.proto, ip.ttl - 1, ip.tos, ip.id, ip.df, ip.mf, ip.frag, ip.options, ip.evil, ip.total_length
    )
    skb.packet = Packet((lower,) + packet.layers[1:], packet.payload)  # noqa: RUF005 - half the time
    if skb.redirect:
        ip_rt_send_redirect(netns, skb, link)
    if (at_hook := netns.at_hook[NF_INET_FORWARD]) is not None and at_hook(skb, netns, link, out) != 1:
        return
    if sink is not None:
        event = Forwarded(link.name, out.name, lower.ttl)
        sink(Record(machine.world.now, machine.name, netns.label, skb.id, event))
    ip_output(netns, skb, out)
