"""Terminals: where their prompts stand, what runs in them, what is on their screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cluster import running
from podwire.cluster.handles import Handle
from podwire.errors import ConfigError, NotModelled
from podwire.transcript.script import plain
from podwire.transcript.words import Kubectl, Leave, Order, Run, Shell, ToMachine, ToPod, orders

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.tools.process import Process

PATIENCE: Final = 3600 * 1_000_000_000
"""A foreground command without ``^C after`` has to end within one virtual hour."""

_TERMINAL: Final = frozenset({0, 1, 2})
"""All descriptors of what people type are their terminal."""
_HARMLESS: Final = frozenset({"echo", "sleep"})
"""Commands that are the same everywhere: they run at the workstation where a prompt stands on no machine."""


class Screen:
    """What a running command has printed. ``unread`` is what came since the last look."""

    def __init__(self) -> None:
        self._text = ""
        self._read = 0
        self._echoed = False

    def write(self, stream: int, text: str) -> None:
        """Both streams go to the terminal. The terminal shows ``^C`` without a newline: what comes then begins a line."""
        if self._echoed and not text.startswith("\n"):
            self._text += "\n"
        self._echoed = False
        self._text += text

    def echo_interrupt(self) -> None:
        """The terminal's own ``^C``."""
        self._text += "^C"
        self._echoed = True

    def unread(self) -> list[str]:
        """The lines since the last look, without blank ones at the end."""
        lines = plain(self._text[self._read :])
        self._read = len(self._text)
        while lines and not lines[-1]:
            lines.pop()
        return lines


class Command(msgspec.Struct, frozen=True):
    """One command, where it runs, what its caller's environment says; ``directory`` is where files of its caller are."""

    place: Handle
    words: tuple[str, ...]
    environment: Mapping[str, str] = {}
    directory: str = ""


class Running:
    """Commands on a screen, one after the other."""

    def __init__(self, cluster: Cluster, commands: Sequence[Command]) -> None:
        self.screen = Screen()
        self._network = cluster.network
        self._cluster = cluster
        self._left = list(commands)
        self.process: Process
        self._start()

    def _start(self) -> None:
        command = self._left.pop(0)
        self.process = running.start(
            self._network,
            command.place.place,
            command.words,
            on_output=self.screen.write,
            cluster=self._cluster.operations,
            directory=command.directory,
            environment=command.environment,
            terminals=_TERMINAL,
        )
        if not self.process.done:
            self.process.on_exit = self._next
        else:
            self._next()

    def _next(self) -> None:
        if self._left:
            self._start()

    @property
    def done(self) -> bool:
        """Whether all have ended."""
        return self.process.done and not self._left

    def wait(self, duration: int = PATIENCE) -> bool:
        """Let it run to its end, for at most ``duration`` ns; says whether it has ended."""
        return self._network.run_until(lambda: self.done, self._network.now + duration)

    def printed(self) -> list[str]:
        """The lines since the last look, after all that is due at this instant: who was woken up prints first."""
        self._network.sleep(0)
        return self.screen.unread()

    def interrupt(self, after: int) -> None:
        """``^C`` once ``after`` ns have passed; nothing happens if it ends by itself before."""
        if after:
            self.wait(after)
        if not self.done:
            self.screen.echo_interrupt()
            self._left.clear()
            self.process.interrupt()
            self.wait()


class Prompts:
    """Where each prompt stands.

    A prompt of the header stands on its machine. One without a machine stands where the last ``kubectl exec`` or ``ssh``
    led when it was first typed at behind it; one that was there before any of them stands outside, on no machine.
    """

    def __init__(self, cluster: Cluster, machines: Mapping[str, str | None]) -> None:
        self._cluster = cluster
        self._machines = machines
        self._places: dict[str, list[Handle | None]] = {
            prompt: [cluster.machine(name)] for prompt, name in machines.items() if name is not None
        }
        self._led: Handle | None = None

    def place(self, prompt: str) -> Handle | None:
        """The place of a prompt at which something is typed now."""
        places = self._places.setdefault(prompt, [])
        outside = places == [None]
        if self._machines[prompt] is None and self._led is not None and not outside:
            places.append(self._led)
        elif not places:
            places.append(None)
        self._led = None
        return places[-1]

    def enter(self, place: Handle) -> None:
        """A shell was opened there."""
        self._led = place

    def leave(self, prompt: str) -> None:
        """``exit``: the prompt stands again where it stood before, if it stood elsewhere."""
        if len(self._places[prompt]) > 1:
            self._places[prompt].pop()

    def resolve(self, prompt: str, line: str, directory: str = "") -> list[Command]:
        """The commands of a line; none where it only moved. ``directory`` is where kubectl finds files. Raises ``PodwireError``."""
        here = self.place(prompt)
        wanted = orders(line)
        found = [self._command(prompt, here, each, directory) for each in wanted]
        commands = [each for each in found if each is not None]
        if len(wanted) > 1 and len(commands) < len(wanted):
            raise NotModelled(f"{line!r}: a line that moves and runs commands; type them one by one")
        return commands

    def _command(self, prompt: str, here: Handle | None, wanted: Order, directory: str) -> Command | None:
        if isinstance(wanted, Leave):
            self.leave(prompt)
            return None
        if isinstance(wanted, Kubectl):
            place = here if here is not None else self._cluster.workstation
            return Command(place, wanted.words, dict(wanted.environment), directory)
        there: Handle
        if isinstance(wanted, ToPod):
            there, then = self._cluster.pod(wanted.pod), wanted.then
        elif isinstance(wanted, ToMachine):
            there, then = self._machine(wanted.machine), wanted.then
        elif here is None and isinstance(wanted, Run) and wanted.words[0] in _HARMLESS:
            there, then = self._cluster.workstation, wanted
        elif here is None:
            raise ConfigError(
                f"prompt {prompt!r}",
                "stands on no machine: only kubectl, calicoctl and ssh work there; name its machine in the header",
            )
        else:
            there, then = here, wanted
        if isinstance(then, Shell):
            self.enter(there)
            return None
        return Command(there, then.words)

    def _machine(self, name: str) -> Handle:
        """By name, or by address among nodes and hosts."""
        for node in self._cluster.nodes:
            if str(node.ip) == name:
                return node
        return self._cluster.machine(name)
