"""What is written for one service port: whole chains, in restore form (kube-proxy sheet, 1.4 and 1.5)."""

import msgspec
import pytest

from podwire.kubeproxy import KubeProxyConfig
from podwire.kubeproxy.fixed import JUMPS
from podwire.wire.addr import Ip
from tests.kubeproxy.samples import AROUND, GKE, endpoints, render, rules, service

WEB = ("web", ["p:80:30007"])


def web(**spec):
    return service(*WEB, type="LoadBalancer", ingress=[{"ip": "192.0.2.1"}], **spec)


def behind(*addresses):
    return endpoints("web", addresses, ["p:8080"])


TWO = behind("10.32.0.9@node1", "10.32.1.9@node2")


def chain_of(sync, kind):
    return next(line.split()[0][1:] for line in sync.text.splitlines() if line.startswith(f":KUBE-{kind}-"))


def test_dispatch_leads_every_address_to_the_right_chain():
    sync = render(web(externalIPs=["198.51.100.1"]), TWO)
    svc, ext = chain_of(sync, "SVC"), chain_of(sync, "EXT")
    assert rules(sync, "KUBE-SERVICES", "nat")[:-1] == [
        f'-m comment --comment "default/web:p cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80 -j {svc}',
        f'-m comment --comment "default/web:p external IP" -m tcp -p tcp -d 198.51.100.1 --dport 80 -j {ext}',
        f'-m comment --comment "default/web:p loadbalancer IP" -m tcp -p tcp -d 192.0.2.1 --dport 80 -j {ext}',
    ]
    assert rules(sync, "KUBE-NODEPORTS", "nat") == [
        f"-m comment --comment default/web:p -m tcp -p tcp --dport 30007 -j {ext}"
    ]
    assert rules(sync, ext) == [
        '-m comment --comment "masquerade traffic for default/web:p external destinations" -j KUBE-MARK-MASQ',
        f"-j {svc}",
    ]


def test_a_service_without_endpoints_is_refused_everywhere():
    sync = render(web(externalIPs=["198.51.100.1"]))
    said = '-m comment --comment "default/web:p has no endpoints"'
    assert rules(sync, "KUBE-SERVICES", "filter") == [f"{said} -m tcp -p tcp -d 10.96.0.10 --dport 80 -j REJECT"]
    assert rules(sync, "KUBE-EXTERNAL-SERVICES", "filter") == [
        f"{said} -m tcp -p tcp -d 198.51.100.1 --dport 80 -j REJECT",
        f"{said} -m tcp -p tcp -d 192.0.2.1 --dport 80 -j REJECT",
        f"{said} -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30007 -j REJECT",
    ]
    assert len(rules(sync, "KUBE-SERVICES", "nat")) == 1, "the jump to the NodePorts alone"


def test_with_endpoints_elsewhere_alone_the_policy_local_drops_and_still_leads_pods_on():
    sync = render(web(externalTrafficPolicy="Local"), behind("10.32.1.9@node2"))
    said = '-m comment --comment "default/web:p has no local endpoints"'
    assert rules(sync, "KUBE-EXTERNAL-SERVICES", "filter") == [
        f"{said} -m tcp -p tcp -d 192.0.2.1 --dport 80 -j DROP",
        f"{said} -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30007 -j DROP",
    ]
    ext, svc = chain_of(sync, "EXT"), chain_of(sync, "SVC")
    to = "for default/web:p external destinations"
    assert rules(sync, ext) == [
        f'-m comment --comment "pod traffic {to}" -s 10.32.0.0/24 -j {svc}',
        f'-m comment --comment "masquerade LOCAL traffic {to}" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
        f'-m comment --comment "route LOCAL traffic {to}" -m addrtype --src-type LOCAL -j {svc}',
    ]
    assert ":KUBE-SVL-" not in sync.text


def test_source_ranges_guard_the_addresses_of_a_load_balancer():
    sync = render(web(loadBalancerSourceRanges=[" 203.0.113.0/24 ", "10.0.0.0/8"]), TWO)
    fw, ext = chain_of(sync, "FW"), chain_of(sync, "EXT")
    said = '-m comment --comment "default/web:p loadbalancer IP"'
    assert f"{said} -m tcp -p tcp -d 192.0.2.1 --dport 80 -j {fw}" in rules(sync, "KUBE-SERVICES", "nat")
    assert rules(sync, fw) == [
        f"{said} -s 203.0.113.0/24 -j {ext}",
        f"{said} -s 10.0.0.0/8 -j {ext}",
        f"{said} -s 192.0.2.1 -j {ext}",
        '-m comment --comment "other traffic to default/web:p will be dropped by KUBE-PROXY-FIREWALL"',
    ]
    assert rules(sync, "KUBE-PROXY-FIREWALL", "filter") == [
        f'-m comment --comment "default/web:p traffic not accepted by {fw}" -m tcp -p tcp -d 192.0.2.1 --dport 80 -j DROP'
    ]
    other = render(web(loadBalancerSourceRanges=["203.0.113.0/24"]), TWO)
    assert f"{said} -s 192.0.2.1 -j {ext}" not in rules(other, fw), "the node itself is not among them"


def test_affinity_looks_for_the_client_first_and_endpoints_stand_in_the_order_of_their_text():
    sync = render(
        service("web", sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 60}}),
        endpoints("web", ["10.32.0.9@node1", "10.32.0.10@node1"]),
    )
    svc = chain_of(sync, "SVC")
    ten, nine = (line.split()[0][1:] for line in sync.text.splitlines() if line.startswith(":KUBE-SEP-"))
    assert rules(sync, svc)[1:] == [
        f'-m comment --comment "default/web -> 10.32.0.10:80" -m recent --name {ten} --rcheck --seconds 60 --reap -j {ten}',
        f'-m comment --comment "default/web -> 10.32.0.9:80" -m recent --name {nine} --rcheck --seconds 60 --reap -j {nine}',
        f'-m comment --comment "default/web -> 10.32.0.10:80" -m statistic --mode random --probability 0.5000000000 -j {ten}',
        f'-m comment --comment "default/web -> 10.32.0.9:80" -j {nine}',
    ]
    assert rules(sync, nine) == [
        "-m comment --comment default/web -s 10.32.0.9 -j KUBE-MARK-MASQ",
        f"-m comment --comment default/web -m recent --name {nine} --set -m tcp -p tcp -j DNAT --to-destination 10.32.0.9:80",
    ]


@pytest.mark.parametrize(
    ("config", "who"),
    [
        (KubeProxyConfig(masquerade_all=True, cluster_cidr="10.0.0.0/8"), ""),
        (GKE, " ! -s 10.32.0.0/24"),
        (KubeProxyConfig(cluster_cidr="fd00::/64,10.32.0.0/14"), " ! -s 10.32.0.0/14"),
        (KubeProxyConfig(detect_local_mode="BridgeInterface", pod_bridge_interface="cbr0"), " ! -i cbr0"),
        (
            KubeProxyConfig(detect_local_mode="InterfaceNamePrefix", pod_interface_name_prefix="cali"),
            " ! -i cali+",
        ),
        (KubeProxyConfig(), None),
    ],
)
def test_who_is_masqueraded_on_the_way_to_a_cluster_ip(config, who):
    sync = render(service("web"), endpoints("web", ["10.32.0.9@node1"]), config=config)
    first = rules(sync, chain_of(sync, "SVC"))[0]
    at = '-m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80'
    assert (first == f"{at}{who} -j KUBE-MARK-MASQ") is (who is not None)


@pytest.mark.parametrize(
    "skipped",
    [
        service("web", ip="None"),
        service("web", ip="", type="ExternalName", externalName="example.com"),
        service("web", labels={"service.kubernetes.io/service-proxy-name": "other"}),
        service("web", labels={"service.kubernetes.io/headless": ""}),
        service("web", ip="fd00::10"),
    ],
)
def test_services_that_get_no_rules(skipped):
    assert render(skipped, endpoints("web", ["10.32.0.9@node1"])).text == render().text


def test_slices_of_headless_services_do_not_count():
    mine = endpoints("web", ["10.32.0.9@node1"], labels={"service.kubernetes.io/headless": ""})
    assert "has no endpoints" in render(service("web"), mine).text


def test_load_balancers_that_end_connections_themselves_get_no_rule():
    sync = render(
        service(*WEB, type="LoadBalancer", ingress=[{"ip": "192.0.2.1", "ipMode": "Proxy"}, {"hostname": "x"}]), TWO
    )
    assert "loadbalancer IP" not in sync.text


def test_endpoints_that_leave_serve_while_no_other_does():
    leaving = behind("10.32.0.9@node1 leaving", "10.32.0.5@node1 gone", "10.32.1.9@node2 down")
    assert ":80" in (found := render(service(*WEB, type="NodePort"), leaving).text)
    assert "--to-destination 10.32.0.9:8080" in found
    assert found.count("--to-destination") == 1
    mixed = behind("10.32.0.9@node1 leaving", "10.32.1.9@node2")
    assert render(service(*WEB), mixed).text.count("--to-destination") == 1
    local = render(service(*WEB, type="NodePort", externalTrafficPolicy="Local"), mixed)
    assert rules(local, chain_of(local, "SVL"))[0].startswith('-m comment --comment "default/web:p -> 10.32.0.9:8080"')


def test_hints_count_where_every_ready_endpoint_has_one_and_one_is_for_the_zone():
    auto = service("web", annotations={"service.kubernetes.io/topology-mode": "Auto"})
    near = msgspec.structs.replace(AROUND, zone="a")
    hinted = endpoints("web", ["10.32.0.9@node1 zone=a", "10.32.1.9@node2 zone=b"])
    partly = endpoints("web", ["10.32.0.9@node1 zone=a", "10.32.1.9@node2"])
    elsewhere = endpoints("web", ["10.32.0.9@node1 zone=b", "10.32.1.9@node2 zone=b"])

    def ends(what, slices, around=near):
        return render(what, slices, around=around).text.count("--to-destination")

    assert ends(auto, hinted) == 1
    assert [ends(auto, partly), ends(auto, elsewhere), ends(service("web"), hinted), ends(auto, hinted, AROUND)] == [
        2
    ] * 4


def test_an_address_that_is_listed_twice_is_kept_once_and_the_local_one_wins():
    policy = service("web", internalTrafficPolicy="Local")
    sync = render(policy, endpoints("web", ["10.32.0.9@node1"]), endpoints("web", ["10.32.0.9@node2"], suffix="x2"))
    assert sync.text.count("--to-destination 10.32.0.9:80") == 1
    assert sync.counts.endpoints == 1


def test_ports_are_told_apart_by_their_names():
    two = service("dns", ["dns:53/UDP", "dns-tcp:53"])
    sync = render(two, endpoints("dns", ["10.32.0.9@node1"], ["dns:5353/udp"]))
    assert "--to-destination 10.32.0.9:5353" in sync.text
    assert 'default/dns:dns-tcp has no endpoints" -m tcp' in sync.text


def test_health_checks_are_let_in():
    sync = render(web(externalTrafficPolicy="Local", healthCheckNodePort=32000), TWO)
    assert rules(sync, "KUBE-NODEPORTS", "filter") == [
        '-m comment --comment "default/web:p health check node port" -m tcp -p tcp --dport 32000 -j ACCEPT'
    ]
    assert not rules(render(web(healthCheckNodePort=32000), TWO), "KUBE-NODEPORTS", "filter")


# -- fixed rules --------------------------------------------------------------------------------------------------

_LAST = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'


@pytest.mark.parametrize(
    ("config", "ends"),
    [
        (GKE, ["-m addrtype --dst-type LOCAL"]),
        (KubeProxyConfig(iptables_localhost_nodeports=False), ["-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8"]),
        (KubeProxyConfig(nodeport_addresses=("10.0.0.0/24",)), ["-d 10.0.0.37"]),
        (KubeProxyConfig(nodeport_addresses=("127.0.0.0/8", "10.0.0.0/24")), ["-d 127.0.0.1", "-d 10.0.0.37"]),
        (
            KubeProxyConfig(nodeport_addresses=("127.0.0.0/8", "10.0.0.0/24"), iptables_localhost_nodeports=False),
            ["-d 10.0.0.37"],
        ),
        (KubeProxyConfig(nodeport_addresses=("0.0.0.0/0", "10.0.0.0/24")), ["-m addrtype --dst-type LOCAL"]),
        (KubeProxyConfig(nodeport_addresses=("192.168.0.0/16",)), []),
        (KubeProxyConfig(nodeport_addresses=("primary",)), ["-d 10.0.0.37"]),
    ],
)
def test_where_node_ports_are_taken(config, ends):
    around = msgspec.structs.replace(AROUND, local=tuple(map(Ip.parse, ("127.0.0.1", "10.0.0.37", "10.32.0.1"))))
    assert rules(render(config=config, around=around), "KUBE-SERVICES", "nat") == [
        f"{_LAST} {each} -j KUBE-NODEPORTS" for each in ends
    ]


def test_invalid_packets_are_dropped_unless_tracking_is_liberal():
    strict = msgspec.structs.replace(AROUND, liberal=False)
    assert rules(render(around=strict), "KUBE-FORWARD")[0] == "-m conntrack --ctstate INVALID -j DROP"
    assert len(rules(render(), "KUBE-FORWARD")) == 2


def test_marks_follow_the_bit():
    sync = render(config=KubeProxyConfig(iptables_masquerade_bit=17))
    assert rules(sync, "KUBE-MARK-MASQ") == ["-j MARK --or-mark 0x00020000"]
    assert rules(sync, "KUBE-POSTROUTING")[:2] == [
        "-m mark ! --mark 0x00020000/0x00020000 -j RETURN",
        "-j MARK --xor-mark 0x00020000",
    ]


def test_ipv6_has_its_own_rules_of_loopback():
    six = msgspec.structs.replace(AROUND, ip=Ip.parse("fd00::37"), pod_cidr=None)
    sync = render(
        service("web", ip=["10.96.0.10", "fd00::10"]), endpoints("web", ["fd00::9@node1"]), around=six, family=10
    )
    assert "--to-destination [fd00::9]:80" in sync.text
    assert "KUBE-FIREWALL" not in sync.text
    assert (
        rules(sync, "KUBE-SERVICES", "nat")[-1]
        == f"{_LAST} -m addrtype --dst-type LOCAL ! -d ::1/128 -j KUBE-NODEPORTS"
    )


def test_the_jumps_are_those_of_the_table():
    """The last one for a chain ends highest."""
    assert [each.target for each in JUMPS if (each.table, each.chain) == ("filter", "FORWARD")][::-1] == [
        "KUBE-PROXY-FIREWALL",
        "KUBE-FORWARD",
        "KUBE-SERVICES",
        "KUBE-EXTERNAL-SERVICES",
    ]
