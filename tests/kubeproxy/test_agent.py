"""kube-proxy on a node: its jumps, its log, what it repairs, connections that it ends (kube-proxy sheet, 1.2, 1.3, 1.7)."""

import pytest

from podwire.kubeproxy import KubeProxy, KubeProxyConfig
from podwire.kubeproxy.fixed import CANARY
from podwire.linux.netfilter.restore import RestoreError
from podwire.trace.events import RuleMatched
from tests.kubeproxy.node import CLIENT, NODE_IP, PODS, KubeNode, Outcome
from tests.kubeproxy.samples import GKE, NODE, endpoints, objects, service

DNS = service("dns", ["53:30053/UDP"], type="NodePort", externalIPs=["198.51.100.1"])
AT_FIRST = endpoints("dns", ["10.32.0.9@node1"], ["5353/udp"])


@pytest.fixture
def node():
    return KubeNode(objects(DNS, AT_FIRST))


class View:
    """Counts how often somebody was told."""

    def __init__(self):
        self.heard = 0

    def told(self):
        self.heard += 1


def saved(node, table):
    text = node.lab.door(NODE).iptables_save()
    return text.partition(f"*{table}\n")[2].partition("COMMIT")[0].splitlines()


def jumps(node, table, chain):
    return [line.rpartition("-j ")[2] for line in saved(node, table) if line.startswith(f"-A {chain} ")]


def test_the_jumps_of_a_fresh_node(node):
    """1.2, the order of a real cluster."""
    assert jumps(node, "filter", "INPUT") == [
        "KUBE-PROXY-FIREWALL",
        "KUBE-NODEPORTS",
        "KUBE-EXTERNAL-SERVICES",
        "KUBE-FIREWALL",
    ]
    assert jumps(node, "filter", "FORWARD") == [
        "KUBE-PROXY-FIREWALL",
        "KUBE-FORWARD",
        "KUBE-SERVICES",
        "KUBE-EXTERNAL-SERVICES",
    ]
    assert jumps(node, "filter", "OUTPUT") == ["KUBE-PROXY-FIREWALL", "KUBE-SERVICES", "KUBE-FIREWALL"]
    assert [jumps(node, "nat", chain) for chain in ("PREROUTING", "OUTPUT", "POSTROUTING")] == [
        ["KUBE-SERVICES"],
        ["KUBE-SERVICES"],
        ["KUBE-POSTROUTING"],
    ]


def test_iptables_save_shows_the_fixed_rules_as_the_sheet_has_them(node):
    """1.3; the switch of connection tracking is off, so INVALID packets are dropped."""
    lines = saved(node, "filter")
    assert [line for line in lines if line.startswith("-A KUBE-F")] == [
        (
            '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections"'
            " -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
        ),
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
        (
            '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack'
            " --ctstate RELATED,ESTABLISHED -j ACCEPT"
        ),
    ]
    assert [line for line in saved(node, "nat") if line.startswith(("-A KUBE-MARK", "-A KUBE-POST"))] == [
        "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
        '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    ]


def test_a_sync_without_a_change_is_none(node):
    generation = node.lab[NODE].generation
    node.sync()
    assert node.lab[NODE].generation == generation
    assert [line.partition("] ")[2].split(" num")[0] for line in node.proxy.log(NODE)] == [
        '"Syncing iptables rules"',
        '"Reloading service iptables data"',
        '"SyncProxyRules complete" elapsed="0s"',
    ]


def test_rules_of_iptables_legacy_work_as_well():
    source = objects(DNS, AT_FIRST)
    node = KubeNode(source)
    legacy = KubeProxy(source, GKE, variant="legacy")
    legacy.program(node.spec, node.lab.door(NODE), None)  # type: ignore[arg-type]
    assert "KUBE-SVC-" in node.lab.door(NODE).iptables_save(variant="legacy")


def test_traces_say_which_service_port_and_endpoint_a_rule_comes_from(node):
    assert node.send(CLIENT, NODE_IP, 30053, "UDP", 40000)[:3] == ("sent", "10.32.0.9:5353", True)
    owners = {
        (found.event.by.owner.object, found.event.by.owner.field)
        for found in node.lab.events(RuleMatched, NODE)
        if found.event.by.owner.object
    }
    assert owners == {
        ("Service default/dns", "spec.ports[0].nodePort"),
        ("Service default/dns", "spec.ports[0], spec.externalTrafficPolicy"),
        ("Service default/dns", "spec.ports[0], endpoint 10.32.0.9:5353"),
    }


def test_node_ports_answer_on_localhost_and_nobody_else_gets_there(node):
    assert node.send(NODE_IP, "127.0.0.1", 30053, "UDP", 40000)[:3] == ("sent", "10.32.0.9:5353", True)
    assert node.send(CLIENT, "127.0.0.1", 9999, "UDP", 40001).what == "DROP"


def test_a_flushed_canary_brings_everything_back(node):
    door, view = node.lab.door(NODE), View()
    (rescan,) = node.proxy.rescans
    assert rescan.period == 30_000_000_000
    rescan.desired(node.spec, view)
    assert view.heard == 0
    before = door.iptables_save()
    door.iptables_restore("*nat\nCOMMIT\n*filter\nCOMMIT\n*mangle\nCOMMIT\n")
    node.sync()
    assert CANARY not in door.iptables_save(), "nobody has looked yet"
    rescan.desired(node.spec, view)
    assert view.heard == 1
    node.sync()
    after = [line for line in door.iptables_save().splitlines() if "KUBELET" not in line and "HINT" not in line]
    wanted = [line for line in before.splitlines() if "KUBELET" not in line and "HINT" not in line]
    # KUBE-FIREWALL stood below before, because the kubelet had put it there; now kube-proxy puts it on top.
    assert sorted(after) == sorted(wanted)


def connections(node):
    return sorted(f"{ct.orig.sport} {ct.reply.src}" for ct in node.lab[NODE].conntrack)


def change(node, *slices):
    node.proxy.source.all_slices = list(slices)
    node.sync()


def test_udp_connections_to_an_endpoint_that_is_gone_are_ended(node):
    for sport, (source, to, port) in enumerate(
        (
            (PODS[0], "10.96.0.10", 53),
            (CLIENT, NODE_IP, 30053),
            (CLIENT, "198.51.100.1", 53),
            (CLIENT, "10.32.0.9", 5353),
        ),
        40000,
    ):
        node.send(source, to, port, "UDP", sport)
    assert len(connections(node)) == 4
    change(node, endpoints("dns", ["10.32.1.9@node2"], ["5353/udp"]))
    assert connections(node) == ["40003 10.32.0.9"], "what was not translated stays"


def test_udp_connections_that_found_nothing_are_ended_when_an_endpoint_comes():
    node = KubeNode(objects(service("dns", ["53/UDP"]), endpoints("dns", [], ["53/udp"])))
    node.lab.door(NODE).iptables_restore("*filter\n-F KUBE-SERVICES\nCOMMIT\n", noflush=True)
    node.send(PODS[0], "10.96.0.10", 53, "UDP", 40000)
    node.send(PODS[0], "192.0.2.9", 53, "UDP", 40001)
    assert len(connections(node)) == 2
    change(node, endpoints("dns", ["10.32.0.9@node1"], ["53/udp"]))
    assert connections(node) == ["40001 192.0.2.9"]


def test_connections_to_the_address_of_a_udp_service_that_is_gone_are_ended(node):
    node.send(PODS[0], "10.96.0.10", 53, "UDP", 40000)
    node.proxy.source.all_services = []
    change(node)
    assert connections(node) == []


def test_tcp_connections_keep_their_endpoint():
    node = KubeNode(objects(service("web"), endpoints("web", ["10.32.0.9@node1"])))
    node.send(PODS[0], "10.96.0.10", 80, "TCP", 40000)
    change(node, endpoints("web", ["10.32.1.9@node2"]))
    assert [each for each in connections(node) if each.startswith("40000 ")] == ["40000 10.32.0.9"]


def test_after_a_failure_everything_is_written_again(node, monkeypatch):
    door = type(node.lab.door(NODE))
    works = door.iptables_restore

    def fails(*_args, **_options):
        raise RestoreError("no", 1, 1)

    monkeypatch.setattr(door, "iptables_restore", fails)
    with pytest.raises(RestoreError):
        change(node)
    monkeypatch.setattr(door, "iptables_restore", works)
    node.sync()
    assert node.proxy.last[NODE].full


def test_the_health_check_counts_local_endpoints():
    """1.11: eight lines, indented with tabs, no newline at the end."""
    source = objects(
        service("web", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=32000),
        endpoints("web", ["10.32.0.9@node1", "10.32.1.9@node2", "10.32.0.5@node1 down"]),
    )
    node = KubeNode(source)
    (check,) = node.proxy.health_checks(NODE).values()
    assert (check.port, check.status(), check.status(healthy=False)) == (32000, 200, 503)
    assert check.body() == (
        '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 1,\n'
        '\t"serviceProxyHealthy": true\n}'
    )
    change(node, endpoints("web", ["10.32.1.9@node2"]))
    assert node.proxy.health_checks(NODE)[32000].status() == 503


def test_interfaces_tell_pods_from_the_node_itself():
    config = KubeProxyConfig(detect_local_mode="InterfaceNamePrefix", pod_interface_name_prefix="veth")
    node = KubeNode(objects(service("web", ["80/UDP"]), endpoints("web", ["10.32.0.9@node1"], ["80/udp"])), config)
    assert node.send(PODS[0], "10.96.0.10", 80, "UDP", 40000) == Outcome("sent", "10.32.0.9:80", False, PODS[0])
    assert node.send(NODE_IP, "10.96.0.10", 80, "UDP", 40001) == Outcome("sent", "10.32.0.9:80", True, "10.32.0.1")


def test_a_program_that_starts_again_takes_away_what_it_does_not_know(node):
    node.proxy.source.all_services = []
    node.proxy.restart(NODE)
    node.sync()
    assert not [line for line in saved(node, "nat") if line.startswith((":KUBE-SVC-", ":KUBE-SEP-", ":KUBE-EXT-"))]
    assert node.proxy.last[NODE].full
