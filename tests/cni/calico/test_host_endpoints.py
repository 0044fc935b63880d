"""Host endpoints: the text of their chains, their hashes in dumps of real clusters, and packets (reference sheet Calico, 3.12 and 6.5)."""

from typing import Any

import pytest
import yaml

from podwire import Calico, Cluster, IPPool
from podwire.cni.calico.rules import hostendpoints, names
from podwire.cni.calico.rules.model import Failsafe, Host, RuleConfig, RuleText
from podwire.errors import NotModelled
from tests.cni.calico.lab import lines

OPEN = RuleConfig(failsafe_in=(Failsafe("tcp", 22),), failsafe_out=(Failsafe("udp", 53, "10.0.0.0/8"),))
EVERY = Host(interface=hostendpoints.EVERY, profiles=("projectcalico-default-allow",))


def texts(rules: list[RuleText]) -> list[str]:
    return [rule.text for rule in rules]


def hashes(chain: str, rules: list[RuleText]) -> list[str]:
    return names.rule_hashes(chain, texts(rules))


def test_hashes_of_the_endpoint_of_all_interfaces_are_those_of_a_real_node() -> None:
    filters, mangle = hostendpoints.filters([EVERY], OPEN), hostendpoints.mangle([EVERY], OPEN)
    to, way_in = "cali-th-any-interface-at-all", "cali-fh-any-interface-at-all"
    assert hashes(way_in, filters[way_in])[2] == "NnqjZhu9yccY4C7-"
    assert hashes(to, filters[to])[2] == "Pk4AU-xuUwtwrLN6"
    assert hashes(to, mangle[to])[3] == "isLh7I8mMajLdhSv"


def test_hashes_of_the_ports_that_stay_open_are_those_of_a_real_node() -> None:
    lab = Cluster(Calico(), nodes=1)
    lab.apply(endpoint(lab))
    rules = lab.nodes[0].exec("iptables-save -t filter").stdout
    for wanted in (
        'cali-failsafe-in -p tcp -m comment --comment "cali:8Ftbkk2dRH2eEeq1" -m multiport --dports 5473 -j ACCEPT',
        'cali-failsafe-in -p tcp -m comment --comment "cali:vSprVE-4rient0wc" -m multiport --dports 6667 -j ACCEPT',
        'cali-failsafe-out -p tcp -m comment --comment "cali:EoOkKdH0fekirfk8" -m multiport --dports 6667 -j ACCEPT',
    ):
        assert f"-A {wanted}\n" in rules


KNOWN = ["-m conntrack --ctstate RELATED,ESTABLISHED --jump ACCEPT", "-m conntrack --ctstate INVALID --jump DROP"]
RETURNED = [
    "-m conntrack --ctstate RELATED,ESTABLISHED --jump MARK --set-mark 0x10000/0x10000",
    "-m conntrack --ctstate RELATED,ESTABLISHED --jump RETURN",
    "-m conntrack --ctstate INVALID --jump DROP",
]
CLEAR = "--jump MARK --set-mark 0/0x10000"
START = '-m comment --comment "Start of policies" --jump MARK --set-mark 0/0x20000'
ACCEPTED = '-m comment --comment "Return if policy accepted" -m mark --mark 0x10000/0x10000 --jump RETURN'
NOBODY = '-m comment --comment "Drop if no policies passed packet" -m mark --mark 0/0x20000 --jump DROP'
NO_PROFILE = '-m comment --comment "Drop if no profiles matched" --jump DROP'


def asks(chain: str) -> str:
    return f"-m mark --mark 0/0x20000 --jump {chain}"


def test_the_chains_of_filter() -> None:
    host = Host(interface="eth0", ingress=("default.p",), forward_egress=("default.f",), profiles=("x",))
    chains = hostendpoints.filters([host], OPEN)
    assert texts(chains["cali-fh-eth0"]) == [
        *KNOWN,
        "--jump cali-failsafe-in",
        CLEAR,
        START,
        asks("cali-pi-default.p"),
        ACCEPTED,
        NOBODY,
        "--jump cali-pri-x",
        '-m comment --comment "Return if profile accepted" -m mark --mark 0x10000/0x10000 --jump RETURN',
        NO_PROFILE,
    ]
    assert texts(chains["cali-th-eth0"])[2:4] == ["--jump cali-failsafe-out", CLEAR]
    assert texts(chains["cali-thfw-eth0"]) == [*KNOWN, CLEAR, START, asks("cali-po-default.f"), ACCEPTED, NOBODY]
    assert texts(chains["cali-fhfw-eth0"]) == [
        *KNOWN,
        CLEAR,
        '-m comment --comment "Allow forwarded traffic by default" --jump MARK --set-mark 0x10000/0x10000',
        '-m comment --comment "Return for accepted forward traffic" --jump RETURN',
    ]


def test_the_chains_of_mangle_before_dnat_and_for_what_the_host_sends_to_services() -> None:
    host = Host(interface="eth0", egress=("default.e",), pre_dnat=("default.d",))
    chains = hostendpoints.mangle([host, Host(interface="eth1")], OPEN)
    early = [*KNOWN, "--jump cali-failsafe-in", CLEAR, START, asks("cali-pi-default.d"), ACCEPTED]
    assert texts(chains["cali-fh-eth0"]) == early
    late = [
        *RETURNED,
        "--jump cali-failsafe-out",
        CLEAR,
        START,
        asks("cali-po-default.e"),
        ACCEPTED,
        NOBODY,
        NO_PROFILE,
    ]
    assert texts(chains["cali-th-eth0"]) == late
    assert "cali-fh-eth1" not in chains
    assert texts(chains["cali-from-host-endpoint"]) == ["--in-interface eth0 --goto cali-fh-eth0"]


def test_the_chains_of_raw_neither_know_connections_nor_track_what_they_accept() -> None:
    host = Host(interface="eth0", untracked_ingress=("default.u",))
    chains = hostendpoints.raw([host, EVERY], OPEN)
    assert texts(chains["cali-fh-eth0"]) == [
        "--jump cali-failsafe-in",
        CLEAR,
        START,
        asks("cali-pi-default.u"),
        "-m mark --mark 0x10000/0x10000 --jump NOTRACK",
        ACCEPTED,
    ]
    assert texts(chains["cali-th-eth0"]) == ["--jump cali-failsafe-out", CLEAR]
    assert texts(chains["cali-failsafe-in"]) == [
        "-p tcp -m multiport --destination-ports 22 --jump ACCEPT",
        "-p udp -m multiport --source-ports 53 --source 10.0.0.0/8 --jump ACCEPT",
    ]
    assert texts(chains["cali-failsafe-out"]) == [
        "-p udp -m multiport --destination-ports 53 --destination 10.0.0.0/8 --jump ACCEPT",
        "-p tcp -m multiport --source-ports 22 --jump ACCEPT",
    ]
    assert "cali-th-any-interface-at-all" not in chains


def test_dispatch_ends_with_the_endpoint_of_all_interfaces_but_for_pods() -> None:
    chains = hostendpoints.filters([Host(interface="eth0"), EVERY], OPEN)
    assert texts(chains["cali-to-host-endpoint"]) == [
        "--out-interface eth0 --goto cali-th-eth0",
        '-m comment --comment "Skip egress WHEP policy for traffic to local workload" --out-interface cali+ --jump RETURN',
        "--goto cali-th-any-interface-at-all",
    ]
    assert texts(chains["cali-from-hep-forward"]) == [
        "--in-interface eth0 --goto cali-fhfw-eth0",
        f"--goto {names.chain_name('cali-fhfw-', hostendpoints.EVERY)}",
    ]


# -- packets ----------------------------------------------------------------------------------------------------------


def cluster(**settings: object) -> Cluster:
    pool = IPPool("172.16.0.0/16", nat_outgoing=True)
    return Cluster(Calico(ip_pools=[pool], **settings), nodes=2)  # type: ignore[arg-type]


def endpoint(lab: Cluster, **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "HostEndpoint",
        "metadata": {"name": "first", "labels": {"host": "first"}},
        "spec": {"node": lab.nodes[0].name, "interfaceName": "eth0", **spec},
    }


def policy(text: str, name: str = "p") -> dict[str, Any]:
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "GlobalNetworkPolicy",
        "metadata": {"name": name},
        "spec": yaml.safe_load(text),
    }


def test_a_node_is_closed_by_its_endpoint_and_failsafes_keep_ssh() -> None:
    lab = cluster()
    first, second = lab.nodes
    assert second.ping(first).received
    lab.apply(endpoint(lab))
    assert not second.ping(first).received
    dropped = str(second.exec(f"nc -z -w 1 {first.ip} 8080"))
    assert "refused" not in dropped
    assert "refused" in str(second.exec(f"nc -vz -w 1 {first.ip} 22").stderr)
    lab.apply(
        policy(
            "{selector: host == 'first', ingress: [{action: Allow, protocol: ICMP, icmp: {type: 8}}], types: [Ingress]}"
        )
    )
    assert second.ping(first).received


def test_the_endpoint_goes_and_nothing_of_it_stays() -> None:
    lab = cluster()
    first, second = lab.nodes
    before = lines(first.exec("iptables-save -t filter").stdout)[1:]
    lab.apply(endpoint(lab))
    assert lines(first.exec("iptables-save -t filter").stdout)[1:] != before
    lab.delete(endpoint(lab))
    after = lines(first.exec("iptables-save -t filter").stdout)[1:]
    assert sorted(line for line in after if "cali-" in line) == sorted(line for line in before if "cali-" in line)
    assert second.ping(first).received


def test_an_endpoint_is_found_by_an_address_and_the_first_name_counts() -> None:
    lab = cluster()
    first, second = lab.nodes
    found = endpoint(lab, interfaceName="", expectedIPs=[str(first.ip)])
    lab.apply(found)
    assert not second.ping(first).received
    lab.apply(endpoint(lab, interfaceName="eth9", expectedIPs=[str(first.ip)]))
    assert second.ping(first).received


def test_pods_pass_an_endpoint_unless_policy_applies_on_forward() -> None:
    lab = cluster()
    first, second = lab.nodes
    one, two = lab.run("one", node=first.name), lab.run("two", node=second.name)
    lab.apply(endpoint(lab))
    assert two.ping(one).received
    lab.apply(policy("{selector: host == 'first', types: [Ingress]}"))
    assert two.ping(one).received
    lab.apply(policy("{selector: host == 'first', types: [Ingress], applyOnForward: true}"))
    assert not two.ping(one).received
    assert one.ping(two).received


def test_policy_before_dnat_closes_a_node_port() -> None:
    lab = cluster()
    first, second = lab.nodes
    lab.apply(
        yaml.safe_load(
            "{apiVersion: v1, kind: Service, metadata: {name: web},"
            " spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}}"
        )
    )
    lab.run("web", node=first.name, image="nginx", labels={"app": "web"})
    asked = f"curl -s -m 2 -o /dev/null -w %{{http_code}} {first.ip}:30080"
    assert str(second.exec(asked)).strip() == "200"
    lab.apply(endpoint(lab))
    lab.apply(
        policy(
            "{selector: host == 'first', preDNAT: true, applyOnForward: true, types: [Ingress],"
            " ingress: [{action: Deny, protocol: TCP, destination: {ports: [30080]}}]}"
        )
    )
    assert str(second.exec(asked)).strip() == "000"
    assert "-A cali-fh-eth0" in first.exec("iptables-save -t mangle").stdout


def test_what_untracked_policy_accepts_is_no_connection() -> None:
    lab = cluster()
    first, second = lab.nodes
    lab.apply(endpoint(lab))
    allow = "[{action: Allow, protocol: ICMP}]"
    lab.apply(
        policy(
            f"{{selector: host == 'first', doNotTrack: true, applyOnForward: true, ingress: {allow}, egress: {allow}}}"
        )
    )
    assert second.ping(first).received
    assert "icmp" not in first.exec("conntrack -L").stdout


def test_every_node_has_an_endpoint_where_kube_controllers_make_them() -> None:
    lab = cluster(auto_host_endpoints=True)
    first, second = lab.nodes
    lab.apply(yaml.safe_load("{apiVersion: v1, kind: Namespace, metadata: {name: x}}"))
    assert second.ping(first).received
    created = "projectcalico.org/created-by == 'calico-kube-controllers'"
    lab.apply(policy(f'{{selector: "{created}", types: [Ingress]}}'))
    assert not second.ping(first).received
    assert "-g cali-fh-any-interface-at-all" in first.exec("iptables-save -t filter").stdout


def test_profiles_of_ones_own_are_not_modelled() -> None:
    lab = cluster()
    with pytest.raises(NotModelled, match="projectcalico-default-allow"):
        lab.apply(endpoint(lab, profiles=["mine"]))
