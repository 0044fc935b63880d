"""Rules, chains and tables: the configuration that ``iptables`` writes, and its counters.

A namespace has two sets of tables, as a kernel has them: those of iptables-nft (``nft``) and those of iptables-legacy (``legacy``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.netfilter.hooks import (
    HOOK_NAMES,
    NF_INET_FORWARD,
    NF_INET_LOCAL_IN,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
    NF_IP_PRI_FILTER,
    NF_IP_PRI_MANGLE,
    NF_IP_PRI_NAT_DST,
    NF_IP_PRI_NAT_SRC,
    NF_IP_PRI_RAW,
    NF_IP_PRI_SECURITY,
)
from podwire.linux.netfilter.xt.base import Match, MatchFn, Target
from podwire.trace.events import KERNEL, ByRule, Flow, Owner, Refused
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.netfilter.evaluate import CompiledTable
    from podwire.linux.netfilter.index import RuleIndex
    from podwire.linux.netfilter.walk import Walk
    from podwire.linux.netfilter.xt.hashtable import HashlimitTable
    from podwire.linux.netfilter.xt.recent import RecentTable
    from podwire.linux.netns import Netns

NFT: Final = "nft"
LEGACY: Final = "legacy"
_NFT_SECURITY: Final = 150
"""The priority that iptables-nft gives its security table (F200)."""

TABLE_HOOKS: Final[dict[str, dict[int, int]]] = {
    "raw": {NF_INET_PRE_ROUTING: NF_IP_PRI_RAW, NF_INET_LOCAL_OUT: NF_IP_PRI_RAW},
    "mangle": {
        NF_INET_PRE_ROUTING: NF_IP_PRI_MANGLE,
        NF_INET_LOCAL_IN: NF_IP_PRI_MANGLE,
        NF_INET_FORWARD: NF_IP_PRI_MANGLE,
        NF_INET_LOCAL_OUT: NF_IP_PRI_MANGLE,
        NF_INET_POST_ROUTING: NF_IP_PRI_MANGLE,
    },
    "nat": {
        NF_INET_PRE_ROUTING: NF_IP_PRI_NAT_DST,
        NF_INET_LOCAL_IN: NF_IP_PRI_NAT_SRC,
        NF_INET_LOCAL_OUT: NF_IP_PRI_NAT_DST,
        NF_INET_POST_ROUTING: NF_IP_PRI_NAT_SRC,
    },
    "filter": {
        NF_INET_LOCAL_IN: NF_IP_PRI_FILTER,
        NF_INET_FORWARD: NF_IP_PRI_FILTER,
        NF_INET_LOCAL_OUT: NF_IP_PRI_FILTER,
    },
    "security": {
        NF_INET_LOCAL_IN: NF_IP_PRI_SECURITY,
        NF_INET_FORWARD: NF_IP_PRI_SECURITY,
        NF_INET_LOCAL_OUT: NF_IP_PRI_SECURITY,
    },
}
"""Each table's hooks in the kernel's order, and its priority there."""


def priority(variant: str, table: str, hook: int) -> int:
    """Where the base chain of that table stands at that hook."""
    return _NFT_SECURITY if table == "security" and variant == NFT else TABLE_HOOKS[table][hook]


class Prefix(msgspec.Struct, frozen=True, gc=False):
    """``-s`` or ``-d``: address and mask as ints (a mask need not be a prefix), and whether it is negated."""

    addr: Ip
    mask: int
    invert: bool = False


class Iface(msgspec.Struct, frozen=True, gc=False):
    """``-i`` or ``-o``: a name, or with ``+`` at its end the beginning of one."""

    name: str
    invert: bool = False


class Proto(msgspec.Struct, frozen=True, gc=False):
    """``-p``: a number, 0 for all."""

    number: int
    invert: bool = False


class Standard(Target, frozen=True, gc=False):
    """``-j ACCEPT``, ``DROP``, ``RETURN`` (``QUEUE`` is not modelled)."""

    verdict: str

    @property
    def steady(self) -> bool:
        """Yes."""
        return True

    def save(self) -> str:
        """It has no options."""
        return ""


class Jump(Target, frozen=True, gc=False):
    """``-j CHAIN`` or ``-g CHAIN``."""

    chain: str
    goto: bool = False

    @property
    def steady(self) -> bool:
        """Yes."""
        return True

    def save(self) -> str:
        """It has no options."""
        return ""


class RuleSpec(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a rule says: two rules that say the same are equal (``iptables -C``, ``-D``). ``target`` None lets every packet go on."""

    src: Prefix | None = None
    dst: Prefix | None = None
    iif: Iface | None = None
    oif: Iface | None = None
    proto: Proto | None = None
    fragment: bool | None = None
    """``-f`` True, ``! -f`` False."""
    matches: tuple[Match, ...] = ()
    target: Target | None = None


class Pending:
    """Walks (``netfilter.walk``) that packets have gone again, and whose rules have not been told: they are when somebody asks."""

    __slots__ = ("walks",)

    def __init__(self) -> None:
        self.walks: list[Walk] = []

    def settle(self) -> None:
        """Tell the rules and policies what they have counted."""
        walks, self.walks = self.walks, []
        for walk in walks:
            packets, octets = walk.packets, walk.octets
            walk.packets = walk.octets = 0
            for one in walk.counting:
                one.hits += packets
                one.octets += octets


class Counter:
    """``packets`` and ``bytes`` of a rule or policy: whoever reads or writes them has the pending walks counted first."""

    def __init__(self, kept: str) -> None:
        self._kept = kept

    def __get__(self, one: Rule | Chain, _owner: object = None) -> int:
        if one.pending is not None:
            one.pending.settle()
        number: int = getattr(one, self._kept)
        return number

    def __set__(self, one: Rule | Chain, number: int) -> None:
        if one.pending is not None:
            one.pending.settle()
        setattr(one, self._kept, number)


class Rule(msgspec.Struct, eq=False):
    """A rule in its place: what it says, who wrote it and what it counted: ``packets`` and ``bytes``."""

    spec: RuleSpec
    owner: Owner = KERNEL
    hits: int = 0
    """Packets, but for those of pending walks."""
    octets: int = 0
    plain: bool = False
    """Its extensions may stand anywhere and need nothing (``stands_anywhere``): there is nothing to look at."""
    checked: bool = False
    """The kernel has looked at it: ``check_table``."""
    tests: tuple[MatchFn, ...] | None = None
    """What a packet must pass, once compiled: state of matches lasts as long as this."""
    handle: int = 0
    """nf_tables' number of it, which counts chains and rules of a table alike."""
    pending: Pending | None = None
    """Where walks wait that it is part of."""

    packets = Counter("hits")
    bytes = Counter("octets")


class ChainFacts:
    """What is asked of a chain's rules again and again: where they jump to, each chain once, and those that are not ``plain``."""

    __slots__ = ("demanding", "jumps", "rules")

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = list(rules)
        jumps: list[str] = []
        self.demanding: list[Rule] = []
        for rule in rules:
            target = rule.spec.target
            if type(target) is Jump:
                jumps.append(target.chain)
            if not rule.plain:
                self.demanding.append(rule)
        self.jumps = list(dict.fromkeys(jumps)) if len(jumps) > 1 else jumps


class Chain:
    """A chain: ``policy`` is ``ACCEPT`` or ``DROP`` for those at a hook, None for a user's. The counters are the policy's."""

    __slots__ = (
        "_facts",
        "counts",
        "handle",
        "hits",
        "index",
        "name",
        "octets",
        "owner",
        "pending",
        "policy",
        "rules",
        "token",
    )

    def __init__(self, name: str, policy: str | None = None, rules: Iterable[Rule] = (), owner: Owner = KERNEL) -> None:
        self.name = name
        self.policy = policy
        self.rules: list[Rule] = list(rules)
        self.owner = owner
        self.hits = self.octets = 0
        """What the policy has counted, but for pending walks: see ``packets`` and ``bytes``."""
        self.pending: Pending | None = None
        self.handle = 0
        self.counts = True
        """The policy counts. iptables-nft asks for that (NFTA_CHAIN_COUNTERS) where counters or a policy are set, not where ``-A`` makes
        the chain."""
        self._facts: ChainFacts | None = None
        self.index: RuleIndex | None = None
        """Of its rules by what they want, once a packet has needed it (``index_of``)."""
        self.token = object()
        """Copies of a chain are the same chain: one that was deleted and made anew is at its hook since then (F200)."""

    packets = Counter("hits")
    bytes = Counter("octets")

    def facts(self) -> ChainFacts:
        """Gathered when they are first asked for. An edit copies what it changes, and so most chains outlive many commits."""
        facts = self._facts
        if facts is None or facts.rules != self.rules:
            facts = self._facts = ChainFacts(self.rules)
        return facts

    def copy(self) -> Chain:
        """To edit: the rules themselves are shared."""
        twin = Chain(self.name, self.policy, self.rules, self.owner)
        twin.packets, twin.bytes, twin.counts, twin.token = self.packets, self.bytes, self.counts, self.token
        twin.handle = self.handle
        return twin


class Table:
    """A table of one variant. ``chains`` in the order in which they were made, those at hooks first."""

    __slots__ = ("chains", "compiled", "handles", "name", "variant")

    def __init__(self, name: str, variant: str) -> None:
        self.name = name
        self.variant = variant
        self.chains: dict[str, Chain] = {
            HOOK_NAMES[hook]: Chain(HOOK_NAMES[hook], "ACCEPT") for hook in TABLE_HOOKS[name]
        }
        self.handles = 0
        """The last handle that was given out."""
        self.compiled: CompiledTable | None = None
        """What packets meet; None while the table is not at the hooks."""

    @property
    def hooks(self) -> dict[int, int]:
        """Its hooks and priorities. A table of nft is only where it has a chain: ``iptables -X`` takes away those that are empty."""
        there = (hook for hook in TABLE_HOOKS[self.name] if HOOK_NAMES[hook] in self.chains)
        return {hook: priority(self.variant, self.name, hook) for hook in there}


Adviser = Callable[[ByRule, Flow], Refused | None]
"""What a rule's writer says of a flow whose packet that rule discards; None where it has nothing to say."""


class Xtables:
    """The tables of a namespace, by variant and name. A table exists from its first use on."""

    __slots__ = ("advisers", "hashlimit", "monitors", "netns", "pending", "recent", "tables")

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.tables: dict[tuple[str, str], Table] = {}
        self.monitors: list[Callable[..., None]] = []
        """Who hears of traced packets (NFNLGRP_NFTRACE): chain, rule or None for the policy, verdict, packet, devices."""
        self.advisers: dict[str, Adviser] = {}
        """By the name of the program that writes rules: what it says of packets that they discard, while somebody listens."""
        self.pending = Pending()
        self.hashlimit: dict[str, HashlimitTable] = {}
        """The tables of ``-m hashlimit`` by name."""
        self.recent: dict[str, RecentTable] = {}
        """The lists of ``-m recent`` by name."""

    def table(self, variant: str, name: str) -> Table | None:
        """The table, if it was ever used."""
        return self.tables.get((variant, name))
