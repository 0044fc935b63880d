"""Makes a case on which the kernel and podwire disagree small: what can go while they still disagree, goes.

Candidates are judged many at a time, since the kernel mostly waits.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from tests.oracle.generated import compare, kernel, ours
from tests.oracle.generated.case import Case, Command

Judge = Callable[[Sequence[Case]], list[bool]]
"""For each case: does it still fail?"""
_OPTIONS = re.compile(
    r" -(?:[WeIQmstM]) \S+| -[br]\b| (?:metric|mtu lock|mtu|hoplimit|proto|src|scope|tos|mark|prio|brd|table|dev|from|to|iif|oif|fwmark) \S+"
    r"| (?:ttl|df|srcport \d+|ageing|maxaddress|local|vni|port) \S+| nolearning| noudpcsum| udpcsum| csum| external"
    r"| onlink| noprefixroute"
)


def differ(cases: Sequence[Case]) -> list[bool]:
    """Which of the cases the two worlds disagree on."""
    return [bool(compare.difference(real, ours.run(case))) for case, real in zip(cases, kernel.ask(cases), strict=True)]


def shrink(case: Case, judge: Judge = differ, rounds: int = 40) -> Case:
    """A small case that still fails."""
    for make in (_without_namespaces, _without_steps, _without_setup, _without_namespaces, _without_veths, _without_steps, _without_setup, _plainer):  # fmt: skip
        for _ in range(rounds):
            smaller = _once(case, list(make(case)), judge)
            if smaller is None:
                break
            case = smaller
    return case


def _once(case: Case, candidates: list[Case], judge: Judge) -> Case | None:
    candidates = [each for each in candidates if each != case]
    if not candidates:
        return None
    failing = [each for each, fails in zip(candidates, judge(candidates), strict=True) if fails]
    return min(failing, key=lambda each: len(each.script())) if failing else None


def _without_namespaces(case: Case) -> Iterator[Case]:
    for name in case.namespaces:
        if len(case.namespaces) > 1:
            yield _of(case, tuple(each for each in case.namespaces if each != name))


def _of(case: Case, names: tuple[str, ...]) -> Case:
    veths = tuple(veth for veth in case.veths if veth.a[0] in names and veth.b[0] in names)
    keep = {"", *names}
    gone = {end[:2] for veth in case.veths if veth not in veths for end in (veth.a, veth.b)}

    def stays(command: Command) -> bool:
        return command.netns in keep and not _mentions(command, gone)

    return msgspec.structs.replace(
        case,
        namespaces=names,
        veths=veths,
        setup=tuple(filter(stays, case.setup)),
        steps=tuple(filter(stays, case.steps)),
    )


def _mentions(command: Command, ends: set[tuple[str, str]]) -> bool:
    """A device that is not there would end a batch."""
    return any(netns == command.netns and re.search(rf"\b{dev}\b", command.text) for netns, dev in ends)


def _without_veths(case: Case) -> Iterator[Case]:
    for veth in case.veths:
        gone = {(veth.a[0], veth.a[1]), (veth.b[0], veth.b[1])}

        def stays(command: Command, gone: set[tuple[str, str]] = gone) -> bool:
            return not _mentions(command, gone)

        yield msgspec.structs.replace(
            case,
            veths=tuple(each for each in case.veths if each != veth),
            setup=tuple(filter(stays, case.setup)),
            steps=tuple(filter(stays, case.steps)),
        )


def _chunks(commands: tuple[Command, ...]) -> Iterator[tuple[Command, ...]]:
    size = max(1, len(commands) // 2)
    while True:
        for start in range(0, len(commands), size):
            yield commands[:start] + commands[start + size :]
        if size == 1:
            return
        size = max(1, size // 3)


def _without_steps(case: Case) -> Iterator[Case]:
    for steps in _chunks(case.steps):
        yield msgspec.structs.replace(case, steps=steps)


def _without_setup(case: Case) -> Iterator[Case]:
    for setup in _chunks(case.setup):
        gone = {(each.netns, each.text.split()[3]) for each in case.setup if each.is_device and each not in setup}
        yield msgspec.structs.replace(
            case,
            setup=tuple(each for each in setup if not _mentions(each, gone)),
            steps=tuple(each for each in case.steps if not _mentions(each, gone)),
        )


def _plainer(case: Case) -> Iterator[Case]:
    for where in ("setup", "steps"):
        commands: tuple[Command, ...] = getattr(case, where)
        for index, command in enumerate(commands):
            for found in _OPTIONS.finditer(command.text):
                text = command.text[: found.start()] + command.text[found.end() :]
                if command.is_ping and found[0].startswith((" -W", " -e")):
                    continue
                changed = (*commands[:index], Command(command.netns, text), *commands[index + 1 :])
                yield msgspec.structs.replace(case, **{where: changed})
