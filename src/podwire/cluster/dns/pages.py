"""What CoreDNS answers by HTTP: the plugins ``health``, ``ready`` and ``prometheus`` (coredns.io/plugins, CoreDNS 1.11)."""

from __future__ import annotations

from podwire.cluster.serving.gohttp import GoPages
from podwire.errors import NotModelled


class Page(GoPages):
    """``/health`` and ``/ready`` say OK: whoever answers here is well. Metrics are answered by 501."""

    name = "coredns"

    def __init__(self, plugin: str) -> None:
        if plugin not in {"health", "ready", "prometheus"}:
            raise NotModelled(f"the pages of plugin {plugin}", "Corefile")
        self.plugin = plugin

    def page(self, path: str, now: int) -> tuple[int, str, tuple[tuple[str, str], ...], str]:
        """See ``GoPages``."""
        if path == f"/{self.plugin}":
            return 200, "OK", (), "OK"
        if path == "/metrics" and self.plugin == "prometheus":
            plain = (("Content-Type", "text/plain"),)
            return 501, "Not Implemented", plain, "podwire does not model CoreDNS's metrics\n"
        return super().page(path, now)
