"""getaddrinfo(3) and gethostbyaddr(3): /etc/hosts, then the name servers of /etc/resolv.conf, asked by packets.

Two C libraries are known. glibc 2.36 (resolv/res_query.c, res_send.c) asks one server after the other, for A and AAAA at once from one
connected socket, and goes through the search list where a name has fewer than ``ndots`` dots, as it is first where it has more. musl 1.2
(src/network/lookup_name.c, res_msend.c) asks all servers at once from one unconnected socket, so that no ICMP error is heard, never
searches for a name with ``ndots`` dots, and ends its search at the first name that exists.

Both are generators that a tool delegates to (``yield from``): they wait in virtual time as tools do.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from errno import ECONNREFUSED
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.tools.resolving.exchange import PORT, TcpExchange, UdpExchange
from podwire.tools.resolving.resolvconf import ResolvConf, conf_of
from podwire.wire import dns
from podwire.wire.addr import Ip, Ip4, inet_aton

if TYPE_CHECKING:
    from podwire.linux.image import Image
    from podwire.tools.process import Process

_SECOND: Final = 1_000_000_000
_MUSL: Final = frozenset({"netshoot"})
"""Images that are Alpine."""

NONAME: Final = "noname"
NODATA: Final = "nodata"
AGAIN: Final = "again"
FAIL: Final = "fail"
_GLIBC_TEXTS: Final = {
    NONAME: "Name or service not known",
    NODATA: "No address associated with hostname",
    AGAIN: "Temporary failure in name resolution",
    FAIL: "Non-recoverable failure in name resolution",
}
_MUSL_TEXTS: Final = {
    NONAME: "Name does not resolve",
    NODATA: "Name has no usable address",
    AGAIN: "Try again",
    FAIL: "Non-recoverable error",
}


class Lookup(msgspec.Struct, frozen=True):
    """What came of a name: addresses, IPv4 first; its canonical name; or an error, one of ``noname nodata again fail``."""

    addresses: tuple[Ip, ...] = ()
    canonical: str = ""
    error: str = ""
    alias: str = ""
    """The name that was asked for, where that is not the canonical one."""

    @property
    def ip4(self) -> Ip4 | None:
        """The first address of IPv4."""
        return next((ip for ip in self.addresses if isinstance(ip, Ip4)), None)


Resolving = Generator["int | None", None, Lookup]
_Replies = Generator["int | None", None, "tuple[list[dns.Message | None], int]"]


def is_musl(image: Image) -> bool:
    """The image's C library is musl."""
    return image.name in _MUSL


def error_text(image: Image, error: str) -> str:
    """``gai_strerror``."""
    return (_MUSL_TEXTS if is_musl(image) else _GLIBC_TEXTS)[error]


def can_ask(proc: Process) -> bool:
    """There is a name server to ask."""
    return bool(conf_of(proc.place).servers)


def resolve(proc: Process, name: str, types: Sequence[int] = (dns.A, dns.AAAA)) -> Resolving:
    """The addresses of a name; ``types`` are what is asked for. Without a name server nobody is asked, and the error is ``again``."""
    numeric = inet_aton(name)
    if numeric is not None:
        return Lookup((numeric,), name)
    known = proc.place.lookup(name)
    if known is not None:
        return Lookup((known,), _first_name(proc, name))
    try:
        labels = dns.labels_of(name)
    except dns.DnsError:
        return Lookup(error=NONAME)
    if not labels or not all(32 < octet < 127 for label in labels for octet in label):
        return Lookup(error=NONAME)
    conf = conf_of(proc.place)
    if not conf.servers:
        return Lookup(error=AGAIN)
    how = _Musl(proc, conf) if is_musl(proc.image) else _Glibc(proc, conf)
    return (yield from how.search(name, tuple(types)))


def resolve_pointer(proc: Process, ip: Ip) -> Generator[int | None, None, str | None]:
    """The name of an address: /etc/hosts, else what the name servers say; without its last dot. None where it has none."""
    known = proc.place.hosts().get(ip)
    conf = conf_of(proc.place)
    if known is not None or not conf.servers:
        return known
    how = _Musl(proc, conf) if is_musl(proc.image) else _Glibc(proc, conf)
    replies, _ = yield from how.ask(dns.reverse(ip), (dns.PTR,))
    for reply in replies:
        for record in reply.answers if reply is not None else ():
            if isinstance(record.data, dns.Target) and record.type == dns.PTR:
                return record.data.name.rstrip(".")
    return None


def _first_name(proc: Process, name: str) -> str:
    """The first name on its line of /etc/hosts."""
    for line in proc.place.files.get("/etc/hosts", "").splitlines():
        words = line.partition("#")[0].split()
        if name in words[1:]:
            return words[1]
    return name


def found_in(replies: Sequence[dns.Message | None]) -> Lookup | None:
    """The addresses of replies; None where they hold none."""
    addresses: dict[Ip, None] = {}
    canonical = ""
    for reply in replies:
        if reply is None or reply.rcode != dns.NOERROR or not reply.questions:
            continue
        name = reply.questions[0].name.lower()
        for record in reply.answers:
            if record.name.lower() != name:
                continue
            if record.type == dns.CNAME and isinstance(record.data, dns.Target):
                name = record.data.name.lower()
        for record in reply.answers:
            if isinstance(record.data, dns.Address) and record.name.lower() == name:
                addresses[record.data.ip] = None
                canonical = canonical or record.name.rstrip(".")
    if not addresses:
        return None
    ordered = sorted(addresses, key=lambda ip: not isinstance(ip, Ip4))
    asked = next((reply.questions[0].name for reply in replies if reply is not None and reply.questions), "")
    alias = asked.rstrip(".") if asked.rstrip(".").lower() != canonical.lower() else ""
    return Lookup(tuple(ordered), canonical, alias=alias)


class _Resolver:
    """What both libraries share."""

    def __init__(self, proc: Process, conf: ResolvConf) -> None:
        self.proc = proc
        self.conf = conf
        self.random = proc.place.machine.random("dns-id", proc.place.netns.label)

    def queries(self, name: str, types: tuple[int, ...]) -> list[dns.Message]:
        """A query for each type, with ids that differ."""
        edns = dns.Edns() if self.conf.edns0 else None
        ids: list[int] = []
        while len(ids) < len(types):
            ident = self.random.getrandbits(16)
            if ident not in ids:
                ids.append(ident)
        return [
            dns.Message(ident, (dns.Question(name, kind),), edns=edns, ad=self.conf.trust_ad)
            for ident, kind in zip(ids, types, strict=True)
        ]

    def udp(self, server: tuple[Ip, int] | None) -> UdpExchange:
        """A socket."""
        proc = self.proc
        return UdpExchange(proc.place.netns, proc.wake, server=server, on_send=proc.on_send)

    def over_tcp(self, queries: Sequence[dns.Message], server: tuple[Ip, int], until: int) -> _Replies:
        """One connection, all queries behind one another (``send_vc``)."""
        proc = self.proc
        exchange = TcpExchange(proc.place.netns, proc.wake, server, on_send=proc.on_send)
        replies: list[dns.Message | None] = [None] * len(queries)
        try:
            for query in queries:
                exchange.send(dns.to_bytes(query))
            while None in replies and not exchange.error and proc.now < until:
                got = exchange.receive()
                if got is not None:
                    _place(got[0], queries, replies)
                    continue
                if exchange.over:
                    break
                yield until
        finally:
            exchange.close()
        return replies, exchange.error


def _place(message: dns.Message, queries: Sequence[dns.Message], replies: list[dns.Message | None]) -> int | None:
    """Put a reply to its query: id and question are to be the same; returns its index, None for what belongs nowhere."""
    for index, query in enumerate(queries):
        if message.response and message.id == query.id and replies[index] is None and _same(message, query):
            replies[index] = message
            return index
    return None


def _same(message: dns.Message, query: dns.Message) -> bool:
    own, asked = message.questions[:1], query.questions[0]
    return bool(own) and (own[0].name.lower(), own[0].type, own[0].cls) == (asked.name.lower(), asked.type, asked.cls)


def _plain(error: str) -> str:
    """What a program is told of one name."""
    return AGAIN if error in {"servfail", "refused"} else error


_BAD: Final = frozenset({dns.SERVFAIL, dns.NOTIMP, dns.REFUSED})


class _Glibc(_Resolver):
    """glibc's resolver."""

    def __init__(self, proc: Process, conf: ResolvConf) -> None:
        super().__init__(proc, conf)
        self.single = conf.single_request
        self.reopen = conf.single_request_reopen

    def search(self, name: str, types: tuple[int, ...]) -> Resolving:
        """``__res_context_search``."""
        dots = name.rstrip(".").count(".") + name.endswith(".")
        absolute = f"{name.rstrip('.')}."
        no_data = failed = tried = False
        as_is = ""
        if dots >= self.conf.ndots or name.endswith("."):
            found, as_is = yield from self._one(absolute, types)
            tried = True
            if found is not None or name.endswith("."):
                return found if found is not None else Lookup(error=_plain(as_is))
        for domain in self.conf.search if not name.endswith(".") else ():
            suffix = domain.strip(".")
            if not suffix and tried:
                continue
            found, error = yield from self._one(f"{absolute}{suffix}." if suffix else absolute, types)
            if found is not None or error == "refused":
                return found if found is not None else Lookup(error=AGAIN)
            no_data |= error == NODATA
            failed |= error == "servfail"
            tried |= not suffix
            if error == AGAIN:
                break
        if not tried:
            found, as_is = yield from self._one(absolute, types)
            if found is not None:
                return found
        if as_is and as_is != NONAME:
            return Lookup(error=_plain(as_is))
        if no_data:
            return Lookup(error=NODATA)
        return Lookup(error=AGAIN if failed else NONAME)

    def _one(self, name: str, types: tuple[int, ...]) -> Generator[int | None, None, tuple[Lookup | None, str]]:
        """One name: what was found, else ``noname nodata servfail refused again``."""
        replies, errno = yield from self.ask(name, types)
        found = found_in(replies)
        if found is not None:
            return found, ""
        codes = [reply.rcode for reply in replies if reply is not None]
        if any(code == dns.NXDOMAIN for code in codes):
            return None, NONAME
        if any(code == dns.NOERROR for code in codes):
            return None, NODATA if len(codes) == len(types) and not _BAD & set(codes) else AGAIN
        if codes:
            return None, "servfail"
        return None, "refused" if errno == ECONNREFUSED else AGAIN

    def ask(self, name: str, types: tuple[int, ...]) -> _Replies:
        """``__res_context_send``: every server, ``attempts`` times."""
        queries = self.queries(name, types)
        servers = list(self.conf.servers)
        if self.conf.rotate:
            turn = self.random.randrange(len(servers))
            servers = servers[turn:] + servers[:turn]
        timed_out = False
        last: list[dns.Message | None] = [None] * len(queries)
        for _ in range(max(self.conf.attempts, 1)):
            for number, server in enumerate(servers):
                # Each server further down the list is waited for twice as long, in parts.
                wait = max((self.conf.timeout << number) // (len(servers) if number else 1), 1)
                if self.conf.use_vc:
                    until = self.proc.now + wait * _SECOND
                    replies, errno = yield from self.over_tcp(queries, (server, PORT), until)
                else:
                    replies, errno = yield from self._datagrams(queries, (server, PORT), wait)
                timed_out |= not errno
                good = [reply for reply in replies if reply is not None and reply.rcode not in _BAD]
                if good:
                    return replies, 0
                last = replies if any(replies) else last
        return last, 0 if timed_out else ECONNREFUSED

    def _datagrams(self, queries: list[dns.Message], server: tuple[Ip, int], wait: int) -> _Replies:
        """``send_dg``: both queries leave at once, unless ``single-request`` is on.

        Where one of two answers did not come in time, the second question is asked again behind the answer to the first, and if that
        does not help from another port: that is what two answers that are lost to a race cost.
        """
        while True:
            replies, error = yield from self._round(queries, server, wait)
            some = any(reply is not None for reply in replies)
            if error or len(queries) == 1 or not some or None not in replies:
                break
            if not self.single:
                self.single = True
            elif not self.reopen:
                self.reopen = True
            else:
                break
        if any(reply is not None and reply.tc for reply in replies):
            replies, error = yield from self.over_tcp(queries, server, self.proc.now + wait * _SECOND)
        return replies, error

    def _round(self, queries: list[dns.Message], server: tuple[Ip, int], wait: int) -> _Replies:
        replies: list[dns.Message | None] = [None] * len(queries)
        exchange = self.udp(server)
        try:
            waiting = list(queries)
            until = self.proc.now + wait * _SECOND
            while waiting and not exchange.error:
                batch = [waiting.pop(0)] if self.single else waiting
                waiting = waiting if self.single else []
                for query in batch:
                    exchange.send(dns.to_bytes(query))
                asked = [index for index, query in enumerate(queries) if query in batch]
                while any(replies[index] is None for index in asked) and self.proc.now < until and not exchange.error:
                    got = exchange.receive()
                    if got is not None:
                        _place(got[0], queries, replies)
                    elif not exchange.failed:
                        yield until
                if any(replies[index] is None for index in asked):
                    break
                if waiting and self.reopen:
                    exchange.close()
                    exchange = self.udp(server)
        finally:
            exchange.close()
        return replies, exchange.error


class _Musl(_Resolver):
    """musl's resolver."""

    def search(self, name: str, types: tuple[int, ...]) -> Resolving:
        """``name_from_dns_search``."""
        absolute = f"{name.rstrip('.')}."
        dots = name.count(".")
        if dots < self.conf.ndots and not name.endswith("."):
            for domain in self.conf.search:
                found = yield from self._one(f"{absolute}{domain.strip('.')}.", types)
                if found is not None:
                    return found
        return (yield from self._one(absolute, types)) or Lookup(error=NONAME)

    def _one(self, name: str, types: tuple[int, ...]) -> Generator[int | None, None, Lookup | None]:
        """``name_from_dns``: None where there is no such name."""
        replies, _ = yield from self.ask(name, types)
        if any(reply is None for reply in replies):
            return Lookup(error=AGAIN)
        found = found_in(replies)
        if found is not None:
            return found
        first = replies[0]
        rcode = first.rcode if first is not None else dns.SERVFAIL
        if rcode == dns.NXDOMAIN:
            return None
        return Lookup(error={dns.NOERROR: NODATA, dns.SERVFAIL: AGAIN}.get(rcode, FAIL))

    def ask(self, name: str, types: tuple[int, ...]) -> _Replies:
        """``__res_msend_rc``: all servers at once, again after a part of the time; a SERVFAIL is asked again at once, twice a query."""
        queries = self.queries(name, types)
        servers = [(server, PORT) for server in self.conf.servers]
        replies: list[dns.Message | None] = [None] * len(queries)
        patience = 2 * len(queries)
        timeout = max(self.conf.timeout, 1) * _SECOND
        pause = timeout // max(self.conf.attempts, 1)
        end = self.proc.now + timeout
        again = self.proc.now
        exchange = self.udp(None)
        try:
            while None in replies and self.proc.now < end:
                if self.proc.now >= again:
                    for query, reply in zip(queries, replies, strict=True):
                        if reply is None:
                            for server in servers:
                                exchange.send(dns.to_bytes(query), server)
                    again, patience = self.proc.now + pause, 2 * len(queries)
                got = exchange.receive()
                if got is None:
                    yield min(again, end)
                    continue
                message, sender, _ = got
                index = _place(message, queries, replies) if sender in servers else None
                if index is None or message.rcode in {dns.NOERROR, dns.NXDOMAIN}:
                    if index is not None and message.tc:
                        over, _ = yield from self.over_tcp([queries[index]], sender, end)
                        replies[index] = over[0] or message
                    continue
                if message.rcode == dns.SERVFAIL and patience:
                    patience -= 1
                    replies[index] = None
                    exchange.send(dns.to_bytes(queries[index]), sender)
                elif message.rcode != dns.SERVFAIL:
                    replies[index] = None
        finally:
            exchange.close()
        return replies, 0
