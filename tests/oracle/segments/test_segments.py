"""What podwire's connection tracking makes of the segments that the kernel has judged (F135, F170, F171)."""

import json
import pathlib

import pytest

from podwire.linux.netfilter.conntrack.confirm import nf_conntrack_confirm
from podwire.linux.netfilter.conntrack.core import nf_conntrack_in
from podwire.linux.netfilter.conntrack.entry import IPS_ASSURED, IPS_SEEN_REPLY
from podwire.linux.netfilter.conntrack.report import state_of
from podwire.linux.netfilter.conntrack.tcp import TCP_STATES
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_INET_PRE_ROUTING
from podwire.linux.skb import Skb
from podwire.wire.addr import Ip4
from podwire.wire.headers import IPPROTO_TCP, IPv4, Tcp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

RECORD = json.loads((pathlib.Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
ENDS = (Ip4.parse("10.1.0.2"), Ip4.parse("10.2.0.2"))
SLACK = 3
"""Seconds that may have passed on the kernel's side."""


def packet(port, segment):
    direction, flags, seq, ack, window, length, options = segment
    raw = bytes.fromhex(options)
    sport, dport = (port, 80) if direction == 0 else (80, port)
    header = Tcp(sport, dport, seq, ack, flags, window, 0, raw + b"\0" * (-len(raw) % 4))
    return Packet((IPv4(ENDS[direction], ENDS[1 - direction], IPPROTO_TCP, df=True), header), b"x" * length)


def judged(netns, skb):
    """State of the packet, and of its connection, as the kernel's side tells it."""
    if nf_conntrack_in(skb, netns, NF_INET_PRE_ROUTING) != NF_ACCEPT:
        return "dropped"
    state = state_of(skb)
    return state if nf_conntrack_confirm(skb, netns) == NF_ACCEPT else "dropped"


def entry(netns, port):
    for ct in netns.conntrack:
        if port in {ct.orig.sport, ct.orig.dport}:
            left = (ct.timeout - netns.machine.world.now) // 1_000_000_000
            return [TCP_STATES[ct.proto.state], left, bool(ct.status & IPS_ASSURED), bool(ct.status & IPS_SEEN_REPLY)]
    return None


@pytest.mark.parametrize("run", RECORD, ids=lambda run: ",".join(run["settings"]) or "default")
def test_every_segment_is_judged_as_by_the_kernel(run):
    lab = Lab()
    netns = lab.machine("node").root.netns
    for key, value in run["settings"].items():
        lab.door("node").sysctl_write(f"net/netfilter/nf_conntrack_{key}", str(value))
    for number, (segments, answers) in enumerate(zip(run["connections"], run["answers"], strict=True)):
        for step, (segment, (state, want)) in enumerate(zip(segments, answers, strict=True)):
            where = f"connection {number}, segment {step}: {segment}"
            assert judged(netns, Skb(packet(1024 + number, segment), 1)) == state, where
            have = entry(netns, 1024 + number)
            if want is None or have is None:
                assert have is want, where
                continue
            assert have[:1] + have[2:] == want[:1] + want[2:], where
            assert 0 <= have[1] - want[1] <= SLACK, where
