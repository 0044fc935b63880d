"""Plugins that change little, and those that podwire has the names of."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.cni import loopback
from podwire.cni.plugins.fields import refuse
from podwire.cni.plugins.values import Address, Call, Interface, PluginError, Result
from podwire.errors import NotModelled
from podwire.linux.netlink import Netlink

KNOWN: Final = frozenset(
    "dhcp dummy firewall host-device ipvlan macvlan sbr tap tuning vlan vrf flannel multus cilium-cni calico aws-cni azure-vnet".split()
)
"""Plugins that exist and that podwire lacks (or has for the backend alone whose they are)."""


class Loopback:
    """``lo`` comes up, whatever name was given (section 2.6)."""

    @staticmethod
    def add(call: Call) -> Result:
        """ADD."""
        loopback.add(call.pod_door)
        if call.previous is not None:
            return call.previous
        lo = call.pod_door.netns.loopback
        found = [Address(each.local, each.plen, None, 0) for each in lo.addresses]
        found += [Address(each.local, each.plen, None, 0) for each in lo.addresses6]
        return Result((Interface("lo", "00:00:00:00:00:00", call.netns),), tuple(found))

    @staticmethod
    def delete(call: Call) -> None:
        """DEL: down."""
        Netlink(call.pod_door.netns, call.pod_door.writer).link_down(call.pod_door.netns.loopback)


class Bandwidth:
    """Shapes what has limits; a Pod with those annotations is not modelled, so that it never has any."""

    @staticmethod
    def add(call: Call) -> Result:
        """ADD. Raises ``NotModelled`` for limits in the configuration."""
        refuse(call.conf, "bandwidth", "ingressRate", "ingressBurst", "egressRate", "egressBurst")
        if call.previous is None:
            return Result()
        return call.previous

    @staticmethod
    def delete(call: Call) -> None:
        """DEL."""


class Missing(msgspec.Struct, frozen=True):
    """A type that has no implementation here: known by name, or a file that is not there."""

    type: str

    def _refuse(self, call: Call) -> PluginError:
        if self.type in KNOWN:
            raise NotModelled(f"the CNI plugin {self.type}")
        return PluginError(f'failed to find plugin "{self.type}" in path [{call.path}]')

    def add(self, call: Call) -> Result:
        """Raises ``NotModelled`` or ``PluginError``."""
        raise self._refuse(call)

    def delete(self, call: Call) -> None:
        """Raises the same."""
        raise self._refuse(call)
