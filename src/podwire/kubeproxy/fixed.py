"""The rules that are there without any Service: chains, jumps, masquerade, forwarding (kube-proxy sheet, 1.1 to 1.3)."""

from __future__ import annotations

from typing import Final, NamedTuple

from podwire.kubeproxy.lines import Lines, chain_line
from podwire.kubeproxy.names import mark
from podwire.kubeproxy.ports import COMPONENT
from podwire.trace.events import Owner
from podwire.wire.addr import Ip

PROXY: Final = Owner(COMPONENT)
KUBELET: Final = Owner("kubelet")
HINT: Final = "KUBE-IPTABLES-HINT"
CANARY: Final = "KUBE-PROXY-CANARY"
CANARY_TABLES: Final = ("mangle", "nat", "filter")
FILTER_CHAINS: Final = (
    "KUBE-SERVICES",
    "KUBE-EXTERNAL-SERVICES",
    "KUBE-FORWARD",
    "KUBE-NODEPORTS",
    "KUBE-PROXY-FIREWALL",
)
NAT_CHAINS: Final = ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ")
_LOCALNET: Final = (
    '-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8'
    " -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
)


class Jump(NamedTuple):
    """A rule of a built-in chain: ``rule`` is its text without ``-A CHAIN``, as iptables-save prints it, too."""

    table: str
    chain: str
    target: str
    rule: str


def _jump(table: str, target: str, chain: str, comment: str = "", *, new: bool = True) -> Jump:
    state = "-m conntrack --ctstate NEW " if new else ""
    said = f'-m comment --comment "{comment}" ' if comment else ""
    return Jump(table, chain, target, f"{state}{said}-j {target}")


_OUTSIDE: Final = "kubernetes externally-visible service portals"
_PORTALS: Final = "kubernetes service portals"
_BALANCER: Final = "kubernetes load balancer firewall"
KUBELET_JUMPS: Final = tuple(_jump("filter", "KUBE-FIREWALL", chain, new=False) for chain in ("INPUT", "OUTPUT"))
JUMPS: Final = (
    _jump("filter", "KUBE-EXTERNAL-SERVICES", "INPUT", _OUTSIDE),
    _jump("filter", "KUBE-EXTERNAL-SERVICES", "FORWARD", _OUTSIDE),
    _jump("filter", "KUBE-NODEPORTS", "INPUT", "kubernetes health check service ports", new=False),
    _jump("filter", "KUBE-SERVICES", "FORWARD", _PORTALS),
    _jump("filter", "KUBE-SERVICES", "OUTPUT", _PORTALS),
    _jump("filter", "KUBE-FORWARD", "FORWARD", "kubernetes forwarding rules", new=False),
    *(_jump("filter", "KUBE-PROXY-FIREWALL", chain, _BALANCER) for chain in ("INPUT", "OUTPUT", "FORWARD")),
    _jump("nat", "KUBE-SERVICES", "OUTPUT", _PORTALS, new=False),
    _jump("nat", "KUBE-SERVICES", "PREROUTING", _PORTALS, new=False),
    _jump("nat", "KUBE-POSTROUTING", "POSTROUTING", "kubernetes postrouting rules", new=False),
    *KUBELET_JUMPS,
)
"""In the order in which kube-proxy puts what is missing at the top of its chain: the last one ends highest (1.2)."""


def nat_head(bit: int) -> Lines:
    """KUBE-POSTROUTING and KUBE-MARK-MASQ (iptables 1.6.2 and later has ``--random-fully``)."""
    lines = Lines()
    value = mark(bit)
    for line in (
        f"-A KUBE-POSTROUTING -m mark ! --mark {value}/{value} -j RETURN",
        f"-A KUBE-POSTROUTING -j MARK --xor-mark {value}",
        '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
        f"-A KUBE-MARK-MASQ -j MARK --or-mark {value}",
    ):
        lines.add(line, PROXY)
    return lines


def localnet() -> Lines:
    """KUBE-FIREWALL: 127.0.0.0/8 is not to be reached from elsewhere, though route_localnet is on. IPv4 only."""
    lines = Lines()
    lines.add(_LOCALNET, PROXY)
    return lines


def forward(bit: int, *, liberal: bool) -> Lines:
    """KUBE-FORWARD. ``liberal`` is ``nf_conntrack_tcp_be_liberal``: then segments out of window are not INVALID, and nothing is dropped."""
    lines = Lines()
    value = mark(bit)
    if not liberal:
        lines.add("-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP", PROXY)
    accept = f'-m comment --comment "kubernetes forwarding rules" -m mark --mark {value}/{value} -j ACCEPT'
    known = '-m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
    lines.add(f"-A KUBE-FORWARD {accept}", PROXY)
    lines.add(f"-A KUBE-FORWARD {known}", PROXY)
    return lines


def to_nodeports(addresses: tuple[Ip, ...] | None, *, ipv6: bool, localhost: bool) -> Lines:
    """The end of KUBE-SERVICES: NodePorts at ``addresses``, None for every local one. ``localhost``: at 127.0.0.1, too."""
    lines = Lines()
    said = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
    if addresses is None:
        but = " ! -d ::1/128" if ipv6 else "" if localhost else " ! -d 127.0.0.0/8"
        lines.add(f"-A KUBE-SERVICES {said} -m addrtype --dst-type LOCAL{but} -j KUBE-NODEPORTS", PROXY)
        return lines
    for address in addresses:
        if address.is_loopback and (ipv6 or not localhost):
            continue
        lines.add(f"-A KUBE-SERVICES {said} -d {address} -j KUBE-NODEPORTS", PROXY)
    return lines


def canaries() -> str:
    """What iptables-restore makes kube-proxy's canaries of."""
    return "".join(f"*{table}\n{chain_line(CANARY)}\nCOMMIT\n" for table in CANARY_TABLES)


def kubelet_rules() -> str:
    """What the kubelet puts on a node before kube-proxy starts: its canaries, the hint, KUBE-FIREWALL with its jumps (1.1)."""
    firewall = [chain_line("KUBE-FIREWALL"), _LOCALNET, *(f"-I {each.chain} {each.rule}" for each in KUBELET_JUMPS)]
    return "\n".join(
        (
            "*mangle",
            chain_line(HINT),
            chain_line("KUBE-KUBELET-CANARY"),
            "COMMIT",
            "*nat",
            chain_line("KUBE-KUBELET-CANARY"),
            "COMMIT",
            "*filter",
            chain_line("KUBE-KUBELET-CANARY"),
            *firewall,
            "COMMIT\n",
        )
    )
