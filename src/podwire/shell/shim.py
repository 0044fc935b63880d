"""What stands on the PATH of a script in the place of a real tool.

It runs by itself, in a Python that has loaded nothing (``python -I -S``): hence the modules with an underscore, which are
built in and take no time. It hands its arguments, its directory and its three descriptors to the simulator and does what it is told:
end, die by a signal, read standard input, become another command, or mind one (``timeout``).

Messages both ways: a letter, four bytes of length, and as many bytes. Fields of a text are separated by NUL.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # built in, and described nowhere
import _socket
import posix
import sys

DIRECTORY = ""
"""The private directory of the run; the launcher sets it."""
# With bytes, as in os.environb.
ENVIRONMENT: dict[bytes, bytes] = posix.environ

_ENDING = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)


def _encode(text: str) -> bytes:
    return text.encode(sys.getfilesystemencoding(), "surrogateescape")


def _decode(data: bytes) -> str:
    return data.decode(sys.getfilesystemencoding(), "surrogateescape")


class Shim:
    """One call of one tool."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.connected = False
        self.deaf = False
        """^C was ignored when it started, as a shell does for what runs in the background."""
        self.buffer = b""
        self.child = 0
        self.reading = False
        """It reads standard input, and hears nothing from the simulator meanwhile."""
        self.expired = 0
        """The signal that ``timeout`` sent, if its time is over."""
        self.preserve = False
        self.grouped = False

    def send(self, letter: bytes, data: bytes = b"") -> None:
        """One message to the simulator."""
        self.socket.sendall(letter + len(data).to_bytes(4, "little") + data)

    def receive(self) -> tuple[str, bytes]:
        """The next message; an empty letter when the simulator has gone."""
        while len(self.buffer) < 5 or len(self.buffer) < 5 + int.from_bytes(self.buffer[1:5], "little"):
            data = self.socket.recv(65536)
            if not data:
                return "", b""
            self.buffer += data
        end = 5 + int.from_bytes(self.buffer[1:5], "little")
        message, self.buffer = self.buffer[:end], self.buffer[end:]
        return chr(message[0]), message[5:]

    def ask(self, flags: str) -> None:
        """Say what was typed, where; the descriptors go with it. ``flags``: those that are terminals, i where ^C is ignored."""
        descriptors = []
        for number in (0, 1, 2):
            try:
                posix.fstat(number)
            except OSError:
                descriptors.append(posix.open("/dev/null", posix.O_RDWR))
                continue
            descriptors.append(number)
            flags += str(number) if posix.isatty(number) else ""
        try:
            directory = posix.getcwd()
        except OSError:
            directory = ""
        place = ENVIRONMENT.get(b"PODWIRE_PLACE", b"")
        fields = [_encode(directory), place, flags.encode(), *map(_encode, [self.name, *sys.argv[1:]])]
        data = b"\0".join(fields)
        rights = b"".join(number.to_bytes(4, sys.byteorder) for number in descriptors)
        self.socket.connect(DIRECTORY + "/socket")
        self.socket.sendmsg(
            [b"R" + len(data).to_bytes(4, "little")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)]
        )
        self.socket.sendall(data)
        self.connected = True

    def listen(self) -> None:
        """Hand on the signals that end a tool or make it print.

        Interrupt and quit even where they are ignored: some tools catch them all the same.
        """
        for number in _ENDING:
            if number in {_signal.SIGINT, _signal.SIGQUIT} or _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(number, self.hand_on)

    def hand_on(self, number: int, _: object) -> None:
        """A signal: the tool decides what becomes of it. Before it has started, nothing catches it."""
        if self.connected and not self.reading:
            try:
                self.send(b"S", bytes([number]))
            except OSError:
                return  # how it ends is already on its way
        elif not self.deaf or number not in {_signal.SIGINT, _signal.SIGQUIT}:
            die(number)

    def run(self) -> int:
        """Obey until the end."""
        self.deaf = _signal.getsignal(_signal.SIGINT) == _signal.SIG_IGN
        self.listen()
        self.ask("i" if self.deaf else "")
        while True:
            letter, data = self.receive()
            if letter == "X":
                return data[0]
            if letter == "K":
                die(data[0])
            elif letter == "E":
                return self.become(data)
            elif letter == "I":
                self.reading = True
                data = read_all()
                self.reading = False
                self.send(b"I", data)
            elif letter == "F":
                self.mind(data)
            elif letter == "T":
                self.expired = data[0]
                self.forward(data[0])
            else:
                return 1  # the run is over

    # -- another command -----------------------------------------------------------------------------------------

    def become(self, data: bytes) -> int:
        """``execvp``: settings of the environment, the status and the words if it fails, and the command."""
        for number in _ENDING:
            if _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(
                    number,
                    _signal.SIG_IGN if number in {_signal.SIGINT, _signal.SIGQUIT} and self.deaf else _signal.SIG_DFL,
                )
        settings, status, complaint, *argv = data.split(b"\0")
        environment = dict(ENVIRONMENT)
        for setting in settings.split(b"\n"):
            name, _, value = setting.partition(b"=")
            environment[name] = value
        name = argv[0]
        paths = [b""] if b"/" in name else environment.get(b"PATH", b"/usr/bin:/bin").split(b":")
        reason = "No such file or directory"
        found = False
        for path in paths:
            try:
                posix.execve(path + b"/" + name if path else name, argv, environment)
            except FileNotFoundError:
                continue
            except OSError as error:
                reason = str(error.strerror)
                found = True
        posix.write(2, complaint.replace(b"%s", _encode(reason)))
        return 126 if found and status == b"127" else int(status)

    def mind(self, data: bytes) -> None:
        """``timeout``: run the command as a child; the simulator says when its time is over."""
        flags, _, rest = data.partition(b"\0")
        self.preserve = b"p" in flags
        self.grouped = b"f" not in flags
        if self.grouped:
            posix.setpgid(0, 0)
        _signal.signal(_signal.SIGCHLD, self.reap)
        for number in (_signal.SIGTTIN, _signal.SIGTTOU):
            _signal.signal(number, _signal.SIG_IGN)
        for number in _ENDING:
            _signal.signal(number, lambda number, _: self.forward(number))
        child = posix.fork()
        if child == 0:
            for number in (_signal.SIGTTIN, _signal.SIGTTOU, _signal.SIGCHLD):
                _signal.signal(number, _signal.SIG_DFL)
            self.deaf = False  # what timeout catches is not ignored in its child
            posix._exit(self.become(rest))
        self.child = child

    def forward(self, number: int) -> None:
        """A signal to the command, and to whatever it has started (timeout.c, cleanup)."""
        if not self.child:
            posix._exit(128 + number)
        posix.kill(self.child, number)
        if not self.grouped:
            return
        if number != _signal.SIGKILL:
            _signal.signal(number, _signal.SIG_IGN)
        posix.kill(0, number)
        if number not in {_signal.SIGKILL, _signal.SIGCONT}:
            posix.kill(self.child, _signal.SIGCONT)

    def reap(self, number: int, _: object) -> None:
        """The command has ended: so does ``timeout``, as it did."""
        try:
            pid, status = posix.waitpid(self.child or -1, posix.WNOHANG)
        except OSError:
            return
        if pid == 0:
            return
        code = posix.waitstatus_to_exitcode(status)
        if code < 0:
            if not self.expired:
                die(-code)
            self.preserve = self.preserve or code == -_signal.SIGKILL
            code = 128 - code
        posix._exit(124 if self.expired and not self.preserve else code)


def read_all() -> bytes:
    """Standard input up to its end."""
    parts = []
    while part := posix.read(0, 65536):
        parts.append(part)
    return b"".join(parts)


def die(number: int) -> None:
    """End by a signal, as the tool did."""
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    posix.kill(posix.getpid(), number)
    posix._exit(128 + number)


def main() -> int:
    """The call; 125 where the run that this shim belongs to is no more."""
    name = sys.argv[0].rpartition("/")[2]
    try:
        return Shim(name).run()
    except OSError as error:
        posix.write(2, f"{name}: podwire: the run is over ({error.strerror})\n".encode())
        return 125
