"""Random policies and labels: what the datapath does is what Kubernetes says."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance import modes
from tests.policy.cases import policy
from tests.policy.test_policies import PORTS
from tests.policy.world import NAMESPACES, PODS, Lab

KEYS = {"pod": ["a", "b", "c"], "app": ["web", "db"], "tier": ["front", "back", ""], "ns": ["x", "y"]}


def requirement() -> st.SearchStrategy[dict[str, Any]]:
    def of(key: str) -> st.SearchStrategy[dict[str, Any]]:
        values = st.lists(st.sampled_from(KEYS[key]), min_size=1, max_size=2, unique=True)
        return st.one_of(
            st.builds(
                lambda operator, some: {"key": key, "operator": operator, "values": some},
                st.sampled_from(["In", "NotIn"]),
                values,
            ),
            st.builds(lambda operator: {"key": key, "operator": operator}, st.sampled_from(["Exists", "DoesNotExist"])),
        )

    return st.sampled_from(list(KEYS)).flatmap(of)


LABELS = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in KEYS.items()})
SELECTOR = st.fixed_dictionaries(
    {}, optional={"matchLabels": LABELS, "matchExpressions": st.lists(requirement(), max_size=2)}
)
PEER = st.one_of(
    st.fixed_dictionaries({"podSelector": SELECTOR}),
    st.fixed_dictionaries({"namespaceSelector": SELECTOR}),
    st.fixed_dictionaries({"podSelector": SELECTOR, "namespaceSelector": SELECTOR}),
    st.fixed_dictionaries(
        {
            "ipBlock": st.fixed_dictionaries(
                {"cidr": st.sampled_from(["0.0.0.0/0", "10.244.0.0/16", "10.244.128.0/17"])},
                optional={"except": st.lists(st.sampled_from(["10.244.192.0/18", "10.244.160.0/20"]), max_size=2)},
            )
        }
    ),
)
_PROTOCOL = {"protocol": st.sampled_from(["TCP", "UDP"])}
PORT = st.one_of(
    st.fixed_dictionaries({}, optional=_PROTOCOL),
    st.fixed_dictionaries({"port": st.sampled_from([80, 81, 82, "web", "admin", "dns"])}, optional=_PROTOCOL),
    st.fixed_dictionaries({"port": st.just(79), "endPort": st.sampled_from([79, 80, 90])}, optional=_PROTOCOL),
)


def rules(side: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    rule = st.fixed_dictionaries({}, optional={side: st.lists(PEER, max_size=3), "ports": st.lists(PORT, max_size=3)})
    return st.lists(rule, max_size=2)


SPEC = st.fixed_dictionaries(
    {"podSelector": SELECTOR},
    optional={
        "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
        "ingress": rules("from"),
        "egress": rules("to"),
    },
)
POLICIES = st.dictionaries(st.tuples(st.sampled_from(NAMESPACES), st.sampled_from("pqr")), SPEC, max_size=5)
WORLD = st.fixed_dictionaries(dict.fromkeys(NAMESPACES, LABELS)), st.tuples(*[LABELS] * 9)


class _Shared:
    """One world for all examples: each finds what the one before has left, as agents do."""

    lab: Lab | None = None


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(POLICIES, *WORLD)
def test_random_policies_do_what_kubernetes_says(
    policies: dict[tuple[str, str], dict[str, Any]], spaces: dict[str, dict[str, str]], pods: tuple[dict[str, str], ...]
) -> None:
    lab = _Shared.lab = _Shared.lab or Lab(modes.CALICO_NONE)
    for space, labels in spaces.items():
        lab.label_namespace(space, labels)
    keys = [(space, name) for space in NAMESPACES for name in PODS]
    for key, labels in zip(keys, pods, strict=True):
        lab.pods[key].labels = dict(labels)
    lab.set([policy(space, name, spec) for (space, name), spec in policies.items()])
    assert lab.wrong(lab.pairs(PORTS)) == []
