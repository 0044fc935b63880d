"""Compares what the two worlds saw of a case.

Masked is what one kernel draws anew each time: IP ids and ports that NAT chose (named in the order of their appearance), timeouts, the
order of connections, how the trace calls a packet. A checksum that is left to a device which is not there counts as right.
"""

import difflib
import re
import struct

from tests.oracle.rules import packets
from tests.oracle.rules.case import Case, Seen

_KNOWN_PORTS = {500, 53, 80, 443, 8080, 30007, 1000, 40000, 40001, 7777, 4789}
_SENT_IDS = {1, 77, 78, 79, 80, 81}
_DRAWN = range(100, 60001)
_TIMESTAMP_REPLY = 14
_XT_RETURN = "0xfffffffb"
"""What iptables-nft 1.8.9 calls RETURN in a trace."""
_WRITER = re.compile(r"  \[iptables\]$", re.MULTILINE)
"""Who wrote a rule, behind a line of ``podwire trace --detailed``."""
_PACKET = re.compile(r"^PACKET: 2 (\w+) (.*?) *$")
_OF_PACKET = re.compile(r"\b(SPORT|DPORT|ID)=(\d+)")
_STAMP = re.compile(r"^# (Generated|Completed) .*\n", re.MULTILINE)
_TIMES = re.compile(r"^((?:ipv4 +2 )?\w+ +\d+) \d+ ", re.MULTILINE)
_PORT = re.compile(r"\b(sport|dport|id)=(\d+)")
_FLOW = re.compile(r" use=\d+| id=\d+$", re.MULTILINE)
_SEED = re.compile(r" initval 0x[0-9a-f]+")
_RULE = re.compile(r"^ TRACE: 2 (\w+) (\w+):([^:\s]+):(rule|return|policy)(?::(?:0x)?[0-9a-f]+(?=:))?:?(\S*) *(.*)$")


class Names:
    """Names for what is drawn anew each time."""

    def __init__(self, case: Case) -> None:
        self.ports: dict[int, str] = {}
        sent = [bytes.fromhex(item.data) for item in case.packets if hasattr(item, "data")]
        self.idents = _SENT_IDS | {struct.unpack("!H", data[18:20])[0] for data in sent} | {0}
        self.icmp_ids = set(range(1, 8))

    def port(self, value: int) -> str:
        """A port, or an ICMP id."""
        if value in _KNOWN_PORTS or value in self.icmp_ids or value == 0:
            return str(value)
        return self.ports.setdefault(value, f"port{len(self.ports)}")

    def ident(self, value: int) -> str:
        """An IP id."""
        return str(value) if value in self.idents else "new"


def _dotted(data: bytes) -> str:
    return ".".join(map(str, data))


def _good(proto: int, src: bytes, dst: bytes, body: bytes) -> str:
    at = {packets.ICMP: 2, packets.TCP: 16, packets.UDP: 6}[proto]
    have = body[at : at + 2]
    partial = struct.pack("!H", ~packets.checksum(src + dst + struct.pack("!BBH", 0, proto, len(body))) & 0xFFFF)
    want = packets.transport(proto, src, dst, body)[at : at + 2]
    return (
        ""
        if have == want or (proto != packets.ICMP and have == partial) or (proto == packets.UDP and have == b"\0\0")
        else " bad checksum"
    )


def datagram(data: bytes, names: Names, *, quoted: bool = False) -> str:
    """A datagram as text."""
    size = (data[0] & 15) * 4
    tos, total, ident, frag, ttl, proto = data[1], *struct.unpack("!HHHBB", data[2:10])
    src, dst = data[12:16], data[16:20]
    body = data[size:] if quoted else data[size:total]
    text = f"{_dotted(src)} > {_dotted(dst)} proto {proto} tos {tos:#x} len {total} id {names.ident(ident)} frag {frag:#x} ttl {ttl}"
    if packets.checksum(data[:size]):
        text += " bad header checksum"
    if proto == packets.SCTP and not frag & 0x3FFF and len(body) >= (8 if quoted else 12):
        sport, dport = struct.unpack("!HH", body[:4])
        good = quoted or struct.pack("<I", packets.crc32c(body[:8] + bytes(4) + body[12:])) == body[8:12]
        rest = f"{body[4:8].hex()} {body[12:].hex()}{'' if good else ' bad checksum'}"
        return f"{text} sctp {names.port(sport)} > {names.port(dport)} {rest}"
    if frag & 0x1FFF or proto not in {1, 6, 17} or len(body) < 8:
        return f"{text} {body.hex()}"
    # A segment that is cut off has no checksum to look at.
    whole = not quoted and not frag & 0x2000
    bad = _good(proto, src, dst, body) if whole else ""
    if proto == packets.UDP:
        sport, dport, length = struct.unpack("!HHH", body[:6])
        inner = packets.unwrapped(body)
        if inner is not None and not quoted:
            head = f"{text} udp {names.port(sport)} > {dport} len {length} vxlan {body[8:16].hex()}{bad}"
            return f"{head} ({frame(inner, names)})"
        return f"{text} udp {names.port(sport)} > {names.port(dport)} len {length} {body[8:].hex()}{bad}"
    if proto == packets.TCP:
        sport, dport = struct.unpack("!HH", body[:4])
        rest = body[4:16].hex() + ("" if quoted else f" {body[18:].hex()}")
        return f"{text} tcp {names.port(sport)} > {names.port(dport)} {rest}{bad}"
    kind, code, _, rest = struct.unpack("!BBHI", body[:8])
    if kind in {3, 4, 5, 11, 12} and len(body) >= 28:
        return f"{text} icmp {kind}/{code} {rest:08x}{bad} ({datagram(body[8:], names, quoted=True)})"
    if kind == _TIMESTAMP_REPLY:
        # When it was received and sent: a real one tells the time of day.
        body = body[:12]
    return f"{text} icmp {kind}/{code} id {names.port(rest >> 16)} {rest & 0xFFFF:#x} {body[8:].hex()}{bad}"


def frame(data: bytes, names: Names) -> str:
    """A frame as text."""
    head = f"{data[6:12].hex()} > {data[:6].hex()}"
    return f"{head} {datagram(data[14:], names)}" if data[12:14] == b"\x08\x00" else f"{head} {data[12:].hex()}"


def connections(text: str, names: Names) -> str:
    """The connections, without times, sorted."""
    text = _SEED.sub("", _FLOW.sub("", _TIMES.sub(r"\1 ", text)))
    text = _PORT.sub(lambda found: f"{found[1]}={names.port(int(found[2]))}", text)
    return "".join(sorted(line for line in text.splitlines(keepends=True) if not line.startswith("conntrack v")))


def traced(text: str, names: Names | None = None) -> str:
    """What each packet met, in order: table, chain, verdict and the rule's text.

    With ``names`` also what the packet then was, instead of a number for it: what was joined bears the name of its last piece.
    """
    order: dict[str, int] = {}
    lines = []
    count = 0
    before = ""
    for line in text.splitlines():
        if names is not None and (packet := _PACKET.match(line)) is not None:
            before = _OF_PACKET.sub(lambda found: f"{found[1]}={_named(names, found[1], int(found[2]))}", packet[2])
            continue
        found = _RULE.match(line)
        if found is not None:
            # The kernel's name of a packet is where its buffer lies: a later packet may bear it again.
            if found[1] not in order or found[6].endswith(" -j TRACE"):
                order[found[1]] = count
                count += 1
            number = order[found[1]]
            who = "" if names is not None else f"#{number} "
            if before:
                lines.append(f"{who}{before}")
                before = ""
            verdict = "RETURN" if found[5] == _XT_RETURN else found[5]
            lines.append(f"{who}{found[2]}:{found[3]}:{found[4]}:{verdict} {found[6].strip()}".rstrip())
    return "\n".join(lines) + "\n"


def _by_packet(text: str) -> str:
    """What each packet met, whichever came first: a joined datagram is known by its events before the answer to it is."""
    met: dict[str, list[str]] = {}
    for line in text.splitlines(keepends=True):
        number, _, rest = line.partition(" ")
        met.setdefault(number, []).append(rest)
    return "\n".join(sorted("".join(rest) for rest in met.values()))


def _named(names: Names, word: str, value: int) -> str:
    return names.ident(value) if word == "ID" else names.port(value)


def whole(case: Case, seen: Seen) -> str:
    """All that has to be equal."""
    names = Names(case)
    frames = [f"{number} {side} {frame(bytes.fromhex(data), names)}\n" for number, side, data in seen.frames]
    saved = _STAMP.sub("", seen.saved)
    parts = (
        f"{seen.error}\n" if seen.error else "",
        "frames\n",
        *frames,
        *(f"{number} refused: errno {errno}\n" for number, errno in seen.refused),
        "saved\n",
        saved,
        "connections\n",
        connections(seen.connections, names),
        f"trace\n{traced(seen.trace, names)}" if case.trace else "",
    )
    return "".join(parts)


def lines(real: str, ours: str) -> str:
    """A unified diff of two texts."""
    return "\n".join(difflib.unified_diff(real.splitlines(), ours.splitlines(), "kernel", "podwire", lineterm="", n=2))


def difference(case: Case, real: Seen, ours: Seen) -> str:
    """A unified diff; "" if the two agree."""
    one, other = whole(case, real), whole(case, ours)
    if one != other:
        return lines(one, other)
    # An event stands before what its rule sets off, a line of the monitor behind it: packet by packet they are the same.
    events, monitor = (_by_packet(traced(text)) for text in (_WRITER.sub("", ours.told), ours.trace))
    if events != monitor:
        return f"podwire's events tell of other rules than its xtables-monitor:\n{lines(monitor, events)}"
    return ""
