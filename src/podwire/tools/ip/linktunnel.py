"""``ip link … type KIND …`` for tunnel devices: which module reads and prints the options of a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from errno import EOPNOTSUPP
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from podwire.linux.errors import NetlinkError
from podwire.linux.tunnel import TunnelConfig
from podwire.tools.ip.linkgeneve import parse_geneve, print_geneve
from podwire.tools.ip.linkipip import parse_ipip, print_ipip
from podwire.tools.ip.linkvxlan import parse_vxlan
from podwire.tools.ip.vxlanprint import print_vxlan

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context
    from podwire.tools.ip.grammar import Words


class TunnelRequest(Protocol):
    """What was said behind ``type KIND``. ``warning`` goes to standard error before the kernel is asked."""

    warning: str

    def config(self) -> TunnelConfig:
        """What a new device is made with."""

    def changed(self, old: Any, *, mtu: bool) -> TunnelConfig:
        """What becomes of a device; ``mtu`` says that the command sets that too. Raises ``NetlinkError`` for what cannot change."""


class _Kind(Protocol):
    def __call__(self, ctx: Context, words: Words, *, create: bool) -> TunnelRequest: ...


_PARSE: Final[Mapping[str, _Kind]] = MappingProxyType(
    {"vxlan": parse_vxlan, "geneve": parse_geneve, "ipip": parse_ipip}
)
_PRINT: Final[Mapping[str, Callable[[Context, Link, Any], None]]] = MappingProxyType(
    {"vxlan": print_vxlan, "geneve": print_geneve, "ipip": print_ipip}
)


def parse_tunnel(ctx: Context, kind: str | None, words: Words, *, create: bool) -> TunnelRequest | None:
    """What stands behind ``type KIND``; None for another kind, or where nothing stands there."""
    parse = _PARSE.get(kind or "")
    if parse is None or not words:
        return None
    request = parse(ctx, words, create=create)
    if request.warning:
        ctx.proc.error(request.warning)
    return request


def is_tunnel(kind: str | None) -> bool:
    """A kind whose options are read here."""
    return kind in _PARSE


def print_tunnel(ctx: Context, link: Link) -> None:
    """``-d``: what the device was made with."""
    if link.tunnel is not None and link.kind in _PRINT:
        with ctx.out.object("info_data"):
            _PRINT[link.kind](ctx, link, link.tunnel)


def set_tunnel(ctx: Context, link: Link, kind: str, request: TunnelRequest | None, *, mtu: bool) -> None:
    """``ops->validate`` and ``ops->changelink`` of ``ip link set X type KIND …``."""
    if request is None:
        # Of another kind, too: what comes without options is not compared.
        ctx.door.link_validate(kind, None, 0)
        return
    if link.kind != kind:
        raise NetlinkError(EOPNOTSUPP)
    ctx.door.link_change(link, request.changed(link.tunnel, mtu=mtu))
