"""Compares two answers: the printed text, and the frames per device in order.

Masked is what differs between two runs of one kernel: times, the time stamp in ping's data with the checksums over it,
and IP ids, which get names in the order of their appearance.
"""

import difflib
import re
import zlib
from collections.abc import Iterable

from tests.oracle.generated.case import Answer

_RULES = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"\btime=[0-9.]+ ms", "time=<t> ms"),
        (r"(?<=packet loss, time )\d+ms", "<t>ms"),
        (r"^rtt min/avg/max/mdev = .*$", "rtt <t>"),
        (r"\bexpires (29\d|300|59\d|600)sec", "expires <age>sec"),
        (r"^Command failed -:\d+\n", ""),  # what each of a batch was is not told otherwise
        (r" uid \d+", ""),  # in a user namespace ip says who asks
    )
)
_NEIGHBOURS = re.compile(
    r"(?:^\d\S+ dev \S+ (?:lladdr .*|INCOMPLETE|FAILED|PROBE|STALE|REACHABLE|DELAY|NONE|NOARP|PERMANENT) ?\n)+",
    re.MULTILINE,
)
_ENTRIES = re.compile(r"(?:^[0-9a-f]{2}(?::[0-9a-f]{2}){5} dev \S+ .*\n)+", re.MULTILINE)
_GROUPS = ("33:33:", "01:00:5e:")
_DIRECTIONS = {0: "in", 1: "in broadcast", 2: "in multicast", 3: "in other", 4: "out"}
_STAMP = 16
"""Bytes of ping's data that hold a time."""
_UDP = 17
_PORTS = {4789, 4790, 8472}
"""Of VXLAN, in the cases that are drawn."""
_TUNNEL = 16
"""Bytes of a UDP header and one of VXLAN."""
_ROOM = 14 + 20
"""An Ethernet header and one of IP."""
_ICMP = 8
_CLOCK = _TUNNEL + _ROOM + _ICMP + _STAMP
"""Bytes of a tunnelled echo up to where the time in it ends."""
_EPHEMERAL = 32768


def printed(text: str) -> str:
    """The text without times."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _ENTRIES.sub(_stations, _NEIGHBOURS.sub(_sorted, text))


def _stations(found: re.Match[str]) -> str:
    """So is that of entries; groups that the kernel itself joins are not compared."""
    return "".join(sorted(line for line in found[0].splitlines(keepends=True) if not line.startswith(_GROUPS)))


def _sorted(found: re.Match[str]) -> str:
    """The order of the neighbour table is a hash with a random seed."""
    return "".join(sorted(found[0].splitlines(keepends=True)))


class _Describer:
    def __init__(self) -> None:
        self.ids: dict[int, str] = {0: "0"}
        self.ports: dict[int, str] = {}

    def frame(self, data: bytes, *, whole: bool = True) -> str:
        kind = int.from_bytes(data[12:14], "big")
        head = f"{data[6:12].hex(':')} > {data[:6].hex(':')}"
        body = data[14:]
        if kind == 0x0806:
            op = int.from_bytes(body[6:8], "big")
            rest = body[8:28]
            return f"{head} arp {op} {rest[:6].hex(':')} {_ip(rest[6:10])} {rest[10:16].hex(':')} {_ip(rest[16:20])} {body[28:].hex()}"
        if kind == 0x0800:
            return f"{head} {self.ipv4(body, whole=whole)}"
        return f"{head} {kind:#06x} {body.hex()}"

    def ipv4(self, data: bytes, *, whole: bool) -> str:
        length = (data[0] & 15) * 4
        total, ident, fragment = (int.from_bytes(data[at : at + 2], "big") for at in (2, 4, 6))
        name = self.ids.setdefault(ident, f"id{len(self.ids)}")
        flags = "".join(letter for bit, letter in ((0x8000, "R"), (0x4000, "D"), (0x2000, "M")) if fragment & bit)
        offset = (fragment & 0x1FFF) * 8
        good = "" if _sum(data[:length]) == 0xFFFF else " bad checksum"
        text = f"{_ip(data[12:16])} > {_ip(data[16:20])} tos {data[1]:#x} len {total} {name} [{flags}{offset}] ttl {data[8]}{good}"
        if length > 20:
            text += f" options {data[20:length].hex()}"
        body = data[length:total] if whole else data[length:]
        if offset or len(body) < _ICMP:
            rest = body[max(0, _CLOCK - offset) :] if data[9] == _UDP else body
            return f"{text} data {len(body)}/{zlib.crc32(rest):08x}"
        if data[9] == _UDP and len(body) >= _TUNNEL and int.from_bytes(body[2:4], "big") in _PORTS:
            return f"{text} {self.vxlan(body, whole=whole and not fragment & 0x2000)}"
        if data[9] != 1:
            return f"{text} proto {data[9]} {body.hex()}"
        return f"{text} {self.icmp(body, summed=whole and not fragment & 0x2000)}"

    def vxlan(self, data: bytes, *, whole: bool) -> str:
        """The source port is a hash with a seed of the boot; the checksum is left to a device that is not there."""
        source, target, length, checksum = (int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4, 6))
        port = self.ports.setdefault(source, f"port{len(self.ports)}") if source >= _EPHEMERAL else source
        summed = "" if checksum else " no checksum"
        text = f"vxlan {port} > {target} len {length}{summed} {data[8:16].hex()}"
        inner = data[_TUNNEL:]
        return f"{text} ({self.frame(inner, whole=whole)})" if len(inner) >= _ROOM else f"{text} {inner.hex()}"

    def icmp(self, data: bytes, *, summed: bool) -> str:
        text = f"icmp {data[0]}/{data[1]} {data[4:8].hex()}"
        if summed and _sum(data) != 0xFFFF:
            text += " bad checksum"
        body = data[8:]
        if data[0] in {0, 8}:
            rest = body[_STAMP:]
            return f"{text} data {len(body)}/{zlib.crc32(rest):08x}"
        return f"{text} ({self.ipv4(body, whole=False)})" if len(body) >= 28 else f"{text} {body.hex()}"


def _ip(data: bytes) -> str:
    return ".".join(map(str, data))


def _sum(data: bytes) -> int:
    total = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frames(recorded: Iterable[tuple[str, str, int, str]]) -> str:
    """The frames as text, device by device."""
    devices: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
    for netns, device, direction, data in recorded:
        devices.setdefault((netns, device), []).append((direction, bytes.fromhex(data)))
    describer = _Describer()
    result = []
    for netns, device in sorted(devices):
        result.append(f"--- {netns} {device}\n")
        result += [
            f"{_DIRECTIONS.get(direction, direction)} {describer.frame(data)}\n"
            for direction, data in devices[netns, device]
        ]
    return "".join(result)


def whole(answer: Answer) -> str:
    """All that has to be equal."""
    return printed(answer.text) + frames(answer.frames)


def difference(real: Answer | str, ours: Answer | str) -> str:
    """A unified diff; "" if the two agree."""
    one, other = (answer if isinstance(answer, str) else whole(answer) for answer in (real, ours))
    if one == other:
        return ""
    return "\n".join(difflib.unified_diff(one.splitlines(), other.splitlines(), "kernel", "podwire", lineterm="", n=2))
