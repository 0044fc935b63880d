"""Why IP, a transport protocol, or a fragment queue killed it; what podwire does not know (kernel sheet, section 5)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import ANY, SET_0, Cause, Table
from podwire.trace.events import ByLink, ByNotModelled, BySysctl
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
        **{
            (reason, None, ""): Cause(
                "its sequence numbers are not those that this connection expects now",
                "it passes when it is within the window that the other end has told",
            )
            for reason in (
                D.TCP_ACK_UNSENT_DATA,
                D.TCP_INVALID_ACK_SEQUENCE,
                D.TCP_INVALID_END_SEQUENCE,
                D.TCP_INVALID_SEQUENCE,
                D.TCP_OLD_SEQUENCE,
                D.TCP_OVERWINDOW,
                D.TCP_TOO_OLD_ACK,
            )
        },
        **{
            (reason, None, ""): Cause("what it carries came before", "it passes when it is sent once")
            for reason in (D.TCP_OFOMERGE, D.TCP_OLD_DATA)
        },
        **{
            (reason, None, ""): Cause(
                "its time stamp is older than one that came before (RFC 7323)",
                "it passes when it is not overtaken, or when both ends have net.ipv4.tcp_timestamps=0",
            )
            for reason in (D.TCP_RFC7323_PAWS, D.TCP_RFC7323_PAWS_ACK)
        },
        **{
            (reason, None, ""): Cause(
                "the program in {here} does not read, and its receive buffer is full",
                "it passes when the program reads, or with more in net.ipv4.tcp_rmem",
            )
            for reason in (D.PROTO_MEM, D.TCP_ZEROWINDOW)
        },
        (D.TCP_CLOSE, None, ""): Cause(
            "nobody in {here} holds the connection any more", "it passes while the program has the connection open"
        ),
        (D.TCP_FLAGS, None, ""): Cause(
            "its flags have no meaning in the state of this connection",
            "it passes with the flags that RFC 9293 gives it",
        ),
        (D.TCP_INVALID_SYN, None, ""): Cause(
            "it would open a connection that stands already",
            "it passes from another port, or when that connection is over",
        ),
        (D.TCP_LISTEN_OVERFLOW, None, ""): Cause(
            "more connections wait for the program on {proto} port {dport} than it lets",
            "it passes when the program accepts them, or with a larger backlog (net.core.somaxconn)",
        ),
        (D.TCP_RESET, None, ""): Cause(
            "no connection of {here} belongs to this reset", "it passes with the sequence number that is expected next"
        ),
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
