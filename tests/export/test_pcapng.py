"""The pcapng writer, read back by tshark and by python-pcapng: neither shares a line with it."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import timeit
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket, InterfaceDescription, NameResolution, SectionHeader

from podwire.export.pcap import ETHERNET, RAW, CaptureError
from podwire.export.pcapng import PcapngWriter
from podwire.wire.addr import Ip4, Ip6
from tests.wire.frames import FRAMES, IP1, IP2
from tests.wire.strategies import FUZZ

# python-pcapng warns of its own table of options.
pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")

PING = bytes.fromhex(FRAMES["echo request"][0])
TIME = 1_790_962_799_685_402_123


def blocks(data: bytes) -> list[Any]:
    return list(FileScanner(io.BytesIO(data)))


def raw_blocks(data: bytes) -> list[tuple[int, bytes]]:
    """Kind and body of each block; fails where the two lengths of a block differ or are no multiple of 4."""
    found, at = [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, at + size - 4) == (size,)
        found.append((kind, data[at + 8 : at + size - 4]))
        at += size
    return found


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def tshark(need_tool, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """The fields of every packet as tshark sees them, each a list of texts."""
    program = need_tool("tshark")

    def run(data: bytes, *options: str) -> list[dict[str, Any]]:
        path = tmp_path / "x.pcapng"
        path.write_bytes(data)
        # One of the frames goes to the port of mDNS and carries something else.
        command = [program, "-r", path, "--disable-protocol", "mdns", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]

    return run


def fields(*names: str) -> list[str]:
    return ["-T", "json", *(part for name in (*names, "_ws.malformed") for part in ("-e", name))]


# ------------------------------------------------------------------------------------------------------------ the bytes


def test_an_empty_section(stream):
    PcapngWriter(stream)
    data = stream.getvalue()
    assert data[:28] == bytes.fromhex("0a0d0d0a 2c000000 4d3c2b1a 01000000 ffffffffffffffff 04000700")
    (section,) = blocks(data)
    assert isinstance(section, SectionHeader)
    assert section.options["shb_userappl"] == "podwire"


def test_an_interface(stream):
    writer = PcapngWriter(stream)
    before = len(stream.getvalue())
    writer.interface("eth0", RAW)
    text = "01000000 28000000 65000000 00000000 02000400 65746830 09000100 09000000 00000000 28000000"
    assert stream.getvalue()[before:] == bytes.fromhex(text)


def test_a_packet_without_options(stream):
    writer = PcapngWriter(stream)
    writer.interface("eth0")
    before = len(stream.getvalue())
    writer.packet(0, 0x0123456789ABCDEF, b"12345")
    text = "06000000 28000000 00000000 67452301 efcdab89 05000000 05000000 3132333435000000 28000000"
    assert stream.getvalue()[before:] == bytes.fromhex(text)


@FUZZ
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**64 - 1),
            st.binary(max_size=20),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
            st.sampled_from([None, False, True]),
        )
    )
)
def test_python_pcapng_reads_what_is_written(packets: list[tuple[int, bytes, str, bool | None]]):
    stream = io.BytesIO()
    writer = PcapngWriter(stream)
    numbers = [writer.interface("node1:eth0"), writer.interface("node1:tunl0", RAW)]
    assert numbers == [0, 1]
    for index, (time, data, comment, outbound) in enumerate(packets):
        writer.packet(index % 2, time, data, comment, outbound)
    raw_blocks(stream.getvalue())
    _, eth0, tunl0, *read = blocks(stream.getvalue())
    for interface, name, link in ((eth0, "node1:eth0", ETHERNET), (tunl0, "node1:tunl0", RAW)):
        assert isinstance(interface, InterfaceDescription)
        assert (interface.options["if_name"], interface.link_type, interface.snaplen) == (name, link, 0)
        assert interface.timestamp_resolution == 1e-9
    assert len(read) == len(packets)
    for index, (block, (time, data, comment, outbound)) in enumerate(zip(read, packets, strict=True)):
        assert isinstance(block, EnhancedPacket)
        assert block.interface_id == index % 2
        assert (block.timestamp_high << 32 | block.timestamp_low) == time
        assert (block.packet_data, block.packet_len, block.captured_len) == (data, len(data), len(data))
        assert block.options.get_all("opt_comment") == [comment] if comment else "opt_comment" not in block.options
        flags = block.options.get("epb_flags")
        assert (flags and flags.inout) == {None: None, False: "inbound", True: "outbound"}[outbound]


def test_names_are_records(stream):
    writer = PcapngWriter(stream)
    writer.names({IP1: "pod1", Ip6(1): ["localhost", "ip6-loopback"], IP2: ("pod2.default",)})
    block = blocks(stream.getvalue())[1]
    assert isinstance(block, NameResolution)
    (_, body) = raw_blocks(stream.getvalue())[1]
    assert body == b"".join(
        (
            bytes.fromhex("01000900 0a090001") + b"pod1\0" + bytes(3),
            bytes.fromhex("02002700") + bytes(15) + b"\1localhost\0ip6-loopback\0" + bytes(1),
            bytes.fromhex("01001100 0a090002") + b"pod2.default\0" + bytes(3),
            bytes(4),
        )
    )


# ----------------------------------------------------------------------------------------------------------------- tshark


def test_tshark_reads_everything(stream, tshark):
    writer = PcapngWriter(stream)
    eth0, tunl0 = writer.interface("node1:eth0"), writer.interface("node2:tunl0", RAW)
    writer.packet(eth0, TIME, PING, "Routed: default via 10.9.0.254 → eth0", outbound=True)
    writer.packet(tunl0, TIME + 1, PING[14:], outbound=False)
    writer.packet(eth0, TIME + 1_000_000_001, PING)
    wanted = (
        "frame.interface_name",
        "frame.encap_type",
        "frame.time_epoch",
        "frame.comment",
        "frame.packet_flags_direction",
        "ip.src",
        "icmp.seq",
    )
    assert tshark(stream.getvalue(), *fields(*wanted)) == [
        {
            "frame.interface_name": ["node1:eth0"],
            "frame.encap_type": ["1"],
            "frame.time_epoch": ["1790962799.685402123"],
            "frame.comment": ["Routed: default via 10.9.0.254 → eth0"],
            "frame.packet_flags_direction": ["0x00000002"],
            "ip.src": ["10.9.0.1"],
            "icmp.seq": ["1"],
        },
        {
            "frame.interface_name": ["node2:tunl0"],
            "frame.encap_type": ["7"],
            "frame.time_epoch": ["1790962799.685402124"],
            "frame.packet_flags_direction": ["0x00000001"],
            "ip.src": ["10.9.0.1"],
            "icmp.seq": ["1"],
        },
        {
            "frame.interface_name": ["node1:eth0"],
            "frame.encap_type": ["1"],
            "frame.time_epoch": ["1790962800.685402124"],
            "ip.src": ["10.9.0.1"],
            "icmp.seq": ["1"],
        },
    ]


def test_tshark_knows_the_names(stream, tshark):
    writer = PcapngWriter(stream)
    writer.names({IP1: "default/pod1", IP2: "default/pod2"})
    writer.packet(writer.interface("eth0"), TIME, PING)
    writer.packet(0, TIME, bytes.fromhex(FRAMES["UDP"][0]))
    # n: from nothing but the file.
    packets = tshark(stream.getvalue(), "-N", "n", *fields("ip.src_host", "ip.dst_host"))
    assert packets == [{"ip.src_host": ["default/pod1"], "ip.dst_host": ["default/pod2"]}] * 2


@pytest.mark.parametrize("letter", ["é", "→", "😀", "x"])
@pytest.mark.parametrize("size", [65535, 65536, 150_000])
def test_a_long_comment_becomes_several(size, letter, stream, tshark):
    writer = PcapngWriter(stream)
    comment = "xx" + letter * ((size - 4) // len(letter.encode()))
    comment += "x" * (size - len(comment.encode()))
    assert len(comment.encode()) == size
    writer.packet(writer.interface("eth0"), TIME, PING, comment)
    pieces = blocks(stream.getvalue())[-1].options.get_all("opt_comment")
    assert "".join(pieces) == comment
    assert len(pieces) == -(-size // 65535)
    (packet,) = tshark(stream.getvalue(), *fields("frame.comment"))
    assert "".join(packet["frame.comment"]) == comment


def test_every_frame_is_well_formed(stream, tshark):
    writer = PcapngWriter(stream)
    interface = writer.interface("veth")
    for name, (text, _) in FRAMES.items():
        writer.packet(interface, TIME, bytes.fromhex(text), name)
    packets = tshark(
        stream.getvalue(),
        *("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"),
        *fields(
            "frame.comment", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status"
        ),
    )
    assert [packet["frame.comment"] for packet in packets] == [[name] for name in FRAMES]
    assert not any("_ws.malformed" in packet for packet in packets)
    # 1: good, 2: unverified (a fragment), 3: not present.
    assert {status for packet in packets for key, value in packet.items() if "status" in key for status in value} <= {
        "1",
        "2",
        "3",
    }


# ----------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(("interface", "time"), [(0, -1), (0, 2**64), (-1, 0), (1, 0), (2, 0)])
def test_a_packet_that_cannot_be_written(interface, time, stream):
    writer = PcapngWriter(stream)
    writer.interface("eth0")
    before = stream.getvalue()
    with pytest.raises(CaptureError, match=f"interface {interface}"):
        writer.packet(interface, time, b"")
    assert stream.getvalue() == before


def test_a_name_that_is_too_long(stream):
    writer = PcapngWriter(stream)
    writer.interface("x" * 65535)
    with pytest.raises(CaptureError, match="65536 bytes where pcapng holds 65535"):
        writer.interface("x" * 65536)
    with pytest.raises(CaptureError, match="where pcapng holds 65535"):
        writer.names({Ip4(1): "x" * 65531})


@pytest.mark.benchmark
def test_speed():
    writer = PcapngWriter(io.BytesIO())
    writer.interface("eth0")
    times = timeit.repeat(lambda: writer.packet(0, TIME, PING), process_time, number=100_000, repeat=3)
    seconds = min(times) / 100_000
    print(f"{1 / seconds:,.0f} blocks/s")
    assert seconds < 1 / 300_000
