"""The names that sentences about an ending are filled with: who, where, which packet, which switch or route."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from podwire.trace.causes import policies
from podwire.trace.events import (
    By,
    ByFabric,
    ByFdb,
    ByLink,
    ByNeighbour,
    ByNotModelled,
    ByPolicyRule,
    ByProgram,
    ByReversePath,
    ByRoute,
    ByRule,
    BySysctl,
    Delivered,
    Dropped,
    Forwarded,
    Received,
    Routed,
    Translated,
    Transmitted,
    Waiting,
)
from podwire.trace.fold import network, opening, outcome, steps
from podwire.trace.frames import PROTOCOLS
from podwire.trace.log import Record
from podwire.trace.recorder import Recorder
from podwire.trace.words import decided
from podwire.wire.headers import IPPROTO_UDP, Arp, Ethernet, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

_PORT: Final = re.compile(r"spec\.ports\[\d+\]")


def by_of(record: Record | None) -> By | None:
    """What decided an ending, if it says so."""
    event = record.event if record is not None else None
    return event.by if isinstance(event, Delivered | Dropped) else None


def device_of(recorder: Recorder, packet: int) -> str:
    """The device an ending happened at: the one it names, else the last one the datagram used in that namespace; empty for none."""
    record = outcome(recorder, packet)
    if record is None:
        return ""
    if isinstance(record.event, Dropped) and record.event.dev:
        return record.event.dev
    used = [
        step.event.dev
        for step in steps(recorder, packet)
        if step.netns == record.netns and isinstance(step.event, Received | Transmitted | Waiting)
    ]
    return used[-1] if used else ""


def fields(recorder: Recorder, packet: int) -> dict[str, str]:
    """Every field that the table of causes may name. What is not known is said in words.

    ``here`` is the namespace, ``machine`` its host, ``dev`` the device (``dev_key`` as part of a sysctl key), ``where`` the kernel
    function, ``by`` what decided with its writer; ``src dst ttl size proto dport`` are the packet's, ``room`` what payload still fits,
    ``service`` and ``listen`` name its port for a firewall and for nc; ``mac`` is the frame's destination, ``prev prev_dev`` who sent
    it; ``key`` and ``double`` belong to a switch, ``switch back`` to rp_filter, ``link value`` to a device, ``far far_dev far_rest`` to
    its other end, ``prefix type table_arg`` to a route, ``down wanted`` to the lack of one, ``priority`` to an ip rule, ``table
    chain number iptables owned writer`` to a netfilter rule, ``part namespace name policy`` to the Service that it was written for,
    ``refusal mend`` to what policies lacked,
    ``leading leading_here leading_part leading_chain`` to the rule of a Service that led the packet here, ``object setting`` to a
    fabric, ``ip`` to a neighbour, ``tpa spa`` to an ARP message; ``circle`` names the machines of a routing loop.
    """
    record = outcome(recorder, packet)
    trail = steps(recorder, packet)
    by = by_of(record)
    dev = device_of(recorder, packet) or "its device"
    found = {
        "here": record.netns if record is not None else "",
        "machine": record.machine if record is not None else "",
        "dev": dev,
        "dev_key": dev.replace(".", "/"),
        "by": decided(by) if by is not None else "",
        "where": getattr(record.event, "where", "") if record is not None else "",
        "circle": " and ".join(circle(trail)),
    }
    found |= _packet_fields(opening(recorder, packet), trail)
    found |= _translated_fields(trail, found["proto"])
    found |= _outer_fields(trail)
    found |= _frame_fields(trail)
    found |= _by_fields(by)
    found |= _leading_fields(trail)
    found |= policies.refused_fields(trail)
    waits = [step.event for step in trail if isinstance(step.event, Waiting)]
    if "ip" not in found:
        found["ip"] = str(waits[-1].ip) if waits else "its next hop"
    # What asks for 169.254.1.1, or for any gateway that is no machine, wants the default route.
    found["wanted"] = "default" if found["tpa"] != "?" else found["dst"]
    mtu = found.get("value", "")
    headers = int(found["headers"])
    found["room"] = str(int(mtu) - headers) if mtu.isdecimal() else "fewer"
    return found


def circle(trail: tuple[Record, ...]) -> list[str]:
    """The namespaces that forwarded the datagram more than once."""
    counts = Counter(step.netns for step in trail if isinstance(step.event, Forwarded))
    return [netns for netns, count in counts.items() if count > 1]


def _packet_fields(headers: Packet | None, trail: tuple[Record, ...]) -> dict[str, str]:
    frames = [step.event.frame for step in trail if isinstance(step.event, Received | Transmitted)]
    if frames:
        headers = network(frames[-1])
    found = dict.fromkeys(("proto", "dport", "ttl", "tpa", "spa"), "?")
    found |= {
        "src": "its source",
        "dst": "its destination",
        "size": "?",
        "headers": "0",
        "service": "PROTOCOL",
        "listen": "nc",
    }
    if headers is None:
        routed = [step.event for step in trail if isinstance(step.event, Routed)]
        return found | ({"src": str(routed[-1].src), "dst": str(routed[-1].dst)} if routed else {})
    found |= {"size": str(headers.size), "headers": str(headers.size - len(headers.payload))}
    arp, ip = headers.find(Arp), headers.find(IPv4)
    if arp is not None:
        found |= {"tpa": str(arp.tpa), "spa": str(arp.spa), "src": str(arp.spa), "dst": str(arp.tpa)}
    if ip is not None:
        proto = PROTOCOLS.get(ip.proto, str(ip.proto))
        ports = headers.find(Udp) or headers.find(Tcp)
        dport = str(ports.dport) if ports is not None else "?"
        found |= {"src": str(ip.src), "dst": str(ip.dst), "ttl": str(ip.ttl), "proto": proto, "dport": dport}
        found["service"] = f"{proto}:{dport}" if ports is not None else proto
        found["listen"] = f"nc -{'u' if ip.proto == IPPROTO_UDP else ''}l -p {dport}"
    return found


def _translated_fields(trail: tuple[Record, ...], proto: str) -> dict[str, str]:
    """What address translation made of the packet since a tap saw it."""
    found: dict[str, str] = {}
    for step in trail:
        event = step.event
        if isinstance(event, Received | Transmitted):
            found = {}
        elif isinstance(event, Translated):
            if event.what == "SNAT":
                found["src"] = str(event.new)
                continue
            found["dst"] = str(event.new)
            if event.new_port and proto in {"tcp", "udp"}:
                found["dport"] = str(event.new_port)
                found["service"] = f"{proto}:{event.new_port}"
                found["listen"] = f"nc -{'u' if proto == 'udp' else ''}l -p {event.new_port}"
    return found


def _outer_fields(trail: tuple[Record, ...]) -> dict[str, str]:
    """Where a tunnel device looked for the way of the outer packet and found none: that packet's addresses."""
    last = [step.event for step in trail[-3:]]
    match last:
        case [Transmitted(), Routed() as routed, Dropped()]:
            return {"src": str(routed.src), "dst": str(routed.dst)}
        case _:
            return {}


def _frame_fields(trail: tuple[Record, ...]) -> dict[str, str]:
    found = {"mac": "another MAC", "prev": "the sender", "prev_dev": "DEV"}
    taps = [step for step in trail if isinstance(step.event, Received | Transmitted)]
    if taps and isinstance(taps[-1].event, Received):
        header = taps[-1].event.frame.find(Ethernet)
        if header is not None:
            found["mac"] = str(header.dst)
    # Who put the frame on the cable: the transmission before the last reception, or the last one if it was lost on the way.
    received = [i for i, tap in enumerate(taps) if isinstance(tap.event, Received)]
    lost_between = taps and isinstance(taps[-1].event, Transmitted)
    before = taps if lost_between or not received else taps[: received[-1]]
    senders = [tap for tap in before if isinstance(tap.event, Transmitted)]
    if senders and isinstance(senders[-1].event, Transmitted):
        found |= {"prev": senders[-1].netns, "prev_dev": senders[-1].event.dev}
    return found


def _by_fields(by: By | None) -> dict[str, str]:
    match by:
        case BySysctl():
            return {"key": _command_key(by.key), "double": str(2 * by.value)}
        case ByReversePath():
            switch = BySysctl(by.key, by.value, by.owner)
            return {"key": _command_key(by.key), "switch": decided(switch), "back": decided(by.back)}
        case ByRoute():
            table = f" table {by.table}" if by.table not in {"", "main"} else ""
            down = by.flags[0].partition(" ")[0] if by.type == "none" and by.flags else ""
            return {"prefix": by.prefix, "type": by.type, "table_arg": table, "down": down}
        case ByLink():
            place, _, rest = by.value.partition(" ")
            far, _, far_dev = place.rpartition(":")
            ends = {"far": far or "its machine", "far_dev": far_dev or "DEV", "far_rest": rest}
            return {"link": by.dev, "value": by.value} | ends
        case ByRule():
            tool = "iptables" if by.variant == "nft" else "iptables-legacy"
            rule = {"table": by.table, "chain": by.chain, "number": str(by.number), "iptables": tool}
            return rule | {"owned": by.owner.object, "writer": by.owner.component} | _service_fields(by)
        case ByPolicyRule():
            return {"priority": str(by.priority)}
        case ByNeighbour():
            return {"ip": str(by.ip)}
        case ByFabric():
            return {"object": by.name, "setting": by.owner.field}
        case ByFdb():
            return {"link": by.dev, "mac": str(by.lladdr)}
        case ByProgram():
            return {"program": by.name, "detail": by.detail or by.text, "link": by.dev}
        case ByNotModelled():
            return {"what": by.what}
        case _:
            return {}


def _service_fields(by: ByRule) -> dict[str, str]:
    """Of the Service whose rule it is: its place, the port, the policy that counts in the chain."""
    namespace, _, name = by.owner.object.removeprefix("Service ").partition("/")
    inside, part = by.chain == "KUBE-SERVICES", _PORT.match(by.owner.field)
    return {
        "namespace": namespace,
        "name": name,
        "part": part[0] if part is not None else "its port",
        "policy": "internalTrafficPolicy" if inside else "externalTrafficPolicy",
    }


def leading(trail: tuple[Record, ...]) -> tuple[str, ByRule] | None:
    """The rule of a Service that gave the packet its destination, and the namespace in which it stands."""
    found = [
        (step.netns, step.event.by)
        for step in trail
        if isinstance(step.event, Translated) and step.event.what == "DNAT" and not step.event.reply
    ]
    place, by = found[-1] if found else ("", None)
    return (place, by) if by is not None and by.owner.object.startswith("Service ") else None


def _leading_fields(trail: tuple[Record, ...]) -> dict[str, str]:
    match leading(trail):
        case place, by:
            part = _service_fields(by)["part"]
            return {"leading": by.owner.object, "leading_here": place, "leading_part": part, "leading_chain": by.chain}
        case _:
            return {}


def _command_key(key: str) -> str:
    """The key of a switch as sysctl(8) takes it: dots of a device's name become slashes (``net.ipv4.conf.vxlan/calico.rp_filter``)."""
    parts = key.split(".")
    if parts[:2] != ["net", "ipv4"] or parts[2] not in {"conf", "neigh"}:
        return key
    return ".".join([*parts[:3], "/".join(parts[3:-1]), parts[-1]])
