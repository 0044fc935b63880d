"""The plugins of a server block, one behind the other, as CoreDNS 1.11 calls them.

That is: loadbalance, cache, hosts, kubernetes, forward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cluster.dns.corefile import Block, within
from podwire.cluster.dns.records import Found, Records, falls_through
from podwire.cluster.dns.upstream import Upstreams
from podwire.wire import dns
from podwire.wire.addr import Ip4, Ip6

if TYPE_CHECKING:
    from random import Random

    from podwire.cluster.dns.corefile import Cache, Forward, Hosts
    from podwire.kube.store import Store

NSEC: Final = 1_000_000_000
_MIN_TTL: Final = 5
_SERVFAIL_TTL: Final = 5
_MAX_CNAMES: Final = 7
Reply = Callable[[dns.Message], None]


class Kept(msgspec.Struct, frozen=True):
    """A message in the cache: since when (ns), and for how many seconds."""

    message: dns.Message
    stored: int
    ttl: int


class Chain:
    """One server block. ``serial`` says when the objects changed last, in seconds; ``complain`` hears of errors."""

    def __init__(
        self,
        block: Block,
        store: Store | None,
        upstreams: Upstreams,
        random: Random,
        now: Callable[[], int],
        serial: Callable[[], int],
        complain: Callable[[str], None],
    ) -> None:
        self.block = block
        self.records = Records(store, block.kubernetes) if store is not None and block.kubernetes is not None else None
        self.upstreams = upstreams
        self.random = random
        self.now = now
        self.serial = serial
        self.complain = complain
        self.kept: dict[tuple[str, int, bool], Kept] = {}

    # -- loadbalance and cache -----------------------------------------------------------------------------------

    def answer(self, query: dns.Message, reply: Reply) -> None:
        """Answer a query, now or when somebody else has answered."""
        if self.block.loadbalance:
            self._cached(query, lambda message: reply(self._rotated(message)))
        else:
            self._cached(query, reply)

    def _rotated(self, message: dns.Message) -> dns.Message:
        """``round_robin``: aliases first, addresses last and in an order that changes."""
        if message.rcode != dns.NOERROR:
            return message
        return msgspec.structs.replace(
            message, answers=self._shuffled(message.answers), additionals=self._shuffled(message.additionals)
        )

    def _shuffled(self, records: tuple[dns.Record, ...]) -> tuple[dns.Record, ...]:
        moving = [each for each in records if each.type in {dns.A, dns.AAAA}]
        aliases = tuple(each for each in records if each.type == dns.CNAME)
        mail = [each for each in records if each.type == dns.MX]
        rest = tuple(each for each in records if each.type not in {dns.A, dns.AAAA, dns.CNAME, dns.MX})
        for group in (moving, mail):
            if len(group) > 1:
                self.random.shuffle(group)
        return (*aliases, *rest, *moving, *mail)

    def _cached(self, query: dns.Message, reply: Reply) -> None:
        cache = self.block.cache
        question = query.questions[0]
        if cache is None or within(question.name, cache.zones) is None:
            self._hosts(query, reply)
            return
        key = (question.name.lower(), question.type, query.edns is not None and query.edns.do)
        kept = self.kept.get(key)
        if kept is not None:
            left = kept.ttl - (self.now() - kept.stored) // NSEC
            if left > 0:
                reply(_answer_to(query, _with_ttl(kept.message, left)))
                return
            del self.kept[key]
        self._hosts(query, lambda message: reply(self._keep(cache, key, message)))

    def _keep(self, cache: Cache, key: tuple[str, int, bool], message: dns.Message) -> dns.Message:
        ttl = _time_to_keep(cache, key[0], message)
        if ttl <= 0 or message.tc:
            return message
        # What is kept bears the time for which it is kept from the first answer on.
        message = _with_ttl(message, ttl)
        self.kept[key] = Kept(msgspec.structs.replace(message, aa=True), self.now(), ttl)
        return message

    # -- hosts ---------------------------------------------------------------------------------------------------

    def _hosts(self, query: dns.Message, reply: Reply, depth: int = 0) -> None:
        hosts = self.block.hosts
        if hosts is None:
            self._kubernetes(query, reply, depth)
            return
        question = query.questions[0]
        name = question.name.lower()
        answers = tuple(_hosts_answers(hosts, question))
        known = any(name in names for _, names in hosts.entries)
        if answers or known:
            reply(_made(query, answers))
        elif hosts.through is not None and within(name, hosts.through) is not None:
            self._kubernetes(query, reply, depth)
        else:
            reply(_made(query, (), rcode=dns.NXDOMAIN))

    # -- kubernetes ----------------------------------------------------------------------------------------------

    def _kubernetes(self, query: dns.Message, reply: Reply, depth: int = 0) -> None:
        question = query.questions[0]
        records = self.records
        zone = within(question.name, records.plugin.zones) if records is not None else None
        if records is None or zone is None:
            self._forward(query, reply)
            return
        # The zone is written as the question writes it.
        shown = question.name[len(question.name) - len(zone) :] if zone != "." else "."

        def deny(rcode: int) -> None:
            reply(_made(query, (), authorities=(records.soa(shown, self.serial()),), rcode=rcode))

        if question.type == dns.PTR:
            self._pointer(records, query, reply, deny)
            return
        if question.type == dns.SOA and question.name.lower() == zone:
            reply(_made(query, (records.soa(shown, self.serial()),)))
            return
        if question.type == dns.TXT:
            answers = records.text(question.name, zone)
            if answers:
                reply(_made(query, answers))
            else:
                deny(dns.NOERROR)
            return
        reading = records.read(question.name, zone)
        if reading.found is None:
            if falls_through(question.name, records.plugin):
                self._forward(query, reply)
            else:
                deny(dns.NXDOMAIN)
            return
        self._found(records, query, reading.found, reply, deny, depth)

    def _found(
        self,
        records: Records,
        query: dns.Message,
        found: tuple[Found, ...],
        reply: Reply,
        deny: Callable[[int], None],
        depth: int,
    ) -> None:
        question = query.questions[0]
        alias = next((each for each in found if each.ip is None), None)
        if question.type == dns.SRV:
            answers, extra = records.services(question.name, found)
            if answers:
                reply(_made(query, answers, additionals=extra))
            else:
                deny(dns.NOERROR)
        elif alias is not None and question.type in {dns.A, dns.AAAA, dns.CNAME}:
            self._alias(records, query, alias, reply, deny, depth)
        elif question.type in {dns.A, dns.AAAA}:
            answers = records.addresses(question.name, question.type, found)
            if answers:
                reply(_made(query, answers))
            else:
                deny(dns.NOERROR)
        else:
            deny(dns.NOERROR)

    def _alias(
        self,
        records: Records,
        query: dns.Message,
        alias: Found,
        reply: Reply,
        deny: Callable[[int], None],
        depth: int,
    ) -> None:
        """ExternalName: the alias, and what the name that it stands for has, by whoever answers for that."""
        question = query.questions[0]
        target = alias.host if alias.host.endswith(".") else f"{alias.host}."
        record = dns.Record(question.name, dns.CNAME, records.plugin.ttl, dns.Target(target))
        if question.type == dns.CNAME:
            reply(_made(query, (record,)))
            return
        asked = dns.Question(target, question.type)
        # A chain of aliases in the cluster itself may be a ring.
        if depth > _MAX_CNAMES:
            deny(dns.NOERROR)
            return
        inner = msgspec.structs.replace(query, questions=(asked,))

        def add(message: dns.Message) -> None:
            inside = within(target, records.plugin.zones) is not None
            if message.rcode == dns.SERVFAIL or (inside and not message.answers):
                deny(dns.NOERROR)
            else:
                reply(_made(query, (record, *message.answers), tc=message.tc))

        self._hosts(inner, add, depth + 1)

    def _pointer(self, records: Records, query: dns.Message, reply: Reply, deny: Callable[[int], None]) -> None:
        question = query.questions[0]
        ip = dns.reversed_address(question.name)
        names = records.reverse(ip) if ip is not None else ()
        if names:
            reply(_made(query, records.pointers(question.name, names)))
        elif falls_through(question.name, records.plugin):
            self._forward(query, reply)
        else:
            deny(dns.NXDOMAIN)

    # -- forward -------------------------------------------------------------------------------------------------

    def _forward(self, query: dns.Message, reply: Reply) -> None:
        question = query.questions[0]
        for forward in self.block.forwards:
            name = question.name
            if within(name, (forward.zone,)) is not None and within(name, forward.ignored) is None:
                self._ask(forward, query, reply)
                return
        self._failed(query, reply, "no next plugin found")

    def _ask(self, forward: Forward, query: dns.Message, reply: Reply) -> None:
        def done(message: dns.Message | None, error: str) -> None:
            if message is None:
                self._failed(query, reply, error)
            else:
                reply(msgspec.structs.replace(message, id=query.id, edns=query.edns and message.edns))

        self.upstreams.ask(forward, query, done)

    def _failed(self, query: dns.Message, reply: Reply, error: str) -> None:
        question = query.questions[0]
        self.complain(
            f"[ERROR] plugin/errors: {dns.SERVFAIL} {question.name} {dns.type_name(question.type)}: {error}"
            if self.block.errors
            else ""
        )
        reply(dns.Message(query.id, query.questions, response=True, rd=query.rd, rcode=dns.SERVFAIL))


def _made(
    query: dns.Message,
    answers: tuple[dns.Record, ...],
    *,
    authorities: tuple[dns.Record, ...] = (),
    additionals: tuple[dns.Record, ...] = (),
    rcode: int = dns.NOERROR,
    tc: bool = False,
) -> dns.Message:
    """An answer with authority."""
    return dns.Message(
        query.id,
        query.questions,
        answers,
        authorities,
        additionals,
        response=True,
        aa=True,
        rd=query.rd,
        cd=query.cd,
        rcode=rcode,
        tc=tc,
    )


def _answer_to(query: dns.Message, message: dns.Message) -> dns.Message:
    """What is kept, as an answer to somebody: with the id, the spelling and the flags of the question."""
    return msgspec.structs.replace(
        message, id=query.id, questions=query.questions, rd=query.rd, cd=query.cd, edns=query.edns and message.edns
    )


def _with_ttl(message: dns.Message, ttl: int) -> dns.Message:
    def shortened(records: tuple[dns.Record, ...]) -> tuple[dns.Record, ...]:
        return tuple(msgspec.structs.replace(each, ttl=ttl) for each in records)

    return msgspec.structs.replace(
        message,
        answers=shortened(message.answers),
        authorities=shortened(message.authorities),
        additionals=shortened(message.additionals),
    )


def _time_to_keep(cache: Cache, name: str, message: dns.Message) -> int:
    """Seconds; 0 for what is not kept (``response.Typify``, ``computeTTL``)."""
    starts = [each for each in message.authorities if isinstance(each.data, dns.Start)]
    denial = message.rcode == dns.NXDOMAIN or (message.rcode == dns.NOERROR and not message.answers and bool(starts))
    if message.rcode == dns.SERVFAIL:
        return _SERVFAIL_TTL if message.ra else 0
    if message.rcode not in {dns.NOERROR, dns.NXDOMAIN}:
        return 0
    if within(name, cache.no_denial if denial else cache.no_success) is not None:
        return 0
    times = [each.ttl for each in (*message.answers, *message.authorities, *message.additionals)]
    times += [each.data.minimum for each in starts if isinstance(each.data, dns.Start) and denial]
    lowest = min(times, default=_MIN_TTL)
    return min(max(lowest, _MIN_TTL), cache.denial if denial else cache.success)


def _hosts_answers(hosts: Hosts, question: dns.Question) -> list[dns.Record]:
    name = question.name.lower()
    if question.type == dns.PTR:
        ip = dns.reversed_address(name)
        return [
            dns.Record(question.name, dns.PTR, hosts.ttl, dns.Target(each))
            for address, names in hosts.entries
            if address == ip
            for each in names
        ]
    family = {dns.A: Ip4, dns.AAAA: Ip6}.get(question.type)
    return [
        dns.Record(question.name, question.type, hosts.ttl, dns.Address(address))
        for address, names in hosts.entries
        if family is not None and isinstance(address, family) and name in names
    ]
