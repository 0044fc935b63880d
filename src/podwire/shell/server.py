"""Between the shims and the simulator: requests in, output and exit statuses out."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.cluster.running import OPERATORS
from podwire.errors import PodwireError
from podwire.linux.machine import Place
from podwire.linux.netns import Netns
from podwire.shell import moves, readers
from podwire.shell.client import Client, decode
from podwire.shell.directory import Directory
from podwire.shell.places import Places, environment
from podwire.shell.programs import READERS, is_virtual
from podwire.tools import registry
from podwire.tools.ip import ip
from podwire.tools.process import Process, Tool, Waiting

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.fabric.network import Network

NOT_MODELLED: Final = 125
"""The exit status of what podwire itself refuses."""
_NOT_FOUND: Final = 127
_CATCHES: Final = MappingProxyType({2: frozenset({"arping", "ping", "tcpdump"}), 3: frozenset({"arping", "ping"})})
"""Tools that install a handler even for a signal (SIGINT, SIGQUIT) that was ignored when they started."""
_LOCAL_PEERPID: Final = 2
"""macOS, sys/un.h."""


class Server:
    """Owner of the socket and of the connected shims. ``network`` moves only when the session says so."""

    def __init__(self, network: Network, cluster: Cluster | None, places: Places, directory: Directory) -> None:
        self._network = network
        self._cluster = cluster
        self._directory = directory
        self.places = places
        self.clients: dict[int, Client] = {}
        """By process id."""
        self.pending: list[Client] = []
        """Those that have asked and wait for their turn."""
        self.pids: Callable[[], Iterable[int]] = lambda: ()
        """The processes of the run."""
        self.seen = False
        """Something has come out that a process of the run may be waiting for."""
        self.selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.fspath(directory.socket))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self.selector.register(self._listener, selectors.EVENT_READ)

    def close(self) -> None:
        """The run is over: what is still connected is let go."""
        for client in list(self.clients.values()):
            self._drop(client)
        self.selector.close()
        self._listener.close()

    # -- messages ------------------------------------------------------------------------------------------------

    def serve(self, timeout: float) -> bool:
        """Take what shims say, for at most ``timeout`` seconds; True if there was anything."""
        events = self.selector.select(timeout)
        for key, _ in events:
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.data, Client):
                self._hear(key.data)
        return bool(events)

    def flush(self) -> None:
        """Output that nobody had room for."""
        for client in list(self.clients.values()):
            if client.blocked and client.flush():
                self.seen = True

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        if sys.platform == "darwin":
            pid = connection.getsockopt(0, _LOCAL_PEERPID)
        else:
            pid = int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)
        client = self.clients[pid] = Client(connection, pid, self._forget)
        self.selector.register(connection, selectors.EVENT_READ, client)

    def _hear(self, client: Client) -> None:
        for letter, data in client.receive():
            if letter == "R":
                client.request = decode(data)
                self.pending.append(client)
            elif letter == "I":
                client.stdin = data
                self.pending.append(client)
            elif letter == "S":
                self._signal(client, data[0])
            elif letter == "":
                self._drop(client)

    def _signal(self, client: Client, number: int) -> None:
        """A signal reached the shim. In the background a shell lets ^C be ignored, and most tools leave it at that."""
        process = client.process
        name = "" if process is None else process.argv[0].rpartition("/")[2]
        if client.request.deaf and name not in _CATCHES.get(number, {name}):
            return
        if process is None or process.done:
            # It has not begun, or has nothing left but output that nobody reads: nothing catches the signal.
            client.discard()
            client.end("K", bytes([number]))
            return
        client.signal = number
        process.interrupt(number)

    def _drop(self, client: Client) -> None:
        """The shim has gone, by SIGKILL if it had not been told to."""
        if client.process is not None and not client.process.done:
            client.process.on_exit = None
            client.process.close()
        client.close()

    def _forget(self, client: Client) -> None:
        if self.clients.get(client.pid) is client:
            del self.clients[client.pid]
        if client in self.pending:
            self.pending.remove(client)
        self.selector.unregister(client.connection)

    # -- requests ------------------------------------------------------------------------------------------------

    def start(self, client: Client) -> bool:
        """Do what was asked, up to the first wait. False if it does nothing but wait, and none can have noticed that it has begun."""
        self.pending.remove(client)
        self.seen = False
        client.started = self._network.now
        try:
            self._start(client)
        except moves.Become as become:
            self._become(client, become)
        except moves.Refusal as refusal:
            self._refuse(client, refusal.status, refusal.message)
        except PodwireError as error:
            self._refuse(client, NOT_MODELLED, f"podwire: {error}\n")
        return self.seen or client.process is None or client.process.done

    def _refuse(self, client: Client, status: int, message: str) -> None:
        client.write(2, message)
        client.end("X", bytes([status]))

    def _start(self, client: Client) -> None:
        if self._cluster is not None:
            self._cluster.settle()
        argv = client.request.argv
        name = argv[0]
        place = self.places.find(client.request.place, client.pid)
        if name in moves.NAMES:
            self._move(client, place, argv)
        if name in OPERATORS:
            moves.kubectl(argv, self._caller(client, place))
            place = place or (self._cluster.workstation.place if self._cluster is not None else None)
        if place is None:
            raise moves.Refusal(
                NOT_MODELLED,
                f"podwire: {name}: you stand on no machine here: ssh NODE, kubectl exec POD -- …, or podwire sh -m MACHINE\n",
            )
        ours = name in READERS and readers.are_ours(argv)
        if name in READERS and name != "cat" and not ours:
            raise readers.become(place, argv, client.request.directory, self._directory)
        tool = registry.find(place.image, name, files=ours)
        if tool is None:
            raise moves.Refusal(_NOT_FOUND, f"bash: {name}: command not found\n")
        # What a person types has no end that could be waited for.
        typed = name == "nc" and 0 in client.request.terminals
        if client.stdin is None and not typed and readers.wants_stdin(argv):
            client.send("I")
            return
        self._run(client, place, argv, tool)

    def _move(self, client: Client, place: Place | None, argv: list[str]) -> None:
        moves.run(argv, self._caller(client, place))

    def _caller(self, client: Client, place: Place | None) -> moves.Caller:
        typed = 0 in client.request.terminals
        return moves.Caller(place, self._cluster, self._network.now, self._place_of, typed)

    def _place_of(self, wanted: int) -> Place | None:
        """Where the process stands that the script knows by this id; a simulated command knows better than its shim's environment."""
        pid = self.places.outer(self.pids(), wanted)
        if pid is None:
            return None
        client = self.clients.get(pid)
        if client is not None and client.process is not None:
            return client.process.place
        return self.places.find("", pid)

    def _netns_of(self, pid: int) -> Netns | None:
        place = self._place_of(pid)
        return place.netns if place is not None else None

    def _run(self, client: Client, place: Place, argv: list[str], tool: Tool) -> None:
        process = client.process = Process(
            self._network,
            place,
            argv,
            stdin=(client.stdin or b"").decode("utf-8", "surrogateescape"),
            directory=client.request.directory,
            terminals=client.request.terminals,
        )
        if self._cluster is not None and not place.container:
            process.cluster = self._cluster.operations
        if argv[0] in OPERATORS:
            process.environment = environment(client.pid)
        process.pids = self._netns_of
        process.processes = lambda: self.places.known(self.pids())
        process.on_output = lambda stream, text: self._output(client, stream, text)
        process.on_exit = lambda: self._exit(client, process.status or 0)
        process.start(_guarded(self._execute_by(tool)))

    def _execute_by(self, tool: Tool) -> Tool:
        """``ip`` hands what stands behind ``ip netns exec`` to us."""
        if tool is not ip:
            return tool
        return lambda proc: ip(proc, self._execute)

    def _execute(self, proc: Process, place: Place, argv: list[str]) -> int | Waiting:
        """A simulated command goes on in the same process; any other is the shim's to become."""
        name = argv[0].rpartition("/")[2]
        tool = registry.find(place.image, name, files=False)
        simple = tool is not None and name not in moves.NAMES and not readers.wants_stdin([name, *argv[1:]])
        if tool is None or not simple or (name in READERS and not all(map(is_virtual, argv[1:]))):
            raise moves.Become(place, argv, f'exec of "{argv[0]}" failed: %s\n', 1)
        proc.place, proc.argv = place, [name, *argv[1:]]
        return self._execute_by(tool)(proc)

    def _become(self, client: Client, become: moves.Become) -> None:
        client.process = None
        inside = self._directory.inside
        paths = {moves.REAL: inside / "real", moves.BASHRC: inside / self._directory.rc.name}
        argv = [os.fspath(paths.get(word, word)) for word in become.argv]
        name = argv[0]
        if "/" not in name and not (self._directory.bin / name).is_symlink():
            if shutil.which(name):
                message = f"podwire: {name} is neither simulated nor one of the real programs that a script may call\n"
            else:
                message = become.complaint.replace("%s", os.strerror(2))
            if become.owner is not None:
                become.owner.machine.remove_netns(become.owner.netns)
            self._refuse(client, become.status, message)
            return
        fields = ["\n".join(self.places.settings(become.place)), str(become.status), become.complaint, *argv]
        if become.owner is not None:
            self.places.own(client.pid, become.owner)
        if become.minding is None:
            self.places.move(client.pid, become.place)
            client.end("E", b"\0".join(map(os.fsencode, fields)))
            return
        client.send("F", b"\0".join(map(os.fsencode, [become.minding.flags, *fields])))
        self._mind(client, become.minding.after, become.minding.signal, become.minding.kill_after)

    def _mind(self, client: Client, after: int | None, number: int, kill_after: int | None) -> None:
        """``timeout``: tell the shim when the time is over."""
        if after is None:
            return

        def over() -> None:
            self.seen = True
            client.send("T", bytes([number]))
            self._mind(client, kill_after, signal.SIGKILL, None)

        client.minding = self._network.at(self._network.now + after, over)

    # -- what comes out ------------------------------------------------------------------------------------------

    def _output(self, client: Client, stream: int, text: str) -> None:
        client.write(stream, text)
        if client.flush():
            self.seen = True

    def _exit(self, client: Client, status: int) -> None:
        self.seen = True
        if client.signal and status == 128 + client.signal:
            client.end("K", bytes([client.signal]))
        else:
            client.end("X", bytes([status & 0xFF]))


def _guarded(tool: Tool) -> Tool:
    """What podwire refuses ends the command, not the run."""

    def run(proc: Process) -> int | Waiting:
        try:
            result = tool(proc)
        except PodwireError as error:
            return _refused(proc, error)
        return result if isinstance(result, int) else _guard(proc, result)

    return run


def _guard(proc: Process, waiting: Waiting) -> Waiting:
    try:
        return (yield from waiting)
    except PodwireError as error:
        return _refused(proc, error)


def _refused(proc: Process, error: PodwireError) -> int:
    proc.error(f"podwire: {proc.argv[0]}: {error}\n")
    return NOT_MODELLED
