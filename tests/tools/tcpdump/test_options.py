"""The command line: what tcpdump answers or refuses before it captures, and what podwire does not model."""

import re

import pytest

from podwire.errors import NotModelled
from podwire.tools.tcpdump.options import Refused, check, parse
from tests.tools.realscripts import Lab

REFUSED = """\
-k
-
-?
-nk
-i
-nni
-c
-c 0
-c x
-c -3
-c 2x -r none
-s x
-s 262145
-s -1
-s 08
-s
-B x
-B 0
-Q foo
-Q
-T foo
-y NOPE
-y
--nope
--interface
--interface= -r none
--n
--no
--nano=3
--list
--time
--time-stamp-precision=pico
--time-stamp-precision
--help=1
--count=2
-tttttt
-r
-w
-F
-r none
-r none -f
-f -r none icmp
-c 1 -r none -c 0
-E
-m
-j
-i nope
-i nope -y EN10MB
-i 99
-i 0
-F none -r /dev/null
--print --vers extra
"""
ANSWERED = """\
-h
--help
--he
--version
--vers
-n --version -k
-D -h
-h -k
"""
NOT_MODELLED = """\
-b
-C 1
-d
-E x
-G 1
-H
-I
-j host
-J
-m x
-M x
-V x
-W 2
-Y
-z gzip
-Z root
--fp-type
--monitor-mode
--time-stamp-type=host
--list-time-stamp-types
--debug-filter-parser
--relinquish-privileges x
-T domain
-T RADIUS
"""


@pytest.fixture(scope="module")
def lab():
    return Lab()


def ours(lab, line):
    process = lab.run(["tcpdump", *line.split()])
    return process.stdout, process.stderr, process.status


def without_versions(text):
    """The versions, that of OpenSSL too, are those of the judge."""
    return re.sub(r"(tcpdump version|libpcap version|OpenSSL) .*", r"\1", text)


@pytest.mark.parametrize("line", (REFUSED + ANSWERED).splitlines())
def test_as_the_real_one(judge, lab, line):
    real = judge.run(*line.split())
    for one, other in zip(ours(lab, line), real, strict=True):
        if isinstance(one, str):
            one, other = without_versions(one), without_versions(other)
        assert one == other


def test_words_without_a_judge(lab):
    out, err, status = ours(lab, "-k")
    assert (out, status) == ("", 1)
    assert err.startswith("tcpdump: invalid option -- 'k'\ntcpdump version 4.99.3\n")
    assert err.endswith("[ -z postrotate-command ] [ -Z user ] [ expression ]\n")
    out, err, status = ours(lab, "--version")
    assert (err, status) == ("", 0)
    assert out.startswith("tcpdump version 4.99.3\nlibpcap version 1.10.3 (with TPACKET_V3)\n")
    assert ours(lab, "-Q foo") == ("", "tcpdump: unknown capture direction `foo'\n", 1)


@pytest.mark.parametrize("line", NOT_MODELLED.splitlines())
def test_known_and_not_modelled(line):
    with pytest.raises(NotModelled) as missing:
        parse(["tcpdump", *line.split()])
    option, *values = re.split("[ =]", line)
    said = f"{option} {values[0].lower()}" if option == "-T" else option
    assert str(missing.value) == f"tcpdump: not modelled: option {said}"


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("-nni eth0 -c3", {"numeric": 2, "interface": "eth0", "count": 3}),
        ("-vvvetttt", {"verbose": 3, "link_level": 1, "stamp": 4}),
        ("-XX -xAAS#", {"hex_ascii": 2, "hex": 1, "ascii": 2, "absolute": True, "number": True}),
        ("-s 0x40 -q", {"snaplen": 64, "quick": 1}),
        ("-s 010", {"snaplen": 8}),
        ("--int=any --snap 96", {"interface": "any", "snaplen": 96}),
        ("--nano --micro", {"nano": False}),
        ("--time-stamp-precision nano", {"nano": True}),
        ("-lUpu --immediate-mode -B 4096 -K", {"no_checksums": True}),
        ("icmp -n and arp", {"numeric": 1, "words": ["icmp", "and", "arp"]}),
        ("-n -- -i x", {"numeric": 1, "words": ["-i", "x"]}),
        ("-Q OUT -y en10mb -Tvxlan", {"direction": "out", "link_type": "EN10MB", "vxlan": True}),
        ("-r - -w - --count --print", {"read": "-", "write": "-", "count_only": True, "print_too": True}),
        ("-fNO", {"foreign": True, "short_names": True, "unoptimized": True}),
    ],
)
def test_what_is_asked_for(line, fields):
    options = parse(["tcpdump", *line.split()])
    assert {name: getattr(options, name) for name in fields} == fields


def test_too_many_stamps():
    with pytest.raises(Refused):
        check(parse(["tcpdump", "-ttt", "-ttt"]))
