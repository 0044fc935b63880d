"""Errors about translated packets (F180 to F182)."""

from __future__ import annotations

from podwire.linux.socket import UdpSocket
from podwire.trace.events import Dropped, IcmpSent, Transmitted
from podwire.wire.addr import Ip4
from podwire.wire.codec import from_bytes, quoted, to_bytes
from podwire.wire.headers import ICMP_DEST_UNREACH, ICMP_REDIRECT, ICMP_TIME_EXCEEDED, Ethernet, Icmp, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import answer, ends, iptables, router, send, translations

SERVICE = "10.96.0.53"
DNAT = f"-t nat -A PREROUTING -d {SERVICE} -p udp --dport 53 -j DNAT --to-destination 10.2.0.2:5353"


def _errors(lab: Lab, where: str, type_: int) -> list[Packet]:
    frames = (frame.pull() for frame in lab.frames(where) if frame.find(Icmp) is not None)
    return [frame for frame in frames if (icmp := frame.find(Icmp)) is not None and icmp.type == type_]


def _about(error: Packet) -> str:
    inner = quoted(error)
    assert inner is not None
    return ends(inner)


def test_f180_a_closed_port_behind_a_service_is_reported_by_the_service() -> None:
    """With the packet quoted as its sender made it."""
    lab = router()
    iptables(lab, "node", DNAT)
    client = send(lab, "pod", 4000, SERVICE, 53)
    (error,) = _errors(lab, "node:veth1", ICMP_DEST_UNREACH)
    assert ends(error) == f"{SERVICE} > 10.1.0.2"
    assert _about(error) == f"10.1.0.2:4000 > {SERVICE}:53"
    (before,) = _errors(lab, "pod2:eth0", ICMP_DEST_UNREACH)
    assert ends(before) == "10.2.0.2 > 10.1.0.2"
    assert _about(before) == "10.1.0.2:4000 > 10.2.0.2:5353"
    assert translations(lab)[-1] == f"SNAT POSTROUTING 10.2.0.2:0 -> {SERVICE}:0 reply"
    assert _hears(client) == 111


def _hears(socket: UdpSocket) -> int:
    report = socket.take_error()
    return report.errno if report is not None else 0


def test_f180_what_is_sent_has_right_checksums() -> None:
    lab = router()
    iptables(lab, "node", DNAT, "-t nat -A POSTROUTING -o veth2 -j MASQUERADE --random-fully")
    send(lab, "pod", 4000, SERVICE, 53, b"some data")
    (error,) = _errors(lab, "node:veth1", ICMP_DEST_UNREACH)
    read = from_bytes(to_bytes(error), IPv4)
    ip, icmp = read.layers[:2]
    assert isinstance(ip, IPv4)
    assert isinstance(icmp, Icmp)
    assert (ip.checksum, icmp.checksum) == (None, None)
    assert _about(read) == f"10.1.0.2:4000 > {SERVICE}:53"


def test_f180_both_sides_are_translated_back() -> None:
    lab = router()
    iptables(lab, "node", DNAT, "-t nat -A POSTROUTING -o veth2 -j MASQUERADE --random-fully")
    client = send(lab, "pod", 4000, SERVICE, 53)
    (before,) = _errors(lab, "pod2:eth0", ICMP_DEST_UNREACH)
    assert ends(before) == "10.2.0.2 > 10.2.0.1"
    (error,) = _errors(lab, "node:veth1", ICMP_DEST_UNREACH)
    assert ends(error) == f"{SERVICE} > 10.1.0.2"
    assert _hears(client) == 111


def test_f181_an_error_of_the_node_itself_comes_from_the_service() -> None:
    lab = router()
    iptables(lab, "node", DNAT)
    client = lab.udp("pod", 4000)
    client.ttl = 1
    client.send_to(Ip4.parse(SERVICE), 53, b"x")
    lab.run(0.1)
    (error,) = _errors(lab, "node:veth1", ICMP_TIME_EXCEEDED)
    assert ends(error) == f"{SERVICE} > 10.1.0.2"
    assert _about(error) == f"10.1.0.2:4000 > {SERVICE}:53"


def test_f180_an_error_about_an_answer_goes_to_whom_the_server_talked_to() -> None:
    """The other way round: the client is gone, and its own kernel says so."""
    lab = router()
    iptables(lab, "node", DNAT, "-t nat -A POSTROUTING -o veth2 -j MASQUERADE --random-fully")
    server = lab.udp("pod2", 5353)
    send(lab, "pod", 4000, SERVICE, 53).close()
    (arrived,) = server.inbox
    peer = arrived.packet.find(Udp)
    assert peer is not None
    answer(lab, server)
    (error,) = _errors(lab, "node:veth2", ICMP_DEST_UNREACH)
    assert ends(error) == "10.2.0.1 > 10.2.0.2"
    assert _about(error) == f"10.2.0.2:5353 > 10.2.0.1:{peer.sport}"
    assert _hears(server) == 111


def test_f181_an_error_about_a_ping_quotes_the_id_that_it_was_sent_with() -> None:
    lab = router()
    iptables(
        lab,
        "node",
        f"-t nat -A PREROUTING -d {SERVICE} -j DNAT --to-destination 10.3.0.1",
        "-t nat -A POSTROUTING -o veth2 -j MASQUERADE --random-fully",
    )
    lab.route("node", "10.3.0.0/24 via 10.2.0.2")
    lab.sysctl("pod2", "ip_forward", 1)
    for ttl in (1, 2):
        ping = lab.ping("pod", SERVICE, ttl=ttl)
        lab.run(0.5)
        assert ping.errors == [("11/0", SERVICE, 1)]


def test_f182_no_redirect_about_a_translated_flow() -> None:
    """In and out by the same device: the host does send one, and NAT drops it."""
    lab = router()
    lab.addr("pod:eth0", "10.1.0.3/24")
    iptables(
        lab,
        "node",
        f"-t nat -A PREROUTING -d {SERVICE} -p udp --dport 53 -j DNAT --to-destination 10.1.0.2:5353",
        "-t nat -A POSTROUTING -s 10.1.0.2 -d 10.1.0.2 -j MASQUERADE",
    )
    server = lab.udp("pod", 5353)
    send(lab, "pod", 4000, SERVICE, 53)
    assert [str(arrived.packet.layers[0].src) for arrived in server.inbox] == ["10.1.0.1"]  # type: ignore[union-attr]
    assert [found.event.type for found in lab.events(IcmpSent)] == [ICMP_REDIRECT]
    assert _errors(lab, "node:veth1", ICMP_REDIRECT) == []
    (drop,) = lab.events(Dropped, "node")
    assert str(drop.event.reason) == "NETFILTER_DROP"
    assert "DNAT" in str(drop.event.by)


def test_f182_without_the_self_rule_a_hairpin_is_dropped_by_the_pod() -> None:
    lab = router()
    iptables(lab, "node", f"-t nat -A PREROUTING -d {SERVICE} -j DNAT --to-destination 10.1.0.2")
    lab.ping("pod", SERVICE)
    lab.run(0.5)
    assert ("ip_rcv_finish", "IP_LOCAL_SOURCE") in lab.drops("pod")


def test_a_redirect_about_an_untouched_flow_passes_once_that_is_known() -> None:
    """The first packet of a connection provokes it before POSTROUTING has settled the source."""
    lab = router()
    lab.route("node", "10.3.0.0/24 via 10.1.0.77")
    lab.set_neigh("node:veth1", "10.1.0.77", "02:00:00:00:01:77")
    iptables(lab, "node", "-t nat -A POSTROUTING -d 1.2.3.4 -j MASQUERADE")
    lab.ping("pod", "10.3.0.1", count=2)
    lab.run(0.5)
    assert lab.drops("node") == [("nf_nat_icmp_reply_translation", "NETFILTER_DROP")]
    lab.run(1)
    assert lab.drops("node") == [("nf_nat_icmp_reply_translation", "NETFILTER_DROP")]
    (redirect,) = _errors(lab, "node:veth1", ICMP_REDIRECT)
    assert ends(redirect) == "10.1.0.1 > 10.1.0.2"


def test_an_error_without_a_parsed_header_is_translated_too() -> None:
    """As from a wire: the quoted packet is bytes, and a TCP header has 8 of them."""
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j MASQUERADE --random-fully")
    send(lab, "pod", 4000, "10.0.0.11", 9)
    (sent,) = [
        found.event.frame
        for found in lab.events(Transmitted, "node")
        if found.event.dev == "eth0" and found.event.frame.find(IPv4)
    ][:1]
    quote = to_bytes(sent.pull())[:28]
    lab.restart()
    node, out = lab.link("node:eth0"), lab.link("out:eth0")
    error = Packet(
        (Ethernet(node.mac, out.mac), IPv4(Ip4.parse("10.0.0.11"), Ip4.parse("10.0.0.10"), 1), Icmp(3, 1)), quote
    )
    lab.inject("out:eth0", error)
    lab.run(0.1)
    (arrived,) = _errors(lab, "node:veth1", ICMP_DEST_UNREACH)
    assert ends(arrived) == "10.0.0.11 > 10.1.0.2"
    assert to_bytes(arrived)[28:56][20:24] == bytes.fromhex("0fa00009")
