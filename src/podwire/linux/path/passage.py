"""How the packets of a known flow pass a router: noted at one of them, for those that follow.

A packet that connection tracking knows, and that every rule treats as the one before it, has the same route, the same next hop and meets
the same rules behind PREROUTING. ``Passage`` keeps these for one connection and direction; it is good for one generation of the namespace
(every change of rules, addresses, routes, devices or switches begins another), and for packets of which nothing else has a say.
Whatever is not so goes the whole way: ``ip_forward`` and ``ip_output``, which stay the truth that this is compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.neigh import CONNECTED
from podwire.linux.netfilter.hooks import NF_INET_FORWARD, NF_INET_POST_ROUTING, pending
from podwire.linux.netfilter.walk import CTINFO, WALKS, Walk
from podwire.linux.path.output import dev_queue_xmit, ip_finish_output2
from podwire.trace.events import Forwarded
from podwire.trace.log import Record
from podwire.wire.headers import Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
    from podwire.linux.skb import Skb


NOTHING: Final = Walk(0, None, None)
NOTHING.way = 1
USELESS: Final = Walk(0, None, None)


class Passage:
    """From ``iif`` by ``dst``; ``walks`` are what counts or tells something at FORWARD and POSTROUTING. ``dst`` None: there is none."""

    __slots__ = ("dst", "forward", "generation", "iif", "mark", "output")

    def __init__(self, generation: int, iif: Link, mark: int, dst: Dst | None) -> None:
        self.generation = generation
        self.iif = iif
        self.mark = mark
        self.dst = dst
        self.forward: Walk | None = None
        self.output: Walk | None = None


def note(skb: Skb, netns: Netns, link: Link, dst: Dst, ct: Connection) -> None:
    """A packet of ``ct`` is about to be forwarded: may those that follow pass as it does?"""
    if skb.ctinfo not in CTINFO or skb.ip.tos:
        return
    known = ct.passages[skb.ctinfo]
    if known is not None and known.generation == netns.generation and known.iif is link:
        return
    found = Passage(netns.generation, link, skb.mark, None)
    out = dst.link
    if (
        out is not None
        and dst.device_mtu
        and dst.routed is not None
        and not (out.is_loopback or out.headerless or dst.redirect)
    ):
        walks = [_walk(skb, netns, ct, hook, link, out) for hook in (NF_INET_FORWARD, NF_INET_POST_ROUTING)]
        if None in walks:
            # Not everything was noted yet: the next packet may do.
            return
        if all(walk is not None and walk.way for walk in walks):
            found.dst = dst
            found.forward, found.output = (walk if walk is not None and walk.way > 1 else None for walk in walks)
    passages = list(ct.passages)
    passages[skb.ctinfo] = found
    ct.passages = tuple(passages)


def _walk(skb: Skb, netns: Netns, ct: Connection, hook: int, iif: Link, oif: Link) -> Walk | None:
    """The walk at a hook for packets as this one; ``NOTHING`` where nobody is there, None where none was noted yet."""
    if netns.at_hook[hook] is None:
        return NOTHING
    walk = ct.walks[hook * WALKS + skb.ctinfo]
    if (
        walk is None
        or walk.generation != netns.generation
        or walk.mark != skb.mark
        or walk.iif is not iif
        or walk.oif is not oif
    ):
        return None
    # A packet whose mark changes on its way is asked.
    return walk if walk.after == walk.mark else USELESS


def pass_on(skb: Skb, netns: Netns, passage: Passage, dst: Dst, ip: IPv4) -> bool:
    """Forward a packet as its flow passes; False where it has to go the whole way, and nothing was done."""
    out = dst.link
    assert out is not None  # noqa: S101 - it was noted with one
    if (
        ip.ttl <= 1
        or ip.options
        or ip.tos
        or skb.len > out.mtu
        or skb.frags
        or skb.pkt_type
        or skb.nf_trace
        or skb.nf_bridge is not None
        or netns.exceptions
    ):
        return False
    packet = skb.packet
    ttl = ip.ttl - 1
    lower = IPv4(
        ip.src, ip.dst, ip.proto, ttl, ip.tos, ip.id, ip.df, ip.mf, ip.frag, ip.options, ip.evil, ip.total_length
    )
    skb.packet = Packet((lower,) + packet.layers[1:], packet.payload)  # noqa: RUF005 - half the time
    skb.dst = dst
    skb.tunnel = dst.encap
    skb.dev = out
    forward, output = passage.forward, passage.output
    if forward is not None:
        if not forward.packets:
            pending(netns, forward)
        forward.packets += 1
        forward.octets += skb.len
    if output is not None:
        if not output.packets:
            pending(netns, output)
        output.packets += 1
        output.octets += skb.len
    machine = netns.machine
    if (sink := machine.log.sink) is not None:
        now, name, label, number = machine.world.now, machine.name, netns.label, skb.id
        sink(Record(now, name, label, number, dst.routed))  # type: ignore[arg-type] # it was noted with one
        if forward is not None:
            for event in forward.events:
                sink(Record(now, name, label, number, event))
        sink(Record(now, name, label, number, Forwarded(passage.iif.name, out.name, ttl)))
        if output is not None:
            for event in output.events:
                sink(Record(now, name, label, number, event))
    entry = dst.neighbour
    if (
        entry is None
        or entry.dead
        or entry.ip != (dst.gateway or ip.dst)
        or entry.state not in CONNECTED
        or skb.confirm
    ):
        ip_finish_output2(netns, skb, out)
        return True
    eth = entry.header
    if eth is None or eth.dst is not entry.mac or eth.src is not out.mac:
        eth = entry.header = Ethernet(entry.mac, out.mac)
    skb.eth = eth
    dev_queue_xmit(out, skb)
    return True
