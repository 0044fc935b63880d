"""One command of iptables is read: words become a ``Command`` (``do_parse``, iptables/xshared.c of iptables 1.8.9).

The lines of iptables-restore are such commands too. Whatever is wrong with one is an ``OptionError``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from podwire.errors import NotModelled
from podwire.linux.netfilter.address import parse_addresses
from podwire.linux.netfilter.command import BadArgument, Command, StopParsing
from podwire.linux.netfilter.getopt import Getopt, Loaded
from podwire.linux.netfilter.grammar import (
    STANDARD_TARGETS,
    WAIT_INTERVAL_IGNORED,
    XT_EXTENSION_MAXNAMELEN,
    assert_valid_chain_name,
    match_name,
    rule_number,
    target_name,
    wait_interval,
    wait_time,
)
from podwire.linux.netfilter.tables import Iface, Prefix, Proto
from podwire.linux.netfilter.xt.options import Names, OptionError, Values, options_fcheck, parse_protocol
from podwire.linux.netfilter.xt.registry import find_target, load_match
from podwire.wire.addr import Ip4

_IFNAMSIZ: Final = 16
_ULLONG_MAX: Final = (1 << 64) - 1
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


class Parser(Getopt):
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
        program: str = "",
    ) -> None:
        super().__init__(words, names=names, variant=variant, table=table, program=program or restore or "iptables")
        self.restore = restore
        self.version = version
        self.source = self.destination = ""

    def parse(self) -> Command:
        """Read all words; raises ``OptionError``, ``BadArgument``, ``StopParsing``, ``NotModelled``."""
        self.read()
        return self._finish()

    def own(self, letter: str, argument: str | None) -> None:
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
            command.rulenum = rule_number(self.more.pop(0))
            if letter in "DZ":
                command.actions[-1] = f"{letter}#"
                if letter == "Z":
                    command.actions[:] = command.actions[-1:]
        elif letter == "R":
            if not self._has_argument():
                msg = "-R requires a rule number"
                raise OptionError(msg)
            command.rulenum = rule_number(self.more.pop(0))
        elif letter == "I":
            command.rulenum = rule_number(self.more.pop(0)) if self._has_argument() else 1
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
        command.jumpto = target_name(argument)
        if letter == "g":
            command.goto = True
            return
        if command.jumpto in STANDARD_TARGETS:
            return
        extension = find_target(command.jumpto)
        if extension is not None:
            self.target = Loaded(command.jumpto, extension, Values(extension.OPTIONS, self.names, self.draft))
            self.tables.insert(0, extension)

    def _match(self, _letter: str, argument: str) -> None:
        if self.invert:
            msg = "unexpected ! flag before --match"
            raise OptionError(msg)
        if len(argument) >= XT_EXTENSION_MAXNAMELEN:
            msg = f'Invalid match name "{argument}" ({XT_EXTENSION_MAXNAMELEN - 1} chars max)'
            raise OptionError(msg)
        name = match_name(argument)
        self.add_match(name, load_match(name))

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
            found = re.match(r"\s*([+-]?)(\d+)", text, re.ASCII)
            if found is None:
                msg = f"-c {what} counter not numeric"
                raise OptionError(msg)
            # strtoull: too much is the most there is, and below 0 it goes on from there.
            value = min(int(found.group(2)), _ULLONG_MAX)
            numbers.append(-value & _ULLONG_MAX if found.group(1) == "-" and value < _ULLONG_MAX else value)
        self.command.counters = (numbers[0], numbers[1])

    def _waiting(self, letter: str, argument: str) -> None:
        if self.restore:
            msg = f"You cannot use `-{letter}' from iptables-restore"
            raise OptionError(msg)
        if not argument and self._has_argument():
            argument = self.more.pop(0)
        if letter == "w":
            self.command.wait = wait_time(argument)
            return
        wait_interval(argument)
        self.command.notices.append(WAIT_INTERVAL_IGNORED)
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
