"""``kubectl describe pod``."""

from __future__ import annotations

from podwire.kube.store import Stored
from podwire.tools.kubectl.ages import since
from podwire.tools.kubectl.describe_containers import containers, spread
from podwire.tools.kubectl.describe_volumes import volumes
from podwire.tools.kubectl.describe_writing import (
    NONE,
    Document,
    Page,
    conditions,
    controller_of,
    events,
    labels,
    labels_and_annotations,
    rfc1123z,
    tolerations,
)


def pod(page: Page, each: Stored) -> None:
    """One Pod."""
    spec, status = each.document["spec"], each.document.get("status") or {}
    _head(page, each, spec, status)

    def resolve(path: str) -> str:
        return _value(each, path)

    if spec.get("initContainers"):
        containers(page, "Init Containers", spec["initContainers"], status.get("initContainerStatuses"), resolve)
    containers(page, "Containers", spec["containers"], status.get("containerStatuses"), resolve)
    if spec.get("ephemeralContainers"):
        found = spec["ephemeralContainers"]
        containers(page, "Ephemeral Containers", found, status.get("ephemeralContainerStatuses"), resolve)
    if spec.get("readinessGates"):
        page.put(0, "Readiness Gates:\n  Type\tStatus\n")
        known = {cond["type"]: cond["status"] for cond in status.get("conditions") or ()}
        for gate in spec["readinessGates"]:
            page.put(1, f"{gate['conditionType']} \t{known.get(gate['conditionType'], NONE)} \n")
    conditions(page, status.get("conditions"))
    volumes(page, spec.get("volumes"))
    page.field(0, "QoS Class", status.get("qosClass", ""))
    labels(page, "Node-Selectors", spec.get("nodeSelector"))
    tolerations(page, "Tolerations", spec.get("tolerations"))
    spread(page, spec.get("topologySpreadConstraints"))
    events(page, each)


def _head(page: Page, each: Stored, spec: Document, status: Document) -> None:
    meta = each.document["metadata"]
    page.field(0, "Name", each.name)
    page.field(0, "Namespace", each.namespace)
    if spec.get("priority") is not None:
        page.field(0, "Priority", spec["priority"])
    for name, member in (
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ):
        if spec.get(member):
            page.field(0, name, spec[member])
    page.field(0, "Node", f"{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else NONE)
    if status.get("startTime"):
        page.field(0, "Start Time", rfc1123z(status["startTime"]))
    labels_and_annotations(page, each)
    if each.terminating:
        page.field(0, "Status", f"Terminating (lasts {since(meta['deletionTimestamp'], page.now)})")
        page.field(0, "Termination Grace Period", f"{meta.get('deletionGracePeriodSeconds', 0)}s")
    else:
        page.field(0, "Status", status.get("phase", ""))
    for name, member in (("Reason", "reason"), ("Message", "message")):
        if status.get(member):
            page.field(0, name, status[member])
    profile = (spec.get("securityContext") or {}).get("seccompProfile")
    if profile:
        page.field(0, "SeccompProfile", profile["type"])
        if profile["type"] == "Localhost":
            page.field(0, "LocalhostProfile", profile.get("localhostProfile", ""))
    page.field(0, "IP", status.get("podIP", ""))
    if status.get("podIPs"):
        page.put(0, "IPs:\n")
        for address in status["podIPs"]:
            page.field(1, "IP", address["ip"])
    else:
        page.field(0, "IPs", NONE)
    if controller_of(each):
        page.field(0, "Controlled By", controller_of(each))
    if status.get("nominatedNodeName"):
        page.field(0, "NominatedNodeName", status["nominatedNodeName"])


def _value(each: Stored, path: str) -> str:
    """A field of the pod: kubectl itself knows name and namespace alone (DefaultMetaV1FieldSelectorConversion)."""
    known = {"metadata.name": each.name, "metadata.namespace": each.namespace}
    return known.get(path, "")
