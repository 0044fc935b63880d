"""What a network loses on purpose: the grammar, and which frames it means."""

import pytest

from podwire.fabric.loss import Loss, lost
from podwire.wire.addr import BROADCAST, Ip4, Mac
from podwire.wire.headers import ETH_P_ARP, Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

A, B = Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2")
ETH = Ethernet(Mac.parse("02:00:00:00:00:02"), Mac.parse("02:00:00:00:00:01"))
ICMP = Packet((ETH, IPv4(A, B, 1), Icmp(8)), bytes(56))
IPIP = Packet((ETH, IPv4(A, B, 4), IPv4(B, A, 17), Udp(1, 4789)), b"x")
VXLAN = Packet((ETH, IPv4(A, B, 17), Udp(40000, 4789)), b"x")
FLANNEL = Packet((ETH, IPv4(A, B, 17), Udp(4789, 8472)), b"x")
TCP = Packet((ETH, IPv4(A, B, 6), Tcp(40000, 4789)))
GRE = Packet((ETH, IPv4(A, B, 47)), bytes(8))
SCTP = Packet((ETH, IPv4(A, B, 132)), (7).to_bytes(2) + (3868).to_bytes(2) + bytes(8))
FIRST = Packet((ETH, IPv4(A, B, 17, mf=True), Udp(40000, 4789, 2000, 7)), bytes(8))
LATER = Packet((ETH, IPv4(A, B, 17, frag=2)), bytes((0x12, 0xB5)) * 8)
"""Begins with bytes that would be the port 4789, were they a header."""
ARP = Packet((Ethernet(BROADCAST, ETH.src, ETH_P_ARP), Arp(1, ETH.src, A, Mac(0), B)))
EVERY = {
    "icmp": ICMP,
    "ipip": IPIP,
    "vxlan": VXLAN,
    "flannel": FLANNEL,
    "tcp": TCP,
    "gre": GRE,
    "sctp": SCTP,
    "first": FIRST,
    "later": LATER,
    "arp": ARP,
}


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("ipip", {"ipip"}),
        ("4", {"ipip"}),
        ("94", set()),
        ("icmp", {"icmp"}),
        ("gre", {"gre"}),
        ("47", {"gre"}),
        ("udp", {"vxlan", "flannel", "first", "later"}),
        ("udp:4789", {"vxlan", "first"}),
        ("17:4789", {"vxlan", "first"}),
        ("udp:4789-8472", {"vxlan", "flannel", "first"}),
        ("udp:4790-8471", set()),
        ("tcp:4789", {"tcp"}),
        ("sctp:3868", {"sctp"}),
        ("sctp:7", set()),
        ("0", set()),
        ("255", set()),
    ],
)
def test_which_frames_a_loss_takes(text: str, taken: set[str]) -> None:
    """The outermost IPv4 header and its destination port; later fragments have no ports, ARP is never lost."""
    loss = Loss.parse(text)
    assert {name for name, frame in EVERY.items() if loss.takes(frame)} == taken
    assert loss.text == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a protocol"),
        ("UDP", "expected a protocol"),
        ("udp:", "expected a protocol"),
        ("udp:1-", "expected a protocol"),
        ("udp:53,54", "expected a protocol"),
        ("geneve", "one of icmp"),
        ("256", "0 to 255"),
        ("ipip:4789", "only tcp, udp and sctp have ports"),
        ("4:1", "only tcp, udp and sctp have ports"),
        ("udp:9-8", "the lower one first"),
        ("udp:65536", "up to 65535"),
        ("udp:1-65536", "up to 65535"),
    ],
)
def test_what_is_no_loss(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Loss.parse(text)


def test_the_first_loss_that_takes_a_frame_is_named() -> None:
    losses = (Loss.parse("tcp"), Loss.parse("udp:1-5000"), Loss.parse("udp"))
    assert lost(VXLAN, losses) is losses[1]
    assert lost(FLANNEL, losses) is losses[2]
    assert lost(ICMP, losses) is None
    assert lost(ICMP, ()) is None
