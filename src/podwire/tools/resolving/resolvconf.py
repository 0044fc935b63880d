"""/etc/resolv.conf (resolv.conf(5)): who is asked, what is put behind a name, and how patiently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.wire.addr import Ip, Ip4

if TYPE_CHECKING:
    from podwire.linux.machine import Place

PATH: Final = "/etc/resolv.conf"
_MAX_SERVERS: Final = 3
"""MAXNS."""


class ResolvConf(msgspec.Struct, frozen=True):
    """``timeout`` in seconds. ``servers`` are those of IPv4, in order, three at most."""

    servers: tuple[Ip4, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: int = 5
    attempts: int = 2
    rotate: bool = False
    use_vc: bool = False
    single_request: bool = False
    single_request_reopen: bool = False
    edns0: bool = False
    trust_ad: bool = False


def parse(text: str) -> ResolvConf:
    """What the file says; lines that nobody knows do not count, as in glibc. The last of ``domain`` and ``search`` wins."""
    servers: list[Ip4] = []
    search: tuple[str, ...] = ()
    conf = ResolvConf()
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word in {"nameserver", "search", "domain", "options"} and not rest:
            continue
        match word:
            case "nameserver" if len(servers) < _MAX_SERVERS:
                address = _ip4(rest[0])
                servers += [address] if address is not None else []
            case "search":
                search = tuple(rest)
            case "domain":
                search = (rest[0],)
            case "options":
                for option in rest:
                    conf = _option(conf, option)
            case _:
                continue
    return msgspec.structs.replace(conf, servers=tuple(servers), search=search)


def _ip4(text: str) -> Ip4 | None:
    try:
        ip = Ip.parse(text)
    except ValueError:
        return None
    return ip if isinstance(ip, Ip4) else None


def _option(conf: ResolvConf, text: str) -> ResolvConf:
    name, _, value = text.partition(":")
    limits = {"ndots": 15, "timeout": 30, "attempts": 5}
    if name in limits:
        number = int(value) if value.isascii() and value.isdecimal() else 0
        return msgspec.structs.replace(conf, **{name: min(number, limits[name])})
    switches = ("rotate", "use-vc", "single-request", "single-request-reopen", "edns0", "trust-ad")
    return msgspec.structs.replace(conf, **{name.replace("-", "_"): True}) if name in switches else conf


def conf_of(place: Place) -> ResolvConf:
    """That of a place."""
    return parse(place.files.get(PATH, ""))
