"""Live captures in the simulated kernel print what the real tcpdump printed of the real one."""

import pytest

from tests.oracle import normalise
from tests.tools.realscripts import ORACLE, normalised, recorded
from tests.tools.tcpdump.script import Script

# The others are played by ``podwire sh`` (tests/oracle): these need programs that send.
SCRIPTS = {
    "tcpdump_tcp": 14,
    "tcpdump_udp": 8,
}


def record(name):
    text = (ORACLE / "recorded" / f"{name}.out").read_text()
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
