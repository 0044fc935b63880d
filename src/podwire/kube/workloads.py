"""Pod as the store has it, and what makes pods: Deployment, ReplicaSet, DaemonSet, StatefulSet (apps/v1)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from podwire.kube.labels import LabelSelector
from podwire.kube.meta import Metadata
from podwire.kube.pod import PodSpecFields


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """``status`` is True, False or Unknown, in letters."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: Any = None
    last_update_time: Any = None
    last_probe_time: Any = None
    observed_generation: Any = None


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What the kubelet says: ``phase`` is Pending, Running, Succeeded, Failed or Unknown; ``pod_ip`` is empty before CNI ADD."""

    phase: str = ""
    pod_ip: str = msgspec.field(name="podIP", default="")
    pod_ips: Any = msgspec.field(name="podIPs", default=None)
    host_ip: str = msgspec.field(name="hostIP", default="")
    host_ips: Any = msgspec.field(name="hostIPs", default=None)
    conditions: tuple[Condition, ...] = ()
    container_statuses: Any = None
    init_container_statuses: Any = None
    start_time: str | None = None
    qos_class: str = ""
    reason: str = ""
    message: str = ""

    @property
    def ready(self) -> bool:
        """Its condition Ready is True."""
        return any(each.type == "Ready" and each.status == "True" for each in self.conditions)


class Pod(msgspec.Struct, frozen=True, rename="camel"):
    """A Pod as the store has it: ``spec.node_name`` is set once it was scheduled."""

    api_version: Literal["v1"]
    kind: Literal["Pod"]
    metadata: Metadata
    spec: PodSpecFields
    status: PodStatus = PodStatus()

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def terminating(self) -> bool:
        """It is being deleted."""
        return self.metadata.deletion_timestamp is not None


class PodTemplate(msgspec.Struct, frozen=True, rename="camel"):
    """What the pods of a workload are like."""

    spec: PodSpecFields
    metadata: Metadata = Metadata()


class RollingUpdate(msgspec.Struct, frozen=True, rename="camel"):
    """Numbers, or parts in percent; ``partition`` is of StatefulSets alone."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    partition: int | None = None


class Strategy(msgspec.Struct, frozen=True, rename="camel"):
    """How a new template replaces the old: RollingUpdate, Recreate (Deployment), OnDelete (the other two)."""

    type: str = ""
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(msgspec.Struct, frozen=True, rename="camel"):
    """``replicas`` pods like ``template``, which ``selector`` finds."""

    template: PodTemplate
    selector: LabelSelector | None = None
    replicas: int = 1
    strategy: Strategy = Strategy()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    paused: bool = False
    progress_deadline_seconds: int | None = None


class Deployment(msgspec.Struct, frozen=True, rename="camel"):
    """A Deployment as the store has it."""

    api_version: Literal["apps/v1"]
    kind: Literal["Deployment"]
    metadata: Metadata
    spec: DeploymentSpec
    status: dict[str, Any] = {}


class ReplicaSetSpec(msgspec.Struct, frozen=True, rename="camel"):
    """``replicas`` pods like ``template``."""

    template: PodTemplate
    selector: LabelSelector | None = None
    replicas: int = 1
    min_ready_seconds: int = 0


class ReplicaSet(msgspec.Struct, frozen=True, rename="camel"):
    """A ReplicaSet as the store has it."""

    api_version: Literal["apps/v1"]
    kind: Literal["ReplicaSet"]
    metadata: Metadata
    spec: ReplicaSetSpec
    status: dict[str, Any] = {}


class DaemonSetSpec(msgspec.Struct, frozen=True, rename="camel"):
    """One pod on every node that fits."""

    template: PodTemplate
    selector: LabelSelector | None = None
    update_strategy: Strategy = Strategy()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None


class DaemonSet(msgspec.Struct, frozen=True, rename="camel"):
    """A DaemonSet as the store has it."""

    api_version: Literal["apps/v1"]
    kind: Literal["DaemonSet"]
    metadata: Metadata
    spec: DaemonSetSpec
    status: dict[str, Any] = {}


class _Ordinals(msgspec.Struct, frozen=True):
    start: int = 0


class StatefulSetSpec(msgspec.Struct, frozen=True, rename="camel"):
    """``replicas`` pods with numbers, one after the other unless ``pod_management_policy`` is Parallel."""

    template: PodTemplate
    selector: LabelSelector | None = None
    service_name: str = ""
    replicas: int = 1
    pod_management_policy: str = ""
    update_strategy: Strategy = Strategy()
    ordinals: _Ordinals = _Ordinals()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    volume_claim_templates: Any = None
    persistent_volume_claim_retention_policy: Any = None


class StatefulSet(msgspec.Struct, frozen=True, rename="camel"):
    """A StatefulSet as the store has it."""

    api_version: Literal["apps/v1"]
    kind: Literal["StatefulSet"]
    metadata: Metadata
    spec: StatefulSetSpec
    status: dict[str, Any] = {}


Workload = Deployment | ReplicaSet | DaemonSet | StatefulSet
