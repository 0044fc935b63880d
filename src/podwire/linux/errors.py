"""What the kernel answers to a request that it refuses."""

from __future__ import annotations

import os

from podwire.errors import PodwireError


class NetlinkError(PodwireError):
    """An error of the door: ``errno`` and the kernel's extended acknowledgement, if it gives one.

    iproute2 prints ``Error: TEXT.`` for an extended acknowledgement, else ``RTNETLINK answers: STRERROR``.
    """

    def __init__(self, errno: int, extack: str = "") -> None:
        super().__init__(extack or os.strerror(errno))
        self.errno = errno
        self.extack = extack

    @property
    def strerror(self) -> str:
        """The C library's text of the number."""
        return os.strerror(self.errno)
