"""What leaves a GKE node with the node's address (kube-proxy and GKE sheet, 3.4), and the rules of a COS node (3.5)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from podwire.cluster import Cluster, Node
from podwire.errors import ConfigError
from podwire.platform.gke import GKE
from podwire.platform.gke.agent import MasqError, read_config
from podwire.platform.gke.duration import DurationError, duration
from podwire.platform.gke.masquerade import agent_chain, ports_of
from podwire.trace.reasons import Verdict

CLIENT = "121.167.232.64"
LOCAL = "ip-masq-agent: local traffic is not subject to MASQUERADE"
AGENTS_LIST = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
]


def cluster(cloud_nat: str | None = None, **settings: Any) -> Cluster:
    lab = Cluster(GKE(**settings))
    lab.add_vpc("vpc", "10.0.0.0/24", cloud_nat=cloud_nat)
    lab.add_node("node1", external_ip="34.1.2.3")
    lab.add_host("client", CLIENT)
    return lab


def nat(node: Node) -> list[str]:
    return [line for line in node.exec("iptables-save -t nat").stdout.splitlines() if line.startswith("-A")]


def seen(lab: Cluster) -> str:
    """Which address the outside host sees of pod1; empty where nothing comes."""
    pod = lab.run("pod1")
    with lab.capture("client:eth0", filter="icmp[0] == 8") as capture:
        pod.ping(CLIENT)
    found = re.findall(r"IP (\S+) >", capture.text())
    return str(found[0]) if found else ""


def config_map(text: str) -> dict[str, Any]:
    metadata = {"name": "ip-masq-agent", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config": text}}


# -- the boot script -------------------------------------------------------------------------------------------------


def test_3_4a_the_chain_of_the_boot_script() -> None:
    node = cluster().node("node1")
    rules = nat(node)
    assert rules[0] == (
        '-A POSTROUTING -m comment --comment "ip-masq: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom '
        'IP-MASQ chain" -m addrtype ! --dst-type LOCAL -j IP-MASQ'
    )
    assert rules[1] == (
        '-A IP-MASQ -d 169.254.0.0/16 -m comment --comment "ip-masq: local traffic is not subject to MASQUERADE" -j RETURN'
    )
    found = [
        re.fullmatch(r"-A IP-MASQ -d (\S+) .*RFC (\d+) reserved range is not .* -j RETURN", each)
        for each in rules[2:-1]
    ]
    assert [each.groups() for each in found if each is not None] == [
        ("10.0.0.0/8", "1918"),
        ("172.16.0.0/12", "1918"),
        ("192.168.0.0/16", "1918"),
        ("240.0.0.0/4", "5735"),
        ("192.0.2.0/24", "5737"),
        ("198.51.100.0/24", "5737"),
        ("203.0.113.0/24", "5737"),
        ("100.64.0.0/10", "6598"),
        ("198.18.0.0/15", "6815"),
        ("192.0.0.0/24", "6890"),
        ("192.88.99.0/24", "7526"),
    ]
    assert None not in found
    assert rules[-1] == (
        '-A IP-MASQ -m comment --comment "ip-masq: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE'
    )


@pytest.mark.parametrize("dataplane", ["ptp", "calico"])
def test_a_pods_packet_for_the_internet_leaves_with_its_nodes_external_address(dataplane: str) -> None:
    lab = cluster(dataplane=dataplane)
    assert seen(lab) == "34.1.2.3"
    trace = lab.pod("pod1").ping(CLIENT).trace
    assert trace.verdict is Verdict.DELIVERED
    assert "configure-helper.sh for GKE's boot script" in " ".join(str(trace).split())


@pytest.mark.parametrize("target", ["203.0.113.7", "198.51.100.1"])
def test_addresses_for_documentation_are_not_masqueraded(target: str) -> None:
    lab = cluster()
    lab.add_host("other", target)
    trace = lab.run("pod1").ping(target).trace
    assert trace.dropped_at == "vpc"
    why = " ".join(trace.explain().split())
    assert "10.32.0.2 cannot leave for the Internet: it is an alias address" in why
    assert "or when a Cloud NAT covers 10.32.0.2" in why


def test_pods_nodes_and_other_vms_see_the_pods_address() -> None:
    lab = cluster()
    lab.add_node("node2")
    one, two = lab.run("one", node="node1"), lab.run("two", node="node2")
    for target in (two, lab.node("node2")):
        with lab.capture("node2:eth0", filter="icmp[0] == 8") as capture:
            assert one.ping(target).ok
        assert f"IP {one.ip} >" in capture.text()


def test_without_default_snat_the_pods_address_leaves_and_needs_a_cloud_nat() -> None:
    """The last row of 3.4's table; 3.3: Cloud NAT serves an alias address of a VM that has an external one."""
    assert seen(cluster(disable_default_snat=True)) == ""
    assert seen(cluster("35.1.1.1", disable_default_snat=True)) == "35.1.1.1"
    assert nat(cluster(disable_default_snat=True).node("node1")) == []


def test_3_5_the_host_firewall_and_the_metadata_rule() -> None:
    node = cluster().node("node1")
    text = node.exec("iptables-save").stdout
    assert ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n" in text
    protocols = ("tcp", "udp", "icmp", "sctp")
    rules = "\n".join(f"-A {chain} -p {each} -j ACCEPT" for chain in ("INPUT", "FORWARD") for each in protocols)
    assert rules in text
    assert "-A OUTPUT -s 169.254.169.254/32 -j DROP\n" in text
    assert node.exec("sysctl -n net.netfilter.nf_conntrack_tcp_be_liberal").stdout == "1\n"


# -- the agent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "suffix"), [("v2.9.3", ""), ("2.10", " --random-fully"), ("v3.0", " --random-fully")]
)
def test_3_4b_the_chain_of_the_agent(version: str, suffix: str) -> None:
    rules = nat(cluster(ip_masq_agent=version).node("node1"))
    assert rules[0].startswith('-A POSTROUTING -m comment --comment "ip-masq-agent: ensure nat POSTROUTING directs')
    kept = [f'-A IP-MASQ -d {net} -m comment --comment "{LOCAL}" -j RETURN' for net in ("169.254.0.0/16", *AGENTS_LIST)]
    assert rules[1:-1] == kept
    assert rules[-1].endswith(f'(must be last in chain)" -j MASQUERADE{suffix}')


def test_a_config_map_counts_after_the_interval_and_replaces_the_list() -> None:
    lab = cluster(ip_masq_agent="v2.12.0")
    node = lab.node("node1")
    assert seen(lab) == "34.1.2.3"
    lab.apply(config_map(f"nonMasqueradeCIDRs: [{CLIENT}/32]\nresyncInterval: 5s\nmasqLinkLocal: true\n"))
    lab.sleep(59)
    assert len(nat(node)) == 14
    lab.sleep(2)
    assert [line.split()[3] for line in nat(node) if line.endswith("RETURN")] == [f"{CLIENT}/32"]
    assert lab.pod("pod1").ping(CLIENT).trace.dropped_at == "vpc"
    lab.apply(config_map("nonMasqueradeCIDRs: []\n"))
    lab.sleep(6)
    assert [line.split()[3] for line in nat(node) if line.endswith("RETURN")] == ["169.254.0.0/16"]
    lab.delete(config_map(""))
    lab.sleep(61)
    assert len(nat(node)) == 14, "no file, the defaults"


def test_a_bad_config_is_logged_and_the_old_rules_stay() -> None:
    lab = cluster(ip_masq_agent="v2.12.0")
    before = nat(lab.node("node1"))
    lab.apply(config_map("nonMasqueradeCIDRs: [10.0.0.1/8]\n"))
    lab.sleep(61)
    assert nat(lab.node("node1")) == before
    (line,) = lab.agent("node1", "ip-masq-agent").log
    assert re.fullmatch(
        r"E0101 00:01:\d\d\.\d{6}       1 ip-masq-agent\.go:165\] Error syncing configuration: "
        r'CIDR "10\.0\.0\.1/8" is not aligned to a CIDR block, ip: "10\.0\.0\.1" network: "10\.0\.0\.0/8"',
        line,
    )


def test_what_somebody_breaks_is_whole_again_after_a_round() -> None:
    lab = cluster(ip_masq_agent="v2.12.0")
    node = lab.node("node1")
    before = nat(node)
    node.exec("iptables -t nat -F")
    lab.sleep(50)
    assert nat(node) == []
    lab.sleep(11)
    assert nat(node) == before


def test_a_paused_agent_misses_its_rounds_and_a_restarted_one_begins_anew() -> None:
    lab = cluster(ip_masq_agent="v2.12.0")
    node, agent = lab.node("node1"), lab.agent("node1", "ip-masq-agent")
    before = nat(node)
    agent.pause()
    node.exec("iptables -t nat -F")
    lab.sleep(200)
    assert nat(node) == []
    agent.resume()
    assert nat(node) == before, "the round that was due comes at once"
    lab.sleep(30)
    node.exec("iptables -t nat -F IP-MASQ")
    agent.restart()
    assert nat(node) == before
    node.exec("iptables -t nat -F IP-MASQ")
    lab.sleep(35)
    assert len(nat(node)) == 1, "the round that its former life had planned does not come"
    lab.sleep(30)
    assert nat(node) == before


def test_an_agent_on_a_node_with_the_other_jump_leaves_two() -> None:
    """The order trap of 3.4: two comments, one chain."""
    lab = cluster(ip_masq_agent="v2.12.0")
    node = lab.node("node1")
    rules = nat(node)
    other = rules[0].replace("ip-masq-agent: ", "ip-masq: ")
    node.exec(["iptables", "-t", "nat", "-F", "POSTROUTING"])
    node.exec(f"iptables -t nat {other}")
    lab.sleep(61)
    assert nat(node)[:2] == [other, rules[0]]
    lab.sleep(61)
    assert nat(node)[2:] == rules[1:]


def test_to_ports_by_protocol_with_the_share_of_the_ports_that_are_left() -> None:
    text = agent_chain((), to_ports=ports_of("1024-29999,32768-49151,61000-65535"), random_fully=False)
    tcp = [line.partition("-j ")[2] for line in text.splitlines() if " -p tcp" in line]
    assert tcp == [
        "MASQUERADE -p tcp -m statistic --mode random --probability 0.5807279140612474 --to-ports 1024-29999",
        "MASQUERADE -p tcp -m statistic --mode random --probability 0.7831739961759082 --to-ports 32768-49151",
        "MASQUERADE -p tcp --to-ports 61000-65535",
    ]
    assert [line.split(" -p ")[1][:4].strip() for line in text.splitlines() if " -p " in line] == [
        *["tcp"] * 3,
        *["udp"] * 3,
        *["sctp"] * 3,
    ]
    assert text.splitlines()[-2].endswith("-j MASQUERADE")


def test_to_ports_hold_for_a_connection() -> None:
    lab = cluster(ip_masq_agent="v2.12.0", ip_masq_to_ports="2000-2003")
    with lab.capture("client:eth0", filter="tcp") as capture:
        lab.run("pod1").connect(CLIENT, 80)
    ports = {int(port) for port in re.findall(r"34\.1\.2\.3\.(\d+) >", capture.text())}
    assert ports
    assert ports <= set(range(2000, 2004))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonMasqueradeCIDRs: [x]", 'CIDR "x" could not be parsed, invalid CIDR address: x'),
        ("nonMasqueradeCIDRs: [10.0.0.0]", 'CIDR "10.0.0.0" could not be parsed, invalid CIDR address: 10.0.0.0'),
        (
            "nonMasqueradeCIDRs: ['2001:db8::/32']",
            "ipv6 is not enabled, but ipv6 cidr 2001:db8::/32 provided. Enable ipv6 using --enable-ipv6 agent flag",
        ),
        (
            "nonMasqueradeCIDRs: [10.0.0.0/8, 172.16.0.0/12]\ncidrLimit: 1",
            "the daemon can only accept up to 1 CIDRs (excluding link-local), but got 2 CIDRs (excluding link local)",
        ),
        (
            "resyncInterval: 5",
            "json: cannot unmarshal number into Go struct field MasqConfig.resyncInterval of type string",
        ),
        ("resyncInterval: 5x", 'time: unknown unit "x" in duration "5x"'),
        ("cidrLimit: many", "json: cannot unmarshal string into Go struct field MasqConfig.cidrLimit of type int"),
        (
            "masqLinkLocal: 1",
            "json: cannot unmarshal number into Go struct field MasqConfig.masqLinkLocal of type bool",
        ),
        (
            "nonMasqueradeCIDRs: 1",
            "json: cannot unmarshal number into Go struct field MasqConfig.nonMasqueradeCIDRs of type []string",
        ),
        ("[1]", "json: cannot unmarshal array into Go value of type main.MasqConfig"),
        ("a: [", "yaml: "),
    ],
)
def test_errors_of_the_config(text: str, said: str) -> None:
    with pytest.raises(MasqError, match=f"^{re.escape(said)}"):
        read_config(text)


def test_the_config_is_yaml_or_json_and_what_it_leaves_out_has_its_default() -> None:
    config = read_config('{"resyncInterval": "1m30s", "unknown": 1, "MASQLINKLOCAL": true}')
    assert (list(config.cidrs), config.interval, config.link_local) == (AGENTS_LIST, 90 * 10**9, True)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("1h", 3600 * 10**9),
        ("1.5s", 1_500_000_000),
        ("-2ms", -2_000_000),
        ("1h2m3s4us5ns", 3723000004005),
        (".5m", 30 * 10**9),
    ],
)
def test_durations_as_go_reads_them(text: str, ns: int) -> None:
    assert duration(text) == ns


@pytest.mark.parametrize(
    ("text", "said"), [("", "invalid"), ("5", "missing unit in"), ("5 s", 'unknown unit " s" in'), ("s", "invalid")]
)
def test_what_is_no_duration(text: str, said: str) -> None:
    with pytest.raises(DurationError, match=f"time: {said}"):
        duration(text)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ip_masq_agent": "latest"}, "expected a version such as 'v2.12.0'"),
        ({"ip_masq_to_ports": "1-2"}, "give ip_masq_agent too"),
        ({"ip_masq_agent": "v2.12", "ip_masq_to_ports": "5-1"}, "'5-1' is no interval of ports"),
        ({"ip_masq_agent": "v2.12", "ip_masq_to_ports": "1-2-3"}, "neither a port nor FIRST-LAST"),
    ],
)
def test_flags_that_cannot_be(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        Cluster(GKE(**settings))  # type: ignore[arg-type]
