"""What one command of iptables says (``struct xt_cmd_parse``, ``struct iptables_command_state``; iptables/xshared.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podwire.linux.netfilter.tables import Iface, Prefix, Proto
    from podwire.linux.netfilter.xt.base import Match, Target


class StopParsing(Exception):
    """The command has said what there is to say (``-V``), or is not for this family: nothing is left to do."""

    def __init__(self, text: str = "", status: int = 0) -> None:
        super().__init__(text, status)
        self.text = text
        self.status = status


class BadArgument(Exception):
    """``exit_tryhelp(2)`` behind a line of its own."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.text = text


class RuleDraft:
    """A rule as far as it has been read (``struct iptables_command_state``)."""

    __slots__ = ("fragment", "iif", "notices", "oif", "proto", "protocol", "table", "variant")

    def __init__(self, table: str, variant: str) -> None:
        self.table = table
        self.variant = variant
        self.proto: Proto | None = None
        self.protocol = ""
        """As it was written."""
        self.iif: Iface | None = None
        self.oif: Iface | None = None
        self.fragment: bool | None = None
        self.notices: list[str] = []
        """What is said on the way on standard error."""


class Command:
    """What do_parse leaves behind (``struct xt_cmd_parse``). ``actions`` are letters: A C D D# E F I L N P R S X Z Z#."""

    __slots__ = (
        "actions",
        "chain",
        "counters",
        "draft",
        "dsts",
        "exact",
        "goto",
        "jumpto",
        "line_numbers",
        "matches",
        "newname",
        "notices",
        "numeric",
        "policy",
        "rulenum",
        "srcs",
        "table",
        "target",
        "verbose",
        "wait",
    )

    def __init__(self, table: str, variant: str) -> None:
        self.actions: list[str] = []
        self.table = table
        self.chain: str | None = None
        self.rulenum = 0
        self.newname = ""
        self.policy = ""
        self.verbose = 0
        self.numeric = self.exact = self.line_numbers = False
        self.wait: int | None = None
        self.counters: tuple[int, int] | None = None
        self.draft = RuleDraft(table, variant)
        self.srcs: list[Prefix] = []
        self.dsts: list[Prefix] = []
        self.jumpto = ""
        self.goto = False
        self.matches: list[Match] = []
        self.target: Target | None = None
        self.notices = self.draft.notices
