"""What tshark says of our tunnels: it shares no line with us, and this is what judges IPIP and GENEVE in place of a kernel."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podwire.export.frames import frames_of, write_pcapng
from podwire.linux.path.geneve import geneve_xmit
from podwire.linux.skb import Skb
from podwire.linux.socket import PMTUDISC_DONT
from podwire.linux.tunnel import GeneveConfig, IpipConfig, TunnelInfo
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import ETH_P_IP, ICMP_ECHO, IPPROTO_ICMP, Ethernet, Icmp, IPv4
from podwire.wire.packet import Packet
from tests.linux.lab import Lab, two_nodes

FIELDS = (
    "frame.protocols",
    "frame.interface_name",
    "frame.encap_type",
    "ip.src",
    "ip.proto",
    "ip.ttl",
    "udp.srcport",
    "udp.checksum.status",
    "geneve.vni",
    "geneve.options",
    "geneve.option.class",
    "geneve.option.type",
    "ip.checksum.status",
    "_ws.malformed",
    "_ws.expert.severity",
    "frame.len",
)
BAD_CHECKSUM = "0"


@pytest.fixture
def dissected(need_tool: Callable[[str], str], tmp_path: Path) -> Callable[[Lab], list[dict[str, Any]]]:
    """The packets of a lab's log as tshark sees them: each field a list of texts."""
    program = need_tool("tshark")

    def run(lab: Lab) -> list[dict[str, Any]]:
        stream = io.BytesIO()
        write_pcapng(stream, frames_of(lab.records), {})
        path = tmp_path / "tunnels.pcapng"
        path.write_bytes(stream.getvalue())
        command = [
            program,
            "-r",
            str(path),
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
            "-T",
            "json",
        ]
        command += [part for name in FIELDS for part in ("-e", name)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        packets = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
        assert not [packet for packet in packets if "_ws.malformed" in packet]
        for packet in packets:
            assert BAD_CHECKSUM not in packet.get("ip.checksum.status", [])
            assert BAD_CHECKSUM not in packet.get("udp.checksum.status", [])
        return packets

    return run


def at(packets: list[dict[str, Any]], device: str) -> list[dict[str, Any]]:
    return [packet for packet in packets if packet["frame.interface_name"] == [device]]


def with_tunl0() -> Lab:
    lab = two_nodes()
    for node, own, other, via in (
        ("node1", "192.168.1.0", "192.168.2.0/26", "10.0.0.24"),
        ("node2", "192.168.2.0", "192.168.1.0/26", "10.0.0.23"),
    ):
        lab.door(node).modprobe("ipip")
        lab.up(f"{node}:tunl0")
        lab.addr(f"{node}:tunl0", f"{own}/32")
        lab.route_del(node, other)
        lab.route(node, f"{other} via {via} dev tunl0 onlink")
    lab.restart()
    return lab


def with_geneve(**options: Any) -> Lab:
    lab = two_nodes()
    for node, remote, inside in (("node1", "10.0.0.24", "10.9.0.1/24"), ("node2", "10.0.0.23", "10.9.0.2/24")):
        config = GeneveConfig(vni=3258, remote=Ip4.parse(remote), **options)
        lab.door(node).link_add("gnv0", "geneve", tunnel=config)
        lab.up(f"{node}:gnv0")
        lab.addr(f"{node}:gnv0", inside)
    lab.restart()
    return lab


def test_ip_in_ip(dissected):
    lab = with_tunl0()
    lab.ping("pod1", "192.168.2.12")
    lab.run(1)
    packets = dissected(lab)
    out = next(packet for packet in at(packets, "node1:eth0") if packet.get("ip.proto"))
    assert out["frame.protocols"] == ["eth:ethertype:ip:ip:icmp:data"]
    assert (out["ip.src"], out["ip.proto"], out["ip.ttl"]) == (["10.0.0.23", "192.168.1.11"], ["4", "1"], ["63", "63"])
    assert out["frame.len"] == ["118"]


def test_a_device_without_mac_header_has_a_link_type_of_its_own(dissected):
    lab = with_tunl0()
    lab.ping("pod1", "192.168.2.12")
    lab.run(1)
    packets = dissected(lab)
    (sent, came) = at(packets, "node1:tunl0")
    assert sent["frame.protocols"] == came["frame.protocols"] == ["raw:ip:icmp:data"]
    assert sent["frame.len"] == ["84"]
    assert {packet["frame.encap_type"][0] for packet in at(packets, "node1:eth0")} == {"1"}
    assert sent["frame.encap_type"] == ["7"]  # WTAP_ENCAP_RAW_IP


def test_fragments_of_an_outer_packet(dissected):
    lab = with_tunl0()
    link = lab.link("node1:eth0")
    lab.door("node1").link_set_mtu(link, 600)
    ping = lab.ping("pod1", "192.168.2.12", count=0, size=1400)
    ping.socket.pmtudisc = PMTUDISC_DONT
    ping.send(1)
    lab.run(1)
    assert ping.replies
    pieces = [packet for packet in at(dissected(lab), "node1:eth0") if packet.get("ip.proto", [""])[0] == "4"]
    assert len([packet for packet in pieces if packet["ip.src"][0] == "10.0.0.23"]) == 3


@pytest.mark.parametrize("udp_csum", [True, False])
def test_geneve(dissected, udp_csum):
    lab = with_geneve(udp_csum=udp_csum)
    lab.ping("node1", "10.9.0.2")
    lab.run(1)
    out = [packet for packet in at(dissected(lab), "node1:eth0") if "geneve.vni" in packet]
    assert [packet["frame.protocols"] for packet in out] == [
        ["eth:ethertype:ip:udp:geneve:eth:ethertype:arp"],
        ["eth:ethertype:ip:udp:geneve:eth:ethertype:arp"],
        ["eth:ethertype:ip:udp:geneve:eth:ethertype:ip:icmp:data"],
        ["eth:ethertype:ip:udp:geneve:eth:ethertype:ip:icmp:data"],
    ]
    assert {int(packet["geneve.vni"][0], 0) for packet in out} == {3258}
    assert out[2]["frame.len"] == ["148"]
    # 1: good, 3: not present.
    assert {packet["udp.checksum.status"][0] for packet in out} == ({"1"} if udp_csum else {"3"})


def test_geneve_with_an_option(dissected):
    lab = two_nodes()
    lab.door("node1").link_add("gnv0", "geneve", tunnel=GeneveConfig(external=True))
    lab.up("node1:gnv0")
    lab.restart()
    link = lab.link("node1:gnv0")
    header = IPv4(Ip4.parse("10.9.0.1"), Ip4.parse("10.9.0.2"), IPPROTO_ICMP, 64, id=1)
    eth = Ethernet(Mac.parse("02:00:00:00:00:02"), link.mac, ETH_P_IP)
    skb = Skb(Packet((header, Icmp(ICMP_ECHO, 0, 1)), bytes(8)), lab.network.new_packet_id(), link, eth)
    dsr = bytes.fromhex("014b 81 02 0a000018 1f90 0000")
    skb.tunnel = TunnelInfo(id=2, dst=Ip4.parse("10.0.0.24"), ttl=64, options=dsr)
    geneve_xmit(skb, link)
    lab.run(1)
    # Nobody listens on node2; what comes back quotes the datagram.
    out = next(packet for packet in at(dissected(lab), "node1:eth0") if "geneve.vni" in packet)
    assert out["geneve.option.class"] == ["0x014b"]
    assert out["geneve.option.type"] == ["0x81"]


def test_ip_in_ip_inside_geneve(dissected):
    lab = with_geneve()
    for node, local, remote, inside in (
        ("node1", "10.9.0.1", "10.9.0.2", "10.8.0.1/24"),
        ("node2", "10.9.0.2", "10.9.0.1", "10.8.0.2/24"),
    ):
        config = IpipConfig(remote=Ip4.parse(remote), local=Ip4.parse(local))
        lab.door(node).link_add("t1", "ipip", tunnel=config)
        assert lab.link(f"{node}:t1").mtu == 1430
        lab.up(f"{node}:t1")
        lab.addr(f"{node}:t1", inside)
    lab.restart()
    ping = lab.ping("node1", "10.8.0.2")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    protocols = [packet["frame.protocols"] for packet in at(dissected(lab), "node1:eth0")]
    assert ["eth:ethertype:ip:udp:geneve:eth:ethertype:ip:ip:icmp:data"] in protocols
