"""What a tunnel device was made with: the attributes of ``ip link add … type vxlan|geneve|ipip``.

Source: include/uapi/linux/if_link.h and if_tunnel.h, drivers/net/vxlan, drivers/net/geneve.c, net/ipv4/ipip.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from podwire.trace.events import By
from podwire.wire.addr import ANY4, Ip
from podwire.wire.headers import GENEVE_PORT, IPPROTO_IPIP, VXLAN_PORT_LINUX

if TYPE_CHECKING:
    from podwire.linux.link import Link

Df = Literal["unset", "set", "inherit"]
INHERIT: Final = 1
"""The value of ``tos`` that says ``inherit``."""


class VxlanConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``struct vxlan_config``.

    ``ttl`` 0 is ``auto`` (the default TTL of the namespace, 1 to a group), ``ports`` (0, 0) the ephemeral range.
    ``remote`` may be a group; ``lower`` is the ifindex of ``dev``, 0 for none; ``ageing`` in seconds.
    """

    vni: int = 0
    remote: Ip = ANY4
    local: Ip = ANY4
    lower: int = 0
    dstport: int = VXLAN_PORT_LINUX
    ports: tuple[int, int] = (0, 0)
    ttl: int = 0
    ttl_inherit: bool = False
    tos: int = 0
    df: Df = "unset"
    learning: bool = True
    external: bool = False
    """collect_md: VNI and remote come with each packet, from a route's encap or a program."""
    udp_csum: bool = True
    ageing: int = 300
    max_address: int = 0


class GeneveConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``struct geneve_config``."""

    vni: int = 0
    remote: Ip = ANY4
    dstport: int = GENEVE_PORT
    ports: tuple[int, int] = (1, 65535)
    ttl: int = 0
    ttl_inherit: bool = False
    tos: int = 0
    df: Df = "unset"
    external: bool = False
    """collect_md: VNI, remote and options come with each packet."""
    udp_csum: bool = False
    """Unlike VXLAN's, a GENEVE device sends without a checksum unless told otherwise."""


class IpipConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``struct ip_tunnel_parm`` of IP in IP. ``remote`` and ``local`` 0.0.0.0 are ``any``: the route's gateway is the outer destination.

    ``ttl`` 0 is ``inherit``; so is ``tos`` 1, or any with that bit. ``proto`` is what may be inside: 4, or 0 for anything. A device
    that is made without any attribute has ``nopmtudisc``: DF is copied from the inner header.
    """

    remote: Ip = ANY4
    local: Ip = ANY4
    lower: int = 0
    ttl: int = 0
    tos: int = 0
    pmtudisc: bool = False
    external: bool = False
    """collect_md: the outer destination comes with each packet."""
    proto: int = IPPROTO_IPIP
    fwmark: int = 0
    """The mark by which the outer packet is routed; the packet's own plays no part in that."""


TunnelConfig = VxlanConfig | GeneveConfig | IpipConfig


class TunnelInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """``struct ip_tunnel_info``: what a packet brings to, or from, a collect-metadata device.

    A route's ``encap ip id N dst X`` and ``bpf_skb_set_tunnel_key`` write it.
    For a received packet ``src`` is the outer source. ``options`` are GENEVE's raw option bytes.
    """

    id: int = 0
    dst: Ip = ANY4
    src: Ip = ANY4
    ttl: int = 0
    tos: int = 0
    csum: bool = False
    df: bool = False
    key: bool = True
    seq: bool = False
    """TUNNEL_SEQ, which GRE alone knows what to do with."""
    options: bytes = b""
    tx: bool = True
    """IP_TUNNEL_INFO_TX: it says where to; what a device noted of a packet that it received does not."""
    by: By | None = None
    """What said so, where it was a program."""


class IpTunnelNet:
    """``struct ip_tunnel_net``: the IP-in-IP devices whose outer packets live in one namespace."""

    __slots__ = ("errors", "fallback", "tunnels")

    def __init__(self) -> None:
        self.tunnels: list[Link] = []
        """In the order in which a packet looks for its device: the one that was made, or changed, last is the first."""
        self.fallback: Link | None = None
        """``tunl0``: it gets what no other device wants."""
        self.errors: dict[Link, tuple[int, int]] = {}
        """``err_count`` and ``err_time`` (jiffies): ICMP errors that came about outer packets."""
