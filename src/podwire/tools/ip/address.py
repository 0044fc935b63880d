"""``ip address``: the verbs, and the list of addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.link import FOREVER, Address
from podwire.linux.rtnl.link import KINDS
from podwire.tools.ip.addrchange import add, delete
from podwire.tools.ip.addrfilter import AddressFilter, address_flags, lets_through, parse_filter
from podwire.tools.ip.context import Context, colour_of
from podwire.tools.ip.grammar import AF_PACKET, Fail, Words, matches, usage
from podwire.tools.ip.linkinfo import LinkFilter, is_dump6, packet_family, print_brief, print_link, selects
from podwire.tools.ip.stats import print_stats
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.linux.link import Link

_NSEC: Final = 1_000_000_000


def do_address(ctx: Context, words: Words) -> int:
    """``ip address`` and its verbs."""
    if not words:
        return show(ctx, words)
    verb = words.take()
    if matches(verb, "add"):
        return add(ctx, words, create=True, exclusive=True)
    if matches(verb, "change") or verb == "chg":
        return add(ctx, words, create=False, exclusive=False)
    if matches(verb, "replace"):
        return add(ctx, words, create=True, exclusive=False)
    if matches(verb, "delete"):
        return delete(ctx, words)
    if matches(verb, "list", "show", "lst"):
        return show(ctx, words)
    if matches(verb, "flush"):
        return flush(ctx, words)
    if matches(verb, "save", "showdump", "restore"):
        raise NotModelled(f"ip address {verb}", "ip")
    if matches(verb, "help"):
        raise usage("ip address")
    raise Fail(255, f'Command "{verb}" is unknown, try "ip address help".\n')


# -- show ---------------------------------------------------------------------------------------------------------


def all_addresses(link: Link) -> list[Address]:
    """IPv4, then IPv6."""
    return [*link.addresses, *link.addresses6]


def show(ctx: Context, words: Words) -> int:
    """``ip address show``."""
    wanted = parse_filter(ctx, words)
    return show_links(ctx, wanted, do_link=False)


def show_links(ctx: Context, wanted: AddressFilter, *, do_link: bool) -> int:
    """``ip link show`` and ``ip addr show``: devices by index, each with its addresses unless ``do_link``."""
    options, out = ctx.options, ctx.out
    only_links = packet_family(ctx, do_link=do_link)
    links = [wanted.link] if wanted.link is not None else sorted(ctx.netns.links(), key=lambda link: link.ifindex)
    if wanted.link is None:
        # The kernel filters a dump by master and kind itself.
        by_kernel = LinkFilter(master=wanted.master, kind=wanted.kind if wanted.kind in KINDS else "")
        links = [link for link in links if selects(by_kernel, link)]
    if not only_links:
        links = [link for link in links if _has_wanted(ctx, wanted, link)]
    no_link = options.oneline and not only_links and not options.brief
    hardware = only_links or not wanted.family
    dump6 = is_dump6(ctx, do_link=do_link, one=wanted.link is not None)
    with out.document():
        for link in links:
            with out.object():
                chosen = selects(wanted, link)
                shown = chosen and wanted.label is None
                if shown and not no_link:
                    if options.brief:
                        print_brief(ctx, link, do_link=only_links)
                    else:
                        print_link(ctx, link, do_link=do_link, hardware=hardware, dump6=dump6)
                if not only_links and (chosen or no_link):
                    _show_addresses(ctx, wanted, link)
                if shown and options.stats and not do_link and not no_link and not options.brief:
                    if not dump6:
                        print_stats(ctx, link)
                    out.nl()
    return 0


def _has_wanted(ctx: Context, wanted: AddressFilter, link: Link) -> bool:
    addresses = all_addresses(link)
    if not addresses:
        return wanted.family in {0, AF_PACKET}
    return any(lets_through(ctx, wanted, address, link) for address in addresses)


def _show_addresses(ctx: Context, wanted: AddressFilter, link: Link) -> None:
    out = ctx.out
    with out.array("addr_info"):
        for address in all_addresses(link):
            if wanted.family not in {0, address.local.family} or (wanted.up and not link.is_up):
                continue
            with out.object():
                if lets_through(ctx, wanted, address, link):
                    print_address(ctx, link, address, with_device=ctx.options.oneline)
    if ctx.options.brief:
        out.text("\n")


def print_address(ctx: Context, link: Link, address: Address, *, with_device: bool) -> None:
    """``print_addrinfo``: the line ``inet`` or ``inet6`` and the lifetimes."""
    out, brief = ctx.out, ctx.options.brief
    colour = colour_of(address.local)
    if not brief:
        if with_device:
            out.only("index", link.ifindex)
            name = ctx.device_name(link.ifindex)
            out.only("dev", name)
            out.text(f"{link.ifindex}: {name}")
        out.put("family", "inet" if address.local.family == AF_INET else "inet6", "    {} ")
    out.put("local", str(address.local), "{}", colour)
    if address.peer != address.local:
        out.text(" peer ")
        out.put("address", str(address.peer), "{}", colour)
    out.put("prefixlen", address.plen, "/{} ")
    if address.metric:
        out.put("metric", address.metric, "metric {} ")
    if brief:
        return
    if address.broadcast is not None:
        out.text("brd ")
        out.put("broadcast", str(address.broadcast), "{} ", colour)
    out.put("scope", ctx.names.scope(address.scope), "scope {} ")
    _print_flags(ctx, address)
    if address.label and address.local.family != AF_INET6:
        out.put("label", address.label, "{}")
    _print_lifetimes(ctx, address)
    out.text("\n")


def _print_flags(ctx: Context, address: Address) -> None:
    out = ctx.out
    flags = address_flags(ctx, address)
    if "secondary" in flags:
        word = "temporary" if address.local.family == AF_INET6 else "secondary"
        out.flag(word, word + " ")
    if "deprecated" in flags:
        out.flag("deprecated", "deprecated ")
    if "permanent" not in flags:
        out.flag("dynamic", "dynamic ")
    if "noprefixroute" in flags:
        out.flag("noprefixroute", "noprefixroute ")


def _print_lifetimes(ctx: Context, address: Address) -> None:
    out = ctx.out
    age = (ctx.proc.now - address.since) // _NSEC
    valid = preferred = FOREVER
    if not address.permanent:
        preferred = address.preferred_lft
        valid = max(0, address.valid_lft - age) if preferred != FOREVER else address.valid_lft
        preferred = max(0, preferred - age) if preferred != FOREVER else FOREVER
    out.nl()
    for key, word, left in (
        ("valid_life_time", "       valid_lft", valid),
        ("preferred_life_time", " preferred_lft", preferred),
    ):
        out.text(word + " ")
        out.put(key, left, "forever" if left == FOREVER else "{}sec")


# -- flush --------------------------------------------------------------------------------------------------------


def flush(ctx: Context, words: Words) -> int:
    """``ip address flush``: delete what the selectors mean, until nothing is left."""
    if not words:
        raise Fail(1, "Flush requires arguments.\n")
    if ctx.family == AF_PACKET:
        raise Fail(1, "Cannot flush link addresses.\n")
    wanted = parse_filter(ctx, words)
    stats, rounds = ctx.options.stats, 0
    while not ctx.options.loops or rounds < ctx.options.loops:
        found = [
            (link, address)
            for link in sorted(ctx.netns.links(), key=lambda link: link.ifindex)
            if wanted.link in {None, link}
            for address in all_addresses(link)
            if lets_through(ctx, wanted, address, link)
        ]
        if stats > 1:
            for link, address in found:
                print_address(ctx, link, address, with_device=True)
        if found:
            rounds += 1
            for link, address in found:
                try:
                    ctx.door.addr_del(link, address.local, address.plen, peer=address.peer, label=address.label)
                except NetlinkError:
                    continue  # gone with its primary
            if stats:
                ctx.proc.write(f"\n*** Round {rounds}, deleting {len(found)} addresses ***\n")
        if not found or wanted.flags.get("secondary") is False:
            if stats and not rounds:
                ctx.proc.write("Nothing to flush.\n")
            elif stats:
                ctx.proc.write(f"*** Flush is complete after {rounds} round{'s' if rounds > 1 else ''} ***\n")
            return 0
    raise Fail(1, f"*** Flush remains incomplete after {ctx.options.loops} rounds. ***\n")
