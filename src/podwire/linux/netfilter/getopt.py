"""How the words of a command are told apart: getopt_long, and the options of extensions (``command_default``, iptables/xshared.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podwire.linux.netfilter.command import BadArgument, Command
from podwire.linux.netfilter.grammar import LONG_OPTIONS, SHORT_OPTIONS, TAKES, WHOLE_WORDS, match_name, proto_name
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, OptionError, Values, strtoui
from podwire.linux.netfilter.xt.registry import find_match

if TYPE_CHECKING:
    from podwire.linux.netfilter.xt.base import Extension, Match


class Loaded:
    """An extension in this command (``struct xtables_rule_match``)."""

    __slots__ = ("completed", "extension", "name", "values")

    def __init__(self, name: str, extension: type[Extension], values: Values) -> None:
        self.name = name
        self.extension = extension
        self.values = values
        self.completed = False


class Getopt:
    """``getopt_long`` over a table of options that grows while words are read, and what belongs to extensions among them."""

    def __init__(self, words: Sequence[str], *, names: Names, variant: str, table: str, program: str) -> None:
        self.all = [program, *words]
        self.more = list(words)
        self.names = names
        self.command = Command(table, variant)
        self.draft = self.command.draft
        self.given: dict[str, bool] = {}
        """Options so far, and whether ``!`` stood before them."""
        self.invert = False
        self.matches: list[Loaded] = []
        self.target: Loaded | None = None
        self.tables: list[type[Extension]] = []
        """Whose options are known, the last one first."""
        self.proto_used = False

    def own(self, letter: str, argument: str | None) -> None:
        """An option of the tool itself."""
        raise NotImplementedError

    # -- getopt_long ----------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read all words, up to ``--``."""
        more = self.more
        while more:
            word = more.pop(0)
            if word == "--":
                break
            if word.startswith("--"):
                self._long(word)
            elif len(word) > 1 and word[0] == "-":
                self._cluster(word)
            elif word == "!":
                if self.invert:
                    msg = "multiple consecutive ! not allowed"
                    raise OptionError(msg)
                self.invert = True
                continue
            else:
                msg = f"Bad argument `{word}'\n"
                raise BadArgument(msg)
            self.invert = False

    def _cluster(self, word: str) -> None:
        """Short options in one word: ``-nvL``."""
        place = 1
        while place < len(word):
            letter = word[place]
            place += 1
            takes = SHORT_OPTIONS.get(letter)
            if takes is None:
                self._load_proto()
                # In the middle of a word getopt still stands on it, and libxtables names the one before.
                before = self.all[len(self.all) - len(self.more) - 2]
                msg = f'unknown option "{word if place == len(word) else before}"'
                raise OptionError(msg)
            rest = word[place:]
            if not takes:
                self.own(letter, None)
            elif rest or takes == "::":
                self.own(letter, word if letter in WHOLE_WORDS else rest or None)
                return
            elif not self.more:
                msg = f'option "{word}" requires an argument'
                raise OptionError(msg)
            else:
                self.own(letter, self.more.pop(0))
                return
            self.invert = False

    def _long(self, word: str) -> None:
        name, equals, argument = word[2:].partition("=")
        found = self._lookup(name)
        if found is None and self._load_proto():
            found = self._lookup(name)
        if found is None:
            msg = f'unknown option "{word}"'
            raise OptionError(msg)
        owner, option = found
        if isinstance(option, str):
            takes = TAKES[option]
            if equals and not takes:
                msg = f'unknown option "{word}"'
                raise OptionError(msg)
            if takes == ":" and not equals:
                argument = self._argument(word)
            elif option in WHOLE_WORDS:
                argument = word
            self.own(option, argument if takes == ":" or equals else None)
            return
        if option.kind is None:
            if equals:
                msg = f'unknown option "{word}"'
                raise OptionError(msg)
        elif not equals:
            argument = self._argument(word)
        self._extension(owner, option, argument)

    def _argument(self, word: str) -> str:
        if not self.more:
            msg = f'option "{word}" requires an argument'
            raise OptionError(msg)
        return self.more.pop(0)

    def _lookup(self, name: str) -> tuple[type[Extension] | None, str | Option] | None:
        """Exact names first; then a beginning that only one option has (or synonyms that mean the same)."""
        for long, letter in LONG_OPTIONS:
            if long == name:
                return None, letter
        for extension in self.tables:
            for exact in extension.OPTIONS:
                if exact.name == name:
                    return extension, exact
        found: list[tuple[type[Extension] | None, str | Option]] = [
            (None, letter) for long, letter in LONG_OPTIONS if long.startswith(name)
        ]
        for extension in self.tables:
            found += [(extension, option) for option in extension.OPTIONS if option.name.startswith(name)]
        if not found:
            return None
        owner, first = found[0]
        for other, option in found[1:]:
            if other is not owner or _meaning(option) != _meaning(first):
                return None
        return owner, first

    # -- options of extensions ------------------------------------------------------------------------------------

    def _extension(self, owner: type[Extension] | None, option: Option, argument: str) -> None:
        """``command_default``: the option goes to the target, or to the youngest match that knows it."""
        # xtables_option_lookup goes by the id: of synonyms the first one is named in what is said.
        entry = next(one for one in owner.OPTIONS if one.key == option.key) if owner is not None else option
        holder = self.target
        if holder is None or holder.extension is not owner:
            holder = next((one for one in self.matches if not one.completed and one.extension is owner), None)
        if holder is None:
            msg = f'Unknown arg "{argument or "(null)"}"'
            raise OptionError(msg)
        call = OptionCall(holder.name, entry, argument, self.invert, holder.values, self.more)
        holder.extension.parse(call)

    def _load_proto(self) -> bool:
        """``load_proto``: what is not known may be an option of the match of the ``-p`` protocol."""
        if not self.draft.protocol or self.proto_used:
            return False
        name = self.draft.protocol
        number = strtoui(name, 0, 255)
        if number is not None:
            known = proto_name(number, self.names, lookup="n" not in self.given)
            if known is None:
                return False
            name = known
        extension = find_match(match_name(name))
        if extension is None:
            return False
        self.proto_used = True
        self.add_match(match_name(name), extension)
        return True

    def add_match(self, name: str, extension: type[Match]) -> None:
        for one in self.matches:
            if one.name == name:
                one.completed = True
        self.matches.append(Loaded(name, extension, Values(extension.OPTIONS, self.names, self.draft)))
        if extension not in self.tables:
            self.tables.insert(0, extension)


def _meaning(option: str | Option) -> str:
    """What an option stands for: synonyms are not ambiguous."""
    return option if isinstance(option, str) else f"--{option.key}"
