"""``route`` of net-tools 2.10; images with BusyBox have their own (``route_busybox``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools import route_busybox
from podwire.tools.args import BadOption, Exit, getopt
from podwire.tools.nettools import (
    RouteRequest,
    UnknownName,
    host_name,
    network_name,
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

_USAGE: Final = """\
Usage: route [-nNvee] [-FC] [<AF>]           List kernel routing tables
       route [-v] [-FC] {add|del|flush} ...  Modify routing table for AF.

       route {-h|--help} [<AF>]              Detailed usage syntax for specified AF.
       route {-V|--version}                  Display version/author and exit.

        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -F, --fib                display Forwarding Information Base (default)
        -C, --cache              display routing cache instead of FIB

  <AF>=Use -4, -6, '-A <af>' or '--<af>'; default: inet
  List of possible address families (which support routing):
"""
_FAMILIES: Final = """\
    inet (DARPA Internet) inet6 (IPv6) ax25 (AMPR AX.25) 
    netrom (AMPR NET/ROM) rose (AMPR ROSE) ipx (Novell IPX) 
    ddp (Appletalk DDP) x25 (CCITT X.25) 
"""  # noqa: W291 - the blanks are net-tools'
_INET_USAGE: Final = """\
Usage: inet_route [-vF] del {-host|-net} Target[/prefix] [gw Gw] [metric M] [[dev] If]
       inet_route [-vF] add {-host|-net} Target[/prefix] [gw Gw] [metric M]
                              [netmask N] [mss Mss] [window W] [irtt I]
                              [mod] [dyn] [reinstate] [[dev] If]
       inet_route [-vF] add {-host|-net} Target[/prefix] [metric M] reject
       inet_route [-FC] flush      NOT supported
"""
_VERSION: Final = """\
net-tools 2.10
+NEW_ADDRT +RTF_IRTT +RTF_REJECT +I18N +SELINUX
AF: (inet) +UNIX +INET +INET6 +IPX +AX25 +NETROM +X25 +ATALK +ECONET +ROSE -BLUETOOTH
HW:  +ETHER +ARC +SLIP +PPP +TUNNEL -TR +AX25 +NETROM +X25 +FR +ROSE +ASH +SIT +FDDI +HIPPI +HDLC/LAPB +EUI64 
"""  # noqa: W291
_LONGS: Final = {
    "inet": "4",
    "inet6": "6",
    "ax25": "other",
    "extend": "e",
    "verbose": "v",
    "version": "V",
    "numeric": "n",
    "symbolic": "N",
    "protocol": "A=",
    "cache": "C",
    "fib": "F",
    "help": "h",
}
_OTHER_FAMILIES: Final = frozenset({"inet6", "ax25", "netrom", "rose", "ipx", "ddp", "x25"})
E_OPTERR: Final = 3
E_LOOKUP: Final = 6
E_SOCK: Final = 7


def route(proc: Process) -> int:
    """``route [-n] [-e]``, ``route add|del [-net|-host] TARGET …``."""
    if proc.image.tools.get("route") == "busybox":
        return route_busybox.route(proc)
    try:
        return _run(proc)
    except Exit as exit_:
        return exit_.status


def _inet_usage(proc: Process, status: int) -> Exit:
    (proc.error if status else proc.write)(_INET_USAGE)
    return Exit(status)


def _run(proc: Process) -> int:
    # getopt would take -net and -host for options.
    words = [f"#{word[1:]}" if word in {"-net", "-host"} else word for word in proc.argv[1:]]
    complained = False
    try:
        options, operands = getopt(proc, "A:eCFhnN64Vv?", _LONGS, words=words)
    except BadOption:
        options, operands, complained = [], [], True
    given = {option for option, _ in options}
    if "V" in given:
        proc.write(_VERSION)
        return 0
    family = _family(proc, options)
    if complained or given & {"h", "?"}:
        if family and not complained:
            raise _inet_usage(proc, 0)
        proc.write(_USAGE)
        proc.error(_FAMILIES)
        return 0
    if "C" in given:
        raise NotModelled("the routing cache (-C)", "route")
    if not operands:
        _show(proc, 1 + sum(option == "e" for option, _ in options), numeric="n" in given)
        return 0
    match operands[0]:
        case "add" | "del" | "delete":
            if len(operands) == 1:
                raise _inet_usage(proc, 0)
            return _change(proc, operands[1:], add=operands[0] == "add")
        case "flush":
            proc.error("Flushing `inet' routing table not supported\n")
            raise _inet_usage(proc, E_OPTERR)
    proc.error(_USAGE + _FAMILIES)
    return E_OPTERR


def _family(proc: Process, options: list[tuple[str, str]]) -> bool:
    """True where IPv4 was asked for by name."""
    found = False
    for option, argument in options:
        name = argument if option == "A" else {"4": "inet", "6": "inet6", "other": "ax25"}.get(option, "")
        if name in _OTHER_FAMILIES:
            raise NotModelled(f"address family {name}", "route")
        if name and name != "inet":
            proc.error(f"Unknown address family `{name}'.\n")
            raise Exit(1)
        found = found or bool(name)
    return found


# -- showing ------------------------------------------------------------------------------------------------------

_HEADERS: Final = (
    "Flags Metric Ref    Use Iface",
    "Flags   MSS Window  irtt Iface",
    "Flags Metric Ref    Use Iface    MSS   Window irtt",
)


def _show(proc: Process, extended: int, *, numeric: bool) -> None:
    extended = min(extended, 3)
    proc.write("Kernel IP routing table\n")
    proc.write(f"Destination     Gateway         Genmask         {_HEADERS[extended - 1]}\n")
    for row in route_rows(proc.place.netns):
        proc.write(_line(proc.place, row, extended, numeric=numeric))


def _flags(row: RouteRow) -> str:
    flags = "!" if row.flags & RTF_REJECT else "UG" if row.flags & RTF_GATEWAY else "U"
    return flags + ("H" if row.flags & RTF_HOST else "")


def _destination(place: Place, row: RouteRow, *, numeric: bool) -> str:
    if numeric:
        return str(row.dst)
    if not row.dst:
        return "default" if not row.mask else "0.0.0.0"
    host = bool(row.flags & RTF_HOST) or bool(int(row.dst) & ~int(row.mask))
    found = host_name(place, row.dst) if host else network_name(place, row.dst)
    return (found or str(row.dst))[:15]


def _gateway(place: Place, row: RouteRow, *, numeric: bool) -> str:
    found = None if numeric or not row.gateway else host_name(place, row.gateway)
    return (found or str(row.gateway))[:15]


def _line(place: Place, row: RouteRow, extended: int, *, numeric: bool) -> str:
    destination, flags, mask = _destination(place, row, numeric=numeric), _flags(row), str(row.mask)
    # The metric is read as unsigned and printed as signed.
    metric = row.metric - (1 << 32) if row.metric >= 1 << 31 else row.metric
    if row.flags & RTF_REJECT:
        head = f"{destination:<15} -               {mask:<15} {flags:<5} "
        tail = (f"{metric:<6} -  {0:7} -", "    - -          - -", f"{metric:<6} -  {0:7} -        -     -      -")
    else:
        head = f"{destination:<15} {_gateway(place, row, numeric=numeric):<15} {mask:<15} {flags:<5} "
        tail = (
            f"{metric:<6} {0:<2} {0:7} {row.dev}",
            f"{row.mtu:5} {row.window:<5} {row.rtt:6} {row.dev}",
            f"{metric:<6} {0:<3} {0:6} {row.dev[:6]:<6}   {row.mtu:<5} {row.window:<6} {row.rtt}",
        )
    return f"{head}{tail[extended - 1]}\n"


# -- changing -----------------------------------------------------------------------------------------------------


def _lookup(proc: Process, name: str, *, host_first: bool) -> tuple[Ip, bool]:
    try:
        return resolve(proc.place, name, host_first=host_first)
    except UnknownName as error:
        proc.error(f"{name}: {error}\n")
        raise Exit(E_LOOKUP) from None


def _atoi(text: str) -> int:
    match = re.match(r"\s*[+-]?\d+", text, re.ASCII)
    return int(match.group()) if match else 0


class _Words:
    """The words of a request, and what was read of them."""

    def __init__(self, proc: Process, words: list[str]) -> None:
        self.proc = proc
        self.words = words
        self.mask_text = ""

    def next(self) -> str:
        if not self.words:
            raise _inet_usage(self.proc, E_OPTERR)
        return self.words.pop(0)

    def request(self) -> RouteRequest:
        kind = self.words.pop(0) if self.words[0] in {"#net", "#host"} else ""
        target, slash, length = self.next().partition("/")
        mask = None
        if slash:
            if not re.fullmatch(r"\d*", length, re.ASCII):
                raise _inet_usage(self.proc, E_OPTERR)
            plen = int(length or 0)
            # The shift of a 32-bit number by 32 or more is by the rest (x86).
            mask = 0xFFFFFFFF ^ (0xFFFFFFFF >> (plen & 31)) if plen != 32 else 0xFFFFFFFF
            self.mask_text = f"/{plen}"
        address, is_net = _lookup(self.proc, target, host_first=kind == "#host")
        request = RouteRequest(address, not (kind == "#net" or (is_net and not kind)), mask)
        while self.words:
            self.word(request)
        return request

    def word(self, request: RouteRequest) -> None:  # noqa: C901 - one case a keyword
        match self.words.pop(0):
            case "metric":
                value = self.next()
                if not value[:1].isdigit():
                    raise _inet_usage(self.proc, E_OPTERR)
                request.metric = _atoi(value)
            case "netmask":
                if request.mask:
                    raise _inet_usage(self.proc, E_OPTERR)
                self.mask_text = self.next()
                request.mask = int(_lookup(self.proc, self.mask_text, host_first=False)[0])
            case "gw" | "gateway":
                self.gateway(request)
            case "mss" | "mtu":
                request.mss = _atoi(self.next())
                if not 64 <= request.mss <= 65536:
                    self.complain("Invalid MSS/MTU.")
            case "window":
                request.window = _atoi(self.next())
                if request.window < 128:
                    self.complain("Invalid window.")
            case "irtt":
                request.rtt = _atoi(self.next()) << 3
            case "reject":
                request.reject = True
            case "mod" | "dyn" | "reinstate":
                pass
            case "dev" | "device":
                if request.dev:
                    raise _inet_usage(self.proc, E_OPTERR)
                request.dev = self.next()
            case word:
                if request.dev or self.words:
                    raise _inet_usage(self.proc, E_OPTERR)
                request.dev = word

    def gateway(self, request: RouteRequest) -> None:
        word = self.next()
        if request.gateway is not None:
            raise _inet_usage(self.proc, E_OPTERR)
        request.gateway, is_net = _lookup(self.proc, word, host_first=True)
        if is_net:
            self.complain(f"{word}: cannot use a NETWORK as gateway!")

    def complain(self, text: str) -> None:
        self.proc.error(f"route: {text}\n")
        raise _inet_usage(self.proc, E_OPTERR)

    def check(self, request: RouteRequest) -> None:
        """The sanity checks before the kernel is asked."""
        if not request.mask:
            return
        inverse = ~request.mask & 0xFFFFFFFF
        if request.host and inverse:
            self.complain(f"netmask {inverse:08x} doesn't make sense with host route")
        if inverse & (inverse + 1):
            self.complain(f"bogus netmask {self.mask_text}")
        if int(request.dst) & inverse:
            self.complain("netmask doesn't match route address")


def _change(proc: Process, words: list[str], *, add: bool) -> int:
    reader = _Words(proc, words)
    request = reader.request()
    reader.check(request)
    door = Netlink(proc.place.netns, Owner("route"))
    try:
        (route_add if add else route_delete)(door, request)
    except NetlinkError as error:
        proc.error(f"{'SIOCADDRT' if add else 'SIOCDELRT'}: {error.strerror}\n")
        return E_SOCK
    return 0
