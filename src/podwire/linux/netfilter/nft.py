"""What iptables-nft 1.8.9 makes of a rule: some matches become nft's own expressions, and read back they are not what was written.

``add_match`` (iptables/nft.c) translates ``tcp``, ``udp``, ``mark`` and ``limit``; the others stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podwire.errors import NotModelled
from podwire.linux.netfilter.tables import RuleSpec
from podwire.linux.netfilter.xt.base import MatchFn
from podwire.linux.netfilter.xt.options import OptionError
from podwire.linux.netfilter.xt.ports import ANY_PORT, Ports, header_match, only_port, port_tests
from podwire.linux.netfilter.xt.tcp import Tcp, flags_test
from podwire.linux.netfilter.xt.udp import Udp
from podwire.wire.headers import Tcp as TcpHeader
from podwire.wire.headers import Udp as UdpHeader

_FLAGS = 13
"""Where the flags of TCP are."""

if TYPE_CHECKING:
    from podwire.linux.netfilter.xt.base import Match
    from podwire.linux.skb import Skb


def is_native(match: Match) -> bool:
    """Is the match made of nft's own expressions? ``-m tcp`` without any option, or with ``--tcp-option``, is not."""
    if isinstance(match, Tcp):
        return not (match.option or match.option_invert or match == Tcp())
    return isinstance(match, Udp) and match != Udp()


def check_words(spec: RuleSpec) -> None:
    """What iptables-nft says by itself of matches that it translates: raises ``OptionError``."""
    for match in spec.matches:
        if isinstance(match, Tcp | Udp) and is_native(match):
            if spec.proto is None or spec.proto.number != match.PROTO:
                msg = f"{match.NAME.upper()} match requires '-p {match.NAME}'"
                raise OptionError(msg)
            if spec.proto.invert:
                msg = f"! -p {match.NAME} -m {match.NAME}: ports of other protocols"
                raise NotModelled(msg, "iptables-nft")


def expressions_fit(spec: RuleSpec) -> bool:
    """``nft_cmp_init``: ``! -s 0.0.0.0/0`` would compare nothing with nothing, which is EINVAL."""
    return not any(prefix is not None and prefix.invert and not prefix.mask for prefix in (spec.src, spec.dst))


def nft_view(spec: RuleSpec) -> RuleSpec:
    """The rule as iptables-nft reads it back (``nft_rule_to_iptables_command_state``): what the texts show and ``-C`` compares."""
    matches = spec.matches
    views = tuple(match.nft_view() for match in matches)
    if any(view is not match for view, match in zip(views, matches, strict=True)):
        matches = views
    if any(isinstance(match, Tcp | Udp) for match in matches):
        matches = _merged(matches)
    iif, oif = (None if one is not None and one.name == "+" and not one.invert else one for one in (spec.iif, spec.oif))
    if matches is spec.matches and iif is spec.iif and oif is spec.oif:
        return spec
    return msgspec.structs.replace(spec, matches=matches, iif=iif, oif=oif)


def _merged(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Ports and flags of all translated tcp (udp) matches go into the first of them; what compares nothing is gone."""
    view: list[Match] = []
    place: dict[type, int] = {}
    for match in matches:
        if not isinstance(match, Tcp | Udp) or not is_native(match):
            view.append(match)
            continue
        one = _shown(match)
        if one is None:
            continue
        kind = type(match)
        if kind not in place:
            place[kind] = len(view)
            view.append(one)
        else:
            before = view[place[kind]]
            later = {
                name: getattr(one, name)
                for name in one.__struct_fields__
                if getattr(one, name) != msgspec.structs.fields(kind)[one.__struct_fields__.index(name)].default
            }
            view[place[kind]] = msgspec.structs.replace(before, **later)
    return tuple(view)


def _shown(match: Tcp | Udp) -> Tcp | Udp | None:
    """What is left of one match, None if nothing."""
    ports = [_compared(one) for one in (match.sport, match.dport)]
    if isinstance(match, Udp):
        return Udp(*ports) if ports != [ANY_PORT, ANY_PORT] else None
    flags, invert = (match.flags, match.flags_invert) if match.flags[0] else ((0, 0), False)
    shown = Tcp(ports[0], ports[1], flags, invert)
    return shown if shown != Tcp() else None


def _compared(ports: Ports) -> Ports:
    """``expr_gen_range_cmp16``: all ports are not compared, and all but the first so many are those that are greater."""
    if ports.all:
        return ANY_PORT
    if ports.invert and ports.low == 0 and ports.high:
        return Ports(ports.high + 1, 0xFFFF)
    return ports


def native_test(match: Tcp | Udp) -> MatchFn:
    """The expressions of ``add_nft_tcpudp`` and ``add_nft_tcpflags``.

    They compare bytes behind the IP header, whatever these are: a later fragment has some, too (``nft_payload_fast_eval`` does not
    look at the offset). Where there are none the rule ends, and nothing more. Two single ports that are both negated are compared as
    one word: the packet matches if either differs.
    """
    shown = _shown(match)
    if shown is None:
        return lambda _skb, _netns, _iif, _oif: True
    kind = TcpHeader if isinstance(shown, Tcp) else UdpHeader
    tests = port_tests(shown.sport, shown.dport)
    both = _one_word(shown.sport, shown.dport)
    if both is not None:
        sport, dport = both
        tests = [lambda header: header.sport != sport or header.dport != dport]
    if isinstance(shown, Tcp) and shown.flags[0]:
        tests.append(flags_test(shown.flags, invert=shown.flags_invert))
        need = _FLAGS + 1
    else:
        need = 2 if shown.dport == ANY_PORT else 4

    def raw(skb: Skb) -> bool:
        data = skb.packet.payload
        if len(skb.packet.layers) > 1 or not isinstance(data, bytes) or len(data) < need:
            return False
        header = _Bytes(data)
        return all(test(header) for test in tests)

    return header_match(kind, tests, raw, only_port(shown.sport, shown.dport) if len(tests) == 1 else None)


class _Bytes:
    """Bytes behind the IP header that are no header here, as one."""

    __slots__ = ("dport", "flags", "sport")

    def __init__(self, data: bytes) -> None:
        self.sport = int.from_bytes(data[:2], "big")
        self.dport = int.from_bytes(data[2:4], "big")
        self.flags = data[_FLAGS] if len(data) > _FLAGS else 0


def _one_word(sport: Ports, dport: Ports) -> tuple[int, int] | None:
    """Both ports in one comparison of 32 bits that is negated."""
    for one in (sport, dport):
        if not one.invert or one.low != one.high or not one.low:
            return None
    return sport.low, dport.low
