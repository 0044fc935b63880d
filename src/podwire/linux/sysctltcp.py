"""The switches net.ipv4.tcp_* and what else TCP reads: defaults, limits, and which of them decide something here.

Source: net/ipv4/sysctl_net_ipv4.c; values and limits read from Linux 6.18. ``tcp_mem`` and ``tcp_max_orphans``, which depend on
the machine's memory, and ``tcp_fastopen_key`` are not there. The congestion control is Debian's.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_INT_MAX: Final = (1 << 31) - 1
_BYTE: Final = (0, 255)

TCP_KEYS: Final[MappingProxyType[str, int | tuple[int, ...]]] = MappingProxyType(
    {
        "tcp_abort_on_overflow": 0,
        "tcp_adv_win_scale": 1,
        "tcp_app_win": 31,
        "tcp_autocorking": 1,
        "tcp_backlog_ack_defer": 1,
        "tcp_base_mss": 1024,
        "tcp_challenge_ack_limit": _INT_MAX,
        "tcp_child_ehash_entries": 0,
        "tcp_comp_sack_delay_ns": 1000000,
        "tcp_comp_sack_nr": 44,
        "tcp_comp_sack_slack_ns": 100000,
        "tcp_dsack": 1,
        "tcp_early_demux": 1,
        "tcp_early_retrans": 3,
        "tcp_ecn": 2,
        "tcp_ecn_fallback": 1,
        "tcp_ecn_option": 2,
        "tcp_ecn_option_beacon": 3,
        "tcp_fack": 0,
        "tcp_fastopen": 1,
        "tcp_fastopen_blackhole_timeout_sec": 0,
        "tcp_fin_timeout": 60,
        "tcp_frto": 2,
        "tcp_fwmark_accept": 0,
        "tcp_invalid_ratelimit": 500,
        "tcp_keepalive_intvl": 75,
        "tcp_keepalive_probes": 9,
        "tcp_keepalive_time": 7200,
        "tcp_l3mdev_accept": 0,
        "tcp_limit_output_bytes": 4194304,
        "tcp_max_reordering": 300,
        "tcp_max_syn_backlog": 2048,
        "tcp_max_tw_buckets": 131072,
        "tcp_migrate_req": 0,
        "tcp_min_rtt_wlen": 300,
        "tcp_min_snd_mss": 48,
        "tcp_min_tso_segs": 2,
        "tcp_moderate_rcvbuf": 1,
        "tcp_mtu_probe_floor": 48,
        "tcp_mtu_probing": 0,
        "tcp_no_metrics_save": 0,
        "tcp_no_ssthresh_metrics_save": 1,
        "tcp_notsent_lowat": 4294967295,
        "tcp_orphan_retries": 0,
        "tcp_pacing_ca_ratio": 120,
        "tcp_pacing_ss_ratio": 200,
        "tcp_pingpong_thresh": 1,
        "tcp_plb_cong_thresh": 128,
        "tcp_plb_enabled": 0,
        "tcp_plb_idle_rehash_rounds": 3,
        "tcp_plb_rehash_rounds": 12,
        "tcp_plb_suspend_rto_sec": 60,
        "tcp_probe_interval": 600,
        "tcp_probe_threshold": 8,
        "tcp_recovery": 1,
        "tcp_reflect_tos": 0,
        "tcp_reordering": 3,
        "tcp_retrans_collapse": 1,
        "tcp_retries1": 3,
        "tcp_retries2": 15,
        "tcp_rfc1337": 0,
        "tcp_rmem": (4096, 131072, 33554432),
        "tcp_rto_max_ms": 120000,
        "tcp_rto_min_us": 200000,
        "tcp_sack": 1,
        "tcp_shrink_window": 0,
        "tcp_slow_start_after_idle": 1,
        "tcp_stdurg": 0,
        "tcp_syn_linear_timeouts": 4,
        "tcp_syn_retries": 6,
        "tcp_synack_retries": 5,
        "tcp_syncookies": 1,
        "tcp_thin_linear_timeouts": 0,
        "tcp_timestamps": 1,
        "tcp_tso_rtt_log": 9,
        "tcp_tso_win_divisor": 3,
        "tcp_tw_reuse": 2,
        "tcp_tw_reuse_delay": 1000,
        "tcp_window_scaling": 1,
        "tcp_wmem": (4096, 16384, 4194304),
        "tcp_workaround_signed_windows": 0,
    }
)
"""net.ipv4.*, of every namespace."""

TCP_LIMITS: Final = MappingProxyType(
    {
        "tcp_abort_on_overflow": _BYTE,
        "tcp_app_win": (0, 31),
        "tcp_backlog_ack_defer": (0, 1),
        "tcp_comp_sack_delay_ns": (0, _INT_MAX),
        "tcp_comp_sack_nr": _BYTE,
        "tcp_dsack": _BYTE,
        "tcp_early_retrans": (0, 4),
        "tcp_fin_timeout": (-(_INT_MAX // 250), _INT_MAX // 250),
        "tcp_keepalive_intvl": (-(_INT_MAX // 250), _INT_MAX // 250),
        "tcp_keepalive_probes": _BYTE,
        "tcp_keepalive_time": (-(_INT_MAX // 250), _INT_MAX // 250),
        "tcp_min_snd_mss": (48, 65535),
        "tcp_moderate_rcvbuf": _BYTE,
        "tcp_mtu_probing": _BYTE,
        "tcp_orphan_retries": _BYTE,
        "tcp_pingpong_thresh": (1, 255),
        "tcp_retrans_collapse": _BYTE,
        "tcp_retries2": _BYTE,
        "tcp_rfc1337": _BYTE,
        "tcp_rmem": (1, _INT_MAX),
        "tcp_rto_max_ms": (1000, 120000),
        "tcp_rto_min_us": (1, _INT_MAX),
        "tcp_sack": _BYTE,
        "tcp_slow_start_after_idle": _BYTE,
        "tcp_syn_linear_timeouts": (0, 127),
        "tcp_syn_retries": (1, 127),
        "tcp_synack_retries": _BYTE,
        "tcp_syncookies": _BYTE,
        "tcp_timestamps": _BYTE,
        "tcp_tw_reuse": (0, 2),
        "tcp_window_scaling": _BYTE,
        "tcp_wmem": (1, _INT_MAX),
        "tcp_workaround_signed_windows": _BYTE,
    }
)
"""What a write may hold; of several numbers, each."""

TCP_MODELLED: Final = frozenset(TCP_LIMITS) - {"tcp_mtu_probing"} | {"tcp_max_tw_buckets"}
"""Those that decide something here. The others can be read; another value raises ``NotModelled``."""

TCP_TEXTS: Final = MappingProxyType(
    {
        "tcp_allowed_congestion_control": "reno cubic",
        "tcp_available_congestion_control": "reno cubic",
        "tcp_congestion_control": "cubic",
    }
)
"""net.ipv4.* that are words, and stay as they are."""

TCP_CORE_KEYS: Final = MappingProxyType({"rmem_max": 4194304, "somaxconn": 4096, "wmem_max": 4194304})
"""net.core.*, of every namespace."""
TCP_CORE_WRITABLE: Final = frozenset({"somaxconn"})
