"""Settings of Calico, by their documented names in snake case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from podwire.cni.backend import CLUSTER_CIDR
from podwire.cni.calico.autodetect import METHODS
from podwire.errors import ConfigError, ManifestError, NotModelled
from podwire.kube.fields import from_python
from podwire.kube.ippool import IPPoolObject, Mode, check_against, decode_ippool
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.cni.calico.backend import CalicoBackend

RELEASES: Final = ("v3.24", "v3.25", "v3.26", "v3.27", "v3.28")
"""Those whose rules podwire knows."""
_COMMON: Final = ("tcp:179", "tcp:2379", "tcp:2380", "tcp:5473", "tcp:6443", "tcp:6666", "tcp:6667")
FAILSAFE_IN: Final = ("tcp:22", "udp:68", *_COMMON)
FAILSAFE_OUT: Final = ("udp:53", "udp:67", *_COMMON)
MTU_INTERFACES: Final = "^((en|wl|ww|sl|ib)[Pcopsx].*|(eth|wlan|wwan).*)"


class IPPool(msgspec.Struct, frozen=True):
    """An IPPool: ``cidr`` and the options of its spec (reference sheet Calico, section 2.1)."""

    cidr: str
    name: str = "default-ipv4-ippool"
    block_size: int = 26
    ipip_mode: Mode = "Never"
    vxlan_mode: Mode = "Never"
    nat_outgoing: bool = False
    node_selector: str = "all()"
    disabled: bool = False
    disable_bgp_export: bool = False
    allowed_uses: tuple[str, ...] = ("Workload", "Tunnel")

    def decoded(self) -> IPPoolObject:
        """The API object; raises ``ConfigError`` for what Calico's API would refuse."""
        spec = {
            "cidr": self.cidr,
            "blockSize": self.block_size,
            "ipipMode": self.ipip_mode,
            "vxlanMode": self.vxlan_mode,
            "natOutgoing": self.nat_outgoing,
            "nodeSelector": self.node_selector,
            "disabled": self.disabled,
            "disableBGPExport": self.disable_bgp_export,
            "allowedUses": self.allowed_uses,
        }
        document = {
            "apiVersion": "projectcalico.org/v3",
            "kind": "IPPool",
            "metadata": {"name": self.name},
            "spec": spec,
        }
        try:
            return decode_ippool(from_python(document))
        except ManifestError as error:
            raise ConfigError(f"IPPool {self.name!r}", str(error)) from None


class Calico(msgspec.Struct, frozen=True, kw_only=True):
    """The backend's configuration.

    ``ip_pools`` are the pools of the beginning, later ones come by ``lab.apply``; without any, calico-node makes its default pool
    (not for backend ``none``, and not with ``no_default_pools``). ``backend`` is CALICO_NETWORKING_BACKEND, ``ipam`` the plugin in the
    CNI configuration, ``use_pod_cidr`` USE_POD_CIDR (None: with host-local), ``mtu`` the CNI configuration's value (0: what Felix found),
    ``interface_prefix`` FelixConfiguration's. ``ip_autodetection_method`` is IP_AUTODETECTION_METHOD. ``strict_affinity``,
    ``auto_allocate_blocks`` and ``max_blocks_per_host`` are IPAMConfig's. What follows is FelixConfiguration, where 0 and None mean
    that Felix decides; an object FelixConfiguration ``default`` counts more. A failsafe port is written ``tcp:22`` or
    ``tcp:22:10.0.0.0/8``; ``auto_host_endpoints`` is KubeControllersConfiguration's ``hostEndpoint.autoCreate``. ``version`` is the
    cluster's and ``calicoctl_version`` the client's (empty: the same), as ``calicoctl version`` shows them; Felix writes the rules of
    that release, from v3.24 to v3.28 (section 11 has what differs). What does not work yet raises ``NotModelled`` when the cluster is
    made, never later.
    """

    ip_pools: Sequence[IPPool] = ()
    backend: Literal["bird", "vxlan", "none"] = "bird"
    ipam: Literal["calico-ipam", "host-local"] = "calico-ipam"
    mtu: int = 0
    interface_prefix: str = "cali"
    no_default_pools: bool = False
    use_pod_cidr: bool | None = None
    ip_autodetection_method: str = "first-found"
    strict_affinity: bool = False
    auto_allocate_blocks: bool = True
    max_blocks_per_host: int = 0
    mtu_iface_pattern: str = MTU_INTERFACES
    ipip_enabled: bool | None = None
    ipip_mtu: int = 0
    vxlan_enabled: bool | None = None
    vxlan_mtu: int = 0
    vxlan_port: int = 4789
    vxlan_vni: int = 4096
    device_route_protocol: int = 3
    device_route_source_address: str = ""
    remove_external_routes: bool = True
    default_endpoint_to_host_action: Literal["Drop", "Accept", "Return"] = "Accept"
    iptables_filter_allow_action: Literal["Accept", "Return"] = "Accept"
    iptables_mangle_allow_action: Literal["Accept", "Return"] = "Accept"
    wireguard_enabled: bool = False
    bpf_enabled: bool = False
    route_sync_disabled: bool = False
    chain_insert_mode: Literal["insert", "append"] = "insert"
    iptables_filter_deny_action: Literal["Drop", "Reject"] = "Drop"
    log_prefix: str = "calico-packet"
    nat_port_range: str = ""
    nat_outgoing_address: str = ""
    iptables_nat_outgoing_interface_filter: str = ""
    external_nodes_list: tuple[str, ...] = ()
    failsafe_inbound_host_ports: tuple[str, ...] = FAILSAFE_IN
    failsafe_outbound_host_ports: tuple[str, ...] = FAILSAFE_OUT
    allow_vxlan_packets_from_workloads: bool = False
    allow_ipip_packets_from_workloads: bool = False
    workload_source_spoofing: Literal["Disabled", "Any"] = "Disabled"
    service_loop_prevention: Literal["Drop", "Reject", "Disabled"] = "Drop"
    auto_host_endpoints: bool = False
    version: str = "v3.26.3"
    calicoctl_version: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "ip_pools", tuple(self.ip_pools))

    @property
    def minor(self) -> int:
        """The release's second number."""
        return int(self.version.split(".")[1])

    @property
    def pod_cidr_is_block(self) -> bool:
        """USE_POD_CIDR: the node's pod CIDR stands for its block, and calico-ipam's blocks are not looked at."""
        return self.ipam == "host-local" if self.use_pod_cidr is None else self.use_pod_cidr

    @property
    def client(self) -> str:
        """The version of calicoctl."""
        return self.calicoctl_version or self.version.partition("-")[0]

    @property
    def cluster_type(self) -> str:
        """What calico-node and Typha write into ClusterInformation: CLUSTER_TYPE of the manifest, kubeadm, the datastore."""
        return "kdd,typha" if self.backend == "none" else "k8s,bgp,kubeadm,kdd"

    @property
    def source_address(self) -> Ip | None:
        """The ``src`` of the routes that Felix writes."""
        return Ip.parse(self.device_route_source_address) if self.device_route_source_address else None

    @property
    def pod_range(self) -> str | None:
        """Each node has a pod CIDR where host-local allocates from it; else calico-ipam has its pools."""
        return CLUSTER_CIDR if self.ipam == "host-local" else None

    def new_backend(self) -> CalicoBackend:
        """Raises ``ConfigError`` or ``NotModelled`` for settings that cannot be had."""
        from podwire.cni.calico.backend import CalicoBackend

        return CalicoBackend(self)

    def pools(self) -> tuple[IPPoolObject, ...]:
        """The pools as API objects. Raises ``ConfigError`` for one that cannot be, alone or beside the others."""
        pools: list[IPPoolObject] = []
        for each in self.ip_pools:
            pool = each.decoded()
            if any(pool.name == other.name for other in pools):
                raise ConfigError(
                    "Calico", f"ip_pools: two pools are called {pool.name!r}; give each a name of its own"
                )
            try:
                check_against(pool, [(other.name, other.cidr, other.block_size) for other in pools])
            except ManifestError as error:
                raise ConfigError(f"IPPool {pool.name!r}", str(error)) from None
            pools.append(pool)
        return tuple(pools)

    def check(self) -> None:
        """Raise ``NotModelled`` or ``ConfigError`` for settings that cannot be had."""
        self._check_words()
        self._check_numbers()
        for option in ("wireguard_enabled", "bpf_enabled", "route_sync_disabled"):
            if getattr(self, option):
                raise NotModelled(f"Calico({option}=True)")
        if not self.strict_affinity:
            if not self.auto_allocate_blocks:
                raise ConfigError("Calico", "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time")
            if self.max_blocks_per_host:
                raise ConfigError("Calico", "MaxBlocksPerHost requires StrictAffinity to be enabled")
        self.pools()

    def _check_words(self) -> None:
        if not self.version.startswith(tuple(f"{release}." for release in RELEASES)):
            raise NotModelled(f"Calico(version={self.version!r}): rules of another release than {', '.join(RELEASES)}")
        if self.backend not in {"bird", "vxlan", "none"}:
            raise ConfigError("Calico", f"backend={self.backend!r}: expected 'bird', 'vxlan' or 'none'")
        if self.ipam not in {"calico-ipam", "host-local"}:
            raise ConfigError("Calico", f"ipam={self.ipam!r}: expected 'calico-ipam' or 'host-local'")
        if len(self.interface_prefix) != 4:
            raise ConfigError("Calico", f"interface_prefix={self.interface_prefix!r}: expected four characters")
        method = self.ip_autodetection_method
        if not method.startswith(METHODS):
            raise ConfigError("Calico", f"ip_autodetection_method={method!r}: expected one of {', '.join(METHODS)}")
        try:
            re.compile(self.mtu_iface_pattern)
        except re.error as error:
            raise ConfigError("Calico", f"mtu_iface_pattern={self.mtu_iface_pattern!r}: {error}") from None
        try:
            _ = self.source_address
        except ValueError as error:
            raise ConfigError("Calico", f"device_route_source_address: {error}") from None

    def _check_numbers(self) -> None:
        for option, low, high in (
            ("mtu", 68, 65535),
            ("ipip_mtu", 68, 65515),
            ("vxlan_mtu", 68, 65535),
            ("vxlan_port", 1, 65535),
            ("vxlan_vni", 1, 16777215),
            ("device_route_protocol", 3, 255),
        ):
            value = getattr(self, option)
            if not low <= value <= high and not (value == 0 and option.endswith("mtu")):
                raise ConfigError("Calico", f"{option}={value}: expected {low} to {high}")
        if self.max_blocks_per_host < 0:
            raise ConfigError("Calico", f"max_blocks_per_host={self.max_blocks_per_host}: expected 0 or more")
