"""Images: which flavour of each tool prints on a machine, and the state that its distribution starts with.

The oracle judges ``debian-12``; the others are judged by transcripts.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from podwire.errors import ConfigError


class Image(msgspec.Struct, frozen=True):
    """``tools`` maps a command to its flavour; commands that are missing there come as in Debian 12.

    ``sysctls`` are written when the machine (or the pod's namespace) starts; ``hz`` is the kernel's timer frequency
    and only counts for machines; ``services`` says whether /etc/services is there (tcpdump then prints port names);
    ``absent`` names the commands that the image does not hold.
    """

    name: str
    tools: dict[str, str] = {}
    sysctls: dict[str, str] = {}
    hz: int = 250
    services: bool = True
    shell_path: str = "/bin/bash"
    absent: frozenset[str] = frozenset()


_IPV6_OFF: Final = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}

_IMAGES: Final = MappingProxyType(
    {
        image.name: image
        for image in (
            Image("debian-12"),
            Image("cos", sysctls={"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.route_localnet": "1"}),
            Image("netshoot", tools={"arp": "busybox", "route": "busybox"}, sysctls=_IPV6_OFF, services=True),
            Image("ubuntu-22.04", sysctls={"net.ipv4.conf.all.rp_filter": "2", "net.ipv4.conf.default.rp_filter": "2"}),
        )
    }
)


def image(name: str) -> Image:
    """The image of that name; raises ``ConfigError`` that lists the known ones."""
    found = _IMAGES.get(name)
    if found is None:
        raise ConfigError(f"image {name!r}", f"is not known; known are {', '.join(sorted(_IMAGES))}")
    return found


_CONTAINERS: Final = MappingProxyType({"netshoot": "netshoot"})
"""Container images by the last part of their name; every other one is taken for Debian."""


def image_of_container(reference: str) -> Image:
    """The image that stands for a container image such as ``nicolaka/netshoot:v0.13``.

    Registry, tag and digest do not matter.
    """
    name = reference.partition("@")[0].rpartition("/")[2].partition(":")[0]
    known = _CONTAINERS.get(name)
    if known is not None:
        return image(known)
    base = image("debian-12")
    return Image(
        base.name, base.tools, {**base.sysctls, **_IPV6_OFF}, base.hz, base.services, base.shell_path, base.absent
    )
