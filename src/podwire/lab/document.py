"""What a Lab file may say: its first document, as typed structs that remember where they were written."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from podwire.errors import MISSING, ManifestError
from podwire.fabric.loss import GRAMMAR
from podwire.kube.decode import decode, one_of
from podwire.kube.fields import Field
from podwire.kube.meta import Labels
from podwire.wire.addr import Ip, Net

API_VERSION: Final = "podwire.dev/v1alpha1"

Name = Annotated[
    str,
    Meta(
        pattern=r"(?=.{1,253}$)[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?",
        description="a name of letters, digits, '-', '_' and '.'",
    ),
]
Device = Annotated[
    str, Meta(pattern=r"(?!\.{1,2}$)[^/\s:]{1,15}", description="the name of a device: at most 15 characters")
]
Mtu = Annotated[int, Meta(ge=68, le=65535)]
Address = Annotated[
    str,
    Meta(pattern=r"\d{1,3}(\.\d{1,3}){3}(/\d{1,2})?", description="an address such as 10.0.0.1 or 10.0.0.1/24"),
]
RouteText = Annotated[str, Meta(pattern=r"\S+ via \S+", description="a route such as '10.0.0.0/8 via 192.168.10.1'")]
Allow = Annotated[
    str,
    Meta(
        pattern=r"(tcp|udp|sctp)(:\d{1,5}(-\d{1,5})?)?|icmp|esp|ah|ipip|all|\d{1,3}",
        description="what to allow: icmp, tcp, udp:53, tcp:30000-32767, sctp, esp, ah, ipip, a protocol number or all",
    ),
]
Drop = Annotated[
    str,
    Meta(
        pattern=r"([a-z]+|\d{1,3})(:\d{1,5}(-\d{1,5})?)?",
        description=f"what to lose: a protocol by name or number, with ports where it has some, such as {GRAMMAR}",
    ),
]
Asn = Annotated[int, Meta(ge=1, le=(1 << 32) - 1, description="an AS number")]
Priority = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(ge=0, description="a number of seconds, 0 or more")]
ServerUrl = Annotated[
    str,
    Meta(
        pattern=r"https?://[^/\s:]+(:\d{1,5})?", description="the URL of an API server such as https://10.0.0.10:6443"
    ),
]
Command = Annotated[str, Meta(min_length=1, description="a command")]


class Segment(msgspec.Struct, frozen=True):
    """An L2 segment; ``latency`` in seconds from NIC to NIC, ``drops`` what it loses."""

    cidr: Net
    at: Field
    kind: Literal["segment"] = "segment"
    mtu: Mtu = 1500
    latency: Seconds | None = None
    drops: tuple[Drop, ...] = ()


class Cloud(msgspec.Struct, frozen=True):
    """A VPC of AWS or a virtual network of Azure; ``routes`` are the cloud's own, via a node's name or address."""

    cidr: Net
    at: Field
    kind: Literal["aws-vpc", "azure-vnet"]
    subnets: tuple[Net, ...] = ()
    mtu: Mtu | None = None
    latency: Seconds | None = None
    drops: tuple[Drop, ...] = ()
    routes: tuple[RouteText, ...] = ()


class Uplink(msgspec.Struct, frozen=True):
    """The way to the Internet behind one address; ``lease`` is the first address that its DHCP server gives."""

    cidr: Net
    at: Field
    kind: Literal["uplink"]
    gateway: Ip | None = None
    dns: Ip | None = None
    lease: Ip | None = None
    external_ip: Ip | None = None
    isolated: bool = True
    mtu: Mtu = 1500
    latency: Seconds | None = None
    drops: tuple[Drop, ...] = ()


class FirewallRule(msgspec.Struct, frozen=True):
    """A rule of a VPC's firewall: what it allows, or what it denies. ``tags`` are target tags.

    Ingress has ``sources``, ranges, or ``source_tags``; egress has ``destinations``.
    """

    name: Name
    at: Field
    sources: tuple[Net, ...] = ()
    allow: tuple[Allow, ...] = ()
    deny: tuple[Allow, ...] = ()
    direction: Literal["ingress", "egress"] = "ingress"
    destinations: tuple[Net, ...] = ()
    source_tags: tuple[Name, ...] = ()
    tags: tuple[Name, ...] = ()
    priority: Priority = 1000


class Vpc(msgspec.Struct, frozen=True):
    """A Google VPC: ``cidr`` is its first subnet; ``routes`` are the VPC's own, via a node's name or address."""

    cidr: Net
    at: Field
    kind: Literal["gcp-vpc"]
    project: str = "project_id"
    zone: Name = "us-central1-a"
    firewall: tuple[FirewallRule, ...] = ()
    subnets: tuple[Net, ...] = ()
    mtu: Mtu | None = None
    latency: Seconds | None = None
    drops: tuple[Drop, ...] = ()
    routes: tuple[RouteText, ...] = ()
    cloud_nat: Ip | None = None
    cloud_nat_ports: int = 64


Network = Segment | Vpc | Cloud | Uplink


class Nic(msgspec.Struct, frozen=True):
    """A NIC of a node or router."""

    name: Device
    network: Name
    at: Field
    address: Address | None = None
    dhcp: bool = False
    mtu: Mtu | None = None
    source_dest_check: bool = True


class BgpPeer(msgspec.Struct, frozen=True):
    """Another speaker of BGP."""

    address: Address
    asn: Asn = msgspec.field(name="as")


class Bgp(msgspec.Struct, frozen=True):
    """A router that speaks BGP."""

    asn: Asn = msgspec.field(name="as")
    peers: tuple[BgpPeer, ...] = ()
    networks: tuple[str, ...] | None = None


class Router(msgspec.Struct, frozen=True):
    """A machine that forwards."""

    nics: tuple[Nic, ...]
    at: Field
    loopbacks: tuple[Address, ...] = ()
    routes: tuple[RouteText, ...] = ()
    image: Name | None = None
    bgp: Bgp | None = None


class Node(msgspec.Struct, frozen=True):
    """A node of the cluster: ``address`` and ``network``, or ``nics``."""

    at: Field
    address: Address | None = None
    network: Name | None = None
    nics: tuple[Nic, ...] = ()
    gateway: Ip | None = None
    routes: tuple[RouteText, ...] = ()
    labels: Labels = {}
    pod_cidr: Net | None = None
    external_ip: Ip | None = None
    source_dest_check: bool = True
    mtu: Mtu | None = None
    image: Name | None = None


class Host(msgspec.Struct, frozen=True):
    """A machine outside the cluster: with an ``address``, or with ``dhcp`` on an uplink."""

    at: Field
    address: Address | None = None
    dhcp: bool = False
    network: Name | None = None
    image: Name | None = None


class Exec(msgspec.Struct, frozen=True):
    """``on`` is a machine or a pod."""

    on: str
    command: Command
    at: Field


class Run(msgspec.Struct, frozen=True):
    """The flags of ``kubectl run``."""

    name: Name
    at: Field
    node: Name | None = None
    namespace: Name = "default"
    labels: Labels | None = None
    image: str = "nicolaka/netshoot"


class Step(msgspec.Struct, frozen=True):
    """One thing that happened before the first command; exactly one of the members is given."""

    at: Field
    exec: Exec | None = None
    apply: Field | None = None
    delete: Field | None = None
    run: Run | None = None
    sleep: Seconds | None = None


class _Metadata(msgspec.Struct, frozen=True):
    name: Name = "lab"


class Spec(msgspec.Struct, frozen=True):
    """What Kubernetes does not know."""

    cni: dict[str, Field]
    at: Field
    seed: int = 0
    control_plane: ServerUrl | None = None
    dns: bool = False
    networks: dict[Name, Field] = {}
    routers: dict[Name, Router] = {}
    nodes: dict[Name, Node] = {}
    hosts: dict[Name, Host] = {}
    setup: tuple[Step, ...] = ()


class _Lab(msgspec.Struct, frozen=True):
    apiVersion: Literal["podwire.dev/v1alpha1"]  # noqa: N815 - as Kubernetes writes it
    kind: Literal["Lab"]
    spec: Spec
    metadata: _Metadata = _Metadata()


_NETWORKS: Final[dict[str, Any]] = {
    "segment": Segment,
    "gcp-vpc": Vpc,
    "aws-vpc": Cloud,
    "azure-vnet": Cloud,
    "uplink": Uplink,
}


def decode_lab(document: Field) -> Spec:
    """The first document of a Lab file. Raises ``ManifestError`` for one that is none."""
    if document.value is None:
        raise ManifestError(document.file, None, "", MISSING, f"a document of apiVersion {API_VERSION}, kind Lab")
    return decode(document, _Lab, one_of).spec


def decode_network(field: Field) -> Network:
    """A network by its kind."""
    kind = field.get("kind")
    name = kind.value if kind is not None else "segment"
    if kind is not None and name not in _NETWORKS:
        raise kind.error(f"one of {', '.join(_NETWORKS)}")
    network: Network = decode(field, _NETWORKS[str(name)], one_of)
    return network
