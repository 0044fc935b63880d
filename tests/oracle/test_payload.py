"""The largest payload: ``max_payload``, ping by halving in podwire, and ping by halving on the real kernel agree."""

import re

import pytest

from tests.conftest import CI
from tests.oracle import namespaces, payloads

TOPOLOGIES = payloads.topologies()
every_topology = pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda topology: topology.name)


def all_learned(ours):
    return [netns.exceptions for netns in ours.runner.machine.netns.values() if netns.exceptions]


@every_topology
def test_max_payload_is_what_the_kernel_lets_pass(topology):
    ours = payloads.Ours(topology)
    found = ours.max_payload()
    assert [int(found), found.told] == payloads.recorded()[topology.name]
    assert all_learned(ours) == []
    assert ours.halve() == found.bytes


@every_topology
def test_the_arithmetic_comes_out_and_names_a_device_that_is_there(topology):
    ours = payloads.Ours(topology)
    found = ours.max_payload()
    terms, result = found.arithmetic.rsplit(" = ", 1)
    signed = [int(sign.replace("− ", "-").replace("+ ", "")) for sign in re.findall(r"^\d+|[−+] \d+", terms)]
    assert sum(signed) == int(result) == found.bytes
    assert signed[0] == found.mtu
    name, _, dev = found.limit.partition(":")
    assert ours.runner.machine.netns[name].link(dev)
    assert found.back is (topology.name == "answers that are lost")
    assert ("nobody tells" in str(found)) is not found.told


@pytest.mark.parametrize(
    ("pod", "under", "arithmetic"),
    [
        (1500, 1500, "1480 (MTU of r1:tu) − 20 IPv4 − 8 ICMP = 1452"),
        (1480, 1400, "1400 (MTU of r1:u1) − 20 IPv4 − 20 IPv4 − 8 ICMP = 1352"),
        (1400, 1500, "1400 (MTU of a:e1) − 20 IPv4 − 8 ICMP = 1372"),
    ],
)
def test_r1_the_headers_of_ipip_count(pod, under, arithmetic):
    ours = payloads.Ours(payloads.ipip(pod=pod, under=under))
    found = ours.max_payload()
    assert (found.arithmetic, found.told) == (arithmetic, True)
    assert ours.halve() == found.bytes


def test_what_was_learned_before_limits_and_stays():
    topology = next(each for each in TOPOLOGIES if each.name == "two smaller links")
    ours = payloads.Ours(topology)
    assert not ours.passes(1472)  # a learns 1400
    before = repr(all_learned(ours))
    ours.do(["ip", "-n", "r1", "link", "set", "e2", "mtu", "1500"])
    ours.do(["ip", "-n", "r2", "link", "set", "w2", "mtu", "1500"])
    ours.do(["ip", "-n", "r2", "link", "set", "e3", "mtu", "1500"])
    ours.do(["ip", "-n", "b", "link", "set", "w3", "mtu", "1500"])
    found = ours.max_payload()
    assert found.arithmetic == "1400 (path MTU to 10.0.3.2 that a has learned) − 20 IPv4 − 8 ICMP = 1372"
    assert repr(all_learned(ours)) == before
    ours.do(["ip", "-n", "a", "route", "flush", "cache"])
    assert int(ours.max_payload()) == 1472


@pytest.mark.slow
@pytest.mark.oracle
def test_the_record_is_what_the_kernel_says():
    if why := namespaces.why_not():
        if CI:
            pytest.fail(f"no oracle here: {why}", pytrace=False)
        pytest.skip(f"no oracle here: {why}")
    assert payloads.ask_kernel_all() == payloads.recorded()
