"""The switches under /proc/sys/net: kernel defaults, what is modelled, and how a device inherits them.

``Ipv4Conf`` is ``struct ipv4_devconf`` of one device (or of ``all``, ``default``); ``NeighParms`` is ``struct
neigh_parms``. The packet path reads their attributes directly. ``NOT_MODELLED`` lists keys that exist and can be
read, but whose change podwire would have to pretend to honour: writing another value raises ``NotModelled``.

Source: net/ipv4/devinet.c (devinet_sysctl), include/linux/inetdevice.h (IN_DEV_*CONF), net/core/neighbour.c; values
read from Linux 6.18.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.linux.sysctltcp import TCP_KEYS, TCP_LIMITS, TCP_MODELLED

# Per device. Value in conf/all and conf/default (they differ for accept_source_route alone).
CONF_KEYS: Final = MappingProxyType(
    {
        "accept_local": 0,
        "accept_redirects": 1,
        "accept_source_route": 1,
        "arp_accept": 0,
        "arp_announce": 0,
        "arp_evict_nocarrier": 1,
        "arp_filter": 0,
        "arp_ignore": 0,
        "arp_notify": 0,
        "bc_forwarding": 0,
        "bootp_relay": 0,
        "disable_policy": 0,
        "disable_xfrm": 0,
        "drop_gratuitous_arp": 0,
        "drop_unicast_in_l2_multicast": 0,
        "force_igmp_version": 0,
        "forwarding": 0,
        "igmpv2_unsolicited_report_interval": 10000,
        "igmpv3_unsolicited_report_interval": 1000,
        "ignore_routes_with_linkdown": 0,
        "log_martians": 0,
        "mc_forwarding": 0,
        "medium_id": 0,
        "promote_secondaries": 0,
        "proxy_arp": 0,
        "proxy_arp_pvlan": 0,
        "route_localnet": 0,
        "rp_filter": 0,
        "secure_redirects": 1,
        "send_redirects": 1,
        "shared_media": 1,
        "src_valid_mark": 0,
        "tag": 0,
    }
)
CONF_NOT_MODELLED: Final = frozenset(
    {
        "bc_forwarding",
        "bootp_relay",
        "disable_xfrm",
        "force_igmp_version",
        "igmpv2_unsolicited_report_interval",
        "mc_forwarding",
        "medium_id",
        "secure_redirects",
        "tag",
    }
)

NEIGH_KEYS: Final = MappingProxyType(
    {
        "anycast_delay": 100,
        "app_solicit": 0,
        "base_reachable_time": 30,
        "base_reachable_time_ms": 30000,
        "delay_first_probe_time": 5,
        "gc_stale_time": 60,
        "interval_probe_time_ms": 5000,
        "locktime": 100,
        "mcast_resolicit": 0,
        "mcast_solicit": 3,
        "proxy_delay": 80,
        "proxy_qlen": 64,
        "retrans_time": 100,
        "retrans_time_ms": 1000,
        "ucast_solicit": 3,
        "unres_qlen": 101,
        "unres_qlen_bytes": 212992,
    }
)
"""``locktime``, ``proxy_delay``, ``anycast_delay`` and ``retrans_time`` count in USER_HZ (1/100 s)."""
NEIGH_NOT_MODELLED: Final = frozenset({"app_solicit", "interval_probe_time_ms"})
NEIGH_GC_KEYS: Final = MappingProxyType({"gc_interval": 30, "gc_thresh1": 128, "gc_thresh2": 512, "gc_thresh3": 1024})

CORE_KEYS: Final = MappingProxyType({"fb_tunnels_only_for_init_net": 0})
"""net.core.*, of the first namespace alone."""

# net.ipv4.*, net-wide. Tuples are ranges, printed with a tab between.
NET_KEYS: Final[MappingProxyType[str, int | tuple[int, ...]]] = MappingProxyType(
    {
        "fib_multipath_hash_fields": 7,
        "fib_multipath_hash_policy": 0,
        "fib_multipath_use_neigh": 0,
        "fwmark_reflect": 0,
        "icmp_echo_enable_probe": 0,
        "icmp_echo_ignore_all": 0,
        "icmp_echo_ignore_broadcasts": 1,
        "icmp_errors_use_inbound_ifaddr": 0,
        "icmp_ignore_bogus_error_responses": 1,
        "icmp_msgs_burst": 50,
        "icmp_msgs_per_sec": 1000,
        "icmp_ratelimit": 1000,
        "icmp_ratemask": 6168,
        "igmp_link_local_mcast_reports": 1,
        "igmp_max_memberships": 20,
        "igmp_max_msf": 10,
        "igmp_qrv": 2,
        "ip_default_ttl": 64,
        "ip_early_demux": 1,
        "ip_forward": 0,
        "ip_forward_update_priority": 1,
        "ip_forward_use_pmtu": 0,
        "ip_local_port_range": (32768, 60999),
        "ip_no_pmtu_disc": 0,
        "ip_nonlocal_bind": 0,
        "ip_unprivileged_port_start": 1024,
        "ipfrag_high_thresh": 4194304,
        "ipfrag_low_thresh": 3145728,
        "ipfrag_max_dist": 64,
        "ipfrag_time": 30,
        "ping_group_range": (1, 0),
        "route/error_burst": 1250,
        "route/error_cost": 250,
        "route/min_pmtu": 552,
        "route/mtu_expires": 600,
        "route/redirect_load": 5,
        "route/redirect_number": 9,
        "route/redirect_silence": 5120,
        **TCP_KEYS,
    }
)
NET_LIMITS: Final = MappingProxyType(
    {
        "igmp_link_local_mcast_reports": (0, 255),
        "igmp_qrv": (1, (1 << 31) - 1),
        "ip_default_ttl": (1, 255),
        "ip_forward_use_pmtu": (0, 255),
        "ip_no_pmtu_disc": (0, 255),
        "route/min_pmtu": (68, (1 << 31) - 1),
        **TCP_LIMITS,
    }
)
"""What a write may hold, where that is less than an int."""
NET_NOT_MODELLED: Final = frozenset(
    {
        "fib_multipath_hash_fields",
        "fib_multipath_use_neigh",
        "icmp_echo_enable_probe",
        "igmp_max_msf",
        "ipfrag_high_thresh",
        "ipfrag_low_thresh",
        "ipfrag_max_dist",
        *(TCP_KEYS.keys() - TCP_MODELLED),
    }
)

IPV6_CONF_KEYS: Final = MappingProxyType(
    {
        "accept_dad": 1,
        "accept_ra": 1,
        "accept_redirects": 1,
        "accept_source_route": 0,
        "addr_gen_mode": 0,
        "autoconf": 1,
        "dad_transmits": 1,
        "disable_ipv6": 0,
        "forwarding": 0,
        "hop_limit": 64,
        "mtu": 1280,
        "proxy_ndp": 0,
        "use_tempaddr": 0,
    }
)


class Ipv4Conf:
    """``struct ipv4_devconf``: one attribute per key of ``CONF_KEYS``.

    ``explicit`` holds the keys that no longer follow ``default``.
    """

    __slots__ = (*CONF_KEYS, "explicit", "writers")

    accept_local: int
    accept_redirects: int
    accept_source_route: int
    arp_accept: int
    arp_announce: int
    arp_evict_nocarrier: int
    arp_filter: int
    arp_ignore: int
    arp_notify: int
    disable_policy: int
    disable_xfrm: int
    drop_gratuitous_arp: int
    drop_unicast_in_l2_multicast: int
    forwarding: int
    igmpv3_unsolicited_report_interval: int
    ignore_routes_with_linkdown: int
    log_martians: int
    promote_secondaries: int
    proxy_arp: int
    proxy_arp_pvlan: int
    route_localnet: int
    rp_filter: int
    secure_redirects: int
    send_redirects: int
    shared_media: int
    src_valid_mark: int

    def __init__(self, source: Ipv4Conf | None = None) -> None:
        for key, value in CONF_KEYS.items():
            setattr(self, key, value if source is None else getattr(source, key))
        self.explicit: set[str] = set() if source is None else set(source.explicit)
        self.writers: dict[str, object] = {}
        """Owner of the last write of a key, for provenance."""

    def set_all_explicit(self) -> None:
        """``ipv4_devconf_setall``: the first address cuts the tie to ``default`` (net/ipv4/devinet.c, inet_set_ifa)."""
        self.explicit.update(CONF_KEYS)


class NeighParms:
    """``struct neigh_parms`` of a device or of ``default``: times in the units of the sysctl."""

    __slots__ = (
        "anycast_delay",
        "app_solicit",
        "base_reachable_time_ms",
        "delay_first_probe_time",
        "drawn",
        "explicit",
        "gc_stale_time",
        "interval_probe_time_ms",
        "locktime",
        "mcast_resolicit",
        "mcast_solicit",
        "proxy_delay",
        "proxy_qlen",
        "reachable_time",
        "retrans_time_ms",
        "ucast_solicit",
        "unres_qlen_bytes",
        "writers",
    )

    anycast_delay: int
    app_solicit: int
    base_reachable_time_ms: int
    delay_first_probe_time: int
    gc_stale_time: int
    interval_probe_time_ms: int
    locktime: int
    mcast_resolicit: int
    mcast_solicit: int
    proxy_delay: int
    proxy_qlen: int
    retrans_time_ms: int
    ucast_solicit: int
    unres_qlen_bytes: int

    def __init__(self, source: NeighParms | None = None) -> None:
        for key in self.__slots__:
            if key in NEIGH_KEYS:
                setattr(self, key, NEIGH_KEYS[key] if source is None else getattr(source, key))
        self.explicit: set[str] = set() if source is None else set(source.explicit)
        self.writers: dict[str, object] = {}
        self.reachable_time = 0
        """The drawn value in ns (neigh_rand_reach_time), F13; set by the owner, who has the random stream."""
        self.drawn = -1
        """The period of 300 s in which it was last asked for; -1 for never."""

    def set_all_explicit(self) -> None:
        """``neigh_parms_data_state_setall``."""
        self.explicit.update(NEIGH_KEYS)
