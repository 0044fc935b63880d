"""A packet meets a table: ``ipt_do_table`` (net/ipv4/netfilter/ip_tables.c), rule after rule.

Of a long chain a packet is shown only those rules that can match it (``index``), unless the chain is ``literal``; what a flow has met
may be noted for its next packets (``walk``). The literal scan is what every shortcut is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.tuple import nf_ct_get_tuplepr
from podwire.linux.netfilter.hooks import HOOK_NAMES, NF_ACCEPT, NF_DROP, NF_QUEUE
from podwire.linux.netfilter.index import LONG, ChainIndex, index_of
from podwire.linux.netfilter.tables import NFT, Chain, Iface, Jump, Prefix, Proto, Rule, RuleSpec, Standard, Table
from podwire.linux.netfilter.xt.base import XT_CONTINUE, XT_RETURN, HotDrop, MatchFn, TargetFn
from podwire.linux.netfilter.xt.comment import Comment
from podwire.trace.events import ByRule, Dropped, Flow, RuleMatched
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.hooks import HookFn
    from podwire.linux.netfilter.walk import Walk, WalkFn
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_VERDICTS: Final = {"ACCEPT": NF_ACCEPT, "DROP": NF_DROP, "RETURN": XT_RETURN}
_NAMES: Final = {NF_ACCEPT: "ACCEPT", NF_DROP: "DROP", XT_RETURN: "RETURN"}


class CompiledRule:
    """A rule as packets meet it: its tests, and then a verdict, a chain to jump to, or a target to call."""

    __slots__ = ("chain", "goto", "jump", "matched", "number", "rule", "target", "tests", "verdict")

    def __init__(self, chain: CompiledChain, rule: Rule, number: int, tests: tuple[MatchFn, ...]) -> None:
        self.chain = chain
        self.rule = rule
        self.number = number
        self.tests = tests
        self.verdict = XT_CONTINUE
        self.target: TargetFn | None = None
        self.jump: CompiledChain | None = None
        self.goto = False
        self.matched: RuleMatched | None = None
        """The event, made when the rule matches for the first time."""


class CompiledChain:
    """A chain as packets meet it at a hook. A rule is compiled when it is first to be shown to a packet.

    ``literal``: every packet is shown every rule.
    """

    __slots__ = ("_all", "_compiled", "_index", "_netns", "_others", "_rules", "chain", "hook", "literal", "table")

    def __init__(
        self,
        chain: Chain,
        table: Table,
        hook: int,
        netns: Netns,
        others: dict[str, CompiledChain],
        *,
        literal: bool = False,
    ) -> None:
        self.chain = chain
        self.table = table
        self.hook = hook
        self.literal = literal
        self._all = literal or len(chain.rules) < LONG
        self._netns = netns
        self._others = others
        """The chains of the table at this hook, as far as they are known."""
        self._compiled: dict[int, CompiledRule] = {}
        self._rules: list[CompiledRule] | None = None
        self._index: ChainIndex[CompiledRule] | None = None

    @property
    def rules(self) -> list[CompiledRule]:
        """In order."""
        rules = self._rules
        if rules is None:
            rules = self._rules = [self._rule(place) for place in range(len(self.chain.rules))]
        return rules

    def met_by(self, skb: Skb, iif: Link | None, oif: Link | None) -> list[CompiledRule]:
        """The rules that the packet has to be shown to."""
        if self._all:
            return self._rules or self.rules
        index = self._index
        if index is None:
            index = self._index = ChainIndex(index_of(self.chain), self._rule)
        found = index.candidates(skb, iif, oif)
        return self.rules if found is None else found

    def _rule(self, place: int) -> CompiledRule:
        """The rule at that place, from 0."""
        one = self._compiled.get(place)
        if one is None:
            one = self._compiled[place] = _compile_rule(self, place, self._netns)
        return one

    def to(self, name: str) -> CompiledChain:
        """Another chain of the table, at the same hook."""
        found = self._others.get(name)
        if found is None:
            found = self._others[name] = CompiledChain(
                self.table.chains[name], self.table, self.hook, self._netns, self._others, literal=self.literal
            )
        return found

    def by(self, compiled: CompiledRule) -> ByRule:
        """The rule, as events name it."""
        from podwire.linux.netfilter.save import rule_text

        rule = compiled.rule
        return ByRule(
            self.table.name,
            self.chain.name,
            compiled.number,
            rule_text(rule.spec, self.table.variant),
            rule.owner,
            self.table.variant,
        )

    def policy(self) -> ByRule:
        """The chain's policy, as events name it: number 0."""
        return ByRule(
            self.table.name, self.chain.name, 0, self.chain.policy or "", self.chain.owner, self.table.variant
        )


class CompiledTable:
    """A table at the hooks: for each hook the function that was registered, and its base chain."""

    __slots__ = ("chains", "functions")

    def __init__(self, functions: dict[int, HookFn], chains: dict[int, CompiledChain]) -> None:
        self.functions = functions
        self.chains = chains


def iface_test(iface: Iface, *, incoming: bool) -> MatchFn:
    """``-i`` or ``-o``. A packet without such a device has the empty name, for both variants (``nft_meta_store_ifname``)."""
    name, invert = iface.name, iface.invert
    prefix = name[:-1] if name.endswith("+") else None

    def test(_skb: Skb, _netns: Netns, iif: Link | None, oif: Link | None) -> bool:
        link = iif if incoming else oif
        have = link.name if link is not None else ""
        return (have == name if prefix is None else have.startswith(prefix)) is not invert

    return test


def address_test(prefix: Prefix, *, source: bool) -> MatchFn:
    """``-s`` or ``-d``."""
    mask, want, invert = prefix.mask, prefix.addr & prefix.mask, prefix.invert
    if source:
        return lambda skb, _n, _i, _o: (skb.packet.layers[0].src & mask == want) is not invert  # type: ignore[union-attr]
    return lambda skb, _n, _i, _o: (skb.packet.layers[0].dst & mask == want) is not invert  # type: ignore[union-attr]


def proto_test(proto: Proto) -> MatchFn:
    """``-p``."""
    number, invert = proto.number, proto.invert
    return lambda skb, _n, _i, _o: (skb.packet.layers[0].proto == number) is not invert  # type: ignore[union-attr]


def fragment_test(*, later: bool) -> MatchFn:
    """``-f``: second and further fragments; ``! -f``: first ones and whole packets."""
    return lambda skb, _n, _i, _o: (skb.packet.layers[0].frag > 0) is later  # type: ignore[union-attr]


def tests_of(spec: RuleSpec, netns: Netns, variant: str) -> tuple[MatchFn, ...]:
    """What a packet must pass, in the order of ``ip_packet_match`` and then of the matches."""
    nft = variant == NFT
    tests: list[MatchFn] = []
    if spec.src is not None and (spec.src.mask or spec.src.invert):
        tests.append(address_test(spec.src, source=True))
    if spec.dst is not None and (spec.dst.mask or spec.dst.invert):
        tests.append(address_test(spec.dst, source=False))
    if spec.iif is not None and (spec.iif.name != "+" or spec.iif.invert):
        tests.append(iface_test(spec.iif, incoming=True))
    if spec.oif is not None and (spec.oif.name != "+" or spec.oif.invert):
        tests.append(iface_test(spec.oif, incoming=False))
    if spec.proto is not None and spec.proto.number:
        tests.append(proto_test(spec.proto))
    if spec.fragment is not None:
        tests.append(fragment_test(later=spec.fragment))
    # A comment passes every packet, and most rules have one.
    matches = (match for match in spec.matches if type(match) is not Comment)
    tests.extend(match.compile_nft(netns) if nft else match.compile(netns) for match in matches)
    return tuple(tests)


def compile_table(table: Table, netns: Netns, *, literal: bool = False) -> dict[int, CompiledChain]:
    """Every base chain for its hook; what can be reached from it is compiled when packets come there.

    ``literal``: no chain is indexed, as the kernel does it.

    Matches are compiled once for all hooks. A rule of nft keeps what it has compiled, and so its state; an edit of iptables-legacy
    hands in the whole table again, and every rule begins anew.
    """
    if table.variant != NFT:
        for chain in table.chains.values():
            for rule in chain.rules:
                rule.tests = None
    return {
        hook: CompiledChain(table.chains[HOOK_NAMES[hook]], table, hook, netns, {}, literal=literal)
        for hook in table.hooks
    }


def _compile_rule(chain: CompiledChain, place: int, netns: Netns) -> CompiledRule:
    """A rule of a chain (a target may act otherwise at another hook)."""
    table = chain.table
    rule = chain.chain.rules[place]
    if rule.tests is None:
        rule.tests = tests_of(rule.spec, netns, table.variant)
    one = CompiledRule(chain, rule, place + 1, rule.tests)
    target = rule.spec.target
    if isinstance(target, Standard):
        one.verdict = _VERDICTS[target.verdict]
    elif isinstance(target, Jump):
        one.jump = chain.to(target.chain)
        one.goto = target.goto
    elif target is not None:
        one.target = target.compile(netns, chain.hook, table.name)
        if target.TABLE == "nat":
            one.target = _asking(one.target, one)
    return one


def _asking(target: TargetFn, one: CompiledRule) -> TargetFn:
    """A target that translates notes which rule asked for it."""

    def ask(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        netns.nat.asking = matched_event(one).by
        return target(skb, netns, iif, oif)

    return ask


def matched_event(one: CompiledRule) -> RuleMatched:
    """The event that says that the rule matched."""
    event = one.matched
    if event is None:
        target = one.rule.spec.target
        if one.jump is not None:
            name, verdict = one.jump.chain.name, "goto" if one.goto else "jump"
        else:
            name = "" if target is None else target.verdict if isinstance(target, Standard) else target.NAME
            verdict = _NAMES.get(one.verdict) or (target.VERDICT if target is not None else "")
        event = one.matched = RuleMatched(one.chain.by(one), name, verdict)
    return event


def ipt_do_table(  # noqa: C901 - one loop, as in the kernel
    base: CompiledChain, skb: Skb, netns: Netns, iif: Link | None, oif: Link | None, walk: Walk | None = None
) -> int:
    """NF_ACCEPT, NF_DROP (``Dropped`` is logged) or NF_STOLEN; ``walk`` is told what was met.

    RETURN and the end of a user chain go back to the rule behind the jump; a goto leaves nothing to come back to. In a base
    chain the policy decides.
    """
    machine = netns.machine
    sink = machine.log.sink
    rules = iter(base.met_by(skb, iif, oif)) if walk is None else walk.through(base.met_by(skb, iif, oif))
    chain = base
    back: list[tuple[CompiledChain, Iterator[CompiledRule]]] = []
    while True:
        for one in rules:
            for test in one.tests:
                if not test(skb, netns, iif, oif):
                    break
            else:
                rule = one.rule
                rule.hits += 1
                rule.octets += skb.len
                if sink is not None:
                    event = one.matched or matched_event(one)
                    sink(Record(machine.world.now, machine.name, netns.label, skb.id, event))
                verdict = one.verdict if one.target is None else one.target(skb, netns, iif, oif)
                if walk is not None:
                    walk.matched(one.rule, one.matched or matched_event(one))
                if skb.nf_trace and netns.xtables.monitors:
                    _nft_trace(chain, one, verdict, skb, netns, iif, oif)
                if (jump := one.jump) is not None:
                    if not one.goto:
                        back.append((chain, rules))
                    chain = jump
                    met = jump.met_by(skb, iif, oif)
                    rules = iter(met) if walk is None else walk.through(met)
                    break
                if verdict == XT_CONTINUE:
                    continue
                if verdict == XT_RETURN:
                    if not back:
                        return _policy(base, skb, netns, iif, oif, walk)
                    chain, rules = back.pop()
                    break
                if sink is not None and verdict != NF_ACCEPT and (one.target is None or chain.table.name != "nat"):
                    # The targets of table nat tell by themselves why they drop.
                    _ended(verdict, matched_event(one).by, skb, netns)
                return verdict
        else:
            # The end of the chain.
            if not back:
                return _policy(base, skb, netns, iif, oif, walk)
            if skb.nf_trace and sink is not None:
                netns.emit(skb.id, RuleMatched(ByRule(chain.table.name, chain.chain.name, 0), "", "RETURN", "return"))
            chain, rules = back.pop()


def _ended(verdict: int, by: ByRule, skb: Skb, netns: Netns) -> None:
    """A rule, or its target, let the packet go no further."""
    if verdict == NF_DROP:
        _advised(by, skb, netns)
        netns.emit(skb.id, Dropped("nf_hook_slow", DropReason.NETFILTER_DROP, by, ""))
    elif verdict == NF_QUEUE:
        netns.emit(skb.id, Dropped("nf_queue", DropReason.NOT_SPECIFIED, by, ""))


def _advised(by: ByRule, skb: Skb, netns: Netns) -> None:
    """The writer of the rule may know more than the rule says."""
    adviser = netns.xtables.advisers.get(by.owner.component)
    flow = nf_ct_get_tuplepr(skb.packet) if adviser is not None else None
    said = adviser(by, Flow(*flow)) if adviser is not None and flow is not None else None
    if said is not None:
        netns.emit(skb.id, said)


def _nft_trace(
    chain: CompiledChain,
    one: CompiledRule | None,
    verdict: int | None,
    skb: Skb,
    netns: Netns,
    iif: Link | None,
    oif: Link | None,
) -> None:
    """``nft_trace_notify``: a rule has decided (None: the policy). Tables of iptables-legacy tell the kernel's log instead."""
    if chain.table.variant == NFT:
        for monitor in netns.xtables.monitors:
            monitor(chain, one.rule if one is not None else None, verdict, skb, iif, oif)


def _policy(base: CompiledChain, skb: Skb, netns: Netns, iif: Link | None, oif: Link | None, walk: Walk | None) -> int:
    chain = base.chain
    if walk is not None:
        walk.policy(chain)
    log_on = netns.machine.log.on
    if skb.nf_trace and netns.xtables.monitors:
        _nft_trace(base, None, None, skb, netns, iif, oif)
    if chain.counts:
        chain.hits += 1
        chain.octets += skb.len
    drop = chain.policy == "DROP"
    if log_on and (drop or skb.nf_trace):
        by = base.policy()
        netns.emit(skb.id, RuleMatched(by, chain.policy or "", chain.policy or "", "policy"))
        if drop:
            netns.emit(skb.id, Dropped("nf_hook_slow", DropReason.NETFILTER_DROP, by, ""))
    return NF_DROP if drop else NF_ACCEPT


def table_hook(base: CompiledChain) -> HookFn:
    """The function that a table registers at a hook."""

    def ipt_hook(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        try:
            return ipt_do_table(base, skb, netns, iif, oif)
        except HotDrop:
            return _hotdrop(base, skb, netns)

    return ipt_hook


def table_walk(base: CompiledChain) -> WalkFn:
    """The same for the first of a flow's packets after which the others are to go: it notes what it meets."""

    def ipt_walk(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None, walk: Walk) -> int:
        try:
            return ipt_do_table(base, skb, netns, iif, oif, walk)
        except HotDrop:
            return _hotdrop(base, skb, netns)

    return ipt_walk


def _hotdrop(base: CompiledChain, skb: Skb, netns: Netns) -> int:
    """A match has dropped the packet by itself."""
    if netns.machine.log.on:
        by = ByRule(base.table.name, base.chain.name, 0, "hotdrop", base.chain.owner)
        netns.emit(skb.id, Dropped("nf_hook_slow", DropReason.NETFILTER_DROP, by, ""))
    return NF_DROP
