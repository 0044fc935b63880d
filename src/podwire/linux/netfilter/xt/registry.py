"""Which class stands behind ``-m NAME`` and ``-j NAME``. Modules are loaded when a rule first names them.

One line for each name: the module below ``podwire.linux.netfilter`` and the class. A second name of an extension (``-m state``,
``-j NOTRACK``) is a class of its own, because iptables-save prints it under that name again.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from podwire.errors import NotModelled
from podwire.linux.netfilter.xt.options import OptionError

if TYPE_CHECKING:
    from podwire.linux.netfilter.xt.base import Match, Target

MATCHES: Final = MappingProxyType(
    {
        "addrtype": "xt.addrtype:Addrtype",
        "comment": "xt.comment:Comment",
        "connbytes": "xt.connbytes:Connbytes",
        "connlimit": "xt.connlimit:Connlimit",
        "connmark": "xt.mark:Connmark",
        "conntrack": "xt.conntrack:Conntrack",
        "dscp": "xt.header:Dscp",
        "ecn": "xt.header:Ecn",
        "hashlimit": "xt.hashlimit:Hashlimit",
        "icmp": "xt.icmp:Icmp",
        "iprange": "xt.iprange:Iprange",
        "length": "xt.header:Length",
        "limit": "xt.limit:Limit",
        "mac": "xt.header:MacSource",
        "mark": "xt.mark:Mark",
        "multiport": "xt.multiport:Multiport",
        "owner": "xt.owner:Owner",
        "physdev": "xt.physdev:Physdev",
        "pkttype": "xt.header:Pkttype",
        "recent": "xt.recent:Recent",
        "rpfilter": "xt.rpfilter:Rpfilter",
        "sctp": "xt.sctp:Sctp",
        "set": "xt.set:SetMatch",
        "socket": "xt.socket:SocketMatch",
        "state": "xt.conntrack:State",
        "statistic": "xt.statistic:Statistic",
        "tcp": "xt.tcp:Tcp",
        "tos": "xt.header:Tos",
        "ttl": "xt.header:Ttl",
        "udp": "xt.udp:Udp",
    }
)
"""In alphabetical order."""

TARGETS: Final = MappingProxyType(
    {
        "CHECKSUM": "xt.checksum_target:ChecksumTarget",
        "CLASSIFY": "xt.classify:Classify",
        "CONNMARK": "xt.connmark_target:ConnmarkTarget",
        "CT": "xt.ct_target:CtTarget",
        "DNAT": "xt.nat:Dnat",
        "DSCP": "xt.tos_target:DscpTarget",
        "ECN": "xt.ecn_target:EcnTarget",
        "LOG": "xt.log:Log",
        "MARK": "xt.mark_target:MarkTarget",
        "MASQUERADE": "xt.nat:Masquerade",
        "NETMAP": "xt.nat:Netmap",
        "NFLOG": "xt.log:Nflog",
        "NFQUEUE": "xt.nfqueue:Nfqueue",
        "NOTRACK": "xt.ct_target:NotrackTarget",
        "REDIRECT": "xt.nat:Redirect",
        "REJECT": "xt.reject:Reject",
        "SET": "xt.set_target:SetTarget",
        "SNAT": "xt.nat:Snat",
        "TCPMSS": "xt.tcpmss_target:TcpmssTarget",
        "TOS": "xt.tos_target:TosTarget",
        "TPROXY": "xt.tproxy:Tproxy",
        "TRACE": "xt.trace_target:TraceTarget",
        "TTL": "xt.ttl_target:TtlTarget",
    }
)
"""In alphabetical order. ACCEPT, DROP, RETURN and the names of chains are no extensions."""

_REAL_MATCHES: Final = frozenset(
    "addrtype ah bpf cgroup cluster connbytes connlabel connlimit connmark conntrack cpu dccp devgroup dscp ecn esp "
    "hashlimit helper icmp ipcomp iprange ipvs length limit mac mark multiport nfacct osf owner physdev pkttype policy "
    "quota rateest realm recent rpfilter sctp set socket state statistic string tcpmss time tos ttl u32".split()
)
_REAL_TARGETS: Final = frozenset(
    "AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DNAT DSCP ECN HMARK IDLETIMER LED LOG MASQUERADE NETMAP NFLOG NFQUEUE "
    "NOTRACK QUEUE RATEEST REDIRECT REJECT SECMARK SET SNAT SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG".split()
)
"""What iptables 1.8.9 of Debian has beyond what is modelled."""


@cache
def _load(place: str) -> type:
    module, _, name = place.partition(":")
    return cast("type", getattr(import_module(f"podwire.linux.netfilter.{module}"), name))


def find_match(name: str) -> type[Match] | None:
    """``xtables_find_match`` with XTF_TRY_LOAD: None where iptables has none of that name; raises ``NotModelled``."""
    place = MATCHES.get(name)
    if place is not None:
        return cast("type[Match]", _load(place))
    if name in _REAL_MATCHES:
        msg = f"iptables -m {name}"
        raise NotModelled(msg)
    return None


def find_target(name: str) -> type[Target] | None:
    """``xtables_find_target`` with XTF_TRY_LOAD: None where iptables has none of that name; raises ``NotModelled``."""
    place = TARGETS.get(name)
    if place is not None:
        return cast("type[Target]", _load(place))
    if name in _REAL_TARGETS:
        msg = f"iptables -j {name}"
        raise NotModelled(msg)
    return None


def is_target(name: str) -> bool:
    """There is a target of that name, modelled or not."""
    return name in TARGETS or name in _REAL_TARGETS


def load_match(name: str) -> type[Match]:
    """XTF_LOAD_MUST_SUCCEED: raises ``OptionError`` where there is none."""
    found = find_match(name)
    if found is None:
        msg = f"Couldn't load match `{name}':No such file or directory\n"
        raise OptionError(msg)
    return found
