"""What stands in the maps (reference sheet Cilium, 5.4, 4.6, 7.3), and identities (section 6)."""

from random import Random

import pytest

from podwire.cni.cilium.identity import Identities, Reserved, reserved_labels, security_labels
from podwire.cni.cilium.programs.observe import TraceObservationPoint
from podwire.errors import PodwireError
from tests.cni.cilium.walks import BPF, NATIVE, cilium, make


def rows(lab, node: str, name: str = "cilium_ipcache_v2") -> dict[str, str]:
    return {str(prefix): str(value) for prefix, value in lab.node(node).machine.bpf_maps[name].items()}


def build(**values):
    lab = make(nodes=2, **values)
    lab.add_node("late", "192.168.10.109/24", network="lan", labels={"node-role.kubernetes.io/control-plane": ""})
    lab.run("a", node="node1", labels={"app": "a"})
    lab.run("b", node="node2", labels={"app": "b"})
    lab.settle()
    return lab


@pytest.mark.parametrize("mode", [{**NATIVE, **BPF}, BPF])
def test_5_4_every_row_of_one_node(mode):
    lab = build(**mode)
    a, b = lab.pod("a"), lab.pod("b")
    identity = {pod.name: cilium(lab).identity_of(pod.spec, pod.node.spec) for pod in (a, b)}
    router = {node.name: cilium(lab).state(node.name).router for node in lab.nodes}
    none = "tunnelendpoint=0.0.0.0 flags=<none>"
    assert rows(lab, "node1") == {
        "0.0.0.0/0": f"identity=2 encryptkey=0 {none}",
        "192.168.10.101/32": f"identity=1 encryptkey=0 {none}",
        "10.9.0.101/32": f"identity=1 encryptkey=0 {none}",
        f"{router['node1']}/32": f"identity=1 encryptkey=0 {none}",
        "192.168.10.102/32": f"identity=6 encryptkey=0 {none}",
        "192.168.10.109/32": f"identity=7 encryptkey=0 {none}",
        f"{router['node2']}/32": "identity=6 encryptkey=0 tunnelendpoint=192.168.10.102 flags=hastunnel",
        f"{router['late']}/32": "identity=6 encryptkey=0 tunnelendpoint=192.168.10.109 flags=hastunnel",
        "172.20.1.0/24": "identity=2 encryptkey=0 tunnelendpoint=192.168.10.102 flags=hastunnel",
        "172.20.2.0/24": "identity=2 encryptkey=0 tunnelendpoint=192.168.10.109 flags=hastunnel",
        f"{a.ip}/32": f"identity={identity['default/a']} encryptkey=0 {none}",
        f"{b.ip}/32": f"identity={identity['default/b']} encryptkey=0 tunnelendpoint=192.168.10.102 flags=hastunnel",
    }


def test_5_4_before_1_18_the_fallback_is_a_map_of_its_own():
    lab = build(version="1.17.5", **BPF)
    assert "cilium_ipcache_v2" not in lab.node("node1").machine.bpf_maps
    assert not any(prefix.endswith("/24") for prefix in rows(lab, "node1", "cilium_ipcache"))
    tunnels = lab.node("node1").machine.bpf_maps["cilium_tunnel_map"]
    assert {str(key): str(value) for key, value in tunnels.items()} == {
        "172.20.1.0": "192.168.10.102",
        "172.20.2.0": "192.168.10.109",
    }
    lab.upgrade(version="1.18.0")
    assert "cilium_tunnel_map" not in lab.node("node1").machine.bpf_maps
    assert "cilium_ipcache" not in lab.node("node1").machine.bpf_maps


@pytest.mark.parametrize("version", ["1.16.4", "1.18.0"])
def test_5_4_a_packet_to_an_unknown_address_of_a_remote_range_is_encapsulated_all_the_same(version):
    lab = build(version=version, **BPF)
    trace = lab.pod("a").ping("172.20.1.77").trace
    assert "node1:cilium_vxlan" in trace.path
    assert trace.reason.code == 151


def test_4_6_the_endpoint_map_holds_pods_and_every_address_of_the_host():
    lab = build(**BPF)
    table = lab.node("node1").machine.bpf_maps["cilium_lxc"]
    hosts = {str(ip) for ip, info in table.items() if info.is_host}
    assert hosts == {"192.168.10.101", "10.9.0.101", str(cilium(lab).state("node1").router)}
    a = lab.pod("a")
    info = table.lookup(a.ip)
    link = lab.node("node1").place.netns.link(a.interface)
    assert (info.ifindex, info.node_mac, info.mac) == (link.ifindex, link.mac, link.peer.mac)
    assert info.sec_id == cilium(lab).identity_of(a.spec, a.node.spec)
    assert str(table.lookup(cilium(lab).state("node1").router)) == "(localhost)"
    assert str(info).startswith(f"id={info.lxc_id:<5} sec_id={info.sec_id:<5} flags=0x0000 ifindex={info.ifindex}")


def test_7_3_without_policies_anybody_may():
    lab = build(**BPF)
    a = lab.pod("a")
    number = cilium(lab).state("node1").endpoints[a.spec.container].id
    table = lab.node("node1").machine.bpf_maps[f"cilium_policy_v2_{number:05}"]
    assert {(key.identity, key.direction, key.plen, value.deny) for key, value in table.items()} == {
        (0, 0, 0, False),
        (0, 1, 0, False),
    }


def test_an_address_that_a_device_gets_later_is_the_hosts_after_the_next_look():
    lab = build(**BPF)
    lab.node("node1").exec("ip addr add 192.168.10.77/24 dev eth1")
    lab.agent("node1", "cilium-agent").sync()
    assert rows(lab, "node1")["192.168.10.77/32"].startswith("identity=1 ")


# -- section 6 -------------------------------------------------------------------------------------------------------


def test_6_1_reserved_identities():
    assert [identity.label for identity in Reserved][:9] == [
        "reserved:unknown",
        "reserved:host",
        "reserved:world",
        "reserved:unmanaged",
        "reserved:health",
        "reserved:init",
        "reserved:remote-node",
        "reserved:kube-apiserver",
        "reserved:ingress",
    ]
    assert reserved_labels(7) == ("reserved:kube-apiserver", "reserved:remote-node")


def test_6_2_the_labels_that_count():
    assert security_labels("default", {"app": "curl", "pod-template-hash": "abc", "app.kubernetes.io/name": "x"}) == (
        "k8s:app.kubernetes.io/name=x",
        "k8s:app=curl",
        "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=default",
        "k8s:io.cilium.k8s.policy.cluster=default",
        "k8s:io.cilium.k8s.policy.serviceaccount=default",
        "k8s:io.kubernetes.pod.namespace=default",
    )


@pytest.mark.parametrize(
    "name",
    [
        "io.kubernetes.container",
        "kubernetes.io/x",
        "node.beta.kubernetes.io/y",
        "k8s.io/z",
        "pod-template-generation",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-completion-index",
        "annotation.x",
        "etcd_node",
    ],
)
def test_6_2_ignored_labels(name):
    assert security_labels("default", {name: "1"}) == security_labels("default", {})


def test_6_2_replicas_share_an_identity_and_a_changed_label_changes_it():
    lab = make(**BPF)
    first = lab.run("web-1", node="node1", labels={"app": "web", "pod-template-hash": "1"})
    second = lab.run("web-2", node="node2", labels={"app": "web", "pod-template-hash": "2"})
    other = lab.run("curl", node="node1", labels={"app": "curl"})
    numbers = [cilium(lab).identity_of(pod.spec, pod.node.spec) for pod in (first, second, other)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert all(256 <= number <= 65535 for number in numbers)
    second.labels = {"app": "curl"}
    lab.settle()
    assert rows(lab, "node1")[f"{second.ip}/32"].startswith(f"identity={numbers[2]} ")


def test_6_3_numbers_are_drawn_among_those_that_are_free():
    class Last(Random):
        def randrange(self, start, stop=None, step=1):
            return start - 1

    class First(Random):
        def randrange(self, start, stop=None, step=1):
            return 0

    identities = Identities()
    assert identities.allocate(("a",), First()) == 256
    assert identities.allocate(("b",), First()) == 257
    assert identities.allocate(("c",), Last()) == 65535
    assert identities.allocate(("d",), Last()) == 65534
    assert identities.allocate(("a",), Last()) == 256
    assert identities.labels(257) == ("b",)
    assert identities.labels(6) == ("reserved:remote-node",)


def test_6_3_the_pool_can_be_exhausted():
    class First(Random):
        def randrange(self, start, stop=None, step=1):
            return start - 1

    identities = Identities()
    identities._labels = dict.fromkeys(range(256, 65536), ())
    with pytest.raises(PodwireError, match="no more available IDs"):
        identities.allocate(("x",), First())


def test_7_6_numbers_of_the_observation_points():
    wanted = {
        "TO_ENDPOINT": 0,
        "TO_HOST": 2,
        "TO_STACK": 3,
        "TO_OVERLAY": 4,
        "FROM_ENDPOINT": 5,
        "FROM_HOST": 7,
        "FROM_OVERLAY": 9,
    }
    wanted |= {"FROM_NETWORK": 10, "TO_NETWORK": 11, "TO_CRYPTO": 13}
    assert {name: TraceObservationPoint[name].number for name in wanted} == wanted
