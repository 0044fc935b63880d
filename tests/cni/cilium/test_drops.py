"""Drop codes of the programs, with what decided and the remedy (reference sheet Cilium, 4.0, 4.1, 5, 7.5)."""

import pytest

from podwire import DropReason, Verdict
from podwire.cni.cilium.identity import Reserved
from podwire.cni.cilium.maps import PolicyEntry, PolicyKey, policy_name
from podwire.linux.netlink import Netlink
from podwire.linux.tunnel import TunnelInfo
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, IPPROTO_UDP, Ethernet, Icmp, IPv4, Udp
from podwire.wire.packet import Packet
from tests.cni.cilium.walks import BPF, LEGACY, NATIVE, cilium, make, points

MODES = [{**NATIVE, **BPF}, {**NATIVE, **LEGACY}, BPF, LEGACY]


def echo(src, dst, ttl=64) -> Packet:
    return Packet((IPv4(Ip4.parse(str(src)), Ip4.parse(str(dst)), IPPROTO_ICMP, ttl), Icmp(ICMP_ECHO, 0, 1)), bytes(56))


def pods(lab):
    return lab.run("a", node="node1"), lab.run("b", node="node2"), lab.run("c", node="node1")


def explained(trace) -> str:
    assert check_invariants(trace.recorder.records) == []
    return " ".join(trace.explain().split())


def test_every_code_of_the_sheet_has_its_text():
    codes = {reason.code: reason.text for reason in DropReason if reason.code}
    assert len(codes) == 75
    assert sorted(codes) == [*range(130, 159), *range(160, 206)]
    assert (codes[132], codes[151], codes[203]) == (
        "Invalid source ip",
        "Stale or unroutable IP",
        "Endpoint policy program not available",
    )
    assert (DropReason.NO_SOCKET.code, DropReason.NO_SOCKET.text) == (0, "NO_SOCKET")


@pytest.mark.parametrize("mode", MODES)
def test_132_a_pod_sends_from_its_own_address_alone(mode):
    lab = make(**mode)
    a, b, _ = pods(lab)
    trace = a.send(echo("10.66.0.1", b.ip))
    assert trace.reason is DropReason.INVALID_SOURCE_IP
    assert str(trace.reason) == "Invalid source ip (132)"
    assert trace.dropped_at == f"node1:{a.interface}"
    text = explained(trace)
    assert f"its source is 10.66.0.1, the pod's address {a.ip}" in text
    assert "it passes with the address of the pod as its source" in text


def test_196_a_ttl_runs_out_in_silence():
    lab = make(**NATIVE, **BPF)
    a, b, c = pods(lab)
    for target in (b, c, lab.node("node1")):
        result = a.ping(target, ttl=1)
        trace = result.trace
        assert trace.reason is DropReason.TTL_EXCEEDED
        assert trace.verdict is Verdict.DROPPED
        assert not [t for t in trace.caused if t.relation == "icmp-error"]
        assert "Time to live exceeded" not in result.text
    assert "tells nobody when it ran out; it passes with a larger ttl" in explained(a.ping(b, ttl=1).trace)
    # The second hop is a program, too.
    trace = a.ping(b, ttl=2).trace
    assert (trace.reason.code, trace.dropped_at) == (196, "node2:eth1")


def test_196_a_router_between_answers_as_routers_do():
    from tests.cni.cilium.walks import routed

    lab = routed(**NATIVE, **BPF)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    assert "Time to live exceeded" in a.ping(b, ttl=2).text


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("blackhole 172.20.1.0/24", "blackhole (1)"),
        ("unreachable 172.20.1.0/24", "unreachable (2)"),
        ("prohibit 172.20.1.0/24", "prohibit (3)"),
        ("", "not forwarded (4)"),
    ],
)
def test_169_no_way_in_the_tables(route, words):
    lab = make(**{**NATIVE, "auto_direct_node_routes": False}, **BPF)
    a, b, _ = pods(lab)
    if route:
        lab.node("node1").exec(f"ip route add {route}")
    trace = a.ping(b).trace
    assert trace.reason is DropReason.FIB_LOOKUP_FAILED
    assert words in explained(trace)


@pytest.mark.parametrize(("uplinks", "errors"), [(True, 0), (False, 1)])
def test_a_next_hop_that_does_not_answer(uplinks, errors):
    """Without a route of the kernel's there is no ICMP error; where the program leaves the next hop to the kernel there is one."""
    lab = make(uplinks=uplinks, **NATIVE, **BPF)
    a, b, _ = pods(lab)
    lab.node("node2").exec("ip link set eth1 down" if uplinks else "ip link set eth0 down")
    result = a.ping(b)
    lab.sleep(5)
    assert result.trace.reason is DropReason.NEIGH_FAILED
    assert result.trace.verdict is (Verdict.REJECTED if errors else Verdict.DROPPED)


def test_169_forwarding_off():
    lab = make(**NATIVE, **BPF)
    a, b, _ = pods(lab)
    lab.node("node1").sysctl(f"net/ipv4/conf/{a.interface}/forwarding", 0)
    assert "forwarding is off on the device it came in by (5)" in explained(a.ping(b).trace)


@pytest.mark.parametrize("mode", [{**NATIVE, **BPF}, BPF])
def test_151_the_host_routes_to_cilium_host_what_nobody_has(mode):
    lab = make(**mode)
    trace = lab.node("node1").ping("172.20.0.77").trace
    assert trace.reason is DropReason.STALE_OR_UNROUTABLE_IP
    assert trace.dropped_at == "node1:cilium_host"
    assert points(trace) == {"node1": ["from-host"]}
    assert "172.20.0.77 is in 0.0.0.0/0 of cilium_ipcache_v2: identity=2" in explained(trace)


def test_151_a_pod_that_was_deleted():
    lab = make(**NATIVE, **BPF)
    a, _, c = pods(lab)
    gone = c.ip
    c.delete()
    assert lab.node("node1").ping(str(gone)).trace.reason.code == 151
    assert a.ping(str(gone)).received == 0


def test_203_a_pod_whose_policy_program_is_missing():
    lab = make(**NATIVE, **BPF)
    a, _, c = pods(lab)
    number = cilium(lab).state("node1").endpoints[c.spec.container].id
    lab.agent("node1", "cilium-agent").pause()
    lab.node("node1").machine.bpf_maps["cilium_call_policy"].delete(number)
    trace = a.ping(c).trace
    assert trace.reason is DropReason.DROP_EP_NOT_READY
    assert f"cilium_call_policy[{number}] is empty" in explained(trace)


@pytest.mark.parametrize(("direction", "where"), [(1, "node1:{lxc}"), (0, "node2:eth1")])
@pytest.mark.parametrize("deny", [False, True])
def test_133_and_181_are_told_where_they_happen(direction, where, deny):
    lab = make(**NATIVE, **BPF)
    a, b, _ = pods(lab)
    pod = a if direction else b
    node = pod.node
    lab.agent(node.name, "cilium-agent").pause()
    name = policy_name(cilium(lab).state(node.name).endpoints[pod.spec.container].id)
    table = {PolicyKey(0, 1 - direction): PolicyEntry()}
    if deny:
        table[PolicyKey(0, direction)] = PolicyEntry(deny=True)
    Netlink(node.place.netns).bpf_map_sync(name, "lpm_trie", table)
    trace = a.ping(b).trace
    assert trace.reason is (DropReason.POLICY_DENY if deny else DropReason.POLICY_DENIED)
    assert trace.dropped_at == where.format(lxc=a.interface)
    assert trace.verdict is Verdict.DROPPED
    assert name in explained(trace)


def test_166_and_139_other_protocols():
    lab = make(**NATIVE, **BPF)
    a, _, _ = pods(lab)
    eth0 = a.place.netns.link("eth0")
    gateway = lab.node("node1").place.netns.link(a.interface).mac
    for kind, code in ((0x0100, 166), (0x88CC, 139)):
        trace = a.send(Packet((Ethernet(gateway, eth0.mac, kind),), bytes(46)))
        assert trace.reason.code == code


@pytest.mark.parametrize("port", [8472, 6081])
def test_170_a_pod_may_not_speak_the_tunnels_protocol(port):
    lab = make(**BPF)
    a, _, _ = pods(lab)
    trace = a.send(Packet((IPv4(a.ip, Ip4.parse("192.168.10.102"), IPPROTO_UDP), Udp(1024, port)), b"x"))
    assert trace.reason is DropReason.ENCAPSULATION_TRAFFIC_IS_PROHIBITED


def test_171_nobody_else_may_be_the_host():
    lab = make(**BPF)
    a, b, _ = pods(lab)
    lab.agent("node1", "cilium-agent").pause()
    netns = lab.node("node1").place.netns
    vxlan, lxc = netns.link("cilium_vxlan"), netns.link(a.interface)

    from podwire.linux.bpf.program import Program

    def forge(ctx, _):
        if ctx.ip is None:
            return 0
        ctx.set_tunnel_key(TunnelInfo(id=int(Reserved.HOST), dst=Ip4.parse("192.168.10.102"), ttl=64))
        return ctx.redirect(vxlan.ifindex)

    a.ping(b)
    Netlink(netns).bpf_attach(lxc, "ingress", Program("forge", forge))
    trace = a.ping(b).trace
    assert trace.reason is DropReason.INVALID_IDENTITY
    assert trace.dropped_at == "node2:cilium_vxlan"
    assert "VNI 1 from 192.168.10.101 is that of a host" in explained(trace)


def test_147_a_frame_without_a_key():
    lab = make(**BPF)
    a, b, _ = pods(lab)
    lab.agent("node2", "cilium-agent").pause()
    netns = lab.node("node2").place.netns
    program = netns.link("cilium_vxlan").tc_ingress
    Netlink(netns).bpf_attach(netns.link("eth1"), "ingress", program)
    trace = lab.node("node1").send(echo("192.168.10.101", "192.168.10.102"))
    assert trace.reason is DropReason.ERROR_RETRIEVING_TUNNEL_KEY
    del a, b


@pytest.mark.parametrize(("mode", "reason"), [(BPF, DropReason.OTHERHOST), (LEGACY, None)])
def test_a_frame_to_another_mac_keeps_its_type_where_it_goes_straight_into_the_pod(mode, reason):
    """``bpf_redirect_peer`` does not look at the address again; what crosses the veth is looked at anew."""
    lab = make(**NATIVE, **mode)
    a, _, c = pods(lab)
    frame = Packet(
        (Ethernet(Mac.parse("02:00:00:00:00:01"), a.place.netns.link("eth0").mac), *echo(a.ip, c.ip).layers), bytes(56)
    )
    trace = a.send(frame)
    assert trace.reason is reason
    assert trace.path[-1] == "default/c:eth0"
