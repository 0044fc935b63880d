"""Section 4 of the kernel sheet: two GKE nodes with ptp pods, a client outside, and kube-proxy's rules for one Service.

``web`` (10.32.0.9, port 80) and ``pod1`` (10.32.0.5) are on node1 (10.0.0.37), ``pod2`` (10.32.1.13) is on node2 (10.0.0.38).
The Service is 10.32.8.20:9000 and NodePort 30007. Flows here are of UDP, or of TCP where connections close.
"""

from __future__ import annotations

from typing import Final

from podwire.fabric.segment import Segment
from podwire.linux.tcp.socket import TcpSocket
from podwire.linux.tcp.states import TcpState
from podwire.wire.addr import ANY4, Ip4, Net
from podwire.wire.headers import IPv4, Tcp
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import ends, iptables

CLIENT: Final = "121.167.232.64"
SERVICE: Final = "10.32.8.20"
PORT: Final = 9000
NODE_PORT: Final = 30007
NODES: Final = {"node1": ("10.0.0.37", "10.32.0"), "node2": ("10.0.0.38", "10.32.1")}


def gke(*endpoints: str, local: bool = False) -> Lab:
    """The nodes with rules for these endpoints (web's by default); ``local`` is externalTrafficPolicy Local."""
    lab = Lab()
    segment = Segment(lab.network, "vpc", Net.parse("10.0.0.0/24"))
    for number, name in enumerate(("client", "node1", "node2")):
        lab.machine(name)
        lab.nic(f"{name}:eth0", f"42:01:0a:00:00:0{number}", segment)
    lab.addr("client:eth0", f"{CLIENT}/32")
    lab.route("client", "10.0.0.0/24 dev eth0 scope link")
    for name, (addr, pods) in NODES.items():
        lab.addr(f"{name}:eth0", f"{addr}/32")
        lab.sysctl(name, "ip_forward", 1)
        lab.route(name, "10.0.0.0/24 dev eth0 scope link")
        lab.route(name, f"{CLIENT} dev eth0 scope link")
        other, theirs = next(value for key, value in NODES.items() if key != name)
        lab.route(name, f"{theirs}.0/24 via {other}")
        lab.route(name, f"default via {CLIENT}")
        iptables(lab, name, *rules(f"{pods}.0/24", endpoints or ("10.32.0.9:80",), local=pods if local else ""))
    for node, pod, addr in (
        ("node1", "pod1", "10.32.0.5"),
        ("node1", "web", "10.32.0.9"),
        ("node2", "pod2", "10.32.1.13"),
    ):
        _ptp(lab, node, pod, addr)
    lab.run(1)
    lab.restart()
    return lab


def _ptp(lab: Lab, node: str, pod: str, addr: str) -> None:
    gateway = f"{NODES[node][1]}.1"
    last = int(addr.rpartition(".")[2])
    lab.netns(node, pod)
    lab.veth(f"{node}:veth{pod}", f"02:00:00:00:{last:02x}:01", f"{pod}:eth0", f"02:00:00:00:{last:02x}:02")
    lab.addr(f"{pod}:eth0", f"{addr}/32")
    lab.route(pod, f"{gateway} dev eth0 scope link src {addr}")
    lab.route(pod, f"default via {gateway} dev eth0")
    lab.addr(f"{node}:veth{pod}", f"{gateway}/32")
    lab.route(node, f"{addr} dev veth{pod} scope host")


def rules(pod_cidr: str, endpoints: tuple[str, ...], *, local: str = "") -> list[str]:
    """kube-proxy 1.30 in mode iptables, one Service of two protocols; ``local`` is the beginning of this node's pod addresses."""
    lines = [
        *(f"-t nat -N {chain}" for chain in ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ")),
        "-t nat -A PREROUTING -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES",
        "-t nat -A OUTPUT -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES",
        "-t nat -A POSTROUTING -m comment --comment 'kubernetes postrouting rules' -j KUBE-POSTROUTING",
        "-t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000",
        "-t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000",
        "-t nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully",
    ]
    for proto in ("tcp", "udp"):
        service, external = f"KUBE-SVC-{proto.upper()}", f"KUBE-EXT-{proto.upper()}"
        here = [each for each in endpoints if local and each.startswith(local)]
        lines += [
            f"-t nat -N {service}",
            f"-t nat -N {external}",
            f"-t nat -A KUBE-SERVICES -p {proto} -m {proto} -d {SERVICE}/32 --dport {PORT} -j {service}",
            f"-t nat -A KUBE-NODEPORTS -p {proto} -m {proto} --dport {NODE_PORT} -j {external}",
            f"-t nat -A {service} -p {proto} -m {proto} ! -s {pod_cidr} -d {SERVICE}/32 --dport {PORT} -j KUBE-MARK-MASQ",
        ]
        separate = [*(f"KUBE-SEP-{proto.upper()}-{number}" for number in range(len(endpoints)))]
        for name, endpoint in zip(separate, endpoints, strict=True):
            lines += [
                f"-t nat -N {name}",
                f"-t nat -A {name} -s {endpoint.partition(':')[0]}/32 -j KUBE-MARK-MASQ",
                f"-t nat -A {name} -p {proto} -m {proto} -j DNAT --to-destination {endpoint}",
            ]
        for number, name in enumerate(separate):
            left = len(separate) - number
            chance = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
            lines.append(f"-t nat -A {service} {chance}-j {name}")
        if local:
            lines += [
                f"-t nat -A {external} -s {pod_cidr} -j {service}",
                f"-t nat -A {external} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ",
                f"-t nat -A {external} -m addrtype --src-type LOCAL -j {service}",
                *(f"-t nat -A {external} -j {separate[endpoints.index(each)]}" for each in here),
            ]
            if not here:
                lines.append(f"-t filter -A INPUT -p {proto} -m {proto} --dport {NODE_PORT} -j DROP")
        else:
            lines += [f"-t nat -A {external} -j KUBE-MARK-MASQ", f"-t nat -A {external} -j {service}"]
    lines.append("-t nat -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
    return lines


class Call:
    """A TCP connection from a namespace, its server's answer, and what the pod saw as its peer."""

    def __init__(self, lab: Lab, name: str, dst: str, port: int, *, server: str = "web", server_port: int = 80) -> None:
        self.lab = lab
        self.listener = TcpSocket(lab[server])
        self.listener.bind(ANY4, server_port)
        self.listener.listen(8)
        self.client = TcpSocket(lab[name])
        self.client.connect(Ip4.parse(dst), port)
        lab.run(0.2)
        self.accepted = self.listener.accept()
        self.peer = ""
        self.answer = b""
        if self.accepted is not None and self.accepted.remote is not None:
            self.peer = f"{self.accepted.remote[0]}"
            self.peer_port = self.accepted.remote[1]
            self.accepted.send(b"hello")
            lab.run(0.2)
            self.answer = self.client.recv()

    @property
    def sport(self) -> int:
        """The client's port."""
        return self.client.local[1]

    @property
    def connected(self) -> bool:
        """The handshake succeeded at the client."""
        return self.client.state is TcpState.ESTABLISHED


def syns(lab: Lab, where: str) -> list[str]:
    """Who opened a connection with whom, and with which TTL, in what a device transmitted."""
    found = []
    for frame in lab.frames(where):
        tcp, ip = frame.find(Tcp), frame.find(IPv4)
        if tcp is not None and ip is not None and tcp.flags == 0x02:
            found.append(f"{ends(frame)} ttl {ip.ttl}")
    return found
