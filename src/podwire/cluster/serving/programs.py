"""Who answers in a container: nginx with its welcome page, traefik/whoami, and for every other image the pod's own name."""

from __future__ import annotations

from time import gmtime, strftime
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from podwire.cluster.serving.http import NSEC, BadRequest, Request, Response, http_date
from podwire.cluster.serving.pages import INDEX, NGINX, SORRY, error_page
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.cluster.serving.server import Serving


class Peer(msgspec.Struct, frozen=True):
    """The two ends of a connection as the server sees them; ``local`` is its own."""

    address: Ip
    port: int
    local: tuple[Ip, int]


class Program(Protocol):
    """What an ``HttpServer`` runs. Times in seconds, None for as long as it takes."""

    name: str
    backlog: int
    header_timeout: int | None
    keepalive_timeout: int | None

    def answer(self, serving: Serving, peer: Peer, request: Request, now: int) -> Response:
        """The response to a request; ``now`` in ns."""

    def refuse(self, serving: Serving, peer: Peer, error: BadRequest, now: int) -> Response:
        """The response to what is no request."""


def _not_modelled(what: str, now: int) -> Response:
    """Podwire says that it does not know what this program would answer."""
    body = f"podwire does not model {what}\n".encode()
    headers = (("Date", http_date(now)), ("Content-Type", "text/plain"), ("Content-Length", str(len(body))))
    return Response(501, "Not Implemented", (*headers, ("Connection", "close")), body, close=True)


def _shown(peer: Peer) -> str:
    return str(peer.address)


class Nginx:
    """nginx 1.27.2 as its image configures it: ``/usr/share/nginx/html`` has two pages.

    What depends on more of a request than method, target, Host and Connection (ranges, conditions) is answered by 501.
    """

    name = "nginx"
    backlog = 511
    header_timeout: int | None = 60
    keepalive_timeout: int | None = 65
    _PAGES: Final = {"/": INDEX, "/index.html": INDEX, "/50x.html": SORRY}
    _MODIFIED: Final = 0x66FD630F
    _SPECIAL: Final = (
        "Range",
        "If-Modified-Since",
        "If-None-Match",
        "If-Match",
        "If-Unmodified-Since",
        "Expect",
        "Upgrade",
    )

    def answer(self, serving: Serving, peer: Peer, request: Request, now: int) -> Response:
        """See ``Program``."""
        for header in (*self._SPECIAL, "Transfer-Encoding"):
            if request.header(header) is not None:
                return _not_modelled(f"nginx and the header {header}", now)
        if request.version == "HTTP/1.1" and request.header("Host") is None:
            return self._page(serving, peer, request, now, 400, "Bad Request")
        path = request.path
        if request.method not in {"GET", "HEAD"}:
            return self._page(serving, peer, request, now, 405, "Not Allowed")
        body = self._PAGES.get(path)
        if body is None:
            why = f'open() "/usr/share/nginx/html{path}" failed (2: No such file or directory)'
            if path.endswith("/"):
                why = f'"/usr/share/nginx/html{path}index.html" is not found (2: No such file or directory)'
            return self._page(serving, peer, request, now, 404, "Not Found", why)
        stamp = self._MODIFIED
        extra = (("Last-Modified", http_date(stamp * NSEC)),)
        tail = (("ETag", f'"{stamp:x}-{len(body):x}"'), ("Accept-Ranges", "bytes"))
        return self._response(peer, request, now, 200, "OK", body, extra, tail)

    def refuse(self, serving: Serving, peer: Peer, error: BadRequest, now: int) -> Response:
        """See ``Program``."""
        request = Request("", "", "HTTP/1.0", error.line)
        return self._page(serving, peer, request, now, 400, "Bad Request")

    def _page(
        self, serving: Serving, peer: Peer, request: Request, now: int, status: int, reason: str, why: str = ""
    ) -> Response:
        errors: tuple[str, ...] = ()
        if why:
            host = request.header("Host")
            errors = (
                f"{strftime('%Y/%m/%d %H:%M:%S', gmtime(now // NSEC))} [error] 29#29: *{len(serving.seen)} {why}, client: "
                f'{_shown(peer)}, server: localhost, request: "{request.line}"'
                + (f', host: "{host}"' if host is not None else ""),
            )
        return self._response(peer, request, now, status, reason, error_page(status, reason), errors=errors)

    def _response(
        self,
        peer: Peer,
        request: Request,
        now: int,
        status: int,
        reason: str,
        body: bytes,
        extra: tuple[tuple[str, str], ...] = (),
        tail: tuple[tuple[str, str], ...] = (),
        errors: tuple[str, ...] = (),
    ) -> Response:
        keep = request.keep_alive and status != 400
        sent = 0 if request.method == "HEAD" else len(body)
        return Response(
            status,
            reason,
            (
                ("Server", NGINX),
                ("Date", http_date(now)),
                ("Content-Type", "text/html"),
                ("Content-Length", str(len(body))),
                *extra,
                ("Connection", "keep-alive" if keep else "close"),
                *tail,
            ),
            body,
            close=not keep,
            # A file goes by sendfile, behind the head; a page that nginx makes itself goes with it.
            split=bool(tail),
            log=self._log_line(peer, request, now, status, sent),
            errors=errors,
            bare=request.version == "HTTP/0.9",
            no_body=request.method == "HEAD",
        )

    @staticmethod
    def _log_line(peer: Peer, request: Request, now: int, status: int, sent: int) -> str:
        """``log_format main``."""
        time = strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(now // NSEC))
        named = [f'"{request.header(name) or "-"}"' for name in ("Referer", "User-Agent", "X-Forwarded-For")]
        return f'{_shown(peer)} - - [{time}] "{request.line}" {status} {sent} {" ".join(named)}'


class Whoami:
    """traefik/whoami: what the server sees of a request. Go's net/http writes head and body together.

    Its other pages (``/api``, ``/data`` …) are answered by 501.
    """

    name = "whoami"
    backlog = 4096
    header_timeout: int | None = None
    keepalive_timeout: int | None = None
    _OTHERS: Final = ("/api", "/bench", "/data", "/echo", "/health", "/upload")

    def answer(self, serving: Serving, peer: Peer, request: Request, now: int) -> Response:
        """See ``Program``."""
        path = request.path
        if path in self._OTHERS or request.version == "HTTP/0.9" or "?" in request.target:
            return _not_modelled(f"what whoami says to {request.line!r}", now)
        if request.header("Transfer-Encoding") is not None:
            return _not_modelled("whoami and chunked requests", now)
        if request.version == "HTTP/1.1" and request.header("Host") is None:
            return _go_refusal("400 Bad Request: missing required Host header")
        lines = [f"Hostname: {serving.hostname}"]
        lines += [f"IP: {address}" for address in serving.addresses()]
        lines += [f"RemoteAddr: {peer.address}:{peer.port}"]
        head = "".join(f"{line}\n" for line in lines)
        # http.Request.Write: as a client would send it, in HTTP/1.1.
        echo = [f"{request.method} {request.target} HTTP/1.1", f"Host: {request.header('Host') or ''}"]
        agent = request.header("User-Agent")
        echo.append(f"User-Agent: {agent if agent is not None else 'Go-http-client/1.1'}")
        if request.body:
            echo.append(f"Content-Length: {len(request.body)}")
        special = {"host", "user-agent", "content-length", "transfer-encoding", "trailer"}
        others = [(_canonical(name), value) for name, value in request.headers if name.lower() not in special]
        echo += [f"{name}: {value}" for name, value in sorted(others, key=lambda item: item[0])]
        body = head.encode() + "".join(f"{line}\r\n" for line in [*echo, ""]).encode("latin-1") + request.body
        keep = request.keep_alive
        headers = [
            ("Date", http_date(now)),
            ("Content-Length", str(len(body))),
            ("Content-Type", "text/plain; charset=utf-8"),
        ]
        if not keep and request.version == "HTTP/1.1":
            headers.append(("Connection", "close"))
        elif keep and request.version == "HTTP/1.0":
            headers.append(("Connection", "keep-alive"))
        return Response(200, "OK", tuple(headers), body, close=not keep, no_body=request.method == "HEAD")

    def refuse(self, serving: Serving, peer: Peer, error: BadRequest, now: int) -> Response:
        """See ``Program``."""
        return _go_refusal("400 Bad Request")


def _canonical(name: str) -> str:
    """``textproto.CanonicalMIMEHeaderKey``."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def _go_refusal(text: str) -> Response:
    """What net/http says to what is no request: without a date."""
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"))
    return Response(400, "Bad Request", headers, text.encode(), close=True)


class PodName:
    """A small server that podwire puts into a container of any other image: it answers every request with the pod's name."""

    name = "http"
    backlog = 128
    header_timeout: int | None = None
    keepalive_timeout: int | None = None

    def answer(self, serving: Serving, peer: Peer, request: Request, now: int) -> Response:
        """See ``Program``."""
        return self._say(peer, request, now, 200, "OK", f"{serving.hostname}\n")

    def refuse(self, serving: Serving, peer: Peer, error: BadRequest, now: int) -> Response:
        """See ``Program``."""
        request = Request("", "", "HTTP/1.0", error.line)
        return self._say(peer, request, now, 400, "Bad Request", f"{error}\n")

    @staticmethod
    def _say(peer: Peer, request: Request, now: int, status: int, reason: str, text: str) -> Response:
        body = text.encode()
        keep = request.keep_alive
        headers = (
            ("Date", http_date(now)),
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(body))),
            ("Connection", "keep-alive" if keep else "close"),
        )
        line = f'{peer.address}:{peer.port} "{request.line}" {status} {len(body)}'
        return Response(
            status,
            reason,
            headers,
            body,
            close=not keep,
            log=line,
            bare=request.version == "HTTP/0.9",
            no_body=request.method == "HEAD",
        )


_PROGRAMS: Final[dict[str, type[Program]]] = {"nginx": Nginx, "whoami": Whoami}
_OWN_PORTS: Final = {"nginx": (80,), "whoami": (80,)}
"""Where the program of an image listens when nobody says anything else."""


def last_part(image: str) -> str:
    """The name of an image without registry, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def program_of(image: str) -> Program:
    """The program of a container image such as ``traefik/whoami:v1.10``."""
    return _PROGRAMS.get(last_part(image), PodName)()


def own_ports(image: str) -> tuple[int, ...]:
    """The TCP ports on which the program of an image listens by itself."""
    return _OWN_PORTS.get(last_part(image), ())
