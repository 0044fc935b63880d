"""What goes wrong, and how ``ipset`` says it (lib/session.c ipset_session_report, lib/ipset.c default_custom_error)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NoReturn

from podwire.tools.args import Exit

if TYPE_CHECKING:
    from podwire.tools.process import Process

VERSION: Final = "7.17"
OTHER: Final = 1
PARAMETER: Final = 2
"""Exit statuses: a parameter problem shows the hint."""


class Kind(IntEnum):
    """``enum ipset_err_type``."""

    NONE = 0
    WARNING = 1
    NOTICE = 2
    ERROR = 3


class Report:
    """The report buffer: messages of one kind add up, a worse one replaces what was there.

    In restore mode an error begins with the number of its line.
    """

    def __init__(self, proc: Process) -> None:
        self.proc = proc
        self.text = ""
        self.kind = Kind.NONE
        self.lineno = 0
        self.quiet = False

    def add(self, kind: Kind, text: str) -> None:
        """``ipset_session_report``."""
        if Kind.NONE < self.kind < kind:
            self.text = ""
        if self.lineno and kind is Kind.ERROR:
            self.text = f"Error in line {self.lineno}: "
        self.text += f"{text}\n"
        self.kind = kind

    def reset(self) -> None:
        """``ipset_session_report_reset``."""
        self.text, self.kind = "", Kind.NONE

    def error(self, text: str) -> NoReturn:
        """``ipset_err``, and the command ends."""
        self.add(Kind.ERROR, text)
        self.finish()

    def syntax(self, text: str) -> NoReturn:
        """``syntax_err``, and the command ends."""
        self.error(f"Syntax error: {text}")

    def finish(self) -> NoReturn:
        """``standard_error``: what was reported is said, and the command ends; a warning is no failure."""
        if self.kind in {Kind.WARNING, Kind.NOTICE}:
            if not self.quiet:
                self.proc.error(("Warning: " if self.kind is Kind.WARNING else "") + self.text)
            raise Exit(0 if self.kind is Kind.WARNING else OTHER)
        if self.kind is Kind.ERROR and not self.quiet:
            self.proc.error(f"ipset v{VERSION}: {self.text}")
        raise Exit(OTHER)

    def problem(self, status: int, text: str) -> NoReturn:
        """``custom_error``: say it, with the hint where a parameter is wrong, and end."""
        if not self.quiet:
            self.proc.error(f"ipset v{VERSION}: {text}\n")
            if status == PARAMETER:
                self.proc.error("Try `ipset help' for more information.\n")
        raise Exit(status)
