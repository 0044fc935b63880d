"""What tcpdump prints for an address: names where they can be had, numbers with ``-n``.

Each name is asked for once in a capture, as the real tool does (addrtoname.c): a name that changes later is not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from podwire.linux.services import TCP_NAMES, UDP_NAMES
from podwire.tools.tcpdump.numbers import VENDORS
from podwire.wire.addr import Ip4, Mac

_NOTHING: Final[MappingProxyType[int, str]] = MappingProxyType({})


def nameless(_: object) -> None:
    """A resolver that knows nothing."""


class Names:
    """Names of hosts, ports, MAC addresses and devices.

    ``local``, an address and a mask, are those of ``-f``: only the names of what is in that network are asked for.
    ``resolve`` is asked for the name of an address (/etc/hosts, then the DNS), ``device`` for the name of an interface
    index; ``services`` says whether there is an /etc/services.
    """

    def __init__(
        self,
        *,
        numeric: bool = False,
        short: bool = False,
        local: tuple[int, int] = (0, 0),
        services: bool = True,
        resolve: Callable[[Ip4], str | None] = nameless,
        device: Callable[[int], str | None] = nameless,
    ) -> None:
        self._numeric = numeric
        self._short = short
        self._network, self._mask = local
        self._resolve = resolve
        self._device = device
        self._tcp, self._udp = (TCP_NAMES, UDP_NAMES) if services and not numeric else (_NOTHING, _NOTHING)
        self._hosts: dict[int, str] = {}
        self._macs: dict[int, str] = {}
        if not numeric:
            self._macs[0xFFFFFFFFFFFF] = "Broadcast"

    @property
    def numeric(self) -> bool:
        """``-n``."""
        return self._numeric

    def host(self, address: int) -> str:
        """An IPv4 address; ``-N`` cuts a name at its first dot."""
        known = self._hosts.get(address)
        if known is None:
            ip = Ip4(address)
            named = not self._numeric and address & self._mask == self._network
            name = self._resolve(ip) if named else None
            if name is not None and self._short:
                name = name.partition(".")[0]
            known = self._hosts[address] = str(ip) if name is None else name
        return known

    def mac(self, address: int) -> str:
        """An Ethernet address: with names wanted, its vendor stands behind it."""
        known = self._macs.get(address)
        if known is None:
            known = str(Mac(address))
            if not self._numeric:
                known = f"{known} (oui {VENDORS.get(address >> 24, 'Unknown')})"
            self._macs[address] = known
        return known

    def tcp(self, port: int) -> str:
        """A TCP port."""
        return self._tcp.get(port) or str(port)

    def udp(self, port: int) -> str:
        """A UDP port."""
        return self._udp.get(port) or str(port)

    def device(self, ifindex: int) -> str:
        """An interface: ``?`` where there is none of that index now."""
        return self._device(ifindex) or "?"
