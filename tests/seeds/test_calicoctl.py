"""What the rows of calicoctl leave to be said: lines that need a shell, what a console of the cloud shows, and why."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from podwire.fabric.cloud import GcpVpc
from podwire.lab import load

HERE = Path(__file__).parent
LABS = HERE / "labs"
SECOND = "gke-nyoung-cluster-nyoung-pool-0f26b766-1wp8"
FIRST = "gke-nyoung-cluster-nyoung-pool-da17714f-205w"
POOL = """\
calicoctl create --allow-version-mismatch -f -<<EOF
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: pool-zone-1
spec:
  cidr: 192.168.50.0/24
  vxlanMode: Always
  natOutgoing: true
EOF
"""


def typed(lab, script, machine=None):
    """A script in ``podwire sh``; what it prints on both streams."""
    where = ["-m", machine] if machine is not None else []
    done = subprocess.run(
        [sys.executable, "-m", "podwire", "sh", "-f", LABS / f"{lab}.yaml", *where, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE,
    )
    return done.stdout + done.stderr


def test_a08_two_pods_add_exactly_80_lines_to_filter_and_none_to_nat():
    count = "sudo iptables -t nat -L | wc -l; sudo iptables -t filter -L | wc -l; "
    printed = typed("000", f"{count} k apply -f pod.yaml >/dev/null; sleep 3; {count}", FIRST)
    nat, filter_, nat_then, filter_then = map(int, printed.split())
    assert (nat_then - nat, filter_then - filter_) == (0, 80)


def test_a17_no_rule_of_the_vpc_comes_from_a_policy():
    cluster = load(LABS / "000-web.yaml")
    (vpc,) = [each for each in cluster.networks if each.name == "vpc"]
    assert isinstance(vpc, GcpVpc)
    before = vpc.firewall.rules
    cluster.apply(HERE / "denyall.yaml")
    cluster.apply(HERE / "allow80-corrected.yaml")
    assert before
    assert vpc.firewall.rules == before


def test_a19_the_pool_comes_from_a_here_document():
    assert typed("000-second", POOL) == "Successfully created 1 'IPPool' resource(s)\n"


@pytest.fixture
def second():
    """The other cluster with its pool, its edited configuration, and a pod from before and one from after."""
    cluster = load(LABS / "000-second.yaml")
    cluster.apply(HERE / "second-pod1.yaml")
    cluster.apply(HERE / "pool-zone-1.yaml")
    files = cluster.node(SECOND).place.files
    path = "/etc/cni/net.d/10-calico.conflist"
    files[path] = files[path].replace('"type": "host-local"', '"type": "calico-ipam"')
    cluster.apply(HERE / "second-pod2.yaml")
    return cluster


def test_a20_the_address_of_the_node_is_there_because_the_other_pod_is_in_no_pool(second):
    """Sheet section 7, experiment 3: 192.168.50.0 is in the set of pools with natOutgoing, 192.168.1.6 in no pool's."""
    trace = second.pod("pod2").ping("192.168.1.6").trace
    why = " ".join(trace.explain().split())
    assert "MASQUERADE" in why
    assert "cali40masq-ipam-pools" in why
    assert "10.0.0.20" in why
    back = " ".join(second.pod("pod1").ping("192.168.50.0").trace.explain().split())
    assert "MASQUERADE" not in back


def test_a20_another_node_cannot_reach_the_pool(second):
    """Experiment 5: no route, and the VPC does not know the prefix."""
    other = next(node for node in second.nodes if node.name != SECOND)
    assert not second.run("elsewhere", node=other.name).ping("192.168.50.0").ok


def test_a21_no_packet_enters_the_tunnel(second):
    """Experiment 4: BIRD alone would write routes through tunl0, and it does not run."""
    second.apply(HERE / "pool-crosssubnet.yaml")
    assert "tunl0" in second.node(SECOND).exec("ip link show tunl0").stdout
    assert "tunl0" not in second.node(SECOND).exec("ip route").stdout
    trace = second.pod("pod2").ping("192.168.1.6").trace
    assert not any("tunl0" in place for place in trace.path)


B10 = (
    "calicoctl get ippool default-ipv4-ippool -o yaml | sed -e 's/natOutgoing: true/natOutgoing: false/'"
    " | calicoctl apply -f -"
)


def test_b10_the_line_as_typed_takes_the_rule_away():
    printed = typed(
        "001-outside",
        f"{B10}; ssh k8s-w1 iptables -n -t nat --list cali-nat-outgoing",
    )
    assert printed.splitlines() == [
        "Successfully applied 1 'IPPool' resource(s)",
        "Chain cali-nat-outgoing (1 references)",
        "target     prot opt source               destination         ",
    ]


def test_b09_and_b10_an_outside_address_answers_the_node_and_not_the_pod():
    cluster = load(LABS / "001-outside.yaml")
    pod = cluster.pod("pod1")
    with cluster.capture(f"k8s-w1:{pod.interface}") as inside, cluster.capture("k8s-w1:eth0", filter="icmp") as wire:
        assert pod.ping("8.8.8.8").ok
    assert {packet["IP"].src for packet in inside.packets if packet.haslayer("ICMP")} == {str(pod.ip), "8.8.8.8"}
    assert {packet["IP"].src for packet in wire.packets} == {"192.168.10.101", "8.8.8.8"}
    document = cluster.workstation.exec("calicoctl get ippool default-ipv4-ippool -o yaml").stdout
    applied = cluster.workstation.exec(
        "calicoctl apply -f -", stdin=re.sub("natOutgoing: true", "natOutgoing: false", document)
    )
    assert applied.stdout == "Successfully applied 1 'IPPool' resource(s)\n"
    lost = pod.ping("8.8.8.8")
    assert not lost.ok
    assert str(pod.ip) in lost.trace.explain()
