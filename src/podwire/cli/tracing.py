"""``podwire trace``: one packet or connection, and what came of it; ``podwire matrix``: every pod to every pod."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from podwire.errors import PodwireError
from podwire.lab import load
from podwire.trace.reasons import Verdict

if TYPE_CHECKING:
    from podwire.trace.trace import Trace

_TIMEOUT = 10.0
"""Virtual seconds: longer than a kernel asks for a neighbour."""


def trace(  # the options of the command
    lab: Path, source: str, target: str, proto: str | None, depth: str, output: str, write: Path | None
) -> int:
    """Send the packet, print its trace; 0 if it arrived, and its answer too.

    Of a connection that failed it is the trace of the packet that died, of any other that of its first.
    """
    name, port = _split(target)
    protocol = proto or ("icmp" if port is None else "tcp")
    if protocol == "icmp" and port is not None:
        raise PodwireError(f"{target}: ICMP has no ports")
    if protocol != "icmp" and port is None:
        raise PodwireError(f"{target}: --proto {protocol} needs DST:PORT")
    cluster = load(lab)
    place = cluster.machine(source)
    if port is None:
        ping = place.ping(name)
        if not ping.traces:
            click.echo(ping.text, nl=False, err=True)
            return 1
        sent = ping.trace
        answered = True
    else:
        data = b"podwire" if protocol == "udp" else b""
        found = place.connect(name, port, cast("Literal['tcp', 'udp']", protocol), send=data, timeout=_TIMEOUT)
        if not found.traces:
            click.echo(str(found), err=True)
            return 1
        sent, answered = found.trace, found.ok
    click.echo(
        sent.to_json()
        if output == "json"
        else sent.text(cast("Literal['minimal', 'summary', 'detailed']", depth)).rstrip("\n")
    )
    if write is not None:
        click.echo(f"wrote {sent.save(write)}", err=True)
    return 0 if answered and _arrived(sent, answered=port is None) else 1


def _arrived(sent: Trace, *, answered: bool) -> bool:
    if sent.verdict is not Verdict.DELIVERED:
        return False
    return not answered or (sent.reply is not None and sent.reply.verdict is Verdict.DELIVERED)


def matrix(lab: Path, port: int, proto: str) -> int:
    """Who reaches whom, as a table; 0 whatever it shows."""
    click.echo(load(lab).reachability(port, proto.upper()).table())
    return 0


def _split(target: str) -> tuple[str, int | None]:
    """``DST[:PORT]``."""
    name, colon, text = target.rpartition(":")
    if not colon:
        return target, None
    if not (name and text.isascii() and text.isdecimal() and 0 < int(text) <= 65535):
        raise PodwireError(f"{target}: expected DST or DST:PORT with a port from 1 to 65535")
    return name, int(text)
