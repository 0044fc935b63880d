"""What rules ask of sets: ``ip_set_test`` for the match ``set``, ``ip_set_add`` and ``ip_set_del`` for the target ``SET``.

A rule takes a reference when it is made (``netns.ipsets.get_byname`` gives the index) and gives it back when it goes (``put_byindex``).
Sources: net/netfilter/ipset/ip_set_core.c, ip_set_getport.c, ``*_kadt`` of each type, net/netfilter/xt_set.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.netfilter.ipset.base import ADD, AGAIN, DEL, ENOMATCH, MATCH, TEST, Accept, Element, Entry, Ext
from podwire.linux.netfilter.ipset.bitmap import BitmapIp, BitmapPort
from podwire.linux.netfilter.ipset.errors import IpsetError
from podwire.linux.netfilter.ipset.hash import HashSet
from podwire.linux.netfilter.ipset.ipmac import BitmapIpMac
from podwire.linux.netfilter.ipset.listset import ListSet
from podwire.linux.netfilter.ipset.settypes import NOMATCH
from podwire.trace.events import KERNEL
from podwire.wire.addr import AF_INET
from podwire.wire.headers import Icmp, Tcp, Udp

if TYPE_CHECKING:
    from podwire.linux.netfilter.ipset.base import IpSet
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.trace.events import Owner

_PORT_PROTOCOLS: Final = frozenset({1, 6, 17, 132, 136})
_TCP: Final = 6
_UDP: Final = 17
_RAW_HEADERS: Final = {132: 12, 136: 8}
"""SCTP and UDP-Lite, whose headers are bytes here: how long they are."""
_NO_HEADER: Final = 1 << 16


class CounterMatch(msgspec.Struct, frozen=True, gc=False):
    """``struct ip_set_counter_match``: ``op`` is "eq", "ne", "lt", "gt", or "" for none."""

    op: str = ""
    value: int = 0

    def holds(self, counter: int) -> bool:
        """``ip_set_match_counter``."""
        if self.op == "eq":
            return counter == self.value
        if self.op == "ne":
            return counter != self.value
        if self.op == "lt":
            return counter < self.value
        return counter > self.value if self.op else True


class AdtOpt(msgspec.Struct, frozen=True, gc=False):
    """``struct ip_set_adt_opt``: what a rule says of its set. ``dims`` is ``("src",)``, ``("dst", "src")`` …, one word per dimension.

    ``timeout`` (seconds) and ``exist`` are those of the target SET; None takes the set's.
    """

    dims: tuple[str, ...]
    return_nomatch: bool = False
    update_counters: bool = True
    update_subcounters: bool = True
    packets: CounterMatch = CounterMatch()
    bytes: CounterMatch = CounterMatch()
    timeout: int | None = None
    exist: bool = False


def ip_set_test(netns: Netns, index: int, skb: Skb, opt: AdtOpt) -> bool:
    """``ip_set_test``: is what the packet says in the set? A set with more dimensions than the rule names never matches."""
    found = netns.ipsets.by_index[index]
    return found is not None and _test(netns, found, skb, opt)


def ip_set_add(netns: Netns, index: int, skb: Skb, opt: AdtOpt, owner: Owner = KERNEL) -> bool:
    """``ip_set_add``: put what the packet says into the set; False where that is refused. ``owner`` is the rule's."""
    found = netns.ipsets.by_index[index]
    return found is not None and _change(netns, found, ADD, skb, opt, owner)


def ip_set_del(netns: Netns, index: int, skb: Skb, opt: AdtOpt) -> bool:
    """``ip_set_del``: take what the packet says out of the set; False where it is not in it."""
    found = netns.ipsets.by_index[index]
    return found is not None and _change(netns, found, DEL, skb, opt, KERNEL)


def _fits(found: IpSet, opt: AdtOpt) -> bool:
    return len(opt.dims) >= len(found.type.dims) and found.family in {AF_INET, 0}


def _test(netns: Netns, found: IpSet, skb: Skb, opt: AdtOpt) -> bool:
    if not _fits(found, opt):
        return False
    accept = _accept(skb, opt) if found.counters else None
    if isinstance(found, ListSet):
        return _test_list(netns, found, skb, opt, accept)
    if not isinstance(found, HashSet | BitmapIp | BitmapPort):
        return False
    element = _element(found, TEST, skb, opt)
    if element is None:
        return False
    verdict, _ = found.test(element, accept)
    if verdict == AGAIN:
        # The element was to be completed: the packet knows the MAC address.
        _change(netns, found, ADD, skb, opt, KERNEL)
        return True
    if opt.return_nomatch and found.type.features & NOMATCH:
        return verdict == ENOMATCH
    return verdict == MATCH


def _test_list(netns: Netns, found: ListSet, skb: Skb, opt: AdtOpt, accept: Accept | None) -> bool:
    """``list_set_ktest``: counters are looked at in the list alone."""
    inner = msgspec.structs.replace(
        opt,
        packets=CounterMatch(),
        bytes=CounterMatch(),
        update_counters=opt.update_counters and opt.update_subcounters,
    )
    for index, entry in found.members:
        member = netns.ipsets.by_index[index]
        if member is None or not _test(netns, member, skb, inner):
            continue
        if not found.expired(entry) and (accept is None or accept(entry)):
            return True
    return False


def _accept(skb: Skb, opt: AdtOpt) -> Accept:
    """``ip_set_match_extensions``: count the packet, then compare."""

    def accept(entry: Entry) -> bool:
        if opt.update_counters:
            entry.packets += 1
            entry.bytes += skb.len
        return opt.packets.holds(entry.packets) and opt.bytes.holds(entry.bytes)

    return accept


def _change(netns: Netns, found: IpSet, what: str, skb: Skb, opt: AdtOpt, owner: Owner) -> bool:
    if not _fits(found, opt):
        return False
    if isinstance(found, ListSet):
        members = [netns.ipsets.by_index[index] for index, entry in found.members if not found.expired(entry)]
        return any(_change(netns, member, what, skb, opt, owner) for member in members if member is not None)
    element = _element(found, what, skb, opt)
    if element is None:
        return False
    timeout = found.timeout if opt.timeout is None else opt.timeout
    ext = Ext(timeout or 0, 1, skb.len)
    try:
        if isinstance(found, HashSet):
            if what == DEL:
                return found.delete(element)
            found.add(element, ext, exist=opt.exist, nomatch=False, owner=owner)
        elif isinstance(found, BitmapIpMac) and what == ADD:
            found.add_mac(element[0], element[1], ext, exist=opt.exist, owner=owner)
        elif isinstance(found, BitmapIp | BitmapPort):
            if not found.first <= element[0] <= found.last:
                return False
            if what == DEL:
                return found.delete(found.number(element[0]))
            found.add(found.number(element[0]), ext, exist=opt.exist, owner=owner)
    except IpsetError:
        return False
    return True


# -- what a packet says -------------------------------------------------------------------------------------------


def _element(found: IpSet, what: str, skb: Skb, opt: AdtOpt) -> Element | None:
    """The element that a packet names, dimension by dimension; None where it names none (-EINVAL)."""
    ip = skb.ip
    values: tuple[int, ...] = ()
    for kind, direction in zip(found.type.dims, opt.dims, strict=False):
        source = direction == "src"
        if kind in {"ip", "net"}:
            address = int(ip.src if source else ip.dst)
            if kind == "net":
                values += _net(found, what, address, len(values))
                continue
            if isinstance(found, HashSet) and not values:
                address &= found.mask
            if not address and found.type.name in {"hash:ip", "hash:ip,port"}:
                return None
            values += (address,)
        elif kind == "port":
            ports = ip_set_get_ip4_port(skb, source=source)
            if ports is None or (isinstance(found, BitmapPort) and ports[1] not in {_TCP, _UDP}):
                return None
            values += ports
        elif kind == "mark":
            values += (skb.mark & getattr(found, "markmask", 0),)
        else:
            mac = 0 if skb.eth is None else int(skb.eth.src if source else skb.eth.dst)
            if not mac:
                return None
            values += (mac,)
    return values


def _net(found: IpSet, what: str, address: int, place: int) -> tuple[int, int]:
    """A network of a packet's address: of that address alone in a test, else as long as the longest in use (``INIT_CIDR``)."""
    assert isinstance(found, HashSet)  # noqa: S101 - no other type has networks
    if what == TEST:
        return address & found.mask, found.bits
    cidr = found.longest(place)
    return address & found.mask & ~((1 << found.bits - cidr) - 1), cidr


def ip_set_get_ip4_port(skb: Skb, *, source: bool) -> tuple[int, int] | None:
    """``ip_set_get_ip4_port``: (port or ICMP type * 256 + code, protocol); None for a later fragment of a protocol with ports."""
    ip = skb.ip
    if ip.frag:
        return None if ip.proto in _PORT_PROTOCOLS else (0, ip.proto)
    header = skb.packet.layers[1] if len(skb.packet.layers) > 1 else None
    if isinstance(header, Tcp | Udp):
        return (header.sport if source else header.dport), ip.proto
    if isinstance(header, Icmp):
        return header.type << 8 | header.code, ip.proto
    data = skb.packet.payload
    if isinstance(data, bytes) and len(data) >= _RAW_HEADERS.get(ip.proto, _NO_HEADER):
        at = 0 if source else 2
        return int.from_bytes(data[at : at + 2], "big"), ip.proto
    return None if ip.proto in _PORT_PROTOCOLS else (0, ip.proto)
