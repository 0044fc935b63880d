"""What a flow meets at a hook, noted at one packet for those that follow.

The rules of a table are asked again and again by the packets of one connection, and say the same each time, as long as they look at
nothing but what all these packets share: addresses, protocol, ports, the connection's state, devices and mark. Then the packets that
follow need only do what the walk did: count, tell the trace, and set the mark. ``Match.steady`` says which matches are of that kind;
whatever else a packet was shown to, even if it did not match, makes the walk useless. A walk is good for one generation of its
namespace, and every change of rules, addresses, routes or devices begins another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_ESTABLISHED,
    IP_CT_ESTABLISHED_REPLY,
    IP_CT_NEW,
    IPS_CONFIRMED,
    IPS_TEMPLATE,
)

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.evaluate import CompiledRule
    from podwire.linux.netfilter.tables import Chain, Pending, Rule
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.trace.events import RuleMatched

CTINFO: Final = frozenset({IP_CT_ESTABLISHED, IP_CT_NEW, IP_CT_ESTABLISHED_REPLY})
"""In these states all packets of a direction have the same header; errors that belong to a connection have others."""
WALKS: Final = 8
"""So many values has ``ctinfo``: a connection keeps a walk under ``hook * WALKS + ctinfo``."""

WalkFn = Callable[["Skb", "Netns", "Link | None", "Link | None", "Walk"], int]
"""Does what a hook function does, and tells the walk."""


class Walk:
    """``counting``: the rules that matched and the chains whose policy decided; ``events`` those of the rules. ``mark`` becomes ``after``.

    ``packets`` and ``octets`` went this way again, and are still to be counted (``Pending``).
    """

    __slots__ = (
        "after",
        "counting",
        "events",
        "generation",
        "good",
        "iif",
        "mark",
        "octets",
        "oif",
        "packets",
        "pending",
        "way",
    )

    def __init__(self, mark: int, iif: Link | None, oif: Link | None, pending: Pending | None = None) -> None:
        self.generation = -1
        """Of the namespace, once all functions have been passed."""
        self.iif = iif
        self.oif = oif
        self.mark = self.after = mark
        self.good = True
        self.way = 0
        """Once all functions have been passed: 0 packets are to be asked again, 1 there is nothing to do, 2 something is to be counted."""
        self.counting: list[Rule | Chain] = []
        self.events: list[RuleMatched] = []
        self.packets = self.octets = 0
        self.pending = pending

    def through(self, rules: list[CompiledRule]) -> Iterator[CompiledRule]:
        """The packet is shown these, one after the other, as far as it comes."""
        for one in rules:
            spec = one.rule.spec
            if spec.fragment is not None or not all(match.steady for match in spec.matches):
                self.good = False
            yield one

    def matched(self, rule: Rule, event: RuleMatched) -> None:
        """A rule has matched, and its target has acted."""
        target = rule.spec.target
        if not (target is None or target.steady):
            self.good = False
        rule.pending = self.pending
        self.counting.append(rule)
        self.events.append(event)

    def policy(self, chain: Chain) -> None:
        """The policy of a base chain has let the packet through."""
        if chain.counts:
            chain.pending = self.pending
            self.counting.append(chain)


FIRST: Final = Walk(0, None, None)
"""A packet has been there, and nothing was noted."""


def begin_walk(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> Walk | None:
    """A walk to be told by this packet, if those of its flow can be alike at all."""
    ct = skb.ct
    if ct is None or ct.status & (IPS_CONFIRMED | IPS_TEMPLATE) != IPS_CONFIRMED:
        return None
    return None if skb.nf_trace or skb.ctinfo not in CTINFO else Walk(skb.mark, iif, oif, netns.xtables.pending)
