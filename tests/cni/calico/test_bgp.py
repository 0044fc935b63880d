"""BIRD's sessions: mesh, peers, reflectors, and what packets do to them (Calico sheet, sections 8 and 10)."""

import re

import pytest

from podwire import Calico, Cluster, ConfigError, IPPool, NotModelled
from podwire.cni.bgp import Path
from podwire.wire import bgp
from podwire.wire.addr import Ip, Net

POOL = IPPool("10.244.0.0/16")
IPS = {f"n{number}": f"192.168.10.10{number}" for number in (1, 2, 3)}


def make(nodes=3, *, pools=(POOL,), **router):
    lab = Cluster(Calico(ip_pools=pools))
    lab.add_network("lan", "192.168.10.0/24")
    lab.add_router("tor", {"lan": "192.168.10.1"}, **router)
    for name in list(IPS)[:nodes]:
        lab.add_node(name, f"{IPS[name]}/24", network="lan", gateway="192.168.10.1")
    return lab


def with_pods(**more):
    lab = make(**more)
    for name in IPS:
        lab.run(f"p{name[1]}", node=name)
    return lab


def bird_routes(lab, machine):
    lines = str(lab.machine(machine).exec("ip route")).splitlines()
    return [line.strip() for line in lines if "proto bird" in line and "blackhole" not in line]


def neighbours(lab, machine):
    speaker = lab.kubelet.bgp.find(machine)
    assert speaker is not None
    return speaker.neighbours.values()


def state(lab, machine, peer):
    """State and info of a session."""
    sessions = lab.kubelet.bgp.find(machine).sessions()
    return next(
        " ".join(filter(None, (each.info, each.error))) for each in sessions if str(each.neighbour.remote) == peer
    )


def block(lab, pod):
    return f"{lab.pod(pod).ip}/26"


def configuration(**spec):
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "BGPConfiguration",
        "metadata": {"name": "default"},
        "spec": spec,
    }


def peer(name="tor", **spec):
    return {"apiVersion": "projectcalico.org/v3", "kind": "BGPPeer", "metadata": {"name": name}, "spec": spec}


def protocols(lab, node):
    """Names and info of the sessions that ``birdcl show protocols`` lists."""
    lines = str(lab.node(node).exec("birdcl show protocols")).splitlines()
    return {line.split()[0]: " ".join(line.split()[5:]) for line in lines if " BGP " in line}


def close_port(lab, node, *, insert="-I"):
    for side in ("--dport", "--sport"):
        assert not lab.node(node).exec(f"iptables {insert} INPUT -p tcp {side} 179 -j DROP").exit_code


# ------------------------------------------------------------------------------------------------------------- the mesh


def test_the_mesh_stands_from_the_beginning_without_a_packet():
    with (lab := make()).capture(filter="tcp port 179") as capture:
        assert state(lab, "n1", IPS["n2"]) == "Established"
    assert capture.frames == []
    assert lab.network.now == lab.born


def test_the_lower_address_waits_by_the_order_of_texts():
    """Section 8: string comparison, so .9 is higher than .10."""
    lab = Cluster(Calico(ip_pools=[POOL]))
    lab.add_network("lan", "192.168.10.0/24")
    for ip in ("192.168.10.9", "192.168.10.10"):
        lab.add_node(f"n{ip.rpartition('.')[2]}", f"{ip}/24", network="lan")
    lab.settle()
    passive = {name: [each.passive for each in neighbours(lab, name)] for name in ("n9", "n10")}
    assert passive == {"n9": [False], "n10": [True]}


def test_an_idle_lab_sends_nothing():
    lab = make()
    lab.settle()
    before = lab.network.new_packet_id()
    lab.sleep(1000)
    assert lab.network.new_packet_id() == before + 1


def test_tcpdump_sees_keepalives_of_nineteen_bytes():
    lab = make(nodes=2)
    with lab.capture("n1:eth0", filter="tcp port 179") as capture:
        lab.sleep(170)
    sizes = [len(bytes(packet["TCP"].payload)) for packet in capture.packets if packet["TCP"].payload]
    # Two sides, each every 80 s.
    assert sizes in ([19] * 4, [19] * 5)
    assert capture.text().count("length 19: BGP\n") == len(sizes)
    lab.sleep(5)
    assert not lab.kubelet.bgp.find("n1").awake or lab.sleep(90) is None
    assert not lab.kubelet.bgp.find("n1").awake


@pytest.mark.parametrize("filter", ["", "icmp", "tcp port 80"])
def test_a_capture_that_does_not_ask_for_bgp_shows_none(filter):
    lab = make(nodes=2)
    with lab.capture("n1:eth0", filter=filter) as capture:
        lab.sleep(170)
    assert capture.frames == []


def test_a_change_is_proven_by_one_round_of_keepalives():
    lab = make(nodes=2)
    lab.node("n1").exec("ip route add 10.99.0.0/16 via 192.168.10.1")
    lab.settle()
    lab.sleep(90)
    assert state(lab, "n1", IPS["n2"]) == "Established"
    assert not lab.kubelet.bgp.find("n1").awake


# ------------------------------------------------------------------------------------------------------- TCP 179 blocked


def test_a_closed_port_takes_the_session_down_after_the_hold_time():
    """Scenario 6: no ``proto bird`` routes for that peer; the session comes back by a handshake when the port is open again."""
    lab = with_pods()
    close_port(lab, "n1")
    lab.sleep(150)
    assert state(lab, "n1", IPS["n2"]) == "Established"
    assert len(bird_routes(lab, "n1")) == 2
    lab.sleep(100)
    assert state(lab, "n1", IPS["n2"]) == "Passive Error: Hold timer expired"
    # What n1 sends arrives, once: the hold time of n2 runs from the first keepalive that n1 got no acknowledgement for.
    lab.sleep(80)
    assert re.fullmatch("(Connect|Active|Idle) Error: Hold timer expired", state(lab, "n2", IPS["n1"]))
    assert state(lab, "n2", IPS["n3"]) == "Established"
    assert bird_routes(lab, "n1") == []
    assert bird_routes(lab, "n2") == [f"{block(lab, 'p3')} via {IPS['n3']} dev eth0 proto bird"]
    close_port(lab, "n1", insert="-D")
    with lab.capture("n2:eth0", filter=f"tcp port 179 and host {IPS['n1']}") as capture:
        lab.sleep(20)
    assert state(lab, "n1", IPS["n2"]) == "Established"
    assert len(bird_routes(lab, "n1")) == 2
    payloads = [bytes(packet["TCP"].payload) for packet in capture.packets]
    said = bytearray(b"".join(data for data in payloads[3:] if data.startswith(b"\xff")))
    kinds = []
    while (message := bgp.take(said)) is not None:
        kinds.append(type(message).__name__)
    assert kinds[:4] == ["Open", "Open", "Keepalive", "Keepalive"]
    assert kinds.count("Update") == 4  # a block, and End-of-RIB, of each side


def test_readiness_names_those_without_a_session():
    lab = make()
    bird = lab.node("n1").agent("bird")
    assert bird.ready == ""
    close_port(lab, "n1")
    lab.sleep(260)
    assert bird.ready == (
        f"calico/node is not ready: BIRD is not ready: BGP not established with {IPS['n2']},{IPS['n3']}"
    )
    lab.sleep(80)
    assert state(lab, "n2", IPS["n1"]) != "Established"
    # One peer is enough once all have been up.
    assert lab.node("n2").agent("bird").ready == ""


def test_a_rule_that_was_there_first_keeps_the_session_from_coming_up():
    lab = make(nodes=1)
    close_port(lab, "n1")
    lab.add_node("n2", f"{IPS['n2']}/24", network="lan", gateway="192.168.10.1")
    lab.run("p2", node="n2")
    lab.sleep(30)
    assert state(lab, "n2", IPS["n1"]).startswith("Connect")
    assert bird_routes(lab, "n1") == []
    assert lab.node("n2").agent("bird").ready.endswith(f"BGP not established with {IPS['n1']}")


def test_what_a_network_loses_keeps_sessions_from_coming_up():
    lab = Cluster(Calico(ip_pools=[POOL]))
    lab.add_network("lan", "192.168.10.0/24", drops=["tcp:179"])
    for name, ip in IPS.items():
        lab.add_node(name, f"{ip}/24", network="lan")
    lab.run("p2", node="n2")
    lab.sleep(20)
    assert bird_routes(lab, "n1") == []
    assert state(lab, "n3", IPS["n1"]).startswith("Connect")
    lab.set_network("lan", drops=())
    lab.sleep(20)
    assert len(bird_routes(lab, "n1")) == 1


def test_a_refused_connection_says_so():
    lab = make(nodes=1)
    lab.apply(peer(peerIP="192.168.10.1", asNumber=64513))
    lab.sleep(3)
    assert state(lab, "n1", "192.168.10.1") == "Active Socket: Connection refused"
    assert "| 192.168.10.1 | global    | start |" in str(lab.node("n1").exec("calicoctl node status"))


# ------------------------------------------------------------------------------------------------------ peers, reflectors


def tor(asn=64512, **more):
    peers = [{"address": ip, "as": asn} for ip in IPS.values()]
    return {"loopbacks": ["203.0.113.1/24"], "bgp": {"as": 64513, "peers": peers, **more}}


def test_a_router_learns_blocks_and_announces_its_networks():
    lab = with_pods(**tor())
    assert bird_routes(lab, "tor") == []
    lab.apply([configuration(nodeToNodeMeshEnabled=False), peer(peerIP="192.168.10.1", asNumber=64513)])
    assert sorted(bird_routes(lab, "tor")) == sorted(
        f"{block(lab, f'p{name[1]}')} via {ip} dev eth0 proto bird" for name, ip in IPS.items()
    )
    assert bird_routes(lab, "n1") == ["203.0.113.0/24 via 192.168.10.1 dev eth0 proto bird"]
    assert protocols(lab, "n1") == {"Global_192_168_10_1": "Established"}


def test_another_as_is_a_bad_peer():
    lab = make(**tor(asn=64999))
    lab.apply(peer(peerIP="192.168.10.1", asNumber=64513))
    lab.sleep(4)
    assert "Bad peer AS" in state(lab, "tor", IPS["n1"])


def test_a_route_reflector_keeps_the_next_hop():
    """Section 8: peers that are no reflectors are clients; the data path is that of the mesh."""
    lab = with_pods()
    mesh = bird_routes(lab, "n1")
    lab.kubectl("annotate node n3 projectcalico.org/RouteReflectorClusterID=1.0.0.1")
    assert state(lab, "n1", IPS["n2"]) == "Established"
    assert "Mesh_192_168_10_103" not in protocols(lab, "n1")
    lab.kubectl("label node n3 rr=true")
    lab.apply(
        [configuration(nodeToNodeMeshEnabled=False), peer("rr", nodeSelector="all()", peerSelector="rr == 'true'")]
    )
    assert list(protocols(lab, "n1")) == ["Node_192_168_10_103"]
    assert list(protocols(lab, "n3")) == ["Node_192_168_10_101", "Node_192_168_10_102"]
    assert bird_routes(lab, "n1") == mesh
    assert lab.pod("p1").ping(lab.pod("p2")).ok
    close_port(lab, "n3")
    lab.sleep(260)
    assert bird_routes(lab, "n1") == []


def test_without_mesh_and_peers_nobody_knows_anything():
    lab = with_pods()
    lab.apply(configuration(nodeToNodeMeshEnabled=False))
    assert bird_routes(lab, "n1") == []
    assert protocols(lab, "n1") == {}
    lab.apply(configuration(nodeToNodeMeshEnabled=True, asNumber="1.10"))
    assert len(bird_routes(lab, "n1")) == 2
    assert {each.asn for each in neighbours(lab, "n1")} == {65546}


def test_service_ranges_are_announced_by_all_and_merged():
    lab = with_pods(**tor())
    lab.apply(
        [
            configuration(nodeToNodeMeshEnabled=False, serviceClusterIPs=[{"cidr": "10.96.0.0/12"}]),
            peer(peerIP="192.168.10.1", asNumber=64513),
        ]
    )
    text = str(lab.host("tor").exec("ip route show 10.96.0.0/12"))
    assert re.findall(r"nexthop via (\S+)", text) == list(IPS.values())


def test_what_lies_below_an_own_block_is_not_told():
    """The export filter: blocks exactly, no /32 of them, borrowed addresses of pools, nothing outside."""
    lab = with_pods()
    lab.settle()
    own, other = (Net.parse(block(lab, pod)) for pod in ("p1", "p2"))
    speaker = lab.kubelet.bgp.find("n1")
    (to, *_) = neighbours(lab, "n1")
    nets = [own, Net(own.addr, 32), Net(other.addr, 32), other, Net.parse("192.168.10.0/24")]
    assert [speaker.export(to, Path(net, to.local)) for net in nets] == [True, False, True, True, False]


def test_a_connection_that_just_ends_keeps_its_routes_for_a_graceful_restart():
    """Section 8: 120 s; then they go, unless the session is up again."""
    lab = with_pods(nodes=3)
    with lab.capture("n2:eth0", filter="tcp port 179"):
        lab.sleep(90)
        session = lab.kubelet.bgp.find("n2").awake[Ip.parse(IPS["n1"])]
        assert session.current is not None
        session.current.socket.abort()
        session.current.stop()
        session.end()
        del lab.kubelet.bgp.find("n2").awake[Ip.parse(IPS["n1"])]
        lab.sleep(0.5)
        close_port(lab, "n1")
        lab.sleep(60)
        assert state(lab, "n1", IPS["n2"]) == "Passive Socket: Connection reset by peer"
        assert len(bird_routes(lab, "n1")) == 2
        lab.sleep(70)
        assert len(bird_routes(lab, "n1")) == 1


def test_two_active_sides_agree_on_one_connection():
    """RFC 4271 section 6.8: nodes and a router both connect."""
    lab = make(nodes=1, **tor())
    close_port(lab, "n1")
    lab.apply([configuration(nodeToNodeMeshEnabled=False), peer(peerIP="192.168.10.1", asNumber=64513)])
    lab.sleep(20)
    assert bird_routes(lab, "n1") == []
    close_port(lab, "n1", insert="-D")
    lab.sleep(60)
    assert state(lab, "n1", "192.168.10.1") == state(lab, "tor", IPS["n1"]) == "Established"
    assert len(bird_routes(lab, "n1")) == 1


def test_a_hidden_pool_is_not_announced():
    """Scenario 23."""
    lab = with_pods(pools=(IPPool("10.244.0.0/16", disable_bgp_export=True),))
    assert bird_routes(lab, "n1") == []


def test_a_block_that_comes_behind_a_closed_port_is_not_heard_of():
    lab = make()
    close_port(lab, "n1")
    lab.sleep(1)
    lab.run("late", node="n2")
    lab.sleep(1)
    assert bird_routes(lab, "n1") == []
    assert len(bird_routes(lab, "n3")) == 1


def test_the_same_lab_twice_sends_the_same_bytes():
    texts = []
    for _ in range(2):
        lab = make(nodes=2)
        with lab.capture("n1:eth0", filter="tcp port 179") as capture:
            lab.sleep(100)
        texts.append(capture.text())
    assert texts[0]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("option", [{"password": {"secretKeyRef": {}}}, {"filters": ["a"]}, {"maxRestartTime": "10s"}])
def test_options_that_sessions_lack(option):
    with pytest.raises(NotModelled, match=f"{next(iter(option))} in BGPPeer tor|BGPPeer tor"):
        make(nodes=1).apply(peer(peerIP="192.168.10.1", asNumber=1, **option))


@pytest.mark.parametrize(
    ("bgp_settings", "complaint"),
    [
        ({}, "as None: expected a number"),
        ({"as": 1, "peer": []}, "has no key 'peer'; keys are as, peers, networks"),
        ({"as": 1, "peers": [{"address": "1.2.3"}]}, "expected address and as"),
        ({"as": 1, "networks": ["10.0.0.1/8"]}, "network '10.0.0.1/8'"),
    ],
)
def test_a_router_whose_bgp_cannot_be(bgp_settings, complaint):
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        make(bgp=bgp_settings)
