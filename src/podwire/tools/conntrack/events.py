"""``conntrack -E``: what becomes of connections, as it comes, until a signal ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.ecache import IPCT_DESTROY, IPCT_NEW, IPCT_RELATED
from podwire.tools.conntrack.filters import passes
from podwire.tools.conntrack.options import EVENT_DESTROY, EVENT_NEW, EVENT_UPDATE, Command
from podwire.tools.conntrack.output import Output
from podwire.tools.conntrack.told import told
from podwire.tools.conntrack.usage import BANNER
from podwire.tools.process import Interrupt

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netlink import Netlink
    from podwire.tools.conntrack.told import Told
    from podwire.tools.process import Process, Waiting

_CREATED: Final = IPCT_NEW | IPCT_RELATED


def follow(proc: Process, cmd: Command, door: Netlink) -> Waiting:
    """Print each event as it comes; SIGINT and SIGTERM end it, with a count and status 0."""
    return _Follower(proc, cmd, door).run()


class _Follower:
    def __init__(self, proc: Process, cmd: Command, door: Netlink) -> None:
        self._proc = proc
        self._cmd = cmd
        self._door = door
        self._out = Output(proc, cmd.outputs)
        self._ready: list[tuple[Told, int]] = []
        self._counter = 0

    def run(self) -> Waiting:
        self._proc.endless = True
        self._door.conntrack_listen(self._hear)
        try:
            while True:
                yield None
                self._write()
        except Interrupt:
            self._write()
            self._out.close()
            self._proc.error(f"{BANNER}: {self._counter} flow events have been shown.\n")
            return 0
        finally:
            self._door.conntrack_unlisten(self._hear)

    def _hear(self, ct: Connection, events: int, portid: int) -> None:
        """The listener: the message is made now, and read when the machine has done what it does."""
        kind = EVENT_DESTROY if events & IPCT_DESTROY else EVENT_NEW if events & _CREATED else EVENT_UPDATE
        if not self._cmd.events or self._cmd.events & kind:
            self._ready.append((told(ct, events), portid))
            self._proc.wake()

    def _write(self) -> None:
        ready, self._ready = self._ready, []
        for one, portid in ready:
            if passes(self._cmd, one):
                tail = f" [USERSPACE] portid={portid} progname=conntrack" if portid else ""
                self._out.connection(one, tail=tail)
                self._out.flush()
                self._counter += 1
