"""Draws the pieces of rule sets: matches, targets, chains and sets."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

_T = TypeVar("_T")
BASE = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
IN = {"PREROUTING", "INPUT", "FORWARD"}
OUT = {"FORWARD", "OUTPUT", "POSTROUTING"}
REJECTS = (
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-port-unreachable",
    "icmp-proto-unreachable",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "icmp-admin-prohibited",
)
NETS = ("10.1.0.0/24", "10.2.0.0/24", "10.1.0.2", "10.2.0.3", "10.96.0.0/16", "10.0.0.0/8", "10.2.0.4/31", "0.0.0.0/0")


SET_WAYS = (
    "addr dst",
    "addr src",
    "nets dst",
    "nets src",
    "nets src --return-nomatch",
    "ports dst,dst",
    "ports src,src",
    "ports dst,dst ! --update-counters --packets-gt 1",
    "ports dst,dst --bytes-lt 100",
    "pair src,dst",
    "pair src,dst,dst",
    "netport dst,dst",
    "netport src,src",
    "three src,dst,dst",
    "map dst",
    "map src",
    "hosts dst",
    "all src",
    "all dst",
)


class Parts:
    """Random pieces of iptables' language."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.use_sets = False
        self.recents = 0

    def pick(self, choices: Sequence[_T]) -> _T:
        return self.random.choice(choices)

    def some(self, choices: Sequence[_T], most: int) -> list[_T]:
        return [self.pick(choices) for _ in range(self.number(0, most))]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def no(self) -> str:
        return "! " if self.chance(25) else ""

    # -- a table --------------------------------------------------------------------------------------------------

    def table(self, name: str) -> str:
        """Its text for iptables-restore."""
        users = [f"{name[0].upper()}{number}" for number in range(self.number(0, 3))]
        lines = [f"*{name}"]
        if name != "nat":
            lines += [f":{chain} DROP [0:0]" for chain in BASE[name] if self.chance(6)]
        lines += [f":{user} - [0:0]" for user in users]
        for chain in BASE[name]:
            busy = chain in {"FORWARD", "PREROUTING", "POSTROUTING"}
            for _ in range(self.number(0, 5 if busy else 2)):
                lines.append(f"-A {chain} {self.rule(name, {chain}, users)}")
        for index, user in enumerate(users):
            # It may be reached from every base chain; it jumps only to later ones.
            for _ in range(self.number(0, 4)):
                lines.append(f"-A {user} {self.rule(name, set(BASE[name]), users[index + 1 :])}")
        return "\n".join((*lines, "COMMIT")) + "\n"

    def rule(self, table: str, chains: set[str], users: Sequence[str]) -> str:
        words = []
        proto = self.pick(("", "", "", "", "tcp", "tcp", "tcp", "tcp", "udp", "udp", "icmp", "icmp", "sctp"))
        if self.chance(25):
            words.append(f"{self.no()}-s {self.pick(NETS[:-1])}")
        if self.chance(25):
            words.append(f"{self.no()}-d {self.pick(NETS[:-1])}")
        # A chain of one's own may ask for a device that a hook does not have.
        anywhere = len(chains) > 1
        if (chains <= IN or anywhere) and self.chance(20):
            words.append(f"{self.no()}-i {self.pick(('ra', 'rb', 'r+'))}")
        if (chains <= OUT or anywhere) and self.chance(20):
            words.append(f"{self.no()}-o {self.pick(('ra', 'rb', 'r+'))}")
        target = self.target(table, chains, users, proto)
        if isinstance(target, tuple):
            proto, target = target
        if proto:
            words.append(f"-p {proto}")
            if self.chance(60):
                words.append(self.of_proto(proto))
        elif self.chance(8):
            words.append(f"! -p {self.pick(('tcp', 'udp', 'icmp', '47'))}")
        if self.chance(2):
            words.append(self.pick(("-f", "! -f")))
        words += [self.match(table, chains, proto) for _ in range(self.pick((0, 0, 1, 1, 2)))]
        return " ".join(filter(None, (*words, target)))

    def port(self) -> str:
        return self.pick(("53", "80", "443", "1000", "40000", "1:1023", "1024:", ":500", "30000:32767"))

    def of_proto(self, proto: str) -> str:
        if proto == "icmp":
            kind = self.pick(("echo-request", "8", "echo-reply", "3", "3/3", "any", "11"))
            return f"-m icmp {self.no() if kind != 'any' else ''}--icmp-type {kind}"
        choices = [
            f"-m {proto} {self.no()}--dport {self.port()}",
            f"-m {proto} {self.no()}--sport {self.port()}",
            f"-m multiport {self.no()}--dports 53,80,8000:9000",
            f"-m multiport {self.no()}--ports 443,1000",
            f"-m multiport {self.no()}--sports 500,40000",
        ]
        if proto == "sctp":
            choices = choices[:-1]
        if proto == "tcp":
            choices += [
                "-m ecn --ecn-tcp-ece",
                "-m ecn --ecn-tcp-cwr",
                f"-m tcp {self.no()}--syn",
                f"-m tcp {self.no()}--tcp-flags SYN,ACK SYN,ACK",
                f"-m tcp {self.no()}--tcp-flags ALL NONE",
                f"-m tcp {self.no()}--tcp-option 2",
            ]
        return self.pick(choices)

    def match(self, table: str, chains: set[str], proto: str) -> str:
        no = self.no()
        choices = [
            f"-m mark {no}--mark {self.pick(('0x1', '0x4000/0x4000', '0x0', '0x10/0xf0'))}",
            f"-m connmark {no}--mark {self.pick(('0x1', '0x2/0x3', '0x0'))}",
            f"-m conntrack {no}--ctstate {self.pick(('NEW', 'ESTABLISHED', 'RELATED,ESTABLISHED', 'INVALID', 'UNTRACKED', 'DNAT', 'SNAT', 'NEW,INVALID'))}",
            f"-m conntrack --ctdir {self.pick(('ORIGINAL', 'REPLY'))}",
            f"-m conntrack {no}--ctorigdst {self.pick(NETS[:-1])}",
            f"-m conntrack {no}--ctorigsrc {self.pick(NETS[:-1])}",
            f"-m conntrack {no}--ctreplsrc {self.pick(NETS[:-1])}",
            f"-m conntrack {no}--ctproto {self.pick(('tcp', 'udp', 'icmp'))}",
            f"-m conntrack {no}--ctorigdstport {self.pick(('80', '53', '30007'))}",
            f"-m conntrack {no}--ctstatus {self.pick(('NONE', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'))}",
            f"-m state --state {self.pick(('NEW', 'ESTABLISHED', 'INVALID'))}",
            f"-m addrtype {no}--dst-type {self.pick(('LOCAL', 'UNICAST', 'BROADCAST'))}",
            f"-m addrtype {no}--src-type {self.pick(('LOCAL', 'UNICAST'))}",
            f"-m statistic --mode random {no}--probability {self.pick(('0', '1'))}",
            f"-m conntrack {no}--ctrepldst {self.pick(NETS[:-1])}",
            f"-m conntrack {no}--ctorigsrcport {self.pick(('1000', '40000:40001', ':1023'))}",
            f"-m conntrack {no}--ctreplsrcport {self.pick(('8080', '53', '80'))}",
            f"-m ecn {no}--ecn-ip-ect {self.number(0, 3)}",
            f"-m connbytes {no}--connbytes {self.pick(('60:100', '80'))} --connbytes-dir {self.pick(('original', 'reply'))} --connbytes-mode {self.pick(('bytes', 'avgpkt'))}",
            f"-m recent --name R2 {self.pick(('--set', '--rcheck --hitcount 2', '--update --seconds 60', '--rcheck --rttl'))} --rdest",
            f"-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-mode {self.pick(('dstip,dstport', 'srcport', 'srcip --hashlimit-srcmask 30'))} --hashlimit-name g{self.number(0, 10**6)}",
            f"-m statistic --mode nth {no}--every {self.number(1, 3)} --packet 0",
            '-m comment --comment "a comment"',
            f"-m limit --limit 1/hour --limit-burst {self.number(1, 3)}",
            f"-m iprange {no}--src-range 10.1.0.3-10.2.0.2",
            f"-m iprange {no}--dst-range 10.2.0.3-10.96.0.5",
            f"-m length {no}--length {self.pick(('0:60', '44', '61:', '40:48'))}",
            f"-m ttl {self.pick(('--ttl-eq 63', '--ttl-lt 10', '--ttl-gt 62'))}",
            f"-m dscp {no}--dscp {self.pick(('0x00', '0x0a', '0x2e'))}",
            f"-m tos {no}--tos {self.pick(('0x10', '0x00/0xff'))}",
            f"-m pkttype {no}--pkt-type {self.pick(('unicast', 'broadcast'))}",
            f"-m connbytes {no}--connbytes {self.pick(('2:4', '1', '3:'))} --connbytes-dir both --connbytes-mode packets",
            f"-m recent --name R{self.number(0, 1)} {self.pick(('--set', '--rcheck', '--update', '--remove'))} --rsource",
            f"-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name h{self.number(0, 10**6)}",
        ]
        if chains == {"PREROUTING"} and table in {"raw", "mangle"}:
            choices.append(f"-m rpfilter {self.pick(('', '--loose', '--invert', '--validmark'))}".strip())
        if chains <= {"PREROUTING", "FORWARD", "INPUT"}:
            choices.append(f"-m mac {no}--mac-source {self.pick(('02:00:00:00:00:0a', '02:00:00:00:00:0b'))}")
        if chains <= {"PREROUTING", "INPUT"}:
            choices += [f"-m socket{self.pick(('', ' --nowildcard', ' --transparent'))}"] * 2
        if chains <= {"OUTPUT", "POSTROUTING"}:
            choices += [f"-m owner {no}{self.pick(('--uid-owner 0', '--gid-owner 0', '--socket-exists'))}"] * 2
        if chains <= {"PREROUTING", "INPUT"} and len(chains) == 1:
            choices.append(f"-m addrtype --dst-type LOCAL{self.pick(('', ' --limit-iface-in'))}")
        if proto in {"tcp", "udp"} and chains <= {"PREROUTING", "FORWARD"}:
            # Of segments that the router itself sends on a connection that they close: README.md.
            choices.append(
                f"-m connlimit --connlimit-{self.pick(('above', 'upto'))} {self.number(1, 3)} --connlimit-mask 32 --connlimit-saddr"
            )
        if self.use_sets:
            choices += [f"-m set {no}--match-set {self.pick(SET_WAYS)}" for _ in range(8)]
        return self.pick(choices)

    # -- targets --------------------------------------------------------------------------------------------------

    def target(self, table: str, chains: set[str], users: Sequence[str], proto: str) -> str | tuple[str, str]:
        if users and self.chance(40):
            return f"{self.pick(('-j', '-j', '-g'))} {self.pick(users)}"
        if self.chance(8):
            return ""
        plain = ("-j ACCEPT", "-j RETURN") if table == "nat" else ("-j ACCEPT", "-j DROP", "-j RETURN", "-j ACCEPT")
        if self.chance(6):
            return self.watching(chains)
        if self.chance(30 if table in {"nat", "mangle"} else 60):
            return self.pick(plain)
        match table:
            case "filter":
                if self.chance(30):
                    return "tcp", "-j REJECT --reject-with tcp-reset"
                return f"-j REJECT --reject-with {self.pick(REJECTS)}"
            case "raw":
                zone = self.pick(("--zone", "--zone", "--zone-orig", "--zone-reply"))
                return self.pick(("-j NOTRACK", "-j CT --notrack", f"-j CT {zone} {self.number(1, 2)}"))
            case "mangle":
                return self.mangle_target(chains)
            case _:
                return self.nat_target(chains, proto)

    def watching(self, chains: set[str]) -> str:
        """A target that lets the packet go on."""
        choices = ["-j LOG --log-prefix seen", "-j NFLOG --nflog-group 5", "-j NFLOG --nflog-prefix seen"]
        if self.use_sets:
            for _ in range(4):
                verb = self.pick(("--add-set", "--del-set"))
                choices.append(f"-j SET {verb} {self.pick(('addr src', 'addr dst', 'ports dst,dst', 'ports src,src'))}")
        return self.pick(choices)

    def mangle_target(self, chains: set[str]) -> str | tuple[str, str]:
        choices: list[str | tuple[str, str]] = [
            f"-j MARK {self.pick(('--set-xmark 0x1/0xffffffff', '--set-mark 0x10', '--or-mark 0x4000', '--and-mark 0xf', '--xor-mark 0x1'))}",
            f"-j CONNMARK {self.pick(('--set-xmark 0x1/0xffffffff', '--save-mark', '--restore-mark', '--restore-mark --nfmask 0xf --ctmask 0xf'))}",
            f"-j TTL {self.pick(('--ttl-set 99', '--ttl-inc 1', '--ttl-dec 1'))}",
            f"-j DSCP {self.pick(('--set-dscp 0x0a', '--set-dscp-class EF'))}",
            f"-j TOS {self.pick(('--set-tos 0x10/0xff', '--set-tos 0x08/0x3f', '--and-tos 0xf0', '--or-tos 0x04', '--xor-tos 0x10', '--set-tos Minimize-Cost'))}",
            f"-j MARK {self.pick(('--set-mark 0x1', '--set-mark 0x10', '--set-xmark 0x10/0xf0'))}",
            f"-j CONNMARK {self.pick(('--or-mark 0x2', '--xor-mark 0x3', '--and-mark 0x1', '--save-mark --nfmask 0xff --ctmask 0xf', '--set-mark 0x2/0x3'))}",
            ("tcp", "-j ECN --ecn-tcp-remove"),
            "-j CHECKSUM --checksum-fill",
        ]
        if chains <= {"FORWARD", "OUTPUT", "POSTROUTING"}:
            choices.append("-j CLASSIFY --set-class 1:2")
        if chains <= {"FORWARD", "POSTROUTING"}:
            choices.append(("tcp", "-m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200"))
            choices.append(("tcp", "-m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"))
        return self.pick(choices)

    def nat_target(self, chains: set[str], proto: str) -> str | tuple[str, str]:
        ported = proto in {"tcp", "udp", "sctp"}
        if chains <= {"PREROUTING", "OUTPUT"}:
            choices = [
                "-j DNAT --to-destination 10.2.0.3",
                "-j DNAT --to-destination 10.1.0.4",
                f"-j DNAT --to-destination {self.pick(('10.1.0.1', '10.2.0.1', '127.0.0.1'))}",
                f"-j REDIRECT{' --to-ports 8080' if ported else ''}",
                f"-j REDIRECT{' --to-ports 8080' if ported else ''}",
                "-j DNAT --to-destination 10.2.0.4 --random --persistent",
                f"-j REDIRECT{' --to-ports 8080' if ported else ''}",
                "-j NETMAP --to 10.2.0.0/24",
            ]
            if ported:
                choices += [
                    "-j DNAT --to-destination 10.2.0.2:8080",
                    "-j DNAT --to-destination :80",
                    "-j DNAT --to-destination 10.1.0.1:53",
                    "-j DNAT --to-destination 127.0.0.1:53",
                    "-j DNAT --to-destination 10.2.0.5:9000-9100/9000",
                    "-j REDIRECT --to-ports 9000-9100 --random",
                ]
            return self.pick(choices)
        if chains <= {"POSTROUTING", "INPUT"}:
            choices = ["-j SNAT --to-source 10.1.0.9", "-j SNAT --to-source 10.2.0.9"]
            if ported:
                choices += [
                    "-j SNAT --to-source 10.2.0.9:7777",
                    "-j SNAT --to-source 10.2.0.9:7000-7100",
                    "-j SNAT --to-source 10.2.0.9 --random",
                    "-j SNAT --to-source 10.2.0.9 --random-fully",
                ]
            if chains == {"POSTROUTING"}:
                choices += ["-j MASQUERADE", "-j MASQUERADE", "-j MASQUERADE --random-fully"]
                if ported:
                    choices += ["-j MASQUERADE --to-ports 7777", "-j MASQUERADE --to-ports 7000-7100 --random"]
            return self.pick(choices)
        return "-j RETURN"

    # -- sets -----------------------------------------------------------------------------------------------------

    def sets(self) -> str:
        """The text for ipset restore of the sets that rules name."""
        lines = [
            "create addr hash:ip",
            "create nets hash:net",
            "create ports hash:ip,port counters",
            "create pair hash:ip,port,ip",
            "create netport hash:net,port",
            "create three hash:ip,port,net",
            "create map bitmap:port range 0-1023",
            "create hosts bitmap:ip range 10.2.0.0/24",
            "create all list:set",
            "add all addr",
            "add all nets",
            "add map 80",
            "add map 500-502",
            "add hosts 10.2.0.2-10.2.0.3",
            "add netport 10.2.0.0/24,tcp:80",
            "add netport 10.1.0.0/30,udp:53",
            "add three 10.1.0.2,tcp:80,10.2.0.0/24",
            "add three 10.1.0.3,udp:53,10.0.0.0/8",
        ]
        lines += sorted({f"add addr 10.{self.number(1, 2)}.0.{self.number(2, 5)}" for _ in range(self.number(0, 4))})
        for net in ("10.1.0.0/24", "10.2.0.0/30", "10.96.0.0/16", "10.2.0.4/31"):
            if self.chance(50):
                lines.append(f"add nets {net}")
        if self.chance(40):
            lines.append("add nets 10.1.0.4/31 nomatch")
        ports = {
            f"add ports 10.{self.number(1, 2)}.0.{self.number(2, 5)},{self.pick(('tcp:80', 'udp:53', 'tcp:443', 'tcp:1000'))}"
            for _ in range(6)
        }
        lines += sorted(ports)
        lines += sorted({f"add pair 10.1.0.{self.number(2, 5)},tcp:80,10.1.0.{self.number(2, 5)}" for _ in range(3)})
        return "\n".join(lines) + "\n"
