"""The frames that a script sent in two worlds: what `tcpdump -w` wrote of each device, layer by layer.

What the kernel draws or counts for itself gets a name in the order of its appearance: IP ids, ids of ICMP, ephemeral
ports, MAC addresses that no script wrote, the time in the payload of ping and tracepath. A checksum is a sum over such values: it is not
compared but verified, here. The source port of VXLAN is a hash with a seed of the boot: it has a name whatever its size.
"""

import collections
import difflib
import pathlib
import re
import struct

from scapy.layers.inet import ICMP, IP, UDP, ICMPerror, IPerror, TCPerror, UDPerror
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import NoPayload, Packet, Raw, bind_bottom_up
from scapy.utils import RawPcapReader, checksum

from tests.oracle import normalise

# The port that Linux has by default, and Cilium, is not among those that scapy knows.
bind_bottom_up(UDP, VXLAN, dport=8472)

EPHEMERAL = 32768
FILE = re.compile(r"(?P<device>.+)\.(?P<count>\d+)")
DROPPED = re.compile(r"^([1-9]\d*) packets? dropped by (kernel|interface)", re.MULTILINE)
ECHO = {0, 8}
QUERIES = ECHO | {13, 14, 15, 16, 17, 18}
"""ICMP types with an id."""
STAMP = 16
"""Bytes of the time (struct timeval) at the head of ping's payload."""
PROBE = 8
"""Bytes in front of it in tracepath's."""


class Lost(Exception):
    """A capture does not hold all that was there: it proves nothing."""


def captured(directory):
    """Device -> frames (bytes, length on the wire), in order. A device that came up twice has several files."""
    files = {}
    for path in pathlib.Path(directory).glob("*.log"):
        text = path.read_text(errors="replace")
        if "listening on" not in text:
            raise Lost(f"{path.stem}: {text.strip() or 'tcpdump did not start'}")
        if match := DROPPED.search(text):
            raise Lost(f"{path.stem}: {match[0]}")
        if match := FILE.fullmatch(path.stem):
            files[match["device"], int(match["count"])] = path.with_suffix(".pcap")
    result: dict[str, list[tuple[bytes, int]]] = {}
    for (device, _), path in sorted(files.items()):
        frames = result.setdefault(device, [])
        with RawPcapReader(str(path)) as reader:
            frames += [(data, meta.wirelen) for data, meta in reader]
    return result


class Words(normalise.Names):
    """One name for all values of a kind, where the order of appearance says nothing."""

    def get(self, word, value):
        return f"<{word}>"


class Described:
    """Frames as text, with the names of one run. Devices are described in the order of their names, in both worlds."""

    def __init__(self, keep=(), names=None):
        self.keep = {mac.lower() for mac in keep}
        self.names = normalise.Names() if names is None else names

    def frame(self, data, length):
        """One line of fields per layer."""
        lines = [f"frame of {length} bytes"]
        layer: Packet = Ether(data)
        above: tuple[Packet, ...] = ()
        while not isinstance(layer, NoPayload):
            fields = {
                field.name: self.value(layer, field, above) for field in layer.fields_desc if self.there(layer, field)
            }
            lines.append(f"{layer.name}: " + " ".join(f"{name}={value}" for name, value in fields.items()))
            above = (*above, layer)
            layer = layer.payload
        return lines

    @staticmethod
    def there(layer, field):
        """Fields of other types of ICMP are not there."""
        return field.name in layer.fields and layer.getfieldval(field.name) is not None

    def mac(self, mac):
        return mac if mac in self.keep or normalise.fixed(mac) else self.names.get("mac", mac)

    def value(self, layer, field, above):
        """A field as text."""
        value = layer.getfieldval(field.name)
        name = field.name
        if isinstance(layer, (Ether, ARP)) and name in {"src", "dst", "hwsrc", "hwdst"}:
            return self.mac(value)
        if isinstance(layer, (IP, IPerror)):
            if name == "id" and value:
                return self.names.get("id", (layer.src, layer.dst, layer.proto, value))
            if name == "chksum":
                return right(checksum(layer.original[: layer.ihl * 4]) == 0)
        if isinstance(layer, (ICMP, ICMPerror)):
            if name == "id" and layer.type in QUERIES:
                return self.names.get("icmp", value)
            if name == "chksum":
                return right(checksum(layer.original[: room(above[-1])]) == 0) if whole(above[-1], layer) else "<part>"
        if isinstance(layer, UDPerror) and name == "chksum" and tunnelled(layer):
            # Quoted where it was made: the device that leaves the sum to the next one has not been reached.
            return "<partial>"
        if isinstance(layer, (UDP, UDPerror, TCPerror)):
            if (name in {"sport", "dport"} and value >= EPHEMERAL) or (name == "sport" and tunnelled(layer)):
                return self.names.get("port", value)
            if name == "chksum":
                return right(not value or pseudo(above[-1], layer) == 0) if whole(above[-1], layer) else "<part>"
        if isinstance(layer, Raw) and name == "load":
            return self.payload(value, above)
        return value.hex() if isinstance(value, bytes) else str(value).replace("\n", " ")

    def payload(self, load, above):
        """Data; the time in that of an echo has a name."""
        below = above[-1]
        if isinstance(below, (ICMP, ICMPerror)) and below.type in ECHO and len(load) >= STAMP:
            # Of each request its own: several may leave at one instant of virtual time.
            return self.names.get("time", (below.id, below.seq, load[:STAMP])) + load[STAMP:].hex()
        if isinstance(below, (UDP, UDPerror)) and len(load) > PROBE and load[1:PROBE] == bytes(PROBE - 1):
            # struct probehdr of tracepath: TTL, then the time.
            time = slice(PROBE, PROBE + STAMP)
            return load[:PROBE].hex() + self.names.get("time", (below.dport, load[time])) + load[time.stop :].hex()
        return load.hex()


def tunnelled(layer):
    """True for the UDP header of a tunnel: the hash of the inner flow is in its source port."""
    return isinstance(layer.payload, VXLAN)


def right(good):
    return "right" if good else "WRONG"


def room(header):
    """Bytes behind an IP header, as it says."""
    return header.len - header.ihl * 4


def whole(header, layer):
    """True if all that the checksum is about is there: no fragment, and no quote that was cut."""
    return header.frag == 0 and "MF" not in str(header.flags) and len(layer.original) >= room(header)


def pseudo(header, layer):
    """The checksum over the pseudo header and the data: 0 if it is right."""
    size = room(header)
    addresses = b"".join(bytes(map(int, address.split("."))) for address in (header.src, header.dst))
    return checksum(addresses + struct.pack("!BBH", 0, header.proto, size) + layer.original[:size])


def described(directory, keep, ordered=True):
    """Device -> frames as lists of lines."""
    names = Described(keep, None if ordered else Words())
    return {device: [names.frame(*frame) for frame in frames] for device, frames in captured(directory).items()}


def difference(script, real, ours):
    """(number of frames that the real kernel sent, difference of the two directories): empty if there is none."""
    keep = normalise.macs(script.text)
    theirs, mine = (described(directory, keep, script.frames == "order") for directory in (real, ours))
    count = sum(map(len, theirs.values()))
    result = []
    for device in sorted(theirs.keys() | mine.keys()):
        one, other = theirs.get(device), mine.get(device)
        if one is None or other is None:
            result.append(f"{device} came up in one world only: {'ours' if one is None else 'real'}")
        elif script.frames == "set":
            for left, right, where in ((one, other, "real"), (other, one, "ours")):
                more = collections.Counter(map(tuple, left)) - collections.Counter(map(tuple, right))
                result += [f"{device}: only {where}, {n} times: {' / '.join(frame)}" for frame, n in more.items()]
        elif one != other:
            old, new = (
                [f"#{n} {line}" for n, frame in enumerate(frames, 1) for line in frame] for frames in (one, other)
            )
            result += difflib.unified_diff(old, new, f"{device} real", f"{device} ours", lineterm="", n=2)
    return count, "\n".join(result)
