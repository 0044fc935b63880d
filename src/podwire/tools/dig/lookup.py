"""How the tools of BIND ask (bin/dig/dighost.c): the search list, servers, tries and time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from errno import EHOSTUNREACH, ENETUNREACH
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.tools.resolving.exchange import PORT, TcpExchange, UdpExchange
from podwire.tools.resolving.resolvconf import conf_of
from podwire.tools.resolving.resolver import resolve
from podwire.wire import dns
from podwire.wire.addr import Ip4, inet_aton

if TYPE_CHECKING:
    from podwire.tools.process import Process
    from podwire.wire.addr import Ip

_SECOND: Final = 1_000_000_000
_LOCALHOST: Final = Ip4.parse("127.0.0.1")


class Server(msgspec.Struct, frozen=True):
    """A name server, and how it was called."""

    ip: Ip4
    called: str
    port: int = PORT

    def __str__(self) -> str:
        return f"{self.ip}#{self.port}"


class Wanted(msgspec.Struct):
    """What to ask, and how patiently: ``timeout`` in seconds, ``tries`` of each server."""

    name: str
    type: int = dns.A
    search: bool = False
    tcp: bool = False
    edns: int = 0
    """The size of EDNS; 0 for none."""
    cookie: bool = False
    ad: bool = False
    cd: bool = False
    do: bool = False
    recurse: bool = True
    timeout: int = 5
    tries: int = 3
    ndots: int | None = None
    check_ra: bool = False
    """A server that does not recurse is told of, and the next one is asked."""
    failing: bool = False
    """A SERVFAIL is told of, and the next one is asked."""
    short_of: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """The reply, if any came: from whom, how many octets, after how long (ns), by TCP or not."""

    name: str
    reply: dns.Message | None = None
    server: Server | None = None
    size: int = 0
    elapsed: int = 0
    tcp: bool = False
    query: dns.Message | None = None


Asking = Generator["int | None", None, Outcome]


def servers_of(proc: Process, port: int = PORT) -> list[Server]:
    """Those of /etc/resolv.conf; without any, this host."""
    servers = conf_of(proc.place).servers or (_LOCALHOST,)
    return [Server(ip, str(ip), port) for ip in servers]


def server_of(proc: Process, word: str, port: int = PORT) -> Generator[int | None, None, Server | None]:
    """The server that a word names; None for a name without an address."""
    ip = inet_aton(word)
    if ip is None:
        ip = (yield from resolve(proc, word)).ip4
    return Server(ip, word, port) if ip is not None else None


class Asker:
    """One run of a tool. ``say`` takes the comments that are printed as things go wrong."""

    def __init__(self, proc: Process, servers: list[Server], say: Callable[[str], None]) -> None:
        self.proc = proc
        self.servers = servers
        self.say = say
        self.random = proc.place.machine.random("dig-id", proc.place.netns.label)
        self.pid = proc.place.new_pid()

    def names(self, wanted: Wanted) -> list[str]:
        """The names to try: with the search list where there are fewer dots than ``ndots``, and as it is at last."""
        name = wanted.name
        absolute = f"{name.rstrip('.')}."
        conf = conf_of(self.proc.place)
        ndots = conf.ndots if wanted.ndots is None else wanted.ndots
        if not wanted.search or name.endswith(".") or name.count(".") >= ndots:
            return [absolute]
        return [*(f"{absolute}{domain.strip('.')}." for domain in conf.search), absolute]

    def ask(self, wanted: Wanted) -> Asking:
        """Name after name, until one is there; the last one's answer stands."""
        outcome = Outcome(wanted.name)
        for name in self.names(wanted):
            outcome = yield from self.ask_one(wanted, name)
            if outcome.reply is None or outcome.reply.rcode == dns.NOERROR:
                return outcome
        return outcome

    def ask_one(self, wanted: Wanted, name: str) -> Asking:
        """One name: every server, as often as ``tries`` says."""
        query = self._query(wanted, name)
        for _ in range(wanted.tries):
            for index, server in enumerate(self.servers):
                last = index == len(self.servers) - 1
                outcome = yield from self._send(wanted, query, server, name)
                if outcome is None:
                    continue
                reply = outcome.reply
                if reply is not None and not self._accepts(wanted, reply, server, last=last):
                    continue
                return outcome
        return Outcome(name, query=query)

    def _query(self, wanted: Wanted, name: str) -> dns.Message:
        edns: dns.Edns | None = None
        if wanted.edns:
            options = ((dns.COOKIE, self.random.randbytes(8)),) if wanted.cookie else ()
            edns = dns.Edns(wanted.edns, do=wanted.do, options=options)
        question = dns.Question(name, wanted.type)
        ident = self.random.getrandbits(16)
        return dns.Message(ident, (question,), rd=wanted.recurse, ad=wanted.ad, cd=wanted.cd, edns=edns)

    def _accepts(self, wanted: Wanted, reply: dns.Message, server: Server, *, last: bool) -> bool:
        why = ""
        if wanted.failing and reply.rcode == dns.SERVFAIL:
            why = "SERVFAIL reply"
        elif wanted.check_ra and not reply.ra and wanted.recurse:
            why = "recursion not available"
        if why:
            self.say(f";; Got {why} from {server.ip}{'' if last else ', trying next server'}\n")
        return not why or last

    def _send(
        self, wanted: Wanted, query: dns.Message, server: Server, name: str
    ) -> Generator[int | None, None, Outcome | None]:
        began = self.proc.now
        if wanted.tcp:
            return (yield from self._by_tcp(wanted, query, server, name, began))
        proc = self.proc
        to = (server.ip, server.port)
        exchange = UdpExchange(
            proc.place.netns, proc.wake, server=to, on_send=proc.on_send, user=(proc.argv[0], self.pid, 20)
        )
        try:
            if exchange.error in {ENETUNREACH, EHOSTUNREACH}:
                text = os.strerror(exchange.error).lower().replace("no route to host", "host unreachable")
                text = text.replace("network is unreachable", "network unreachable")
                self.say(f";; UDP setup with {server}({server.called}) for {wanted.name} failed: {text}.\n")
                self.say(";; no servers could be reached\n")
                return None
            exchange.send(dns.to_bytes(query))
            until = proc.now + wanted.timeout * _SECOND
            while proc.now < until and not exchange.error:
                got = exchange.receive()
                if got is not None and _fits(got[0], query):
                    if got[0].tc:
                        self.say(";; Truncated, retrying in TCP mode.\n")
                        return (yield from self._by_tcp(wanted, query, server, name, proc.now))
                    return Outcome(name, got[0], server, got[2], proc.now - began, query=query)
                if got is None and not exchange.error:
                    yield until
            self._complain(server, exchange.error)
            return None
        finally:
            exchange.close()

    def _by_tcp(
        self, wanted: Wanted, query: dns.Message, server: Server, name: str, began: int
    ) -> Generator[int | None, None, Outcome | None]:
        proc = self.proc
        to = (server.ip, server.port)
        exchange = TcpExchange(proc.place.netns, proc.wake, to, on_send=proc.on_send, user=(proc.argv[0], self.pid, 20))
        try:
            exchange.send(dns.to_bytes(query))
            until = proc.now + wanted.timeout * _SECOND
            while proc.now < until and not exchange.error:
                got = exchange.receive()
                if got is not None:
                    return Outcome(name, got[0], server, got[1], proc.now - began, tcp=True, query=query)
                if exchange.ended:
                    self.say(f";; communications error to {server}: end of file\n")
                    return None
                if not exchange.error:
                    yield until
            if exchange.error:
                self.say(
                    f";; Connection to {server}({server.called}) for {wanted.name} failed: {_words(exchange.error)}.\n"
                )
            else:
                self._complain(server, 0)
            return None
        finally:
            exchange.close()

    def _complain(self, server: Server, errno: int) -> None:
        self.say(f";; communications error to {server}: {_words(errno) if errno else 'timed out'}\n")


def _words(errno: int) -> str:
    """``isc_result_totext``."""
    names = {ENETUNREACH: "network unreachable", EHOSTUNREACH: "host unreachable"}
    return names.get(errno, os.strerror(errno).lower())


def _fits(reply: dns.Message, query: dns.Message) -> bool:
    return reply.response and reply.id == query.id


def pointer_of(word: str) -> str | None:
    """The name under which the name of an address is asked for; None for what is no address."""
    ip: Ip | None = inet_aton(word) if word.count(".") == 3 else None
    return dns.reverse(ip) if ip is not None else None
