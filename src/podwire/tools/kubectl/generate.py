"""Objects that kubectl makes up by itself: what ``run``, ``create deployment``, ``create service`` … send.

They are as ``--dry-run=client -o yaml`` prints them: members that Go's types always write (``creationTimestamp: null``,
``resources: {}``, ``status: {}``) are there; the server drops them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from podwire.tools.kubectl.failing import fail

if TYPE_CHECKING:
    from podwire.tools.kubectl.context import Context

_TCP: Final = re.compile(r"(\d+)(?::([\w-]+))?")


def meta(
    context: Context, name: str, labels: Mapping[str, str] | None = None, *, namespaced: bool = True
) -> dict[str, Any]:
    """``metadata``; a namespace only where ``-n`` names one."""
    found: dict[str, Any] = {"creationTimestamp": None}
    if labels:
        found["labels"] = dict(labels)
    found["name"] = name
    if namespaced and context.parsed.text("namespace"):
        found["namespace"] = context.namespace
    return found


def parse_labels(text: str) -> dict[str, str]:
    """``app=web,tier=front``. Raises ``KubectlError``."""
    found: dict[str, str] = {}
    for part in text.split(",") if text else ():
        key, equals, value = part.partition("=")
        if not equals or not key:
            fail(f"unexpected label spec: {part}")
        found[key] = value
    return found


def pod(context: Context, name: str, image: str, labels: Mapping[str, str], restart: str) -> dict[str, Any]:
    """``kubectl run``: a Pod with one container."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(context, name, labels),
        "spec": {
            "containers": [{"image": image, "name": name, "resources": {}}],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": restart,
        },
        "status": {},
    }


def deployment(
    context: Context, name: str, images: Sequence[str], replicas: int, port: int, command: Sequence[str]
) -> dict[str, Any]:
    """``kubectl create deployment``: a container for each image, named after it."""
    containers = [_container(image) for image in images]
    if port >= 0 and containers:
        containers[0]["ports"] = [{"containerPort": port}]
    if command:
        containers[0]["command"] = list(command)
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(context, name, labels),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {
                "metadata": {"creationTimestamp": None, "labels": labels},
                "spec": {"containers": containers},
            },
        },
        "status": {},
    }


def _container(image: str) -> dict[str, Any]:
    """The image's last part without tag and digest, in letters that a name may have."""
    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0].replace("_", "-")
    return {"image": image, "name": name, "resources": {}}


def service(
    context: Context, name: str, kind: str, ports: Sequence[dict[str, Any]], selector: Mapping[str, str] | None
) -> dict[str, Any]:
    """``kubectl create service``."""
    spec: dict[str, Any] = {"ports": list(ports), "selector": dict(selector or {"app": name}), "type": kind}
    if not ports:
        del spec["ports"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(context, name, {"app": name}),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def tcp_port(text: str) -> dict[str, Any]:
    """``--tcp=80:8080``: port and target, the name ``80-8080``. Raises ``KubectlError``."""
    match = _TCP.fullmatch(text)
    if match is None:
        fail(f'strconv.ParseUint: parsing "{text.partition(":")[0]}": invalid syntax')
    port, target = int(match[1]), match[2] or match[1]
    if port > 0xFFFF:
        fail(f'strconv.ParseUint: parsing "{match[1]}": value out of range')
    return {
        "name": text.replace(":", "-"),
        "port": port,
        "protocol": "TCP",
        "targetPort": int(target) if target.isdecimal() else target,
    }
