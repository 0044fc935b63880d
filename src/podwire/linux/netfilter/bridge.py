"""What br_netfilter remembers of a frame that passes a bridge (``struct nf_bridge_info``), and its switches."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.skb import Skb
    from podwire.wire.addr import Ip, Mac

BRIDGE_KEYS: Final = MappingProxyType(
    {
        "bridge-nf-call-arptables": 1,
        "bridge-nf-call-ip6tables": 1,
        "bridge-nf-call-iptables": 1,
        "bridge-nf-filter-pppoe-tagged": 0,
        "bridge-nf-filter-vlan-tagged": 0,
        "bridge-nf-pass-vlan-input-dev": 0,
    }
)
"""net.bridge.*, there in every namespace while the module is loaded. Nothing here has IPv6, or tables of arptables."""
BRIDGE_NOT_MODELLED: Final = frozenset(
    {"bridge-nf-filter-pppoe-tagged", "bridge-nf-filter-vlan-tagged", "bridge-nf-pass-vlan-input-dev"}
)
CALL_IPTABLES: Final = "bridge-nf-call-iptables"


class NfBridge:
    """By which port the frame came, and by which it goes; and what has been done with it."""

    __slots__ = (
        "bridged_dnat",
        "daddr",
        "in_prerouting",
        "otherhost",
        "physin",
        "physout",
        "sabotage_in_done",
        "src_mac",
    )

    def __init__(self, physin: Link | None = None, physout: Link | None = None) -> None:
        self.physin = physin
        self.physout = physout
        self.in_prerouting = False
        self.otherhost = False
        """The frame was for another MAC address, which iptables shall not notice."""
        self.sabotage_in_done = False
        """It has been spared PREROUTING as a packet for the bridge itself: it came by there as a frame."""
        self.daddr: Ip | None = None
        """The destination as it came: another one means DNAT."""
        self.bridged_dnat = False
        """It waits for the MAC address of its new destination, behind the same bridge."""
        self.src_mac: Mac | None = None
        """Whose address it shall bear then."""

    def copy(self) -> NfBridge:
        """``nf_bridge_unshare``: a copy of the frame leaves by a port of its own."""
        new = NfBridge(self.physin, self.physout)
        new.in_prerouting, new.otherhost, new.sabotage_in_done = (
            self.in_prerouting,
            self.otherhost,
            self.sabotage_in_done,
        )
        new.daddr, new.bridged_dnat, new.src_mac = self.daddr, self.bridged_dnat, self.src_mac
        return new


def ip_sabotage_in(skb: Skb) -> bool:
    """``ip_sabotage_in``: True for a packet that has passed PREROUTING as a frame of a bridge: not a second time."""
    info = skb.nf_bridge
    if info is None or info.sabotage_in_done or info.in_prerouting:
        return False
    info.sabotage_in_done = True
    return True
