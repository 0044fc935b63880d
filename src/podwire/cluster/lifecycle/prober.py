"""One probe of one container: when it asks, and what the answers come to (pkg/kubelet/prober, worker.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from podwire.cluster.lifecycle.asking import ExecAsking, HttpAsking, KnownAsking, TcpAsking
from podwire.cluster.lifecycle.commands import program_of
from podwire.kube.probe import Probe
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.fabric.clock import Alarm
    from podwire.fabric.network import Network
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns

_NSEC: Final = 1_000_000_000
READINESS: Final = "Readiness"
LIVENESS: Final = "Liveness"
STARTUP: Final = "Startup"


class Asked(Protocol):
    """The container that a probe asks, and who hears of the answers."""

    @property
    def running_since(self) -> int | None:
        """When its program was started (ns); None while it does not run."""

    @property
    def started(self) -> bool:
        """It has passed its startup probe, or has none."""

    @property
    def terminating(self) -> bool:
        """Its pod is being deleted."""

    def place(self) -> Place:
        """Where its commands run."""

    def node(self) -> Netns:
        """Where the kubelet runs."""

    def address(self) -> Ip:
        """The pod's."""

    def number(self, port: int | str) -> int | None:
        """A container port by number or name."""

    def failed(self, kind: str, why: str) -> None:
        """One probe has failed."""

    def found(self, kind: str, *, success: bool) -> None:
        """The result of a probe is another one now, or it failed again where that ends the container."""


class Prober:
    """Asks every ``periodSeconds``, counted from when the pod came to its node; ``result`` is None before the first answer counts."""

    def __init__(self, network: Network, kind: str, probe: Probe, asked: Asked) -> None:
        self._network = network
        self.kind = kind
        self.probe = probe
        self._asked = asked
        self.result: bool | None = None
        self._run = 0
        """How many answers in a row were the same."""
        self._last: bool | None = None
        self._hold = False
        """What was asked is being ended: nothing is asked before it runs again."""
        self._asking: HttpAsking | TcpAsking | ExecAsking | KnownAsking | None = None
        self._missed = False
        self._alarm: Alarm | None = None
        self._now: Alarm | None = None
        self._next(network.now)

    def reset(self) -> None:
        """The container has started anew: what was known is of the one before. A liveness probe begins with a success."""
        self._drop()
        self.result = True if self.kind == LIVENESS else None
        self._hold = False

    def trigger(self) -> None:
        """Ask once now, beside the ticks."""
        if self._now is None:
            self._now = self._network.at(self._network.now, self._triggered)

    def stop(self) -> None:
        """Nothing is asked any more."""
        self._drop()
        for alarm in (self._alarm, self._now):
            if alarm is not None:
                alarm.cancel()
        self._alarm = self._now = None

    def _drop(self) -> None:
        """An answer that is under way counts no more."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self._missed = False

    def _next(self, tick: int) -> None:
        period = max(self.probe.period_seconds, 1) * _NSEC
        self._alarm = self._network.at(tick + period, lambda: self._tick(tick + period))

    def _tick(self, tick: int) -> None:
        self._next(tick)
        self._ask()

    def _triggered(self) -> None:
        self._now = None
        self._ask()

    def _ask(self) -> None:
        asked, probe = self._asked, self.probe
        if self._asking is not None:
            self._missed = True
            return
        since = asked.running_since
        if self._hold or since is None or (asked.terminating and self.kind != READINESS):
            return
        if (self._network.now - since) // _NSEC < probe.initial_delay_seconds:
            return
        # While the startup probe has not succeeded it is the only one; then it is over.
        if asked.started == (self.kind == STARTUP):
            return
        self._start()

    def _start(self) -> None:
        probe, asked, timeout = self.probe, self._asked, max(self.probe.timeout_seconds, 1)
        if probe.exec is not None:
            self._command(probe.exec.command, timeout)
            return
        action = probe.http_get or probe.tcp_socket
        assert action is not None  # noqa: S101 - what podwire lacks was refused, one handler is there
        number = asked.number(action.port)
        if number is None:
            self._asking = KnownAsking(self._network, 0, f"couldn't find port: {action.port}", self._done)
            return
        to = (Ip.parse(action.host) if action.host else asked.address(), number)
        if probe.http_get is not None:
            headers = [{"name": each.name, "value": each.value} for each in probe.http_get.http_headers]
            self._asking = HttpAsking(
                self._network, asked.node(), to, timeout, self._done, probe.http_get.path or "/", headers
            )
        else:
            self._asking = TcpAsking(self._network, asked.node(), to, timeout, self._done)

    def _command(self, argv: tuple[str, ...], timeout: int) -> None:
        known = program_of(argv)
        if known is None:
            self._asking = ExecAsking(self._network, self._asked.place(), argv, timeout, self._done)
            return
        shown = " ".join(argv)
        after, why = known.lasts, "" if known.code else None
        if after is None or after > timeout:
            after, why = timeout, f'command "{shown}" timed out'
        self._asking = KnownAsking(self._network, after, why, self._done)

    def _done(self, success: bool, why: str) -> None:  # noqa: FBT001 - a callback
        self._asking = None
        if self._hold or self._asked.running_since is None:
            return
        if not success:
            self._asked.failed(self.kind, why)
        self._run = self._run + 1 if self._last is success else 1
        self._last = success
        enough = self.probe.success_threshold if success else self.probe.failure_threshold
        if self._run >= max(enough, 1):
            ends = not success and self.kind != READINESS
            changed, self.result = self.result is not success, success
            if ends:
                self._hold, self._run, self._last = True, 0, None
            if changed or ends:
                self._asked.found(self.kind, success=success)
        if self._missed and self._asking is None:
            self._missed = False
            self.trigger()
