"""``dmesg``: what rules, and rules that are refused, write to the kernel's log."""

from __future__ import annotations

import pytest

from podwire.cluster import Cluster, Node
from podwire.cni.calico.config import Calico
from podwire.errors import NotModelled


@pytest.fixture
def node() -> Node:
    """A node that logs what is sent to 127.0.0.1, and has been pinged there once after a second."""
    lab = Cluster(Calico(), nodes=1)
    node = lab.node("node1")
    node.exec("iptables -A OUTPUT -d 127.0.0.1 -p icmp --icmp-type 8 -j LOG --log-level info --log-prefix 'to lo: '")
    lab.sleep(1 - lab.network.now % 1_000_000_000 / 1e9)
    node.ping("127.0.0.1")
    return node


LINE = "to lo: IN= OUT=lo SRC=127.0.0.1 DST=127.0.0.1 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID="


def test_a_logged_packet_is_a_line(node: Node) -> None:
    (line,) = node.exec("dmesg").stdout.splitlines(keepends=True)
    stamp, _, text = line.partition("] ")
    assert stamp.startswith("[    ")
    assert text.startswith(LINE)
    assert text.endswith("DF PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 \n") or " SEQ=1 \n" in text


def test_forms_of_a_line(node: Node) -> None:
    assert node.exec("dmesg -t").stdout.startswith(LINE)
    assert node.exec("dmesg -x -t").stdout.startswith(f"kern  :info  : {LINE}")
    assert node.exec("dmesg -T").stdout.startswith("[Mon Jan  1 00:00:")
    assert node.exec("dmesg -r").stdout.startswith("<6>[    ")


def test_levels_and_clearing(node: Node) -> None:
    assert node.exec("dmesg -l warn").stdout == ""
    assert node.exec("dmesg --level=err,info -t").stdout.startswith(LINE)
    assert node.exec("dmesg -c -t").stdout.startswith(LINE)
    assert node.exec("dmesg").stdout == ""


def test_a_refused_rule_says_why(node: Node) -> None:
    node.exec("dmesg -C")
    assert (
        "Run `dmesg' for more information."
        in node.exec("iptables-legacy -A INPUT -j REJECT --reject-with tcp-reset").stderr
    )
    assert node.exec("dmesg -t").stdout == "ipt_REJECT: TCP_RESET invalid for non-tcp\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("foo", "dmesg: bad usage\nTry 'dmesg --help' for more information.\n"),
        ("-Z", "dmesg: invalid option -- 'Z'\nTry 'dmesg --help' for more information.\n"),
        ("-l foo", "dmesg: unknown level 'foo'\n"),
    ],
)
def test_wrong_use(node: Node, arguments: str, said: str) -> None:
    result = node.exec(f"dmesg {arguments}")
    assert (result.stderr, result.exit_code) == (said, 1)


def test_what_is_not_modelled_says_so(node: Node) -> None:
    with pytest.raises(NotModelled, match="option -w"):
        node.exec("dmesg -w")
