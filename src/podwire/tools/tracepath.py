"""``tracepath`` of iputils 20221126, IPv4: the hops of a path and what it passes, by UDP to closed ports (tracepath.c).

Every packet is as long as the path is thought to take, with DF and a TTL that rises; what comes back are ICMP errors, which the
socket's error queue (IP_RECVERR) hands over.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Generator
from errno import EACCES, ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, EPROTO
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from podwire.errors import NotModelled
from podwire.linux.machine import NSEC
from podwire.linux.sockerr import IcmpErrorReport
from podwire.linux.socket import PMTUDISC_DO, SocketError, UdpSocket
from podwire.tools.args import (
    INT_MAX,
    BadOption,
    Exit,
    Getopt,
    fail,
    has_nameserver,
    number,
    warn,
)
from podwire.tools.resolving.asking import ask_pointer, begin_with_names, known, name_of, why_not
from podwire.wire import dns
from podwire.wire.addr import Ip, Ip4, inet_aton
from podwire.wire.headers import ICMP_EXC_TTL, ICMP_TIME_EXCEEDED, Udp

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_USAGE: Final = """
Usage
  tracepath [options] <destination>

Options:
  -4             use IPv4
  -6             use IPv6
  -b             print both name and ip
  -l <length>    use packet <length>
  -m <hops>      use maximum <hops>
  -n             no dns name resolution
  -p <port>      use destination <port>
  -V             print version and exit
  <destination>  dns name or ip address

For more details see tracepath(8).
"""
_VERSION: Final = """\
tracepath from iputils 20221126
libcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes
"""
_OVERHEAD: Final = 28
_DEFAULT_MTU: Final = 65535
_BASE_PORT: Final = 44444
_MAX_PROBES: Final = 10
_HISTORY: Final = 64
_COLUMN: Final = 52
_USAGE_STATUS: Final = 255
_PROBE: Final = struct.Struct("<I4xqq")
"""``struct probehdr``: TTL and time of sending, at the head of the data."""
_WORDS: Final = {EPROTO: "!P", ENETUNREACH: "!N", EACCES: "!A"}

Answer = Generator["int | None", None, int]


class _Options(msgspec.Struct):
    numeric: bool = False
    both: bool = False
    family: str = ""
    mtu: int = 0
    hops: int = 30
    port: int = 0


class _TooLong(msgspec.Struct, frozen=True):
    """The entry that ``ip_local_error`` puts into the queue: what would fit."""

    mtu: int


def tracepath(proc: Process) -> int | Waiting:
    """``tracepath [options] DESTINATION``."""
    return begin_with_names(proc, _begin)


def _begin(proc: Process) -> int | Waiting:
    try:
        options, word = _parse(proc)
        target = _target(proc, options, word)
        mtu = options.mtu or _DEFAULT_MTU
        if mtu <= _OVERHEAD:
            fail(proc, 1, f"pktlen must be within: {_OVERHEAD} < value <= {INT_MAX}")
        return _Trace(proc, options, target, mtu).run()
    except Exit as exit_:
        return exit_.status


def _parse(proc: Process) -> tuple[_Options, str]:
    options = _Options()
    reader = Getopt(proc, "46nbh?l:m:p:V")
    try:
        for letter, argument in reader:
            _option(proc, options, letter, argument)
    except BadOption:
        _usage(proc)
    if len(reader.operands) != 1:
        _usage(proc)
    return options, reader.operands[0]


def _usage(proc: Process) -> NoReturn:
    proc.error(_USAGE)
    raise Exit(_USAGE_STATUS)


def _option(proc: Process, options: _Options, letter: str, argument: str) -> None:
    match letter:
        case "4" | "6":
            if options.family not in {"", letter}:
                fail(proc, 2, "Only one -4 or -6 option may be specified")
            options.family = letter
        case "n":
            options.numeric = True
        case "b":
            options.both = True
        case "l":
            options.mtu = number(proc, argument, 0, INT_MAX)
        case "m":
            options.hops = number(proc, argument, 0, 255)
        case "p":
            options.port = number(proc, argument, 0, 0xFFFF)
        case "V":
            proc.write(_VERSION)
            raise Exit(0)
        case _:
            _usage(proc)


def _target(proc: Process, options: _Options, word: str) -> Ip4:
    if not options.port:
        word, slash, port = word.partition("/")
        options.port = number(proc, port, 0, 0xFFFF) if slash else _BASE_PORT
    found: Ip | None = inet_aton(word)
    if found is not None and options.family == "6":
        fail(proc, 1, f"{word}: Address family for hostname not supported")
    if options.family == "6":
        raise NotModelled("option -6", "tracepath")
    if found is None:
        asked = known(proc, word, (dns.A,) if options.family == "4" else (dns.A, dns.AAAA))
        found = asked.ip4 or next(iter(asked.addresses), None)
    if found is None:
        try:
            found = Ip.parse(word)
        except ValueError:
            fail(proc, 1, f"{word}: {why_not(proc, word)}")
    if not isinstance(found, Ip4):
        raise NotModelled("an IPv6 destination", "tracepath")
    return found


class _Trace:
    """``struct run_state``: one run."""

    def __init__(self, proc: Process, options: _Options, target: Ip4, mtu: int) -> None:
        self.proc = proc
        self.options = options
        self.target = target
        self.mtu = mtu
        self.ttl = 1
        self.slot = 0
        self.sent: dict[int, tuple[int, int]] = {}
        """``his``: TTL and time of sending, by the port's distance from the first."""
        self.hops_to = -1
        self.hops_from = -1
        self.refused: deque[_TooLong] = deque()
        socket = self.socket = UdpSocket(proc.place.netns, 0, proc.wake)
        socket.on_send = proc.on_send
        socket.pmtudisc = PMTUDISC_DO
        socket.recverr = True

    def run(self) -> Waiting:
        """``main``: one TTL after the other; the exit status is 0 whatever is found."""
        try:
            yield from self._hops()
        finally:
            self.socket.close()
        text = f"     Resume: pmtu {self.mtu} "
        text += f"hops {self.hops_to} " if self.hops_to >= 0 else ""
        text += f"back {self.hops_from} " if self.hops_from >= 0 else ""
        self.proc.write(text + "\n")
        return 0

    def _hops(self) -> Generator[int | None, None, None]:
        for ttl in range(1, self.options.hops + 1):
            self.ttl = self.socket.ttl = ttl
            tries = 0
            result = -1
            while tries < 3:
                mtu = self.mtu
                result = yield from self._probe_ttl()
                if self.mtu != mtu:
                    tries = 0
                    continue
                if result == 0:
                    return
                if result > 0:
                    break
                tries += 1
            if result < 0:
                self.proc.write(f"{self.ttl:2}:  no reply\n")
        self.proc.write(f"     Too many hops: pmtu {self.mtu}\n")

    def _probe_ttl(self) -> Answer:
        """``probe_ttl``: above 0 go on, 0 this is the end, -1 no answer."""
        tries = 0
        while tries < _MAX_PROBES and not self._send():
            result = self._recverr()
            self.sent.pop(self.slot, None)
            if result == 0:
                return 0
            tries = 0 if result > 0 else tries + 1
        self.slot = (self.slot + 1) % _HISTORY
        if tries == _MAX_PROBES:
            self.proc.write(f"{self.ttl:2}:  send failed\n")
            return 0
        yield from self._wait()
        if not self.socket.pending_error and self.socket.inbox:
            self.proc.write(f"{self.ttl:2}?: reply received 8)\n")
            return 0
        self.socket.pending_error = 0
        for report in self.socket.errors if not self.options.numeric else ():
            yield from ask_pointer(self.proc, report.origin)
        return self._recverr()

    def _send(self) -> bool:
        now = self.proc.now
        self.sent[self.slot] = self.ttl, now
        head = _PROBE.pack(self.ttl, *divmod(now, NSEC))
        data = (head + bytes(max(0, self.mtu - _OVERHEAD - len(head))))[: self.mtu - _OVERHEAD]
        try:
            self.socket.send_to(self.target, self.options.port + self.slot & 0xFFFF, data)
        except SocketError as error:
            if error.errno == EMSGSIZE and error.mtu:
                self.refused.append(_TooLong(error.mtu))
            return False
        return True

    def _wait(self) -> Generator[int | None, None, None]:
        """``data_wait``: select(2), a second at most."""
        until = self.proc.now + NSEC
        while not (self.socket.inbox or self.socket.errors or self.refused) and self.proc.now < until:
            yield until

    # -- the error queue ------------------------------------------------------------------------------------------

    def _recverr(self) -> int:
        """``recverr``: all errors that are there."""
        progress = -1
        while True:
            report = self.socket.take_error()
            if report is not None:
                over = self._report(report)
            elif self.refused:
                self.mtu = self.refused.popleft().mtu
                self.proc.write(f"{self.ttl:2}?: {'[LOCALHOST]':<32} pmtu {self.mtu}\n")
                over = False
            else:
                return progress
            if over:
                return 0
            progress = self.mtu

    def _report(self, report: IcmpErrorReport) -> bool:
        """One ICMP error; True where it is the end."""
        hops, time, broken = self._asked(report)
        write = self.proc.write
        write((f"{hops:2}:  " if hops > 0 else f"{self.ttl:2}?: ") + self._host(report.origin))
        if time is not None:
            trip = self.proc.now - time
            write(f"{trip // 1_000_000:3}.{trip % 1_000_000 // 1000:03}ms ")
            if broken:
                write("(This broken router returned corrupted payload) ")
        back = _hops_of(report.ttl)
        if report.errno == EMSGSIZE:
            write(f"pmtu {report.mtu}\n")
            self.mtu = report.mtu
        elif report.errno == ECONNREFUSED:
            write("reached\n")
            self.hops_to, self.hops_from = self.ttl if hops < 0 else hops, back
            return True
        elif report.errno == EHOSTUNREACH and (report.icmp.type, report.icmp.code) == (
            ICMP_TIME_EXCEEDED,
            ICMP_EXC_TTL,
        ):
            if back >= 0 and back != (hops if hops >= 0 else self.ttl):
                write(f"asymm {back:2} ")
            write("\n")
        elif report.errno == EHOSTUNREACH:
            write("!H\n")
            return True
        elif report.errno in _WORDS:
            write(f"{_WORDS[report.errno]}\n")
            return True
        else:
            write("\n")
            warn(self.proc, "NET ERROR", report.errno)
            return True
        return False

    def _asked(self, report: IcmpErrorReport) -> tuple[int, int | None, bool]:
        """TTL and time of sending of the packet that an error is about: by its port, better by its data as far as that is quoted.

        True for data that cannot be ours.
        """
        quoted = report.quoted
        hops, time = -1, None
        transport = quoted.layers[1] if len(quoted.layers) > 1 else None
        slot = transport.dport - self.options.port if isinstance(transport, Udp) else -1
        if 0 <= slot < _HISTORY - 1 and slot in self.sent:
            hops, time = self.sent.pop(slot)
        data = quoted.payload if isinstance(quoted.payload, bytes) else b""
        if len(data) < _PROBE.size:
            return hops, time, False
        ttl, seconds, rest = _PROBE.unpack_from(data)
        if not ttl or not seconds:
            return hops, time, True
        return int(ttl), int(seconds) * NSEC + int(rest), False

    def _host(self, ip: Ip) -> str:
        """``print_host``: address, name or both, in their column."""
        options = self.options
        text = str(ip) if options.numeric else self._name(ip)
        if options.both:
            text += f" ({self._name(ip) if options.numeric else ip})"
        return text + " " * (_COLUMN - min(len(text), _COLUMN - 1))

    def _name(self, ip: Ip) -> str:
        """getnameinfo(3): an address that DNS has no name for stands for itself; without DNS it fails."""
        place = self.proc.place
        return name_of(self.proc, ip) or (str(ip) if has_nameserver(place) else "???")


def _hops_of(ttl: int) -> int:
    """How far away the sender of an error is, if it started with 64, 128 or 255."""
    return 65 - ttl if ttl <= 64 else 129 - ttl if ttl <= 128 else 256 - ttl
