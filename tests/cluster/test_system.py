"""What a cluster has before anybody applies anything, and what its nodes say of themselves."""

import re

import pytest

from podwire import GKE, Calico, Cilium, Cluster, NotModelled
from podwire.fabric.firewall import FirewallRule
from podwire.wire.addr import Net

LOCAL = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {
        "type": "LoadBalancer",
        "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 32000,
        "selector": {"app": "web"},
        "ports": [{"port": 80}],
    },
}
FLAGS = (
    "kube-proxy --cluster-cidr=10.32.0.0/14 --oom-score-adj=-998 --v=2 --feature-gates=InTreePluginAWSUnregister=true,"
    "InTreePluginAzureDiskUnregister=true,InTreePluginvSphereUnregister=true,DisableKubeletCloudCredentialProviders=true,"
    "UnauthenticatedHTTP2DOSMitigation=true,KMSv1=true --iptables-sync-period=1m --iptables-min-sync-period=10s"
    " --ipvs-sync-period=1m --ipvs-min-sync-period=10s --detect-local-mode=NodeCIDR 1>>/var/log/kube-proxy.log 2>&1"
)


def document(lab, kind, name, namespace=""):
    return lab.api.store.need(kind, name, namespace).document


def node_status(lab, name="node1"):
    return document(lab, "Node", name)["status"]


# -- nodes -----------------------------------------------------------------------------------------------------------


def test_a_gke_node_says_what_the_seed_prints():
    """C06: ``k get no -owide``."""
    lab = Cluster(GKE())
    lab.add_vpc("vpc", "10.0.0.0/24")
    lab.add_node("node1", network="vpc", external_ip="34.47.122.177")
    found = node_status(lab)
    info = found["nodeInfo"]
    assert [(each["type"], each["address"]) for each in found["addresses"]] == [
        ("InternalIP", "10.0.0.2"),
        ("ExternalIP", "34.47.122.177"),
        ("Hostname", "node1"),
    ]
    assert info["kubeletVersion"] == info["kubeProxyVersion"] == "v1.30.5-gke.1355000"
    assert info["osImage"] == "Container-Optimized OS from Google"
    assert info["kernelVersion"] == "6.1.100+"
    assert info["containerRuntimeVersion"] == "containerd://1.7.22"
    assert document(lab, "Node", "node1")["spec"]["providerID"] == "gce://project_id/us-central1-a/node1"


def test_the_version_of_a_gke_cluster_is_a_setting():
    lab = Cluster(GKE(cluster_version="1.31.1-gke.2000000"), nodes=1)
    assert node_status(lab)["nodeInfo"]["kubeletVersion"] == "v1.31.1-gke.2000000"


@pytest.mark.parametrize(
    ("image", "os", "kernel"),
    [
        ("debian-12", "Debian GNU/Linux 12 (bookworm)", "6.1.0-26-amd64"),
        ("ubuntu-22.04", "Ubuntu 22.04.5 LTS", "5.15.0-124-generic"),
    ],
)
def test_the_image_of_a_node_shows(image, os, kernel):
    lab = Cluster(Calico())
    lab.add_node("node1", image=image)
    info = node_status(lab)["nodeInfo"]
    assert (info["osImage"], info["kernelVersion"], info["kubeletVersion"]) == (os, kernel, "v1.30.5")
    assert re.fullmatch(r"[0-9a-f]{32}", info["machineID"])


@pytest.mark.parametrize(
    ("cni", "network"), [(Calico(), "CalicoIsUp"), (Cilium(), "CiliumIsUp"), (GKE(), "RouteCreated")], ids=str
)
def test_conditions_and_sizes(cni, network):
    found = node_status(Cluster(cni, nodes=1))
    assert [(each["type"], each["status"], each["reason"]) for each in found["conditions"]] == [
        ("NetworkUnavailable", "False", network),
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
        ("Ready", "True", "KubeletReady"),
    ]
    assert (found["capacity"]["pods"], found["allocatable"]["pods"]) == ("110", "110")


def test_a_control_plane_keeps_pods_off():
    lab = Cluster(Calico())
    lab.add_node("cp", labels={"node-role.kubernetes.io/control-plane": ""})
    lab.add_node("w1")
    assert document(lab, "Node", "cp")["spec"]["taints"] == [
        {"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"}
    ]
    spec = {"nodeSelector": {"kubernetes.io/os": "linux"}, "containers": [{"name": "c", "image": "nginx"}]}
    for name in ("a", "b"):
        lab.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    assert {pod.node.name for pod in lab.pods} == {"w1"}
    agents = [each.document["spec"]["nodeName"] for each in lab.api.store.all("Pod", "kube-system")]
    assert agents == ["cp", "w1"], "kube-proxy runs everywhere"


def test_a_node_that_is_cordoned_bears_the_taint_until_it_is_not():
    lab = Cluster(Calico(), nodes=1)
    lab.api.store.patch("Node", "node1", "", {"spec": {"unschedulable": True}})
    lab.api.settle()
    assert [(each["key"], each["effect"]) for each in document(lab, "Node", "node1")["spec"]["taints"]] == [
        ("node.kubernetes.io/unschedulable", "NoSchedule")
    ]
    lab.api.store.patch("Node", "node1", "", {"spec": {"unschedulable": None}})
    lab.api.settle()
    assert "taints" not in document(lab, "Node", "node1")["spec"]


# -- objects ---------------------------------------------------------------------------------------------------------


def test_the_api_server_has_a_service():
    lab = Cluster(Calico(), nodes=1)
    service = document(lab, "Service", "kubernetes", "default")
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    assert service["spec"]["ports"] == [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]
    assert service["metadata"]["labels"] == {"component": "apiserver", "provider": "kubernetes"}
    assert lab.service("kubernetes").endpoints == ()
    lab.add_node("cp", labels={"node-role.kubernetes.io/control-plane": ""})
    assert lab.service("kubernetes").endpoints == (f"{lab.node('cp').ip}:6443",)
    assert document(lab, "Endpoints", "kubernetes", "default")["subsets"][0]["addresses"] == [
        {"ip": str(lab.node("cp").ip)}
    ]


def test_a_control_plane_elsewhere_is_the_endpoint():
    """Seed 000: https://34.47.90.255."""
    lab = Cluster(GKE(), nodes=1)
    lab.control_plane = "https://34.47.90.255"
    assert lab.service("kubernetes").endpoints == ("34.47.90.255:443",)
    assert str(lab.service("kubernetes").ip) == "10.36.0.1"


def test_it_comes_back_when_it_is_deleted():
    lab = Cluster(Calico(), nodes=1)
    lab.delete({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes"}})
    assert str(lab.service("kubernetes").ip) == "10.96.0.1"


def test_kube_proxy_renders_it_with_the_first_service_of_a_user():
    lab = Cluster(Calico())
    lab.add_node("cp", labels={"node-role.kubernetes.io/control-plane": ""})
    assert lab.service("kubernetes").endpoints
    assert "KUBE-" not in lab.node("cp").exec("iptables-save").stdout
    lab.apply({**LOCAL, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})
    assert "--comment default/kubernetes:https" in lab.node("cp").exec("iptables-save -t nat").stdout.replace('"', "")


def test_every_namespace_has_an_account_and_the_root_certificate():
    lab = Cluster(Calico(), nodes=1)
    lab.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    spaces = [each.name for each in lab.api.store.all("Namespace")]
    assert [each.namespace for each in lab.api.store.all("ServiceAccount") if each.name == "default"] == spaces
    assert len({each.document["data"]["ca.crt"] for each in lab.api.store.all("ConfigMap")}) == 1
    assert [each.namespace for each in lab.api.store.all("ConfigMap")] == spaces


def test_kube_proxys_command_line_is_that_of_the_seed():
    """C10: ``kubectl -n kube-system get daemonset kube-proxy -o yaml``."""
    lab = Cluster(GKE(), nodes=2)
    template = document(lab, "DaemonSet", "kube-proxy", "kube-system")["spec"]["template"]["spec"]
    assert template["containers"][0]["command"] == ["/bin/sh", "-c", FLAGS]
    pods = lab.api.store.all("Pod", "kube-system")
    assert [each.document["status"]["podIP"] for each in pods] == [str(node.ip) for node in lab.nodes]
    assert all(each.object.status.ready for each in pods)
    assert lab.pods == ()
    lab.sleep(60)
    assert lab.api.store.all("Pod", "kube-system") == pods, "nobody makes them anew"


def test_kube_proxy_is_not_there_where_the_cni_does_its_work():
    lab = Cluster(Cilium(kube_proxy_replacement=True), nodes=1)
    assert lab.api.store.all("DaemonSet") == ()


def test_a_cluster_without_its_kube_proxy_is_not_modelled():
    lab = Cluster(Calico(), nodes=1)
    reference = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
    }
    lab.api.settle()
    with pytest.raises(NotModelled, match="kube-proxy is deleted"):
        lab.delete(reference)


def test_pods_have_the_token_of_their_account():
    lab = Cluster(Calico(), nodes=1)
    lab.run("a")
    spec = document(lab, "Pod", "a", "default")["spec"]
    name = spec["volumes"][0]["name"]
    assert re.fullmatch("kube-api-access-[bcdfghjklmnpqrstvwxz2-9]{5}", name)
    assert spec["containers"][0]["volumeMounts"] == [
        {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": name, "readOnly": True}
    ]
    assert [next(iter(each)) for each in spec["volumes"][0]["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    without = {"automountServiceAccountToken": False, "hostNetwork": True, "containers": [{"name": "c", "image": "x"}]}
    lab.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}, "spec": without})
    assert "volumes" not in document(lab, "Pod", "b", "default")["spec"]


def test_the_status_of_a_pod_is_whole():
    lab = Cluster(Calico(), nodes=1)
    pod = lab.run("a", image="nginx")
    found = document(lab, "Pod", "a", "default")["status"]
    container = found["containerStatuses"][0]
    assert re.fullmatch(r"containerd://[0-9a-f]{64}", container["containerID"])
    assert container["image"] == "docker.io/library/nginx:latest"
    assert container["imageID"].startswith("docker.io/library/nginx@sha256:")
    assert (found["phase"], found["qosClass"], found["podIPs"]) == ("Running", "BestEffort", [{"ip": str(pod.ip)}])
    assert [each["type"] for each in found["conditions"]] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]


# -- kube-proxy's servers --------------------------------------------------------------------------------------------


@pytest.fixture
def served():
    lab = Cluster(Calico(), nodes=2)
    lab.run("web", node="node1", labels={"app": "web"}, image="nginx")
    lab.apply(LOCAL)
    return lab


def test_a_health_check_node_port_says_where_the_endpoints_are(served):
    """Sheet kube-proxy, 1.11."""
    here, there = (served.node("node2").curl(f"http://{name}:32000/any") for name in ("node1", "node2"))
    assert (here.status, there.status) == (200, 503)
    assert here.body == (
        '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 1,\n'
        '\t"serviceProxyHealthy": true\n}'
    )
    assert [name for name, _ in here.headers] == ["Content-Type", "X-Content-Type-Options", "Date", "Content-Length"]
    served.pod("web").delete()
    assert served.node("node2").curl("http://node1:32000/").status == 503
    served.delete(LOCAL)
    assert served.node("node2").curl("http://node1:32000/").exit_code == 7


def test_kube_proxy_says_how_it_is(served):
    node = served.node("node1")
    assert node.curl("http://node2:10256/healthz").status == 200
    assert node.curl("http://node2:10256/livez").body.endswith('"}')
    assert node.curl("http://node2:10256/x").body == "404 page not found\n"
    assert node.curl("http://127.0.0.1:10249/proxyMode").body == "iptables"
    assert node.curl("http://node2:10249/proxyMode").exit_code == 7, "it listens on 127.0.0.1 alone"
    assert node.curl("http://127.0.0.1:10249/metrics").status == 501


def test_a_node_that_is_about_to_go_is_not_eligible(served):
    taint = {"key": "ToBeDeletedByClusterAutoscaler", "value": "1", "effect": "NoSchedule"}
    served.api.store.patch("Node", "node2", "", {"spec": {"taints": [taint]}})
    found = served.node("node1").curl("http://node2:10256/healthz")
    assert found.status == 503
    assert found.body.endswith('"nodeEligible": false}')
    assert served.node("node1").curl("http://node2:10256/livez").status == 200


def test_a_firewall_reaches_the_health_check(served):
    served.node("node1").exec("iptables -I INPUT -p tcp --dport 32000 -j REJECT")
    assert served.node("node2").curl("http://node1:32000/").exit_code == 7


def test_clouds_ask_from_outside():
    rule = FirewallRule("checks", (Net.parse("0.0.0.0/0"),), ("tcp",), ((32000, 32000),))
    lab = Cluster(GKE())
    lab.add_vpc("vpc", "10.0.0.0/24", firewall=[rule])
    lab.add_node("node1", network="vpc", external_ip="34.47.122.177")
    lab.add_host("client", "121.167.232.64")
    lab.run("web", labels={"app": "web"}, image="nginx")
    lab.apply(LOCAL)
    assert lab.host("client").curl("http://34.47.122.177:32000/").status == 200
