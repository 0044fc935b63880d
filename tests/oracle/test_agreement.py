"""AGREEMENT.md says what is so."""

from tests.oracle import agreement
from tests.oracle.script import scripts

AGAIN = "run `python -m tests.oracle.agreement` again"


def test_it_is_in_step_with_the_scripts():
    measured = agreement.read(agreement.MEASURED)
    assert measured["scripts"].keys() == {script.name for script in scripts()}, AGAIN
    page = agreement.render(measured, agreement.read(agreement.GENERATED))
    assert agreement.PAGE.read_text(encoding="utf-8") == page, f"{AGAIN}, with --render"


def test_nothing_differs():
    measured = agreement.read(agreement.MEASURED)
    assert [name for name, row in measured["scripts"].items() if row["mismatches"]] == []
    assert agreement.read(agreement.GENERATED).get("mismatches", 0) == 0


def test_generated_cases_are_counted():
    measured = {"kernel": "6.18", "iproute2": "iproute2-6.1.0", "scripts": {}}
    generated = {
        "cases": 30,
        "frames": 400,
        "mismatches": 2,
        "areas": {"arp": {"cases": 20, "mismatches": 2}, "new": 10},
    }
    page = agreement.render(measured, generated)
    assert "Generated cases: 30, with 400 frames and 2 mismatches." in page
    assert "| new | 0 | 0 | 0 | 10 | 0 |" in page
    assert "| **30** | **2** |" in page
    assert "Generated cases" not in agreement.render(measured, {})


def test_what_is_missing_is_said():
    page = agreement.PAGE.read_text(encoding="utf-8")
    for script in scripts():
        for item in (*script.beyond, *script.sets, *script.parts, *script.ignored):
            assert item.why in page, script.name
