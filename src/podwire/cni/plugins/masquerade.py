"""``ipMasq`` of ptp and bridge (section 2.3): what leaves the pod's subnet gets the address of the node."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from podwire.cni.plugins.rules import ensure_chain, insert_unique, remove_chain
from podwire.cni.plugins.values import Address, Call
from podwire.errors import NotModelled

_LENGTH: Final = 28
"""The longest name of a chain that the plugins make."""


def chain_name(network: str, container: str, prefix: str = "CNI-") -> str:
    """The prefix and hex digits of the SHA-512 of network name and container id, 28 characters in all."""
    return (prefix + hashlib.sha512(f"{network}{container}".encode()).hexdigest())[:_LENGTH]


def comment(call: Call, prefix: str = "") -> str:
    """``utils.FormatComment`` as iptables-save prints it: quotes inside are escaped; at most 255 characters."""
    text = f'{prefix}name: "{call.network}" id: "{call.container}"'
    text = text if len(text) <= 255 else f"{text[:253]}..."
    return '"' + text.replace('"', '\\"') + '"'


def setup(call: Call, addresses: tuple[Address, ...]) -> None:
    """``ip.SetupIPMasq`` for each address. Raises ``NotModelled`` for IPv6."""
    chain, words = chain_name(call.network, call.container), f"-m comment --comment {comment(call)}"
    door = call.host()
    for each in _ipv4(addresses):
        ensure_chain(door, chain)
        insert_unique(door, chain, f"-d {each.subnet} {words} -j ACCEPT")
        insert_unique(door, chain, f"! -d 224.0.0.0/4 {words} -j MASQUERADE")
        insert_unique(door, "POSTROUTING", f"-s {each.ip}/32 {words} -j {chain}")


def teardown(call: Call) -> None:
    """``ip.TeardownIPMasq``: the chain, and what jumps to it."""
    remove_chain(call.host(), chain_name(call.network, call.container), ("POSTROUTING",))


def _ipv4(addresses: tuple[Address, ...]) -> Iterator[Address]:
    for each in addresses:
        if each.ip.bits != 32:
            raise NotModelled("ipMasq of an IPv6 address")
        yield each
