"""The kinds that the store keeps: their names, their types, who fills in defaults and who checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.errors import PodwireError
from podwire.kube import plain, policy, service_rules, words, workload_rules, workloads
from podwire.kube.endpoints import Endpoints, EndpointSlice
from podwire.kube.event import Event, check_event
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata
from podwire.kube.service import Service


class Custom(msgspec.Struct, frozen=True, rename="camel"):
    """An object of a kind that a backend registered, and checks by itself."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: Any = None
    status: Any = None


def _nothing(document: dict[str, Any]) -> None:
    """No defaults."""


def _no_check(new: Any, problems: Problems) -> None:
    """Nothing to check."""


def _no_update(new: Any, old: Any, problems: Problems) -> None:
    """Everything may change."""


class Kind(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One kind. ``plural`` and ``short`` are what kubectl takes; ``name_words`` says what its names are.

    ``custom`` is a kind of a CustomResourceDefinition that has a type of its own.
    """

    version: str
    name: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    type: Any = Custom
    custom: bool = False
    default: Callable[[dict[str, Any]], None] = _nothing
    check: Callable[[Any, Problems], None] = _no_check
    check_update: Callable[[Any, Any, Problems], None] = _no_update
    name_words: Callable[[str], list[str]] = words.dns_subdomain

    @property
    def group(self) -> str:
        """API group; empty for the core."""
        return self.version.rpartition("/")[0]

    @property
    def slot(self) -> str:
        """Under which name a store keeps its objects: a backend's NetworkPolicy is not Kubernetes's."""
        return f"{self.name}.{self.group}" if self.is_custom else self.name

    @property
    def is_custom(self) -> bool:
        """Of a CustomResourceDefinition: the server knows no strategic merge of it, and counts its generations."""
        return self.custom or self.type is Custom

    @property
    def resource(self) -> str:
        """As errors name it: ``deployments.apps``, ``pods``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        """As kubectl's lines name it: ``deployment.apps``, ``pod``."""
        return f"{self.name.lower()}.{self.group}" if self.group else self.name.lower()


_BUILT_IN: Final = (
    Kind(
        version="v1",
        name="Namespace",
        plural="namespaces",
        short=("ns",),
        namespaced=False,
        type=plain.Namespace,
        default=plain.default_namespace,
        name_words=words.dns_label,
    ),
    Kind(
        version="v1",
        name="Node",
        plural="nodes",
        short=("no",),
        namespaced=False,
        type=plain.Node,
        check=plain.check_node,
        check_update=plain.check_node_update,
    ),
    Kind(
        version="v1",
        name="Pod",
        plural="pods",
        short=("po",),
        type=workloads.Pod,
        default=workload_rules.default_pod,
        check=workload_rules.check_pod,
        check_update=workload_rules.check_pod_update,
    ),
    Kind(
        version="v1",
        name="Service",
        plural="services",
        short=("svc",),
        type=Service,
        default=service_rules.default_service,
        check=service_rules.check_service,
        check_update=service_rules.check_service_update,
        name_words=words.dns_1035_label,
    ),
    Kind(
        version="v1",
        name="Endpoints",
        plural="endpoints",
        short=("ep",),
        type=Endpoints,
        default=service_rules.default_endpoints,
        check=service_rules.check_endpoints,
    ),
    Kind(
        version="v1",
        name="ConfigMap",
        plural="configmaps",
        short=("cm",),
        type=plain.ConfigMap,
        check=plain.check_config,
        check_update=plain.check_config_update,
    ),
    Kind(version="v1", name="Event", plural="events", short=("ev",), type=Event, check=check_event),
    Kind(version="v1", name="ServiceAccount", plural="serviceaccounts", short=("sa",), type=plain.ServiceAccount),
    Kind(
        version="apps/v1",
        name="Deployment",
        plural="deployments",
        short=("deploy",),
        type=workloads.Deployment,
        default=workload_rules.default_deployment,
        check=workload_rules.check_deployment,
        check_update=workload_rules.check_deployment_update,
    ),
    Kind(
        version="apps/v1",
        name="ReplicaSet",
        plural="replicasets",
        short=("rs",),
        type=workloads.ReplicaSet,
        default=workload_rules.default_replica_set,
        check=workload_rules.check_replica_set,
        check_update=workload_rules.check_replica_set_update,
    ),
    Kind(
        version="apps/v1",
        name="DaemonSet",
        plural="daemonsets",
        short=("ds",),
        type=workloads.DaemonSet,
        default=workload_rules.default_daemon_set,
        check=workload_rules.check_daemon_set,
        check_update=workload_rules.check_daemon_set_update,
    ),
    Kind(
        version="apps/v1",
        name="StatefulSet",
        plural="statefulsets",
        short=("sts",),
        type=workloads.StatefulSet,
        default=workload_rules.default_stateful_set,
        check=workload_rules.check_stateful_set,
        check_update=workload_rules.check_stateful_set_update,
    ),
    Kind(
        version="discovery.k8s.io/v1",
        name="EndpointSlice",
        plural="endpointslices",
        type=EndpointSlice,
        default=service_rules.default_slice,
        check=service_rules.check_slice,
        check_update=service_rules.check_slice_update,
    ),
    Kind(
        version="networking.k8s.io/v1",
        name="NetworkPolicy",
        plural="networkpolicies",
        short=("netpol",),
        type=policy.NetworkPolicy,
        default=policy.default_policy,
        check=policy.check_policy,
    ),
)
KINDS: Final[Mapping[tuple[str, str], Kind]] = MappingProxyType({(kind.version, kind.name): kind for kind in _BUILT_IN})
"""By apiVersion and kind."""


class Kinds:
    """The kinds of one store: those of Kubernetes, and those that backends registered."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], Kind] = dict(KINDS)

    def register(self, kind: Kind) -> None:
        """A kind more (a CustomResourceDefinition). Raises ``PodwireError`` where another has its name."""
        if (kind.version, kind.name) in self._kinds:
            raise PodwireError(f"kind {kind.name} of {kind.version} is registered already")
        self._kinds[kind.version, kind.name] = kind

    def of(self, version: str, name: str) -> Kind | None:
        """By apiVersion and kind."""
        return self._kinds.get((version, name))

    def named(self, text: str) -> Kind | None:
        """By what kubectl takes: ``svc``, ``services``, ``Service``, ``deployments.apps``; the core's kinds first."""
        word, _, group = text.lower().partition(".")
        for kind in self._kinds.values():
            if word in {kind.name.lower(), kind.plural, *kind.short} and group in {"", kind.group}:
                return kind
        return None

    def all(self) -> tuple[Kind, ...]:
        """Every kind, those of Kubernetes first."""
        return tuple(self._kinds.values())
