"""Rate limits per remote address (net/ipv4/inetpeer.c; facts F102, F103).

One token counter per address serves two limiters with different bookkeeping: ``icmp_send`` (burst of 6) and
``ip_error`` (burst of 5). That they share it is why route errors run dry after two packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Ip

XRLIM_BURST_FACTOR: Final = 6


class Peer:
    """``struct inet_peer``: tokens in jiffies."""

    __slots__ = ("n_redirects", "rate_last", "rate_tokens")

    def __init__(self, now: int, hz: int) -> None:
        self.rate_tokens = 0
        self.rate_last = now - 60 * hz
        self.n_redirects = 0


def get_peer(netns: Netns, addr: Ip) -> Peer:
    """``inet_getpeer_v4``: made at first use."""
    peer = netns.peers.get(addr)
    if peer is None:
        machine = netns.machine
        peer = netns.peers[addr] = Peer(machine.jiffies, machine.hz)
    return peer


def inet_peer_xrlim_allow(peer: Peer, now: int, timeout: int) -> bool:
    """One ICMP message per ``timeout`` jiffies with a burst of six.

    What is there is cut to the burst only when time has passed: with a timeout of 0 an error of ip_error, which has looked at the
    same instant, leaves the tokens alone, and every other one takes them all.
    """
    token = peer.rate_tokens
    if now != peer.rate_last:
        token = min(token + now - peer.rate_last, XRLIM_BURST_FACTOR * timeout)
        peer.rate_last = now
    allowed = token >= timeout
    peer.rate_tokens = token - timeout if allowed else token
    return allowed


def ip_error_allow(peer: Peer, now: int, cost: int, burst: int) -> bool:
    """The limiter of ip_error (net/ipv4/route.c).

    An error costs ``route/error_cost`` jiffies of at most ``route/error_burst``.
    """
    peer.rate_tokens = min(peer.rate_tokens + now - peer.rate_last, burst)
    peer.rate_last = now
    if peer.rate_tokens < cost:
        return False
    peer.rate_tokens -= cost
    return True


def redirect_allow(peer: Peer, now: int, load: int, number: int, silence: int) -> bool:
    """The limiter of ip_rt_send_redirect.

    ``silence`` jiffies forgive, at most ``number`` unheeded, pauses that double from ``load``.
    """
    if now > peer.rate_last + silence:
        peer.rate_tokens = 0
        peer.n_redirects = 0
    if peer.n_redirects >= number:
        peer.rate_last = now
        return False
    return peer.n_redirects == 0 or now > peer.rate_last + (load << peer.n_redirects)
