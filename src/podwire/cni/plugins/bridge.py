"""The plugin ``bridge``: pods of a node on one bridge, which may have the gateway's address (section 2.7)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.cni.plugins import ipam, masquerade, veth
from podwire.cni.plugins.fields import member, refuse
from podwire.cni.plugins.values import Address, Call, Interface, PluginError, Result, ResultRoute
from podwire.errors import NotModelled, PodwireError
from podwire.linux.errors import NetlinkError
from podwire.linux.link import Link
from podwire.linux.rtnl.bridge import PortOptions
from podwire.wire.addr import Ip4, Mac, Net

_DEFAULT: Final = Net(Ip4(0), 0)
_MAX_VLAN: Final = 4094


class _Conf(msgspec.Struct, frozen=True):
    """The plugin's own options."""

    bridge: str
    gateway: bool
    default_gateway: bool
    force_address: bool
    masq: bool
    mtu: int
    hairpin: bool
    promisc: bool
    layer3: bool


def _read(call: Call) -> _Conf:
    """The options; raises ``PluginError`` for what cannot be, ``NotModelled`` for VLANs and their kin."""
    conf = call.conf
    try:
        vlan = member(conf, "vlan", int, 0)
        default_gateway = member(conf, "isDefaultGateway", bool, default=False)
        read = _Conf(
            bridge=member(conf, "bridge", str, "cni0"),
            gateway=member(conf, "isGateway", bool, default=False) or default_gateway,
            default_gateway=default_gateway,
            force_address=member(conf, "forceAddress", bool, default=False),
            masq=member(conf, "ipMasq", bool, default=False),
            mtu=member(conf, "mtu", int, 0),
            hairpin=member(conf, "hairpinMode", bool, default=False),
            promisc=member(conf, "promiscMode", bool, default=False),
            layer3=bool((conf.get("ipam") or {}).get("type")),
        )
    except PluginError as error:
        raise PluginError(f"failed to load netconf: {error}") from None
    if not 0 <= vlan <= _MAX_VLAN:
        raise PluginError(f"invalid VLAN ID {vlan} (must be between 0 and 4094)")
    refuse(
        conf, "bridge", "vlan", "vlanTrunk", "macspoofchk", "preserveDefaultVlan", "enabledad", "portIsolation",
        "disableContainerInterface",
    )  # fmt: skip
    return read


def add(call: Call) -> Result:
    """ADD: the bridge, the pair, its host end in the bridge, the address, the gateway."""
    conf = _read(call)
    if conf.hairpin and conf.promisc:
        raise PluginError("cannot set hairpin mode and promiscuous mode at the same time.")
    bridge = _bridge(call, conf)
    pinned = bridge.mac
    link, host_end = veth.setup_veth(call, conf.mtu)
    door = call.host()
    try:
        door.link_set_master(host_end, bridge)
    except NetlinkError as error:
        raise PluginError(
            f'failed to connect "{host_end.name}" to bridge {bridge.name}: {veth.go_error(error)}'
        ) from error
    door.bridge_port_set(host_end, PortOptions(hairpin=conf.hairpin))
    result = Result()
    if conf.layer3:
        given = ipam.add(call)
        try:
            result = _layer3(call, conf, given, link)
            if conf.gateway:
                _gateway(call, conf, bridge, pinned, result)
            if conf.masq:
                masquerade.setup(call, result.ips)
        except PodwireError:
            ipam.delete(call)
            raise
    else:
        call.pod_door.link_up(link)
    own = Interface(bridge.name, str(bridge.mac))
    dns = call.conf.get("dns") or result.dns
    return Result((own, *veth.ends(call, link, host_end)), result.ips, result.routes, dns)


def delete(call: Call) -> None:
    """DEL: the address goes back, the pair goes; the bridge stays."""
    conf = _read(call)
    if conf.layer3:
        ipam.delete(call)
    veth.delete_link(call)
    if conf.layer3 and conf.masq:
        masquerade.teardown(call)


def _bridge(call: Call, conf: _Conf) -> Link:
    """``ensureBridge``: made where it is not there, promiscuous where that is asked for, up."""
    door = call.host()
    bridge = door.netns.link(conf.bridge)
    if bridge is None:
        try:
            bridge = door.link_add(conf.bridge, "bridge", mtu=conf.mtu)
        except NetlinkError as error:
            reason = f'could not add "{conf.bridge}": {veth.go_error(error)}'
            raise PluginError(f'failed to create bridge "{conf.bridge}": {reason}') from error
    if conf.promisc:
        door.link_set_promisc(bridge, on=True)
    if bridge.bridge is None:
        raise PluginError(
            f'failed to create bridge "{conf.bridge}": "{conf.bridge}" already exists but is not a bridge'
        )
    door.sysctl_write(f"net/ipv6/conf/{bridge.name}/accept_ra", "0")
    door.link_up(bridge)
    return bridge


def _layer3(call: Call, conf: _Conf, given: Result, link: Link) -> Result:
    """``calcGateways`` and ``ConfigureIface``; the address is announced when the device comes up."""
    if not given.ips:
        raise PluginError("IPAM plugin returned missing IP config")
    ips, routes = [], list(given.routes)
    for each in given.ips:
        if each.ip.bits != 32:
            raise NotModelled("bridge with an address of IPv6")
        gateway = each.gateway
        if gateway is None and conf.gateway:
            gateway = Ip4(int(each.subnet.addr) + 1)
        ips.append(Address(each.ip, each.plen, gateway, 2))
        if conf.default_gateway and not any(route.dst == _DEFAULT and route.gw is not None for route in routes):
            routes.append(ResultRoute(_DEFAULT, gateway, by_gateway=True))
    result = Result((), tuple(ips), tuple(routes), given.dns)
    call.pod_door.sysctl_write(f"net/ipv4/conf/{link.name}/arp_notify", "1")
    veth.configure(link, result, call.pod_door)
    return result


def _gateway(call: Call, conf: _Conf, bridge: Link, pinned: Mac, result: Result) -> None:
    """``ensureAddr``: the gateway with the subnet's length on the bridge, whose MAC no port changes any more; then forwarding."""
    door = call.host()
    for each in result.ips:
        assert each.gateway is not None  # noqa: S101 - a gateway was chosen for each
        wanted = Address(each.gateway, each.plen)
        there = False
        for have in list(bridge.addresses):
            if (have.local, have.plen) == (wanted.ip, wanted.plen):
                there = True
            elif conf.force_address:
                door.addr_del(bridge, have.local, have.plen)
            else:
                # Of IPv4 a bridge has one address; the plugin says so of any other that it meets.
                raise PluginError(
                    f'failed to set bridge addr: "{bridge.name}" already has an IP address different from {wanted}'
                )
        if not there:
            door.addr_add(bridge, wanted.ip, wanted.plen, broadcast=wanted.subnet.broadcast)
            door.link_set_mac(bridge, pinned)
    veth.enable_forwarding(door)
