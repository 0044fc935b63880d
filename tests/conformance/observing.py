"""What was seen of a ping, device by device, in the notation of ``modes``."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from podwire.cluster import Cluster, Handle, Pod
from podwire.cluster.probes import PingResult
from podwire.export.frames import Frame
from podwire.wire.addr import Ip, Net
from podwire.wire.headers import ICMP_ECHO, Geneve, Icmp, IPv4, Udp, Vxlan
from tests.conformance.modes import Tunnel, node_of


@dataclass(frozen=True)
class Step:
    """One device that a packet passed: its headers there, outermost first."""

    device: str
    ips: tuple[IPv4, ...]
    tunnel: Tunnel | None
    ethernet_size: int

    @property
    def inner(self) -> IPv4:
        """The header that people's packet has."""
        return self.ips[-1]

    @property
    def outer(self) -> IPv4 | None:
        """The header around it."""
        return self.ips[0] if len(self.ips) > 1 else None


@dataclass(frozen=True)
class Seen:
    """Request and reply of one ping, and the ping itself."""

    ping: PingResult
    request: tuple[Step, ...]
    reply: tuple[Step, ...]


def watch(cluster: Cluster, sender: Handle, receiver: Handle | str) -> Seen:
    """Ping once and look at every device of every machine."""
    with cluster.capture() as capture:
        ping = sender.ping(receiver)
    request: list[Step] = []
    reply: list[Step] = []
    for frame in capture.frames:
        icmp = _last_icmp(frame)
        if icmp is not None:
            (request if icmp.type == ICMP_ECHO else reply).append(_step(frame))
    return Seen(ping, tuple(request), tuple(reply))


def _last_icmp(frame: Frame) -> Icmp | None:
    header = frame.frame.layers[-1]
    return header if isinstance(header, Icmp) else None


def _step(frame: Frame) -> Step:
    layers = frame.frame.layers
    ips = tuple(header for header in layers if isinstance(header, IPv4))
    tunnel = None
    if len(ips) > 1:
        udp = next((header for header in layers if isinstance(header, Udp)), None)
        overlay = next((header for header in layers if isinstance(header, Vxlan | Geneve)), None)
        kind = type(overlay).__name__.lower() if overlay is not None else "ipip"
        tunnel = Tunnel(kind, udp.dport if udp else 0, overlay.vni if overlay else 0, ips[0].df)
    return Step(frame.device, ips, tunnel, frame.frame.size)


def line(steps: tuple[Step, ...], sender: Handle, receiver: Handle) -> str:
    """The steps as ``modes`` writes them."""
    roles = _roles(sender, receiver)
    words = []
    for step in steps:
        text = f"{_role(step.device, roles)} {step.inner.ttl}"
        if step.tunnel is not None and step.outer is not None:
            text += f" {step.tunnel.kind} {step.outer.ttl}"
        words.append(text)
    return ", ".join(words)


def devices(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """As ``Trace.path``: equal neighbours are one."""
    return tuple(name for name, _ in groupby(step.device for step in steps))


def _roles(sender: Handle, receiver: Handle) -> dict[str, str]:
    """Device or machine to its role. On a common node N wins, and a router that nobody needs has no far side."""
    roles = {"client": "C"}
    cluster = sender._cluster  # the devices of its router
    for handle, side, machine, pod in ((receiver, "R.far", "M", "b"), (sender, "R.near", "N", "a")):
        node = node_of(handle)
        if node is not None:
            roles[node.name] = machine
        if isinstance(handle, Pod):
            roles[f"{handle.name}:eth0"] = pod.upper()
            roles[f"{handle.node.name}:{handle.interface}"] = pod
        ip = (node or handle).ip
        if "router" in cluster.network.machines and ip is not None:
            for link, own in cluster.host("router").place.netns.addresses():
                if ip in Net.of(own.local, own.plen):
                    roles[f"router:{link.name}"] = side
    return roles


def _role(device: str, roles: dict[str, str]) -> str:
    machine, _, link = device.rpartition(":")
    return roles.get(device) or f"{roles.get(machine, machine)}.{link}"


def address(handle: Handle, device: str) -> Ip:
    """The first address of a device."""
    link = handle.place.netns.link(device)
    assert link is not None, f"{handle.name} has no {device}"
    return link.addresses[0].local
