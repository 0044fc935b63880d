"""``-d``: what the kernel keeps of a device beyond its first lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.link import TSO_LEGACY_MAX_SIZE
from podwire.tools.ip.linkbridge import print_bridge, print_port
from podwire.tools.ip.linktunnel import print_tunnel

if TYPE_CHECKING:
    from podwire.linux.bridge import Bridge
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context

_GSO_MAX_SIZE: Final = 65536
_GSO_MAX_SEGS: Final = 65535


def print_details(ctx: Context, link: Link, *, do_link: bool) -> None:
    """Promiscuity, limits, the kind with its options, queues and offload sizes."""
    out = ctx.out
    out.put("promiscuity", link.promisc, " promiscuity {} ")
    out.put("allmulti", link.allmulticast + (link.port is not None), " allmulti {} ")
    out.put("min_mtu", link.min_mtu, "minmtu {} ")
    out.put("max_mtu", link.max_mtu, "maxmtu {} ")
    has_kind = link.kind not in {"loopback", "ethernet"}
    if has_kind or link.port is not None:
        with out.object("linkinfo"):
            if has_kind:
                out.nl()
                out.put("info_kind", link.kind, "    {} ")
            if link.bridge is not None:
                with out.object("info_data"):
                    _print_bridge(ctx, link.bridge)
            print_tunnel(ctx, link)
            if link.port is not None:
                out.nl()
                out.put("info_slave_kind", "bridge", "    {}_slave ")
                with out.object("info_slave_data"):
                    print_port(ctx, link.port)
    if do_link:
        out.put(
            "inet6_addr_gen_mode", "eui64" if link.conf6.get("addr_gen_mode", 0) == 0 else "none", "addrgenmode {} "
        )
    out.put("num_tx_queues", link.numtxqueues, "numtxqueues {} ")
    out.put("num_rx_queues", link.numrxqueues, "numrxqueues {} ")
    out.put("gso_max_size", _GSO_MAX_SIZE, "gso_max_size {} ")
    out.put("gso_max_segs", _GSO_MAX_SEGS, "gso_max_segs {} ")
    legacy = link.bridge is not None and not link.bridge.had_ports
    out.put("tso_max_size", TSO_LEGACY_MAX_SIZE if legacy else link.tso_max_size, "tso_max_size {} ")
    out.put("tso_max_segs", _GSO_MAX_SEGS, "tso_max_segs {} ")
    out.put("gro_max_size", _GSO_MAX_SIZE, "gro_max_size {} ")


# br_netlink.c, br_fill_info: key, word, value after br_dev_setup.
_MULTICAST: Final = (
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


def _print_bridge(ctx: Context, bridge: Bridge) -> None:
    out = ctx.out
    print_bridge(ctx, bridge)
    out.put("group_addr", "01:80:c2:00:00:00", "group_address {} ")
    out.put("mcast_snooping", bridge.mcast_snooping, "mcast_snooping {} ")
    for key, word, value in _MULTICAST:
        out.put(key, value, word + " {} ")
