"""Which packets each match of iptables lets pass: rules without target, and packets as bytes, for both kernels.

``python -m tests.oracle.matches`` asks the real kernel and writes ``matches.json``: what ``iptables-save -c`` prints after each case.
The network is that of the generated rule sets (``rules/case.py``): what is sent comes to the router from host a.
"""

import json
import pathlib
import struct
import sys

from tests.oracle.rules import kernel, packets
from tests.oracle.rules.case import Case, Send
from tests.oracle.rules.ours import Router

RECORDED = pathlib.Path(__file__).resolve().parent / "matches.json"
ME, FAR = "10.1.0.2", "10.2.0.2"
SCTP, DCCP, UDPLITE, GRE, AH = 132, 33, 136, 47, 51
SYN, ACK, FIN, RST, PSH, URG, ECE, CWR = 2, 16, 1, 4, 8, 32, 64, 128
FRAME = "02000000000102000000000a0800"


def ip(body, proto, *, src=ME, dst=FAR, ttl=64, tos=0, frag=0x4000, ident=1):
    """A datagram in a frame from host a to the router, as hex."""
    data = packets.ipv4(
        packets.address(src), packets.address(dst), proto, body, ttl=ttl, tos=tos, ident=ident, frag=frag
    )
    return FRAME + data.hex()


def whole(proto, body, **fields):
    """The same with the right checksum in its transport header."""
    src, dst = packets.address(fields.get("src", ME)), packets.address(fields.get("dst", FAR))
    return ip(packets.transport(proto, src, dst, body), proto, **fields)


def tcp(dport=80, sport=40000, flags=SYN, options=b"", data=b"", seq=1000, ack=0, **fields):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (5 + len(options) // 4) << 4, flags, 64240, 0, 0)
    return whole(packets.TCP, head + options + data, **fields)


def udp(dport=53, sport=40000, data=b"", **fields):
    return whole(packets.UDP, packets.udp(sport, dport, data), **fields)


def icmp(kind=8, code=0, data=b"", **fields):
    return whole(packets.ICMP, packets.icmp(kind, code, 7 << 16 | 1, data), **fields)


PORTS = (0, 1, 79, 80, 81, 442, 443, 444, 1023, 1024, 8000, 65534, 65535)
TCP_PACKETS = [
    *(tcp(port, data=b"x" * n) for n, port in enumerate(PORTS)),
    *(tcp(80, port) for port in PORTS),
    *(tcp(flags=flags, data=b"y" * n) for n, flags in enumerate((0, SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, FIN, RST, RST | ACK, FIN | PSH | URG, SYN | FIN, 0x3F, SYN | ECE | CWR, ACK | ECE, ACK | CWR, 0xFF))),
    tcp(options=b"\x02\x04\x05\xb4"),
    tcp(options=b"\x01\x01\x01\x02\x04\x05\xb4\x00"),
    tcp(options=b"\x08\x0a" + b"\0" * 8 + b"\x01\x01"),
    tcp(options=b"\x05\x00\x02\x00"),
    tcp(options=b"\x00\x02\x04\x05"),
    tcp(options=b"\x01\x01\x01\xfe"),
]  # fmt: skip
TCP_RULES = """
--dport 80 | ! --dport 80 | --dport 80:443 | ! --dport 80:443 | --dport 0 | --dport :79 | ! --dport :79 | --dport 1024: | --dport 65535
--sport 80 | ! --sport 0:1023 | --sport 0:65535 | ! --sport 0:65535 | --sport 80 --dport 80 | ! --sport 80 ! --dport 80 | ! --sport 443 --dport 80
--syn | ! --syn | --tcp-flags ALL NONE | --tcp-flags ALL ALL | --tcp-flags SYN,ACK SYN,ACK | ! --tcp-flags FIN FIN | --tcp-flags NONE NONE
--tcp-flags NONE SYN | ! --tcp-flags NONE NONE | --tcp-flags FIN,RST RST --dport 80 | --tcp-option 2 | ! --tcp-option 2 | --tcp-option 8 | --tcp-option 5
--tcp-option 254 | --tcp-option 2 --dport 80 | -m multiport --dports 80,443 | -m multiport ! --dports 80,443:1023 | -m multiport --sports 0,65535
-m multiport --ports 1:79,8000 | -m multiport ! --ports 80 | -m multiport --dports 1024:65535 | -m ecn --ecn-tcp-ece | -m ecn ! --ecn-tcp-cwr
-m ecn --ecn-tcp-ece ! --ecn-tcp-cwr
"""
UDP_PACKETS = [*(udp(port, data=b"x" * n) for n, port in enumerate(PORTS)), *(udp(53, port) for port in PORTS)]
UDP_RULES = """
--dport 80 | ! --dport 80 | --dport 80:443 | ! --dport 80:443 | ! --dport 0:79 | --dport 443:80 | --sport 0 | --sport 1: | ! --sport 65535
--sport 80 --dport 53 | ! --sport 80 ! --dport 53 | ! --dport 0:65535 | -m udp | -m multiport --ports 53 | -m multiport --ports 0:65535
"""
ICMP_TYPES = ((0, 0), (3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (4, 0), (5, 1), (8, 0), (8, 7), (11, 0), (11, 1), (12, 0), (13, 0), (14, 0), (17, 0), (42, 3), (255, 0))  # fmt: skip
ICMP_PACKETS = [icmp(kind, code, b"\0" * n) for n, (kind, code) in enumerate(ICMP_TYPES)]
ICMP_RULES = """
--icmp-type any | ! --icmp-type any | --icmp-type 8 | ! --icmp-type 8 | --icmp-type 8/0 | --icmp-type 3 | --icmp-type port-unreachable
--icmp-type 3/1:5 | ! --icmp-type 3/3 | --icmp-type time-exceeded | --icmp-type 255 | --icmp-type 42/3 | --icmp-type ping
"""
HEADER_PACKETS = [
    *(udp(ttl=ttl, data=b"t" * n) for n, ttl in enumerate((1, 2, 63, 64, 128, 255))),
    *(udp(tos=tos, data=b"o" * n) for n, tos in enumerate((0, 1, 2, 3, 4, 8, 0x10, 0x28, 0x2E, 0xB8, 0xBA, 0xFF))),
    *(udp(data=b"l" * n) for n in (0, 71, 72, 73, 100, 1472)),
    *(udp(src=f"10.1.0.{n}", data=b"s" * n) for n in range(2, 10)),
    *(udp(dst=dst) for dst in ("10.2.0.3", "10.2.0.9", "10.3.0.1", "9.255.255.255", "10.2.1.0")),
    udp().replace("02000000000a", "0200000000ff"),
    udp().replace("020000000001", "ffffffffffff", 1),
    udp().replace("020000000001", "01005e000005", 1),
    udp().replace("020000000001", "02000000dead", 1),
    udp(dst="224.0.0.5").replace("020000000001", "01005e000005", 1),
]
HEADER_RULES = """
-m ttl --ttl-eq 64 | -m ttl ! --ttl-eq 64 | -m ttl --ttl-lt 64 | -m ttl --ttl-gt 63 | -m ttl --ttl-lt 1 | -m ttl --ttl-gt 254
-m dscp --dscp 0 | -m dscp --dscp 0x0a | -m dscp ! --dscp-class EF | -m tos --tos 0x10 | -m tos --tos 0x10/0x1e | -m tos ! --tos 0x00/0xff
-m tos --tos Minimize-Cost | -m tos --tos 0x03/0x01 | -m ecn --ecn-ip-ect 0 | -m ecn ! --ecn-ip-ect 3 | -m ecn --ecn-ip-ect 2
-m length --length 100 | -m length ! --length 100 | -m length --length 29:100 | -m length --length 1500: | -m length --length :28
-m iprange --src-range 10.1.0.3-10.1.0.5 | -m iprange ! --src-range 10.1.0.3-10.1.0.5 | -m iprange --dst-range 10.2.0.3-10.2.0.9
-m iprange --src-range 10.1.0.2 --dst-range 9.0.0.0-10.2.0.2 | -m iprange --src-range 10.1.0.9-10.1.0.2
-m mac --mac-source 02:00:00:00:00:0a | -m mac ! --mac-source 02:00:00:00:00:0a
-m pkttype --pkt-type unicast | -m pkttype --pkt-type broadcast | -m pkttype ! --pkt-type multicast | -m pkttype --pkt-type otherhost
-m mark --mark 0 | -m mark ! --mark 0 | -m mark --mark 0x1ff/0xf0 | -m comment --comment x
-m physdev --physdev-in ra | -m physdev ! --physdev-in ra | -m physdev ! --physdev-is-bridged | -m physdev --physdev-is-in
-p udp -m multiport --dports 53 | -p tcp -m tcp --dport 53 | ! -p tcp -m ttl --ttl-eq 64 | -m statistic --mode nth --every 3 --packet 0
-m statistic --mode nth --every 3 --packet 2 | -m statistic --mode nth ! --every 4 --packet 1 | -m statistic --mode nth --every 1 --packet 0
"""
ADDRESS_PACKETS = [
    *(udp(dst=dst, data=b"d" * n) for n, dst in enumerate(("10.1.0.1", "10.2.0.1", "10.2.0.2", "10.1.0.255", "10.2.0.255", "10.1.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.1", "0.0.0.0", "0.1.2.3", "8.8.8.8", "10.6.0.1", "10.7.0.1", "10.8.0.1", "10.9.0.1", "240.0.0.1"))),
    *(udp(src=src, data=b"s" * n) for n, src in enumerate(("10.1.0.1", "10.2.0.1", "10.2.0.2", "10.1.0.255", "127.0.0.1", "8.8.8.8", "0.0.0.0", "224.0.0.1", "255.255.255.255", "10.6.0.1", "10.7.0.1", "10.8.0.1", "10.5.0.1"))),
    udp(src="0.0.0.0", dst="255.255.255.255"),
    udp(src="0.0.0.0", dst="224.0.0.5"),
    udp(src="0.0.0.0", dst="239.1.1.1"),
    udp(tos=0x10, data=b"tos"),
]  # fmt: skip
ADDRESS_RULES = """
-m addrtype --dst-type LOCAL | -m addrtype ! --dst-type LOCAL | -m addrtype --dst-type UNICAST | -m addrtype --dst-type BROADCAST
-m addrtype --dst-type MULTICAST | -m addrtype --dst-type BLACKHOLE,UNREACHABLE,PROHIBIT | -m addrtype --src-type LOCAL
-m addrtype --src-type UNICAST | -m addrtype ! --src-type UNICAST --dst-type UNICAST | -m addrtype --dst-type LOCAL --limit-iface-in
-m addrtype ! --dst-type LOCAL --limit-iface-in | -m addrtype --dst-type BROADCAST --limit-iface-in | -m addrtype --src-type LOCAL --limit-iface-in
-m addrtype --dst-type THROW,NAT,XRESOLVE,UNSPEC,ANYCAST
"""
RPFILTER_RULES = """
-m rpfilter | -m rpfilter --invert | -m rpfilter --loose | -m rpfilter --loose --invert | -m rpfilter --accept-local
-m rpfilter --accept-local --loose | -m rpfilter --validmark
"""
PIECE = packets.udp(40000, 53, b"f" * 24)
FRAGMENT_PACKETS = [
    ip(PIECE[:24], packets.UDP, frag=0x2000, ident=9),
    ip(PIECE[24:], packets.UDP, frag=0x0003, ident=9),
    ip(bytes.fromhex(tcp())[34:], packets.TCP, frag=0x2000, ident=10),
    ip(b"z" * 16, packets.TCP, frag=0x0008, ident=10),
    ip(b"z" * 16, packets.ICMP, frag=0x0008, ident=11),
    ip(b"z" * 16, SCTP, frag=0x0008, ident=12),
    ip(b"z" * 16, GRE, frag=0x0008, ident=13),
]
FRAGMENT_RULES = """
-f | ! -f | -p udp -m udp --dport 53 | -p udp -m udp ! --dport 53 | -p udp -m udp | -p tcp -m tcp --dport 80 | -p tcp -m tcp ! --syn | -p tcp -m tcp
-p tcp -m tcp ! --tcp-option 3 | -p icmp -m icmp --icmp-type any | -p icmp -m icmp ! --icmp-type 8 | -p tcp -m multiport ! --dports 1
-p udp -m multiport --dports 53 | -p sctp -m sctp ! --dport 5 | -p sctp -m sctp | -m length --length 0:65535
"""
SHORT_PACKETS = [
    ip(b"\x9c\x40\0\x50" + b"\0" * 6, packets.TCP),
    ip(b"\x9c\x40\0\x35", packets.UDP),
    ip(b"\x08\0\0\0", packets.ICMP),
    ip(b"\0\x50", packets.TCP),
    ip(b"\0\x50\0\x50\0\0\0\0", SCTP),
    ip(b"\0\x50", UDPLITE),
    ip(b"z" * 16, packets.TCP, frag=0x0001, ident=14),
]
SHORT_RULES = """
-p tcp -m tcp --dport 80 ; -p tcp -m tcp ; -p tcp -m tcp --tcp-option 2 ; -p udp -m udp --dport 53 ; -p udp -m udp ; -p icmp -m icmp --icmp-type 8
-p tcp -m multiport --dports 80 ; -p udp -m multiport --dports 53 ; -p sctp -m sctp --dport 80 ; -p udplite -m multiport --ports 80 ; -p tcp -m ecn --ecn-tcp-ece
-m hashlimit --hashlimit-upto 1/h --hashlimit-mode dstport --hashlimit-name short
"""
OTHER_PACKETS = [
    *(ip(struct.pack("!HH", 1000, port) + b"\0" * 12, proto) for proto in (SCTP, DCCP, UDPLITE) for port in (80, 443)),
    ip(b"\0" * 20, GRE),
    ip(b"", 0),
    ip(b"\0\0\0\0\0\x50\x01\xbb" + b"\0" * 12, AH),
]
OTHER_RULES = """
-p sctp -m sctp --dport 80 | -p sctp -m sctp ! --dport 80 --sport 1000 | -p sctp -m multiport --ports 443 | -p dccp -m multiport --dports 80
-p udplite -m multiport ! --dports 80,81 | -p 47 | -p all | ! -p 47 | -p ah | -p 0
"""


def flow(sport=41000, **fields):
    """A connection of TCP from its first segment on: what host a sends, and what comes back."""
    there = {"sport": sport, **fields}
    back = {"sport": 80, "dport": sport, "src": FAR, "dst": ME}
    return [
        ("a", tcp(**there)),
        ("b", tcp(**back, flags=SYN | ACK, seq=7000, ack=1001)),
        ("a", tcp(**there, flags=ACK, seq=1001, ack=7001)),
        ("a", tcp(**there, flags=PSH | ACK, seq=1001, ack=7001, data=b"hello")),
        ("b", tcp(**back, flags=PSH | ACK, seq=7001, ack=1006, data=b"hello world")),
        ("a", tcp(**there, flags=RST, seq=1006)),
    ]


def sent(frame, side="a"):
    """The frame as that side sends it."""
    if side == "b":
        frame = frame.replace("02000000000102000000000a", "02000000000202000000000b", 1)
    return Send(side, frame)


STATE_PACKETS = [
    *(sent(frame, side) for side, frame in flow()),
    sent(udp(53, 40001)),
    sent(udp(53, 40001)),
    sent(udp(40001, 53, src=FAR, dst=ME), "b"),
    sent(udp(53, 40001)),
    sent(icmp(8)),
    sent(icmp(0, src=FAR, dst=ME), "b"),
    sent(icmp(0, data=b"unasked")),
    sent(tcp(flags=SYN | ACK, sport=41002)),
    sent(tcp(flags=ACK, sport=41003)),
    sent(tcp(flags=RST, sport=41004)),
    sent(whole(packets.ICMP, packets.icmp(3, 3, 0, bytes.fromhex(udp(53, 40001))[14:56]), src=FAR, dst=ME), "b"),
    sent(icmp(42)),
    sent(ip(b"\0" * 20, GRE)),
]
STATE_RULES = """
-m conntrack --ctstate NEW | -m conntrack --ctstate ESTABLISHED | -m conntrack --ctstate RELATED | -m conntrack --ctstate INVALID
-m conntrack --ctstate UNTRACKED | -m conntrack --ctstate SNAT,DNAT | -m conntrack --ctstate NEW,DNAT | -m conntrack ! --ctstate NEW | -m conntrack ! --ctstate INVALID,NEW
-m conntrack --ctproto 6 | -m conntrack ! --ctproto 6 | -m conntrack --ctorigsrc 10.1.0.0/24 | -m conntrack ! --ctorigsrc 10.1.0.0/24
-m conntrack --ctorigdst 10.2.0.2 | -m conntrack --ctreplsrc 10.2.0.2 | -m conntrack --ctrepldst 10.1.0.2 --ctproto udp
-m conntrack --ctorigsrcport 40000:40001 | -m conntrack --ctorigdstport 80 | -m conntrack ! --ctreplsrcport 80 | -m conntrack --ctrepldstport 41000
-m conntrack --ctorigdstport 2048 | -m conntrack --ctorigsrcport 7
-m conntrack --ctstatus NONE | -m conntrack ! --ctstatus NONE | -m conntrack --ctstatus CONFIRMED | -m conntrack --ctstatus SEEN_REPLY
-m conntrack --ctstatus ASSURED | -m conntrack ! --ctstatus SEEN_REPLY,ASSURED | -m conntrack --ctstatus EXPECTED
-m conntrack --ctdir ORIGINAL | -m conntrack --ctdir REPLY | -m conntrack --ctdir REPLY --ctstate ESTABLISHED --ctproto tcp
-m conntrack --ctexpire 0 | -m conntrack --ctexpire 25:35 | -m conntrack ! --ctexpire 0:119 | -m conntrack --ctexpire 431990:432000
-m conntrack --ctstate NEW --ctorigdst 10.2.0.2 --ctorigdstport 53 | -m state --state NEW,ESTABLISHED | -m state ! --state INVALID
-m connmark --mark 0 | -m connmark ! --mark 0 | -m connmark --mark 1/1
-m connbytes --connbytes 2 --connbytes-dir original --connbytes-mode packets | -m connbytes --connbytes 1:2 --connbytes-dir both --connbytes-mode packets
-m connbytes ! --connbytes 1:2 --connbytes-dir both --connbytes-mode packets | -m connbytes --connbytes 60: --connbytes-dir reply --connbytes-mode bytes
-m connbytes --connbytes 41:50 --connbytes-dir both --connbytes-mode avgpkt | -m connbytes --connbytes 0 --connbytes-dir reply --connbytes-mode bytes
"""
LIMIT_PACKETS = [
    *(sent(frame, side) for n in range(4) for side, frame in flow(41100 + n)[:3]),
    *(sent(tcp(81, 41200 + n, src=f"10.1.0.{3 + n % 2}")) for n in range(6)),
    *(sent(frame, side) for side, frame in flow(41100)[-1:]),
    sent(tcp(82, 41300)),
    *(sent(udp(53, 42000 + n, src=f"10.1.0.{2 + n % 3}", data=b"u" * 100 * n)) for n in range(12)),
]
LIMIT_RULES = """
-p tcp -m tcp --syn -m connlimit --connlimit-above 2 | -p tcp -m tcp --syn -m connlimit --connlimit-upto 2 --connlimit-mask 24
-p tcp -m connlimit --connlimit-above 3 --connlimit-daddr | -p tcp -m tcp --dport 81 -m connlimit ! --connlimit-above 1
-m limit --limit 1/hour --limit-burst 3 | -m limit --limit 10/day | -p udp -m limit --limit 1/min --limit-burst 1
-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name h1
-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name h2
-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip,dstport --hashlimit-name h3
-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 4 --hashlimit-mode srcip --hashlimit-srcmask 31 --hashlimit-name h4
-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 5 --hashlimit-name h5 | -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 5 --hashlimit-name h5
-m hashlimit --hashlimit-upto 64b/s --hashlimit-burst 2kb --hashlimit-mode dstip --hashlimit-name h6
-m hashlimit --hashlimit-upto 32b/s --hashlimit-mode srcip --hashlimit-name h7
-m hashlimit --hashlimit-upto 1/hour --hashlimit-mode srcport,dstip --hashlimit-htable-size 2 --hashlimit-htable-max 100 --hashlimit-name h8
-m hashlimit --hashlimit-upto 5/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-rate-match --hashlimit-name h9
-m recent --rcheck --name r1 | -m recent --set --name r1 | -m recent --rcheck --hitcount 3 --name r1 | -m recent ! --rcheck --hitcount 3 --name r1
-m recent --update --hitcount 2 --rdest --name r2 | -m recent --set --rdest --name r2 | -m recent --update --seconds 60 --hitcount 4 --name r1
-p udp -m recent --remove --name r1 | -m recent --rcheck --mask 255.255.255.0 --name r3 | -m recent --set --mask 255.255.255.0 --name r3
-m recent --rcheck --rttl --name r1 | -m recent --rcheck --seconds 60 --reap --name r1 | -m recent ! --set --name r4
"""
SETS = """create addr hash:ip
add addr 10.1.0.2
create nets hash:net
add nets 10.1.0.0/30
add nets 10.1.0.3 nomatch
create ports hash:ip,port counters
add ports 10.2.0.2,tcp:80
add ports 10.2.0.2,udp:53
add ports 10.2.0.2,icmp:8/0
create pair hash:ip,port,ip
add pair 10.1.0.2,tcp:80,10.2.0.2
create all list:set
add all addr
add all nets
"""
SET_PACKETS = [
    *(tcp(port, src=src) for src in (ME, "10.1.0.3", "10.1.0.5") for port in (80, 443)),
    udp(53),
    udp(54),
    icmp(8),
    icmp(0),
    tcp(src=ME, dst="10.2.0.3"),
    *(tcp(80, 45000 + n) for n in range(3)),
]
SET_RULES = """
-m set --match-set addr src | -m set ! --match-set addr src | -m set --match-set addr dst | -m set --match-set addr src,dst
-m set --match-set nets src | -m set --match-set nets src --return-nomatch | -m set ! --match-set nets src --return-nomatch
-m set --match-set ports dst,dst | -m set --match-set ports src,src | -m set --match-set ports dst | -m set ! --match-set ports dst
-m set --match-set pair src,dst,dst | -m set --match-set pair dst,src,src | -m set --match-set pair src,src,dst | -m set --match-set all src | -m set ! --match-set all src
-m set --match-set ports dst,dst --packets-gt 3 ! --update-counters | -m set --match-set ports dst,dst ! --packets-eq 2 ! --update-counters
-m set --match-set ports dst,dst --bytes-lt 200 ! --update-counters
"""


def lines(text, mark="|"):
    """Rules between marks and line ends."""
    return [rule.strip() for line in text.splitlines() for rule in line.split(mark) if rule.strip()]


def case(variant, name, table, chain, rules, frames, **more):
    """One chain with these rules, and what is sent."""
    text = "\n".join((f"*{table}", *(f"-A {chain} {rule}" for rule in rules), "COMMIT", ""))
    steps = tuple(frame if isinstance(frame, Send) else sent(frame) for frame in frames)
    return Case(variant, name, text, steps, **more)


def cases():
    """Every case by name."""
    found = {}
    for variant in ("nft", "legacy"):
        for name, table, chain, rules, frames in (
            ("tcp", "raw", "PREROUTING", [f"-p tcp {rule}" if rule[1] == "m" else f"-p tcp -m tcp {rule}" for rule in lines(TCP_RULES)], TCP_PACKETS),
            ("udp", "raw", "PREROUTING", [f"-p udp {rule}" if rule[1] == "m" else f"-p udp -m udp {rule}" for rule in lines(UDP_RULES)], UDP_PACKETS),
            ("icmp", "raw", "PREROUTING", [f"-p icmp -m icmp {rule}" for rule in lines(ICMP_RULES)], ICMP_PACKETS),
            ("header", "raw", "PREROUTING", lines(HEADER_RULES), HEADER_PACKETS),
            ("address", "mangle", "PREROUTING", lines(ADDRESS_RULES), ADDRESS_PACKETS),
            ("rpfilter", "raw", "PREROUTING", lines(RPFILTER_RULES), ADDRESS_PACKETS),
            ("fragment", "raw", "PREROUTING", lines(FRAGMENT_RULES), FRAGMENT_PACKETS),
            ("other", "raw", "PREROUTING", lines(OTHER_RULES), OTHER_PACKETS),
            ("state", "mangle", "FORWARD", lines(STATE_RULES), STATE_PACKETS),
            ("limit", "mangle", "FORWARD", lines(LIMIT_RULES), LIMIT_PACKETS),
        ):  # fmt: skip
            found[f"{variant} {name}"] = case(variant, name, table, chain, rules, frames)
        found[f"{variant} set"] = case(variant, "set", "raw", "PREROUTING", lines(SET_RULES), SET_PACKETS, sets=SETS)
        for rule in lines(SHORT_RULES, ";"):
            rules = [rule, "-m comment --comment behind"]
            found[f"{variant} short {rule}"] = case(variant, "short", "raw", "PREROUTING", rules, SHORT_PACKETS)
    return found


def counters(text):
    """Rules with their counters, as iptables-save has them."""
    return [line for line in text.splitlines() if line.startswith("[")]


def ours(which):
    """What podwire counts."""
    router = Router()
    tool = packets.TOOLS[which.variant]
    if which.sets:
        router.inside("r", "ipset", "restore", text=which.sets)
    router.inside("r", f"{tool}-restore", text=which.rules)
    for item in which.packets:
        router.send(item.side, bytes.fromhex(item.data))
    return counters(router.inside("r", f"{tool}-save", "-c"))


def recorded():
    """What the kernel counted."""
    return json.loads(RECORDED.read_text())


def main():
    """Ask the kernel."""
    every = cases()
    found = {}
    names = list(every)
    for number, seen in kernel.answers([every[name] for name in names]):
        if seen.error:
            sys.exit(f"{names[number]}: {seen.error}")
        found[names[number]] = counters(seen.saved)
    RECORDED.write_text(json.dumps({name: found[name] for name in names}, indent=1) + "\n")


if __name__ == "__main__":
    main()
