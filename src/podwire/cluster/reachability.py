"""Who reaches whom: a new connection from every pod to every pod, one after the other, through the packet path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, cast

from podwire.errors import ConfigError, NotModelled

if TYPE_CHECKING:
    from podwire.cluster import Cluster, Pod
    from podwire.cluster.connecting import Connection

YES: Final = "."
NO: Final = "X"


class Reachability:
    """What ``Cluster.reachability`` found.

    ``pods`` are the names in the order of creation; ``errors`` says of each pair (from, to) that cannot talk what the connection
    met: ``timed out``, ``connection refused`` …
    """

    def __init__(self, port: int, protocol: str, pods: tuple[str, ...], errors: dict[tuple[str, str], str]) -> None:
        self.port = port
        self.protocol = protocol
        self.pods = pods
        self.errors = errors

    def allowed(self, source: str | Pod, target: str | Pod) -> bool:
        """A new connection from the one reaches the other's socket. Names as ``default/pod1``, or ``pod1`` where that is unambiguous.

        Raises ``ConfigError`` for a pod that was not there.
        """
        return (self._name(source), self._name(target)) not in self.errors

    def _name(self, pod: str | Pod) -> str:
        name = pod if isinstance(pod, str) else pod.name
        found = [name] if name in self.pods else [each for each in self.pods if each.partition("/")[2] == name]
        if len(found) != 1:
            what = (
                f"is ambiguous: {', '.join(found)}"
                if found
                else f"was not there; pods were {', '.join(self.pods) or 'none'}"
            )
            raise ConfigError(f"pod {name!r}", what)
        return found[0]

    def table(self) -> str:
        """A row for each pod that asks, a column for each that is asked: ``.`` reached, ``X`` not."""
        names = self.pods
        wide = max((len(name) for name in names), default=0)
        rows = [" ".join([" " * wide, *names])]
        for source in names:
            marks = (NO if (source, target) in self.errors else YES for target in names)
            cells = (mark.center(len(name)) for mark, name in zip(marks, names, strict=True))
            rows.append(" ".join([source.ljust(wide), *cells]))
        return "\n".join(row.rstrip() for row in rows)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        count = len(self.pods) ** 2
        return f"<Reachability {self.protocol} {self.port}: {count - len(self.errors)}/{count}>"


def reachability(cluster: Cluster, port: int, protocol: str, timeout: float) -> Reachability:
    """See ``Cluster.reachability``."""
    way = protocol.lower()
    if way == "sctp":
        raise NotModelled("SCTP: podwire has no SCTP sockets", "reachability")
    if way not in {"tcp", "udp"}:
        raise ConfigError("reachability", f"protocol {protocol!r}: expected TCP or UDP")
    pods = cluster.pods
    errors: dict[tuple[str, str], str] = {}
    for source in pods:
        for target in pods:
            found = source.connect(target, port, cast("Literal['tcp', 'udp']", way), timeout=timeout)
            if not _reached(found, target):
                errors[source.name, target.name] = found.error or "answered by another"
    return Reachability(port, way.upper(), tuple(pod.name for pod in pods), errors)


def _reached(found: Connection, target: Pod) -> bool:
    """The pod's own socket took it; of TCP the handshake was done, too."""
    return found.server is target and (found.ok or found.protocol == "udp")
