"""``ip monitor``: what the kernel tells, as it comes (ipmonitor.c, and ll_map.c, which remembers names).

Messages are put into words at the moment of the change and printed once the machine has done what it was doing. Two
habits of the real tool are kept: a device is called what it was called when it was first seen, and with ``dev`` the
label of a message that is not printed stands there alone.
"""

from __future__ import annotations

from time import asctime, gmtime, strftime
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.neigh import Nud
from podwire.linux.rtnl.notify import (
    AddressMessage,
    LinkMessage,
    Message,
    NeighMessage,
    NetconfMessage,
    NsidMessage,
    RouteMessage,
    RuleMessage,
)
from podwire.tools.ip.address import print_address
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import Fail, Words, matches, usage, wrong
from podwire.tools.ip.linkinfo import print_told
from podwire.tools.ip.neigh import print_entry
from podwire.tools.ip.output import IFNAME
from podwire.tools.ip.routeprint import Hidden, print_route
from podwire.tools.ip.rulelist import print_rule
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.tools.process import Waiting

_NSEC: Final = 1_000_000_000
_OBJECTS: Final[tuple[tuple[str, tuple[type[Message], ...]], ...]] = (
    ("link", (LinkMessage,)),
    ("address", (AddressMessage,)),
    ("route", (RouteMessage,)),
    ("mroute", ()),
    ("prefix", ()),
    ("neigh", (NeighMessage,)),
    ("netconf", (NetconfMessage,)),
    ("rule", (RuleMessage,)),
    ("nsid", (NsidMessage,)),
    ("nexthop", ()),
)
"""What may be asked for, in the order in which an abbreviation is compared, and its messages."""
_LABELS: Final[dict[type[Message], str]] = {
    LinkMessage: "[LINK]",
    AddressMessage: "[ADDR]",
    RouteMessage: "[ROUTE]",
    NeighMessage: "[NEIGH]",
    NetconfMessage: "[NETCONF]",
    RuleMessage: "[RULE]",
    NsidMessage: "[NSID]",
}
_ALL: Final = frozenset(_LABELS)
_WITH_IPV6: Final = frozenset({AddressMessage, RouteMessage, NeighMessage})
_RP_FILTER: Final = ("off", "strict", "loose")
_WORDS: Final = {"proxy_arp": "proxy_neigh"}


class _Asked(msgspec.Struct):
    """The words behind ``ip monitor``."""

    objects: frozenset[type[Message]] = frozenset()
    named: bool = False
    """Some objects were named, if only such as podwire never tells of."""
    label: bool = False
    all_nsid: bool = False
    ifindex: int = 0


def do_monitor(ctx: Context, words: Words) -> Waiting:
    """``ip monitor [all | OBJECTS] [label] [all-nsid] [dev DEVICE]``: until somebody ends it."""
    asked = _parse(ctx, words)
    objects = asked.objects if asked.named else _ALL
    if not ctx.family and objects & _WITH_IPV6 and not ctx.netns.conf6_all["disable_ipv6"]:
        raise NotModelled("what IPv6 tells (-4 leaves it out)", "ip monitor")
    if ctx.family == AF_INET6:
        raise NotModelled("what IPv6 tells", "ip -6 monitor")
    tells = LinkMessage in objects or (NeighMessage in objects and not ctx.family)
    if tells and any(link.port is not None for link in ctx.netns.links()):
        raise NotModelled("what a bridge tells of its ports and of its table", "ip monitor")
    return _Monitor(ctx, asked, objects).run()


def _parse(ctx: Context, words: Words) -> _Asked:
    asked = _Asked()
    while words:
        word = words.take()
        if matches(word, "file"):
            words.value()
            raise NotModelled("file", "ip monitor")
        if matches(word, "label"):
            asked.label = True
            continue
        found = next((kinds for name, kinds in _OBJECTS if matches(word, name)), None)
        if found is not None or word == "stats":
            asked.objects |= frozenset(found or ())
            asked.named = True
        elif word == "all":
            asked.label = True
        elif matches(word, "all-nsid"):
            asked.all_nsid = True
        elif matches(word, "help"):
            raise usage("ip monitor")
        elif word == "dev":
            name = words.value()
            link = ctx.device(name)
            if link is None:
                raise wrong("Device does not exist\n", name)
            asked.ifindex = link.ifindex
        else:
            raise Fail(255, f'Argument "{word}" is unknown, try "ip monitor help".\n')
    return asked


class _Told(Context):
    """What of a message is printed where: words are gathered, names are those that are remembered."""

    def __init__(self, monitor: _Monitor, netns: Netns) -> None:
        ctx = monitor.ctx
        super().__init__(ctx.proc, ctx.place.in_netns(netns), ctx.options, None)
        self._monitor = monitor
        self.out = type(self.out)(
            monitor.text.append, json=False, pretty=False, colour=ctx.options.colour, oneline=ctx.options.oneline
        )

    def device_name(self, ifindex: int) -> str:
        """``ll_index_to_name``."""
        return self._monitor.name(ifindex)


class _Monitor:
    """One run; ``text`` is what the message that is being told comes to."""

    def __init__(self, ctx: Context, asked: _Asked, objects: frozenset[type[Message]]) -> None:
        self.ctx = ctx
        self.asked = asked
        self.objects = objects
        self.text: list[str] = []
        self._ready: list[str] = []
        self._names = {link.ifindex: link.name for link in ctx.netns.links()}
        self._netns_names: dict[int, str] = {}
        """``nsid_cache``; a name that comes later is not taken."""
        for name, netns in self._run_netns():
            if netns in ctx.netns.nsids:
                self._netns_names.setdefault(ctx.netns.nsids[netns], name)

    def _run_netns(self) -> list[tuple[str, Netns]]:
        """/run/netns, the newest first."""
        place = self.ctx.proc.place
        return [] if place.container else list(reversed(place.machine.netns_names.items()))

    def run(self) -> Waiting:
        """Print what comes; a signal ends it."""
        proc, listeners = self.ctx.proc, self.ctx.netns.machine.listeners
        proc.endless = True
        listeners.append(self.hear)
        try:
            while True:
                yield None
                self._write()
        finally:
            listeners.remove(self.hear)
            self._write()

    def _write(self) -> None:
        text = "".join(self._ready)
        self._ready.clear()
        if text:
            self.ctx.proc.write(text)

    def name(self, ifindex: int) -> str:
        """What the device is called: what it was called first."""
        if ifindex not in self._names:
            link = self.ctx.netns.link_by_index(ifindex)
            if link is None:
                return f"if{ifindex}"
            self._names[ifindex] = link.name
        return self._names[ifindex]

    # -- hearing ------------------------------------------------------------------------------------------------

    def hear(self, message: Message) -> None:
        """The listener."""
        netns = self.ctx.netns
        own = message.netns is netns
        if not (own or (self.asked.all_nsid and message.netns in netns.nsids)) or type(message) not in self.objects:
            return
        if isinstance(message, NetconfMessage) and self.ctx.family == AF_INET != message.family:
            return
        if isinstance(message, LinkMessage):
            self._remember(message)
        self._headers(message, own=own)
        if self._passes(message):
            if message.deleted:
                self.text.append("Deleted ")
            self._print(message)
            # Whatever prints calls fflush: a label alone waits for the next message.
            self._ready += self.text
            self.text.clear()
            self.ctx.proc.wake()

    def _passes(self, message: Message) -> bool:
        """What is left of the filters of ``show``: the device, and no entry in state NONE."""
        index = self.asked.ifindex
        match message:
            case NeighMessage():
                return message.entry.state is not Nud.NONE and index in {0, message.entry.link.ifindex}
            case LinkMessage() | AddressMessage():
                return index in {0, message.link.ifindex}
            case RouteMessage():
                hops = message.route.nexthops
                return not index or (len(hops) == 1 and hops[0].ifindex == index)
            case NetconfMessage():
                return not index or (not isinstance(message.scope, str) and message.scope.ifindex == index)
        return True

    def _print(self, message: Message) -> None:
        told, dev = _Told(self, message.netns), bool(self.asked.ifindex)
        match message:
            case LinkMessage():
                self._link(told, message)
            case AddressMessage():
                print_address(told, message.link, message.address, with_device=True)
            case RouteMessage():
                print_route(told, message.route, Hidden(dev=dev))
            case NeighMessage():
                print_entry(told, message.entry, with_device=not dev)
            case RuleMessage():
                print_rule(told, message.rule)
            case NetconfMessage():
                self._netconf(told, message)
            case NsidMessage():
                self._nsid(message)

    def _remember(self, message: LinkMessage) -> None:
        """``ll_remember_index``: a name stays until the device goes."""
        if message.deleted:
            self._names.pop(message.link.ifindex, None)
        else:
            self._names.setdefault(message.link.ifindex, message.link.name)

    def _headers(self, message: Message, *, own: bool) -> None:
        """``print_headers``."""
        options, now = self.ctx.options, self.ctx.proc.now
        if options.timestamp:
            time, microseconds = gmtime(now // _NSEC), now % _NSEC // 1000
            if options.short_timestamp:
                self.text.append(f"[{strftime('%Y-%m-%dT%H:%M:%S', time)}.{microseconds:06}] ")
            else:
                self.text.append(f"Timestamp: {asctime(time)} {microseconds} usec\n")
        if self.asked.all_nsid:
            number = "current" if own else str(self.ctx.netns.nsids[message.netns])
            self.text.append(f"[nsid {number}]")
        if self.asked.label:
            self.text.append(_LABELS[type(message)])

    def _link(self, told: Context, message: LinkMessage) -> None:
        link = message.link
        netns = message.netns
        where = ""
        if link.peer is not None and link.peer.netns is not netns:
            where = f" link-{self._called(netns.nsids[link.peer.netns])}"
        if message.target is not None:
            where += f" new-{self._called(netns.nsids[message.target])} new-ifindex {message.index}"
        print_told(told, link, where, deleted=message.deleted)

    def _called(self, nsid: int) -> str:
        name = self._netns_names.get(nsid)
        return f"netnsid {nsid}" if name is None else f"netns {name}"

    def _netconf(self, told: Context, message: NetconfMessage) -> None:
        scope = message.scope
        out = told.out
        out.text("inet " if message.family == AF_INET else "inet6 ")
        out.text(f"{scope if isinstance(scope, str) else self.name(scope.ifindex)} ", IFNAME)
        for key, value in message.values:
            if key != "rp_filter":
                shown = "on" if value else "off"
            else:
                shown = _RP_FILTER[value] if 0 <= value < len(_RP_FILTER) else str(value % (1 << 32))
            out.text(f"{_WORDS.get(key, key)} {shown} ")
        out.text("\n")

    def _nsid(self, message: NsidMessage) -> None:
        known = self._netns_names.pop(message.nsid, None)
        if known is None and not message.deleted:
            nsids = self.ctx.netns.nsids
            known = next((name for name, netns in self._run_netns() if nsids.get(netns) == message.nsid), None)
            if known is not None:
                self._netns_names[message.nsid] = known
        self.text.append(f"nsid {message.nsid} " + (f"(iproute2 netns name: {known})" if known else "") + "\n")
