"""Calico's IPPool: defaults, strict decoding, what Calico's API refuses and where (Calico sheet 2.1)."""

import pytest

from podwire.errors import ManifestError, NotModelled
from podwire.kube.ippool import IPPoolObject, check_against
from podwire.kube.manifest import load_objects, load_references
from podwire.wire.addr import Net

HEAD = "apiVersion: {}\nkind: IPPool\nmetadata: {{name: p}}\nspec:\n"


def text(*spec, api="projectcalico.org/v3"):
    return HEAD.format(api) + "".join(f"  {line}\n" for line in spec)


def load(*spec, api="projectcalico.org/v3"):
    (pool,) = load_objects(text(*spec, api=api))
    assert isinstance(pool, IPPoolObject)
    return pool


@pytest.mark.parametrize("api", ["projectcalico.org/v3", "crd.projectcalico.org/v1"])
def test_defaults(api):
    pool = load("cidr: 10.48.0.0/16", api=api)
    assert (pool.name, str(pool.cidr), pool.block_size, pool.node_selector) == ("p", "10.48.0.0/16", 26, "all()")
    assert (pool.ipip_mode, pool.vxlan_mode) == ("Never", "Never")
    assert (pool.nat_outgoing, pool.disabled, pool.disable_bgp_export) == (False, False, False)
    assert pool.allowed_uses == ("Workload", "Tunnel")


def test_every_field():
    pool = load(
        "cidr: 10.48.0.0/20",
        "blockSize: 24",
        "ipipMode: CrossSubnet",
        "vxlanMode: Never",
        "natOutgoing: true",
        "disabled: true",
        "disableBGPExport: true",
        "nodeSelector: zone == 'west'",
        "allowedUses: [Tunnel]",
    )
    assert (pool.block_size, pool.ipip_mode, pool.nat_outgoing, pool.disabled) == (24, "CrossSubnet", True, True)
    assert (pool.disable_bgp_export, pool.node_selector, pool.allowed_uses) == (True, "zone == 'west'", ("Tunnel",))


def test_empty_words_are_defaults_as_calicoctl_prints_them():
    pool = load(
        "cidr: 10.48.0.0/16", "ipipMode: ''", "vxlanMode: null", "nodeSelector: ''", "allowedUses: []", "blockSize: 0"
    )
    assert (pool.ipip_mode, pool.vxlan_mode, pool.node_selector, pool.block_size) == ("Never", "Never", "all()", 26)
    assert pool.allowed_uses == ("Workload", "Tunnel")


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (["blockSize: 26"], "<text>:5: spec.cidr: got nothing, expected text"),
        (["cidr: 10.48.0.0"], '<text>:5: spec.cidr: got "10.48.0.0", expected an address range such as 10.48.0.0/16'),
        (["cidr: 10.48.0.1/16"], "IPPool CIDR is not strictly masked: host bits are set"),
        (["cidr: 169.254.4.0/24"], "IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16"),
        (
            ["cidr: 10.48.0.0/16", "blockSize: 19"],
            "<text>:6: spec.blockSize: got 19, expected an integer from 20 to 32",
        ),
        (["cidr: 10.48.0.0/16", "blockSize: 33"], "IPv4 block size must be between 20 and 32"),
        (["cidr: 10.48.0.0/27"], "IP pool size is too small for use with Calico IPAM"),
        (
            ["cidr: 10.48.0.0/16", "ipipMode: Always", "vxlanMode: CrossSubnet"],
            '<text>:7: spec.vxlanMode: got "CrossSubnet", expected Never (IPIPMode and VXLANMode cannot both be enabled',
        ),
        (
            ["cidr: 10.48.0.0/16", "ipipMode: always"],
            '<text>:6: spec.ipipMode: got "always", expected one of Always, CrossSubnet, Never',
        ),
        (["cidr: 10.48.0.0/16", "natOutgoing: 'yes'"], '<text>:6: spec.natOutgoing: got "yes", expected true or false'),
        (["cidr: 10.48.0.0/16", "vxlanmode: Always"], 'unknown field "spec.vxlanmode"); did you mean vxlanMode?'),
        (
            ["cidr: 10.48.0.0/16", "allowedUses: [Pods]"],
            'spec.allowedUses[0]: got "Pods", expected one of Workload, Tunnel',
        ),
        (
            ["cidr: 10.48.0.0/16", "nodeSelector: zone = west"],
            '<text>:6: spec.nodeSelector: got "zone = west", expected a selector',
        ),
        (["cidr: 10.48.0.0/16", "ipip: {enabled: true}"], "spec.ipip: got"),
    ],
)
def test_what_calico_refuses(spec, complaint):
    with pytest.raises(ManifestError) as refused:
        load(*spec)
    assert complaint in str(refused.value), str(refused.value)


def test_a_disabled_pool_may_be_smaller_than_its_block():
    assert load("cidr: 10.48.0.0/28", "disabled: true").disabled


def test_ipv6_pools_are_not_modelled():
    with pytest.raises(NotModelled, match=r"spec\.cidr: IPv6 pools"):
        load("cidr: fd00::/64")


def test_beside_other_pools():
    pool = load("cidr: 10.48.0.0/16", "blockSize: 24")
    check_against(pool, [("other", Net.parse("10.49.0.0/16"), 26), ("p", Net.parse("10.48.0.0/16"), 24)])
    for others, complaint in (
        (
            [("other", Net.parse("10.48.128.0/24"), 26)],
            "IPPool(p) CIDR overlaps with IPPool(other) CIDR 10.48.128.0/24",
        ),
        ([("other", Net.parse("10.0.0.0/8"), 26)], "overlaps with IPPool(other) CIDR 10.0.0.0/8"),
        ([("p", Net.parse("10.48.0.0/17"), 24)], "expected 10.48.0.0/17 (IPPool CIDR cannot be modified)"),
        ([("p", Net.parse("10.48.0.0/16"), 26)], "expected 26 (IPPool BlockSize cannot be modified)"),
    ):
        with pytest.raises(ManifestError) as refused:
            check_against(pool, others)
        assert complaint in str(refused.value)


def test_a_reference_needs_the_name_alone():
    (reference,) = load_references("apiVersion: crd.projectcalico.org/v1\nkind: IPPool\nmetadata: {name: p}\n")
    assert (reference.kind, reference.name) == ("IPPool", "p")
