"""The same script on the real kernel and in ``podwire sh``: output, and frames on every device."""

import pytest

from tests.conftest import CI
from tests.oracle import compare, live, namespaces, ours, real
from tests.oracle.script import scripts

SCRIPTS = scripts()
every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


@pytest.fixture(scope="session")
def kernel():
    """A machine whose kernel can be asked; elsewhere the test is skipped, in CI it fails."""
    if why := namespaces.why_not():
        message = f"no oracle here: {why}"
        if CI:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


@every_script
def test_podwire_prints_what_the_kernel_printed(script, need_tool):
    need_tool("bash")
    text, status = ours.run(script.path)
    assert status == 0, text
    difference = compare.difference(script, real.record(script.path), text)
    assert not difference, difference


@pytest.mark.slow
@pytest.mark.oracle
@every_script
def test_both_kernels_print_and_send_the_same(script, kernel):
    difference = live.judge(script).difference
    assert not difference, difference


def test_every_record_has_its_script():
    records = {path.stem for path in (real.HERE / "recorded").glob("*.out")}
    assert records == {script.name for script in SCRIPTS}
