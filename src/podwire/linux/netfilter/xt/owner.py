"""``-m owner``: who sent a packet (net/netfilter/xt_owner.c, extensions/libxt_owner.c). Whatever runs here runs as root."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

import msgspec

from podwire.errors import NotModelled
from podwire.linux.netfilter.hooks import NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING
from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, OptionError, Values, bad_value, strtoul, words
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_ROOT: Final = 0
_MOST: Final = 0xFFFFFFFE
_KERNEL_SOCKETS: Final = frozenset({IPPROTO_ICMP, IPPROTO_TCP})
_PEOPLE: Final = {
    "root": 0,
    "daemon": 1,
    "bin": 2,
    "sys": 3,
    "man": 6,
    "lp": 7,
    "mail": 8,
    "news": 9,
    "uucp": 10,
    "proxy": 13,
    "www-data": 33,
    "backup": 34,
    "list": 38,
    "irc": 39,
    "nobody": 65534,
}
"""/etc/passwd of Debian's base-passwd, where the number is the group's, too."""
_USERS: Final = {**_PEOPLE, "sync": 4, "games": 5, "_apt": 42}
_GROUPS: Final = {
    **{name: number for name, number in _PEOPLE.items() if name != "nobody"},
    "adm": 4,
    "tty": 5,
    "disk": 6,
    "man": 12,
    "kmem": 15,
    "dialout": 20,
    "fax": 21,
    "voice": 22,
    "cdrom": 24,
    "floppy": 25,
    "tape": 26,
    "sudo": 27,
    "audio": 29,
    "dip": 30,
    "operator": 37,
    "src": 40,
    "shadow": 42,
    "utmp": 43,
    "video": 44,
    "sasl": 45,
    "plugdev": 46,
    "staff": 50,
    "games": 60,
    "users": 100,
    "nogroup": 65534,
}


class Ids(msgspec.Struct, frozen=True, gc=False):
    """From ``low`` to ``high``, or all but these."""

    low: int
    high: int
    invert: bool = False

    def text(self, names: dict[str, int] | None) -> str:
        """``owner_mt_print_item``."""
        if self.low != self.high:
            return f"{self.low}-{self.high}"
        name = next((name for name, number in (names or {}).items() if number == self.low), None)
        return name or str(self.low)


def _ids(call: OptionCall) -> tuple[int, int]:
    """``owner_parse_range``: a name, a number, or two numbers."""
    known = (_USERS if call.entry.key == "uid-owner" else _GROUPS).get(call.arg)
    if known is not None:
        return known, known
    low, rest = strtoul(call.arg, 0, _MOST)
    high = low
    if rest[:1] in {"-", ":"} and rest:
        high, rest = strtoul(rest[1:], 0, _MOST)
    if low is None or high is None or rest:
        bad_value("owner", f"--{call.entry.name}", call.arg)
    return low, high


class Owner(Match, frozen=True, gc=False):
    """User and group of the process that sent the packet; ``socket``: whether there is a socket at all, None where nobody asks."""

    NAME: ClassVar[str] = "owner"
    HOOKS: ClassVar[frozenset[int]] = frozenset({NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING})
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("uid-owner", _ids, invert=True),
        Option("gid-owner", _ids, invert=True),
        Option("socket-exists", invert=True),
        Option("suppl-groups"),
    )

    uid: Ids | None = None
    gid: Ids | None = None
    socket: bool | None = None

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``owner_mt_parse``."""
        super().parse(call)
        if call.entry.name == "suppl-groups":
            if "gid-owner" not in call.values:
                bad_value("owner", "--suppl-groups", "you need to use --gid-owner first")
            msg = "iptables -m owner --suppl-groups"
            raise NotModelled(msg)

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``owner_mt_check``."""
        if not values.given:
            msg = "owner: At least one of --uid-owner, --gid-owner or --socket-exists is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What ``owner_mt_parse`` has noted."""
        exists = not values.inverted("socket-exists") if "socket-exists" in values else None
        return cls(_given(values, "uid-owner"), _given(values, "gid-owner"), exists)

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``owner_check``: a range must not be reversed."""
        for ids in (self.uid, self.gid):
            if ids is not None and ids.low > ids.high:
                raise XtCheckError(EINVAL)

    def compile(self, netns: Netns) -> MatchFn:
        """``owner_mt``: what has no socket of this namespace matches where everything is negated.

        ICMP messages and resets of the kernel have a socket that belongs to nobody (``icmp_sk``, ``ipv4_tcp_sk``).
        """
        asked = [one for one in (self.uid, self.gid) if one is not None]
        negated = all(one.invert for one in asked)
        nobody = self.socket is not True and negated
        by_kernel = self.socket is not False and negated
        as_root = self.socket is not False and all((one.low <= _ROOT <= one.high) is not one.invert for one in asked)

        def owner_mt(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            owner = skb.owner
            if owner is not None:
                return as_root if owner.netns is netns else nobody
            return by_kernel if skb.iif is None and skb.ip.proto in _KERNEL_SOCKETS else nobody

        return owner_mt

    def save(self) -> str:
        """``owner_mt_save``."""
        return self._text("--socket-exists", "--uid-owner", "--gid-owner", None)

    def listing(self, names: Names | None) -> str:
        """``owner_mt_print``."""
        return self._text("owner socket exists", "owner UID match", "owner GID match", names)

    def _text(self, exists: str, uid: str, gid: str, names: Names | None) -> str:
        parts = [] if self.socket is None else [f"{'' if self.socket else '! '}{exists}"]
        for label, ids, known in ((uid, self.uid, _USERS), (gid, self.gid, _GROUPS)):
            if ids is not None:
                parts.append(f"{'! ' if ids.invert else ''}{label} {ids.text(known if names is not None else None)}")
        return words(parts)


def _given(values: Values, key: str) -> Ids | None:
    return Ids(*values.pair(key), values.inverted(key)) if key in values else None
