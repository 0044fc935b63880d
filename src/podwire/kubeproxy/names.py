"""Names that kube-proxy derives: ids of service ports, chains by hash, numbers as text (kube-proxy sheet, 1.1 and 1.6)."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from typing import NamedTuple

from podwire.wire.addr import Ip, Ip6

SERVICE_CHAINS = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-", "KUBE-XLB-")
"""How the chains begin that belong to one service port; kube-proxy takes away every such chain that it does not need."""


class ServicePortName(NamedTuple):
    """A port of a Service: ``namespace``, ``name``, the port's name (may be empty), ``protocol`` in capitals."""

    namespace: str
    name: str
    port: str
    protocol: str

    @property
    def service(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def id(self) -> str:
        """``namespace/name`` or ``namespace/name:port``, as comments have it."""
        return f"{self.namespace}/{self.name}:{self.port}" if self.port else f"{self.namespace}/{self.name}"


def _hash(text: str) -> str:
    """The first 16 characters of a text's SHA-256 in base32."""
    return b32encode(hashlib.sha256(text.encode()).digest()).decode()[:16]


def port_hash(id_: str, protocol: str) -> str:
    """What the SVC, SVL, EXT and FW chains of a service port share; ``protocol`` in lower case."""
    return _hash(id_ + protocol)


def endpoint_chain(id_: str, protocol: str, address: str) -> str:
    """The SEP chain of an endpoint ``ip:port`` of a service port; ``protocol`` in lower case."""
    return f"KUBE-SEP-{_hash(id_ + protocol + address)}"


def join_host_port(ip: Ip, port: int) -> str:
    """``10.0.0.1:80``, ``[fd00::1]:80``."""
    return f"[{ip}]:{port}" if isinstance(ip, Ip6) else f"{ip}:{port}"


def probability(left: int) -> str:
    """One of ``left``, as it is given to iptables-restore (the kernel keeps 31 bits of it)."""
    return f"{1 / left:.10f}"


def mark(bit: int) -> str:
    """The mark of that bit, with eight digits."""
    return f"{1 << bit:#010x}"
