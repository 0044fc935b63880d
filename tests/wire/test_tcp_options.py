from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.inet import TCP

from podwire.errors import PodwireError
from podwire.wire import tcp_options
from podwire.wire.tcp_options import TcpOption, TcpOptions, build, parse, read
from tests.wire.frames import LATER, SYN
from tests.wire.strategies import FUZZ, U16, U32

KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "mss": U16.filter(bool),
        "sack_permitted": st.booleans(),
        "timestamp": st.tuples(U32, U32),
        "window_scale": st.integers(0, 14),
        "sack": st.lists(st.tuples(U32, U32), max_size=2).map(tuple),
    },
)


def test_a_syn_of_linux():
    options = build(mss=1420, sack_permitted=True, timestamp=(745123544, 0), window_scale=10)
    assert options.hex() == SYN
    kinds = [option.kind for option in parse(options)]
    assert kinds == [
        tcp_options.MSS,
        tcp_options.SACK_PERMITTED,
        tcp_options.TIMESTAMP,
        tcp_options.NOP,
        tcp_options.WINDOW_SCALE,
    ]


def test_a_later_segment_of_linux():
    assert build(timestamp=(745123544, 341132618)).hex() == LATER
    assert read(bytes.fromhex(LATER)) == TcpOptions(timestamp=(745123544, 341132618))


def test_without_timestamps():
    assert build(mss=1460, sack_permitted=True, window_scale=7).hex() == "020405b40101040201030307"
    assert build() == b""
    assert build(mss=536).hex() == "02040218"


def test_selective_acknowledgement():
    options = build(timestamp=(1, 2), sack=((10, 20), (30, 40)))
    assert options.hex() == "0101080a0000000100000002" + "01010512" + "0000000a000000140000001e00000028"
    assert read(options) == TcpOptions(timestamp=(1, 2), sack=((10, 20), (30, 40)))


@FUZZ
@given(KNOWN)
def test_what_is_built_is_read(known: dict[str, Any]):
    options = build(**known)
    assert len(options) % 4 == 0
    assert read(options) == TcpOptions(**known)


@FUZZ
@given(KNOWN)
def test_scapy_reads_the_same(known: dict[str, Any]):
    names = {0: "EOL", 1: "NOP", 2: "MSS", 3: "WScale", 4: "SAckOK", 5: "SAck", 8: "Timestamp"}
    options = build(**known)
    theirs = TCP(bytes(12) + bytes((5 + len(options) // 4 << 4,)) + bytes(7) + options).options
    assert [names[option.kind] for option in parse(options)] == [name for name, _ in theirs]


@FUZZ
@given(
    st.binary(max_size=40)
    | st.lists(
        st.tuples(st.sampled_from([0, 1, 2, 3, 4, 5, 8, 253]), st.integers(0, 12), st.binary(max_size=10)), max_size=6
    ).map(lambda parts: b"".join(bytes(part[:2]) + part[2] for part in parts))
)
@example(b"\x02\x04\x05")
def test_any_bytes_are_read_and_come_back(options: bytes):
    found = parse(options)
    assert b"".join(option.raw for option in found) == options
    assert not any(option.broken or option.kind == tcp_options.EOL for option in found[:-1])
    read(options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("01020405b4", [TcpOption(1), TcpOption(2, b"\x05\xb4")]),
        ("00020405b4", [TcpOption(0, b"\x02\x04\x05\xb4")]),
        ("fd04abcd", [TcpOption(253, b"\xab\xcd")]),
        ("1402", [TcpOption(20)]),
        ("02", [TcpOption(2, b"", broken=True)]),
        ("0200", [TcpOption(2, b"\0", broken=True)]),
        ("020105b4", [TcpOption(2, b"\x01\x05\xb4", broken=True)]),
        ("01020505b4", [TcpOption(1), TcpOption(2, b"\x05\x05\xb4", broken=True)]),
    ],
)
def test_parse(text, expected):
    assert parse(bytes.fromhex(text)) == expected
    assert b"".join(option.raw for option in expected).hex() == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00020405b4", TcpOptions()),  # nothing counts behind EOL
        ("0203ff", TcpOptions()),  # an MSS of the wrong length
        ("020405b402040000", TcpOptions(mss=1460)),  # an MSS of 0 is none
        ("020405b402040010", TcpOptions(mss=16)),  # the last one counts
        ("0303ff", TcpOptions(window_scale=14)),
        ("03030e", TcpOptions(window_scale=14)),
        ("0304000e", TcpOptions()),
        ("040300", TcpOptions()),
        ("0502", TcpOptions()),
        ("050600000001", TcpOptions()),
        ("080600000001", TcpOptions()),
        ("0402020505b4", TcpOptions(sack_permitted=True)),  # a broken option ends the list
        ("fd04abcd0402", TcpOptions(sack_permitted=True)),
    ],
)
def test_read(text, expected):
    assert read(bytes.fromhex(text)) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"mss": 65536},
        {"mss": -1},
        {"window_scale": 256},
        {"timestamp": (2**32, 0)},
        {"sack": ((0, 2**32),)},
        {"sack": ((0, 1),) * 40},
    ],
)
def test_a_value_that_does_not_fit(wrong):
    with pytest.raises(PodwireError, match="a TCP option does not fit its field"):
        build(**wrong)


def test_more_than_a_header_holds():
    assert len(build(timestamp=(0, 0), sack=((0, 1),) * 3)) == 40
    with pytest.raises(PodwireError, match="TCP options of 48 bytes: a header holds 40"):
        build(timestamp=(0, 0), sack=((0, 1),) * 4)
