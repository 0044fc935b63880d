"""What Felix can say of a packet that its rules discard: which policies select the pod, and what they lack.

It is asked by the kernel, with the flow's five values, and only while somebody listens. Answers go by what Felix has programmed last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from podwire.cni.calico.policy.model import CalicoPolicy, Direction, Endpoint
from podwire.kube.nearest import Call, Party, nearest
from podwire.kube.policy import NetworkPolicy
from podwire.kube.selectors import parse_selector
from podwire.trace.events import ByRule, Flow, Refused
from podwire.wire.addr import Ip

_ENDPOINT: Final = re.compile(r"cali-(tw|fw)-")
_NO_POLICY: Final = "if no policies passed packet"
_PROTOCOLS: Final = MappingProxyType({1: "ICMP", 4: "IPIP", 6: "TCP", 17: "UDP", 132: "SCTP"})


class LabelledPod(msgspec.Struct, frozen=True):
    """Labels of a pod and of its namespace, as people gave them."""

    labels: Mapping[str, str]
    space_labels: Mapping[str, str]


class Advice:
    """One state of the cluster: Felix's policies, Kubernetes' own as they were written, and everybody whom selectors see."""

    def __init__(
        self,
        policies: Sequence[CalicoPolicy],
        written: Iterable[NetworkPolicy],
        endpoints: Iterable[Endpoint],
        pods: Mapping[str, LabelledPod],
    ) -> None:
        self._policies = policies
        self._written = {f"NetworkPolicy {each.metadata.namespace}/{each.metadata.name}": each for each in written}
        self._endpoints = tuple(endpoints)
        self._pods = pods
        self._keys: dict[str, Endpoint] = {}
        self._addresses: dict[Ip, Endpoint] = {}

    def of(self, by: ByRule, flow: Flow) -> Refused | None:
        """What there is to say of a flow that rule ``by`` refuses."""
        match = _ENDPOINT.match(by.chain)
        if match is None or _NO_POLICY not in by.text:
            return None
        return self._refused(by, flow, "ingress" if match[1] == "tw" else "egress")

    def _refused(self, by: ByRule, flow: Flow, direction: Direction) -> Refused | None:
        if not self._keys:
            self._keys = {each.owner.object: each for each in self._endpoints}
            self._addresses = {ip: each for each in self._endpoints for ip in each.addresses}
        endpoint = self._keys.get(by.owner.object)
        if endpoint is None:
            return None
        names = [
            each.owner.object
            for each in sorted(self._policies, key=lambda each: each.rank)
            if direction in each.types and parse_selector(each.selector)(endpoint.labels)
        ]
        call = Call(
            direction=direction,
            pod=self._party(flow.dst if direction == "ingress" else flow.src, endpoint),
            other=self._party(flow.src if direction == "ingress" else flow.dst),
            protocol=_PROTOCOLS.get(flow.proto, f"protocol {flow.proto}"),
            port=flow.dport,
        )
        near = nearest((self._written[name] for name in names if name in self._written), call)
        said = Refused(by, pod=endpoint.key, direction=direction, policies=tuple(names))
        if near is None:
            return said
        return msgspec.structs.replace(
            said, policy=near.policy, nearest=near.field, fits=near.fits, fails=near.fails, change=near.change
        )

    def _party(self, ip: Ip, known: Endpoint | None = None) -> Party:
        endpoint = known or self._addresses.get(ip)
        pod = self._pods.get(endpoint.key) if endpoint is not None else None
        if endpoint is None or pod is None:
            return Party(ip=ip)
        namespace, _, name = endpoint.key.partition("/")
        return Party(
            ip=ip,
            namespace=namespace,
            name=name,
            labels=dict(pod.labels),
            space_labels=dict(pod.space_labels),
            ports=tuple((port.name, port.protocol.upper(), port.number) for port in endpoint.ports),
        )
