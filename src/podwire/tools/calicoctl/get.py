"""``calicoctl get``: resources as tables, YAML or JSON (calicoctl, commands/get.go and commands/common/printer.go)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled
from podwire.tools.calicoctl import datastore, manifests
from podwire.tools.calicoctl.context import CONFIG, CONTEXT, FILE, MISMATCH, NAMESPACE, CalicoctlError
from podwire.tools.calicoctl.datastore import DatastoreError
from podwire.tools.calicoctl.derived import VERSION
from podwire.tools.calicoctl.docopt import Option, UsageError
from podwire.tools.calicoctl.kinds import Resource, named, of_kind, shown
from podwire.tools.calicoctl.table import columns
from podwire.tools.kubectl.yamltext import yaml_text

if TYPE_CHECKING:
    from podwire.tools.calicoctl.context import Context

_CLUSTERS: Final = ("uid", "resourceVersion", "creationTimestamp", "namespace")
"""What ``--export`` leaves out."""
_META: Final = "name generateName namespace uid resourceVersion creationTimestamp labels annotations".split()
_RULE: Final = (
    "action ipVersion protocol icmp notProtocol notICMP source destination http metadata"
    " nets selector namespaceSelector services ports notNets notSelector notPorts serviceAccounts"
).split()
_ORDERS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "IPPool": "cidr vxlanMode ipipMode natOutgoing disabled disableBGPExport blockSize nodeSelector allowedUses".split(),
        "NetworkPolicy": "order ingress egress selector types serviceAccountSelector".split() + _RULE,
        "GlobalNetworkPolicy": "order ingress egress selector types doNotTrack preDNAT applyOnForward serviceAccountSelector"
        " namespaceSelector".split()
        + _RULE,
        "NetworkSet": ["nets"],
        "GlobalNetworkSet": ["nets"],
        "HostEndpoint": "node interfaceName expectedIPs profiles ports name protocol port".split(),
        "BGPPeer": "node nodeSelector peerIP asNumber peerSelector keepOriginalNextHop".split(),
        "IPReservation": ["reservedCIDRs"],
        "ClusterInformation": "clusterGUID clusterType calicoVersion datastoreReady".split(),
        "WorkloadEndpoint": "orchestrator node pod endpoint serviceAccountName ipNetworks profiles interfaceName ports"
        " name protocol port hostPort hostIP".split(),
    }
)
"""The order of members in JSON, which is that of the Go structs. A kind that is not here prints no JSON yet."""

Answer = tuple[Resource, list[dict[str, Any]], bool]
"""A kind, objects of it, and whether they are a list."""


def _get(ctx: Context) -> int:
    words = ctx.words
    from_file = words.on("--filename")
    if bool(words.args) == from_file or (not from_file and (words.on("--recursive") or words.on("--skip-empty"))):
        raise UsageError
    output = _output(words.text("--output", "ps"))
    try:
        ctx.check_version()
    except CalicoctlError as error:
        raise CalicoctlError(f"Failed to get resources: {error}") from None
    answers, errors = _of_file(ctx) if from_file else _of_words(ctx)
    if output in {"yaml", "yml", "json"}:
        _documents(ctx, answers, as_json=output == "json")
    else:
        _tables(ctx, answers, output)
    if errors:
        raise CalicoctlError("\n".join(errors))
    return 0


def _output(text: str) -> str:
    """Raises ``CalicoctlError`` for a format that there is not."""
    name, _, wanted = text.partition("=")
    if text in {"yaml", "yml", "json", "ps", "wide"}:
        return text
    if name in {"go-template", "go-template-file", "custom-columns"}:
        if not wanted:
            what = {"go-template": "a template", "go-template-file": "a template file"}.get(name, "at least one column")
            raise CalicoctlError(f"need to specify {what}")
        if name != "custom-columns":
            raise NotModelled(f"--output={name}", "calicoctl get")
        return text
    raise CalicoctlError(f"unrecognized output format '{text}'")


# ---------------------------------------------------------------------------------------------------- what is asked for


def _of_words(ctx: Context) -> tuple[list[Answer], list[str]]:
    word, names = ctx.words.args[0], ctx.words.args[1:] or [""]
    resource = named(word)
    if resource is None:
        raise CalicoctlError(f"Failed to get resources: resource type '{word}' is not supported")
    if any(not name for name in ctx.words.args[1:]):
        raise CalicoctlError("Failed to get resources: resource name may not be empty")
    answers: list[Answer] = []
    errors: list[str] = []
    for name in names:
        try:
            found = _look(ctx, resource, {"name": name})
        except DatastoreError as error:
            errors.append(str(error))
            continue
        if ctx.words.on("--export") and name:
            found = (found[0], [_exported(each) for each in found[1]], found[2])
        answers.append(found)
    return answers, errors


def _of_file(ctx: Context) -> tuple[list[Answer], list[str]]:
    answers: list[Answer] = []
    errors: list[str] = []
    try:
        wanted = manifests.read(ctx)
    except manifests.FileInvalid as error:
        raise CalicoctlError(f"Failed to execute command: {error}") from None
    except manifests.NothingGiven as error:
        raise CalicoctlError(f"Failed to get resources: {error}") from None
    for each in wanted:
        resource = of_kind(each["kind"])
        assert resource is not None  # noqa: S101 - the reader knows its kinds
        try:
            answers.append(_look(ctx, resource, each["metadata"]))
        except DatastoreError as error:
            errors.append(str(error))
    return answers, errors


def _look(ctx: Context, resource: Resource, meta: Mapping[str, Any]) -> Answer:
    space = manifests.namespace(ctx, resource, str(meta.get("namespace") or ""))
    if meta["name"]:
        if resource.namespaced and not space:
            raise DatastoreError("cannot use --all-namespace flag for getting a single resource")
        return resource, [datastore.one(ctx, resource, {"name": meta["name"], "namespace": space})], False
    found = datastore.listed(ctx, resource)
    if resource.namespaced and space:
        found = [each for each in found if each["metadata"].get("namespace") == space]
    return resource, found, True


def _exported(document: dict[str, Any]) -> dict[str, Any]:
    meta = {name: each for name, each in document["metadata"].items() if name not in _CLUSTERS}
    return {**document, "metadata": {**meta, "creationTimestamp": None}}


# ---------------------------------------------------------------------------------------------------------- how it looks


def _tables(ctx: Context, answers: Sequence[Answer], output: str) -> None:
    spaces = ctx.words.on("--all-namespaces") or bool(ctx.words.text("--namespace"))
    for resource, documents, _ in answers:
        wanted = list(resource.wide if output == "wide" else resource.columns)
        if output.startswith("custom-columns="):
            wanted = output.partition("=")[2].split(",")
        if spaces and resource.namespaced and not output.startswith("custom-columns="):
            wanted = ["NAMESPACE", *wanted]
        unknown = next((each for each in wanted if each not in resource.cells), None)
        if unknown is not None:
            raise CalicoctlError(f"Unknown heading {unknown}, valid values are: {', '.join(sorted(resource.cells))}")
        asn = _asn(ctx) if "ASN" in wanted and resource.kind == "Node" else ""
        ctx.out(columns(wanted, [[resource.cells[name](each, asn) for name in wanted] for each in documents]))


def _asn(ctx: Context) -> str:
    """The AS number of the cluster: that of the BGPConfiguration ``default``, else 64512."""
    config = named("bgpconfig")
    try:
        assert config is not None  # noqa: S101 - it is in the table
        found = datastore.one(ctx, config, {"name": "default"})
    except (DatastoreError, NotModelled):
        return "64512"
    return shown(found["spec"].get("asNumber", 64512))


def _documents(ctx: Context, answers: Sequence[Answer], *, as_json: bool) -> None:
    texts = [_whole(ctx, *each) for each in answers]
    # Go prints a slice that nobody has put anything into as null.
    what: Any = texts[0] if len(texts) == 1 else texts or None
    if not as_json:
        ctx.out(yaml_text(what) if texts else "null\n")
        return
    for resource, _, _ in answers:
        if resource.kind not in _ORDERS:
            raise NotModelled(f"--output=json of a {resource.kind}", "calicoctl get")
    ordered = [_ordered(each, resource.kind) for each, (resource, _, _) in zip(texts, answers, strict=True)]
    ctx.out(json.dumps(ordered[0] if len(ordered) == 1 else ordered or None, indent=2, ensure_ascii=False) + "\n")


def _whole(ctx: Context, resource: Resource, documents: Sequence[Mapping[str, Any]], is_list: bool) -> Any:  # noqa: FBT001
    if any(each.get("_knp") for each in documents):
        raise NotModelled("the rules of a Kubernetes NetworkPolicy as a document", "calicoctl get")
    if not is_list:
        return documents[0]
    return {
        "apiVersion": VERSION,
        "kind": f"{resource.kind}List",
        "metadata": {"resourceVersion": str(ctx.store.version)},
        "items": list(documents),
    }


def _ordered(what: Any, kind: str) -> Any:
    """Members as Go's structs have them."""
    order = {
        name: index
        for index, name in enumerate(
            ["kind", "apiVersion", "metadata", "items", "spec", "status", *_META, *_ORDERS[kind]]
        )
    }

    def sort(each: Any, *, free: bool = False) -> Any:
        if isinstance(each, Mapping):
            names = sorted(each) if free else sorted(each, key=lambda name: (order.get(name, len(order)), name))
            return {name: sort(each[name], free=name in {"labels", "annotations"}) for name in names}
        return [sort(item) for item in each] if isinstance(each, list) else each

    return sort(what)


GET: Final = (
    (
        *FILE,
        Option("--output", "-o", takes=True),
        CONFIG,
        NAMESPACE,
        Option("--all-namespaces", "-A"),
        Option("--export"),
        CONTEXT,
        MISMATCH,
    ),
    _get,
)
