"""What every match and every target is: a value that a rule holds, and from which a function is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from podwire.errors import PodwireError

if TYPE_CHECKING:
    from podwire.linux.link import Link
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


class Match(msgspec.Struct, frozen=True, gc=False):
    """``struct xt_entry_match``: the parameters of one ``-m NAME``. Equal parameters are equal matches (``iptables -C``)."""

    NAME: ClassVar[str] = ""
    """As ``-m`` names it and iptables-save prints it."""

    def compile(self, netns: Netns) -> MatchFn:
        """The function that looks at packets; state that lasts from packet to packet begins here."""
        raise NotImplementedError

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``checkentry``: raises ``XtCheckError`` where this match cannot stand.

        ``hooks`` are those from which the chain can be reached, ``proto`` is the rule's protocol (0 for any).
        """

    def save(self) -> str:
        """What iptables-save prints behind ``-m NAME`` (without a leading blank; may be empty)."""
        raise NotImplementedError


class Target(msgspec.Struct, frozen=True, gc=False):
    """``struct xt_entry_target``: the parameters of ``-j NAME``."""

    NAME: ClassVar[str] = ""

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """The function that acts on packets at that hook of that table."""
        raise NotImplementedError

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``checkentry``: raises ``XtCheckError`` where this target cannot stand."""

    def save(self) -> str:
        """What iptables-save prints behind ``-j NAME``."""
        raise NotImplementedError

    def release(self, netns: Netns) -> None:
        """``destroy``: the rule goes."""
