"""``-m icmp``: type and code of an ICMP message (net/ipv4/netfilter/ip_tables.c and xt_tcpudp.c: icmp_match; extensions/libipt_icmp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import HotDrop, Match, MatchFn
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, Values, strtoul
from podwire.wire.headers import Icmp as IcmpHeader

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_ANY: Final = 255
_LAST: Final = 255

_NAMES: Final = (
    ("any", _ANY, 0, _LAST),
    ("echo-reply", 0, 0, _LAST),
    ("pong", 0, 0, _LAST),
    ("destination-unreachable", 3, 0, _LAST),
    ("network-unreachable", 3, 0, 0),
    ("host-unreachable", 3, 1, 1),
    ("protocol-unreachable", 3, 2, 2),
    ("port-unreachable", 3, 3, 3),
    ("fragmentation-needed", 3, 4, 4),
    ("source-route-failed", 3, 5, 5),
    ("network-unknown", 3, 6, 6),
    ("host-unknown", 3, 7, 7),
    ("network-prohibited", 3, 9, 9),
    ("host-prohibited", 3, 10, 10),
    ("TOS-network-unreachable", 3, 11, 11),
    ("TOS-host-unreachable", 3, 12, 12),
    ("communication-prohibited", 3, 13, 13),
    ("host-precedence-violation", 3, 14, 14),
    ("precedence-cutoff", 3, 15, 15),
    ("source-quench", 4, 0, _LAST),
    ("redirect", 5, 0, _LAST),
    ("network-redirect", 5, 0, 0),
    ("host-redirect", 5, 1, 1),
    ("TOS-network-redirect", 5, 2, 2),
    ("TOS-host-redirect", 5, 3, 3),
    ("echo-request", 8, 0, _LAST),
    ("ping", 8, 0, _LAST),
    ("router-advertisement", 9, 0, _LAST),
    ("router-solicitation", 10, 0, _LAST),
    ("time-exceeded", 11, 0, _LAST),
    ("ttl-exceeded", 11, 0, _LAST),
    ("ttl-zero-during-transit", 11, 0, 0),
    ("ttl-zero-during-reassembly", 11, 1, 1),
    ("parameter-problem", 12, 0, _LAST),
    ("ip-header-bad", 12, 0, 0),
    ("required-option-missing", 12, 1, 1),
    ("timestamp-request", 13, 0, _LAST),
    ("timestamp-reply", 14, 0, _LAST),
    ("address-mask-request", 17, 0, _LAST),
    ("address-mask-reply", 18, 0, _LAST),
)
"""iptables' names: type, first and last code."""


def _icmp_type(call: OptionCall) -> tuple[int, int, int]:
    """``ipt_parse_icmp``: the beginning of a name that only one has, or ``type[/code]``."""
    text = call.arg
    found = [entry for entry in _NAMES if entry[0].lower().startswith(text.lower())]
    if len(found) > 1:
        call.fail(f"Ambiguous ICMP type `{text}': `{found[0][0]}' or `{found[1][0]}'?")
    if found:
        return found[0][1:]
    types = _range(text)
    if types is None:
        call.fail(f"Unknown ICMP type `{text}'")
    kind, last, rest = types
    low, high = 0, _LAST
    if rest[:1] == "/":
        codes = _range(rest[1:])
        if codes is None:
            call.fail(f"Unknown ICMP code `{text}'")
        low, high, rest = codes
    if rest:
        call.fail(f"unknown character {rest[0]}")
    if kind != last:
        call.fail("ICMP type range not supported")
    return kind, low, high


def _range(text: str) -> tuple[int, int, str] | None:
    """``parse_range``: ``8`` or ``8:9``, and what follows."""
    low, rest = strtoul(text, 0, _LAST)
    if low is None:
        return None
    high: int | None = low
    if rest[:1] == ":":
        high, rest = strtoul(rest[1:], 0, _LAST)
        if high is None:
            return None
    return low, high or 0, rest


class Icmp(Match, frozen=True, gc=False):
    """A type (255: any) and the codes from ``low`` to ``high``."""

    NAME: ClassVar[str] = "icmp"
    PROTO: ClassVar[int] = 1
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("icmp-type", _icmp_type, invert=True, mandatory=True),)

    type: int
    low: int = 0
    high: int = _LAST
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``icmp_parse``."""
        what = values.get("icmp-type")
        assert isinstance(what, tuple)  # noqa: S101 - _icmp_type made it
        kind, low, high = what
        return cls(kind, low, high, values.inverted("icmp-type"))

    @property
    def steady(self) -> bool:
        """Type and code belong to the connection's tuple."""
        return True

    def compile(self, netns: Netns) -> MatchFn:
        """``icmp_match``: no later fragment matches; a message too short for its header is dropped."""
        kind, low, high, invert = self.type, self.low, self.high, self.invert

        def icmp_match(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            layers = skb.packet.layers
            header = layers[1] if len(layers) > 1 else None
            if type(header) is not IcmpHeader:
                if skb.ip.frag:
                    return False
                raise HotDrop
            return (kind == _ANY or (header.type == kind and low <= header.code <= high)) is not invert

        return icmp_match

    def save(self) -> str:
        """``icmp_save``: of several codes only the first is printed."""
        code = f"/{self.low}" if (self.low, self.high) != (0, _LAST) else ""
        return f"{'! ' if self.invert else ''}--icmp-type {'any' if self.type == _ANY else f'{self.type}{code}'}"

    def listing(self, names: Names | None) -> str:
        """``icmp_print``: no blank stands between ``icmp`` and ``type`` under -n."""
        inverse = "!" if self.invert else ""
        what = (self.type, self.low, self.high)
        if names is not None:
            for name, *entry in _NAMES:
                if tuple(entry) == what:
                    return f"icmp {inverse}{name}"
        code = ""
        if self.low == self.high:
            code = f" code {self.low}"
        elif (self.low, self.high) != (0, _LAST):
            code = f" codes {self.low}-{self.high}"
        return f"icmp{' !' if self.invert else ''}type {self.type}{code}"
