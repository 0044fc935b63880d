"""A connection as XML: ``-o xml`` (libnetfilter_conntrack, snprintf_xml.c)."""

from __future__ import annotations

from time import gmtime
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.entry import IPS_ASSURED, IPS_SEEN_REPLY
from podwire.linux.netfilter.conntrack.tcp import TCP_STATES
from podwire.linux.netfilter.conntrack.tuple import IPPROTO_GRE, WITH_PORTS
from podwire.tools.conntrack.text import delta_time, proto_name
from podwire.wire.addr import AF_INET

if TYPE_CHECKING:
    from podwire.tools.conntrack.told import Told
    from podwire.trace.events import Flow

HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n'
TAIL: Final = "</conntrack>\n"
_NSEC: Final = 1_000_000_000


def xml_text(one: Told, *, stamps: bool = False, when: bool = False) -> str:
    """``__snprintf_conntrack_xml``; ``stamps`` are those of ``-o ktimestamp``, ``when`` that of ``-o timestamp``."""
    parts = [f'<flow type="{one.kind}">' if one.kind else "<flow>"]
    for direction, flow in (("original", one.orig), ("reply", one.reply)):
        parts.append(f'<meta direction="{direction}">{_layers(flow)}')
        if one.zone is not None and one.zone[0] == direction.removesuffix("inal"):
            parts.append(_tag("zone", one.zone[1]))
        if one.counters is not None:
            packets, octets = one.counters[direction == "reply"]
            parts.append(f"<counters>{_tag('packets', packets)}{_tag('bytes', octets)}</counters>")
        parts.append("</meta>")
    parts.append(f'<meta direction="independent">{_independent(one, stamps=stamps)}</meta>')
    if when:
        # The sun's day is the first, and January the first month.
        at = gmtime(one.time // _NSEC)
        parts.append(f"<when>{_tag('hour', at.tm_hour)}<min>{at.tm_min:02}</min><sec>{at.tm_sec:02}</sec>")
        parts.append(f"{_tag('wday', (at.tm_wday + 1) % 7 + 1)}{_tag('day', at.tm_mday)}")
        parts.append(f"{_tag('month', at.tm_mon)}{_tag('year', at.tm_year)}</when>")
    return "".join([*parts, "</flow>"])


def _tag(name: str, value: object) -> str:
    return f"<{name}>{value}</{name}>"


def _layers(flow: Flow) -> str:
    three = f'<layer3 protonum="{AF_INET}" protoname="ipv4">{_tag("src", flow.src)}{_tag("dst", flow.dst)}</layer3>'
    four = f'<layer4 protonum="{flow.proto}" protoname="{proto_name(flow.proto)}">'
    if flow.proto == IPPROTO_GRE:
        four += f"<srckey>{flow.sport:#x}</srckey><dstkey>{flow.dport:#x}</dstkey>"
    elif flow.proto in WITH_PORTS:
        four += _tag("sport", flow.sport) + _tag("dport", flow.dport)
    return f"{three}{four}</layer4>"


def _independent(one: Told, *, stamps: bool) -> str:
    parts = []
    if one.state is not None:
        # SCTP's numbers are called by TCP's names here.
        parts.append(_tag("state", TCP_STATES[one.state]))
    if one.timeout is not None:
        parts.append(_tag("timeout", one.timeout))
    if one.mark is not None:
        parts.append(_tag("mark", one.mark))
    if one.zone is not None and not one.zone[0]:
        parts.append(_tag("zone", one.zone[1]))
    if one.use is not None:
        parts.append(_tag("use", one.use))
    parts.append(_tag("id", one.id))
    if one.status & IPS_ASSURED:
        parts.append("<assured/>")
    if not one.status & IPS_SEEN_REPLY:
        parts.append("<unreplied/>")
    if one.start:
        if stamps:
            stop = _tag("stop", one.stop) if one.stop else ""
            parts.append(f"<timestamp>{_tag('start', one.start)}{stop}</timestamp>")
        parts.append(_tag("deltatime", delta_time(one)))
    return "".join(parts)
