"""What has to hold between the parts of a lab, looked at before anything is built, so that a complaint names a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podwire.errors import ConfigError, NotModelled
from podwire.kube.fields import Field
from podwire.lab.document import Host, Nic, Node, Router, Segment, Spec, Vpc
from podwire.linux.image import image
from podwire.platform.gke import GKE
from podwire.wire.addr import Ip, Net

Networks = Mapping[str, Segment | Vpc]


class Checker:
    """Walks over machines and remembers which names and addresses are taken."""

    def __init__(self, networks: Networks, gke: GKE | None) -> None:
        self._networks = networks
        self._gke = gke
        self._names: dict[str, str] = {"internet": "the Internet itself"}
        self._addresses: dict[tuple[str, Ip], str] = {}
        self._pod_cidrs: dict[Net, str] = {}

    def check(self, spec: Spec) -> None:
        """Raise ``ManifestError`` or ``NotModelled`` for the first thing that cannot be."""
        for name, network in self._networks.items():
            self._name(name, network.at)
        for name, router in spec.routers.items():
            self._name(name, router.at)
            self._router(router)
        for name, node in spec.nodes.items():
            self._name(name, node.at)
            self._node(name, node)
        for name, host in spec.hosts.items():
            self._name(name, host.at)
            self._host(host)
        for step in spec.setup:
            if step.run is not None and step.run.node is not None and step.run.node not in spec.nodes:
                raise step.run.at.at("node").error(f"one of the nodes {', '.join(spec.nodes)}")

    def _name(self, name: str, at: Field) -> None:
        if name in self._names:
            raise at.error(f"a name of its own: {name} is {self._names[name]}")
        self._names[name] = at.path

    def _network(self, at: Field, name: str) -> Segment | Vpc:
        if name not in self._networks:
            raise at.error(
                f"one of the networks {', '.join(self._networks)}" if self._networks else "a network of spec.networks"
            )
        return self._networks[name]

    # -- machines ------------------------------------------------------------------------------------------------

    def _router(self, router: Router) -> None:
        _image(router.at)
        self._nics(router.nics)
        for at in _items(router.at, "loopbacks"):
            _address(at)

    def _node(self, name: str, node: Node) -> None:
        _image(node.at)
        self._pod_cidr(name, node)
        for at in _items(node.at, "routes"):
            _route(at)
        if node.nics:
            for other in ("address", "network", "external_ip"):
                if (extra := node.at.get(other)) is not None:
                    raise extra.error("either nics or address and network, not both")
            self._nics(node.nics)
            if not any(nic.address for nic in node.nics):
                raise node.at.at("nics").error("at least one NIC with an address")
            return
        home = self._home(node)
        if isinstance(home, Vpc):
            for other in ("gateway", "mtu"):
                if (extra := node.at.get(other)) is not None:
                    raise extra.error(f"no {other} in a gcp-vpc network: its machines get theirs from the VPC")
        elif (extra := node.at.get("external_ip")) is not None:
            raise extra.error("no external_ip outside a gcp-vpc network")
        address = node.at.get("address")
        if home is not None and address is not None:
            self._place(address, node.network or next(iter(self._networks)), home)

    def _home(self, node: Node) -> Segment | Vpc | None:
        if node.network is not None:
            return self._network(node.at.at("network"), node.network)
        if len(self._networks) > 1:
            raise node.at.missing("network", f"one of the networks {', '.join(self._networks)}")
        return next(iter(self._networks.values()), None)

    def _host(self, host: Host) -> None:
        _image(host.at)
        at = host.at.at("address")
        if host.network is None:
            if "/" in host.address:
                raise at.error("an address without a prefix length: a host without a network stands on the Internet")
            self._take(at, "internet", _address(at)[0])
            return
        home = self._network(host.at.at("network"), host.network)
        if isinstance(home, Vpc):
            raise host.at.at("network").error("a network of kind segment, or none for a host on the Internet")
        self._place(at, host.network, home)

    def _nics(self, nics: Iterable[Nic]) -> None:
        devices: set[str] = {"lo"}
        for nic in nics:
            if nic.dhcp:
                raise NotModelled(f"{nic.at.path}.dhcp", nic.at.where)
            home = self._network(nic.at.at("network"), nic.network)
            if isinstance(home, Vpc):
                raise nic.at.at("network").error(
                    "a network of kind segment: a machine in a gcp-vpc has one NIC, by address and network"
                )
            if nic.name in devices:
                raise nic.at.at("name").error("a device name that the machine does not have yet")
            devices.add(nic.name)
            if nic.address is not None:
                self._place(nic.at.at("address"), nic.network, home)

    # -- addresses -----------------------------------------------------------------------------------------------

    def _place(self, at: Field, name: str, network: Segment | Vpc) -> None:
        ip, plen = _address(at)
        if isinstance(network, Vpc) and plen is not None:
            raise at.error("an address without a prefix length: the VPC gives it")
        first, last = int(network.cidr.addr), int(network.cidr.broadcast)
        if ip not in network.cidr:
            raise at.error(f"an address in {network.cidr}, the range of network {name}")
        if isinstance(network, Vpc) and (int(ip) - first < 2 or last - int(ip) < 2):
            raise at.error(f"an address that is free in {network.cidr}: a VPC reserves the first two and the last two")
        self._take(at, name, ip)

    def _take(self, at: Field, network: str, ip: Ip) -> None:
        owner = self._addresses.setdefault((network, ip), at.path)
        if owner != at.path:
            raise at.error(f"an address of its own: {owner} has it too")

    def _pod_cidr(self, name: str, node: Node) -> None:
        if node.pod_cidr is None:
            return
        at = node.at.at("pod_cidr")
        for other, owner in self._pod_cidrs.items():
            if node.pod_cidr.addr in other or other.addr in node.pod_cidr:
                raise at.error(f"a range of its own: node {owner} has {other}")
        if self._gke is not None and not _inside(node.pod_cidr, Net.parse(self._gke.pod_range)):
            raise at.error(f"a range in {self._gke.pod_range}, the cluster's pod_range")
        self._pod_cidrs[node.pod_cidr] = name


def _inside(inner: Net, outer: Net) -> bool:
    return inner.addr in outer and inner.plen >= outer.plen


def _items(at: Field, name: str) -> tuple[Field, ...]:
    member = at.get(name)
    return member.items() if member is not None else ()


def _image(at: Field) -> None:
    field = at.get("image")
    if field is None or field.value is None:
        return
    try:
        image(field.text())
    except ConfigError as error:
        raise field.error(f"an image ({error.subject} {error.problem})") from None


def _address(at: Field) -> tuple[Ip, int | None]:
    head, slash, tail = at.text().partition("/")
    try:
        ip = Ip.parse(head)
    except ValueError as error:
        raise at.error(f"an address ({error})") from None
    if slash and int(tail) > ip.bits:
        raise at.error(f"a prefix length from 0 to {ip.bits}")
    return ip, int(tail) if slash else None


def _route(at: Field) -> None:
    prefix, _, gateway = at.text().split()
    try:
        if prefix != "default":
            Net.parse(prefix)
        Ip.parse(gateway)
    except ValueError as error:
        raise at.error(f"a route such as '10.0.0.0/8 via 192.168.10.1' ({error})") from None
