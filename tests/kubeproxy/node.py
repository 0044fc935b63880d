"""A node with two pods, its neighbours, and kube-proxy on it: packets are sent, and what became of them is read from the wires."""

from __future__ import annotations

from typing import Final, NamedTuple

from podwire.cni.backend import NodeSpec
from podwire.kubeproxy import FixedObjects, KubeProxy, KubeProxyConfig
from podwire.kubeproxy.fixed import kubelet_rules
from podwire.linux.socket import RawSocket, SocketError, UdpSocket
from podwire.trace.events import ByRule, Dropped, Transmitted
from podwire.wire.addr import Ip, Ip4, Net
from podwire.wire.headers import ETH_P_IP, IPPROTO_TCP, IPPROTO_UDP, TCP_SYN, Ethernet, IPv4, Tcp, Udp
from podwire.wire.packet import Packet
from tests.kubeproxy.samples import GKE, NODE
from tests.linux.lab import Lab

PODS: Final = ("10.32.0.5", "10.32.0.9")
REMOTE: Final = ("10.32.1.9", "10.32.1.13")
"""Pods of another node."""
NODE_IP: Final = "10.0.0.37"
CLIENT: Final = "203.0.113.7"
_IPPROTO_RAW: Final = 255


class Outcome(NamedTuple):
    """``what`` is ``sent`` (to ``to``, masqueraded or not), ``REJECT``, ``DROP`` or ``passed`` (nothing was done about it).

    ``seen`` is the address that the endpoint sees.
    """

    what: str
    to: str = ""
    masqueraded: bool = False
    seen: str = ""


class KubeNode:
    """The node ``node1`` of seed 002: pods behind veths, everything else behind eth0."""

    def __init__(self, source: FixedObjects, config: KubeProxyConfig = GKE, *, zone: str = "", seed: int = 0) -> None:
        lab = self.lab = Lab(seed)
        lab.machine(NODE)
        lab.sysctl(NODE, "ip_forward", 1)
        for name, dev, number in (("out", "eth0", 0), (PODS[0], "veth5", 5), (PODS[1], "veth9", 9)):
            lab.netns(NODE, name)
            lab.veth(f"{NODE}:{dev}", f"02:00:00:00:0{number}:10", f"{name}:eth0", f"02:00:00:00:0{number}:11")
        lab.addr(f"{NODE}:eth0", f"{NODE_IP}/24")
        lab.addr("out:eth0", "10.0.0.1/24")
        lab.route(NODE, "default via 10.0.0.1")
        for pod, dev in zip(PODS, ("veth5", "veth9"), strict=True):
            lab.addr(f"{NODE}:{dev}", "10.32.0.1/32")
            lab.addr(f"{pod}:eth0", f"{pod}/24")
            lab.route(NODE, f"{pod} dev {dev} scope link")
            lab.route(pod, "default via 10.32.0.1")
        self.proxy = KubeProxy(source, config)
        labels = {"topology.kubernetes.io/zone": zone} if zone else {}
        machine = lab[NODE].machine
        self.spec = NodeSpec(NODE, machine, Ip.parse(NODE_IP), Net.parse("10.32.0.0/24"), labels=labels)
        lab.door(NODE).iptables_restore(kubelet_rules(), noflush=True)
        self.sync()
        lab.restart()

    def sync(self) -> None:
        """kube-proxy acts."""
        door = self.lab.door(NODE)
        self.proxy.program(self.spec, door, None)  # type: ignore[arg-type]

    def send(self, source: str, to: str, port: int, proto: str, sport: int) -> Outcome:
        """The first packet of a new connection; ``source`` is a pod's address, ``NODE_IP`` or any other one, which is outside."""
        asked = self._masquerades()
        self.lab.restart()
        if source == NODE_IP and proto == "TCP":
            self._syn_from_node(to, port, sport)
        elif source == NODE_IP:
            self._from_node(to, port, sport)
        else:
            self._from_wire(source, to, port, proto, sport)
        self.lab.run(0.2)
        return self._outcome(to, port, sport, masqueraded=self._masquerades() > asked)

    def _from_node(self, to: str, port: int, sport: int) -> None:
        socket = UdpSocket(self.lab[NODE], sport, lambda: None)
        try:
            socket.send_to(Ip4.parse(to), port, b"%d" % sport)
        except SocketError:
            pass  # what was dropped on the way out is told to the sender as EPERM
        finally:
            self.lab.run(0.1)
            socket.close()

    def _syn_from_node(self, to: str, port: int, sport: int) -> None:
        """By a raw socket: one segment, and nobody who sends it again."""
        src = to if to.startswith("127.") else NODE_IP
        head = IPv4(src=Ip4.parse(src), dst=Ip4.parse(to), proto=IPPROTO_TCP, ttl=64)
        socket = RawSocket(self.lab[NODE], _IPPROTO_RAW, lambda: None)
        try:
            socket.send_raw(Packet((head, Tcp(sport, port, flags=TCP_SYN)), b"%d" % sport))
        except SocketError:
            pass
        finally:
            self.lab.run(0.1)
            socket.close()

    def _from_wire(self, source: str, to: str, port: int, proto: str, sport: int) -> None:
        name, dev = {PODS[0]: (PODS[0], "veth5"), PODS[1]: (PODS[1], "veth9")}.get(source, ("out", "eth0"))
        link, peer = self.lab.link(f"{name}:eth0"), self.lab.link(f"{NODE}:{dev}")
        upper = Tcp(sport, port, flags=TCP_SYN) if proto == "TCP" else Udp(sport, port)
        ip = IPv4(
            src=Ip4.parse(source), dst=Ip4.parse(to), proto=IPPROTO_TCP if proto == "TCP" else IPPROTO_UDP, ttl=64
        )
        self.lab.inject(f"{name}:eth0", Packet((Ethernet(peer.mac, link.mac, ETH_P_IP), ip, upper), b"%d" % sport))

    def _masquerades(self) -> int:
        table = self.lab[NODE].xtables.table("nft", "nat")
        assert table is not None
        return table.chains["KUBE-POSTROUTING"].rules[-1].packets

    def _outcome(self, to: str, port: int, sport: int, *, masqueraded: bool) -> Outcome:
        for found in self.lab.events(Transmitted, NODE):
            packet = found.event.frame
            ip, upper = packet.find(IPv4), packet.find(Tcp) or packet.find(Udp)
            if ip is None or upper is None or packet.payload != b"%d" % sport or found.event.dev == "lo":
                continue
            if (str(ip.dst), upper.dport) != (to, port):
                return Outcome("sent", f"{ip.dst}:{upper.dport}", masqueraded, str(ip.src))
        for lost in self.lab.events(Dropped, NODE):
            by = lost.event.by
            if isinstance(by, ByRule):
                return Outcome("REJECT" if "-j REJECT" in by.text else "DROP")
        return Outcome("passed")
