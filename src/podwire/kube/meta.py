"""What all objects have: names, labels, ObjectMeta (k8s.io/apimachinery, validation as the API server does it)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from podwire.kube.fields import Field

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

DnsLabel = Annotated[
    str,
    Meta(
        pattern=rf"(?=.{{1,63}}$){_LABEL}",
        description="a lowercase RFC 1123 label: at most 63 of a-z, 0-9 and '-', which starts and ends with a letter or digit",
    ),
]
DnsSubdomain = Annotated[
    str,
    Meta(
        pattern=rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*",
        description="a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', which starts and ends with a letter or digit",
    ),
]
QualifiedName = Annotated[
    str,
    Meta(
        pattern=rf"((?=[^/]{{1,253}}/){_LABEL}(\.{_LABEL})*/)?(?=[^/]{{1,63}}$){_QUALIFIED}",
        description="a qualified name such as app or example.com/app",
    ),
]
LabelValue = Annotated[
    str,
    Meta(
        pattern=rf"(?=.{{0,63}}$)({_QUALIFIED})?",
        description="a label value: at most 63 letters, digits, '-', '_' and '.', a letter or digit first and last",
    ),
]
Labels = dict[QualifiedName, LabelValue]


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel"):
    """``metadata``; what the server itself fills in is accepted, as in the output of ``kubectl get -o yaml``."""

    name: DnsSubdomain
    namespace: DnsLabel = "default"
    labels: Labels = {}
    annotations: dict[QualifiedName, str] = {}
    creation_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    deletion_timestamp: Any = None
    finalizers: tuple[str, ...] = ()
    generate_name: str | None = None
    generation: Any = None
    managed_fields: Any = None
    owner_references: Any = None
    resource_version: str | None = None
    self_link: str | None = None
    uid: str | None = None


class OwnerReference(msgspec.Struct, frozen=True, rename="camel"):
    """Who made an object: when the owner goes, so does what it owns. ``controller`` marks the one that manages it."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """``metadata`` of a stored object, whose names were checked with the API server's own words (``kube.validation``).

    ``namespace`` is empty for kinds that have none. ``uid``, ``resource_version``, ``generation`` and
    ``creation_timestamp`` are the server's: what a manifest says of them counts for nothing.
    """

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    finalizers: tuple[str, ...] = ()
    generate_name: str = ""
    managed_fields: Any = None
    self_link: str = ""


class Reference(msgspec.Struct, frozen=True):
    """What ``kubectl delete -f`` reads of an object; ``shown`` as in ``ApiObject``."""

    kind: str
    namespace: str
    name: str
    at: Field
    shown: str = ""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"
