"""The real tcpdump, where there is one."""

import pytest

from tests.tools.tcpdump.judge import Judge


@pytest.fixture(scope="session")
def judge(need_tool):
    need_tool("tcpdump")
    return Judge("tcpdump")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path, monkeypatch):
    """``-w x.pcap`` writes where the test stands."""
    monkeypatch.chdir(tmp_path)
