"""``arp`` of net-tools 2.10; images with BusyBox have their own (``arp_busybox``)."""

from __future__ import annotations

import os
from errno import ENOENT, ENXIO
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools import arp_busybox
from podwire.tools.args import BadOption, Exit, getopt
from podwire.tools.nettools import (
    ATF_DONTPUB,
    ATF_NETMASK,
    ArpRequest,
    UnknownName,
    arp_delete,
    arp_set,
    host_name,
    resolve,
)
from podwire.tools.procnet import ATF_COM, ATF_PERM, ATF_PUBL, ArpRow, arp_rows
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Mac

if TYPE_CHECKING:
    from podwire.tools.process import Process

_USAGE: Final = """\
Usage:
  arp [-vn]  [<HW>] [-i <if>] [-a] [<hostname>]             <-Display ARP cache
  arp [-v]          [-i <if>] -d  <host> [pub]               <-Delete ARP entry
  arp [-vnD] [<HW>] [-i <if>] -f  [<filename>]            <-Add entry from file
  arp [-v]   [<HW>] [-i <if>] -s  <host> <hwaddr> [temp]            <-Add entry
  arp [-v]   [<HW>] [-i <if>] -Ds <host> <if> [netmask <nm>] pub          <-''-

        -a                       display (all) hosts in alternative (BSD) style
        -e                       display (all) hosts in default (Linux) style
        -s, --set                set a new ARP entry
        -d, --delete             delete a specified entry
        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -i, --device             specify network interface (e.g. eth0)
        -D, --use-device         read <hwaddr> from given device
        -A, -p, --protocol       specify protocol family
        -f, --file               read new entries from file or from /etc/ethers

  <HW>=Use '-H <hw>' to specify hardware address type. Default: ether
  List of possible hardware types (which support ARP):
"""
_HARDWARE: Final = """\
    ash (Ash) ether (Ethernet) ax25 (AMPR AX.25) 
    netrom (AMPR NET/ROM) rose (AMPR ROSE) arcnet (ARCnet) 
    dlci (Frame Relay DLCI) fddi (Fiber Distributed Data Interface) hippi (HIPPI) 
    irda (IrLAP) x25 (generic X.25) eui64 (Generic EUI-64) 
"""  # noqa: W291 - the blanks are net-tools'
_HARDWARE_NAMES: Final = frozenset("ash ax25 netrom rose arcnet dlci fddi hippi irda x25 eui64".split())
_FAMILIES: Final = frozenset("unix inet6 ax25 netrom rose ipx ddp econet x25".split())
_VERSION: Final = """\
net-tools 2.10
+I18N +SELINUX
AF: (inet) +UNIX +INET +INET6 +IPX +AX25 +NETROM +X25 +ATALK +ECONET +ROSE -BLUETOOTH
HW: (ether) +ETHER +ARC +SLIP +PPP +TUNNEL -TR +AX25 +NETROM +X25 +FR +ROSE +ASH +SIT +FDDI +HIPPI +HDLC/LAPB +EUI64 
"""  # noqa: W291
_TITLE: Final = "Address                  HWtype  HWaddress           Flags Mask            Iface\n"
_LONGS: Final = {
    "verbose": "v",
    "version": "V",
    "all": "a",
    "delete": "d",
    "file": "f",
    "numeric": "n",
    "set": "s",
    "protocol": "A=",
    "hw-type": "H=",
    "device": "i=",
    "help": "h",
    "use-device": "D",
    "symbolic": "N",
}
_MINUS_ONE: Final = 255


class _Options(msgspec.Struct):
    what: str = "show"
    bsd: bool = False
    """-a: BSD style, and a host that is not there counts as no match."""
    linux: bool = False
    numeric: bool = False
    verbose: bool = False
    from_device: bool = False
    hardware: bool = False
    dev: str = ""


def arp(proc: Process) -> int:
    """``arp [-vn] [-i IF] [-a|-e] [HOST]``, ``arp -s HOST MAC [temp]``, ``arp -d HOST``."""
    if proc.image.tools.get("arp") == "busybox":
        return arp_busybox.arp(proc)
    try:
        return _run(proc)
    except Exit as exit_:
        return exit_.status


def _usage(proc: Process, status: int) -> None:
    write = proc.error if status else proc.write
    write(_USAGE)
    proc.error(_HARDWARE)
    raise Exit(status)


def _run(proc: Process) -> int:
    try:
        words, operands = getopt(proc, "A:H:adfp:nsei:t:vh?DNV", _LONGS)
    except BadOption:
        _usage(proc, 3)
        raise
    options = _Options()
    for word, argument in words:
        _option(proc, options, word, argument)
    match options.what:
        case "delete":
            return _delete(proc, options, operands)
        case "set":
            return _set(proc, options, operands)
        case "file":
            raise NotModelled("option -f", "arp")
    if options.what == "show" and not options.bsd:
        options.linux = True
    return _show(proc, options, operands[0] if operands else "")


def _option(proc: Process, options: _Options, word: str, argument: str) -> None:  # noqa: C901 - one case an option
    match word:
        case "a":
            options.what, options.bsd = "show", True
        case "f":
            options.what = "file"
        case "d":
            options.what = "delete"
        case "s":
            options.what = "set"
        case "e":
            options.linux = True
        case "n":
            options.numeric = True
        case "D":
            options.from_device = True
        case "N":
            proc.error("arp: -N not yet supported.\n")
        case "v":
            options.verbose = True
        case "A" | "p":
            if argument in _FAMILIES:
                proc.error(f"arp: {argument}: kernel only supports 'inet'.\n")
                raise Exit(_MINUS_ONE)
            if argument != "inet":
                proc.error(f"arp: {argument}: unknown address family.\n")
                raise Exit(_MINUS_ONE)
        case "H" | "t":
            if argument in _HARDWARE_NAMES:
                raise NotModelled(f"hardware type {argument}", "arp")
            if argument != "ether":
                proc.error(f"arp: {argument}: unknown hardware type.\n")
                raise Exit(_MINUS_ONE)
            options.hardware = True
        case "i":
            options.dev = argument[:15]
        case "V":
            proc.write(_VERSION)
            raise Exit(0)
        case "h":
            _usage(proc, 0)
        case _:
            _usage(proc, 3)


# -- showing ------------------------------------------------------------------------------------------------------


def _show(proc: Process, options: _Options, name: str) -> int:
    host = _resolve(proc, name) if name else None
    rows = arp_rows(proc.place.netns)
    shown = [
        row
        for row in rows
        if not (options.hardware and row.type != 1)
        and (host is None or row.ip == host)
        and (not options.dev or row.dev == options.dev)
    ]
    for index, row in enumerate(shown):
        found = None if options.numeric else host_name(proc.place, row.ip)
        if options.linux:
            proc.write((_TITLE if index == 0 else "") + _linux_line(row, found or str(row.ip)))
        else:
            proc.write(_bsd_line(row, found or "?"))
    if options.verbose:
        proc.write(f"Entries: {len(rows)}\tSkipped: {len(rows) - len(shown)}\tFound: {len(shown)}\n")
    if not shown:
        if host is not None and not options.bsd:
            proc.write(f"{name} ({host}) -- no entry\n")
        elif options.hardware or host is not None or options.dev:
            proc.write(f"arp: in {len(rows)} entries no match found.\n")
    return 0


def _linux_line(row: ArpRow, name: str) -> str:
    flags = "".join(letter for bit, letter in ((ATF_COM, "C"), (ATF_PERM, "M"), (ATF_PUBL, "P")) if row.flags & bit)
    if row.flags & ATF_COM:
        kind, address = "ether" if row.type == 1 else "loop", str(row.mac)
    elif row.flags & ATF_PUBL:
        kind, address = "*", "<from_interface>"
    else:
        kind, address = "", "(incomplete)"
    return f"{name[:23]:<23}  {kind:<8}{address:<20}{flags:<6}{'':<15} {row.dev}\n"


def _bsd_line(row: ArpRow, name: str) -> str:
    if row.flags & ATF_COM:
        address = f"{row.mac} [{'ether' if row.type == 1 else 'loop'}]"
    else:
        address = "<from_interface>" if row.flags & ATF_PUBL else "<incomplete>"
    flags = ("PERM " if row.flags & ATF_PERM else "") + ("PUB " if row.flags & ATF_PUBL else "")
    return f"{name} ({row.ip}) at {address} {flags}on {row.dev}\n"


# -- changing -----------------------------------------------------------------------------------------------------


def _resolve(proc: Process, name: str) -> Ip:
    try:
        return resolve(proc.place, name)[0]
    except UnknownName as error:
        proc.error(f"{name}: {error}\n")
        raise Exit(_MINUS_ONE) from None


def _host(proc: Process, operands: list[str]) -> Ip:
    if not operands:
        proc.error("arp: need host name\n")
        raise Exit(_MINUS_ONE)
    return _resolve(proc, operands.pop(0))


def parse_ether(text: str) -> Mac | None:
    """The ``in_ether`` of net-tools: up to six octets of one or two digits, colons optional; missing ones are zero, the rest is ignored."""
    value, count, position = 0, 0, 0
    while position < len(text) and count < 6:
        digits = text[position : position + 2]
        digits = digits[0] if digits[1:] == ":" else digits
        if not all(digit in "0123456789abcdefABCDEF" for digit in digits):
            return None
        value = value << 8 | int(digits, 16)
        count += 1
        position += len(digits)
        if text[position : position + 1] == ":":
            position += 1
    return Mac(value << 8 * (6 - count))


def _hardware(proc: Process, options: _Options, operands: list[str]) -> Mac:
    if not operands:
        proc.error("arp: need hardware address\n")
        raise Exit(_MINUS_ONE)
    word = operands.pop(0)
    if not options.from_device:
        mac = parse_ether(word)
        if mac is None:
            proc.error("arp: invalid hardware address\n")
            raise Exit(_MINUS_ONE)
        return mac
    link = proc.place.netns.link(word)
    if link is None:
        proc.error(f"arp: cant get HW-Address for `{word}': No such device.\n")
        raise Exit(_MINUS_ONE)
    if options.verbose:
        proc.error(f"arp: device `{word}' has HW address ether `{link.mac}'.\n")
    return link.mac


def _modifiers(proc: Process, request: ArpRequest, operands: list[str], *, verbose: bool) -> set[str]:
    """``temp``, ``pub`` and the like behind the addresses; returns which of ``pub`` and ``priv`` were there."""
    given: set[str] = set()
    while operands:
        word = operands.pop(0)
        if verbose:
            proc.error(f"args={word}\n")
        match word:
            case "pub" | "priv":
                given.add(word)
                request.flags = request.flags | ATF_PUBL if word == "pub" else request.flags & ~ATF_PUBL
            case "temp":
                request.flags &= ~ATF_PERM
            case "trail" | "auto":
                pass  # flags that the kernel has long ignored
            case "dontpub":
                request.flags |= ATF_DONTPUB
            case "dev" | "netmask" if operands:
                value = operands.pop(0)
                if word == "dev":
                    request.dev = value[:15]
                elif value != "255.255.255.255":
                    request.mask = int(_resolve(proc, value))
                    request.flags |= ATF_NETMASK
            case _:
                _usage(proc, 3)
    return given


def _set(proc: Process, options: _Options, operands: list[str]) -> int:
    request = ArpRequest(_host(proc, operands), flags=ATF_PERM | ATF_COM, dev=options.dev)
    request.mac = _hardware(proc, options, operands)
    _modifiers(proc, request, operands, verbose=False)
    if options.verbose:
        proc.error("arp: SIOCSARP()\n")
    try:
        arp_set(Netlink(proc.place.netns, Owner("arp")), request)
    except NetlinkError as error:
        proc.error(f"SIOCSARP: {error.strerror}\n")
        return _MINUS_ONE
    return 0


def _delete(proc: Process, options: _Options, operands: list[str]) -> int:
    name = operands[0] if operands else ""
    request = ArpRequest(_host(proc, operands), flags=ATF_PERM, dev=options.dev)
    given = _modifiers(proc, request, operands, verbose=options.verbose)
    kinds = ["dontpub"] if given != {"pub"} else []
    if given != {"priv"}:
        kinds.append("pub")
    door = Netlink(proc.place.netns, Owner("arp"))
    for kind in kinds:
        request.flags = request.flags | ATF_PUBL if kind == "pub" else request.flags & ~ATF_PUBL
        if options.verbose:
            proc.error(f"arp: SIOCDARP({kind})\n")
        try:
            arp_delete(door, request)
        except NetlinkError as error:
            if error.errno not in {ENXIO, ENOENT}:
                proc.error(f"SIOCDARP({kind}): {os.strerror(error.errno)}\n")
                return _MINUS_ONE
        else:
            return 0
    proc.write(f"No ARP entry for {name}\n")
    return _MINUS_ONE
