"""hostPort: from a manifest to packets (reference sheet kube-proxy and GKE, section 2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from podwire import GKE, Calico, Cilium, Cluster, IPPool, Plugins
from podwire.cluster.handles import Handle
from tests.cni.plugins.test_runtime import BRIDGE, pod

HTTP = {"containerPort": 80, "hostPort": 8080}
CLUSTERS = pytest.mark.parametrize(
    "cni",
    [GKE(), GKE(dataplane="calico"), Calico(ip_pools=[IPPool("10.244.0.0/16")]), Plugins(conflist=BRIDGE)],
    ids=["ptp", "gke-calico", "calico", "bridge"],
)


def code(who: Handle, address: object, port: int = 8080) -> str:
    """The status of HTTP, 000 where there was no answer."""
    return who.exec(f"curl -s -m 3 -o /dev/null -w %{{http_code}} http://{address}:{port}/").stdout


@CLUSTERS
def test_packets_to_a_port_of_the_node_reach_the_pod(cni: Any) -> None:
    lab = Cluster(cni, nodes=2)
    lab.apply(pod("web", HTTP, node="node1"))
    near, far = lab.run("near", node="node1"), lab.run("far", node="node2")
    address = lab.node("node1").spec.internal_ip

    for who in (lab.node("node2"), lab.node("node1"), near, far, lab.pod("web")):
        assert code(who, address) == "200", who.name
    assert code(lab.node("node1"), "127.0.0.1") == "200"
    assert code(lab.node("node2"), address, 8081) == "000"

    lab.pod("web").delete()
    assert code(lab.node("node2"), address) == "000"
    assert "CNI-DN-" not in lab.node("node1").exec("iptables-save -t nat").stdout


def test_whom_the_pod_sees() -> None:
    """Who comes from the pod's subnet or from 127.0.0.1 is masqueraded, others are not."""
    lab = Cluster(GKE(), nodes=2)
    lab.apply(pod("web", HTTP, node="node1"))
    near, far = lab.run("near", node="node1"), lab.run("far", node="node2")
    address = lab.node("node1").spec.internal_ip

    def seen(who: Handle, target: object = address) -> str:
        assert code(who, target) == "200"
        line = lab.node("node1").exec("conntrack -L -p tcp --dport 8080").stdout.splitlines()[-1]
        lab.node("node1").exec("conntrack -F")
        return line.split(" dst=")[2].split()[0]

    assert seen(far) == str(far.ip)
    assert seen(near) == "10.32.0.1"
    assert seen(lab.pod("web")) == "10.32.0.1"
    assert seen(lab.node("node1"), "127.0.0.1") == "10.32.0.1"


def test_a_trace_names_the_port_and_the_pod() -> None:
    lab = Cluster(GKE(), nodes=2)
    lab.apply(pod("web", HTTP, node="node1"))
    tables = lab.node("node1").place.netns.xtables
    table = tables.table("nft", "nat")
    assert table is not None
    owners = {
        str(rule.owner.object)
        for chain in table.chains.values()
        for rule in chain.rules
        if rule.owner.component == "portmap"
    }
    assert "Pod default/web hostPort 8080" in owners


def test_the_scheduler_finds_a_node_whose_port_is_free() -> None:
    lab = Cluster(GKE(), nodes=2)
    lab.apply([pod("a", HTTP), pod("b", HTTP), pod("c", HTTP), pod("d", {**HTTP, "protocol": "UDP"})])
    nodes = {each.spec.name: each.node.name for each in lab.pods}
    assert {nodes["a"], nodes["b"]} == {"node1", "node2"}
    assert "c" not in nodes
    assert "d" in nodes
    status = lab.kubectl("get pod c").stdout
    assert "Pending" in status


def test_the_same_port_of_two_addresses_is_no_conflict() -> None:
    lab = Cluster(GKE(), nodes=1)
    one, two = {**HTTP, "hostIP": "127.0.0.1"}, {**HTTP, "hostIP": str(lab.node("node1").spec.internal_ip)}
    lab.apply([pod("a", one), pod("b", two), pod("c", HTTP)])
    assert {each.spec.name for each in lab.pods} == {"a", "b"}
    rules = lab.node("node1").exec("iptables-save -t nat").stdout
    assert "-d 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j DNAT" in rules
    assert f"-d {two['hostIP']}/32 -p tcp -m tcp --dport 8080 -j DNAT" in rules


def test_udp_that_was_tracked_before_is_forgotten_at_add() -> None:
    lab = Cluster(GKE(), nodes=2)
    node, address = lab.node("node1"), lab.node("node1").spec.internal_ip
    lab.node("node2").exec(["nc", "-u", "-w", "1", "-p", "5000", str(address), "5353"], stdin="x")
    lab.node("node2").exec(["nc", "-u", "-w", "1", "-p", "5000", str(address), "5354"], stdin="x")
    assert "dport=5353" in node.exec("conntrack -L -p udp").stdout
    lab.apply(pod("dns", {"containerPort": 53, "hostPort": 5353, "protocol": "UDP"}, node="node1"))
    left = node.exec("conntrack -L -p udp").stdout
    assert "dport=5353" not in left
    assert "dport=5354" in left


def test_route_localnet_is_set_on_the_device_that_leads_to_the_pod() -> None:
    for cni, device in ((GKE(), ""), (Plugins(conflist=BRIDGE), "cni0")):
        lab = Cluster(cni, nodes=1)
        lab.apply(pod("web", HTTP, node="node1"))
        name = device or lab.pod("web").interface
        assert lab.node("node1").exec(f"cat /proc/sys/net/ipv4/conf/{name}/route_localnet").stdout == "1\n"


def test_masq_all_masquerades_everybody() -> None:
    """Section 2.5: one rule without a source in the place of two."""
    plugins = [BRIDGE["plugins"][0], {"type": "portmap", "masqAll": True, "capabilities": {"portMappings": True}}]
    lab = Cluster(Plugins(conflist={**BRIDGE, "plugins": plugins}), nodes=1)
    lab.apply(pod("web", HTTP))
    rules = [
        line
        for line in lab.node("node1").exec("iptables-save -t nat").stdout.splitlines()
        if line.startswith("-A CNI-DN-")
    ]
    assert [line.split(" ", 2)[2] for line in rules] == [
        "-p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
        f"-p tcp -m tcp --dport 8080 -j DNAT --to-destination {lab.pod('web').ip}:80",
    ]


def test_cilium_has_no_portmap() -> None:
    lab = Cluster(Cilium(), nodes=2)
    lab.apply(pod("web", HTTP, node="node1"))
    assert code(lab.node("node2"), lab.node("node1").spec.internal_ip) == "000"


def test_kube_proxy_writes_a_log_that_tail_reads() -> None:
    lab = Cluster(GKE(), nodes=1)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    lab.apply([pod("web", {"containerPort": 80}, node="node1"), service])
    text = lab.node("node1").exec("tail -n 1 /var/log/kube-proxy.log").stdout
    assert text.endswith('"SyncProxyRules complete" elapsed="0s"\n')
    assert lab.node("node1").exec("grep -c Syncing /var/log/kube-proxy.log").stdout.strip() > "0"
