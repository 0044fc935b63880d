"""A machine without a network, for tests of ``ip``: a clock that stands still, and the commands of the oracle's scripts."""

import heapq
import re
import shlex
from random import Random

from podwire.errors import NotModelled
from podwire.linux.image import image
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.tools.ip import ip
from podwire.tools.process import Process
from podwire.tools.sysctl import sysctl
from podwire.trace.log import Log
from podwire.wire.addr import Mac


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
        self._ids = 0

    def at(self, time, callback):
        handle = Handle()
        self._sequence += 1
        heapq.heappush(self._queue, (time, self._sequence, callback, handle))
        return handle

    def random(self, *key):
        return self._streams.setdefault(key, Random("/".join(key)))

    def new_packet_id(self):
        self._ids += 1
        return self._ids

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
    """One Debian 12, its shell in its own namespace with ``lo`` as a fresh namespace has it."""

    def __init__(self, *, ipv6=False):
        self.world = World()
        self.machine = Machine(self.world, "host", image("debian-12"))
        if not ipv6:
            self.without_ipv6(self.machine.root.netns)

    def without_ipv6(self, netns):
        door = Netlink(netns)
        for scope in ("all", "default"):
            door.sysctl_write(f"net/ipv6/conf/{scope}/disable_ipv6", "1")

    def run(self, line):
        """Output and errors of one command line, in order, and its exit status."""
        argv = shlex.split(line)
        tool = {"ip": ip, "sysctl": sysctl}[argv[0]]
        process = Process(self.world, self.machine.root, argv)
        process.start(tool)
        self.machine.run_softirq()
        while not process.done:
            self.world.step()
        return "".join(text for _, text in process.output), process.status

    def ok(self, line):
        """Run what has to succeed; its output."""
        text, status = self.run(line)
        assert status == 0, f"{line}: {text}"
        return text


class Skipped(Exception):
    """The script does something that only a shell can, or another tool."""


class Script:
    """Runs the simple lines of an oracle script: ns, t, say, pair, sys and plain ``ip`` commands."""

    def __init__(self):
        self.bench = Bench()
        self.out = []
        self.skipped = []

    def run(self, text):
        self.bench.ok("ip link set lo up")
        for line in text.splitlines():
            if line and not line.startswith("#"):
                self.line(line)
        return "".join(self.out)

    def line(self, line):
        words = shlex.split(line)
        match words:
            case ["ns", *names]:
                for name in names:
                    self.namespace(name)
            case ["say", *_]:
                self.out.append(f"# {line.removeprefix('say ')}\n")
            case ["pair", a, dev_a, mac_a, b, dev_b, mac_b]:
                self.bench.ok(f"ip link add {dev_a} netns {a} address {mac_a} type veth peer name {dev_b} netns {b} address {mac_b}")
                self.bench.ok(f"ip -n {a} link set {dev_a} up")
                self.bench.ok(f"ip -n {b} link set {dev_b} up")
            case ["sleep", seconds]:
                self.bench.world.sleep(float(seconds))
            case ["t", *_]:
                self.told(" ".join(words[1:]))
            case ["ip", *_] if not re.search(r"[|&;<>$]", line):
                self.bench.run(line)
            case _:
                raise Skipped(line)

    def namespace(self, name):
        self.bench.ok(f"ip netns add {name}")
        netns = self.bench.machine.netns_names[name]
        self.bench.without_ipv6(netns)
        self.bench.ok(f"ip -n {name} link set lo up")

    def told(self, command):
        self.out.append(f"$ {command}\n")
        text, after = command, None
        if match := re.fullmatch(r"(.*?)( 2>&1)? \| (sort|cat -v|head -n 2)", command):
            text, _, after = match.groups()
        if re.search(r"[|&;<>$]", text) or shlex.split(text)[0] not in {"ip", "sysctl"}:
            raise Skipped(command)
        try:
            output, status = self.bench.run(text)
        except NotModelled as missing:
            output, status = f"NotModelled: {missing}\n", 0
            self.skipped.append(command)
        if after == "sort":
            output, status = "".join(sorted(output.splitlines(keepends=True), key=str.encode)), 0
        elif after == "cat -v":
            output, status = output.replace("\033", "^["), 0
        elif after == "head -n 2":
            output, status = "".join(output.splitlines(keepends=True)[:2]), 0
        self.out.append(output)
        if status:
            self.out.append(f"[exit {status}]\n")


def blocks(text):
    """``$ command`` → what followed it, in order."""
    result = []
    for line in text.splitlines(keepends=True):
        if line.startswith(("$ ", "# ")):
            result.append((line.rstrip("\n"), []))
        elif result:
            result[-1][1].append(line)
    return [(command, "".join(lines)) for command, lines in result]


__all__ = ["Bench", "Mac", "Script", "Skipped", "World", "blocks"]
