"""Groups are joined and left, and version 3 of IGMP tells the routers (net/ipv4/igmp.c, RFC 3376).

Nobody here asks for single sources, and there is no querier: a device stays with version 3, and reports what changes. A change is
told ``net.ipv4.igmp_qrv`` times, first 2 jiffies after it, then after a random time of up to igmpv3_unsolicited_report_interval.
"""

from __future__ import annotations

from copy import copy
from errno import EADDRNOTAVAIL, ENOBUFS, ENODEV
from typing import TYPE_CHECKING, Final

from podwire.linux.errors import NetlinkError
from podwire.linux.multicast import ALL_HOSTS, Group, is_local_multicast
from podwire.linux.path.output import ip_local_out
from podwire.linux.path.route import ip_route_output
from podwire.linux.skb import Skb
from podwire.trace.events import ByLink, ByNotModelled, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip4
from podwire.wire.checksum import checksum, words
from podwire.wire.codec import to_bytes
from podwire.wire.headers import IPPROTO_IGMP, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.sockets import UdpEncap
    from podwire.wire.addr import Ip

IGMPV3_ALL_MCR: Final = Ip4.parse("224.0.0.22")
_QUERY: Final = 0x11
_V3_REPORT: Final = 0x22
_CHANGE_TO_INCLUDE: Final = 3
_CHANGE_TO_EXCLUDE: Final = 4
_HEADER: Final = 8
_RECORD: Final = 8
_ROUTER_ALERT: Final = bytes((0x94, 4, 0, 0))
_IP_HEADER: Final = 24
_TOS: Final = 0xC0
_FIRST: Final = 1
_SLACK: Final = 2
"""``igmp_ifc_start_timer``: that many jiffies besides the random ones."""


# -- membership -------------------------------------------------------------------------------------------------------


def ip_mc_join_group(netns: Netns, socket: UdpEncap, group: Ip, ifindex: int) -> None:
    """``ip_mc_join_group``: twice the same is one membership.

    Raises ``NetlinkError``: ENODEV, ENOBUFS for more than net.ipv4.igmp_max_memberships of one socket.
    """
    link = netns.link_by_index(ifindex)
    if link is None:
        raise NetlinkError(ENODEV)
    if (group, ifindex) in socket.groups:
        return
    if len(socket.groups) >= netns.setting("igmp_max_memberships"):
        raise NetlinkError(ENOBUFS)
    socket.groups.append((group, ifindex))
    ip_mc_inc_group(link, group)


def ip_mc_leave_group(netns: Netns, socket: UdpEncap, group: Ip, ifindex: int) -> None:
    """``ip_mc_leave_group``. Raises ``NetlinkError`` EADDRNOTAVAIL for a group that the socket is not in."""
    if (group, ifindex) not in socket.groups:
        raise NetlinkError(EADDRNOTAVAIL)
    socket.groups.remove((group, ifindex))
    link = netns.link_by_index(ifindex)
    if link is not None:
        ip_mc_dec_group(link, group)


def ip_mc_inc_group(link: Link, address: Ip) -> None:
    """``____ip_mc_inc_group``: the first one who joins makes the device listen."""
    mc = link.mc
    group = mc.groups.get(address)
    if group is not None:
        group.users += 1
        return
    group = mc.groups[address] = Group(address)
    _igmpv3_del_delrec(link, address)
    _igmp_group_added(link, group)
    link.netns.changed()


def ip_mc_dec_group(link: Link, address: Ip) -> None:
    """``__ip_mc_dec_group``: with the last one who leaves, it no longer listens."""
    group = link.mc.groups.get(address)
    if group is None:
        return
    group.users -= 1
    if group.users:
        return
    del link.mc.groups[address]
    _igmp_group_dropped(link, group)
    link.netns.changed()


def ip_mc_up(link: Link) -> None:
    """``ip_mc_up``: the device comes up, joins 224.0.0.1 and tells of its groups once more."""
    mc = link.mc
    mc.robustness = link.netns.setting("igmp_qrv")
    ip_mc_inc_group(link, ALL_HOSTS)
    for group in reversed(mc.groups.values()):
        _igmpv3_del_delrec(link, group.address)
        _igmp_group_added(link, group)


def ip_mc_down(link: Link) -> None:
    """``ip_mc_down``: nothing more is told; all groups but 224.0.0.1 stay."""
    mc = link.mc
    for group in reversed(mc.groups.values()):
        _igmp_group_dropped(link, group)
    _igmp_ifc_stop(link)
    ip_mc_dec_group(link, ALL_HOSTS)


def ip_mc_destroy_dev(link: Link) -> None:
    """``ip_mc_destroy_dev``: the device leaves the namespace, and nothing is left of its groups."""
    mc = link.mc
    _igmp_ifc_stop(link)
    mc.groups.clear()
    mc.left.clear()
    mc.heard.clear()


# -- what is to be told -----------------------------------------------------------------------------------------------


def _is_silent(link: Link, address: Ip) -> bool:
    """Of 224.0.0.1 no report tells, and of the groups of a link only where net.ipv4.igmp_link_local_mcast_reports is set."""
    return address == ALL_HOSTS or (
        is_local_multicast(address) and not link.netns.setting("igmp_link_local_mcast_reports")
    )


def _robustness(link: Link) -> int:
    return link.mc.robustness or link.netns.setting("igmp_qrv")


def _igmp_group_added(link: Link, group: Group) -> None:
    mc = link.mc
    if group.address not in mc.heard:
        mc.heard.append(group.address)
    if _is_silent(link, group.address):
        return
    group.changes = _robustness(link)
    _igmp_ifc_event(link)


def _igmp_group_dropped(link: Link, group: Group) -> None:
    mc = link.mc
    if group.address in mc.heard:
        mc.heard.remove(group.address)
    if _is_silent(link, group.address):
        return
    # igmpv3_add_delrec
    gone = Group(group.address)
    gone.changes = _robustness(link)
    mc.left.append(gone)
    _igmp_ifc_event(link)


def _igmpv3_del_delrec(link: Link, address: Ip) -> None:
    """``igmpv3_del_delrec``: it was left a moment ago, and nobody needs to hear of that any more."""
    left = link.mc.left
    gone = next((group for group in reversed(left) if group.address == address), None)
    if gone is not None:
        left.remove(gone)


def _igmp_ifc_event(link: Link) -> None:
    link.mc.reports = _robustness(link)
    _igmp_ifc_start_timer(link, _FIRST)


def _igmp_ifc_start_timer(link: Link, delay: int) -> None:
    """``igmp_ifc_start_timer``: ``mod_timer`` with a random part of ``delay`` jiffies."""
    machine, mc = link.netns.machine, link.mc
    if mc.timer is not None:
        mc.timer.cancel()
    wait = machine.random("igmp", link.netns.label, link.name).randrange(delay)
    mc.timer = machine.add_timer(wait + _SLACK, lambda: _igmp_ifc_timer_expire(link))


def _igmp_ifc_stop(link: Link) -> None:
    mc = link.mc
    mc.reports = 0
    if mc.timer is not None:
        mc.timer.cancel()
        mc.timer = None


def _igmp_ifc_timer_expire(link: Link) -> None:
    mc = link.mc
    mc.timer = None
    igmpv3_send_cr(link)
    if mc.reports:
        mc.reports -= 1
        interval = link.conf.igmpv3_unsolicited_report_interval * link.netns.machine.hz
        _igmp_ifc_start_timer(link, max(-(-interval // 1000), 1))


# -- out --------------------------------------------------------------------------------------------------------------


def igmpv3_send_cr(link: Link) -> None:
    """``igmpv3_send_cr``: groups that were left, then groups that were joined, the last ones first, in as few reports as the MTU allows."""
    mc = link.mc
    changed = [(_CHANGE_TO_INCLUDE, group) for group in reversed(mc.left)]
    changed += [(_CHANGE_TO_EXCLUDE, group) for group in reversed(mc.groups.values()) if group.changes]
    records = []
    for kind, group in changed:
        group.changes -= 1
        if not _is_silent(link, group.address):
            records.append(bytes((kind, 0, 0, 0)) + int(group.address).to_bytes(4))
    mc.left = [group for group in mc.left if group.changes]
    room = max((link.mtu - _IP_HEADER - _HEADER) // _RECORD, 1)
    for start in range(0, len(records), room):
        _igmpv3_sendpack(link, records[start : start + room])


def _igmpv3_sendpack(link: Link, records: list[bytes]) -> None:
    """``igmpv3_newpack`` and ``igmpv3_sendpack``; where there is no way, nothing is sent."""
    netns = link.netns
    route = ip_route_output(netns, IGMPV3_ALL_MCR, oif=link)
    if route.kind == "error":
        return
    # igmpv3_get_srcaddr: an address of another device is none.
    source = route.src if any(address.local == route.src for address in link.addresses) else ANY4
    body = len(records).to_bytes(4) + b"".join(records)
    sum_ = checksum(words(bytes((_V3_REPORT, 0, 0, 0)) + body))
    payload = bytes((_V3_REPORT, 0)) + sum_.to_bytes(2) + body
    header = IPv4(source, IGMPV3_ALL_MCR, IPPROTO_IGMP, 1, _TOS, 0, True, options=_ROUTER_ALERT)
    dst = copy(route)
    # ip_check_mc_rcu: IGMP itself is heard whatever the groups are.
    dst.member = True
    ip_local_out(netns, Skb(Packet((header,), payload), netns.machine.world.new_packet_id()), dst)


# -- in ---------------------------------------------------------------------------------------------------------------


def igmp_rcv(netns: Netns, skb: Skb, link: Link) -> None:
    """``igmp_rcv``: a host has no use for reports. A querier, who would have it answer, is not modelled."""
    if not netns.machine.log.on:
        return
    packet = skb.packet
    data = to_bytes(Packet(packet.layers[1:], packet.payload, packet.trailer))
    if len(data) < _HEADER:
        by = ByLink(link.name, "IGMP length", str(len(data)))
        netns.emit(skb.id, Dropped("igmp_rcv", DropReason.NOT_SPECIFIED, by, link.name))
    elif checksum(words(data)):
        by = ByLink(link.name, "IGMP checksum", f"{int.from_bytes(data[2:4]):#06x}")
        netns.emit(skb.id, Dropped("igmp_rcv", DropReason.NOT_SPECIFIED, by, link.name))
    elif data[0] == _QUERY:
        netns.emit(skb.id, Dropped("igmp_rcv", DropReason.NOT_MODELLED, ByNotModelled("IGMP query"), link.name))
    else:
        netns.emit(skb.id, Delivered("igmp", "ignored"))
