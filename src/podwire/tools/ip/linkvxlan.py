"""Options of VXLAN devices on the command line (ip/iplink_vxlan.c of iproute2 6.1.0)."""

from __future__ import annotations

from errno import EOPNOTSUPP, ERANGE
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.tunnel import INHERIT, VxlanConfig
from podwire.tools.ip.grammar import Fail, Prefix, Words, address, garbage, matches, number, usage, wrong
from podwire.tools.ip.names import dsfield_number
from podwire.tools.ip.vxlanprint import USAGE
from podwire.wire.addr import AF_INET, AF_INET6, Ip

if TYPE_CHECKING:
    from podwire.tools.ip.context import Context

_VNIS: Final = 1 << 24
_U8: Final = 0xFF
_U16: Final = 0xFFFF
_LABEL_MAX: Final = 0xFFFFF
_DF: Final = ("unset", "set", "inherit")
_NO_PORT: Final = """vxlan: destination port not specified
Will use Linux kernel default (non-standard value)
Use 'dstport 4789' to get the IANA assigned value
Use 'dstport 0' to get default and quiet this message
"""
_BOTH: Final = "vxlan: both group and remote cannot be specified\n"

# Switches in the order in which iproute2 compares an abbreviation: the word that turns it off comes first, "gbp" and "gpe" have none.
# The attribute, its value here (None where podwire has none but the default), and the name of its flag in a refusal.
_SWITCHES: Final = (
    "learning",
    "proxy",
    "rsc",
    "l2miss",
    "l3miss",
    "udpcsum",
    "udp6zerocsumtx",
    "udp6zerocsumrx",
    "remcsumtx",
    "remcsumrx",
)
_FLAGS: Final = {
    "proxy": "PROXY",
    "rsc": "RSC",
    "l2miss": "L2MISS",
    "l3miss": "L3MISS",
    "udp6zerocsumtx": "UDP_ZERO_CSUM6_TX",
    "udp6zerocsumrx": "UDP_ZERO_CSUM6_RX",
    "remcsumtx": "REMCSUM_TX",
    "remcsumrx": "REMCSUM_RX",
    "external": "COLLECT_METADATA",
    "gbp": "GBP",
    "gpe": "GPE",
    "vnifilter": "VNIFILTER",
}
"""Attributes that cannot change, and what the kernel calls them."""
_EMPTY: Final = "empty address"


class VxlanRequest(msgspec.Struct):
    """The attributes that were given, by the words that name them; ``warning`` goes to standard error at once."""

    given: dict[str, object] = {}
    warning: str = ""

    def config(self) -> VxlanConfig:
        """What a new device is made with. Raises ``NotModelled`` for what podwire lacks."""
        _check_policy(self.given)
        self._refuse_unmodelled()
        return msgspec.structs.replace(VxlanConfig(), **self._fields())

    def changed(self, old: VxlanConfig, *, mtu: bool) -> VxlanConfig:
        """``vxlan_nl2conf`` with ``changelink``. Raises ``NetlinkError`` EOPNOTSUPP for what cannot change."""
        given = self.given
        _check_policy(given)
        if "id" in given and given["id"] != old.vni:
            raise NetlinkError(EOPNOTSUPP, "Cannot change VNI")
        _refuse(given, "ttl inherit", "vxlan: cannot change TTL_INHERIT flag")
        for word in ("proxy", "rsc", "l2miss", "l3miss"):
            _refuse(given, word, f"vxlan: cannot change {_FLAGS[word]} flag")
        _refuse(given, "maxaddress", "Cannot change limit")
        _refuse(given, "external", "vxlan: cannot change COLLECT_METADATA flag")
        _refuse(given, "srcport", "Cannot change port range")
        _refuse(given, "dstport", "Cannot change port")
        _refuse(given, "udpcsum", "Cannot change UDP_CSUM flag")
        for word in ("udp6zerocsumtx", "udp6zerocsumrx", "remcsumtx", "remcsumrx", "gbp", "gpe"):
            _refuse(given, word, f"vxlan: cannot change {_FLAGS[word]} flag")
        if mtu:
            raise NetlinkError(EOPNOTSUPP, "Cannot change mtu")
        _refuse(given, "vnifilter", "vxlan: cannot change VNIFILTER flag")
        self._refuse_unmodelled()
        return msgspec.structs.replace(old, **self._fields())

    def _fields(self) -> dict[str, object]:
        names = {
            "id": "vni",
            "local": "local",
            "dev": "lower",
            "ttl": "ttl",
            "ttl inherit": "ttl_inherit",
            "tos": "tos",
            "df": "df",
            "ageing": "ageing",
            "maxaddress": "max_address",
            "srcport": "ports",
            "dstport": "dstport",
            "learning": "learning",
            "udpcsum": "udp_csum",
            "external": "external",
            "remote": "remote",
        }
        return {names[word]: value for word, value in self.given.items() if word in names}

    def _refuse_unmodelled(self) -> None:
        for word, value in self.given.items():
            if (word in _FLAGS and word != "external" and value) or word == "flowlabel":
                raise NotModelled(f"ip link type vxlan {word}", "ip")


def _check_policy(given: dict[str, object]) -> None:
    """The kernel's ``vxlan_policy``: an address has a length."""
    if _EMPTY in given:
        raise NetlinkError(ERANGE, "Attribute failed policy validation")


def _refuse(given: dict[str, object], word: str, text: str) -> None:
    if word in given:
        raise NetlinkError(EOPNOTSUPP, text)


def parse_vxlan(ctx: Context, words: Words, *, create: bool) -> VxlanRequest:
    """``vxlan_parse_opt``: all words behind ``type vxlan``."""
    given: dict[str, object] = {}
    peer: Prefix | None = None
    local: Prefix | None = None
    while words:
        word = words.take()
        if matches(word, "id", "vni"):
            given["id"] = _number(words, given, "id", _VNIS - 1, "invalid id")
        elif matches(word, "group", "remote"):
            peer = _peer(words, given, peer, local, group=matches(word, "group"))
        elif matches(word, "local"):
            text = _once(words, given, "local")
            local = _endpoint(text, given, peer, "invalid local address", group=False)
            given["local"] = local.addr
        elif matches(word, "dev"):
            text = _once(words, given, "dev")
            lower = ctx.device(text)
            if lower is None:
                raise Fail(255, f'Cannot find device "{text}"\n')
            given["dev"] = lower.ifindex
        elif not (_header(words, given, word) or _rest(words, given, word) or _switch(given, word)):
            if matches(word, "help"):
                raise usage("ip link type vxlan")
            raise Fail(1, f'vxlan: unknown command "{word}"?\n{USAGE}')
    return _complete(ctx, given, create=create)


def _once(words: Words, given: dict[str, object], key: str) -> str:
    """``NEXT_ARG`` and ``check_duparg``."""
    text = words.value()
    if key in given:
        raise garbage(key, text)
    return text


def _number(words: Words, given: dict[str, object], key: str, limit: int, complaint: str) -> int:
    text = _once(words, given, key)
    value = number(text, limit)
    if value is None:
        raise wrong(complaint, text)
    return value


def _is_group(peer: Prefix | None) -> bool:
    return peer is not None and peer.addr is not None and peer.addr.is_multicast


def _peer(words: Words, given: dict[str, object], peer: Prefix | None, local: Prefix | None, *, group: bool) -> Prefix:
    if peer is not None and _is_group(peer) is not group:
        raise Fail(1, _BOTH)
    word = "group" if group else "remote"
    text = words.value()
    if "remote" in given:
        raise garbage(word, text)
    found = _endpoint(text, given, local, f"invalid {word} address", group=group)
    given["remote"] = found.addr
    return found


def _endpoint(text: str, given: dict[str, object], other: Prefix | None, complaint: str, *, group: bool) -> Prefix:
    """An address of the family of the other end, a group or not; ``any`` is of that family, and the kernel gets no bytes of it."""
    found = address(text, other.family if other is not None else 0)
    addr = found.addr if found.addr is not None else Ip.parse("0.0.0.0" if found.family != AF_INET6 else "::")
    if found.family not in {AF_INET, AF_INET6} or addr.is_multicast is not group:
        raise wrong(complaint, text)
    if found.addr is None:
        given[_EMPTY] = True
    return Prefix(found.family, addr, found.plen)


def _header(words: Words, given: dict[str, object], word: str) -> bool:
    """TTL, TOS, DF and label of the outer header."""
    if matches(word, "ttl", "hoplimit"):
        text = _once(words, given, "ttl")
        if text == "inherit":
            given["ttl"] = 0
            given["ttl inherit"] = True
            return True
        value = 0 if text == "auto" else number(text)
        if value is None:
            raise wrong("invalid TTL", text)
        if value > _U8:
            raise wrong("TTL must be <= 255", text)
        given["ttl"] = value
    elif matches(word, "tos", "dsfield"):
        text = _once(words, given, "tos")
        value = INHERIT if text == "inherit" else dsfield_number(text)
        if value is None:
            raise wrong("bad TOS value", text)
        given["tos"] = value
    elif matches(word, "df"):
        text = _once(words, given, "df")
        if text not in _DF:
            raise wrong("DF must be 'unset', 'set' or 'inherit'", text)
        given["df"] = text
    elif matches(word, "label", "flowlabel"):
        given["flowlabel"] = _number(words, given, "flowlabel", _LABEL_MAX, "invalid flowlabel")
    else:
        return False
    return True


def _rest(words: Words, given: dict[str, object], word: str) -> bool:
    """Numbers of the device itself."""
    if matches(word, "ageing"):
        text = _once(words, given, "ageing")
        given["ageing"] = 0 if text == "none" else number(text)
        if given["ageing"] is None:
            raise wrong("ageing timer", text)
    elif matches(word, "maxaddress"):
        text = _once(words, given, "maxaddress")
        given["maxaddress"] = 0 if text == "unlimited" else number(text)
        if given["maxaddress"] is None:
            raise wrong("max addresses", text)
    elif matches(word, "port", "srcport"):
        low = _number(words, given, "srcport", _U16, "min port")
        text = words.value()
        high = number(text, _U16)
        if high is None:
            raise wrong("max port", text)
        given["srcport"] = (low, high)
    elif matches(word, "dstport"):
        given["dstport"] = _number(words, given, "dstport", _U16, "dst port")
    else:
        return False
    return True


def _switch(given: dict[str, object], word: str) -> bool:
    """``[no]learning`` and its like."""
    for name in _SWITCHES:
        for full, value in ((f"no{name}", False), (name, True)):
            if matches(word, full):
                _set(given, name, word, value=value)
                return True
    if matches(word, "external"):
        _set(given, "external", word, value=True)
        # What was said of learning before is forgotten.
        given[_EXTERNAL_LEARNS] = False
    elif matches(word, "noexternal"):
        _set(given, "external", word, value=False)
    elif matches(word, "gbp"):
        _set(given, "gbp", word, value=True)
    elif matches(word, "gpe"):
        _set(given, "gpe", word, value=True)
    elif word in {"vnifilter", "novnifilter"}:
        _set(given, "vnifilter", word, value=word == "vnifilter")
    else:
        return False
    return True


_EXTERNAL_LEARNS: Final = "external learns"


def _set(given: dict[str, object], name: str, word: str, *, value: bool) -> None:
    if name in given:
        raise garbage(word, word)
    given[name] = value
    if name == "learning":
        given.pop(_EXTERNAL_LEARNS, None)


def _complete(ctx: Context, given: dict[str, object], *, create: bool) -> VxlanRequest:
    external, vnifilter = given.get("external") is True, given.get("vnifilter") is True
    if not external and vnifilter:
        raise Fail(1, "vxlan: vnifilter is valid only when 'external' is set\n")
    if external and "id" in given:
        raise Fail(1, "vxlan: both 'external' and vni cannot be specified\n")
    if create and not external and "id" not in given:
        raise Fail(1, "vxlan: missing virtual network identifier\n")
    remote = given.get("remote")
    if isinstance(remote, Ip) and remote.is_multicast and "dev" not in given:
        raise Fail(1, "vxlan: 'group' requires 'dev' to be specified\n")
    warning = ""
    if "dstport" not in given and create and "gpe" not in given:
        warning = _NO_PORT
    learns = given.pop(_EXTERNAL_LEARNS, None)
    if learns is not None and (create or "learning" in given):
        given["learning"] = learns
    if given.get("dstport") == 0:
        # Not sent: the kernel's default, and no reason to refuse a change.
        del given["dstport"]
    if given.get("srcport") == (0, 0):
        del given["srcport"]
    if "remote" not in given and "local" not in given and ctx.family == AF_INET6:
        raise NotModelled("an underlay of IPv6", "vxlan")
    return VxlanRequest(given, warning)
