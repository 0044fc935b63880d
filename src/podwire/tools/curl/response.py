"""What a server answers, read piece by piece (lib/http.c, lib/http_chunks.c)."""

from __future__ import annotations

import re
from typing import Final

from podwire.errors import NotModelled

_STATUS: Final = re.compile(rb"HTTP/(1)\.([01]) (\d{3})(?: |\r|\n|$)")


class Response:
    """The head, line by line (``lines`` holds those that were not looked at yet, endings included), then the body.

    ``length`` is what the body will be long, None where the connection's end ends it.
    """

    def __init__(self, *, head: bool) -> None:
        self.head = head
        """The answer to HEAD has no body, whatever it says."""
        self.buffer = b""
        self.status = 0
        self.version = ""
        self.headers: list[tuple[str, str]] = []
        self.header_bytes = 0
        self.in_body = False
        self.length: int | None = None
        self.chunked = False
        self.keep = True
        self.done = False
        self.received = 0
        self._chunk = -1
        """What is left of the chunk that is being read; -1 before the next one's size."""
        self._last = False

    def take_line(self) -> bytes | None:
        """The next line of the head, with its ending; None while it is not whole."""
        end = self.buffer.find(b"\n")
        if end < 0:
            return None
        line, self.buffer = self.buffer[: end + 1], self.buffer[end + 1 :]
        self.header_bytes += len(line)
        return line

    @property
    def speaks_http(self) -> bool | None:
        """What came begins as a status line does; None while that is not to be seen."""
        size = min(len(self.buffer), 5)
        if self.buffer[:size] != b"HTTP/"[:size]:
            return False
        return True if size == 5 else None

    def begin(self, line: bytes) -> bool:
        """The status line; False for what is none."""
        match = _STATUS.match(line)
        if match is None:
            return False
        self.version = f"1.{match.group(2).decode()}"
        self.status = int(match.group(3))
        self.keep = self.version == "1.1"
        self.headers.clear()
        self.length = None
        self.chunked = False
        return True

    def add_header(self, line: bytes) -> None:
        """A header; raises ``NotModelled`` for an encoding that podwire lacks."""
        name, _, value = line.decode("latin-1").partition(":")
        value = value.strip()
        self.headers.append((name, value))
        match name.lower():
            case "content-length" if value.isdecimal():
                self.length = int(value)
            case "transfer-encoding":
                if value.lower() != "chunked":
                    raise NotModelled(f"Transfer-Encoding: {value}", "curl")
                self.chunked = True
            case "connection":
                words = value.lower()
                self.keep = words != "close" if self.version == "1.1" else words == "keep-alive"

    def header(self, name: str) -> str | None:
        """The value of the last header of that name."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), None)

    def end_head(self) -> None:
        """The empty line: what comes next is the body, if there is one."""
        self.in_body = True
        if self.chunked:
            self.length = None
        if self.head or self.status in {204, 304} or (self.length == 0 and not self.chunked):
            self.done = True
        elif self.length is None and not self.chunked:
            self.keep = False

    def take_body(self) -> bytes:
        """What there is of the body, decoded."""
        if self.chunked:
            return self._take_chunks()
        limit = len(self.buffer) if self.length is None else self.length - self.received
        data, self.buffer = self.buffer[:limit], self.buffer[limit:]
        self.received += len(data)
        self.done = self.received == self.length
        return data

    def _take_chunks(self) -> bytes:
        found = b""
        while not self.done:
            if self._chunk > 0:
                data, self.buffer = self.buffer[: self._chunk], self.buffer[self._chunk :]
                self._chunk -= len(data)
                self.received += len(data)
                found += data
                if self._chunk:
                    break
            line, newline, rest = self.buffer.partition(b"\n")
            if not newline:
                break
            self.buffer = rest
            if self._chunk == 0:
                self._chunk = -1
                # The end of a chunk; behind the last one it is the end of all, once the line is empty.
            elif self._last:
                self.done = not line.strip()
            else:
                self._chunk = int(line.split(b";")[0].strip() or b"0", 16)
                self._last = self._chunk == 0
                if self._last:
                    self._chunk = -1
        return found
