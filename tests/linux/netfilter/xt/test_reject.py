"""``-j REJECT``: who hears what (facts F160, F161, F162; measured with iptables 1.8.9, both variants, on a router between two hosts)."""

from __future__ import annotations

from errno import EINVAL

import pytest

from podwire.linux.netfilter.conntrack.tcp import CLOSE
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.trace.events import ByRule, Created, Dropped, IcmpSent, RuleMatched
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_UDP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Quoted
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import connections, iptables
from tests.linux.netfilter.xt.targetlab import A, B, ipv4, refused, routed, send, tcp, udp

CODES = (
    ("icmp-net-unreachable", 0),
    ("icmp-host-unreachable", 1),
    ("icmp-proto-unreachable", 2),
    ("icmp-port-unreachable", 3),
    ("icmp-net-prohibited", 9),
    ("icmp-host-prohibited", 10),
    ("icmp-admin-prohibited", 13),
)


def errors(lab: Lab) -> list[tuple[str, str]]:
    """Type and code, and the sender, of the ICMP errors that the router sent towards ``a``."""
    found = []
    for frame in lab.frames("r:r0"):
        ip, icmp = frame.find(IPv4), frame.find(Icmp)
        if ip is not None and icmp is not None and icmp.is_error:
            found.append((f"{icmp.type}/{icmp.code}", str(ip.src)))
    return found


def resets(lab: Lab, where: str = "r:r0") -> list[tuple[str, int, int, int]]:
    """Sender, flags, sequence and acknowledgement of the segments that a device transmitted."""
    return [
        (str(ip.src), segment.flags, segment.seq, segment.ack)
        for frame in lab.frames(where)
        if (ip := frame.find(IPv4)) is not None and (segment := frame.find(Tcp)) is not None
    ]


@pytest.mark.parametrize("variant", [NFT, LEGACY])
@pytest.mark.parametrize(("name", "code"), CODES)
def test_each_kind_is_an_error_from_the_router(name: str, code: int, variant: str) -> None:
    lab = routed()
    iptables(lab, "r", f"-A FORWARD -i r0 -j REJECT --reject-with {name}", variant=variant)
    udp(lab)
    assert errors(lab) == [(f"3/{code}", "10.0.0.254")]
    assert lab.frames("r:r1") == []


def test_f160_the_error_quotes_the_packet_as_forward_sees_it() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j REJECT")
    udp(lab)
    (frame,) = lab.frames("r:r0")
    ip = frame.find(IPv4)
    assert ip is not None
    assert (ip.tos, ip.ttl, ip.df) == (0xC0, 64, False)
    assert isinstance(frame.payload, Quoted)
    about = frame.payload.packet.find(IPv4)
    assert about is not None
    assert about.ttl == 63


def test_f160_in_input_the_quoted_ttl_is_that_of_arrival() -> None:
    lab = routed()
    iptables(lab, "r", "-A INPUT -j REJECT")
    udp(lab, dst="10.0.0.254")
    (frame,) = lab.frames("r:r0")
    assert isinstance(frame.payload, Quoted)
    about = frame.payload.packet.find(IPv4)
    assert about is not None
    assert about.ttl == 64


def test_the_rule_is_what_ended_the_packet() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -p icmp", "-A FORWARD -p udp -j REJECT")
    udp(lab)
    (drop,) = lab.events(Dropped, "r")
    assert isinstance(drop.event.by, ByRule)
    assert (drop.event.by.chain, drop.event.by.number) == ("FORWARD", 2)
    assert drop.event.reason == "NETFILTER_DROP"


@pytest.mark.parametrize(
    ("flags", "ack", "payload", "answer"),
    [
        (TCP_SYN, 0, b"", (TCP_RST | TCP_ACK, 0, 101)),
        (TCP_SYN, 0, b"hello", (TCP_RST | TCP_ACK, 0, 106)),
        (TCP_SYN | TCP_FIN, 0, b"", (TCP_RST | TCP_ACK, 0, 102)),
        (TCP_ACK, 200, b"hello", (TCP_RST, 200, 0)),
        (TCP_ACK | TCP_FIN, 7, b"", (TCP_RST, 7, 0)),
        (0, 0, b"", (TCP_RST | TCP_ACK, 0, 100)),
    ],
)
def test_f161_a_reset_bears_the_numbers_that_the_segment_asks_for(
    flags: int, ack: int, payload: bytes, answer: tuple[int, int, int]
) -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset")
    tcp(lab, flags, ack=ack, payload=payload)
    assert resets(lab) == [(B, *answer)]


def test_f161_a_reset_comes_in_the_name_of_the_destination_with_a_fresh_ttl() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset")
    tcp(lab, TCP_SYN, tos=0x48)
    (ip,) = lab.headers("r:r0", IPv4)
    assert (str(ip.src), ip.ttl, ip.id, ip.df, ip.tos) == (B, 64, 0, True, 0)
    (born,) = [seen.event for seen in lab.events(Created, "r") if seen.event.relation]
    assert born.relation == "reset"


def test_no_reset_for_a_reset() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset")
    tcp(lab, TCP_RST)
    assert lab.frames("r:r0") == []
    assert lab.drops("r") == [("nf_hook_slow", "NETFILTER_DROP")]


def test_f162_in_output_the_error_travels_over_lo() -> None:
    lab = routed()
    iptables(lab, "a", "-A OUTPUT -d 10.1.0.2 -j REJECT --reject-with icmp-host-unreachable")
    ping = lab.ping("a", B)
    lab.run(1)
    assert ping.errors == [("3/1", A, 1)]
    assert ping.refused == [1]
    assert [str(ip.src) for ip in lab.headers("a:lo", IPv4)] == [A]


def test_a_fragment_is_not_answered() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j REJECT")
    send(lab, ipv4(IPPROTO_UDP, mf=True), Udp(5000, 53, 3000, 0x1234), bytes(1472))
    send(lab, ipv4(IPPROTO_UDP, frag=185), None, bytes(100))
    assert errors(lab) == []
    assert lab.drops("r") == [("nf_hook_slow", "NETFILTER_DROP")] * 2


def test_of_a_later_fragment_nothing_is_heard_whatever_it_carries() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j REJECT")
    send(lab, ipv4(50, frag=185), None, bytes(100))
    assert lab.events(IcmpSent) == []


def test_f199_the_reset_belongs_to_the_connection_that_it_ends() -> None:
    lab = routed()
    iptables(
        lab,
        "r",
        "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "-A OUTPUT -p tcp -m conntrack --ctstate RELATED",
    )
    tcp(lab, TCP_SYN)
    assert [each.event.by.chain for each in lab.events(RuleMatched, "r")] == ["FORWARD", "OUTPUT"]


def test_the_connection_of_a_segment_that_is_answered_with_a_reset_is_closed() -> None:
    lab = routed()
    iptables(lab, "b", "-A INPUT -j DROP")
    iptables(lab, "r", "-A FORWARD -m conntrack --ctstate NEW")
    tcp(lab, TCP_SYN)
    (ct,) = connections(lab, "r")
    assert ct.proto.state != CLOSE
    iptables(lab, "r", "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset")
    tcp(lab, TCP_SYN)
    assert ct.proto.state == CLOSE


def test_a_first_fragment_without_a_checksum_is_answered() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j REJECT")
    send(lab, ipv4(IPPROTO_UDP, mf=True), Udp(5000, 53, 3000, 0), bytes(1472))
    assert errors(lab) == [("3/3", "10.0.0.254")]


@pytest.mark.parametrize(
    ("proto", "payload", "answered"), [(253, b"\xff\xff", True), (253, b"ab", False), (50, b"ab", True)]
)
def test_of_unknown_protocols_those_are_answered_that_sum_up_to_nothing(
    proto: int, payload: bytes, answered: bool
) -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j REJECT")
    send(lab, ipv4(proto), None, payload)
    assert bool(errors(lab)) is answered


def test_a_damaged_datagram_is_not_answered() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j REJECT")
    send(lab, ipv4(IPPROTO_UDP), Udp(5000, 53, None, 0x1234), b"12345678")
    assert errors(lab) == []


def test_an_icmp_error_is_not_answered() -> None:
    lab = routed()
    iptables(lab, "r", "-A FORWARD -j REJECT")
    inner = ipv4(IPPROTO_UDP)
    send(lab, ipv4(IPPROTO_ICMP), Icmp(3, 3), bytes(20) + bytes(inner.size))
    assert errors(lab) == []
    (held,) = lab.events(IcmpSent, "r")
    assert held.event.withheld == "about an ICMP error"


def test_a_broadcast_is_not_answered() -> None:
    lab = routed()
    iptables(lab, "r", "-A INPUT -j REJECT")
    udp(lab, dst="10.0.0.255")
    assert errors(lab) == []


@pytest.mark.parametrize("variant", [NFT, LEGACY])
@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("-A INPUT -j REJECT --reject-with tcp-reset", "ipt_REJECT: TCP_RESET invalid for non-tcp"),
        ("-A INPUT ! -p tcp -j REJECT --reject-with tcp-reset", "ipt_REJECT: TCP_RESET invalid for non-tcp"),
        (
            "-t mangle -A FORWARD -j REJECT",
            "x_tables: ip_tables: REJECT target: only valid in filter table, not mangle",
        ),
        ("-t nat -A OUTPUT -j REJECT", "x_tables: ip_tables: REJECT target: only valid in filter table, not nat"),
    ],
)
def test_where_it_cannot_stand(rule: str, text: str, variant: str) -> None:
    lab = routed()
    with pytest.raises(XtCheckError) as caught:
        iptables(lab, "r", rule, variant=variant)
    assert refused(caught.value) == (EINVAL, text)
