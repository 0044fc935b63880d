"""The files of ``-r``, ``-w`` and ``-F``: they are the caller's, on the machine that podwire runs on.

A capture is meant to be opened with other programs, and a capture of theirs to be read. On ``-``, standard input and output, bytes stand as
text in which what is not UTF-8 is surrogates (PEP 383); nothing is lost by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.tools.files import caller_path
from podwire.tools.tcpdump.options import Refused

if TYPE_CHECKING:
    from io import FileIO

    from podwire.tools.process import Process

_ERRORS: Final = "surrogateescape"
_BLOCK: Final = 4096


def as_text(data: bytes) -> str:
    """Bytes as the text that stands for them."""
    return data.decode("utf-8", _ERRORS)


def as_bytes(text: str) -> bytes:
    """The bytes that a text stands for."""
    return text.encode("utf-8", _ERRORS)


def read(proc: Process, path: str, complaint: str = "") -> bytes:
    """The bytes of a file. Raises ``Refused``: ``PATH: No such file or directory``, with ``complaint`` in front."""
    try:
        return caller_path(proc, path).read_bytes()
    except OSError as error:
        raise Refused(f"{complaint}{path}: {error.strerror}") from None


class Stdout:
    """Standard output as a file: bytes go out as they come."""

    def __init__(self, proc: Process) -> None:
        self._proc = proc

    def write(self, data: bytes, /) -> None:
        """Write, without a buffer."""
        self._proc.write(as_text(data))

    def close(self) -> None:
        """Nothing is left to be written."""

    def abandon(self) -> None:
        """What was written is out."""


class File:
    """A file to write to, empty now. What is written stands in it once there are 4096 bytes, as with C's stdio, or at ``close``.

    Raises ``Refused`` as ``read`` does.
    """

    def __init__(self, proc: Process, path: str, *, buffered: bool) -> None:
        self._block = _BLOCK if buffered else 1
        self._waiting = bytearray()
        try:
            self._file: FileIO = caller_path(proc, path).open("wb", buffering=0)
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}") from None

    def write(self, data: bytes, /) -> None:
        """Append."""
        self._waiting += data
        whole = len(self._waiting) // self._block * self._block
        self._flush(whole)

    def _flush(self, size: int) -> None:
        if size:
            self._file.write(self._waiting[:size])
            del self._waiting[:size]

    def close(self) -> None:
        """All of it is in the file now."""
        self._flush(len(self._waiting))
        self.abandon()

    def abandon(self) -> None:
        """The tool was killed: what was not written yet is lost."""
        self._file.close()
