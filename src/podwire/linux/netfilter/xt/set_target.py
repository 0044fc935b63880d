"""``-j SET``: puts what the packet says into a set, or takes it out (net/netfilter/xt_set.c: set_target_v3; extensions/libxt_SET.c)."""

from __future__ import annotations

from errno import ENOENT
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.errors import NotModelled
from podwire.linux.netfilter.ipset.kadt import AdtOpt, ip_set_add, ip_set_del
from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn, XtCheckError
from podwire.linux.netfilter.xt.options import STRING, Names, Option, OptionCall, OptionError, Values, strtoui, words
from podwire.linux.netfilter.xt.set import set_dims, set_name

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_MAX_TIMEOUT: Final = (1 << 32) - 2
_IPSET_MAX_TIMEOUT: Final = ((1 << 32) - 1 >> 1) // 1000
"""What fits into jiffies of a millisecond (IPSET_MAX_TIMEOUT)."""
_SETS: Final = ("add-set", "del-set")
_MAP: Final = ("map-mark", "map-prio", "map-queue")


class Named(msgspec.Struct, frozen=True, gc=False):
    """A set, and which sides of the packet it is asked by."""

    name: str
    dims: tuple[str, ...]

    def text(self, option: str) -> str:
        """``print_target``."""
        return f"{option} {self.name} {','.join(self.dims)}"


class SetTarget(Target, frozen=True, gc=False):
    """``timeout`` in seconds, None for the set's own; ``exist`` renews what is there already."""

    NAME: ClassVar[str] = "SET"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        *(Option(name, STRING) for name in _SETS),
        Option("exist"),
        Option("timeout", STRING),
        Option("map-set", STRING),
        *(Option(name) for name in _MAP),
    )

    add: Named | None = None
    delete: Named | None = None
    timeout: int | None = None
    exist: bool = False

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``set_target_parse_v3``."""
        key = call.entry.key
        value: object = None
        if key == "map-set":
            msg = "iptables -j SET --map-set"
            raise NotModelled(msg)
        if key in _SETS:
            if key in call.values:
                call.fail(f"--{key} can be specified only once")
            following = call.peek()
            if not following or following[0] in "-!":
                call.fail(f"--{key} requires two args.")
            name = set_name(call)
            value = Named(name, set_dims(call, call.take()))
        elif key == "timeout":
            value = strtoui(call.arg, 0, _MAX_TIMEOUT)
            if value is None:
                call.fail(f"Invalid value for option --timeout or out of range 0-{_MAX_TIMEOUT}")
        call.values.put(key, value, invert=call.invert)

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``set_target_check_v3``."""
        text = ""
        if not any(key in values for key in _SETS):
            text = "You must specify either `--add-set' or `--del-set' or `--map-set'"
        elif "add-set" not in values and "exist" in values:
            text = "Flag `--exist' can be used with `--add-set' only"
        elif "add-set" not in values and "timeout" in values:
            text = "Option `--timeout' can be used with `--add-set' only"
        else:
            text = next((f"Flag `--{flag}' can be used with `--map-set' only" for flag in _MAP if flag in values), "")
        if text:
            raise OptionError(text)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the options have written."""
        add, delete = (values.get(key) for key in _SETS)
        return cls(
            add if isinstance(add, Named) else None,
            delete if isinstance(delete, Named) else None,
            values.number("timeout") if "timeout" in values else None,
            "exist" in values,
        )

    def acquire(self, netns: Netns) -> None:
        """``set_target_v3_checkentry``: none of the sets can be destroyed now; raises ``XtCheckError`` ENOENT."""
        for what, named in (("add", self.add), ("del", self.delete)):
            if named is not None and netns.ipsets.find(named.name) is None:
                raise XtCheckError(ENOENT, f"Cannot find {what}_set index 65535 as target")
        for named in (self.add, self.delete):
            if named is not None:
                netns.ipsets.get_byname(named.name)

    def release(self, netns: Netns) -> None:
        """``set_target_v3_destroy``."""
        for named in (self.add, self.delete):
            found = netns.ipsets.find_and_id(named.name) if named is not None else None
            if found is not None:
                netns.ipsets.put_byindex(found[0])

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``set_target_v3``."""
        add, delete = _index(netns, self.add), _index(netns, self.delete)
        timeout = self.timeout if self.timeout is None else min(self.timeout, _IPSET_MAX_TIMEOUT)
        add_opt = AdtOpt(self.add.dims if self.add else (), timeout=timeout, exist=self.exist)
        del_opt = AdtOpt(self.delete.dims if self.delete else ())

        def set_target_v3(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            if add is not None:
                ip_set_add(netns, add, skb, add_opt)
            if delete is not None:
                ip_set_del(netns, delete, skb, del_opt)
            return XT_CONTINUE

        return set_target_v3

    def save(self) -> str:
        """``set_target_save_v3``."""
        return self._text("--")

    def listing(self, names: Names | None) -> str:
        """``set_target_print_v3``."""
        return self._text("")

    def _text(self, dashes: str) -> str:
        return words(
            (
                self.add.text(f"{dashes}add-set") if self.add else "",
                f"{dashes}exist" if self.exist else "",
                f"{dashes}timeout {self.timeout}" if self.timeout is not None else "",
                self.delete.text(f"{dashes}del-set") if self.delete else "",
            )
        )


def _index(netns: Netns, named: Named | None) -> int | None:
    """The rule knows its set by its number, which stays when sets are swapped."""
    if named is None:
        return None
    found = netns.ipsets.find_and_id(named.name)
    assert found is not None  # noqa: S101 - acquire has seen it
    return found[0]
