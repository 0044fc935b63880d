"""A cluster of two nodes and its operator."""

from collections.abc import Callable

import pytest

from podwire import GKE, Cluster

Type = Callable[..., str]


@pytest.fixture
def lab() -> Cluster:
    return Cluster(GKE(), nodes=2)


@pytest.fixture
def kubectl(lab: Cluster) -> Type:
    """Types a command; what it prints, both streams, with ``[STATUS]`` behind it where that is not 0."""

    def type_(command: str, stdin: str = "") -> str:
        result = lab.kubectl(command, stdin=stdin)
        return result.output + (f"[{result.exit_code}]" if result.exit_code else "")

    return type_
