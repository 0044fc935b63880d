"""Lab files: what they build, that they always build the same, and the line that says what is wrong with one."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.cni.ptp.backend import PtpBackend
from podwire.cni.ptp.config import PtpNetwork
from podwire.errors import ManifestError, PodwireError
from podwire.lab import load

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "reference" / "lab-file.md"
LABS = sorted(path for path in EXAMPLES.rglob("*.yaml") if "kind: Lab" in path.read_text(encoding="utf-8"))

LAB = """\
apiVersion: podwire.dev/v1alpha1
kind: Lab
metadata: {name: test}
spec:
  networks:
    vpc:
      kind: gcp-vpc
      cidr: 10.0.0.0/24
      project: p
      zone: z-a
      firewall:
        - {name: web, sources: [0.0.0.0/0], allow: ["tcp:30000-30010", icmp]}
  nodes:
    w1: {address: 10.0.0.5, network: vpc, pod_cidr: 10.32.0.0/24, external_ip: 34.1.2.3}
    w2: {network: vpc, labels: {zone: b}}
  hosts:
    client: {address: 203.0.113.7}
  cni:
    gke: {dataplane: calico}
  setup:
    - exec: {on: w1, command: ip link add d0 type dummy}
    - run: {name: a, node: w1}
    - sleep: 1.5
"""

PODS = """\
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec:
  nodeName: w2
  containers: [{name: b, image: nicolaka/netshoot}]
"""

LAN = """\
apiVersion: podwire.dev/v1alpha1
kind: Lab
spec:
  networks:
    lan10: {cidr: 192.168.10.0/24, latency: 0.001}
    lan20: {cidr: 192.168.20.0/24, mtu: 9000}
  routers:
    router:
      nics:
        - {name: eth0, network: lan10, address: 192.168.10.200}
        - {name: eth1, network: lan20, address: 192.168.20.200/24}
      loopbacks: [10.10.1.200/24, 10.10.2.200/24]
  nodes:
    w1: {address: 192.168.10.101/24, network: lan10, gateway: 192.168.10.200, image: ubuntu-22.04, pod_cidr: 10.244.0.0/24}
    w2:
      nics: [{name: eth0, network: lan20, address: 192.168.20.100/24, mtu: 1400}]
      routes: ["192.168.10.0/24 via 192.168.20.200", default via 192.168.20.200]
      pod_cidr: 10.244.1.0/24
  hosts:
    client: {network: lan10, address: 192.168.10.9/24}
  cni:
    calico: {backend: none, ipam: host-local}
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="lab.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_the_examples_load(path):
    assert load(path).nodes


def test_what_a_vpc_lab_builds(write):
    lab = load(write(LAB + PODS))
    assert [(node.name, str(node.ip)) for node in lab.nodes] == [("w1", "10.0.0.5"), ("w2", "10.0.0.2")]
    assert [(pod.name, pod.node.name) for pod in lab.pods] == [("default/a", "w1"), ("default/b", "w2")]
    assert lab.node("w2").labels == {"kubernetes.io/hostname": "w2", "zone": "b"}
    assert "d0" in lab.node("w1").exec("ip link show").stdout
    assert str(lab.host("client").ip) == "203.0.113.7"
    assert lab.pod("a").ping("b").ok
    # The external address and the firewall's icmp entry let the client in.
    assert lab.host("client").ping("34.1.2.3").ok


def test_what_a_lan_lab_builds(write):
    lab = load(write(LAN))
    assert lab.node("w1").ping("192.168.20.100").ok
    router = lab.host("router").exec("ip -br addr").stdout
    assert re.findall(r"^loop\d", router, re.MULTILINE) == ["loop1", "loop2"]
    assert "10.10.2.200/24" in router
    assert "mtu 1400" in lab.node("w2").exec("ip link show eth0").stdout
    rtt = lab.host("client").ping("192.168.10.101").rtt
    assert rtt is not None
    assert rtt > 1


def test_what_the_underlay_of_the_documentation_builds(write):
    """``docs/reference/lab-file.md``: an uplink, a router, networks that lose things, a VPC of AWS."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
    (text,) = [block for block in blocks if "behind-a-router" in block]
    lab = load(write(text))
    w1, w2, vm1, vm2 = lab.nodes
    client, router, printer = lab.host("client"), lab.host("router"), lab.host("printer")
    assert [str(node.ip) for node in lab.nodes] == ["192.168.10.101", "192.168.20.100", "10.0.4.4", "10.0.5.9"]
    assert w1.ping(w2).ttl == 63
    assert w1.ping(client).ok
    assert router.ping(client).ok
    assert w2.ping("10.10.2.200").ok
    # It has a default route to the router, which has one to the uplink, which translates no address of lan20.
    assert "uplink nat translates sources in 10.0.2.0/24 only" in w2.ping(client).trace.explain()
    assert printer.ping(w2).ok
    assert vm1.ping(vm2).ttl == 64
    assert client.ping("34.1.2.3").ok
    assert "mtu 9000" in w2.exec("ip link show eth0").stdout
    # The VPC's route leads to vm1, which sends it by its default route: back to the VPC.
    stray = vm2.ping("10.244.9.9").trace
    assert stray.path == ("vm2:eth0", "vm1:eth0")
    assert "10.244.9.9 is routed to vm1, and vm1 itself sent it out" in " ".join(stray.explain().split())


@pytest.mark.parametrize("isolated", [True, False])
def test_machines_of_an_isolated_uplink_may_have_one_address(isolated, write):
    hosts = "".join(f"    {name}: {{network: nat, address: 10.0.2.9/24}}\n" for name in ("one", "two"))
    path = write(
        LAN.replace(
            "  routers:", f"    nat: {{kind: uplink, cidr: 10.0.2.0/24, isolated: {str(isolated).lower()}}}\n  routers:"
        ).replace("  hosts:\n", f"  hosts:\n{hosts}")
    )
    if isolated:
        assert str(load(path).host("two").ip) == "10.0.2.9"
    else:
        assert "expected an address of its own: spec.hosts.one.address has it too" in said(path)


def test_an_uplink_with_everything_that_it_may_say(write):
    lab = load(
        write(
            LAN.replace(
                "  routers:",
                "    nat: {kind: uplink, cidr: 10.0.0.0/24, gateway: 10.0.0.1, dns: 10.0.0.3, lease: 10.0.0.2, external_ip: 192.0.2.1, "
                "isolated: false, mtu: 1400, latency: 0.01, drops: [tcp]}\n  routers:",
            ).replace(
                "  hosts:\n", "  hosts:\n    one: {network: nat, dhcp: true}\n    two: {network: nat, dhcp: true}\n"
            )
        )
    )
    one, two = lab.host("one"), lab.host("two")
    assert [str(host.ip) for host in (one, two)] == ["10.0.0.2", "10.0.0.4"]
    assert "10.0.0.3 dev eth0 proto dhcp scope link" in one.exec("ip route").stdout
    assert "mtu 1400" in one.exec("ip link show eth0").stdout
    rtt = one.ping(two).rtt
    assert rtt is not None
    assert rtt > 20


def test_a_vpc_of_google_with_everything_that_it_may_say(write):
    more = "      subnets: [10.9.0.0/24]\n      routes: [172.16.0.0/16 via w2]\n      cloud_nat: 35.1.1.1\n      drops: [esp]\n"
    lab = load(
        write(
            LAB.replace("      zone: z-a\n", f"      zone: z-a\n{more}")
            .replace("w2: {network: vpc", "w2: {network: vpc, source_dest_check: false, address: 10.9.0.7")
            .replace('allow: ["tcp:30000-30010", icmp]', 'allow: [all, "4"]')
        )
    )
    w1, w2 = lab.nodes
    assert str(w2.ip) == "10.9.0.7"
    assert "default via 10.9.0.1" in w2.exec("ip route").stdout
    assert w1.ping(w2).ttl == 64
    assert "w2:eth0" in w1.ping("172.16.5.5").trace.path
    # w2 has no external address, and Cloud NAT serves it.
    with lab.capture("client:eth0", filter="icmp") as capture:
        assert w2.ping(lab.host("client")).ok
    assert "35.1.1.1 > 203.0.113.7" in capture.text()


def test_setup_comes_before_the_manifests_and_shows_in_addresses(write):
    write(PODS.removeprefix("---\n"), "b.yaml")
    gone = "    - apply: b.yaml\n    - delete: b.yaml\n    - apply: [b.yaml]\n    - delete: {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
    first, second = load(write(LAB + PODS)), load(write(LAB + gone + PODS, "history.yaml"))
    assert [str(lab.pod("b").ip) for lab in (first, second)] == ["10.32.1.2", "10.32.1.4"]


def test_an_inline_manifest_in_setup(write):
    inline = "    - apply:\n        apiVersion: v1\n        kind: Pod\n        metadata: {name: c}\n        spec: {containers: [{name: c, image: x}]}\n"
    assert load(write(LAB + inline)).pod("c").ip is not None


def test_a_lab_is_always_the_same(write):
    path = write(LAB + PODS)

    def story():
        lab = load(path)
        return [
            lab.pod("a").exec("ip addr").stdout,
            lab.pod("a").ping("b", count=2).text,
            lab.node("w1").exec("ip neigh").stdout,
        ]

    assert story() == story()


def test_another_seed_is_another_lab(write):
    macs = {
        load(write(LAB.replace("spec:\n", f"spec:\n  seed: {seed}\n", 1))).pod("a").exec("ip link").stdout
        for seed in (0, 1)
    }
    assert len(macs) == 2


def said(path):
    with pytest.raises(PodwireError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: Lab", "kind: Labb", 'lab.yaml:2: kind: got "Labb", expected Lab'),
        ("v1alpha1", "v2", 'lab.yaml:1: apiVersion: got "podwire.dev/v2", expected podwire.dev/v1alpha1'),
        ("  nodes:", "  noddes:", None),
        (
            "zone: z-a",
            "zon: z-a",
            (
                'lab.yaml:10: spec.networks.vpc.zon: got "z-a", expected one of the fields '
                "cidr, kind, project, zone, firewall, subnets, mtu, latency, drops, routes, cloud_nat, cloud_nat_ports"
            ),
        ),
        (
            "cidr: 10.0.0.0/24",
            "cidr: 10.0.0.0/33",
            'lab.yaml:8: spec.networks.vpc.cidr: got "10.0.0.0/33", expected an address range such as 10.0.0.0/24',
        ),
        (
            "cidr: 10.0.0.0/24",
            "cidr: 10.0.0.1/24",
            (
                'lab.yaml:8: spec.networks.vpc.cidr: got "10.0.0.1/24", expected an address range such as 10.0.0.0/24 '
                "(host bits are set in '10.0.0.1/24': the network is 10.0.0.0/24)"
            ),
        ),
        (
            "      cidr: 10.0.0.0/24\n",
            "",
            "lab.yaml:7: spec.networks.vpc.cidr: got nothing, expected an address range such as 10.0.0.0/24",
        ),
        (
            "kind: gcp-vpc",
            "kind: aws",
            'lab.yaml:7: spec.networks.vpc.kind: got "aws", expected one of segment, gcp-vpc, aws-vpc, azure-vnet, uplink',
        ),
        (
            "30000-30010",
            "30010-30000",
            'lab.yaml:12: spec.networks.vpc.firewall[0].allow[0]: got "tcp:30010-30000", expected ports from 1 to 65535, the lower one first',
        ),
        (
            "icmp]",
            "ping]",
            (
                'lab.yaml:12: spec.networks.vpc.firewall[0].allow[1]: got "ping", expected what to allow: '
                "icmp, tcp, udp:53, tcp:30000-32767, sctp, esp, ah, ipip, a protocol number or all"
            ),
        ),
        (
            "icmp]",
            '"256"]',
            'lab.yaml:12: spec.networks.vpc.firewall[0].allow[1]: got "256", expected a protocol number up to 255',
        ),
        (
            "icmp]",
            "4]",
            (
                "lab.yaml:12: spec.networks.vpc.firewall[0].allow[1]: got 4, expected text "
                "(YAML reads 4 as a number: put it in quotes)"
            ),
        ),
        (
            "zone: z-a",
            "subnets: [10.0.1.0/24, 10.0.0.128/25]",
            'lab.yaml:10: spec.networks.vpc.subnets[1]: got "10.0.0.128/25", expected a range of its own: it overlaps 10.0.0.0/24',
        ),
        (
            "zone: z-a",
            "drops: [ipip, gue]",
            (
                "lab.yaml:10: spec.networks.vpc.drops[1]: got \"gue\", expected what to lose ('gue': expected a number from 0 to 255 "
                "or one of icmp, ipip, tcp, udp, esp, ah, sctp, igmp, gre as the protocol)"
            ),
        ),
        (
            "zone: z-a",
            'drops: ["udp:"]',
            (
                'lab.yaml:10: spec.networks.vpc.drops[0]: got "udp:", expected what to lose: a protocol by name or number, '
                "with ports where it has some, such as ipip, 4, udp:4789 or udp:4789-8472"
            ),
        ),
        (
            "zone: z-a",
            "routes: [10.244.0.0/24 via w9]",
            (
                'lab.yaml:10: spec.networks.vpc.routes[0]: got "10.244.0.0/24 via w9", '
                "expected a route via one of the nodes w1, w2, or a node's address"
            ),
        ),
        (
            "zone: z-a",
            "cloud_nat: 203.0.113.7",
            (
                'lab.yaml:17: spec.hosts.client.address: got "203.0.113.7", '
                "expected an address of its own: spec.networks.vpc.cloud_nat has it too"
            ),
        ),
        (
            "34.1.2.3}",
            "203.0.113.7}",
            (
                'lab.yaml:17: spec.hosts.client.address: got "203.0.113.7", '
                "expected an address of its own: spec.nodes.w1.external_ip has it too"
            ),
        ),
        (
            "{address: 203.0.113.7}",
            "{network: vpc}",
            'lab.yaml:17: spec.hosts.client: got {"network": "vpc"}, expected exactly one of address and dhcp',
        ),
        (
            "address: 10.0.0.5",
            "address: 10.0.1.5",
            'lab.yaml:14: spec.nodes.w1.address: got "10.0.1.5", expected an address in 10.0.0.0/24, the range of network vpc',
        ),
        (
            "address: 10.0.0.5",
            "address: 10.0.0.1",
            'lab.yaml:14: spec.nodes.w1.address: got "10.0.0.1", expected an address that is free in 10.0.0.0/24: a VPC reserves the first two and the last two',
        ),
        (
            "address: 10.0.0.5",
            "address: 10.0.0.5/24",
            'lab.yaml:14: spec.nodes.w1.address: got "10.0.0.5/24", expected an address without a prefix length: the VPC gives it',
        ),
        (
            "w2: {",
            "w2: {address: 10.0.0.5, ",
            'lab.yaml:15: spec.nodes.w2.address: got "10.0.0.5", expected an address of its own: spec.nodes.w1.address has it too',
        ),
        (
            "w2: {",
            "w2: {pod_cidr: 10.32.0.0/16, ",
            'lab.yaml:15: spec.nodes.w2.pod_cidr: got "10.32.0.0/16", expected a range of its own: node w1 has 10.32.0.0/24',
        ),
        (
            "w2: {",
            "w2: {pod_cidr: 10.99.0.0/24, ",
            'lab.yaml:15: spec.nodes.w2.pod_cidr: got "10.99.0.0/24", expected a range in 10.32.0.0/14, the cluster\'s pod_range',
        ),
        (
            "w2: {",
            "w2: {gateway: 10.0.0.1, ",
            'lab.yaml:15: spec.nodes.w2.gateway: got "10.0.0.1", expected no gateway in a gcp-vpc network: its machines get theirs from the VPC',
        ),
        ("w2: {", "w2: {mtu: 10, ", "lab.yaml:15: spec.nodes.w2.mtu: got 10, expected an integer from 68 to 65535"),
        (
            "w2: {",
            "w2: {image: beos, ",
            (
                'lab.yaml:15: spec.nodes.w2.image: got "beos", expected an image '
                "(image 'beos' is not known; known are cos, debian-12, macos, netshoot, ubuntu-22.04)"
            ),
        ),
        ("w2: {", "w2: {routes: [10.1.0.0/33 via 10.0.0.1], ", None),
        (
            "w2: {network: vpc",
            "w2: {network: lan",
            'lab.yaml:15: spec.nodes.w2.network: got "lan", expected one of the networks vpc',
        ),
        (
            "w2: {",
            "client: {",
            'lab.yaml:17: spec.hosts.client: got {"address": "203.0.113.7"}, expected a name of its own: client is spec.nodes.client',
        ),
        ("203.0.113.7", "203.0.113.7/24", None),
        (
            "203.0.113.7",
            "203.0.113.700",
            "lab.yaml:17: spec.hosts.client.address: got \"203.0.113.700\", expected an address (not an IPv4 address: '203.0.113.700')",
        ),
        (
            "gke: {dataplane: calico}",
            "flannel: {}",
            "lab.yaml:19: spec.cni.flannel: got {}, expected one of calico, gke, cilium, plugins",
        ),
        ("gke: {dataplane: calico}", "gke: {}\n    calico: {}", None),
        (
            "dataplane: calico",
            "dataplane: antrea",
            'lab.yaml:19: spec.cni.gke.dataplane: got "antrea", expected one of ptp, calico',
        ),
        ("  cni:\n    gke: {dataplane: calico}\n", "", "lab.yaml:5: spec.cni: got nothing, expected a mapping"),
        (
            "on: w1",
            "on: w9",
            "lab.yaml:21: spec.setup[0].exec.on: got \"w9\", expected a machine or pod that is there by now (machine 'w9' is not there; machines are w1, w2, client)",
        ),
        ("ip link add d0 type dummy", "ip link add d0 type dummy | cat", None),
        ("ip link add d0 type dummy", "frobnicate", None),
        (
            "ip link add d0 type dummy",
            "ip link del d0",
            'lab.yaml:21: spec.setup[0].exec.command: got "ip link del d0", expected a command that succeeds (exit status 1: Cannot find device "d0")',
        ),
        (
            "sleep: 1.5",
            "sleep: -1",
            "lab.yaml:23: spec.setup[2].sleep: got -1, expected a number of seconds, 0 or more",
        ),
        ("sleep: 1.5", "sleep: 1.5\n      run: {name: z}", None),
        ("sleep: 1.5", "apply: nowhere.yaml", None),
        (
            "run: {name: a, node: w1}",
            "run: {name: a, node: w9}",
            'lab.yaml:22: spec.setup[1].run.node: got "w9", expected one of the nodes w1, w2',
        ),
        ("name: test", "nam: test", 'lab.yaml:3: metadata.nam: got "test", expected one of the fields name'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old, new, message, write):
    assert LAB.count(old) >= 1
    complaint = said(write(LAB.replace(old, new, 1)))
    assert complaint.startswith("lab.yaml:")
    assert message is None or complaint == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "address: 192.168.10.200}",
            "dhcp: true}",
            "lab.yaml:10: spec.routers.router.nics[0].dhcp: got true, expected no dhcp: network lan10 is no uplink",
        ),
        (
            "address: 192.168.10.200}",
            "source_dest_check: false}",
            (
                "lab.yaml:10: spec.routers.router.nics[0].source_dest_check: got false, "
                "expected no source_dest_check outside a network of kind gcp-vpc, aws-vpc or azure-vnet"
            ),
        ),
        (
            "mtu: 9000",
            "mtu: 9000, subnets: [192.168.20.0/25]",
            (
                'lab.yaml:6: spec.networks.lan20.subnets: got ["192.168.20.0/25"], '
                "expected one of the fields cidr, kind, mtu, latency, drops"
            ),
        ),
        (
            "mtu: 9000",
            "kind: uplink, gateway: 10.0.2.2",
            'lab.yaml:6: spec.networks.lan20.gateway: got "10.0.2.2", expected an address for a machine in 192.168.20.0/24',
        ),
        (
            "mtu: 9000",
            "kind: aws-vpc, subnets: [192.168.21.0/24]",
            'lab.yaml:6: spec.networks.lan20.subnets[0]: got "192.168.21.0/24", expected a range in 192.168.20.0/24, the range of the network',
        ),
        (
            "      loopbacks",
            "      routes: [10.0.0.0/8]\n      loopbacks",
            "lab.yaml:12: spec.routers.router.routes[0]: got \"10.0.0.0/8\", expected a route such as '10.0.0.0/8 via 192.168.10.1'",
        ),
        (
            "name: eth1",
            "name: eth0",
            'lab.yaml:11: spec.routers.router.nics[1].name: got "eth0", expected a device name that the machine does not have yet',
        ),
        (
            "network: lan10, gateway",
            "gateway",
            "lab.yaml:14: spec.nodes.w1.network: got nothing, expected one of the networks lan10, lan20",
        ),
        (
            "      routes: [",
            "      address: 10.0.0.1\n      routes: [",
            'lab.yaml:17: spec.nodes.w2.address: got "10.0.0.1", expected either nics or address and network, not both',
        ),
        (
            "default via",
            "default dev",
            "lab.yaml:17: spec.nodes.w2.routes[1]: got \"default dev 192.168.20.200\", expected a route such as '10.0.0.0/8 via 192.168.10.1'",
        ),
        (
            "backend: none, ipam: host-local",
            "wireguard_enabled: true",
            "lab.yaml:22: spec.cni.calico: not modelled: Calico(wireguard_enabled=True)",
        ),
        ("gateway: 192.168.10.200", "gateway: 10.9.9.9", None),
        (
            "192.168.20.100/24",
            "192.168.20.100/99",
            'lab.yaml:16: spec.nodes.w2.nics[0].address: got "192.168.20.100/99", expected a prefix length from 0 to 32',
        ),
    ],
)
def test_what_is_wrong_with_segments(old, new, message, write):
    assert LAN.count(old) >= 1
    complaint = said(write(LAN.replace(old, new, 1)))
    assert complaint.startswith("lab.yaml:")
    assert message is None or complaint == message


def test_errors_in_the_other_documents_have_the_line_of_the_file(write):
    assert said(write(LAB + PODS.replace("nodeName", "nodename"))) == (
        'lab.yaml:29: spec.nodename: got "w2", expected no field of that name (strict decoding error: unknown field "spec.nodename"); did you mean nodeName?'
    )
    assert (
        said(write(LAB + PODS.replace("w2", "w9")))
        == 'lab.yaml:29: spec.nodeName: got "w9", expected one of the nodes w1, w2'
    )


def test_a_file_of_setup_is_read_before_anything_is_built(write, monkeypatch):
    write("apiVersion: v1\nkind: Pod\n", "bad.yaml")
    monkeypatch.setattr("podwire.lab.building.Cluster", None)
    assert said(write(LAB + "    - apply: bad.yaml\n")) == "bad.yaml:1: metadata: got nothing, expected a mapping"


def test_no_lab_at_all(write, tmp_path):
    assert (
        said(write("# nothing\n"))
        == "lab.yaml: got nothing, expected a document of apiVersion podwire.dev/v1alpha1, kind Lab"
    )
    assert said(tmp_path / "nowhere.yaml") == "nowhere.yaml: No such file or directory"


LINES = LAB.splitlines()


@given(st.integers(0, len(LINES) - 1), st.sampled_from(["", "x", "- 1", "  null", "[]", "{a: 1}", "  - {}", "0"]))
def test_a_lab_with_any_line_replaced_loads_or_complains_with_the_file(tmp_path_factory, number, text):
    path = tmp_path_factory.mktemp("lab") / "lab.yaml"
    path.write_text("\n".join([*LINES[:number], text, *LINES[number + 1 :]]), encoding="utf-8")
    try:
        load(path)
    except PodwireError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


class _Point:
    """An entry point of a package that brings a backend of its own."""

    name = "plain"

    @staticmethod
    def load():
        return _Plain


class _Plain(msgspec.Struct, frozen=True):
    pod_range: str = "10.9.0.0/16"

    def new_backend(self):
        return PtpBackend(PtpNetwork())


def test_a_backend_of_another_package_is_a_key_of_cni(monkeypatch, tmp_path):
    class Points(tuple):
        __slots__ = ()
        names = frozenset({"plain"})

    def entry_points(*, group, name="plain"):
        assert group == "podwire.backends"
        return Points([_Point] if name == "plain" else [])

    monkeypatch.setattr("podwire.lab.building.entry_points", entry_points)
    text = """
apiVersion: podwire.dev/v1alpha1
kind: Lab
spec:
  networks: {lan: {cidr: 192.168.10.0/24}}
  nodes: {w1: {}, w2: {}}
  cni: {%s: %s}
"""
    file = tmp_path / "lab.yaml"

    def loads(text):
        file.write_text(text, encoding="utf-8")
        return load(file)

    lab = loads(text % ("plain", "{pod_range: 10.7.0.0/16}"))
    assert [str(node.spec.pod_cidr) for node in lab.nodes] == ["10.7.0.0/24", "10.7.1.0/24"]
    assert lab.run("a", node="w1").ping(lab.run("b", node="w1")).ok
    with pytest.raises(ManifestError, match=r"spec\.cni\.plain\.colour"):
        loads(text % ("plain", "{colour: red}"))
    with pytest.raises(ManifestError, match="expected one of calico, gke, cilium, plugins, plain"):
        loads(text % ("flannel", "{}"))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{name: r, sources: [0.0.0.0/0]}", "exactly one of allow and deny"),
        ("{name: r, sources: [0.0.0.0/0], allow: [icmp], deny: [icmp]}", "exactly one of allow and deny"),
        ("{name: r, allow: [icmp]}", "sources or source_tags: a rule for ingress says who sends"),
        ("{name: r, direction: egress, deny: [icmp]}", "destinations: a rule for egress says where to"),
        (
            "{name: r, direction: egress, deny: [icmp], destinations: [1.1.1.1/32], sources: [0.0.0.0/0]}",
            "no sources or source_tags in a rule for egress",
        ),
    ],
)
def test_firewall_rules_that_cannot_be(write, rule, message):
    path = write(LAB)
    text = path.read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if "allow:" in line)
    path.write_text(text.replace(old, f"        - {rule}"), encoding="utf-8")
    with pytest.raises(ManifestError, match=message):
        load(path)


def test_firewall_rules_that_deny_or_are_for_egress(write):
    path = write(LAB + PODS)
    text = path.read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if "allow:" in line)
    rules = "{name: out, direction: egress, deny: [icmp], destinations: [203.0.113.0/24], tags: [gke-cluster-node], priority: 5}"
    path.write_text(text.replace(old, f"{old}\n        - {rules}"), encoding="utf-8")
    lab = load(path)
    lost = lab.node("w1").ping(lab.host("client")).trace
    assert lost.decided_by.startswith("firewall rule out denies w1 to send icmp to 203.0.113.7")
