"""Runs the exchanges on this machine's kernel and keeps what it did: ``unshare -nm python -m tests.linux.tcp.record [NAME …]``, as root.

Everything happens in network namespaces of its own. ``gso_max_segs 1`` makes every segment a packet of its own, as in the simulator; the congestion control is Reno,
which opens its window as the simulator does.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from podwire.wire.codec import from_bytes
from podwire.wire.headers import Ethernet
from podwire.wire.packet import Packet
from tests.linux.tcp.exchanges import EXCHANGES, Exchange
from tests.linux.tcp.notation import notation

RECORDED = Path(__file__).with_name("recorded")
_CLONE_NEWNET = 0x40000000
_EINPROGRESS = 115
_LIBC = ctypes.CDLL(None, use_errno=True)


def _run(command: str, *, check: bool = True) -> None:
    subprocess.run(command, shell=True, check=check, capture_output=True)


def _enter(fd: int) -> None:
    if _LIBC.setns(fd, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class RealEnds:
    """Sockets of this process in namespaces of the kernel."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.notes: list[str] = []
        self._kept: list[socket.socket] = []
        self._capture = Path("/run") / "capture.pcap"
        names = "arqb" if exchange.chain else "ab"
        for name in names:
            _run(f"ip netns add {name}; ip -n {name} link set lo up; ip -n {name} link set lo gso_max_segs 1")
            _run(
                f"ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
            )
            _run(f"ip netns exec {name} sysctl -qw net.ipv4.tcp_congestion_control=reno")
            _run(f"ip netns exec {name} ethtool -K lo tso off gso off gro off tx off", check=False)
        if exchange.chain:
            self._chain(exchange.chain)
        else:
            self._veth("a", "v0", "b", "v1", exchange.mtu, ("02:00:00:00:00:0a", "02:00:00:00:00:0b"))
            _run("ip -n a addr add 10.0.0.1/24 dev v0; ip -n b addr add 10.0.0.2/24 dev v1")
            _run("ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:0b dev v0")
            _run("ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:0a dev v1")
        for where, key, value in exchange.sysctls:
            _run(f"ip netns exec {where} sysctl -qw net.ipv4.{key}={value}")
        netns, _, dev = exchange.tap.partition(":")
        command = f"exec ip netns exec {netns} tcpdump -i {dev} --immediate-mode -U -s0 -w {self._capture} 2>/dev/null"
        self._tcpdump = subprocess.Popen(command, shell=True)
        time.sleep(0.7)

    def _veth(self, left: str, dev: str, right: str, far: str, mtu: int, macs: tuple[str, str] = ("", "")) -> None:
        near_mac, far_mac = (f"address {mac}" if mac else "" for mac in macs)
        _run(
            f"ip -n {left} link add {dev} {near_mac} mtu {mtu} type veth peer name {far} {far_mac} mtu {mtu} netns {right}"
        )
        for name, link in ((left, dev), (right, far)):
            _run(f"ip netns exec {name} ethtool -K {link} tso off gso off gro off tx off rx off", check=False)
            _run(f"ip -n {name} link set {link} gso_max_segs 1 mtu {mtu}; ip -n {name} link set {link} up")

    def _chain(self, mtu: int) -> None:
        self._veth("a", "v0", "r", "e1", 1500)
        self._veth("r", "e2", "q", "e1", mtu)
        self._veth("q", "e2", "b", "v1", 1500)
        for where, address in (
            ("a v0", "10.0.0.1"),
            ("r e1", "10.0.0.3"),
            ("r e2", "10.0.1.1"),
            ("q e1", "10.0.1.2"),
            ("q e2", "10.0.2.1"),
            ("b v1", "10.0.2.2"),
        ):
            name, dev = where.split()
            _run(
                f"ip -n {name} addr add {address}/24 dev {dev}; ip netns exec {name} sysctl -qw net.ipv4.ip_forward={int(name in 'rq')}"
            )
        _run("ip -n a route add default via 10.0.0.3; ip -n r route add 10.0.2.0/24 via 10.0.1.2")
        _run("ip -n q route add 10.0.0.0/24 via 10.0.1.1; ip -n b route add default via 10.0.2.1")
        _run("ip netns exec a ping -c1 10.0.2.2")

    def _socket(self, where: str) -> socket.socket:
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{where}", os.O_RDONLY)
        _enter(there)
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        _enter(here)
        os.close(here)
        os.close(there)
        made.setblocking(False)
        self._kept.append(made)
        return made

    def listen(self, where, port, backlog=5):
        made = self._socket(where)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("0.0.0.0", port))
        made.listen(backlog)
        return made

    def connect(self, where, address, port, *, sport=0):
        made = self._socket(where)
        if sport:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("0.0.0.0", sport))
        errno = made.connect_ex((address, port))
        if errno and errno != _EINPROGRESS:
            self.notes.append(f"connect errno {errno}")
        return made

    def accept(self, listener):
        try:
            made, _ = listener.accept()
        except OSError as error:
            self.notes.append(f"accept errno {error.errno}")
            return None
        made.setblocking(False)
        self._kept.append(made)
        return made

    def send(self, sock, data):
        try:
            self.notes.append(f"sent {sock.send(data)}")
        except OSError as error:
            self.notes.append(f"send errno {error.errno}")

    def recv(self, sock, size=1 << 20):
        try:
            self.notes.append(f"received {len(sock.recv(size))}")
        except OSError as error:
            self.notes.append(f"recv errno {error.errno}")

    def error(self, sock):
        self.notes.append(f"SO_ERROR {sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)}")

    def shutdown(self, sock, how=1):
        try:
            sock.shutdown(how)
        except OSError as error:
            self.notes.append(f"shutdown errno {error.errno}")

    def close(self, sock):
        sock.close()

    def abort(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def nodelay(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def keepalive(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def sleep(self, seconds):
        time.sleep(seconds)

    def drop(self, where, *numbers):
        rule = f"ip netns exec {where} iptables -A INPUT -p tcp"
        if not numbers:
            _run(f"{rule} -j DROP")
        for before, number in enumerate(sorted(numbers)):
            # A rule does not count what those before it have dropped.
            _run(f"{rule} -m statistic --mode nth --every 100000 --packet {number - before} -j DROP")

    def undrop(self, where):
        _run(f"ip netns exec {where} iptables -F INPUT")

    def finish(self) -> list[str]:
        """As that of the simulated ends."""
        time.sleep(0.3)
        self._tcpdump.terminate()
        self._tcpdump.wait()
        lines = notation(_frames(self._capture.read_bytes()), timed=self.exchange.timed)
        for sock in self._kept:
            sock.close()
        for name in "arqb" if self.exchange.chain else "ab":
            _run(f"ip netns del {name}")
        return [*lines, *self.notes]


def _frames(data: bytes) -> list[tuple[float, Packet]]:
    frames = []
    at = 24
    while at < len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        at += 16
        frames.append((seconds + micros / 1e6, from_bytes(data[at : at + length], Ethernet)))
        at += length
    return frames


def main(names: list[str]) -> None:
    """Record the exchanges of these names, all without names."""
    _run("mount -t tmpfs none /run; mkdir /run/netns")
    for name in names or EXCHANGES:
        ends = RealEnds(EXCHANGES[name])
        EXCHANGES[name].run(ends)
        (RECORDED / f"{name}.txt").write_text("\n".join(ends.finish()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
