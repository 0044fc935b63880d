"""Neighbour entries set by hand: ``ip neigh`` and ``arp`` (net/core/neighbour.c, neigh_add and neigh_delete)."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENOBUFS, ENOENT
from typing import TYPE_CHECKING

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.neigh import VALID, Neighbour, Nud
from podwire.linux.rtnl.door import Door
from podwire.wire.addr import ANY4, Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link


class NeighVerbs(Door):
    """RTM_NEWNEIGH and RTM_DELNEIGH."""

    def neigh_add(
        self,
        ip: Ip,
        link: Link,
        mac: Mac | None,
        state: Nud = Nud.PERMANENT,
        *,
        create: bool = True,
        exclusive: bool = True,
    ) -> Neighbour:
        """``ip neigh add`` (create, exclusive), ``replace`` (create), ``change`` (neither).

        On ``lo`` every new entry is the one of 0.0.0.0 (arp_constructor's key), and only by that name it is found. Raises
        ``NetlinkError``: EEXIST, ENOENT, EINVAL for a valid state without an address; ``NotModelled`` on an IP-in-IP device.
        """
        from podwire.linux.path import neighbour as path

        if link.headerless:
            raise NotModelled(f"an entry of one's own on {link.name}, which has no MAC address", "ip neigh")
        table = self.netns.neighbours
        entry = table.get(ip, link)
        if entry is None:
            if not create:
                raise NetlinkError(ENOENT)
            made = path.neigh_of(link, ANY4 if link.is_loopback else ip)
            if made is None:
                raise NetlinkError(ENOBUFS)
            entry = made
        elif exclusive:
            raise NetlinkError(EEXIST)
        if mac is None and state in VALID and entry.state not in VALID:
            # A new entry stays, in state NONE.
            raise NetlinkError(EINVAL, "No link layer address given")
        entry.owner = self.writer
        path.neigh_update(entry, mac, state, "admin", override=True, admin=True)
        self.netns.machine.run_softirq()
        return entry

    def neigh_del(self, ip: Ip, link: Link) -> None:
        """``ip neigh del``: the entry becomes FAILED and goes; ENOENT if there is none."""
        table = self.netns.neighbours
        entry = table.get(ip, link)
        if entry is None:
            raise NetlinkError(ENOENT)
        from podwire.linux.path import neighbour as path

        path.neigh_update(entry, None, Nud.FAILED, "admin", override=True, admin=True)
        table.remove(entry)
        self.netns.machine.run_softirq()

    def proxy_add(self, ip: Ip, link: Link | None) -> None:
        """``ip neigh add proxy IP dev X``: answer for an address as if proxy_arp were on."""
        self.netns.neighbours.proxies[(ip, link)] = self.writer

    def proxy_del(self, ip: Ip, link: Link | None) -> None:
        """``ip neigh del proxy``; ENOENT if there is none."""
        if self.netns.neighbours.proxies.pop((ip, link), None) is None:
            raise NetlinkError(ENOENT)
