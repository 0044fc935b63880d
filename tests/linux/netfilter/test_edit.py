"""Edits of a table: what is there afterwards, what is counted, which chains stand at hooks, and what is refused."""

import pytest

from podwire.errors import NotModelled
from podwire.linux.netfilter.apply import apply
from podwire.linux.netfilter.errors import EditError, TransactionError
from podwire.linux.netfilter.hooks import NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT
from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.netfilter.xt.options import Names
from tests.linux.lab import Lab

BOTH = pytest.mark.parametrize("variant", [NFT, LEGACY])


@pytest.fixture
def door():
    lab = Lab()
    lab.machine("m")
    return lab.door("m")


def iptables(door, line, variant=NFT):
    command = Parser(line.split(), names=Names(), variant=variant).parse()
    edit = door.xt_edit(variant, command.table)
    apply(edit, command)
    door.xt_apply(edit)


def table(door, variant=NFT, name="filter"):
    return door.netns.xtables.table(variant, name)


def test_nft_has_only_the_chains_that_something_was_put_into(door):
    iptables(door, "-A FORWARD -s 1.1.1.1")
    assert [hook for hook in range(5) if door.netns.hooks[hook]] == [NF_INET_FORWARD]
    iptables(door, "-P INPUT ACCEPT")
    assert [hook for hook in range(5) if door.netns.hooks[hook]] == [NF_INET_LOCAL_IN, NF_INET_FORWARD]
    assert not table(door).chains["FORWARD"].counts
    assert table(door).chains["INPUT"].counts


def test_nft_takes_away_empty_chains_at_hooks_with_those_of_users(door):
    iptables(door, "-P INPUT DROP")
    iptables(door, "-A FORWARD -s 1.1.1.1")
    iptables(door, "-P OUTPUT ACCEPT")
    iptables(door, "-N FOO")
    iptables(door, "-X")
    assert list(table(door).chains) == ["INPUT", "FORWARD"]
    assert not door.netns.hooks[NF_INET_LOCAL_OUT]


def test_legacy_stands_at_all_hooks_of_its_table(door):
    iptables(door, "-A FORWARD -s 1.1.1.1", LEGACY)
    assert [hook for hook in range(5) if door.netns.hooks[hook]] == [1, 2, 3]
    assert table(door, LEGACY).chains["FORWARD"].counts


@BOTH
def test_several_addresses_are_several_rules_and_insertions_turn_their_order(door, variant):
    iptables(door, "-A INPUT -s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.4", variant)
    iptables(door, "-I INPUT -s 5.5.5.5,6.6.6.6", variant)
    rules = [line for line in door.iptables_save(variant=variant).splitlines() if line.startswith("-A")]
    assert rules == [
        "-A INPUT -s 6.6.6.6/32",
        "-A INPUT -s 5.5.5.5/32",
        "-A INPUT -s 1.1.1.1/32 -d 3.3.3.3/32",
        "-A INPUT -s 1.1.1.1/32 -d 4.4.4.4/32",
        "-A INPUT -s 2.2.2.2/32 -d 3.3.3.3/32",
        "-A INPUT -s 2.2.2.2/32 -d 4.4.4.4/32",
    ]


@BOTH
def test_a_rule_is_inserted_at_most_behind_the_last_one(door, variant):
    iptables(door, "-A INPUT -s 1.1.1.1", variant)
    iptables(door, "-I INPUT 2 -s 2.2.2.2", variant)
    with pytest.raises(EditError, match="Index of insertion too big"):
        iptables(door, "-I INPUT 4 -s 3.3.3.3", variant)
    assert "-A INPUT -s 1.1.1.1/32\n-A INPUT -s 2.2.2.2/32\n" in door.iptables_save(variant=variant)


@BOTH
def test_nothing_of_an_edit_that_fails_is_left(door, variant):
    iptables(door, "-A INPUT -s 1.1.1.1", variant)
    before = door.iptables_save(variant=variant)
    with pytest.raises(EditError):
        iptables(door, "-D INPUT -s 1.1.1.1,9.9.9.9", variant)
    assert door.iptables_save(variant=variant) == before


@BOTH
def test_a_renamed_chain_takes_the_jumps_to_it_along(door, variant):
    for line in ("-N FOO", "-A INPUT -j FOO", "-A INPUT -g FOO", "-E FOO BAR"):
        iptables(door, line, variant)
    assert "-A INPUT -j BAR\n-A INPUT -g BAR\n" in door.iptables_save(variant=variant)
    with pytest.raises((EditError, TransactionError)):
        iptables(door, "-X BAR", variant)


@BOTH
def test_zeroed_counters_are_zero_and_the_others_stay(door, variant):
    iptables(door, "-A INPUT -c 5 50 -s 1.1.1.1", variant)
    iptables(door, "-A INPUT -c 7 70 -s 2.2.2.2", variant)
    iptables(door, "-Z INPUT 1", variant)
    assert [(rule.packets, rule.bytes) for rule in table(door, variant).chains["INPUT"].rules] == [(0, 0), (7, 70)]
    iptables(door, "-Z", variant)
    assert [rule.packets for rule in table(door, variant).chains["INPUT"].rules] == [0, 0]
    assert table(door, variant).chains["INPUT"].counts


@pytest.mark.parametrize(("variant", "kept"), [(NFT, 9), (LEGACY, 0)])
def test_a_policy_counts_anew_when_it_is_set_and_with_legacy_after_every_edit(door, variant, kept):
    iptables(door, "-P INPUT DROP", variant)
    table(door, variant).chains["INPUT"].packets = 9
    iptables(door, "-A OUTPUT -s 1.1.1.1", variant)
    assert table(door, variant).chains["INPUT"].packets == kept
    iptables(door, "-P INPUT ACCEPT", variant)
    assert (table(door, variant).chains["INPUT"].packets, table(door, variant).chains["INPUT"].policy) == (0, "ACCEPT")


def test_nft_numbers_chains_and_rules_of_a_table_as_they_come(door):
    for line in ("-A INPUT -s 1.1.1.1", "-N FOO", "-A FOO", "-R INPUT 1 -s 2.2.2.2", "-D FOO 1", "-A FOO"):
        iptables(door, line)
    chains = table(door).chains
    assert (chains["INPUT"].handle, chains["FOO"].handle) == (1, 3)
    assert (chains["INPUT"].rules[0].handle, chains["FOO"].rules[0].handle) == (5, 6)
    door.iptables_restore("*filter\n:INPUT ACCEPT\n-A INPUT -s 1.1.1.1\nCOMMIT\n")
    assert (table(door).chains["INPUT"].handle, table(door).chains["INPUT"].rules[0].handle) == (1, 2)


def test_a_chain_made_anew_is_the_last_at_its_hook_and_so_the_first(door):
    iptables(door, "-A INPUT -s 1.1.1.1")
    iptables(door, "-A INPUT -s 1.1.1.1", LEGACY)
    legacy, _nft = door.netns.hooks[NF_INET_LOCAL_IN]
    iptables(door, "-A INPUT -s 2.2.2.2")
    assert door.netns.hooks[NF_INET_LOCAL_IN][0] is legacy
    door.iptables_restore("*filter\n-A INPUT -s 1.1.1.1\nCOMMIT\n")
    assert door.netns.hooks[NF_INET_LOCAL_IN][1] is legacy


@pytest.mark.parametrize(
    ("lines", "variant", "error"),
    [
        (["-N A", "-A A -j A", "-A INPUT -j A"], NFT, XtCheckError),
        (["-N A", "-A A -j A", "-A INPUT -j A"], LEGACY, XtCheckError),
        (["-A INPUT -j OUTPUT"], NFT, TransactionError),
        (["-A INPUT -j OUTPUT"], LEGACY, EditError),
        (["-A INPUT ! -s 0/0"], NFT, TransactionError),
        (["-P INPUT ACCEPT", "-E INPUT FOO"], NFT, NotModelled),
        (["-A INPUT -j QUEUE"], NFT, NotModelled),
        (["-N A", "-N A"], NFT, EditError),
        (["-N A", "-A INPUT -j A", "-X A"], NFT, TransactionError),
        (["-N A", "-A INPUT -j A", "-X A"], LEGACY, EditError),
    ],
)
def test_what_cannot_be_is_refused(door, lines, variant, error):
    for line in lines[:-1]:
        iptables(door, line, variant)
    with pytest.raises(error):
        iptables(door, lines[-1], variant)


@pytest.mark.parametrize(("depth", "fits"), [(15, True), (16, False)])
def test_chains_of_nft_are_nested_sixteen_deep_at_most(door, depth, fits):
    names = [f"C{number}" for number in range(depth)]
    chains = "".join(f":{name} - [0:0]\n" for name in names)
    jumps = "".join(f"-A {one} -j {other}\n" for one, other in zip(["INPUT", *names], names, strict=False))
    text = f"*filter\n{chains}{jumps}COMMIT\n"
    if fits:
        door.iptables_restore(text)
    else:
        with pytest.raises(Exception, match="Too many links"):
            door.iptables_restore(text)
    door.iptables_restore(text, variant=LEGACY)
