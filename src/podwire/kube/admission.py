"""What admission adds to a new Pod: the token of its service account (plugin/pkg/admission/serviceaccount)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

TOKEN_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_PREFIX: Final = "kube-api-access-"


def admit_pod(document: dict[str, Any], suffix: Callable[[], str]) -> None:
    """The projected volume ``kube-api-access-xxxxx`` and its mount in every container that has none at that path.

    Not with ``automountServiceAccountToken: false``. ``suffix`` draws the five letters of a name.
    """
    spec = document["spec"]
    volumes = spec.get("volumes") or []
    if spec.get("automountServiceAccountToken") is False:
        return
    name = next((each["name"] for each in volumes if str(each.get("name", "")).startswith(_PREFIX)), None)
    wanting = [
        container
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
        if all(each.get("mountPath") != TOKEN_PATH for each in container.get("volumeMounts") or ())
    ]
    if not wanting:
        return
    if name is None:
        name = _PREFIX + suffix()
        spec["volumes"] = [*volumes, {"name": name, "projected": _projected()}]
    for container in wanting:
        mount = {"mountPath": TOKEN_PATH, "name": name, "readOnly": True}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]


def _projected() -> dict[str, Any]:
    """Token, root certificate and namespace."""
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
            {"downwardAPI": {"items": [{"fieldRef": field, "path": "namespace"}]}},
        ],
    }
