"""The network of a node whose pods are wired by ptp: what its conflist says (reference sheet kube-proxy and GKE, section 2.1)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from podwire.wire.addr import Net

CONFLIST: Final = "/etc/cni/net.d/10-containerd-net.conflist"
"""Where it lies on a node (seed 002)."""


class PtpNetwork(msgspec.Struct, frozen=True):
    """``name`` of the network, ``mtu`` of both ends of a pair, ``routes`` of host-local's configuration.

    The plugins are of release 1.1 to 1.5: the pod's end has index 2, no queue length, and no gratuitous ARP is sent (section 2.2).
    """

    name: str = "k8s-pod-network"
    mtu: int = 1460
    routes: tuple[Net, ...] = (Net.parse("0.0.0.0/0"),)

    def document(self) -> dict[str, Any]:
        """The file, with the pod CIDR of a node as host-local's subnet."""
        ipam: dict[str, Any] = {
            "type": "host-local",
            "subnet": "{{.PodCIDR}}",
            "routes": [{"dst": str(route)} for route in self.routes],
        }
        plugins: list[dict[str, Any]] = [
            {"type": "ptp", "mtu": self.mtu, "ipam": ipam},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ]
        return {"name": self.name, "cniVersion": "0.3.1", "plugins": plugins}
