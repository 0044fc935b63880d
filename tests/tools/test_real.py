"""Every text of ping, arping, arp, route, sysctl and cat against records of the real ones (iputils 20221126, net-tools 2.10, BusyBox 1.35, procps 4.0.2)."""

import re

import pytest

from tests.oracle import normalise, real
from tests.tools.realscripts import MORE, ORACLE, normalised, pairs

# Script -> how many commands of ours it shows. The number is here so that nothing is left out unseen.
SCRIPTS = {
    "arp_cold": 9,
    "arp_failure": 9,
    "arp_more": 83,
    "arping": 32,
    "fwd_arpfail": 7,
    "fwd_local": 9,
    "help": 7,
    "icmp_limits": 14,
    "mtu": 11,
    "names": 12,
    "neigh_stats": 33,
    "nud_cycle": 1,
    "nud_time": 6,
    "ping_basic": 48,
    "ping_dgram": 6,
    "ping_errors": 50,
    "ping_more": 46,
    "ping_router": 21,
    "ping_unreachable": 14,
    "route_more": 88,
    "route_nettools": 17,
    "route_source": 5,
    "sysctl": 47,
    "sysctl_more": 83,
    "sysfs": 86,
}

NOT_MODELLED = {
    "arp_more": {"arp -H fddi", "arp -f"},
    "ping_basic": {"ping -c 1 -R 10.0.0.2", "ping -c 1 -T tsonly 10.0.0.2"},
    "ping_errors": {"ping -c 1 -6 fd00::1", "ping -c 1 fd00::1", "ping -c 1 10.0.0.2 10.0.0.3"},
    "ping_router": {"ping -c 1 -R 10.1.0.2"},
    "sysfs": {f"cat /sys/class/net/{dev}/carrier_changes" for dev in ("v0", "lo", "br0")} | {"cat /proc/net/fib_trie"},
}

# Of these listings podwire has a part: no key that is not there, and not every one that is.
PARTLY = {"sysctl": re.compile(r"sysctl -a .*ip_")}
# Only the first namespace has net.ipv4.neigh.default; podwire shows it everywhere, as each namespace has its own.
ELSEWHERE = {"sysctl": re.compile(r"sysctl -a .*neigh.default")}

# A hash decides in which order the kernel shows neighbours; standard output that is no terminal comes behind the errors.
ANY_ORDER = re.compile(r"\b(arp|route) (-\w*[hz]|--foo)|/proc/net/arp|\barp( (?!-[sd])|$)")


def matches(exceptions, name, command):
    return name in exceptions and exceptions[name].search(command)


def files(name):
    if (MORE / f"{name}.sh").exists():
        return MORE / f"{name}.sh", MORE / f"{name}.out"
    return ORACLE / "scripts" / f"{name}.sh", ORACLE / "recorded" / f"{name}.out"


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_as_the_real_tools(name):
    blocks, not_modelled = pairs(*files(name))
    expected = NOT_MODELLED.get(name, set())
    assert {command for command in not_modelled if not command.startswith("ip ")} == expected
    assert len(blocks) == SCRIPTS[name]
    for command, one, other in blocks:
        if other.startswith("NotModelled: ") or matches(ELSEWHERE, name, command):
            continue
        if matches(PARTLY, name, command):
            assert set(other.splitlines()) < set(one.splitlines()), command
            continue
        if ANY_ORDER.search(command):
            one, other = sorted(one.splitlines()), sorted(other.splitlines())
        assert (command, other) == (command, one)


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("script", sorted(MORE.glob("*.sh")), ids=lambda path: path.stem)
def test_records_are_what_the_real_tools_print(script, need_tool):
    for tool in ("unshare", "ip", "ping", "arping", "arp", "route", "sysctl", "busybox"):
        need_tool(tool)
    keep = normalise.macs(script.read_text())
    now, _ = real.run(script)
    record = script.with_suffix(".out").read_text()
    # Neighbours come in an order that differs from boot to boot.
    assert sorted(normalised(now, keep).splitlines()) == sorted(normalised(record, keep).splitlines())
