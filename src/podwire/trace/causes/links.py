"""Why a device, a bridge or a neighbour killed it (kernel sheet, section 1.5)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import ANY, SET_0, Cause, Table
from podwire.trace.events import ByLink, BySysctl
from podwire.trace.reasons import DropReason as D

_FLUSH = "it passes after `ip neigh flush dev {prev_dev}` on {prev}, which then asks for the right MAC"
_LINK_UP = "it passes after `ip link set dev {link} up` on {here}"

LINKS: Final[Table] = MappingProxyType(
    {
        (D.NEIGH_FAILED, None, ""): Cause(
            "nobody answered for {ip} on {dev}",
            "it passes when {ip} answers ARP, or after `ip neigh replace {ip} lladdr MAC dev {dev}` on {here}",
        ),
        (D.NEIGH_QUEUEFULL, None, ""): Cause(
            "more packets waited for the MAC of {ip} than the entry holds, and the oldest goes first",
            "it passes after `sysctl -w net.ipv4.neigh.{dev_key}.unres_qlen_bytes=425984` on {here}",
        ),
        (D.NEIGH_QUEUEFULL, BySysctl, ""): Cause(
            "more packets waited for the MAC of {ip} than {by} allows, and the oldest goes first",
            "it passes after `sysctl -w {key}={double}` on {here}",
        ),
        (D.NEIGH_CREATEFAIL, None, ""): Cause(
            "the neighbour table is full",
            "it passes after `sysctl -w net.ipv4.neigh.default.gc_thresh3=4096` on {machine}",
        ),
        (D.NEIGH_CREATEFAIL, BySysctl, ""): Cause(
            "the neighbour table is full: {by}", "it passes after `sysctl -w {key}={double}` on {machine}"
        ),
        (D.NEIGH_DEAD, None, ""): Cause(
            "the neighbour entry that it waited for was deleted meanwhile", "it passes when it is sent again"
        ),
        (D.OTHERHOST, None, ""): Cause("its frame was addressed to {mac}, which is not the MAC of {dev}", _FLUSH),
        (D.OTHERHOST, ByLink, "lladdr"): Cause(
            "its frame was addressed to {value}, which is not the MAC of {link}", _FLUSH
        ),
        (D.OTHERHOST, None, "noarp"): Cause(
            "{dev} does not speak ARP", "it passes after `ip link set dev {dev} arp on` on {here}"
        ),
        (D.NOT_SPECIFIED, ByLink, "broadcast frame"): Cause(
            "it came in a broadcast frame, and TCP takes only what is addressed to the MAC of {dev}",
            "it passes in a frame to that MAC, as after `ip neigh flush dev {prev_dev}` on {prev}",
        ),
        (D.UNICAST_IN_L2_MULTICAST, None, ""): Cause(
            "it came in a broadcast frame, and a router forwards only what is addressed to its own MAC",
            "it passes in a frame to the MAC of {dev}, as after `ip neigh flush dev {prev_dev}` on {prev}",
        ),
        (D.UNICAST_IN_L2_MULTICAST, BySysctl, ""): Cause(
            "it came in a broadcast frame around the address of one machine, and {by}", SET_0
        ),
        (D.DEV_READY, None, ""): Cause("{dev} is not up", "it passes after `ip link set dev {dev} up` on {here}"),
        (D.QDISC_DROP, None, ""): Cause(
            "{dev} takes no frames for sending", "it passes after `ip link set dev {dev} up` on {here}"
        ),
        (ANY, ByLink, "down"): Cause("{link} is down", _LINK_UP),
        (ANY, ByLink, "no-carrier"): Cause(
            "{link} has no carrier, for its other end, {far_dev} of {far}, is down",
            "it passes after `ip link set dev {far_dev} up` on {far}",
        ),
        (ANY, ByLink, "no bridge port"): Cause(
            "no device is a port of the bridge {link}", "it passes after `ip link set dev DEV master {link}` on {here}"
        ),
        (D.BRIDGE_INGRESS_STP_STATE, None, ""): Cause(
            "{dev} is a port of a bridge that does not forward",
            "it passes after `bridge link set dev {dev} state forwarding` on {here}",
        ),
        (ANY, ByLink, "port state"): Cause(
            "{link}, a port of a bridge, is {value}",
            "it passes after `bridge link set dev {link} state forwarding` on {here}",
        ),
        (ANY, ByLink, "no forwarding port"): Cause(
            "none of the ports of the bridge {link} forwards",
            "it passes when a port is up and has carrier, see `bridge link` on {here}",
        ),
        (D.NO_TX_TARGET, None, ""): Cause(
            "no port of the bridge {dev} may send it on",
            "it passes by another port that is up, and neither isolated nor kept from flooding",
        ),
        (ANY, ByLink, "no port for it"): Cause(
            "the bridge {link} has no port by which frames from there may leave to {value}",
            "it passes by another port that is up, and neither isolated nor kept from flooding, see `bridge -d link` on {here}",
        ),
    }
)
