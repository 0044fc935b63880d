"""What a filter expression is compiled for: the link type of the capture, and who knows names."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from podwire.linux.services import PROTOCOLS, TCP_PORTS, UDP_PORTS
from podwire.wire.addr import Ip

_NETWORKS: Final = MappingProxyType({"loopback": 127 << 24, "link-local": 169 << 24 | 254 << 16})
"""/etc/networks of Debian; its ``default`` is 0.0.0.0, which libpcap takes for unknown."""


def _nobody(name: str) -> list[Ip]:
    return []


class Context:
    """``live``: not a file; ``netmask`` is what ``ip broadcast`` goes by; ``services``: /etc/services is there.

    ``resolve`` gives the addresses of a host name.
    """

    def __init__(
        self,
        link_type: int,
        *,
        live: bool = False,
        netmask: int = 0,
        services: bool = True,
        resolve: Callable[[str], list[Ip]] = _nobody,
    ) -> None:
        self.link_type = link_type
        self.live = live
        self.netmask = netmask
        self.services = services
        self.resolve = resolve

    def port(self, name: str) -> tuple[int, int | None] | None:
        """A port and its protocol, None for both TCP and UDP (``pcap_nametoport``); None for an unknown name."""
        if name.isascii() and name.isdecimal() and int(name) <= 0xFFFF:
            return int(name), None
        tcp = TCP_PORTS.get(name) if self.services else None
        udp = UDP_PORTS.get(name) if self.services else None
        if tcp is not None:
            return tcp, None if udp == tcp else 6
        return None if udp is None else (udp, 17)

    def protocol(self, name: str) -> int | None:
        """``getprotobyname``."""
        return PROTOCOLS.get(name) if self.services else None

    def network(self, name: str) -> int | None:
        """``getnetbyname``."""
        return _NETWORKS.get(name)
