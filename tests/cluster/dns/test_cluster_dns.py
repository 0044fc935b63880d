"""CoreDNS in a cluster: who answers what, how pods find it, and what kills it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from podwire import GKE, Calico, Cluster, IPPool
from podwire.cluster.dns.corefile import CorefileError, parse
from podwire.cluster.dns.server import CoreDns
from podwire.errors import ConfigError, ManifestError, NotModelled, PodwireError
from podwire.wire import dns
from podwire.wire.addr import Ip4

SEARCH = "search default.svc.cluster.local svc.cluster.local cluster.local\n"
POOL = "172.16.0.0/16"


def service(name: str, **spec: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def pod(name: str, **spec: object) -> dict[str, Any]:
    containers = [{"name": "c", "image": "debian"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers, **spec}}


@pytest.fixture
def lab() -> Cluster:
    lab = Cluster(Calico(ip_pools=[IPPool(POOL)]), nodes=2, dns=True)
    lab.run("a", node="node1")
    lab.run("deb", node="node2", image="debian")
    lab.run("web", image="nginx", labels={"app": "web"}, node="node1")
    ports = [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]
    lab.apply(service("web", selector={"app": "web"}, clusterIP="10.96.1.1", ports=ports))
    lab.apply(service("headless", selector={"app": "web"}, clusterIP="None", ports=ports[:1]))
    return lab


def server(lab: Cluster) -> CoreDns:
    assert lab.dns is not None
    return lab.dns.servers[0]


def ask(lab: Cluster, name: str, kind: int = dns.A, **more: Any) -> dns.Message:
    """What the first server answers, without a packet."""
    found: list[bytes] = []
    query = dns.Message(1, (dns.Question(name, kind),), **more)
    server(lab).take(dns.to_bytes(query), (Ip4.parse("192.0.2.1"), 5000), 53, found.append)
    lab.sleep(10)
    return dns.from_bytes(found[0])


def answers(message: dns.Message) -> list[str]:
    from podwire.tools.dig.text import record_line

    return [" ".join(record_line(each).split()) for each in message.answers]


def upstream() -> Cluster:
    """A cluster whose CoreDNS forwards to a name server that knows example.com."""
    lab = Cluster(Calico(ip_pools=[IPPool(POOL)]))
    lab.add_network("lan", "192.168.10.0/24")
    lab.add_router("ns", {"lan": "192.168.10.53/24"})
    for number in (1, 2):
        lab.add_node(f"node{number}", f"192.168.10.1{number}/24", network="lan")
        lab.node(f"node{number}").exec(f"iptables -t nat -A POSTROUTING -s {POOL} ! -d {POOL} -j MASQUERADE")
    lab.add_name_server("ns", {"example.com": "93.184.216.34"})
    lab.add_dns(upstream="192.168.10.53")
    lab.run("a")
    lab.run("deb", image="debian")
    return lab


# -- the objects --------------------------------------------------------------------------------------------------


def test_two_replicas_and_a_service_at_the_tenth_address(lab: Cluster) -> None:
    pods = [each for each in lab.pods if each.labels.get("k8s-app") == "kube-dns"]
    assert [each.node.name for each in pods] == ["node1", "node2"]
    kube_dns = lab.service("kube-system/kube-dns")
    assert str(kube_dns.ip) == "10.96.0.10"
    assert sum(endpoint.endswith(":53") for endpoint in kube_dns.endpoints) == 4


def test_the_service_range_says_where() -> None:
    assert str(Cluster(GKE(), nodes=1, dns=True).service("kube-dns").ip) == "10.36.0.10"


def test_a_cluster_without_dns_has_neither_objects_nor_files() -> None:
    lab = Cluster(Calico(), nodes=1)
    a = lab.run("a")
    assert lab.dns is None
    assert "/etc/resolv.conf" not in a.place.files
    assert "/etc/resolv.conf" not in lab.node("node1").place.files
    assert not lab.has_api


def test_twice_is_refused(lab: Cluster) -> None:
    with pytest.raises(ConfigError, match="has CoreDNS already"):
        lab.add_dns()


# -- resolv.conf --------------------------------------------------------------------------------------------------


def test_the_lines_of_a_pod_in_the_order_of_containerd(lab: Cluster) -> None:
    assert str(lab.pod("a").exec("cat /etc/resolv.conf")) == f"{SEARCH}nameserver 10.96.0.10\noptions ndots:5\n"


def test_coredns_itself_has_the_file_of_its_node(lab: Cluster) -> None:
    own = server(lab).files["/etc/resolv.conf"]
    assert own == lab.node("node1").place.files["/etc/resolv.conf"] == "nameserver 192.168.10.1\n"


def test_the_domains_of_the_platform_stand_behind_those_of_the_cluster() -> None:
    lab = Cluster(GKE(zone="asia-northeast3-a", project="p"), nodes=1, dns=True)
    text = str(lab.run("a").exec("cat /etc/resolv.conf"))
    assert text.startswith(f"{SEARCH.strip()} asia-northeast3-a.c.p.internal c.p.internal google.internal\n")
    assert lab.node("node1").place.files["/etc/resolv.conf"].endswith("nameserver 169.254.169.254\n")


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"dnsPolicy": "Default"}, "nameserver 192.168.10.1\n"),
        ({"dnsPolicy": "ClusterFirst"}, f"{SEARCH}nameserver 10.96.0.10\noptions ndots:5\n"),
        (
            {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["x"]}},
            "search x\nnameserver 1.1.1.1\n",
        ),
        (
            {"dnsConfig": {"searches": ["corp"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}},
            f"{SEARCH.strip()} corp\nnameserver 10.96.0.10\noptions ndots:2 edns0\n",
        ),
        ({"hostNetwork": True}, "nameserver 192.168.10.1\n"),
        (
            {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
            f"{SEARCH}nameserver 10.96.0.10\noptions ndots:5\n",
        ),
    ],
    ids=str,
)
def test_the_policy_of_a_pod(lab: Cluster, spec: dict[str, Any], text: str) -> None:
    lab.apply(pod("p", **spec))
    assert str(lab.pod("p").exec("cat /etc/resolv.conf")) == text


# -- what the plugin kubernetes answers (DNS specification 1.1) ---------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("web.default.svc.cluster.local.", dns.A, ["web.default.svc.cluster.local. 30 IN A 10.96.1.1"]),
        ("WEB.default.svc.Cluster.local.", dns.A, ["WEB.default.svc.Cluster.local. 30 IN A 10.96.1.1"]),
        (
            "web.default.svc.cluster.local.",
            dns.SRV,
            [
                "web.default.svc.cluster.local. 30 IN SRV 0 50 80 web.default.svc.cluster.local.",
                "web.default.svc.cluster.local. 30 IN SRV 0 50 443 web.default.svc.cluster.local.",
            ],
        ),
        (
            "_https._tcp.web.default.svc.cluster.local.",
            dns.SRV,
            ["_https._tcp.web.default.svc.cluster.local. 30 IN SRV 0 100 443 web.default.svc.cluster.local."],
        ),
        ("1.1.96.10.in-addr.arpa.", dns.PTR, ["1.1.96.10.in-addr.arpa. 30 IN PTR web.default.svc.cluster.local."]),
        ("1-2-3-4.default.pod.cluster.local.", dns.A, ["1-2-3-4.default.pod.cluster.local. 30 IN A 1.2.3.4"]),
        ("dns-version.cluster.local.", dns.TXT, ['dns-version.cluster.local. 30 IN TXT "1.1.0"']),
        ("ns.dns.cluster.local.", dns.A, ["ns.dns.cluster.local. 30 IN A 10.96.0.10"]),
    ],
)
def test_names_that_are_there(lab: Cluster, name: str, kind: int, wanted: list[str]) -> None:
    message = ask(lab, name, kind)
    assert (message.rcode, message.aa, message.ra) == (dns.NOERROR, True, False)
    assert answers(message) == wanted


@pytest.mark.parametrize(
    ("name", "kind", "rcode"),
    [
        ("web.default.svc.cluster.local.", dns.AAAA, dns.NOERROR),
        ("web.default.svc.cluster.local.", dns.MX, dns.NOERROR),
        ("default.svc.cluster.local.", dns.A, dns.NOERROR),
        ("svc.cluster.local.", dns.A, dns.NOERROR),
        ("pod.cluster.local.", dns.A, dns.NOERROR),
        ("cluster.local.", dns.A, dns.NOERROR),
        ("nope.default.svc.cluster.local.", dns.A, dns.NXDOMAIN),
        ("nope.default.svc.cluster.local.", dns.AAAA, dns.NXDOMAIN),
        ("web.nowhere.svc.cluster.local.", dns.A, dns.NXDOMAIN),
        ("nowhere.svc.cluster.local.", dns.A, dns.NXDOMAIN),
        ("a.b.c.web.default.svc.cluster.local.", dns.A, dns.NXDOMAIN),
        ("_dns._tcp.web.default.svc.cluster.local.", dns.SRV, dns.NXDOMAIN),
        ("1-2-3.default.pod.cluster.local.", dns.A, dns.NXDOMAIN),
        ("foo.cluster.local.", dns.A, dns.NXDOMAIN),
    ],
)
def test_a_denial_bears_the_soa_of_the_zone(lab: Cluster, name: str, kind: int, rcode: int) -> None:
    message = ask(lab, name, kind)
    assert (message.rcode, message.aa, message.answers) == (rcode, True, ())
    (soa,) = message.authorities
    assert (soa.name, soa.type, soa.ttl) == ("cluster.local.", dns.SOA, 30)


def test_a_headless_service_is_its_ready_endpoints(lab: Cluster) -> None:
    web = lab.pod("web")
    name = "headless.default.svc.cluster.local."
    assert answers(ask(lab, name)) == [f"{name} 30 IN A {web.ip}"]
    dashed = str(web.ip).replace(".", "-")
    assert answers(ask(lab, f"{dashed}.{name}")) == [f"{dashed}.{name} 30 IN A {web.ip}"]
    assert any(
        line.endswith(f" PTR {dashed}.{name}") for line in answers(ask(lab, dns.reverse(web.ip or Ip4(0)), dns.PTR))
    )
    srv = ask(lab, f"_http._tcp.{name}", dns.SRV)
    assert answers(srv) == [f"_http._tcp.{name} 30 IN SRV 0 100 80 {dashed}.{name}"]
    assert [each.name for each in srv.additionals] == [f"{dashed}.{name}"]


def test_an_endpoint_that_is_not_ready_has_no_name(lab: Cluster) -> None:
    lab.apply(service("by-hand", clusterIP="None", ports=[{"port": 80}]))
    states = (("192.0.2.1", True), ("192.0.2.2", False))
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "by-hand-1", "labels": {"kubernetes.io/service-name": "by-hand"}},
        "addressType": "IPv4",
        "ports": [{"port": 80, "name": ""}],
        "endpoints": [{"addresses": [ip], "conditions": {"ready": ready}} for ip, ready in states],
    }
    lab.apply(slice_)
    name = "by-hand.default.svc.cluster.local."
    assert answers(ask(lab, name)) == [f"{name} 30 IN A 192.0.2.1"]


def test_an_endpoint_that_goes_is_forgotten_when_the_cache_lets_go(lab: Cluster) -> None:
    name = "headless.default.svc.cluster.local."
    assert ask(lab, name).answers
    lab.pod("web").delete()
    assert ask(lab, name).answers  # cache 30
    lab.sleep(30)
    assert ask(lab, name).rcode == dns.NXDOMAIN


def test_what_is_kept_grows_old(lab: Cluster) -> None:
    name = "web.default.svc.cluster.local."
    assert [ask(lab, name).answers[0].ttl for _ in range(3)] == [30, 20, 10]


def test_pods_of_a_stateful_set_have_names(lab: Cluster) -> None:
    lab.apply(service("db", selector={"app": "db"}, clusterIP="None", ports=[{"port": 5432}]))
    template = {
        "metadata": {"labels": {"app": "db"}},
        "spec": {"containers": [{"name": "db", "image": "postgres", "ports": [{"containerPort": 5432}]}]},
    }
    spec = {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": template}
    lab.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec})
    for name in ("db-0", "db-1"):
        (line,) = answers(ask(lab, f"{name}.db.default.svc.cluster.local."))
        assert line.endswith(f" {lab.pod(name).ip}")


def test_an_external_name_in_the_cluster_is_followed(lab: Cluster) -> None:
    lab.apply(service("ext", type="ExternalName", externalName="web.default.svc.cluster.local"))
    name = "ext.default.svc.cluster.local."
    assert answers(ask(lab, name)) == [
        f"{name} 30 IN CNAME web.default.svc.cluster.local.",
        "web.default.svc.cluster.local. 30 IN A 10.96.1.1",
    ]


def test_two_external_names_that_name_each_other_end(lab: Cluster) -> None:
    lab.apply(service("x", type="ExternalName", externalName="y.default.svc.cluster.local"))
    lab.apply(service("y", type="ExternalName", externalName="x.default.svc.cluster.local"))
    assert ask(lab, "x.default.svc.cluster.local.").answers == ()


def test_many_addresses_come_in_an_order_that_changes(lab: Cluster) -> None:
    for number in range(3):
        lab.run(f"web{number}", image="nginx", labels={"app": "web"})
    replies = [answers(ask(lab, "headless.default.svc.cluster.local.")) for _ in range(8)]
    seen = {tuple(line.split()[-1] for line in lines) for lines in replies}
    assert len(seen) > 2
    assert len({frozenset(each) for each in seen}) == 1


# -- sizes --------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_cut_and_tcp_has_all_of_it(lab: Cluster) -> None:
    for number in range(24):
        lab.run(f"more{number}", image="nginx", labels={"app": "web"})
    name = "_http._tcp.headless.default.svc.cluster.local"
    short = ask(lab, f"{name}.", dns.SRV)
    assert short.tc
    assert len(short.answers) < 25
    deb = lab.pod("deb")
    assert len(deb.exec(f"dig +noedns +short +tcp SRV {name}").stdout.splitlines()) == 25
    told = deb.exec(f"dig +noedns +short SRV {name}").stdout.splitlines()
    assert told[0] == ";; Truncated, retrying in TCP mode."
    assert len(told) == 26


@pytest.mark.parametrize(
    ("data", "rcode"),
    [
        ("1234 0100 0001 0000 0000 0000 01 61", dns.FORMERR),
        ("1234 2800 0001 0000 0000 0000 00 0001 0001", dns.NOTIMP),
        ("1234 0100 0000 0000 0000 0000", dns.FORMERR),
        ("1234 0100 0001 0000 0000 0000 00 0001 0003", dns.REFUSED),
    ],
)
def test_queries_that_cannot_be_answered(lab: Cluster, data: str, rcode: int) -> None:
    found: list[bytes] = []
    server(lab).take(bytes.fromhex(data), (Ip4(1), 1), 53, found.append)
    lab.sleep(1)
    assert dns.from_bytes(found[0]).rcode == rcode


# -- through the packet path --------------------------------------------------------------------------------------


def test_the_search_list_is_seen_on_the_wire(lab: Cluster) -> None:
    """ndots:5: a name with four dots is looked for in every domain before it is asked for as it is."""
    with lab.capture("default/deb:eth0", filter="udp port 53") as cap:
        assert lab.pod("deb").exec("curl -s http://web.default.svc.cluster.local/").exit_code == 0
    asked = re.findall(r"(A|AAAA)\? (\S+)\. ", cap.text())
    name = "web.default.svc.cluster.local"
    domains = (".default.svc.cluster.local", ".svc.cluster.local", ".cluster.local", "")
    assert asked == [(kind, f"{name}{domain}") for domain in domains for kind in ("A", "AAAA")]
    ports = re.findall(r"IP \S+\.(\d+) > 10\.96\.0\.10\.53: ", cap.text())
    assert [ports[index] == ports[index + 1] for index in range(0, len(ports), 2)] == [True] * 4


def test_a_dot_at_the_end_asks_once(lab: Cluster) -> None:
    with lab.capture("default/deb:eth0", filter="udp port 53") as cap:
        lab.pod("deb").exec("getent ahosts web.default.svc.cluster.local.")
    assert re.findall(r"(A|AAAA)\? (\S+)\. ", cap.text()) == [
        ("A", "web.default.svc.cluster.local"),
        ("AAAA", "web.default.svc.cluster.local"),
    ]


def test_the_api_asks_dns_for_names(lab: Cluster) -> None:
    a = lab.pod("a")
    assert a.connect("web", 80).server is lab.pod("web")
    assert a.curl("http://web/").status == 200
    with lab.capture("default/a:eth0", filter="udp port 53") as cap:
        assert a.ping("web").text.startswith("PING web.default.svc.cluster.local (10.96.1.1)")
    assert "A? web.default.svc.cluster.local." in cap.text()
    assert str(a.connect(lab.service("web"), 80).target) == "10.96.1.1:80"


def test_what_dns_does_not_know_may_be_a_pod_to_the_api(lab: Cluster) -> None:
    a = lab.pod("a")
    assert a.exec("ping -c 1 deb").exit_code == 2
    assert a.ping("deb").ok
    assert a.connect("deb", 80).error == "connection refused"
    assert a.curl("http://deb/").exit_code == 7
    with pytest.raises(ConfigError, match="nobody"):
        a.connect("nobody", 80)


def test_a_pod_is_pinged_by_name_and_its_name_is_asked_for(lab: Cluster) -> None:
    dashed = str(lab.pod("web").ip).replace(".", "-")
    text = lab.pod("a").exec("ping -c 1 headless").stdout
    assert f"64 bytes from {dashed}." in text


def test_no_endpoint_that_is_ready_is_a_refusal(lab: Cluster) -> None:
    """kube-proxy REJECTs: ICMP port unreachable comes back at once."""
    lab.kubectl("scale deployment coredns --replicas=0 -n kube-system")
    deb = lab.pod("deb")
    before = lab.network.now
    done = deb.exec("nslookup web")
    assert done.stdout == ";; communications error to 10.96.0.10#53: connection refused\n" * 3 + (
        ";; no servers could be reached\n\n"
    )
    assert deb.exec("ping -c 1 web").stderr == "ping: web: Temporary failure in name resolution\n"
    assert lab.network.now - before < 1_000_000_000


def test_a_rule_that_drops_udp_53_kills_names_and_nothing_else(lab: Cluster) -> None:
    for node in lab.nodes:
        node.exec("iptables -I FORWARD -p udp --dport 53 -j DROP")
    deb = lab.pod("deb")
    before = lab.network.now
    done = deb.exec("curl -sS http://web/")
    assert (done.output, done.exit_code) == ("curl: (6) Could not resolve host: web\n", 6)
    # Two tries of 5 s for the first name of the list, which ends the search, and for the name as it is.
    assert round((lab.network.now - before) / 1e9) == 20
    assert deb.exec("curl -s -o /dev/null http://10.96.1.1/").exit_code == 0
    timed = deb.exec("curl -sS -m 3 http://web/")
    assert (timed.output, timed.exit_code) == ("curl: (28) Resolving timed out after 3000 milliseconds\n", 28)
    assert deb.exec("dig +short +tcp web.default.svc.cluster.local").stdout == "10.96.1.1\n"


def test_an_answer_that_is_lost_costs_five_seconds(lab: Cluster) -> None:
    """Debugging case 2: of A and AAAA one answer does not come; glibc asks again, one after the other, and has both."""
    deb = lab.pod("deb")
    deb.exec("iptables -A INPUT -p udp --sport 53 -m statistic --mode nth --every 100 --packet 1 -j DROP")
    before = lab.network.now
    with lab.capture("default/deb:eth0", filter="udp port 53") as cap:
        assert deb.exec("getent ahosts web").exit_code == 0
    assert (lab.network.now - before) // 1_000_000_000 == 5
    seen = re.findall(r" (A|AAAA)\? | (\d)/\d/\d ", cap.text())
    asked, answered = [("A", ""), ("AAAA", "")], [("", "1"), ("", "0")]
    assert seen[:4] == [*asked, *answered]
    assert seen[4:] == [asked[0], answered[0], asked[1], answered[1]]


def test_single_request_asks_one_after_the_other(lab: Cluster) -> None:
    config = {"options": [{"name": "single-request"}]}
    lab.apply(pod("single", dnsConfig=config))
    with lab.capture("default/single:eth0", filter="udp port 53") as cap:
        lab.pod("single").exec("getent ahosts web")
    assert re.findall(r" (A|AAAA)\? | (\d)/\d/\d ", cap.text()) == [("A", ""), ("", "1"), ("AAAA", ""), ("", "0")]


def test_use_vc_asks_by_tcp(lab: Cluster) -> None:
    lab.apply(pod("tcp", dnsConfig={"options": [{"name": "use-vc"}]}))
    with lab.capture("default/tcp:eth0", filter="port 53") as cap:
        assert lab.pod("tcp").exec("getent ahosts web").exit_code == 0
    assert "Flags [S]" in cap.text()
    assert "udp" not in cap.text().lower()


def test_musl_asks_every_server_at_once_and_hears_no_icmp(lab: Cluster) -> None:
    a = lab.pod("a")
    a.place.files["/etc/resolv.conf"] = f"{SEARCH}nameserver 10.96.0.10\nnameserver 10.96.0.11\noptions ndots:5\n"
    with lab.capture("default/a:eth0", filter="udp port 53") as cap:
        assert a.exec("curl -s -o /dev/null http://web/").exit_code == 0
    assert re.findall(r"> 10\.96\.0\.(1\d)\.53: \d+\+ (\w+)\?", cap.text()) == [
        ("10", "A"),
        ("11", "A"),
        ("10", "AAAA"),
        ("11", "AAAA"),
    ]
    a.place.files["/etc/resolv.conf"] = f"nameserver {a.ip}\n"
    before = lab.network.now
    assert a.exec("ping -c 1 web.").stderr == "ping: web.: Try again\n"
    assert (lab.network.now - before) // 1_000_000_000 == 5


# -- forwarding ---------------------------------------------------------------------------------------------------


def test_what_is_not_the_clusters_is_forwarded() -> None:
    lab = upstream()
    deb = lab.pod("deb")
    assert deb.exec("getent hosts example.com").stdout == "93.184.216.34   example.com\n"
    assert deb.exec("ping -c 1 nope").stderr == "ping: nope: Name or service not known\n"
    assert lab.pod("a").exec("ping -c 1 nope").stderr == "ping: nope: Name does not resolve\n"
    lab.apply(service("out", type="ExternalName", externalName="example.com"))
    assert deb.exec("dig +short out.default.svc.cluster.local").stdout == "example.com.\n93.184.216.34\n"


def test_an_upstream_that_keeps_silent_is_a_server_failure_and_said(lab: Cluster) -> None:
    message = ask(lab, "example.com.")
    assert message.rcode == dns.SERVFAIL
    assert any(
        re.fullmatch(
            r"\[ERROR\] plugin/errors: 2 example\.com\. A: read udp \S+->192\.168\.10\.1:53: i/o timeout", line
        )
        for line in lab.pod(server(lab).serving.hostname).log
    )


@pytest.mark.parametrize("names", [{"": "1.2.3.4"}, {"a b": "1.2.3.4"}, {"a": "1.2.3"}, {"a..b": "1.2.3.4"}])
def test_a_name_server_with_names_that_are_none(names: dict[str, str]) -> None:
    lab = Cluster(Calico(), nodes=1)
    with pytest.raises(ConfigError):
        lab.add_name_server("node1", names)


# -- the Corefile -------------------------------------------------------------------------------------------------


def corefile(lab: Cluster, text: str) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coredns", "namespace": "kube-system"}}
    lab.apply({**config, "data": {"Corefile": text}})


def test_an_edited_corefile_counts_after_a_while(lab: Cluster) -> None:
    from podwire.cluster.dns.manifests import COREFILE

    own = "    hosts {\n       192.0.2.7 special.example\n       fallthrough\n    }\n    log\n"
    corefile(lab, COREFILE.replace("    errors\n", f"    errors\n{own}"))
    assert ask(lab, "special.example.").rcode == dns.SERVFAIL
    lab.sleep(120)
    assert answers(ask(lab, "special.example.")) == ["special.example. 30 IN A 192.0.2.7"]
    log = lab.pod(server(lab).serving.hostname).log
    assert "[INFO] Reloading complete" in log
    assert log[-1].startswith('[INFO] 192.0.2.1:5000 - 1 "A IN special.example. udp 33 false 512" NOERROR qr,aa,rd 64 ')


def test_without_reload_the_corefile_of_the_start_stays(lab: Cluster) -> None:
    from podwire.cluster.dns.manifests import COREFILE

    quiet = COREFILE.replace("    reload\n", "")
    corefile(lab, quiet)
    lab.sleep(120)
    corefile(lab, quiet.replace("    errors\n", "    errors\n    hosts {\n       192.0.2.7 special.example\n    }\n"))
    lab.sleep(120)
    assert ask(lab, "special.example.").rcode == dns.SERVFAIL


def test_health_and_readiness_are_told_by_http_where_the_corefile_says(lab: Cluster) -> None:
    from podwire.cluster.dns.manifests import COREFILE

    pod = lab.pod(server(lab).serving.hostname)

    def status(port: int, path: str) -> int | None:
        return lab.pod("a").curl(f"http://{pod.ip}:{port}{path}").status

    assert lab.pod("a").curl(f"http://{pod.ip}:8080/health").body == "OK"
    assert [status(8181, "/ready"), status(8181, "/health"), status(9153, "/metrics")] == [200, 404, 501]
    corefile(
        lab, COREFILE.replace("    ready\n", "    ready :8282\n").replace("    prometheus :9153\n", "    prometheus\n")
    )
    lab.sleep(120)
    assert [status(8282, "/ready"), status(8181, "/ready"), status(9153, "/metrics")] == [200, 0, 0]
    assert "501 Not Implemented" in pod.exec("curl -si http://127.0.0.1:9153/metrics").stdout


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("health 8080", CorefileError, "missing port in address"),
        ("ready :8181 :8282", NotModelled, "options of ready"),
        ("prometheus metrics.example:9153", NotModelled, "prometheus at the name metrics.example"),
        ("reload 10s", NotModelled, "reload with times of its own"),
    ],
)
def test_lines_that_podwire_does_not_take(line: str, error: type[PodwireError], words: str) -> None:
    with pytest.raises(error, match=words):
        parse(f".:53 {{\n    {line}\n}}\n")


def test_a_corefile_that_does_not_parse_leaves_the_old_one(lab: Cluster) -> None:
    corefile(lab, ".:53 {\n    nonsense\n}\n")
    lab.sleep(120)
    assert ask(lab, "web.default.svc.cluster.local.").answers
    assert any("Unknown directive 'nonsense'" in line for line in lab.pod(server(lab).serving.hostname).log)


def test_the_same_lab_gives_the_same_bytes() -> None:
    def bytes_of() -> str:
        lab = Cluster(Calico(), nodes=2, seed=3, dns=True)
        a = lab.run("a")
        with lab.capture("default/a:eth0") as cap:
            a.exec("nslookup kube-dns.kube-system")
        return str(cap.text())

    first = bytes_of()
    assert "kube-dns.kube-system.default.svc.cluster.local." in first
    assert bytes_of() == first


def test_a_pod_without_a_name_server_of_its_own_is_refused(lab: Cluster) -> None:
    with pytest.raises(ManifestError, match="at least one name server"):
        lab.apply(pod("p", dnsPolicy="None"))


def test_dns_config_counts_in_a_cluster_without_dns() -> None:
    lab = Cluster(Calico(), nodes=1)
    lab.apply(pod("p", dnsConfig={"nameservers": ["192.0.2.53"]}))
    assert lab.pod("p").place.files["/etc/resolv.conf"] == "nameserver 192.0.2.53\n"
