"""Bends in a network that worked: routes, rules and traps."""

from tests.oracle.generated.case import Command
from tests.oracle.generated.probing import Probing
from tests.oracle.generated.wiring import TOS, WORDS


class Bending(Probing):
    """What makes a case interesting."""

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
