"""Traces as text: the three depths, compared with blocks that a person has read."""

from pathlib import Path

import pytest

from podwire.errors import PodwireError
from podwire.trace.events import (
    ByRoute,
    ByRule,
    Conntrack,
    Created,
    Delivered,
    Dropped,
    Flooded,
    Flow,
    Forwarded,
    Fragmented,
    IcmpSent,
    Logged,
    NeighbourChanged,
    Owner,
    Reassembled,
    Received,
    Routed,
    RuleMatched,
    Translated,
    Waiting,
)
from podwire.trace.eventtext import event_line, frame_line
from podwire.trace.page import Page
from podwire.trace.reasons import DropReason
from podwire.trace.words import WIDTH
from podwire.wire.addr import BROADCAST, NO_MAC, Ip, Mac
from podwire.wire.headers import ETH_P_ARP, Arp, Ethernet
from podwire.wire.packet import Packet
from tests.trace.deaths import DEATHS
from tests.trace.story import (
    CALI,
    DEFAULT,
    GATEWAY,
    LOCAL1,
    MAC1,
    NODE,
    POD1,
    POD2,
    TO_POD1,
    Story,
    echo,
    fail,
    frame,
    icmp,
    is_at,
    late_probe,
    proxy_arp,
    same_node_ping,
    tcp,
    udp,
    unanswered,
    who_has,
)

HERE = Path(__file__).parent


def golden(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8").removesuffix("\n")


# -- the three depths ------------------------------------------------------------------------------------------------


def test_minimal_is_the_verdict_and_the_way_there_and_back():
    assert (
        same_node_ping(probe=True).trace().text("minimal")
        == """\
DELIVERED  192.168.1.11 > 192.168.1.12: ICMP echo request, id 16, seq 1, length 64
           default/pod1:eth0 -> node1:cali111 -> node1:cali222 -> default/pod2:eth0

DELIVERED  reply: 192.168.1.12 > 192.168.1.11: ICMP echo reply, id 16, seq 1, length 64
           default/pod2:eth0 -> node1:cali222 -> node1:cali111 -> default/pod1:eth0"""
    )


def test_summary_tells_hop_by_hop_with_arp_where_the_packet_waited_for_it():
    assert same_node_ping(probe=True).trace().text("summary") == golden("ping_summary.txt")


def test_detailed_shows_every_event_of_the_tree():
    text = same_node_ping(probe=True).trace().text("detailed")
    assert text == golden("ping_detailed.txt")
    assert sum(" #" in line[:14] for line in text.splitlines()) == len(same_node_ping(probe=True).records)


def test_a_packet_that_nobody_answered_for_with_its_icmp_error():
    assert unanswered(proxy_arp(0, Owner("sysctl")), "proxy-off").trace().text("summary") == golden(
        "silence_summary.txt"
    )


def test_an_unknown_depth_names_the_known_ones():
    with pytest.raises(PodwireError, match="depth 'all' is not known; known are minimal, summary, detailed"):
        same_node_ping().trace().text("all")  # type: ignore[arg-type]


STORIES = [
    *[death.story() for death in DEATHS],
    same_node_ping(probe=True),
    late_probe(same_node_ping(), answered=False),
    unanswered(proxy_arp(0), "proxy-off"),
]


@pytest.mark.parametrize("story", STORIES)
def test_every_text_keeps_to_its_columns(story):
    trace = story.trace()
    for text in (trace.text("minimal"), trace.text(), trace.text("detailed"), trace.explain()):
        for line in text.splitlines():
            assert len(line) <= WIDTH or " " not in line.strip()
            assert line == line.rstrip()
            assert line.isascii()


# -- pieces of a summary ---------------------------------------------------------------------------------------------


def lines(story: Story, packet: int = 1) -> list[str]:
    return [line.strip() for line in story.trace(packet).text().splitlines()]


def test_a_reset_and_an_icmp_error_are_told_as_traces_with_a_title():
    story = Story().add(1, "node1", Created(0, "", tcp()))
    story.add(2, "node1", Created(1, "reset", tcp(POD2, POD1, flags=0x14))).die(
        1, "node1", "tcp_v4_rcv", DropReason.NO_SOCKET
    )
    story.add(3, "node1", Created(1, "icmp-error", icmp(3, 1, NODE, POD1, echo()))).add(2, "node1", Delivered("socket"))
    text = story.trace().text()
    assert (
        "DELIVERED  reset: 192.168.1.12.45000 > 192.168.1.11.80: Flags [R.], seq 100, ack 0, win 64240, length 0"
        in text
    )
    assert "UNKNOWN    ICMP error: 10.0.0.23 > 192.168.1.11: ICMP host 192.168.1.12 unreachable, length 92" in text


@pytest.mark.parametrize(
    ("events", "role"),
    [
        ((Created(), Routed(POD2, POD1, DEFAULT)), "sends it"),
        ((Created(), Dropped("f", DropReason.IP_OUTNOROUTES)), "cannot send it"),
        ((Received("eth0", frame(echo())), Forwarded("a", "b", 63)), "forwards it"),
        ((Forwarded("a", "b", 63), Dropped("f", DropReason.QDISC_DROP)), "discards it"),
        ((Received("eth0", frame(echo())), Delivered("socket")), "takes it"),
        ((Received("eth0", frame(echo())),), "passes it on"),
        ((Created(), Flooded((2,))), "floods it"),
    ],
)
def test_a_hop_says_what_its_namespace_did(events, role):
    assert f"0 us node1 {role}" in lines(Story().add(1, "node1", *events))


def test_an_arp_request_that_is_under_way_or_was_seen_by_nobody():
    story = Story().add(1, "default/pod1", Created(0, "", echo()), Waiting("eth0", GATEWAY))
    story.add(2, "default/pod1", Created(1, "arp", who_has(GATEWAY, POD1).pull()))
    assert "arp    who-has 169.254.1.1 tell 192.168.1.11, no device saw it" in lines(story)
    story.send(2, "default/pod1", "eth0", who_has(GATEWAY, POD1))
    assert "1 us     arp    who-has 169.254.1.1 tell 192.168.1.11, seen at default/pod1:eth0 only" in lines(story)
    assert "It is under way: it was last seen at default/pod1:eth0." in lines(story)
    story.add(2, "vpc", Delivered("arp", "delayed"))
    assert "vpc has delayed it, and no answer was sent yet" in lines(story)
    assert "1 us     arp    who-has 169.254.1.1 tell 192.168.1.11, to vpc" in lines(story)


def test_an_answer_that_got_lost_is_told_below_it():
    story = Story().add(1, "default/pod1", Created(0, "", echo()), Waiting("eth0", GATEWAY)).ask(2, 1)
    story.add(3, "node1", Created(2, "reply")).add(2, "node1", Delivered("arp", "proxied", proxy_arp(1)))
    story.send(3, "node1", "cali111", is_at(GATEWAY, CALI, POD1, MAC1)).die(3, "node1", "f", DropReason.DEV_READY)
    found = lines(story)
    at = next(i for i, line in enumerate(found) if "169.254.1.1 is-at" in line)
    assert found[at + 2].startswith("node1 dropped it at cali111 (DEV_READY in f): cali111 is not up;")
    assert f"\n{' ' * 23}node1 dropped it at cali111 (DEV_READY" in story.trace().text()


def test_requests_after_the_packet_has_left_are_not_nested_in_it():
    story = Story().add(1, "default/pod1", Created(0, "", echo()), Waiting("eth0", GATEWAY)).proxied(2, 1)
    story.send(1, "default/pod1", "eth0", frame(echo())).wait(1000)
    story.add(8, "default/pod1", Created(1, "arp")).send(8, "default/pod1", "eth0", who_has(GATEWAY, POD1))
    text = story.trace().text()
    head, later = text.split("later, because of this packet:")
    assert head.count("who-has") == 1
    assert "arp    who-has 169.254.1.1 tell 192.168.1.11, seen at default/pod1:eth0 only" in later


def test_a_device_without_mac_header_shows_none():
    story = (
        Story()
        .add(1, "node1", Created())
        .send(1, "node1", "tunl0", echo(ttl=63))
        .send(1, "node1", "lo", frame(echo(), NO_MAC, NO_MAC))
    )
    assert "1 us   out    tunl0, ttl 63" in lines(story)
    assert "2 us   out    lo, ttl 64" in lines(story)


def test_a_very_long_way_is_shortened():
    story = Story().add(1, "node1", Created(0, "", echo(ttl=40)))
    for ttl in range(39, 19, -1):
        here, there = ("node1", "gw") if ttl % 2 else ("gw", "node1")
        story.cross(1, here, "eth0", there, "eth0", frame(echo(ttl=ttl))).add(
            1, there, Forwarded("eth0", "eth0", ttl - 1)
        )
    story.die(1, "node1", "ip_forward", DropReason.IP_INHDR)
    assert len(story.trace().path) == 21
    text = story.trace().text()
    assert " ".join(text.split()).count("node1:eth0") + text.count("gw:eth0") == 12
    assert "... 9 more ..." in text
    assert "8 us ... 9 more hops; the detailed text shows them" in text
    assert text.count("forwards it") == 10
    assert story.trace().text("detailed").count(" fwd ") == 20


@pytest.mark.parametrize(("cables", "shortened"), [(12, False), (13, True)])
def test_what_one_line_more_would_show_is_not_hidden_behind_a_line(cables, shortened):
    story = Story().add(1, "node1", Created(0, "", echo(ttl=40)))
    for ttl in range(39, 39 - cables, -1):
        here, there = ("node1", "gw") if ttl % 2 else ("gw", "node1")
        story.cross(1, here, "eth0", there, "eth0", frame(echo(ttl=ttl)))
    trace = story.trace()
    assert len(trace.hops) == len(trace.path) == cables + 1
    assert ("more ..." in trace.text()) == shortened
    assert ("more hops" in trace.text()) == shortened


def test_long_labels_and_numbers_keep_the_columns_of_the_detailed_text():
    label = "kube-system/" + "x" * 30
    story = Story().add(9, "node1", Created()).add(100, label, Created(9), Waiting("eth0", POD1))
    assert story.trace(9).text("detailed").splitlines()[-4:] == [
        "       0 us #9   node1                        create packet 9, whose headers no tap saw",
        f"            #100 {label} create  of #9, packet 100, whose headers no tap",
        " " * 67 + "saw",
        f"            #100 {label} wait   for the MAC of 192.168.1.11 on eth0",
    ]


# -- events ----------------------------------------------------------------------------------------------------------

RULE = ByRule("filter", "FORWARD", 2, "-j ACCEPT", Owner("felix", "Pod default/pod1"))


@pytest.mark.parametrize(
    ("event", "label", "text"),
    [
        (Created(), "create", ""),
        (Created(4, "copy"), "create", "copy of #4"),
        (Received("eth0", frame(echo()), 0), "in", "eth0"),
        (Received("eth0", frame(echo()), 1), "in", "eth0, broadcast"),
        (Received("eth0", frame(echo()), 2), "in", "eth0, multicast"),
        (Received("eth0", frame(echo()), 3), "in", "eth0, for another host"),
        (
            Routed(POD2, POD1, DEFAULT, "", 100),
            "route",
            "default via 169.254.1.1 dev eth0  [table main, ip rule 100, calico-cni for Pod default/pod1]",
        ),
        (
            Routed(POD2, POD1, TO_POD1, "eth0", 32767),
            "route",
            "192.168.1.11 dev cali111 scope link  [table main, calico-cni for Pod default/pod1]",
        ),
        (
            Routed(POD2, POD1, LOCAL1, "eth0", 0),
            "route",
            "local 192.168.1.11 dev eth0 table local proto kernel scope host src 192.168.1.11",
        ),
        (Routed(POD2, POD1, ByRoute("none", "192.168.1.12", table="")), "route", "no route to 192.168.1.12"),
        (
            RuleMatched(RULE, "ACCEPT", "ACCEPT"),
            "rule",
            "ACCEPT by rule 2 of FORWARD in table filter: -A FORWARD -j ACCEPT  [felix for Pod default/pod1]",
        ),
        (
            RuleMatched(RULE, "MARK"),
            "rule",
            "MARK by rule 2 of FORWARD in table filter: -A FORWARD -j ACCEPT  [felix for Pod default/pod1]",
        ),
        (
            RuleMatched(RULE, "MY", "jump"),
            "rule",
            "jump to MY by rule 2 of FORWARD in table filter: -A FORWARD -j ACCEPT  [felix for Pod default/pod1]",
        ),
        (Logged("x: ", "x: IN=eth0 OUT= SRC=10.0.0.1 "), "log", "x: IN=eth0 OUT= SRC=10.0.0.1"),
        (Logged("calico-drop", group=5), "nflog", "group 5: calico-drop"),
        (Conntrack("INVALID"), "ct", "INVALID"),
        (
            Conntrack("NEW", "in", False, Flow(POD1, POD2, 6, 40000, 80)),
            "ct",
            "NEW: tcp 192.168.1.11:40000 > 192.168.1.12:80",
        ),
        (
            Conntrack("ESTABLISHED", "in", True, Flow(POD1, POD2, 1, 7, 7)),
            "ct",
            "ESTABLISHED (reply): icmp 192.168.1.11 > 192.168.1.12, id 7",
        ),
        (
            Conntrack("NEW", "confirmed", False, Flow(POD1, POD2, 47, 0, 0)),
            "ct",
            "NEW, confirmed: 47 192.168.1.11 > 192.168.1.12",
        ),
        (
            Translated("DNAT", "PREROUTING", POD1, POD2, 80, 8080, by=RULE),
            "nat",
            "DNAT 192.168.1.11:80 -> 192.168.1.12:8080: rule 2 of FORWARD in table filter: -A FORWARD -j ACCEPT  [felix for Pod default/pod1]",
        ),
        (Translated("SNAT", "POSTROUTING", POD1, POD2, reply=True), "nat", "SNAT (back) 192.168.1.11 -> 192.168.1.12"),
        (
            NeighbourChanged("eth0", POD1, "NONE", "STALE", MAC1, "request"),
            "neigh",
            "192.168.1.11 dev eth0 lladdr 32:ae:50:1c:7c:42 STALE, was NONE: request",
        ),
        (
            NeighbourChanged("eth0", POD1, "STALE", "FAILED", None, "no-answer"),
            "neigh",
            "192.168.1.11 dev eth0 FAILED, was STALE: no-answer",
        ),
        (Waiting("eth0", POD1), "wait", "for the MAC of 192.168.1.11 on eth0"),
        (IcmpSent(3, 1, POD1, NODE, 5), "icmp", "host unreachable, from 10.0.0.23 to 192.168.1.11"),
        (
            IcmpSent(3, 1, POD1, NODE, 0, "ratelimit"),
            "icmp",
            "host unreachable, from 10.0.0.23 to 192.168.1.11, withheld: ratelimit",
        ),
        (Forwarded("a", "b", 9), "fwd", "a -> b, ttl 9"),
        (
            Delivered("arp", "answered", LOCAL1),
            "taken",
            "by ARP, answered: local 192.168.1.11 dev eth0 table local proto kernel scope host src 192.168.1.11",
        ),
        (Delivered("tunnel"), "taken", "by tunnel"),
        (Dropped("f", DropReason.OTHERHOST), "DROP", "OTHERHOST in f"),
        (Fragmented(1500, (2, 3)), "cut", "into 2 fragments for mtu 1500: #2 #3"),
        (Reassembled(4), "joined", "into #4"),
        (Flooded((2, 3, 4)), "flood", "3 copies: #2 #3 #4"),
        (Flooded(()), "flood", "0 copies: none"),
    ],
)
def test_each_event_has_a_label_and_a_line(event, label, text):
    assert event_line(event) == (label, text)


def test_a_frame_line_shows_macs_ttl_id_and_flags():
    assert frame_line(Received("eth0", frame(echo()), 3)) == (
        "in",
        (
            "eth0, for another host, 32:ae:50:1c:7c:42 > ee:ee:ee:ee:ee:ee\n192.168.1.11 > 192.168.1.12: "
            "ICMP echo request, id 16, seq 1, length 64, ttl 64, id 7, DF"
        ),
    )
    assert frame_line(Received("eth0", icmp(3, 1, NODE, POD1, echo()))) == (
        "in",
        "eth0\n10.0.0.23 > 192.168.1.11: ICMP host 192.168.1.12 unreachable, length 92, ttl 64, id 0, tos 0xc0",
    )
    arp = Packet(
        (Ethernet(BROADCAST, Mac(1), ETH_P_ARP), Arp(1, Mac(1), Ip.parse("10.0.0.1"), NO_MAC, Ip.parse("10.0.0.2")))
    )
    assert frame_line(Received("eth0", arp, 1)) == (
        "in",
        "eth0, broadcast, 00:00:00:00:00:01 > ff:ff:ff:ff:ff:ff\nARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28",
    )


# -- the page --------------------------------------------------------------------------------------------------------


def test_a_page_leaves_out_a_time_that_did_not_change():
    page = Page(1000)
    page.add(1000, "a")
    page.add(1000, "b", "word")
    page.add(3500, "c", indent=2)
    assert page.text().splitlines() == ["       0 us a", "            word   b", "     2.5 us   c"]


def test_a_page_sets_heads_and_blocks_off_and_shows_their_time_again():
    page = Page(0)
    page.head("first")
    page.under("more")
    page.block(5000, "block")
    page.add(5000, "same")
    page.head("second")
    page.add(5000, "again")
    assert page.text().splitlines() == [
        "first",
        "           more",
        "",
        "       5 us block",
        "            same",
        "",
        "second",
        "       5 us again",
    ]


def test_a_page_breaks_lines_below_their_text():
    page = Page(0)
    page.add(0, "x " * 60, "word", indent=2)
    page.add(0, "y " * 60)
    found = page.text().splitlines()
    assert found[0].startswith("       0 us   word   x x")
    assert found[1].startswith(" " * 21 + "x x")
    assert found[2].startswith(" " * 12 + "y y")
    assert found[3].startswith(" " * 14 + "y y")


def test_a_head_is_broken_below_its_headers():
    page = Page(0)
    page.head("DELIVERED  " + "y " * 60)
    page.under("z " * 60)
    assert [line[:13] for line in page.text().splitlines()] == [
        "DELIVERED  y ",
        " " * 11 + "y ",
        " " * 11 + "z ",
        " " * 11 + "z ",
    ]


def test_a_page_keeps_the_line_feeds_of_a_text():
    page = Page(0)
    page.add(0, "first\nsecond", "in")
    assert page.text().splitlines() == ["       0 us in     first", "                   second"]


def test_udp_and_failures_over_lo_are_told_too():
    story = fail(Story().add(1, "default/pod1", Created(0, "", udp()), Waiting("eth0", GATEWAY)), 4)
    assert "REJECTED   192.168.1.11.40000 > 192.168.1.12.53: UDP, length 8" in story.trace().text("minimal")
