"""``kubectl describe node``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from podwire.kube.quantity import Quantity
from podwire.kube.store import Stored
from podwire.tools.kubectl.ages import nanoseconds, since
from podwire.tools.kubectl.describe_writing import (
    NONE,
    UNSET,
    Document,
    Page,
    events,
    labels_and_annotations,
    rfc1123z,
    taints,
)
from podwire.tools.kubectl.tables import node_roles

_RENEWED: Final = 10_000_000_000
"""A kubelet renews its lease every 10 s (nodeLeaseDurationSeconds / 4)."""
_STANDARD: Final = frozenset({"cpu", "memory", "ephemeral-storage", "pods"})
_NO_NUMBER: Final = -(2**63)
"""What Go makes of a part of nothing."""
_INFO: Final = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
    ("Kube-Proxy Version", "kubeProxyVersion"),
)
Amounts = dict[str, Quantity]


def node(page: Page, each: Stored) -> None:
    """One Node with the pods that run on it."""
    spec, status = each.document.get("spec") or {}, each.document.get("status") or {}
    created = each.document["metadata"].get("creationTimestamp")
    page.field(0, "Name", each.name)
    page.field(0, "Roles", node_roles(each.document) or NONE)
    labels_and_annotations(page, each)
    page.field(0, "CreationTimestamp", rfc1123z(created))
    taints(page, spec.get("taints"))
    page.field(0, "Unschedulable", str(bool(spec.get("unschedulable"))).lower())
    _lease(page, each)
    _conditions(page, status)
    page.put(0, "Addresses:\n")
    for address in status.get("addresses") or ():
        page.field(1, address["type"], address["address"])
    for title, member in (("Capacity", "capacity"), ("Allocatable", "allocatable")):
        found = status.get(member)
        if found:
            page.put(0, f"{title}:\n")
            for name in sorted(found):
                page.field(1, name, Quantity.parse(found[name]))
    page.put(0, "System Info:\n")
    info = status.get("nodeInfo") or {}
    for name, member in _INFO:
        page.field(1, name, info.get(member, ""))
    if spec.get("podCIDR"):
        page.field(0, "PodCIDR", spec["podCIDR"])
    if spec.get("podCIDRs"):
        page.field(0, "PodCIDRs", ",".join(spec["podCIDRs"]))
    if spec.get("providerID"):
        page.field(0, "ProviderID", spec["providerID"])
    _pods(page, each, status)
    events(page, each)


def _lease(page: Page, each: Stored) -> None:
    """The lease of its kubelet, renewed since the node joined: nothing else reads it, and the store keeps none."""
    joined = nanoseconds(each.document["metadata"]["creationTimestamp"])
    renewed = joined + (page.now - joined) // _RENEWED * _RENEWED
    page.put(0, "Lease:\n")
    page.field(1, "HolderIdentity", each.name)
    page.field(1, "AcquireTime", UNSET)
    page.field(1, "RenewTime", rfc1123z(_stamp(renewed)))


def _stamp(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _conditions(page: Page, status: Document) -> None:
    found = status.get("conditions")
    if not found:
        return
    names = ("Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message")
    page.put(0, "Conditions:\n  " + "\t".join(names) + "\n")
    page.put(1, "\t".join("-" * len(name) for name in names) + "\n")
    for one in found:
        beat, changed = rfc1123z(one.get("lastHeartbeatTime")), rfc1123z(one.get("lastTransitionTime"))
        page.put(
            1,
            f"{one['type']} \t{one['status']} \t{beat} \t{changed} \t{one.get('reason', '')} \t{one.get('message', '')}\n",
        )


# --------------------------------------------------------------------------------------------------------- resources


def _pods(page: Page, each: Stored, status: Document) -> None:
    pods = sorted(
        (
            pod
            for pod in page.store.all("Pod")
            if pod.document["spec"].get("nodeName") == each.name
            and (pod.document.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
        ),
        key=lambda pod: f"{pod.namespace}/{pod.name}",
    )
    given = status.get("allocatable") or status.get("capacity") or {}
    room = {name: Quantity.parse(value) for name, value in given.items()}
    page.field(0, "Non-terminated Pods", f"({len(pods)} in total)")
    names = ("CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age")
    page.put(1, "\t".join(("Namespace", "Name", "", *names)) + "\n")
    page.put(1, "\t".join(("---------", "----", "", *("-" * len(name) for name in names))) + "\n")
    sums: tuple[Amounts, Amounts] = ({}, {})
    for pod in pods:
        amounts = requests_and_limits(pod.document["spec"])
        cells = [
            _part(amounts[which].get(name, Quantity()), room.get(name, Quantity()), name, sum_=False)
            for name in ("cpu", "memory")
            for which in (0, 1)
        ]
        age = since(pod.document["metadata"].get("creationTimestamp"), page.now)
        page.put(1, "\t".join((pod.namespace, pod.name, "", *cells, age)) + "\n")
        for total, more in zip(sums, amounts, strict=True):
            _add(total, more)
    _allocated(page, room, *sums)


def _allocated(page: Page, room: Amounts, requests: Amounts, limits: Amounts) -> None:
    page.put(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n")
    page.put(1, "Resource\tRequests\tLimits\n")
    page.put(1, "--------\t--------\t------\n")
    pages = sorted(name for name in room if name.startswith("hugepages-"))
    for name in ("cpu", "memory", "ephemeral-storage", *pages):
        cells = [
            _part(each.get(name, Quantity()), room.get(name, Quantity()), name, sum_=True)
            for each in (requests, limits)
        ]
        page.put(1, "\t".join((name, *cells)) + "\n")
    for name in sorted(name for name in room if name not in _STANDARD and name not in pages):
        page.put(1, f"{name}\t{requests.get(name, Quantity())}\t{limits.get(name, Quantity())}\n")


def _part(amount: Quantity, room: Quantity, name: str, *, sum_: bool) -> str:
    """``100m (5%)``. A node that says of no room has no parts: kubectl looks for that in its sums alone."""
    used, whole = (amount.milli, room.milli) if name == "cpu" else (amount.whole, room.whole)
    percent = int(used / whole * 100) if whole else 0 if sum_ else _NO_NUMBER
    return f"{amount} ({percent}%)"


def requests_and_limits(spec: Document) -> tuple[Amounts, Amounts]:
    """What a pod asks for, and its limits: the sum of its containers, or the largest init container (resourcehelper)."""
    found: tuple[Amounts, Amounts] = ({}, {})
    for total, member in zip(found, ("requests", "limits"), strict=True):
        for container in spec.get("containers") or ():
            _add(total, _amounts(container, member))
        for container in spec.get("initContainers") or ():
            for name, value in _amounts(container, member).items():
                if name not in total or value.value > total[name].value:
                    total[name] = value
    overhead = {name: Quantity.parse(value) for name, value in (spec.get("overhead") or {}).items()}
    _add(found[0], overhead)
    _add(found[1], {name: value for name, value in overhead.items() if name in found[1]})
    return found


def _amounts(container: Document, member: str) -> Amounts:
    found = (container.get("resources") or {}).get(member) or {}
    return {name: Quantity.parse(value) for name, value in found.items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, value in more.items():
        total[name] = total.get(name, Quantity(form=value.form)) + value
