"""From a checked lab to a cluster: networks, machines, what happened before, manifests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path

import msgspec

from podwire.cluster import Cluster, NicSpec
from podwire.cni.backend import CniSettings
from podwire.cni.calico.config import Calico
from podwire.cni.cilium.config import Cilium
from podwire.cni.cilium.values import FIELDS
from podwire.cni.plugins.config import Plugins
from podwire.errors import ConfigError, ManifestError, NotModelled, PodwireError
from podwire.fabric.firewall import FirewallRule
from podwire.kube.decode import decode, one_of
from podwire.kube.fields import Field
from podwire.kube.manifest import load_objects, load_references
from podwire.kube.objects import KubeObject, Reference
from podwire.lab.checks import Checker, Networks
from podwire.lab.document import Cloud, Exec, Network, Nic, Segment, Spec, Step, Uplink, Vpc, decode_network
from podwire.lab.document import FirewallRule as RuleDocument
from podwire.platform.gke import GKE

_BACKENDS = ("calico", "gke", "cilium", "plugins")
_GROUP = "podwire.backends"
"""Entry points of further backends: name, and a msgspec struct that is ``CniSettings``."""


class Plan(msgspec.Struct, frozen=True):
    """A lab of which every part was decoded and looked at; nothing of it is built."""

    spec: Spec
    networks: Networks
    cni: CniSettings
    cni_at: Field
    steps: tuple[tuple[Step, list[KubeObject], list[Reference]], ...]
    manifests: tuple[KubeObject, ...]


def plan(spec: Spec, manifests: list[KubeObject], directory: Path) -> Plan:
    """Look at all of it. Raises ``ManifestError`` or ``NotModelled`` with file, line and field."""
    networks = {name: decode_network(field) for name, field in spec.networks.items()}
    cni, cni_at = _cni(spec, networks)
    Checker(networks, cni if isinstance(cni, GKE) else None).check(spec)
    steps = tuple(_step(step, directory) for step in spec.setup)
    for each in (*manifests, *(obj for _, objects, _ in steps for obj in objects)):
        each.check(spec.nodes)
    return Plan(spec, networks, cni, cni_at, steps, tuple(manifests))


def _cni(spec: Spec, networks: Networks) -> tuple[CniSettings, Field]:
    at = spec.at.at("cni")
    others = {
        name: point for name in spec.cni if name not in _BACKENDS for point in entry_points(group=_GROUP, name=name)
    }
    for name, field in spec.cni.items():
        if name not in _BACKENDS and name not in others:
            known = (*_BACKENDS, *sorted(entry_points(group=_GROUP).names))
            raise field.error(f"one of {', '.join(known)}")
    if len(spec.cni) != 1:
        raise at.error(f"exactly one of {', '.join(_BACKENDS)}")
    name, field = next(iter(spec.cni.items()))
    if name in others:
        settings: CniSettings = decode(field, others[name].load(), one_of)
        return settings, field
    if name == "cilium":
        return _cilium(field), field
    if name == "calico":
        return decode(field, Calico, one_of), field
    if name == "plugins":
        return decode(field, Plugins, one_of), field
    gke = decode(field, GKE, one_of)
    given = field.members()
    for network in networks.values():
        if isinstance(network, Vpc):
            if "node_range" not in given:
                gke = msgspec.structs.replace(gke, node_range=str(network.cidr))
            if "project" not in given and "zone" not in given:
                gke = msgspec.structs.replace(gke, project=network.project, zone=network.zone)
            break
    return gke, field


def _cilium(field: Field) -> Cilium:
    """Helm values, nested or with dots, as the fields of ``Cilium``."""
    found: dict[str, Field] = {}
    for path, value in _values(field):
        name = FIELDS.get(path)
        if name is None:
            near = get_close_matches(path, FIELDS, n=1)
            hint = f", such as {near[0]}" if near else ""
            raise value.error(f"a Helm value that podwire knows{hint}; they are {', '.join(FIELDS)}")
        found[name] = value
    return decode(msgspec.structs.replace(field, value=found), Cilium, one_of)


def _values(field: Field, prefix: str = "") -> Iterator[tuple[str, Field]]:
    for name, value in field.members().items():
        path = f"{prefix}.{name}" if prefix else name
        if path not in FIELDS and isinstance(value.value, dict):
            yield from _values(value, path)
        else:
            yield path, value


def _step(step: Step, directory: Path) -> tuple[Step, list[KubeObject], list[Reference]]:
    given = step.at.members()
    if len(given) != 1:
        raise step.at.error("exactly one of exec, apply, delete, run, sleep")
    objects = [obj for each in _sources(step.apply, directory) for obj in load_objects(each)]
    references = [ref for each in _sources(step.delete, directory) for ref in load_references(each)]
    return step, objects, references


def _sources(field: Field | None, directory: Path) -> Iterator[Path | Field]:
    """A file beside the lab, one inline manifest, or a list of either."""
    if field is None:
        return
    items = field.items() if isinstance(field.value, tuple) else (field,)
    for item in items:
        if isinstance(item.value, dict):
            yield item
        else:
            path = directory / item.text("a path or a manifest")
            if not path.exists():
                raise item.error(f"a file or directory beside the lab: {path} is not there")
            yield path


# ------------------------------------------------------------------------------------------------------------ building


@contextmanager
def _about(at: Field, what: str) -> Iterator[None]:
    """Complaints from below get the place in the lab."""
    try:
        yield
    except ManifestError:
        raise
    except NotModelled as error:
        more = f" ({error.where})" if error.where else ""
        raise NotModelled(f"{error.what}{more}", f"{at.where}: {at.path}") from error
    except ConfigError as error:
        raise at.error(f"{what} ({error.subject} {error.problem})") from error
    except PodwireError as error:
        raise at.error(f"{what} ({error})") from error


def build(lab: Plan) -> Cluster:
    """The cluster, as it stands before the first command."""
    spec = lab.spec
    with _about(lab.cni_at, "settings that go together"):
        cluster = Cluster(lab.cni, seed=spec.seed)
    if spec.control_plane is not None:
        cluster.control_plane = spec.control_plane
    for name, network in lab.networks.items():
        with _about(network.at, "a network that can be built"):
            _add_network(cluster, name, network)
    for name, router in spec.routers.items():
        with _about(router.at, "a router that can be built"):
            cluster.add_router(
                name,
                _nics(router.nics),
                loopbacks=router.loopbacks,
                routes=router.routes,
                image=router.image or "debian-12",
                bgp=msgspec.to_builtins(router.bgp) if router.bgp is not None else None,
            )
    for name, node in spec.nodes.items():
        with _about(node.at, "a node that can be built"):
            cluster.add_node(
                name,
                node.address,
                network=node.network,
                nics=_nics(node.nics),
                gateway=_text(node.gateway),
                routes=node.routes,
                labels=node.labels,
                pod_cidr=_text(node.pod_cidr),
                external_ip=_text(node.external_ip),
                mtu=node.mtu,
                image=node.image,
                source_dest_check=node.source_dest_check,
            )
    for name, host in spec.hosts.items():
        with _about(host.at, "a host that can be built"):
            address = host.address or "dhcp"
            cluster.add_host(name, address, network=host.network, image=host.image or "debian-12")
    for name, network in lab.networks.items():
        for at in network.at.at("routes").items() if isinstance(network, Vpc | Cloud) and network.routes else ():
            with _about(at, "a route via a node"):
                cluster.add_cloud_route(name, at.text())
    if spec.dns:
        cluster.add_dns()
    for step, objects, references in lab.steps:
        _perform(cluster, step, objects, references)
    for each in lab.manifests:
        with _about(each.at, "an object that can be applied"):
            cluster.apply(each)
    return cluster


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _nics(nics: tuple[Nic, ...]) -> list[NicSpec]:
    return [
        NicSpec(nic.name, nic.network, nic.address or "", nic.mtu or 0, nic.dhcp, nic.source_dest_check) for nic in nics
    ]


def _add_network(cluster: Cluster, name: str, network: Network) -> None:
    cidr = str(network.cidr)
    match network:
        case Segment():
            cluster.add_network(name, cidr, mtu=network.mtu, latency=network.latency, drops=network.drops)
        case Cloud():
            cluster.add_network(
                name,
                cidr,
                kind=network.kind,
                mtu=network.mtu,
                latency=network.latency,
                drops=network.drops,
                subnets=[str(subnet) for subnet in network.subnets],
            )
        case Uplink():
            cluster.add_uplink(
                name,
                cidr,
                gateway=_text(network.gateway),
                dns=_text(network.dns),
                lease=_text(network.lease),
                external_ip=_text(network.external_ip),
                isolated=network.isolated,
                mtu=network.mtu,
                latency=network.latency,
                drops=network.drops,
            )
        case Vpc():
            cluster.add_vpc(
                name,
                cidr,
                subnets=[str(subnet) for subnet in network.subnets],
                project=network.project,
                zone=network.zone,
                firewall=[rule for each in network.firewall for rule in _rules(each)],
                mtu=network.mtu,
                latency=network.latency,
                drops=network.drops,
                cloud_nat=_text(network.cloud_nat),
                cloud_nat_ports=network.cloud_nat_ports,
            )


def _rules(rule: RuleDocument) -> Iterator[FirewallRule]:
    """One rule for each entry of ``allow`` or ``deny``: its ports belong to its protocol alone."""
    if bool(rule.allow) is bool(rule.deny):
        raise rule.at.error("exactly one of allow and deny")
    if rule.direction == "ingress" and not (rule.sources or rule.source_tags):
        raise rule.at.error("sources or source_tags: a rule for ingress says who sends")
    if rule.direction == "egress" and not rule.destinations:
        raise rule.at.error("destinations: a rule for egress says where to")
    if rule.direction == "egress" and (rule.sources or rule.source_tags):
        raise rule.at.error("no sources or source_tags in a rule for egress")
    at = rule.at.at("allow" if rule.allow else "deny")
    for text, field in zip(rule.allow or rule.deny, at.items(), strict=True):
        protocol, _, ports = text.partition(":")
        low, _, high = ports.partition("-")
        ranges = ((int(low), int(high or low)),) if ports else ()
        if any(not 0 < first <= last <= 65535 for first, last in ranges):
            raise field.error("ports from 1 to 65535, the lower one first")
        if protocol.isdecimal() and int(protocol) > 255:
            raise field.error("a protocol number up to 255")
        protocols = () if protocol == "all" else (str(int(protocol)) if protocol.isdecimal() else protocol,)
        yield FirewallRule(
            rule.name,
            rule.sources,
            protocols,
            ranges,
            frozenset(rule.tags),
            rule.priority,
            action="allow" if rule.allow else "deny",
            direction=rule.direction,
            destinations=rule.destinations,
            source_tags=frozenset(rule.source_tags),
        )


def _perform(cluster: Cluster, step: Step, objects: list[KubeObject], references: list[Reference]) -> None:
    if step.exec is not None:
        _execute(cluster, step.exec)
    elif step.run is not None:
        run = step.run
        with _about(run.at, "a pod that can be run"):
            cluster.run(run.name, node=run.node, namespace=run.namespace, labels=run.labels, image=run.image)
    elif step.sleep is not None:
        cluster.sleep(step.sleep)
    with _about(step.at, "objects that can be applied"):
        if objects:
            cluster.apply(objects)
    with _about(step.at, "objects that can be deleted"):
        if references:
            cluster.delete(references)


def _execute(cluster: Cluster, step: Exec) -> None:
    with _about(step.at.at("on"), "a machine or pod that is there by now"):
        place = cluster.machine(step.on)
    with _about(step.at.at("command"), "a command that podwire can run"):
        result = place.exec(step.command)
    if result.exit_code:
        said = " ".join(result.output.split())
        raise step.at.at("command").error(f"a command that succeeds (exit status {result.exit_code}: {said})")
