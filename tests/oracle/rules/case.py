"""A case: a rule set of the router between two hosts, and packets that the hosts send through it.

```
a 10.1.0.2-9 --- ra 10.1.0.1 [ r ] rb 10.2.0.1 --- b 10.2.0.2-9, and everything else
```
The hosts are wires only: whatever they send is written into the case, or is an answer to what they got.
"""

from pathlib import Path

import msgspec


class Send(msgspec.Struct, frozen=True, tag="send"):
    """Host ``side`` sends the frame ``data`` (hex)."""

    side: str
    data: str


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Whichever host has got the last frame answers it: see ``packets.answer``."""

    how: str


class Local(msgspec.Struct, frozen=True, tag="local"):
    """The router itself sends the datagram ``data`` (hex) by a raw socket with that SO_MARK."""

    data: str
    mark: int = 0


class Case(msgspec.Struct, frozen=True):
    """``variant`` of iptables; texts for ``ipset restore`` and ``iptables-restore``; switches; what is sent."""

    variant: str
    theme: str
    rules: str
    packets: tuple[Send | Answer | Local, ...]
    sets: str = ""
    sysctls: tuple[str, ...] = ()
    trace: bool = False
    """TRACE stands first in raw: the rules that packets meet are compared, too."""
    routes: tuple[str, ...] = ()
    """Words for ``ip`` on the router."""
    listening: tuple[int, ...] = ()
    """UDP ports at which the router listens."""
    syncs: tuple[str, ...] = ()
    """Given to ``iptables-restore --noflush --counters`` afterwards, one by one."""
    devices: tuple[str, ...] = ()
    """The router's devices towards a and b, if they have other names than ra and rb: then it has no addresses and no neighbours at first."""
    setup: tuple[tuple[str, str], ...] = ()
    """Commands of the router with their standard input, after ``sysctls`` and before all else."""


class Seen(msgspec.Struct):
    """What one of the two worlds made of it."""

    frames: list[tuple[int, str, str]] = []
    """Number of the packet that was sent last, the host that got the frame, the frame in hex."""
    refused: list[tuple[int, int]] = []
    """Number of a packet of the router's own, and the errno that the sender got."""
    saved: str = ""
    """``iptables-save -c``."""
    connections: str = ""
    """``conntrack -L -o extended``, and of ``ipset save`` behind it."""
    trace: str = ""
    """``xtables-monitor --trace``."""
    told: str = ""
    """The same from podwire's events, in the words of ``podwire trace --detailed``; empty of the kernel."""
    error: str = ""


def save(path: Path, case: Case) -> None:
    """Keep a case as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(case)))


def load(path: Path) -> Case:
    """The case of a file."""
    return msgspec.json.decode(path.read_bytes(), type=Case)
