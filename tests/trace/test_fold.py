"""Which packets are one datagram, where it went, and what became of it."""

import pytest

from podwire.trace import fold
from podwire.trace.events import (
    ByNotModelled,
    Created,
    Decapsulated,
    Delivered,
    Dropped,
    Encapsulated,
    Flooded,
    Forwarded,
    Fragmented,
    IcmpSent,
    NeighbourChanged,
    Reassembled,
    Received,
    Waiting,
)
from podwire.trace.invariants import check_invariants
from podwire.trace.reasons import DropReason, Verdict
from podwire.wire.addr import Ip
from podwire.wire.headers import IPPROTO_IPIP, IPv4
from podwire.wire.packet import Packet
from tests.trace.story import GATEWAY, NODE, POD1, POD2, US, Story, echo, frame, icmp, same_node_ping, tcp, udp, who_has


def sent(story: Story, packet: int = 1, what: Packet | None = None) -> Story:
    """A packet of pod1 that reached the node."""
    story.add(packet, "default/pod1", Created())
    return story.cross(packet, "default/pod1", "eth0", "node1", "cali111", frame(what or echo()))


# -- verdicts --------------------------------------------------------------------------------------------------------


def test_a_packet_that_somebody_took_is_delivered():
    story = sent(Story()).add(1, "node1", Delivered("socket"))
    assert story.trace().verdict is Verdict.DELIVERED


def test_a_packet_that_vanished_is_dropped():
    story = sent(Story()).die(1, "node1", "ip_rcv", DropReason.IP_RPFILTER)
    assert story.trace().verdict is Verdict.DROPPED


@pytest.mark.parametrize(
    ("kind", "code", "error", "expected"),
    [
        pytest.param(3, 1, 5, Verdict.REJECTED, id="unreachable"),
        pytest.param(11, 0, 5, Verdict.REJECTED, id="time exceeded"),
        pytest.param(12, 0, 5, Verdict.REJECTED, id="parameter problem"),
        pytest.param(5, 1, 5, Verdict.DROPPED, id="a redirect says nothing about a drop"),
        pytest.param(3, 1, 0, Verdict.DROPPED, id="withheld"),
    ],
)
def test_a_packet_whose_sender_was_told_is_rejected(kind, code, error, expected):
    story = sent(Story()).add(1, "node1", IcmpSent(kind, code, POD1, NODE, error, "" if error else "ratelimit"))
    story.die(1, "node1", "ip_forward", DropReason.NOT_SPECIFIED)
    assert story.trace().verdict is expected


def test_a_redirect_does_not_hinder_delivery():
    story = sent(Story()).add(1, "node1", IcmpSent(5, 1, POD1, NODE, 5), Delivered("socket"))
    assert story.trace().verdict is Verdict.DELIVERED


@pytest.mark.parametrize(
    ("relation", "flags", "expected"),
    [
        pytest.param("reset", 0x14, Verdict.REJECTED, id="reset"),
        pytest.param("reply", 0x14, Verdict.REJECTED, id="a reply with RST"),
        pytest.param("reply", 0x12, Verdict.DROPPED, id="a reply without RST"),
    ],
)
def test_a_segment_that_was_answered_with_a_reset_is_rejected(relation, flags, expected):
    story = sent(Story(), what=tcp())
    story.add(2, "node1", Created(1, relation, tcp(POD2, POD1, flags=flags)))
    story.die(1, "node1", "tcp_v4_rcv", DropReason.NO_SOCKET)
    assert story.trace().verdict is expected


def test_what_is_not_modelled_is_unknown():
    story = sent(Story()).die(1, "node1", "ip_rcv", DropReason.NOT_MODELLED, ByNotModelled("IP option"))
    trace = story.trace()
    assert trace.verdict is Verdict.UNKNOWN
    assert trace.reason is DropReason.NOT_MODELLED


def test_a_packet_under_way_is_unknown_and_says_what_it_waits_for():
    story = Story().add(1, "default/pod1", Created(), Waiting("eth0", GATEWAY))
    trace = story.trace()
    assert trace.verdict is Verdict.UNKNOWN
    assert trace.reason is None
    assert trace.dropped_at is None
    assert trace.decided_by == "the MAC of 169.254.1.1 on eth0 is not known yet"
    assert "it waits in default/pod1 for the MAC of 169.254.1.1 on eth0" in str(trace)


def test_a_packet_waits_where_it_is_now():
    story = sent(Story()).add(1, "node1", Waiting("cali222", POD2))
    assert "it waits in node1 for the MAC of 192.168.1.12 on cali222" in str(story.trace())


def test_a_packet_under_way_says_where_it_was_last_seen():
    trace = sent(Story()).trace()
    assert "It is under way: it was last seen at node1:cali111." in str(trace)
    assert trace.decided_by == ""


def test_a_packet_that_waited_and_left_waits_no_more():
    story = (
        Story()
        .add(1, "default/pod1", Created(), Waiting("eth0", GATEWAY))
        .send(1, "default/pod1", "eth0", frame(echo()))
    )
    assert "it was last seen at default/pod1:eth0" in str(story.trace())


@pytest.mark.parametrize("note", ["answered", "proxied", "delayed", "learned"])
def test_arp_that_was_of_use_is_delivered(note):
    story = Story().ask(1, 0).add(1, "node1", Delivered("arp", note))
    assert story.trace().verdict is Verdict.DELIVERED


@pytest.mark.parametrize(
    "note", ["not-ours", "no-route", "same-device", "proxy-off", "forwarding-off", "source-check", "ignored"]
)
def test_arp_that_nobody_answers_is_dropped_without_a_reason(note):
    story = Story().ask(1, 0).add(1, "node1", Delivered("arp", note))
    trace = story.trace()
    assert trace.verdict is Verdict.DROPPED
    assert trace.reason is None
    assert trace.dropped_at == "node1:cali111"


# -- floods, fragments, tunnels ----------------------------------------------------------------------------------------


def flood(*ends: tuple[str, Delivered | Dropped | None]) -> Story:
    """node1 asks on a segment; each machine ends its copy as given."""
    story = Story().add(1, "node1", Created()).send(1, "node1", "eth0", who_has(Ip.parse("10.0.0.24"), NODE))
    ids = tuple(range(2, 2 + len(ends)))
    story.add(1, "lan", Flooded(ids))
    for packet in ids:
        story.add(packet, "lan", Created(1, "copy"))
    for packet, (host, end) in zip(ids, ends, strict=True):
        story.wait(US).add(packet, host, Received("eth0", who_has(Ip.parse("10.0.0.24"), NODE), 1))
        if end is not None:
            story.add(packet, host, end)
    return story


STRANGER = Delivered("arp", "not-ours")
OTHERHOST = Dropped("ip_rcv", DropReason.OTHERHOST)
RPFILTER = Dropped("ip_rcv_finish", DropReason.IP_RPFILTER)


@pytest.mark.parametrize(
    ("ends", "chosen", "expected"),
    [
        pytest.param((STRANGER, Delivered("arp", "answered"), STRANGER), "h2", Verdict.DELIVERED, id="one answers"),
        pytest.param((OTHERHOST, RPFILTER, OTHERHOST), "h2", Verdict.DROPPED, id="the addressee discards it"),
        pytest.param((RPFILTER, None), "h2", Verdict.UNKNOWN, id="one is under way"),
        pytest.param((STRANGER, STRANGER), "h1", Verdict.DROPPED, id="nobody has the address"),
        pytest.param((RPFILTER, Delivered("socket")), "h2", Verdict.DELIVERED, id="taken beats discarded"),
    ],
)
def test_the_fate_of_a_flood_is_that_of_the_copy_that_reached_the_addressee(ends, chosen, expected):
    trace = flood(*[(f"h{number}", end) for number, end in enumerate(ends, 1)]).trace()
    assert trace.verdict is expected
    assert trace.path == ("node1:eth0", f"{chosen}:eth0")
    assert [hop.netns for hop in trace.hops] == ["node1", "lan", chosen]


def test_a_flood_that_reaches_nobody_is_dropped():
    trace = Story().add(1, "lan", Created(), Flooded(())).trace()
    assert trace.verdict is Verdict.DROPPED
    assert "there is no other machine on the segment" in trace.explain()


def test_copies_that_nobody_recorded_are_under_way_and_no_circle():
    assert Story().add(1, "lan", Created(), Flooded((2,))).trace().verdict is Verdict.UNKNOWN
    assert Story().add(1, "lan", Created(), Fragmented(1500, (2,))).trace().verdict is Verdict.UNKNOWN
    assert Story().add(1, "lan", Created(), Flooded((1,))).trace().verdict is Verdict.UNKNOWN
    assert Story().add(2, "lan", Created(1, "fragment"), Reassembled(4)).trace(2).verdict is Verdict.UNKNOWN


def test_copies_are_no_traces_of_their_own_but_what_they_cause_is():
    story = flood(("h1", STRANGER), ("h2", Delivered("arp", "answered")))
    story.add(9, "h2", Created(3, "reply"))
    trace = story.trace()
    assert trace.caused == ()
    assert trace.reply is not None
    assert trace.reply.packet == 9


def fragments(*ends: Delivered | Dropped | Reassembled | None) -> Story:
    big = udp()
    story = Story().add(1, "node1", Created(0, "", big), Fragmented(1500, (2, 3)))
    for packet, end in zip((2, 3), ends, strict=True):
        story.add(packet, "node1", Created(1, "fragment"))
        story.cross(packet, "node1", "eth0", "node2", "eth0", frame(udp(frag=packet - 2)))
        if end is not None:
            story.add(packet, "node2", end)
    return story


def test_a_datagram_in_fragments_is_delivered_when_they_were_joined_and_taken():
    story = fragments(Reassembled(4), Reassembled(4))
    story.add(4, "node2", Created(2, "reassembly"), Delivered("socket"))
    trace = story.trace()
    assert trace.verdict is Verdict.DELIVERED
    assert trace.path == ("node1:eth0", "node2:eth0")
    assert trace.caused == ()
    assert fold.chain(trace.recorder, 1) == (1, 2, 4)


def test_one_lost_fragment_decides_for_the_whole():
    trace = fragments(Reassembled(4), Dropped("ip_expire", DropReason.FRAG_REASM_TIMEOUT)).trace()
    assert trace.verdict is Verdict.DROPPED
    assert trace.reason is DropReason.FRAG_REASM_TIMEOUT
    assert fold.chain(trace.recorder, 1) == (1, 3)


def test_fragments_under_way_leave_the_whole_under_way():
    assert fragments(None, None).trace().verdict is Verdict.UNKNOWN


NODE2 = Ip.parse("10.0.0.24")
TUNNEL = Encapsulated("tunl0", "ipip", NODE, NODE2)


def ipip(*, lost: bool = False) -> Story:
    """pod1's packet through tunl0: one packet all the way, with another header in front between the nodes."""
    outer = Packet((IPv4(NODE, NODE2, IPPROTO_IPIP), *echo(ttl=63).layers), b"x" * 56)
    story = sent(Story()).add(1, "node1", Forwarded("cali111", "tunl0", 63)).send(1, "node1", "tunl0", echo(ttl=63))
    story.add(1, "node1", TUNNEL).add(3, "node1", Created(1, "arp"))
    story.send(3, "node1", "eth0", who_has(NODE2, NODE)).add(3, "node2", Delivered("arp", "answered"))
    story.send(1, "node1", "eth0", frame(outer))
    if lost:
        return story.die(1, "vpc", "vpc", DropReason.FABRIC)
    story.add(1, "node2", Received("eth0", frame(outer)), Decapsulated("tunl0", "ipip", NODE, NODE2))
    story.add(1, "node2", Received("tunl0", echo(ttl=63)), Forwarded("tunl0", "cali9", 62))
    return story.cross(1, "node2", "cali9", "default/pod9", "eth0", frame(echo(ttl=62)))


def test_the_path_shows_the_devices_of_the_tunnel_in_order_of_time():
    trace = ipip().trace()
    assert trace.path == (
        "default/pod1:eth0",
        "node1:cali111",
        "node1:tunl0",
        "node1:eth0",
        "node2:eth0",
        "node2:tunl0",
        "node2:cali9",
        "default/pod9:eth0",
    )


def test_a_packet_in_a_tunnel_is_delivered_where_it_is_taken():
    story = ipip()
    assert story.trace().verdict is Verdict.UNKNOWN
    story.add(1, "default/pod9", Delivered("socket"))
    assert story.trace().verdict is Verdict.DELIVERED
    assert not check_invariants(story.records)


def test_a_lost_outer_packet_is_the_death_of_what_it_carried():
    trace = ipip(lost=True).trace()
    assert trace.verdict is Verdict.DROPPED
    assert trace.reason is DropReason.FABRIC
    assert trace.dropped_at == "vpc"


def test_the_arp_of_the_outer_packet_is_a_consequence_of_the_packet():
    assert [trace.packet for trace in ipip().trace().caused] == [3]


def test_one_namespace_is_one_hop_with_its_tunnel():
    hops = [(hop.netns, hop.in_dev, hop.out_dev) for hop in ipip().trace().hops]
    assert hops == [
        ("default/pod1", "", "eth0"),
        ("node1", "cali111", "eth0"),
        ("node2", "eth0", "cali9"),
        ("default/pod9", "eth0", ""),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param((), (TUNNEL,), Verdict.REJECTED, id="about the packet itself"),
        pytest.param((TUNNEL,), (), Verdict.DROPPED, id="about the outer one"),
        pytest.param(
            (TUNNEL, Decapsulated("tunl0", "ipip", NODE, NODE2)), (), Verdict.REJECTED, id="behind the tunnel"
        ),
        pytest.param(
            (TUNNEL, TUNNEL, Decapsulated("t", "ipip", NODE, NODE2)), (), Verdict.DROPPED, id="of two tunnels"
        ),
    ],
)
def test_an_error_about_the_outer_packet_does_not_tell_the_sender_of_what_is_inside(before, after, expected):
    """F97."""
    story = sent(Story()).add(1, "node1", *before, IcmpSent(3, 1, POD1, NODE, 5), *after)
    story.die(1, "node1", "arp_error_report", DropReason.NEIGH_FAILED)
    assert story.trace().verdict is expected


def test_the_explanation_says_that_the_sender_hears_nothing_of_an_error_about_the_outer_packet():
    story = sent(Story()).add(1, "node1", TUNNEL, IcmpSent(3, 1, NODE, NODE, 5))
    story.die(1, "node1", "arp_error_report", DropReason.NEIGH_FAILED)
    told = " ".join(story.trace().explain().split())
    assert "node1 told 10.0.0.23: ICMP host 10.0.0.24 unreachable, from 10.0.0.23" in told
    assert (
        "That is about the ipip packet 10.0.0.23 > 10.0.0.24: 10.0.0.23 is an end of the tunnel, "
        "and whoever sent what is inside hears nothing." in told
    )


# -- path and hops ---------------------------------------------------------------------------------------------------


def test_equal_neighbours_of_a_path_are_merged_and_others_are_not():
    story = sent(Story()).cross(1, "node1", "cali111", "default/pod1", "eth0", frame(echo(ttl=63)))
    assert story.trace().path == ("default/pod1:eth0", "node1:cali111", "default/pod1:eth0")


def test_a_bridge_lists_the_port_and_itself_where_it_passes_the_frame_up():
    story = Story().add(1, "default/pod1", Created())
    story.cross(1, "default/pod1", "eth0", "node1", "veth1", frame(echo())).add(
        1, "node1", Received("br0", frame(echo()))
    )
    trace = story.trace()
    assert trace.path == ("default/pod1:eth0", "node1:veth1", "node1:br0")
    assert [(hop.netns, hop.in_dev) for hop in trace.hops] == [("default/pod1", ""), ("node1", "veth1")]


def test_a_packet_over_lo_visits_its_namespace_twice():
    story = (
        Story()
        .add(1, "node1", Created())
        .cross(1, "node1", "lo", "node1", "lo", frame(echo()))
        .add(1, "node1", Delivered("socket"))
    )
    trace = story.trace()
    assert trace.path == ("node1:lo",)
    assert [(hop.in_dev, hop.out_dev) for hop in trace.hops] == [("", "lo"), ("lo", "")]


def test_hops_hold_every_record_of_the_packet_once():
    trace = same_node_ping().trace()
    assert [step for hop in trace.hops for step in hop.steps] == list(trace.records)
    assert [hop.machine for hop in trace.hops] == ["node1", "node1", "node1"]


def test_an_entry_that_changes_later_belongs_to_the_hop_that_used_it():
    reply = same_node_ping(probe=True).trace().reply
    assert reply is not None
    pod2, node1, pod1 = reply.hops
    changes = [step.event.cause for step in node1.steps if isinstance(step.event, NeighbourChanged)]
    assert changes == ["used", "unconfirmed"]
    assert (pod2.netns, pod1.netns) == ("default/pod2", "default/pod1")


def test_an_entry_that_changes_before_anything_else_begins_a_hop():
    story = (
        Story()
        .add(1, "node1", Created())
        .add(1, "elsewhere", NeighbourChanged("eth0", POD1, "NONE", "STALE", None, "request"))
    )
    assert [hop.netns for hop in story.trace().hops] == ["node1", "elsewhere"]


def test_the_opening_is_what_it_was_born_with_else_the_first_frame():
    assert fold.opening(sent(Story()).trace().recorder, 1) == echo()
    told = icmp(3, 1, NODE, POD1, echo())
    assert fold.opening(Story().add(1, "node1", Created(0, "", told)).trace().recorder, 1) == told
    assert fold.opening(Story().add(1, "node1", Created()).trace().recorder, 1) is None


def test_a_frame_of_a_tunnel_has_no_mac_header_to_lose():
    assert fold.network(echo()) == echo()
    assert fold.network(Packet((), b"abc")) == Packet((), b"abc")


def test_the_tree_holds_everything_that_happened_because_of_a_packet():
    story = same_node_ping(probe=True)
    assert story.trace().tree == tuple(story.records)
    assert {record.packet for record in story.trace(6).tree} == {6, 7, 8, 9, 10}
