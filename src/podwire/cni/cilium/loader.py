"""Compiling the configuration into programs, and attaching them (pkg/datapath/loader; reference sheet Cilium, 4.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.cni.cilium import tables
from podwire.cni.cilium.devices import HOST, NET, TUNNELS, selected
from podwire.cni.cilium.maps import CALL_POLICY, ENDPOINTS, TUNNEL_MAP, ipcache_name, policy_name
from podwire.cni.cilium.programs.defines import LxcDefines, NetdevDefines, NodeDefines
from podwire.cni.cilium.programs.host import cil_from_host, cil_from_netdev, cil_to_host, cil_to_netdev
from podwire.cni.cilium.programs.lxc import cil_from_container, cil_lxc_policy, cil_to_container
from podwire.cni.cilium.programs.overlay import cil_from_overlay, cil_to_overlay
from podwire.linux.bpf.program import Program
from podwire.trace.events import Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from podwire.cni.cilium.config import Cilium
    from podwire.cni.cilium.state import Endpoint, NodeState
    from podwire.linux.bpf.program import Hook
    from podwire.linux.netlink import Netlink
    from podwire.linux.netns import Netns

_AGENT = Owner("cilium-agent")


def node_defines(netns: Netns, here: NodeState, config: Cilium) -> NodeDefines:
    """``node_config.h``."""
    tunnel = netns.link(f"cilium_{config.tunnel}") if config.tunnel else None
    host, net = netns.link(HOST), netns.link(NET)
    devices = selected(netns, config)
    skip = config.host_routing and len(devices) == 1 and not config.endpoint_routes_enabled
    return NodeDefines(
        ipcache=ipcache_name(config.minor),
        tunnel=config.tunnel,
        tunnel_ifindex=tunnel.ifindex if tunnel is not None else 0,
        host_routing=config.host_routing,
        routing=not config.endpoint_routes_enabled,
        nodeport=config.kube_proxy_replacement,
        skip_fib=devices[0].ifindex if skip else 0,
        bpf_masquerade=config.enable_ipv4_masquerade and config.bpf_masquerade,
        iptables_masquerade=config.enable_ipv4_masquerade and not config.bpf_masquerade,
        snat_exclusion=config.native_cidr or here.cidr,
        tunnel_map=config.minor < 18,
        pod_cidr_length=here.cidr.plen,
        host_ifindex=net.ifindex if net is not None else 0,
        **({"host_mac": host.mac} if host is not None else {}),
        **({"net_mac": net.mac} if net is not None else {}),
    )


def write_maps(door: Netlink, here: NodeState, others: Sequence[NodeState], config: Cilium) -> None:
    """Bring every map in line; those of other versions and of endpoints that are gone go."""
    netns = door.netns
    name = ipcache_name(config.minor)
    wanted = {name, ENDPOINTS, CALL_POLICY, *(policy_name(each.id) for each in here.endpoints.values())}
    if config.minor < 18:
        wanted.add(TUNNEL_MAP)
        door.bpf_map_sync(TUNNEL_MAP, "hash", tables.tunnels(others) if config.tunnel else {})
    for stale in [each for each in netns.machine.bpf_maps if each.startswith("cilium_") and each not in wanted]:
        door.bpf_map_remove(stale)
    door.bpf_map_sync(name, "lpm_trie", tables.ipcache(netns, here, others, config))
    door.bpf_map_sync(ENDPOINTS, "hash", tables.endpoints(netns, here))
    for endpoint in here.endpoints.values():
        door.bpf_map_sync(policy_name(endpoint.id), "lpm_trie", tables.default_policy())


def load(door: Netlink, here: NodeState, config: Cilium) -> None:
    """Attach every program where it belongs, and take off what no longer does."""
    netns = door.netns
    node = node_defines(netns, here, config)
    _attach(door, HOST, "ingress", cil_to_host, node)
    _attach(door, HOST, "egress", cil_from_host, node)
    _attach(door, NET, "ingress", cil_to_host, node)
    for name in TUNNELS:
        _attach(door, name, "ingress", cil_from_overlay, node)
        _attach(door, name, "egress", cil_to_overlay, node)
    devices = {link.name: link for link in selected(netns, config)}
    for link in netns.links():
        device = devices.get(link.name)
        if device is not None:
            own = next((address.local for address in device.addresses if not address.secondary), None)
            defines = NetdevDefines(node=node, masquerade=own)
            _attach(door, link.name, "ingress", cil_from_netdev, defines)
            _attach(door, link.name, "egress", cil_to_netdev if config.needs_devices else None, defines)
        elif link.tc_ingress is not None and link.tc_ingress.run is cil_from_netdev:
            door.bpf_detach(link, "ingress")
            door.bpf_detach(link, "egress")
    policies = {
        endpoint.id: program
        for endpoint in here.endpoints.values()
        if (program := _load_endpoint(door, endpoint, node)) is not None
    }
    door.bpf_map_sync(CALL_POLICY, "prog_array", policies)


def _load_endpoint(door: Netlink, endpoint: Endpoint, node: NodeDefines) -> Program | None:
    """The programs of one pod; what is delivered to it is judged by the one that is returned."""
    link = door.netns.link(endpoint.interface)
    if link is None or link.peer is None:
        return None
    owner = Owner("cilium-agent", f"Pod {endpoint.owner}" if "/" in endpoint.owner else endpoint.owner)
    defines = LxcDefines(
        node=node,
        lxc_id=endpoint.id,
        ip=endpoint.ip,
        sec_label=endpoint.identity,
        ifindex=link.ifindex,
        mac=link.peer.mac,
        node_mac=link.mac,
    )
    _attach(door, link.name, "ingress", cil_from_container, defines, owner)
    _attach(door, link.name, "egress", None if node.routing else cil_to_container, defines, owner)
    return Program(cil_lxc_policy.__name__, cil_lxc_policy, defines, owner)


def _attach(
    door: Netlink, dev: str, hook: Hook, run: Callable[..., int] | None, defines: Any, owner: Owner = _AGENT
) -> None:
    link = door.netns.link(dev)
    if link is None:
        return
    if run is None:
        door.bpf_detach(link, hook)
    else:
        door.bpf_attach(link, hook, Program(run.__name__, run, defines, owner))
