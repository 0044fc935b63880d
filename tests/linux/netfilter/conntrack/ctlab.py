"""Packets at a node that tracks connections, one at a time, and what rules would see of them."""

from __future__ import annotations

from podwire.linux.netfilter.conntrack.confirm import nf_conntrack_confirm
from podwire.linux.netfilter.conntrack.core import nf_conntrack_in
from podwire.linux.netfilter.conntrack.entry import Connection
from podwire.linux.netfilter.conntrack.report import state_of
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_INET_PRE_ROUTING
from podwire.linux.netns import Netns
from podwire.linux.skb import Skb
from podwire.wire.addr import Ip4
from podwire.wire.headers import TCP_ACK, TCP_SYN, AnyHeader, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted
from tests.linux.lab import Lab

A, B, C = "10.1.0.2", "10.2.0.2", "10.3.0.2"


class Node:
    """A namespace in which packets are looked up and confirmed, as if they passed."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.netns: Netns = self.lab.machine("node").root.netns
        self.door = self.lab.door("node")

    def set(self, key: str, value: int) -> None:
        """``sysctl -w net.netfilter.nf_conntrack_KEY=VALUE``."""
        self.door.sysctl_write(f"net/netfilter/nf_conntrack_{key}", str(value))

    def look_up(self, packet: Packet, *, template: Connection | None = None, hook: int = NF_INET_PRE_ROUTING) -> Skb:
        """The packet behind ``nf_conntrack_in``."""
        skb = Skb(packet, 1)
        if template is not None:
            skb.ct, skb.ctinfo = template, 2
        assert nf_conntrack_in(skb, self.netns, hook) == NF_ACCEPT
        return skb

    def confirm(self, skb: Skb) -> int:
        """NF_ACCEPT or NF_DROP."""
        return nf_conntrack_confirm(skb, self.netns)

    def passes(self, packet: Packet, *, template: Connection | None = None) -> str:
        """``ctstate`` of a packet that passes."""
        skb = self.look_up(packet, template=template)
        state = state_of(skb)
        assert self.confirm(skb) == NF_ACCEPT
        return state

    def only(self) -> Connection:
        """The one connection there is."""
        (ct,) = self.netns.conntrack
        return ct

    @property
    def left(self) -> int:
        """Seconds that the one connection has left."""
        return (self.only().timeout - self.netns.machine.world.now) // 1_000_000_000

    @property
    def stats(self) -> dict[str, int]:
        """``conntrack -S``."""
        return self.netns.conntrack.stats


def ip(src: str, dst: str, proto: int, *upper: AnyHeader, data: bytes | Quoted = b"") -> Packet:
    return Packet((IPv4(Ip4.parse(src), Ip4.parse(dst), proto), *upper), data)


def udp(src: str, sport: int, dst: str, dport: int, **fields: int) -> Packet:
    return ip(src, dst, 17, Udp(sport, dport, **fields), data=b"x")


def tcp(
    src: str, sport: int, dst: str, dport: int, flags: int, seq: int = 1, ack: int = 0, checksum: int | None = None
) -> Packet:
    return ip(src, dst, 6, Tcp(sport, dport, seq, ack, flags, 64240, checksum=checksum))


def echo(src: str, dst: str, kind: int = 8, ident: int = 7, **fields: int) -> Packet:
    return ip(src, dst, 1, Icmp(kind, 0, ident << 16 | 1, **fields), data=bytes(8))


def icmp_error(src: str, dst: str, about: Packet, kind: int = 3, code: int = 1) -> Packet:
    return ip(src, dst, 1, Icmp(kind, code), data=Quoted(about, min(about.size, 548)))


def handshake(node: Node, port: int = 40000) -> None:
    """SYN, SYN+ACK, ACK: 1000 and 5000 are the first numbers."""
    assert node.passes(tcp(A, port, B, 80, TCP_SYN, 1000)) == "NEW"
    assert node.passes(tcp(B, 80, A, port, TCP_SYN | TCP_ACK, 5000, 1001)) == "ESTABLISHED"
    assert node.passes(tcp(A, port, B, 80, TCP_ACK, 1001, 5001)) == "ESTABLISHED"
