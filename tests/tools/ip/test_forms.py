"""Every object, verb, selector and complaint that a list of command lines names, beside the real tool on this machine's kernel."""

from pathlib import Path

import pytest

from podwire.errors import NotModelled
from tests.tools.ip import real
from tests.tools.ip.bench import Bench

pytestmark = pytest.mark.oracle

COMMANDS = (Path(__file__).parent / "commands.txt").read_text().splitlines()
SETUP = [
    "ip link set lo up",
    "ip link add w0 address 02:00:00:00:00:0a type veth peer name w1 address 02:00:00:00:00:0b",
    "ip link set w0 up",
    "ip link set w1 up",
    "ip link add n0 address 02:00:00:00:00:0c type bridge",
    "ip addr add 10.0.0.1/24 brd + dev w0",
    "ip addr add 10.0.0.2/24 dev w0",
    "ip addr add 10.2.0.1/24 dev n0 label n0:1",
    "ip link set n0 up",
]
COMMANDS6 = """
ip addr
ip -6 addr
ip -6 addr show dev w0
ip -6 -o addr
ip -6 -br addr
ip -br addr
ip -j addr show w0
ip -j -6 addr
ip -c -6 addr show w0
ip -c -6 addr
ip -d -6 addr
ip -c addr show w0
ip addr show scope link
ip -6 link show w0
ip -6 -N addr
ip -6 addr show to fe80::/10
ip -6 addr del 2001:db8::1/64 dev w0
ip addr del fe80::ff:fe00:a/64 dev w0
ip -6 addr add 10.0.0.1/24 dev w0
ip -o addr
""".strip().splitlines()


def run_both(setup, commands, *, ipv6=False):
    real.need()
    bench = Bench(ipv6=ipv6)
    lines, ours = [], []
    for line in [*setup, *commands]:
        try:
            ours.append(bench.run(line))
        except NotModelled:
            continue
        lines.append(line)
    theirs = real.run(lines, len(setup), real.SETTLED6 if ipv6 else real.SETTLED, ipv6=ipv6)
    return [(line, mine, kernel) for line, mine, kernel in zip(lines, ours, theirs, strict=True)]


def in_order(line, result):
    """A neighbour table is a hash with a random key: its entries are compared without their order."""
    text, status = result
    if "neigh" not in line:
        return result
    return "".join(sorted(text.splitlines(keepends=True))) if "-j" not in line else sorted(text), status


@pytest.mark.parametrize(
    ("setup", "commands", "ipv6"), [(SETUP, COMMANDS, False), (SETUP[:6], COMMANDS6, True)], ids=["IPv4", "IPv6"]
)
def test_every_form_prints_the_same(setup, commands, ipv6):
    compared = run_both(setup, commands, ipv6=ipv6)
    assert len(compared) > 0.9 * len(commands)  # what is not modelled is the exception
    for line, ours, kernel in compared:
        assert in_order(line, ours) == in_order(line, kernel), f"{line}\n--- ours\n{ours[0]}--- the kernel\n{kernel[0]}"
