"""nc: connections and datagrams between two namespaces, its texts and exit statuses.

netcat-openbsd is not on the machine that judges: texts are those of its source (1.219, as Debian patches it).
"""

import pytest

from podwire.errors import NotModelled
from podwire.tools import registry
from podwire.tools.process import Process

SECOND = 1_000_000_000


def start(lab, line, place, stdin="", terminals=frozenset()):
    """``nc`` up to its first wait."""
    process = Process(lab.network, place, line.split(), stdin=stdin, terminals=terminals)
    tool = registry.find(place.image, "nc")
    assert tool is not None
    process.start(tool)
    return process


def finish(lab, *processes, seconds=100):
    lab.network.run_until(lambda: all(process.done for process in processes), lab.network.now + seconds * SECOND)
    return [process.status for process in processes]


def test_a_line_travels_from_a_client_to_a_listener(lab):
    server = start(lab, "nc -lv 8080", lab.b)
    client = start(lab, "nc -vN 10.0.0.2 8080", lab.a, "hello\n")
    assert finish(lab, server, client) == [0, 0]
    assert server.stdout == "hello\n"
    assert server.stderr.startswith("Listening on 0.0.0.0 8080\nConnection received on 10.0.0.1 ")
    assert client.stderr == "Connection to 10.0.0.2 8080 port [tcp/http-alt] succeeded!\n"


def test_what_the_listener_says_comes_back(lab):
    server = start(lab, "nc -lN 80", lab.b, "answer\n")
    client = start(lab, "nc 10.0.0.2 80", lab.a, "question\n")
    assert finish(lab, server, client) == [0, 0]
    assert (server.stdout, client.stdout) == ("question\n", "answer\n")


def test_without_a_shutdown_a_client_waits_for_the_other_end_and_w_ends_it(lab):
    server = start(lab, "nc -l 80", lab.b)
    client = start(lab, "nc -w 3 10.0.0.2 80", lab.a, "x")
    finish(lab, client, seconds=2)
    assert not client.done
    assert finish(lab, client, server) == [0, 0]
    assert lab.network.now >= 3 * SECOND


def test_on_a_terminal_a_client_outlives_the_servers_last_word_and_a_listener_does_not(lab):
    server = start(lab, "nc -lN 80", lab.b, "bye\n")
    client = start(lab, "nc 10.0.0.2 80", lab.a, terminals=frozenset({0}))
    finish(lab, client, seconds=5)
    assert (client.stdout, client.done) == ("bye\n", False)
    client.interrupt()
    assert (client.status, finish(lab, server)) == (130, [0])
    typed = start(lab, "nc -l 80", lab.b, terminals=frozenset({0}))
    assert finish(lab, start(lab, "nc -N 10.0.0.2 80", lab.a, "x"), typed) == [0, 0]


def test_k_takes_one_client_after_the_other_until_it_is_interrupted(lab):
    server = start(lab, "nc -lk 80", lab.b)
    for word in ("one\n", "two\n"):
        finish(lab, start(lab, "nc -N 10.0.0.2 80", lab.a, word))
    assert server.stdout == "one\ntwo\n"
    server.interrupt()
    assert server.status == 130
    client = start(lab, "nc -zv 10.0.0.2 80", lab.a)
    assert finish(lab, client) == [1]
    assert client.stderr == "nc: connect to 10.0.0.2 port 80 (tcp) failed: Connection refused\n"


def test_scanning_says_of_each_port_whether_it_is_open(lab):
    server = start(lab, "nc -lk 81", lab.b)
    client = start(lab, "nc -zv 10.0.0.2 80-82", lab.a)
    assert finish(lab, client) == [0]
    assert client.stderr == (
        "nc: connect to 10.0.0.2 port 80 (tcp) failed: Connection refused\n"
        "Connection to 10.0.0.2 81 port [tcp/*] succeeded!\n"
        "nc: connect to 10.0.0.2 port 82 (tcp) failed: Connection refused\n"
    )
    server.close()


def test_nobody_answers(lab):
    client = start(lab, "nc -v -w 1 10.0.0.9 80", lab.a)
    assert finish(lab, client) == [1]
    assert client.stderr == "nc: connect to 10.0.0.9 port 80 (tcp) timed out: Operation now in progress\n"
    later = start(lab, "nc -v 10.0.0.9 80", lab.a)
    assert finish(lab, later) == [1]
    assert later.stderr == "nc: connect to 10.0.0.9 port 80 (tcp) failed: No route to host\n"
    nowhere = start(lab, "nc -v 8.8.8.8 80", lab.a)
    assert nowhere.stderr == "nc: connect to 8.8.8.8 port 80 (tcp) failed: Network is unreachable\n"


def test_datagrams_go_both_ways(lab):
    server = start(lab, "nc -luv -w 2 53", lab.b, "yes")
    client = start(lab, "nc -u -w 1 10.0.0.2 53", lab.a, "any?")
    assert finish(lab, server, client) == [0, 0]
    assert (server.stdout, client.stdout) == ("any?", "yes")
    assert server.stderr.startswith("Bound on 0.0.0.0 53\nConnection received on 10.0.0.1 ")


def test_scanning_udp_believes_a_port_that_nobody_minds(lab):
    server = start(lab, "nc -lu 53", lab.b)
    begin = lab.network.now
    client = start(lab, "nc -zuv 10.0.0.2 53", lab.a)
    assert finish(lab, client) == [0]
    assert client.stderr == "Connection to 10.0.0.2 53 port [udp/domain] succeeded!\n"
    assert (lab.network.now - begin) // SECOND == 3
    server.close()
    closed = start(lab, "nc -zuv 10.0.0.2 53", lab.a)
    assert finish(lab, closed) == [1]
    assert closed.stderr == ""


def test_a_port_of_its_own(lab):
    server = start(lab, "nc -lv 80", lab.b)
    client = start(lab, "nc -N -p 4000 -s 10.0.0.1 10.0.0.2 80", lab.a)
    finish(lab, server, client)
    assert "Connection received on 10.0.0.1 4000\n" in server.stderr
    elsewhere = start(lab, "nc -s 10.9.9.9 10.0.0.2 80", lab.a)
    assert (elsewhere.stderr, elsewhere.status) == ("nc: bind failed: Cannot assign requested address\n", 1)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nc", "usage: nc ["),
        ("nc -Y a 1", "nc: invalid option -- 'Y'\nusage: nc ["),
        ("nc host", "nc: missing port number\n"),
        ("nc -lz 80", "nc: cannot use -z and -l\n"),
        ("nc -k 10.0.0.2 80", "nc: must use -l with -k\n"),
        ("nc -w x 10.0.0.2 80", "nc: timeout invalid: x\n"),
        ("nc 10.0.0.2 70000", "nc: port number too large: 70000\n"),
        ("nc 10.0.0.2 nosuch", 'nc: service "nosuch" unknown\n'),
        ("nc nosuch 80", 'nc: getaddrinfo for host "nosuch" port 80: Temporary failure in name resolution\n'),
        ("nc -n nosuch 80", 'nc: getaddrinfo for host "nosuch" port 80: Name or service not known\n'),
    ],
)
def test_wrong_use(lab, line, text):
    out, err, status = lab.said(line)
    assert (out, status) == ("", 1)
    assert err.startswith(text)


def test_what_is_not_modelled_says_so(lab):
    with pytest.raises(NotModelled, match="option -U"):
        lab.said("nc -U /tmp/x")
    server = start(lab, "nc -lk 80", lab.b)
    with pytest.raises(NotModelled, match="SO_REUSEPORT"):
        start(lab, "nc -l 80", lab.b)
    server.close()
