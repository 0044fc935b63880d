"""Rule sets in the shape of Felix's (calico sheet section 3, v3.26): static chains, dispatch trees, chains of endpoints and policies.

The router is the node. ``a`` is always a pod; ``b`` is one, too, or the world outside. Interface names are those of the case.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

import msgspec

ACCEPT, PASS, SCRATCH0, SCRATCH1 = 0x10000, 0x20000, 0x40000, 0x80000
BITS = ACCEPT | PASS | SCRATCH0 | SCRATCH1
_STATE = "-m conntrack --ctstate"
_NAME = 28
"""The longest name of a chain."""

Table = dict[str, list[str]]
"""Chains and their rules."""


class Policy(msgspec.Struct, frozen=True):
    """Rules of one direction, each as its matches and what Felix does: Allow, Deny, Pass, Log, or "" for a rule as it stands."""

    name: str
    rules: tuple[tuple[str, str], ...]


class Pod(msgspec.Struct, frozen=True):
    """A workload endpoint: interface, address, profile's namespace, and its policies."""

    dev: str
    address: str
    namespace: str
    ingress: tuple[Policy, ...] = ()
    egress: tuple[Policy, ...] = ()


class Settings(msgspec.Struct, frozen=True):
    """FelixConfiguration, as far as it is drawn."""

    vxlan: bool = False
    nat_outgoing: bool = True
    mangle_allow: str = "ACCEPT"
    to_host: str = "ACCEPT"


def put(mark: int) -> str:
    """A rule's action: set these bits."""
    return f"-j MARK --set-mark {mark:#x}/{mark:#x}"


def clear(mark: int) -> str:
    """A rule's action: clear these bits."""
    return f"-j MARK --set-mark 0/{mark:#x}"


def has(mark: int) -> str:
    """A match: these bits are set."""
    return f"-m mark --mark {mark:#x}/{mark:#x}"


def lacks(mark: int) -> str:
    """A match: these bits are not set."""
    return f"-m mark --mark 0/{mark:#x}"


def said(text: str) -> str:
    """A comment."""
    return f'-m comment --comment "{text}"'


def chain(prefix: str, name: str) -> str:
    """Its name, hashed where it would be too long (sheet 6.3)."""
    if len(prefix) + len(name) <= _NAME:
        return prefix + name
    digest = base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()
    return f"{prefix}_{digest}"[:_NAME]


def static(settings: Settings, wild: str) -> dict[str, Table]:
    """The chains that each node has (3.3-3.6); ``wild`` is the wildcard of workloads' interfaces."""
    allow = settings.mangle_allow
    host = f"{said('Host endpoint policy accepted packet.')} {has(ACCEPT)}"
    raw: Table = {
        "cali-PREROUTING": [
            clear(BITS),
            f"-i {wild} {put(SCRATCH0)}",
            f"{has(SCRATCH0)} -j cali-rpf-skip",
            f"{has(SCRATCH0)} -m rpfilter --validmark --invert -j DROP",
            f"{lacks(SCRATCH0)} -j cali-from-host-endpoint",
            f"{has(ACCEPT)} -j ACCEPT",
        ],
        "cali-OUTPUT": [clear(BITS), "-j cali-to-host-endpoint", f"{has(ACCEPT)} -j ACCEPT"],
        "cali-rpf-skip": [],
        "cali-from-host-endpoint": [],
        "cali-to-host-endpoint": [],
    }
    mangle: Table = {
        "cali-PREROUTING": [
            f"{_STATE} RELATED,ESTABLISHED -j {allow}",
            f"{has(ACCEPT)} -j {allow}",
            "-j cali-from-host-endpoint",
            f"{host} -j {allow}",
        ],
        "cali-POSTROUTING": [
            f"{has(ACCEPT)} -j RETURN",
            clear(BITS),
            f"{_STATE} DNAT -j cali-to-host-endpoint",
            f"{host} -j RETURN",
        ],
        "cali-from-host-endpoint": [],
        "cali-to-host-endpoint": [],
    }
    outgoing = "-m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst"
    nat: Table = {
        "cali-PREROUTING": ["-j cali-fip-dnat"],
        "cali-OUTPUT": ["-j cali-fip-dnat"],
        "cali-POSTROUTING": ["-j cali-fip-snat", "-j cali-nat-outgoing"],
        "cali-fip-dnat": [],
        "cali-fip-snat": [],
        "cali-nat-outgoing": [f"{outgoing} -j MASQUERADE --random-fully"] if settings.nat_outgoing else [],
    }
    return {"raw": raw, "mangle": mangle, "nat": nat, "filter": _filter(settings, wild, host)}


def _filter(settings: Settings, wild: str, host: str) -> Table:
    vxlan = "-p 17 -m multiport --dports 4789"
    local, known = "-m addrtype --dst-type LOCAL", "-m set --match-set cali40all-vxlan-net"
    incoming, outgoing = [], [f"{has(ACCEPT)} -j ACCEPT", f"-o {wild} -j RETURN"]
    if settings.vxlan:
        incoming = [
            f"{said('Allow IPv4 VXLAN packets from allowed hosts')} {vxlan} {known} src {local} -j ACCEPT",
            f"{said('Drop IPv4 VXLAN packets from non-allowed hosts')} {vxlan} {local} -j DROP",
        ]
        there = f"{vxlan} -m addrtype --src-type LOCAL {known} dst"
        outgoing.append(f"{said('Allow IPv4 VXLAN packets to other allowed hosts')} {there} -j ACCEPT")
    return {
        "cali-FORWARD": [
            clear(BITS & ~ACCEPT),
            f"{lacks(ACCEPT)} -j cali-from-hep-forward",
            f"-i {wild} -j cali-from-wl-dispatch",
            f"-o {wild} -j cali-to-wl-dispatch",
            "-j cali-to-hep-forward",
            "-j cali-cidr-block",
        ],
        "cali-INPUT": [
            *incoming,
            f"-i {wild} -g cali-wl-to-host",
            f"{has(ACCEPT)} -j ACCEPT",
            clear(BITS),
            "-j cali-from-host-endpoint",
            f"{host} -j ACCEPT",
        ],
        "cali-OUTPUT": [
            *outgoing,
            clear(BITS),
            "-m conntrack ! --ctstate DNAT -j cali-to-host-endpoint",
            f"{host} -j ACCEPT",
        ],
        "cali-wl-to-host": [
            "-j cali-from-wl-dispatch",
            f"{said('Configured DefaultEndpointToHostAction')} -j {settings.to_host}",
        ],
        "cali-cidr-block": [],
        "cali-from-hep-forward": [],
        "cali-to-hep-forward": [],
        "cali-from-host-endpoint": [],
        "cali-to-host-endpoint": [],
    }


HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "POSTROUTING"),
    "nat": ("PREROUTING", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
APPENDED = (
    f"-A FORWARD {said('Policy explicitly accepted packet.')} {has(ACCEPT)} -j ACCEPT",
    f"-A FORWARD {put(ACCEPT)}",
)


def endpoint(pod: Pod) -> Table:
    """cali-tw- and cali-fw- of a pod (3.7)."""
    found: Table = {}
    for prefix, policies, of_policy, of_profile in (
        ("cali-tw-", pod.ingress, "cali-pi-", "cali-pri-"),
        ("cali-fw-", pod.egress, "cali-po-", "cali-pro-"),
    ):
        rules = [f"{_STATE} RELATED,ESTABLISHED -j ACCEPT", f"{_STATE} INVALID -j DROP", clear(ACCEPT)]
        if prefix == "cali-fw-":
            rules += [
                f"{said('Drop VXLAN encapped packets originating in workloads')} -p 17 -m multiport --dports 4789 -j DROP",
                f"{said('Drop IPinIP encapped packets originating in workloads')} -p 4 -j DROP",
            ]
        if policies:
            rules.append(f"{said('Start of policies')} {clear(PASS)}")
            for policy in policies:
                rules.append(f"{lacks(PASS)} -j {chain(of_policy, policy.name)}")
                rules.append(f"{said('Return if policy accepted')} {has(ACCEPT)} -j RETURN")
            rules.append(f"{said('Drop if no policies passed packet')} {lacks(PASS)} -j DROP")
        for profile in (f"kns.{pod.namespace}", f"ksa.{pod.namespace}.default"):
            rules.append(f"-j {chain(of_profile, profile)}")
            rules.append(f"{said('Return if profile accepted')} {has(ACCEPT)} -j RETURN")
        found[chain(prefix, pod.dev)] = [*rules, f"{said('Drop if no profiles matched')} -j DROP"]
    return found


def policy_chain(policy: Policy, direction: str) -> list[str]:
    """The rules of cali-pi- or cali-po- (6.4)."""
    comment, rules = said(f"Policy {policy.name} {direction}"), []
    for matches, action in policy.rules:
        bit = {"Allow": ACCEPT, "Pass": PASS}.get(action)
        if bit is not None:
            rules += [f"{matches} {put(bit)}", f"{has(bit)} -j RETURN"]
        elif not action:
            rules.append(matches)
        elif action == "Log":
            rules.append(f'{matches} -j LOG --log-prefix "calico-packet: " --log-level 5')
        else:
            rules.append(f"{matches} -j DROP")
    return [f"{comment} {rules[0]}", *rules[1:]] if rules else [comment]


def blocks(nets: Sequence[str], *, source: bool, negated: bool) -> list[str]:
    """Rules before a rule that names several networks, or several that it excludes: one scratch bit is their OR (6.4)."""
    option = "-s" if source else "-d"
    action = clear(SCRATCH0) if negated else put(SCRATCH0)
    begin = SCRATCH0 if negated else 0
    return [f"-j MARK --set-mark {begin:#x}/{SCRATCH0 | SCRATCH1:#x}", *(f"{option} {net} {action}" for net in nets)]


def profile_chains(namespace: str) -> Table:
    """Both profiles of a namespace: kns allows, ksa says nothing."""
    found: Table = {}
    for prefix, direction in (("cali-pri-", "ingress"), ("cali-pro-", "egress")):
        kns, ksa = f"kns.{namespace}", f"ksa.{namespace}.default"
        found[chain(prefix, kns)] = [
            f"{said(f'Profile {kns} {direction}')} {put(ACCEPT)}",
            f"{has(ACCEPT)} -j RETURN",
        ]
        found[chain(prefix, ksa)] = [said(f"Profile {ksa} {direction}")]
    return found


def dispatch(devices: Iterable[str], root: str, prefix: str, option: str) -> Table:
    """A tree of gotos by interface name (3.8)."""
    names = sorted(set(devices))
    common = names[0]
    while not all(name.startswith(common) for name in names):
        common = common[:-1]
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[: len(common) + 1], []).append(name)
    end = f"{said('Unknown interface')} -j DROP"
    found: Table = {root: []}
    for start, members in groups.items():
        if len(members) == 1:
            found[root].append(f"{option} {members[0]} -g {chain(prefix, members[0])}")
            continue
        child = f"{root}-{start[len(common) :]}"
        found[root].append(f"{option} {start}+ -g {child}")
        found[child] = [*(f"{option} {name} -g {chain(prefix, name)}" for name in members), end]
    found[root].append(end)
    return found


def tables(settings: Settings, pods: Sequence[Pod], wild: str) -> dict[str, str]:
    """The text for iptables-restore of each table."""
    every = static(settings, wild)
    table = every["filter"]
    devices = [pod.dev for pod in pods]
    table |= dispatch(devices, "cali-from-wl-dispatch", "cali-fw-", "-i")
    table |= dispatch(devices, "cali-to-wl-dispatch", "cali-tw-", "-o")
    for pod in pods:
        table |= endpoint(pod) | profile_chains(pod.namespace)
        table |= {chain("cali-pi-", each.name): policy_chain(each, "ingress") for each in pod.ingress}
        table |= {chain("cali-po-", each.name): policy_chain(each, "egress") for each in pod.egress}
    texts = {}
    for name, chains in every.items():
        lines = [f"*{name}", *(f":{user} - [0:0]" for user in chains)]
        lines += [f"-A {hook} -j cali-{hook}" for hook in HOOKS[name]]
        if name == "filter":
            lines += APPENDED
        for user, rules in chains.items():
            lines += [f"-A {user} {rule}" for rule in rules]
        texts[name] = "\n".join((*lines, "COMMIT")) + "\n"
    return texts
