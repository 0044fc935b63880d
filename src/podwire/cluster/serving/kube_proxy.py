"""What kube-proxy answers on its node: health check node ports, its own health, its mode (kube-proxy sheet, 1.11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from podwire.cluster.serving.gohttp import TEXT, GoPages
from podwire.cluster.serving.http import NSEC
from podwire.cluster.serving.server import HttpServer, Serving
from podwire.kubeproxy.health import HEADERS, HealthCheck
from podwire.linux.socket import SocketError
from podwire.wire.addr import ANY4, Ip4

if TYPE_CHECKING:
    from podwire.cni.backend import NodeSpec
    from podwire.fabric.network import Network

HEALTHZ: Final = 10256
METRICS: Final = 10249
_LOCALHOST: Final = Ip4.parse("127.0.0.1")


class KubeProxyPages(GoPages):
    """A server of kube-proxy's."""

    name = "kube-proxy"


class ServiceHealth(KubeProxyPages):
    """The health check node port of one Service: every path says how many ready endpoints stand on the node."""

    def __init__(self, check: Callable[[], HealthCheck | None]) -> None:
        self._check = check

    def page(self, path: str, now: int) -> tuple[int, str, tuple[tuple[str, str], ...], str]:
        """See ``GoPages``."""
        check = self._check()
        if check is None:
            return super().page(path, now)
        status = check.status()
        return status, "OK" if status == 200 else "Service Unavailable", HEADERS, check.body()


class ProxyHealth(KubeProxyPages):
    """``/healthz`` and ``/livez`` of kube-proxy itself, which is well."""

    def __init__(self, since: int, eligible: Callable[[], bool]) -> None:
        self._since = since
        self._eligible = eligible

    def page(self, path: str, now: int) -> tuple[int, str, tuple[tuple[str, str], ...], str]:
        """See ``GoPages``."""
        if path not in {"/healthz", "/livez"}:
            return super().page(path, now)
        moment = self._go_time(now)
        body = f'"lastUpdated": "{moment}","currentTime": "{moment}"'
        if path == "/livez":
            return 200, "OK", HEADERS, f"{{{body}}}"
        eligible = self._eligible()
        text = f'{{{body}, "nodeEligible": {"true" if eligible else "false"}}}'
        return (200, "OK", HEADERS, text) if eligible else (503, "Service Unavailable", HEADERS, text)

    def _go_time(self, now: int) -> str:
        """``time.Time.String``: with the time since the program's start."""
        moment = datetime.fromtimestamp(now // NSEC, UTC)
        fraction = f"{now % NSEC:09}".rstrip("0")
        dot = f".{fraction}" if fraction else ""
        passed = now - self._since
        return f"{moment:%Y-%m-%d %H:%M:%S}{dot} +0000 UTC m=+{passed // NSEC}.{passed % NSEC:09}"


class Metrics(KubeProxyPages):
    """Port 10249: ``/healthz`` and ``/proxyMode``; the metrics themselves are answered by 501."""

    def page(self, path: str, now: int) -> tuple[int, str, tuple[tuple[str, str], ...], str]:
        """See ``GoPages``."""
        if path == "/healthz":
            return 200, "OK", TEXT, "ok"
        if path == "/proxyMode":
            return 200, "OK", TEXT, "iptables"
        if path == "/metrics":
            plain = (("Content-Type", "text/plain"),)
            return 501, "Not Implemented", plain, "podwire does not model kube-proxy's metrics\n"
        return super().page(path, now)


class NodeHealth:
    """The servers of kube-proxy on one node; ``checks`` are those of its Services at present."""

    def __init__(
        self,
        network: Network,
        node: NodeSpec,
        checks: Callable[[], Mapping[int, HealthCheck]],
        eligible: Callable[[], bool],
    ) -> None:
        self._serving = Serving(network, node.machine.root.netns, node.name)
        self._checks = checks
        self._ports: dict[int, HttpServer] = {}
        self.failed: dict[int, str] = {}
        """Ports that somebody else has, with the error."""
        self._open(HEALTHZ, ProxyHealth(network.now, eligible))
        self._open(METRICS, Metrics(), _LOCALHOST)
        self._own = frozenset(self._ports)

    def sync(self) -> None:
        """Listen on the ports of the Services there are, and on no others (``serviceHealthServer.SyncServices``)."""
        wanted = self._checks()
        for port in [port for port in self._ports if port not in wanted and port not in self._own]:
            self._ports.pop(port).close()
        for port in wanted:
            if port not in self._ports:
                self._open(port, ServiceHealth(lambda port=port: self._checks().get(port)))  # type: ignore[misc]

    def _open(self, port: int, program: GoPages, address: Ip4 = ANY4) -> None:
        try:
            self._ports[port] = HttpServer(self._serving, program, port, address)
            self.failed.pop(port, None)
        except SocketError as error:
            self.failed[port] = error.strerror
