"""The same rules, to the real iptables-nft and iptables-legacy and to podwire's: what is refused, saved, listed, restored again.

A fresh seed is printed: ``PODWIRE_ORACLE_SEED=… pytest -m oracle tests/tools/iptables`` does it again.
"""

import os
import secrets
import shlex

import pytest

from tests.conftest import CI
from tests.oracle import namespaces, ours, real
from tests.tools.iptables import parts

FEW = 40
HEAD = """
for i in iptables-nft iptables-legacy; do
    a() { $i "$@" || echo "[exit $?] $*"; }
    c() { $i "$@" >/dev/null 2>&1; echo "check $?"; }
"""
TAIL = """
    for t in raw mangle nat filter; do
        $i -t $t -S
        $i -t $t -L -n -v -x
    done
    $i-save | grep -v '^# [GC]' >saved
    $i-restore <saved && $i-save | grep -v '^# [GC]' | diff saved - && echo same
    cat saved
done
"""


def need() -> None:
    if why := namespaces.why_not():
        if CI:
            pytest.fail(why, pytrace=False)
        pytest.skip(why)


def script(rules: list[tuple[str, str, str]]) -> str:
    """Appends every rule, asks for it, and shows what there is."""
    lines = [f"    {{verb}} -t {table} {{what}} {chain} {rule}" for table, chain, rule in rules]
    adds = "\n".join(line.format(verb="a", what="-A") for line in lines)
    checks = "\n".join(line.format(verb="c", what="-C") for line in lines)
    return f"# Rules that were drawn\n# area: netfilter\n{HEAD}{adds}\n{checks}\n{TAIL}"


def judge(rules: list[tuple[str, str, str]], path) -> None:
    path.write_text(script(rules), encoding="utf-8")
    (theirs, _), (mine, _) = real.run(path), ours.run(path)
    assert mine.splitlines() == theirs.splitlines(), shlex.quote(str(path))


@pytest.mark.oracle
@pytest.mark.slow
def test_every_option_of_every_extension_is_what_the_real_tools_make_of_it(tmp_path):
    need()
    rules = parts.every()
    for start in range(0, len(rules), FEW):
        judge(rules[start : start + FEW], tmp_path / f"rules{start}.sh")


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize("seed", [5, "fresh"])
def test_drawn_rules_are_what_the_real_tools_make_of_them(tmp_path, seed):
    need()
    if seed == "fresh":
        seed = int(os.environ.get("PODWIRE_ORACLE_SEED") or secrets.randbelow(1 << 31))
    print(f"PODWIRE_ORACLE_SEED={seed}")
    judge(parts.drawn(seed, FEW), tmp_path / "rules.sh")
