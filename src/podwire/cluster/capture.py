"""Captures: what taps on chosen devices see while a ``with`` block runs."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from podwire.errors import PodwireError
from podwire.export.frames import Frame, frames_of, write_pcapng
from podwire.export.scapy import to_scapy
from podwire.tools.tcpdump.filter import Context, Filter, FilterError
from podwire.tools.tcpdump.filter import Frame as FilterFrame
from podwire.tools.tcpdump.link import DLT_EN10MB, DLT_RAW, dissector
from podwire.tools.tcpdump.names import Names
from podwire.tools.tcpdump.options import Options
from podwire.trace.events import Received, Transmitted
from podwire.wire.codec import to_bytes
from podwire.wire.headers import Ethernet

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.trace.log import Record


class Capture:
    """A capture on devices by pattern.

    ``packets`` are scapy packets, ``text()`` the lines of ``tcpdump -nn``, ``save`` writes pcapng.
    """

    def __init__(self, network: Network, devices: Sequence[str], filter_text: str) -> None:
        self._network = network
        self._devices = tuple(devices) or ("*",)
        self._filters = _filters(filter_text)
        self._records: list[Record] = []
        self._chosen: dict[str, bool] = {}

    def __enter__(self) -> Self:
        self._network.log.attach(self._records.append)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._network.log.detach(self._records.append)

    def _wanted(self, device: str) -> bool:
        chosen = self._chosen.get(device)
        if chosen is None:
            chosen = self._chosen[device] = any(fnmatchcase(device, pattern) for pattern in self._devices)
        return chosen

    @property
    def frames(self) -> list[Frame]:
        """The frames that passed the filter, in order; on ``lo`` each frame once, as libpcap shows it."""
        return [
            frame
            for frame in frames_of(self._records)
            if self._wanted(frame.device)
            and not (frame.outbound and frame.device.endswith(":lo"))
            and self._passes(frame)
        ]

    def _passes(self, frame: Frame) -> bool:
        chosen = self._filters[_link_type(frame)]
        size = frame.frame.size + len(frame.frame.trailer)
        return chosen is not None and chosen(FilterFrame(None, size, packet=frame.frame))

    @property
    def packets(self) -> list[Any]:
        """Scapy packets, each with ``.time`` and ``.sniffed_on``."""
        return [to_scapy(frame.frame, time=frame.time, device=frame.device) for frame in self.frames]

    def text(self) -> str:
        """The lines that ``tcpdump -nn`` prints.

        Where frames of several devices are there, each line begins with its device.
        """
        names = Names(numeric=True)
        printers = {kind: dissector(Options(numeric=2), names, kind) for kind in (DLT_EN10MB, DLT_RAW)}
        frames = self.frames
        several = len({frame.device for frame in frames}) > 1
        text: list[str] = []
        for number, frame in enumerate(frames, 1):
            data = to_bytes(frame.frame)
            lines = printers[_link_type(frame)].render(data, len(data), frame.time, number)
            text.append(f"({frame.device}) {lines}" if several else lines)
        return "".join(text)

    def save(self, path: str | Path) -> None:
        """Write pcapng: one interface block a device, decisions as comments.

        Raises ``PodwireError`` for another suffix.
        """
        target = Path(path)
        if target.suffix != ".pcapng":
            raise PodwireError(f"{target}: expected a name that ends in .pcapng")
        with target.open("wb") as stream:
            write_pcapng(stream, self.frames, self._names())

    def _names(self) -> dict[Any, str]:
        names: dict[Any, str] = {}
        for record in self._records:
            if isinstance(record.event, Received | Transmitted):
                for header in record.event.frame.layers:
                    for address in (getattr(header, "src", None), getattr(header, "dst", None)):
                        if address is not None and hasattr(address, "family") and address not in names:
                            name = self._network.reverse_name(address)
                            if name is not None:
                                names[address] = name
        return names


def _link_type(frame: Frame) -> int:
    """A device of IP in IP has no MAC header."""
    layers = frame.frame.layers
    return DLT_EN10MB if not layers or isinstance(layers[0], Ethernet) else DLT_RAW


def _filters(text: str) -> dict[int, Filter | None]:
    """The filter for devices with a MAC header, and for those without; None there for one that cannot be had, such as ``arp``."""
    try:
        framed = Filter(text, Context(DLT_EN10MB, live=True))
    except FilterError as error:
        raise PodwireError(f"capture filter {text!r}: {error}") from None
    try:
        return {DLT_EN10MB: framed, DLT_RAW: Filter(text, Context(DLT_RAW, live=True))}
    except FilterError:
        return {DLT_EN10MB: framed, DLT_RAW: None}
