"""``-j LOG`` and ``-j NFLOG`` (net/netfilter/xt_LOG.c, nft_log.c; extensions/libxt_LOG.c, libxt_NFLOG.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter import logtext
from podwire.linux.netfilter.tables import NFT
from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn
from podwire.linux.netfilter.xt.options import (
    STRING,
    SYSLOGLEVEL,
    UINT16,
    UINT32,
    Names,
    Option,
    OptionCall,
    Values,
    option_parse,
    save_string,
    words,
)
from podwire.trace.events import Logged

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_FLAGS: Final = (
    ("tcp-sequence", logtext.TCP_SEQUENCE),
    ("tcp-options", logtext.TCP_OPTIONS),
    ("ip-options", logtext.IP_OPTIONS),
    ("uid", logtext.UID),
    ("macdecode", logtext.MAC_DECODE),
)
_OLD_RANGE: Final = "warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead\n"
_WARNING: Final = 4
_LEVELS: Final = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")


def _no_newline(call: OptionCall) -> None:
    if "\n" in call.arg:
        call.fail(f"Newlines not allowed in --{call.entry.name}")


class Log(Target, frozen=True, gc=False):
    """A line in the kernel's log, of packets in the first namespace of the machine (net.netfilter.nf_log_all_netns is 0)."""

    NAME: ClassVar[str] = "LOG"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("log-level", SYSLOGLEVEL),
        Option("log-prefix", STRING, low=1, size=30),
        *(Option(f"log-{name}") for name, _ in _FLAGS),
    )

    level: int = _WARNING
    prefix: str = ""
    flags: int = 0

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``LOG_parse``."""
        option_parse(call)
        if call.entry.key == "log-prefix":
            _no_newline(call)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written."""
        flags = sum(bit for name, bit in _FLAGS if f"log-{name}" in values)
        return cls(values.number("log-level", _WARNING), values.text("log-prefix"), flags)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``log_tg``."""
        level, prefix, flags = self.level, self.prefix, self.flags

        def log_tg(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
            machine = netns.machine
            if netns is machine.root.netns:
                text = logtext.nf_log_ip_packet(skb, iif, oif, prefix, flags)
                machine.printk(level, text)
                if machine.log.on:
                    netns.emit(skb.id, Logged(prefix, text))
            return XT_CONTINUE

        return log_tg

    def save(self) -> str:
        """``LOG_save``."""
        return words(
            (
                f"--log-prefix {save_string(self.prefix)}" if self.prefix else "",
                f"--log-level {self.level}" if self.level != _WARNING else "",
                *(f"--log-{name}" for name, bit in _FLAGS if self.flags & bit),
            )
        )

    def listing(self, names: Names | None) -> str:
        """``LOG_print``."""
        if names is None:
            told = f"LOG flags {self.flags} level {self.level}"
        else:
            told = words((f"LOG level {_LEVELS[self.level]}", *(name for name, bit in _FLAGS if self.flags & bit)))
        return words((told, f'prefix "{self.prefix}"' if self.prefix else ""))


class Nflog(Target, frozen=True, gc=False):
    """A copy of the packet for whoever listens to a netlink group. ``size`` None is all of it; ``old_range`` has never done anything."""

    NAME: ClassVar[str] = "NFLOG"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("nflog-group", UINT16),
        Option("nflog-prefix", STRING, low=1, size=64),
        Option("nflog-range", UINT32, excl=("nflog-size",)),
        Option("nflog-size", UINT32, excl=("nflog-range",)),
        Option("nflog-threshold", UINT16),
    )

    group: int = 0
    prefix: str = ""
    size: int | None = None
    threshold: int = 0
    old_range: int = 0

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``NFLOG_parse``."""
        if call.entry.key == "nflog-range":
            call.values.rule.notices.append(_OLD_RANGE)
        option_parse(call)
        if call.entry.key == "nflog-prefix":
            _no_newline(call)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written; nft's own log statement knows no range."""
        return cls(
            values.number("nflog-group"),
            values.text("nflog-prefix"),
            values.number("nflog-size") if "nflog-size" in values else None,
            values.number("nflog-threshold"),
            0 if values.rule.variant == NFT else values.number("nflog-range"),
        )

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``nflog_tg``."""
        event = Logged(self.prefix, group=self.group)

        def nflog_tg(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            if netns.machine.log.on:
                netns.emit(skb.id, event)
            return XT_CONTINUE

        return nflog_tg

    def save(self) -> str:
        """``NFLOG_save``."""
        return self._words("--")

    def listing(self, names: Names | None) -> str:
        """``NFLOG_print``."""
        return self._words("")

    def _words(self, dashes: str) -> str:
        """``nflog_print``."""
        return words(
            (
                f"{dashes}nflog-prefix {save_string(self.prefix)}" if self.prefix else "",
                f"{dashes}nflog-group {self.group}" if self.group else "",
                f"{dashes}nflog-size {self.size}" if self.size is not None else "",
                f"{dashes}nflog-range {self.old_range}" if self.old_range and self.size is None else "",
                f"{dashes}nflog-threshold {self.threshold}" if self.threshold else "",
            )
        )
