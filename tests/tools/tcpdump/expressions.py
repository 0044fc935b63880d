"""Random filter expressions, most of them sound."""

ADDRESSES = "10.0.0.1", "10.0.0.2", "192.168.1.9", "10.0.0.0", "0.0.0.0"
NUMBERS = 0, 1, 2, 4, 5, 6, 8, 15, 16, 17, 20, 53, 64, 80, 128, 255, 256, 0x800, 0x806, 40000, 65535
PROTOCOLS = "ip arp rarp ip6 tcp udp icmp icmp6 igmp sctp esp ah pim vrrp".split()
NETWORKS = (
    "10.0.0.0/8",
    "10.0.0.0/30",
    "10",
    "10.0.0",
    "192.168.0.0/16",
    "10.0.0.2/31",
    "0.0.0.0/0",
    "10.0.0.1/24",
    "fe80::/16",
)
PLAIN = (
    "broadcast,multicast,ip broadcast,ip multicast,ether multicast,less 60,greater 60,len > 70,inbound,ifindex 1,vlan,vlan 5"
    ",ip6 multicast,byte 14 = 0x45,byte 23 > 5,byte 20 < 64"
).split(",")
OFFSETS = "0 1 2 4 6 8 9 12 13 14 16 20 icmptype tcpflags".split()
OPERATORS = "+ - * / % & | ^ << >> & &".split()


def number(stream):
    return str(stream.choice((*NUMBERS, stream.randrange(70000))))


def value(stream, depth=0):
    how = stream.random()
    if depth > 2 or how < 0.3:
        return stream.choice((number(stream), number(stream), "len"))
    if how < 0.7:
        protocol = stream.choice("ip tcp udp icmp arp ether ip6 icmp6 sctp link".split())
        size = stream.choice(("", ":1", ":2", ":4", ":3") if stream.random() < 0.2 else ("", ":2", ":1", ":4"))
        return f"{protocol}[{stream.choice(OFFSETS)}{size}]"
    if how < 0.8:
        return f"({value(stream, depth + 1)})"
    if how < 0.84:
        return f"-{value(stream, depth + 1)}"
    return f"{value(stream, depth + 1)} {stream.choice(OPERATORS)} {value(stream, depth + 1)}"


def address(stream):
    how = stream.random()
    if how < 0.75:
        return stream.choice(ADDRESSES)
    if how < 0.9:
        return stream.choice(("10", "10.0", "10.0.0", "192.168", "fe80::1", "::1", "::ffff:1.2.3.4"))
    return stream.choice(("localhost", "foo", "02:00:00:00:00:0a", "300.1.1.1", number(stream)))


def primitive(stream):
    choose = stream.choice
    direction = choose(("", "", "", "src ", "dst ", "src or dst ", "src and dst ", "dst or src "))
    how = stream.random()
    if how < 0.2:
        return choose(PROTOCOLS)
    if how < 0.38:
        protocol = choose(("", "", "", "ip ", "arp ", "ip6 ", "tcp ", "rarp "))
        return f"{protocol}{direction}{choose(('host ', 'host ', ''))}{address(stream)}"
    if how < 0.5:
        return f"{direction}net {choose(NETWORKS)}"
    if how < 0.68:
        port = choose(("80", "53", "1", "2", "http", "domain", "syslog", "shell", "40000", "foo", number(stream)))
        return f"{choose(('', '', 'tcp ', 'udp ', 'sctp ', 'ip '))}{direction}port {port}"
    if how < 0.74:
        ports = choose(("1-2", "80-40000", "http-https", "5000-100", "53", "1-70000", "a-b", "22-http"))
        return f"{choose(('', 'tcp ', 'udp '))}{direction}portrange {ports}"
    if how < 0.79:
        protocol = choose(("6", "17", "1", r"\tcp", r"\icmp", "0x800", "2054", r"\arp", "ospf", "foo", number(stream)))
        return f"{choose(('ip ', '', 'ip6 ', 'ether ', 'tcp '))}proto {protocol}"
    if how < 0.83:
        mac = choose(("02:00:00:00:00:0a", "2:0:0:0:0:b", "ff:ff:ff:ff:ff:ff", "0200.0000.000a", "02000000000b"))
        return f"ether {choose(('', 'src ', 'dst '))}{choose(('host ', ''))}{mac}"
    if how < 0.88:
        return choose(PLAIN)
    return f"{value(stream)} {choose('= == != < > <= >='.split())} {value(stream)}"


def bare(stream):
    """What may follow ``and`` and ``or`` and takes its qualifiers from what stands before."""
    lists = "(80 or 53)", "(1 or (2 and 3))", "(10.0.0.1 or 10.0.0.2)"
    return stream.choice(
        (*ADDRESSES, "80", "53", "1", "http", "foo", "not 80", "! 10.0.0.1", "02:00:00:00:00:0a", *lists)
    )


def expression(stream, depth=0):
    choose = stream.choice
    how = stream.random()
    join = choose(("and", "or", "&&", "||"))
    if depth > 3 or how < 0.35:
        return primitive(stream)
    if how < 0.5:
        return f"{choose(('not ', '! ', '!'))}{expression(stream, depth + 1)}"
    if how < 0.65:
        return f"({expression(stream, depth + 1)})"
    if how < 0.75:
        return f"{expression(stream, depth + 1)} {join} {bare(stream)}"
    if how < 0.77:
        return f"{expression(stream, depth + 1)} {choose((')', '(', '@', 'and or', 'tcp', '=', '[0]'))}"
    return f"{expression(stream, depth + 1)} {join} {expression(stream, depth + 1)}"
