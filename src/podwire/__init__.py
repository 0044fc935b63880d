"""podwire: a packet-level simulator of Kubernetes CNI networking.

Build a cluster, send a packet, ask it why::

    from podwire import GKE, Cluster

    lab = Cluster(GKE(dataplane="calico"), nodes=2)
    a = lab.run("a", node="node1")
    b = lab.run("b", node="node2")
    print(a.ping(b).trace)

The names below are loaded when they are first used, so that ``import podwire`` costs next to nothing.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from podwire.cluster import Cluster as Cluster
    from podwire.cluster import CommandResult as CommandResult
    from podwire.cluster import Host as Host
    from podwire.cluster import NicSpec as NicSpec
    from podwire.cluster import Node as Node
    from podwire.cluster import Pod as Pod
    from podwire.cluster.capture import Capture as Capture
    from podwire.cluster.probes import PingResult as PingResult
    from podwire.cni.calico.config import Calico as Calico
    from podwire.cni.calico.config import IPPool as IPPool
    from podwire.cni.cilium.config import Cilium as Cilium
    from podwire.errors import ConfigError as ConfigError
    from podwire.errors import ManifestError as ManifestError
    from podwire.errors import NotModelled as NotModelled
    from podwire.errors import PodwireError as PodwireError
    from podwire.fabric.firewall import FirewallRule as FirewallRule
    from podwire.platform.gke import GKE as GKE
    from podwire.trace.reasons import DropReason as DropReason
    from podwire.trace.reasons import Verdict as Verdict
    from podwire.trace.trace import Trace as Trace

__version__ = "0.1.0"

_HOMES: Final = MappingProxyType(
    {
        "Calico": "podwire.cni.calico.config",
        "Capture": "podwire.cluster.capture",
        "Cilium": "podwire.cni.cilium.config",
        "Cluster": "podwire.cluster",
        "CommandResult": "podwire.cluster",
        "ConfigError": "podwire.errors",
        "DropReason": "podwire.trace.reasons",
        "FirewallRule": "podwire.fabric.firewall",
        "GKE": "podwire.platform.gke",
        "Host": "podwire.cluster",
        "IPPool": "podwire.cni.calico.config",
        "ManifestError": "podwire.errors",
        "NicSpec": "podwire.cluster",
        "Node": "podwire.cluster",
        "NotModelled": "podwire.errors",
        "PingResult": "podwire.cluster.probes",
        "Plugins": "podwire.cni.plugins.config",
        "Pod": "podwire.cluster",
        "PodwireError": "podwire.errors",
        "Trace": "podwire.trace.trace",
        "Verdict": "podwire.trace.reasons",
    }
)
__all__ = sorted(_HOMES)  # noqa: PLE0605 - one list of names is enough; a test pins it


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'podwire' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
