"""Options of IP-in-IP devices on the command line, and how ``-d`` shows them (ip/link_iptnl.c of iproute2 6.1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.tunnel import INHERIT, IpipConfig
from podwire.tools.ip.grammar import Fail, Words, address, matches, no_device, number, wrong
from podwire.tools.ip.names import dsfield_number
from podwire.wire.addr import AF_INET, ANY4, Ip
from podwire.wire.headers import IPPROTO_IPIP

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context

_U8: Final = 0xFF
_U16: Final = 0xFFFF
_MODES: Final = {
    "ipv4/ipv4": IPPROTO_IPIP,
    "ipip": IPPROTO_IPIP,
    "ip4ip4": IPPROTO_IPIP,
    "any/ipv4": 0,
    "any": 0,
}
_MPLS: Final = frozenset({"mpls/ipv4", "mplsip"})
_ENCAP_FLAGS: Final = frozenset(
    {
        "encap-csum",
        "noencap-csum",
        "encap-udp6-csum",
        "noencap-udp6-csum",
        "encap-remcsum",
        "noencap-remcsum",
    }
)
"""Of no account as long as ``encap`` is ``none``."""
_SIXRD: Final = frozenset({"6rd-prefix", "6rd-relay_prefix", "6rd-reset"})


class IpipRequest(msgspec.Struct):
    """The attributes that were given, by the names of ``IpipConfig``."""

    given: dict[str, Any] = {}
    warning: str = ""

    def config(self) -> IpipConfig:
        """What a new device is made with: where anything was said of it, DF is set and anything may be inside."""
        return _complete(IpipConfig(proto=0, pmtudisc=True), self.given)

    def changed(self, old: IpipConfig, *, mtu: bool) -> IpipConfig:
        """What a device is told that exists: the tool has read its attributes, and sends them all."""
        return _complete(old, self.given)


def _complete(base: IpipConfig, given: dict[str, Any]) -> IpipConfig:
    config = msgspec.structs.replace(base, **given)
    if config.ttl and not config.pmtudisc:
        raise Fail(255, "ttl != 0 and nopmtudisc are incompatible\n")
    if config.external:
        # No more than that is sent.
        return IpipConfig(proto=config.proto, pmtudisc=True, external=True)
    return config


def parse_ipip(ctx: Context, words: Words, *, create: bool) -> IpipRequest:
    """``iptunnel_parse_opt``: all words behind ``type ipip``; there has to be one."""
    given: dict[str, Any] = {}
    while words:
        word = words.take()
        if word == "mode":
            given["proto"] = _mode(words.value())
        elif word in {"remote", "local"}:
            given[word] = endpoint(words.value())
        elif matches(word, "dev"):
            text = words.value()
            lower = ctx.device(text)
            if lower is None:
                raise Fail(255, no_device(text).message)
            given["lower"] = lower.ifindex
        elif not (_header(given, word, words) or _encap(word, words) or _other(given, word, words)):
            raise Fail(1, _USAGE)
    return IpipRequest(given)


def _mode(text: str) -> int:
    if text in _MPLS:
        raise NotModelled("ip link type ipip mode mplsip", "ip")
    if text not in _MODES:
        raise wrong("Cannot guess tunnel mode.", text)
    return _MODES[text]


def endpoint(text: str) -> Ip:
    """``get_addr`` of IPv4; ``any`` is 0.0.0.0."""
    return address(text, AF_INET).addr or ANY4


def _header(given: dict[str, Any], word: str, words: Words) -> bool:
    if word in {"ttl", "hoplimit", "hlim"}:
        text = words.value()
        value = 0 if text == "inherit" else number(text, _U8)
        if value is None:
            raise wrong("invalid TTL\n", text)
        given["ttl"] = value
    elif word in {"tos", "tclass", "tc"} or matches(word, "dsfield"):
        text = words.value()
        value = INHERIT if text == "inherit" else dsfield_number(text)
        if value is None:
            raise wrong("bad TOS value", text)
        given["tos"] = value
    elif word in {"pmtudisc", "nopmtudisc"}:
        given["pmtudisc"] = word == "pmtudisc"
    else:
        return False
    return True


def _encap(word: str, words: Words) -> bool:
    """A further UDP header is not modelled; what only says how it would be is read."""
    if word == "noencap" or word in _ENCAP_FLAGS:
        return True
    if word == "encap":
        text = words.value()
        if text in {"fou", "gue"}:
            raise NotModelled(f"ip link type ipip encap {text}", "ip")
        if text != "none":
            raise wrong("Invalid encap type.", text)
        return True
    if word in {"encap-sport", "encap-dport"}:
        text = words.value()
        if not (word == "encap-sport" and text == "auto") and number(text, _U16) is None:
            raise wrong(f"Invalid {'source' if word == 'encap-sport' else 'destination'} port.", text)
        return True
    return False


def _other(given: dict[str, Any], word: str, words: Words) -> bool:
    if word == "external":
        given["external"] = True
    elif word == "fwmark":
        text = words.value()
        value = number(text)
        if value is None:
            raise wrong("invalid fwmark\n", text)
        given["fwmark"] = value
    elif word in _SIXRD:
        raise NotModelled(f"ip link type ipip {word}", "ip")
    else:
        return False
    return True


# -- what is printed ----------------------------------------------------------------------------------------------


def print_ipip(ctx: Context, link: Link, config: IpipConfig) -> None:
    """``iptunnel_print_opt``."""
    out = ctx.out
    if config.external:
        out.flag("external", "external ")
    out.put("proto", "ipip" if config.proto else "any", "{} ")
    for word, addr in (("remote", config.remote), ("local", config.local)):
        out.put(word, ctx.host(addr) if addr else "any", word + " {} ")
    if config.lower:
        out.put("link", ctx.device_name(config.lower), "dev {} ")
    if out.in_json or config.ttl:
        out.put("ttl", config.ttl, "ttl {} ")
    else:
        out.text("ttl inherit ")
    if config.tos:
        if out.in_json or config.tos != INHERIT:
            out.put("tos", f"{config.tos:#x}", "tos {} ")
        else:
            out.text("tos inherit ")
    out.put("pmtudisc", config.pmtudisc, "pmtudisc " if config.pmtudisc else "nopmtudisc ")
    if config.fwmark:
        out.put("fwmark", f"{config.fwmark:#x}", "fwmark {} ")


_USAGE: Final = """Usage: ... ipip  	[ remote ADDR ]
			[ local ADDR ]
			[ ttl TTL ]
			[ tos TOS ]
			[ [no]pmtudisc ]
			[ 6rd-prefix ADDR ]
			[ 6rd-relay_prefix ADDR ]
			[ 6rd-reset ]
			[ dev PHYS_DEV ]
			[ fwmark MARK ]
			[ external ]
			[ noencap ]
			[ encap { fou | gue | none } ]
			[ encap-sport PORT ]
			[ encap-dport PORT ]
			[ [no]encap-csum ]
			[ [no]encap-csum6 ]
			[ [no]encap-remcsum ]
			[ mode { ipip | mplsip | any } ]

Where:	ADDR := { IP_ADDRESS | any }
	TOS  := { NUMBER | inherit }
	TTL  := { 1..255 | inherit }
	MARK := { 0x0..0xffffffff }
"""
