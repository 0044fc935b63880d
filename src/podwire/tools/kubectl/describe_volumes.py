"""The volumes of a pod, as ``kubectl describe`` shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from podwire.errors import NotModelled
from podwire.kube.quantity import Quantity
from podwire.tools.kubectl.describe_writing import NONE, UNSET, Document, Page

_SIMPLE: Final = {
    "secret": (
        "Secret (a volume populated by a Secret)",
        (("SecretName", "secretName", ""), ("Optional", "optional", False)),
    ),
    "configMap": (
        "ConfigMap (a volume populated by a ConfigMap)",
        (("Name", "name", ""), ("Optional", "optional", False)),
    ),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        (("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", False)),
    ),
    "nfs": (
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        (("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", False)),
    ),
    "gcePersistentDisk": (
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        (
            ("PDName", "pdName", ""),
            ("FSType", "fsType", ""),
            ("Partition", "partition", 0),
            ("ReadOnly", "readOnly", False),
        ),
    ),
    "hostPath": (
        "HostPath (bare host directory volume)",
        (("Path", "path", ""), ("HostPathType", "type", NONE)),
    ),
}
"""By the member of the volume: its kind in words, then label, member and default of each line."""


def volumes(page: Page, found: Iterable[Document] | None, space: str = "") -> None:
    """All volumes; ``space`` stands before the title in a template. Raises ``NotModelled`` for a source that podwire does not know."""
    if not found:
        page.put(0, f"{space}Volumes:\t{NONE}\n")
        return
    page.put(0, f"{space}Volumes:\n")
    for volume in found:
        page.put(1, f"{' ' if space else ''}{volume['name']}:\n")
        source = next((name for name in volume if name != "name"), "emptyDir")
        _source(page, source, volume.get(source) or {})


def _source(page: Page, source: str, spec: Document) -> None:
    if source in _SIMPLE:
        title, lines = _SIMPLE[source]
        page.field(2, "Type", title)
        for label, member, default in lines:
            page.field(2, label, _word(spec.get(member, default)))
    elif source == "emptyDir":
        limit = spec.get("sizeLimit")
        page.field(2, "Type", "EmptyDir (a temporary directory that shares a pod's lifetime)")
        page.field(2, "Medium", spec.get("medium", ""))
        page.field(2, "SizeLimit", Quantity.parse(limit) if limit and Quantity.parse(limit).value > 0 else UNSET)
    elif source == "projected":
        _projected(page, spec)
    elif source == "downwardAPI":
        page.field(2, "Type", "DownwardAPI (a volume populated by information about the pod)")
        page.put(2, "Items:\n")
        for item in spec.get("items") or ():
            at = (item.get("fieldRef") or {}).get("fieldPath") or (item.get("resourceFieldRef") or {}).get("resource")
            page.put(3, f"{at} -> {item['path']}\n")
    elif source == "csi":
        page.field(2, "Type", "CSI (a Container Storage Interface (CSI) volume source)")
        for label, member, default in (
            ("Driver", "driver", ""),
            ("FSType", "fsType", ""),
            ("ReadOnly", "readOnly", False),
        ):
            page.field(2, label, _word(spec.get(member, default)))
        given = spec.get("volumeAttributes") or {}
        pairs = [f"{key}={given[key]}" for key in sorted(given)] or [NONE]
        page.put(2, f"VolumeAttributes:\t{pairs[0]}\n")
        for line in pairs[1:]:
            page.put(0, f"        \t{line}\n")
    else:
        raise NotModelled(f"a volume of kind {source}", "kubectl describe")


def _projected(page: Page, spec: Document) -> None:
    page.field(2, "Type", "Projected (a volume that contains injected data from multiple sources)")
    for source in spec.get("sources") or ():
        if "secret" in source:
            page.field(2, "SecretName", source["secret"].get("name", ""))
            page.field(2, "SecretOptionalName", _pointer(source["secret"].get("optional")))
        elif "downwardAPI" in source:
            page.field(2, "DownwardAPI", "true")
        elif "configMap" in source:
            page.field(2, "ConfigMapName", source["configMap"].get("name", ""))
            page.field(2, "ConfigMapOptional", _pointer(source["configMap"].get("optional")))
        elif "serviceAccountToken" in source:
            page.field(2, "TokenExpirationSeconds", source["serviceAccountToken"].get("expirationSeconds", 3600))


def _word(value: object) -> object:
    """As Go prints it."""
    return str(value).lower() if isinstance(value, bool) else value


def _pointer(value: object) -> str:
    """``<nil>`` for a pointer to nothing."""
    return "<nil>" if value is None else str(_word(value))
