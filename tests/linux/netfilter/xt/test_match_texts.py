"""What matches are called: options, what they refuse, how they print. ``matches.txt`` was recorded from iptables 1.8.9 on kernel 6.18."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.options import Names
from tests.linux.netfilter.xt.test_target_texts import Row, answers, rows

RECORDED = Path(__file__).with_name("matches.txt")


@pytest.mark.parametrize("row", rows(NFT, RECORDED), ids=lambda row: " ".join((row.table, *row.words)))
def test_as_iptables_nft(row: Row) -> None:
    assert answers(row, NFT) == row.answers


@pytest.mark.parametrize("row", rows(LEGACY, RECORDED), ids=lambda row: " ".join((row.table, *row.words)))
def test_as_iptables_legacy(row: Row) -> None:
    assert answers(row, LEGACY) == row.answers


def saved(variant: str) -> list[str]:
    """Every rule that iptables-save has printed; those whose quotes a shell would read otherwise are left out."""
    texts = [row.answers[0] for row in rows(variant, RECORDED)]
    return list(dict.fromkeys(text for text in texts if text[:2] not in {"? ", "! "} and "\\" not in text))


@pytest.mark.parametrize(("variant", "text"), [(variant, text) for variant in (NFT, LEGACY) for text in saved(variant)])
def test_what_iptables_save_prints_is_read_as_the_same_rule(variant: str, text: str) -> None:
    for table, chain in (("filter", "INPUT"), ("filter", "OUTPUT"), ("mangle", "PREROUTING")):
        found = answers(Row(table, ("-A", chain, *shlex.split(text)), ()), variant)
        if found != ("! Invalid argument",):
            assert found[0] == text
            return
    pytest.fail("it stands nowhere")


@pytest.mark.parametrize(
    ("rule", "notice"),
    [
        (
            "-m iprange --src-range 10.0.0.9-10.0.0.1",
            "xt_iprange: range 10.0.0.9-10.0.0.1 is reversed and will never match\n",
        ),
        ("-m set --set s src", "--set option deprecated, please use --match-set\n"),
        (
            "-m physdev --physdev-in e/0",
            "Warning: weird character in interface `e/0' ('/' and ' ' are not allowed by the kernel).\n",
        ),
    ],
)
def test_what_is_said_on_the_way(rule: str, notice: str) -> None:
    command = Parser(["-A", "INPUT", *rule.split()], names=Names(), variant=NFT).parse()
    assert command.notices == [notice]
