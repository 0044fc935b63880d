"""What every verb shares: the namespace it works on and who is asking."""

from __future__ import annotations

from errno import ENODEV
from typing import TYPE_CHECKING

from podwire.linux.errors import NetlinkError
from podwire.linux.rtnl.notify import RouteMessage, tell
from podwire.trace.events import KERNEL, Owner

if TYPE_CHECKING:
    from podwire.linux.fib import Route
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns


class Door:
    """A netlink socket in a namespace, held by ``writer``: all that is created through it bears that name."""

    def __init__(self, netns: Netns, writer: Owner = KERNEL) -> None:
        self.netns = netns
        self.writer = writer

    def _tell_route(self, route: Route, *, deleted: bool = False) -> None:
        """``rtmsg_fib``."""
        if self.netns.machine.listeners:
            tell(RouteMessage(route, netns=self.netns, deleted=deleted))

    def dev(self, name: str) -> Link:
        """The device of that name; raises ``NetlinkError`` ENODEV ("No such device")."""
        link = self.netns.link(name)
        if link is None:
            raise NetlinkError(ENODEV)
        return link
