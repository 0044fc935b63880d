"""Builds record lists by hand, in the order in which the kernel model emits them."""

from __future__ import annotations

from podwire.trace.events import (
    AnyEvent,
    By,
    ByNeighbour,
    ByRoute,
    BySysctl,
    Created,
    Delivered,
    Dropped,
    Forwarded,
    IcmpSent,
    NeighbourChanged,
    Owner,
    Received,
    Routed,
    Transmitted,
    Waiting,
)
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.trace.recorder import Recorder
from podwire.trace.trace import Trace
from podwire.wire.addr import BROADCAST, NO_MAC, Ip, Mac
from podwire.wire.headers import (
    ARPOP_REPLY,
    ARPOP_REQUEST,
    ETH_P_ARP,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    IPPROTO_ICMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Arp,
    Ethernet,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)
from podwire.wire.packet import Packet, Quoted

POD1, POD2, GATEWAY = Ip.parse("192.168.1.11"), Ip.parse("192.168.1.12"), Ip.parse("169.254.1.1")
NODE = Ip.parse("10.0.0.23")
MAC1, MAC2, CALI = Mac.parse("32:ae:50:1c:7c:42"), Mac.parse("e6:0e:ad:ba:c4:77"), Mac.parse("ee:ee:ee:ee:ee:ee")
CNI1, CNI2 = Owner("calico-cni", "Pod default/pod1"), Owner("calico-cni", "Pod default/pod2")
US, MS, S = 1_000, 1_000_000, 1_000_000_000

DEFAULT = ByRoute("unicast", "default", dev="eth0", via=GATEWAY, owner=CNI1)
DEFAULT2 = ByRoute("unicast", "default", dev="eth0", via=GATEWAY, owner=CNI2)
TO_POD1 = ByRoute("unicast", "192.168.1.11", dev="cali111", scope="link", owner=CNI1)
TO_POD2 = ByRoute("unicast", "192.168.1.12", dev="cali222", scope="link", owner=CNI2)
LOCAL1 = ByRoute("local", "192.168.1.11", table="local", dev="eth0", src=POD1, proto="kernel", scope="host")
LOCAL2 = ByRoute("local", "192.168.1.12", table="local", dev="eth0", src=POD2, proto="kernel", scope="host")


def proxy_arp(value: int, owner: Owner = CNI1, dev: str = "cali111") -> BySysctl:
    return BySysctl(f"net.ipv4.conf.{dev}.proxy_arp", value, owner)


def echo(
    src: Ip = POD1, dst: Ip = POD2, *, ttl: int = 64, reply: bool = False, size: int = 56, df: bool = True
) -> Packet:
    kind = ICMP_ECHOREPLY if reply else ICMP_ECHO
    return Packet((IPv4(src, dst, IPPROTO_ICMP, ttl, df=df, id=7), Icmp(kind, 0, 16 << 16 | 1)), b"x" * size)


def udp(src: Ip = POD1, dst: Ip = POD2, *, ttl: int = 64, dport: int = 53, frag: int = 0, mf: bool = False) -> Packet:
    return Packet((IPv4(src, dst, IPPROTO_UDP, ttl, frag=frag, mf=mf), Udp(40000, dport)), b"x" * 8)


def tcp(src: Ip = POD1, dst: Ip = POD2, *, flags: int = 2, sport: int = 45000, dport: int = 80) -> Packet:
    return Packet((IPv4(src, dst, IPPROTO_TCP), Tcp(sport, dport, 100, 0, flags, 64240)))


def icmp(kind: int, code: int, src: Ip, dst: Ip, about: Packet, *, ttl: int = 64) -> Packet:
    return Packet((IPv4(src, dst, IPPROTO_ICMP, ttl, tos=0xC0), Icmp(kind, code)), Quoted(about, about.size))


def frame(packet: Packet, src: Mac = MAC1, dst: Mac = CALI) -> Packet:
    return packet.push(Ethernet(dst, src))


def who_has(tpa: Ip, spa: Ip, sha: Mac = MAC1, dst: Mac = BROADCAST) -> Packet:
    return Packet((Ethernet(dst, sha, ETH_P_ARP), Arp(ARPOP_REQUEST, sha, spa, NO_MAC, tpa)))


def is_at(spa: Ip, sha: Mac, tpa: Ip, tha: Mac) -> Packet:
    return Packet((Ethernet(tha, sha, ETH_P_ARP), Arp(ARPOP_REPLY, sha, spa, tha, tpa)))


class Story:
    """Records in order. ``machine`` follows from the namespace: pods live on node1."""

    def __init__(self, start: int = 0) -> None:
        self.records: list[Record] = []
        self.now = start

    def add(self, packet: int, netns: str, *events: AnyEvent) -> Story:
        machine = "node1" if "/" in netns else netns
        self.records.extend(Record(self.now, machine, netns, packet, event) for event in events)
        return self

    def send(self, packet: int, netns: str, dev: str, what: Packet) -> Story:
        """A transmission costs 1 us."""
        self.now += US
        return self.add(packet, netns, Transmitted(dev, what))

    def cross(self, packet: int, netns: str, dev: str, to: str, in_dev: str, what: Packet, pkt_type: int = 0) -> Story:
        """Over a cable without latency."""
        return self.send(packet, netns, dev, what).add(packet, to, Received(in_dev, what, pkt_type))

    def wait(self, ns: int) -> Story:
        self.now += ns
        return self

    def trace(self, packet: int = 1) -> Trace:
        return Trace(Recorder.of(self.records), packet)

    # ------------------------------------------------------------------ what happens again and again

    def ask(self, packet: int, parent: int, *, relation: str = "arp") -> Story:
        """pod1 asks for its gateway; the request reaches the node."""
        self.add(packet, "default/pod1", Created(parent, relation))
        return self.cross(packet, "default/pod1", "eth0", "node1", "cali111", who_has(GATEWAY, POD1), 1)

    def proxied(self, packet: int, parent: int) -> Story:
        """pod1 asks for its gateway and the node answers in its place, with packet + 1."""
        self.ask(packet, parent)
        self.add(packet, "node1", NeighbourChanged("cali111", POD1, "NONE", "STALE", MAC1, "request"))
        self.add(packet + 1, "node1", Created(packet, "reply"))
        answer = is_at(GATEWAY, CALI, POD1, MAC1)
        self.send(packet + 1, "node1", "cali111", answer)
        self.add(packet, "node1", Delivered("arp", "proxied", proxy_arp(1)))
        self.add(packet + 1, "default/pod1", Received("eth0", answer))
        self.add(
            packet + 1, "default/pod1", NeighbourChanged("eth0", GATEWAY, "INCOMPLETE", "REACHABLE", CALI, "reply")
        )
        return self.add(packet + 1, "default/pod1", Delivered("arp", "learned"))

    def leave_pod1(self, what: Packet) -> Story:
        """Packet 1 leaves pod1 by its default route, after an ARP exchange, and reaches the node."""
        self.add(1, "default/pod1", Created(0, "", what), Routed(POD2, POD1, DEFAULT))
        self.add(1, "default/pod1", NeighbourChanged("eth0", GATEWAY, "NONE", "INCOMPLETE", None, "resolve"))
        self.add(1, "default/pod1", Waiting("eth0", GATEWAY))
        self.proxied(2, 1)
        return self.cross(1, "default/pod1", "eth0", "node1", "cali111", frame(what))

    def die(
        self, packet: int, netns: str, where: str, reason: DropReason, by: By | None = None, dev: str = ""
    ) -> Story:
        return self.add(packet, netns, Dropped(where, reason, by, dev))


def same_node_ping(*, probe: bool = False) -> Story:
    """The cold ping of the kernel sheet (1.1): pod1 to pod2 on one Calico node, and with ``probe`` the ARP five seconds later."""
    story = Story(start=3 * S)
    story.leave_pod1(echo())
    story.add(1, "node1", Routed(POD2, POD1, TO_POD2, "cali111"), Forwarded("cali111", "cali222", 63))
    story.add(
        1, "node1", NeighbourChanged("cali222", POD2, "NONE", "INCOMPLETE", None, "resolve"), Waiting("cali222", POD2)
    )
    # node1 asks pod2.
    ask = who_has(POD2, NODE, CALI)
    story.add(4, "node1", Created(1, "arp")).cross(4, "node1", "cali222", "default/pod2", "eth0", ask, 1)
    story.add(4, "default/pod2", NeighbourChanged("eth0", NODE, "NONE", "STALE", CALI, "request"))
    answer = is_at(POD2, MAC2, NODE, CALI)
    story.add(5, "default/pod2", Created(4, "reply")).send(5, "default/pod2", "eth0", answer)
    story.add(4, "default/pod2", Delivered("arp", "answered", LOCAL2))
    story.add(5, "node1", Received("cali222", answer))
    story.add(
        5,
        "node1",
        NeighbourChanged("cali222", POD2, "INCOMPLETE", "REACHABLE", MAC2, "reply"),
        Delivered("arp", "learned"),
    )
    story.cross(1, "node1", "cali222", "default/pod2", "eth0", frame(echo(ttl=63), CALI, MAC2))
    story.add(1, "default/pod2", Routed(POD2, POD1, LOCAL2, "eth0", 0))
    # pod2 answers, and asks for its gateway first.
    back = echo(POD2, POD1, reply=True, df=False)
    story.add(6, "default/pod2", Created(1, "reply", back), Routed(POD1, POD2, DEFAULT2))
    story.add(
        6,
        "default/pod2",
        NeighbourChanged("eth0", GATEWAY, "NONE", "INCOMPLETE", None, "resolve"),
        Waiting("eth0", GATEWAY),
    )
    story.add(7, "default/pod2", Created(6, "arp"))
    story.add(1, "default/pod2", Delivered("icmp_echo"))
    story.cross(7, "default/pod2", "eth0", "node1", "cali222", who_has(GATEWAY, POD2, MAC2), 1)
    answer = is_at(GATEWAY, CALI, POD2, MAC2)
    story.add(8, "node1", Created(7, "reply")).send(8, "node1", "cali222", answer)
    story.add(7, "node1", Delivered("arp", "proxied", proxy_arp(1, CNI2, "cali222")))
    story.add(8, "default/pod2", Received("eth0", answer))
    story.add(
        8,
        "default/pod2",
        NeighbourChanged("eth0", GATEWAY, "INCOMPLETE", "REACHABLE", CALI, "reply"),
        Delivered("arp", "learned"),
    )
    story.cross(6, "default/pod2", "eth0", "node1", "cali222", frame(back, MAC2, CALI))
    story.add(6, "node1", Routed(POD1, POD2, TO_POD1, "cali222"), Forwarded("cali222", "cali111", 63))
    story.add(6, "node1", NeighbourChanged("cali111", POD1, "STALE", "DELAY", MAC1, "used"))
    story.cross(
        6, "node1", "cali111", "default/pod1", "eth0", frame(echo(POD2, POD1, ttl=63, reply=True, df=False), CALI, MAC1)
    )
    story.add(6, "default/pod1", Routed(POD1, POD2, LOCAL1, "eth0", 0), Delivered("socket"))
    if probe:
        late_probe(story)
    return story


def late_probe(story: Story, *, answered: bool = True) -> Story:
    """5.006 s later the node asks pod1 by unicast: packet 9, answered by 10."""
    story.wait(5006 * MS)
    story.add(6, "node1", NeighbourChanged("cali111", POD1, "DELAY", "PROBE", MAC1, "unconfirmed"))
    ask = who_has(POD1, NODE, CALI, MAC1)
    story.add(9, "node1", Created(6, "probe")).cross(9, "node1", "cali111", "default/pod1", "eth0", ask)
    if not answered:
        return story.add(
            9, "default/pod1", Delivered("arp", "ignored", BySysctl("net.ipv4.conf.all.arp_ignore", 8, Owner("sysctl")))
        )
    answer = is_at(POD1, MAC1, NODE, CALI)
    story.add(9, "default/pod1", NeighbourChanged("eth0", NODE, "NONE", "STALE", CALI, "request"))
    story.add(10, "default/pod1", Created(9, "reply")).send(10, "default/pod1", "eth0", answer)
    story.add(9, "default/pod1", Delivered("arp", "answered", LOCAL1))
    story.add(10, "node1", Received("cali111", answer))
    return story.add(
        10, "node1", NeighbourChanged("cali111", POD1, "PROBE", "REACHABLE", MAC1, "reply"), Delivered("arp", "learned")
    )


def unanswered(by: By | None, note: str, *, tries: int = 3) -> Story:
    """pod1 asks ``tries`` times for its gateway, the node hears it and stays silent; after 3.06 s pod1 tells itself (F22)."""
    story = Story()
    story.add(1, "default/pod1", Created(0, "", echo()), Routed(POD2, POD1, DEFAULT))
    story.add(
        1,
        "default/pod1",
        NeighbourChanged("eth0", GATEWAY, "NONE", "INCOMPLETE", None, "resolve"),
        Waiting("eth0", GATEWAY),
    )
    for number in range(2, 2 + tries):
        story.ask(number, 1).add(number, "node1", Delivered("arp", note, by)).wait(1020 * MS)
    return fail(story, tries + 2)


def fail(story: Story, error: int) -> Story:
    """pod1's entry fails, and packet 1 with it; the ICMP error is packet ``error``, over lo."""
    story.add(1, "default/pod1", NeighbourChanged("eth0", GATEWAY, "INCOMPLETE", "FAILED", None, "no-answer"))
    told = icmp(3, 1, POD1, POD1, echo())
    lo = frame(told, NO_MAC, NO_MAC)
    story.add(error, "default/pod1", Created(1, "icmp-error", told), Routed(POD1, POD1, LOCAL1))
    story.send(error, "default/pod1", "lo", lo)
    story.add(1, "default/pod1", IcmpSent(3, 1, POD1, POD1, error))
    story.die(
        1, "default/pod1", "arp_error_report", DropReason.NEIGH_FAILED, ByNeighbour(GATEWAY, "eth0", "FAILED"), "eth0"
    )
    return story.add(error, "default/pod1", Received("lo", lo), Delivered("socket"))
