"""The networks of AWS and Azure: who answers ARP, where frames go, and the check of sources and destinations."""

import pytest

from podwire.errors import ConfigError
from podwire.fabric.internet import Internet
from podwire.fabric.loss import Loss
from podwire.fabric.vnet import AZURE_MAC, AwsVpc, AzureVnet, VirtualNetwork
from podwire.fabric.vpc import Nic
from podwire.trace.events import ByFabric, ByNotModelled, Carried, Dropped, Received
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.headers import Arp, Ethernet, Icmp, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

MACS = {name: f"02:00:00:00:00:0{index}" for index, name in enumerate(("a", "b", "c"), start=1)}
AWS_GATEWAY = Mac.parse("02:00:0a:00:01:01")
BOTH = pytest.mark.parametrize("kind", [AwsVpc, AzureVnet])


class Cloud(Lab):
    """a 10.0.1.4 and b 10.0.1.5 in one subnet, c 10.0.2.4 in another; a has the external address 34.1.2.3."""

    def __init__(self, kind: type[VirtualNetwork]) -> None:
        super().__init__()
        internet = Internet(self.network)
        subnets = (Net.parse("10.0.1.0/24"), Net.parse("10.0.2.0/24"))
        self.vpc = kind(self.network, "cloud", Net.parse("10.0.0.0/16"), subnets=subnets, internet=internet)
        self.nics: dict[str, Nic] = {}
        for name, ip in (("a", "10.0.1.4"), ("b", "10.0.1.5"), ("c", "10.0.2.4")):
            outside = Ip4.parse("34.1.2.3") if name == "a" else None
            nic = self.nics[name] = self.vpc.add_nic(name, Ip4.parse(ip), external=outside)
            self.machine(name)
            nic.port.link = self.door(name).ethernet_add("eth0", Mac.parse(MACS[name]), nic.port, mtu=self.vpc.mtu)
            self.up(f"{name}:eth0")
            self.addr(f"{name}:eth0", f"{ip}/24")
            self.route(name, f"default via {nic.gateway} dev eth0")
        self.machine("server")
        port = internet.new_port(Ip4.parse("203.0.113.7"))
        port.link = self.door("server").ethernet_add("eth0", Mac.parse("02:00:00:00:00:99"), port)
        self.up("server:eth0")
        self.addr("server:eth0", "203.0.113.7/32")
        self.route("server", "default dev eth0 scope link")
        self.restart()

    def put(self, name: str, src: str, dst: str, mac: str | Mac, proto: int = 17) -> None:
        """One packet of that machine, in a frame to that MAC."""
        self.restart()
        layers = (IPv4(Ip4.parse(src), Ip4.parse(dst), proto), *((Udp(1, 2),) if proto == 17 else ()))
        packet = Packet(layers, b"x")
        to = Mac.parse(mac) if isinstance(mac, str) else mac
        self.inject(f"{name}:eth0", packet.push(Ethernet(to, self.link(f"{name}:eth0").mac)))
        self.run(1)

    def heard(self) -> list[str]:
        return [r.netns for r in self.events(Received) if r.event.frame.find(IPv4)]

    def end(self) -> tuple[str, str]:
        by = self.events(Dropped, "cloud")[-1].event.by
        if isinstance(by, ByNotModelled):
            return "not modelled", by.what
        assert isinstance(by, ByFabric)
        return by.kind or by.name, by.why


@BOTH
def test_everybody_reaches_everybody_and_no_ttl_is_taken(kind: type[VirtualNetwork]) -> None:
    lab = Cloud(kind)
    for name in ("a", "b", "c"):
        for target in ("10.0.1.4", "10.0.1.5", "10.0.2.4"):
            probe = lab.ping(name, target)
            lab.run(1)
            assert probe.replies == [(1, 64)]
    assert check_invariants(lab.records, finished=True) == []


def test_aws_answers_arp_with_the_macs_of_the_subnet_and_azure_with_one_for_all() -> None:
    expected: dict[type[VirtualNetwork], list[Mac | None]] = {
        AwsVpc: [Mac.parse(MACS["b"]), AWS_GATEWAY, None, None],
        AzureVnet: [AZURE_MAC, AZURE_MAC, AZURE_MAC, AZURE_MAC],
    }
    for kind, macs in expected.items():
        lab = Cloud(kind)
        for target, mac in zip(("10.0.1.5", "10.0.1.1", "10.0.1.99", "10.0.2.4"), macs, strict=True):
            lab.restart()
            lab.ask("a:eth0", target, "10.0.1.4")
            lab.run(1)
            answers = [arp.sha for r in lab.events(Received, "a") if (arp := r.event.frame.find(Arp))]
            assert answers == ([mac] if mac is not None else [])
            # Nothing is broadcast.
            assert lab.events(Received, "b") == []
        if kind is AwsVpc:
            assert lab.end()[1].startswith("no NIC in subnet 10.0.1.0/24 of cloud has 10.0.2.4")


@BOTH
def test_the_source_has_to_be_the_senders_own(kind: type[VirtualNetwork]) -> None:
    lab = Cloud(kind)
    mac = MACS["b"] if kind is AwsVpc else AZURE_MAC
    lab.put("a", "10.244.0.5", "10.0.1.5", mac)
    assert lab.heard() == []
    assert lab.end() == (f"{lab.vpc.component}-check", "10.244.0.5, its source, is not an address of a, which sent it")
    by = lab.events(Dropped, "cloud")[-1].event.by
    assert isinstance(by, ByFabric)
    assert (by.name, by.owner.object, by.owner.field) == ("a", "the NIC of a in cloud", "source_dest_check")
    lab.nics["a"].source_dest_check = False
    lab.put("a", "10.244.0.5", "10.0.1.5", mac)
    assert lab.heard()[0] == "b"


def test_aws_takes_a_frame_inside_a_subnet_to_its_mac_if_the_receivers_check_is_off() -> None:
    """Calico's CrossSubnet without encapsulation (Calico sheet, section 10, row 4)."""
    lab = Cloud(AwsVpc)
    lab.put("a", "10.0.1.4", "10.244.1.7", MACS["b"])
    assert lab.end() == ("aws-check", "10.244.1.7, its destination, is not an address of b, where it was to go")
    lab.nics["b"].source_dest_check = False
    lab.put("a", "10.0.1.4", "10.244.1.7", MACS["b"])
    assert lab.heard() == ["b"]
    assert [(r.event.to, r.event.why) for r in lab.events(Carried)] == [("b", "the frame has its MAC")]
    # Azure looks at the address alone.
    azure = Cloud(AzureVnet)
    azure.nics["b"].source_dest_check = False
    azure.put("a", "10.0.1.4", "10.244.1.7", MACS["b"])
    assert azure.end() == ("cloud-route", "no NIC and no route of cloud has 10.244.1.7")


@BOTH
def test_a_route_of_the_cloud_leads_to_a_machine_whose_check_is_off(kind: type[VirtualNetwork]) -> None:
    lab = Cloud(kind)
    gateway = AWS_GATEWAY if kind is AwsVpc else AZURE_MAC
    lab.put("a", "10.0.1.4", "10.244.1.7", gateway)
    assert lab.end() == ("cloud-route", "no NIC and no route of cloud has 10.244.1.7")
    lab.vpc.add_route(Net.parse("10.244.0.0/16"), "b")
    lab.vpc.add_route(Net.parse("10.244.1.0/24"), "10.0.2.4")
    lab.put("a", "10.0.1.4", "10.244.1.7", gateway)
    assert lab.end() == (
        f"{lab.vpc.component}-check",
        "10.244.1.7, its destination, is not an address of c, where it was to go",
    )
    lab.nics["c"].source_dest_check = False
    lab.put("a", "10.0.1.4", "10.244.1.7", gateway)
    assert lab.heard() == ["c"]
    assert lab.events(Carried)[0].event.why == "the route for 10.244.1.0/24 leads to it"
    with pytest.raises(ConfigError, match=r"no machine 'd' stands in it; machines are a, b, c"):
        lab.vpc.add_route(Net.parse("10.244.2.0/24"), "d")


def test_azure_never_carries_ip_in_ip_nor_gre_and_aws_does() -> None:
    """Calico sheet, section 10, row 2."""
    for proto, name in ((4, "ipip"), (47, "gre")):
        azure = Cloud(AzureVnet)
        azure.put("a", "10.0.1.4", "10.0.1.5", AZURE_MAC, proto)
        assert azure.heard() == []
        assert azure.end() == (
            "never-carried",
            f"Azure never carries {name}, and cloud is a virtual network there",
        )
        aws = Cloud(AwsVpc)
        aws.put("a", "10.0.1.4", "10.0.1.5", MACS["b"], proto)
        assert aws.heard()[0] == "b"


@BOTH
def test_what_else_is_not_carried(kind: type[VirtualNetwork]) -> None:
    lab = Cloud(kind)
    gateway = AWS_GATEWAY if kind is AwsVpc else AZURE_MAC
    for dst in ("224.0.0.5", "10.0.1.255", "255.255.255.255"):
        lab.put("a", "10.0.1.4", dst, gateway)
        assert lab.end() == ("no-broadcast", "cloud carries neither broadcast nor multicast")
    lab.put("a", "10.0.1.4", "10.0.1.1", gateway)
    assert lab.end() == ("gateway", "the subnet's gateway 10.0.1.1 answers ARP only")
    for service in lab.vpc.services:
        lab.put("a", "10.0.1.4", str(service), gateway)
        assert lab.end() == ("not modelled", f"the service of the {lab.vpc.noun} at {service}")
    lab.put("a", "10.0.1.4", "10.0.1.4", gateway)
    assert lab.end()[0] == "own range"
    lab.inject("a:eth0", Packet((Ethernet(AZURE_MAC, lab.link("a:eth0").mac, 0x86DD),), bytes(40)))
    lab.run(1)
    assert lab.end() == ("ipv4-only", f"{lab.vpc.noun} cloud carries IPv4 and ARP only")


@BOTH
def test_its_mtu_and_what_it_loses_may_be_changed(kind: type[VirtualNetwork]) -> None:
    lab = Cloud(kind)
    lab.vpc.mtu = 1000
    probe = lab.ping("a", "10.0.1.5", size=973)
    lab.run(1)
    assert probe.replies == []
    assert lab.end() == ("network-mtu", "network cloud carries packets of at most 1000 bytes, and this one has 1001")
    lab.vpc.mtu = 1500
    lab.vpc.drops = (Loss.parse("icmp"),)
    probe = lab.ping("a", "10.0.1.5")
    lab.run(1)
    assert probe.replies == []
    assert lab.end() == ("loss", "network cloud loses icmp")
    lab.vpc.drops = ()
    probe = lab.ping("a", "10.0.1.5")
    lab.run(1)
    assert probe.replies == [(1, 64)]


@BOTH
def test_only_what_has_an_external_address_reaches_the_internet(kind: type[VirtualNetwork]) -> None:
    lab = Cloud(kind)
    probe = lab.ping("a", "203.0.113.7")
    lab.run(1)
    assert probe.replies == [(1, 64)]
    seen = [str(ip.src) for r in lab.events(Received, "server") if (ip := r.event.frame.find(IPv4))]
    assert seen == ["34.1.2.3"]
    back = lab.ping("server", "34.1.2.3")
    lab.run(1)
    assert back.replies == [(1, 64)]
    lab.ping("b", "203.0.113.7")
    lab.run(1)
    assert lab.end() == ("no external address", "b cannot reach the Internet: it has no external address")
    lab.nics["a"].source_dest_check = False
    lab.put("a", "10.244.0.5", "203.0.113.7", AWS_GATEWAY if kind is AwsVpc else AZURE_MAC)
    assert lab.end()[1].startswith("10.244.0.5 cannot leave for the Internet: it is no primary address")


def test_the_sender_inside_a_subnet_of_aws_keeps_its_mac() -> None:
    lab = Cloud(AwsVpc)
    for name, expected in (("a", Mac.parse(MACS["a"])), ("c", AWS_GATEWAY)):
        lab.restart()
        lab.ping(name, "10.0.1.5")
        lab.run(1)
        frame = next(r.event.frame for r in lab.events(Received, "b") if r.event.frame.find(Icmp))
        eth = frame.find(Ethernet)
        assert eth is not None
        assert eth.src == expected


@pytest.mark.parametrize("ip", ["10.0.1.0", "10.0.1.1", "10.0.1.3", "10.0.1.255", "10.0.3.9", "10.0.1.4"])
def test_addresses_that_cannot_be_had(ip: str) -> None:
    with pytest.raises(ConfigError, match=r"reserved|belongs to a"):
        Cloud(AwsVpc).vpc.add_nic("d", Ip4.parse(ip))


def test_an_external_address_belongs_to_one() -> None:
    with pytest.raises(ConfigError, match=r"34\.1\.2\.3 belongs to node 'a'"):
        Cloud(AwsVpc).vpc.add_nic("d", Ip4.parse("10.0.1.9"), external=Ip4.parse("34.1.2.3"))


def test_subnets_do_not_overlap() -> None:
    lab = Lab()
    subnets = (Net.parse("10.0.0.0/24"), Net.parse("10.0.0.128/25"))
    with pytest.raises(ConfigError, match="overlap"):
        AwsVpc(lab.network, "cloud", Net.parse("10.0.0.0/16"), subnets=subnets)
