"""Flags of kube-proxy, and what is refused."""

import pytest

from podwire.errors import ConfigError, NotModelled
from podwire.kubeproxy import KubeProxyConfig
from podwire.kubeproxy.config import duration

SEED_002 = (
    "kube-proxy --cluster-cidr=10.32.0.0/14 --oom-score-adj=-998 --v=2 --feature-gates=InTreePluginAWSUnregister=true,"
    "InTreePluginAzureDiskUnregister=true,InTreePluginvSphereUnregister=true,DisableKubeletCloudCredentialProviders=true,"
    "UnauthenticatedHTTP2DOSMitigation=true,KMSv1=true --iptables-sync-period=1m --iptables-min-sync-period=10s"
    " --ipvs-sync-period=1m --ipvs-min-sync-period=10s --detect-local-mode=NodeCIDR"
)


def test_the_command_line_of_seed_002_is_understood():
    """C02."""
    config = KubeProxyConfig.from_flags(SEED_002)
    assert config == KubeProxyConfig(
        cluster_cidr="10.32.0.0/14",
        detect_local_mode="NodeCIDR",
        iptables_sync_period=60_000_000_000,
        iptables_min_sync_period=10_000_000_000,
    )


def test_flags_may_stand_apart_from_their_values():
    config = KubeProxyConfig.from_flags("--masquerade-all --nodeport-addresses 10.0.0.0/24,192.168.0.0/16")
    assert config.masquerade_all
    assert config.nodeport_addresses == ("10.0.0.0/24", "192.168.0.0/16")
    assert not KubeProxyConfig.from_flags("--iptables-localhost-nodeports=false").route_localnet
    assert not config.route_localnet, "127.0.0.0/8 is not among them"


@pytest.mark.parametrize("mode", ["ipvs", "nftables"])
def test_other_modes_are_not_modelled(mode):
    with pytest.raises(NotModelled) as caught:
        KubeProxyConfig.from_flags(f"--proxy-mode={mode}")
    assert str(caught.value) == f"kube-proxy: not modelled: --proxy-mode={mode} (only iptables is)"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--config=/etc/kube-proxy.yaml", "not modelled: --config"),
        ("--feature-gates=TopologyAwareHints=false", "not modelled: --feature-gates=TopologyAwareHints=false"),
    ],
)
def test_what_is_not_modelled_is_named(flags, words):
    with pytest.raises(NotModelled, match=words):
        KubeProxyConfig.from_flags(flags)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--proxy-mode=userspace", "expected iptables"),
        ("--detect-local-mode=Pod", "expected one of ClusterCIDR, NodeCIDR"),
        ("--detect-local-mode=BridgeInterface", "--pod-bridge-interface is empty"),
        ("--iptables-sync-period=soon", "--iptables-sync-period=soon: expected a duration"),
        ("--iptables-sync-period=1s --iptables-min-sync-period=2s", "--iptables-min-sync-period"),
        ("--masquerade-all=maybe", "expected true or false"),
        ("--cluster-cidr=10.0.0.0/40", "--cluster-cidr: not a prefix length"),
        ("--iptables-masquerade-bit=32", "expected 0 to 31"),
        ("--nodeport-addresses=eth0", "--nodeport-addresses"),
        ("--nodeport-addresses=primary,10.0.0.0/8", "can't use both 'primary' and CIDRs"),
        ("start", "unknown command 'start'"),
    ],
)
def test_what_cannot_be_is_told(flags, words):
    with pytest.raises(ConfigError, match=words):
        KubeProxyConfig.from_flags(["kube-proxy", *flags.split()])


def test_durations_are_read_as_go_writes_them():
    assert [duration(text) for text in ("1m0s", "500ms", "0", "1.5h")] == [60 * 10**9, 5 * 10**8, 0, 5400 * 10**9]
    with pytest.raises(ValueError, match="not a duration"):
        duration("10")
