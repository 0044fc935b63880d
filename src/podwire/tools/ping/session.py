"""Sending requests, waiting, reading replies and errors: ``main_loop``, ``pinger`` and ``gather_statistics`` of ping/ping_common.c.

Waiting is the real one's too: recvmsg with SO_RCVTIMEO ends when the kernel's timer wheel says so (up to 32 ms late at 250 Hz), poll at the
millisecond. That is why three pings at the default interval take some 2.03 s.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from errno import EMSGSIZE, ENOBUFS
from typing import TYPE_CHECKING, Final

from podwire.linux.machine import NSEC, wheel_expiry
from podwire.linux.sockerr import IcmpErrorReport
from podwire.linux.socket import Arrived, RawSocket, SocketError
from podwire.tools.args import has_nameserver, warn
from podwire.tools.ping.result import PingResult
from podwire.tools.ping.statistics import Statistics
from podwire.tools.ping.target import FILTER_FIRST, FILTER_LATER, Target
from podwire.tools.ping.text import icmp_message, ip_header, trip_time
from podwire.tools.process import Interrupt
from podwire.tools.resolving.asking import ask_pointer, name_of
from podwire.wire.addr import Ip
from podwire.wire.codec import quoted
from podwire.wire.headers import ICMP_ECHO, ICMP_ECHOREPLY, ICMP_REDIRECT, ICMP_SOURCE_QUENCH, Icmp, IPv4

if TYPE_CHECKING:
    from podwire.tools.ping.options import Options
    from podwire.tools.process import Process, Waiting
    from podwire.wire.packet import Packet

MSEC: Final = 1_000_000
MIN_INTERVAL: Final = 10
_TIMEVAL: Final = struct.Struct("<qq")
_WINDOW: Final = 0x10000
_SIGINT, _SIGQUIT = 2, 3

Sleep = Generator["int | None", None, None]


class Session:
    """One run of ping. Times of the clock in ns, intervals in ms, round trips in µs."""

    def __init__(self, proc: Process, options: Options, target: Target, data: bytes) -> None:
        self.proc = proc
        self.options = options
        self.target = target
        self.socket = target.socket
        self.data = data
        self.timing = options.size >= _TIMEVAL.size
        self.interval = 0 if options.flood and not options.interval_given else options.interval
        self.receive_timeout = max(self.interval, MIN_INTERVAL)
        self.exiting = False
        self.alarm: int | None = None
        self.linger_armed = False
        self.start = 0
        self.last_send: int | None = None
        self.tokens = 0
        self.refusals = 0
        """How often in a row a device did not take a request."""
        self.result = proc.result if isinstance(proc.result, PingResult) else PingResult()
        self.statistics = Statistics(self.result)
        self.filter = FILTER_FIRST
        if isinstance(self.socket, RawSocket):
            self.socket.accept = self._accepts

    def run(self) -> Waiting:
        """The tool: returns the exit status."""
        self.start = self.proc.now
        self.proc.endless = not self.options.count and not self.options.deadline
        if self.options.deadline:
            self.alarm = self.start + self.options.deadline * NSEC
        try:
            yield from self._loop()
        except Interrupt as interrupt:
            if interrupt.signal != _SIGINT:
                raise
        finally:
            self.socket.close()
        return self._finish()

    # -- waiting ------------------------------------------------------------------------------------------------

    def _sleep(self, until: int) -> Sleep:
        """Up to ``until``, to something on the socket, or to the alarm."""
        try:
            yield until if self.alarm is None else min(until, self.alarm)
        except Interrupt as interrupt:
            if interrupt.signal != _SIGQUIT:
                raise
            self.proc.error(self.statistics.status())
        self._check_alarm()

    def _check_alarm(self) -> None:
        if self.alarm is not None and self.proc.now >= self.alarm:
            self.exiting = True

    def _until_readable(self, until: int) -> Sleep:
        while not self._readable and self.proc.now < until and not self.exiting:
            yield from self._sleep(until)

    @property
    def _readable(self) -> bool:
        return bool(self.socket.inbox or self.socket.errors)

    def _loop(self) -> Sleep:
        options = self.options
        while True:
            self._check_alarm()
            if self.exiting or (options.count and self.result.received + self.result.errors >= options.count):
                return
            if options.deadline and self.result.errors:
                return
            wait = yield from self._send_due()
            block = True
            if options.adaptive or wait < max(self.interval, MIN_INTERVAL):
                spin = wait <= MIN_INTERVAL and not self.statistics.in_flight
                if wait <= MIN_INTERVAL and not spin:
                    wait = MIN_INTERVAL
                if spin or options.adaptive or self.interval:
                    yield from self._until_readable(self.proc.now + wait * MSEC)
                    if not spin and not self._readable:
                        continue
                    block = False
            yield from self._receive(block=block)

    def _send_due(self) -> Generator[int | None, None, int]:
        """Send what is due; returns how long (ms) to wait for the next."""
        while True:
            wait = self._schedule_exit(self._pinger())
            if wait > 0:
                return wait
            # Somebody else may run between two requests without a pause.
            yield from self._sleep(self.proc.now)

    def _schedule_exit(self, wait: int) -> int:
        options = self.options
        if not options.count or self.result.sent < options.count or options.deadline or self.linger_armed:
            return wait
        linger = (
            max(2 * self.statistics.longest, 1000 * self.interval) if self.result.received else options.linger * 1000
        )
        # setitimer with nothing disarms: -W 0 waits for ever.
        self.alarm = self.proc.now + linger * 1000 if linger else None
        self.linger_armed = bool(linger)
        return max(wait, linger // 1000)

    def _receive(self, *, block: bool) -> Sleep:
        """Read until nothing is left: an error first, as sock_error does it, else a packet."""
        if block:
            machine = self.proc.place.machine
            expiry = wheel_expiry(machine.jiffies, -(-self.receive_timeout * machine.hz // 1000))
            yield from self._until_readable(-(-expiry * NSEC // machine.hz))
        while self._readable:
            if self.socket.errors:
                self._error(self.socket.errors.popleft())
            else:
                arrived = self.socket.inbox.popleft()
                header = arrived.packet.layers[0]
                if not self.options.numeric and not self.options.quiet and isinstance(header, IPv4):
                    yield from ask_pointer(self.proc, header.src)
                self._packet(arrived)
            if not self.statistics.in_flight:
                return

    # -- sending ------------------------------------------------------------------------------------------------

    def _pinger(self) -> int:
        """Send one request if it is time; returns the ms until the next."""
        options, now = self.options, self.proc.now
        if self.exiting or (options.count and self.result.sent >= options.count and not options.deadline):
            return 1000
        if self.last_send is None:
            self.tokens = self.interval * (options.preload - 1)
        else:
            tokens = (now - self.last_send) // MSEC
            if not self.interval and tokens < MIN_INTERVAL and self.statistics.in_flight >= options.preload:
                return MIN_INTERVAL - tokens
            tokens = min(tokens + self.tokens, self.interval * options.preload)
            if tokens < self.interval:
                return self.interval - tokens
            self.tokens = tokens - self.interval
        self.last_send = now
        if options.outstanding and self.result.sent and self.result.sent & 0xFFFF not in self.statistics.seen:
            self.proc.write(f"{self._timestamp()}no answer yet for icmp_seq={self.result.sent % _WINDOW}\n")
        wait = self._send()
        if wait is None:
            return self.interval - self.tokens
        self.tokens = 0
        return wait

    def _send(self) -> int | None:
        """One echo request: None, or the ms to wait after what the kernel refuses.

        That counts as sent all the same; but where a device did not take it (ENOBUFS) it is tried again twice an interval,
        until that has lasted as long as ``-W`` says.
        """
        options, quiet = self.options, self.options.quiet
        seq = self.result.sent + 1 & 0xFFFF
        payload = self.data
        if self.timing:
            payload = _TIMEVAL.pack(*divmod(self.proc.now // 1000, 1_000_000)) + self.data[_TIMEVAL.size :]
        try:
            self.socket.send(self.target.ip, Icmp(ICMP_ECHO, 0, self.target.ident << 16 | seq), payload)
        except SocketError as error:
            if error.errno == ENOBUFS:
                pause = min(max(self.interval // 2, MIN_INTERVAL), 500)
                self.refusals += 1
                if self.refusals * pause < options.linger:
                    return pause
            # An ICMP error that came at once, from a rule that rejects in OUTPUT.
            heard = error.errno != ENOBUFS and bool(self.socket.errors)
            if heard and not self._error(self.socket.errors.popleft()):
                return self._send()
            self.statistics.send()
            # Only what the error queue (IP_RECVERR) holds is told; a route that is gone, or a rule that drops, is not.
            if error.errno == EMSGSIZE and error.mtu and not quiet:
                if options.flood:
                    self.proc.write("E")
                else:
                    warn(self.proc, f"local error: message too long, mtu={error.mtu}")
                self.result.errors += 1
            elif (error.errno == ENOBUFS or heard) and not quiet:
                if options.flood:
                    self.proc.write("E")
                else:
                    warn(self.proc, f"sendmsg: {error.strerror}")
            return max(self.interval, MIN_INTERVAL)
        self.refusals = 0
        self.statistics.send()
        if not quiet and options.flood:
            self.proc.write(".")
        return None

    # -- receiving ----------------------------------------------------------------------------------------------

    def _accepts(self, packet: Packet) -> bool:
        """ICMP_FILTER, and the BPF filter that ping installs once it has heard others' replies."""
        icmp = packet.layers[1] if len(packet.layers) > 1 else None
        if not isinstance(icmp, Icmp) or icmp.type not in self.filter:
            return False
        return icmp.type != ICMP_ECHOREPLY or icmp.id == self.target.ident

    def _ours(self, packet: Packet) -> Icmp | None:
        """The echo request that an error quotes, if we sent it."""
        header, *rest = packet.layers
        icmp = rest[0] if rest else None
        if (
            not isinstance(header, IPv4)
            or header.dst != self.target.ip
            or not isinstance(icmp, Icmp)
            or icmp.type != ICMP_ECHO
        ):
            return None
        return icmp if icmp.id == self.target.ident or not self.target.is_raw else None

    def _error(self, report: IcmpErrorReport) -> bool:
        """``ping4_receive_error_msg``: an ICMP error from the error queue; False where it is about somebody else's request."""
        request = self._ours(report.quoted)
        if request is None:
            return False
        self.statistics.acknowledge(request.seq)
        self.filter = FILTER_LATER
        self.result.errors += 1
        if self.options.flood and not self.options.quiet:
            self.proc.write("\bE")
        elif not self.options.quiet:
            message = icmp_message(report.icmp, self._name, report.mtu)
            self.proc.write(f"{self._timestamp()}From {self._name(report.origin)} icmp_seq={request.seq} {message}\n")
        return True

    def _packet(self, arrived: Arrived) -> None:
        """``ping4_parse_reply``: an echo reply, a redirect; errors come by the error queue too and are only acknowledged here."""
        header, icmp = arrived.packet.layers[:2]
        if not isinstance(header, IPv4) or not isinstance(icmp, Icmp):
            return
        if icmp.type == ICMP_ECHOREPLY:
            if icmp.id == self.target.ident:
                self._reply(arrived, header, icmp)
            return
        inner = quoted(arrived.packet)
        request = self._ours(inner) if inner is not None else None
        if inner is None or request is None:
            return
        if icmp.type not in {ICMP_REDIRECT, ICMP_SOURCE_QUENCH}:
            self.statistics.acknowledge(request.seq)
        elif not self.options.quiet and not self.options.flood:
            text = f"{self._timestamp()}From {self._name(header.src)}: icmp_seq={request.seq} {icmp_message(icmp, self._name)}\n"
            self.proc.write(text + (ip_header(inner) if self.options.verbose else ""))

    def _reply(self, arrived: Arrived, header: IPv4, icmp: Icmp) -> None:
        """``gather_statistics``."""
        payload = arrived.packet.payload
        assert isinstance(payload, bytes)  # noqa: S101 - only errors quote
        self.statistics.acknowledge(icmp.seq)
        trip = self._trip(arrived, payload)
        duplicate = self.statistics.reply(icmp.seq, header.ttl, trip)
        if self.options.adaptive and trip is not None:
            self.interval = ((self.statistics.smoothed // 8 or self.interval * 1000) + 500) // 1000
        if self.options.flood and not self.options.quiet:
            self.proc.write("\b \b")
        elif not self.options.quiet:
            self.proc.write(self._reply_line(header, icmp, payload, trip, duplicate=duplicate))

    def _trip(self, arrived: Arrived, payload: bytes) -> int | None:
        if not self.timing or len(payload) < _TIMEVAL.size:
            return None
        seconds, microseconds = _TIMEVAL.unpack_from(payload)
        heard = self.proc.now if self.options.latency else arrived.time
        return max(0, heard // 1000 - int(seconds) * 1_000_000 - int(microseconds))

    def _reply_line(self, header: IPv4, icmp: Icmp, payload: bytes, trip: int | None, *, duplicate: bool) -> str:
        options, target = self.options, self.target
        text = f"{self._timestamp()}{len(payload) + 8} bytes from {self._name(header.src)}: icmp_seq={icmp.seq}"
        if options.verbose and (target.is_raw or options.ident >= 0):
            text += f" ident={target.ident}"
        text += f" ttl={header.ttl}"
        if len(payload) < options.size:
            return text + " (truncated)\n"
        if self.timing:
            text += f" time={trip_time(trip or 0)}"
        if duplicate and (not target.multicast or options.verbose):
            text += " (DUP!)"
        if not target.multicast and header.src != target.ip:
            text += " (DIFFERENT ADDRESS!)"
        return f"{text}{self._wrong_data(payload)}{chr(7) if options.audible else ''}\n"

    def _wrong_data(self, payload: bytes) -> str:
        first = _TIMEVAL.size
        if payload[first : len(self.data)] == self.data[first:]:
            return ""
        at = next(i for i in range(first, len(self.data)) if payload[i] != self.data[i])
        text = f"\nwrong data byte #{at} should be 0x{self.data[at]:x} but was 0x{payload[at]:x}"
        for index in range(first, len(self.data)):
            text += f"\n#{index}\t" if index % 32 == first else ""
            text += f"{payload[index]:x} "
        return text

    # -- printing -----------------------------------------------------------------------------------------------

    def _timestamp(self) -> str:
        if not self.options.timestamps:
            return ""
        seconds, rest = divmod(self.proc.now, NSEC)
        return f"[{seconds}.{rest // 1000:06}] "

    def _name(self, ip: Ip) -> str:
        """``pr_addr``: with the name in front, where a name was pinged.

        Where DNS has no name the address stands for itself (no NI_NAMEREQD); where there is no DNS there is no name.
        """
        place = self.proc.place
        found = None if self.options.numeric else name_of(self.proc, ip)
        name = found or (str(ip) if not self.options.numeric and has_nameserver(place) else None)
        return f"{name} ({ip})" if name else str(ip)

    def _finish(self) -> int:
        """The statistics; 0 where replies came, 1 where none did or the deadline came before ``-c`` replies."""
        options, result = self.options, self.result
        elapsed = (self.last_send if self.last_send is not None else self.start) - self.start
        gaps = not self.interval or options.flood or options.adaptive
        self.proc.write(self.statistics.summary(self.target.name, elapsed, gaps=gaps))
        result.text = self.proc.stdout
        return int(not result.received or bool(options.deadline and result.received < options.count))
