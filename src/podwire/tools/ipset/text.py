"""How ``ipset`` writes an element (lib/print.c): of a command's data, and of a member of a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from podwire.linux.services import PROTOCOL_NAMES
from podwire.tools.ipset.icmp import ICMP, ICMPV6, to_name
from podwire.wire.addr import AF_INET6, Ip4, Ip6, Mac

if TYPE_CHECKING:
    from podwire.linux.netfilter.ipset.base import Element, IpSet
    from podwire.linux.netfilter.ipset.core import IpSets
    from podwire.tools.ipset.addresses import Data
    from podwire.tools.ipset.settypes import ToolType

_ICMP: Final = 1
_ICMPV6: Final = 58
_PORT_PROTOCOLS: Final = frozenset({6, 17, 132, 136})

Addresses = Callable[[int, int], str]
"""The text of an address of a family: digits, or a name (``-resolve``)."""


def digits(value: int, family: int) -> str:
    """An address in digits."""
    return str(Ip6(value) if family == AF_INET6 else Ip4(value))


def _ether(value: int) -> str:
    return str(Mac(value)).upper()


def _port(port: int, proto: int, to: int | None = None) -> str:
    """``ipset_print_proto_port``."""
    name = PROTOCOL_NAMES.get(proto, str(proto))
    if proto == _ICMP:
        return f"{name}:{to_name(ICMP, port)}"
    if proto == _ICMPV6:
        return f"{name}:{to_name(ICMPV6, port)}"
    return f"{name}:{port}" + ("" if to is None else f"-{to}")


def of_data(data: Data, kind: ToolType) -> str:
    """``ipset_print_elem``: the element of a command, as it was given."""
    family = int(data.get("family", 0))
    bits = 128 if family == AF_INET6 else 32
    parts = []
    for place, dim in enumerate(kind.elements):
        if dim == "ether":
            if "ether" in data:
                parts.append(_ether(int(data["ether"])))
        elif dim == "mark":
            parts.append(f"0x{int(data['mark']):08x}")
        elif dim == "setname":
            beside = ""
            if "nameref" in data:
                # The library looks for "before" in a place where it never is.
                beside = f" after {data['nameref']}"
            parts.append(f"{data['name']}{beside}")
        elif dim == "tcp_udp_port":
            parts.append(f"{data['port']}" + (f"-{data['port_to']}" if "port_to" in data else ""))
        elif dim == "proto_port":
            to = int(data["port_to"]) if "port_to" in data else None
            parts.append(_port(int(data["port"]), int(data["proto"]), to))
        else:
            cidr = int(data.get("cidr" if place == 0 else "cidr2", bits))
            tail = "" if cidr == bits else f"/{cidr}"
            text = digits(int(data["ip" if place == 0 else "ip2"]), family) + tail
            if "ip_to" in data:
                text += f"-{digits(int(data['ip_to']), family)}{tail}"
            parts.append(text)
    return ",".join(parts)


def of_member(found: IpSet, element: Element, sets: IpSets, address: Addresses) -> str:
    """The same of a member of a set."""
    family = found.family
    bits = 128 if family == AF_INET6 else 32
    parts = []
    at = 0
    for dim in found.type.dims[: len(element)]:
        value = element[at]
        at += 1
        if dim == "ip":
            parts.append(address(value, family))
        elif dim == "net":
            parts.append(address(value, family) + ("" if element[at] == bits else f"/{element[at]}"))
            at += 1
        elif dim == "port":
            parts.append(str(value) if len(element) == 1 else _port(value, element[at]))
            at += 1
        elif dim == "mark":
            parts.append(f"0x{value:08x}")
        elif dim == "mac":
            parts.append(_ether(value))
        else:
            parts.append(sets.name_byindex(value))
    return ",".join(parts)
