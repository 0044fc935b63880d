"""Devices: what ``ip link`` shows of each, and where ``ndo_start_xmit`` sends a frame.

Source: include/linux/netdevice.h, drivers/net/veth.c, drivers/net/loopback.c, net/core/link_watch.c (operstate).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from podwire.linux.bridge import Bridge, Port
from podwire.linux.multicast import Memberships
from podwire.linux.sysctl import Ipv4Conf, NeighParms
from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import BROADCAST, NO_MAC, Ip, Mac

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.linux.bpf.program import Program
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.linux.tunnel import TunnelConfig
    from podwire.linux.vxlanfdb import VxlanFdb
    from podwire.wire.packet import Packet

SCOPES: Final = {"global": 0, "nowhere": 255, "host": 254, "link": 253, "site": 200}
SCOPE_UNIVERSE: Final = 0
SCOPE_SITE: Final = 200
SCOPE_LINK: Final = 253
SCOPE_HOST: Final = 254
SCOPE_NOWHERE: Final = 255

TSO_LEGACY_MAX_SIZE: Final = 65536
TSO_MAX_SIZE: Final = 524280
"""8 * GSO_MAX_SEGS, of devices that segment nothing themselves: loopback, veth, dummy."""
_TSO_LEGACY: Final = frozenset({"ethernet", "vxlan", "geneve", "ipip"})

FOREVER: Final = 0xFFFFFFFF
"""INFINITY_LIFE_TIME: ``forever`` in ``ip addr``."""


class Address(msgspec.Struct, gc=False):
    """``struct in_ifaddr``: an address on a device.

    ``peer`` is ``ifa_address`` (equal to ``local`` unless point to point). ``valid_lft`` and ``preferred_lft`` are
    seconds counted from ``since`` (ns); ``FOREVER`` for permanent ones. ``proto`` is the address protocol (0 unspec,
    2 kernel_ll ...).
    """

    local: Ip
    plen: int
    peer: Ip
    broadcast: Ip | None = None
    scope: int = SCOPE_UNIVERSE
    label: str = ""
    secondary: bool = False
    metric: int = 0
    noprefixroute: bool = False
    valid_lft: int = FOREVER
    preferred_lft: int = FOREVER
    since: int = 0
    proto: int = 0
    owner: Owner = KERNEL

    @property
    def permanent(self) -> bool:
        """False for addresses with a lifetime (``dynamic`` in ``ip addr``)."""
        return self.valid_lft == FOREVER


class Stats:
    """Counters of ``ip -s link``."""

    __slots__ = (
        "collisions",
        "multicast",
        "rx_bytes",
        "rx_dropped",
        "rx_errors",
        "rx_frame",
        "rx_packets",
        "tx_bytes",
        "tx_carrier",
        "tx_dropped",
        "tx_errors",
        "tx_packets",
    )

    def __init__(self) -> None:
        self.rx_bytes = 0
        self.rx_packets = 0
        self.rx_dropped = 0
        self.tx_bytes = 0
        self.tx_packets = 0
        self.tx_dropped = 0
        self.tx_carrier = 0
        self.multicast = 0
        self.rx_errors = 0
        self.rx_frame = 0
        """A header that makes no sense, among the errors."""
        self.tx_errors = 0
        self.collisions = 0
        """A tunnel: routes that lead back into it."""


class Cable(Protocol):
    """Where an ethernet device's frames go: implemented by the fabric."""

    def transmit(self, frame: Packet, packet_id: int, size: int) -> None:
        """Take a frame of ``size`` bytes; it arrives elsewhere later."""


class Link:
    """A network device in one namespace. ``kind``: loopback, veth, ethernet, bridge, dummy, vxlan, geneve, ipip.

    ``kind`` decides in ``linux.path`` what a transmit does; here is state only. Order of ``Netns.links()`` is
    creation order, which counts for source selection (F60).
    """

    __slots__ = (
        "addresses",
        "addresses6",
        "alias",
        "allmulticast",
        "announced",
        "arp",
        "bridge",
        "broadcast",
        "cable",
        "carrier_changes",
        "carrier_seen",
        "conf",
        "conf6",
        "counted_header",
        "group",
        "headerless",
        "ifindex",
        "is_loopback",
        "is_up",
        "kind",
        "listens",
        "lower_state",
        "mac",
        "master",
        "max_mtu",
        "mc",
        "min_mtu",
        "mtu",
        "multicast",
        "name",
        "neigh",
        "netns",
        "noarp",
        "numrxqueues",
        "numtxqueues",
        "owner",
        "peer",
        "plugged",
        "port",
        "port_state_selected",
        "promisc",
        "promisc_on",
        "qdisc",
        "stats",
        "tc_egress",
        "tc_ingress",
        "tso_max_size",
        "tunnel",
        "tunnel_netns",
        "txqueuelen",
        "up_since",
        "vxlan",
        "was_up",
        "xmit",
    )

    def __init__(  # noqa: PLR0915 - one statement for each attribute
        self,
        netns: Netns,
        name: str,
        kind: str,
        ifindex: int,
        *,
        mac: Mac = NO_MAC,
        mtu: int = 1500,
        txqueuelen: int = 1000,
        qdisc: str = "noqueue",
        owner: Owner = KERNEL,
    ) -> None:
        self.netns = netns
        self.name = name
        self.kind = kind
        self.is_loopback = kind == "loopback"
        """IFF_LOOPBACK."""
        self.counted_header = 0 if kind == "loopback" else 14
        """What ``stats`` count of a frame beside its packet: loopback_xmit counts behind eth_type_trans, without the header."""
        self.headerless = kind == "ipip"
        """Packets begin with the IP header here: ARPHRD_TUNNEL."""
        self.ifindex = ifindex
        self.mac = mac
        self.broadcast = NO_MAC if kind == "loopback" else BROADCAST
        self.mtu = mtu
        unlimited = kind in {"loopback", "ipip"}
        self.min_mtu, self.max_mtu = (0, 0) if unlimited else (68, 65535)
        self.txqueuelen = txqueuelen
        self.qdisc = qdisc
        """The qdisc attached when the device is up (noqueue, mq, fq_codel, pfifo_fast).

        ``noop`` is printed while it never was.
        """
        self.tso_max_size = TSO_LEGACY_MAX_SIZE if kind in _TSO_LEGACY else TSO_MAX_SIZE
        """The longest TCP segment that is handed down; a tunnel has that of the device it was made with."""
        self.numtxqueues = self.numrxqueues = 1
        self.is_up = False
        """IFF_UP: administratively up."""
        self.announced = True
        """Those who listen know of it: a new device is first given its attributes (``rtnl_configure_link``)."""
        self.was_up = False
        """Once up: a qdisc stays attached (``noop`` before)."""
        self.plugged = True
        """An ethernet device's cable is in."""
        self.up_since = 0
        """When it last came up (ns)."""
        self.noarp = kind in {"dummy", "ipip"}
        """IFF_NOARP, the word ``NOARP``."""
        self.arp = kind not in {"loopback", "dummy", "ipip"}
        """ARP is spoken: neither IFF_NOARP nor a loopback."""
        self.multicast = kind not in {"loopback", "dummy", "ipip"}
        """IFF_MULTICAST."""
        self.promisc = 0
        """How many want all frames (``promiscuity``): captures, and the flag."""
        self.promisc_on = False
        """IFF_PROMISC was set by hand: only then the word ``PROMISC`` is printed."""
        self.allmulticast = False
        self.carrier_seen = kind != "veth"
        """The carrier at the last change: ``NETDEV_CHANGE`` is told when it differs."""
        self.carrier_changes = 1 if kind == "veth" else 0
        """``transns``: a veth registers with carrier and loses it at once."""
        self.lower_state = "DOWN"
        """What a veth without carrier is: LOWERLAYERDOWN if its other end was found at the last change."""
        self.master: Link | None = None
        self.bridge: Bridge | None = Bridge(self) if kind == "bridge" else None
        self.peer: Link | None = None
        """The other end of a veth pair."""
        self.cable: Cable | None = None
        """The fabric's end of an ethernet device."""
        self.addresses: list[Address] = []
        """IPv4, in the kernel's order: primaries by scope, then secondaries (``__inet_insert_ifa``)."""
        self.addresses6: list[Address] = []
        """IPv6: for display only."""
        self.mc = Memberships()
        """The groups of IP that it is in."""
        self.conf: Ipv4Conf = Ipv4Conf(netns.conf_default)
        self.neigh: NeighParms = NeighParms(netns.neigh_default)
        self.conf6: dict[str, int] = dict(netns.conf6_default)
        self.stats = Stats()
        self.owner = owner
        self.port: Port | None = None
        """What the bridge that is its master keeps of it."""
        self.listens: tuple[Mac, ...] = ()
        """Further addresses that it listens to (``bridge fdb add … self``), in ``dev->uc`` and ``dev->mc``; groups of IP are not here."""
        self.port_state_selected = False
        """A bridge has looked for ports (when its address was set, or a port came).

        Without any it has no carrier from then on.
        """
        self.alias = ""
        self.group = "default"
        self.tunnel: TunnelConfig | None = None
        """What a tunnel device was made with."""
        self.tunnel_netns: Netns | None = None
        """Where a tunnel's outer packets and its socket live: the namespace of its creation, wherever it moves."""
        self.vxlan: VxlanFdb | None = None
        """The forwarding database of a VXLAN device."""
        self.xmit: Callable[[Skb, Link], None] | None = None
        """``ndo_start_xmit`` of a tunnel device: ``dev_queue_xmit`` calls it, and it counts by itself."""
        self.tc_ingress: Program | None = None
        """The BPF program at its tc ingress hook."""
        self.tc_egress: Program | None = None
        """The same at egress."""

    @property
    def link_netns(self) -> Netns | None:
        """``get_link_net``, where it is another namespace: of the other end of a veth, or of a tunnel's outer packets."""
        other = self.peer.netns if self.peer is not None else self.tunnel_netns
        return other if other is not self.netns else None

    @property
    def pointopoint(self) -> bool:
        """IFF_POINTOPOINT: whoever is behind it needs no address of his own: an IP-in-IP device with a remote."""
        return self.headerless and self.tunnel is not None and bool(self.tunnel.remote)

    @property
    def carrier_ok(self) -> bool:
        """``netif_carrier_ok``: a veth has carrier while both ends are up.

        A bridge until it finds that it has no port that forwards.
        """
        if self.kind == "veth":
            return self.is_up and self.peer is not None and self.peer.is_up
        if self.bridge is not None:
            return not self.port_state_selected or self.bridge.forwards
        return self.plugged

    @property
    def carrier(self) -> bool:
        """IFF_LOWER_UP: up, and the other side is there."""
        return self.is_up and self.carrier_ok

    @property
    def running(self) -> bool:
        """Up and with carrier: what a route calls neither ``dead`` nor ``linkdown``."""
        return self.carrier

    @property
    def operstate(self) -> str:
        """RFC 2863 state as ``ip link`` prints it; UNKNOWN where the carrier never changed."""
        if not self.is_up:
            return "DOWN"
        if not self.carrier_ok:
            return self.lower_state
        return "UP" if self.kind in {"veth", "ethernet"} or self.port_state_selected else "UNKNOWN"

    def linkwatch(self) -> None:
        """``rfc2863_policy``.

        The state of a device without carrier, from the device that has its other end's index *here*.
        """
        other = self.peer.ifindex if self.peer is not None else self.ifindex
        lower = self.netns.link_by_index(other)
        found = other != self.ifindex and lower is not None and not lower.carrier_ok
        self.lower_state = "LOWERLAYERDOWN" if found else "DOWN"

    def __repr__(self) -> str:
        return f"<Link {self.netns.label}:{self.name}>"
