"""Two packets that overtake each other inside connection tracking: what two CPUs do, in a world that has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from podwire.errors import PodwireError

if TYPE_CHECKING:
    from podwire.fabric.network import Network

_A = TypeVar("_A")
_B = TypeVar("_B")


def race(network: Network, first: Callable[[], _A], second: Callable[[], _B]) -> tuple[_A, _B]:
    """Do ``first``; just before its first packet is confirmed by a machine's connection tracking do ``second``, then the rest.

    Raises ``PodwireError`` where ``first`` meets no connection tracking that makes a connection for it: then there is no race.
    """
    machines = tuple(network.machines.values())
    results: list[_B] = []

    def other_cpu() -> None:
        for machine in machines:
            machine.race = None
        results.append(second())

    for machine in machines:
        machine.race = other_cpu
    try:
        result = first()
    finally:
        for machine in machines:
            machine.race = None
    if not results:
        raise PodwireError("race: the first packet began no connection that a machine tracks, so nothing overtook it")
    return result, results[0]
