"""Holding a packet against the policy map of a pod (bpf/lib/policy.h; reference sheet Cilium, section 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from podwire.cni.cilium.maps import PolicyEntry, PolicyKey, policy_name
from podwire.trace.reasons import DropReason
from podwire.wire.headers import Icmp, IPv4, Tcp, Udp

if TYPE_CHECKING:
    from podwire.linux.bpf.context import Context
    from podwire.linux.bpf.maps import LpmTrie

_PROTO_BITS: Final = 8
_ANY: Final = 0
_MATCHES: Final = ("L3-L4", "L3-Proto", "L3-Only")
_MATCHES_OF_ANYONE: Final = ("L4-Only", "Proto-Only", "all")


def flow(ctx: Context) -> tuple[int, int]:
    """Protocol and destination port; for ICMP the type stands for the port."""
    ip, transport = ctx.ip, ctx.transport
    assert isinstance(ip, IPv4)  # noqa: S101 - policy is asked for IPv4 alone
    if isinstance(transport, Tcp | Udp):
        return ip.proto, transport.dport
    return ip.proto, transport.type if isinstance(transport, Icmp) else 0


def _find(
    table: LpmTrie[PolicyEntry], identity: int, direction: int, proto: int, dport: int
) -> tuple[PolicyKey, PolicyEntry] | None:
    """The entry of an identity with the longest prefix of protocol and port."""
    for plen in table.lengths:
        bits = plen - _PROTO_BITS
        key = (
            PolicyKey(identity, direction)
            if not plen
            else PolicyKey(identity, direction, plen, proto, dport >> 16 - bits << 16 - bits)
        )
        entry = table.lookup(key)
        if entry is not None:
            return key, entry
    return None


class Verdict(NamedTuple):
    """``drop`` is None where the packet may pass; ``match`` says which entry decided: ``L3-L4``, ``L4-Only``, ``all`` …, ``none``."""

    drop: DropReason | None
    match: str


def policy_verdict(ctx: Context, endpoint: int, identity: int, direction: int) -> Verdict:
    """``__policy_can_access``: the entry for the identity against the one for any; a deny for the identity wins at once."""
    table = ctx.lpm(policy_name(endpoint))
    proto, dport = flow(ctx)
    own = _find(table, identity, direction, proto, dport)
    anyone = _find(table, _ANY, direction, proto, dport)
    denied = own is not None and own[1].deny
    if anyone is not None and not denied and (own is None or _beats(anyone, own)):
        return _verdict(anyone, _MATCHES_OF_ANYONE)
    return _verdict(own, _MATCHES) if own is not None else Verdict(DropReason.POLICY_DENIED, "none")


def _verdict(found: tuple[PolicyKey, PolicyEntry], names: tuple[str, str, str]) -> Verdict:
    plen = found[0].plen
    name = names[0] if plen > _PROTO_BITS else names[1] if plen else names[2]
    return Verdict(DropReason.POLICY_DENY if found[1].deny else None, name)


def _beats(anyone: tuple[PolicyKey, PolicyEntry], own: tuple[PolicyKey, PolicyEntry]) -> bool:
    """Whether the entry for any identity is preferred: a deny, the higher proxy priority, then the longer prefix."""
    if anyone[1].deny:
        return True
    if anyone[1].priority != own[1].priority:
        return anyone[1].priority > own[1].priority
    return anyone[0].plen > own[0].plen
