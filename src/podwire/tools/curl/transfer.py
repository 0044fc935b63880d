"""One URL: the connection, the request, the response, and what curl says of them (lib/connect.c, lib/http.c, lib/transfer.c)."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Generator
from errno import EADDRINUSE, ETIMEDOUT
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket
from podwire.tools.curl.response import Response
from podwire.tools.resolving.asking import ask, known
from podwire.wire import dns
from podwire.wire.addr import ANY4, Ip, inet_aton

if TYPE_CHECKING:
    from podwire.tools.curl.options import Options
    from podwire.tools.curl.output import Sink
    from podwire.tools.curl.progress import Progress
    from podwire.tools.curl.url import Url
    from podwire.tools.process import Process

_MSEC: Final = 1_000_000
_SECOND: Final = 1_000_000_000
_CONNECT_TIMEOUT: Final = 300_000
_BUFFER: Final = 102_400
"""CURLOPT_BUFFERSIZE of the tool."""
_COULD_NOT_CONNECT: Final = "Couldn't connect to server"

Waits = Generator["int | None", None, None]


class Failed(Exception):
    """The transfer ends here: curl's code and what it says."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Link:
    """An open connection, which a later URL may use again. ``number`` is curl's connection id."""

    def __init__(self, number: int, url: Url, socket: TcpSocket, ip: Ip) -> None:
        self.number = number
        self.key = (url.host.lower(), url.port)
        self.socket = socket
        self.ip = ip


class Transfer:
    """``struct Curl_easy`` of one URL. ``link`` is the connection that it left open, if any."""

    def __init__(
        self,
        proc: Process,
        options: Options,
        url: Url,
        progress: Progress,
        sink: Sink,
        addresses: dict[tuple[str, int], Ip],
    ) -> None:
        self.proc = proc
        self.options = options
        self.url = url
        self.progress = progress
        self.sink = sink
        self.addresses = addresses
        self.response = Response(head=options.head)
        self.link: Link | None = None
        self.connects = 0
        self.number = 0
        self.request_size = 0
        self.local: tuple[Ip, int] | None = None
        self.remote: Ip | None = None
        self.error = ""
        self._deadline = None if options.max_time is None else progress.start + options.max_time * _MSEC
        self._fresh = True
        """What -v prints stands at the beginning of a line."""
        self._told_data = False

    # -- what -v prints ------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """``infof``."""
        if self.options.verbose:
            self.proc.error(f"* {text}\n")
            self._told_data = False

    def fail(self, code: int, text: str, *, told: bool = True) -> Failed:
        """``failf``: the first one is what ``curl: (…)`` says."""
        if told:
            self.say(text)
        self.error = self.error or text
        return Failed(code, self.error)

    def _headers(self, mark: str, text: str) -> None:
        if self.options.verbose:
            lines = text.splitlines(keepends=True)
            self.proc.error("".join(f"{mark} {line}" for line in lines))
            self._told_data = False

    def _data(self, mark: str, size: int) -> None:
        if self.options.verbose and not self._told_data and not self.sink.typed:
            self.proc.error(f"{mark} [{size} bytes data]\n")
            self._told_data = True

    # -- the course of it ----------------------------------------------------------------------------------------

    def run(self, link: Link | None, number: int) -> Waits:
        """All of it, on ``link`` where that is given, else on a new connection ``number``. Raises ``Failed``."""
        self.number = number if link is None else link.number
        socket: TcpSocket | None = None
        try:
            if link is None:
                ip = yield from self._resolve()
                socket = yield from self._connect(ip)
                link = Link(number, self.url, socket, ip)
                self.connects = 1
                self.say(f"Connected to {self.url.host} ({ip}) port {self.url.port} (#{number})")
            else:
                socket = link.socket
                socket.wake = self.proc.wake
                self.say("Found bundle for host: 0x55d5c0a3eb80 [serially]")
                self.say("Can not multiplex, even if we wanted to")
                self.say(f"Re-using existing connection #{number} with host {self.url.host}")
                self.progress.mark("namelookup")
                self.progress.mark("connect")
            self.local, self.remote = socket.local, link.ip
            self.progress.mark("pretransfer")
            yield from self._send(socket, self._request())
            yield from self._receive(socket)
        except BaseException:
            self.progress.update(final=True)
            if socket is not None:
                socket.close()
            self.say(f"Closing connection {self.number}")
            raise
        self.progress.update(final=True)
        if self.response.keep:
            self.link = link
            self.say(f"Connection #{self.number} to host {self.url.host} left intact")
        else:
            socket.close()
            self.say(f"Closing connection {self.number}")

    def _resolve(self) -> Generator[int | None, None, Ip]:
        host = self.url.host
        found: Ip | None = inet_aton(host)
        given = self.addresses.get((host.lower(), self.url.port))
        if given is not None:
            self.say(f"Hostname {host} was found in DNS cache")
            found = given
        elif found is None:
            yield from self._ask(host)
            found = known(self.proc, host).ip4
        if found is None:
            text = f"Could not resolve host: {host}"
            self.progress.update()
            self.say(text)
            raise self.fail(6, text)
        self.progress.mark("namelookup")
        return found

    def _ask(self, host: str) -> Waits:
        """The threaded resolver: the meter goes on, and -m and --connect-timeout end it."""
        options = self.options
        asking = ask(self.proc, host, (dns.A,) if options.ipv4 else (dns.A, dns.AAAA))
        began = self.proc.now
        limit = options.connect_timeout or _CONNECT_TIMEOUT
        end = began + limit * _MSEC if self._deadline is None else min(began + limit * _MSEC, self._deadline)
        try:
            for until in asking:
                yield from self._wait(end if until is None else min(until, end))
                if self.proc.now >= end:
                    ms = self.progress.elapsed_ms
                    raise self.fail(28, f"Resolving timed out after {ms} milliseconds")
        finally:
            asking.close()

    def _wait(self, deadline: int) -> Waits:
        """Up to the deadline, to the next second (the meter moves), or until woken."""
        proc = self.proc
        until = deadline if self._deadline is None else min(deadline, self._deadline)
        if self.progress.meter:
            until = min(until, proc.now + _SECOND)
        yield until
        self.progress.update()

    def _overdue(self) -> bool:
        return self._deadline is not None and self.proc.now >= self._deadline

    # -- connecting ----------------------------------------------------------------------------------------------

    def _connect(self, ip: Ip) -> Generator[int | None, None, TcpSocket]:
        self.progress.update()
        self.say(f"  Trying {ip}:{self.url.port}...")
        socket = TcpSocket(self.proc.place.netns, self.proc.wake)
        socket.on_send = self.proc.on_send
        socket.sk.nodelay = True
        try:
            self._bind(socket)
            try:
                socket.connect(ip, self.url.port)
            except SocketError as error:
                self.say(f"Immediate connect fail for {ip}: {error.strerror}")
                raise self._no_connection(_COULD_NOT_CONNECT, 7) from None
            yield from self._await_connection(socket, ip)
        except BaseException:
            socket.close()
            raise
        self.progress.mark("connect")
        return socket

    def _await_connection(self, socket: TcpSocket, ip: Ip) -> Waits:
        options = self.options
        own = _CONNECT_TIMEOUT if options.connect_timeout is None else options.connect_timeout
        limit = own or _CONNECT_TIMEOUT
        deadline = self.proc.now + limit * _MSEC
        while socket.connecting and not socket.pollerr:
            if self._overdue():
                raise self.fail(28, f"Connection timed out after {self.progress.elapsed_ms} milliseconds")
            if self.proc.now >= deadline:
                self.say(f"ipv4 connect timeout after {limit}ms, move on!")
                raise self._no_connection("Timeout was reached", 28)
            yield from self._wait(deadline)
        errno = socket.take_error() if not socket.connected else 0
        if not socket.connected:
            self.say(f"connect to {ip} port {self.url.port} failed: {os.strerror(errno)}")
            raise self._no_connection(_COULD_NOT_CONNECT, 28 if errno == ETIMEDOUT else 7)

    def _no_connection(self, why: str, code: int) -> Failed:
        url = self.url
        return self.fail(
            code, f"Failed to connect to {url.host} port {url.port} after {self.progress.elapsed_ms} ms: {why}"
        )

    def _bind(self, socket: TcpSocket) -> None:
        """``bindlocal``: --interface and --local-port."""
        options = self.options
        source: Ip = ANY4
        if options.interface is not None:
            source = self._interface(socket, options.interface)
        low, high = options.local_port or (0, 0)
        if not source and not high:
            return
        for port in range(low, high + 1):
            try:
                socket.bind(source, port, late_port=True)
            except SocketError as error:
                if error.errno == EADDRINUSE and port < high:
                    self.say(f"Bind to local port {port} failed, trying next")
                    continue
                self._unbound(f"bind failed with errno {error.errno}: {error.strerror}")
            else:
                break
        self.say(f"Local port: {socket.local[1]}")

    def _interface(self, socket: TcpSocket, text: str) -> Ip:
        """A device, or one of our addresses; ``if!`` and ``host!`` say which."""
        kind, mark, name = text.partition("!")
        if not mark or kind not in {"if", "host"}:
            kind, name = "", text
        netns = self.proc.place.netns
        link = netns.link(name) if kind != "host" else None
        if link is not None:
            # SO_BINDTODEVICE succeeds for root, and no address is bound then.
            socket.set_device(link)
            return ANY4
        found = inet_aton(name) or self.proc.place.lookup(name) if kind != "if" else None
        if found is None:
            if kind != "if":
                self.say(f"Could not resolve host: {name}")
            self._unbound(f"Couldn't bind to interface '{name}'" if kind == "if" else f"Couldn't bind to '{name}'")
        else:
            self.say(f"Name '{name}' family 2 resolved to '{found}' family 2")
        return found or ANY4

    def _unbound(self, text: str) -> None:
        self.fail(45, text)
        url, ms = self.url, self.progress.elapsed_ms
        raise self.fail(
            45, f"Failed to connect to {url.host} port {url.port} after {ms} ms: Failed binding local connection end"
        )

    # -- the request ---------------------------------------------------------------------------------------------

    def _request(self) -> tuple[str, bytes]:
        """Head and body (``Curl_http``)."""
        options, url = self.options, self.url
        body = options.data if not options.get else None
        target = url.target
        if options.get and options.data is not None:
            target += ("&" if "?" in target else "?") + options.data.decode("utf-8", "surrogateescape")
        method = options.method or ("HEAD" if options.head else "GET" if body is None else "POST")
        own = [header for header in options.headers if not header.startswith((":", ";"))]
        # A header of the user's own takes the place of curl's; one with nothing behind the colon takes it out.
        given = {header.replace(";", ":").partition(":")[0].strip().lower() for header in own}
        user = options.user or url.user
        lines = [f"{method} {target} HTTP/{'1.0' if options.http10 else '1.1'}"]
        host = next((header for header in own if header.lower().startswith("host:")), f"Host: {url.authority}")
        # A Host of the user's own stands where curl's would.
        if host.partition(":")[2].strip():
            lines.append(f"Host: {host.partition(':')[2].strip()}")
        basic = b64encode((user or "").encode()).decode()
        for name, value in (
            ("Authorization", f"Basic {basic}" if user else ""),
            ("User-Agent", options.agent),
            ("Accept", "application/json" if options.json else "*/*"),
            ("Referer", options.referer or ""),
        ):
            if value and name.lower() not in given:
                lines.append(f"{name}: {value}")
        if options.json and "content-type" not in given:
            lines.append("Content-Type: application/json")
        lines += _own_lines(own)
        if body is not None:
            if "content-length" not in given:
                lines.append(f"Content-Length: {len(body)}")
            if not options.json and "content-type" not in given:
                lines.append("Content-Type: application/x-www-form-urlencoded")
        return "".join(f"{line}\r\n" for line in [*lines, ""]), body or b""

    def _send(self, socket: TcpSocket, request: tuple[str, bytes]) -> Waits:
        head, body = request
        data = head.encode("utf-8", "surrogateescape") + body
        self.request_size = len(data)
        self.progress.size_ul = len(body) if body else None
        self._headers(">", head)
        if body:
            self._data("}", len(body))
        while data:
            try:
                data = data[socket.send(data) :]
            except SocketError as error:
                raise self.fail(55, f"Send failure: {error.strerror}") from None
            if data:
                self._check_time()
                yield from self._wait(self.proc.now + _SECOND)
        self.progress.uploaded = len(body)

    # -- the response --------------------------------------------------------------------------------------------

    def _check_time(self) -> None:
        if not self._overdue():
            return
        ms, got = self.progress.elapsed_ms, self.progress.downloaded
        of = f" out of {self.progress.size_dl}" if self.progress.size_dl is not None else ""
        raise self.fail(28, f"Operation timed out after {ms} milliseconds with {got}{of} bytes received")

    def _receive(self, socket: TcpSocket) -> Waits:
        response = self.response
        silent = True
        while not response.done:
            try:
                data = socket.recv(_BUFFER)
            except SocketError as error:
                raise self.fail(56, f"Recv failure: {error.strerror}") from None
            if data:
                self.progress.mark("starttransfer")
                silent = False
                self._take(data)
                self.progress.update()
                continue
            if socket.eof:
                self._end(silent=silent)
                return
            self._check_time()
            yield from self._wait(self.proc.now + 3600 * _SECOND)

    def _end(self, *, silent: bool) -> None:
        """The server has closed the connection before the response was seen to be whole."""
        response = self.response
        response.keep = False
        if silent:
            raise self.fail(52, "Empty reply from server")
        if not response.in_body:
            if not response.speaks_http and not response.status:
                raise self._zero_nine()
            raise (
                self.fail(52, "Empty reply from server")
                if not response.status
                else self.fail(56, "Recv failure: Connection closed")
            )
        if response.chunked:
            raise self.fail(18, "transfer closed with outstanding read data remaining")
        if response.length is not None:
            left = response.length - response.received
            raise self.fail(18, f"transfer closed with {left} bytes remaining to read")

    def _zero_nine(self) -> Failed:
        if self.options.http09:
            raise NotModelled("a response in HTTP/0.9", "curl")
        return self.fail(1, "Received HTTP/0.9 when not allowed")

    def _take(self, data: bytes) -> None:
        response = self.response
        response.buffer += data
        while not response.in_body:
            if not response.status and response.speaks_http is False:
                raise self._zero_nine()
            line = response.take_line()
            if line is None:
                return
            self._head_line(line)
        if response.done or not response.buffer:
            return
        self._data("{", len(response.buffer))
        body = response.take_body()
        self.progress.downloaded += len(body)
        self.sink.write(body)

    def _head_line(self, line: bytes) -> None:
        """One line of the head: status, header, or the empty one."""
        response, options = self.response, self.options
        empty = not line.strip()
        if not response.status or (response.status < 200 and line.startswith(b"HTTP/")):
            if not response.begin(line):
                raise self.fail(1, "Unsupported HTTP version in response")
            if response.version == "1.0":
                self.say("HTTP 1.0, assume close after body")
        elif not empty:
            if b":" not in line:
                raise self.fail(8, "Header without colon")
            response.add_header(line)
            name, _, value = line.decode("latin-1").lower().partition(":")
            if response.version == "1.0" and name == "connection" and value.strip() == "keep-alive":
                self.say("HTTP/1.0 connection set to keep alive")
        text = line.decode("latin-1")
        self._headers("<", text)
        if options.include or options.head:
            self.sink.header(line)
        if not empty or response.status < 200:
            return
        response.end_head()
        if options.fail and response.status >= 400:
            self.progress.size_dl = response.length
            raise self.fail(22, f"The requested URL returned error: {response.status}")
        if options.location and 300 <= response.status < 400 and response.header("location"):
            raise NotModelled("following redirects (-L)", "curl")
        if not response.head and response.status not in {204, 304}:
            self.progress.size_dl = response.length


def _own_lines(headers: list[str]) -> list[str]:
    """``Curl_add_custom_headers``: ``Name:`` alone takes one out, ``Name;`` sends it empty."""
    found = []
    for header in headers:
        name, colon, value = header.partition(":")
        if name.strip().lower() == "host":
            continue
        if colon:
            if value.strip():
                found.append(header)
        elif header.endswith(";"):
            found.append(f"{header[:-1]}:")
    return found
