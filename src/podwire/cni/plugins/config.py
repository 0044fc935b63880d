"""A cluster whose CNI is a conflist of the reference plugins, as somebody wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from podwire.cni.backend import CLUSTER_CIDR

if TYPE_CHECKING:
    from podwire.cni.plugins.backend import PluginsBackend


class Plugins(msgspec.Struct, frozen=True, kw_only=True):
    """Reference plugins by a conflist of one's own.

    ``conflist`` is the document that lies on every node under ``path``; ``{{.PodCIDR}}`` in its texts is the node's pod CIDR, as in
    containerd's template. ``routes`` says whether every node has a route to each other node's pod CIDR through that node's address, as
    the route controller of a cloud or a daemon on flat networks writes it: the plugins themselves know one node alone.
    """

    conflist: dict[str, Any]
    path: str = "/etc/cni/net.d/10-containerd-net.conflist"
    routes: bool = True
    pod_range: str = CLUSTER_CIDR

    def new_backend(self) -> PluginsBackend:
        """Raises ``ConfigError`` for a document that is no conflist, ``NotModelled`` for what podwire lacks."""
        from podwire.cni.plugins.backend import PluginsBackend

        return PluginsBackend(self.conflist, path=self.path, routes=self.routes)
