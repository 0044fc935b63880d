"""``-m physdev``: ports of a bridge (net/netfilter/xt_physdev.c, extensions/libxt_physdev.c). br_netfilter knows them."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.linux.netfilter.hooks import NF_INET_LOCAL_OUT
from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import STRING, Names, Option, OptionCall, OptionError, Values, words

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_IFNAMSIZ: Final = 16


def _port(call: OptionCall) -> str:
    """``xtables_parse_interface``: fifteen characters, ``+`` at the end for what begins so."""
    name = STRING(call)
    if len(name) + 1 > _IFNAMSIZ:
        call.fail(f"interface name `{name}' must be shorter than IFNAMSIZ ({_IFNAMSIZ - 1})")
    if "/" in name or " " in name:
        wrong = f"weird character in interface `{name}' ('/' and ' ' are not allowed by the kernel)"
        call.values.rule.notices.append(f"Warning: {wrong}.\n")
    return name


class Port(msgspec.Struct, frozen=True, gc=False):
    """A port by its name, or by its beginning."""

    name: str
    invert: bool = False

    def fits(self, link: Link) -> bool:
        """``ifname_compare_aligned``."""
        name = self.name
        same = link.name.startswith(name[:-1]) if name.endswith("+") else name in {"", link.name}
        return same is not self.invert


class Physdev(Match, frozen=True, gc=False):
    """What has to be so is True, what must not be is False, what was not asked for None."""

    NAME: ClassVar[str] = "physdev"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("physdev-in", _port, invert=True),
        Option("physdev-out", _port, invert=True),
        Option("physdev-is-in", invert=True),
        Option("physdev-is-out", invert=True),
        Option("physdev-is-bridged", invert=True),
    )

    incoming: Port | None = None
    outgoing: Port | None = None
    is_in: bool | None = None
    is_out: bool | None = None
    is_bridged: bool | None = None

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``physdev_check``."""
        if not values.given:
            msg = "PHYSDEV: no physdev option specified"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``physdev_parse``."""
        incoming, outgoing = (
            Port(values.text(key), values.inverted(key)) if key in values else None
            for key in ("physdev-in", "physdev-out")
        )
        flags = ("physdev-is-in", "physdev-is-out", "physdev-is-bridged")
        return cls(incoming, outgoing, *(not values.inverted(key) if key in values else None for key in flags))

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``physdev_mt_check``."""
        out = self.outgoing is not None or self.is_out is not None
        if out and not self.is_bridged and NF_INET_LOCAL_OUT in hooks:
            where = "the FORWARD and POSTROUTING chains with bridged traffic"
            raise XtCheckError(EINVAL, f"xt_physdev: --physdev-out and --physdev-is-out only supported in {where}")

    def acquire(self, netns: Netns) -> None:
        """``physdev_mt_check``: ``request_module``, without which no frame of a bridge would meet the rule."""
        from podwire.linux.netlink import Netlink

        Netlink(netns).modprobe("br_netfilter")

    def compile(self, netns: Netns) -> MatchFn:
        """``physdev_mt``: what is not bridged matches where everything is negated."""
        incoming, outgoing, is_in, is_out, is_bridged = (
            self.incoming,
            self.outgoing,
            self.is_in,
            self.is_out,
            self.is_bridged,
        )
        elsewhere = not (is_in or is_out or is_bridged) and not any(
            port is not None and not port.invert for port in (incoming, outgoing)
        )

        def physdev_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            bridge = skb.nf_bridge
            if bridge is None:
                return elsewhere
            physin, physout = bridge.physin, bridge.physout
            if (
                (is_bridged is not None and (physout is not None) is not is_bridged)
                or (is_in is not None and (physin is not None) is not is_in)
                or (is_out is not None and (physout is not None) is not is_out)
                or (incoming is not None and physin is not None and not incoming.fits(physin))
            ):
                return False
            return outgoing is None or (physout is not None and outgoing.fits(physout))

        return physdev_mt

    def save(self) -> str:
        """``physdev_save``."""

        def flag(option: str, wanted: bool | None) -> str:  # noqa: FBT001 - a field
            return "" if wanted is None else f"{'' if wanted else '! '}--{option}"

        def port(option: str, one: Port | None) -> str:
            return "" if one is None else f"{'! ' if one.invert else ''}--{option} {one.name}"

        return words(
            (
                flag("physdev-is-in", self.is_in),
                port("physdev-in", self.incoming),
                flag("physdev-is-out", self.is_out),
                port("physdev-out", self.outgoing),
                flag("physdev-is-bridged", self.is_bridged),
            )
        )

    def listing(self, names: Names | None) -> str:
        """``physdev_print``."""
        return f"PHYSDEV match {self.save()}"
