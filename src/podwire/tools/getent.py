"""``getent hosts``, ``ahosts``, ``ahostsv4`` and ``ahostsv6`` of glibc 2.36; the other databases are not modelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.resolving.resolver import resolve, resolve_pointer
from podwire.wire import dns
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_NOT_FOUND: Final = 2
_USAGE: Final = (
    "Usage: getent [OPTION...] database [key ...]\nTry `getent --help' or `getent --usage' for more information.\n"
)


def getent(proc: Process) -> int | Waiting:
    """``getent DATABASE KEY…``."""
    words = proc.argv[1:]
    if not words:
        proc.error("getent: wrong number of arguments\n")
        return 1
    database, keys = words[0], words[1:]
    if database not in {"hosts", "ahosts", "ahostsv4", "ahostsv6"} or not keys:
        raise NotModelled(f"{' '.join(words)} (podwire has hosts and ahosts, with a key)", "getent")
    return _run(proc, database, keys)


def _run(proc: Process, database: str, keys: list[str]) -> Waiting:
    status = 0
    for key in keys:
        found = yield from (_hosts(proc, key) if database == "hosts" else _ahosts(proc, database, key))
        status = status or found
    return status


def _hosts(proc: Process, key: str) -> Waiting:
    """``gethostbyaddr`` for an address; else ``gethostbyname2``, AF_INET6 first."""
    try:
        ip = Ip.parse(key)
    except ValueError:
        return (yield from _by_name(proc, key))
    name = yield from resolve_pointer(proc, ip)
    if name is None:
        return _NOT_FOUND
    proc.write(f"{ip!s:<15} {name}\n")
    return 0


def _by_name(proc: Process, key: str) -> Waiting:
    for kind in (dns.AAAA, dns.A):
        found = yield from resolve(proc, key, (kind,))
        if found.addresses:
            alias = found.alias
            for address in found.addresses:
                proc.write(f"{address!s:<15} {found.canonical}{f' {alias}' if alias else ''}\n")
            return 0
    return _NOT_FOUND


def _ahosts(proc: Process, database: str, key: str) -> Waiting:
    """``getaddrinfo`` with AI_CANONNAME: three kinds of socket for each address."""
    types = {"ahosts": (dns.A, dns.AAAA), "ahostsv4": (dns.A,), "ahostsv6": (dns.AAAA,)}[database]
    found = yield from resolve(proc, key, types)
    if not found.addresses:
        return _NOT_FOUND
    name = found.canonical
    for address in found.addresses:
        for kind in ("STREAM", "DGRAM", "RAW"):
            proc.write(f"{address!s:<15} {kind:<6} {name}\n")
            name = ""
    return 0
