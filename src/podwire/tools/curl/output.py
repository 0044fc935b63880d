"""Where the body of a transfer goes: standard output, or a file of the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from podwire.tools.files import caller_path

if TYPE_CHECKING:
    from io import BufferedWriter

    from podwire.tools.process import Process

_BOLD: Final = ("\x1b[1m", "\x1b[0m")


class Sink(Protocol):
    """``typed``: a terminal shows what is written. ``size`` counts the bytes of the body."""

    typed: bool

    def write(self, data: bytes) -> None:
        """A piece of the body."""

    def header(self, line: bytes) -> None:
        """A line of the head, as -i asks for."""

    def close(self) -> None:
        """What was held back is written."""


class Stdout:
    """Standard output: held back until the transfer is over, as C's stdio does, unless a terminal or -N wants it at once."""

    def __init__(self, proc: Process, *, styled: bool, buffered: bool) -> None:
        self._proc = proc
        self.typed = 1 in proc.terminals
        self._styled = styled and self.typed
        self._held: list[bytes] | None = [] if buffered and not self.typed else None

    def write(self, data: bytes) -> None:
        """See ``Sink``."""
        if self._held is not None:
            self._held.append(data)
        else:
            self._proc.write(data.decode("utf-8", "surrogateescape"))

    def header(self, line: bytes) -> None:
        """See ``Sink``; on a terminal names stand in bold."""
        name, colon, value = line.partition(b":")
        if self._styled and colon:
            line = _BOLD[0].encode() + name + _BOLD[1].encode() + colon + value
        self.write(line)

    def close(self) -> None:
        """See ``Sink``."""
        held, self._held = self._held, None
        if held:
            self.write(b"".join(held))


class File:
    """A file, made when the first byte comes (``-o``); ``/dev/null`` takes everything and keeps nothing."""

    typed = False

    def __init__(self, proc: Process, path: str) -> None:
        self._proc = proc
        self._path = path
        self._file: BufferedWriter | None = None

    def write(self, data: bytes) -> None:
        """See ``Sink``; raises ``OSError`` where the file cannot be made."""
        if self._path == "/dev/null":
            return
        if self._file is None:
            self._file = caller_path(self._proc, self._path).open("wb")
        self._file.write(data)

    def header(self, line: bytes) -> None:
        """See ``Sink``."""
        self.write(line)

    def close(self) -> None:
        """See ``Sink``."""
        if self._file is not None:
            self._file.close()
            self._file = None
