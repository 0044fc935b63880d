"""How ``ipset`` reads ports, names, MAC addresses and the rest (lib/parse.c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, NoReturn

from podwire.errors import NotModelled
from podwire.linux.services import PROTOCOLS, SCTP_PORTS, TCP_PORTS, UDP_PORTS
from podwire.tools.ipset.addresses import ULLONG_MAX, AddressReader, separator
from podwire.tools.ipset.icmp import ICMP, ICMPV6, from_name
from podwire.tools.ipset.report import OTHER, Kind
from podwire.wire.addr import AF_INET, AF_INET6

MAX_NAME: Final = 31
_MAX_COMMENT: Final = 255
_MAX_TIMEOUT: Final = 0x7FFFFFFF // 1000
_TCP: Final = 6
_UDP: Final = 17
_ICMP: Final = 1
_ICMPV6: Final = 58
_PORT_PROTOCOLS: Final = MappingProxyType({6: TCP_PORTS, 17: UDP_PORTS, 132: SCTP_PORTS, 136: MappingProxyType({})})
_FAMILIES: Final = MappingProxyType(
    {
        "inet": AF_INET,
        "ipv4": AF_INET,
        "-4": AF_INET,
        "inet6": AF_INET6,
        "ipv6": AF_INET6,
        "-6": AF_INET6,
        "any": 0,
        "unspec": 0,
    }
)


class Reader(AddressReader):
    """Reads the words of one command into ``data``."""

    def read(self, kind: str, opt: str, text: str) -> None:
        """Read a word of that kind (``Arg.parse``, ``ToolType.elements``) as the value ``opt``."""
        _KINDS[kind](self, opt, text)

    # -- ports ---------------------------------------------------------------------------------------------------

    def _port(self, opt: str, text: str, proto: str) -> None:
        """``ipset_parse_port``: a number, or the name of a service."""
        value = self.number(text, 0xFFFF, Kind.WARNING)
        if value is None:
            number = self.number(proto, 255, Kind.WARNING)
            if number is None:
                number = PROTOCOLS.get(proto, PROTOCOLS.get(proto.lower(), 0))
            value = _PORT_PROTOCOLS.get(number, MappingProxyType({})).get(self._strip(text))
            if value is None:
                self.report.add(Kind.WARNING, f"cannot parse '{text}' as a {proto} port")
                self.report.kind = Kind.ERROR
                self.report.finish()
            self.report.reset()
        self.data[opt] = value

    def tcpudp(self, text: str, proto: str) -> None:
        """``ipset_parse_tcpudp_port``: a port or FROM-TO."""
        place = self._range_separator(text)
        if place > 0:
            self._port("port_to", text[place + 1 :], proto)
            text = text[:place]
        self._port("port", text, proto)

    def single_tcp_port(self, opt: str, text: str) -> None:
        """One port of TCP."""
        self._port(opt, text, "tcp")

    def proto_port(self, opt: str, text: str) -> None:
        """``ipset_parse_proto_port``: PORT of TCP, or PROTOCOL:PORT; what has no ports is followed by 0."""
        place = separator(text, ":")
        if place < 0:
            self.data["proto"] = _TCP
            self.tcpudp(text, "tcp")
            return
        name, port = text[:place], text[place + 1 :]
        proto = self._proto(name)
        self.data["proto"] = proto
        if proto in _PORT_PROTOCOLS:
            self.tcpudp(port, name)
        elif proto == _ICMP:
            if self.family != AF_INET:
                self._wrong_family("Protocol ICMP can be used with family inet only")
            self._icmp(port, "ICMP", ICMP)
        elif proto == _ICMPV6:
            if self.family != AF_INET6:
                self._wrong_family("Protocol ICMPv6 can be used with family inet6 only")
            self._icmp(port, "ICMPv6", ICMPV6)
        elif port == "0":
            self.data[opt] = 0
        else:
            self.report.syntax(f"Protocol {name} can be used with pseudo port value 0 only.")

    def _proto(self, name: str) -> int:
        number = self.number(name, 255, Kind.WARNING)
        if number is not None:
            return number
        self.report.reset()
        found = PROTOCOLS.get("ipv6-icmp" if name.lower() == "icmpv6" else name)
        if found is None:
            self.report.syntax(f"cannot parse '{name}' as a protocol")
        if not found:
            self.report.syntax(f"Unsupported protocol '{name}'")
        return found

    def _wrong_family(self, text: str) -> NoReturn:
        """The tool says so, forgets all that it has read, goes on, and stumbles."""
        if not self.has_options:
            self.report.problem(
                OTHER, "There are missing mandatory flags but can't check them. It's a bug, please report the problem."
            )
        self.report.add(Kind.ERROR, f"Syntax error: {text}")
        self.report.error(f"Invalid {self.command} command: missing setname")

    def _icmp(self, text: str, family: str, table: tuple[tuple[str, int], ...]) -> None:
        """A name, of which the beginning is enough, or TYPE/CODE."""
        value = from_name(table, text)
        if value is None:
            place = separator(text, "/")
            if place < 0:
                self.report.error(f"Cannot parse {text} as an {family} type/code.")
            value = (self.number(text[:place], 255) or 0) << 8 | (self.number(text[place + 1 :], 255) or 0)
        self.data["port"] = value

    def tcp_udp_port(self, opt: str, text: str) -> None:
        """A port of TCP or UDP: only the number is kept."""
        self.proto_port(opt, text)
        if self.data.pop("proto") not in {_TCP, _UDP}:
            self.report.syntax("Only protocols TCP and UDP are valid")

    # -- the rest ------------------------------------------------------------------------------------------------

    def ether(self, opt: str, text: str) -> None:
        """A MAC address; an octet may have one digit."""
        octets = text.split(":")
        if len(text) > 17 or len(octets) != 6 or not all(re.fullmatch(r"[0-9a-fA-F]{1,2}", each) for each in octets):
            self.report.syntax(f"cannot parse '{text}' as ethernet address")
        value = 0
        for octet in octets:
            value = value << 8 | int(octet, 16)
        self.data[opt] = value

    def set_family(self, opt: str, text: str) -> None:
        """``ipset_parse_family``."""
        if text not in _FAMILIES:
            self.report.syntax(f"unknown inet family {text}")
        self.data[opt] = _FAMILIES[text]
        self.chosen_family = True

    def setname(self, opt: str, text: str) -> None:
        """The name of a set, not too long."""
        if len(text.encode(errors="surrogateescape")) > MAX_NAME:
            self.report.syntax(f"setname '{text}' is longer than {MAX_NAME} characters")
        self.data[opt] = text

    def name_compat(self, text: str) -> None:
        """``ipset_parse_name_compat``: NAME,before|after,NAME."""
        name, _, rest = text.partition(",")
        word, mark, other = rest.partition(",") if separator(rest, ",") > 0 else (rest, "", "")
        if not mark or word not in {"before", "after"}:
            self.report.error("you must specify elements as setname,[before|after],setname")
        self.setname("name", name)
        self.setname("nameref", other)
        if word == "before":
            self.data["before"] = True

    def before(self, opt: str, text: str) -> None:
        """The set in front of which the new one shall stand."""
        self.setname(opt, text)
        self.data["before"] = True

    def comment(self, opt: str, text: str) -> None:
        """Any text without a quotation mark."""
        if '"' in text:
            self.report.syntax('" character is not permitted in comments')
        if len(text.encode(errors="surrogateescape")) > _MAX_COMMENT:
            self.report.syntax(f"Comment is longer than the maximum allowed {_MAX_COMMENT} characters")
        self.data[opt] = text

    def mark(self, opt: str, text: str) -> None:
        """A number of 32 bits."""
        self.data[opt] = self.number(text, 0xFFFFFFFF) or 0

    def timeout(self, opt: str, text: str) -> None:
        """Seconds, as many as the kernel's clock can count."""
        self.data[opt] = self.number(text, _MAX_TIMEOUT) or 0


def _not_modelled(reader: Reader, opt: str, text: str) -> NoReturn:
    raise NotModelled(f"{opt} {text}", "ipset")


def _unsigned(high: int) -> Callable[[Reader, str, str], None]:
    def read(reader: Reader, opt: str, text: str) -> None:
        reader.data[opt] = reader.number(text, high) or 0

    return read


_KINDS: Final = MappingProxyType(
    {
        "u8": _unsigned(0xFF),
        "u16": _unsigned(0xFFFF),
        "u32": _unsigned(0xFFFFFFFF),
        "u64": _unsigned(ULLONG_MAX - 1),
        "timeout": Reader.timeout,
        "mark": Reader.mark,
        "netmask": Reader.netmask,
        "bitmask": Reader.bitmask,
        "family": Reader.set_family,
        "ip": Reader.ip,
        "plain": Reader.plain,
        "net": Reader.net,
        "netrange": Reader.netrange,
        "ip4_single6": Reader.ip4_single6,
        "ip4_net6": Reader.ip4_net6,
        "ether": Reader.ether,
        "proto_port": Reader.proto_port,
        "tcp_udp_port": Reader.tcp_udp_port,
        "single_tcp_port": Reader.single_tcp_port,
        "setname": Reader.setname,
        "before": Reader.before,
        "after": Reader.setname,
        "comment": Reader.comment,
        "skbmark": _not_modelled,
        "skbprio": _not_modelled,
    }
)
