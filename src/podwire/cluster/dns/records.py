"""What the plugin ``kubernetes`` answers (Kubernetes DNS specification 1.1; plugin/kubernetes of CoreDNS 1.11).

A pure reading of Services and EndpointSlices. A name that is not there is None; one that is there, but not with records of the
wanted type, has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cluster.dns.corefile import within
from podwire.wire import dns
from podwire.wire.addr import Ip, Ip4, Ip6

if TYPE_CHECKING:
    from podwire.cluster.dns.corefile import Kubernetes
    from podwire.kube.endpoints import Endpoint, EndpointSlice
    from podwire.kube.service import Service
    from podwire.kube.store import Store

VERSION: Final = "1.1.0"
_VERSION_TTL: Final = 28800


class Found(msgspec.Struct, frozen=True):
    """One way to whatever a name stands for (CoreDNS' ``msg.Service``): an address, or a name elsewhere; ``key`` is its own name."""

    key: str
    host: str
    port: int = 0

    @property
    def ip(self) -> Ip | None:
        """Its address; None where it is a name."""
        try:
            return Ip.parse(self.host)
        except ValueError:
            return None


class Reading(msgspec.Struct, frozen=True):
    """What a name has: None in ``found`` where it does not exist."""

    found: tuple[Found, ...] | None


class Records:
    """Names under the zones of one ``kubernetes`` plugin."""

    def __init__(self, store: Store, plugin: Kubernetes) -> None:
        self._store = store
        self.plugin = plugin

    @property
    def primary(self) -> str:
        """The first zone that is none of addresses."""
        return next((zone for zone in self.plugin.zones if not zone.endswith(".arpa.")), "cluster.local.")

    def soa(self, zone: str, serial: int) -> dns.Record:
        """The record that stands in the authority section of a denial."""
        ttl = self.plugin.ttl
        start = dns.Start(_under("ns.dns", zone), _under("hostmaster", zone), serial, 7200, 1800, 86400, ttl)
        return dns.Record(zone, dns.SOA, min(300, ttl), start)

    # -- what there is -------------------------------------------------------------------------------------------

    def _services(self) -> Iterator[Service]:
        return (each.object for each in self._store.all("Service"))

    def _slices(self, service: Service) -> Iterator[EndpointSlice]:
        key = f"{service.metadata.namespace}/{service.metadata.name}"
        for each in self._store.all("EndpointSlice", service.metadata.namespace):
            if each.object.service == key:
                yield each.object

    def _exposed(self, namespace: str) -> bool:
        if self.plugin.namespaces and namespace not in self.plugin.namespaces:
            return False
        return self._store.get("Namespace", namespace) is not None

    def hostname(self, endpoint: Endpoint, address: str) -> str:
        """``endpointHostname``: its own, or its address with dashes."""
        if endpoint.hostname:
            return endpoint.hostname
        if self.plugin.endpoint_pod_names and endpoint.target_ref is not None and endpoint.target_ref.name:
            return endpoint.target_ref.name
        return address.replace(".", "-").replace(":", "-")

    # -- names ---------------------------------------------------------------------------------------------------

    def read(self, name: str, zone: str) -> Reading:
        """Everything under a name of the zone."""
        labels = [label.decode("latin-1").lower() for label in dns.labels_of(name)]
        labels = labels[: len(labels) - len(dns.labels_of(zone))]
        if not labels:
            return Reading(())
        kind, rest = labels[-1], labels[:-1]
        if kind not in {"svc", "pod"}:
            return self._name_server(name, zone)
        if not rest:
            return Reading(())
        namespace, rest = rest[-1], rest[:-1]
        if not self._exposed(namespace):
            return Reading(None)
        if not rest:
            return Reading(())
        if kind == "pod":
            return self._pod(rest, namespace, name)
        if len(rest) > 3:
            return Reading(None)
        service = self._store.get("Service", rest[-1], namespace)
        if service is None:
            return Reading(None)
        endpoint = rest[0] if len(rest) == 2 else ""
        port, protocol = (rest[0].removeprefix("_"), rest[1].removeprefix("_")) if len(rest) == 3 else ("", "")
        return Reading(tuple(self._service(service.object, zone, endpoint, port, protocol)) or None)

    def _name_server(self, name: str, zone: str) -> Reading:
        """``ns.dns.ZONE``: the address of the Service before the server itself."""
        if name.lower() != _under("ns.dns", zone):
            return Reading(None)
        service = self._store.get("Service", "kube-dns", "kube-system")
        if service is None:
            return Reading(None)
        addresses = service.object.spec.cluster_ips
        return Reading(tuple(Found(name, address, 53) for address in addresses if address != "None"))

    def _pod(self, rest: list[str], namespace: str, name: str) -> Reading:
        """``a-b-c-d.NAMESPACE.pod.ZONE``."""
        if self.plugin.pods == "disabled" or len(rest) > 1:
            return Reading(None)
        word = rest[0]
        plain = word.count("-") == 3 and "--" not in word
        try:
            ip = Ip.parse(word.replace("-", "." if plain else ":"))
        except ValueError:
            return Reading(None)
        if self.plugin.pods == "verified":
            pods = self._store.all("Pod", namespace)
            if not any(pod.document.get("status", {}).get("podIP") == str(ip) for pod in pods):
                return Reading(None)
        return Reading((Found(name, str(ip)),))

    def _service(self, service: Service, zone: str, endpoint: str, port: str, protocol: str) -> Iterator[Found]:
        spec = service.spec
        own = _under(f"{service.metadata.name}.{service.metadata.namespace}.svc", zone)
        if spec.type == "ExternalName":
            if not endpoint and not port:
                yield Found(own, spec.external_name)
            return
        if service.headless or endpoint:
            yield from self._endpoints(service, own, endpoint, port, protocol)
            return
        for each in spec.ports:
            if _matches(port, each.name or "", protocol, each.protocol):
                yield from (Found(own, address, each.port) for address in spec.cluster_ips)

    def _endpoints(self, service: Service, own: str, wanted: str, port: str, protocol: str) -> Iterator[Found]:
        for each, endpoint, address in self._ready(service):
            hostname = self.hostname(endpoint, address)
            if wanted and wanted != hostname.lower():
                continue
            if not each.ports and not port:
                yield Found(f"{hostname}.{own}", address, -1)
            for own_port in each.ports:
                if _matches(port, own_port.name, protocol, own_port.protocol):
                    yield Found(f"{hostname}.{own}", address, own_port.port or -1)

    def _ready(self, service: Service) -> Iterator[tuple[EndpointSlice, Endpoint, str]]:
        for each in self._slices(service):
            for endpoint in each.endpoints:
                if endpoint.ready:
                    yield from ((each, endpoint, address) for address in endpoint.addresses)

    def reverse(self, ip: Ip) -> tuple[str, ...]:
        """The names of an address: the Service that has it, else every endpoint that does."""
        text = str(ip)
        for service in self._services():
            if text in service.spec.cluster_ips:
                return (_under(f"{service.metadata.name}.{service.metadata.namespace}.svc", self.primary),)
        found: list[str] = []
        for service in self._services():
            own = _under(f"{service.metadata.name}.{service.metadata.namespace}.svc", self.primary)
            for _, endpoint, address in self._ready(service):
                name = f"{self.hostname(endpoint, address)}.{own}"
                if address == text and name not in found:
                    found.append(name)
        return tuple(found)

    # -- records -------------------------------------------------------------------------------------------------

    def addresses(self, name: str, kind: int, found: Iterable[Found]) -> tuple[dns.Record, ...]:
        """A or AAAA, each address once."""
        family = Ip4 if kind == dns.A else Ip6
        ips = dict.fromkeys(each.ip for each in found)
        return tuple(dns.Record(name, kind, self.plugin.ttl, dns.Address(ip)) for ip in ips if isinstance(ip, family))

    def services(self, name: str, found: Iterable[Found]) -> tuple[tuple[dns.Record, ...], tuple[dns.Record, ...]]:
        """SRV, and in the additional section the addresses of their targets."""
        ways = [each for each in found if each.ip is not None and each.port > 0]
        weight = max(int(100 / (100 * len(ways)) * 100), 1) if ways else 0
        ttl = self.plugin.ttl
        answers = dict.fromkeys(
            dns.Record(name, dns.SRV, ttl, dns.Service(0, weight, each.port, each.key)) for each in ways
        )
        extra = dict.fromkeys(_address(each, ttl) for each in ways)
        return tuple(answers), tuple(extra)

    def text(self, name: str, zone: str) -> tuple[dns.Record, ...]:
        """``dns-version.ZONE``."""
        if name.lower() != _under("dns-version", zone):
            return ()
        return (dns.Record(name, dns.TXT, _VERSION_TTL, dns.Text((VERSION.encode(),))),)

    def pointers(self, name: str, names: Iterable[str]) -> tuple[dns.Record, ...]:
        """PTR."""
        return tuple(dns.Record(name, dns.PTR, self.plugin.ttl, dns.Target(each)) for each in names)


def _address(each: Found, ttl: int) -> dns.Record:
    ip = Ip.parse(each.host)
    return dns.Record(each.key, dns.A if isinstance(ip, Ip4) else dns.AAAA, ttl, dns.Address(ip))


def _under(name: str, zone: str) -> str:
    return f"{name}." if zone == "." else f"{name}.{zone}"


def _matches(port: str, own: str, protocol: str, own_protocol: str) -> bool:
    """``matchPortAndProtocol``: what is not asked for does not count."""
    return (not port or port == own.lower()) and (not protocol or protocol == own_protocol.lower())


def falls_through(name: str, plugin: Kubernetes) -> bool:
    """A name that is not there goes on to the next plugin."""
    return plugin.through is not None and within(name, plugin.through) is not None
