"""``-j CONNMARK``: the connection's mark (net/netfilter/xt_connmark.c: connmark_tg_shift; extensions/libxt_CONNMARK.c)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn, XtCheckError
from podwire.linux.netfilter.xt.options import (
    MARKMASK,
    UINT8,
    UINT32,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    option_parse,
    words,
)

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_BITS: Final = 32
_FULL: Final = 0xFFFFFFFF
_ANY: Final = ("set-mark", "save-mark", "restore-mark", "and-mark", "or-mark", "xor-mark", "set-xmark")
SET: Final = "set"
SAVE: Final = "save"
RESTORE: Final = "restore"


class ConnmarkTarget(Target, frozen=True, gc=False):
    """``set``: as MARK does; ``save``: from the packet to its connection; ``restore``: the other way. ``shift`` is to the left."""

    NAME: ClassVar[str] = "CONNMARK"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("set-xmark", MARKMASK, excl=_ANY),
        Option("set-mark", MARKMASK, excl=_ANY),
        Option("and-mark", UINT32, excl=_ANY),
        Option("or-mark", UINT32, excl=_ANY),
        Option("xor-mark", UINT32, excl=_ANY),
        Option("save-mark", excl=_ANY),
        Option("restore-mark", excl=_ANY),
        Option("left-shift-mark", UINT8, high=32),
        Option("right-shift-mark", UINT8, high=32),
        Option("ctmask", UINT32, excl=("mask",)),
        Option("nfmask", UINT32, excl=("mask",)),
        Option("mask", UINT32, excl=("ctmask", "nfmask")),
    )

    mode: str
    ctmark: int = 0
    ctmask: int = _FULL
    nfmask: int = _FULL
    shift: int = 0

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``connmark_tg_parse``: each option writes into the parameters, and the last one has its way."""
        option_parse(call)
        key, values = call.entry.key, call.values
        data = values.data
        number = values.number(key)
        if key in {"set-xmark", "set-mark"}:
            mark, mask = values.pair(key)
            data |= {"ctmark": mark, "ctmask": mask if key == "set-xmark" else mark | mask}
        elif key == "and-mark":
            data |= {"ctmark": 0, "ctmask": ~number & _FULL}
        elif key == "or-mark":
            data |= {"ctmark": number, "ctmask": number}
        elif key == "xor-mark":
            data |= {"ctmark": number, "ctmask": 0}
        elif key == "mask":
            data |= {"ctmask": number, "nfmask": number}
        elif key in {"ctmask", "nfmask"}:
            data[key] = number
        elif key in {"left-shift-mark", "right-shift-mark"}:
            data["shift"] = number if key.startswith("left") else -number

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``connmark_tg_check``."""
        if not any(key in values for key in _ANY):
            msg = "CONNMARK target: No operation specified"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written."""
        mode = SAVE if "save-mark" in values else RESTORE if "restore-mark" in values else SET
        return cls(mode, **values.data)  # type: ignore[arg-type]  # parse wrote nothing but ints

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``connmark_tg_check_v2``: there is nothing left of a mark that is shifted so far."""
        if abs(self.shift) >= _BITS:
            raise XtCheckError(EINVAL)

    def acquire(self, netns: Netns) -> None:
        """``connmark_tg_check``: connections are tracked from now on."""
        netns.conntrack.get()

    def release(self, netns: Netns) -> None:
        """``connmark_tg_destroy``."""
        netns.conntrack.put()

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``connmark_tg_shift``."""
        mode, ctmark, ctmask, nfmask, shift = self.mode, self.ctmark, self.ctmask, self.nfmask, self.shift

        def shifted(mark: int) -> int:
            return mark << shift & _FULL if shift >= 0 else mark >> -shift

        def connmark_tg(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            ct = skb.ct
            if ct is None:
                return XT_CONTINUE
            if mode == SET:
                _write(ct, shifted((ct.mark & ~ctmask & _FULL) ^ ctmark))
            elif mode == SAVE:
                _write(ct, (ct.mark & ~ctmask & _FULL) ^ shifted(skb.mark & nfmask))
            else:
                skb.mark = (skb.mark & ~nfmask & _FULL) ^ shifted(ct.mark & ctmask)
            return XT_CONTINUE

        return connmark_tg

    def save(self) -> str:
        """``connmark_tg_save_v2``."""
        if self.mode == SET:
            text = f"--set-xmark 0x{self.ctmark:x}/0x{self.ctmask:x}"
        else:
            text = f"--{self.mode}-mark --nfmask 0x{self.nfmask:x} --ctmask 0x{self.ctmask:x}"
        return words((text, self._shift("--")))

    def listing(self, names: Names | None) -> str:
        """``connmark_tg_print_v2``."""
        return words(("CONNMARK", self._set() if self.mode == SET else self._copy(), self._shift("")))

    def _set(self) -> str:
        mark, mask = self.ctmark, self.ctmask
        if mark == 0:
            return f"and 0x{~mask & _FULL:x}"
        if mark == mask:
            return f"or 0x{mark:x}"
        if mask == 0:
            return f"xor 0x{mark:x}"
        return f"set 0x{mark:x}" if mask == _FULL else f"xset 0x{mark:x}/0x{mask:x}"

    def _copy(self) -> str:
        if self.nfmask == self.ctmask:
            return self.mode + ("" if self.ctmask == _FULL else f" mask 0x{self.nfmask:x}")
        if self.mode == SAVE:
            return f"save nfmask 0x{self.nfmask:x} ctmask ~0x{self.ctmask:x}"
        return f"restore ctmask 0x{self.ctmask:x} nfmask ~0x{self.nfmask:x}"

    def _shift(self, dashes: str) -> str:
        if not self.shift:
            return ""
        return f"{dashes}{'left' if self.shift > 0 else 'right'}-shift-mark {abs(self.shift)}"


def _write(ct: Connection, mark: int) -> None:
    """The mark, and word of it to those who listen (``IPCT_MARK``)."""
    from podwire.linux.netfilter.conntrack.ecache import IPCT_MARK, nf_conntrack_event_cache

    if ct.mark != mark:
        ct.mark = mark
        nf_conntrack_event_cache(ct, IPCT_MARK)
