"""Nine pods in three namespaces, as upstream's tests have them, and probes that ask every pair at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from podwire.cluster import Cluster, Handle, Pod
from podwire.linux.socket import RawSocket, SocketError
from podwire.trace.events import TERMINAL, Created, Delivered
from podwire.trace.log import Record
from podwire.wire.addr import Ip
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP, TCP_SYN, Tcp, Udp
from tests.conformance.modes import Mode, way_back
from tests.policy.evaluator import Document, Peer, World

NAMESPACES: Final = ("x", "y", "z")
PODS: Final = ("a", "b", "c")
SECOND: Final = 1_000_000_000
_PROTO: Final = {"TCP": IPPROTO_TCP, "UDP": IPPROTO_UDP}
SPACE_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "x": {"ns": "x", "team": "red"},
    "y": {"ns": "y", "team": "blue"},
    "z": {"ns": "z"},
}
POD_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "a": {"pod": "a", "app": "web", "tier": "front"},
    "b": {"pod": "b", "tier": "back"},
    "c": {"pod": "c", "app": "web", "legacy": ""},
}
NAMED: Final[Mapping[str, Mapping[tuple[str, str], int]]] = {
    # ``web`` is another port in c than in a and b, and c has no ``dns``.
    "a": {("web", "TCP"): 80, ("admin", "TCP"): 81, ("dns", "UDP"): 80},
    "b": {("web", "TCP"): 80, ("admin", "TCP"): 81, ("dns", "UDP"): 81},
    "c": {("web", "TCP"): 81, ("web", "UDP"): 80},
}


class Probe(NamedTuple):
    """One question: may ``source`` connect to ``address``, and is it ``target`` who answers?"""

    source: Handle
    target: Handle
    protocol: str
    port: int
    address: Ip | None = None


class Lab:
    """The world of nine pods in a mode. ``spaces`` and ``labels`` say what the API server was told."""

    def __init__(self, mode: Mode) -> None:
        self.cluster: Cluster = mode.build()
        self.spaces: dict[str, dict[str, str]] = {}
        self.pods: dict[tuple[str, str], Pod] = {}
        self.policies: list[Document] = []
        self._sport = 20000
        self.cluster.apply([namespace(name) for name in NAMESPACES])
        self.spaces = {name: space_labels(name) for name in NAMESPACES}
        nodes = [node.name for node in self.cluster.nodes]
        for space, name in ((space, name) for space in NAMESPACES for name in PODS):
            # In each namespace the first two share a node.
            self.add(space, name, nodes[(NAMESPACES.index(space) + PODS.index(name) // 2) % len(nodes)])

    def add(self, space: str, name: str, node: str, labels: Mapping[str, str] | None = None) -> Pod:
        """A pod comes."""
        self.cluster.apply(pod(space, name, node, POD_LABELS.get(name, {}) if labels is None else labels))
        found = self.cluster.pod(f"{space}/{name}")
        self.pods[space, name] = found
        way_back(self.cluster, found)
        return found

    def remove(self, space: str, name: str) -> None:
        """A pod goes."""
        self.cluster.delete_pod(self.pods.pop((space, name)))

    def label_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """The labels of a namespace are replaced; the API server adds the one that all have."""
        self.cluster.apply(namespace(name, labels))
        self.spaces[name] = {**labels, "kubernetes.io/metadata.name": name}

    def set(self, policies: Sequence[Document]) -> None:
        """These policies, and no other: what has the name of one that is there changes it.

        Where a policy does not give its types it is deleted first: the server fills in types, and an apply leaves what it does not name.
        """
        stay = {_name(each) for each in policies if each["spec"].get("policyTypes")}
        for old in self.policies:
            if _name(old) not in stay or not old["spec"].get("policyTypes"):
                self.cluster.delete(dict(old))
        if policies:
            self.cluster.apply([dict(each) for each in policies])
        self.policies = list(policies)

    @property
    def world(self) -> World:
        """What the evaluator is to know."""
        return World({name: dict(labels) for name, labels in self.spaces.items()}, tuple(self.policies))

    def peer(self, who: Handle) -> Peer:
        """A pod, node or host as the evaluator sees it."""
        if isinstance(who, Pod):
            ports = NAMED.get(who.spec.name, {})
            return Peer(str(who.ip), who.spec.namespace, who.spec.name, dict(who.labels), ports, who.node.name)
        return Peer(str(who.ip), node=who.name)

    def pairs(self, ports: Iterable[tuple[str, int]]) -> list[Probe]:
        """Every pod to every pod."""
        members = list(self.pods.values())
        return [Probe(a, b, protocol, port) for protocol, port in ports for a in members for b in members]

    def wrong(self, probes: Sequence[Probe]) -> list[str]:
        """The probes of which evaluator and datapath say different things."""
        world, found = self.world, self.ask(probes)
        said = [world.allowed(self.peer(p.source), self.peer(p.target), p.protocol, p.port) for p in probes]
        return [
            f"{p.source.name} > {p.target.name} {p.protocol} {p.port}: {'lost' if want else 'let through'}"
            for p, want, got in zip(probes, said, found, strict=True)
            if want is not got
        ]

    def ask(self, probes: Sequence[Probe]) -> list[bool]:
        """A SYN, or a datagram, for each; of TCP the answer has to come back, too. All are sent before the clock goes on."""
        self.cluster.settle()
        watch = _Watch()
        log, network = self.cluster.network.log, self.cluster.network
        sockets: dict[tuple[str, str], RawSocket] = {}
        log.attach(watch.take)
        try:
            sent = [self._send(probe, sockets, watch) for probe in probes]
            network.run_until(lambda: not watch.open, network.now + SECOND)
            # Whoever gets an answer to a SYN that is no socket's resets the connection: both ends are rid of it.
            network.run_until(lambda: False, network.now + SECOND // 100)
        finally:
            log.detach(watch.take)
            for socket in sockets.values():
                socket.close()
        for node in self.cluster.nodes:
            node.exec("conntrack -F")
        return [packet is not None and watch.reached(packet, probe) for packet, probe in zip(sent, probes, strict=True)]

    def _send(self, probe: Probe, sockets: dict[tuple[str, str], RawSocket], watch: _Watch) -> int | None:
        netns = probe.source.place.netns
        socket = sockets.get((netns.label, probe.protocol))
        if socket is None:
            socket = sockets[netns.label, probe.protocol] = RawSocket(netns, _PROTO[probe.protocol], lambda: None)
        ids: list[int] = []

        def adopt(packet: int) -> None:
            ids.append(packet)
            watch.follow(packet)

        socket.on_send = adopt
        self._sport = 20000 + (self._sport - 19999) % 40000
        header = (
            Tcp(self._sport, probe.port, seq=1, flags=TCP_SYN)
            if probe.protocol == "TCP"
            else Udp(self._sport, probe.port)
        )
        target = probe.address or probe.target.ip
        assert target is not None
        try:
            socket.send(target, header, b"" if probe.protocol == "TCP" else b"?")
        except SocketError:
            return None
        return ids[0] if ids else None


class _Watch:
    """The ends of packets that are followed, and of their answers."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self._ends: dict[int, Record] = {}
        self._replies: dict[int, int] = {}

    def follow(self, packet: int) -> None:
        self.open.add(packet)

    def take(self, record: Record) -> None:
        event = record.event
        if type(event) is Created:
            if event.relation == "reply" and (event.parent in self._ends or event.parent in self.open):
                self._replies[event.parent] = record.packet
                self.open.add(record.packet)
        elif record.packet in self.open and isinstance(event, TERMINAL):
            self.open.discard(record.packet)
            self._ends[record.packet] = record

    def reached(self, packet: int, probe: Probe) -> bool:
        end = self._ends.get(packet)
        if end is None or end.netns != probe.target.place.netns.label or not isinstance(end.event, Delivered):
            return False
        if probe.protocol == "UDP":
            return end.event.to == "socket"
        answer = self._ends.get(self._replies.get(packet, 0))
        return answer is not None and answer.netns == probe.source.place.netns.label


def _name(policy: Document) -> tuple[str, str]:
    return policy["metadata"]["namespace"], policy["metadata"]["name"]


def space_labels(name: str) -> dict[str, str]:
    """The labels of a namespace of the world, with the one that the API server adds."""
    return {**SPACE_LABELS[name], "kubernetes.io/metadata.name": name}


def namespace(name: str, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Its manifest."""
    given = dict(labels) if labels is not None else dict(SPACE_LABELS.get(name, {}))
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": given}}


def pod(space: str, name: str, node: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """A pod that listens on TCP and UDP 80 and 81; some of these ports have names."""
    names = {(protocol, number): word for (word, protocol), number in NAMED.get(name, {}).items()}
    ports = [
        {"containerPort": number, "protocol": protocol}
        | ({"name": names[protocol, number]} if (protocol, number) in names else {})
        for protocol in ("TCP", "UDP")
        for number in (80, 81)
    ]
    # Names are those of one container; c has ``web`` twice, which takes two.
    containers = [
        {
            "name": f"c{index}",
            "image": "nicolaka/netshoot",
            "ports": [each for each in ports if each["protocol"] == way],
        }
        for index, way in enumerate(("TCP", "UDP"))
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": dict(labels)},
        "spec": {"nodeName": node, "containers": containers},
    }
