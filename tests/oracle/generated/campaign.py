"""Runs generated cases in both worlds, tells what differs, and counts what the cases were about."""

import lzma
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.oracle.generated import compare, draw, kernel, ours, shrink
from tests.oracle.generated.case import Answer, Case

HERE = Path(__file__).parent
FIXED = 1
"""The seed whose answers are recorded."""
EVERY = 10_000
"""More than are recorded."""
RESULTS = HERE / "results.json"
RECORDED = HERE / "recorded"
CHANCES = 3
"""How often a case that differs may be run again. What agrees once was a race: a timer that is due at once fires with the
next tick of the clock, which may come in the middle of an exchange."""
_MUCH = 2000
STORM = 1500
"""Frames of a case, at all devices. With more, of fragments that go in circles, the kernel stops amid a burst to let others
run (net.core.netdev_budget), and who sends next is chance. Such a case is not counted; nor is one of which so many frames came at
once that the taps could not keep them all."""
_LOST = re.compile(r"\[failed: \d+ frames lost\]")
CLASSES = {
    "delivered": r"bytes from",
    "delivered at the second try": r"0 received(?s:.*)bytes from",
    "lost without a word": r"0 received, 100% packet loss",
    "time to live exceeded": r"Time to live exceeded",
    "net unreachable": r"Destination Net Unreachable",
    "host unreachable": r"Destination Host Unreachable",
    "prohibited": r"Packet filtered",
    "fragmentation needed": r"Frag needed and DF set",
    "too long for the first device": r"message too long",
    "path MTU remembered": r"cache .*expires .*mtu",
    "fragments": r"\[D?M\d+\]",
    "redirect": r"Redirect Host",
    "redirect heeded": r"<redirected>",
    "refused before it was sent": r"connect: |bind: ",
    "no room for fragments": r"No buffer space",
    "neighbour failed": r" FAILED ",
    "neighbour asked by unicast": r"^out \S+ > 0\S+ arp 1",
    "proxy ARP": r"arp 2 \S+ 169\.254\.1\.1",
    "broadcast": r"^out \S+ > ff:\S+ \d+\.\S+ > ",
    "policy rule": r"^\d+:\t.*(lookup [12]00|blackhole|prohibit|unreachable|goto|nop)",
    "queries": r"^\$ ip -n \w+ route get",
    "refused query": r"route get.*\nRTNETLINK answers",
    "tunnelled": r" vxlan \S+ > ",
    "tunnelled in fragments": r"\[M0\] ttl \d+ vxlan ",
    "tunnelled with DF": r"\[D0\] ttl \d+ vxlan ",
    "tunnelled with a TOS": r" tos 0x[1-9a-f]\w* len \d+ \w+ \[\w+\] ttl \d+ vxlan ",
    "fragments in a tunnel": r" vxlan .*\(.*\[D?M\d+\]",
    "station behind a tunnel learnt": r"^\S+ dev vx dst \S+ self *$",
    "station behind a port learnt": r"^\S+ dev \S+ master br0 *$",
}
REASONS = {
    "reverse path filter": "IP_RPFILTER",
    "own address as source": "IP_LOCAL_SOURCE",
    "martian": "IP_INVALID_SOURCE",
    "loopback address from outside": "IP_LOCALNET",
    "no route": "IP_INNOROUTES",
    "not forwarding": "IP_INADDRERRORS",
    "TTL used up": "IP_INHDR",
    "too big": "PKT_TOO_BIG",
    "wrong MAC address": "OTHERHOST",
    "no carrier": "QDISC_DROP",
    "no entry, no port": "NO_TX_TARGET",
    "unknown VNI": "VXLAN_VNI_NOT_FOUND",
    "own MAC address from outside": "LOCAL_MAC",
    "no encapsulation for the tunnel": "TUNNEL_TXINFO",
}


class Disagreement(msgspec.Struct):
    """A case, and a unified diff of what the kernel and podwire make of it."""

    case: Case
    diff: str


class Tally(msgspec.Struct):
    """What has been compared so far."""

    cases: int = 0
    frames: int = 0
    storms: int = 0
    """Cases with too many frames to be compared; they do not count."""
    races: int = 0
    """Cases that agreed when they were run again."""
    mismatches: int = 0
    kernel: str = ""
    iproute2: str = ""
    iputils: str = ""
    seeds: dict[str, int] = {}
    """Cases by seed."""
    areas: dict[str, int] = {}
    """Cases by the areas of the oracle's scripts; one case counts for many."""
    classes: dict[str, int] = {}
    """Cases by what happened in them."""


AREAS = {
    "address": r"^\$ .* addr del|inet .*\n(?:.*\n).*inet ",
    "link": r"^\$ .* link set|mtu (?!1500|65536)|NO-CARRIER",
    "route": r"(?:\w+ )?\d\S+ (?:via|dev) (?!.*proto kernel)",
    "rule": r"^\d+:\t(?!from all lookup (?:local|main|default))",
    "arp": r" arp [12] ",
    "neighbour": r"FAILED|STALE|^\$ .* neigh ",
    "forward": r"\[\S+\] ttl 6[0-3] ",
    "icmp": r"icmp (?:3|5|11)/",
    "ping": r"^PING ",
    "bridge": r" master br0 ",
    "tunnel": r" vxlan \S+ > ",
}
"""The areas of the oracle's scripts, by what the kernel's answer says."""


def areas(case: Case, text: str) -> set[str]:
    """The areas of a case."""
    found = {name for name, pattern in AREAS.items() if re.search(pattern, text, re.MULTILINE)}
    if case.shape == "calico":
        found.add("wiring")
    if any(each.text.startswith("sysctl net.ipv4.conf") for each in (*case.setup, *case.steps)):
        found.add("sysctl")
    return found


def classes(text: str, reasons: Sequence[str], shape: str) -> set[str]:
    """What happened in a case, by the kernel's normalised answer and by podwire's reasons."""
    found = {name for name, pattern in CLASSES.items() if re.search(pattern, text, re.MULTILINE)}
    found |= {name for name, reason in REASONS.items() if reason in reasons}
    return found | {f"shape {shape}"}


def is_storm(real: Answer) -> bool:
    """Whether there were more frames than can be compared."""
    return len(real.frames) > STORM or _LOST.match(real.text) is not None


def disagreements(cases: Sequence[Case], tally: Tally | None = None, jobs: int = kernel.JOBS) -> list[Disagreement]:
    """The cases on which the two worlds differ, however often they are run."""
    differing: list[Disagreement] = []
    counts: Counter[str] = Counter(tally.classes if tally is not None else {})
    about: Counter[str] = Counter(tally.areas if tally is not None else {})
    for number, real in kernel.answers(cases, jobs):
        case = cases[number]
        if is_storm(real):
            if tally is not None:
                tally.storms += 1
            continue
        mine = ours.run(case)
        text = compare.whole(real)
        if diff := compare.difference(text, compare.whole(mine)):
            differing.append(Disagreement(case, diff))
        if tally is not None:
            tally.cases += 1
            tally.frames += len(real.frames)
            counts.update(classes(text, mine.reasons, case.shape))
            about.update(areas(case, text))
    for _ in range(CHANCES):
        if not differing:
            break
        again = zip(differing, kernel.ask([each.case for each in differing], min(jobs, 4)), strict=True)
        still = [each for each, real in again if not is_storm(real) and compare.difference(real, ours.run(each.case))]
        if tally is not None:
            tally.races += len(differing) - len(still)
        differing = still
    if tally is not None:
        tally.mismatches += len(differing)
        tally.areas, tally.classes = dict(sorted(about.items())), dict(sorted(counts.items()))
    return differing


def told(disagreement: Disagreement, *, small: bool = True) -> str:
    """A disagreement as people read it: the smallest script that shows it, ready to be kept, and the difference."""
    case, diff = disagreement.case, disagreement.diff
    text = ""
    if small:
        text = f"first:\n{diff[:_MUCH]}\n\nsmall:\n"
        case = shrink.shrink(case)
        diff = compare.difference(kernel.ask([case])[0], ours.run(case)) or diff
    return f"{text}{case.kept('generated: which subject?')}\n{diff}\n"


# -- recorded answers ---------------------------------------------------------------------------------------------


class Recorded(msgspec.Struct):
    """A case and the kernel's answer, normalised."""

    case: Case
    real: str
    reasons: list[str]


def title(number: int, kind: str) -> str:
    """A seed and what it draws."""
    return str(number) if kind == "plain" else f"{kind}-{number}"


def file_name(number: int, kind: str) -> str:
    """The file of a seed."""
    return f"seed-{title(number, kind)}.json.xz"


def recorded_path(number: int, kind: str = "plain") -> Path:
    """Where the answers to the cases of a seed are kept."""
    name = file_name(number, kind)
    kept = RECORDED / name
    return kept if kept.exists() else Path(tempfile.gettempdir()) / f"podwire-generated-{name}"


def record(number: int, count: int, kind: str = "plain") -> list[Recorded]:
    """Ask the kernel about cases of a seed; what it answers twice in the same way, and as podwire does, is worth keeping."""
    cases = draw.generate(number, count, kind)
    result = []
    for case, first, second in zip(cases, kernel.ask(cases), kernel.ask(cases), strict=True):
        text = compare.whole(first)
        mine = ours.run(case)
        if text == compare.whole(second) == compare.whole(mine) and len(first.frames) <= STORM:
            result.append(Recorded(case, text, mine.reasons))
    return result


def keep(path: Path, answers: Sequence[Recorded]) -> None:
    """Write recorded answers."""
    path.write_bytes(lzma.compress(msgspec.json.encode(answers), preset=9))


def recorded(number: int, count: int, kind: str = "plain") -> list[Recorded]:
    """Recorded answers of a seed; they are recorded now where there are none."""
    path = recorded_path(number, kind)
    if path.exists():
        answers = msgspec.json.decode(lzma.decompress(path.read_bytes()), type=list[Recorded])
        if len(answers) >= count or path.parent == RECORDED:
            return answers[:count]
    answers = record(number, count, kind)
    keep(path, answers)
    return answers


def find_disagreement(number: int = FIXED, count: int = EVERY, kind: str = "plain") -> str | None:
    """The first difference between podwire, as it is in this process, and the kernel's recorded answers.

    A model that was changed to be wrong is judged with it: the kernel is not asked again.
    """
    for each in recorded(number, count, kind):
        try:
            mine = compare.whole(ours.run(each.case))
        except Exception as error:  # noqa: BLE001 - a broken model may break in any way
            return f"{each.case.script()}\n{type(error).__name__}: {error}"
        if diff := compare.difference(each.real, mine):
            return f"{each.case.script()}\n{diff}"
    return None


# -- results ------------------------------------------------------------------------------------------------------


def results() -> Tally:
    """What is known so far, by results.json."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Tally) if RESULTS.exists() else Tally()


def write_results(tally: Tally) -> None:
    """Keep it."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(tally), indent=2) + b"\n")
