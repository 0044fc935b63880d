"""Section 1.9: whose name the node uses on an interface without an IPv4 address."""

from collections.abc import Callable

import pytest

from podwire.linux.path.lookup import inet_select_addr
from podwire.wire.addr import ANY4, Ip4
from podwire.wire.headers import ARPOP_REQUEST, Arp, IPv4
from tests.linux.lab import GATEWAY_MAC, NODE1_MAC, POD1_MAC, POD2_MAC, Lab, calico_same_node

Setup = Callable[[Lab], None]


def node(setup: Setup, before: Setup | None = None) -> Lab:
    """A node as in S1d: ``before`` runs before eth0 is created, ``setup`` after; then the pods and an unreachable route."""
    lab = Lab()
    lab.machine("node")
    lab.netns("node", "gw")
    lab.sysctl("node", "ip_forward", 1)
    if before is not None:
        before(lab)
    lab.veth("node:eth0", NODE1_MAC, "gw:eth0", GATEWAY_MAC)
    setup(lab)
    lab.route("node", "default dev eth0")
    lab.calico_pod("node", "pod1", "192.168.1.11", "cali111", POD1_MAC)
    lab.calico_pod("node", "pod2", "192.168.1.12", "cali222", POD2_MAC)
    lab.route("node", "unreachable 172.31.0.0/16")
    lab.restart()
    return lab


def tells(lab: Lab, where: str) -> set[str]:
    """The sender addresses of the ARP requests that a device transmitted."""
    return {str(arp.spa) for arp in lab.headers(where, Arp) if arp.op == ARPOP_REQUEST}


def addr(where: str, prefix: str, scope: str = "global") -> Setup:
    return lambda lab: lab.addr(where, prefix, scope=scope)


def bridge(name: str, prefix: str, *, up: bool = True) -> Setup:
    def make(lab: Lab) -> None:
        lab.device(f"node:{name}", up=up)
        lab.addr(f"node:{name}", prefix)

    return make


def both(*steps: Setup) -> Setup:
    def run(lab: Lab) -> None:
        for step in steps:
            step(lab)

    return run


ETH0 = addr("node:eth0", "10.0.0.23/32")
NOTHING: Setup = both()

CASES: dict[str, tuple[Setup, Setup | None, str]] = {
    "eth0 alone": (ETH0, None, "10.0.0.23"),
    "a global address on lo wins": (both(addr("node:lo", "10.255.0.1/32"), ETH0), None, "10.255.0.1"),
    "scope host on lo is skipped": (both(addr("node:lo", "10.255.0.1/32", "host"), ETH0), None, "10.0.0.23"),
    "a bridge created before eth0 wins": (ETH0, bridge("docker0", "169.254.123.1/24"), "169.254.123.1"),
    "though it is down": (ETH0, bridge("docker0", "169.254.123.1/24", up=False), "169.254.123.1"),
    "a bridge created after eth0 loses": (both(ETH0, bridge("docker0", "169.254.123.1/24")), None, "10.0.0.23"),
    "the order of adding addresses is irrelevant": (
        both(bridge("docker0", "169.254.123.1/24"), ETH0),
        None,
        "10.0.0.23",
    ),
    "scope link of another device is skipped": (addr("node:eth0", "10.0.0.23/32", "link"), None, "0.0.0.0"),
    "then the next device's global one": (
        both(addr("node:eth0", "10.0.0.23/32", "link"), bridge("docker0", "172.17.0.1/16")),
        None,
        "172.17.0.1",
    ),
    "two primaries: the first": (
        both(addr("node:eth0", "10.0.0.23/24"), addr("node:eth0", "172.16.0.5/24")),
        None,
        "10.0.0.23",
    ),
    "a secondary is no choice": (
        both(addr("node:eth0", "10.0.0.23/24"), addr("node:eth0", "10.0.0.200/24")),
        None,
        "10.0.0.23",
    ),
    "two /32: the first": (both(addr("node:eth0", "10.0.0.200/32"), ETH0), None, "10.0.0.200"),
    "the pods' subnet on another device does not matter": (
        both(addr("node:eth0", "10.0.0.23/24"), addr("node:eth0", "192.168.1.1/24")),
        None,
        "10.0.0.23",
    ),
    "no address anywhere": (NOTHING, None, "0.0.0.0"),
}


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> tuple[Lab, str]:
    setup, before, expected = request.param
    return node(setup, before), expected


def test_f60_sender_of_the_arp_for_a_forwarded_packet(case: tuple[Lab, str]) -> None:
    lab, expected = case
    lab.ping("pod1", "192.168.1.12")
    lab.run(0.5)
    assert tells(lab, "node:cali222") == {expected}


def test_f61_source_of_an_icmp_error_is_the_same_choice(case: tuple[Lab, str]) -> None:
    lab, expected = case
    unreachable = lab.ping("pod1", "172.31.0.1")
    exceeded = lab.ping("pod1", "8.8.8.8", ttl=1)
    source = "192.0.0.8" if expected == "0.0.0.0" else expected
    assert unreachable.errors == [("3/1", source, 1)]
    assert exceeded.errors == [("11/0", source, 1)]


@pytest.mark.parametrize("value", [0, 1])
def test_f61_use_inbound_ifaddr_makes_no_difference_for_an_addressless_cali(value: int) -> None:
    lab = node(ETH0)
    lab.sysctl("node", "icmp_errors_use_inbound_ifaddr", value)
    assert lab.ping("pod1", "172.31.0.1").errors == [("3/1", "10.0.0.23", 1)]


def test_f61_use_inbound_ifaddr_does_for_one_with_an_address() -> None:
    lab = node(ETH0)
    lab.addr("node:cali222", "169.254.99.1/32")
    lab.route_del("node", "192.168.1.11")
    lab.route("node", "192.168.1.11 dev cali111 scope link src 10.0.0.23")
    lab.addr("node:cali111", "169.254.98.1/32")
    assert lab.ping("pod1", "172.31.0.1").errors == [("3/1", "10.0.0.23", 1)], "the src of the route back"
    lab.run(5)
    lab.sysctl("node", "icmp_errors_use_inbound_ifaddr", 1)
    assert lab.ping("pod1", "172.31.0.1").errors == [("3/1", "169.254.98.1", 1)]


def test_f62_own_packets_of_the_node_to_a_pod(case: tuple[Lab, str]) -> None:
    lab, expected = case
    assert lab.source("node", "192.168.1.12") == expected


def test_f62_and_they_leave_with_it() -> None:
    lab = node(both(addr("node:lo", "10.255.0.1/32"), ETH0))
    lab.ping("node", "192.168.1.12")
    assert {str(ip.src) for ip in lab.headers("node:cali222", IPv4)} == {"10.255.0.1"}
    assert tells(lab, "node:cali222") == {"10.255.0.1"}


@pytest.mark.parametrize("scope", ["global", "link"])
def test_f60_an_address_on_the_cali_interface_itself_is_used_link_scope_too(scope: str) -> None:
    lab = node(ETH0)
    for dev in ("cali111", "cali222"):
        lab.addr(f"node:{dev}", "169.254.99.1/32", scope=scope)
    lab.ping("pod1", "192.168.1.12")
    assert tells(lab, "node:cali222") == {"169.254.99.1"}
    assert lab.ping("pod1", "172.31.0.1").errors == [("3/1", "169.254.99.1", 1)]


def test_f60_on_the_device_itself_the_address_in_the_targets_subnet_comes_first() -> None:
    lab = node(ETH0)
    for prefix in ("172.20.0.1/24", "192.168.1.1/24"):
        lab.addr("node:cali222", prefix)
    lab.ping("pod1", "192.168.1.12")
    assert tells(lab, "node:cali222") == {"192.168.1.1"}


def test_f60_without_one_in_the_subnet_the_first() -> None:
    lab = node(ETH0)
    for prefix in ("172.20.0.1/24", "172.21.0.1/24"):
        lab.addr("node:cali222", prefix)
    lab.ping("pod1", "192.168.1.12")
    assert tells(lab, "node:cali222") == {"172.20.0.1"}


def test_f60_device_order_is_creation_order_not_ifindex() -> None:
    def bridges(lab: Lab) -> None:
        for name, index, prefix in (("brA", 50, "10.50.0.1/24"), ("brB", 40, "10.40.0.1/24")):
            lab.device(f"node:{name}", ifindex=index)
            lab.addr(f"node:{name}", prefix)

    lab = node(NOTHING, bridges)
    assert lab.link("node:brA").ifindex > lab.link("node:brB").ifindex
    lab.ping("pod1", "192.168.1.12")
    assert tells(lab, "node:cali222") == {"10.50.0.1"}


def test_f60_a_device_that_moves_in_goes_to_the_end_of_the_list() -> None:
    lab = Lab()
    lab.machine("node")
    lab.netns("node", "other")
    lab.device("other:early", "dummy")
    lab.device("node:late")
    early = lab.link("other:early")
    lab.door("other").link_move(early, lab["node"])
    lab.addr("node:early", "10.1.0.1/24")
    lab.addr("node:late", "10.2.0.1/24")
    assert str(inet_select_addr(lab["node"], None, ANY4, 0)) == "10.2.0.1"


def test_f60_nothing_found_tells_zero() -> None:
    lab = node(NOTHING)
    lab.ping("pod1", "192.168.1.12")
    assert "TX node:cali222 B who-has 192.168.1.12 tell 0.0.0.0" in lab.sequence()


def test_f60_a_local_source_of_any_interface_is_announced() -> None:
    lab = calico_same_node()
    lab.device("node:br9")
    lab.addr("node:br9", "172.17.0.1/16")
    lab.ping("node", "192.168.1.11", source="172.17.0.1")
    assert tells(lab, "node:cali111") == {"172.17.0.1"}


def test_f60_of_several_waiting_packets_the_last_one_names_the_sender() -> None:
    # neigh_probe looks at the tail of the queue; measured for this test.
    lab = calico_same_node()
    lab.device("node:br9")
    lab.addr("node:br9", "172.17.0.1/16")
    lab.sysctl("pod1", "conf/all/arp_ignore", 8)
    lab.ping("node", "192.168.1.11")
    lab.run(0.2)
    lab.ping("node", "192.168.1.11", source="172.17.0.1")
    lab.run(4)
    assert [str(arp.spa) for arp in lab.headers("node:cali111", Arp)] == ["10.0.0.23", "172.17.0.1", "172.17.0.1"]


def test_f60_probes_without_a_packet_choose_for_themselves() -> None:
    lab = calico_same_node()
    lab.device("node:br9")
    lab.addr("node:br9", "172.17.0.1/16")
    lab.link("node:cali111").neigh.reachable_time = 15_000_000_000
    lab.ping("node", "192.168.1.11", source="172.17.0.1")
    lab.run(20)
    lab.restart()
    lab.ping("node", "192.168.1.11", source="172.17.0.1")
    lab.run(6)
    asked = [line for line in lab.sequence("node:cali111", arp=True) if "who-has" in line]
    assert asked == ["TX node:cali111 U who-has 192.168.1.11 tell 10.0.0.23"]


@pytest.mark.parametrize(("announce", "tell"), [(0, "172.17.0.1"), (1, "10.0.0.23"), (2, "10.0.0.23")])
def test_f63_ping_from_another_interface_and_arp_announce(announce: int, tell: str) -> None:
    lab = calico_same_node()
    lab.device("node:br9")
    lab.addr("node:br9", "172.17.0.1/16")
    lab.sysctl("node", "conf/cali111/arp_announce", announce)
    lab.ping("node", "192.168.1.11", source="172.17.0.1")
    assert tells(lab, "node:cali111") == {tell}


@pytest.mark.parametrize("announce", [0, 1, 2])
def test_f63_forwarded_packets_and_the_nodes_default_choice_are_the_same_for_all(announce: int) -> None:
    lab = calico_same_node()
    lab.sysctl("node", "conf/cali111/arp_announce", announce)
    lab.ping("node", "192.168.1.11")
    assert tells(lab, "node:cali111") == {"10.0.0.23"}
    lab.del_neigh("node:cali111", "192.168.1.11")
    lab.restart()
    lab.ping("pod2", "192.168.1.11")
    assert tells(lab, "node:cali111") == {"10.0.0.23"}


@pytest.mark.parametrize(
    ("announce", "expected"),
    [
        (0, ["10.0.0.1", "10.0.0.3", "10.9.0.1", "172.17.0.1"]),
        (1, ["10.0.0.1", "10.0.0.3", "10.0.0.1", "10.0.0.1"]),
        (2, ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"]),
    ],
)
@pytest.mark.parametrize("scope", ["all", "v0"])
def test_f63_arp_announce_with_secondaries_and_other_subnets(announce: int, expected: list[str], scope: str) -> None:
    # The oracle's arp_announce.
    lab = Lab()
    lab.machine("host")
    lab.netns("host", "a")
    lab.netns("host", "b")
    lab.veth("a:v0", "02:00:00:00:00:0a", "b:v1", "02:00:00:00:00:0b")
    lab.device("a:br0", up=False)
    lab.addr("a:br0", "172.17.0.1/16")
    for prefix in ("10.0.0.1/24", "10.0.0.3/24", "10.9.0.1/24"):
        lab.addr("a:v0", prefix)
    lab.addr("b:v1", "10.0.0.2/24")
    lab.sysctl("a", f"conf/{scope}/arp_announce", announce)
    found: list[str] = []
    for source in ("10.0.0.1", "10.0.0.3", "10.9.0.1", "172.17.0.1"):
        lab.restart()
        lab.ping("a", "10.0.0.2", source=source)
        found += tells(lab, "a:v0")
        lab.del_neigh("a:v0", "10.0.0.2")
    assert found == expected


def test_f62_the_sources_of_the_oracles_route_source() -> None:
    # Link routes without src: the first address of the device, whatever its subnet; gateways: the address in the gateway's subnet.
    lab = Lab()
    lab.machine("a")
    lab.netns("a", "b")
    lab.veth("a:v0", "02:00:00:00:00:0a", "b:v1", "02:00:00:00:00:0b")
    for prefix in ("10.3.0.1/24", "10.0.0.1/24", "10.1.0.1/24", "10.0.0.7/24"):
        lab.addr("a:v0", prefix)
    lab.addr("a:v0", "10.7.0.1/24", scope="link")
    for route in (
        "10.0.0.50 dev v0",
        "10.20.0.0/16 dev v0",
        "10.30.0.0/16 via 10.1.0.9",
        "10.31.0.0/16 via 10.0.0.9",
        "10.32.0.0/16 via 10.99.0.9 dev v0 onlink",
        "10.33.0.0/16 via 10.0.0.9 src 10.0.0.7",
        "10.40.0.0/16 dev v0 scope host",
        "10.41.0.0/16 dev v0 scope global",
    ):
        lab.route("a", route)
    assert {
        dst: lab.source("a", dst)
        for dst in ("10.1.0.5", "10.0.0.5", "10.0.0.50", "10.20.0.5", "10.30.0.5", "10.31.0.5")
    } == {
        "10.1.0.5": "10.1.0.1",
        "10.0.0.5": "10.0.0.1",
        "10.0.0.50": "10.7.0.1",
        "10.20.0.5": "10.7.0.1",
        "10.30.0.5": "10.1.0.1",
        "10.31.0.5": "10.0.0.1",
    }
    assert {dst: lab.source("a", dst) for dst in ("10.32.0.5", "10.33.0.5", "10.40.0.5", "10.41.0.5")} == {
        "10.32.0.5": "10.3.0.1",
        "10.33.0.5": "10.0.0.7",
        "10.40.0.5": "10.7.0.1",
        "10.41.0.5": "10.3.0.1",
    }
    lab.addr_del("a:v0", "10.7.0.1")
    assert lab.source("a", "10.20.0.5") == "10.3.0.1"
    lab.addr_del("a:v0", "10.3.0.1")
    assert lab.source("a", "10.20.0.5") == "10.0.0.1"


def test_f60_the_sequence_of_the_oracles_arp_source() -> None:
    lab = Lab()
    lab.machine("host")
    lab.netns("host", "b")
    lab.device("host:d1")
    lab.veth("host:v0", "02:00:00:00:00:0a", "b:v1", "02:00:00:00:00:0b")
    lab.device("host:d2")
    lab.addr("b:v1", "10.0.0.2/24")
    lab.route("host", "10.0.0.2 dev v0")
    found: list[tuple[str, ...]] = []
    for where, prefix, scope in (
        ("", "", ""),
        ("host:d2", "10.22.0.1/24", "global"),
        ("host:d1", "10.21.0.1/24", "global"),
        ("host:lo", "10.23.0.1/24", "global"),
        ("host:v0", "169.254.7.7/32", "link"),
        ("host:v0", "10.24.0.1/24", "global"),
    ):
        if where:
            lab.addr(where, prefix, scope=scope)
        lab.restart()
        lab.ping("host", "10.0.0.2")
        lab.run(0.2)
        found += [(lab.source("host", "10.0.0.2"), *tells(lab, "host:v0"))]
        lab.del_neigh("host:v0", "10.0.0.2")
    assert found == [
        (address, address)
        for address in ("0.0.0.0", "10.22.0.1", "10.21.0.1", "10.23.0.1", "169.254.7.7", "169.254.7.7")
    ]
    assert str(inet_select_addr(lab["host"], lab.link("host:v0"), Ip4.parse("10.24.0.9"), 0)) == "10.24.0.1"
