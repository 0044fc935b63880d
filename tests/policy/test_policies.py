"""Every set of policies lets through what Kubernetes says, between every two of nine pods: TCP and UDP, two ports, same node and other."""

from __future__ import annotations

import zlib
from functools import cache

import pytest

from tests.conformance import modes
from tests.conformance.modes import Mode
from tests.policy.cases import cases, manifests
from tests.policy.world import Lab

MODES = {
    mode.name: mode
    for mode in (
        modes.CALICO_IPIP,
        modes.CALICO_NONE,
        modes.CALICO_VXLAN,
        modes.CALICO_IPIP_CROSS_SUBNET,
        modes.CALICO_VXLAN_CROSS_SUBNET,
        modes.GKE_CALICO,
    )
}
WHOLE = modes.CALICO_NONE.name
"""The mode in which every set is tried each time; the others take turns."""
PORTS = [("TCP", 80), ("TCP", 81), ("UDP", 80), ("UDP", 81)]
SHARE = 8


@cache
def lab_of(mode: str) -> Lab:
    """One for all sets: from each to the next, policies come, change and go."""
    return Lab(MODES[mode])


def holds(lab: Lab, name: str) -> list[str]:
    lab.set(manifests(cases()[name], lambda key: str(lab.cluster.pod(key).ip)))
    return lab.wrong(lab.pairs(PORTS))


def sample(mode: Mode) -> list[str]:
    """An eighth of the sets: another one in each mode."""
    turn = list(MODES).index(mode.name)
    return [name for name in cases() if (zlib.crc32(name.encode()) + turn) % SHARE == 0]


def test_there_are_at_least_150_sets_and_no_two_say_the_same() -> None:
    assert len(cases()) >= 150
    assert len({str(each) for each in cases().values()}) == len(cases())


@pytest.mark.xdist_group("policies")
@pytest.mark.parametrize("name", list(cases()))
def test_the_datapath_lets_through_what_kubernetes_says(name: str) -> None:
    assert holds(lab_of(WHOLE), name) == []


@pytest.mark.xdist_group("policies-of-other-modes")
@pytest.mark.parametrize("mode", [mode for mode in MODES.values() if mode.name != WHOLE], ids=str)
def test_every_other_mode_on_a_share_of_the_sets(mode: Mode) -> None:
    lab = lab_of(mode.name)
    wrong = {name: found for name in sample(mode) if (found := holds(lab, name))}
    assert wrong == {}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [mode for mode in MODES.values() if mode.name != WHOLE], ids=str)
@pytest.mark.parametrize("name", list(cases()))
def test_every_set_in_every_mode(mode: Mode, name: str) -> None:
    assert holds(lab_of(mode.name), name) == []
