"""Why: one sentence for each row of the table, and the paragraphs around it."""

from pathlib import Path

import pytest

from podwire.trace.causes import ANY, ARP, CAUSES, find
from podwire.trace.events import (
    By,
    ByFabric,
    ByNeighbour,
    ByRoute,
    BySysctl,
    Created,
    Delivered,
    Dropped,
    Encapsulated,
    Flooded,
    Forwarded,
    IcmpSent,
    NeighbourChanged,
    Owner,
    Received,
    Routed,
    Waiting,
)
from podwire.trace.fate import sentence
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip
from tests.trace.deaths import DEATHS, dead_end
from tests.trace.story import (
    CALI,
    DEFAULT,
    GATEWAY,
    MAC1,
    MS,
    NODE,
    POD1,
    POD2,
    Story,
    echo,
    fail,
    frame,
    icmp,
    is_at,
    late_probe,
    proxy_arp,
    same_node_ping,
    unanswered,
    who_has,
)

GOLDEN = Path(__file__).with_name("deaths.txt").read_text(encoding="utf-8").split("\n\n")


def sentence_of(story: Story, packet: int = 1) -> str:
    return sentence(story.trace().recorder, packet)


# -- the table -------------------------------------------------------------------------------------------------------


def test_there_is_a_story_for_every_row_of_the_table():
    assert {death.row for death in DEATHS} == set(CAUSES)
    assert len(DEATHS) == len(GOLDEN)


@pytest.mark.parametrize(
    ("death", "golden"), list(zip(DEATHS, GOLDEN, strict=True)), ids=[death.name for death in DEATHS]
)
def test_every_row_says_what_decided_where_and_what_would_let_the_packet_pass(death, golden):
    trace = death.story().trace()
    told = [line.strip() for line in trace.text("minimal").splitlines()[2:]]
    head, *expected = [line.strip() for line in golden.splitlines()]
    assert head == f"[{death.name}] {trace.verdict}"
    assert told == expected


@pytest.mark.parametrize("reason", [reason for reason in DropReason if not reason.code])
def test_every_reason_of_the_kernel_has_a_row(reason):
    assert (reason, None, "") in CAUSES


def test_every_row_is_one_sentence_with_a_remedy():
    for (reason, _, _), cause in CAUSES.items():
        for clause in cause:
            assert clause
            assert not clause.endswith(".")
            assert ". " not in clause.replace("... ", "")
        if reason not in {DropReason.NOT_MODELLED, DropReason.NOT_SPECIFIED}:
            assert cause.remedy.startswith("it passes ")


def test_what_decided_beats_the_reason_and_the_note_beats_its_kind():
    assert find(DropReason.NOT_SPECIFIED, dead_end("blackhole"), "") is CAUSES[(ANY, ByRoute, "blackhole")]
    assert find(DropReason.IP_INNOROUTES, BySysctl("k", 0), "") is CAUSES[(DropReason.IP_INNOROUTES, BySysctl, "")]
    assert find(ARP, ByRoute("none", "x"), "no-route") is CAUSES[(ARP, ByRoute, "none no-route")]
    assert find(ARP, ByRoute("none", "x"), "not-ours") is CAUSES[(ARP, None, "not-ours")]
    assert find(DropReason.FABRIC, ByFabric("x", "y", kind="z"), "") is CAUSES[(DropReason.FABRIC, ByFabric, "")]
    assert (
        find(DropReason.FABRIC, ByFabric("source check", "y"), "")
        is CAUSES[(DropReason.FABRIC, ByFabric, "source-check")]
    )
    assert find("nothing of the kind", None, "") is CAUSES[(DropReason.NOT_SPECIFIED, None, "")]


def test_a_device_with_a_dot_has_a_slash_in_the_key_that_sysctl_takes():
    by = BySysctl("net.ipv4.conf.vxlan.calico.forwarding", 0)
    story = Story().add(1, "node1", Created(), Dropped("ip_error", DropReason.IP_INADDRERRORS, by, "vxlan.calico"))
    assert "while net.ipv4.conf.vxlan.calico.forwarding = 0 (the kernel's default); " in sentence_of(story)
    assert "`sysctl -w net.ipv4.conf.vxlan/calico.forwarding=1`" in sentence_of(story)
    story = Story().add(1, "node1", Created(), Dropped("ip_error", DropReason.IP_INADDRERRORS, None, "vxlan.calico"))
    assert "`sysctl -w net.ipv4.conf.vxlan/calico.forwarding=1`" in sentence_of(story)


# -- a neighbour that did not answer -----------------------------------------------------------------------------------


def test_a_death_by_silence_names_what_silenced_the_arp_request():
    trace = unanswered(proxy_arp(0, Owner("sysctl")), "proxy-off").trace()
    assert (
        trace.explain()
        == """\
192.168.1.11 > 192.168.1.12: ICMP echo request, id 16, seq 1, length 64
default/pod1 rejected it at eth0 (NEIGH_FAILED in arp_error_report): 3 ARP requests for 169.254.1.1 found no
  answer, because 169.254.1.1 is not an address of node1, which does not answer for others on cali111 while
  net.ipv4.conf.cali111.proxy_arp = 0 (written by sysctl); it passes after
  `sysctl -w net.ipv4.conf.cali111.proxy_arp=1` on node1.
default/pod1 told 192.168.1.11: ICMP host 192.168.1.12 unreachable, from 192.168.1.11."""
    )


def test_calico_without_a_default_route_on_the_node():
    """F36: no default route, no answer for 169.254.1.1, and the pods are cut off."""
    text = sentence_of(unanswered(ByRoute("none", "169.254.1.1", table=""), "no-route", tries=1))
    assert text == (
        "default/pod1 rejected it at eth0 (NEIGH_FAILED in arp_error_report): its ARP request for 169.254.1.1 found no answer, "
        "because node1 answers for others only where it has a route, and it has none to 169.254.1.1, not even a default route; "
        "it passes after `ip route add default via GATEWAY` on node1."
    )


def test_packets_that_wait_for_the_same_entry_share_its_requests():
    story = Story()
    for packet in (1, 2):
        story.add(packet, "default/pod1", Created(0, "", echo()))
        if packet == 1:
            story.add(1, "default/pod1", NeighbourChanged("eth0", GATEWAY, "NONE", "INCOMPLETE", None, "resolve"))
        story.add(packet, "default/pod1", Waiting("eth0", GATEWAY))
        if packet == 1:
            story.ask(3, 1).add(3, "node1", Delivered("arp", "proxy-off", proxy_arp(0))).wait(1020 * MS)
    failed = ByNeighbour(GATEWAY, "eth0", "FAILED")
    story.die(1, "default/pod1", "arp_error_report", DropReason.NEIGH_FAILED, failed, "eth0")
    story.die(2, "default/pod1", "arp_error_report", DropReason.NEIGH_FAILED, failed, "eth0")
    assert sentence_of(story, 2) == sentence_of(story, 1)
    assert "its ARP request for 169.254.1.1 found no answer, because" in sentence_of(story, 2)


def test_requests_of_an_earlier_attempt_for_another_address_or_elsewhere_do_not_count():
    story = Story()
    # An attempt that is over.
    story.add(90, "default/pod1", Created()).ask(91, 90).add(91, "node1", Delivered("arp", "ignored")).wait(MS)
    # Another namespace asks for the same address, and this one for another address.
    story.add(92, "default/pod2", Created(90, "arp")).cross(
        92, "default/pod2", "eth0", "node1", "cali222", who_has(GATEWAY, POD2), 1
    )
    story.add(93, "default/pod1", Created(90, "arp")).cross(
        93, "default/pod1", "eth0", "node1", "cali111", who_has(NODE, POD1), 1
    )
    story.wait(MS)
    story.records += list(shifted(unanswered(proxy_arp(0), "proxy-off", tries=2), story.now))
    assert "2 ARP requests for 169.254.1.1 found no answer" in sentence_of(story)


def shifted(story: Story, by: int):
    from msgspec.structs import replace

    return [replace(record, time=record.time + by) for record in story.records]


def lost_answer(reason: DropReason, by: By | None) -> Story:
    """The node answers, and the answer dies on its way."""
    story = Story().add(
        1, "default/pod1", Created(0, "", echo()), Routed(POD2, POD1, DEFAULT), Waiting("eth0", GATEWAY)
    )
    story.ask(2, 1).add(3, "node1", Created(2, "reply"))
    story.add(2, "node1", Delivered("arp", "proxied", proxy_arp(1)))
    story.send(3, "node1", "cali111", is_at(GATEWAY, CALI, POD1, MAC1)).die(3, "default/pod1", "f", reason, by, "eth0")
    return fail(story.wait(1020 * MS), 4)


def test_an_answer_that_was_lost_is_followed_to_its_own_death():
    from podwire.trace.events import ByLink

    text = sentence_of(lost_answer(DropReason.DEV_READY, ByLink("eth0", "down")))
    assert text == (
        "default/pod1 rejected it at eth0 (NEIGH_FAILED in arp_error_report): its ARP request for 169.254.1.1 found no answer, "
        "because it was answered, but the answer was lost: eth0 is down; it passes after `ip link set dev eth0 up` on default/pod1."
    )


def test_an_answer_that_comes_too_late():
    story = Story().add(1, "default/pod1", Created(0, "", echo()), Waiting("eth0", GATEWAY))
    story.ask(2, 1).add(2, "node1", Delivered("arp", "delayed", proxy_arp(1)))
    text = sentence_of(fail(story.wait(1020 * MS), 4))
    assert (
        "because node1 answers in place of 169.254.1.1 after a random delay (proxy ARP): net.ipv4.conf.cali111.proxy_arp = 1 "
        "(written by calico-cni for Pod default/pod1), but no answer came in time; it passes when the answer comes sooner."
        in text
    )


def test_nobody_on_the_segment_has_the_address():
    """F25, F76: every machine heard the request and none is meant."""
    there = Ip.parse("10.0.0.24")
    story = Story().add(1, "node1", Created(0, "", echo()), Waiting("eth0", there))
    story.add(2, "node1", Created(1, "arp")).send(2, "node1", "eth0", who_has(there, NODE)).add(
        2, "lan", Flooded((3, 4))
    )
    for packet in (3, 4):
        story.add(packet, "lan", Created(2, "copy"))
    for packet, host in ((3, "node3"), (4, "node4")):
        story.add(packet, host, Received("eth0", who_has(there, NODE), 1), Delivered("arp", "not-ours"))
    by = ByNeighbour(there, "eth0", "FAILED")
    story.wait(3060 * MS).die(1, "node1", "arp_error_report", DropReason.NEIGH_FAILED, by, "eth0")
    assert sentence_of(story) == (
        "node1 dropped it at eth0 (NEIGH_FAILED in arp_error_report): its ARP request for 10.0.0.24 found no answer, because none of "
        "the 2 machines that heard it has 10.0.0.24; it passes when one of them has it: `ip addr add 10.0.0.24/32 dev DEV`."
    )
    # One of them is meant, and silent for a reason of its own.
    story.records[-2] = story.records[-2].__class__(
        0, "node4", "node4", 4, Delivered("arp", "ignored", BySysctl("net.ipv4.conf.all.arp_ignore", 8))
    )
    assert "node4 does not answer for 10.0.0.24 on eth0 while net.ipv4.conf.all.arp_ignore = 8" in sentence_of(story)


def test_a_request_under_way_is_no_answer_yet():
    story = Story().add(1, "default/pod1", Created(0, "", echo()), Waiting("eth0", GATEWAY)).ask(2, 1)
    text = sentence_of(fail(story.wait(3060 * MS), 4))
    assert "its ARP request for 169.254.1.1 found no answer, because it is under way; it needs time." in text


def test_the_last_request_tells_what_the_first_one_could_not():
    story = Story().add(1, "default/pod1", Created(0, "", echo()), Waiting("eth0", GATEWAY))
    story.ask(2, 1).add(2, "node1", Delivered("arp", "ignored")).wait(1020 * MS)
    story.ask(3, 1).add(3, "node1", Delivered("arp", "proxy-off", proxy_arp(0))).wait(1020 * MS)
    trace = fail(story, 4).trace()
    assert "while net.ipv4.conf.cali111.proxy_arp = 0" in " ".join(trace.explain().split())
    assert "because of net.ipv4.conf.cali111.proxy_arp = 0" in trace.decided_by


def test_a_later_attempt_changes_nothing_for_a_packet_that_is_dead():
    story = unanswered(proxy_arp(0), "proxy-off")
    before = sentence_of(story)
    story.add(80, "default/pod1", Created(), NeighbourChanged("eth0", GATEWAY, "FAILED", "INCOMPLETE", None, "resolve"))
    story.ask(81, 80).add(81, "node1", Delivered("arp", "ignored"))
    assert sentence_of(story) == before


def test_a_single_stranger_speaks_for_itself():
    there = Ip.parse("10.0.0.24")
    story = Story().add(1, "node1", Created(0, "", echo()), Waiting("eth0", there))
    story.add(2, "node1", Created(1, "arp")).send(2, "node1", "eth0", who_has(there, NODE)).add(2, "lan", Flooded((3,)))
    story.add(3, "lan", Created(2, "copy")).add(
        3, "node3", Received("eth0", who_has(there, NODE), 1), Delivered("arp", "not-ours")
    )
    story.wait(MS).die(1, "node1", "f", DropReason.NEIGH_FAILED, ByNeighbour(there, "eth0", "FAILED"), "eth0")
    assert "because node3 heard it and 10.0.0.24 is not its address;" in sentence_of(story)


# -- what else is told -----------------------------------------------------------------------------------------------


def test_the_story_of_a_ping_and_of_the_probe_five_seconds_later():
    """Ledger row A14: no ARP for pod1 before the first reply, and one unicast probe 5 s later: why."""
    assert (
        same_node_ping(probe=True).trace().explain()
        == """\
192.168.1.11 > 192.168.1.12: ICMP echo request, id 16, seq 1, length 64
default/pod2 took it: its kernel answers echo requests by itself.
Way: default/pod1 > node1 > default/pod2, ttl 64 at first and 63 at last.
default/pod1 did not know the MAC of 169.254.1.1 on eth0 and asked by ARP: node1 answered in place of
  169.254.1.1 (proxy ARP): net.ipv4.conf.cali111.proxy_arp = 1 (written by calico-cni for Pod default/pod1).
node1 did not know the MAC of 192.168.1.12 on cali222 and asked by ARP: default/pod2 answered: 192.168.1.12 is
  its own address.

Reply: 192.168.1.12 > 192.168.1.11: ICMP echo reply, id 16, seq 1, length 64
default/pod1 took it: a socket waited for it.
Way: default/pod2 > node1 > default/pod1, ttl 64 at first and 63 at last.
default/pod2 did not know the MAC of 169.254.1.1 on eth0 and asked by ARP: node1 answered in place of
  169.254.1.1 (proxy ARP): net.ipv4.conf.cali222.proxy_arp = 1 (written by calico-cni for Pod default/pod2).
node1 needed no ARP for 192.168.1.11: its entry on cali111 was learned from 192.168.1.11's own ARP request at
  1 us (STALE, known but not confirmed), used at 9 us, which starts a delay (DELAY).
At 5.006 s node1 asked 192.168.1.11 by unicast whether it is still there, and default/pod1 answered: its entry
  on cali111 was learned from 192.168.1.11's own ARP request at 1 us (STALE, known but not confirmed), used at
  9 us, which starts a delay (DELAY), still not confirmed 5.006 s later (PROBE). Forwarding and ICMP confirm
  no entry; an ARP answer or the progress of a TCP connection does."""
    )


def test_the_probe_explains_itself_from_its_own_time():
    probe = same_node_ping(probe=True).trace(9)
    assert probe.explain().startswith(
        "At 0 us node1 asked 192.168.1.11 by unicast whether it is still there, and default/pod1 answered"
    )


def test_a_probe_without_an_answer_says_why():
    story = late_probe(same_node_ping(), answered=False)
    assert " ".join(story.trace(9).explain().split()).startswith(
        "At 0 us node1 asked 192.168.1.11 by unicast whether it is still there, and got no answer (nobody answered who-has "
        "192.168.1.11 tell 10.0.0.23: default/pod1 does not answer for 192.168.1.11 on eth0 while net.ipv4.conf.all.arp_ignore = 8 "
        "(written by sysctl); it passes after `sysctl -w net.ipv4.conf.all.arp_ignore=0` on default/pod1): its entry on cali111 was learned"
    )


def test_a_probe_under_way_and_one_whose_history_nobody_recorded():
    story = Story().add(6, "node1", Created()).add(9, "node1", Created(6, "probe"))
    story.send(9, "node1", "cali111", who_has(POD1, NODE, CALI, MAC1))
    text = " ".join(story.trace(9).explain().split())
    assert "and the question is under way: its entry on cali111 was not confirmed in time." in text


@pytest.mark.parametrize(
    ("kind", "errno"),
    [
        ("blackhole", "EINVAL, Invalid argument"),
        ("unreachable", "EHOSTUNREACH, No route to host"),
        ("prohibit", "EACCES, Permission denied"),
        ("none", "ENETUNREACH, Network is unreachable"),
        ("throw", "ENETUNREACH, Network is unreachable"),
    ],
)
def test_a_program_is_told_by_its_own_kernel(kind, errno):
    """F47."""
    by = dead_end(kind)
    story = Story().add(1, "node1", Created(), Dropped("ip_route_output", DropReason.IP_OUTNOROUTES, by))
    assert f"The program that sent it gets {errno}." in story.trace().explain()
    story = Story().add(1, "node1", Created(), Dropped("ip_error", DropReason.NOT_SPECIFIED, by))
    assert "The program" not in story.trace().explain()


def expired(error: int, *, lost: bool = False, withheld: str = "") -> Story:
    """node1 discards a packet with ttl 1 and tells pod1 (F156)."""
    told = icmp(11, 0, NODE, POD1, echo(ttl=1))
    story = Story().add(1, "default/pod1", Created(0, "", echo(ttl=1)))
    story.cross(1, "default/pod1", "eth0", "node1", "cali111", frame(echo(ttl=1)))
    story.add(1, "node1", IcmpSent(11, 0, POD1, NODE, error, withheld))
    if error:
        story.add(error, "node1", Created(1, "icmp-error", told))
        if lost:
            story.die(error, "node1", "ip_error", DropReason.IP_INNOROUTES, ByRoute("none", "192.168.1.11", table=""))
        else:
            story.cross(error, "node1", "cali111", "default/pod1", "eth0", frame(told)).add(
                error, "default/pod1", Delivered("icmp")
            )
    return story.die(1, "node1", "ip_forward", DropReason.IP_INHDR)


def test_an_icmp_error_is_told_with_its_sender():
    assert "node1 told 192.168.1.11: ICMP time exceeded in-transit, from 10.0.0.23." in expired(2).trace().explain()
    assert "it came with ttl 1, and node1 would have to forward it to 192.168.1.12" in sentence_of(expired(2))


def test_the_way_names_each_place_once_in_a_row_and_the_ttl_if_it_fell():
    assert "Way: default/pod1 > node1, ttl 1.\n" in expired(2).trace().explain()
    story = Story().add(1, "default/pod1", Created())
    for ttl, here, there in ((64, "default/pod1", "node1"), (63, "node1", "node1"), (62, "node1", "node2")):
        story.cross(1, here, "eth0", there, "eth0", frame(echo(ttl=ttl)))
    assert "Way: default/pod1 > node1 > node2, ttl 64 at first and 62 at last." in story.trace().explain()
    assert (
        "Way: "
        not in Story().add(1, "node1", Created()).cross(1, "node1", "lo", "node1", "lo", echo()).trace().explain()
    )


def test_the_mac_that_was_meant_for_another_host_is_that_of_the_last_frame():
    story = (
        Story().add(1, "default/pod1", Created()).cross(1, "default/pod1", "eth0", "node1", "cali111", frame(echo()))
    )
    story.cross(1, "node1", "eth0", "node2", "eth0", frame(echo(ttl=63), CALI, MAC1)).die(
        1, "node2", "ip_rcv", DropReason.OTHERHOST
    )
    assert sentence_of(story) == (
        "node2 dropped it at eth0 (OTHERHOST in ip_rcv): its frame was addressed to 32:ae:50:1c:7c:42, which is not the MAC of eth0; "
        "it passes after `ip neigh flush dev eth0` on node1, which then asks for the right MAC."
    )


def test_an_icmp_error_that_was_lost_is_told_too():
    """F49: a router without a way back to the pod leaves its sender in the dark."""
    text = " ".join(expired(2, lost=True).trace().explain().split())
    assert (
        "node1 told 192.168.1.11: ICMP time exceeded in-transit, from 10.0.0.23, but that did not arrive: node1 dropped it "
        "(IP_INNOROUTES in ip_error): node1 has no route to 192.168.1.11; it passes after `ip route add 192.168.1.11 via GATEWAY` on "
        "node1, GATEWAY being a neighbour that knows the way." in text
    )


def test_an_icmp_error_that_was_withheld():
    assert (
        "node1 told 192.168.1.11 nothing (ICMP time exceeded in-transit withheld: ratelimit)."
        in expired(0, withheld="ratelimit").trace().explain()
    )


def test_an_expired_ttl_is_known_by_its_error_where_the_function_does_not_tell():
    told = expired(2)
    told.records[-1] = told.records[-1].__class__(0, "node1", "node1", 1, Dropped("elsewhere", DropReason.IP_INHDR))
    assert "it came with ttl 1" in sentence_of(told)


def test_a_redirect_is_a_recommendation():
    story = Story().add(1, "node1", Created(0, "", echo()), IcmpSent(5, 1, POD1, NODE, 2))
    story.add(2, "node1", Created(1, "icmp-error")).add(2, "default/pod1", Delivered("icmp"))
    story.add(1, "node1", Delivered("socket"))
    assert (
        "node1 recommended a shorter way to 192.168.1.11: ICMP redirect 192.168.1.12 to host, from 10.0.0.23."
        in story.trace().explain()
    )


def test_an_echo_request_that_cannot_be_answered_was_taken_all_the_same():
    story = Story().add(
        1,
        "default/pod2",
        Created(0, "", echo()),
        Delivered("icmp_echo", "seq 1", ByRoute("none", "192.168.1.11", table="")),
    )
    assert sentence_of(story) == (
        "default/pod2 took it: its kernel answers echo requests by itself, but it cannot answer this one: no route to 192.168.1.11."
    )


def test_who_takes_what():
    def taken(event: Delivered) -> str:
        return sentence_of(Story().ask(1, 0).add(1, "node1", event))

    assert taken(Delivered("icmp", "type 3")) == "node1 took it: its kernel takes note of such messages."
    assert taken(Delivered("socket", "udp port 53")) == "node1 took it: a socket waited for it."
    assert taken(Delivered("arp", "learned")) == "node1 took note of the answer."
    assert taken(Delivered("tunnel")) == "node1 took it (tunnel)."
    assert taken(Delivered("arp", "proxied")) == "node1 answered in place of 169.254.1.1 (proxy ARP)."


def test_a_packet_whose_headers_nobody_saw():
    story = Story().add(4, "node1", Created(), Routed(POD2, POD1, DEFAULT), Routed(POD2, NODE, DEFAULT))
    story.add(4, "node1", Dropped("f", DropReason.IP_OUTNOROUTES))
    assert story.trace(4).explain().splitlines() == [
        "192.168.1.11 > 192.168.1.12, packet 4, whose headers no tap saw",
        "node1 dropped it (IP_OUTNOROUTES in f): node1 has no route to 192.168.1.12; it passes after",
        "  `ip route add 192.168.1.12 via GATEWAY` on node1, GATEWAY being a neighbour that knows the way.",
    ]


def test_a_circle_of_one_is_none():
    """A machine that forwarded once and saw the ttl end is on a way, not in a circle."""
    story = Story().add(1, "node1", Created(0, "", echo()), Forwarded("a", "b", 1))
    assert "it came with ttl" in sentence_of(story.die(1, "gw", "ip_forward", DropReason.IP_INHDR))


def test_a_tunnel_on_the_way_is_named_with_what_led_into_it():
    outer = Ip.parse("10.0.0.23"), Ip.parse("10.0.0.24")
    way = ByRoute("unicast", "192.168.1.0/26", "main", "tunl0", outer[1], proto="bird", owner=Owner("bird"))
    story = Story().add(1, "default/pod1", Created(0, "", echo()))
    story.add(1, "node1", Encapsulated("tunl0", "ipip", *outer, by=way))
    told = " ".join(story.trace().explain().split())
    assert "node1 put it into ipip 10.0.0.23 > 10.0.0.24 at tunl0: route 192.168.1.0/26 via 10.0.0.24 dev tunl0" in told
