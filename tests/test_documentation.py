"""The Python examples in README.md and docs/ run, and do what they say."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

from podwire.transcript.compare import align
from podwire.transcript.script import Line

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *(page for page in ROOT.glob("docs/**/*.md") if "_build" not in page.parts),
    *ROOT.glob("examples/*/README.md"),
    *ROOT.glob("examples/calico-scenarios/*/README.md"),
]
SYBIL = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()])


# One test a page, not one an example: an example builds on those above it, and xdist would deal them out to processes.
@pytest.mark.parametrize("page", sorted(filter(Path.exists, PAGES)), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run_from_top_to_bottom(page, tmp_path, monkeypatch):
    # Examples save captures, which shall not land in the checkout, and read labs by `examples/…`.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for example in SYBIL.parse(page).examples():
        example.evaluate()


CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands(page: Path) -> list[tuple[str, list[str]]]:
    """``$ podwire …`` in console blocks, each with the lines below it."""
    found: list[tuple[str, list[str]]] = []
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        shown: list[tuple[str, list[str]]] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                shown.append((line[2:], []))
            elif shown:
                shown[-1][1].append(line)
        found += shown
    return [(command, lines) for command, lines in found if command.startswith("podwire ")]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.exists()], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_terminals_of_a_page_print_what_they_show(page):
    for command, wanted in _commands(page):
        words = shlex.split(command)[1:]
        run = subprocess.run(
            [sys.executable, "-m", "podwire", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        printed = [line.rstrip() for line in re.sub("\x1b\\[[0-9;]*m", "", run.stdout).splitlines()]
        lines = [Line(number, text) for number, text in enumerate(wanted, 1)]
        differences = [step for step in align(lines, printed, len(lines) + 1) if not step.agrees]
        assert not differences, (command, differences)
