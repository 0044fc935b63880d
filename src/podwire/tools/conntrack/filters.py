"""Which connections a command means (``nfct_filter`` of conntrack.c, ``nfct_cmp`` of libnetfilter_conntrack)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.conntrack.entry import IPS_DST_NAT_DONE, IPS_SRC_NAT_DONE
from podwire.linux.netfilter.conntrack.tuple import IPPROTO_GRE, IPPROTO_SCTP
from podwire.wire.addr import AF_INET6
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP

if TYPE_CHECKING:
    from podwire.tools.conntrack.options import Command
    from podwire.tools.conntrack.told import Told
    from podwire.trace.events import Flow
    from podwire.wire.addr import Ip


def passes(cmd: Command, one: Told) -> bool:
    """``nfct_filter``: translation, mark, networks, then whatever was named."""
    return (
        cmd.family != AF_INET6
        and _nat(cmd, one)
        and _marked(cmd, one)
        and _networks(cmd, one)
        and tuples(cmd, one)
        and (not cmd.has("u") or one.status & cmd.status == cmd.status)
        and cmd.id in {None, one.id}
        and _zones(cmd, one)
        and _state(cmd, one)
    )


def dumped(cmd: Command, one: Told) -> bool:
    """What the kernel leaves out of a dump by itself, for ``-L``: by the status' bits (``ctnetlink_filter_match``)."""
    return not cmd.has("u") or one.status & cmd.status_mask == cmd.status


def updates(cmd: Command, one: Told) -> bool:
    """``mnl_nfct_update_cb``: what is to be changed does not choose."""
    return (
        cmd.family != AF_INET6
        and _nat(cmd, one)
        and _networks(cmd, one)
        and cmd.id in {None, one.id}
        and tuples(cmd, one)
    )


def _marked(cmd: Command, one: Told) -> bool:
    value, mask = cmd.mark
    return not cmd.has("m") or (one.mark is not None and one.mark & mask == value)


def _networks(cmd: Command, one: Told) -> bool:
    for addr, mask, have in ((cmd.src, cmd.src_mask, one.orig.src), (cmd.dst, cmd.dst_mask, one.orig.dst)):
        if addr is not None and mask is not None and have & mask != addr & mask:
            return False
    return True


def tuples(cmd: Command, one: Told) -> bool:
    """Addresses, protocol, ports."""
    orig, reply = one.orig, one.reply
    src = cmd.src if cmd.src_mask is None else None
    dst = cmd.dst if cmd.dst_mask is None else None
    wanted = ((src, orig.src), (dst, orig.dst), (cmd.reply_src, reply.src), (cmd.reply_dst, reply.dst))
    if any(want is not None and want != have for want, have in wanted):
        return False
    if cmd.proto is None:
        return True
    if orig.proto != cmd.proto.number:
        return False
    have = _numbers(orig, reply)
    return all(have[name] == value for name, value in cmd.l4.items() if name in have)


def _numbers(orig: Flow, reply: Flow) -> dict[str, int]:
    """What a tuple's third part is called on the command line."""
    if orig.proto == IPPROTO_ICMP:
        return {"icmp-type": orig.dport >> 8, "icmp-code": orig.dport & 0xFF, "icmp-id": orig.sport}
    names = (
        ("srckey", "dstkey", "reply-key-src", "reply-key-dst")
        if orig.proto == IPPROTO_GRE
        else ("sport", "dport", "reply-port-src", "reply-port-dst")
    )
    return dict(zip(names, (orig.sport, orig.dport, reply.sport, reply.dport), strict=True))


def _zones(cmd: Command, one: Told) -> bool:
    """A zone that is not told is 0."""
    where, zone = one.zone or ("none", 0)
    wanted = ((cmd.zone, ""), (cmd.orig_zone, "orig"), (cmd.reply_zone, "reply"))
    return all(want is None or want == (zone if where == name else 0) for want, name in wanted)


def _state(cmd: Command, one: Told) -> bool:
    wanted = cmd.l4.get("state")
    return wanted is None or (one.orig.proto in {IPPROTO_TCP, IPPROTO_SCTP} and one.state == wanted)


def _nat(cmd: Command, one: Told) -> bool:
    """``filter_nat``: translated sources, destinations, both or either, to an address and a port if these were named."""
    source = destination = False
    if cmd.has("n") or cmd.has("j"):
        done = bool(one.status & IPS_SRC_NAT_DONE)
        source = done and _translated(
            cmd.snat, (one.orig.src, one.orig.sport), (one.reply.dst, one.reply.dport), one.orig.proto
        )
    if cmd.has("g") or cmd.has("j"):
        done = bool(one.status & IPS_DST_NAT_DONE)
        destination = done and _translated(
            cmd.dnat, (one.orig.dst, one.orig.dport), (one.reply.src, one.reply.sport), one.orig.proto
        )
    if cmd.has("j"):
        return source or destination
    return (not cmd.has("n") or source) and (not cmd.has("g") or destination)


def _translated(to: tuple[Ip | None, int | None], was: tuple[Ip, int], now: tuple[Ip, int], proto: int) -> bool:
    """Address, port or both became others, and those that were asked for."""
    addr, port = to
    # An ICMP message has its type where others have a port.
    by_address, by_port = was[0] != now[0], was[1] != now[1] and proto != IPPROTO_ICMP
    if addr is None and port is None:
        return by_address or by_port
    return (addr is None or (by_address and addr == now[0])) and (port is None or (by_port and port == now[1]))
