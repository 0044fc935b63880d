"""Agents: reconciling twice changes nothing, whatever happened to the node; a pod that is gone has left nothing behind."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.cluster import Cluster, Node
from podwire.errors import PodwireError
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import RT_TABLE_MAIN, NextHop, Route
from podwire.linux.link import SCOPE_LINK
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.platform.gke import GKE
from podwire.trace.events import Owner
from podwire.wire.addr import Ip4, Net

_VANDAL = Owner("vandal")
_DAMAGE = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 9)), max_size=8)


def _damage(node: Node, kind: int, which: int, value: int) -> None:
    """Somebody changes what Felix wants to be there."""
    netns = node.place.netns
    door = Netlink(netns, _VANDAL)
    calis = [link for link in netns.links() if link.name.startswith("cali")]
    if not calis:
        return
    link = calis[which % len(calis)]
    with suppress(NetlinkError):
        if kind == 0:
            mine = [
                route
                for route in netns.table(RT_TABLE_MAIN).dump()
                if any(h.ifindex == link.ifindex for h in route.nexthops)
            ]
            for route in mine:
                door.route_remove(route)
        elif kind == 1:
            net = Net(Ip4(10 << 24 | 77 << 16 | value), 32)
            door.route_add(Route(net, scope=SCOPE_LINK, nexthops=(NextHop(link.ifindex),)))
        elif kind == 2:
            door.sysctl_write(
                f"net/ipv4/conf/{link.name}/{('proxy_arp', 'forwarding', 'rp_filter', 'route_localnet')[value % 4]}",
                str(value % 2),
            )
        elif kind == 3:
            door.link_down(link)
            door.link_up(link)
        elif kind == 4:
            door.sysctl_write("net/ipv4/conf/default/rp_filter", str(value % 3))
        else:
            metric = Route(
                Net(Ip4(10 << 24 | 32 << 16 | 2), 32), scope=SCOPE_LINK, metric=value, nexthops=(NextHop(link.ifindex),)
            )
            door.route_add(metric)


def _state(netns: Netns) -> dict[str, object]:
    return {
        "routes": {
            number: [(str(r.dst), r.type, r.metric, r.nexthops) for r in table]
            for number, table in netns.tables.items()
        },
        "links": [(link.name, link.ifindex, [str(a.local) for a in link.addresses]) for link in netns.links()],
        "neighbours": sorted(
            (str(entry.ip), entry.link.name) for entry in netns.neighbours if entry.link.name != "eth0"
        ),
        "local": sorted(map(int, netns.local)),
        "fragments": len(netns.fragments),
    }


def _check_reconcile(damage: list[tuple[int, int, int]], pods: int) -> None:
    cluster = Cluster(GKE(dataplane="calico"), nodes=1)
    node = cluster.nodes[0]
    for number in range(pods):
        cluster.run(f"pod{number}")
    for each in damage:
        _damage(node, *each)
    cluster._kubelet.sync(node.spec)
    before = _state(node.place.netns)
    assert cluster._kubelet.sync(node.spec) == 0
    assert _state(node.place.netns) == before
    for pod in cluster.pods[1:]:
        assert cluster.pods[0].ping(pod).ok


@settings(max_examples=60)
@given(_DAMAGE, st.integers(0, 3))
def test_reconciling_twice_changes_nothing_and_repairs(damage: list[tuple[int, int, int]], pods: int) -> None:
    _check_reconcile(damage, pods)


@pytest.mark.slow
@settings(max_examples=3000)
@given(_DAMAGE, st.integers(0, 3))
def test_reconciling_twice_changes_nothing_and_repairs_long(damage: list[tuple[int, int, int]], pods: int) -> None:
    _check_reconcile(damage, pods)


def _check_delete(steps: list[tuple[int, int]]) -> None:
    """Pods come, talk and go; when the last is gone each node is as it was."""
    cluster = Cluster(GKE(dataplane="calico"), nodes=2)
    before = [_state(node.place.netns) for node in cluster.nodes]
    names = [machine.netns.keys() - set() for machine in (node.machine for node in cluster.nodes)]
    spaces = [set(found) for found in names]
    for kind, which in steps:
        pods = cluster.pods
        if kind == 0 or not pods:
            with suppress(PodwireError):
                cluster.run(f"pod{which}", node=f"node{1 + which % 2}")
        elif kind == 1:
            pods[which % len(pods)].delete()
        else:
            pods[which % len(pods)].ping(pods[-1] if kind == 2 else "10.32.0.99")
    for pod in cluster.pods:
        pod.delete()
    cluster.sleep(120)
    assert [_state(node.place.netns) for node in cluster.nodes] == before
    assert [set(node.machine.netns) for node in cluster.nodes] == spaces
    for node in cluster.nodes:
        assert not [name for name in node.machine.netns_names if name.startswith("cni-")]
        assert all(link.peer is None for link in node.place.netns.links())


_STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12)


@settings(max_examples=60)
@given(_STEPS)
def test_a_deleted_pod_leaves_nothing_behind(steps: list[tuple[int, int]]) -> None:
    _check_delete(steps)


@pytest.mark.slow
@settings(max_examples=2000)
@given(_STEPS)
def test_a_deleted_pod_leaves_nothing_behind_long(steps: list[tuple[int, int]]) -> None:
    _check_delete(steps)
