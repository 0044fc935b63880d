"""Why a route, its lack, a TTL or a size killed a packet, or the check of its source (kernel sheet, sections 1.8 and 5.1)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import ANY, PUT_BACK, ROUTE_ADD, RP_OFF, SET_1, Cause, Table
from podwire.trace.events import ByLink, ByPolicyRule, ByReversePath, ByRoute, BySysctl
from podwire.trace.reasons import DropReason as D

_NO_ROUTE = Cause("{here} has no route to {dst}", ROUTE_ADD)
_DEAD_END = (
    "it passes after `ip route del {type} {prefix}{table_arg}` on {here}, or with a more specific route to {dst}"
)

BLOCK: Final = "block"

ROUTING: Final[Table] = MappingProxyType(
    {
        (D.IP_RPFILTER, None, ""): Cause(
            "the route back to the source {src} does not leave by {dev}",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.rp_filter=0` on {here}",
        ),
        (D.IP_RPFILTER, ByReversePath, "1"): Cause(
            "{switch} is strict: the way back to the source {src} would have to leave by {dev}, and it is the {back}",
            RP_OFF,
        ),
        (D.IP_RPFILTER, ByReversePath, "1 no-route"): Cause(
            "{switch} is strict: a way back to the source {src} would have to leave by {dev}, and there is no route to it",
            RP_OFF,
        ),
        (D.IP_RPFILTER, ByReversePath, "2 no-address"): Cause(
            "{switch} is loose, but {dev} has no IPv4 address and there loose means strict: "
            "the way back to the source {src} would have to leave by {dev}, and it is the {back}",
            RP_OFF + ", or with any address on the device: `ip addr add 169.254.99.1/32 dev {dev}`",
        ),
        (D.IP_RPFILTER, ByReversePath, "2 no-route"): Cause(
            "{switch} is loose and wants some way back to the source {src}, and there is no route to it", RP_OFF
        ),
        (D.IP_LOCAL_SOURCE, None, ""): Cause(
            "the source {src} is one of {here}'s own addresses, and it came from outside",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.accept_local=1` on {here}",
        ),
        (D.IP_LOCAL_SOURCE, BySysctl, ""): Cause(
            "the source {src} is one of {here}'s own addresses, and it came from outside while {by}", SET_1
        ),
        (D.IP_INVALID_SOURCE, None, ""): Cause(
            "the source {src} is no address of one machine (multicast, broadcast or 0.0.0.0)",
            "it passes with the sender's own address as source",
        ),
        (D.IP_INVALID_DEST, None, ""): Cause(
            "{here} neither takes nor forwards what goes to {dst}",
            "it passes with the address of a machine as destination",
        ),
        (D.IP_LOCALNET, None, ""): Cause(
            "{src} > {dst} carries a loopback address outside lo",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.route_localnet=1` on {here}",
        ),
        (D.IP_LOCALNET, BySysctl, ""): Cause("{src} > {dst} carries a loopback address outside lo while {by}", SET_1),
        (D.IP_INADDRERRORS, None, ""): Cause(
            "{dst} is not an address of {here}, which forwards nothing that comes in by {dev}",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.forwarding=1` on {here}",
        ),
        (D.IP_INADDRERRORS, BySysctl, ""): Cause(
            "{dst} is not an address of {here}, which forwards nothing that comes in by {dev} while {by}", SET_1
        ),
        (D.IP_INNOROUTES, BySysctl, ""): Cause(
            "{dst} is not an address of {here}, which forwards nothing that comes in by {dev} while {by}", SET_1
        ),
        (D.IP_INHDR, None, ""): Cause("its IP header is damaged", "it passes with a well-formed header"),
        (D.IP_INHDR, None, "ttl"): Cause(
            "it came with ttl {ttl}, and {here} would have to forward it to {dst}",
            "it passes with a larger ttl, as `ping -t 64` sends it",
        ),
        (D.IP_INHDR, None, "loop"): Cause(
            "its ttl ran out in a circle: {circle} passed it round",
            "it passes when one of them routes {dst} out of the circle, so compare `ip route get {dst}` on each",
        ),
        (D.IP_INNOROUTES, None, ""): _NO_ROUTE,
        (D.IP_OUTNOROUTES, None, ""): _NO_ROUTE,
        (ANY, ByRoute, "none"): _NO_ROUTE,
        (ANY, ByRoute, "none down"): Cause(
            "{here} has no route to {dst}, and {down}, which is down, took its routes along", PUT_BACK
        ),
        (ANY, ByRoute, "throw"): _NO_ROUTE,
        (ANY, ByRoute, "blackhole"): Cause("the best match for {dst} is the {by}, which discards silently", _DEAD_END),
        (ANY, ByRoute, f"blackhole {BLOCK}"): Cause(
            "{here} has no pod with the address {dst}, and the rest of its block goes to the {by}, which discards silently",
            "it passes when a pod of {here} has {dst}, and to the address that the pod has now: `kubectl get pods -A -o wide`",
        ),
        (ANY, ByRoute, "unreachable"): Cause(
            "the best match for {dst} is the {by}, which says host unreachable", _DEAD_END
        ),
        (ANY, ByRoute, "prohibit"): Cause("the best match for {dst} is the {by}, which says prohibited", _DEAD_END),
        (ANY, ByPolicyRule, ""): Cause(
            "{by} refuses it", "it passes after `ip rule del priority {priority}` on {here}"
        ),
        (D.PKT_TOO_BIG, None, ""): Cause(
            "its {size} bytes do not fit the next link and DF forbids to cut it",
            "it passes without DF, or when it is smaller",
        ),
        (D.PKT_TOO_BIG, ByLink, "mtu"): Cause(
            "its {size} bytes do not fit {link} (mtu {value}) and DF forbids to cut it",
            "it passes with at most {room} bytes of payload, without DF, or after `ip link set dev {link} mtu {size}` on {here}",
        ),
        (D.PKT_TOO_BIG, ByLink, "peer mtu"): Cause(
            "its {size} bytes do not fit {far_dev} of {far} (mtu {far_rest}), the other end of {link}, and nobody is told",
            "it passes when both ends have one MTU, as after `ip link set dev {far_dev} mtu {size}` on {far}",
        ),
        (D.PKT_TOO_BIG, ByLink, "port mtu"): Cause(
            "its {size} bytes do not fit {link}, a port of a bridge (mtu {value}), and nobody is told",
            "it passes after `ip link set dev {link} mtu {size}` on {here}",
        ),
        (D.PKT_TOO_BIG, ByRoute, ""): Cause(
            "its {size} bytes do not fit the mtu of the {by} and DF forbids to cut it",
            "it passes without DF, or when it is smaller",
        ),
        (D.PKT_TOO_SMALL, None, ""): Cause("it is shorter than its headers say", "it passes when it is sent whole"),
    }
)


def is_block(by: ByRoute) -> bool:
    """Whether a route stands for what is left of a block of Calico's IPAM, whose pods have routes of their own (Calico sheet, 1.8)."""
    return by.type == "blackhole" and by.owner.component in {"bird", "felix"} and by.owner.field.startswith("block ")
