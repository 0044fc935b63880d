"""A command is carried out on an edit (``do_commandx``, iptables/xtables.c; ``do_command4``, iptables/iptables.c)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.netfilter.command import Command
from podwire.linux.netfilter.edit import Edit, MissingChain
from podwire.linux.netfilter.errors import EditError
from podwire.linux.netfilter.grammar import STANDARD_TARGETS
from podwire.linux.netfilter.nft import check_words
from podwire.linux.netfilter.tables import Jump, RuleSpec, Standard
from podwire.linux.netfilter.xt.options import OptionError

if TYPE_CHECKING:
    from podwire.linux.netfilter.xt.base import Target

RULES: Final = frozenset({"A", "C", "D", "I", "R"})
LISTINGS: Final = frozenset({"L", "S"})


def apply(edit: Edit, command: Command) -> None:
    """Carry out every action of the command but ``-L`` and ``-S``.

    Raises ``OptionError``, ``EditError``, ``NotModelled``; what the kernel says comes when the edit is committed.
    """
    for action in command.actions:
        if action in RULES:
            _rules(edit, command, action)
        elif action not in LISTINGS:
            _other(edit, command, action)


def _other(edit: Edit, command: Command, action: str) -> None:
    chain, verbose = command.chain, bool(command.verbose)
    if action == "F":
        edit.flush(chain, verbose=verbose)
    elif action == "Z":
        edit.zero(chain, verbose=verbose)
    elif action == "X":
        edit.delete_chain(chain, verbose=verbose)
    elif chain is None:
        raise EditError("", 2, edit.variant)
    elif action == "Z#":
        edit.zero_number(chain, command.rulenum)
    elif action == "D#":
        edit.delete_number(chain, command.rulenum)
    elif action == "N":
        edit.new_chain(chain)
    elif action == "E":
        edit.rename(chain, command.newname)
    else:
        # nft leaves the counters of -P alone.
        edit.policy(chain, command.policy, None if edit.nft else command.counters)


def _rules(edit: Edit, command: Command, action: str) -> None:
    """``append_entry`` and its kin: one rule for each pair of addresses. libiptc tries them all, nft stops at the first that fails."""
    chain = command.chain or ""
    target = resolve(edit, command)
    error: EditError | None = None
    for spec in specs(command, target):
        try:
            if action == "A":
                edit.append(chain, spec, command.counters)
            elif action == "I":
                edit.insert(chain, spec, command.rulenum, command.counters)
            elif action == "R":
                edit.replace(chain, spec, command.rulenum, command.counters)
            elif action == "D":
                edit.delete(chain, spec)
            else:
                edit.lookup(chain, spec)
        except EditError as failed:
            if edit.nft:
                raise
            error = failed
    if error is not None:
        raise error


def specs(command: Command, target: Target | None) -> list[RuleSpec]:
    """The rules of a command: every source with every destination."""
    draft = command.draft
    matches = tuple(command.matches)
    return [
        RuleSpec(
            src=src if src.mask or src.invert or src.addr else None,
            dst=dst if dst.mask or dst.invert or dst.addr else None,
            iif=draft.iif,
            oif=draft.oif,
            proto=draft.proto,
            fragment=draft.fragment,
            matches=matches,
            target=target,
        )
        for src in command.srcs
        for dst in command.dsts
    ]


def resolve(edit: Edit, command: Command) -> Target | None:
    """Is ``-j NAME`` a verdict, a chain or an extension? Raises ``OptionError``."""
    name = command.jumpto
    if edit.nft:
        draft = command.draft
        check_words(RuleSpec(proto=draft.proto, matches=tuple(command.matches)))
        if command.target is not None:
            return command.target
    elif edit.is_chain(name):
        if command.target is not None:
            command.notices.append(f"Warning: using chain {name}, not extension\n")
        return Jump(name, command.goto)
    elif command.target is not None:
        return command.target
    if name in STANDARD_TARGETS and not command.goto:
        if name == "QUEUE":
            what = "-j QUEUE"
            raise NotModelled(what, "iptables")
        return Standard(name) if name else None
    if not edit.nft:
        msg = (
            f"goto '{name}' is not a chain"
            if command.goto
            else f"Couldn't load target `{name}':No such file or directory\n"
        )
        raise OptionError(msg)
    if not edit.is_chain(name):
        raise MissingChain(name)
    return Jump(name, command.goto)


_OPERATIONS: Final = MappingProxyType(
    {
        "A": "RULE_APPEND",
        "I": "RULE_INSERT",
        "R": "RULE_REPLACE",
        "D": "RULE_DELETE",
        "D#": "RULE_DELETE",
        "N": "CHAIN_USER_ADD",
        "X": "CHAIN_DEL",
        "E": "CHAIN_RENAME",
        "P": "CHAIN_UPDATE",
    }
)


def operation(command: Command, errno: int) -> tuple[str, int, str]:
    """How iptables-nft calls what it asked nf_tables for: the type, the errno, and what it was about (``mnl_append_error``)."""
    kind = _OPERATIONS.get(command.actions[0], "RULE_FLUSH")
    what = "rule in chain" if kind.startswith("RULE") else "chain"
    return kind, errno, f"{what} {command.chain}"
