"""Containers of a pod and of a template, as ``kubectl describe`` shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from podwire.kube.quantity import Quantity
from podwire.tools.kubectl.columns import selector_text
from podwire.tools.kubectl.describe_volumes import volumes
from podwire.tools.kubectl.describe_writing import (
    NONE,
    Document,
    Page,
    labels,
    notes,
    rfc1123z,
    rows,
    tolerations,
)

Resolver = Callable[[str], str]
"""The value of a field of the pod, by its path."""
_PROBES: Final = (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe"))


def containers(
    page: Page,
    title: str,
    found: Iterable[Document],
    statuses: Iterable[Document] | None = None,
    resolve: Resolver | None = None,
    space: str = "",
) -> None:
    """All containers with what their kubelet says of them; ``space`` stands before the title in a template."""
    known = {each["name"]: each for each in statuses or ()}
    every = list(found)
    page.put(0, f"{space}{title}:{'' if every else ' <none>'}\n")
    for container in every:
        status = known.get(container["name"])
        page.put(1, f"{' ' if space else ''}{container['name']}:\n")
        _basic(page, container, status)
        _command(page, container)
        if status is not None:
            _state(page, "State", status.get("state") or {})
            last = status.get("lastState") or {}
            if last.get("terminated"):
                _state(page, "Last State", last)
            page.field(2, "Ready", bool(status.get("ready")))
            page.field(2, "Restart Count", status.get("restartCount", 0))
        _resources(page, container.get("resources") or {})
        for name, member in _PROBES:
            if container.get(member):
                page.field(2, name, probe(container[member]))
        if container.get("envFrom"):
            _environment_from(page, container["envFrom"])
        _environment(page, container, resolve)
        _mounts(page, container)


def _basic(page: Page, container: Document, status: Document | None) -> None:
    if status is not None:
        page.field(2, "Container ID", status.get("containerID", ""))
    page.field(2, "Image", container.get("image", ""))
    if status is not None:
        page.field(2, "Image ID", status.get("imageID", ""))
    ports = container.get("ports") or ()
    for name, member in (("Port", "containerPort"), ("Host Port", "hostPort")):
        text = ", ".join(f"{each.get(member, 0)}/{each.get('protocol', 'TCP')}" for each in ports)
        page.field(2, f"{name}s" if len(ports) > 1 else name, text or NONE)
    profile = (container.get("securityContext") or {}).get("seccompProfile")
    if profile:
        page.field(2, "SeccompProfile", profile["type"])
        if profile["type"] == "Localhost":
            page.field(3, "LocalhostProfile", profile.get("localhostProfile", ""))


def _command(page: Page, container: Document) -> None:
    for title, member in (("Command", "command"), ("Args", "args")):
        if container.get(member):
            page.put(2, f"{title}:\n")
            for word in container[member]:
                for line in str(word).split("\n"):
                    page.put(3, f"{line}\n")


def _state(page: Page, title: str, state: Document) -> None:
    if state.get("running") is not None:
        page.field(2, title, "Running")
        page.field(3, "Started", rfc1123z(state["running"].get("startedAt")))
    elif state.get("terminated") is not None:
        ended = state["terminated"]
        page.field(2, title, "Terminated")
        for name, member in (("Reason", "reason"), ("Message", "message")):
            if ended.get(member):
                page.field(3, name, ended[member])
        page.field(3, "Exit Code", ended.get("exitCode", 0))
        if ended.get("signal"):
            page.field(3, "Signal", ended["signal"])
        page.field(3, "Started", rfc1123z(ended.get("startedAt")))
        page.field(3, "Finished", rfc1123z(ended.get("finishedAt")))
    else:
        page.field(2, title, "Waiting")
        reason = (state.get("waiting") or {}).get("reason")
        if reason:
            page.field(3, "Reason", reason)


def _resources(page: Page, resources: Document) -> None:
    for title, member in (("Limits", "limits"), ("Requests", "requests")):
        found = resources.get(member)
        if found:
            page.put(2, f"{title}:\n")
            for name in sorted(found):
                page.field(3, name, Quantity.parse(found[name]))


def probe(given: Document) -> str:
    """``http-get http://:80/ delay=0s timeout=1s period=10s #success=1 #failure=3``."""
    numbers = (
        ("delay={}s", "initialDelaySeconds", 0),
        ("timeout={}s", "timeoutSeconds", 1),
        ("period={}s", "periodSeconds", 10),
        ("#success={}", "successThreshold", 1),
        ("#failure={}", "failureThreshold", 3),
    )
    attributes = " ".join(form.format(given.get(member, default)) for form, member, default in numbers)
    if given.get("exec"):
        return f"exec [{' '.join(given['exec'].get('command') or ())}] {attributes}"
    if given.get("httpGet"):
        get = given["httpGet"]
        scheme, host = str(get.get("scheme", "HTTP")).lower(), str(get.get("host", ""))
        place = f"[{host}]" if ":" in host else host
        path = str(get.get("path", "/"))
        return f"http-get {scheme}://{place}:{get['port']}{path if path.startswith('/') or not path else f'/{path}'} {attributes}"
    if given.get("tcpSocket"):
        return f"tcp-socket {given['tcpSocket'].get('host', '')}:{given['tcpSocket']['port']} {attributes}"
    if given.get("grpc"):
        return f"grpc <pod>:{given['grpc']['port']} {given['grpc'].get('service', '')} {attributes}"
    return f"unknown {attributes}"


# ------------------------------------------------------------------------------------------------------- environment


def _environment_from(page: Page, found: Iterable[Document]) -> None:
    page.put(2, "Environment Variables from:\n")
    for each in found:
        kind, member = ("ConfigMap", "configMapRef") if each.get("configMapRef") else ("Secret", "secretRef")
        source = each.get(member) or {}
        prefix = f" with prefix '{each['prefix']}'" if each.get("prefix") else ""
        page.put(3, f"{source.get('name', '')}\t{kind}{prefix}\tOptional: {_flag(source)}\n")


def _environment(page: Page, container: Document, resolve: Resolver | None) -> None:
    found = container.get("env") or ()
    page.put(2, f"Environment:{'' if found else f'{chr(9)}{NONE}'}\n")
    for each in found:
        source = each.get("valueFrom")
        if source:
            _value_from(page, container, str(each["name"]), source, resolve)
            continue
        first, *more = str(each.get("value") or "").split("\n")
        page.field(3, each["name"], first)
        for line in more:
            page.put(3, f"\t{line}\n")


def _value_from(page: Page, container: Document, name: str, source: Document, resolve: Resolver | None) -> None:
    if source.get("fieldRef"):
        field = source["fieldRef"]
        value = resolve(str(field["fieldPath"])) if resolve is not None else ""
        page.field(3, name, f"{value} ({field.get('apiVersion', 'v1')}:{field['fieldPath']})")
    elif source.get("resourceFieldRef"):
        resource = str(source["resourceFieldRef"]["resource"])
        page.field(3, name, f"{_resource_value(container, source['resourceFieldRef'])} ({resource})")
    elif source.get("secretKeyRef"):
        ref = source["secretKeyRef"]
        page.field(
            3, name, f"<set to the key '{ref['key']}' in secret '{ref.get('name', '')}'>\tOptional: {_flag(ref)}"
        )
    elif source.get("configMapKeyRef"):
        ref = source["configMapKeyRef"]
        page.field(
            3, name, f"<set to the key '{ref['key']}' of config map '{ref.get('name', '')}'>\tOptional: {_flag(ref)}"
        )


def _resource_value(container: Document, ref: Document) -> str:
    """The container's own request or limit, in units of ``divisor``, rounded up."""
    resource = str(ref["resource"])
    member, _, name = resource.partition(".")
    given = ((container.get("resources") or {}).get(member) or {}).get(name)
    divisor = Quantity.parse(ref.get("divisor") or 1).value or 1
    value = -(-Quantity.parse(given or 0).value // divisor)
    return "node allocatable" if not value and resource in {"limits.cpu", "limits.memory"} else str(value)


def _flag(ref: Document) -> str:
    return "true" if ref.get("optional") else "false"


def _mounts(page: Page, container: Document) -> None:
    found = sorted(container.get("volumeMounts") or (), key=lambda each: each["mountPath"])
    page.put(2, f"Mounts:{'' if found else f'{chr(9)}{NONE}'}\n")
    for each in found:
        flags = "ro" if each.get("readOnly") else "rw"
        flags += f',path="{each["subPath"]}"' if each.get("subPath") else ""
        page.put(3, f"{each['mountPath']} from {each['name']} ({flags})\n")
    devices = sorted(container.get("volumeDevices") or (), key=lambda each: each["devicePath"])
    if devices:
        page.put(2, f"Devices:{'' if found else f'{chr(9)}{NONE}'}\n")
        for each in devices:
            page.put(3, f"{each['devicePath']} from {each['name']}\n")


# ----------------------------------------------------------------------------------------------------------- template


def template(page: Page, given: dict[str, Any]) -> None:
    """The pod template of a workload."""
    meta, spec = given.get("metadata") or {}, given["spec"]
    page.put(0, "Pod Template:\n")
    labels(page, "  Labels", meta.get("labels"))
    if meta.get("annotations"):
        notes(page, "  Annotations", meta["annotations"])
    if spec.get("serviceAccountName"):
        page.field(1, "Service Account", spec["serviceAccountName"])
    if spec.get("initContainers"):
        containers(page, "Init Containers", spec["initContainers"], space="  ")
    containers(page, "Containers", spec.get("containers") or (), space="  ")
    volumes(page, spec.get("volumes"), "  ")
    spread(page, spec.get("topologySpreadConstraints"), "  ")
    if spec.get("priorityClassName"):
        page.field(1, "Priority Class Name", spec["priorityClassName"])
    labels(page, "  Node-Selectors", spec.get("nodeSelector"))
    tolerations(page, "  Tolerations", spec.get("tolerations"))


def spread(page: Page, found: Iterable[Document] | None, space: str = "") -> None:
    """Topology spread constraints, by their keys."""
    lines = [
        f"{each['topologyKey']}:{each['whenUnsatisfiable']} when max skew {each['maxSkew']} is exceeded"
        + (f" for selector {selector_text(each['labelSelector'])}" if "labelSelector" in each else "")
        for each in sorted(found or (), key=lambda each: each["topologyKey"])
    ]
    if lines:
        rows(page, f"{space}Topology Spread Constraints:\t", lines, f"{space}\t")
