"""Policy rules: which table a lookup asks, in order of priority (net/core/fib_rules.c, net/ipv4/fib_rules.c)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.linux.fib import RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN
from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import Ip, Net

FR_ACT_TO_TBL: Final = "lookup"
FR_ACT_GOTO: Final = "goto"
FR_ACT_NOP: Final = "nop"
FR_ACT_BLACKHOLE: Final = "blackhole"
FR_ACT_UNREACHABLE: Final = "unreachable"
FR_ACT_PROHIBIT: Final = "prohibit"


class FibRule(msgspec.Struct, frozen=True, gc=False):
    """One line of ``ip rule``.

    ``iif`` and ``oif`` are names, as in the kernel; ``proto`` the rule's protocol (2 kernel, 3 boot …).
    """

    priority: int
    action: str = FR_ACT_TO_TBL
    table: int = RT_TABLE_MAIN
    src: Net | None = None
    dst: Net | None = None
    iif: str = ""
    oif: str = ""
    tos: int = 0
    mark: int = 0
    mask: int = 0
    invert: bool = False
    suppress_prefixlength: int = -1
    goto: int = 0
    ipproto: int = 0
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    uidrange: tuple[int, int] | None = None
    proto: int = 3
    owner: Owner = KERNEL

    @property
    def dissects(self) -> bool:
        """``fib_rule_requires_fldissect``: it asks for the protocol or for ports, which only then are looked for in what comes in."""
        return self.iif != "lo" and bool(self.ipproto or self.sport or self.dport)

    def matches(
        self, dst: Ip, src: Ip, iif: str, oif: str, mark: int, tos: int, ports: tuple[int, int, int] | None = None
    ) -> bool:
        """``fib_rule_match`` for a flow; ``ports`` are its protocol, source and destination port, as far as they are known."""
        proto, sport, dport = ports or (0, 0, 0)
        hit = (
            (not self.iif or self.iif == iif)
            and (not self.oif or self.oif == oif)
            and (mark ^ self.mark) & self.mask == 0
            and (self.src is None or src in self.src)
            and (self.dst is None or dst in self.dst)
            and (not self.tos or self.tos == tos)
            and self.ipproto in {0, proto}
            and (self.sport is None or self.sport[0] <= sport <= self.sport[1])
            and (self.dport is None or self.dport[0] <= dport <= self.dport[1])
            # Everybody here is root.
            and (self.uidrange is None or self.uidrange[0] == 0)
        )
        return hit is not self.invert


def default_rules() -> list[FibRule]:
    """The three rules every namespace starts with (fib_default_rules_init)."""
    return [
        FibRule(0, table=RT_TABLE_LOCAL, proto=2),
        FibRule(32766, table=RT_TABLE_MAIN, proto=2),
        FibRule(32767, table=RT_TABLE_DEFAULT, proto=2),
    ]
