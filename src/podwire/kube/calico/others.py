"""Calico's IPAMConfig, ClusterInformation and KubeControllersConfiguration (release v3.26)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from podwire.errors import NotModelled
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata


class IPAMConfigSpec(msgspec.Struct, frozen=True):
    """What IPAM may do."""

    strict_affinity: bool = msgspec.field(name="strictAffinity", default=False)
    auto_allocate_blocks: bool = msgspec.field(name="autoAllocateBlocks", default=True)
    max_blocks_per_host: int = msgspec.field(name="maxBlocksPerHost", default=0)


class IPAMConfig(msgspec.Struct, frozen=True, rename="camel"):
    """``default``; people write it as IPAMConfiguration."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["IPAMConfig"]
    metadata: Metadata
    spec: IPAMConfigSpec = IPAMConfigSpec()


class InformationSpec(msgspec.Struct, frozen=True):
    """What the cluster is."""

    cluster_guid: str = msgspec.field(name="clusterGUID", default="")
    cluster_type: str = msgspec.field(name="clusterType", default="")
    calico_version: str = msgspec.field(name="calicoVersion", default="")
    datastore_ready: bool | None = msgspec.field(name="datastoreReady", default=None)
    variant: str = ""


class ClusterInformation(msgspec.Struct, frozen=True, rename="camel"):
    """``default``, which calico-node writes."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["ClusterInformation"]
    metadata: Metadata
    spec: InformationSpec = InformationSpec()


class HostEndpointController(msgspec.Struct, frozen=True, rename="camel"):
    """Whether each node has a host endpoint by itself."""

    auto_create: str = ""


class NodeController(msgspec.Struct, frozen=True, rename="camel"):
    """What looks after nodes."""

    host_endpoint: HostEndpointController | None = None
    sync_labels: str = ""
    leak_grace_period: str = ""
    reconciler_period: str = ""


class Controllers(msgspec.Struct, frozen=True, rename="camel"):
    """The controllers that run; those without settings that matter here are taken as they are."""

    node: NodeController | None = None
    policy: Any = None
    workload_endpoint: Any = None
    service_account: Any = None
    namespace: Any = None


class ControllersSpec(msgspec.Struct, frozen=True, rename="camel"):
    """Settings of calico-kube-controllers."""

    controllers: Controllers = Controllers()
    health_checks: str = ""
    log_severity_screen: str = ""
    etcd_v3_compaction_period: str = ""
    prometheus_metrics_port: int | None = None
    debug_profile_port: int | None = None


class KubeControllersConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    """``default``."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["KubeControllersConfiguration"]
    metadata: Metadata
    spec: ControllersSpec = ControllersSpec()
    status: Any = None


def check_ipam(given: IPAMConfig, problems: Problems) -> None:
    """``validateIPAMConfigSpec``, and what libcalico-go's client refuses beside it."""
    spec = given.spec
    if given.metadata.name != "default":
        problems.invalid("metadata.name", given.metadata.name, 'only the name "default" is supported')
    if spec.max_blocks_per_host < 0:
        problems.invalid("spec.maxBlocksPerHost", spec.max_blocks_per_host, "must be greater than or equal to 0")
    if not spec.strict_affinity and not spec.auto_allocate_blocks:
        said = "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time"
        problems.invalid("spec.autoAllocateBlocks", value=False, detail=said)
    if spec.max_blocks_per_host and not spec.strict_affinity:
        problems.invalid(
            "spec.maxBlocksPerHost", spec.max_blocks_per_host, "MaxBlocksPerHost requires StrictAffinity to be enabled"
        )


def check_controllers(given: KubeControllersConfiguration, problems: Problems) -> None:
    """Words of the host endpoint controller. Raises ``NotModelled`` for another name than ``default``."""
    if given.metadata.name != "default":
        raise NotModelled("a second KubeControllersConfiguration", given.metadata.name)
    node = given.spec.controllers.node
    auto = node.host_endpoint.auto_create if node is not None and node.host_endpoint is not None else ""
    if auto not in {"", "Enabled", "Disabled"}:
        problems.unsupported("spec.controllers.node.hostEndpoint.autoCreate", auto, ("Enabled", "Disabled"))
