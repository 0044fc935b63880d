"""Words for links that no machine here has: libpcap knows them, and refuses them on Ethernet."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.errors import NotModelled
from podwire.tools.tcpdump.filter.errors import FilterError

_ATM: Final = MappingProxyType(
    {word: word for word in ("lane", "metac", "bcc", "sc", "ilmic", "oam", "oamf4", "connectmsg", "metaconnect")}
    | {"oamf4ec": "oam4ec", "oamf4sc": "oam4sc"}
)
_MTP2: Final = MappingProxyType(
    {"fisu": "MTP2", "lssu": "MTP2", "msu": "MTP2", "hfisu": "MTP2_HSL", "hlssu": "MTP2_HSL", "hmsu": "MTP2_HSL"}
)
_FIELDS: Final = MappingProxyType(
    {"vpi": "raw ATM", "vci": "raw ATM"}
    | {f"{high}{word}": "SS7" for high in ("", "h") for word in ("sio", "opc", "dpc", "sls")}
)
_FIREWALL: Final = MappingProxyType(
    {"ifname": "ifname", "rset": "ruleset", "rnr": "rnr", "srnr": "srnr", "reason": "reason", "action": "action"}
)
"""OpenBSD's firewall log."""
_FIREWALL_WORDS: Final = MappingProxyType(
    {
        "reason": frozenset(
            "match bad-offset fragment short normalize memory bad-timestamp congestion ip-option proto-cksum"
            " state-mismatch state-insert state-limit src-limit synproxy".split()
        ),
        "action": frozenset(
            "pass accept drop block scrub noscrub nat nonat binat nobinat rdr nordr synproxy-drop".split()
        ),
    }
)
_NOT_MODELLED: Final = frozenset({"mpls", "pppoed", "pppoes", "geneve", "llc", "type", "subtype", "dir"})
"""These could match a frame here; podwire does not filter by them."""

FOREIGN: Final = frozenset({*_ATM, *_MTP2, *_FIELDS, *_FIREWALL, *_NOT_MODELLED})


def foreign_arguments(word: str, following: str) -> tuple[str, ...]:
    """The kinds of the words that have to follow, of which the first one is ``following``."""
    if word in _FIELDS:
        return (following, "NUM") if following in {"=", "<", "<=", ">", ">=", "!="} else ("NUM",)
    if word in {"rnr", "srnr"} or (word == "reason" and following == "NUM"):
        return ("NUM",)
    return ("ID",) if word in _FIREWALL else ()


def foreign(word: str, arguments: list[str]) -> Exception:
    """What libpcap says of it."""
    if word in _NOT_MODELLED:
        return NotModelled(f"filter {word}", "tcpdump")
    if word in _ATM:
        return FilterError(f"'{_ATM[word]}' supported only on raw ATM")
    if word in _MTP2:
        return FilterError(f"'{word}' supported only on {_MTP2[word]}")
    if word in _FIELDS:
        return FilterError(f"'{word.removeprefix('h')}' supported only on {_FIELDS[word]}")
    known = _FIREWALL_WORDS.get(word)
    if known is not None and not arguments[0].isdecimal() and arguments[0].lower() not in known:
        return FilterError(f'unknown PF {word} "{arguments[0]}"')
    return FilterError(f"{_FIREWALL[word]} supported only on PF linktype")
