"""The table of each kind: its columns, and the cells of an object, as the API server of Kubernetes 1.30 makes them.

Source: k8s.io/kubernetes, pkg/printers/internalversion/printers.go. The server fills the wide columns always; kubectl leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.kube.kinds import Kind
from podwire.kube.shelf import Stored
from podwire.tools.kubectl import table_network, table_pods
from podwire.tools.kubectl.ages import since
from podwire.tools.kubectl.columns import Cell, Column, Row, Table, labels_text, selector_text

Document = Mapping[str, Any]
Cells = Callable[[Document, int], tuple[Cell, ...]]
_ROLE: Final = "node-role.kubernetes.io/"


class Layout(msgspec.Struct, frozen=True):
    """Columns, and what makes the cells of a document at a time (ns since 1970)."""

    columns: tuple[Column, ...]
    cells: Cells


def table(kind: Kind, objects: Iterable[Stored], now: int) -> Table:
    """The table of some objects of one kind."""
    layout = LAYOUTS.get(kind.slot, _CUSTOM)
    return Table(layout.columns, tuple(Row(layout.cells(each.document, now), each) for each in objects))


def _layout(titles: str, cells: Cells, wide: str = "") -> Layout:
    """Titles are divided by two blanks; the one that says ``Name`` is the name."""
    return Layout(
        (
            *(Column(title, name=title == "Name") for title in titles.split("  ")),
            *(Column(title, wide=True, name=title == "Name") for title in wide.split("  ") if title),
        ),
        cells,
    )


def _age(document: Document, now: int) -> str:
    return since(document["metadata"].get("creationTimestamp"), now)


def _name(document: Document) -> str:
    return str(document["metadata"]["name"])


# --------------------------------------------------------------------------------------------------------- workloads


def _containers(document: Document) -> tuple[str, str]:
    """Names and images of the containers of a template."""
    containers = document["spec"]["template"]["spec"].get("containers") or ()
    return ",".join(each["name"] for each in containers), ",".join(each.get("image", "") for each in containers)


def _counts(document: Document, *names: str) -> tuple[int, ...]:
    status = document.get("status") or {}
    return tuple(int(status.get(name) or 0) for name in names)


def _deployment(document: Document, now: int) -> tuple[Cell, ...]:
    ready, updated, available = _counts(document, "readyReplicas", "updatedReplicas", "availableReplicas")
    return (
        _name(document),
        f"{ready}/{document['spec'].get('replicas', 1)}",
        updated,
        available,
        _age(document, now),
        *_containers(document),
        selector_text(document["spec"].get("selector")),
    )


def _replica_set(document: Document, now: int) -> tuple[Cell, ...]:
    counts = _counts(document, "replicas", "readyReplicas")
    desired = int(document["spec"].get("replicas", 1))
    selector = selector_text(document["spec"].get("selector"))
    return (_name(document), desired, *counts, _age(document, now), *_containers(document), selector)


def _daemon_set(document: Document, now: int) -> tuple[Cell, ...]:
    counts = _counts(
        document,
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    nodes = labels_text(document["spec"]["template"]["spec"].get("nodeSelector") or {})
    selector = selector_text(document["spec"].get("selector"))
    return (_name(document), *counts, nodes, _age(document, now), *_containers(document), selector)


def _stateful_set(document: Document, now: int) -> tuple[Cell, ...]:
    (ready,) = _counts(document, "readyReplicas")
    return (
        _name(document),
        f"{ready}/{document['spec'].get('replicas', 1)}",
        _age(document, now),
        *_containers(document),
    )


# ------------------------------------------------------------------------------------------------------------- nodes


def _node(document: Document, now: int) -> tuple[Cell, ...]:
    status = document.get("status") or {}
    info = status.get("nodeInfo") or {}
    return (
        _name(document),
        node_status(document),
        node_roles(document) or "<none>",
        _age(document, now),
        info.get("kubeletVersion", ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        *(info.get(name) or "<unknown>" for name in ("osImage", "kernelVersion", "containerRuntimeVersion")),
    )


def node_status(document: Document) -> str:
    """``Ready``, ``NotReady``, ``Unknown``; with ``SchedulingDisabled`` behind it where the node is cordoned."""
    conditions = (document.get("status") or {}).get("conditions") or ()
    ready = [each for each in conditions if each["type"] == "Ready"]
    status = ("Ready" if ready[-1].get("status") == "True" else "NotReady") if ready else "Unknown"
    return f"{status},SchedulingDisabled" if (document.get("spec") or {}).get("unschedulable") else status


def node_roles(document: Document) -> str:
    """``control-plane,worker``, from the labels ``node-role.kubernetes.io/ROLE`` and ``kubernetes.io/role``; empty without."""
    roles = set()
    for key, value in (document["metadata"].get("labels") or {}).items():
        if key.startswith(_ROLE):
            roles.add(key.removeprefix(_ROLE))
        elif key == "kubernetes.io/role":
            roles.add(value)
    return ",".join(sorted(roles - {""}))


def _address(status: Document, which: str) -> str:
    return next((each["address"] for each in status.get("addresses") or () if each["type"] == which), "<none>")


# ------------------------------------------------------------------------------------------------------------ others


def _namespace(document: Document, now: int) -> tuple[Cell, ...]:
    return _name(document), (document.get("status") or {}).get("phase", ""), _age(document, now)


def _config_map(document: Document, now: int) -> tuple[Cell, ...]:
    count = len(document.get("data") or ()) + len(document.get("binaryData") or ())
    return _name(document), count, _age(document, now)


def _service_account(document: Document, now: int) -> tuple[Cell, ...]:
    return _name(document), len(document.get("secrets") or ()), _age(document, now)


def _custom(document: Document, now: int) -> tuple[Cell, ...]:
    return _name(document), _age(document, now)


def _event(document: Document, now: int) -> tuple[Cell, ...]:
    first = since(document.get("firstTimestamp") or document.get("eventTime"), now)
    last = since(document["lastTimestamp"], now) if document.get("lastTimestamp") else first
    count = document.get("count") or 1
    series = document.get("series")
    if series:
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    about = document.get("involvedObject") or {}
    kind = str(about.get("kind", "")).lower()
    return (
        last,
        document.get("type", ""),
        document.get("reason", ""),
        f"{kind}/{about['name']}" if about.get("name") else kind,
        # The server's order: what kubectl shows without -o wide stands between the rest.
        about.get("fieldPath", ""),
        event_source(document),
        str(document.get("message", "")).strip(),
        first,
        int(count),
        _name(document),
    )


def event_source(document: Document) -> str:
    """``kubelet, node1``: who reported an event."""
    source = document.get("source") or {}
    name = source.get("component") or document.get("reportingComponent", "")
    host = source.get("host") or document.get("reportingInstance", "")
    return f"{name}, {host}" if host else str(name)


_EVENT: Final = Layout(
    (
        Column("Last Seen"),
        Column("Type"),
        Column("Reason"),
        Column("Object"),
        Column("Subobject", wide=True),
        Column("Source", wide=True),
        Column("Message"),
        Column("First Seen", wide=True),
        Column("Count", wide=True),
        Column("Name", wide=True, name=True),
    ),
    _event,
)
_TEMPLATE: Final = "Containers  Images  Selector"
_CUSTOM: Final = _layout("Name  Age", _custom)
LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        "ConfigMap": _layout("Name  Data  Age", _config_map),
        "DaemonSet": _layout(
            "Name  Desired  Current  Ready  Up-to-date  Available  Node Selector  Age", _daemon_set, _TEMPLATE
        ),
        "Deployment": _layout("Name  Ready  Up-to-date  Available  Age", _deployment, _TEMPLATE),
        "EndpointSlice": _layout("Name  AddressType  Ports  Endpoints  Age", table_network.endpoint_slice),
        "Endpoints": _layout("Name  Endpoints  Age", table_network.endpoints),
        "Event": _EVENT,
        "Namespace": _layout("Name  Status  Age", _namespace),
        "NetworkPolicy": _layout("Name  Pod-Selector  Age", table_network.network_policy),
        "Node": _layout(
            "Name  Status  Roles  Age  Version",
            _node,
            "Internal-IP  External-IP  OS-Image  Kernel-Version  Container-Runtime",
        ),
        "Pod": _layout(
            "Name  Ready  Status  Restarts  Age", table_pods.pod, "IP  Node  Nominated Node  Readiness Gates"
        ),
        "ReplicaSet": _layout("Name  Desired  Current  Ready  Age", _replica_set, _TEMPLATE),
        "Service": _layout("Name  Type  Cluster-IP  External-IP  Port(s)  Age", table_network.service, "Selector"),
        "ServiceAccount": _layout("Name  Secrets  Age", _service_account),
        "StatefulSet": _layout("Name  Ready  Age", _stateful_set, "Containers  Images"),
    }
)
"""By ``Kind.slot``; a kind that a backend registered has a name and an age."""
