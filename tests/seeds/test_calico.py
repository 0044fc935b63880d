"""What the transcripts of seeds 001 and 003 leave to be said: the notes' own lines, what a picture shows, what holds for all nodes."""

import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from podwire.cni.calico.backend import CalicoBackend
from podwire.lab import load
from podwire.testing import assert_path

HERE = Path(__file__).parent
LABS = HERE / "labs"
AGES = re.compile(r"\d+/\d+/\d+probes")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def ipam_of(cluster):
    assert isinstance(cluster.backend, CalicoBackend)
    return cluster.backend.store.ipam


def note(row):
    command, *shown = (HERE / "notes" / f"{row}.txt").read_text(encoding="utf-8").splitlines()
    return command, shown


def test_b02_shows_what_the_note_shows_but_for_the_ages():
    command, shown = note("B02")
    printed = COLOUR.sub("", load(LABS / "001-old-neighbours.yaml").pod("pod1").exec(command).stdout)
    assert [AGES.sub("AGES", line.rstrip()) for line in printed.splitlines()] == [
        AGES.sub("AGES", line) for line in shown
    ]
    # Even the ages that follow from the history are the note's: when the node asked, when the gateway was asked and answered.
    assert "used 451/511/451probes 0" in printed
    assert "used 159/159/" in printed


def test_b05_as_typed_in_a_shell():
    command, shown = note("B05")
    done = subprocess.run(
        [sys.executable, "-m", "podwire", "sh", "-f", LABS / "001-two-nodes.yaml", "-m", "k8s-m", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == shown


def test_bird_repairs_what_a_script_breaks():
    command = "ip route del 172.16.184.0/24; ip route | grep -c 172.16.184; sleep 3; ip route | grep 172.16.184"
    done = subprocess.run(
        [sys.executable, "-m", "podwire", "sh", "-f", LABS / "001-two-nodes.yaml", "-m", "k8s-m", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split("\n", 1)[0] == "0"
    assert done.stdout.splitlines()[1].rstrip() == "172.16.184.0/24 via 192.168.10.102 dev tunl0 proto bird onlink"


def test_b06_two_headers_and_the_way():
    lab = load(LABS / "001-two-nodes.yaml")
    assert [str(lab.pod(name).ip) for name in ("pod1", "pod2")] == ["172.16.158.5", "172.16.184.1"]
    with lab.capture("k8s-w1:eth0", filter="ip proto 4") as capture:
        ping = lab.pod("pod1").ping("172.16.184.1")
    assert ping.ttl == 62
    assert_path(
        ping.trace,
        ["default/pod1:eth0", "k8s-w1:calice0906292e2", "k8s-w1:tunl0", "k8s-w1:eth0",
         "k8s-w2:eth0", "k8s-w2:tunl0", "k8s-w2:calibd2348b4f67", "default/pod2:eth0"],
    )  # fmt: skip
    layers = [(ip.src, ip.dst) for ip in (capture.packets[0].getlayer("IP", 1), capture.packets[0].getlayer("IP", 2))]
    assert layers == [("192.168.10.101", "192.168.10.102"), ("172.16.158.5", "172.16.184.1")]


@pytest.mark.parametrize(
    ("lab", "between"),
    [
        ("003-ipip", ["k8s-node1:tunl0", "k8s-node1:enp0s8", "k8s-node2:enp0s8", "k8s-node2:tunl0"]),
        ("003-bgp", ["k8s-node1:enp0s8", "k8s-node2:enp0s8"]),
    ],
)
def test_d04_two_nodes(lab, between):
    """The note: Pod, cali, tunl0, enp0s8, the other node; and Pod, cali, enp0s8, the other node."""
    cluster = load(LABS / f"{lab}.yaml")
    trace = cluster.pod("pod-a").ping(cluster.pod("pod-b")).trace
    assert_path(trace, ["default/pod-a:eth0", "k8s-node1:cali*", *between, "k8s-node2:cali*", "default/pod-b:eth0"])


def test_d05_blocks_do_not_overlap_and_addresses_are_unique():
    """The three blocks of the note, with one, one and two addresses in use (D03's numbers)."""
    cluster = load(LABS / "003.yaml")
    blocks = {block.affinity: block for block in ipam_of(cluster).blocks()}
    assert {node: (str(block.cidr), len(block.allocations)) for node, block in blocks.items()} == {
        "k8s-master": ("10.108.82.192/26", 1),
        "k8s-node1": ("10.111.156.64/26", 2),
        "k8s-node2": ("10.109.131.0/26", 1),
    }
    for number in range(30):
        cluster.run(f"more{number}")
    ips = [pod.ip for pod in cluster.pods]
    assert len(set(ips)) == len(ips)
    cidrs = [block.cidr for block in ipam_of(cluster).blocks()]
    assert not any(a.addr in b or b.addr in a for a, b in combinations(cidrs, 2))
    for pod in cluster.pods:
        assert any(pod.ip in block.cidr for block in ipam_of(cluster).blocks_of(pod.node.name))
