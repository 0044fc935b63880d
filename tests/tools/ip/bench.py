"""A machine without a network, for tests of ``ip``: a clock of its own, and the simple lines of the oracle's scripts."""

import heapq
import re
import shlex
from random import Random

from podwire.errors import NotModelled
from podwire.linux.image import image
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.tools.process import Process
from podwire.tools.registry import find
from podwire.trace.log import Log

_SHELL = re.compile(r"[|&;<>$]")
_FILTERS = re.compile(r"(.*?)( 2>&1)? \| (sort|cat -v|head -n 2)")
_LOOP = re.compile(r"for (\w+) in ([^;]*); do (.*); done")


class Handle:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class World:
    """What a machine asks of the network, without one."""

    def __init__(self):
        self.log = Log()
        self.now = 1_700_000_000_000_000_000
        self._queue = []
        self._sequence = 0
        self._streams = {}
        self._packets = 0

    def at(self, time, callback):
        handle = Handle()
        self._sequence += 1
        heapq.heappush(self._queue, (time, self._sequence, callback, handle))
        return handle

    def random(self, *key):
        return self._streams.setdefault(key, Random("/".join(key)))

    def new_packet_id(self):
        self._packets += 1
        return self._packets

    def reverse_name(self, ip):
        return None

    def step(self):
        """On to the next thing that was to happen."""
        time, _, callback, handle = heapq.heappop(self._queue)
        self.now = max(self.now, time)
        if not handle.cancelled:
            callback()

    def sleep(self, seconds):
        end = self.now + int(seconds * 1_000_000_000)
        while self._queue and self._queue[0][0] <= end:
            self.step()
        self.now = end


class Bench:
    """One Debian 12, and a shell in its own namespace. ``lo`` is down, as in every fresh namespace."""

    def __init__(self, *, ipv6=False):
        self.world = World()
        self.machine = Machine(self.world, "host", image("debian-12"))
        if not ipv6:
            self.without_ipv6(self.machine.root.netns)

    def without_ipv6(self, netns):
        door = Netlink(netns)
        for scope in ("all", "default"):
            door.sysctl_write(f"net/ipv6/conf/{scope}/disable_ipv6", "1")

    def run(self, line, place=None):
        """Output and errors of one command line, in order, and its exit status."""
        argv = shlex.split(line)
        place = place or self.machine.root
        tool = find(place.image, argv[0])
        assert tool is not None, line
        process = Process(self.world, place, argv)
        process.start(tool)
        self.machine.run_softirq()
        while not process.done:
            self.world.step()
        return "".join(text for _, text in process.output), process.status

    def ok(self, line):
        """The output of what has to succeed."""
        text, status = self.run(line)
        assert status == 0, f"{line}: {text}"
        return text


class Unsupported(Exception):
    """The script does what only a shell can."""


class Script:
    """Interprets an oracle script as far as it consists of simple lines: ns, t, say, pair, sys, sleep, one-line loops, and commands."""

    def __init__(self):
        self.bench = Bench()
        self.out = []

    def run(self, text):
        """What the script prints."""
        self.bench.ok("ip link set lo up")
        for line in text.splitlines():
            if line and not line.startswith("#"):
                self.line(line)
        return "".join(self.out)

    def line(self, line):
        if loop := _LOOP.fullmatch(line):
            name, values, body = loop.groups()
            for value in values.split():
                for each in body.split("; "):
                    self.line(each.replace(f"${name}", value))
            return
        words = shlex.split(line)
        match words:
            case ["ns", *names]:
                for name in names:
                    self.namespace(name)
            case ["say", *_]:
                self.out.append(f"# {' '.join(words[1:])}\n")
            case ["pair", a, dev_a, mac_a, b, dev_b, mac_b]:
                self.bench.ok(
                    f"ip link add {dev_a} netns {a} address {mac_a} type veth peer name {dev_b} netns {b} address {mac_b}"
                )
                self.bench.ok(f"ip -n {a} link set {dev_a} up")
                self.bench.ok(f"ip -n {b} link set {dev_b} up")
            case ["sys", name, *settings]:
                self.bench.ok(f"ip netns exec {name} sysctl -qw {' '.join(settings)}")
            case ["sleep", seconds]:
                self.bench.world.sleep(float(seconds))
            case ["t", *_]:
                self.told(" ".join(words[1:]))
            case ["ip", *_] if not _SHELL.search(line):
                self.bench.run(line)
            case _:
                raise Unsupported(line)

    def namespace(self, name):
        self.bench.ok(f"ip netns add {name}")
        self.bench.without_ipv6(self.bench.machine.netns_names[name])
        self.bench.ok(f"ip -n {name} link set lo up")

    def told(self, command):
        """``t``: the command, what it prints, and its exit status if that is not 0."""
        text, after = command, None
        if filtered := _FILTERS.fullmatch(command):
            text, _, after = filtered.groups()
        if _SHELL.search(text):
            raise Unsupported(command)
        self.out.append(f"$ {command}\n")
        try:
            output, status = self.bench.run(text)
        except NotModelled as missing:
            output, status = f"NotModelled: {missing}\n", 0
        if after is not None:
            status = 0
        if after == "sort":
            output = "".join(sorted(output.splitlines(keepends=True), key=str.encode))
        elif after == "cat -v":
            output = output.replace("\033", "^[")
        elif after == "head -n 2":
            output = "".join(output.splitlines(keepends=True)[:2])
        self.out.append(output)
        if status:
            self.out.append(f"[exit {status}]\n")


def blocks(text):
    """Pairs of ``$ command`` (or ``# comment``) and what follows it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith(("$ ", "# ")):
            found.append((line.rstrip("\n"), []))
        elif found:
            found[-1][1].append(line)
    return [(command, "".join(lines)) for command, lines in found]
