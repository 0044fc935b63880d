"""A COS VM as a GKE node: eth0 by DHCP, docker0, and the rules that its image and the boot script leave (sheet sections 3.1 and 3.5)."""

from __future__ import annotations

from typing import Final

from podwire.fabric.cloud import METADATA, GcpVpc, Nic
from podwire.fabric.cloud import nic_mac as vpc_mac
from podwire.linux.fib import RTPROT_DHCP, NextHop, Route
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, Link
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.platform.gke.masquerade import BOOT_CHAIN
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Ip4, Ip6, Mac, Net

DHCP: Final = Owner("dhcp", "lease of eth0")
IMAGE: Final = Owner("cos", "the image's host firewall")
BOOT: Final = Owner("configure-helper.sh", "GKE's boot script")
_METRIC: Final = 1024
_LEASE: Final = 3600
_NSEC: Final = 1_000_000_000
_LOOPBACK6: Final = Ip6.parse("::1")
_DOCKER: Final = Ip4.parse("169.254.123.1")
_POLICIES: Final = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n"
_OPEN: Final = "".join(
    f"-A {chain} -p {name} -j ACCEPT\n" for chain in ("INPUT", "FORWARD") for name in ("tcp", "udp", "icmp", "sctp")
)
_CONCEALED: Final = f"*mangle\n-I OUTPUT -s {METADATA}/32 -j DROP\nCOMMIT\n"


def start_node(machine: Machine, vpc: GcpVpc, nic: Nic, *, default_snat: bool | None = None) -> Link:
    """Boot a COS VM: eth0 by DHCP with a /32 and its routes, then docker0 without a port.

    ``default_snat``: as a node of GKE, whose boot script opens the host firewall and writes the chain IP-MASQ or leaves that; None for a
    VM that stands in a VPC without GKE.
    """
    netns = machine.root.netns
    kernel = Netlink(netns)
    kernel.link_up(netns.loopback)
    _manage_loopback(netns.loopback)
    eth0 = kernel.ethernet_add("eth0", vpc_mac(nic.ip), nic.port, mtu=vpc.mtu, qdisc="mq", queues=2)
    nic.port.link = eth0
    kernel.link_up(eth0)
    lease(machine, eth0, nic.ip, nic.gateway)
    _start_docker(netns.machine)
    if default_snat is not None:
        _boot_rules(machine, default_snat=default_snat)
    return eth0


def _boot_rules(machine: Machine, *, default_snat: bool) -> None:
    """The image drops what comes in and what is forwarded; the boot script lets four protocols through, and empties nat (3.5)."""
    Netlink(machine.root.netns, IMAGE).iptables_restore(_POLICIES)
    script = Netlink(machine.root.netns, BOOT)
    script.iptables_restore(f"*filter\n{_OPEN}COMMIT\n*nat\n-F\nCOMMIT\n{_CONCEALED}", noflush=True)
    if default_snat:
        script.iptables_restore(BOOT_CHAIN, noflush=True)


def _manage_loopback(lo: Link) -> None:
    """systemd-networkd puts ::1 there itself, without a prefix route (seed 000.

    ``inet6 ::1/128 scope host noprefixroute``).
    """
    door = Netlink(lo.netns, Owner("systemd-networkd"))
    if any(address.local == _LOOPBACK6 for address in lo.addresses6):
        door.addr_del(lo, _LOOPBACK6, _LOOPBACK6.bits)
        door.addr_add(lo, _LOOPBACK6, _LOOPBACK6.bits, scope=SCOPE_HOST, noprefixroute=True)


def lease(machine: Machine, eth0: Link, ip: Ip, gateway: Ip) -> None:
    """systemd-networkd's DHCP client: a /32, the gateway on-link, the metadata server; renewed at half its life."""
    door = Netlink(machine.root.netns, DHCP)
    door.addr_add(eth0, ip, 32, metric=_METRIC, valid_lft=_LEASE, preferred_lft=_LEASE, exclusive=False)
    on_link = NextHop(eth0.ifindex)
    through = NextHop(eth0.ifindex, gateway)
    for dst, hop, scope in (
        (Net(gateway, 32), on_link, SCOPE_LINK),
        (Net(Ip4(0), 0), through, 0),
        (Net(METADATA, 32), through, 0),
    ):
        route = Route(dst, scope=scope, proto=RTPROT_DHCP, metric=_METRIC, src=ip, nexthops=(hop,))
        door.route_add(route)
    _renew(machine, eth0, ip)


def _renew(machine: Machine, eth0: Link, ip: Ip) -> None:
    door = Netlink(machine.root.netns, DHCP)

    def again() -> None:
        if any(address.local == ip for address in eth0.addresses):
            door.addr_add(eth0, ip, 32, metric=_METRIC, valid_lft=_LEASE, preferred_lft=_LEASE, exclusive=False)
            _renew(machine, eth0, ip)

    machine.world.at(machine.world.now + _LEASE // 2 * _NSEC, again)


def _start_docker(machine: Machine) -> None:
    """COS starts a Docker daemon whose bridge nobody uses: NO-CARRIER, and its route is linkdown."""
    door = Netlink(machine.root.netns, Owner("dockerd"))
    low = machine.random("docker0").getrandbits(32)
    bridge = door.link_add("docker0", "bridge", mac=Mac(0x0242 << 32 | low), txqueuelen=0)
    door.addr_add(bridge, _DOCKER, 24, broadcast=Ip4.parse("169.254.123.255"))
    door.link_up(bridge)
