"""Policies and sets that are Calico's own, as packets and as text (reference sheet Calico, 5, 6.2, 6.4 and 6.5)."""

import base64
import hashlib
from typing import Any

import pytest
import yaml

from podwire import Calico, Cluster, IPPool, Pod
from podwire.cni.calico.policy.calc import entity_selector
from podwire.cni.calico.policy.model import Entity
from podwire.cni.calico.policy.sets import Member, service_members, service_set
from podwire.cni.calico.rules.groups import group_name
from podwire.cni.calico.rules.names import set_id, set_name
from podwire.kube.endpoints import Endpoint as SliceEndpoint
from podwire.kube.endpoints import EndpointPort, EndpointSlice
from podwire.kube.meta import Metadata
from podwire.kube.selectors import parse_selector
from podwire.wire.addr import Net


class World:
    """Three pods on two nodes: ``a`` and ``web`` (which serves port 80) in default, ``c`` in other."""

    def __init__(self, **settings: Any) -> None:
        self.lab = Cluster(Calico(ip_pools=[IPPool("172.16.0.0/16", nat_outgoing=True)], **settings), nodes=2)
        first, second = self.lab.nodes
        self.apply("{apiVersion: v1, kind: Namespace, metadata: {name: other, labels: {team: x}}}")
        self.a = self.lab.run("a", node=first.name, labels={"app": "a"})
        self.c = self.lab.run("c", node=first.name, namespace="other", labels={"app": "c"})
        self.apply(
            "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {nodeName: "
            + second.name
            + ", containers: [{name: web, image: nginx, ports: [{name: http, containerPort: 80}]}]}}"
        )
        self.web = next(pod for pod in self.lab.pods if pod.name == "default/web")

    def apply(self, text: str) -> list[str]:
        return self.lab.apply(yaml.safe_load(text))

    def policy(self, spec: str, name: str = "p", kind: str = "GlobalNetworkPolicy") -> None:
        self.apply(f"{{apiVersion: projectcalico.org/v3, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}")

    def gets(self, pod: Pod) -> bool:
        """Whether the pod gets the page of ``web``."""
        return str(pod.exec(f"curl -s -m 2 -o /dev/null -w %{{http_code}} {self.web.ip}")).strip() == "200"

    def rules(self, chain: str) -> list[str]:
        """Rules of the second node, where ``web`` runs."""
        return [
            line
            for line in self.lab.nodes[1].exec("iptables-save -t filter").stdout.splitlines()
            if f"-A {chain} " in line
        ]

    def members(self, name: str) -> list[str]:
        """Of a set of the second node."""
        return self.lab.nodes[1].exec(f"ipset list {name}").stdout.partition("Members:\n")[2].split()

    def sets(self, prefix: str) -> list[str]:
        """Names of sets of the second node."""
        return [name for name in self.lab.nodes[1].exec("ipset list -n").stdout.split() if name.startswith(prefix)]


@pytest.fixture
def world() -> World:
    return World()


def test_a_global_policy_selects_in_all_namespaces(world: World) -> None:
    world.policy("{selector: app == 'web', ingress: [{action: Allow, source: {selector: app == 'c'}}]}")
    assert (world.gets(world.a), world.gets(world.c)) == (False, True)


def test_a_policy_of_a_namespace_speaks_of_its_own_pods(world: World) -> None:
    world.policy(
        "{selector: app == 'web', ingress: [{action: Allow, source: {selector: has(app)}}]}", kind="NetworkPolicy"
    )
    assert (world.gets(world.a), world.gets(world.c)) == (True, False)
    assert "Policy default/default.p ingress" in " ".join(world.rules("cali-pi-default/default.p"))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{namespaceSelector: team == 'x'}", (False, True)),
        ("{namespaceSelector: all()}", (True, True)),
        ("{namespaceSelector: global()}", (False, False)),
        ("{notSelector: app == 'c'}", (True, False)),
        ("{serviceAccounts: {names: [default]}, notSelector: app == 'a'}", (False, True)),
        ("{nets: [0.0.0.0/0], notNets: [{c}]}", (True, False)),
    ],
)
def test_sources(world: World, source: str, wanted: tuple[bool, bool]) -> None:
    world.policy(
        f"{{selector: app == 'web', ingress: [{{action: Allow, source: {source.replace('{c}', str(world.c.ip))}}}]}}"
    )
    assert (world.gets(world.a), world.gets(world.c)) == wanted


def test_the_lower_order_is_asked_first_and_none_is_last(world: World) -> None:
    world.policy("{selector: app == 'web', ingress: [{action: Deny}]}", "aaa")
    assert not world.gets(world.a)
    world.policy("{order: 10, selector: app == 'web', ingress: [{action: Allow}]}", "zzz")
    assert world.gets(world.a)
    world.policy("{order: 9.5, selector: app == 'web', ingress: [{action: Deny}]}", "mmm")
    assert not world.gets(world.a)


def test_pass_goes_on_to_profiles_and_log_goes_on(world: World) -> None:
    world.policy("{order: 1, selector: app == 'web', ingress: [{action: Log}, {action: Pass}]}", "one")
    world.policy("{order: 2, selector: app == 'web', ingress: [{action: Deny}]}", "two")
    assert world.gets(world.a)
    log, *rest = world.rules("cali-pi-default.one")
    assert log.endswith('-j LOG --log-prefix "calico-packet: " --log-level 5')
    assert rest[0].endswith("-j MARK --set-xmark 0x20000/0x20000")


def test_ports_and_protocols_and_their_negations(world: World) -> None:
    world.policy(
        "{selector: app == 'web', ingress: [{action: Allow, protocol: TCP, destination: {notPorts: ['70:90', 443]}}]}"
    )
    assert not world.gets(world.a)
    assert "-p tcp" in world.rules("cali-pi-default.p")[0]
    assert "-m multiport ! --dports 70:90,443" in world.rules("cali-pi-default.p")[0]
    world.policy("{selector: app == 'web', ingress: [{action: Allow, notProtocol: 17}]}")
    assert world.gets(world.a)
    world.policy(
        "{selector: app == 'web', ingress: [{action: Deny, protocol: ICMP, notICMP: {type: 0}}, {action: Allow}]}"
    )
    assert not world.a.ping(world.web).received
    assert world.gets(world.a)


def test_a_named_port_is_that_of_each_pod(world: World) -> None:
    world.policy("{selector: app == 'web', ingress: [{action: Allow, protocol: TCP, destination: {ports: [http]}}]}")
    assert world.gets(world.a)
    assert not world.a.ping(world.web).received
    (name,) = world.sets("cali40n:")
    assert world.members(name) == [f"{world.web.ip},tcp:80"]


def test_network_sets_are_selected_as_pods_are(world: World) -> None:
    world.policy("{selector: app == 'web', ingress: [{action: Allow, source: {selector: kind == 'office'}}]}")
    assert not world.gets(world.a)
    world.apply(
        "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: o, labels: {kind: office}},"
        f" spec: {{nets: [{world.a.ip}, 10.1.2.3/8]}}}}"
    )
    assert (world.gets(world.a), world.gets(world.c)) == (True, False)
    assert world.members(set_name(set_id("s", parse_selector("kind == 'office'").text))) == [
        str(world.a.ip),
        "10.0.0.0/8",
    ]


def test_a_set_of_a_namespace_has_its_labels(world: World) -> None:
    world.apply(
        "{apiVersion: projectcalico.org/v3, kind: NetworkSet, metadata: {name: s, namespace: other},"
        f" spec: {{nets: [{world.a.ip}]}}}}"
    )
    source = "{namespaceSelector: team == 'x', notSelector: has(app)}"
    world.policy(f"{{selector: app == 'web', ingress: [{{action: Allow, source: {source}}}]}}")
    assert (world.gets(world.a), world.gets(world.c)) == (True, False)


def test_services_stand_for_their_endpoints_and_ports(world: World) -> None:
    world.apply(
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 8080, targetPort: 80}]}}"
    )
    world.policy(
        "{selector: app == 'a', egress: [{action: Allow, destination: {services: {name: web, namespace: default}}}]}"
    )
    assert world.gets(world.a)
    assert not world.a.ping(world.web).received
    first = world.lab.nodes[0]
    (name,) = [each for each in first.exec("ipset list -n").stdout.split() if each.startswith("cali40svc:")]
    assert name == set_name(set_id("svc", "default/web"))
    assert f"{world.web.ip},tcp:80" in first.exec(f"ipset list {name}").stdout
    world.apply(
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: none}, ports: [{port: 8080, targetPort: 80}]}}"
    )
    assert not world.gets(world.a)


def test_a_service_as_source_is_its_addresses(world: World) -> None:
    world.apply("{apiVersion: v1, kind: Service, metadata: {name: as}, spec: {selector: {app: a}, ports: [{port: 1}]}}")
    world.policy(
        "{selector: app == 'web', ingress: [{action: Allow, source: {services: {name: as}}}]}", kind="NetworkPolicy"
    )
    assert (world.gets(world.a), world.gets(world.c)) == (True, False)
    assert world.members(set_name(set_id("svcnoport", "default/as"))) == [str(world.a.ip)]


def test_a_rule_says_of_which_object_and_field_it_is(world: World) -> None:
    world.policy("{selector: app == 'web', ingress: [{action: Allow, protocol: TCP}, {action: Deny}]}")
    said = " ".join(str(world.a.ping(world.web).trace.explain()).split())
    assert "written by felix for GlobalNetworkPolicy p, spec.ingress[1]" in said


def test_a_policy_that_goes_takes_its_chains_and_sets_along(world: World) -> None:
    before = world.lab.nodes[1].exec("iptables-save").stdout.count("cali-pi-")
    world.policy("{selector: app == 'web', ingress: [{action: Deny, source: {selector: app == 'c'}}]}")
    assert world.sets("cali40s:")
    world.lab.delete({"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy", "metadata": {"name": "p"}})
    assert world.lab.nodes[1].exec("iptables-save").stdout.count("cali-pi-") == before
    assert not world.sets("cali40s:")
    assert world.gets(world.c)


@pytest.mark.parametrize(
    ("entity", "namespace", "text"),
    [
        (Entity(), "ns", ""),
        (Entity(selector="a == 'b'"), "", 'a == "b"'),
        (Entity(selector="a == 'b'"), "ns", '(projectcalico.org/namespace == "ns" && a == "b")'),
        (Entity(not_selector="a == 'b'"), "ns", 'projectcalico.org/namespace == "ns"'),
        (Entity(namespace_selector="all()"), "ns", "has(projectcalico.org/namespace)"),
        (
            Entity(selector="x == 'y'", accounts=("b", "a"), account_selector="r == 's'"),
            "ns",
            '(projectcalico.org/namespace == "ns" && ((pcsa.r == "s" && projectcalico.org/serviceaccount in {"a", "b"}) && x == "y"))',
        ),
    ],
)
def test_what_a_side_selects_is_joined_as_libcalico_go_does_it(entity: Entity, namespace: str, text: str) -> None:
    assert entity_selector(entity, namespace) == text


# -- settings ---------------------------------------------------------------------------------------------------------


def felix(world: World, spec: str) -> None:
    world.apply(
        f"{{apiVersion: projectcalico.org/v3, kind: FelixConfiguration, metadata: {{name: default}}, spec: {spec}}}"
    )


@pytest.mark.parametrize(
    ("spec", "table", "wanted"),
    [
        (
            "{defaultEndpointToHostAction: return}",
            "filter",
            '--comment "Configured DefaultEndpointToHostAction" -j RETURN',
        ),
        ("{iptablesMangleAllowAction: Return}", "mangle", "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"),
        (
            "{iptablesFilterDenyAction: Reject}",
            "filter",
            '-m comment --comment "Reject if no profiles matched" -j REJECT',
        ),
        ("{natOutgoingAddress: 192.0.2.1}", "nat", "-j SNAT --to-source 192.0.2.1"),
        ("{natPortRange: '32768:65535'}", "nat", "-j MASQUERADE --to-ports 32768-65535"),
        ("{iptablesNATOutgoingInterfaceFilter: eth+}", "nat", "-o eth+"),
        ("{logPrefix: mine}", "filter", 'LOG --log-prefix "mine: "'),
    ],
)
def test_felix_follows_its_configuration(world: World, spec: str, table: str, wanted: str) -> None:
    world.policy("{selector: app == 'web', ingress: [{action: Log}, {action: Allow}]}")
    node = world.lab.nodes[1]
    before = node.exec(f"iptables-save -t {table}").stdout
    felix(world, spec)
    assert wanted not in before
    assert wanted in node.exec(f"iptables-save -t {table}").stdout
    felix(world, "{logSeverityScreen: Info}")
    assert wanted not in node.exec(f"iptables-save -t {table}").stdout


def test_failsafes_are_those_of_the_configuration(world: World) -> None:
    felix(world, "{failsafeInboundHostPorts: [{protocol: udp, port: 7, net: 10.0.0.0/8}]}")
    world.apply(
        "{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {name: h}, spec: {interfaceName: '*', node: "
        + world.lab.nodes[1].name
        + "}}"
    )
    (only,) = world.rules("cali-failsafe-in")
    assert only.startswith("-A cali-failsafe-in -s 10.0.0.0/8 -p udp")
    assert only.endswith("--dports 7 -j ACCEPT")


def test_jumps_stand_behind_the_rules_of_others_in_append_mode(world: World) -> None:
    node = world.lab.nodes[1]
    node.exec("iptables -A INPUT -p 99 -j ACCEPT")
    felix(world, "{chainInsertMode: Append}")
    assert "-j cali-INPUT" in world.rules("INPUT")[-1]
    felix(world, "{chainInsertMode: Insert}")
    assert "-j cali-INPUT" in world.rules("INPUT")[0]


def test_ranges_of_services_that_bgp_announces_do_not_loop(world: World) -> None:
    world.apply(
        "{apiVersion: projectcalico.org/v3, kind: BGPConfiguration, metadata: {name: default},"
        " spec: {serviceClusterIPs: [{cidr: 10.96.0.0/12}]}}"
    )
    (only,) = world.rules("cali-cidr-block")
    assert only.startswith("-A cali-cidr-block -d 10.96.0.0/12")
    assert only.endswith("-j DROP")
    felix(world, "{serviceLoopPrevention: Disabled}")
    assert not world.rules("cali-cidr-block")


def test_pods_that_come_later_may_spoof_at_once(world: World) -> None:
    felix(world, "{workloadSourceSpoofing: Any}")
    node = world.lab.nodes[1]
    world.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: s, annotations: {cni.projectcalico.org/allowedSourcePrefixes: '[\"10.9.0.0/16\"]'}},"
        " spec: {nodeName: " + node.name + ", containers: [{name: s, image: nginx}]}}"
    )
    assert "-A cali-rpf-skip -s 10.9.0.0/16 -i cali" in node.exec("iptables-save -t raw").stdout


def test_a_policy_before_dnat_says_nothing_of_pods(world: World) -> None:
    world.policy("{selector: app == 'web', preDNAT: true, applyOnForward: true, ingress: [{action: Deny}]}")
    assert world.gets(world.a)


def test_addresses_of_a_service_are_there_once_whatever_its_ports() -> None:
    slices = EndpointSlice(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        Metadata(name="s", namespace="n", labels={"kubernetes.io/service-name": "w"}),
        "IPv4",
        (SliceEndpoint(addresses=("10.0.0.1",)),),
        (EndpointPort(port=1), EndpointPort(port=2)),
    )
    net = Net.parse("10.0.0.1/32")
    assert list(service_members(service_set("n/w", ports=False), [slices])) == [Member(net)]
    assert list(service_members(service_set("n/w", ports=True), [slices])) == [Member(net, 6, 1), Member(net, 6, 2)]


def test_a_pod_may_spoof_where_both_say_so(world: World) -> None:
    node = world.lab.nodes[1]
    world.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: s, annotations: {cni.projectcalico.org/allowedSourcePrefixes: '[\"10.9.0.0/16\"]'}},"
        " spec: {nodeName: " + node.name + ", containers: [{name: s, image: nginx}]}}"
    )
    assert "-A cali-rpf-skip" not in node.exec("iptables-save -t raw").stdout
    felix(world, "{workloadSourceSpoofing: Any}")
    assert "-A cali-rpf-skip -s 10.9.0.0/16 -i cali" in node.exec("iptables-save -t raw").stdout


# -- releases (section 11) --------------------------------------------------------------------------------------------


def test_v325_says_whitelisted() -> None:
    lab = Cluster(Calico(ip_pools=[IPPool("172.16.0.0/16", vxlan_mode="Always")], version="v3.25.1"), nodes=1)
    assert "Allow IPv4 VXLAN packets from whitelisted hosts" in lab.nodes[0].exec("iptables-save -t filter").stdout


@pytest.mark.parametrize(("version", "index"), [("v3.26.4", "3: eth0@if"), ("v3.27.0", "2: eth0@if")])
def test_v327_makes_the_host_end_on_the_node(version: str, index: str) -> None:
    world = World(version=version)
    assert index in world.a.exec("ip link").stdout
    assert world.gets(world.a)


def test_v328_clears_both_bits_and_leaves_the_last_return_out() -> None:
    world = World(version="v3.28.0")
    world.policy("{selector: app == 'web', ingress: [{action: Allow}]}")
    assert world.gets(world.a)
    assert [rule.rpartition(" -j ")[2] for rule in world.rules("cali-pi-default.p")] == [
        "MARK --set-xmark 0x10000/0x10000"
    ]
    whole = world.lab.nodes[1].exec("iptables-save -t filter").stdout
    assert "--set-xmark 0x0/0x30000" in whole
    assert "Start of policies" not in whole


def test_v328_gathers_policies_of_one_selector() -> None:
    world = World(version="v3.28.0")
    for name in ("one", "two"):
        world.policy(
            "{selector: app == 'web', ingress: [{action: Allow, source: {selector: app == '" + name + "'}}]}", name
        )
    name = group_name('app == "web"', ["default.one", "default.two"], outgoing=False)
    digest = hashlib.sha3_224(b'default\napp == "web"\ninbound\n2\ndefault.one\ndefault.two\n').digest()
    assert name == "cali-gi-" + base64.urlsafe_b64encode(digest).decode()[:20]
    first, second = world.rules(name)
    assert first.endswith("-j cali-pi-default.one")
    assert second.endswith("-m mark --mark 0x0/0x30000 -j cali-pi-default.two")
    assert not world.gets(world.a)


def test_a_group_looks_for_an_answer_after_five_policies() -> None:
    world = World(version="v3.28.0")
    for number in range(6):
        world.policy(
            "{selector: app == 'web', ingress: [{action: Allow, source: {selector: app == 'no'}}]}", f"p{number}"
        )
    name = group_name('app == "web"', [f"default.p{number}" for number in range(6)], outgoing=False)
    assert world.rules(name)[5].endswith('--comment "Return on verdict" -m mark ! --mark 0x0/0x30000 -j RETURN')
