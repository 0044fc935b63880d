"""The outcome of a replay: what agreed, what differed, and the transcript as it would have to read."""

from __future__ import annotations

import msgspec

from podwire.transcript.compare import Step, unified
from podwire.transcript.script import Entry, Script, escaped


class Result(msgspec.Struct, frozen=True):
    """One entry with the alignment of what it was to print and what it printed."""

    entry: Entry
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        """Whether it printed what it was to print."""
        return all(step.agrees for step in self.steps)


class Report(msgspec.Struct, frozen=True):
    """What came of a transcript; ``str()`` says it."""

    script: Script
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether there are no differences."""
        return all(result.ok for result in self.results)

    @property
    def file(self) -> str:
        """The transcript."""
        return self.script.file

    def diff(self) -> str:
        """The differences as ``diff -u`` shows them: line numbers are those of the transcript; empty if there are none."""
        lines: list[str] = []
        shift = 0
        for result in self.results:
            entry = result.entry
            title = f"@{entry.terminal}" if entry.prompt is None else f"{entry.prompt}{entry.command}"
            lines += unified(result.steps, title, shift)
            shift += sum(s.kind == "extra" for s in result.steps) - sum(s.kind == "missing" for s in result.steps)
        return "\n".join([f"--- {self.file}", "+++ printed", *lines]) if lines else ""

    def updated(self) -> str:
        """The transcript with the outputs that were printed. What agrees stays as it is written, ``...`` and comments too."""
        lines: list[str] = []
        done = 0
        for result in self.results:
            entry = result.entry
            first = entry.body[0].number if entry.body else entry.end
            lines += self.script.lines[done : first - 1]
            for step in result.steps:
                if step.kind == "extra":
                    lines.append(escaped(step.text, self.script))
                elif step.kind != "missing":
                    lines.append(self.script.lines[step.number - 1])
            done = entry.end - 1
        lines += self.script.lines[done:]
        return "".join(f"{line}\n" for line in lines)

    def __str__(self) -> str:
        different = sum(not result.ok for result in self.results)
        count = f"{len(self.results)} commands" if len(self.results) != 1 else "1 command"
        verdict = f"{different} of {count} printed something else" if different else f"{count}, no differences"
        return "\n".join([*filter(None, [self.diff()]), f"{self.file}: {verdict}"])
