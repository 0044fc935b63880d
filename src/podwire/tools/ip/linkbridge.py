"""Options of bridges and of their ports on the command line (iplink_bridge.c, iplink_bridge_slave.c), and how ``-d`` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.rtnl.bridge import BridgeOptions, PortOptions
from podwire.tools.ip.grammar import Fail, Words, matches, number, usage, wrong

if TYPE_CHECKING:
    from podwire.linux.bridge import Bridge, Port
    from podwire.tools.ip.context import Context

_U8: Final = 0xFF
_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF
_U64: Final = 0xFFFFFFFFFFFFFFFF


class _Option(msgspec.Struct, frozen=True):
    """A number: how large it may be, and the only value that is modelled, None for any."""

    name: str
    limit: int
    fixed: int | None = None
    whole: bool = False
    """It cannot be abbreviated."""


_FLUSH: Final = "fdb_flush"
# In the order in which iproute2 compares an abbreviation; 0 as limit marks those that are no numbers.
_BRIDGE: Final = (
    _Option("forward_delay", _U32),
    _Option("hello_time", _U32),
    _Option("max_age", _U32),
    _Option("ageing_time", _U32),
    _Option("stp_state", _U32, 0),
    _Option("priority", _U16),
    _Option("vlan_filtering", _U8, 0),
    _Option("vlan_protocol", 0),
    _Option("group_fwd_mask", _U16),
    _Option("group_address", 0),
    _Option("no_linklocal_learn", _U8, 0, whole=True),
    _Option(_FLUSH, 0),
    _Option("vlan_default_pvid", _U16, 1),
    _Option("vlan_stats_enabled", _U8, 0),
    _Option("vlan_stats_per_port", _U8, 0),
    _Option("mcast_router", _U8, 1),
    _Option("mcast_snooping", _U8),
    _Option("mcast_vlan_snooping", _U8, 0, whole=True),
    _Option("mcast_query_use_ifaddr", _U8, 0),
    _Option("mcast_querier", _U8, 0),
    _Option("mcast_hash_elasticity", _U32, 16),
    _Option("mcast_hash_max", _U32, 4096),
    _Option("mcast_last_member_count", _U32, 2),
    _Option("mcast_startup_query_count", _U32, 2),
    _Option("mcast_last_member_interval", _U64, 100),
    _Option("mcast_membership_interval", _U64, 26000),
    _Option("mcast_querier_interval", _U64, 25500),
    _Option("mcast_query_interval", _U64, 12500),
    _Option("mcast_query_response_interval", _U64, 1000),
    _Option("mcast_startup_query_interval", _U64, 3124),
    _Option("mcast_stats_enabled", _U8, 0),
    _Option("mcast_igmp_version", _U8, 2),
    _Option("mcast_mld_version", _U8, 1),
    _Option("nf_call_iptables", _U8, 0),
    _Option("nf_call_ip6tables", _U8, 0),
    _Option("nf_call_arptables", _U8, 0),
)


def parse_bridge(words: Words) -> BridgeOptions:
    """``bridge_parse_opt``: an option that is not modelled may only say what is so anyway."""
    options = BridgeOptions()
    while words:
        word = words.take()
        option = next((o for o in _BRIDGE if word == o.name or (not o.whole and matches(word, o.name))), None)
        if option is None:
            if matches(word, "help"):
                raise usage("ip link type bridge")
            raise NotModelled(f"ip link type bridge {word}", "ip")
        if option.name == _FLUSH:
            options.flush = True
            continue
        text = words.value()
        value = number(text, option.limit) if option.limit else None
        if value is None and option.limit:
            raise wrong(f"invalid {option.name}", text)
        if value is None or option.fixed is not None:
            if value is None or value != option.fixed:
                raise NotModelled(f"ip link type bridge {option.name} {text}", "ip")
        else:
            setattr(options, option.name, value)
    return options


# -- ports --------------------------------------------------------------------------------------------------------

ON_OFF: Final = {
    "hairpin": None,
    "guard": False,
    "root_block": False,
    "fastleave": False,
    "learning": None,
    "flood": None,
    "mcast_flood": None,
    "bcast_flood": None,
    "mcast_to_unicast": False,
    "proxy_arp": False,
    "proxy_arp_wifi": False,
    "mcast_fast_leave": False,
    "neigh_suppress": False,
    "vlan_tunnel": False,
    "isolated": None,
    "locked": False,
}
"""Switches of a port: None where both are modelled, else the only value that is."""
_SLAVE_WORDS: Final = (
    _FLUSH,
    "state",
    "priority",
    "cost",
    "hairpin",
    "guard",
    "root_block",
    "fastleave",
    "learning",
    "flood",
    "mcast_flood",
    "bcast_flood",
    "mcast_to_unicast",
    "proxy_arp",
    "proxy_arp_wifi",
    "mcast_router",
    "mcast_fast_leave",
    "neigh_suppress",
    "group_fwd_mask",
    "vlan_tunnel",
    "isolated",
    "locked",
    "backup_port",
    "nobackup_port",
)
_NUMBERS: Final = {
    "state": (_U8, "state is invalid"),
    "priority": (_U16, "priority is invalid"),
    "cost": (_U32, "cost is invalid"),
    "mcast_router": (_U8, "invalid mcast_router"),
    "group_fwd_mask": (_U16, "invalid group_fwd_mask"),
}


def set_switch(options: PortOptions, name: str, text: str, *, status: int) -> None:
    """``parse_on_off``, and what may be switched."""
    if text not in {"on", "off"}:
        raise Fail(status, f'Error: argument of "{name}" must be one of "off", "on", not "{text}"\n', exits=status == 1)
    value, only = text == "on", ON_OFF[name]
    if only is None:
        setattr(options, name, value)
    elif value is not only:
        raise NotModelled(f"bridge port option {name} {text}")


def parse_port(words: Words) -> PortOptions:
    """``bridge_slave_parse_opt``."""
    options = PortOptions()
    while words:
        word = words.take()
        name = next((known for known in _SLAVE_WORDS if matches(word, known)), None)
        if name is None:
            if matches(word, "help"):
                raise usage("ip link type bridge_slave")
            raise NotModelled(f"ip link type bridge_slave {word}", "ip")
        if name == _FLUSH:
            options.flush = True
        elif name in ON_OFF:
            set_switch(options, name, words.value(), status=1)
        elif name in _NUMBERS:
            text = words.value()
            limit, complaint = _NUMBERS[name]
            value = number(text, limit)
            if value is None:
                raise wrong(complaint, text)
            if name != "mcast_router":
                setattr(options, name, value)
            elif value != 1:
                raise NotModelled(f"bridge port option mcast_router {text}")
        elif name == "backup_port":
            raise NotModelled(f"bridge port option backup_port {words.value()}")
    return options


# -- what -d shows ------------------------------------------------------------------------------------------------

_GROUPS: Final = {0: "stp", 2: "lacp", 14: "lldp"}
_AFTER_IDS: Final = (
    ("root_port", 0),
    ("root_path_cost", 0),
    ("topology_change", 0),
    ("topology_change_detected", 0),
)


def print_timer(ctx: Context, key: str, left: int) -> None:
    """``_print_timer``: the time left, jiffies as seconds and hundredths."""
    hz = ctx.netns.machine.hz
    seconds, hundredths = left // hz, left % hz * 100 // hz
    ctx.out.raw(key, f"{seconds}.{hundredths:02}", f"{key} {seconds:>4}.{hundredths:02} ")


def print_mask(ctx: Context, mask: int) -> None:
    """``print_0xhex``."""
    ctx.out.put("group_fwd_mask", f"{mask:#x}" if mask else "0", "group_fwd_mask {} ")


def print_bridge(ctx: Context, bridge: Bridge) -> None:
    """``bridge_print_opt``, up to the group's address."""
    out = ctx.out
    for key in ("forward_delay", "hello_time", "max_age", "ageing_time"):
        out.put(key, getattr(bridge, key), key + " {} ")
    out.put("stp_state", 0, "stp_state {} ")
    out.put("priority", bridge.priority, "priority {} ")
    out.put("vlan_filtering", 0, "vlan_filtering {} ")
    out.put("bridge_id", bridge.bridge_id(), "bridge_id {} ")
    out.put("root_id", bridge.bridge_id(), "designated_root {} ")
    for key, value in _AFTER_IDS:
        out.put(key, value, key + " {} ")
    for key in ("hello_timer", "tcn_timer", "topology_change_timer"):
        print_timer(ctx, key, 0)
    print_timer(ctx, "gc_timer", bridge.gc_left())
    print_mask(ctx, bridge.group_fwd_mask)


def on_off(ctx: Context, key: str, *, value: bool) -> None:
    """``print_on_off``."""
    if ctx.out.in_json:
        ctx.out.put(key, value)
    else:
        ctx.out.text(f"{key} {'on' if value else 'off'} ")


def _mask_text(mask: int) -> str:
    return ",".join(_GROUPS.get(bit, f"{1 << bit:#x}") for bit in range(16) if mask >> bit & 1) or "0x0"


def print_port(ctx: Context, port: Port) -> None:
    """``bridge_slave_print_opt``."""
    out = ctx.out
    out.put("state", port.state.name.lower(), "state {} ")
    out.put("priority", port.priority, "priority {} ")
    out.put("cost", port.cost, "cost {} ")
    on_off(ctx, "hairpin", value=port.hairpin)
    for key in ("guard", "root_block", "fastleave"):
        on_off(ctx, key, value=False)
    on_off(ctx, "learning", value=port.learning)
    on_off(ctx, "flood", value=port.flood)
    out.put("id", f"{port.port_id:#x}", "port_id {} ")
    out.put("no", f"{port.number:#x}", "port_no {} ")
    out.put("designated_port", port.port_id, "designated_port {} ")
    out.put("designated_cost", 0, "designated_cost {} ")
    out.put("bridge_id", port.bridge.bridge_id(port.designated_priority), "designated_bridge {} ")
    out.put("root_id", port.bridge.bridge_id(port.designated_priority), "designated_root {} ")
    print_timer(ctx, "hold_timer", 0)
    print_timer(ctx, "message_age_timer", 0)
    print_timer(ctx, "forward_delay_timer", port.forward_left())
    out.put("topology_change_ack", 0, "topology_change_ack {} ")
    out.put("config_pending", 0, "config_pending {} ")
    on_off(ctx, "proxy_arp", value=False)
    on_off(ctx, "proxy_arp_wifi", value=False)
    out.put("multicast_router", 1, "mcast_router {} ")
    out.text("mcast_fast_leave off ")
    on_off(ctx, "mcast_flood", value=port.mcast_flood)
    on_off(ctx, "bcast_flood", value=port.bcast_flood)
    on_off(ctx, "mcast_to_unicast", value=False)
    on_off(ctx, "neigh_suppress", value=False)
    print_mask(ctx, port.group_fwd_mask)
    out.put("group_fwd_mask_str", _mask_text(port.group_fwd_mask), "group_fwd_mask_str {} ")
    on_off(ctx, "vlan_tunnel", value=False)
    on_off(ctx, "isolated", value=port.isolated)
    on_off(ctx, "locked", value=False)
