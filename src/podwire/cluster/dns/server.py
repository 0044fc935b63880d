"""CoreDNS as a process: its sockets on UDP and TCP, the server block that a question goes to, and the size of what fits."""

from __future__ import annotations

import hashlib
from errno import EADDRINUSE
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cluster.dns.chain import NSEC, Chain
from podwire.cluster.dns.corefile import Block, CorefileError, Listen, parse, within
from podwire.cluster.dns.pages import Page
from podwire.cluster.dns.upstream import Upstreams
from podwire.cluster.serving.server import HttpServer
from podwire.linux.socket import SocketError, UdpSocket
from podwire.linux.tcp import TcpSocket
from podwire.wire import dns
from podwire.wire.addr import ANY4, Ip, Ip4
from podwire.wire.headers import IPv4, Udp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from podwire.cluster.serving.server import Serving
    from podwire.kube.store import Store

VERSION: Final = "1.11.1"
_SUPPORTED: Final = frozenset({3, 9, 10, 11, 12})
"""Options of EDNS that go back as they came (NSID, EXPIRE, COOKIE, TCP-KEEPALIVE, PADDING)."""
_BANNER: Final = f"CoreDNS-{VERSION}\nlinux/amd64, go1.20.7, ae2bbc2"
_IDLE: Final = 10 * NSEC
_THINKING: Final = 100_000
"""ns that an answer takes: a process has to be woken first, so both questions of a resolver are on their way by then."""


class CoreDns:
    """The server of a container, with the Corefile that ``corefile`` gives; ``store`` is what the plugin ``kubernetes`` watches.

    A Corefile with which CoreDNS does not start leaves it without sockets: ``error`` is what it says.
    """

    def __init__(
        self,
        serving: Serving,
        files: Mapping[str, str],
        corefile: Callable[[], str],
        store: Callable[[], Store | None],
        serial: Callable[[], int],
    ) -> None:
        self.serving = serving
        self.files = files
        self.source = corefile
        self.store = store
        self.serial = serial
        self.error = ""
        self.alive = True
        """Its container has not ended."""
        self.chains: list[Chain] = []
        self.sockets: dict[int, tuple[UdpSocket, TcpSocket]] = {}
        self.connections: list[_Connection] = []
        self.pages: dict[Listen, HttpServer] = {}
        self.corefile = ""
        random = serving.netns.machine.random("coredns", serving.hostname)
        self.upstreams = Upstreams(serving.network, serving.netns, files, random)
        self.random = random
        self._start()

    # -- the Corefile --------------------------------------------------------------------------------------------

    def _start(self) -> None:
        text = self.source()
        try:
            blocks = self._checked(text)
        except CorefileError as error:
            self.error = str(error)
            self.serving.print("stdout", self.error)
            return
        self._use(text, blocks)
        for line in (*self._zones(), self._running(), *_BANNER.splitlines()):
            self.serving.print("stdout", line)

    def _zones(self) -> list[str]:
        return [f"{zone}:{port}" for chain in self.chains for zone, port in chain.block.zones]

    def _running(self) -> str:
        digest = hashlib.sha512(self.corefile.encode()).hexdigest()
        return f"[INFO] plugin/reload: Running configuration SHA512 = {digest}"

    def _checked(self, text: str) -> tuple[Block, ...]:
        blocks = parse(text)
        for block in blocks:
            for forward in block.forwards:
                self.upstreams.check(forward)
        return blocks

    def reload(self) -> None:
        """The plugin ``reload`` looks at the Corefile: what does not parse is said, and the old one stays."""
        text = self.source()
        if (
            not self.alive
            or text == self.corefile
            or not (self.error or any(each.block.reload for each in self.chains))
        ):
            return
        if self.error:
            self.error = ""
            self._start()
            return
        self.serving.print("stdout", "[INFO] Reloading")
        try:
            blocks = self._checked(text)
        except CorefileError as error:
            self.serving.print("stdout", f"[ERROR] Restart failed: {error}")
            self.serving.print("stdout", f"[ERROR] plugin/reload: Corefile changed but reload failed: {error}")
            return
        self._use(text, blocks)
        self.serving.print("stdout", self._running())
        self.serving.print("stdout", "[INFO] Reloading complete")

    def _use(self, text: str, blocks: tuple[Block, ...]) -> None:
        self.corefile = text
        store = self.store()
        network = self.serving.network
        self.chains = [
            Chain(block, store, self.upstreams, self.random, lambda: network.now, self.serial, self._complain)
            for block in blocks
        ]
        wanted = {port for block in blocks for _, port in block.zones}
        for port in [port for port in self.sockets if port not in wanted]:
            self._shut(port)
        for port in sorted(wanted - set(self.sockets)):
            self._open(port)
        self._answer([page for block in blocks for page in block.pages])

    def _answer(self, pages: Sequence[Listen]) -> None:
        """Answer by HTTP there, and nowhere else. Blocks that name one place twice share it."""
        for page in [page for page in self.pages if page not in pages]:
            self.pages.pop(page).close()
        for page in pages:
            if page not in self.pages:
                address = page.address if isinstance(page.address, Ip4) else ANY4
                self.pages[page] = HttpServer(self.serving, Page(page.plugin), page.port, address)

    def _complain(self, text: str) -> None:
        if text:
            self.serving.print("stdout", text)

    # -- sockets -------------------------------------------------------------------------------------------------

    def _open(self, port: int) -> None:
        netns = self.serving.netns
        if netns.sockets.udp_taken(port):
            raise SocketError(EADDRINUSE)
        udp = UdpSocket(netns, port, lambda: self._datagrams(udp))
        udp.user = ("coredns", 1, 10)
        tcp = TcpSocket(netns, lambda: self._accept(tcp))
        tcp.user = ("coredns", 1, 11)
        tcp.sk.reuse = True
        tcp.bind(ANY4, port)
        tcp.listen(4096)
        self.sockets[port] = udp, tcp

    def _shut(self, port: int) -> None:
        udp, tcp = self.sockets.pop(port)
        udp.close()
        tcp.close()

    def close(self) -> None:
        """The container ends."""
        self.alive = False
        self.upstreams.close()
        for port in list(self.sockets):
            self._shut(port)
        self._answer([])
        for connection in list(self.connections):
            connection.close()

    def _datagrams(self, socket: UdpSocket) -> None:
        while socket.inbox:
            arrived = socket.inbox.popleft()
            header, udp = arrived.packet.layers[0], arrived.packet.layers[1]
            data = arrived.packet.payload
            if not isinstance(header, IPv4) or not isinstance(udp, Udp) or not isinstance(data, bytes):
                continue
            self.take(data, (header.src, udp.sport), socket.port, self._replier(socket, header, udp))

    def _replier(self, socket: UdpSocket, header: IPv4, udp: Udp) -> Callable[[bytes], None]:
        own = header.dst if isinstance(header.dst, Ip4) else ANY4

        def reply(data: bytes) -> None:
            # The answer comes from the address that was asked (IP_PKTINFO).
            socket.source = own
            try:
                socket.send_to(header.src, udp.sport, data)
            except SocketError as error:
                self._complain(
                    f"[ERROR] plugin/errors: write udp {own}:{socket.port}->{header.src}: {error.strerror.lower()}"
                )
            finally:
                socket.source = ANY4

        return reply

    def _accept(self, socket: TcpSocket) -> None:
        while (child := socket.accept()) is not None:
            self.connections.append(_Connection(self, child, socket.local[1]))

    # -- questions -----------------------------------------------------------------------------------------------

    def take(
        self, data: bytes, peer: tuple[Ip, int], port: int, reply: Callable[[bytes], None], *, tcp: bool = False
    ) -> None:
        """A query in bytes; what is none is not answered, as by miekg/dns, unless its header can be read."""
        try:
            query = dns.from_bytes(data)
        except dns.DnsError:
            if len(data) >= 12 and not data[2] & 0x80:
                ident = int.from_bytes(data[:2], "big")
                reply(dns.to_bytes(dns.Message(ident, response=True, rd=bool(data[2] & 1), rcode=dns.FORMERR)))
            return
        if query.response:
            return
        if query.opcode:
            reply(dns.to_bytes(_refusal(query, dns.NOTIMP)))
            return
        if len(query.questions) != 1:
            reply(dns.to_bytes(_refusal(query, dns.FORMERR)))
            return
        network = self.serving.network
        network.at(network.now + _THINKING, lambda: self._ask(query, len(data), peer, port, reply, tcp=tcp))

    def _ask(
        self,
        query: dns.Message,
        size: int,
        peer: tuple[Ip, int],
        port: int,
        reply: Callable[[bytes], None],
        *,
        tcp: bool,
    ) -> None:
        if not self.alive:
            return
        began = self.serving.network.now - _THINKING
        chain = self._chain_for(query.questions[0].name, port)

        def answer(message: dns.Message) -> None:
            data = fitted(query, message, tcp=tcp)
            if chain is not None and chain.block.log:
                self._log(query, size, peer, message, len(data), began, tcp=tcp)
            reply(data)

        if query.edns is not None and query.edns.version:
            answer(_refusal(query, 16))
        elif chain is None or query.questions[0].cls != dns.IN:
            answer(_refusal(query, dns.REFUSED))
        else:
            chain.answer(query, answer)

    def _chain_for(self, name: str, port: int) -> Chain | None:
        """The server block with the longest zone that the name lies in."""
        zones = {zone: chain for chain in self.chains for zone, own in chain.block.zones if own == port}
        best = within(name, tuple(zones))
        return zones[best] if best is not None else None

    def _log(
        self,
        query: dns.Message,
        size: int,
        peer: tuple[Ip, int],
        message: dns.Message,
        written: int,
        began: int,
        *,
        tcp: bool,
    ) -> None:
        """The line of the plugin ``log`` in its common format."""
        question = query.questions[0]
        names = (("qr", True), ("aa", message.aa), ("tc", message.tc), ("rd", query.rd), ("ra", message.ra))
        flags = ",".join(name for name, on in names if on)
        do = query.edns is not None and query.edns.do
        took = f"{(self.serving.network.now - began) / NSEC:.9f}s"
        self.serving.print(
            "stdout",
            f"[INFO] {peer[0]}:{peer[1]} - {query.id}"
            f' "{dns.type_name(question.type)} {dns.CLASSES.get(question.cls, question.cls)} {question.name.lower()}'
            f' {"tcp" if tcp else "udp"} {size} {str(do).lower()} {_limit(query, tcp=tcp)}"'
            f" {dns.RCODES.get(message.rcode, str(message.rcode))} {flags} {written} {took}",
        )


class _Connection:
    """A client on TCP."""

    def __init__(self, server: CoreDns, socket: TcpSocket, port: int) -> None:
        self.server = server
        self.socket = socket
        self.port = port
        self.inbox = bytearray()
        self.outbox = bytearray()
        socket.user = ("coredns", 1, 13)
        socket.wake = self._wake
        network = server.serving.network
        self.alarm = network.at(network.now + _IDLE, self.close)
        if socket.readable:
            self._wake()

    def _wake(self) -> None:
        try:
            self._flush()
            self.inbox += self.socket.recv()
        except SocketError:
            self.close()
            return
        while len(self.inbox) >= 2 and len(self.inbox) >= 2 + (size := int.from_bytes(self.inbox[:2], "big")):
            data = bytes(self.inbox[2 : 2 + size])
            del self.inbox[: 2 + size]
            self.server.take(data, self.socket.remote or (ANY4, 0), self.port, self._reply, tcp=True)
        if self.socket.eof:
            self.close()

    def _reply(self, data: bytes) -> None:
        if self in self.server.connections:
            self.outbox += len(data).to_bytes(2, "big") + data
            self._flush()

    def _flush(self) -> None:
        try:
            while self.outbox and (taken := self.socket.send(bytes(self.outbox))):
                del self.outbox[:taken]
        except SocketError:
            self.close()

    def close(self) -> None:
        """End it."""
        self.alarm.cancel()
        self.socket.close()
        if self in self.server.connections:
            self.server.connections.remove(self)


def _refusal(query: dns.Message, rcode: int) -> dns.Message:
    return dns.Message(query.id, query.questions[:1], response=True, opcode=query.opcode, rd=query.rd, rcode=rcode)


def _limit(query: dns.Message, *, tcp: bool) -> int:
    """How many octets the client takes (``edns.Size``)."""
    if tcp:
        return 65535
    return max(query.edns.size, dns.UDP_SIZE) if query.edns is not None else dns.UDP_SIZE


def fitted(query: dns.Message, message: dns.Message, *, tcp: bool) -> bytes:
    """The bytes of an answer as ``Scrub`` writes them: names are shortened only where it would not fit, then records go, and TC is set."""
    edns = None
    if query.edns is not None:
        options = tuple(option for option in query.edns.options if option[0] in _SUPPORTED)
        edns = dns.Edns(query.edns.size, 0, query.edns.do, options)
    message = msgspec.structs.replace(message, edns=edns)
    limit = _limit(query, tcp=tcp)
    data = dns.to_bytes(message, compress=False)
    if len(data) <= limit:
        return data
    for section in ("additionals", "authorities", "answers"):
        while len(data := dns.to_bytes(message)) > limit and (records := getattr(message, section)):
            message = msgspec.structs.replace(message, **{section: records[:-1]}, tc=True)
    return data
