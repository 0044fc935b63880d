"""The window that is told to the other end, and the receive buffer behind it (net/ipv4/tcp_output.c, tcp_input.c; RFC 9293 section 3.8.6).

The kernel counts memory, not bytes: how much of a receive buffer is window depends on what segments cost (``scaling_ratio``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.tcp import darwin
from podwire.linux.tcp.darwin import is_darwin
from podwire.linux.tcp.sock import (
    ACK_PUSHED,
    ACK_PUSHED2,
    TCP_INIT_CWND,
    TCP_MSS_DEFAULT,
    TcpSock,
)
from podwire.linux.tcp.states import MASK
from podwire.wire.headers import TCP_PSH

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.wire.headers import Tcp

_RMEM_TO_WIN_SCALE: Final = 8
_U16_MAX: Final = 65535
_MAX_WSCALE: Final = 14
_TCP_MIN_MSS: Final = 88
_SOCK_MIN_RCVBUF: Final = 2304
_SKB_OVERHEAD: Final = 832
"""The sk_buff (256) and the small head with the skb_shared_info (576), before any data: measured with ``ss -m``."""
_SKB_ALIGN: Final = 256
_MAX_TCP_HEADER: Final = 256
_SHARED_INFO: Final = 320


def segment_truesize(length: int) -> int:
    """``skb->truesize`` of a segment with that many bytes of data."""
    return _SKB_OVERHEAD + length


def tcp_win_from_space(sk: TcpSock, space: int) -> int:
    """How much window so much memory is worth."""
    return space * sk.scaling_ratio >> _RMEM_TO_WIN_SCALE


def tcp_space(sk: TcpSock) -> int:
    """``tcp_space``: what is free of the receive buffer."""
    return tcp_win_from_space(sk, sk.rcvbuf - sk.rmem)


def tcp_full_space(sk: TcpSock) -> int:
    """``tcp_full_space``: the whole of it."""
    return tcp_win_from_space(sk, sk.rcvbuf)


def _align(window: int, wscale: int) -> int:
    return -(-window >> wscale) << wscale


def tcp_select_initial_window(
    netns: Netns, space: int, mss: int, *, wscale_ok: bool, clamp: int = 0
) -> tuple[int, int, int]:
    """``tcp_select_initial_window``: receive window, its scale and the clamp of a connection that begins.

    ``clamp`` is the largest window that there will ever be (SO_RCVBUF was set), 0 where that is open.
    """
    clamp = clamp or _U16_MAX << _MAX_WSCALE
    space = min(clamp, max(space, 0))
    if space > mss:
        space -= space % mss
    window = min(space, 32767) if netns.setting("tcp_workaround_signed_windows") else space
    wscale = 0
    if wscale_ok:
        rmem = netns.settings["tcp_rmem"]
        largest = min(max(space, rmem[2], netns.setting("rmem_max")), clamp)  # type: ignore[index]
        wscale = min(max(largest.bit_length() - 1 - 15, 0), _MAX_WSCALE)
    return window, wscale, min(_U16_MAX << wscale, clamp)


def tcp_init_buffer_space(sk: TcpSock) -> None:
    """``tcp_init_buffer_space``: the connection stands, so it is known what a segment takes."""
    if not sk.sndbuf_locked:
        tcp_sndbuf_expand(sk)
    sk.rcvq_time = sk.now
    sk.rcvq_seq = sk.copied_seq
    most = tcp_full_space(sk)
    app_win = sk.netns.setting("tcp_app_win")
    if sk.window_clamp >= most:
        sk.window_clamp = most
        if app_win and most > 4 * sk.advmss:
            sk.window_clamp = max(most - (most >> app_win), 4 * sk.advmss)
    if app_win and sk.window_clamp > 2 * sk.advmss and sk.window_clamp + sk.advmss > most:
        sk.window_clamp = max(2 * sk.advmss, most - sk.advmss)
    sk.rcv_ssthresh = min(sk.rcv_ssthresh, sk.window_clamp)
    sk.rcvq_space = min(sk.rcv_ssthresh, sk.rcv_wnd, TCP_INIT_CWND * sk.advmss)


def tcp_sndbuf_expand(sk: TcpSock) -> None:
    """``tcp_sndbuf_expand``: twice what a congestion window of segments takes, tcp_wmem[2] at most."""
    per_mss = max(sk.rx_opt.mss_clamp, sk.mss_cache) + _MAX_TCP_HEADER + _SHARED_INFO
    per_mss = (1 << (per_mss - 1).bit_length()) + _SKB_ALIGN
    want = 2 * max(TCP_INIT_CWND, sk.snd_cwnd, sk.reordering + 1) * per_mss
    if sk.sndbuf < want:
        sk.sndbuf = min(want, sk.netns.settings["tcp_wmem"][2])  # type: ignore[index]


def tcp_initialize_rcv_mss(sk: TcpSock) -> None:
    """``tcp_initialize_rcv_mss``: a guess at how long the other end's segments will be."""
    hint = min(sk.advmss, sk.mss_cache)
    if sk.rcv_wnd:
        hint = min(hint, sk.rcv_wnd // 2)
    sk.ack_rcv_mss = max(min(hint, TCP_MSS_DEFAULT), _TCP_MIN_MSS)


def tcp_measure_rcv_mss(sk: TcpSock, tcp: Tcp, length: int) -> None:
    """``tcp_measure_rcv_mss``: how long segments are, and what a byte of them costs."""
    last, sk.ack_last_seg_size = sk.ack_last_seg_size, 0
    if length >= sk.ack_rcv_mss:
        if length != sk.ack_rcv_mss:
            _rescale(sk, length)
        sk.ack_rcv_mss = min(length, sk.advmss)
        if tcp.flags & TCP_PSH:
            sk.ack_pending |= ACK_PUSHED
        return
    whole = length + tcp.size
    if whole >= TCP_MSS_DEFAULT + 20 or (whole >= _TCP_MIN_MSS + 20 and not tcp.flags & 0x2F):
        # TCP_REMNANT: FIN, URG, SYN and PSH.
        whole -= sk.header_len
        sk.ack_last_seg_size = whole
        if whole == last:
            sk.ack_rcv_mss = whole
            return
    if sk.ack_pending & ACK_PUSHED:
        sk.ack_pending |= ACK_PUSHED2
    sk.ack_pending |= ACK_PUSHED


def _rescale(sk: TcpSock, length: int) -> None:
    """A segment of a new length: how much of the memory that it takes is payload."""
    ratio = max(min((length << _RMEM_TO_WIN_SCALE) // segment_truesize(length), 255), 1)
    if ratio == sk.scaling_ratio:
        return
    sk.scaling_ratio = ratio
    _set_window_clamp(sk, tcp_full_space(sk))
    sk.rcvq_space = min(sk.rcvq_space, sk.window_clamp)


def _set_window_clamp(sk: TcpSock, value: int) -> None:
    """``tcp_set_window_clamp``."""
    old, new = sk.window_clamp, max(_SOCK_MIN_RCVBUF // 2, value)
    if new == old:
        return
    sk.window_clamp = new
    if new < old:
        sk.rcv_ssthresh = min(sk.rcv_ssthresh, new)
    else:
        sk.rcv_ssthresh = max(min(sk.rcv_wnd, new), sk.rcv_ssthresh)


def tcp_grow_window(sk: TcpSock, length: int, *, in_order: bool) -> None:
    """``tcp_grow_window``: the window opens; for a segment behind a gap only as far as it carries more data than overhead."""
    room = min(sk.window_clamp, tcp_space(sk)) - sk.rcv_ssthresh
    if room <= 0:
        return
    # truesize_adjust: data in order will be moved into the buffer before it, so that its own overhead does not count.
    truesize = length if in_order else segment_truesize(length)
    step = 2 * sk.advmss if tcp_win_from_space(sk, truesize) <= length else _slow_growth(sk, length, truesize)
    if step:
        sk.rcv_ssthresh += min(room, max(step, 2 * length))
        sk.ack_quick |= 1


def _slow_growth(sk: TcpSock, length: int, truesize: int) -> int:
    """``__tcp_grow_window``."""
    cost = tcp_win_from_space(sk, truesize) >> 1
    window = tcp_win_from_space(sk, sk.netns.settings["tcp_rmem"][2]) >> 1  # type: ignore[index]
    while sk.rcv_ssthresh <= window:
        if cost <= length:
            return 2 * sk.ack_rcv_mss
        cost >>= 1
        window >>= 1
    return 0


def tcp_clamp_window(sk: TcpSock) -> None:
    """``tcp_clamp_window``: the buffer overflows: it grows as far as it may, else the window shrinks."""
    sk.ack_quick = 0
    if not sk.rcvbuf_locked:
        sk.rcvbuf = max(sk.rcvbuf, min(sk.rmem, sk.netns.settings["tcp_rmem"][2]))  # type: ignore[index]
    if sk.rmem > sk.rcvbuf:
        sk.rcv_ssthresh = min(sk.window_clamp, 2 * sk.advmss)


def tcp_rcv_space_adjust(sk: TcpSock, copied: int) -> None:
    """``tcp_rcv_space_adjust``: the program reads faster than the buffer lets data come, so the buffer grows (tcp_moderate_rcvbuf)."""
    elapsed = (sk.now - sk.rcvq_time) // 1000
    if not copied or not sk.rcv_rtt_us or elapsed < sk.rcv_rtt_us >> 3:
        return
    read = sk.copied_seq - sk.rcvq_seq & MASK
    if read > sk.rcvq_space:
        if sk.netns.setting("tcp_moderate_rcvbuf") and not sk.rcvbuf_locked:
            window = (read << 1) + 16 * sk.advmss
            window += 2 * window * max(read - sk.rcvq_space, 0) // max(sk.rcvq_space, 1)
            buffer = min(
                (window << _RMEM_TO_WIN_SCALE) // sk.scaling_ratio,
                sk.netns.settings["tcp_rmem"][2],  # type: ignore[index]
            )
            if buffer > sk.rcvbuf:
                sk.rcvbuf = buffer
                sk.window_clamp = tcp_win_from_space(sk, buffer)
        sk.rcvq_space = read
    sk.rcvq_seq = sk.copied_seq
    sk.rcvq_time = sk.now


def want_window(sk: TcpSock) -> int:
    """``__tcp_select_window``: what could be told, 0 rather than a silly little (RFC 9293 section 3.8.6.2.2)."""
    mss = sk.ack_rcv_mss
    free, allowed = tcp_space(sk), tcp_full_space(sk)
    full = min(sk.window_clamp, allowed)
    wscale = sk.rx_opt.rcv_wscale
    if mss > full:
        mss = full
        if mss <= 0:
            return 0
    if free < full >> 1:
        sk.ack_quick = 0
        free = max(free, 0) >> wscale << wscale
        if free < allowed >> 4 or free < mss:
            return 0
    free = min(free, sk.rcv_ssthresh)
    if wscale:
        return _align(free, wscale)
    window = sk.rcv_wnd
    if window <= free - mss or window > free:
        return free - free % mss
    if mss == full and free > window + (full >> 1):
        return free
    return window


def tcp_select_window(sk: TcpSock) -> int:
    """``tcp_select_window``: the window field of the next segment; what was once offered is never taken back."""
    if is_darwin(sk.netns):
        return darwin.select_window(sk)
    wscale = sk.rx_opt.rcv_wscale
    left = sk.receive_window
    new = want_window(sk)
    if new < left:
        new = _align(left, wscale)
    sk.rcv_wnd = new
    sk.rcv_wup = sk.rcv_nxt
    signed = not wscale and sk.netns.setting("tcp_workaround_signed_windows")
    return min(new, 32767 if signed else _U16_MAX << wscale) >> wscale
