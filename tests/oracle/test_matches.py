"""Rules of every match, and packets: podwire counts what the kernel counted."""

import pytest

from tests.conftest import CI
from tests.oracle import matches
from tests.oracle.rules import kernel

CASES = matches.cases()
every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_each_rule_counts_the_packets_that_the_kernel_counted(name):
    assert matches.ours(CASES[name]) == matches.recorded()[name]


def test_every_case_is_recorded():
    assert list(matches.recorded()) == list(CASES)


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_most_rules_match_some_packets_and_not_others(variant):
    """Else nothing would be compared."""
    rules = [
        (int(line[1:].split(":")[0]), len(CASES[name].packets))
        for name, lines in matches.recorded().items()
        for line in lines
        if name.startswith(variant) and "short" not in name
    ]
    telling = [count for count, of in rules if 0 < count < of]
    assert len(telling) > 0.75 * len(rules) > 100


@pytest.mark.slow
@pytest.mark.oracle
def test_the_kernel_still_counts_so():
    if why := kernel.reason():
        message = f"no oracle here: {why}"
        if CI:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    names = list(CASES)
    for number, seen in kernel.answers([CASES[name] for name in names]):
        assert matches.counters(seen.saved) == matches.recorded()[names[number]], names[number]
