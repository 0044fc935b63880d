"""Types of sets as the tool knows them (lib/ipset_*.c): options, elements, what each command needs and allows.

Of each type only the newest revision is here: the kernel that is modelled has it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from podwire.linux.netfilter.ipset.settypes import TYPES


class Arg(msgspec.Struct, frozen=True):
    """``struct ipset_arg``: ``opt`` names the value in the data, ``parse`` how it is read ("" for a flag), ``help`` what help shows."""

    name: str
    opt: str
    parse: str = ""
    help: str = ""
    prints: bool = True
    """Whether a listing shows it."""


_CREATE: Final = MappingProxyType(
    {
        "family": Arg("family", "family", "family", "[family inet|inet6]|[-4|-6]"),
        "-4": Arg("-4", "family", "", prints=False),
        "-6": Arg("-6", "family", "", prints=False),
        "hashsize": Arg("hashsize", "hashsize", "u32", "[hashsize VALUE]"),
        "maxelem": Arg("maxelem", "maxelem", "u32", "[maxelem VALUE]"),
        "netmask": Arg("netmask", "netmask", "netmask", "[netmask CIDR]"),
        "bitmask": Arg("bitmask", "bitmask", "bitmask", "[bitmask bitmask]"),
        "markmask": Arg("markmask", "markmask", "u32", "markmask VALUE"),
        "size": Arg("size", "size", "u32", "[size VALUE]"),
        "timeout": Arg("timeout", "timeout", "timeout", "[timeout VALUE]"),
        "counters": Arg("counters", "counters", "", "[counters]"),
        "comment": Arg("comment", "create_comment", "", "[comment]"),
        "forceadd": Arg("forceadd", "forceadd", "", "[forceadd]", prints=False),
        "skbinfo": Arg("skbinfo", "skbinfo", "", "[skbinfo]"),
        "bucketsize": Arg("bucketsize", "bucketsize", "u8", "[bucketsize VALUE]"),
        "initval": Arg("initval", "initval", "u32", "[initval VALUE]"),
        "probes": Arg("probes", "probes", "ignored", prints=False),
        "resize": Arg("resize", "resize", "ignored", prints=False),
        "gc": Arg("gc", "gc", "ignored", prints=False),
        "ignored_from": Arg("from", "ip", "ignored", prints=False),
        "ignored_to": Arg("to", "ip_to", "ignored", prints=False),
        "ignored_network": Arg("network", "ip", "ignored", prints=False),
        "iprange": Arg("range", "ip", "netrange"),
        "from_ip": Arg("from", "ip", "plain", prints=False),
        "to_ip": Arg("to", "ip_to", "plain", prints=False),
        "network": Arg("network", "ip", "net", prints=False),
        "portrange": Arg("range", "port", "tcp_udp_port"),
        "from_port": Arg("from", "port", "single_tcp_port", prints=False),
        "to_port": Arg("to", "port_to", "single_tcp_port", prints=False),
    }
)
_ADT: Final = MappingProxyType(
    {
        "timeout": Arg("timeout", "timeout", "timeout", "[timeout VALUE]"),
        "nomatch": Arg("nomatch", "nomatch", "", "[nomatch]"),
        "wildcard": Arg("wildcard", "wildcard", "", "[wildcard]"),
        "before": Arg("before", "nameref", "before", "[before|after NAME]", prints=False),
        "after": Arg("after", "nameref", "after", prints=False),
        "packets": Arg("packets", "packets", "u64", "[packets VALUE]"),
        "bytes": Arg("bytes", "bytes", "u64", "[bytes VALUE]"),
        "comment": Arg("comment", "adt_comment", "comment", '[comment "string"]'),
        "skbmark": Arg("skbmark", "skbmark", "skbmark", "[skbmark VALUE]"),
        "skbprio": Arg("skbprio", "skbprio", "skbprio", "[skbprio VALUE]"),
        "skbqueue": Arg("skbqueue", "skbqueue", "u16", "[skbqueue VALUE]"),
    }
)
_HASHED: Final = "timeout counters comment forceadd skbinfo bucketsize initval"
_FROM_TO: Final = "probes resize ignored_from ignored_to ignored_network"
_IP_MAP: Final = "timeout counters comment skbinfo from_ip to_ip network"
_CREATE_ARGS: Final = MappingProxyType(
    {
        "hash:ip": f"family -4 -6 hashsize maxelem netmask bitmask {_HASHED} probes resize gc",
        "hash:net": f"family -4 -6 hashsize maxelem {_HASHED} probes resize",
        "hash:net,net": f"family -4 -6 hashsize maxelem {_HASHED} bitmask netmask",
        "hash:ip,port": f"family -4 -6 hashsize maxelem {_HASHED} netmask bitmask {_FROM_TO}",
        "hash:ip,port,ip": f"family -4 -6 hashsize maxelem {_HASHED} {_FROM_TO}",
        "hash:ip,port,net": f"family -4 -6 hashsize maxelem {_HASHED} {_FROM_TO}",
        "hash:net,port": f"family -4 -6 hashsize maxelem {_HASHED}",
        "hash:net,port,net": f"family -4 -6 hashsize maxelem {_HASHED}",
        "hash:net,iface": f"family -4 -6 hashsize maxelem {_HASHED}",
        "hash:ip,mark": f"family -4 -6 markmask hashsize maxelem {_HASHED} {_FROM_TO}",
        "hash:ip,mac": f"family -4 -6 hashsize maxelem {_HASHED}",
        "hash:mac": f"hashsize maxelem {_HASHED}",
        "bitmap:ip": f"iprange netmask {_IP_MAP}",
        "bitmap:ip,mac": f"iprange {_IP_MAP}",
        "bitmap:port": "portrange timeout counters comment skbinfo from_port to_port",
        "list:set": "size timeout counters comment skbinfo",
    }
)
_COUNTS: Final = "packets bytes comment skbmark skbprio skbqueue"
ALIASES: Final = MappingProxyType(
    {
        "iphash": "hash:ip",
        "nethash": "hash:net",
        "netnethash": "hash:net,net",
        "ipporthash": "hash:ip,port",
        "ipportiphash": "hash:ip,port,ip",
        "ipportnethash": "hash:ip,port,net",
        "netporthash": "hash:net,port",
        "netportnethash": "hash:net,port,net",
        "netifacehash": "hash:net,iface",
        "ipmarkhash": "hash:ip,mark",
        "ipmachash": "hash:ip,mac",
        "machash": "hash:mac",
        "ipmap": "bitmap:ip",
        "macipmap": "bitmap:ip,mac",
        "portmap": "bitmap:port",
        "setlist": "list:set",
    }
)


class ToolType(msgspec.Struct, frozen=True):
    """``struct ipset_type``.

    ``elements`` says how each dimension is read; ``need`` and ``full`` the values that a command must and may have.
    """

    name: str
    elements: tuple[str, ...]
    create: tuple[Arg, ...]
    add: tuple[Arg, ...]
    delete: tuple[Arg, ...]
    test: tuple[Arg, ...]
    need: dict[str, frozenset[str]]
    full: dict[str, frozenset[str]]

    def args(self, command: str) -> tuple[Arg, ...]:
        """The options of ``create``, ``add``, ``del`` or ``test``."""
        return {"create": self.create, "add": self.add, "del": self.delete, "test": self.test}[command]

    @property
    def method(self) -> str:
        """``bitmap``, ``hash`` or ``list``."""
        return self.name.partition(":")[0]

    @property
    def has_family(self) -> bool:
        """NFPROTO_IPSET_IPV46: the family can be chosen."""
        return any(arg.opt == "family" for arg in self.create)


def _elements(name: str, dims: tuple[str, ...]) -> tuple[str, ...]:
    first = {
        "hash:mac": "ether",
        "bitmap:ip": "ip",
        "bitmap:ip,mac": "plain",
        "bitmap:port": "tcp_udp_port",
        "list:set": "setname",
    }
    kinds = {"ip": "plain", "net": "ip4_net6", "port": "proto_port", "mark": "mark", "mac": "ether"}
    head = first.get(name) or ("ip4_net6" if dims[0] == "net" else "ip4_single6")
    return (head, *(kinds[dim] for dim in dims[1:]))


def _values(name: str, dims: tuple[str, ...], command: str) -> tuple[frozenset[str], frozenset[str]]:
    """``need`` and ``full`` of a command that names an element."""
    if name == "list:set":
        return frozenset({"name"}), frozenset({"name", "before"})
    need: set[str] = set()
    full: set[str] = set()
    for place, dim in enumerate(dims):
        ip = "ip" if place == 0 else "ip2"
        if dim == "port":
            need |= {"port"} if place == 0 else {"proto", "port"}
            full |= need | ({"port_to"} if command != "test" else set())
            continue
        need.add({"mark": "mark", "mac": "ether"}.get(dim, ip))
        if dim == "net":
            full.add("cidr" if place == 0 else "cidr2")
        if dim == "net" or (dim == "ip" and place == 0 and not name.endswith(",mac")):
            full |= {f"{ip}_to"} if command != "test" or name in {"hash:ip", "hash:ip,mark"} else set()
    if name == "bitmap:ip,mac":
        return frozenset({"ip"}), frozenset({"ip", "ether"})
    return frozenset(need), frozenset(need | full)


def _type(name: str, dims: tuple[str, ...]) -> ToolType:
    nomatch = "nomatch " if "net" in dims else ""
    beside = "before after " if name == "list:set" else ""
    adts = {
        "add": f"timeout {nomatch}{beside}{_COUNTS}",
        "del": beside,
        "test": nomatch + beside,
    }
    create = tuple(_CREATE[key] for key in _CREATE_ARGS[name].split())
    args = {command: tuple(_ADT[key] for key in text.split()) for command, text in adts.items()}
    span = {"bitmap:ip": {"ip", "ip_to"}, "bitmap:ip,mac": {"ip", "ip_to"}, "bitmap:port": {"port", "port_to"}}.get(
        name, set()
    )
    need = {"create": frozenset(span)}
    full = {"create": frozenset(span | {arg.opt for arg in create})}
    for command in adts:
        need[command], allowed = _values(name, dims, command)
        full[command] = allowed | {arg.opt for arg in args[command]}
    return ToolType(name, _elements(name, dims), create, args["add"], args["del"], args["test"], need, full)


TOOL_TYPES: Final = MappingProxyType({name: _type(name, kind.dims) for name, kind in TYPES.items()})
"""By name; ``hash:net,iface`` has help alone."""
