"""The selectors of ``ip address show``, ``ip link show`` and ``ip address flush``, and what they let through."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.link import FOREVER, Address
from podwire.tools.ip.context import Context, index_of
from podwire.tools.ip.grammar import Fail, Prefix, Words, garbage, matches, prefix, usage, wrong
from podwire.tools.ip.linkinfo import LinkFilter
from podwire.tools.ip.names import group_number, scope_number

if TYPE_CHECKING:
    from podwire.linux.link import Link

_FLAGS: Final = frozenset(
    {
        "secondary",
        "temporary",
        "nodad",
        "optimistic",
        "dadfailed",
        "home",
        "deprecated",
        "tentative",
        "permanent",
        "mngtmpaddr",
        "noprefixroute",
        "autojoin",
        "stable-privacy",
    }
)
_NSEC: Final = 1_000_000_000


class AddressFilter(LinkFilter):
    """What selects devices and addresses. ``flags`` pairs a flag's name with whether it has to be set."""

    family: int = 0
    to: Prefix | None = None
    scope: int | None = None
    flags: dict[str, bool] = msgspec.field(default_factory=dict)


def parse_filter(ctx: Context, words: Words, *, do_link: bool = False) -> AddressFilter:
    """Read all selectors; a word that is none is the device."""
    wanted = AddressFilter(family=ctx.family)
    name = None
    while words:
        word = words.take()
        if _by_address(wanted, word, words) or _by_link(ctx, wanted, word, words):
            continue
        if word == "dev":
            word = words.value()
        elif matches(word, "help"):
            raise usage("ip address")
        if name is not None:
            raise garbage("dev", word)
        name = word
    if name is not None:
        wanted.link = _named(ctx, name, do_link=do_link and wanted.group is None)
    return wanted


def _named(ctx: Context, name: str, *, do_link: bool) -> Link:
    link = ctx.netns.link(name)
    if link is not None:
        return link
    if index_of(name) is None:
        raise Fail(1, f'Device "{name}" does not exist.\n')
    # ifN is taken for an index, which ``ip link show`` then forgets.
    link = None if do_link else ctx.device(name)
    if link is None:
        what = "get request" if do_link else "request"
        raise Fail(
            int(do_link), f"RTNETLINK answers: No such device\nCannot send link {what}: No such device\n", exits=do_link
        )
    return link


def _by_address(wanted: AddressFilter, word: str, words: Words) -> bool:
    if word == "to":
        wanted.to = prefix(words.value(), wanted.family)
        wanted.family = wanted.family or wanted.to.family
    elif word == "scope":
        wanted.scope = _scope(words.value())
    elif word == "up":
        wanted.up = True
    elif word == "label":
        wanted.label = words.value()
    else:
        return _flag(wanted, word)
    return True


def _by_link(ctx: Context, wanted: AddressFilter, word: str, words: Words) -> bool:
    if word == "group":
        text = words.value()
        number = group_number(text)
        if number is None:
            raise wrong('Invalid "group" value\n', text)
        wanted.group = str(number) if number else "default"
    elif word in {"master", "vrf"}:
        wanted.master = _master(ctx, word, words.value())
    elif word == "nomaster":
        pass
    elif word == "type":
        kind = words.value()
        if kind.endswith("_slave"):
            wanted.slave_kind = kind.removesuffix("_slave")
        else:
            wanted.kind = kind
    else:
        return False
    return True


def _scope(text: str) -> int | None:
    number = scope_number(text)
    if number is None and text != "all":
        raise wrong('invalid "scope"\n', text)
    return number


def _master(ctx: Context, word: str, name: str) -> Link:
    link = ctx.device(name)
    if link is None or word == "vrf":
        raise wrong("Device does not exist\n" if word == "master" else "Not a valid VRF name\n", name)
    return link


def _flag(wanted: AddressFilter, word: str) -> bool:
    on = not word.startswith("-")
    name = word.removeprefix("-")
    opposite = {"dynamic": "permanent", "primary": "secondary"}.get(name)
    if opposite is not None:
        on, name = not on, opposite
    if name not in _FLAGS:
        return False
    wanted.flags = {**wanted.flags, "secondary" if name == "temporary" else name: on}
    return True


def address_flags(ctx: Context, address: Address) -> frozenset[str]:
    """Those of IFA_F_* that the kernel model has."""
    shown = {
        "secondary": address.secondary,
        "permanent": address.permanent,
        "noprefixroute": address.noprefixroute,
        "deprecated": is_deprecated(address, ctx.proc.now),
    }
    return frozenset(name for name, on in shown.items() if on)


def lets_through(ctx: Context, wanted: AddressFilter, address: Address, link: Link) -> bool:
    """Whether the filter lets an address through, its device aside."""
    flags = address_flags(ctx, address)
    return (
        wanted.family in {0, address.local.family}
        and (wanted.scope is None or wanted.scope == address.scope)
        and all((name in flags) is on for name, on in wanted.flags.items())
        and (wanted.label is None or fnmatchcase(address.label or link.name, wanted.label))
        and _within(wanted.to, address)
    )


def _within(to: Prefix | None, address: Address) -> bool:
    if to is None or to.family == 0:
        return True
    return to.family == address.local.family and to.holds(address.local)


def is_deprecated(address: Address, now: int) -> bool:
    """IFA_F_DEPRECATED: the preferred lifetime is over."""
    if address.preferred_lft == 0:
        return True
    if address.permanent or address.preferred_lft == FOREVER:
        return False
    # Where both lifetimes end at once the address goes without having been deprecated.
    return address.preferred_lft < address.valid_lft and (now - address.since) // _NSEC >= address.preferred_lft
