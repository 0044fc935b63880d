"""Defaults and checks of pods and workloads (k8s.io/kubernetes: apis/core/v1 and apis/apps/v1, defaults.go; apis/apps/validation)."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from podwire.kube import words
from podwire.kube.invalid import Problems
from podwire.kube.labels import LabelSelector, check_selector
from podwire.kube.pod import Container, PodSpecFields
from podwire.kube.probe import check_lifecycle, check_probe, default_probes
from podwire.kube.workloads import DaemonSet, Deployment, Pod, PodTemplate, ReplicaSet, StatefulSet, Strategy

_PERCENT: Final = re.compile("[0-9]+%")
_PERCENT_WORDS: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for"
    " validation is '[0-9]+%')"
)
_NAMES_OF_SET: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy',"
    " 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_CHANGEABLE: Final = frozenset(
    {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
        "revisionHistoryLimit",
    }
)
_PRIORITIES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
"""The classes that every cluster has."""
_POD_UPDATE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


# -------------------------------------------------------------------------------------------------------------- defaults


def default_pod_spec(spec: dict[str, Any]) -> None:
    """What the server fills in."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    if spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        _, _, tag = str(container.get("image", "")).rpartition("/")[2].partition(":")
        container.setdefault("imagePullPolicy", "Always" if tag in {"", "latest"} else "IfNotPresent")
        container.setdefault("resources", {})
        default_probes(container)
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        for port in container.get("ports", ()):
            port.setdefault("protocol", "TCP")
            if spec.get("hostNetwork") and not port.get("hostPort"):
                port["hostPort"] = port.get("containerPort")


def default_pod(document: dict[str, Any]) -> None:
    """A Pod by itself: with a service account, and what admission adds."""
    spec = document["spec"]
    default_pod_spec(spec)
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        limits = container["resources"].get("limits")
        if limits:  # a limit stands for the request that is missing
            container["resources"]["requests"] = {**limits, **(container["resources"].get("requests") or {})}
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", _PRIORITIES.get(spec.get("priorityClassName", ""), 0))
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(
            each.get("key", key) == key and each.get("effect", "NoExecute") == "NoExecute" for each in tolerations
        ):
            tolerations.append({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300})
    document.setdefault("status", {}).setdefault("phase", "Pending")
    document["status"].setdefault("qosClass", _qos(spec))


def _qos(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort."""
    resources = [each.get("resources") or {} for each in spec.get("containers", ())]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    whole = all(
        {"cpu", "memory"} <= set(each.get("limits") or {})
        and all(each["limits"].get(name) == value for name, value in (each.get("requests") or {}).items())
        for each in resources
    )
    return "Guaranteed" if whole else "Burstable"


def _template(document: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = document["spec"]
    default_pod_spec(spec["template"]["spec"])
    return spec


def default_deployment(document: dict[str, Any]) -> None:
    """One replica, rolling update by quarters."""
    spec = _template(document)
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def default_replica_set(document: dict[str, Any]) -> None:
    """One replica."""
    spec = _template(document)
    spec.setdefault("replicas", 1)
    if not document["metadata"].get("labels") and spec["template"].get("metadata", {}).get("labels"):
        document["metadata"]["labels"] = dict(spec["template"]["metadata"]["labels"])


def default_daemon_set(document: dict[str, Any]) -> None:
    """Rolling update, one pod at a time."""
    spec = _template(document)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)
    spec.setdefault("revisionHistoryLimit", 10)


def default_stateful_set(document: dict[str, Any]) -> None:
    """One replica; one after the other."""
    spec = _template(document)
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")


# ---------------------------------------------------------------------------------------------------------------- checks


def check_pod_spec(problems: Problems, at: str, spec: PodSpecFields) -> None:
    """Names are unique, and so are host ports."""
    names: set[str] = set()
    host_ports: set[tuple[str, str | None, int]] = set()
    for index, container in enumerate(spec.containers):
        path = f"{at}.containers[{index}]"
        if container.name in names:
            problems.duplicate(f"{path}.name", container.name)
        names.add(container.name)
        _check_life(problems, path, container)
        port_names: set[str] = set()
        for number, port in enumerate(container.ports):
            if port.name is not None and port.name in port_names:
                problems.duplicate(f"{path}.ports[{number}].name", port.name)
            port_names.add(port.name or "")
            host = (port.protocol, port.host_ip, port.host_port)
            if port.host_port and host in host_ports:
                problems.duplicate(f"{path}.ports[{number}].hostPort", port.host_port)
            host_ports.add(host)
            if spec.host_network and port.host_port not in {0, port.container_port}:
                problems.invalid(
                    f"{path}.ports[{number}].containerPort",
                    port.container_port,
                    "must match `hostPort` when `hostNetwork` is true",
                )
    _check_inits(problems, at, spec)
    if spec.node_name:
        problems.all(f"{at}.nodeName", spec.node_name, words.dns_subdomain(spec.node_name))
    words.check_labels(problems, f"{at}.nodeSelector", spec.node_selector)


def _check_life(problems: Problems, at: str, container: Container) -> None:
    """Probes and handlers."""
    for kind, probe in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is not None:
            check_probe(problems, f"{at}.{kind}", kind, probe)
    if container.lifecycle is not None:
        check_lifecycle(problems, f"{at}.lifecycle", container.lifecycle)


def _check_inits(problems: Problems, at: str, spec: PodSpecFields) -> None:
    """Init containers have no probes (``validateInitContainers``)."""
    names = {container.name for container in spec.containers}
    for index, container in enumerate(spec.init_containers):
        path = f"{at}.initContainers[{index}]"
        if container.name in names:
            problems.duplicate(f"{path}.name", container.name)
        names.add(container.name)
        for kind, there in (
            ("lifecycle", container.lifecycle),
            ("livenessProbe", container.liveness_probe),
            ("readinessProbe", container.readiness_probe),
            ("startupProbe", container.startup_probe),
        ):
            if there is not None:
                problems.forbidden(f"{path}.{kind}", "may not be set for init containers without restartPolicy=Always")


def check_pod(pod: Pod, problems: Problems) -> None:
    """As core/validation does."""
    check_pod_spec(problems, "spec", pod.spec)


def _check_template(problems: Problems, template: PodTemplate, selector: LabelSelector | None, kind: str) -> None:
    if selector is None:
        problems.required("spec.selector")
    else:
        check_selector(problems, "spec.selector", selector)
        if selector.empty:
            word = "deployment" if kind == "ReplicaSet" else kind.lower()  # the server's own slip
            problems.invalid("spec.selector", {}, f"empty selector is invalid for {word}")
        elif not selector.matches(template.metadata.labels):
            problems.invalid(
                "spec.template.metadata.labels",
                dict(template.metadata.labels),
                "`selector` does not match template `labels`",
            )
    words.check_labels(problems, "spec.template.labels", template.metadata.labels)
    words.check_annotations(problems, "spec.template.annotations", template.metadata.annotations)
    check_pod_spec(problems, "spec.template.spec", template.spec)
    policy = template.spec.restart_policy
    if policy not in {None, "Always"}:
        problems.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    if template.spec.active_deadline_seconds is not None:
        problems.forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            f"activeDeadlineSeconds in {kind} is not Supported",
        )


def _not_negative(problems: Problems, path: str, value: int | None) -> None:
    if value is not None and value < 0:
        problems.invalid(path, value, "must be greater than or equal to 0")


def _check_share(problems: Problems, path: str, value: int | str | None) -> None:
    """A number, or a part in percent."""
    if isinstance(value, int):
        _not_negative(problems, path, value)
    elif value is not None and not _PERCENT.fullmatch(value):
        problems.invalid(path, value, _PERCENT_WORDS)
    elif value is not None and int(value[:-1]) > 100:
        problems.invalid(path, value, "must not be greater than 100%")


def _zero(value: int | str | None) -> bool:
    return value is None or str(value).rstrip("%") == "0"


def check_deployment(deployment: Deployment, problems: Problems) -> None:
    """As apps/validation does."""
    spec = deployment.spec
    _not_negative(problems, "spec.replicas", spec.replicas)
    _check_template(problems, spec.template, spec.selector, "Deployment")
    _check_strategy(problems, spec.strategy)
    for name in ("min_ready_seconds", "revision_history_limit", "progress_deadline_seconds"):
        head, *rest = name.split("_")
        _not_negative(problems, f"spec.{head}{''.join(word.capitalize() for word in rest)}", getattr(spec, name))
    if spec.progress_deadline_seconds is not None and spec.progress_deadline_seconds <= spec.min_ready_seconds:
        problems.invalid(
            "spec.progressDeadlineSeconds", spec.progress_deadline_seconds, "must be greater than minReadySeconds"
        )


def _check_strategy(problems: Problems, strategy: Strategy) -> None:
    rolling = strategy.rolling_update
    if strategy.type == "Recreate":
        if rolling is not None:
            problems.forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif strategy.type != "RollingUpdate":
        problems.unsupported("spec.strategy.type", strategy.type, ("Recreate", "RollingUpdate"))
    elif rolling is None:
        problems.required("spec.strategy.rollingUpdate", "this should be defaulted and never be nil")
    else:
        _check_share(problems, "spec.strategy.rollingUpdate.maxUnavailable", rolling.max_unavailable)
        _check_share(problems, "spec.strategy.rollingUpdate.maxSurge", rolling.max_surge)
        if _zero(rolling.max_unavailable) and _zero(rolling.max_surge):
            problems.invalid(
                "spec.strategy.rollingUpdate.maxUnavailable",
                rolling.max_unavailable,
                "may not be 0 when `maxSurge` is 0",
            )


def check_replica_set(replica_set: ReplicaSet, problems: Problems) -> None:
    """As apps/validation does."""
    _not_negative(problems, "spec.replicas", replica_set.spec.replicas)
    _not_negative(problems, "spec.minReadySeconds", replica_set.spec.min_ready_seconds)
    _check_template(problems, replica_set.spec.template, replica_set.spec.selector, "ReplicaSet")


def check_daemon_set(daemon_set: DaemonSet, problems: Problems) -> None:
    """As apps/validation does."""
    spec = daemon_set.spec
    _check_template(problems, spec.template, spec.selector, "DaemonSet")
    _not_negative(problems, "spec.minReadySeconds", spec.min_ready_seconds)
    rolling = spec.update_strategy.rolling_update
    if spec.update_strategy.type not in {"RollingUpdate", "OnDelete"}:
        problems.unsupported("spec.updateStrategy.type", spec.update_strategy.type, ("RollingUpdate", "OnDelete"))
    elif rolling is not None:
        _check_share(problems, "spec.updateStrategy.rollingUpdate.maxUnavailable", rolling.max_unavailable)
        _check_share(problems, "spec.updateStrategy.rollingUpdate.maxSurge", rolling.max_surge)
        if _zero(rolling.max_unavailable) and _zero(rolling.max_surge):
            problems.required("spec.updateStrategy.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")


def check_stateful_set(stateful_set: StatefulSet, problems: Problems) -> None:
    """As apps/validation does."""
    spec = stateful_set.spec
    if spec.pod_management_policy not in {"OrderedReady", "Parallel"}:
        problems.invalid("spec.podManagementPolicy", spec.pod_management_policy, "must be 'OrderedReady' or 'Parallel'")
    if spec.update_strategy.type not in {"RollingUpdate", "OnDelete"}:
        problems.invalid(
            "spec.updateStrategy", msgspec.to_builtins(spec.update_strategy), "must be 'RollingUpdate' or 'OnDelete'"
        )
    elif spec.update_strategy.rolling_update is not None:
        if spec.update_strategy.type == "OnDelete":
            problems.invalid(
                "spec.updateStrategy.rollingUpdate",
                msgspec.to_builtins(spec.update_strategy.rolling_update),
                "only allowed for updateStrategy 'RollingUpdate'",
            )
        _not_negative(
            problems, "spec.updateStrategy.rollingUpdate.partition", spec.update_strategy.rolling_update.partition
        )
    _not_negative(problems, "spec.replicas", spec.replicas)
    _not_negative(problems, "spec.minReadySeconds", spec.min_ready_seconds)
    _not_negative(problems, "spec.ordinals.start", spec.ordinals.start)
    _check_template(problems, spec.template, spec.selector, "StatefulSet")


def _fixed_selector(
    new: Deployment | ReplicaSet | DaemonSet, old: Deployment | ReplicaSet | DaemonSet, problems: Problems
) -> None:
    if new.spec.selector != old.spec.selector:
        problems.invalid("spec.selector", _plain_selector(new.spec.selector), "field is immutable")


def _plain_selector(selector: LabelSelector | None) -> object:
    if selector is None:
        return None
    shown: dict[str, object] = {}
    if selector.match_labels:
        shown["matchLabels"] = dict(selector.match_labels)
    if selector.match_expressions:
        shown["matchExpressions"] = msgspec.to_builtins(selector.match_expressions)
    return shown


def check_deployment_update(new: Deployment, old: Deployment, problems: Problems) -> None:
    """The selector stays."""
    _fixed_selector(new, old, problems)


def check_replica_set_update(new: ReplicaSet, old: ReplicaSet, problems: Problems) -> None:
    """The selector stays."""
    _fixed_selector(new, old, problems)


def check_daemon_set_update(new: DaemonSet, old: DaemonSet, problems: Problems) -> None:
    """The selector stays."""
    _fixed_selector(new, old, problems)


def check_stateful_set_update(new: StatefulSet, old: StatefulSet, problems: Problems) -> None:
    """Little may change."""
    for info in msgspec.structs.fields(type(new.spec)):
        if info.encode_name not in _CHANGEABLE and getattr(new.spec, info.name) != getattr(old.spec, info.name):
            problems.forbidden("spec", _NAMES_OF_SET)


def check_pod_update(new: Pod, old: Pod, problems: Problems) -> None:
    """Labels, annotations and images may change."""
    for info in msgspec.structs.fields(type(new.spec)):
        before, after = getattr(old.spec, info.name), getattr(new.spec, info.name)
        if info.name == "node_name" and not before:
            continue  # the scheduler binds it
        if info.name == "containers":
            before = tuple(msgspec.structs.replace(each, image="") for each in before)
            after = tuple(msgspec.structs.replace(each, image="") for each in after)
        if info.name == "tolerations" and all(each in after for each in before):
            continue
        if info.name != "active_deadline_seconds" and before != after:
            problems.forbidden("spec", _POD_UPDATE)
