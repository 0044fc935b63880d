"""``-j NFQUEUE``: a program decides (net/netfilter/xt_NFQUEUE.c, nf_queue.c; extensions/libxt_NFQUEUE.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_QUEUE
from podwire.linux.netfilter.xt.base import Target, TargetFn
from podwire.linux.netfilter.xt.options import UINT16, UINT16RC, Names, Option, OptionCall, Values, option_parse, words

if TYPE_CHECKING:
    from podwire.linux.netns import Netns


class Nfqueue(Target, frozen=True, gc=False):
    """The first queue and how many there are. Nobody listens: the packet is dropped, or with ``bypass`` goes on behind this table."""

    NAME: ClassVar[str] = "NFQUEUE"
    VERDICT: ClassVar[str] = "QUEUE"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("queue-num", UINT16, excl=("queue-balance",)),
        Option("queue-balance", UINT16RC, excl=("queue-num",)),
        Option("queue-bypass"),
        Option("queue-cpu-fanout", also=("queue-balance",)),
    )

    queue: int = 0
    total: int = 1
    bypass: bool = False
    fanout: bool = False

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``NFQUEUE_parse_v2``."""
        option_parse(call)
        if call.entry.key == "queue-balance":
            queues = call.values.get("queue-balance")
            assert isinstance(queues, tuple)  # noqa: S101 - UINT16RC
            if len(queues) != 2:
                call.fail(f'Bad range "{call.arg}"')
            if queues[0] >= queues[1]:
                call.fail(f"{queues[0]} should be less than {queues[1]}")

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written."""
        first, last = values.pair("queue-balance") if "queue-balance" in values else (values.number("queue-num"),) * 2
        return cls(first, last - first + 1, "queue-bypass" in values, "queue-cpu-fanout" in values)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``nfqueue_tg_v3`` and ``nf_queue``: -ESRCH. The sender hears nothing of a packet that was dropped so."""
        verdict = NF_ACCEPT if self.bypass else NF_QUEUE
        return lambda _skb, _netns, _iif, _oif: verdict

    def save(self) -> str:
        """``NFQUEUE_save_v3``."""
        return words(
            (
                f"--queue-balance {self._range}" if self.total > 1 else f"--queue-num {self.queue}",
                "--queue-bypass" if self.bypass else "",
                "--queue-cpu-fanout" if self.fanout else "",
            )
        )

    def listing(self, names: Names | None) -> str:
        """``NFQUEUE_print_v3``."""
        return words(
            (
                "NFQUEUE",
                f"balance {self._range}" if self.total > 1 else f"num {self.queue}",
                "bypass" if self.bypass else "",
                "cpu-fanout" if self.fanout else "",
            )
        )

    @property
    def _range(self) -> str:
        return f"{self.queue}:{self.queue + self.total - 1}"
