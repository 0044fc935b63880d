"""``route`` of BusyBox (networking/route.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools.args import BadOption, Exit, getopt
from podwire.tools.arp_busybox import BANNER
from podwire.tools.nettools import (
    RouteRequest,
    UnknownName,
    host_name,
    resolve,
    route_add,
    route_delete,
)
from podwire.tools.procnet import RTF_GATEWAY, RTF_HOST, RTF_REJECT, RouteRow, route_rows
from podwire.trace.events import Owner
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.machine import Place
    from podwire.tools.process import Process

_USAGE: Final = (
    BANNER
    + """\
Usage: route [-ne] [-A inet[6]] [{add|del} [-net|-host] TARGET [netmask MASK]
	[gw GATEWAY] [metric N] [mss BYTES] [window BYTES] [reject] [IFACE]]

Show or edit kernel routing tables

	-n	Don't resolve names
	-e	Display other/more information
	-A inet[6]	Select address family
"""
)


def route(proc: Process) -> int:
    """``route [-ne]``, ``route add|del [-net|-host] TARGET …``."""
    try:
        return _run(proc)
    except BadOption:
        proc.error(_USAGE)
        return 1
    except Exit as exit_:
        return exit_.status


def _die(proc: Process, text: str) -> Exit:
    proc.error(f"route: {text}\n")
    return Exit(1)


def _run(proc: Process) -> int:
    words = [f"#{word[1:]}" if word in {"-net", "-host"} else word for word in proc.argv[1:]]
    options, operands = getopt(proc, "A:ne", words=words)
    given = dict(options)
    family = given.get("A", "inet")
    if family == "inet6":
        raise NotModelled("address family inet6", "route")
    if family != "inet":
        raise BadOption
    if not operands:
        _show(proc, numeric="n" in given, netstat="e" in given)
        return 0
    if operands[0] not in {"add", "del", "delete"} or len(operands) == 1:
        raise BadOption
    return _change(proc, operands[1:], add=operands[0] == "add")


def _name(place: Place, ip: Ip, empty: str, *, numeric: bool, host: bool) -> str:
    if numeric:
        return str(ip)
    if not ip:
        return empty
    # Networks are looked up in the wrong byte order: no name of /etc/networks is ever found.
    return (host_name(place, ip) if host else None) or str(ip)


def _show(proc: Process, *, numeric: bool, netstat: bool) -> None:
    middle = "  MSS Window  irtt" if netstat else "Metric Ref    Use"
    proc.write("Kernel IP routing table\n")
    proc.write(f"Destination     Gateway         Genmask         Flags {middle} Iface\n")
    for row in route_rows(proc.place.netns):
        proc.write(_line(proc.place, row, numeric=numeric, netstat=netstat))


def _line(place: Place, row: RouteRow, *, numeric: bool, netstat: bool) -> str:
    flags = "!" if row.flags & RTF_REJECT else "U"
    flags += ("G" if row.flags & RTF_GATEWAY else "") + ("H" if row.flags & RTF_HOST else "")
    is_host = bool(int(row.dst) & ~int(row.mask))
    destination = _name(place, row.dst, "default", numeric=numeric, host=is_host)[:15]
    gateway = _name(place, row.gateway, "*", numeric=numeric, host=True)[:15]
    head = f"{destination:<15} {gateway:<15} {row.mask!s:<16}{flags:<6}"
    if netstat:
        return f"{head}{row.mtu:5} {row.window:<5} {row.rtt:6} {row.dev}\n"
    metric = row.metric - (1 << 32) if row.metric >= 1 << 31 else row.metric
    return f"{head}{metric:<6} {0:<2} {0:7} {row.dev}\n"


# -- changing -----------------------------------------------------------------------------------------------------


def _number(proc: Process, text: str, low: int = 0, high: int = (1 << 64) - 1) -> int:
    if not re.fullmatch(r"\d+", text, re.ASCII):
        raise _die(proc, f"invalid number '{text}'")
    value = int(text)
    if not low <= value <= high:
        raise _die(proc, f"number {text} is not in {low}..{high} range")
    return value


def _lookup(proc: Process, name: str, *, host_first: bool) -> tuple[Ip, bool]:
    try:
        return resolve(proc.place, name, host_first=host_first)
    except UnknownName:
        raise _die(proc, f"resolving {name}") from None


def _next(words: list[str]) -> str:
    if not words:
        raise BadOption
    return words.pop(0)


def _request(proc: Process, words: list[str]) -> tuple[RouteRequest, str]:
    kind = words.pop(0) if words[0] in {"#net", "#host"} else ""
    target, slash, length = _next(words).partition("/")
    mask, mask_text = None, "default"
    if slash:
        mask, mask_text = 0xFFFFFFFF ^ (0xFFFFFFFF >> _number(proc, length, 0, 32)), "(null)"
    address, is_net = _lookup(proc, target, host_first=kind == "#host")
    request = RouteRequest(address, not (kind == "#net" or (is_net and not kind)), mask)
    while words:
        mask_text = _word(proc, request, words) or mask_text
    return request, mask_text


def _word(proc: Process, request: RouteRequest, words: list[str]) -> str:
    match words.pop(0):
        case "metric":
            request.metric = _number(proc, _next(words))
        case "netmask":
            if request.mask:
                raise BadOption
            text = _next(words)
            request.mask = int(_lookup(proc, text, host_first=False)[0])
            return text
        case "gw" | "gateway":
            text = _next(words)
            if request.gateway is not None:
                raise BadOption
            request.gateway, is_net = _lookup(proc, text, host_first=True)
            if is_net:
                raise _die(proc, f"gateway {text} is a NETWORK")
        case "mss":
            request.mss = _number(proc, _next(words), 64, 32768)
        case "window":
            request.window = _number(proc, _next(words), 128, (1 << 31) - 1)
        case "irtt":
            request.rtt = _number(proc, _next(words)) << 3
        case "reject":
            request.reject = True
        case "mod" | "dyn" | "reinstate":
            pass
        case "dev" | "device" if not request.dev:
            request.dev = _next(words)
        case word:
            if request.dev or words:
                raise BadOption
            request.dev = word
    return ""


def _change(proc: Process, words: list[str], *, add: bool) -> int:
    request, mask_text = _request(proc, words)
    if request.mask:
        inverse = ~request.mask & 0xFFFFFFFF
        if request.host and inverse:
            raise _die(proc, f"netmask {inverse:08x} and host route conflict")
        if inverse & (inverse + 1):
            raise _die(proc, f"bogus netmask {mask_text}")
        if int(request.dst) & inverse:
            raise _die(proc, "netmask and route address conflict")
    door = Netlink(proc.place.netns, Owner("route"))
    try:
        (route_add if add else route_delete)(door, request)
    except NetlinkError as error:
        raise _die(proc, f"{'SIOCADDRT' if add else 'SIOCDELRT'}: {error.strerror}") from None
    return 0
