"""Why policies discarded a packet, or Felix what no node has sent (reference sheet Calico, sections 3.6, 3.7 and 10)."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import Cause, Table
from podwire.trace.events import ByRule, Refused
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason as D

_NOTES: Final = MappingProxyType(
    {
        "if no profiles matched": "no profiles",
        "IPIP packets from non-": "ipip from strangers",
        "VXLAN packets from non-": "vxlan from strangers",
        "VXLAN encapped packets originating in workloads": "vxlan from pods",
        "IPinIP encapped packets originating in workloads": "ipip from pods",
        '"Unknown interface"': "unknown interface",
        "-m rpfilter": "source of a pod",
    }
)
"""What the comments of Felix's rules say, and the rows that stand for it."""
_SETTING: Final = """`kubectl patch felixconfiguration default --type=merge -p '{{"spec": {{"{key}": {value}}}}}'`"""


def _set(key: str, value: str) -> str:
    return _SETTING.replace("{key}", key).replace("{value}", value)


POLICIES: Final[Table] = MappingProxyType(
    {
        (D.NETFILTER_DROP, ByRule, "policies"): Cause("{refusal}", "it passes {mend}"),
        (D.NETFILTER_DROP, ByRule, "source of a pod"): Cause(
            "Felix lets {dev} use as a source only what {here} routes to it, and {src} is routed elsewhere, see `ip route get {src}`",
            "it passes with the pod's own address as source, or after `ip route add {src} dev {dev}` on {here}",
        ),
        (D.NETFILTER_DROP, ByRule, "unknown interface"): Cause(
            "Felix of {machine} knows no pod behind that interface, and it meets the end of {chain}",
            "it passes when Felix has heard of the pod, see `kubectl get pods -A -o wide`",
        ),
        (D.NETFILTER_DROP, ByRule, "vxlan from pods"): Cause(
            "Felix lets no pod send to the port of its VXLAN (UDP {dport}), and {owned} does",
            "it passes after " + _set("allowVXLANPacketsFromWorkloads", "true"),
        ),
        (D.NETFILTER_DROP, ByRule, "ipip from pods"): Cause(
            "Felix lets no pod send IP-in-IP by itself, and {owned} does",
            "it passes after " + _set("allowIPIPPacketsFromWorkloads", "true"),
        ),
        (D.NETFILTER_DROP, ByRule, "no profiles"): Cause(
            "no policy governs {owned} in this direction, and none of its profiles allows it, those of its namespace and service account",
            "it passes when the namespace of {owned} is there, see `kubectl get namespaces`, or when a policy allows it",
        ),
        (D.NETFILTER_DROP, ByRule, "ipip from strangers"): Cause(
            "{here} takes IP-in-IP from Calico's nodes alone (set cali40all-hosts-net), and {src} is none of them",
            "it passes when {src} is the address of a node of the cluster, or after "
            + _set("externalNodesList", '["{src}"]'),
        ),
        (D.NETFILTER_DROP, ByRule, "vxlan from strangers"): Cause(
            "{here} takes VXLAN from Calico's nodes alone (set cali40all-vxlan-net), and {src} is none of them",
            "it passes when {src} is the address of a node of the cluster, or after "
            + _set("externalNodesList", '["{src}"]'),
        ),
    }
)


def note(by: ByRule, trail: Sequence[Record]) -> str:
    """The row of a rule that Felix has written; empty for any other rule."""
    if by.owner.component != "felix":
        return ""
    said = refusal(trail)
    if said is not None and said.by == by:
        return "policies"
    return next((row for words, row in _NOTES.items() if words in by.text), "")


def refusal(trail: Sequence[Record]) -> Refused | None:
    """What the writer of the rule said that discarded the packet."""
    found = [record.event for record in trail if isinstance(record.event, Refused)]
    return found[-1] if found else None


def refused_fields(trail: Sequence[Record]) -> dict[str, str]:
    """``refusal`` and ``mend``: clauses about policies."""
    said = refusal(trail)
    if said is None:
        return {}
    return {"refusal": _why(said), "mend": _mend(said)}


def _why(said: Refused) -> str:
    whom = f"pod {said.pod} for {said.direction}"
    if not said.policies:
        return f"a policy that is no more selected {whom}, and none of its rules allowed it"
    several = len(said.policies) > 1
    subject, theirs = (_joined(said.policies), "their" if several else "its")
    head = f"{subject} {'select' if several else 'selects'} {whom} and none of {theirs} rules allows it"
    if not said.policy:
        return head
    if not said.nearest:
        return f"{head}: {said.policy if several else 'it'} has no {said.direction} rule"
    place = said.nearest + (f" of {said.policy}" if several else "")
    fits = f"{_joined(said.fits)}, but " if said.fits else ""
    return f"{head}; nearest is {place}: {fits}{_joined(said.fails)}"


def _mend(said: Refused) -> str:
    if said.change:
        return f"after `{said.change}`"
    if not said.policies:
        return "when felix has heard of that"
    return f"when a rule of {' or '.join(said.policies)} allows it"


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
