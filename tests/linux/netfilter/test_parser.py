"""Words become commands, commands become text again (``do_parse``; ``save_rule_details``)."""

import pytest

from podwire.errors import NotModelled
from podwire.linux.netfilter.apply import resolve, specs
from podwire.linux.netfilter.command import BadArgument, StopParsing
from podwire.linux.netfilter.edit import Edit
from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.save import rule_text
from podwire.linux.netfilter.tables import LEGACY, NFT, Iface
from podwire.linux.netfilter.xt.options import Names, OptionError
from podwire.trace.events import KERNEL


def parse(line, variant=NFT, **more):
    return Parser(line.split(" "), names=Names(), variant=variant, **more).parse()


def text(line, variant=NFT):
    command = parse(f"-A FORWARD {line}", variant)
    (spec,) = specs(command, resolve(Edit(None, command.table, variant, KERNEL), command))
    return rule_text(spec, variant)


def said(line, variant=NFT, **more):
    with pytest.raises(OptionError) as caught:
        parse(line, variant, **more)
    return caught.value.text


@pytest.mark.parametrize(
    ("line", "saved"),
    [
        ("-o eth1 -i eth0 -d 10.1.2.3/24 -s 10.2", "-s 10.2.0.0/32 -d 10.1.2.0/24 -i eth0 -o eth1"),
        ("-p TCP ! -f --dport 80", "-p tcp ! -f -m tcp --dport 80"),
        ("-p 6 --dport http --sport 1:2", "-p tcp -m tcp --sport 1:2 --dport 80"),
        ("-s 10.0.0.1/255.255.0.255 -p 47", "-s 10.0.0.1/255.255.0.255 -p gre"),
        ("-s any/0 -j ACCEPT", "-j ACCEPT"),
        ("-j MARK -m mark --mark 1 --set-mark 2", "-m mark --mark 0x1 -j MARK --set-xmark 0x2/0xffffffff"),
        ("--protocol udp --jump DROP --match udp --destination-port=53", "-p udp -m udp --dport 53 -j DROP"),
        ("-p tcp -m tcp -m udp --sport 5", None),
        ("-p tcp -m multiport --dport 80,81", "-p tcp -m multiport --dports 80,81"),
    ],
)
def test_a_rule_is_saved_in_the_order_of_iptables_save(line, saved):
    if saved is None:
        # The match that was named last has its options before the others.
        with pytest.raises(OptionError, match="UDP match requires"):
            text(line)
    else:
        assert text(line) == saved


def test_legacy_saves_what_was_written_and_nft_what_it_has_made_of_it():
    line = "-p tcp -m tcp --dport 5 -m comment --comment x -m tcp --sport 7"
    assert text(line, LEGACY) == "-p tcp -m tcp --dport 5 -m comment --comment x -m tcp --sport 7"
    assert text(line) == "-p tcp -m tcp --sport 7 --dport 5 -m comment --comment x"
    assert text("-p tcp -m tcp ! --dport 0:65535", LEGACY) == "-p tcp -m tcp"
    assert text("-p tcp -m tcp ! --dport 0:65535") == "-p tcp"
    assert text("! -i +", LEGACY) == ""
    assert text("! -i +") == "! -i +"


def test_options_may_be_shortened_as_far_as_they_are_one():
    assert parse("--list-r").actions == ["S"]
    assert parse("--numeric --list").numeric
    assert parse("-nvxL --line-numbers").line_numbers
    assert said("--li") == 'unknown option "--li"'
    assert said("-nk") == 'unknown option "-nk"'
    assert said("-kn") == 'unknown option "iptables"'
    assert said("-p tcp -kn") == 'unknown option "tcp"'


def test_what_is_stuck_to_some_options_is_not_taken_apart():
    assert said("-A X -ptcp") == 'unknown protocol "-ptcp" specified'
    assert said("-A X --src=1.2.3.4") == "host/network `--src=1.2.3.4' not found"
    assert parse("-A X -gY").jumpto == "Y"
    assert parse("-A X -jY").jumpto == "-jY"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("-A", 'option "-A" requires an argument'),
        ("-A X --dport 5 -p tcp", 'unknown option "--dport"'),
        ("-L -A X", "Cannot use -A with -L"),
        ("-A X -n", "Illegal option `-n' with this command"),
        ("-A X -s 1.1.1.1 -s 2.2.2.2", "multiple -s flags not allowed"),
        ("-A X ! -j ACCEPT", "cannot have ! before -j"),
        ("-A X ! ! -i a", "multiple consecutive ! not allowed"),
        ("-A X -j ACCEPT !", "nothing appropriate following !"),
        ("-A INPUT -o eth0", "Can't use -o with INPUT\n"),
        ("-A OUTPUT -i eth0", "Can't use -i with OUTPUT\n"),
        ("-R X 1 -s 1.1.1.1,2.2.2.2", "Replacement rule does not specify a unique address"),
        ("-A X ! -s 1.1.1.1,2.2.2.2", "! not allowed with multiple source or destination IP addresses"),
        ("-D X 0", "Invalid rule number `0'"),
        ("-E X", "-E requires old-chain-name and new-chain-name"),
        ("-N ACCEPT", "chain name may not clash with target name"),
        (f"-A {'x' * 29}", f"chain name `{'x' * 29}' too long (must be under 29 chars)"),
        ("-A X -c 5", "-c requires packet and byte counter"),
        ("-A X -W 5", "--wait-interval only makes sense with --wait\n"),
        ("-A X -- y", "unknown arguments found on commandline"),
    ],
)
def test_what_is_wrong_is_named_as_iptables_names_it(line, text):
    assert said(line) == text


def test_words_that_are_no_options_and_other_families_end_the_command():
    with pytest.raises(BadArgument):
        parse("-A X y")
    with pytest.raises(BadArgument):
        parse("-6 -L")
    with pytest.raises(StopParsing):
        parse("-6 -A X", restore="iptables-restore")
    with pytest.raises(NotModelled):
        parse("-h")


def test_numbers_counters_and_waiting_are_kept():
    command = parse("-I X 3 -c 5,6 -w 7 -i eth+")
    assert (command.rulenum, command.counters, command.wait) == (3, (5, 6), 7)
    assert command.draft.iif == Iface("eth+")
    assert parse("-D X 4").actions == ["D#"]
    assert parse("-Z X 4").actions == ["Z#"]
    assert parse("-L -Z").actions == ["L", "Z"]
    assert said("-t nat -A X", restore="iptables-restore") == "The -t option cannot be used in iptables-restore.\n"


@pytest.mark.parametrize(
    ("words", "counters"),
    [
        ("-2 3", ((1 << 64) - 2, 3)),
        ("+2 3", (2, 3)),
        ("5,-3", (5, (1 << 64) - 3)),
        ("18446744073709551616 1", ((1 << 64) - 1, 1)),
        ("-0x10 5", (0, 5)),
    ],
)
def test_counters_are_read_as_strtoull_reads_them(words, counters):
    assert parse(f"-A INPUT -c {words}").counters == counters
