"""``-j TCPMSS``: a smaller maximum segment size (net/netfilter/xt_TCPMSS.c; extensions/libxt_TCPMSS.c; fact F92)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.hooks import (
    NF_DROP,
    NF_INET_FORWARD,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
)
from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn, XtCheckError
from podwire.linux.netfilter.xt.options import UINT16, Names, Option, OptionCall, OptionError, Values, option_parse
from podwire.linux.netfilter.xt.tcp import Tcp as TcpMatch
from podwire.linux.path.route import ip_route_output
from podwire.wire.headers import IPPROTO_TCP, TCP_SYN, IPv4, Tcp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.tables import RuleSpec
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_MIN_LENGTH: Final = 40
"""Headers of IP and TCP without options."""
_NO_MTU: Final = 0xFFFFFFFF
_DEFAULT_MSS: Final = 536
"""RFC 9293 section 3.7.1: what holds where nobody says anything."""
_TCPOPT_NOP, _TCPOPT_MSS, _TCPOLEN_MSS = 1, 2, 4
_MAX_HEADER: Final = 60
_CLAMP_HOOKS: Final = frozenset({NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING})


class TcpmssTarget(Target, frozen=True, gc=False):
    """``mss``, or None: what fits through the routes of both directions."""

    NAME: ClassVar[str] = "TCPMSS"
    PROTO: ClassVar[int] = IPPROTO_TCP
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("set-mss", UINT16, high=0xFFFF - 20),
        Option("clamp-mss-to-pmtu"),
    )

    mss: int | None

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``TCPMSS_parse``: the last one counts."""
        option_parse(call)
        key = call.entry.key
        call.values.data["mss"] = call.values.number(key) if key == "set-mss" else None

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``TCPMSS_check``."""
        if not values.given:
            msg = "TCPMSS target: At least one parameter is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written."""
        mss = values.data["mss"]
        return cls(mss if isinstance(mss, int) else None)

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``tcpmss_tg4_check``: the route must be known."""
        if self.mss is None and not hooks <= _CLAMP_HOOKS:
            text = "xt_TCPMSS: path-MTU clamping only supported in FORWARD, OUTPUT and POSTROUTING hooks"
            raise XtCheckError(EINVAL, text)

    def check_legacy(self, table: str, spec: RuleSpec) -> None:
        """``find_syn_match``: the rule asks for SYN."""
        for match in spec.matches:
            if isinstance(match, TcpMatch) and match.flags[1] & TCP_SYN and not match.flags_invert:
                return
        raise XtCheckError(EINVAL, "xt_TCPMSS: Only works on TCP SYN packets")

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``tcpmss_tg4``."""
        wanted = self.mss

        def tcpmss_tg(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            layers = skb.packet.layers
            tcp = layers[1] if len(layers) > 1 else None
            if skb.ip.frag:
                return XT_CONTINUE
            if skb.frags:
                # skb_ensure_writable(skb, skb->len) makes one buffer of the joined pieces: they are cut anew.
                skb.frags = (max(skb.frags),)
            if not isinstance(tcp, Tcp):
                return NF_DROP
            mss = wanted
            if mss is None:
                mtu = min(skb.dst.effective_mtu if skb.dst is not None else _NO_MTU, _reverse_mtu(skb, netns))
                if mtu <= _MIN_LENGTH:
                    return NF_DROP
                mss = mtu - _MIN_LENGTH
            options = _mangled(tcp.options, mss, has_data=len(skb.packet.payload) > 0)
            if options is not tcp.options:
                _replace(skb, tcp, options)
            return XT_CONTINUE

        return tcpmss_tg

    def save(self) -> str:
        """``TCPMSS_save``."""
        return "--clamp-mss-to-pmtu" if self.mss is None else f"--set-mss {self.mss}"

    def listing(self, names: Names | None) -> str:
        """``TCPMSS_print``."""
        return "TCPMSS clamp to PMTU" if self.mss is None else f"TCPMSS set {self.mss}"


def _reverse_mtu(skb: Skb, netns: Netns) -> int:
    """``tcpmss_reverse_mtu``: of the route to the sender."""
    route = ip_route_output(netns, skb.ip.src, ports=(0, 0, 0) if netns.custom_rules else None)
    return _NO_MTU if route.kind == "error" else route.effective_mtu


def _mangled(options: bytes, mss: int, *, has_data: bool) -> bytes:
    """``tcpmss_mangle_packet``: an MSS that is larger becomes smaller; where there is none, one is put in front."""
    place = 0
    while place <= len(options) - _TCPOLEN_MSS:
        kind, length = options[place], options[place + 1]
        if kind == _TCPOPT_MSS and length == _TCPOLEN_MSS:
            if int.from_bytes(options[place + 2 : place + 4]) <= mss:
                return options
            return options[: place + 2] + mss.to_bytes(2) + options[place + 4 :]
        place += 1 if kind <= _TCPOPT_NOP or not length else length
    # Not into what carries data: room would have to be made, and the path might not take it.
    if has_data or 20 + len(options) >= _MAX_HEADER:
        return options
    return bytes((_TCPOPT_MSS, _TCPOLEN_MSS)) + min(mss, _DEFAULT_MSS).to_bytes(2) + options


def _replace(skb: Skb, tcp: Tcp, options: bytes) -> None:
    from msgspec.structs import replace

    packet, ip = skb.packet, skb.ip
    more = len(options) - len(tcp.options)
    if more and ip.total_length is not None:
        ip = replace(ip, total_length=ip.total_length + more)
    header: tuple[IPv4, Tcp] = (ip, replace(tcp, options=options))
    skb.packet = Packet((*header, *packet.layers[2:]), packet.payload, packet.trailer)
    skb.len += more
