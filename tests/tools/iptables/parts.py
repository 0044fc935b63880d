"""Options of every match and target of the registry, as people write them; what each needs of ``-p``, a table or a chain is named."""

from random import Random
from types import MappingProxyType

MATCHES = MappingProxyType(
    {
        "addrtype": ("--dst-type LOCAL", "! --src-type UNICAST,LOCAL", "--dst-type BROADCAST ! --src-type MULTICAST"),
        "comment": ('--comment "a b"', "--comment plain-word_1", r'--comment "q\"uo\\te"', '--comment ""'),
        "connbytes": ("--connbytes 10:20 --connbytes-dir both --connbytes-mode packets", "! --connbytes 5 --connbytes-dir reply --connbytes-mode avgpkt"),
        "connlimit": ("--connlimit-above 3", "--connlimit-upto 2 --connlimit-mask 24 --connlimit-daddr"),
        "connmark": ("--mark 0x1", "! --mark 1/3"),
        "conntrack": ("--ctstate NEW,ESTABLISHED", "! --ctstate INVALID", "--ctproto 6 --ctorigsrc 10.0.0.0/8", "--ctdir REPLY", "--ctstatus ASSURED,SEEN_REPLY", "--ctorigdstport 80:90 ! --ctreplsrc 1.2.3.4", "--ctexpire 10:20"),
        "dscp": ("--dscp 0x2e", "! --dscp-class AF11"),
        "ecn": ("--ecn-ip-ect 2", "! --ecn-ip-ect 0"),
        "hashlimit": ("--hashlimit-upto 5/sec --hashlimit-mode srcip,dstport --hashlimit-name h1", "--hashlimit-above 10/min --hashlimit-burst 20 --hashlimit-mode dstip --hashlimit-srcmask 24 --hashlimit-name h2"),
        "icmp": ("--icmp-type echo-request", "! --icmp-type 3/4", "--icmp-type any", "--icmp-type 11"),
        "iprange": ("--src-range 10.0.0.1-10.0.0.9", "! --dst-range 10.0.0.1-10.0.0.9 --src-range 1.1.1.1-1.1.1.2"),
        "length": ("--length 100", "! --length 20:30", "--length 40:"),
        "limit": ("--limit 3/hour", "--limit 10/sec --limit-burst 7", "--limit 1/day --limit-burst 1"),
        "mac": ("--mac-source 02:00:00:00:00:0a", "! --mac-source 02:00:00:aa:bb:0a"),
        "mark": ("--mark 0x10/0xf0", "! --mark 3", "--mark 0"),
        "multiport": ("--dports 80,443,8000:8100", "! --sports 53", "--ports 1,2,3"),
        "owner": ("--uid-owner 0", "! --gid-owner 100-200", "--socket-exists"),
        "physdev": ("--physdev-in eth0", "! --physdev-is-bridged", "--physdev-is-in"),
        "pkttype": ("--pkt-type broadcast", "! --pkt-type multicast"),
        "recent": ("--set --name R1 --rsource", "--rcheck --seconds 60 --hitcount 4 --name R1 --rsource", "! --update --name R2 --rdest --mask 255.255.255.0", "--remove --name R1 --rsource"),
        "rpfilter": ("--loose", "--validmark --invert", "--accept-local"),
        "sctp": ("--dport 80", "! --sport 5:6"),
        "socket": ("--transparent", "--nowildcard"),
        "state": ("--state NEW", "! --state RELATED,ESTABLISHED"),
        "statistic": ("--mode random --probability 0.5", "--mode nth --every 3 --packet 0", "--mode random ! --probability 0.33333333349"),
        "tcp": ("--dport 80", "! --sport 1:1023 --syn", "--tcp-flags SYN,ACK SYN", "! --tcp-flags ALL NONE", "--tcp-option 5", "--dport 1024:"),
        "tos": ("--tos 0x10", "! --tos Minimize-Cost", "--tos 0x00/0xff"),
        "ttl": ("--ttl-eq 64", "--ttl-lt 5", "! --ttl-eq 1", "--ttl-gt 200"),
        "udp": ("--dport 53", "! --sport 1000:2000 ! --dport 7", "--sport :99"),
    }
)  # fmt: skip
"""Sets have to be there first, so that ``set`` is not among them."""
PROTO = MappingProxyType({"icmp": "icmp", "sctp": "sctp", "tcp": "tcp", "udp": "udp", "multiport": "tcp", "ecn": "tcp"})
ONLY = MappingProxyType({"rpfilter": ("mangle", "PREROUTING"), "socket": ("mangle", "INPUT"), "owner": ("mangle", "OUTPUT"), "mac": ("mangle", "PREROUTING"), "physdev": ("mangle", "PREROUTING")})  # fmt: skip
TARGETS = MappingProxyType(
    {
        "CHECKSUM": ("mangle", "POSTROUTING", "udp", ("--checksum-fill",)),
        "CLASSIFY": ("mangle", "POSTROUTING", "", ("--set-class 1:2", "--set-class 0:a")),
        "CONNMARK": ("mangle", "FORWARD", "", ("--set-mark 1", "--save-mark", "--restore-mark --nfmask 0xf --ctmask 0xf0", "--set-xmark 0x1/0x3")),
        "CT": ("raw", "PREROUTING", "", ("--notrack", "--zone 5", "--zone-orig 3")),
        "DNAT": ("nat", "PREROUTING", "tcp", ("--to-destination 10.0.0.1:80", "--to-destination 10.0.0.1-10.0.0.9:80-90 --random", "--to-destination 10.0.0.1 --persistent")),
        "DSCP": ("mangle", "FORWARD", "", ("--set-dscp 0x0a", "--set-dscp-class EF")),
        "ECN": ("mangle", "FORWARD", "tcp", ("--ecn-tcp-remove",)),
        "LOG": ("filter", "FORWARD", "", ("", '--log-prefix "drop: " --log-level 4', "--log-level debug --log-uid --log-tcp-options")),
        "MARK": ("mangle", "FORWARD", "", ("--set-mark 1", "--set-xmark 0x4000/0x4000", "--and-mark 0xff", "--or-mark 8", "--xor-mark 3")),
        "MASQUERADE": ("nat", "POSTROUTING", "tcp", ("", "--to-ports 1000-2000", "--random-fully")),
        "NETMAP": ("nat", "PREROUTING", "", ("--to 10.1.0.0/24",)),
        "NFLOG": ("filter", "FORWARD", "", ("--nflog-group 5", '--nflog-prefix "a b" --nflog-size 10', "--nflog-threshold 4")),
        "NFQUEUE": ("filter", "FORWARD", "", ("--queue-num 3", "--queue-balance 0:3 --queue-bypass", "--queue-num 1 --queue-bypass")),
        "NOTRACK": ("raw", "PREROUTING", "", ("",)),
        "REDIRECT": ("nat", "PREROUTING", "tcp", ("", "--to-ports 8080", "--to-ports 80-90 --random")),
        "REJECT": ("filter", "FORWARD", "tcp", ("", "--reject-with tcp-reset", "--reject-with icmp-net-unreachable", "--reject-with admin-prohib")),
        "SNAT": ("nat", "POSTROUTING", "tcp", ("--to-source 10.0.0.1", "--to-source 10.0.0.1-10.0.0.3:1000-2000 --random-fully")),
        "TCPMSS": ("mangle", "FORWARD", "tcp -m tcp --tcp-flags SYN,RST SYN", ("--set-mss 1200", "--clamp-mss-to-pmtu")),
        "TOS": ("mangle", "FORWARD", "", ("--set-tos 0x10", "--and-tos 0xf", "--or-tos 4", "--set-tos 0x08/0x3f")),
        "TPROXY": ("mangle", "PREROUTING", "tcp", ("--on-port 80 --tproxy-mark 1/1", "--on-port 8080 --on-ip 127.0.0.1")),
        "TRACE": ("raw", "PREROUTING", "", ("",)),
        "TTL": ("mangle", "FORWARD", "", ("--ttl-set 5", "--ttl-inc 1", "--ttl-dec 2")),
    }
)  # fmt: skip
"""Table, chain, protocol, options."""
_FRONT = (
    "",
    "-s 10.0.0.0/8",
    "! -s 10.1.2.3",
    "-d 10.96.0.1/32 -s 1.2.3.4/255.255.0.255",
    "! -f",
    "-i eth0",
    "! -i eth+",
    "-m comment --comment x",
)


def every() -> list[tuple[str, str, str]]:
    """(table, chain, rule) for each option text of each extension alone."""
    found = []
    for name, texts in MATCHES.items():
        table, chain = ONLY.get(name, ("filter", "FORWARD"))
        proto = f"-p {PROTO[name]} " if name in PROTO else ""
        found += [(table, chain, f"{proto}-m {name} {text}") for text in texts]
    for name, (table, chain, proto, texts) in TARGETS.items():
        front = f"-p {proto} " if proto else ""
        found += [(table, chain, f"{front}-j {name} {text}".rstrip()) for text in texts]
    return found


def drawn(seed: int, count: int) -> list[tuple[str, str, str]]:
    """Rules with several extensions."""
    random = Random(seed)
    rules: list[tuple[str, str, str]] = []
    while len(rules) < count:
        target = random.choice(["", "", "-j ACCEPT", "-j RETURN", *TARGETS])
        table, chain, proto, texts = TARGETS.get(
            target, ("mangle", "FORWARD", random.choice(["", "tcp", "udp", "icmp"]), ("",))
        )
        front = random.choice(_FRONT)
        if chain in {"OUTPUT", "POSTROUTING"} and "-i" in front:
            continue
        words = [front, f"-p {proto}" if proto else ""]
        used: set[str] = set()
        for _ in range(random.randrange(4)):
            name = random.choice(sorted(MATCHES))
            if name in used or name in ONLY or PROTO.get(name, proto) != proto:
                continue
            used.add(name)
            words.append(f"-m {name} {random.choice(MATCHES[name])}")
        words.append(f"-j {target} {random.choice(texts)}" if target in TARGETS else target)
        rules.append((table, chain, " ".join(word for word in words if word).strip()))
    return rules


def restorable(rules: list[tuple[str, str, str]]) -> str:
    """The text of all of them for iptables-restore."""
    tables: dict[str, list[str]] = {}
    for table, chain, rule in rules:
        tables.setdefault(table, []).append(f"-A {chain} {rule}\n")
    return "".join(f"*{table}\n{''.join(lines)}COMMIT\n" for table, lines in tables.items())
