"""How a segment is written in ``recorded``: who sent it, flags, relative numbers, window and options; nothing that differs from run to run."""

from __future__ import annotations

from collections.abc import Iterable

from podwire.wire.headers import Icmp, IPv4, Tcp
from podwire.wire.packet import Packet
from podwire.wire.tcp_options import parse, read

_FLAGS = ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (16, "."))
_MASK = 0xFFFFFFFF
_KINDS = {1: "nop", 2: "mss", 3: "wscale", 4: "sackOK", 5: "sack", 8: "TS"}


def notation(frames: Iterable[tuple[float, Packet]], *, timed: bool) -> list[str]:
    """A line for every IPv4 packet; ``frames`` are (seconds, packet). ``timed`` puts the seconds since the first one in front."""
    isn: dict[tuple[object, ...], int] = {}
    lines: list[str] = []
    start: float | None = None
    for time, frame in frames:
        ip = frame.find(IPv4)
        if ip is None:
            continue
        start = time if start is None else start
        tcp = frame.find(Tcp)
        text = _segment(frame, ip, tcp, isn) if tcp is not None else _other(frame, ip)
        lines.append(f"{time - start:.2f} {text}" if timed else text)
    return lines


def _other(frame: Packet, ip: IPv4) -> str:
    icmp = frame.find(Icmp)
    return f"{ip.src} > {ip.dst} " + (f"icmp {icmp.type}/{icmp.code}" if icmp is not None else f"proto {ip.proto}")


def _segment(frame: Packet, ip: IPv4, tcp: Tcp, isn: dict[tuple[object, ...], int]) -> str:
    key, back = (ip.src, tcp.sport, ip.dst, tcp.dport), (ip.dst, tcp.dport, ip.src, tcp.sport)
    if tcp.flags & 2:
        isn[key] = tcp.seq
    length = len(frame.payload)
    seq = tcp.seq - isn.get(key, tcp.seq if tcp.flags & 16 else 0) & _MASK
    flags = "".join(letter for bit, letter in _FLAGS if tcp.flags & bit)
    parts = [str(ip.src), f"ttl {ip.ttl}", "id 0" if not ip.id else "id", "DF" if ip.df else "", f"[{flags}]"]
    parts.append(f"seq {seq}:{seq + length}")
    if tcp.flags & 16:
        parts.append(f"ack {tcp.ack - isn.get(back, tcp.ack) & _MASK}")
    parts.append(f"win {tcp.window}")
    told = read(tcp.options)
    names = [_KINDS.get(option.kind, "?") for option in parse(tcp.options)]
    if told.mss is not None:
        names[names.index("mss")] = f"mss {told.mss}"
    if told.window_scale is not None:
        names[names.index("wscale")] = f"wscale {told.window_scale}"
    if told.sack:
        blocks = " ".join(
            f"{left - isn.get(back, 0) & _MASK}:{right - isn.get(back, 0) & _MASK}" for left, right in told.sack
        )
        names[names.index("sack")] = f"sack {blocks}"
    if names:
        parts.append(f"<{','.join(names)}>")
    return " ".join(part for part in parts if part)
