"""ICMP: about what errors are sent, what is answered, and whom they reach. Marked values were measured on Linux 6.18."""

from typing import Any

import pytest

from podwire.linux.fib import NextHop, Route
from podwire.linux.socket import RawSocket
from podwire.trace.events import Delivered, Dropped, IcmpSent, Transmitted
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.headers import Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import CALI, POD1_MAC, Lab, calico_same_node

POD1, NODE = "192.168.1.11", "10.0.0.23"


def lab_() -> Lab:
    lab = calico_same_node()
    lab.ping("pod1", NODE)
    lab.restart()
    return lab


def inject(
    lab: Lab, *rest: Icmp | Udp | Tcp, dst: str = NODE, ttl: int = 64, payload: bytes = b"", **fields: Any
) -> None:
    proto = {Icmp: 1, Udp: 17, Tcp: 6}[type(rest[0])] if rest else 200
    header = IPv4(Ip4.parse(POD1), Ip4.parse(dst), proto, ttl, id=1, **fields)
    lab.inject("pod1:eth0", Packet((Ethernet(Mac.parse(CALI), Mac.parse(POD1_MAC)), header, *rest), payload))


def answers(lab: Lab) -> list[Packet]:
    return [r.event.frame for r in lab.events(Transmitted, "node")]


@pytest.mark.parametrize("kind", [0, 8, 13, 14, 15, 16, 17, 18])
def test_errors_about_these_types(kind: int) -> None:
    lab = lab_()
    inject(lab, Icmp(kind), dst="10.0.0.1", ttl=1, payload=bytes(12))
    assert [bool(r.event.id) for r in lab.events(IcmpSent)] == [True]


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 19, 40, 255])
def test_no_errors_about_errors_nor_about_what_might_be_one(kind: int) -> None:
    lab = lab_()
    inject(lab, Icmp(kind), dst="10.0.0.1", ttl=1, payload=bytes(12))
    events = [r.event for r in lab.events(IcmpSent)]
    assert [(event.id, event.withheld) for event in events] == [(0, "about an ICMP error")]


def test_no_errors_about_later_fragments() -> None:
    lab = lab_()
    inject(lab, dst="10.0.0.1", ttl=1, payload=bytes(12), frag=100)
    assert [r.event.withheld for r in lab.events(IcmpSent)] == ["not the first fragment"]


def test_unknown_protocol_3_2_from_the_address_that_was_asked() -> None:
    lab = lab_()
    lab.device("node:d0", "dummy")
    lab.addr("node:d0", "10.9.0.1/24")
    inject(lab, dst="10.9.0.1", payload=b"yyyy")
    ip, icmp = answers(lab)[0].layers[1:3]
    assert isinstance(ip, IPv4)
    assert isinstance(icmp, Icmp)
    assert (str(ip.src), icmp.type, icmp.code) == ("10.9.0.1", 3, 2)


def test_timestamp_is_answered() -> None:
    """Measured: 20 bytes of ICMP, code 0 whatever was asked, surplus data cut off."""
    lab = lab_()
    inject(lab, Icmp(13, 1, 0x70002), payload=(5).to_bytes(4, "big") + bytes(8) + b"yyyy")
    reply = answers(lab)[0]
    icmp = reply.find(Icmp)
    assert icmp is not None
    assert (icmp.type, icmp.code, icmp.rest, reply.size - 34) == (14, 0, 0x70002, 20)
    assert isinstance(reply.payload, bytes)
    assert reply.payload[:4] == (5).to_bytes(4, "big")
    assert reply.payload[4:8] == reply.payload[8:12]
    assert lab.events(Delivered, "node")


def test_an_echo_reply_keeps_code_and_data_and_tos() -> None:
    lab = lab_()
    inject(lab, Icmp(8, 3, 0x70002), payload=b"yyyy", tos=0x28)
    ip, icmp = answers(lab)[0].layers[1:3]
    assert isinstance(ip, IPv4)
    assert isinstance(icmp, Icmp)
    assert (icmp.type, icmp.code, icmp.rest, answers(lab)[0].payload, ip.tos, ip.df) == (
        0,
        3,
        0x70002,
        b"yyyy",
        0x28,
        False,
    )


def test_echo_ignore_all() -> None:
    lab = lab_()
    lab.sysctl("node", "icmp_echo_ignore_all", 1)
    inject(lab, Icmp(8))
    assert answers(lab) == []
    assert lab.drops("node") == [("icmp_echo", "NOT_SPECIFIED")]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (Icmp(8, checksum=1), "ICMP_CSUM"),
        (Udp(1, 2, checksum=1), "UDP_CSUM"),
        (Tcp(1, 2, checksum=1), "TCP_CSUM"),
        (Udp(1, 2, length=99), "PKT_TOO_SMALL"),
        (Udp(1, 2, length=4), "PKT_TOO_SMALL"),
    ],
)
def test_damaged_headers(header: Icmp | Udp | Tcp, reason: str) -> None:
    lab = lab_()
    inject(lab, header)
    assert [r for _, r in lab.drops("node")] == [reason]
    assert answers(lab) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"checksum": 1}, "IP_CSUM"), ({"total_length": 400}, "PKT_TOO_SMALL"), ({"total_length": 19}, "IP_INHDR")],
)
def test_damaged_ip_headers(fields: dict[str, Any], reason: str) -> None:
    lab = lab_()
    inject(lab, Icmp(8), **fields)
    assert [r for _, r in lab.drops("node")] == [reason]


@pytest.mark.parametrize("option", [7, 68, 131, 137])
def test_options_that_a_router_acts_on_are_not_modelled_and_that_is_said(option: int) -> None:
    lab = lab_()
    inject(lab, Icmp(8), dst="192.168.1.12", options=bytes([option, 7, 4, 0, 0, 0, 0, 0]))
    drop = next(r.event for r in lab.events(Dropped, "node"))
    assert (str(drop.reason), f"IP option {option}" in str(drop.by)) == ("NOT_MODELLED", True)


def test_idle_options_pass() -> None:
    lab = lab_()
    inject(lab, Icmp(8), options=bytes([1, 1, 1, 1, 148, 4, 0, 0]))
    assert len(answers(lab)) == 1


def test_what_the_link_layer_padded_ends_at_the_first_router() -> None:
    lab = lab_()
    lab.ping("node", "192.168.1.12")
    lab.restart()
    header = IPv4(Ip4.parse(POD1), Ip4.parse("192.168.1.12"), 1, id=1)
    frame = Packet((Ethernet(Mac.parse(CALI), Mac.parse(POD1_MAC)), header, Icmp(8)), b"", bytes(18))
    lab.inject("pod1:eth0", frame)
    assert answers(lab)[0].trailer == b""


def test_a_raw_socket_does_not_keep_port_unreachable_back() -> None:
    lab = lab_()
    socket = RawSocket(lab["node"], 17, lambda: None)
    inject(lab, Udp(1, 2))
    assert len(socket.inbox) == 1
    assert [icmp.type for frame in answers(lab) if (icmp := frame.find(Icmp)) is not None] == [3]


def test_a_hoplimit_of_the_route_is_the_ttl_of_what_the_machine_itself_sends() -> None:
    lab = lab_()
    lab.route_del("node", "192.168.1.11/32")
    index = lab.link("node:cali111").ifindex
    lab.door("node").route_add(
        Route(Net.parse("192.168.1.11/32"), scope=253, nexthops=(NextHop(index),), metrics=(("hoplimit", 9),))
    )
    inject(lab, Icmp(8))
    inject(lab, Icmp(8), dst="192.168.1.99", ttl=1)
    assert [ip.ttl for frame in answers(lab) if (ip := frame.find(IPv4)) is not None] == [9, 9]
