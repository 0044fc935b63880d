"""Why an ARP request found no answer (kernel sheet, section 1.6)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import ARP, PUT_BACK, RP_OFF, SET_0, SET_1, Cause, Table
from podwire.trace.events import ByReversePath, ByRoute, BySysctl
from podwire.trace.reasons import DropReason as D

_OWN_OR = (
    "it passes when {here} has the address: `ip addr add {tpa}/32 dev {dev}`; or, if it is to answer for others, after "
)
_NO_PROXY_ROUTE = Cause(
    "{here} answers for others only where it has a route, and it has none to {tpa}, not even a default route",
    "it passes after `ip route add default via GATEWAY` on {here}",
)

_THERE_OR_PVLAN = (
    "it passes when a machine there has {tpa}: `ip addr add {tpa}/32 dev DEV`; or, if {here} is to answer for it, after "
    "`sysctl -w net.ipv4.conf.{dev_key}.proxy_arp_pvlan=1` on {here}"
)

ARP_SILENCE: Final[Table] = MappingProxyType(
    {
        (D.ARP_PVLAN_DISABLE, None, ""): Cause(
            "{here} would have to answer by the device that asked",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.proxy_arp_pvlan=1` on {here}",
        ),
        (ARP, None, ""): Cause("{here} heard it and did not answer", "it passes when somebody answers for {tpa}"),
        (ARP, None, "proxy-off"): Cause(
            "{tpa} is not an address of {here}, which does not answer for others on {dev}",
            "it passes after `sysctl -w net.ipv4.conf.{dev_key}.proxy_arp=1` on {here}",
        ),
        (ARP, BySysctl, "proxy-off"): Cause(
            "{tpa} is not an address of {here}, which does not answer for others on {dev} while {by}", SET_1
        ),
        (ARP, None, "no-route"): _NO_PROXY_ROUTE,
        (ARP, ByRoute, "none no-route"): _NO_PROXY_ROUTE,
        (ARP, ByRoute, "none down no-route"): Cause(
            "{here} answers for others only where it has a route, and it has none to {tpa}, not even a default route: "
            "{down}, which is down, took its routes along",
            PUT_BACK,
        ),
        (ARP, ByRoute, "no-route"): Cause(
            "{here} answers for others only where it has a route, and to {tpa} it has the {by}",
            "it passes after `ip route replace {prefix}{table_arg} via GATEWAY` on {here}",
        ),
        (ARP, None, "same-device"): Cause(
            "{tpa} is not an address of {here}, which would send to it by {dev} itself, so whoever asks there needs no proxy",
            _THERE_OR_PVLAN,
        ),
        (ARP, ByRoute, "same-device"): Cause(
            "{tpa} is not an address of {here}, which has it behind {dev} itself by the {by}, so whoever asks there needs no proxy",
            _THERE_OR_PVLAN,
        ),
        (ARP, None, "forwarding-off"): Cause(
            "{tpa} is not an address of {here}, which forwards nothing that comes in by {dev}",
            _OWN_OR + "`sysctl -w net.ipv4.conf.{dev_key}.forwarding=1`",
        ),
        (ARP, BySysctl, "forwarding-off"): Cause(
            "{tpa} is not an address of {here}, which forwards nothing that comes in by {dev} while {by}",
            _OWN_OR + "`sysctl -w {key}=1`",
        ),
        (ARP, None, "source-check"): Cause(
            "{here} accepts nobody who asks as {spa} on {dev}: its own address, or none of one machine",
            "it passes when the asker uses an address of its own",
        ),
        (ARP, ByReversePath, "source-check"): Cause(
            "{here} does not believe that the asker {spa} is behind {dev}: {by}", RP_OFF
        ),
        (ARP, None, "not-ours"): Cause(
            "{here} heard it and {tpa} is not its address",
            "it passes when a machine there has it: `ip addr add {tpa}/32 dev DEV`",
        ),
        (ARP, BySysctl, "ignored"): Cause("{here} does not answer for {tpa} on {dev} while {by}", SET_0),
    }
)
