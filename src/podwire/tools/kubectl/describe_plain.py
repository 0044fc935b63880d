"""``kubectl describe`` of Namespace, ConfigMap and ServiceAccount, and of kinds that kubectl does not know."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from podwire.kube.store import Stored
from podwire.tools.kubectl.describe_writing import NONE, Page, events, head, labels_and_annotations, rfc1123z

_ACRONYMS: Final = frozenset({"API", "URL", "UID", "OSB", "GUID"})
_HIDDEN: Final = frozenset(
    {"metadata.managedFields", "metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations"}
)
_CAMEL: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^A-Za-z]+")


def namespace(page: Page, each: Stored) -> None:
    """One Namespace. podwire keeps no quotas and no limit ranges."""
    status = each.document.get("status") or {}
    page.field(0, "Name", each.name)
    labels_and_annotations(page, each)
    page.field(0, "Status", status.get("phase", ""))
    if status.get("conditions"):
        names = ("Type", "Status", "LastTransitionTime", "Reason", "Message")
        page.put(0, "Conditions:\n")
        page.put(1, "\t".join(names) + "\n")
        page.put(1, "\t".join("-" * len(name) for name in names) + "\n")
        for one in status["conditions"]:
            changed = rfc1123z(one.get("lastTransitionTime"))
            page.put(
                1, f"{one['type']}\t{one['status']}\t{changed}\t{one.get('reason', '')}\t{one.get('message', '')}\n"
            )
    page.put(0, "\nNo resource quota.\n\nNo LimitRange resource.\n")


def config_map(page: Page, each: Stored) -> None:
    """One ConfigMap, its keys sorted: kubectl promises no order."""
    head(page, each)
    page.put(0, "\nData\n====\n")
    data = each.document.get("data") or {}
    for key in sorted(data):
        page.put(0, f"{key}:\n----\n{data[key]}\n")
    page.put(0, "\nBinaryData\n====\n")
    binary = each.document.get("binaryData") or {}
    for key in sorted(binary):
        page.put(0, f"{key}: {len(base64.b64decode(binary[key]))} bytes\n")
    page.put(0, "\n")
    events(page, each)


def service_account(page: Page, each: Stored) -> None:
    """One ServiceAccount. Secrets are not kept: those that it names are not found."""
    head(page, each)
    for title, member in (("Image pull secrets:", "imagePullSecrets"), ("Mountable secrets: ", "secrets")):
        names = [str(one.get("name", "")) for one in each.document.get(member) or ()]
        prefix = title
        for name in names or [NONE]:
            page.put(0, f"{prefix}\t{name}{' (not found)' if names else ''}\n")
            prefix = " " * len(title)
    page.put(0, f"Tokens:            \t{NONE}\n")
    events(page, each)


# ----------------------------------------------------------------------------------------------------------- generic


def generic(page: Page, each: Stored) -> None:
    """Any object, member by member."""
    head(page, each)
    _content(page, 0, each.document, "")
    events(page, each)


def _content(page: Page, level: int, content: Mapping[str, Any], prefix: str) -> None:
    for name in sorted(content):
        path, value = f"{prefix}.{name}" if prefix else name, content[name]
        if path in _HIDDEN:
            continue
        if isinstance(value, Mapping):
            page.put(level, f"{label(name)}:\n")
            _content(page, level + 1, value, path)
        elif isinstance(value, list | tuple):
            page.put(level, f"{label(name)}:\n")
            for child in value:
                if isinstance(child, Mapping):
                    _content(page, level + 1, child, path)
                else:
                    page.put(level + 1, f"{_shown(child)}\n")
        else:
            page.field(level, label(name), _shown(value))


def _shown(value: object) -> str:
    """As Go prints what stood in JSON."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{' '.join(_shown(each) for each in value)}]"
    return str(value)


def label(name: str) -> str:
    """``creationTimestamp`` is Creation Timestamp, ``uid`` UID; names with other signs stay (``smartLabelFor``)."""
    if not all(letter.isalpha() or letter == "-" for letter in name):
        return name
    parts = _CAMEL.findall(name)
    return " ".join(part.upper() if part.upper() in _ACRONYMS else part[:1].upper() + part[1:] for part in parts)
