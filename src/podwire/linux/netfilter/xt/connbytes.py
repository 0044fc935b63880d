"""``-m connbytes``: how much a connection has carried (net/netfilter/xt_connbytes.c, extensions/libxt_connbytes.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import Match, MatchFn
from podwire.linux.netfilter.xt.options import STRING, UINT64RC, Names, Option, OptionCall, Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_MOST: Final = (1 << 64) - 1
_DIRECTIONS: Final = {"original": (0,), "reply": (1,), "both": (0, 1)}


def _between(call: OptionCall) -> tuple[int, int]:
    """``connbytes_parse``: a negated range is kept the wrong way round."""
    span = UINT64RC(call)
    assert isinstance(span, tuple)  # noqa: S101 - a range
    low, high = span[0], span[1] if len(span) > 1 else _MOST
    if high < low:
        call.fail(f"{low} should be less than {high}")
    return (high, low) if call.invert else (low, high)


def _one_of(*allowed: str) -> Callable[[OptionCall], str]:
    def one_of(call: OptionCall) -> str:
        word = STRING(call)
        if word not in allowed:
            call.fail(f"Unknown --{call.entry.name} `{word}'")
        return word

    return one_of


class Connbytes(Match, frozen=True, gc=False):
    """Packets, bytes or their quotient (``avgpkt``), of one direction or both, from ``low`` to ``high``; not so where ``low`` is more."""

    NAME: ClassVar[str] = "connbytes"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("connbytes", _between, invert=True, mandatory=True),
        Option("connbytes-dir", _one_of("original", "reply", "both"), mandatory=True),
        Option("connbytes-mode", _one_of("packets", "bytes", "avgpkt"), mandatory=True),
    )

    low: int
    high: int
    direction: str
    mode: str

    @classmethod
    def build(cls, values: Values) -> Self:
        """What ``connbytes_parse`` has noted."""
        return cls(*values.pair("connbytes"), values.text("connbytes-dir"), values.text("connbytes-mode"))

    def acquire(self, netns: Netns) -> None:
        """``connbytes_mt_check``: connections that begin from here on are counted."""
        conntrack = netns.conntrack
        conntrack.get()
        if not conntrack.setting("nf_conntrack_acct"):
            conntrack.set("nf_conntrack_acct", 1)

    def release(self, netns: Netns) -> None:
        """``connbytes_mt_destroy``."""
        netns.conntrack.put()

    def compile(self, netns: Netns) -> MatchFn:
        """``connbytes_mt``: a connection that is not counted never matches."""
        low, high, mode, ways = self.low, self.high, self.mode, _DIRECTIONS[self.direction]

        def much(ct: Connection) -> int:
            packets = sum(ct.packets[way] for way in ways)
            if mode == "packets":
                return packets
            octets = sum(ct.octets[way] for way in ways)
            if mode == "bytes":
                return octets
            return octets // packets if packets else 0

        def connbytes_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            ct = skb.ct
            if ct is None or not ct.acct:
                return False
            value = much(ct)
            return low <= value <= high if high >= low else value < high or value > low

        return connbytes_mt

    def _text(self, prefix: str, second: str) -> str:
        """``print_from_to``, ``print_mode``, ``print_direction``."""
        low, high = sorted((self.low, self.high))
        negated = "! " if self.low > self.high else ""
        upper = f":{high}" if 0 < high < _MOST else ""
        mode, direction = (f"{second}mode {self.mode}", f"{second}{'dir' if prefix else 'direction'} {self.direction}")
        return f"{negated}{prefix}connbytes {low}{upper} {mode} {direction}"

    def save(self) -> str:
        """``connbytes_save``."""
        return self._text("--", "--connbytes-")

    def listing(self, names: Names | None) -> str:
        """``connbytes_print``."""
        return self._text("", "connbytes ")
