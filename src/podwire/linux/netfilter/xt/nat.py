"""The targets that translate: DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP.

Sources: net/netfilter/xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, nf_nat_redirect.c, xt_NETMAP.c; extensions/libxt_NAT.c, libipt_NETMAP.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.linux.netfilter.address import dotted_quad
from podwire.linux.netfilter.hooks import (
    NF_ACCEPT,
    NF_DROP,
    NF_INET_LOCAL_IN,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
)
from podwire.linux.netfilter.nat.core import nf_nat_setup_info
from podwire.linux.netfilter.nat.masquerade import nf_nat_masquerade_ipv4
from podwire.linux.netfilter.nat.range import (
    HOOK2MANIP,
    NF_NAT_MANIP_DST,
    NF_NAT_MANIP_SRC,
    NF_NAT_RANGE_MAP_IPS,
    NF_NAT_RANGE_PROTO_OFFSET,
    NF_NAT_RANGE_PROTO_SPECIFIED,
    NatRange,
)
from podwire.linux.netfilter.xt.base import Target, TargetFn
from podwire.linux.netfilter.xt.natrange import flags_of, flags_text, parse_ports, parse_to, ports_text, range_text
from podwire.linux.netfilter.xt.options import HOSTMASK, STRING, Names, Option, OptionCall, OptionError, Values, words
from podwire.trace.events import ByLink, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip4

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_LOOPBACK: Final = Ip4.parse("127.0.0.1")
_FULL: Final = 0xFFFFFFFF
_PORTED: Final = frozenset({6, 17})
_DESTINATION: Final = frozenset({NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT})
_SOURCE: Final = frozenset({NF_INET_POST_ROUTING, NF_INET_LOCAL_IN})
_RANDOM: Final = Option("random")
_FULLY: Final = Option("random-fully")
_PERSISTENT: Final = Option("persistent")


class NatTarget(Target, frozen=True, gc=False):
    """What the five share: they stand in table nat only, and need connection tracking."""

    TABLE: ClassVar[str] = "nat"
    VERDICT: ClassVar[str] = "ACCEPT"
    TO: ClassVar[str] = ""
    """The option that names the range."""
    SAYS: ClassVar[str] = ""
    """What ``iptables -L`` prints before it."""

    wanted: NatRange = NatRange()

    def acquire(self, netns: Netns) -> None:
        """``nf_ct_netns_get``."""
        netns.conntrack.get()

    def release(self, netns: Netns) -> None:
        """``nf_ct_netns_put``."""
        netns.conntrack.put()

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``NAT_parse``: the range, for the rule as far as it has been read."""
        super().parse(call)
        if call.entry.key == cls.TO:
            call.values.data[cls.TO] = cls.range_of(call)

    @classmethod
    def range_of(cls, call: OptionCall) -> NatRange:
        """The argument of ``TO``."""
        return parse_to(call.arg, call.values)

    @classmethod
    def build(cls, values: Values) -> Self:
        """The range with its flags."""
        wanted = values.data.get(cls.TO)
        if not isinstance(wanted, NatRange):
            wanted = NatRange()
        return cls(msgspec.structs.replace(wanted, flags=wanted.flags | flags_of(values)))

    def _text(self) -> str:
        return range_text(self.wanted)

    def save(self) -> str:
        """``NAT_save``."""
        text = self._text()
        return words([f"--{self.TO} {text}" if text else "", *flags_text(self.wanted, "--")])

    def listing(self, names: Names | None) -> str:
        """``NAT_print``."""
        text = self._text()
        return words([f"{self.SAYS}{text}" if text else "", *flags_text(self.wanted)])


class Dnat(NatTarget, frozen=True, gc=False):
    """``-j DNAT``: another destination."""

    NAME: ClassVar[str] = "DNAT"
    HOOKS: ClassVar[frozenset[int] | None] = _DESTINATION
    TO: ClassVar[str] = "to-destination"
    SAYS: ClassVar[str] = "to:"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("to-destination", STRING, mandatory=True), _RANDOM, _PERSISTENT)
    QUICK: ClassVar[str] = "--to-destination"

    @classmethod
    def quick(cls, argument: str, proto: int) -> Self | None:
        """One address and one port: of kube-proxy's rules a quarter are that."""
        host, _, port = argument.partition(":")
        address = dotted_quad(host)
        if address is None or proto not in _PORTED or not port.isdecimal() or port[0] == "0" or len(port) > 5:
            return None
        number = int(port)
        if number > 0xFFFF:
            return None
        ip = Ip4(address)
        return cls(NatRange(NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED, ip, ip, number, number))

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``xt_dnat_target_v2``."""
        wanted = self.wanted

        def xt_dnat_target(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            ct = skb.ct
            return NF_ACCEPT if ct is None else nf_nat_setup_info(netns, ct, wanted, NF_NAT_MANIP_DST, netns.nat.asking)

        return xt_dnat_target


class Snat(NatTarget, frozen=True, gc=False):
    """``-j SNAT``: another source. A base for shifted ports is read, and lost on the way to the kernel: it is 0."""

    NAME: ClassVar[str] = "SNAT"
    HOOKS: ClassVar[frozenset[int] | None] = _SOURCE
    TO: ClassVar[str] = "to-source"
    SAYS: ClassVar[str] = "to:"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("to-source", STRING, mandatory=True),
        _RANDOM,
        _FULLY,
        _PERSISTENT,
    )

    @classmethod
    def range_of(cls, call: OptionCall) -> NatRange:
        """``struct nf_nat_ipv4_range`` has no place for the base."""
        return msgspec.structs.replace(parse_to(call.arg, call.values), base_proto=0)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``xt_snat_target_v0``."""
        wanted = self.wanted

        def xt_snat_target(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            ct = skb.ct
            return NF_ACCEPT if ct is None else nf_nat_setup_info(netns, ct, wanted, NF_NAT_MANIP_SRC, netns.nat.asking)

        return xt_snat_target


class Masquerade(NatTarget, frozen=True, gc=False):
    """``-j MASQUERADE``: the source becomes an address of the device by which the packet leaves."""

    NAME: ClassVar[str] = "MASQUERADE"
    HOOKS: ClassVar[frozenset[int] | None] = frozenset({NF_INET_POST_ROUTING})
    TO: ClassVar[str] = "to-ports"
    SAYS: ClassVar[str] = "masq ports: "
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("to-ports", STRING), _RANDOM, _FULLY)

    @classmethod
    def range_of(cls, call: OptionCall) -> NatRange:
        """Ports alone; a base for shifted ones is lost."""
        return msgspec.structs.replace(parse_ports(call.arg, call.values), base_proto=0)

    def _text(self) -> str:
        return ports_text(self.wanted)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``masquerade_tg``."""
        wanted = self.wanted

        def masquerade_tg(skb: Skb, netns: Netns, _iif: Link | None, oif: Link | None) -> int:
            return NF_ACCEPT if oif is None else nf_nat_masquerade_ipv4(skb, netns, wanted, oif)

        return masquerade_tg


class Redirect(NatTarget, frozen=True, gc=False):
    """``-j REDIRECT``: the destination becomes this machine: 127.0.0.1, or the first address of the device the packet came by."""

    NAME: ClassVar[str] = "REDIRECT"
    HOOKS: ClassVar[frozenset[int] | None] = _DESTINATION
    TO: ClassVar[str] = "to-ports"
    SAYS: ClassVar[str] = "redir ports "
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("to-ports", STRING), _RANDOM)

    @classmethod
    def range_of(cls, call: OptionCall) -> NatRange:
        """Ports alone, not shifted."""
        wanted = parse_ports(call.arg, call.values)
        if wanted.flags & NF_NAT_RANGE_PROTO_OFFSET:
            msg = "Shifted portmap ranges not supported with this kernel"
            raise OptionError(msg)
        return wanted

    def _text(self) -> str:
        return ports_text(self.wanted)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``redirect_tg4``, ``nf_nat_redirect_ipv4``."""
        wanted = self.wanted

        def redirect_tg(skb: Skb, netns: Netns, iif: Link | None, _oif: Link | None) -> int:
            ct = skb.ct
            if ct is None:
                return NF_ACCEPT
            here = _LOOPBACK
            if iif is not None:
                # PREROUTING; in OUTPUT there is none.
                if not iif.addresses:
                    if netns.machine.log.on:
                        by = ByLink(iif.name, "no address", owner=iif.owner)
                        netns.emit(skb.id, Dropped("nf_nat_redirect_ipv4", DropReason.NETFILTER_DROP, by, iif.name))
                    return NF_DROP
                here = Ip4(iif.addresses[0].local)
            exact = msgspec.structs.replace(
                wanted, flags=wanted.flags | NF_NAT_RANGE_MAP_IPS, min_addr=here, max_addr=here
            )
            return nf_nat_setup_info(netns, ct, exact, NF_NAT_MANIP_DST, netns.nat.asking)

        return redirect_tg


class Netmap(NatTarget, frozen=True, gc=False):
    """``-j NETMAP``: the network part of an address changes, the host part stays; which address, the hook decides."""

    NAME: ClassVar[str] = "NETMAP"
    HOOKS: ClassVar[frozenset[int] | None] = _DESTINATION | _SOURCE
    TO: ClassVar[str] = "to"
    SAYS: ClassVar[str] = "to:"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("to", HOSTMASK, mandatory=True),)

    @classmethod
    def range_of(cls, call: OptionCall) -> NatRange:
        """``NETMAP_parse``: the network, from its first address to its last."""
        addr, mask = call.values.pair("to")
        return NatRange(NF_NAT_RANGE_MAP_IPS, Ip4(addr & mask), Ip4(addr | ~mask & _FULL))

    def _text(self) -> str:
        """``NETMAP_save``: the mask as a length."""
        mask = ~(int(self.wanted.min_addr) ^ int(self.wanted.max_addr)) & _FULL
        return f"{self.wanted.min_addr}/{mask.bit_count()}"

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``netmap_tg4``."""
        wanted, manip = self.wanted, HOOK2MANIP(hook)
        mask = ~(int(wanted.min_addr) ^ int(wanted.max_addr)) & _FULL
        network = int(wanted.min_addr) & mask

        def netmap_tg(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            ct = skb.ct
            if ct is None:
                return NF_ACCEPT
            old = skb.ip.src if manip == NF_NAT_MANIP_SRC else skb.ip.dst
            new = Ip4(int(old) & ~mask & _FULL | network)
            exact = NatRange(wanted.flags | NF_NAT_RANGE_MAP_IPS, new, new)
            return nf_nat_setup_info(netns, ct, exact, manip, netns.nat.asking)

        return netmap_tg
