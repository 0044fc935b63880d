"""Exchanges over TCP that were run on a real kernel, and that the simulator runs too: the same calls on sockets of two namespaces.

``Ends`` is what both sides offer: ``a`` (10.0.0.1) and ``b`` (10.0.0.2) joined by a veth, no offloads, neighbours known; or, with a ``chain``, two
routers between them. ``record.py`` runs an exchange on this machine's kernel, ``simulated.py`` in the simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class Ends(Protocol):
    """Calls never block; what they give, errors among it, is noted."""

    def listen(self, where: str, port: int, backlog: int = 5) -> Any: ...
    def connect(self, where: str, address: str, port: int, *, sport: int = 0) -> Any: ...
    def accept(self, listener: Any) -> Any: ...
    def send(self, socket: Any, data: bytes) -> None: ...
    def recv(self, socket: Any, size: int = 1 << 20) -> None: ...
    def error(self, socket: Any) -> None: ...
    def shutdown(self, socket: Any, how: int = 1) -> None: ...
    def close(self, socket: Any) -> None: ...
    def abort(self, socket: Any) -> None: ...
    def nodelay(self, socket: Any) -> None: ...
    def keepalive(self, socket: Any) -> None: ...
    def sleep(self, seconds: float) -> None: ...
    def drop(self, where: str, *numbers: int) -> None:
        """TCP that comes in there is lost: all of it, or the segments of these numbers, counted from now on."""

    def undrop(self, where: str) -> None: ...


class Exchange(NamedTuple):
    """``run`` on ``Ends``, seen at ``tap``. ``sysctls`` are (where, key, value) under net.ipv4; with ``timed`` the times count."""

    run: Callable[[Ends], None]
    tap: str = "a:v0"
    sysctls: tuple[tuple[str, str, object], ...] = ()
    mtu: int = 1500
    chain: int = 0
    timed: bool = False


def _pair(m: Ends, port: int = 80) -> tuple[Any, Any, Any]:
    listener = m.listen("b", port)
    client = m.connect("a", "10.0.0.2", port)
    m.sleep(0.1)
    return listener, client, m.accept(listener)


def basic(m: Ends) -> None:
    _, c, s = _pair(m)
    m.send(c, b"x" * 100)
    m.sleep(0.1)
    m.recv(s)
    m.send(s, b"y" * 300)
    m.sleep(0.1)
    m.recv(c)
    m.sleep(0.1)
    m.send(c, b"x" * 100)
    m.sleep(0.2)
    m.recv(s)
    m.send(s, b"z" * 5000)
    m.sleep(0.1)
    m.recv(c)
    m.sleep(0.1)
    m.close(c)
    m.sleep(0.2)
    m.recv(s)
    m.close(s)
    m.sleep(0.1)


def refused(m: Ends) -> None:
    c = m.connect("a", "10.0.0.2", 80)
    m.sleep(0.05)
    m.error(c)
    m.close(c)


def unread_data_resets(m: Ends) -> None:
    _, c, s = _pair(m)
    m.send(s, b"hello")
    m.sleep(0.1)
    m.close(c)
    m.sleep(0.1)
    m.recv(s)
    m.send(s, b"x")
    m.close(s)


def data_for_a_closed_socket(m: Ends) -> None:
    _, c, s = _pair(m)
    m.close(s)
    m.sleep(0.1)
    m.send(c, b"hello")
    m.sleep(0.2)
    m.send(c, b"more")
    m.recv(c)
    m.close(c)
    m.sleep(0.1)


def linger_of_zero(m: Ends) -> None:
    _, c, s = _pair(m)
    m.abort(c)
    m.sleep(0.1)
    m.recv(s)
    m.recv(s)
    m.close(s)


def half_closed(m: Ends) -> None:
    _, c, s = _pair(m)
    m.send(c, b"req")
    m.shutdown(c)
    m.sleep(0.3)
    m.recv(s)
    m.recv(s)
    m.send(s, b"answer")
    m.sleep(0.2)
    m.close(s)
    m.sleep(0.3)
    m.recv(c)
    m.recv(c)
    m.close(c)
    m.sleep(0.2)


def both_close(m: Ends) -> None:
    _, c, s = _pair(m)
    m.close(c)
    m.close(s)
    m.sleep(0.3)


def nobody_accepts(m: Ends) -> None:
    listener = m.listen("b", 80)
    c = m.connect("a", "10.0.0.2", 80)
    m.sleep(0.1)
    m.send(c, b"unread")
    m.sleep(0.1)
    m.close(listener)
    m.sleep(0.1)
    m.recv(c)
    m.close(c)


def more_than_a_window(m: Ends) -> None:
    _, c, s = _pair(m)
    m.send(c, b"x" * 20000)
    m.sleep(0.3)
    m.recv(s)
    m.sleep(0.2)
    m.send(c, b"x" * 30000)
    m.sleep(0.3)
    m.recv(s, 1000)
    m.sleep(0.1)
    m.recv(s)
    m.sleep(0.1)
    m.close(c)
    m.close(s)
    m.sleep(0.2)


def both_talk(m: Ends) -> None:
    _, c, s = _pair(m)
    for _ in range(3):
        m.send(c, b"x" * 3000)
        m.send(s, b"y" * 4000)
        m.sleep(0.3)
        m.recv(c)
        m.recv(s)
        m.sleep(0.1)
    m.shutdown(c)
    m.sleep(0.1)
    m.send(s, b"z" * 2000)
    m.sleep(0.1)
    m.close(s)
    m.sleep(0.1)
    m.recv(c)
    m.recv(c)
    m.close(c)
    m.sleep(0.1)


def small_reads(m: Ends) -> None:
    _, c, s = _pair(m)
    for _ in range(8):
        m.send(c, b"x" * 700)
        m.sleep(0.06)
        m.recv(s, 500)
    m.sleep(0.3)
    m.recv(s)
    m.send(s, b"k")
    m.sleep(0.3)
    m.recv(c)
    m.close(s)
    m.sleep(0.1)
    m.recv(c)
    m.close(c)
    m.sleep(0.1)


def small_writes(m: Ends) -> None:
    _, c, s = _pair(m)
    for _ in range(40):
        m.send(c, b"x" * 10)
        m.sleep(0.005)
        m.recv(s)
    m.close(s)
    m.sleep(0.1)
    m.recv(c)
    m.close(c)
    m.sleep(0.1)


def stream(m: Ends) -> None:
    _, c, s = _pair(m)
    for _ in range(12):
        m.send(c, b"x" * 14480)
        m.sleep(0.06)
        m.recv(s)
        m.sleep(0.06)
    m.close(c)
    m.sleep(0.1)
    m.recv(s)
    m.close(s)
    m.sleep(0.1)


def nagle(m: Ends) -> None:
    _, c, s = _pair(m)
    m.drop("b")
    for _ in range(5):
        m.send(c, b"x" * 10)
    m.undrop("b")
    m.sleep(0.7)
    m.nodelay(c)
    m.drop("b")
    for _ in range(5):
        m.send(c, b"x" * 10)
    m.undrop("b")
    m.sleep(1)
    m.recv(s)
    m.close(s)
    m.close(c)
    m.sleep(0.2)


def blackhole(m: Ends) -> None:
    _, c, s = _pair(m)
    m.send(c, b"x" * 10)
    m.sleep(0.1)
    m.recv(s)
    m.drop("b")
    m.send(c, b"y" * 10)
    m.sleep(8)
    m.undrop("b")
    m.sleep(8)
    m.recv(s)
    m.sleep(0.2)
    m.close(c)
    m.close(s)
    m.sleep(0.2)


def lost_syns(m: Ends) -> None:
    listener = m.listen("b", 80)
    m.drop("b")
    c = m.connect("a", "10.0.0.2", 80)
    m.sleep(3.5)
    m.undrop("b")
    m.sleep(1.1)
    s = m.accept(listener)
    m.send(c, b"x" * 100)
    m.sleep(0.1)
    m.recv(s)
    m.send(s, b"x" * 3000)
    m.sleep(0.2)
    m.close(c)
    m.close(s)
    m.sleep(0.1)


def lost_synacks(m: Ends) -> None:
    listener = m.listen("b", 80)
    m.drop("a")
    c = m.connect("a", "10.0.0.2", 80)
    m.sleep(3.5)
    m.undrop("a")
    m.sleep(1.1)
    s = m.accept(listener)
    m.send(c, b"x" * 100)
    m.sleep(0.1)
    m.recv(s)
    m.close(c)
    m.close(s)
    m.sleep(0.1)


def syn_retries(m: Ends) -> None:
    m.drop("b")
    c = m.connect("a", "10.0.0.2", 80)
    m.sleep(8)
    m.error(c)


def few_retries(m: Ends) -> None:
    _, c, s = _pair(m)
    m.drop("b")
    m.send(c, b"x" * 10)
    m.sleep(8)
    m.recv(c)
    m.error(c)
    m.send(c, b"x")
    m.close(c)
    m.undrop("b")
    m.send(s, b"still there")
    m.sleep(0.1)
    m.recv(s)
    m.send(s, b"x")


def backlog_is_full(m: Ends) -> None:
    listener = m.listen("b", 80, 1)
    m.connect("a", "10.0.0.2", 80)
    m.connect("a", "10.0.0.2", 80)
    m.sleep(0.1)
    third = m.connect("a", "10.0.0.2", 80)
    m.sleep(2.5)
    m.accept(listener)
    m.sleep(4)
    m.accept(listener)
    m.accept(listener)
    m.sleep(0.1)
    m.send(third, b"hi")
    m.sleep(0.2)


def keepalive(m: Ends) -> None:
    _, c, s = _pair(m)
    m.keepalive(c)
    m.sleep(5)
    m.drop("b")
    m.sleep(12)
    m.recv(c)
    m.close(s)
    m.sleep(0.1)


def orphan(m: Ends) -> None:
    _, c, s = _pair(m)
    m.close(c)
    m.sleep(6)
    m.send(s, b"late")
    m.sleep(0.3)
    m.send(s, b"late")
    m.recv(s)
    m.close(s)


def last_ack(m: Ends) -> None:
    _, c, s = _pair(m)
    m.close(c)
    m.sleep(0.1)
    m.recv(s)
    m.drop("a")
    m.close(s)
    m.sleep(2)
    m.undrop("a")
    m.sleep(3)


def fin_wait_1(m: Ends) -> None:
    _, c, s = _pair(m)
    m.drop("b")
    m.send(c, b"x" * 10)
    m.close(c)
    m.sleep(2)
    m.undrop("b")
    m.sleep(3)
    m.recv(s)
    m.recv(s)
    m.close(s)
    m.sleep(0.2)


def time_wait_is_taken_over(m: Ends) -> None:
    listener = m.listen("b", 80)
    for last in (False, True):
        c = m.connect("a", "10.0.0.2", 80, sport=4000)
        m.sleep(0.1)
        s = m.accept(listener)
        m.send(c, b"again")
        m.sleep(0.1)
        m.recv(s)
        m.close(s if not last else c)
        m.sleep(0.1)
        m.recv(c if not last else s)
        m.close(c if not last else s)
        m.sleep(1.2)
    m.connect("a", "10.0.0.2", 80, sport=4000)
    m.sleep(0.1)


def to_itself(m: Ends) -> None:
    listener = m.listen("a", 80)
    c = m.connect("a", "10.0.0.1", 80)
    m.sleep(0.1)
    s = m.accept(listener)
    m.send(c, b"x" * 100000)
    m.sleep(0.1)
    m.recv(s)
    m.sleep(0.1)
    m.close(s)
    m.sleep(0.1)
    m.recv(c)
    m.recv(c)
    m.close(c)
    m.sleep(0.1)
    c = m.connect("a", "127.0.0.1", 81)
    m.sleep(0.1)
    m.error(c)


def half_open_answer(m: Ends) -> None:
    _, c, s = _pair(m)
    m.shutdown(s, 1)
    m.sleep(0.1)
    m.send(c, b"abc")
    m.sleep(0.1)
    m.recv(s)
    m.send(s, b"x")
    m.close(c)
    m.sleep(0.2)
    m.recv(s)
    m.recv(s)
    m.close(s)
    m.sleep(0.1)


def no_neighbour(m: Ends) -> None:
    c = m.connect("a", "10.0.0.9", 80)
    m.sleep(2.5)
    m.error(c)
    m.sleep(1.5)
    m.error(c)
    m.close(c)
    m.connect("a", "10.77.0.9", 80)
    m.connect("a", "255.255.255.255", 80)
    m.connect("a", "224.0.0.1", 80)
    c = m.connect("a", "10.0.0.2", 80)
    m.recv(c)
    m.send(c, b"x")
    m.sleep(0.1)
    m.shutdown(c)


def through_routers(m: Ends) -> None:
    for address in ("10.0.2.2", "10.0.1.9", "10.9.1.9"):
        c = m.connect("a", address, 81)
        m.sleep(4)
        m.error(c)


def _losing(where: str, *numbers: int, length: int = 20000) -> Callable[[Ends], None]:
    def losing(m: Ends) -> None:
        _, c, s = _pair(m)
        m.drop(where, *numbers)
        m.send(c, b"x" * length)
        m.sleep(2)
        m.recv(s)
        m.sleep(0.2)
        m.close(c)
        m.sleep(0.1)
        m.recv(s)
        m.close(s)
        m.sleep(0.5)

    return losing


EXCHANGES = {
    "basic": Exchange(basic),
    "mtu": Exchange(basic, mtu=1450),
    "without-timestamps": Exchange(basic, sysctls=(("b", "tcp_timestamps", 0),)),
    "without-sack-and-scaling": Exchange(basic, sysctls=(("a", "tcp_sack", 0), ("a", "tcp_window_scaling", 0))),
    "refused": Exchange(refused),
    "unread-data-resets": Exchange(unread_data_resets),
    "data-for-a-closed-socket": Exchange(data_for_a_closed_socket),
    "linger-of-zero": Exchange(linger_of_zero),
    "half-closed": Exchange(half_closed),
    "half-open-answer": Exchange(half_open_answer),
    "both-close": Exchange(both_close),
    "nobody-accepts": Exchange(nobody_accepts),
    "more-than-a-window": Exchange(more_than_a_window),
    "both-talk": Exchange(both_talk),
    "small-reads": Exchange(small_reads),
    "small-writes": Exchange(small_writes),
    "stream": Exchange(stream),
    "nagle": Exchange(nagle),
    "blackhole": Exchange(blackhole, timed=True),
    "lost-syns": Exchange(lost_syns, timed=True),
    "lost-synacks": Exchange(lost_synacks, timed=True),
    "syn-retries": Exchange(
        syn_retries, sysctls=(("a", "tcp_syn_retries", 2), ("a", "tcp_syn_linear_timeouts", 0)), timed=True
    ),
    "few-retries": Exchange(few_retries, sysctls=(("a", "tcp_retries2", 3),), timed=True),
    "backlog-is-full": Exchange(backlog_is_full, timed=True),
    "keepalive": Exchange(
        keepalive,
        sysctls=(("a", "tcp_keepalive_time", 2), ("a", "tcp_keepalive_intvl", 1), ("a", "tcp_keepalive_probes", 3)),
        timed=True,
    ),
    "orphan": Exchange(orphan, sysctls=(("a", "tcp_fin_timeout", 4),), timed=True),
    "last-ack": Exchange(last_ack, timed=True),
    "fin-wait-1": Exchange(fin_wait_1, timed=True),
    "time-wait-is-taken-over": Exchange(time_wait_is_taken_over),
    "to-itself": Exchange(to_itself, tap="a:lo"),
    "no-neighbour": Exchange(no_neighbour),
    "through-routers": Exchange(through_routers, chain=1300, timed=True),
    "loses-3": Exchange(_losing("b", 3)),
    "loses-2-5": Exchange(_losing("b", 2, 5)),
    "loses-the-last": Exchange(_losing("b", 13)),
    "loses-the-last-five": Exchange(_losing("b", 9, 10, 11, 12, 13)),
    "loses-4-to-6": Exchange(_losing("b", 4, 5, 6)),
    "loses-acks": Exchange(_losing("a", 3, 13)),
    "loses-the-only-one": Exchange(_losing("b", 0, length=100)),
    "loses-the-only-one-twice": Exchange(_losing("b", 0, 1, length=100)),
    "loses-the-fin": Exchange(_losing("b", 1, length=100)),
    "loses-the-ack-of-the-fin": Exchange(_losing("a", 1, 2, length=100)),
}
