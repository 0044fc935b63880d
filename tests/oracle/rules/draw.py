"""Draws cases from a seed: themes of rules, and packets that have a chance to meet them.

Nothing is drawn that the kernel decides by chance (statistic's random mode but for 0 and 1, a SNAT range of several addresses):
those have tests of their own. Nor is what is known to differ: the README has the list.
"""

import re
from random import Random

import msgspec

from tests.oracle.rules import calico, kube, packets
from tests.oracle.rules.case import Answer, Case, Local, Send
from tests.oracle.rules.parts import Parts

Item = Send | Answer | Local
PORTS = (53, 80, 443, 8080, 30007, 1000, 40000)
THEMES = (
    "filter",
    "filter",
    "nat",
    "nat",
    "mangle",
    "ct",
    "sets",
    "mixed",
    "mixed",
    "local",
    "kube",
    "kube",
    "calico",
    "calico",
)
VIPS = ("10.96.0.1", "10.96.0.10")
"""Addresses that nobody has: services."""


_CONNLIMIT = re.compile(r" -m connlimit (--connlimit-(above|upto|mask) \d+ )+--connlimit-saddr")
TRACED = "*raw\n-A PREROUTING -j TRACE\n-A OUTPUT -j TRACE\nCOMMIT\n"


class Drawing(Parts):
    """One case."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.theme = self.pick(THEMES)
        self.variant = self.pick(("nft", "nft", "legacy"))
        self.long = False
        """Some packets are longer than 1300 bytes."""
        self.vips: tuple[str, ...] = VIPS
        self.ports: tuple[int, ...] = PORTS

    def case(self) -> Case:
        if self.theme == "kube":
            return self.of_kube()
        if self.theme == "calico":
            return self.of_calico()
        tables = {
            "filter": ("filter",),
            "nat": ("nat",),
            "mangle": ("mangle", "filter"),
            "ct": ("raw", "filter"),
            "sets": ("filter", "nat"),
            "local": ("raw", "mangle", "nat", "filter"),
            "mixed": ("raw", "mangle", "nat", "filter"),
        }[self.theme]
        self.use_sets = self.theme == "sets" or (self.theme == "mixed" and self.chance(30))
        trace = self.variant == "nft" and self.chance(50)
        texts = {name: self.table(name) for name in tables}
        if trace:
            raw = texts.get("raw", "*raw\nCOMMIT\n")
            head, _, rest = raw.partition("\n")
            chains = [line for line in rest.splitlines() if line.startswith(":")]
            others = [line for line in rest.splitlines() if not line.startswith(":")]
            texts["raw"] = "\n".join((head, *chains, "-A PREROUTING -j TRACE", "-A OUTPUT -j TRACE", *others)) + "\n"
        sysctls = [
            text
            for text, percent in (
                ("net.netfilter.nf_conntrack_tcp_be_liberal=1", 5),
                ("net.netfilter.nf_conntrack_tcp_loose=0", 5),
                ("net.ipv4.conf.ra.rp_filter=1", 5),
                ("net.ipv4.conf.all.route_localnet=1", 8),
                ("net.ipv4.fwmark_reflect=1", 4),
                ("net.netfilter.nf_conntrack_acct=1", 10),
                ("net.netfilter.nf_conntrack_checksum=0", 4),
            )
            if self.chance(percent)
        ]
        order = [name for name in ("raw", "mangle", "nat", "filter") if name in texts]
        rules = "".join(texts[name] for name in order)
        if "nat" in texts:
            rules = rules.replace("--zone-reply", "--zone")
        if trace:
            rules = _CONNLIMIT.sub("", rules)
        sets = self.sets() if self.use_sets else ""
        case = Case(
            self.variant,
            self.theme,
            rules,
            (),
            sets,
            tuple(sysctls),
            trace,
            (self.routes() if "mangle" in tables and self.chance(35) else ()) + self.widths(),
            self.listening(),
        )
        return msgspec.structs.replace(case, packets=tuple(self.packets()))

    def listening(self) -> tuple[int, ...]:
        """Ports of the router's own programs."""
        return self.pick(((), (), (53,), (53, 8080)))

    def widths(self) -> tuple[str, ...]:
        """A device or a route that takes less: fragments, errors about them, and an MSS that is clamped."""
        if not self.chance(25):
            return ()
        self.long = True
        return self.pick(
            (
                ("link set rb mtu 1300",),
                ("link set ra mtu 1280",),
                ("route replace 10.2.0.0/24 dev rb src 10.2.0.1 mtu 1300",),
                ("route replace 10.2.0.0/24 dev rb src 10.2.0.1 mtu lock 1300",),
                ("route replace 10.2.0.0/24 dev rb src 10.2.0.1 advmss 900",),
                ("link set rb mtu 1300", "route replace 10.1.0.0/24 dev ra src 10.1.0.1 mtu 1200"),
            )
        )

    def routes(self) -> tuple[str, ...]:
        """Marks that choose a route."""
        way = self.pick(
            (
                "default via 10.1.0.2",
                "default via 10.1.0.2",
                "10.2.0.0/24 via 10.1.0.3",
                "unreachable default",
                "blackhole default",
                "local default dev lo",
            )
        )
        mark = self.pick(("0x1", "0x1/0x1", "0x10/0xf0", "0x4000/0x4000", "0x10"))
        return f"route add {way} table 100", f"rule add fwmark {mark} lookup 100"

    def of_kube(self) -> Case:
        """As a node has it: kube-proxy's tables, sometimes with ip-masq-agent's or Calico's rules beside them."""
        services = [
            kube.Service(
                f"default/s{number}:p",
                proto,
                self.pick(VIPS),
                port,
                self.pick(((), ("10.2.0.3:8080",), ("10.2.0.3:8080",), ("10.1.0.4:80",))),
                self.pick((0, 30007)) if proto == "tcp" else 0,
                self.chance(20),
                self.chance(20),
            )
            for number, (proto, port) in enumerate((("tcp", 80), ("udp", 53), ("tcp", 443))[: self.number(1, 3)])
        ]
        services = list({(each.proto, each.address, each.port): each for each in services}.values())
        if sum(1 for each in services if each.node_port) > 1:
            services = [
                msgspec.structs.replace(each, node_port=each.node_port if each.port == 80 else 0) for each in services
            ]
        extra: list[str] = []
        chains, rules = "", ""
        if self.chance(40):
            extra = list(kube.IP_MASQ)
            chains, rules = ":IP-MASQ - [0:0]\n", kube.ip_masq(("10.0.0.0/8", "192.168.0.0/16")[: self.number(1, 2)])
        nat = (
            kube.nat_table(services, extra).replace("*nat\n", f"*nat\n{chains}").replace("COMMIT\n", f"{rules}COMMIT\n")
        )
        trace = self.variant == "nft" and self.chance(50)
        raw = TRACED if trace else ""
        case = Case(
            self.variant,
            self.theme,
            raw + nat + kube.filter_table(services),
            (),
            trace=trace,
            routes=self.widths(),
            listening=self.listening(),
        )
        return msgspec.structs.replace(case, packets=tuple(self.packets()))

    def of_calico(self) -> Case:
        """As a node of Calico has it, sometimes with kube-proxy's rules behind its own."""
        both = self.chance(50)
        wild = "r+" if both else "ra+"
        settings = calico.Settings(
            self.chance(40),
            self.chance(70),
            self.pick(("ACCEPT", "ACCEPT", "RETURN")),
            self.pick(("ACCEPT", "RETURN", "DROP")),
        )
        pods = [calico.Pod("ra", "10.1.0.2", "alpha", self.policies("a-in"), self.policies("a-out"))]
        if both:
            pods.append(
                calico.Pod(
                    "rb", "10.2.0.2", self.pick(("alpha", "beta")), self.policies("b-in"), self.policies("b-out")
                )
            )
        # Pods without a cable make the dispatch chains a tree.
        pods += [calico.Pod(name, "10.1.0.200", "gamma") for name in self.pick(((), (), ("rax",), ("rcx", "rcy")))]
        texts = calico.tables(settings, pods, wild)
        if self.chance(50):
            service = kube.Service(
                "default/s:p", "tcp", VIPS[0], 80, (self.pick(("10.2.0.3:8080", "10.1.0.4:80")),), self.pick((0, 30007))
            )
            extra = list(kube.IP_MASQ) if self.chance(30) else []
            masq = "*nat\n:IP-MASQ - [0:0]\n" + kube.ip_masq(("10.0.0.0/8",)) if extra else "*nat\n"
            texts["nat"] = kube.merged(texts["nat"], kube.nat_table([service], extra), masq)
            texts["filter"] = kube.merged(texts["filter"], kube.filter_table([service]))
        trace = self.variant == "nft" and self.chance(50)
        if trace:
            texts["raw"] = kube.merged(TRACED, texts["raw"])
        return Case(
            self.variant,
            self.theme,
            "".join(texts.values()),
            tuple(self.packets()),
            self.calico_sets(both=both),
            trace=trace,
            listening=self.listening(),
        )

    def policies(self, name: str) -> tuple[calico.Policy, ...]:
        return tuple(
            calico.Policy(
                f"default/knp.default.{name}{number}" if self.chance(50) else f"{name}{number}", self.policy_rules()
            )
            for number in range(self.pick((0, 0, 1, 2)))
        )

    def policy_rules(self) -> tuple[tuple[str, str], ...]:
        rules: list[tuple[str, str]] = []
        for _ in range(self.number(0, 3)):
            proto = self.pick(("tcp", "tcp", "udp", "icmp", ""))
            words = [f"-p {proto}"] if proto else []
            if self.chance(50):
                words.append(
                    f"-m set {self.no()}--match-set cali40s:{self.pick(('peers', 'others'))} {self.pick(('src', 'dst'))}"
                )
            if proto in {"tcp", "udp"} and self.chance(60):
                words.append(f"-m multiport --dports {self.pick(('80', '53,443', '8080,30000:32767'))}")
            if proto == "icmp" and self.chance(50):
                words.append("-m icmp --icmp-type 8")
            if self.chance(20):
                negated = self.chance(50)
                nets = ("10.1.0.2/32", "10.2.0.0/30", "10.96.0.0/16")[: self.number(2, 3)]
                rules += [(rule, "") for rule in calico.blocks(nets, source=self.chance(50), negated=negated)]
                words.append(calico.has(calico.SCRATCH0))
            rules.append((" ".join(words), self.pick(("Allow", "Allow", "Allow", "Deny", "Pass", "Log"))))
        return tuple(rules)

    def calico_sets(self, *, both: bool) -> str:
        """What Felix' rules name."""
        pools = ("10.1.0.0/24", "10.2.0.0/24") if both else ("10.1.0.0/24",)
        lines = [
            *(f"create cali40{name} hash:net" for name in ("masq-ipam-pools", "all-ipam-pools", "all-vxlan-net")),
            *(f"create cali40s:{name} hash:net" for name in ("peers", "others")),
            *(f"add cali40{name}-ipam-pools {pool}" for name in ("masq", "all") for pool in pools),
            "add cali40all-vxlan-net 10.2.0.3",
        ]
        for name in ("peers", "others"):
            lines += sorted(
                {f"add cali40s:{name} 10.{self.number(1, 2)}.0.{self.number(2, 5)}" for _ in range(self.number(0, 4))}
            )
        return "\n".join(lines) + "\n"

    # -- what is sent ---------------------------------------------------------------------------------------------

    def packets(self) -> list[Item]:
        result: list[Item] = []
        for _ in range(self.number(2, 5)):
            result += self.own_flow() if self.chance(60 if self.theme == "local" else 10) else self.flow()
        return result

    def own_flow(self) -> list[Item]:
        """The router itself begins."""
        src = packets.address(self.pick(("10.1.0.1", "10.2.0.1", "10.2.0.1", "127.0.0.1")))
        dst = packets.address(
            self.pick(("10.1.0.2", "10.1.0.4", "10.2.0.3", "10.2.0.2", *self.vips, "8.8.8.8", "10.2.0.1", "127.0.0.1"))
        )
        sport, dport = self.pick((1000, 40000, 500)), self.pick(self.ports)
        proto = self.pick((packets.TCP, packets.UDP, packets.UDP, packets.ICMP))
        body = {
            packets.TCP: packets.tcp(sport, dport, 1000, 0, packets.SYN, mss=1460),
            packets.UDP: packets.udp(sport, dport, b"x" * self.number(0, 64)),
            packets.ICMP: packets.icmp(8, 0, self.number(1, 5) << 16 | 1, b"ping"),
        }[proto]
        data = packets.ipv4(src, dst, proto, packets.transport(proto, src, dst, body), ident=self.ident())
        send = Local(data.hex(), self.pick((0, 0, 0, 1, 0x10)))
        more: tuple[Item, ...] = (Answer("reply"), Answer("reply"), send, Answer("unreachable"), Answer("toobig"))
        return [send, *self.some(more, 3)]

    def flow(self) -> list[Item]:
        side = self.pick(("a", "a", "a", "b"))
        near, far = ("10.1.0.", "10.2.0.") if side == "a" else ("10.2.0.", "10.1.0.")
        src = packets.address(f"{near}{self.number(2, 5)}")
        dst = packets.address(
            self.pick(
                (f"{far}{self.number(2, 5)}",) * 5
                + self.vips * (6 if self.theme in {"kube", "services"} else 2)
                + (f"{near}1", f"{far}1", "8.8.8.8", "127.0.0.1", f"{near}255", f"{far}255")
            )
        )
        if src == dst:
            dst = packets.address(f"{far}9")
        ttl = self.pick((64,) * 9 + (2, 1))
        tos = self.pick((0,) * 6 + (0x10, 0x28, 0xB8, 0x1, 0x2, 0x13))
        sport, dport = self.pick((1000, 40000, 40001, 500, 53)), self.pick(self.ports)
        if self.theme == "calico" and self.chance(8):
            dport = 4789
        match self.pick(
            ("tcp",) * 6 + ("udp",) * 4 + ("icmp",) * 3 + ("odd", "fragments", "fragments", "proto", "sctp")
        ):
            case "tcp":
                return self.tcp_flow(side, src, dst, sport, dport, ttl, tos)
            case "udp":
                return self.udp_flow(side, src, dst, sport, dport, ttl, tos)
            case "icmp":
                number = self.number(1, 5)
                body = packets.transport(
                    packets.ICMP, src, dst, packets.icmp(8, 0, number << 16 | 1, b"ping" * (self.length() // 4 or 1))
                )
                send = self.send(side, packets.ipv4(src, dst, packets.ICMP, body, ttl=ttl, tos=tos, ident=self.ident()))
                said: tuple[Item, ...] = (Answer("reply"), send, Answer("exceeded"))
                return [send, *self.some(said, 2)]
            case "odd":
                kind, code = self.pick(((0, 0), (13, 0), (3, 1), (5, 1), (42, 0), (17, 0)))
                body = packets.transport(packets.ICMP, src, dst, packets.icmp(kind, code, 7 << 16, b"12345678"))
                return [self.send(side, packets.ipv4(src, dst, packets.ICMP, body, ttl=ttl, ident=self.ident()))]
            case "sctp":
                return self.sctp_flow(side, src, dst, sport, dport, ttl, tos)
            case "fragments":
                return self.fragments(side, src, dst, sport, dport)
            case _:
                return [
                    self.send(
                        side, packets.ipv4(src, dst, self.pick((47, 50, 89, 4)), b"0123456789ab", ident=self.ident())
                    )
                ]

    def udp_flow(self, side: str, src: bytes, dst: bytes, sport: int, dport: int, ttl: int, tos: int) -> list[Item]:
        body = packets.transport(packets.UDP, src, dst, packets.udp(sport, dport, b"x" * self.length()))
        send = self.send(side, packets.ipv4(src, dst, packets.UDP, body, ttl=ttl, tos=tos, ident=self.ident()))
        replies: tuple[Item, ...] = (Answer("reply"), send, Answer("unreachable"), Answer("data"))
        return [send, *self.some(replies, 3)]

    def sctp_flow(self, side: str, src: bytes, dst: bytes, sport: int, dport: int, ttl: int, tos: int) -> list[Item]:
        chunk = self.pick((packets.INIT,) * 4 + (packets.DATA, packets.COOKIE_ECHO, packets.ABORT))
        body = packets.sctp(sport, dport, chunk)
        send = self.send(side, packets.ipv4(src, dst, packets.SCTP, body, ttl=ttl, tos=tos, ident=self.ident()))
        replied = [Answer("reply")] * self.number(0, 4)
        ends: tuple[Item, ...] = (send, Answer("unreachable"))
        return [send, *replied, *self.some(ends, 1)]

    def tcp_flow(self, side: str, src: bytes, dst: bytes, sport: int, dport: int, ttl: int, tos: int) -> list[Item]:
        def segment(seq: int, ack: int, flags: int, data: bytes = b"", mss: int = 0) -> Send:
            if self.long and not flags & packets.SYN:
                data = b"y" * self.length()
            body = packets.transport(
                packets.TCP, src, dst, packets.tcp(sport, dport, seq, ack, flags, data=data, mss=mss)
            )
            return self.send(side, packets.ipv4(src, dst, packets.TCP, body, ttl=ttl, tos=tos, ident=self.ident()))

        if self.chance(20):
            flags = self.pick(
                (packets.ACK, packets.RST, packets.FIN | packets.ACK, 0, 3, 0x29, packets.SYN | packets.ACK, 0xC2, 0x50)
            )
            return [segment(1000, 1, flags)]
        syn = segment(1000, 0, packets.SYN, mss=1460)
        result: list[Item] = [syn]
        if self.chance(20):
            result.append(syn)
        ending = self.pick(("open", "refused", "shaken", "used", "closed", "reset", "error", "late"))
        if ending == "open":
            return result
        if ending == "refused":
            return [*result, Answer("rst")]
        if ending == "error":
            return [*result, Answer(self.pick(("unreachable", "prohibited", "exceeded", "toobig")))]
        result += [Answer("reply"), Answer("reply")]
        if ending == "shaken":
            return result
        result += [Answer("data"), Answer("reply")]
        match ending:
            case "closed":
                result += [Answer("fin"), Answer("fin"), Answer("reply")]
            case "reset":
                result.append(Answer("rst"))
            case "late":
                result.append(Answer("late"))
        return result

    def fragments(self, side: str, src: bytes, dst: bytes, sport: int, dport: int) -> list[Item]:
        data = b"f" * self.number(40, 120)
        proto = self.pick((packets.UDP, packets.UDP, packets.TCP, packets.ICMP))
        body = {
            packets.UDP: packets.udp(sport, dport, data),
            packets.TCP: packets.tcp(sport, dport, 1000, 0, packets.SYN, data=data),
            packets.ICMP: packets.icmp(8, 0, 3 << 16 | 1, data),
        }[proto]
        whole = packets.transport(proto, src, dst, body)
        ident = self.ident()
        pieces = [
            self.send(side, packets.ipv4(src, dst, proto, whole[:32], ident=ident, frag=0x2000)),
            self.send(side, packets.ipv4(src, dst, proto, whole[32:], ident=ident, frag=4)),
        ]
        if self.chance(25):
            pieces.reverse()
        if self.chance(20):
            return [pieces[0]]
        return [*pieces, *self.some((Answer("reply"), Answer("unreachable")), 1)]

    def send(self, side: str, packet: bytes) -> Send:
        return Send(side, packets.frame(side, packet).hex())

    def length(self) -> int:
        """Of what is sent."""
        return self.number(1250, 1450) if self.long and self.chance(50) else self.number(0, 64)

    def ident(self) -> int:
        return self.number(100, 60000)


def generate(seed: int, count: int) -> list[Case]:
    """The first ``count`` cases of a seed."""
    return [Drawing(Random(f"rules/{seed}/{number}")).case() for number in range(count)]
