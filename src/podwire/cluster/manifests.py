"""What ``kubectl apply`` and ``kubectl delete`` do with objects that were read: pods go to the kubelet, other kinds to who keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from podwire.cluster.lifecycle.life import has_life
from podwire.cluster.serving.server import Port, ports_of
from podwire.cni.backend import Backend, KeepsObjects, PortMapping
from podwire.errors import PodwireError
from podwire.kube.fields import Field
from podwire.kube.invalid import StatusError
from podwire.kube.objects import ApiObject, IPPoolObject, KubeObject, PodObject, Reference

if TYPE_CHECKING:
    from podwire.cluster import Cluster


def apply(cluster: Cluster, objects: Sequence[KubeObject]) -> list[str]:
    """Create what is not there, change what is; returns kubectl's lines.

    Raises before anything changes: ``ManifestError``, ``NotModelled``, ``PodwireError``.
    """
    others = [each for each in objects if isinstance(each, IPPoolObject)]
    stored = [each for each in objects if _for_store(each)]
    for pod in objects:
        if isinstance(pod, PodObject) and pod not in stored:
            _check_pod(cluster, pod)
    if others:
        keeper = _keeper(cluster.backend, others)
        keeper.check_objects(others)
    if not stored:
        # A pod is adopted by the store with its manifest, which it has once it runs.
        with cluster.api.held() if cluster.has_api else nullcontext():
            return [_apply_one(cluster, each) for each in objects]
    api = cluster.api
    api.check([each for each in stored if not isinstance(each, IPPoolObject)])
    with api.held():
        lines = iter(api.apply([each for each in stored if not isinstance(each, IPPoolObject)]))
        return [next(lines) if each in stored else _apply_one(cluster, each) for each in objects]


def _for_store(each: KubeObject) -> bool:
    """The API server keeps it, and controllers act; a pod of which all is said starts at once."""
    return isinstance(each, ApiObject) or (
        isinstance(each, PodObject) and (each.needs_scheduler or has_life(_spec(each)))
    )


def _spec(pod: PodObject) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", pod.at.at("spec").plain())


def _apply_one(cluster: Cluster, each: KubeObject) -> str:
    return _apply_pod(cluster, each) if isinstance(each, PodObject) else _apply(cluster, each)


def _check_pod(cluster: Cluster, pod: PodObject) -> None:
    pod.check(node.name for node in cluster.nodes)
    there = next((each for each in cluster.pods if each.name == pod.key), None)
    if there is not None and pod.node_name not in {None, there.node.name}:
        raise PodwireError(
            f'The Pod "{pod.name}" is invalid: spec: Forbidden: pod updates may not change fields other than its labels: '
            f"it runs on {there.node.name}, spec.nodeName says {pod.node_name}"
        )
    if there is None:
        ports_of_pod(pod)


def ports_of_pod(pod: PodObject) -> tuple[Port, ...]:
    """What the containers listen on: each on its listed ports, else where its image's program listens by itself."""
    found: list[Port] = []
    for container in pod.containers:
        listed = [Port(port.container_port, port.protocol, container.image) for port in container.ports]
        # A command takes the place of the image's own program.
        if listed or not container.command:
            found += ports_of(f"pod {pod.key}", container.image, listed)
    return ports_of(f"pod {pod.key}", "", found)


def host_ports_of(pod: PodObject) -> tuple[PortMapping, ...]:
    """Its hostPorts, as the kubelet passes them to the runtime: in the order of containers and ports."""
    return tuple(
        PortMapping(port.host_port, port.container_port, port.protocol.lower(), port.host_ip or "")
        for port in pod.container_ports
        if port.host_port
    )


def _apply_pod(cluster: Cluster, pod: PodObject) -> str:
    there = next((each for each in cluster.pods if each.name == pod.key), None)
    if there is None:
        started = cluster.run(
            pod.name,
            node=pod.node_name,
            namespace=pod.namespace,
            labels=pod.labels,
            image=pod.image,
            ports=ports_of_pod(pod),
            host_ports=host_ports_of(pod),
        )
        started.manifest = _manifest(pod)
        cluster.give_names(started, started.manifest["spec"])
        return f"pod/{pod.name} created"
    if there.labels != pod.labels:
        there.labels = dict(pod.labels)
        return f"pod/{pod.name} configured"
    return f"pod/{pod.name} unchanged"


def _manifest(pod: PodObject) -> dict[str, Any]:
    """Its document, without what the server alone writes."""
    document: Any = pod.at.plain()
    document.pop("status", None)
    return {key: value for key, value in document.items() if value is not None}


def _keeper(backend: Backend, objects: Sequence[IPPoolObject | Reference]) -> KeepsObjects:
    """Who knows kinds of its own; on a cluster without Calico nobody has installed Calico's."""
    if isinstance(backend, KeepsObjects) and all(each.kind in backend.kinds for each in objects):
        return backend
    version, kind = _version(objects[0].at), objects[0].kind
    raise (
        objects[0]
        .at.at("kind")
        .error(
            f'a kind that this cluster has (no matches for kind "{kind}" in version "{version}": ensure CRDs are installed first)'
        )
    )


def _apply(cluster: Cluster, each: IPPoolObject | ApiObject) -> str:
    assert isinstance(each, IPPoolObject)  # noqa: S101 - the others are the store's
    line = _keeper(cluster.backend, [each]).apply_object(each)
    cluster.told()
    return f"{_resource(each.at)}/{each.name} {line}"


def _version(at: Field) -> str:
    found = at.get("apiVersion")
    return str(found.value) if found is not None else ""


def _resource(at: Field) -> str:
    """``ippool.crd.projectcalico.org``."""
    kind = at.get("kind")
    return f"{str(kind.value if kind is not None else '').lower()}.{_version(at).rpartition('/')[0]}"


def create(cluster: Cluster, objects: Sequence[KubeObject]) -> list[str]:
    """``kubectl create``: as ``apply``, but what is there already is refused before anything changes."""
    for each in objects:
        if isinstance(each, IPPoolObject):
            there = _keeper(cluster.backend, [each]).has_object(each.kind, each.name)
            resource = f"ippools.{_version(each.at).rpartition('/')[0]}"
        else:
            kind = cluster.api.store.kind(_version(each.at), "Pod" if isinstance(each, PodObject) else each.kind)
            there = cluster.api.store.get(kind.slot, each.name, each.namespace if kind.namespaced else "") is not None
            resource = kind.resource
        if there:
            raise StatusError("AlreadyExists", f'{resource} "{each.name}" already exists')
    return [f"{line.rpartition(' ')[0]} created" for line in apply(cluster, objects)]


def delete(cluster: Cluster, references: Sequence[Reference], *, grace: int | None = None) -> list[str]:
    """Delete what is there; raises ``ConfigError`` or ``PodwireError`` for what is not, before anything is deleted."""
    for each in references:
        if _is_stored(cluster, each):
            cluster.api.has(each, _version(each.at))
        elif each.kind == "Pod":
            cluster.pod(each.key)
        elif not _keeper(cluster.backend, [each]).has_object(each.kind, each.name):
            resource = f"{each.kind.lower()}s.{_version(each.at).rpartition('/')[0]}"
            raise PodwireError(f'Error from server (NotFound): {resource} "{each.name}" not found')
    return [_delete(cluster, each, grace) for each in references]


def _is_stored(cluster: Cluster, each: Reference) -> bool:
    """It is the API server's to delete: a pod that runs is its kubelet's, and ends at once unless a handler takes its time."""
    if each.kind == "Pod":
        runs = each.key in {pod.spec.key for pod in cluster.pods}
        return cluster.has_api and (not runs or cluster.api.takes_time(each.namespace, each.name))
    return each.kind != "IPPool"


def _delete(cluster: Cluster, each: Reference, grace: int | None) -> str:
    if _is_stored(cluster, each):
        return cluster.api.delete(each, _version(each.at), grace)
    if each.kind == "Pod":
        cluster.pod(each.key).delete()
        return f'pod "{each.name}" deleted'
    _keeper(cluster.backend, [each]).delete_object(each.kind, each.name, api=_version(each.at))
    cluster.told()
    return f'{_resource(each.at)} "{each.name}" deleted'
