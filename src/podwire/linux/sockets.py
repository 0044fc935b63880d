"""All sockets of a namespace: who gets a packet, and who is told of an error (net/ipv4/raw.c, ping.c, udp.c, icmp.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from podwire.linux.socket import PingSocket, RawSocket, Socket, UdpSocket
from podwire.wire.addr import ANY4, Ip
from podwire.wire.headers import ICMP_ECHO, Icmp, IPv4, Udp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.linux.tcp.table import TcpTable

EncapRcv = Callable[["UdpEncap", "Netns", "Skb", "Link"], None]
"""``encap_rcv``: takes the datagram (``skb.packet`` begins with the outer IP header), which came in by the device."""


class UdpEncap:
    """The UDP socket of tunnel devices: ``encap_rcv`` gets what comes to its port, whatever the address.

    ``key`` is what devices must have in common to share it, first whether they collect metadata; ``devices`` are those
    that listen, by VNI (GENEVE: with the remote). ``groups`` (``inet->mc_list``) are those that it joined, each with the device.
    """

    __slots__ = ("devices", "groups", "key", "kind", "rcv")

    def __init__(self, kind: str, key: tuple[object, ...], rcv: EncapRcv) -> None:
        self.kind = kind
        self.key = key
        self.rcv = rcv
        self.devices: dict[object, Link] = {}
        self.groups: list[tuple[Ip, int]] = []

    def knows(self, remote: Ip, vni: int) -> bool:
        """``encap_err_lookup``: some device here sends to that remote and VNI."""
        keys = (0, (ANY4, 0)) if self.key[0] else (vni, (remote, vni))
        return any(key in self.devices for key in keys)


class Sockets:
    """All sockets of a namespace."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.raw: list[RawSocket] = []
        self.ping: list[PingSocket] = []
        self.udp: list[UdpSocket] = []
        self.encap: dict[int, UdpEncap] = {}
        """Those of tunnels, by port."""
        self.tcp: TcpTable | None = None
        """TCP sockets, from the first one on."""

    def forget(self, socket: Socket) -> None:
        """Close a socket."""
        for group in (self.raw, self.ping, self.udp):
            if socket in group:
                group.remove(socket)  # type: ignore[arg-type]

    def ephemeral_port(self) -> int:
        """A free port of ip_local_port_range, from the seed."""
        low, high = self.netns.settings["ip_local_port_range"]  # type: ignore[misc]
        taken = {socket.port for socket in self.udp} | self.encap.keys()
        stream = self.netns.machine.random("ephemeral", self.netns.label)
        while (port := stream.randrange(low, high + 1)) in taken:
            pass
        return port

    def udp_taken(self, port: int) -> bool:
        """Somebody listens there: no tunnel can be bound to it."""
        return any(socket.port == port for socket in self.udp)

    def raw_deliver(self, skb: Skb) -> bool:
        """``raw_local_deliver``: a copy for every raw socket of the protocol that fits; True where one took it."""
        if not self.raw:
            return False
        ip = skb.ip
        taken = False
        for socket in list(self.raw):
            if (
                socket.protocol == ip.proto
                and (not socket.source or socket.source == ip.dst)
                and (socket.link is None or socket.link is skb.inet_iif)
                and socket.accept(skb.packet)
            ):
                socket.receive(skb)
                taken = True
        return taken

    def ping_deliver(self, skb: Skb, icmp: Icmp) -> bool:
        """``ping_rcv``: the socket whose identifier the echo reply bears."""
        for socket in self.ping:
            if socket.ident == icmp.id and (socket.link is None or socket.link is skb.inet_iif):
                socket.receive(skb)
                return True
        return False

    def udp_lookup(self, src: Ip, sport: int, dst: Ip, dport: int, link: Link | None) -> UdpSocket | None:
        """``__udp4_lib_lookup``: the best score: connected before bound to an address before any."""
        best: UdpSocket | None = None
        best_score = -1
        for socket in self.udp:
            if socket.port != dport or (socket.link is not None and socket.link is not link):
                continue
            if socket.source and socket.source != dst:
                continue
            if socket.remote is not None and socket.remote != (src, sport):
                continue
            score = 4 * bool(socket.source) + 8 * (socket.remote is not None) + 2 * (socket.link is not None)
            if score > best_score:
                best, best_score = socket, score
        return best

    def senders(self, skb: Skb, inner: Packet) -> list[Socket]:
        """The sockets that may have sent a packet which an ICMP error quotes (``raw_icmp_error``, ``ping_err``, ``__udp4_lib_err``)."""
        header = inner.layers[0]
        if not isinstance(header, IPv4):
            return []
        transport = inner.layers[1] if len(inner.layers) > 1 else None
        # No filter of a raw socket is asked, but its device is: an error that comes over lo misses a socket bound to
        # another.
        found: list[Socket] = [
            raw
            for raw in self.raw
            if raw.protocol == header.proto
            and (not raw.source or raw.source == header.src)
            and (raw.link is None or raw.link is skb.iif)
        ]
        if isinstance(transport, Icmp):
            if transport.type == ICMP_ECHO:
                found += [ping for ping in self.ping if ping.ident == transport.id]
        elif isinstance(transport, Udp):
            udp = self.udp_lookup(header.dst, transport.dport, header.src, transport.sport, None)
            if udp is not None:
                found.append(udp)
        return found
