"""Bytes in the small file tree of a place, which holds text: what is not UTF-8 stands there as surrogates (PEP 383).

So nothing is lost: whoever writes such a file to a disk encodes it in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.linux.machine import Place

_ERRORS: Final = "surrogateescape"
_NOTHING: Final = "/dev/null"
_FOLDERS: Final = frozenset(
    "/etc /dev /dev/shm /home /mnt /opt /root /run /srv /tmp /usr /var /var/log /var/tmp .".split()
) | {""}


def as_text(data: bytes) -> str:
    """Bytes as the text that stands for them."""
    return data.decode("utf-8", _ERRORS)


def as_bytes(text: str) -> bytes:
    """The bytes that a text stands for."""
    return text.encode("utf-8", _ERRORS)


def read(place: Place, path: str) -> bytes | None:
    """The bytes of a file; None where there is none."""
    if path == _NOTHING:
        return b""
    text = place.files.get(path)
    return None if text is None else as_bytes(text)


def can_hold(place: Place, path: str) -> bool:
    """Whether there is a directory for a file of that path: one of every machine, or one that holds a file."""
    folder = path.rpartition("/")[0]
    return folder in _FOLDERS or any(name.startswith(f"{folder}/") for name in place.files)


def write(place: Place, path: str, data: bytes) -> None:
    """Write a file."""
    if path == _NOTHING:
        return
    place.files[path] = as_text(data)
