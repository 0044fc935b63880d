"""The networks of a cluster, by name, and the Internet behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from podwire.errors import ConfigError, NotModelled
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.cloudnat import MIN_PORTS
from podwire.fabric.firewall import FirewallRule
from podwire.fabric.internet import Internet
from podwire.fabric.loss import Loss
from podwire.fabric.network import Network
from podwire.fabric.segment import LATENCY, Segment
from podwire.fabric.uplink import Uplink
from podwire.fabric.vnet import AwsVpc, AzureVnet, VirtualNetwork
from podwire.fabric.vpc import CloudNetwork
from podwire.platform.gke import GKE
from podwire.platform.gke import MTU as GKE_MTU
from podwire.wire.addr import Ip, Ip4, Net

AnyNetwork: TypeAlias = Segment | Uplink | VirtualNetwork | GcpVpc
_CLOUDS: Final[Mapping[str, type[VirtualNetwork]]] = MappingProxyType({"aws-vpc": AwsVpc, "azure-vnet": AzureVnet})
KINDS: Final = ("segment", *_CLOUDS)
_EXTERNAL: Final = Net.parse("198.51.100.0/24")
"""Where an uplink gets the address that the Internet sees, unless one is given (RFC 5737)."""


class Networks:
    """What machines are plugged into, in order of creation. One per cluster."""

    def __init__(self, network: Network, cni: object) -> None:
        self.network = network
        self._cni = cni
        self._by_name: dict[str, AnyNetwork] = {}
        self._taken: dict[str, set[Ip]] = {}
        self._internet: Internet | None = None

    @property
    def internet(self) -> Internet:
        """The Internet, made when first needed."""
        if self._internet is None:
            self._internet = Internet(self.network)
        return self._internet

    def __iter__(self) -> Iterator[AnyNetwork]:
        return iter(self._by_name.values())

    def find(self, what: str, name: str) -> AnyNetwork:
        """The network of that name; raises ``ConfigError`` about ``what`` that lists what there is."""
        found = self._by_name.get(name)
        if found is None:
            raise ConfigError(what, f"network {name!r} is not there; networks are {', '.join(self._by_name) or 'none'}")
        return found

    # -- making them ---------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        cidr: str,
        kind: str = "segment",
        mtu: int | None = None,
        latency: float | None = None,
        drops: Sequence[str] = (),
        subnets: Sequence[str] = (),
    ) -> Segment | VirtualNetwork:
        """See ``Cluster.add_network``."""
        what = f"network {name!r}"
        net, losses, delay = net_of(what, cidr), losses_of(what, drops), _nanoseconds(latency)
        _check_mtu(what, mtu)
        if kind == "segment":
            if subnets:
                raise ConfigError(what, "a segment has no subnets")
            segment = Segment(self.network, name, net, mtu=1500 if mtu is None else mtu, latency=delay, drops=losses)
            self._by_name[name] = segment
            return segment
        cloud = _CLOUDS.get(kind)
        if cloud is None:
            raise ConfigError(what, f"kind {kind!r}: expected one of {', '.join(KINDS)}")
        parts = _parts(what, net, subnets)
        made = cloud(
            self.network, name, net, subnets=parts, mtu=mtu, latency=delay, drops=losses, internet=self.internet
        )
        self._by_name[name] = made
        return made

    def add_vpc(
        self,
        name: str,
        cidr: str,
        project: str,
        zone: str,
        firewall: Sequence[FirewallRule],
        subnets: Sequence[str] = (),
        mtu: int | None = None,
        latency: float | None = None,
        drops: Sequence[str] = (),
        cloud_nat: str | None = None,
        cloud_nat_ports: int = MIN_PORTS,
    ) -> GcpVpc:
        """See ``Cluster.add_vpc``."""
        what = f"network {name!r}"
        if isinstance(self._cni, GKE) and mtu not in {None, GKE_MTU}:
            raise NotModelled(f"GKE in a VPC whose mtu is not {GKE_MTU}", what)
        _check_mtu(what, mtu)
        vpc = GcpVpc(
            self.network,
            name,
            net_of(what, cidr),
            subnets=tuple(net_of(what, text) for text in subnets),
            project=project,
            zone=zone,
            mtu=GKE_MTU if mtu is None else mtu,
            latency=_nanoseconds(latency),
            drops=losses_of(what, drops),
            internet=self.internet,
            cloud_nat=ip_of(what, cloud_nat) if cloud_nat else None,
            cloud_nat_ports=cloud_nat_ports,
        )
        rules = (*self._cni.firewall_rules(), *firewall) if isinstance(self._cni, GKE) else tuple(firewall)
        for rule in rules:
            vpc.allow(rule)
        self._by_name[name] = vpc
        return vpc

    def add_uplink(
        self,
        name: str,
        cidr: str,
        gateway: str | None = None,
        dns: str | None = None,
        lease: str | None = None,
        external_ip: str | None = None,
        isolated: bool = True,  # noqa: FBT001, FBT002 - the fields of an uplink
        mtu: int | None = None,
        latency: float | None = None,
        drops: Sequence[str] = (),
    ) -> Uplink:
        """See ``Cluster.add_uplink``."""
        what = f"network {name!r}"
        _check_mtu(what, mtu)
        uplink = Uplink(
            self.network,
            name,
            net_of(what, cidr),
            self.internet,
            ip_of(what, external_ip) if external_ip else self._external(what),
            gateway=ip_of(what, gateway) if gateway else None,
            dns=ip_of(what, dns) if dns else None,
            lease=ip_of(what, lease) if lease else None,
            isolated=isolated,
            mtu=1500 if mtu is None else mtu,
            latency=_nanoseconds(latency),
            drops=losses_of(what, drops),
        )
        self._by_name[name] = uplink
        return uplink

    def _external(self, what: str) -> Ip:
        for number in range(1, 255):
            ip = Ip4(int(_EXTERNAL.addr) + number)
            if not self.internet.is_taken(ip):
                return ip
        raise ConfigError(what, f"no address of {_EXTERNAL} is free; give external_ip")

    # -- changing them -------------------------------------------------------------------------------------------

    def set(self, name: str, mtu: int | None, drops: Sequence[str] | None) -> None:
        """See ``Cluster.set_network``."""
        what = f"network {name!r}"
        found = self.find(what, name)
        _check_mtu(what, mtu)
        losses = losses_of(what, drops) if drops is not None else found.drops
        if mtu is not None:
            found.mtu = mtu
        found.drops = losses

    def set_nic(self, machine: str, network: str | None, *, source_dest_check: bool) -> None:
        """See ``Cluster.set_nic``."""
        what = f"machine {machine!r}"
        homes = [self.find(what, network)] if network is not None else list(self)
        nics = [nic for home in homes if isinstance(home, CloudNetwork) for nic in home.nics if nic.vm == machine]
        if len(nics) != 1:
            many = "stands in several networks of a cloud: say which" if nics else "has no NIC in a network of a cloud"
            raise ConfigError(what, many)
        nics[0].source_dest_check = source_dest_check

    def add_route(self, name: str, text: str) -> None:
        """See ``Cluster.add_cloud_route``."""
        what = f"network {name!r}"
        found = self.find(what, name)
        if not isinstance(found, CloudNetwork):
            raise ConfigError(what, "has no routes of its own: it is no network of a cloud")
        prefix, vm = route_words(what, text)
        found.add_route(prefix, vm)

    # -- addresses -----------------------------------------------------------------------------------------------

    def take(self, name: str, ip: Ip) -> None:
        """An address of a network is in use."""
        self._taken.setdefault(name, set()).add(ip)

    def taken(self, name: str) -> frozenset[Ip]:
        """The addresses of a network that are in use."""
        return frozenset(self._taken.get(name, ()))

    def free(self, name: str, cidr: Net, *, first: int, last: int = 1) -> Ip:
        """The first free address from ``first`` on, the ``last`` ones left out; it is in use from now on. Raises ``ConfigError``."""
        taken = self._taken.setdefault(name, set())
        for number in range(first, (1 << 32 - cidr.plen) - last):
            ip = Ip4(int(cidr.addr) + number)
            if ip not in taken:
                taken.add(ip)
                return ip
        raise ConfigError(f"network {name!r}", f"no address in {cidr} is free")


def _nanoseconds(latency: float | None) -> int:
    return LATENCY if latency is None else round(latency * 1_000_000_000)


def _check_mtu(what: str, mtu: int | None) -> None:
    if mtu is not None and not 68 <= mtu <= 65535:
        raise ConfigError(what, f"mtu {mtu}: expected 68 to 65535")


def _parts(what: str, cidr: Net, subnets: Sequence[str]) -> tuple[Net, ...]:
    parts = tuple(net_of(what, text) for text in subnets)
    for part in parts:
        if part.addr not in cidr or part.plen < cidr.plen:
            raise ConfigError(what, f"subnet {part} is outside {cidr}")
    return parts


def losses_of(what: str, drops: Sequence[str]) -> tuple[Loss, ...]:
    """Raises ``ConfigError`` for a text that ``Loss.parse`` does not take."""
    if isinstance(drops, str):
        raise ConfigError(what, f"drops {drops!r}: expected a list")
    try:
        return tuple(Loss.parse(text) for text in drops)
    except ValueError as error:
        raise ConfigError(what, f"drops {error}") from None


def route_words(what: str, text: str) -> tuple[Net, str]:
    """``PREFIX via WHOM``; raises ``ConfigError``."""
    words = text.split()
    if len(words) != 3 or words[1] != "via":
        raise ConfigError(what, f"route {text!r}: expected 'PREFIX via GATEWAY'")
    return Net(Ip4(0), 0) if words[0] == "default" else net_of(what, words[0]), words[2]


def net_of(what: str, text: str) -> Net:
    """Raises ``ConfigError`` about ``what``."""
    try:
        return Net.parse(text)
    except ValueError as error:
        raise ConfigError(what, str(error)) from None


def ip_of(what: str, text: str) -> Ip:
    """Raises ``ConfigError`` about ``what``."""
    try:
        return Ip.parse(text)
    except ValueError as error:
        raise ConfigError(what, str(error)) from None
