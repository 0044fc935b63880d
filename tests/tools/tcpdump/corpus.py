"""Frames of every kind that podwire's tcpdump prints, sound and damaged: what the real tool is asked about."""

import random
import struct

from podwire.wire import tcp_options
from podwire.wire.addr import BROADCAST, NO_MAC, Ip4, Mac
from podwire.wire.checksum import checksum, words
from podwire.wire.codec import to_bytes
from podwire.wire.headers import Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted

A, B = Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2")
MAC_A, MAC_B = Mac.parse("02:00:00:00:00:0a"), Mac.parse("02:00:00:00:00:0b")
POD, OTHER = Ip4.parse("192.168.1.9"), Ip4.parse("192.168.1.10")
SYN = tcp_options.build(mss=1460, sack_permitted=True, timestamp=(2639455605, 0), window_scale=7)
STAMP = tcp_options.build(timestamp=(5, 6))


def eth(kind=0x0800):
    return Ethernet(MAC_B, MAC_A, kind)


def frame(*layers, payload=b"", trailer=b""):
    return to_bytes(Packet((eth(), *layers), payload, trailer))


def arps():
    for op in range(12):
        for tha in (NO_MAC, MAC_B):
            packet = Packet((eth(0x0806), Arp(op, MAC_A, A, tha, B)), b"", bytes(18))
            yield to_bytes(packet)
    sound = to_bytes(Packet((Ethernet(BROADCAST, MAC_A, 0x0806), Arp(1, MAC_A, A, BROADCAST, A))))
    yield sound
    yield from (sound[: 14 + size] for size in range(28))
    for at in range(14, 22):
        for value in (0, 1, 3, 6, 15, 19, 255):
            yield sound[:at] + bytes((value,)) + sound[at + 1 :]


def datagrams():
    for tos in (0, 1, 2, 3, 0x10, 0xFF):
        yield frame(IPv4(A, B, 1, tos=tos, id=tos, df=bool(tos & 1)), Icmp(8, 0, 0x10001), payload=b"x" * 56)
    for protocol in range(256):
        yield frame(IPv4(A, B, protocol, ttl=protocol), payload=bytes(range(30)))
    for offset in (0, 1, 100):
        for more in (False, True):
            for protocol in (1, 4, 6, 17, 50, 200):
                yield frame(IPv4(A, B, protocol, frag=offset, mf=more), payload=bytes(range(64)))
    yield frame(IPv4(A, B, 1, evil=True), Icmp(8), payload=b"abc")
    yield frame(IPv4(A, B, 1, checksum=0x1234), Icmp(8, checksum=0x4321), payload=b"abc")
    yield from (frame(IPv4(A, B, 17, total_length=size), payload=b"abcdefghijklmn") for size in (0, 10, 20, 25, 200))
    yield frame(IPv4(A, B, 4), IPv4(POD, OTHER, 1), Icmp(8, 0, 7), payload=b"x" * 30)
    yield frame(IPv4(A, B, 4), IPv4(POD, OTHER, 6), Tcp(40000, 80, options=SYN))


IP_OPTIONS = (
    "94040000",
    "94040001",
    "070b080a0000010a00000200",
    "070b000a0000010a00000200",
    "8307040a00000101",
    "8907080a00000100",
    "440c05000000000000000000",
    "440c0d010000000000000000",
    "440c0df30000000000000000",
    "440c0d250000000000000000",
    "44030d00",
    "82040102",
    "52040102",
    "55040102",
    "07200400",
    "07010000",
    "01010100",
    "01010107",
)


def ip_options():
    for text in IP_OPTIONS:
        options = bytes.fromhex(text)
        for protocol, header in ((17, Udp(1, 2)), (6, Tcp(1, 2)), (1, Icmp(8))):
            yield frame(IPv4(A, B, protocol, options=options), header, payload=b"hi")


def icmps():
    inner = [
        Packet((IPv4(B, A, 17, df=True), Udp(1000, 53)), b"z" * 20),
        Packet((IPv4(B, A, 6, df=True), Tcp(1000, 80, seq=77)), b"z" * 20),
        Packet((IPv4(B, A, 1), Icmp(8, 0, 5)), b"z" * 20),
        Packet((IPv4(B, A, 99),), b"z" * 20),
    ]
    for packet in inner:
        for size in (28, packet.size):
            quote = Quoted(packet, size)
            for code in range(18):
                yield frame(IPv4(A, B, 1), Icmp(3, code, 1400 if code == 4 else 0), payload=quote)
            for code in range(6):
                yield frame(IPv4(A, B, 1), Icmp(5, code, 0x0A000001), payload=quote)
            for code in range(3):
                yield from (frame(IPv4(A, B, 1), Icmp(kind, code, 0x11000000), payload=quote) for kind in (4, 11, 12))
    for kind in range(45):
        yield frame(IPv4(A, B, 1), Icmp(kind, 0, 0x00030005), payload=bytes(range(60)))
        yield frame(IPv4(A, B, 1), Icmp(kind, 1, 0x02020E11), payload=bytes(range(4)))
    large = Packet((IPv4(B, A, 17, df=True), Udp(1000, 53)), b"z" * 2000)
    for size in (128, 200, 548):
        yield frame(IPv4(A, B, 1), Icmp(3, 3, 0), payload=Quoted(large, size))
    for objects in ("000801010010117f", "0008020100000000", "0004000000000000", "0010010100010203", ""):
        head = bytes.fromhex("20000000" + objects)
        quoted = to_bytes(large)[:128] + head
        yield frame(IPv4(A, B, 1), Icmp(11, 0, 0x00200000), payload=quoted)
        yield frame(IPv4(A, B, 1), Icmp(3, 3, 0), payload=quoted)


UDP_PORTS = [
    int(port)
    for port in (
        "1 7 22 67 69 80 123 161 319 500 514 520 546 750 1701 1985 2049 3456 3784 4500 4567 "
        "4789 5060 5353 6081 6696 7000 7777 8472 12223 16512 30490 40000 49152 53"
    ).split()
]


def udps():
    for port in UDP_PORTS:
        for other in (port, 40000):
            yield frame(IPv4(A, B, 17), Udp(other, port), payload=b"hello world!")
            yield frame(IPv4(A, B, 17), Udp(port, other), payload=b"he")
    yield frame(IPv4(A, B, 17), Udp(40000, 200), payload=b"ab\x02cdef")
    yield frame(IPv4(A, B, 17), Udp(40000, 5060), payload=b"INVITE sip:a SIP/2.0\r\nTo: b\r\n\r\n")
    for header in (Udp(1, 2, length=5), Udp(1, 2, length=50), Udp(1, 2, checksum=0), Udp(1, 2, checksum=7)):
        yield frame(IPv4(A, B, 17), header, payload=b"hello")
    yield frame(IPv4(A, B, 17, mf=True), Udp(1, 2, length=3000, checksum=7), payload=b"hello" * 20)


def overlays():
    segment = to_bytes(Packet((eth(), IPv4(POD, OTHER, 6), Tcp(40000, 80, options=SYN))))
    request = to_bytes(Packet((eth(0x0806), Arp(1, MAC_A, A, NO_MAC, B))))
    for port in (4789, 8472):
        for head in ("0800000000000500", "0000000000000500", "0801020301000509", "0800"):
            for inner in (segment, request, b"x", b""):
                yield frame(IPv4(A, B, 17), Udp(40000, port, checksum=0), payload=bytes.fromhex(head) + inner)
    heads = [
        "0000655800000500",
        "00c0080000000509",
        "01006558000005000102800161626364",
        "4000655800000500",
        "3f00655800000500",
        "0000123400000500",
        "0000",
        "0200655800000500010280010000000001028000",
    ]
    for head in heads:
        for inner in (segment, segment[14:], b""):
            yield frame(IPv4(A, B, 17), Udp(40000, 6081), payload=bytes.fromhex(head) + inner)


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: curl\r\n\r\n"
BODIES = (
    b"GET",
    b"GET ",
    b"GET /x",
    b"get / HTTP/1.0\n",
    b"GET\t/ x\r\n",
    b"HTTP/1.1  404 Not Found\r\n",
    b"HTTP/1.1\t404\r\n",
    b"X 200\r\n",
    b"X 2000\r\n",
    b"\r\nGET",
    b"POST /a\rb\n",
    b"A" * 127 + b" 200 x\n",
    b"A" * 128 + b" 200 x\n",
    b"A" * 129 + b" 200 x\n",
    b"GET \xff\n",
    b"GET /a\r",
)


def tcps():
    def out(**fields):
        return IPv4(A, B, 6, df=True), Tcp(40000, 80, **fields)

    def back(**fields):
        return IPv4(B, A, 6, df=True), Tcp(80, 40000, **fields)

    end = 1001 + len(REQUEST)
    yield frame(*out(seq=1000, flags=0x02, window=64240, options=SYN))
    yield frame(*back(seq=5000, ack=1001, flags=0x12, window=64240, options=SYN))
    yield frame(*out(seq=1001, ack=5001, flags=0x10, window=502, options=STAMP))
    yield frame(*out(seq=1001, ack=5001, flags=0x18, window=502, options=STAMP), payload=REQUEST)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    yield frame(*back(seq=5001, ack=end, flags=0x18, window=502, options=STAMP), payload=answer)
    yield frame(*back(seq=5100, ack=end, flags=0x18, window=502, options=STAMP), payload=b"\x00\x01body")
    sack = tcp_options.build(timestamp=(5, 6), sack=((6000, 6010), (7000, 7010)))
    yield frame(*out(seq=1001, ack=5001, flags=0x10, window=502, options=sack))
    yield frame(*back(seq=1001, ack=5001, flags=0x10, window=502, options=sack))
    for body in BODIES:
        for port in (80, 8080, 21, 22, 23, 25, 43, 554, 8554):
            yield frame(IPv4(A, B, 6), Tcp(50000, port, flags=0x18, ack=7), payload=body)
    for greeting in (b"SSH-2.0-OpenSSH_9.2p1\r\n", b"SSH-2.0\n", b"SSH-2.0", b"SSH", b"SSH-a\x01\n", b"SSH-a\rx"):
        yield frame(IPv4(A, B, 6), Tcp(22, 50000, flags=0x18, ack=7), payload=greeting)
    yield frame(IPv4(A, B, 6), Tcp(23, 50000, flags=0x18, ack=7), payload=b"\xff\xfd\x01")
    for port in (53, 139, 179, 323, 445, 639, 646, 1723, 2049, 6379, 6633, 6653, 10288):
        yield frame(IPv4(A, B, 6), Tcp(port, 50000, flags=0x18, ack=7), payload=bytes(range(40)))
    for flags in range(256):
        header = Tcp(1000 + flags, 2000, seq=7, ack=9, flags=flags, urgent=3)
        yield frame(IPv4(A, B, 6), header, payload=b"q" * (flags % 3))
    yield frame(IPv4(A, B, 6), Tcp(1, 2, flags=4), payload=b"reset \x01\xff because of something very long indeed")
    yield frame(IPv4(A, B, 6), Tcp(7, 7, seq=9, ack=4, flags=0x10))
    yield frame(IPv4(B, A, 6), Tcp(7, 7, seq=5, ack=11, flags=0x10))


def options_of_tcp():
    for kind in range(256):
        for body in (b"", b"\x01", b"\x00\x01", b"abc", b"abcd", b"abcdefgh", b"a" * 16, b"\xf9\x89abcd"):
            if kind > 40 and kind != 254 and len(body) not in (0, 3):
                continue
            raw = bytes((kind, len(body) + 2)) + body
            raw += b"\x01" * (-len(raw) % 4)
            yield frame(IPv4(A, B, 6), Tcp(1, 2, flags=0x10, options=raw), payload=b"dd")
    for text in ("02010000", "0102ff00", "01010108", "050a000000000000", "01010102"):
        yield frame(IPv4(A, B, 6), Tcp(1, 2, flags=0x10, options=bytes.fromhex(text)), payload=b"\x04\x04")


def links():
    payload = bytes(range(40))
    for kind in (0x1234, 0x8100, 0x88A8, 0x9100, 0x6004, 0x0600, 0x05DD, 1501, 0x0200, 0x86DD, 0x88CC, 100):
        yield to_bytes(Packet((eth(kind),), payload))
    sound = frame(IPv4(A, B, 1), Icmp(8, 0, 1), payload=payload)
    for tags in ("81006005", "88a8700581000007", "8100600581", "81000005"):
        yield sound[:12] + bytes.fromhex(tags) + sound[12:]
    yield from (sound[:size] for size in range(1, 44))


def name(text):
    return b"".join(bytes((len(part),)) + part.encode() for part in text.split(".") if part) + b"\0"


def record(kind, data, owner=b"\xc0\x0c", ttl=30, cls=1):
    return owner + struct.pack(">HHIH", kind, cls, ttl, len(data)) + data


def dns():
    web = name("web.default.svc.cluster.local")
    messages = [
        struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + web + struct.pack(">HH", kind, 1) for kind in range(1, 60)
    ]
    messages.append(struct.pack(">HHHHHH", 7, 0x2530, 1, 1, 1, 1) + web + struct.pack(">HH", 255, 3))
    edns = "000a000831323334353637380008000700011800" + "0a0000" + "00030003616263000c000200000063" + "0001" + "7a"
    messages.append(
        struct.pack(">HHHHHH", 7, 0x0120, 1, 0, 0, 1)
        + web
        + struct.pack(">HH", 1, 1)
        + record(41, bytes.fromhex(edns), b"\0", 0x8000, 1232)
    )
    for code in range(16):
        flags = 0x8180 | code | (code & 1) << 10 | (code & 2) << 8 | (code & 4) << 3
        messages.append(struct.pack(">HHHHHH", code, flags, 1, 0, 0, 0) + web + struct.pack(">HH", 1, 1))
    answers = [
        record(1, A.to_bytes(4)),
        record(5, name("other") + b""),
        record(28, bytes(10) + b"\xff\xff\x01\x02\x03\x04"),
        record(28, bytes.fromhex("fe80" + "00" * 13 + "01")),
        record(16, b'\x05hello\x03w"\x01', ttl=90061),
        record(33, struct.pack(">HHH", 1, 2, 80) + name("x.y")),
        record(15, struct.pack(">H", 10) + name("m.x")),
        record(6, name("m") + name("r") + struct.pack(">IIIII", 1, 2, 3, 4, 5)),
        record(12, b"\xc0\x10"),
        record(48, b"xyz"),
        record(250, name("k") + bytes(6) + b"\x00\x05\x00\x02xx\x00\x01\x00\x02\x00\x00"),
        record(38, b"\x40" + bytes(range(8)) + name("a")),
        record(256, b"\x00\x01\x00\x02http"),
    ]
    head = struct.pack(">HHHHHH", 9, 0x8580, 1, len(answers), 1, 1) + web + struct.pack(">HH", 1, 1)
    messages.append(head + b"".join(answers) + answers[7] + record(41, b"", b"\0", 0x01008000, 4096))
    messages += [messages[-1][:size] for size in range(0, len(messages[-1]), 9)]
    messages.append(struct.pack(">HHHHHH", 5, 0x8180, 1, 0, 0, 0) + b"\xc0\x40\0\1\0\1")
    messages.append(struct.pack(">HHHHHH", 5, 0x0100, 1, 0, 0, 0) + b"\x41\x0babcdef\0\0\1\0\1")
    messages.append(struct.pack(">HHHHHH", 5, 0x0100, 1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 5 + b"\0\0\1\0\1")
    for message in messages:
        for source, destination in ((5000, 53), (53, 5000), (5353, 5353)):
            yield frame(IPv4(A, B, 17), Udp(source, destination), payload=message)
        data = len(message).to_bytes(2) + message
        yield frame(IPv4(A, B, 6), Tcp(5000, 53, flags=0x18), payload=data)


def igmps():
    group, sources = Ip4.parse("239.1.1.1").to_bytes(4), A.to_bytes(4) + B.to_bytes(4)
    queries = [bytes(4), group, group + b"\0\0"]
    queries += [to + b"\2\x7d\0" + bytes((count,)) + sources for to in (bytes(4), group) for count in (0, 2, 5)]
    messages = [bytes((0x11, time, 0, 0)) + query for time in (0, 20, 100, 0x9A, 0xE0, 0xFF) for query in queries]
    for kind in (0x12, 0x13, 0x14, 0x16, 0x17, 0x1E, 0x1F, 0x30):
        messages += [bytes((kind, 0, 0, 0)) + group, bytes((kind, 0, 0, 0)) + group + sources]
    for kind in range(8):
        for count in (0, 1, 2, 3):
            record = bytes((kind, 0, 0, count)) + group + sources
            messages += [bytes((0x22, 0, 0, 0, 0, 0, 0, number)) + record for number in (1, 2)]
    messages += [messages[-1][:size] for size in range(0, 24, 3)]
    for message in messages:
        sound = message[:2] + checksum(words(message)).to_bytes(2) + message[4:]
        for data in (message, sound):
            yield frame(IPv4(A, B, 2, 1, 0xC0, df=True, options=bytes.fromhex("94040000")), payload=data)


MAKERS = (arps, datagrams, ip_options, icmps, udps, overlays, tcps, options_of_tcp, links, dns, igmps)
FRAMES = [data for maker in MAKERS for data in maker()]


def damaged(seed, count, frames=FRAMES):
    """Frames with some bytes changed, cut or added."""
    stream = random.Random(seed)
    return [damage(stream, stream.choice(frames)) for _ in range(count)]


def damage(stream, data):
    data = bytearray(data)
    for _ in range(stream.choice((1, 1, 2, 3, 6))):
        how = stream.random()
        if how < 0.65 and data:
            at = stream.randrange(min(len(data), stream.choice((20, 38, 60, 2000))))
            data[at] = stream.choice((0, 1, 0xFF, 0x45, 0x46, 0x4F, 6, 17, stream.randrange(256)))
        elif how < 0.8:
            del data[stream.randrange(len(data) + 1) :]
        elif how < 0.9:
            data += stream.randbytes(stream.randrange(20))
        else:
            at = stream.randrange(len(data) + 1)
            data[at:at] = stream.randbytes(stream.choice((1, 2, 4, 8)))
    return bytes(data) or b"\0"


def cooked(data, stream, version=2):
    """The frame as a capture on ``any`` might hold it."""
    kind, sender, rest = data[12:14], data[6:12], data[14:]
    packet_type = stream.choice((0, 1, 2, 3, 4, stream.randrange(9)))
    size = stream.choice((6, 6, 6, 0, 4))
    if version == 2:
        head = kind + bytes(2) + stream.choice((1, 2, 3, 77)).to_bytes(4) + stream.choice((1, 772, 768)).to_bytes(2)
        return head + bytes((packet_type, size)) + sender + bytes(2) + rest
    return packet_type.to_bytes(2) + b"\0\1" + size.to_bytes(2) + sender + bytes(2) + kind + rest
