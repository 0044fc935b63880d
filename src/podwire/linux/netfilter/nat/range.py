"""What a rule asks of a translation: ``struct nf_nat_range2`` (include/uapi/linux/netfilter/nf_nat.h)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.linux.netfilter.hooks import NF_INET_LOCAL_IN, NF_INET_POST_ROUTING
from podwire.wire.addr import ANY4, Ip

NF_NAT_MANIP_SRC: Final = 0
NF_NAT_MANIP_DST: Final = 1

NF_NAT_RANGE_MAP_IPS: Final = 1 << 0
"""The addresses count."""
NF_NAT_RANGE_PROTO_SPECIFIED: Final = 1 << 1
"""The ports count."""
NF_NAT_RANGE_PROTO_RANDOM: Final = 1 << 2
NF_NAT_RANGE_PERSISTENT: Final = 1 << 3
NF_NAT_RANGE_PROTO_RANDOM_FULLY: Final = 1 << 4
NF_NAT_RANGE_PROTO_OFFSET: Final = 1 << 5
"""The port is shifted by as much as it is above ``base_proto``."""
NF_NAT_RANGE_NETMAP: Final = 1 << 6
NF_NAT_RANGE_PROTO_RANDOM_ALL: Final = NF_NAT_RANGE_PROTO_RANDOM | NF_NAT_RANGE_PROTO_RANDOM_FULLY
"""``--random`` and ``--random-fully``: since Linux 5.0 both draw the port anew, also where the old one is free."""


class NatRange(msgspec.Struct, frozen=True, gc=False):
    """``struct nf_nat_range2``: from and to (both included) of addresses and ports; an ICMP id counts as a port."""

    flags: int = 0
    min_addr: Ip = ANY4
    max_addr: Ip = ANY4
    min_proto: int = 0
    max_proto: int = 0
    base_proto: int = 0


def HOOK2MANIP(hook: int) -> int:  # noqa: N802 - the kernel's name
    """Which side is changed at a hook: the source at the end of the way, the destination before the route is chosen."""
    return NF_NAT_MANIP_SRC if hook in {NF_INET_POST_ROUTING, NF_INET_LOCAL_IN} else NF_NAT_MANIP_DST
