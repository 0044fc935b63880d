"""``ping`` of iputils 20221126, IPv4: text, timing and exit statuses as the real one has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.tools.args import Exit
from podwire.tools.ping.options import fill, parse
from podwire.tools.ping.result import PingResult
from podwire.tools.ping.session import Session
from podwire.tools.ping.target import open_socket
from podwire.tools.resolving.asking import begin_with_names

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

__all__ = ["PingResult", "ping"]


def ping(proc: Process) -> int | Waiting:
    """``ping [options] DESTINATION``; leaves a ``PingResult`` in ``proc.result``."""
    return begin_with_names(proc, _begin)


def _begin(proc: Process) -> int | Waiting:
    proc.result = PingResult()
    try:
        options, operands = parse(proc)
        data = fill(proc, options)
        return Session(proc, options, open_socket(proc, options, operands), data).run()
    except Exit as exit_:
        return exit_.status
