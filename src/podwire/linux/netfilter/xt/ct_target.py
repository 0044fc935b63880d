"""``-j CT`` and ``-j NOTRACK``: how a packet's connection shall begin (net/netfilter/xt_CT.c; extensions/libxt_CT.c; fact F174)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.errors import NotModelled
from podwire.linux.netfilter.conntrack.core import nf_ct_tmpl_alloc
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_NEW,
    IP_CT_UNTRACKED,
    ZONE_DIR_BOTH,
    ZONE_DIR_ORIG,
    ZONE_DIR_REPL,
)
from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn
from podwire.linux.netfilter.xt.options import STRING, Names, Option, OptionCall, Values, option_parse, strtoui, words

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_NOT_MODELLED: Final = ("helper", "timeout", "ctevents", "expevents")
_DIRECTIONS: Final = {ZONE_DIR_ORIG: "-orig", ZONE_DIR_REPL: "-reply"}


class CtTarget(Target, frozen=True, gc=False):
    """``notrack``, or a zone for the directions of ``zone_dir``; ``zone`` None is the packet's mark."""

    NAME: ClassVar[str] = "CT"
    TABLE: ClassVar[str] = "raw"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("notrack"),
        *(Option(name, STRING) for name in _NOT_MODELLED),
        Option("zone-orig", STRING),
        Option("zone-reply", STRING),
        Option("zone", STRING),
    )

    notrack: bool = False
    zone: int | None = 0
    zone_dir: int = ZONE_DIR_BOTH

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``ct_parse_v1``: whichever of the zones comes last says the number, each adds its direction."""
        option_parse(call)
        key, data = call.entry.key, call.values.data
        if key in _NOT_MODELLED:
            msg = f"iptables -j CT --{key}"
            raise NotModelled(msg)
        if key == "notrack":
            return
        zone = None if call.arg.lower() == "mark" else strtoui(call.arg, 0, 0xFFFF)
        if zone is None and call.arg.lower() != "mark":
            call.fail(f"Cannot parse {call.arg} as a zone ID")
        # XT_CT_ZONE_MARK stays once it is set.
        data["zone"] = None if "zone" in data and data["zone"] is None else zone

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written."""
        zone = values.data.get("zone", 0)
        bits = ZONE_DIR_ORIG * ("zone-orig" in values) | ZONE_DIR_REPL * ("zone-reply" in values)
        return cls("notrack" in values, zone if isinstance(zone, int) else None, bits or ZONE_DIR_BOTH)

    def acquire(self, netns: Netns) -> None:
        """``xt_ct_tg_check``: a template wants connections to be tracked."""
        if not self.notrack:
            netns.conntrack.get()

    def release(self, netns: Netns) -> None:
        """``xt_ct_tg_destroy``."""
        if not self.notrack:
            netns.conntrack.put()

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``xt_ct_target``: the packet carries a template; one that has a connection (over ``lo``) is left alone."""
        template = (
            None if self.notrack else nf_ct_tmpl_alloc(self.zone or 0, self.zone_dir, from_mark=self.zone is None)
        )
        info = IP_CT_UNTRACKED if self.notrack else IP_CT_NEW

        def xt_ct_target(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            if skb.ct is None and skb.ctinfo != IP_CT_UNTRACKED:
                skb.ct, skb.ctinfo = template, info
            return XT_CONTINUE

        return xt_ct_target

    def save(self) -> str:
        """``ct_save_v1``."""
        return words(("--notrack" if self.notrack else "", self._zone("--")))

    def listing(self, names: Names | None) -> str:
        """``ct_print_v1``."""
        return words(("CT", "notrack" if self.notrack else "", self._zone("")))

    def _zone(self, dashes: str) -> str:
        if self.zone == 0:
            return ""
        return f"{dashes}zone{_DIRECTIONS.get(self.zone_dir, '')} {'mark' if self.zone is None else self.zone}"


class NotrackTarget(Target, frozen=True, gc=False):
    """``-j CT --notrack`` under its old name: iptables-save keeps that, ``-L`` prints both (XT_CT_NOTRACK_ALIAS)."""

    NAME: ClassVar[str] = "NOTRACK"
    LISTED: ClassVar[str] = "CT"
    TABLE: ClassVar[str] = "raw"

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``xt_ct_target``."""
        return CtTarget(notrack=True).compile(netns, hook, table)

    def listing(self, names: Names | None) -> str:
        """``ct_print_v1``."""
        return "NOTRACK"
