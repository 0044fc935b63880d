"""Matches that look at one field of the packet: ``length``, ``ttl``, ``dscp``, ``tos``, ``ecn``, ``mac``, ``pkttype``.

Sources: net/netfilter/xt_length.c, xt_hl.c, xt_dscp.c, xt_ecn.c, xt_mac.c, xt_pkttype.c and their namesakes in iptables' extensions.
"""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.hooks import NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING
from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import (
    ETHERMAC,
    STRING,
    TOSMASK,
    UINT8,
    UINT16RC,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    words,
)
from podwire.trace.events import PACKET_BROADCAST, PACKET_HOST, PACKET_LOOPBACK, PACKET_MULTICAST, PACKET_OTHERHOST
from podwire.wire.addr import Mac
from podwire.wire.headers import TCP_CWR, TCP_ECE, Tcp

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_ECN: Final = 3


class Length(Match, frozen=True, gc=False):
    """The length of the IP packet, header included, from ``low`` to ``high``."""

    NAME: ClassVar[str] = "length"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("length", UINT16RC, invert=True, mandatory=True),)

    low: int
    high: int
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``length_parse``."""
        span = values.get("length")
        assert isinstance(span, tuple)  # noqa: S101 - it is mandatory
        return cls(span[0], span[1] if len(span) > 1 else span[0], values.inverted("length"))

    def compile(self, netns: Netns) -> MatchFn:
        """``length_mt``."""
        low, high, invert = self.low, self.high, self.invert
        return lambda skb, _n, _i, _o: (low <= skb.len <= high) is not invert

    @property
    def _span(self) -> str:
        return f"{self.low}" if self.low == self.high else f"{self.low}:{self.high}"

    def save(self) -> str:
        """``length_save``."""
        return f"{'! ' if self.invert else ''}--length {self._span}"

    def listing(self, names: Names | None) -> str:
        """``length_print``."""
        return f"length {'!' if self.invert else ''}{self._span}"


_TTL_ANY: Final = ("ttl-eq", "ttl-lt", "ttl-gt")
_TTL_SIGNS: Final = {"eq": "==", "ne": "!=", "lt": "<", "gt": ">"}


class Ttl(Match, frozen=True, gc=False):
    """``op`` is ``eq``, ``ne``, ``lt`` or ``gt``."""

    NAME: ClassVar[str] = "ttl"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("ttl-lt", UINT8, excl=_TTL_ANY),
        Option("ttl-gt", UINT8, excl=_TTL_ANY),
        Option("ttl-eq", UINT8, invert=True, excl=_TTL_ANY),
        Option("ttl", UINT8, id="ttl-eq", excl=_TTL_ANY),
    )

    op: str
    ttl: int

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``ttl_check``."""
        if not values.given:
            msg = "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``ttl_parse``."""
        key = next(key for key in _TTL_ANY if key in values)
        return cls("ne" if values.inverted(key) else key[-2:], values.number(key))

    def compile(self, netns: Netns) -> MatchFn:
        """``ttl_mt``."""
        ttl = self.ttl
        if self.op == "eq":
            return lambda skb, _n, _i, _o: skb.ip.ttl == ttl
        if self.op == "ne":
            return lambda skb, _n, _i, _o: skb.ip.ttl != ttl
        if self.op == "lt":
            return lambda skb, _n, _i, _o: skb.ip.ttl < ttl
        return lambda skb, _n, _i, _o: skb.ip.ttl > ttl

    def save(self) -> str:
        """``ttl_save``."""
        return f"! --ttl-eq {self.ttl}" if self.op == "ne" else f"--ttl-{self.op} {self.ttl}"

    def listing(self, names: Names | None) -> str:
        """``ttl_print``."""
        return f"TTL match TTL {_TTL_SIGNS[self.op]} {self.ttl}"


_CLASSES: Final = {
    **{f"CS{number}": number << 3 for number in range(8)},
    "BE": 0,
    **{f"AF{row}{column}": row << 3 | column << 1 for row in range(1, 5) for column in range(1, 4)},
    "EF": 0x2E,
}


def _dscp_class(call: OptionCall) -> int:
    """``class_to_dscp``: what follows the name does not count."""
    found = next((value for name, value in _CLASSES.items() if call.arg.upper().startswith(name)), None)
    if found is None:
        call.fail(f"Invalid DSCP value `{call.arg}'")
    return found


class Dscp(Match, frozen=True, gc=False):
    """The upper six bits of the TOS byte."""

    NAME: ClassVar[str] = "dscp"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("dscp", UINT8, high=63, invert=True, excl=("dscp-class",)),
        Option("dscp-class", _dscp_class, invert=True, excl=("dscp",)),
    )

    dscp: int
    invert: bool = False

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``dscp_check``."""
        if not values.given:
            msg = "DSCP match: Parameter --dscp is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``dscp_parse``."""
        key = "dscp" if "dscp" in values else "dscp-class"
        return cls(values.number(key), values.inverted(key))

    def compile(self, netns: Netns) -> MatchFn:
        """``dscp_mt``."""
        dscp, invert = self.dscp, self.invert
        return lambda skb, _n, _i, _o: (skb.ip.tos >> 2 == dscp) is not invert

    def save(self) -> str:
        """``dscp_save``."""
        return f"{'! ' if self.invert else ''}--dscp 0x{self.dscp:02x}"

    def listing(self, names: Names | None) -> str:
        """``dscp_print``."""
        return f"DSCP match {'!' if self.invert else ''}0x{self.dscp:02x}"


_TOS_SYMBOLS: Final = {
    0x10: "Minimize-Delay",
    0x08: "Maximize-Throughput",
    0x04: "Maximize-Reliability",
    0x02: "Minimize-Cost",
    0x00: "Normal-Service",
}
_TOS_MASK: Final = 0x3F
"""The mask of a symbol."""


class Tos(Match, frozen=True, gc=False):
    """The TOS byte under a mask."""

    NAME: ClassVar[str] = "tos"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("tos", TOSMASK, invert=True, mandatory=True, high=_TOS_MASK),)

    tos: int
    mask: int
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``tos_mt_parse``."""
        return cls(*values.pair("tos"), values.inverted("tos"))

    def compile(self, netns: Netns) -> MatchFn:
        """``tos_mt``."""
        tos, mask, invert = self.tos, self.mask, self.invert
        return lambda skb, _n, _i, _o: (skb.ip.tos & mask == tos) is not invert

    def save(self) -> str:
        """``tos_mt_save``."""
        return f"{'! ' if self.invert else ''}--tos 0x{self.tos:02x}/0x{self.mask:02x}"

    def listing(self, names: Names | None) -> str:
        """``tos_mt_print``: no blank stands before a number."""
        symbol = _TOS_SYMBOLS.get(self.tos) if names is not None and self.mask == _TOS_MASK else None
        text = f" {symbol}" if symbol is not None else f"0x{self.tos:02x}/0x{self.mask:02x}"
        return f"tos match{'!' if self.invert else ''}{text}"


class Ecn(Match, frozen=True, gc=False):
    """Bits of explicit congestion notification: ECE and CWR of TCP, the codepoint of IP; None where nothing was asked."""

    NAME: ClassVar[str] = "ecn"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("ecn-tcp-cwr", invert=True),
        Option("ecn-tcp-ece", invert=True),
        Option("ecn-ip-ect", UINT8, high=_ECN, invert=True),
    )

    ece: bool | None = None
    cwr: bool | None = None
    ect: int | None = None
    ect_invert: bool = False

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``ecn_check``."""
        if not values.given:
            msg = "ECN match: some option required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``ecn_parse``."""
        ece, cwr = (not values.inverted(key) if key in values else None for key in ("ecn-tcp-ece", "ecn-tcp-cwr"))
        ect = values.number("ecn-ip-ect") if "ecn-ip-ect" in values else None
        return cls(ece, cwr, ect, values.inverted("ecn-ip-ect"))

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``ecn_mt_check4``."""
        if (self.ece is not None or self.cwr is not None) and proto != 6:
            raise XtCheckError(EINVAL, "xt_ecn: cannot match TCP bits for non-tcp packets")

    def compile(self, netns: Netns) -> MatchFn:
        """``ecn_mt4``."""
        ece, cwr, ect, invert = self.ece, self.cwr, self.ect, self.ect_invert

        def ecn_mt4(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            if ect is not None and (skb.ip.tos & _ECN == ect) is invert:
                return False
            if ece is None and cwr is None:
                return True
            layers = skb.packet.layers
            header = layers[1] if len(layers) > 1 else None
            return (
                isinstance(header, Tcp)
                and (ece is None or bool(header.flags & TCP_ECE) is ece)
                and (cwr is None or bool(header.flags & TCP_CWR) is cwr)
            )

        return ecn_mt4

    def save(self) -> str:
        """``ecn_save``."""
        flags = (("--ecn-tcp-ece", self.ece), ("--ecn-tcp-cwr", self.cwr))
        ect = "" if self.ect is None else f"{'! ' if self.ect_invert else ''}--ecn-ip-ect {self.ect}"
        return words((*(f"{'' if flag else '! '}{name}" for name, flag in flags if flag is not None), ect))

    def listing(self, names: Names | None) -> str:
        """``ecn_print``."""
        flags = (("ECE", self.ece), ("CWR", self.cwr))
        ect = "" if self.ect is None else f"{'!' if self.ect_invert else ''}ECT={self.ect}"
        return words(("ECN match", *(f"{'' if flag else '!'}{name}" for name, flag in flags if flag is not None), ect))


class MacSource(Match, frozen=True, gc=False):
    """The source of the Ethernet frame in which the packet came."""

    NAME: ClassVar[str] = "mac"
    HOOKS: ClassVar[frozenset[int]] = frozenset({NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD})
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("mac-source", ETHERMAC, invert=True, mandatory=True),)

    mac: Mac
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``mac_parse``."""
        return cls(Mac(values.number("mac-source")), values.inverted("mac-source"))

    def compile(self, netns: Netns) -> MatchFn:
        """``mac_mt``: only what is on an Ethernet device."""
        mac, invert = self.mac, self.invert

        def mac_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            link, eth = skb.dev, skb.eth
            if link is None or link.is_loopback or link.headerless or eth is None:
                return False
            return (eth.src == mac) is not invert

        return mac_mt

    def save(self) -> str:
        """``mac_save``."""
        return f"{'! ' if self.invert else ''}--mac-source {self.mac}"

    def listing(self, names: Names | None) -> str:
        """``mac_print``."""
        return f"MAC {'! ' if self.invert else ''}{self.mac}"


_PKTTYPES: Final = {
    "unicast": PACKET_HOST,
    "broadcast": PACKET_BROADCAST,
    "multicast": PACKET_MULTICAST,
    "otherhost": PACKET_OTHERHOST,
    "bcast": PACKET_BROADCAST,
    "mcast": PACKET_MULTICAST,
    "host": PACKET_HOST,
}
_PKTTYPE_NAMES: Final = ("unicast", "broadcast", "multicast", "otherhost")


def _pkt_type(call: OptionCall) -> int:
    """``parse_pkttype``."""
    word = STRING(call)
    if word.lower() not in _PKTTYPES:
        call.fail(f"Bad packet type '{word}'")
    return _PKTTYPES[word.lower()]


class Pkttype(Match, frozen=True, gc=False):
    """To whom the frame was sent (``skb->pkt_type``); a copy of an own broadcast or multicast counts as such."""

    NAME: ClassVar[str] = "pkttype"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("pkt-type", _pkt_type, invert=True, mandatory=True),)

    type: int
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``pkttype_parse``."""
        return cls(values.number("pkt-type"), values.inverted("pkt-type"))

    def compile(self, netns: Netns) -> MatchFn:
        """``pkttype_mt``."""
        wanted, invert = self.type, self.invert

        def pkttype_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            kind = skb.pkt_type
            if kind == PACKET_LOOPBACK:
                kind = PACKET_MULTICAST if skb.ip.dst.is_multicast else PACKET_BROADCAST
            return (kind == wanted) is not invert

        return pkttype_mt

    def save(self) -> str:
        """``pkttype_save``."""
        return f"{'! ' if self.invert else ''}--pkt-type {_PKTTYPE_NAMES[self.type]}"

    def listing(self, names: Names | None) -> str:
        """``pkttype_print``."""
        return f"PKTTYPE {'!' if self.invert else ''}= {_PKTTYPE_NAMES[self.type]}"
