"""Cloud NAT: VMs without an external address share one, each with ports of its own (Google's documentation of Public NAT).

Static port allocation: every VM gets ``min_ports`` of the 64 512 ports above 1023 for good, and each of them serves one connection per
remote address and port (endpoint-dependent mapping, the default). Dynamic port allocation, endpoint-independent mapping, several addresses
and rules are not there. A silent UDP or ICMP flow is forgotten after 30 s, a TCP connection after 20 min; the shorter timers for TCP
connections that begin or have ended are left out: a port comes back later than at Google.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import ConfigError, NotModelled
from podwire.fabric.flows import flow_of
from podwire.fabric.nat import NatTable
from podwire.fabric.vpc import Nic
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP, IPv4

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.wire.addr import Ip
    from podwire.wire.packet import Packet

MIN_PORTS: Final = 64
_FIRST: Final = 1024
_SECOND: Final = 1_000_000_000
_TCP_IDLE: Final = 1200 * _SECOND
_IDLE: Final = 30 * _SECOND


class CloudNat(NatTable[Nic]):
    """One gateway with one address. ``min_ports`` per VM: a power of two, 64 or more.

    Raises ``ConfigError`` and, for fewer than 64 (which Google takes), ``NotModelled``.
    """

    def __init__(self, network: Network, external: Ip, what: str, *, min_ports: int = MIN_PORTS) -> None:
        if min_ports < MIN_PORTS:
            raise NotModelled(f"{min_ports} ports per VM of Cloud NAT (at least {MIN_PORTS})", what)
        if min_ports & min_ports - 1 or min_ports > 1 << 15:
            raise ConfigError(what, f"{min_ports} ports per VM of Cloud NAT: expected a power of two up to 32768")
        super().__init__(network, external)
        self.min_ports = min_ports
        self._blocks: dict[str, int] = {}
        """By VM: the first of its ports; None of them is another VM's."""

    def ports_of(self, nic: Nic) -> range:
        """The ports of a VM, given out when it first needs one; empty where all are given out."""
        first = self._blocks.get(nic.vm)
        if first is None:
            first = _FIRST + len(self._blocks) * self.min_ports
            if first + self.min_ports > 1 << 16:
                return range(0)
            self._blocks[nic.vm] = first
        return range(first, first + self.min_ports)

    def is_full(self, nic: Nic, packet: Packet) -> bool:
        """Whether a packet begins a connection of a VM, and no port is left for it."""
        flow = flow_of(packet)
        ip = packet.find(IPv4)
        if flow is None or ip is None or ip.frag:
            return False
        proto, _, dst, _, dport = flow
        remote = 0 if proto == IPPROTO_ICMP else dport
        return self._free(nic, proto, dst, remote, 0) is None

    def _free(self, realm: Nic, proto: int, dst: Ip, dport: int, wanted: int) -> int | None:
        """The first port of the VM that has no connection to that remote end; what the VM wanted does not matter."""
        del wanted
        return next((port for port in self.ports_of(realm) if self._is_free(proto, dst, dport, port)), None)

    def _idle(self, proto: int) -> int:
        return _TCP_IDLE if proto == IPPROTO_TCP else _IDLE
