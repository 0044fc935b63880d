"""What an agent knows of its node: its range, its router address, its endpoints, its log."""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from podwire.ipam.cluster_pool import HostScope
from podwire.linux.netns import Netns
from podwire.wire.addr import Ip, Net

_ENDPOINT_IDS: Final = 4095
_RESTORED: Final = " [restored]"


class Endpoint(msgspec.Struct):
    """A pod of the node, or its health endpoint.

    ``owner`` is ``default/pod1`` or ``health``, ``interface`` the host's end of its veth and ``ifname`` the pod's.
    """

    id: int
    owner: str
    ip: Ip
    identity: int
    interface: str
    netns: Netns
    ifname: str = "eth0"


class NodeState:
    """The CiliumNode object and the agent behind it."""

    def __init__(self, name: str, cidr: Net, internal_ip: Ip, ipam: HostScope, stream: Random) -> None:
        self.name = name
        self.cidr = cidr
        """``.spec.ipam.podCIDRs[0]``."""
        self.internal_ip = internal_ip
        self.ipam = ipam
        self.router: Ip = ipam.allocate_next("router")
        self.health: Ip | None = None
        self.is_api_server = False
        self.endpoints: dict[str, Endpoint] = {}
        """By container id."""
        self.log: list[str] = []
        self.direct: dict[Net, Ip] = {}
        """Direct routes to pod CIDRs that the agent has installed since its start."""
        self.told: set[str] = set()
        """What it has logged since its start and does not repeat."""
        self._stream = stream

    def new_endpoint_id(self) -> int:
        """Random, from 1 to 4095, as long as one is free."""
        used = {endpoint.id for endpoint in self.endpoints.values()}
        while True:
            number = self._stream.randint(1, _ENDPOINT_IDS if len(used) < _ENDPOINT_IDS // 2 else 65535)
            if number not in used:
                return number

    def start_again(self) -> None:
        """The agent has forgotten what it said and which routes it made; the addresses of its pods it restores."""
        self.told.clear()
        self.direct.clear()
        restored = {endpoint.ip for endpoint in self.endpoints.values() if "/" in endpoint.owner}
        for ip in restored & self.ipam.owners.keys():
            self.ipam.owners[ip] = self.ipam.owners[ip].removesuffix(_RESTORED) + _RESTORED

    def say(self, *lines: str) -> None:
        """Log what was not said since the agent's start."""
        for line in lines:
            if line not in self.told:
                self.told.add(line)
                self.log.append(line)
