"""One mode becomes another while pods run: afterwards every way is that of the new mode, and nodes contain what they would have from the start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from podwire.cluster import Cluster, Node
from tests.conformance.modes import (
    CALICO_IPIP,
    CALICO_IPIP_CROSS_SUBNET,
    CALICO_VXLAN,
    CALICO_VXLAN_CROSS_SUBNET,
    CILIUM_GENEVE,
    CILIUM_NATIVE,
    CILIUM_VXLAN,
    Lab,
    Mode,
)
from tests.conformance.observing import line, watch
from tests.conformance.state import state

Switch = Callable[[Cluster], object]


def _pool(**spec: str) -> Switch:
    pool = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "IPPool",
        "metadata": {"name": "default-ipv4-ippool"},
        "spec": {"cidr": "10.244.0.0/16", "blockSize": 26, **spec},
    }
    return lambda cluster: cluster.apply(pool)


def _helm(**values: str) -> Switch:
    return lambda cluster: cluster.upgrade(**values)


SWITCHES = [
    (CALICO_IPIP, CALICO_IPIP_CROSS_SUBNET, _pool(ipipMode="CrossSubnet")),
    (CALICO_IPIP_CROSS_SUBNET, CALICO_IPIP, _pool(ipipMode="Always")),
    (CALICO_VXLAN, CALICO_VXLAN_CROSS_SUBNET, _pool(vxlanMode="CrossSubnet")),
    (CALICO_VXLAN_CROSS_SUBNET, CALICO_VXLAN, _pool(vxlanMode="Always")),
    (CILIUM_NATIVE, CILIUM_VXLAN, _helm(routing_mode="tunnel", tunnel_protocol="vxlan")),
    (CILIUM_NATIVE, CILIUM_GENEVE, _helm(routing_mode="tunnel", tunnel_protocol="geneve")),
    (CILIUM_VXLAN, CILIUM_GENEVE, _helm(tunnel_protocol="geneve")),
    (CILIUM_GENEVE, CILIUM_VXLAN, _helm(tunnel_protocol="vxlan")),
]


@pytest.mark.parametrize(
    ("old", "new", "switch"), [pytest.param(*each, id=f"{each[0]}-to-{each[1]}") for each in SWITCHES]
)
def test_a_mode_becomes_another(old: Mode, new: Mode, switch: Switch) -> None:
    lab = Lab.of(old)
    for kind in old.kinds:
        sender, receiver = lab.pair(kind)
        assert sender.ping(receiver).ok

    switch(lab.cluster)

    for kind in new.kinds:
        sender, receiver = lab.pair(kind)
        seen = watch(lab.cluster, sender, receiver)
        assert (line(seen.request, sender, receiver), line(seen.reply, receiver, sender)) == (
            new.ways[kind],
            new.back(kind),
        ), kind
    fresh = Lab.of(new)
    for node in lab.cluster.nodes:
        assert _lasting(node) == _lasting(fresh.cluster.node(node.name))


def _lasting(node: Node) -> list[str]:
    """What does not depend on when a device was made."""
    return sorted(text for text in state(node) if text.startswith(("route ", "neighbour ", "fdb ")))
