"""``curl`` from a place, with the traces of what it sent and got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from podwire.cluster import naming, running
from podwire.cluster.connecting import Attempt
from podwire.cluster.watching import Watch
from podwire.errors import PodwireError
from podwire.tools.curl import CurlResult
from podwire.tools.curl.url import BadUrl, Url, parse_url
from podwire.wire.addr import inet_aton

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwire.cluster import Cluster
    from podwire.linux.machine import Place


_FAREWELL: Final = 1_000_000_000
"""ns that the last packets get to arrive."""
_UNRESOLVED: Final = 6
"""curl's exit status for a name without an address."""


class Flow(Attempt):
    """What a request brought: see ``Attempt``. ``ok`` is True where a response came, whatever it says.

    ``status`` is that of the response, 0 where none came; ``headers`` as they came; ``body`` the text; ``received`` its bytes.
    ``exit_code`` is curl's, ``error`` what it says.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    exit_code: int = 0

    @property
    def body(self) -> str:
        """The body as text (UTF-8)."""
        return self.received.decode("utf-8", "replace")


def fetch(
    cluster: Cluster,
    place: Place,
    text: str,
    method: str | None,
    headers: Mapping[str, str],
    data: bytes | None,
    timeout: float | None,
) -> Flow:
    """See ``Handle.curl``."""
    try:
        url = parse_url(text)
    except BadUrl as error:
        raise PodwireError(f"curl {text!r}: {error.text}") from None
    argv = ["curl", "-sS"]
    direct = inet_aton(url.host) is None and place.lookup(url.host) is None
    if direct and not naming.by_dns(place, url.host):
        # A pod's or node's name; there is no DNS that knew it.
        argv += _by_hand(cluster, url)
    if method is not None:
        argv += ["-X", method]
    for name, value in headers.items():
        argv += ["-H", f"{name}: {value}"]
    if data is not None:
        argv += ["--data-raw", data.decode("utf-8", "surrogateescape")]
    if timeout is not None:
        argv += ["-m", f"{timeout:g}"]
    flow = _run(cluster, place, text, argv)
    if flow.exit_code == _UNRESOLVED and direct and naming.is_machine(cluster, url.host):
        # DNS does not know it, but it is a pod's or a node's name.
        flow = _run(cluster, place, text, [*argv, *_by_hand(cluster, url)])
    return flow


def _by_hand(cluster: Cluster, url: Url) -> list[str]:
    return ["--resolve", f"{url.host}:{url.port}:{cluster.machine(url.host).ip}"]


def _run(cluster: Cluster, place: Place, text: str, argv: list[str]) -> Flow:
    watch = Watch(cluster.network.log)
    flow = Flow(cluster, watch, place.netns.label, text, "tcp")
    try:
        process = running.start(cluster.network, place, [*argv, text], on_send=watch.adopt)
        running.finish(cluster.network, process)
        # The end of the connection is under way when curl has exited.
        cluster.network.run_until(lambda: watch.recorder.finished, cluster.network.now + _FAREWELL)
    finally:
        watch.stop()
    result = cast("CurlResult", process.result)
    flow.status, flow.headers, flow.received = result.status, result.headers, result.body
    flow.exit_code, flow.error, flow.ok = result.code, result.error, result.code == 0
    return flow
