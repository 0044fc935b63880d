"""``-j TPROXY``: gives the packet to a transparent socket of this machine (net/netfilter/xt_TPROXY.c; extensions/libxt_TPROXY.c)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.conntrack.hooks import nf_defrag_ipv4_disable, nf_defrag_ipv4_enable
from podwire.linux.netfilter.hooks import NF_DROP, NF_INET_PRE_ROUTING
from podwire.linux.netfilter.xt.base import Target, TargetFn, XtCheckError
from podwire.linux.netfilter.xt.options import HOST, MARKMASK, PORT, Names, Option, Values
from podwire.wire.addr import ANY4, Ip
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_PROTOCOLS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP})


class Tproxy(Target, frozen=True, gc=False):
    """``ip`` 0.0.0.0 is the first address of the device by which the packet came, ``port`` 0 the one it is for."""

    NAME: ClassVar[str] = "TPROXY"
    TABLE: ClassVar[str] = "mangle"
    VERDICT: ClassVar[str] = "DROP"
    HOOKS: ClassVar[frozenset[int] | None] = frozenset({NF_INET_PRE_ROUTING})
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("on-port", PORT, mandatory=True),
        Option("on-ip", HOST),
        Option("tproxy-mark", MARKMASK),
    )

    port: int
    ip: Ip = ANY4
    mark: int = 0
    mask: int = 0

    @classmethod
    def build(cls, values: Values) -> Self:
        """``tproxy_tg1_parse``."""
        ip = values.get("on-ip")
        return cls(values.number("on-port"), ip if isinstance(ip, Ip) else ANY4, *values.pair("tproxy-mark"))

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``tproxy_tg4_check``."""
        if proto not in _PROTOCOLS:
            raise XtCheckError(EINVAL, "xt_TPROXY: Can be used only with -p tcp or -p udp")

    def acquire(self, netns: Netns) -> None:
        """``tproxy_tg4_check``: a later fragment has no ports to look a socket up by."""
        nf_defrag_ipv4_enable(netns.conntrack)

    def release(self, netns: Netns) -> None:
        """``tproxy_tg4_destroy``."""
        nf_defrag_ipv4_disable(netns.conntrack)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``tproxy_tg4``: without a socket that has IP_TRANSPARENT the packet is dropped, and no program here opens one."""
        return lambda _skb, _netns, _iif, _oif: NF_DROP

    def save(self) -> str:
        """``tproxy_tg1_save``."""
        return f"--on-port {self.port} --on-ip {self.ip} --tproxy-mark 0x{self.mark:x}/0x{self.mask:x}"

    def listing(self, names: Names | None) -> str:
        """``tproxy_tg1_print``."""
        return f"TPROXY redirect {self.ip}:{self.port} mark 0x{self.mark:x}/0x{self.mask:x}"
