"""Packets that people start, and the traces they get back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from podwire.cluster import running
from podwire.errors import PodwireError
from podwire.linux.path.output import raw_frame
from podwire.linux.path.route import ip_route_output
from podwire.linux.socket import RawSocket, SocketError
from podwire.trace.recorder import Recorder
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, Ethernet, Icmp, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.link import Link
    from podwire.linux.machine import Place

_NSEC = 1_000_000_000
NO_NAME = 2
"""The exit status of a ping that never began."""


class PingResult:
    """What a ping brought.

    ``received`` of ``sent``, ``ttl`` of the last reply, ``rtt`` (average, ms), the ``text`` that ping prints, one
    trace a request.
    """

    def __init__(self, text: str, exit_code: int, statistics: Any, traces: tuple[Trace, ...]) -> None:
        self.text = text
        self.exit_code = exit_code
        self.sent: int = statistics.sent
        self.received: int = statistics.received
        self.errors: int = statistics.errors
        self.ttl: int | None = statistics.ttl
        self.rtts: tuple[float, ...] = tuple(statistics.rtts)
        self.traces = traces

    @property
    def rtt(self) -> float | None:
        """Average round-trip time in ms; None where nothing came back."""
        return sum(self.rtts) / len(self.rtts) if self.rtts else None

    @property
    def ok(self) -> bool:
        """Every request was answered."""
        return self.received == self.sent > 0

    @property
    def trace(self) -> Trace:
        """The trace of the first request, also of one that the machine's own kernel refused.

        Raises ``PodwireError`` where there was none.
        """
        if not self.traces:
            raise PodwireError(f"ping sent nothing: {self.text.strip()}")
        return self.traces[0]

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<PingResult {self.received}/{self.sent}>"


def ping(  # the options of ping
    network: Network,
    place: Place,
    target: str,
    count: int,
    size: int,
    interval: float,
    df: bool | None,  # noqa: FBT001 - three values
    ttl: int,
) -> PingResult:
    """Run ``ping`` with a recorder that adopts every echo request."""
    argv = ["ping", "-c", str(count), "-s", str(size)]
    if interval != 1.0:
        argv += ["-i", f"{interval:g}"]
    if df is not None:
        argv += ["-M", "do" if df else "dont"]
    if ttl != 64:
        argv += ["-t", str(ttl)]
    recorder = Recorder(network.log)
    ids: list[int] = []

    def adopt(packet_id: int) -> None:
        recorder.follow(packet_id)
        ids.append(packet_id)

    process = running.start(network, place, [*argv, target], on_send=adopt)
    running.finish(network, process)
    if not ids:
        _refused(place, target, ttl, size, adopt)
    result = running.result_of(process)
    traces = tuple(Trace(recorder, packet_id) for packet_id in ids)
    return PingResult(result.output, result.exit_code, process.result, traces)


def _refused(place: Place, target: str, ttl: int, size: int, adopt: Callable[[int], None]) -> None:
    """``connect`` failed, so no request ever was.

    One that meets the same refusal stands in, that the trace can say why.
    """
    try:
        address = Ip.parse(target)
    except ValueError:
        return
    if ip_route_output(place.netns, address).kind != "error":
        return
    socket = RawSocket(place.netns, IPPROTO_ICMP, lambda: None)
    socket.on_send = adopt
    socket.ttl = ttl
    try:
        socket.send(address, Icmp(ICMP_ECHO, 0, 1), bytes(size))
    except SocketError:
        pass
    finally:
        socket.close()


def send(network: Network, place: Place, packet: Packet | Any, timeout: float) -> Trace:
    """Send one packet from a place; wait until its tree is finished."""
    own = packet if isinstance(packet, Packet) else _from_scapy(place, packet)
    recorder = Recorder(network.log)
    header = own.layers[0]
    if not isinstance(header, Ethernet | IPv4):
        raise PodwireError(f"send: expected a packet that starts with Ethernet or IPv4, got {type(header).__name__}")
    # The socket stays open while the answer may come: a raw socket hears it, as any program's would that sent such a
    # packet.
    inner = own.find(IPv4)
    socket = RawSocket(place.netns, inner.proto if inner is not None else 0, lambda: None)
    try:
        frame = isinstance(header, Ethernet)
        trace = (_send_frame if frame else _send_packet)(network, place, socket, own, recorder)
        network.run_until(lambda: recorder.finished, network.now + round(timeout * _NSEC))
    finally:
        socket.close()
    return trace


def _send_packet(_: Network, place: Place, socket: RawSocket, packet: Packet, recorder: Recorder) -> Trace:
    socket.broadcast = True
    sent: list[int] = []

    def adopt(packet_id: int) -> None:
        recorder.follow(packet_id)
        sent.append(packet_id)

    socket.on_send = adopt
    try:
        socket.send_raw(packet)
    except SocketError as error:
        if sent:
            return Trace(recorder, sent[0])
        destination = packet.layers[0].dst if isinstance(packet.layers[0], IPv4) else ""
        raise PodwireError(f"{place.netns.label}: send to {destination}: {error.strerror}") from error
    return Trace(recorder, sent[0])


def _send_frame(network: Network, place: Place, _: RawSocket, frame: Packet, recorder: Recorder) -> Trace:
    packet_id = network.new_packet_id()
    recorder.follow(packet_id)
    raw_frame(place.netns, _first_device(place), frame, packet_id)
    return Trace(recorder, packet_id)


def _first_device(place: Place) -> Link:
    for link in place.netns.links():
        if not link.is_loopback:
            return link
    raise PodwireError(f"{place.netns.label} has no device to send a frame by")


def _from_scapy(place: Place, packet: Any) -> Packet:
    """Fields that the writer left open are the kernel's: the id, the device's MAC.

    Without a destination MAC the packet is routed.
    """
    from podwire.export.scapy import from_scapy

    own, given = from_scapy(packet)
    first = own.layers[0]
    if isinstance(first, Ethernet):
        if not given.has(0, "dst"):
            own = own.pull()
            given = type(given)(given.layers[1:])
        elif not given.has(0, "src"):
            own = own.replace(0, msgspec.structs.replace(first, src=_first_device(place).mac))
    header = own.layers[0]
    if isinstance(header, IPv4) and not given.has(0, "id"):
        own = own.replace(0, msgspec.structs.replace(header, id=0))
    return own
