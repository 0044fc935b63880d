"""What has to hold between the parts of a lab, looked at before anything is built, so that a complaint names a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podwire.errors import ConfigError
from podwire.fabric.loss import Loss
from podwire.kube.fields import Field
from podwire.lab.document import Cloud, Host, Network, Nic, Node, Router, Segment, Spec, Uplink, Vpc
from podwire.linux.image import image
from podwire.platform.gke import GKE
from podwire.wire.addr import Ip, Net

Networks = Mapping[str, Network]
_RESERVED = {Vpc: (2, 2, "the first two and the last two"), Cloud: (4, 1, "the first four and the last one")}
"""What a cloud keeps of each subnet, at its beginning and its end."""


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
            self._network_itself(network, spec)
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

    def _network_itself(self, network: Network, spec: Spec) -> None:
        for at in _items(network.at, "drops"):
            _loss(at)
        if isinstance(network, Vpc | Cloud):
            _subnets(network)
            if isinstance(network, Vpc) and network.cloud_nat is not None:
                self._take(network.at.at("cloud_nat"), "internet", network.cloud_nat)
            for at in _items(network.at, "routes"):
                prefix, _, via = at.text().split()
                try:
                    Net.parse("0.0.0.0/0" if prefix == "default" else prefix)
                except ValueError as error:
                    raise at.error(f"a route such as '10.244.1.0/24 via w1' ({error})") from None
                addresses = {(node.address or "").partition("/")[0] for node in spec.nodes.values()}
                if via not in spec.nodes and via not in addresses:
                    raise at.error(f"a route via one of the nodes {', '.join(spec.nodes)}, or a node's address")
        if isinstance(network, Uplink):
            for name, ip in (("gateway", network.gateway), ("dns", network.dns), ("lease", network.lease)):
                if ip is not None and not network.cidr.addr < ip < network.cidr.broadcast:
                    raise network.at.at(name).error(f"an address for a machine in {network.cidr}")
            if network.external_ip is not None:
                self._take(network.at.at("external_ip"), "internet", network.external_ip)

    def _network(self, at: Field, name: str) -> Network:
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
        for at in _items(router.at, "routes"):
            _route(at)

    def _node(self, name: str, node: Node) -> None:
        _image(node.at)
        self._pod_cidr(name, node)
        for at in _items(node.at, "routes"):
            _route(at)
        if node.nics:
            for other in ("address", "network", "external_ip", "source_dest_check"):
                if (extra := node.at.get(other)) is not None:
                    raise extra.error("either nics or address and network, not both")
            self._nics(node.nics)
            homes = (self._networks[nic.network] for nic in node.nics)
            if not any(
                nic.address or nic.dhcp or isinstance(home, Cloud) for nic, home in zip(node.nics, homes, strict=True)
            ):
                raise node.at.at("nics").error("at least one NIC with an address")
            return
        name, home = self._home(node)
        if isinstance(home, Vpc | Cloud):
            for other in ("gateway", "mtu"):
                if (extra := node.at.get(other)) is not None:
                    raise extra.error(f"no {other} in a {home.kind} network: its machines get theirs from the VPC")
            if node.external_ip is not None:
                self._take(node.at.at("external_ip"), "internet", node.external_ip)
        else:
            for other in ("external_ip", "source_dest_check"):
                if (extra := node.at.get(other)) is not None:
                    raise extra.error(f"no {other} outside a network of kind {_clouds()}")
        address = node.at.get("address")
        if home is not None and address is not None:
            self._place(address, name, home)

    def _home(self, node: Node) -> tuple[str, Network | None]:
        """The network of a node that does not say which one it is: an uplink only where there is nothing else."""
        if node.network is not None:
            return node.network, self._network(node.at.at("network"), node.network)
        homes = {name: home for name, home in self._networks.items() if not isinstance(home, Uplink)} or self._networks
        if len(homes) > 1:
            raise node.at.missing("network", f"one of the networks {', '.join(self._networks)}")
        return next(iter(homes.items()), ("", None))

    def _host(self, host: Host) -> None:
        _image(host.at)
        at = host.at.at("address")
        if (host.address is None) is not host.dhcp:
            raise host.at.error("exactly one of address and dhcp")
        if host.address is None:
            name = host.network or ""
            if not isinstance(self._networks.get(name), Uplink):
                raise host.at.at("dhcp").error(
                    "a network of kind uplink beside dhcp: others have no DHCP server for hosts"
                )
            return
        if host.network is None:
            if "/" in host.address:
                raise at.error("an address without a prefix length: a host without a network stands on the Internet")
            self._take(at, "internet", _address(at)[0])
            return
        home = self._network(host.at.at("network"), host.network)
        if isinstance(home, Vpc):
            raise host.at.at("network").error(
                "a network of another kind than gcp-vpc, or none for a host on the Internet"
            )
        self._place(at, host.network, home)

    def _nics(self, nics: Iterable[Nic]) -> None:
        devices: set[str] = {"lo"}
        for nic in nics:
            home = self._network(nic.at.at("network"), nic.network)
            if isinstance(home, Vpc):
                raise nic.at.at("network").error(
                    "a network of another kind: a machine in a gcp-vpc has one NIC, by address and network"
                )
            if nic.dhcp and not isinstance(home, Uplink):
                raise nic.at.at("dhcp").error(f"no dhcp: network {nic.network} is no uplink")
            if nic.dhcp and nic.address is not None:
                raise nic.at.at("address").error("either an address or dhcp")
            if not nic.source_dest_check and not isinstance(home, Cloud):
                raise nic.at.at("source_dest_check").error(
                    f"no source_dest_check outside a network of kind {_clouds()}"
                )
            if nic.name in devices:
                raise nic.at.at("name").error("a device name that the machine does not have yet")
            devices.add(nic.name)
            if nic.address is not None:
                self._place(nic.at.at("address"), nic.network, home)

    # -- addresses -----------------------------------------------------------------------------------------------

    def _place(self, at: Field, name: str, network: Network) -> None:
        ip, plen = _address(at)
        if isinstance(network, Vpc) and plen is not None:
            raise at.error("an address without a prefix length: the VPC gives it")
        ranges = _ranges(network)
        home = next((each for each in ranges if ip in each), None)
        if home is None:
            raise at.error(f"an address in {', '.join(str(each) for each in ranges)}, the range of network {name}")
        if isinstance(network, Vpc | Cloud):
            first, last, words = _RESERVED[type(network)]
            if int(ip) - int(home.addr) < first or int(home.broadcast) - int(ip) < last:
                raise at.error(f"an address that is free in {home}: a VPC reserves {words}")
        if not (isinstance(network, Uplink) and network.isolated):
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


def _clouds() -> str:
    return "gcp-vpc, aws-vpc or azure-vnet"


def _ranges(network: Network) -> tuple[Net, ...]:
    """Where the addresses of a network's machines are from."""
    match network:
        case Vpc():
            return (network.cidr, *network.subnets)
        case Cloud():
            return network.subnets or (network.cidr,)
        case Segment() | Uplink():
            return (network.cidr,)


def _subnets(network: Vpc | Cloud) -> None:
    """A VPC of AWS and a virtual network of Azure contain their subnets; no two subnets overlap."""
    known = [network.cidr] if isinstance(network, Vpc) else []
    for at, subnet in zip(_items(network.at, "subnets"), network.subnets, strict=True):
        if isinstance(network, Cloud) and not _inside(subnet, network.cidr):
            raise at.error(f"a range in {network.cidr}, the range of the network")
        other = next((each for each in known if subnet.addr in each or each.addr in subnet), None)
        if other is not None:
            raise at.error(f"a range of its own: it overlaps {other}")
        known.append(subnet)


def _loss(at: Field) -> None:
    try:
        Loss.parse(at.text())
    except ValueError as error:
        raise at.error(f"what to lose ({error})") from None


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
