"""Which endpoints of a service port a node may use, for which traffic policy (kube-proxy sheet, 1.4)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from podwire.kubeproxy.ports import Endpoint, ServicePort


class Choice(msgspec.Struct, frozen=True):
    """``cluster`` and ``local`` are the endpoints of the two policies, empty where a policy is not used; ``reachable`` is their union.

    ``any`` says that there is an endpoint somewhere in the cluster, if not here.
    """

    cluster: tuple[Endpoint, ...]
    local: tuple[Endpoint, ...]
    reachable: tuple[Endpoint, ...]
    any: bool


def categorize(endpoints: Sequence[Endpoint], port: ServicePort, zone: str) -> Choice:
    """Ready endpoints; where there are none, those that still serve while they terminate, of each policy by itself."""
    cluster: tuple[Endpoint, ...] = ()
    local: tuple[Endpoint, ...] = ()
    if port.uses_cluster:
        near = _use_hints(endpoints, port, zone)
        cluster = tuple(each for each in endpoints if each.ready and (not near or zone in each.zones))
        cluster = cluster or tuple(each for each in endpoints if _leaving(each))
    found = bool(cluster)
    if port.uses_local:
        found = found or any(each.ready or _leaving(each) for each in endpoints)
        mine = [each for each in endpoints if each.local]
        local = tuple(each for each in mine if each.ready)
        local = local or tuple(each for each in mine if not each.ready and _leaving(each))
    if not local:
        return Choice(cluster, local, cluster, found)
    if not cluster:
        return Choice(cluster, local, local, found)
    here = {each.address for each in cluster}
    return Choice(cluster, local, (*cluster, *(each for each in local if each.address not in here)), found)


def _leaving(endpoint: Endpoint) -> bool:
    return endpoint.serving and endpoint.terminating


def _use_hints(endpoints: Sequence[Endpoint], port: ServicePort, zone: str) -> bool:
    """Every ready endpoint has a hint, and one of them is for this zone."""
    if not port.hints or not zone:
        return False
    ready = [each for each in endpoints if each.ready]
    return all(each.zones for each in ready) and any(zone in each.zones for each in ready)
