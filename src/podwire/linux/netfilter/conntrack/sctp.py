"""SCTP: from state to state by the chunks of a packet (nf_conntrack_proto_sctp.c, RFC 9260). There is no header type for it: bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from podwire.linux.netfilter.conntrack.ecache import IPCT_ASSURED, IPCT_PROTOINFO, nf_conntrack_event_cache
from podwire.linux.netfilter.conntrack.entry import IP_CT_IS_REPLY, IPS_ASSURED, IPS_CONFIRMED, Connection
from podwire.linux.netfilter.conntrack.refresh import INVALID, nf_ct_refresh_acct
from podwire.linux.netfilter.hooks import NF_ACCEPT

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

SCTP_STATES: Final = (
    "NONE",
    "CLOSED",
    "COOKIE_WAIT",
    "COOKIE_ECHOED",
    "ESTABLISHED",
    "SHUTDOWN_SENT",
    "SHUTDOWN_RECD",
    "SHUTDOWN_ACK_SENT",
    "HEARTBEAT_SENT",
)
"""``sctp_conntrack_names``."""
_NONE, _CLOSED, _ESTABLISHED, _INVALID = 0, 1, 4, 9
_LETTERS: Final = {"NO": 0, "CL": 1, "CW": 2, "CE": 3, "ES": 4, "SS": 5, "SR": 6, "SA": 7, "HS": 8, "--": _INVALID}

_DATA, _INIT, _INIT_ACK, _HEARTBEAT, _HEARTBEAT_ACK, _ABORT, _SHUTDOWN, _SHUTDOWN_ACK, _ERROR = (
    0,
    1,
    2,
    4,
    5,
    6,
    7,
    8,
    9,
)
_COOKIE_ECHO, _COOKIE_ACK, _SHUTDOWN_COMPLETE = 10, 11, 14
_FLAG_T: Final = 1
_HEADER: Final = 12


def _row(text: str) -> tuple[int, ...]:
    return tuple(_LETTERS[word] for word in text.split())


_TRANSITIONS: Final = (
    {  # from              NO CL CW CE ES SS SR SA HS
        _INIT: _row("CL CL CW CE ES CL CL SA CW"),
        _INIT_ACK: _row("CL CL CW CE ES SS SR SA CL"),
        _ABORT: _row("CL CL CL CL CL CL CL CL CL"),
        _SHUTDOWN: _row("CL CL CW CE SS SS SR SA CL"),
        _SHUTDOWN_ACK: _row("SA CL CW CE ES SA SA SA SA"),
        _ERROR: _row("CL CL CW CE ES SS SR SA CL"),
        _COOKIE_ECHO: _row("CL CL CE CE ES SS SR SA CL"),
        _COOKIE_ACK: _row("CL CL CW ES ES SS SR SA CL"),
        _SHUTDOWN_COMPLETE: _row("CL CL CW CE ES SS SR CL CL"),
        _HEARTBEAT: _row("HS CL CW CE ES SS SR SA HS"),
        _HEARTBEAT_ACK: _row("CL CL CW CE ES SS SR SA HS"),
    },
    {  # the way of the replies
        _INIT: _row("-- CL CW CE ES SS SR SA --"),
        _INIT_ACK: _row("-- CW CW CE ES SS SR SA --"),
        _ABORT: _row("-- CL CL CL CL CL CL CL --"),
        _SHUTDOWN: _row("-- CL CW CE SR SS SR SA --"),
        _SHUTDOWN_ACK: _row("-- CL CW CE ES SA SA SA --"),
        _ERROR: _row("-- CL CW CL ES SS SR SA --"),
        _COOKIE_ECHO: _row("-- CL CE CE ES SS SR SA --"),
        _COOKIE_ACK: _row("-- CL CW ES ES SS SR SA --"),
        _SHUTDOWN_COMPLETE: _row("-- CL CW CE ES SS SR CL --"),
        _HEARTBEAT: _row("-- CL CW CE ES SS SR SA HS"),
        _HEARTBEAT_ACK: _row("-- CL CW CE ES SS SR SA ES"),
    },
)
"""``sctp_conntracks``: by direction, chunk and state, the state that follows."""
_ANY_TAG: Final = frozenset(
    {_INIT, _SHUTDOWN_COMPLETE, _COOKIE_ECHO, _ABORT, _SHUTDOWN_ACK, _HEARTBEAT, _HEARTBEAT_ACK}
)
"""Packets with such a chunk have rules of their own for the verification tag (RFC 9260 section 8.5.1)."""


class _Chunk(NamedTuple):
    type: int
    flags: int
    tag: int | None
    """The initiate tag of an INIT or INIT ACK, None where it is cut off."""


class SctpTrack:
    """``ip_ct_sctp``."""

    __slots__ = ("init", "last_dir", "state", "vtag", "vtag_failed")

    def __init__(self) -> None:
        self.state = _NONE
        self.vtag = [0, 0]
        self.init = [False, False]
        self.last_dir = 0
        self.vtag_failed = False
        """A heartbeat came with another tag (SCTP_FLAG_HEARTBEAT_VTAG_FAILED)."""


def _chunks(data: bytes) -> list[_Chunk] | None:
    """``do_basic_checks``: None where the chunks cannot stand together, or there are none."""
    found: list[_Chunk] = []
    at = _HEADER
    alone = False
    while at + 4 <= len(data):
        kind, flags, length = data[at], data[at + 1], data[at + 2] << 8 | data[at + 3]
        alone = alone or kind in {_INIT, _INIT_ACK, _SHUTDOWN_COMPLETE}
        if not length or ((alone or kind in {_COOKIE_ACK, _COOKIE_ECHO}) and found):
            return None
        tag = int.from_bytes(data[at + 4 : at + 8]) if at + 20 <= len(data) else None
        found.append(_Chunk(kind, flags, tag))
        at += length + 3 & ~3
    return found or None


def _begin(ct: Connection, chunks: list[_Chunk], vtag: int) -> bool:
    """``sctp_new``: which tags the ends will use; False where no association begins so."""
    if {chunk.type for chunk in chunks} & {_ABORT, _SHUTDOWN_COMPLETE, _COOKIE_ACK}:
        return False
    track = ct.proto = SctpTrack()
    for chunk in chunks:
        if _TRANSITIONS[0].get(chunk.type, (_NONE,))[_NONE] in {_NONE, _INVALID}:
            return False
        if chunk.type == _INIT:
            if vtag or chunk.tag is None:
                return False
            track.vtag[1] = chunk.tag
        else:
            track.vtag[0 if chunk.type == _HEARTBEAT else 1] = vtag
    return True


def nf_conntrack_sctp_packet(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, _hook: int) -> int:
    """``nf_conntrack_sctp_packet``."""
    data = skb.packet.payload
    if not isinstance(data, bytes) or len(data) < _HEADER:
        return INVALID
    vtag = int.from_bytes(data[4:8])
    chunks = _chunks(data)
    if chunks is None or (not ct.status & IPS_CONFIRMED and not _begin(ct, chunks, vtag)):
        return INVALID
    track: SctpTrack = ct.proto
    direction = 1 if ctinfo >= IP_CT_IS_REPLY else 0
    kinds = {chunk.type for chunk in chunks}
    if not kinds & _ANY_TAG and vtag != track.vtag[direction]:
        return INVALID
    keep = False
    new = _NONE
    for chunk in chunks:
        passes = _tag_fits(track, chunk, vtag, direction, with_data=_DATA in kinds or keep)
        if passes is None:
            return INVALID
        if not passes:
            keep = True
            continue
        old = track.state
        row = _TRANSITIONS[direction].get(chunk.type)
        new = row[old] if row is not None else old
        if new == _INVALID or not _note_tag(track, chunk, direction):
            return INVALID
        if chunk.type == _INIT and new == old == _CLOSED and ct.status & IPS_CONFIRMED:
            keep = True
        track.state = new
        if new != old:
            nf_conntrack_event_cache(ct, IPCT_PROTOINFO)
            if new == _ESTABLISHED and not ct.status & IPS_ASSURED:
                ct.status |= IPS_ASSURED
                nf_conntrack_event_cache(ct, IPCT_ASSURED)
    if not keep:
        nf_ct_refresh_acct(ct, ctinfo, skb, netns.conntrack.timeouts.sctp[new], netns)
    return NF_ACCEPT


def _tag_fits(track: SctpTrack, chunk: _Chunk, vtag: int, direction: int, *, with_data: bool) -> bool | None:
    """Does the verification tag suit the chunk? None where it does not, False where the chunk is passed over."""
    kind = chunk.type
    other = 1 - direction
    if kind == _INIT:
        return True if not vtag else None
    if kind in {_ABORT, _SHUTDOWN_COMPLETE}:
        return True if vtag == track.vtag[other if chunk.flags & _FLAG_T else direction] else None
    if kind == _COOKIE_ECHO:
        return True if vtag == track.vtag[direction] else None
    if kind == _COOKIE_ACK:
        track.init = [False, False]
    elif kind in {_HEARTBEAT, _HEARTBEAT_ACK}:
        if not track.vtag[direction]:
            track.vtag[direction] = vtag
        elif vtag == track.vtag[direction]:
            track.vtag_failed = False
        elif with_data:
            return None
        elif kind == _HEARTBEAT:
            track.vtag_failed = True
            track.last_dir = direction
            return False
        elif not track.vtag_failed or track.last_dir == direction:
            return None
        else:
            track.vtag_failed = False
            track.vtag[direction], track.vtag[other] = vtag, 0
    return True


def _note_tag(track: SctpTrack, chunk: _Chunk, direction: int) -> bool:
    """INIT and INIT ACK say which tag the other end shall use; False where that contradicts."""
    other = 1 - direction
    if chunk.type == _INIT:
        if chunk.tag is None:
            return False
        if track.init[direction] and track.init[other]:
            track.init[other] = False
        track.init[direction] = True
        track.vtag[other] = chunk.tag
    elif chunk.type == _INIT_ACK:
        vtag = track.vtag[other]
        if chunk.tag is None or (not track.init[other] and vtag and vtag != chunk.tag):
            return False
        if track.init[direction] and track.init[other] and vtag != chunk.tag:
            return False
        track.vtag[other] = chunk.tag
    return True
