"""A tracked connection: ``struct nf_conn``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from podwire.trace.events import Flow

if TYPE_CHECKING:
    from podwire.linux.netfilter.walk import Walk
    from podwire.linux.netns import Netns
    from podwire.linux.path.passage import Passage
    from podwire.trace.events import ByRule, Conntrack

IP_CT_ESTABLISHED: Final = 0
IP_CT_RELATED: Final = 1
IP_CT_NEW: Final = 2
IP_CT_ESTABLISHED_REPLY: Final = 3
IP_CT_RELATED_REPLY: Final = 4
IP_CT_UNTRACKED: Final = 7
"""``skb.ctinfo``; a packet without ``skb.ct`` and with another value is INVALID for ``ctstate``."""
IP_CT_IS_REPLY: Final = 3
"""From this value on the packet goes the way of the replies (``CTINFO2DIR``)."""

IP_CT_DIR_ORIGINAL: Final = 0
IP_CT_DIR_REPLY: Final = 1

IPS_EXPECTED: Final = 1 << 0
IPS_SEEN_REPLY: Final = 1 << 1
IPS_ASSURED: Final = 1 << 2
IPS_CONFIRMED: Final = 1 << 3
IPS_SRC_NAT: Final = 1 << 4
IPS_DST_NAT: Final = 1 << 5
IPS_SEQ_ADJUST: Final = 1 << 6
IPS_SRC_NAT_DONE: Final = 1 << 7
IPS_DST_NAT_DONE: Final = 1 << 8
IPS_DYING: Final = 1 << 9
IPS_FIXED_TIMEOUT: Final = 1 << 10
IPS_TEMPLATE: Final = 1 << 11
IPS_NAT_CLASH: Final = 1 << 12
IPS_HELPER: Final = 1 << 13
IPS_OFFLOAD: Final = 1 << 14
IPS_HW_OFFLOAD: Final = 1 << 15
IPS_NAT_MASK: Final = IPS_SRC_NAT | IPS_DST_NAT
IPS_NAT_DONE_MASK: Final = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE

ZONE_DIR_ORIG: Final = 1 << IP_CT_DIR_ORIGINAL
ZONE_DIR_REPL: Final = 1 << IP_CT_DIR_REPLY
ZONE_DIR_BOTH: Final = ZONE_DIR_ORIG | ZONE_DIR_REPL


_NO_PASSAGES: Final[tuple[None, ...]] = (None,) * 8


class Connection:
    """One connection. ``orig`` is how it began, ``reply`` how its answers come (NAT changes that one).

    The two are tuples as the kernel has them (``nf_conntrack_tuple``): of ICMP the id is ``sport``, in both directions, and
    ``dport`` is ``type << 8 | code``; where there are no ports, both are 0. ``timeout`` is the virtual time (ns) at which it ends,
    before it is confirmed the span. ``packets`` and ``octets`` count original and reply direction where ``acct`` is set
    (nf_conntrack_acct when it began). ``proto`` is what the protocol's tracker keeps (TCP's windows and state). ``net`` is the
    namespace (``nf_ct_net``). ``zone`` counts in the directions of ``zone_dir``, in others it is 0.
    """

    __slots__ = (
        "acct",
        "dnat_by",
        "ecache",
        "id",
        "labels",
        "mark",
        "masq_index",
        "master",
        "net",
        "octets",
        "orig",
        "packets",
        "passages",
        "proto",
        "reply",
        "snat_by",
        "start",
        "status",
        "stop",
        "timeout",
        "told",
        "walks",
        "zone",
        "zone_dir",
        "zone_mark",
    )

    def __init__(
        self,
        number: int,
        orig: Flow,
        reply: Flow,
        zone: int = 0,
        zone_dir: int = ZONE_DIR_BOTH,
        net: Netns | None = None,
    ) -> None:
        self.id = number
        self.orig = orig
        self.reply = reply
        self.zone = zone
        self.zone_dir = zone_dir
        self.zone_mark = False
        """Of a template: the zone is the packet's mark."""
        self.net = net
        self.status = 0
        self.mark = 0
        self.labels = 0
        """128 bits (connlabel)."""
        self.timeout = 0
        self.acct = False
        self.packets = [0, 0]
        self.octets = [0, 0]
        self.start = 0
        """When it was confirmed and when it ended, in ns since 1970, where nf_conntrack_timestamp was on when it began; else 0."""
        self.stop = 0
        self.ecache: int | None = None
        """What listeners have still to be told of (``IPCT_*`` bits); None where nobody listened when it began."""
        self.proto: Any = None
        self.master: Connection | None = None
        """The connection that an expected one belongs to; no helper makes any here."""
        self.masq_index = 0
        """The device by which MASQUERADE sent it: when its address goes, so does the connection."""
        self.dnat_by: ByRule | None = None
        """The rule that asked for another destination."""
        self.walks: list[Walk | None] = [None] * 40
        """What its packets meet behind connection tracking, by hook and ``ctinfo`` (``walk``)."""
        self.passages: tuple[Passage | None, ...] = _NO_PASSAGES
        """How its packets are forwarded, by ``ctinfo`` (``path.passage``)."""
        self.told: list[Conntrack | None] = [None] * 8
        """What events say of it, by ``skb.ctinfo``; forgotten with the reply tuple that they name."""
        self.snat_by: ByRule | None = None
        """The rule that asked for another source."""

    @property
    def is_confirmed(self) -> bool:
        """``nf_ct_is_confirmed``: it stands in the table."""
        return bool(self.status & IPS_CONFIRMED)

    @property
    def is_template(self) -> bool:
        """``nf_ct_is_template``: it only says how the packet's connection shall begin."""
        return bool(self.status & IPS_TEMPLATE)

    def zone_id(self, direction: int) -> int:
        """``nf_ct_zone_id``."""
        return self.zone if self.zone_dir >> direction & 1 else 0

    def tuple(self, direction: int) -> Flow:
        """``nf_ct_tuple``."""
        return self.reply if direction else self.orig
