"""HTTP/1 from the server's side: a request out of the bytes that came, and the bytes of a response (RFC 9112)."""

from __future__ import annotations

from email.utils import formatdate
from typing import Final

import msgspec

NSEC: Final = 1_000_000_000
_METHOD: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_-")


class BadRequest(Exception):
    """What came is no request: ``line`` is its first line, ``why`` a phrase for a log."""

    def __init__(self, line: str, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


class Request(msgspec.Struct, frozen=True):
    """``line`` as it came; ``version`` is ``HTTP/1.1``, ``HTTP/1.0``, or ``HTTP/0.9`` for a line without one.

    ``headers`` are (name, value) in the order in which they came.
    """

    method: str
    target: str
    version: str
    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, whatever its case; None where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def keep_alive(self) -> bool:
        """The client may send another request on this connection (RFC 9112 section 9.3)."""
        words = {word.strip().lower() for word in (self.header("Connection") or "").split(",")}
        return "close" not in words if self.version == "HTTP/1.1" else "keep-alive" in words


def take_request(buffer: bytearray) -> Request | None:
    """The first request of ``buffer``, which it is taken from; None while it is not whole. A bare LF ends a line, too.

    Raises ``BadRequest`` for what is none.
    """
    while buffer.startswith((b"\r\n", b"\n")):
        del buffer[: buffer.index(b"\n") + 1]
    if buffer and chr(buffer[0]) not in _METHOD:
        raise BadRequest(_line_of(buffer), "invalid method")
    end = buffer.find(b"\n")
    if end < 0:
        return None
    line = _line_of(buffer)
    words = line.split(" ")
    if len(words) == 2 and words[0] == "GET":
        del buffer[: end + 1]
        return Request("GET", words[1], "HTTP/0.9", line)
    if len(words) != 3 or not words[0] or set(words[0]) - _METHOD or not words[1].startswith(("/", "http://", "*")):
        raise BadRequest(line, "invalid request")
    if words[2] not in {"HTTP/1.1", "HTTP/1.0"}:
        raise BadRequest(line, "invalid version")
    return _rest(buffer, words, line, end + 1)


def _line_of(buffer: bytearray) -> str:
    return buffer.partition(b"\n")[0].decode("latin-1").removesuffix("\r")


def _rest(buffer: bytearray, words: list[str], line: str, at: int) -> Request | None:
    """Headers and body."""
    headers: list[tuple[str, str]] = []
    while True:
        end = buffer.find(b"\n", at)
        if end < 0:
            return None
        text = buffer[at:end].decode("latin-1").removesuffix("\r")
        at = end + 1
        if not text:
            break
        name, colon, value = text.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(line, "invalid header")
        headers.append((name, value.strip()))
    request = Request(words[0], words[1], words[2], line, tuple(headers))
    size = request.header("Content-Length") or "0"
    if not (size.isascii() and size.isdecimal()):
        raise BadRequest(line, "invalid Content-Length")
    if len(buffer) < at + int(size):
        return None
    body = bytes(buffer[at : at + int(size)])
    del buffer[: at + int(size)]
    return msgspec.structs.replace(request, body=body)


class Response(msgspec.Struct, frozen=True):
    """``headers`` come in this order. ``split``: the body leaves by a write of its own, behind the headers.

    ``close``: the server ends the connection behind it. ``log`` and ``errors`` are lines for standard output and standard error.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    close: bool
    split: bool = False
    log: str = ""
    errors: tuple[str, ...] = ()
    bare: bool = False
    """HTTP/0.9: nothing but the body."""
    no_body: bool = False
    """The answer to HEAD: the headers alone."""

    def writes(self) -> tuple[bytes, ...]:
        """What the server writes, write by write."""
        body = b"" if self.no_body else self.body
        if self.bare:
            return (body,)
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers)]
        head = "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")
        return (head, body) if self.split and body else (head + body,)


def http_date(now: int) -> str:
    """``Mon, 01 Jan 2024 00:00:00 GMT`` for a time in ns since the Unix epoch."""
    return formatdate(now // NSEC, usegmt=True)
