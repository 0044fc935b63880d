"""The command line of ``curl``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from podwire.errors import NotModelled
from podwire.tools.args import Exit
from podwire.tools.curl.names import NAMES, SHORT, Name

if TYPE_CHECKING:
    from podwire.tools.process import Process

VERSION: Final = """\
curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13 brotli/1.0.9 zstd/1.5.4 libidn2/2.3.3 libpsl/0.21.2 \
(+libidn2/2.3.3) libssh2/1.10.0 nghttp2/1.52.0 librtmp/2.3 OpenLDAP/2.5.13
Release-Date: 2023-02-20, security patched: 7.88.1-10+deb12u14
Protocols: dict file ftp ftps gopher gophers http https imap imaps ldap ldaps mqtt pop3 pop3s rtmp rtsp scp sftp smb smbs smtp \
smtps telnet tftp
Features: alt-svc AsynchDNS brotli GSS-API HSTS HTTP2 HTTPS-proxy IDN IPv6 Kerberos Largefile libz NTLM NTLM_WB PSL SPNEGO SSL \
threadsafe TLS-SRP UnixSockets zstd
"""
_DEBIANS: Final = "7.88.1"
"""Images with another version name it (``Image.tools``): it is in User-Agent; nothing else of curl is told apart."""
_TRY: Final = "curl: try 'curl --help' or 'curl --manual' for more information\n"
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_MAX_POST: Final = 64 * 1024
"""MAX_INITIAL_POST_SIZE: more than that leaves by writes of its own."""


class Options(msgspec.Struct):
    """What the options say. Times in ms, None where they were not given."""

    silent: bool = False
    show_error: bool = False
    verbose: bool = False
    include: bool = False
    head: bool = False
    fail: bool = False
    get: bool = False
    globoff: bool = False
    progress: bool = True
    buffer: bool = True
    styled: bool = True
    location: bool = False
    max_time: int | None = None
    connect_timeout: int | None = None
    outputs: list[str | None] = []
    """Where the body of each URL goes; None for standard output."""
    write_out: str | None = None
    method: str | None = None
    headers: list[str] = []
    data: bytes | None = None
    json: bool = False
    user: str | None = None
    agent: str = ""
    referer: str | None = None
    interface: str | None = None
    local_port: tuple[int, int] | None = None
    http10: bool = False
    http09: bool = False
    ipv4: bool = False
    resolve: list[str] = []
    urls: list[str] = []


def parse(proc: Process) -> Options:
    """The options; raises ``Exit`` where curl ends by them, ``NotModelled`` for what it can and podwire cannot."""
    options = Options(agent=f"curl/{proc.image.tools.get('curl', _DEBIANS)}")
    words = proc.argv[1:]
    only_urls = False
    while words:
        word = words.pop(0)
        if only_urls or not word.startswith("-") or word == "-":
            options.urls.append(word)
        elif word == "--":
            only_urls = True
        elif word.startswith("--"):
            _long(proc, options, word, words)
        else:
            _short(proc, options, word, words)
    if not options.urls:
        proc.error(_TRY)
        raise Exit(2)
    return options


def _fail(proc: Process, word: str, what: str) -> Exit:
    """``helpf`` and PARAM_…: ``raise`` what it returns."""
    proc.error(f"curl: option {word}: {what}\n{_TRY}")
    return Exit(2)


def _long(proc: Process, options: Options, word: str, rest: list[str]) -> None:
    text = word[2:].lower()
    off = text.startswith("no-")
    text = text.removeprefix("no-")
    found = [name for name in NAMES if name.long == text] or [name for name in NAMES if name.long.startswith(text)]
    if len(found) != 1:
        raise _fail(proc, word, "is ambiguous" if found else "is unknown")
    name = found[0]
    if off and not name.switch:
        raise _fail(proc, word, "used '--no-' for option that isn't a boolean")
    value = _value(proc, word, rest) if name.value else ""
    _option(proc, options, name, value, word, on=not off)


def _short(proc: Process, options: Options, word: str, rest: list[str]) -> None:
    letters = word[1:]
    while letters:
        name = SHORT.get(letters[0])
        letters = letters[1:]
        if name is None:
            raise _fail(proc, word, "is unknown")
        value = ""
        if name.value:
            value = letters or _value(proc, word, rest)
            letters = ""
        _option(proc, options, name, value, word, on=True)


def _value(proc: Process, word: str, rest: list[str]) -> str:
    if not rest:
        raise _fail(proc, word, "requires parameter")
    return rest.pop(0)


def _version(proc: Process) -> NoReturn:
    if "curl" in proc.image.tools:
        raise NotModelled(f"curl --version of curl {proc.image.tools['curl']}", proc.place.netns.label)
    proc.write(VERSION)
    raise Exit(0)


def _option(proc: Process, options: Options, name: Name, value: str, word: str, *, on: bool) -> None:
    match name.long:
        case "version":
            _version(proc)
        case "silent" | "verbose" | "include" | "head" | "fail" | "get" | "globoff" | "buffer" | "location" | "ipv4":
            setattr(options, name.long, on)
        case "show-error":
            options.show_error = on
        case "styled-output":
            options.styled = on
        case "progress-meter":
            options.progress = on
        case "http0.9":
            options.http09 = on
        case "http1.0" | "http1.1":
            options.http10 = name.long == "http1.0"
        case "max-time":
            options.max_time = _milliseconds(proc, value, word)
        case "connect-timeout":
            options.connect_timeout = _milliseconds(proc, value, word)
        case "url":
            options.urls.append(value)
        case "output":
            options.outputs.append(None if value == "-" else value)
        case "insecure" | "tcp-nodelay" | "disable":
            # What it does by itself over IPv4 and without TLS; there is no ~/.curlrc to be left out.
            if not on:
                raise NotModelled(f"option --no-{name.long}", "curl")
        case _:
            _text_option(proc, options, name, value, word)


def _text_option(proc: Process, options: Options, name: Name, value: str, word: str) -> None:
    match name.long:
        case "write-out":
            if value.startswith("@"):
                raise NotModelled("-w with a file", "curl")
            options.write_out = value
        case "request":
            options.method = value
        case "header":
            if value.startswith("@"):
                raise NotModelled("-H with a file", "curl")
            options.headers.append(value)
        case "data" | "data-ascii" | "data-binary" | "data-raw" | "json":
            _add_data(options, name.long, value)
        case "user":
            if ":" not in value:
                raise NotModelled("-u without a password: curl asks for it", "curl")
            options.user = value
        case "user-agent":
            options.agent = value
        case "referer":
            if value.endswith(";auto"):
                raise NotModelled("-e …;auto", "curl")
            options.referer = value
        case "interface":
            options.interface = value
        case "local-port":
            options.local_port = _ports(proc, value, word)
        case "resolve":
            options.resolve.append(value)
        case _:
            raise NotModelled(f"option --{name.long}", "curl")


def _add_data(options: Options, kind: str, value: str) -> None:
    if value.startswith("@") and kind != "data-raw":
        raise NotModelled(f"--{kind} with a file", "curl")
    data = value.encode("utf-8", "surrogateescape")
    if options.data is None:
        options.data = data
    else:
        # Pieces of a form are joined, those of JSON just follow one another.
        options.data += data if kind == "json" else b"&" + data
    options.json = options.json or kind == "json"
    if len(options.data) > _MAX_POST:
        raise NotModelled(f"more than {_MAX_POST} bytes of data", "curl")


def _milliseconds(proc: Process, text: str, word: str) -> int:
    """``secs2ms``."""
    match = _NUMBER.match(text)
    if match is None or match.end() != len(text):
        raise _fail(proc, word, "expected a proper numerical parameter")
    if float(text) < 0:
        raise _fail(proc, word, "expected a positive numerical parameter")
    return int(float(text) * 1000)


def _ports(proc: Process, text: str, word: str) -> tuple[int, int]:
    """``--local-port FIRST[-LAST]``."""
    match = re.fullmatch(r"(\d+)(?:\s*-?\s*(\d+))?", text, re.ASCII)
    if match is None:
        raise _fail(proc, word, "is badly used here")
    low = int(match.group(1))
    high = int(match.group(2) or low)
    if not 0 <= low <= 65535 or not low <= high <= 65535:
        raise _fail(proc, word, "is badly used here")
    return low, high
