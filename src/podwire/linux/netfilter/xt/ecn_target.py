"""``-j ECN``: takes ECN away, or sets its bits by hand (net/ipv4/netfilter/ipt_ECN.c; extensions/libipt_ECN.c)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from msgspec.structs import replace

from podwire.linux.netfilter.hooks import NF_DROP
from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn, XtCheckError
from podwire.linux.netfilter.xt.options import UINT8, Names, Option, OptionError, Values, words
from podwire.linux.netfilter.xt.tos_target import set_tos
from podwire.wire.headers import IPPROTO_TCP, TCP_CWR, TCP_ECE, Tcp

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_SINGLE: Final = ("ecn-tcp-cwr", "ecn-tcp-ece", "ecn-ip-ect")


class EcnTarget(Target, frozen=True, gc=False):
    """``ece`` and ``cwr`` of TCP and the two bits ``ect`` of IP; None for what stays as it is. Removing is to clear both of TCP's."""

    NAME: ClassVar[str] = "ECN"
    TABLE: ClassVar[str] = "mangle"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("ecn-tcp-remove", excl=("ecn-tcp-cwr", "ecn-tcp-ece")),
        Option("ecn-tcp-cwr", UINT8, excl=("ecn-tcp-remove",), high=1),
        Option("ecn-tcp-ece", UINT8, excl=("ecn-tcp-remove",), high=1),
        Option("ecn-ip-ect", UINT8, high=3),
    )

    ece: int | None = None
    cwr: int | None = None
    ect: int | None = None

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``ECN_check``."""
        if not values.given:
            msg = "ECN target: An operation is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``ECN_parse``."""
        ect = values.number("ecn-ip-ect") if "ecn-ip-ect" in values else None
        if "ecn-tcp-remove" in values:
            return cls(0, 0, ect)
        cwr, ece = (values.number(key) if key in values else None for key in _SINGLE[:2])
        return cls(ece, cwr, ect)

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``ecn_tg_check``."""
        if (self.ece is not None or self.cwr is not None) and proto != IPPROTO_TCP:
            raise XtCheckError(EINVAL, "ipt_ECN: cannot use operation on non-tcp rule")

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``ecn_tg``."""
        ect = self.ect
        flags = tuple((bit, value) for bit, value in ((TCP_ECE, self.ece), (TCP_CWR, self.cwr)) if value is not None)

        def ecn_tg(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            if ect is not None:
                set_tos(skb, skb.ip.tos & ~3 | ect)
            if flags and skb.ip.proto == IPPROTO_TCP:
                tcp = skb.packet.layers[1] if len(skb.packet.layers) > 1 else None
                if not isinstance(tcp, Tcp):
                    return NF_DROP
                found = tcp.flags
                for bit, value in flags:
                    found = found | bit if value else found & ~bit
                if found != tcp.flags:
                    skb.packet = skb.packet.replace(1, replace(tcp, flags=found))
            return XT_CONTINUE

        return ecn_tg

    def save(self) -> str:
        """``ECN_save``."""
        if self._removes:
            return "--ecn-tcp-remove"
        return words(
            (_one("--ecn-tcp-ece ", self.ece), _one("--ecn-tcp-cwr ", self.cwr), _one("--ecn-ip-ect ", self.ect))
        )

    def listing(self, names: Names | None) -> str:
        """``ECN_print``."""
        if self._removes:
            return "ECN TCP remove"
        return words(("ECN", _one("ECE=", self.ece), _one("CWR=", self.cwr), _one("ECT codepoint=", self.ect)))

    @property
    def _removes(self) -> bool:
        """Whichever way it was said."""
        return self.ece == self.cwr == 0 and self.ect is None


def _one(text: str, value: int | None) -> str:
    return "" if value is None else f"{text}{value}"
