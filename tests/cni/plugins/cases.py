"""What both sides do: configurations of the reference plugins, and pods that come and go on one machine.

``record.py`` runs the real plugins with them and keeps what they and the kernel say; ``test_against_real.py`` compares podwire with that.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

A: Final = "a" * 64
B: Final = "b" * 64
_RANGE: Final = {"type": "host-local", "subnet": "10.1.2.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
_PORTMAP: Final = {"type": "portmap", "capabilities": {"portMappings": True}}


class Do(NamedTuple):
    """ADD or DEL of one container; ``ports`` are its portMappings, ``args`` is CNI_ARGS. ``sh``: something done on the host instead."""

    verb: str
    container: str = A
    ports: tuple[dict[str, Any], ...] = ()
    args: str = ""
    sh: str = ""


class Case(NamedTuple):
    """``plugins`` of a conflist named ``net``, and what is done with it."""

    name: str
    plugins: list[dict[str, Any]]
    steps: tuple[Do, ...]
    version: str = "1.0.0"


def port(host: int, container: int = 80, protocol: str = "tcp", host_ip: str = "") -> dict[str, Any]:
    """One mapping, as containerd passes it."""
    found: dict[str, Any] = {"hostPort": host, "containerPort": container, "protocol": protocol}
    return {**found, "hostIP": host_ip} if host_ip else found


def _ptp(**more: Any) -> list[dict[str, Any]]:
    return [{"type": "ptp", "mtu": 1460, "ipam": _RANGE, **more}]


def _bridge(**more: Any) -> list[dict[str, Any]]:
    return [{"type": "bridge", "ipam": _RANGE, **more}]


def _ipam(**more: Any) -> list[dict[str, Any]]:
    return [{"type": "ptp", "ipam": {"type": "host-local", **more}}]


_TWICE: Final = (Do("ADD"), Do("ADD", B), Do("DEL"))
CASES: Final = (
    Case("ptp", _ptp(), _TWICE, "0.3.1"),
    Case("ptp-ipmasq", _ptp(ipMasq=True), _TWICE),
    Case("ptp-dns", _ptp(dns={"nameservers": ["10.1.0.1"], "search": ["x"]}), (Do("ADD"),)),
    Case("ptp-routes", _ipam(subnet="10.1.2.0/24", routes=[{"dst": "10.0.0.0/8"}, {"dst": "0.0.0.0/0", "gw": "10.1.2.1"}]), (Do("ADD"),)),
    Case("ptp-bare", _ipam(subnet="10.1.2.0/24"), (Do("ADD"), Do("DEL"), Do("DEL"))),
    Case("bridge", _bridge(), _TWICE),
    Case("bridge-gateway", _bridge(bridge="br7", isGateway=True, ipMasq=True, hairpinMode=True, mtu=1400), _TWICE),
    Case("bridge-default", [{"type": "bridge", "isDefaultGateway": True, "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}}], _TWICE),
    Case("bridge-default-twice", _bridge(isDefaultGateway=True), (Do("ADD"),)),
    Case("bridge-promisc", _bridge(isGateway=True, promiscMode=True), (Do("ADD"),)),
    Case("bridge-both", _bridge(hairpinMode=True, promiscMode=True), (Do("ADD"),)),
    Case("bridge-vlan-bad", _bridge(vlan=5000), (Do("ADD"),)),
    Case("bridge-not", _bridge(), (Do("sh", sh="ip link add cni0 type veth peer name x"), Do("ADD"))),
    Case(
        "bridge-other-address",
        _bridge(isGateway=True),
        (Do("sh", sh="ip link add cni0 type bridge"), Do("sh", sh="ip addr add 10.1.2.9/24 dev cni0"), Do("ADD")),
    ),
    Case(
        "bridge-force-address",
        _bridge(isGateway=True, forceAddress=True),
        (Do("sh", sh="ip link add cni0 type bridge"), Do("sh", sh="ip addr add 10.1.2.9/24 dev cni0"), Do("ADD")),
    ),
    Case("portmap", [*_ptp(), _PORTMAP], (Do("ADD", A, (port(8080),)), Do("ADD", B, (port(8081, 81), port(5353, 53, "udp"))), Do("DEL"))),
    Case("portmap-none", [*_ptp(), _PORTMAP], (Do("ADD"), Do("DEL"))),
    Case("portmap-host-ip", [*_ptp(), _PORTMAP], (Do("ADD", A, (port(8080, host_ip="10.9.9.9"), port(8081, host_ip="0.0.0.0"))),)),
    Case("portmap-no-snat", [*_ptp(), {**_PORTMAP, "snat": False}], (Do("ADD", A, (port(8080),)), Do("DEL"))),
    Case(
        "portmap-conditions",
        [*_ptp(), {**_PORTMAP, "conditionsV4": ["-s", "1.2.3.4"], "markMasqBit": 5}],
        (Do("ADD", A, (port(8080),)),),
    ),
    Case("portmap-set-mark", [*_ptp(), {**_PORTMAP, "externalSetMarkChain": "KUBE-MARK-MASQ"}], (Do("sh", sh="iptables -t nat -N KUBE-MARK-MASQ"), Do("ADD", A, (port(8080),)))),
    Case("portmap-sixteen", [*_ptp(), _PORTMAP], (Do("ADD", A, tuple(port(8000 + i, 80 + i) for i in range(16))),)),
    Case("portmap-sctp", [*_ptp(), _PORTMAP], (Do("ADD", A, (port(7, 7, "udp"), port(8, 8, "tcp"), port(9, 9, "sctp"))),)),
    Case("portmap-bad-host", [*_ptp(), _PORTMAP], (Do("ADD", A, (port(0),)),)),
    Case("portmap-bad-container", [*_ptp(), _PORTMAP], (Do("ADD", A, (port(80, 0),)),)),
    Case("portmap-two-marks", [*_ptp(), {**_PORTMAP, "externalSetMarkChain": "X", "markMasqBit": 3}], (Do("ADD", A, (port(80),)),)),
    Case("portmap-bit", [*_ptp(), {**_PORTMAP, "markMasqBit": 32}], (Do("ADD", A, (port(80),)),)),
    Case("portmap-alone", [_PORTMAP], (Do("ADD", A, (port(80),)),)),
    Case("portmap-bridge", [*_bridge(isGateway=True, hairpinMode=True), _PORTMAP], (Do("ADD", A, (port(8080),)), Do("ADD", B), Do("DEL"))),
    Case("loopback", [{"type": "loopback"}], (Do("ADD"), Do("DEL"))),
    Case("requested", _ptp(), (Do("ADD", A, args="IP=10.1.2.77"), Do("ADD", B))),
    Case("requested-gateway", _ptp(), (Do("ADD", A, args="IP=10.1.2.1"),)),
    Case("requested-taken", _ptp(), (Do("ADD", A, args="IP=10.1.2.7"), Do("ADD", B, args="IP=10.1.2.7"))),
    Case("requested-foreign", _ptp(), (Do("ADD", A, args="IP=10.9.2.7"), Do("ADD", B))),
    Case("twice", _ptp(), (Do("ADD"), Do("ADD"))),
    Case("exhausted", _ipam(subnet="10.1.2.0/30"), (Do("ADD"), Do("ADD", B))),
    Case("ranges", _ipam(ranges=[[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10", "rangeEnd": "10.1.2.11", "gateway": "10.1.2.254"}]]), _TWICE),
    Case("two-ranges", _ipam(ranges=[[{"subnet": "10.1.2.0/30"}, {"subnet": "10.1.3.0/24"}]]), (Do("ADD"), Do("ADD", B))),
    Case("two-sets", _ipam(ranges=[[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}]]), (Do("ADD"), Do("DEL"))),
    Case("too-small", _ipam(subnet="10.1.2.0/31"), (Do("ADD"),)),
    Case("host-bits", _ipam(subnet="10.1.2.3/24"), (Do("ADD"),)),
    Case("start-outside", _ipam(subnet="10.1.2.0/24", rangeStart="10.1.3.1"), (Do("ADD"),)),
    Case("end-outside", _ipam(subnet="10.1.2.0/24", rangeEnd="10.1.3.1"), (Do("ADD"),)),
    Case("overlap", _ipam(ranges=[[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.2.0/25"}]]), (Do("ADD"),)),
    Case("overlap-in-set", _ipam(ranges=[[{"subnet": "10.1.2.0/24"}, {"subnet": "10.1.2.0/25"}]]), (Do("ADD"),)),
    Case("no-ranges", _ipam(), (Do("ADD"),)),
    Case("empty-set", _ipam(ranges=[[]]), (Do("ADD"),)),
    Case("bad-subnet", _ipam(subnet="ten"), (Do("ADD"),)),
    Case("no-ipam", [{"type": "ptp"}], (Do("ADD"),)),
    Case("no-such-ipam", [{"type": "ptp", "ipam": {"type": "nosuch"}}], (Do("ADD"),)),
    Case("bridge-no-ipam", [{"type": "bridge"}], (Do("ADD"), Do("DEL"))),
    Case("bad-type", [{"type": "ptp", "mtu": "big", "ipam": _RANGE}], (Do("ADD"),)),
    Case("version", _ptp(), (Do("ADD"),), "9.9.9"),
    Case("portmap-bad-type", [*_ptp(), {**_PORTMAP, "snat": "no"}], (Do("ADD", A, (port(80),)),)),
    Case("no-type-found", [{"type": "nosuch"}], (Do("ADD"),)),
    Case("static", [{"type": "ptp", "ipam": {"type": "static", "addresses": [{"address": "10.5.0.7/24", "gateway": "10.5.0.1"}], "routes": [{"dst": "0.0.0.0/0"}]}}], (Do("ADD"), Do("DEL"))),
)  # fmt: skip
