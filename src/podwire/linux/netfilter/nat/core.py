"""Which addresses and ports a connection gets (net/netfilter/nf_nat_core.c; kernel sheet F133).

What the kernel draws from its random numbers comes here from the stream of the seed. ``--persistent`` and ranges of addresses need
none: the address is chosen by ``jhash2`` without a secret, and is the same on every machine and after every boot. The secret of
``nf_nat_bysource`` decides only in which bucket a connection lies, and that cannot be seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.confirm import nf_conntrack_alter_reply, nf_conntrack_tuple_taken
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_DIR_ORIGINAL,
    IP_CT_DIR_REPLY,
    IPS_CONFIRMED,
    IPS_DST_NAT,
    IPS_DST_NAT_DONE,
    IPS_DYING,
    IPS_FIXED_TIMEOUT,
    IPS_NAT_MASK,
    IPS_SEQ_ADJUST,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
)
from podwire.linux.netfilter.conntrack.tcp import SYN_SENT, TIME_WAIT
from podwire.linux.netfilter.conntrack.tcpwindow import before
from podwire.linux.netfilter.conntrack.tuple import ALLOW_CLASH, nf_ct_invert
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_DROP
from podwire.linux.netfilter.ipset.jhash import jhash2
from podwire.linux.netfilter.nat.packet import IPPROTO_SCTP, IPPROTO_UDPLITE
from podwire.linux.netfilter.nat.range import (
    HOOK2MANIP,
    NF_NAT_MANIP_DST,
    NF_NAT_MANIP_SRC,
    NF_NAT_RANGE_MAP_IPS,
    NF_NAT_RANGE_PERSISTENT,
    NF_NAT_RANGE_PROTO_OFFSET,
    NF_NAT_RANGE_PROTO_RANDOM_ALL,
    NF_NAT_RANGE_PROTO_SPECIFIED,
    NatRange,
)
from podwire.trace.events import Flow
from podwire.wire.addr import Ip4
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netns import Netns
    from podwire.trace.events import ByRule

NF_NAT_MAX_ATTEMPTS: Final = 128
NF_NAT_HARDER_THRESH: Final = NF_NAT_MAX_ATTEMPTS // 4
_FEW_ATTEMPTS: Final = 16
_USES_NAT: Final = IPS_NAT_MASK | IPS_SEQ_ADJUST
_PORTS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE})
_U32: Final = 0xFFFFFFFF
_U16: Final = 0xFFFF


def inverted(flow: Flow) -> Flow:
    """``nf_ct_invert_tuple`` of a flow that has answers; every connection's has."""
    found = nf_ct_invert(flow)
    assert found is not None  # noqa: S101 - conntrack makes no connection of other ICMP types
    return found


def nf_nat_used_tuple(flow: Flow, ct: Connection) -> bool:
    """``nf_nat_used_tuple``: do the answers to such packets already belong to another connection?"""
    return nf_conntrack_tuple_taken(inverted(flow), ct)


def nf_nat_used_tuple_new(netns: Netns, flow: Flow, ct: Connection) -> bool:
    """``nf_nat_used_tuple_new``: the same for a flow that may stay as it is.

    Where two CPUs see both directions first at the same moment, the one that comes late finds the other's connection the wrong
    way round: then nothing is exchanged, and confirming settles it.
    """
    if not nf_nat_used_tuple(flow, ct):
        return False
    if flow.proto not in ALLOW_CLASH or ct.status & _USES_NAT:
        return True
    table = netns.conntrack
    found = table.find(flow, ct.zone, ct.zone_dir) or table.find(inverted(flow), ct.zone, ct.zone_dir)
    if found is None:
        return False
    other, direction = found
    if direction != IP_CT_DIR_REPLY or other.status & _USES_NAT:
        return True
    return (other.orig, other.reply) != (ct.reply, ct.orig)


def nf_nat_used_tuple_harder(netns: Netns, flow: Flow, ct: Connection, attempts_left: int) -> bool:
    """``nf_nat_used_tuple_harder``: with few attempts left a TCP connection in TIME_WAIT, or closed, makes room for a newer one."""
    reply = inverted(flow)
    # `conntrack -I` translates before it notes a state.
    begins = flow.proto == IPPROTO_TCP and ct.proto is not None and ct.proto.state == SYN_SENT
    if attempts_left > NF_NAT_HARDER_THRESH or not begins:
        return nf_conntrack_tuple_taken(reply, ct)
    found = netns.conntrack.find(reply, ct.zone, ct.zone_dir)
    if found is None:
        return False
    other, direction = found
    if direction != IP_CT_DIR_REPLY or other is ct or not _may_kill(other):
        return True
    if not before(other.proto.seen[0].td_end, ct.proto.seen[0].td_end):
        return True
    return not netns.conntrack.delete(other)


def _may_kill(ct: Connection) -> bool:
    """``nf_nat_may_kill``."""
    if ct.proto.state < TIME_WAIT or ct.status & (IPS_FIXED_TIMEOUT | IPS_DYING):
        return False
    return bool(ct.status & IPS_SRC_NAT)


def l4proto_in_range(flow: Flow, manip: int, low: int, high: int) -> bool:
    """``l4proto_in_range``: is the port, or ICMP's id, already one of those that are asked for?"""
    if flow.proto == IPPROTO_ICMP or (flow.proto in _PORTS and manip == NF_NAT_MANIP_SRC):
        return low <= flow.sport <= high
    return flow.proto not in _PORTS or low <= flow.dport <= high


def nf_in_range(flow: Flow, wanted: NatRange) -> bool:
    """``nf_in_range``: would the source as it is fulfil what is asked for?"""
    if wanted.flags & NF_NAT_RANGE_MAP_IPS and not wanted.min_addr <= flow.src <= wanted.max_addr:
        return False
    if not wanted.flags & NF_NAT_RANGE_PROTO_SPECIFIED:
        return True
    return l4proto_in_range(flow, NF_NAT_MANIP_SRC, wanted.min_proto, wanted.max_proto)


def find_appropriate_src(netns: Netns, flow: Flow, wanted: NatRange, zone: int) -> Flow | None:
    """``find_appropriate_src``: what a connection with the same source was given, if it fits; the newest one counts."""
    for other in netns.nat.bysource.get((flow.proto, flow.src, flow.sport, zone), ()):
        # An unconfirmed one is of a packet that was dropped: the kernel has freed it with that.
        if other.status & (IPS_CONFIRMED | IPS_DYING) == IPS_CONFIRMED:
            mapped = inverted(other.reply)
            found = flow._replace(src=mapped.src, sport=mapped.sport)
            if nf_in_range(found, wanted):
                return found
    return None


def _swapped(number: int) -> int:
    """An address as a little-endian machine reads it."""
    return int.from_bytes(int(number).to_bytes(4, "big"), "little")


def find_best_ips_proto(flow: Flow, wanted: NatRange, zone: int, manip: int) -> Flow:
    """``find_best_ips_proto``: one address of the range, always the same for a source (``--persistent``), or for source and destination."""
    if not wanted.flags & NF_NAT_RANGE_MAP_IPS:
        return flow
    addr = wanted.min_addr
    if addr != wanted.max_addr:
        start = 0 if wanted.flags & NF_NAT_RANGE_PERSISTENT else _swapped(flow.dst) ^ zone
        number = jhash2((_swapped(flow.src), 0, 0, 0), start)
        size = int(wanted.max_addr) - int(addr) + 1 & _U32
        # reciprocal_scale
        addr = Ip4(int(addr) + (number * size >> 32) & _U32)
    if manip == NF_NAT_MANIP_SRC:
        return Flow(addr, flow.dst, flow.proto, flow.sport, flow.dport)
    return Flow(flow.src, addr, flow.proto, flow.sport, flow.dport)


def _port_range(flow: Flow, wanted: NatRange, manip: int) -> tuple[int, int] | None:
    """The first port and how many there are; None where none may be chosen."""
    low, high = wanted.min_proto, wanted.max_proto
    specified = wanted.flags & NF_NAT_RANGE_PROTO_SPECIFIED
    if flow.proto == IPPROTO_ICMP:
        return (low, high - low + 1) if specified else (0, 65536)
    if flow.proto not in _PORTS:
        return None
    if specified:
        low, high = min(low, high), max(low, high)
        return low, high - low + 1
    if manip == NF_NAT_MANIP_DST:
        return None
    # Loose convention: what is below 512 passes credentials.
    low, high = (1, 511) if flow.sport < 512 else (600, 1023) if flow.sport < 1024 else (1024, 65535)
    return low, high - low + 1


def nf_nat_l4proto_unique_tuple(netns: Netns, flow: Flow, wanted: NatRange, manip: int, ct: Connection) -> Flow:
    """``nf_nat_l4proto_unique_tuple``: a port that nobody else has, within the range, or of the same class as the one it has.

    A free one is looked for upwards from a random place (for a destination from the first), 128 at a time, then 64, 32, 16 and 8
    from other places. Where none is found the last one tried is taken, and the packet dies when the connection is confirmed.
    """
    ports = _port_range(flow, wanted, manip)
    if ports is None:
        return flow
    low, size = ports
    source = manip == NF_NAT_MANIP_SRC or flow.proto == IPPROTO_ICMP
    if wanted.flags & NF_NAT_RANGE_PROTO_OFFSET:
        off = (flow.sport if source else flow.dport) - wanted.base_proto & _U16
    elif wanted.flags & NF_NAT_RANGE_PROTO_RANDOM_ALL or manip != NF_NAT_MANIP_DST:
        off = netns.nat.random_u16()
    else:
        off = 0
    attempts = min(size, NF_NAT_MAX_ATTEMPTS)
    while True:
        for done in range(attempts):
            port = low + off % size & _U16
            flow = flow._replace(sport=port) if source else flow._replace(dport=port)
            if not nf_nat_used_tuple_harder(netns, flow, ct, attempts - done):
                return flow
            off = off + 1 & _U16
        if attempts >= size or attempts < _FEW_ATTEMPTS:
            return flow
        attempts //= 2
        off = netns.nat.random_u16()


def get_unique_tuple(netns: Netns, flow: Flow, wanted: NatRange, ct: Connection, manip: int) -> Flow:
    """``get_unique_tuple``: the packet's flow with source or destination moved into the range, if possible so that it is the only one."""
    flags = wanted.flags
    random = flags & NF_NAT_RANGE_PROTO_RANDOM_ALL
    if manip == NF_NAT_MANIP_SRC and not random:
        if nf_in_range(flow, wanted):
            if not nf_nat_used_tuple_new(netns, flow, ct):
                return flow
        else:
            found = find_appropriate_src(netns, flow, wanted, ct.zone_id(IP_CT_DIR_ORIGINAL))
            if found is not None and not nf_nat_used_tuple(found, ct):
                return found
    new = find_best_ips_proto(flow, wanted, ct.zone, manip)
    if not random:
        if flags & NF_NAT_RANGE_PROTO_SPECIFIED:
            low, high = wanted.min_proto, wanted.max_proto
            if (
                not flags & NF_NAT_RANGE_PROTO_OFFSET
                and l4proto_in_range(new, manip, low, high)
                and (low == high or not nf_nat_used_tuple(new, ct))
            ):
                return new
        elif not nf_nat_used_tuple(new, ct):
            return new
    return nf_nat_l4proto_unique_tuple(netns, new, wanted, manip, ct)


def nf_nat_setup_info(netns: Netns, ct: Connection, wanted: NatRange, manip: int, by: ByRule | None = None) -> int:
    """``nf_nat_setup_info``: this side of a new connection is settled. ``by`` is the rule that asks for it, None for nobody.

    Returns NF_ACCEPT; NF_DROP where it had been settled before.
    """
    status = ct.status
    if status & IPS_CONFIRMED:
        return NF_ACCEPT
    source = manip == NF_NAT_MANIP_SRC
    done = IPS_SRC_NAT_DONE if source else IPS_DST_NAT_DONE
    if status & done:
        return NF_DROP
    current = inverted(ct.reply)
    new = get_unique_tuple(netns, current, wanted, ct, manip)
    if new != current:
        nf_conntrack_alter_reply(ct, inverted(new))
        if source:
            done |= IPS_SRC_NAT
            ct.snat_by = by
        else:
            done |= IPS_DST_NAT
            ct.dnat_by = by
    ct.status |= done
    if source:
        netns.nat.remember(ct)
    return NF_ACCEPT


def nf_nat_alloc_null_binding(netns: Netns, ct: Connection, hook: int) -> int:
    """``nf_nat_alloc_null_binding``: no rule asks for anything; still a source port that another connection has is exchanged."""
    manip = HOOK2MANIP(hook)
    source = manip == NF_NAT_MANIP_SRC
    done = IPS_SRC_NAT_DONE if source else IPS_DST_NAT_DONE
    table = netns.conntrack
    if not (ct.zone or table.zoned or ct.status & (IPS_CONFIRMED | done) or ct.reply in table.hash):
        # Nobody has its answers: all stays as it is (nf_nat_setup_info, without making the range and the tuples).
        ct.status |= done
        if source:
            netns.nat.remember(ct)
        return NF_ACCEPT
    addr = ct.reply.dst if source else ct.reply.src
    return nf_nat_setup_info(netns, ct, NatRange(NF_NAT_RANGE_MAP_IPS, addr, addr), manip)
