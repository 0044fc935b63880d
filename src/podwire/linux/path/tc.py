"""The tc hooks: programs at ingress and egress of a device (net/core/dev.c, sch_handle_ingress, sch_handle_egress; net/core/filter.c).

A tap sees an incoming frame before the ingress hook and an outgoing one behind the egress hook.
"""

from __future__ import annotations

from errno import EACCES, EHOSTUNREACH, EINVAL
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from podwire.linux.bpf.context import (
    FIB_BLACKHOLE,
    FIB_FWD_DISABLED,
    FIB_NO_NEIGH,
    FIB_NOT_FWDED,
    FIB_PROHIBIT,
    FIB_SUCCESS,
    FIB_UNREACHABLE,
    FibLookup,
)
from podwire.linux.bpf.maps import BpfMap, LpmTrie
from podwire.linux.bpf.program import TC_ACT_REDIRECT, TC_ACT_SHOT, Hook, Program
from podwire.linux.fib import UNICAST
from podwire.linux.neigh import VALID
from podwire.linux.path.lookup import fib_lookup
from podwire.linux.path.neighbour import neigh_of, neigh_output
from podwire.linux.path.route import describe, ip_route_output
from podwire.trace.events import (
    BpfTrace,
    ByNotModelled,
    ByProgram,
    Created,
    Delivered,
    Dropped,
    Routed,
)
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Mac
from podwire.wire.headers import AnyHeader, Arp, Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.linux.tunnel import TunnelInfo

NET_XMIT_SUCCESS: Final = 0
NET_XMIT_DROP: Final = 1
_FIB_ERRORS: Final = {-EINVAL: FIB_BLACKHOLE, -EHOSTUNREACH: FIB_UNREACHABLE, -EACCES: FIB_PROHIBIT}


class SkBuff:
    """``struct __sk_buff`` of one run: see ``bpf.context.Context``."""

    __slots__ = ("_ending", "_hook", "_link", "_program", "_skb", "cb", "redirection")

    def __init__(self, skb: Skb, link: Link, hook: Hook, program: Program) -> None:
        self._skb = skb
        self._link = link
        self._hook = hook
        self._program = program
        self.cb: dict[str, int] = {}
        self._ending: tuple[DropReason, str] | None = None
        self.redirection: tuple[str, int, Ip | None] | None = None
        """``bpf_redirect_info``: how, the device, and the next hop."""

    # -- __sk_buff -----------------------------------------------------------------------------------------------

    @property
    def ifindex(self) -> int:
        return self._link.ifindex

    @property
    def ingress_ifindex(self) -> int:
        iif = self._skb.iif
        return 0 if iif is None or self._skb.local_out else iif.ifindex

    @property
    def observed(self) -> bool:
        return self._link.netns.machine.log.on

    @property
    def mark(self) -> int:
        return self._skb.mark

    @mark.setter
    def mark(self, value: int) -> None:
        self._skb.mark = value & 0xFFFFFFFF

    @property
    def eth(self) -> Ethernet:
        eth = self._skb.eth
        assert eth is not None  # noqa: S101 - a device with a hook has a MAC header
        return eth

    @property
    def ip(self) -> IPv4 | None:
        layers = self._skb.packet.layers
        return layers[0] if layers and type(layers[0]) is IPv4 else None

    @property
    def arp(self) -> Arp | None:
        layers = self._skb.packet.layers
        return layers[0] if layers and type(layers[0]) is Arp else None

    @property
    def transport(self) -> AnyHeader | None:
        layers = self._skb.packet.layers
        return layers[1] if len(layers) > 1 and type(layers[0]) is IPv4 else None

    def store_macs(self, *, dst: Mac | None = None, src: Mac | None = None) -> None:
        eth = self.eth
        self._skb.eth = Ethernet(eth.dst if dst is None else dst, eth.src if src is None else src, eth.type)

    def store_ip(self, header: IPv4) -> None:
        skb = self._skb
        skb.packet = skb.packet.replace(0, header)
        skb.len = skb.packet.size

    def store_answer(self, eth: Ethernet, message: Arp) -> None:
        skb, netns = self._skb, self._link.netns
        request, skb.id = skb.id, netns.machine.world.new_packet_id()
        skb.packet, skb.eth = Packet((message,)), eth
        skb.len = skb.packet.size
        if self.observed:
            netns.emit(request, Delivered("arp", "responder", self._by()))
            netns.emit(skb.id, Created(request, "reply", skb.packet))

    def change_type(self, kind: int) -> None:
        self._skb.pkt_type = kind

    # -- maps and calls ------------------------------------------------------------------------------------------

    def map(self, name: str) -> BpfMap[Any, Any]:
        found = self._link.netns.machine.bpf_maps.get(name)
        return found if found is not None else BpfMap(name)

    def lpm(self, name: str) -> LpmTrie[Any]:
        found = self._link.netns.machine.bpf_maps.get(name)
        return found if isinstance(found, LpmTrie) else LpmTrie(name)

    def tail_call(self, name: str, key: int) -> int | None:
        program = self.map(name).lookup(key)
        if not isinstance(program, Program):
            return None
        self._program = program
        return program.run(self, program.defines)

    # -- going elsewhere -----------------------------------------------------------------------------------------

    def redirect(self, ifindex: int) -> int:
        self.redirection = ("egress", ifindex, None)
        return TC_ACT_REDIRECT

    def redirect_peer(self, ifindex: int) -> int:
        self.redirection = ("peer", ifindex, None)
        return TC_ACT_REDIRECT

    def redirect_neigh(self, ifindex: int, nexthop: Ip | None = None) -> int:
        self.redirection = ("neigh", ifindex, nexthop)
        return TC_ACT_REDIRECT

    def fib_lookup(self, src: Ip, dst: Ip, ifindex: int) -> FibLookup:
        return bpf_ipv4_fib_lookup(self._link.netns, self._skb, src, dst, ifindex)

    def set_tunnel_key(self, key: TunnelInfo, detail: str = "") -> None:
        # The metadata takes the place of the route (skb_dst_drop).
        self._skb.dst = None
        self._skb.tunnel = replace(key, by=self._by(None, detail)) if self.observed else key

    def get_tunnel_key(self) -> TunnelInfo | None:
        return self._skb.tunnel

    # -- telling -------------------------------------------------------------------------------------------------

    def _by(self, reason: DropReason | None = None, detail: str = "") -> ByProgram:
        code, text = (reason.code, reason.text) if reason is not None else (0, "")
        program = self._program
        return ByProgram(program.name, self._link.name, self._hook, code, text, detail, program.owner)

    def trace(self, point: str, detail: str = "") -> None:
        if self.observed:
            self._link.netns.emit(self._skb.id, BpfTrace(self._by(), point, detail))

    def drop(self, reason: DropReason, detail: str = "") -> int:
        self._ending = (reason, detail)
        return TC_ACT_SHOT

    def not_modelled(self, what: str) -> int:
        self._ending = (DropReason.NOT_MODELLED, what)
        return TC_ACT_SHOT

    def shot(self) -> None:
        """Log the end of the packet, with what the program said of it."""
        if not self.observed:
            return
        plain = DropReason.TC_INGRESS if self._hook == "ingress" else DropReason.TC_EGRESS
        reason, detail = self._ending or (plain, "")
        unknown = reason is DropReason.NOT_MODELLED
        by = ByNotModelled(detail) if unknown else self._by(reason, detail)
        self._link.netns.emit(self._skb.id, Dropped(self._program.name, reason, by, self._link.name))

    def lost(self, detail: str) -> None:
        """``skb_do_redirect`` freed it."""
        if self.observed:
            by = self._by(None, detail)
            where = "skb_do_redirect"
            self._link.netns.emit(self._skb.id, Dropped(where, DropReason.NOT_SPECIFIED, by, self._link.name))


def sch_handle_ingress(skb: Skb, link: Link, program: Program) -> Link | None:
    """``sch_handle_ingress``: the device where the packet goes on being received; None where it was shot or went elsewhere.

    Another device than ``link`` is the pod's end of a veth (``bpf_redirect_peer``): there a tap sees it (``another_round``).
    """
    ctx = SkBuff(skb, link, "ingress", program)
    action = program.run(ctx, program.defines)
    if action == TC_ACT_SHOT:
        ctx.shot()
        return None
    if action == TC_ACT_REDIRECT:
        return skb_do_redirect(skb, link, ctx)
    return link


def sch_handle_egress(skb: Skb, link: Link, program: Program) -> int | None:
    """``sch_handle_egress``: None where the packet goes on to the device, else what ``dev_queue_xmit`` returns for it."""
    ctx = SkBuff(skb, link, "egress", program)
    action = program.run(ctx, program.defines)
    if action == TC_ACT_SHOT:
        ctx.shot()
        return NET_XMIT_DROP
    if action == TC_ACT_REDIRECT:
        skb_do_redirect(skb, link, ctx)
        return NET_XMIT_SUCCESS
    return None


def skb_do_redirect(skb: Skb, link: Link, ctx: SkBuff) -> Link | None:
    """``skb_do_redirect``: sends the packet where the program said; the peer's device where it is to be received again."""
    from podwire.linux.path.output import dev_queue_xmit

    assert ctx.redirection is not None  # noqa: S101 - TC_ACT_REDIRECT without a helper is -EINVAL in the kernel
    how, ifindex, nexthop = ctx.redirection
    target = link.netns.link_by_index(ifindex)
    if target is None:
        ctx.lost(f"device {ifindex} is not there")
        return None
    if how == "peer":
        peer = target.peer
        if peer is None or not peer.is_up or peer.netns is link.netns:
            ctx.lost(f"the other end of {target.name} is not up in another namespace")
            return None
        # skb_scrub_packet
        skb.dev, skb.dst, skb.tunnel, skb.owner, skb.local_out = peer, None, None, None, False
        peer.stats.rx_packets += 1
        peer.stats.rx_bytes += skb.len + 14
        return peer
    skb.dev = target
    if how == "neigh":
        bpf_redirect_neigh_v4(skb, target, nexthop, ctx)
    else:
        dev_queue_xmit(target, skb)
    return None


def bpf_redirect_neigh_v4(skb: Skb, link: Link, nexthop: Ip | None, ctx: SkBuff) -> None:
    """``__bpf_redirect_neigh_v4``: the next hop by the tables where none is given, then its neighbour entry."""
    netns = link.netns
    if nexthop is None:
        ip = skb.ip
        dst = ip_route_output(netns, ip.dst, ip.src, oif=link, mark=skb.mark, any_src=True)
        if dst.kind == "error" or dst.type != UNICAST or dst.link is not link:
            ctx.lost(f"no route to {ip.dst} by {link.name}")
            return
        skb.dst = dst
        nexthop = dst.gateway or ip.dst
    entry = neigh_of(link, nexthop)
    if entry is None:
        ctx.lost("the neighbour table is full")
        return
    neigh_output(entry, skb)


def bpf_ipv4_fib_lookup(netns: Netns, skb: Skb, src: Ip, dst: Ip, ifindex: int) -> FibLookup:
    """``bpf_ipv4_fib_lookup``: the tables as for a packet that came in by ``ifindex``, then the neighbour, without resolving it."""
    iif = netns.link_by_index(ifindex)
    if iif is None:
        return FibLookup(FIB_NOT_FWDED)
    if not iif.conf.forwarding:
        return FibLookup(FIB_FWD_DISABLED)
    result = fib_lookup(netns, dst, src, iif=iif)
    if netns.machine.log.on:
        by = describe(netns, result.route, result.nexthop, dst)
        rule = result.rule.priority if result.rule is not None else 0
        netns.emit(skb.id, Routed(dst, src, by, iif.name, rule))
    route, hop, out = result.route, result.nexthop, result.link
    if result.error or route is None or hop is None or out is None:
        return FibLookup(_FIB_ERRORS.get(-result.error, FIB_NOT_FWDED))
    if route.type != UNICAST:
        return FibLookup(FIB_NOT_FWDED)
    nexthop = hop.via or dst
    entry = netns.neighbours.get(nexthop, out)
    if entry is None or entry.state not in VALID:
        return FibLookup(FIB_NO_NEIGH, out.ifindex, nexthop)
    return FibLookup(FIB_SUCCESS, out.ifindex, nexthop, entry.mac, out.mac)
