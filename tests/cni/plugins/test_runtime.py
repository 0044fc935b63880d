"""The conflist of a node: which file the runtime takes, what it says of bad ones, what a chain passes on, own configurations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podwire import GKE, Calico, Cilium, Cluster, ConfigError, IPPool, NotModelled, Plugins, PodwireError
from podwire.cni.plugins.conflist import NetworkNotReady
from podwire.cni.plugins.masquerade import chain_name
from podwire.cni.plugins.runtime import words
from podwire.cni.ptp.config import CONFLIST
from podwire.ipam.host_local import IpamError
from podwire.lab import load

BRIDGE: dict[str, Any] = {
    "name": "net",
    "cniVersion": "1.0.0",
    "plugins": [
        {
            "type": "bridge",
            "isDefaultGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "subnet": "{{.PodCIDR}}"},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


BAD_SNAT = "failed to parse network configuration: json: cannot unmarshal string into Go struct field PortMapConf.snat of type bool"


def pod(name: str, *ports: dict[str, Any], node: str | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "nginx", "ports": list(ports)}]}
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def write(lab: Cluster, path: str, text: str, node: str = "node1") -> None:
    assert lab.node(node).exec(["tee", path], stdin=text).exit_code == 0


def not_ready(lab: Cluster) -> str:
    with pytest.raises(NetworkNotReady) as error:
        lab.run("a", node="node1")
    assert str(error.value).startswith(
        "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
        "message:Network plugin returns error: cni plugin not initialized (cni config load failed: "
    )
    assert lab.node("node1").exec("ip netns list").stdout == ""
    return error.value.why.removeprefix("cni config load failed: ").removesuffix(": failed to load cni config")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("{'a': 1}", r"invalid character '\'' looking for beginning of object key string"),
        ('{"a": 1,}', "invalid character '}' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a": 1 "b": 2}', "invalid character '\"' after object key:value pair"),
        ('{"a": [1 2]}', "invalid character '2' after array element"),
        ('{"a": ["}", {"x": "{"} 2]}', "invalid character '2' after array element"),
        ('{"a": x}', "invalid character 'x' looking for beginning of value"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("{}", "no name"),
        ('{"name": 1}', "invalid name type float64"),
        ('{"name": "n"}', "no 'plugins' key"),
        ('{"name": "n", "plugins": {}}', "invalid 'plugins' type map[string]interface {}"),
        ('{"name": "n", "plugins": []}', "no plugins in list"),
    ],
)
def test_a_bad_conflist_leaves_the_node_without_network(text: str, why: str) -> None:
    lab = Cluster(GKE(), nodes=1)
    lab.node("node1").place.files[CONFLIST] = text
    assert not_ready(lab) == (
        f"failed to load CNI config list file {CONFLIST}: error parsing configuration list: {why}: invalid cni config"
    )


def test_a_plugin_without_a_type_and_a_single_configuration_without_one() -> None:
    lab = Cluster(GKE(), nodes=1)
    write(lab, CONFLIST, '{"name": "n", "plugins": [{"type": "ptp"}, {}]}')
    assert "failed to parse plugin config 1: error parsing configuration: missing 'type'" in not_ready(lab)
    write(lab, "/etc/cni/net.d/00-x.conf", "{}")
    assert not_ready(lab) == (
        "failed to load CNI config file /etc/cni/net.d/00-x.conf: error parsing configuration: missing 'type': invalid cni config"
    )


def test_no_file_at_all_and_files_of_other_names() -> None:
    lab = Cluster(GKE(), nodes=1)
    assert lab.node("node1").exec(f"mv {CONFLIST} {CONFLIST}.bak").exit_code == 0
    assert not_ready(lab) == "no network config found in /etc/cni/net.d: cni plugin not initialized"
    lab.node("node1").exec(f"mv {CONFLIST}.bak {CONFLIST}")
    assert lab.run("a", node="node1").ip


def test_the_first_file_by_name_counts_whatever_its_ending() -> None:
    lab = Cluster(GKE(), nodes=1)
    single = {
        "name": "one",
        "cniVersion": "1.0.0",
        "type": "ptp",
        "ipam": {"type": "host-local", "subnet": "10.77.0.0/24"},
    }
    write(lab, "/etc/cni/net.d/00-a.json", json.dumps(single))
    assert str(lab.run("a", node="node1").ip) == "10.77.0.2"
    assert lab.node("node1").exec("ls /var/lib/cni/networks").stdout == "one\n"
    assert lab.node("node1").exec("cat /var/lib/cni/networks/one/last_reserved_ip.0").stdout == "10.77.0.2"


def test_an_edited_mtu_counts_for_pods_that_start_later() -> None:
    lab = Cluster(GKE(), nodes=1)
    lab.run("a", node="node1")
    assert lab.node("node1").exec(f'sed -i s/"mtu": 1460/"mtu": 1400/ {CONFLIST}').exit_code == 1  # split at blanks
    assert lab.node("node1").exec(["sed", "-i", 's/"mtu": 1460/"mtu": 1400/', CONFLIST]).exit_code == 0
    lab.run("b", node="node1")
    assert " mtu 1460 " in lab.pod("a").exec("ip link show eth0").stdout
    assert " mtu 1400 " in lab.pod("b").exec("ip link show eth0").stdout


def test_del_runs_the_chain_that_add_ran() -> None:
    lab = Cluster(GKE(), nodes=1)
    first = lab.run("a", node="node1")
    write(lab, CONFLIST, json.dumps({"name": "other", "cniVersion": "1.0.0", "plugins": [{"type": "nosuch"}]}))
    first.delete()
    assert lab.node("node1").exec("ip -br link show type veth").stdout == ""
    assert lab.node("node1").exec("ls /var/lib/cni/networks/k8s-pod-network").stdout == "last_reserved_ip.0\nlock\n"


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        ({"type": "nosuch"}, 'plugin type="nosuch" failed (add): failed to find plugin "nosuch" in path [/home/kubernetes/bin]'),
        ({"type": "ptp"}, 'plugin type="ptp" failed (add): no plugin name provided'),
        (
            {"type": "portmap", "snat": "x"},
            f'plugin type="portmap" failed (add): failed to parse config: {BAD_SNAT}',
        ),
    ],
)  # fmt: skip
def test_what_containerd_says_of_a_plugin_that_failed(plugin: dict[str, Any], text: str) -> None:
    lab = Cluster(GKE(), nodes=1)
    write(lab, CONFLIST, json.dumps({"name": "n", "cniVersion": "1.0.0", "plugins": [plugin]}))
    with pytest.raises(PodwireError) as error:
        lab.run("a", node="node1")
    said = words(error.value)
    assert said.startswith('failed to setup network for sandbox "')
    assert said.endswith(f'": {text}')
    assert lab.node("node1").exec("ip netns list").stdout == ""


@pytest.mark.parametrize("kind", ["firewall", "tuning", "macvlan", "dhcp"])
def test_plugins_that_podwire_lacks_are_named(kind: str) -> None:
    lab = Cluster(GKE(), nodes=1)
    write(lab, CONFLIST, json.dumps({"name": "n", "cniVersion": "1.0.0", "plugins": [{"type": kind}]}))
    with pytest.raises(NotModelled, match=kind):
        lab.run("a", node="node1")


def test_limits_of_bandwidth_and_vlans_of_bridge_are_not_modelled() -> None:
    ipam = {"type": "host-local", "subnet": "10.1.0.0/24"}
    for plugins, named in (
        (
            [{"type": "ptp", "ipam": ipam}, {"type": "bandwidth", "ingressRate": 1000}],
            "ingressRate of the CNI plugin bandwidth",
        ),
        ([{"type": "bridge", "vlan": 5, "ipam": ipam}], "vlan of the CNI plugin bridge"),
        ([{"type": "ptp", "ipam": {"type": "dhcp"}}], "the IPAM plugin dhcp"),
    ):
        lab = Cluster(Plugins(conflist={"name": "n", "cniVersion": "1.0.0", "plugins": plugins}), nodes=1)
        with pytest.raises(NotModelled, match=named):
            lab.run("a")
    lab = Cluster(
        Plugins(conflist={"name": "n", "plugins": [{"type": "ptp", "ipam": ipam}, {"type": "bandwidth"}]}), nodes=1
    )
    assert lab.run("a").ip


def test_the_address_goes_back_where_a_later_plugin_fails() -> None:
    lab = Cluster(GKE(), nodes=1)
    conflist = {
        "name": "n",
        "cniVersion": "1.0.0",
        "plugins": [
            {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.1.0.0/24"}},
            {"type": "portmap", "markMasqBit": 99},
        ],
    }
    write(lab, CONFLIST, json.dumps(conflist))
    with pytest.raises(PodwireError, match="MasqMarkBit"):
        lab.run("a", node="node1")
    # portmap's DEL refuses its configuration too, so libcni stops there: what ptp took stays taken, as in a real cluster.
    assert "10.1.0.2" in lab.node("node1").exec("ls /var/lib/cni/networks/n").stdout
    assert lab.node("node1").exec("ip -br link show type veth").stdout == ""


def test_a_file_of_host_local_that_somebody_removed_frees_the_address() -> None:
    lab = Cluster(
        Plugins(
            conflist={
                **BRIDGE,
                "plugins": [{"type": "bridge", "ipam": {"type": "host-local", "subnet": "10.1.0.0/30"}}],
            }
        ),
        nodes=1,
    )
    lab.run("a")
    with pytest.raises(IpamError, match=r"no IP addresses available in range set: 10\.1\.0\.1-10\.1\.0\.2$"):
        lab.run("b")
    assert lab.node("node1").exec("rm /var/lib/cni/networks/net/10.1.0.2").exit_code == 0
    assert str(lab.run("b").ip) == "10.1.0.2"


def test_backends_write_their_conflists_and_are_plugins_of_their_own() -> None:
    for cni, path, types in (
        (
            Calico(ip_pools=[IPPool("10.244.0.0/16")]),
            "/etc/cni/net.d/10-calico.conflist",
            ["calico", "portmap", "bandwidth"],
        ),
        (GKE(dataplane="calico"), "/etc/cni/net.d/10-calico.conflist", ["calico", "portmap", "bandwidth"]),
        (Cilium(), "/etc/cni/net.d/05-cilium.conflist", ["cilium-cni"]),
    ):
        lab = Cluster(cni, nodes=1)
        document = json.loads(lab.node("node1").exec(f"cat {path}").stdout)
        assert [each["type"] for each in document["plugins"]] == types
        lab.run("a")
        document["plugins"][0]["mtu"] = 1234
        write(lab, path, json.dumps(document))
        with pytest.raises(NotModelled, match="an edited mtu of the CNI plugin"):
            lab.run("b")
        lab.node("node1").exec(f"rm {path}")
        with pytest.raises(NetworkNotReady, match="no network config found"):
            lab.run("b")


def test_host_local_under_calico_keeps_its_files_on_the_node() -> None:
    lab = Cluster(GKE(dataplane="calico"), nodes=1)
    one = lab.run("a", node="node1")
    assert (
        lab.node("node1").exec("ls /var/lib/cni/networks/gke-pod-network").stdout
        == f"{one.ip}\nlast_reserved_ip.0\nlock\n"
    )
    one.delete()
    assert lab.node("node1").exec("ls /var/lib/cni/networks/gke-pod-network").stdout == "last_reserved_ip.0\nlock\n"


# -- own conflists -------------------------------------------------------------------------------------------------


def test_a_bridge_of_ones_own_pods_are_neighbours_and_leave_with_the_nodes_address() -> None:
    lab = Cluster(Plugins(conflist=BRIDGE), nodes=2)
    a, b, c = lab.run("a", node="node1"), lab.run("b", node="node1"), lab.run("c", node="node2")
    assert " ttl=64 " in a.exec(["ping", "-c1", str(b.ip)]).stdout
    assert " ttl=62 " in a.exec(["ping", "-c1", str(c.ip)]).stdout
    assert (
        lab.node("node1").exec("ip route show 10.244.1.0/24").stdout == "10.244.1.0/24 via 192.168.10.102 dev eth0 \n"
    )
    assert "CNI-" in lab.node("node1").exec("iptables-save -t nat").stdout
    assert lab.node("node1").exec("ip -br addr show cni0").stdout.split()[2] == "10.244.0.1/24"


def test_without_routes_nodes_know_their_own_pods_alone() -> None:
    lab = Cluster(Plugins(conflist=BRIDGE, routes=False), nodes=2)
    a, c = lab.run("a", node="node1"), lab.run("c", node="node2")
    assert not a.ping(c).ok
    assert lab.node("node1").exec("ip route show 10.244.1.0/24").stdout == ""


def test_the_bridge_keeps_its_mac_when_ports_come_and_go() -> None:
    """Section 2.7: the gateway's bridge has its MAC pinned; without an address the lowest port's counts."""
    for gateway in (True, False):
        plugin = {"type": "bridge", "isGateway": gateway, "ipam": {"type": "host-local", "subnet": "{{.PodCIDR}}"}}
        lab = Cluster(Plugins(conflist={"name": "n", "cniVersion": "1.0.0", "plugins": [plugin]}), nodes=1)
        lab.run("a")
        root = lab.node("node1").place.netns
        bridge, ports = root.link("cni0"), [link for link in root.links() if link.kind == "veth"]
        assert bridge is not None
        assert (bridge.mac == ports[0].mac) is not gateway


def test_gratuitous_arp_of_a_pod_on_a_bridge() -> None:
    """Section 2.7: arp_notify announces the address when the pod's device comes up; ptp of these releases announces nothing."""
    lab = Cluster(Plugins(conflist=BRIDGE), nodes=1)
    a = lab.run("a")
    lab.run("b")
    assert a.exec("cat /proc/sys/net/ipv4/conf/eth0/arp_notify").stdout == "1\n"
    entries = [
        line
        for line in lab.node("node1").exec("bridge fdb show br cni0").stdout.splitlines()
        if "permanent" not in line
    ]
    assert len([line for line in entries if "master cni0" in line]) == 2, "both pods have sent a frame already"


def test_gke_with_a_conflist_of_ones_own_and_a_lab_file(tmp_path: Any) -> None:
    lab = Cluster(GKE(conflist=BRIDGE), nodes=2)
    assert lab.run("a", node="node1").ping(lab.run("b", node="node2")).ok
    assert lab.node("node1").exec("ip -br link show cni0").stdout
    with pytest.raises(ConfigError, match="Calico writes its own"):
        Cluster(GKE(dataplane="calico", conflist=BRIDGE))
    path = tmp_path / "lab.yaml"
    cni = json.dumps({"plugins": {"conflist": BRIDGE, "routes": False}})
    path.write_text(
        f"apiVersion: podwire.dev/v1alpha1\nkind: Lab\nspec:\n  nodes: {{w1: {{}}}}\n  cni: {cni}\n  networks: {{lan: {{cidr: 192.168.10.0/24}}}}\n"
    )
    assert load(path).run("a").ip


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"conflist": {}}, "no name"),
        ({"conflist": BRIDGE, "path": "/etc/x.conflist"}, "expected a file such as"),
        ({"conflist": {"name": "n", "plugins": []}}, "no plugins in list"),
    ],
)
def test_settings_that_are_no_conflist(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Cluster(Plugins(**settings))


def test_a_template_that_podwire_does_not_know() -> None:
    with pytest.raises(NotModelled, match="range"):
        Cluster(Plugins(conflist={**BRIDGE, "x": "{{range .PodCIDRRanges}}"}))


def test_chain_name_of_the_sheet() -> None:
    assert chain_name("test", "1234") == "CNI-2bbe0c48b91a7d1b8a6753a8"
