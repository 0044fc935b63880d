"""``-m addrtype``: what an address is to this namespace (net/netfilter/xt_addrtype.c, extensions/libxt_addrtype.c)."""

from __future__ import annotations

from collections.abc import Callable
from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.linux.netfilter.hooks import NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING
from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, OptionError, Values, words
from podwire.linux.path.lookup import inet_dev_addr_type

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.addr import Ip

_TYPES: Final = (
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
)
"""RTN_… in their order."""
_CACHED: Final = 4096


class Types(msgspec.Struct, frozen=True, gc=False):
    """Any of these types (``1 << RTN_…``), or none of them."""

    mask: int
    invert: bool = False

    @property
    def text(self) -> str:
        """``print_types``."""
        return ",".join(name for number, name in enumerate(_TYPES) if self.mask >> number & 1)


def _types(call: OptionCall) -> int:
    """``parse_types``: each may be cut short, and the first that begins so is meant."""
    mask, rest = 0, call.arg
    while True:
        word, comma, after = rest.partition(",")
        number = next((n for n, name in enumerate(_TYPES) if word and name.startswith(word.upper())), None)
        if number is None:
            call.fail(f"addrtype: bad type `{rest}'" if comma else f'addrtype: bad type "{rest}"')
        mask |= 1 << number
        if not comma:
            return mask
        rest = after


class Addrtype(Match, frozen=True, gc=False):
    """``limit`` is ``in`` or ``out``: the local address has to be one of the packet's device; empty for any."""

    NAME: ClassVar[str] = "addrtype"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("src-type", _types, invert=True),
        Option("dst-type", _types, invert=True),
        Option("limit-iface-in", excl=("limit-iface-out",)),
        Option("limit-iface-out", excl=("limit-iface-in",)),
    )

    src: Types | None = None
    dst: Types | None = None
    limit: str = ""

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``addrtype_check``."""
        if "src-type" not in values and "dst-type" not in values:
            msg = "addrtype: you must specify --src-type or --dst-type"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``addrtype_parse_v1``."""
        limit = "in" if "limit-iface-in" in values else "out" if "limit-iface-out" in values else ""
        return cls(_given(values, "src-type"), _given(values, "dst-type"), limit)

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``addrtype_mt_checkentry_v1``: there must be such a device."""
        if self.limit == "in" and hooks & {NF_INET_POST_ROUTING, NF_INET_LOCAL_OUT}:
            raise XtCheckError(EINVAL, "xt_addrtype: input interface limitation not valid in POSTROUTING and OUTPUT")
        if self.limit == "out" and hooks & {NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN}:
            raise XtCheckError(EINVAL, "xt_addrtype: output interface limitation not valid in PREROUTING and INPUT")

    @property
    def steady(self) -> bool:
        """What an address is changes with the namespace's generation."""
        return True

    def compile(self, netns: Netns) -> MatchFn:
        """``addrtype_mt_v1``. What an address is, is remembered for one generation of the namespace."""
        if not self.limit and self.dst is not None and self.src is None:
            return _destination(netns, self.dst)
        src = None if self.src is None else _test(netns, self.src)
        dst = None if self.dst is None else _test(netns, self.dst)
        incoming, limited = self.limit == "in", bool(self.limit)

        def addrtype_mt_v1(skb: Skb, _netns: Netns, iif: Link | None, oif: Link | None) -> bool:
            link = None
            if limited:
                link = iif if incoming else oif
            ip = skb.ip
            return (src is None or src(ip.src, link)) and (dst is None or dst(ip.dst, link))

        return addrtype_mt_v1

    def save(self) -> str:
        """``addrtype_save_v1``."""
        both = (("--src-type", self.src), ("--dst-type", self.dst))
        types = (f"{'! ' if one.invert else ''}{option} {one.text}" for option, one in both if one is not None)
        return words((*types, f"--limit-iface-{self.limit}" if self.limit else ""))

    def listing(self, names: Names | None) -> str:
        """``addrtype_print_v1``."""
        both = (("src-type", self.src), ("dst-type", self.dst))
        types = (f"{option} {'!' if one.invert else ''}{one.text}" for option, one in both if one is not None)
        return words(("ADDRTYPE match", *types, f"limit-{self.limit}" if self.limit else ""))


def _given(values: Values, key: str) -> Types | None:
    return Types(values.number(key), values.inverted(key)) if key in values else None


def _destination(netns: Netns, types: Types) -> MatchFn:
    """``--dst-type`` alone, which most rules ask for."""
    test = _test(netns, types)
    known: dict[Ip, bool] = {}
    generation = netns.generation

    def addrtype_mt_v1(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
        nonlocal generation
        if generation != netns.generation or len(known) > _CACHED:
            known.clear()
            generation = netns.generation
        addr = skb.packet.layers[0].dst  # type: ignore[union-attr]
        found = known.get(addr)  # type: ignore[arg-type]
        if found is None:
            found = known[addr] = test(addr, None)  # type: ignore[index,arg-type]
        return found

    return addrtype_mt_v1


def _test(netns: Netns, types: Types) -> Callable[[Ip, Link | None], bool]:
    """``match_type``."""
    wanted = frozenset(name.lower() for number, name in enumerate(_TYPES) if types.mask >> number & 1)
    invert = types.invert
    known: dict[tuple[Ip, Link | None], bool] = {}
    generation = netns.generation

    def match_type(addr: Ip, link: Link | None) -> bool:
        nonlocal generation
        if generation != netns.generation or len(known) > _CACHED:
            known.clear()
            generation = netns.generation
        found = known.get((addr, link))
        if found is None:
            found = known[addr, link] = (inet_dev_addr_type(netns, addr, link) in wanted) is not invert
        return found

    return match_type
