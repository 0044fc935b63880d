"""The words of iptables: its own options, and names of chains, targets and protocols (iptables/xshared.c of 1.8.9)."""

from __future__ import annotations

import re
from typing import Final

from podwire.linux.netfilter.xt.options import CHAIN_PROTOS, Names, OptionError, strtoui
from podwire.linux.netfilter.xt.registry import is_target

XT_EXTENSION_MAXNAMELEN: Final = 29
_INT_MAX: Final = (1 << 31) - 1
_LONGEST_INTERVAL: Final = 999_999

STANDARD_TARGETS: Final = frozenset({"", "ACCEPT", "DROP", "QUEUE", "RETURN"})

WHOLE_WORDS: Final = frozenset("dijops")
"""Options whose argument do_parse takes from the word before the next one: stuck to the option, it is the whole word that it takes."""

# The letters of IPT_OPTSTRING with what they take: nothing, a word (:), perhaps a word stuck to them (::).
SHORT_OPTIONS: Final = {
    **dict.fromkeys("ACDEINPcdijopstRgmM", ":"),
    **dict.fromkeys("FLXZSWhw", "::"),
    **dict.fromkeys("V46bfnvx", ""),
}
LONG_OPTIONS: Final = (
    ("append", "A"),
    ("delete", "D"),
    ("check", "C"),
    ("insert", "I"),
    ("replace", "R"),
    ("list", "L"),
    ("list-rules", "S"),
    ("flush", "F"),
    ("zero", "Z"),
    ("new-chain", "N"),
    ("delete-chain", "X"),
    ("rename-chain", "E"),
    ("policy", "P"),
    ("source", "s"),
    ("destination", "d"),
    ("src", "s"),
    ("dst", "d"),
    ("protocol", "p"),
    ("in-interface", "i"),
    ("jump", "j"),
    ("table", "t"),
    ("match", "m"),
    ("numeric", "n"),
    ("out-interface", "o"),
    ("verbose", "v"),
    ("wait", "w"),
    ("wait-interval", "W"),
    ("exact", "x"),
    ("fragments", "f"),
    ("version", "V"),
    ("help", "h"),
    ("line-numbers", "0"),
    ("modprobe", "M"),
    ("set-counters", "c"),
    ("goto", "g"),
    ("ipv4", "4"),
    ("ipv6", "6"),
)
TAKES: Final = {**SHORT_OPTIONS, "0": ""}


def proto_name(number: int, names: Names, *, lookup: bool) -> str | None:
    """``proto_to_name``: libxtables' own names, then /etc/protocols."""
    for name, known in CHAIN_PROTOS:
        if known == number:
            return name
    return names.protocol_name(number) if number and lookup else None


def match_name(name: str) -> str:
    """How ``xtables_find_match`` calls it."""
    return "icmp6" if name in {"icmpv6", "ipv6-icmp"} else name


def assert_valid_chain_name(name: str, *, announced: bool = False) -> None:
    """``assert_valid_chain_name``: raises ``OptionError``. A chain that was announced may have the name of an extension."""
    if len(name) >= XT_EXTENSION_MAXNAMELEN:
        msg = f"chain name `{name}' too long (must be under {XT_EXTENSION_MAXNAMELEN} chars)"
        raise OptionError(msg)
    if name[:1] in {"-", "!"}:
        msg = f"chain name not allowed to start with `{name[0]}'"
        raise OptionError(msg)
    if name in STANDARD_TARGETS or (is_target(name) and not announced):
        msg = "chain name may not clash with target name"
        raise OptionError(msg)
    if name.split() != [name]:
        msg = f"Invalid chain name `{name}'"
        raise OptionError(msg)


def target_name(name: str) -> str:
    """``xt_parse_target``."""
    if not name:
        msg = "Invalid target name (too short)"
        raise OptionError(msg)
    if len(name) >= XT_EXTENSION_MAXNAMELEN:
        msg = f"Invalid target name `{name}' ({XT_EXTENSION_MAXNAMELEN - 1} chars max)"
        raise OptionError(msg)
    if name.split() != [name]:
        msg = f"Invalid target name `{name}'"
        raise OptionError(msg)
    return name


def rule_number(text: str) -> int:
    """``parse_rulenumber``: from 1."""
    value = strtoui(text, 1, _INT_MAX)
    if value is None:
        msg = f"Invalid rule number `{text}'"
        raise OptionError(msg)
    return value


def wait_time(text: str) -> int:
    """``parse_wait_time``: -1 waits for ever."""
    if not text:
        return -1
    found = re.match(r"\s*[+-]?\d+", text, re.ASCII)
    if found is None:
        msg = "wait seconds not numeric"
        raise OptionError(msg)
    return int(found.group())


WAIT_INTERVAL_IGNORED: Final = "Ignoring deprecated --wait-interval option.\n"


def wait_interval(text: str) -> None:
    """``parse_wait_interval``: microseconds, which are checked and not used."""
    if not text:
        msg = "wait interval value required"
        raise OptionError(msg)
    value = strtoui(text)
    if value is None:
        msg = "wait interval not numeric"
        raise OptionError(msg)
    if value > _LONGEST_INTERVAL:
        msg = f"too long usec wait {value} > {_LONGEST_INTERVAL} usec"
        raise OptionError(msg)
