"""``-m set``: what the packet says is in a set (net/netfilter/xt_set.c, extensions/libxt_set.c)."""

from __future__ import annotations

from errno import ENOENT
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.ipset.kadt import AdtOpt, CounterMatch, ip_set_test
from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import STRING, Names, Option, OptionCall, OptionError, Values, strtoul, words
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

IPSET_MAXNAMELEN: Final = 32
IPSET_DIM_MAX: Final = 6
_U64: Final = (1 << 64) - 1
_NONE: Final = CounterMatch()


def set_name(call: OptionCall) -> str:
    """``get_set_byname``: the name of a set that is there, and holds IPv4 addresses or no addresses."""
    name = call.arg
    if len(name.encode()) > IPSET_MAXNAMELEN - 1:
        call.fail(f"setname `{name}' too long, max {IPSET_MAXNAMELEN - 1} characters.")
    family = call.values.names.set_family(name)
    if family is None:
        call.fail(f"Set {name} doesn't exist.\n")
    if family not in {0, AF_INET}:
        kind = "IPv6" if family == AF_INET6 else "IPv4"
        call.fail(f"The protocol family of set {name} is {kind}, which is not applicable.\n")
    return name


def set_dims(call: OptionCall, text: str) -> tuple[str, ...]:
    """``parse_dirs``: ``src,dst``, one for each dimension."""
    dims: list[str] = []
    parts = text.split(",")
    for part in parts[:IPSET_DIM_MAX]:
        if part[:3] not in {"src", "dst"}:
            call.fail("You must spefify (the comma separated list of) 'src' or 'dst'.")
        dims.append(part[:3])
    if len(parts) > IPSET_DIM_MAX:
        call.fail(f"Can't be more src/dst options than {IPSET_DIM_MAX}.")
    return tuple(dims)


class SetMatch(Match, frozen=True, gc=False):
    """Is it in the set ``name``, by these sides of the packet? ``opt`` says what is asked of the member, and what counts."""

    NAME: ClassVar[str] = "set"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("match-set", STRING),
        Option("set", STRING),
        Option("return-nomatch"),
        Option("update-counters"),
        *(Option(f"{what}-{op}", STRING) for what in ("packets", "bytes") for op in ("eq", "lt", "gt")),
        Option("update-subcounters"),
    )

    name: str
    opt: AdtOpt
    invert: bool = False

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``set_parse_v4``."""
        name, key, values = call.entry.name, call.entry.key, call.values
        value: object = None
        if key in {"match-set", "set"}:
            if key == "set":
                values.rule.notices.append("--set option deprecated, please use --match-set\n")
                key = "match-set"
            if key in values:
                call.fail("--match-set can be specified only once")
            following = call.peek()
            if not following or following[0] in "-!":
                call.fail("--match-set requires two args.")
            value = set_name(call), set_dims(call, call.take())
        elif name == "return-nomatch":
            if call.invert:
                call.fail("--return-nomatch flag cannot be inverted")
        elif name.startswith(("packets-", "bytes-")):
            key, value = name.partition("-")[0], _counter(call)
        values.put(key, value, invert=call.invert)

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``set_check_v0``."""
        if "match-set" not in values:
            msg = "You must specify `--match-set' with proper arguments"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What ``set_parse_v4`` has noted: ``--update-counters`` without ``!`` is as usual."""
        named = values.get("match-set")
        assert isinstance(named, tuple)  # noqa: S101 - parse made it
        name, dims = named
        packets, octets = values.get("packets"), values.get("bytes")
        opt = AdtOpt(
            dims,
            "return-nomatch" in values,
            not any(invert for _, invert in values.all("update-counters")),
            not any(invert for _, invert in values.all("update-subcounters")),
            packets if isinstance(packets, CounterMatch) else _NONE,
            octets if isinstance(octets, CounterMatch) else _NONE,
        )
        return cls(name, opt, values.inverted("match-set"))

    def acquire(self, netns: Netns) -> None:
        """``set_match_v4_checkentry``: the set cannot be destroyed now; raises ``XtCheckError`` ENOENT."""
        if netns.ipsets.find(self.name) is None:
            raise XtCheckError(ENOENT, "xt_set: Cannot find set identified by id 65535 to match")
        netns.ipsets.get_byname(self.name)

    def release(self, netns: Netns) -> None:
        """``set_match_v4_destroy``."""
        found = netns.ipsets.find_and_id(self.name)
        if found is not None:
            netns.ipsets.put_byindex(found[0])

    def compile(self, netns: Netns) -> MatchFn:
        """``set_match_v4``: the rule knows its set by its number, which stays when sets are swapped."""
        found = netns.ipsets.find_and_id(self.name)
        assert found is not None  # noqa: S101 - acquire has seen it
        index, opt, invert = found[0], self.opt, self.invert

        def set_match_v4(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            return ip_set_test(netns, index, skb, opt) is not invert

        return set_match_v4

    def _text(self, prefix: str) -> str:
        """``set_print_v4_matchinfo``."""
        opt = self.opt
        return words(
            (
                f"{'! ' if self.invert else ''}{prefix}match-set {self.name} {','.join(opt.dims)}",
                f"{prefix}return-nomatch" if opt.return_nomatch else "",
                "" if opt.update_counters else f"! {prefix}update-counters",
                "" if opt.update_subcounters else f"! {prefix}update-subcounters",
                _counter_text(opt.packets, f"{prefix}packets"),
                _counter_text(opt.bytes, f"{prefix}bytes"),
            )
        )

    def save(self) -> str:
        """``set_save_v4``."""
        return self._text("--")

    def listing(self, names: Names | None) -> str:
        """``set_print_v4``."""
        return self._text("")


def _counter(call: OptionCall) -> CounterMatch:
    """``--packets-eq 5``: one comparison for packets, and one for bytes."""
    what, _, op = call.entry.name.partition("-")
    if what in call.values:
        call.fail(f"only one of the --{what}-[eq|lt|gt] is allowed")
    if call.invert and op != "eq":
        call.fail(f"--{call.entry.name} option cannot be inverted")
    value, rest = strtoul(call.arg, 0, _U64)
    if value is None or rest:
        call.fail(f"Cannot parse {call.arg} as a counter value")
    return CounterMatch("ne" if call.invert else op, value)


def _counter_text(counter: CounterMatch, option: str) -> str:
    """``set_printv4_counter``."""
    if not counter.op:
        return ""
    return f"! {option}-eq {counter.value}" if counter.op == "ne" else f"{option}-{counter.op} {counter.value}"
