"""Words for the values of events: routes as ``ip route`` prints them, switches as ``sysctl`` does, who wrote them, times, lines."""

from __future__ import annotations

import re
import textwrap
from typing import Final

from podwire.trace.events import (
    KERNEL,
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
    Owner,
)

WIDTH: Final = 110
"""Columns of every text."""
_HARD: Final = "\u00a0"
"""Stands for a blank inside a command while lines are broken."""
_WHOLE: Final = re.compile(r"`[^`]*`|\S+ = \d+")
"""Commands and switches."""
_WHOLE_LIMIT: Final = 90
"""Longer ones are broken like other text."""
_DEFAULT_RULES: Final = frozenset({0, 32766, 32767})
"""Priorities of the three rules that every namespace starts with (local, main, default)."""


def clock(ns: int, *, digits: int = 3) -> str:
    """A duration: ``12 us``, ``3.062 ms``, ``5.006 s``; of seconds ``digits`` decimals."""
    if abs(ns) < 1_000_000:
        return f"{ns / 1000:g} us"
    return f"{ns / 1e6:.3f} ms" if abs(ns) < 1_000_000_000 else f"{ns / 1e9:.{digits}f} s"


def wrap(text: str, first: str = "", rest: str = "") -> list[str]:
    """``text`` in lines of at most ``WIDTH`` columns; a command between backquotes, or a switch, stays whole if it is not too long."""
    held = _WHOLE.sub(_hold, text)
    lines = textwrap.wrap(
        held, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(_HARD, " ").rstrip() for line in lines] or [first.rstrip()]


def _hold(command: re.Match[str]) -> str:
    text = command.group()
    return text.replace(" ", _HARD) if len(text) < _WHOLE_LIMIT else text


def writer(owner: Owner) -> str:
    """``felix for Pod default/pod1, spec.egress[0]``; empty where nobody is named."""
    for_whom = f" for {owner.object}" if owner.object else ""
    field = f", {owner.field}" if owner.field else ""
    return f"{owner.component}{for_whom}{field}"


def written(owner: Owner, *, default: str = "") -> str:
    """``written by felix for …``; ``default`` for what the kernel itself put there."""
    if owner.component in {"", "kernel"}:
        return default
    return f"written by {writer(owner)}"


def with_writer(text: str, remark: str) -> str:
    """``text (remark)``, or the text alone."""
    return f"{text} ({remark})" if remark else text


def noted(by: By, rule: int = 32766) -> str:
    """What decided, with table and writer in brackets: the short form for lines of a trace."""
    table = [f"table {by.table}"] if isinstance(by, ByRoute) and by.table == "main" and by.type != "none" else []
    number = [f"ip rule {rule}"] if rule not in _DEFAULT_RULES else []
    return with_note(route(by) if isinstance(by, ByRoute) else what(by), by, *table, *number)


def with_note(text: str, by: By, *marks: str) -> str:
    """``text``, and in brackets behind it the marks and who wrote what decided."""
    owner = getattr(by, "owner", KERNEL)
    author = [writer(owner)] if owner.component not in {"", "kernel"} else []
    noted_marks = ", ".join([*marks, *author])
    return f"{text}  [{noted_marks}]" if noted_marks else text


def route(by: ByRoute) -> str:
    """The line of ``ip route`` (iproute2 ``print_route``), the table named unless it is main; ``no route to …`` where there is none."""
    if by.type == "none":
        return f"no route to {by.prefix}" + (f" while {' and '.join(by.flags)}" if by.flags else "")
    words = [] if by.type == "unicast" else [by.type]
    words.append(by.prefix)
    if by.via is not None:
        words.append(f"via {by.via}")
    if by.dev:
        words.append(f"dev {by.dev}")
    if by.table not in {"", "main"}:
        words.append(f"table {by.table}")
    if by.proto not in {"", "boot"}:
        words.append(f"proto {by.proto}")
    if by.scope not in {"", "global", "universe"}:
        words.append(f"scope {by.scope}")
    if by.src is not None:
        words.append(f"src {by.src}")
    if by.metric:
        words.append(f"metric {by.metric}")
    return " ".join([*words, *by.flags])


def route_origin(by: ByRoute) -> str:
    """Where a route stands and who wrote it: ``table main, written by …``."""
    table = f"table {by.table}" if by.table == "main" and by.type != "none" else ""
    return ", ".join(filter(None, (table, written(by.owner))))


def switch(by: BySysctl) -> str:
    """``net.ipv4.ip_forward = 0``, as ``sysctl`` prints it."""
    return f"{by.key} = {by.value}"


def neighbour(by: ByNeighbour) -> str:
    """The line of ``ip neigh``."""
    address = f" lladdr {by.lladdr}" if by.lladdr is not None else ""
    return f"{by.ip} dev {by.dev}{address} {by.state}"


def rule(by: ByRule) -> str:
    """``rule 3 of FORWARD in table filter: -A FORWARD …``; number 0 is the chain's policy."""
    place = f"{by.chain} in table {by.table}" + ("" if by.variant == "nft" else " of iptables-legacy")
    if by.text == "hotdrop" and not by.number:
        return f"a match in {place}"
    if not by.number:
        return f"the policy of {place}"
    return f"rule {by.number} of {place}: -A {by.chain} {by.text}".rstrip()


def fdb(by: ByFdb) -> str:
    """The line of ``bridge fdb``; all zeros is the entry for everything that has none."""
    default = "" if by.lladdr else "default "
    return f"{default}fdb entry {by.lladdr} dev {by.dev} dst {by.dst}"


def program(by: ByProgram) -> str:
    """``program cil_from_container (lxc1234 ingress): Invalid source ip (132), …``."""
    place = f" ({' '.join(filter(None, (by.dev, by.hook)))})" if by.dev or by.hook else ""
    said = ", ".join(filter(None, (f"{by.text} ({by.code})" if by.code else by.text, by.detail)))
    return f"program {by.name}{place}" + (f": {said}" if said else "")


def what(by: By) -> str:
    """What decided, without its writer."""
    match by:
        case ByRoute():
            return route(by) if by.type == "none" else f"route {route(by)}"
        case BySysctl():
            return switch(by)
        case ByReversePath():
            return f"{by.key} = {by.value}, and the way back is {what(by.back)}"
        case ByNeighbour():
            return f"neighbour {neighbour(by)}"
        case ByLink():
            return " ".join(filter(None, (by.dev, by.what, by.value)))
        case ByRule():
            return rule(by)
        case ByPolicyRule():
            return f"ip rule {by.priority}: {by.text}"
        case ByFabric():
            return by.why if by.name in by.why else f"{by.name}: {by.why}".rstrip(": ")
        case ByFdb():
            return fdb(by)
        case ByProgram():
            return program(by)
        case ByNotModelled():
            return f"not modelled: {by.what}"


def decided(by: By) -> str:
    """What decided and who wrote it, on one line."""
    if isinstance(by, ByNotModelled):
        return what(by)
    if isinstance(by, ByRoute):
        return with_writer(what(by), route_origin(by))
    if isinstance(by, BySysctl):
        return with_writer(what(by), written(by.owner, default="the kernel's default"))
    if isinstance(by, ByReversePath):
        return f"{decided(BySysctl(by.key, by.value, by.owner))}, and the way back is {decided(by.back)}"
    return with_writer(what(by), written(by.owner))
