"""BGP (print-bgp.c): what BIRD says; other capabilities, attributes and errors are not modelled."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector, bits, hex_only
from podwire.wire.addr import Ip4

_HEADER: Final = 19
_NAMES: Final = MappingProxyType({1: "Open", 2: "Update", 3: "Notification", 4: "Keepalive"})
_CAPABILITIES: Final = MappingProxyType(
    {1: "Multiprotocol Extensions", 2: "Route Refresh", 64: "Graceful Restart", 65: "32-Bit AS Number"}
)
_ATTRIBUTES: Final = MappingProxyType(
    {
        1: "Origin",
        2: "AS Path",
        3: "Next Hop",
        4: "Multi Exit Discriminator",
        5: "Local Preference",
        9: "Originator ID",
        10: "Cluster List",
    }
)
_FLAGS: Final = ((0x80, "O"), (0x40, "T"), (0x20, "P"), (0x10, "E"))
_ORIGINS: Final = ("IGP", "EGP", "Incomplete")
_ERRORS: Final = MappingProxyType(
    {
        1: "Message Header Error",
        2: "OPEN Message Error",
        3: "UPDATE Message Error",
        4: "Hold Timer Expired",
        5: "Finite State Machine Error",
        6: "Cease",
    }
)
_SUBCODES: Final = MappingProxyType(
    {
        (2, 1): "Unsupported Version Number",
        (2, 2): "Bad Peer AS",
        (2, 3): "Bad BGP Identifier",
        (6, 2): "Administrative Shutdown",
        (6, 3): "Peer Unconfigured",
        (6, 5): "Connection Rejected",
        (6, 7): "Connection Collision Resolution",
    }
)


class _Unknown(Exception):
    """What is not printed here."""


def bgp_print(d: Dissector, at: int, length: int) -> None:
    """``bgp_print``: with ``-v`` every message that begins in the segment."""
    d.protocol = "bgp"
    d.put(": BGP")
    if not d.vflag:
        return
    try:
        _messages(d, at, at + length)
    except _Unknown as error:
        d.unmodelled(str(error))
    except IndexError:
        d.unmodelled("malformed BGP")


def _messages(d: Dissector, at: int, end: int) -> None:
    while at < end:
        if not d.has(at, _HEADER) or d.data[at : at + 16] != b"\xff" * 16:
            raise _Unknown("BGP messages that began in another segment")
        size, kind = d.u2(at + 16), d.u1(at + 18)
        if kind not in _NAMES or at + size > end or not d.has(at, size):
            raise _Unknown("BGP messages that are cut, or of other types")
        d.put(f"\n\t{_NAMES[kind]} Message ({kind}), length: {size}")
        body = bytes(d.data[at + _HEADER : at + size])
        if kind == 1:
            _open(d, body)
        elif kind == 2:
            _update(d, body)
        elif kind == 3:
            _notification(d, body)
        at += size


def _open(d: Dissector, body: bytes) -> None:
    asn, hold = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    router = Ip4(int.from_bytes(body[5:9], "big"))
    d.put(f"\n\t  Version {body[0]}, my AS {asn}, Holdtime {hold}s, ID {router}")
    d.put(f"\n\t  Optional parameters, length: {body[9]}")
    options = body[10:]
    while options:
        kind, value = options[0], options[2 : 2 + options[1]]
        if kind != 2:
            raise _Unknown(f"BGP's optional parameter {kind}")
        d.put(f"\n\t    Option Capabilities Advertisement (2), length: {len(value)}")
        while value:
            _capability(d, value[0], value[2 : 2 + value[1]])
            value = value[2 + value[1] :]
        options = options[2 + options[1] :]


def _capability(d: Dissector, kind: int, value: bytes) -> None:
    if kind not in _CAPABILITIES:
        raise _Unknown(f"BGP's capability {kind}")
    d.put(f"\n\t      {_CAPABILITIES[kind]} ({kind}), length: {len(value)}")
    if kind == 1:
        d.put(f"\n\t\t{_family(value[:2], value[3])}")
    elif kind == 64:
        flags = bits(((0x8, "R"),), value[0] >> 4, "none")
        d.put(f"\n\t\tRestart Flags: [{flags}], Restart Time {int.from_bytes(value[:2], 'big') & 0xFFF}s")
        for at in range(2, len(value), 4):
            kept = "yes" if value[at + 3] & 0x80 else "no"
            d.put(f"\n\t\t  {_family(value[at : at + 2], value[at + 2])}, Forwarding state preserved: {kept}")
    elif kind == 65:
        d.put(f"\n\t\t 4 Byte AS {int.from_bytes(value, 'big')}")
    if d.vflag > 1 and value:
        d.put(hex_only(value, "\n\t\t"))


def _family(afi: bytes, safi: int) -> str:
    if afi != b"\0\1" or safi != 1:
        raise _Unknown("BGP's address families beside IPv4 unicast")
    return "AFI IPv4 (1), SAFI Unicast (1)"


def _update(d: Dissector, body: bytes) -> None:
    gone = int.from_bytes(body[:2], "big")
    if gone:
        d.put("\n\t  Withdrawn routes:")
        _prefixes(d, body[2 : 2 + gone])
    rest = body[2 + gone :]
    count = int.from_bytes(rest[:2], "big")
    attributes, prefixes = rest[2 : 2 + count], rest[2 + count :]
    if not attributes and not prefixes:
        d.put("\n\t  End-of-Rib Marker (empty NLRI)")
    while attributes:
        flags, kind = attributes[0], attributes[1]
        start = 4 if flags & 0x10 else 3
        length = int.from_bytes(attributes[2:start], "big")
        _attribute(d, flags, kind, attributes[start : start + length])
        attributes = attributes[start + length :]
    if prefixes:
        d.put("\n\t  Updated routes:")
        _prefixes(d, prefixes)


def _prefixes(d: Dissector, data: bytes) -> None:
    while data:
        octets = (data[0] + 7) // 8
        d.put(f"\n\t    {Ip4(int.from_bytes(data[1 : 1 + octets].ljust(4, bytes(1)), 'big'))}/{data[0]}")
        data = data[1 + octets :]


def _attribute(d: Dissector, flags: int, kind: int, value: bytes) -> None:
    if kind not in _ATTRIBUTES:
        raise _Unknown(f"BGP's attribute {kind}")
    shown = f", Flags [{bits(_FLAGS, flags, '')}]" if flags else ""
    d.put(f"\n\t  {_ATTRIBUTES[kind]} ({kind}), length: {len(value)}{shown}: ")
    words = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4)]
    if kind == 1:
        d.put(_ORIGINS[value[0]] if value[0] < 3 else "Unknown Typecode")
    elif kind == 2:
        d.put(_path(value))
    elif kind in {4, 5}:
        d.put(str(words[0]))
    elif kind == 10:
        d.put(", ".join(str(Ip4(word)) for word in words))
    else:
        d.put(str(Ip4(words[0])))
    if d.vflag > 1 and value:
        d.put(hex_only(value, "\n\t    "))


def _path(value: bytes) -> str:
    """An empty path, or one sequence of four-octet numbers."""
    if not value:
        return "empty"
    if value[0] != 2 or len(value) != 2 + 4 * value[1]:
        raise _Unknown("BGP's AS paths of other forms")
    return "".join(f"{int.from_bytes(value[at : at + 4], 'big')} " for at in range(2, len(value), 4))


def _notification(d: Dissector, body: bytes) -> None:
    code, subcode = body[0], body[1]
    if code not in _ERRORS or len(body) > 2:
        raise _Unknown("BGP's errors with data")
    d.put(f", {_ERRORS[code]} ({code})")
    if code == 5 and not subcode:
        d.put(" subcode Unspecified Error (0)")
        return
    if code == 4 or not subcode:
        return
    if (code, subcode) not in _SUBCODES:
        raise _Unknown(f"BGP's error {code}.{subcode}")
    d.put(f", subcode {_SUBCODES[code, subcode]} ({subcode})")
