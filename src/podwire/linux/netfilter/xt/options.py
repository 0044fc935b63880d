"""The options of matches and targets: libxtables' tables (``struct xt_option_entry``, libxtables/xtoptions.c of iptables 1.8.9).

How to write an extension
-------------------------

An extension is one class: a ``Match`` or a ``Target`` (frozen values), which says what its options are, how a rule is made
from them, and how it prints. Its name goes into ``registry.py`` (one line). ``comment.py``, ``tcp.py``, ``udp.py`` and
``mark_target.py`` show each form::

    class Mark(Match, frozen=True, gc=False):
        NAME = "mark"
        OPTIONS = (Option("mark", MARKMASK, invert=True, mandatory=True),)
        mark: int
        mask: int
        invert: bool = False

        @classmethod
        def build(cls, values: Values) -> Mark:            # after all checks of the table
            mark, mask = values.pair("mark")
            return cls(mark, mask, values.inverted("mark"))

        def save(self) -> str: ...                         # behind "-m mark", no blank in front: "! --mark 0x1/0x1"
        def listing(self, names: Names | None) -> str: ... # -L; no blank in front; ``names`` is None under -n: "mark match ! 0x1/0x1"
        def compile(self, netns): ...

- ``Option(name, kind, ...)``: ``kind`` is one of the functions below (``UINT8`` … ``ETHERMAC``), None where there is no argument.
  Synonyms share an ``id``: ``Option("sport", PORTRC, id="source-port")``. ``multi``: may be given several times (``values.all``);
  ``excl`` and ``also`` name ids; ``low``/``high`` are xt_option_entry's min and max, ``size`` the bytes of a string or the
  components of a range.
- ``parse(call)`` may be overridden: for libxtables' older extensions, whose ``parse`` function has words of its own (``tcp.py``),
  and for what the kind cannot say. Call ``option_parse(call)`` first for what the table says. ``call.take()`` takes a second
  argument (``--tcp-flags A B``): say ``args=2`` in the table then.
  Say what is wrong with ``OptionError`` - its text is printed behind ``iptables v1.8.9 (nf_tables): `` with status 2 - or with
  ``bad_value``, ``only_once``, ``no_invert``, ``one_action`` (``xtables_param_act``). A text may end in a newline where the real
  one does.
- ``final_check(values)`` is ``x6_fcheck``/``final_check``: runs before the table's own checks (mandatory, exclusive, also).
- ``values.rule`` is the rule as far as it has been read: ``.proto`` (a ``Proto`` or None, for multiport), ``.table``, ``.variant``.
- What a real option does that podwire does not: raise ``NotModelled`` naming it.
- Names of one family (``state`` is ``conntrack``) are a class and a line in the registry each, as each is saved under its own name.
- A packet that the match drops by itself (``par->hotdrop``): raise ``HotDrop`` in the compiled function (``evaluate`` drops it).
- Where iptables-nft prints a rule otherwise than iptables-legacy (it translates some matches to nft's own expressions): ``Match.nft_view``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from podwire.errors import PodwireError
from podwire.wire.addr import AF_INET, Ip, Mac, inet_aton, prefix_mask

if TYPE_CHECKING:
    from podwire.linux.netfilter.command import RuleDraft

OTHER_PROBLEM: Final = 1
PARAMETER_PROBLEM: Final = 2
VERSION_PROBLEM: Final = 3
RESOURCE_PROBLEM: Final = 4

_FULL: Final = 0xFFFFFFFF
_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)
_PORT_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*(\+?[0-9]+)", re.ASCII)
_BARE: Final = re.compile(r"[-_0-9A-Za-z]+", re.ASCII)
_ESCAPED: Final = re.compile(r"""(["\\'])""")


class OptionError(PodwireError):
    """``xtables_error(status, text)``: what the tool prints behind its name and version."""

    def __init__(self, text: str, status: int = PARAMETER_PROBLEM) -> None:
        super().__init__(text, status)
        self.text = text
        self.status = status


class Names:
    """Names of hosts and services. This one knows no hosts; tools have one that asks the machine they run on."""

    services: bool = True
    """/etc/services and /etc/protocols are there."""

    def addresses(self, name: str) -> list[Ip]:
        """``getaddrinfo``: every address of a host; raises ``OptionError`` where it has none."""
        address = inet_aton(name)
        if address is None:
            msg = f"getaddrinfo: {self.unknown(name)}\n"
            raise OptionError(msg)
        return [address]

    def unknown(self, name: str) -> str:
        """``gai_strerror`` of a name without address."""
        return "Temporary failure in name resolution"

    def host(self, ip: Ip) -> str | None:
        """``gethostbyaddr``."""
        return None

    def network(self, name: str) -> Ip | None:
        """``getnetbyname``: /etc/networks."""
        return None

    def set_family(self, name: str) -> int | None:
        """AF_INET, AF_INET6 or 0 (no addresses): the family of an IP set; None where there is none of that name.

        This one lets the kernel say that there is none.
        """
        return AF_INET

    def service(self, port: int, proto: str) -> str | None:
        """``getservbyport``; ``proto`` is ``tcp``, ``udp``, ``sctp`` …."""
        from podwire.linux import services

        tables = {"tcp": services.TCP_NAMES, "udp": services.UDP_NAMES, "sctp": services.SCTP_NAMES}
        return tables[proto].get(port) if self.services and proto in tables else None

    def port(self, name: str, proto: str | None = None) -> int | None:
        """``getservbyname``; of any protocol if none is named."""
        if not self.services:
            return None
        from podwire.linux import services

        tcp, udp, sctp = services.TCP_PORTS, services.UDP_PORTS, services.SCTP_PORTS
        tables = {"tcp": (tcp,), "udp": (udp,), "sctp": (sctp,), None: (tcp, udp, sctp)}
        return next((table[name] for table in tables.get(proto, ()) if name in table), None)

    def protocol(self, name: str) -> int | None:
        """``getprotobyname``."""
        from podwire.linux import services

        return services.PROTOCOLS.get(name) if self.services else None

    def protocol_name(self, number: int) -> str | None:
        """``getprotobynumber``."""
        from podwire.linux import services

        return services.PROTOCOL_NAMES.get(number) if self.services else None


Kind = Callable[["OptionCall"], object]
"""How an argument is read: raises ``OptionError`` with libxtables' words."""


class Option(msgspec.Struct, frozen=True, gc=False):
    """``struct xt_option_entry``. ``id`` is empty where it is the name; options with one id are synonyms."""

    name: str
    kind: Kind | None = None
    id: str = ""
    invert: bool = False
    mandatory: bool = False
    multi: bool = False
    excl: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    size: int = 0
    args: int = 1
    """How many words follow an option that has an argument: 2 where ``parse`` calls ``call.take()``."""

    @property
    def key(self) -> str:
        """Under which ``Values`` knows it."""
        return self.id or self.name


class Values:
    """What was given of an extension's options, by id."""

    __slots__ = ("data", "given", "names", "options", "rule")

    def __init__(self, options: Sequence[Option], names: Names, rule: RuleDraft) -> None:
        self.options = options
        self.names = names
        self.rule = rule
        """The rule as far as it has been read."""
        self.given: dict[str, list[tuple[object, bool]]] = {}
        self.data: dict[str, object] = {}
        """For extensions that read their options by themselves."""

    def __contains__(self, key: str) -> bool:
        return key in self.given

    def put(self, key: str, value: object, *, invert: bool = False) -> None:
        """Note an option."""
        self.given.setdefault(key, []).append((value, invert))

    def inverted(self, key: str) -> bool:
        """A ``!`` stood before it (the last one given)."""
        return key in self.given and self.given[key][-1][1]

    def get(self, key: str) -> object:
        """The value given last, None if there is none."""
        return self.given[key][-1][0] if key in self.given else None

    def all(self, key: str) -> list[tuple[object, bool]]:
        """Every (value, inverted), in order."""
        return self.given.get(key, [])

    def number(self, key: str, default: int = 0) -> int:
        """The number that was given."""
        value = self.get(key)
        return value if isinstance(value, int) else default

    def real(self, key: str, default: float = 0.0) -> float:
        """The floating point number that was given."""
        value = self.get(key)
        return value if isinstance(value, float) else default

    def text(self, key: str, default: str = "") -> str:
        """The string that was given."""
        value = self.get(key)
        return value if isinstance(value, str) else default

    def pair(self, key: str, default: tuple[int, int] = (0, 0)) -> tuple[int, int]:
        """The two numbers of a mark with mask, of ports, of a host with mask."""
        value = self.get(key)
        return (value[0], value[1]) if isinstance(value, tuple) else default


class OptionCall:
    """``struct xt_option_call``: one option as it was met."""

    __slots__ = ("_more", "arg", "entry", "invert", "name", "values")

    def __init__(
        self,
        name: str,
        entry: Option,
        arg: str | None,
        invert: bool,  # noqa: FBT001 - as xt_option_call has it
        values: Values,
        more: list[str],
    ) -> None:
        self.name = name
        """The extension's."""
        self.entry = entry
        self.arg = arg or ""
        self.invert = invert
        self.values = values
        self._more = more

    def peek(self) -> str | None:
        """The next word of the command, if there is one."""
        return self._more[0] if self._more else None

    def take(self) -> str:
        """Take the next word: an option with two arguments."""
        return self._more.pop(0)

    def fail(self, text: str) -> NoReturn:
        """``exit_err(PARAMETER_PROBLEM, …)``."""
        raise OptionError(text)


# -- what old extensions say (xtables_param_act) --------------------------------------------------------------------


def only_once(name: str, option: str, *, given: bool) -> None:
    """XTF_ONLY_ONCE."""
    if given:
        msg = f'{name}: "{option}" option may only be specified once'
        raise OptionError(msg)


def no_invert(name: str, option: str, *, invert: bool) -> None:
    """XTF_NO_INVERT."""
    if invert:
        msg = f'{name}: "{option}" option cannot be inverted'
        raise OptionError(msg)


def bad_value(name: str, option: str, arg: str) -> NoReturn:
    """XTF_BAD_VALUE."""
    msg = f'{name}: Bad value for "{option}" option: "{arg}"'
    raise OptionError(msg)


def one_action(name: str, *, given: bool) -> None:
    """XTF_ONE_ACTION."""
    if given:
        msg = f"{name}: At most one action is possible"
        raise OptionError(msg)


# -- numbers and names ----------------------------------------------------------------------------------------------


def strtoul(text: str, low: int = 0, high: int = 0) -> tuple[int | None, str]:
    """``xtables_strtoul``: a number as C writes it (decimal, 0x, octal) and what follows it; None where it is none or out of range.

    ``high`` 0 is 2**64 - 1.
    """
    found = _NUMBER.match(text)
    if found is None:
        return None, text
    digits = found.group(1)
    octal = digits[0] == "0" and len(digits) > 1 and digits[1] not in "xX"
    value = int(digits, 8) if octal else int(digits, 0)
    return (value if low <= value <= (high or (1 << 64) - 1) else None), text[found.end() :]


def strtoui(text: str, low: int = 0, high: int = _FULL) -> int | None:
    """``xtables_strtoui`` of a whole word."""
    value, rest = strtoul(text, low, high)
    return None if rest else value


CHAIN_PROTOS: Final = (
    ("tcp", 6),
    ("sctp", 132),
    ("udp", 17),
    ("udplite", 136),
    ("icmp", 1),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("esp", 50),
    ("ah", 51),
    ("mobility-header", 135),
    ("ipv6-mh", 135),
    ("mh", 135),
    ("all", 0),
)
"""``xtables_chain_protos``: the protocols that libxtables knows by itself."""


def parse_protocol(text: str, names: Names) -> int:
    """``xtables_parse_protocol``."""
    value = strtoui(text, 0, 255)
    if value is None:
        value = next((number for name, number in CHAIN_PROTOS if name == text), None)
    if value is None:
        value = names.protocol(text)
    if value is None:
        msg = f'unknown protocol "{text}" specified'
        raise OptionError(msg)
    return value


def parse_port(text: str, proto: str, names: Names) -> int:
    """``xtables_parse_port`` of the older extensions: a number, or a service of that protocol."""
    value = strtoui(text, 0, 0xFFFF)
    if value is None:
        value = names.port(text, proto)
    if value is None:
        msg = f"invalid port/service `{text}' specified"
        raise OptionError(msg)
    return value


def _any_port(text: str, names: Names) -> int:
    """``xtables_getportbyname``: getaddrinfo's idea of a port."""
    found = _PORT_NUMBER.fullmatch(text)
    value = int(found.group(1)) & 0xFFFF if found is not None else names.port(text)
    if value is None:
        msg = f'Port "{text}" does not resolve to anything.\n'
        raise OptionError(msg)
    return value


# -- kinds of arguments (xtopt_subparse) ----------------------------------------------------------------------------


def _integer(bits: int) -> Kind:
    def xtopt_parse_int(call: OptionCall) -> int:
        entry = call.entry
        high = entry.high or (1 << bits) - 1
        value, rest = strtoul(call.arg, entry.low, high)
        if value is None or rest:
            call.fail(f'{call.name}: bad value for option "--{entry.name}", or out of range ({entry.low}-{high}).\n')
        return value

    return xtopt_parse_int


def _integers(bits: int) -> Kind:
    most = (1 << bits) - 1

    def xtopt_parse_mint(call: OptionCall) -> tuple[int, ...]:
        """As many numbers as there are between colons; one that is missing is 0, the second the largest."""
        option, limit, found = call.entry.name, call.entry.size or 2, list[int]()
        rest = call.arg
        while True:
            if len(found) == limit:
                call.fail(f'{call.name}: Too many components for option "--{option}" (max: {limit})\n')
            if not rest or rest[0] == ":":
                found.append(most if len(found) == 1 else 0)
            else:
                value, after = strtoul(rest, 0, most)
                if value is None:
                    call.fail(
                        f'{call.name}: bad value for option "--{option}" near "{rest}", or out of range (0-{most}).\n'
                    )
                rest = after
                if rest and rest[0] != ":":
                    call.fail(f'{call.name}: Argument to "--{option}" has unexpected characters near "{rest}".\n')
                found.append(value)
            if not rest:
                return tuple(found)
            rest = rest[1:]

    return xtopt_parse_mint


UINT8: Final = _integer(8)
UINT16: Final = _integer(16)
UINT32: Final = _integer(32)
UINT64: Final = _integer(64)
UINT8RC: Final = _integers(8)
"""One or more numbers: a tuple as long as what was given (``nvals``)."""
UINT16RC: Final = _integers(16)
UINT32RC: Final = _integers(32)
UINT64RC: Final = _integers(64)


def DOUBLE(call: OptionCall) -> float:  # noqa: N802 - XTTYPE_DOUBLE
    """A number with a fraction between min and max, if these differ."""
    entry = call.entry
    try:
        value = float(call.arg.strip()) if "_" not in call.arg else None
    except ValueError:
        value = None
    if (
        value is None
        or call.arg != call.arg.rstrip()
        or (entry.low != entry.high and not entry.low <= value <= entry.high)
    ):
        call.fail(f'{call.name}: bad value for option "--{entry.name}", or out of range ({entry.low}-{entry.high}).\n')
    return value


def STRING(call: OptionCall) -> str:  # noqa: N802
    """A word of low to high characters, cut off to fit into ``size`` bytes with the NUL at its end."""
    entry, length = call.entry, len(call.arg.encode())
    if entry.low and length < entry.low:
        call.fail(f"Argument must have a minimum length of {entry.low} characters\n")
    if entry.high and length > entry.high:
        call.fail(f"Argument must have a maximum length of {entry.high} characters\n")
    if entry.size and length >= entry.size:
        return call.arg.encode()[: entry.size - 1].decode(errors="ignore")
    return call.arg


_TOS_NAMES: Final = (
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
)


def TOSMASK(call: OptionCall) -> tuple[int, int]:  # noqa: N802
    """Value and mask of the TOS byte; the mask of a name is the entry's ``high``."""
    value, rest = strtoul(call.arg, 0, 255)
    if value is None:
        for name, number in _TOS_NAMES:
            if name.lower() == call.arg.lower():
                return number, call.entry.high
        call.fail(f'Symbolic name "{call.arg}" is unknown')
    if not rest:
        return value, 255
    mask, after = strtoul(rest[1:], 0, 255) if rest[0] == "/" else (None, rest)
    if mask is None or after:
        call.fail(f'Illegal value: "{call.arg}"')
    return value, mask


def MARKMASK(call: OptionCall) -> tuple[int, int]:  # noqa: N802
    """``value[/mask]`` of 32 bits."""
    wrong = f'{call.name}: bad integer value for option "--{call.entry.name}", or out of range.\n'
    garbage = f'{call.name}: trailing garbage after value for option "--{call.entry.name}".\n'
    value, rest = strtoul(call.arg, 0, _FULL)
    if value is None:
        call.fail(wrong)
    if not rest:
        return value, _FULL
    if rest[0] != "/":
        call.fail(garbage)
    mask, rest = strtoul(rest[1:], 0, _FULL)
    if mask is None:
        call.fail(wrong)
    if rest:
        call.fail(garbage)
    return value, mask


_LEVELS: Final = {
    "alert": 1,
    "crit": 2,
    "debug": 7,
    "emerg": 0,
    "error": 3,
    "info": 6,
    "notice": 5,
    "panic": 0,
    "warning": 4,
}


def SYSLOGLEVEL(call: OptionCall) -> int:  # noqa: N802
    """0 to 7, or a name."""
    value = strtoui(call.arg, 0, 7)
    if value is None:
        if call.arg not in _LEVELS:
            call.fail(f'log level "{call.arg}" unknown\n')
        value = _LEVELS[call.arg]
    return value


def HOST(call: OptionCall) -> Ip:  # noqa: N802
    """One address."""
    found = call.values.names.addresses(call.arg)
    if any(one != found[0] for one in found):
        call.fail(f"{call.arg} resolves to more than one address\n")
    return found[0]


def PLEN(call: OptionCall) -> int:  # noqa: N802
    """A prefix length; a mask written out is taken too."""
    return _prefix_length(call, call.arg)


def _prefix_length(call: OptionCall, text: str) -> int:
    value = strtoui(text, 0, 32)
    if value is None:
        mask = inet_aton(text)
        if mask is None:
            call.fail(
                f'{call.name}: bad value for option "--{call.entry.name}", '
                "neither a valid network mask nor valid CIDR (0-32).\n"
            )
        inverse = ~mask & _FULL
        # xtables_ipmask_to_cidr has no answer for a mask with holes: -1, which leaves all bits set but none of them shifted out.
        value = 32 - inverse.bit_length() if not inverse & (inverse + 1) else -1
    return value


def PLENMASK(call: OptionCall) -> int:  # noqa: N802
    """A mask, from its length."""
    plen = PLEN(call)
    return _FULL if plen < 0 else prefix_mask(32, plen)


def HOSTMASK(call: OptionCall) -> tuple[Ip, int]:  # noqa: N802
    """``address[/mask]``: the address as it was written, and its mask."""
    host, slash, mask = call.arg.partition("/")
    found = call.values.names.addresses(host)
    if any(one != found[0] for one in found):
        call.fail(f"{host} resolves to more than one address\n")
    if not slash:
        return found[0], _FULL
    plen = _prefix_length(call, mask)
    return found[0], _FULL if plen < 0 else prefix_mask(32, plen)


def PROTOCOL(call: OptionCall) -> int:  # noqa: N802
    """A number or a name of /etc/protocols."""
    return parse_protocol(call.arg, call.values.names)


def PORT(call: OptionCall) -> int:  # noqa: N802
    """A number or a name of /etc/services."""
    return _any_port(call.arg, call.values.names)


def PORTRC(call: OptionCall) -> tuple[int, int]:  # noqa: N802
    """``port``, ``from:to``, ``from:``, ``:to``."""
    parts = call.arg.split(":")
    limit = call.entry.size or 2
    ports = [0, 0xFFFF]
    for place, part in enumerate(parts):
        if place == limit:
            call.fail(f'{call.name}: Too many components for option "--{call.entry.name}" (max: {limit})\n')
        if part:
            ports[place] = _any_port(part, call.values.names)
    return (ports[0], ports[0]) if len(parts) == 1 else (ports[0], ports[1])


def ETHERMAC(call: OptionCall) -> Mac:  # noqa: N802
    """Six hexadecimal octets."""
    try:
        return Mac.parse(call.arg)
    except ValueError:
        call.fail("Invalid MAC address specified.")


# -- the parser -----------------------------------------------------------------------------------------------------


def option_parse(call: OptionCall) -> None:
    """``xtables_option_parse``: check one option against its entry, read its argument, note it."""
    entry = call.entry
    key = entry.key
    if key in call.values.given and (not entry.multi or key in entry.excl):
        call.fail(f'{call.name}: option "--{entry.name}" can only be used once.\n')
    if call.invert and not entry.invert:
        call.fail(f'{call.name}: option "--{entry.name}" cannot be inverted.\n')
    call.values.put(key, entry.kind(call) if entry.kind is not None else None, invert=call.invert)


def options_fcheck(name: str, values: Values) -> None:
    """``xtables_options_fcheck``: what has to be there, what does not go together, what asks for another."""
    options = values.options
    first: dict[str, Option] = {}
    for entry in options:
        first.setdefault(entry.key, entry)
    for entry in options:
        key = entry.key
        if key not in values.given:
            if entry.mandatory:
                msg = f'{name}: option "--{entry.name}" must be specified\n'
                raise OptionError(msg)
            continue
        for other, its in first.items():
            if other == key:
                continue
            if other in entry.also and other not in values.given:
                msg = f'{name}: option "--{entry.name}" also requires "--{its.name}".\n'
                raise OptionError(msg)
            if other in entry.excl and other in values.given:
                msg = f'{name}: option "--{entry.name}" cannot be used together with "--{its.name}".\n'
                raise OptionError(msg)


# -- texts ----------------------------------------------------------------------------------------------------------


def save_string(text: str) -> str:
    """``xtables_save_string`` without the blank in front: quoted unless it is a plain word."""
    if _BARE.fullmatch(text):
        return text
    escaped = _ESCAPED.sub(r"\\\1", text)
    return f'"{escaped}"'


def mark_text(mark: int, mask: int) -> str:
    """``xtables_print_mark_mask`` without the blank in front."""
    return f"0x{mark:x}" if mask == _FULL else f"0x{mark:x}/0x{mask:x}"


def words(parts: Iterable[str]) -> str:
    """The parts that are not empty, with blanks between them."""
    return " ".join(part for part in parts if part)
