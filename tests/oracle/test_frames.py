"""Comparing frames: what differs from run to run is named, and all else is found."""

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from tests.oracle import frames
from tests.oracle.script import Script

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
PAYLOAD = bytes(range(16, 56))


def echo(ident=77, seq=1, stamp=b"t" * 16, kind=8, number=1000, ttl=64, payload=PAYLOAD):
    (smac, src), (dmac, dst) = ((A, "10.0.0.1"), (B, "10.0.0.2"))[:: 1 if kind else -1]
    ip = Ether(src=smac, dst=dmac) / IP(src=src, dst=dst, id=number, ttl=ttl)
    return ip / ICMP(type=kind, id=ident, seq=seq) / Raw(stamp + payload)


def expired(ident=77, number=1000, inner=0x1234):
    """ICMP time exceeded, with a quote that was cut behind the ICMP header."""
    quote = bytes(IP(src="10.0.0.1", dst="10.9.0.1", id=number, ttl=1) / ICMP(id=ident) / Raw(b"x" * 56))[:28]
    return Ether(src=B, dst=A) / IP(src="10.0.0.2", dst="10.0.0.1", id=inner) / ICMP(type=11) / Raw(quote)


def question(mac=A):
    return Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=mac, psrc="10.0.0.1", pdst="10.0.0.2")


def datagram(sport=40000, dport=53, data=b"hello"):
    return Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.0.0.2", id=5) / UDP(sport=sport, dport=dport) / Raw(data)


def pings(first=77, number=1000, stamp=b"t" * 16):
    """Two pings of two packets."""
    return [
        echo(ident, seq, stamp, kind, number + 10 * ident + seq)
        for ident in (first, first + 4)
        for seq in (1, 2)
        for kind in (8, 0)
    ]


@pytest.fixture
def compared(tmp_path):
    """(frames, difference) of a device with these frames in two worlds."""

    def run(real, ours, *header):
        script = tmp_path / "some.sh"
        script.write_text("\n".join(["# title", "# area: arp", *header, f"pair a v0 {A} b v1 {B}", ""]), "utf-8")
        for name, packets in (("real", real), ("ours", ours)):
            directory = tmp_path / name
            directory.mkdir(exist_ok=True)
            write(directory, "a.v0.1", packets)
        return frames.difference(Script(script), tmp_path / "real", tmp_path / "ours")

    return run


def write(directory: Path, name, packets, log="tcpdump: listening on v0\n0 packets dropped by kernel\n"):
    directory.joinpath(f"{name}.log").write_text(log, encoding="utf-8")
    wrpcap(str(directory / f"{name}.pcap"), [Ether(bytes(packet)) for packet in packets], linktype=1)


def test_the_same(compared):
    real = [question(), *pings(), expired(), datagram()]
    ours = [question(), *pings(1001, 3, b"s" * 16), expired(1001, 9, 7), datagram(50000)]
    assert compared(real, ours) == (len(real), "")


@pytest.mark.parametrize(
    ("real", "ours"),
    [
        (echo(), echo(ttl=63)),
        (echo(), echo(seq=2)),
        (echo(), echo(payload=PAYLOAD[:-1])),
        (echo(), echo(payload=PAYLOAD[:-1] + b"!")),
        (echo(), echo(kind=0)),
        (echo(), echo(number=0)),
        (echo(stamp=b""), echo(stamp=b"", payload=PAYLOAD[:20] + b"!" + PAYLOAD[21:])),
        (question(), question("02:00:00:00:00:0c")),
        (question(), question() / Raw(b"\0" * 18)),
        (datagram(), datagram(dport=54)),
        (datagram(dport=53), datagram(dport=33434)),
        (expired(), expired(number=0)),
    ],
)
def test_a_difference(compared, real, ours):
    assert compared([real], [real])[1] == ""
    assert compared([real], [ours])[1] != ""


def test_one_more_or_one_less_or_another_order(compared):
    assert compared(pings(), pings()[:-1])[1]
    assert compared(pings(), [*pings(), question()])[1]
    assert compared([question(), datagram()], [datagram(), question()])[1]


def test_a_wrong_checksum(compared):
    for layer in (IP, ICMP):
        wrong = Ether(bytes(echo()))
        wrong[layer].chksum ^= 1
        assert "chksum=WRONG" in compared([echo()], [wrong])[1]
    wrong = Ether(bytes(datagram()))
    wrong[UDP].chksum ^= 1
    assert "chksum=WRONG" in compared([datagram()], [wrong])[1]


def test_equal_values_stay_equal(compared):
    """The id of a reply is that of its request; its time, too; the id of an IP packet is that of its quote."""
    other = [echo(), echo(kind=0, ident=78)]
    assert compared([echo(), echo(kind=0)], other)[1]
    assert compared([echo(), echo(kind=0)], [echo(), echo(kind=0, stamp=b"u" * 16)])[1]
    sent = Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.9.0.1", id=1000, ttl=1) / ICMP(id=77)
    again = Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.9.0.1", id=1001, ttl=1) / ICMP(id=77)
    assert compared([sent, expired()], [again, expired(number=1001)])[1] == ""
    assert compared([sent, expired()], [again, expired()])[1]
    two = pings(77), pings(77)
    for packet in two[1][4:]:
        packet[ICMP].id = 77
        del packet[ICMP].chksum
    assert compared(*two)[1]


def test_requests_of_one_instant(compared):
    """Virtual time stands still while a burst leaves; the clock of the real kernel does not."""
    apart = [echo(seq=seq, stamp=bytes([seq]) * 16) for seq in (1, 2, 3)]
    at_once = [echo(seq=seq) for seq in (1, 2, 3)]
    assert compared(apart, at_once)[1] == ""


def test_in_any_order(compared):
    header = "# frames: set — a timer is random"
    one, other = [question(), *pings()], [*pings(200, 7), question()]
    assert compared(one, other)[1]
    assert compared(one, other, header)[1] == ""
    assert compared(one, [*other, question()], header)[1]
    assert compared(one, [*pings(200)[:-1], question(), question()], header)[1]


def test_fragments(compared):
    def parts(ident, stamp, data):
        whole = bytes(ICMP(id=ident) / Raw(stamp + data))
        return [
            Ether(src=A, dst=B)
            / IP(src="10.0.0.1", dst="10.0.0.2", proto=1, id=ident, flags=flags, frag=at)
            / Raw(data)
            for flags, at, data in (("MF", 0, whole[:64]), ("", 8, whole[64:]))
        ]

    data = bytes(100)
    assert compared(parts(1, b"t" * 16, data), parts(2, b"u" * 16, data))[1] == ""
    assert compared(parts(1, b"t" * 16, data), parts(2, b"u" * 16, data[:-1] + b"!"))[1]
    assert compared(parts(1, b"t" * 16, data), parts(2, b"u" * 16, b"!" + data[1:]))[1]


def test_devices(tmp_path):
    script = tmp_path / "some.sh"
    script.write_text("# area: arp\n", encoding="utf-8")
    for name in ("real", "ours"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "a.v0.1", [echo()])
        write(tmp_path / name, "a.v0.2", [echo(seq=2)])  # down and up again
    both = (Script(script), tmp_path / "real", tmp_path / "ours")
    assert frames.difference(*both) == (2, "")
    assert list(frames.captured(tmp_path / "real")) == ["a.v0"]
    write(tmp_path / "real", "b.v.1.1", [])
    assert frames.difference(*both) == (2, "b.v.1 came up in one world only: real")


@pytest.mark.parametrize("log", ["", "tcpdump: v0: No such device\n", "listening on v0\n3 packets dropped by kernel\n"])
def test_a_capture_that_proves_nothing(tmp_path, log):
    write(tmp_path, "a.v0.1", [echo()], log)
    with pytest.raises(frames.Lost):
        frames.captured(tmp_path)
