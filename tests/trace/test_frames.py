"""Packets in one line, compared with what tcpdump -nn -t printed for the same bytes (4.99.3, without ``IP`` and TCP options)."""

import pytest

from podwire.trace.frames import describe, icmp_error
from podwire.wire.addr import Ip, Mac
from podwire.wire.headers import ETH_P_ARP, Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted

A, B, C = Ip.parse("10.0.0.1"), Ip.parse("10.0.0.2"), Ip.parse("10.20.30.43")
ETHER = Ethernet(Mac(1), Mac(2))
ECHO = Packet((IPv4(A, B, 1), Icmp(8, 0, 16 << 16 | 1)), b"x" * 56)
DATAGRAM = Packet((IPv4(A, B, 17), Udp(1000, 53)), b"hello")
SEGMENT = Packet((IPv4(A, B, 6), Tcp(1000, 80, 7)))


def arp(op: int) -> Packet:
    return Packet((Ethernet(Mac(1), Mac(2), ETH_P_ARP), Arp(op, Mac(2), A, Mac(3), B)))


def tcp(flags: int, length: int = 0) -> Packet:
    return Packet((ETHER, IPv4(A, B, 6), Tcp(1000, 80, 7, 9, flags, 5)), b"x" * length)


def error(kind: int, code: int, rest: int = 0, about: Packet = ECHO) -> Packet:
    return Packet((ETHER, IPv4(B, A, 1), Icmp(kind, code, rest)), Quoted(about, about.size))


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (arp(1), "ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28"),
        (arp(2), "ARP, Reply 10.0.0.1 is-at 00:00:00:00:00:02, length 28"),
        (arp(3), "ARP, op 3 10.0.0.1 > 10.0.0.2, length 28"),
        (ECHO, "10.0.0.1 > 10.0.0.2: ICMP echo request, id 16, seq 1, length 64"),
        (ECHO.push(ETHER), "10.0.0.1 > 10.0.0.2: ICMP echo request, id 16, seq 1, length 64"),
        (
            Packet((IPv4(B, A, 1), Icmp(0, 0, 16 << 16 | 2))),
            "10.0.0.2 > 10.0.0.1: ICMP echo reply, id 16, seq 2, length 8",
        ),
        (DATAGRAM, "10.0.0.1.1000 > 10.0.0.2.53: UDP, length 5"),
        (SEGMENT, "10.0.0.1.1000 > 10.0.0.2.80: Flags [S], seq 7, win 0, length 0"),
        (tcp(0x18, 3), "10.0.0.1.1000 > 10.0.0.2.80: Flags [P.], seq 7:10, ack 9, win 5, length 3"),
        (tcp(0x14), "10.0.0.1.1000 > 10.0.0.2.80: Flags [R.], seq 7, ack 9, win 5, length 0"),
        (tcp(0x10), "10.0.0.1.1000 > 10.0.0.2.80: Flags [.], ack 9, win 5, length 0"),
        (tcp(0x11), "10.0.0.1.1000 > 10.0.0.2.80: Flags [F.], seq 7, ack 9, win 5, length 0"),
        (tcp(0x01), "10.0.0.1.1000 > 10.0.0.2.80: Flags [F], seq 7, win 5, length 0"),
        (tcp(0x12), "10.0.0.1.1000 > 10.0.0.2.80: Flags [S.], seq 7, ack 9, win 5, length 0"),
        (tcp(0x04), "10.0.0.1.1000 > 10.0.0.2.80: Flags [R], seq 7, win 5, length 0"),
        (tcp(0xE0), "10.0.0.1.1000 > 10.0.0.2.80: Flags [UEW], win 5, length 0"),
        (tcp(0), "10.0.0.1.1000 > 10.0.0.2.80: Flags [none], win 5, length 0"),
        (
            Packet((IPv4(A, B, 4), IPv4(B, C, 1), Icmp(0, 0, 16 << 16 | 1)), b"x" * 8),
            "10.0.0.1 > 10.0.0.2: IP 10.0.0.2 > 10.20.30.43: ICMP echo reply, id 16, seq 1, length 16",
        ),
        (Packet((IPv4(A, B, 17, frag=100), Udp(1, 2))), "10.0.0.1 > 10.0.0.2: ip-proto-17"),
        (Packet((IPv4(A, B, 132),), b"x"), "10.0.0.1 > 10.0.0.2: ip-proto-132"),
        (Packet((IPv4(A, B, 1), ETHER), b"x"), "10.0.0.1 > 10.0.0.2: Ethernet, length 15"),
        (error(3, 0), "10.0.0.2 > 10.0.0.1: ICMP net 10.0.0.2 unreachable, length 92"),
        (error(3, 1), "10.0.0.2 > 10.0.0.1: ICMP host 10.0.0.2 unreachable, length 92"),
        (error(3, 2), "10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 protocol 1 unreachable, length 92"),
        (error(3, 3, about=DATAGRAM), "10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 udp port 53 unreachable, length 41"),
        (error(3, 3, about=SEGMENT), "10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 tcp port 80 unreachable, length 48"),
        (error(3, 4, 1400), "10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 unreachable - need to frag (mtu 1400), length 92"),
        (error(3, 5), "10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 unreachable - source route failed, length 92"),
        (error(3, 9), "10.0.0.2 > 10.0.0.1: ICMP net 10.0.0.2 unreachable - admin prohibited, length 92"),
        (error(3, 10), "10.0.0.2 > 10.0.0.1: ICMP host 10.0.0.2 unreachable - admin prohibited, length 92"),
        (error(3, 13), "10.0.0.2 > 10.0.0.1: ICMP host 10.0.0.2 unreachable - admin prohibited filter, length 92"),
        (error(11, 0), "10.0.0.2 > 10.0.0.1: ICMP time exceeded in-transit, length 92"),
        (error(11, 1), "10.0.0.2 > 10.0.0.1: ICMP ip reassembly time exceeded, length 92"),
        (error(5, 1, int(C)), "10.0.0.2 > 10.0.0.1: ICMP redirect 10.0.0.2 to host 10.20.30.43, length 92"),
        (error(5, 0, int(C)), "10.0.0.2 > 10.0.0.1: ICMP redirect 10.0.0.2 to net 10.20.30.43, length 92"),
        # Not in tcpdump's words.
        (error(12, 0), "10.0.0.2 > 10.0.0.1: ICMP type 12 code 0, length 92"),
        (error(3, 99), "10.0.0.2 > 10.0.0.1: ICMP type 3 code 99, length 92"),
        (Packet((ETHER,), b"abc"), "length 3"),
        (Packet((Udp(1, 2),), b"abc"), "Udp, length 11"),
    ],
)
def test_a_packet_in_one_line(packet, text):
    assert describe(packet) == text


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        (3, 1, "host unreachable"),
        (3, 3, "port unreachable"),
        (3, 4, "unreachable - need to frag"),
        (5, 1, "redirect to host"),
    ],
)
def test_an_error_about_an_unknown_packet_leaves_it_out(kind, code, text):
    assert icmp_error(kind, code, None) == text
