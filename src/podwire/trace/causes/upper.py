"""Why IP, a transport protocol, a fragment queue or netfilter killed it; what podwire does not know (kernel sheet, section 5)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import ANY, SET_0, Cause, Table
from podwire.trace.events import ByLink, ByNotModelled, ByRule, BySysctl
from podwire.trace.reasons import DropReason as D

_CHECKSUM = "it passes when the sender computes it, as after `ethtool -K {prev_dev} tx off` on {prev}"

UPPER: Final[Table] = MappingProxyType(
    {
        (D.NO_SOCKET, None, ""): Cause(
            "nothing in {here} listens on {proto} port {dport}",
            "it passes when a program listens there, as `{listen}` does",
        ),
        (D.NO_SOCKET, None, "vxlan"): Cause(
            "no VXLAN device that is up on {here} takes {proto} port {dport}",
            "it passes when there is one, see `ip -d link show type vxlan` on {here}",
        ),
        (D.NO_SOCKET, None, "geneve"): Cause(
            "no GENEVE device that is up on {here} takes {proto} port {dport}",
            "it passes when there is one, see `ip -d link show type geneve` on {here}",
        ),
        (D.NO_SOCKET, None, "icmp"): Cause(
            "no socket of {here} waits for this message", "it passes while the program that asked for it still runs"
        ),
        (D.NO_SOCKET, None, "reset"): Cause(
            "no connection of {here} belongs to this reset", "it passes while the connection that it ends is open"
        ),
        (D.IP_NOPROTO, None, ""): Cause(
            "{here} has no handler for IP protocol {proto}",
            "it passes when the kernel loads one, as `modprobe ipip` for ipip",
        ),
        (D.UNHANDLED_PROTO, None, ""): Cause(
            "nothing in {here} takes frames of this EtherType",
            "it passes when a protocol is loaded or a device is made for it",
        ),
        (D.INVALID_PROTO, None, ""): Cause(
            "its protocol is not valid where it arrived", "it passes with a protocol that {dev} carries"
        ),
        (D.INVALID_PROTO, BySysctl, ""): Cause("{here} does not answer what everybody is asked while {by}", SET_0),
        (D.IP_CSUM, None, ""): Cause("its IP header checksum is wrong", _CHECKSUM),
        (D.ICMP_CSUM, None, ""): Cause("its ICMP checksum is wrong", _CHECKSUM),
        (D.UDP_CSUM, None, ""): Cause("its UDP checksum is wrong", _CHECKSUM),
        (D.TCP_CSUM, None, ""): Cause("its TCP checksum is wrong", _CHECKSUM),
        (D.FRAG_REASM_TIMEOUT, None, ""): Cause(
            "not all of its fragments came within net.ipv4.ipfrag_time",
            "it passes when every fragment arrives, or when it is small enough not to be cut",
        ),
        (ANY, ByLink, "duplicate fragment"): Cause(
            "what it carries of the datagram ({value}) is there already", "it passes when it is sent once"
        ),
        (ANY, ByLink, "overlapping fragment"): Cause(
            "fragments of its datagram ({value}) overlap, and all of them are discarded",
            "it passes when they are cut as RFC 791 says",
        ),
        (ANY, ByLink, "damaged fragment"): Cause(
            "the fragments of its datagram ({value}) contradict one another, and all of them are discarded",
            "it passes when they are cut as RFC 791 says",
        ),
        (D.FRAG_TOO_FAR, None, ""): Cause(
            "too many other fragments came between its own",
            "it passes after `sysctl -w net.ipv4.ipfrag_max_dist=0` on {here}",
        ),
        (D.NETFILTER_DROP, None, ""): Cause(
            "a netfilter rule discards it",
            "it passes when that rule is gone, so look at the counters of `iptables -vnL`",
        ),
        (D.NETFILTER_DROP, ByRule, ""): Cause(
            "it matches {by}", "it passes after `iptables -t {table} -D {chain} {number}` on {here}"
        ),
        (D.NETFILTER_DROP, ByRule, "policy"): Cause(
            "no rule accepts it and {by} is to drop",
            "it passes after `iptables -t {table} -P {chain} ACCEPT` on {here}",
        ),
        (D.NOT_SPECIFIED, None, ""): Cause(
            "the kernel gives no reason in {where}", "no change is known that lets it pass"
        ),
        (D.NOT_SPECIFIED, BySysctl, ""): Cause("{here} does not answer it while {by}", SET_0),
        (D.NOT_MODELLED, None, ""): Cause(
            "podwire does not model what it met in {where}", "what a real kernel does with it is not known here"
        ),
        (D.NOT_MODELLED, ByNotModelled, ""): Cause(
            "podwire does not model {what}", "what a real kernel does with it is not known here"
        ),
    }
)
