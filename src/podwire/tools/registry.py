"""Which function answers to which command on which image. Modules are loaded when their command is first typed."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from podwire.linux.image import Image
    from podwire.tools.process import Tool

_TOOLS: Final = MappingProxyType(
    {
        "arp": "podwire.tools.arp:arp",
        "arping": "podwire.tools.arping:arping",
        "bridge": "podwire.tools.bridge:bridge",
        "cat": "podwire.tools.cat:cat",
        "conntrack": "podwire.tools.conntrack.main:conntrack",
        "curl": "podwire.tools.curl:curl",
        "dmesg": "podwire.tools.dmesg:dmesg",
        "ethtool": "podwire.tools.ethtool:ethtool",
        "hostname": "podwire.tools.hostname:hostname",
        "ip": "podwire.tools.ip:ip",
        "ipset": "podwire.tools.ipset:ipset",
        "iptables": "podwire.tools.iptables:iptables",
        "iptables-legacy": "podwire.tools.iptables:iptables",
        "iptables-legacy-restore": "podwire.tools.iptables:iptables_restore",
        "iptables-legacy-save": "podwire.tools.iptables:iptables_save",
        "iptables-nft": "podwire.tools.iptables:iptables",
        "iptables-nft-restore": "podwire.tools.iptables:iptables_restore",
        "iptables-nft-save": "podwire.tools.iptables:iptables_save",
        "iptables-restore": "podwire.tools.iptables:iptables_restore",
        "iptables-save": "podwire.tools.iptables:iptables_save",
        "kubectl": "podwire.tools.kubectl:kubectl",
        "modprobe": "podwire.tools.modprobe:modprobe",
        "nc": "podwire.tools.nc:nc",
        "ping": "podwire.tools.ping:ping",
        "route": "podwire.tools.route:route",
        "sleep": "podwire.tools.sleep:sleep",
        "ss": "podwire.tools.ss:ss",
        "sysctl": "podwire.tools.sysctl:sysctl",
        "tcpdump": "podwire.tools.tcpdump:tcpdump",
        "tracepath": "podwire.tools.tracepath:tracepath",
        "traceroute": "podwire.tools.traceroute:traceroute",
        "xtables-monitor": "podwire.tools.iptables:xtables_monitor",
    }
)


def names() -> tuple[str, ...]:
    """Every command that podwire has."""
    return tuple(sorted(_TOOLS))


def find(image: Image, name: str) -> Tool | None:
    """The command as that image has it; None where podwire does not simulate it, or the image does not hold it."""
    base = name.rpartition("/")[2]
    if base not in _TOOLS or base in image.absent:
        return None
    module, _, function = _TOOLS[base].partition(":")
    return cast("Tool", getattr(import_module(module), function))
