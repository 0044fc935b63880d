"""F190 and F191: in which order packets pass hooks and decisions; F141 and F142: what a capture of podwire has that one of veths has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from podwire.linux.netfilter.hooks import (
    HOOK_NAMES,
    NF_ACCEPT,
    NF_INET_FORWARD,
    NF_INET_LOCAL_IN,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
)
from podwire.linux.tcp.socket import TcpSocket
from podwire.trace.events import Routed, Transmitted
from podwire.wire.addr import Ip4
from podwire.wire.headers import Tcp
from tests.linux.netfilter.xt.targetlab import B, routed

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from tests.linux.lab import Lab

ROUTER = "r"
PRIORITIES = (-450, -300, -200, -150, -100, 0, 50, 100, 300)


def watched(lab: Lab, name: str) -> list[str]:
    """Every hook and priority that an echo request passes there, with its TTL; routes are told where they are looked up."""
    passed: list[str] = []
    netns = lab[name]

    def at(hook: int, priority: int) -> Callable[..., int]:
        def fn(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            if skb.ip.proto == 1 and skb.packet.layers[1].type == 8:  # type: ignore[union-attr]
                passed.append(f"{HOOK_NAMES[hook]} {priority} ttl {skb.ip.ttl}")
            return NF_ACCEPT

        return fn

    for hook in (
        NF_INET_PRE_ROUTING,
        NF_INET_LOCAL_IN,
        NF_INET_FORWARD,
        NF_INET_LOCAL_OUT,
        NF_INET_POST_ROUTING,
    ):
        for priority in reversed(PRIORITIES):
            netns.nf.register(hook, priority, at(hook, priority))
    lab.network.log.attach(
        lambda record: (
            passed.append("route") if record.netns == netns.label and isinstance(record.event, Routed) else None
        )
    )
    return passed


def all_of(hook: str, ttl: int) -> list[str]:
    return [f"{hook} {priority} ttl {ttl}" for priority in PRIORITIES]


def first(passed: list[str], count: int) -> list[str]:
    return passed[:count]


def test_f190_a_forwarded_packet_is_routed_between_prerouting_and_forward_and_its_ttl_falls_there() -> None:
    lab = routed()
    passed = watched(lab, ROUTER)
    lab.ping("a", B)
    wanted = [*all_of("PREROUTING", 64), "route", *all_of("FORWARD", 63), *all_of("POSTROUTING", 63)]
    assert first(passed, len(wanted)) == wanted


def test_f190_what_dies_of_its_ttl_or_of_its_route_never_reaches_forward() -> None:
    lab = routed()
    passed = watched(lab, ROUTER)
    lab.ping("a", B, ttl=1)
    assert first(passed, 10) == [*all_of("PREROUTING", 1), "route"]
    assert not [line for line in passed if line.startswith("FORWARD")]
    passed.clear()
    lab.ping("a", "10.99.0.1")
    assert first(passed, 9) == all_of("PREROUTING", 64)
    assert not [line for line in passed if line.startswith("FORWARD")]


def test_f191_a_packet_for_this_host_is_routed_before_input() -> None:
    lab = routed()
    passed = watched(lab, "b")
    lab.ping("a", B)
    wanted = [*all_of("PREROUTING", 63), "route", *all_of("INPUT", 63)]
    assert first(passed, len(wanted)) == wanted


def test_f191_a_packet_of_this_host_is_routed_before_output() -> None:
    lab = routed()
    passed = watched(lab, "a")
    lab.ping("a", B)
    wanted = ["route", *all_of("OUTPUT", 64), *all_of("POSTROUTING", 64)]
    assert first(passed, len(wanted)) == wanted


@pytest.mark.parametrize("size", [1000, 20_000])
def test_f142_segments_are_never_longer_than_the_mss_as_with_tso_and_gso_off(size: int) -> None:
    lab = routed()
    server = TcpSocket(lab["b"])
    server.bind(Ip4.parse("0.0.0.0"), 80)
    server.listen(5)
    client = TcpSocket(lab["a"])
    client.connect(Ip4.parse(B), 80)
    lab.run(0.1)
    client.send(bytes(size))
    lab.run(1.0)
    accepted = server.accept()
    assert accepted is not None
    assert len(accepted.recv()) == size
    frames = [seen.event.frame for seen in lab.events(Transmitted, "a")]
    segments = [frame for frame in frames if any(isinstance(layer, Tcp) for layer in frame.layers)]
    assert max(frame.size for frame in segments) <= 1514
    # F141: no checksum is left half done, wherever the frame is seen.
    assert all(layer.checksum is None for frame in segments for layer in frame.layers if isinstance(layer, Tcp))
