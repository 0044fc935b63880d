"""bpf_lxc: what a pod sends, and what is delivered to it (reference sheet Cilium, 1.3, 4.1, 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.cni.cilium.identity import Reserved
from podwire.cni.cilium.maps import EGRESS, INGRESS, policy_name
from podwire.cni.cilium.programs.common import (
    CB_SRC_LABEL,
    encap_and_redirect,
    fib_redirect_v4,
    header,
    ipv4_l3,
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
    TraceObservationPoint,
    host_mark,
    identity_mark,
    marked_identity,
    send_trace_notify,
)
from podwire.cni.cilium.programs.policy import policy_verdict
from podwire.linux.bpf.program import TC_ACT_OK
from podwire.trace.reasons import DropReason
from podwire.wire.addr import BROADCAST
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, ETH_P_IP, Arp, Ethernet, Udp

if TYPE_CHECKING:
    from podwire.cni.cilium.maps import RemoteEndpoint
    from podwire.cni.cilium.programs.defines import LxcDefines
    from podwire.linux.bpf.context import Context

_TUNNEL_PORTS: Final = frozenset({8472, 6081})
_802_3_MIN: Final = 1536


def cil_from_container(ctx: Context, lxc: LxcDefines) -> int:
    """At tc ingress of a pod's device: everything that the pod sends."""
    send_trace_notify(ctx, TraceObservationPoint.FROM_ENDPOINT, lxc.sec_label)
    protocol = ctx.eth.type
    if protocol < _802_3_MIN:
        return ctx.drop(DropReason.UNSUPPORTED_L2_PROTOCOL, f"length {protocol}, no EtherType")
    if protocol == ETH_P_ARP and ctx.arp is not None:
        return handle_arp(ctx, lxc, ctx.arp)
    if protocol != ETH_P_IP or ctx.ip is None:
        return ctx.drop(DropReason.UNSUPPORTED_L3_PROTOCOL, f"EtherType {protocol:#06x}")
    return handle_ipv4_from_lxc(ctx, lxc)


def handle_arp(ctx: Context, lxc: LxcDefines, message: Arp) -> int:
    """``tail_handle_arp``: answers for every address but the pod's own, with the MAC of the host's end."""
    asked = message.op == ARPOP_REQUEST and ctx.eth.dst in {BROADCAST, lxc.node_mac}
    if not asked or message.tpa == lxc.ip:
        send_trace_notify(ctx, TraceObservationPoint.TO_STACK, lxc.sec_label)
        return TC_ACT_OK
    answer = Arp(ARPOP_REPLY, lxc.node_mac, message.tpa, message.sha, message.spa)
    ctx.store_answer(Ethernet(message.sha, lxc.node_mac, ETH_P_ARP), answer)
    return ctx.redirect(lxc.ifindex)


def handle_ipv4_from_lxc(ctx: Context, lxc: LxcDefines) -> int:
    """``handle_ipv4_from_lxc``: the decision list of section 4.1. Services and conntrack are not modelled: each packet is a new one."""
    node, ip = lxc.node, header(ctx)
    if ip.src != lxc.ip:
        return ctx.drop(DropReason.INVALID_SOURCE_IP, f"its source is {ip.src}, the pod's address {lxc.ip}")
    if isinstance(ctx.transport, Udp) and node.tunnel and ctx.transport.dport in _TUNNEL_PORTS:
        return ctx.drop(DropReason.ENCAPSULATION_TRAFFIC_IS_PROHIBITED, f"UDP port {ctx.transport.dport} of a tunnel")
    info = lookup_ip4_remote_endpoint(ctx, node, ip.dst)
    refused = policy_verdict(ctx, lxc.lxc_id, info.sec_identity, EGRESS).drop
    if refused is not None:
        said = remote_endpoint_text(ctx, node, ip.dst)
        return ctx.drop(refused, f"{policy_name(lxc.lxc_id)} lets no egress to identity {info.sec_identity}; {said}")
    if node.routing or node.host_routing:
        ep = lookup_ip4_endpoint(ctx, ip.dst)
        if ep is not None and ep.is_host:
            return pass_to_stack(ctx, lxc, info)
        if ep is not None:
            return ipv4_local_delivery(ctx, node, ep, lxc.sec_label)
    remote = tunnel_endpoint(ctx, node, ip.dst, info)
    if remote is not None:
        return encap_and_redirect(ctx, node, remote, lxc.sec_label, info.sec_identity)
    if node.host_routing:
        return fib_redirect_v4(ctx, node, lxc.ifindex, lxc.sec_label, info.sec_identity)
    if node.iptables_masquerade and lookup_ip4_endpoint(ctx, ip.dst) is None and needs_masquerade(ctx, node):
        return ctx.not_modelled("masquerading by iptables (chain CILIUM_POST_nat)")
    return pass_to_stack(ctx, lxc, info)


def pass_to_stack(ctx: Context, lxc: LxcDefines, info: RemoteEndpoint) -> int:
    """``pass_to_stack``: one hop, addressed to the host's end so that the stack takes it."""
    if lxc.node.routing:
        shot = ipv4_l3(ctx, dst=lxc.node_mac)
        if shot is not None:
            return shot
    if lxc.node.tunnel_ifindex:
        ctx.mark = identity_mark(lxc.sec_label, MARK_IDENTITY)
    send_trace_notify(ctx, TraceObservationPoint.TO_STACK, lxc.sec_label, info.sec_identity)
    return TC_ACT_OK


# -- towards the pod ----------------------------------------------------------------------------------------------


def cil_lxc_policy(ctx: Context, lxc: LxcDefines) -> int:
    """Tail-called by whichever program delivers: the pod's ingress policy. TC_ACT_OK lets the caller go on."""
    return _ipv4_policy(ctx, lxc, ctx.cb[CB_SRC_LABEL])


def cil_to_container(ctx: Context, lxc: LxcDefines) -> int:
    """At tc egress of a pod's device, with endpoint routes: what the stack, or another program, sends to the pod."""
    if ctx.ip is None:
        return TC_ACT_OK
    mark = ctx.mark & MARK_MASK
    if mark == MARK_IDENTITY:
        identity = marked_identity(ctx.mark)
    elif host_mark(ctx) == MARK_HOST:
        identity = int(Reserved.HOST)
    else:
        identity = resolve_srcid_ipv4(ctx, lxc.node, Reserved.WORLD)
    return _ipv4_policy(ctx, lxc, identity)


def _ipv4_policy(ctx: Context, lxc: LxcDefines, src: int) -> int:
    """``ipv4_policy``: held against the map, then seen at the pod."""
    refused = policy_verdict(ctx, lxc.lxc_id, src, INGRESS).drop
    if refused is not None:
        return ctx.drop(refused, f"{policy_name(lxc.lxc_id)} lets no ingress of identity {src}")
    send_trace_notify(ctx, TraceObservationPoint.TO_ENDPOINT, src, lxc.sec_label, lxc.lxc_id)
    return TC_ACT_OK
