"""Section 1.6: exactly when a node answers an ARP request."""

from itertools import pairwise

import pytest

from podwire.linux.netlink import Netlink
from podwire.trace.events import Delivered
from podwire.wire.addr import Ip4, Mac
from tests.linux.lab import CALI, POD1_MAC, Lab, calico_same_node

YES = f"is-at {CALI}"


@pytest.fixture
def lab() -> Lab:
    return calico_same_node()


def answered(lab: Lab, tpa: str, spa: str = "192.168.1.11", *, unicast: bool = False) -> bool:
    """Whether the node answers pod1's request at once, with its cali MAC and nothing else."""
    answer = lab.ask("pod1:eth0", tpa, spa, dst=CALI if unicast else "")
    assert answer in {"", f"reply {tpa} {YES}"}
    return bool(answer)


def note(lab: Lab) -> str:
    """What the node noted about the last request."""
    return lab.events(Delivered, "node")[-1].event.note


@pytest.mark.parametrize(
    "target",
    [
        "169.254.1.1",
        "192.168.1.12",
        "192.168.1.99",
        "10.0.0.23",
        "10.0.0.1",
        "8.8.8.8",
        "127.0.0.1",
        "127.0.0.53",
        "240.0.0.1",
    ],
)
def test_f34_answered(lab: Lab, target: str) -> None:
    assert answered(lab, target)


def test_f34_proxied_and_own_addresses_are_told_apart(lab: Lab) -> None:
    answered(lab, "169.254.1.1")
    assert note(lab) == "proxied"
    answered(lab, "10.0.0.23")
    assert note(lab) == "answered"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("192.168.1.11", "same-device"),
        ("224.0.0.1", "ignored"),
        ("255.255.255.255", "no-route"),
        ("0.0.0.0", "source-check"),
    ],
)
def test_f35_not_answered(lab: Lab, target: str, why: str) -> None:
    assert not answered(lab, target)
    assert note(lab) == why
    assert lab.neigh("node") == {}, "and nothing is learned"


def test_f35_without_route_localnet_not_for_loopback_either(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/route_localnet", 0)
    assert not answered(lab, "127.0.0.1")


def test_f36_without_a_default_route_no_answer_for_the_gateway_and_the_pods_are_cut_off() -> None:
    lab = calico_same_node(gateway=False)
    assert not answered(lab, "169.254.1.1")
    assert note(lab) == "no-route"
    assert answered(lab, "192.168.1.12"), "though the other pod would be routable"
    ping = lab.ping("pod1", "192.168.1.12")
    lab.run(5)
    assert ping.replies == []
    assert ping.errors == [("3/1", "192.168.1.11", 1)]


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit", "throw"])
def test_f36_nor_with_a_default_route_that_is_an_error(kind: str) -> None:
    lab = calico_same_node(gateway=False)
    lab.route("node", f"{kind} default")
    assert not answered(lab, "169.254.1.1")


def test_f36_a_default_route_that_is_only_linkdown_still_gives_an_answer(lab: Lab) -> None:
    lab.down("gw:eth0")
    lab.run(2)
    assert answered(lab, "169.254.1.1")


def test_f37_a_route_back_to_the_same_device_gives_none_unless_pvlan() -> None:
    lab = calico_same_node(gateway=False)
    lab.route("node", "169.254.1.1 dev cali111")
    assert not answered(lab, "169.254.1.1")
    lab.sysctl("node", "conf/cali111/proxy_arp_pvlan", 1)
    assert answered(lab, "169.254.1.1")
    assert not answered(lab, "192.168.1.11"), "but nobody's own address"


def test_f38_forwarding_off_no_proxy_but_own_addresses(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/forwarding", 0)
    assert not answered(lab, "169.254.1.1")
    assert note(lab) == "forwarding-off"
    assert answered(lab, "10.0.0.23")


def test_f38_proxy_arp_is_all_or_the_device(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/proxy_arp", 0)
    assert not answered(lab, "169.254.1.1")
    assert note(lab) == "proxy-off"
    lab.sysctl("node", "conf/all/proxy_arp", 1)
    assert answered(lab, "169.254.1.1")


def test_f38_a_proxy_neighbour_answers_without_proxy_arp(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/proxy_arp", 0)
    lab.door("node").proxy_add(Ip4.parse("192.168.1.99"), lab.link("node:cali111"))
    assert answered(lab, "192.168.1.99")
    assert not answered(lab, "192.168.1.98")
    assert lab.ask("pod2:eth0", "192.168.1.99", "192.168.1.12"), "cali222 has proxy_arp"
    lab.sysctl("node", "conf/cali222/proxy_arp", 0)
    assert not lab.ask("pod2:eth0", "192.168.1.99", "192.168.1.12"), "the proxy entry is cali111's"


def test_f39_a_probe_without_sender_is_answered_for_own_addresses_alone(lab: Lab) -> None:
    assert answered(lab, "10.0.0.23", "0.0.0.0")
    assert not answered(lab, "169.254.1.1", "0.0.0.0")
    assert not answered(lab, "192.168.1.12", "0.0.0.0")
    assert lab.neigh("node") == {}


def test_f40_rp_filter_off_a_spoofed_sender_is_answered_and_learned(lab: Lab) -> None:
    assert answered(lab, "169.254.1.1", "1.2.3.4")
    assert lab.neigh("node") == {"1.2.3.4 dev cali111": "STALE"}


@pytest.mark.parametrize("spoofed", ["1.2.3.4", "192.168.1.12"])
def test_f40_rp_filter_on_neither(lab: Lab, spoofed: str) -> None:
    lab.sysctl("node", "conf/cali111/rp_filter", 1)
    assert not answered(lab, "169.254.1.1", spoofed)
    assert note(lab) == "source-check"
    assert lab.neigh("node") == {}
    assert answered(lab, "169.254.1.1"), "the real sender"
    assert lab.neigh("node") == {"192.168.1.11 dev cali111": "STALE"}


def test_f40_a_local_address_is_answered_under_the_same_check(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/rp_filter", 1)
    assert not answered(lab, "10.0.0.23", "1.2.3.4")


# -- F41 -----------------------------------------------------------------------------------------------------------


def delays(lab: Lab, count: int) -> list[float]:
    """Seconds until the answer to each of some broadcast requests."""
    found = []
    for _ in range(count):
        lab.restart()
        assert not answered(lab, "169.254.1.1")
        assert lab.state("node:cali111", "192.168.1.11") == "STALE", "learned at once"
        lab.run(1)
        lines = [line for line in lab.sequence("node:cali111", times=True) if f"reply 169.254.1.1 {YES}" in line]
        assert len(lines) == 1
        found.append(float(lines[0].split()[0]))
    return found


def test_f41_proxy_delay_zero_answers_at_once(lab: Lab) -> None:
    assert answered(lab, "169.254.1.1")


def test_f41_by_default_a_broadcast_waits_up_to_eight_tenths_of_a_second(lab: Lab) -> None:
    lab.sysctl("node", "neigh/cali111/proxy_delay", 80)
    found = delays(lab, 200)
    assert 0 <= min(found) < 0.05
    assert 0.75 < max(found) <= 0.84
    quarters = [sum(low / 5 <= value < (low + 1) / 5 for value in found) for low in range(4)]
    assert min(quarters) > 25, "uniform"


def test_f41_the_delays_are_the_seeds() -> None:
    def drawn(seed: int) -> list[float]:
        lab = calico_same_node(seed)
        lab.sysctl("node", "neigh/cali111/proxy_delay", 80)
        return delays(lab, 5)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_f41_a_unicast_request_never_waits(lab: Lab) -> None:
    lab.sysctl("node", "neigh/cali111/proxy_delay", 80)
    assert answered(lab, "169.254.1.1", unicast=True)


def test_f41_own_addresses_never_wait(lab: Lab) -> None:
    lab.sysctl("node", "neigh/cali111/proxy_delay", 80)
    assert answered(lab, "10.0.0.23")


def test_f41_when_the_time_comes_the_node_looks_again(lab: Lab) -> None:
    lab.sysctl("node", "neigh/cali111/proxy_delay", 80)
    assert not answered(lab, "169.254.1.1")
    lab.route_del("node", "default")
    lab.run(1)
    assert lab.sequence("node:cali111") == []


def test_f41_at_most_proxy_qlen_requests_wait(lab: Lab) -> None:
    lab.sysctl("node", "neigh/cali111/proxy_delay", 80)
    lab.sysctl("node", "neigh/cali111/proxy_qlen", 3)
    for _ in range(10):
        answered(lab, "169.254.1.1")
    lab.run(1)
    assert len(lab.sequence("node:cali111")) == 4
    lab.restart()
    assert not answered(lab, "169.254.1.1")
    lab.run(1)
    assert len(lab.sequence("node:cali111")) == 1, "the queue is empty again"


def test_f41_the_answers_of_one_device_need_not_keep_order_but_all_come(lab: Lab) -> None:
    lab.sysctl("node", "neigh/cali111/proxy_delay", 80)
    for last in range(100, 140):
        assert not answered(lab, f"192.168.1.{last}")
    lab.run(1)
    lines = [line.split()[4] for line in lab.sequence("node:cali111", times=True)]
    assert sorted(lines) == sorted(f"192.168.1.{last}" for last in range(100, 140))
    assert any(later < earlier for earlier, later in pairwise(lines))


def test_f42_proxy_arp_off_everywhere_own_addresses_are_still_answered(lab: Lab) -> None:
    lab.sysctl("node", "conf/cali111/proxy_arp", 0)
    assert answered(lab, "10.0.0.23")
    assert not answered(lab, "192.168.1.12")


# -- arp_ignore, arp_filter: the oracle's arp_ignore ----------------------------------------------------------------


def two_interfaces(path: str = "", value: int = 0) -> Lab:
    """``h`` has e0 10.0.0.10 and e1 10.0.0.11, 10.5.0.1 towards ``a``; lo 10.6.0.1; 10.0.0.12 on e0 with scope host."""
    lab = Lab()
    lab.machine("a")
    lab.netns("a", "h")
    for number in (0, 1):
        lab.veth(f"a:v{number}", f"02:00:00:00:00:0{number}", f"h:e{number}", f"02:00:00:00:00:1{number}")
    lab.addr("h:e0", "10.0.0.10/24")
    lab.addr("h:e1", "10.0.0.11/24")
    lab.addr("h:e1", "10.5.0.1/24")
    lab.addr("h:lo", "10.6.0.1/32")
    lab.addr("h:e0", "10.0.0.12/32", scope="host")
    if path:
        lab.sysctl("h", path, value)
    lab.restart()
    return lab


@pytest.mark.parametrize(
    ("level", "by_e0", "by_e1"),
    [
        (0, "10 11 5 6 12", "10 11 5 6 12"),
        (1, "10 12", "11 5"),
        (2, "10 12", "11"),
        (3, "10 11 5 6", "10 11 5 6"),
        (4, "10 11 5 6 12", "10 11 5 6 12"),
        (8, "", ""),
    ],
)
@pytest.mark.parametrize("scope", ["all", "device"])
def test_arp_ignore(level: int, by_e0: str, by_e1: str, scope: str) -> None:
    names = {"10": "10.0.0.10", "11": "10.0.0.11", "5": "10.5.0.1", "6": "10.6.0.1", "12": "10.0.0.12"}
    for number, expected in enumerate((by_e0, by_e1)):
        lab = two_interfaces(f"conf/{'all' if scope == 'all' else f'e{number}'}/arp_ignore", level)
        found = [key for key, target in names.items() if lab.ask(f"a:v{number}", target, "10.0.0.1")]
        assert " ".join(found) == expected
        assert (lab.neigh("h") == {}) == (not expected), "who gets no answer is not learned"


def test_arp_filter_answers_only_where_the_way_back_leads_out() -> None:
    lab = two_interfaces("conf/all/arp_filter", 1)
    for target in ("10.0.0.10", "10.0.0.11", "10.5.0.1", "10.6.0.1"):
        assert lab.ask("a:v0", target, "10.0.0.1") == f"reply {target} is-at 02:00:00:00:00:10"
        assert lab.ask("a:v1", target, "10.0.0.1") == ""


def test_without_arp_filter_every_interface_answers() -> None:
    lab = two_interfaces()
    assert lab.ask("a:v1", "10.0.0.10", "10.0.0.1") == "reply 10.0.0.10 is-at 02:00:00:00:00:11"


def test_drop_gratuitous_arp(lab: Lab) -> None:
    lab.set_neigh("node:cali111", "192.168.1.11", "02:00:00:00:00:77")
    Netlink(lab["node"]).neigh_del(Ip4.parse("192.168.1.11"), lab.link("node:cali111"))
    lab.ping("pod1", "192.168.1.12")
    lab.sysctl("node", "conf/cali111/drop_gratuitous_arp", 1)
    lab.run(2)
    lab.ask("pod1:eth0", "192.168.1.11", "192.168.1.11", mac="02:00:00:00:00:99")
    assert lab.entry("node:cali111", "192.168.1.11").mac == Mac.parse(POD1_MAC)
    lab.sysctl("node", "conf/cali111/drop_gratuitous_arp", 0)
    lab.ask("pod1:eth0", "192.168.1.11", "192.168.1.11", mac="02:00:00:00:00:99")
    assert str(lab.entry("node:cali111", "192.168.1.11").mac) == "02:00:00:00:00:99"
