"""Hypothesis draws cases: a topology that mostly works, some things that bend it, and probes through it.

Timers are set so that what they decide is over before the next probe, or never comes: answers of ARP are waited for
30 ms, a neighbour is asked at once or after a minute, MAC addresses may change at once or not at all.
"""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.oracle.generated.case import PAUSE, Case, Command, Veth

_T = TypeVar("_T")
WAIT: Final = "0.3"
"""Seconds that a ping waits for an answer: neighbours that fail have failed by then."""
NOWHERE: Final = ("203.0.113.9", "198.51.100.1", "172.31.0.1")
_FEW: Final = 10
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


class Drawing:
    """One case in the making."""

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

    # -- chance --------------------------------------------------------------------------------------------------

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

    # -- topology ------------------------------------------------------------------------------------------------

    def devices(self, netns: str) -> list[str]:
        return [link.devs[link.side(netns)] for link in self.links if netns in link.ends]

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
        delay, reachable, lock = self.pick(NEIGH)
        multicast, unicast = self.number(1, 2), self.number(1, 2)
        for name in self.names:
            self.sysctl(name, "icmp_ratemask", 0)
            for dev in self.devices(name):
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
        self.narrow = self.chance(25)
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

    # -- addresses -----------------------------------------------------------------------------------------------

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

    # -- routes --------------------------------------------------------------------------------------------------

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

    def bend_route(self) -> None:
        routers = [name for name in self.names if len(self.links_of(name)) > 1]
        name = self.pick(routers if routers and self.chance(60) else self.names)
        net = self.some_prefix()
        links = self.links_of(name)
        link = self.pick(links)
        dev = link.devs[link.side(name)]
        table = self.pick(("", "", "", "", " table 100"))
        kind = self.pick(
            (
                "word",
                "word",
                "word",
                "loop",
                "loop",
                "loop",
                "wrong",
                "link",
                "metric",
                "tos",
                "src",
                "local",
                "mtu",
                "onlink",
                "down",
                "legs",
            )
        )
        match kind:
            case "word":
                self.route(name, f"{self.pick(WORDS)} {net}{self.pick(('', ' metric 1', ' metric 100'))}{table}")
            case "loop":
                self.route(name, f"{net} {self.hop(name, link)}{self.pick(('', ' metric 1'))}{table}")
            case "wrong":
                self.route(name, f"{net} via 10.0.{link.number}.99{self.pick(('', f' dev {dev} onlink'))}{table}")
            case "link":
                self.route(name, f"{net} dev {dev}{self.pick(('', ' scope link', ' metric 2'))}{table}")
            case "metric":
                self.route(name, f"{net} {self.hop(name, link)} metric {self.pick((1, 7, 2000))}{table}")
            case "tos":
                self.route(name, f"{net} tos {self.pick(TOS)} {self.hop(name, link)}{table}")
            case "src" if self.own[name]:
                self.route(name, f"{net} {self.hop(name, link)} src {self.pick(self.own[name])}{table}")
            case "local":
                self.route(name, f"local {self.pick(('10.99.0.0/24', net))} dev {self.pick(('lo', dev))}")
            case "mtu":
                self.route(
                    name, f"{net} {self.hop(name, link)} mtu {self.pick(('500', 'lock 500', '1000', '90'))} metric 3"
                )
            case "onlink":
                self.route(name, f"{net} via {self.pick(('169.254.1.1', '10.0.77.7'))} dev {dev} onlink{table}")
            case "legs":
                self.route(
                    name,
                    f"192.0.2.0/24 nexthop via {link.addresses[0][0] if link.addresses[0] else '10.0.1.1'} nexthop dev {dev} weight 2",
                )
            case _:
                self.do(name, f"ip link set {dev} {self.pick(('down', 'up'))}")

    def trap(self) -> None:
        """Something on the way of most probes."""
        start, target = self.focus
        routers = [name for name in self.names if len(self.links_of(name)) > 1 and target not in self.own[name]]
        if not target or not routers:
            return
        name = self.pick(routers)
        link = self.pick(self.links_of(name))
        hop = self.hop(name, link)
        match self.pick(("word", "word", "rule", "loop", "filter", "filter", "filter", "wrong", "narrow")):
            case "word":
                self.route(name, f"{self.pick(WORDS)} {target}")
            case "rule":
                self.do(name, f"ip rule add to {target} prio {self.number(1, 300)} {self.pick(WORDS[:3])}")
            case "loop":
                self.route(name, f"{target} {hop}")
            case "filter":
                here = self.pick((name, self.home_of(target)))
                self.sysctl(here, f"conf.{self.pick(('all', *self.devices(here)))}.rp_filter", self.pick((1, 1, 2)))
                if self.own[start]:
                    back = self.hop(here, self.pick(self.links_of(here)))
                    self.route(here, self.pick((f"{self.own[start][0]} {back}", f"unreachable {self.own[start][0]}")))
            case "wrong":
                self.route(name, f"{target} via 10.0.{link.number}.99 dev {link.devs[link.side(name)]} onlink")
            case _:
                self.route(name, f"{target} {hop} mtu {self.pick((500, 1000, 1300))}")

    def home_of(self, address: str) -> str:
        return next(name for name, own in self.own.items() if address in own)

    def ask_first(self) -> None:
        """Switches that decide about one request, and a probe that sends it while nobody knows anybody yet."""
        link = self.pick(self.links)
        side = self.number(0, 1)
        name, other = link.ends[side], link.ends[1 - side]
        dev = link.devs[side]
        match self.pick(("ignore", "ignore", "announce", "announce", "suppress", "suppress", "filter")):
            case "ignore":
                there = [address for address in self.own[other] if address not in link.addresses[1 - side]]
                target = self.pick((*there, *link.addresses[1 - side], "192.168.9.77"))
                if self.own[other] and target not in self.own[other]:
                    self.do(other, f"ip addr add {target}/32 dev lo")
                self.sysctl(
                    other, f"conf.{self.pick(('all', link.devs[1 - side]))}.arp_ignore", self.pick((1, 1, 2, 3, 8))
                )
                self.route(name, f"{target} dev {dev}")
                self.first.append(self.probe(name, target, ""))
            case "announce":
                if link.addresses[1 - side]:
                    self.do(name, "ip addr add 192.168.9.88/32 dev lo")
                    self.sysctl(name, f"conf.{self.pick(('all', dev))}.arp_announce", self.pick((1, 2, 2)))
                    self.first.append(self.probe(name, link.addresses[1 - side][0], " -I 192.168.9.88"))
            case "suppress":
                plen = self.pick((0, 0, 16, 24, 32))
                self.do(name, f"ip rule add prio 60 table main suppress_prefixlength {plen}")
                self.do(name, "ip rule add prio 61 table 100")
                self.route(
                    name, f"{self.pick(('unreachable default', 'prohibit default', f'default dev {dev}'))} table 100"
                )
                self.first.append(self.probe(name, self.target(name), ""))
            case _:
                if link.addresses[side]:
                    self.sysctl(other, "conf.all.arp_filter", 1)
                    self.route(other, f"{link.addresses[side][0]} {self.hop(other, self.pick(self.links_of(other)))}")
                    self.first.append(self.probe(name, self.pick([*link.addresses[1 - side], "10.0.9.9"]), ""))

    def some_prefix(self) -> str:
        kind = self.number(0, 9)
        everyone = [address for own in self.own.values() for address in own]
        if kind < 4 and everyone:
            return self.focus[1] if self.chance(50) else self.pick(everyone)
        if kind < 7 and self.nets:
            return self.pick(self.nets)
        return self.pick(
            ("default", "default", "10.0.0.0/8", "10.99.0.0/24", "203.0.113.0/24", "192.168.9.0/24", "10.0.0.0/22")
        )

    # -- rules, switches, neighbours -----------------------------------------------------------------------------

    def bend_rule(self) -> None:
        name = self.pick(self.names)
        selectors = []
        if self.chance(45):
            selectors.append(f"from {self.some_source(name)}")
        if self.chance(45):
            selectors.append(f"to {self.some_prefix()}".replace("to default", "to 0.0.0.0/0"))
        if self.chance(20):
            selectors.append(f"iif {self.pick([*self.devices(name), 'lo'])}")
        if self.chance(10):
            selectors.append(f"oif {self.pick([*self.devices(name), 'lo'])}")
        if self.chance(15):
            selectors.append(f"fwmark {self.pick(('1', '2', '0x10/0x10', '0x0/0x1'))}")
        if self.chance(15):
            selectors.append(f"tos {self.pick(TOS)}")
        if self.chance(8):
            selectors.append(f"ipproto {self.pick(('icmp', 'udp'))}")
        head = "not " if self.chance(10) and selectors else ""
        action = self.pick(
            (
                "table 100", "table 100", "table 100", "table 200", "table main", "table main suppress_prefixlength 0",
                "table main suppress_prefixlength 16", "blackhole", "unreachable", "prohibit", "nop", "goto 200", "goto 32766",
                "table local",
            )
        )  # fmt: skip
        prio = self.pick(("", f" prio {self.number(1, 300)}", f" prio {self.pick((0, 32766, 32800))}"))
        text = f"{head}{' '.join(selectors)}{prio} {action}".strip()
        self.do(name, f"ip rule add {text}")
        self.added.append(Command(name, f"ip rule del {text}"))
        for _ in range(self.number(0, 2)):
            link = self.pick(self.links_of(name))
            net = self.some_prefix()
            target = self.pick((f"{net} {self.hop(name, link)}",) * 3 + (f"{self.pick(WORDS)} {net}",))
            self.route(name, f"{target} table {self.pick((100, 100, 200))}")

    def some_source(self, netns: str) -> str:
        if self.chance(50) and self.own[netns]:
            return self.pick(self.own[netns])
        prefix = self.some_prefix()
        return "0.0.0.0/0" if prefix == "default" else prefix

    def bend_switch(self, *, later: bool = False) -> Command:
        name = self.pick(self.names)
        if self.chance(25):
            key, values = self.pick(NET)
        else:
            key, values = self.pick(CONF)
            if later:
                values = (0, *values)
            scope = self.pick(("all", *self.devices(name), *self.devices(name)))
            key = f"conf.{scope}.{key}"
        return Command(name, f"sysctl net.ipv4.{key}={self.pick(values)}")

    def bend_neighbour(self) -> Command:
        name = self.pick(self.names)
        link = self.pick(self.links_of(name))
        side = link.side(name)
        gateways = [*link.addresses[1 - side], f"10.0.{link.number}.99"]
        right = mac(link, 1 - side, self.shape)
        if self.chance(15):
            # Never without a device: such an entry outlives its namespace.
            return Command(name, f"ip neigh add proxy {self.some_address()} dev {link.devs[side]}")
        what = self.pick(
            (
                f"lladdr {right} nud permanent", f"lladdr {right} nud permanent", "lladdr 02:00:00:00:99:99 nud permanent",
                f"lladdr {right} nud stale", "lladdr 02:00:00:00:99:99 nud stale", "lladdr 02:00:00:00:99:99 nud reachable",
                "nud none", "nud failed", f"lladdr {right} nud noarp", f"lladdr {right} nud delay", f"lladdr {right} nud probe",
            )
        )  # fmt: skip
        verb = self.pick(("add", "replace"))
        return Command(name, f"ip neigh {verb} {self.pick(gateways)} {what} dev {link.devs[side]}")

    def some_address(self) -> str:
        everyone = [address for own in self.own.values() for address in own]
        return self.pick((*everyone, "10.99.0.9", "169.254.1.1"))

    # -- probes --------------------------------------------------------------------------------------------------

    def target(self, netns: str) -> str:
        kind = self.number(0, 99)
        if self.focus[1] and netns == self.focus[0] and kind < 55:
            return self.focus[1]
        others = [address for name, own in self.own.items() if name != netns for address in own]
        link = self.pick(self.links_of(netns))
        if kind < 72 and others:
            return self.pick(others)
        if kind < 78:
            return f"10.0.{self.number(1, len(self.links))}.{self.pick((99, 2, 1, 0, 3))}"
        if kind < 84:
            return self.pick(NOWHERE)
        if kind < 87:
            return "10.99.0.9"
        if kind < 90 and self.own[netns]:
            return self.pick(self.own[netns])
        if kind < 94:
            return self.pick(
                (f"-b 10.0.{link.number}.255", f"-b 10.0.{link.number}.0", "-b 255.255.255.255", "224.0.0.1")
            )
        return self.pick(("127.0.0.1", "127.0.0.5", "0.0.0.0", "169.254.1.1", "192.168.9.1", "169.254.9.9"))

    def ping_options(self, netns: str) -> str:
        options = []
        if self.chance(22):
            options.append(f"-t {self.pick((1, 1, 2, 2, 3, 4, 5, 255))}")
        if self.chance(60 if self.narrow else 22):
            sizes = (0, 8, 100, 272, 548, 1000, 1372, 1400, 1472, 1473, 3000, 9000)
            options.append(f"-s {self.pick((548, 1000, 1372, 1400) if self.narrow else sizes)}")
        if self.chance(25):
            options.append(f"-M {self.pick(('do', 'dont', 'want', 'do'))}")
        if self.chance(22):
            own = self.own[netns]
            options.append(f"-I {self.pick([*self.devices(netns), *own, *own, *own, '10.0.0.99'])}")
        if self.chance(8):
            options.append(f"-Q {self.pick(TOS)}")
        if self.chance(8):
            options.append(f"-m {self.pick((1, 2, 16))}")
        if self.chance(3):
            options.append("-r")
        return "".join(f" {option}" for option in options)

    def probe(self, netns: str = "", target: str = "", options: str | None = None) -> Command:
        name = netns or (self.focus[0] if self.focus[0] and self.chance(55) else self.pick(self.names))
        text = target or self.target(name)
        if options is None:
            options = self.ping_options(name)
        count = "-c 3 -i 0.1" if self.chance(10) else "-c 1"
        return Command(name, f"ping -n {count} -W {WAIT} -e {self.number(1, 9)}{options} {text}")

    def query(self) -> Command:
        name = self.pick(self.names)
        target = self.target(name).removeprefix("-b ")
        words = [f"ip route get {target}"]
        kind = self.number(0, 9)
        if kind < 4:
            words.append(f"from {self.target(name).removeprefix('-b ')} iif {self.pick(self.devices(name))}")
        elif kind < 6 and self.own[name]:
            words.append(f"from {self.pick(self.own[name])}")
        elif kind < 7:
            words.append(f"oif {self.pick([*self.devices(name), 'lo'])}")
        if self.chance(15):
            words.append(f"mark {self.pick((1, 2, 16))}")
        if self.chance(15):
            words.append(f"tos {self.pick(TOS)}")
        if self.chance(10):
            words.append("fibmatch")
        return Command(name, " ".join(words))

    def change(self) -> list[Command]:
        kind = self.number(0, 12)
        if kind < 4 and self.added:
            return [self.pick(self.added)]
        if kind < 7:
            return [self.bend_switch(later=True)]
        name = self.pick(self.names)
        dev = self.pick(self.devices(name))
        if kind == 10:
            link = self.pick(self.links_of(name))
            verb = self.pick(("replace", "append", "change", "prepend"))
            return [Command(name, f"ip route {verb} {self.some_prefix()} {self.hop(name, link)}")]
        if kind == 11:
            return [Command(name, f"ip link set {dev} mtu {self.pick((1500, 1400, 1000, 600))}")]
        if kind == 12:
            return [self.bend_neighbour(), Command("", f"sleep {PAUSE}")]
        if kind == 7:
            down = Command(name, f"ip link set {dev} down")
            return [down, Command("", "sleep 0.1"), Command(name, f"ip link set {dev} up"), Command("", "sleep 0.1")]
        if kind == 8:
            return [Command(name, f"ip neigh flush dev {dev}")]
        return [Command(name, f"ip link set {dev} down"), Command("", "sleep 0.1")]

    def steps(self) -> list[Command]:
        # Not before all devices are up: some ask at once.
        steps = [*self.first]
        steps += [self.bend_neighbour(), Command("", f"sleep {PAUSE}")] if self.chance(20) else []
        last: Command | None = None
        for _ in range(self.number(2, 5)):
            if last is not None and self.chance(30):
                steps += self.change()
            if last is not None and self.chance(30):
                steps.append(last)
            else:
                last = self.probe()
                steps.append(last)
            if self.chance(30):
                steps.append(self.query())
        return steps

    # -- the whole -----------------------------------------------------------------------------------------------

    def bends(self) -> None:
        everyone = [(name, address) for name, own in self.own.items() for address in own]
        if everyone:
            home, address = self.pick(everyone)
            self.focus = (self.pick([name for name in self.names if name != home]), address)
        if self.chance(30 if self.crooked else 15):
            level = self.pick((1, 1, 2))
            for name in self.names:
                if self.chance(70):
                    self.sysctl(name, "conf.all.rp_filter", level)
        if self.chance(40):
            self.trap()
        if self.chance(25):
            self.ask_first()
        for _ in range(self.number(0, 3)):
            self.bend_route()
        if self.chance(35):
            for _ in range(self.number(1, 3)):
                self.bend_rule()
        for _ in range(self.pick((0, 0, 1, 1, 2, 3))):
            self.commands.append(self.bend_switch())

    def case(self) -> Case:
        self.topology()
        self.crooked = self.pick((0, 0, 30, 60))
        if self.shape == "calico":
            self.calico()
        else:
            self.timers()
            self.forwarding()
            self.up()
            for link in self.links:
                self.number_link(link)
            self.loopbacks()
            self.routing()
        self.bends()
        veths = tuple(Veth(self.end(link, 0), self.end(link, 1), 10 + 2 * link.number) for link in self.links)
        # Switches first, then namespace by namespace: nothing in one waits for another.
        setup = sorted(self.commands, key=lambda each: (each.netns, not each.text.startswith("sysctl ")))
        return Case(tuple(self.names), veths, tuple(setup), tuple(self.steps()), self.shape)

    def end(self, link: Link, side: int) -> tuple[str, str, str]:
        return link.ends[side], link.devs[side], mac(link, side, self.shape)

    def forwarding(self) -> None:
        for name in self.names:
            if self.chance(90):
                self.sysctl(name, "ip_forward", 1)
            else:
                for dev in self.devices(name):
                    if self.chance(50):
                        self.sysctl(name, f"conf.{dev}.forwarding", 1)

    def calico(self) -> None:
        """Nodes with pods as Calico wires them: 169.254.1.1, answered by proxy ARP; a node may have a way out."""
        nodes = ["a"] if len(self.names) < 4 or self.chance(40) else ["a", "b"]
        pods = [name for name in self.names if name not in nodes]
        outside = pods.pop() if len(pods) > 1 and self.chance(50) else ""
        place = {pod: nodes[index % len(nodes)] for index, pod in enumerate(pods)}
        for pod, node in place.items():
            self.connect(node, pod, f"cali{pod}", "eth0")
        wires = [self.connect(*nodes)] if len(nodes) == 2 else []
        if outside:
            wires.append(self.connect("a", outside))
        self.timers()
        self.up()
        for node in nodes:
            self.sysctl(node, "ip_forward", 1)
        for link in wires:
            self.wire(link)
        for index, (pod, node) in enumerate(place.items()):
            self.pod(self.links_of(pod)[0], f"192.168.{nodes.index(node) + 1}.{index + 11}")
        self.nets = ["192.168.1.0/24", "192.168.2.0/24"]
        for index, node in enumerate(nodes):
            if self.chance(50):
                self.route(node, f"blackhole 192.168.{index + 1}.0/26 proto bird")
            for link in wires:
                if node in link.ends:
                    self.way_out(node, link, outside, f"192.168.{2 - index}.0/24")
        if outside:
            self.sysctl(outside, "ip_forward", self.number(0, 1))
            self.route(outside, f"default {self.hop(outside, self.links_of(outside)[0])}")

    def wire(self, link: Link) -> None:
        """Between nodes, or to the outside."""
        plen = self.pick((24, 24, 32))
        for side in (0, 1):
            self.address(link, side, f"10.0.{link.number}.{side + 1}/{plen}")
        if plen == 32:
            for side in (0, 1):
                self.route(link.ends[side], f"10.0.{link.number}.{2 - side} dev {link.devs[side]} scope link")

    def pod(self, link: Link, ip: str) -> None:
        node, pod = link.ends
        for key in ("route_localnet", "proxy_arp", "forwarding"):
            if not self.chance(4):
                self.sysctl(node, f"conf.{link.devs[0]}.{key}", 1)
        self.route(pod, "169.254.1.1 dev eth0 scope link")
        self.route(pod, "default via 169.254.1.1 dev eth0")
        self.address(link, 1, f"{ip}/32")
        self.route(node, f"{ip} dev {link.devs[0]} scope link")

    def way_out(self, node: str, link: Link, outside: str, others: str) -> None:
        """A node's routes by a wire: the default route, or the pods of the other node."""
        if outside in link.ends:
            if self.chance(85):
                self.route(node, f"default {self.hop(node, link)}")
            return
        self.route(node, f"{others} {self.hop(node, link)}")
        if not (outside and node == "a") and self.chance(60):
            self.route(node, f"default {self.hop(node, link)}")


def mac(link: Link, side: int, shape: str) -> str:
    """The MAC address of an end; that of Calico for all its devices of a node."""
    if shape == "calico" and link.devs[side].startswith("cali"):
        return "ee:ee:ee:ee:ee:ee"
    return f"02:00:00:00:{link.number:02x}:0{side + 1}"


@st.composite
def cases(draw: Any) -> Case:
    """Any case."""
    return Drawing(draw).case()


def generate(number: int, count: int) -> list[Case]:
    """``count`` different cases; the same number gives the same ones.

    Hypothesis is asked for a few at a time: later it would vary what it has, and begins each time with its simplest.
    """
    found: dict[str, Case] = {}

    def collect(case: Case) -> None:
        found.setdefault(case.script(), case)

    few = settings(
        max_examples=_FEW,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    part = 0
    while len(found) < count:
        part += 1
        seed(number * 1_000_003 + part)(few(given(cases())(collect)))()
    return list(found.values())[:count]
