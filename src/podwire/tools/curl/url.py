"""The URLs that ``curl`` is given (RFC 3986, as lib/urlapi.c reads them)."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.wire.addr import inet_aton

_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_KNOWN: Final = frozenset(
    "dict file ftp ftps gopher gophers https imap imaps ldap ldaps mqtt pop3 pop3s rtmp rtsp scp sftp smb smbs smtp smtps telnet tftp"
    .split()
)  # fmt: skip
_GUESSED: Final = ("ftp.", "dict.", "ldap.", "imap.", "smtp.", "pop3.")
_GLOB: Final = re.compile(r"[\[\]{}]")
_BAD: Final = re.compile(r"[\s\r\n\t/:#?!@{}\[\]\\$'\"^`*<>=;,+&()%|]")


class BadUrl(Exception):
    """It is none: ``code`` is curl's exit status, ``text`` what it says."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Url(msgspec.Struct, frozen=True):
    """``host`` as it stands in the header Host, ``target`` what is asked for, ``text`` the URL as curl completes it."""

    host: str
    port: int
    target: str
    text: str
    user: str | None = None

    @property
    def authority(self) -> str:
        """Host, and port where that is not 80."""
        return self.host if self.port == 80 else f"{self.host}:{self.port}"


def parse_url(text: str, *, glob: bool = True) -> Url:
    """The URL. Raises ``BadUrl`` as curl refuses it, ``NotModelled`` for schemes and forms that podwire lacks."""
    if glob and _GLOB.search(text):
        raise NotModelled(f"URL globbing in {text!r} (-g turns it off)", "curl")
    match = _SCHEME.match(text)
    if match is not None and match.group(1).lower() != "http":
        scheme = match.group(1).lower()
        if scheme in _KNOWN:
            raise NotModelled(f"{scheme}:// URLs", "curl")
        raise BadUrl(1, f'Protocol "{match.group(1)}" not supported or disabled in libcurl')
    rest = text[match.end() :] if match else text
    authority, target = _split(rest)
    if match is None and authority.lower().startswith(_GUESSED):
        raise NotModelled(f"{text!r}: a protocol guessed from the name of the host", "curl")
    user, at, place = authority.rpartition("@")
    if place.startswith("["):
        raise NotModelled("IPv6 addresses", "curl")
    host, colon, number = place.partition(":")
    if not host or _BAD.search(host) or (number and (not number.isdecimal() or int(number) > 65535)):
        raise BadUrl(3, "URL using bad/illegal format or missing URL")
    address = inet_aton(host)
    host = str(address) if address is not None else host
    port = int(number) if number else 80
    full = f"http://{at and f'{user}@'}{host}{f':{number}' if colon and number else ''}{target}"
    return Url(host, port, target, full, user if at else None)


def _split(rest: str) -> tuple[str, str]:
    """The authority, and the target without fragment; ``/`` where there is no path."""
    match = re.search(r"[/?#]", rest)
    if match is None:
        return rest, "/"
    authority, target = rest[: match.start()], rest[match.start() :].partition("#")[0]
    return authority, target if target.startswith("/") else f"/{target}"
