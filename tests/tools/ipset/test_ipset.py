"""``ipset`` where the oracle has no say: the types its kernel lacks, what is not modelled, names, the shortcut of ``restore``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.errors import NotModelled
from podwire.fabric.network import Network
from podwire.linux.image import image
from podwire.linux.machine import Machine
from podwire.tools.ipset import ipset
from podwire.tools.process import Process


def node() -> Machine:
    return Machine(Network(seed=1), "node", image("debian-12"))


def run(machine: Machine, line: str, stdin: str = "") -> tuple[int | None, str]:
    """Exit status and all that is printed."""
    process = Process(machine.world, machine.root, ["ipset", *line.split()], stdin=stdin)
    process.start(ipset)
    return process.status, process.stdout + process.stderr


def test_types_that_the_kernel_of_the_oracle_lacks_are_listed_as_their_sources_say() -> None:
    machine = node()
    script = """\
create nn hash:net,net initval 1 netmask 28
add nn 10.0.0.0/8,192.168.0.0-192.168.0.255 nomatch
create npn hash:net,port,net initval 1
add npn 10.0.0.0/8,udp:53,10.1.0.0/16
create k hash:ip,mark initval 1 markmask 0xff
add k 10.0.0.1,0x1234
create im hash:ip,mac initval 1
add im 10.0.0.1,2:0:0:0:0:a
create m hash:mac initval 1
add m 02:00:00:00:00:0a
"""
    assert run(machine, "restore", script) == (0, "")
    assert (
        run(machine, "save")[1]
        == """\
create nn hash:net,net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001 netmask 28
add nn 10.0.0.0/8,192.168.0.0/24 nomatch
create npn hash:net,port,net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001
add npn 10.0.0.0/8,udp:53,10.1.0.0/16
create k hash:ip,mark family inet markmask 0x000000ff hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001
add k 10.0.0.1,0x00000034
create im hash:ip,mac family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001
add im 10.0.0.1,02:00:00:00:00:0A
create m hash:mac hashsize 1024 maxelem 65536 bucketsize 12 initval 0x00000001
add m 02:00:00:00:00:0A
"""
    )
    assert run(machine, "test nn 10.1.2.3,192.168.0.9")[0] == 1
    assert run(machine, "test nn 10.1.2.3,192.168.0.9 nomatch")[0] == 0
    assert run(machine, "test npn 10.1.2.3,udp:53,10.1.9.9") == (
        0,
        "Warning: 10.1.2.3,udp:53,10.1.9.9 is in set npn.\n",
    )


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("create x hash:net,iface", "hash:net,iface"),
        ("create x hash:ip skbinfo", "skbinfo"),
        ("add s 10.0.0.1 skbmark 0x1/0xff", "skbmark"),
        ("add s 10.0.0.1 skbqueue 3", "skbqueue"),
        ("create x hash:ip probes 4", "probes"),
        ("-", "interactive mode"),
    ],
)
def test_what_is_not_modelled_is_named(line: str, named: str) -> None:
    machine = node()
    run(machine, "create s hash:ip")
    with pytest.raises(NotModelled, match=named):
        run(machine, line)
    assert [each.name for each in machine.root.netns.ipsets] == ["s"]


def test_addresses_may_have_names() -> None:
    machine = node()
    machine.root.files["/etc/hosts"] = "10.0.0.7 web-1\n"
    run(machine, "create s hash:ip")
    assert run(machine, "add s [web-1]") == (0, "")
    assert run(machine, "list s -r")[1].endswith("Members:\n[web-1]\n")
    assert (
        run(machine, "add s web-1")[1]
        == "ipset v7.17: Syntax error: cannot parse web: resolving to IPv4 address failed\n"
    )


_LINES = st.lists(
    st.tuples(
        st.sampled_from(["add", "del"]),
        st.sampled_from(["ips", "nets", "ports", "nope"]),
        st.sampled_from(["10.0.0.1", "10.0.0.2", "0.0.0.0", "10.0.0.256", "10.0.0.010", "10.0.1"]),
        st.sampled_from(["", "/32", "/30", "/8", "/0", "/33", "/032"]),
    ),
    max_size=12,
)


@given(_LINES)
def test_the_shortcut_of_restore_changes_nothing(lines: list[tuple[str, str, str, str]]) -> None:
    """A second blank keeps a line from it."""
    results = []
    for blank in (" ", "  "):
        machine = node()
        run(machine, "create ips hash:ip initval 1")
        run(machine, "create nets hash:net initval 1")
        run(machine, "create ports hash:ip,port initval 1")
        text = "".join(f"{verb}{blank}{name} {address}{length}\n" for verb, name, address, length in lines)
        results.append((run(machine, "restore", text), run(machine, "save")))
    assert results[0] == results[1]


def test_help_of_an_unknown_type() -> None:
    status, text = run(node(), "help hash:foo")
    assert status == 2
    assert text.endswith("Unknown settype: `hash:foo'\nTry `ipset help' for more information.\n")
