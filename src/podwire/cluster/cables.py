"""NICs: what may be plugged in where, and what a NIC gets there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from podwire.cluster.leases import Lease, accept
from podwire.cluster.networks import AnyNetwork, Networks, ip_of, route_words
from podwire.errors import ConfigError
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.segment import Segment
from podwire.fabric.uplink import Uplink
from podwire.fabric.vnet import VirtualNetwork
from podwire.linux.link import Link
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

LAB: Final = Owner("lab")
_LEASE: Final = 86400
"""VirtualBox's DHCP server gives addresses for a day."""


_DEVICE: Final = re.compile(r"[^/:\s]{1,15}")
"""``dev_valid_name``."""


class NicSpec(msgspec.Struct, frozen=True):
    """A NIC of a machine: its device name, the network it is plugged into and its address with prefix length.

    ``dhcp`` takes address and default route from an uplink; in a cloud's network every NIC does. ``source_dest_check`` is a
    switch of clouds (``fabric.vpc.Nic``).
    """

    name: str
    network: str
    address: str = ""
    mtu: int = 0
    dhcp: bool = False
    source_dest_check: bool = True


class Cables:
    """Plugs NICs into networks. One per cluster."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    # -- looking first -------------------------------------------------------------------------------------------

    def check(
        self,
        what: str,
        nics: Sequence[NicSpec],
        gateways: Sequence[str] = (),
        external: Ip | None = None,
        *,
        node: bool = False,
    ) -> None:
        """Raise ``ConfigError`` for NICs that cannot be plugged in, and for gateways that none of them reaches.

        A ``node`` needs an address.
        """
        names = {"lo"}
        reached: list[Net] = []
        for nic in nics:
            if nic.name in names:
                raise ConfigError(what, f"has a device {nic.name} already")
            if not _DEVICE.fullmatch(nic.name) or nic.name in {".", ".."}:
                raise ConfigError(
                    what, f"device name {nic.name!r}: expected at most 15 characters without blanks, '/' and ':'"
                )
            names.add(nic.name)
            reached += self._check_nic(what, nic, self._networks.find(what, nic.network), external)
        if node and not reached:
            raise ConfigError(what, "has no address")
        for text in gateways:
            gateway = ip_of(what, text)
            if not any(gateway in net for net in reached):
                known = ", ".join(str(net) for net in reached) or "no network"
                raise ConfigError(what, f"gateway {gateway} is behind none of its NICs, which stand in {known}")

    def _check_nic(self, what: str, nic: NicSpec, home: AnyNetwork, external: Ip | None) -> list[Net]:
        """The networks that it reaches by itself."""
        if nic.mtu and not 68 <= nic.mtu <= 65535:
            raise ConfigError(what, f"{nic.name}: mtu {nic.mtu}: expected 68 to 65535")
        if isinstance(home, GcpVpc):
            raise ConfigError(
                what, f"network {home.name!r} is a gcp-vpc: a node there has address and network, no nics"
            )
        if isinstance(home, VirtualNetwork):
            if not nic.address:
                if external is not None and home.internet is not None:
                    home.internet.require_free(external, what)
                return [home.subnets[0]]
            ip, plen = interface(what, nic.address, home.cidr)
            subnet = home.check_nic(what, ip, external=external)
            if "/" in nic.address and plen != subnet.plen:
                raise ConfigError(what, f"address {nic.address!r}: the subnet is {subnet}")
            return [subnet]
        if not nic.source_dest_check:
            raise ConfigError(what, f"source_dest_check needs a network of a cloud, and {home.name} is none")
        if nic.dhcp and not isinstance(home, Uplink):
            raise ConfigError(what, f"{nic.name}: network {home.name} has no DHCP server; an uplink has")
        if nic.dhcp and nic.address:
            raise ConfigError(what, f"{nic.name}: give either dhcp or an address")
        if nic.dhcp and isinstance(home, Uplink):
            home.lease(self._networks.taken(home.name))
        if not nic.address:
            return [home.cidr] if nic.dhcp else []
        return [Net.of(*interface(what, nic.address, home.cidr))]

    # -- plugging in ---------------------------------------------------------------------------------------------

    def plug(
        self, machine: Machine, nics: Sequence[NicSpec], mtu: int | None = None, external_ip: Ip | None = None
    ) -> list[Ip]:
        """Plug the NICs in. Returns the addresses, those of DHCP on uplinks last: a node is known by the others.

        Raises ``ConfigError``.
        """
        what = f"machine {machine.name!r}"
        door = Netlink(machine.root.netns, LAB)
        door.link_up(machine.root.netns.loopback)
        addresses: list[Ip] = []
        leased: list[Ip] = []
        for nic in nics:
            home = self._networks.find(what, nic.network)
            if isinstance(home, VirtualNetwork):
                addresses.append(self._join_cloud(what, machine, nic, home, mtu, external_ip))
            elif isinstance(home, Segment | Uplink):
                link = self._cable(machine, nic, home, mtu)
                if nic.dhcp and isinstance(home, Uplink):
                    leased.append(self._take_lease(link, home))
                elif nic.address:
                    addresses.append(self._static(what, link, nic, home))
        return addresses + leased

    def _cable(self, machine: Machine, nic: NicSpec, home: Segment | Uplink, mtu: int | None) -> Link:
        netns = machine.root.netns
        door = Netlink(netns, LAB)
        port = home.new_port()
        link = door.ethernet_add(
            nic.name, netns.draw_mac(nic.name), port, mtu=nic.mtu or mtu or home.mtu, qdisc="fq_codel", queues=1
        )
        port.link = link
        door.link_up(link)
        return link

    def _static(self, what: str, link: Link, nic: NicSpec, home: Segment | Uplink) -> Ip:
        ip, plen = interface(what, nic.address, home.cidr)
        door = Netlink(link.netns, LAB)
        door.addr_add(link, ip, plen, broadcast=Net.of(ip, plen).broadcast if plen < 31 else None)
        self._networks.take(home.name, ip)
        return ip

    def _take_lease(self, link: Link, home: Uplink) -> Ip:
        ip = home.lease(self._networks.taken(home.name))
        self._networks.take(home.name, ip)
        servers = (home.dns,) if home.dns != home.gateway else ()
        accept(link, Lease(ip, home.cidr, home.gateway, servers, _LEASE))
        return ip

    def _join_cloud(
        self, what: str, machine: Machine, nic: NicSpec, home: VirtualNetwork, mtu: int | None, external: Ip | None
    ) -> Ip:
        """The provider's DHCP server gives address and routes."""
        if nic.address:
            ip, _ = interface(what, nic.address, home.cidr)
        else:
            ip = self._networks.free(home.name, home.subnets[0], first=home.reserved[0])
        joined = home.add_nic(machine.name, ip, external=external, source_dest_check=nic.source_dest_check)
        self._networks.take(home.name, ip)
        netns = machine.root.netns
        door = Netlink(netns, LAB)
        link = door.ethernet_add(
            nic.name, netns.draw_mac(nic.name), joined.port, mtu=nic.mtu or mtu or home.mtu, qdisc="mq", queues=2
        )
        joined.port.link = link
        door.link_up(link)
        accept(link, Lease(ip, joined.subnet, joined.gateway, home.services, home.lease_time))
        return ip


def vias(what: str, routes: Sequence[str], gateway: str | None = None) -> list[str]:
    """The gateways of routes ``PREFIX via GATEWAY``; raises ``ConfigError`` for a text that is none."""
    return [*(route_words(what, text)[1] for text in routes), *([gateway] if gateway is not None else [])]


def interface(what: str, text: str, cidr: Net | None) -> tuple[Ip, int]:
    """``ADDRESS/LENGTH``; without a length the network's own, or the host's. Raises ``ConfigError``."""
    head, slash, tail = text.partition("/")
    ip = ip_of(what, head)
    if slash and not (tail.isdecimal() and int(tail) <= ip.bits):
        raise ConfigError(what, f"address {text!r}: expected ADDRESS/LENGTH")
    if cidr is not None and ip not in cidr:
        raise ConfigError(what, f"address {text!r} is outside the network {cidr}")
    if slash:
        return ip, int(tail)
    return ip, cidr.plen if cidr is not None else ip.bits
