"""The URLs of one call, one after the other (src/tool_operate.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podwire.errors import NotModelled
from podwire.tools.args import Exit
from podwire.tools.curl.options import Options, parse
from podwire.tools.curl.output import File, Sink, Stdout
from podwire.tools.curl.progress import Progress
from podwire.tools.curl.transfer import Failed, Link, Transfer
from podwire.tools.curl.url import BadUrl, Url, parse_url
from podwire.tools.curl.writeout import write_out
from podwire.wire.addr import Ip, inet_aton

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting


class CurlResult(msgspec.Struct):
    """What the last URL brought: status (0 where there was no response), headers, body, curl's code and text of an error."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    code: int = 0
    error: str = ""


class _Tee:
    """A sink that keeps the body for ``CurlResult``."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.typed = sink.typed
        self.body = bytearray()

    def write(self, data: bytes) -> None:
        self.body += data
        self._sink.write(data)

    def header(self, line: bytes) -> None:
        self._sink.header(line)

    def close(self) -> None:
        self._sink.close()


def curl(proc: Process) -> int | Waiting:
    """``curl [options] URL…``; leaves a ``CurlResult`` in ``proc.result``."""
    proc.result = CurlResult()
    try:
        options = parse(proc)
        addresses = _resolve_words(options)
    except Exit as exit_:
        return exit_.status
    return _Session(proc, options, addresses).run()


def _resolve_words(options: Options) -> dict[tuple[str, int], Ip]:
    """``--resolve HOST:PORT:ADDRESS``."""
    found: dict[tuple[str, int], Ip] = {}
    for word in options.resolve:
        host, port, address = [*word.split(":", 2), "", ""][:3]
        ip = inet_aton(address)
        if not host or not port.isdecimal() or ip is None or host.startswith(("-", "+", "*")):
            raise NotModelled(f"--resolve {word!r} (podwire knows HOST:PORT:ADDRESS)", "curl")
        found[host.lower(), int(port)] = ip
    return found


class _Session:
    """One call: its connections stay open from URL to URL."""

    def __init__(self, proc: Process, options: Options, addresses: dict[tuple[str, int], Ip]) -> None:
        self.proc = proc
        self.options = options
        self.addresses = addresses
        self.links: list[Link] = []
        self.connections = 0
        self.headed = False
        self.held = ""
        """What -w has said and nobody has read yet."""

    def run(self) -> Waiting:
        """The exit status is that of the last URL."""
        code = 0
        try:
            for number, text in enumerate(self.options.urls):
                code = yield from self._url(number, text)
        finally:
            for link in self.links:
                link.socket.close()
        self._flush()
        return code

    def _write(self, text: str) -> None:
        """Standard output, which C's stdio holds back: unless a terminal reads it, to the end, or up to the next body."""
        self.held += text
        if 1 in self.proc.terminals:
            self._flush()

    def _flush(self) -> None:
        if self.held:
            self.proc.write(self.held)
            self.held = ""

    def _url(self, number: int, text: str) -> Waiting:
        options, proc = self.options, self.proc
        path = options.outputs[number] if number < len(options.outputs) else None
        stdout = Stdout(proc, styled=options.styled, buffered=options.buffer)
        sink = _Tee(File(proc, path) if path is not None else stdout)
        meter = options.progress and not options.silent and not sink.typed
        try:
            url = parse_url(text, glob=not options.globoff)
        except BadUrl as error:
            if error.code == 1 and options.verbose:
                proc.error(f"* {error.text}\n* Closing connection -1\n")
            return self._over(None, sink, number, text, error.code, error.text)
        progress = Progress(proc, meter=meter, headed=self.headed)
        transfer = Transfer(proc, options, url, progress, sink, self.addresses)
        if not number:
            for (host, port), ip in self.addresses.items():
                transfer.say(f"Added {host}:{port}:{ip} to DNS cache")
        link = self._reuse(transfer, url)
        code, error_text = 0, ""
        try:
            yield from transfer.run(link, self.connections if link is None else link.number)
        except Failed as failed:
            code, error_text = failed.code, failed.text
        except OSError:
            code, error_text = 23, "Failure writing output to destination"
        finally:
            self.headed = progress.headed
            if link is None:
                self.connections += 1
        if transfer.link is not None:
            self.links.append(transfer.link)
        return self._over(transfer, sink, number, text, code, error_text)

    def _reuse(self, transfer: Transfer, url: Url) -> Link | None:
        """A connection to the same place that is still open."""
        for link in list(self.links):
            if link.key != (url.host.lower(), url.port):
                continue
            self.links.remove(link)
            if not link.socket.readable and link.socket.connected:
                return link
            transfer.say(f"Connection {link.number} seems to be dead")
            transfer.say(f"Closing connection {link.number}")
            link.socket.close()
        return None

    def _over(self, transfer: Transfer | None, sink: _Tee, number: int, text: str, code: int, error: str) -> int:
        """``post_per_transfer``: the error, the body that was held back, -w."""
        options, proc = self.options, self.proc
        if code and (not options.silent or options.show_error):
            proc.error(f"curl: ({code}) {error}\n")
        if number >= len(options.outputs) or options.outputs[number] is None:
            self._flush()
        sink.close()
        result = CurlResult(code=code, error=error, body=bytes(sink.body))
        if transfer is not None:
            result.status, result.headers = transfer.response.status, tuple(transfer.response.headers)
        proc.result = result
        if options.write_out is not None:
            variables = self._variables(transfer, number, text, code, error)
            write_out(proc, options.write_out, variables, self._write, failed=bool(code))
        return code

    def _variables(self, transfer: Transfer | None, number: int, text: str, code: int, error: str) -> dict[str, str]:
        """Every variable of -w, as text."""
        options = self.options
        response = transfer.response if transfer is not None else None
        progress = transfer.progress if transfer is not None else None
        times = progress.times if progress is not None else {}
        local = transfer.local if transfer is not None else None
        status = f"{response.status:03}" if response is not None else "000"
        path = options.outputs[number] if number < len(options.outputs) else None
        method = options.method or (
            "HEAD" if options.head else "POST" if options.data is not None and not options.get else "GET"
        )

        def time(us: int) -> str:
            return f"{us // 1_000_000}.{us % 1_000_000:06}"

        return {
            "content_type": (response.header("content-type") or "") if response is not None else "",
            "errormsg": error,
            "exitcode": str(code),
            "filename_effective": path or "",
            "ftp_entry_path": "",
            "http_code": status,
            "response_code": status,
            "http_connect": "000",
            "http_version": (response.version if response is not None else "") or "0",
            "local_ip": str(local[0]) if local is not None else "",
            "local_port": str(local[1]) if local is not None else "0",
            "method": method,
            "num_certs": "0",
            "num_connects": str(transfer.connects if transfer is not None else 0),
            "num_headers": str(len(response.headers) if response is not None else 0),
            "num_redirects": "0",
            "proxy_ssl_verify_result": "0",
            "redirect_url": "",
            "referer": options.referer or "",
            "remote_ip": str(transfer.remote) if transfer is not None and transfer.remote is not None else "",
            "remote_port": str(transfer.url.port) if transfer is not None and transfer.remote is not None else "0",
            "scheme": "HTTP" if transfer is not None and transfer.connects else "",
            "size_download": str(progress.downloaded if progress is not None else 0),
            "size_header": str(response.header_bytes if response is not None else 0),
            "size_request": str(transfer.request_size if transfer is not None else 0),
            "size_upload": str(progress.uploaded if progress is not None else 0),
            "speed_download": str(progress.speed(progress.downloaded) if progress is not None else 0),
            "speed_upload": str(progress.speed(progress.uploaded) if progress is not None else 0),
            "ssl_verify_result": "0",
            "time_appconnect": time(0),
            "time_connect": time(times.get("connect", 0)),
            "time_namelookup": time(times.get("namelookup", 0)),
            "time_pretransfer": time(times.get("pretransfer", 0)),
            "time_redirect": time(0),
            "time_starttransfer": time(times.get("starttransfer", 0)),
            "time_total": time(progress.spent if progress is not None else 0),
            "url": text,
            "url_effective": transfer.url.text if transfer is not None else text,
            "urlnum": str(number),
        }
