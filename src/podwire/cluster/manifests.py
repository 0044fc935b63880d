"""What ``kubectl apply`` and ``kubectl delete`` do with objects that were read: pods go to the kubelet, other kinds to who keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podwire.cluster.serving.server import Port, ports_of
from podwire.cni.backend import Backend, KeepsObjects
from podwire.errors import PodwireError
from podwire.kube.fields import Field
from podwire.kube.objects import IPPoolObject, KubeObject, PodObject, Reference

if TYPE_CHECKING:
    from podwire.cluster import Cluster


def apply(cluster: Cluster, objects: Sequence[KubeObject]) -> list[str]:
    """Create what is not there, change what is; returns kubectl's lines.

    Raises before anything changes: ``ManifestError``, ``NotModelled``, ``PodwireError``.
    """
    pods = [each for each in objects if isinstance(each, PodObject)]
    others = [each for each in objects if not isinstance(each, PodObject)]
    for pod in pods:
        _check_pod(cluster, pod)
    if others:
        keeper = _keeper(cluster.backend, others)
        keeper.check_objects(others)
    return [_apply_pod(cluster, each) if isinstance(each, PodObject) else _apply(cluster, each) for each in objects]


def _check_pod(cluster: Cluster, pod: PodObject) -> None:
    pod.check(node.name for node in cluster.nodes)
    there = next((each for each in cluster.pods if each.name == pod.key), None)
    if there is not None and pod.node_name not in {None, there.node.name}:
        raise PodwireError(
            f'The Pod "{pod.name}" is invalid: spec: Forbidden: pod updates may not change fields other than its labels: '
            f"it runs on {there.node.name}, spec.nodeName says {pod.node_name}"
        )
    if there is None:
        _ports(pod)


def _ports(pod: PodObject) -> tuple[Port, ...]:
    """What the containers listen on: each on its listed ports, else where its image's program listens by itself."""
    found: list[Port] = []
    for container in pod.containers:
        listed = [Port(port.container_port, port.protocol, container.image) for port in container.ports]
        # A command takes the place of the image's own program.
        if listed or not container.command:
            found += ports_of(f"pod {pod.key}", container.image, listed)
    return ports_of(f"pod {pod.key}", "", found)


def _apply_pod(cluster: Cluster, pod: PodObject) -> str:
    there = next((each for each in cluster.pods if each.name == pod.key), None)
    if there is None:
        cluster.run(
            pod.name,
            node=pod.node_name,
            namespace=pod.namespace,
            labels=pod.labels,
            image=pod.image,
            ports=_ports(pod),
        )
        return f"pod/{pod.name} created"
    if there.labels != pod.labels:
        there.labels = dict(pod.labels)
        return f"pod/{pod.name} configured"
    return f"pod/{pod.name} unchanged"


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


def _apply(cluster: Cluster, each: IPPoolObject) -> str:
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


def delete(cluster: Cluster, references: Sequence[Reference]) -> list[str]:
    """Delete what is there; raises ``ConfigError`` or ``PodwireError`` for what is not, before anything is deleted."""
    for each in references:
        if each.kind == "Pod":
            cluster.pod(each.key)
        elif not _keeper(cluster.backend, [each]).has_object(each.kind, each.name):
            resource = f"{each.kind.lower()}s.{_version(each.at).rpartition('/')[0]}"
            raise PodwireError(f'Error from server (NotFound): {resource} "{each.name}" not found')
    return [_delete(cluster, each) for each in references]


def _delete(cluster: Cluster, each: Reference) -> str:
    if each.kind == "Pod":
        cluster.pod(each.key).delete()
        return f'pod "{each.name}" deleted'
    _keeper(cluster.backend, [each]).delete_object(each.kind, each.name, api=_version(each.at))
    cluster.told()
    return f'{_resource(each.at)} "{each.name}" deleted'
