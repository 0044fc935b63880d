"""``dig`` (bin/dig/dig.c): its command line and its printout."""

from __future__ import annotations

from time import gmtime, strftime
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.args import Exit
from podwire.tools.dig.lookup import Asker, Outcome, Server, Wanted, server_of, servers_of
from podwire.tools.dig.text import data_text, question_line, record_line
from podwire.wire import dns
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_VERSIONS: Final = {"netshoot": "9.18.27"}
_DEBIANS: Final = "9.18.49-1~deb12u3-Debian"
_OPCODES: Final = ("QUERY", "IQUERY", "STATUS", "RESERVED3", "NOTIFY", "UPDATE")
_MSEC: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_UNREACHED: Final = 9


class Shown(msgspec.Struct):
    """What is printed."""

    cmd: bool = True
    comments: bool = True
    question: bool = True
    answer: bool = True
    authority: bool = True
    additional: bool = True
    stats: bool = True
    short: bool = False
    ttl: bool = True
    cls: bool = True

    def all(self, *, on: bool) -> None:
        """``+all``, ``+noall``."""
        for name in ("comments", "question", "answer", "authority", "additional", "stats"):
            setattr(self, name, on)
        self.cmd = on


class _Options(msgspec.Struct):
    wanted: Wanted
    shown: Shown
    server: str | None = None
    port: int = 53


_SECTIONS: Final = frozenset({"cmd", "comments", "question", "answer", "authority", "additional", "stats"})
_SWITCHES: Final = {"recurse": "recurse", "rec": "recurse", "rd": "recurse", "adflag": "ad", "ad": "ad", "cdflag": "cd"}


def dig(proc: Process) -> int | Waiting:
    """``dig [@SERVER] NAME [TYPE] [CLASS] [+OPTION…]``, ``dig -x ADDRESS``."""
    try:
        options = _parse(proc)
    except Exit as exit_:
        return exit_.status
    return _run(proc, options)


# -- the command line ---------------------------------------------------------------------------------------------


def _parse(proc: Process) -> _Options:
    wanted = Wanted(".", dns.NS, edns=1232, cookie=True, ad=True)
    options = _Options(wanted, Shown())
    named = typed = False
    words = proc.argv[1:]
    while words:
        word = words.pop(0)
        if word.startswith("@"):
            options.server = word[1:]
        elif word.startswith("+"):
            _plus(proc, options, word)
        elif word.startswith("-") and len(word) > 1:
            kind = _dash(proc, options, word, words)
            typed |= kind in {"type", "both"}
            named |= kind in {"name", "both"}
        elif not typed and dns.type_number(word) is not None and ("." not in word):
            wanted.type, typed = dns.type_number(word) or dns.A, True
        elif word.upper() in {"IN", "CH", "HS"}:
            if word.upper() != "IN":
                raise NotModelled(f"class {word}", "dig")
        elif named:
            raise NotModelled("more than one name", "dig")
        else:
            wanted.name, named = word, True
    if named and not typed:
        wanted.type = dns.A
    return options


def _dash(proc: Process, options: _Options, word: str, words: list[str]) -> str:
    letter, value = word[1], word[2:]
    if letter in "46u":
        if letter == "6":
            raise NotModelled("option -6", "dig")
        return ""
    if letter == "v":
        proc.write(f"DiG {_version(proc)}\n")
        raise Exit(0)
    if letter not in "xtqpc":
        raise NotModelled(f"option -{letter}", "dig")
    if not value:
        if not words:
            proc.error(f"dig: option requires an argument -- '{letter}'\n")
            raise Exit(1)
        value = words.pop(0)
    match letter:
        case "x":
            try:
                options.wanted.name = dns.reverse(Ip.parse(value))
            except ValueError:
                proc.error(f"dig: Invalid IP address {value}\n")
                raise Exit(1) from None
            options.wanted.type = dns.PTR
            return "both"
        case "t":
            number = dns.type_number(value)
            if number is None:
                proc.error(f";; Warning, ignoring invalid type {value}\n")
                return ""
            options.wanted.type = number
            return "type"
        case "q":
            options.wanted.name = value
            return "name"
        case "p":
            options.port = int(value)
        case _:
            if value.upper() != "IN":
                raise NotModelled(f"class {value}", "dig")
    return ""


def _plus(proc: Process, options: _Options, word: str) -> None:
    name, equals, value = word[1:].partition("=")
    on = not name.startswith("no")
    name = name if on else name[2:]
    shown, wanted = options.shown, options.wanted
    if name in _SECTIONS:
        setattr(shown, name, on)
    elif name in _SWITCHES:
        setattr(wanted, _SWITCHES[name], on)
    elif name == "all":
        shown.all(on=on)
    elif name == "short":
        shown.short = on
        if on:
            shown.cmd = False
    elif name in {"tcp", "vc"}:
        wanted.tcp = on
    elif name in {"ttlid", "ttl"}:
        shown.ttl = on
    elif name in {"cl", "class"}:
        shown.cls = on
    elif name in {"search", "defname"}:
        wanted.search = on
    elif name == "cookie" and not equals:
        wanted.cookie = on
    elif name in {"dnssec", "do"}:
        wanted.do, wanted.edns = on, wanted.edns or (1232 if on else 0)
    elif name == "edns":
        if on and value not in {"", "0"}:
            raise NotModelled(f"+edns={value}", "dig")
        wanted.edns = (wanted.edns or 1232) if on else 0
    elif not _numbered(proc, wanted, name, value):
        raise NotModelled(f"option {word}", "dig")


def _numbered(proc: Process, wanted: Wanted, name: str, value: str) -> bool:
    """Options with a number; False for one that is none of them."""
    if name == "bufsize":
        wanted.edns = _number(proc, "buffer size", value, 0, 65535) if value else 1232
    elif name in {"time", "timeout"}:
        wanted.timeout = max(_number(proc, "timeout", value, 0, 65535), 1)
    elif name == "tries":
        wanted.tries = max(_number(proc, "tries", value, 0, 0xFFFFFFFF), 1)
    elif name == "retry":
        wanted.tries = _number(proc, "retries", value, 0, 0xFFFFFFFE) + 1
    elif name == "ndots":
        wanted.ndots = _number(proc, "ndots", value, 0, 16)
        wanted.search = True
    else:
        return False
    return True


def _number(proc: Process, what: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        proc.error(f"dig: Couldn't parse {what}\n")
        raise Exit(1)
    return int(text)


# -- the run ------------------------------------------------------------------------------------------------------


def _version(proc: Process) -> str:
    return _VERSIONS.get(proc.image.name, _DEBIANS)


def _run(proc: Process, options: _Options) -> Waiting:
    servers = servers_of(proc, options.port)
    if options.server is not None:
        server = yield from server_of(proc, options.server, options.port)
        if server is None:
            proc.error(f"dig: couldn't get address for '{options.server}': not found\n")
            return 10
        servers = [server]
    asker = Asker(proc, servers, proc.write)
    outcome = yield from asker.ask(options.wanted)
    banner = _banner(proc, options)
    if outcome.reply is None:
        proc.write(f"{banner};; no servers could be reached\n")
        return _UNREACHED
    if options.shown.short:
        proc.write("".join(f"{data_text(each)}\n" for each in outcome.reply.answers))
    else:
        proc.write(banner + _message(options.shown, outcome, outcome.reply))
        proc.write(_statistics(proc, outcome) if options.shown.stats else "")
    return 0


def _banner(proc: Process, options: _Options) -> str:
    if not options.shown.cmd:
        return ""
    text = f"\n; <<>> DiG {_version(proc)} <<>> {' '.join(proc.argv[1:])}\n"
    if options.server is not None:
        text += "; (1 server found)\n"
    return f"{text};; global options: +cmd\n"


def _message(shown: Shown, outcome: Outcome, reply: dns.Message) -> str:
    text = _header(reply) if shown.comments else ""
    if reply.edns is not None and shown.comments:
        text += _pseudo(reply.edns, outcome)
    if shown.question and reply.questions:
        text += ";; QUESTION SECTION:\n" if shown.comments else ""
        text += "".join(question_line(each) for each in reply.questions)
        text += "\n" if shown.comments else ""
    for title, wanted, records in (
        ("ANSWER", shown.answer, reply.answers),
        ("AUTHORITY", shown.authority, reply.authorities),
        ("ADDITIONAL", shown.additional, reply.additionals),
    ):
        if wanted and records:
            text += f";; {title} SECTION:\n" if shown.comments else ""
            text += "".join(record_line(each, ttl=shown.ttl, cls=shown.cls) for each in records)
            text += "\n" if shown.comments else ""
    return text


def _header(reply: dns.Message) -> str:
    text = ";; Got answer:\n"
    question = reply.questions[0].name.lower() if reply.questions else ""
    if question.endswith(".local.") or question == "local.":
        text += ";; WARNING: .local is reserved for Multicast DNS\n"
        text += ";; You are currently testing what happens when an mDNS query is leaked to DNS\n"
    status = dns.RCODES.get(reply.rcode, f"RESERVED{reply.rcode}")
    text += f";; ->>HEADER<<- opcode: {_OPCODES[reply.opcode]}, status: {status}, id: {reply.id}\n;; flags:"
    for name, on in (
        ("qr", reply.response),
        ("aa", reply.aa),
        ("tc", reply.tc),
        ("rd", reply.rd),
        ("ra", reply.ra),
        ("ad", reply.ad),
        ("cd", reply.cd),
    ):
        text += f" {name}" if on else ""
    extra = len(reply.additionals) + (reply.edns is not None)
    text += f"; QUERY: {len(reply.questions)}, ANSWER: {len(reply.answers)},"
    text += f" AUTHORITY: {len(reply.authorities)}, ADDITIONAL: {extra}\n"
    if reply.rd and not reply.ra:
        text += ";; WARNING: recursion requested but not available\n"
    return f"{text}\n"


def _pseudo(edns: dns.Edns, outcome: Outcome) -> str:
    text = ";; OPT PSEUDOSECTION:\n"
    text += f"; EDNS: version: {edns.version}, flags:{' do' if edns.do else ''}; udp: {edns.size}\n"
    sent = outcome.query.edns.options if outcome.query is not None and outcome.query.edns is not None else ()
    for code, data in edns.options:
        if code != dns.COOKIE:
            raise NotModelled(f"the text of EDNS option {code}", "dig")
        how = "echoed" if (code, data) in sent else "good" if len(data) > 8 else "bad"
        text += f"; COOKIE: {data.hex()} ({how})\n"
    return text


def _statistics(proc: Process, outcome: Outcome) -> str:
    server = outcome.server
    assert isinstance(server, Server)  # noqa: S101 - there is a reply
    when = strftime("%a %b %d %H:%M:%S UTC %Y", gmtime(proc.now // _SECOND_NS))
    return (
        f";; Query time: {outcome.elapsed // _MSEC} msec\n"
        f";; SERVER: {server}({server.called}) ({'TCP' if outcome.tcp else 'UDP'})\n"
        f";; WHEN: {when}\n"
        f";; MSG SIZE  rcvd: {outcome.size}\n\n"
    )
