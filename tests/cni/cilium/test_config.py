"""Settings: Helm values in Python and in a lab file, what follows from them, and what is refused (reference sheet Cilium, 1.4, 4.0)."""

import textwrap

import pytest

from podwire import Cilium, Cluster, ConfigError, ManifestError, NotModelled
from podwire.cni.cilium.config import Cilium as Config
from podwire.cni.cilium.values import FIELDS
from podwire.lab import load

LAB = """
apiVersion: podwire.dev/v1alpha1
kind: Lab
spec:
  networks:
    lan: {cidr: 192.168.10.0/24}
  nodes:
    node1: {address: 192.168.10.1/24}
  cni:
    cilium:
"""


def lab_of(values: str, tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(LAB + textwrap.indent(textwrap.dedent(values), "      "), encoding="utf-8")
    return load(path)


@pytest.mark.parametrize(
    "values",
    [
        "bpf: {masquerade: true}\nkubeProxyReplacement: true\nipam: {mode: kubernetes}",
        "bpf.masquerade: true\nkubeProxyReplacement: true\nipam.mode: kubernetes",
    ],
)
def test_a_lab_file_takes_helm_values_nested_or_with_dots(values, tmp_path):
    cluster = lab_of(values, tmp_path)
    assert cluster.cni == Cilium(bpf_masquerade=True, kube_proxy_replacement=True, ipam_mode="kubernetes")


def test_without_values_the_defaults_of_the_chart(tmp_path):
    assert lab_of("{}", tmp_path).cni == Cilium()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            "routingmode: native",
            'spec.cni.cilium.routingmode: got "native", expected a Helm value that podwire knows, such as routingMode',
        ),
        (
            "bpf: {masqerade: true}",
            "spec.cni.cilium.bpf.masqerade: got true, expected a Helm value that podwire knows, such as bpf.masquerade",
        ),
        ("routingMode: bgp", 'got "bgp", expected one of tunnel, native'),
        ("kubeProxyReplacement: partial", 'got "partial", expected true or false'),
        ("ipam: {operator: {clusterPoolIPv4MaskSize: 99}}", "got 99, expected an integer from 1 to 32"),
        (
            "bpf: {masquerade: true}",
            "expected settings that go together (Cilium bpf_masquerade=True: expected kube_proxy_replacement=True",
        ),
    ],
)
def test_a_bad_value_is_told_with_its_place(values, words, tmp_path):
    with pytest.raises(ManifestError) as raised:
        lab_of(values, tmp_path)
    assert "lab.yaml:1" in str(raised.value)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"tunnel_protocol": "gre"}, ConfigError, "tunnel_protocol='gre': expected 'vxlan' or 'geneve'"),
        ({"ipam_mode": "eni"}, ConfigError, "ipam_mode='eni': expected 'cluster-pool' or 'kubernetes'"),
        ({"kube_proxy_replacement": "strict"}, ConfigError, "kube_proxy_replacement='strict': expected True or False"),
        ({"routing_mode": "native"}, ConfigError, "expected ipv4_native_routing_cidr"),
        ({"ipv4_native_routing_cidr": "10.0.0.1/8"}, ConfigError, "host bits are set"),
        ({"ipam_operator_cluster_pool_ipv4_pod_cidr_list": ()}, ConfigError, "expected a tuple of address ranges"),
        (
            {"ipam_operator_cluster_pool_ipv4_pod_cidr_list": "10.0.0.0/8"},
            ConfigError,
            "expected a tuple of address ranges",
        ),
        ({"ipam_operator_cluster_pool_ipv4_mask_size": 4}, ConfigError, "expected 8 (as 10.0.0.0/8) to 30"),
        ({"devices": "eth0"}, ConfigError, "devices='eth0': expected a tuple of names"),
        ({"devices": ("!eth0",)}, NotModelled, "devices that are left out by '!'"),
        ({"mtu": 100}, ConfigError, "expected 0 (detected), or 1280 to 65535"),
        ({"tunnel_port": 70000}, ConfigError, "expected 0 (the protocol's own) to 65535"),
        ({"version": "1.15.0"}, NotModelled, "versions are 1.16, 1.17 and 1.18"),
        ({"version": "latest"}, NotModelled, "version='latest'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_built(values, error, words):
    with pytest.raises(error) as raised:
        Cluster(Cilium(**values))
    assert words in str(raised.value)


def test_every_field_has_its_helm_value():
    assert set(FIELDS.values()) == set(Config.__struct_fields__)


@pytest.mark.parametrize(
    ("values", "host_routing"),
    [
        ({}, False),
        ({"kube_proxy_replacement": True}, False),
        ({"kube_proxy_replacement": True, "bpf_masquerade": True}, True),
        ({"kube_proxy_replacement": True, "enable_ipv4_masquerade": False}, True),
        ({"kube_proxy_replacement": True, "bpf_masquerade": True, "bpf_host_legacy_routing": True}, False),
        ({"enable_ipv4_masquerade": False}, False),
    ],
)
def test_4_0_when_bpf_host_routing_is_used(values, host_routing):
    assert Config(**values).host_routing is host_routing


def test_the_smallest_cluster():
    lab = Cluster(Cilium(), nodes=2)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    assert a.ping(b).ttl == 63
    assert lab.node("node1").place.netns.link("lxc_health") is not None
