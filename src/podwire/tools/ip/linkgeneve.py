"""Options of GENEVE devices on the command line, and how ``-d`` shows them (ip/iplink_geneve.c of iproute2 6.1.0)."""

from __future__ import annotations

from errno import EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.tunnel import INHERIT, GeneveConfig
from podwire.tools.ip.grammar import Fail, Words, address, garbage, matches, number, wrong
from podwire.tools.ip.names import dsfield_number
from podwire.wire.addr import AF_INET, AF_INET6, ANY4

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context

_VNIS: Final = 1 << 24
_U8: Final = 0xFF
_U16: Final = 0xFFFF
_LABEL_MAX: Final = 0xFFFFF
_DF: Final = ("unset", "set", "inherit")
_SWITCHES: Final = {
    "external": "external",
    "noexternal": "external",
    "udpcsum": "udp_csum",
    "noudpcsum": "udp_csum",
    "udp6zerocsumtx": "zero_tx",
    "noudp6zerocsumtx": "zero_tx",
    "udp6zerocsumrx": "zero_rx",
    "noudp6zerocsumrx": "zero_rx",
}
"""In the order in which iproute2 compares an abbreviation, with the attribute."""
_FIXED: Final = ("dstport", "external", "udp_csum", "zero_tx", "zero_rx")
_CHANGE: Final = (
    "Changing VNI, Port, endpoint IP address family, external, inner_proto_inherit, "
    "and UDP checksum attributes are not supported"
)


class GeneveRequest(msgspec.Struct):
    """The attributes that were given, by the names of ``GeneveConfig``; ``zero_tx``, ``zero_rx`` and ``label`` are IPv6's."""

    given: dict[str, Any] = {}
    warning: str = ""

    def config(self) -> GeneveConfig:
        """What a new device is made with. A zero checksum for IPv6 takes away that of IPv4, too: it is one bit."""
        self._refuse_unmodelled()
        config = GeneveConfig(**self._fields())
        return msgspec.structs.replace(config, udp_csum=False) if self.given.get("zero_tx") else config

    def changed(self, old: GeneveConfig, *, mtu: bool) -> GeneveConfig:
        """``geneve_nl2info`` with ``changelink``. Raises ``NetlinkError`` EOPNOTSUPP for what cannot change."""
        if old.external:
            raise NetlinkError(EOPNOTSUPP)
        given = self.given
        told = {word for word in _FIXED if word in given and not (word == "external" and not given[word])}
        if given.get("vni", 0) != old.vni or told:
            raise NetlinkError(EOPNOTSUPP, _CHANGE)
        self._refuse_unmodelled()
        fields = self._fields()
        if "ttl" in fields and "ttl_inherit" not in fields:
            fields["ttl_inherit"] = False
        return msgspec.structs.replace(old, **fields)

    def _fields(self) -> dict[str, Any]:
        return {key: value for key, value in self.given.items() if key in GeneveConfig.__struct_fields__}

    def _refuse_unmodelled(self) -> None:
        if self.given.get("label"):
            raise NetlinkError(EINVAL, "Label attribute only applies for IPv6 Geneve devices")
        if self.given.get("inner"):
            raise NotModelled("ip link type geneve innerprotoinherit", "ip")


def parse_geneve(ctx: Context, words: Words, *, create: bool) -> GeneveRequest:
    """``geneve_parse_opt``: all words behind ``type geneve``; there has to be one."""
    given: dict[str, Any] = {}
    while words:
        word = words.take()
        if matches(word, "id", "vni"):
            given["vni"] = _number(words, given, "vni", "id", _VNIS - 1, "invalid id")
        elif matches(word, "remote"):
            _remote(words, given)
        elif not (_header(words, given, word) or _switch(given, word)):
            unknown = "" if matches(word, "help") else f'geneve: unknown command "{word}"?\n'
            raise Fail(1, unknown + _USAGE)
    external = given.get("external") is True
    if external and "vni" in given:
        raise Fail(1, "geneve: both 'external' and vni cannot be specified\n")
    if not external and "vni" not in given:
        raise Fail(1, "geneve: missing virtual network identifier\n")
    if not external and create and "remote" not in given:
        raise Fail(1, "geneve: remote link partner not specified\n")
    if given.get("dstport") == 0:
        # Not sent.
        del given["dstport"]
    return GeneveRequest(given)


def _once(words: Words, given: dict[str, Any], key: str, word: str) -> str:
    """``NEXT_ARG`` and ``check_duparg``."""
    text = words.value()
    if key in given:
        raise garbage(word, text)
    return text


def _number(words: Words, given: dict[str, Any], key: str, word: str, limit: int, complaint: str) -> int:
    text = _once(words, given, key, word)
    value = number(text, limit)
    if value is None:
        raise wrong(complaint, text)
    return value


def _remote(words: Words, given: dict[str, Any]) -> None:
    text = _once(words, given, "remote", "remote")
    found = address(text, 0)
    if found.family == AF_INET6:
        raise NotModelled("an underlay of IPv6", "geneve")
    addr = found.addr or ANY4
    if found.family != AF_INET or addr.is_multicast:
        raise wrong("invalid remote address", text)
    given["remote"] = addr


def _header(words: Words, given: dict[str, Any], word: str) -> bool:
    if matches(word, "ttl", "hoplimit"):
        text = words.value()
        if "ttl" in given:
            raise garbage("ttl", text)
        value = 0 if text in {"auto", "inherit"} else number(text)
        if value is None:
            raise wrong("invalid TTL", text)
        if value > _U8:
            raise wrong("TTL must be <= 255", text)
        given["ttl"] = value
        if text == "inherit":
            given["ttl_inherit"] = True
    elif matches(word, "tos", "dsfield"):
        text = _once(words, given, "tos", "tos")
        value = INHERIT if text == "inherit" else dsfield_number(text)
        if value is None:
            raise wrong("bad TOS value", text)
        given["tos"] = value
    elif matches(word, "df"):
        text = _once(words, given, "df", "df")
        if text not in _DF:
            raise wrong("DF must be 'unset', 'set' or 'inherit'", text)
        given["df"] = text
    elif matches(word, "label", "flowlabel"):
        given["label"] = _number(words, given, "label", "flowlabel", _LABEL_MAX, "invalid flowlabel")
    elif matches(word, "dstport"):
        given["dstport"] = _number(words, given, "dstport", "dstport", _U16, "dstport")
    else:
        return False
    return True


def _switch(given: dict[str, Any], word: str) -> bool:
    if word == "innerprotoinherit":
        key, value = "inner", True
    else:
        full = next((full for full in _SWITCHES if matches(word, full)), "")
        if not full:
            return False
        key, value = _SWITCHES[full], not full.startswith("no")
    if key in given:
        raise garbage(word, word)
    given[key] = value
    return True


# -- what is printed ----------------------------------------------------------------------------------------------


def print_geneve(ctx: Context, link: Link, config: GeneveConfig) -> None:
    """``geneve_print_opt``."""
    out = ctx.out
    if config.external:
        out.flag("external", "external ")
    out.put("id", config.vni, "id {} ")
    if config.remote:
        out.put("remote", ctx.host(config.remote), "remote {} ")
    if config.ttl_inherit:
        out.text("ttl inherit ")
    elif out.in_json or config.ttl:
        out.put("ttl", config.ttl, "ttl {} ")
    else:
        out.text("ttl auto ")
    if config.tos:
        if out.in_json or config.tos != INHERIT:
            out.put("tos", f"{config.tos:#x}", "tos {} ")
        else:
            out.text("tos inherit ")
    out.only("df", config.df)
    if config.df != "unset":
        out.text(f"df {config.df} ")
    out.put("port", config.dstport, "dstport {} ")
    if not config.external:
        out.only("udp_csum", config.udp_csum)
        out.text("udpcsum " if config.udp_csum else "noudpcsum ")
    out.put("udp_zero_csum6_rx", value=True, template="udp6zerocsumrx ")


_USAGE: Final = """Usage: ... geneve id VNI
		remote ADDR
		[ ttl TTL ]
		[ tos TOS ]
		[ df DF ]
		[ flowlabel LABEL ]
		[ dstport PORT ]
		[ [no]external ]
		[ [no]udpcsum ]
		[ [no]udp6zerocsumtx ]
		[ [no]udp6zerocsumrx ]
		[ innerprotoinherit ]

Where:	VNI   := 0-16777215
	ADDR  := IP_ADDRESS
	TOS   := { NUMBER | inherit }
	TTL   := { 1..255 | auto | inherit }
	DF    := { unset | set | inherit }
	LABEL := 0-1048575
"""
