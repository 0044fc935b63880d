"""Ports of a bridge come, go and change state; options of both (net/bridge/br_if.c, br_stp_if.c, br_netlink.c, br_device.c).

Without the spanning tree protocol a port forwards as soon as it and its bridge are up and it has carrier.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL, ELOOP, ENETDOWN, EOPNOTSUPP, ERANGE
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.bridge import Bridge, Port, StpState
from podwire.linux.errors import NetlinkError
from podwire.linux.fdb import FdbEntry
from podwire.linux.rtnl.addr import AddrVerbs
from podwire.linux.rtnl.notify import link_changed
from podwire.wire.addr import NO_MAC, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link

_ETH_DATA_LEN: Final = 1500
_MAX_PORTS: Final = 1 << 10
_MAX_COST: Final = 65535
_MAX_PRIORITY: Final = 63
_MAC_PAUSE: Final = 0x2
_RESTRICTED: Final = 0x7
"""Groups that no mask of a bridge can forward: STP, pause frames, link aggregation."""
_HELLO: Final = (100, 1000)
_MAX_AGE: Final = (600, 4000)


class PortOptions(msgspec.Struct):
    """IFLA_BRPORT_…: None where nothing was said."""

    learning: bool | None = None
    flood: bool | None = None
    mcast_flood: bool | None = None
    bcast_flood: bool | None = None
    hairpin: bool | None = None
    isolated: bool | None = None
    cost: int | None = None
    priority: int | None = None
    state: int | None = None
    group_fwd_mask: int | None = None
    flush: bool = False


class BridgeOptions(msgspec.Struct):
    """IFLA_BR_…, times in USER_HZ."""

    forward_delay: int | None = None
    hello_time: int | None = None
    max_age: int | None = None
    ageing_time: int | None = None
    priority: int | None = None
    group_fwd_mask: int | None = None
    mcast_snooping: int | None = None
    flush: bool = False


def port_cost(link: Link) -> int:
    """``port_cost``: 2 for the 10 Gbit/s that a veth claims, 100 for a device that knows no speed; a tunnel is as fast as its device."""
    if link.tunnel_netns is not None:
        lower = link.tunnel_netns.link_by_index(getattr(link.tunnel, "lower", 0))
        return port_cost(lower) if lower is not None else 100
    return 2 if link.kind == "veth" else 100


class BridgeVerbs(AddrVerbs):
    """What enslaves, releases and sets up ports."""

    def _carrier_changed(self, link: Link) -> None:
        raise NotImplementedError

    def _mac_changed(self, link: Link) -> None:
        raise NotImplementedError

    def _mtu_changed(self, link: Link, mtu: int) -> None:
        raise NotImplementedError

    # -- ports come and go ---------------------------------------------------------------------------------------

    def link_set_master(self, link: Link, master: Link | None) -> None:
        """``ip link set X master BR`` and ``nomaster`` (do_set_master).

        Raises ``NetlinkError``: EINVAL for ``lo``, ELOOP for a bridge in a bridge, EBUSY for a full one, EOPNOTSUPP for a
        master that takes no ports.
        """
        if link.master is not None:
            if link.master is master:
                return
            self._del_port(link)
        if master is None:
            return
        if master.bridge is None:
            raise NetlinkError(EOPNOTSUPP)
        self._add_port(master.bridge, link)

    def _add_port(self, bridge: Bridge, link: Link) -> None:
        """``br_add_if``."""
        if link.is_loopback or not link.mac or link.mac.is_multicast:
            raise NetlinkError(EINVAL)
        if link.bridge is not None:
            raise NetlinkError(ELOOP, "Can not enslave a bridge to a bridge")
        used = {port.number for port in bridge.ports}
        number = next(n for n in range(1, _MAX_PORTS + 1) if n not in used)
        if number == _MAX_PORTS:
            raise NetlinkError(EBUSY)
        port = Port(link, bridge, number, port_cost(link))
        link.port, link.master = port, bridge.link
        # What is not for it comes by too: for the others behind the bridge.
        link.promisc += 1
        bridge.ports.insert(0, port)
        bridge.had_ports = True
        link_changed(link)
        self._fdb_add_local(bridge, port, link.mac)
        changed = self._recalculate_id(bridge)
        if link.carrier and bridge.link.is_up:
            self._enable_port(port)
        if changed:
            self._mac_changed(bridge.link)
        self._adjust_mtu(bridge)
        link.netns.changed()
        from podwire.linux.path.bridge import arm_gc

        if bridge.link.is_up and bridge.gc_timer is None:
            arm_gc(bridge, bridge.gc_left())

    def _del_port(self, link: Link) -> None:
        """``br_del_if``."""
        port = link.port
        if port is None:
            return
        bridge = port.bridge
        self._del_nbp(port)
        self._adjust_mtu(bridge)
        if self._recalculate_id(bridge):
            self._mac_changed(bridge.link)

    def _del_nbp(self, port: Port) -> None:
        """``del_nbp``: the device is on its own again."""
        link, bridge = port.link, port.bridge
        link.promisc -= 1
        self._disable_port(port)
        bridge.ports.remove(port)
        self._fdb_flush_port(port, static_too=True)
        link.port = link.master = None
        link_changed(link)
        link.netns.changed()

    def _release_ports(self, bridge: Bridge) -> None:
        """``br_dev_delete``."""
        for port in list(bridge.ports):
            self._del_nbp(port)
        self._cancel_gc(bridge)

    def _cancel_gc(self, bridge: Bridge) -> None:
        if bridge.gc_timer is not None:
            bridge.gc_timer.cancel()
        bridge.gc_timer, bridge.gc_due = None, 0

    # -- what happens to its devices -----------------------------------------------------------------------------

    def _bridge_opened(self, bridge: Bridge) -> None:
        """``br_dev_open``."""
        from podwire.linux.path.bridge import arm_gc

        if bridge.ports:
            arm_gc(bridge, bridge.link.netns.machine.hz // 10)
        for port in bridge.ports:
            if port.link.carrier:
                self._enable_port(port)

    def _bridge_closed(self, bridge: Bridge) -> None:
        """``br_dev_stop``."""
        for port in bridge.ports:
            if port.state is not StpState.DISABLED:
                self._disable_port(port)
        self._cancel_gc(bridge)

    def _check_port(self, link: Link) -> None:
        """``br_port_carrier_check``, also where a port came up or went down."""
        port = link.port
        if port is None or not port.bridge.link.is_up:
            return
        if not link.carrier:
            if port.state is not StpState.DISABLED:
                self._disable_port(port)
        elif port.state is StpState.DISABLED:
            self._enable_port(port)

    def _port_mac_changed(self, port: Port) -> None:
        """NETDEV_CHANGEADDR of a port: its local entry, and maybe the address of the bridge."""
        bridge = port.bridge
        old = next((e for e in bridge.fdb if e.port is port and e.local and not e.user), None)
        if old is not None:
            self._fdb_delete_local(port, bridge, old)
        self._fdb_add_local(bridge, port, port.link.mac)
        if self._recalculate_id(bridge):
            self._mac_changed(bridge.link)

    # -- states --------------------------------------------------------------------------------------------------

    def _enable_port(self, port: Port) -> None:
        """``br_stp_enable_port``: it would listen first, were there a spanning tree."""
        port.state = StpState.BLOCKING
        port.designated_priority = port.bridge.priority
        self._select_states(port.bridge)

    def _disable_port(self, port: Port) -> None:
        """``br_stp_disable_port``: what was learnt behind it is forgotten."""
        port.state = StpState.DISABLED
        port.designated_priority = port.bridge.priority
        if port.forward_timer is not None:
            port.forward_timer.cancel()
            port.forward_timer = None
        self._fdb_flush_port(port)
        self._select_states(port.bridge)

    def _select_states(self, bridge: Bridge) -> None:
        """``br_port_state_selection``: no port stays blocked, and the carrier follows the ports."""
        for port in bridge.ports:
            if port.state is StpState.BLOCKING:
                port.state = StpState.FORWARDING
                if bridge.forward_delay:
                    self._arm_forward_timer(port)
        bridge.link.port_state_selected = True
        self._carrier_changed(bridge.link)

    def _arm_forward_timer(self, port: Port) -> None:
        """``br_forward_delay_timer_expired``: a port that was made to listen, or learn, by hand goes on."""
        machine = port.link.netns.machine
        delay = port.bridge.jiffies_of(port.bridge.forward_delay)

        def expired() -> None:
            port.forward_timer = None
            if port.state is StpState.LISTENING:
                port.state = StpState.LEARNING
                self._arm_forward_timer(port)
            elif port.state is StpState.LEARNING:
                port.state = StpState.FORWARDING
                self._carrier_changed(port.bridge.link)

        if port.forward_timer is not None:
            port.forward_timer.cancel()
        port.forward_due = machine.jiffies + delay
        port.forward_timer = machine.add_timer(delay, expired)

    # -- address and MTU of the bridge ---------------------------------------------------------------------------

    def _recalculate_id(self, bridge: Bridge) -> bool:
        """``br_stp_recalculate_bridge_id``: the lowest address of its ports, unless it was given one."""
        if bridge.mac_set:
            return False
        mac = min((port.link.mac for port in bridge.ports), default=NO_MAC)
        if mac == bridge.mac:
            return False
        self._change_id(bridge, mac)
        return True

    def _change_id(self, bridge: Bridge, mac: Mac) -> None:
        """``br_stp_change_bridge_id``."""
        old = bridge.fdb.find(bridge.link.mac)
        if old is not None and old.local and old.port is None and not old.user:
            self._fdb_delete_local(None, bridge, old)
        self._fdb_add_local(bridge, None, mac)
        bridge.mac = bridge.link.mac = mac
        self._select_states(bridge)

    def _adjust_mtu(self, bridge: Bridge) -> None:
        """``br_mtu_auto_adjust``: the smallest MTU of its ports, unless it was given one."""
        if not bridge.mtu_set:
            self._mtu_changed(bridge.link, min((port.link.mtu for port in bridge.ports), default=_ETH_DATA_LEN))

    # -- own addresses in the forwarding database ----------------------------------------------------------------

    def _fdb_add_local(self, bridge: Bridge, port: Port | None, mac: Mac) -> None:
        """``fdb_add_local``: the first of several ports with one address has the entry."""
        if not mac or mac.is_multicast:
            return
        known = bridge.fdb.find(mac)
        if known is not None:
            if known.local:
                return
            bridge.fdb.remove(known)
        entry = FdbEntry(mac, port, bridge.link.netns.machine.jiffies)
        entry.local = entry.static = True
        bridge.fdb.add(entry)

    def _fdb_delete_local(self, port: Port | None, bridge: Bridge, entry: FdbEntry) -> None:
        """``fdb_delete_local``: another port, or the bridge, may have the same address."""
        heir = next((p for p in bridge.ports if p is not port and p.link.mac == entry.mac), None)
        if heir is not None or (port is not None and bridge.link.mac == entry.mac):
            entry.port, entry.user = heir, False
            return
        bridge.fdb.remove(entry)

    def _fdb_flush_port(self, port: Port, *, static_too: bool = False) -> None:
        """``br_fdb_delete_by_port``."""
        bridge = port.bridge
        for entry in bridge.fdb:
            if entry.port is not port or (not static_too and (entry.static or entry.extern)):
                continue
            if entry.local:
                self._fdb_delete_local(port, bridge, entry)
            else:
                bridge.fdb.remove(entry)

    # -- options -------------------------------------------------------------------------------------------------

    def bridge_port_set(self, link: Link, options: PortOptions) -> None:
        """``bridge link set``, ``ip link set … type bridge_slave …`` (br_setport): in the kernel's order, up to the first refusal.

        Raises ``NetlinkError``: EINVAL for a device that is no port, ERANGE, ENETDOWN for the state of a port that is down.
        """
        port = link.port
        if port is None:
            raise NetlinkError(EINVAL)
        for key in ("hairpin", "learning", "flood", "mcast_flood", "bcast_flood", "isolated"):
            value = getattr(options, key)
            if value is not None:
                setattr(port, key, value)
        if options.cost is not None:
            if not 1 <= options.cost <= _MAX_COST:
                raise NetlinkError(ERANGE)
            port.cost, port.admin_cost = options.cost, True
        if options.priority is not None:
            if options.priority > _MAX_PRIORITY:
                raise NetlinkError(ERANGE)
            port.priority = options.priority
        if options.state is not None:
            self._set_port_state(port, options.state)
        if options.flush:
            self._fdb_flush_port(port)
        if options.group_fwd_mask is not None:
            if options.group_fwd_mask & _MAC_PAUSE:
                raise NetlinkError(EINVAL)
            port.group_fwd_mask = options.group_fwd_mask

    def _set_port_state(self, port: Port, state: int) -> None:
        if state > StpState.BLOCKING:
            raise NetlinkError(EINVAL)
        if not port.link.is_up or (not port.link.carrier and state != StpState.DISABLED):
            raise NetlinkError(ENETDOWN)
        port.state = StpState(state)
        self._select_states(port.bridge)

    def bridge_set(self, link: Link, options: BridgeOptions) -> None:
        """``ip link … type bridge …`` (br_changelink): in the kernel's order, up to the first refusal.

        Raises ``NetlinkError``: ERANGE for times that 802.1D forbids, EINVAL for a mask that it restricts.
        """
        bridge = link.bridge
        if bridge is None:
            raise NetlinkError(EOPNOTSUPP)
        if options.forward_delay is not None:
            bridge.forward_delay = options.forward_delay
        if options.hello_time is not None:
            bridge.hello_time = _within(options.hello_time, _HELLO)
        if options.max_age is not None:
            bridge.max_age = _within(options.max_age, _MAX_AGE)
        if options.ageing_time is not None:
            from podwire.linux.path.bridge import br_fdb_cleanup

            bridge.ageing_time = options.ageing_time
            br_fdb_cleanup(bridge)
        if options.priority is not None:
            bridge.priority = options.priority
            for port in bridge.ports:
                if port.state is not StpState.DISABLED:
                    port.designated_priority = bridge.priority
            self._select_states(bridge)
        if options.group_fwd_mask is not None:
            if options.group_fwd_mask & _RESTRICTED:
                raise NetlinkError(EINVAL)
            bridge.group_fwd_mask = options.group_fwd_mask
        if options.flush:
            for entry in bridge.fdb:
                if not entry.static:
                    bridge.fdb.remove(entry)
        if options.mcast_snooping is not None:
            bridge.mcast_snooping = options.mcast_snooping


def _within(value: int, bounds: tuple[int, int]) -> int:
    if not bounds[0] <= value <= bounds[1]:
        raise NetlinkError(ERANGE)
    return value
