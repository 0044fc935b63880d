"""Hop by hop: which probes are on their way, how long they are waited for, and the lines (do_it of traceroute.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.tools.args import Exit
from podwire.tools.resolving.asking import ask_pointer, begin_with_names, name_of
from podwire.tools.traceroute.options import Options, parse
from podwire.tools.traceroute.probes import IcmpEcho, Probe, Udp, failed

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting, Waits
    from podwire.wire.addr import Ip

_USEC: Final = 1_000_000
_PRECISION: Final = 0.001
"""DEF_WAIT_PREC."""


def traceroute(proc: Process) -> int | Waiting:
    """``traceroute [options] HOST [LENGTH]``."""
    return begin_with_names(proc, _begin)


def _begin(proc: Process) -> int | Waiting:
    try:
        options = parse(proc)
        method = (IcmpEcho if options.method == "icmp" else Udp)(proc, options)
    except Exit as exit_:
        return exit_.status
    return _Trace(proc, options, method).run()


def hops_back(ttl: int) -> int:
    """``ttl2hops``: how far the sender is, if it started with 64, 128 or 255."""
    return (65 if ttl <= 64 else 129 if ttl <= 128 else 256) - ttl


class _Trace:
    """One run."""

    def __init__(self, proc: Process, options: Options, method: Udp | IcmpEcho) -> None:
        self.proc = proc
        self.options = options
        self.method = method
        self.probes = method.probes = [Probe() for _ in range(options.hops * options.queries)]
        self.start = (options.first - 1) * options.queries
        self.end = len(self.probes)
        self.last_send = 0

    @property
    def now(self) -> int:
        """µs."""
        return self.proc.now // 1000

    def run(self) -> Waiting:
        """``do_it``; 0 whatever was found."""
        proc, options = self.proc, self.options
        proc.write(
            f"traceroute to {options.name} ({options.target}), {options.hops} hops max, {self.method.size} byte packets"
        )
        try:
            while self.start < self.end:
                yield from self._ask_names()
                until = self._round()
                if until and not self.method.poll():
                    yield until * 1000
                    self.method.poll()
        except Exit as exit_:
            return exit_.status
        finally:
            self.method.close()
        proc.write("\n")
        return 0

    def _ask_names(self) -> Waits:
        """The names of those who have answered, which are printed next."""
        if not self.options.numeric:
            for probe in self.probes[self.start : self.end]:
                if probe.done and probe.res is not None:
                    yield from ask_pointer(self.proc, probe.res)

    def _round(self) -> int:
        """Print what is due, send what may be sent; returns until when to wait (µs), 0 for not at all."""
        until = 0
        flying = 0
        index = self.start
        while index < self.end:
            probe = self.probes[index]
            if index == self.start and not probe.done and probe.sent:
                expires = probe.sent + round(self._timeout(index) * _USEC)
                if expires > self.now:
                    until = expires
                else:
                    probe.close()
                    self._check_expired(index)
                    probe = self.probes[index]
            if probe.done:
                if index == self.start:
                    self._print(index)
                    self.start += 1
                if probe.final:
                    self.end = (index // self.options.queries + 1) * self.options.queries
                index += 1
                continue
            if not probe.sent and not self._send(probe, index):
                return until or self.last_send + round(self.options.pause * _USEC)
            until = until or probe.sent + round(self._timeout(index) * _USEC)
            flying += 1
            if flying >= self.options.at_once:
                break
            index += 1
        return until

    def _send(self, probe: Probe, index: int) -> bool:
        """False where it is too early for it."""
        pause = self.options.pause
        if pause and self.last_send and self.last_send + round(pause * _USEC) > self.now:
            return False
        self.method.send(probe, index // self.options.queries + 1)
        if not probe.sent:
            failed(self.proc, "send probe", 0)
        self.last_send = probe.sent
        return True

    # -- how long ------------------------------------------------------------------------------------------------

    def _timeout(self, index: int) -> float:
        """``get_timeout``, in seconds."""
        options = self.options
        if options.here:
            first = index - index % options.queries
            for probe in self.probes[first : first + options.queries]:
                if probe.done and probe.received > probe.sent:
                    return min(((probe.received - probe.sent) / _USEC + _PRECISION) * options.here, options.wait)
        if options.near:
            for probe in self.probes[index + 1 :]:
                if not probe.sent:
                    break
                if probe.done and probe.received > probe.sent:
                    return min(((probe.received - probe.sent) / _USEC + _PRECISION) * options.near, options.wait)
        return options.wait

    def _check_expired(self, index: int) -> None:
        """``check_expired``: an answer of the last hop may belong here, where the target has dropped earlier probes."""
        queries = self.options.queries
        hop = self.probes[index - index % queries : index]
        if any(not probe.done or not probe.final for probe in hop):
            return
        later = self._next_done(index)
        if later is None or not self.probes[later].final or not self.probes[later].error:
            return
        final = self.probes[later]
        same_hop = bool(hop) or index % queries + (later - index) < queries
        told = any(probe.res is not None and probe.res == final.res for probe in self.probes[:index])
        if same_hop or told or self._is_near(index, final):
            # The other place is taken: nothing is sent for it again.
            self.probes[index] = final
            self.probes[later] = Probe()
            self.probes[later].sent = 1

    def _next_done(self, index: int) -> int | None:
        for later in range(index + 1, len(self.probes)):
            if not self.probes[later].sent:
                return None
            if self.probes[later].done:
                return later
        return None

    def _is_near(self, index: int, final: Probe) -> bool:
        """The TTL of the answer says that its sender is no farther away than this hop."""
        if not final.ttl:
            return False
        back = hops_back(final.ttl)
        for place in range(index - 1, -1, -1):
            probe = self.probes[place]
            if probe.done and not probe.final and probe.ttl and hops_back(probe.ttl) < back:
                back = back - hops_back(probe.ttl) + place // self.options.queries + 1
                break
        return back <= index // self.options.queries + 1

    # -- lines ---------------------------------------------------------------------------------------------------

    def _print(self, index: int) -> None:
        """``print_probe``."""
        probe, queries = self.probes[index], self.options.queries
        hop, number = index // queries + 1, index % queries
        text = f"\n{hop:2} " if not number else ""
        if probe.res is None:
            text += " *"
        elif self._is_new(index, number):
            text += self._address(probe.res)
            if self.options.back and probe.ttl and hops_back(probe.ttl) != hop:
                text += f" '-{hops_back(probe.ttl)}'"
        if probe.received:
            text += f"  {(probe.received - probe.sent) / 1000:.3f} ms"
        if probe.error:
            text += f" {probe.error}"
        self.proc.write(text)

    def _is_new(self, index: int, number: int) -> bool:
        """The first of its hop, or another one answered than before."""
        before = next((p for p in reversed(self.probes[index - number : index]) if p.res is not None), None)
        probe = self.probes[index]
        return before is None or before.res != probe.res or (self.options.back and before.ttl != probe.ttl)

    def _address(self, ip: Ip) -> str:
        if self.options.numeric:
            return f" {ip}"
        return f" {name_of(self.proc, ip) or ip} ({ip})"
