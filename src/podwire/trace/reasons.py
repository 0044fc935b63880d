"""Why a packet ended: the kernel's ``SKB_DROP_REASON_*`` without the prefix (include/net/dropreason-core.h)."""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """The kernel's names, and FABRIC for what the network outside the machines discards."""

    ARP_PVLAN_DISABLE = "ARP_PVLAN_DISABLE"
    DEV_READY = "DEV_READY"
    """The device is not up, or its peer is not (a frame that reaches no one)."""
    FABRIC = "FABRIC"
    FRAG_TOO_FAR = "FRAG_TOO_FAR"
    FRAG_REASM_TIMEOUT = "FRAG_REASM_TIMEOUT"
    FULL_RING = "FULL_RING"
    ICMP_CSUM = "ICMP_CSUM"
    INVALID_PROTO = "INVALID_PROTO"
    IP_CSUM = "IP_CSUM"
    IP_INADDRERRORS = "IP_INADDRERRORS"
    """Forwarding is off on the device the packet came in by."""
    IP_INHDR = "IP_INHDR"
    """A bad header, or a TTL that ran out in forwarding."""
    IP_INNOROUTES = "IP_INNOROUTES"
    IP_INVALID_DEST = "IP_INVALID_DEST"
    IP_INVALID_SOURCE = "IP_INVALID_SOURCE"
    IP_LOCALNET = "IP_LOCALNET"
    IP_LOCAL_SOURCE = "IP_LOCAL_SOURCE"
    IP_NOPROTO = "IP_NOPROTO"
    IP_OUTNOROUTES = "IP_OUTNOROUTES"
    IP_RPFILTER = "IP_RPFILTER"
    NEIGH_CREATEFAIL = "NEIGH_CREATEFAIL"
    NEIGH_DEAD = "NEIGH_DEAD"
    NEIGH_FAILED = "NEIGH_FAILED"
    NEIGH_QUEUEFULL = "NEIGH_QUEUEFULL"
    NETFILTER_DROP = "NETFILTER_DROP"
    NOT_SPECIFIED = "NOT_SPECIFIED"
    NO_SOCKET = "NO_SOCKET"
    OTHERHOST = "OTHERHOST"
    PKT_TOO_BIG = "PKT_TOO_BIG"
    PKT_TOO_SMALL = "PKT_TOO_SMALL"
    QDISC_DROP = "QDISC_DROP"
    TC_EGRESS = "TC_EGRESS"
    UDP_CSUM = "UDP_CSUM"
    TCP_CSUM = "TCP_CSUM"
    UNHANDLED_PROTO = "UNHANDLED_PROTO"
    UNICAST_IN_L2_MULTICAST = "UNICAST_IN_L2_MULTICAST"
    """A broadcast frame around a unicast address: ip_forward wants PACKET_HOST."""
    NOT_MODELLED = "NOT_MODELLED"
    """podwire's own: the packet needs something that is not modelled; the verdict is UNKNOWN."""


class Verdict(StrEnum):
    """What became of a packet."""

    DELIVERED = "DELIVERED"
    """A socket, or the stack that answers by itself (ICMP echo), took it."""
    REJECTED = "REJECTED"
    """It was discarded and its sender was told (ICMP error or TCP reset)."""
    DROPPED = "DROPPED"
    """It was discarded silently."""
    UNKNOWN = "UNKNOWN"
    """It met something that podwire does not model, or it is still under way."""
