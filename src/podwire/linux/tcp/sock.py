"""What the kernel knows of one TCP connection: ``struct tcp_sock`` with the inet and connection parts below it.

No behaviour lives here: the modules beside this one read and write it, as the kernel's files do.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from podwire.linux.tcp.states import CAN_SEND, MASK, TcpState
from podwire.wire.addr import ANY4, Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.machine import Timer
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.linux.tcp.listen import RequestSock
    from podwire.linux.tcp.socket import TcpSocket
    from podwire.wire.headers import Tcp
    from podwire.wire.packet import Packet

TCP_MSS_DEFAULT: Final = 536
TCP_INIT_CWND: Final = 10
TCP_INFINITE_SSTHRESH: Final = 0x7FFFFFFF
DEFAULT_SCALING_RATIO: Final = 128
"""``TCP_DEFAULT_SCALING_RATIO``: half of a receive buffer is payload, until segments tell otherwise."""

RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2

ACK_SCHED: Final = 1
ACK_TIMER: Final = 2
ACK_PUSHED: Final = 4
ACK_PUSHED2: Final = 8
ACK_NOW: Final = 16


class Segment:
    """A segment that was sent and is not yet acknowledged (``tcp_skb_cb`` in the retransmit queue).

    ``end`` counts SYN and FIN. ``sacked``, ``lost``, ``retrans`` are TCPCB_SACKED_ACKED, TCPCB_LOST and
    TCPCB_SACKED_RETRANS; ``ever`` is TCPCB_EVER_RETRANS. Times are ns.
    """

    __slots__ = ("data", "end", "ever", "first", "flags", "lost", "retrans", "sacked", "sent", "seq", "skb")

    def __init__(self, seq: int, data: bytes, flags: int, now: int) -> None:
        self.seq = seq
        self.data = data
        self.flags = flags
        self.end = seq + len(data) + bool(flags & 0x02) + bool(flags & 0x01) & MASK
        self.sent = now
        self.first = now
        self.sacked = False
        self.lost = False
        self.retrans = False
        self.ever = False
        self.skb: Skb | None = None
        """What was last transmitted of it: while that waits for a neighbour, nothing more is."""

    @property
    def waits(self) -> bool:
        """``skb_still_in_host_queue``."""
        return self.skb is not None and self.skb.charged > 0


class Piece:
    """Data in the receive queue or behind a gap: ``truesize`` is what the kernel counts for it, ``frags`` of how many segments it is."""

    __slots__ = ("data", "end", "fin", "frags", "seq", "skb", "truesize")

    def __init__(self, seq: int, data: bytes, truesize: int, skb: Skb, *, fin: bool) -> None:
        self.seq = seq
        self.data = data
        self.truesize = truesize
        self.skb = skb
        self.fin = fin
        self.end = seq + len(data) + fin & MASK
        self.frags = 1


class RxOptions:
    """``struct tcp_options_received``: what was agreed in the handshake, and what the last segment said."""

    __slots__ = (
        "mss_clamp",
        "rcv_tsecr",
        "rcv_tsval",
        "rcv_wscale",
        "sack_ok",
        "saw_tstamp",
        "snd_wscale",
        "ts_recent",
        "ts_recent_stamp",
        "tstamp_ok",
        "user_mss",
        "wscale_ok",
    )

    def __init__(self) -> None:
        self.mss_clamp = TCP_MSS_DEFAULT
        """The largest segment that the other end takes: its MSS option."""
        self.user_mss = 0
        """TCP_MAXSEG."""
        self.sack_ok = False
        self.tstamp_ok = False
        self.wscale_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.saw_tstamp = False
        self.rcv_tsval = 0
        self.rcv_tsecr = 0
        self.ts_recent = 0
        self.ts_recent_stamp = 0
        """When ``ts_recent`` was learned, in seconds; 0 for never."""


class TcpSock:
    """One connection, or a listener. Sequence numbers are those on the wire; times in ns unless a name says jiffies.

    ``owned`` is ``sock_owned_by_user``: while a program is in a system call, what arrives waits in ``backlog``.
    """

    def __init__(self, netns: Netns) -> None:  # noqa: PLR0915 - as many as struct tcp_sock has
        self.netns = netns
        self.state = TcpState.CLOSE
        self.socket: TcpSocket | None = None
        """``sk_socket``: the program's end; None for an orphan, and for a connection that nobody has accepted yet."""
        # -- addresses
        self.saddr: Ip = ANY4
        self.rcv_saddr: Ip = ANY4
        self.sport = 0
        self.daddr: Ip = ANY4
        self.dport = 0
        self.bound_addr = False
        self.bound_port = False
        self.link: Link | None = None
        """SO_BINDTODEVICE."""
        # -- socket options
        self.mark = 0
        self.tos = 0
        self.ttl = 0
        self.pmtudisc = 1
        self.reuse = False
        self.keepalive = False
        self.nodelay = False
        self.cork = False
        self.linger: int | None = None
        """SO_LINGER in seconds; None where it is off."""
        self.multicast_loop = True
        self.recverr = False
        self.txhash = 0
        """``sk_txhash``: what tunnels hash of this connection's packets (F89)."""
        self.ip_id = 0
        """``inet_id``: the next IP identification."""
        # -- errors and memory
        self.err = 0
        self.err_soft = 0
        self.error_queued = False
        """``sk_error_queue`` holds an ICMP error about the handshake, which no program here reads."""
        self.shutdown = 0
        self.done = False
        """SOCK_DONE."""
        self.reset_seen = False
        rmem, wmem = netns.settings["tcp_rmem"], netns.settings["tcp_wmem"]
        self.rcvbuf: int = rmem[1]  # type: ignore[index]
        self.sndbuf: int = wmem[1]  # type: ignore[index]
        self.rcvbuf_locked = False
        self.sndbuf_locked = False
        self.rmem = 0
        """``sk_rmem_alloc``."""
        self.wmem = 0
        """``sk_wmem_alloc``: what packets take that wait for a neighbour."""
        self.wmem_queued = 0
        self.owned = False
        self.backlog: deque[tuple[Skb, Tcp]] = deque()
        self.ack_deferred = False
        self.mtu_told: tuple[Packet, int] | None = None
        """``mtu_info``: an error says that a segment was too long for the path; it waits for the end of a system call."""
        self.confirm = False
        """``sk_dst_pending_confirm``: progress was made, so the next packet confirms the next hop (F21)."""
        # -- sending
        self.iss = 0
        self.snd_una = 0
        self.snd_nxt = 0
        self.write_seq = 0
        self.snd_sml = 0
        """The end of the last small segment that was sent (Minshall's form of Nagle)."""
        self.snd_wnd = 0
        self.snd_wl1 = 0
        self.max_window = 0
        self.pushed_seq = 0
        self.unsent = bytearray()
        """Bytes that were not yet sent, from ``snd_nxt`` on."""
        self.push_marks: deque[int] = deque()
        """Where writes ended."""
        self.push_rest = False
        """The next segment has PSH: a window probe was cut from its beginning."""
        self.fin_queued = False
        self.rtx: list[Segment] = []
        self.mss_cache = TCP_MSS_DEFAULT
        self.pmtu_cookie = 0
        self.advmss = TCP_MSS_DEFAULT
        self.header_len = 20
        """``tcp_header_len``: with the options of every segment."""
        self.tsoffset = 0
        self.lsndtime = 0
        self.last_oow_ack = 0
        # -- receiving
        self.irs = 0
        self.rcv_nxt = 0
        self.rcv_wup = 0
        self.rcv_wnd = 0
        self.copied_seq = 0
        self.rcv_ssthresh = 0
        self.window_clamp = 0
        self.scaling_ratio = DEFAULT_SCALING_RATIO
        self.rcvq_space = 0
        self.rcvq_seq = 0
        self.rcvq_time = 0
        self.rcv_rtt_us = 0
        """Eight times the round trip as the receiver sees it."""
        self.rcv_rtt_tsecr = 0
        self.rcv_rtt_seq = 0
        self.rcv_rtt_time = 0
        self.queue: deque[Piece] = deque()
        self.ofo: list[Piece] = []
        """``out_of_order_queue``, in order."""
        self.sacks: list[tuple[int, int]] = []
        self.dsack: tuple[int, int] | None = None
        self.rx_opt = RxOptions()
        # -- acknowledging (icsk_ack)
        self.ack_pending = 0
        self.ack_quick = 0
        self.ack_pingpong = 0
        self.ack_ato = 0
        self.ack_timeout = 0
        self.ack_lrcvtime = 0
        self.ack_rcv_mss = 0
        self.ack_last_seg_size = 0
        self.ack_retry = 0
        self.compressed_ack = 0
        self.compressed_rcv_nxt = 0
        self.dup_ack_counter = 0
        # -- round trips and retransmission (jiffies and µs)
        self.srtt_us = 0
        self.mdev_us = 0
        self.mdev_max_us = 0
        self.rttvar_us = 0
        self.rtt_seq = 0
        self.rto = 0
        self.min_rtt_us = 0
        self.backoff = 0
        self.retransmits = 0
        self.probes_out = 0
        self.probes_tstamp = 0
        self.retrans_stamp = 0
        self.total_retrans = 0
        self.syn_retrans = 0
        # -- congestion
        self.snd_cwnd = TCP_INIT_CWND
        self.snd_cwnd_cnt = 0
        self.ssthresh = TCP_INFINITE_SSTHRESH
        self.prior_cwnd = 0
        self.prr_delivered = 0
        self.prr_out = 0
        self.high_seq = 0
        self.ca_state = "Open"
        self.reordering = 3
        self.cwnd_limited = False
        self.max_packets_out = 0
        self.cwnd_usage_seq = 0
        self.total_rto = 0
        self.cwnd_stamp = 0
        self.rack_mstamp = 0
        """When the segment that was sent last among those delivered was sent (ns; RFC 8985 section 6.2)."""
        self.rack_end_seq = 0
        self.rack_rtt_us = 0
        self.rack_advanced = False
        self.reord_seen = False
        self.tlp_high_seq = 0
        self.tlp_retrans = False
        # -- counters for ss
        self.bytes_sent = 0
        self.bytes_retrans = 0
        self.bytes_acked = 0
        self.bytes_received = 0
        self.segs_out = 0
        self.segs_in = 0
        self.data_segs_out = 0
        self.data_segs_in = 0
        self.delivered = 0
        # -- timers
        self.retransmit_timer: Timer | None = None
        self.timer_what = ""
        """What the retransmit timer stands for: ``retrans``, ``probe0``, ``loss-probe``, ``reo`` or nothing."""
        self.timer_at = 0
        """The jiffy of ``icsk_timeout``."""
        self.delack_timer: Timer | None = None
        self.keepalive_timer: Timer | None = None
        self.keepalive_at = 0
        self.rcv_tstamp = 0
        """``rcv_tstamp``: the jiffy of the last ACK."""
        self.linger2 = 0
        # -- listening
        self.backlog_max = 0
        self.requests: dict[tuple[Ip, int, Ip, int], RequestSock] = {}
        self.accept_queue: deque[TcpSock] = deque()
        self.listener: TcpSock | None = None
        """For a connection in the accept queue: whose."""

    # -- what the IP layer asks of the owner of a packet

    @property
    def probes(self) -> bool:
        """Not ``ip_sk_use_pmtu``."""
        return self.pmtudisc >= 3

    @property
    def jiffies(self) -> int:
        """The machine's tick."""
        return self.netns.machine.jiffies

    @property
    def now(self) -> int:
        """Virtual time, ns."""
        return self.netns.machine.world.now

    @property
    def packets_out(self) -> int:
        """``packets_out``."""
        return len(self.rtx)

    @property
    def in_flight(self) -> int:
        """``tcp_packets_in_flight``: sent, neither left nor lost, and what was sent again."""
        flying = 0
        for segment in self.rtx:
            flying += (not segment.sacked and not segment.lost) + segment.retrans
        return flying

    @property
    def sacked_out(self) -> int:
        """``sacked_out``."""
        return sum(segment.sacked for segment in self.rtx)

    @property
    def receive_window(self) -> int:
        """``tcp_receive_window``: what is left of the window that was last told."""
        left = self.rcv_wup + self.rcv_wnd - self.rcv_nxt & MASK
        return left if left < 1 << 31 else 0

    @property
    def wnd_end(self) -> int:
        """``tcp_wnd_end``: the first sequence number that the other end does not take."""
        return self.snd_una + self.snd_wnd & MASK

    @property
    def can_send(self) -> bool:
        """Data may be written."""
        return self.state in CAN_SEND and not self.shutdown & SEND_SHUTDOWN

    def __repr__(self) -> str:
        return f"<TcpSock {self.rcv_saddr}:{self.sport} {self.daddr}:{self.dport} {self.state}>"
