"""The plugin ``forward``: questions that go on to other name servers, as packets from the server's own namespace."""

from __future__ import annotations

import os
from collections.abc import Callable
from errno import ECONNREFUSED
from typing import TYPE_CHECKING, Final

from podwire.cluster.dns.corefile import CorefileError
from podwire.tools.resolving import resolvconf
from podwire.tools.resolving.exchange import PORT, UdpExchange
from podwire.wire import dns
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from podwire.cluster.dns.corefile import Forward
    from podwire.fabric.clock import Alarm
    from podwire.fabric.network import Network
    from podwire.linux.netns import Netns

_SECOND: Final = 1_000_000_000
_READ_TIMEOUT: Final = 2 * _SECOND
_DEADLINE: Final = 5 * _SECOND
_TRIES: Final = 3
"""How often a server that refuses is tried for one question: CoreDNS tries as fast as it can until its health check has failed so often."""
Done = Callable[["dns.Message | None", str], None]


class Upstreams:
    """Whom a server asks. ``files`` are those of its container: /etc/resolv.conf names them."""

    def __init__(self, network: Network, netns: Netns, files: Mapping[str, str], random: Random) -> None:
        self.network = network
        self.netns = netns
        self.files = files
        self.random = random
        self.questions: list[_Question] = []
        self._turn = 0

    def check(self, forward: Forward) -> None:
        """Raise ``CorefileError`` where a word leads to no name server."""
        self.servers(forward)

    def servers(self, forward: Forward) -> list[tuple[Ip, int]]:
        """Addresses and ports, in the order of the policy."""
        found: list[tuple[Ip, int]] = []
        for word in forward.to:
            if word.startswith("/"):
                servers = resolvconf.parse(self.files.get(word, "")).servers
                if not servers:
                    raise CorefileError(f"plugin/forward: no nameservers found in {word!r}".replace("'", '"'))
                found += [(server, PORT) for server in servers]
                continue
            host, _, port = word.removeprefix("dns://").partition(":")
            try:
                found.append((Ip.parse(host), int(port or PORT)))
            except ValueError:
                raise CorefileError(f"plugin/forward: not an IP address or file: {word!r}".replace("'", '"')) from None
        if forward.policy == "random":
            self.random.shuffle(found)
        elif forward.policy == "round_robin":
            self._turn += 1
            found = found[self._turn % len(found) :] + found[: self._turn % len(found)]
        return found

    def ask(self, forward: Forward, query: dns.Message, done: Done) -> None:
        """Ask them in turn until one answers; ``done`` hears the message, or None and why."""
        self.questions.append(_Question(self, self.servers(forward), query, done))
        self.questions[-1].begin()

    def close(self) -> None:
        """Nobody waits any more."""
        for question in list(self.questions):
            question.end()


class _Question:
    """One question on its way."""

    def __init__(self, upstreams: Upstreams, servers: list[tuple[Ip, int]], query: dns.Message, done: Done) -> None:
        self.upstreams = upstreams
        self.servers = servers
        self.query = query
        self.done = done
        self.tries = 0
        self.deadline = upstreams.network.now + _DEADLINE
        self.exchange: UdpExchange | None = None
        self.alarm: Alarm | None = None
        self.error = ""

    def begin(self) -> None:
        """The next server."""
        network = self.upstreams.network
        self._release()
        if network.now >= self.deadline or self.tries >= _TRIES * len(self.servers):
            self._finish(None)
            return
        server = self.servers[self.tries % len(self.servers)]
        self.tries += 1
        self.exchange = exchange = UdpExchange(self.upstreams.netns, self._wake, server=server, user=("coredns", 1, 12))
        if exchange.error or not exchange.send(dns.to_bytes(self.query)):
            self._refused(server, exchange.error)
            return
        # The deadline is looked at between two tries only: the last one may outlast it.
        self.alarm = network.at(network.now + _READ_TIMEOUT, self._timeout)

    def _wake(self) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        got = exchange.receive()
        if got is not None and got[0].response and got[0].id == self.query.id:
            self._finish(got[0])
        elif exchange.error:
            self._refused(self.servers[(self.tries - 1) % len(self.servers)], exchange.error)

    def _names(self, server: tuple[Ip, int]) -> str:
        socket = self.exchange.socket if self.exchange is not None else None
        own = f"{socket.source}:{socket.port}" if socket is not None else ""
        return f"read udp {own}->{server[0]}:{server[1]}"

    def _refused(self, server: tuple[Ip, int], errno: int) -> None:
        how = "read" if errno == ECONNREFUSED else "write"
        self.error = f"{self._names(server)}: {how}: {os.strerror(errno).lower()}"
        network = self.upstreams.network
        self._release()
        # Not within the packet that brought the error.
        self.alarm = network.at(network.now, self.begin)

    def _timeout(self) -> None:
        self.error = f"{self._names(self.servers[(self.tries - 1) % len(self.servers)])}: i/o timeout"
        self.begin()

    def _finish(self, message: dns.Message | None) -> None:
        self.end()
        self.done(message, self.error)

    def _release(self) -> None:
        if self.exchange is not None:
            self.exchange.close()
            self.exchange = None
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None

    def end(self) -> None:
        """Forget it."""
        self._release()
        if self in self.upstreams.questions:
            self.upstreams.questions.remove(self)
