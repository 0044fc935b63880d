"""Packet walks, row by row: observation points, TTLs, MACs and taps (reference sheet Cilium, 4.2 to 4.7 and 4.11 to 4.13)."""

import pytest

from podwire import Verdict
from podwire.linux.bpf.context import Context
from podwire.linux.bpf.program import TC_ACT_OK, Program
from podwire.linux.netlink import Netlink
from podwire.testing import assert_path
from podwire.trace.events import BpfTrace, ByProgram, Encapsulated
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import NO_MAC, Ip4
from podwire.wire.headers import Geneve, Icmp, IPv4, Udp, Vxlan
from podwire.wire.packet import Packet
from tests.cni.cilium.walks import (
    BPF,
    LEGACY,
    NATIVE,
    cilium,
    mac_of,
    macs,
    make,
    outer_ttls,
    points,
    routed,
    steps,
    taps,
    ttls,
)

TUNNELS = ["vxlan", "geneve"]


def pods(lab):
    """A and c on node1, b on node2."""
    return lab.run("a", node="node1"), lab.run("b", node="node2"), lab.run("c", node="node1")


def lxc(pod):
    return f"{pod.node.name}:{pod.interface}"


def ping(source, target, **options):
    """The trace of a request that was answered; its log keeps the invariants."""
    trace = source.ping(target, **options).trace
    assert trace.reply is not None, trace.explain()
    assert check_invariants(trace.recorder.records) == []
    return trace


# -- 4.2: one node ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [{**NATIVE, **BPF}, BPF, {**BPF, "tunnel_protocol": "geneve"}])
def test_4_2_same_node_with_bpf_host_routing(mode):
    lab = make(**mode)
    a, _, c = pods(lab)
    trace = ping(a, c)
    assert points(trace) == {"node1": ["from-endpoint", "to-endpoint"]}
    assert ttls(trace) == [("default/a:eth0", 64), (lxc(a), 64), ("default/c:eth0", 63)]
    # Each lxc shows only what its own pod sends.
    assert trace.path == ("default/a:eth0", lxc(a), "default/c:eth0")
    assert trace.reply.path == ("default/c:eth0", lxc(c), "default/a:eth0")


@pytest.mark.parametrize("mode", [{**NATIVE, **LEGACY}, LEGACY])
def test_4_2_same_node_with_legacy_host_routing(mode):
    lab = make(**mode)
    a, _, c = pods(lab)
    trace = ping(a, c)
    assert points(trace) == {"node1": ["from-endpoint", "to-endpoint"]}
    assert ttls(trace) == [("default/a:eth0", 64), (lxc(a), 64), (lxc(c), 63), ("default/c:eth0", 63)]
    assert trace.reply.path == ("default/c:eth0", lxc(c), lxc(a), "default/a:eth0")


def test_4_13_macs_on_one_node():
    lab = make(**NATIVE, **BPF)
    a, _, c = pods(lab)
    trace = ping(a, c)
    eth_a, lxc_a = mac_of(lab, "default/a:eth0"), mac_of(lab, lxc(a))
    assert macs(trace, "default/a:eth0") == macs(trace, lxc(a)) == (eth_a, lxc_a)
    assert macs(trace, "default/c:eth0") == (mac_of(lab, lxc(c)), mac_of(lab, "default/c:eth0"))


# -- 4.3: native routing ---------------------------------------------------------------------------------------------


def test_4_3_native_bpf_on_one_segment():
    lab = make(**NATIVE, **BPF)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    assert points(trace) == {
        "node1": ["from-endpoint", "to-network", "to-network"],
        "node2": ["from-network", "to-endpoint"],
    }
    assert ttls(trace) == [
        ("default/a:eth0", 64),
        (lxc(a), 64),
        ("node1:eth1", 63),
        ("node2:eth1", 63),
        ("default/b:eth0", 62),
    ]
    assert macs(trace, "node1:eth1") == (mac_of(lab, "node1:eth1"), mac_of(lab, "node2:eth1"))
    assert macs(trace, "default/b:eth0") == (mac_of(lab, lxc(b)), mac_of(lab, "default/b:eth0"))


def test_4_3_native_legacy_on_one_segment():
    lab = make(**NATIVE, **LEGACY)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    assert points(trace) == {
        "node1": ["from-endpoint", "to-stack", "to-network"],
        "node2": ["from-network", "from-host", "to-endpoint"],
    }
    assert ttls(trace) == [
        ("default/a:eth0", 64),
        (lxc(a), 64),
        ("node1:eth1", 62),
        ("node2:eth1", 62),
        (lxc(b), 60),
        ("default/b:eth0", 60),
    ]
    assert macs(trace, "default/b:eth0") == (mac_of(lab, lxc(b)), mac_of(lab, "default/b:eth0"))


@pytest.mark.parametrize(("mode", "wire", "behind", "receiver"), [(BPF, 63, 62, 61), (LEGACY, 62, 61, 59)])
def test_4_12_native_through_a_router(mode, wire, behind, receiver):
    lab = routed(**NATIVE, **mode)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    seen = dict(ttls(ping(a, b)))
    assert (seen["node1:eth1"], seen["router:eth0"], seen["router:eth1"]) == (wire, wire, behind)
    assert (seen["node2:eth1"], seen["default/b:eth0"]) == (behind, receiver)


def test_4_3_the_first_packet_waits_for_the_next_hop_and_later_ones_do_not():
    lab = make(**NATIVE, **BPF)
    a, b, _ = pods(lab)
    asked = "192.168.10.102 dev eth1 lladdr"
    assert asked not in lab.node("node1").exec("ip neigh").stdout
    first, second = ping(a, b), ping(a, b)
    assert asked in lab.node("node1").exec("ip neigh").stdout
    assert macs(first, "node1:eth1") == macs(second, "node1:eth1")
    assert dict(ttls(first)) == dict(ttls(second))


def test_4_3_the_source_identity_comes_from_the_ipcache_alone():
    lab = make(**NATIVE, **BPF)
    a, b, _ = pods(lab)
    number = cilium(lab).identity_of(a.spec, a.node.spec)
    trace = ping(a, b)
    (said,) = [
        s.event.detail for s in steps(trace) if isinstance(s.event, BpfTrace) and s.event.point == "FROM_NETWORK"
    ]
    assert said.startswith(f"identity {number}->")
    lab.agent("node2", "cilium-agent").pause()
    d = lab.run("d", node="node1")
    late = ping(d, b)
    (said,) = [s.event.detail for s in steps(late) if isinstance(s.event, BpfTrace) and s.event.point == "FROM_NETWORK"]
    assert said.startswith("identity 2->")


def test_4_0_one_device_alone_skips_the_fib():
    lab = make(uplinks=False, **NATIVE, **BPF)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    assert dict(ttls(trace))["default/b:eth0"] == 62
    assert not any(type(s.event).__name__ == "Routed" and s.netns == "node1" for s in steps(trace))
    two = make(**NATIVE, **BPF)
    a, b, _ = pods(two)
    assert any(type(s.event).__name__ == "Routed" and s.netns == "node1" for s in steps(ping(a, b)))


# -- 4.4 and 4.5: tunnels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", TUNNELS)
def test_4_4_and_4_5_tunnel_with_bpf_host_routing(protocol):
    lab = make(tunnel_protocol=protocol, **BPF)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    device = f"cilium_{protocol}"
    assert points(trace) == {
        "node1": ["from-endpoint", "to-overlay", "to-overlay", "to-network"],
        "node2": ["from-network", "from-overlay", "to-endpoint"],
    }
    assert ttls(trace) == [
        ("default/a:eth0", 64),
        (lxc(a), 64),
        (f"node1:{device}", 64),
        ("node1:eth1", 64),
        ("node2:eth1", 64),
        (f"node2:{device}", 64),
        ("default/b:eth0", 63),
    ]
    assert outer_ttls(trace) == {"node1:eth1": 64, "node2:eth1": 64}
    # 4.13: the inner frame is the one that the pod sent.
    own = mac_of(lab, "default/a:eth0"), mac_of(lab, lxc(a))
    assert macs(trace, f"node1:{device}") == own
    assert macs(trace, "node1:eth1", inner=True) == own
    assert macs(trace, f"node2:{device}") == own
    assert macs(trace, "node1:eth1") == (mac_of(lab, "node1:eth1"), mac_of(lab, "node2:eth1"))
    assert macs(trace, "default/b:eth0") == (mac_of(lab, lxc(b)), mac_of(lab, "default/b:eth0"))


@pytest.mark.parametrize("protocol", TUNNELS)
def test_4_4_legacy_differs_in_the_last_step_alone(protocol):
    lab = make(tunnel_protocol=protocol, **LEGACY)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    assert trace.path[-2:] == (lxc(b), "default/b:eth0")
    assert dict(ttls(trace))["default/b:eth0"] == 63
    assert points(trace)["node2"] == ["from-network", "from-overlay", "to-endpoint"]


def test_4_12_tunnel_through_a_router_counts_the_outer_ttl_alone():
    lab = routed(**BPF)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    trace = ping(a, b)
    assert outer_ttls(trace) == {
        "node1:eth1": 64,
        "router:eth0": 64,
        "router:eth1": 63,
        "node2:eth1": 63,
    }
    assert dict(ttls(trace))["default/b:eth0"] == 63


@pytest.mark.parametrize(("protocol", "port", "kind"), [("vxlan", 8472, Vxlan), ("geneve", 6081, Geneve)])
def test_5_1_and_5_2_the_outer_headers(protocol, port, kind):
    lab = make(tunnel_protocol=protocol, **BPF)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    frame = next(event.frame for place, event in taps(trace) if place == "node1:eth1")
    outer, udp, tunnel = frame.layers[1:4]
    assert isinstance(outer, IPv4)
    assert isinstance(udp, Udp)
    assert (str(outer.src), str(outer.dst), outer.ttl, outer.df, outer.tos) == (
        "192.168.10.101",
        "192.168.10.102",
        64,
        False,
        0,
    )
    assert (udp.dport, udp.checksum) == (port, 0)
    assert isinstance(tunnel, kind)
    # The VNI is the identity of the sender, whichever way.
    number = cilium(lab).identity_of(a.spec, a.node.spec)
    assert tunnel.vni == number
    back = next(event.frame for place, event in taps(trace.reply) if place == "node2:eth1")
    assert back.find(kind).vni == cilium(lab).identity_of(b.spec, b.node.spec)
    # 5.3: 50 bytes more.
    inner = next(event.frame for place, event in taps(trace) if place == "default/a:eth0")
    assert frame.size - inner.size == 50


def test_4_4_the_outer_packet_is_the_hosts_and_marked_as_overlay():
    lab = make(**BPF)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    said = [s.event.detail for s in steps(trace) if isinstance(s.event, BpfTrace) and s.event.point == "TO_NETWORK"]
    assert said == ["identity 1->6"]
    marks: list[int] = []

    def note(ctx: Context, _: object) -> int:
        marks.append(ctx.mark)
        return TC_ACT_OK

    lab.agent("node1", "cilium-agent").pause()
    netns = lab.node("node1").place.netns
    Netlink(netns).bpf_attach(netns.link("eth1"), "egress", Program("note", note))
    ping(a, b)
    number = cilium(lab).identity_of(a.spec, a.node.spec)
    assert marks == [number << 16 | 0x400]


def test_4_3_who_claims_to_be_the_host_from_outside_is_the_world():
    lab = make(**NATIVE, **BPF)
    a, b, _ = pods(lab)
    ping(a, b)
    header = IPv4(Ip4.parse("192.168.10.101"), a.ip, 1)
    trace = lab.node("node2").send(Packet((header, Icmp(8, 0, 1)), bytes(8)))
    (said,) = [
        s.event.detail for s in steps(trace) if isinstance(s.event, BpfTrace) and s.event.point == "FROM_NETWORK"
    ]
    assert said == "identity 2->unknown"


def test_5_1_the_trace_names_the_ipcache_entry_that_chose_the_node():
    lab = make(**BPF)
    a, b, _ = pods(lab)
    (by,) = [s.event.by for s in steps(ping(a, b)) if isinstance(s.event, Encapsulated)]
    assert isinstance(by, ByProgram)
    assert by.name == "cil_from_container"
    assert f"{b.ip} is in {b.ip}/32 of cilium_ipcache_v2: identity=" in by.detail
    assert "tunnelendpoint=192.168.10.102 flags=hastunnel" in by.detail


@pytest.mark.parametrize("mode", [BPF, LEGACY])
def test_4_4_host_to_a_remote_pod(mode):
    lab = make(**mode)
    _, b, _ = pods(lab)
    node1 = lab.node("node1")
    trace = ping(node1, b)
    router = cilium(lab).state("node1").router
    frame = next(event.frame for place, event in taps(trace) if place == "node1:eth1")
    assert points(trace) == {
        "node1": ["from-host", "to-overlay", "to-overlay", "to-network"],
        "node2": ["from-network", "from-overlay", "to-endpoint"],
    }
    assert frame.find(Vxlan).vni == 6
    assert frame.layers[-2].src == router
    assert ttls(trace)[0] == ("node1:cilium_vxlan", 64)
    details = {s.event.point: s.event.detail for s in steps(trace) if isinstance(s.event, BpfTrace)}
    assert details["FROM_HOST"].startswith("identity 1->")
    assert details["TO_ENDPOINT"].startswith("identity 6->")
    assert dict(ttls(trace))["default/b:eth0"] == 63


@pytest.mark.parametrize("protocol", TUNNELS)
def test_4_4_pod_to_the_router_address_of_another_node(protocol):
    lab = make(tunnel_protocol=protocol, **BPF)
    a, _, _ = pods(lab)
    router = cilium(lab).state("node2").router
    trace = ping(a, str(router))
    assert points(trace)["node2"] == ["from-network", "from-overlay", "to-stack"]
    assert_path(trace, ["default/a:eth0", "...", f"node2:cilium_{protocol}", "node2:cilium_net", "node2:cilium_host"])
    assert dict(ttls(trace))["node2:cilium_host"] == 63
    # 4.13: the overlay program has no address of its own.
    assert macs(trace, "node2:cilium_host") == (NO_MAC, mac_of(lab, "node2:cilium_host"))


# -- 4.6: pod and own host -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [{**NATIVE, **BPF}, {**NATIVE, **LEGACY}, BPF, LEGACY])
@pytest.mark.parametrize("target", ["192.168.10.101", "10.9.0.101", "router"])
def test_4_6_pod_to_its_own_node(mode, target):
    lab = make(**mode)
    a, _, _ = pods(lab)
    address = str(cilium(lab).state("node1").router) if target == "router" else target
    result = a.ping(address)
    trace = result.trace
    assert points(trace) == {"node1": ["from-endpoint", "to-stack"]}
    assert trace.path == ("default/a:eth0", lxc(a))
    # The host answers with 64, and delivery counts one hop.
    assert result.ttl == 63
    assert points(trace.reply) == {"node1": ["from-host", "to-endpoint"]}
    assert trace.reply.path == (lxc(a), "default/a:eth0")


def test_4_6_the_host_receives_ttl_63_from_the_pod():
    lab = make(**NATIVE, **BPF)
    a, _, _ = pods(lab)
    # With ttl 1 it dies before the stack, so there is one hop.
    assert a.ping("192.168.10.101", ttl=1).trace.reason.code == 196
    assert a.ping("192.168.10.101", ttl=2).received == 1


@pytest.mark.parametrize("mode", [{**NATIVE, **BPF}, {**NATIVE, **LEGACY}, BPF, LEGACY])
def test_4_6_host_to_its_own_pod(mode):
    lab = make(**mode)
    a, _, _ = pods(lab)
    trace = ping(lab.node("node1"), a)
    assert points(trace) == {"node1": ["from-host", "to-endpoint"]}
    # Always by the lxc device; nothing is seen on cilium_host, whose egress tap comes behind the program.
    assert ttls(trace) == [(lxc(a), 63), ("default/a:eth0", 63)]
    assert macs(trace, "default/a:eth0") == (mac_of(lab, lxc(a)), mac_of(lab, "default/a:eth0"))
    source = next(event.frame.find(IPv4).src for _, event in taps(trace))
    assert source == cilium(lab).state("node1").router


def test_4_13_what_the_host_routes_to_cilium_host_for_another_node_goes_up_by_cilium_net():
    lab = make(**NATIVE, **BPF)
    node = lab.node("node1")
    node.exec("ip route add 192.168.10.102/32 dev cilium_host")
    trace = node.ping("192.168.10.102", ttl=1).trace
    assert trace.path[:2] == ("node1:cilium_host", "node1:cilium_net")
    assert macs(trace, "node1:cilium_net") == (mac_of(lab, "node1:cilium_host"), mac_of(lab, "node1:cilium_net"))
    assert points(trace)["node1"] == ["from-host", "to-stack"]


# -- 4.7: other nodes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "wire"), [(BPF, 63), (LEGACY, 62)])
def test_4_7_pod_to_a_remote_node_in_native_mode_is_not_masqueraded(mode, wire):
    lab = make(**NATIVE, **mode)
    a, _, _ = pods(lab)
    trace = ping(a, "192.168.10.102")
    assert dict(ttls(trace))["node1:eth1"] == wire
    assert next(event.frame.find(IPv4).src for place, event in taps(trace) if place == "node1:eth1") == a.ip
    first = ["from-endpoint", "to-network" if mode is BPF else "to-stack", "to-network"]
    assert points(trace) == {"node1": first, "node2": ["from-network"]}


@pytest.mark.parametrize("mode", [BPF, LEGACY])
def test_4_7_pod_to_a_remote_node_in_tunnel_mode_needs_masquerading(mode):
    lab = make(**mode)
    a, _, _ = pods(lab)
    trace = a.ping("192.168.10.102").trace
    assert trace.verdict is Verdict.UNKNOWN
    assert "masquerading by BPF (bpf.masquerade)" in " ".join(trace.explain().split())
    # Never encapsulated, not even in tunnel mode.
    assert not any(isinstance(s.event, Encapsulated) for s in steps(trace))


@pytest.mark.parametrize("mode", [NATIVE, {}])
@pytest.mark.parametrize("values", [BPF, LEGACY])
def test_4_8_pod_to_the_world_needs_masquerading(mode, values):
    lab = make(**mode, **values)
    lab.add_router("router", {"lan": "192.168.10.1"})
    lab.node("node1").exec("ip route add default via 192.168.10.1")
    a, _, _ = pods(lab)
    trace = a.ping("192.168.10.1").trace
    assert trace.verdict is Verdict.UNKNOWN
    assert trace.dropped_at == "node1:eth1"


def test_4_8_without_masquerading_the_world_sees_the_pod():
    lab = make(**NATIVE, kube_proxy_replacement=True, enable_ipv4_masquerade=False)
    lab.add_router("router", {"lan": "192.168.10.1"})
    lab.host("router").exec("ip route add 172.20.0.0/24 via 192.168.10.101")
    a, _, _ = pods(lab)
    trace = ping(a, "192.168.10.1")
    assert points(trace) == {"node1": ["from-endpoint", "to-network", "to-network"]}
    assert points(trace.reply) == {"node1": ["from-network", "to-endpoint"]}
    assert dict(ttls(trace))["node1:eth1"] == 63


def test_4_8_iptables_masquerading_forces_legacy_and_is_unknown():
    lab = make(**NATIVE, kube_proxy_replacement=True)
    lab.add_router("router", {"lan": "192.168.10.1"})
    a, b, _ = pods(lab)
    assert points(ping(a, b))["node1"] == ["from-endpoint", "to-stack", "to-network"]
    trace = a.ping("192.168.10.1").trace
    assert trace.verdict is Verdict.UNKNOWN
    assert "masquerading by iptables (chain CILIUM_POST_nat)" in " ".join(trace.explain().split())


@pytest.mark.parametrize(("mode", "receiver"), [(BPF, 63), (LEGACY, 62)])
def test_4_12_host_to_a_remote_pod_in_native_mode(mode, receiver):
    lab = make(**NATIVE, **mode)
    _, b, _ = pods(lab)
    trace = ping(lab.node("node1"), b)
    seen = dict(ttls(trace))
    assert (seen["node1:eth1"], seen["default/b:eth0"]) == (64, receiver)
    assert points(trace)["node1"] == ["to-network"]


# -- endpoint routes -------------------------------------------------------------------------------------------------


def test_endpoint_routes_with_legacy_routing_go_through_the_stack_and_the_lxc_device():
    lab = make(**NATIVE, **LEGACY, endpoint_routes_enabled=True)
    a, b, c = pods(lab)
    same = ping(a, c)
    assert points(same) == {"node1": ["from-endpoint", "to-stack", "to-endpoint"]}
    assert ttls(same) == [("default/a:eth0", 64), (lxc(a), 64), (lxc(c), 63), ("default/c:eth0", 63)]
    far = ping(a, b)
    assert points(far) == {
        "node1": ["from-endpoint", "to-stack", "to-network"],
        "node2": ["from-network", "to-endpoint"],
    }


def test_endpoint_routes_with_bpf_host_routing_deliver_by_peer():
    lab = make(**NATIVE, **BPF, endpoint_routes_enabled=True)
    a, b, c = pods(lab)
    assert ping(a, c).path == ("default/a:eth0", lxc(a), "default/c:eth0")
    assert points(ping(a, b))["node2"] == ["from-network", "to-endpoint"]


@pytest.mark.parametrize("protocol", TUNNELS)
def test_endpoint_routes_with_a_tunnel_deliver_by_the_lxc_device(protocol):
    lab = make(tunnel_protocol=protocol, **LEGACY, endpoint_routes_enabled=True)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    assert points(trace)["node2"] == ["from-network", "from-overlay", "to-endpoint"]
    assert trace.path[-2:] == (lxc(b), "default/b:eth0")


def test_endpoint_routes_with_a_tunnel_and_kube_proxy_deliver_by_the_stack():
    lab = make(endpoint_routes_enabled=True)
    a, b, _ = pods(lab)
    trace = ping(a, b)
    assert points(trace)["node2"] == ["from-network", "from-overlay", "to-endpoint"]
    assert ttls(trace)[-2:] == [(lxc(b), 62), ("default/b:eth0", 62)]


# -- 1.3: ARP --------------------------------------------------------------------------------------------------------


def test_1_3_every_address_but_the_own_is_answered_with_the_mac_of_the_hosts_end():
    lab = make(**NATIVE, **BPF)
    a, _, c = pods(lab)
    for target in (cilium(lab).state("node1").router, c.ip, "203.0.113.9"):
        reply = a.exec(f"arping -c 1 -I eth0 {target}").stdout
        assert str(mac_of(lab, lxc(a))).lower() in reply.lower()
    assert "Received 0 response" in a.exec(f"arping -c 1 -w 1 -I eth0 {a.ip}").stdout


def test_1_3_two_pods_see_different_macs_for_one_router_address():
    lab = make(**NATIVE, **BPF)
    a, b, c = pods(lab)
    ping(a, b)
    ping(c, b)
    router = cilium(lab).state("node1").router
    lines = [pod.exec("ip neigh").stdout.split() for pod in (a, c)]
    assert [line[:5] for line in lines] == [
        [str(router), "dev", "eth0", "lladdr", str(mac_of(lab, lxc(pod)))] for pod in (a, c)
    ]


# -- taps ------------------------------------------------------------------------------------------------------------


def test_4_0_taps_of_a_tunnel_see_the_inner_packet_for_another_host():
    lab = make(**BPF)
    a, b, _ = pods(lab)
    with lab.capture("node2:cilium_vxlan", filter="icmp") as capture:
        ping(a, b)
    node = lab.node("node2")
    del node
    kinds = [event.pkt_type for place, event in taps(a.ping(b).trace) if place == "node2:cilium_vxlan"]
    assert kinds == [3]
    assert f"{a.ip} > {b.ip}: ICMP echo request" in capture.text()
