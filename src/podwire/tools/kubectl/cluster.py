"""``kubectl cluster-info`` and ``kubectl version`` (cmd/clusterinfo, cmd/version)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled
from podwire.kube.store import Stored
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.flags import Flag

if TYPE_CHECKING:
    from podwire.tools.kubectl.context import Context

CLIENT: Final = "v1.30.0"
"""The version whose texts podwire's kubectl prints; its Kustomize is v5.0.4-0.20230601165947-6ce0bf390ce3."""
_KUSTOMIZE: Final = "v5.0.4-0.20230601165947-6ce0bf390ce3"
_GREEN, _YELLOW, _END = "\x1b[0;32m", "\x1b[0;33m", "\x1b[0m"


def _cluster_info(context: Context) -> int:
    if context.parsed.args:
        if context.parsed.args[0] == "dump":
            raise NotModelled("kubectl cluster-info dump")
        raise KubectlError(
            f"error: unknown command \"{context.parsed.args[0]}\"\nSee 'kubectl cluster-info -h' for help and examples"
        )
    server = context.ops.server
    paint = 1 in context.proc.terminals
    _line(context, "Kubernetes control plane", server, paint=paint)
    space = context.parsed.text("namespace") or "kube-system"
    for each in context.store.select("Service", space, labels="kubernetes.io/cluster-service=true"):
        name = each.labels.get("kubernetes.io/name") or each.name
        for link in _links(each, server):
            _line(context, name, link, paint=paint)
    context.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n")
    return 0


def _line(context: Context, name: str, link: str, *, paint: bool) -> None:
    """Coloured on a terminal."""
    text = f"{_GREEN}{name}{_END} is running at {_YELLOW}{link}{_END}" if paint else f"{name} is running at {link}"
    context.out(f"{text}\n")


def _links(service: Stored, server: str) -> list[str]:
    """The way through the API server's proxy; an address of a load balancer where it has one."""
    ports: list[dict[str, Any]] = service.document["spec"].get("ports") or []
    ingress = ((service.document.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if ingress:
        host = ingress[0].get("ip") or ingress[0].get("hostname")
        return ["".join(f"http://{host}:{port['port']} " for port in ports)]
    name = service.name
    if ports:
        port = ports[0]
        scheme = "https" if port["port"] == 443 or port.get("name") == "https" else ""
        name = (
            f"{scheme}:{name}:{port.get('name', '')}"
            if scheme
            else f"{name}:{port.get('name', '')}"
            if port.get("name")
            else name
        )
    return [f"{server}/api/v1/namespaces/{service.namespace}/services/{name}/proxy"]


def _version(context: Context) -> int:
    output = context.parsed.text("output")
    versions = {"clientVersion": {"gitVersion": CLIENT}, "kustomizeVersion": _KUSTOMIZE}
    if output not in {"", "json", "yaml"}:
        raise KubectlError("error: --output must be 'yaml' or 'json'")
    if output:
        # The rest of these documents says who built the programs, and with which compiler.
        raise NotModelled(f"-o {output}: {json.dumps(versions)} is all that podwire could say", "kubectl version")
    context.out(f"Client Version: {CLIENT}\nKustomize Version: {_KUSTOMIZE}\n")
    if not context.parsed.on("client"):
        context.out(f"Server Version: {_server(context)}\n")
    return 0


def _server(context: Context) -> str:
    """The version of the kubelets, which the server's is, too."""
    for node in context.store.all("Node"):
        info = (node.document.get("status") or {}).get("nodeInfo") or {}
        if info.get("kubeletVersion"):
            return str(info["kubeletVersion"])
    return CLIENT


CLUSTER_INFO: Final = Verb(_cluster_info)
VERSION: Final = Verb(_version, (Flag("client", kind="bool"), Flag("output", "o")))
