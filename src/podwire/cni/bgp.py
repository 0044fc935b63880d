"""BGP as an agent sees it: neighbours that it configures, paths that come and go (RFC 4271 section 9, RFC 4456).

The sessions themselves are carried by the cluster (``View.speaker``), as packets on TCP port 179.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

import msgspec

from podwire.wire.addr import Ip, Net

_RECENT: Final = 20 * 3600 * 1_000_000_000
LOCAL_PREF: Final = 100
"""BIRD's ``default bgp_local_pref``."""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """One session as one side has configured it.

    ``name`` and ``kind`` are what tools print (``Mesh_10_0_0_2``, ``node-to-node mesh``). ``passive`` waits for the other side.
    ``rr_client`` is reflected to; ``cluster`` is the own cluster id where this side is a reflector. ``keep_next_hop`` is ``next
    hop keep``. ``restart`` is the graceful restart time in seconds.
    """

    name: str
    kind: str
    local: Ip
    asn: int
    remote: Ip
    remote_as: int
    port: int = 179
    passive: bool = False
    rr_client: bool = False
    cluster: Ip | None = None
    keep_next_hop: bool = False
    restart: int = 120

    @property
    def internal(self) -> bool:
        """Both ends are in one AS."""
        return self.asn == self.remote_as


class Path(msgspec.Struct, frozen=True):
    """A way to ``prefix``; ``as_path`` is nearest first. ``originator`` and ``clusters`` are those of reflection."""

    prefix: Net
    next_hop: Ip
    as_path: tuple[int, ...] = ()
    local_pref: int = LOCAL_PREF
    med: int = 0
    originator: Ip | None = None
    clusters: tuple[Ip, ...] = ()


class Learned(msgspec.Struct, frozen=True):
    """A path, and the session by which it came."""

    neighbour: Neighbour
    path: Path
    router_id: Ip
    """Of the other side, or of who brought the path into the AS."""


State = Literal["up", "start", "down"]


class SessionState(msgspec.Struct, frozen=True):
    """A session as ``birdcl show protocols`` has it: ``since`` in ns since 1970, ``info`` such as ``Established``, the last ``error``."""

    neighbour: Neighbour
    state: State
    since: int
    info: str
    error: str = ""

    @property
    def established(self) -> bool:
        """Routes pass."""
        return self.info == "Established"


def since(time: int, now: int) -> str:
    """A time as BIRD 1.6 prints it in lists of protocols: of the last 20 hours the hour, else the day (``timeformat protocol``)."""
    shown = datetime.fromtimestamp(time // 1_000_000_000, UTC)
    return f"{shown:%H:%M:%S}" if now - time < _RECENT else f"{shown:%Y-%m-%d}"


Export = Callable[[Neighbour, Path], bool]
"""An export filter: whether a path may be told to a neighbour."""


class Speaker(Protocol):
    """BIRD's sessions on one machine."""

    def configure(self, router_id: Ip, neighbours: Sequence[Neighbour], own: Sequence[Path], export: Export) -> bool:
        """The whole configuration, and the paths that begin here; False where nothing has changed."""

    def learned(self) -> list[Learned]:
        """What came by sessions that are up, or that are held for a graceful restart; what is not usable (loops) is left out."""

    def sessions(self) -> list[SessionState]:
        """Of every neighbour, in the order of the configuration."""


def prefer(learned: Learned) -> tuple[object, ...]:
    """Smaller is better: local preference, length of the path, MED, external before internal, then who spoke (RFC 4271, 9.1.2.2)."""
    path = learned.path
    return (
        *equal_cost(learned),
        int(path.originator or learned.router_id),
        len(path.clusters),
        int(learned.neighbour.remote),
    )


def equal_cost(learned: Learned) -> tuple[int, ...]:
    """What two paths have in common that ``merge paths`` makes one route of."""
    path = learned.path
    return -path.local_pref, len(path.as_path), path.med, learned.neighbour.internal


def best(candidates: Iterable[Learned]) -> dict[Net, list[Learned]]:
    """By prefix: the best path, and those behind it that are as good."""
    groups: dict[Net, list[Learned]] = {}
    for each in candidates:
        groups.setdefault(each.path.prefix, []).append(each)
    for prefix, group in groups.items():
        if len(group) > 1:
            group.sort(key=prefer)
            cost = equal_cost(group[0])
            groups[prefix] = [each for each in group if equal_cost(each) == cost]
    return groups


def accepted(neighbour: Neighbour, router_id: Ip, path: Path) -> bool:
    """Import: no loop of ASes (section 9.1.2), no path that began here or passed this cluster (RFC 4456 section 8)."""
    return not (
        (not neighbour.internal and neighbour.asn in path.as_path)
        or path.originator == router_id
        or (neighbour.cluster is not None and neighbour.cluster in path.clusters)
        or path.next_hop == neighbour.local
    )


def told(neighbour: Neighbour, router_id: Ip, own: Iterable[Path], learned: Iterable[Learned]) -> list[Path]:
    """What a neighbour is told, before the export filter: own paths, and of the learned (best) ones those that it may hear.

    A path from inside the AS goes to the outside, and to the inside only by reflection: from a client to all, from others to clients.
    """
    paths = [_onto(neighbour, path, neighbour.local) for path in own]
    for each in learned:
        source = each.neighbour
        if source == neighbour:
            continue
        reflected = source.internal and neighbour.internal
        if reflected and not (source.rr_client or neighbour.rr_client):
            continue
        path = each.path
        if reflected:
            cluster = neighbour.cluster or router_id
            path = msgspec.structs.replace(
                path, originator=path.originator or each.router_id, clusters=(cluster, *path.clusters)
            )
        keep = neighbour.internal or neighbour.keep_next_hop
        paths.append(_onto(neighbour, path, path.next_hop if keep else neighbour.local))
    return paths


def _onto(neighbour: Neighbour, path: Path, next_hop: Ip) -> Path:
    if neighbour.internal:
        return path if path.next_hop == next_hop else msgspec.structs.replace(path, next_hop=next_hop)
    return Path(path.prefix, next_hop, (neighbour.asn, *path.as_path))
