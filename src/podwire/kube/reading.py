"""From a document to an object for the store: decoded as strictly as the API server does, its template looked at."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.kube.calico.kinds import stored_field, stored_kind
from podwire.kube.decode import decode
from podwire.kube.fields import Field
from podwire.kube.kinds import KINDS
from podwire.kube.objects import ApiObject
from podwire.kube.pod import check_template

_WORKLOADS: Final = frozenset({"Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"})


def decode_stored(field: Field) -> ApiObject:
    """An object of ``kinds.KINDS``. Raises ``ManifestError``, and ``NotModelled`` for what podwire would get wrong in a pod."""
    version, name = field.at("apiVersion").text(), field.at("kind").text()
    shown = ""
    if (calico := stored_kind(version, name)) is not None:
        shown = _shown(field)
        kind, field = calico, stored_field(field)
        version, name = kind.version, kind.name
    else:
        kind = KINDS[version, name]
    # A status is the server's: what a manifest says there may have any form.
    members = {key: each for key, each in field.members().items() if key != "status"}
    typed = decode(msgspec.structs.replace(field, value=members), kind.type)
    meta = typed.metadata
    space = (meta.namespace or "default") if kind.namespaced else ""
    found = ApiObject(version, name, space, meta.name, field, shown)
    if name in _WORKLOADS:
        check_template(field.at("spec", "template"), f"{kind.singular} {found.key}")
    return found


def _shown(field: Field) -> str:
    """``globalnetworkpolicy.projectcalico.org/deny``: an object by the names it was written with."""
    name = field.get("metadata", "name")
    group = field.at("apiVersion").text().rpartition("/")[0]
    return f"{field.at('kind').text().lower()}.{group}/{name.value if name is not None else ''}"
