"""Where packets meet connection tracking: the hooks that stand while somebody needs it (``nf_ct_netns_do_get``, nf_defrag_ipv4.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.confirm import nf_conntrack_confirm
from podwire.linux.netfilter.conntrack.core import nf_conntrack_in
from podwire.linux.netfilter.conntrack.entry import IP_CT_UNTRACKED
from podwire.linux.netfilter.conntrack.known import finder
from podwire.linux.netfilter.conntrack.tcp import ESTABLISHED
from podwire.linux.netfilter.conntrack.tcpwindow import TcpTrack
from podwire.linux.netfilter.hooks import (
    NF_ACCEPT,
    NF_INET_LOCAL_IN,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
    NF_IP_PRI_CONNTRACK,
    NF_IP_PRI_CONNTRACK_CONFIRM,
    NF_IP_PRI_CONNTRACK_DEFRAG,
    NF_STOLEN,
    HookFn,
)

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.table import Conntrack
    from podwire.linux.netfilter.walk import Walk
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

Registration = tuple[int, HookFn]
"""Hook and function, to take it away again."""

_DEFRAG_CONNTRACK_IN: Final = 1
_DEFRAG_CONNTRACK_OUT: Final = 2
"""Users of ``ip_defrag``, plus the zone times 4; 0 is local delivery."""


def enable(table: Conntrack) -> None:
    """The first who needs connections: fragments are joined, packets looked up and confirmed from now on."""
    nf_defrag_ipv4_enable(table)
    register = table.netns.nf.register
    inside, outside = NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT
    register(inside, NF_IP_PRI_CONNTRACK, ipv4_conntrack_in, finder=finder(inside))
    register(outside, NF_IP_PRI_CONNTRACK, ipv4_conntrack_local, finder=finder(outside))
    table.hooks = (
        (inside, ipv4_conntrack_in),
        (outside, ipv4_conntrack_local),
    )
    for hook in (NF_INET_POST_ROUTING, NF_INET_LOCAL_IN):
        register(hook, NF_IP_PRI_CONNTRACK_CONFIRM, nf_confirm, nf_confirm_walk)
        table.hooks += ((hook, nf_confirm),)
    for ct in table:
        # nf_ct_tcp_fixup: what passed meanwhile is not known.
        if isinstance(ct.proto, TcpTrack) and ct.proto.state == ESTABLISHED:
            for seen in ct.proto.seen:
                seen.td_maxwin = 0


def disable(table: Conntrack) -> None:
    """Nobody needs them any more."""
    for hook, fn in table.hooks:
        table.netns.nf.unregister(hook, fn)
    table.hooks = ()
    nf_defrag_ipv4_disable(table)


def nf_defrag_ipv4_enable(table: Conntrack) -> None:
    """``nf_defrag_ipv4_enable``: somebody - connections, sockets that are looked for - wants datagrams whole."""
    table.defrag_users += 1
    if table.defrag_users == 1:
        register = table.netns.nf.register
        register(NF_INET_PRE_ROUTING, NF_IP_PRI_CONNTRACK_DEFRAG, defrag_in, pieces=True)
        register(NF_INET_LOCAL_OUT, NF_IP_PRI_CONNTRACK_DEFRAG, defrag_out, pieces=True)


def nf_defrag_ipv4_disable(table: Conntrack) -> None:
    """``nf_defrag_ipv4_disable``: one of them goes."""
    table.defrag_users -= 1
    if not table.defrag_users:
        table.netns.nf.unregister(NF_INET_PRE_ROUTING, defrag_in)
        table.netns.nf.unregister(NF_INET_LOCAL_OUT, defrag_out)


def ipv4_conntrack_in(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
    """``ipv4_conntrack_in``."""
    return nf_conntrack_in(skb, netns, NF_INET_PRE_ROUTING)


def ipv4_conntrack_local(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
    """``ipv4_conntrack_local``: a fragment that a raw socket sends so is not tracked."""
    ip = skb.ip
    if ip.mf or ip.frag:
        if skb.ct is not None and skb.ct.is_template:
            skb.ct = None
            skb.ctinfo = 0
        return NF_ACCEPT
    return nf_conntrack_in(skb, netns, NF_INET_LOCAL_OUT)


def nf_confirm(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
    """``nf_confirm``: the packet leaves the machine, or is delivered."""
    return nf_conntrack_confirm(skb, netns)


def nf_confirm_walk(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None, walk: Walk) -> int:
    """``nf_confirm`` of a connection that stands: nothing more, unless somebody listens."""
    if skb.ct is None or skb.ct.ecache is not None:
        walk.good = False
    return nf_confirm(skb, netns, iif, oif)


def defrag_in(skb: Skb, netns: Netns, iif: Link | None, _oif: Link | None) -> int:
    """``ipv4_conntrack_defrag`` in PREROUTING."""
    ip = skb.ip
    return _gather(skb, netns, iif, _DEFRAG_CONNTRACK_IN) if ip.mf or ip.frag else NF_ACCEPT


def defrag_out(skb: Skb, netns: Netns, _iif: Link | None, oif: Link | None) -> int:
    """``ipv4_conntrack_defrag`` in OUTPUT."""
    ip = skb.ip
    return _gather(skb, netns, oif, _DEFRAG_CONNTRACK_OUT) if ip.mf or ip.frag else NF_ACCEPT


def _gather(skb: Skb, netns: Netns, link: Link | None, user: int) -> int:
    """``nf_ct_ipv4_gather_frags``: the piece is kept until all have come; the last one goes on as the whole datagram (F173)."""
    from podwire.linux.path.fragment import ip_defrag, skb_morph

    ct = skb.ct
    if (ct is not None and not ct.is_template) or (ct is None and skb.ctinfo == IP_CT_UNTRACKED):
        return NF_ACCEPT
    assert link is not None  # noqa: S101 - a packet at these hooks has one
    zone = ct.zone_id(0) if ct is not None else 0
    whole = ip_defrag(netns, skb, link, user + 4 * zone)
    if whole is None:
        return NF_STOLEN
    skb_morph(skb, whole)
    return NF_ACCEPT
