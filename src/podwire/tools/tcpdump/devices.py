"""The devices of a place, as libpcap lists them. The one module here that looks at ``linux.link``.

Source: ``pcap_findalldevs``, ``get_figure_of_merit`` and ``get_if_flags`` of libpcap 1.10.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.export.pcap import ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_TUNNEL
from podwire.tools.tcpdump.link import DLT_EN10MB, DLT_RAW
from podwire.wire.addr import prefix_mask

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.machine import Place

ANY: Final = "any"

_WITHOUT_LINK_HEADER: Final = frozenset({"ipip", "gre", "sit", "tun", "wireguard"})
_WITHOUT_CARRIER: Final = _WITHOUT_LINK_HEADER | {"dummy", "loopback"}
"""Kinds whose driver does not answer ETHTOOL_GLINK."""

_ANY_LINE: Final = "any (Pseudo-device that captures on all interfaces) [Up, Running]"
_OTHERS: Final = (
    "bluetooth-monitor (Bluetooth Linux Monitor) [Wireless]",
    "nflog (Linux netfilter log (NFLOG) interface) [none]",
    "nfqueue (Linux netfilter queue (NFQUEUE) interface) [none]",
    "dbus-system (D-Bus system bus) [none]",
    "dbus-session (D-Bus session bus) [none]",
)
"""Sources that are no network devices; libpcap lists them on any Linux."""


class Device(msgspec.Struct, frozen=True):
    """What a capture wants to know of a device."""

    name: str
    ifindex: int
    up: bool
    running: bool
    loopback: bool
    connected: bool | None
    """None: the question does not apply."""
    link_type: int
    arphrd: int
    network: tuple[int, int] | None
    """Its first address and the mask; None where it has none."""

    @property
    def merit(self) -> int:
        """The less, the better: devices are listed by it, and the first one is the default."""
        merit = 0 if self.running else 0x80000000
        merit |= 0 if self.up else 0x40000000
        merit |= 0x20000000 if self.connected is False else 0
        return merit | (0x10000000 if self.loopback else 0)

    @property
    def line(self) -> str:
        """As ``-D`` prints it, without its number."""
        flags = [
            word for word, is_set in (("Up", self.up), ("Running", self.running), ("Loopback", self.loopback)) if is_set
        ]
        text = ", ".join(flags) or "none"
        if self.connected is not None:
            text += ", Connected" if self.connected else ", Disconnected"
        return f"{self.name} [{text}]"


def link_types(device: Device | None) -> tuple[str, ...]:
    """The names that ``-y`` takes for a device, None for ``any``; the first one is the default."""
    if device is None:
        return ("LINUX_SLL", "LINUX_SLL2")
    if device.link_type == DLT_RAW:
        return ("RAW",)
    return ("EN10MB",) if device.loopback else ("EN10MB", "DOCSIS")


_ANY_MERIT: Final = 0x08000000
_OTHER_MERIT: Final = 0xC0000000
"""Not up, not running, not connected to anything."""


def _device(link: Link) -> Device:
    bare = link.kind in _WITHOUT_LINK_HEADER
    first = link.addresses[0] if link.addresses else None
    return Device(
        link.name,
        link.ifindex,
        link.is_up,
        link.running,
        link.is_loopback,
        None if link.kind in _WITHOUT_CARRIER else link.carrier,
        DLT_RAW if bare else DLT_EN10MB,
        ARPHRD_TUNNEL if bare else ARPHRD_LOOPBACK if link.is_loopback else ARPHRD_ETHER,
        None if first is None else (int(first.local), prefix_mask(32, first.plen)),
    )


def find(place: Place, name: str) -> Device | None:
    """The device of that name."""
    link = place.netns.link(name)
    return None if link is None else _device(link)


def name_of(place: Place, ifindex: int) -> str | None:
    """The name of a device: ``if_indextoname``."""
    link = place.netns.link_by_index(ifindex)
    return None if link is None else link.name


def listing(place: Place) -> list[tuple[str, str]]:
    """Name and line of every source, the best first."""
    devices = sorted((_device(link) for link in place.netns.links()), key=lambda device: device.ifindex)
    entries = [(device.merit, device.name, device.line) for device in devices]
    entries.append((_ANY_MERIT, ANY, _ANY_LINE))
    entries += [(_OTHER_MERIT, line.split()[0], line) for line in _OTHERS]
    entries.sort(key=lambda entry: entry[0])
    return [(name, line) for _, name, line in entries]
