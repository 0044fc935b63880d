"""Commands that lead elsewhere or mind the clock: what they ask for. What they run is a process of the real bash's."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cluster.running import OPERATORS
from podwire.errors import NotModelled, PodwireError
from podwire.linux.image import image
from podwire.linux.machine import Place
from podwire.linux.netns import Netns
from podwire.tools import registry
from podwire.tools.sleep import seconds
from podwire.transcript.words import kubectl_exec, ssh

if TYPE_CHECKING:
    from podwire.cluster import Cluster


class Become(Exception):
    """The shim is to become another command, at ``place``. ``complaint`` (with %s for the reason) and ``status`` tell that it cannot."""

    def __init__(self, place: Place | None, argv: Sequence[str], complaint: str = "", status: int = 127) -> None:
        super().__init__(argv)
        self.place = place
        self.argv = list(argv)
        self.complaint = complaint or "podwire: %s\n"
        self.status = status
        self.minding: Minding | None = None
        self.owner: Place | None = None
        """``unshare`` made this place: it goes with its last process."""


class Minding(msgspec.Struct, frozen=True):
    """``timeout``: send ``signal`` after ``after`` ns (None: never), KILL ``kill_after`` ns later."""

    after: int | None
    signal: int
    kill_after: int | None
    flags: str


class Refusal(Exception):
    """The command ends with this status and these words on standard error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Caller(msgspec.Struct, frozen=True):
    """Who calls: where he stands, the lab (None: one bare machine), the time, and how a process id becomes a place."""

    place: Place | None
    cluster: Cluster | None
    now: int
    place_of: Callable[[int], Place | None]
    terminal: bool = False


def run(argv: list[str], caller: Caller) -> None:
    """Always raises: ``Become``, ``Refusal``, or a ``PodwireError``."""
    _COMMANDS[argv[0]](argv, caller)


# -- machines -----------------------------------------------------------------------------------------------------

_SHELLS: Final = frozenset({"ash", "bash", "sh", "zsh"})


def kubectl(argv: list[str], caller: Caller) -> None:
    """``kubectl exec`` of a program that podwire does not simulate - a shell, ``sleep`` - becomes that program, in the pod.

    Returns where kubectl is to do by itself what was asked. Raises ``Refusal`` without a cluster, and in a container.
    """
    if caller.cluster is None:
        raise Refusal(1, f"podwire: {argv[0]}: there is no cluster here: give podwire sh a lab with -f\n")
    if caller.place is not None and caller.place.container:
        raise Refusal(127, f"bash: {argv[0]}: command not found\n")
    found = kubectl_exec(argv)
    if found is None:
        return
    pod, command = found
    name = command[0].rpartition("/")[2]
    if name not in _SHELLS and (registry.find(image("debian-12"), name) is not None or name in OPERATORS):
        return
    here = next((each for each in caller.cluster.pods if each.spec.key == pod), None)
    if here is not None:
        become = _login(command, caller)
        if name in _SHELLS and not caller.terminal:
            become = ["bash", "-c", _TOLD, "kubectl", *become]
        raise Become(here.place, become, f'exec: "{command[0]}": %s\n', 126)


_TOLD: Final = """\
"$@"
status=$?
[ $status = 0 ] || echo "command terminated with exit code $status" >&2
exit $status"""
"""Kubectl's last word about a command that failed."""


def _ssh(argv: list[str], caller: Caller) -> None:
    if caller.cluster is None:
        raise Refusal(255, "podwire: ssh: there is no other machine here: give podwire sh a lab with -f\n")
    name, line = ssh(argv)
    for node in caller.cluster.nodes:
        if str(node.ip) == name:
            name = node.name
    place = caller.cluster.machine(name).place
    raise Become(place, ["bash", "-c", line] if line else _login(["bash"], caller))


def _login(command: list[str], caller: Caller) -> list[str]:
    """A shell that somebody types into is bash, with a prompt; any other command is as it is."""
    if command[0].rpartition("/")[2] in _SHELLS and all(
        word.startswith("-") and "c" not in word for word in command[1:]
    ):
        return ["bash", "--rcfile", BASHRC, "-i"] if caller.terminal else ["bash"]
    return command


# -- namespaces ---------------------------------------------------------------------------------------------------

_NETNS_PATHS: Final = ("/run/netns/", "/var/run/netns/")
_OF_PROCESS: Final = re.compile(r"/proc/(\d+)/ns/net")


def _standing(caller: Caller, name: str) -> Place:
    if caller.place is None:
        raise PodwireError(
            f"{name}: you stand on no machine: ssh NODE, kubectl exec POD -- …, or podwire sh -m MACHINE"
        )
    return caller.place


def _split(
    words: list[str], name: str, valued: str, optional: str, longs: dict[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Short and long options by letter, and the command behind them; ``optional`` take a value with ``=`` only."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            long, equals, value = word[2:].partition("=")
            letter = longs.get(long)
            if letter is None:
                raise NotModelled(f"option {word}", name)
            if letter in valued and not equals:
                value = _value(rest, name, word)
            found[letter] = value
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in longs.values():
                raise NotModelled(f"option -{letter}", name)
            if letter in valued:
                found[letter], letters = letters or _value(rest, name, word), ""
            elif letter in optional:
                found[letter], letters = letters, ""
            else:
                found[letter] = ""
    return found, rest


def _value(rest: list[str], name: str, option: str) -> str:
    if not rest:
        kind = f"option '{option}'" if option.startswith("--") else "option"
        letter = "" if option.startswith("--") else f" -- '{option[-1]}'"
        raise Refusal(
            125 if name == "timeout" else 1,
            f"{name}: {kind} requires an argument{letter}\nTry '{name} --help' for more information.\n",
        )
    return rest.pop(0)


_NSENTER: Final = {
    "target": "t",
    "net": "n",
    "mount": "m",
    "uts": "u",
    "ipc": "i",
    "pid": "p",
    "user": "U",
    "cgroup": "C",
    "all": "a",
}
_UNSHARE: Final = {
    "net": "n",
    "mount": "m",
    "uts": "u",
    "ipc": "i",
    "pid": "p",
    "user": "U",
    "cgroup": "C",
    "fork": "f",
} | {"map-root-user": "r", "kill-child": "k", "mount-proc": "P"}


def _nsenter(argv: list[str], caller: Caller) -> None:
    options, command = _split(argv[1:], "nsenter", "t", "nmuipUC", _NSENTER)
    here = _standing(caller, "nsenter")
    target = None
    if "t" in options:
        number = options["t"]
        target = here.machine.root if number == "1" else caller.place_of(int(number)) if number.isdecimal() else None
        if target is None:
            raise Refusal(1, f"nsenter: cannot open /proc/{number}/ns/net: No such file or directory\n")
    place = here
    if "a" in options or "m" in options:
        place = target or here
    elif "u" in options and target is not None and target.hostname != here.hostname:
        raise NotModelled("option -u without -m: another host name with the files of this place", "nsenter")
    if options.get("n"):
        path = options["n"]
        netns = _netns_at(path, here, caller)
        if netns is None:
            raise Refusal(1, f"nsenter: cannot open {path}: No such file or directory\n")
        place = place.in_netns(netns)
    elif "n" in options:
        if target is None:
            raise Refusal(1, "nsenter: no target PID specified for --net\n")
        place = place if place is target else place.in_netns(target.netns)
    raise _become(place, command, "nsenter", caller)


def _netns_at(path: str, here: Place, caller: Caller) -> Netns | None:
    """``--net=FILE``: one that ip netns made, or a process's."""
    if match := _OF_PROCESS.fullmatch(path):
        place = here.machine.root if match[1] == "1" else caller.place_of(int(match[1]))
        return place.netns if place is not None else None
    for prefix in _NETNS_PATHS:
        if path.startswith(prefix):
            return here.machine.netns_names.get(path.removeprefix(prefix))
    return None


def _unshare(argv: list[str], caller: Caller) -> None:
    options, command = _split(argv[1:], "unshare", "", "nmuipUC", _UNSHARE)
    here = _standing(caller, "unshare")
    if "n" not in options:
        raise _become(here, command, "unshare", caller)
    if options["n"]:
        raise NotModelled(f"option --net={options['n']}", "unshare")
    machine = here.machine
    number = 1
    while f"{machine.name}/unshare-{number}" in machine.netns:
        number += 1
    place = here.in_netns(machine.new_netns(f"{machine.name}/unshare-{number}"))
    become = _become(place, command, "unshare", caller)
    become.owner = place
    raise become


def _become(place: Place, command: list[str], name: str, caller: Caller) -> Become:
    command = command or _login(["bash"], caller)
    return Become(place, command, f"{name}: failed to execute {command[0]}: %s\n", 127)


# -- time ---------------------------------------------------------------------------------------------------------

_TIMEOUT: Final = {"signal": "s", "kill-after": "k", "foreground": "f", "preserve-status": "p", "verbose": "v"}
_EVER: Final = 1e9
"""Seconds: a command that may run for longer runs for ever."""
_TRY: Final = "Try 'timeout --help' for more information.\n"


def _timeout(argv: list[str], caller: Caller) -> None:
    options, rest = _split(argv[1:], "timeout", "sk", "", _TIMEOUT)
    if "v" in options:
        raise NotModelled("option -v", "timeout")
    if len(rest) < 2:
        raise Refusal(125, _TRY)
    number = _signal(options.get("s", "TERM"))
    duration, command = rest[0], rest[1:]
    kill_after = _duration(options["k"]) if "k" in options else 0
    become = Become(caller.place, command, f"timeout: failed to run command ‘{command[0]}’: %s\n", 127)
    become.minding = Minding(
        _duration(duration) or None, number, kill_after or None, "".join(sorted(options.keys() & {"f", "p"}))
    )
    raise become


def _duration(text: str) -> int:
    value = seconds(text)
    if value is None:
        raise Refusal(125, f"timeout: invalid time interval ‘{text}’\n{_TRY}")
    if value > _EVER:
        return 0
    return round(value * 1_000_000_000)


def _signal(text: str) -> int:
    name = text.upper().removeprefix("SIG")
    if text.isdecimal() and 0 < int(text) < signal.NSIG:
        return int(text)
    if f"SIG{name}" in signal.Signals.__members__:
        return signal.Signals[f"SIG{name}"].value
    raise Refusal(125, f"timeout: ‘{text}’: invalid signal\n{_TRY}")


def _date(argv: list[str], caller: Caller) -> None:
    """The real ``date``, told the virtual time."""
    told = any(
        word[:2] in {"-d", "-f", "-r", "-s"} or word.partition("=")[0] in {"--date", "--file", "--reference", "--set"}
        for word in argv[1:]
    )
    if any(word.startswith(("-s", "--set")) for word in argv[1:]):
        raise NotModelled("setting the time", "date")
    now = [] if told else ["-d", f"@{caller.now // 1_000_000_000}.{caller.now % 1_000_000_000:09}"]
    raise Become(caller.place, ["sh", "-c", 'PATH=$0; exec date "$@"', REAL, *argv[1:], *now])


REAL: Final = "\0real"
BASHRC: Final = "\0bashrc"
"""These stand for paths that the directory of the run knows."""

_COMMANDS: Final[MappingProxyType[str, Callable[[list[str], Caller], None]]] = MappingProxyType(
    {"date": _date, "nsenter": _nsenter, "ssh": _ssh, "timeout": _timeout, "unshare": _unshare}
)


NAMES: Final = frozenset(_COMMANDS)
