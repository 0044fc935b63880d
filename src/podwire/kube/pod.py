"""The Pod of a manifest.

What podwire does not need is checked for its type; what would change a packet's way and is not simulated says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from podwire.errors import NotModelled
from podwire.kube.decode import decode
from podwire.kube.fields import Field
from podwire.kube.meta import DnsLabel, DnsSubdomain, Labels, ObjectMeta
from podwire.kube.probe import KINDS, Lifecycle, Probe

PortNumber = Annotated[int, Meta(ge=1, le=65535)]
_Count = Annotated[int, Meta(ge=0)]
_PortName = Annotated[
    str,
    Meta(
        pattern=r"(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?",
        description="a port name: at most 15 of a-z, 0-9 and '-', at least one letter, none of '-' first, last or doubled",
    ),
]
_Quantity = int | float | str
_ANNOTATIONS: Final = (
    "cni.projectcalico.org/",
    "k8s.v1.cni.cncf.io/",
    "kubernetes.io/ingress-bandwidth",
    "kubernetes.io/egress-bandwidth",
)
"""What CNI plugins read."""
_SOURCES: Final = "cni.projectcalico.org/allowedSourcePrefixes"
"""But this one is Felix's to read."""
_SENDERS: Final = (
    *(("lifecycle", event, handler) for event in ("postStart", "preStop") for handler in ("httpGet", "tcpSocket")),
    *((kind, "grpc") for kind in KINDS),
)
"""With these the kubelet sends packets to the pod that podwire does not make."""


class ContainerPort(msgspec.Struct, frozen=True, rename="camel"):
    """A port on which the container answers."""

    container_port: PortNumber
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    name: _PortName | None = None
    host_ip: str | None = msgspec.field(name="hostIP", default=None)
    host_port: Annotated[int, Meta(ge=0, le=65535)] = 0


class _EnvVar(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    value: str | None = None
    value_from: dict[str, Any] | None = None


class _Resources(msgspec.Struct, frozen=True, rename="camel"):
    claims: tuple[dict[str, Any], ...] = ()
    limits: dict[str, _Quantity] = {}
    requests: dict[str, _Quantity] = {}


class Container(msgspec.Struct, frozen=True, rename="camel"):
    """One container: of interest are its image, which says what tools print, and its ports."""

    name: DnsLabel
    image: Annotated[str, Meta(min_length=1, description="the name of an image")]
    ports: tuple[ContainerPort, ...] = ()
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[_EnvVar, ...] = ()
    env_from: tuple[dict[str, Any], ...] = ()
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    lifecycle: Lifecycle | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    resize_policy: tuple[dict[str, Any], ...] = ()
    resources: _Resources | None = None
    restart_policy: str | None = None
    security_context: dict[str, Any] | None = None
    startup_probe: Probe | None = None
    stdin: bool = False
    stdin_once: bool = False
    termination_message_path: str | None = None
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] | None = None
    tty: bool = False
    volume_devices: tuple[dict[str, Any], ...] = ()
    volume_mounts: tuple[dict[str, Any], ...] = ()
    working_dir: str | None = None


class _DnsOption(msgspec.Struct, frozen=True):
    name: str
    value: str | None = None


class _DnsConfig(msgspec.Struct, frozen=True):
    nameservers: tuple[str, ...] = ()
    options: tuple[_DnsOption, ...] = ()
    searches: tuple[str, ...] = ()


class PodSpecFields(msgspec.Struct, frozen=True, rename="camel"):
    """``spec`` of a Pod or of a template, with all fields of the API (v1.33)."""

    containers: Annotated[tuple[Container, ...], Meta(min_length=1, description="a list of at least one container")]
    active_deadline_seconds: _Count | None = None
    affinity: dict[str, Any] | None = None
    automount_service_account_token: bool | None = None
    dns_config: _DnsConfig | None = None
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] | None = None
    enable_service_links: bool | None = None
    ephemeral_containers: tuple[dict[str, Any], ...] = ()
    host_aliases: tuple[dict[str, Any], ...] = ()
    host_ipc: bool = msgspec.field(name="hostIPC", default=False)
    host_network: bool = False
    host_pid: bool = msgspec.field(name="hostPID", default=False)
    host_users: bool | None = None
    hostname: DnsLabel | None = None
    image_pull_secrets: tuple[dict[str, Any], ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str | None = None
    node_selector: dict[str, str] = {}
    os: dict[str, Any] | None = None
    overhead: dict[str, _Quantity] = {}
    preemption_policy: Literal["PreemptLowerPriority", "Never"] | None = None
    priority: int | None = None
    priority_class_name: str | None = None
    readiness_gates: tuple[dict[str, Any], ...] = ()
    resource_claims: tuple[dict[str, Any], ...] = ()
    resources: _Resources | None = None
    restart_policy: Literal["Always", "OnFailure", "Never"] | None = None
    runtime_class_name: str | None = None
    scheduler_name: str | None = None
    scheduling_gates: tuple[dict[str, Any], ...] = ()
    security_context: dict[str, Any] | None = None
    service_account: str | None = None
    service_account_name: str | None = None
    set_hostname_as_fqdn: bool | None = msgspec.field(name="setHostnameAsFQDN", default=None)
    share_process_namespace: bool | None = None
    subdomain: DnsLabel | None = None
    termination_grace_period_seconds: _Count | None = None
    tolerations: tuple[dict[str, Any], ...] = ()
    topology_spread_constraints: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()


class _Pod(msgspec.Struct, frozen=True, rename="camel"):
    api_version: Literal["v1"]
    kind: Literal["Pod"]
    metadata: ObjectMeta
    spec: PodSpecFields
    status: Any = None


_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_NOT_MODELLED: Final = (
    "ephemeralContainers",
    "hostAliases",
    "hostname",
    "schedulingGates",
    "setHostnameAsFQDN",
    "subdomain",
    "topologySpreadConstraints",
)
"""Fields of the spec that would change where the pod runs, its namespace or its names, when they are neither null, false nor empty."""


class PodObject(msgspec.Struct, frozen=True, eq=False):
    """A Pod as a manifest asks for it. ``node_name`` is None where the scheduler is to choose; ``image`` is the first container's."""

    namespace: DnsLabel
    name: DnsSubdomain
    labels: Labels
    annotations: dict[str, str]
    containers: tuple[Container, ...]
    node_name: str | None
    at: Field

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def image(self) -> str:
        """The image in which commands run."""
        return self.containers[0].image

    @property
    def container_ports(self) -> tuple[ContainerPort, ...]:
        """Ports of all containers, in order: they share one network namespace."""
        return tuple(port for container in self.containers for port in container.ports)

    @property
    def ports(self) -> tuple[int, ...]:
        """Their numbers."""
        return tuple(port.container_port for port in self.container_ports)

    @property
    def host_network(self) -> bool:
        """It shares its node's network."""
        at = self.at.get("spec", "hostNetwork")
        return at is not None and at.value is True

    @property
    def needs_scheduler(self) -> bool:
        """It says more of where it runs than ``nodeName``: a hostPort has to be free there, too; or it shares its node's network."""
        if self.node_name is None and any(port.host_port for port in self.container_ports):
            return True
        return any(
            True
            for _ in _written(
                self.at.at("spec"), [("affinity",), ("hostNetwork",), ("nodeSelector",), ("tolerations",)]
            )
        )

    def check(self, nodes: Iterable[str]) -> None:
        """Raise ``ManifestError`` where ``spec.nodeName`` names none of these nodes."""
        known = list(nodes)
        if self.node_name is not None and self.node_name not in known:
            raise self.at.at("spec", "nodeName").error(
                f"one of the nodes {', '.join(known)}" if known else "a node, and there is none"
            )


def decode_pod(field: Field) -> PodObject:
    """A Pod. Raises ``ManifestError`` as the API server would refuse it, ``NotModelled`` for what podwire would get wrong."""
    pod = decode(field, _Pod)
    _check_names(field)
    _check_dns(field, pod.spec)
    for at in _not_modelled(field):
        raise NotModelled(f"{at.path} of a Pod", at.where or f"pod {pod.metadata.namespace}/{pod.metadata.name}")
    meta, spec = pod.metadata, pod.spec
    return PodObject(
        meta.namespace, meta.name, meta.labels, meta.annotations, spec.containers, spec.node_name or None, field
    )


def _check_dns(field: Field, spec: PodSpecFields) -> None:
    """``dnsPolicy: None`` takes everything from dnsConfig."""
    if spec.dns_policy == "None" and (spec.dns_config is None or not spec.dns_config.nameservers):
        why = "at least one name server in spec.dnsConfig.nameservers where dnsPolicy is None"
        raise field.at("spec", "dnsPolicy").error(why)


def _check_names(field: Field) -> None:
    """Names of containers, and of ports within one, are unique."""
    containers = _items(field, "spec", "containers")
    for group in (containers, *(_items(container, "ports") for container in containers)):
        seen: set[object] = set()
        for item in group:
            name = item.get("name")
            if name is None or name.value is None:
                continue
            if name.value in seen:
                raise name.error("a name that no other has here (Duplicate value)")
            seen.add(name.value)


def _items(field: Field, *names: str) -> tuple[Field, ...]:
    member = field.get(*names)
    return member.items() if member is not None else ()


def check_template(field: Field, where: str) -> None:
    """The template of a workload, as ``decode_pod`` checks a Pod. Raises ``ManifestError`` and ``NotModelled``."""
    _check_names(field)
    for at in _not_modelled(field):
        raise NotModelled(f"{at.path} of a Pod", at.where or where)


def _not_modelled(field: Field) -> Iterator[Field]:
    """What is written there and would matter."""
    annotations = field.get("metadata", "annotations")
    for name, at in annotations.members().items() if annotations is not None else ():
        if name.startswith(_ANNOTATIONS) and name != _SOURCES:
            yield at
    paths = [
        *((name,) for name in _NOT_MODELLED),
        ("securityContext", "sysctls"),
        ("affinity", "nodeAffinity", _PREFERRED),
        ("affinity", "podAffinity", _PREFERRED),
    ]
    yield from _written(field.at("spec"), paths)
    for container in (*_items(field, "spec", "initContainers"), *_items(field, "spec", "containers")):
        yield from _written(container, _SENDERS)


def _written(field: Field, paths: Iterable[tuple[str, ...]]) -> Iterator[Field]:
    """The members that are there and neither null, false, zero nor empty."""
    for path in paths:
        at = field.get(*path)
        if at is not None and at.value:
            yield at
