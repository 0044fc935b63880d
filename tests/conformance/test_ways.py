"""Which devices a packet passes, with which TTL, inside which headers, from and to which addresses: each kind of pair in each mode."""

from __future__ import annotations

import pytest

from podwire.cluster import Handle, Pod
from podwire.trace.reasons import Verdict
from tests.conformance.modes import BACK, MODES, PAIRS, Lab, Mode, node_of
from tests.conformance.observing import Step, address, devices, line, watch

EVERY = [pytest.param(mode, kind, id=f"{mode}-{kind.replace(' ', '-')}") for mode in MODES for kind in mode.kinds]


@pytest.mark.parametrize(("mode", "kind"), EVERY)
def test_way_there_and_back_with_the_ttl_at_each_device(mode: Mode, kind: str) -> None:
    lab = Lab.of(mode)
    sender, receiver = lab.pair(kind)

    seen = watch(lab.cluster, sender, receiver)

    assert line(seen.request, sender, receiver) == mode.ways[kind]
    assert line(seen.reply, receiver, sender) == mode.back(kind)
    assert seen.ping.ok
    assert seen.ping.ttl == mode.arrives.get(BACK[kind], seen.reply[-1].inner.ttl)
    trace = seen.ping.trace
    assert trace.reply is not None
    assert (trace.verdict, trace.reply.verdict) == (Verdict.DELIVERED, Verdict.DELIVERED)
    assert (trace.path, trace.reply.path) == (devices(seen.request), devices(seen.reply))


@pytest.mark.parametrize(("mode", "kind"), EVERY)
def test_addresses_inside_and_outside(mode: Mode, kind: str) -> None:
    lab = Lab.of(mode)
    sender, receiver = lab.pair(kind)

    seen = watch(lab.cluster, sender, receiver)

    source = sender.ip
    if kind in mode.sources:
        node = node_of(sender)
        assert node is not None
        source = address(node, mode.sources[kind].replace("b", getattr(receiver, "interface", "")))
    assert {(step.inner.src, step.inner.dst) for step in seen.request} == {(source, receiver.ip)}
    assert {(step.inner.src, step.inner.dst) for step in seen.reply} == {(receiver.ip, source)}
    for steps, here, there in ((seen.request, sender, receiver), (seen.reply, receiver, sender)):
        for step in steps:
            if step.outer is not None:
                near, far = node_of(here), node_of(there)
                assert near is not None
                assert far is not None
                assert (step.outer.src, step.outer.dst) == (near.ip, far.ip)
                _check_tunnel(mode, step, here)


def _check_tunnel(mode: Mode, step: Step, sender: Handle) -> None:
    """UDP port, VNI, don't-fragment and overhead are those of the mode."""
    assert mode.tunnel is not None
    assert step.tunnel is not None
    assert (step.tunnel.kind, step.tunnel.port) == (mode.tunnel.kind, mode.tunnel.port)
    if mode.name.startswith("cilium"):
        # The sender's identity: pods have numbers from 256 on, a node sends as remote-node (reference sheet Cilium, 5.1 and 6).
        assert step.tunnel.vni >= 256 if isinstance(sender, Pod) else step.tunnel.vni == 6
    else:
        assert step.tunnel.vni == mode.tunnel.vni
    assert step.tunnel.df == (step.inner.df if mode.tunnel.kind == "ipip" else mode.tunnel.df)
    assert step.ethernet_size == 14 + 84 + mode.tunnel.overhead


def test_every_kind_of_pair_has_its_way_back_in_the_table() -> None:
    assert BACK.keys() == PAIRS.keys()
    for mode in MODES:
        assert {BACK[kind] for kind in mode.kinds} == set(mode.kinds), str(mode)
