"""The command line of ``conntrack``: commands, options and what may stand together (conntrack.c, do_parse and generic_opt_check)."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.netfilter.conntrack.entry import (
    IPS_ASSURED,
    IPS_EXPECTED,
    IPS_FIXED_TIMEOUT,
    IPS_HW_OFFLOAD,
    IPS_OFFLOAD,
    IPS_SEEN_REPLY,
)
from podwire.tools.conntrack.protocols import OPTIONS_OF, Protocol, check_protocol, find_protocol
from podwire.tools.conntrack.usage import failure, problem
from podwire.wire.addr import AF_INET, AF_INET6, Ip, Ip6, inet_aton, prefix_mask

_LONGS: Final = {
    "dump": "L", "create": "I", "add": "A", "delete": "D", "update": "U", "get": "G", "flush": "F", "event": "E",
    "counter": "C", "stats": "S", "version": "V", "help": "h",
    "orig-src": "s", "src": "s", "orig-dst": "d", "dst": "d", "reply-src": "r", "reply-dst": "q", "protonum": "p",
    "timeout": "t", "status": "u", "zero": "z", "event-mask": "e", "tuple-src": "[", "tuple-dst": "]", "mask-src": "{",
    "mask-dst": "}", "nat-range": "a", "mark": "m", "secmark": "c", "id": "i", "family": "f", "src-nat": "n",
    "dst-nat": "g", "output": "o", "buffer-size": "b", "any-nat": "j", "zone": "w", "label": "l", "label-add": "<",
    "label-del": ">", "orig-zone": "(", "reply-zone": ")",
}  # fmt: skip
_COMMANDS: Final = "LIDGFEVhCSUA"
_FLAGS: Final = "z"
_ARGUMENT: Final = "sdrqptuea[]{}mifocbwl<()"
_ORDER: Final = "sdrqptuze[]{}amifngocbjwl<>()"
_NAMES: Final = {
    "s": "src", "d": "dst", "r": "reply-src", "q": "reply-dst", "p": "protonum", "t": "timeout", "u": "status", "z": "zero",
    "e": "event-mask", "[": "tuple-src", "]": "tuple-dst", "{": "mask-src", "}": "mask-dst", "a": "nat-range", "m": "mark",
    "i": "id", "f": "family", "n": "src-nat", "g": "dst-nat", "o": "output", "c": "secmark", "b": "buffer-size",
    "j": "any-nat", "w": "zone", "l": "label", "<": "label-add", ">": "label-del", "(": "orig-zone", ")": "reply-zone",
}  # fmt: skip
# By command, for each option of _ORDER: 0 may not, 1 must, 2 may stand there, 3 one pair of addresses must.
_LEGAL: Final = {
    "L": "22222022000220202222202220022",
    "I": "33331120000002200220000202022",
    "A": "33331120000002200220000202022",
    "U": "22222220000220222222000022200",
    "D": "22222220000220222222000220022",
    "G": "33331000000000020002000020000",
    "F": "00000000000000002000000000000",
    "E": "22222000200220202222222220022",
    "h": "00002000000000000000000000000",
}
_STATUS: Final = (
    ("ASSURED", IPS_ASSURED), ("SEEN_REPLY", IPS_SEEN_REPLY), ("UNSET", 0), ("FIXED_TIMEOUT", IPS_FIXED_TIMEOUT),
    ("EXPECTED", IPS_EXPECTED), ("OFFLOAD", IPS_OFFLOAD), ("HW_OFFLOAD", IPS_HW_OFFLOAD),
)  # fmt: skip
_EVENTS: Final = (("ALL", 7), ("NEW", 1), ("UPDATES", 2), ("DESTROY", 4))
EVENT_NEW, EVENT_UPDATE, EVENT_DESTROY = 1, 2, 4
_OUTPUTS: Final = tuple(
    (name, name) for name in ("xml", "extended", "timestamp", "id", "ktimestamp", "labels", "userspace", "save")
)
_TABLES: Final = ("expect", "conntrack", "dying", "unconfirmed")
_NUMBER: Final = re.compile(r"\s*([+-]?(?:0[xX][0-9a-fA-F]+|\d+))", re.ASCII)
_U32: Final = 0xFFFFFFFF


class Command(msgspec.Struct):
    """What was asked for. Addresses and numbers that were not given are None; ``given`` holds the letters of the options."""

    command: str = ""
    table: str = "conntrack"
    given: str = ""
    family: int = 0
    src: Ip | None = None
    dst: Ip | None = None
    reply_src: Ip | None = None
    reply_dst: Ip | None = None
    src_mask: int | None = None
    dst_mask: int | None = None
    proto: Protocol | None = None
    l4: dict[str, int] = {}
    """Ports, keys, ICMP's three numbers, state and tags, by the name of their option."""
    timeout: int = 0
    status: int = 0
    status_mask: int = 0
    mark: tuple[int, int] = (0, _U32)
    zone: int | None = None
    orig_zone: int | None = None
    reply_zone: int | None = None
    id: int | None = None
    outputs: frozenset[str] = frozenset()
    events: int = 0
    snat: tuple[Ip | None, int | None] = (None, None)
    dnat: tuple[Ip | None, int | None] = (None, None)
    warnings: str = ""

    def has(self, letter: str) -> bool:
        """Whether the option was given."""
        return letter in self.given


def parse(argv: list[str]) -> Command:
    """Read the words behind ``conntrack``; raises ``Stop`` with what the tool says."""
    return _Parser(argv).run()


def _strtoul(text: str) -> int:
    """What strtoul reads with base 0: 0 where there is no number."""
    match = _NUMBER.match(text)
    if match is None:
        return 0
    digits = match.group(1)
    octal = re.fullmatch(r"[+-]?0[0-7]+", digits)
    return int(digits, 8 if octal else 10 if re.fullmatch(r"[+-]?0\d+", digits) else 0)


def _atoi(text: str) -> int:
    match = re.match(r"\s*([+-]?\d+)", text, re.ASCII)
    return int(match.group(1)) if match is not None else 0


def _address(text: str) -> Ip | None:
    """``parse_inetaddr``."""
    addr = inet_aton(text)
    if addr is not None:
        return addr
    try:
        return Ip6.parse(text)
    except ValueError:
        return None


class _Parser:
    """getopt_long, with options that a protocol adds while it goes on."""

    def __init__(self, argv: list[str]) -> None:
        self.words = argv
        self.at = 0
        self.longs = dict.fromkeys(_LONGS)
        self.cmd = Command()

    def run(self) -> Command:
        while self.at < len(self.words):
            word = self.words[self.at]
            self.at += 1
            if word == "--":
                break
            if word.startswith("--"):
                self._long(word)
            elif len(word) > 1 and word[0] == "-":
                self._letters(word)
        self._check()
        return self.cmd

    def _long(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        of_proto = OPTIONS_OF[self.cmd.proto.kind] if self.cmd.proto is not None else {}
        known = {**_LONGS, **{long: f"={key}" for long, key in of_proto.items()}}
        found = [name] if name in known else [long for long in known if long.startswith(name)]
        if len({known[long] for long in found}) != 1:
            raise problem(f"unknown option `{word}'")
        key = known[found[0]]
        if key[0] == "=":
            self._l4(key[1:], value if equals else self._argument(word))
        elif key in _ARGUMENT:
            self._option(key, value if equals else self._argument(word))
        elif key in _FLAGS + "SVh" and equals:
            raise problem(f"unknown option `{word}'")
        else:
            self._plain(key, has_value=bool(equals))

    def _letters(self, word: str) -> None:
        for place, letter in enumerate(word[1:], 2):
            if letter in _ARGUMENT:
                self._option(letter, word[place:] or self._argument(f"-{letter}"))
                return
            if letter in _COMMANDS or letter in _FLAGS:
                if len(word) > 2:
                    raise NotModelled(f"letters in one word with -{letter}", "conntrack")
                self._plain(letter)
            elif letter in "ngj>":
                self._plain(letter, has_value=place < len(word))
                return
            else:
                raise problem(f"unknown option `{word}'")

    def _argument(self, option: str) -> str:
        if self.at >= len(self.words):
            raise problem(f"option `{option}' requires an argument")
        self.at += 1
        return self.words[self.at - 1]

    def _optional(self) -> str | None:
        """``get_optional_arg``: the next word, unless it begins an option."""
        if self.at < len(self.words) and self.words[self.at][:1] not in {"-", "!"}:
            self.at += 1
            return self.words[self.at - 1]
        return None

    # -- one option ---------------------------------------------------------------------------------------------

    def _plain(self, letter: str, *, has_value: bool = False) -> None:
        cmd = self.cmd
        if letter in _COMMANDS:
            table = None if has_value else self._optional()
            cmd.table = next((name for name in _TABLES if name.startswith(table or "conntrack")), "")
            if not cmd.table:
                raise problem(f"unknown type `{table}'")
            if letter != "L" and cmd.table in {"dying", "unconfirmed"}:
                raise problem("Can't do that command with tables `dying' and `unconfirmed'")
            if letter in "UA" and cmd.table == "expect":
                raise problem(f"Can't do --{'update' if letter == 'U' else 'add'} on expectations")
            if cmd.command:
                raise problem("Invalid commands combination")
            cmd.command = letter
        elif letter == "z":
            cmd.given += letter
        elif letter == ">":
            raise NotModelled("labels", "conntrack")
        else:
            cmd.given += letter
            to = None if has_value else self._optional()
            if to is not None:
                self._nat(letter, to)

    def _option(self, letter: str, value: str) -> None:  # noqa: C901 - one branch per option
        cmd = self.cmd
        if letter == "a":
            cmd.warnings += "WARNING: ignoring -a, deprecated option.\n"
            return
        if letter in "[]c":
            raise NotModelled(f"--{_NAMES[letter]}", "conntrack")
        cmd.given += letter
        if letter in "sdrq{}":
            self._address(letter, value)
        elif letter == "p":
            cmd.proto = find_protocol(value)
        elif letter == "t":
            cmd.timeout = _atoi(value)
        elif letter == "u":
            self._status(value)
        elif letter == "e":
            for name, _ in self._words(value, _EVENTS):
                cmd.events |= dict(_EVENTS)[name]
        elif letter == "o":
            cmd.outputs |= {str(name) for _, name in self._words(value, _OUTPUTS)} - {"userspace"}
            if "save" in cmd.outputs and len(cmd.outputs) > 1:
                raise failure("cannot combine save output with any other output type, use -o save only")
        elif letter == "m":
            number, slash, mask = value.partition("/")
            cmd.mark = (_strtoul(number) & _U32, _strtoul(mask) & _U32 if slash else _U32)
        elif letter in "w()":
            number_ = _strtoul(value) & 0xFFFF
            if letter == "w":
                cmd.zone = number_
            elif letter == "(":
                cmd.orig_zone = number_
            else:
                cmd.reply_zone = number_
        elif letter == "i":
            cmd.id = _strtoul(value) & _U32
        elif letter == "f":
            self._family(AF_INET if value.startswith("ipv4") else AF_INET6 if value.startswith("ipv6") else 0, value)
        elif letter in "l<":
            raise NotModelled("labels", "conntrack")

    def _family(self, family: int, value: str = "") -> None:
        if not family:
            raise problem(f"`{value}' unsupported protocol")
        if self.cmd.family not in {0, family}:
            raise problem("mismatched address family")
        self.cmd.family = family

    def _address(self, letter: str, value: str) -> Ip | None:
        """``nfct_parse_addr_from_opt``; None of IPv6, which nothing here has."""
        text, slash, plen = value.partition("/")
        bits = -1 if not slash else int(plen) if plen.isascii() and plen.isdigit() else -2
        addr = _address(text)
        if addr is None:
            raise problem(f"Invalid IP address `{value}'")
        self._family(addr.family)
        if slash and letter not in "sd":
            raise problem(f"CIDR notation unavailable for `--{_LONG_NAME[letter]}'")
        if slash and not 0 <= bits <= addr.bits:
            raise problem("Invalid netmask")
        if addr.family == AF_INET6:
            return None
        cmd = self.cmd
        match letter:
            case "s":
                cmd.src = addr
            case "d":
                cmd.dst = addr
            case "r":
                cmd.reply_src = addr
            case "q":
                cmd.reply_dst = addr
            case "{":
                cmd.src_mask = int(addr)
            case "}":
                cmd.dst_mask = int(addr)
        if slash and bits < addr.bits:
            mask = prefix_mask(addr.bits, bits)
            cmd.given += "{" if letter == "s" else "}"
            if letter == "s":
                cmd.src_mask = mask
            else:
                cmd.dst_mask = mask
        return addr

    def _nat(self, letter: str, value: str) -> None:
        """``split_address_and_port``."""
        if "[" in value:
            raise NotModelled("IPv6", "conntrack")
        text, colon, port_text = value.partition(":")
        port: int | None = None
        if colon and ":" not in port_text:
            if not port_text:
                raise problem("No port specified after `:'")
            if not (port_text.isascii() and port_text.isdigit()) or int(port_text) > 0xFFFF:
                raise problem(f"Invalid port `{port_text}'")
            port = int(port_text)
        else:
            text = value
        addr = self._address(letter, text)
        if letter in "nj":
            self.cmd.snat = (addr, port)
        if letter in "gj":
            self.cmd.dnat = (addr, port)

    def _words(self, value: str, known: tuple[tuple[str, object], ...]) -> list[tuple[str, object]]:
        """``parse_parameter``: words between commas, each the beginning of a known one whatever the case."""
        found = []
        rest = value
        while True:
            word, comma, behind = rest.partition(",")
            one = self._word(word, known)
            if one is None:
                raise problem(f"Bad parameter `{rest}'")
            found.append(one)
            if not comma:
                return [each for each in found if each[0]]
            rest = behind

    def _word(self, word: str, known: tuple[tuple[str, object], ...]) -> tuple[str, object] | None:
        if not word:
            return None
        for nat in ("SRC_NAT", "DST_NAT"):
            if nat.lower().startswith(word.lower()):
                self.cmd.warnings += f"WARNING: ignoring {nat}, use --{nat.lower().replace('_', '-')} instead\n"
                return "", 0
        return next((each for each in known if each[0].lower().startswith(word.lower())), None)

    def _status(self, value: str) -> None:
        """``parse_parameter_mask``: bits that shall be set, with ``!`` bits to look at, ``UNREPLIED`` for the lack of SEEN_REPLY."""
        cmd = self.cmd
        rest = value
        while True:
            word, comma, behind = rest.partition(",")
            negated = word.startswith("!")
            if not negated and word.startswith("UNREPLIED"):
                cmd.status_mask |= IPS_SEEN_REPLY
            else:
                one = self._word(word[negated:], _STATUS)
                if one is None:
                    raise problem(f"Bad parameter `{rest[negated:]}'")
                bit = int(str(one[1]))
                if negated:
                    cmd.status_mask |= bit
                else:
                    cmd.status |= bit
            if not comma:
                break
            rest = behind
        cmd.status_mask = cmd.status_mask or cmd.status

    def _l4(self, key: str, value: str) -> None:
        proto = self.cmd.proto
        assert proto is not None  # noqa: S101 - its options are known
        if key == "state":
            self.cmd.l4[key] = proto.state_number(value)
        elif key.endswith("vtag"):
            self.cmd.l4[key] = _atoi(value) & _U32
        else:
            self.cmd.l4[key] = _atoi(value) & (0xFF if key in {"icmp-type", "icmp-code"} else 0xFFFF)

    # -- all of them --------------------------------------------------------------------------------------------

    def _check(self) -> None:
        cmd = self.cmd
        if cmd.has("j") and (cmd.has("n") or cmd.has("g")):
            raise problem("cannot specify `--src-nat' or `--dst-nat' with `--any-nat'")
        if cmd.table == "expect" and cmd.command not in "LFCS":
            raise NotModelled("expectations", "conntrack")
        legal = _LEGAL.get(cmd.command, "0" * len(_ORDER)) if cmd.table != "expect" else _LEGAL["F"]
        for letter, rule in zip(_ORDER, legal, strict=True):
            if rule == "1" and not cmd.has(letter):
                raise problem(f"You need to supply the `--{_NAMES[letter]}' option for this command")
            if rule == "0" and cmd.has(letter):
                raise problem(f"Illegal option `--{_NAMES[letter]}' with this command")
        if legal[0] == "3" and not (cmd.has("s") and cmd.has("d")) and not (cmd.has("r") and cmd.has("q")):
            reply = not (cmd.has("s") or cmd.has("d")) and (cmd.has("r") or cmd.has("q"))
            names = "`--reply-src' and `--reply-dst'" if reply else "`--src' and `--dst'"
            raise problem(f"you have to specify {names}")
        if cmd.proto is not None and cmd.command != "h":
            check_protocol(cmd.proto, cmd.command, cmd.l4)


_LONG_NAME: Final = {
    "r": "reply-src", "q": "reply-dst", "{": "mask-src", "}": "mask-dst", "n": "src-nat", "g": "dst-nat", "j": "any-nat",
}  # fmt: skip
