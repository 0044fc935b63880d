"""``ipset help`` and ``ipset help TYPE`` (lib/ipset.c)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.tools.ipset.icmp import ICMP, ICMPV6
from podwire.tools.ipset.report import PARAMETER
from podwire.tools.ipset.settypes import ALIASES, TOOL_TYPES

if TYPE_CHECKING:
    from podwire.tools.ipset.session import Session
    from podwire.tools.ipset.settypes import ToolType

_GENERAL: Final = """\
ipset v7.17

Usage: ipset [options] COMMAND

Commands:
create SETNAME TYPENAME [type-specific-options]
        Create a new set
add SETNAME ENTRY
        Add entry to the named set
del SETNAME ENTRY
        Delete entry from the named set
test SETNAME ENTRY
        Test entry in the named set
destroy [SETNAME]
        Destroy a named set or all sets
list [SETNAME]
        List the entries of a named set or all sets
save [SETNAME]
        Save the named set or all sets to stdout
restore\x20
        Restore a saved state
flush [SETNAME]
        Flush a named set or all sets
rename FROM-SETNAME TO-SETNAME
        Rename two sets
swap FROM-SETNAME TO-SETNAME
        Swap the contect of two existing sets
help [TYPENAME]
        Print help, and settype specific help
version\x20
        Print version information
quit\x20
        Quit interactive mode

Options:
-o plain|save|xml
       Specify output mode for listing sets.
       Default value for "list" command is mode "plain"
       and for "save" command is mode "save".
-s\x20
        Print elements sorted (if supported by the set type).
-q\x20
        Suppress any notice or warning message.
-r\x20
        Try to resolve IP addresses in the output (slow!)
-!\x20
        Ignore errors when creating or adding sets or
        elements that do exist or when deleting elements
        that don't exist.
-n\x20
        When listing, just list setnames from the kernel.

-t\x20
        When listing, list setnames and set headers
        from kernel only.
-f\x20
        Read from the given file instead of standard
        input (restore) or write to given file instead
        of standard output (list/save).
"""
_ELEMENTS: Final = MappingProxyType(
    {
        "hash:ip": ("", "IP", "IP", "IP"),
        "hash:net": ("", "IP[/CIDR]", "IP[/CIDR]", "IP[/CIDR]"),
        "hash:net,net": (
            "",
            "IP[/CIDR]|FROM-TO,IP[/CIDR]|FROM-TO",
            "IP[/CIDR]|FROM-TO,IP[/CIDR]|FROM-TO",
            "IP[/CIDR],IP[/CIDR]",
        ),
        "hash:ip,port": ("", "IP,[PROTO:]PORT", "IP,[PROTO:]PORT", "IP,[PROTO:]PORT"),
        "hash:ip,port,ip": ("", "IP,[PROTO:]PORT,IP", "IP,[PROTO:]PORT,IP", "IP,[PROTO:]PORT,IP"),
        "hash:ip,port,net": ("", "IP,[PROTO:]PORT,IP[/CIDR]", "IP,[PROTO:]PORT,IP[/CIDR]", "IP,[PROTO:]PORT,IP[/CIDR]"),
        "hash:net,port": (
            "",
            "IP[/CIDR]|FROM-TO,[PROTO:]PORT",
            "IP[/CIDR]|FROM-TO,[PROTO:]PORT",
            "IP[/CIDR],[PROTO:]PORT",
        ),
        "hash:net,port,net": (
            "",
            "IP[/CIDR],[PROTO:]PORT,IP[/CIDR]",
            "IP[/CIDR],[PROTO:]PORT,IP[/CIDR]",
            "IP[/CIDR],[PROTO:]PORT,IP[/CIDR]",
        ),
        "hash:net,iface": (
            "",
            "IP[/CIDR]|FROM-TO,[physdev:]IFACE",
            "IP[/CIDR]|FROM-TO,[physdev:]IFACE",
            "IP[/CIDR],[physdev:]IFACE",
        ),
        "hash:ip,mark": ("", "IP,MARK", "IP,MARK", "IP,MARK"),
        "hash:ip,mac": ("", "IP,MAC", "IP,MAC", "IP,MAC"),
        "hash:mac": ("", "MAC", "MAC", "MAC"),
        "bitmap:ip": ("range IP/CIDR|FROM-TO", "IP|IP/CIDR|FROM-TO", "IP|IP/CIDR|FROM-TO", "IP"),
        "bitmap:ip,mac": ("range IP/CIDR|FROM-TO", "IP[,MAC]", "IP[,MAC]", "IP[,MAC]"),
        "bitmap:port": ("range [PROTO:]FROM-TO", "[PROTO:]PORT|FROM-TO", "[PROTO:]PORT|FROM-TO", "[PROTO:]PORT"),
        "list:set": ("", "NAME [before|after NAME]", "NAME [before|after NAME]", "NAME [before|after NAME]"),
    }
)
"""What stands behind the type in the lines of ``create``, ``add``, ``del`` and ``test``."""
_USAGE: Final = MappingProxyType(
    {
        "hash:ip": """\
where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      is supported for IPv4.""",
        "hash:net": """\
where depending on the INET family
      IP is an IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.""",
        "hash:net,net": """\
where depending on the INET family
      IP is an IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      IP range is not supported with IPv6.""",
        "hash:ip,port": """\
where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname).
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      is supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6.""",
        "hash:ip,port,ip": """\
where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname).
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      in the first IP component is supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6.""",
        "hash:ip,port,net": """\
where depending on the INET family
      IP are valid IPv4 or IPv6 addresses (or hostnames),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      in the first IP component is supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6.""",
        "hash:net,port": """\
where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6.""",
        "hash:net,port,net": """\
where depending on the INET family
      IP are valid IPv4 or IPv6 addresses (or hostnames),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      in both IP components are supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6.""",
        "hash:net,iface": """\
where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements with IPv4 is supported.""",
        "hash:ip,mark": """\
where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname).
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      is supported for IPv4.
      Adding/deleting single mark element
      is supported both for IPv4 and IPv6.""",
        "hash:ip,mac": """\
where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      MAC is a MAC address.""",
        "bitmap:ip": """\
where IP, FROM and TO are IPv4 addresses (or hostnames),
      CIDR is a valid IPv4 CIDR prefix.""",
        "bitmap:ip,mac": """\
where IP, FROM and TO are IPv4 addresses (or hostnames),
      CIDR is a valid IPv4 CIDR prefix.
      MAC is a valid MAC address.""",
        "bitmap:port": """\
where PORT, FROM and TO are port numbers or port names from /etc/services.
      PROTO is only needed if a service name is used and it does not exist
      as a TCP service; just the resolved service numer is stored in the set.""",
        "list:set": """\
where NAME are existing set names.""",
    }
)
_REVISIONS: Final = """
list:set 3 skbinfo support; comment support; counters support; Initial revision
hash:mac 1 bucketsize, initval support; Initial revision
hash:ip,mac 1 bucketsize, initval support; Initial revision
hash:net,iface 8 bucketsize, initval support; skbinfo and wildcard support; skbinfo support; forceadd support; comment
    support; counters support; /0 network support; nomatch flag support; Initial revision
hash:net,port 8 bucketsize, initval support; skbinfo support; forceadd support; comment support; counters support;
    nomatch flag support; Add/del range support; SCTP and UDPLITE support
hash:net,port,net 3 bucketsize, initval support; skbinfo support; forceadd support; initial revision
hash:net,net 4 netmask and bitmask support; bucketsize, initval support; skbinfo support; forceadd support; initial
    revision
hash:net 7 bucketsize, initval support; skbinfo support; forceadd support; comment support; counters support; nomatch
    flag support; Add/del range support; Initial revision
hash:ip,port,net 8 bucketsize, initval support; skbinfo support; forceadd support; comment support; counters support;
    nomatch flag support; Add/del range support; SCTP and UDPLITE support
hash:ip,port,ip 6 bucketsize, initval support; skbinfo support; forceadd support; comment support; counters support;
    SCTP and UDPLITE support
hash:ip,mark 3 bucketsize, initval support; skbinfo support; forceadd support; initial revision
hash:ip,port 7 netmask and bitmask support; bucketsize, initval support; skbinfo support; forceadd support; comment
    support; counters support; SCTP and UDPLITE support
hash:ip 6 bitmask support; bucketsize, initval support; skbinfo support; forceadd support; comment support; counters
    support; Initial revision
bitmap:port 3 skbinfo support; comment support; counters support; Initial revision
bitmap:ip,mac 3 skbinfo support; comment support; counters support; Initial revision
bitmap:ip 3 skbinfo support; comment support; counters support; Initial revision
"""
"""Of each type the newest revision, and what each added, from it down."""
_PORTS: Final = """\
      [PROTO:]PORT is a valid pattern of the following:
           PORTNAME         TCP port name from /etc/services
           PORTNUMBER       TCP port number identifier
           tcp|sctp|udp|udplite:PORTNAME|PORTNUMBER
           icmp:CODENAME    supported ICMP codename
           icmp:TYPE/CODE   ICMP type/code value
           icmpv6:CODENAME  supported ICMPv6 codename
           icmpv6:TYPE/CODE ICMPv6 type/code value
           PROTO:0          all other protocols

"""
_PREFIXES: Final = MappingProxyType(
    {"create": "create SETNAME", "add": "add    SETNAME", "del": "del    SETNAME", "test": "test   SETNAME"}
)


def usage(session: Session, text: str | None) -> str:
    """The help, with what one type takes, or with all types; an unknown one ends the run."""
    if session.report.quiet:
        return _GENERAL
    if text is None:
        return f"{_GENERAL}\nSupported set types:\n{_supported()}"
    name = ALIASES.get(text, text)
    if name not in TOOL_TYPES:
        session.proc.write(_GENERAL)
        session.report.problem(PARAMETER, f"Unknown settype: `{text}'")
    return f"{_GENERAL}\n{name} type specific options:\n\n{_type(TOOL_TYPES[name])}"


def _supported() -> str:
    lines = []
    for entry in re.sub(r"\n +", " ", _REVISIONS).strip().split("\n"):
        name, revision, texts = entry.split(" ", 2)
        tabs = "\t\t" if len(name) < 12 else "\t"
        lines += [f"    {name}{tabs}{int(revision) - back}\t{text}\n" for back, text in enumerate(texts.split("; "))]
    return "".join(lines)


def _type(kind: ToolType) -> str:
    lines = []
    for (command, prefix), element in zip(_PREFIXES.items(), _ELEMENTS[kind.name], strict=True):
        lines.append(f"{prefix} {kind.name} {element}\n")
        lines += [f"               {arg.help}\n" for arg in kind.args(command) if arg.help]
    lines.append(f"\n{_USAGE.get(kind.name, '')}\n")
    if "proto_port" in kind.elements:
        lines.append(_PORTS)
        for title, table in (("ICMP", ICMP), ("ICMPv6", ICMPV6)):
            lines.append(f"           Supported {title} codenames:\n")
            lines += [f"               {name}\n" for name, _ in table]
    if kind.has_family:
        return "".join(lines) + f"\nType {kind.name} supports inet and inet6.\n"
    if kind.name in {"bitmap:ip", "bitmap:ip,mac"}:
        return "".join(lines) + f"\nType {kind.name} supports family inet only.\n"
    return "".join(lines) + f"\nType {kind.name} is family neutral.\n"
