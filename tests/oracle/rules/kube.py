"""Rule sets of kube-proxy, as podwire renders them, and in the shape of ip-masq-agent's NAT."""

from collections.abc import Iterable
from socket import AF_INET

import msgspec

from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import Service as ServiceObject
from podwire.kubeproxy import KubeProxyConfig, Renderer, Surroundings
from podwire.kubeproxy.fixed import JUMPS, KUBELET_JUMPS
from podwire.kubeproxy.objects import Objects
from podwire.wire.addr import Ip

POD_RANGE = "10.2.0.0/24"
NODE = "r"


class Service(msgspec.Struct, frozen=True):
    """A port of a Service: cluster address, port, node port (0 for none) and endpoints ``ip:port``; ``affinity`` is ClientIP.

    ``local`` sets both traffic policies. Endpoints of ``POD_RANGE`` are on this node.
    """

    name: str
    proto: str
    address: str
    port: int
    endpoints: tuple[str, ...]
    node_port: int = 0
    local: bool = False
    affinity: bool = False

    def objects(self) -> tuple[ServiceObject, EndpointSlice]:
        """As the store has them."""
        full, _, port_name = self.name.partition(":")
        namespace, _, name = full.partition("/")
        proto, policy = self.proto.upper(), "Local" if self.local else "Cluster"
        port = {"name": port_name, "port": self.port, "protocol": proto, "nodePort": self.node_port}
        spec = {
            "type": "NodePort" if self.node_port else "ClusterIP",
            "clusterIP": self.address,
            "ports": [port],
            "internalTrafficPolicy": policy,
            "externalTrafficPolicy": policy if self.node_port else "",
            "sessionAffinity": "ClientIP" if self.affinity else "None",
        }
        meta = {"name": name, "namespace": namespace}
        labels = {"kubernetes.io/service-name": name}
        ends = [each.rpartition(":") for each in self.endpoints]
        slice_ = {
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": [ip], "nodeName": NODE if ip.startswith("10.2.") else "other"} for ip, _, _ in ends
            ],
            "ports": [{"name": port_name, "protocol": proto, "port": int(ends[0][2]) if ends else None}],
        }
        return (
            msgspec.convert({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}, ServiceObject),
            msgspec.convert(
                {
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": meta | {"labels": labels},
                    **slice_,
                },
                EndpointSlice,
            ),
        )


def _text(services: Iterable[Service]) -> str:
    """What kube-proxy gives to iptables-restore at its first sync."""
    objects = [each.objects() for each in services]
    known = Objects(AF_INET, NODE)
    known.update([each for each, _ in objects], [each for _, each in objects])
    around = Surroundings(ip=Ip.parse("10.1.0.1"))
    return Renderer(KubeProxyConfig(cluster_cidr=POD_RANGE)).render(known.services, known.endpoints, around).text


def fresh(text: str, extra: Iterable[str] = ()) -> dict[str, str]:
    """A first sync and the jumps as they stand on a fresh node, by table; ``extra`` rules stand behind the jumps of nat."""
    order = [each for each in reversed(JUMPS) if each not in KUBELET_JUMPS] + list(KUBELET_JUMPS)
    tables = {}
    for part in text.removeprefix("*").split("\n*"):
        name, _, rest = part.partition("\n")
        lines = rest.splitlines()
        heads = [line for line in lines if line.startswith(":")]
        rules = [line for line in lines if line.startswith("-A")]
        jumps = [f"-A {each.chain} {each.rule}" for each in order if each.table == name]
        more = extra if name == "nat" else ()
        tables[name] = "\n".join((f"*{name}", *heads, *jumps, *more, *rules, "COMMIT")) + "\n"
    return tables


def filter_table(services: Iterable[Service]) -> str:
    """``*filter``: refusals, and what forwards."""
    return fresh(_text(services))["filter"]


def nat_table(services: Iterable[Service], extra: Iterable[str] = ()) -> str:
    """``*nat``; ``extra`` rules stand behind kube-proxy's jump in POSTROUTING."""
    return fresh(_text(services), extra)["nat"]


IP_MASQ = (
    (
        '-A POSTROUTING -m comment --comment "ip-masq: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom IP-MASQ chain"'
        " -m addrtype ! --dst-type LOCAL -j IP-MASQ"
    ),
)


def ip_masq(ranges: Iterable[str]) -> str:
    """ip-masq-agent's chain, to be restored with ``--noflush`` or put together with another nat table."""
    said = '-m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE"'
    out = '-m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)"'
    return (
        "\n".join((*(f"-A IP-MASQ -d {net} {said} -j RETURN" for net in ranges), f"-A IP-MASQ {out} -j MASQUERADE"))
        + "\n"
    )


def merged(*texts: str) -> str:
    """Texts of one table as one: chains first, then the rules in the order of the texts."""
    lines = [line for text in texts for line in text.splitlines()]
    heads = dict.fromkeys(line for line in lines if line.startswith(":"))
    rules = [line for line in lines if line.startswith("-")]
    return "\n".join((lines[0], *heads, *rules, "COMMIT")) + "\n"
