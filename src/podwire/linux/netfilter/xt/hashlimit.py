"""``-m hashlimit``: a rate for each address, port or pair of them (net/netfilter/xt_hashlimit.c, extensions/libxt_hashlimit.c)."""

from __future__ import annotations

from errno import EINVAL, ERANGE
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.linux.netfilter.xt.base import HotDrop, Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.hashtable import (
    HashlimitTable,
    user2credits,
    user2credits_byte,
)
from podwire.linux.netfilter.xt.options import (
    PLEN,
    STRING,
    UINT32,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    bad_value,
    strtoul,
    words,
)
from podwire.linux.netfilter.xt.rate import UNIT_NAMES, atoi, print_rate, rate_unit

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

XT_HASHLIMIT_SCALE: Final = 1_000_000
"""XT_HASHLIMIT_SCALE_v2: ``avg`` is the time between two packets in millionths of a second."""
_BURST: Final = 5
_BURST_MAX: Final = 1_000_000
_GC_INTERVAL: Final = 1000
_BYTE_EXPIRE: Final = 15
_BYTE_EXPIRE_BURST: Final = 60
_BYTE_SHIFT: Final = 4
_NAME_LEN: Final = 255
_U32: Final = 0xFFFFFFFF
_U64: Final = (1 << 64) - 1
_MODES: Final = ("srcip", "srcport", "dstip", "dstport")
_FACTORS: Final = {"m": 1024 * 1024, "k": 1024}


class _Rate(msgspec.Struct, frozen=True):
    """``avg``, whether it counts bytes, and the seconds of its unit (``hashlimit_mt_udata``)."""

    avg: int
    octets: bool
    unit: int


def _bytes_to_cost(octets: int) -> int:
    return _U32 // ((octets >> _BYTE_SHIFT & _U32) + 1)


def _cost_to_bytes(cost: int) -> int:
    return (_U32 // cost if cost else _U32) - 1 << _BYTE_SHIFT


def _rate(call: OptionCall) -> _Rate:
    """``parse_bytes``, ``parse_rate``: ``512kb/s`` or ``10/min``."""
    text = call.arg
    at, number = text.find("b/s"), atoi(text)
    if at > 0 and number:
        octets = (number & _U64) * _FACTORS.get(text[at - 1], 1)
        cost = _bytes_to_cost(octets & _U64)
        if not cost:
            call.fail(f'Rate too high "{text}"')
        return _Rate(cost, octets=True, unit=_BYTE_EXPIRE)
    unit = rate_unit(text)
    if unit is None or not number:
        option = "--hashlimit-above" if call.entry.key == "hashlimit-above" else "--hashlimit-upto"
        bad_value("hashlimit", option, text)
    avg = XT_HASHLIMIT_SCALE * unit // (number & _U64)
    if not avg:
        call.fail(f'Rate too fast "{text}"')
    return _Rate(avg, octets=False, unit=unit)


def _burst(call: OptionCall) -> int:
    """``parse_burst``: packets, or bytes with ``k`` or ``m``."""
    value, rest = strtoul(call.arg, 1, _U64)
    if value is None or (not rest and value > _BURST_MAX):
        call.fail(_bad_burst())
    return value * _FACTORS.get(rest[:1], 1)


def _bad_burst() -> str:
    return f'bad value for option "--hashlimit-burst", or out of range (1-{_BURST_MAX}).'


def _mode(call: OptionCall) -> tuple[str, ...]:
    given = [word for word in call.arg.replace("|", ",").split(",") if word]
    if any(word not in _MODES for word in given):
        bad_value("hashlimit", "--hashlimit-mode", call.arg)
    return tuple(mode for mode in _MODES if mode in given)


def _interval(call: OptionCall) -> int:
    value = atoi(call.arg)
    if value <= 0:
        bad_value("hashlimit", "--hashlimit-rate-interval", call.arg)
    return value


class Hashlimit(Match, frozen=True, gc=False):
    """At most (``above``: more than) one packet each ``avg`` for those that are alike in ``mode``. ``expire``, ``gc_interval`` in ms.

    With ``octets`` ``avg`` is the cost of sixteen bytes, of 2**32 in a second, and ``burst`` so many seconds' worth.
    """

    NAME: ClassVar[str] = "hashlimit"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("hashlimit-upto", _rate, invert=True, excl=("hashlimit-above",)),
        Option("hashlimit-above", _rate, invert=True, excl=("hashlimit-upto",)),
        Option("hashlimit", _rate, id="hashlimit-upto", invert=True, excl=("hashlimit-above",)),
        Option("hashlimit-srcmask", PLEN),
        Option("hashlimit-dstmask", PLEN),
        Option("hashlimit-burst", _burst),
        Option("hashlimit-htable-size", UINT32),
        Option("hashlimit-htable-max", UINT32),
        Option("hashlimit-htable-gcinterval", UINT32),
        Option("hashlimit-htable-expire", UINT32),
        Option("hashlimit-mode", _mode),
        Option("hashlimit-name", STRING, mandatory=True, low=1, size=_NAME_LEN),
        Option("hashlimit-rate-match"),
        Option("hashlimit-rate-interval", _interval),
    )

    name: str
    avg: int
    burst: int = _BURST
    above: bool = False
    octets: bool = False
    mode: tuple[str, ...] = ()
    srcmask: int = 32
    dstmask: int = 32
    size: int = 0
    max: int = 0
    gc_interval: int = _GC_INTERVAL
    expire: int = 1000
    rate_match: bool = False
    interval: int = 0

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``hashlimit_mt_check``: what it says; ``build`` does the sums."""
        rate = values.get("hashlimit-upto") or values.get("hashlimit-above")
        if not isinstance(rate, _Rate):
            msg = "You have to specify --hashlimit"
            raise OptionError(msg)
        burst = values.number("hashlimit-burst", _BURST)
        if rate.octets and "hashlimit-burst" in values and burst < _cost_to_bytes(rate.avg):
            msg = f"burst cannot be smaller than {_cost_to_bytes(rate.avg)}b"
            raise OptionError(msg)
        if not rate.octets and burst > _BURST_MAX:
            raise OptionError(_bad_burst())

    @classmethod
    def build(cls, values: Values) -> Self:
        """``hashlimit_mt_parse`` and ``hashlimit_mt_check``."""
        key = "hashlimit-above" if "hashlimit-above" in values else "hashlimit-upto"
        rate, mode = values.get(key), values.get("hashlimit-mode")
        assert isinstance(rate, _Rate)  # noqa: S101 - final_check has seen it
        given = "hashlimit-burst" in values
        burst, expire, avg = values.number("hashlimit-burst", _BURST), rate.unit * 1000, rate.avg
        if rate.octets:
            second = _cost_to_bytes(avg)
            burst = -(-burst // second) if given else 0
            expire = _BYTE_EXPIRE_BURST * 1000 if given else expire
        interval = values.number("hashlimit-rate-interval")
        if "hashlimit-rate-match" in values:
            avg = avg if rate.octets else avg // rate.unit
            interval = interval or (1 if rate.octets else rate.unit)
        return cls(
            values.text("hashlimit-name"),
            avg,
            burst,
            (key == "hashlimit-above") is not values.inverted(key),
            rate.octets,
            mode if isinstance(mode, tuple) else (),
            values.number("hashlimit-srcmask", 32),
            values.number("hashlimit-dstmask", 32),
            values.number("hashlimit-htable-size"),
            values.number("hashlimit-htable-max"),
            values.number("hashlimit-htable-gcinterval", _GC_INTERVAL),
            values.number("hashlimit-htable-expire", expire),
            "hashlimit-rate-match" in values,
            interval,
        )

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``hashlimit_mt_check_common``."""
        if not self.gc_interval or not self.expire or not 0 <= self.srcmask <= 32 or not 0 <= self.dstmask <= 32:
            raise XtCheckError(EINVAL)
        if self.rate_match:
            if not 0 < self.avg <= _U32 or not self.interval:
                raise XtCheckError(EINVAL, "xt_hashlimit: invalid rate")
        elif self.octets:
            if not user2credits_byte(self.avg):
                raise XtCheckError(EINVAL, f"xt_hashlimit: overflow, rate too high: {self.avg}")
        elif not self.burst or user2credits(self.avg * self.burst & _U64) < user2credits(self.avg):
            raise XtCheckError(ERANGE, f"xt_hashlimit: overflow, try lower: {self.avg}/{self.burst}")

    def acquire(self, netns: Netns) -> None:
        """``htable_find_get``, ``htable_create``: rules share the table of a name, with the settings of the first one."""
        tables = netns.xtables.hashlimit
        found = tables.get(self.name)
        if found is None:
            found = tables[self.name] = HashlimitTable(netns.machine, self)
        found.users += 1

    def release(self, netns: Netns) -> None:
        """``htable_put``."""
        found = netns.xtables.hashlimit[self.name]
        found.users -= 1
        if not found.users:
            del netns.xtables.hashlimit[self.name]

    def compile(self, netns: Netns) -> MatchFn:
        """``hashlimit_mt_common``: a packet for which there is no room in the table, or without ports, is dropped."""
        table, above, octets = netns.xtables.hashlimit[self.name], self.above, self.octets

        def hashlimit_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            key = table.key(skb)
            within = None if key is None else table.within(key, skb.len, octets=octets)
            if within is None:
                raise HotDrop
            return within is not above

        return hashlimit_mt

    def _rate_text(self, prefix: str, *, whole: bool) -> tuple[str, int]:
        """The rate and burst as they are printed, and the ``expire`` (ms) that goes without saying with them."""
        if self.octets:
            octets = _cost_to_bytes(self.avg)
            name, unit = next(
                (name, unit)
                for name, unit in (("m", 1 << 20), ("k", 1 << 10), ("", 1))
                if unit == 1 or (octets >= unit and _bytes_to_cost(octets & ~(unit - 1) & _U32) == self.avg)
            )
            text = f"{octets // unit}{name}b/s"
            if not self.burst:
                return text, _BYTE_EXPIRE * 1000
            octets *= self.burst
            name, unit = next((n, u) for n, u in (("m", 1 << 20), ("k", 1 << 10), ("", 1)) if octets >= u or u == 1)
            return f"{text} {prefix}burst {octets // unit}{name}b", _BYTE_EXPIRE_BURST * 1000
        period = self.avg * (self.interval or 1) if whole else self.avg
        rate, unit = print_rate(period, XT_HASHLIMIT_SCALE)
        burst = f"{prefix or ''}burst {self.burst}"
        return f"{rate}/{UNIT_NAMES[unit]} {burst}", unit * 1000

    def _table_texts(self, prefix: str, quantum: int) -> list[str]:
        """What is printed of the table, where it is not as usual."""
        texts = [
            f"{prefix}{option} {value}"
            for option, value, usual in (
                ("htable-size", self.size, 0),
                ("htable-max", self.max, 0),
                ("htable-gcinterval", self.gc_interval, _GC_INTERVAL),
                ("htable-expire", self.expire, quantum),
                ("srcmask", self.srcmask, 32),
                ("dstmask", self.dstmask, 32),
            )
            if value != usual
        ]
        if self.rate_match:
            texts.append(f"{prefix}rate-match")
            if self.interval != 1:
                texts.append(f"{prefix}rate-interval {self.interval}")
        return texts

    def save(self) -> str:
        """``hashlimit_mt_save``."""
        text, quantum = self._rate_text("--hashlimit-", whole=False)
        mode = f"--hashlimit-mode {','.join(self.mode)}" if self.mode else ""
        above = f"--hashlimit-{'above' if self.above else 'upto'} {text}"
        return words((above, mode, f"--hashlimit-name {self.name}", *self._table_texts("--hashlimit-", quantum)))

    def listing(self, names: Names | None) -> str:
        """``hashlimit_mt_print``."""
        text, quantum = self._rate_text("", whole=True)
        mode = f"mode {'-'.join(self.mode)}" if self.mode else ""
        above = f"limit: {'above' if self.above else 'up to'} {text}"
        return words((above, mode, *self._table_texts("", quantum)))
