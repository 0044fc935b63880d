"""What goes into a plugin and what comes out: a call, and the result of CNI's specification."""

from __future__ import annotations

from collections.abc import MutableMapping
from random import Random
from typing import Any, Protocol

import msgspec

from podwire.cni.backend import PortMapping
from podwire.errors import PodwireError
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

_WITH_FAMILY = frozenset({"0.3.0", "0.3.1", "0.4.0"})
"""Versions of the specification in which an address says of which family it is."""


class PluginError(PodwireError):
    """A plugin refuses: its own text."""


class Interface(msgspec.Struct, frozen=True):
    """A device that a plugin made; ``sandbox`` is the path of the container's namespace where it is in there."""

    name: str
    mac: str
    sandbox: str = ""


class Address(msgspec.Struct, frozen=True):
    """An address that an IPAM plugin gave; ``interface`` is the index of the device that has it."""

    ip: Ip
    plen: int
    gateway: Ip | None = None
    interface: int | None = None

    @property
    def subnet(self) -> Net:
        """The subnet of the address."""
        return Net.of(self.ip, self.plen)

    def __str__(self) -> str:
        return f"{self.ip}/{self.plen}"


class ResultRoute(msgspec.Struct, frozen=True):
    """A route of a result; without ``gw`` the address's gateway is meant. ``by_gateway``: the bridge plugin added it itself."""

    dst: Net
    gw: Ip | None = None
    by_gateway: bool = False


class Result(msgspec.Struct, frozen=True):
    """The result of ADD."""

    interfaces: tuple[Interface, ...] = ()
    ips: tuple[Address, ...] = ()
    routes: tuple[ResultRoute, ...] = ()
    dns: dict[str, Any] = {}

    def plain(self, version: str) -> dict[str, Any]:
        """As JSON, in the words of that version of the specification (0.3.0 or later)."""
        found: dict[str, Any] = {"cniVersion": version}
        if self.interfaces:
            found["interfaces"] = [
                {"name": each.name, "mac": each.mac, **({"sandbox": each.sandbox} if each.sandbox else {})}
                for each in self.interfaces
            ]
        if self.ips:
            found["ips"] = [_plain_address(each, version) for each in self.ips]
        if self.routes:
            found["routes"] = [
                {"dst": str(each.dst), **({"gw": str(each.gw)} if each.gw is not None else {})} for each in self.routes
            ]
        return {**found, "dns": {key: value for key, value in self.dns.items() if value}}


def _plain_address(address: Address, version: str) -> dict[str, Any]:
    found: dict[str, Any] = {"version": "4" if address.ip.bits == 32 else "6"} if version in _WITH_FAMILY else {}
    if address.interface is not None:
        found["interface"] = address.interface
    found["address"] = str(address)
    return {**found, "gateway": str(address.gateway)} if address.gateway is not None else found


class Call(msgspec.Struct):
    """One call of one plugin, as the runtime makes it.

    ``conf`` is the plugin's own configuration; ``network`` the name of the list; ``door`` leads to the node, ``pod_door`` to the
    container's namespace, at ``netns``; ``files`` is the node's file tree, ``path`` where plugins lie, ``names`` draws names of devices.
    ``mappings`` and ``previous`` are what the runtime passes as runtimeConfig and prevResult.
    """

    conf: dict[str, Any]
    network: str
    container: str
    netns: str
    door: Netlink
    pod_door: Netlink
    files: MutableMapping[str, str]
    names: Random
    about: str = ""
    """For whom, in the words of an ``Owner``: ``Pod default/a``."""
    ifname: str = "eth0"
    args: str = ""
    path: str = "/opt/cni/bin"
    version: str = "1.0.0"
    mappings: tuple[PortMapping, ...] = ()
    previous: Result | None = None

    def host(self, about: str = "") -> Netlink:
        """The door to the node, in the name of the plugin; ``about`` says more of what it is for."""
        return Netlink(self.door.netns, Owner(self.door.writer.component, f"{self.about}{about}"))


class Plugin(Protocol):
    """A plugin: ADD and DEL."""

    def add(self, call: Call) -> Result:
        """ADD. Raises ``PluginError`` with the plugin's own text, ``NotModelled`` for an option that podwire lacks."""

    def delete(self, call: Call) -> None:
        """DEL: what is not there is no error."""
