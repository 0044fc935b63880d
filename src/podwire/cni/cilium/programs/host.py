"""bpf_host: physical devices, cilium_host and cilium_net (reference sheet Cilium, 4.3, 4.6, 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.cni.cilium.identity import Reserved
from podwire.cni.cilium.programs.common import (
    encap_and_redirect,
    header,
    ipv4_local_delivery,
    lookup_ip4_endpoint,
    lookup_ip4_remote_endpoint,
    remote_endpoint_text,
    resolve_srcid_ipv4,
    tunnel_endpoint,
)
from podwire.cni.cilium.programs.nat import needs_masquerade
from podwire.cni.cilium.programs.observe import (
    MARK_HOST,
    MARK_IDENTITY,
    MARK_MASK,
    MARK_OVERLAY,
    TraceObservationPoint,
    host_mark,
    marked_identity,
    send_trace_notify,
)
from podwire.linux.bpf.program import TC_ACT_OK
from podwire.trace.reasons import DropReason

if TYPE_CHECKING:
    from podwire.cni.cilium.programs.defines import NetdevDefines, NodeDefines
    from podwire.linux.bpf.context import Context


def cil_from_netdev(ctx: Context, dev: NetdevDefines) -> int:
    """At tc ingress of a physical device: what comes from other machines."""
    node = dev.node
    if ctx.ip is None:
        return TC_ACT_OK
    identity = resolve_srcid_ipv4(ctx, node, Reserved.WORLD)
    send_trace_notify(ctx, TraceObservationPoint.FROM_NETWORK, identity)
    if not node.host_routing:
        return TC_ACT_OK
    ep = lookup_ip4_endpoint(ctx, header(ctx).dst)
    if ep is None or ep.is_host:
        return TC_ACT_OK
    return ipv4_local_delivery(ctx, node, ep, identity)


def cil_to_netdev(ctx: Context, dev: NetdevDefines) -> int:
    """At tc egress of a physical device: masquerading, and the last point of this node that sees the packet."""
    node = dev.node
    if ctx.ip is None:
        return TC_ACT_OK
    mark = host_mark(ctx)
    if mark == MARK_IDENTITY:
        identity = marked_identity(ctx.mark)
    elif mark in {MARK_HOST, MARK_OVERLAY}:
        identity = int(Reserved.HOST)
    else:
        identity = resolve_srcid_ipv4(ctx, node, Reserved.WORLD)
    if node.bpf_masquerade and mark != MARK_OVERLAY and needs_masquerade(ctx, node, dev.masquerade):
        return ctx.not_modelled("masquerading by BPF (bpf.masquerade)")
    dst = lookup_ip4_remote_endpoint(ctx, node, header(ctx).dst).sec_identity
    send_trace_notify(ctx, TraceObservationPoint.TO_NETWORK, identity, dst)
    return TC_ACT_OK


def cil_from_host(ctx: Context, node: NodeDefines) -> int:
    """At tc egress of cilium_host: what the host's stack routes to pods."""
    if ctx.ip is None:
        return TC_ACT_OK
    mark = host_mark(ctx)
    if mark == MARK_HOST:
        identity = int(Reserved.HOST)
    elif mark == MARK_IDENTITY:
        identity = marked_identity(ctx.mark)
    else:
        identity = int(Reserved.WORLD)
    identity = resolve_srcid_ipv4(ctx, node, identity)
    send_trace_notify(ctx, TraceObservationPoint.FROM_HOST, identity)
    dst = header(ctx).dst
    ep = lookup_ip4_endpoint(ctx, dst)
    if ep is not None and not ep.is_host:
        return ipv4_local_delivery(ctx, node, ep, identity, from_host=True)
    if ep is None:
        info = lookup_ip4_remote_endpoint(ctx, node, dst)
        remote = tunnel_endpoint(ctx, node, dst, info)
        if remote is not None:
            return encap_and_redirect(ctx, node, remote, identity, info.sec_identity)
        if info.sec_identity == Reserved.WORLD:
            return ctx.drop(DropReason.STALE_OR_UNROUTABLE_IP, remote_endpoint_text(ctx, node, dst))
    # To the host after all: the other end of the pair takes it.
    ctx.store_macs(dst=node.net_mac)
    return TC_ACT_OK


def cil_to_host(ctx: Context, node: NodeDefines) -> int:
    """At tc ingress of cilium_host and cilium_net: what goes up into the host's stack."""
    if ctx.ip is None:
        return TC_ACT_OK
    mark = ctx.mark & MARK_MASK
    identity = marked_identity(ctx.mark) if mark == MARK_IDENTITY else int(Reserved.UNKNOWN)
    identity = resolve_srcid_ipv4(ctx, node, identity)
    send_trace_notify(ctx, TraceObservationPoint.TO_STACK, identity, Reserved.HOST)
    return TC_ACT_OK
