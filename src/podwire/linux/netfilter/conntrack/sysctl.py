"""Writing net.netfilter.nf_conntrack_* (nf_conntrack_standalone.c)."""

from __future__ import annotations

from errno import EACCES, EINVAL
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netfilter.conntrack.settings import (
    CT_BOOLEANS,
    CT_NOT_MODELLED,
    CT_OF_FIRST,
    CT_READ_ONLY,
)

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_INT_MAX: Final = (1 << 31) - 1
_LIMITS: Final = {
    "nf_conntrack_events": (0, 2),
    "nf_conntrack_log_invalid": (0, 255),
    "nf_conntrack_tcp_max_retrans": (0, 255),
    "nf_conntrack_expect_max": (1, _INT_MAX),
    "nf_conntrack_max": (0, _INT_MAX),
    "nf_conntrack_buckets": (0, _INT_MAX),
    "nf_conntrack_frag6_high_thresh": (0, _INT_MAX),
    "nf_conntrack_frag6_low_thresh": (0, _INT_MAX),
}


def is_writable(netns: Netns, key: str) -> bool:
    """The mode of the file: 0644 or 0444. What is one value of the kernel belongs to the first namespace."""
    return key not in CT_READ_ONLY and (key not in CT_OF_FIRST or netns is netns.machine.root.netns)


def write(netns: Netns, key: str, value: int) -> None:
    """Write a number; raises ``NetlinkError`` EACCES or EINVAL, ``NotModelled`` where another value would change nothing here."""
    if not is_writable(netns, key):
        raise NetlinkError(EACCES)
    # proc_dointvec_jiffies: what jiffies can still hold, and negative as well.
    jiffies_max = _INT_MAX // netns.machine.hz
    low, high = (0, 1) if key in CT_BOOLEANS else _LIMITS.get(key, (-_INT_MAX - 1, jiffies_max))
    if not low <= value <= high:
        raise NetlinkError(EINVAL)
    if key in CT_NOT_MODELLED and value != netns.conntrack.setting(key):
        raise NotModelled(f"sysctl net.netfilter.{key} = {value}")
    netns.conntrack.set(key, value)
