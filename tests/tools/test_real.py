"""arp and route of net-tools 2.10 and of BusyBox 1.35, and names in all tools, against records of the real ones.

What a shell can play is in tests/oracle: here are the scripts that need a BusyBox, or another /etc/hosts.
"""

import re

import pytest

from tests.oracle import normalise, real
from tests.tools.realscripts import MORE, normalised, pairs

# Script -> how many commands of ours it shows. The number is here so that nothing is left out unseen.
SCRIPTS = {
    "arp_more": 83,
    "names": 12,
    "route_more": 88,
}

NOT_MODELLED = {
    "arp_more": {"arp -H fddi", "arp -f"},
}

# A hash decides in which order the kernel shows neighbours; standard output that is no terminal comes behind the errors.
ANY_ORDER = re.compile(r"\b(arp|route) (-\w*[hz]|--foo)|/proc/net/arp|\barp( (?!-[sd])|$)")


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_as_the_real_tools(name):
    blocks, not_modelled = pairs(MORE / f"{name}.sh", MORE / f"{name}.out")
    expected = NOT_MODELLED.get(name, set())
    assert {command for command in not_modelled if not command.startswith("ip ")} == expected
    assert len(blocks) == SCRIPTS[name]
    for command, one, other in blocks:
        if other.startswith("NotModelled: "):
            continue
        if ANY_ORDER.search(command):
            one, other = sorted(one.splitlines()), sorted(other.splitlines())
        assert (command, other) == (command, one)


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("script", sorted(MORE.glob("*.sh")), ids=lambda path: path.stem)
def test_records_are_what_the_real_tools_print(script, need_tool):
    for tool in ("unshare", "ip", "ping", "arping", "arp", "route", "busybox"):
        need_tool(tool)
    keep = normalise.macs(script.read_text())
    now, _ = real.run(script)
    record = script.with_suffix(".out").read_text()
    # Neighbours come in an order that differs from boot to boot.
    assert sorted(normalised(now, keep).splitlines()) == sorted(normalised(record, keep).splitlines())
