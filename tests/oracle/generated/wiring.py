"""The base of a drawing: chance, cables, addresses, and routes that work."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from tests.oracle.generated.case import Command

_T = TypeVar("_T")
WAIT: Final = "0.3"
"""Seconds that a ping waits for an answer: neighbours that fail have failed by then."""
NOWHERE: Final = ("203.0.113.9", "198.51.100.1", "172.31.0.1")
WORDS: Final = ("blackhole", "unreachable", "prohibit", "throw")
TOS: Final = ("0x10", "0x08", "0x04", "0x1c")
SHAPES: Final = ("chain", "chain", "star", "ring", "random", "parallel", "calico", "calico")
CONF: Final = (
    # key, values
    ("forwarding", (0, 1)),
    ("rp_filter", (1, 1, 2)),
    ("proxy_arp", (1,)),
    ("proxy_arp", (1,)),
    ("proxy_arp_pvlan", (1,)),
    ("arp_ignore", (1, 2, 3, 8)),
    ("arp_announce", (1, 2)),
    ("arp_filter", (1,)),
    ("arp_accept", (1, 2)),
    ("accept_local", (1,)),
    ("route_localnet", (1,)),
    ("send_redirects", (0,)),
    ("accept_redirects", (0, 1)),
    ("shared_media", (0,)),
    ("src_valid_mark", (1,)),
    ("ignore_routes_with_linkdown", (1,)),
    ("promote_secondaries", (1,)),
    ("drop_gratuitous_arp", (1,)),
    ("drop_unicast_in_l2_multicast", (1,)),
    ("log_martians", (1,)),
    ("arp_notify", (1,)),
)
NET: Final = (
    ("icmp_echo_ignore_all", (1,)),
    ("icmp_echo_ignore_broadcasts", (0,)),
    ("icmp_errors_use_inbound_ifaddr", (1,)),
    ("ip_default_ttl", (2, 3, 200)),
    ("ip_nonlocal_bind", (1,)),
    ("fwmark_reflect", (1,)),
    ("ip_forward", (0, 1)),
    ("icmp_ratemask", (6168,)),
    ("ip_no_pmtu_disc", (1, 2, 3)),
    ("ip_forward_use_pmtu", (1,)),
    ("route.min_pmtu", (68, 1000)),
)
NEIGH: Final = (
    # (delay_first_probe_time, base_reachable_time_ms, locktime): all at leisure; asked at once; forgotten at once
    (60, 600_000, 6000),
    (60, 600_000, 0),
    (0, 600_000, 0),
    (0, 4, 6000),
)


class Link:
    """A cable while its addresses are drawn: namespace, device and addresses (with prefix) of either end."""

    def __init__(self, number: int, ends: tuple[str, str], devs: tuple[str, str]) -> None:
        self.number = number
        self.ends = ends
        self.devs = devs
        self.addresses: tuple[list[str], list[str]] = ([], [])
        self.net = f"10.0.{number}.0/24"

    def side(self, netns: str) -> int:
        """0 or 1."""
        return self.ends.index(netns)


def mac(link: Link, side: int, shape: str) -> str:
    """The MAC address of an end; that of Calico for all its devices of a node."""
    if shape == "calico" and link.devs[side].startswith("cali"):
        return "ee:ee:ee:ee:ee:ee"
    return f"02:00:00:00:{link.number:02x}:0{side + 1}"


class Wiring:
    """One case in the making: what has been drawn so far, and a network that mostly works."""

    pace: Sequence[tuple[int, int, int]] = NEIGH

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.names: list[str] = []
        self.links: list[Link] = []
        self.commands: list[Command] = []
        self.own: dict[str, list[str]] = {}
        """Addresses by namespace."""
        self.nets: list[str] = []
        """Prefixes that somebody may want a route to."""
        self.added: list[Command] = []
        """What a later step may take back."""
        self.shape = ""
        self.focus = ("", "")
        """Most probes are about this: who asks, and which address."""
        self.narrow = False
        """Some cables take less than others."""
        self.first: list[Command] = []
        """Probes that are sent before others."""
        self.crooked = 0
        """Percent of the routes that do not take the shortest way."""

    def chance(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)

    def pick(self, values: Sequence[_T]) -> _T:
        return values[self.draw(st.integers(0, len(values) - 1))] if len(values) > 1 else values[0]

    def number(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def do(self, netns: str, text: str) -> None:
        self.commands.append(Command(netns, text))

    def sysctl(self, netns: str, key: str, value: object) -> None:
        self.do(netns, f"sysctl net.ipv4.{key}={value}")

    def devices(self, netns: str) -> list[str]:
        return [link.devs[link.side(netns)] for link in self.links if netns in link.ends]

    def tuned(self, netns: str) -> list[str]:
        """Devices whose neighbours decide quickly."""
        return self.devices(netns)

    def links_of(self, netns: str) -> list[Link]:
        return [link for link in self.links if netns in link.ends]

    def connect(self, a: str, b: str, dev_a: str = "", dev_b: str = "") -> Link:
        again = sum(set(link.ends) == {a, b} for link in self.links)
        # Without a number some were short for a keyword of ip: ``ad`` is ``address``.
        link = Link(len(self.links) + 1, (a, b), (dev_a or f"{a}{b}{again}", dev_b or f"{b}{a}{again}"))
        self.links.append(link)
        return link

    def topology(self) -> None:
        self.shape = self.pick(SHAPES)
        count = self.number(3, 6) if self.chance(80) else self.number(2, 3)
        self.names = list("abcdef"[: max(count, 3) if self.shape == "ring" else count])
        names = self.names
        self.own = {name: [] for name in names}
        match self.shape:
            case "chain" | "ring":
                for a, b in pairwise(names):
                    self.connect(a, b)
                if self.shape == "ring":
                    self.connect(names[-1], names[0])
            case "star":
                for b in names[1:]:
                    self.connect(names[0], b)
            case "parallel":
                for a, b in pairwise(names):
                    self.connect(a, b)
                at = self.number(0, len(names) - 2)
                self.connect(names[at], names[at + 1])
            case "random":
                for index, b in enumerate(names[1:]):
                    self.connect(names[self.number(0, index)], b)
                for _ in range(self.number(0, 2)):
                    one, other = self.pick(names), self.pick(names)
                    if one != other:
                        self.connect(one, other)

    def timers(self) -> None:
        delay, reachable, lock = self.pick(self.pace)
        multicast, unicast = self.number(1, 2), self.number(1, 2)
        for name in self.names:
            self.sysctl(name, "icmp_ratemask", 0)
            for dev in self.tuned(name):
                for key, value in (
                    ("retrans_time_ms", 30),
                    ("mcast_solicit", multicast),
                    ("ucast_solicit", unicast),
                    ("delay_first_probe_time", delay),
                    ("base_reachable_time_ms", reachable),
                    ("locktime", lock),
                    ("proxy_delay", 0),
                ):
                    self.sysctl(name, f"neigh.{dev}.{key}", value)

    def up(self) -> None:
        self.narrow = self.chance(35)
        for link in self.links:
            if self.narrow and self.chance(45):
                mtu = self.pick((1400, 1280, 1000, 700, 576, 300))
                for name, dev in zip(link.ends, link.devs, strict=True):
                    self.do(name, f"ip link set {dev} mtu {mtu}")
            for name, dev in zip(link.ends, link.devs, strict=True):
                if self.chance(6):
                    self.do(name, f"ip link set {dev} mtu {self.pick((1400, 1280, 1000, 576, 300, 100))}")
                if not self.chance(2):
                    self.do(name, f"ip link set {dev} up")

    def address(self, link: Link, side: int, text: str, more: str = "") -> None:
        name, dev = link.ends[side], link.devs[side]
        self.do(name, f"ip addr add {text} dev {dev}{more}")
        self.added.append(Command(name, f"ip addr del {text} dev {dev}"))
        local = text.split("/", maxsplit=1)[0].split(" ", maxsplit=1)[0]
        link.addresses[side].append(local)
        self.own[name].append(local)

    def number_link(self, link: Link) -> None:
        k = link.number
        style = self.pick(("24", "24", "24", "24", "24", "31", "30", "32", "16", "one", "peer", "none"))
        a, b = f"10.0.{k}.1", f"10.0.{k}.2"
        match style:
            case "31":
                a, b, link.net = f"10.0.{k}.0", f"10.0.{k}.1", f"10.0.{k}.0/31"
                self.address(link, 0, f"{a}/31")
                self.address(link, 1, f"{b}/31")
            case "24" | "30" | "16":
                link.net = f"10.0.{k}.0/{style}" if style != "16" else "10.0.0.0/16"
                self.address(link, 0, f"{a}/{style}", self.address_options())
                self.address(link, 1, f"{b}/{style}", self.address_options())
            case "32":
                link.net = f"{b}/32"
                self.address(link, 0, f"{a}/32")
                self.address(link, 1, f"{b}/32")
                self.route(link.ends[0], f"{b} dev {link.devs[0]}{self.pick(('', ' scope link'))}")
                self.route(link.ends[1], f"{a} dev {link.devs[1]}{self.pick(('', ' scope link'))}")
            case "one":
                side = self.number(0, 1)
                self.address(link, side, f"{a}/24")
                self.route(link.ends[1 - side], f"{link.net} dev {link.devs[1 - side]}")
            case "peer":
                self.address(link, 0, f"{a} peer {b}/32")
                self.address(link, 1, f"{b} peer {a}/32")
            case _:
                pass
        if style == "24" and self.chance(25):
            side = self.number(0, 1)
            more = self.pick(
                (f"10.0.{k}.11/24", f"10.0.{k}.11/25", f"172.16.{k}.1/24", f"10.0.{k}.77/32", "169.254.9.9/16")
            )
            self.address(link, side, more, self.pick(("", "", " scope link", " noprefixroute", " metric 50")))
        if style not in {"none", "32", "peer"}:
            self.nets.append(link.net)

    def address_options(self) -> str:
        return self.pick((" brd +", "", "", " metric 300", " noprefixroute")) if self.chance(30) else ""

    def loopbacks(self) -> None:
        for index, name in enumerate(self.names):
            if self.chance(35):
                address = f"192.168.9.{index + 1}"
                self.do(name, f"ip addr add {address}/32 dev lo")
                self.own[name].append(address)
                self.nets.append(f"{address}/32")

    def route(self, netns: str, text: str) -> None:
        self.do(netns, f"ip route add {text}")
        self.added.append(Command(netns, f"ip route del {text}"))

    def way(self, start: str) -> dict[str, Link]:
        """The first link on a shortest way from a namespace to each other."""
        found: dict[str, Link] = {}
        queue: deque[tuple[str, Link | None]] = deque([(start, None)])
        seen = {start}
        while queue:
            here, first = queue.popleft()
            for link in self.links_of(here):
                there = link.ends[1 - link.side(here)]
                if there not in seen:
                    seen.add(there)
                    found[there] = first or link
                    queue.append((there, found[there]))
        return found

    def hop(self, netns: str, link: Link) -> str:
        """``via …`` of a route that leaves by that link."""
        side = link.side(netns)
        gateways = link.addresses[1 - side]
        dev = link.devs[side]
        if not gateways:
            return f"dev {dev}" if self.chance(70) else f"via 169.254.1.1 dev {dev} onlink"
        via = f"via {gateways[0] if self.chance(85) else self.pick(gateways)}"
        kind = self.number(0, 9)
        if kind < 5:
            return via
        return f"{via} dev {dev}{' onlink' if kind == 9 else ''}"

    def home(self, net: str) -> list[str]:
        """Who has an address in the prefix of a link, or on lo."""
        found = [name for link in self.links if link.net == net for name in link.ends]
        return found or [name for name, own in self.own.items() if net.split("/", maxsplit=1)[0] in own]

    def routing(self) -> None:
        for name in self.names:
            ways = self.way(name)
            links = self.links_of(name)
            if self.chance(60 if len(links) == 1 else 15):
                if self.chance(94):
                    self.route(name, f"default {self.hop(name, self.pick(links))}{self.route_options(name)}")
                if len(links) == 1:
                    continue
            for net in self.nets:
                homes = self.home(net)
                if name in homes or not homes or self.chance(8):
                    continue
                link = ways.get(homes[0])
                if self.chance(self.crooked):
                    link = self.pick(self.links_of(name))
                if link is not None:
                    self.route(name, f"{net} {self.hop(name, link)}{self.route_options(name)}")

    def route_options(self, netns: str) -> str:
        if self.chance(82):
            return ""
        own = self.own[netns]
        options = [" metric 5", " mtu 600", " mtu lock 1000", " mtu 1300", " hoplimit 2", " proto bird", " mtu 100"]
        if own:
            options += [f" src {self.pick(own)}"] * 3
        return self.pick(options)
