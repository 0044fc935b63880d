"""``podwire trace``: one packet, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

import click

from podwire.errors import PodwireError
from podwire.lab import load
from podwire.trace.reasons import Verdict
from podwire.wire.addr import ANY4, Ip, Ip4
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP, TCP_SYN, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.cluster import Cluster, Handle
    from podwire.trace.trace import Trace

_PORTS: Final = (32768, 60999)
"""net.ipv4.ip_local_port_range."""


def trace(  # the options of the command
    lab: Path, source: str, target: str, proto: str | None, depth: str, output: str, write: Path | None
) -> int:
    """Send the packet, print its trace; 0 if it arrived, and for ICMP its answer too."""
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
    else:
        sent = place.send(_packet(cluster, place, _address(cluster, name), protocol, port))
    click.echo(
        sent.to_json()
        if output == "json"
        else sent.text(cast("Literal['minimal', 'summary', 'detailed']", depth)).rstrip("\n")
    )
    if write is not None:
        click.echo(f"wrote {sent.save(write)}", err=True)
    return 0 if _arrived(sent, answered=port is None) else 1


def _arrived(sent: Trace, *, answered: bool) -> bool:
    if sent.verdict is not Verdict.DELIVERED:
        return False
    return not answered or (sent.reply is not None and sent.reply.verdict is Verdict.DELIVERED)


def _split(target: str) -> tuple[str, int | None]:
    """``DST[:PORT]``."""
    name, colon, text = target.rpartition(":")
    if not colon:
        return target, None
    if not (name and text.isascii() and text.isdecimal() and 0 < int(text) <= 65535):
        raise PodwireError(f"{target}: expected DST or DST:PORT with a port from 1 to 65535")
    return name, int(text)


def _address(cluster: Cluster, name: str) -> Ip:
    text = cluster.address_of(name)
    try:
        return Ip4.parse(text)
    except ValueError:
        return _known(cluster, name)


def _known(cluster: Cluster, name: str) -> Ip:
    address = cluster.machine(name).ip
    if address is None:
        raise PodwireError(f"{name} has no address")
    return address


def _packet(cluster: Cluster, place: Handle, target: Ip, protocol: str, port: int) -> Packet:
    """A SYN or a datagram; the kernel fills in source address and id."""
    sport = cluster.network.random("podwire trace", place.name).randint(*_PORTS)
    if protocol == "tcp":
        return Packet((IPv4(ANY4, target, IPPROTO_TCP), Tcp(sport, port, flags=TCP_SYN, window=64240)))
    return Packet((IPv4(ANY4, target, IPPROTO_UDP), Udp(sport, port)), b"podwire")
