"""Groups of policies that select the same endpoints, from v3.28 on (felix/rules/endpoints.go; reference sheet Calico, section 11)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeVar

import msgspec

from podwire.cni.calico.rules.fragments import jump, rule, unmarked
from podwire.cni.calico.rules.model import Chains, Host, RuleConfig, RuleText, Workload
from podwire.cni.calico.rules.names import MAX_CHAIN, chain_name, comment
from podwire.cni.calico.rules.workloads import GROUPS, POLICY_IN, POLICY_OUT

_STRIDE: Final = 5
"""After so many policies a group looks whether one of them has answered."""
_INGRESS: Final = ("ingress", "forward_ingress", "pre_dnat", "untracked_ingress")
_T = TypeVar("_T", Workload, Host)


def grouped(endpoint: _T, selectors: Mapping[str, str], chains: Chains, config: RuleConfig) -> _T:
    """The endpoint with groups in place of neighbours that have one selector; the groups' chains join ``chains``."""
    changes: dict[str, object] = {}
    for name in endpoint.__struct_fields__:
        ids = getattr(endpoint, name)
        if ids is not None and name.endswith(("ingress", "egress", "pre_dnat")):
            changes[name] = tuple(_names(ids, selectors, chains, config, outgoing=name not in _INGRESS))
    return msgspec.structs.replace(endpoint, **changes)


def _names(
    ids: Sequence[str], selectors: Mapping[str, str], chains: Chains, config: RuleConfig, *, outgoing: bool
) -> Iterator[str]:
    for selector, members in groupby(ids, key=selectors.__getitem__):
        mine = list(members)
        if len(mine) == 1:
            yield mine[0]
            continue
        name = group_name(selector, mine, outgoing=outgoing)
        chains[name] = list(_chain(mine, config, outgoing=outgoing))
        yield name


def group_name(selector: str, ids: Sequence[str], *, outgoing: bool) -> str:
    """``UniqueID``: a hash of tier, selector, direction and policies."""
    parts = ("default", selector, "outbound" if outgoing else "inbound", str(len(ids)), *ids)
    digest = hashlib.sha3_224("".join(f"{part}\n" for part in parts).encode()).digest()
    return f"{GROUPS[outgoing]}{base64.urlsafe_b64encode(digest).decode()}"[:MAX_CHAIN]


def _chain(ids: Sequence[str], config: RuleConfig, *, outgoing: bool) -> Iterator[RuleText]:
    answered = config.marks.accept | config.marks.passed
    for number, ident in enumerate(ids):
        first = number % _STRIDE == 0
        if first and number:
            yield rule(comment("Return on verdict"), f"-m mark ! --mark 0/{answered:#x}", jump("RETURN"))
        yield rule("" if first else unmarked(answered), jump(chain_name(POLICY_OUT if outgoing else POLICY_IN, ident)))
