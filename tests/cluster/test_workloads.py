"""Workloads in a cluster: their pods are real pods, with interfaces, addresses and ports."""

import warnings

import pytest

from podwire import GKE, Calico, Cilium, Cluster, ConfigError, ManifestError, NotModelled, PodwireError
from podwire import lab as labs
from podwire.cluster.api import UnservedWarning

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, ports: [{name: http, containerPort: 80}]}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "by-hand", "labels": {"app": "x"}}}
CONTAINERS = [{"name": "c", "image": "nicolaka/netshoot"}]


@pytest.fixture(params=[Calico(), GKE()], ids=["calico", "gke"])
def lab(request):
    return Cluster(request.param, nodes=2)


def names(lab):
    return [pod.name for pod in lab.pods]


def deployment(lab):
    return lab.api.store.need("Deployment", "web", "default")


def test_pods_of_a_deployment_ping_and_answer(lab):
    assert lab.apply(DEPLOYMENT) == ["deployment.apps/web created"]
    first, second = lab.pods
    assert {first.node.name, second.node.name} == {"node1", "node2"}
    assert first.ping(second).received == 1
    assert lab.pod(first.name) is first
    assert first.curl(f"http://{second.ip}/").status == 200
    assert lab.apply(DEPLOYMENT) == ["deployment.apps/web unchanged"]
    assert lab.apply(DEPLOYMENT.replace("replicas: 2", "replicas: 3")) == ["deployment.apps/web configured"]
    assert len(lab.pods) == 3
    assert lab.delete(DEPLOYMENT) == ['deployment.apps "web" deleted']
    assert lab.pods == ()


def test_a_pod_that_comes_again_has_a_new_interface_and_the_address_that_ipam_gives(lab):
    lab.apply(DEPLOYMENT)
    first = lab.pods[0]
    machine = first.node.machine
    before = machine.root.netns.link(first.interface).ifindex
    first.delete()
    again = next(pod for pod in lab.pods if pod.node is first.node)
    assert again.name != first.name
    assert machine.root.netns.link(again.interface).ifindex > before
    assert lab.pods[0].ping(again).received == 1


def test_a_rollout_restart_makes_every_pod_anew(lab):
    lab.apply(DEPLOYMENT)
    before = set(names(lab))
    when = {"kubectl.kubernetes.io/restartedAt": "2024-01-01T00:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": when}}}}
    lab.api.store.patch("Deployment", "web", "default", patch)
    lab.api.settle()
    assert len(lab.pods) == 2
    assert not before & set(names(lab))
    assert deployment(lab).document["status"]["readyReplicas"] == 2


def test_equal_labs_have_equal_pods():
    one, other = (Cluster(Calico(), nodes=2, seed=7) for _ in range(2))
    for lab in (one, other):
        lab.apply(DEPLOYMENT)
    assert [(pod.name, pod.ip) for pod in one.pods] == [(pod.name, pod.ip) for pod in other.pods]
    third = Cluster(Calico(), nodes=2, seed=8)
    third.apply(DEPLOYMENT)
    assert names(third) != names(one)


def test_a_service_that_nothing_on_the_nodes_serves_is_stored_with_a_warning():
    lab = Cluster(Cilium(kube_proxy_replacement=True), nodes=1)
    with pytest.warns(
        UnservedWarning, match="Services need kube-proxy, which this cluster runs without: packets to .* default/web"
    ):
        assert lab.apply(SERVICE) == ["service/web created"]


def test_a_service_is_stored_with_its_endpoints(lab):
    assert lab.apply(f"{DEPLOYMENT}---\n{SERVICE}") == ["deployment.apps/web created", "service/web created"]
    service = lab.service("default/web")
    assert service.endpoints == tuple(f"{pod.ip}:80" for pod in lab.pods)
    assert lab.service("web").ip == service.ip
    lab.pods[0].delete()
    assert service.endpoints == tuple(f"{pod.ip}:80" for pod in lab.pods)
    lab.pods[0].labels = {"app": "other"}
    assert len(service.endpoints) == 2
    assert len(lab.pods) == 3, "the ReplicaSet makes one for the pod that it lost"
    with pytest.raises(ConfigError, match=r"service 'db': is not there; services are default/kubernetes, default/web"):
        lab.service("db")


def test_a_named_port_of_a_pod_that_comes_later_is_known(lab):
    lab.apply(SERVICE)
    container = {"name": "c", "image": "nginx", "ports": [{"name": "http", "containerPort": 80}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late", "labels": {"app": "web"}}}
    lab.apply({**pod, "spec": {"containers": [container]}})
    assert lab.service("web").endpoints == (f"{lab.pod('late').ip}:80",)


def test_a_headless_service_leads_nowhere_and_needs_no_warning(lab):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lab.apply(SERVICE.replace("selector", "clusterIP: None\n  selector"))
    assert lab.service("web").ip is None


def test_addresses_come_from_the_clusters_service_range():
    lab = Cluster(GKE(service_range="10.36.0.0/20"), nodes=1)
    lab.apply(SERVICE)
    assert str(lab.service("web").ip).startswith("10.36.")


def test_a_policy_that_nobody_would_enforce_is_refused():
    lab = Cluster(GKE(), nodes=2)
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {}}
    with pytest.raises(NotModelled, match=r"kind NetworkPolicy of networking\.k8s\.io/v1"):
        lab.apply(policy)
    lab.api.renders.add("NetworkPolicy")
    assert lab.apply(policy) == ["networkpolicy.networking.k8s.io/p created"]


def test_nothing_is_applied_when_one_document_is_bad(lab):
    pod = {**POD, "spec": {"containers": CONTAINERS}}
    bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 0}]}}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    with pytest.raises(ManifestError, match=r"spec\.ports\[0\]\.port: Invalid value: 0: must be between 1 and 65535"):
        lab.apply([pod, space, bad])
    assert lab.pods == ()
    assert lab.api.store.get("Namespace", "shop") is None


def test_what_was_run_by_hand_is_in_the_store(lab):
    pod = lab.run("pod1", labels={"app": "web"}, namespace="shop")
    stored = lab.api.store.need("Pod", "pod1", "shop")
    assert stored.object.status.pod_ip == str(pod.ip)
    assert stored.object.spec.node_name == "node1"
    other = lab.run("pod2")
    assert lab.api.store.need("Pod", "pod2", "default").object.status.ready
    other.delete()
    assert lab.api.store.get("Pod", "pod2", "default") is None
    pod.labels = {"app": "x"}
    assert dict(lab.api.store.need("Pod", "pod1", "shop").labels) == {"app": "x"}
    lab.api.store.delete("Pod", "pod1", "shop")
    lab.api.settle()
    assert lab.pods == ()


def test_a_daemon_set_follows_the_nodes(lab):
    lab.apply(DEPLOYMENT.replace("Deployment", "DaemonSet").replace("  replicas: 2\n", ""))
    assert [pod.node.name for pod in lab.pods] == ["node1", "node2"]
    lab.add_node("node3")
    assert [pod.node.name for pod in lab.pods] == ["node1", "node2", "node3"]
    assert lab.pods[2].ping(lab.pods[0]).received == 1


def test_a_stateful_set_has_numbers(lab):
    lab.apply(DEPLOYMENT.replace("Deployment", "StatefulSet"))
    assert names(lab) == ["default/web-0", "default/web-1"]
    assert lab.pod("web-0").ping(lab.pod("web-1")).received == 1


def test_node_selectors_and_labels_of_nodes(lab):
    lab.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node2", "labels": {"disk": "ssd"}}})
    assert lab.node("node2").labels["disk"] == "ssd"
    assert lab.apply({**POD, "spec": {"containers": CONTAINERS, "nodeSelector": {"disk": "ssd"}}}) == [
        "pod/by-hand created"
    ]
    assert lab.pod("by-hand").node.name == "node2"
    lab.apply(
        {**POD, "metadata": {"name": "nowhere"}, "spec": {"containers": CONTAINERS, "nodeSelector": {"disk": "x"}}}
    )
    assert names(lab) == ["default/by-hand"]
    assert lab.api.store.need("Pod", "nowhere", "default").object.status.phase == "Pending"
    assert lab.delete({**POD, "metadata": {"name": "nowhere"}}) == ['pod "nowhere" deleted']
    with pytest.raises(NotModelled, match=r"a Node without a machine: add_node\('node9'\) makes one"):
        lab.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node9"}})


def test_a_host_network_pod_is_on_its_node(lab):
    lab.apply({**POD, "spec": {"containers": CONTAINERS, "hostNetwork": True, "nodeName": "node2"}})
    pod = lab.pod("default/by-hand")
    assert pod.ip == lab.node("node2").ip
    other = lab.run("pod1", node="node1")
    assert pod.ping(other).received == 1
    assert pod.exec("hostname").stdout == "node2\n"
    with pytest.raises(ConfigError, match="it shares the network of node2"):
        _ = pod.interface
    pod.delete()
    assert names(lab) == ["default/pod1"]
    assert lab.node("node2").ping(other).received == 1


def test_a_workload_without_a_pods_ports_is_refused_before_anything(lab):
    bad = DEPLOYMENT.replace("image: nginx", "image: nginx, readinessProbe: {grpc: {port: 80}}")
    with pytest.raises(NotModelled, match=r"spec\.template\.spec\.containers\[0\]\.readinessProbe\.grpc of a Pod"):
        lab.apply(bad)
    assert lab.pods == ()


def test_a_pod_without_an_address_waits():
    lab = Cluster(GKE(), nodes=0)
    lab.add_node("node1", pod_cidr="10.32.0.0/29")
    lab.apply(DEPLOYMENT.replace("replicas: 2", "replicas: 6"))
    waiting = [each for each in lab.api.store.all("Pod") if each.document["status"]["phase"] == "Pending"]
    assert len(lab.pods) + len(waiting) == 6
    assert waiting
    state = waiting[0].document["status"]["containerStatuses"][0]["state"]["waiting"]
    assert state == {"reason": "ContainerCreating"}
    before = len(waiting)
    lab.apply(DEPLOYMENT.replace("replicas: 2", "replicas: 5"))
    waiting = [each for each in lab.api.store.all("Pod") if each.document["status"]["phase"] == "Pending"]
    assert len(waiting) == before - 1, "who waits goes first"


def test_a_namespace_takes_its_pods_along(lab):
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    lab.apply([space, {**POD, "metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": CONTAINERS}}])
    lab.apply(DEPLOYMENT.replace("{name: web}", "{name: web, namespace: shop}"))
    lab.run("stays")
    assert len(lab.pods) == 4
    assert lab.delete(space) == ['namespace "shop" deleted']
    assert names(lab) == ["default/stays"]
    assert lab.api.store.get("Namespace", "shop") is None


def test_a_lab_file_holds_workloads(tmp_path):
    head = """\
apiVersion: podwire.dev/v1alpha1
kind: Lab
metadata: {name: small}
spec:
  networks: {lan: {cidr: 192.168.10.0/24}}
  nodes:
    w1: {address: 192.168.10.101/24, gateway: 192.168.10.1}
    w2: {address: 192.168.10.102/24, gateway: 192.168.10.1}
  cni: {calico: {}}
"""
    path = tmp_path / "lab.yaml"
    path.write_text(f"{head}---\n{DEPLOYMENT}", encoding="utf-8")
    first, second = labs.load(path).pods
    assert first.ping(second).received == 1
    path.write_text(f"{head}---\n{DEPLOYMENT.replace('replicas: 2', 'replicas: -2')}", encoding="utf-8")
    with pytest.raises(
        ManifestError, match=r"lab\.yaml:15: The Deployment \"web\" is invalid: spec\.replicas: Invalid value: -2"
    ):
        labs.load(path)


def test_deleting_what_is_not_there_deletes_nothing(lab):
    lab.apply(DEPLOYMENT)
    with pytest.raises(PodwireError, match=r'Error from server \(NotFound\): services "web" not found'):
        lab.delete(f"{DEPLOYMENT}---\n{SERVICE}")
    assert len(lab.pods) == 2
