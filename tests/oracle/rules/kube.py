"""Rule sets in the shape of kube-proxy's (kube-proxy sheet section 1), ip-masq-agent's and Calico's NAT."""

import base64
import hashlib
from collections.abc import Iterable

import msgspec

POD_RANGE = "10.2.0.0/24"


class Service(msgspec.Struct, frozen=True):
    """A port of a Service: cluster address, port, node port (0 for none) and endpoints ``ip:port``; ``affinity`` is ClientIP."""

    name: str
    proto: str
    address: str
    port: int
    endpoints: tuple[str, ...]
    node_port: int = 0
    local: bool = False
    affinity: bool = False

    def chain(self, kind: str, endpoint: str = "") -> str:
        """Its chain of a kind (SVC, SVL, EXT, SEP)."""
        digest = hashlib.sha256(f"{self.name}{self.proto}{endpoint}".encode()).digest()
        return f"KUBE-{kind}-{base64.b32encode(digest).decode()[:16]}"


def filter_table(services: Iterable[Service]) -> str:
    """``*filter``: refusals of services without endpoints, and what forwards."""
    dead = [each for each in services if not each.endpoints]
    lines = [
        "*filter",
        *(f":KUBE-{name} - [0:0]" for name in ("SERVICES", "EXTERNAL-SERVICES", "FORWARD", "NODEPORTS")),
    ]
    lines += [
        '-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS',
        '-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
        '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
        '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
        '-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ]
    for each in dead:
        said = f'-m comment --comment "{each.name} has no endpoints"'
        lines.append(
            f"-A KUBE-SERVICES -d {each.address}/32 -p {each.proto} {said} -m {each.proto} --dport {each.port} -j REJECT"
        )
        if each.node_port:
            at = f"-p {each.proto} {said} -m addrtype --dst-type LOCAL -m {each.proto} --dport {each.node_port}"
            lines.append(f"-A KUBE-EXTERNAL-SERVICES {at} -j REJECT")
    return "\n".join((*lines, "COMMIT")) + "\n"


def nat_table(services: Iterable[Service], extra: Iterable[str] = ()) -> str:
    """``*nat``; ``extra`` rules stand behind kube-proxy's jump in POSTROUTING."""
    alive = [each for each in services if each.endpoints]
    heads = [f":KUBE-{name} - [0:0]" for name in ("SERVICES", "NODEPORTS", "POSTROUTING", "MARK-MASQ")]
    services_chain: list[str] = []
    rest: list[str] = []
    for each in alive:
        kind = "SVL" if each.local else "SVC"
        chain, proto, said = each.chain(kind), each.proto, f'-m comment --comment "{each.name}'
        heads.append(f":{chain} - [0:0]")
        port = f'-p {proto} {said} cluster IP" -m {proto} --dport {each.port}'
        services_chain.append(f"-A KUBE-SERVICES -d {each.address}/32 {port} -j {chain}")
        if each.node_port:
            ext = each.chain("EXT")
            heads.append(f":{ext} - [0:0]")
            rest.append(f'-A KUBE-NODEPORTS -p {proto} {said}" -m {proto} --dport {each.node_port} -j {ext}')
            if not each.local:
                rest.append(
                    f'-A {ext} -m comment --comment "masquerade traffic for {each.name} external destinations" -j KUBE-MARK-MASQ'
                )
            rest.append(f"-A {ext} -j {chain}")
        rest.append(f"-A {chain} ! -s {POD_RANGE} -d {each.address}/32 {port} -j KUBE-MARK-MASQ")
        rest += _endpoints(each, chain, heads)
    last = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
    lines = [
        "*nat",
        *heads,
        '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
        *extra,
        *services_chain,
        f"-A KUBE-SERVICES {last} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
        *rest,
        "-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000",
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000",
        '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
        "COMMIT",
    ]
    return "\n".join(lines) + "\n"


def merged(*texts: str) -> str:
    """Texts of one table for iptables-restore as one: first all chains, then all rules in the order of the texts."""
    lines = [line for text in texts for line in text.splitlines()]
    chains = dict.fromkeys(line for line in lines if line.startswith(":"))
    rules = [line for line in lines if line.startswith("-A")]
    return "\n".join((lines[0], *chains, *rules, "COMMIT")) + "\n"


def _endpoints(each: Service, chain: str, heads: list[str]) -> list[str]:
    rules: list[str] = []
    count = len(each.endpoints)
    said = f'-m comment --comment "{each.name}'
    if each.affinity:
        for endpoint in each.endpoints:
            sep = each.chain("SEP", endpoint)
            recent = f"-m recent --rcheck --seconds 10800 --reap --name {sep} --mask 255.255.255.255 --rsource"
            rules.append(f'-A {chain} {said} -> {endpoint}" {recent} -j {sep}')
    for index, endpoint in enumerate(each.endpoints):
        sep = each.chain("SEP", endpoint)
        heads.append(f":{sep} - [0:0]")
        left = count - index
        chance = f" -m statistic --mode random --probability {1 / left:.11f}" if left > 1 else ""
        rules.append(f'-A {chain} {said} -> {endpoint}"{chance} -j {sep}')
    for endpoint in each.endpoints:
        sep = each.chain("SEP", endpoint)
        rules.append(f'-A {sep} -s {endpoint.partition(":")[0]}/32 {said}" -j KUBE-MARK-MASQ')
        recent = (
            f" -m recent --set --name {each.chain('SEP', endpoint)} --mask 255.255.255.255 --rsource"
            if each.affinity
            else ""
        )
        rules.append(f'-A {sep} -p {each.proto} {said}"{recent} -m {each.proto} -j DNAT --to-destination {endpoint}')
    return rules


IP_MASQ = (
    (
        '-A POSTROUTING -m comment --comment "ip-masq: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom IP-MASQ chain"'
        " -m addrtype ! --dst-type LOCAL -j IP-MASQ"
    ),
)


def ip_masq(ranges: Iterable[str]) -> str:
    """ip-masq-agent's chain, to be restored with ``--noflush`` or put together with another nat table."""
    said = '-m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE"'
    out = '-m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)"'
    return (
        "\n".join((*(f"-A IP-MASQ -d {net} {said} -j RETURN" for net in ranges), f"-A IP-MASQ {out} -j MASQUERADE"))
        + "\n"
    )
