"""Frames as bytes, and answers to frames. Plain Python: the driver inside the namespaces uses it, too."""

import struct

ICMP, TCP, UDP, SCTP = 1, 6, 17, 132
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MACS = {
    "a": "02000000000a",
    "b": "02000000000b",
    "ra": "020000000001",
    "rb": "020000000002",
}
"""Of the two hosts, and of the router's device at either."""
NEAR = {"a": "ra", "b": "rb"}


TOOLS = {"nft": "iptables-nft", "legacy": "iptables-legacy"}
SWITCHES = """
net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
net.ipv4.icmp_ratemask=0 net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=100000
net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
""".split()
"""Switches of every namespace of a case."""


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text: str) -> bytes:
    """An IPv4 address as bytes."""
    return bytes(map(int, text.split(".")))


def ipv4(
    src: bytes, dst: bytes, proto: int, body: bytes, *, ttl: int = 64, tos: int = 0, ident: int = 1, frag: int = 0x4000
) -> bytes:
    """A datagram; ``frag`` is the word of flags and offset."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(body), ident, frag, ttl, proto, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def transport(proto: int, src: bytes, dst: bytes, body: bytes) -> bytes:
    """A segment with its checksum written in."""
    at = {ICMP: 2, TCP: 16, UDP: 6}[proto]
    pseudo = b"" if proto == ICMP else src + dst + struct.pack("!BBH", 0, proto, len(body))
    body = body[:at] + b"\0\0" + body[at + 2 :]
    value = checksum(pseudo + body)
    if proto == UDP:
        value = value or 0xFFFF
    return body[:at] + struct.pack("!H", value) + body[at + 2 :]


def udp(sport: int, dport: int, data: bytes) -> bytes:
    """A UDP datagram without checksum."""
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def tcp(
    sport: int, dport: int, seq: int, ack: int, flags: int, *, window: int = 64240, data: bytes = b"", mss: int = 0
) -> bytes:
    """A TCP segment without checksum; with ``mss`` it bears that option."""
    options = struct.pack("!BBH", 2, 4, mss) if mss else b""
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (5 + len(options) // 4) << 4, flags, window, 0, 0)
    return head + options + data


def crc32c(data: bytes) -> int:
    """RFC 9260 appendix A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


INIT, INIT_ACK, SACK, COOKIE_ECHO, COOKIE_ACK, DATA, ABORT = 1, 2, 3, 10, 11, 0, 6
NEXT_CHUNK = {INIT: INIT_ACK, INIT_ACK: COOKIE_ECHO, COOKIE_ECHO: COOKIE_ACK, COOKIE_ACK: DATA, DATA: SACK}
SCTP_TAG = 0x01020304
"""Of both ends."""


def sctp(sport: int, dport: int, chunk: int, *, tag: int = SCTP_TAG) -> bytes:
    """A packet of SCTP with one chunk, and its checksum (RFC 9260 section 3)."""
    values = {
        INIT: struct.pack("!IIHHI", SCTP_TAG, 65535, 1, 1, 1),
        INIT_ACK: struct.pack("!IIHHIHH", SCTP_TAG, 65535, 1, 1, 1, 7, 4),
        SACK: struct.pack("!IIHH", 1, 65535, 0, 0),
        COOKIE_ECHO: b"cook",
        COOKIE_ACK: b"",
        DATA: struct.pack("!IHHI", 1, 0, 0, 0) + b"data",
        ABORT: b"",
    }
    value = values[chunk]
    body = struct.pack("!BBH", chunk, 3 if chunk == DATA else 0, 4 + len(value)) + value
    head = struct.pack("!HHI", sport, dport, 0 if chunk == INIT else tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + body)) + body


def icmp(kind: int, code: int, rest: int, data: bytes) -> bytes:
    """An ICMP message without checksum."""
    return struct.pack("!BBHI", kind, code, 0, rest) + data


def frame(side: str, packet: bytes) -> bytes:
    """From the host of that side to the router."""
    return bytes.fromhex(MACS[NEAR[side]] + MACS[side]) + b"\x08\x00" + packet


VXLAN = 4789
_VXLAN_HEAD = 16
"""Of UDP and of VXLAN."""


def unwrapped(body: bytes) -> bytes | None:
    """The frame inside a datagram of UDP, if it is one of VXLAN."""
    known = body[2:4] == struct.pack("!H", VXLAN) and body[8:12] == b"\x08\0\0\0"
    return body[_VXLAN_HEAD:] if known and len(body) > _VXLAN_HEAD + 34 else None


def wrapped(src: bytes, dst: bytes, vni: int, inner: bytes, *, sport: int = 40000, ident: int = 81) -> bytes:
    """A datagram of VXLAN (RFC 7348), without a checksum of UDP, around a frame."""
    body = udp(sport, VXLAN, struct.pack("!II", 0x08000000, vni << 8) + inner)
    return ipv4(src, dst, UDP, body, ident=ident, frag=0)


def parts(data: bytes) -> tuple[bytes, bytes, int, bytes]:
    """Source, destination, protocol and body of a frame's datagram."""
    packet = data[14:]
    size = (packet[0] & 15) * 4
    total = struct.unpack("!H", packet[2:4])[0]
    return packet[12:16], packet[16:20], packet[9], packet[size:total]


def answer(side: str, data: bytes, how: str) -> bytes | None:
    """What the host answers to a frame that it got; None where that cannot be answered so.

    ``reply``: what a server would say first; ``data``, ``fin`` and ``rst``: segments of the same connection; ``late``: data far out
    of the window; ``unreachable``, ``prohibited`` and ``exceeded``: ICMP errors about it; ``toobig``: fragmentation needed, 1200.
    """
    if data[12:14] != b"\x08\x00":
        return None
    src, dst, proto, body = parts(data)
    inner = unwrapped(body) if proto == UDP else None
    if inner is not None:
        # The answer of who is behind the other end of the tunnel.
        told = answer(side, inner, how)
        if told is None:
            return None
        vni = int.from_bytes(body[12:15], "big")
        return frame(side, wrapped(dst, src, vni, inner[6:12] + inner[:6] + told[12:]))
    packet = data[14:]
    if struct.unpack("!H", packet[6:8])[0] & 0x3FFF:
        return None
    errors = {"unreachable": (3, 3, 0), "prohibited": (3, 13, 0), "exceeded": (11, 0, 0), "toobig": (3, 4, 1200)}
    if how in errors:
        if proto == ICMP and body[0] not in {0, 8}:
            return None
        text = transport(ICMP, dst, src, icmp(*errors[how], packet[:48]))
        return frame(side, ipv4(dst, src, ICMP, text, ident=77, frag=0))
    if proto == UDP and how in {"reply", "data"}:
        sport, dport = struct.unpack("!HH", body[:4])
        return frame(side, ipv4(dst, src, UDP, transport(UDP, dst, src, udp(dport, sport, b"answer")), ident=78))
    if proto == ICMP and body[0] == 8 and how == "reply":
        return frame(side, ipv4(dst, src, ICMP, transport(ICMP, dst, src, b"\0" + body[1:]), ident=79))
    if proto == SCTP and how == "reply" and len(body) > 12 and body[12] in NEXT_CHUNK:
        sport, dport = struct.unpack("!HH", body[:4])
        return frame(side, ipv4(dst, src, SCTP, sctp(dport, sport, NEXT_CHUNK[body[12]]), ident=81))
    if proto == TCP:
        sport, dport, seq, ack, offset, flags = struct.unpack("!HHIIBB", body[:14])
        length = len(body) - (offset >> 4) * 4 + bool(flags & SYN) + bool(flags & FIN)
        if flags & RST:
            return None
        mine = ack if flags & ACK else 5000
        said = {
            "reply": (SYN | ACK, b"") if flags & SYN and not flags & ACK else (ACK, b""),
            "data": (PSH | ACK, b"some data"),
            "late": (PSH | ACK, b"lost"),
            "fin": (FIN | ACK, b""),
            "rst": (RST | ACK, b""),
        }[how]
        if how == "late":
            mine = mine + 900_000_000 & 0xFFFFFFFF
        text = tcp(
            dport, sport, mine, seq + length & 0xFFFFFFFF, said[0], data=said[1], mss=1460 if said[0] & SYN else 0
        )
        return frame(side, ipv4(dst, src, TCP, transport(TCP, dst, src, text), ident=80))
    return None
