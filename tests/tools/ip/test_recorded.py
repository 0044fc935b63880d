"""The oracle's scripts of ``ip``, interpreted here, print what the real kernel and the real tool printed."""

from pathlib import Path

import pytest

from tests.oracle import normalise
from tests.tools.ip.bench import Script, Unsupported, blocks

ORACLE = Path(__file__).parents[2] / "oracle"
SCRIPTS = sorted(
    path
    for word in ("addr", "link", "neigh", "route", "rule")
    for path in (ORACLE / "scripts").glob(f"{word}_*.sh")
    if path.stem != "route_nettools"  # about other tools
)

# A script that only a shell can run.
SHELL = {"route_get_local"}

# Commands whose output may differ, by script; the value says why.
HELP = "the help texts are not copied"
PATH = "linux.path decides"
NETNS = "a command that podwire does not have"
DUMMY = "the recording machine has no dummy devices"
BRIDGE = "bridge ports are not modelled"
NEIGH = "router, extern_learn and protocol of a neighbour are not modelled"
KNOWN = {
    "link_add": {
        "ip -n a link add d0 address 02:00:00:00:00:0c type dummy": DUMMY,
        "ip -n a link set d0 up": DUMMY,
        "ip -n a link show d0": DUMMY,
        "ip -n a -br link": DUMMY,
        "ip -n a link add v9 type vlan id 5": "VLANs are not modelled",
        "ip -n a link add link v0 name v0.5 type vlan id 5000": "VLANs are not modelled",
    },
    "link_forms": {"ip -n a link help": HELP},
    "link_netns": {
        "ip netns exec a nosuchcommand": NETNS,
        "ip netns exec a false": NETNS,
        "ip netns exec a sh -c 'exit 7'": NETNS,
        "ip -all netns exec true": NETNS,
    },
    "link_state": {
        "ip -n a link set p0 master br0": BRIDGE,
        "ip -n a link show p0": BRIDGE,
        "ip -n a link show br0": BRIDGE,
        "ip -n a link show master br0": BRIDGE,
    },
    "neigh_basic": {
        **dict.fromkeys(
            (
                "ip -n a neigh add 10.9.9.9 lladdr 02:00:00:00:00:99 dev v0 router",
                "ip -n a neigh add 10.9.9.8 lladdr 02:00:00:00:00:98 dev v0 extern_learn",
                "ip -n a neigh add 10.9.9.7 lladdr 02:00:00:00:00:97 dev v0 protocol static",
                "ip -n a neigh | sort",
                "ip -n a neigh show dev v0 | sort",
                "ip -n a neigh show unused | sort",
            ),
            NEIGH,
        ),
        **{
            f"ip -n a neigh show nud {state} | sort": NEIGH
            for state in ("permanent", "stale", "reachable", "failed", "noarp", "none", "all")
        },
    },
    "route_change": {"ip -n a route save table main": "route save is not modelled"},
    "route_errors": {
        "ip -n a route add": HELP,
        "ip -n a route add via 10.0.0.9 2>&1 | head -n 2": HELP,
        "ip -n a route del 2>&1 | head -n 2": HELP,
        "ip -n a route get 10.20.0.1": PATH,
        "ip -n a route get 10.21.0.1": PATH,
        "ip -n a route get 10.22.0.1": PATH,
    },
    "route_get": {"ip -n a route get 255.255.255.255": PATH, "ip -n a route get 8.8.8.8 from 1.2.3.4": PATH},
    "route_linkdown": {"ip -n a route get 10.7.0.5": "the kernel chooses the leg by a hash with a random key"},
}


def differences(script):
    """(command, the kernel's output, ours) where they differ."""
    text = script.read_text()
    keep = normalise.macs(text)
    recorded = (ORACLE / "recorded" / f"{script.stem}.out").read_text(errors="replace")
    kernel = blocks(normalise.normalise(recorded, keep))
    ours = blocks(normalise.normalise(Script().run(text), keep))
    assert [command for command, _ in ours] == [command for command, _ in kernel]
    return [
        (command, theirs, mine) for (command, theirs), (_, mine) in zip(kernel, ours, strict=True) if theirs != mine
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_recorded_script_prints_the_same(script):
    if script.stem in SHELL:
        with pytest.raises(Unsupported):
            Script().run(script.read_text())
        return
    known = KNOWN.get(script.stem, {})
    for command, kernel, ours in differences(script):
        name = command.removeprefix("$ ")
        foreign = name.startswith("ip netns exec") and ours.startswith("NotModelled: ip netns exec")
        assert name in known or foreign, f"{command}\n--- the kernel\n{kernel}--- ours\n{ours}"
