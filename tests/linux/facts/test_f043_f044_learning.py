"""Section 1.7: what a received ARP message does to a neighbour entry."""

import pytest

from podwire.linux.neigh import Nud
from podwire.trace.events import NeighbourChanged
from podwire.wire.addr import Mac
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST
from tests.linux.lab import CALI, POD1_MAC, Lab, arp_frame, calico_same_node, two_nodes

IP = "192.168.1.50"
OLD, NEW = POD1_MAC, "32:ae:50:1c:7c:aa"
WHERE = "node:cali111"

MESSAGES = {
    "request, proxied": (ARPOP_REQUEST, "169.254.1.1", "", ""),
    "request, local": (ARPOP_REQUEST, "10.0.0.23", "", ""),
    "gratuitous request": (ARPOP_REQUEST, IP, "", ""),
    "gratuitous reply": (ARPOP_REPLY, IP, "", "own"),
    "broadcast reply": (ARPOP_REPLY, "10.0.0.23", "", CALI),
    "unicast reply": (ARPOP_REPLY, "10.0.0.23", CALI, CALI),
}


@pytest.fixture
def lab() -> Lab:
    lab = calico_same_node()
    lab.route("node", f"{IP} dev cali111 scope link")
    lab.restart()
    return lab


def tell(lab: Lab, message: str, mac: str) -> None:
    """pod1's device sends the message with that sender MAC."""
    op, target, dst, tha = MESSAGES[message]
    lab.inject("pod1:eth0", arp_frame(op, Mac.parse(mac), IP, target, dst=dst, tha=mac if tha == "own" else tha))


def outcome(lab: Lab) -> str:
    """Which MAC the node's entry has now, and its state."""
    state = lab.state(WHERE, IP)
    if not state:
        return "nothing"
    return f"{'new' if str(lab.entry(WHERE, IP).mac) == NEW else 'old'} {state}"


@pytest.mark.parametrize(
    ("message", "none", "stale", "reachable"),
    [
        ("request, proxied", "new STALE", "new STALE", "new STALE"),
        ("request, local", "new STALE", "new STALE", "new STALE"),
        ("gratuitous request", "nothing", "new STALE", "new STALE"),
        ("gratuitous reply", "nothing", "new STALE", "new STALE"),
        ("broadcast reply", "nothing", "new STALE", "new STALE"),
        ("unicast reply", "nothing", "new REACHABLE", "new REACHABLE"),
    ],
)
def test_f43_another_mac(lab: Lab, message: str, none: str, stale: str, reachable: str) -> None:
    tell(lab, message, NEW)
    assert outcome(lab) == none
    for state, expected in ((Nud.STALE, stale), (Nud.REACHABLE, reachable)):
        lab.set_neigh(WHERE, IP, OLD, state)
        lab.run(1.3)
        tell(lab, message, NEW)
        assert outcome(lab) == expected


@pytest.mark.parametrize("message", MESSAGES)
def test_f43_the_same_mac(lab: Lab, message: str) -> None:
    reply = message == "unicast reply"
    for state in (Nud.STALE, Nud.REACHABLE, Nud.DELAY):
        lab.set_neigh(WHERE, IP, OLD, state)
        if state is Nud.DELAY:
            lab.set_neigh(WHERE, IP, OLD, Nud.STALE)
            lab.ping("node", IP)
        lab.restart()
        tell(lab, message, OLD)
        assert outcome(lab) == ("old REACHABLE" if reply else f"old {state}")
        if not reply or state is Nud.REACHABLE:
            assert lab.changes(WHERE, IP) == []


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("state", [Nud.PERMANENT, Nud.NOARP])
def test_f43_a_permanent_entry_never_changes(lab: Lab, message: str, state: Nud) -> None:
    lab.set_neigh(WHERE, IP, OLD, state)
    lab.run(1.3)
    tell(lab, message, NEW)
    assert outcome(lab) == f"old {state}"


def test_f43_a_new_mac_is_an_event_even_where_the_state_stays(lab: Lab) -> None:
    lab.set_neigh(WHERE, IP, OLD, Nud.STALE)
    lab.run(1.3)
    lab.restart()
    tell(lab, "gratuitous request", NEW)
    events = [seen.event for seen in lab.events(NeighbourChanged, "node")]
    assert events == [
        NeighbourChanged("cali111", lab.entry(WHERE, IP).ip, "STALE", "STALE", Mac.parse(NEW), "gratuitous")
    ]


def test_f43_a_new_mac_was_never_confirmed_whatever_the_old_one_was(lab: Lab) -> None:
    lab.set_neigh(WHERE, IP, OLD, Nud.REACHABLE)
    lab.run(4)
    lab.set_neigh(WHERE, IP, OLD, Nud.REACHABLE)
    tell(lab, "gratuitous request", NEW)
    lab.restart()
    lab.ping("node", IP)
    assert lab.entry(WHERE, IP).confirmed == lab["node"].machine.jiffies - 60 * 250
    lab.run(6)
    assert ("DELAY", "unconfirmed", "PROBE") in lab.changes(WHERE, IP)


def test_f43_a_foreign_broadcast_creates_nothing_but_updates_what_is_there() -> None:
    lab = two_nodes()
    lab.ping("node1", "10.0.0.24")
    lab.run(2)
    assert lab.neigh("ext") == {}, "the third host saw node1 ask for node2"
    lab.set_neigh("ext:eth0", "10.0.0.23", NEW, Nud.STALE)
    lab.del_neigh("node1:eth0", "10.0.0.24")
    lab.run(2)
    lab.ping("node1", "10.0.0.24")
    lab.run(1)
    assert str(lab.entry("ext:eth0", "10.0.0.23").mac) == "42:01:0a:00:00:17"
    assert lab.state("ext:eth0", "10.0.0.23") == "STALE"


@pytest.mark.parametrize("accept", [1, 2])
@pytest.mark.parametrize("message", ["gratuitous request", "gratuitous reply", "broadcast reply", "unicast reply"])
def test_f43_arp_accept_creates_entries(lab: Lab, message: str, accept: int) -> None:
    lab.sysctl("node", "conf/cali111/arp_accept", accept)
    tell(lab, message, NEW)
    if accept == 2:
        assert outcome(lab) == "nothing", "the address is in no subnet of the device"
        lab.addr(WHERE, "192.168.1.1/24")
        tell(lab, message, NEW)
    assert outcome(lab) == ("new REACHABLE" if message == "unicast reply" else "new STALE")


def test_f43_arp_accept_does_not_heed_foreign_requests_nor_own_addresses(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/arp_accept", 1)
    lab.sysctl("node", "conf/cali111/proxy_arp", 0)
    lab.ask("pod1:eth0", "192.168.1.77", IP, mac=NEW)
    assert outcome(lab) == "nothing"
    lab.inject("pod1:eth0", arp_frame(ARPOP_REPLY, Mac.parse(NEW), "10.0.0.23", "10.0.0.23", tha=NEW))
    assert lab.neigh("node") == {}


@pytest.mark.parametrize(
    ("wait", "expected"),
    [(0.5, "old STALE"), (0.9, "old STALE"), (1.0, "old STALE"), (1.1, "new STALE"), (2.0, "new STALE")],
)
def test_f44_within_locktime_another_mac_in_a_foreign_broadcast_is_ignored(
    lab: Lab, wait: float, expected: str
) -> None:
    lab.sysctl("node", "conf/cali111/proxy_arp", 0)
    lab.set_neigh(WHERE, IP, OLD, Nud.STALE)
    lab.run(wait)
    lab.ask("pod1:eth0", "192.168.1.77", IP, mac=NEW)
    assert outcome(lab) == expected


@pytest.mark.parametrize("message", ["request, proxied", "request, local", "gratuitous request", "gratuitous reply"])
def test_f44_requests_that_we_answer_and_gratuitous_arp_override_at_once(lab: Lab, message: str) -> None:
    lab.set_neigh(WHERE, IP, OLD, Nud.REACHABLE)
    tell(lab, message, NEW)
    assert outcome(lab) == "new STALE"


@pytest.mark.parametrize("message", ["broadcast reply", "unicast reply"])
def test_f44_a_reply_does_not(lab: Lab, message: str) -> None:
    lab.set_neigh(WHERE, IP, OLD, Nud.REACHABLE)
    tell(lab, message, NEW)
    assert outcome(lab) == "old REACHABLE"


def test_f44_a_reply_that_names_another_target_address_is_not_gratuitous(lab: Lab) -> None:
    lab.set_neigh(WHERE, IP, OLD, Nud.REACHABLE)
    lab.inject("pod1:eth0", arp_frame(ARPOP_REPLY, Mac.parse(NEW), IP, IP))
    assert outcome(lab) == "old REACHABLE", "target hardware address zero"
    lab.inject("pod1:eth0", arp_frame(ARPOP_REPLY, Mac.parse(NEW), IP, IP, tha=NEW))
    assert outcome(lab) == "new STALE"


def test_f44_locktime_is_a_sysctl(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/proxy_arp", 0)
    lab.sysctl("node", "neigh/cali111/locktime", 0)
    lab.set_neigh(WHERE, IP, OLD, Nud.STALE)
    lab.run(0.01)
    lab.ask("pod1:eth0", "192.168.1.77", IP, mac=NEW)
    assert outcome(lab) == "new STALE"


def test_a_waiting_packet_leaves_before_the_answer_to_the_request_that_freed_it(lab: Lab) -> None:
    # The oracle's nud_learn, finding 22.
    lab.sysctl("pod1", "conf/all/arp_ignore", 8)
    lab.ping("node", "192.168.1.11")
    lab.restart()
    lab.ask("pod1:eth0", "10.0.0.23", "192.168.1.11")
    assert lab.sequence("node:cali111")[:2] == [
        "TX node:cali111 echo request seq 1 ttl 64 DF",
        f"TX node:cali111 reply 10.0.0.23 is-at {CALI}",
    ]
    assert lab.state(WHERE, "192.168.1.11") == "DELAY"
