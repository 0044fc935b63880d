"""Which packets would be masqueraded (``snat_v4_needs_masquerade``, bpf/lib/nat.h; reference sheet Cilium, 4.8).

The translation itself is not modelled: a packet that needs it has an unknown fate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.cni.cilium.identity import Reserved
from podwire.cni.cilium.programs.common import header, lookup_ip4_endpoint, lookup_ip4_remote_endpoint

if TYPE_CHECKING:
    from podwire.cni.cilium.programs.defines import NodeDefines
    from podwire.linux.bpf.context import Context
    from podwire.wire.addr import Ip


def needs_masquerade(ctx: Context, node: NodeDefines, own: Ip | None = None) -> bool:
    """Whether the source has to become the node's: rules 1 and 4 to 8 of the sheet, in their order.

    Rule 2 spares the replies of connections that came in; it needs conntrack, so to a client outside the cluster their fate is
    unknown, too.
    """
    ip = header(ctx)
    if own is not None and ip.src == own:
        return False
    if node.snat_exclusion is not None and ip.dst in node.snat_exclusion:
        return False
    source = lookup_ip4_endpoint(ctx, ip.src)
    if source is None or source.is_host:
        return False
    info = lookup_ip4_remote_endpoint(ctx, node, ip.dst)
    if info.sec_identity in {Reserved.REMOTE_NODE, Reserved.KUBE_APISERVER}:
        return bool(node.tunnel_ifindex) and not info.skip_tunnel
    return True
