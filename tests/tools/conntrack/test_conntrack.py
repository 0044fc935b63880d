"""``conntrack`` where the oracle has no say: what comes out when, what is not modelled, who may write a sysctl."""

from __future__ import annotations

import pytest

from podwire.errors import NotModelled
from podwire.fabric.network import Network
from podwire.linux.image import image
from podwire.linux.machine import Machine
from podwire.tools.conntrack.main import conntrack
from podwire.tools.process import Process
from podwire.tools.sysctl import sysctl

ONE = "-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport"
BANNER = "conntrack v1.4.7 (conntrack-tools)"


@pytest.fixture
def network() -> Network:
    return Network(seed=1)


@pytest.fixture
def node(network: Network) -> Machine:
    return Machine(network, "node", image("debian-12"))


def begin(machine: Machine, line: str, terminals: frozenset[int] = frozenset(), place: str = "") -> Process:
    at = machine.root.in_netns(machine.new_netns(place)) if place else machine.root
    process = Process(machine.world, at, ["conntrack", *line.split()], terminals=terminals)
    process.start(conntrack)
    return process


def printed(process: Process) -> str:
    """Both streams, as they came."""
    return "".join(text for _, text in process.output)


def fill(machine: Machine, number: int) -> None:
    for port in range(1, number + 1):
        assert begin(machine, f"-I {ONE} {port} -t 60").status == 0


def test_standard_error_comes_first_where_nobody_watches_and_in_order_on_a_terminal(node: Machine) -> None:
    fill(node, 1)
    told = f"{BANNER}: 1 flow entries have been shown.\n"
    assert printed(begin(node, "-L")).startswith(told)
    assert printed(begin(node, "-L", frozenset({1, 2}))).endswith(told)


def test_what_is_long_comes_out_in_blocks(node: Machine) -> None:
    fill(node, 60)
    process = begin(node, "-L")
    sizes = [len(text) for stream, text in process.output if stream == 1]
    assert len(sizes) > 1
    assert set(sizes[:-1]) == {4096}


def test_events_are_told_until_a_signal(network: Network, node: Machine) -> None:
    watch = begin(node, "-E -e NEW,DESTROY")
    fill(node, 2)
    begin(node, "-D -p udp --dport 1")
    begin(node, "-U -s 1.1.1.1 -m 5")
    network.sleep(1_000_000)
    assert watch.status is None
    watch.interrupt(15)
    network.sleep(1_000_000)
    assert watch.status == 0
    kinds = [line.split()[0] for line in watch.stdout.splitlines()]
    assert kinds == ["[NEW]", "[NEW]", "[DESTROY]"]
    assert watch.stderr == f"{BANNER}: 3 flow events have been shown.\n"
    fill(node, 1)
    assert len(watch.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    "line",
    [
        f"-I {ONE} 1 -t 60 --label-add x",
        "-L --label-del",
        f"-I {ONE} 1 -t 60 --zone 1 --orig-zone 2",
        "-U -s 1.1.1.1 -n 9.9.9.9",
    ],
)
def test_what_is_not_modelled_says_so(node: Machine, line: str) -> None:
    with pytest.raises(NotModelled):
        begin(node, line)


def test_a_connection_is_known_where_it_was_made(node: Machine) -> None:
    fill(node, 1)
    assert begin(node, "-C", place="other").stdout == "0\n"
    assert begin(node, "-C").stdout == "1\n"


def set_(machine: Machine, line: str) -> str:
    process = Process(machine.world, machine.root, ["sysctl", *line.split()])
    process.start(sysctl)
    return printed(process)


def test_the_first_namespace_alone_says_how_many_there_may_be(node: Machine) -> None:
    assert set_(node, "-w net.netfilter.nf_conntrack_max=7") == "net.netfilter.nf_conntrack_max = 7\n"
    assert set_(node, "net.nf_conntrack_max") == "net.nf_conntrack_max = 7\n"
    assert set_(node, "-w net.nf_conntrack_max=8") == "net.nf_conntrack_max = 8\n"
    assert set_(node, "net.netfilter.nf_conntrack_max") == "net.netfilter.nf_conntrack_max = 8\n"
