"""The network as a whole: clock, log, random streams, machines and what joins them.

It is the ``World`` that every machine stands in.
"""

from __future__ import annotations

from random import Random
from typing import Protocol

from podwire.errors import ConfigError
from podwire.fabric.clock import Clock
from podwire.linux.image import image
from podwire.linux.link import Link
from podwire.linux.machine import Machine
from podwire.trace.events import AnyEvent
from podwire.trace.log import Log
from podwire.wire.addr import Ip


class Fabric(Protocol):
    """A segment or a cloud: it knows names of addresses, if any, and what is plugged in."""

    name: str

    def links(self) -> list[Link]:
        """The NICs that are plugged in, in the order in which they came."""

    def reverse_name(self, ip: Ip) -> str | None:
        """The name that its DNS gives for an address."""


class Network(Clock):
    """Owner of time, of the event log and of all randomness (keyed by ``seed`` and a name: same seed, same bytes)."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.log = Log()
        self.machines: dict[str, Machine] = {}
        self.roles: dict[str, str] = {}
        """What the machines are: router, node or host."""
        self.fabrics: dict[str, Fabric] = {}
        self._streams: dict[tuple[str, ...], Random] = {}
        self._packets = 0

    def random(self, *key: str) -> Random:
        """The stream of that key. Equal keys share one stream; others are independent of how far it was read."""
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Random("\0".join((str(self.seed), *key)))
        return stream

    def new_packet_id(self) -> int:
        """Ids from 1 in order of creation."""
        self._packets += 1
        return self._packets

    def require_free(self, what: str, name: str) -> None:
        """Raise ``ConfigError`` about ``what`` for a name that a machine or network has."""
        if name in self.machines or name in self.fabrics:
            raise ConfigError(what, "the name is taken")

    def add_machine(self, name: str, image_name: str = "debian-12", role: str = "host") -> Machine:
        """A machine with that name, image and role (router, node or host).

        Raises ``ConfigError`` for a name in use or an image that is not known.
        """
        self.require_free(f"machine {name!r}", name)
        machine = self.machines[name] = Machine(self, name, image(image_name))
        self.roles[name] = role
        return machine

    def add_fabric(self, fabric: Fabric) -> None:
        """A segment or cloud joins the network; raises ``ConfigError`` for a name in use."""
        self.require_free(f"network {fabric.name!r}", fabric.name)
        self.fabrics[fabric.name] = fabric

    def reverse_name(self, ip: Ip) -> str | None:
        """The first name that a fabric gives for an address."""
        for fabric in self.fabrics.values():
            name = fabric.reverse_name(ip)
            if name is not None:
                return name
        return None

    def emit(self, where: str, packet: int, event: AnyEvent) -> None:
        """Log an event that happened outside every machine, in fabric ``where``."""
        if self.log.on:
            self.log.emit(self.now, where, where, packet, event)
