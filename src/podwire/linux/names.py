"""Numbers and their names as iproute2 6.1 ships them: /etc/iproute2/rt_protos, rt_scopes, rt_tables."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

PROTO_NAMES: Final = MappingProxyType(
    {
        0: "unspec",
        1: "redirect",
        2: "kernel",
        3: "boot",
        4: "static",
        8: "gated",
        9: "ra",
        10: "mrt",
        11: "zebra",
        12: "bird",
        13: "dnrouted",
        14: "xorp",
        15: "ntk",
        16: "dhcp",
        18: "keepalived",
        42: "babel",
        99: "openr",
        186: "bgp",
        187: "isis",
        188: "ospf",
        189: "rip",
        192: "eigrp",
    }
)
SCOPE_NAMES: Final = MappingProxyType({0: "global", 255: "nowhere", 254: "host", 253: "link", 200: "site"})
TABLE_NAMES: Final = MappingProxyType({253: "default", 254: "main", 255: "local"})
