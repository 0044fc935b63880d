"""From a NetworkPolicy to what Felix renders: conversion, selection, sets (reference sheet Calico, sections 5, 6.1 and 6.2)."""

from typing import Any

import pytest

from podwire.cni.calico.policy.calc import Active, active
from podwire.cni.calico.policy.kubernetes import convert_policy, labels_of_pod
from podwire.cni.calico.policy.model import CalicoPolicy, Endpoint, Entity, NamedPort, Rule
from podwire.cni.calico.policy.sets import members
from podwire.cni.calico.rules.names import set_name
from podwire.kube.decode import decode
from podwire.kube.fields import from_python
from podwire.kube.policy import NetworkPolicy, default_policy
from podwire.trace.events import Owner
from podwire.wire.addr import Net

OWNER = Owner("felix", "test")


def policy(name: str = "x", namespace: str = "alpha", **spec: Any) -> CalicoPolicy:
    document = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    default_policy(document)
    typed: NetworkPolicy = decode(from_python(document), NetworkPolicy)
    return convert_policy(typed)


def pod(
    name: str,
    ip: str,
    labels: dict[str, str] | None = None,
    *,
    namespace: str = "alpha",
    spaces: dict[str, str] | None = None,
    ports: tuple[NamedPort, ...] = (),
    node: str = "node1",
) -> Endpoint:
    return Endpoint(
        key=f"{namespace}/{name}",
        node=node,
        labels=labels_of_pod(labels or {}, namespace, "default", spaces or {}, {}),
        nets=(Net.parse(f"{ip}/32"),),
        ports=ports,
        interface=f"cali{name}",
        profiles=(f"kns.{namespace}", f"ksa.{namespace}.default"),
        owner=Owner("felix", f"Pod {namespace}/{name}"),
    )


def calculated(*policies: CalicoPolicy, endpoints: tuple[Endpoint, ...] = ()) -> Active:
    return active("node1", endpoints or (pod("a", "10.0.0.1"),), policies)


def source_sets(found: Active, ident: str = "alpha/knp.default.x") -> list[str]:
    return [set_name(each) for rule in found.policies[ident].inbound for each in rule.src_sets]


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ({"podSelector": {"matchLabels": {"run": "access"}}}, "cali40s:XZEFRy4u2E2Kz28IwtNm0u8"),
        ({"namespaceSelector": {"matchLabels": {"ns": "a"}}}, "cali40s:USRWmGlMuNymjhMsAmbxKOD"),
        (
            {
                "namespaceSelector": {"matchLabels": {"ns": "b"}},
                "podSelector": {"matchLabels": {"run": "access"}},
            },
            "cali40s:11jW-7YBzuTbDQfMRpGESlM",
        ),
    ],
)
def test_sets_have_the_names_that_real_clusters_show(peer: dict[str, Any], name: str) -> None:
    assert source_sets(calculated(policy(ingress=[{"from": [peer]}]))) == [name]


def test_every_namespace_is_every_endpoint_with_a_namespace() -> None:
    found = calculated(policy(ingress=[{"from": [{"namespaceSelector": {}}]}]))
    (spec,) = found.sets.values()
    assert spec.selector == '(has(projectcalico.org/namespace) && projectcalico.org/orchestrator == "k8s")'


def test_expressions_of_a_selector() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["y", "x"]},
        {"key": "b", "operator": "NotIn", "values": ["z"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    selector = {"matchLabels": {"z": "1", "k": "2"}, "matchExpressions": expressions}
    found = calculated(policy(ingress=[{"from": [{"podSelector": selector}]}]))
    (spec,) = found.sets.values()
    assert spec.selector == (
        '(projectcalico.org/namespace == "alpha" && (projectcalico.org/orchestrator == "k8s" && k == "2" && z == "1"'
        ' && a in {"x", "y"} && b not in {"z"} && has(c) && !has(d)))'
    )


def test_members_are_selected_by_the_labels_of_pod_and_namespace() -> None:
    endpoints = (
        pod("a", "10.0.0.1", {"run": "access"}),
        pod("b", "10.0.0.9", {"run": "access"}, node="node2"),
        pod("c", "10.0.0.3", {"run": "other"}),
        pod("d", "10.0.0.4", {"run": "access"}, namespace="beta", spaces={"ns": "b"}),
    )

    def selected(peer: dict[str, Any]) -> list[str]:
        found = calculated(policy(ingress=[{"from": [peer]}]), endpoints=endpoints)
        (spec,) = found.sets.values()
        return [str(member.net.addr) for member in members(spec, endpoints)]

    access = {"matchLabels": {"run": "access"}}
    assert selected({"podSelector": access}) == ["10.0.0.1", "10.0.0.9"]
    assert selected({"podSelector": {}}) == ["10.0.0.1", "10.0.0.3", "10.0.0.9"]
    assert selected({"namespaceSelector": {}, "podSelector": access}) == ["10.0.0.1", "10.0.0.4", "10.0.0.9"]
    assert selected({"namespaceSelector": {"matchLabels": {"ns": "b"}}}) == ["10.0.0.4"]


def test_ports_are_grouped_by_protocol_and_joined() -> None:
    ports = [
        {"port": 82},
        {"port": 80},
        {"port": 81, "protocol": "TCP"},
        {"port": 53, "protocol": "UDP"},
        {"port": 90, "endPort": 95},
        {"port": 93, "endPort": 99},
        {"port": "web"},
        {"protocol": "SCTP"},
    ]
    given = policy(ingress=[{"ports": ports, "from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]}])
    assert [(rule.protocol, rule.destination.ports, bool(rule.source.nets)) for rule in given.ingress] == [
        ("sctp", (), False),
        ("sctp", (), True),
        ("tcp", ("web", (80, 82), (90, 99)), False),
        ("tcp", ("web", (80, 82), (90, 99)), True),
        ("udp", ((53, 53),), False),
        ("udp", ((53, 53),), True),
    ]


def test_a_named_port_is_a_set_of_addresses_and_ports() -> None:
    web = (NamedPort("web", "tcp", 8080), NamedPort("web", "udp", 8081))
    endpoints = (pod("a", "10.0.0.1", ports=web), pod("b", "10.0.0.2"))
    found = calculated(
        policy(ingress=[{"ports": [{"port": "web"}], "from": [{"podSelector": {}}]}]), endpoints=endpoints
    )
    (rule,) = found.policies["alpha/knp.default.x"].inbound
    assert rule.protocol == "tcp"
    assert len(rule.src_sets) == 1
    (ident,) = rule.dst_named
    assert found.sets[ident].selector == "all()"
    assert [(str(m.net.addr), m.protocol, m.port) for m in members(found.sets[ident], endpoints)] == [
        ("10.0.0.1", 6, 8080)
    ]


def test_a_named_port_of_a_peer_needs_no_set_of_the_peer_beside_it() -> None:
    found = calculated(policy(egress=[{"ports": [{"port": "web"}], "to": [{"podSelector": {}}]}]))
    (rule,) = found.policies["alpha/knp.default.x"].outbound
    assert (len(rule.dst_named), rule.dst_sets) == (1, ())
    both = calculated(policy(egress=[{"ports": [{"port": "web"}, {"port": 80}], "to": [{"podSelector": {}}]}]))
    (rule,) = both.policies["alpha/knp.default.x"].outbound
    assert (len(rule.dst_named), len(rule.dst_sets)) == (1, 1)


def test_a_policy_governs_the_pods_that_it_selects_in_its_types() -> None:
    endpoints = (
        pod("a", "10.0.0.1", {"app": "a"}),
        pod("b", "10.0.0.2", {"app": "b"}),
        pod("c", "10.0.0.3", {"app": "a"}, namespace="beta"),
        pod("d", "10.0.0.4", {"app": "a"}, node="node2"),
    )
    found = calculated(
        policy("both", podSelector={"matchLabels": {"app": "a"}}, policyTypes=["Ingress", "Egress"]),
        policy("in", podSelector={}),
        endpoints=endpoints,
    )
    assert [(each.interface, each.ingress, each.egress) for each in found.workloads] == [
        ("calia", ("alpha/knp.default.both", "alpha/knp.default.in"), ("alpha/knp.default.both",)),
        ("calib", ("alpha/knp.default.in",), None),
        ("calic", None, None),
    ]


def test_policies_come_by_order_then_by_name() -> None:
    def plain(ident: str, order: float | None) -> CalicoPolicy:
        return CalicoPolicy(id=ident, order=order, selector="all()", types=frozenset({"ingress"}), owner=OWNER)

    found = calculated(plain("z", None), plain("b", 10), plain("c", 2.5), plain("a", 10), plain("y", None))
    assert found.workloads[0].ingress == ("c", "a", "b", "y", "z")


def test_what_nobody_is_selected_by_is_not_active() -> None:
    found = calculated(policy(podSelector={"matchLabels": {"no": "body"}}, ingress=[{"from": [{"podSelector": {}}]}]))
    assert (found.policies, found.sets, found.workloads[0].ingress) == ({}, {}, None)


def test_selectors_of_one_side_are_joined() -> None:
    rule = Rule(
        action="deny",
        source=Entity(selector="a == 'b'", not_selector="c == 'd'", namespace_selector="global()"),
        destination=Entity(not_selector="has(x)", account_selector="role == 'r'", accounts=("one", "two")),
        owner=OWNER,
    )
    given = CalicoPolicy(id="p", selector="all()", types=frozenset({"ingress"}), ingress=(rule,), owner=OWNER)
    found = calculated(given)
    (one,) = found.policies["p"].inbound
    assert [found.sets[each].selector for each in (*one.src_sets, *one.not_src_sets)] == [
        '((!has(projectcalico.org/namespace) && a == "b") && !c == "d")'
    ]
    assert [found.sets[each].selector for each in (*one.dst_sets, *one.not_dst_sets)] == [
        '((pcsa.role == "r" && projectcalico.org/serviceaccount in {"one", "two"}) && !has(x))'
    ]


def test_rules_of_another_ip_version_are_left_out() -> None:
    six = Rule(action="allow", source=Entity(nets=(Net.parse("2001:db8::/32"),)), owner=OWNER)
    marked = Rule(action="allow", ip_version=6, owner=OWNER)
    mixed = Rule(
        action="allow", source=Entity(nets=tuple(map(Net.parse, ("2001:db8::/32", "10.0.0.0/8")))), owner=OWNER
    )
    given = CalicoPolicy(
        id="p", selector="all()", types=frozenset({"ingress"}), ingress=(six, marked, mixed), owner=OWNER
    )
    (rule,) = calculated(given).policies["p"].inbound
    assert rule.src_nets == (Net.parse("10.0.0.0/8"),)
