"""The scripts of both worlds leave this machine as it was."""

import sys

import pytest

from tests import host


@pytest.fixture(scope="session", autouse=True)
def the_machine_stays_as_it_is():
    """No script of the suite changes the host."""
    if not sys.platform.startswith("linux"):
        yield
        return
    with host.unchanged():
        yield
