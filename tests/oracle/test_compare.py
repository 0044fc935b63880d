"""Comparing the output of two worlds: what has to be found, and what may not be hidden."""

import pytest

from tests.oracle import compare
from tests.oracle.script import Script

REAL = """\
$ ip -n a neigh
10.0.0.2 dev v0 lladdr 02:00:00:00:00:0b REACHABLE
10.0.0.3 dev v0 lladdr 02:00:00:00:00:0c STALE
$ nstat
IpInReceives 5
# and then
$ ip netns exec a ping -c 1 10.0.0.2
64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.061 ms
--- a
IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 77, seq 1, length 64
"""
REFUSAL = "podwire: nstat is not simulated, and nothing is passed on\n[exit 127]"
OURS = REAL.replace("0.061", "0.004").replace("id 77", "id 1001")


@pytest.fixture
def script(tmp_path):
    def make(*header):
        path = tmp_path / "some.sh"
        macs = "pair a v0 02:00:00:00:00:0b b v1 02:00:00:00:00:0c"
        path.write_text("\n".join(["# title", "# area: arp", *header, macs, ""]), encoding="utf-8")
        return Script(path)

    return make


def test_blocks():
    parts = compare.blocks("before\n" + REAL)
    assert [head for head, _ in parts] == [
        "",
        "$ ip -n a neigh",
        "$ nstat",
        "# and then",
        "$ ip netns exec a ping -c 1 10.0.0.2",
        "--- a",
    ]
    assert compare.joined(parts) == "before\n" + REAL
    assert compare.blocks("abc$ ip link\n1\n")[0:] == [("", ["abc"]), ("$ ip link", ["1"])]
    assert len(compare.blocks("--- 10.0.0.2 ping statistics ---\n")) == 1


def test_the_same(script):
    assert compare.difference(script(), REAL, OURS) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("REACHABLE", "DELAY"),
        ("ttl=64", "ttl=63"),
        ("10.0.0.3 dev v0 lladdr 02:00:00:00:00:0c STALE\n", ""),
        ("# and then\n", ""),
        ("--- a\n", "--- b\n"),
        ("$ nstat\n", "$ nstat\n[exit 1]\n"),
        ("$ nstat\n", "$ nstat -a\n"),
        ("lladdr 02:00:00:00:00:0c", "lladdr 02:00:00:00:00:0b"),
    ],
)
def test_a_difference(script, old, new):
    assert old in OURS
    assert compare.difference(script(), REAL, OURS.replace(old, new))


def test_what_is_refused_has_to_be_declared(script):
    ours = OURS.replace("IpInReceives 5", REFUSAL)
    assert "the header does not say so" in compare.difference(script(), REAL, ours)
    declared = script("# not modelled: nstat — counters")
    assert compare.difference(declared, REAL, ours) == ""
    assert "REACHABLE" in compare.difference(declared, REAL, ours.replace("REACHABLE", "DELAY"))


def test_what_is_declared_has_to_be_refused(script):
    declared = script("# not modelled: nstat — counters")
    assert "which it does not" in compare.difference(declared, REAL, OURS)
    assert "is about no command" in compare.difference(script("# not modelled: ifconfig — counters"), REAL, OURS)


def test_out_of_reach(script):
    declared = script("# not modelled: all — everything")
    assert compare.difference(declared, REAL, "podwire: not modelled: everything\n") == ""
    assert "podwire can play it" in compare.difference(declared, REAL, OURS)


def test_any_order(script):
    lines = [line for line in REAL.splitlines(keepends=True) if "lladdr" in line]
    swapped = OURS.replace("".join(lines), "".join(reversed(lines)))
    assert compare.difference(script(), REAL, swapped)
    declared = script("# compare: set neigh — a hash decides")
    assert compare.difference(declared, REAL, swapped) == ""
    assert compare.difference(declared, REAL, swapped.replace(lines[0], ""))
    assert "is about no command" in compare.difference(script("# compare: set frob — a hash decides"), REAL, OURS)


def test_a_part(script):
    declared = script("# compare: part neigh — not all of them")
    less = OURS.replace("10.0.0.3 dev v0 lladdr 02:00:00:00:00:0c STALE\n", "")
    assert compare.difference(declared, REAL, less) == ""
    assert compare.difference(declared, REAL, OURS.replace("STALE", "DELAY"))
    assert compare.difference(declared, REAL, OURS.replace("$ nstat", "10.0.0.4 dev v0 FAILED\n$ nstat"))


def test_a_command_that_is_only_run(script):
    declared = script("# compare: no neigh — it is a race")
    assert compare.difference(declared, REAL, OURS.replace("REACHABLE", "DELAY")) == ""
    assert compare.difference(declared, REAL, OURS.replace("ttl=64", "ttl=63"))
    assert compare.real_difference(declared, REAL, REAL.replace("REACHABLE", "DELAY")) == ""
    assert compare.real_difference(script(), REAL, REAL.replace("REACHABLE", "DELAY"))
