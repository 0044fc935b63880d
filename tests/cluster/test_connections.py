"""Connections between pods: container ports that answer, what the server saw, why one failed, and who reaches whom."""

from __future__ import annotations

import pytest

from podwire.cluster import Cluster, Pod
from podwire.cni.calico.config import Calico, IPPool
from podwire.errors import ConfigError, NotModelled, PodwireError
from podwire.platform.gke import GKE
from podwire.trace.reasons import Verdict
from podwire.wire.headers import TCP_ACK, TCP_PSH, TCP_SYN, Tcp

GET = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n"


@pytest.fixture
def lab() -> Cluster:
    """``client`` on node1; ``web`` (nginx) and ``who`` (whoami) on node2."""
    lab = Cluster(Calico(ip_pools=(IPPool("10.244.0.0/16", ipip_mode="Always"),)), nodes=2)
    lab.run("client", node="node1")
    lab.run("web", node="node2", image="nginx:latest", ports=[80])
    lab.run("who", node="node2", image="docker.io/traefik/whoami:v1.10", ports=[80])
    return lab


def pods(lab: Cluster, *names: str) -> tuple[Pod, ...]:
    return tuple(lab.pod(name) for name in names)


def test_a_connection_knows_both_ends_as_the_server_saw_them(lab: Cluster) -> None:
    client, web = pods(lab, "client", "web")
    conn = client.connect("web", 80)
    assert (conn.ok, conn.error, conn.server, conn.verdict) == (True, "", web, Verdict.DELIVERED)
    assert conn.client_seen_as is not None
    assert conn.client_seen_as[0] == client.ip
    assert conn.trace.path[-1] == "default/web:eth0"
    assert lab.node("node1").connect(web, 80).ok


def test_every_segment_has_a_trace_in_the_order_in_which_they_were_sent(lab: Cluster) -> None:
    conn = lab.pod("client").connect("web", 80, send=GET)
    segments = [trace.records[0].event for trace in conn.traces]
    flags = [event.packet.layers[1].flags for event in segments if isinstance(event.packet.layers[1], Tcp)]  # type: ignore[union-attr]
    assert flags[:5] == [TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_PSH | TCP_ACK, TCP_ACK]
    assert [len(event.packet.payload) for event in segments if event.packet.payload] == [len(GET), 238, 615]  # type: ignore[union-attr]
    assert all(trace.verdict is Verdict.DELIVERED for trace in conn.traces)
    assert conn.received.startswith(b"HTTP/1.1 200 OK\r\nServer: nginx/1.27.2\r\n")
    assert len(conn.received) == 238 + 615


def test_nginx_answers_in_two_segments_as_tcpdump_shows_them(lab: Cluster) -> None:
    with lab.capture("default/web:eth0", filter="tcp") as capture:
        lab.pod("client").curl("http://web/")
    tails = [line.partition("length ")[2] for line in capture.text().splitlines()]
    assert tails[3].endswith(": HTTP: GET / HTTP/1.1")
    assert tails[5:7] == ["238: HTTP: HTTP/1.1 200 OK", "615: HTTP"]


def test_a_closed_port_refuses_and_explain_says_what_would_open_it(lab: Cluster) -> None:
    conn = lab.pod("client").connect("web", 81)
    assert (conn.ok, conn.error, conn.server, conn.client_seen_as) == (False, "connection refused", None, None)
    assert conn.verdict is Verdict.REJECTED
    assert "nothing in default/web listens on tcp port 81; it\n  passes when a program listens there" in conn.explain()


@pytest.mark.parametrize(
    ("rule", "error", "verdict"),
    [
        ("-j DROP", "timed out", Verdict.DROPPED),
        ("-j REJECT", "connection refused", Verdict.REJECTED),
        ("-p tcp -j REJECT --reject-with tcp-reset", "connection refused", Verdict.REJECTED),
        ("-j REJECT --reject-with icmp-host-unreachable", "no route to host", Verdict.REJECTED),
    ],
)
def test_a_rule_that_stands_in_the_way(lab: Cluster, rule: str, error: str, verdict: Verdict) -> None:
    client, web = pods(lab, "client", "web")
    lab.node("node2").exec(f"iptables -I FORWARD -d {web.ip} {rule}")
    conn = client.connect(web, 80)
    assert (conn.error, conn.verdict) == (error, verdict)
    assert conn.trace.dropped_at is not None
    assert conn.trace.dropped_at.startswith("node2")
    assert "rule 1 of FORWARD in table filter" in conn.explain()


def test_a_refusal_of_the_own_node_is_told_at_once(lab: Cluster) -> None:
    """It comes while ``connect()`` still holds the socket: poll() tells of it, a blocking connect waits for the next SYN."""
    client, web = pods(lab, "client", "web")
    lab.node("node1").exec(f"iptables -I FORWARD -d {web.ip} -j REJECT")
    begin = lab.network.now
    assert client.connect(web, 80).error == "connection refused"
    assert lab.network.now - begin < 100_000_000


def test_the_answer_that_is_lost_decides(lab: Cluster) -> None:
    client, web = pods(lab, "client", "web")
    lab.node("node2").exec(f"iptables -I FORWARD -s {web.ip} -j DROP")
    conn = client.connect(web, 80)
    assert (conn.error, conn.verdict, conn.server) == ("timed out", Verdict.DROPPED, web)
    assert "Flags [S.]" in conn.explain()


def test_a_route_that_refuses_before_there_is_a_packet(lab: Cluster) -> None:
    client = lab.pod("client")
    client.exec("ip route add prohibit 8.8.8.8")
    for protocol in ("tcp", "udp"):
        conn = client.connect("8.8.8.8", 80, protocol)
        assert conn.error == "permission denied"
        assert "route prohibit" in " ".join(conn.explain().split())


def test_translation_shows_in_what_the_server_saw(lab: Cluster) -> None:
    client, web = pods(lab, "client", "web")
    lab.node("node2").exec(f"iptables -t nat -A POSTROUTING -d {web.ip} -j MASQUERADE")
    conn = client.connect(web, 80, send=GET)
    assert conn.ok
    assert conn.client_seen_as is not None
    assert conn.client_seen_as[0] != client.ip
    assert f"default/web saw the client as {conn.client_seen_as[0]}:" in conn.explain()
    assert len(conn.received) == 853
    sizes = [len(trace.records[0].event.packet.payload) for trace in conn.traces]  # type: ignore[union-attr]
    assert sorted(sizes)[-3:] == sorted([len(GET), 238, 615]), "the server's segments are followed, too"


def test_the_name_of_nobody_and_what_is_no_port(lab: Cluster) -> None:
    client = lab.pod("client")
    with pytest.raises(ConfigError, match="machine 'nix'"):
        client.connect("nix", 80)
    with pytest.raises(PodwireError, match="port 0: expected a number from 1 to 65535"):
        client.connect("web", 0)
    with pytest.raises(PodwireError, match="expected tcp or udp"):
        client.connect("web", 80, "sctp")  # type: ignore[arg-type]


def test_curl_by_the_name_of_a_pod(lab: Cluster) -> None:
    client, who = pods(lab, "client", "who")
    flow = client.curl("http://who/")
    assert (flow.ok, flow.status, flow.server) == (True, 200, who)
    assert flow.client_seen_as is not None
    assert flow.body.splitlines()[:4] == [
        "Hostname: who",
        "IP: 127.0.0.1",
        f"IP: {who.ip}",
        f"RemoteAddr: {client.ip}:{flow.client_seen_as[1]}",
    ]
    assert "Host: who" in flow.body
    refused = client.curl("http://who:81/")
    assert (refused.ok, refused.status, refused.exit_code) == (False, 0, 7)
    assert "nothing in default/who listens on tcp port 81" in refused.explain()


def test_a_container_keeps_what_its_program_prints(lab: Cluster) -> None:
    client, web = pods(lab, "client", "web")
    client.curl("http://web/")
    client.curl("http://web/nix")
    client.connect("web", 80, send=b"hello\r\n\r\n")
    stamp = "[01/Jan/2024:00:00:00 +0000]"
    missing = 'open() "/usr/share/nginx/html/nix" failed (2: No such file or directory)'
    asked = 'server: localhost, request: "GET /nix HTTP/1.1", host: "web"'
    assert web.log == (
        f'{client.ip} - - {stamp} "GET / HTTP/1.1" 200 615 "-" "curl/7.88.1" "-"',
        f"2024/01/01 00:00:00 [error] 29#29: *2 {missing}, client: {client.ip}, {asked}",
        f'{client.ip} - - {stamp} "GET /nix HTTP/1.1" 404 153 "-" "curl/7.88.1" "-"',
        f'{client.ip} - - {stamp} "hello" 400 157 "-" "-" "-"',
    )


def test_nginx_closes_a_connection_that_stays_idle(lab: Cluster) -> None:
    client = lab.pod("client")
    conn = client.connect("web", 80, send=GET, timeout=70)
    assert conn.ok
    with lab.capture("default/web:eth0", filter="tcp[13] & 1 != 0") as capture:
        client.exec("nc -w 100 " + str(lab.pod("web").ip) + " 80", stdin="GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    first = capture.text().splitlines()[0]
    assert first.startswith("00:01:05")
    assert ".80 > " in first


def test_ports_of_a_manifest_answer_by_their_protocol() -> None:
    lab = Cluster(GKE(), nodes=2)
    lab.run("client", node="node1")
    lab.apply(
        """
apiVersion: v1
kind: Pod
metadata: {name: both}
spec:
  nodeName: node2
  containers:
    - {name: a, image: busybox, ports: [{containerPort: 53, protocol: UDP, name: dns}, {containerPort: 8080, name: http}]}
    - {name: b, image: nginx}
"""
    )
    client = lab.pod("client")
    asked = client.connect("both", 53, "udp", send=b"question")
    assert (asked.ok, asked.received, asked.server) == (True, b"question", lab.pod("both"))
    assert client.curl("http://both:8080/").body == "both\n"
    assert client.curl("http://both/").status == 200, "nginx listens on its own port where none is listed"
    assert client.connect("both", 54, "udp", send=b"x").error == "connection refused"
    assert client.connect("both", 53).error == "connection refused"


def test_a_command_takes_the_place_of_the_images_own_program() -> None:
    lab = Cluster(GKE(), nodes=1)
    lab.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "idle"},
            "spec": {"containers": [{"name": "c", "image": "nginx", "command": ["sleep", "1000"]}]},
        }
    )
    assert lab.node("node1").connect("idle", 80).error == "connection refused"


def test_sctp_says_that_it_is_not_modelled_and_nothing_is_applied() -> None:
    lab = Cluster(GKE(), nodes=1)
    pod = {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80, "protocol": "SCTP"}]}]}
    with pytest.raises(NotModelled, match="SCTP"):
        lab.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "s"}, "spec": pod})
    assert lab.pods == ()
    with pytest.raises(NotModelled, match="SCTP"):
        lab.reachability(80, "SCTP")


def test_the_port_of_a_pod_that_was_deleted_is_gone(lab: Cluster) -> None:
    client, web = pods(lab, "client", "web")
    address = web.ip
    client.connect(web, 80, send=GET)
    serving, netns = lab.serving_of(web), web.place.netns
    web.delete()
    assert not serving.servers
    assert netns.sockets.tcp is not None
    assert not netns.sockets.tcp.listeners
    lab.sleep(200)
    assert address is not None
    assert not client.connect(str(address), 80).ok


def test_reachability_walks_every_pair(lab: Cluster) -> None:
    lab.run("quiet", node="node1", namespace="other")
    lab.node("node2").exec(f"iptables -I FORWARD -s {lab.pod('client').ip} -d {lab.pod('who').ip} -j DROP")
    found = lab.reachability(port=80, protocol="TCP")
    assert found.allowed("client", "web")
    assert found.allowed("default/web", lab.pod("who"))
    assert not found.allowed("client", "who")
    assert found.errors["default/client", "default/who"] == "timed out"
    assert found.errors["default/web", "other/quiet"] == "connection refused"
    assert found.table().splitlines() == [
        "               default/client default/web default/who other/quiet",
        "default/client       X             .           X           X",
        "default/web          X             .           .           X",
        "default/who          X             .           .           X",
        "other/quiet          X             .           .           X",
    ]
    with pytest.raises(ConfigError, match="pod 'nix': was not there"):
        found.allowed("nix", "web")


def test_reachability_by_udp_counts_what_reached_the_socket() -> None:
    lab = Cluster(GKE(), nodes=2)
    spec = {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 53, "protocol": "UDP"}]}]}
    lab.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dns"}, "spec": spec})
    lab.run("other")
    dns = lab.pod("dns")
    dns.node.exec(f"iptables -I FORWARD -s {dns.ip} -p udp --sport 53 -j DROP")
    found = lab.reachability(53, "udp")
    assert found.allowed("other", "dns")
    assert not found.allowed("dns", "other")


def test_reachability_is_about_the_pods_own_socket(lab: Cluster) -> None:
    client, web, who = pods(lab, "client", "web", "who")
    lab.node("node1").exec(
        f"iptables -t nat -A PREROUTING -d {web.ip} -p tcp --dport 80 -j DNAT --to-destination {who.ip}"
    )
    assert client.connect(web, 80).server is who
    found = lab.reachability()
    assert found.errors["default/client", "default/web"] == "answered by another"
    assert found.allowed("client", "who")
