"""Cases of what Felix writes on a node: a small Calico cluster with random NetworkPolicies, whose first node is built again elsewhere.

Felix, BIRD's part left out, programs ``node1`` of a cluster of podwire's; what it wrote (routes, neighbours, entries of the VXLAN device,
switches, IP sets, and each text for iptables-restore, in order) is given to both worlds. ``a`` is a pod of the node; ``b`` is another
one, or what is behind eth0: the other node, with pods behind its tunnel, and the world.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Literal
from unittest import mock

from podwire.cluster import Cluster, Node, Pod
from podwire.cni.calico.config import Calico, IPPool
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from tests.oracle.rules import packets
from tests.oracle.rules.case import Answer, Case, Local
from tests.oracle.rules.draw import Drawing, Item

POOL = "10.48.0.0/24"
NODE, OTHER, WORLD, STRANGER = "192.168.10.101", "192.168.10.102", "192.168.10.1", "192.168.10.77"
VNI = 4096
SPACES = ("default", "shop")
PORTS = (80, 53, 443, 8080, 30007)
_LABELS: tuple[dict[str, str], ...] = ({"app": "web"}, {"app": "db"}, {"app": "web", "tier": "front"}, {})
_EXPRESSIONS: tuple[dict[str, Any], ...] = (
    {"key": "app", "operator": "In", "values": ["web", "db"]},
    {"key": "app", "operator": "NotIn", "values": ["db"]},
    {"key": "tier", "operator": "Exists"},
    {"key": "tier", "operator": "DoesNotExist"},
)
_BLOCKS: tuple[dict[str, Any], ...] = (
    {"cidr": "0.0.0.0/0"},
    {"cidr": "0.0.0.0/0", "except": ["10.48.0.0/16", "8.8.8.0/24"]},
    {"cidr": "10.48.0.0/16", "except": ["10.48.0.0/25"]},
    {"cidr": "192.168.10.0/24", "except": ["192.168.10.102/32"]},
    {"cidr": "8.8.8.8/32"},
)
_CHANCE = re.compile(r"--probability [\d.]+")
TRACED = "*raw\n-I PREROUTING -j TRACE\n-I OUTPUT -j TRACE\nCOMMIT\n"


class Written:
    """What is written into one namespace, as commands."""

    def __init__(self, netns: Netns, variant: str) -> None:
        self.netns = netns
        self.variant = variant
        self.commands: list[tuple[str, str]] = []
        self._sets: list[str] = []

    @contextmanager
    def kept(self, node: Node) -> Iterator[None]:
        """Texts for iptables-restore, and the sets as they were then."""
        real = Netlink.iptables_restore

        def restore(door: Netlink, text: str, **options: Any) -> None:
            if door.netns is self.netns:
                self.sets(node)
                flags = " --noflush" * bool(options.get("noflush")) + " --counters" * bool(options.get("counters"))
                self.commands.append((f"{packets.TOOLS[self.variant]}-restore{flags}", text))
            real(door, text, **options)

        with mock.patch.object(Netlink, "iptables_restore", restore):
            yield
        self.sets(node)

    def sets(self, node: Node) -> None:
        """Bring the sets up to date: of ``ipset save``, what is new and what is gone."""
        now = re.sub(r" (initval \w+|bucketsize \d+|hashsize \d+)", "", node.exec("ipset save").stdout).splitlines()
        gone = [line for line in self._sets if line not in now]
        lost = {line.split()[1] for line in gone if line.startswith("create")}
        text = [
            line.replace("add", "del", 1) for line in gone if line.startswith("add") and line.split()[1] not in lost
        ]
        text += [f"destroy {name}" for name in sorted(lost)]
        text += [line for line in now if line not in self._sets]
        if text:
            self.commands.append(("ipset restore", "\n".join(text) + "\n"))
        self._sets = now


class PolicyDrawing(Drawing):
    """One case."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.theme = "policies"
        self.ports = PORTS
        self.vxlan = self.chance(60)
        self.outside = self.vxlan or self.chance(50)
        """Behind b is eth0."""

    def case(self) -> Case:
        """The cluster, what was written, and packets."""
        pool = IPPool(POOL, block_size=29, vxlan_mode="Always" if self.vxlan else "Never", nat_outgoing=self.chance(70))
        action: Literal["Accept", "Drop", "Return"] = self.pick(("Accept", "Accept", "Drop", "Return"))
        allow: Literal["Accept", "Return"] = self.pick(("Accept", "Accept", "Return"))
        cluster = Cluster(
            Calico(
                ip_pools=(pool,),
                default_endpoint_to_host_action=action,
                iptables_filter_allow_action=self.pick(("Accept", "Return")),
                iptables_mangle_allow_action=allow,
            )
        )
        cluster.add_network("lan10", "192.168.10.0/24")
        cluster.add_node("node1", f"{NODE}/24", network="lan10", gateway=WORLD)
        node = cluster.nodes[0]
        written = Written(node.place.netns, self.variant)
        first = node.exec("iptables-save").stdout
        written.sets(node)
        written.commands.append((f"{packets.TOOLS[self.variant]}-restore --noflush", first))
        with written.kept(node):
            cluster.add_node("node2", f"{OTHER}/24", network="lan10", gateway=WORLD)
            self._fill(cluster)
            cluster.told()
        self.here = [pod for pod in cluster.pods if pod.spec.node == "node1"]
        self.there = [pod for pod in cluster.pods if pod.spec.node == "node2"]
        near = self.here[: 1 if self.outside else 2]
        devices = [cluster.backend.interface(pod.spec) for pod in near]
        self.vteps = self._macs(cluster) if self.vxlan else ("", "")
        # Of what goes into a tunnel the kernel's trace tells more than ours: README.md.
        trace = self.variant == "nft" and not self.vxlan and self.chance(60)
        syncs = written.commands
        if trace:
            syncs = [*syncs, ("iptables-nft-restore --noflush", TRACED)]
        return Case(
            self.variant,
            self.theme,
            "",
            tuple(self.packets()),
            trace=trace,
            listening=self.listening(),
            devices=(devices[0], "eth0" if self.outside else devices[1]),
            setup=(
                *self._wires(node, near, devices),
                *((command, _CHANCE.sub("--probability 1.0", text)) for command, text in syncs),
            ),
        )

    def _fill(self, cluster: Cluster) -> None:
        """Namespaces, pods, Services and policies, some of which change then."""
        cluster.apply(self._space("shop"))
        for number in range(2 if self.outside else 3):
            self._run(cluster, f"p{number}", "node1")
        for number in range(self.number(1, 3)):
            self._run(cluster, f"q{number}", "node2")
        wanted = [self._policy(number) for number in range(self.number(1, 4))]
        cluster.apply(wanted)
        if self.chance(60):
            self._change(cluster, wanted)

    def _change(self, cluster: Cluster, wanted: list[dict[str, Any]]) -> None:
        match self.pick(("policy", "policy", "gone", "pod", "space", "felix")):
            case "policy":
                cluster.apply(self._policy(self.number(0, len(wanted))))
            case "gone":
                cluster.delete(self.pick(wanted))
            case "pod":
                self._run(cluster, "late", self.pick(("node1", "node2")))
            case "space":
                cluster.apply(self._space(self.pick(SPACES)))
            case _:
                cluster.nodes[0].agent("felix").restart()

    def _run(self, cluster: Cluster, name: str, node: str) -> None:
        cluster.run(name, node=node, namespace=self.pick(SPACES), labels=self.pick(_LABELS))

    def _space(self, name: str) -> dict[str, Any]:
        labels = self.pick(({"team": "red"}, {"team": "blue"}, {}))
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}

    # -- policies -------------------------------------------------------------------------------------------------

    def _policy(self, number: int) -> dict[str, Any]:
        """A NetworkPolicy with up to three rules a direction; sometimes of a name that is too long for a chain."""
        name = f"policy{number}{'-of-a-long-name-that-is-cut' if number % 2 else ''}"
        types = self.pick((["Ingress"], ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        spec: dict[str, Any] = {"podSelector": self._selector(), "policyTypes": types}
        for kind, side in (("Ingress", "from"), ("Egress", "to")):
            if kind in types:
                spec[kind.lower()] = [self._rule(side) for _ in range(self.pick((0, 1, 1, 2, 3)))]
        meta = {"name": name, "namespace": SPACES[number // 2 % 2]}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}

    def _selector(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.chance(40):
            found["matchLabels"] = self.pick(_LABELS[:3])
        if self.chance(25):
            found["matchExpressions"] = [self.pick(_EXPRESSIONS)]
        return found

    def _rule(self, side: str) -> dict[str, Any]:
        rule: dict[str, Any] = {}
        if self.chance(80):
            rule[side] = [self._peer() for _ in range(self.number(1, 2))]
        if self.chance(60):
            rule["ports"] = [self._port() for _ in range(self.pick((1, 1, 2, 17)))]
        return rule

    def _peer(self) -> dict[str, Any]:
        if self.chance(35):
            return {"ipBlock": self.pick(_BLOCKS)}
        peer: dict[str, Any] = {}
        if self.chance(50):
            peer["namespaceSelector"] = self.pick(({}, {"matchLabels": {"team": "red"}}))
        if not peer or self.chance(60):
            peer["podSelector"] = self._selector()
        return peer

    def _port(self) -> dict[str, Any]:
        protocol = self.pick(("TCP", "TCP", "UDP", "SCTP"))
        if self.chance(10):
            return {"protocol": protocol}
        port = self.pick(PORTS)
        return {"protocol": protocol, "port": port, **({"endPort": port + 1000} if self.chance(20) else {})}

    # -- the node again -------------------------------------------------------------------------------------------

    def _macs(self, cluster: Cluster) -> tuple[str, str]:
        links = [node.place.netns.link("vxlan.calico") for node in cluster.nodes]
        return tuple(str(link.mac) for link in links if link is not None)  # type: ignore[return-value]

    def _wires(self, node: Node, near: list[Pod], devices: list[str]) -> Iterator[tuple[str, str]]:
        """Addresses, routes, neighbours and switches."""
        mac = {key: ":".join(value[at : at + 2] for at in range(0, 12, 2)) for key, value in packets.MACS.items()}
        yield f"ip addr add {NODE}/24 dev {'eth0' if self.outside else 'lo'}", ""
        for side, pod, dev in zip("ab", near, devices, strict=False):
            yield f"ip neigh add {pod.ip} lladdr {mac[side]} dev {dev} nud permanent", ""
            for key in ("route_localnet", "proxy_arp", "forwarding", "rp_filter"):
                yield (
                    f"sysctl -qw net.ipv4.conf.{dev}.{key}={node.exec(f'sysctl -n net.ipv4.conf.{dev}.{key}').stdout.strip()}",
                    "",
                )
        if self.outside:
            for ip in (OTHER, WORLD, STRANGER):
                yield f"ip neigh add {ip} lladdr {mac['b']} dev eth0 nud permanent", ""
        known = ["blackhole", *devices, *(("eth0", "vxlan.calico") if self.outside else ())]
        if self.vxlan:
            link = node.place.netns.link("vxlan.calico")
            assert link is not None
            yield (
                (
                    f"ip link add vxlan.calico address {link.mac} mtu {link.mtu}"
                    f" type vxlan id {VNI} local {NODE} dev eth0 dstport 4789 nolearning"
                ),
                "",
            )
            yield f"ip addr add {link.addresses[0].local}/32 dev vxlan.calico", ""
            yield "ip link set vxlan.calico up", ""
            for line in node.exec("bridge fdb show dev vxlan.calico").stdout.splitlines():
                words = line.split()
                if "dst" in words:
                    yield f"bridge fdb append {words[0]} dev vxlan.calico dst {words[words.index('dst') + 1]}", ""
            for line in node.exec("ip neigh show dev vxlan.calico").stdout.splitlines():
                words = line.split()
                yield (
                    f"ip neigh replace {words[0]} lladdr {words[words.index('lladdr') + 1]} dev vxlan.calico nud permanent",
                    "",
                )
        for line in node.exec("ip route").stdout.splitlines():
            if "proto kernel" not in line and any(each in line.split() for each in known):
                yield f"ip route replace {line.strip()}", ""

    # -- what is sent ---------------------------------------------------------------------------------------------

    def packets(self) -> list[Item]:
        """Flows from each side and of the node's own."""
        result: list[Item] = []
        for _ in range(self.number(4, 7)):
            match self.pick("aaaabbbl"):
                case "a":
                    result += self._from_pod(self.here[0], "a")
                case "b" if not self.outside:
                    result += self._from_pod(self.here[1], "b")
                case "b":
                    result += self._from_outside()
                case _:
                    result += self._own()
        return result

    def _targets(self) -> list[str]:
        pods = [str(pod.ip) for pod in (*self.here, *self.there)]
        return [*pods, *pods, NODE, "10.48.0.250", *((OTHER, WORLD, "8.8.8.8") if self.outside else ())]

    def _from_pod(self, pod: Pod, side: str) -> list[Item]:
        """Now and then from another's address, or encapsulated."""
        src = str(pod.ip)
        if self.chance(12):
            src = self.pick((str(self.here[1].ip), "10.48.0.250", "8.8.4.4", NODE, "127.0.0.1"))
        dst = self.pick([each for each in self._targets() if each != src])
        if self.chance(6):
            body = self.pick((packets.udp(40000, 4789, b"x" * 30), b""))
            proto = packets.UDP if body else 4
            inner = packets.ipv4(packets.address(src), packets.address(dst), packets.UDP, packets.udp(1, 2, b""))
            data = packets.transport(packets.UDP, packets.address(src), packets.address(dst), body) if body else inner
            return [self.send(side, packets.ipv4(packets.address(src), packets.address(dst), proto, data))]
        return self._flow(side, src, dst)

    def _from_outside(self) -> list[Item]:
        """From the other node, the world, or, through the tunnel, a pod there."""
        dst = self.pick([str(self.here[0].ip)] * 3 + [NODE, str(self.here[1].ip), "10.48.0.250"])
        if not self.vxlan or not self.chance(65):
            return self._flow("b", self.pick((OTHER, WORLD, "8.8.8.8")), dst)
        src = str(self.pick(self.there).ip)
        if self.chance(15):
            src = self.pick(("10.48.0.251", str(self.here[1].ip), "8.8.8.8"))
        ends = self.pick((OTHER, OTHER, OTHER, OTHER, STRANGER))
        return [self._wrapped(each, ends) for each in self._flow("b", src, dst)]

    def _wrapped(self, item: Item, outer: str) -> Item:
        """In VXLAN, if it is no answer."""
        if isinstance(item, (Answer, Local)):
            return item
        mine, theirs = (bytes.fromhex(mac.replace(":", "")) for mac in self.vteps)
        inner = mine + theirs + bytes.fromhex(item.data)[12:]
        return self.send("b", packets.wrapped(packets.address(outer), packets.address(NODE), VNI, inner))

    def _flow(self, side: str, src: str, dst: str) -> list[Item]:
        near, far = packets.address(src), packets.address(dst)
        sport, dport = self.pick((1000, 40000, 40001, 500)), self.pick(self.ports)
        # The kernel cuts anew what was joined where a tunnel needs more room before it: README.md.
        last = "sctp" if self.vxlan else "fragments"
        match self.pick(("tcp",) * 6 + ("udp",) * 4 + ("icmp",) * 3 + ("sctp", last)):
            case "tcp":
                return self.tcp_flow(side, near, far, sport, dport, 64, 0)
            case "udp":
                return self.udp_flow(side, near, far, sport, dport, 64, 0)
            case "sctp":
                return self.sctp_flow(side, near, far, sport, dport, 64, 0)
            case "fragments":
                return self.fragments(side, near, far, sport, dport)
            case _:
                head = packets.icmp(8, 0, self.number(1, 5) << 16 | 1, b"ping" * 4)
                body = packets.transport(packets.ICMP, near, far, head)
                send = self.send(side, packets.ipv4(near, far, packets.ICMP, body, ident=self.ident()))
                others: tuple[Item, ...] = (Answer("reply"), send, Answer("exceeded"))
                return [send, *self.some(others, 2)]

    def _own(self) -> list[Item]:
        """The node itself begins: kubelet's probes go to pods."""
        src, dst = packets.address(NODE), packets.address(self.pick(self._targets()))
        sport, dport = self.pick((1000, 40000, 500)), self.pick(self.ports)
        proto, body = self.pick(
            (
                (packets.TCP, packets.tcp(sport, dport, 1000, 0, packets.SYN, mss=1460)),
                (packets.UDP, packets.udp(sport, dport, b"x" * self.number(0, 64))),
                (packets.ICMP, packets.icmp(8, 0, self.number(1, 5) << 16 | 1, b"ping")),
            )
        )
        data = packets.ipv4(src, dst, proto, packets.transport(proto, src, dst, body), ident=self.ident())
        send = Local(data.hex())
        more: tuple[Item, ...] = (Answer("reply"), Answer("reply"), send, Answer("unreachable"))
        return [send, *self.some(more, 3)]


def generate(seed: int, count: int) -> list[Case]:
    """The first ``count`` cases of a seed."""
    return [PolicyDrawing(Random(f"policies/{seed}/{number}")).case() for number in range(count)]
