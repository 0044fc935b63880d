from podwire import Calico, Cluster
from podwire.trace.reasons import DropReason


def test_pods_of_one_node_reach_each_other_on_the_network_that_podwire_makes():
    lab = Cluster(Calico(backend="none", ipam="host-local"), nodes=2)
    first, second = lab.run("a", node="node1"), lab.run("b", node="node1")

    ping = first.ping(second)

    assert ping.ttl == 63
    assert lab.node("node1").exec("ip route show default").stdout == "default via 192.168.10.1 dev eth0 \n"


def test_nobody_is_the_gateway_of_that_network_until_somebody_is():
    lab = Cluster(Calico(backend="none", ipam="host-local"), nodes=1)
    pod = lab.run("a")

    assert pod.ping("8.8.8.8").trace.reason is DropReason.NEIGH_FAILED
    lab.add_router("gateway", {"lan": "192.168.10.1"})
    assert pod.ping("8.8.8.8").trace.reason is DropReason.IP_INNOROUTES
