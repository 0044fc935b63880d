"""One container of a pod: its program, the ports on which it answers, its probes, how often and when it starts again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from podwire.cluster.lifecycle.commands import command_of, on_sigterm, program_of
from podwire.cluster.lifecycle.prober import LIVENESS, READINESS, STARTUP, Prober
from podwire.cluster.lifecycle.status import ContainerState, initialised, waiting
from podwire.cluster.serving.server import Port, Serving, open_ports, ports_of
from podwire.kube.decode import decode
from podwire.kube.fields import from_python
from podwire.kube.probe import Lifecycle, Probe
from podwire.linux.socket import SocketError

if TYPE_CHECKING:
    from podwire.cluster.kubelet_events import KubeletEvents
    from podwire.fabric.clock import Alarm
    from podwire.fabric.network import Network
    from podwire.kube.store import Stored
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Ip

_NSEC: Final = 1_000_000_000
_FIRST_WAIT: Final = 10 * _NSEC
_LONGEST_WAIT: Final = 300 * _NSEC
_PROBES: Final = ((STARTUP, "startupProbe"), (LIVENESS, "livenessProbe"), (READINESS, "readinessProbe"))


class Home(Protocol):
    """The pod in which a container runs, and its node."""

    network: Network
    terminating: bool

    def place(self) -> Place:
        """Where commands of the containers run."""

    def node(self) -> Netns:
        """Where the kubelet runs."""

    def address(self) -> Ip:
        """The pod's."""

    def serving(self) -> Serving:
        """Where the pod's ports are opened."""

    def new_id(self) -> str:
        """A container id of 64 digits."""

    def stamp(self) -> str:
        """Now, as the API writes it."""

    def where(self) -> str:
        """``name_namespace(uid)``, as the kubelet's messages name the pod."""

    def changed(self) -> None:
        """A state is another one than before."""

    def tell(self, say: Callable[[KubeletEvents, Stored], None]) -> None:
        """Record an event of the kubelet about the pod."""

    def ended(self, container: Container) -> None:
        """The program of a container has ended."""


class _Backoff:
    """client-go's flowcontrol.Backoff, of one container: 10 s, and twice as long each time up to 5 minutes."""

    def __init__(self) -> None:
        self.wait = 0
        self._updated = 0

    def remaining(self, since: int, now: int) -> int:
        """How long a container that ended at ``since`` has still to wait (ns)."""
        return 0 if not self.wait or self._expired(since) else max(0, since + self.wait - now)

    def next(self, since: int, now: int) -> None:
        """It starts: the next time it waits longer."""
        fresh = not self.wait or self._expired(since)
        self.wait = _FIRST_WAIT if fresh else min(self.wait * 2, _LONGEST_WAIT)
        self._updated = now

    def _expired(self, since: int) -> bool:
        return since - self._updated > 2 * _LONGEST_WAIT


class Container:
    """A container of a pod that has a life: ``document`` is its part of the Pod's spec. Implements ``Asked``."""

    def __init__(self, home: Home, document: Mapping[str, Any], grace: int, *, init: bool = False) -> None:
        self._home = home
        self._document = document
        self._grace = grace
        self.init = init
        self.state = ContainerState(str(document["name"]), str(document["image"]), waiting("PodInitializing"))
        self._since: int | None = None
        self._finished = 0
        self._alarm: Alarm | None = None
        """The end of its program, of its waiting, or of its being stopped."""
        self._servers: list[Any] = []
        self._backoff = _Backoff()
        self._stopping = False
        self._probers = {
            kind: Prober(home.network, kind, decode(from_python(document[field]), Probe), self)
            for kind, field in _PROBES
            if document.get(field)
        }

    # -- what probes see -------------------------------------------------------------------------------------------

    @property
    def running_since(self) -> int | None:
        """See ``Asked``."""
        return self._since

    @property
    def started(self) -> bool:
        """See ``Asked``."""
        return STARTUP not in self._probers or self._probers[STARTUP].result is True

    @property
    def terminating(self) -> bool:
        """See ``Asked``."""
        return self._home.terminating

    def place(self) -> Place:
        """See ``Asked``."""
        return self._home.place()

    def node(self) -> Netns:
        """See ``Asked``."""
        return self._home.node()

    def address(self) -> Ip:
        """See ``Asked``."""
        return self._home.address()

    def number(self, port: int | str) -> int | None:
        """See ``Asked``."""
        if isinstance(port, int):
            return port
        return next(
            (each["containerPort"] for each in self._document.get("ports") or () if each.get("name") == port), None
        )

    def failed(self, kind: str, why: str) -> None:
        """See ``Asked``."""
        self._home.tell(lambda events, pod: events.unhealthy(pod, self.state.name, kind, why))
        self._home.changed()

    def found(self, kind: str, *, success: bool) -> None:
        """See ``Asked``: a liveness or startup probe that failed ends the container."""
        if kind != READINESS and not success:
            why = f"failed {kind.lower()} probe"
            self._home.tell(lambda events, pod: events.killing_because(pod, self.state.name, why))
            own = self._probers[kind].probe.termination_grace_period_seconds
            self.kill(own if own is not None else self._grace)
            return
        if kind == STARTUP and READINESS in self._probers:
            self._probers[READINESS].trigger()
        self._judge()
        self._home.changed()

    def _judge(self) -> None:
        """Ready and started, by what the probes have found."""
        if self.init:
            self.state.ready = initialised(self.state)
            return
        self.state.started = self._since is not None and self.started
        known = self._probers[READINESS].result is True if READINESS in self._probers else True
        self.state.ready = self.state.started and known

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Its program starts; raises nothing: one that cannot open its ports ends at once."""
        home, state = self._home, self.state
        self._alarm = None
        self._stopping = False
        self._since = home.network.now
        state.id = home.new_id()
        state.state = {"running": {"startedAt": home.stamp()}}
        home.tell(lambda events, pod: events.container_started(pod, self._document))
        for prober in self._probers.values():
            prober.reset()
        program = program_of(command_of(self._document))
        if program is not None and program.lasts is not None:
            code = program.code
            if not program.lasts:
                self._end(code)
                return
            self._alarm = home.network.at(home.network.now + round(program.lasts * _NSEC), lambda: self._end(code))
        try:
            self._open()
        except SocketError:  # the port is taken: the program says so and ends
            self._end(1)
            return
        if READINESS in self._probers and self.started:
            self._probers[READINESS].trigger()
        self._judge()

    def _open(self) -> None:
        if self.init:
            return
        serving = self._home.serving()
        count = len(serving.servers)
        try:
            open_ports(serving, ports_of_container(self._document, self._home.where()))
        finally:
            self._servers = serving.servers[count:]

    def kill(self, grace: int) -> None:
        """``killContainer``: preStop, SIGTERM, and SIGKILL when ``grace`` (s) is over. It answers until it ends."""
        if self._since is None or self._stopping:
            return
        self._stopping = True
        after, code = stopping(self._document, grace)
        self._cancel()
        if after:
            self._judge()
            self._alarm = self._home.network.at(self._home.network.now + round(after * _NSEC), lambda: self._end(code))
            self._home.changed()
        else:
            self._end(code)

    def _end(self, code: int) -> None:
        """The program has ended: the kernel closes its sockets, the kubelet decides what is next."""
        home, state = self._home, self.state
        self._cancel()
        self._close()
        state.state = self._terminated(code)
        self._since, self._finished = None, home.network.now
        self._judge()
        home.ended(self)

    def _terminated(self, code: int) -> dict[str, Any]:
        """``state.terminated`` of a program that runs."""
        now = self._home.stamp()
        return {
            "terminated": {
                "exitCode": code,
                "reason": "Completed" if code == 0 else "Error",
                "startedAt": self.state.state.get("running", {}).get("startedAt", now),
                "finishedAt": now,
                "containerID": f"containerd://{self.state.id}",
            }
        }

    def restart(self) -> None:
        """``doBackOff``: at once the first time, later when the back-off is over."""
        home, state = self._home, self.state
        state.last = state.state
        left = self._backoff.remaining(self._finished, home.network.now)
        if not left:
            self._again()
            return
        wait = self._backoff.wait // _NSEC
        shown = f"{wait // 60}m{wait % 60}s" if wait >= 60 else f"{wait}s"
        message = f"back-off {shown} restarting failed container={state.name} pod={home.where()}"
        state.state = waiting("CrashLoopBackOff", message)
        home.tell(lambda events, pod: events.back_off(pod, state.name))
        self._alarm = home.network.at(home.network.now + left, self._again)
        home.changed()

    def _again(self) -> None:
        self.state.restarts += 1
        self._backoff.next(self._finished, self._home.network.now)
        self.start()
        self._home.changed()

    def sandbox_gone(self) -> None:
        """Its sandbox was ended under it, and a new one stands: it has to start again there."""
        self._cancel()
        self._servers = []
        if "running" in self.state.state:
            self.state.last = self._terminated(on_sigterm(self._document)[1])
        elif "terminated" in self.state.state:
            self.state.last = self.state.state
        self.state.restarts += 1
        self.state.state = waiting("PodInitializing")
        self._since = None

    def stop(self) -> None:
        """The pod is gone: nothing of it happens any more."""
        self._cancel()
        for prober in self._probers.values():
            prober.stop()

    def _cancel(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _close(self) -> None:
        serving = self._home.serving()
        for server in self._servers:
            server.close()
            serving.servers.remove(server)
        self._servers = []


def ports_of_container(document: Mapping[str, Any], what: str) -> tuple[Port, ...]:
    """The ports that a container's program opens: those listed, else the program's own unless a command takes its place."""
    image = str(document["image"])
    listed = [port_of(each, image) for each in document.get("ports") or ()]
    return ports_of(what, image, listed) if listed or not document.get("command") else ()


def port_of(document: Mapping[str, Any], image: str) -> Port:
    """One of ``ports``."""
    return Port(int(document["containerPort"]), str(document.get("protocol", "TCP")), image)


def stopping(document: Mapping[str, Any], grace: int) -> tuple[float, int]:
    """How long (s) a container takes to end when it is told to, and its exit status."""
    waits = pre_stop_seconds(document)
    if waits >= grace:
        return grace, 137
    at_once, code = on_sigterm(document)
    return (waits if at_once else grace), code


def pre_stop_seconds(document: Mapping[str, Any]) -> float:
    """How long the handler ``preStop`` of a container takes; infinite where it never ends."""
    lifecycle = document.get("lifecycle")
    handler = decode(from_python(lifecycle), Lifecycle).pre_stop if lifecycle else None
    if handler is None:
        return 0
    if handler.sleep is not None:
        return handler.sleep.seconds
    program = program_of(handler.exec.command) if handler.exec is not None else None
    if program is None:
        return 0
    return float("inf") if program.lasts is None else program.lasts
