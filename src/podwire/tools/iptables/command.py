"""``iptables``, ``iptables-nft`` and ``iptables-legacy`` 1.8.9."""

from __future__ import annotations

from errno import EAGAIN, EINVAL, ENOENT
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.netfilter.apply import apply, operation
from podwire.linux.netfilter.command import BadArgument, StopParsing
from podwire.linux.netfilter.errors import EditError, TransactionError
from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.save import chains_in_order, rule_text
from podwire.linux.netfilter.tables import LEGACY, NFT, TABLE_HOOKS, Chain, Table
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.netfilter.xt.options import (
    OTHER_PROBLEM,
    PARAMETER_PROBLEM,
    RESOURCE_PROBLEM,
    VERSION_PROBLEM,
    OptionError,
)
from podwire.linux.netlink import Netlink
from podwire.tools.iptables.listing import Format, header, rule_line, sayer
from podwire.tools.iptables.names import PlaceNames
from podwire.trace.events import Owner

if TYPE_CHECKING:
    from podwire.linux.netfilter.command import Command
    from podwire.linux.netfilter.edit import Edit
    from podwire.tools.process import Process

VERSIONS: Final = {NFT: "1.8.9 (nf_tables)", LEGACY: "1.8.9 (legacy)"}
_PROGRAM: Final = "iptables"
_HINT: Final = "Try `iptables -h' or 'iptables --help' for more information.\n"
_DMESG: Final = " Run `dmesg' for more information."


def variant_of(proc: Process) -> str:
    """Which tables the command works on: its name says so, else the image."""
    name = proc.argv[0].rpartition("/")[2]
    for variant in (NFT, LEGACY):
        if f"-{variant}" in name:
            return variant
    return LEGACY if proc.image.tools.get("iptables") == LEGACY else NFT


def warn_of_legacy(proc: Process, *, save: bool = False) -> None:
    """``nft_check_xt_legacy``: the namespace has tables of iptables-legacy, too."""
    if any(variant == LEGACY for variant, _ in proc.place.netns.xtables.tables):
        tail = "-save" if save else ""
        proc.error(f"# Warning: iptables-legacy tables present, use iptables-legacy{tail} to see them\n")


def iptables(proc: Process) -> int:
    """One command."""
    tool = _Tool(proc)
    try:
        tool.run()
    except OptionError as error:
        return tool.option_error(error)
    except BadArgument as bad:
        proc.error(f"{bad.text}{_HINT}")
        return PARAMETER_PROBLEM
    except StopParsing as stop:
        proc.write(stop.text)
        return stop.status
    except EditError as error:
        dmesg = _DMESG if error.errno == EINVAL else ""
        proc.error(f"{_PROGRAM}: {error.text}.{dmesg}\n")
        return RESOURCE_PROBLEM if error.errno == EAGAIN else 1
    except TransactionError as error:
        return tool.option_error(OptionError(error.text, RESOURCE_PROBLEM))
    return 0


class _Tool:
    def __init__(self, proc: Process) -> None:
        self.proc = proc
        self.variant = variant_of(proc)
        self.names = PlaceNames(proc.place)
        self.door = Netlink(proc.place.netns, Owner("iptables"))

    def option_error(self, error: OptionError) -> int:
        """``xtables_error``."""
        text = f"{_PROGRAM} v{VERSIONS[self.variant]}: {error.text}\n"
        if error.status == PARAMETER_PROBLEM:
            text += _HINT
        elif error.status == VERSION_PROBLEM:
            text += "Perhaps iptables or your kernel needs to be upgraded.\n"
        self.proc.error(text)
        return error.status

    def run(self) -> None:
        """Raises whatever ends the command with an error."""
        parser = Parser(
            self.proc.argv[1:],
            names=self.names,
            variant=self.variant,
            version=f"{_PROGRAM} v{VERSIONS[self.variant]}",
            program=self.proc.argv[0],
        )
        try:
            command = parser.parse()
        finally:
            self._tell(parser.command)
        if command.verbose > 1:
            what = "-vv"
            raise NotModelled(what, _PROGRAM)
        self._check_table(command.table)
        edit = self.door.xt_open(self.variant, command.table)
        edit.say = sayer(self.proc.write, self.names, self.variant) if command.verbose else edit.say
        self._list(edit, command)
        try:
            apply(edit, command)
            self._tell(command)
            self.door.xt_apply(edit)
        except XtCheckError as error:
            if self.variant == NFT:
                raise TransactionError(((0, *operation(command, error.errno)),)) from None
            raise EditError("commit", error.errno, self.variant) from None

    def _tell(self, command: Command) -> None:
        for text in command.notices:
            self.proc.error(text)
        del command.notices[:]

    def _check_table(self, name: str) -> None:
        if name not in TABLE_HOOKS:
            msg = f"table '{name}' does not exist"
            if self.variant == LEGACY:
                msg = f"can't initialize iptables table `{name}': Table does not exist (do you need to insmod?)"
            raise OptionError(msg, VERSION_PROBLEM)

    # -- -L and -S ------------------------------------------------------------------------------------------------

    def _list(self, edit: Edit, command: Command) -> None:
        actions = command.actions
        if "L" not in actions and "S" not in actions:
            return
        nft = self.variant == NFT
        if nft:
            warn_of_legacy(self.proc)
        table = Table(edit.name, self.variant)
        table.chains = edit.chains
        chains = chains_in_order(table)
        if command.chain is not None:
            chains = [chain for chain in chains if chain.name == command.chain]
            if not chains:
                if not nft:
                    raise EditError("list", ENOENT, self.variant)
                msg = f"chain `{command.chain}' in table `{edit.name}' is incompatible, use 'nft' tool."
                raise OptionError(msg, OTHER_PROBLEM)
        if "L" in actions:
            self._list_entries(edit, command, chains)
        else:
            self._list_rules(command, chains)

    def _list_entries(self, edit: Edit, command: Command, chains: list[Chain]) -> None:
        form = Format(
            self.names,
            numeric=command.numeric,
            counters=bool(command.verbose),
            exact=command.exact,
            line_numbers=command.line_numbers,
            interfaces=bool(command.verbose),
            words=self.proc.image.tools.get("iptables") == "1.8.7",
        )
        blank = ""
        for chain in chains:
            if not command.rulenum:
                references = edit.references(chain.name) if chain.policy is None else 0
                self.proc.write(f"{blank}{header(chain, references, form)}")
                blank = "\n"
            for number, rule in enumerate(chain.rules, 1):
                if not command.rulenum or number == command.rulenum:
                    self.proc.write(rule_line(rule.spec, form, self.variant, number, rule))

    def _list_rules(self, command: Command, chains: list[Chain]) -> None:
        verbose = bool(command.verbose)
        if not command.rulenum:
            for chain in chains:
                counters = f" -c {chain.packets} {chain.bytes}" if verbose and chain.policy is not None else ""
                self.proc.write(f"-P {chain.name} {chain.policy}{counters}\n" if chain.policy else f"-N {chain.name}\n")
        for chain in chains:
            for number, rule in enumerate(chain.rules, 1):
                if not command.rulenum or number == command.rulenum:
                    counted = (rule.packets, rule.bytes) if verbose else None
                    text = rule_text(rule.spec, self.variant, counted)
                    self.proc.write(
                        f"-A {chain.name} {text}".rstrip() + "\n" if not text else f"-A {chain.name} {text}\n"
                    )
