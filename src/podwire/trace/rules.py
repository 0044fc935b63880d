"""Rules in the words of ``xtables-monitor --trace``, and which of them a story needs."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from podwire.trace.events import AnyEvent, ByRule, Conntrack, Dropped, RuleMatched, Translated
from podwire.trace.words import with_note

_DECISIONS: Final = frozenset({"ACCEPT", "DROP", "QUEUE"})
_JUMPS: Final = MappingProxyType({"jump": "JUMP", "goto": "GOTO"})


def trace_line(event: RuleMatched) -> str:
    """``filter:FORWARD:rule:1:JUMP:MY  -4 -t filter -A FORWARD -i eth0 -j MY``.

    iptables-nft 1.8.9 has the rule's handle there where this has its number, and calls RETURN 0xfffffffb.
    """
    by = event.by
    place = f"{by.table}:{by.chain}"
    if event.kind != "rule":
        return with_note(f"{place}:{event.kind}:{event.verdict}", by)
    verdict = event.verdict or "CONTINUE"
    if verdict in _JUMPS:
        verdict = f"{_JUMPS[verdict]}:{event.target}"
    rule = f"-4 -t {by.table} -A {by.chain} {by.text}".rstrip()
    return with_note(f"{place}:rule:{by.number}:{verdict}  {rule}", by)


def decision(event: RuleMatched) -> str:
    """What a rule decided, in a word or three: ``ACCEPT``, ``REJECT``, ``jump to MY``, ``no verdict``."""
    if event.verdict in _JUMPS:
        return f"{event.verdict} to {event.target}"
    return event.target or event.verdict or "no verdict"


def telling(event: AnyEvent, all_of_them: Iterable[AnyEvent]) -> bool:
    """A story needs the event: of rules those that decided, unless what came of it names the rule; of connections the state."""
    if isinstance(event, Conntrack):
        return event.what != "confirmed"
    if not isinstance(event, RuleMatched):
        return True
    return event.kind == "rule" and event.verdict in _DECISIONS and event.by not in _named(all_of_them)


def _named(events: Iterable[AnyEvent]) -> set[ByRule]:
    """The rules that an ending or a translation names."""
    return {event.by for event in events if isinstance(event, Translated | Dropped) and isinstance(event.by, ByRule)}
