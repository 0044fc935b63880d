"""What every match and every target is: a value that a rule holds, and from which a function is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.errors import PodwireError
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, Values, option_parse

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.tables import RuleSpec
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

XT_CONTINUE: Final = -1
"""The rule decided nothing: the next one is asked."""
XT_RETURN: Final = -5
"""Back to the chain that jumped here; in a base chain the policy decides."""

MatchFn = Callable[["Skb", "Netns", "Link | None", "Link | None"], bool]
"""Does the packet match? Packet, namespace, input device, output device."""
TargetFn = Callable[["Skb", "Netns", "Link | None", "Link | None"], int]
"""NF_DROP, NF_ACCEPT, NF_STOLEN, XT_CONTINUE or XT_RETURN."""


class XtCheckError(PodwireError):
    """The kernel refuses a rule (``checkentry``): ``errno``, and what it writes to its log (``dmesg``, may be empty)."""

    def __init__(self, errno: int, dmesg: str = "") -> None:
        super().__init__(dmesg or f"errno {errno}")
        self.errno = errno
        self.dmesg = dmesg


class HotDrop(Exception):
    """``par->hotdrop``: a match has found what nobody should see, and the packet is dropped; nft's own expressions never do so."""


class Extension(msgspec.Struct, frozen=True, gc=False):
    """What a rule's text says of a match or target: its options, and how it prints (see ``options``)."""

    NAME: ClassVar[str] = ""
    OPTIONS: ClassVar[tuple[Option, ...]] = ()
    QUICK: ClassVar[str] = ""
    """The option (``--name``) that ``quick`` reads, where it is the only one."""

    @classmethod
    def quick(cls, argument: str, proto: int) -> Self | None:  # noqa: ARG003 - for those that have one
        """What ``build`` would give for a plain argument of ``QUICK`` in a rule of that protocol; None for every other."""
        return None

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``x6_parse``: one option was given."""
        option_parse(call)

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``x6_fcheck``: all options were given; the table's own checks come next. Raises ``OptionError``."""

    @classmethod
    def build(cls, values: Values) -> Self:  # noqa: ARG003 - for those that have options
        """The parameters, from what was given."""
        return cls()

    def save(self) -> str:
        """What iptables-save prints behind ``-m NAME`` or ``-j NAME`` (without a leading blank; may be empty)."""
        return ""

    def listing(self, names: Names | None) -> str:
        """What ``iptables -L`` prints in the last column (without a leading blank); ``names`` is None under ``-n``."""
        return ""


class Match(Extension, frozen=True, gc=False):
    """``struct xt_entry_match``: the parameters of one ``-m NAME``. Equal parameters are equal matches (``iptables -C``)."""

    NAME: ClassVar[str] = ""
    """As ``-m`` names it and iptables-save prints it."""
    HOOKS: ClassVar[frozenset[int] | None] = None
    """``xt_match.hooks``: from where alone it may be used, None for anywhere."""
    PROTO: ClassVar[int] = 0
    """``xt_match.proto``: the rule has to ask for this protocol with ``-p``."""

    def compile(self, netns: Netns) -> MatchFn:
        """The function that looks at packets, made once for a rule; state that lasts from packet to packet begins here."""
        raise NotImplementedError

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``checkentry``: raises ``XtCheckError`` where this match cannot stand.

        ``hooks`` are those from which the chain can be reached, ``proto`` is the rule's protocol (0 for any).
        """

    @property
    def steady(self) -> bool:
        """Does it say the same of every packet of a connection's direction that comes and goes by the same devices with the same mark?

        It looks at nothing else than addresses, protocol, ports, ICMP's type, devices, mark, the connection's state and what a
        generation of the namespace keeps (``walk``); and it has no memory.
        """
        return False

    # -- what iptables-nft translates (add_match of iptables/nft.c) ----------------------------------------------

    @property
    def nft_native(self) -> bool:
        """iptables-nft has expressions of nft's own for it; then neither ``check`` nor ``PROTO`` counts."""
        return False

    def nft_view(self) -> Match:
        """What iptables-nft reads back when it lists the rule; ``nft.nft_view`` asks."""
        return self

    def compile_nft(self, netns: Netns) -> MatchFn:
        """``compile`` for a rule of iptables-nft."""
        return self.compile(netns)

    def acquire(self, netns: Netns) -> None:
        """The rule comes: what it needs for its life (``nf_ct_netns_get``, a named list). Once, whatever number of hooks."""

    def release(self, netns: Netns) -> None:
        """``destroy``: the rule goes. The opposite of ``acquire``."""


class Target(Extension, frozen=True, gc=False):
    """``struct xt_entry_target``: the parameters of ``-j NAME``."""

    NAME: ClassVar[str] = ""
    LISTED: ClassVar[str] = ""
    """As ``iptables -L`` calls it, where NAME is an alias."""
    HOOKS: ClassVar[frozenset[int] | None] = None
    """``xt_target.hooks``: from where alone it may be used, None for anywhere."""
    TABLE: ClassVar[str] = ""
    """``xt_target.table``: the only table it may stand in."""
    PROTO: ClassVar[int] = 0
    """``xt_target.proto``: the rule has to ask for this protocol with ``-p``."""
    VERDICT: ClassVar[str] = ""
    """What it decides, in a trace's words: ACCEPT, DROP, QUEUE; empty where the next rule is asked."""

    @property
    def steady(self) -> bool:
        """Does it change nothing but the packet's mark, and decide the same each time?"""
        return False

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """The function that acts on packets at that hook of that table."""
        raise NotImplementedError

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``checkentry``: raises ``XtCheckError`` where this target cannot stand."""

    def check_legacy(self, table: str, spec: RuleSpec) -> None:
        """What of ``checkentry`` is asked by ip_tables alone, and not by nft (``par->nft_compat``)."""

    def acquire(self, netns: Netns) -> None:
        """The rule comes: what it needs for its life (``nf_ct_netns_get``). Once, whatever number of hooks."""

    def release(self, netns: Netns) -> None:
        """``destroy``: the rule goes. The opposite of ``acquire``."""


def stands_anywhere(kind: type) -> bool:
    """Has the kernel nothing to say against an extension, in whatever table and chain, and does it need nothing for its life?

    That the rule asks for the protocol which a match needs has to be looked at nevertheless.
    """
    if issubclass(kind, Match):
        return kind.HOOKS is None and kind.check is Match.check and kind.acquire is Match.acquire
    if issubclass(kind, Target):
        own = kind.check is not Target.check or kind.check_legacy is not Target.check_legacy
        return kind.HOOKS is None and not (kind.PROTO or kind.TABLE or own) and kind.acquire is Target.acquire
    return True
