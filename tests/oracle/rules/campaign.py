"""Plays generated cases in both worlds, tells what differs and counts what the cases were about."""

import lzma
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from podwire.linux.netfilter.xt.registry import is_target
from tests.oracle.rules import compare, draw, kernel, ours, policies, services
from tests.oracle.rules.case import Answer, Case, Local, Seen, Send
from tests.oracle.rules.parts import BASE

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
RECORDED = HERE / "recorded"
DRAWN = {"rules": draw.generate, "services": services.generate, "policies": policies.generate}
"""What draws the cases of a seed."""
CHANCES = 2
"""How often a case that differs is asked again: what agrees once was a race of the real one."""
SUBJECTS = re.compile(r"-m (\w+)|-j (\S+)|-g (\w)|(-[sdiopf]) ")
VERDICTS = {"ACCEPT", "DROP", "RETURN"}


class Tally(msgspec.Struct):
    """What was asked and how it went."""

    cases: int = 0
    packets: int = 0
    frames: int = 0
    traced: int = 0
    """Lines of traces that were compared."""
    races: int = 0
    mismatches: int = 0
    kernel: str = ""
    iptables: str = ""
    seeds: dict[str, int] = {}
    subjects: dict[str, int] = {}
    """Cases in which a rule with that match or target was met by a packet."""
    hooks: dict[str, int] = {}
    """Cases in which a rule of that table and chain was met."""
    variants: dict[str, int] = {}
    wrong: dict[str, int] = {}
    """Cases that differ, by the subjects of the rules that were met."""


_MET = re.compile(r"^\[(?!0:)\d+:\d+\] -A (\S+) (.*)$", re.MULTILINE)
_TABLE = re.compile(r"^\*(\w+)$", re.MULTILINE)


def met(saved: str) -> tuple[set[str], set[str]]:
    """The matches and targets of rules that packets met, by iptables-save with counters; and tables with chains."""
    subjects: set[str] = set()
    hooks: set[str] = set()
    table = ""
    for line in saved.splitlines():
        if found := _TABLE.match(line):
            table = found[1]
        elif found := _MET.match(line):
            hooks.add(f"{table} {found[1] if found[1] in BASE[table] else 'chain of its own'}")
            for match, target, goto, short in SUBJECTS.findall(found[2]):
                if match or goto or short:
                    subjects.add(f"-m {match}" if match else "goto" if goto else short)
                else:
                    subjects.add(f"-j {target}" if target in VERDICTS or is_target(target) else "jump")
    return subjects, hooks


class Disagreement(msgspec.Struct):
    """A case, and a unified diff of what the kernel and podwire make of it."""

    case: Case
    diff: str


def play(case: Case) -> Seen:
    """Podwire's answer; what breaks is a difference, too."""
    try:
        return ours.run(case)
    except Exception as error:  # noqa: BLE001 - a model may break in any way
        return Seen(error=f"{type(error).__name__}: {error}")


def disagreements(cases: Sequence[Case], tally: Tally | None = None, jobs: int = kernel.JOBS) -> list[Disagreement]:
    """The cases on which the two differ each time."""
    differing: list[Disagreement] = []
    tally = tally or Tally()
    subjects, hooks, variants = Counter(tally.subjects), Counter(tally.hooks), Counter(tally.variants)
    for number, real in kernel.answers(cases, jobs):
        case = cases[number]
        if diff := compare.difference(case, real, play(case)):
            differing.append(Disagreement(case, diff))
        tally.cases += 1
        tally.packets += len(case.packets)
        tally.frames += len(real.frames)
        tally.traced += len(real.trace.splitlines())
        about, where = met(real.saved)
        subjects.update(about)
        hooks.update(where)
        variants[case.variant] += 1
    for _ in range(CHANCES):
        if not differing:
            break
        again = dict(kernel.answers([each.case for each in differing], 1))
        still = [
            each
            for number, each in enumerate(differing)
            if number in again and compare.difference(each.case, again[number], play(each.case))
        ]
        tally.races += len(differing) - len(still)
        differing = still
    tally.mismatches += len(differing)
    wrong = Counter(tally.wrong)
    for each in differing:
        wrong.update(met("\n".join(line.replace("-A", "[1:1] -A", 1) for line in each.case.rules.splitlines()))[0])
    tally.subjects, tally.hooks = dict(sorted(subjects.items())), dict(sorted(hooks.items()))
    tally.variants, tally.wrong = dict(sorted(variants.items())), dict(sorted(wrong.items()))
    return differing


def _differs(case: Case) -> str:
    for _, real in kernel.answers([case], 1):
        return "" if real.error else compare.difference(case, real, play(case))
    return ""


def shrink(case: Case, diff: str, tries: int = 60) -> tuple[Case, str]:
    """The case without the packets and rules that the difference does not need."""
    index = len(case.packets) - 1
    while index >= 0 and tries > 0:
        smaller = msgspec.structs.replace(case, packets=case.packets[:index] + case.packets[index + 1 :])
        tries -= 1
        if found := _differs(smaller):
            case, diff = smaller, found
        index -= 1
    lines = case.rules.splitlines()
    index = len(lines) - 1
    while index >= 0 and tries > 0:
        if lines[index].startswith("-A") and " TRACE" not in lines[index]:
            fewer = lines[:index] + lines[index + 1 :]
            smaller = msgspec.structs.replace(case, rules="\n".join(fewer) + "\n")
            tries -= 1
            if found := _differs(smaller):
                case, diff, lines = smaller, found, fewer
        index -= 1
    return case, diff


def told(each: Disagreement, *, small: bool = True) -> str:
    """A disagreement as people read it."""
    case, diff = shrink(each.case, each.diff) if small else (each.case, each.diff)
    sent = "\n".join(_words(item) for item in case.packets)
    return f"# {case.variant} {case.theme} {' '.join(case.sysctls)} {case.routes} {case.listening}\n{case.sets}{case.rules}{''.join(case.syncs)}{sent}\n{diff}\n"


def _words(item: Send | Answer | Local) -> str:
    match item:
        case Send():
            return f"{item.side} {item.data}"
        case Local():
            return f"router, mark {item.mark:#x}: {item.data}"
        case _:
            return f"answer {item.how}"


# -- recorded answers ---------------------------------------------------------------------------------------------


class Recorded(msgspec.Struct):
    """A case, and what the kernel made of it, normalised."""

    case: Case
    real: str


def record(seed: int, count: int, about: str = "rules") -> Path:
    """Keep the kernel's answers to the cases of a seed on which both agree."""
    cases = DRAWN[about](seed, count)
    kept = []
    for number, real in sorted(kernel.answers(cases), key=lambda each: each[0]):
        text = compare.whole(cases[number], real)
        if text == compare.whole(cases[number], play(cases[number])):
            kept.append(Recorded(cases[number], text))
    RECORDED.mkdir(exist_ok=True)
    path = _kept(seed, about)
    path.write_bytes(lzma.compress(msgspec.json.encode(kept), preset=9))
    return path


def _kept(seed: int, about: str) -> Path:
    return RECORDED / f"{'' if about == 'rules' else f'{about}-'}seed-{seed}.json.xz"


def recorded(seed: int = 1, about: str = "rules") -> list[Recorded]:
    """The kernel's answers of a seed."""
    return msgspec.json.decode(lzma.decompress(_kept(seed, about).read_bytes()), type=list[Recorded])


def find_disagreement(seed: int = 1, count: int | None = None, about: str = "rules") -> str | None:
    """The first difference between podwire, as it is in this process, and the recorded answers."""
    for each in recorded(seed, about)[:count]:
        mine = compare.whole(each.case, play(each.case))
        if mine != each.real:
            return f"{each.case.rules}\n{compare.lines(each.real, mine)}"
    return None


def results() -> Tally:
    """What is known so far, by results.json."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Tally) if RESULTS.exists() else Tally()


def write_results(tally: Tally) -> None:
    """Keep it."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(tally), indent=2) + b"\n")
