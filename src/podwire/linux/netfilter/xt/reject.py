"""``-j REJECT`` (net/ipv4/netfilter/ipt_REJECT.c; extensions/libipt_REJECT.c; facts F160, F161, F162)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.hooks import NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT
from podwire.linux.netfilter.reject import nf_send_reset, nf_send_unreach
from podwire.linux.netfilter.xt.base import Target, TargetFn, XtCheckError
from podwire.linux.netfilter.xt.options import STRING, Names, Option, OptionCall, Values, option_parse
from podwire.wire.headers import IPPROTO_TCP

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

TCP_RESET: Final = "tcp-reset"
_WITH: Final = (
    ("icmp-net-unreachable", "net-unreach", 0),
    ("icmp-host-unreachable", "host-unreach", 1),
    ("icmp-proto-unreachable", "proto-unreach", 2),
    ("icmp-port-unreachable", "port-unreach", 3),
    ("icmp-net-prohibited", "net-prohib", 9),
    ("icmp-host-prohibited", "host-prohib", 10),
    (TCP_RESET, "tcp-rst", -1),
    ("icmp-admin-prohibited", "admin-prohib", 13),
)
"""``reject_table``: name, alias, and the code of the ICMP error."""
_CODES: Final = {name: code for name, _, code in _WITH}


class Reject(Target, frozen=True, gc=False):
    """The packet is dropped and its sender is told."""

    NAME: ClassVar[str] = "REJECT"
    TABLE: ClassVar[str] = "filter"
    VERDICT: ClassVar[str] = "DROP"
    HOOKS: ClassVar[frozenset[int] | None] = frozenset({NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT})
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("reject-with", STRING),)

    kind: str = "icmp-port-unreachable"

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``REJECT_parse``: the first name or alias that begins so."""
        option_parse(call)
        wanted = call.arg.lower()
        for name, alias, _ in _WITH:
            if name.startswith(wanted) or alias.startswith(wanted):
                call.values.data["kind"] = name
                return
        if "echo-reply".startswith(wanted) or "echoreply".startswith(wanted):
            call.values.rule.notices.append("--reject-with echo-reply no longer supported\n")
        call.fail(f'unknown reject type "{call.arg}"')

    @classmethod
    def build(cls, values: Values) -> Self:
        """``REJECT_init``: port unreachable by default."""
        kind = values.data.get("kind")
        return cls(kind) if isinstance(kind, str) else cls()

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``reject_tg_check``."""
        if self.kind == TCP_RESET and proto != IPPROTO_TCP:
            raise XtCheckError(EINVAL, "ipt_REJECT: TCP_RESET invalid for non-tcp")

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``reject_tg``."""
        code = _CODES[self.kind]

        def reject_tg(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            if code < 0:
                nf_send_reset(netns, skb)
            else:
                nf_send_unreach(netns, skb, code)
            if skb.owner is not None:
                # A process sends: an answer that goes to itself is received before the rule says what it has decided.
                netns.machine.run_softirq()
            return NF_DROP

        return reject_tg

    def save(self) -> str:
        """``REJECT_save``."""
        return f"--reject-with {self.kind}"

    def listing(self, names: Names | None) -> str:
        """``REJECT_print``."""
        return f"reject-with {self.kind}"
