"""What the programs share: looking addresses up, counting the TTL down, delivery to a pod, encapsulation (bpf/lib/*.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from podwire.cni.cilium.identity import Reserved
from podwire.cni.cilium.maps import CALL_POLICY, ENDPOINTS, TUNNEL_MAP, EndpointInfo, RemoteEndpoint
from podwire.cni.cilium.programs.observe import (
    MARK_IDENTITY,
    TraceObservationPoint,
    identity_mark,
    send_trace_notify,
)
from podwire.linux.bpf.context import FIB_NO_NEIGH, FIB_SUCCESS, FIB_TEXTS
from podwire.linux.bpf.program import TC_ACT_OK
from podwire.linux.tunnel import TunnelInfo
from podwire.trace.events import PACKET_HOST
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Mac, Net
from podwire.wire.headers import IPv4

if TYPE_CHECKING:
    from podwire.cni.cilium.programs.defines import NodeDefines
    from podwire.linux.bpf.context import Context

_TTL: Final = 64
CB_SRC_LABEL: Final = "src_label"
"""The identity of the source, for the policy program."""
_WORLD: Final = RemoteEndpoint(Reserved.WORLD)


def header(ctx: Context) -> IPv4:
    """The IPv4 header of a packet that is known to have one."""
    ip = ctx.ip
    assert ip is not None  # noqa: S101 - the caller dispatched on the EtherType
    return ip


def lookup_ip4_endpoint(ctx: Context, ip: Ip) -> EndpointInfo | None:
    """``lookup_ip4_endpoint``: a pod of this node, or the node itself."""
    found: EndpointInfo | None = ctx.map(ENDPOINTS).lookup(ip)
    return found


def lookup_ip4_remote_endpoint(ctx: Context, node: NodeDefines, ip: Ip) -> RemoteEndpoint:
    """``lookup_ip4_remote_endpoint``: who is behind an address; world where no entry says."""
    hit: tuple[Net, RemoteEndpoint] | None = ctx.lpm(node.ipcache).match(ip)
    return hit[1] if hit is not None else _WORLD


def remote_endpoint_text(ctx: Context, node: NodeDefines, ip: Ip) -> str:
    """The entry that says who is behind an address, for those who read traces."""
    hit: tuple[Net, RemoteEndpoint] | None = ctx.lpm(node.ipcache).match(ip) if ctx.observed else None
    return (
        f"{ip} is in {hit[0]} of {node.ipcache}: {hit[1]}"
        if hit is not None
        else f"{ip} is in no entry of {node.ipcache}"
    )


def resolve_srcid_ipv4(ctx: Context, node: NodeDefines, identity: int) -> int:
    """``resolve_srcid_ipv4``: a reserved identity is made better by the source address, but for what is said to be the host."""
    if identity >= 256:
        return identity
    known = lookup_ip4_remote_endpoint(ctx, node, header(ctx).src).sec_identity
    return known if known != Reserved.HOST else identity


def ipv4_l3(ctx: Context, *, src: Mac | None = None, dst: Mac | None = None) -> int | None:
    """``ipv4_l3``: one hop. None, or what the program returns for a TTL that ran out: nobody is told."""
    ip = header(ctx)
    if ip.ttl <= 1:
        return ctx.drop(DropReason.TTL_EXCEEDED, f"ttl {ip.ttl}")
    ctx.store_ip(replace(ip, ttl=ip.ttl - 1))
    if src is not None or dst is not None:
        ctx.store_macs(src=src, dst=dst)
    return None


# -- to a pod of this node ----------------------------------------------------------------------------------------


def ipv4_local_delivery(
    ctx: Context,
    node: NodeDefines,
    ep: EndpointInfo,
    seclabel: int,
    *,
    from_host: bool = False,
    from_tunnel: bool = False,
) -> int:
    """``ipv4_local_delivery``: one hop, the pod's MACs, its ingress policy, and to its device."""
    shot = ipv4_l3(ctx, src=ep.node_mac, dst=ep.mac)
    if shot is not None:
        return shot
    peer = node.host_routing and not from_host
    if not node.routing and not peer:
        # Endpoint routes: cil_to_container at the device asks the policy.
        ctx.mark = identity_mark(seclabel, MARK_IDENTITY)
        if from_tunnel and not node.nodeport:
            # The stack routes it on: kube-proxy's conntrack has to see it.
            ctx.change_type(PACKET_HOST)
            return TC_ACT_OK
        return ctx.redirect(ep.ifindex)
    ctx.cb[CB_SRC_LABEL] = seclabel
    action = ctx.tail_call(CALL_POLICY, ep.lxc_id)
    if action is None:
        return ctx.drop(DropReason.DROP_EP_NOT_READY, f"{CALL_POLICY}[{ep.lxc_id}] is empty")
    if action != TC_ACT_OK:
        return action
    return redirect_ep(ctx, ep.ifindex, peer=peer, from_tunnel=from_tunnel)


def redirect_ep(ctx: Context, ifindex: int, *, peer: bool, from_tunnel: bool) -> int:
    """``redirect_ep``: straight into the pod, or through its device on the host."""
    if not peer:
        return ctx.redirect(ifindex)
    if from_tunnel:
        ctx.change_type(PACKET_HOST)
    return ctx.redirect_peer(ifindex)


def ipv4_host_delivery(ctx: Context, node: NodeDefines, interface_mac: Mac) -> int:
    """``ipv4_host_delivery``: what came by the tunnel for the host goes in by cilium_host."""
    shot = ipv4_l3(ctx, src=interface_mac, dst=node.host_mac)
    return shot if shot is not None else ctx.redirect(node.host_ifindex)


# -- to another node ----------------------------------------------------------------------------------------------


def tunnel_endpoint(ctx: Context, node: NodeDefines, ip: Ip, info: RemoteEndpoint) -> Ip | None:
    """Where what goes to ``ip`` is encapsulated to; None for what is not."""
    if not node.tunnel_ifindex or info.skip_tunnel:
        return None
    if info.has_tunnel:
        return info.tunnel_endpoint
    if not node.tunnel_map:
        return None
    found: Ip | None = ctx.map(TUNNEL_MAP).lookup(Net.of(ip, node.pod_cidr_length).addr)
    return found


def encap_and_redirect(ctx: Context, node: NodeDefines, remote: Ip, seclabel: int, dst_id: int) -> int:
    """``encap_and_redirect_with_nodeid``: the identity is the VNI, the host's is sent as that of a remote node."""
    vni = Reserved.REMOTE_NODE if seclabel == Reserved.HOST else seclabel
    send_trace_notify(ctx, TraceObservationPoint.TO_OVERLAY, seclabel, dst_id)
    ctx.set_tunnel_key(TunnelInfo(id=int(vni), dst=remote, ttl=_TTL), remote_endpoint_text(ctx, node, header(ctx).dst))
    return ctx.redirect(node.tunnel_ifindex)


def fib_redirect_v4(ctx: Context, node: NodeDefines, iif: int, seclabel: int, dst_id: int) -> int:
    """``fib_redirect_v4``: where the kernel's tables would forward it, without the kernel's forwarding."""
    ip = header(ctx)
    if node.skip_fib:
        shot = ipv4_l3(ctx)
        if shot is not None:
            return shot
        send_trace_notify(ctx, TraceObservationPoint.TO_NETWORK, seclabel, dst_id)
        return ctx.redirect_neigh(node.skip_fib)
    found = ctx.fib_lookup(ip.src, ip.dst, iif)
    if found.code not in {FIB_SUCCESS, FIB_NO_NEIGH}:
        return ctx.drop(DropReason.FIB_LOOKUP_FAILED, f"{FIB_TEXTS[found.code]} ({found.code})")
    shot = ipv4_l3(ctx)
    if shot is not None:
        return shot
    send_trace_notify(ctx, TraceObservationPoint.TO_NETWORK, seclabel, dst_id)
    if found.code == FIB_NO_NEIGH:
        return ctx.redirect_neigh(found.ifindex, found.nexthop)
    ctx.store_macs(dst=found.dmac, src=found.smac)
    return ctx.redirect(found.ifindex)
