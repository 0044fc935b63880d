"""What kube-proxy writes into the kernel's switches when it starts, and what it leaves alone."""

import pytest

from podwire.errors import ConfigError
from podwire.kubeproxy import KubeProxyConfig
from podwire.kubeproxy.start import conntrack_max, settings
from tests.kubeproxy.node import KubeNode
from tests.kubeproxy.samples import NODE, endpoints, objects, rules, service

CT = "net/netfilter/nf_conntrack_"


def node(flags=""):
    """A node whose kube-proxy has these flags."""
    source = objects(service("web"), endpoints("web", ["10.32.0.9@node1"]))
    return KubeNode(source, KubeProxyConfig.from_flags(flags))


def read(node, key):
    return node.lab.door(NODE).sysctl_read(key)


def test_the_defaults_make_the_table_smaller_and_established_connections_last_a_day():
    """32768 for each core, at least 131072; 24 h and 1 h."""
    this = node()
    assert [
        read(this, CT + key) for key in ("max", "tcp_timeout_established", "tcp_timeout_close_wait", "udp_timeout")
    ] == ["131072", "86400", "3600", "30"]
    assert read(this, "net/ipv4/conf/all/route_localnet") == "1"
    assert read(this, CT + "buckets") == "262144", "there are enough of them"


def test_the_minimum_counts_until_the_cores_ask_for_more():
    config = KubeProxyConfig()
    assert [conntrack_max(config, cores) for cores in (1, 4, 5, 16)] == [131072, 131072, 163840, 524288]
    assert conntrack_max(KubeProxyConfig(conntrack_max_per_core=0)) == 0


def test_flags_of_zero_leave_the_kernel_alone():
    this = node(
        "--conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0s"
        " --iptables-localhost-nodeports=false"
    )
    assert [read(this, CT + key) for key in ("max", "tcp_timeout_established", "tcp_timeout_close_wait")] == [
        "262144",
        "432000",
        "60",
    ]
    assert read(this, "net/ipv4/conf/all/route_localnet") == "0"


def test_flags_that_are_given_are_written():
    this = node(
        "--conntrack-min=2000000 --conntrack-udp-timeout=10s --conntrack-udp-timeout-stream=1m30s"
        " --conntrack-tcp-timeout-established 2h"
    )
    assert [read(this, CT + key) for key in ("max", "buckets", "udp_timeout", "udp_timeout_stream")] == [
        "2000000",
        "500000",
        "10",
        "90",
    ]
    assert read(this, CT + "tcp_timeout_established") == "7200"


def test_a_liberal_kernel_gets_no_rule_against_invalid_packets():
    """1.3: the switch is written before it is read."""
    sync = node("--conntrack-tcp-be-liberal").proxy.last[NODE]
    assert len(rules(sync, "KUBE-FORWARD")) == 2
    assert len(rules(node().proxy.last[NODE], "KUBE-FORWARD")) == 3


def test_what_somebody_changes_later_stays_until_it_starts_again():
    this = node()
    door = this.lab.door(NODE)
    door.sysctl_write(CT + "tcp_timeout_established", "77")
    this.sync()
    assert read(this, CT + "tcp_timeout_established") == "77"
    this.proxy.restart(NODE)
    this.sync()
    assert read(this, CT + "tcp_timeout_established") == "86400"


def test_the_primary_address_takes_node_ports_and_localhost_does_not():
    config = KubeProxyConfig(nodeport_addresses=("primary",))
    assert not config.route_localnet
    assert dict(settings(config)).get("net/ipv4/conf/all/route_localnet") is None


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--conntrack-min=-1", "--conntrack-min: expected 0 or more"),
        ("--conntrack-max-per-core=many", "--conntrack-max-per-core=many: expected a number"),
        ("--conntrack-udp-timeout=30", "--conntrack-udp-timeout=30: expected a duration"),
        ("--conntrack-tcp-be-liberal=si", "expected true or false"),
    ],
)
def test_what_cannot_be_is_told(flags, words):
    with pytest.raises(ConfigError, match=words):
        KubeProxyConfig.from_flags(flags)
