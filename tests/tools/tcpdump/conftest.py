"""The real tcpdump, where there is one."""

import pytest

from tests.tools.tcpdump.judge import Judge


@pytest.fixture(scope="session")
def judge(need_tool):
    need_tool("tcpdump")
    return Judge("tcpdump")
