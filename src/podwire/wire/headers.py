"""One frozen struct per protocol header, fields in the order and with the names of the RFCs.

Lengths and checksums are not state: the codec computes them. A header that was read from bytes whose stored length or
checksum is *not* the computed one keeps the stored number (``checksum=0x1234``), so that a damaged packet survives a
round trip; ``None`` means "what the codec computes".

``size`` is the header's length in bytes. Sources: RFC 826 (ARP), 791 (IPv4), 792 (ICMP), 768 (UDP), 9293 (TCP), 7348
(VXLAN), 8926 (GENEVE), IEEE 802.1Q (VLAN tag).
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from podwire.wire.addr import NO_MAC, Ip, Mac  # msgspec reads these annotations at run time

ETH_P_IP: Final = 0x0800
ETH_P_ARP: Final = 0x0806
ETH_P_IPV6: Final = 0x86DD
ETH_P_8021Q: Final = 0x8100
ETH_P_TEB: Final = 0x6558
"""Transparent Ethernet bridging: a whole frame is inside."""

VXLAN_PORT: Final = 4789
"""IANA's port; Linux' own default and Cilium's is 8472."""
VXLAN_PORT_LINUX: Final = 8472
GENEVE_PORT: Final = 6081
VXLAN_F_VNI: Final = 0x08
"""The I flag: the header holds a VNI."""

IPPROTO_ICMP: Final = 1
IPPROTO_IGMP: Final = 2
IPPROTO_IPIP: Final = 4
IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17

ARPOP_REQUEST: Final = 1
ARPOP_REPLY: Final = 2

ICMP_ECHOREPLY: Final = 0
ICMP_DEST_UNREACH: Final = 3
ICMP_SOURCE_QUENCH: Final = 4
ICMP_REDIRECT: Final = 5
ICMP_ECHO: Final = 8
ICMP_TIME_EXCEEDED: Final = 11
ICMP_PARAMETERPROB: Final = 12
ICMP_TIMESTAMP: Final = 13
ICMP_TIMESTAMPREPLY: Final = 14

ICMP_NET_UNREACH: Final = 0
ICMP_HOST_UNREACH: Final = 1
ICMP_PROT_UNREACH: Final = 2
ICMP_PORT_UNREACH: Final = 3
ICMP_FRAG_NEEDED: Final = 4
ICMP_SR_FAILED: Final = 5
ICMP_PKT_FILTERED: Final = 13
ICMP_REDIR_NET: Final = 0
ICMP_REDIR_HOST: Final = 1
ICMP_EXC_TTL: Final = 0
ICMP_EXC_FRAGTIME: Final = 1

ICMP_ERRORS: Final = frozenset(
    {ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_REDIRECT, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB}
)
"""Types whose payload quotes the packet they are about (RFC 1122 section 3.2.2)."""

TCP_FIN: Final = 0x01
TCP_SYN: Final = 0x02
TCP_RST: Final = 0x04
TCP_PSH: Final = 0x08
TCP_ACK: Final = 0x10
TCP_URG: Final = 0x20
TCP_ECE: Final = 0x40
TCP_CWR: Final = 0x80


class Header(msgspec.Struct, frozen=True, gc=False):
    """Base of every header."""

    @property
    def size(self) -> int:
        """Length in bytes, options included."""
        raise NotImplementedError


class Ethernet(Header, frozen=True, gc=False, tag="eth", tag_field="h"):
    """Ethernet II: 14 bytes; ``type`` is the EtherType."""

    dst: Mac
    src: Mac
    type: int = ETH_P_IP

    size: ClassVar[int] = 14


class Arp(Header, frozen=True, gc=False, tag="arp", tag_field="h"):
    """ARP for IPv4 over Ethernet: 28 bytes (RFC 826)."""

    op: int
    sha: Mac
    spa: Ip
    tha: Mac
    tpa: Ip

    size: ClassVar[int] = 28


class IPv4(Header, frozen=True, gc=False, tag="ipv4", tag_field="h"):
    """IPv4: 20 bytes and options, padded to 4 (RFC 791). ``frag`` is the fragment offset in units of 8 bytes."""

    src: Ip
    dst: Ip
    proto: int
    ttl: int = 64
    tos: int = 0
    id: int = 0
    df: bool = False
    mf: bool = False
    frag: int = 0
    options: bytes = b""
    evil: bool = False
    """The reserved flag bit (RFC 3514 made a joke of it); kept for round trips."""
    total_length: int | None = None
    checksum: int | None = None

    @property
    def size(self) -> int:
        return 20 + len(self.options)

    @property
    def is_fragment(self) -> bool:
        """True for the first and for later fragments."""
        return self.mf or self.frag != 0


class Icmp(Header, frozen=True, gc=False, tag="icmp", tag_field="h"):
    """ICMP: type, code and the four bytes behind the checksum in ``rest`` (RFC 792): 8 bytes."""

    type: int
    code: int = 0
    rest: int = 0
    checksum: int | None = None

    size: ClassVar[int] = 8

    @property
    def id(self) -> int:
        """Identifier of an echo message."""
        return self.rest >> 16

    @property
    def seq(self) -> int:
        """Sequence number of an echo message."""
        return self.rest & 0xFFFF

    @property
    def mtu(self) -> int:
        """Next-hop MTU of a "fragmentation needed" (RFC 1191)."""
        return self.rest & 0xFFFF

    @property
    def is_error(self) -> bool:
        """True where the payload quotes an offending packet."""
        return self.type in ICMP_ERRORS


class Udp(Header, frozen=True, gc=False, tag="udp", tag_field="h"):
    """UDP: 8 bytes. ``checksum=0`` means "sent without", as on the wire (RFC 768)."""

    sport: int
    dport: int
    length: int | None = None
    checksum: int | None = None

    size: ClassVar[int] = 8


class Tcp(Header, frozen=True, gc=False, tag="tcp", tag_field="h"):
    """TCP: 20 bytes and options, a multiple of 4 (RFC 9293). ``options`` are the raw bytes; see ``tcp_options``."""

    sport: int
    dport: int
    seq: int = 0
    ack: int = 0
    flags: int = TCP_SYN
    window: int = 0
    urgent: int = 0
    options: bytes = b""
    reserved: int = 0
    checksum: int | None = None

    @property
    def size(self) -> int:
        return 20 + len(self.options)


class Vlan(Header, frozen=True, gc=False, tag="vlan", tag_field="h"):
    """802.1Q: 4 bytes behind the MAC addresses. ``id`` 0 to 4095, ``priority`` 0 to 7; ``type`` is the EtherType inside."""

    id: int
    type: int = ETH_P_IP
    priority: int = 0
    dei: bool = False

    size: ClassVar[int] = 4


class Vxlan(Header, frozen=True, gc=False, tag="vxlan", tag_field="h"):
    """VXLAN: 8 bytes (RFC 7348 section 5); a frame follows. ``reserved`` holds the 24 bits behind the flags, ``reserved2`` the last 8."""

    vni: int
    flags: int = VXLAN_F_VNI
    reserved: int = 0
    reserved2: int = 0

    size: ClassVar[int] = 8


class Geneve(Header, frozen=True, gc=False, tag="geneve", tag_field="h"):
    """GENEVE: 8 bytes and options, a multiple of 4 up to 252 (RFC 8926 section 3.4). ``options`` are the raw bytes.

    ``proto`` is the EtherType of what follows; ``reserved`` the 6 bits behind the flags, ``reserved2`` the last 8.
    """

    vni: int
    proto: int = ETH_P_TEB
    options: bytes = b""
    control: bool = False
    """O: a control packet."""
    critical: bool = False
    """C: an option that must be understood is there."""
    reserved: int = 0
    reserved2: int = 0

    @property
    def size(self) -> int:
        return 8 + len(self.options)


AnyHeader = Ethernet | Arp | IPv4 | Icmp | Udp | Tcp | Vlan | Vxlan | Geneve

UNKNOWN_SENDER: Final = NO_MAC
"""Target hardware address of an ARP request (F7)."""
