"""``max_payload`` of a pod. That it agrees with the kernel, and its arithmetic: tests/oracle/test_payload.py."""

import pytest

from podwire import GKE, Cluster
from podwire.errors import NotModelled, PodwireError


@pytest.fixture
def lab():
    return Cluster(GKE(dataplane="calico"), nodes=2)


def test_pods_nodes_names_and_addresses_can_be_asked(lab):
    here, there = lab.run("here", node="node1"), lab.run("there", node="node2")
    for target in (there, "there", "default/there", str(there.ip), there.ip, lab.node("node2")):
        found = here.max_payload(target)
        assert (int(found), found.limit, found.told, found.back) == (1432, "default/here:eth0", True, False)
        assert str(found) == "1460 (MTU of default/here:eth0) − 20 IPv4 − 8 ICMP = 1432"


def test_the_network_between_the_nodes_is_named(lab):
    here, there = lab.run("here", node="node1"), lab.run("there", node="node2")
    lab.network.fabrics["vpc"].mtu = 1400
    found = here.max_payload(there)
    assert (int(found), found.limit, found.mtu, found.told) == (1372, "vpc", 1400, False)
    assert "1400 (MTU of the network vpc)" in str(found)


def test_everything_passes_on_loopback(lab):
    found = lab.node("node1").max_payload("127.0.0.1")
    assert (int(found), found.limit, found.trace) == (65507, "", None)


def test_where_nothing_passes_the_reason_is_told_and_there_is_no_number(lab):
    pod = lab.run("pod", node="node1")
    lab.node("node1").exec("ip route add prohibit 203.0.113.0/24")
    found = pod.max_payload("203.0.113.9")
    assert (found.bytes, found.told) == (None, True)
    assert found.trace is not None
    assert "prohibit 203.0.113.0/24" in str(found)
    with pytest.raises(PodwireError, match=r"not even an empty request to 203\.0\.113\.9 is answered"):
        int(found)


def test_a_refusal_of_the_own_kernel(lab):
    pod = lab.run("pod", node="node1")
    pod.exec("ip route del default")
    assert pod.max_payload("203.0.113.9").bytes is None


def test_path_mtus_of_every_namespace_are_as_before(lab):
    here, there = lab.run("here", node="node1"), lab.run("there", node="node2")
    other = lab.run("other", node="node1")
    lab.node("node2").exec(f"ip link set {there.interface} mtu 1300")
    other.ping(there, size=1400, df=True)
    known = other.exec(f"ip route get {there.ip}").stdout
    assert "mtu 1300" in known
    assert int(here.max_payload(there)) == 1272
    assert "mtu" not in here.exec(f"ip route get {there.ip}").stdout
    assert "mtu 1300" in other.exec(f"ip route get {there.ip}").stdout
    assert here.exec("ip route show cache").stdout == ""


def test_the_time_that_silence_costs_is_that_of_the_probes(lab):
    here, there = lab.run("here", node="node1"), lab.run("there", node="node2")
    lab.node("node1").exec(f"ip link set {here.interface} mtu 1300")
    before = lab.network.now
    found = here.max_payload(there)
    assert (int(found), found.limit) == (1276, f"node1:{here.interface}")
    assert lab.network.now - before < 1_000_000_000, "a packet that is lost is known to be lost"


def test_wrong_use(lab):
    pod = lab.run("pod", node="node1")
    with pytest.raises(NotModelled, match=r"protocol 'udp'"):
        pod.max_payload("10.0.0.2", protocol="udp")
    with pytest.raises(PodwireError, match=r"got 'nobody', expected an address, or a name that default/pod knows"):
        pod.max_payload("nobody")
