"""Cases of what kube-proxy writes: random Services and EndpointSlices, rendered by ``podwire.kubeproxy``, and packets that are meant for them.

The router is the node ``node1`` with the pods 10.2.0.0/24 behind rb; behind ra are the other nodes, and who comes from outside. It gets
what a node gets: kubelet's rules, the jumps, a first sync and often a second one, which is partial, after something has changed.
What kube-proxy leaves to chance is made certain after rendering: every probability is 0 or 1.
"""

import re
from random import Random
from socket import AF_INET
from typing import Any

import msgspec

from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import Service
from podwire.kubeproxy import KubeProxyConfig, Renderer, Surroundings, fixed
from podwire.kubeproxy.objects import Objects
from podwire.wire.addr import Ip, Net
from tests.kubeproxy.samples import endpoints, service
from tests.oracle.rules import packets
from tests.oracle.rules.case import Answer, Case, Local
from tests.oracle.rules.draw import PORTS, TRACED, VIPS, Drawing, Item

NODE = "node1"
NODE_IPS = ("10.1.0.1", "10.2.0.1")
PODS = ("10.2.0.3", "10.2.0.4", "10.2.0.5")
REMOTE = ("10.1.0.4", "10.1.0.5")
_CHANCE = re.compile(r"--probability [\d.]+")
_RANGES = ((), (), ("10.1.0.0/24",), ("10.1.0.2/32", "10.2.0.0/24"), ("192.168.0.0/16",), ("10.1.0.0/29", "8.8.8.0/24"))


class ServiceDrawing(Drawing):
    """One case."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.theme = "services"
        self.targets: list[tuple[str, int, str]] = []
        """Addresses and ports at which Services are reached, and their protocols."""

    def case(self) -> Case:
        config = self.config()
        around = Surroundings(
            ip=Ip.parse(NODE_IPS[0]),
            pod_cidr=Net.parse("10.2.0.0/24"),
            zone=self.pick(("", "a")),
            local=tuple(map(Ip.parse, ("127.0.0.1", *NODE_IPS))),
            liberal=self.chance(25),
        )
        services = [self.service(number) for number in range(self.number(1, 4))]
        slices = [each for one in services for each in self.slices(one)]
        known, renderer = Objects(AF_INET, NODE), Renderer(config)
        known.update(services, slices)
        syncs = [_jumps(), renderer.render(known.services, known.endpoints, around).text]
        if self.chance(60):
            services, slices = self.changed(services, slices)
            known.update(services, slices)
            syncs.append(renderer.render(known.services, known.endpoints, around, full=self.chance(25)).text)
        self.aim(services)
        trace = self.variant == "nft" and self.chance(50)
        switches = {"net.ipv4.conf.all.route_localnet": config.route_localnet}
        switches["net.netfilter.nf_conntrack_tcp_be_liberal"] = around.liberal
        case = Case(
            self.variant,
            self.theme,
            (TRACED if trace else "") + fixed.kubelet_rules(),
            (),
            sysctls=tuple(f"{key}=1" for key, on in switches.items() if on),
            trace=trace,
            syncs=tuple(_CHANCE.sub(lambda _: f"--probability {self.pick('01')}.0000000000", text) for text in syncs),
            listening=self.listening(),
        )
        return msgspec.structs.replace(case, packets=tuple(self.packets()))

    def config(self) -> KubeProxyConfig:
        """Flags."""
        local: tuple[dict[str, Any], ...] = (
            {},
            {"cluster_cidr": "10.2.0.0/24"},
            {"cluster_cidr": "10.2.0.0/24,fd00::/64"},
            {"detect_local_mode": "NodeCIDR"},
            {"detect_local_mode": "BridgeInterface", "pod_bridge_interface": "rb"},
            {"detect_local_mode": "InterfaceNamePrefix", "pod_interface_name_prefix": "r"},
        )
        return KubeProxyConfig(
            **self.pick(local),
            masquerade_all=self.chance(15),
            iptables_masquerade_bit=self.pick((14, 14, 14, 0, 31)),
            iptables_localhost_nodeports=self.chance(75),
            nodeport_addresses=self.pick(
                ((), (), (), ("10.1.0.0/24",), ("127.0.0.0/8", "10.2.0.0/24"), ("0.0.0.0/0",), ("primary",))
            ),
        )

    # -- objects --------------------------------------------------------------------------------------------------

    def service(self, number: int) -> Service:
        """Of any type that gets rules, and now and then one that gets none."""
        kind = self.pick(("ClusterIP", "NodePort", "LoadBalancer", "LoadBalancer"))
        local = self.pick(("Cluster", "Local")) if kind != "ClusterIP" or self.chance(50) else ""
        spec: dict[str, Any] = {
            "type": kind,
            "internalTrafficPolicy": self.pick(("Cluster", "Cluster", "Local")),
            "externalTrafficPolicy": local,
            "externalIPs": [f"198.51.100.{number}"] if local and self.chance(50) else [],
        }
        if kind == "LoadBalancer":
            modes: tuple[dict[str, str], ...] = ({}, {"ipMode": "VIP"}, {"ipMode": "Proxy"})
            spec["ingress"] = [{"ip": f"192.0.2.{number}", **self.pick(modes)}, {"hostname": "lb.example.com"}]
            ranges = list(self.pick(_RANGES))
            spec["loadBalancerSourceRanges"] = [*ranges, f"192.0.2.{number}/32"] if self.chance(20) else ranges
            spec["healthCheckNodePort"] = 32000 + number if local == "Local" else 0
        if self.chance(30):
            spec["sessionAffinity"] = "ClientIP"
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": self.pick((1, 60, 10800, 86400))}}
        if self.chance(25):
            spec["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
        numbers = (80, 53, 443)
        wanted = range(self.number(1, 2))
        protocols = [self.pick(("TCP", "TCP", "UDP", "SCTP")) for _ in wanted]
        ports = [
            f"{f'p{index}:' if len(wanted) > 1 else ''}{numbers[(number + index) % 3]}"
            f":{30000 + 10 * number + index if kind != 'ClusterIP' else 0}/{protocols[index]}"
            for index in wanted
        ]
        ip = "None" if self.chance(5) else f"10.96.0.{10 + number}"
        return service(f"{self.pick(('default', 'kube-system'))}/s{number}", ports, ip=ip, **spec)

    def slices(self, of: Service) -> list[EndpointSlice]:
        """None, one, or two that share an address; a port of its own number for each port of the Service."""
        found = []
        for index in range(self.pick((0, 1, 1, 1, 1, 2))):
            listed = []
            for ip in self.some((*PODS, *REMOTE), 4):
                state = self.pick(("", "", "", " leaving", " down", " gone"))
                zone = self.pick(("", " zone=a", " zone=a", " zone=b"))
                listed.append(f"{ip}@{NODE if ip in PODS else 'node2'}{state}{zone}")
            ports = [f"{each.name}:8080/{each.protocol}".removeprefix(":") for each in of.spec.ports]
            name = f"{of.metadata.namespace}/{of.metadata.name}"
            found.append(endpoints(name, dict.fromkeys(listed), ports, suffix=f"x{index}"))
        return found

    def changed(
        self, services: list[Service], slices: list[EndpointSlice]
    ) -> tuple[list[Service], list[EndpointSlice]]:
        """One Service has other endpoints, is gone, or is another one."""
        one = self.pick(services)
        key = f"{one.metadata.namespace}/{one.metadata.name}"
        others = [each for each in slices if each.service != key]
        match self.pick(("endpoints", "endpoints", "gone", "other")):
            case "endpoints":
                return services, [*others, *self.slices(one)]
            case "gone":
                return [each for each in services if each is not one], others
            case _:
                number = int(one.metadata.name[1:])
                new = self.service(number)
                return [new if each is one else each for each in services], [*others, *self.slices(new)]

    def aim(self, services: list[Service]) -> None:
        """Packets are sent to what is, and now and then to what is not quite that."""
        for each in services:
            ingress = [one.ip for one in each.status.load_balancer.ingress if one.ip]
            addresses = [ip for ip in (each.spec.cluster_ip, *each.spec.external_ips, *ingress) if ip != "None"]
            for port in each.spec.ports:
                self.targets += [(ip, port.port, port.protocol) for ip in addresses]
                if port.node_port:
                    self.targets += [(ip, port.node_port, port.protocol) for ip in (*NODE_IPS, "127.0.0.1")]
            if each.spec.health_check_node_port:
                self.targets.append((NODE_IPS[0], each.spec.health_check_node_port, "TCP"))
        self.vips = tuple(dict.fromkeys(ip for ip, _, _ in self.targets)) or VIPS
        self.ports = tuple(dict.fromkeys(port for _, port, _ in self.targets)) or PORTS

    def packets(self) -> list[Item]:
        """Most of them begin a connection to a Service: from outside, from a pod, or from the node itself."""
        result: list[Item] = []
        for _ in range(self.number(3, 6)):
            if not self.targets or self.chance(15):
                result += self.own_flow() if self.chance(20) else self.flow()
                continue
            to, port, proto = self.pick(self.targets)
            sport = self.pick((1000, 40000, 40001, 500))
            if self.chance(20):
                result += self.local_flow(to, sport, port)
                continue
            side = self.pick("aab")
            source = self.pick(("10.1.0.2", "10.1.0.3", *REMOTE)) if side == "a" else self.pick(PODS)
            flows = {"TCP": self.tcp_flow, "UDP": self.udp_flow, "SCTP": self.sctp_flow}
            result += flows[proto](side, packets.address(source), packets.address(to), sport, port, 64, 0)
        return result

    def local_flow(self, to: str, sport: int, port: int) -> list[Item]:
        """The node itself begins; its raw socket sends datagrams of UDP and segments of TCP."""
        src = packets.address("127.0.0.1" if to == "127.0.0.1" else self.pick(NODE_IPS))
        dst = packets.address(to)
        proto = self.pick((packets.TCP, packets.UDP))
        body = (
            packets.udp(sport, port, b"x" * self.number(0, 64))
            if proto == packets.UDP
            else packets.tcp(sport, port, 1000, 0, packets.SYN, mss=1460)
        )
        data = packets.ipv4(src, dst, proto, packets.transport(proto, src, dst, body), ident=self.ident())
        more: tuple[Item, ...] = (Answer("reply"), Answer("reply"), Answer("unreachable"))
        return [Local(data.hex()), *self.some(more, 2)]


def _jumps() -> str:
    """The canaries and jumps of a first sync on a node that has the kubelet's rules."""
    text = ""
    for table in fixed.CANARY_TABLES:
        jumps = [each for each in fixed.JUMPS if each.table == table and each not in fixed.KUBELET_JUMPS]
        heads = dict.fromkeys(f":{name} - [0:0]" for name in (fixed.CANARY, *(each.target for each in jumps)))
        text += "\n".join((f"*{table}", *heads, *(f"-I {each.chain} {each.rule}" for each in jumps), "COMMIT\n"))
    return text


def generate(seed: int, count: int) -> list[Case]:
    """The first ``count`` cases of a seed."""
    return [ServiceDrawing(Random(f"services/{seed}/{number}")).case() for number in range(count)]
