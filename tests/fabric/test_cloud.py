"""Google's VPC and the Internet behind it (reference sheet kube-proxy and GKE, section 3)."""

from __future__ import annotations

import pytest

from podwire.errors import ConfigError, NotModelled, PodwireError
from podwire.fabric.cloud import GcpVpc, Nic, nic_mac
from podwire.fabric.firewall import FirewallRule
from podwire.fabric.internet import GATEWAY_MAC, Internet
from podwire.linux.netlink import Netlink
from podwire.trace.events import Carried, Dropped, IcmpSent, Received, Transmitted
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.headers import Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted
from tests.linux.lab import Lab

ICMP = FirewallRule("allow-icmp", (Net.parse("10.0.0.0/8"),), ("icmp",))


class Cloud(Lab):
    """vm1 10.0.0.2 with alias range 10.32.0.0/24, vm2 10.0.0.3 with 10.32.1.0/24, client 121.167.232.64 on the Internet."""

    def __init__(self, *rules: FirewallRule, external: bool = True) -> None:
        super().__init__()
        self.internet = Internet(self.network)
        self.vpc = GcpVpc(self.network, "vpc", Net.parse("10.0.0.0/24"), internet=self.internet)
        for rule in rules:
            self.vpc.allow(rule)
        self.nics: dict[str, Nic] = {}
        for number, tags in ((1, frozenset({"web"})), (2, frozenset[str]())):
            name, ip = f"vm{number}", Ip4.parse(f"10.0.0.{number + 1}")
            outside = Ip4.parse(f"34.1.2.{number}") if external else None
            nic = self.vpc.add_nic(
                name, ip, aliases=(Net.parse(f"10.32.{number - 1}.0/24"),), external=outside, tags=tags
            )
            self.nics[name] = nic
            self.machine(name)
            nic.port.link = self.door(name).ethernet_add("eth0", nic_mac(ip), nic.port, mtu=1460)
            self.up(f"{name}:eth0")
            self.addr(f"{name}:eth0", f"{ip}/32")
            self.route(name, "10.0.0.1 dev eth0 scope link")
            self.route(name, "default via 10.0.0.1 dev eth0")
        self.machine("client")
        port = self.internet.new_port(Ip4.parse("121.167.232.64"))
        port.link = self.door("client").ethernet_add("eth0", Mac.parse("02:00:00:00:00:c1"), port)
        self.up("client:eth0")
        self.addr("client:eth0", "121.167.232.64/32")
        self.route("client", "default dev eth0 scope link")
        self.restart()

    def why(self) -> list[str]:
        return [str(getattr(r.event.by, "why", "")) for r in self.events(Dropped)]


def test_the_mac_of_a_nic_is_42_01_and_its_address() -> None:
    assert str(nic_mac(Ip4.parse("10.0.0.24"))) == "42:01:0a:00:00:18"


def test_the_gateways_mac_answers_for_every_address_but_the_guests_own() -> None:
    lab = Cloud()
    answers = []
    for target in ("10.0.0.1", "10.0.0.3", "10.0.0.99", "8.8.8.8", "10.32.1.5", "10.0.0.2"):
        lab.restart()
        lab.ask("vm1:eth0", target, "10.0.0.2")
        lab.run(1)
        came = [r.event.frame.find(Arp) for r in lab.events(Received, "vm1")]
        answers.append([(str(arp.spa), str(arp.sha)) for arp in came if arp is not None])
        assert check_invariants(lab.records, finished=True) == []
    mac = "42:01:0a:00:00:01"
    assert answers == [
        [("10.0.0.1", mac)],
        [("10.0.0.3", mac)],
        [("10.0.0.99", mac)],
        [("8.8.8.8", mac)],
        [("10.32.1.5", mac)],
        [],
    ]
    # A NIC is alone: nobody else heard any of it.
    assert lab.events(Received, "vm2") == []


def test_no_ttl_is_taken_and_the_gateways_mac_is_the_sender() -> None:
    lab = Cloud(ICMP)
    ping = lab.ping("vm1", "10.0.0.3")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    frame = next(r.event.frame for r in lab.events(Received, "vm2") if r.event.frame.find(Icmp))
    eth, ip = frame.layers[:2]
    assert isinstance(eth, Ethernet)
    assert isinstance(ip, IPv4)
    assert (str(eth.src), str(eth.dst), ip.ttl) == ("42:01:0a:00:00:01", "42:01:0a:00:00:03", 64)


def test_alias_ranges_lead_to_their_vm() -> None:
    lab = Cloud(ICMP)
    ping = lab.ping("vm1", "10.32.1.77")
    lab.run(1)
    assert [r.event.to for r in lab.events(Carried)] == ["vm2"]
    # vm2 knows nobody with that address, does not forward, and says nothing.
    assert (ping.replies, ping.errors) == ([], [])
    assert lab.drops("vm2") == [("ip_error", "IP_INADDRERRORS")]
    lab.device("vm2:d0", "dummy")
    lab.addr("vm2:d0", "10.32.1.77/32")
    again = lab.ping("vm1", "10.32.1.77")
    lab.run(1)
    assert again.replies == [(1, 64)]


def test_an_address_of_the_senders_own_ranges_comes_to_nothing() -> None:
    lab = Cloud(ICMP)
    lab.ping("vm1", "10.32.0.9")
    lab.run(1)
    assert lab.why() == [
        "10.32.0.9 belongs to vm1, and vm1 itself sent it out: no pod or device there has that address"
    ]


@pytest.mark.parametrize(
    ("ip", "aliases", "text"),
    [
        ("10.0.1.5", (), "reserved"),
        ("10.0.0.0", (), "reserved"),
        ("10.0.0.1", (), "reserved"),
        ("10.0.0.254", (), "reserved"),
        ("10.0.0.255", (), "reserved"),
        ("10.0.0.2", (), "belongs to vm1"),
        ("10.0.0.9", ("10.32.0.128/25",), "overlaps"),
        ("10.0.0.9", ("10.32.0.0/16",), "overlaps"),
    ],
)
def test_nics_that_cannot_be_had(ip: str, aliases: tuple[str, ...], text: str) -> None:
    lab = Cloud()
    with pytest.raises(ConfigError, match=text):
        lab.vpc.add_nic("vm3", Ip4.parse(ip), aliases=tuple(Net.parse(net) for net in aliases))


# -- the source check --------------------------------------------------------------------------------------------------


def _spoofed(lab: Cloud, source: str) -> None:
    packet = Packet((IPv4(Ip4.parse(source), Ip4.parse("10.0.0.3"), 1), Icmp(8)), bytes(8))
    lab.restart()
    lab.inject("vm1:eth0", packet.push(Ethernet(nic_mac(lab.vpc.gateway), lab.link("vm1:eth0").mac)))
    lab.run(1)


@pytest.mark.parametrize(
    ("source", "passes"),
    [("10.0.0.2", True), ("10.32.0.200", True), ("10.32.1.1", False), ("10.0.0.3", False), ("1.2.3.4", False)],
)
def test_the_source_has_to_be_the_vms_own(source: str, passes: bool) -> None:
    lab = Cloud(FirewallRule("all", (Net.parse("0.0.0.0/0"),)))
    _spoofed(lab, source)
    assert bool(lab.events(Received, "vm2")) is passes
    if not passes:
        assert "neither the address of vm1" in lab.why()[0]
        lab.nics["vm1"].source_dest_check = False
        _spoofed(lab, source)
        assert lab.events(Received, "vm2")


def test_longer_than_the_vpcs_mtu() -> None:
    lab = Cloud(ICMP)
    link = lab.link("vm1:eth0")
    Netlink(link.netns).link_set_mtu(link, 1500)
    probe = lab.ping("vm1", "10.0.0.3", size=1433)
    lab.run(1)
    assert probe.replies == []
    assert lab.why() == ["the packet is longer than the VPC's MTU of 1460"]
    assert lab.ping("vm1", "10.0.0.3", size=1432).sent
    lab.run(1)
    assert lab.events(Received, "vm2")


def test_only_ipv4_and_arp() -> None:
    lab = Cloud()
    lab.inject("vm1:eth0", Packet((Ethernet(Mac(0), lab.link("vm1:eth0").mac, 0x86DD),), bytes(40)))
    lab.run(1)
    assert lab.why() == ["VPC vpc carries IPv4 and ARP only"]


def test_names_of_vms() -> None:
    lab = Cloud()
    assert lab.vpc.reverse_name(Ip4.parse("10.0.0.3")) == "vm2.us-central1-a.c.project_id.internal"
    assert lab.vpc.reverse_name(Ip4.parse("10.32.1.3")) is None


# -- the firewall -------------------------------------------------------------------------------------------------------


def udp(lab: Cloud, src: str, dst: str, sport: int, dport: int) -> bool:
    """One datagram; whether it arrived."""
    lab.restart()
    socket = lab.udp(src, sport)
    socket.send_to(Ip4.parse(dst), dport, b"x")
    socket.close()
    lab.run(1)
    target = "vm2" if dst in {"10.0.0.3", "34.1.2.2"} else "client" if dst.startswith("121") else "vm1"
    return any(r.event.frame.find(Udp) for r in lab.events(Received, target))


def test_ingress_is_denied_and_egress_allowed_by_default() -> None:
    lab = Cloud()
    assert not udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert lab.why() == [
        "no firewall rule allows udp:2000 from 10.0.0.2 to vm2; ingress is denied by default (priority 65535)"
    ]
    assert udp(lab, "vm1", "121.167.232.64", 1000, 2000)


def test_answers_of_what_was_let_out_or_in_pass_for_ten_minutes_of_silence() -> None:
    lab = Cloud()
    assert not udp(lab, "client", "34.1.2.1", 2000, 1000)
    assert udp(lab, "vm1", "121.167.232.64", 1000, 2000)
    assert udp(lab, "client", "34.1.2.1", 2000, 1000)
    assert not udp(lab, "client", "34.1.2.1", 2001, 1000)
    assert not udp(lab, "client", "34.1.2.1", 2000, 1001)
    lab.run(590)
    assert udp(lab, "client", "34.1.2.1", 2000, 1000)
    lab.run(590)
    assert udp(lab, "client", "34.1.2.1", 2000, 1000)
    lab.run(610)
    assert not udp(lab, "client", "34.1.2.1", 2000, 1000)


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (FirewallRule("r", (Net.parse("10.0.0.0/24"),)), True),
        (FirewallRule("r", (Net.parse("10.0.0.2/32"),), ("udp",), ((2000, 2000),)), True),
        (FirewallRule("r", (Net.parse("10.0.0.0/24"),), ("17",), ((1, 65535),)), True),
        (FirewallRule("r", (Net.parse("10.0.0.3/32"),)), False),
        (FirewallRule("r", (Net.parse("10.0.0.0/24"),), ("tcp",)), False),
        (FirewallRule("r", (Net.parse("10.0.0.0/24"),), ("udp",), ((1, 1999), (2001, 65535))), False),
        (FirewallRule("r", (Net.parse("10.0.0.0/24"),), tags=frozenset({"web"})), False),
        (FirewallRule("r", (Net.parse("10.0.0.0/24"),), tags=frozenset({"db"})), False),
    ],
)
def test_rules_by_source_protocol_port_and_tag(rule: FirewallRule, passes: bool) -> None:
    lab = Cloud(rule)
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000) is passes


def test_the_rule_that_lets_it_in_is_named_the_one_with_the_lowest_number_first() -> None:
    every = (Net.parse("0.0.0.0/0"),)
    lab = Cloud(
        FirewallRule("later", every),
        FirewallRule("first", every, priority=10),
        FirewallRule("last", every, priority=2000),
    )
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert [r.event.allowed for r in lab.events(Carried) if r.event.to == "vm2"] == ["firewall rule first"]
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert udp(lab, "vm2", "10.0.0.2", 2000, 1000)
    assert [r.event.allowed for r in lab.events(Carried) if r.event.to == "vm1"] == ["a connection that is known"]


def test_an_icmp_error_belongs_to_the_flow_that_it_quotes() -> None:
    lab = Cloud(FirewallRule("udp", (Net.parse("10.0.0.0/24"),), ("udp",)))
    socket = lab.udp("vm1", 1000)
    socket.send_to(Ip4.parse("10.0.0.3"), 2000, b"x")
    lab.run(1)
    assert [(e.icmp.type, e.icmp.code) for e in socket.errors] == [(3, 3)]
    # The same error about something that nobody sent does not pass.
    lab.restart()
    about = Packet((IPv4(Ip4.parse("10.0.0.2"), Ip4.parse("10.0.0.3"), 17), Udp(7, 8)))
    error = Packet((IPv4(Ip4.parse("10.0.0.3"), Ip4.parse("10.0.0.2"), 1), Icmp(3, 3)), Quoted(about, 28))
    lab.inject("vm2:eth0", error.push(Ethernet(nic_mac(lab.vpc.gateway), lab.link("vm2:eth0").mac)))
    lab.run(1)
    assert lab.events(Received, "vm1") == []


def test_icmp_echo_is_a_flow_by_its_identifier() -> None:
    lab = Cloud()
    ping = lab.ping("vm1", "121.167.232.64")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    unasked = lab.ping("client", "34.1.2.1")
    lab.run(1)
    assert unasked.replies == []


# -- the Internet ---------------------------------------------------------------------------------------------------------


def test_external_addresses_are_translated_one_to_one_both_ways() -> None:
    lab = Cloud(FirewallRule("out", (Net.parse("121.167.232.64/32"),), ("icmp",)))
    out = lab.ping("vm1", "121.167.232.64")
    lab.run(1)
    assert out.replies == [(1, 64)]
    seen = [
        (str(ip.src), str(ip.dst), ip.ttl)
        for r in lab.events(Received, "client")
        if (ip := r.event.frame.find(IPv4)) is not None
    ]
    assert seen == [("34.1.2.1", "121.167.232.64", 64)]
    lab.restart()
    back = lab.ping("client", "34.1.2.2")
    lab.run(1)
    assert back.replies == [(1, 64)]
    came = [
        (str(ip.src), str(ip.dst)) for r in lab.events(Received, "vm2") if (ip := r.event.frame.find(IPv4)) is not None
    ]
    assert came == [("121.167.232.64", "10.0.0.3")]
    assert check_invariants(lab.records, finished=True) == []


def test_an_error_about_a_translated_packet_quotes_what_the_vm_sent() -> None:
    """RFC 5508: the quotation is translated too, or the VM would not know its own packet."""
    lab = Cloud()
    socket = lab.udp("vm1", 1000)
    socket.send_to(Ip4.parse("121.167.232.64"), 2000, b"x")
    lab.run(1)
    assert [
        (str(e.origin), e.icmp.code, str(e.quoted.layers[0].src))
        for e in socket.errors
        if isinstance(e.quoted.layers[0], IPv4)
    ] == [("121.167.232.64", 3, "10.0.0.2")]
    # And the other way round: the client hears of the address that it asked.
    lab.vpc.allow(FirewallRule("udp", (Net.parse("0.0.0.0/0"),), ("udp",)))
    client = lab.udp("client", 1000)
    client.send_to(Ip4.parse("34.1.2.1"), 2000, b"x")
    lab.run(1)
    quoted = [e.quoted.layers[0] for e in client.errors]
    assert [str(header.dst) for header in quoted if isinstance(header, IPv4)] == ["34.1.2.1"]


def test_one_vm_reaches_another_by_its_external_address() -> None:
    lab = Cloud(FirewallRule("all", (Net.parse("0.0.0.0/0"),)))
    ping = lab.ping("vm1", "34.1.2.2")
    lab.run(1)
    assert ping.replies == [(1, 64)]


def test_only_primary_addresses_with_an_external_one_leave() -> None:
    lab = Cloud(external=False)
    lab.ping("vm1", "121.167.232.64")
    lab.run(1)
    assert lab.why() == ["vm1 cannot reach the Internet: it has no external address"]
    lab = Cloud()
    lab.device("vm1:d0", "dummy")
    lab.addr("vm1:d0", "10.32.0.5/32")
    lab.ping("vm1", "121.167.232.64", source="10.32.0.5")
    lab.run(1)
    assert "10.32.0.5 cannot leave for the Internet" in lab.why()[0]


def test_a_host_of_the_internet_asks_for_anything_and_gets_the_gateways_mac() -> None:
    lab = Cloud()
    lab.ask("client:eth0", "9.9.9.9", "121.167.232.64")
    lab.run(1)
    arp = next(r.event.frame.find(Arp) for r in lab.events(Received, "client"))
    assert arp is not None
    assert arp.sha == GATEWAY_MAC
    lab.restart()
    lab.ping("client", "9.9.9.9")
    lab.run(1)
    assert lab.why() == ["no host of the lab has 9.9.9.9"]


def test_a_tcp_segment_meets_the_firewall_by_its_port() -> None:
    lab = Cloud(FirewallRule("web", (Net.parse("0.0.0.0/0"),), ("tcp",), ((80, 80),), tags=frozenset({"web"})))
    for port, passes in ((80, True), (81, False)):
        lab.restart()
        header = IPv4(Ip4.parse("121.167.232.64"), Ip4.parse("34.1.2.1"), 6, df=True)
        packet = Packet((header, Tcp(40000, port)))
        lab.inject("client:eth0", packet.push(Ethernet(GATEWAY_MAC, lab.link("client:eth0").mac)))
        lab.run(1)
        resets = [r for r in lab.events(Transmitted, "vm1") if r.event.frame.find(Tcp)]
        assert bool(resets) is passes
    assert lab.events(IcmpSent) == []


# -- what a VPC may have besides ----------------------------------------------------------------------------------------


def test_ip_in_ip_needs_a_firewall_rule_for_protocol_4() -> None:
    """Calico's IPIP on Google: protocol 4 or ipip, not 94 (section 3.2; debugging cases, row 6)."""
    for protocol, passes in (("tcp", False), ("94", False), ("4", True), ("ipip", True)):
        lab = Cloud(FirewallRule("r", (Net.parse("10.0.0.0/24"),), (protocol,)))
        inner = Packet((IPv4(Ip4.parse("10.32.0.5"), Ip4.parse("10.32.1.5"), 1), Icmp(8)), bytes(8))
        packet = inner.push(IPv4(Ip4.parse("10.0.0.2"), Ip4.parse("10.0.0.3"), 4))
        lab.restart()
        lab.inject("vm1:eth0", packet.push(Ethernet(nic_mac(lab.vpc.gateway), lab.link("vm1:eth0").mac)))
        lab.run(1)
        assert bool(lab.events(Received, "vm2")) is passes
        if not passes:
            assert lab.why()[0].startswith("no firewall rule allows ipip from 10.0.0.2 to vm2")


def test_later_fragments_go_the_way_of_the_first_through_the_firewall() -> None:
    rule = FirewallRule("r", (Net.parse("10.0.0.0/24"),), ("udp",), ((2000, 2000),))
    for port, pieces in ((2000, 2), (2001, 0)):
        lab = Cloud(rule)
        lab.udp("vm1", 1000).send_to(Ip4.parse("10.0.0.3"), port, bytes(2000))
        lab.run(1)
        came = [r for r in lab.events(Received, "vm2") if (ip := r.event.frame.find(IPv4)) and ip.proto == 17]
        assert len(came) == pieces


def test_an_unasked_echo_request_is_no_answer_though_it_has_the_identifier_of_one() -> None:
    lab = Cloud()
    lab.ping("vm1", "121.167.232.64")
    lab.run(1)
    ident = next(m.id for r in lab.events(Received, "client") if (m := r.event.frame.find(Icmp)))
    lab.restart()
    request = Packet((IPv4(Ip4.parse("121.167.232.64"), Ip4.parse("34.1.2.1"), 1), Icmp(8, 0, ident << 16)), b"x")
    lab.inject("client:eth0", request.push(Ethernet(GATEWAY_MAC, lab.link("client:eth0").mac)))
    lab.run(1)
    assert lab.events(Received, "vm1") == []
    assert lab.why()[0].startswith("no firewall rule allows icmp from 121.167.232.64")


def test_routes_of_the_vpc_come_behind_addresses_and_before_the_internet() -> None:
    """Section 3.1; the VM that they lead to needs --can-ip-forward."""
    lab = Cloud(FirewallRule("all", (Net.parse("0.0.0.0/0"),)))
    lab.ping("vm1", "172.16.5.5")
    lab.run(1)
    assert lab.why() == ["no VM, alias range or route of the VPC has 172.16.5.5"]
    lab.vpc.add_route(Net.parse("0.0.0.0/0"), "vm1")
    lab.vpc.add_route(Net.parse("172.16.0.0/16"), "vm2")
    lab.restart()
    lab.ping("vm1", "172.16.5.5")
    lab.run(1)
    assert lab.why() == ["the route for 172.16.0.0/16 leads to vm2, which may not forward (canIpForward is false)"]
    lab.nics["vm2"].source_dest_check = False
    lab.restart()
    lab.ping("vm1", "172.16.5.5")
    lab.run(1)
    assert [(r.event.to, r.event.why) for r in lab.events(Carried)] == [
        ("vm2", "the VPC's route for 172.16.0.0/16 leads to it")
    ]
    # A VM's own address is no matter of routes, and a route back to the sender leads nowhere.
    probe = lab.ping("vm1", "10.0.0.3")
    lab.run(1)
    assert probe.replies == [(1, 64)]
    lab.nics["vm1"].source_dest_check = False
    lab.restart()
    lab.ping("vm1", "9.9.9.9")
    lab.run(1)
    assert lab.why() == ["no VM, alias range or route of the VPC has 9.9.9.9"]


def test_a_second_subnet_has_a_gateway_of_its_own() -> None:
    lab = Lab()
    vpc = GcpVpc(lab.network, "vpc", Net.parse("10.0.0.0/24"), subnets=(Net.parse("10.9.0.0/24"),))
    vpc.allow(ICMP)
    for name, ip in (("vm1", "10.0.0.2"), ("vm2", "10.9.0.2")):
        nic = vpc.add_nic(name, Ip4.parse(ip))
        lab.machine(name)
        nic.port.link = lab.door(name).ethernet_add("eth0", nic_mac(nic.ip), nic.port, mtu=1460)
        lab.up(f"{name}:eth0")
        lab.addr(f"{name}:eth0", f"{ip}/32")
        lab.route(name, f"{nic.gateway} dev eth0 scope link")
        lab.route(name, f"default via {nic.gateway} dev eth0")
    assert [str(nic.gateway) for nic in vpc.nics] == ["10.0.0.1", "10.9.0.1"]
    probe = lab.ping("vm1", "10.9.0.2")
    lab.run(1)
    assert probe.replies == [(1, 64)]
    macs = {str(eth.src) for r in lab.events(Received, "vm2") if (eth := r.event.frame.find(Ethernet))}
    assert macs == {"42:01:0a:09:00:01"}
    with pytest.raises(ConfigError, match=r"not free in 10\.0\.0\.0/24, 10\.9\.0\.0/24"):
        vpc.add_nic("vm3", Ip4.parse("10.9.0.255"))


def test_cloud_nat_serves_primary_and_alias_addresses_without_an_external_one() -> None:
    """Section 3.3: used for sources without an external address alone."""
    lab = Cloud(external=False)
    nat = Ip4.parse("35.1.1.1")
    lab.vpc = GcpVpc(lab.network, "vpc2", Net.parse("10.8.0.0/24"), internet=lab.internet, cloud_nat=nat)
    for name, own, outside in (("vm3", "10.8.0.2", None), ("vm4", "10.8.0.3", "34.9.9.9")):
        external = Ip4.parse(outside) if outside else None
        nic = lab.vpc.add_nic(name, Ip4.parse(own), aliases=(Net.parse(f"10.3{own[-1]}.0.0/24"),), external=external)
        lab.machine(name)
        nic.port.link = lab.door(name).ethernet_add("eth0", nic_mac(nic.ip), nic.port, mtu=1460)
        lab.up(f"{name}:eth0")
        lab.addr(f"{name}:eth0", f"{own}/32")
        lab.route(name, "10.8.0.1 dev eth0 scope link")
        lab.route(name, "default via 10.8.0.1 dev eth0")
    lab.device("vm3:d0", "dummy")
    lab.addr("vm3:d0", "10.32.0.5/32")
    for name, source, seen in (
        ("vm3", "10.8.0.2", "35.1.1.1"),
        ("vm3", "10.32.0.5", "35.1.1.1"),
        ("vm4", "10.8.0.3", "34.9.9.9"),
    ):
        lab.restart()
        probe = lab.ping(name, "121.167.232.64", source=source)
        lab.run(1)
        assert probe.replies == [(1, 64)]
        heard = {str(ip.src) for r in lab.events(Received, "client") if (ip := r.event.frame.find(IPv4))}
        assert heard == {seen}
    lab.restart()
    lab.udp("client", 5).send_to(nat, 2000, b"x")
    lab.run(1)
    assert lab.why() == ["35.1.1.1 is Cloud NAT's address, and no VM behind it asked 121.167.232.64"]
    with pytest.raises(ConfigError, match=r"35\.1\.1\.1 belongs to network 'vpc2'"):
        lab.internet.claim(nat, "host 'x'")


def test_the_internet_has_no_way_to_private_addresses() -> None:
    lab = Cloud()
    lab.ping("client", "10.0.0.2")
    lab.run(1)
    assert lab.why() == ["the Internet has no way to 10.0.0.2, a private address (RFC 1918)"]


# -- more of the firewall (3.2) --------------------------------------------------------------------------------------------

EVERY = (Net.parse("0.0.0.0/0"),)


def test_of_equal_priorities_a_denying_rule_comes_first_and_is_named() -> None:
    lab = Cloud(FirewallRule("yes", EVERY), FirewallRule("no", EVERY, ("udp",), action="deny"))
    assert not udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert lab.why()[-1] == "firewall rule no denies udp:2000 from 10.0.0.2 to vm2"
    lab.vpc.allow(FirewallRule("first", EVERY, ("udp",), ((2000, 2000),), priority=999))
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert not udp(lab, "vm1", "10.0.0.3", 1000, 2001)


def test_a_rule_may_name_the_tags_of_the_sender() -> None:
    lab = Cloud(FirewallRule("from-web", source_tags=frozenset({"web"})))
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert not udp(lab, "vm2", "10.0.0.2", 3000, 4000)


def test_a_rule_may_name_destinations_as_the_vm_sees_them() -> None:
    lab = Cloud(FirewallRule("pods", EVERY, destinations=(Net.parse("10.32.1.0/24"),)))
    assert not udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    lab.device("vm2:d0", "dummy")
    lab.addr("vm2:d0", "10.32.1.5/32")
    udp(lab, "vm1", "10.32.1.5", 1000, 2000)
    assert any(r.event.frame.find(Udp) for r in lab.events(Received, "vm2"))


def test_egress_is_allowed_unless_a_rule_denies_it_and_answers_pass() -> None:
    out = FirewallRule("no-udp", protocols=("udp",), direction="egress", action="deny", tags=frozenset({"web"}))
    lab = Cloud(FirewallRule("in", EVERY), out)
    assert not udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert lab.why()[-1] == "firewall rule no-udp denies vm1 to send udp:2000 to 10.0.0.3"
    assert udp(lab, "vm2", "10.0.0.2", 2000, 1000), "the rule is for VMs with the tag web"
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000), "now it answers"
    ping = lab.ping("vm1", "10.0.0.3")
    lab.run(1)
    assert ping.replies


def test_the_firewall_stands_before_each_vm() -> None:
    """What vm1 let out lets nothing in at vm2."""
    lab = Cloud()
    assert not udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    assert udp(lab, "vm2", "10.0.0.2", 2000, 1000), "vm1 asked"
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000), "vm2 asked too, by the last packet"
    assert not udp(lab, "vm1", "10.0.0.3", 1001, 2000)


def test_a_rule_that_was_removed_lets_nothing_new_in() -> None:
    lab = Cloud(FirewallRule("r", EVERY))
    assert udp(lab, "vm1", "10.0.0.3", 1000, 2000)
    lab.vpc.firewall.remove("r")
    assert lab.vpc.firewall.rules == ()
    assert not udp(lab, "vm1", "10.0.0.3", 1001, 2000)


# -- Cloud NAT -------------------------------------------------------------------------------------------------------------


def behind_nat(ports: int) -> Cloud:
    """The lab, whose vm3 and vm4 stand behind Cloud NAT at 35.1.1.1; vm4 has an external address and an alias range."""
    lab = Cloud(external=False)
    nat = Ip4.parse("35.1.1.1")
    lab.vpc = GcpVpc(
        lab.network, "vpc2", Net.parse("10.8.0.0/24"), internet=lab.internet, cloud_nat=nat, cloud_nat_ports=ports
    )
    for name, own, outside in (("vm3", "10.8.0.2", None), ("vm4", "10.8.0.3", "34.9.9.9")):
        external = Ip4.parse(outside) if outside else None
        nic = lab.vpc.add_nic(name, Ip4.parse(own), aliases=(Net.parse(f"10.3{own[-1]}.0.0/24"),), external=external)
        lab.machine(name)
        nic.port.link = lab.door(name).ethernet_add("eth0", nic_mac(nic.ip), nic.port, mtu=1460)
        lab.up(f"{name}:eth0")
        lab.addr(f"{name}:eth0", f"{own}/32")
        lab.route(name, "10.8.0.1 dev eth0 scope link")
        lab.route(name, "default via 10.8.0.1 dev eth0")
    return lab


def test_cloud_nat_serves_an_alias_address_of_a_vm_with_an_external_one() -> None:
    """3.3: an external address is for the primary one alone."""
    lab = behind_nat(64)
    lab.device("vm4:d0", "dummy")
    lab.addr("vm4:d0", "10.33.0.5/32")
    lab.restart()
    probe = lab.ping("vm4", "121.167.232.64", source="10.33.0.5")
    lab.run(1)
    assert probe.replies == [(1, 64)]
    assert {str(ip.src) for r in lab.events(Received, "client") if (ip := r.event.frame.find(IPv4))} == {"35.1.1.1"}


def test_each_vm_has_its_own_ports_and_no_more() -> None:
    lab = behind_nat(64)
    heard: set[int] = set()
    lab.udp("client", 9)
    lab.udp("client", 10)
    for number in range(65):
        lab.restart()
        lab.udp("vm3", 5000 + number).send_to(Ip4.parse("121.167.232.64"), 9, b"x")
        lab.run(0.01)
        heard |= {udp.sport for r in lab.events(Received, "client") if (udp := r.event.frame.find(Udp))}
    assert heard == set(range(1024, 1088))
    assert lab.why() == ["Cloud NAT has no free port: the 64 ports of vm3 are in use towards 121.167.232.64"]
    # Another remote port is another connection, and a silent flow is forgotten after 30 s.
    lab.restart()
    lab.udp("vm3", 6000).send_to(Ip4.parse("121.167.232.64"), 10, b"x")
    lab.run(31)
    lab.udp("vm3", 6001).send_to(Ip4.parse("121.167.232.64"), 9, b"x")
    lab.run(1)
    assert lab.why() == []
    # vm4 has the next block.
    lab.restart()
    lab.addr("vm4:eth0", "10.33.0.9/32")
    assert lab.ping("vm4", "121.167.232.64", source="10.33.0.9").replies == []
    lab.run(1)
    assert {icmp.id for r in lab.events(Received, "client") if (icmp := r.event.frame.find(Icmp))} == {1088}


@pytest.mark.parametrize(
    ("ports", "error", "said"),
    [
        (100, ConfigError, "expected a power of two up to 32768"),
        (65536, ConfigError, "power of two"),
        (32, NotModelled, "at least 64"),
    ],
)
def test_ports_per_vm_that_cannot_be(ports: int, error: type[PodwireError], said: str) -> None:
    with pytest.raises(error, match=said):
        behind_nat(ports)
