"""Names that the Python API is given: DNS where the place has it, else pods, nodes and hosts by their own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podwire.cluster import running
from podwire.errors import ConfigError
from podwire.tools.process import Process, Waiting
from podwire.tools.resolving import resolvconf
from podwire.tools.resolving.resolver import Lookup
from podwire.tools.resolving.resolver import resolve as resolve_name
from podwire.wire.addr import inet_aton

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwire.cluster import Cluster
    from podwire.cluster.handles import Pod
    from podwire.linux.machine import Place
    from podwire.wire.addr import Ip


def by_dns(place: Place, target: str) -> bool:
    """The text is a name, and the place has somebody to ask for it; ``default/pod1`` is no name of DNS."""
    if "/" in target or inet_aton(target) is not None or place.lookup(target) is not None:
        return False
    return bool(resolvconf.conf_of(place).servers)


def resolve(cluster: Cluster, place: Place, name: str) -> Ip | None:
    """See ``Cluster.resolve``."""
    if not by_dns(place, name):
        return None
    found: list[Lookup] = []

    def getaddrinfo(proc: Process) -> Waiting:
        found.append((yield from resolve_name(proc, name)))
        return 0

    process = Process(cluster.network, place, ["getaddrinfo", name])
    process.start(getaddrinfo)
    running.finish(cluster.network, process)
    return found[0].ip4 if found else None


def give_names(cluster: Cluster, pod: Pod, spec: Mapping[str, Any]) -> None:
    """See ``Cluster.give_names``."""
    from podwire.cluster.dns.resolvconf import of_pod

    if cluster.dns is None and not spec.get("dnsConfig"):
        return
    address = cluster.dns.address if cluster.dns is not None else ""
    node = pod.node.spec.machine.root.files.get(resolvconf.PATH, "")
    pod.place.files[resolvconf.PATH] = of_pod(address, node, pod.spec.namespace, spec)


def is_machine(cluster: Cluster, name: str) -> bool:
    """A pod, node or host has that name."""
    try:
        return cluster.machine(name).ip is not None
    except ConfigError:
        return False
