"""What a namespace keeps of address translation: ``struct nat_net`` and ``nf_nat_bysource``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.conntrack.entry import IP_CT_DIR_ORIGINAL, IPS_CONFIRMED, IPS_DYING

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netfilter.hooks import HookFn
    from podwire.linux.netfilter.walk import WalkFn
    from podwire.linux.netns import Netns
    from podwire.trace.events import ByRule
    from podwire.wire.addr import Ip

Source = tuple[int, "Ip", int, int]
"""Protocol, address, port and zone."""


class NfNat:
    """The nat tables that are at the hooks, and which source was given what.

    The tables are not at the netfilter hooks themselves: as soon as there is one, NAT's own functions are there (at -100 and 100),
    at all four hooks, and ask the tables about new connections.
    """

    __slots__ = ("_functions", "_netns", "_registered", "asking", "bysource", "tables", "users")

    def __init__(self, netns: Netns) -> None:
        self._netns = netns
        self._registered: dict[int, list[tuple[int, HookFn]]] = {}
        self._functions: dict[int, HookFn] = {}
        self.tables: list[tuple[HookFn, ...]] = [(), (), (), (), ()]
        """By hook the functions of the tables, in order."""
        self.users = 0
        """How many functions of tables there are."""
        self.bysource: dict[Source, list[Connection]] = {}
        """Connections by their original source, the newest first."""
        self.asking: ByRule | None = None
        """The rule whose target runs."""

    # -- hooks ---------------------------------------------------------------------------------------------------

    def register(self, hook: int, priority: int, fn: HookFn, _again: WalkFn | None = None) -> None:
        """``nf_nat_register_fn``: of equal priorities that which came last runs first, as at every hook."""
        if not self.users:
            self._attach()
        entries = self._registered.setdefault(hook, [])
        place = next((n for n, (other, _) in enumerate(entries) if other >= priority), len(entries))
        entries.insert(place, (priority, fn))
        self.users += 1
        self._publish(hook)

    def unregister(self, hook: int, fn: HookFn) -> None:
        """``nf_nat_unregister_fn``: with the last one NAT's own functions go."""
        entries = self._registered[hook]
        entries[:] = [entry for entry in entries if entry[1] is not fn]
        self.users -= 1
        self._publish(hook)
        if not self.users:
            for at, own in self._functions.items():
                self._netns.nf.unregister(at, own)
            self._functions = {}

    def replace(self, hook: int, old: HookFn, new: HookFn, _again: WalkFn | None = None) -> None:
        """The same table with other content."""
        entries = self._registered[hook]
        entries[:] = [(priority, new if fn is old else fn) for priority, fn in entries]
        self._publish(hook)

    def _publish(self, hook: int) -> None:
        self.tables[hook] = tuple(fn for _, fn in self._registered[hook])

    def _attach(self) -> None:
        from podwire.linux.netfilter.nat.hooks import nf_nat_ipv4_ops

        for hook, priority, fn, again in nf_nat_ipv4_ops():
            self._functions[hook] = fn
            self._netns.nf.register(hook, priority, fn, again)

    # -- sources -------------------------------------------------------------------------------------------------

    def remember(self, ct: Connection) -> None:
        """Its source is settled: later connections of that source may want the same."""
        flow = ct.orig
        key = (flow.proto, flow.src, flow.sport, ct.zone_id(IP_CT_DIR_ORIGINAL))
        known = self.bysource.get(key)
        if known is None:
            self.bysource[key] = [ct]
            return
        known[:] = [ct, *(other for other in known if other.status & (IPS_CONFIRMED | IPS_DYING) == IPS_CONFIRMED)]

    def forget(self, ct: Connection) -> None:
        """``nf_nat_cleanup_conntrack``: the connection goes."""
        flow = ct.orig
        key = (flow.proto, flow.src, flow.sport, ct.zone_id(IP_CT_DIR_ORIGINAL))
        known = self.bysource.get(key)
        if known is not None:
            known[:] = [other for other in known if other is not ct]
            if not known:
                del self.bysource[key]

    def random_u16(self) -> int:
        """``get_random_u16``, from the seed."""
        return self._netns.machine.random("nat", self._netns.label).getrandbits(16)
