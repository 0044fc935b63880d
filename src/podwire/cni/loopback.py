"""The reference plugin ``loopback``, which a runtime calls before the pod's network (reference sheet kube-proxy and GKE, section 2.6)."""

from __future__ import annotations

from podwire.errors import PodwireError
from podwire.linux.netlink import Netlink


def add(door: Netlink) -> None:
    """ADD: ``lo`` comes up, and the kernel gives it its addresses.

    Raises ``PodwireError`` where somebody gave it another one.
    """
    lo = door.netns.loopback
    door.link_up(lo)
    for address in lo.addresses:
        if not address.local.is_loopback:
            raise PodwireError(f'loopback interface found with non-loopback address "{address.local}/{address.plen}"')
