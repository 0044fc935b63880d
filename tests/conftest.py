"""Fixtures for all tests."""

import os
import shutil
from collections.abc import Callable
from typing import Final

import hypothesis
import pytest

# In CI every tool is installed: a test that cannot run there is a failure, not a gap that nobody sees.
CI: Final = bool(os.environ.get("PODWIRE_CI"))

# Where a tool's name is not the name of its Debian package.
PACKAGES: Final = {
    "arp": "net-tools",
    "arping": "iputils-arping",
    "bridge": "iproute2",
    "ifconfig": "net-tools",
    "ip": "iproute2",
    "ip6tables": "iptables",
    "ip6tables-save": "iptables",
    "iptables-restore": "iptables",
    "iptables-save": "iptables",
    "netstat": "net-tools",
    "newgidmap": "uidmap",
    "newuidmap": "uidmap",
    "nft": "nftables",
    "ping": "iputils-ping",
    "route": "net-tools",
    "ss": "iproute2",
    "tc": "iproute2",
    "unshare": "util-linux",
}

# A slow machine is no bug. A failure in CI has to be the same failure at the next run.
hypothesis.settings.register_profile("podwire", deadline=None)
hypothesis.settings.register_profile("podwire-ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("podwire-ci" if CI else "podwire")


def require_tool(name: str) -> str:
    """The path of a program of this machine, or the end of the test."""
    if path := shutil.which(name):
        return path
    message = f"needs {name} (apt install {PACKAGES.get(name, name)})"
    if CI:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def need_tool() -> Callable[[str], str]:
    """`need_tool("tshark")` returns the path of tshark; without it the test is skipped, in CI it fails."""
    return require_tool
