"""iptables-restore: tables are read line by line, and each takes effect as a whole at its ``COMMIT``.

``xtables_restore_parse_line`` (iptables/xtables-restore.c) and ``ip46tables_restore_main`` (iptables/iptables-restore.c) of 1.8.9.
iptables-nft looks at every line of a table before it tries the first edit; iptables-legacy edits as it reads.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Sequence
from errno import EEXIST
from typing import TYPE_CHECKING, Final, NoReturn

from podwire.errors import NotModelled, PodwireError
from podwire.linux.netfilter.apply import LISTINGS, apply, operation
from podwire.linux.netfilter.command import BadArgument, Command, StopParsing
from podwire.linux.netfilter.edit import Edit, MissingChain, Say
from podwire.linux.netfilter.errors import EditError, TransactionError
from podwire.linux.netfilter.fast import FastLines
from podwire.linux.netfilter.grammar import STANDARD_TARGETS, XT_EXTENSION_MAXNAMELEN, assert_valid_chain_name
from podwire.linux.netfilter.lines import rule_counters, split_words
from podwire.linux.netfilter.nft import check_words
from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.tables import NFT, TABLE_HOOKS, RuleSpec
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.netfilter.xt.options import OTHER_PROBLEM, PARAMETER_PROBLEM, RESOURCE_PROBLEM, Names, OptionError

if TYPE_CHECKING:
    from podwire.linux.rtnl.netfilter import NetfilterVerbs
    from podwire.trace.events import Owner

VERSIONS: Final = {"nft": "1.8.9 (nf_tables)", "legacy": "1.8.9 (legacy)"}
_LONGEST_LINE: Final = 10239
_MOST_WORDS: Final = 251
_MOST_ERRORS: Final = 16
_COUNTERS: Final = re.compile(r"\[\s*\+?(\d+):\s*\+?(\d+)", re.ASCII)


def _strtok(text: str) -> list[str]:
    """``strtok`` with blanks and tabs: a carriage return belongs to its word."""
    return [word for word in re.split("[ \t]", text) if word]


class RestoreError(PodwireError):
    """iptables-restore stops: ``text`` is all that it prints, ``line`` where it stands (0: unknown), ``status`` how it exits.

    Tables whose ``COMMIT`` came before are in place.
    """

    def __init__(self, text: str, status: int, line: int) -> None:
        super().__init__(text, status, line)
        self.text = text
        self.status = status
        self.line = line

    def __str__(self) -> str:
        return " ".join(self.text.split("\nTry `")[0].split())


class Restore:
    """One run. ``say`` hears what ``-v`` prints; ``only`` is ``-T TABLE``; with ``test`` nothing takes effect.

    ``owners`` has an owner for each line, None: all are the door's writer's.
    """

    def __init__(
        self,
        door: NetfilterVerbs,
        variant: str = NFT,
        *,
        names: Names | None = None,
        noflush: bool = False,
        counters: bool = False,
        verbose: int = 0,
        test: bool = False,
        only: str | None = None,
        program: str = "iptables-restore",
        say: Say | None = None,
        notice: Callable[[str], None] | None = None,
        owners: Sequence[Owner] | None = None,
    ) -> None:
        self.door = door
        self.owners = owners
        self.variant = variant
        self.nft = variant == NFT
        self.names = names or Names()
        self.noflush = noflush
        self.counters = counters
        self.verbose = verbose
        self.test = test
        self.only = only
        self.program = program
        self.say = say
        self.notice = notice
        self.line = 0
        self.edit: Edit | None = None
        self.table = ""
        """The last one that was named."""
        self._lines: list[str] = []
        self._begin = 0
        self._last = 0
        self._open_end = False
        """The last line has no newline."""
        self._pending: tuple[int, EditError | MissingChain] | None = None
        """nft: an edit that failed; it is told once the table has been read."""
        self._fast: FastLines | None = None

    def run(self, text: str) -> None:
        """Read it all; raises ``RestoreError``, ``StopParsing``, ``NotModelled``."""
        # Rules are kept, and none is garbage: to look for some again and again among a hundred thousand takes a third of the time.
        collects = gc.isenabled()
        gc.disable()
        try:
            self._run(text)
        finally:
            if collects:
                gc.enable()

    def _run(self, text: str) -> None:
        lines = text.split("\n")
        self._open_end = bool(lines[-1])
        if not self._open_end:
            lines.pop()
        self._last = len(lines)
        self._lines = lines
        owners = self.owners
        for number, line in enumerate(lines, 1):
            edit = self.edit
            if owners is not None and edit is not None:
                edit.owner = owners[number - 1]
            if (
                edit is not None
                and self._fast is not None
                and line[:1] in {"-", "["}
                and self._fast.append(edit, line, counted=self.counters)
            ):
                continue
            self.line = number
            self._one(line)
        if self.edit is not None:
            self._stop(f"{self.program}: COMMIT expected at line {len(lines) + 1}\n")

    def _one(self, line: str) -> None:
        try:
            self._dispatch(line)
        except OptionError as error:
            self._option_error(error)
        except BadArgument as error:
            self._stop(f"{error.text}Error occurred at line: {self.line}\n{self._hint()}", PARAMETER_PROBLEM)
        except EditError as error:
            self._edit_error(error, self.line)
        except TransactionError as error:
            self._option_error(OptionError(error.text, RESOURCE_PROBLEM))

    # -- what is said ---------------------------------------------------------------------------------------------

    def _hint(self) -> str:
        return f"Try `{self.program} -h' or '{self.program} --help' for more information.\n"

    def _stop(self, text: str, status: int = 1) -> NoReturn:
        raise RestoreError(text, status, self.line)

    def _option_error(self, error: OptionError) -> NoReturn:
        """``xtables_error``."""
        text = f"{self.program} v{VERSIONS[self.variant]}: {error.text}\n"
        if error.status == PARAMETER_PROBLEM:
            text += f"Error occurred at line: {self.line}\n{self._hint()}"
        self._stop(text, error.status)

    def _edit_error(self, error: EditError, line: int) -> NoReturn:
        tail = f": {error.text}." if self.nft else ""
        raise RestoreError(f"{self.program}: line {line} failed{tail}\n", 1, line)

    # -- lines ----------------------------------------------------------------------------------------------------

    def _dispatch(self, line: str) -> None:
        edit = self.edit
        if len(line) > _LONGEST_LINE:
            msg = f"a line of more than {_LONGEST_LINE} characters"
            raise NotModelled(msg, "iptables-restore")
        if not line:
            return
        if line[0] == "#":
            if self.verbose and self.say is not None:
                self.say(f"{line}\n")
        elif edit is None:
            if line[0] == "*":
                self._new_table(line)
            elif not self._skipped():
                self._stop(f"{self.program}: line {self.line} failed\n")
        elif line == "COMMIT" and (self.nft or not self._open_end or self.line < self._last):
            self._commit(edit)
        elif line[0] == ":":
            self._chain(edit, line)
        else:
            self._command(edit, line)

    def _skipped(self) -> bool:
        """``-T``: another table's lines."""
        return self.only is not None and self.table not in {"", self.only}

    def _new_table(self, line: str) -> None:
        words = _strtok(line[1:])
        if not words:
            msg = f"{self.program}: line {self.line} table name invalid"
            raise OptionError(msg)
        name = words[0]
        if self.nft and name not in TABLE_HOOKS:
            msg = f"{self.program}: line {self.line} table name '{name}' invalid"
            raise OptionError(msg)
        self.table = name
        if self.only is not None and self.only != name:
            return
        if name not in TABLE_HOOKS:
            msg = f"{self.program}: unable to initialize table '{name}'"
            raise OptionError(msg)
        self.edit = edit = self.door.xt_open(self.variant, name)
        if self.say is not None and self.verbose and not self.noflush:
            edit.say = self.say
        edit.line = self.line
        self._pending = None
        self._begin = self.line
        if not self.noflush:
            edit.flush_table(verbose=self.verbose > 0)
        self._fast = FastLines(self.names, self.variant, name) if not (self.verbose or self.test) else None

    def _chain(self, edit: Edit, line: str) -> None:
        words = _strtok(line[1:])
        if not words:
            msg = f"{self.program}: line {self.line} chain name invalid"
            raise OptionError(msg)
        chain = words[0]
        if self.nft:
            assert_valid_chain_name(chain, announced=True)
        elif len(chain) >= XT_EXTENSION_MAXNAMELEN:
            msg = f"Invalid chain name `{chain}' ({XT_EXTENSION_MAXNAMELEN - 1} chars max)"
            raise OptionError(msg)
        elif chain not in edit.base:
            self._legacy_chain(edit, chain)
        if len(words) < 2:
            msg = f"{self.program}: line {self.line} policy invalid"
            raise OptionError(msg)
        if self.nft and self._pending is None and not (self.test or chain in edit.base):
            edit.restore_chain(chain)
            return
        counters = self._policy_counters(edit, chain, words)
        if self.nft:
            if chain in edit.base:
                self._do(edit, lambda: edit.policy(chain, words[1], counters))
            else:
                self._do(edit, lambda: edit.restore_chain(chain))
        elif words[1] != "-":
            try:
                edit.policy(chain, words[1], counters or (0, 0))
            except EditError as error:
                msg = f"Can't set policy `{words[1]}' on `{chain}' line {self.line}: {error.text}"
                raise OptionError(msg, OTHER_PROBLEM) from None

    def _legacy_chain(self, edit: Edit, chain: str) -> None:
        if self.noflush and edit.is_chain(chain):
            edit.flush(chain)
            return
        try:
            if chain in STANDARD_TARGETS:
                raise EditError("chain_user_add", EEXIST, self.variant)  # noqa: TRY301 - as TC_CREATE_CHAIN
            edit.new_chain(chain)
        except EditError as error:
            msg = f"error creating chain '{chain}':{os.strerror(error.errno)}"
            raise OptionError(msg) from None

    def _policy_counters(self, edit: Edit, chain: str, words: list[str]) -> tuple[int, int] | None:
        """``[5:420]`` behind the policy; it has to be there where counters are asked for with ``-c``."""
        if not self.counters or not (chain in edit.base if self.nft else words[1] != "-"):
            return None
        found = _COUNTERS.match(words[2]) if len(words) > 2 else None
        if found is None:
            msg = f"invalid policy counters for chain '{chain}'"
            raise OptionError(msg)
        return int(found.group(1)), int(found.group(2))

    def _command(self, edit: Edit, line: str) -> None:
        try:
            command = self._parse(line)
        except StopParsing as stop:
            if stop.text:
                raise
            return
        if LISTINGS.intersection(command.actions):
            msg = "a listing between the lines"
            raise NotModelled(msg, self.program)
        if command.verbose > 1:
            msg = "-vv"
            raise NotModelled(msg, self.program)
        quiet = edit.say
        if self.say is not None and command.verbose:
            edit.say = self.say
        for text in command.notices:
            self._tell(text)
        del command.notices[:]
        if self.nft:
            check_words(RuleSpec(proto=command.draft.proto, matches=tuple(command.matches)))
        self._do(edit, lambda: apply(edit, command))
        edit.say = quiet
        for text in command.notices:
            self._tell(text)

    def _parse(self, line: str) -> Command:
        """A line is a command."""
        counters, rest = rule_counters(line, self.line)
        words = split_words(rest + "\n")
        if counters is not None and self.counters:
            words[:0] = ["--set-counters", *counters]
        if not self.noflush:
            words[:0] = ["-v"] * self.verbose
        if len(words) > _MOST_WORDS:
            msg = "Parser cannot handle more arguments"
            raise OptionError(msg)
        parser = Parser(
            words,
            names=self.names,
            variant=self.variant,
            table=self.table,
            restore=self.program,
            version=f"{self.program} v{VERSIONS[self.variant]}",
        )
        return parser.parse()

    def _tell(self, text: str) -> None:
        if self.notice is not None:
            self.notice(text)

    def _do(self, edit: Edit, work: Callable[[], None]) -> None:
        """Legacy edits at once. nft reads the whole table first: what fails is told at its end, what comes behind it is not tried."""
        edit.line = self.line
        if not self.nft:
            work()
        elif self._pending is None and not self.test:
            try:
                work()
            except (EditError, MissingChain) as error:
                self._pending = (self.line, error)
                self._fast = None

    def _commit(self, edit: Edit) -> None:
        self.edit = None
        self._fast = None
        if self.test:
            return
        if self._pending is not None:
            line, error = self._pending
            if isinstance(error, EditError):
                self._edit_error(error, line)
            raise error
        try:
            self.door.xt_apply(edit)
        except XtCheckError as error:
            self._refused(error)

    def _refused(self, error: XtCheckError) -> NoReturn:
        """The kernel does not take the table. nf_tables names each operation that it refuses."""
        if not self.nft:
            self._stop(f"{self.program}: line {self.line} failed\n")
        failed: list[tuple[int, str, int, str]] = []
        wrong = self._first_wrong(())
        while wrong is not None and len(failed) < _MOST_ERRORS:
            line, errno = wrong
            command = self._parse(self._lines[line - 1])
            failed.append((line, *operation(command, errno)))
            wrong = self._first_wrong(tuple(one[0] for one in failed))
        raise TransactionError(tuple(failed) or ((self.line, "RULE_APPEND", error.errno, "rule"),))

    def _first_wrong(self, without: tuple[int, ...]) -> tuple[int, int] | None:
        """The first line whose edit nf_tables refuses, and the errno: the shortest beginning of the table that it does not take."""
        low, high = self._begin, self.line - 1
        errno = self._try(high, without)
        if not errno:
            return None
        while low + 1 < high:
            middle = (low + high) // 2
            here = self._try(middle, without)
            if here:
                high, errno = middle, here
            else:
                low = middle
        return high, errno

    def _try(self, last: int, without: tuple[int, ...]) -> int:
        """The errno that the table's lines up to ``last`` would end with."""
        again = Restore(self.door, self.variant, names=self.names, noflush=self.noflush, program=self.program)
        again._lines, again._last = self._lines, last + 1
        for number in range(self._begin, last + 1):
            again.line = number
            if number not in without:
                again._dispatch(self._lines[number - 1])
        edit = again.edit
        if edit is None:
            return 0
        try:
            self.door.xt_check(edit)
        except XtCheckError as error:
            return error.errno
        return 0
