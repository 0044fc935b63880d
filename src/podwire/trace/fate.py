"""Why a datagram ended as it did: one sentence that names what decided, where, who wrote that, and which change would let it pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from podwire.trace.causes import ARP, Cause, find, policies, routing, services
from podwire.trace.events import (
    PACKET_OTHERHOST,
    ByRoute,
    ByRule,
    Conntrack,
    Created,
    Decapsulated,
    Delivered,
    Dropped,
    Encapsulated,
    Flooded,
    IcmpSent,
    NeighbourChanged,
    Received,
    Routed,
    Transmitted,
    Waiting,
)
from podwire.trace.fields import by_of, circle, device_of, fields, leading
from podwire.trace.fold import is_reset, offspring, opening, outcome, path, steps, verdict
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.recorder import Recorder
from podwire.trace.words import decided
from podwire.wire.addr import Ip
from podwire.wire.headers import ICMP_TIME_EXCEEDED, IPPROTO_ICMP, Arp, IPv4

ERRNO: Final = MappingProxyType(
    {
        "blackhole": "EINVAL, Invalid argument",
        "unreachable": "EHOSTUNREACH, No route to host",
        "prohibit": "EACCES, Permission denied",
        "none": "ENETUNREACH, Network is unreachable",
        "throw": "ENETUNREACH, Network is unreachable",
    }
)
"""What a program gets whose packet met a route of that type on its way out (F47)."""
EPERM: Final = "EPERM, Operation not permitted"
"""What a program gets whose packet a rule drops on its way out."""
_INVALID: Final = re.compile(r"(?<!! )--(?:ct)?state (?:\w+,)*INVALID")


# ------------------------------------------------------------------------------------------------------- deciding


def decided_by(recorder: Recorder, packet: int) -> str:
    """What decided the fate, on one line: the switch, route, rule or device, with its writer; empty if nothing says so.

    Where a neighbour did not answer, what decided about the ARP request stands behind the entry.
    """
    record = outcome(recorder, packet)
    if record is None:
        waits = waiting(recorder, packet)
        return f"the MAC of {waits.ip} on {waits.dev} is not known yet" if waits is not None else ""
    by = by_of(record)
    if by is None:
        routed = [
            r.event.by for r in steps(recorder, packet) if isinstance(r.event, Routed) and r.netns == record.netns
        ]
        by = routed[-1] if routed else None
    text = decided(by) if by is not None else ""
    requests = unanswered(recorder, packet)
    deeper = decided_by(recorder, requests[-1]) if requests else ""
    return f"{text}, because of {deeper}" if text and deeper else text or deeper


def waiting(recorder: Recorder, packet: int) -> Waiting | None:
    """What a datagram waits for at this moment, None if it does not."""
    trail = steps(recorder, packet)
    if outcome(recorder, packet) is not None or not trail:
        return None
    last = [r.event for r in trail if isinstance(r.event, Waiting | Transmitted | Received)]
    return last[-1] if last and isinstance(last[-1], Waiting) else None


def target(recorder: Recorder, packet: int) -> Ip | None:
    """Whom an ARP packet asks for (or, in an answer, tells); None for everything else."""
    headers = opening(recorder, packet)
    arp = headers.find(Arp) if headers is not None else None
    return arp.tpa if arp is not None else None


def requests_for(recorder: Recorder, wait: Record, trail: Sequence[Record]) -> tuple[int, ...]:
    """The ARP requests that tried to resolve what a datagram waits for, up to where it left or died; ``trail`` holds its records.

    Of the packets that wait for one entry only the first has the requests as children; the others share them.
    """
    event = wait.event
    if not isinstance(event, Waiting):
        return ()
    log = recorder.records
    waited = _position(log, wait)
    behind = trail[_position(trail, wait) :]
    end = next((record for record in behind if isinstance(record.event, Transmitted | Dropped)), None)
    stop = _position(log, end) if end is not None else len(log)
    entry = (wait.netns, event.dev, event.ip)
    begun = [i for i in range(waited) if _resolves(log[i], entry)]
    return tuple(
        record.packet
        for record in log[begun[-1] if begun else waited : stop]
        if isinstance(record.event, Created)
        and record.event.relation == "arp"
        and record.netns == wait.netns
        # A request that no tap saw (its device has no carrier) shows nobody whom it asked for.
        and target(recorder, record.packet) in {event.ip, None}
    )


def _position(log: Sequence[Record], wanted: Record) -> int:
    return next(i for i, record in enumerate(log) if record is wanted)


def _resolves(record: Record, entry: tuple[str, str, Ip]) -> bool:
    event = record.event
    return (
        isinstance(event, NeighbourChanged)
        and event.new == "INCOMPLETE"
        and (record.netns, event.dev, event.ip) == entry
    )


def unanswered(recorder: Recorder, packet: int) -> tuple[int, ...]:
    """The ARP requests whose silence a datagram died of; empty if it died of something else, or no request is known."""
    record = outcome(recorder, packet)
    if record is None or not isinstance(record.event, Dropped) or record.event.reason is not DropReason.NEIGH_FAILED:
        return ()
    trail = steps(recorder, packet)
    waits = [r for r in trail if isinstance(r.event, Waiting)]
    return requests_for(recorder, waits[-1], trail) if waits else ()


# ------------------------------------------------------------------------------------------------------ sentences


def sentence(recorder: Recorder, packet: int) -> str:
    """The fate in one sentence."""
    record = outcome(recorder, packet)
    if record is None:
        return _under_way(recorder, packet)
    if verdict(recorder, packet) is Verdict.DELIVERED:
        return f"{taken(recorder, packet)}."
    event = record.event
    cause = _cause(recorder, packet)
    if isinstance(event, Dropped):
        return f"{_discarded(recorder, packet, record.netns, event)}: {cause.why}; {cause.remedy}."
    return f"{_unheeded(recorder, packet)}: {cause.why}; {cause.remedy}."


def _discarded(recorder: Recorder, packet: int, here: str, event: Dropped) -> str:
    verb = {Verdict.REJECTED: "rejected it", Verdict.UNKNOWN: "met something unknown"}.get(
        verdict(recorder, packet), "dropped it"
    )
    dev = device_of(recorder, packet)
    place = f" at {dev}" if dev else ""
    function = f" in {event.where}" if event.where else ""
    return f"{here} {verb}{place} ({event.reason}{function})"


def _unheeded(recorder: Recorder, packet: int) -> str:
    """An ARP message that was taken and led to nothing."""
    headers = opening(recorder, packet)
    arp = headers.find(Arp) if headers is not None else None
    return f"nobody answered who-has {arp.tpa} tell {arp.spa}" if arp is not None else "nobody took it"


def _under_way(recorder: Recorder, packet: int) -> str:
    waits = waiting(recorder, packet)
    if waits is not None:
        here = steps(recorder, packet)[-1].netns
        return f"It is under way: it waits in {here} for the MAC of {waits.ip} on {waits.dev}."
    way = path(recorder, packet)
    return f"It is under way: it was last seen at {way[-1]}." if way else "It is under way: no device has seen it."


def taken(recorder: Recorder, packet: int) -> str:
    """Who took the datagram, as a clause."""
    record = outcome(recorder, packet)
    event = record.event if record is not None else None
    if not isinstance(event, Delivered):
        return "nobody took it"
    names = fields(recorder, packet)
    because = f": {names['by']}" if names["by"] else ""
    clauses = {
        ("arp", "answered"): "{here} answered: {tpa} is its own address",
        ("arp", "proxied"): "{here} answered in place of {tpa} (proxy ARP)" + because,
        ("arp", "responder"): "{here} answered in place of {tpa}" + because,
        ("arp", "delayed"): "{here} answers in place of {tpa} after a random delay (proxy ARP)" + because,
        ("arp", "learned"): "{here} took note of the answer",
        ("icmp_echo", ""): "{here} took it: its kernel answers echo requests by itself"
        + (f", but it cannot answer this one: {names['by']}" if event.by is not None else ""),
        ("icmp", ""): "{here} took it: its kernel takes note of such messages",
        ("socket", ""): "{here} took it: a socket waited for it",
    }
    clause = clauses.get((event.to, event.note)) or clauses.get((event.to, "")) or "{here} took it (" + event.to + ")"
    return clause.format_map(names)


def _cause(recorder: Recorder, packet: int) -> Cause:
    """The filled row of the table; where a neighbour did not answer, that of the ARP request."""
    record = outcome(recorder, packet)
    event = record.event if record is not None else None
    requests = unanswered(recorder, packet)
    if requests:
        deeper = _silence(recorder, requests[-1])
        count = f"{len(requests)} ARP requests for" if len(requests) > 1 else "its ARP request for"
        who = target(recorder, requests[-1]) or fields(recorder, packet)["ip"]
        return Cause(f"{count} {who} found no answer, because {deeper.why}", deeper.remedy)
    names = fields(recorder, packet)
    if isinstance(event, Flooded):
        return Cause("there is no other machine on the segment", "it passes when another machine is connected to it")
    if isinstance(event, Delivered):
        row = find(ARP, event.by, event.note)
    elif isinstance(event, Dropped):
        row = find(event.reason, event.by, _note(recorder, packet, event))
    else:
        return Cause("it is under way", "it needs time")
    return Cause(row.why.format_map(names), row.remedy.format_map(names))


def _silence(recorder: Recorder, request: int) -> Cause:
    """Why an ARP request did not lead to an answer that arrived."""
    answers = [child for child in offspring(recorder, request) if recorder.born(child).relation == "reply"]
    if verdict(recorder, request) is not Verdict.DELIVERED:
        strangers = _strangers(recorder, request)
        if len(strangers) > 1:
            who = target(recorder, request)
            return Cause(
                f"none of the {len(strangers)} machines that heard it has {who}",
                f"it passes when one of them has it: `ip addr add {who}/32 dev DEV`",
            )
        return _cause(recorder, request)
    if answers and verdict(recorder, answers[-1]) is not Verdict.DELIVERED:
        lost = _cause(recorder, answers[-1])
        return Cause(f"it was answered, but the answer was lost: {lost.why}", lost.remedy)
    return Cause(f"{taken(recorder, request)}, but no answer came in time", "it passes when the answer comes sooner")


def _strangers(recorder: Recorder, request: int) -> list[int]:
    """The copies of a flooded request, if none of them met a machine that has the address."""
    flood = [r.event for r in recorder.select((request,)) if isinstance(r.event, Flooded)]
    copies = [copy for event in flood for copy in event.ids]
    ends = [outcome(recorder, copy) for copy in copies]
    notes = {end.event.note if end is not None and isinstance(end.event, Delivered) else "" for end in ends}
    return copies if notes == {"not-ours"} else []


def _note(recorder: Recorder, packet: int, event: Dropped) -> str:
    """The note of a death where reason and ``by`` leave a choice that the other records make."""
    trail = steps(recorder, packet)
    if event.where == "nf_nat_icmp_reply_translation":
        return "redirect"
    if event.reason is DropReason.NETFILTER_DROP and isinstance(event.by, ByRule) and event.by.number:
        return _rule_note(trail, event.by)
    if isinstance(event.by, ByRoute) and routing.is_block(event.by):
        return routing.BLOCK
    if event.reason is DropReason.IP_INHDR:
        expired = any(isinstance(r.event, IcmpSent) and r.event.type == ICMP_TIME_EXCEEDED for r in trail)
        if expired or event.where == "ip_forward":
            return "loop" if circle(trail) else "ttl"
    if event.reason is DropReason.OTHERHOST and event.where == "arp_rcv":
        heard = [r.event.pkt_type for r in trail if isinstance(r.event, Received)]
        return "noarp" if heard and heard[-1] != PACKET_OTHERHOST else ""
    if event.reason is DropReason.IP_LOCAL_SOURCE and leading(trail) is not None:
        return "hairpin"
    if event.reason is DropReason.NO_SOCKET:
        if is_reset(recorder, packet):
            return "reset"
        tunnels = [r.event for r in trail if isinstance(r.event, Encapsulated | Decapsulated)]
        if tunnels and isinstance(tunnels[-1], Encapsulated):
            return f"{tunnels[-1].kind}"
        headers = opening(recorder, packet)
        ip = headers.find(IPv4) if headers is not None else None
        if ip is not None and ip.proto == IPPROTO_ICMP:
            return "icmp"
        return "service" if leading(trail) is not None else ""
    return ""


def _rule_note(trail: Sequence[Record], by: ByRule) -> str:
    """What made a rule discard the packet, where it is not the rule alone."""
    if "-j TPROXY" in by.text:
        return "tproxy"
    if refused := services.refusal(by) or policies.note(by, trail):
        return refused
    states = [r.event.state for r in trail if isinstance(r.event, Conntrack)]
    return "invalid" if states and states[-1] == "INVALID" and _INVALID.search(by.text) else ""
