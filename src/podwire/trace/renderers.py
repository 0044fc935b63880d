"""What a trace cannot say by itself: formats that live further up, handed down as functions.

``podwire/__init__`` assigns one table to ``Trace.renderers``, once. Its functions import what they need when they are called, so that
neither scapy nor a file format is loaded before somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podwire.trace.trace import Trace

PacketsOf = Callable[["Trace"], list[Any]]
SaveTo = Callable[["Trace", Path], None]
Render = Callable[["Trace"], str]


@dataclass(frozen=True)
class Renderers:
    """``packets`` makes scapy packets; ``save`` writes a file of a suffix (``.pcapng``); ``mime`` renders a MIME type (``text/html``)."""

    packets: PacketsOf | None = None
    save: Mapping[str, SaveTo] = field(default_factory=lambda: MappingProxyType({}))
    mime: Mapping[str, Render] = field(default_factory=lambda: MappingProxyType({}))
