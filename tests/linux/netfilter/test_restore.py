"""The door's iptables-restore: tables take effect as a whole, in the words of the real tool where they do not."""

import contextlib

import pytest

from podwire.errors import NotModelled
from podwire.linux.netfilter.lines import plain_words, rule_counters, split_words
from podwire.linux.netfilter.restore import RestoreError
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.options import OptionError
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from tests.linux.lab import Lab

FELIX = Owner("felix", "Pod default/pod1")


@pytest.fixture
def door():
    lab = Lab()
    lab.machine("m")
    return Netlink(lab["m"], FELIX)


def table(door, name="filter", variant=NFT):
    return door.netns.xtables.table(variant, name)


def refused(door, text, **options):
    with pytest.raises(RestoreError) as caught:
        door.iptables_restore(text, **options)
    return caught.value


@pytest.mark.parametrize(("variant", "there"), [(NFT, False), (LEGACY, True)])
@pytest.mark.parametrize("text", ["*raw\nCOMMIT\n", "*raw\n"])
def test_who_names_a_table_of_iptables_legacy_has_made_it(door, variant, there, text):
    """``iptc_init``."""
    with contextlib.suppress(RestoreError):
        door.iptables_restore(text, variant=variant)
    assert (table(door, "raw", variant) is not None) is there


@pytest.mark.parametrize("variant", [NFT, LEGACY])
def test_rules_remember_who_wrote_them(door, variant):
    door.iptables_restore(
        "*filter\n:FOO - [0:0]\n-A FOO -p tcp --dport 80\n-A FOO -j ACCEPT\nCOMMIT\n", variant=variant
    )
    assert [rule.owner for rule in table(door, variant=variant).chains["FOO"].rules] == [FELIX, FELIX]
    assert table(door, variant=variant).chains["FOO"].owner == FELIX


@pytest.mark.parametrize("variant", [NFT, LEGACY])
def test_each_line_may_have_an_owner_of_its_own(door, variant):
    text = "*filter\n:FOO - [0:0]\n-A FOO -p tcp --dport 80\n-I FOO -j ACCEPT\nCOMMIT\n"
    owners = [Owner("kube-proxy", f"line {number}") for number in range(1, 6)]
    door.iptables_restore(text, variant=variant, owners=owners)
    chain = table(door, variant=variant).chains["FOO"]
    assert [chain.owner, *(rule.owner for rule in chain.rules)] == [owners[1], owners[3], owners[2]]


@pytest.mark.parametrize("variant", [NFT, LEGACY])
def test_a_table_with_one_wrong_line_stays_what_it_was_and_those_before_it_are_there(door, variant):
    door.iptables_restore("*filter\n-A INPUT -s 1.1.1.1\nCOMMIT\n", variant=variant)
    before = door.iptables_save(variant=variant)
    text = "*nat\n-A PREROUTING -s 2.2.2.2\nCOMMIT\n*filter\n-A INPUT -s 3.3.3.3\n-A NOPE -j ACCEPT\nCOMMIT\n"
    error = refused(door, text, variant=variant)
    assert error.line == 6
    assert before in door.iptables_save(variant=variant)
    assert "2.2.2.2" in door.iptables_save(variant=variant)


def test_a_wrong_line_is_told_as_iptables_restore_tells_it(door):
    error = refused(door, "*filter\n-A INPUT -p tcp --dport 1:2:3:4 -m tcp\nCOMMIT\n")
    assert error.text == (
        "iptables-restore v1.8.9 (nf_tables): invalid port/service `2:3:4' specified\n"
        "Error occurred at line: 2\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n"
    )
    assert (error.status, error.line) == (2, 2)
    assert (
        str(error)
        == "iptables-restore v1.8.9 (nf_tables): invalid port/service `2:3:4' specified Error occurred at line: 2"
    )


def test_nft_names_every_operation_that_the_kernel_refuses_and_legacy_the_commit(door):
    text = "*filter\n:A -\n:B -\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT\n"
    assert refused(door, text).text.endswith("\nline 6: RULE_APPEND failed (Too many links): rule in chain B\n")
    assert refused(door, text, variant=LEGACY).text == "iptables-restore: line 7 failed\n"


def test_of_several_operations_that_are_refused_each_is_named(door):
    text = "*filter\n:A -\n:B -\n-A A -j A\n-A B -j B\n-A INPUT -j A\n-A INPUT -s 1.1.1.1\n-A INPUT -j B\nCOMMIT\n"
    assert [line.split(":")[0] for line in refused(door, text).text.splitlines()[1:]] == ["line 6", "line 8"]
    assert door.iptables_save() == ""


def test_legacy_takes_a_rule_for_no_address_at_all(door):
    door.iptables_restore("*filter\n-A INPUT ! -s 0.0.0.0/0\nCOMMIT\n", variant=LEGACY)
    assert "-A INPUT ! -s 0.0.0.0/0\n" in door.iptables_save(variant=LEGACY)


def test_without_noflush_the_table_is_new_and_with_it_only_named_chains_are_emptied(door):
    first = "*filter\n:A - [0:0]\n:B - [0:0]\n-A A -s 1.1.1.1\n-A B -s 2.2.2.2\nCOMMIT\n"
    door.iptables_restore(first)
    door.iptables_restore("*filter\n:A - [0:0]\n-A B -s 3.3.3.3\nCOMMIT\n", noflush=True)
    assert [line for line in door.iptables_save().splitlines() if line.startswith("-A")] == [
        "-A B -s 2.2.2.2/32",
        "-A B -s 3.3.3.3/32",
    ]
    door.iptables_restore("*filter\nCOMMIT\n")
    assert door.iptables_save() == ""


def test_legacy_keeps_policies_and_its_table_where_the_text_says_nothing(door):
    door.iptables_restore("*filter\n:INPUT DROP [0:0]\n-A INPUT -s 1.1.1.1\nCOMMIT\n", variant=LEGACY)
    door.iptables_restore("*filter\nCOMMIT\n", variant=LEGACY)
    assert ":INPUT DROP [0:0]\n" in door.iptables_save(variant=LEGACY)
    assert "1.1.1.1" not in door.iptables_save(variant=LEGACY)


@pytest.mark.parametrize("variant", [NFT, LEGACY])
def test_counters_are_taken_over_where_that_is_asked_for(door, variant):
    text = "*filter\n:INPUT ACCEPT [1:2]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[3:4] -A INPUT -s 1.1.1.1/32\nCOMMIT\n"
    door.iptables_restore(text, variant=variant, counters=True)
    assert door.iptables_save(variant=variant, counters=True) == text
    door.iptables_restore(text, variant=variant)
    assert ":INPUT ACCEPT [0:0]\n" in door.iptables_save(variant=variant)
    assert "[0:0] -A INPUT" in door.iptables_save(variant=variant, counters=True)


def test_rules_that_stay_keep_what_they_have_counted(door):
    door.iptables_restore("*filter\n-A INPUT -s 1.1.1.1\nCOMMIT\n")
    kept = table(door).chains["INPUT"].rules[0]
    kept.packets = 7
    door.iptables_restore("*filter\n-A INPUT -s 2.2.2.2\nCOMMIT\n", noflush=True)
    assert table(door).chains["INPUT"].rules[0] is kept


def test_a_set_that_is_not_there_is_named_and_not_modelled_things_are_not_ignored(door):
    error = refused(door, "*filter\n-A INPUT -m set --match-set nope src\nCOMMIT\n")
    assert "Set nope doesn't exist." in error.text
    with pytest.raises(NotModelled):
        door.iptables_restore("*filter\n-A INPUT -m quota --quota 5\nCOMMIT\n")
    with pytest.raises(NotModelled):
        door.iptables_restore("*filter\n-L\nCOMMIT\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('a "b c" d', ["a", "b c", "d"]),
        ('x"y z"w', ["xy z", "w"]),
        (r'"q\"\\" \n', ['q"\\', "\\n"]),
        ('a  "" \t b', ["a", "", "b"]),
        ("'a b'", ["'a", "b'"]),
        ('open "to the end', ["open", "to the end\n"]),
    ],
)
def test_words_are_what_quotes_and_blanks_make_of_them(line, words):
    assert split_words(f"{line}\n") == words
    plain = plain_words(line)
    assert plain is None or plain == words


@pytest.mark.parametrize(
    ("line", "counters"),
    [("[1:2] -A X", (("1", "2"), " -A X")), ("-A X", (None, "-A X")), ("[1:2]-A", (("1", "2"), "-A"))],
)
def test_counters_stand_before_a_rule(line, counters):
    assert rule_counters(line, 1) == counters


@pytest.mark.parametrize("line", ["[1:2 -A X", "[12] -A X"])
def test_half_of_a_counter_is_refused(line):
    with pytest.raises(OptionError, match="Bad line 3: need"):
        rule_counters(line, 3)


@pytest.mark.parametrize("variant", [NFT, LEGACY])
@pytest.mark.parametrize("line", ["-A FOO -j ACCEPT", "-A FOO ! -p tcp"])
def test_a_chain_that_the_table_text_has_taken_away_takes_no_rule(door, variant, line):
    door.iptables_restore("*filter\n:FOO - [0:0]\n-A FOO -j DROP\nCOMMIT\n", variant=variant)
    text = f"*filter\n:FOO - [0:0]\n-F FOO\n-X FOO\n{line}\nCOMMIT\n"
    assert refused(door, text, variant=variant, noflush=True).line == 5
    text = f"*filter\n:FOO - [0:0]\n-A FOO -j DROP\nCOMMIT\n*filter\n{line}\nCOMMIT\n"
    assert refused(door, text, variant=variant).line == 6


def test_a_carriage_return_belongs_to_the_name_of_the_table(door):
    assert "table name 'filter\r' invalid" in refused(door, "*filter\r\nCOMMIT\r\n").text
