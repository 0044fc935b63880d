"""``-m conntrack`` and ``-m state``: what connection tracking knows of a packet (xt_conntrack.c, libxt_conntrack.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_IS_REPLY,
    IP_CT_UNTRACKED,
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_DST_NAT,
    IPS_EXPECTED,
    IPS_SEEN_REPLY,
    IPS_SRC_NAT,
    Connection,
)
from podwire.linux.netfilter.xt.base import Match, MatchFn
from podwire.linux.netfilter.xt.options import (
    HOSTMASK,
    PORTRC,
    PROTOCOL,
    UINT32RC,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    bad_value,
    words,
)
from podwire.linux.netfilter.xt.ports import Ports
from podwire.linux.netfilter.xt.text import host_mask
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_INVALID: Final = 1 << 0
_SNAT: Final = 1 << 6
_DNAT: Final = 1 << 7
_UNTRACKED: Final = 1 << 8
_STATE_OF: Final = tuple(1 << ctinfo % IP_CT_IS_REPLY + 1 for ctinfo in range(IP_CT_UNTRACKED + 1))
"""XT_CONNTRACK_STATE_BIT of each ``ctinfo``."""
_STATES: Final = (
    ("INVALID", _INVALID),
    ("NEW", 1 << 3),
    ("RELATED", 1 << 2),
    ("ESTABLISHED", 1 << 1),
    ("UNTRACKED", _UNTRACKED),
    ("SNAT", _SNAT),
    ("DNAT", _DNAT),
)
"""In the order in which they are printed."""
_PARSED: Final = ("INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED", "SNAT", "DNAT")
_STATUSES: Final = (
    ("EXPECTED", IPS_EXPECTED),
    ("SEEN_REPLY", IPS_SEEN_REPLY),
    ("ASSURED", IPS_ASSURED),
    ("CONFIRMED", IPS_CONFIRMED),
)
_NSEC: Final = 1_000_000_000

_Test = Callable[[Connection, int], bool]
"""Does a connection match, with the packet's ``ctinfo``?"""


def _bits(call: OptionCall, names: tuple[str, ...], bits: dict[str, int], what: str, empty: str = "") -> int:
    """Words between commas; each may be cut short, and the first name that begins so is meant.

    ``empty`` is what to say where there is none at the end.
    """
    mask, rest = 0, call.arg
    while True:
        if empty and not rest:
            call.fail(empty)
        word, comma, after = rest.partition(",")
        name = next((name for name in names if word and name.startswith(word.upper())), None)
        if name is None:
            call.fail(f'Bad {what} "{rest}"')
        mask |= bits[name]
        if not comma:
            return mask
        rest = after


def _ctstate(call: OptionCall) -> int:
    """``conntrack_ps_states``."""
    return _bits(call, _PARSED, dict(_STATES), "ctstate")


def _ctstatus(call: OptionCall) -> int:
    """``conntrack_ps_statuses``."""
    bits = {"NONE": 0, **dict(_STATUSES)}
    return _bits(call, tuple(bits), bits, "ctstatus")


def _state(call: OptionCall) -> int:
    """``state_parse_states``."""
    empty = '"--state" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED'
    return _bits(call, _PARSED[:5], dict(_STATES), "state", empty)


def _ctdir(call: OptionCall) -> str:
    word = call.arg.upper()
    if word not in {"ORIGINAL", "REPLY"}:
        bad_value("conntrack", "--ctdir", call.arg)
    return word


class Bits(msgspec.Struct, frozen=True, gc=False):
    """Any of these bits, or none of them."""

    mask: int
    invert: bool = False


class Host(msgspec.Struct, frozen=True, gc=False):
    """An address under a mask; ``addr`` as it was written."""

    addr: Ip
    mask: int
    invert: bool = False


class Conntrack(Match, frozen=True, gc=False):
    """Everything that was asked for has to be so. What was not asked for is None.

    A packet without connection matches if only its state was asked for (``conntrack_mt``: then nothing else is looked at).
    """

    NAME: ClassVar[str] = "conntrack"
    STATE: ClassVar[str] = "ctstate"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("ctstate", _ctstate, invert=True),
        Option("ctproto", PROTOCOL, invert=True),
        Option("ctorigsrc", HOSTMASK, invert=True),
        Option("ctorigdst", HOSTMASK, invert=True),
        Option("ctreplsrc", HOSTMASK, invert=True),
        Option("ctrepldst", HOSTMASK, invert=True),
        Option("ctstatus", _ctstatus, invert=True),
        Option("ctexpire", UINT32RC, invert=True),
        Option("ctorigsrcport", PORTRC, invert=True),
        Option("ctorigdstport", PORTRC, invert=True),
        Option("ctreplsrcport", PORTRC, invert=True),
        Option("ctrepldstport", PORTRC, invert=True),
        Option("ctdir", _ctdir),
    )

    state: Bits | None = None
    proto: Bits | None = None
    """``mask`` is the protocol's number."""
    origsrc: Host | None = None
    origdst: Host | None = None
    replsrc: Host | None = None
    repldst: Host | None = None
    origsrcport: Ports | None = None
    origdstport: Ports | None = None
    replsrcport: Ports | None = None
    repldstport: Ports | None = None
    status: Bits | None = None
    expire: Ports | None = None
    """Seconds that are left."""
    direction: str = ""
    """ORIGINAL or REPLY."""

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``conntrack_mt_check``."""
        if not values.given:
            msg = "conntrack: At least one option is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``conntrack_mt_parse``."""
        expire = values.get("ctexpire")
        span = None
        if isinstance(expire, tuple):
            span = Ports(expire[0], expire[1] if len(expire) > 1 else expire[0], values.inverted("ctexpire"))
        return cls(
            _given(values, "ctstate"),
            _given(values, "ctproto"),
            _host(values, "ctorigsrc"),
            _host(values, "ctorigdst"),
            _host(values, "ctreplsrc"),
            _host(values, "ctrepldst"),
            _ports(values, "ctorigsrcport"),
            _ports(values, "ctorigdstport"),
            _ports(values, "ctreplsrcport"),
            _ports(values, "ctrepldstport"),
            _given(values, "ctstatus"),
            span,
            values.text("ctdir"),
        )

    def acquire(self, netns: Netns) -> None:
        """``conntrack_mt_check`` of the kernel."""
        netns.conntrack.get()

    def release(self, netns: Netns) -> None:
        """``conntrack_mt_destroy``."""
        netns.conntrack.put()

    @property
    def steady(self) -> bool:
        """All but the status and the time that is left."""
        return self.status is None and self.expire is None

    def compile(self, netns: Netns) -> MatchFn:
        """``conntrack_mt``."""
        tests = tuple(self._tests(netns))
        state = self.state
        if state is None:
            return lambda skb, _n, _i, _o: skb.ct is not None and all(test(skb.ct, skb.ctinfo) for test in tests)
        mask, invert = state.mask, state.invert
        nat = mask & (_SNAT | _DNAT)
        untracked = bool(mask & _UNTRACKED) is not invert
        invalid = bool(mask & _INVALID) is not invert
        matches = tuple(bool(mask & bit) for bit in _STATE_OF)

        def conntrack_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            ct, ctinfo = skb.ct, skb.ctinfo
            if ct is None:
                return untracked if ctinfo == IP_CT_UNTRACKED else invalid
            found = matches[ctinfo]
            if nat and not found:
                status = ct.status
                found = bool((nat & _SNAT and status & IPS_SRC_NAT) or (nat & _DNAT and status & IPS_DST_NAT))
            if found is invert:
                return False
            return not tests or all(test(ct, ctinfo) for test in tests)

        return conntrack_mt

    def _tests(self, netns: Netns) -> Iterator[_Test]:
        """What is asked of the connection, in the kernel's order."""
        if self.direction:
            reply = self.direction == "REPLY"
            yield lambda _ct, ctinfo: (ctinfo >= IP_CT_IS_REPLY) is reply
        for place, host in enumerate((self.origsrc, self.origdst, self.replsrc, self.repldst)):
            if host is not None:
                yield _host_test(place, host)
        if self.proto is not None:
            number, inverted = self.proto.mask, self.proto.invert
            yield lambda ct, _: (ct.orig.proto == number) is not inverted
        for place, ports in enumerate((self.origsrcport, self.origdstport, self.replsrcport, self.repldstport)):
            if ports is not None:
                yield _port_test(place, ports)
        if self.status is not None:
            bits, negated = self.status.mask, self.status.invert
            yield lambda ct, _: bool(ct.status & bits) is not negated
        if self.expire is not None:
            low, high, other = self.expire.low, self.expire.high, self.expire.invert
            world = netns.machine.world
            yield lambda ct, _: (low <= max(ct.timeout - world.now, 0) // _NSEC <= high) is not other

    def _texts(self, prefix: str, names: Names | None) -> Iterator[str]:
        """``conntrack_dump``."""
        if self.state is not None:
            states = ",".join(name for name, bit in _STATES if self.state.mask & bit)
            yield f"{_not(self.state.invert)}{prefix}{self.STATE} {states}".rstrip()
        if self.proto is not None:
            yield f"{_not(self.proto.invert)}{prefix}ctproto {self.proto.mask}"
        hosts = (("ctorigsrc", self.origsrc), ("ctorigdst", self.origdst), ("ctreplsrc", self.replsrc))
        for option, host in (*hosts, ("ctrepldst", self.repldst)):
            if host is not None:
                yield f"{_not(host.invert)}{prefix}{option} {_host_text(host, prefix, names)}"
        pairs = (("ctorigsrcport", self.origsrcport), ("ctorigdstport", self.origdstport))
        for option, ports in (*pairs, ("ctreplsrcport", self.replsrcport), ("ctrepldstport", self.repldstport)):
            if ports is not None:
                alone = not ports.high or ports.low == ports.high
                yield f"{_not(ports.invert)}{prefix}{option} {ports.low}{'' if alone else f':{ports.high}'}"
        if self.status is not None:
            statuses = ",".join(name for name, bit in _STATUSES if self.status.mask & bit) or "NONE"
            yield f"{_not(self.status.invert)}{prefix}ctstatus {statuses}"
        if self.expire is not None:
            low, high = self.expire.low, self.expire.high
            yield f"{_not(self.expire.invert)}{prefix}ctexpire {low}{'' if low == high else f':{high}'}"
        if self.direction:
            yield f"{prefix}ctdir {self.direction}"

    def save(self) -> str:
        """``conntrack3_mt_save``."""
        return words(self._texts("--", None))

    def listing(self, names: Names | None) -> str:
        """``conntrack3_mt_print``."""
        return words(self._texts("", names))


class State(Conntrack, frozen=True, gc=False):
    """``-m state``: the older name, which knows states alone."""

    NAME: ClassVar[str] = "state"
    STATE: ClassVar[str] = "state"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("state", _state, invert=True, mandatory=True),)

    @classmethod
    def final_check(cls, values: Values) -> None:
        """The table says it all."""

    @classmethod
    def build(cls, values: Values) -> Self:
        """``state_ct23_parse``."""
        return cls(_given(values, "state"))


def _not(invert: bool) -> str:  # noqa: FBT001 - nothing else could be meant
    return "! " if invert else ""


def _given(values: Values, key: str) -> Bits | None:
    return Bits(values.number(key), values.inverted(key)) if key in values else None


def _host(values: Values, key: str) -> Host | None:
    value = values.get(key)
    return Host(value[0], value[1], values.inverted(key)) if isinstance(value, tuple) else None


def _ports(values: Values, key: str) -> Ports | None:
    return Ports(*values.pair(key), values.inverted(key)) if key in values else None


def _host_text(host: Host, prefix: str, names: Names | None) -> str:
    """``conntrack_dump_addr``: -L has a word for 0.0.0.0."""
    if names is not None and not prefix:
        return "anywhere" if not host.addr else host_mask(host.addr, host.mask, names)
    return host_mask(host.addr, host.mask, None)


def _host_test(place: int, host: Host) -> _Test:
    mask, want, invert = host.mask, host.addr & host.mask, host.invert
    if place == 0:
        return lambda ct, _: (ct.orig.src & mask == want) is not invert
    if place == 1:
        return lambda ct, _: (ct.orig.dst & mask == want) is not invert
    if place == 2:
        return lambda ct, _: (ct.reply.src & mask == want) is not invert
    return lambda ct, _: (ct.reply.dst & mask == want) is not invert


def _port_test(place: int, ports: Ports) -> _Test:
    low, high, invert = ports.low, ports.high, ports.invert
    if place == 0:
        return lambda ct, _: (low <= ct.orig.sport <= high) is not invert
    if place == 1:
        return lambda ct, _: (low <= ct.orig.dport <= high) is not invert
    if place == 2:
        return lambda ct, _: (low <= ct.reply.sport <= high) is not invert
    return lambda ct, _: (low <= ct.reply.dport <= high) is not invert
