"""Calico's IPPool, in both API groups (reference sheet Calico, section 2.1).

Source of the rules: libcalico-go, lib/clientv3/ippool.go and lib/validator/v3 of release v3.26, whose reasons stand in the complaints.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta

from podwire.errors import ManifestError, NotModelled
from podwire.kube.decode import decode
from podwire.kube.fields import Field
from podwire.kube.meta import DnsSubdomain, ObjectMeta
from podwire.kube.selectors import SelectorError, parse_selector
from podwire.wire.addr import AF_INET6, Net

VERSIONS: Final = ("crd.projectcalico.org/v1", "projectcalico.org/v3")
Mode = Literal["Always", "CrossSubnet", "Never"]

_CIDR: Final = "an address range such as 10.48.0.0/16"
_LINK_LOCAL: Final = Net.parse("169.254.0.0/16")


_ModeText = Annotated[str, Meta(pattern="(Always|CrossSubnet|Never)?", description="one of Always, CrossSubnet, Never")]


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    cidr: str
    allowed_uses: tuple[Literal["Workload", "Tunnel"], ...] = ()
    block_size: int = 0
    disable_bgp_export: bool = msgspec.field(name="disableBGPExport", default=False)
    disabled: bool = False
    ipip: dict[str, Any] | None = None
    ipip_mode: _ModeText = ""
    nat_outgoing: bool = False
    nat_outgoing_v1: bool = msgspec.field(name="nat-outgoing", default=False)
    node_selector: str = ""
    vxlan_mode: _ModeText = ""


class _IPPool(msgspec.Struct, frozen=True, rename="camel"):
    api_version: Literal["crd.projectcalico.org/v1", "projectcalico.org/v3"]
    kind: Literal["IPPool"]
    metadata: ObjectMeta
    spec: _Spec


class IPPoolObject(msgspec.Struct, frozen=True, eq=False):
    """An IPPool as a manifest asks for it, with the defaults filled in."""

    name: DnsSubdomain
    cidr: Net
    block_size: int
    ipip_mode: Mode
    vxlan_mode: Mode
    nat_outgoing: bool
    node_selector: str
    disabled: bool
    disable_bgp_export: bool
    allowed_uses: tuple[str, ...]
    at: Field
    kind: str = "IPPool"

    @property
    def key(self) -> str:
        """Its name: pools have no namespace."""
        return self.name

    def check(self, nodes: Iterable[str]) -> None:
        """Nothing in it names a node."""


def decode_ippool(field: Field) -> IPPoolObject:
    """An IPPool. Raises ``ManifestError`` as Calico's API would refuse it, ``NotModelled`` for IPv6."""
    spec = decode(field, _IPPool).spec
    at = field.at("spec")
    cidr = _cidr(at.at("cidr"), spec.cidr)
    block_size = _block_size(at, spec, cidr)
    for name, given in (("ipip", spec.ipip), ("nat-outgoing", spec.nat_outgoing_v1)):
        if given:
            raise at.at(name).error(f"no {name}: it belongs to an older API and is for internal use only")
    ipip_mode, vxlan_mode = cast("Mode", spec.ipip_mode or "Never"), cast("Mode", spec.vxlan_mode or "Never")
    if "Never" not in {ipip_mode, vxlan_mode}:
        raise at.at("vxlanMode").error("Never (IPIPMode and VXLANMode cannot both be enabled on the same IP pool)")
    _check_selector(at.at("nodeSelector"), spec.node_selector)
    return IPPoolObject(
        str(field.at("metadata", "name").value),
        cidr,
        block_size,
        ipip_mode,
        vxlan_mode,
        spec.nat_outgoing,
        spec.node_selector or "all()",
        spec.disabled,
        spec.disable_bgp_export,
        spec.allowed_uses or ("Workload", "Tunnel"),
        field,
    )


def ippool_document(pool: IPPoolObject, born: int) -> dict[str, Any]:
    """A pool as ``kubectl get -o yaml`` shows it, with all its defaults; ``born`` in ns since 1970."""
    spec: dict[str, Any] = {
        "allowedUses": list(pool.allowed_uses),
        "blockSize": pool.block_size,
        "cidr": str(pool.cidr),
        "ipipMode": pool.ipip_mode,
        "natOutgoing": pool.nat_outgoing,
        "nodeSelector": pool.node_selector,
        "vxlanMode": pool.vxlan_mode,
    }
    # Calico leaves these two out where they are false.
    spec |= {"disabled": True} if pool.disabled else {}
    spec |= {"disableBGPExport": True} if pool.disable_bgp_export else {}
    created = f"{datetime.fromtimestamp(born // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "apiVersion": VERSIONS[0],
        "kind": "IPPool",
        "metadata": {"name": pool.name, "creationTimestamp": created},
        "spec": spec,
    }


def _cidr(at: Field, text: str) -> Net:
    try:
        cidr = Net.parse(text)
    except ValueError as error:
        masked = str(error).startswith("host bits")
        raise at.error(f"{_CIDR} ({'IPPool CIDR is not strictly masked: ' if masked else ''}{error})") from None
    if "/" not in text:
        raise at.error(_CIDR)
    if cidr.family == AF_INET6:
        raise NotModelled(f"{at.path}: IPv6 pools", at.where)
    if _overlap(cidr, _LINK_LOCAL):
        raise at.error(f"{_CIDR} (IPPool CIDR overlaps with IPv4 Link Local range {_LINK_LOCAL})")
    return cidr


def _block_size(at: Field, spec: _Spec, cidr: Net) -> int:
    size = spec.block_size or 26
    if not 20 <= size <= 32:
        raise at.at("blockSize").error("an integer from 20 to 32 (IPv4 block size must be between 20 and 32)")
    if not spec.disabled and cidr.plen > size:
        raise at.at("cidr").error(
            f"a range that holds a block of /{size} (IP pool size is too small for use with Calico IPAM. "
            "It must be equal to or greater than the block size.)"
        )
    return size


def _check_selector(at: Field, text: str) -> None:
    try:
        parse_selector(text)
    except SelectorError as error:
        raise at.error(f"a selector such as zone == 'west' ({error})") from None


def _overlap(one: Net, other: Net) -> bool:
    return one.addr in other or other.addr in one


def check_against(new: IPPoolObject, others: Iterable[tuple[str, Net, int]]) -> None:
    """Hold a pool beside those there are: name, range and block size of each.

    Raises ``ManifestError``: neither range nor block size of a pool can change, and no two ranges overlap.
    """
    at = new.at.at("spec")
    for name, cidr, block_size in others:
        if name == new.name:
            if cidr != new.cidr:
                raise _fixed(at.at("cidr"), cidr, "IPPool CIDR cannot be modified")
            if block_size != new.block_size:
                raise _fixed(at.at("blockSize"), block_size, "IPPool BlockSize cannot be modified")
        elif _overlap(cidr, new.cidr):
            raise at.at("cidr").error(
                f"a range of its own (IPPool({new.name}) CIDR overlaps with IPPool({name}) CIDR {cidr})"
            )


def _fixed(at: Field, value: object, why: str) -> ManifestError:
    return at.error(f"{value} ({why})")
