"""Tunnel devices of every kind: what is checked before one is made, what it begins with, its life with its namespace and lower device.

One row of ``_KINDS`` per kind; the functions are those of ``rtnl_link_ops`` and ``net_device_ops``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from errno import EINVAL
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.rtnl import geneve, ipip, vxlan
from podwire.linux.tunnel import GeneveConfig, IpipConfig, TunnelConfig, VxlanConfig

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Mac


class TunnelOps(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind does at each moment of a device's life; all but ``config`` may be left out.

    ``validate(config, mac, mtu)`` comes before anything is looked for, ``check(netns, config, old)`` gives the configuration as it is
    kept (``old`` is the device that changes), ``setup(link, mtu)`` follows when the device is made and has its ``tunnel``; ``mtu``
    is 0 where nothing was said. ``open`` and ``stop`` are ``ndo_open`` and ``ndo_stop``, ``uninit`` comes when the device goes.
    """

    config: type[TunnelConfig]
    validate: Callable[[Any, Mac | None, int], None] | None = None
    check: Callable[[Netns, Any, Link | None], Any] | None = None
    setup: Callable[[Link, int], None] | None = None
    changed: Callable[[Link, Any], None] | None = None
    """``rtnl_link_ops.changelink``, behind ``check``: the device still has its old configuration."""
    open: Callable[[Link], None] | None = None
    stop: Callable[[Link], None] | None = None
    uninit: Callable[[Link], None] | None = None
    max_mtu: Callable[[Link], int] | None = None
    """``ndo_change_mtu``: the most that may be set; 0 for no limit beyond the device's."""


_KINDS: Final[Mapping[str, TunnelOps]] = MappingProxyType(
    {
        "vxlan": TunnelOps(
            config=VxlanConfig,
            validate=vxlan.vxlan_validate,
            check=vxlan.vxlan_config_validate,
            setup=vxlan.vxlan_setup,
            changed=vxlan.vxlan_changelink,
            open=vxlan.vxlan_open,
            stop=vxlan.vxlan_stop,
            uninit=vxlan.vxlan_uninit,
            max_mtu=vxlan.vxlan_max_mtu,
        ),
        "ipip": TunnelOps(
            config=IpipConfig,
            check=ipip.ipip_check,
            setup=ipip.ipip_setup,
            changed=ipip.ipip_changed,
            uninit=ipip.ipip_uninit,
            max_mtu=ipip.ipip_max_mtu,
        ),
        "geneve": TunnelOps(
            config=GeneveConfig,
            validate=geneve.geneve_validate,
            check=geneve.geneve_check,
            setup=geneve.geneve_setup,
            changed=geneve.geneve_changelink,
            open=geneve.geneve_open,
            stop=geneve.geneve_stop,
        ),
    }
)

TUNNEL_KINDS: Final = frozenset(_KINDS)


def ops_of(link: Link) -> TunnelOps | None:
    """The row of the device's kind; None for what is no tunnel."""
    return _KINDS.get(link.kind) if link.tunnel is not None else None


def tunnel_validate(kind: str, config: TunnelConfig | None, mac: Mac | None, mtu: int) -> None:
    """``rtnl_link_ops.validate``."""
    row = _KINDS[kind]
    if row.validate is not None:
        row.validate(config, mac, mtu)


def tunnel_check(netns: Netns, kind: str, config: TunnelConfig | None, old: Link | None = None) -> TunnelConfig:
    """What the kernel makes of a configuration. Raises ``NetlinkError``; ``TypeError`` where it is of another kind."""
    row = _KINDS[kind]
    given: TunnelConfig = config if config is not None else row.config()
    if not isinstance(given, row.config):
        raise TypeError(f"expected a {row.config.__name__} for a device of type {kind}, not {config!r}")
    checked: TunnelConfig = row.check(netns, given, old) if row.check is not None else given
    return checked


def tunnel_setup(link: Link, config: TunnelConfig, netns: Netns, mtu: int) -> None:
    """The device has been registered; ``netns`` is where its outer packets and its socket live, wherever the device moves."""
    link.tunnel = config
    link.tunnel_netns = netns
    setup = _KINDS[link.kind].setup
    if setup is not None:
        setup(link, mtu)


def tunnel_open(link: Link) -> None:
    """``ndo_open``, before the device is up. Raises ``NetlinkError``, and then it stays down."""
    row = ops_of(link)
    if row is not None and row.open is not None:
        row.open(link)


def tunnel_stop(link: Link) -> None:
    """``ndo_stop``."""
    row = ops_of(link)
    if row is not None and row.stop is not None:
        row.stop(link)


def tunnel_uninit(link: Link) -> None:
    """``ndo_uninit``."""
    row = ops_of(link)
    if row is not None and row.uninit is not None:
        row.uninit(link)


def tunnel_changelink(link: Link, config: TunnelConfig) -> None:
    """``ip link set … type KIND …``: all or nothing."""
    row = _KINDS[link.kind]
    assert link.tunnel_netns is not None  # noqa: S101 - it was set up
    config = tunnel_check(link.tunnel_netns, link.kind, config, link)
    if row.changed is not None:
        row.changed(link, config)
    link.tunnel = config


def tunnels_over(lower: Link) -> list[Link]:
    """The tunnel devices that were made with ``dev`` this device: they go with it."""
    netns = lower.netns
    return [
        link
        for other in netns.machine.netns.values()
        for link in other.links()
        if isinstance(link.tunnel, VxlanConfig) and link.tunnel_netns is netns and link.tunnel.lower == lower.ifindex
    ]


def tunnel_check_mtu(link: Link, mtu: int) -> None:
    """``ndo_change_mtu``. Raises ``NetlinkError`` EINVAL for more than the lower device takes (F94)."""
    row = ops_of(link)
    most = row.max_mtu(link) if row is not None and row.max_mtu is not None else 0
    if most and mtu > most:
        raise NetlinkError(EINVAL)
