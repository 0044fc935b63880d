"""The pcap writer and reader against each other, and against the tcpdump of this machine."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.errors import NotModelled, PodwireError
from podwire.export.pcap import (
    ARPHRD_ETHER,
    ARPHRD_LOOPBACK,
    ARPHRD_TUNNEL,
    ETHERNET,
    LINUX_SLL2,
    RAW,
    Captured,
    CaptureError,
    PcapReader,
    PcapWriter,
    Sll2,
    cooked,
    sll2,
)
from podwire.wire.addr import Mac
from tests.wire.frames import FRAMES, MAC1
from tests.wire.strategies import FUZZ

PING = bytes.fromhex(FRAMES["echo request"][0])
ARP = bytes.fromhex(FRAMES["ARP request"][0])
TIME = 1_790_962_799_685_402_123


def capture(*packets: tuple[int, bytes], linktype: int = ETHERNET, snaplen: int = 262144, nano: bool = False) -> bytes:
    stream = io.BytesIO()
    writer = PcapWriter(stream, linktype, snaplen=snaplen, nano=nano)
    for time, data in packets:
        writer.packet(time, data)
    return stream.getvalue()


def read(data: bytes) -> list[Captured]:
    return list(PcapReader(io.BytesIO(data)))


def test_a_file_as_tcpdump_writes_it():
    # The beginning of a capture of tcpdump 4.99.3 on a veth.
    assert capture((1_073_736_511_685_402_000, ARP)).hex() == (
        "d4c3b2a1020004000000000000000000000004000100000" + "03febff3f5a750a002a0000002a000000" + ARP.hex()
    )


def test_what_a_file_has_unless_told_otherwise():
    stream = io.BytesIO()
    PcapWriter(stream)
    assert stream.getvalue() == capture(linktype=ETHERNET, snaplen=262144, nano=False)


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, 2**32 * 10**9 - 1), st.binary(max_size=40))),
    st.sampled_from([ETHERNET, RAW, LINUX_SLL2]),
    st.booleans(),
    st.integers(1, 50),
)
def test_what_is_written_is_read(packets: list[tuple[int, bytes]], linktype: int, nano: bool, snaplen: int):
    data = capture(*packets, linktype=linktype, snaplen=snaplen, nano=nano)
    reader = PcapReader(io.BytesIO(data))
    assert (reader.linktype, reader.snaplen) == (linktype, snaplen)
    unit = 1 if nano else 1000
    assert list(reader) == [Captured(time // unit * unit, packet[:snaplen], len(packet)) for time, packet in packets]


def test_a_packet_of_which_only_the_beginning_is_there():
    stream = io.BytesIO()
    writer = PcapWriter(stream, snaplen=20)
    writer.packet(TIME, PING[:30], len(PING))
    writer.packet(TIME, b"", 5)
    assert [(packet.data, packet.length) for packet in read(stream.getvalue())] == [(PING[:20], len(PING)), (b"", 5)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 123456), (0xA1B23C4D, 123456000)])
def test_both_byte_orders(order, magic, fraction):
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, LINUX_SLL2 | 0xF4000000)
    data += struct.pack(f"{order}IIII", 7, fraction, 3, 99) + b"abc"
    reader = PcapReader(io.BytesIO(data))
    assert (reader.linktype, reader.snaplen) == (LINUX_SLL2, 65535)
    assert list(reader) == [Captured(7_123_456_000, b"abc", 99)]


@pytest.mark.parametrize("time", [-1, 2**32 * 10**9])
def test_a_time_that_a_file_cannot_hold(time):
    with pytest.raises(CaptureError, match="32 bits of seconds"):
        capture((time, b""))
    assert issubclass(CaptureError, PodwireError)


# --------------------------------------------------------------------------------------------------------- damaged files

GOOD = capture((TIME, ARP), (TIME + 1000, PING))


def changed(at: int, new: bytes) -> bytes:
    return GOOD[:at] + new + GOOD[at + len(new) :]


DAMAGED = {
    "nothing": (b"", "truncated dump file; tried to read 4 file header bytes, only got 0"),
    "less than a magic number": (GOOD[:3], "truncated dump file; tried to read 4 file header bytes, only got 3"),
    "less than a header": (GOOD[:10], "truncated dump file; tried to read 24 file header bytes, only got 6"),
    "text": (b"this is no capture file, is it?", "unknown file format"),
    "short text": (b"hello", "unknown file format"),
    "version 1": (changed(4, b"\1"), "archaic pcap savefile format"),
    "version 3": (changed(4, b"\3"), "unsupported pcap savefile version 3.4"),
    "version 2.5": (changed(6, b"\5"), "unsupported pcap savefile version 2.5"),
    "half a record header": (GOOD[:30], "truncated dump file; tried to read 16 header bytes, only got 6"),
    "half a packet": (GOOD[:60], "truncated dump file; tried to read 42 captured bytes, only got 20"),
    "no second packet": (GOOD[:98], "truncated dump file; tried to read 98 captured bytes, only got 0"),
    "too long": (
        changed(32, struct.pack("<I", 300_000)),
        "invalid packet capture length 300000, bigger than snaplen of 262144",
    ),
    "longer than libpcap reads": (
        changed(16, struct.pack("<I", 500_000))[:32] + struct.pack("<I", 262_145) + GOOD[36:],
        "invalid packet capture length 262145, bigger than maximum of 262144",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file(name):
    data, message = DAMAGED[name]
    with pytest.raises(CaptureError) as caught:
        read(data)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", DAMAGED)
def test_libpcap_says_the_same(name, need_tool, tmp_path: Path):
    data, message = DAMAGED[name]
    path = tmp_path / "damaged"
    path.write_bytes(data)
    done = subprocess.run([need_tool("tcpdump"), "-nnr", path], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.removeprefix("tcpdump: ").removeprefix("pcap_loop: ") == message


def test_the_packets_before_the_damage_are_given():
    packets = iter(PcapReader(io.BytesIO(GOOD[:-1])))
    assert next(packets).data == ARP
    with pytest.raises(CaptureError, match="tried to read 98 captured bytes, only got 97"):
        next(packets)


def test_a_packet_of_the_longest_length():
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 3, 0, 0, 0, 1) + struct.pack("<IIII", 0, 0, 262144, 262144)
    assert read(data + bytes(262144)) == [Captured(0, bytes(262144), 262144)]


def test_bytes_behind_the_snap_length_are_cut():
    # As libpcap does it for files whose header promises less than it holds.
    short = changed(16, struct.pack("<I", 20))
    assert [packet.data for packet in read(short)] == [ARP[:20], PING[:20]]


def test_pcapng_is_not_read():
    with pytest.raises(NotModelled, match="a capture file: not modelled: reading pcapng"):
        PcapReader(io.BytesIO(b"\x0a\x0d\x0d\x0a" + bytes(100)))


# -------------------------------------------------------------------------------------------------------------- tcpdump


def tcpdump(tool: str, path: Path, *options: str) -> list[str]:
    done = subprocess.run([tool, "-nn", *options, "-r", path], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(("nano", "fraction"), [(False, "685402"), (True, "685402123")])
def test_tcpdump_reads_it(nano, fraction, need_tool, tmp_path: Path):
    path = tmp_path / "x.pcap"
    path.write_bytes(capture((TIME, ARP), (TIME, PING), nano=nano))
    precision = ["--time-stamp-precision=nano"] if nano else []
    assert tcpdump(need_tool("tcpdump"), path, "-tt", *precision) == [
        f"1790962799.{fraction} ARP, Request who-has 10.9.0.2 tell 10.9.0.1, length 28",
        f"1790962799.{fraction} IP 10.9.0.1 > 10.9.0.2: ICMP echo request, id 1971, seq 1, length 64",
    ]


def test_tcpdump_reads_raw_ip(need_tool, tmp_path: Path):
    path = tmp_path / "x.pcap"
    path.write_bytes(capture((TIME, PING[14:]), linktype=RAW))
    line = "IP 10.9.0.1 > 10.9.0.2: ICMP echo request, id 1971, seq 1, length 64"
    assert tcpdump(need_tool("tcpdump"), path, "-t") == [line]


def test_tcpdump_reads_what_any_saw(need_tool, tmp_path: Path):
    path = tmp_path / "x.pcap"
    packets = [
        (TIME, cooked(ARP, 2, ARPHRD_ETHER, 4)),
        (TIME, cooked(PING, 3, ARPHRD_ETHER, 0)),
        (TIME, sll2(0x0800, 1, ARPHRD_LOOPBACK, 0, Mac(0)) + PING[14:]),
        (TIME, Sll2(0x0800, 7, ARPHRD_TUNNEL, 3, b"\x0a\0\0\1").to_bytes() + PING[14:]),
    ]
    path.write_bytes(capture(*packets, linktype=LINUX_SLL2))
    echo = "10.9.0.1 > 10.9.0.2: ICMP echo request, id 1971, seq 1, length 64"
    lines = [line.split(maxsplit=3)[2:] for line in tcpdump(need_tool("tcpdump"), path, "-tt", "-e")]
    assert lines == [
        [
            "Out",
            "ifindex 2 02:00:00:00:00:01 ethertype ARP (0x0806), length 48: Request who-has 10.9.0.2 tell 10.9.0.1, length 28",
        ],
        ["In", f"ifindex 3 02:00:00:00:00:01 ethertype IPv4 (0x0800), length 104: {echo}"],
        ["In", f"ifindex 1 00:00:00:00:00:00 ethertype IPv4 (0x0800), length 104: {echo}"],
        ["P", f"ifindex 7 ethertype IPv4 (0x0800), length 104: {echo}"],
    ]


# ---------------------------------------------------------------------------------------------------------------- cooked


def test_a_cooked_frame_of_tcpdump():
    # From a capture of tcpdump 4.99.3 on any.
    header = bytes.fromhex("0806000000000002000104060200000000010000")
    assert cooked(ARP, 2, ARPHRD_ETHER, 4) == header + ARP[14:]
    assert sll2(0x0806, 2, ARPHRD_ETHER, 4, MAC1) == header
    assert Sll2.from_bytes(header + b"more") == Sll2(0x0806, 2, 1, 4, MAC1.to_bytes(6))


def test_the_types_of_devices():
    # include/uapi/linux/if_arp.h
    assert Sll2(0x0800, 1, ARPHRD_LOOPBACK, 0).to_bytes().hex() == "080000000000000103040006" + "00" * 8
    assert (
        Sll2(0x0800, 5, ARPHRD_TUNNEL, 4, b"\x0a\0\0\1").to_bytes().hex() == "0800000000000005030004040a00000100000000"
    )


@pytest.mark.parametrize("size", [0, 4, 6, 8])
def test_a_cooked_header_is_read(size):
    header = Sll2(0x0800, 2**32 - 1, 65534, 3, bytes(range(1, size + 1)))
    assert Sll2.from_bytes(header.to_bytes()) == header
    assert len(header.to_bytes()) == 20


def test_what_is_no_cooked_header():
    with pytest.raises(CaptureError, match="a cooked header has 20 bytes, got 19"):
        Sll2.from_bytes(bytes(19))
    with pytest.raises(CaptureError, match="no cooked header for Sll2"):
        Sll2(65536, 1, 1, 0).to_bytes()
    with pytest.raises(CaptureError, match="14 bytes, got 13"):
        cooked(ARP[:13], 1, 1, 0)
    assert cooked(ARP[:14], 1, 1, 0) == Sll2(0x0806, 1, 1, 0, ARP[6:12]).to_bytes()
