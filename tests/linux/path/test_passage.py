"""Packets of a known flow pass a router as the one before (``path.passage``), but for those of which something else has a say.

A flow is established, so that it has a passage; then one packet of it is sent that differs. The same packet in a lab that has forgotten all
it knew must have the same story, and leave the same counters.
"""

from collections.abc import Callable

import pytest

from podwire.linux.fib import NextHop, Route, RouteQuery
from podwire.linux.netlink import Netlink
from podwire.linux.path.exception import next_hop_key, update_or_create_fnhe
from podwire.linux.path.route import ip_route_output
from podwire.linux.socket import PMTUDISC_DONT
from podwire.trace.events import Fragmented, IcmpSent
from podwire.trace.log import Record
from podwire.wire.addr import Ip4, Net
from tests.linux.facts.test_f080_f099_vxlan import POD2, T2, mtu, overlay
from tests.linux.lab import Lab, Ping
from tests.linux.path.test_remembered import RULES, forget

MARKING = RULES.replace(
    "COMMIT\n*nat",
    "-A OUTPUT -m mark --mark 0x99 -j ACCEPT\nCOMMIT\n*mangle\n-A POSTROUTING -o vxlan.calico -j MARK --set-mark 0x99\nCOMMIT\n*nat",
)
"""What POSTROUTING puts on the packet is on the outer one, too."""


def plain(probe: Ping) -> None:
    """As the packets before."""


def short_lived(probe: Ping) -> None:
    probe.socket.ttl = 1


def short_lived_behind_the_tunnel(probe: Ping) -> None:
    probe.socket.ttl = 2


def long(probe: Ping) -> None:
    probe.size = 1440


def long_in_pieces(probe: Ping) -> None:
    probe.size = 1440
    probe.socket.pmtudisc = PMTUDISC_DONT


def precious(probe: Ping) -> None:
    probe.socket.tos = 0x10


CASES: dict[str, Callable[[Ping], None]] = {
    each.__name__: each for each in (plain, short_lived, short_lived_behind_the_tunnel, long, long_in_pieces, precious)
}


def prepared(rules: str = RULES, warm: int = 5, switch: int = 0) -> tuple[Lab, Ping]:
    """A lab in which a flow has a passage on both nodes; ``switch`` is ip_forward_use_pmtu."""
    lab = overlay()
    lab.sysctl("node1", "ip_forward_use_pmtu", switch)
    # The pod's own device takes more than the router's next one.
    mtu(lab, "pod1:eth0", 1500)
    mtu(lab, "node1:cali111", 1500)
    lab.door("node1").route_add(Route(Net.parse(f"{POD2}/32"), tos=0x10, type="unreachable"))
    for node in ("node1", "node2"):
        Netlink(lab[node]).iptables_restore(rules)
    probe = lab.ping("pod1", POD2)
    lab.run(1)
    for number in range(2, warm + 1):
        probe.send(number)
        lab.run(1)
    return lab, probe


def told(lab: Lab, probe: Ping, number: int = 99) -> tuple[list[Record], list[str]]:
    """The records of one more packet, and the counters of every rule then."""
    lab.restart()
    probe.send(number)
    lab.run(3)
    return lab.records, [Netlink(lab[node]).iptables_save(counters=True) for node in ("node1", "node2")]


def has_passage(lab: Lab, node: str) -> bool:
    return any(passage is not None and passage.dst is not None for ct in lab[node].conntrack for passage in ct.passages)


@pytest.mark.parametrize("case", CASES)
def test_a_packet_that_differs_goes_the_whole_way(case: str) -> None:
    stories = []
    for warm in (True, False):
        lab, probe = prepared()
        assert has_passage(lab, "node1")
        assert has_passage(lab, "node2")
        if not warm:
            forget(lab)
        CASES[case](probe)
        stories.append(told(lab, probe))
    assert stories[0] == stories[1]


def test_the_cases_are_different() -> None:
    def kinds(case: Callable[[Ping], None]) -> tuple[int, int, int]:
        lab, probe = prepared()
        case(probe)
        records, _ = told(lab, probe)
        return (
            len(probe.errors),
            sum(isinstance(record.event, IcmpSent) for record in records),
            sum(isinstance(record.event, Fragmented) for record in records),
        )

    assert kinds(plain) == (0, 0, 0)
    assert kinds(short_lived)[:2] == (1, 1)
    assert kinds(short_lived_behind_the_tunnel)[:2] == (1, 1)
    assert kinds(long)[:2] == (1, 1)
    assert kinds(long_in_pieces)[2] > 0
    assert kinds(precious)[:2] == (1, 1)


def test_a_path_that_was_found_narrower_counts() -> None:
    """What is learned of a path changes no generation, and where a switch says so a router heeds it."""
    stories = []
    for warm in (True, False):
        lab, probe = prepared(switch=1)
        netns, address = lab["node1"], Ip4.parse(POD2)
        leg = ip_route_output(netns, address).leg
        assert leg is not None
        update_or_create_fnhe(netns, next_hop_key(*leg), address, 600, mtu=1000)
        if not warm:
            forget(lab)
        probe.size = 1200
        stories.append(told(lab, probe))
        assert len(probe.errors) == 1
    assert stories[0] == stories[1]


def test_a_flow_whose_mark_changes_on_its_way_has_no_passage_there() -> None:
    stories = []
    for warm in (True, False):
        lab, probe = prepared(MARKING)
        assert has_passage(lab, "node2")
        if not warm:
            forget(lab)
        records, counters = told(lab, probe)
        assert any("0x99" in str(record.event) for record in records)
        stories.append((records, counters))
    assert stories[0] == stories[1]


def test_a_flow_that_was_precious_has_no_passage_for_its_packets_that_are_not() -> None:
    stories = []
    for warm in (True, False):
        lab, probe = prepared(warm=1)
        door = lab.door("node1")
        door.route_del(RouteQuery(Net.parse(f"{POD2}/32"), tos=0x10))
        door.route_add(Route(Net.parse(f"{POD2}/32"), type="unreachable"))
        way = NextHop(lab.link("node1:vxlan.calico").ifindex, Ip4.parse(T2), onlink=True)
        door.route_add(Route(Net.parse(f"{POD2}/32"), tos=0x10, nexthops=(way,)))
        probe.socket.tos = 0x10
        for number in range(2, 7):
            probe.send(number)
            lab.run(1)
        assert len(probe.replies) == 6
        if not warm:
            forget(lab)
        probe.socket.tos = 0
        stories.append(told(lab, probe))
        assert len(probe.replies) == 6
    assert stories[0] == stories[1]
