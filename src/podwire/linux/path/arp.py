"""ARP: asking, answering, learning (net/ipv4/arp.c; kernel sheet sections 1.5 to 1.7, 1.9 and 9)."""

from __future__ import annotations

from errno import EHOSTUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, Link
from podwire.linux.neigh import GRATUITOUS, REPLY, REQUEST, VALID, Neighbour, Nud
from podwire.linux.path import neighbour
from podwire.linux.path.lookup import ifa_match, inet_addr_onlink, inet_select_addr
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.routein import arp_route_input
from podwire.linux.skb import Skb
from podwire.linux.tunnel import TunnelInfo
from podwire.trace.events import PACKET_HOST, By, ByNeighbour, BySysctl, Created, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, NO_MAC, Ip, Ip4, Mac
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, Arp, Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst

_USER_HZ: Final = 100


def arp_send(
    link: Link,
    op: int,
    tpa: Ip,
    spa: Ip,
    *,
    dst: Mac,
    tha: Mac = NO_MAC,
    sha: Mac | None = None,
    parent: int = 0,
    relation: str = "",
    tunnel: TunnelInfo | None = None,
) -> int:
    """``arp_send_dst``: transmit one ARP message; returns its packet id. ``tunnel`` tells a collect-metadata device where to."""
    from podwire.linux.path.output import dev_queue_xmit

    netns = link.netns
    packet_id = netns.machine.world.new_packet_id()
    own = link.mac if sha is None else sha
    skb = Skb(Packet((Arp(op, own, spa, tha, tpa),)), packet_id, link, Ethernet(dst, link.mac, ETH_P_ARP))
    skb.local_out = True
    skb.tunnel = tunnel
    if netns.machine.log.on:
        netns.emit(packet_id, Created(parent, relation))
    dev_queue_xmit(link, skb)
    return packet_id


def arp_solicit(entry: Neighbour, skb: Skb | None) -> None:
    """``arp_solicit``: ask for an address; whose name we give as sender follows arp_announce (F4, F60, F63)."""
    link = entry.link
    netns = link.netns
    target = entry.ip
    source: Ip = ANY4
    header = skb.packet.layers[0] if skb is not None and skb.packet.layers else None
    packet_source = header.src if isinstance(header, IPv4) else ANY4
    announce = max(netns.conf_all.arp_announce, link.conf.arp_announce)
    # 0: any local address of the packet. 1: only one in the target's subnet. 2: always choose.
    known = announce == 0 or (announce == 1 and inet_addr_onlink(link, target, packet_source))
    if known and packet_source and netns.is_local(packet_source):
        source = packet_source
    if not source:
        source = inet_select_addr(netns, link, target, SCOPE_LINK)
    # The question takes the way of the packet that waits for its answer.
    tunnel = skb.tunnel if skb is not None else None
    if entry.state in VALID and entry.probes < link.neigh.ucast_solicit:
        # A probe of an entry that has an address: unicast, though the target hardware address stays zero (F7).
        parent = entry.trigger
        relation = "probe" if parent else ""
        arp_send(link, ARPOP_REQUEST, target, source, dst=entry.mac, parent=parent, relation=relation, tunnel=tunnel)
        return
    parent = skb.id if skb is not None else entry.trigger
    relation = "arp" if parent else ""
    arp_send(link, ARPOP_REQUEST, target, source, dst=link.broadcast, parent=parent, relation=relation, tunnel=tunnel)


def arp_error_report(entry: Neighbour, skb: Skb) -> None:
    """``arp_error_report``: nobody answered; the sender of the waiting packet is told (3/1) and the packet is gone."""
    from podwire.linux.path.icmp import ipv4_link_failure

    netns = entry.link.netns
    if skb.dst is not None:
        # dst_link_failure: what a program sent to a next hop of its own choice has no route, and nobody is told.
        ipv4_link_failure(netns, skb)
    if netns.machine.log.on:
        by = ByNeighbour(entry.ip, entry.link.name, Nud.FAILED, None, entry.owner)
        netns.emit(skb.id, Dropped("arp_error_report", DropReason.NEIGH_FAILED, by, entry.link.name))


def arp_notify(link: Link) -> None:
    """``arp_notify``: announce own addresses when a device comes up or changes its address. Off by default (F32)."""
    notify = max(link.netns.conf_all.arp_notify, link.conf.arp_notify)
    if not notify or not link.is_up or not (link.arp or link.is_loopback):
        return
    for address in link.addresses:
        # inetdev_send_gratuitous_arp: on lo, too.
        arp_send(link, ARPOP_REQUEST, address.local, address.local, dst=link.broadcast, sha=link.mac)
    link.netns.machine.run_softirq()


# -- receiving ----------------------------------------------------------------------------------------------------


def _done(netns: Netns, skb: Skb, note: str, by: By | None = None) -> None:
    if netns.machine.log.on:
        netns.emit(skb.id, Delivered("arp", note, by))


def arp_rcv(skb: Skb, link: Link) -> None:
    """``arp_rcv``: frames for others and devices without ARP are out."""
    netns = link.netns
    if not link.arp or link.is_loopback or skb.pkt_type == 3:
        if netns.machine.log.on:
            netns.emit(skb.id, Dropped("arp_rcv", DropReason.OTHERHOST, dev=link.name))
        return
    arp_process(skb, link)


def arp_process(skb: Skb, link: Link) -> None:
    """``arp_process``: answer for ourselves, answer for others (proxy), learn."""
    netns = link.netns
    message = skb.packet.layers[0]
    assert isinstance(message, Arp)  # noqa: S101 - the caller dispatched on the EtherType
    target, sender = Ip4(message.tpa), Ip4(message.spa)
    all_, conf = netns.conf_all, link.conf
    localnet = all_.route_localnet or conf.route_localnet
    if target.is_multicast or (target.is_loopback and not localnet):
        _done(netns, skb, "ignored")
        return
    if sender == target and (all_.drop_gratuitous_arp or conf.drop_gratuitous_arp):
        _done(netns, skb, "ignored", _sysctl(netns, link, "drop_gratuitous_arp"))
        return
    if not sender:
        # Duplicate address detection (RFC 5227): only for addresses of our own, never proxied (F39).
        if message.op == ARPOP_REQUEST and netns.is_local(target) and not _arp_ignore(link, ANY4, target):
            _reply(link, skb, message)
            _done(netns, skb, "answered")
        else:
            _done(netns, skb, "not-ours")
        return
    note, by = "not-ours", None
    if message.op == ARPOP_REQUEST:
        route = arp_route_input(netns, target, sender, link)
        note, by = _refusal(netns, link, route)
        if route.kind == "local":
            if _arp_ignore(link, sender, target):
                note, by = "ignored", _sysctl(netns, link, "arp_ignore")
            elif (all_.arp_filter or conf.arp_filter) and _arp_filter(link, sender, target):
                note, by = "ignored", _sysctl(netns, link, "arp_filter")
            elif neighbour.learn(link, sender, message.sha, skb.id):
                _reply(link, skb, message)
                _done(netns, skb, "answered", route.by)
                return
            else:
                note = "ignored"
            _done(netns, skb, note, by)
            return
        if route.kind == "forward" and conf.forwarding:
            verdict = _proxy(netns, link, sender, target, route)
            if verdict is None:
                neighbour.learn(link, sender, message.sha, skb.id)
                why: By = _sysctl(netns, link, "proxy_arp") if all_.proxy_arp or conf.proxy_arp else route.by
                delay = link.neigh.proxy_delay
                if skb.pkt_type == PACKET_HOST or delay == 0:
                    _reply(link, skb, message)
                    _done(netns, skb, "proxied", why)
                elif _reply_later(link, skb, message, delay):
                    _done(netns, skb, "delayed", why)
                else:
                    _done(netns, skb, "ignored", why)
                return
            note, by = verdict
    if _learn_from_other(netns, link, skb, message) and message.op == ARPOP_REPLY:
        note, by = "learned", None
    _done(netns, skb, note, by)


def _refusal(netns: Netns, link: Link, route: Dst) -> tuple[str, By | None]:
    """Why a request gets no answer, when nothing below changes it."""
    if route.kind == "drop":
        return "source-check", route.why
    proxies = netns.conf_all.proxy_arp or link.conf.proxy_arp
    if not link.conf.forwarding and (route.kind == "forward" or route.error == EHOSTUNREACH):
        # A machine that is no proxy has nothing to forward: the address is just not its own.
        return ("forwarding-off", _sysctl(netns, link, "forwarding")) if proxies else ("not-ours", route.by)
    if route.kind == "error":
        return "no-route", route.by
    return "not-ours", route.by


def _proxy(netns: Netns, link: Link, sender: Ip, target: Ip, route: Dst) -> tuple[str, By] | None:
    """``arp_fwd_proxy`` and ``arp_fwd_pvlan``: None where we answer for the target, else why not (F34 to F38)."""
    all_, conf = netns.conf_all, link.conf
    if route.link is link:
        if (all_.proxy_arp_pvlan or conf.proxy_arp_pvlan) and sender != target:
            return None
        return "same-device", route.by
    if all_.proxy_arp or conf.proxy_arp or netns.neighbours.is_proxied(target, link):
        return None
    return "proxy-off", _sysctl(netns, link, "proxy_arp")


def _sysctl(netns: Netns, link: Link, key: str) -> BySysctl:
    from podwire.linux.path.why import sysctl

    return sysctl(netns, link, key)


def _learn_from_other(netns: Netns, link: Link, skb: Skb, message: Arp) -> bool:
    """The rest of ``arp_process``: an entry that exists is updated; arp_accept creates one for a gratuitous ARP or a reply."""
    sender = message.spa
    entry = netns.neighbours.get(sender, link)
    accept = max(netns.conf_all.arp_accept, link.conf.arp_accept)
    garp = _is_garp(netns, message)
    if entry is None and _accepts(link, sender, accept) and (garp or message.op == ARPOP_REPLY):
        entry = neighbour.neigh_of(link, sender)
    if entry is None:
        return False
    reply = message.op == ARPOP_REPLY and skb.pkt_type == PACKET_HOST
    hz = netns.machine.hz
    locktime = link.neigh.locktime * hz // _USER_HZ
    override = garp or netns.machine.jiffies > entry.updated + locktime
    state = Nud.REACHABLE if reply else Nud.STALE
    cause = REPLY if reply else GRATUITOUS if garp or message.op == ARPOP_REPLY else REQUEST
    neighbour.neigh_update(entry, message.sha, state, cause, override=override, packet=skb.id)
    return True


def _is_garp(netns: Netns, message: Arp) -> bool:
    """``arp_is_garp``: sender and target are one address, not ours; a reply names its own hardware address as target too."""
    same = message.spa == message.tpa and (message.op == ARPOP_REQUEST or message.tha == message.sha)
    return same and not netns.is_local(message.spa)


def _accepts(link: Link, sender: Ip, accept: int) -> bool:
    """``arp_accept``: 1 for any address that is not ours, 2 only for those in a subnet of the device."""
    return not link.netns.is_local(sender) and (accept == 1 or (accept == 2 and inet_addr_onlink(link, sender, ANY4)))


def _reply(link: Link, skb: Skb, message: Arp) -> None:
    came = skb.tunnel
    # iptunnel_metadata_reply: back to where it came from.
    back = TunnelInfo(id=came.id, dst=came.src, csum=came.csum) if came is not None and not came.tx else None
    arp_send(
        link,
        ARPOP_REPLY,
        message.spa,
        message.tpa,
        dst=message.sha,
        tha=message.sha,
        parent=skb.id,
        relation="reply",
        tunnel=back,
    )


def _reply_later(link: Link, skb: Skb, message: Arp, delay: int) -> bool:
    """``pneigh_enqueue``: a broadcast for somebody else is answered after a random part of proxy_delay (F41).

    At most proxy_qlen + 1 wait per device; False for one more. ``parp_redo`` looks again whether we may answer.
    """
    netns = link.netns
    machine = netns.machine
    waiting = netns.neighbours.proxy_queue
    if waiting.get(link, 0) > link.neigh.proxy_qlen:
        return False
    waiting[link] = waiting.get(link, 0) + 1

    def redo() -> None:
        waiting[link] -= 1
        if not link.is_up:
            return
        route = arp_route_input(netns, message.tpa, message.spa, link)
        if route.kind == "local" or (
            route.kind == "forward"
            and link.conf.forwarding
            and _proxy(netns, link, message.spa, message.tpa, route) is None
        ):
            neighbour.learn(link, message.spa, message.sha, skb.id)
            _reply(link, skb, message)

    machine.add_timer(
        machine.random("proxy-delay", netns.label, link.name).randrange(max(1, delay * machine.hz // _USER_HZ)), redo
    )
    return True


def _arp_ignore(link: Link, sender: Ip, target: Ip) -> bool:
    """``arp_ignore``: True where the sysctl forbids an answer."""
    netns = link.netns
    level = max(netns.conf_all.arp_ignore, link.conf.arp_ignore)
    if level == 0:
        return False
    if level == 1:  # only addresses of the device it came in by
        return not _confirm_addr(link, ANY4, target, SCOPE_HOST)
    if level == 2:  # and only for senders in the same subnet
        return not _confirm_addr(link, sender, target, SCOPE_HOST)
    if level == 3:  # not those of scope host
        return not any(_confirm_addr(each, ANY4, target, SCOPE_LINK) for each in netns.links())
    return level == 8


def _confirm_addr(link: Link, sender: Ip, local: Ip, scope: int) -> bool:
    """``inet_confirm_addr``, of one device: an address of it, within the subnet of one of its addresses that holds ``sender`` too.

    The far end of a point-to-point address makes the subnet, so such an address is not confirmed by itself.
    """
    lowest = SCOPE_LINK if link.conf.route_localnet or link.netns.conf_all.route_localnet else SCOPE_HOST
    has = any(each.local == local and min(each.scope, lowest) <= scope for each in link.addresses)
    return has and any(ifa_match(local, each) and (not sender or ifa_match(sender, each)) for each in link.addresses)


def _arp_filter(link: Link, sender: Ip, target: Ip) -> bool:
    """``arp_filter``: True unless our route back to the sender leaves by the device it came in by."""
    back = ip_route_output(link.netns, sender, target)
    return back.kind == "error" or back.link is not link
