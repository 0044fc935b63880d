"""The network of a GKE node: ptp with host-local, then portmap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podwire.cni.plugins.backend import PluginsBackend
from podwire.cni.ptp.config import CONFLIST, PtpNetwork


class PtpBackend(PluginsBackend):
    """The reference plugins with GKE's conflist, or with one of somebody's own under GKE's path. Routes between nodes are the VPC's."""

    name = "gke"
    plugin = "ptp"

    def __init__(self, network: PtpNetwork, conflist: Mapping[str, Any] | None = None) -> None:
        self.network = network
        super().__init__(conflist if conflist is not None else network.document(), path=CONFLIST)
