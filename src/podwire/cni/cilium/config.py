"""Settings of Cilium: the Helm values that podwire knows, in snake case (``bpf.masquerade`` is ``bpf_masquerade``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from podwire.cni.backend import CLUSTER_CIDR
from podwire.errors import ConfigError, NotModelled
from podwire.wire.addr import Net

if TYPE_CHECKING:
    from podwire.cni.cilium.backend import CiliumBackend

_VERSION: Final = re.compile(r"1\.(1[678])\.\d+", re.ASCII)
_TUNNEL_OVERHEAD: Final = 50
_TUNNEL_PORTS: Final = {"vxlan": 8472, "geneve": 6081}
Mask = Annotated[int, Meta(ge=1, le=32)]
Port = Annotated[int, Meta(ge=0, le=65535)]


class Cilium(msgspec.Struct, frozen=True):
    """The backend's configuration, with the chart's defaults (1.18).

    ``ipam_operator_cluster_pool_ipv4_pod_cidr_list`` are the ranges of cluster-pool; ``devices`` and ``mtu`` are detected where
    they are empty. What cannot be is refused when the cluster is made, never later.

    Three values decide nothing that podwire shows: ``operator_replicas``, ``debug_enabled``, and
    ``install_no_conntrack_iptables_rules`` as long as nodes have no iptables. ``auto_direct_node_routes`` counts in native routing only.
    """

    version: str = "1.18.0"
    routing_mode: Literal["tunnel", "native"] = "tunnel"
    tunnel_protocol: Literal["vxlan", "geneve"] = "vxlan"
    tunnel_port: Port = 0
    auto_direct_node_routes: bool = False
    direct_routing_skip_unreachable: bool = False
    ipv4_native_routing_cidr: str = ""
    ipam_mode: Literal["cluster-pool", "kubernetes"] = "cluster-pool"
    ipam_operator_cluster_pool_ipv4_pod_cidr_list: tuple[str, ...] = ("10.0.0.0/8",)
    ipam_operator_cluster_pool_ipv4_mask_size: Mask = 24
    kube_proxy_replacement: bool = False
    enable_ipv4_masquerade: bool = True
    bpf_masquerade: bool = False
    bpf_host_legacy_routing: bool = False
    endpoint_routes_enabled: bool = False
    install_no_conntrack_iptables_rules: bool = False
    health_checking: bool = True
    endpoint_health_checking_enabled: bool = True
    l7_proxy: bool = True
    devices: tuple[str, ...] = ()
    mtu: int = 0
    operator_replicas: int = 2
    debug_enabled: bool = False

    # -- what follows from them ----------------------------------------------------------------------------------

    @property
    def ipam(self) -> str:
        """Whose pod CIDRs: ``kubernetes`` are those of the Node objects."""
        return self.ipam_mode

    @property
    def minor(self) -> int:
        """18 for 1.18.0."""
        return int(self.version.split(".")[1])

    @property
    def tunnel(self) -> str:
        """``vxlan`` or ``geneve``; empty for native routing."""
        return self.tunnel_protocol if self.routing_mode == "tunnel" else ""

    @property
    def port(self) -> int:
        """The UDP port of the tunnel."""
        return self.tunnel_port or _TUNNEL_PORTS[self.tunnel_protocol]

    @property
    def overhead(self) -> int:
        """What the route MTU lacks of the device MTU (section 1.4)."""
        return _TUNNEL_OVERHEAD if self.tunnel else 0

    @property
    def host_routing(self) -> bool:
        """BPF host routing: kube-proxy replacement, and masquerading by BPF or not at all (section 4.0)."""
        masquerade = self.bpf_masquerade or not self.enable_ipv4_masquerade
        return self.kube_proxy_replacement and not self.bpf_host_legacy_routing and masquerade

    @property
    def needs_devices(self) -> bool:
        """Whether programs watch what leaves by the physical devices (section 1.8)."""
        return self.kube_proxy_replacement or self.bpf_masquerade

    @property
    def has_health_endpoint(self) -> bool:
        """Both switches are on (section 1.6)."""
        return self.health_checking and self.endpoint_health_checking_enabled

    @property
    def pool(self) -> tuple[Net, ...]:
        """The ranges of cluster-pool."""
        return tuple(Net.parse(text) for text in self.ipam_operator_cluster_pool_ipv4_pod_cidr_list)

    @property
    def pod_range(self) -> str | None:
        """Each node has a pod CIDR where the agents take theirs from the Node; else the operator allocates."""
        return CLUSTER_CIDR if self.ipam_mode == "kubernetes" else None

    def new_backend(self) -> CiliumBackend:
        """Raises ``ConfigError`` or ``NotModelled`` for settings that cannot be had."""
        from podwire.cni.cilium.backend import CiliumBackend

        return CiliumBackend(self)

    @property
    def native_cidr(self) -> Net | None:
        """Destinations that are never masqueraded; None where it was not given."""
        return Net.parse(self.ipv4_native_routing_cidr) if self.ipv4_native_routing_cidr else None

    # -- checks --------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise ``ConfigError`` for what the agent refuses, ``NotModelled`` for what podwire lacks."""
        self._check_words()
        self._check_ranges()
        if self.routing_mode == "native" and self.enable_ipv4_masquerade and not self.ipv4_native_routing_cidr:
            raise ConfigError(
                "Cilium",
                "routing_mode='native' with masquerading: expected ipv4_native_routing_cidr, as cilium-agent does not start without it",
            )
        if self.bpf_masquerade and not self.kube_proxy_replacement:
            raise ConfigError(
                "Cilium", "bpf_masquerade=True: expected kube_proxy_replacement=True, as it needs BPF NodePort"
            )

    def _check_words(self) -> None:
        for field, words in (
            ("routing_mode", ("tunnel", "native")),
            ("tunnel_protocol", ("vxlan", "geneve")),
            ("ipam_mode", ("cluster-pool", "kubernetes")),
        ):
            value = getattr(self, field)
            if value not in words:
                raise ConfigError("Cilium", f"{field}={value!r}: expected {' or '.join(map(repr, words))}")
        for info in msgspec.structs.fields(type(self)):
            value = getattr(self, info.name)
            if info.type is bool and not isinstance(value, bool):
                raise ConfigError("Cilium", f"{info.name}={value!r}: expected True or False")
        if not _VERSION.fullmatch(self.version):
            raise NotModelled(f"Cilium(version={self.version!r}); versions are 1.16, 1.17 and 1.18, such as '1.18.0'")
        if isinstance(self.devices, str):
            raise ConfigError("Cilium", f"devices={self.devices!r}: expected a tuple of names such as ('eth0', 'ens+')")
        if any(name.startswith("!") for name in self.devices):
            raise NotModelled(f"Cilium(devices={self.devices!r}): devices that are left out by '!'")
        if self.mtu and not 1280 <= self.mtu <= 65535:
            raise ConfigError("Cilium", f"mtu={self.mtu}: expected 0 (detected), or 1280 to 65535")
        if not 0 <= self.tunnel_port <= 65535:
            raise ConfigError("Cilium", f"tunnel_port={self.tunnel_port}: expected 0 (the protocol's own) to 65535")

    def _check_ranges(self) -> None:
        size = self.ipam_operator_cluster_pool_ipv4_mask_size
        field = "ipam_operator_cluster_pool_ipv4_pod_cidr_list"
        texts: object = self.ipam_operator_cluster_pool_ipv4_pod_cidr_list
        if not isinstance(texts, tuple | list) or not texts:
            raise ConfigError("Cilium", f"{field}={texts!r}: expected a tuple of address ranges")
        for name, text in ((field, each) for each in texts):
            net = _net(name, text)
            if not net.plen <= size <= 30:
                raise ConfigError(
                    "Cilium", f"ipam_operator_cluster_pool_ipv4_mask_size={size}: expected {net.plen} (as {net}) to 30"
                )
        if self.ipv4_native_routing_cidr:
            _net("ipv4_native_routing_cidr", self.ipv4_native_routing_cidr)


def _net(field: str, text: str) -> Net:
    try:
        return Net.parse(text)
    except ValueError as error:
        raise ConfigError("Cilium", f"{field}: {error}") from None
