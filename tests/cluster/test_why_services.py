"""Why a packet that was meant for a Service did not arrive: what is said names the Service, the port, the rule and what helps."""

import re

import pytest

from podwire import GKE, Cluster
from podwire.fabric.firewall import FirewallRule
from podwire.trace.reasons import DropReason, Verdict
from podwire.wire.addr import Net

OPEN = FirewallRule("node-ports", (Net.parse("0.0.0.0/0"),), ("tcp",), ((9000, 9000), (30007, 30007)))
CLIENT = "121.167.232.64"
NODES = {"node1": "34.47.122.177", "node2": "34.64.32.222"}
SLICES = "`kubectl -n default get endpointslices -l kubernetes.io/service-name=web`"


def manifest(target=8080, *policies):
    """A Service whose port leads to ``target``; ``policies`` are further fields of its spec."""
    more = "".join(f"  {each}\n" for each in policies)
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  type: LoadBalancer\n  selector: {app: web}\n"
        f"  ports: [{{name: http, port: 9000, targetPort: {target}, nodePort: 30007}}]\n{more}"
    )


@pytest.fixture
def lab():
    lab = Cluster(GKE())
    lab.add_vpc("vpc", "10.0.0.0/24", firewall=[OPEN])
    for name, external in NODES.items():
        lab.add_node(name, network="vpc", external_ip=external)
    lab.add_host("outside", CLIENT)
    lab.run("client", node="node2")
    lab.apply(manifest())
    return lab


def serve(lab, node="node1"):
    return lab.run("web1", node=node, labels={"app": "web"}, ports=[8080])


def told(conn):
    return " ".join(conn.traces[0].explain().split())


def ask(lab):
    """The client's pod asks the cluster address."""
    return lab.pod("client").connect(lab.service("web").ip, 9000, timeout=1)


def test_a_service_without_endpoints_names_itself_and_where_to_look(lab):
    conn = ask(lab)
    assert conn.traces[0].verdict is Verdict.REJECTED
    assert "node2 rejected it" in told(conn)
    assert "Service default/web has no ready endpoint for spec.ports[0], and it matches rule" in told(conn)
    assert f"it passes when a pod that the selector of Service default/web finds is ready, see {SLICES}." in told(conn)
    serve(lab)
    assert ask(lab).ok


def test_from_outside_it_is_the_same_sentence(lab):
    conn = lab.host("outside").connect(NODES["node1"], 30007, timeout=1)
    assert "Service default/web has no ready endpoint for spec.ports[0], and it matches rule" in told(conn)


def test_a_wrong_target_port_names_the_service_that_leads_there(lab):
    lab.apply(manifest(target=80))
    serve(lab)
    conn = ask(lab)
    assert conn.traces[0].reason is DropReason.NO_SOCKET
    assert (
        "nothing in default/web1 listens on tcp port 80, where Service default/web sends what comes for its spec.ports[0];"
        " it passes when a program listens there, as `nc -l -p 80` does, or when the targetPort of spec.ports[0] is"
        " the port at which one listens."
    ) in told(conn)
    assert "targetPort" not in told(lab.pod("client").connect(lab.pod("web1").ip, 81, timeout=1)), (
        "no Service led there"
    )
    lab.apply(manifest())
    assert ask(lab).ok


@pytest.mark.parametrize(
    ("policy", "source"), [("externalTrafficPolicy", "outside"), ("internalTrafficPolicy", "client")]
)
def test_a_local_policy_without_a_local_endpoint_names_the_policy_and_the_command(lab, policy, source):
    serve(lab)
    lab.apply(manifest(8080, f"{policy}: Local"))

    def conn():
        if source == "outside":
            return lab.host("outside").connect(NODES["node2"], 30007, timeout=1)
        return ask(lab)

    first = told(conn())
    assert f"Service default/web has endpoints for spec.ports[0] on other nodes alone, its {policy} is Local" in first
    assert f"it passes at a node that has a ready endpoint, see {SLICES}, or after `kubectl -n default patch" in first
    command = re.search(r"or after `(kubectl [^`]*)`", first)
    assert command is not None
    patch = re.search(r"-p '(.*)'", command[1])
    assert patch is not None
    assert patch[1] == f'{{"spec":{{"{policy}":"Cluster"}}}}'
    lab.apply(manifest(8080, f"{policy}: Cluster"))
    assert conn().ok


def test_who_is_in_no_source_range_is_told_the_ranges(lab):
    serve(lab)
    lab.apply(manifest(8080, "loadBalancerSourceRanges: [192.168.0.0/16]"))
    # The cloud hands the packet to a node with the load balancer's address as its destination.
    lab.api.store.patch(
        "Service",
        "web",
        "default",
        {"status": {"loadBalancer": {"ingress": [{"ip": str(lab.node("node1").ip)}]}}},
        "merge",
        status=True,
    )
    lab.api.settle()
    conn = lab.host("outside").connect(NODES["node1"], 9000, timeout=1)
    assert f"{CLIENT} is in none of the loadBalancerSourceRanges of Service default/web" in told(conn)
    assert f"it passes when the loadBalancerSourceRanges of Service default/web hold {CLIENT}." in told(conn)


def test_a_pod_that_meets_itself_without_masquerading_is_told_of_the_hairpin(lab):
    pod = serve(lab)
    node = lab.node("node1")
    rule = next(
        line
        for line in node.exec("iptables -t nat -S").stdout.splitlines()
        if line.startswith("-A KUBE-SEP") and "KUBE-MARK-MASQ" in line
    )
    address = lab.service("web").ip
    assert pod.connect(address, 9000, timeout=1).ok
    assert node.exec(f"iptables -t nat {rule.replace('-A', '-D', 1)}").exit_code == 0
    first = told(pod.connect(address, 9000, timeout=1))
    assert (
        f"Service default/web sends default/web1 to itself, and nothing gave the packet another source than {pod.ip}"
        in first
    )
    remedy = re.search(r"`(iptables -t nat -I [^`]*)` on node1", first)
    assert remedy is not None
    assert node.exec(remedy[1]).exit_code == 0
    assert pod.connect(address, 9000, timeout=1).ok


def test_the_story_names_service_port_endpoint_and_node(lab):
    pod = serve(lab)
    text = " ".join(ask(lab).traces[0].explain().split())
    assert f"node2 made {pod.ip}:8080 its destination in place of {lab.service('web').ip}:9000" in text
    assert f"for Service default/web, spec.ports[0], endpoint {pod.ip}:8080)" in text
    assert "Way: default/client > node2 > vpc > node1 > default/web1" in text
