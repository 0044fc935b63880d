"""BGP messages: RFC 4271, judged by scapy's own reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.wire import bgp
from podwire.wire.addr import Ip, Ip4, Net

ASN = st.integers(1, (1 << 32) - 1)
IPS = st.integers(0, (1 << 32) - 1).map(Ip4)
NETS = st.builds(Net.of, IPS, st.integers(0, 32))
CAPABILITIES = ((1, b"\0\1\0\1"), (2, b""), (64, b"\0\x78\0\1\1\0"), (65, (70000).to_bytes(4, "big")))
ATTRIBUTES = st.builds(
    bgp.Attributes,
    IPS,
    st.integers(0, 2),
    st.lists(ASN, max_size=4).map(tuple),
    st.none() | st.integers(0, 9),
    st.none() | st.integers(0, 200),
    st.lists(st.integers(0, (1 << 32) - 1), max_size=2).map(tuple),
    st.none() | IPS,
    st.lists(IPS, max_size=3).map(tuple),
)
MESSAGES = st.one_of(
    st.just(bgp.Keepalive()),
    st.builds(bgp.Notification, st.integers(1, 6), st.integers(0, 9), st.binary(max_size=20)),
    st.builds(lambda asn, ip: bgp.Open(asn, 240, ip, ((65, asn.to_bytes(4, "big")),)), ASN, IPS),
    st.builds(bgp.Update, st.lists(NETS, max_size=5).map(tuple), ATTRIBUTES, st.lists(NETS, max_size=5).map(tuple)),
    st.builds(bgp.Update, st.lists(NETS, max_size=5).map(tuple)),
)


def dissected(data):
    from scapy.contrib import bgp as scapy_bgp

    return scapy_bgp.BGP(data)


@given(st.lists(MESSAGES, max_size=4))
def test_what_was_written_is_read(messages):
    stream = bytearray(b"".join(bgp.encode(each) for each in messages))
    read = []
    while (message := bgp.take(stream)) is not None:
        read.append(message)
    assert read == messages
    assert not stream


@given(MESSAGES, st.data())
def test_a_part_of_a_message_waits(message, data):
    whole = bgp.encode(message)
    part = bytearray(whole[: data.draw(st.integers(0, len(whole) - 1))])
    before = bytes(part)
    assert bgp.take(part) is None
    assert bytes(part) == before


def test_a_keepalive_is_nineteen_bytes():
    assert bgp.encode(bgp.Keepalive()) == b"\xff" * 16 + b"\x00\x13\x04"


def test_an_open_says_its_as_number_twice():
    """RFC 6793: AS_TRANS in two octets, the number in the capability."""
    data = bgp.encode(bgp.Open(70000, 240, Ip.parse("10.0.0.1"), CAPABILITIES))
    seen = dissected(data)
    assert (seen.my_as, seen.hold_time, seen.bgp_id, len(seen)) == (23456, 240, "10.0.0.1", len(data))
    assert [option.param_value.code for option in seen.opt_params][:1] == [1]
    assert bgp.take(bytearray(data)) == bgp.Open(70000, 240, Ip.parse("10.0.0.1"), CAPABILITIES)


def test_scapy_reads_an_update():
    attributes = bgp.Attributes(Ip.parse("10.0.0.1"), as_path=(64512,), local_pref=100)
    net = Net.parse("172.16.1.64/26")
    seen = dissected(bgp.encode(bgp.Update((Net.parse("10.9.0.0/16"),), attributes, (net,)), as4=False))
    assert [str(each.prefix) for each in seen.withdrawn_routes] == ["10.9.0.0/16"]
    assert [str(each.prefix) for each in seen.nlri] == ["172.16.1.64/26"]
    assert [each.type_code for each in seen.path_attr] == [1, 2, 3, 5]


def test_an_update_without_anything_is_the_end_of_rib():
    assert len(bgp.encode(bgp.Update())) == 23


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\0" * 16 + b"\0\x13\x04", (1, 1)),
        (b"\xff" * 16 + b"\0\x12\x04", (1, 2)),
        (b"\xff" * 16 + b"\x10\x01\x04", (1, 2)),
        (b"\xff" * 16 + b"\0\x13\x09", (1, 3)),
        (b"\xff" * 16 + b"\0\x14\x04\0", (1, 2)),
        (b"\xff" * 16 + b"\0\x1d\x01\x03\xfc\0\0\xf0\x0a\0\0\1\0", (2, 1)),
        (b"\xff" * 16 + b"\0\x19\x02\0\0\0\0\x21\0", (3, 1)),
        (b"\xff" * 16 + b"\0\x18\x02\0\0\0\0\0", (3, 3)),
    ],
)
def test_what_is_no_bgp(data, error):
    with pytest.raises(bgp.BgpError) as caught:
        bgp.take(bytearray(data))
    assert (caught.value.code, caught.value.subcode) == error


def test_prefixes_of_equal_attributes_go_together():
    one, two = bgp.Attributes(Ip4(1)), bgp.Attributes(Ip4(2))
    nets = [Net.of(Ip4(index << 8), 24) for index in range(700)]
    made = bgp.updates(nets[:1], [(one if index % 2 else two, net) for index, net in enumerate(nets)])
    assert [len(each.prefixes) for each in made] == [0, 300, 50, 300, 50]
    assert all(len(bgp.encode(each)) <= bgp.LONGEST for each in made)
    with pytest.raises(ValueError, match="at most 4096"):
        bgp.encode(bgp.Update((), one, tuple(nets) * 3))
