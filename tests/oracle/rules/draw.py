"""Draws cases from a seed: themes of rules, and packets that have a chance to meet them.

Nothing is drawn that the kernel decides by chance (statistic's random mode, a SNAT range of several addresses): those have
tests of their own.
"""

from random import Random

import msgspec

from tests.oracle.rules import kube, packets
from tests.oracle.rules.case import Answer, Case, Send
from tests.oracle.rules.parts import Parts

PORTS = (53, 80, 443, 8080, 30007, 1000, 40000)
THEMES = ("filter", "filter", "nat", "nat", "mangle", "ct", "sets", "mixed", "mixed", "kube", "kube")
VIPS = ("10.96.0.1", "10.96.0.10")
"""Addresses that nobody has: services."""


class Drawing(Parts):
    """One case."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.theme = self.pick(THEMES)
        self.variant = self.pick(("nft", "nft", "legacy"))

    def case(self) -> Case:
        if self.theme == "kube":
            return self.kube()
        tables = {
            "filter": ("filter",),
            "nat": ("nat",),
            "mangle": ("mangle", "filter"),
            "ct": ("raw", "filter"),
            "sets": ("filter", "nat"),
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
                ("net.ipv4.conf.all.route_localnet=1", 3),
            )
            if self.chance(percent)
        ]
        order = [name for name in ("raw", "mangle", "nat", "filter") if name in texts]
        rules = "".join(texts[name] for name in order)
        sets = self.sets() if self.use_sets else ""
        return Case(self.variant, self.theme, rules, tuple(self.packets()), sets, tuple(sysctls), trace)

    def kube(self) -> Case:
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
        raw = "*raw\n-A PREROUTING -j TRACE\n-A OUTPUT -j TRACE\nCOMMIT\n" if trace else ""
        return Case(
            self.variant, self.theme, raw + nat + kube.filter_table(services), tuple(self.packets()), trace=trace
        )

    # -- what is sent ---------------------------------------------------------------------------------------------

    def packets(self) -> list[Send | Answer]:
        result: list[Send | Answer] = []
        for _ in range(self.number(2, 5)):
            result += self.flow()
        return result

    def flow(self) -> list[Send | Answer]:
        side = self.pick(("a", "a", "a", "b"))
        near, far = ("10.1.0.", "10.2.0.") if side == "a" else ("10.2.0.", "10.1.0.")
        src = packets.address(f"{near}{self.number(2, 5)}")
        dst = packets.address(
            self.pick(
                (f"{far}{self.number(2, 5)}",) * 5
                + VIPS * (6 if self.theme == "kube" else 2)
                + (f"{near}1", f"{far}1", "8.8.8.8", "127.0.0.1")
            )
        )
        if src == dst:
            dst = packets.address(f"{far}9")
        ttl = self.pick((64,) * 9 + (2, 1))
        tos = self.pick((0,) * 6 + (0x10, 0x28, 0xB8))
        sport, dport = self.pick((1000, 40000, 40001, 500, 53)), self.pick(PORTS)
        match self.pick(("tcp",) * 6 + ("udp",) * 4 + ("icmp",) * 3 + ("odd", "fragments", "proto")):
            case "tcp":
                return self.tcp_flow(side, src, dst, sport, dport, ttl, tos)
            case "udp":
                body = packets.transport(packets.UDP, src, dst, packets.udp(sport, dport, b"x" * self.number(0, 64)))
                send = self.send(side, packets.ipv4(src, dst, packets.UDP, body, ttl=ttl, tos=tos, ident=self.ident()))
                replies: tuple[Send | Answer, ...] = (Answer("reply"), send, Answer("unreachable"), Answer("data"))
                return [send, *self.some(replies, 3)]
            case "icmp":
                number = self.number(1, 5)
                body = packets.transport(packets.ICMP, src, dst, packets.icmp(8, 0, number << 16 | 1, b"ping"))
                send = self.send(side, packets.ipv4(src, dst, packets.ICMP, body, ttl=ttl, tos=tos, ident=self.ident()))
                said: tuple[Send | Answer, ...] = (Answer("reply"), send, Answer("exceeded"))
                return [send, *self.some(said, 2)]
            case "odd":
                kind, code = self.pick(((0, 0), (13, 0), (3, 1), (5, 1), (42, 0), (17, 0)))
                body = packets.transport(packets.ICMP, src, dst, packets.icmp(kind, code, 7 << 16, b"12345678"))
                return [self.send(side, packets.ipv4(src, dst, packets.ICMP, body, ttl=ttl, ident=self.ident()))]
            case "fragments":
                return self.fragments(side, src, dst, sport, dport)
            case _:
                return [
                    self.send(
                        side, packets.ipv4(src, dst, self.pick((47, 50, 89, 4)), b"0123456789ab", ident=self.ident())
                    )
                ]

    def tcp_flow(
        self, side: str, src: bytes, dst: bytes, sport: int, dport: int, ttl: int, tos: int
    ) -> list[Send | Answer]:
        def segment(seq: int, ack: int, flags: int, data: bytes = b"", mss: int = 0) -> Send:
            body = packets.transport(
                packets.TCP, src, dst, packets.tcp(sport, dport, seq, ack, flags, data=data, mss=mss)
            )
            return self.send(side, packets.ipv4(src, dst, packets.TCP, body, ttl=ttl, tos=tos, ident=self.ident()))

        if self.chance(20):
            flags = self.pick(
                (packets.ACK, packets.RST, packets.FIN | packets.ACK, 0, 3, 0x29, packets.SYN | packets.ACK)
            )
            return [segment(1000, 1, flags)]
        syn = segment(1000, 0, packets.SYN, mss=1460)
        result: list[Send | Answer] = [syn]
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

    def fragments(self, side: str, src: bytes, dst: bytes, sport: int, dport: int) -> list[Send | Answer]:
        whole = packets.transport(packets.UDP, src, dst, packets.udp(sport, dport, b"f" * self.number(40, 120)))
        ident = self.ident()
        first = packets.ipv4(src, dst, packets.UDP, whole[:32], ident=ident, frag=0x2000)
        second = packets.ipv4(src, dst, packets.UDP, whole[32:], ident=ident, frag=4)
        result: list[Send | Answer] = [self.send(side, first)]
        if self.chance(80):
            result.append(self.send(side, second))
        return result

    def send(self, side: str, packet: bytes) -> Send:
        return Send(side, packets.frame(side, packet).hex())

    def ident(self) -> int:
        return self.number(100, 60000)


def generate(seed: int, count: int) -> list[Case]:
    """The first ``count`` cases of a seed."""
    return [Drawing(Random(f"rules/{seed}/{number}")).case() for number in range(count)]
