"""BGP-4 messages as bytes (RFC 4271; capabilities RFC 5492, four-octet AS numbers RFC 6793, reflection RFC 4456, communities RFC 1997)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Final

import msgspec

from podwire.wire.addr import Ip, Ip4, Net

PORT: Final = 179
VERSION: Final = 4
AS_TRANS: Final = 23456
"""What the two octets of an OPEN say of a number that they cannot hold."""
HEADER: Final = 19
LONGEST: Final = 4096

CAP_MULTIPROTOCOL: Final = 1
CAP_ROUTE_REFRESH: Final = 2
CAP_GRACEFUL_RESTART: Final = 64
CAP_AS4: Final = 65

_MARKER: Final = b"\xff" * 16
_OPEN, _UPDATE, _NOTIFICATION, _KEEPALIVE = 1, 2, 3, 4

_ORIGIN, _AS_PATH, _NEXT_HOP, _MED, _LOCAL_PREF = 1, 2, 3, 4, 5
_COMMUNITIES, _ORIGINATOR, _CLUSTERS = 8, 9, 10
_AS_SEQUENCE: Final = 2
_TRANSITIVE: Final = 0x40
_OPTIONAL: Final = 0x80
_EXTENDED: Final = 0x10

ERRORS: Final = MappingProxyType(
    {
        (1, 1): "Invalid message header",
        (1, 2): "Bad message length",
        (1, 3): "Bad message type",
        (2, 1): "Unsupported version number",
        (2, 2): "Bad peer AS",
        (2, 3): "Bad BGP identifier",
        (2, 6): "Unacceptable hold time",
        (3, 1): "Malformed attribute list",
        (3, 3): "Missing well-known attribute",
        (4, 0): "Hold timer expired",
        (6, 2): "Administrative shutdown",
        (6, 3): "Peer de-configured",
        (6, 5): "Connection rejected",
        (6, 7): "Connection collision",
    }
)
"""Code and subcode of a NOTIFICATION, in BIRD's words."""


class BgpError(Exception):
    """What came is no BGP; ``code`` and ``subcode`` are those of the NOTIFICATION that answers."""

    def __init__(self, code: int, subcode: int) -> None:
        super().__init__(ERRORS.get((code, subcode), f"error {code}.{subcode}"))
        self.code = code
        self.subcode = subcode


class Open(msgspec.Struct, frozen=True):
    """OPEN: the whole AS number, hold time in seconds, capabilities as pairs of code and value."""

    asn: int
    hold_time: int
    router_id: Ip
    capabilities: tuple[tuple[int, bytes], ...] = ()


class Attributes(msgspec.Struct, frozen=True):
    """Path attributes; ``as_path`` is one AS_SEQUENCE. ``local_pref`` and ``med`` None: not sent."""

    next_hop: Ip
    origin: int = 0
    as_path: tuple[int, ...] = ()
    med: int | None = None
    local_pref: int | None = None
    communities: tuple[int, ...] = ()
    originator: Ip | None = None
    clusters: tuple[Ip, ...] = ()


class Update(msgspec.Struct, frozen=True):
    """UPDATE: what is withdrawn, and the prefixes that have ``attributes``. Neither: End-of-RIB (RFC 4724 section 2)."""

    withdrawn: tuple[Net, ...] = ()
    attributes: Attributes | None = None
    prefixes: tuple[Net, ...] = ()


class Notification(msgspec.Struct, frozen=True):
    """NOTIFICATION: the session is over."""

    code: int
    subcode: int = 0
    data: bytes = b""


class Keepalive(msgspec.Struct, frozen=True):
    """KEEPALIVE."""


Message = Open | Update | Notification | Keepalive


# ------------------------------------------------------------------------------------------------------------- writing


def encode(message: Message, *, as4: bool = True) -> bytes:
    """The bytes of a message; ``as4``: both ends have four-octet AS numbers (an OPEN says so by its capabilities).

    Raises ``ValueError`` for an UPDATE that is longer than 4096 bytes: ``updates`` splits.
    """
    if isinstance(message, Open):
        kind, body = _OPEN, _open(message)
    elif isinstance(message, Update):
        kind, body = _UPDATE, _update(message, as4=as4)
    elif isinstance(message, Notification):
        kind, body = _NOTIFICATION, bytes((message.code, message.subcode)) + message.data
    else:
        kind, body = _KEEPALIVE, b""
    length = HEADER + len(body)
    if length > LONGEST:
        raise ValueError(f"a BGP message of {length} bytes: expected at most {LONGEST}")
    return _MARKER + struct.pack("!HB", length, kind) + body


def _open(message: Open) -> bytes:
    each = b"".join(bytes((code, len(value))) + value for code, value in message.capabilities)
    options = bytes((2, len(each))) + each if each else b""
    asn = message.asn if message.asn < 1 << 16 else AS_TRANS
    head = struct.pack("!BHHIB", VERSION, asn, message.hold_time, int(message.router_id), len(options))
    return head + options


def _update(message: Update, *, as4: bool) -> bytes:
    withdrawn = _prefixes(message.withdrawn)
    attributes = _attributes(message.attributes, as4=as4) if message.attributes is not None else b""
    return (
        struct.pack("!H", len(withdrawn))
        + withdrawn
        + struct.pack("!H", len(attributes))
        + attributes
        + _prefixes(message.prefixes)
    )


def _prefixes(nets: Iterable[Net]) -> bytes:
    return b"".join(bytes((net.plen,)) + int(net.addr).to_bytes(4, "big")[: (net.plen + 7) // 8] for net in nets)


def _attributes(attributes: Attributes, *, as4: bool) -> bytes:
    path = attributes.as_path
    octets = "I" if as4 else "H"
    numbers = [asn if as4 or asn < 1 << 16 else AS_TRANS for asn in path]
    sequence = struct.pack(f"!BB{len(path)}{octets}", _AS_SEQUENCE, len(path), *numbers) if path else b""
    parts = [
        _attribute(_TRANSITIVE, _ORIGIN, bytes((attributes.origin,))),
        _attribute(_TRANSITIVE, _AS_PATH, sequence),
        _attribute(_TRANSITIVE, _NEXT_HOP, _word(attributes.next_hop)),
    ]
    if attributes.med is not None:
        parts.append(_attribute(_OPTIONAL, _MED, _word(attributes.med)))
    if attributes.local_pref is not None:
        parts.append(_attribute(_TRANSITIVE, _LOCAL_PREF, _word(attributes.local_pref)))
    if attributes.communities:
        words = b"".join(map(_word, attributes.communities))
        parts.append(_attribute(_OPTIONAL | _TRANSITIVE, _COMMUNITIES, words))
    if attributes.originator is not None:
        parts.append(_attribute(_OPTIONAL, _ORIGINATOR, _word(attributes.originator)))
    if attributes.clusters:
        parts.append(_attribute(_OPTIONAL, _CLUSTERS, b"".join(map(_word, attributes.clusters))))
    return b"".join(parts)


def _word(value: int) -> bytes:
    return int(value).to_bytes(4, "big")


def _attribute(flags: int, kind: int, value: bytes) -> bytes:
    if len(value) > 255:
        return struct.pack("!BBH", flags | _EXTENDED, kind, len(value)) + value
    return bytes((flags, kind, len(value))) + value


def updates(withdrawn: Iterable[Net], reached: Iterable[tuple[Attributes, Net]]) -> list[Update]:
    """UPDATEs that say all of it: prefixes of equal attributes together, at most 300 to a message."""
    gone = tuple(withdrawn)
    made = [Update(gone[at : at + 300]) for at in range(0, len(gone), 300)]
    groups: dict[Attributes, list[Net]] = {}
    for attributes, net in reached:
        groups.setdefault(attributes, []).append(net)
    for attributes, nets in groups.items():
        made += [Update((), attributes, tuple(nets[at : at + 300])) for at in range(0, len(nets), 300)]
    return made


# ------------------------------------------------------------------------------------------------------------- reading


def take(buffer: bytearray, *, as4: bool = True) -> Message | None:
    """The first message of a stream, cut off its front; None where it is not whole. Raises ``BgpError``."""
    if len(buffer) < HEADER:
        return None
    length, kind = struct.unpack_from("!HB", buffer, 16)
    if buffer[:16] != _MARKER:
        raise BgpError(1, 1)
    if not HEADER <= length <= LONGEST:
        raise BgpError(1, 2)
    if kind not in {_OPEN, _UPDATE, _NOTIFICATION, _KEEPALIVE}:
        raise BgpError(1, 3)
    if len(buffer) < length:
        return None
    body = bytes(buffer[HEADER:length])
    del buffer[:length]
    if kind == _KEEPALIVE:
        if body:
            raise BgpError(1, 2)
        return Keepalive()
    readers: dict[int, Callable[[bytes], Message]] = {
        _OPEN: _read_open,
        _UPDATE: lambda data: _read_update(data, as4=as4),
        _NOTIFICATION: _read_notification,
    }
    try:
        return readers[kind](body)
    except (IndexError, struct.error, ValueError):
        raise BgpError(3, 1) if kind == _UPDATE else BgpError(1, 2) from None


def _read_notification(body: bytes) -> Notification:
    return Notification(body[0], body[1], body[2:])


def _read_open(body: bytes) -> Open:
    version, asn, hold, router_id, size = struct.unpack_from("!BHHIB", body)
    if version != VERSION:
        raise BgpError(2, 1)
    options, capabilities = body[10:], []
    if len(options) != size:
        raise ValueError("options end elsewhere")
    while options:
        kind, length = options[0], options[1]
        value, options = options[2 : 2 + length], options[2 + length :]
        while kind == 2 and value:
            capabilities.append((value[0], value[2 : 2 + value[1]]))
            value = value[2 + value[1] :]
    whole = dict(capabilities).get(CAP_AS4)
    if whole is not None and len(whole) == 4:
        asn = int.from_bytes(whole, "big")
    return Open(asn, hold, Ip4(router_id), tuple(capabilities))


def _read_update(body: bytes, *, as4: bool) -> Update:
    (size,) = struct.unpack_from("!H", body)
    withdrawn, rest = _read_prefixes(body[2 : 2 + size]), body[2 + size :]
    (size,) = struct.unpack_from("!H", rest)
    values = _read_attributes(rest[2 : 2 + size])
    prefixes = _read_prefixes(rest[2 + size :])
    if not values:
        if prefixes:
            raise BgpError(3, 3)
        return Update(withdrawn)
    if not {_ORIGIN, _AS_PATH, _NEXT_HOP} <= values.keys():
        raise BgpError(3, 3)
    words = {kind: _read_words(value) for kind, value in values.items() if kind not in {_ORIGIN, _AS_PATH}}
    attributes = Attributes(
        Ip4(words[_NEXT_HOP][0]),
        values[_ORIGIN][0],
        _read_path(values[_AS_PATH], as4=as4),
        words[_MED][0] if _MED in words else None,
        words[_LOCAL_PREF][0] if _LOCAL_PREF in words else None,
        tuple(words.get(_COMMUNITIES, ())),
        Ip4(words[_ORIGINATOR][0]) if _ORIGINATOR in words else None,
        tuple(Ip4(word) for word in words.get(_CLUSTERS, ())),
    )
    return Update(withdrawn, attributes, prefixes)


def _read_prefixes(data: bytes) -> tuple[Net, ...]:
    nets = []
    while data:
        plen = data[0]
        size = (plen + 7) // 8
        if plen > 32 or len(data) < 1 + size:
            raise ValueError("a prefix of IPv4")
        nets.append(Net.of(Ip4(int.from_bytes(data[1 : 1 + size].ljust(4, b"\0"), "big")), plen))
        data = data[1 + size :]
    return tuple(nets)


def _read_attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data:
        flags, kind = data[0], data[1]
        wide = bool(flags & _EXTENDED)
        size = int.from_bytes(data[2 : 4 if wide else 3], "big")
        start = 4 if wide else 3
        if len(data) < start + size:
            raise ValueError("an attribute ends beyond its list")
        found[kind] = data[start : start + size]
        data = data[start + size :]
    return found


def _read_path(data: bytes, *, as4: bool) -> tuple[int, ...]:
    path: list[int] = []
    width = 4 if as4 else 2
    while data:
        count = data[1]
        if data[0] != _AS_SEQUENCE or len(data) < 2 + count * width:
            raise ValueError("a path of one AS_SEQUENCE")
        path += (int.from_bytes(data[2 + at * width :][:width], "big") for at in range(count))
        data = data[2 + count * width :]
    return tuple(path)


def _read_words(data: bytes) -> list[int]:
    return [word for (word,) in struct.iter_unpack("!I", data)]
