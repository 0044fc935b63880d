"""Cutting and joining.

``ip_do_fragment`` (net/ipv4/ip_output.c) and ``ip_defrag`` (net/ipv4/ip_fragment.c, RFC 791 section 3.2).
"""

from __future__ import annotations

from errno import EMSGSIZE
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.skb import Skb
from podwire.trace.events import ByLink, ByNotModelled, Created, Dropped, Fragmented, Reassembled
from podwire.trace.reasons import DropReason
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import ICMP_DEST_UNREACH, ICMP_EXC_FRAGTIME, ICMP_FRAG_NEEDED, ICMP_TIME_EXCEEDED, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.linux.link import Link
    from podwire.linux.machine import Cancellable
    from podwire.linux.netns import Netns

_COPIED: Final = 0x80
"""Option types with this bit are copied into every fragment (RFC 791 section 3.1)."""
_END: Final = 0
_NOP: Final = 1
_MAX_LENGTH: Final = 65535
_OFFSET: Final = 0x1FFF
_DUPLICATE: Final = "duplicate fragment"
_Key = tuple[int, int, int, int, int]
"""Source, destination, IP id, protocol and user."""


def ip_fragment(netns: Netns, skb: Skb, link: Link, mtu: int) -> int:
    """``ip_fragment``: DF answers "fragmentation needed"; else what is too long leaves in pieces."""
    from podwire.linux.path.icmp import icmp_send
    from podwire.linux.path.output import ip_finish_output2

    ip = skb.ip
    log_on = netns.machine.log.on
    widest = max(skb.frags) + ip.size if skb.frags else 0
    if ip.df and not 0 < widest <= mtu:
        icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu)
        if log_on:
            netns.emit(
                skb.id, Dropped("ip_fragment", DropReason.PKT_TOO_BIG, ByLink(link.name, "mtu", str(mtu)), link.name)
            )
        return -EMSGSIZE
    return ip_do_fragment(netns, skb, link, mtu, lambda piece: ip_finish_output2(netns, piece, link))


def ip_do_fragment(netns: Netns, skb: Skb, link: Link, mtu: int, output: Callable[[Skb], int]) -> int:
    """``ip_do_fragment``: pieces of a multiple of 8 bytes, in order, each given to ``output``.

    The first piece that is not taken ends it: the rest is not sent.
    """
    ip = skb.ip
    log_on = netns.machine.log.on
    widest = max(skb.frags) + ip.size if skb.frags else 0
    data = to_bytes(skb.packet)[ip.size :]
    # What came in pieces leaves in pieces that are no longer (IPCB(skb)->frag_max_size): in the same ones where they still fit.
    room = min(mtu, widest or mtu) - ip.size
    lengths = iter(skb.frags if sum(skb.frags) == len(data) and widest <= mtu else ())
    if room < 8:
        if log_on:
            # ip_do_fragment would send empty pieces until some queue is full.
            missing = ByNotModelled(f"an MTU of {mtu} that leaves no room for data")
            netns.emit(skb.id, Dropped("ip_fragment", DropReason.NOT_MODELLED, missing, link.name))
        return 0
    world = netns.machine.world
    pieces: list[Skb] = []
    offset = 0
    while offset < len(data):
        # ip_frag_next: only a piece that is not the last has to be a multiple of 8.
        rest = data[offset:]
        chunk = rest[: next(lengths, len(rest) if len(rest) <= room else room & ~7)]
        # The sum is written into 16 bits of which the offset has 13: behind the end it runs into MF.
        place = ip.frag + offset // 8
        header = msgspec.structs.replace(
            ip,
            frag=place & _OFFSET,
            mf=ip.mf or len(chunk) < len(rest) or place > _OFFSET,
            options=ip.options if offset == 0 else _copied_options(ip.options),
            evil=False,
            checksum=None,
            total_length=None,
        )
        offset += len(chunk)
        piece = Skb(_decode(header, chunk), world.new_packet_id(), skb.dev)
        piece.dst, piece.mark, piece.local_out, piece.iif = skb.dst, skb.mark, skb.local_out, skb.iif
        piece.owner, piece.tunnel = skb.owner, skb.tunnel
        piece.nf_copy(skb)
        pieces.append(piece)
    if log_on:
        netns.emit(skb.id, Fragmented(mtu, tuple(piece.id for piece in pieces)))
        for piece in pieces:
            netns.emit(piece.id, Created(skb.id, "fragment", piece.packet))
    for index, piece in enumerate(pieces):
        error = output(piece)
        if skb.owner is not None:
            # A process sends: each transmit ends with the softirq that it has raised.
            netns.machine.run_softirq()
        if error:
            if log_on:
                by = ByLink(link.name, "fragment", str(index + 1))
                for rest_of_it in pieces[index + 1 :]:
                    netns.emit(rest_of_it.id, Dropped("ip_do_fragment", DropReason.NOT_SPECIFIED, by, link.name))
            return error
    return 0


def _decode(header: IPv4, data: bytes) -> Packet:
    """The piece as a reader of the wire would see it: the first one with its transport header."""
    return from_bytes(to_bytes(Packet((header,), data)), IPv4)


def _copied_options(options: bytes) -> bytes:
    """``ip_options_fragment``: what is not for later pieces becomes NOP, the length stays."""
    kept = bytearray(options)
    index = 0
    while index < len(kept) and kept[index] != _END:
        length = 1 if kept[index] == _NOP or index + 1 >= len(kept) else max(kept[index + 1], 1)
        if not kept[index] & _COPIED:
            for at in range(index, min(index + length, len(kept))):
                kept[at] = _NOP
        index += length
    return bytes(kept)


class FragmentQueue:
    """``struct ipq``: the pieces of one datagram so far, in order of arrival; ``data`` by offset in bytes."""

    __slots__ = ("data", "pieces", "timer", "total")

    def __init__(self) -> None:
        self.pieces: list[Skb] = []
        self.data: dict[int, bytes] = {}
        self.total = 0
        """Where the datagram ends, as far as is known; fixed once the last piece is there (``last``)."""
        self.timer: Cancellable | None = None

    @property
    def first(self) -> Skb | None:
        """The piece with the transport header."""
        return next((piece for piece in self.pieces if not piece.ip.frag), None)

    @property
    def last(self) -> bool:
        """INET_FRAG_LAST_IN: the piece without MF has come."""
        return any(not piece.ip.mf for piece in self.pieces)

    def runs(self) -> list[tuple[int, int]]:
        """The stretches that are there, as (begin, end), in order."""
        found: list[tuple[int, int]] = []
        for offset in sorted(self.data):
            end = offset + len(self.data[offset])
            if found and found[-1][1] == offset:
                found[-1] = (found[-1][0], end)
            else:
                found.append((offset, end))
        return found


def ip_defrag(netns: Netns, skb: Skb, link: Link, user: int = 0) -> Skb | None:
    """``ip_defrag``: None while pieces are missing; then a packet of its own that stands for the whole datagram.

    Each ``user`` (0 is local delivery) has queues of its own.
    """
    ip = skb.ip
    key = (int(ip.src), int(ip.dst), ip.id, ip.proto, user)
    queue = netns.fragments.get(key)
    world = netns.machine.world
    if queue is None:
        queue = netns.fragments[key] = FragmentQueue()
        seconds = netns.setting("ipfrag_time")
        queue.timer = world.at(world.now + seconds * 1_000_000_000, lambda: _expire(netns, key, link))
    problem = _frag_queue(queue, skb)
    if problem == _DUPLICATE:
        _discard(netns, [skb], link, problem)
        return None
    if problem:
        # discard_qp: what has come so far is worth nothing.
        _forget(netns, key, queue)
        _discard(netns, [*queue.pieces, skb], link, problem)
        return None
    if not queue.last or queue.runs() != [(0, queue.total)]:
        return None
    _forget(netns, key, queue)
    return _reassemble(netns, queue, skb, link)


def _frag_queue(queue: FragmentQueue, skb: Skb) -> str:
    """``ip_frag_queue`` and ``inet_frag_queue_insert``: take a piece; else what is wrong with it."""
    ip = skb.ip
    data = to_bytes(skb.packet)[ip.size :]
    offset = ip.frag * 8
    if ip.mf:
        # Every piece but the last is a multiple of 8; the surplus is cut off.
        data = data[: len(data) & ~7]
    end = offset + len(data)
    if queue.last and (end > queue.total or (not ip.mf and end != queue.total)):
        return "damaged fragment"
    if not ip.mf and end < queue.total:
        return "damaged fragment"
    if not data:
        return "damaged fragment"
    for begin, until in queue.runs():
        if begin <= offset and end <= until:
            return _DUPLICATE
        if offset < until and begin < end:
            return "overlapping fragment"
    queue.total = max(queue.total, end)
    queue.pieces.append(skb)
    queue.data[offset] = data
    return "" if end + ip.size <= _MAX_LENGTH else "damaged fragment"


def _forget(netns: Netns, key: _Key, queue: FragmentQueue) -> None:
    if queue.timer is not None:
        queue.timer.cancel()
    del netns.fragments[key]


def _discard(netns: Netns, pieces: list[Skb], link: Link, what: str) -> None:
    if netns.machine.log.on:
        for piece in dict.fromkeys(pieces):
            by = ByLink(link.name, what, f"id {piece.ip.id}")
            netns.emit(piece.id, Dropped("ip_frag_queue", DropReason.NOT_SPECIFIED, by, link.name))


def _reassemble(netns: Netns, queue: FragmentQueue, skb: Skb, link: Link) -> Skb:
    """``ip_frag_reasm``: the first piece's header; DF only where the longest piece had it."""
    first = queue.first
    assert first is not None  # noqa: S101 - a run from 0 has a first piece
    whole = b"".join(queue.data[offset] for offset in sorted(queue.data))
    longest = max(piece.len for piece in queue.pieces)
    df = any(piece.ip.df and piece.len == longest for piece in queue.pieces)
    header = msgspec.structs.replace(first.ip, mf=False, frag=0, df=df, evil=False, total_length=None, checksum=None)
    joined = Skb(_decode(header, whole), netns.machine.world.new_packet_id(), link, first.eth)
    joined.dst, joined.mark, joined.pkt_type, joined.iif = skb.dst, skb.mark, skb.pkt_type, skb.iif
    joined.nf_copy(first)
    joined.frags = tuple(len(queue.data[offset]) for offset in sorted(queue.data))
    if netns.machine.log.on:
        netns.emit(joined.id, Created(first.id, "reassembly", joined.packet))
        for piece in queue.pieces:
            netns.emit(piece.id, Reassembled(joined.id))
    return joined


def skb_morph(skb: Skb, whole: Skb) -> None:
    """``skb_morph``: the piece that came last goes on as the whole datagram."""
    skb.packet, skb.len, skb.id, skb.frags = whole.packet, whole.len, whole.id, whole.frags
    skb.eth, skb.frame = whole.eth, None
    skb.nf_copy(whole)


def _ends_here(netns: Netns, first: Skb, link: Link) -> bool:
    """``frag_expire_skip_icmp``: a machine in between, that joins fragments to look at them, says nothing (RFC 792)."""
    from podwire.linux.path.routein import ip_route_input

    ip = first.ip
    if first.dst is None:
        first.dst = ip_route_input(netns, ip.dst, ip.src, link, first.mark, ip.tos & 0x1C)
    return first.dst.kind == "local"


def _expire(netns: Netns, key: _Key, link: Link) -> None:
    """``ip_expire``: the pieces go; whoever sent the first one is told (11/1)."""
    from podwire.linux.path.icmp import icmp_send

    queue = netns.fragments.pop(key, None)
    if queue is None:
        return
    first = queue.first
    if first is not None and (not key[-1] or _ends_here(netns, first, link)):
        icmp_send(netns, first, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME)
    if netns.machine.log.on:
        for piece in queue.pieces:
            netns.emit(piece.id, Dropped("ip_expire", DropReason.FRAG_REASM_TIMEOUT, None, link.name))
    netns.machine.run_softirq()
