"""Which address is the node's: IP_AUTODETECTION_METHOD (reference sheet Calico, section 8; node/pkg/lifecycle/startup/autodetection)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec

from podwire.errors import ConfigError
from podwire.linux.fib import RT_TABLE_MAIN, UNICAST
from podwire.linux.netns import Netns
from podwire.wire.addr import Ip, Ip4, Net

METHODS: Final = (
    "first-found",
    "kubernetes-internal-ip",
    "can-reach=",
    "interface=",
    "skip-interface=",
    "cidr=",
)
_SKIPPED: Final = (
    "^docker.*", "^cbr.*", "^dummy.*", "^podman.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo", "^br-.*", "^cali.*", "^tunl.*",
    "^flannel.*", "^kube-ipvs.*", "^cni.*", r"^vxlan\.calico.*", r"^vxlan-v6\.calico.*", r"^wireguard\.cali.*", r"^wg-v6\.cali.*",
    "^nodelocaldns.*",
)  # fmt: skip
"""Names of interfaces that never hold the node's address."""
_PREFERRED: Final = Net.parse("192.168.0.0/16")


class NodeAddress(msgspec.Struct, frozen=True):
    """An address with the prefix length that its device has: annotation ``projectcalico.org/IPv4Address``."""

    ip: Ip
    plen: int

    @property
    def subnet(self) -> Net:
        """The node's own subnet, by which CrossSubnet decides."""
        return Net.of(self.ip, self.plen)

    def __str__(self) -> str:
        return f"{self.ip}/{self.plen}"


def autodetect(method: str, netns: Netns, internal_ip: Ip) -> NodeAddress | None:
    """The address that calico-node writes into its Node object; None where none is found.

    Raises ``ConfigError`` for a method that cannot be understood.
    """
    kind, _, argument = method.partition("=")
    if kind == "kubernetes-internal-ip":
        return _find(netns, ips=(internal_ip,).__contains__) or NodeAddress(internal_ip, 32)
    if kind == "can-reach":
        return _reach(netns, argument)
    if kind == "interface":
        wanted = _names(argument.split(","))
        return _find(netns, names=lambda name: wanted.search(name) is not None)
    if kind == "cidr":
        nets = [_net(text.strip()) for text in argument.split(",")]
        return _find(netns, ips=lambda ip: any(ip in net for net in nets))
    skipped = _names([*_SKIPPED, *(argument.split(",") if kind == "skip-interface" else ())])
    return _find(netns, names=lambda name: skipped.search(name) is None)


def _names(patterns: list[str]) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"({pattern.strip()})" for pattern in patterns))
    except re.error as error:
        raise ConfigError("Calico", f"ip_autodetection_method: {error}") from None


def _net(text: str) -> Net:
    try:
        return Net.parse(text, strict=False)
    except ValueError as error:
        raise ConfigError("Calico", f"ip_autodetection_method: {error}") from None


def _any(_: object) -> bool:
    return True


def _find(netns: Netns, *, names: Callable[[str], bool] = _any, ips: Callable[[Ip], bool] = _any) -> NodeAddress | None:
    """The first address that will do, the device with the highest index first: calico-node walks its list backwards."""
    for link in sorted(netns.links(), key=lambda link: -link.ifindex):
        for address in link.addresses if names(link.name) else ():
            if ips(address.local) and _is_global(address.local):
                return NodeAddress(address.local, address.plen)
    return None


def _is_global(ip: Ip) -> bool:
    """``IsGlobalUnicast``."""
    return not (ip.is_loopback or ip.is_multicast or Ip4(ip).is_link_local or ip in {Ip4(0), Ip4(0xFFFFFFFF)})


def _reach(netns: Netns, target: str) -> NodeAddress | None:
    """The source that the kernel takes towards an address."""
    try:
        dst = Ip.parse(target)
    except ValueError as error:
        raise ConfigError("Calico", f"ip_autodetection_method=can-reach: {error}") from None
    for route in netns.table(RT_TABLE_MAIN).candidates(dst):
        link = netns.link_by_index(route.nexthops[0].ifindex) if route.nexthops else None
        if route.type != UNICAST or link is None:
            return None
        for address in link.addresses:
            if route.src in {None, address.local}:
                return NodeAddress(address.local, address.plen)
        return None
    return None


def default_pool_cidr(netns: Netns) -> Net:
    """192.168.0.0/16, or the first of 172.16.0.0/16 to 172.31.0.0/16 in which the host has no address."""
    own = [address.local for link in netns.links() for address in link.addresses]
    fallbacks = [Net(Ip4(172 << 24 | number << 16), 16) for number in range(16, 32)]
    free = (pool for pool in (_PREFERRED, *fallbacks) if not any(ip in pool for ip in own))
    return next(free, _PREFERRED)
