"""Names in tools that read their arguments before they wait: such a beginning stops at a name that packets must ask for, and begins again.

``begin_with_names`` runs a tool's beginning, which looks names up by ``known``. Where one has to be asked for, it is asked for, and the
beginning runs once more: it must not have printed anything by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from podwire.tools.args import gai_error, reverse_name
from podwire.tools.resolving.resolver import Lookup, can_ask, error_text, resolve, resolve_pointer
from podwire.wire import dns

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting, Waits
    from podwire.wire.addr import Ip


class Unasked(Exception):
    """A name that nobody has been asked for yet."""

    def __init__(self, name: str, types: Sequence[int]) -> None:
        super().__init__(name)
        self.name = name
        self.types = types


def known(proc: Process, name: str, types: Sequence[int] = (dns.A, dns.AAAA)) -> Lookup:
    """What is known of a name; without a name server that is what /etc/hosts says. Raises ``Unasked``."""
    found = proc.place.lookup(name)
    if found is not None:
        return Lookup((found,), name)
    if name not in proc.names:
        if can_ask(proc):
            raise Unasked(name, types)
        return Lookup()
    return proc.names[name]


def why_not(proc: Process, name: str) -> str:
    """What getaddrinfo(3) says of a name without an address."""
    asked = proc.names.get(name)
    return error_text(proc.image, asked.error) if asked is not None and asked.error else gai_error(proc.place, name)


def begin_with_names(proc: Process, begin: Callable[[Process], int | Waiting]) -> int | Waiting:
    """Run a tool's beginning, and ask for the names that it needs."""
    try:
        return begin(proc)
    except Unasked as unasked:
        return _ask(proc, begin, unasked)


def _ask(proc: Process, begin: Callable[[Process], int | Waiting], unasked: Unasked) -> Waiting:
    yield from ask(proc, unasked.name, unasked.types)
    result = begin_with_names(proc, begin)
    return result if isinstance(result, int) else (yield from result)


def ask(proc: Process, name: str, types: Sequence[int] = (dns.A, dns.AAAA)) -> Waits:
    """See to it that ``known`` has an answer for a name."""
    if name not in proc.names and proc.place.lookup(name) is None and can_ask(proc):
        proc.names[name] = yield from resolve(proc, name, types)


def ask_pointer(proc: Process, ip: Ip) -> Waits:
    """See to it that ``name_of`` has an answer for an address."""
    if ip not in proc.pointers and reverse_name(proc.place, ip) is None and can_ask(proc):
        proc.pointers[ip] = yield from resolve_pointer(proc, ip)


def name_of(proc: Process, ip: Ip) -> str | None:
    """The name of an address: /etc/hosts, the fabric's DNS, what name servers said."""
    return reverse_name(proc.place, ip) or proc.pointers.get(ip)
