"""``arp`` of BusyBox: net-tools' in BSD style, one blank more, and its own messages (networking/arp.c)."""

from __future__ import annotations

from errno import ENXIO
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools.args import BadOption, Exit, getopt
from podwire.tools.nettools import ATF_NETMASK, ArpRequest, UnknownName, arp_delete, arp_set, host_name, resolve
from podwire.tools.procnet import ATF_COM, ATF_PERM, ATF_PUBL, ArpRow, arp_rows
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Mac

if TYPE_CHECKING:
    from podwire.tools.process import Process

BANNER: Final = "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.\n\n"
_USAGE: Final = (
    BANNER
    + """\
Usage: arp
[-vn]	[-H HWTYPE] [-i IF] -a [HOSTNAME]
[-v]		    [-i IF] -d HOSTNAME [pub]
[-v]	[-H HWTYPE] [-i IF] -s HOSTNAME HWADDR [temp]
[-v]	[-H HWTYPE] [-i IF] -s HOSTNAME HWADDR [netmask MASK] pub
[-v]	[-H HWTYPE] [-i IF] -Ds HOSTNAME IFACE [netmask MASK] pub

Manipulate ARP cache

	-a		Display (all) hosts
	-d		Delete ARP entry
	-s		Set new entry
	-v		Verbose
	-n		Don't resolve names
	-i IF		Network interface
	-D		Read HWADDR from IFACE
	-A,-p AF	Protocol family
	-H HWTYPE	Hardware address type
"""
)


def arp(proc: Process) -> int:
    """``arp [-n] [-i IF] [-a] [HOST]``, ``arp -s HOST MAC``, ``arp -d HOST``."""
    try:
        return _run(proc)
    except BadOption:
        proc.error(_USAGE)
        return 1
    except Exit as exit_:
        return exit_.status


def _die(proc: Process, text: str) -> Exit:
    proc.error(f"arp: {text}\n")
    return Exit(1)


def _run(proc: Process) -> int:
    words, operands = getopt(proc, "A:p:H:t:i:adnDsv")
    given = {word for word, _ in words}
    dev = ""
    for word, argument in words:
        if word == "i":
            dev = argument
        elif word in {"A", "p"} and argument != "inet":
            raise _die(proc, f"{argument}: unknown address family")
        elif word in {"H", "t"} and argument != "ether":
            if argument in {"loop", "ppp", "slip", "infiniband", "tunnel", "sit"}:
                raise NotModelled(f"hardware type {argument}", "arp")
            raise _die(proc, f"{argument}: unknown hardware type")
    if given & {"d", "s"}:
        if not operands:
            raise _die(proc, "need host name")
        return _set(proc, operands, dev, from_device="D" in given) if "s" in given else _delete(proc, operands, dev)
    return _show(proc, operands, dev, given)


def _resolve(proc: Process, name: str) -> Ip:
    try:
        return resolve(proc.place, name)[0]
    except UnknownName as error:
        raise _die(proc, f"{name}: {error}") from None


def _line(row: ArpRow, name: str) -> str:
    if row.flags & ATF_COM:
        address = f"{row.mac} [{'ether' if row.type == 1 else 'loop'}]"
    else:
        address = "*" if row.flags & ATF_PUBL else "<incomplete>"
    flags = " ".join(word for bit, word in ((ATF_PERM, "PERM"), (ATF_PUBL, "PUP")) if row.flags & bit)
    return f"{name} ({row.ip}) at {address} {flags} on {row.dev}\n"


def _show(proc: Process, operands: list[str], dev: str, given: set[str]) -> int:
    host = _resolve(proc, operands[0]) if operands else None
    rows = arp_rows(proc.place.netns)
    shown = 0
    for row in rows:
        if ("H" in given and row.type != 1) or (host is not None and row.ip != host) or (dev and row.dev != dev):
            continue
        shown += 1
        proc.write(_line(row, (None if "n" in given else host_name(proc.place, row.ip)) or "?"))
    if not shown and (given & {"H", "t"} or host is not None or dev):
        proc.write(f"No match found in {len(rows)} entries\n")
    return 0


def _modifiers(proc: Process, request: ArpRequest, operands: list[str]) -> set[str]:
    given: set[str] = set()
    while operands:
        word = operands.pop(0)
        match word:
            case "pub" | "priv":
                given.add(word)
                request.flags = request.flags | ATF_PUBL if word == "pub" else request.flags & ~ATF_PUBL
            case "temp":
                request.flags &= ~ATF_PERM
            case "trail" | "dontpub" | "auto":
                pass
            case "dev" | "netmask" if operands:
                value = operands.pop(0)
                if word == "dev":
                    request.dev = value[:15]
                elif value != "255.255.255.255":
                    request.mask = int(_resolve(proc, value))
                    request.flags |= ATF_NETMASK
            case _:
                raise BadOption
    return given


def _set(proc: Process, operands: list[str], dev: str, *, from_device: bool) -> int:
    request = ArpRequest(_resolve(proc, operands.pop(0)), flags=ATF_PERM | ATF_COM, dev=dev)
    if not operands:
        raise _die(proc, "need hardware address")
    word = operands.pop(0)
    if from_device:
        link = proc.place.netns.link(word)
        if link is None:
            raise _die(proc, f"can't get HW-Address for '{word}': No such device")
        request.mac = link.mac
    else:
        try:
            request.mac = Mac.parse(word)
        except ValueError:
            raise _die(proc, "invalid hardware address") from None
    _modifiers(proc, request, operands)
    try:
        arp_set(Netlink(proc.place.netns, Owner("arp")), request)
    except NetlinkError as error:
        raise _die(proc, f"SIOCSARP: {error.strerror}") from None
    return 0


def _delete(proc: Process, operands: list[str], dev: str) -> int:
    name = operands[0]
    request = ArpRequest(_resolve(proc, operands.pop(0)), flags=ATF_PERM, dev=dev)
    given = _modifiers(proc, request, operands)
    kinds = ["priv"] if given != {"pub"} else []
    if given != {"priv"}:
        kinds.append("pub")
    door = Netlink(proc.place.netns, Owner("arp"))
    for kind in kinds:
        request.flags = request.flags | ATF_PUBL if kind == "pub" else request.flags & ~ATF_PUBL
        try:
            arp_delete(door, request)
        except NetlinkError as error:
            # Only ENXIO counts as "no entry"; a published one that is not there gives ENOENT.
            if error.errno != ENXIO:
                raise _die(proc, f"SIOCDARP({kind}): {error.strerror}") from None
        else:
            return 0
    proc.write(f"No ARP entry for {name}\n")
    return 255
