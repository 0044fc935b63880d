"""NodePort and ClusterIP with the rules of kube-proxy, mode iptables (F120 to F132)."""

from __future__ import annotations

import pytest

from podwire.trace.events import IcmpSent
from podwire.wire.addr import Ip4
from podwire.wire.headers import TCP_SYN, IPv4, Tcp
from podwire.wire.tcp_options import read
from tests.linux.netfilter.nat.gke import CLIENT, NODE_PORT, PORT, SERVICE, Call, gke, syns
from tests.linux.netfilter.nat.natlab import connections, flow_text, iptables, seen, send, translations


def _peer(call: Call) -> tuple[str, bool]:
    """The address that the pod saw, and whether the client's port was kept."""
    assert call.connected
    assert call.answer == b"hello"
    return call.peer, call.peer_port == call.sport


def test_f120_client_to_the_node_of_the_pod() -> None:
    lab = gke()
    call = Call(lab, "client", "10.0.0.37", NODE_PORT)
    assert _peer(call) == ("10.32.0.1", False)
    assert syns(lab, "node1:vethweb") == [f"10.32.0.1:{call.peer_port} > 10.32.0.9:80 ttl 63"]
    (ct,) = connections(lab, "node1")
    assert flow_text(ct.orig) == f"{CLIENT}:{call.sport} > 10.0.0.37:{NODE_PORT}"
    assert flow_text(ct.reply) == f"10.32.0.9:80 > 10.32.0.1:{call.peer_port}"


def test_f121_f132_client_to_a_node_without_the_pod_goes_through_it_both_ways() -> None:
    lab = gke()
    call = Call(lab, "client", "10.0.0.38", NODE_PORT)
    assert _peer(call) == ("10.0.0.38", False)
    assert syns(lab, "node1:vethweb") == [f"10.0.0.38:{call.peer_port} > 10.32.0.9:80 ttl 62"]
    (ct,) = connections(lab, "node2")
    assert flow_text(ct.reply) == f"10.32.0.9:80 > 10.0.0.38:{call.peer_port}"
    (plain,) = connections(lab, "node1")
    assert flow_text(plain.reply) == f"10.32.0.9:80 > 10.0.0.38:{call.peer_port}"
    answers = [
        frame for frame in lab.frames("node2:eth0") if (tcp := frame.find(Tcp)) is not None and tcp.flags == 0x12
    ]
    (ip,) = [frame.find(IPv4) for frame in answers]
    assert ip is not None
    assert (str(ip.src), str(ip.dst), ip.ttl) == ("10.0.0.38", CLIENT, 62)


@pytest.mark.parametrize(
    ("fact", "name", "dst", "port", "peer", "kept"),
    [
        ("F122", "pod1", SERVICE, PORT, "10.32.0.5", True),
        ("F123", "pod2", SERVICE, PORT, "10.32.1.13", True),
        ("F124", "node2", SERVICE, PORT, "10.0.0.38", False),
        ("F125", "node1", SERVICE, PORT, "10.32.0.1", False),
        ("F126", "pod1", "10.0.0.37", NODE_PORT, "10.32.0.1", False),
        ("F127", "web", SERVICE, PORT, "10.32.0.1", False),
        ("F128", "node1", "10.0.0.37", NODE_PORT, "10.32.0.1", False),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("F") else "",
)
def test_f122_to_f128_whom_the_pod_sees(fact: str, name: str, dst: str, port: int, peer: str, *, kept: bool) -> None:
    lab = gke()
    assert _peer(Call(lab, name, dst, port)) == (peer, kept), fact


def test_f123_translated_on_the_askers_node_alone() -> None:
    lab = gke()
    Call(lab, "pod2", SERVICE, PORT)
    assert translations(lab, "node2")
    assert translations(lab, "node1") == []


def test_f127_a_hairpin_leaves_by_the_device_it_came_by() -> None:
    lab = gke()
    call = Call(lab, "web", SERVICE, PORT)
    assert syns(lab, "web:eth0") == [f"10.32.0.9:{call.sport} > {SERVICE}:{PORT} ttl 64"]
    assert syns(lab, "node1:vethweb") == [f"10.32.0.1:{call.peer_port} > 10.32.0.9:80 ttl 63"]


def test_f128_the_first_segment_was_made_for_lo() -> None:
    """Its route was lo's when it was built: the MSS is that of 65536 bytes, and nothing passes lo."""
    lab = gke()
    Call(lab, "node1", "10.0.0.37", NODE_PORT)
    frames = [frame.find(Tcp) for frame in lab.frames("node1:vethweb")]
    opening = next(tcp for tcp in frames if tcp is not None and tcp.flags == TCP_SYN)
    assert read(opening.options).mss == 65495
    assert lab.frames("node1:lo") == []


@pytest.mark.parametrize("localnet", [0, 1])
def test_f129_a_node_port_on_127_0_0_1_needs_route_localnet(localnet: int) -> None:
    lab = gke()
    lab.sysctl("node1", "conf/all/route_localnet", localnet)
    call = Call(lab, "node1", "127.0.0.1", NODE_PORT)
    if localnet:
        assert _peer(call) == ("10.32.0.1", False)
        return
    assert not call.connected
    assert ("ip_route_me_harder", "NETFILTER_DROP") in lab.drops("node1")
    assert lab.events(IcmpSent) == []


def test_f130_with_policy_local_the_pod_sees_the_client() -> None:
    lab = gke(local=True)
    assert _peer(Call(lab, "client", "10.0.0.37", NODE_PORT)) == (CLIENT, True)


def test_f130_with_policy_local_a_node_without_the_pod_says_nothing() -> None:
    lab = gke(local=True)
    call = Call(lab, "client", "10.0.0.38", NODE_PORT)
    assert not call.connected
    assert lab.events(IcmpSent) == []


def test_f131_without_endpoints_the_asker_is_told() -> None:
    """A pod by the address on its veth, the node by itself, over lo."""
    lab = gke()
    iptables(
        lab,
        "node1",
        "-t filter -A FORWARD -p tcp -m tcp -d 10.32.8.30/32 --dport 9000 -j REJECT",
        "-t filter -A OUTPUT -p tcp -m tcp -d 10.32.8.30/32 --dport 9000 -j REJECT",
    )
    Call(lab, "pod1", "10.32.8.30", PORT)
    (told,) = lab.events(IcmpSent, "node1")
    assert (told.event.type, told.event.code, str(told.event.src)) == (3, 3, "10.32.0.1")
    lab.restart()
    Call(lab, "node1", "10.32.8.30", PORT, server_port=81)
    (told, *_) = lab.events(IcmpSent, "node1")
    assert (told.event.type, told.event.code, str(told.event.to)) == (3, 3, "10.0.0.37")
    assert lab.frames("node1:lo")


def test_f134_the_choice_is_made_once_for_each_connection() -> None:
    lab = gke("10.32.0.9:80", "10.32.1.13:80")
    sockets = [send(lab, "pod1", port, SERVICE, PORT) for port in range(4000, 4012)]
    for socket in sockets:
        socket.send_to(Ip4.parse(SERVICE), PORT, b"again")
    lab.run(0.2)
    sent = [
        text for where in ("node1:vethweb", "node1:eth0") for text in seen(lab, where) if text.startswith("10.32.0.5:")
    ]
    assert {text.partition(" > ")[2] for text in sent} == {"10.32.0.9:80", "10.32.1.13:80"}
    assert all(sent.count(text) == 2 for text in sent)
    assert len(set(sent)) == len(sockets)


def test_f135_the_time_that_a_closed_connection_is_kept() -> None:
    lab = gke()
    call = Call(lab, "pod1", SERVICE, PORT)
    call.client.close()
    assert call.accepted is not None
    lab.run(0.2)
    call.accepted.close()
    lab.run(0.2)
    (ct,) = connections(lab, "node1")
    left = (ct.timeout - lab.network.now) / 1e9
    assert 119 < left <= 120
