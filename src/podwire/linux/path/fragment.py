"""Cutting and joining: ``ip_do_fragment`` (net/ipv4/ip_output.c) and ``ip_defrag`` (net/ipv4/ip_fragment.c, RFC 791 section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.skb import Skb
from podwire.trace.events import ByLink, Created, Dropped, Fragmented, Reassembled
from podwire.trace.reasons import DropReason
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import ICMP_DEST_UNREACH, ICMP_EXC_FRAGTIME, ICMP_FRAG_NEEDED, ICMP_TIME_EXCEEDED, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.machine import Cancellable
    from podwire.linux.netns import Netns

_COPIED: Final = 0x80
"""Option types with this bit are copied into every fragment (RFC 791 section 3.1)."""


def ip_fragment(netns: Netns, skb: Skb, link: Link, mtu: int) -> None:
    """``ip_fragment``: DF answers "fragmentation needed"; else pieces of a multiple of 8 bytes, in order."""
    from podwire.linux.path.icmp import icmp_send
    from podwire.linux.path.output import ip_finish_output2

    ip = skb.ip
    log_on = netns.machine.log.on
    if ip.df:
        icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu)
        if log_on:
            netns.emit(
                skb.id, Dropped("ip_fragment", DropReason.PKT_TOO_BIG, ByLink(link.name, "mtu", str(mtu)), link.name)
            )
        return
    data = to_bytes(skb.packet)[ip.size :]
    step = mtu - ip.size & ~7
    world = netns.machine.world
    pieces: list[Skb] = []
    for offset in range(0, len(data), step):
        chunk = data[offset : offset + step]
        header = msgspec.structs.replace(
            ip,
            frag=ip.frag + offset // 8,
            mf=ip.mf or offset + len(chunk) < len(data),
            options=ip.options if offset == 0 else _copied_options(ip.options),
            checksum=None,
            total_length=None,
        )
        piece = Skb(_decode(header, chunk), world.new_packet_id(), skb.dev)
        piece.dst, piece.mark, piece.local_out, piece.iif = skb.dst, skb.mark, skb.local_out, skb.iif
        pieces.append(piece)
    if log_on:
        netns.emit(skb.id, Fragmented(mtu, tuple(piece.id for piece in pieces)))
        for piece in pieces:
            netns.emit(piece.id, Created(skb.id, "fragment"))
    for piece in pieces:
        ip_finish_output2(netns, piece, link)


def _decode(header: IPv4, data: bytes) -> Packet:
    """The piece as a reader of the wire would see it: the first one with its transport header."""
    return from_bytes(to_bytes(Packet((header,), data)), IPv4)


def _copied_options(options: bytes) -> bytes:
    kept = b""
    index = 0
    while index < len(options):
        kind = options[index]
        if kind == 0:
            break
        length = 1 if kind == 1 else options[index + 1] if index + 1 < len(options) else 1
        if kind & _COPIED:
            kept += options[index : index + length]
        index += max(length, 1)
    return kept + bytes(-len(kept) % 4)


class FragmentQueue:
    """``struct ipq``: the pieces of one datagram so far, by offset in bytes."""

    __slots__ = ("first", "pieces", "timer", "total")

    def __init__(self) -> None:
        self.pieces: dict[int, tuple[Skb, bytes]] = {}
        self.first: Skb | None = None
        self.total: int | None = None
        self.timer: Cancellable | None = None


def ip_defrag(netns: Netns, skb: Skb, link: Link) -> Skb | None:
    """``ip_defrag``: None while pieces are missing; then a packet of its own that stands for the whole datagram."""
    ip = skb.ip
    key = (int(ip.src), int(ip.dst), ip.id, ip.proto)
    queue = netns.fragments.get(key)
    world = netns.machine.world
    if queue is None:
        queue = netns.fragments[key] = FragmentQueue()
        seconds = netns.setting("ipfrag_time")
        queue.timer = world.at(world.now + seconds * 1_000_000_000, lambda: _expire(netns, key, link))
    data = to_bytes(skb.packet)[ip.size :]
    offset = ip.frag * 8
    queue.pieces.setdefault(offset, (skb, data))
    if offset == 0:
        queue.first = skb
    if not ip.mf:
        queue.total = offset + len(data)
    whole = _join(queue)
    if whole is None or queue.first is None:
        return None
    if queue.timer is not None:
        queue.timer.cancel()
    del netns.fragments[key]
    head = queue.first.ip
    header = msgspec.structs.replace(head, mf=False, frag=0, df=False, total_length=None, checksum=None)
    joined = Skb(_decode(header, whole), world.new_packet_id(), link, queue.first.eth)
    joined.dst, joined.mark, joined.pkt_type, joined.iif = skb.dst, skb.mark, skb.pkt_type, skb.iif
    if netns.machine.log.on:
        netns.emit(joined.id, Created(queue.first.id, "reassembly"))
        for piece, _ in queue.pieces.values():
            netns.emit(piece.id, Reassembled(joined.id))
    return joined


def _join(queue: FragmentQueue) -> bytes | None:
    if queue.total is None:
        return None
    data = b""
    while len(data) < queue.total:
        piece = queue.pieces.get(len(data))
        if piece is None or not piece[1]:
            return None
        data += piece[1]
    return data


def _expire(netns: Netns, key: tuple[int, int, int, int], link: Link) -> None:
    """``ip_expire``: the pieces go; whoever sent the first one is told (11/1)."""
    from podwire.linux.path.icmp import icmp_send

    queue = netns.fragments.pop(key, None)
    if queue is None:
        return
    if queue.first is not None:
        icmp_send(netns, queue.first, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME)
    if netns.machine.log.on:
        for piece, _ in queue.pieces.values():
            netns.emit(piece.id, Dropped("ip_expire", DropReason.FRAG_REASM_TIMEOUT, None, link.name))
    netns.machine.run_softirq()
