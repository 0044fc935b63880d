"""``encap ip id N dst A …`` of a route: what its packets tell a tunnel device (ip/iproute_lwtunnel.c of iproute2 6.1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.tunnel import TunnelInfo
from podwire.tools.ip.grammar import Fail, Words, address, garbage, number, wrong
from podwire.tools.ip.names import dsfield_number
from podwire.tools.ip.output import INET
from podwire.wire.addr import AF_INET, ANY4, Ip

if TYPE_CHECKING:
    from podwire.tools.ip.context import Context

_TYPES: Final = frozenset({"mpls", "ip6", "ila", "bpf", "seg6", "seg6local", "rpl", "ioam6", "xfrm"})
_OPTIONS: Final = frozenset({"geneve_opts", "vxlan_opts", "erspan_opts"})
_FLAGS: Final = frozenset({"key", "csum", "seq"})
_U64: Final = 0xFFFFFFFFFFFFFFFF
_U8: Final = 0xFF


def parse_encap(words: Words) -> TunnelInfo:
    """``lwt_parse_encap``: what stands behind ``encap``, up to the first word that is none of its own."""
    kind = words.value()
    if kind == "help":
        raise NotModelled("the help text of ip route encap", "ip")
    if kind != "ip" and kind not in _TYPES:
        raise wrong('"encap type" value is invalid\n', kind)
    if not words:
        words.value()
    if words.left == 1:
        raise Fail(255, 'Error: unexpected end of line after "encap"\n')
    if kind != "ip":
        raise NotModelled(f"encap {kind}", "ip route")
    return _ip(words)


def _ip(words: Words) -> TunnelInfo:
    """``parse_encap_ip``."""
    given: dict[str, object] = {}
    while words:
        word = words.take()
        if word in _FLAGS:
            if word in given:
                raise garbage(word, word)
            given[word] = True
        elif word in {"id", "dst", "src", "tos", "ttl"}:
            text = words.value()
            if word in given:
                raise garbage(word, text)
            given[word] = _value(word, text)
        elif word in _OPTIONS:
            raise NotModelled(f"encap ip {word}", "ip route")
        else:
            words.back()
            break
    return msgspec.structs.replace(TunnelInfo(key=False), **given)


def _value(word: str, text: str) -> int | Ip:
    if word in {"dst", "src"}:
        return address(text, AF_INET).addr or ANY4
    value = dsfield_number(text) if word == "tos" else number(text, _U64 if word == "id" else _U8)
    if value is None:
        raise wrong(f'"{word}" value is invalid\n', text)
    return value


def print_encap(ctx: Context, info: TunnelInfo | None) -> None:
    """``lwt_print_encap`` and ``print_encap_ip``."""
    if info is None:
        return
    out = ctx.out
    out.put("encap", "ip", " encap {} ")
    out.put("id", info.id, "id {} ")
    for key, addr in (("src", info.src), ("dst", info.dst)):
        out.text(key + " ")
        out.put(key, str(addr), "{} ", INET)
    out.put("ttl", info.ttl, "ttl {} ")
    out.put("tos", info.tos, "tos {} ")
    for key, on in (("key", info.key), ("csum", info.csum), ("seq", info.seq)):
        if on:
            out.flag(key, key + " ")
