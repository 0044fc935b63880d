"""The Python examples in README.md and docs/ run, and do what they say."""

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *(page for page in ROOT.glob("docs/**/*.md") if "_build" not in page.parts)]
SYBIL = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()])


# One test a page, not one an example: an example builds on those above it, and xdist would deal them out to processes.
@pytest.mark.parametrize("page", sorted(filter(Path.exists, PAGES)), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run_from_top_to_bottom(page, tmp_path, monkeypatch):
    # Examples save captures, which shall not land in the checkout, and read labs by `examples/…`.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for example in SYBIL.parse(page).examples():
        example.evaluate()
