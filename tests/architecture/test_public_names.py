import subprocess
import sys

import pytest

import podwire

NAMES = [
    "Calico", "Capture", "Cilium", "Cluster", "CommandResult", "ConfigError", "DropReason", "FirewallRule", "GKE", "Host", "IPPool",
    "ManifestError", "NicSpec", "Node", "NotModelled", "PingResult", "Plugins", "Pod", "PodwireError", "Trace", "Verdict",
]  # fmt: skip


def test_the_public_names_are_these():
    assert podwire.__all__ == NAMES


def test_every_public_name_loads():
    for name in NAMES:
        assert getattr(podwire, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nothing"):
        podwire.Nothing  # noqa: B018


def test_importing_podwire_loads_no_simulator():
    code = "import sys, podwire; print(sorted(m for m in sys.modules if m.startswith('podwire')))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "['podwire']"
