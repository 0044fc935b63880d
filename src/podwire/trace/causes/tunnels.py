"""Why a packet died on its way into a tunnel, or out of one (kernel sheet, sections 3 and 10; RFC 6040)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import ANY, Cause, Table
from podwire.trace.events import ByFdb, ByLink
from podwire.trace.reasons import DropReason as D

TUNNELS: Final[Table] = MappingProxyType(
    {
        (ANY, ByLink, "no fdb entry"): Cause(
            "the VXLAN device {link} has no entry for {value}, and no default destination",
            "it passes after `bridge fdb append {value} dev {link} dst REMOTE` on {here}",
        ),
        (D.TUNNEL_TXINFO, None, ""): Cause(
            "{dev} takes remote and VNI from each packet, and nothing told this one",
            "it passes by a route that does: `ip route replace {dst} encap ip id VNI dst REMOTE dev {dev}` on {here}",
        ),
        (ANY, ByFdb, ""): Cause(
            "the {by} names no remote", "it passes after `bridge fdb replace {mac} dev {dev} dst REMOTE` on {here}"
        ),
        (ANY, ByLink, "circular route"): Cause(
            "{here} would send the outer packet to {value} by {link} itself",
            "it passes when {here} reaches {value} by another device, see `ip route get {value}`",
        ),
        (ANY, ByLink, "no tunnel device"): Cause(
            "no IP-in-IP device that is up on {here} takes what {value} sends",
            "it passes after `ip link set dev tunl0 up` on {here}",
        ),
        (ANY, ByLink, "no tunnel metadata"): Cause(
            "{link} takes the remote from each packet, and nothing told this one",
            "it passes by a route that does: `ip route replace {dst} encap ip dst REMOTE dev {link}` on {here}",
        ),
        (D.NOT_SPECIFIED, ByLink, "vni"): Cause(
            "no GENEVE device that is up on {here} has VNI {value} and the sender as its remote",
            "it passes when both ends name each other, see `ip -d link show type geneve` on both",
        ),
        (ANY, ByLink, "critical option"): Cause(
            "{link} understands no GENEVE option, and its header says that one has to be",
            "it passes when the sender adds no such option, or to a device that is `external`",
        ),
        (ANY, ByLink, "a loop of tunnels"): Cause(
            "the outer packets of {link} lead from tunnel to tunnel and back into it",
            "it passes when {here} reaches their remotes without a tunnel",
        ),
        (D.VXLAN_VNI_NOT_FOUND, None, ""): Cause(
            "no VXLAN device that is up on {here} has its VNI",
            "it passes when sender and receiver use one VNI and port, see `ip -d link show type vxlan` on both",
        ),
        (D.VXLAN_VNI_NOT_FOUND, ByLink, "vni"): Cause(
            "no VXLAN device that is up on {here} has VNI {value}",
            "it passes when sender and receiver use one VNI and port, see `ip -d link show type vxlan` on both",
        ),
        (D.VXLAN_INVALID_HDR, None, ""): Cause(
            "its VXLAN header says more, or less, than that a VNI is there",
            "it passes when the sender uses no extension of VXLAN",
        ),
        (D.VXLAN_ENTRY_EXISTS, None, ""): Cause(
            "a static entry of {dev} says that its sender is behind another remote",
            "it passes after `bridge fdb del MAC dev {dev}` on {here}, MAC being the sender's",
        ),
        (D.LOCAL_MAC, None, ""): Cause(
            "its sender has the MAC address of {dev} itself", "it passes when both ends have an address of their own"
        ),
        (D.IP_TUNNEL_ECN, None, ""): Cause(
            "it met congestion on the way (ECN), and the packet inside cannot be marked with that",
            "it passes when the sender uses ECN, as after `sysctl -w net.ipv4.tcp_ecn=1` for TCP",
        ),
        (D.MAC_IEEE_MAC_CONTROL, None, ""): Cause(
            "it is a pause frame, which no bridge forwards", "it passes when it is sent to another MAC address"
        ),
        (D.MAC_INVALID_SOURCE, None, ""): Cause(
            "its source MAC address is that of no machine", "it passes when its sender uses an address of its own"
        ),
        (ANY, ByLink, "dummy device"): Cause(
            "{link} is a dummy and leads nowhere", "it passes after `ip route replace {dst} via GATEWAY` on {here}"
        ),
        (D.FULL_RING, None, ""): Cause("the receive queue of {dev} was full", "it passes when less is sent at once"),
        (D.TC_EGRESS, None, ""): Cause(
            "a tc program discards it on its way out", "it passes after `tc filter del dev {dev} egress` on {here}"
        ),
    }
)
