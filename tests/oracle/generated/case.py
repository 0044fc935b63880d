"""A case: namespaces, veths, what is configured, what is tried; and the script that it is written as."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

TABLES: Final = ("ip -s addr", "ip route show table all", "ip rule", "ip neigh")
"""What is looked at in each namespace at the end."""
FDB: Final = "bridge fdb show"
"""And where there are bridges or tunnels."""
PAUSE: Final = "0.15"
"""Seconds behind each probe: what it has set off is over then, and two redirects are not too close."""
CARRIER: Final = "1.2"
SYSCTLS: Final = (
    *(f"net.ipv6.conf.{scope}.disable_ipv6=1" for scope in ("all", "default")),
    *(f"net.ipv4.conf.{scope}.{key}=0" for key in ("rp_filter", "promote_secondaries") for scope in ("all", "default")),
)
"""As ``ns`` of the oracle's prelude."""
READY: Final = "ready"
"""From here on frames are recorded: a line of the runners' own, not of a script that is kept."""


class Veth(msgspec.Struct, frozen=True):
    """A cable: namespace, device, MAC address and interface index of either end.

    The indexes differ: with equal ones the kernel tells of a carrier up to a second late (FINDINGS 10).
    """

    a: tuple[str, str, str]
    b: tuple[str, str, str]
    index: int

    def line(self) -> str:
        """The command that makes it."""
        (ns_a, dev_a, mac_a), (ns_b, dev_b, mac_b) = self.a, self.b
        return (
            f"ip link add {dev_a} index {self.index} netns {ns_a} address {mac_a} type veth "
            f"peer name {dev_b} index {self.index + 1} netns {ns_b} address {mac_b}"
        )


class Command(msgspec.Struct, frozen=True):
    """A command in a namespace: ``ip …``, ``bridge …``, ``ping …``, ``sysctl KEY=VALUE``; or ``sleep SECONDS``."""

    netns: str
    text: str

    def line(self) -> str:
        """As the script has it."""
        tool, _, rest = self.text.partition(" ")
        if tool == "sleep":
            return self.text
        if tool == "sysctl":
            return f"sys {self.netns} {rest}"
        if tool == "ip":
            return f"t ip -n {self.netns} {rest}"
        return f"t ip netns exec {self.netns} {self.text}"

    @property
    def is_device(self) -> bool:
        """It makes a bridge or a tunnel."""
        return self.text.startswith("ip link add ")

    @property
    def is_ping(self) -> bool:
        """It sends packets."""
        return self.text.startswith("ping ")


class Batch(msgspec.Struct, frozen=True):
    """Commands of ``tool`` in one namespace ("" for none), which the runners give to one process: it is processes that cost."""

    netns: str
    lines: tuple[str, ...]
    tool: str = "ip"


class Case(msgspec.Struct, frozen=True):
    """``setup`` is done first and given time to settle, then come the ``steps``; then the tables are shown.

    Of the setup of a namespace ``ip link add`` comes first, then switches, then other words of ``ip``, then ``bridge``.
    """

    namespaces: tuple[str, ...]
    veths: tuple[Veth, ...]
    setup: tuple[Command, ...]
    steps: tuple[Command, ...]
    shape: str = ""

    def kept(self, subject: str) -> str:
        """A script for tests/oracle/scripts: simple commands in the oracle's shell."""
        lines = [
            f"# {subject}",
            f"# area: {'tunnel' if self.virtual else 'forward'}",
            f"ns {' '.join(self.namespaces)}",
            *(veth.line() for veth in self.veths),
        ]
        lines += _merged(self.setup)
        lines.append(f"sleep {self.settled}")
        for step in self.steps:
            lines.append(step.line())
            if step.is_ping:
                lines.append(f"sleep {PAUSE}")
        if self.settled != PAUSE:
            lines.append(f"sleep {self.settled}")
        for name in self.namespaces:
            # The order of the neighbour table is a hash with a random seed.
            shown = (Command(name, table).line() for table in TABLES)
            lines += [f"t '{line.removeprefix('t ')} | sort'" if line.endswith(" neigh") else line for line in shown]
            if self.virtual:
                lines.append(f"t 'ip netns exec {name} {FDB} | grep -v -e ^33:33 -e ^01:00:5e | sort'")
        return "\n".join(lines) + "\n"

    def plan(self) -> list[str | Batch]:
        """The same for the runners: namespace by namespace."""
        made = [f"netns add {name}" for name in self.namespaces]
        made += [veth.line().removeprefix("ip ") for veth in self.veths]
        result: list[str | Batch] = [Batch("", tuple(made)), READY]
        for name in self.namespaces:
            own = [command for command in self.setup if command.netns == name]
            new = [each.text.removeprefix("ip ") for each in own if each.is_device]
            if new:
                result.append(Batch(name, tuple(new)))
                result += [f"gro_off {name} {line.split()[2]}" for line in new if " type vxlan" in line]
            settings = [each.text.removeprefix("sysctl ") for each in own if each.text.startswith("sysctl ")]
            result.append(f"sys {name} {' '.join((*SYSCTLS, *settings))}")
            rest = [each.text for each in own if each.text.startswith("ip ") and not each.is_device]
            result.append(Batch(name, ("link set lo up", *(text.removeprefix("ip ") for text in rest))))
            fdb = [each.text.removeprefix("bridge ") for each in own if each.text.startswith("bridge ")]
            if fdb:
                result.append(Batch(name, tuple(fdb), "bridge"))
        result.append(f"sleep {self.settled}")
        for step in self.steps:
            result.append(step.line())
            if step.is_ping:
                result.append(f"sleep {PAUSE}")
        if self.settled != PAUSE:
            result.append(f"sleep {self.settled}")
        for name in self.namespaces:
            result.append(Command(name, TABLES[0]).line())
            result.append(Batch(name, tuple(table.removeprefix("ip ") for table in TABLES[1:])))
            if self.virtual:
                result.append(Command(name, FDB).line())
        return result

    @property
    def settled(self) -> str:
        """Seconds until all know of a carrier: that of a bridge is told up to one later."""
        return CARRIER if any(each.is_device and " type bridge" in each.text for each in self.setup) else PAUSE

    @property
    def virtual(self) -> bool:
        """There are bridges or tunnels."""
        return any(each.is_device for each in self.setup)

    def script(self) -> str:
        """``plan`` as the driver runs it."""
        parts = []
        for item in self.plan():
            if isinstance(item, Batch):
                parts.append("\n".join((f"batch '{item.netns}' {item.tool} <<END", *item.lines, "END")))
            else:
                parts.append(item)
        return "\n".join(parts) + "\n"


def _merged(commands: Iterable[Command]) -> list[str]:
    """Switches of one namespace that follow each other are one command."""
    result: list[str] = []
    for command in commands:
        line, head = command.line(), f"sys {command.netns} "
        if line.startswith(head) and result and result[-1].startswith(head):
            result[-1] += " " + line.removeprefix(head)
        else:
            result.append(line)
    return result


class Answer(msgspec.Struct):
    """What one of the two worlds made of a case: the printed text; namespace, device, direction and bytes of each frame."""

    text: str
    frames: list[tuple[str, str, int, str]]
    seconds: float = 0
    reasons: list[str] = []
    """Why packets were discarded: podwire alone can say."""


def save(path: Path, case: Case) -> None:
    """Keep a case as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(case)))


def load(path: Path) -> Case:
    """The case of a file."""
    return msgspec.json.decode(path.read_bytes(), type=Case)
