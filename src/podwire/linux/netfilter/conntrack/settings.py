"""net.netfilter.nf_conntrack_*: what the kernel starts with, and the numbers that packets need of it (nf_conntrack_standalone.c)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

NSEC: Final = 1_000_000_000

CT_KEYS: Final = MappingProxyType(
    {
        "nf_conntrack_acct": 0,
        "nf_conntrack_buckets": 262144,
        "nf_conntrack_checksum": 1,
        "nf_conntrack_count": 0,
        "nf_conntrack_events": 2,
        "nf_conntrack_expect_max": 4096,
        "nf_conntrack_frag6_high_thresh": 4194304,
        "nf_conntrack_frag6_low_thresh": 3145728,
        "nf_conntrack_frag6_timeout": 60,
        "nf_conntrack_generic_timeout": 600,
        "nf_conntrack_gre_timeout": 30,
        "nf_conntrack_gre_timeout_stream": 180,
        "nf_conntrack_icmp_timeout": 30,
        "nf_conntrack_icmpv6_timeout": 30,
        "nf_conntrack_log_invalid": 0,
        "nf_conntrack_max": 262144,
        "nf_conntrack_sctp_timeout_closed": 10,
        "nf_conntrack_sctp_timeout_cookie_echoed": 3,
        "nf_conntrack_sctp_timeout_cookie_wait": 3,
        "nf_conntrack_sctp_timeout_established": 210,
        "nf_conntrack_sctp_timeout_heartbeat_sent": 30,
        "nf_conntrack_sctp_timeout_shutdown_ack_sent": 3,
        "nf_conntrack_sctp_timeout_shutdown_recd": 3,
        "nf_conntrack_sctp_timeout_shutdown_sent": 3,
        "nf_conntrack_tcp_be_liberal": 0,
        "nf_conntrack_tcp_ignore_invalid_rst": 0,
        "nf_conntrack_tcp_loose": 1,
        "nf_conntrack_tcp_max_retrans": 3,
        "nf_conntrack_tcp_timeout_close": 10,
        "nf_conntrack_tcp_timeout_close_wait": 60,
        "nf_conntrack_tcp_timeout_established": 432000,
        "nf_conntrack_tcp_timeout_fin_wait": 120,
        "nf_conntrack_tcp_timeout_last_ack": 30,
        "nf_conntrack_tcp_timeout_max_retrans": 300,
        "nf_conntrack_tcp_timeout_syn_recv": 60,
        "nf_conntrack_tcp_timeout_syn_sent": 120,
        "nf_conntrack_tcp_timeout_time_wait": 120,
        "nf_conntrack_tcp_timeout_unacknowledged": 300,
        "nf_conntrack_timestamp": 0,
        "nf_conntrack_udp_timeout": 30,
        "nf_conntrack_udp_timeout_stream": 120,
    }
)
"""Every file of net/netfilter, with its value in a fresh namespace; timeouts in seconds. Values read from Linux 6.18."""

CT_NOT_MODELLED: Final = frozenset(
    {
        "nf_conntrack_frag6_high_thresh",
        "nf_conntrack_frag6_low_thresh",
        "nf_conntrack_frag6_timeout",
        "nf_conntrack_icmpv6_timeout",
        "nf_conntrack_log_invalid",
    }
)
"""IPv6 is not tracked, and nothing is written to the kernel's log."""
CT_READ_ONLY: Final = frozenset({"nf_conntrack_count"})
CT_OF_FIRST: Final = frozenset({"nf_conntrack_buckets", "nf_conntrack_expect_max", "nf_conntrack_max"})
"""One value for the whole kernel, which the first namespace alone may write."""
CT_BOOLEANS: Final = frozenset(
    {
        "nf_conntrack_acct",
        "nf_conntrack_checksum",
        "nf_conntrack_tcp_be_liberal",
        "nf_conntrack_tcp_ignore_invalid_rst",
        "nf_conntrack_tcp_loose",
        "nf_conntrack_timestamp",
    }
)
"""proc_dou8vec_minmax from 0 to 1."""

_TCP: Final = (
    "",
    "syn_sent",
    "syn_recv",
    "established",
    "fin_wait",
    "close_wait",
    "last_ack",
    "time_wait",
    "close",
    "syn_sent",
)
_SCTP: Final = (
    "",
    "closed",
    "cookie_wait",
    "cookie_echoed",
    "established",
    "shutdown_sent",
    "shutdown_recd",
    "shutdown_ack_sent",
    "heartbeat_sent",
)


class Timeouts:
    """The settings as packets read them: spans in ns, by state where a protocol has states (``nf_tcp_net``, ``nf_udp_net`` …)."""

    __slots__ = (
        "acct",
        "be_liberal",
        "checksum",
        "events",
        "generic",
        "gre",
        "gre_stream",
        "icmp",
        "ignore_invalid_rst",
        "loose",
        "max_retrans",
        "sctp",
        "tcp",
        "tcp_retrans",
        "tcp_unack",
        "timestamp",
        "udp",
        "udp_stream",
    )

    def __init__(self, settings: MappingProxyType[str, int] | dict[str, int]) -> None:
        def span(key: str) -> int:
            return settings[f"nf_conntrack_{key}"] * NSEC

        self.acct = bool(settings["nf_conntrack_acct"])
        self.checksum = bool(settings["nf_conntrack_checksum"])
        self.events = settings["nf_conntrack_events"]
        self.timestamp = bool(settings["nf_conntrack_timestamp"])
        self.be_liberal = bool(settings["nf_conntrack_tcp_be_liberal"])
        self.loose = bool(settings["nf_conntrack_tcp_loose"])
        self.ignore_invalid_rst = bool(settings["nf_conntrack_tcp_ignore_invalid_rst"])
        self.max_retrans = settings["nf_conntrack_tcp_max_retrans"]
        self.generic = span("generic_timeout")
        self.icmp = span("icmp_timeout")
        self.udp, self.udp_stream = span("udp_timeout"), span("udp_timeout_stream")
        self.gre, self.gre_stream = span("gre_timeout"), span("gre_timeout_stream")
        self.tcp = tuple(span(f"tcp_timeout_{state}") if state else 0 for state in _TCP)
        self.tcp_retrans, self.tcp_unack = span("tcp_timeout_max_retrans"), span("tcp_timeout_unacknowledged")
        self.sctp = tuple(span(f"sctp_timeout_{state}") if state else 0 for state in _SCTP)


DEFAULT_TIMEOUTS: Final = Timeouts(CT_KEYS)
"""What every namespace begins with; a write gives it another."""
