"""A machine without a network, for tests of ``ip``: a clock of its own, and the simple lines of the oracle's scripts."""

import heapq
import shlex
from random import Random

from podwire.linux.image import image
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.tools.process import Process
from podwire.tools.registry import find
from podwire.trace.log import Log


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
