"""A missing tool is a gap on somebody's machine and a failure in CI."""

import shutil

import pytest

from tests import conftest


def test_a_tool_that_is_there_is_returned_by_its_path(need_tool):
    assert need_tool("sh") == shutil.which("sh")


def test_a_missing_tool_skips_and_names_its_package(monkeypatch):
    monkeypatch.setattr(conftest, "CI", False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match=r"^needs arping \(apt install iputils-arping\)$"):
        conftest.require_tool("arping")


def test_a_missing_tool_fails_in_ci(monkeypatch):
    monkeypatch.setattr(conftest, "CI", True)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.fail.Exception, match=r"^needs tshark \(apt install tshark\)$"):
        conftest.require_tool("tshark")
