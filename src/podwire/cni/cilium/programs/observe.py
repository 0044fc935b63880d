"""Observation points, and the marks by which programs tell one another who sent a packet (bpf/lib/trace.h, bpf/lib/common.h)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.linux.bpf.context import Context

MARK_MASK: Final = 0x0F00
MARK_OVERLAY: Final = 0x0400
MARK_HOST: Final = 0x0C00
MARK_IDENTITY: Final = 0x0F00


class TraceObservationPoint(StrEnum):
    """Where a packet was seen. ``number`` is that of the datapath (section 7.6)."""

    TO_ENDPOINT = "TO_ENDPOINT"
    TO_PROXY = "TO_PROXY"
    TO_HOST = "TO_HOST"
    TO_STACK = "TO_STACK"
    TO_OVERLAY = "TO_OVERLAY"
    FROM_ENDPOINT = "FROM_ENDPOINT"
    FROM_PROXY = "FROM_PROXY"
    FROM_HOST = "FROM_HOST"
    FROM_STACK = "FROM_STACK"
    FROM_OVERLAY = "FROM_OVERLAY"
    FROM_NETWORK = "FROM_NETWORK"
    TO_NETWORK = "TO_NETWORK"
    FROM_CRYPTO = "FROM_CRYPTO"
    TO_CRYPTO = "TO_CRYPTO"

    @property
    def number(self) -> int:
        """The sub-type of a trace message."""
        return list(TraceObservationPoint).index(self)


def send_trace_notify(ctx: Context, point: TraceObservationPoint, src: int, dst: int = 0, endpoint: int = 0) -> None:
    """``send_trace_notify``: identities of source and destination (0 unknown), and the endpoint it is delivered to."""
    if ctx.observed:
        where = f" endpoint {endpoint}" if endpoint else ""
        ctx.trace(point, f"identity {src}->{dst or 'unknown'}{where}")


def identity_mark(identity: int, magic: int) -> int:
    """``set_identity_mark``: the identity in the upper half, its highest bits in the lowest byte."""
    return (identity & 0xFFFF) << 16 | identity >> 16 & 0xFF | magic


def marked_identity(mark: int) -> int:
    """``get_identity``."""
    return (mark & 0xFF) << 16 | mark >> 16


def host_mark(ctx: Context) -> int:
    """The mark of a packet that leaves the host's stack.

    A rule of CILIUM_OUTPUT marks what is made on the host as the host's, unless a program has marked it already (section 11);
    that rule is stood for by the input device, which such packets do not have.
    """
    mark = ctx.mark & MARK_MASK
    return MARK_HOST if not mark and not ctx.ingress_ifindex else mark
