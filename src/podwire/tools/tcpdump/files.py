"""The files of ``-r``, ``-w`` and ``-F``: they are the caller's, on the machine that podwire runs on.

A capture is meant to be opened with other programs, and a capture of theirs to be read. On ``-``, standard input and output, bytes stand as
text in which what is not UTF-8 is surrogates (PEP 383); nothing is lost by it.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from podwire.tools.tcpdump.options import Refused

_ERRORS: Final = "surrogateescape"


def as_text(data: bytes) -> str:
    """Bytes as the text that stands for them."""
    return data.decode("utf-8", _ERRORS)


def as_bytes(text: str) -> bytes:
    """The bytes that a text stands for."""
    return text.encode("utf-8", _ERRORS)


def read(path: str, complaint: str = "") -> bytes:
    """The bytes of a file. Raises ``Refused``: ``PATH: No such file or directory``, with ``complaint`` in front."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Refused(f"{complaint}{path}: {error.strerror}") from None


def create(path: str) -> BinaryIO:
    """A file to write to, empty now. Raises ``Refused`` as ``read`` does."""
    try:
        return Path(path).open("wb")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
