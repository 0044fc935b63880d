"""examples/calico-scenarios: each lab fails as its page says, the trace names the cause, and after the change the same traffic passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from podwire.errors import NotModelled, PodwireError
from podwire.lab import load
from podwire.transcript import replay
from podwire.wire.addr import Ip
from podwire.wire.headers import Icmp, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.trace.trace import Trace

SCENARIOS = Path(__file__).parents[1] / "examples" / "calico-scenarios"
LAB = "lab.yaml"
MENDED = "mended.yaml"


class Outcome(NamedTuple):
    """What came of some traffic: whether it went as its sender wished, and the trace that tells why."""

    ok: bool
    trace: Trace


Traffic = Callable[["Cluster"], Outcome]
Change = Callable[["Cluster", Path], "Cluster"]


class Scenario(NamedTuple):
    """A directory; the traffic that fails; words of ``explain()`` and ``decided_by``; the change that mends it."""

    name: str
    traffic: Traffic
    says: tuple[str, ...]
    change: Change

    @property
    def directory(self) -> Path:
        return SCENARIOS / self.name


# ------------------------------------------------------------------------------------------------------------- traffic


def ping(source: str, target: str, size: int = 56, *, whole: bool = False) -> Traffic:
    """One echo request, by the name of a pod or an address; ``whole`` sets DF."""

    def send(lab: Cluster) -> Outcome:
        found = [pod for pod in lab.pods if pod.name == f"default/{target}"]
        done = lab.machine(source).ping(found[0] if found else target, size=size, df=whole or None)
        return Outcome(done.ok, done.trace)

    return send


def connect(source: str, target: str, port: int, answers: str = "") -> Traffic:
    """A TCP connection; with ``answers``, to that pod and to nobody else."""

    def send(lab: Cluster) -> Outcome:
        found = [pod for pod in lab.pods if pod.name == f"default/{target}"]
        done = lab.machine(source).connect(found[0] if found else target, port)
        server = done.server.name if done.server is not None else ""
        return Outcome(done.ok and answers in {"", server}, done.traces[0])

    return send


def upload(source: str, target: str) -> Traffic:
    """A TCP connection that carries more than one segment."""

    def send(lab: Cluster) -> Outcome:
        done = lab.machine(source).connect(lab.pod(target), 80, send=b"x" * 4000, timeout=10)
        lost = [trace for trace in done.traces if trace.reason == "PKT_TOO_BIG"]
        return Outcome(done.ok and not lost, (lost or done.traces)[0])

    return send


def spoofed(source: str, address: str, target: str) -> Traffic:
    """An echo request with another source."""

    def send(lab: Cluster) -> Outcome:
        packet = Packet((IPv4(Ip.parse(address), Ip.parse(target), 1), Icmp(8, 0, 1 << 16 | 1)), b"x" * 8)
        trace = lab.machine(source).send(packet)
        return Outcome(trace.verdict == "DELIVERED", trace)

    return send


def lookup(source: str, name: str) -> Traffic:
    """A page by the name of a Service; without an answer, the trace is that of the question for the name."""

    def send(lab: Cluster) -> Outcome:
        done = lab.machine(source).curl(f"http://{name}/")
        return Outcome(done.status == 200, done.traces[0])

    return send


def after_the_policy(source: str, target: str) -> Traffic:
    """A new flow, once deny.yaml is there (what stands already is not touched)."""

    def send(lab: Cluster) -> Outcome:
        if lab.node("w1").exec("kubectl get networkpolicy deny-all").exit_code:
            lab.apply(SCENARIOS / "20-old-connection" / "deny.yaml")
        return ping(source, target)(lab)

    return send


def by_its_old_address(source: str, pod: str, address: str) -> Traffic:
    """An echo request to a pod, to the address that it had as long as there is none."""

    def send(lab: Cluster) -> Outcome:
        there = any(each.name == f"default/{pod}" for each in lab.pods)
        return ping(source, pod if there else address)(lab)

    return send


def late_pod(lab: Cluster) -> Outcome:
    """The first packet of a pod that Felix has not heard of."""
    if not any(pod.name == "default/late" for pod in lab.pods):
        lab.node("w1").agent("felix").pause()
        lab.run("late", node="w1")
    return ping("late", "web")(lab)


def plain(source: str, target: str) -> Traffic:
    """An echo request that goes without a tunnel and with the sender's own address."""

    def send(lab: Cluster) -> Outcome:
        done = lab.machine(source).ping(lab.pod(target))
        told = done.trace.explain()
        return Outcome(done.ok and "w1 put it into" not in told and "w1 made" not in told, done.trace)

    return send


# -------------------------------------------------------------------------------------------------------------- changes


def another_lab(_lab: Cluster, directory: Path) -> Cluster:
    """What lies between the nodes is another: a firewall, a cable, a prefix length."""
    return load(directory / MENDED)


def apply(lab: Cluster, directory: Path) -> Cluster:
    """Kubectl apply -f mended.yaml."""
    lab.apply(directory / MENDED)
    return lab


def commands(*lines: tuple[str, str]) -> Change:
    """Commands, each on its machine."""

    def change(lab: Cluster, directory: Path) -> Cluster:
        for machine, line in lines:
            done = lab.machine(machine).exec(line)
            assert done.exit_code == 0, (line, done.output)
        return lab

    return change


def again(pod: str, node: str, manifest: str = "") -> Change:
    """The pod is deleted and made again, after a manifest."""

    def change(lab: Cluster, directory: Path) -> Cluster:
        if manifest:
            lab.apply(directory / manifest)
        if any(each.name == f"default/{pod}" for each in lab.pods):
            lab.delete({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod}})
        lab.run(pod, node=node, image="nginx")
        return lab

    return change


def pool_of_pods(lab: Cluster, directory: Path) -> Cluster:
    """Pods move to a pool of their own, and the old one goes."""
    again("client", "w1", MENDED)(lab, directory)
    lab.node("w1").exec("calicoctl delete ippool office")
    return lab


def felix_goes_on(lab: Cluster, _directory: Path) -> Cluster:
    """It hears of the pod."""
    lab.node("w1").agent("felix").resume()
    return lab


TABLE = [
    Scenario(
        "01-mtu",
        upload("client", "web"),
        ("its 1500 bytes do not fit tunl0 (mtu 1480)", "need to frag", "did not arrive", "--icmp-type 3/4 -j DROP"),
        again("client", "w1"),
    ),
    Scenario(
        "02-ipip-firewall",
        ping("client", "web"),
        ("w1 put it into ipip 10.0.0.11 > 10.0.0.12 at tunl0", "no firewall rule allows ipip", "--allow=ipip"),
        another_lab,
    ),
    Scenario(
        "03-vxlan-port",
        ping("client", "web"),
        ("w1 put it into vxlan 192.168.10.101 > 192.168.10.102", "network lan10 loses udp:4789"),
        another_lab,
    ),
    Scenario(
        "04-aws-source-check",
        ping("client", "web"),
        ("172.16.190.65, its source, is not an address of w1", "source_dest_check", "--no-source-dest-check"),
        another_lab,
    ),
    Scenario(
        "05-cross-subnet-prefix",
        plain("client", "web"),
        (
            "w1 put it into ipip 192.168.10.11 > 192.168.10.102 at tunl0",
            "172.16.80.192/26 via 192.168.10.102 dev tunl0 proto bird onlink",
        ),
        another_lab,
    ),
    Scenario(
        "06-bird-not-ready",
        ping("client", "web"),
        ("nat1 dropped it", "uplink nat1 translates"),
        another_lab,
    ),
    Scenario(
        "07-pool-overlaps-lan",
        ping("client", "192.168.20.9"),
        ("192.168.190.65 > 192.168.20.9", "nas took it", "router has no route to 192.168.190.65"),
        pool_of_pods,
    ),
    Scenario(
        "08-pool-overlaps-services",
        connect("client", "web", 80, answers="default/web"),
        ("its destination in place of 10.97.170.1:80", "KUBE-SEP-", "for Service default/mail"),
        again("web", "w2", MENDED),
    ),
    Scenario(
        "09-nat-outgoing",
        ping("client", "203.0.113.7"),
        (
            "172.16.190.65 > 203.0.113.7",
            "translates sources in 10.0.2.0/24 only, and 172.16.190.65 is outside",
            "w1 masquerades",
        ),
        apply,
    ),
    Scenario(
        "10-pool-and-pod-cidr",
        plain("client", "web"),
        (
            "w1 made 192.168.10.101:8288 its source in place of 10.244.0.2:8",
            "--match-set cali40all-ipam-pools dst -j MASQUERADE",
            "written by felix for IPPools, spec.natOutgoing",
        ),
        apply,
    ),
    Scenario(
        "11-spoofed-source",
        spoofed("client", "172.16.190.99", "172.16.80.193"),
        ("172.16.190.99 > 172.16.80.193", "cali-PREROUTING in table raw", "-m rpfilter --validmark --invert -j DROP"),
        commands(("w1", "ip route add 172.16.190.99 dev calia7a3e029a7b")),
    ),
    Scenario(
        "12-rp-filter",
        ping("monitor", "web"),
        ("net.ipv4.conf.eth1.rp_filter = 1", "is strict", "192.168.10.0/24 dev eth0"),
        commands(("w1", "sysctl -w net.ipv4.conf.eth1.rp_filter=2")),
    ),
    Scenario(
        "13-no-default-route",
        ping("client", "web"),
        ("ARP requests for 169.254.1.1 found no answer", "not even a default route", "ip route add default"),
        commands(("w1", "ip route add default via 192.168.10.102"), ("w2", "ip route add default via 192.168.10.101")),
    ),
    Scenario(
        "15-released-address",
        by_its_old_address("client", "web", "172.16.80.193"),
        (
            "w2 has no pod with the address 172.16.80.193",
            "blackhole 172.16.80.192/26",
            "block 172.16.80.192/26 of node w2",
        ),
        again("web", "w2"),
    ),
    Scenario(
        "16-default-deny-egress",
        lookup("client", "web"),
        ("Flags", "cali-fw-calia7a3e029a7b in table filter", "Drop if no policies passed packet"),
        apply,
    ),
    Scenario(
        "17-host-to-pod",
        ping("client", "web"),
        ("w2 dropped it", "cali-tw-cali68caf03a5f4 in table filter", "Drop if no policies passed packet"),
        apply,
    ),
    Scenario(
        "18-external-traffic-policy",
        connect("office", "192.168.10.101", 30080),
        (
            "w1 made 172.16.190.64",
            "its source in place of 192.168.20.9",
            "service traffic requiring SNAT",
            "cali-tw-cali68caf03a5f4 in table filter",
        ),
        apply,
    ),
    Scenario(
        "19-nested-overlay",
        ping("client", "10.9.0.2"),
        ("cali-fw-calia7a3e029a7b in table filter", "Drop IPinIP encapped packets originating in workloads"),
        apply,
    ),
    Scenario(
        "20-old-connection",
        after_the_policy("client", "web"),
        ("cali-tw-cali68caf03a5f4 in table filter", "Drop if no policies passed packet"),
        apply,
    ),
    Scenario(
        "21-unknown-interface",
        late_pod,
        ("cali-from-wl-dispatch in table filter", "Unknown interface"),
        felix_goes_on,
    ),
    Scenario(
        "23-block-not-exported",
        ping("client", "web"),
        ("router dropped it", "router has no route to 172.16.80.193"),
        apply,
    ),
]


@pytest.mark.parametrize("scenario", TABLE, ids=lambda scenario: scenario.name)
def test_the_trace_names_the_cause_and_the_change_lets_the_same_traffic_pass(scenario):
    lab = load(scenario.directory / LAB)
    before = scenario.traffic(lab)
    assert not before.ok
    told = " ".join(f"{before.trace.explain()} {before.trace.decided_by}".split())
    for words in scenario.says:
        assert words in told

    after = scenario.traffic(scenario.change(lab, scenario.directory))
    assert after.ok, after.trace.explain()


def test_14_without_a_free_block_a_pod_waits_and_its_event_says_why():
    directory = SCENARIOS / "14-block-exhaustion"
    lab = load(directory / LAB)
    late = directory / "late.yaml"
    shell = lab.node("w1")
    assert shell.exec(f"kubectl apply -f {late}").exit_code == 0
    assert "No more free affine blocks and strict affinity enabled" in shell.exec("kubectl describe pod late").stdout
    lab.apply(directory / MENDED)
    lab.sleep(30)
    assert lab.pod("client").ping(lab.pod("late")).ok


def test_17_the_pods_own_node_reaches_it_in_spite_of_the_policy_and_another_node_does_not():
    lab = load(SCENARIOS / "17-host-to-pod" / LAB)
    near = lab.node("w2").ping(lab.pod("web"))
    assert near.ok
    assert "filter:cali-OUTPUT:rule:2:RETURN" in near.trace.text("detailed")
    far = lab.node("w1").ping(lab.pod("web"))
    assert not far.ok
    assert far.trace.dropped_at == "w2:tunl0"


def test_20_a_flow_that_stands_goes_on_until_its_entry_is_deleted():
    directory = SCENARIOS / "20-old-connection"
    lab = load(directory / LAB)
    client, web, w2 = lab.pod("client"), lab.pod("web"), lab.node("w2")

    assert client.ip is not None
    assert web.ip is not None
    ends = IPv4(client.ip, web.ip, 1)

    def echo(sequence: int) -> str:
        packet = Packet((ends, Icmp(8, 0, 77 << 16 | sequence)), b"x" * 8)
        return client.send(packet).verdict

    assert echo(1) == "DELIVERED"
    lab.apply(directory / "deny.yaml")
    assert echo(2) == "DELIVERED"
    assert not client.ping(web).ok
    assert w2.exec(f"conntrack -D -p icmp -s {client.ip}").exit_code == 0
    assert echo(3) == "DROPPED"


def test_22_there_is_no_offload_and_the_switch_for_it_says_so():
    lab = load(SCENARIOS / "22-vxlan-checksum" / LAB)
    assert lab.pod("client").connect(lab.pod("web"), 80).ok
    w1 = lab.node("w1")
    assert w1.exec("ethtool -K vxlan.calico tx-checksum-ip-generic off").exit_code == 0
    for command in ("ethtool -k vxlan.calico", "ethtool -K vxlan.calico tx-checksum-ip-generic on"):
        with pytest.raises(NotModelled):
            w1.exec(command)


def test_24_tunl0_stays_without_an_address_and_without_routes():
    directory = SCENARIOS / "24-tunl0-stays"
    lab = load(directory / LAB)
    w1 = lab.node("w1")
    assert "172.16.190.64/32" in w1.exec("ip -br addr show tunl0").stdout
    lab.apply(directory / "off.yaml")
    assert w1.exec("ip -br addr show tunl0").stdout.split() == ["tunl0@NONE", "UNKNOWN"]
    assert "tunl0" not in w1.exec("ip route").stdout
    assert "w1:tunl0" not in lab.pod("client").ping(lab.pod("web")).trace.path


def test_06_one_nat_for_all_gives_two_nodes_one_address_and_the_second_gets_no_pods(tmp_path):
    text = (SCENARIOS / "06-bird-not-ready" / LAB).read_text(encoding="utf-8").replace("network: nat2", "network: nat1")
    lab = tmp_path / LAB
    lab.write_text(text, encoding="utf-8")
    with pytest.raises(PodwireError, match=r"stat /var/lib/calico/nodename: no such file or directory"):
        load(lab)


@pytest.mark.parametrize(
    "transcript", sorted(SCENARIOS.glob("*/*.console")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_transcript_is_what_its_lab_prints(transcript):
    report = replay(transcript)
    assert report.ok, str(report)


def test_all_24_have_a_lab_a_page_and_a_row_in_the_guide():
    found = sorted(path.name for path in SCENARIOS.iterdir() if path.is_dir())
    assert [name[:2] for name in found] == [f"{number:02}" for number in range(1, 25)]
    guide = (SCENARIOS.parents[1] / "docs" / "guide" / "calico-troubleshooting.md").read_text(encoding="utf-8")
    for name in found:
        assert (SCENARIOS / name / LAB).is_file()
        assert (SCENARIOS / name / "README.md").is_file()
        assert (name == "22-vxlan-checksum") != bool(list((SCENARIOS / name).glob("*.console")))
        assert f"`examples/calico-scenarios/{name}`" in guide
