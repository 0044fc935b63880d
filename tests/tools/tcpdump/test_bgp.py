"""What ours prints of BGP is what the real tcpdump prints."""

import pytest

from podwire.wire import bgp
from podwire.wire.addr import Ip, Mac, Net
from podwire.wire.codec import to_bytes
from podwire.wire.headers import Ethernet, IPv4, Tcp
from podwire.wire.packet import Packet
from tests.tools.tcpdump import judge as judges

IP = Ip.parse("10.0.0.1")
NET = Net.parse("172.16.1.64/26")
AS4 = (65, (64512).to_bytes(4, "big"))
FULL = bgp.Attributes(
    IP, 0, (64512, 70000), 7, 100, (), Ip.parse("10.0.0.9"), (Ip.parse("1.0.0.1"), Ip.parse("1.0.0.2"))
)
STREAMS = [
    bgp.encode(bgp.Keepalive()),
    bgp.encode(bgp.Open(64512, 240, IP, ((1, b"\0\1\0\1"), (2, b""), (64, b"\0\x78\0\1\1\0"), AS4))),
    bgp.encode(bgp.Open(70000, 240, IP)),
    bgp.encode(bgp.Update((Net.parse("10.9.0.0/16"), NET), FULL, (NET, Net.parse("0.0.0.0/0")))),
    bgp.encode(bgp.Update((), bgp.Attributes(IP, local_pref=100), (NET,))) + bgp.encode(bgp.Update()),
    bgp.encode(bgp.Update((NET,))),
    *(
        bgp.encode(bgp.Notification(*error))
        for error in ((4, 0), (6, 2), (6, 3), (6, 5), (6, 7), (2, 2), (2, 3), (5, 0))
    ),
]


def frame(data):
    layers = (
        Ethernet(Mac.parse("02:00:00:00:00:01"), Mac.parse("02:00:00:00:00:02"), 0x800),
        IPv4(IP, Ip.parse("10.0.0.2"), 6, tos=0xC0),
        Tcp(179, 40000, 1000, 2000, 0x18, 64),
    )
    return to_bytes(Packet(layers, data))


@pytest.mark.parametrize("options", ["-nn", "-nnv", "-nnvv", "-nnq", "-nne"])
def test_every_message(judge, tmp_path, options):
    path = judges.write(tmp_path / "bgp.pcap", [frame(data) for data in STREAMS])
    texts = judges.ours(path, options.split())
    wrong, marked = judges.differences(judge.prints(path, options.split()), texts)
    assert (wrong, marked) == ([], 0)
    assert len(texts) == len(STREAMS)
