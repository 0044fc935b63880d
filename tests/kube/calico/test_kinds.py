"""Calico's kinds: what libcalico-go refuses, what is filled in, under which names objects are kept (reference sheet Calico, 6.1)."""

from typing import Any

import pytest

from podwire import GKE, Calico, Cluster, ManifestError, NotModelled
from podwire.kube.calico.kinds import stored_document, written_document
from podwire.kube.invalid import Invalid


def lab() -> Cluster:
    return Cluster(Calico(), nodes=1)


def text(kind: str, spec: str, name: str = "x", api: str = "projectcalico.org/v3") -> str:
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n"


def refused(kind: str, spec: str, name: str = "x") -> Invalid:
    with pytest.raises(Invalid) as caught:
        lab().apply(text(kind, spec, name))
    return caught.value


@pytest.mark.parametrize(
    ("spec", "path", "value", "reason"),
    [
        (
            "ingress: [{action: Permit}]",
            "spec.ingress[0].action",
            "Permit",
            'supported values: "Allow", "Deny", "Log", "Pass"',
        ),
        (
            "ingress: [{action: allow}]",
            "spec.ingress[0].action",
            "allow",
            'supported values: "Allow", "Deny", "Log", "Pass"',
        ),
        (
            "ingress: [{action: Allow, destination: {ports: [80]}}]",
            "spec.ingress[0].destination.ports",
            [80],
            "rules that specify ports must set protocol to TCP or UDP or SCTP",
        ),
        (
            "egress: [{action: Allow, protocol: ICMP, source: {notPorts: [80]}}]",
            "spec.egress[0].source.notPorts",
            [80],
            "rules that specify ports must set protocol to TCP or UDP or SCTP",
        ),
        (
            "ingress: [{action: Allow, protocol: TCP, destination: {ports: ['90:80']}}]",
            "spec.ingress[0].destination.ports[0]",
            "90:80",
            "minimum port number (90) is greater than maximum port number (80) in port range",
        ),
        (
            "ingress: [{action: Allow, protocol: TCP, destination: {ports: [0]}}]",
            "spec.ingress[0].destination.ports[0]",
            0,
            "port range invalid, port number must be between 1 and 65535",
        ),
        (
            "ingress: [{action: Allow, icmp: {type: 8}}]",
            "spec.ingress[0].icmp",
            {"type": 8},
            "rules that specify ICMP fields must set protocol to ICMP",
        ),
        (
            "ingress: [{action: Allow, protocol: ICMP, icmp: {code: 1}}]",
            "spec.ingress[0].icmp.code",
            1,
            "ICMP code specified without an ICMP type",
        ),
        (
            "ingress: [{action: Allow, protocol: ICMP, ipVersion: 6}]",
            "spec.ingress[0].ipVersion",
            6,
            "must set ipversion to '4' with protocol icmp",
        ),
        (
            "ingress: [{action: Allow, source: {nets: [10.0.0.0/33]}}]",
            "spec.ingress[0].source.nets[0]",
            "10.0.0.0/33",
            "invalid CIDR",
        ),
        (
            "ingress: [{action: Allow, source: {nets: [10.0.0.0/8], notNets: ['fd00::/8']}}]",
            "spec.ingress[0].source.notNets",
            ["fd00::/8"],
            "rule contains both IPv4 and IPv6 CIDRs",
        ),
        (
            "ingress: [{action: Allow, ipVersion: 6, source: {nets: [10.0.0.0/8]}}]",
            "spec.ingress[0].source.nets",
            ["10.0.0.0/8"],
            "rule IP version doesn't match CIDR version",
        ),
        (
            "selector: global()",
            "spec.selector",
            "global()",
            "global() can only be used in an EntityRule namespaceSelector",
        ),
        (
            "ingress: [{action: Allow, source: {namespaceSelector: global() || has(x)}}]",
            "spec.ingress[0].source.namespaceSelector",
            "global() || has(x)",
            "global() cannot be combined with other selectors",
        ),
        ("types: [Ingress, Ingress]", "spec.types", ["Ingress", "Ingress"], "'Ingress' type specified more than once"),
        (
            "egress: [{action: Allow, destination: {services: {name: web}, nets: [10.0.0.0/8]}}]",
            "spec.egress[0].destination.services",
            {"name": "web", "namespace": ""},
            "cannot specify Nets/NotNets and Services on the same rule",
        ),
        (
            "egress: [{action: Allow, protocol: TCP, destination: {services: {name: web}, ports: [80]}}]",
            "spec.egress[0].destination.ports",
            [80],
            "cannot specify ports with a service selector",
        ),
    ],
)
def test_what_a_policy_may_not_say(spec: str, path: str, value: Any, reason: str) -> None:
    error = refused("NetworkPolicy", spec)
    cause = error.causes[0]
    assert (cause.path, cause.value, cause.detail) == (path, value, reason)
    assert (error.file, error.line) == ("<text>", 5)


@pytest.mark.parametrize(
    ("spec", "path", "reason"),
    [
        (
            "{preDNAT: true, doNotTrack: true, applyOnForward: true}",
            "spec.preDNAT",
            "PreDNAT and DoNotTrack cannot both be true",
        ),
        (
            "{preDNAT: true, applyOnForward: true, egress: [{action: Allow}]}",
            "spec.egress",
            "cannot have any Egress rules",
        ),
        (
            "{preDNAT: true, applyOnForward: true, types: [Egress]}",
            "spec.types",
            "PreDNAT PolicySpec cannot have 'egress' Type",
        ),
        ("{doNotTrack: true}", "spec.applyOnForward", "ApplyOnForward must be true if either PreDNAT or DoNotTrack"),
        (
            "{egress: [{action: Allow, destination: {services: {name: w}}}]}",
            "spec.egress[0].destination.services.namespace",
            "must specify a namespace",
        ),
        (
            "{ingress: [{action: Allow, destination: {services: {name: w}}}]}",
            "spec.ingress[0].destination.services",
            "not allowed in ingress rule destination",
        ),
    ],
)
def test_what_a_global_policy_may_not_say(spec: str, path: str, reason: str) -> None:
    cause = refused("GlobalNetworkPolicy", spec).causes[0]
    assert cause.path == path
    assert reason in cause.detail


def test_a_bad_selector_names_what_is_wrong() -> None:
    cause = refused("NetworkPolicy", "selector: app = 'x'").causes[0]
    assert cause.path == "spec.selector"
    assert "an operator" in cause.detail


def test_fields_that_there_are_not_are_refused_with_their_place() -> None:
    with pytest.raises(ManifestError, match=r'<text>:5: spec.ingres: .*unknown field "spec.ingres"'):
        lab().apply(text("NetworkPolicy", "ingres: []"))


@pytest.mark.parametrize(
    ("kind", "name"), [("NetworkPolicy", "a.b"), ("GlobalNetworkPolicy", "A"), ("NetworkPolicy", "-a")]
)
def test_names_of_policies_are_labels(kind: str, name: str) -> None:
    assert "name must consist of lower case" in refused(kind, "{}", name).causes[0].detail


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ("{}", ["Ingress"]),
        ("{ingress: [{action: Allow}]}", ["Ingress"]),
        ("{egress: [{action: Allow}]}", ["Egress"]),
        ("{ingress: [{action: Allow}], egress: [{action: Deny}]}", ["Ingress", "Egress"]),
        ("{types: [Egress], ingress: [{action: Allow}]}", ["Egress"]),
    ],
)
def test_types_come_from_the_rules_of_a_policy(spec: str, types: list[str]) -> None:
    cluster = lab()
    assert cluster.apply(text("NetworkPolicy", spec)) == ["networkpolicy.projectcalico.org/x created"]
    stored = cluster.api.store.need("NetworkPolicy.crd.projectcalico.org", "default.x", "default")
    assert stored.document["spec"]["types"] == types


def test_both_groups_name_one_object() -> None:
    cluster = lab()
    cluster.apply(text("GlobalNetworkPolicy", "order: 5"))
    again = text("GlobalNetworkPolicy", "{order: 5, types: [Ingress]}", "default.x", "crd.projectcalico.org/v1")
    assert cluster.apply(again) == ["globalnetworkpolicy.crd.projectcalico.org/default.x unchanged"]
    assert cluster.delete(again) == ['globalnetworkpolicy.crd.projectcalico.org "default.x" deleted']


def test_kubernetes_policies_lie_beside_those_of_calico() -> None:
    cluster = lab()
    cluster.apply(text("NetworkPolicy", "selector: all()"))
    cluster.apply(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: default.x}\nspec: {podSelector: {}}\n"
    )
    assert len(cluster.api.store.all("NetworkPolicy")) == 1
    assert cluster.kubectl("get networkpolicies.crd.projectcalico.org -o name").stdout == (
        "networkpolicy.crd.projectcalico.org/default.x\n"
    )


def test_documents_go_both_ways() -> None:
    document = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "IPAMConfiguration",
        "metadata": {"name": "default"},
        "spec": {},
    }
    assert stored_document(document)["kind"] == "IPAMConfig"
    assert written_document(stored_document(document)) == document


@pytest.mark.parametrize("api", ["projectcalico.org/v3", "crd.projectcalico.org/v1"])
def test_a_cluster_without_calico_has_no_such_kinds(api: str) -> None:
    said = f'no matches for kind "NetworkSet" in version "{api}": ensure CRDs are installed first'
    with pytest.raises(ManifestError) as caught:
        Cluster(GKE(), nodes=1).apply(text("NetworkSet", "nets: [10.0.0.0/8]", api=api))
    assert said in str(caught.value)


def test_kubectl_knows_the_definitions_and_not_the_api_of_calicoctl(tmp_path: Any) -> None:
    cluster = lab()
    path = tmp_path / "x.yaml"
    path.write_text(text("NetworkSet", "nets: [10.0.0.0/8]"))
    assert 'no matches for kind "NetworkSet" in version "projectcalico.org/v3"\nensure CRDs are installed first' in (
        cluster.kubectl(f"apply -f {path}").stderr
    )
    path.write_text(text("NetworkSet", "nets: [10.0.0.0/8]", api="crd.projectcalico.org/v1"))
    assert cluster.kubectl(f"apply -f {path}").stdout == "networkset.crd.projectcalico.org/x created\n"
    assert cluster.kubectl("get networksets").stdout.split()[:2] == ["NAME", "AGE"]


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("NetworkSet", "nets: [10.0.0.300]", "spec.nets[0]"),
        ("HostEndpoint", "node: w", "spec.interfaceName"),
        ("HostEndpoint", "interfaceName: eth0", "spec.node"),
        ("HostEndpoint", "{node: w, interfaceName: eth0, expectedIPs: [x]}", "spec.expectedIPs[0]"),
        ("BGPPeer", "{node: a, nodeSelector: all(), peerIP: 10.0.0.1, asNumber: 1}", "spec.node"),
        ("BGPPeer", "{peerIP: 10.0.0.1:0, asNumber: 1}", "spec.peerIP"),
        ("BGPPeer", "{peerIP: 10.0.0.1, peerSelector: all()}", "spec.peerIP"),
        ("BGPPeer", "{peerIP: 10.0.0.1, asNumber: '1.99999'}", "spec.asNumber"),
        ("BGPConfiguration", "serviceClusterIPs: [{cidr: x}]", "spec.serviceClusterIPs[0].cidr"),
        ("BGPConfiguration", "asNumber: x", "spec.asNumber"),
    ],
)
def test_other_kinds_are_checked_too(kind: str, spec: str, path: str) -> None:
    assert refused(kind, spec).causes[0].path == path


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("defaultEndpointToHostAction: Allow", "spec.defaultEndpointToHostAction"),
        ("natPortRange: http", "spec.natPortRange"),
        ("natOutgoingAddress: 'fd00::1'", "spec.natOutgoingAddress"),
        ("failsafeInboundHostPorts: [{protocol: icmp, port: 1}]", "spec.failsafeInboundHostPorts[0].protocol"),
        ("ipipMTU: 20", "spec.ipipMTU"),
        ("externalNodesList: ['fd00::/8']", "spec.externalNodesList[0]"),
    ],
)
def test_settings_of_felix_are_checked(spec: str, path: str) -> None:
    assert refused("FelixConfiguration", spec, "default").causes[0].path == path


@pytest.mark.parametrize(
    "spec",
    [
        "wireguardEnabled: true",
        "bpfEnabled: true",
        "floatingIPs: Enabled",
        "xdpEnabled: true",
        "iptablesRefreshInterval: 10s",
    ],
)
def test_settings_that_are_not_modelled_are_refused_by_name(spec: str) -> None:
    with pytest.raises(NotModelled, match=spec.partition(":")[0]):
        lab().apply(text("FelixConfiguration", spec, "default"))


def test_settings_that_say_nothing_of_packets_are_taken() -> None:
    lab().apply(
        text(
            "FelixConfiguration",
            "{logSeverityScreen: Debug, prometheusMetricsEnabled: true, wireguardEnabled: false}",
            "default",
        )
    )
