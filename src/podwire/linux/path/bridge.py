"""A bridge decides where a frame goes (net/bridge/br_input.c, br_forward.c, br_device.c, br_fdb.c).

A frame that goes to one place stays the packet that it is. One that goes to several ends in ``Flooded``, and each copy is a packet
of its own. The order is the kernel's: ports from the newest to the oldest, the bridge itself last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.bridge import LEARNS, Bridge, Port, StpState
from podwire.linux.fdb import FdbEntry
from podwire.linux.netfilter.bridge import CALL_IPTABLES
from podwire.linux.skb import Skb
from podwire.trace.events import PACKET_HOST, ByLink, ByNotModelled, Created, Dropped, Flooded
from podwire.trace.reasons import DropReason
from podwire.wire.addr import BROADCAST, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link

_GROUP: Final = 0x0180C2000000
"""01:80:c2:00:00:0x: what 802.1D does not forward."""
_PAUSE: Final = 1 << 1
_VLAN_HLEN: Final = 4
_STORM: Final = 16
"""After so many bridges a frame goes in a circle. A kernel without spanning tree lets it go round for ever."""
_UNICAST: Final = "flood"
_MULTICAST: Final = "mcast_flood"
_BROADCAST: Final = "bcast_flood"
"""What a frame is, called after the switch of a port that floods such."""


# -- ageing -------------------------------------------------------------------------------------------------------


def arm_gc(bridge: Bridge, delay: int) -> None:
    """``mod_delayed_work(gc_work)``: look for old entries ``delay`` jiffies ahead."""
    machine = bridge.link.netns.machine
    if bridge.gc_timer is not None:
        bridge.gc_timer.cancel()
    bridge.gc_due = machine.jiffies + delay
    bridge.gc_timer = machine.add_timer(delay, lambda: br_fdb_cleanup(bridge))


def br_fdb_cleanup(bridge: Bridge) -> None:
    """``br_fdb_cleanup``: entries go that nothing came from for the ageing time; it comes again when the next one is due."""
    machine = bridge.link.netns.machine
    now, hold = machine.jiffies, bridge.hold_time
    delay, ages = hold, False
    for entry in bridge.fdb:
        if entry.static or entry.extern:
            continue
        left = entry.updated + hold - now
        if left > 0:
            delay, ages = min(delay, left), True
        else:
            bridge.fdb.remove(entry)
    if bridge.gc_timer is not None:
        bridge.gc_timer.cancel()
        bridge.gc_timer = None
    # The kernel comes every 10 ms where nothing may be kept; there nothing is learnt, either.
    if (ages or hold) and bridge.link.is_up and bridge.ports:
        arm_gc(bridge, max(delay, -(-machine.hz // 100)))


def br_fdb_update(bridge: Bridge, port: Port, mac: Mac, *, user: bool = False) -> None:
    """``br_fdb_update``: ``mac`` is behind ``port``. An entry moves there, even a static one, unless it is local or sticky."""
    if not bridge.ageing_time:
        return
    now = bridge.link.netns.machine.jiffies
    entry = bridge.fdb.find(mac)
    if entry is None:
        entry = FdbEntry(mac, port, now)
        entry.user = user
        bridge.fdb.add(entry)
        return
    if entry.local:
        return
    entry.updated = now
    if not entry.sticky:
        entry.port = port
    entry.user = entry.user or user


# -- in -----------------------------------------------------------------------------------------------------------


def _drop(skb: Skb, dev: Link, where: str, reason: DropReason, what: str, value: str = "") -> None:
    netns = dev.netns
    if netns.machine.log.on:
        netns.emit(skb.id, Dropped(where, reason, ByLink(dev.name, what, value, dev.owner), dev.name))


def br_handle_frame(skb: Skb, port: Port) -> bool:
    """``br_handle_frame``, the rx_handler of a port: True where the bridge took the frame, else it is for the device itself."""
    eth = skb.eth
    assert eth is not None  # noqa: S101 - what is no Ethernet cannot be a port
    bridge, dest = port.bridge, eth.dst
    if not eth.src or eth.src.is_multicast:
        _drop(skb, port.link, "br_handle_frame", DropReason.MAC_INVALID_SOURCE, "source address", str(eth.src))
        return True
    if dest & ~0xF == _GROUP:
        group = 1 << (dest & 0xF)
        if group == _PAUSE:
            _drop(skb, port.link, "br_handle_frame", DropReason.MAC_IEEE_MAC_CONTROL, "pause frame", str(dest))
            return True
        # Bit 0: without STP its frames are forwarded, so that other bridges find loops.
        if not group & (1 | bridge.group_fwd_mask | port.group_fwd_mask):
            if port.learning and port.state in LEARNS:
                br_fdb_update(bridge, port, eth.src)
            return False
    if port.state not in LEARNS:
        _drop(
            skb,
            port.link,
            "br_handle_frame",
            DropReason.BRIDGE_INGRESS_STP_STATE,
            "port state",
            port.state.name.lower(),
        )
        return True
    skb.bridged += 1
    if skb.bridged > _STORM:
        netns = port.link.netns
        if netns.machine.log.on:
            by = ByNotModelled("a frame that circles between bridges")
            netns.emit(skb.id, Dropped("br_handle_frame", DropReason.NOT_MODELLED, by, port.link.name))
        return True
    if dest == bridge.link.mac:
        skb.pkt_type = PACKET_HOST
    if port.link.netns.settings.get(CALL_IPTABLES):
        from podwire.linux.path.brnetfilter import br_nf_pre_routing

        if not br_nf_pre_routing(skb, port):
            return True
    br_handle_frame_finish(skb, port)
    return True


def br_handle_frame_finish(skb: Skb, port: Port) -> None:
    """``br_handle_frame_finish``: learn the source, find the destination."""
    eth = skb.eth
    assert eth is not None  # noqa: S101 - asked by the caller
    bridge, dest = port.bridge, eth.dst
    if port.learning:
        br_fdb_update(bridge, port, eth.src)
    if port.state is StpState.LEARNING:
        _drop(skb, port.link, "br_handle_frame_finish", DropReason.BRIDGE_INGRESS_STP_STATE, "port state", "learning")
        return
    # Somebody listens on the bridge to everything.
    local = bridge.link.promisc > 0
    if dest.is_multicast:
        multicast = dest != BROADCAST
        if multicast:
            bridge.link.stats.multicast += 1
        _deliver(skb, bridge, _flooded(skb, bridge, _MULTICAST if multicast else _BROADCAST, port), local=True)
        return
    entry = bridge.fdb.find(dest)
    if entry is None:
        _deliver(skb, bridge, _flooded(skb, bridge, _UNICAST, port), local=local)
    elif entry.local:
        br_pass_frame_up(skb, bridge)
    else:
        entry.used = bridge.link.netns.machine.jiffies
        _deliver(skb, bridge, br_forward(entry, port), local=local)


def br_pass_frame_up(skb: Skb, bridge: Bridge, *, promisc: bool = False) -> None:
    """``br_pass_frame_up``: the bridge itself receives the frame, for whom the port took it to be.

    ``promisc``: because somebody listens to everything there.
    """
    from podwire.linux.path.receive import netif_receive_skb_core

    if skb.nf_bridge is not None:
        from podwire.linux.path.brnetfilter import br_nf_local_in

        if not br_nf_local_in(skb, promisc=promisc):
            return
    link = bridge.link
    # Counted as seen from above, without the MAC header.
    link.stats.rx_packets += 1
    link.stats.rx_bytes += skb.len
    skb.dev = link
    netif_receive_skb_core(skb, link)


# -- out ----------------------------------------------------------------------------------------------------------


def should_deliver(target: Port, source: Port | None) -> bool:
    """``should_deliver``: not back where it came from (hairpin), not between isolated ports, not by a port that is blocked."""
    return (
        (target.hairpin or target is not source)
        and target.state is StpState.FORWARDING
        and not (source is not None and source.isolated and target.isolated)
    )


def br_forward(entry: FdbEntry, source: Port | None) -> list[Port]:
    """``br_forward``: the port of an entry, if the frame may leave there."""
    return [entry.port] if entry.port is not None and should_deliver(entry.port, source) else []


def _flooded(skb: Skb, bridge: Bridge, kind: str, source: Port | None) -> list[Port]:
    """``br_flood``: by which ports; of what the bridge itself sends, groups and broadcasts leave by all."""
    own = source is None and kind != _UNICAST
    return [port for port in bridge.ports if (own or getattr(port, kind)) and should_deliver(port, source)]


def br_dev_xmit(skb: Skb, link: Link) -> None:
    """``br_dev_xmit``: the bridge itself sends."""
    bridge, eth = link.bridge, skb.eth
    assert bridge is not None  # noqa: S101 - the caller asked for its kind
    assert eth is not None  # noqa: S101 - the header was built above
    if skb.nf_bridge is not None:
        from podwire.linux.path.brnetfilter import br_nf_dev_xmit

        if br_nf_dev_xmit(skb, link):
            return
    dest = eth.dst
    if dest.is_multicast:
        ports = _flooded(skb, bridge, _BROADCAST if dest == BROADCAST else _MULTICAST, None)
    elif (entry := bridge.fdb.find(dest)) is not None:
        ports = br_forward(entry, None)
    else:
        ports = _flooded(skb, bridge, _UNICAST, None)
    _deliver(skb, bridge, ports, local=False, own=True)


def _deliver(skb: Skb, bridge: Bridge, ports: list[Port], *, local: bool, own: bool = False) -> None:
    """``deliver_clone`` for all but one, which gets the frame itself. ``own``: the bridge sends it, it is not forwarded."""
    count = len(ports) + local
    link = bridge.link
    if not count:
        what = "no port for it" if bridge.ports else "no bridge port"
        _drop(skb, link, "br_flood", DropReason.NO_TX_TARGET, what, str(skb.eth.dst) if skb.eth is not None else "")
        return
    copies = [skb]
    if count > 1:
        copies = _copies(skb, link, count)
    for port, copy in zip(ports, copies, strict=False):
        if own or copy.nf_bridge is None:
            br_dev_queue_push_xmit(copy, port)
        else:
            from podwire.linux.path.brnetfilter import br_nf_forward

            br_nf_forward(copy, bridge, port, br_dev_queue_push_xmit)
    if local:
        br_pass_frame_up(copies[-1], bridge, promisc=link.promisc > 0)


def _copies(skb: Skb, link: Link, count: int) -> list[Skb]:
    netns = link.netns
    ids = tuple(netns.machine.world.new_packet_id() for _ in range(count))
    log_on = netns.machine.log.on
    if log_on:
        netns.emit(skb.id, Flooded(ids))
    copies = []
    for number in ids:
        copy = Skb(skb.packet, number, skb.dev, skb.eth)
        copy.nf_copy(skb)
        copy.frags = skb.frags
        if skb.nf_bridge is not None:
            copy.nf_bridge = skb.nf_bridge.copy()
        copy.mark, copy.pkt_type, copy.confirm, copy.local_out = skb.mark, skb.pkt_type, skb.confirm, skb.local_out
        copy.hash = skb.hash
        copy.bridged, copy.dst = skb.bridged, skb.dst
        if log_on:
            netns.emit(number, Created(skb.id, "copy", copy.packet))
        copies.append(copy)
    return copies


def br_dev_queue_push_xmit(skb: Skb, port: Port) -> None:
    """``br_dev_queue_push_xmit``: what is longer than the port's MTU and a VLAN tag is dropped here, and nobody counts it."""
    from podwire.linux.path.output import dev_queue_xmit

    link = port.link
    if skb.len > link.mtu + _VLAN_HLEN:  # is_skb_forwardable
        _drop(skb, link, "br_dev_queue_push_xmit", DropReason.PKT_TOO_BIG, "port mtu", str(link.mtu))
        return
    dev_queue_xmit(link, skb)
