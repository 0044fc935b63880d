"""Kernel modules that bring devices of their own, and what ``ip tunnel`` asks of the IP-in-IP module.

Sources: net/ipv4/ipip.c (ipip_init, ipip_init_net), net/ipv4/ip_tunnel.c (ip_tunnel_ctl), net/core/dev_ioctl.c (dev_load).
"""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, EPERM
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netfilter.bridge import BRIDGE_KEYS
from podwire.linux.rtnl.ipip import MAX_MTU, MIN_MTU, ip_tunnel_find, ipip_changed
from podwire.linux.rtnl.link import LinkVerbs
from podwire.linux.tunnel import IpipConfig
from podwire.trace.events import KERNEL

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.tunnel import TunnelConfig
    from podwire.wire.addr import Mac

FALLBACK: Final = "tunl0"
FB_TUNNELS: Final = "fb_tunnels_only_for_init_net"
_BR_NETFILTER: Final = "br_netfilter"
_MODULES: Final = frozenset({"ipip", _BR_NETFILTER})
_KINDS: Final = frozenset({"ipip"})
"""Modules that bring a kind of device."""


def net_has_fallback_tunnels(netns: Netns) -> bool:
    """``net_has_fallback_tunnels``: 0 in every namespace, 1 in the first one alone, 2 in none."""
    first = netns.machine.root.netns
    mode = first.setting(FB_TUNNELS)
    return mode == 0 or (mode == 1 and netns is first)


class ModuleVerbs(LinkVerbs):
    """``modprobe`` and the ioctls behind ``ip tunnel``."""

    def modprobe(self, name: str) -> None:
        """Load a module, once per machine, for every namespace that there is and those to come.

        ``ipip`` brings ``tunl0``, ``br_netfilter`` the switches of net.bridge, and bridged packets to the rules of iptables.

        Raises ``NotModelled`` for a module that podwire does not know; ``NetlinkError`` EEXIST where a namespace has a device of that
        name already: then nothing is loaded.
        """
        if name not in _MODULES:
            raise NotModelled(f"module {name}", "modprobe")
        machine = self.netns.machine
        if name in machine.modules:
            return
        if name in _KINDS and any(netns.link(FALLBACK) is not None for netns in machine.netns.values()):
            raise NetlinkError(EEXIST)
        machine.modules.append(name)
        for netns in list(machine.netns.values()):
            type(self)(netns, KERNEL).pernet_init(name)

    def link_validate(self, kind: str, mac: Mac | None, mtu: int, tunnel: TunnelConfig | None = None) -> None:
        """``request_module``: a kind brings its module before anything is looked at."""
        if kind in _KINDS:
            try:
                self.modprobe(kind)
            except NetlinkError:
                raise NetlinkError(EOPNOTSUPP, "Unknown device type") from None
        super().link_validate(kind, mac, mtu, tunnel)

    def pernet_init(self, name: str = "") -> None:
        """``ops_init``: what loaded modules, or one of them, bring to a namespace."""
        netns = self.netns
        modules = [name] if name else netns.machine.modules
        if "ipip" in modules and net_has_fallback_tunnels(netns):
            netns.ipip.fallback = self.link_add(FALLBACK, "ipip", tunnel=IpipConfig(proto=0))
        if _BR_NETFILTER in modules:
            netns.settings.update(BRIDGE_KEYS)

    # -- ip tunnel -----------------------------------------------------------------------------------------------

    def tunnel_dev(self, name: str) -> Link:
        """``dev_load`` and ``dev_ifsioc``: the device that an ioctl names; ``tunl0`` brings its module.

        Raises ``NetlinkError``: ENODEV where there is none, EOPNOTSUPP where it is no IP-in-IP device.
        """
        if name == FALLBACK and self.netns.link(name) is None:
            self.modprobe("ipip")
        link = self.netns.link(name)
        if link is None:
            raise NetlinkError(ENODEV)
        if link.kind != "ipip":
            raise NetlinkError(EOPNOTSUPP)
        return link

    def tunnel_get(self, name: str, wanted: IpipConfig | None = None) -> tuple[str, IpipConfig]:
        """``SIOCGETTUNNEL``: name and parameters of a device; of ``tunl0`` those of the device that has the wanted ends."""
        link = self.tunnel_dev(name)
        found = ip_tunnel_find(self.netns, wanted) if wanted is not None and link is self.netns.ipip.fallback else None
        link = found or link
        assert isinstance(link.tunnel, IpipConfig)  # noqa: S101 - its kind was looked at
        return link.name, link.tunnel

    def tunnel_add(self, name: str, config: IpipConfig) -> Link:
        """``SIOCADDTUNNEL``; without a name it is the first of ``ipip0``, ``ipip1`` that is free.

        Raises ``NetlinkError``: ENODEV where the namespace has no ``tunl0``, EEXIST for ends that a device has, or a name in use.
        """
        self.tunnel_dev(FALLBACK)
        if ip_tunnel_find(self.netns, config) is not None:
            raise NetlinkError(EEXIST)
        link = self.link_add(name, "ipip", tunnel=config)
        link.min_mtu, link.max_mtu = MIN_MTU, MAX_MTU
        return link

    def tunnel_change(self, name: str, config: IpipConfig) -> None:
        """``SIOCCHGTUNNEL``: of ``tunl0`` the device with these ends changes, which is itself where there is none of either.

        Raises ``NetlinkError``: ENODEV, ENOENT, EEXIST, EINVAL (a remote for a device without one, or the other way round).
        """
        link = self.tunnel_dev(name)
        if config.ttl:
            config = msgspec.structs.replace(config, pmtudisc=True)
        found = ip_tunnel_find(self.netns, config)
        if link is self.netns.ipip.fallback:
            if found is None:
                raise NetlinkError(ENOENT)
            link = found
        elif found is not None and found is not link:
            raise NetlinkError(EEXIST)
        elif found is None and link.pointopoint is not bool(config.remote):
            raise NetlinkError(EINVAL)
        assert isinstance(link.tunnel, IpipConfig)  # noqa: S101 - its kind was looked at
        config = msgspec.structs.replace(config, proto=link.tunnel.proto, fwmark=0)
        ipip_changed(link, config)
        link.tunnel = config
        self.netns.changed()
        self.link_state_changed(link)

    def tunnel_del(self, name: str, config: IpipConfig) -> None:
        """``SIOCDELTUNNEL``: of ``tunl0`` the device with these ends goes; it itself never does (EPERM)."""
        link = self.tunnel_dev(name)
        if link is self.netns.ipip.fallback:
            found = ip_tunnel_find(self.netns, config)
            if found is None:
                raise NetlinkError(ENOENT)
            if found is link:
                raise NetlinkError(EPERM)
            link = found
        self.link_del(link)
