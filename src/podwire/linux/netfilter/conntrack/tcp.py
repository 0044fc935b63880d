"""TCP: from state to state (nf_conntrack_proto_tcp.c); whether a segment lies in the windows, ``tcpwindow`` says.

The states are the sender's as the machine between guesses it: NONE, SYN_SENT, SYN_RECV (SYN+ACK seen), ESTABLISHED (ACK seen),
FIN_WAIT (FIN seen), CLOSE_WAIT (its ACK), LAST_ACK (the other FIN), TIME_WAIT (its ACK), CLOSE (RST) and SYN_SENT2 (SYN from both ends).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.ecache import IPCT_ASSURED, IPCT_PROTOINFO, nf_conntrack_event_cache
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_IS_REPLY,
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
    Connection,
)
from podwire.linux.netfilter.conntrack.refresh import INVALID, REPEAT, account, nf_ct_refresh_acct
from podwire.linux.netfilter.conntrack.settings import NSEC
from podwire.linux.netfilter.conntrack.tcpwindow import (
    ACK_SET,
    CLOSE_INIT,
    DATA_UNACKNOWLEDGED,
    EXP_CHALLENGE_ACK,
    FIN_SET,
    LIBERAL,
    MAXACK_SET,
    NONE_SET,
    RST_SET,
    SACK_PERM,
    SIMULTANEOUS_OPEN,
    SYN_SET,
    SYNACK_SET,
    WINDOW_SCALE,
    Seen,
    TcpTrack,
    before,
    segment_end,
    tcp_in_window,
    tcp_options,
)
from podwire.linux.netfilter.conntrack.tcpwindow import INVALID as OUT_OF_WINDOW
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_DROP, NF_INET_PRE_ROUTING
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TCP_URG, Tcp

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.settings import Timeouts
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

TCP_STATES: Final = (
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
)
"""``tcp_conntrack_names``."""
(
    NONE,
    SYN_SENT,
    SYN_RECV,
    ESTABLISHED,
    FIN_WAIT,
    CLOSE_WAIT,
    LAST_ACK,
    TIME_WAIT,
    CLOSE,
    SYN_SENT2,
    _INVALID,
    _IGNORE,
) = range(12)
_LETTERS: Final = {
    "NO": NONE,
    "SS": SYN_SENT,
    "SR": SYN_RECV,
    "ES": ESTABLISHED,
    "FW": FIN_WAIT,
    "CW": CLOSE_WAIT,
    "LA": LAST_ACK,
    "TW": TIME_WAIT,
    "CL": CLOSE,
    "S2": SYN_SENT2,
    "--": _INVALID,
    "..": _IGNORE,
}


def _row(text: str) -> tuple[int, ...]:
    return tuple(_LETTERS[word] for word in text.split())


_TRANSITIONS: Final = (
    (  # from     NO SS SR ES FW CW LA TW CL S2; -- is invalid, .. passes and changes nothing
        _row("SS SS .. .. .. .. .. SS SS S2"),  # SYN
        _row("-- -- SR -- -- -- -- -- -- SR"),  # SYN+ACK
        _row("-- -- FW FW LA LA LA TW CL --"),  # FIN
        _row("ES -- ES ES CW CW TW TW CL --"),  # ACK
        _row("-- CL CL CL CL CL CL CL CL CL"),  # RST
        _row("-- -- -- -- -- -- -- -- -- --"),  # none of them
    ),
    (  # the way of the replies
        _row("-- S2 -- -- -- -- -- SS -- S2"),
        _row("-- SR .. .. .. .. .. .. .. SR"),
        _row("-- -- FW FW LA LA LA TW CL --"),
        _row("-- .. SR ES CW CW TW TW CL .."),
        _row("-- CL CL CL CL CL CL CL CL CL"),
        _row("-- -- -- -- -- -- -- -- -- --"),
    ),
)
"""``tcp_conntracks``: by direction, flags and state, the state that follows (kernel sheet F170, F171)."""

_COUNTS: Final = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG
_VALID_FLAGS: Final = frozenset(
    {
        TCP_SYN,
        TCP_SYN | TCP_URG,
        TCP_SYN | TCP_ACK,
        TCP_RST,
        TCP_RST | TCP_ACK,
        TCP_FIN | TCP_ACK,
        TCP_FIN | TCP_ACK | TCP_URG,
        TCP_ACK,
        TCP_ACK | TCP_URG,
    }
)
_CLOSING: Final = frozenset({FIN_WAIT, LAST_ACK, TIME_WAIT, CLOSE, CLOSE_WAIT})
"""``tcp_can_early_drop``."""
_SHRINK_ABOVE: Final = 120 * NSEC
_INDEX: Final = tuple(
    RST_SET
    if flags & TCP_RST
    else (SYNACK_SET if flags & TCP_ACK else SYN_SET)
    if flags & TCP_SYN
    else FIN_SET
    if flags & TCP_FIN
    else ACK_SET
    if flags & TCP_ACK
    else NONE_SET
    for flags in range(256)
)
"""``get_conntrack_index`` of every flags byte."""


def tcp_index(tcp: Tcp) -> int:
    """``get_conntrack_index``."""
    return _INDEX[tcp.flags & 0xFF]


def tcp_established(ct: Connection) -> bool:
    """``nf_conntrack_tcp_established``."""
    return ct.proto.state == ESTABLISHED and bool(ct.status & IPS_ASSURED)


def _tcp_new(ct: Connection, tcp: Tcp, length: int, timeouts: Timeouts) -> bool:
    """``tcp_new``: what the first packet tells; False where none may begin so."""
    begins = _TRANSITIONS[0][tcp_index(tcp)][NONE]
    if begins >= _INVALID or (begins != SYN_SENT and not timeouts.loose):
        return False
    track = ct.proto = TcpTrack()
    seen = track.seen[0]
    seen.td_end = segment_end(tcp, length)
    seen.td_maxwin = tcp.window or 1
    if begins == SYN_SENT:
        seen.td_maxend = seen.td_end
        tcp_options(tcp.options, seen)
    else:
        # In the middle of a connection: with unknown scale no window can be held against it.
        seen.td_maxend = seen.td_end + seen.td_maxwin & 0xFFFFFFFF
        seen.flags = track.seen[1].flags = SACK_PERM | LIBERAL
    return True


def _ignored(ct: Connection, tcp: Tcp, length: int, direction: int, index: int, old: int) -> bool:
    """``TCP_CONNTRACK_IGNORE``: the machine may be out of step with the ends, so the packet passes and is remembered.

    True where it is the SYN+ACK for a SYN that was let through so: the two ends are in step, and now the machine is.
    """
    track: TcpTrack = ct.proto
    if (
        index == SYNACK_SET
        and track.last_index == SYN_SET
        and track.last_dir != direction
        and tcp.ack == track.last_end
    ):
        seen = track.seen[track.last_dir]
        seen.td_end = seen.td_maxend = track.last_end
        seen.td_maxwin = track.last_win or 1
        seen.td_scale = track.last_wscale
        track.last_flags &= ~EXP_CHALLENGE_ACK
        seen.flags = track.last_flags
        track.seen[direction].reset()
        return True
    track.last_index, track.last_dir = index, direction
    track.last_seq, track.last_end = tcp.seq, segment_end(tcp, length)
    track.last_win = tcp.window
    if index == SYN_SET and not direction:
        options = Seen()
        tcp_options(tcp.options, options)
        track.last_flags = options.flags & (WINDOW_SCALE | SACK_PERM)
        track.last_wscale = options.td_scale
        if old == LAST_ACK:
            # RFC 5961: the answer may be an ACK that acknowledges no FIN.
            track.last_flags |= EXP_CHALLENGE_ACK
    if old == SYN_SENT and index == ACK_SET and direction:
        track.last_ack = tcp.ack
    return False


def _reset(ct: Connection, tcp: Tcp, direction: int, old: int, *, ignore_invalid: bool) -> int:
    """``TCP_CONNTRACK_CLOSE`` by RST: INVALID, the state that follows, or its complement where no window needs to be asked."""
    track: TcpTrack = ct.proto
    if track.state in _CLOSING:
        return ~CLOSE
    new = CLOSE
    other = track.seen[1 - direction]
    if other.flags & MAXACK_SET and track.last_index != SYN_SET:
        established = tcp_established(ct)
        if not tcp.seq and not established:
            return CLOSE
        if before(tcp.seq, other.td_maxack) and not ignore_invalid:
            return _INVALID
        if not established or tcp.seq == other.td_maxack:
            return CLOSE
        if track.last_index == ACK_SET and track.last_dir == direction and tcp.seq == track.last_end:
            # Right behind the data that came just now.
            return CLOSE
        # Not exactly the number that is due: it may provoke a challenge ACK.
        new = old
    status = ct.status
    answers_syn = track.last_index == SYN_SET and track.last_dir != direction
    let_through = (status & IPS_SEEN_REPLY and answers_syn) or (
        not status & IPS_ASSURED and track.last_index == ACK_SET
    )
    if let_through and tcp.ack == track.last_end:
        return ~new
    answered = old == SYN_SENT and track.last_index == ACK_SET and track.last_dir == 1
    return ~new if answered and tcp.seq == track.last_ack else new


def _transition(
    ct: Connection, tcp: Tcp, length: int, direction: int, index: int, old: int, new: int, netns: Netns
) -> tuple[int | None, int, int]:
    """What the table does not know: a verdict, or None with the states from and to; the complement of ``to`` asks no window."""
    track: TcpTrack = ct.proto
    if new == _INVALID:
        return INVALID, old, new
    if new == _IGNORE or (new == SYN_SENT and old >= TIME_WAIT):
        if new == SYN_SENT and (
            (track.seen[0].flags | track.seen[1].flags) & CLOSE_INIT
            or (track.last_dir == direction and track.last_index == RST_SET)
        ):
            # A closed connection is opened again.
            return (REPEAT if netns.conntrack.delete(ct) else NF_DROP), old, new
        if not _ignored(ct, tcp, length, direction, index, old):
            return NF_ACCEPT, old, new
        return None, SYN_SENT, SYN_RECV
    if new == TIME_WAIT:
        challenged = old == LAST_ACK and index == ACK_SET and track.last_dir != direction
        if challenged and track.last_index == SYN_SET and track.last_flags & EXP_CHALLENGE_ACK:
            track.last_flags &= ~EXP_CHALLENGE_ACK
            return NF_ACCEPT, old, new
    elif new == SYN_SENT2:
        track.last_flags |= SIMULTANEOUS_OPEN
    elif new == SYN_RECV:
        if direction and index == ACK_SET and track.last_flags & SIMULTANEOUS_OPEN:
            new = ESTABLISHED
    elif new == CLOSE and index == RST_SET:
        new = _reset(ct, tcp, direction, old, ignore_invalid=netns.conntrack.timeouts.ignore_invalid_rst)
        if new == _INVALID:
            return INVALID, old, new
    return None, old, new


def _timeout(track: TcpTrack, index: int, new: int, timeouts: Timeouts) -> int:
    """How long the connection may be silent in its new state (F135)."""
    span = timeouts.tcp[new]
    if track.retrans >= timeouts.max_retrans and span > timeouts.tcp_retrans:
        return timeouts.tcp_retrans
    if index == RST_SET:
        return timeouts.tcp[CLOSE]
    unacknowledged = (track.seen[0].flags | track.seen[1].flags) & DATA_UNACKNOWLEDGED
    if unacknowledged and span > timeouts.tcp_unack:
        return timeouts.tcp_unack
    if not track.last_win and span > timeouts.tcp_retrans:
        return timeouts.tcp_retrans
    return span


def _handle_invalid(ct: Connection, direction: int, index: int, timeouts: Timeouts, now: int) -> None:
    """``nf_tcp_handle_invalid``: FIN or RST from both ends, though out of the windows: it will hardly live on for days."""
    if not ct.status & IPS_ASSURED or ct.status & IPS_FIXED_TIMEOUT or index not in {RST_SET, FIN_SET}:
        return
    track: TcpTrack = ct.proto
    if track.last_dir != direction and track.last_index in {FIN_SET, RST_SET}:
        if ct.timeout - now >= _SHRINK_ABOVE and ct.timeout - now > timeouts.tcp_unack:
            ct.timeout = now + timeouts.tcp_unack
    else:
        track.last_index, track.last_dir = index, direction


def nf_conntrack_tcp_packet(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, hook: int) -> int:
    """``nf_conntrack_tcp_packet``: NF_ACCEPT, INVALID, REPEAT (the connection is gone: begin another) or NF_DROP."""
    packet = skb.packet
    tcp = packet.layers[1] if len(packet.layers) > 1 else None
    if type(tcp) is not Tcp:
        return INVALID
    timeouts = netns.conntrack.timeouts
    if tcp.checksum is not None and hook == NF_INET_PRE_ROUTING and timeouts.checksum:
        return INVALID
    flags = tcp.flags & _COUNTS
    if flags not in _VALID_FLAGS:
        return INVALID
    length = skb.len - packet.layers[0].size - 20 - len(tcp.options)
    if not ct.status & IPS_CONFIRMED and not _tcp_new(ct, tcp, length, timeouts):
        return INVALID
    track: TcpTrack = ct.proto
    direction = 1 if ctinfo >= IP_CT_IS_REPLY else 0
    index = _INDEX[tcp.flags & 0xFF]
    old = track.state
    new = _TRANSITIONS[direction][index][old]
    if new != ESTABLISHED or old != ESTABLISHED:
        verdict, old, new = _transition(ct, tcp, length, direction, index, old, new, netns)
        if verdict is not None:
            return verdict
    if new >= 0:
        where = tcp_in_window(ct, direction, index, tcp, length, be_liberal=timeouts.be_liberal)
        if where:
            if where == OUT_OF_WINDOW:
                _handle_invalid(ct, direction, index, timeouts, netns.machine.world.now)
                return INVALID
            return NF_ACCEPT
    else:
        new = ~new
    _advance(ct, skb, netns, ctinfo, index, old, new)
    return NF_ACCEPT


def _advance(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, index: int, old: int, new: int) -> None:
    """``in_window``: the segment counts; the connection goes on to its new state, and lives on for that state's time."""
    track: TcpTrack = ct.proto
    direction = 1 if ctinfo >= IP_CT_IS_REPLY else 0
    timeouts = netns.conntrack.timeouts
    track.last_index = index
    track.last_dir = direction
    track.state = new
    if new != old:
        if new == FIN_WAIT:
            track.seen[direction].flags |= CLOSE_INIT
        nf_conntrack_event_cache(ct, IPCT_PROTOINFO)
    timeout = _timeout(track, index, new, timeouts)
    status = ct.status
    if not status & IPS_SEEN_REPLY:
        if index == RST_SET:
            # The only answer is a reset: there is no connection.
            account(ct, ctinfo, skb)
            netns.conntrack.delete(ct)
            return
        if index == SYN_SET and old == SYN_SENT:
            # A SYN that is sent again keeps nothing alive.
            return
        if new == ESTABLISHED and timeout > timeouts.tcp_unack:
            timeout = timeouts.tcp_unack
    elif not status & IPS_ASSURED and new == ESTABLISHED and old in {SYN_RECV, ESTABLISHED}:
        ct.status |= IPS_ASSURED
        nf_conntrack_event_cache(ct, IPCT_ASSURED)
    nf_ct_refresh_acct(ct, ctinfo, skb, timeout, netns)


def nf_conntrack_tcp_set_closing(ct: Connection, netns: Netns) -> None:
    """``nf_conntrack_tcp_set_closing``: REJECT has sent a reset."""
    if not ct.status & IPS_CONFIRMED or not isinstance(ct.proto, TcpTrack):
        return
    old, ct.proto.state = ct.proto.state, CLOSE
    if old != CLOSE and not ct.status & IPS_FIXED_TIMEOUT:
        ct.timeout = netns.machine.world.now + netns.conntrack.timeouts.tcp[CLOSE]
        nf_conntrack_event_cache(ct, IPCT_PROTOINFO)
