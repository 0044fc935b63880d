"""Rules and the packets that pass them: the lab of the matches' tests."""

from __future__ import annotations

import shlex

from podwire.linux.netfilter.kernelnames import KernelNames
from podwire.linux.netfilter.parser import Parser
from podwire.linux.netfilter.tables import NFT
from podwire.linux.netfilter.xt.base import Match
from podwire.linux.skb import Skb
from podwire.wire.addr import Ip, Ip4, Mac
from podwire.wire.headers import IPPROTO_UDP, AnyHeader, Ethernet, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab
from tests.linux.netfilter.xt import targetlab
from tests.linux.netfilter.xt.targetlab import A_MAC, R_MAC, A, B


def routed() -> Lab:
    """The router of the targets' tests, and somebody at ``b`` who takes datagrams and says nothing."""
    lab = targetlab.routed()
    lab.udp("b", 53)
    return lab


def rules(lab: Lab, *lines: str, variant: str = NFT, table: str = "filter") -> None:
    """Add the lines ``-A CHAIN …`` to a table of the router, and keep what is there."""
    text = "\n".join((f"*{table}", *lines, "COMMIT", ""))
    lab.door("r").iptables_restore(text, variant=variant, noflush=True)


def clear(lab: Lab, chain: str, *, variant: str = NFT, table: str = "filter") -> None:
    """Remove the rules of a chain."""
    rules(lab, f"-F {chain}", variant=variant, table=table)


def counted(lab: Lab, chain: str = "FORWARD", *, variant: str = NFT, table: str = "filter") -> list[int]:
    """How many packets each rule of a chain of the router has matched."""
    found = lab["r"].xtables.table(variant, table)
    assert found is not None
    return [rule.packets for rule in found.chains[chain].rules]


def burst(lab: Lab, count: int = 1, *, src: str = A, dst: str = B, dport: int = 53, size: int = 8) -> None:
    """So many datagrams from ``a`` at one time."""
    for _ in range(count):
        eth = Ethernet(Mac.parse(R_MAC), Mac.parse(A_MAC))
        layers: tuple[AnyHeader, ...] = (eth, IPv4(Ip4.parse(src), Ip4.parse(dst), IPPROTO_UDP), Udp(5000, dport))
        lab.inject("a:v0", Packet(layers, bytes(size)))
    lab.run(0.001)


def match(lab: Lab, text: str, variant: str = NFT) -> Match:
    """The last match of a rule for the router, as the command reads it."""
    command = Parser(["-A", "INPUT", *shlex.split(text)], names=KernelNames(lab["r"]), variant=variant).parse()
    return command.matches[-1]


def passes(lab: Lab, text: str, packet: Packet, *, iif: str = "", oif: str = "") -> bool:
    """Does a packet that has no connection match?"""
    netns = lab["r"]
    one = match(lab, text)
    one.acquire(netns)
    test = one.compile(netns)
    try:
        return test(Skb(packet, 1), netns, netns.link(iif), netns.link(oif))
    finally:
        one.release(netns)


def ip(text: str) -> Ip:
    """An address."""
    return Ip4.parse(text)
