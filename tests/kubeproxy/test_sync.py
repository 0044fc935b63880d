"""Whole and partial syncs: what is written, and what is said about it (kube-proxy sheet, 1.7)."""

import time
from socket import AF_INET

import msgspec

from podwire.kubeproxy import Renderer
from podwire.kubeproxy.objects import Objects
from podwire.trace.events import Owner
from podwire.wire.addr import Ip
from tests.kubeproxy.samples import AROUND, GKE, NODE, endpoints, render, service


class Proxy:
    """A renderer that hears of objects."""

    def __init__(self):
        self.known = Objects(AF_INET, NODE)
        self.renderer = Renderer(GKE)

    def sync(self, services, slices, *, full=False, around=AROUND, existing=None):
        self.known.update(services, slices)
        return self.renderer.render(self.known.services, self.known.endpoints, around, full=full, existing=existing)


def chains(sync):
    return [line.split()[0][1:] for line in sync.text.splitlines() if line.startswith(":")]


def test_the_log_counts_as_in_seed_002():
    """C02: seven services with eight endpoints, one of them without any; its own chains are not rewritten in that sync."""
    services = [
        service("kubernetes", ["https:443"], ip="10.36.0.1"),
        service("kube-system/kube-dns", ["dns:53/UDP", "dns-tcp:53"], ip="10.36.0.10"),
        service("kube-system/default-http-backend", ["http:80:31000"], ip="10.36.0.11", type="NodePort"),
        service("kube-system/metrics-server", ["443"], ip="10.36.0.12"),
        service("gmp-system/gmp-operator", ["legacy:8443"], ip="10.36.0.13"),
        service("gmp-system/alertmanager", ["alertmanager:9093"], ip="10.36.0.14"),
    ]
    slices = [
        endpoints("kubernetes", ["10.0.0.2"], ["https:443"]),
        endpoints("kube-system/kube-dns", ["10.32.0.2@node1", "10.32.1.2@node2"], ["dns:53/udp", "dns-tcp:53"]),
        endpoints("kube-system/default-http-backend", ["10.32.0.3@node1"], ["http:8080"]),
        endpoints("kube-system/metrics-server", ["10.32.0.4@node1"], ["10250"]),
        endpoints("gmp-system/gmp-operator", ["10.32.1.5@node2"], ["legacy:8443"]),
    ]
    proxy = Proxy()
    first = proxy.sync(services, slices)
    assert first.full
    again = proxy.sync(services, slices)
    assert not again.full
    assert again.rendered == ()
    assert str(again.counts) == (
        '"Reloading service iptables data" numServices=7 numEndpoints=8 numFilterChains=6 numFilterRules=4'
        " numNATChains=4 numNATRules=12"
    )
    six = msgspec.structs.replace(AROUND, ip=Ip.parse("fd00::37"), pod_cidr=None)
    assert str(render(around=six, family=10).counts) == (
        '"Reloading service iptables data" numServices=0 numEndpoints=0 numFilterChains=5 numFilterRules=2'
        " numNATChains=4 numNATRules=5"
    )


def test_a_partial_sync_writes_the_chains_of_what_has_changed():
    services = [service("a", ip="10.96.0.1"), service("b", ip="10.96.0.2")]
    mine, other = endpoints("a", ["10.32.0.9@node1"]), endpoints("b", ["10.32.0.5@node1"])
    proxy = Proxy()
    proxy.sync(services, [mine, other])
    sync = proxy.sync(services, [endpoints("a", ["10.32.0.9@node1", "10.32.1.9@node2"]), other])
    assert [name.name for name in sync.rendered] == ["a"]
    assert '"default/b cluster IP"' in sync.text, "the shared chains are whole"
    assert "10.32.0.5" not in sync.text
    assert sync.text.count("--to-destination") == 2


def test_what_is_no_longer_needed_is_flushed_and_deleted_in_the_same_sync():
    services = [service("a")]
    proxy = Proxy()
    first = proxy.sync(services, [endpoints("a", ["10.32.0.9@node1"])])
    svc, sep = chains(first)[-2:]
    sync = proxy.sync(services, [endpoints("a", ["10.32.0.9@node1 down"])])
    assert chains(sync)[-2:] == [sep, svc]
    lines = sync.text.splitlines()
    assert lines[-4:-2] == [f"-X {sep}", f"-X {svc}"]
    assert "nodeports" in lines[-2]
    assert "-X" not in proxy.sync(services, [endpoints("a", ["10.32.0.9@node1 down"])]).text
    left = proxy.sync([], [], existing=("KUBE-SVC-AAAAAAAAAAAAAAAA", "KUBE-MARK-MASQ", "cali-PREROUTING"))
    assert [line for line in left.text.splitlines() if line.startswith("-X")] == ["-X KUBE-SVC-AAAAAAAAAAAAAAAA"]


def test_a_port_that_is_gone_makes_its_service_changed():
    proxy = Proxy()
    both = service("a", ["x:80", "y:81"])
    slices = [endpoints("a", ["10.32.0.9@node1"], ["x:80", "y:81"])]
    proxy.sync([both], slices)
    sync = proxy.sync([service("a", ["x:80"])], slices)
    assert "-d 10.96.0.10 --dport 80 ! -s 10.32.0.0/24 -j KUBE-MARK-MASQ" in sync.text
    assert sync.text.count("-X KUBE-") == 2


def test_another_zone_is_a_whole_sync_and_another_local_address_is_none():
    proxy = Proxy()
    services, slices = [service("a")], [endpoints("a", ["10.32.0.9@node1"])]
    proxy.sync(services, slices)
    assert not proxy.sync(services, slices, around=msgspec.structs.replace(AROUND, local=(Ip.parse("10.0.0.9"),))).full
    assert proxy.sync(services, slices, around=msgspec.structs.replace(AROUND, zone="b")).full


def test_more_than_1000_endpoints_have_no_comments():
    many = [f"10.32.{n // 250}.{n % 250 + 1}@node2" for n in range(1000)]
    small = render(service("a"), endpoints("a", many))
    large = render(service("a"), endpoints("a", [*many, "10.33.0.1@node2"]))
    assert '"default/a -> 10.32.0.1:80"' in small.text
    assert "->" not in large.text
    assert '"default/a cluster IP"' in large.text


def test_a_cluster_that_grows_large_loses_comments_where_something_is_written():
    proxy = Proxy()
    services = [service("a", ["x:80", "y:81"]), service("b", ip="10.96.0.2"), service("c", ip="10.96.0.3")]
    same = [endpoints("a", ["10.32.0.9@node1"], ["y:81"], suffix="y"), endpoints("b", ["10.32.0.5@node1"])]
    proxy.sync(services, [endpoints("a", ["10.32.0.9@node1"], ["x:80"]), *same])
    many = endpoints("c", [f"10.33.{n // 250}.{n % 250 + 1}@node2" for n in range(1000)])
    more = [endpoints("a", ["10.32.0.8@node1"], ["x:80"]), *same, many]
    partial = proxy.sync(services, more)
    assert "10.32.0.9:81" in partial.text, "the other port of a Service that has changed"
    assert " -> " not in partial.text
    assert " -> " not in proxy.sync(services, more, full=True).text, "b was written with comments before"


def test_every_line_knows_what_it_was_rendered_from():
    sync = render(
        service("web", ["x:9000", "y:80:30007"], type="LoadBalancer", externalIPs=["198.51.100.1"], ingress=[{"ip": "192.0.2.1"}], loadBalancerSourceRanges=["10.0.0.0/8"]),
        endpoints("web", ["10.32.0.9@node1"], ["x:1", "y:8080"]),
    )  # fmt: skip
    lines = sync.text.splitlines()
    assert len(lines) == len(sync.owners)

    def owner(*parts):
        return {mine for line, mine in zip(lines, sync.owners, strict=True) if all(part in line for part in parts)}

    def web(field):
        return {Owner("kube-proxy", "Service default/web", field)}

    assert owner("DNAT", "10.32.0.9:8080") == web("spec.ports[1], endpoint 10.32.0.9:8080")
    assert owner("-> 10.32.0.9:1") == web("spec.ports[0], endpoint 10.32.0.9:1")
    assert owner("--dport 30007") == web("spec.ports[1].nodePort")
    assert owner("-A KUBE-SERVICES", "198.51.100.1", "--dport 80 ") == web("spec.ports[1], spec.externalIPs[0]")
    assert owner("-A KUBE-SERVICES", "192.0.2.1", "9000") == web("spec.ports[0], status.loadBalancer.ingress[0]")
    assert owner("web:y", "-s 10.0.0.0/8") == web("spec.ports[1], spec.loadBalancerSourceRanges[0]")
    assert owner("-A KUBE-SERVICES", "10.96.0.10", "--dport 9000") == web("spec.ports[0]")
    assert owner("-A KUBE-POSTROUTING") == {Owner("kube-proxy")}


def test_ten_thousand_services_render_fast_and_a_change_costs_what_it_touches():
    """10 000 Services with 30 000 endpoints in under 2 s."""
    services = [service(f"s{n}", ip=f"10.{100 + n // 60000}.{n // 250}.{n % 250 + 1}") for n in range(10_000)]
    slices = [
        endpoints(f"s{n}", [f"10.{32 + i}.{n // 250}.{n % 250 + 1}@node2" for i in range(3)]) for n in range(10_000)
    ]
    proxy = Proxy()
    begin = time.process_time()
    first = proxy.sync(services, slices)
    assert time.process_time() - begin < 2
    assert first.counts.endpoints == 30_000
    slices[7] = endpoints("s7", ["10.32.0.8@node2"])
    begin = time.process_time()
    sync = proxy.sync(services, slices)
    assert time.process_time() - begin < 1
    assert [name.name for name in sync.rendered] == ["s7"]
    assert sync.text.count("--to-destination") == 1
    assert sync.text.count("-X KUBE-SEP-") == 2
