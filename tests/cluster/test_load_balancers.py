"""Services of type LoadBalancer on GKE: an external passthrough load balancer (kube-proxy and GKE sheet, 1.5, 1.9, 3.2)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from podwire import GKE, Calico, Cluster, IPPool
from podwire.cluster import Pod
from podwire.errors import NotModelled
from podwire.fabric.cloud import GcpVpc
from podwire.trace.reasons import Verdict
from podwire.wire.addr import Ip4
from podwire.wire.headers import Icmp, IPv4
from podwire.wire.packet import Packet

CLIENT, OTHER = "121.167.232.64", "121.167.232.65"
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def service(**spec: Any) -> dict[str, Any]:
    found = copy.deepcopy(SERVICE)
    found["spec"].update(spec)
    return found


def lab(seed: int = 0) -> Cluster:
    cluster = Cluster(GKE(), seed=seed)
    cluster.add_vpc("vpc", "10.0.0.0/24")
    for number in (1, 2, 3):
        cluster.add_node(f"node{number}", external_ip=f"34.1.2.{number}")
    cluster.add_host("client", CLIENT)
    cluster.add_host("other", OTHER)
    cluster.run("web", node="node1", labels={"app": "web"}, image="nginx")
    return cluster


def vpc_of(cluster: Cluster) -> GcpVpc:
    (vpc,) = (each for each in cluster.networks if isinstance(each, GcpVpc))
    return vpc


def document(cluster: Cluster) -> dict[str, Any]:
    return cluster.api.store.need("Service", "web", "default").document


def address(cluster: Cluster) -> str:
    (entry,) = document(cluster)["status"]["loadBalancer"]["ingress"]
    assert entry["ipMode"] == "VIP"
    return str(entry["ip"])


def events(cluster: Cluster) -> list[str]:
    found = [each.document for each in cluster.api.store.all("Event")]
    return [each["reason"] for each in found if each["involvedObject"]["kind"] == "Service"]


def first_nodes(cluster: Cluster, ip: str, count: int = 12) -> set[str]:
    """The nodes at which connections of the client arrive first."""
    client = cluster.host("client")
    return {client.connect(ip, 80).traces[0].path[1].partition(":")[0] for _ in range(count)}


def test_the_address_comes_from_the_seed_and_is_written_into_the_status() -> None:
    one, two, three = lab(), lab(), lab(seed=1)
    for cluster in (one, two, three):
        cluster.apply(SERVICE)
    assert address(one) == address(two) != address(three)
    assert events(one) == ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
    assert document(one)["metadata"]["finalizers"] == ["service.kubernetes.io/load-balancer-cleanup"]


def test_packets_arrive_with_the_balancers_address_and_are_answered_with_it() -> None:
    cluster = lab()
    cluster.apply(SERVICE)
    ip = address(cluster)
    with cluster.capture("node*:eth0", filter=f"host {CLIENT}") as capture:
        flow = cluster.host("client").exec(f"curl -s http://{ip}/")
    assert "Welcome to nginx!" in flow.stdout
    assert f"IP {CLIENT}." in capture.text()
    assert f"> {ip}.80: Flags [S]" in capture.text()
    assert f"IP {ip}.80 > {CLIENT}." in capture.text()


def test_cluster_policy_spreads_over_all_nodes_and_hides_the_client() -> None:
    cluster = lab()
    cluster.apply(SERVICE)
    assert first_nodes(cluster, address(cluster), 24) == {"node1", "node2", "node3"}
    conn = cluster.host("client").connect(address(cluster), 80)
    assert conn.client_seen_as is not None
    assert str(conn.client_seen_as[0]) != CLIENT


def test_local_policy_takes_nodes_with_an_endpoint_and_keeps_the_client() -> None:
    """1.9; 1.11: the health check node port answers 503 on the others."""
    cluster = lab()
    cluster.apply(service(externalTrafficPolicy="Local"))
    ip = address(cluster)
    assert first_nodes(cluster, ip) == {"node1"}
    conn = cluster.host("client").connect(ip, 80)
    assert conn.client_seen_as is not None
    assert str(conn.client_seen_as[0]) == CLIENT
    cluster.run("web2", node="node3", labels={"app": "web"}, image="nginx")
    assert first_nodes(cluster, ip, 24) == {"node1", "node3"}


def test_client_ip_affinity_sends_a_client_to_one_node() -> None:
    cluster = lab()
    cluster.apply(service(sessionAffinity="ClientIP"))
    assert len(first_nodes(cluster, address(cluster), 24)) == 1


def test_source_ranges_are_a_firewall_rule_of_the_vpc() -> None:
    cluster = lab()
    cluster.apply(service(loadBalancerSourceRanges=[f"{CLIENT}/32"]))
    ip = address(cluster)
    name = "k8s-fw-a" + document(cluster)["metadata"]["uid"].replace("-", "")[:31]
    (rule,) = (each for each in vpc_of(cluster).firewall.rules if each.name == name)
    assert (str(rule.sources[0]), str(rule.destinations[0]), rule.ports) == (f"{CLIENT}/32", f"{ip}/32", ((80, 80),))
    assert cluster.host("client").connect(ip, 80).ok
    refused = cluster.host("other").connect(ip, 80)
    assert refused.error == "timed out"
    assert f"no firewall rule allows tcp:80 from {OTHER}" in " ".join(refused.traces[0].explain().split())
    cluster.apply(service(loadBalancerSourceRanges=[f"{CLIENT}/32", f"{OTHER}/32"]))
    assert address(cluster) == ip
    assert cluster.host("other").connect(ip, 80).ok


def test_pods_and_nodes_reach_the_address_without_leaving() -> None:
    cluster = lab()
    cluster.apply(SERVICE)
    pod = cluster.run("pod", node="node2")
    for sender in (pod, cluster.node("node3")):
        conn = sender.connect(address(cluster), 80)
        assert conn.ok
        assert not any("client" in each or "other" in each for each in conn.traces[0].path)
        assert isinstance(conn.server, Pod)


def test_other_ports_and_ping_end_at_the_balancer() -> None:
    cluster = lab()
    cluster.apply(SERVICE)
    client, ip = cluster.host("client"), address(cluster)
    said = " ".join(client.ping(ip).trace.explain().split())
    assert f"at {ip} takes no icmp" in said
    assert "it passes when the Service has that port" in said
    assert client.connect(ip, 81).traces[0].dropped_at == "vpc"


def test_a_service_that_goes_or_changes_takes_its_balancer_along() -> None:
    cluster = lab()
    cluster.apply(SERVICE)
    client, ip = cluster.host("client"), address(cluster)
    cluster.apply(service(type="ClusterIP"))
    assert document(cluster)["status"]["loadBalancer"] == {}
    assert "finalizers" not in document(cluster)["metadata"]
    assert not client.connect(ip, 80).ok
    cluster.apply(SERVICE)
    again = address(cluster)
    assert client.connect(again, 80).ok
    cluster.delete(SERVICE)
    assert cluster.api.store.get("Service", "web", "default") is None
    assert not client.connect(again, 80).ok
    assert all(not rule.name.startswith("k8s-fw-") for rule in vpc_of(cluster).firewall.rules)
    assert events(cluster)[-2:] == ["DeletingLoadBalancer", "DeletedLoadBalancer"]
    cluster.add_host("new", again)


def test_an_address_may_be_asked_for_and_one_in_use_is_refused() -> None:
    cluster = lab()
    cluster.apply(service(loadBalancerIP="34.70.0.1"))
    assert address(cluster) == "34.70.0.1"
    cluster.delete(SERVICE)
    cluster.apply(service(loadBalancerIP=CLIENT))
    assert document(cluster)["status"]["loadBalancer"] == {}
    assert events(cluster)[-1] == "SyncLoadBalancerFailed"


@pytest.mark.parametrize(
    ("annotations", "ports", "said"),
    [
        ({"networking.gke.io/load-balancer-type": "Internal"}, None, "an internal load balancer"),
        ({"cloud.google.com/load-balancer-type": "Internal"}, None, "an internal load balancer"),
        ({"cloud.google.com/l4-rbs": "enabled"}, None, "annotation cloud.google.com/l4-rbs"),
        (
            {},
            [{"port": 53, "name": "t"}, {"port": 53, "protocol": "UDP", "name": "u"}],
            "a load balancer for TCP and UDP",
        ),
    ],
)
def test_what_is_not_modelled_is_refused_before_anything_changes(
    annotations: dict[str, str], ports: list[dict[str, Any]] | None, said: str
) -> None:
    cluster = lab()
    wanted = service(**({"ports": ports} if ports is not None else {}))
    wanted["metadata"]["annotations"] = annotations
    with pytest.raises(NotModelled, match=said):
        cluster.apply(wanted)
    assert cluster.api.store.get("Service", "web", "default") is None


def test_a_cluster_without_a_cloud_waits_for_ever() -> None:
    cluster = Cluster(Calico(ip_pools=[IPPool("172.16.0.0/16")]), nodes=1)
    cluster.apply(SERVICE)
    assert document(cluster)["status"] == {"loadBalancer": {}}


def test_an_icmp_error_for_the_balancer_is_not_modelled_and_that_is_said() -> None:
    cluster = lab()
    cluster.apply(SERVICE)
    ip = address(cluster)
    client = cluster.host("client")
    error = Packet((IPv4(Ip4.parse(CLIENT), Ip4.parse(ip), 1), Icmp(3, 4)), bytes(28))
    assert client.send(error).verdict is Verdict.UNKNOWN
