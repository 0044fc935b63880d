"""What is asked of a network, and what changes between two questions."""

import re
from typing import Final

from tests.oracle.generated.case import PAUSE, Command
from tests.oracle.generated.wiring import CONF, NET, NOWHERE, TOS, WAIT, Wiring, mac

_MTU: Final = re.compile(r"\bmtu (?:lock )?(\d+)")


class Probing(Wiring):
    """Probes, queries and changes."""

    def home_of(self, address: str) -> str:
        return next(name for name, own in self.own.items() if address in own)

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

    def some_source(self, netns: str) -> str:
        if self.chance(50) and self.own[netns]:
            return self.pick(self.own[netns])
        prefix = self.some_prefix()
        return "0.0.0.0/0" if prefix == "default" else prefix

    def some_address(self) -> str:
        everyone = [address for own in self.own.values() for address in own]
        return self.pick((*everyone, "10.99.0.9", "169.254.1.1"))

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
        if self.chance(75 if self.narrow else 22):
            sizes = (0, 8, 100, 272, 548, 1000, 1372, 1400, 1472, 1473, 3000, 9000)
            options.append(f"-s {self.size_at_a_limit() if self.narrow and self.chance(80) else self.pick(sizes)}")
        if self.chance(50 if self.narrow else 25):
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

    def limits(self) -> list[int]:
        """The MTUs that there are."""
        drawn = {int(mtu) for each in self.commands for mtu in _MTU.findall(each.text)}
        return sorted(drawn | {1500})

    def size_at_a_limit(self) -> int:
        """What just passes some device or route, or just does not.

        Or one to three whole fragments; or some, and a last one that is as long as it may be, which others may not. Or a byte less or more.
        """
        mtu = self.pick(self.limits())
        near = self.pick((-1, 0, 0, 1, 1))
        room = mtu - 20
        full = (room & ~7) * self.number(1, 2)
        return max(0, self.pick((room, room, full, full + room)) - 8 + near)

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

    def change(self) -> list[Command]:
        kind = self.number(0, 13)
        if kind < 4 and self.added:
            return [self.pick(self.added)]
        if kind < 7:
            return [self.bend_switch(later=True)]
        name = self.pick(self.names)
        dev = self.pick(self.devices(name))
        if kind == 13:
            return [Command(name, "ip route flush cache")]
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
