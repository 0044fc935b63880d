"""The texts are those of ss (iproute2 6.1.0) on Linux 6.18, of the same sockets; the kernel lists them in the order of a hash, podwire in that of their age."""

import pytest

from podwire.errors import NotModelled
from podwire.linux.socket import UdpSocket
from podwire.linux.tcp import TcpSocket
from podwire.linux.tcp.keepalive import set_keepalive
from podwire.wire.addr import ANY4, Ip4
from tests.linux.tcp.simulated import accepted

A, B = Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2")


class Server:
    """``b`` listens on 80 and 8080, has a DNS socket and a connected UDP socket; four clients of ``a``, each in another state."""

    def __init__(self, lab):
        self.lab = lab
        self.a, self.b = lab.a.netns, lab.b.netns
        self.listener = TcpSocket(self.b)
        self.listener.bind(ANY4, 80)
        self.listener.listen(5)
        self.listener.user = ("python3", 748, 4)
        other = TcpSocket(self.b)
        other.bind(B, 8080)
        other.listen(200)
        other.user = ("python3", 748, 5)
        self.dns = UdpSocket(self.b, 53, lambda: None)
        self.dns.user = ("python3", 748, 6)
        connected = UdpSocket(self.b, 44910, lambda: None)
        connected.source, connected.remote = B, (A, 9999)
        self.open = self.client(40000)
        self.server = accepted(self.listener)
        self.server.user = ("python3", 748, 3)
        self.client(40002).close()
        self.half = accepted(self.listener)
        self.half.user = ("python3", 748, 9)
        third = self.client(40004)
        accepted(self.listener).close()
        third.close()
        self.client(40006)
        self.server.send(b"hello")
        self.sleep(0.05)

    def sleep(self, seconds):
        self.lab.network.sleep(round(seconds * 1e9))

    def client(self, port):
        socket = TcpSocket(self.a)
        socket.bind(ANY4, port)
        socket.connect(B, 80)
        self.sleep(0.05)
        return socket

    def says(self, line, where="b"):
        out, err, status = self.lab.said(line, self.lab.b if where == "b" else self.lab.a)
        assert not err
        assert status == 0
        return out


@pytest.fixture
def server(lab):
    return Server(lab)


LISTEN = """\
State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess                          
LISTEN 1      5            0.0.0.0:80        0.0.0.0:*    users:(("python3",pid=748,fd=4))
LISTEN 0      200         10.0.0.2:8080      0.0.0.0:*    users:(("python3",pid=748,fd=5))
"""  # noqa: W291 - the blanks are those of ss
ALL = """\
State      Recv-Q Send-Q Local Address:Port Peer Address:Port Process
LISTEN     1      5            0.0.0.0:80        0.0.0.0:*           
LISTEN     0      200         10.0.0.2:8080      0.0.0.0:*           
ESTAB      0      0           10.0.0.2:80       10.0.0.1:40000       
CLOSE-WAIT 1      0           10.0.0.2:80       10.0.0.1:40002       
ESTAB      0      0           10.0.0.2:80       10.0.0.1:40006       
TIME-WAIT  0      0           10.0.0.2:80       10.0.0.1:40004       
"""  # noqa: W291 - the blanks are those of ss
NO_HEADER = """\
LISTEN     1      5       0.0.0.0:80    0.0.0.0:*    
LISTEN     0      200    10.0.0.2:8080  0.0.0.0:*    
ESTAB      0      0      10.0.0.2:80   10.0.0.1:40000
CLOSE-WAIT 1      0      10.0.0.2:80   10.0.0.1:40002
ESTAB      0      0      10.0.0.2:80   10.0.0.1:40006
TIME-WAIT  0      0      10.0.0.2:80   10.0.0.1:40004
"""  # noqa: W291 - the blanks are those of ss
NAMES = """\
State      Recv-Q Send-Q Local Address:Port     Peer Address:Port Process
LISTEN     1      5            0.0.0.0:http          0.0.0.0:*           
LISTEN     0      200         10.0.0.2:http-alt      0.0.0.0:*           
ESTAB      0      0           10.0.0.2:http         10.0.0.1:40000       
CLOSE-WAIT 1      0           10.0.0.2:http         10.0.0.1:40002       
ESTAB      0      0           10.0.0.2:http         10.0.0.1:40006       
TIME-WAIT  0      0           10.0.0.2:http         10.0.0.1:40004       
"""  # noqa: W291 - the blanks are those of ss
BOTH = """\
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess                          
udp   UNCONN 0      0            0.0.0.0:53        0.0.0.0:*    users:(("python3",pid=748,fd=6))
tcp   LISTEN 1      5            0.0.0.0:80        0.0.0.0:*    users:(("python3",pid=748,fd=4))
tcp   LISTEN 0      200         10.0.0.2:8080      0.0.0.0:*    users:(("python3",pid=748,fd=5))
"""  # noqa: W291 - the blanks are those of ss
UDP = """\
State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
UNCONN 0      0            0.0.0.0:53         0.0.0.0:*          
ESTAB  0      0           10.0.0.2:44910     10.0.0.1:9999       
"""  # noqa: W291 - the blanks are those of ss
CONNECTED = """\
Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
0      0           10.0.0.2:44910     10.0.0.1:9999       
"""  # noqa: W291 - the blanks are those of ss
ESTABLISHED = """\
Recv-Q Send-Q Local Address:Port Peer Address:Port Process
0      0           10.0.0.2:80       10.0.0.1:40000       
0      0           10.0.0.2:80       10.0.0.1:40006       
"""  # noqa: W291 - the blanks are those of ss
NOTHING = "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
TIMERS = """\
State    Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess            
SYN-SENT 0      1           10.0.0.1:40008     10.0.0.2:82   timer:(on,952ms,0)
ESTAB    0      0           10.0.0.1:40010     10.0.0.2:80   timer:(keepalive,119min,0)
"""  # noqa: W291 - the blanks are those of ss


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("ss -tnlp", LISTEN),
        ("ss -tlnp4", LISTEN),
        ("ss --tcp --numeric --all", ALL),
        ("ss -tan state all", ALL),
        ("ss -tanH", NO_HEADER),
        ("ss -at", NAMES),
        ("ss -tunlp", BOTH),
        ("ss -A tcp,udp -nlp", BOTH),
        ("ss -una", UDP),
        ("ss -un", CONNECTED),
        ("ss -tn state established", ESTABLISHED),
        ("ss -tan6", NOTHING),
        ("ss -tan dport = :80", NOTHING),
    ],
)
def test_sockets_are_listed_as_ss_does(server, line, text):
    assert server.says(line) == text


def _ports(text):
    return {int(line.split()[-1].rpartition(":")[2]) for line in text.splitlines()[1:] if ":" in line.split()[-1]}


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        ("state connected", {40000, 40002, 40004, 40006}),
        ("state big sport = :80 dst 10.0.0.1", {40000, 40002, 40006}),
        ("state bucket", {40004}),
        ("state close-wait", {40002}),
        ("exclude listening", {40000, 40002, 40004, 40006}),
        ("dport = :40002", {40002}),
        ("'dport > 40002'", {40004, 40006}),
        ("dport ge 40004", {40004, 40006}),
        ("'( dport = :40002 or dport = :40006 )'", {40002, 40006}),
        ("'dport = :40002 or dport = :40006 and sport = :81'", {40002}),
        ("not dport 40002 and dst 10.0.0.0/24", {40000, 40004, 40006}),
        ("dst 10.0.0.1:40000", {40000}),
        ("state established dst != 10.0.0.1 sport = :http", set()),
        ("10.0.0.1", {40000, 40002, 40004, 40006}),
    ],
)
def test_states_and_expressions_choose(server, words, ports):
    assert _ports(server.says(f"ss -tan {words}")) == ports


def test_timers_are_shown_with_o(server):
    lab = server.lab
    for socket in list(server.a.sockets.tcp.established.values()):
        server.a.sockets.tcp.unhash(socket)
    for left in list(server.a.sockets.tcp.timewait.values()):
        left.kill()
    lab.setup("ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0")
    server.b.sockets.tcp.requests.clear()
    lab.setup("ip -n b link set v1 down")
    lab.setup("ip -n b link set v1 up")
    waiting = TcpSocket(server.a)
    waiting.bind(ANY4, 40008)
    lab.setup("ip -n b addr del 10.0.0.2/24 dev v1")
    waiting.connect(B, 82)
    lab.setup("ip -n b addr add 10.0.0.2/24 brd + dev v1")
    other = TcpSocket(server.a)
    other.bind(ANY4, 40010)
    other.connect(B, 80)
    set_keepalive(other.sk, on=True)
    server.sleep(0.048)
    text = server.says("ss -tno", "a")
    assert text.splitlines()[0] == TIMERS.splitlines()[0]
    assert [line.split("timer:(")[0] for line in text.splitlines()] == [
        line.split("timer:(")[0] for line in TIMERS.splitlines()
    ]
    assert "timer:(on,9" in text
    assert "timer:(keepalive,119min,0)" in text


def test_a_connection_in_time_wait_counts_down(server):
    assert "timer:(timewait,59sec,0)" in server.says("ss -tano")
    server.sleep(30)
    assert "timer:(timewait,29" in server.says("ss -tano")
    server.sleep(40)
    assert "TIME-WAIT" not in server.says("ss -tan")


def test_an_empty_table_has_a_header(lab):
    assert lab.said("ss -tan") == (NOTHING, "", 0)
    assert lab.said("ss -tanH") == ("", "", 0)


@pytest.mark.parametrize(
    ("line", "error", "status"),
    [
        ("ss -tan state foo", "ss: wrong state name: foo\n", 255),
        ("ss -tan state", 'Command line is not complete. Try option "help"\n', 255),
        ("ss -tn foo", 'Error: an inet prefix is expected rather than "foo".\nCannot parse dst/src address.\n', 1),
        ("ss -tn dport = :foo", 'Error: "foo" does not look like a port.\nCannot parse dst/src address.\n', 1),
    ],
)
def test_errors_are_those_of_ss(lab, line, error, status):
    assert lab.said(line) == ("", error, status)


def test_unknown_options_and_bad_expressions_show_the_usage(lab):
    out, err, status = lab.said("ss --foo")
    assert err.startswith("ss: unrecognized option '--foo'\nUsage: ss [ OPTIONS ]\n")
    assert (out, status) == ("", 255)
    out, err, status = lab.said("ss -tn sport")
    assert err.startswith('ss: bison bellows (while parsing filter): "syntax error!" Sorry.\nUsage: ss')
    assert (out, status) == ("", 255)
    assert lab.said("ss -h")[0].startswith("Usage: ss [ OPTIONS ]\n")
    assert lab.said("ss -V") == ("ss utility, iproute2-6.1.0\n", "", 0)


@pytest.mark.parametrize(
    "line", ["ss", "ss -tni", "ss -x", "ss -s", "ss -w", "ss -tnm", "ss -tn dev = v0", "ss -A raw", "ss -f link"]
)
def test_what_is_not_modelled_says_so(lab, line):
    with pytest.raises(NotModelled, match="ss"):
        lab.said(line)
