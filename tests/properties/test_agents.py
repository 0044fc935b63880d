"""Agents: reconciling twice changes nothing, whatever happened to the node; a pod that is gone has left nothing behind."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.cluster import Cluster, Node
from podwire.cni.calico.backend import CalicoBackend
from podwire.cni.calico.config import Calico, IPPool
from podwire.errors import NotModelled, PodwireError
from podwire.ipam.calico_blocks import Block
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


# -- Calico's modes: two nodes on one network, a third behind a router ----------------------------------------------

_MODES: tuple[dict[str, str], ...] = (
    {"ipip_mode": "Always"},
    {"ipip_mode": "CrossSubnet"},
    {"vxlan_mode": "Always"},
    {"vxlan_mode": "CrossSubnet"},
    {},
)
_MODE = st.sampled_from(_MODES)


def _calico(mode: dict[str, str]) -> Cluster:
    pool = IPPool("10.48.0.0/24", block_size=29, **mode)  # type: ignore[arg-type]
    cluster = Cluster(Calico(ip_pools=(pool,)))
    cluster.add_network("lan10", "192.168.10.0/24")
    cluster.add_network("lan20", "192.168.20.0/24")
    cluster.add_router("router", {"lan10": "192.168.10.1", "lan20": "192.168.20.1"})
    for number, lan in enumerate((10, 10, 20), start=1):
        cluster.add_node(
            f"n{number}", f"192.168.{lan}.{100 + number}/24", network=f"lan{lan}", gateway=f"192.168.{lan}.1"
        )
    return cluster


def _wreck(node: Node, kind: int, which: int, value: int) -> None:
    """Somebody changes what Felix and BIRD want to be there."""
    netns = node.place.netns
    tunnels = [link for link in netns.links() if link.kind in {"ipip", "vxlan"}]
    link = tunnels[which % len(tunnels)] if tunnels else netns.links()[-1]
    commands = (
        f"ip route del 10.48.0.{8 * value}/29",
        f"ip route replace 10.48.0.{8 * value}/29 dev {link.name}",
        f"ip route add 10.48.0.{8 * value}/29 via 192.168.10.1 metric {which}",
        f"ip addr add 10.48.9.{value}/{32 - which} dev {link.name}",
        f"ip addr flush dev {link.name}",
        f"ip link set {link.name} mtu {1400 + value}",
        f"ip link set {link.name} {'down' if which else 'up'}",
        "ip link del vxlan.calico",
        f"ip neigh replace 10.48.0.{value} lladdr 66:00:00:00:00:0{value} dev {link.name} nud permanent",
        f"bridge fdb append 66:00:00:00:00:0{which} dev {link.name} dst 192.168.10.{value + 1}",
        "bridge fdb del 66:00:00:00:00:01 dev vxlan.calico",
        f"ip route add blackhole 10.77.{value}.0/24 proto {(12, 80, 3, 4)[which]}",
    )
    with suppress(NotModelled):  # a neighbour of one's own on tunl0
        node.exec(commands[kind % len(commands)])


def _blocks_of(cluster: Cluster) -> list[Block]:
    assert isinstance(cluster.backend, CalicoBackend)
    return list(cluster.backend.store.ipam.blocks())


_WRECKS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 11), st.integers(0, 3), st.integers(0, 9)), max_size=8)


def _check_calico(first: dict[str, str], then: dict[str, str], wrecks: list[tuple[int, int, int, int]]) -> None:
    cluster = _calico(first)
    pods = [cluster.run(f"p{node.name}", node=node.name) for node in cluster.nodes]
    for where, *what in wrecks[::2]:
        _wreck(cluster.nodes[where], *what)
    spec = {"cidr": "10.48.0.0/24", "blockSize": 29, **{name.replace("_m", "M"): mode for name, mode in then.items()}}
    cluster.apply(
        {
            "apiVersion": "projectcalico.org/v3",
            "kind": "IPPool",
            "metadata": {"name": "default-ipv4-ippool"},
            "spec": spec,
        }
    )
    for where, *what in wrecks[1::2]:
        _wreck(cluster.nodes[where], *what)
    cluster.told()
    before = [_state(node.place.netns) for node in cluster.nodes]
    assert [cluster._kubelet.sync(node.spec) for node in cluster.nodes] == [0, 0, 0]
    assert [_state(node.place.netns) for node in cluster.nodes] == before
    # A route of a better metric or of somebody else's may still stand in the way; without vandals everybody reaches everybody.
    if not wrecks and then != {}:
        assert all(a.ping(b).ok for a in pods for b in pods)
    blocks = [block.cidr for block in _blocks_of(cluster)]
    assert len({cidr.addr for cidr in blocks}) == len(blocks)


@settings(max_examples=60)
@given(_MODE, _MODE, _WRECKS)
def test_calico_in_every_mode_and_from_mode_to_mode(first, then, wrecks) -> None:
    _check_calico(first, then, wrecks)


@pytest.mark.slow
@settings(max_examples=3000)
@given(_MODE, _MODE, _WRECKS)
def test_calico_in_every_mode_and_from_mode_to_mode_long(first, then, wrecks) -> None:
    _check_calico(first, then, wrecks)


@pytest.mark.parametrize("first", _MODES)
@pytest.mark.parametrize("then", _MODES)
def test_a_mode_switch_leaves_what_a_fresh_cluster_has(first: dict[str, str], then: dict[str, str]) -> None:
    """But for tunl0, which stays, and for the addresses of the tunnels."""
    _check_calico(first, then, [])
    old, new = _calico(first), _calico(then)
    for cluster in (old, new):
        for node in cluster.nodes:
            cluster.run(f"p{node.name}", node=node.name)
    spec = {"cidr": "10.48.0.0/24", "blockSize": 29, **{name.replace("_m", "M"): mode for name, mode in then.items()}}
    old.apply(
        {
            "apiVersion": "projectcalico.org/v3",
            "kind": "IPPool",
            "metadata": {"name": "default-ipv4-ippool"},
            "spec": spec,
        }
    )

    def devices(cluster: Cluster) -> list[list[tuple[str, bool]]]:
        return [
            [
                (link.name, bool(link.addresses))
                for link in node.place.netns.links()
                if link.addresses or link.name != "tunl0"
            ]
            for node in cluster.nodes
        ]

    def ways(cluster: Cluster) -> list[list[tuple[str, str, int, str]]]:
        """Prefixes of more than one address, with the device and the protocol."""
        return [
            sorted(
                (
                    str(route.dst),
                    route.type,
                    route.proto,
                    "".join(node.place.netns.link_name(h.ifindex) for h in route.nexthops),
                )
                for route in node.place.netns.table(RT_TABLE_MAIN).dump()
                if route.dst.plen < 32
            )
            for node in cluster.nodes
        ]

    assert sorted(map(sorted, devices(old))) == sorted(map(sorted, devices(new)))
    assert ways(old) == ways(new)
