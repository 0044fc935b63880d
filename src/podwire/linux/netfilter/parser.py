"""One command of iptables is read: words become a ``Command`` (``do_parse``, iptables/xshared.c of iptables 1.8.9).

The lines of iptables-restore are such commands too. Whatever is wrong with one is an ``OptionError``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.netfilter.address import parse_addresses
from podwire.linux.netfilter.command import BadArgument, Command, StopParsing
from podwire.linux.netfilter.tables import Iface, Prefix, Proto
from podwire.linux.netfilter.xt.options import (
    CHAIN_PROTOS,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    options_fcheck,
    parse_protocol,
    strtoui,
)
from podwire.linux.netfilter.xt.registry import find_match, find_target, is_target, load_match
from podwire.wire.addr import Ip4

if TYPE_CHECKING:
    from podwire.linux.netfilter.xt.base import Extension, Match

XT_EXTENSION_MAXNAMELEN: Final = 29
_IFNAMSIZ: Final = 16
_INT_MAX: Final = (1 << 31) - 1
_ULLONG_MAX: Final = (1 << 64) - 1

STANDARD_TARGETS: Final = frozenset({"", "ACCEPT", "DROP", "QUEUE", "RETURN"})

# The letters of IPT_OPTSTRING with what they take: nothing, a word (:), perhaps a word stuck to them (::).
_SHORT: Final = {
    **dict.fromkeys("ACDEINPcdijopstRgmM", ":"),
    **dict.fromkeys("FLXZSWhw", "::"),
    **dict.fromkeys("V46bfnvx", ""),
}
LONG_OPTIONS: Final = (
    ("append", "A"),
    ("delete", "D"),
    ("check", "C"),
    ("insert", "I"),
    ("replace", "R"),
    ("list", "L"),
    ("list-rules", "S"),
    ("flush", "F"),
    ("zero", "Z"),
    ("new-chain", "N"),
    ("delete-chain", "X"),
    ("rename-chain", "E"),
    ("policy", "P"),
    ("source", "s"),
    ("destination", "d"),
    ("src", "s"),
    ("dst", "d"),
    ("protocol", "p"),
    ("in-interface", "i"),
    ("jump", "j"),
    ("table", "t"),
    ("match", "m"),
    ("numeric", "n"),
    ("out-interface", "o"),
    ("verbose", "v"),
    ("wait", "w"),
    ("wait-interval", "W"),
    ("exact", "x"),
    ("fragments", "f"),
    ("version", "V"),
    ("help", "h"),
    ("line-numbers", "0"),
    ("modprobe", "M"),
    ("set-counters", "c"),
    ("goto", "g"),
    ("ipv4", "4"),
    ("ipv6", "6"),
)
_TAKES: Final = {**_SHORT, "0": ""}

# Which options go with which commands: a letter that stands here is refused.
_REFUSED: Final = {
    "I": "nx0",
    "D": "nx0c",
    "D#": "nspdjxio0cf",
    "R": "nx0",
    "A": "nx0",
    "L": "spdjiocf",
    "F": "nspdjxio0cf",
    "Z": "nspdjxio0cf",
    "N": "nspdjxio0cf",
    "X": "nspdjxio0cf",
    "P": "nspdjxio0f",
    "E": "nspdjxio0cf",
    "S": "nspdjxio0cf",
    "Z#": "nspdjxio0cf",
    "C": "nx0c",
}
_OPTION_ORDER: Final = "nsdpjvxio0cf"
_INVERTIBLE: Final = frozenset("sdpiof")
_TOGETHER: Final = {"L": ("Z", "Z#"), "S": ("Z", "Z#"), "Z": ("L", "S")}
_RULE_COMMANDS: Final = frozenset({"A", "C", "D", "I", "R"})


class _Loaded:
    """An extension in this command (``struct xtables_rule_match``)."""

    __slots__ = ("completed", "extension", "name", "values")

    def __init__(self, name: str, extension: type[Extension], values: Values) -> None:
        self.name = name
        self.extension = extension
        self.values = values
        self.completed = False


class Parser:
    """``do_parse``: one for each command. ``restore`` is the name of the tool where the words are a line of iptables-restore."""

    def __init__(
        self,
        words: Sequence[str],
        *,
        names: Names,
        variant: str,
        table: str = "filter",
        restore: str = "",
        version: str = "",
    ) -> None:
        self.more = list(words)
        self.names = names
        self.restore = restore
        self.version = version
        self.command = Command(table, variant)
        self.draft = self.command.draft
        self.given: dict[str, bool] = {}
        """Options so far, and whether ``!`` stood before them."""
        self.invert = False
        self.matches: list[_Loaded] = []
        self.target: _Loaded | None = None
        self.tables: list[type[Extension]] = []
        """Whose options are known, the last one first."""
        self.proto_used = False
        self.source = self.destination = ""
        self.before = restore or "iptables"

    # -- getopt_long ----------------------------------------------------------------------------------------------

    def parse(self) -> Command:
        """Read all words; raises ``OptionError``, ``BadArgument``, ``StopParsing``, ``NotModelled``."""
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
            self.before = word
        return self._finish()

    def _cluster(self, word: str) -> None:
        """Short options in one word: ``-nvL``."""
        place = 1
        while place < len(word):
            letter = word[place]
            place += 1
            takes = _SHORT.get(letter)
            if takes is None:
                self._load_proto()
                # In the middle of a word getopt still stands on it, and libxtables names the one before.
                msg = f'unknown option "{word if place == len(word) else self.before}"'
                raise OptionError(msg)
            rest = word[place:]
            if not takes:
                self._base(letter, None)
            elif rest or takes == "::":
                self._base(letter, rest or None)
                return
            elif not self.more:
                msg = f'option "{word}" requires an argument'
                raise OptionError(msg)
            else:
                self._base(letter, self.more.pop(0))
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
            takes = _TAKES[option]
            if equals and not takes:
                msg = f'unknown option "{word}"'
                raise OptionError(msg)
            if takes == ":" and not equals:
                argument = self._argument(word)
            self._base(option, argument if takes == ":" or equals else None)
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
            for option in extension.OPTIONS:
                if option.name == name:
                    return extension, option
        found: list[tuple[type[Extension] | None, str | Option]] = [
            (None, letter) for long, letter in LONG_OPTIONS if long.startswith(name)
        ]
        for extension in self.tables:
            found += [(extension, option) for option in extension.OPTIONS if option.name.startswith(name)]
        if not found:
            return None
        owner, first = found[0]
        for other, option in found[1:]:
            same = (
                option == first if isinstance(first, str) else not isinstance(option, str) and option.key == first.key
            )
            if other is not owner or not same:
                return None
        return owner, first

    # -- options of extensions ------------------------------------------------------------------------------------

    def _extension(self, owner: type[Extension] | None, option: Option, argument: str) -> None:
        """``command_default``: the option goes to the target, or to the youngest match that knows it."""
        # xtables_option_lookup goes by the id: of synonyms the first one is named in what is said.
        entry = next(one for one in owner.OPTIONS if one.key == option.key) if owner is not None else option
        if self.target is not None and self.target.extension is owner:
            holder = self.target
        else:
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
        self._add_match(match_name(name), extension)
        return True

    def _add_match(self, name: str, extension: type[Match]) -> None:
        for one in self.matches:
            if one.name == name:
                one.completed = True
        self.matches.append(_Loaded(name, extension, Values(extension.OPTIONS, self.names, self.draft)))
        if extension not in self.tables:
            self.tables.insert(0, extension)

    # -- the tool's own options -----------------------------------------------------------------------------------

    def _base(self, letter: str, argument: str | None) -> None:
        handler = _HANDLERS.get(letter)
        if letter == "h":
            what = "the help text"
            raise NotModelled(what, "iptables")
        if letter == "b":
            msg = 'Unknown arg "(null)"'
            raise OptionError(msg)
        if handler is None:
            self._action(letter, argument)
        else:
            handler(self, letter, argument or "")

    def _has_argument(self) -> bool:
        """``xs_has_arg``."""
        return bool(self.more) and self.more[0][:1] not in {"-", "!"}

    def _action(self, letter: str, argument: str | None) -> None:
        command = self.command
        if letter == "N":
            assert_valid_chain_name(argument or "")
        self._add_action(letter)
        if letter in "ACDRIENP":
            command.chain = argument or ""
        elif argument is not None:
            command.chain = argument
        elif self._has_argument():
            command.chain = self.more.pop(0)
        if letter in "DLSZ" and self._has_argument():
            command.rulenum = _rule_number(self.more.pop(0))
            if letter in "DZ":
                command.actions[-1] = f"{letter}#"
                if letter == "Z":
                    command.actions[:] = command.actions[-1:]
        elif letter == "R":
            if not self._has_argument():
                msg = "-R requires a rule number"
                raise OptionError(msg)
            command.rulenum = _rule_number(self.more.pop(0))
        elif letter == "I":
            command.rulenum = _rule_number(self.more.pop(0)) if self._has_argument() else 1
        elif letter in "EP":
            if not self._has_argument():
                what = "old-chain-name and new-chain-name" if letter == "E" else "a chain and a policy"
                msg = f"-{letter} requires {what}"
                raise OptionError(msg)
            word = self.more.pop(0)
            if letter == "E":
                command.newname = word
            else:
                command.policy = word

    def _add_action(self, letter: str) -> None:
        if self.invert:
            msg = "unexpected '!' flag"
            raise OptionError(msg)
        actions = self.command.actions
        other = [one for one in actions if one not in _TOGETHER.get(letter, ())]
        if other:
            msg = f"Cannot use -{letter} with -{other[0][0]}"
            raise OptionError(msg)
        actions.append(letter)

    def _set(self, letter: str) -> None:
        """``set_option``."""
        if letter in self.given:
            msg = f"multiple -{letter} flags not allowed"
            raise OptionError(msg)
        if self.invert and letter not in _INVERTIBLE:
            msg = f"cannot have ! before -{letter}"
            raise OptionError(msg)
        self.given[letter] = self.invert

    def _protocol(self, letter: str, argument: str) -> None:
        self._set(letter)
        self.draft.protocol = argument.lower()
        number = parse_protocol(self.draft.protocol, self.names)
        if number == 0 and self.invert:
            msg = "rule would never match protocol"
            raise OptionError(msg)
        self.draft.proto = Proto(number, self.invert) if number else None

    def _address(self, letter: str, argument: str) -> None:
        self._set(letter)
        if letter == "s":
            self.source = argument
        else:
            self.destination = argument

    def _interface(self, letter: str, argument: str) -> None:
        if not argument:
            msg = "Empty interface is likely to be undesired"
            raise OptionError(msg)
        self._set(letter)
        if len(argument) + 1 > _IFNAMSIZ:
            msg = f"interface name `{argument}' must be shorter than IFNAMSIZ ({_IFNAMSIZ - 1})"
            raise OptionError(msg)
        if "/" in argument or " " in argument:
            self.command.notices.append(
                f"Warning: weird character in interface `{argument}' ('/' and ' ' are not allowed by the kernel).\n"
            )
        iface = Iface(argument, self.invert)
        if letter == "i":
            self.draft.iif = iface
        else:
            self.draft.oif = iface

    def _jump(self, letter: str, argument: str) -> None:
        self._set("j")
        command = self.command
        command.jumpto = _target_name(argument)
        if letter == "g":
            command.goto = True
            return
        if command.jumpto in STANDARD_TARGETS:
            return
        extension = find_target(command.jumpto)
        if extension is not None:
            self.target = _Loaded(command.jumpto, extension, Values(extension.OPTIONS, self.names, self.draft))
            self.tables.insert(0, extension)

    def _match(self, _letter: str, argument: str) -> None:
        if self.invert:
            msg = "unexpected ! flag before --match"
            raise OptionError(msg)
        if len(argument) >= XT_EXTENSION_MAXNAMELEN:
            msg = f'Invalid match name "{argument}" ({XT_EXTENSION_MAXNAMELEN - 1} chars max)'
            raise OptionError(msg)
        name = match_name(argument)
        self._add_match(name, load_match(name))

    def _table(self, _letter: str, argument: str) -> None:
        if self.invert:
            msg = "unexpected ! flag before --table"
            raise OptionError(msg)
        if self.restore:
            msg = f"The -t option cannot be used in {self.restore}.\n"
            raise OptionError(msg)
        self.command.table = self.draft.table = argument

    def _flag(self, letter: str, _argument: str) -> None:
        command = self.command
        if letter == "v":
            if not command.verbose:
                self._set("v")
            command.verbose += 1
            return
        self._set(letter)
        if letter == "f":
            self.draft.fragment = not self.invert
        elif letter == "n":
            command.numeric = True
        elif letter == "x":
            command.exact = True
        else:
            command.line_numbers = True

    def _counters(self, letter: str, argument: str) -> None:
        self._set(letter)
        packets, comma, octets = argument.partition(",")
        if not comma:
            if not self._has_argument():
                msg = "-c requires packet and byte counter"
                raise OptionError(msg)
            octets = self.more.pop(0)
        numbers = []
        for text, what in ((packets, "packet"), (octets, "byte")):
            found = re.match(r"\s*\+?(\d+)", text, re.ASCII)
            if found is None:
                msg = f"-c {what} counter not numeric"
                raise OptionError(msg)
            numbers.append(min(int(found.group(1)), _ULLONG_MAX))
        self.command.counters = (numbers[0], numbers[1])

    def _waiting(self, letter: str, argument: str) -> None:
        if self.restore:
            msg = f"You cannot use `-{letter}' from iptables-restore"
            raise OptionError(msg)
        if not argument and self._has_argument():
            argument = self.more.pop(0)
        if letter == "w":
            self.command.wait = _wait_time(argument)
            return
        if not argument:
            msg = "wait interval value required"
            raise OptionError(msg)
        value = strtoui(argument)
        if value is None:
            msg = "wait interval not numeric"
            raise OptionError(msg)
        if value > 999999:
            msg = f"too long usec wait {value} > 999999 usec"
            raise OptionError(msg)
        self.command.notices.append("Ignoring deprecated --wait-interval option.\n")
        self.given["W"] = False

    def _version(self, _letter: str, _argument: str) -> None:
        version = self.version.partition(" v")[2]
        raise StopParsing(f"Not {version} ;-)\n" if self.invert else f"{self.version}\n")

    def _family(self, letter: str, _argument: str) -> None:
        if letter == "6":
            if self.restore:
                raise StopParsing
            raise BadArgument

    def _ignored(self, _letter: str, _argument: str) -> None:
        """``--modprobe``: there is nothing to load; ``-b`` says nothing to iptables."""

    # -- what is looked at once all words are read -----------------------------------------------------------------

    def _finish(self) -> Command:
        command, draft = self.command, self.draft
        if command.table == "nat" and "DROP" in {command.policy, command.jumpto}:
            msg = '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n'
            raise OptionError(msg)
        if "W" in self.given and command.wait is None:
            msg = "--wait-interval only makes sense with --wait\n"
            raise OptionError(msg)
        loaded = [*self.matches, *([self.target] if self.target is not None else [])]
        for one in loaded:
            one.extension.final_check(one.values)
            if one.extension.OPTIONS:
                options_fcheck(one.name, one.values)
        if self.more:
            msg = "unknown arguments found on commandline"
            raise OptionError(msg)
        if not command.actions:
            msg = "no command specified"
            raise OptionError(msg)
        if self.invert:
            msg = "nothing appropriate following !"
            raise OptionError(msg)
        self._addresses()
        self._check_options()
        self._check_chain()
        if command.actions[0] in _RULE_COMMANDS:
            command.matches = [one.extension.build(one.values) for one in self.matches]  # type: ignore[misc]
            if self.target is not None:
                command.target = self.target.extension.build(self.target.values)  # type: ignore[assignment]
        draft.table = command.table
        return command

    def _addresses(self) -> None:
        command = self.command
        rule = command.actions[0] in _RULE_COMMANDS
        for letter, text, place in (("s", self.source, command.srcs), ("d", self.destination, command.dsts)):
            if letter in self.given:
                place += parse_addresses(text, self.names, invert=self.given[letter])
            elif rule:
                place.append(Prefix(Ip4(0), 0))
        inverted = self.given.get("s", False) or self.given.get("d", False)
        if inverted and (len(command.srcs) > 1 or len(command.dsts) > 1):
            msg = "! not allowed with multiple source or destination IP addresses"
            raise OptionError(msg)
        if "R" in command.actions and (len(command.srcs) != 1 or len(command.dsts) != 1):
            msg = "Replacement rule does not specify a unique address"
            raise OptionError(msg)

    def _check_options(self) -> None:
        """``generic_opt_check``."""
        for letter in _OPTION_ORDER:
            if letter in self.given and all(letter in _REFUSED[action] for action in self.command.actions):
                msg = f"Illegal option `-{letter}' with this command"
                raise OptionError(msg)

    def _check_chain(self) -> None:
        command = self.command
        chain = command.chain
        if chain is None:
            return
        if len(chain) >= XT_EXTENSION_MAXNAMELEN:
            msg = f"chain name `{chain}' too long (must be under {XT_EXTENSION_MAXNAMELEN} chars)"
            raise OptionError(msg)
        if command.actions[0] in _RULE_COMMANDS or command.actions[0] == "D#":
            for letter, chains in (("o", ("PREROUTING", "INPUT")), ("i", ("POSTROUTING", "OUTPUT"))):
                if letter in self.given and chain in chains:
                    msg = f"Can't use -{letter} with {chain}\n"
                    raise OptionError(msg)


_HANDLERS: Final = {
    "p": Parser._protocol,
    "s": Parser._address,
    "d": Parser._address,
    "i": Parser._interface,
    "o": Parser._interface,
    "j": Parser._jump,
    "g": Parser._jump,
    "m": Parser._match,
    "t": Parser._table,
    "v": Parser._flag,
    "f": Parser._flag,
    "n": Parser._flag,
    "x": Parser._flag,
    "0": Parser._flag,
    "c": Parser._counters,
    "w": Parser._waiting,
    "W": Parser._waiting,
    "V": Parser._version,
    "4": Parser._family,
    "6": Parser._family,
    "M": Parser._ignored,
}


def proto_name(number: int, names: Names, *, lookup: bool) -> str | None:
    """``proto_to_name``: libxtables' own names, then /etc/protocols."""
    for name, known in CHAIN_PROTOS:
        if known == number:
            return name
    return names.protocol_name(number) if number and lookup else None


def match_name(name: str) -> str:
    """How ``xtables_find_match`` calls it."""
    return "icmp6" if name in {"icmpv6", "ipv6-icmp"} else name


def assert_valid_chain_name(name: str, *, announced: bool = False) -> None:
    """``assert_valid_chain_name``: raises ``OptionError``. A chain that was announced may have the name of an extension."""
    if len(name) >= XT_EXTENSION_MAXNAMELEN:
        msg = f"chain name `{name}' too long (must be under {XT_EXTENSION_MAXNAMELEN} chars)"
        raise OptionError(msg)
    if name[:1] in {"-", "!"}:
        msg = f"chain name not allowed to start with `{name[0]}'"
        raise OptionError(msg)
    if name in STANDARD_TARGETS or (is_target(name) and not announced):
        msg = "chain name may not clash with target name"
        raise OptionError(msg)
    if name.split() != [name]:
        msg = f"Invalid chain name `{name}'"
        raise OptionError(msg)


def _target_name(name: str) -> str:
    """``xt_parse_target``."""
    if not name:
        msg = "Invalid target name (too short)"
        raise OptionError(msg)
    if len(name) >= XT_EXTENSION_MAXNAMELEN:
        msg = f"Invalid target name `{name}' ({XT_EXTENSION_MAXNAMELEN - 1} chars max)"
        raise OptionError(msg)
    if name.split() != [name]:
        msg = f"Invalid target name `{name}'"
        raise OptionError(msg)
    return name


def _rule_number(text: str) -> int:
    value = strtoui(text, 1, _INT_MAX)
    if value is None:
        msg = f"Invalid rule number `{text}'"
        raise OptionError(msg)
    return value


def _wait_time(text: str) -> int:
    """``parse_wait_time``: -1 waits for ever."""
    if not text:
        return -1
    found = re.match(r"\s*[+-]?\d+", text, re.ASCII)
    if found is None:
        msg = "wait seconds not numeric"
        raise OptionError(msg)
    return int(found.group())
