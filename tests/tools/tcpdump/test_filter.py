"""Filter expressions let pass what libpcap lets pass, and are refused with its words."""

import contextlib
import random
from pathlib import Path

import pytest

from podwire.errors import NotModelled
from podwire.tools.tcpdump.filter import Context, Filter, FilterError, Frame
from podwire.wire.codec import DecodeError, from_bytes
from podwire.wire.headers import IPv4
from tests.tools.tcpdump import judge as judges
from tests.tools.tcpdump.corpus import FRAMES, cooked, damaged
from tests.tools.tcpdump.expressions import expression

EXPRESSIONS = (Path(__file__).parent / "expressions.txt").read_text().splitlines()
NOT_MODELLED = frozenset(
    {"mpls", "pppoes", "pppoed", "geneve", "geneve 5", "type mgt", "type data", "dir in", "llc", "llc u"}
) | {
    "type 0x08 subtype 0x80",
    "decnet host foo",
    "protochain 6",
}


def passing(path, wanted, *, structured=False):
    """The time stamps of the packets that pass: asked of their bytes, or of their headers."""
    link_type, packets = judges.captured(path)
    result = []
    for packet in packets:
        frame = Frame(packet.data, packet.length)
        if structured and len(packet.data) == packet.length and link_type in {1, 12}:
            with contextlib.suppress(DecodeError):  # what is no packet here can be asked of its bytes only
                headers = from_bytes(packet.data) if link_type == 1 else from_bytes(packet.data, IPv4)
                frame = Frame(None, packet.length, packet=headers)
        if wanted(frame):
            result.append(judges.stamp(packet))
    return result


def same(judge, path, text, *, structured=False):
    link_type, _ = judges.captured(path)
    wanted = judges.our_filter(link_type, text)
    if wanted is None:
        return False
    said = judge.filters(path, text)
    if isinstance(wanted, str) or isinstance(said, str):
        assert (text, wanted) == (text, said)
    else:
        assert (text, passing(path, wanted)) == (text, said)
        if structured:
            assert (text, passing(path, wanted, structured=True)) == (text, said)
    return True


def vlans(frames):
    tags = "81006005", "8100a005", "88a80006", "91000005"
    return [data[:12] + bytes.fromhex(tags[n % 4]) + data[12:] for n, data in enumerate(frames)]


def sixes():
    head = bytes.fromhex("02000000000b02000000000a86dd600000000014")
    ends = bytes.fromhex("fe80000000000000000000000000000fff020000000000000000000000000001")
    for following in (6, 17, 58, 44, 132, 59):
        for ports in ((80, 53), (1, 2), (40000, 80)):
            data = b"\x06\x00" + b"".join(port.to_bytes(2) for port in ports) + bytes(40)
            yield head + bytes((following, 64)) + ends + data


@pytest.fixture(scope="session")
def captures(tmp_path_factory):
    """Files of every link type: whole frames, and long enough for every expression here to look into them."""
    folder = tmp_path_factory.mktemp("filters")
    stream = random.Random(1)
    chosen = [data for data in stream.sample(FRAMES, 900) if len(data) >= 60]
    frames = [data + bytes(200) for data in [*chosen, *vlans(chosen[:60]), *sixes()]]
    ethernet = judges.write(folder / "ethernet.pcap", frames)
    sll2 = judges.write(folder / "sll2.pcap", [cooked(data, stream) for data in frames], judges.SLL2)
    sll = judges.write(folder / "sll.pcap", [cooked(data, stream, 1) for data in frames], judges.SLL)
    raw = judges.write(folder / "raw.pcap", [data[14:] for data in frames], judges.RAW)
    return [ethernet, sll2, sll, raw]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_every_expression(judge, captures, text):
    for path in captures:
        assert same(judge, path, text, structured=True) != (text in NOT_MODELLED)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_frames_that_end_too_early(judge, tmp_path, text):
    """A load behind the end rejects the packet, even under a ``not``."""
    path = judges.write(tmp_path / "damaged.pcap", damaged(5, 300), snaplen=60)
    same(judge, path, text)


@pytest.mark.parametrize("seed", range(4))
def test_random_expressions(judge, captures, seed):
    stream = random.Random(seed)
    for _ in range(60):
        same(judge, stream.choice(captures), expression(stream), structured=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 24))
def test_random_expressions_at_length(judge, captures, seed):
    """Few of thousands differ: where libpcap's optimizer does not see that nothing can pass, or sees an error in dead code."""
    stream = random.Random(seed)
    wrong = []
    for _ in range(500):
        path, text = stream.choice(captures), expression(stream)
        try:
            same(judge, path, text, structured=True)
        except AssertionError:
            wrong.append(text)
    assert len(wrong) <= 2, wrong


# ------------------------------------------------------------------------------------------------------ without a judge


def refusal(text, link_type=1, **context):
    with pytest.raises(FilterError) as refused:
        Filter(text, Context(link_type, **context))
    return str(refused.value)


def test_words():
    assert refusal("foo") == "can't parse filter expression: syntax error"
    assert refusal("port 99999") == "illegal port number 99999 > 65535"
    assert refusal("tcp and udp") == "expression rejects all packets"
    assert refusal("host nobody") == "unknown host 'nobody'"
    assert refusal("arp", 12) == "expression rejects all packets"


def test_an_image_without_services_knows_no_port_names():
    assert refusal("port http", services=False) == "unknown port 'http'"
    Filter("port http", Context(1))


def test_the_optimizer_is_what_refuses():
    assert not Filter("tcp and udp", Context(1), optimize=False)(Frame(FRAMES[200], 98))


def test_directions_are_known_live_only():
    inbound, outbound = (Filter(word, Context(1, live=True)) for word in ("inbound", "outbound"))
    for packet_type, expected in ((0, True), (1, True), (3, True), (4, False)):
        frame = Frame(FRAMES[200], 98, packet_type=packet_type)
        assert inbound(frame) is expected
        assert outbound(frame) is not expected
    assert refusal("inbound") == "inbound/outbound not supported on Ethernet when reading savefiles"


def test_not_modelled_is_said():
    with pytest.raises(NotModelled, match="filter geneve"):
        Filter("geneve 5", Context(1))


def test_most_filters_make_no_bytes(monkeypatch):
    packet = from_bytes(next(data for data in FRAMES if b"GET / HTTP" in data))
    monkeypatch.setattr("podwire.tools.tcpdump.filter.evaluate.to_bytes", pytest.fail)
    for text in (
        "tcp port 80 and host 10.0.0.1 and not arp",
        "ether host 02:00:00:00:00:0a and dst net 10.0.0.0/8",
        "tcp[tcpflags] & tcp-push != 0 and ip[8] > 3 and not broadcast",
        "udp port 53 or icmp[icmptype] = icmp-echo or tcp[13] = 24",
        "less 5000 and not src port 53",
    ):
        assert Filter(text, Context(1))(Frame(None, 200, packet=packet)), text
