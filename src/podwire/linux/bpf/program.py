"""Programs for the tc hooks (BPF_PROG_TYPE_SCHED_CLS) and what they return (include/uapi/linux/pkt_cls.h)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from podwire.trace.events import KERNEL, Owner

if TYPE_CHECKING:
    from podwire.linux.bpf.context import Context

TC_ACT_OK: Final = 0
TC_ACT_SHOT: Final = 2
TC_ACT_REDIRECT: Final = 7
TC_ACT_UNSPEC: Final = -1

Hook = Literal["ingress", "egress"]
Run = Callable[["Context", Any], int]


class Program(msgspec.Struct, frozen=True, eq=False):
    """A loaded program: ``run(ctx, defines)`` returns an action. ``defines`` is what its loader compiled in, a value.

    Two loads of the same function with equal ``defines`` are equal: attaching it again changes nothing.
    """

    name: str
    run: Run
    defines: Any = None
    owner: Owner = KERNEL

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return (self.name, self.run, self.defines, self.owner) == (other.name, other.run, other.defines, other.owner)

    def __hash__(self) -> int:
        return hash((self.name, self.run))
