"""Two packets at once: what overtakes what inside connection tracking."""

from __future__ import annotations

import pytest

from podwire.cluster import Cluster, Pod
from podwire.cni.calico.config import Calico
from podwire.errors import PodwireError
from podwire.linux.socket import UdpSocket
from podwire.wire.addr import Ip4
from podwire.wire.headers import IPPROTO_UDP, TCP_SYN, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

SERVICE = "10.96.0.10"


@pytest.fixture
def pods() -> tuple[Cluster, Pod, Pod]:
    lab = Cluster(Calico(), nodes=1)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node1")
    a.ping(b)
    return lab, a, b


def query(pod: Pod, data: bytes) -> Packet:
    header = IPv4(Ip4.parse(str(pod.ip)), Ip4.parse(SERVICE), IPPROTO_UDP)
    return Packet((header, Udp(4000, 53)), data)


def counted(lab: Cluster) -> str:
    """What ``conntrack -S`` counted that is not 0."""
    text = lab.node("node1").exec("conntrack -S").output
    return " ".join(word for word in text.split() if "=" in word and not word.endswith("=0") and word != "cpu=1")


def test_two_queries_of_one_socket_to_two_backends(pods: tuple[Cluster, Pod, Pod]) -> None:
    lab, a, b = pods
    nat = "iptables -t nat -A PREROUTING -d 10.96.0.10 -p udp"
    lab.node("node1").exec(f"{nat} -m statistic --mode nth --every 2 -j DNAT --to-destination {b.ip}:53")
    lab.node("node1").exec(f"{nat} -j DNAT --to-destination {b.ip}:54")
    socket = UdpSocket(a.place.netns, 4000, lambda: None)
    first, second = lab.race(
        lambda: socket.send_to(Ip4.parse(SERVICE), 53, b"A"), lambda: socket.send_to(Ip4.parse(SERVICE), 53, b"AAAA")
    )
    assert second > first
    assert counted(lab) == "clash_resolve=1"
    (shown,) = [
        line for line in lab.node("node1").exec("conntrack -L -p udp").output.splitlines() if "dport=53" in line
    ]
    assert f"src={b.ip} dst={a.ip} sport=" in shown


def test_of_two_syns_the_one_that_comes_late_is_lost(pods: tuple[Cluster, Pod, Pod]) -> None:
    lab, a, b = pods
    lab.node("node1").exec("iptables -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED,RELATED -j ACCEPT")
    b.exec("iptables -A INPUT -p tcp -j DROP")
    syn = Packet((IPv4(Ip4.parse(str(a.ip)), Ip4.parse(str(b.ip)), 6), Tcp(4000, 80, 1, 0, TCP_SYN)))
    first, second = lab.race(lambda: a.send(syn), lambda: a.send(syn))
    assert counted(lab) == "insert_failed=1 drop=1"
    assert first.dropped_at is not None
    assert "node1" in str(first.dropped_at)
    assert "insert_failed" in first.explain()
    assert f"{b.interface}" not in first.path
    assert f"default/b:{'eth0'}" in second.path


def test_without_connection_tracking_there_is_nothing_to_race_for(pods: tuple[Cluster, Pod, Pod]) -> None:
    lab, a, b = pods
    lab.agent("node1", "felix").pause()
    for table in ("raw", "mangle", "nat", "filter"):
        lab.node("node1").exec(f"iptables -t {table} -F")
    with pytest.raises(PodwireError, match="began no connection"):
        lab.race(lambda: a.ping(b), lambda: None)
    assert a.ping(b).ok
