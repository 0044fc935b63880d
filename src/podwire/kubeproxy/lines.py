"""Lines for iptables-restore, and who each was written for."""

from __future__ import annotations

from podwire.trace.events import Owner


class Lines:
    """Lines in order; ``owners`` has one owner a line."""

    __slots__ = ("owners", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.owners: list[Owner] = []

    def add(self, line: str, owner: Owner) -> None:
        """One more."""
        self.text.append(line)
        self.owners.append(owner)

    def extend(self, other: Lines) -> None:
        """All of another's."""
        self.text += other.text
        self.owners += other.owners

    def __len__(self) -> int:
        return len(self.text)


def chain_line(chain: str) -> str:
    """The line that makes a chain, or empties it."""
    return f":{chain} - [0:0]"
