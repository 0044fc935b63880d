"""Security identities: the reserved ones, the labels that make a pod's, the numbers of label sets (reference sheet Cilium, section 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from random import Random
from typing import Final

from podwire.errors import PodwireError

_FIRST: Final = 256
_LAST: Final = 65535
CLUSTER_NAME: Final = "default"

_IGNORED: Final = re.compile(
    r"(?!io\.kubernetes\.pod\.namespace$)"
    r"(?:io\.kubernetes|kubernetes\.io|.*beta\.kubernetes\.io|k8s\.io|pod-template-(?:hash|generation)$"
    r"|controller-revision-hash$|statefulset\.kubernetes\.io/pod-name$|apps\.kubernetes\.io/pod-index$"
    r"|batch\.kubernetes\.io/job-completion-index$|annotation|etcd_node)"
)
"""Labels of a pod that are not relevant to security (pkg/labelsfilter/filter.go); ``app.kubernetes.io`` is."""


class Reserved(IntEnum):
    """Numbers that are given by their meaning."""

    UNKNOWN = 0
    HOST = 1
    WORLD = 2
    UNMANAGED = 3
    HEALTH = 4
    INIT = 5
    REMOTE_NODE = 6
    KUBE_APISERVER = 7
    INGRESS = 8
    WORLD_IPV4 = 9
    WORLD_IPV6 = 10
    ENCRYPTED_OVERLAY = 11

    @property
    def label(self) -> str:
        """``reserved:remote-node``."""
        return f"reserved:{self.name.lower().replace('_', '-')}"


def reserved_labels(number: int) -> tuple[str, ...]:
    """The labels of a reserved identity; kube-apiserver is a remote node as well."""
    identity = Reserved(number)
    more = (Reserved.REMOTE_NODE.label,) if identity is Reserved.KUBE_APISERVER else ()
    return (identity.label, *more)


def security_labels(namespace: str, labels: Mapping[str, str], service_account: str = "default") -> tuple[str, ...]:
    """The set of labels, sorted, that decides a pod's identity: ``k8s:app=curl`` and its like."""
    found = {
        f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}",
        f"k8s:io.cilium.k8s.policy.cluster={CLUSTER_NAME}",
        f"k8s:io.cilium.k8s.policy.serviceaccount={service_account}",
        f"k8s:io.kubernetes.pod.namespace={namespace}",
        *(f"k8s:{name}={value}" for name, value in labels.items() if not _IGNORED.match(name)),
    }
    return tuple(sorted(found))


class Identities:
    """CiliumIdentity objects: one number for each label set, cluster-wide, drawn at random from those that are free."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {}
        self._labels: dict[int, tuple[str, ...]] = {}

    def allocate(self, labels: tuple[str, ...], stream: Random) -> int:
        """The number of a label set, drawn from ``stream`` at first sight."""
        number = self._numbers.get(labels)
        if number is None:
            number = self._draw(stream)
            self._numbers[labels] = number
            self._labels[number] = labels
        return number

    def _draw(self, stream: Random) -> int:
        free = _LAST - _FIRST + 1 - len(self._labels)
        if free <= 0:
            raise PodwireError("no more available IDs in configured space")
        place = stream.randrange(free)
        for number in sorted(self._labels):
            # The place among the free numbers: those that are taken are stepped over.
            if number > place + _FIRST:
                break
            place += 1
        return place + _FIRST

    def labels(self, number: int) -> tuple[str, ...]:
        """The labels of an identity; raises ``KeyError`` for one that nobody has."""
        return reserved_labels(number) if number < _FIRST else self._labels[number]
