"""One event in words: a label of at most six letters and a line."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.events import (
    PACKET_BROADCAST,
    PACKET_HOST,
    PACKET_MULTICAST,
    PACKET_OTHERHOST,
    AnyEvent,
    BpfTrace,
    Carried,
    Conntrack,
    Created,
    Decapsulated,
    Delivered,
    Dropped,
    Encapsulated,
    Flooded,
    Flow,
    Forwarded,
    Fragmented,
    IcmpSent,
    Logged,
    NeighbourChanged,
    Reassembled,
    Received,
    Refused,
    Routed,
    RuleMatched,
    Translated,
    Transmitted,
    Waiting,
)
from podwire.trace.frames import describe, icmp_error
from podwire.trace.rules import decision as choice
from podwire.trace.words import noted
from podwire.wire.addr import Ip
from podwire.wire.headers import IPPROTO_ICMP, Ethernet, IPv4
from podwire.wire.packet import Packet

_ADDRESSEES: Final = MappingProxyType(
    {
        PACKET_HOST: "",
        PACKET_BROADCAST: ", broadcast",
        PACKET_MULTICAST: ", multicast",
        PACKET_OTHERHOST: ", for another host",
    }
)
_CT_WHAT: Final = MappingProxyType({"in": "", "confirmed": ", confirmed", "clash": ", clash: another one stands there"})
_TAKERS: Final = MappingProxyType(
    {
        "socket": "by a socket",
        "icmp_echo": "by the kernel, which answers echo requests itself",
        "icmp": "by the kernel, which takes note",
        "arp": "by ARP",
        "igmp": "by IGMP",
    }
)


def event_line(event: AnyEvent) -> tuple[str, str]:  # noqa: C901 - one case for each event
    """Label and text of an event."""
    match event:
        case Created():
            return "create", f"{event.relation} of #{event.parent}" if event.parent else ""
        case Received():
            return "in", f"{event.dev}{_ADDRESSEES.get(event.pkt_type, '')}"
        case Transmitted():
            return "out", f"{event.dev}{_link(event.frame)}"
        case Routed():
            return "route", noted(event.by, event.rule)
        case RuleMatched():
            return "rule", f"{choice(event)} by {noted(event.by)}"
        case Refused():
            return "why", refused_line(event)
        case Logged():
            return (
                ("log", event.text.rstrip())
                if event.group is None
                else ("nflog", f"group {event.group}: {event.prefix}")
            )
        case Conntrack():
            flow = f": {flow_text(event.original)}" if event.original is not None else ""
            return "ct", f"{event.state}{' (reply)' if event.from_reply else ''}{_CT_WHAT[event.what]}{flow}"
        case Translated():
            back = " (back)" if event.reply else ""
            by = f": {noted(event.by)}" if event.by is not None else ""
            return (
                "nat",
                f"{event.what}{back} {endpoint(event.old, event.old_port)} -> {endpoint(event.new, event.new_port)}{by}",
            )
        case NeighbourChanged():
            return "neigh", f"{decision(event)}, was {event.old}: {event.cause}"
        case Waiting():
            return "wait", f"for the MAC of {event.ip} on {event.dev}"
        case IcmpSent():
            text = icmp_error(event.type, event.code, None)
            return "icmp", f"{text}, from {event.src} to {event.to}" + (
                f", withheld: {event.withheld}" if not event.id else ""
            )
        case Forwarded():
            return "fwd", f"{event.iif} -> {event.oif}, ttl {event.ttl}"
        case Encapsulated():
            vni = f", vni {event.vni}" if event.vni is not None else ""
            by = f": {noted(event.by)}" if event.by is not None else ""
            return "encap", f"{event.kind} by {event.dev}, {event.src} > {event.dst}{vni}{by}"
        case Decapsulated():
            vni = f", vni {event.vni}" if event.vni is not None else ""
            return "decap", f"{event.kind} by {event.dev}, {event.src} > {event.dst}{vni}"
        case BpfTrace():
            place = " ".join(filter(None, (event.by.dev, event.by.hook)))
            return "bpf", f"{event.point.lower().replace('_', '-')} by {event.by.name} ({place})" + (
                f": {event.detail}" if event.detail else ""
            )
        case Carried():
            return "to", f"{event.to}: {event.why}" + (f"; {event.allowed} lets it in" if event.allowed else "")
        case Delivered():
            taker = _TAKERS.get(event.to, f"by {event.to}")
            note = f", {event.note}" if event.note else ""
            return "taken", f"{taker}{note}" + (f": {noted(event.by)}" if event.by is not None else "")
        case Dropped():
            why = f": {noted(event.by)}" if event.by is not None else ""
            return "DROP", f"{event.reason} in {event.where}{why}"
        case Fragmented():
            return "cut", f"into {len(event.ids)} fragments for mtu {event.mtu}: {_numbers(event.ids)}"
        case Reassembled():
            return "joined", f"into #{event.into}"
        case Flooded():
            return "flood", f"{len(event.ids)} copies: {_numbers(event.ids)}"


def refused_line(event: Refused) -> str:
    """``NetworkPolicy default/deny for ingress of default/b: port 80/TCP fits; …``."""
    fails = "; ".join((*event.fits, *event.fails))
    return f"{', '.join(event.policies)} for {event.direction} of {event.pod}" + (f": {fails}" if fails else "")


def endpoint(ip: Ip, port: int) -> str:
    """An address, with its port where it has one."""
    return f"{ip}:{port}" if port else str(ip)


def flow_text(flow: Flow) -> str:
    """One direction of a connection."""
    if flow.proto == IPPROTO_ICMP:
        return f"icmp {flow.src} > {flow.dst}, id {flow.sport}"
    name = {6: "tcp", 17: "udp", 132: "sctp"}.get(flow.proto, str(flow.proto))
    return f"{name} {endpoint(flow.src, flow.sport)} > {endpoint(flow.dst, flow.dport)}"


def decision(event: NeighbourChanged) -> str:
    """What the entry is now, as ``ip neigh`` prints it."""
    address = f" lladdr {event.lladdr}" if event.lladdr is not None else ""
    return f"{event.ip} dev {event.dev}{address} {event.new}"


def frame_line(event: Received | Transmitted) -> tuple[str, str]:
    """A frame in two lines: device and both MACs, then its headers with TTL, id and flags."""
    kind = event.pkt_type if isinstance(event, Received) else PACKET_HOST
    ether = event.frame.find(Ethernet)
    macs = f", {ether.src} > {ether.dst}" if ether is not None else ""
    ip = event.frame.find(IPv4)
    more = f", ttl {ip.ttl}, id {ip.id}{', DF' if ip.df else ''}{f', tos {ip.tos:#x}' if ip.tos else ''}" if ip else ""
    text = f"{event.dev}{_ADDRESSEES.get(kind, '')}{macs}\n{describe(event.frame)}{more}"
    return ("in" if isinstance(event, Received) else "out"), text


def _link(frame: Packet) -> str:
    """MACs, unless there are none (lo, tunnels), and TTL."""
    ether, ip = frame.find(Ethernet), frame.find(IPv4)
    macs = f", {ether.src} > {ether.dst}" if ether is not None and (ether.src or ether.dst) else ""
    return macs + (f", ttl {ip.ttl}" if ip is not None else "")


def _numbers(ids: tuple[int, ...]) -> str:
    return " ".join(f"#{number}" for number in ids) or "none"
