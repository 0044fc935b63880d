"""The closed union of events: one type for each point at which a real tool could look.

Events are values. They hold numbers, texts, packets and the ``By`` values that say *what decided*; never a namespace, a
socket or an skb. Every event is logged with the id of the packet it is about (``trace.log.Record``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Mac
from podwire.wire.packet import Packet

PACKET_HOST: Final = 0
PACKET_BROADCAST: Final = 1
PACKET_MULTICAST: Final = 2
PACKET_OTHERHOST: Final = 3
PACKET_OUTGOING: Final = 4
PACKET_LOOPBACK: Final = 5
"""A copy of an own broadcast: no tap sees it."""


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Who wrote a piece of configuration, and for which object.

    ``component`` is the program (``"calico-cni"``, ``"felix"``, ``"dhcp"``, ``"kernel"``, ``"ip"`` for a person's
    command), ``object`` what it was written for (``"Pod default/pod1"``), ``field`` the part of that object
    (``"spec.egress[0]"``).
    """

    component: str
    object: str = ""
    field: str = ""


KERNEL: Final = Owner("kernel")


class ByRoute(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="route"):
    """A route of a table, as ``ip route`` would print it, or the lack of one (``type="none"``)."""

    type: str
    """unicast, local, broadcast, blackhole, unreachable, prohibit, throw, none."""
    prefix: str
    """``default``, ``10.0.0.0/8``, ``10.0.0.1``; for ``none`` the destination."""
    table: str = "main"
    dev: str = ""
    via: Ip | None = None
    src: Ip | None = None
    proto: str = ""
    metric: int = 0
    scope: str = ""
    flags: tuple[str, ...] = ()
    """onlink, linkdown, dead."""
    owner: Owner = KERNEL


class BySysctl(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="sysctl"):
    """A switch under /proc/sys and the value that decided. ``key`` is dotted: ``net.ipv4.conf.eth0.rp_filter``."""

    key: str
    value: int
    owner: Owner = KERNEL


class ByReversePath(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="reverse-path"):
    """rp_filter.

    Switch ``key`` = ``value`` (1 strict, 2 loose) met a packet on ``dev`` whose source is reached by ``back``.

    ``has_address`` is False where the device has no IPv4 address: there loose is as strict as strict (kernel sheet
    F150).
    """

    key: str
    value: int
    dev: str
    has_address: bool
    back: ByRoute
    owner: Owner = KERNEL


class ByNeighbour(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="neighbour"):
    """An entry of the neighbour table: ``ip`` on ``dev``, its state and link-layer address."""

    ip: Ip
    dev: str
    state: str
    lladdr: Mac | None = None
    owner: Owner = KERNEL


class ByLink(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="link"):
    """A device and what about it decided: ``down``, ``no-carrier``, ``mtu``, ``lladdr``."""

    dev: str
    what: str
    value: str = ""
    owner: Owner = KERNEL


class ByRule(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="rule"):
    """A netfilter rule: table, chain, number from 1, the text behind ``-A CHAIN`` and its writer.

    Number 0 is the chain's policy, or with the text ``hotdrop`` a match that discards by itself. ``variant`` is ``nft`` or
    ``legacy``: whose tables these are.
    """

    table: str
    chain: str
    number: int
    text: str = ""
    owner: Owner = KERNEL
    variant: str = "nft"


class ByPolicyRule(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="fib-rule"):
    """A rule of ``ip rule``: its priority and the text that ``ip rule`` prints behind it."""

    priority: int
    text: str
    owner: Owner = KERNEL


class ByFdb(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="fdb"):
    """An entry of a forwarding database: behind which remote (``dst``) a MAC address is; all zeros is the default destination."""

    dev: str
    lladdr: Mac
    dst: Ip
    owner: Owner = KERNEL


class ByProgram(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="program"):
    """A BPF program: its name, where it is attached (``dev``, ``hook``: ``ingress``, ``egress``, ``connect4`` …), and what it read.

    ``code`` and ``text`` are its drop code and what its agent prints for it; ``detail`` names the map entry or rule that decided.
    """

    name: str
    dev: str = ""
    hook: str = ""
    code: int = 0
    text: str = ""
    detail: str = ""
    owner: Owner = KERNEL


class ByFabric(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="fabric"):
    """Something outside the machines: a cloud's firewall rule, its address check, a segment. ``why`` is a clause.

    ``kind`` is ``firewall``, ``source-check`` or empty: it selects the remedy that ``Trace.explain`` names.
    """

    name: str
    why: str
    owner: Owner = KERNEL
    kind: str = ""


class ByNotModelled(msgspec.Struct, frozen=True, gc=False, tag_field="by", tag="not-modelled"):
    """podwire does not model this: the name of the option, header or rule."""

    what: str


By = (
    ByRoute
    | BySysctl
    | ByReversePath
    | ByNeighbour
    | ByLink
    | ByRule
    | ByPolicyRule
    | ByFdb
    | ByProgram
    | ByFabric
    | ByNotModelled
)


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="event"):
    """Base of the union."""


class Created(Event, frozen=True, gc=False, tag="created"):
    """Birth of a packet. Always its first event.

    ``parent`` is the packet it exists for, 0 for none; ``relation`` how: ``arp``, ``icmp-error``, ``reply``,
    ``reset``, ``fragment``, ``reassembly``, ``copy``, ``probe`` (a neighbour probe that the
    parent's use of the entry armed), or ``""``.
    """

    parent: int = 0
    relation: str = ""
    packet: Packet | None = None
    """Its headers at birth (no MAC header yet): what a packet that dies before any tap saw it is called by."""


class Received(Event, frozen=True, gc=False, tag="received"):
    """A frame came in by ``dev``: what a tap there sees. ``pkt_type`` is one of PACKET_HOST and its like."""

    dev: str
    frame: Packet
    pkt_type: int = PACKET_HOST


class Transmitted(Event, frozen=True, gc=False, tag="transmitted"):
    """A frame left by ``dev``: what a tap there sees."""

    dev: str
    frame: Packet


class Routed(Event, frozen=True, gc=False, tag="routed"):
    """A route lookup for a packet: by input (``iif`` set) or output."""

    dst: Ip
    src: Ip
    by: ByRoute
    iif: str = ""
    rule: int = 32766
    """Priority of the ``ip rule`` that named the table."""


class RuleMatched(Event, frozen=True, gc=False, tag="rule-matched"):
    """A netfilter rule matched; ``target`` as in the listing, ``verdict`` what it decided (may be empty).

    ``kind`` is ``rule``; ``return`` is the end of a user's chain and ``policy`` that of a chain at a hook (of packets that
    TRACE marked, and where the policy drops).
    """

    by: ByRule
    target: str
    verdict: str = ""
    kind: str = "rule"


class Refused(Event, frozen=True, gc=False, tag="refused"):
    """What the writer of rule ``by``, which discards the packet next, can say of it, by the objects as they are at this moment.

    None of ``policies``, which select ``pod`` for ``direction`` (ingress, egress), allows it. The rule that came nearest is field
    ``nearest`` of ``policy`` ("" where nothing is known of rules), of which the clauses ``fits`` hold and ``fails`` do not; the command
    ``change`` would mend that.
    """

    by: ByRule
    pod: str
    direction: str
    policies: tuple[str, ...]
    policy: str = ""
    nearest: str = ""
    fits: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    change: str = ""


class Logged(Event, frozen=True, gc=False, tag="logged"):
    """A rule wrote about the packet, which begins with ``prefix``.

    LOG wrote the line ``text`` to the machine's kernel log (``dmesg``); NFLOG, with ``group``, a copy of the packet for whoever listens.
    """

    prefix: str
    text: str = ""
    group: int | None = None


class Flow(NamedTuple):
    """One direction of a connection: addresses, IP protocol and ports (ICMP: the id in both, 0 where there are none)."""

    src: Ip
    dst: Ip
    proto: int
    sport: int
    dport: int


class Conntrack(Event, frozen=True, gc=False, tag="conntrack"):
    """Connection tracking looked at the packet: ``state`` is NEW, ESTABLISHED, RELATED, INVALID or UNTRACKED.

    ``what`` is ``in`` (it was looked up, or made), ``confirmed`` (it stands in the table from here on), ``clash`` (another one
    stands there: ``insert_failed``). ``original`` and ``reply`` are the connection's two tuples, None where there is none.
    """

    state: str
    what: str = "in"
    from_reply: bool = False
    """The packet goes the way of the replies."""
    original: Flow | None = None
    reply: Flow | None = None


class Translated(Event, frozen=True, gc=False, tag="translated"):
    """NAT rewrote an address or port: ``what`` is ``SNAT`` or ``DNAT``, at ``hook``; addresses with port (0 where there is none).

    ``reply`` is True where it undoes what was done to the other direction. ``by`` is the rule that asked for it, None for a reply.
    """

    what: str
    hook: str
    old: Ip
    new: Ip
    old_port: int = 0
    new_port: int = 0
    reply: bool = False
    by: ByRule | None = None


class NeighbourChanged(Event, frozen=True, gc=False, tag="neighbour"):
    """An entry changed state or address. ``cause`` is a word of the automaton (see ``linux.neigh``)."""

    dev: str
    ip: Ip
    old: str
    new: str
    lladdr: Mac | None
    cause: str


class Waiting(Event, frozen=True, gc=False, tag="waiting"):
    """The packet waits in the queue of a neighbour entry that is being resolved."""

    dev: str
    ip: Ip


class IcmpSent(Event, frozen=True, gc=False, tag="icmp-sent"):
    """The machine answered the packet with an ICMP error (``id`` is that packet) or held it back (``id`` 0)."""

    type: int
    code: int
    to: Ip
    src: Ip
    id: int
    withheld: str = ""
    """Empty when sent; else why not: ``ratelimit``, ``about an ICMP error``, ``broadcast`` …"""


class Forwarded(Event, frozen=True, gc=False, tag="forwarded"):
    """ip_forward passed the packet on: from ``iif`` to ``oif``, TTL now ``ttl``."""

    iif: str
    oif: str
    ttl: int


class Encapsulated(Event, frozen=True, gc=False, tag="encapsulated"):
    """A tunnel device put outer headers around the packet, which stays the packet that it is: an outer datagram from ``src`` to ``dst``.

    ``kind`` is ``vxlan``, ``geneve`` or ``ipip``; ``vni`` None where there is none. ``by`` is what chose the outer destination: an
    entry of the FDB, a route's gateway or encap, the device's own remote, a program.
    """

    dev: str
    kind: str
    src: Ip
    dst: Ip
    vni: int | None = None
    by: By | None = None


class Decapsulated(Event, frozen=True, gc=False, tag="decapsulated"):
    """The outer headers went: what was inside goes on as received by tunnel device ``dev``."""

    dev: str
    kind: str
    src: Ip
    dst: Ip
    vni: int | None = None


class BpfTrace(Event, frozen=True, gc=False, tag="bpf-trace"):
    """A program told its observer about the packet: ``point`` is an observation point (``TO_OVERLAY`` …), ``detail`` what goes with it."""

    by: ByProgram
    point: str
    detail: str = ""


class Carried(Event, frozen=True, gc=False, tag="carried"):
    """Something outside the machines took the packet on.

    ``to`` whom, because of which address or range (``why``), let in by which firewall rule (``allowed``, empty where
    nothing asked).
    """

    to: str
    why: str
    allowed: str = ""


class Delivered(Event, frozen=True, gc=False, tag="delivered"):
    """Terminal: somebody consumed the packet.

    ``to`` says who: ``socket`` (ICMP, UDP, TCP or raw), ``icmp_echo`` (the stack answers itself), ``icmp`` (an error
    or other message that the stack took note of), ``igmp``, ``arp``. ``note`` says what came of it; for ARP one of
    ``answered``, ``proxied``, ``delayed``, ``responder`` (a program answers), ``learned``, ``not-ours``, ``no-route``,
    ``same-device``, ``proxy-off``, ``forwarding-off``, ``source-check``, ``ignored``. ``by`` is what decided.
    """

    to: str
    note: str = ""
    by: By | None = None


class Dropped(Event, frozen=True, gc=False, tag="dropped"):
    """Terminal: the packet was discarded in kernel function ``where`` for ``reason``; ``by`` is what decided."""

    where: str
    reason: DropReason
    by: By | None = None
    dev: str = ""


class Fragmented(Event, frozen=True, gc=False, tag="fragmented"):
    """Terminal: cut into ``ids`` because of ``mtu``."""

    mtu: int
    ids: tuple[int, ...]


class Reassembled(Event, frozen=True, gc=False, tag="reassembled"):
    """Terminal: the fragment became part of packet ``into``."""

    into: int


class Flooded(Event, frozen=True, gc=False, tag="flooded"):
    """Terminal: a switch made one copy for each of ``ids``."""

    ids: tuple[int, ...]


AnyEvent = (
    Created
    | Received
    | Transmitted
    | Routed
    | RuleMatched
    | Refused
    | Logged
    | Conntrack
    | Translated
    | NeighbourChanged
    | Waiting
    | IcmpSent
    | Forwarded
    | Encapsulated
    | Decapsulated
    | BpfTrace
    | Carried
    | Delivered
    | Dropped
    | Fragmented
    | Reassembled
    | Flooded
)
TERMINAL: Final = (Delivered, Dropped, Fragmented, Reassembled, Flooded)
