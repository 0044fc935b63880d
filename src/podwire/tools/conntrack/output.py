"""What ``conntrack`` writes to its standard output, and when: stdio keeps it back where nobody watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.tools.conntrack.text import default_text, save_text
from podwire.tools.conntrack.xml import HEAD, TAIL, xml_text

if TYPE_CHECKING:
    from podwire.tools.conntrack.told import Told
    from podwire.tools.process import Process

_BLOCK: Final = 4096
"""BUFSIZ of a pipe or file: what is written comes out when so much has gathered, or at the end."""
_NSEC: Final = 1_000_000_000


class Output:
    """One run's standard output. ``outputs`` are the words of ``-o``."""

    def __init__(self, proc: Process, outputs: frozenset[str]) -> None:
        self._proc = proc
        self._outputs = outputs
        self._pending = ""
        self._head = False
        if "labels" in outputs:
            # There is no /etc/xtables/connlabel.conf here.
            proc.error("nfct_labelmap_new: No such file or directory\n")

    def write(self, text: str) -> None:
        """``printf``."""
        self._pending += text
        if 1 in self._proc.terminals:
            self.flush()
        while len(self._pending) > _BLOCK:
            self._proc.write(self._pending[:_BLOCK])
            self._pending = self._pending[_BLOCK:]

    def flush(self) -> None:
        """``fflush``, or the end."""
        if self._pending:
            text, self._pending = self._pending, ""
            self._proc.write(text)

    def connection(self, one: Told, *, head: bool = True, tail: str = "", deleted: bool = False) -> None:
        """A line about a connection; ``head`` puts what XML begins with before the first one, ``deleted`` lets ``-o save`` say so."""
        out = self._outputs
        if "save" in out:
            text = save_text(one, deleted=deleted)
        elif "xml" in out:
            if head and not self._head:
                self._head = True
                self.write(HEAD)
            stamps, when = head and "ktimestamp" in out, bool(one.kind) and "timestamp" in out
            text = xml_text(one, stamps=stamps, when=when)
        else:
            if one.kind and "timestamp" in out:
                self.write(f"[{one.time // _NSEC:08}.{one.time % _NSEC // 1000:06}]\t")
            text = default_text(one, layer3="extended" in out, stamps=head and "ktimestamp" in out, number="id" in out)
        self.write(f"{text}{tail}\n")

    def close(self) -> None:
        """The end of the XML, if it has begun."""
        if self._head:
            self.write(TAIL)
            self.flush()
