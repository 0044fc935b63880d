"""The door: the only way to change a kernel from outside.

The commands people type, the agents and the importer of a real node all hold a ``Netlink``; its verbs are those of
``ip``, ``bridge``, ``sysctl`` … What they create remembers the ``writer`` (an ``Owner``), which is how a trace can
say who wrote the route that killed a packet.
"""

from __future__ import annotations

from podwire.linux.rtnl.bpf import BpfVerbs
from podwire.linux.rtnl.conntrack import ConntrackVerbs
from podwire.linux.rtnl.fdb import FdbVerbs
from podwire.linux.rtnl.ipset import IpsetVerbs
from podwire.linux.rtnl.link import Peer
from podwire.linux.rtnl.module import ModuleVerbs
from podwire.linux.rtnl.neigh import NeighVerbs
from podwire.linux.rtnl.netfilter import NetfilterVerbs
from podwire.linux.rtnl.route import RouteVerbs
from podwire.linux.rtnl.routeget import RouteGetVerbs
from podwire.linux.rtnl.sysctl import SysctlVerbs

__all__ = ["Netlink", "Peer"]


class Netlink(
    ModuleVerbs,
    SysctlVerbs,
    RouteVerbs,
    NeighVerbs,
    FdbVerbs,
    BpfVerbs,
    RouteGetVerbs,
    NetfilterVerbs,
    IpsetVerbs,
    ConntrackVerbs,
):
    """All verbs on one namespace. Errors are ``NetlinkError`` with the kernel's errno and extended acknowledgement."""
