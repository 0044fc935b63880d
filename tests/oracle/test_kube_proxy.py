"""kube-proxy's rules in the real tools and the real kernel: what iptables-restore makes of them, and where packets go.

Endpoints are chosen by ClientIP affinity or there is one: the kernel's chance is not ours.
"""

import subprocess
from pathlib import Path
from random import Random

import pytest

from podwire.cni.backend import NodeSpec
from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import Service
from podwire.kubeproxy import KubeProxy, KubeProxyConfig
from podwire.kubeproxy.fixed import kubelet_rules
from podwire.linux.netlink import Netlink
from podwire.wire.addr import Ip, Net
from tests.kubeproxy.samples import GKE, endpoints, objects, render, service
from tests.linux.lab import Lab
from tests.oracle.generated import kernel as generated
from tests.oracle.rules import campaign, draw, kernel, kube
from tests.oracle.rules.case import Case

MANY: list[Service | EndpointSlice] = [
    service("web", ["http:80:30080", "https:443:30443"], ip="10.96.0.10", type="LoadBalancer", ingress=[{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}],
            loadBalancerSourceRanges=["203.0.113.0/24", "10.0.0.0/8"], externalIPs=["198.51.100.1"], sessionAffinity="ClientIP"),
    endpoints("web", ["10.32.0.9@node1", "10.32.0.10@node1", "10.32.1.9@node2"], ["http:8080", "https:8443"]),
    service("near", ["80:30081"], ip="10.96.0.11", type="LoadBalancer", ingress=[{"ip": "192.0.2.3"}], externalTrafficPolicy="Local", healthCheckNodePort=32000),
    endpoints("near", ["10.32.1.9@node2"], ["8080"]),
    service("dns", ["dns:53/UDP", "dns-tcp:53", "m:9153/SCTP"], ip="10.96.0.12", internalTrafficPolicy="Local"),
    endpoints("dns", ["10.32.0.2@node1"] + [f"10.32.1.{n}@node2" for n in range(2, 12)], ["dns:53/udp", "dns-tcp:53", "m:9153/sctp"]),
    service("all", ["80"], ip="10.96.0.14"),
    endpoints("all", [f"10.32.1.{n}@node2" for n in range(2, 13)]),
    service("none", ["80:30082"], ip="10.96.0.13", type="NodePort", externalIPs=["198.51.100.2"]),
]  # fmt: skip
LATER: list[Service | EndpointSlice] = [
    *[each for each in MANY if each.metadata.name not in {"none", "none-x1", "web-x1"}],
    endpoints("web", ["10.32.0.10@node1", "10.32.2.9@node3"], ["http:8080", "https:8443"]),
]
"""A Service is gone, and endpoints have changed."""


def fed(monkeypatch: pytest.MonkeyPatch, variant: str, config: KubeProxyConfig) -> tuple[list[str], str]:
    """The texts that kube-proxy gives to iptables-restore in two syncs; what iptables-save shows then, with us."""
    texts: list[str] = []
    works = Netlink.iptables_restore

    def restore(door: Netlink, text: str, **options: object) -> None:
        texts.append(text)
        works(door, text, **options)  # type: ignore[arg-type]

    lab = Lab()
    machine = lab.machine("node1")
    lab.device("node1:eth0")
    lab.addr("node1:eth0", "10.0.0.37/24")
    node = NodeSpec("node1", machine, Ip.parse("10.0.0.37"), Net.parse("10.32.0.0/24"))
    door = lab.door("node1")
    monkeypatch.setattr(Netlink, "iptables_restore", restore)
    door.iptables_restore(kubelet_rules(), variant=variant, noflush=True)
    source = objects(*MANY)
    proxy = KubeProxy(source, config, variant=variant)
    proxy.program(node, door, None)  # type: ignore[arg-type]
    later = objects(*LATER)
    source.all_services, source.all_slices = later.all_services, later.all_slices
    proxy.program(node, door, None)  # type: ignore[arg-type]
    assert not proxy.last["node1"].full
    return texts, door.iptables_save(variant=variant)


@pytest.mark.oracle
@pytest.mark.parametrize("variant", ["nft", "legacy"])
@pytest.mark.parametrize(
    "config",
    [
        GKE,
        KubeProxyConfig(masquerade_all=True, nodeport_addresses=("127.0.0.0/8", "10.0.0.0/24")),
        KubeProxyConfig(detect_local_mode="InterfaceNamePrefix", pod_interface_name_prefix="cali"),
    ],
    ids=["gke", "masquerade-all", "prefix"],
)
def test_the_real_iptables_restore_takes_it_and_shows_the_same(monkeypatch, tmp_path: Path, variant, config):
    if why := kernel.reason():
        generated.need()
        pytest.skip(why)
    texts, ours = fed(monkeypatch, variant, config)
    lines = ["mount -t tmpfs tmpfs /run"]
    for number, text in enumerate(texts):
        (tmp_path / str(number)).write_text(text)
        lines.append(f"iptables-{variant}-restore --noflush --counters < {tmp_path / str(number)}")
    lines.append(f"iptables-{variant}-save")
    command = ["unshare", *generated._flags(), "bash", "-euc", "\n".join(lines)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": generated.PATH, "LC_ALL": "C"}
    )
    assert done.stderr == ""
    real = "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith("#"))
    assert real == ours


# -- packets ------------------------------------------------------------------------------------------------------


def drawn(random: Random) -> list[Service | EndpointSlice]:
    """One or two Services at the addresses that the campaign's packets go to, reachable in every way."""
    found: list[Service | EndpointSlice] = []
    for number, (proto, port) in enumerate([("TCP", 80), ("UDP", 53)][: random.randint(1, 2)]):
        kind = random.choice(["NodePort", "LoadBalancer", "LoadBalancer"])
        vip, other = draw.VIPS if random.random() < 0.5 else draw.VIPS[::-1]
        name = f"s{number}"
        spec = {
            "internalTrafficPolicy": random.choice(["Cluster", "Local"]),
            "externalTrafficPolicy": random.choice(["Cluster", "Local"]),
            "sessionAffinity": random.choice(["None", "ClientIP"]),
        }
        if kind == "LoadBalancer":
            spec["ingress"] = [{"ip": other}]  # type: ignore[assignment]
            spec["loadBalancerSourceRanges"] = random.choice([[], ["10.1.0.2/31"], ["10.1.0.0/16"]])  # type: ignore[assignment]
        else:
            spec["externalIPs"] = [other]  # type: ignore[assignment]
        node_port = 30007 if proto == "TCP" else 40000
        found.append(service(name, [f"p:{port}:{node_port}/{proto}"], ip=vip, type=kind, **spec))
        state = random.choice(["", "", "", " leaving", " down"])
        where = random.choice(["10.2.0.3@node1", "10.2.0.4@node1", "10.1.0.4@node2"])
        found.append(endpoints(name, [where + state], [f"p:8080/{proto}"]))
    return found


def case(seed: int) -> Case:
    """The rules of a fresh node with such Services; the packets are the campaign's."""
    random = Random(f"kube-proxy/{seed}")
    config = random.choice([KubeProxyConfig(cluster_cidr=kube.POD_RANGE), KubeProxyConfig()])
    tables = kube.fresh(render(*drawn(random), config=config).text)
    drawing = draw.Drawing(random)
    drawing.theme = "kube"
    return Case(random.choice(["nft", "legacy"]), "kube", "".join(tables.values()), tuple(drawing.packets()))


@pytest.mark.oracle
def test_packets_go_the_same_way_in_the_real_kernel():
    if why := kernel.reason():
        generated.need()
        pytest.skip(why)
    tally = campaign.Tally()
    found = campaign.disagreements([case(seed) for seed in range(40)], tally)
    assert not found, "\n\n".join(campaign.told(each) for each in found[:2])
    assert tally.subjects.keys() >= {"-m addrtype", "-m recent", "-j DNAT", "-j MASQUERADE", "-j DROP"}
