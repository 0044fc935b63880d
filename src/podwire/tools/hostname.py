"""``hostname`` 3.23 (Debian's): the name of the place, and the addresses that belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.link import SCOPE_LINK
from podwire.tools.args import BadOption, gai_error, getopt

if TYPE_CHECKING:
    from podwire.tools.process import Process
    from podwire.wire.addr import Ip

_LONGS: Final = {
    "domain": "d",
    "boot": "b",
    "file": "F=",
    "fqdn": "f",
    "all-fqdns": "A",
    "help": "h",
    "long": "f",
    "short": "s",
    "version": "V",
    "alias": "a",
    "ip-address": "i",
    "all-ip-addresses": "I",
    "nis": "y",
    "yp": "y",
}


def hostname(proc: Process) -> int:
    """``hostname``, ``-s``, ``-f``, ``-d``, ``-i`` and ``-I``; the last option counts."""
    try:
        options, operands = getopt(proc, "aAdfbF:h?iIsVy", _LONGS)
    except BadOption:
        raise NotModelled("the help text", "hostname") from None
    kind = ""
    for option, _ in options:
        if option == "V":
            proc.write("hostname 3.23\n")
            return 0
        if option in "aAbFh?":
            raise NotModelled(f"option -{option}", "hostname")
        kind = option
    if kind == "y":
        proc.error("hostname: Local domain name not set\n")
        return 1
    if operands:
        raise NotModelled("setting the host name", "hostname")
    name = proc.place.hostname
    if kind == "I":
        proc.write("".join(f"{address} " for address in _addresses(proc)) + "\n")
        return 0
    if kind in {"", "s"}:
        proc.write((name.partition(".")[0] if kind else name) + "\n")
        return 0
    return _resolved(proc, name, kind)


def _addresses(proc: Process) -> list[Ip]:
    """``getifaddrs``: of devices that are up, loopbacks and link-local IPv6 left out; IPv4's come first."""
    links = [link for link in proc.place.netns.links() if link.is_up and not link.is_loopback]
    found: list[Ip] = [address.local for link in links for address in link.addresses]
    found += [address.local for link in links for address in link.addresses6 if address.scope != SCOPE_LINK]
    return found


def _resolved(proc: Process, name: str, kind: str) -> int:
    """What the name is called in full, its domain, or its addresses."""
    place = proc.place
    entries = [
        words
        for words in (line.partition("#")[0].split() for line in place.files.get("/etc/hosts", "").splitlines())
        if name in words[1:]
    ]
    if not entries:
        proc.error(f"hostname: {gai_error(place, name)}\n")
        return 1
    if kind == "i":
        proc.write(" ".join(dict.fromkeys(words[0] for words in entries)) + "\n")
        return 0
    full = entries[0][1]
    if kind == "f":
        proc.write(full + "\n")
    elif "." in full:
        proc.write(full.partition(".")[2] + "\n")
    return 0
