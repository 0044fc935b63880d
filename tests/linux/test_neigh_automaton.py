"""Every row of the neighbour automaton, through frames, timers and packets; and nothing but these rows."""

import itertools
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.linux.neigh import (
    CONFIRMED,
    CONNECTED,
    FIXED,
    GRATUITOUS,
    IN_USE,
    NO_ANSWER,
    REACHABLE_TIME,
    REPLY,
    REQUEST,
    RESOLVE,
    TRANSITIONS,
    UNCONFIRMED,
    USED,
    VALID,
    Nud,
)
from podwire.linux.path import neighbour
from podwire.linux.skb import truesize
from podwire.linux.socket import SocketError
from podwire.trace.events import NeighbourChanged
from podwire.wire.addr import NO_MAC, Ip4, Mac
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST
from tests.linux.lab import Lab, arp_frame, pair

WHERE: Final = "a:v0"
PEER: Final = "10.0.0.2"
OWN_MAC: Final = "02:00:00:00:00:0a"
PEER_MAC: Final = "02:00:00:00:00:0b"
NEW_MAC: Final = "02:00:00:00:00:99"

Step = Callable[[Lab], object]


# -- frames that b's device sends ----------------------------------------------------------------------------------


def reply(lab: Lab, mac: str = PEER_MAC) -> None:
    """A unicast ARP reply to us."""
    lab.inject("b:v1", arp_frame(ARPOP_REPLY, Mac.parse(mac), PEER, "10.0.0.1", dst=OWN_MAC, tha=OWN_MAC))


def request(lab: Lab, mac: str = NEW_MAC) -> None:
    """A request that we answer."""
    lab.inject("b:v1", arp_frame(ARPOP_REQUEST, Mac.parse(mac), PEER, "10.0.0.1"))


def gratuitous(lab: Lab, mac: str = NEW_MAC) -> None:
    """A gratuitous request."""
    lab.inject("b:v1", arp_frame(ARPOP_REQUEST, Mac.parse(mac), PEER, PEER))


def ping(lab: Lab) -> None:
    """A packet is to be sent."""
    lab.ping("a", PEER)


def confirmed_send(lab: Lab) -> None:
    """A packet of a transport that made progress is sent."""
    socket = lab.udp("a", 0)
    socket.confirm = True
    socket.send_to(Ip4.parse(PEER), 9, b"")


def silence(lab: Lab) -> None:
    """The peer answers no ARP any more."""
    lab.sysctl("b", "conf/all/arp_ignore", 8)


# -- how to get into a state ----------------------------------------------------------------------------------------


def to_none(lab: Lab) -> None:
    lab.sysctl("a", "conf/v0/arp_accept", 1)


def to_incomplete(lab: Lab) -> None:
    silence(lab)
    ping(lab)


def to_failed(lab: Lab) -> None:
    to_incomplete(lab)
    lab.run(4)


def to_stale(lab: Lab) -> None:
    request(lab, PEER_MAC)


def to_delay(lab: Lab) -> None:
    to_stale(lab)
    ping(lab)


def to_probe(lab: Lab) -> None:
    to_delay(lab)
    silence(lab)
    lab.run(5.3)


def to_reachable(lab: Lab) -> None:
    ping(lab)


ENTER: Final[MappingProxyType[Nud, Step]] = MappingProxyType(
    {
        Nud.NONE: to_none,
        Nud.INCOMPLETE: to_incomplete,
        Nud.FAILED: to_failed,
        Nud.STALE: to_stale,
        Nud.DELAY: to_delay,
        Nud.PROBE: to_probe,
        Nud.REACHABLE: to_reachable,
    }
)


# -- how to bring a cause about -------------------------------------------------------------------------------------


def wait(seconds: float) -> Step:
    return lambda lab: lab.run(seconds)


def confirm_and_wait(lab: Lab) -> None:
    lab.run(2)
    confirmed_send(lab)
    lab.run(6)


def nobody_to_ask(lab: Lab) -> None:
    lab.sysctl("a", "neigh/v0/mcast_solicit", 0)
    ping(lab)


CAUSE: Final[MappingProxyType[str, Step]] = MappingProxyType(
    {
        RESOLVE: ping,
        USED: ping,
        CONFIRMED: confirm_and_wait,
        UNCONFIRMED: wait(6),
        REACHABLE_TIME: wait(50),
        IN_USE: wait(4),
        NO_ANSWER: wait(4),
        REPLY: reply,
        REQUEST: request,
        GRATUITOUS: gratuitous,
    }
)


def state(lab: Lab) -> Nud:
    """The state of a's entry for b; NONE where there is no entry."""
    return Nud(lab.state(WHERE, PEER) or Nud.NONE)


@pytest.mark.parametrize(("old", "cause"), TRANSITIONS, ids=lambda value: str(value).lower())
def test_every_row_of_the_table_through_the_real_path(old: Nud, cause: str) -> None:
    lab = pair()
    if cause == IN_USE:
        # Only where reachable_time is shorter than delay_first_probe_time (the oracle's nud_cycle).
        lab.sysctl("a", "neigh/v0/base_reachable_time_ms", 500)
    ENTER[old](lab)
    assert state(lab) is old
    lab.restart()
    if cause == NO_ANSWER and old in {Nud.NONE, Nud.FAILED}:
        nobody_to_ask(lab)
        assert ("neigh_event_send", "NEIGH_FAILED") in lab.drops("a")
        assert state(lab) is Nud.FAILED
        return
    CAUSE[cause](lab)
    if (old, cause) == (Nud.REACHABLE, REPLY):
        assert lab.changes(WHERE, PEER) == [], "the same address: nothing to tell"
        lab.run(1.3)
        reply(lab, NEW_MAC)
    assert lab.changes(WHERE, PEER)[0] == (old, cause, TRANSITIONS[old, cause])


def test_the_table_is_the_one_of_rfc_4861_and_the_kernel() -> None:
    learned = {REPLY: Nud.REACHABLE, REQUEST: Nud.STALE, GRATUITOUS: Nud.STALE}
    learning = {(old, cause): new for old in ENTER for cause, new in learned.items()}
    unanswered = dict.fromkeys(
        itertools.product((Nud.NONE, Nud.FAILED, Nud.INCOMPLETE, Nud.PROBE), (NO_ANSWER,)), Nud.FAILED
    )
    assert dict(TRANSITIONS) == {
        **learning,
        **unanswered,
        (Nud.NONE, RESOLVE): Nud.INCOMPLETE,
        (Nud.FAILED, RESOLVE): Nud.INCOMPLETE,
        (Nud.STALE, USED): Nud.DELAY,
        (Nud.DELAY, CONFIRMED): Nud.REACHABLE,
        (Nud.DELAY, UNCONFIRMED): Nud.PROBE,
        (Nud.REACHABLE, REACHABLE_TIME): Nud.STALE,
        (Nud.REACHABLE, IN_USE): Nud.DELAY,
    }


def test_a_reply_in_reachable_counts_as_a_confirmation_though_nothing_changes() -> None:
    lab = pair()
    to_reachable(lab)
    lab.run(10)
    reply(lab)
    assert lab.entry(WHERE, PEER).confirmed == lab["a"].machine.jiffies


def test_the_states_and_sets_are_those_of_the_kernel() -> None:
    assert {Nud.PERMANENT, Nud.NOARP, Nud.REACHABLE} == CONNECTED
    assert {*CONNECTED, Nud.PROBE, Nud.STALE, Nud.DELAY} == VALID
    assert {Nud.PERMANENT, Nud.NOARP} == FIXED
    assert not {old for old, _ in TRANSITIONS} & FIXED
    assert not set(TRANSITIONS.values()) & {*FIXED, Nud.NONE}


@pytest.mark.parametrize(
    ("old", "cause"),
    [pair_ for pair_ in itertools.product(Nud, CAUSE) if pair_ not in TRANSITIONS],
    ids=lambda value: str(value).lower(),
)
def test_what_is_not_in_the_table_raises(old: Nud, cause: str) -> None:
    lab = pair()
    lab.set_neigh(WHERE, PEER, PEER_MAC, Nud.STALE)
    entry = lab.entry(WHERE, PEER)
    entry.state = old
    with pytest.raises(KeyError):
        neighbour._move(entry, cause, 0)
    assert entry.state is old


# -- any order of things that can happen ----------------------------------------------------------------------------

ACTIONS: Final[MappingProxyType[str, Step]] = MappingProxyType(
    {
        "ping": ping,
        "confirmed": confirmed_send,
        "reply": reply,
        "reply, other mac": lambda lab: reply(lab, NEW_MAC),
        "request": lambda lab: request(lab, PEER_MAC),
        "request, other mac": request,
        "gratuitous": lambda lab: gratuitous(lab, PEER_MAC),
        "gratuitous, other mac": gratuitous,
        "silence": silence,
        "speech": lambda lab: lab.sysctl("b", "conf/all/arp_ignore", 0),
        "accept": lambda lab: lab.sysctl("a", "conf/v0/arp_accept", 1),
        "no solicit": lambda lab: lab.sysctl("a", "neigh/v0/mcast_solicit", 0),
        "solicit": lambda lab: lab.sysctl("a", "neigh/v0/mcast_solicit", 3),
        "quick": lambda lab: lab.sysctl("a", "neigh/v0/base_reachable_time_ms", 400),
        "wait 0.3": wait(0.3),
        "wait 1.1": wait(1.1),
        "wait 5.3": wait(5.3),
        "wait 20": wait(20),
    }
)


@settings(max_examples=120)
@given(st.lists(st.sampled_from(sorted(ACTIONS)), max_size=25))
def test_any_history_follows_the_table_and_keeps_the_invariants(names: list[str]) -> None:
    lab = pair()
    for name in names:
        ACTIONS[name](lab)
        for table in (lab["a"].neighbours, lab["b"].neighbours):
            for entry in table:
                timed = entry.state in {Nud.INCOMPLETE, Nud.REACHABLE, Nud.DELAY, Nud.PROBE}
                assert (entry.timer is not None) == timed, f"{entry} after {name}"
                assert not entry.queue or entry.state is Nud.INCOMPLETE, f"{entry} holds packets back"
                assert entry.queue_bytes == sum(map(truesize, entry.queue))
                assert entry.state not in VALID or entry.mac != NO_MAC or entry.link.is_loopback
    last = dict[tuple[str, str, str], str]()
    for seen in lab.events(NeighbourChanged):
        event = seen.event
        key = (seen.netns, event.dev, str(event.ip))
        assert last.get(key, "NONE") == event.old, "the log tells one story"
        last[key] = event.new
        assert TRANSITIONS[Nud(event.old), event.cause] == event.new
        assert (event.lladdr is not None) == (Nud(event.new) in VALID)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(sorted(ACTIONS)), max_size=20), st.sampled_from([Nud.PERMANENT, Nud.NOARP]))
def test_nothing_moves_a_fixed_entry(names: list[str], fixed: Nud) -> None:
    lab = pair()
    lab.set_neigh(WHERE, PEER, PEER_MAC, fixed)
    lab.restart()
    for name in names:
        ACTIONS[name](lab)
        assert (state(lab), str(lab.entry(WHERE, PEER).mac)) == (fixed, PEER_MAC)
    assert lab.changes(WHERE, PEER) == []


# -- details of the states ------------------------------------------------------------------------------------------


def test_a_new_entry_was_never_confirmed() -> None:
    # "ip -s neigh" of the oracle's arp_failure: used 1/63/0, 60 s between used and confirmed.
    lab = pair()
    silence(lab)
    ping(lab)
    entry = lab.entry(WHERE, PEER)
    assert entry.used - entry.confirmed == 60 * 250


def test_probes_count_as_the_kernel_counts_them() -> None:
    # The oracle's neigh_stats and arp_failure: 4 after a first answer, 1 after an answered probe, 6 at FAILED.
    lab = pair()
    ping(lab)
    assert lab.entry(WHERE, PEER).probes == 4
    lab.run(50)
    ping(lab)
    lab.run(6)
    assert lab.state(WHERE, PEER) == "REACHABLE"
    assert lab.entry(WHERE, PEER).probes == 1
    lab = pair()
    to_failed(lab)
    assert lab.entry(WHERE, PEER).probes == 6


@pytest.mark.parametrize(("solicit", "asked"), [(1, 1), (2, 2), (5, 5)])
def test_mcast_solicit_and_retrans_time(solicit: int, asked: int) -> None:
    lab = pair()
    lab.sysctl("a", "neigh/v0/mcast_solicit", solicit)
    lab.sysctl("a", "neigh/v0/retrans_time_ms", 200)
    silence(lab)
    echo = lab.ping("a", PEER)
    lab.run(3)
    assert len(lab.sequence(WHERE, arp=True)) == asked
    assert echo.error_times == pytest.approx([0.2 * solicit], abs=0.05 * solicit)


def test_ucast_solicit_and_mcast_resolicit() -> None:
    lab = pair()
    lab.sysctl("a", "neigh/v0/ucast_solicit", 2)
    lab.sysctl("a", "neigh/v0/mcast_resolicit", 1)
    to_probe(lab)
    lab.run(5)
    asked = [line.split()[2] for line in lab.sequence(WHERE, arp=True) if "who-has" in line]
    assert asked == ["U", "U", "B"]
    assert state(lab) is Nud.FAILED


def test_delay_first_probe_time() -> None:
    lab = pair()
    lab.sysctl("a", "neigh/v0/delay_first_probe_time", 1)
    to_delay(lab)
    lab.run(1.1)
    assert lab.changes(WHERE, PEER)[-2:] == [("DELAY", "unconfirmed", "PROBE"), ("PROBE", "reply", "REACHABLE")]


def test_an_idle_entry_with_a_short_reachable_time_is_probed_for_ever() -> None:
    # The oracle's nud_cycle: what confirmed the entry counts as its use when a timer is added (neigh_add_timer).
    lab = pair()
    lab.sysctl("a", "neigh/v0/base_reachable_time_ms", 200)
    lab.sysctl("a", "neigh/v0/delay_first_probe_time", 1)
    lab.sysctl("b", "neigh/v1/delay_first_probe_time", 60)
    ping(lab)
    lab.restart()
    lab.run(20)
    cycle = [("REACHABLE", "in-use", "DELAY"), ("DELAY", "unconfirmed", "PROBE"), ("PROBE", "reply", "REACHABLE")]
    changes = lab.changes(WHERE, PEER)
    assert len(changes) > 30
    assert changes[:30] == cycle * 10


def test_data_flows_while_the_entry_is_probed() -> None:
    lab = pair()
    to_probe(lab)
    echo = lab.ping("a", PEER)
    assert echo.replies == [(1, 64)]


def test_an_error_that_revives_the_entry_ends_the_burst() -> None:
    # neigh_invalidate stops where error_report asks for the same neighbour anew; what is left is purged.
    lab = pair()
    lab.sysctl("a", "ip_forward", 1)
    silence(lab)
    lab.netns("host", "c")
    lab.veth("a:v9", "02:00:00:00:00:19", "c:v1", "02:00:00:00:00:1c")
    lab.route("c", "default dev v1")
    lab.route("a", "10.9.0.0/24 via 10.0.0.2")
    lab.addr("c:v1", "10.9.0.7/32")
    lab.set_neigh("c:v1", "10.0.0.2", "02:00:00:00:00:19")
    lab.set_neigh("c:v1", "10.0.0.3", "02:00:00:00:00:19")
    for _ in range(3):
        lab.ping("c", PEER)
    lab.run(3.5)
    assert state(lab) is Nud.INCOMPLETE, "the first error itself needs the way to 10.0.0.2"
    assert ("arp_error_report", "NEIGH_FAILED") in lab.drops("a")
    assert lab.drops("a").count(("neigh_invalidate", "NEIGH_FAILED")) == 3, "two requests, and the error itself"


def test_the_sender_hears_a_refusal_only_of_routes_never_of_neighbours() -> None:
    lab = pair()
    silence(lab)
    socket = lab.udp("a", 0)
    socket.send_to(Ip4.parse(PEER), 9, b"")
    with pytest.raises(SocketError):
        socket.send_to(Ip4.parse("192.0.2.1"), 9, b"")
