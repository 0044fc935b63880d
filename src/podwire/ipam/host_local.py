"""The host-local IPAM plugin.

Round robin over one range, state as it lies on the node's disk (reference sheet kube-proxy and GKE, section 2.4).
"""

from __future__ import annotations

from podwire.errors import PodwireError
from podwire.wire.addr import Ip, Ip4, Net


class IpamError(PodwireError):
    """The plugin refused; the text is the plugin's own."""


class HostLocal:
    """One range set with one range: the subnet, without its network address, gateway and broadcast address.

    ``reserved`` maps an address to the ``container id`` and interface that hold it; ``last`` is last_reserved_ip.
    """

    def __init__(self, subnet: Net, *, gateway: Ip | None = None, network: str = "gke-pod-network") -> None:
        if subnet.plen > 30:
            raise IpamError(f"invalid range set 0: Network {subnet} too small to allocate from")
        self.subnet = subnet
        self.network = network
        self.gateway: Ip = gateway if gateway is not None else Ip4(int(subnet.addr) + 1)
        self.start = Ip4(int(subnet.addr) + 1)
        self.end = Ip4(int(subnet.broadcast) - 1)
        self.reserved: dict[Ip, tuple[str, str]] = {}
        self.last: Ip | None = None

    def allocate(self, container: str, ifname: str = "eth0", wanted: Ip | None = None) -> Ip:
        """The next free address behind the last one given, wrapping around; the last one itself is tried last.

        Raises ``IpamError`` with the plugin's text when the range is exhausted, or the wanted address cannot be had.
        """
        if wanted is not None:
            return self._take(self._requested(wanted), container, ifname)
        count = int(self.end) - int(self.start) + 1
        first = int(self.start)
        if self.last is not None and self.start <= self.last <= self.end:
            first = int(self.last) + 1
        for step in range(count):
            candidate = Ip4(int(self.start) + (first - int(self.start) + step) % count)
            if candidate != self.gateway and candidate not in self.reserved:
                return self._take(candidate, container, ifname)
        raise IpamError(
            f"failed to allocate for range 0: no IP addresses available in range set: {self.start}-{self.end}"
        )

    def _requested(self, wanted: Ip) -> Ip:
        if wanted == self.gateway:
            raise IpamError(f"failed to allocate for range 0: requested ip {wanted} is subnet's gateway")
        if not self.start <= wanted <= self.end:
            raise IpamError(f"failed to allocate all requested IPs: {wanted}")
        if wanted in self.reserved:
            raise IpamError(
                f"failed to allocate for range 0: requested IP address {wanted} is not available in range set {self.start}-{self.end}"
            )
        return wanted

    def _take(self, address: Ip, container: str, ifname: str) -> Ip:
        self.reserved[address] = (container, ifname)
        self.last = address
        return address

    def release(self, container: str, ifname: str = "eth0") -> None:
        """DEL: every address of that container and interface; an unknown one is no error. last_reserved_ip stays."""
        for address in [a for a, holder in self.reserved.items() if holder == (container, ifname)]:
            del self.reserved[address]

    def files(self) -> dict[str, str]:
        """The state directory as it lies on the node: path to content."""
        base = f"/var/lib/cni/networks/{self.network}"
        files = {
            f"{base}/{address}": f"{container}\r\n{ifname}" for address, (container, ifname) in self.reserved.items()
        }
        if self.last is not None:
            files[f"{base}/last_reserved_ip.0"] = str(self.last)
        return files
