"""Hypothesis draws cases: a topology that mostly works, some things that bend it, and probes through it.

Timers are set so that what they decide is over before the next probe, or never comes: answers of ARP are waited for
30 ms, a neighbour is asked at once or after a minute, MAC addresses may change at once or not at all.
"""

from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.oracle.generated.bending import Bending
from tests.oracle.generated.case import Case, Veth
from tests.oracle.generated.tunnels import Tunnels
from tests.oracle.generated.wiring import Link, mac

_FEW: Final = 10


class Drawing(Bending):
    """A whole case: Calico's wiring, or any other."""

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


@st.composite
def cases(draw: Any) -> Case:
    """Any case."""
    return Drawing(draw).case()


@st.composite
def tunnels(draw: Any) -> Case:
    """Any case about bridges and VXLAN."""
    return Tunnels(draw).case()


KINDS: Final = {"plain": cases, "tunnels": tunnels}
"""What cases may be about."""


def generate(number: int, count: int, kind: str = "plain") -> list[Case]:
    """``count`` different cases of a kind; the same number gives the same ones.

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
        seed(number * 1_000_003 + part)(few(given(KINDS[kind]())(collect)))()
    return list(found.values())[:count]
