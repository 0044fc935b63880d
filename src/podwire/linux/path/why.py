"""Values that say what decided: built only where a decision is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.trace.events import KERNEL, BySysctl, Owner

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns


def sysctl(netns: Netns, link: Link, key: str) -> BySysctl:
    """The switch of ``conf`` that decided for a device: ``all`` where it is the larger one, else the device's own."""
    own, shared = getattr(link.conf, key), getattr(netns.conf_all, key)
    # Where the device's own file can undo the decision, name that one. Of forwarding only the device's counts (F155).
    if key == "forwarding":
        if not own and not shared:
            key, conf = "net.ipv4.ip_forward", netns.conf_all
            return BySysctl(key, shared, _owner(conf.writers.get("forwarding", KERNEL)))
        shared = own
    by_all = shared > own
    name, conf, value = ("all", netns.conf_all, shared) if by_all else (link.name, link.conf, own)
    return BySysctl(f"net.ipv4.conf.{name}.{key}", value, _owner(conf.writers.get(key, KERNEL)))


def _owner(writer: object) -> Owner:
    return writer if isinstance(writer, Owner) else KERNEL
