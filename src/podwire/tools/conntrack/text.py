"""A connection in words: the usual line, that of ``-o save``, and that of /proc/net/nf_conntrack.

After libnetfilter_conntrack (snprintf_default.c), conntrack.c and the kernel's nf_conntrack_standalone.c.
"""

from __future__ import annotations

from collections.abc import Callable
from time import asctime, gmtime
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.entry import (
    IPS_ASSURED,
    IPS_DST_NAT_DONE,
    IPS_EXPECTED,
    IPS_FIXED_TIMEOUT,
    IPS_HW_OFFLOAD,
    IPS_OFFLOAD,
    IPS_SEEN_REPLY,
    IPS_SRC_NAT_DONE,
)
from podwire.linux.netfilter.conntrack.sctp import SCTP_STATES
from podwire.linux.netfilter.conntrack.tcp import TCP_STATES
from podwire.linux.netfilter.conntrack.tuple import IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_UDPLITE, WITH_PORTS
from podwire.tools.conntrack.told import DESTROY, NEW, UPDATE, Told, told
from podwire.wire.addr import AF_INET
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.trace.events import Flow

PROTO_NAMES: Final = {
    IPPROTO_ICMP: "icmp",
    IPPROTO_TCP: "tcp",
    IPPROTO_UDP: "udp",
    33: "dccp",
    IPPROTO_GRE: "gre",
    58: "icmpv6",
    IPPROTO_SCTP: "sctp",
    IPPROTO_UDPLITE: "udplite",
}
"""``__proto2str``."""
_LABELS: Final = {NEW: "    [NEW] ", UPDATE: " [UPDATE] ", DESTROY: "[DESTROY] ", "": ""}
_COMMANDS: Final = {NEW: "-A ", UPDATE: "-U ", DESTROY: "-D ", "": "-A "}
_NSEC: Final = 1_000_000_000
_STATUS_WORDS: Final = (
    (IPS_EXPECTED, "EXPECTED"),
    (IPS_SEEN_REPLY, "SEEN_REPLY"),
    (IPS_ASSURED, "ASSURED"),
    (IPS_FIXED_TIMEOUT, "FIXED_TIMEOUT"),
)


def proto_name(proto: int) -> str:
    """``__proto2str``: ``unknown`` where libnetfilter_conntrack has no name."""
    return PROTO_NAMES.get(proto, "unknown")


def state_name(flow: Flow, state: int) -> str:
    """TCP's or SCTP's name of a state."""
    names = SCTP_STATES if flow.proto == IPPROTO_SCTP else TCP_STATES
    return names[state] if state < len(names) else names[0]


def tuple_text(flow: Flow) -> str:
    """``src=… dst=… sport=… dport=… ``, with a blank behind."""
    text = f"src={flow.src} dst={flow.dst} "
    if flow.proto == IPPROTO_ICMP:
        return f"{text}type={flow.dport >> 8} code={flow.dport & 0xFF} id={flow.sport} "
    if flow.proto == IPPROTO_GRE:
        return f"{text}srckey={flow.sport:#x} dstkey={flow.dport:#x} "
    return f"{text}sport={flow.sport} dport={flow.dport} " if flow.proto in WITH_PORTS else text


def _counter(counters: tuple[tuple[int, int], tuple[int, int]] | None, direction: int) -> str:
    if counters is None:
        return ""
    packets, octets = counters[direction]
    return f"packets={packets} bytes={octets} "


def _offload(status: int) -> str:
    if status & IPS_HW_OFFLOAD:
        return "[HW_OFFLOAD] "
    return "[OFFLOAD] " if status & IPS_OFFLOAD else "[ASSURED] " if status & IPS_ASSURED else ""


def delta_time(one: Told) -> int:
    """``delta-time``: whole seconds between two whole seconds."""
    return (one.stop or one.time) // _NSEC - one.start // _NSEC


def default_text(one: Told, *, layer3: bool = False, stamps: bool = False, number: bool = False) -> str:
    """``__snprintf_conntrack_default``: the line of ``conntrack -L``, with what ``-o extended``, ``ktimestamp`` and ``id`` add."""
    orig = one.orig
    parts = [_LABELS[one.kind]]
    if layer3:
        parts.append(f"{'ipv4':<8} {AF_INET} ")
    parts.append(f"{proto_name(orig.proto):<8} {orig.proto} ")
    if one.timeout is not None:
        parts.append(f"{one.timeout} ")
    if one.state is not None:
        parts.append(f"{state_name(orig, one.state)} ")
    where, zone = one.zone or ("none", 0)
    parts.append(tuple_text(orig))
    if where == "orig":
        parts.append(f"zone-orig={zone} ")
    parts.append(_counter(one.counters, 0))
    if not one.status & IPS_SEEN_REPLY:
        parts.append("[UNREPLIED] ")
    parts.append(tuple_text(one.reply))
    if where == "reply":
        parts.append(f"zone-reply={zone} ")
    parts += (_counter(one.counters, 1), _offload(one.status))
    if one.mark is not None:
        parts.append(f"mark={one.mark} ")
    if not where:
        parts.append(f"zone={zone} ")
    if one.start:
        parts.append(f"delta-time={delta_time(one)} ")
        if stamps:
            parts.append(f"[start={asctime(gmtime(one.start // _NSEC))}] ")
            if one.stop:
                parts.append(f"[stop={asctime(gmtime(one.stop // _NSEC))}] ")
    if one.use is not None:
        parts.append(f"use={one.use} ")
    if number:
        parts.append(f"id={one.id} ")
    return "".join(parts)[:-1]


def save_text(one: Told, *, deleted: bool = False) -> str:
    """``ct_save_snprintf``: the command that would make it, or do again what was done to it."""
    words = [_COMMANDS[DESTROY if deleted else one.kind]]
    if one.timeout is not None:
        words.append(f"-t {one.timeout} ")
    status = ",".join(word for bit, word in _STATUS_WORDS if one.status & bit)
    words.append(f"-u {status or 'UNSET'} ")
    if one.zone is not None:
        where, zone = one.zone
        words.append(f"--{where}-zone {zone} " if where else f"-w {zone} ")
    orig, reply = one.orig, one.reply
    dnat = one.status & IPS_DST_NAT_DONE and reply.src != orig.dst
    snat = one.status & IPS_SRC_NAT_DONE and reply.dst != orig.src
    words.append(f"-s {orig.src} -d {orig.dst} ")
    words.append(f"{'-g' if dnat else '-r'} {reply.src} {'-n' if snat else '-q'} {reply.dst} ")
    name = PROTO_NAMES.get(orig.proto)
    words.append(f"-p {name or orig.proto} {_save_proto(one)}")
    return "".join(words).rstrip(" ")


def _save_proto(one: Told) -> str:
    orig, reply = one.orig, one.reply
    if orig.proto == IPPROTO_ICMP:
        return f"--icmp-type {orig.dport >> 8} --icmp-code {orig.dport & 0xFF} --icmp-id {orig.sport}"
    if orig.proto == IPPROTO_GRE:
        keys = f"--srckey {orig.sport} --dstkey {orig.dport}"
        return f"{keys} --reply-key-src {reply.sport} --reply-key-dst {reply.dport}"
    if orig.proto not in WITH_PORTS:
        return ""
    text = f"--sport {orig.sport} --dport {orig.dport} --reply-port-src {reply.sport} --reply-port-dst {reply.dport} "
    if one.state is not None:
        text += f"--state {state_name(orig, one.state)} "
    if one.vtags is not None:
        # The number as the machine reads what lies there in network order.
        first, second = (int.from_bytes(tag.to_bytes(4), "little") for tag in one.vtags)
        text += f"--orig-vtag {first} --reply-vtag {second}"
    return text


def proc_net_nf_conntrack(netns: Netns) -> str:
    """/proc/net/nf_conntrack (``ct_seq_show``)."""
    return "".join(f"{_proc_line(told(ct, use=2), ct.proto)}\n" for ct in netns.conntrack)


def _proc_line(one: Told, proto: object) -> str:
    orig = one.orig
    where, zone = one.zone or ("", 0)
    parts = [f"{'ipv4':<8} {AF_INET} {proto_name(orig.proto):<8} {orig.proto} {one.timeout} "]
    if one.state is not None:
        parts.append(f"{state_name(orig, one.state)} ")
    if orig.proto == IPPROTO_GRE and isinstance(proto, tuple):
        parts.append(f"timeout={proto[0] // _NSEC}, stream_timeout={proto[1] // _NSEC} ")
    side: Callable[[str], str] = lambda name: f"zone-{name}={zone} " if where == name else ""  # noqa: E731 - three words
    parts += (tuple_text(orig), side("orig"), _counter(one.counters, 0))
    if not one.status & IPS_SEEN_REPLY:
        parts.append("[UNREPLIED] ")
    parts += (tuple_text(one.reply), side("reply"), _counter(one.counters, 1), _offload(one.status))
    parts.append(f"mark={one.mark} ")
    if not where:
        parts.append(f"zone={zone} ")
    if one.start:
        parts.append(f"delta-time={delta_time(one)} ")
    return "".join([*parts, f"use={one.use}"])
