"""The endpoints and profiles that Felix hears of: pods of the whole cluster, with what the API server knows of them.

Source: libcalico-go, lib/backend/k8s/conversion (release v3.26): a pod's labels and container ports, its namespace and its service
account as profiles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from podwire.cni.calico.advice import LabelledPod
from podwire.cni.calico.plugin import interface_name
from podwire.cni.calico.policy.calico import host_endpoint, set_endpoint
from podwire.cni.calico.policy.kubernetes import labels_of_pod
from podwire.cni.calico.policy.model import Endpoint, NamedPort
from podwire.cni.calico.rules.model import PolicyRule, Profile
from podwire.kube.calico.checks import masked
from podwire.kube.calico.endpoints import DEFAULT_ALLOW
from podwire.kube.calico.kinds import slot
from podwire.kube.endpoints import EndpointSlice
from podwire.trace.events import Owner
from podwire.wire.addr import Net

if TYPE_CHECKING:
    from podwire.cni.backend import PodSpec, View

_ACCOUNT = "default"
_SPOOFS = "cni.projectcalico.org/allowedSourcePrefixes"


class Cluster:
    """What a view shows at one moment."""

    def __init__(self, view: View, prefix: str) -> None:
        spaces = {each.metadata.name: each.metadata.labels for each in view.objects("Namespace")}
        accounts = {
            (each.metadata.namespace, each.metadata.name): each.metadata for each in view.objects("ServiceAccount")
        }
        pods = {(each.metadata.namespace, each.metadata.name): each for each in view.objects("Pod")}
        self.endpoints = tuple(
            _endpoint(pod, pods.get((pod.namespace, pod.name)), spaces, accounts, prefix) for pod in view.pods()
        )
        self.sets = tuple(
            set_endpoint(each, spaces)
            for kind in ("NetworkSet", "GlobalNetworkSet")
            for each in view.objects(slot(kind))
        )
        self.hosts = tuple(map(host_endpoint, view.objects(slot("HostEndpoint"))))
        self.slices: tuple[EndpointSlice, ...] = tuple(view.objects("EndpointSlice"))
        self.labelled = {pod.key: LabelledPod(dict(pod.labels), spaces.get(pod.namespace, {})) for pod in view.pods()}
        """Pods as people labelled them, by key."""
        self._by_node: dict[str, list[Endpoint]] = {}
        for endpoint in self.endpoints:
            self._by_node.setdefault(endpoint.node, []).append(endpoint)

    def selectable(self) -> Iterator[Endpoint]:
        """Everybody that selectors of rules speak of: pods, sets of addresses, host endpoints."""
        yield from self.endpoints
        yield from self.sets
        yield from (host.endpoint for host in self.hosts)

    def on(self, node: str) -> list[Endpoint]:
        """The endpoints of a node."""
        return self._by_node.get(node, [])

    def profiles(self, names: Iterable[str]) -> dict[str, Profile]:
        """The profiles of these names: a namespace's lets everything pass, an account's says nothing."""
        return {name: _profile(name) for name in names}


def _endpoint(
    pod: PodSpec,
    typed: Any,
    spaces: Mapping[str, Mapping[str, str]],
    accounts: Mapping[tuple[str, str], Any],
    prefix: str,
) -> Endpoint:
    account = (typed.spec.service_account_name or _ACCOUNT) if typed is not None else _ACCOUNT
    of_account = accounts.get((pod.namespace, account))
    assert pod.ip is not None  # noqa: S101 - a view shows pods that have an address
    return Endpoint(
        key=pod.key,
        node=pod.node,
        labels=labels_of_pod(
            pod.labels,
            pod.namespace,
            account,
            spaces.get(pod.namespace, {}),
            of_account.labels if of_account is not None else {},
        ),
        nets=(Net(pod.ip, pod.ip.bits),),
        ports=tuple(_named(typed)) if typed is not None else (),
        interface=interface_name(pod.namespace, pod.name, prefix),
        profiles=(f"kns.{pod.namespace}", f"ksa.{pod.namespace}.{account}"),
        spoofs=_spoofs(typed),
        owner=Owner("felix", f"Pod {pod.key}"),
    )


def _spoofs(typed: Any) -> tuple[Net, ...]:
    """The annotation: a list in JSON. What cannot be read counts as not there, as for Felix."""
    text = typed.metadata.annotations.get(_SPOOFS) if typed is not None else None
    try:
        return tuple(map(masked, json.loads(text))) if text else ()
    except (ValueError, TypeError, AttributeError):
        return ()


def _named(typed: Any) -> Iterator[NamedPort]:
    for container in typed.spec.containers:
        for port in container.ports:
            if port.name:
                yield NamedPort(port.name, port.protocol.lower(), port.container_port)


def _profile(name: str) -> Profile:
    kind, _, rest = name.partition(".")
    if name == DEFAULT_ALLOW:
        owner = Owner("felix", f"Profile {name}")
        allow = (PolicyRule(action="allow", owner=owner),)
        return Profile(name, allow, allow, owner)
    if kind == "kns":
        owner = Owner("felix", f"Namespace {rest}")
        allow = (PolicyRule(action="allow", owner=owner),)
        return Profile(name, allow, allow, owner)
    space, _, account = rest.partition(".")
    return Profile(name, owner=Owner("felix", f"ServiceAccount {space}/{account}"))
