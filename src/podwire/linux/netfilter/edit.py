"""Edits of one table: commands change a copy, and the copy takes the table's place at once.

What iptables-nft does with nf_tables (``nft_prepare``, ``nft_action``, iptables/nft.c), and what iptables-legacy does with libiptc
(libiptc/libiptc.c). Where the two differ it is said which one it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from errno import E2BIG, EBUSY, EEXIST, EINVAL, EMLINK, ENOENT, ENOTEMPTY, EOPNOTSUPP
from typing import TYPE_CHECKING

import msgspec

from podwire.errors import NotModelled
from podwire.linux.netfilter.errors import EditError, TransactionError
from podwire.linux.netfilter.hooks import HOOK_NAMES
from podwire.linux.netfilter.nft import expressions_fit, nft_view
from podwire.linux.netfilter.tables import NFT, TABLE_HOOKS, Chain, Jump, Rule, RuleSpec, Table
from podwire.linux.netfilter.xt.options import OptionError

if TYPE_CHECKING:
    from podwire.trace.events import Owner

Say = Callable[["str | RuleSpec"], None]
"""Hears what ``-v`` prints: a rule that was met, or a line."""


def _silent(_said: str | RuleSpec) -> None:
    """Without ``-v``."""


class Edit:
    """A transaction on one table, by one writer. Nothing is changed before ``xt_commit`` takes ``content``.

    ``line`` is that of iptables-restore, 0 for a command. Methods raise ``EditError`` at once; what nf_tables itself would refuse
    waits in ``failed`` for the end of the transaction.
    """

    def __init__(self, old: Table | None, name: str, variant: str, owner: Owner) -> None:
        self.name = name
        self.variant = variant
        self.owner = owner
        self.nft = variant == NFT
        self.exists = old is not None
        self.base = tuple(HOOK_NAMES[hook] for hook in TABLE_HOOKS[name])
        if old is None:
            old = Table(name, variant)
            if self.nft:
                old.chains = {}
        self.chains = dict(old.chains)
        self.line = 0
        self.say: Say = _silent
        self.changed = False
        self.failed: list[tuple[int, str, int, str]] = []
        self._own: set[str] = set()
        self._zeroed: list[Rule] = []
        self._handles = old.handles
        self._new: list[Rule | Chain] = []
        """What gets a handle once it is there, in order."""
        self._counted: set[str] = set()
        """Chains whose policy was given, counters included."""
        self._refs: Counter[str] | None = None
        self._renamed: set[str] = set()
        """nft: names given in this transaction, under which iptables-nft does not find the chains yet."""

    # -- what is there --------------------------------------------------------------------------------------------

    def is_chain(self, name: str) -> bool:
        """``nft_chain_exists``, ``iptc_is_chain``: chains at hooks always are."""
        return name in self.chains or name in self.base

    @property
    def content(self) -> list[Chain] | None:
        """What ``xt_commit`` is to put there; None where iptables-nft has taken the table away."""
        return list(self.chains.values()) if self.exists or not self.nft else None

    def check(self) -> None:
        """Raise ``TransactionError`` where nf_tables has refused something."""
        if self.failed:
            raise TransactionError(tuple(self.failed))

    def settle(self, table: Table | None) -> None:
        """The transaction is real: counters that were to be zeroed are, and what is new in nf_tables has its handle."""
        for rule in self._zeroed:
            rule.packets = rule.bytes = 0
        if self.nft and table is not None:
            for handle, one in enumerate(self._new, self._handles + 1):
                one.handle = handle
            table.handles = self._handles + len(self._new)
        if not self.nft and self.changed:
            # Every edit of iptables-legacy hands in the whole table again, and the policies count from 0.
            for name in self.base:
                if name not in self._counted:
                    self.chains[name].packets = self.chains[name].bytes = 0

    def _open(self, name: str, function: str) -> Chain:
        """The chain, to be changed; raises ``EditError`` ENOENT."""
        if name in self._renamed:
            raise EditError(function, ENOENT, self.variant)
        chain = self.chains.get(name)
        if chain is None:
            if not (
                self.nft and name in self.base and function in {"rule_append", "rule_insert", "rule_flush", "chain_set"}
            ):
                raise EditError(function, ENOENT, self.variant)
            chain = self.chains[name] = Chain(name, "ACCEPT")
            chain.counts = False
            self._new.append(chain)
            self._own.add(name)
        elif name not in self._own:
            chain = self.chains[name] = chain.copy()
            self._own.add(name)
        self.exists = self.changed = True
        return chain

    def _found(self, name: str, function: str) -> Chain:
        """The chain, to be looked at; raises ``EditError`` ENOENT."""
        chain = self.chains.get(name)
        if chain is None or name in self._renamed:
            raise EditError(function, ENOENT, self.variant)
        return chain

    def _sorted(self) -> Iterator[Chain]:
        for name in self.base:
            if name in self.chains:
                yield self.chains[name]
        names = sorted(name for name in self.chains if name not in self.base)
        yield from (self.chains[name] for name in names)

    # -- references -----------------------------------------------------------------------------------------------

    def references(self, name: str) -> int:
        """How many rules jump to a chain."""
        if self._refs is None:
            self._refs = Counter(
                rule.spec.target.chain
                for chain in self.chains.values()
                for rule in chain.rules
                if isinstance(rule.spec.target, Jump)
            )
        return self._refs[name]

    def _refer(self, spec: RuleSpec, by: int) -> None:
        if self._refs is not None and isinstance(spec.target, Jump):
            self._refs[spec.target.chain] += by

    # -- rules ----------------------------------------------------------------------------------------------------

    def _rule(self, spec: RuleSpec, counters: tuple[int, int] | None, function: str, chain: str) -> Rule:
        """A rule that comes. What nf_tables would refuse of it at once is noted."""
        errno = self._refusal(spec, function)
        if errno:
            self.failed.append((self.line, function.upper(), errno, f"rule in chain {chain}"))
        self._refer(spec, 1)
        packets, octets = counters or (0, 0)
        return self._noted(Rule(spec, self.owner, packets, octets))

    def _noted(self, rule: Rule) -> Rule:
        self._new.append(rule)
        return rule

    def _refusal(self, spec: RuleSpec, function: str) -> int:
        """The errno with which nf_tables refuses the rule. libiptc itself refuses a jump to a chain at a hook: ``EditError`` EINVAL."""
        target = spec.target
        to_base = isinstance(target, Jump) and target.chain in self.base
        if not self.nft:
            if to_base:
                raise EditError(function, EINVAL, self.variant)
            return 0
        if not expressions_fit(spec):
            return EINVAL
        if isinstance(target, Jump) and to_base:
            return EOPNOTSUPP if target.chain in self.chains else ENOENT
        return 0

    def append(self, chain: str, spec: RuleSpec, counters: tuple[int, int] | None = None) -> None:
        """``-A``."""
        if not self.nft:
            self.say(spec)
        where = self._open(chain, "rule_append")
        where.rules.append(self._rule(spec, counters, "rule_append", chain))
        if self.nft:
            self.say(spec)

    def rules_of(self, chain: str) -> list[Rule] | None:
        """The rules of a chain, to append to; None where ``append`` has something to say."""
        if chain in self._renamed:
            return None
        if chain in self._own:
            return self.chains[chain].rules
        if chain in self.chains or (self.nft and chain in self.base):
            return self._open(chain, "rule_append").rules
        return None

    def add(self, rules: list[Rule], rule: Rule) -> None:
        """``append`` for a rule that nothing can be said against."""
        rules.append(rule)
        self._new.append(rule)
        if self._refs is not None:
            self._refer(rule.spec, 1)

    def insert(self, chain: str, spec: RuleSpec, number: int, counters: tuple[int, int] | None = None) -> None:
        """``-I``: before rule ``number`` (from 1), or behind the last one."""
        if not self.nft:
            self.say(spec)
        where = self._open(chain, "rule_insert")
        if number - 1 > len(where.rules):
            raise EditError("rule_insert", E2BIG, self.variant)
        where.rules.insert(number - 1, self._rule(spec, counters, "rule_insert", chain))
        if self.nft:
            self.say(spec)

    def replace(self, chain: str, spec: RuleSpec, number: int, counters: tuple[int, int] | None = None) -> None:
        """``-R``."""
        if not self.nft:
            self.say(spec)
        self._found(chain, "rule_replace")
        where = self._open(chain, "rule_replace")
        if number > len(where.rules):
            raise EditError("rule_replace", E2BIG, self.variant)
        self._refer(where.rules[number - 1].spec, -1)
        where.rules[number - 1] = self._rule(spec, counters, "rule_replace", chain)
        if self.nft:
            self.say(spec)

    def _find(self, chain: Chain, spec: RuleSpec) -> int | None:
        want = comparable(spec, self.variant)
        return next((n for n, rule in enumerate(chain.rules) if comparable(rule.spec, self.variant) == want), None)

    def lookup(self, chain: str, spec: RuleSpec) -> None:
        """``-C``: raises ``EditError`` ENOENT where there is no such rule."""
        if not self.nft:
            self.say(spec)
        where = self._found(chain, "rule_check")
        if self._find(where, spec) is None:
            raise EditError("rule_check", ENOENT, self.variant)
        if self.nft:
            self.say(spec)

    def delete(self, chain: str, spec: RuleSpec) -> None:
        """``-D`` with a rule: the first one that says the same."""
        if not self.nft:
            self.say(spec)
        place = self._find(self._found(chain, "rule_delete"), spec)
        if place is None:
            raise EditError("rule_delete", ENOENT, self.variant)
        self._refer(self._open(chain, "rule_delete").rules.pop(place).spec, -1)
        if self.nft:
            self.say(spec)

    def delete_number(self, chain: str, number: int) -> None:
        """``-D`` with a number."""
        if number > len(self._found(chain, "rule_delete_num").rules):
            raise EditError("rule_delete_num", E2BIG, self.variant)
        self._refer(self._open(chain, "rule_delete_num").rules.pop(number - 1).spec, -1)

    # -- chains ---------------------------------------------------------------------------------------------------

    def flush(self, chain: str | None, *, verbose: bool = False) -> None:
        """``-F``: of one chain, or of all."""
        if chain is not None:
            if not self.nft and verbose:
                self.say(f"Flushing chain `{chain}'\n")
            self._empty(self._open(chain, "rule_flush"))
            if self.nft and verbose:
                self.say(f"Flushing chain `{chain}'\n")
            return
        if self.nft and verbose:
            for name in self.base:
                self._open(name, "rule_flush")
        for one in list(self._sorted()):
            if verbose:
                self.say(f"Flushing chain `{one.name}'\n")
            if one.rules:
                self._empty(self._open(one.name, "rule_flush"))

    def _empty(self, chain: Chain) -> None:
        if self._refs is not None:
            for rule in chain.rules:
                self._refer(rule.spec, -1)
        chain.rules = []

    def zero(self, chain: str | None, *, verbose: bool = False) -> None:
        """``-Z``: the counters of a chain's rules and of its policy, or of all chains."""
        names = [one.name for one in self._sorted()] if chain is None else [chain]
        for name in names:
            self._found(name, "chain_zero")
            if verbose:
                self.say(f"Zeroing chain `{name}'\n")
            where = self._open(name, "chain_zero")
            where.packets = where.bytes = 0
            where.counts = True
            for place, rule in enumerate(where.rules):
                self._zero_rule(where, place, rule)

    def _zero_rule(self, chain: Chain, place: int, rule: Rule) -> None:
        """Nft puts a new rule into the place of one that has counted; legacy zeroes counters when the table is replaced."""
        if not self.nft:
            self._zeroed.append(rule)
        elif rule.packets or rule.bytes:
            chain.rules[place] = self._noted(Rule(rule.spec, rule.owner))

    def zero_number(self, chain: str, number: int) -> None:
        """``-Z`` with a number: nft says nothing of a rule that is not there."""
        where = self._found(chain, "rule_delete" if self.nft else "rule_zero")
        if number > len(where.rules):
            if not self.nft:
                raise EditError("rule_zero", E2BIG, self.variant)
            return
        where = self._open(chain, "rule_zero")
        rule = where.rules[number - 1]
        if self.nft:
            where.rules[number - 1] = self._noted(Rule(rule.spec, rule.owner))
        else:
            self._zeroed.append(rule)

    def new_chain(self, name: str) -> None:
        """``-N``."""
        if self.is_chain(name):
            raise EditError("chain_user_add", EEXIST, self.variant)
        chain = self.chains[name] = Chain(name, owner=self.owner)
        self._new.append(chain)
        self._own.add(name)
        self.exists = self.changed = True

    def restore_chain(self, name: str) -> None:
        """``:CHAIN -`` of iptables-restore: a chain of that name, empty (``nft_chain_restore``)."""
        if name in self.chains:
            self._empty(self._open(name, "rule_flush"))
        else:
            self.new_chain(name)

    def delete_chain(self, chain: str | None, *, verbose: bool = False) -> None:
        """``-X``: one chain, or every user's chain (with nft: and the chains at hooks that are empty and let all pass)."""
        if self.nft:
            self._nft_delete(chain, verbose=verbose)
        else:
            self._legacy_delete(chain, verbose=verbose)

    def _remove(self, name: str) -> None:
        del self.chains[name]
        self._own.discard(name)
        self.changed = True

    def _nft_delete(self, chain: str | None, *, verbose: bool) -> None:
        if chain is not None:
            names = [self._found(chain, "chain_del").name]
        elif verbose:
            names = [one.name for one in self._sorted()]
        else:
            base = [name for name in self.base if name in self.chains]
            names = base + [name for name in self.chains if name not in self.base]
        refused = False
        for name in names:
            one = self.chains[name]
            if name in self.base:
                # nft_may_delete_chain
                if one.rules or one.policy != "ACCEPT":
                    refused = chain is not None
                    continue
            else:
                if verbose:
                    self.say(f"Deleting chain `{name}'\n")
                if one.rules or self.references(name):
                    self.failed.append((self.line, "CHAIN_DEL", EBUSY, f"chain {name}"))
                    continue
            self._remove(name)
        if refused:
            raise EditError("chain_del", EBUSY, self.variant)

    def _legacy_delete(self, chain: str | None, *, verbose: bool) -> None:
        names = [one.name for one in self._sorted() if one.name not in self.base] if chain is None else [chain]
        error = 0
        for name in names:
            if verbose:
                self.say(f"Deleting chain `{name}'\n")
            if name not in self.chains:
                error = ENOENT
            elif name in self.base:
                error = EINVAL
            elif self.references(name):
                error = EMLINK
            elif self.chains[name].rules:
                error = ENOTEMPTY
            else:
                self._remove(name)
        if error:
            # libiptc asks for references last, and so has no words of its own for a chain that cannot be deleted.
            raise EditError("references", error, self.variant)

    def rename(self, chain: str, name: str) -> None:
        """``-E``: rules that jump to the chain go with it."""
        if self.is_chain(name) or (name in {"ACCEPT", "DROP", "QUEUE", "RETURN"} and not self.nft):
            raise EditError("chain_user_rename", EEXIST, self.variant)
        if chain not in self.chains or (chain in self.base and not self.nft):
            raise EditError("chain_user_rename", ENOENT, self.variant)
        if chain in self.base:
            msg = f"a chain at a hook that is not called {chain}"
            raise NotModelled(msg, "iptables-nft -E")
        one = self.chains.pop(chain).copy()
        self._own.discard(chain)
        one.name = name
        self.chains[name] = one
        self._own.add(name)
        for other in list(self.chains.values()):
            for place, rule in enumerate(other.rules):
                target = rule.spec.target
                if isinstance(target, Jump) and target.chain == chain:
                    spec = msgspec.structs.replace(rule.spec, target=Jump(name, target.goto))
                    twin = Rule(
                        spec, rule.owner, rule.packets, rule.bytes, rule.plain, rule.checked, rule.tests, rule.handle
                    )
                    self._open(other.name, "chain_user_rename").rules[place] = twin
        self._refs = None
        if self.nft:
            self._renamed.add(name)
        self.exists = self.changed = True

    def policy(self, chain: str, policy: str, counters: tuple[int, int] | None = None) -> None:
        """``-P``: the counters of the policy begin anew."""
        if policy not in {"ACCEPT", "DROP"} and not (self.nft and policy == "-"):
            if not self.nft and chain not in self.base:
                raise EditError("chain_set", ENOENT, self.variant)
            raise EditError("chain_set", EINVAL, self.variant)
        if chain not in self.base:
            raise EditError("chain_set", ENOENT, self.variant)
        where = self._open(chain, "chain_set")
        if policy != "-":
            if where.policy != policy:
                where.owner = self.owner
            where.policy = policy
        where.packets, where.bytes = counters or (0, 0)
        where.counts = True
        self._counted.add(chain)

    def flush_table(self, *, verbose: bool = False) -> None:
        """``*TABLE`` of iptables-restore without ``--noflush``: nft takes the table away; legacy keeps policies."""
        if self.nft and not verbose:
            self.changed = self.changed or self.exists
            self.chains = {}
            self._own = set()
            self._refs = None
            self._new = []
            self._handles = 0
            self.exists = False
            return
        self.flush(None, verbose=verbose)
        self.delete_chain(None, verbose=verbose)


def comparable(spec: RuleSpec, variant: str) -> RuleSpec:
    """What ``-C`` and ``-D`` compare of a rule: as it is read back, and without a device that every packet has."""
    if variant == NFT:
        return nft_view(spec)
    if any(one is not None and one.name == "+" and not one.invert for one in (spec.iif, spec.oif)):
        iif, oif = (
            None if one is not None and one.name == "+" and not one.invert else one for one in (spec.iif, spec.oif)
        )
        return msgspec.structs.replace(spec, iif=iif, oif=oif)
    return spec


class MissingChain(OptionError):
    """``assert_chain_exists``: iptables-nft looks for the chain to jump to when the transaction is made, not when it reads the rule."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Chain '{name}' does not exist")
