"""curl against the servers of containers.

What it is compared with was printed by Debian 12's curl 7.88.1 against a server that answers the same bytes.
"""

import re

import pytest

from podwire.cluster.serving.server import Port, Serving, open_ports
from podwire.errors import NotModelled
from podwire.linux.tcp import TcpSocket
from podwire.tools.curl.progress import max5data, time2str
from podwire.tools.curl.response import Response
from podwire.wire.addr import ANY4

HEAD = """\
  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed
"""
NOTHING = "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"
ASKED = "> GET / HTTP/1.1\r\n> Host: 10.0.0.2{port}\r\n> User-Agent: curl/7.88.1\r\n> Accept: */*\r\n> \r\n"


@pytest.fixture
def served(lab):
    """nginx, whoami and a server of podwire's own on ports 80, 81 and 82 of ``b``."""
    serving = Serving(lab.network, lab.b.netns, "web")
    open_ports(serving, [Port(80, image="nginx"), Port(81, image="traefik/whoami"), Port(82, image="x")])
    return lab


def answering(lab, port, data, *, close=True, reset=False, later=b""):
    """Somebody on ``port`` of ``b`` who answers the first bytes with ``data``, and a millisecond ``later`` with more."""
    socket = TcpSocket(lab.b.netns)
    socket.bind(ANY4, port)
    socket.listen(5)

    def accept():
        child = socket.accept()
        assert child is not None

        def answer():
            if not child.recv():
                return
            if data:
                child.send(data)
            if later:
                lab.network.at(lab.network.now + 1_000_000, lambda: child.send(later))
            elif reset:
                child.abort()
            elif close:
                child.close()

        child.wake = answer
        if child.readable:
            answer()

    socket.wake = accept


def test_v_tells_of_the_connection_and_of_both_heads(served):
    out, err, status = served.said("curl -sv 10.0.0.2 -o /dev/null")
    assert (out, status) == ("", 0)
    assert err == (
        "*   Trying 10.0.0.2:80...\n* Connected to 10.0.0.2 (10.0.0.2) port 80 (#0)\n"
        + ASKED.format(port="")
        + "< HTTP/1.1 200 OK\r\n< Server: nginx/1.27.2\r\n< Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n< Content-Type: text/html\r\n"
        "< Content-Length: 615\r\n< Last-Modified: Wed, 02 Oct 2024 15:13:19 GMT\r\n< Connection: keep-alive\r\n"
        '< ETag: "66fd630f-267"\r\n< Accept-Ranges: bytes\r\n< \r\n{ [615 bytes data]\n'
        "* Connection #0 to host 10.0.0.2 left intact\n"
    )


def test_whoami_tells_whom_it_sees(served):
    out, err, status = served.said("curl 10.0.0.2:81")
    assert status == 0
    assert re.fullmatch(
        "Hostname: web\nIP: 127.0.0.1\nIP: 10.0.0.2\nRemoteAddr: 10.0.0.1:[0-9]+\n"
        "GET / HTTP/1.1\r\nHost: 10.0.0.2:81\r\nUser-Agent: curl/7.88.1\r\nAccept: \\*/\\*\r\n\r\n",
        out,
    )
    assert err.startswith(HEAD + NOTHING + "\r100   143  100   143    0     0 ")
    assert err.endswith("\n")


def test_http_1_0_ends_the_connection(served):
    out, err, _ = served.said("curl -sv --http1.0 10.0.0.2:82")
    assert out == "web\n"
    assert "> GET / HTTP/1.0\r\n" in err
    assert err.endswith("< Connection: close\r\n< \r\n{ [4 bytes data]\n* Closing connection 0\n")


def test_data_headers_and_methods(served):
    out, err, _ = served.said("curl -sSv -d a=b 10.0.0.2:81")
    assert "> POST / HTTP/1.1\r\n" in err
    assert (
        "> Accept: */*\r\n> Content-Length: 3\r\n> Content-Type: application/x-www-form-urlencoded\r\n> \r\n} [3 bytes data]\n"
        in err
    )
    assert out.endswith("Content-Type: application/x-www-form-urlencoded\r\n\r\na=b")
    out, _, _ = served.said("curl -s -X PUT -H X-A:b -H Accept: -A foo -e bar -u a:b 10.0.0.2:81")
    assert out.partition("PUT")[2] == (
        " / HTTP/1.1\r\nHost: 10.0.0.2:81\r\nUser-Agent: foo\r\nAuthorization: Basic YTpi\r\nReferer: bar\r\nX-A: b\r\n\r\n"
    )
    _, err, _ = served.said("curl -sv -G -d x=y 10.0.0.2:82")
    assert "> GET /?x=y HTTP/1.1\r\n" in err


def test_the_head_alone_and_both(served):
    out, _, _ = served.said("curl -sI 10.0.0.2")
    assert out.startswith("HTTP/1.1 200 OK\r\nServer: nginx/1.27.2\r\n")
    assert out.endswith("Accept-Ranges: bytes\r\n\r\n")
    out, _, _ = served.said("curl -si 10.0.0.2/x")
    assert out.startswith("HTTP/1.1 404 Not Found\r\n")
    assert out.endswith("<hr><center>nginx/1.27.2</center>\r\n</body>\r\n</html>\r\n")


def test_a_second_url_uses_the_connection_again(served):
    out, err, _ = served.said("curl -sv 10.0.0.2:82 10.0.0.2:82")
    assert out == "web\nweb\n"
    assert err.count("Trying") == 1
    assert "* Re-using existing connection #0 with host 10.0.0.2\n" in err


def test_write_out(served):
    words = (
        "%{http_code} %{remote_ip} %{local_ip} %{size_download} %{num_connects} %{size_request} %{size_header} %{url_effective}"
        " %{content_type} %{exitcode} %{errormsg}|%{method} %{scheme} %{http_version} %{num_headers} %{foo}%%\\n"
    )
    out, err, _ = served.said(f"curl -s -o /dev/null -w '{words}' 10.0.0.2")
    assert out == "200 10.0.0.2 10.0.0.1 615 1 72 238 http://10.0.0.2/ text/html 0 |GET HTTP 1.1 8 %\n"
    assert err == "curl: unknown --write-out variable: 'foo'\n"
    out, _, status = served.said(
        "curl -s -w '%{http_code} %{exitcode} %{errormsg} %{num_connects} %{url} %{urlnum}' 10.0.0.2:99"
    )
    why = "Failed to connect to 10.0.0.2 port 99 after 0 ms: Couldn't connect to server"
    assert (out, status) == (f"000 7 {why} 0 10.0.0.2:99 0", 7)


def test_times_are_those_of_the_handshake_and_of_the_response(served):
    out, _, _ = served.said("curl -s -o /dev/null -w '%{time_connect} %{time_starttransfer} %{time_total}' 10.0.0.2")
    connect, first, total = map(float, out.split())
    assert 0 < connect < first <= total < 0.001


def test_refused(served):
    out, err, status = served.said("curl -v 10.0.0.2:99")
    why = "Failed to connect to 10.0.0.2 port 99 after 0 ms: Couldn't connect to server"
    assert (out, status) == ("", 7)
    assert err == (
        f"{HEAD}{NOTHING}*   Trying 10.0.0.2:99...\n* connect to 10.0.0.2 port 99 failed: Connection refused\n* {why}\n"
        f"{NOTHING}\n* Closing connection 0\ncurl: (7) {why}\n"
    )
    assert served.said("curl -s 10.0.0.2:99") == ("", "", 7)


def test_timeouts(served):
    _, err, status = served.said("curl -sSv --connect-timeout 1 -4 10.0.0.99")
    why = "Failed to connect to 10.0.0.99 port 80 after 1000 ms: Timeout was reached"
    assert status == 28
    assert err == (
        f"*   Trying 10.0.0.99:80...\n* ipv4 connect timeout after 1000ms, move on!\n* {why}\n* Closing connection 0\ncurl: (28) {why}\n"
    )
    _, err, status = served.said("curl -sS -m 0.5 10.0.0.98")
    assert (err, status) == ("curl: (28) Connection timed out after 500 milliseconds\n", 28)
    answering(served, 96, b"", close=False)
    _, err, status = served.said("curl -sS -m 1 10.0.0.2:96")
    assert (err, status) == ("curl: (28) Operation timed out after 1000 milliseconds with 0 bytes received\n", 28)
    answering(served, 94, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", close=False)
    out, err, status = served.said("curl -sS -m 1 10.0.0.2:94")
    assert (out, status) == ("abc", 28)
    assert err == "curl: (28) Operation timed out after 1000 milliseconds with 3 out of 100 bytes received\n"


def test_nobody_is_there(served):
    _, err, status = served.said("curl -sSv 10.0.0.7")
    assert status == 7
    assert re.search(
        r"\* connect to 10\.0\.0\.7 port 80 failed: No route to host\n.* after 30\d\d ms: Couldn't connect", err
    )
    _, err, status = served.said("curl -sSv 8.8.8.8")
    assert err.splitlines()[1] == "* Immediate connect fail for 8.8.8.8: Network is unreachable"
    _, err, status = served.said("curl -sSv nohost")
    said = "Could not resolve host: nohost"
    assert (err, status) == (f"* {said}\n* {said}\n* Closing connection 0\ncurl: (6) {said}\n", 6)


@pytest.mark.parametrize(
    ("data", "reset", "out", "err", "status"),
    [
        (b"", False, "", "curl: (52) Empty reply from server\n", 52),
        (b"", True, "", "curl: (56) Recv failure: Connection reset by peer\n", 56),
        (b"hello\n", False, "", "curl: (1) Received HTTP/0.9 when not allowed\n", 1),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
            False,
            "abc",
            "curl: (18) transfer closed with 97 bytes remaining to read\n",
            18,
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", False, "abc", "", 0),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            False,
            "abcde",
            "",
            0,
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False, "", "", 0),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", False, "ok", "", 0),
    ],
)
def test_what_servers_do(lab, data, reset, out, err, status):
    answering(lab, 90, data, reset=reset)
    assert lab.said("curl -sS 10.0.0.2:90") == (out, err, status)


def test_v_counts_the_first_bytes_of_a_body_alone(lab):
    answering(lab, 90, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc", later=b"def")
    out, err, _ = lab.said("curl -sv 10.0.0.2:90")
    assert out == "abcdef"
    assert [line for line in err.splitlines() if "data]" in line] == ["{ [3 bytes data]"]


def test_f_makes_an_error_of_a_status(served):
    assert served.said("curl -fsS 10.0.0.2/x") == ("", "curl: (22) The requested URL returned error: 404\n", 22)


def test_where_it_comes_from(served):
    out, err, _ = served.said("curl -sSv --interface 10.0.0.1 --local-port 5000 10.0.0.2:81")
    assert "RemoteAddr: 10.0.0.1:5000\n" in out
    assert err.splitlines()[1:3] == ["* Name '10.0.0.1' family 2 resolved to '10.0.0.1' family 2", "* Local port: 5000"]
    _, err, status = served.said("curl -sS --interface 9.9.9.9 10.0.0.2:81")
    assert (err, status) == ("curl: (45) bind failed with errno 99: Cannot assign requested address\n", 45)
    _, err, status = served.said("curl -sS --interface nix 10.0.0.2:81")
    assert (err, status) == ("curl: (45) Couldn't bind to 'nix'\n", 45)


def test_resolve(served):
    out, err, _ = served.said("curl -sv --resolve web:81:10.0.0.2 http://web:81/")
    assert err.startswith(
        "* Added web:81:10.0.0.2 to DNS cache\n* Hostname web was found in DNS cache\n*   Trying 10.0.0.2:81...\n"
    )
    assert "Host: web:81\r\n" in out


@pytest.mark.parametrize(
    ("line", "err", "status"),
    [
        ("curl", "curl: try 'curl --help' or 'curl --manual' for more information\n", 2),
        (
            "curl --foo",
            "curl: option --foo: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n",
            2,
        ),
        (
            "curl -m",
            "curl: option -m: requires parameter\ncurl: try 'curl --help' or 'curl --manual' for more information\n",
            2,
        ),
        ("curl -sS foo://a", 'curl: (1) Protocol "foo" not supported or disabled in libcurl\n', 1),
        ("curl -sS http://10.0.0.2:99999/", "curl: (3) URL using bad/illegal format or missing URL\n", 3),
        ("curl -sS http:///", "curl: (3) URL using bad/illegal format or missing URL\n", 3),
    ],
)
def test_wrong_use(lab, line, err, status):
    assert lab.said(line) == ("", err, status)


@pytest.mark.parametrize("words", ["https://a", "--http2 a", "-T f a", "a/{1,2}", "-x p a", "--retry 3 a"])
def test_what_is_not_modelled_says_so(lab, words):
    with pytest.raises(NotModelled):
        lab.said(f"curl {words}")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "    0"),
        (99999, "99999"),
        (100000, "  97k"),
        (10239999, "9999k"),
        (10240000, " 9.7M"),
        (104857600, " 100M"),
        (10_485_760_000, " 9.7G"),
        (107_374_182_400, " 100G"),
    ],
)
def test_sizes_in_five_columns(size, text):
    assert max5data(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "--:--:--"), (61, " 0:01:01"), (359999, "99:59:59"), (360000, "  4d 04h"), (10**9, "  11574d")],
)
def test_times_in_eight_columns(seconds, text):
    assert time2str(seconds) == text


def test_chunks_in_any_pieces():
    data = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: a\r\n\r\n"
    for size in (1, 2, 3, 7):
        response = Response(head=False)
        response.chunked = True
        found = b""
        for at in range(0, len(data), size):
            assert not response.done
            response.buffer += data[at : at + size]
            found += response.take_body()
        assert (found, response.done) == (b"abcde", True)
