"""The flags of kube-proxy 1.30 that matter for iptables mode (kube-proxy sheet, section 1)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from socket import AF_INET
from typing import Any, Final

import msgspec

from podwire.errors import ConfigError, NotModelled
from podwire.wire.addr import Ip, Net

CLUSTER_CIDR: Final = "ClusterCIDR"
NODE_CIDR: Final = "NodeCIDR"
BRIDGE_INTERFACE: Final = "BridgeInterface"
INTERFACE_NAME_PREFIX: Final = "InterfaceNamePrefix"
DETECT_LOCAL_MODES: Final = (CLUSTER_CIDR, NODE_CIDR, BRIDGE_INTERFACE, INTERFACE_NAME_PREFIX)
PRIMARY: Final = "primary"

SECOND: Final = 1_000_000_000
"""In nanoseconds."""
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_OURS: Final = frozenset(
    {
        "KubeProxyDrainingTerminatingNodes",
        "LoadBalancerIPMode",
        "NFTablesProxyMode",
        "ServiceTrafficDistribution",
        "TopologyAwareHints",
        "AllAlpha",
        "AllBeta",
    }
)
"""Feature gates that kube-proxy 1.30 itself reads: other values than its defaults are not modelled."""
_INERT: Final = frozenset(
    {"oom-score-adj", "v", "vmodule", "kubeconfig", "master", "ipvs-sync-period", "ipvs-min-sync-period"}
)
"""Flags that change no rule in iptables mode."""
_NOT_NEGATIVE: Final = (
    "conntrack_max_per_core",
    "conntrack_min",
    "conntrack_tcp_timeout_established",
    "conntrack_tcp_timeout_close_wait",
    "conntrack_udp_timeout",
    "conntrack_udp_timeout_stream",
)


def duration(text: str) -> int:
    """Nanoseconds of Go's text: ``30s``, ``1m0s``, ``500ms``, ``0``. Raises ``ValueError``."""
    parts = _DURATION.findall(text)
    if text == "0":
        return 0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        msg = f"not a duration such as 30s or 1m: {text!r}"
        raise ValueError(msg)
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))


class KubeProxyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """kube-proxy's settings, by the names of its flags; the periods in nanoseconds.

    Raises ``ConfigError`` for what cannot be, ``NotModelled`` for the modes ipvs and nftables.
    """

    proxy_mode: str = "iptables"
    cluster_cidr: str = ""
    """One range, or one of each family with a comma between."""
    detect_local_mode: str = CLUSTER_CIDR
    pod_bridge_interface: str = ""
    pod_interface_name_prefix: str = ""
    masquerade_all: bool = False
    iptables_masquerade_bit: int = 14
    iptables_localhost_nodeports: bool = True
    nodeport_addresses: tuple[str, ...] = ()
    """Ranges, or ``primary`` alone: the address of the node."""
    iptables_sync_period: int = 30 * SECOND
    iptables_min_sync_period: int = SECOND
    hostname_override: str = ""
    conntrack_max_per_core: int = 32768
    conntrack_min: int = 131072
    conntrack_tcp_be_liberal: bool = False
    conntrack_tcp_timeout_established: int = 24 * 3600 * SECOND
    conntrack_tcp_timeout_close_wait: int = 3600 * SECOND
    conntrack_udp_timeout: int = 0
    conntrack_udp_timeout_stream: int = 0

    def __post_init__(self) -> None:
        if self.proxy_mode in {"ipvs", "nftables"}:
            raise NotModelled(f"--proxy-mode={self.proxy_mode} (only iptables is)", "kube-proxy")
        if self.proxy_mode not in {"", "iptables"}:
            raise ConfigError("kube-proxy", f"--proxy-mode={self.proxy_mode}: expected iptables")
        if self.detect_local_mode not in DETECT_LOCAL_MODES:
            known = ", ".join(DETECT_LOCAL_MODES)
            raise ConfigError("kube-proxy", f"--detect-local-mode={self.detect_local_mode}: expected one of {known}")
        for mode, flag, value in (
            (BRIDGE_INTERFACE, "--pod-bridge-interface", self.pod_bridge_interface),
            (INTERFACE_NAME_PREFIX, "--pod-interface-name-prefix", self.pod_interface_name_prefix),
        ):
            if self.detect_local_mode == mode and not value:
                raise ConfigError("kube-proxy", f"{flag} is empty: --detect-local-mode={mode} needs it")
        if not 0 <= self.iptables_masquerade_bit <= 31:
            raise ConfigError(
                "kube-proxy", f"--iptables-masquerade-bit={self.iptables_masquerade_bit}: expected 0 to 31"
            )
        for flag in _NOT_NEGATIVE:
            if getattr(self, flag) < 0:
                raise ConfigError("kube-proxy", f"--{flag.replace('_', '-')}: expected 0 or more")
        if self.iptables_sync_period <= 0:
            raise ConfigError("kube-proxy", "--iptables-sync-period: expected more than 0")
        if not 0 <= self.iptables_min_sync_period <= self.iptables_sync_period:
            raise ConfigError("kube-proxy", "--iptables-min-sync-period: expected 0 to --iptables-sync-period")
        if PRIMARY in self.nodeport_addresses and len(self.nodeport_addresses) > 1:
            raise ConfigError("kube-proxy", "--nodeport-addresses: can't use both 'primary' and CIDRs")
        _nets("--cluster-cidr", self.cluster_cidr.split(",") if self.cluster_cidr else ())
        _nets("--nodeport-addresses", () if self.primary else self.nodeport_addresses)

    @property
    def cluster_cidrs(self) -> tuple[Net, ...]:
        """``--cluster-cidr`` as ranges."""
        return _nets("--cluster-cidr", self.cluster_cidr.split(",") if self.cluster_cidr else ())

    @property
    def primary(self) -> bool:
        """NodePorts are taken at the node's own address alone."""
        return self.nodeport_addresses == (PRIMARY,)

    def nodeport_ranges(self, family: int, node: Ip | None = None) -> tuple[Net, ...]:
        """``--nodeport-addresses`` of a family; empty where every local address takes NodePorts. ``node`` is the node's address."""
        if self.primary:
            return (Net(node, node.bits),) if node is not None and node.family == family else ()
        ranges = tuple(each for each in _nets("--nodeport-addresses", self.nodeport_addresses) if each.family == family)
        return () if any(each.plen == 0 for each in ranges) else ranges

    @property
    def route_localnet(self) -> bool:
        """NodePorts answer on 127.0.0.1: kube-proxy sets ``net.ipv4.conf.all.route_localnet``."""
        ranges = self.nodeport_ranges(AF_INET)
        return (
            self.iptables_localhost_nodeports
            and not self.primary
            and (not ranges or any(each.addr.is_loopback or each.mask == 0 for each in ranges))
        )

    @classmethod
    def from_flags(cls, flags: str | Iterable[str]) -> KubeProxyConfig:
        """Of a command line, with or without ``kube-proxy`` in front.

        Raises ``ConfigError`` naming the flag, ``NotModelled`` for flags that podwire does not know.
        """
        words = shlex.split(flags) if isinstance(flags, str) else list(flags)
        if words and not words[0].startswith("-"):
            del words[0]
        given: dict[str, Any] = {}
        while words:
            name, sign, value = words.pop(0).partition("=")
            key = name.lstrip("-")
            if not name.startswith("-"):
                raise ConfigError("kube-proxy", f"unknown command {name!r}: expected flags")
            if not sign:
                value = words.pop(0) if words and not words[0].startswith("-") and key not in _SWITCHES else "true"
            if key == "feature-gates":
                _check_gates(value)
            elif key not in _INERT:
                given[_field(key)] = _value(key, value)
        return cls(**given)


_SWITCHES: Final = frozenset({"masquerade-all", "iptables-localhost-nodeports", "conntrack-tcp-be-liberal"})
_NUMBERS: Final = frozenset({"iptables-masquerade-bit", "conntrack-max-per-core", "conntrack-min"})


def _field(key: str) -> str:
    name = key.replace("-", "_")
    if name not in KubeProxyConfig.__struct_fields__:
        raise NotModelled(f"--{key}", "kube-proxy")
    return name


def _value(key: str, text: str) -> Any:
    if key in _SWITCHES:
        if text.lower() not in {"true", "false"}:
            raise ConfigError("kube-proxy", f"--{key}={text}: expected true or false")
        return text.lower() == "true"
    try:
        if key in _NUMBERS:
            return int(text)
        if key.endswith("-period") or "-timeout" in key:
            return duration(text)
    except ValueError:
        raise ConfigError(
            "kube-proxy", f"--{key}={text}: expected a {'number' if key in _NUMBERS else 'duration'}"
        ) from None
    return tuple(filter(None, text.split(","))) if key == "nodeport-addresses" else text


def _check_gates(text: str) -> None:
    """Gates of other programs change nothing here."""
    for gate in filter(None, text.split(",")):
        if gate.partition("=")[0] in _OURS:
            raise NotModelled(f"--feature-gates={gate}", "kube-proxy")


def _nets(flag: str, texts: Iterable[str]) -> tuple[Net, ...]:
    try:
        return tuple(Net.parse(each.strip(), strict=False) for each in texts if each.strip())
    except ValueError as error:
        raise ConfigError("kube-proxy", f"{flag}: {error}") from None
