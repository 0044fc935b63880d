"""``nslookup`` (bin/dig/nslookup.c): one question from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.dig.lookup import Asker, Outcome, Wanted, pointer_of, server_of, servers_of
from podwire.tools.dig.text import data_text
from podwire.wire import dns

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_SAID: Final = {
    dns.CNAME: "canonical name",
    dns.NS: "nameserver",
    dns.PTR: "name",
    dns.MX: "mail exchanger",
    dns.TXT: "text",
    dns.SRV: "service",
}


class _Options(msgspec.Struct):
    type: int | None = None
    timeout: int = 5
    tries: int = 3
    port: int = 53
    tcp: bool = False
    search: bool = True
    recurse: bool = True
    ndots: int | None = None
    words: list[str] = []


def nslookup(proc: Process) -> int | Waiting:
    """``nslookup [-OPTION…] NAME|ADDRESS [SERVER]``; asking at a prompt is not modelled."""
    options = _Options()
    for word in proc.argv[1:]:
        if word.startswith("-") and len(word) > 1:
            complaint = _option(options, word[1:])
            if complaint:
                proc.write(complaint)
        else:
            options.words.append(word)
    if not options.words or options.words[0] == "-":
        raise NotModelled("the prompt of nslookup (name a host)", "nslookup")
    return _run(proc, options)


def _option(options: _Options, text: str) -> str:
    """An option; what nobody knows is said."""
    name, equals, value = text.partition("=")
    if equals and name in {"type", "querytype", "query", "qu", "q", "ty"}:
        kind = dns.type_number(value)
        if kind is None:
            return f"unknown query type: {value}\n"
        options.type = kind
    elif equals and name in {"timeout", "retry", "port", "ndots"} and value.isdecimal():
        setattr(options, "tries" if name == "retry" else name, int(value))
    elif name in {"vc", "novc"}:
        options.tcp = name == "vc"
    elif name in {"search", "nosearch"}:
        options.search = name == "search"
    elif name in {"recurse", "norecurse", "rec", "norec"}:
        options.recurse = not name.startswith("no")
    elif name in {"debug", "d2", "class", "cl", "domain", "srchlist", "all", "fail", "nofail", "version"}:
        raise NotModelled(f"option -{text}", "nslookup")
    else:
        return f"*** Invalid option: {text}\n"
    return ""


def _run(proc: Process, options: _Options) -> Waiting:
    servers = servers_of(proc, options.port)
    if len(options.words) > 1:
        server = yield from server_of(proc, options.words[1], options.port)
        if server is None:
            proc.write(f"nslookup: couldn't get address for '{options.words[1]}': not found\n")
            return 1
        servers = [server]
    word = options.words[0]
    pointer = pointer_of(word) if options.type is None else None
    wanted = Wanted(
        pointer or word,
        dns.PTR if pointer is not None else dns.A if options.type is None else options.type,
        search=options.search and pointer is None,
        tcp=options.tcp,
        timeout=options.timeout,
        tries=options.tries,
        ndots=options.ndots,
        recurse=options.recurse,
        check_ra=len(options.words) < 2,
        failing=True,
    )
    asker = Asker(proc, servers, proc.write)
    outcome = yield from asker.ask(wanted)
    reply = outcome.reply
    if reply is None:
        proc.write(";; no servers could be reached\n\n")
        return 1
    header = wanted.type == dns.A or options.type is not None
    if header:
        server_shown = outcome.server
        assert server_shown is not None  # noqa: S101 - somebody answered
        proc.write(f"Server:\t\t{server_shown.called}\nAddress:\t{server_shown}\n\n")
    status = _say(proc, wanted, outcome, reply, header=header, word=word)
    if not status and wanted.type == dns.A and options.type is None:
        yield from _second(proc, asker, wanted, outcome, found=bool(reply.answers))
    proc.write("\n")
    return status


def _second(proc: Process, asker: Asker, wanted: Wanted, first: Outcome, *, found: bool) -> Waiting:
    """AAAA, for the name that was found."""
    second = msgspec.structs.replace(wanted, type=dns.AAAA)
    outcome = yield from asker.ask_one(second, first.name)
    reply = outcome.reply
    if reply is not None:
        records = [each for each in reply.answers if each.type == dns.AAAA]
        proc.write("".join(_line(each) for each in records))
        found = found or bool(reply.answers)
        if not found:
            proc.write(f"*** Can't find {wanted.name}: No answer\n")
    return 0


def _say(proc: Process, wanted: Wanted, outcome: Outcome, reply: dns.Message, *, header: bool, word: str) -> int:
    if reply.rcode:
        name = outcome.name.rstrip(".") if wanted.type == dns.PTR else wanted.name
        code = dns.RCODES.get(reply.rcode, f"RESERVED{reply.rcode}")
        proc.write(f"** server can't find {name}: {code}\n")
        return 1
    if not reply.aa and header:
        proc.write("Non-authoritative answer:\n")
    proc.write("".join(_line(each) for each in reply.answers))
    if not reply.answers and wanted.type != dns.A:
        proc.write(f"*** Can't find {word}: No answer\n")
    if not reply.aa and wanted.type not in {dns.A, dns.AAAA}:
        proc.write("\nAuthoritative answers can be found from:\n")
        proc.write("".join(_line(each) for each in reply.authorities))
    return 0


def _line(record: dns.Record) -> str:
    name = record.name.rstrip(".")
    match record.data:
        case dns.Address(ip):
            return f"Name:\t{name}\nAddress: {ip}\n"
        case dns.Start() as start:
            return (
                f"{name}\n\torigin = {start.mname.rstrip('.')}\n\tmail addr = {start.rname.rstrip('.')}\n"
                f"\tserial = {start.serial}\n\trefresh = {start.refresh}\n\tretry = {start.retry}\n"
                f"\texpire = {start.expire}\n\tminimum = {start.minimum}\n"
            )
        case _:
            said = _SAID.get(record.type, f"rdata_{record.type}")
            return f"{name}\t{said} = {data_text(record)}\n"
