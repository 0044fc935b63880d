"""Where a process of the run stands: in its environment a token, here the place it means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from podwire.linux.machine import Place
from podwire.linux.netns import Netns

VARIABLE: Final = "PODWIRE_PLACE"
HOST: Final = "PODWIRE_HOST"
"""For the prompt."""


class Places:
    """Tokens of the places where something has stood; the empty one stands nowhere (a lab, before ``ssh`` or ``kubectl exec``)."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._owners: dict[int, tuple[Place, Netns]] = {}
        """Namespaces that ``unshare`` made, by the process that holds them."""
        self._moved: dict[int, str] = {}
        """Where processes went, which may have become ``env -i`` since."""

    def token(self, place: Place | None) -> str:
        """A name for a place: the namespace's label, numbered where several places share it."""
        if place is None:
            return ""
        number = 1
        while True:
            name = place.netns.label if number == 1 else f"{place.netns.label}#{number}"
            known = self._places.setdefault(name, place)
            if known is place or (
                known.netns is place.netns and known.files is place.files and known.image is place.image
            ):
                return name
            number += 1

    def settings(self, place: Place | None) -> list[str]:
        """The environment of a process that is to stand there."""
        token = self.token(place)
        host = "nowhere" if place is None else _prompt(place)
        return [f"{VARIABLE}={token}", f"{HOST}={host}"]

    def find(self, token: str, pid: int) -> Place | None:
        """The place of a request; of a process whose environment was emptied (``env -i``) that of its ancestors."""
        while not token and pid > 1:
            found = of_process(pid)
            if found is None:
                found = self._moved.get(pid)
            if found is not None:
                token = found
                break
            pid = _parent(pid)
        return self._places.get(token)

    def outer(self, pids: Iterable[int], wanted: int) -> int | None:
        """The process, of these, that the script knows by the id ``wanted``."""
        return next((pid for pid in pids if _inner(pid) == wanted), None)

    def known(self, pids: Iterable[int]) -> list[int]:
        """The ids by which the script knows these processes, as /proc lists them."""
        return sorted(inner for pid in pids if (inner := _inner(pid)) is not None)

    def move(self, pid: int, place: Place | None) -> None:
        """A process becomes a command that stands there."""
        self._moved[pid] = self.token(place)

    # -- unshare -------------------------------------------------------------------------------------------------

    def own(self, pid: int, place: Place) -> None:
        """A process made this namespace: it goes when the process, and what came of it, has gone."""
        self._owners[pid] = place, place.netns

    def sweep(self, pids: Iterable[int]) -> None:
        """Forget processes that have ended, and remove the namespaces that they held."""
        alive = set(pids)
        self._moved = {pid: token for pid, token in self._moved.items() if pid in alive}
        if not self._owners:
            return
        held = {token for pid in alive if (token := of_process(pid) or self._moved.get(pid))}
        for pid, (place, netns) in list(self._owners.items()):
            if pid in alive or any(self._places.get(token) and self._places[token].netns is netns for token in held):
                continue
            del self._owners[pid]
            if netns not in place.machine.netns_names.values():
                place.machine.remove_netns(netns)


def _prompt(place: Place) -> str:
    root = place.machine.root.netns
    if place.container or place.netns is root:
        return place.hostname
    return f"{place.hostname}({place.netns.label})"


def environment(pid: int) -> dict[str, str]:
    """The environment of a process; empty where it is not to be had."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    settings = (setting.decode("utf-8", "surrogateescape").partition("=") for setting in data.split(b"\0"))
    return {name: value for name, equals, value in settings if equals}


def of_process(pid: int) -> str | None:
    """The token in a process's environment; None where it is not to be had."""
    return environment(pid).get(VARIABLE)


def _parent(pid: int) -> int:
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1]
        )
    except OSError:
        return 0


def _inner(pid: int) -> int | None:
    """The id of a process in its own namespace of processes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return pid
