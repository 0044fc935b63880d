"""Names of hosts, networks, services and sets, as iptables asks the machine that it runs on for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.kernelnames import KernelNames
from podwire.tools.args import gai_error, has_nameserver, reverse_name
from podwire.tools.nettools import network_address, network_name

if TYPE_CHECKING:
    from podwire.linux.machine import Place
    from podwire.wire.addr import Ip


class PlaceNames(KernelNames):
    """/etc/hosts, /etc/networks, /etc/services and DNS of a place."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.netns)
        self.place = place
        self.services = place.image.services

    def addresses(self, name: str) -> list[Ip]:
        """/etc/hosts, then what is written in numbers."""
        found = self.place.lookup(name)
        return [found] if found is not None else super().addresses(name)

    def unknown(self, name: str) -> str:
        """``gai_strerror``."""
        return gai_error(self.place, name)

    def network(self, name: str) -> Ip | None:
        """/etc/networks."""
        return network_address(self.place, name)

    def host(self, ip: Ip) -> str | None:
        """``xtables_ipaddr_to_anyname``: a host's name, else a network's where no name server can say that there is no name."""
        name = reverse_name(self.place, ip)
        return name if name is not None or has_nameserver(self.place) else network_name(self.place, ip)
