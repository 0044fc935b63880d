r"""DNS messages: values, their bytes, and back (RFC 1035 section 4, RFC 2782, RFC 3596, RFC 6891).

Names are text that ends with a dot (``web.default.svc.cluster.local.``, the root is ``.``), with ``\.`` and ``\DDD`` for octets that
a label may hold and a text may not (RFC 1035 section 5.1). Names keep their case; they are compared without it.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import Final

import msgspec

from podwire.wire.addr import Ip, Ip4, Ip6

NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
NOTIMP: Final = 4
REFUSED: Final = 5
RCODES: Final = MappingProxyType(
    {
        0: "NOERROR",
        1: "FORMERR",
        2: "SERVFAIL",
        3: "NXDOMAIN",
        4: "NOTIMP",
        5: "REFUSED",
        6: "YXDOMAIN",
        7: "YXRRSET",
        8: "NXRRSET",
        9: "NOTAUTH",
        10: "NOTZONE",
        16: "BADVERS",
    }
)

A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
PTR: Final = 12
HINFO: Final = 13
MX: Final = 15
TXT: Final = 16
AAAA: Final = 28
SRV: Final = 33
OPT: Final = 41
ANY: Final = 255
TYPES: Final = MappingProxyType(
    {
        A: "A",
        NS: "NS",
        CNAME: "CNAME",
        SOA: "SOA",
        PTR: "PTR",
        HINFO: "HINFO",
        MX: "MX",
        TXT: "TXT",
        AAAA: "AAAA",
        SRV: "SRV",
        OPT: "OPT",
        43: "DS",
        46: "RRSIG",
        47: "NSEC",
        48: "DNSKEY",
        65: "HTTPS",
        252: "AXFR",
        ANY: "ANY",
        257: "CAA",
    }
)
IN: Final = 1
CLASSES: Final = MappingProxyType({1: "IN", 3: "CH", 4: "HS", 255: "ANY"})
UDP_SIZE: Final = 512
"""What every resolver takes (RFC 1035 section 2.3.4)."""
COOKIE: Final = 10
"""The EDNS option of RFC 7873."""
_HEADER: Final = struct.Struct(">6H")
_FIXED: Final = struct.Struct(">HHIH")
_ONE_NAME: Final = frozenset({NS, CNAME, PTR})


class DnsError(ValueError):
    """Bytes that are no DNS message, or a name that cannot be one."""


class Question(msgspec.Struct, frozen=True, gc=False):
    """What is asked."""

    name: str
    type: int = A
    cls: int = IN


class Target(msgspec.Struct, frozen=True, gc=False, tag=True):
    """RDATA of NS, CNAME and PTR: a name."""

    name: str


class Address(msgspec.Struct, frozen=True, gc=False, tag=True):
    """RDATA of A and AAAA."""

    ip: Ip


class Service(msgspec.Struct, frozen=True, gc=False, tag=True):
    """RDATA of SRV; of MX, ``priority`` and ``target`` alone."""

    priority: int
    weight: int
    port: int
    target: str


class Start(msgspec.Struct, frozen=True, gc=False, tag=True):
    """RDATA of SOA: times in seconds."""

    mname: str
    rname: str
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


class Text(msgspec.Struct, frozen=True, gc=False, tag=True):
    """RDATA of TXT: character strings."""

    strings: tuple[bytes, ...]


class Opaque(msgspec.Struct, frozen=True, gc=False, tag=True):
    """RDATA of a type that is carried as it came."""

    data: bytes


Data = Target | Address | Service | Start | Text | Opaque


class Record(msgspec.Struct, frozen=True, gc=False):
    """A resource record; ``ttl`` in seconds."""

    name: str
    type: int
    ttl: int
    data: Data
    cls: int = IN


class Edns(msgspec.Struct, frozen=True, gc=False):
    """The OPT record: the largest UDP payload that its sender takes, flags, and options as (code, bytes)."""

    size: int = 1232
    version: int = 0
    do: bool = False
    options: tuple[tuple[int, bytes], ...] = ()


class Message(msgspec.Struct, frozen=True):
    """A message. ``rcode`` is all twelve bits of it where there is an OPT record."""

    id: int
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    authorities: tuple[Record, ...] = ()
    additionals: tuple[Record, ...] = ()
    response: bool = False
    opcode: int = 0
    aa: bool = False
    tc: bool = False
    rd: bool = True
    ra: bool = False
    ad: bool = False
    cd: bool = False
    rcode: int = NOERROR
    edns: Edns | None = None


def type_name(number: int) -> str:
    """``A``; ``TYPE4711`` for one without a name (RFC 3597)."""
    return TYPES.get(number, f"TYPE{number}")


def type_number(name: str) -> int | None:
    """The number of a type by its name, in any case."""
    upper = name.upper()
    for number, known in TYPES.items():
        if known == upper:
            return number
    digits = upper.removeprefix("TYPE")
    return int(digits) if digits != upper and digits.isascii() and digits.isdecimal() and int(digits) < 65536 else None


# -- names --------------------------------------------------------------------------------------------------------


def labels_of(name: str) -> tuple[bytes, ...]:
    """The labels of a name; a dot at its end may be missing. Raises ``DnsError`` for what is too long, or has an empty label."""
    if name in {".", ""}:
        return ()
    found: list[bytes] = []
    label = bytearray()
    raw = name.encode("utf-8", "surrogateescape")
    at = 0
    while at < len(raw):
        octet = raw[at]
        at += 1
        if octet == 0x2E:
            found.append(bytes(label))
            label.clear()
        elif octet == 0x5C:
            digits = raw[at : at + 3]
            if len(digits) == 3 and digits.isdigit() and int(digits) < 256:
                label.append(int(digits))
                at += 3
            elif at < len(raw):
                label.append(raw[at])
                at += 1
            else:
                raise DnsError(f"{name!r} ends with a backslash")
        else:
            label.append(octet)
    if label:
        found.append(bytes(label))
    if any(not 0 < len(each) <= 63 for each in found):
        raise DnsError(f"{name!r} has a label that is empty or longer than 63 octets")
    if sum(len(each) + 1 for each in found) > 254:
        raise DnsError(f"{name!r} is longer than 255 octets")
    return tuple(found)


def name_of(labels: tuple[bytes, ...]) -> str:
    """The text of labels, with a dot at its end."""
    return "".join(f"{_escaped(label)}." for label in labels) or "."


def _escaped(label: bytes) -> str:
    text = ""
    for octet in label:
        if octet in b'.\\"();@$':
            text += f"\\{chr(octet)}"
        else:
            text += chr(octet) if 0x20 < octet < 0x7F else f"\\{octet:03}"
    return text


def reverse(ip: Ip) -> str:
    """The name under which the name of an address is found: ``10.0.96.10.in-addr.arpa.``."""
    if isinstance(ip, Ip4):
        return f"{'.'.join(reversed(str(ip).split('.')))}.in-addr.arpa."
    return f"{'.'.join(reversed(f'{int(ip):032x}'))}.ip6.arpa."


def reversed_address(name: str) -> Ip | None:
    """The address that a name under in-addr.arpa or ip6.arpa asks about; None for what names none in full."""
    parts = name.lower().rstrip(".").split(".")
    try:
        if parts[-2:] == ["in-addr", "arpa"] and len(parts) == 6:
            return Ip4.parse(".".join(reversed(parts[:4])))
        if parts[-2:] == ["ip6", "arpa"] and len(parts) == 34 and all(len(part) == 1 for part in parts[:32]):
            return Ip6(int("".join(reversed(parts[:32])), 16))
    except ValueError:
        return None
    return None


# -- bytes --------------------------------------------------------------------------------------------------------


class _Writer:
    """Bytes of a message. ``known`` are the places of names, by their labels as written, where they may be pointed at."""

    def __init__(self, *, compress: bool) -> None:
        self.data = bytearray()
        self.known: dict[tuple[bytes, ...], int] | None = {} if compress else None

    def name(self, text: str, *, pointer: bool = True) -> None:
        labels = labels_of(text)
        for index in range(len(labels)):
            rest = labels[index:]
            if self.known is not None:
                place = self.known.get(rest)
                if place is not None and pointer:
                    self.data += struct.pack(">H", 0xC000 | place)
                    return
                if place is None and len(self.data) < 0x4000:
                    self.known[rest] = len(self.data)
            self.data.append(len(labels[index]))
            self.data += labels[index]
        self.data.append(0)

    def record(self, record: Record) -> None:
        self.name(record.name)
        self.data += _FIXED.pack(record.type, record.cls, record.ttl, 0)
        start = len(self.data)
        self._rdata(record)
        struct.pack_into(">H", self.data, start - 2, len(self.data) - start)

    def _rdata(self, record: Record) -> None:
        match record.data:
            case Target(name):
                self.name(name)
            case Address(ip):
                self.data += int(ip).to_bytes(4 if isinstance(ip, Ip4) else 16, "big")
            case Service(priority, weight, port, target) if record.type == SRV:
                self.data += struct.pack(">3H", priority, weight, port)
                # RFC 2782: name compression is not to be used for this field.
                self.name(target, pointer=False)
            case Service(priority, _, _, target):
                self.data += struct.pack(">H", priority)
                self.name(target)
            case Start() as start:
                self.name(start.mname)
                self.name(start.rname)
                times = (start.serial, start.refresh, start.retry, start.expire, start.minimum)
                self.data += struct.pack(">5I", *times)
            case Text(strings):
                for each in strings:
                    if len(each) > 255:
                        raise DnsError("a character string is longer than 255 octets")
                    self.data.append(len(each))
                    self.data += each
            case Opaque(data):
                self.data += data

    def edns(self, edns: Edns, rcode: int) -> None:
        options = b"".join(struct.pack(">HH", code, len(data)) + data for code, data in edns.options)
        ttl = (rcode >> 4) << 24 | edns.version << 16 | edns.do << 15
        self.data += b"\0" + _FIXED.pack(OPT, edns.size, ttl, len(options)) + options


def to_bytes(message: Message, *, compress: bool = True) -> bytes:
    """The bytes of a message, without the two octets of its length that TCP puts before it. Raises ``DnsError``."""
    writer = _Writer(compress=compress)
    flags = (
        message.response << 15
        | message.opcode << 11
        | message.aa << 10
        | message.tc << 9
        | message.rd << 8
        | message.ra << 7
        | message.ad << 5
        | message.cd << 4
        | message.rcode & 15
    )
    extra = len(message.additionals) + (message.edns is not None)
    writer.data += _HEADER.pack(
        message.id, flags, len(message.questions), len(message.answers), len(message.authorities), extra
    )
    for question in message.questions:
        writer.name(question.name)
        writer.data += struct.pack(">HH", question.type, question.cls)
    for record in (*message.answers, *message.authorities, *message.additionals):
        writer.record(record)
    if message.edns is not None:
        writer.edns(message.edns, message.rcode)
    return bytes(writer.data)


def from_bytes(data: bytes) -> Message:
    """The message that bytes hold. Raises ``DnsError`` for bytes that hold none, or go on behind one."""
    try:
        return _read(data)
    except (struct.error, IndexError) as error:
        raise DnsError("the message ends too early") from error


def _read(data: bytes) -> Message:
    ident, flags, *counts = _HEADER.unpack_from(data)
    at = _HEADER.size
    questions: list[Question] = []
    for _ in range(counts[0]):
        name, at = _name(data, at)
        kind, cls = struct.unpack_from(">HH", data, at)
        at += 4
        questions.append(Question(name, kind, cls))
    sections: list[list[Record]] = [[], [], []]
    rcode = flags & 15
    edns: Edns | None = None
    for section, count in zip(sections, counts[1:], strict=True):
        for _ in range(count):
            name, at = _name(data, at)
            kind, cls, ttl, size = _FIXED.unpack_from(data, at)
            at += _FIXED.size
            if at + size > len(data):
                raise DnsError("the message ends too early")
            if kind == OPT:
                if edns is not None or section is not sections[2] or name != ".":
                    raise DnsError("an OPT record where none may be")
                edns = Edns(cls, ttl >> 16 & 0xFF, bool(ttl & 0x8000), _options(data[at : at + size]))
                rcode |= ttl >> 24 << 4
            else:
                section.append(Record(name, kind, ttl, _data(data, at, size, kind), cls))
            at += size
    if at != len(data):
        raise DnsError(f"{len(data) - at} octets behind the message")
    return Message(
        ident,
        tuple(questions),
        tuple(sections[0]),
        tuple(sections[1]),
        tuple(sections[2]),
        response=bool(flags & 0x8000),
        opcode=flags >> 11 & 15,
        aa=bool(flags & 0x400),
        tc=bool(flags & 0x200),
        rd=bool(flags & 0x100),
        ra=bool(flags & 0x80),
        ad=bool(flags & 0x20),
        cd=bool(flags & 0x10),
        rcode=rcode,
        edns=edns,
    )


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name, and where what follows it begins. A pointer leads back only, so every name ends."""
    labels: list[bytes] = []
    end = -1
    limit = at
    length = 1
    while size := data[at]:
        if size & 0xC0 == 0xC0:
            target = (size & 0x3F) << 8 | data[at + 1]
            end = at + 2 if end < 0 else end
            if target >= limit:
                raise DnsError("a pointer that does not lead back")
            at = limit = target
            continue
        if size & 0xC0:
            raise DnsError("a label of an unknown kind")
        label = data[at + 1 : at + 1 + size]
        length += size + 1
        if len(label) < size or length > 255:
            raise DnsError("a name that is too long")
        labels.append(label)
        at += 1 + size
    return name_of(tuple(labels)), (at + 1 if end < 0 else end)


def _options(data: bytes) -> tuple[tuple[int, bytes], ...]:
    found: list[tuple[int, bytes]] = []
    while data:
        code, size = struct.unpack_from(">HH", data)
        if len(data) < 4 + size:
            raise DnsError("an option that is too long")
        found.append((code, data[4 : 4 + size]))
        data = data[4 + size :]
    return tuple(found)


def _data(data: bytes, at: int, size: int, kind: int) -> Data:
    """RDATA; it has to end where its length says."""
    end = at + size
    found: Data
    if kind in _ONE_NAME:
        name, stop = _name(data, at)
        found = Target(name)
    elif kind == A and size == 4:
        found, stop = Address(Ip4(int.from_bytes(data[at:end], "big"))), end
    elif kind == AAAA and size == 16:
        found, stop = Address(Ip6(int.from_bytes(data[at:end], "big"))), end
    elif kind == SRV:
        priority, weight, port = struct.unpack_from(">3H", data, at)
        name, stop = _name(data, at + 6)
        found = Service(priority, weight, port, name)
    elif kind == MX:
        (priority,) = struct.unpack_from(">H", data, at)
        name, stop = _name(data, at + 2)
        found = Service(priority, 0, 0, name)
    elif kind == SOA:
        mname, stop = _name(data, at)
        rname, stop = _name(data, stop)
        found = Start(mname, rname, *struct.unpack_from(">5I", data, stop))
        stop += 20
    elif kind == TXT:
        strings: list[bytes] = []
        stop = at
        while stop < end:
            strings.append(data[stop + 1 : stop + 1 + data[stop]])
            stop += 1 + data[stop]
        found = Text(tuple(strings))
    else:
        if kind in {A, AAAA}:
            raise DnsError("an address of a wrong length")
        found, stop = Opaque(data[at:end]), end
    if stop != end:
        raise DnsError("RDATA of a wrong length")
    return found
