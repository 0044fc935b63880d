"""libxtables' option tables: how arguments are read, which options go together, and what is said of those that do not."""

import pytest

from podwire.linux.netfilter.command import RuleDraft
from podwire.linux.netfilter.xt import options
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, OptionError, Values
from podwire.wire.addr import Ip4, Mac


def call(kind, arg, **entry):
    option = Option("opt", kind, **entry)
    return kind(OptionCall("ext", option, arg, False, Values((option,), Names(), RuleDraft("filter", "nft")), []))


def said(kind, arg, **entry):
    with pytest.raises(OptionError) as caught:
        call(kind, arg, **entry)
    return caught.value.text


@pytest.mark.parametrize(
    ("text", "value"),
    [("10", 10), ("0x1F", 31), ("010", 8), (" 7", 7), ("+3", 3), ("0", 0)],
)
def test_a_number_is_decimal_hexadecimal_or_octal(text, value):
    assert call(options.UINT32, text) == value


@pytest.mark.parametrize("text", ["", "-1", "x", "1x", "4294967296", "08"])
def test_what_is_no_number_or_too_large_is_named_with_its_range(text):
    assert said(options.UINT32, text) == 'ext: bad value for option "--opt", or out of range (0-4294967295).\n'


def test_a_range_may_lack_either_end_and_has_two_of_them():
    assert call(options.UINT16RC, "5:9") == (5, 9)
    assert call(options.UINT16RC, "5") == (5,)
    assert call(options.UINT16RC, ":9") == (0, 9)
    assert call(options.UINT16RC, "5:") == (5, 0xFFFF)
    assert said(options.UINT16RC, "1:2:3") == 'ext: Too many components for option "--opt" (max: 2)\n'
    assert said(options.UINT16RC, "1-2") == 'ext: Argument to "--opt" has unexpected characters near "-2".\n'
    assert said(options.UINT16RC, "70000") == (
        'ext: bad value for option "--opt" near "70000", or out of range (0-65535).\n'
    )


def test_a_mark_has_a_mask_or_all_bits():
    assert call(options.MARKMASK, "1") == (1, 0xFFFFFFFF)
    assert call(options.MARKMASK, "0x4000/0x4000") == (0x4000, 0x4000)
    assert said(options.MARKMASK, "1/2x") == 'ext: trailing garbage after value for option "--opt".\n'
    assert said(options.MARKMASK, "1/x") == 'ext: bad integer value for option "--opt", or out of range.\n'


def test_ports_are_numbers_of_any_size_or_names_of_services():
    assert call(options.PORTRC, "domain:http") == (53, 80)
    assert call(options.PORTRC, "80") == (80, 80)
    assert call(options.PORTRC, "70000") == (4464, 4464)
    assert said(options.PORTRC, "nosuch") == 'Port "nosuch" does not resolve to anything.\n'


def test_hosts_have_masks_as_lengths_or_written_out():
    assert call(options.HOSTMASK, "10.1.2.3/8") == (Ip4.parse("10.1.2.3"), 0xFF000000)
    assert call(options.HOSTMASK, "10.1.2.3/255.255.0.0") == (Ip4.parse("10.1.2.3"), 0xFFFF0000)
    assert call(options.HOST, "10.2") == Ip4.parse("10.0.0.2")
    assert "neither a valid network mask nor valid CIDR (0-32)" in said(options.HOSTMASK, "10.0.0.0/x")


def test_words_of_every_other_kind():
    assert call(options.ETHERMAC, "2:0:0:0:0:a") == Mac.parse("02:00:00:00:00:0a")
    assert said(options.ETHERMAC, "2:0") == "Invalid MAC address specified."
    assert call(options.PROTOCOL, "udp") == 17
    assert said(options.PROTOCOL, "nosuch") == 'unknown protocol "nosuch" specified'
    assert call(options.SYSLOGLEVEL, "warning") == 4
    assert said(options.SYSLOGLEVEL, "9") == 'log level "9" unknown\n'
    assert call(options.TOSMASK, "Minimize-Delay", high=0x3F) == (0x10, 0x3F)
    assert call(options.TOSMASK, "0x10/0x1e") == (0x10, 0x1E)
    assert call(options.DOUBLE, "0.25", high=1) == 0.25
    assert "or out of range (0-1)" in said(options.DOUBLE, "1.5", high=1)
    assert call(options.STRING, "abcdef", size=4) == "abc"
    assert said(options.STRING, "abc", high=2) == "Argument must have a maximum length of 2 characters\n"


TABLE = (
    Option("one", options.UINT8, excl=("two",)),
    Option("two", options.UINT8, also=("three",)),
    Option("drei", options.UINT8, id="three", invert=True),
    Option("must", mandatory=True),
    Option("many", options.UINT8, multi=True),
)


def checked(*given):
    values = Values(TABLE, Names(), RuleDraft("filter", "nft"))
    for name, invert in given:
        entry = next(one for one in TABLE if one.name == name)
        options.option_parse(OptionCall("ext", entry, "1", invert, values, []))
    options.options_fcheck("ext", values)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([], 'ext: option "--must" must be specified\n'),
        ([("must", False), ("must", False)], 'ext: option "--must" can only be used once.\n'),
        ([("must", True)], 'ext: option "--must" cannot be inverted.\n'),
        ([("must", False), ("two", False)], 'ext: option "--two" also requires "--drei".\n'),
        (
            [("must", False), ("one", False), ("two", False), ("drei", True)],
            'ext: option "--one" cannot be used together with "--two".\n',
        ),
    ],
)
def test_options_that_lack_or_exclude_each_other_are_named(given, text):
    with pytest.raises(OptionError) as caught:
        checked(*given)
    assert caught.value.text == text


def test_options_that_go_together_are_taken():
    checked(("must", False), ("two", False), ("drei", True), ("many", False), ("many", False))


@pytest.mark.parametrize(
    ("text", "saved"),
    [("plain-1_X", "plain-1_X"), ("a b", '"a b"'), ("", '""'), ("q\"\\'", '"q\\"\\\\\\\'"')],
)
def test_a_string_is_quoted_where_a_shell_would_take_it_apart(text, saved):
    assert options.save_string(text) == saved
