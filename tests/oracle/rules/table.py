"""The tables of AGREEMENT.md about rule sets: per match, target and hook, in how many cases packets met it."""

from collections.abc import Iterator

from tests.oracle.rules.campaign import Tally


def lines(tally: Tally) -> Iterator[str]:
    """The section; nothing where nothing was measured."""
    if not tally.cases:
        return
    wrong = f"{tally.mismatches} mismatch{'' if tally.mismatches == 1 else 'es'}"
    yield from (
        "## Rule sets",
        "",
        f"{tally.cases} generated rule sets ({', '.join(f'{count} of {name}' for name, count in tally.variants.items())}), {tally.packets} packets sent,",
        f"{tally.frames} frames that came out, {tally.traced} lines of `xtables-monitor --trace`: {wrong}. Judged by {tally.iptables}.",
        "Compared are frames, the counters of every rule, connections, sets and the rules that packets met, in order. A case counts",
        "where packets met such a rule ([rules/README.md](rules/README.md)).",
        "",
    )
    for title, kind in (("match", "-m "), ("target", "-j ")):
        rows = {name: count for name, count in tally.subjects.items() if name.startswith(kind)}
        yield from _table(title, {name.removeprefix(kind): count for name, count in rows.items()}, tally, kind)
    rest = {name: count for name, count in tally.subjects.items() if not name.startswith(("-m ", "-j "))}
    yield from _table("option", rest, tally, "")
    yield from _table("table and chain", tally.hooks, None, "")


def _table(title: str, rows: dict[str, int], tally: Tally | None, kind: str) -> Iterator[str]:
    if tally is None:
        yield from (
            f"| {title} | cases |",
            "|---|---:|",
            *(f"| {name} | {count} |" for name, count in rows.items()),
            "",
        )
        return
    yield from (f"| {title} | cases | mismatches |", "|---|---:|---:|")
    yield from (f"| {name} | {count} | {tally.wrong.get(kind + name, 0)} |" for name, count in rows.items())
    yield ""
