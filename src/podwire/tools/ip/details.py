"""``-d``: what the kernel keeps of a device beyond its first lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.wire.addr import Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context

_NSEC: Final = 1_000_000_000
_GSO_MAX_SIZE: Final = 65536
_GSO_MAX_SEGS: Final = 65535
_TSO_LEGACY_MAX_SIZE: Final = 65536
_TSO_MAX_SIZE: Final = 524280
"""8 * GSO_MAX_SEGS, of devices that segment nothing themselves: loopback, veth, dummy."""
_AGEING_TIME: Final = 300 * _NSEC
_FIRST_GC: Final = _NSEC // 10


def print_details(ctx: Context, link: Link, *, do_link: bool) -> None:
    """Promiscuity, limits, the kind with its options, queues and offload sizes."""
    out = ctx.out
    out.put("promiscuity", link.promisc, " promiscuity {} ")
    out.put("allmulti", int(link.allmulticast), " allmulti {} ")
    out.put("min_mtu", link.min_mtu, "minmtu {} ")
    out.put("max_mtu", link.max_mtu, "maxmtu {} ")
    if link.kind not in {"loopback", "ethernet"}:
        with out.object("linkinfo"):
            out.nl()
            out.put("info_kind", link.kind, "    {} ")
            if link.kind == "bridge":
                with out.object("info_data"):
                    _print_bridge(ctx, link)
    if do_link:
        out.put(
            "inet6_addr_gen_mode", "eui64" if link.conf6.get("addr_gen_mode", 0) == 0 else "none", "addrgenmode {} "
        )
    out.put("num_tx_queues", link.numtxqueues, "numtxqueues {} ")
    out.put("num_rx_queues", link.numrxqueues, "numrxqueues {} ")
    out.put("gso_max_size", _GSO_MAX_SIZE, "gso_max_size {} ")
    out.put("gso_max_segs", _GSO_MAX_SEGS, "gso_max_segs {} ")
    legacy = link.kind in {"bridge", "ethernet"}
    out.put("tso_max_size", _TSO_LEGACY_MAX_SIZE if legacy else _TSO_MAX_SIZE, "tso_max_size {} ")
    out.put("tso_max_segs", _GSO_MAX_SEGS, "tso_max_segs {} ")
    out.put("gro_max_size", _GSO_MAX_SIZE, "gro_max_size {} ")


# br_netlink.c, br_fill_info: key, word, value after br_dev_setup, times in USER_HZ.
_BEFORE_IDS: Final = (
    ("forward_delay", 1500),
    ("hello_time", 200),
    ("max_age", 2000),
    ("ageing_time", 30000),
    ("stp_state", 0),
    ("priority", 32768),
    ("vlan_filtering", 0),
)
_AFTER_IDS: Final = (
    ("root_port", 0),
    ("root_path_cost", 0),
    ("topology_change", 0),
    ("topology_change_detected", 0),
)
_MULTICAST: Final = (
    ("mcast_snooping", "mcast_snooping", 1),
    ("no_linklocal_learn", "no_linklocal_learn", 0),
    ("mcast_vlan_snooping", "mcast_vlan_snooping", 0),
    ("mcast_router", "mcast_router", 1),
    ("mcast_query_use_ifaddr", "mcast_query_use_ifaddr", 0),
    ("mcast_querier", "mcast_querier", 0),
    ("mcast_hash_elasticity", "mcast_hash_elasticity", 16),
    ("mcast_hash_max", "mcast_hash_max", 4096),
    ("mcast_last_member_cnt", "mcast_last_member_count", 2),
    ("mcast_startup_query_cnt", "mcast_startup_query_count", 2),
    ("mcast_last_member_intvl", "mcast_last_member_interval", 100),
    ("mcast_membership_intvl", "mcast_membership_interval", 26000),
    ("mcast_querier_intvl", "mcast_querier_interval", 25500),
    ("mcast_query_intvl", "mcast_query_interval", 12500),
    ("mcast_query_response_intvl", "mcast_query_response_interval", 1000),
    ("mcast_startup_query_intvl", "mcast_startup_query_interval", 3124),
    ("mcast_stats_enabled", "mcast_stats_enabled", 0),
    ("mcast_igmp_version", "mcast_igmp_version", 2),
    ("mcast_mld_version", "mcast_mld_version", 1),
    ("nf_call_iptables", "nf_call_iptables", 0),
    ("nf_call_ip6tables", "nf_call_ip6tables", 0),
    ("nf_call_arptables", "nf_call_arptables", 0),
)


def _bridge_id(link: Link) -> str:
    # The address becomes part of the id when it is set, or with the first port.
    mac = link.mac if link.port_state_selected else Mac(0)
    return "8000." + ":".join(f"{octet:x}" for octet in mac.to_bytes(6, "big"))


def _gc_timer(ctx: Context, link: Link) -> int:
    """Nanoseconds until the bridge looks for entries that are too old: 0.1 s after it came up, then every 300 s."""
    if not link.is_up:
        return 0
    since = ctx.proc.now - link.up_since
    return _FIRST_GC - since if since < _FIRST_GC else _AGEING_TIME - (since - _FIRST_GC) % _AGEING_TIME


def _print_bridge(ctx: Context, link: Link) -> None:
    out = ctx.out
    for key, value in _BEFORE_IDS:
        out.put(key, value, key + " {} ")
    out.put("bridge_id", _bridge_id(link), "bridge_id {} ")
    out.put("root_id", _bridge_id(link), "designated_root {} ")
    for key, value in _AFTER_IDS:
        out.put(key, value, key + " {} ")
    for key, left in (
        ("hello_timer", 0),
        ("tcn_timer", 0),
        ("topology_change_timer", 0),
        ("gc_timer", _gc_timer(ctx, link)),
    ):
        seconds, hundredths = left // _NSEC, left % _NSEC // 10_000_000
        out.raw(key, f"{seconds}.{hundredths:02}", f"{key} {seconds:>4}.{hundredths:02} ")
    out.put("group_fwd_mask", "0", "group_fwd_mask {} ")
    out.put("group_addr", "01:80:c2:00:00:00", "group_address {} ")
    for key, word, value in _MULTICAST:
        out.put(key, value, word + " {} ")
