"""One machine: its kernel's namespaces, backlog and timers, its image and its small file tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from podwire.linux.image import Image
from podwire.linux.netns import Netns
from podwire.linux.sysctl import NeighParms
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.bpf.maps import BpfMap
    from podwire.linux.rtnl.notify import Listener
    from podwire.linux.skb import Skb
    from podwire.trace.log import Log

NSEC: int = 1_000_000_000
TRANSMIT_NS: int = 1_000
"""What one transmit costs in virtual time, so that time stamps never tie (design: the packet path)."""


class Cancellable(Protocol):
    """A callback that may be forgotten."""

    def cancel(self) -> None:
        """Do not call back."""


class World(Protocol):
    """What a machine needs of the network it stands in."""

    log: Log
    now: int
    """Virtual time in ns since the Unix epoch."""

    def at(self, time: int, callback: Callable[[], None]) -> Cancellable:
        """Call back at ``time`` (ns)."""

    def random(self, *key: str) -> Random:
        """The random stream of that key; the same key gives the same stream object."""

    def new_packet_id(self) -> int:
        """Ids from 1, in order of creation."""

    def reverse_name(self, ip: Ip) -> str | None:
        """The name that the fabric's DNS gives for an address."""


class Timer:
    """A kernel timer: rounded up by the timer wheel, then called once unless cancelled."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """``del_timer``."""
        self.callback = None


class Pids:
    """The process ids of one PID namespace: what is started there counts on, whatever network namespace it is in."""

    def __init__(self, last: int) -> None:
        self.last = last


class Place:
    """Where a command runs.

    A namespace with the image, host name and files of what lives there (a node or a container).
    """

    def __init__(self, netns: Netns, image: Image, hostname: str, *, container: bool = False) -> None:
        self.netns = netns
        self.image = image
        self.hostname = hostname
        self.container = container
        """A container sees no names under /run/netns."""
        self.files: dict[str, str] = {}
        self.virtual: dict[str, Callable[[], str]] = {}
        """Files that a program here writes: path, and what gives the text of the moment."""
        self.pids = Pids(7 if container else 1000)

    @property
    def machine(self) -> Machine:
        """The machine whose kernel runs here."""
        return self.netns.machine

    @property
    def next_pid(self) -> int:
        """The last process id that was given out here."""
        return self.pids.last

    @next_pid.setter
    def next_pid(self, last: int) -> None:
        self.pids.last = last

    def new_pid(self) -> int:
        """A process id, counted in this place."""
        self.pids.last += 1
        return self.pids.last

    def in_netns(self, netns: Netns) -> Place:
        """The same place with another network: files, names under /run/netns and processes stay (``setns``)."""
        inside = Place(netns, self.image, self.hostname)
        inside.files = self.files
        inside.virtual = self.virtual
        inside.pids = self.pids
        return inside

    def hosts(self) -> dict[Ip, str]:
        """/etc/hosts: the first name of each address."""
        names: dict[Ip, str] = {}
        for line in self.files.get("/etc/hosts", "").splitlines():
            words = line.partition("#")[0].split()
            if len(words) > 1:
                names.setdefault(Ip.parse(words[0]), words[1])
        return names

    def lookup(self, name: str) -> Ip | None:
        """The address of a name by /etc/hosts (DNS comes with the cluster's own CoreDNS)."""
        for line in self.files.get("/etc/hosts", "").splitlines():
            words = line.partition("#")[0].split()
            if name in words[1:]:
                return Ip.parse(words[0])
        return None

    def reverse_name(self, ip: Ip) -> str | None:
        """The name that the fabric's DNS gives for an address."""
        return self.machine.world.reverse_name(ip)

    def netns_name(self, other: Netns) -> str | None:
        """The name under /run/netns by which a command here would call that namespace: the newest, a tmpfs lists it first."""
        if self.container:
            return None
        for name, netns in reversed(self.machine.netns_names.items()):
            if netns is other:
                return name
        return None


class Machine:
    """A host with one kernel. ``root`` is the place of its own shell; pods are further namespaces."""

    def __init__(self, world: World, name: str, image: Image) -> None:
        # The packet path imports this module, and to look it up again for every packet would cost more than to keep it.
        from podwire.linux.path.receive import net_rx_action

        self._net_rx_action = net_rx_action
        self.world = world
        self.log = world.log
        self.name = name
        self.image = image
        self.hz = image.hz
        self.icmp_ratelimits = True
        """False lets every ICMP error through, whatever the sysctls say: for tests that count errors."""
        self.netns: dict[str, Netns] = {}
        self.netns_names: dict[str, Netns] = {}
        """/run/netns."""
        self.listeners: list[Listener] = []
        """Who hears of every change (``linux.rtnl.notify``)."""
        self.bpf_maps: dict[str, BpfMap[Any, Any]] = {}
        """BPF maps by name."""
        self.backlog: deque[Skb] = deque()
        self.enqueue: Callable[[Skb], None] = self.backlog.append
        """``enqueue_to_backlog``: one FIFO for all namespaces of the machine gives the kernel's order (F1)."""
        self.xmit_recursion = 0
        """How deep tunnel devices send through each other."""
        self.cells: deque[Skb] = deque()
        """What tunnels have decapsulated."""
        self.gro_cells_receive: Callable[[Skb], None] = self.cells.append
        """``gro_cells_receive``: a tunnel device has received, counted and typed it; its turn is when the backlog is empty."""
        self.icmp_busy = False
        """Whether an ICMP message is being handed to the device (``icmp_xmit_lock``): no error about it or its tunnel's packet then."""
        self.race: Callable[[], None] | None = None
        """What another CPU does just before the next connection is confirmed (``Cluster.race``)."""
        self._draining = False
        self.booted = world.now
        self.kmsg: deque[tuple[int, int, str]] = deque(maxlen=4096)
        """The kernel's log: time, level, text (``dmesg``)."""
        self.modules: list[str] = []
        """Loaded kernel modules that bring devices of their own, in the order of loading."""
        self._wheel: dict[int, dict[int, list[Timer]]] = {}
        """Armed timers by the jiffy at which they are due, then by the wheel's level."""

        self.neigh_default = NeighParms()
        """net.ipv4.neigh.default: what devices of every namespace begin with."""

        self.root = Place(self.new_netns(name), image, name)

    def new_netns(self, label: str) -> Netns:
        """A fresh namespace with ``lo`` down, as ``unshare -n`` gives it."""
        from podwire.linux.netlink import Netlink

        netns = Netns(self, label)
        for first in list(self.netns.values())[:1]:
            # tcp_sk_init: these come from the first namespace, not from the kernel's defaults.
            netns.settings.update({key: first.settings[key] for key in ("tcp_rmem", "tcp_wmem")})
        self.netns[label] = netns
        Netlink(netns).add_loopback()
        if self.modules:
            Netlink(netns).pernet_init()
        return netns

    def remove_netns(self, netns: Netns) -> None:
        """The last reference to a namespace is gone: its devices, and the other ends of its veths, go with it."""
        from podwire.linux.netlink import Netlink

        for other in self.netns.values():
            other.forget_nsid(netns)
        door = Netlink(netns)
        for link in [link for each in self.netns.values() for link in each.links() if link.tunnel is not None]:
            if netns in {link.netns, link.tunnel_netns} and link in link.netns.links():
                Netlink(link.netns).link_del(link)
        for link in list(netns.links()):
            if link.peer is not None:
                door.link_del(link)
        for name in [name for name, other in self.netns_names.items() if other is netns]:
            del self.netns_names[name]
        if netns.sockets.tcp is not None:
            netns.sockets.tcp.purge()
        del self.netns[netns.label]

    def random(self, *key: str) -> Random:
        """The machine's random stream of that key."""
        return self.world.random(self.name, *key)

    # -- softirq -------------------------------------------------------------------------------------------------

    def run_softirq(self) -> None:
        """Receive what waits (``net_rx_action``). Re-entrant calls return at once."""
        if self._draining or self.icmp_busy or not (self.backlog or self.cells):
            return
        receive = self._net_rx_action
        self._draining = True
        try:
            receive(self)
        finally:
            self._draining = False

    def on_another_cpu(self, run: Callable[[], None]) -> None:
        """Do ``run``, and receive all that it sends, while what goes on here stands still: what this CPU has to do waits."""
        waiting, cells = list(self.backlog), list(self.cells)
        state = self._draining, self.icmp_busy, self.xmit_recursion
        self.backlog.clear()
        self.cells.clear()
        self._draining, self.icmp_busy, self.xmit_recursion = False, False, 0
        try:
            run()
            self.run_softirq()
        finally:
            self._draining, self.icmp_busy, self.xmit_recursion = state
            self.backlog.extend(waiting)
            self.cells.extend(cells)

    def printk(self, level: int, text: str) -> None:
        """Write a line to the kernel's log; 0 is the most urgent level, 7 the least."""
        self.kmsg.append((self.world.now, level, text))

    def bh_disabled(self, call: Callable[[], None]) -> None:
        """Call with ``local_bh_disable``: what is sent meanwhile is received afterwards."""
        busy, self._draining = self._draining, True
        try:
            call()
        finally:
            self._draining = busy
        self.run_softirq()

    # -- timers --------------------------------------------------------------------------------------------------

    @property
    def jiffies(self) -> int:
        """The kernel's clock tick, ``hz`` per second."""
        return self.world.now * self.hz // NSEC

    def add_timer(self, delay: int, callback: Callable[[], None]) -> Timer:
        """Arm a timer ``delay`` jiffies ahead.

        The wheel rounds it up (F15) and calls one bucket's timers last armed first (F16).
        """
        expiry = wheel_expiry(self.jiffies, delay)
        timer = Timer(callback)
        levels = self._wheel.get(expiry)
        if levels is None:
            levels = self._wheel[expiry] = {}
            # The first instant at which jiffies has that value.
            self.world.at(-(-expiry * NSEC // self.hz), lambda: self._expire(expiry))
        levels.setdefault(wheel_level(delay), []).append(timer)
        return timer

    def _expire(self, expiry: int) -> None:
        """``__run_timers``: the coarse levels first; in one bucket (hlist_add_head) the timer that was armed last.

        It is a softirq, too: what one of them sends is received when all have been called.
        """
        levels = self._wheel.pop(expiry)
        busy, self._draining = self._draining, True
        try:
            for level in sorted(levels, reverse=True):
                for timer in reversed(levels[level]):
                    callback = timer.callback
                    if callback is not None:
                        timer.callback = None
                        callback()
        finally:
            self._draining = busy
        self.run_softirq()

    def __repr__(self) -> str:
        return f"<Machine {self.name}>"


def wheel_level(delay: int) -> int:
    """The level of the timer wheel that a timer armed for ``delay`` jiffies goes to (kernel/time/timer.c, calc_wheel_index).

    Level n holds timers up to 63 * 8**n jiffies ahead in buckets of 8**n.
    """
    level = 0
    while delay >= 63 << 3 * level and level < 8:
        level += 1
    return level


def wheel_expiry(now: int, delay: int) -> int:
    """The jiffy at which a timer armed at jiffy ``now`` for ``delay`` jiffies is called.

    At the next bucket's edge, never early (F15).
    """
    shift = 3 * wheel_level(delay)
    return ((now + delay >> shift) + 1) << shift
