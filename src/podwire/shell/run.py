"""``podwire sh`` and ``podwire shell``: where a script stands, and what it is refused before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from podwire.fabric.network import Network
from podwire.shell import sandbox, scan
from podwire.shell.session import Session

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.linux.machine import Place

_SECOND: Final = 1_000_000_000
_VALUED: Final = frozenset({"--init-file", "--rcfile"})
"""Options of bash with a value."""
_FILES: Final = {
    "/etc/hosts": "127.0.0.1\tlocalhost\n",
    "/etc/hostname": "host\n",
    "/etc/networks": "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n",
}


def bare_machine(seed: int = 0) -> tuple[Network, Place]:
    """A machine with nothing but ``lo``, where a script builds the rest."""
    network = Network(seed)
    root = network.add_machine("host").root
    root.files.update(_FILES)
    return network, root


def run(
    arguments: Sequence[str],
    *,
    cluster: Cluster | None = None,
    machine: str | None = None,
    seed: int = 0,
    max_time: float = 3600.0,
    interactive: bool = False,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> int:
    """Run ``bash ARGUMENTS`` and return its exit status; the arguments are bash's: ``FILE …``, ``-c TEXT …``.

    With a cluster it stands on ``machine`` (a node, router, host or pod), or nowhere; without one, on a bare machine.
    ``max_time`` in virtual seconds. Streams as for ``subprocess``.

    Raises ``PodwireError`` for a script that would touch this machine's kernel, and where there is no bash.
    """
    _check(arguments, directory or Path())
    place: Place | None
    if cluster is None:
        network, place = bare_machine(seed)
    else:
        network, place = cluster.network, None
    if cluster is not None and machine is not None:
        place = cluster.machine(machine).place
    session = Session(network, place, cluster, max_time=round(max_time * _SECOND), interactive=interactive)
    return session.run(
        arguments, directory=directory, environment=environment, stdin=stdin, stdout=stdout, stderr=stderr
    )


def _check(arguments: Sequence[str], directory: Path) -> None:
    """Look at the script before anything is started: bash's first argument that is no option, or with -c that text."""
    words = list(arguments)
    is_text = False
    while words and words[0][:1] in {"-", "+"} and words[0] not in {"-", "--"}:
        option = words.pop(0)
        if option in _VALUED or (option[1:2] != "-" and option[-1:] in {"o", "O"}):
            del words[:1]
        elif option[1:2] != "-":
            is_text = is_text or "c" in option
            if "s" in option:
                return
    if words[:1] in (["-"], ["--"]):
        words.pop(0)
    if not words:
        return
    if is_text:
        scan.check(words[0], "-c", _is_sandboxed)
        return
    path = directory / words[0]
    if path.is_file():
        scan.check(path.read_text(encoding="utf-8", errors="surrogateescape"), words[0], _is_sandboxed)


def _is_sandboxed() -> bool:
    return bool(sandbox.available())
