"""The /etc/resolv.conf of nodes, and of pods by their dnsPolicy (pkg/kubelet/network/dns/dns.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import ConfigError
from podwire.fabric.uplink import Uplink
from podwire.fabric.vpc import METADATA
from podwire.platform.gke import GKE
from podwire.tools.resolving.resolvconf import PATH
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.handles import Node

DOMAIN: Final = "cluster.local"
_MAX_SERVERS: Final = 3


def of_node(cluster: Cluster, node: Node) -> str:
    """What DHCP would have told a node: the metadata server of a GKE node, an uplink's own name server, else its default gateway.

    Empty where there is none: then CoreDNS has nobody to forward to.
    """
    if isinstance(cluster.cni, GKE):
        cni = cluster.cni
        zone = f"{cni.zone}.c.{cni.project}.internal c.{cni.project}.internal google.internal"
        return f"search {zone}\nnameserver {METADATA}\n"
    gateway = _gateway(node)
    for network in cluster.networks:
        if isinstance(network, Uplink) and network.gateway == gateway:
            return f"nameserver {network.dns}\n"
    return f"nameserver {gateway}\n" if gateway is not None else ""


def _gateway(node: Node) -> Ip | None:
    from podwire.linux.path.route import ip_route_output

    route = ip_route_output(node.place.netns, Ip.parse("192.0.2.1"))
    return route.gateway if route.kind != "error" and route.gateway else None


class Lines:
    """resolv.conf, line by line, as containerd writes it: search, nameserver, options."""

    def __init__(self, text: str = "") -> None:
        self.servers: list[str] = []
        self.search: list[str] = []
        self.options: list[str] = []
        for line in text.splitlines():
            word, *rest = line.split() or [""]
            if word == "nameserver" and rest:
                self.servers.append(rest[0])
            elif word == "search":
                self.search = rest
            elif word == "options":
                self.options = rest

    def add(self, config: Mapping[str, Any]) -> None:
        """``appendDNSConfig``: servers and domains behind those that are there, each once; an option takes the place of its namesake."""
        self.servers = list(dict.fromkeys([*self.servers, *(config.get("nameservers") or ())]))
        self.search = list(dict.fromkeys([*self.search, *(config.get("searches") or ())]))
        options = {option.partition(":")[0]: option for option in self.options}
        for each in config.get("options") or ():
            value = each.get("value")
            options[each["name"]] = each["name"] if value is None else f"{each['name']}:{value}"
        self.options = list(options.values())

    def text(self) -> str:
        """The file."""
        lines = [f"search {' '.join(self.search)}\n"] if self.search else []
        lines += [f"nameserver {server}\n" for server in self.servers[:_MAX_SERVERS]]
        lines += [f"options {' '.join(self.options)}\n"] if self.options else []
        return "".join(lines)


def of_pod(cluster_dns: str, node: str, namespace: str, spec: Mapping[str, Any]) -> str:
    """The file of a pod. ``cluster_dns`` is the address of the cluster's server, empty where it has none; ``node`` its node's file.

    Raises ``ConfigError`` for ``dnsPolicy: None`` without a name server, which the API server refuses.
    """
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    host = bool(spec.get("hostNetwork"))
    config = spec.get("dnsConfig") or {}
    own = Lines()
    if policy == "None":
        if not config.get("nameservers"):
            what = "Required value: must provide at least one DNS nameserver when `dnsPolicy` is None"
            raise ConfigError("spec.dnsConfig.nameservers", what)
    elif policy == "Default" or (policy == "ClusterFirst" and host) or not cluster_dns:
        own = Lines(node)
    else:
        own.servers = [cluster_dns]
        domains = (f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN)
        own.search = list(dict.fromkeys([*domains, *Lines(node).search]))
        own.options = ["ndots:5"]
    own.add(config)
    return own.text()


__all__ = ["DOMAIN", "PATH", "Lines", "of_node", "of_pod"]
