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
        "birdcl": "podwire.tools.birdcl:birdcl",
        "bridge": "podwire.tools.bridge:bridge",
        "cat": "podwire.tools.cat:cat",
        "calicoctl": "podwire.tools.calicoctl:calicoctl",
        "conntrack": "podwire.tools.conntrack.main:conntrack",
        "curl": "podwire.tools.curl:curl",
        "dig": "podwire.tools.dig.main:dig",
        "dmesg": "podwire.tools.dmesg:dmesg",
        "ethtool": "podwire.tools.ethtool:ethtool",
        "getent": "podwire.tools.getent:getent",
        "host": "podwire.tools.dig.host:host",
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
        "k": "podwire.tools.kubectl:kubectl",
        "kubectl": "podwire.tools.kubectl:kubectl",
        "modprobe": "podwire.tools.modprobe:modprobe",
        "nc": "podwire.tools.nc:nc",
        "nslookup": "podwire.tools.dig.nslookup:nslookup",
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

_FILE_TOOLS: Final = MappingProxyType(
    {
        "cp": "podwire.tools.filetools.copying:cp",
        "echo": "podwire.tools.filetools.copying:echo",
        "grep": "podwire.tools.filetools.grep:grep",
        "head": "podwire.tools.filetools.reading:head",
        "ls": "podwire.tools.filetools.reading:ls",
        "mkdir": "podwire.tools.filetools.copying:mkdir",
        "mv": "podwire.tools.filetools.copying:mv",
        "nano": "podwire.tools.filetools.editors:editor",
        "rm": "podwire.tools.filetools.copying:rm",
        "sed": "podwire.tools.filetools.sed:sed",
        "tail": "podwire.tools.filetools.reading:tail",
        "tee": "podwire.tools.filetools.copying:tee",
        "touch": "podwire.tools.filetools.copying:touch",
        "vi": "podwire.tools.filetools.editors:editor",
        "vim": "podwire.tools.filetools.editors:editor",
        "wc": "podwire.tools.filetools.reading:wc",
    }
)
"""Commands on the files of a place. In a script bash runs the real ones, on the caller's files."""


def names() -> tuple[str, ...]:
    """Every command that podwire has, but for those on files."""
    return tuple(sorted(_TOOLS))


def file_tools() -> tuple[str, ...]:
    """The commands on files."""
    return tuple(sorted(_FILE_TOOLS))


def find(image: Image, name: str, *, files: bool = True) -> Tool | None:
    """The command as that image has it; None where podwire does not simulate it, or the image does not hold it.

    Without ``files`` it is none of those on files, for callers to whom the real ones belong.
    """
    base = name.rpartition("/")[2]
    home = _TOOLS.get(base) or (_FILE_TOOLS.get(base) if files else None)
    if home is None or base in image.absent:
        return None
    module, _, function = home.partition(":")
    return cast("Tool", getattr(import_module(module), function))
