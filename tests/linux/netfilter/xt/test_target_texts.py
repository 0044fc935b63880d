"""What targets are called: options, what they refuse, how they print. ``targets.txt`` was recorded from iptables 1.8.9 on kernel 6.18."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from podwire.errors import NotModelled
from podwire.linux.netfilter.check import check_table
from podwire.linux.netfilter.nft import check_words, nft_view
from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.save import rule_text
from podwire.linux.netfilter.tables import LEGACY, NFT, Rule, RuleSpec, Table
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.netfilter.xt.options import Names, OptionError

RECORDED = Path(__file__).with_name("targets.txt")


class Row(NamedTuple):
    """A line of the record."""

    table: str
    words: tuple[str, ...]
    answers: tuple[str, ...]


def rows(variant: str, recorded: Path = RECORDED) -> list[Row]:
    """The rules, and what became of each."""
    lines = [line for line in recorded.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        rule, *answers = line.split(" => ")
        if rule.startswith("legacy "):
            if variant == LEGACY:
                found[rule.removeprefix("legacy ")] = tuple(answers)
        else:
            found[rule] = tuple(answers)
    return [Row(words[0], tuple(words[1:]), answers) for rule, answers in found.items() if (words := shlex.split(rule))]


def answers(row: Row, variant: str) -> tuple[str, ...]:
    """What podwire makes of a rule, in the form of the record."""
    try:
        command = Parser(["-t", row.table, *row.words], names=Names(), variant=variant).parse()
        spec = RuleSpec(proto=command.draft.proto, matches=tuple(command.matches), target=command.target)
        if variant == NFT:
            check_words(spec)
    except OptionError as error:
        return (f"? {error.text}".rstrip("\n"),)
    table = Table(row.table, variant)
    table.chains[row.words[1]].rules.append(Rule(spec))
    try:
        check_table(table)
    except XtCheckError as error:
        return (f"! {os.strerror(error.errno)}",)
    view = nft_view(spec) if variant == NFT else spec
    extensions = view.matches if view.target is None else (*view.matches, view.target)
    columns = [" ".join(each.listing(names) for each in extensions).strip() for names in (None, Names())]
    return (rule_text(spec, variant), *dict.fromkeys(columns))


@pytest.mark.parametrize("row", rows(NFT), ids=lambda row: " ".join((row.table, *row.words)))
def test_as_iptables_nft(row: Row) -> None:
    assert answers(row, NFT) == row.answers


@pytest.mark.parametrize("row", rows(LEGACY), ids=lambda row: " ".join((row.table, *row.words)))
def test_as_iptables_legacy(row: Row) -> None:
    assert answers(row, LEGACY) == row.answers


@pytest.mark.parametrize(
    ("rule", "notice"),
    [
        (
            "-A INPUT -j NFLOG --nflog-range 7",
            "warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead\n",
        ),
        ("-A INPUT -j REJECT --reject-with echo", "--reject-with echo-reply no longer supported\n"),
    ],
)
def test_what_is_said_on_the_way(rule: str, notice: str) -> None:
    parser = Parser(shlex.split(rule), names=Names(), variant=NFT)
    try:
        parser.parse()
    except OptionError:
        assert "echo" in rule
    assert parser.command.notices == [notice]


@pytest.mark.parametrize(
    "rule",
    [
        "-t raw -A PREROUTING -j CT --helper ftp",
        "-t raw -A PREROUTING -j CT --timeout x",
        "-A INPUT -j TEE --gateway 1.1.1.1",
    ],
)
def test_what_is_not_modelled_says_so(rule: str) -> None:
    with pytest.raises(NotModelled, match=r"iptables -j (CT --\w+|TEE)"):
        Parser(shlex.split(rule), names=Names(), variant=NFT).parse()
