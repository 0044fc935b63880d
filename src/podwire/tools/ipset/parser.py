"""The command line of ``ipset`` (lib/ipset.c, ipset_parser): options anywhere, a command, a set, an element, the type's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from podwire.errors import NotModelled
from podwire.tools.ipset.addresses import Data, separator
from podwire.tools.ipset.report import OTHER, PARAMETER
from podwire.tools.ipset.session import FAMILY_WORDS, Session, default_family
from podwire.tools.ipset.settypes import ALIASES, TOOL_TYPES, Arg, ToolType
from podwire.tools.ipset.words import MAX_NAME, Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ARGS: Final = 32
_OPTIONS: Final = (
    ("-o", "-output"), ("-s", "-sorted"), ("-q", "-quiet"), ("-r", "-resolve"), ("-!", "-exist"), ("-n", "-name"), ("-t", "-terse"),
    ("-f", "-file"),
)  # fmt: skip
COMMANDS: Final = (
    ("create", ("create", "new", "-N"), 2), ("add", ("add", "-A"), 2), ("del", ("del", "-D"), 2), ("test", ("test", "-T"), 2),
    ("destroy", ("destroy", "x", "-X"), -1), ("list", ("list", "-L"), -1), ("save", ("save", "-S"), -1), ("restore", ("restore", "-R"), 0),
    ("flush", ("flush", "-F"), -1), ("rename", ("rename", "e", "-E"), 2), ("swap", ("swap", "w", "-W"), 2),
    ("help", ("help", "-h", "-H"), -1), ("version", ("version", "-v", "-V"), 0), ("quit", ("quit",), 0),
)  # fmt: skip
"""Command, its names (the beginning of one is enough), and how many arguments it must have; -1 if it may have one."""
_ORDER: Final = (
    "ip", "ip_to", "cidr", "mark", "port", "port_to", "timeout", "gc", "hashsize", "maxelem", "markmask", "netmask", "probes", "resize",
    "size", "forceadd", "bitmask", "ether", "name", "nameref", "ip2", "cidr2", "ip2_to", "proto", "before", "nomatch", "counters",
    "packets", "bytes", "create_comment", "adt_comment",
)  # fmt: skip
_BUGS: Final = {"cidr2": 28, "ip2_to": 29}
"""``enum ipset_opt``: values of which the tool cannot say what they are called."""


class Command(NamedTuple):
    """What a line says: the command, up to two words behind it, and for sets and elements the type and the values."""

    name: str
    first: str | None = None
    second: str | None = None
    kind: ToolType | None = None
    data: Data | None = None


def parse(session: Session, argv: Sequence[str]) -> Command:
    """Read the words behind the program's name; raises ``Exit`` where they make no sense, after it has been said."""
    report = session.report
    if len(argv) + 1 > _MAX_ARGS:
        report.problem(PARAMETER, "Line is too long to parse.")
    report.lineno = session.restore_line
    words = _core_options(session, list(argv))
    name, first, second = _command(session, words)
    if not name:
        if words and words[0] == "-":
            raise NotModelled("interactive mode", "ipset")
        report.problem(
            PARAMETER, f"No command specified: unknown argument {words[0]}" if words else "No command specified."
        )
    if name in {"help", "version", "quit"}:
        return Command(name, first)
    reader = Reader(session.proc.place, report)
    reader.command = name
    kind = None
    if first is not None and name != "restore":
        reader.setname("", first)
        del reader.data[""]
    if name in {"rename", "swap"} and second is not None:
        reader.setname("", second)
        del reader.data[""]
    if name == "create":
        kind = _create_type(session, second or "")
        reader.data["family"] = default_family(kind)
        words = _options(reader, kind, name, words, family=True)
        words = _options(reader, kind, name, words, family=False)
    elif name in {"add", "del", "test"}:
        kind, reader.data["family"] = session.type_of(first or "")
        reader.has_options = bool(kind.args(name))
        _element(reader, kind, second or "")
        words = _options(reader, kind, name, words, family=False)
    if kind is not None:
        _check_mandatory(session, kind, name, reader.data)
        _check_allowed(session, kind, name, reader.data)
    if words:
        report.problem(PARAMETER, f"Unknown argument {words[0]}")
    return Command(name, first, second, kind, reader.data)


def reads_stdin(words: Sequence[str]) -> bool:
    """Is it ``restore`` without a file? For who has to fetch the input before the command runs."""
    flags = {"-exist", "-quiet", "-!", "-q"}
    operands = [word for word in words if word.replace("--", "-", 1) not in flags]
    with_file = any(word.lstrip("-") in {"f", "file"} for word in words if word.startswith("-"))
    return bool(operands) and not with_file and _matches(operands[0], ("restore", "-R"))


def _core_options(session: Session, words: list[str]) -> list[str]:
    """Options of the program, wherever they stand."""
    for names in _OPTIONS:
        place = 0
        while place < len(words):
            word = words[place]
            if (word[1:] if word.startswith("--") else word) not in names:
                place += 1
                continue
            del words[place]
            if names[0] not in {"-o", "-f"}:
                _flag(session, names[0])
                continue
            if place >= len(words):
                session.report.problem(PARAMETER, f"Missing mandatory argument to option {names[0]}")
            _argument(session, names[0], words.pop(place))
    return words


def _flag(session: Session, option: str) -> None:
    if option == "-s":
        session.sorted = True
    elif option == "-q":
        session.report.quiet = True
    elif option == "-r":
        session.resolve = True
    elif option == "-!":
        session.exist = True
    elif option == "-n":
        session.names = True
    else:
        session.headers = True


def _argument(session: Session, option: str, value: str) -> None:
    if option == "-o":
        if value not in {"plain", "xml", "save"}:
            session.report.syntax(f"unknown output mode '{value}'")
        session.mode = value
    elif session.filename is not None:
        session.report.problem(PARAMETER, "-file option cannot be used when full io is activated")
    else:
        session.filename = value


def _command(session: Session, words: list[str]) -> tuple[str, str | None, str | None]:
    """The command and its arguments, taken from the words."""
    if not words:
        return "", None, None
    for name, names, count in COMMANDS:
        if not _matches(words[0], names):
            continue
        if session.restore_line and name in {"restore", "version", "help"}:
            session.report.problem(PARAMETER, f"Command `{name}' is invalid in restore mode.")
        del words[0]
        if count > 0 and not words:
            session.report.problem(PARAMETER, f"Missing mandatory argument to command {name}")
        first = words.pop(0) if count and words else None
        if count > 1 and not words:
            session.report.problem(PARAMETER, f"Missing second mandatory argument to command {name}")
        return name, first, words.pop(0) if count > 1 else None
    return "", None, None


def _matches(word: str, names: tuple[str, ...]) -> bool:
    """``ipset_match_cmd``: the beginning of a name, with two dashes or without."""
    if word in {"", "-", "--"}:
        return False
    stem = word.removeprefix("--")
    return any(name.startswith(stem) for name in names)


def _create_type(session: Session, text: str) -> ToolType:
    if len(text.encode(errors="surrogateescape")) > MAX_NAME:
        session.report.syntax(f"typename '{text}' is longer than {MAX_NAME} characters")
    name = ALIASES.get(text, text)
    if name == "hash:net,iface":
        raise NotModelled(f"set type {name}", "ipset")
    if name not in TOOL_TYPES:
        session.report.syntax(f"typename '{text}' is unknown")
    return TOOL_TYPES[name]


def _options(reader: Reader, kind: ToolType, command: str, words: list[str], *, family: bool) -> list[str]:
    """``call_parser``: the type's options; twice for ``create``, as the family decides how addresses are read."""
    args, report = kind.args(command), reader.report
    if not args and words:
        report.problem(PARAMETER, f"Unknown argument: `{words[0]}'")
    place = 0
    while place < len(words):
        word = words[place]
        arg = next((arg for arg in args if arg.name == word.removeprefix("--")), None)
        if arg is None:
            report.problem(PARAMETER, f"Unknown argument: `{word}'")
        place += 1
        wanted = family is (arg.opt == "family")
        if not arg.parse:
            if wanted:
                _call(reader, arg, word)
            continue
        if place >= len(words):
            report.problem(PARAMETER, f"Missing mandatory argument of option `{arg.name}'")
        if wanted:
            _call(reader, arg, words[place])
        place += 1
    return words if family else []


def _call(reader: Reader, arg: Arg, text: str) -> None:
    """``ipset_call_parser``."""
    known = reader.chosen_family if arg.opt == "family" else arg.opt in reader.data
    if known:
        reader.report.syntax(f"{arg.name} already specified")
    if arg.opt == "family":
        reader.set_family("family", text.removeprefix("--") if text.startswith("--") else text)
    elif arg.parse == "ignored":
        raise NotModelled(f"the old option {arg.name}", "ipset")
    elif arg.parse:
        reader.read(arg.parse, arg.opt, text)
    else:
        reader.data[arg.opt] = True


def _element(reader: Reader, kind: ToolType, text: str) -> None:
    """``ipset_parse_elem``: as many parts as the type has dimensions."""
    report, dims = reader.report, kind.elements
    optional = kind.name == "bitmap:ip,mac"
    parts = [text]
    place = separator(text, ",")
    if len(dims) > 1:
        if place > 0:
            parts = [text[:place], text[place + 1 :]]
        elif not optional:
            report.syntax(f"Second element is missing from {text}.")
    elif place > 0:
        if kind.name == "list:set":
            reader.name_compat(text)
            return
        report.syntax(f"Elem separator in {text}, but settype {kind.name} supports none.")
    place = separator(parts[-1], ",") if len(parts) > 1 else -1
    if len(dims) > 2:
        if place < 0:
            report.syntax(f"Third element is missing from {text}.")
        parts = [parts[0], parts[1][:place], parts[1][place + 1 :]]
        if separator(parts[2], ",") > 0:
            report.syntax(f"Three elem separators in {text}, but settype {kind.name} supports two.")
    elif place > 0:
        report.syntax(f"Two elem separators in {text}, but settype {kind.name} supports one.")
    opts = {"ether": "ether", "proto_port": "port", "tcp_udp_port": "port", "mark": "mark", "setname": "name"}
    for number, (dim, part) in enumerate(zip(dims, parts, strict=False)):
        reader.read(dim, opts.get(dim) or ("ip2" if number else "ip"), part)


def _check_mandatory(session: Session, kind: ToolType, command: str, data: Data) -> None:
    have = set(data) | ({"ip_to"} if "cidr" in data else set())
    for arg in kind.args(command):
        if arg.opt in kind.need[command] and arg.opt not in have:
            session.report.problem(PARAMETER, f"Mandatory option `{arg.name}' is missing")


def _check_allowed(session: Session, kind: ToolType, command: str, data: Data) -> None:
    allowed = kind.full[command]
    if "ip_to" in allowed:
        allowed = allowed | {"cidr"}
    family = FAMILY_WORDS.get(int(data.get("family", 0)), "unspec")
    where = f"is not allowed in command {command} with set type {kind.name} and family {family}"
    texts = {"cidr": "IP/CIDR range", "ip_to": "FROM-TO IP range", "port_to": "FROM-TO port range"}
    for opt in _ORDER:
        if opt not in data or opt in allowed:
            continue
        if opt in texts:
            session.report.problem(OTHER, f"{texts[opt]} {where}")
        why = "option list is empty" if not kind.args(command) else "can't resolve them"
        session.report.problem(
            OTHER,
            f"There are not allowed options ({_BUGS.get(opt, 0)}) but {why}. It's a bug, please report the problem.",
        )
