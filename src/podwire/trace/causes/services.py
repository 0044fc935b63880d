"""Why a packet that was meant for a Service died by kube-proxy's rules, or behind them (kube-proxy sheet, 1.4, 1.5 and 1.9)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import Cause, Table
from podwire.trace.events import ByRule
from podwire.trace.reasons import DropReason as D

_SLICES: Final = "`kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={name}`"
_CLUSTER: Final = """`kubectl -n {namespace} patch service {name} -p '{{"spec":{{"{policy}":"Cluster"}}}}'`"""
_NOTES: Final = MappingProxyType(
    {
        'has no endpoints"': "no endpoints",
        'has no local endpoints"': "no local endpoints",
        "traffic not accepted by KUBE-FW-": "source ranges",
        '"block incoming localnet connections"': "localnet",
    }
)
"""What the comments of kube-proxy's refusals say, and the rows that stand for it."""

SERVICES: Final[Table] = MappingProxyType(
    {
        (D.NETFILTER_DROP, ByRule, "no endpoints"): Cause(
            "{owned} has no ready endpoint for {part}, and it matches {by}",
            f"it passes when a pod that the selector of {{owned}} finds is ready, see {_SLICES}",
        ),
        (D.NETFILTER_DROP, ByRule, "no local endpoints"): Cause(
            "{owned} has endpoints for {part} on other nodes alone, its {policy} is Local, and it matches {by}",
            f"it passes at a node that has a ready endpoint, see {_SLICES}, or after {_CLUSTER}",
        ),
        (D.NETFILTER_DROP, ByRule, "source ranges"): Cause(
            "{src} is in none of the loadBalancerSourceRanges of {owned}, and it matches {by}",
            "it passes when the loadBalancerSourceRanges of {owned} hold {src}",
        ),
        (D.NETFILTER_DROP, ByRule, "localnet"): Cause(
            "only {here} itself may send to {dst}, and it matches {by}",
            "it passes when it is sent to another address of {here}",
        ),
        (D.IP_LOCAL_SOURCE, None, "hairpin"): Cause(
            "{leading} sends {here} to itself, and nothing gave the packet another source than {src} on the way (hairpin)",
            "it passes when {leading_here} masquerades it, as `iptables -t nat -I {leading_chain} -s {src} -j KUBE-MARK-MASQ` on "
            "{leading_here} makes it",
        ),
        (D.NO_SOCKET, None, "service"): Cause(
            "nothing in {here} listens on {proto} port {dport}, where {leading} sends what comes for its {leading_part}",
            "it passes when a program listens there, as `{listen}` does, or when the targetPort of {leading_part} is the "
            "port at which one listens",
        ),
    }
)


def refusal(by: ByRule) -> str:
    """The row of a rule that kube-proxy, or the kubelet, has written to refuse something; empty for any other rule."""
    if by.owner.component not in {"kube-proxy", "kubelet"}:
        return ""
    return next((note for words, note in _NOTES.items() if words in by.text), "")
