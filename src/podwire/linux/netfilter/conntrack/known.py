"""The common packet of connection tracking in one go: a datagram or an echo of a connection that stands.

It does what ``nf_conntrack_in`` does for such a packet, and leaves every other one to that.
"""

from __future__ import annotations

from errno import EPERM
from typing import TYPE_CHECKING

from podwire.linux.netfilter.conntrack.core import nf_conntrack_in
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_ESTABLISHED,
    IP_CT_ESTABLISHED_REPLY,
    IP_CT_NEW,
    IPS_ASSURED,
    IPS_EXPECTED,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
)
from podwire.linux.netfilter.conntrack.refresh import account
from podwire.linux.netfilter.conntrack.report import event_in
from podwire.linux.netfilter.hooks import NF_ACCEPT
from podwire.linux.netfilter.walk import WALKS
from podwire.trace.log import Record
from podwire.wire.headers import ICMP_ECHO, ICMP_ECHOREPLY, IPPROTO_ICMP, IPPROTO_UDP, Icmp, IPv4, Udp

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.tuple import Tuple5
    from podwire.linux.netfilter.hooks import Finder, HookFn
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb


def finder(hook: int) -> Finder:
    """For ``NfHooks``: connection tracking at that hook."""
    return lambda every, behind: _known(hook, every, behind)


def _known(hook: int, every: HookFn, behind: HookFn) -> HookFn:  # noqa: C901 - one straight way, without calls
    first = hook * WALKS

    def search(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        verdict = nf_conntrack_in(skb, netns, hook)
        return behind(skb, netns, iif, oif) if verdict == NF_ACCEPT else -EPERM

    def nf_conntrack(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        layers = skb.packet.layers
        ip: IPv4 = layers[0]  # type: ignore[assignment]
        if ip.mf or ip.frag:
            return every(skb, netns, iif, oif)
        table = netns.conntrack
        if len(layers) < 2 or skb.ct is not None or skb.ctinfo or table.zoned:
            return search(skb, netns, iif, oif)
        header = layers[1]
        proto = ip.proto
        flow: Tuple5
        # What the protocols' checks would look at is not there: no checksum of its own, no other length.
        if proto == IPPROTO_UDP and type(header) is Udp and not header.checksum and header.length is None:
            flow = (ip.src, ip.dst, proto, header.sport, header.dport)
        elif (
            proto == IPPROTO_ICMP
            and type(header) is Icmp
            and header.checksum is None
            and ((kind := header.type) == ICMP_ECHO or kind == ICMP_ECHOREPLY)
        ):
            flow = (ip.src, ip.dst, proto, header.rest >> 16, kind << 8 | header.code)
        else:
            return search(skb, netns, iif, oif)
        found = table.hash.get(flow)
        machine = netns.machine
        now = machine.world.now
        if found is None or found[0].timeout <= now:
            return search(skb, netns, iif, oif)
        ct, direction = found
        status = ct.status
        timeouts = table.timeouts
        span = timeouts.udp if proto == IPPROTO_UDP else timeouts.icmp
        if status & IPS_SEEN_REPLY:
            ctinfo = IP_CT_ESTABLISHED_REPLY if direction else IP_CT_ESTABLISHED
            if proto == IPPROTO_UDP and now > ct.proto:
                if not status & IPS_ASSURED:
                    return search(skb, netns, iif, oif)
                span = timeouts.udp_stream
        elif direction or status & IPS_EXPECTED:
            return search(skb, netns, iif, oif)
        else:
            ctinfo = IP_CT_NEW
        if not status & IPS_FIXED_TIMEOUT:
            ct.timeout = now + span
        if ct.acct:
            account(ct, ctinfo, skb)
        skb.ct = ct
        skb.ctinfo = ctinfo
        if (sink := machine.log.sink) is not None:
            told = ct.told[ctinfo]
            if told is None:
                event_in(skb, netns)
            else:
                sink(Record(now, machine.name, netns.label, skb.id, told))
        # Most flows meet nothing at most hooks: ``behind`` without the call.
        walk = ct.walks[first + ctinfo]
        if (
            walk is not None
            and walk.way == 1
            and walk.generation == netns.generation
            and walk.mark == skb.mark
            and walk.iif is iif
            and walk.oif is oif
            and not skb.nf_trace
        ):
            return 1
        return behind(skb, netns, iif, oif)

    return nf_conntrack
