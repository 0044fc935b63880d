"""Translation of sources: flows, answers, errors, fragments, and checksums that packets carry."""

from hypothesis import given
from hypothesis import strategies as st

from podwire.fabric.flows import IDLE, Change, flow_of, ports_of, translated
from podwire.fabric.nat import NatTable
from podwire.fabric.network import Network
from podwire.wire.addr import Ip4
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import AnyHeader, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted

OUTSIDE, SERVER, OTHER = Ip4.parse("198.51.100.1"), Ip4.parse("203.0.113.7"), Ip4.parse("203.0.113.8")
A, B = Ip4.parse("10.0.2.15"), Ip4.parse("10.0.2.16")


def table() -> tuple[Network, NatTable[str]]:
    network = Network()
    return network, NatTable(network, OUTSIDE)


def udp(src: Ip4, sport: int, dst: Ip4, dport: int) -> Packet:
    return Packet((IPv4(src, dst, 17), Udp(sport, dport)), b"x")


def echo(src: Ip4, dst: Ip4, ident: int, kind: int = 8) -> Packet:
    return Packet((IPv4(src, dst, 1), Icmp(kind, 0, ident << 16 | 1)), bytes(8))


def test_a_free_port_is_kept_and_one_in_use_is_not() -> None:
    _, nat = table()
    first, second = nat.outbound("a", udp(A, 5000, SERVER, 53)), nat.outbound("b", udp(A, 5000, SERVER, 53))
    elsewhere = nat.outbound("b", udp(A, 5000, OTHER, 53))
    assert first is not None
    assert second is not None
    assert elsewhere is not None
    assert flow_of(first) == (17, OUTSIDE, SERVER, 5000, 53)
    assert flow_of(second) == (17, OUTSIDE, SERVER, 1024, 53)
    assert flow_of(elsewhere) == (17, OUTSIDE, OTHER, 5000, 53)
    assert nat.outbound("b", udp(A, 5000, SERVER, 53)) == second


def test_answers_go_to_the_machine_that_asked_and_to_nobody_else() -> None:
    _, nat = table()
    nat.outbound("a", udp(A, 5000, SERVER, 53))
    nat.outbound("b", udp(B, 5000, SERVER, 53))
    assert nat.inbound(udp(SERVER, 53, OUTSIDE, 5000)) == ("a", udp(SERVER, 53, A, 5000))
    assert nat.inbound(udp(SERVER, 53, OUTSIDE, 1024)) == ("b", udp(SERVER, 53, B, 5000))
    assert nat.inbound(udp(SERVER, 54, OUTSIDE, 5000)) is None
    assert nat.inbound(udp(OTHER, 53, OUTSIDE, 5000)) is None
    assert nat.inbound(Packet((IPv4(SERVER, OUTSIDE, 6), Tcp(53, 5000)))) is None


def test_echo_is_told_apart_by_its_identifier_and_a_request_is_no_answer() -> None:
    _, nat = table()
    assert nat.outbound("a", echo(A, SERVER, 7)) == echo(OUTSIDE, SERVER, 7)
    assert nat.outbound("b", echo(B, SERVER, 7)) == echo(OUTSIDE, SERVER, 1024)
    assert nat.inbound(echo(SERVER, OUTSIDE, 7, 0)) == ("a", echo(SERVER, A, 7, 0))
    assert nat.inbound(echo(SERVER, OUTSIDE, 1024, 0)) == ("b", echo(SERVER, B, 7, 0))
    assert nat.inbound(echo(SERVER, OUTSIDE, 7)) is None
    assert nat.outbound("a", echo(A, OTHER, 9, 0)) is None


def test_a_flow_is_forgotten_after_ten_minutes_of_silence() -> None:
    network, nat = table()
    nat.outbound("a", udp(A, 5000, SERVER, 53))
    network.sleep(IDLE - 1)
    assert nat.inbound(udp(SERVER, 53, OUTSIDE, 5000)) is not None
    network.sleep(IDLE)
    assert nat.inbound(udp(SERVER, 53, OUTSIDE, 5000)) is not None
    network.sleep(IDLE + 1)
    assert nat.inbound(udp(SERVER, 53, OUTSIDE, 5000)) is None
    # The port is free again.
    again = nat.outbound("b", udp(B, 5000, SERVER, 53))
    assert again is not None
    assert flow_of(again) == (17, OUTSIDE, SERVER, 5000, 53)


def _error(src: Ip4, dst: Ip4, about: Packet) -> Packet:
    return Packet((IPv4(src, dst, 1), Icmp(3, 3)), Quoted(about, about.size))


def test_an_error_is_translated_with_what_it_quotes() -> None:
    _, nat = table()
    nat.outbound("b", udp(B, 5000, SERVER, 53))
    sent = nat.outbound("a", udp(A, 5000, SERVER, 53))
    assert sent is not None
    assert nat.inbound(_error(OTHER, OUTSIDE, sent)) == ("a", _error(OTHER, A, udp(A, 5000, SERVER, 53)))
    # And an error of the machine about an answer.
    answer = udp(SERVER, 53, OUTSIDE, 1024)
    assert nat.outbound("a", _error(A, SERVER, udp(SERVER, 53, A, 5000))) == _error(OUTSIDE, SERVER, answer)
    # About what nobody sent.
    assert nat.inbound(_error(OTHER, OUTSIDE, udp(OUTSIDE, 9, SERVER, 53))) is None
    assert nat.outbound("a", _error(A, SERVER, udp(SERVER, 9, A, 5000))) is None
    nat.outbound("a", echo(A, SERVER, 7))
    assert nat.inbound(_error(OTHER, OUTSIDE, echo(OUTSIDE, SERVER, 7))) == ("a", _error(OTHER, A, echo(A, SERVER, 7)))


def _pieces(packet: Packet) -> list[Packet]:
    """A datagram in two."""
    data = to_bytes(packet)
    ip = packet.layers[0]
    assert isinstance(ip, IPv4)
    first = to_bytes(Packet((IPv4(ip.src, ip.dst, ip.proto, id=9, mf=True),), data[20:44]))
    second = to_bytes(Packet((IPv4(ip.src, ip.dst, ip.proto, id=9, frag=3),), data[44:]))
    return [from_bytes(first, IPv4), from_bytes(second, IPv4)]


def test_later_fragments_follow_the_first_both_ways_and_the_checksum_stays_right() -> None:
    _, nat = table()
    nat.outbound("b", udp(B, 5000, SERVER, 53))
    whole = Packet((IPv4(A, SERVER, 17, id=9), Udp(5000, 53)), bytes(range(60)))
    out = [nat.outbound("a", piece) for piece in _pieces(whole)]
    assert all(out)
    payload = b"".join(to_bytes(piece)[20:] for piece in out if piece is not None)
    header = to_bytes(Packet((IPv4(OUTSIDE, SERVER, 17, id=9),), payload))
    # Joined, it is what the gateway would have made of the whole: the codec keeps no checksum that is right.
    assert from_bytes(header, IPv4) == Packet((IPv4(OUTSIDE, SERVER, 17, id=9), Udp(1024, 53)), bytes(range(60)))
    back = Packet((IPv4(SERVER, OUTSIDE, 17, id=9), Udp(53, 1024)), bytes(60))
    found = [nat.inbound(piece) for piece in _pieces(back)]
    assert [each[0] if each else None for each in found] == ["a", "a"]
    late = _pieces(whole)[1]
    assert nat.outbound("a", late) is None


_PORT = st.integers(0, 65535)
_IP = st.integers(1, 0xFFFFFFFE).map(Ip4)


@given(_IP, _IP, _PORT, _PORT, _IP, _PORT, st.sampled_from(("udp", "tcp", "icmp")), st.binary(max_size=9))
def test_a_checksum_that_a_packet_carries_is_corrected_as_it_would_be_computed(
    src: Ip4, dst: Ip4, sport: int, dport: int, new: Ip4, port: int, kind: str, payload: bytes
) -> None:
    """RFC 1624: the difference is added; a packet whose sums were right stays right, one whose were wrong stays wrong."""
    headers: dict[str, AnyHeader] = {
        "udp": Udp(sport, dport),
        "tcp": Tcp(sport, dport),
        "icmp": Icmp(8, 0, sport << 16),
    }
    header, proto = headers[kind], {"udp": 17, "tcp": 6, "icmp": 1}[kind]
    data = bytearray(to_bytes(Packet((IPv4(src, dst, proto), header), payload)))
    for broken in (False, True):
        if broken:
            data[-1 if payload else 20] ^= 0x01
        packet = from_bytes(bytes(data), IPv4)
        changed = translated(packet, source=Change(new, port))
        again = from_bytes(to_bytes(changed), IPv4)
        sums = [getattr(layer, "checksum", None) for layer in again.layers]
        assert (sums == [None, None]) is not broken


def test_a_udp_checksum_of_zero_means_none_and_stays() -> None:
    packet = Packet((IPv4(A, SERVER, 17), Udp(1, 2, checksum=0)), b"x")
    changed = translated(packet, source=Change(B, 9))
    assert changed == Packet((IPv4(B, SERVER, 17), Udp(9, 2, checksum=0)), b"x")


def test_a_udp_checksum_that_becomes_zero_is_sent_as_ffff() -> None:
    """RFC 768: zero would say that there is none."""
    sums = [
        layer.checksum
        for port in range(1 << 16)
        if isinstance(
            layer := translated(Packet((IPv4(A, B, 17), Udp(1, 2, checksum=7))), source=Change(A, port)).layers[1], Udp
        )
    ]
    assert 0 not in sums
    assert 0xFFFF in sums


def test_ports_of_a_quotation_that_is_cut_short_and_of_other_protocols() -> None:
    assert ports_of(Packet((IPv4(A, B, 6),), bytes((0, 80, 1, 0, 9, 9, 9, 9))), 0) == (80, 256)
    assert ports_of(Packet((IPv4(A, B, 6),), bytes(3)), 0) is None
    assert ports_of(Packet((IPv4(A, B, 47),), bytes(8)), 0) is None
    assert ports_of(Packet((IPv4(A, B, 17, frag=1),), bytes(8)), 0) is None
    assert flow_of(Packet((IPv4(A, B, 47),), bytes(8))) == (47, A, B, 0, 0)
    assert flow_of(Packet(())) is None
