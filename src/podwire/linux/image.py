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
    ``absent`` names the commands that the image does not hold; ``darwin`` is a Mac, whose connections look so on the wire.
    """

    name: str
    tools: dict[str, str] = {}
    sysctls: dict[str, str] = {}
    hz: int = 250
    services: bool = True
    shell_path: str = "/bin/bash"
    absent: frozenset[str] = frozenset()
    darwin: bool = False
    os: str = "Debian GNU/Linux 12 (bookworm)"
    """PRETTY_NAME of /etc/os-release, as a kubelet reports it."""
    kernel: str = "6.1.0-26-amd64"
    """``uname -r`` of a machine with it."""


_IPV6_OFF: Final = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}

_COS: Final = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.conf.all.route_localnet": "1",
    "net.netfilter.nf_conntrack_tcp_be_liberal": "1",
    "net.ipv4.tcp_rmem": "4096 43690 6291456",
}
"""kube-proxy and GKE sheet, 3.5; rp_filter stays off, as the kernel has it. A receive buffer of 43690 bytes gives the window 21120 of
section 4.4, and 6291456 its scale 7: that these are the numbers is deduced."""
_LINUX_ONLY: Final = frozenset(
    "arp arping bridge conntrack dmesg ethtool ip ipset iptables iptables-legacy iptables-legacy-restore iptables-legacy-save "
    "iptables-nft iptables-nft-restore iptables-nft-save iptables-restore iptables-save modprobe nc ping route ss sysctl tcpdump "
    "tracepath traceroute xtables-monitor".split()
)
"""What a Mac does not have, or has as a program of BSD's that prints other texts."""

_IMAGES: Final = MappingProxyType(
    {
        image.name: image
        for image in (
            Image("debian-12"),
            Image("cos", sysctls=_COS, os="Container-Optimized OS from Google", kernel="6.1.100+"),
            Image("netshoot", tools={"arp": "busybox", "route": "busybox"}, sysctls=_IPV6_OFF, services=True),
            Image(
                "macos",
                tools={"curl": "8.7.1"},
                absent=_LINUX_ONLY,
                shell_path="/bin/zsh",
                darwin=True,
                os="macOS 15.0",
                kernel="24.0.0",
            ),
            Image(
                "ubuntu-22.04",
                tools={"iptables": "1.8.7"},
                sysctls={"net.ipv4.conf.all.rp_filter": "2", "net.ipv4.conf.default.rp_filter": "2"},
                os="Ubuntu 22.04.5 LTS",
                kernel="5.15.0-124-generic",
            ),
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
    if name == "ctl" and "calico/" in reference:
        tag = reference.partition("@")[0].rpartition("/")[2].partition(":")[2]
        return msgspec.structs.replace(base, tools={**base.tools, "calicoctl": tag}, services=False)
    # Such images come without the package netbase, and so without /etc/services.
    return Image(base.name, base.tools, {**base.sysctls, **_IPV6_OFF}, base.hz, False, base.shell_path, base.absent)
