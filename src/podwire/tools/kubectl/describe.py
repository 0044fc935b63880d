"""``kubectl describe``: which objects, and the describer of each kind (client 1.30)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from podwire.kube.store import Store, Stored
from podwire.tools.kubectl import (
    describe_network,
    describe_nodes,
    describe_plain,
    describe_pods,
    describe_workloads,
    resources,
)
from podwire.tools.kubectl.context import Context, KubectlError, Verb
from podwire.tools.kubectl.describe_writing import Describer, Page
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES, Given, read

_NOTHING: Final = (
    "error: You must specify the type of resource to describe. "
    'Use "kubectl api-resources" for a complete list of supported resources.'
)
_DESCRIBERS: Final[Mapping[tuple[str, str], Describer]] = MappingProxyType(
    {
        ("", "ConfigMap"): describe_plain.config_map,
        ("", "Endpoints"): describe_network.endpoints,
        ("", "Namespace"): describe_plain.namespace,
        ("", "Node"): describe_nodes.node,
        ("", "Pod"): describe_pods.pod,
        ("", "Service"): describe_network.service,
        ("", "ServiceAccount"): describe_plain.service_account,
        ("apps", "DaemonSet"): describe_workloads.daemon_set,
        ("apps", "Deployment"): describe_workloads.deployment,
        ("apps", "ReplicaSet"): describe_workloads.replica_set,
        ("apps", "StatefulSet"): describe_workloads.stateful_set,
        ("discovery.k8s.io", "EndpointSlice"): describe_network.endpoint_slice,
        ("networking.k8s.io", "NetworkPolicy"): describe_network.network_policy,
    }
)
"""By group and kind; every other kind, Event among them, is described member by member."""


def text_of(context: Context, each: Stored) -> str:
    """What is printed of one object."""
    return page_of(context.store, each, events=context.parsed.on("show-events"))


def page_of(store: Store, each: Stored, *, events: bool) -> str:
    """The same, for who has no command line."""
    page = Page(store, events=events)
    describer = _DESCRIBERS.get((each.kind.group, each.kind.name), describe_plain.generic)
    describer(page, each)
    return page.text()


def _run(context: Context) -> int:
    parsed = context.parsed
    files = parsed.all("filename")
    if not parsed.args and not files:
        raise KubectlError(_NOTHING)
    if files:
        found = _of_files(context)
    else:
        asked = resources.query(
            context,
            parsed.args,
            selector=parsed.text("selector"),
            all_namespaces=parsed.on("all-namespaces"),
            listing=True,
        )
        found = resources.look(context, asked)
        if len(found.errors) == 1 and len(parsed.args) == 2:
            return _by_prefix(context, asked, found)
    for number, each in enumerate(found.objects):
        context.out(("\n\n" if number else "") + text_of(context, each))
    if not found.objects and not found.errors:
        everywhere = parsed.on("all-namespaces")
        context.err(f"No resources found{'' if everywhere else f' in {context.namespace} namespace.'}\n")
    found.complain()
    return 0


def _by_prefix(context: Context, asked: resources.Query, found: resources.Found) -> int:
    """Two words, and one object is not there: the second may be how names begin. Else the complaint, and nothing of what is there."""
    if "," in context.parsed.args[0]:
        raise KubectlError("error: you may only specify a single resource type")
    if "/" in context.parsed.args[0]:
        found.complain()
    kind, prefix = asked.names[0]
    all_of_kind = resources.Query(kinds=(kind,), namespace=context.namespace)
    matching = [each for each in resources.look(context, all_of_kind).objects if each.name.startswith(prefix)]
    if not matching:
        found.complain()
    for each in matching:
        context.out(text_of(context, each) + "\n")
    return 0


def _of_files(context: Context) -> resources.Found:
    """The objects that manifests name, as they are in the cluster."""
    if context.parsed.args:
        raise KubectlError(
            "error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        )
    given, failures = read(context, strict=False)
    if failures:
        raise KubectlError(failures[0].alone)
    looked = [resources.look(context, _query(context, each)) for each in given]
    return resources.Found(
        tuple(each for one in looked for each in one.objects), tuple(error for one in looked for error in one.errors)
    )


def _query(context: Context, given: Given) -> resources.Query:
    kind = context.store.kind(str(given.document["apiVersion"]), given.kind)
    return resources.Query(names=((kind, given.name),), namespace=given.document["metadata"].get("namespace"))


DESCRIBE: Final = Verb(
    _run,
    (
        *FILES,
        Flag("selector", "l"),
        Flag("all-namespaces", "A", "bool"),
        Flag("show-events", kind="bool", default="true"),
        Flag("chunk-size", kind="int", default="500"),
    ),
)
