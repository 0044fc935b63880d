"""Findings of the oracle (tests/oracle/FINDINGS.md) that are about the packet path."""

from errno import EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH

import pytest

from podwire.fabric.segment import Segment
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.routein import ip_route_input
from podwire.linux.rule import FR_ACT_UNREACHABLE, FibRule
from podwire.linux.socket import PMTUDISC_DO, PMTUDISC_WANT, PingSocket, SocketError
from podwire.trace.events import IcmpSent, Transmitted
from podwire.wire.addr import Ip4, Net
from podwire.wire.headers import Ethernet, Icmp, IPv4
from podwire.wire.packet import Packet, Quoted
from tests.linux.lab import OTHER_MAC, POD1_MAC, Lab, Ping, calico_same_node

A, R, G = "10.0.0.1", "10.0.0.254", "10.0.0.253"


def triangle() -> Lab:
    """recorded/fwd_redirect: a sends everything by r, whose way to 10.5.0.1 is g on the same segment."""
    lab = Lab()
    segment = Segment(lab.network, "sw", Net.parse("10.0.0.0/24"))
    for name, number, ip in (("a", "0a", A), ("r", "0b", R), ("g", "0c", G)):
        lab.machine(name)
        lab.nic(f"{name}:v0", f"02:00:00:00:00:{number}", segment)
        lab.addr(f"{name}:v0", f"{ip}/24")
    lab.addr("g:lo", "10.5.0.1/24")
    lab.route("a", f"default via {R}")
    lab.route("r", f"10.5.0.0/16 via {G}")
    lab.sysctl("r", "ip_forward", 1)
    return lab


def accept_redirects(lab: Lab, value: int) -> None:
    lab.sysctl("a", "conf/all/accept_redirects", value)
    lab.sysctl("a", "conf/v0/accept_redirects", value)


def redirected(lab: Lab) -> list[int]:
    """The sequence numbers of the requests about which r sent a redirect."""
    found = []
    for record in lab.events(Transmitted, "r"):
        frame = record.event.frame
        icmp = frame.find(Icmp)
        if icmp is not None and icmp.type == 5 and not isinstance(frame.payload, bytes):
            quote = frame.payload.packet.find(Icmp)
            assert quote is not None
            found.append(quote.seq)
    return found


def ping(lab: Lab, count: int, interval: float) -> Ping:
    probe = lab.ping("a", "10.5.0.1", count=count, interval=interval)
    lab.run(count * interval + 1)
    return probe


@pytest.mark.parametrize("target", ["192.168.5.9", "10.8.0.9"])
def test_finding_01_a_route_without_gateway_and_src_takes_the_devices_first_address(target: str) -> None:
    """Not the one in the subnet of the target; recorded/route_source, arp_source."""
    lab = Lab()
    lab.machine("n")
    lab.device("n:d0", "dummy")
    lab.addr("n:d0", "10.7.0.1/24")
    lab.addr("n:d0", "10.8.0.1/24")
    lab.route("n", f"{target} dev d0 scope link")
    assert lab.source("n", target) == "10.7.0.1"


def test_finding_01_a_gateway_route_looks_at_the_subnet_of_the_gateway_a_connected_one_has_its_own_source() -> None:
    lab = Lab()
    lab.machine("n")
    lab.device("n:d0", "dummy")
    lab.addr("n:d0", "10.7.0.1/24")
    lab.addr("n:d0", "10.8.0.1/24")
    lab.route("n", "10.99.0.0/16 via 10.8.0.254 dev d0")
    assert lab.source("n", "10.99.0.1") == "10.8.0.1"
    assert lab.source("n", "10.8.0.77") == "10.8.0.1"


def test_finding_02_a_link_scope_address_added_later_becomes_the_first_one() -> None:
    lab = Lab()
    lab.machine("n")
    lab.device("n:d0", "dummy")
    lab.addr("n:d0", "10.7.0.1/24")
    lab.addr("n:d0", "169.254.9.1/32", scope="link")
    lab.route("n", "192.168.5.9 dev d0 scope link")
    assert [str(address.local) for address in lab.link("n:d0").addresses] == ["169.254.9.1", "10.7.0.1"]
    assert lab.source("n", "192.168.5.9") == "169.254.9.1"
    # A route of scope global wants a global address.
    lab.route("n", "192.168.6.9 via 10.7.0.254 dev d0")
    assert lab.source("n", "192.168.6.9") == "10.7.0.1"


def test_finding_03_redirects_back_off() -> None:
    """recorded/fwd_redirect_backoff: 25 pings 70 ms apart, in fact 72; packets 1, 2, 4, 7, 12 and 21 get one."""
    lab = triangle()
    accept_redirects(lab, 0)
    ping(lab, 25, 0.072)
    assert redirected(lab) == [1, 2, 4, 7, 12, 21]


def test_finding_03_at_most_nine_then_silence_of_20_seconds_forgives() -> None:
    lab = triangle()
    accept_redirects(lab, 0)
    lab.ping("a", "10.5.0.1", count=40, interval=5)
    lab.run(200)
    # Every packet that comes while the nine are used up begins the silence anew.
    assert redirected(lab) == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    lab.restart()
    lab.run(21)
    ping(lab, 1, 1)
    assert redirected(lab) == [1]


def test_finding_04_the_first_accepted_redirect_only_asks_for_the_new_gateway() -> None:
    """recorded/fwd_redirect: redirects about packets 1 and 2, packet 3 goes by g."""
    lab = triangle()
    accept_redirects(lab, 1)
    probe = ping(lab, 3, 0.4)
    assert [seq for seq, _ in probe.replies] == [1, 2, 3]
    assert redirected(lab) == [1, 2]
    requests = [
        str(eth.dst)
        for r in lab.events(Transmitted, "a")
        if r.event.frame.find(Icmp) is not None and (eth := r.event.frame.find(Ethernet)) is not None
    ]
    assert requests == ["02:00:00:00:00:0b", "02:00:00:00:00:0b", "02:00:00:00:00:0c"]
    exception = lab.learned("a")[Ip4.parse("10.5.0.1")]
    assert str(exception.gateway) == G
    assert exception.expires - lab.network.now == pytest.approx(299e9, abs=1.9e9)


def test_finding_04_with_the_new_gateway_known_the_first_redirect_is_heeded() -> None:
    lab = triangle()
    accept_redirects(lab, 1)
    lab.ping("a", G)
    lab.run(1)
    lab.restart()
    ping(lab, 2, 0.4)
    assert redirected(lab) == [1]


def test_finding_04_the_exception_goes_after_300_seconds() -> None:
    lab = triangle()
    accept_redirects(lab, 1)
    ping(lab, 3, 0.4)
    assert str(ip_route_output(lab["a"], Ip4.parse("10.5.0.1")).gateway) == G
    lab.run(300)
    assert str(ip_route_output(lab["a"], Ip4.parse("10.5.0.1")).gateway) == R


@pytest.mark.parametrize("key", ["send_redirects", "accept_redirects"])
def test_redirects_can_be_switched_off_at_either_end(key: str) -> None:
    lab = triangle()
    name = "r" if key == "send_redirects" else "a"
    lab.sysctl(name, f"conf/all/{key}", 0)
    lab.sysctl(name, f"conf/v0/{key}", 0)
    ping(lab, 3, 0.4)
    assert lab["a"].exceptions == {}
    assert bool(redirected(lab)) is (name == "a")


def test_a_redirect_from_somebody_else_or_about_an_unknown_packet_is_ignored() -> None:
    lab = triangle()
    accept_redirects(lab, 1)
    lab.ping("a", G)
    lab.run(1)
    mac = lab.link("a:v0").mac
    for source in (G, R):
        about = Packet((IPv4(Ip4.parse(A), Ip4.parse("10.5.0.1"), 1), Icmp(8, 0, 0x77770001)), bytes(8))
        message = Icmp(5, 1, int(Ip4.parse(G)))
        error = Packet((IPv4(Ip4.parse(source), Ip4.parse(A), 1), message), Quoted(about, 36))
        lab.inject("r:v0", error.push(Ethernet(mac, lab.link("r:v0").mac)))
        lab.run(1)
    assert lab["a"].exceptions == {}


def test_finding_08_rule_unreachable_is_enetunreach_route_unreachable_ehostunreach() -> None:
    lab = calico_same_node()
    lab.route("node", "unreachable 10.6.0.0/16")
    lab.door("node").rule_add(FibRule(100, FR_ACT_UNREACHABLE, 0, dst=Net.parse("10.5.0.0/16")))
    assert ip_route_output(lab["node"], Ip4.parse("10.6.0.1")).error == EHOSTUNREACH
    assert ip_route_output(lab["node"], Ip4.parse("10.5.0.1")).error == ENETUNREACH


def test_finding_09_a_forwarding_lookup_with_forwarding_off_is_ehostunreach_rp_filter_a_drop() -> None:
    """``ip route get … iif`` says "No route to host" and "Invalid argument" (recorded/fwd_basic, route_get)."""
    lab = calico_same_node()
    node, cali = lab["node"], lab.link("node:cali111")
    target, pod1, other = (Ip4.parse(text) for text in ("192.168.1.12", "192.168.1.11", "1.2.3.4"))
    lab.sysctl("node", "conf/cali111/rp_filter", 1)
    assert ip_route_input(node, target, pod1, cali).kind == "forward"
    assert ip_route_input(node, target, other, cali).kind == "drop"
    lab.sysctl("node", "conf/cali111/forwarding", 0)
    found = ip_route_input(node, target, pod1, cali)
    assert (found.kind, found.error) == ("error", EHOSTUNREACH)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("blackhole", EINVAL), ("unreachable", EHOSTUNREACH), ("prohibit", EACCES), ("throw", ENETUNREACH)],
)
def test_f47_errno_of_a_send_and_a_record_that_says_why(kind: str, error: int) -> None:
    lab = calico_same_node()
    if kind == "throw":
        lab.route_del("node", "default")
    lab.route("node", f"{kind} 10.6.0.0/16")
    lab.restart()
    probe = lab.ping("node", "10.6.0.1")
    assert probe.refused == [error]
    assert lab.drops("node") == [("ip_route_output_key", "IP_OUTNOROUTES")]


def test_finding_24_a_noarp_veth_sends_to_its_own_mac() -> None:
    lab = Lab()
    lab.machine("a")
    lab.netns("a", "b")
    lab.veth("a:v0", POD1_MAC, "b:v1", OTHER_MAC)
    lab.addr("a:v0", "10.0.0.1/24")
    lab.addr("b:v1", "10.0.0.2/24")
    link = lab.link("a:v0")
    lab.door("a").link_set_arp(link, on=False)
    lab.restart()
    lab.ping("a", "10.0.0.2")
    eth = next(r.event.frame.find(Ethernet) for r in lab.events(Transmitted, "a"))
    assert eth is not None
    assert (str(eth.src), str(eth.dst)) == (POD1_MAC, POD1_MAC)
    assert lab.drops("b") == [("ip_rcv", "OTHERHOST")]


@pytest.mark.parametrize(("discover", "zero"), [(PMTUDISC_DO, True), (PMTUDISC_WANT, False)])
def test_finding_39_m_do_sends_ip_id_0(discover: int, zero: bool) -> None:
    lab = calico_same_node()
    probe = lab.ping("pod1", "192.168.1.12", count=0)
    probe.socket.pmtudisc = discover
    for seq in (1, 2, 3):
        probe.send(seq)
    idents = {ip.id for r in lab.events(Transmitted, "pod1") if (ip := r.event.frame.find(IPv4)) is not None and ip.df}
    assert (idents == {0}) is zero
    assert [seq for seq, _ in probe.replies] == [1, 2, 3]


def test_finding_39_redirects_are_no_errors_of_the_ping_socket() -> None:
    lab = triangle()
    probe = ping(lab, 1, 1)
    assert len(redirected(lab)) == 1
    assert (probe.errors, len(probe.replies)) == ([], 1)


def test_finding_44_errors_quote_548_bytes() -> None:
    lab = calico_same_node()
    probe = lab.ping("pod1", "10.0.0.1", size=1400, ttl=1)
    assert [kind for kind, _, _ in probe.errors] == ["11/0"]
    error = next(r.event.frame for r in lab.events(Transmitted, "node") if r.event.frame.find(Icmp) is not None)
    assert error.size - 14 == 576
    assert len(error.payload) == 548


def test_a_socket_bound_to_a_device_that_is_down() -> None:
    lab = calico_same_node()
    socket = PingSocket(lab["node"], 5, lambda: None)
    socket.link = lab.link("node:eth0")
    lab.down("node:eth0")
    lab.restart()
    with pytest.raises(SocketError) as caught:
        socket.send(Ip4.parse("10.0.0.1"), Icmp(8), b"")
    assert caught.value.errno == ENETUNREACH
    assert lab.drops() == [("ip_route_output_key", "IP_OUTNOROUTES")]
    assert lab.events(IcmpSent) == []
