"""Services by kube-proxy: cluster addresses and node ports lead to pods, on every CNI (seed 002, C06, C07, C09)."""

import pytest

from podwire import GKE, Calico, Cluster, IPPool
from podwire.fabric.firewall import FirewallRule
from podwire.testing import assert_delivered
from podwire.wire.addr import Net

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: webpod}
  ports: [{name: svc-webport, port: 9000, targetPort: 80, nodePort: 30007}]
"""
CLIENT = "121.167.232.64"
OPEN = FirewallRule("node-ports", (Net.parse("0.0.0.0/0"),), ("tcp",), ((30007, 30007),))
"""GKE itself opens no node ports to the Internet (sheet 3.2)."""
NODES = {"node1": "34.47.122.177", "node2": "34.64.32.222"}


@pytest.fixture
def gke():
    lab = Cluster(GKE())
    lab.add_vpc("vpc", "10.0.0.0/24", firewall=[OPEN])
    for name, external in NODES.items():
        lab.add_node(name, network="vpc", external_ip=external)
    lab.add_host("client", CLIENT)
    lab.run("webpod1", node="node1", labels={"app": "webpod"}, ports=[80])
    lab.apply(SERVICE)
    return lab


@pytest.mark.parametrize("cni", [GKE(), GKE(dataplane="calico"), Calico(ip_pools=[IPPool("172.16.0.0/16")])], ids=str)
def test_a_cluster_address_leads_to_the_pod_and_the_answer_comes_from_it(cni):
    lab = Cluster(cni, nodes=2)
    lab.run("web", node="node1", labels={"app": "webpod"}, ports=[80])
    near, far = lab.run("near", node="node1"), lab.run("far", node="node2")
    lab.apply(SERVICE)
    address = lab.service("web").ip
    assert address is not None
    for pod in (near, far):
        conn = pod.connect(address, 9000)
        assert conn.ok
        assert conn.client_seen_as is not None
        assert conn.client_seen_as[0] == pod.ip, "a pod of the node is not masqueraded"
        assert pod.curl(f"http://{address}:9000/").status == 200


def test_a_node_port_on_the_pods_own_node_masquerades_with_the_gateway(gke):
    """C07: the pod sees 10.32.0.1 and a random port."""
    conn = gke.host("client").connect(NODES["node1"], 30007)
    assert conn.ok
    assert str(conn.client_seen_as[0]) == "10.32.0.1"


def test_a_node_port_on_the_other_node_masquerades_with_that_nodes_address(gke):
    """C09: node2's own address."""
    with gke.capture("node1:eth0", filter="tcp") as cap:
        conn = gke.host("client").connect(NODES["node2"], 30007)
    assert conn.ok
    assert str(conn.client_seen_as[0]) == str(gke.node("node2").ip)
    assert f"IP {gke.node('node2').ip}." in cap.text()
    assert CLIENT not in cap.text()


def test_rules_follow_pods_and_services(gke):
    client = gke.run("client1", node="node2")
    address = gke.service("web").ip
    assert client.connect(address, 9000).ok
    gke.pod("webpod1").delete()
    assert client.exec(f"curl -s {address}:9000").exit_code == 7, "a Service without endpoints refuses"
    gke.run("webpod2", node="node2", labels={"app": "webpod"}, ports=[80])
    assert client.connect(address, 9000).ok
    gke.delete(SERVICE)
    assert "KUBE-SVC-" not in gke.node("node1").exec("iptables-save").stdout


def test_a_node_that_joins_has_the_rules(gke):
    gke.add_node("node3")
    gke.run("late", node="node3")
    assert gke.pod("late").connect(gke.service("web").ip, 9000).ok


def test_traces_name_the_service(gke):
    client = gke.run("client1", node="node2")
    trace = client.connect(gke.service("web").ip, 9000).traces[0]
    assert_delivered(trace)
    assert "kube-proxy for Service default/web, spec.ports[0], endpoint 10.32.0.2:80" in " ".join(
        trace.explain().split()
    )


def test_a_cluster_without_services_has_no_kube_proxy():
    lab = Cluster(Calico(), nodes=1)
    lab.run("a")
    lab.apply("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {clusterIP: None, ports: [{port: 80}]}")
    assert "KUBE-" not in lab.node("node1").exec("iptables-save").stdout


def test_what_somebody_flushes_comes_back_within_the_sync_period(gke):
    node = gke.node("node1")
    before = node.exec("iptables-save -t nat").stdout.count("KUBE-S")
    node.exec("iptables -t nat -F")
    node.exec("iptables -t nat -X")
    assert "KUBE-S" not in node.exec("iptables-save -t nat").stdout
    gke.sleep(61)
    assert node.exec("iptables-save -t nat").stdout.count("KUBE-S") == before


def test_an_agent_that_is_held_back_catches_up(gke):
    agent = gke.agent("node2", "kube-proxy")
    agent.pause()
    client = gke.run("client1", node="node2")
    gke.pod("webpod1").delete()
    assert not client.connect(gke.service("web").ip, 9000, timeout=1.0).ok
    gke.run("webpod2", node="node2", labels={"app": "webpod"}, ports=[80])
    assert "10.32.1.3:80" not in node_rules(gke)
    agent.resume()
    assert "10.32.1.3:80" in node_rules(gke)
    assert '"Reloading service iptables data" numServices=2' in agent.log[-2]


def node_rules(lab):
    return lab.node("node2").exec("iptables-save -t nat").stdout
