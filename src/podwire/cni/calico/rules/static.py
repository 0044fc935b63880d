"""The chains that are there whatever runs on the node (reference sheet Calico, sections 3.2 to 3.6)."""

from __future__ import annotations

from collections.abc import Iterator

from podwire.cni.calico.rules.fragments import clear_mark, ctstate, goto, in_set, jump, marked, rule, set_mark, unmarked
from podwire.cni.calico.rules.model import Chains, RuleConfig, RuleText
from podwire.cni.calico.rules.names import comment
from podwire.trace.events import Owner

TUNL0 = "tunl0"
VXLAN = "vxlan.calico"
ALL_POOLS = "cali40all-ipam-pools"
MASQ_POOLS = "cali40masq-ipam-pools"
ALL_HOSTS = "cali40all-hosts-net"
ALL_VXLAN = "cali40all-vxlan-net"
THIS_HOST = "cali40this-host"
_ALLOWED = 26
"""Before this release comments said "whitelisted"."""
_HEP_ACCEPTED = comment("Host endpoint policy accepted packet.")

HOOKS = {
    "raw": (("PREROUTING", "cali-PREROUTING"), ("OUTPUT", "cali-OUTPUT")),
    "mangle": (("PREROUTING", "cali-PREROUTING"), ("POSTROUTING", "cali-POSTROUTING")),
    "nat": (("PREROUTING", "cali-PREROUTING"), ("OUTPUT", "cali-OUTPUT"), ("POSTROUTING", "cali-POSTROUTING")),
    "filter": (("INPUT", "cali-INPUT"), ("FORWARD", "cali-FORWARD"), ("OUTPUT", "cali-OUTPUT")),
}
"""Which chain each hook jumps to, by its first rule."""


def forward_appends(config: RuleConfig) -> list[RuleText]:
    """What stands at the end of FORWARD: what policy accepted has passed everybody else's rules by then."""
    accept = config.marks.accept
    return [
        rule(comment("Policy explicitly accepted packet."), marked(accept), jump(config.filter_allow)),
        rule(set_mark(accept)),
    ]


def _from_workloads(config: RuleConfig) -> list[str]:
    return [f"--in-interface {prefix}+" for prefix in config.prefixes]


def _to_workloads(config: RuleConfig) -> list[str]:
    return [f"--out-interface {prefix}+" for prefix in config.prefixes]


def raw(config: RuleConfig) -> Chains:
    """Marks are cleared, and a pod may use as a source only what is routed to it."""
    marks = config.marks
    return {
        "cali-PREROUTING": [
            rule(clear_mark(marks.all)),
            *(rule(match, set_mark(marks.scratch0)) for match in _from_workloads(config)),
            rule(marked(marks.scratch0), jump("cali-rpf-skip")),
            rule(marked(marks.scratch0), "-m rpfilter --invert --validmark", jump("DROP")),
            rule(unmarked(marks.scratch0), jump("cali-from-host-endpoint")),
            rule(marked(marks.accept), jump("ACCEPT")),
        ],
        "cali-OUTPUT": [
            rule(clear_mark(marks.all)),
            rule(jump("cali-to-host-endpoint")),
            rule(marked(marks.accept), jump("ACCEPT")),
        ],
        "cali-rpf-skip": [
            rule(f"--in-interface {interface}", f"--source {cidr}", jump("ACCEPT"), owner=owner)
            for interface, cidr, owner in config.allowed_sources
        ],
    }


def mangle(config: RuleConfig) -> Chains:
    """Pre-DNAT policy of host endpoints, and their policy for what kube-proxy sends elsewhere."""
    marks, allow = config.marks, config.mangle_allow
    return {
        "cali-PREROUTING": [
            rule(ctstate("RELATED,ESTABLISHED"), jump(allow)),
            rule(marked(marks.accept), jump(allow)),
            rule(jump("cali-from-host-endpoint")),
            rule(_HEP_ACCEPTED, marked(marks.accept), jump(allow)),
        ],
        "cali-POSTROUTING": [
            rule(marked(marks.accept), jump("RETURN")),
            rule(clear_mark(marks.all)),
            rule(ctstate("DNAT"), jump("cali-to-host-endpoint")),
            rule(_HEP_ACCEPTED, marked(marks.accept), jump("RETURN")),
        ],
    }


def nat(config: RuleConfig, pools: Owner = Owner("felix", "IPPools", "spec.natOutgoing")) -> Chains:  # noqa: B008 - a value
    """Floating addresses, natOutgoing, and the host's own traffic into tunnels."""
    return {
        "cali-PREROUTING": [rule(jump("cali-fip-dnat"))],
        "cali-OUTPUT": [rule(jump("cali-fip-dnat"))],
        "cali-POSTROUTING": [
            rule(jump("cali-fip-snat")),
            rule(jump("cali-nat-outgoing")),
            *_tunnel_sources(config),
        ],
        "cali-fip-dnat": [],
        "cali-fip-snat": [],
        "cali-nat-outgoing": list(_nat_outgoing(config, pools)),
    }


def _tunnel_sources(config: RuleConfig) -> Iterator[RuleText]:
    for on, device in (
        (config.ipip and config.ipip_address, TUNL0),
        (config.vxlan and config.vxlan_address, VXLAN),
    ):
        if on:
            yield rule(
                f"--out-interface {device}",
                "-m addrtype ! --src-type LOCAL --limit-iface-out",
                "-m addrtype --src-type LOCAL",
                _masquerade(config),
            )


def _masquerade(config: RuleConfig, ports: str = "") -> str:
    action = f"--jump MASQUERADE --to-ports {ports}" if ports else "--jump MASQUERADE"
    return f"{action} --random-fully" if config.random_fully else action


def _nat_outgoing(config: RuleConfig, pools: Owner) -> Iterator[RuleText]:
    if not config.nat_outgoing:
        return
    sets = f"{in_set(MASQ_POOLS, 'src')} -m set ! --match-set {ALL_POOLS} dst"
    device = f"--out-interface {config.nat_outgoing_interface}" if config.nat_outgoing_interface else ""
    if config.nat_port_range is not None:
        low, high = config.nat_port_range
        for protocol in ("tcp", "udp"):
            yield rule(sets, device, f"-p {protocol}", _outgoing(config, f"{low}-{high}"), owner=pools)
            yield rule(sets, device, f"-p {protocol}", jump("RETURN"), owner=pools)
    yield rule(sets, device, _outgoing(config), owner=pools)


def _outgoing(config: RuleConfig, ports: str = "") -> str:
    if not config.nat_outgoing_address:
        return _masquerade(config, ports)
    to = f"{config.nat_outgoing_address}:{ports}" if ports else config.nat_outgoing_address
    action = f"--jump SNAT --to-source {to}"
    return f"{action} --random-fully" if config.random_fully else action


def filters(config: RuleConfig) -> Chains:
    """The filter table's chains that do not depend on endpoints; their dispatch chains are ``workloads``'."""
    marks = config.marks
    return {
        "cali-FORWARD": [
            rule(clear_mark(marks.all & ~marks.accept)),
            rule(unmarked(marks.accept), jump("cali-from-hep-forward")),
            *(rule(match, jump("cali-from-wl-dispatch")) for match in _from_workloads(config)),
            *(rule(match, jump("cali-to-wl-dispatch")) for match in _to_workloads(config)),
            rule(jump("cali-to-hep-forward")),
            rule(jump("cali-cidr-block")),
        ],
        "cali-INPUT": [*_tunnels_in(config), *_rest_of_input(config)],
        "cali-OUTPUT": [*_output(config)],
        "cali-wl-to-host": [
            rule(jump("cali-from-wl-dispatch")),
            rule(
                comment("Configured DefaultEndpointToHostAction"),
                jump(config.endpoint_to_host),
                owner=Owner("felix", "FelixConfiguration default", "spec.defaultEndpointToHostAction"),
            ),
        ],
        "cali-cidr-block": [
            rule(
                f"--destination {cidr}",
                jump(config.service_loop),
                owner=Owner("felix", "BGPConfiguration default", "spec.serviceClusterIPs"),
            )
            for cidr in sorted(config.service_cidrs)
        ],
    }


def _tunnels_in(config: RuleConfig) -> Iterator[RuleText]:
    local = "-m addrtype --dst-type LOCAL"
    if config.ipip:
        yield rule(
            comment("Allow IPIP packets from Calico hosts"),
            "-p 4",
            in_set(ALL_HOSTS, "src"),
            local,
            jump(config.filter_allow),
        )
        yield rule(comment(f"{denied(config)} IPIP packets from non-Calico hosts"), "-p 4", jump(config.deny))
    if config.vxlan:
        port = f"-p 17 -m multiport --destination-ports {config.vxlan_port}"
        yield rule(
            comment(f"Allow IPv4 VXLAN packets from {_allowed(config)} hosts"),
            port,
            in_set(ALL_VXLAN, "src"),
            local,
            jump(config.filter_allow),
        )
        yield rule(
            comment(f"{denied(config)} IPv4 VXLAN packets from non-{_allowed(config)} hosts"),
            port,
            local,
            jump(config.deny),
        )


def _rest_of_input(config: RuleConfig) -> Iterator[RuleText]:
    marks = config.marks
    for match in _from_workloads(config):
        yield rule(match, goto("cali-wl-to-host"))
    yield rule(marked(marks.accept), jump(config.filter_allow))
    yield rule(clear_mark(marks.all))
    yield rule(jump("cali-from-host-endpoint"))
    yield rule(_HEP_ACCEPTED, marked(marks.accept), jump(config.filter_allow))


def _output(config: RuleConfig) -> Iterator[RuleText]:
    marks = config.marks
    own = "-m addrtype --src-type LOCAL"
    yield rule(marked(marks.accept), jump(config.filter_allow))
    for match in _to_workloads(config):
        yield rule(match, jump("RETURN"))
    if config.ipip:
        yield rule(
            comment("Allow IPIP packets to other Calico hosts"),
            "-p 4",
            in_set(ALL_HOSTS, "dst"),
            own,
            jump(config.filter_allow),
        )
    if config.vxlan:
        yield rule(
            comment(f"Allow IPv4 VXLAN packets to other {_allowed(config)} hosts"),
            f"-p 17 -m multiport --destination-ports {config.vxlan_port}",
            own,
            in_set(ALL_VXLAN, "dst"),
            jump(config.filter_allow),
        )
    yield rule(clear_mark(marks.all))
    yield rule("-m conntrack ! --ctstate DNAT", jump("cali-to-host-endpoint"))
    yield rule(_HEP_ACCEPTED, marked(marks.accept), jump(config.filter_allow))


def _allowed(config: RuleConfig) -> str:
    return "allowed" if config.release >= _ALLOWED else "whitelisted"


def denied(config: RuleConfig) -> str:
    """``Drop`` or ``Reject``: the deny action as comments name it."""
    return config.deny.capitalize()
