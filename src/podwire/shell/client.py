"""One shim that is connected: its process in the simulator, and its output on the way to where it belongs."""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from podwire.fabric.clock import Alarm
    from podwire.tools.process import Process

_CHUNK: Final = 4096
"""PIPE_BUF: what a pipe that polls writable takes without blocking."""


class Request(msgspec.Struct, frozen=True):
    """What a shim says first."""

    directory: str
    place: str
    terminals: frozenset[int]
    deaf: bool
    """^C was ignored when it started, as a shell does for what runs in the background."""
    argv: list[str]


_NOTHING: Final = Request("", "", frozenset(), deaf=False, argv=[])


def decode(data: bytes) -> Request:
    """Read a request."""
    directory, place, flags, *argv = (os.fsdecode(field) for field in data.split(b"\0"))
    return Request(directory, place, frozenset(map(int, flags.replace("i", ""))), deaf="i" in flags, argv=argv)


class Client:
    """``descriptors``: the shim's 0, 1 and 2, open here as well."""

    def __init__(self, connection: socket.socket, pid: int, on_close: Callable[[Client], None]) -> None:
        self.connection = connection
        self._on_close = on_close
        self.pid = pid
        self.descriptors: list[int] = []
        self.request = _NOTHING
        self.stdin: bytes | None = None
        self.process: Process | None = None
        self.started = 0
        """Virtual time, ns."""
        self.minding: Alarm | None = None
        """``timeout``: when its time is over."""
        self.signal = 0
        """The last one that it was sent."""
        self.closed = False
        self.held = False
        """Stopped by a signal."""
        self._incoming = b""
        self._outgoing: deque[tuple[int, bytes]] = deque()
        self._ending: bytes | None = None
        self._watched: dict[int, bool] = {}

    # -- from the shim -------------------------------------------------------------------------------------------

    def receive(self) -> list[tuple[str, bytes]]:
        """The messages that have come; at the end of the connection one with the letter ``""``."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.connection, 1 << 20, 3)
        except BlockingIOError:
            return []
        except OSError:
            data, descriptors = b"", []
        self.descriptors += descriptors
        if not data:
            return [("", b"")]
        self._incoming += data
        messages = []
        while len(self._incoming) >= 5 and len(self._incoming) >= (
            end := 5 + int.from_bytes(self._incoming[1:5], "little")
        ):
            messages.append((chr(self._incoming[0]), self._incoming[5:end]))
            self._incoming = self._incoming[end:]
        return messages

    # -- to the shim ---------------------------------------------------------------------------------------------

    def send(self, letter: str, data: bytes = b"") -> None:
        """A message; if the shim has gone, nobody hears it."""
        try:
            self.connection.setblocking(True)
            self.connection.sendall(letter.encode() + len(data).to_bytes(4, "little") + data)
            self.connection.setblocking(False)
        except OSError:
            pass

    def end(self, letter: str, data: bytes) -> None:
        """The last message, once all output is out."""
        self._ending = letter.encode() + data
        self.flush()

    def close(self) -> None:
        """Let go of everything."""
        if self.closed:
            return
        self.closed = True
        self._on_close(self)
        if self.minding is not None:
            self.minding.cancel()
        for number in self.descriptors:
            os.close(number)
        self.connection.close()

    # -- its output ----------------------------------------------------------------------------------------------

    def write(self, stream: int, text: str) -> None:
        """Text for descriptor 1 or 2."""
        data = text.encode("utf-8", "surrogateescape")
        for start in range(0, len(data), _CHUNK):
            self._outgoing.append((stream, data[start : start + _CHUNK]))

    @property
    def blocked(self) -> bool:
        """Output waits for somebody to read."""
        return bool(self._outgoing)

    def discard(self) -> None:
        """Forget the output that waits."""
        self._outgoing.clear()

    def flush(self) -> bool:
        """Write what can be written; True if somebody may have been waiting for it."""
        seen = False
        while self._outgoing and not self.closed:
            stream, data = self._outgoing[0]
            number = self.descriptors[stream]
            poll = select.poll()
            poll.register(number, select.POLLOUT)
            if not poll.poll(0):
                return seen
            try:
                written = os.write(number, data)
            except BrokenPipeError:
                self._broken()
                return True
            except OSError:
                written = len(data)  # /dev/full, a file system at its end
            seen = seen or self._is_watched(stream)
            if written < len(data):
                self._outgoing[0] = stream, data[written:]
            else:
                self._outgoing.popleft()
        if self._ending is not None and not self.closed:
            self.send(chr(self._ending[0]), self._ending[1:])
            self._ending = None
            self.close()
            return True
        return seen

    def _broken(self) -> None:
        """Nobody will read: SIGPIPE."""
        self.discard()
        if self.process is not None:
            self.process.close()
        self.send("K", bytes([signal.SIGPIPE]))
        self.close()

    def _is_watched(self, stream: int) -> bool:
        """A process of the run may be waiting for what is written: it goes to a pipe, not to a file or a terminal."""
        if stream not in self._watched:
            mode = os.fstat(self.descriptors[stream]).st_mode
            self._watched[stream] = not (stat.S_ISREG(mode) or stat.S_ISCHR(mode))
        return self._watched[stream]
