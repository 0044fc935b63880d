"""getopt, numbers and addresses as the C library reads them."""

import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podwire.tools.args import BadOption, Exit, canonical_name, gai_error, getopt, number, reverse_name
from podwire.tools.process import Process
from podwire.wire.addr import Ip4, inet_aton


def libc(text):
    try:
        return Ip4.from_bytes(socket.inet_aton(text))
    except OSError:
        return None


part = st.one_of(
    st.integers(0, 1 << 33).map(str),
    st.integers(0, 1 << 33).map(hex),
    st.integers(0, 1 << 33).map(lambda n: f"0{n:o}"),
    st.text("0123456789abcdefxX-+", max_size=4),
)


@given(st.lists(part, min_size=1, max_size=5).map(".".join))
@example("10.2")
@example("0")
@example("0x0a000002")
@example("012.0.0.2")
@example("08.0.0.1")
@example("1.2.3.")
@example("256.1")
@example("1.16777216")
def test_inet_aton_reads_what_the_c_library_reads(text):
    assert inet_aton(text) == libc(text)


class Words(Process):
    """A process as far as getopt looks at it."""

    def __init__(self, line):
        super().__init__(None, None, ["tool", *line.split()])  # type: ignore[arg-type]


LONGS = {"verbose": "v", "version": "V", "device": "i=", "load": "p?"}


@pytest.mark.parametrize(
    ("line", "options", "operands"),
    [
        ("-v -i eth0 host", [("v", ""), ("i", "eth0")], ["host"]),
        ("host -v", [("v", "")], ["host"]),
        ("-vieth0", [("v", ""), ("i", "eth0")], []),
        ("-v -- -i host", [("v", "")], ["-i", "host"]),
        ("- -v", [("v", "")], ["-"]),
        ("-p -v", [("p", ""), ("v", "")], []),
        ("-pfile -v", [("p", "file"), ("v", "")], []),
        ("--verbose --device=eth0 x", [("v", ""), ("i", "eth0")], ["x"]),
        ("--dev eth0 --verb", [("i", "eth0"), ("v", "")], []),
        ("--load --load=x", [("p", ""), ("p", "x")], []),
    ],
)
def test_getopt(line, options, operands):
    assert getopt(Words(line), "vVi:p::", LONGS) == (options, operands)


@pytest.mark.parametrize(
    ("line", "options", "operands"),
    [
        ("-V 5 f", [("V", "5")], ["f"]),
        ("-vV 5 f", [("v", ""), ("V", "5")], ["f"]),
        ("-Vv 5", [("V", ""), ("v", "")], ["5"]),
        ("-V -v", [("V", ""), ("v", "")], []),
        ("-V ! 5", [("V", "")], ["!", "5"]),
        ("--version 5", [("V", "5")], []),
        ("-V", [("V", "")], []),
    ],
)
def test_greedy_options_take_a_word_that_is_no_option(line, options, operands):
    """``xs_has_arg`` of iptables, for ``-w 5``."""
    assert getopt(Words(line), "vVi:p::", LONGS, greedy="V") == (options, operands)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("-x", "tool: invalid option -- 'x'\n"),
        ("-v:", "tool: invalid option -- ':'\n"),
        ("-i", "tool: option requires an argument -- 'i'\n"),
        ("--frob", "tool: unrecognized option '--frob'\n"),
        ("--frob=3", "tool: unrecognized option '--frob'\n"),
        ("--ver", "tool: option '--ver' is ambiguous; possibilities: '--verbose' '--version'\n"),
        ("--device", "tool: option '--device' requires an argument\n"),
        ("--verbose=1", "tool: option '--verbose' doesn't allow an argument\n"),
    ],
)
def test_getopt_complains_as_glibc_does(line, complaint):
    process = Words(line)
    with pytest.raises(BadOption):
        getopt(process, "vVi:p::", LONGS)
    assert process.stderr == complaint


def test_long_options_only_where_there_are_some():
    process = Words("--frob")
    with pytest.raises(BadOption):
        getopt(process, "f")
    assert process.stderr == "tool: invalid option -- '-'\n"


def test_numbers():
    assert number(Words(""), " +5", 1, 9) == 5
    process = Words("")
    with pytest.raises(Exit):
        number(process, "5 ", 1, 9)
    assert process.stderr == "tool: invalid argument: '5 '\n"


def test_names(lab):
    place = lab.a
    assert gai_error(place, "a.b") == "Temporary failure in name resolution"
    assert gai_error(place, "a%b") == "Name or service not known"
    place.files = {"/etc/resolv.conf": "nameserver 10.0.0.10\n", "/etc/hosts": "10.0.0.2 b.example b # peer\n"}
    assert gai_error(place, "a.b") == "Name or service not known"
    assert canonical_name(place, "b") == "b.example"
    assert canonical_name(place, "peer") == "peer"
    assert reverse_name(place, Ip4.parse("10.0.0.2")) == "b.example"
    assert reverse_name(place, Ip4.parse("10.0.0.3")) is None
