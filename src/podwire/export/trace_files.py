"""The formats in which a trace is saved or shown, as functions of it. ``podwire/__init__`` hands them to ``Trace``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from podwire.export.frames import frames_of, write_pcapng
from podwire.export.scapy import to_scapy

if TYPE_CHECKING:
    from podwire.trace.trace import Trace


def packets(trace: Trace) -> list[Any]:
    """The frames of the packet (not of ARP or replies) as scapy packets, each with ``time`` and ``sniffed_on``."""
    return [to_scapy(frame.frame, time=frame.time, device=frame.device) for frame in frames_of(trace.records)]


def save_pcapng(trace: Trace, path: Path) -> None:
    """Everything that happened because of the packet: one interface a device, decisions as packet comments."""
    with path.open("wb") as stream:
        write_pcapng(stream, frames_of(trace.tree), {})
