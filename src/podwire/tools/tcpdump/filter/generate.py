"""From the words of a primitive to comparisons: what ``gen_…`` of libpcap's gencode.c make, and when they refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from types import MappingProxyType
from typing import Final

from podwire.errors import NotModelled
from podwire.tools.tcpdump.filter.errors import FilterError
from podwire.tools.tcpdump.filter.linklayer import (
    ETHERTYPE_ARP,
    ETHERTYPE_IP,
    ETHERTYPE_IPV6,
    ETHERTYPE_REVARP,
    LINK_TYPES,
    LinkLayer,
)
from podwire.tools.tcpdump.filter.qualifiers import DEFAULT, Qualifiers
from podwire.tools.tcpdump.filter.tree import (
    LINK,
    META,
    META_INTERFACE,
    META_PACKET_TYPE,
    Load,
    Node,
    Number,
    both,
    compare,
    either,
    negate,
)
from podwire.tools.tcpdump.link import DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW

IP_PROTOCOLS: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "sctp": (132, DEFAULT),
        "tcp": (6, DEFAULT),
        "udp": (17, DEFAULT),
        "icmp": (1, "ip"),
        "igmp": (2, "ip"),
        "igrp": (9, "ip"),
        "pim": (103, DEFAULT),
        "vrrp": (112, "ip"),
        "carp": (112, "ip"),
        "icmp6": (58, "ip6"),
        "ah": (51, DEFAULT),
        "esp": (50, DEFAULT),
    }
)
"""Words that ask for an IP protocol: its number, and in which family (``DEFAULT``: both)."""

_DESCRIPTIONS: Final = MappingProxyType(
    {
        DLT_EN10MB: "Ethernet",
        DLT_RAW: "Raw IP",
        DLT_LINUX_SLL: "Linux cooked v1",
        DLT_LINUX_SLL2: "Linux cooked v2",
    }
)
_ONLY_ETHERNET: Final = "ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel"
_VLAN_TYPES: Final = (0x8100, 0x88A8, 0x9100)

PORT_PROTOCOLS: Final = (6, 17, 132)
"""TCP, UDP, SCTP: where ``port`` looks if nothing says which."""


class Generator(LinkLayer):
    """The primitives of one expression."""

    # -- link layer ------------------------------------------------------------------------------------------------

    def mac(self, address: int, direction: str) -> Node:
        """``ether host``."""
        wanted = address.to_bytes(6)
        if direction == "src":
            return self.equals(6, wanted)
        if direction == "dst":
            return self.equals(0, wanted)
        if direction not in {"and", "or", DEFAULT}:
            raise FilterError(f"{_qualifier(direction)} only supported on 802.11 with 802.11 headers")
        join = both if direction == "and" else either
        return join(self.mac(address, "src"), self.mac(address, "dst"))

    def ether_host(self, address: int, qualifiers: Qualifiers) -> Node:
        """A MAC address (``gen_ecode``)."""
        if qualifiers.type not in {"host", DEFAULT} or qualifiers.protocol != "link":
            raise FilterError("ethernet address used in non-ether expression")
        if self.link_type != DLT_EN10MB:
            raise FilterError(f"ethernet addresses supported only on {_ONLY_ETHERNET}")
        return self.mac(address, qualifiers.direction)

    def ether_name(self, name: str, direction: str) -> Node:
        """A name of /etc/ethers: nobody has that file."""
        if self.link_type != DLT_EN10MB:
            raise FilterError(f"only {_ONLY_ETHERNET} supports link-level host name")
        raise FilterError(f"unknown ether host '{name}'")

    def broadcast(self, protocol: str) -> Node:
        """``broadcast``, ``ip broadcast``; tcpdump tells libpcap the netmask only with ``-f``."""
        if protocol in {DEFAULT, "link"}:
            if self.link_type != DLT_EN10MB:
                raise FilterError("not a broadcast link")
            return self.mac(0xFFFFFFFFFFFF, "dst")
        if protocol != "ip":
            raise FilterError("only link-layer/IP broadcast filters supported")
        to, host = self.payload(16, 4), ~self.context.netmask & 0xFFFFFFFF
        return both(self.link(ETHERTYPE_IP), either(self.masked(to, 0, host), self.masked(to, host, host)))

    def multicast(self, protocol: str) -> Node:
        """``multicast``, ``ip multicast``, ``ip6 multicast``."""
        if protocol in {DEFAULT, "link"} and self.link_type == DLT_EN10MB:
            return compare("&", Load(LINK, 0, 1), Number(1))
        if protocol == "ip":
            return both(self.link(ETHERTYPE_IP), compare(">=", self.payload(16, 1), Number(224)))
        if protocol == "ip6":
            return both(self.link(ETHERTYPE_IPV6), compare("==", self.payload(24, 1), Number(255)))
        allowed = "ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel"
        raise FilterError(f"link-layer multicast filters supported only on {allowed}")

    def outbound(self, *, wanted: bool) -> Node:
        """``outbound`` and, not wanted, ``inbound``."""
        if self.link_type == DLT_LINUX_SLL2:
            load = Load(LINK, 10, 1)
        elif self.link_type == DLT_LINUX_SLL:
            load = Load(LINK, 0, 2)
        else:
            self._need_live("inbound/outbound")
            load = Load(META, META_PACKET_TYPE, 2)
        sent = compare("==", load, Number(4))
        return sent if wanted else negate(sent)

    def interface(self, index: int) -> Node:
        """``ifindex``."""
        if self.link_type == DLT_LINUX_SLL2:
            return compare("==", Load(LINK, 4, 4), Number(index))
        self._need_live("ifindex")
        return compare("==", Load(META, META_INTERFACE, 4), Number(index))

    def _need_live(self, what: str) -> None:
        if not self.context.live:
            raise FilterError(f"{what} not supported on {_DESCRIPTIONS[self.link_type]} when reading savefiles")

    def vlan(self, number: int | None) -> Node:
        """A VLAN tag, of that number; what follows in the expression is looked for behind the tag."""
        if self.link_type != DLT_EN10MB:
            raise FilterError(f"no VLAN support for {_DESCRIPTIONS[self.link_type]}")
        node = reduce(either, [self.link(kind) for kind in _VLAN_TYPES])
        if number is not None:
            if number > 0x0FFF:
                raise FilterError(f"VLAN tag {number} greater than maximum {0x0FFF}")
            node = both(node, self.masked(self.payload(0, 2), number, 0x0FFF))
        self._type_at += 4
        self._payload += 4
        return node

    # -- network layer ---------------------------------------------------------------------------------------------

    def protocol(self, number: int, family: str = DEFAULT) -> Node:
        """An IP protocol (``gen_proto``)."""
        if family == DEFAULT:
            return either(self.protocol(number, "ip"), self.protocol(number, "ip6"))
        if family == "ip":
            return both(self.link(ETHERTYPE_IP), compare("==", self.payload(9, 1), Number(number)))
        next_header = self.payload(6, 1)
        # A fragment header may stand in between.
        fragment = both(compare("==", next_header, Number(44)), compare("==", self.payload(40, 1), Number(number)))
        return both(self.link(ETHERTYPE_IPV6), either(compare("==", next_header, Number(number)), fragment))

    def word(self, name: str) -> Node:
        """A protocol by its word alone: ``tcp``, ``arp``."""
        if name == "link":
            raise FilterError("link layer applied in wrong context")
        if name == "radio":
            raise FilterError("'radio' is not a valid protocol type")
        if name in LINK_TYPES:
            return self.link(LINK_TYPES[name])
        if name in IP_PROTOCOLS:
            return self.protocol(*IP_PROTOCOLS[name])
        raise NotModelled(f"filter {name}", "tcpdump")

    def host(self, address: int, mask: int, qualifiers: Qualifiers) -> Node:
        """IPv4 addresses: in IPv4, ARP and RARP unless a protocol says in which (``gen_host``)."""
        name, direction = qualifiers.protocol, qualifiers.direction
        if name == DEFAULT:
            kinds = [(ETHERTYPE_IP, 12, 16), (ETHERTYPE_ARP, 14, 24), (ETHERTYPE_REVARP, 14, 24)]
            return reduce(either, [self._host(address, mask, direction, *kind) for kind in kinds])
        if name in {"arp", "rarp"}:
            return self._host(address, mask, direction, LINK_TYPES[name], 14, 24)
        if name == "ip":
            return self._host(address, mask, direction, ETHERTYPE_IP, 12, 16)
        raise FilterError(_host_refusal(name, qualifiers.type))

    def _host(self, address: int, mask: int, direction: str, kind: int, source: int, destination: int) -> Node:
        def test(offset: int) -> Node:
            return both(self.link(kind), self.masked(self.payload(offset, 4), address, mask))

        return _by_direction(
            direction, test, source, destination, "not valid qualifiers for addresses other than 802.11 MAC addresses"
        )

    def host6(self, address: int, mask: int, qualifiers: Qualifiers) -> Node:
        """IPv6 addresses."""
        kind = "net" if qualifiers.type == "net" else "host"
        if qualifiers.protocol not in {DEFAULT, "ip6"}:
            if qualifiers.protocol == "link":
                raise FilterError(f"link-layer modifier applied to ip6 {kind}")
            name = {"atalk": "AppleTalk"}.get(qualifiers.protocol, f"'{qualifiers.protocol}'")
            raise FilterError(f"{name} modifier applied to ip6 {kind}")

        def test(offset: int) -> Node:
            words = []
            for word in range(4):
                shift = 96 - 32 * word
                part, bits = address >> shift & 0xFFFFFFFF, mask >> shift & 0xFFFFFFFF
                words.append(self.masked(self.payload(offset + 4 * word, 4), part, bits))
            return reduce(both, [self.link(ETHERTYPE_IPV6), *words])

        return _by_direction(
            qualifiers.direction, test, 8, 24, "not valid qualifiers for addresses other than 802.11 MAC addresses"
        )

    # -- transport layer -------------------------------------------------------------------------------------------

    def first_fragment(self) -> Node:
        """Not a fragment other than the first."""
        return negate(compare("&", self.payload(6, 2), Number(0x1FFF)))

    def ports(self, low: int, high: int, protocol: int | None, qualifiers: Qualifiers) -> Node:
        """``port`` and ``portrange``, in IPv6 and IPv4 (``gen_port``, ``gen_port6``)."""
        low, high = min(low, high), max(low, high)
        protocols = PORT_PROTOCOLS if protocol is None else (protocol,)
        what = "ports" if qualifiers.type == "port" else "port ranges"

        def within(load: Load) -> Node:
            if qualifiers.type == "port":
                return compare("==", load, Number(low))
            return both(compare(">=", load, Number(low)), negate(compare(">", load, Number(high))))

        def of(number: int, load: Callable[[int, int], Load], head: Node) -> Node:
            node = _by_direction(
                qualifiers.direction, lambda offset: within(load(offset, 2)), 0, 2, f"not valid qualifiers for {what}"
            )
            return both(head, node)

        def four(number: int) -> Node:
            head = both(compare("==", self.payload(9, 1), Number(number)), self.first_fragment())
            return of(number, self.transport, head)

        def six(number: int) -> Node:
            head = compare("==", self.payload(6, 1), Number(number))
            return of(number, lambda offset, size: self.payload(40 + offset, size), head)

        ipv4 = both(self.link(ETHERTYPE_IP), _chain([four(number) for number in protocols]))
        ipv6 = both(self.link(ETHERTYPE_IPV6), _chain([six(number) for number in protocols]))
        return either(ipv6, ipv4)


def _chain(nodes: list[Node]) -> Node:
    """Any of three, asked for as libpcap does: the last one first."""
    if len(nodes) == 1:
        return nodes[0]
    first, second, third = nodes
    return either(third, either(first, second))


def _by_direction(direction: str, test: Callable[[int], Node], source: int, destination: int, refusal: str) -> Node:
    """The test at the source's offset, the destination's, either or both."""
    if direction == "src":
        return test(source)
    if direction == "dst":
        return test(destination)
    if direction not in {"and", "or", DEFAULT}:
        if direction in {"ra", "ta"}:
            refusal = refusal.replace("valid qualifiers", "a valid qualifier")
            raise FilterError(f"'{direction}' is {refusal}")
        raise FilterError(f"'{direction}' and 'address{direction[-1]}' are {refusal}")
    join = both if direction == "and" else either
    return join(test(source), test(destination))


def _qualifier(direction: str) -> str:
    if direction in {"ra", "ta"}:
        return f"'{direction}' is"
    return f"'{direction}' and 'address{direction[-1]}' are"


_WITHOUT_HOSTS: Final = MappingProxyType(
    {
        "atalk": "AppleTalk",
        "lat": "LAT",
        "sca": "SCA",
        "moprc": "MOPRC",
        "mopdl": "MOPDL",
        "aarp": "AARP",
        "iso": "ISO",
        "ipx": "IPX",
    }
)


def _host_refusal(name: str, kind: str) -> str:
    what = "net" if kind == "net" else "host"
    if name == "link":
        return f"link-layer modifier applied to {what}"
    if name == "ip6":
        return "'ip6' modifier applied to ip host"
    if name in _WITHOUT_HOSTS:
        return f"{_WITHOUT_HOSTS[name]} host filtering not implemented"
    return f"'{name}' modifier applied to {what}"
