"""``ip tunnel``: IP in IP by way of ioctls (ip/iptunnel.c and ip/tunnel.c of iproute2 6.1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.tunnel import INHERIT, IpipConfig
from podwire.tools.ip.grammar import (
    AF_UNSPEC,
    Fail,
    Words,
    garbage,
    ipv4_of,
    is_ifname,
    matches,
    no_device,
    number,
    wrong,
)
from podwire.tools.ip.names import dsfield_number
from podwire.tools.ip.output import IFNAME, INET
from podwire.wire.addr import AF_INET, AF_INET6, ANY4, Ip
from podwire.wire.headers import IPPROTO_IPIP

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context

_U8: Final = 0xFF
_IPPROTO_GRE: Final = 47
_IPPROTO_IPV6: Final = 41
_MODES: Final = {
    "ipip": IPPROTO_IPIP,
    "ip/ip": IPPROTO_IPIP,
    "gre": _IPPROTO_GRE,
    "gre/ip": _IPPROTO_GRE,
    "sit": _IPPROTO_IPV6,
    "ipv6/ip": _IPPROTO_IPV6,
    "isatap": _IPPROTO_IPV6,
    "vti": IPPROTO_IPIP,
}
_MODES6: Final = frozenset("ipv6/ipv6 ip6ip6 vti6 ip/ipv6 ipv4/ipv6 ipip6 ip4ip6 ip6gre gre/ipv6 any/ipv6 any".split())
_BY_NAME: Final = (("gre", "gre"), ("ipip", "ipip"), ("sit", "sit"), ("isatap", "isatap"), ("vti", "vti"))
"""What the beginning of a name says, where no mode is given."""
_GRE_WORDS: Final = frozenset({"seq", "iseq", "oseq", "csum", "icsum", "ocsum"})
_ADD, _CHANGE, _DELETE, _GET = "add", "change", "delete", "get"


class TunnelRequest(msgspec.Struct):
    """``struct ip_tunnel_parm`` as the words say it; ``mode`` is empty where neither they nor the name do."""

    name: str = ""
    mode: str = ""
    keyed: bool = False
    config: IpipConfig = IpipConfig(proto=0, pmtudisc=True)

    @property
    def base(self) -> str:
        """``tnl_defname``: the device that the ioctl goes to."""
        return {"": "", "ipip": "tunl0", "vti": "ip_vti0", "gre": "gre0"}.get(self.mode, "sit0")


def do_tunnel(ctx: Context, words: Words) -> int:
    """``ip tunnel`` and its verbs (do_iptunnel)."""
    _check_family(ctx, words.rest())
    if not words:
        return _show(ctx, words)
    verb = words.take()
    if matches(verb, "add"):
        return _add(ctx, words)
    if matches(verb, "change"):
        return _change(ctx, words)
    if matches(verb, "delete"):
        return _delete(ctx, words)
    if matches(verb, "show", "lst", "list"):
        return _show(ctx, words)
    if matches(verb, "prl", "6rd"):
        raise NotModelled(f"ip tunnel {verb}", "ip")
    if matches(verb, "help"):
        raise Fail(255, _USAGE)
    raise Fail(255, f'Command "{verb}" is unknown, try "ip tunnel help"\n')


def _check_family(ctx: Context, rest: list[str]) -> None:
    family = ctx.family
    at = rest.index("mode") if "mode" in rest[:-1] else -1
    if at >= 0 and rest[at + 1] in _MODES6:
        family = AF_INET6
    if family == AF_INET6:
        raise NotModelled("ip -6 tunnel", "ip")
    if family not in {AF_UNSPEC, AF_INET}:
        raise Fail(255, f"Unsupported protocol family: {family}\n")


# -- what is asked ------------------------------------------------------------------------------------------------


def parse_tunnel(ctx: Context, words: Words, verb: str) -> TunnelRequest:
    """``parse_args``."""
    req = TunnelRequest()
    fields: dict[str, Any] = {}
    medium: str | None = None
    first = True
    while words:
        word = words.take()
        if word == "mode":
            _set_mode(req, words.value())
        elif word == "dev":
            medium = words.value()
        elif not (_keys(req, word, words) or _header(fields, word, words)):
            _name(ctx, req, word, words, verb, first=first)
        first = False
    if not req.mode:
        req.mode = next((mode for start, mode in _BY_NAME if req.name.startswith(start)), "")
    if req.keyed and req.mode not in {"gre", "vti"}:
        raise Fail(1, "Keys are not allowed with ipip and sit tunnels\n")
    if medium is not None:
        lower = ctx.device(medium)
        if lower is None:
            raise no_device(medium)
        fields["lower"] = lower.ifindex
    if req.mode == "ipip":
        fields["proto"] = IPPROTO_IPIP
    req.config = msgspec.structs.replace(req.config, **fields)
    if req.config.remote.is_multicast:
        if not req.config.local:
            raise Fail(1, "A broadcast tunnel requires a source address\n")
        raise NotModelled("a group as remote", "ip tunnel")
    return req


def _set_mode(req: TunnelRequest, text: str) -> None:
    if text not in _MODES:
        raise Fail(255, f'Unknown tunnel mode "{text}"\n')
    if req.mode and _MODES[req.mode] != _MODES[text]:
        raise Fail(255, "You managed to ask for more than one tunnel mode.\n")
    if req.mode == "vti":
        return
    req.mode = {"ip/ip": "ipip", "gre/ip": "gre", "ipv6/ip": "sit"}.get(text, text)


def _keys(req: TunnelRequest, word: str, words: Words) -> bool:
    """What is for GRE: a tunnel of another kind refuses keys, and does not see the rest."""
    if word in {"key", "ikey", "okey"}:
        text = words.value()
        if "." in text:
            endpoint(text)
        elif number(text) is None:
            raise Fail(255, f'invalid value for "{word}": "{text}"; it should be an unsigned integer\n')
        req.keyed = True
        return True
    return word in _GRE_WORDS


def _header(fields: dict[str, Any], word: str, words: Words) -> bool:
    if word in {"pmtudisc", "nopmtudisc"}:
        fields["pmtudisc"] = word == "pmtudisc"
    elif word in {"remote", "local"}:
        fields[word] = endpoint(words.value())
    elif word in {"ttl", "hoplimit", "hlim"}:
        text = words.value()
        if text != "inherit":
            value = number(text, _U8)
            if value is None:
                raise wrong("invalid TTL\n", text)
            fields["ttl"] = value
    elif word in {"tos", "tclass"} or matches(word, "dsfield"):
        fields["tos"] = _tos(words.value())
    else:
        return False
    return True


def endpoint(text: str) -> Ip:
    """``get_addr32``; ``any`` is 0.0.0.0."""
    if text in {"any", "all", "default"}:
        return ANY4
    found = ipv4_of(text)
    if found is None:
        raise Fail(1, f'Error: an IP address is expected rather than "{text}"\n', exits=True)
    return found


def _tos(text: str) -> int:
    """``inherit``, a value, or ``inherit/`` and a value."""
    head, slash, tail = text.partition("/")
    inherits = head == "inherit"
    field = (tail if slash else None) if inherits else head
    if field is None:
        return INHERIT
    value = dsfield_number(field)
    if value is None:
        raise wrong("bad TOS value", field)
    return value | inherits


def _name(ctx: Context, req: TunnelRequest, word: str, words: Words, verb: str, *, first: bool) -> None:
    if word == "name":
        word = words.value()
    elif matches(word, "help"):
        raise Fail(255, _USAGE)
    if req.name:
        raise garbage("name", word)
    if not is_ifname(word):
        raise wrong('"name" not a valid ifname', word)
    req.name = word
    if verb == _CHANGE and first:
        # What is not said stays as it is.
        req.name, req.config = _get(ctx, word, None)
        req.mode = "ipip" if req.config.proto else ""


# -- verbs --------------------------------------------------------------------------------------------------------


def _failed(what: str, name: str, error: NetlinkError) -> Fail:
    return Fail(1, f'{what} tunnel "{name}" failed: {error.strerror}\n')


def _get(ctx: Context, name: str, wanted: IpipConfig | None) -> tuple[str, IpipConfig]:
    """``tnl_get_ioctl``."""
    try:
        return ctx.door.tunnel_get(name, wanted)
    except NetlinkError as error:
        raise _failed("get", name, error) from None


def _modelled(req: TunnelRequest) -> None:
    if req.mode in {"gre", "sit", "isatap", "vti"}:
        raise NotModelled(f"ip tunnel mode {req.mode}", "ip")


def _request(ctx: Context, words: Words, verb: str) -> TunnelRequest:
    req = parse_tunnel(ctx, words, verb)
    if req.config.ttl and not req.config.pmtudisc:
        raise Fail(1, "ttl != 0 and nopmtudisc are incompatible\n")
    _modelled(req)
    if not req.base:
        raise Fail(1, "cannot determine tunnel mode (ipip, gre, vti or sit)\n")
    return req


def _add(ctx: Context, words: Words) -> int:
    req = _request(ctx, words, _ADD)
    try:
        ctx.door.tunnel_add(req.name, req.config)
    except NetlinkError as error:
        raise _failed("add", req.base, error) from None
    return 0


def _change(ctx: Context, words: Words) -> int:
    req = _request(ctx, words, _CHANGE)
    name = req.name or req.base
    try:
        ctx.door.tunnel_change(name, req.config)
    except NetlinkError as error:
        raise _failed("add", name, error) from None
    return 0


def _delete(ctx: Context, words: Words) -> int:
    req = parse_tunnel(ctx, words, _DELETE)
    _modelled(req)
    name = req.name or req.base
    try:
        ctx.door.tunnel_del(name, req.config)
    except NetlinkError as error:
        raise _failed("delete", name, error) from None
    return 0


# -- show ---------------------------------------------------------------------------------------------------------


def _show(ctx: Context, words: Words) -> int:
    req = parse_tunnel(ctx, words, _GET)
    if req.base:
        _modelled(req)
        name, config = _get(ctx, req.name or req.base, req.config)
        _print(ctx, name, config)
        ctx.out.text("\n")
        return 0
    with ctx.out.document():
        for link in sorted(ctx.netns.links(), key=lambda link: link.ifindex):
            if _is_meant(req, link):
                assert isinstance(link.tunnel, IpipConfig)  # noqa: S101 - its kind was looked at
                _print(ctx, link.name, link.tunnel)
                if ctx.options.stats:
                    _print_stats(ctx, link)
                ctx.out.always("\n")
    return 0


def _is_meant(req: TunnelRequest, link: Link) -> bool:
    """``ip_tunnel_parm_match``: what was given has to be so."""
    config, wanted = link.tunnel, req.config
    return (
        isinstance(config, IpipConfig)
        and req.name in {"", link.name}
        and wanted.lower in {0, config.lower}
        and wanted.remote in {ANY4, config.remote}
        and wanted.local in {ANY4, config.local}
    )


def _print(ctx: Context, name: str, config: IpipConfig) -> None:
    """``print_tunnel``."""
    out = ctx.out
    with out.object():
        out.put("ifname", name, "{}: ", IFNAME)
        out.put("mode", "ip/ip" if config.proto else "any/ip", "{} ")
        out.text("remote ")
        out.put("remote", ctx.host(config.remote) if config.remote or out.in_json else "any", "{} ", INET)
        out.text("local ")
        out.put("local", str(config.local) if config.local or out.in_json else "any", "{}", INET)
        if config.lower:
            out.put("dev", ctx.device_name(config.lower), " dev {}")
        if config.ttl:
            out.put("ttl", config.ttl, " ttl {}")
        else:
            out.text(" ttl inherit")
        _print_tos(ctx, config.tos)
        if not config.pmtudisc:
            out.null("nopmtudisc", " nopmtudisc")


def _print_tos(ctx: Context, tos: int) -> None:
    out = ctx.out
    if tos == INHERIT:
        out.text(" tos inherit")
    elif tos:
        inherits = tos & INHERIT and not out.in_json
        text = f"inherit/{ctx.names.dsfield(tos & ~INHERIT)}" if inherits else ctx.names.dsfield(tos)
        out.put("tos", text, " tos {}")


def _print_stats(ctx: Context, link: Link) -> None:
    """``tnl_print_stats``: past JSON, straight to standard output."""
    stats, nl = link.stats, ctx.out.newline
    rx = (stats.rx_errors, stats.rx_frame, 0, stats.multicast)
    tx = (stats.tx_errors, stats.collisions, stats.tx_carrier)
    ctx.out.always(
        f"{nl}RX: Packets    Bytes        Errors CsumErrs OutOfSeq Mcasts{nl}"
        f"    {stats.rx_packets:<10} {stats.rx_bytes:<12} {rx[0]:<6} {rx[1]:<8} {rx[2]:<8} {rx[3]:<8}{nl}"
        f"TX: Packets    Bytes        Errors DeadLoop NoRoute  NoBufs{nl}"
        f"    {stats.tx_packets:<10} {stats.tx_bytes:<12} {tx[0]:<6} {tx[1]:<8} {tx[2]:<8} {stats.tx_dropped:<6}"
    )


_USAGE: Final = """Usage: ip tunnel { add | change | del | show | prl | 6rd } [ NAME ]
        [ mode { gre | ipip | isatap | sit | vti } ]
        [ remote ADDR ] [ local ADDR ]
        [ [i|o]seq ] [ [i|o]key KEY ] [ [i|o]csum ]
        [ prl-default ADDR ] [ prl-nodefault ADDR ] [ prl-delete ADDR ]
        [ 6rd-prefix ADDR ] [ 6rd-relay_prefix ADDR ] [ 6rd-reset ]
        [ ttl TTL ] [ tos TOS ] [ [no]pmtudisc ] [ dev PHYS_DEV ]

Where: NAME := STRING
       ADDR := { IP_ADDRESS | any }
       TOS  := { STRING | 00..ff | inherit | inherit/STRING | inherit/00..ff }
       TTL  := { 1..255 | inherit }
       KEY  := { DOTTED_QUAD | NUMBER }
"""
