"""Addresses and node ports of Services, allocated as the API server does.

The range is cut in two: who names an address takes it from anywhere, and who lets the server choose gets one of the upper, "dynamic"
part as long as it has any (KEP 3070 for addresses, KEP 3668 for ports; registry/core/service/ipallocator and portallocator).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from podwire.errors import PodwireError
from podwire.kube import words
from podwire.kube.invalid import Problems
from podwire.wire.addr import Ip, Net

NODE_PORTS: Final = range(30000, 32768)


def static_part(size: int, *, step: int, most: int) -> int:
    """How many of a range's first values are kept for those who name theirs: ``min(max(16, size / step), most)``."""
    return 0 if size <= 16 else min(max(16, size // step), most)


def _draw(random: Random, count: int, static: int, taken: Callable[[int], bool]) -> int | None:
    """An offset below ``count``: random in the dynamic part, from where the next free one is taken; the static part last."""
    for low, high in ((static, count), (0, static)):
        if low >= high:
            continue
        start = random.randrange(low, high)
        for index in range(high - low):
            offset = low + (start - low + index) % (high - low)
            if not taken(offset):
                return offset
    return None


class Taken(dict[int, str]):
    """What is taken, and by whom. What has changed since ``begin`` can be taken back."""

    def __init__(self, owners: Mapping[int, str]) -> None:
        super().__init__(owners)
        self._before: list[tuple[int, str | None]] = []

    def begin(self) -> None:
        """From here on changes are remembered."""
        self._before = []

    def take(self, key: int, owner: str) -> None:
        """It is the owner's now."""
        self._before.append((key, self.get(key)))
        self[key] = owner

    def release(self, key: int) -> None:
        """It is nobody's now."""
        self._before.append((key, self.pop(key, None)))

    def back(self) -> None:
        """As it was at ``begin``."""
        for key, owner in reversed(self._before):
            if owner is None:
                self.pop(key, None)
            else:
                self[key] = owner
        self._before = []


class Addresses:
    """The service range: which addresses are taken. The first is the Service ``default/kubernetes``'s, and is never given away."""

    def __init__(self, cidr: Net) -> None:
        self.cidr = cidr
        self._base = int(cidr.addr) + 1
        # Neither the network's own nor the broadcast address.
        self._count = max(0, (1 << (cidr.addr.bits - cidr.plen)) - 2)
        self.taken = Taken({0: "default/kubernetes"})

    def copy(self) -> Addresses:
        """The same state, independent from now on."""
        other = Addresses(self.cidr)
        other.taken = Taken(self.taken)
        return other

    def _offset(self, ip: Ip) -> int | None:
        offset = int(ip) - self._base
        return offset if ip.family == self.cidr.family and 0 <= offset < self._count else None

    def take(self, problems: Problems, text: str, owner: str) -> None:
        """An address that a manifest names; complaints as the server has them."""
        ip = words.parse_ip(text)
        if ip is None:
            return  # the validation has said so
        offset = self._offset(ip)
        if offset is None:
            why = f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {self.cidr}"
        elif self.taken.get(offset, owner) != owner:  # the first address waits for its Service
            why = "provided IP is already allocated"
        else:
            self.taken.take(offset, owner)
            return
        problems.invalid("spec.clusterIPs", [text], f"failed to allocate IP {ip}: {why}")

    def draw(self, random: Random, owner: str) -> Ip:
        """Any free address. Raises ``PodwireError`` where none is left."""
        size = 1 << (self.cidr.addr.bits - self.cidr.plen)
        offset = _draw(random, self._count, static_part(size, step=16, most=256), self.taken.__contains__)
        if offset is None:
            raise PodwireError(f"failed to allocate a serviceIP: range is full ({self.cidr})")
        self.taken.take(offset, owner)
        return type(self.cidr.addr)(self._base + offset)

    def release(self, text: str) -> None:
        """An address is free again."""
        ip = words.parse_ip(text)
        offset = self._offset(ip) if ip is not None else None
        if offset is not None:
            self.taken.release(offset)


class NodePorts:
    """Node ports that are taken."""

    def __init__(self) -> None:
        self.taken = Taken({})

    def copy(self) -> NodePorts:
        """The same state, independent from now on."""
        other = NodePorts()
        other.taken = Taken(self.taken)
        return other

    def take(self, problems: Problems, path: str, port: int, owner: str) -> None:
        """A port that a manifest names."""
        if port not in NODE_PORTS:
            shown = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
            problems.invalid(
                path, port, f"provided port is not in the valid range. The range of valid ports is {shown}"
            )
        elif port in self.taken:
            problems.invalid(path, port, "provided port is already allocated")
        else:
            self.taken.take(port, owner)

    def draw(self, random: Random, owner: str) -> int:
        """Any free port. Raises ``PodwireError`` where none is left."""
        count = len(NODE_PORTS)
        static = static_part(count, step=32, most=128)
        offset = _draw(random, count, static, lambda each: NODE_PORTS[each] in self.taken)
        if offset is None:
            raise PodwireError("failed to allocate a nodePort: range is full")
        self.taken.take(NODE_PORTS[offset], owner)
        return NODE_PORTS[offset]

    def release(self, port: int) -> None:
        """A port is free again."""
        self.taken.release(port)
