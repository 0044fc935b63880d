"""``-j TOS`` and ``-j DSCP``: the second byte of the IP header (net/netfilter/xt_DSCP.c; extensions/libxt_TOS.c, libxt_DSCP.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from msgspec.structs import replace

from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn
from podwire.linux.netfilter.xt.options import (
    STRING,
    TOSMASK,
    UINT8,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    option_parse,
)

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_ANY: Final = ("set-tos", "and-tos", "or-tos", "xor-tos")
_SYMBOLIC: Final = 0x3F
_TOS_NAMES: Final = {
    0x10: "Minimize-Delay",
    0x08: "Maximize-Throughput",
    0x04: "Maximize-Reliability",
    0x02: "Minimize-Cost",
    0x00: "Normal-Service",
}
DSCP_CLASSES: Final = (
    {f"CS{n}": n << 3 for n in range(8)}
    | {f"AF{n}{m}": n << 3 | m << 1 for n in range(1, 5) for m in range(1, 4)}
    | {"BE": 0, "EF": 0x2E}
)
"""``ds_classes`` (extensions/dscp_helper.c): RFC 2597, RFC 3246, RFC 2474."""


def set_tos(skb: Skb, tos: int) -> None:
    """``ipv4_change_dsfield``."""
    ip = skb.ip
    if ip.tos != tos:
        skb.packet = skb.packet.replace(0, replace(ip, tos=tos))


class TosTarget(Target, frozen=True, gc=False):
    """``tos = (tos & ~mask) ^ value``; every form of the options becomes that."""

    NAME: ClassVar[str] = "TOS"
    TABLE: ClassVar[str] = "mangle"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("set-tos", TOSMASK, excl=_ANY, high=_SYMBOLIC),
        Option("and-tos", UINT8, excl=_ANY),
        Option("or-tos", UINT8, excl=_ANY),
        Option("xor-tos", UINT8, excl=_ANY),
    )

    value: int
    mask: int

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``tos_tg_check``."""
        if not values.given:
            msg = "TOS: An action is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``tos_tg_parse``."""
        if "set-tos" in values:
            return cls(*values.pair("set-tos"))
        if "and-tos" in values:
            return cls(0, ~values.number("and-tos") & 0xFF)
        if "or-tos" in values:
            value = values.number("or-tos")
            return cls(value, value)
        return cls(values.number("xor-tos"), 0)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``tos_tg``."""
        keep, flip = ~self.mask & 0xFF, self.value

        def tos_tg(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            set_tos(skb, (skb.ip.tos & keep) ^ flip)
            return XT_CONTINUE

        return tos_tg

    def save(self) -> str:
        """``tos_tg_save``."""
        return f"--set-tos 0x{self.value:02x}/0x{self.mask:02x}"

    def listing(self, names: Names | None) -> str:
        """``tos_tg_print``."""
        value, mask = self.value, self.mask
        if names is not None:
            if mask == _SYMBOLIC and value in _TOS_NAMES:
                # The real one has its blanks elsewhere.
                return f" TOS set{_TOS_NAMES[value]}"
            if value == 0:
                return f"TOS and 0x{~mask & 0xFF:02x}"
            if value == mask:
                return f"TOS or 0x{value:02x}"
            if mask == 0:
                return f"TOS xor 0x{value:02x}"
        return f"TOS set 0x{value:02x}/0x{mask:02x}"


class DscpTarget(Target, frozen=True, gc=False):
    """The upper six bits; the two of ECN stay."""

    NAME: ClassVar[str] = "DSCP"
    TABLE: ClassVar[str] = "mangle"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("set-dscp", UINT8, excl=("set-dscp-class",), high=63),
        Option("set-dscp-class", STRING, excl=("set-dscp",)),
    )

    dscp: int

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``DSCP_parse``."""
        option_parse(call)
        if call.entry.key == "set-dscp":
            call.values.data["dscp"] = call.values.number("set-dscp")
            return
        dscp = DSCP_CLASSES.get(call.arg.upper())
        if dscp is None:
            call.fail(f"Invalid DSCP value `{call.arg}'")
        call.values.data["dscp"] = dscp

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``DSCP_check``."""
        if not values.given:
            msg = "DSCP target: Parameter --set-dscp is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written."""
        dscp = values.data["dscp"]
        return cls(dscp if isinstance(dscp, int) else 0)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``dscp_tg``."""
        bits = self.dscp << 2

        def dscp_tg(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            set_tos(skb, skb.ip.tos & 3 | bits)
            return XT_CONTINUE

        return dscp_tg

    def save(self) -> str:
        """``DSCP_save``."""
        return f"--set-dscp 0x{self.dscp:02x}"

    def listing(self, names: Names | None) -> str:
        """``DSCP_print``."""
        return f"DSCP set 0x{self.dscp:02x}"
