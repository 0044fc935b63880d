"""The words of a filter expression (scanner.l of libpcap 1.10.3): the longest match counts, of equal ones the first rule."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final, NamedTuple

from podwire.wire.addr import Ip6


class Token(NamedTuple):
    """``kind``: a keyword, an operator, or ID, NUM, HID (IPv4), HID6, EID (MAC), AID (ARCnet), PNAME (protocol), END."""

    kind: str
    text: str = ""
    number: int = 0


END: Final = Token("END")

_PROTOCOLS: Final = (
    "arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp atalk aarp decnet lat sca moprc mopdl"
    " iso esis isis l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui".split()
)
_SYNONYMS: Final = MappingProxyType(
    {"link": "link", "ether": "link", "ppp": "link", "slip": "link", "fddi": "link", "tr": "link", "wlan": "link"}
    | {"es-is": "esis", "is-is": "isis"}
    | {name: name for name in _PROTOCOLS}
)
_KEYWORDS: Final = MappingProxyType(
    {
        word: word
        for word in (
            "dst src host net mask port portrange proto protochain gateway type subtype ra ta less greater byte broadcast"
            " multicast and or not inbound outbound ifindex vlan mpls pppoed pppoes geneve"
            " lane llc metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect"
            " reason action fisu lssu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls"
        ).split()
    }
    | {"direction": "dir", "dir": "dir", "len": "len", "length": "len", "lsu": "lssu"}
    | {"address1": "addr1", "addr1": "addr1", "address2": "addr2", "addr2": "addr2"}
    | {"address3": "addr3", "addr3": "addr3", "address4": "addr4", "addr4": "addr4"}
    | {"on": "ifname", "ifname": "ifname", "rset": "rset", "ruleset": "rset", "rnr": "rnr", "rulenum": "rnr"}
    | {"srnr": "srnr", "subrulenum": "srnr"}
)
_NUMBERS: Final = MappingProxyType(
    {
        "icmptype": 0,
        "icmpcode": 1,
        "icmp-echoreply": 0,
        "icmp-unreach": 3,
        "icmp-sourcequench": 4,
        "icmp-redirect": 5,
        "icmp-echo": 8,
        "icmp-routeradvert": 9,
        "icmp-routersolicit": 10,
        "icmp-timxceed": 11,
        "icmp-paramprob": 12,
        "icmp-tstamp": 13,
        "icmp-tstampreply": 14,
        "icmp-ireq": 15,
        "icmp-ireqreply": 16,
        "icmp-maskreq": 17,
        "icmp-maskreply": 18,
        "icmp6type": 0,
        "icmp6code": 1,
        "icmp6-destinationunreach": 1,
        "icmp6-packettoobig": 2,
        "icmp6-timeexceeded": 3,
        "icmp6-parameterproblem": 4,
        "icmp6-echo": 128,
        "icmp6-echoreply": 129,
        "icmp6-multicastlistenerquery": 130,
        "icmp6-multicastlistenerreportv1": 131,
        "icmp6-multicastlistenerdone": 132,
        "icmp6-routersolicit": 133,
        "icmp6-routeradvert": 134,
        "icmp6-neighborsolicit": 135,
        "icmp6-neighboradvert": 136,
        "icmp6-redirect": 137,
        "icmp6-routerrenum": 138,
        "icmp6-nodeinformationquery": 139,
        "icmp6-nodeinformationresponse": 140,
        "icmp6-ineighbordiscoverysolicit": 141,
        "icmp6-ineighbordiscoveryadvert": 142,
        "icmp6-multicastlistenerreportv2": 143,
        "icmp6-homeagentdiscoveryrequest": 144,
        "icmp6-homeagentdiscoveryreply": 145,
        "icmp6-mobileprefixsolicit": 146,
        "icmp6-mobileprefixadvert": 147,
        "icmp6-certpathsolicit": 148,
        "icmp6-certpathadvert": 149,
        "icmp6-multicastrouteradvert": 151,
        "icmp6-multicastroutersolicit": 152,
        "icmp6-multicastrouterterm": 153,
        "tcpflags": 13,
        "tcp-fin": 0x01,
        "tcp-syn": 0x02,
        "tcp-rst": 0x04,
        "tcp-push": 0x08,
        "tcp-ack": 0x10,
        "tcp-urg": 0x20,
        "tcp-ece": 0x40,
        "tcp-cwr": 0x80,
    }
)

_N: Final = r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)"
_B: Final = r"[0-9A-Fa-f]{1,2}"
_B2: Final = r"[0-9A-Fa-f]{4}"


# In the order of scanner.l; names of keywords and numbers match as ID does, and come before it.
_RULES: Final = (
    ("AID", re.compile(rf"\${_B}")),
    (
        "EID",
        re.compile(rf"{_B}(?::{_B}){{5}}|{_B}(?:-{_B}){{5}}|{_B}(?:\.{_B}){{5}}|{_B2}\.{_B2}\.{_B2}|(?:{_B2}){{3}}"),
    ),
    ("NUM", re.compile(_N)),
    ("HID", re.compile(rf"{_N}(?:\.{_N}){{1,3}}")),
    ("HID6", re.compile(r"[0-9A-Fa-f:][0-9A-Fa-fxX:.]*")),
    ("BOGUS", re.compile(rf"{_B}:+(?:{_B}:+)+")),
    ("ID", re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?")),
    ("ESCAPED", re.compile(r"\\[^ !()\n\t]+")),
    ("SIGN", re.compile(r">=|<=|!=|==|<<|>>|&&|\|\||[+\-*/%:\[\]!<>()&|^=]")),
)
_WORD: Final = re.compile(r"[0-9A-Fa-f]{1,4}")
_DOTTED: Final = re.compile(rf"{_N}(?:\.{_N}){{3}}")
_SIGNS: Final = MappingProxyType({"&&": "and", "||": "or", "!": "not", "==": "="})


def tokens(text: str) -> list[Token]:
    """The words of an expression, ``END`` last.

    Where the scanner would fail there is an ``ERROR`` with its message (empty for a mere syntax error): it counts once the
    parser comes there.
    """
    found: list[Token] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \r\n\t":
            at += 1
        if at == len(text):
            return [*found, END]
        token, at = _token(text, at)
        found.append(token)


def _token(text: str, at: int) -> tuple[Token, int]:
    kind, end = "ERROR", at
    for name, pattern in _RULES:
        match = pattern.match(text, at)
        if match is None:
            continue
        reach = match.end() if name != "HID6" else _ipv6_end(text, at, match.end())
        if reach > end:
            kind, end = name, reach
    word = text[at:end]
    match kind:
        case "ERROR":
            return Token("ERROR"), at + 1
        case "ID":
            return _named(word), end
        case "NUM":
            return _number(word), end
        case "SIGN":
            return Token(_SIGNS.get(word, word), word), end
        case "ESCAPED":
            return Token("ID", word[1:]), end
        case "BOGUS":
            return Token("ERROR", f"bogus ethernet address {word}"), end
        case "HID6":
            return _ipv6(word), end
    return Token(kind, word), end


def _named(word: str) -> Token:
    """A keyword, a protocol, a named number, or a name."""
    if word in _SYNONYMS:
        return Token("PNAME", _SYNONYMS[word])
    if word in _KEYWORDS:
        return Token(_KEYWORDS[word], word)
    if word in _NUMBERS:
        return Token("NUM", word, _NUMBERS[word])
    return Token("ID", word)


def _number(word: str) -> Token:
    """``stou``: decimal, octal behind a 0, hexadecimal behind 0x."""
    if word[:2] in {"0x", "0X"}:
        value = int(word, 16)
    elif word[0] == "0":
        if not re.fullmatch("[0-7]+", word):
            return Token("ERROR", f"number {word} contains non-octal digit")
        value = int(word, 8)
    else:
        value = int(word)
    if value > 0xFFFFFFFF:
        return Token("ERROR", f"number {word} overflows 32 bits")
    return Token("NUM", word, value)


def _ipv6_end(text: str, at: int, end: int) -> int:
    """The end of the longest beginning of ``text[at:end]`` that has the shape of an IPv6 address; ``at`` if none has."""
    while ":" in text[at:end]:
        if _has_ipv6_shape(text[at:end]):
            return end
        end -= 1
    return at


def _has_ipv6_shape(word: str) -> bool:
    """Up to eight words of up to four digits; one ``::`` may stand for some, an IPv4 address for the last two."""
    count = 0
    head, colon, tail = word.rpartition(":")
    if "." in tail:
        if not _DOTTED.fullmatch(tail):
            return False
        count = 2
        word = head + colon if head.endswith(":") or not head else head
    left, gap, right = word.partition("::")
    words = [part for side in (left, right) if side for part in side.split(":")]
    if not all(_WORD.fullmatch(part) for part in words):
        return False
    count += len(words)
    return count <= 7 if gap else count == 8


def _ipv6(word: str) -> Token:
    try:
        Ip6.parse(word)
    except ValueError:
        return Token("ERROR", f"bogus IPv6 address {word}")
    return Token("HID6", word)
