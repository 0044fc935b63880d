"""``birdcl``: BIRD's own client, as calico-node has it (BIRD 1.6.8, client/birdcl.c and nest/proto.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.cni.bgp import since
from podwire.errors import NotModelled

if TYPE_CHECKING:
    from podwire.cni.bgp import SessionState
    from podwire.tools.process import Process

_VERSION: Final = "v0.3.3+birdv1.6.8"
"""Of calico/node v3.26."""
_HEADER: Final = "name     proto    table    state  since       info\n"


def birdcl(proc: Process) -> int:
    """``birdcl show protocols [NAME]``. What BIRD lists in the order of its hash table (``show route``) is not modelled."""
    words = proc.argv[1:]
    if words[:1] == ["-s"]:
        words = words[2:]
    calico = proc.cluster.calico if proc.cluster is not None else None
    machine = proc.place.netns.machine
    sessions = calico.bgp_sessions(machine.name) if calico is not None else None
    if sessions is None:
        proc.error(
            "Unable to connect to server control socket (/usr/local/var/run/bird.ctl): No such file or directory\n"
        )
        return 1
    if len(words) not in {2, 3} or "show".find(words[0]) or "protocols".find(words[1]) or words[2:] == ["all"]:
        raise NotModelled(f"birdcl {' '.join(words)}: podwire has show protocols", "birdcl")
    now = machine.world.now
    # The protocols that every bird.cfg of Calico has; they start with BIRD.
    started = machine.booted
    rows = [
        _row(name, kind, "up", since(started, now), "")
        for name, kind in (("static1", "Static"), ("kernel1", "Kernel"), ("device1", "Device"), ("direct1", "Direct"))
    ]
    rows += [_session(each, now) for each in sessions]
    if words[2:]:
        rows = [row for row in rows if row.split()[0] == words[2]]
    if not rows:
        raise NotModelled(
            f"protocols of the name {words[2]}: podwire knows static1, kernel1, device1, direct1 and sessions", "birdcl"
        )
    proc.write(f"BIRD {_VERSION} ready.\n{_HEADER}{''.join(rows)}")
    return 0


def _session(each: SessionState, now: int) -> str:
    return _row(each.neighbour.name, "BGP", each.state, since(each.since, now), f"{each.info:<14}{each.error}")


def _row(name: str, kind: str, state: str, when: str, info: str) -> str:
    return f"{name:<8} {kind:<8} {'master':<8} {state:<5}  {when:<10}  {info}\n"
