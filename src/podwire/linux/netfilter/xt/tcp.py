"""``-m tcp`` (net/netfilter/xt_tcpudp.c: tcp_mt; extensions/libxt_tcp.c): an extension with words of its own for what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import HotDrop, Match, MatchFn
from podwire.linux.netfilter.xt.options import (
    STRING,
    Names,
    Option,
    OptionCall,
    OptionError,
    Values,
    parse_port,
    strtoui,
    words,
)
from podwire.linux.netfilter.xt.ports import ANY_PORT, HeaderTest, Ports, header_match, only_port, port_tests
from podwire.wire.headers import Tcp as TcpHeader

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

TCP_FLAGS: Final = (("FIN", 0x01), ("SYN", 0x02), ("RST", 0x04), ("PSH", 0x08), ("ACK", 0x10), ("URG", 0x20))
_NAMED: Final = dict((*TCP_FLAGS, ("ALL", 0x3F), ("NONE", 0)))
_SYN: Final = (0x17, 0x02)
_END, _NOP = 0, 1


class Tcp(Match, frozen=True, gc=False):
    """Ports, flags (mask, and what they must be under it) and one option of a segment, or of its first fragment."""

    NAME: ClassVar[str] = "tcp"
    PROTO: ClassVar[int] = 6
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("source-port", STRING),
        Option("sport", STRING, id="source-port"),
        Option("destination-port", STRING),
        Option("dport", STRING, id="destination-port"),
        Option("syn"),
        Option("tcp-flags", STRING, args=2),
        Option("tcp-option", STRING),
    )

    sport: Ports = ANY_PORT
    dport: Ports = ANY_PORT
    flags: tuple[int, int] = (0, 0)
    flags_invert: bool = False
    option: int = 0
    option_invert: bool = False

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``tcp_parse``."""
        key, value = call.entry.key, object()
        if key in {"source-port", "destination-port"}:
            _once(call, key, f"Only one `--{key}' allowed")
            value = _ports(call)
        elif key == "tcp-option":
            _once(call, key, "Only one `--tcp-option' allowed")
            value = strtoui(call.arg, 1, 255)
            if value is None:
                call.fail(f'Bad TCP option "{call.arg}"')
        else:
            key = "flags"
            _once(call, key, "Only one of `--syn' or `--tcp-flags'  allowed")
            value = _SYN if call.entry.name == "syn" else _flags(call)
        call.values.put(key, value, invert=call.invert)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What ``tcp_parse`` has noted."""
        sport, dport = values.get("source-port"), values.get("destination-port")
        return cls(
            sport if isinstance(sport, Ports) else ANY_PORT,
            dport if isinstance(dport, Ports) else ANY_PORT,
            values.pair("flags"),
            values.inverted("flags"),
            values.number("tcp-option"),
            values.inverted("tcp-option"),
        )

    @property
    def steady(self) -> bool:
        """Ports, but neither flags nor options."""
        return not (self.flags[0] or self.flags[1] or self.flags_invert or self.option)

    def compile(self, netns: Netns) -> MatchFn:
        """``tcp_mt``: no later fragment matches; one that would overwrite the header, or a header too short, is dropped."""
        tests = port_tests(self.sport, self.dport)
        port = only_port(self.sport, self.dport)
        if self.flags[0] or self.flags[1] or self.flags_invert:
            tests.append(flags_test(self.flags, invert=self.flags_invert))
        if self.option:
            option, option_invert = self.option, self.option_invert
            tests.append(lambda header: _has_option(header.options, option) is not option_invert)
        return header_match(TcpHeader, tests, _missing, port if len(tests) == 1 else None)

    @property
    def nft_native(self) -> bool:
        """``add_nft_tcp``."""
        from podwire.linux.netfilter.nft import is_native

        return is_native(self)

    def compile_nft(self, netns: Netns) -> MatchFn:
        """The expressions of nft, where there are any."""
        from podwire.linux.netfilter.nft import native_test

        return native_test(self) if self.nft_native else self.compile(netns)

    def save(self) -> str:
        """``tcp_save``."""
        mask, compare = self.flags
        option = flags = ""
        if self.option or self.option_invert:
            option = f"{'! ' if self.option_invert else ''}--tcp-option {self.option}"
        if mask or self.flags_invert:
            flags = f"{'! ' if self.flags_invert else ''}--tcp-flags {flag_names(mask)} {flag_names(compare)}"
        return words((self.sport.save("--sport"), self.dport.save("--dport"), option, flags))

    def listing(self, names: Names | None) -> str:
        """``tcp_print``."""
        mask, compare = self.flags
        option = flags = ""
        if self.option or self.option_invert:
            option = f"option={'!' if self.option_invert else ''}{self.option}"
        if mask or self.flags_invert:
            both = f"0x{mask:02X}/0x{compare:02X}" if names is None else f"{flag_names(mask)}/{flag_names(compare)}"
            flags = f"flags:{'!' if self.flags_invert else ''}{both}"
        sport, dport = self.sport.listing("spt", "tcp", names), self.dport.listing("dpt", "tcp", names)
        return words(("tcp", sport, dport, option, flags))


def flag_names(flags: int) -> str:
    """``print_tcpf``: in the order of the bits."""
    return ",".join(name for name, bit in TCP_FLAGS if flags & bit) or "NONE"


def flags_test(flags: tuple[int, int], *, invert: bool) -> HeaderTest:
    """The flags under the mask are as they should be."""
    mask, compare = flags
    return lambda header: (header.flags & mask == compare) is not invert


def _missing(skb: Skb) -> bool:
    if skb.ip.frag > 1:
        return False
    raise HotDrop


def _once(call: OptionCall, key: str, text: str) -> None:
    if key in call.values:
        call.fail(text)


def _ports(call: OptionCall) -> Ports:
    """``parse_tcp_ports``."""
    names = call.values.names
    low, colon, high = call.arg.partition(":")
    if not colon:
        port = parse_port(low, "tcp", names)
        return Ports(port, port, call.invert)
    ports = Ports(
        parse_port(low, "tcp", names) if low else 0, parse_port(high, "tcp", names) if high else 0xFFFF, call.invert
    )
    if ports.low > ports.high:
        call.fail("invalid portrange (min > max)")
    return ports


def _flags(call: OptionCall) -> tuple[int, int]:
    """The two arguments of ``--tcp-flags``."""
    second = call.peek()
    if not second or second[0] in "-!":
        call.fail("--tcp-flags requires two args.")
    return _flag_bits(call.arg), _flag_bits(call.take())


def _flag_bits(text: str) -> int:
    bits = 0
    for word in text.split(","):
        if word:
            bit = _NAMED.get(word.upper())
            if bit is None:
                msg = f"Unknown TCP flag `{word}'"
                raise OptionError(msg)
            bits |= bit
    return bits


def _has_option(options: bytes, wanted: int) -> bool:
    """``tcp_find_option``: walk by lengths; what is odd counts as length 1."""
    place = 0
    while place < len(options):
        if options[place] == wanted:
            return True
        if options[place] <= _NOP or place + 1 >= len(options):
            place += 1
        else:
            place += options[place + 1] or 1
    return False
