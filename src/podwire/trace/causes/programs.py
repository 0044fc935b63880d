"""Why a BPF program dropped it (reference sheet Cilium, section 7.5)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import ANY, ROUTE_ADD, Cause, Table
from podwire.trace.events import ByProgram
from podwire.trace.reasons import DropReason as D

PROGRAMS: Final[Table] = MappingProxyType(
    {
        (D.TC_INGRESS, None, ""): Cause(
            "a tc program discards it on its way in", "it passes after `tc filter del dev {dev} ingress` on {here}"
        ),
        (ANY, ByProgram, ""): Cause(
            "{by}", "it passes when {program} lets it through, see `cilium-dbg monitor --type drop` on {machine}"
        ),
        (D.INVALID_SOURCE_IP, ByProgram, ""): Cause(
            "behind {link} is a pod, and {program} lets it send from its own address alone: {detail}",
            "it passes with the address of the pod as its source",
        ),
        (D.POLICY_DENIED, ByProgram, ""): Cause(
            "no entry of the policy map allows it: {detail}",
            "it passes when a rule of a NetworkPolicy or CiliumNetworkPolicy allows it",
        ),
        (D.STALE_OR_UNROUTABLE_IP, ByProgram, ""): Cause(
            "{here} routes {dst} to {link}, and {program} knows no pod and no node behind that address: {detail}",
            "it passes when a pod has the address, see `cilium-dbg bpf ipcache list` on {machine}",
        ),
        (D.FIB_LOOKUP_FAILED, ByProgram, ""): Cause("{program} looked for a way to {dst}: {detail}", ROUTE_ADD),
        (D.DROP_EP_NOT_READY, ByProgram, ""): Cause(
            "the pod is known, and its policy program is not loaded: {detail}",
            "it passes when cilium-agent on {machine} has regenerated the endpoint",
        ),
        (D.INVALID_IDENTITY, ByProgram, ""): Cause(
            "nobody else may speak as this host: {detail}", "it passes with the identity of a pod or of a remote node"
        ),
        (D.TTL_EXCEEDED, ByProgram, ""): Cause(
            "it came with ttl {ttl}, and {program} counts down as a router does, but tells nobody when it ran out",
            "it passes with a larger ttl, as `ping -t 64` sends it",
        ),
    }
)
