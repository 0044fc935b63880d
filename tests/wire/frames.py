"""Frames of a real machine: Linux 6.18, two namespaces on a veth with ``ethtool -K … tx off``, written by tcpdump 4.99.3.

10.9.0.1 is 02:00:00:00:00:01, 10.9.0.2 is 02:00:00:00:00:02, the MTU is 1460.
"""

from __future__ import annotations

from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

MAC1, MAC2 = Mac(0x020000000001), Mac(0x020000000002)
IP1, IP2 = Ip4(0x0A090001), Ip4(0x0A090002)
THERE, BACK = Ethernet(MAC2, MAC1), Ethernet(MAC1, MAC2)

ECHO_PAYLOAD = bytes.fromhex("3febff6a00000000ce740a0000000000") + bytes(range(0x10, 0x38))
UNREACHABLE_QUOTE = bytes.fromhex("45000021c2d74000401163e00a0900010a090002830514e9000d0fff68656c6c6f")

SYN = "0204058c0402080a2c69aed8000000000103030a"
"""mss 1420, sackOK, TS val 745123544 ecr 0, nop, wscale 10"""
LATER = "0101080a2c69aed81455454a"
"""nop, nop, TS val 745123544 ecr 341132618"""

FRAMES = {
    "ARP request": (
        "ffffffffffff020000000001080600010800060400010200000000010a0900010000000000000a090002",
        Packet((Ethernet(Mac(2**48 - 1), MAC1, 0x0806), Arp(1, MAC1, IP1, Mac(0), IP2))),
    ),
    "ARP reply": (
        "020000000001020000000002080600010800060400020200000000020a0900020200000000010a090001",
        Packet((Ethernet(MAC1, MAC2, 0x0806), Arp(2, MAC2, IP2, MAC1, IP1))),
    ),
    "echo request": (
        "0200000000020200000000010800450000543c0b40004001ea890a0900010a090002080019ae07b30001" + ECHO_PAYLOAD.hex(),
        Packet((THERE, IPv4(IP1, IP2, 1, id=15371, df=True), Icmp(8, 0, 1971 << 16 | 1)), ECHO_PAYLOAD),
    ),
    "echo reply": (
        "020000000001020000000002080045000054f2620000400174320a0900020a090001000021ae07b30001" + ECHO_PAYLOAD.hex(),
        Packet((BACK, IPv4(IP2, IP1, 1, id=62050), Icmp(0, 0, 1971 << 16 | 1)), ECHO_PAYLOAD),
    ),
    "echo request with record route": (
        "02000000000202000000000108004f00007c3c0d40004001ae460a0900010a090002010727080a090001"
        "0000000000000000000000000000000000000000000000000000000000000000"
        "0800cda007b500013febff6a000000001a800a0000000000" + bytes(range(0x10, 0x38)).hex(),
        Packet(
            (
                THERE,
                IPv4(IP1, IP2, 1, id=15373, df=True, options=bytes.fromhex("010727080a090001") + bytes(32)),
                Icmp(8, 0, 1973 << 16 | 1),
            ),
            bytes.fromhex("3febff6a000000001a800a0000000000") + bytes(range(0x10, 0x38)),
        ),
    ),
    "UDP": (
        "020000000002020000000001080045000021c2d74000401163e00a0900010a090002830514e9000d0fff68656c6c6f",
        Packet((THERE, IPv4(IP1, IP2, 17, id=49879, df=True), Udp(33541, 5353)), b"hello"),
    ),
    "UDP without checksum": (
        "02000000000202000000000108004500001fc2d84000401163e10a0900010a090002e6942328000b0000616263",
        Packet((THERE, IPv4(IP1, IP2, 17, id=49880, df=True), Udp(59028, 9000, checksum=0)), b"abc"),
    ),
    "port unreachable": (
        "020000000001020000000002080045c0003df2da0000400173110a0900020a0900010303113000000000"
        + UNREACHABLE_QUOTE.hex(),
        Packet((BACK, IPv4(IP2, IP1, 1, tos=0xC0, id=62170), Icmp(3, 3)), UNREACHABLE_QUOTE),
    ),
    "SYN": (
        "02000000000202000000000108004500003c0e024000400618a60a0900010a090002dd441f90bc344bdd00000000a002ff2854bf0000"
        + SYN,
        Packet(
            (
                THERE,
                IPv4(IP1, IP2, 6, id=3586, df=True),
                Tcp(
                    56644,
                    8080,
                    3157543901,
                    window=65320,
                    options=bytes.fromhex(SYN),
                ),
            )
        ),
    ),
    "PSH, ACK": (
        "02000000000202000000000108004500003a0e044000400618a60a0900010a090002dd441f90bc344bde7dc12c51801800403aa30000"
        + LATER
        + b"hello\n".hex(),
        Packet(
            (
                THERE,
                IPv4(IP1, IP2, 6, id=3588, df=True),
                Tcp(
                    56644,
                    8080,
                    3157543902,
                    2109811793,
                    0x18,
                    64,
                    options=bytes.fromhex(LATER),
                ),
            ),
            b"hello\n",
        ),
    ),
    "RST, ACK": (
        "02000000000102000000000208004500002800004000400626bc0a0900020a0900010051887200000000ef47174a501400000c670000",
        Packet((BACK, IPv4(IP2, IP1, 6, df=True), Tcp(81, 34930, 0, 4014413642, 0x14))),
    ),
    # The last 1432 and 568 bytes of the two fragments are zero.
    "first fragment of UDP": (
        "0200000000020200000000010800450005b4c2d9200040117e4b0a0900010a090002a6c9232807d81238" + "00" * 1432,
        Packet(
            (THERE, IPv4(IP1, IP2, 17, id=49881, mf=True), Udp(42697, 9000, length=2008, checksum=0x1238)), bytes(1432)
        ),
    ),
    "last fragment of UDP": (
        "02000000000202000000000108004500024cc2d900b44011a0ff0a0900010a090002" + "00" * 568,
        Packet((THERE, IPv4(IP1, IP2, 17, id=49881, frag=180)), bytes(568)),
    ),
}
