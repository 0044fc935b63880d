"""The guard of the oracle: a model that is broken on purpose does not pass."""

import pytest

from tests.oracle.mutations import MUTATIONS, SOURCE, verdicts

NAMES = [mutation.name for mutation in MUTATIONS]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=NAMES)
def test_a_mutation_is_one_change_of_the_sources(mutation):
    assert (SOURCE / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    assert mutation.old != mutation.new
    assert mutation.scripts


def test_there_are_enough_and_most_are_seen_by_the_generated_cases_too():
    assert len(set(NAMES)) == len(NAMES) >= 25
    assert sum(not mutation.why for mutation in MUTATIONS) > 0.7 * len(MUTATIONS)


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("mutation", MUTATIONS, ids=NAMES)
def test_scripts_and_generated_cases_notice(mutation):
    assert all(noticed for _, noticed in verdicts(mutation))
