"""Which packets begin a connection, belong to one, or fit nothing (kernel sheet section 5.3)."""

import pytest

from podwire.linux.netfilter.conntrack.confirm import nf_conntrack_tuple_taken
from podwire.linux.netfilter.conntrack.core import nf_conntrack_in, nf_ct_tmpl_alloc
from podwire.linux.netfilter.conntrack.entry import IP_CT_UNTRACKED, IPS_ASSURED, ZONE_DIR_ORIG, ZONE_DIR_REPL
from podwire.linux.netfilter.conntrack.report import state_of
from podwire.linux.netfilter.hooks import NF_DROP, NF_INET_LOCAL_OUT
from podwire.linux.skb import Skb
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG
from podwire.wire.packet import Packet
from tests.linux.netfilter.conntrack.ctlab import A, B, C, Node, echo, handshake, icmp_error, ip, tcp, udp


def segment(flags: int) -> Packet:
    return tcp(A, 40000, B, 80, flags, 100, 200)


@pytest.mark.parametrize(
    ("packet", "state"),
    [
        (segment(TCP_SYN), "NEW"),
        (segment(TCP_ACK), "NEW"),
        (segment(TCP_ACK | TCP_PSH), "NEW"),
        (udp(A, 1, B, 2), "NEW"),
        (udp(A, 1, B, 2, checksum=0), "NEW"),
        (echo(A, B), "NEW"),
        (echo(A, B, 13), "NEW"),
        (ip(A, B, 99, data=b"1234"), "NEW"),
        (segment(TCP_SYN | TCP_ACK), "INVALID"),
        (segment(TCP_RST), "INVALID"),
        (segment(TCP_RST | TCP_ACK), "INVALID"),
        (segment(TCP_FIN | TCP_ACK), "INVALID"),
        (segment(TCP_FIN), "INVALID"),
        (segment(0), "INVALID"),
        (segment(TCP_SYN | TCP_FIN), "INVALID"),
        (segment(TCP_SYN | TCP_RST), "INVALID"),
        (segment(TCP_FIN | TCP_PSH | TCP_URG), "INVALID"),
        (udp(A, 1, B, 2, checksum=0x1234), "INVALID"),
        (udp(A, 1, B, 2, length=4), "INVALID"),
        (tcp(A, 40000, B, 80, TCP_SYN, 100, checksum=0x1234), "INVALID"),
        (echo(A, B, checksum=0x1234), "INVALID"),
        (echo(A, B, 0), "INVALID"),
        (echo(A, B, 42), "INVALID"),
        (echo(A, B, 9), "INVALID"),
        (icmp_error(C, A, udp(A, 1, B, 2)), "INVALID"),
        (ip(A, B, 6, data=b"\x00\x01\x00\x02"), "INVALID"),
    ],
)
def test_f170_the_first_packet_of_a_flow(packet: Packet, state: str) -> None:
    node = Node()
    assert node.passes(packet) == state
    assert node.netns.conntrack.count == (state == "NEW")


def test_f170_without_tcp_loose_an_ack_begins_nothing() -> None:
    node = Node()
    node.set("tcp_loose", 0)
    assert node.passes(segment(TCP_ACK)) == "INVALID"
    assert node.passes(segment(TCP_SYN)) == "NEW"


def test_wrong_checksums_pass_where_they_are_not_looked_at() -> None:
    node = Node()
    wrong = udp(A, 1, B, 2, checksum=0x1234)
    assert state_of(node.look_up(wrong, hook=NF_INET_LOCAL_OUT)) == "NEW"
    node.set("checksum", 0)
    assert node.passes(wrong) == "NEW"


def test_f171_far_out_of_the_window_is_invalid_and_an_exact_reset_closes() -> None:
    node = Node()
    assert node.passes(tcp(A, 40000, B, 80, TCP_SYN, 1000)) == "NEW"
    assert node.passes(tcp(A, 40000, B, 80, TCP_SYN, 1000)) == "NEW"
    node = Node()
    handshake(node)
    assert node.passes(tcp(A, 40000, B, 80, TCP_ACK | TCP_PSH, 1001 + (1 << 24), 5001)) == "INVALID"
    assert node.passes(tcp(B, 80, A, 40000, TCP_RST, 5001 - 70000)) == "INVALID"
    assert node.only().proto.state == 3
    assert node.passes(tcp(B, 80, A, 40000, TCP_RST, 5001)) == "ESTABLISHED"
    assert (node.only().proto.state, node.left) == (8, 10)


def test_f172_udp_is_new_until_it_is_answered() -> None:
    node = Node()
    assert [node.passes(udp(A, 1, B, 2)) for _ in range(3)] == ["NEW"] * 3
    assert node.passes(udp(B, 2, A, 1)) == "ESTABLISHED"
    assert node.passes(udp(A, 1, B, 2)) == "ESTABLISHED"
    assert node.netns.conntrack.count == 1


def test_f172_udp_that_is_answered_and_older_than_two_seconds_is_assured() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    node.passes(udp(B, 2, A, 1))
    seen = []
    for wait in (2, 1e-9):
        node.lab.run(wait)
        node.passes(udp(A, 1, B, 2))
        seen.append((node.left, bool(node.only().status & IPS_ASSURED)))
    assert seen == [(30, False), (120, True)]


def test_f172_an_error_about_a_known_flow_is_related_from_whomever_it_comes() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    skb = node.look_up(icmp_error(C, A, udp(A, 1, B, 2)))
    assert (state_of(skb), skb.ctinfo, skb.ct) == ("RELATED", 4, node.only())
    node.passes(udp(B, 2, A, 1))
    assert node.look_up(icmp_error(C, B, udp(B, 2, A, 1))).ctinfo == 1


def test_an_error_that_goes_to_somebody_else_is_invalid() -> None:
    node = Node()
    node.passes(udp(A, 1, B, 2))
    assert node.passes(icmp_error(B, C, udp(A, 1, B, 2))) == "INVALID"
    assert node.stats == {"error": 1}


def test_f174_what_is_not_tracked_has_an_answer_that_fits_nothing() -> None:
    node = Node()
    skb = Skb(echo(A, B), 1)
    skb.ctinfo = IP_CT_UNTRACKED
    node.netns.conntrack.get()
    assert state_of(skb) == "UNTRACKED"
    assert nf_conntrack_in(skb, node.netns, 0) == 1
    assert state_of(skb) == "UNTRACKED"
    assert node.passes(echo(B, A, 0)) == "INVALID"


def test_timestamps_are_answered_by_timestamps_alone() -> None:
    node = Node()
    node.passes(echo(A, B, 13))
    assert node.passes(echo(B, A, 0)) == "INVALID"
    assert node.passes(echo(B, A, 14)) == "ESTABLISHED"


def test_a_template_says_in_which_zone_the_connection_begins() -> None:
    node = Node()
    one, two = nf_ct_tmpl_alloc(1), nf_ct_tmpl_alloc(2)
    assert node.passes(udp(A, 1, B, 2), template=one) == "NEW"
    assert node.passes(udp(B, 2, A, 1), template=two) == "NEW"
    assert node.passes(udp(B, 2, A, 1), template=one) == "ESTABLISHED"
    assert node.passes(udp(B, 2, A, 1)) == "NEW"
    assert sorted(ct.zone for ct in node.netns.conntrack) == [0, 1, 2]


def test_a_zone_does_not_know_the_default_one() -> None:
    node = Node()
    assert node.passes(udp(A, 1, B, 2)) == "NEW"
    assert node.passes(udp(B, 2, A, 1), template=nf_ct_tmpl_alloc(1)) == "NEW"
    assert node.netns.conntrack.count == 2


def test_a_zone_of_one_direction_leaves_the_answers_in_the_default_zone() -> None:
    node = Node()
    assert node.passes(udp(A, 1, B, 2), template=nf_ct_tmpl_alloc(7, ZONE_DIR_ORIG)) == "NEW"
    # In the default zone the same flow is unknown, but its answers are spoken for.
    skb = node.look_up(udp(A, 1, B, 2))
    assert state_of(skb) == "NEW"
    assert node.confirm(skb) == NF_DROP
    assert node.passes(udp(B, 2, A, 1)) == "ESTABLISHED"
    assert node.netns.conntrack.count == 1


def test_answers_in_a_zone_of_their_own_clash_with_nobody_elses_questions() -> None:
    """``nf_conntrack_tuple_taken`` looks where the replies of the zone stand: NAT need not choose another port."""
    node = Node()
    assert node.passes(udp(B, 2, A, 1)) == "NEW"
    (other,) = node.netns.conntrack
    zoned, plain = (
        node.look_up(packet, template=template).ct
        for packet, template in ((udp(A, 1, B, 2), nf_ct_tmpl_alloc(7, ZONE_DIR_REPL)), (udp(A, 1, B, 3), None))
    )
    assert zoned is not None
    assert zoned.reply == other.orig
    assert not nf_conntrack_tuple_taken(zoned.reply, zoned)
    assert plain is not None
    assert nf_conntrack_tuple_taken(other.orig, plain)


def test_the_mark_may_name_the_zone() -> None:
    node = Node()
    template = nf_ct_tmpl_alloc(0, from_mark=True)
    skb = Skb(udp(A, 1, B, 2), 1)
    skb.ct, skb.ctinfo, skb.mark = template, 2, 0x10009
    nf_conntrack_in(skb, node.netns, 0)
    assert skb.ct is not None
    assert skb.ct.zone == 9
