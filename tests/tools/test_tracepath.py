"""tracepath beyond the records: names, answers, damaged and short quotes, ports, what a program hears."""

import struct
from errno import ECONNREFUSED, EHOSTUNREACH, EINVAL, EPROTO

import pytest

from podwire.errors import NotModelled
from podwire.linux.socket import SocketError, UdpSocket
from podwire.wire.addr import Ip4
from podwire.wire.codec import to_bytes
from podwire.wire.headers import IPPROTO_UDP, Icmp, IPv4, Udp
from podwire.wire.packet import Packet

A, B = Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2")
BASE = 44444


def parts(packet):
    """Its headers, which are those of IP and UDP."""
    header, udp = packet.layers
    assert isinstance(header, IPv4)
    assert isinstance(udp, Udp)
    return header, udp


def answering(lab, answer):
    """``b`` answers each datagram to the first ports by what ``answer(packet)`` gives: an ICMP header, whom it quotes; or None."""
    sockets: list[UdpSocket] = []

    def take():
        for socket in sockets:
            while socket.inbox:
                packet = socket.inbox.popleft().packet
                made = answer(packet)
                if made is None:
                    socket.send_to(A, parts(packet)[1].sport, b"hello")
                else:
                    icmp, about = made
                    raw = UdpSocket(lab.b.netns, 0, lambda: None)
                    raw.protocol = 1
                    raw.send(A, icmp, to_bytes(about))
                    raw.close()

    sockets += [UdpSocket(lab.b.netns, port, take) for port in range(BASE, BASE + 4)]
    return sockets


def as_sent(packet, data=None):
    """The datagram as it left, with other data behind the UDP header."""
    header, udp = parts(packet)
    return Packet(
        (IPv4(header.src, header.dst, IPPROTO_UDP, 1, df=True), Udp(udp.sport, udp.dport)),
        packet.payload if data is None else data,
    )


def test_a_program_that_answers(lab):
    answering(lab, lambda _: None)
    out, _, status = lab.said("tracepath -n -l 100 10.0.0.2")
    assert (out, status) == (" 1?: reply received 8)\n     Resume: pmtu 100 \n", 0)


def test_short_quotes_are_recognised_by_their_port(lab):
    answering(lab, lambda packet: (Icmp(11, 0, 0), as_sent(packet, bytes(8))))
    out, _, _ = lab.said("tracepath -n -m 2 -l 100 10.0.0.2")
    lines = out.splitlines()
    assert [line[:4] for line in lines[:2]] == [" 1: ", " 2: "]
    assert all("ms" in line for line in lines[:2])
    assert lines[1].endswith("asymm  1 ")


def test_a_quote_of_another_port_is_nobodys(lab):
    def other(packet):
        header, udp = parts(packet)
        about = Packet((IPv4(header.src, header.dst, IPPROTO_UDP, 1), Udp(udp.sport, 99)), bytes(8))
        return Icmp(11, 0, 0), about

    answering(lab, other)
    out, _, _ = lab.said("tracepath -n -m 1 -l 100 10.0.0.2")
    assert out.splitlines()[0] == f" 1?: {'10.0.0.2':<52}"


@pytest.mark.parametrize("head", [struct.pack("<I4xqq", 0, 5, 5), struct.pack("<I4xqq", 1, 0, 5)])
def test_a_router_that_damages_what_it_quotes(lab, head):
    answering(lab, lambda packet: (Icmp(11, 0, 0), as_sent(packet, head)))
    out, _, _ = lab.said("tracepath -n -m 1 -l 100 10.0.0.2")
    assert "(This broken router returned corrupted payload) \n" in out


@pytest.mark.parametrize(
    ("icmp", "words", "complaint"),
    [
        (Icmp(3, 1, 0), "!H", ""),
        (Icmp(3, 13, 0), "!H", ""),
        (Icmp(11, 1, 0), "!H", ""),
        (Icmp(3, 0, 0), "!N", ""),
        (Icmp(12, 0, 0), "!P", ""),
        (Icmp(3, 3, 0), "reached", ""),
        (Icmp(3, 2, 0), "", "tracepath: NET ERROR: Protocol not available\n"),
        (Icmp(3, 5, 0), "", "tracepath: NET ERROR: Operation not supported\n"),
    ],
)
def test_errors_that_end_it(lab, icmp, words, complaint):
    answering(lab, lambda packet: (icmp, as_sent(packet)))
    out, err, status = lab.said("tracepath -n -l 100 10.0.0.2")
    lines = out.splitlines()
    assert lines[0].split("ms ", 1)[1] == words
    assert lines[1].startswith("     Resume: pmtu 100")
    assert (err, status) == (complaint, 0)


def test_a_path_mtu_that_is_told(lab):
    answering(lab, lambda packet: (Icmp(3, 4, 600) if packet.size > 600 else Icmp(3, 3, 0), as_sent(packet)))
    out, _, _ = lab.said("tracepath -n -l 1000 10.0.0.2")
    assert [line.split("ms ")[-1] for line in out.splitlines()] == [
        "pmtu 600",
        "reached",
        "     Resume: pmtu 600 hops 1 back 1 ",
    ]


@pytest.mark.parametrize(("ttl", "back"), [(64, 1), (63, 2), (1, 64), (128, 1), (65, 64), (255, 1), (129, 127)])
def test_the_way_back_by_the_ttl_of_the_answer(lab, ttl, back):
    lab.run(["sysctl", "-qw", f"net.ipv4.ip_default_ttl={ttl}"], lab.b)
    out, _, _ = lab.said("tracepath -n -l 100 10.0.0.2")
    assert out.splitlines()[-1] == f"     Resume: pmtu 100 hops 1 back {back} "


def test_names(lab):
    lab.a.files["/etc/hosts"] = "10.0.0.2 " + "b" * 50 + "\n"
    out, _, _ = lab.said("tracepath -l 100 " + "b" * 50)
    assert out.startswith(f" 1:  {'b' * 50}    0.0")
    out, _, _ = lab.said("tracepath -b -l 100 10.0.0.2")
    assert out.startswith(f" 1:  {'b' * 50} (10.0.0.2)   0.0"), "a name that is too long pushes the times away"


def test_an_address_without_a_name_where_there_is_dns(lab):
    lab.a.files["/etc/resolv.conf"] = "nameserver 10.9.9.9\n"
    out, _, _ = lab.said("tracepath -l 100 10.0.0.2")
    assert out.startswith(f" 1:  {'10.0.0.2':<52}  0.0")


@pytest.mark.parametrize("words", ["-6 somewhere", "2001:db8::1", "::1"])
def test_ipv6_is_not_modelled(lab, words):
    with pytest.raises(NotModelled, match=r"IPv6|option -6"):
        lab.begin(f"tracepath {words}")


def test_behind_the_last_port_comes_0_which_cannot_be_sent_to(lab):
    sockets = answering(lab, lambda packet: (Icmp(11, 0, 0), as_sent(packet)))
    sockets.append(UdpSocket(lab.b.netns, 65535, sockets[0].wake))
    out, _, _ = lab.said("tracepath -n -p 65535 -l 100 10.0.0.2")
    assert [line[:4] for line in out.splitlines()[:2]] == [" 1: ", " 2: "]
    assert out.splitlines()[1:] == [" 2:  send failed", "     Resume: pmtu 100 "]


# -- what it asks of a UDP socket ---------------------------------------------------------------------------------


def errno_of(socket):
    """Of the oldest error in the queue."""
    report = socket.take_error()
    assert report is not None
    return report.errno


def closed(lab, socket, port):
    socket.send_to(B, port, b"x")
    lab.network.sleep(10_000_000)


def test_with_recverr_the_next_call_fails_with_the_error_and_the_queue_has_it(lab):
    socket = UdpSocket(lab.a.netns, 0, lambda: None)
    socket.recverr = True
    closed(lab, socket, 9)
    with pytest.raises(SocketError) as refused:
        socket.send_to(B, 9, b"y")
    assert refused.value.errno == ECONNREFUSED
    closed(lab, socket, 9)  # the error was told, so this one is sent
    assert [errno_of(socket), errno_of(socket)] == [ECONNREFUSED, ECONNREFUSED]
    assert socket.take_error() is None


def test_reading_the_queue_clears_the_error_or_leaves_the_next_one(lab):
    socket = UdpSocket(lab.a.netns, 0, lambda: None)
    socket.recverr = True
    closed(lab, socket, 9)
    first = socket.errors[0]
    for errno in (EHOSTUNREACH, EPROTO):
        socket.report(type(first)(0, errno, first.icmp, B, first.quoted))
    assert (socket.pending_error, errno_of(socket)) == (EPROTO, ECONNREFUSED)
    assert (socket.pending_error, errno_of(socket)) == (EHOSTUNREACH, EHOSTUNREACH)
    assert (socket.pending_error, errno_of(socket), socket.pending_error) == (EPROTO, EPROTO, 0)


def test_a_datagram_to_port_0_is_refused(lab):
    with pytest.raises(SocketError) as refused:
        UdpSocket(lab.a.netns, 0, lambda: None).send_to(B, 0, b"x")
    assert refused.value.errno == EINVAL
