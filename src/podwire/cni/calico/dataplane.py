"""Felix's drivers of the kernel: chains and IP sets of one node, compared with what is there and changed where they differ.

Source: felix/iptables/table.go and felix/ipsets (release v3.26). A rule is known by the hash in its comment. What somebody else has
changed is seen when the tables are read again (IptablesRefreshInterval, 90 s), or when Felix starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from podwire.cni.calico.policy.sets import Member
from podwire.cni.calico.rules import static
from podwire.cni.calico.rules.model import Chains, RuleText
from podwire.cni.calico.rules.names import APPENDS, rule_hashes
from podwire.linux.netfilter.ipset.adt import Adt, Create
from podwire.linux.netfilter.ipset.base import Element
from podwire.linux.netfilter.save import rule_text
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip4, Net

PREFIX: Final = "cali-"
SET_PREFIXES: Final = ("cali40", "cali4t")
"""Of the sets that are Felix's, and of those that it fills before it swaps them."""
_MAX_SIZE: Final = 1048576
"""MaxIpsetSize."""
_HASH: Final = re.compile(r'--comment "?cali:([A-Za-z0-9_-]{16})"?')


class DesiredSet(msgspec.Struct, frozen=True):
    """An IP set: its type, and for whom each member is in it."""

    type: str
    members: Mapping[Member, Owner]


class _Line(msgspec.Struct, frozen=True):
    text: str
    owner: Owner


class Dataplane:
    """What Felix has programmed on one node. ``variant`` of iptables: ``nft`` or ``legacy``."""

    def __init__(self, variant: str) -> None:
        self.variant = variant
        self._written: dict[str, Chains] = {}
        """By table; what is not there is to be compared with the kernel."""
        self._sets: dict[str, DesiredSet] = {}
        """What is not there is to be compared with the kernel, too."""
        self._behind = False

    def forget(self) -> None:
        """Tables and sets are read again at the next ``apply``: Felix starts, or its refresh timers have fired."""
        self._written.clear()
        self._sets.clear()

    def apply(
        self,
        door: Netlink,
        tables: Mapping[str, Chains],
        appends: Sequence[RuleText],
        sets: Mapping[str, DesiredSet],
        *,
        behind: bool = False,
    ) -> None:
        """Make the kernel so: sets that rules need, rules, then sets that none needs any more.

        ``behind``: the jumps stand behind the rules of others (ChainInsertMode Append).
        """
        self._write_sets(door, sets)
        if behind is not self._behind:
            self._behind = behind
            self.forget()
        for name, chains in tables.items():
            if self._written.get(name) != chains:
                self._write_table(door, name, chains, appends if name == "filter" else ())
                self._written[name] = chains
        self._sweep(door, sets)

    # -- sets -----------------------------------------------------------------------------------------------------

    def _write_sets(self, door: Netlink, sets: Mapping[str, DesiredSet]) -> None:
        for name, wanted in sets.items():
            known = self._sets.get(name)
            if known == wanted:
                continue
            if known is None and door.netns.ipsets.find(name) is None:
                door.ipset_create(name, wanted.type, Create(maxelem=_MAX_SIZE))
            before = known.members if known is not None else _members(door, name)
            for member in before:
                if member not in wanted.members:
                    door.ipset_del(name, _adt(wanted.type, member), exist=True)
            for member, owner in wanted.members.items():
                if member not in before:
                    Netlink(door.netns, owner).ipset_add(name, _adt(wanted.type, member), exist=True)
            self._sets[name] = wanted

    def _sweep(self, door: Netlink, sets: Mapping[str, DesiredSet]) -> None:
        """Sets of Felix's that none of its rules needs go, unless somebody else's rule does."""
        for found in list(door.netns.ipsets):
            if found.name.startswith(SET_PREFIXES) and found.name not in sets and not found.references:
                door.ipset_destroy(found.name)
                self._sets.pop(found.name, None)

    # -- tables ---------------------------------------------------------------------------------------------------

    def _write_table(self, door: Netlink, name: str, chains: Chains, appends: Sequence[RuleText]) -> None:
        there = self._read(door, name)
        own = {chain: hashes for chain, hashes in there.items() if chain.startswith(PREFIX)}
        wanted = {chain: rule_hashes(chain, [rule.text for rule in rules]) for chain, rules in chains.items()}
        felix = door.writer
        lines = [_Line(f":{chain} - [0:0]", felix) for chain in wanted if chain not in own]
        for chain, hashes in wanted.items():
            lines += _changes(chain, own.get(chain, []), hashes, chains[chain], felix)
        for hook, target in static.HOOKS[name]:
            old, last = there.get(hook, []), appends if hook == "FORWARD" else ()
            lines += _hook_lines(hook, target, old, last, felix, behind=self._behind)
        gone = [chain for chain in own if chain not in wanted]
        lines += [_Line(f":{chain} - [0:0]", felix) for chain in gone]
        lines += [_Line(f"-X {chain}", felix) for chain in gone]
        if lines:
            text = "\n".join((f"*{name}", *(line.text for line in lines), "COMMIT", ""))
            owners = [felix, *(line.owner for line in lines), felix]
            door.iptables_restore(text, variant=self.variant, noflush=True, owners=owners)

    def _read(self, door: Netlink, name: str) -> dict[str, list[str]]:
        """The hashes of the rules of every chain; "" for a rule of somebody else's."""
        table = door.netns.xtables.table(self.variant, name)
        if table is None:
            return {}
        found: dict[str, list[str]] = {}
        for chain in table.chains.values():
            texts = [rule_text(rule.spec, self.variant) for rule in chain.rules]
            found[chain.name] = [match.group(1) if (match := _HASH.search(text)) else "" for text in texts]
        return found


def _rule(chain: str, ident: str, rule: RuleText, how: str) -> _Line:
    return _Line(f'{how} {chain} -m comment --comment "cali:{ident}" {rule.text}'.rstrip(), rule.owner)


def _changes(chain: str, old: list[str], new: list[str], rules: list[RuleText], felix: Owner) -> list[_Line]:
    """Rules that differ are replaced, so that those before and behind them keep their counters."""
    lines: list[_Line] = []
    for number, (ident, rule) in enumerate(zip(new, rules, strict=True), start=1):
        if number > len(old):
            lines.append(_rule(chain, ident, rule, "-A"))
        elif old[number - 1] != ident:
            lines.append(
                _Line(f'-R {chain} {number} -m comment --comment "cali:{ident}" {rule.text}'.rstrip(), rule.owner)
            )
    lines += [_Line(f"-D {chain} {number}", felix) for number in range(len(old), len(new), -1)]
    return lines


def _hook_lines(
    hook: str, target: str, old: list[str], appends: Sequence[RuleText], felix: Owner, *, behind: bool
) -> list[_Line]:
    """The jump is the first rule of the kernel's chain, what is appended stands at its end; else all of ours are written anew."""
    jump = RuleText(f"--jump {target}", felix)
    first = rule_hashes(hook, [jump.text])
    last = rule_hashes(f"{hook}{APPENDS}", [rule.text for rule in appends])
    ours = [number for number, ident in enumerate(old, start=1) if ident]
    # What comes behind the appended rules is another program's: Felix looks at their order, not at what follows.
    there = old[len(old) - len(ours) :] if behind else [*old[:1], *(old[number - 1] for number in ours[1:])]
    if there == first + last:
        return []
    lines = [_Line(f"-D {hook} {number}", felix) for number in reversed(ours)]
    lines.append(_rule(hook, first[0], jump, "-A" if behind else "-I"))
    lines += [_rule(hook, ident, rule, "-A") for ident, rule in zip(last, appends, strict=True)]
    return lines


def _members(door: Netlink, name: str) -> dict[Member, Owner]:
    """What the kernel has in a set, of one of the types that Felix makes."""
    found = door.netns.ipsets[name]
    return {_member(found.type.name, element): entry.owner for element, entry in found.entries()}


def _member(kind: str, element: Element) -> Member:
    if kind == "hash:net":
        ip, plen = element
        return Member(Net(Ip4(ip), plen))
    if kind == "hash:ip,port":
        ip, port, proto = element
        return Member(Net(Ip4(ip), 32), proto, port)
    return Member(Net(Ip4(element[0]), 32))


def _adt(kind: str, member: Member) -> Adt:
    net = member.net
    if kind == "hash:net":
        return Adt(ip=int(net.addr), cidr=net.plen)
    return Adt(ip=int(net.addr), proto=member.protocol or None, port=member.port or None)
