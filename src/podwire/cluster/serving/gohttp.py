"""Go's HTTP server, with the few pages that programs of a cluster have: their health, their metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.cluster.serving.http import BadRequest, Request, Response, http_date

if TYPE_CHECKING:
    from podwire.cluster.serving.programs import Peer
    from podwire.cluster.serving.server import Serving

TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
"""What ``http.Error`` and ``http.NotFound`` say of their text."""


class GoPages:
    """A server of Go's net/http: it answers ``HEAD`` as ``GET``, and keeps the connection. ``page`` says what it answers."""

    name = "go"
    backlog = 4096
    header_timeout: int | None = None
    keepalive_timeout: int | None = None

    def answer(self, serving: Serving, peer: Peer, request: Request, now: int) -> Response:
        """See ``Program``."""
        if request.version == "HTTP/1.1" and request.header("Host") is None:
            return _refusal("400 Bad Request: missing required Host header")
        status, reason, headers, body = self.page(request.path, now)
        close = not request.keep_alive
        end = (("Connection", "close"),) if close and request.version == "HTTP/1.1" else ()
        if not close and request.version == "HTTP/1.0":
            end = (("Connection", "keep-alive"),)
        # A type that the handler did not set is found out from the text, and stands behind.
        found = () if any(name == "Content-Type" for name, _ in headers) else (TEXT[0],)
        return Response(
            status,
            reason,
            (*headers, ("Date", http_date(now)), ("Content-Length", str(len(body))), *found, *end),
            body.encode(),
            close=close,
            bare=request.version == "HTTP/0.9",
            no_body=request.method == "HEAD",
        )

    def refuse(self, serving: Serving, peer: Peer, error: BadRequest, now: int) -> Response:
        """See ``Program``."""
        return _refusal("400 Bad Request")

    def page(self, path: str, now: int) -> tuple[int, str, tuple[tuple[str, str], ...], str]:
        """Status, reason, headers in their order and body of a path."""
        return 404, "Not Found", TEXT, "404 page not found\n"


def _refusal(text: str) -> Response:
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"))
    return Response(400, "Bad Request", headers, text.encode(), close=True)
