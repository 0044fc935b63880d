"""A network namespace: owner of devices, addresses, tables, neighbours, sockets and switches.

Configuration is written by ``linux.netlink`` alone, run-time state by ``linux.path``. ``generation`` rises with every
change of configuration or of a device's state; what a lookup found may be remembered for one generation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.fib import (
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTPROT_KERNEL,
    FibTable,
)
from podwire.linux.link import Address, Link
from podwire.linux.neigh import NeighbourTable
from podwire.linux.netfilter.conntrack.table import Conntrack
from podwire.linux.netfilter.hooks import HookFn, NfHooks
from podwire.linux.netfilter.ipset.core import IpSets
from podwire.linux.netfilter.nat.net import NfNat
from podwire.linux.netfilter.tables import Xtables
from podwire.linux.rule import FibRule, default_rules
from podwire.linux.sysctl import CORE_KEYS, IPV6_CONF_KEYS, NEIGH_GC_KEYS, NET_KEYS, Ipv4Conf, NeighParms
from podwire.linux.sysctltcp import TCP_CORE_KEYS
from podwire.linux.tunnel import IpTunnelNet
from podwire.trace.log import Record
from podwire.wire.addr import Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.machine import Machine
    from podwire.linux.path.exception import Exceptions
    from podwire.linux.path.fragment import FragmentQueue
    from podwire.linux.path.peer import Peer
    from podwire.linux.path.route import Dst
    from podwire.linux.sockets import Sockets
    from podwire.trace.events import AnyEvent


_IP_ID_BITS: Final = 5
"""``ip_idents_reserve`` steps on by one and up to as many as jiffies have passed."""


class TokenBucket:
    """The machine-wide limit on ICMP messages: ``credit`` messages, refilled since jiffy ``stamp``."""

    __slots__ = ("credit", "stamp")

    def __init__(self) -> None:
        self.credit = 0
        self.stamp = 0


class Netns:
    """One network namespace of a machine.

    ``label`` is how people name it: ``default/pod1``; the root's is the machine's name.
    """

    __slots__ = (
        "_by_index",
        "_by_name",
        "_ip_id_bits",
        "_last_ip_id",
        "_links",
        "at_hook",
        "conf6_all",
        "conf6_default",
        "conf_all",
        "conf_default",
        "conntrack",
        "custom_rules",
        "exceptions",
        "flow_hashes",
        "fragments",
        "generation",
        "hooks",
        "icmp_bucket",
        "input_routes",
        "ipip",
        "ipsets",
        "label",
        "local",
        "machine",
        "nat",
        "neigh_default",
        "neighbours",
        "next_ifindex",
        "nf",
        "nsids",
        "output_routes",
        "peers",
        "rules",
        "settings",
        "sockets",
        "tables",
        "xtables",
    )

    def __init__(self, machine: Machine, label: str) -> None:
        from podwire.linux.sockets import Sockets

        self.machine = machine
        self.label = label
        self.generation = 0
        self.next_ifindex = 1
        self._links: list[Link] = []
        self._by_name: dict[str, Link] = {}
        self._by_index: dict[int, Link] = {}
        self.conf_all = Ipv4Conf()
        self.conf_all.accept_source_route = 0
        self.conf_default = Ipv4Conf()
        self.neigh_default: NeighParms = machine.neigh_default
        """``arp_tbl.parms``: one of the kernel, whatever the namespace."""
        self.conf6_all: dict[str, int] = dict(IPV6_CONF_KEYS)
        self.conf6_default: dict[str, int] = dict(IPV6_CONF_KEYS)
        self.settings: dict[str, int | tuple[int, ...]] = {**NET_KEYS, **NEIGH_GC_KEYS, **CORE_KEYS, **TCP_CORE_KEYS}
        """Net-wide values of net.ipv4.*; ``ip_forward`` is ``conf_all.forwarding`` and not here."""
        # These count in jiffies.
        self.settings["route/error_cost"], self.settings["route/error_burst"] = machine.hz, 5 * machine.hz
        self.settings["route/redirect_load"] = machine.hz // 50
        self.settings["route/redirect_silence"] = machine.hz // 50 << 10
        self.tables: dict[int, FibTable] = {
            RT_TABLE_LOCAL: FibTable(RT_TABLE_LOCAL),
            RT_TABLE_MAIN: FibTable(RT_TABLE_MAIN),
            RT_TABLE_DEFAULT: FibTable(RT_TABLE_DEFAULT),
        }
        self.rules: list[FibRule] = default_rules()
        self.custom_rules = False
        """``fib4_has_custom_rules``: once a rule was added."""
        self.local: dict[int, list[tuple[Link, Address]]] = {}
        """Every local IPv4 address and who has it: ``inet_lookup_ifaddr``."""
        self.neighbours = NeighbourTable(self)
        self.sockets: Sockets = Sockets(self)
        self.peers: dict[Ip, Peer] = {}
        """inetpeer: rate limits per remote address."""
        self.exceptions: Exceptions = {}
        """Path MTUs and redirects that were learned, by next hop and destination."""
        self.ipip = IpTunnelNet()
        """IP-in-IP devices."""
        self.ipsets = IpSets(machine)
        self.fragments: dict[tuple[int, int, int, int, int], FragmentQueue] = {}
        self.icmp_bucket = TokenBucket()
        self.hooks: list[tuple[HookFn, ...]] = [(), (), (), (), ()]
        """What packets meet at the five hooks, in order (``linux.netfilter.hooks``)."""
        self.at_hook: list[HookFn | None] = [None, None, None, None, None]
        """The same as one function each, which answers as ``nf_hook`` does; None where nobody is."""
        self.nf = NfHooks(self)
        self.conntrack = Conntrack(self)
        """Connections."""
        self.nat = NfNat(self)
        """Address translation."""
        self.xtables = Xtables(self)
        self.nsids: dict[Netns, int] = {}
        """Ids by which this namespace calls others (``link-netnsid``)."""
        self.output_routes: dict[tuple[object, ...], Dst] = {}
        self.flow_hashes: dict[tuple[int, ...], int] = {}
        """By addresses, protocol and ports: what ``udp_flow_src_port`` worked out once."""
        self.input_routes: dict[tuple[object, ...], Dst] = {}
        """By destination, source and device; where there are any also by mark, TOS and what rules see of the transport."""
        stream = machine.random("ip-id", label)
        self._last_ip_id = stream.randrange(0xFFFF)
        self._ip_id_bits = stream.getrandbits

    # -- devices -------------------------------------------------------------------------------------------------

    def links(self) -> list[Link]:
        """Devices in creation order (``for_each_netdev``), the order that source selection uses (F60)."""
        return self._links

    def link(self, name: str) -> Link | None:
        """The device of that name."""
        return self._by_name.get(name)

    def link_by_index(self, ifindex: int) -> Link | None:
        """The device with that ifindex."""
        return self._by_index.get(ifindex)

    def link_name(self, ifindex: int) -> str:
        """Its name, or ``ifN`` as iproute2 prints an index without a device."""
        link = self._by_index.get(ifindex)
        return link.name if link is not None else f"if{ifindex}"

    def new_ifindex(self, wanted: int = 0) -> int:
        """``dev_new_index``: the counter of the namespace; ``wanted`` is kept when it is free (a device that moves)."""
        if wanted and wanted not in self._by_index:
            return wanted
        while self.next_ifindex in self._by_index:
            self.next_ifindex += 1
        index = self.next_ifindex
        self.next_ifindex += 1
        return index

    def attach(self, link: Link) -> None:
        """Register a device (``list_netdevice``)."""
        self._links.append(link)
        self._by_name[link.name] = link
        self._by_index[link.ifindex] = link
        self.changed()

    def detach(self, link: Link) -> None:
        """Unregister a device (``unlist_netdevice``)."""
        self._links.remove(link)
        del self._by_name[link.name]
        del self._by_index[link.ifindex]
        self.changed()

    def rename(self, link: Link, name: str) -> None:
        """``dev_change_name``."""
        del self._by_name[link.name]
        link.name = name
        self._by_name[name] = link
        self.changed()

    @property
    def loopback(self) -> Link:
        """``lo``."""
        return self._links[0]

    # -- state ---------------------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Configuration changed: forget what was remembered."""
        self.generation += 1
        self.output_routes.clear()
        self.input_routes.clear()
        if self.exceptions:
            from podwire.linux.path.exception import fib_release_info

            fib_release_info(self)

    def setting(self, key: str) -> int:
        """A net-wide number such as ``icmp_ratelimit``."""
        # The neighbour table is one for all namespaces, and the first one has its switches.
        value = (self.machine.root.netns if key in NEIGH_GC_KEYS else self).settings[key]
        return value if isinstance(value, int) else value[0]

    def table(self, number: int) -> FibTable:
        """The table of that number, made if need be (``fib_new_table``)."""
        found = self.tables.get(number)
        if found is None:
            found = self.tables[number] = FibTable(number)
        return found

    def is_local(self, addr: Ip) -> bool:
        """``inet_addr_type(addr) == RTN_LOCAL``."""
        from podwire.linux.path.lookup import inet_addr_type

        return inet_addr_type(self, addr) == "local"

    @property
    def dissects(self) -> bool:
        """``fib_rules_require_fldissect``: some rule looks at protocol or ports."""
        return self.custom_rules and any(rule.dissects for rule in self.rules)

    def has_custom_local_routes(self) -> bool:
        """``fib_has_custom_local_routes``: somebody added a local route by hand."""
        return any(route.proto != RTPROT_KERNEL for route in self.tables[RT_TABLE_LOCAL])

    def addresses(self) -> Iterator[tuple[Link, Address]]:
        """Every IPv4 address in device order."""
        for link in self._links:
            for address in link.addresses:
                yield link, address

    def nsid_of(self, other: Netns) -> int:
        """The id by which this namespace knows another, allocated at first use (``peernet2id_alloc``)."""
        if other not in self.nsids:
            used = set(self.nsids.values())
            self.set_nsid(other, next(n for n in range(len(used) + 1) if n not in used))
        return self.nsids[other]

    def set_nsid(self, other: Netns, number: int) -> None:
        """Call another namespace so from now on."""
        self.nsids[other] = number
        self._tell_nsid(number)

    def forget_nsid(self, other: Netns) -> None:
        """``unhash_nsid``: the other namespace goes."""
        number = self.nsids.pop(other, None)
        if number is not None:
            self._tell_nsid(number, deleted=True)

    def _tell_nsid(self, number: int, *, deleted: bool = False) -> None:
        if self.machine.listeners:
            from podwire.linux.rtnl.notify import NsidMessage, tell

            tell(NsidMessage(number, netns=self, deleted=deleted))

    def new_ip_id(self) -> int:
        """An IP identification, never 0 (``ip_select_ident`` draws from hashed, randomly advancing counters)."""
        # Each is a little more than the one before, so that soon after there is none that is equal.
        bits = self._ip_id_bits
        last = self._last_ip_id = (self._last_ip_id + bits(_IP_ID_BITS) + 1) % 0xFFFF
        return last + 1

    def draw_mac(self, name: str) -> Mac:
        """``eth_random_addr``: random, locally administered, unicast; from the seed, keyed by place and name."""
        value = self.machine.random("mac", self.label, name).getrandbits(48)
        return Mac(value & 0xFEFFFFFFFFFF | 0x020000000000)

    def emit(self, packet: int, event: AnyEvent) -> None:
        """Log an event about a packet; callers ask ``machine.log.on`` first."""
        machine = self.machine
        write = machine.log.write
        write(Record(machine.world.now, machine.name, self.label, packet, event))

    def peers_of(self, links: Iterable[Link]) -> list[Link]:
        """The other ends of those veths that have one."""
        return [link.peer for link in links if link.peer is not None]

    def __repr__(self) -> str:
        return f"<Netns {self.label}>"
