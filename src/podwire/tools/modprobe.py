"""``modprobe`` (kmod 30): load a module of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools.args import BadOption, getopt

if TYPE_CHECKING:
    from podwire.tools.process import Process

_LONGS: Final = {"all": "a", "quiet": "q", "use-blacklist": "b", "first-time": "f", "verbose": "v", "version": "V"}
_THERE: Final = frozenset(
    "bridge dummy geneve ip_set ip_tables iptable_filter iptable_mangle iptable_nat iptable_raw nf_conntrack nf_nat nf_tables "
    "veth vxlan x_tables".split()
)
"""What podwire's kernel always has: nothing happens."""


def modprobe(proc: Process) -> int:
    """``modprobe [-a] [-q] MODULE``; dashes in a name are underscores."""
    try:
        options, operands = getopt(proc, "abqvV", _LONGS)
    except BadOption:
        raise NotModelled("the help text", "modprobe") from None
    given = {option for option, _ in options}
    for option in "fvV":
        if option in given:
            raise NotModelled(f"option -{option}", "modprobe")
    if not operands:
        proc.error("modprobe: ERROR: missing parameters. See -h.\n")
        return 1
    if "a" not in given and len(operands) > 1:
        raise NotModelled("parameters of a module", "modprobe")
    for name in operands:
        module = name.replace("-", "_")
        if module in _THERE:
            continue
        try:
            Netlink(proc.place.netns).modprobe(module)
        except NetlinkError as error:
            if "q" not in given:
                proc.error(f"modprobe: ERROR: could not insert '{module}': {error.strerror}\n")
            return 1
    return 0
