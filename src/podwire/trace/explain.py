"""The story of a datagram in paragraphs: its fate and what would change it, how each neighbour was known, the reply, later probes."""

from __future__ import annotations

from podwire.trace.events import ByRoute, Dropped, Encapsulated, IcmpSent, Received, Routed, Translated, Transmitted
from podwire.trace.eventtext import endpoint
from podwire.trace.fate import EPERM, ERRNO, sentence
from podwire.trace.fields import by_of
from podwire.trace.fold import hops, network, offspring, opening, outcome, steps, tunnelled, verdict
from podwire.trace.frames import describe, icmp_error
from podwire.trace.neighbours import probe, resolutions
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.recorder import Recorder
from podwire.trace.words import decided, wrap
from podwire.wire.headers import ICMP_REDIRECT, IPPROTO_TCP, IPv4
from podwire.wire.packet import Packet


def name(recorder: Recorder, packet: int) -> str:
    """A datagram in one line, as tcpdump prints its headers."""
    headers = opening(recorder, packet)
    if headers is not None:
        return describe(headers)
    ends = [f"{r.event.src} > {r.event.dst}, " for r in steps(recorder, packet) if isinstance(r.event, Routed)]
    return f"{''.join(ends[:1])}packet {packet}, whose headers no tap saw"


def zero(recorder: Recorder, packet: int) -> int:
    """The time of a datagram's first record: what relative times start from."""
    return min((record.time for record in steps(recorder, packet)), default=0)


def explain(recorder: Recorder, packet: int) -> str:
    """Paragraphs of at most 110 columns; commands stand between backquotes."""
    told = _paragraphs(recorder, packet, zero(recorder, packet), "")
    return "\n".join(line for paragraph in told for line in wrap(paragraph, rest="  "))


def _paragraphs(recorder: Recorder, packet: int, start: int, title: str) -> list[str]:
    probed = probe(recorder, packet, start)
    if probed:
        return [probed]
    found = [f"{title}{name(recorder, packet)}", sentence(recorder, packet)]
    found += filter(None, (_errno(recorder, packet), _way(recorder, packet)))
    found += _translations(recorder, packet)
    found += _encapsulations(recorder, packet)
    found += _messages(recorder, packet)
    found += resolutions(recorder, packet, start)
    children = offspring(recorder, packet)
    for child in children:
        if recorder.born(child).relation == "reply":
            found += ["", *_paragraphs(recorder, child, start, "Reply: ")]
    found += filter(None, (probe(recorder, child, start) for child in children))
    return found


def _errno(recorder: Recorder, packet: int) -> str:
    """What the sending program is told by its own kernel."""
    record = outcome(recorder, packet)
    by = by_of(record)
    event = record.event if record is not None else None
    if isinstance(event, Dropped) and event.reason is DropReason.IP_OUTNOROUTES and isinstance(by, ByRoute):
        error = ERRNO.get(by.type)
        return f"The program that sent it gets {error}." if error else ""
    if isinstance(event, Dropped) and event.reason is DropReason.NETFILTER_DROP and _is_own(recorder, packet):
        error = ERRNO.get(by.type) if isinstance(by, ByRoute) else EPERM
        return f"The program that sent it gets {error}." if error else ""
    return ""


def _is_own(recorder: Recorder, packet: int) -> bool:
    """A program's datagram that died before any device had it. TCP keeps what it is told to itself, and sends again (F162)."""
    trail = steps(recorder, packet)
    born = recorder.born(packet)
    headers = opening(recorder, packet)
    ip = headers.find(IPv4) if headers is not None else None
    return (
        not born.parent
        and ip is not None
        and ip.proto != IPPROTO_TCP
        and not any(isinstance(r.event, Received | Transmitted) for r in trail)
    )


def _way(recorder: Recorder, packet: int) -> str:
    """The namespaces on the way, and what is left of the TTL."""
    places: list[str] = []
    for hop in hops(recorder, packet):
        if places[-1:] != [hop.netns]:
            places.append(hop.netns)
    frames = [r.event.frame for r in steps(recorder, packet) if isinstance(r.event, Received | Transmitted)]
    ttls = [ip.ttl for ip in (network(frame).find(IPv4) for frame in frames) if ip is not None]
    if len(places) < 2 or not ttls:
        return ""
    ttl = f"ttl {ttls[0]}" if ttls[0] == ttls[-1] else f"ttl {ttls[0]} at first and {ttls[-1]} at last"
    return f"Way: {' > '.join(places)}, {ttl}."


def _translations(recorder: Recorder, packet: int) -> list[str]:
    """What address translation did to it, and which rule had asked for that."""
    found = []
    for record in steps(recorder, packet):
        event = record.event
        if not isinstance(event, Translated):
            continue
        side = "source" if event.what == "SNAT" else "destination"
        old, new = endpoint(event.old, event.old_port), endpoint(event.new, event.new_port)
        why = (
            ", as it was on the way there" if event.reply else f": {decided(event.by)}" if event.by is not None else ""
        )
        found.append(f"{record.netns} made {new} its {side} in place of {old}{why}.")
    return found


def _encapsulations(recorder: Recorder, packet: int) -> list[str]:
    """The tunnels that it took, and what led into each."""
    found = []
    for record in steps(recorder, packet):
        event = record.event
        if isinstance(event, Encapsulated):
            why = f": {decided(event.by)}" if event.by is not None else ""
            found.append(f"{record.netns} put it into {event.kind} {event.src} > {event.dst} at {event.dev}{why}.")
    return found


def _origin(recorder: Recorder, event: IcmpSent) -> str:
    """Whom an ICMP error comes from; where it was translated, whom its receiver takes that to be."""
    changed = [
        r.event.new for r in steps(recorder, event.id) if isinstance(r.event, Translated) and r.event.what == "SNAT"
    ]
    return f"{event.src}, translated to {changed[-1]}" if changed else f"{event.src}"


def _outer(outer: Encapsulated) -> Packet:
    """The outer header, as far as an error's text names it."""
    return Packet((IPv4(outer.src, outer.dst, 0),))


def _messages(recorder: Recorder, packet: int) -> list[str]:
    """The ICMP messages that the datagram provoked, and whether they arrived."""
    found = []
    for record, outer in tunnelled(recorder, packet):
        event = record.event
        if not isinstance(event, IcmpSent):
            continue
        text = icmp_error(event.type, event.code, opening(recorder, packet) if outer is None else _outer(outer))
        if not event.id:
            found.append(f"{record.netns} told {event.to} nothing (ICMP {text} withheld: {event.withheld}).")
            continue
        verb = "recommended a shorter way to" if event.type == ICMP_REDIRECT else "told"
        arrived = verdict(recorder, event.id)
        fate = "" if arrived is Verdict.DELIVERED else f", but that did not arrive: {sentence(recorder, event.id)}"
        found.append(
            f"{record.netns} {verb} {event.to}: ICMP {text}, from {_origin(recorder, event)}{fate}".rstrip(".") + "."
        )
        if outer is not None:
            found.append(
                f"That is about the {outer.kind} packet {outer.src} > {outer.dst}: {event.to} is an end of the tunnel, "
                "and whoever sent what is inside hears nothing."
            )
    return found
