"""What a program sees: ``struct __sk_buff``, the bytes of the packet, the maps, and the helpers of the kernel.

A program knows nothing else: no device, no table, no other namespace. ``linux.path.tc`` implements it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from podwire.wire.addr import NO_MAC, Ip, Mac
from podwire.wire.headers import AnyHeader, Arp, Ethernet, IPv4

if TYPE_CHECKING:
    from podwire.linux.bpf.maps import BpfMap, LpmTrie
    from podwire.linux.tunnel import TunnelInfo
    from podwire.trace.reasons import DropReason

FIB_SUCCESS: Final = 0
FIB_BLACKHOLE: Final = 1
FIB_UNREACHABLE: Final = 2
FIB_PROHIBIT: Final = 3
FIB_NOT_FWDED: Final = 4
FIB_FWD_DISABLED: Final = 5
FIB_UNSUPP_LWT: Final = 6
FIB_NO_NEIGH: Final = 7
FIB_FRAG_NEEDED: Final = 8

FIB_TEXTS: Final = (
    "success",
    "blackhole",
    "unreachable",
    "prohibit",
    "not forwarded",
    "forwarding is off on the device it came in by",
    "unsupported encapsulation",
    "no neighbour",
    "fragmentation needed",
)
"""BPF_FIB_LKUP_RET_* in words."""


class FibLookup(msgspec.Struct, frozen=True, gc=False):
    """``struct bpf_fib_lookup`` as it comes back: a code, the device out, the next hop, and its MACs where they are known."""

    code: int
    ifindex: int = 0
    nexthop: Ip | None = None
    dmac: Mac = NO_MAC
    smac: Mac = NO_MAC


class Context(Protocol):
    """``struct __sk_buff *ctx`` and the helpers (include/uapi/linux/bpf.h)."""

    mark: int
    """``skb->mark``; may be written."""
    cb: dict[str, int]
    """``skb->cb``: what programs leave for those that they call; gone when the packet is."""

    @property
    def ifindex(self) -> int:
        """The device at whose hook the program runs."""

    @property
    def ingress_ifindex(self) -> int:
        """``skb->ingress_ifindex``: the device that the packet came in by, 0 for one that was made here."""

    @property
    def observed(self) -> bool:
        """Whether anybody listens to ``trace``; without, its text need not be made."""

    # -- the packet ----------------------------------------------------------------------------------------------

    @property
    def eth(self) -> Ethernet:
        """Its Ethernet header."""

    @property
    def ip(self) -> IPv4 | None:
        """Its IPv4 header, None for everything else."""

    @property
    def arp(self) -> Arp | None:
        """Its ARP message, None for everything else."""

    @property
    def transport(self) -> AnyHeader | None:
        """The header behind IPv4: None in later fragments and where there is none."""

    def store_macs(self, *, dst: Mac | None = None, src: Mac | None = None) -> None:
        """``bpf_skb_store_bytes`` into the Ethernet header."""

    def store_ip(self, header: IPv4) -> None:
        """``bpf_skb_store_bytes`` into the IPv4 header."""

    def store_answer(self, eth: Ethernet, message: Arp) -> None:
        """Write an answer over a request: from here on the packet is another one, born as its reply."""

    def change_type(self, kind: int) -> None:
        """``bpf_skb_change_type``: PACKET_HOST and its like."""

    # -- maps and calls ------------------------------------------------------------------------------------------

    def map(self, name: str) -> BpfMap[Any, Any]:
        """A map by name; an empty one where nobody made it."""

    def lpm(self, name: str) -> LpmTrie[Any]:
        """An LPM trie by name."""

    def tail_call(self, name: str, key: int) -> int | None:
        """``bpf_tail_call``: what the program of that map returns; None where there is none, and the caller goes on."""

    # -- going elsewhere -----------------------------------------------------------------------------------------

    def redirect(self, ifindex: int) -> int:
        """``bpf_redirect(ifindex, 0)``: out by that device, through its egress hook."""

    def redirect_peer(self, ifindex: int) -> int:
        """``bpf_redirect_peer``: in by the other end of that veth, in whatever namespace it is. At ingress hooks only."""

    def redirect_neigh(self, ifindex: int, nexthop: Ip | None = None) -> int:
        """``bpf_redirect_neigh``: out by that device, the kernel resolves the next hop (by its tables where none is given)."""

    def fib_lookup(self, src: Ip, dst: Ip, ifindex: int) -> FibLookup:
        """``bpf_fib_lookup``: as if the packet had come in by ``ifindex`` and were forwarded."""

    def set_tunnel_key(self, key: TunnelInfo, detail: str = "") -> None:
        """``bpf_skb_set_tunnel_key``: for the collect-metadata device that it is redirected to. ``detail`` says by which entry."""

    def get_tunnel_key(self) -> TunnelInfo | None:
        """``bpf_skb_get_tunnel_key``: None (-EINVAL) where it came by no such device."""

    # -- telling -------------------------------------------------------------------------------------------------

    def trace(self, point: str, detail: str = "") -> None:
        """``bpf_perf_event_output``: an observation point was passed."""

    def drop(self, reason: DropReason, detail: str = "") -> int:
        """Say why, and return TC_ACT_SHOT. ``detail`` names the map entry or setting that decided."""

    def not_modelled(self, what: str) -> int:
        """The real program would go on with something that podwire lacks: the packet's fate is unknown. Returns TC_ACT_SHOT."""
