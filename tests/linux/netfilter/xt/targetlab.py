"""A router between two hosts, and what passes it: the lab of the targets' tests."""

from __future__ import annotations

from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.wire.addr import Ip, Ip4, Mac
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP, AnyHeader, Ethernet, IPv4, Tcp, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

A, B = "10.0.0.1", "10.1.0.2"
A_MAC, R_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:1a"


def routed() -> Lab:
    """``a`` (10.0.0.1) behind r0 of router ``r``, ``b`` (10.1.0.2) behind its r1; ICMP errors are not limited."""
    lab = Lab()
    lab.machine("r")
    lab.netns("r", "a")
    lab.netns("r", "b")
    lab.veth("a:v0", A_MAC, "r:r0", R_MAC)
    lab.veth("r:r1", "02:00:00:00:00:1b", "b:v1", "02:00:00:00:00:0b")
    for where, prefix in (
        ("a:v0", f"{A}/24"),
        ("r:r0", "10.0.0.254/24"),
        ("r:r1", "10.1.0.254/24"),
        ("b:v1", f"{B}/24"),
    ):
        lab.addr(where, prefix)
    lab.route("a", "default via 10.0.0.254")
    lab.route("b", "default via 10.1.0.254")
    for name in ("a", "r", "b"):
        lab.sysctl(name, "icmp_ratelimit", 0)
        lab.sysctl(name, "conf/all/rp_filter", 0)
    lab.sysctl("r", "ip_forward", 1)
    lab.set_neigh("a:v0", "10.0.0.254", R_MAC)
    lab.set_neigh("r:r0", A, A_MAC)
    lab.set_neigh("r:r1", B, "02:00:00:00:00:0b")
    lab.set_neigh("b:v1", "10.1.0.254", "02:00:00:00:00:1b")
    lab.restart()
    return lab


def send(lab: Lab, ip: IPv4, transport: AnyHeader | None = None, payload: bytes = b"") -> None:
    """Inject a packet at ``a``, towards the router; all that follows at once is done when this returns."""
    layers: tuple[AnyHeader, ...] = (Ethernet(Mac.parse(R_MAC), Mac.parse(A_MAC)), ip)
    if transport is not None:
        layers = (*layers, transport)
    lab.inject("a:v0", Packet(layers, payload))
    lab.run(0.1)


def ipv4(proto: int, *, dst: str = B, **more: int) -> IPv4:
    """A header from ``a``."""
    return IPv4(_ip(A), _ip(dst), proto, **more)  # type: ignore[arg-type]


def tcp(lab: Lab, flags: int, *, seq: int = 100, ack: int = 0, payload: bytes = b"", **more: object) -> None:
    """A segment from port 1234 of ``a`` to port 80 of ``b``."""
    options = more.pop("options", b"")
    header = Tcp(1234, 80, seq, ack, flags, 1000, options=options)  # type: ignore[arg-type]
    send(lab, ipv4(IPPROTO_TCP, id=7, **more), header, payload)  # type: ignore[arg-type]


def udp(lab: Lab, port: int = 53, *, dst: str = B, **more: int) -> None:
    """A datagram of 8 bytes from port 5000 of ``a`` to ``b``."""
    send(lab, ipv4(IPPROTO_UDP, dst=dst, **more), Udp(5000, port), b"12345678")


def seen(lab: Lab, where: str) -> list[IPv4]:
    """The IP headers of the frames that a device transmitted."""
    return lab.headers(where, IPv4)


def refused(error: XtCheckError) -> tuple[int, str]:
    """What the kernel says of a rule that cannot stand."""
    return error.errno, error.dmesg


def _ip(text: str) -> Ip:
    return Ip4.parse(text)
