"""bpf_overlay: cilium_vxlan and cilium_geneve (reference sheet Cilium, 4.4, 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.cni.cilium.identity import Reserved
from podwire.cni.cilium.programs.common import (
    header,
    ipv4_host_delivery,
    ipv4_local_delivery,
    lookup_ip4_endpoint,
    lookup_ip4_remote_endpoint,
)
from podwire.cni.cilium.programs.observe import (
    MARK_IDENTITY,
    MARK_OVERLAY,
    TraceObservationPoint,
    identity_mark,
    send_trace_notify,
)
from podwire.linux.bpf.program import TC_ACT_OK
from podwire.trace.reasons import DropReason
from podwire.wire.addr import NO_MAC

if TYPE_CHECKING:
    from podwire.cni.cilium.programs.defines import NodeDefines
    from podwire.linux.bpf.context import Context


def cil_from_overlay(ctx: Context, node: NodeDefines) -> int:
    """At tc ingress of the tunnel device: what was decapsulated. The VNI is the identity of the source."""
    if ctx.ip is None:
        return TC_ACT_OK
    key = ctx.get_tunnel_key()
    send_trace_notify(ctx, TraceObservationPoint.FROM_OVERLAY, key.id if key is not None else 0)
    if key is None:
        return ctx.drop(DropReason.ERROR_RETRIEVING_TUNNEL_KEY)
    identity = key.id
    if identity == Reserved.HOST:
        return ctx.drop(DropReason.INVALID_IDENTITY, f"VNI {identity} from {key.src} is that of a host")
    ip = header(ctx)
    if identity in {Reserved.REMOTE_NODE, Reserved.KUBE_APISERVER}:
        identity = lookup_ip4_remote_endpoint(ctx, node, ip.src).sec_identity
    ep = lookup_ip4_endpoint(ctx, ip.dst)
    if ep is None or ep.is_host:
        ctx.mark = identity_mark(identity, MARK_IDENTITY)
        # The agent gives the program no address of its own to put there.
        return ipv4_host_delivery(ctx, node, NO_MAC)
    return ipv4_local_delivery(ctx, node, ep, identity, from_tunnel=True)


def cil_to_overlay(ctx: Context, node: NodeDefines) -> int:
    """At tc egress of the tunnel device: the outer packet shall be known for what it is."""
    if ctx.ip is None:
        return TC_ACT_OK
    key = ctx.get_tunnel_key()
    identity = key.id if key is not None else 0
    dst = lookup_ip4_remote_endpoint(ctx, node, header(ctx).dst).sec_identity
    send_trace_notify(ctx, TraceObservationPoint.TO_OVERLAY, identity, dst)
    ctx.mark = identity_mark(identity, MARK_OVERLAY)
    return TC_ACT_OK
