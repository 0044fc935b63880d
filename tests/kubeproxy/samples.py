"""Services and EndpointSlices in few words, and kube-proxy on a node of a small lab."""

from __future__ import annotations

from collections.abc import Iterable
from socket import AF_INET
from typing import Any

import msgspec

from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import Service
from podwire.kubeproxy import FixedObjects, KubeProxyConfig, Renderer, Surroundings, Sync
from podwire.kubeproxy.objects import Objects
from podwire.wire.addr import Ip, Net

NODE = "node1"
AROUND = Surroundings(ip=Ip.parse("10.0.0.37"), pod_cidr=Net.parse("10.32.0.0/24"), liberal=True)
GKE = KubeProxyConfig(detect_local_mode="NodeCIDR", cluster_cidr="10.32.0.0/14")


def service(name: str, ports: Iterable[str] = ("80",), ip: str | list[str] = "10.96.0.10", **spec: Any) -> Service:
    """A Service ``[namespace/]name``; each port is ``[name:]port[:nodePort][/protocol]``. ``spec`` in the API's names.

    ``labels``, ``annotations`` and ``ingress`` (a list) are put where they belong.
    """
    namespace, _, short = name.rpartition("/")
    meta = {"name": short, "namespace": namespace or "default"}
    for key in ("labels", "annotations"):
        if key in spec:
            meta[key] = spec.pop(key)
    status = {"loadBalancer": {"ingress": spec.pop("ingress", [])}}
    ips = [ip] if isinstance(ip, str) else ip
    body = {"clusterIP": ips[0], "clusterIPs": ips, "ports": [_port(each) for each in ports], **spec}
    document = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": body, "status": status}
    return msgspec.convert(document, Service)


def _port(text: str) -> dict[str, Any]:
    text, _, proto = text.partition("/")
    words = text.split(":")
    name = words.pop(0) if not words[0].isdigit() else ""
    numbers = [int(each) for each in words]
    return {"name": name, "port": numbers[0], "nodePort": (numbers[1:] or [0])[0], "protocol": (proto or "TCP").upper()}


def endpoints(name: str, addresses: Iterable[str], ports: Iterable[str] = ("80",), **more: Any) -> EndpointSlice:
    """A slice of a Service; each address is ``ip[@node][ flag]…``, flags ``down``, ``leaving``, ``gone``, ``zone=Z``.

    Each port is ``[name:]port[/protocol]``. ``suffix`` names the slice, ``labels`` are further ones.
    """
    namespace, _, short = name.rpartition("/")
    labels = {"kubernetes.io/service-name": short, **more.get("labels", {})}
    listed = list(addresses)
    document = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{short}-{more.get('suffix', 'x1')}",
            "namespace": namespace or "default",
            "labels": labels,
        },
        "addressType": "IPv6" if listed and listed[0].count(":") > 1 else "IPv4",
        "endpoints": [_endpoint(each) for each in listed],
        "ports": [{key: value for key, value in _port(each).items() if key != "nodePort"} for each in ports],
    }
    return msgspec.convert(document, EndpointSlice)


def _endpoint(text: str) -> dict[str, Any]:
    words = text.split()
    ip, _, node = words[0].partition("@")
    states = {
        "down": {"ready": False, "serving": False},
        "leaving": {"ready": False, "serving": True, "terminating": True},
        "gone": {"ready": False, "serving": False, "terminating": True},
    }
    found: dict[str, Any] = {"addresses": [ip], "nodeName": node or None}
    for word in words[1:]:
        if word.startswith("zone="):
            found["hints"] = {"forZones": [{"name": word[5:]}]}
        else:
            found["conditions"] = states[word]
    return found


def objects(*all_of_them: Service | EndpointSlice) -> FixedObjects:
    """A source that has these."""
    return FixedObjects(
        [each for each in all_of_them if isinstance(each, Service)],
        [each for each in all_of_them if isinstance(each, EndpointSlice)],
    )


def render(
    *all_of_them: Service | EndpointSlice,
    config: KubeProxyConfig = GKE,
    around: Surroundings = AROUND,
    family: int = AF_INET,
) -> Sync:
    """The first sync of node ``NODE``."""
    known = Objects(family, NODE)
    source = objects(*all_of_them)
    known.update(source.services(), source.endpoint_slices())
    return Renderer(config).render(known.services, known.endpoints, around)


def rules(sync: Sync, chain: str, table: str = "") -> list[str]:
    """The lines of a chain, without ``-A CHAIN``."""
    text = sync.text.partition(f"*{table}")[2].partition("COMMIT")[0] if table else sync.text
    return [line.removeprefix(f"-A {chain} ") for line in text.splitlines() if line.startswith(f"-A {chain} ")]
