"""What a ping found, for the Python API."""

from __future__ import annotations

import msgspec


class PingResult(msgspec.Struct):
    """Counts as in ping's statistics; ``rtts`` in ms in order of arrival, ``ttl`` of the last reply, ``text`` as printed, once it ended."""

    sent: int = 0
    received: int = 0
    errors: int = 0
    duplicates: int = 0
    rtts: list[float] = []
    ttl: int | None = None
    text: str = ""

    @property
    def lost(self) -> int:
        """Requests without a reply."""
        return self.sent - self.received
