"""The fast way through iptables-restore: lines as iptables-save, kube-proxy and Felix write them.

The first line of a shape - options, names of extensions, protocols - is taken apart word by word and leaves a plan; those that follow
only fill it in. Whatever is not plain - abbreviations, several addresses, names, anything wrong - is left to
``Parser``, which says what is wrong. Options of extensions are looked up as words: the same words give the same match or target.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from podwire.linux.netfilter.address import dotted_quad, parse_addresses
from podwire.linux.netfilter.command import RuleDraft
from podwire.linux.netfilter.grammar import LONG_OPTIONS, STANDARD_TARGETS, match_name
from podwire.linux.netfilter.lines import plain_words
from podwire.linux.netfilter.tables import NFT, Iface, Jump, Prefix, Proto, Rule, RuleSpec, Standard
from podwire.linux.netfilter.xt.base import Match, Target, stands_anywhere
from podwire.linux.netfilter.xt.comment import XT_MAX_COMMENT_LEN, Comment
from podwire.linux.netfilter.xt.options import (
    CHAIN_PROTOS,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    options_fcheck,
)
from podwire.linux.netfilter.xt.registry import find_match, find_target, is_target
from podwire.wire.addr import Ip4

if TYPE_CHECKING:
    from podwire.linux.netfilter.edit import Edit
    from podwire.linux.netfilter.xt.base import Extension

_PROTOS: Final = {name: Proto(number) for name, number in CHAIN_PROTOS if number}
_STANDARD: Final = {name: Standard(name) for name in STANDARD_TARGETS if name not in {"", "QUEUE"}}
_LONGEST_IFACE: Final = 15
_LONGEST_COMMENT: Final = XT_MAX_COMMENT_LEN // 4
"""In characters, of which none has more than four bytes."""
_INCOMING: Final = frozenset({"PREROUTING", "INPUT"})
_OUTGOING: Final = frozenset({"POSTROUTING", "OUTPUT"})
_NUMERIC: Final = re.compile(r"[0-9./]+", re.ASCII)
_COUNTED: Final = re.compile(r"\[(\d+):(\d+)\] ?", re.ASCII)
_HOST: Final = 0xFFFFFFFF
_BASE_OPTIONS: Final = frozenset(f"--{name}" for name, _letter in LONG_OPTIONS)
_VALUED: Final = frozenset({"-s", "-d", "-i", "-o", "-p", "-j"})


class NotPlain(Exception):
    """The line is for the whole parser."""


class Options:
    """The options of an extension by name, with what stands for them: the first of their synonyms."""

    __slots__ = ("by_name", "extension", "plain")

    def __init__(self, extension: type[Extension]) -> None:
        self.extension = extension
        first: dict[str, Option] = {}
        for option in extension.OPTIONS:
            first.setdefault(option.key, option)
        self.by_name = {f"--{option.name}": first[option.key] for option in extension.OPTIONS}
        self.plain = stands_anywhere(extension)


class Group:
    """An extension in a shape: where its options and their arguments stand, and what has been made of such words."""

    __slots__ = ("given", "key", "made", "options", "proto", "quick")

    def __init__(self, options: Options) -> None:
        self.options = options
        self.quick = False
        """It has one option, the one that the extension takes at a glance."""
        self.given: list[tuple[str, bool, int, int]] = []
        """Name, inverted, from where to where its arguments stand."""
        self.key: Callable[[list[str]], Any] = _nothing
        """Its arguments, of the words of a line."""
        self.proto: Proto | None = None
        """The protocol that the rule had when the options were read."""
        self.made: dict[Any, Match | Target] = {}

    @property
    def is_comment(self) -> bool:
        """A comment and nothing strange."""
        return self.options.extension is Comment and len(self.given) == 1 and not self.given[0][1]

    def close(self) -> None:
        """All its options are known."""
        places = [place for _, _, start, stop in self.given for place in range(start, stop)]
        if places:
            self.key = itemgetter(*places)
        if len(self.given) == 1:
            name, inverted, start, stop = self.given[0]
            self.quick = name == self.options.extension.QUICK and not inverted and stop == start + 1


def _nothing(_words: list[str]) -> None:
    """No arguments."""


class Plan:
    """What the lines of a shape are made of: places of words, 0 where there is no such word.

    Options take their arguments by their number, so that lines of as many words with the same options in the same places are of one
    shape, whatever the arguments are.
    """

    __slots__ = (
        "_shared",
        "dst",
        "groups",
        "iif",
        "negate",
        "oif",
        "plain",
        "proto",
        "shape",
        "shared",
        "src",
        "target",
    )

    def __init__(self) -> None:
        self._shared: dict[int, str] = {}
        self.src = self.dst = self.target = 0
        self.negate: set[int] = set()
        """Which of the addresses are negated."""
        self.proto: Proto | None = None
        self.iif: Iface | None = None
        self.oif: Iface | None = None
        self.groups: list[tuple[bool, Group]] = []
        """Extensions in order, and whether they are comments."""
        self.plain = True
        """Nothing can be said against the extensions: ``stands_anywhere``."""
        self.shape: tuple[str, ...] = ()
        self.shared: Callable[[list[str]], Any] = _nothing
        """The words that all lines of the shape share, of those of a line."""

    def share(self, place: int, word: str) -> None:
        """Every line of the shape has this word there."""
        self._shared[place] = word

    def close(self) -> None:
        """The shape is known."""
        self._shared[0] = "-A"
        places = sorted(self._shared)
        self.shape = tuple(self._shared[place] for place in places)
        self.shared = itemgetter(*places) if len(places) > 1 else (lambda words: (words[0],))


class FastLines:
    """What has been read so far of one table."""

    def __init__(self, names: Names, variant: str, table: str) -> None:
        self.names = names
        self.variant = variant
        self.nft = variant == NFT
        self.table = table
        self.plans: dict[tuple[int, str], list[Plan]] = {}
        self.prefixes: dict[str, Prefix | None] = {}
        self.negated: dict[str, Prefix | None] = {}
        self.targets: dict[str, Jump | Standard] = dict(_STANDARD)
        if table == "nat":
            # It is not to be used so, and Parser says why.
            del self.targets["DROP"]
        self.options: dict[str, Options] = {}

    def append(self, edit: Edit, line: str, *, counted: bool) -> bool:
        """Append the rule of an ``-A`` line; False: nothing was done, the line is not plain."""
        packets = octets = 0
        if line[0] == "[":
            found = _COUNTED.match(line)
            if found is None:
                return False
            if counted:
                packets, octets = int(found.group(1)), int(found.group(2))
            line = line[found.end() :]
        words = plain_words(line)
        if words is None or words[0] != "-A" or len(words) < 2:
            return False
        rules = edit.rules_of(words[1])
        if rules is None:
            return False
        try:
            plan = self._plan(edit, words)
            spec = self._fill(edit, plan, words)
        except (NotPlain, IndexError):
            return False
        edit.add(rules, Rule(spec, edit.owner, packets, octets, plan.plain))
        return True

    # -- shapes ---------------------------------------------------------------------------------------------------

    def _plan(self, edit: Edit, words: list[str]) -> Plan:
        count = len(words)
        plans = self.plans.setdefault((count, words[2] if count > 2 else ""), [])
        for plan in plans:
            if plan.shared(words) == plan.shape:
                return plan
        plan = self._shape(edit, words)
        plans.append(plan)
        return plan

    def _shape(self, edit: Edit, words: list[str]) -> Plan:
        """Take a line apart; raises ``NotPlain``, ``IndexError``."""
        plan = Plan()
        groups: list[Group] = []
        seen: set[str] = set()
        place = 2
        invert = False
        while place < len(words):
            word = words[place]
            plan.share(place, word)
            place += 1
            if word == "!":
                if invert:
                    raise NotPlain
                invert = True
                continue
            if word[:2] == "--":
                place = self._option(plan, groups, words, place, invert=invert)
            elif word == "-m" and not invert:
                groups.append(self._match(groups, words[place]))
                plan.share(place, words[place])
                place += 1
            elif word in _VALUED and word not in seen:
                seen.add(word)
                self._valued(plan, groups, edit, words, place, invert=invert)
                place += 1
            else:
                raise NotPlain
            invert = False
        if invert:
            raise NotPlain
        for group in groups:
            group.close()
            extension = group.options.extension
            wanted = extension.PROTO if issubclass(extension, Match) else 0
            if wanted and (plan.proto is None or plan.proto.number != wanted):
                raise NotPlain
            plan.plain = plan.plain and group.options.plain
        plan.groups = [(group.is_comment, group) for group in groups]
        plan.close()
        return plan

    def _valued(
        self, plan: Plan, groups: list[Group], edit: Edit, words: list[str], place: int, *, invert: bool
    ) -> None:
        """One of the tool's own options."""
        option, value = words[place - 1], words[place]
        if option in {"-s", "-d"}:
            if option == "-s":
                plan.src = place
            else:
                plan.dst = place
            if invert:
                plan.negate.add(place)
        elif option == "-p":
            plan.proto = _PROTOS.get(value)
            if plan.proto is None or invert:
                raise NotPlain
            plan.share(place, value)
        elif option == "-j":
            if invert:
                raise NotPlain
            if value in _STANDARD or value in edit.chains:
                plan.target = place
            else:
                groups.append(Group(self._target(value)))
                plan.share(place, value)
        else:
            self._interface(plan, option, value, words[1], invert=invert)
            plan.share(place, value)
            plan.share(1, words[1])

    def _interface(self, plan: Plan, option: str, value: str, chain: str, *, invert: bool) -> None:
        if chain in (_OUTGOING if option == "-i" else _INCOMING):
            raise NotPlain
        if not 0 < len(value) <= _LONGEST_IFACE or "/" in value or " " in value:
            raise NotPlain
        if option == "-i":
            plan.iif = Iface(value, invert)
        else:
            plan.oif = Iface(value, invert)

    def _match(self, groups: list[Group], name: str) -> Group:
        """``-m NAME``. A match that is there already is plain only where names cannot be confused."""
        options = self.options.get(f"-m {name}")
        if options is None:
            extension = find_match(match_name(name))
            if extension is None:
                raise NotPlain
            options = self.options[f"-m {name}"] = Options(extension)
        if options.extension is not Comment and any(group.options is options for group in groups):
            raise NotPlain
        return Group(options)

    def _target(self, name: str) -> Options:
        options = self.options.get(f"-j {name}")
        if options is None:
            extension = find_target(name)
            if extension is None:
                raise NotPlain
            options = self.options[f"-j {name}"] = Options(extension)
        return options

    def _option(self, plan: Plan, groups: list[Group], words: list[str], place: int, *, invert: bool) -> int:
        """``--option`` and its arguments go to the youngest extension that has it; where the next word is."""
        name = words[place - 1]
        if name not in _BASE_OPTIONS:
            for group in reversed(groups):
                entry = group.options.by_name.get(name)
                if entry is not None:
                    end = place + (entry.args if entry.kind is not None else 0)
                    if end > len(words):
                        raise NotPlain
                    group.given.append((name, invert, place, end))
                    group.proto = plan.proto
                    return end
        raise NotPlain

    # -- lines ----------------------------------------------------------------------------------------------------

    def _fill(self, edit: Edit, plan: Plan, words: list[str]) -> RuleSpec:
        """The rule of a line; raises ``NotPlain``."""
        src = dst = target = None
        place = plan.src
        if place:
            known = self.negated if place in plan.negate else self.prefixes
            text = words[place]
            src = known[text] if text in known else self._prefix(text, known)
        place = plan.dst
        if place:
            known = self.negated if place in plan.negate else self.prefixes
            text = words[place]
            dst = known[text] if text in known else self._prefix(text, known)
        matches: list[Match] = []
        for is_comment, group in plan.groups:
            key = group.key(words)
            if is_comment and len(key) < _LONGEST_COMMENT:
                matches.append(Comment(key))
                continue
            made = group.made.get(key)
            if made is None:
                made = group.made[key] = self._make(group, words)
            if isinstance(made, Match):
                matches.append(made)
            else:
                target = made
        place = plan.target
        if place:
            name = words[place]
            target = self.targets.get(name) or self._jump(edit, name)
        return RuleSpec(
            src=src, dst=dst, iif=plan.iif, oif=plan.oif, proto=plan.proto, matches=tuple(matches), target=target
        )

    def _make(self, group: Group, words: list[str]) -> Match | Target:
        """As ``Parser`` does it, but for what the extension itself takes at a glance."""
        if group.quick and group.proto is not None:
            at_a_glance = group.options.extension.quick(words[group.given[0][2]], group.proto.number)
            if at_a_glance is not None:
                return at_a_glance  # type: ignore[return-value]
        draft = RuleDraft(self.table, self.variant)
        draft.proto = group.proto
        extension = group.options.extension
        values = Values(extension.OPTIONS, self.names, draft)
        try:
            for name, invert, start, stop in group.given:
                arguments = words[start:stop]
                more = arguments[1:]
                argument = arguments[0] if arguments else None
                entry = group.options.by_name[name]
                extension.parse(OptionCall(extension.NAME, entry, argument, invert, values, more))
                if more:
                    raise NotPlain
            extension.final_check(values)
            options_fcheck(extension.NAME, values)
            made = extension.build(values)
        except (OptionError, IndexError):
            raise NotPlain from None
        if draft.notices:
            raise NotPlain
        return made  # type: ignore[return-value]

    def _prefix(self, text: str, known: dict[str, Prefix | None]) -> Prefix | None:
        invert = known is self.negated
        host = dotted_quad(text.removesuffix("/32"))
        if host is not None:
            one = known[text] = Prefix(Ip4(host), _HOST, invert)
            return one
        if not _NUMERIC.fullmatch(text):
            raise NotPlain
        try:
            prefix = parse_addresses(text, self.names, invert=invert)[0]
        except OptionError:
            raise NotPlain from None
        if not prefix.mask and invert:
            raise NotPlain
        found = known[text] = prefix if prefix.mask else None
        return found

    def _jump(self, edit: Edit, name: str) -> Jump:
        if name in edit.base or name not in edit.chains or is_target(name):
            raise NotPlain
        jump = self.targets[name] = Jump(name)
        return jump
