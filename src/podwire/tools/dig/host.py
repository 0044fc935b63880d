"""``host`` (bin/dig/host.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.args import BadOption, getopt
from podwire.tools.dig.lookup import Asker, Outcome, Wanted, pointer_of, server_of, servers_of
from podwire.tools.dig.text import data_text
from podwire.wire import dns

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_SAID: Final = {
    dns.A: "has address",
    dns.AAAA: "has IPv6 address",
    dns.NS: "name server",
    dns.CNAME: "is an alias for",
    dns.SOA: "has SOA record",
    dns.PTR: "domain name pointer",
    dns.MX: "mail is handled by",
    dns.TXT: "descriptive text",
}


def host(proc: Process) -> int | Waiting:
    """``host [-t TYPE] [-W SECONDS] [-R TRIES] [-T] NAME|ADDRESS [SERVER]``."""
    wanted = Wanted("", timeout=5, tries=2, search=True)
    kind: int | None = None
    try:
        options, words = getopt(proc, "aAc:dilnm:p:rst:vVwCDN:R:TUW:46")
    except BadOption:
        return 1
    for letter, value in options:
        match letter:
            case "t":
                kind = dns.type_number(value)
                if kind is None:
                    proc.error(f"host: invalid type: {value}\n\n")
                    return 1
            case "W":
                wanted.timeout = max(int(value), 1)
            case "R":
                wanted.tries = max(int(value), 1) + 1
            case "T":
                wanted.tcp = True
            case "N":
                wanted.ndots = int(value)
            case "r":
                wanted.recurse = False
            case "4":
                pass
            case _:
                raise NotModelled(f"option -{letter}", "host")
    if not 0 < len(words) < 3:
        raise NotModelled("the usage text", "host")
    return _run(proc, wanted, kind, words)


def _run(proc: Process, wanted: Wanted, kind: int | None, words: list[str]) -> Waiting:
    servers = servers_of(proc)
    using = ""
    if len(words) > 1:
        server = yield from server_of(proc, words[1])
        if server is None:
            proc.error(f"host: couldn't get address for '{words[1]}': not found\n")
            return 1
        servers = [server]
        using = f"Using domain server:\nName: {server.called}\nAddress: {server}\nAliases: \n\n"
    pointer = pointer_of(words[0]) if kind is None else None
    wanted.name = pointer or words[0]
    wanted.type = dns.PTR if pointer is not None else kind or dns.A
    wanted.search = pointer is None
    asker = Asker(proc, servers, proc.write)
    outcome = yield from asker.ask(wanted)
    reply = outcome.reply
    if reply is None:
        proc.write(";; no servers could be reached\n")
        return 1
    proc.write(using)
    if reply.rcode:
        code = dns.RCODES.get(reply.rcode, f"RESERVED{reply.rcode}")
        proc.write(f"Host {wanted.name} not found: {reply.rcode}({code})\n")
        return 1
    _say(proc, outcome, reply, wanted, explicit=kind is not None or pointer is not None)
    if kind is None and pointer is None:
        # What an alias leads to is what the further questions are about.
        name = _end(outcome.name, reply)
        for further in (dns.AAAA, dns.MX):
            later = yield from asker.ask_one(msgspec.structs.replace(wanted, type=further), name)
            if later.reply is not None and not later.reply.rcode:
                _say(proc, later, later.reply, wanted, explicit=False)
    return 0


def _end(name: str, reply: dns.Message) -> str:
    for record in reply.answers:
        if record.type == dns.CNAME and record.name.lower() == name.lower() and isinstance(record.data, dns.Target):
            name = record.data.name
    return name


def _say(proc: Process, outcome: Outcome, reply: dns.Message, wanted: Wanted, *, explicit: bool) -> None:
    if not reply.answers and explicit:
        proc.write(f"{outcome.name.rstrip('.')} has no {dns.type_name(wanted.type)} record\n")
    for record in reply.answers:
        said = _SAID.get(record.type, f"has {dns.type_name(record.type)} record")
        proc.write(f"{record.name.rstrip('.') or '.'} {said} {data_text(record)}\n")
