"""Which host endpoint is in force on which interface of a node (felix/dataplane/linux/endpoint_mgr.go, ``resolveHostEndpoints``)."""

from __future__ import annotations

from collections.abc import Iterable

from podwire.cni.calico.policy.model import HostInterface
from podwire.cni.calico.rules.hostendpoints import EVERY
from podwire.linux.netns import Netns


def resolved(node: str, hosts: Iterable[HostInterface], netns: Netns, prefix: str) -> dict[str, HostInterface]:
    """By interface, the first by name that means it; that of all interfaces (``*``) stands under ``any-interface-at-all``.

    One that names an interface counts there alone, even if the addresses it expects are elsewhere.
    """
    mine = sorted((each for each in hosts if each.node == node), key=lambda each: each.name)
    found: dict[str, HostInterface] = {}
    for link in netns.links():
        if not link.is_up or link.name.startswith(prefix):
            continue
        own = {address.local for address in link.addresses}
        for host in mine:
            if host.interface == link.name or (not host.interface and own & set(host.ips)):
                found[link.name] = host
                break
    every = next((each for each in mine if each.interface == "*"), None)
    return {**found, EVERY: every} if every is not None else found
