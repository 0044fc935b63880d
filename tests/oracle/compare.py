"""Compares what a script printed in two worlds, command by command."""

import difflib
import re

from tests.oracle import normalise
from tests.oracle.script import EVERYTHING

REFUSED = re.compile(r"podwire: (?:.*: )?not modelled: (.*)|podwire: (\S+) is (?:not|neither) simulated")
"""How podwire says that it does not simulate something."""
HEADER = re.compile(r"[$#] .*|--- \w+")
MIDDLE = re.compile(r"(.+?)(\$ (?:ip|ping|arp|sysctl|tcpdump) .*)")


def blocks(text):
    """(what ``t``, ``say`` or ``enddump`` printed, the lines below it), in order; the first has no head."""
    result: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines():
        if HEADER.fullmatch(line):
            result.append((line, []))
        elif match := MIDDLE.fullmatch(line):  # the text before did not end its line
            result[-1][1].append(match[1])
            result.append((match[2], []))
        else:
            result[-1][1].append(line)
    return result


def joined(parts):
    return "".join(f"{line}\n" for head, lines in parts for line in ((head, *lines) if head else lines))


def without(parts, exceptions):
    """The blocks with nothing left of what these exceptions are about."""
    return [(head, [] if any(item.covers(head) for item in exceptions) else lines) for head, lines in parts]


def refused(parts):
    """(command, what podwire says that it does not model) of every command that it refuses."""
    return [(head, match[1] or match[2]) for head, lines in parts for match in map(REFUSED.search, lines) if match]


def normalised(script, parts):
    """Blocks with all that differs from run to run replaced."""
    keep = normalise.macs(script.text)
    result = blocks(normalise.normalise(joined(parts), keep))
    return [
        (head, sorted(lines) if any(item.covers(head) for item in script.sets) else lines) for head, lines in result
    ]


def subset(script, theirs, mine):
    """Their blocks without the lines that are not among ours, where the script says that ours are only a part."""
    return [
        (head, [line for line in lines if line in mine[place][1]])
        if place < len(mine) and any(item.covers(head) for item in script.parts)
        else (head, lines)
        for place, (head, lines) in enumerate(theirs)
    ]


def diff(old, new, before, after):
    """A unified difference of two lists of blocks, with the names of both."""
    one, other = (joined(parts).splitlines() for parts in (old, new))
    return "\n".join(difflib.unified_diff(one, other, before, after, lineterm="", n=3))


def real_difference(script, recorded, now):
    """Between two runs on the real kernel; empty if there is none."""
    old, new = (normalised(script, without(blocks(text), script.ignored)) for text in (recorded, now))
    return diff(old, new, "recorded", "now")


def difference(script, real, ours):
    """Between the two worlds; empty if there is none, and if podwire refuses just what the script says it does."""
    theirs, mine = blocks(real), blocks(ours)
    if script.out_of_reach is not None:
        same = normalised(script, theirs) == normalised(script, mine)
        return f"podwire can play it: the header's `not modelled: {EVERYTHING}` is to go" if same else ""
    heads = [head for head, _ in theirs]
    idle = [
        item
        for item in (*script.sets, *script.parts, *script.ignored, *script.beyond)
        if not any(map(item.covers, heads))
    ]
    if idle:
        return "".join(f"{item.pattern!r} of the header is about no command\n" for item in idle)
    said = refused(mine)
    surprises = [f"{head}: {what}" for head, what in said if not any(item.covers(head) for item in script.beyond)]
    played = [item.pattern for item in script.beyond if not any(item.covers(head) for head, _ in said)]
    exceptions = (*script.ignored, *script.beyond)
    theirs, mine = (normalised(script, without(parts, exceptions)) for parts in (theirs, mine))
    text = diff(subset(script, theirs, mine), mine, "real", "ours")
    return "\n".join(
        [
            *(f"refused, and the header does not say so: {line}" for line in surprises),
            *(f"the header says that podwire refuses {pattern!r}, which it does not" for pattern in played),
            *([text] if text else []),
        ]
    )
