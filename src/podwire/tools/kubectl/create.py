"""``kubectl create``: from files, and what it makes up: namespaces, deployments, services, configmaps, service accounts (cmd/create)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled, PodwireError
from podwire.kube.labels import label_matcher
from podwire.kube.manifest import read_text
from podwire.kube.objects import IPPoolObject
from podwire.kube.words import config_key
from podwire.tools.files import caller_path
from podwire.tools.kubectl import generate, writing
from podwire.tools.kubectl.context import Verb
from podwire.tools.kubectl.failing import Failure, end, fail, failure
from podwire.tools.kubectl.flags import Flag, Parsed
from podwire.tools.kubectl.manifests import FILES, Given, read, read_file
from podwire.tools.kubectl.output import OUTPUT, Printed

if TYPE_CHECKING:
    from podwire.kube.store import Store
    from podwire.tools.kubectl.context import Context

_Make = Callable[["Context", str, Parsed], dict[str, Any]]
_WHOLE: Final[Mapping[str, str]] = MappingProxyType(
    {"cm": "configmap", "deploy": "deployment", "ns": "namespace", "sa": "serviceaccount"}
)
_OTHERS: Final = frozenset(
    "clusterrole clusterrolebinding cronjob ingress job poddisruptionbudget pdb priorityclass quota resourcequota role rolebinding"
    " secret token cj cr".split()
)


def _create(context: Context) -> int:
    parsed = context.parsed
    if parsed.args:
        return _generated(context, parsed.args)
    if not parsed.all("filename"):
        fail("must specify one of -f and -k")
    writing.strict_only(context)
    for flag in ("edit", "raw"):
        if parsed.given(flag):
            raise NotModelled(f"flag --{flag}", "kubectl create")
    how = writing.dry_run(context)
    printed = Printed(context, how)
    found, failures = read(context)
    chosen = label_matcher(parsed.text("selector"))
    found = [each for each in found if chosen(each.document["metadata"].get("labels") or {})]
    if not found and not failures:
        fail("no objects passed to create")
    if how != "none" and any(isinstance(each.decoded, IPPoolObject) for each in found):
        raise NotModelled("--dry-run of kind IPPool", "kubectl create")
    context.ops.check([each.decoded for each in found if each.decoded is not None])
    with writing.writing(context, how) as store:
        for each in found:
            try:
                _from_file(context, store, each, how, printed)
            except PodwireError as error:
                failures.append(failure(error, "creating", each.source, each.document))
        printed.finish()
    if failures:
        end(failures)
    return 0


def _from_file(context: Context, store: Store, each: Given, how: str, printed: Printed) -> None:
    if each.wrong is not None and how != "client":  # the server looks at it, and is not asked
        raise each.wrong
    if isinstance(each.decoded, IPPoolObject):
        for line in context.ops.create([each.decoded]):
            context.out(f"{line}\n")
        return
    document = dict(each.document)
    if context.parsed.on("save-config"):
        writing.annotate_applied(document)
    if how == "client":
        printed.add_document(document, "created")
        return
    made = store.create(document, each.at)
    context.ops.stored(made)
    printed.add(made, "created")


# ---------------------------------------------------------------------------------------------------- what it makes up


def _generated(context: Context, args: list[str]) -> int:
    words = list(args)
    what = words.pop(0)
    if what in {"service", "svc"}:
        if not words:
            raise NotModelled("help", "kubectl create service")
        what = f"service {words.pop(0)}"
    if what in _OTHERS or what.partition(" ")[0] in _OTHERS:
        raise NotModelled(f"kubectl create {what}")
    make = _MAKERS.get(what)
    if make is None and what.startswith("service "):
        fail(f"unknown command \"{what[8:]}\"\nSee 'kubectl create service -h' for help and examples")
    if make is None and len(args) == 1:
        context.err("Error: must specify one of -f and -k\n\n")
        fail(f"unknown command \"{what}\"\nSee 'kubectl create -h' for help and examples")
    if make is None:
        fail(f"Unexpected args: [{' '.join(args)}]\nSee 'kubectl create -h' for help and examples")
    how = writing.dry_run(context)
    if what.startswith("deploy") and not context.parsed.given("image"):
        fail('required flag(s) "image" not set')
    if not words or (len(words) > 1 and not what.startswith("deploy")):
        whole = _WHOLE.get(what, what)
        fail(f"exactly one NAME is required, got {len(words)}\nSee 'kubectl create {whole} -h' for help and examples")
    document = make(context, words[0], context.parsed)
    if context.parsed.on("save-config"):
        writing.annotate_applied(document)
    printed = Printed(context, how, typed=True)
    with writing.writing(context, how) as store:
        if how == "client":
            printed.add_document(document, "created")
        else:
            printed.add(_send(context, store, document), "created")
        printed.finish()
    return 0


def _send(context: Context, store: Store, document: Mapping[str, Any]) -> Any:
    """``failed to create deployment: deployments.apps "web" already exists``."""
    namespaced = document["kind"] != "Namespace"
    new = {**document, "metadata": {**({"namespace": context.namespace} if namespaced else {}), **document["metadata"]}}
    try:
        return writing.create(context, store, new)
    except NotModelled:
        raise
    except PodwireError as error:
        told = failure(error, document=document)
        end([told if document["kind"] == "Namespace" else _prefixed(told, document)])


def _prefixed(told: Failure, document: Mapping[str, Any]) -> Failure:
    """``create deployment`` and its kin wrap what the server says."""
    what = str(document["kind"]).lower()
    if what == "service":
        what = f"{document['spec']['type']} service"
    said = told.beside.partition("): ")[2] or told.beside.removeprefix("error: ")
    whole = f"error: failed to create {what}: {said}"
    return Failure(whole, whole, told.where)


def _namespace(context: Context, name: str, parsed: Parsed) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": generate.meta(context, name, namespaced=False),
        "spec": {},
        "status": {},
    }


def _deployment(context: Context, name: str, parsed: Parsed) -> dict[str, Any]:
    images = [each for given in parsed.all("image") for each in given.split(",")]
    command = [*parsed.args[2:], *(parsed.dashed or [])]
    if len(images) > 1 and command:
        fail("cannot specify multiple --image options and command")
    return generate.deployment(context, name, images, parsed.number("replicas"), parsed.number("port"), command)


def _service(kind: str) -> _Make:
    def make(context: Context, name: str, parsed: Parsed) -> dict[str, Any]:
        ports = [generate.tcp_port(part) for given in parsed.all("tcp") for part in given.split(",")]
        address = parsed.text("clusterip") if kind == "ClusterIP" else ""
        if not ports and kind != "ExternalName" and address != "None":
            fail("at least one tcp port specifier must be provided")
        document = generate.service(context, name, kind, ports, None)
        if address:
            document["spec"]["clusterIP"] = address
        if kind == "NodePort" and parsed.number("node-port"):
            for port in ports:
                port["nodePort"] = parsed.number("node-port")
        if kind == "ExternalName":
            if not parsed.text("external-name"):
                fail('required flag(s) "external-name" not set')
            document["spec"]["externalName"] = parsed.text("external-name")
        return document

    return make


def _config_map(context: Context, name: str, parsed: Parsed) -> dict[str, Any]:
    data: dict[str, str] = {}
    for given in parsed.all("from-file"):
        key, equals, path = given.partition("=")
        for each, text in _files(context, path if equals else given, key if equals else ""):
            _put(name, data, each, text)
    for given in parsed.all("from-literal"):
        key, equals, value = given.partition("=")
        if not equals or not key:
            fail(f"invalid literal source {given}, expected key=value")
        _put(name, data, key, value.strip("'\"") if value[:1] == value[-1:] and value[:1] in {"'", '"'} else value)
    if parsed.given("from-env-file"):
        raise NotModelled("flag --from-env-file", "kubectl create configmap")
    document: dict[str, Any] = {"apiVersion": "v1"}
    if data:
        document["data"] = data
    return {**document, "kind": "ConfigMap", "metadata": generate.meta(context, name)}


def _files(context: Context, path: str, key: str) -> list[tuple[str, str]]:
    """A file under ``key`` or its own name; each file of a directory under its name."""
    proc = context.proc
    directory = caller_path(proc, path)
    if path not in proc.place.files and directory.is_dir():
        return [(each.name, read_text(each)) for each in sorted(directory.iterdir()) if each.is_file()]
    if path not in proc.place.files and not directory.exists():
        fail(f"error reading {path}: no such file or directory")
    return [(key or Path(path).name, read_file(proc, path))]


def _put(name: str, data: dict[str, str], key: str, value: str) -> None:
    if key in data:
        fail(f'cannot add key "{key}", another key by that name already exists in Data for ConfigMap "{name}"')
    wrong = config_key(key)
    if wrong:
        fail(f'"{key}" is not a valid key name for a ConfigMap: {",".join(wrong)}')
    data[key] = value


def _service_account(context: Context, name: str, parsed: Parsed) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": generate.meta(context, name)}


_MAKERS: Final[Mapping[str, _Make]] = MappingProxyType(
    {
        **dict.fromkeys(("namespace", "ns"), _namespace),
        **dict.fromkeys(("deployment", "deploy"), _deployment),
        **dict.fromkeys(("configmap", "cm"), _config_map),
        **dict.fromkeys(("serviceaccount", "sa"), _service_account),
        "service clusterip": _service("ClusterIP"),
        "service nodeport": _service("NodePort"),
        "service loadbalancer": _service("LoadBalancer"),
        "service externalname": _service("ExternalName"),
    }
)

CREATE: Final = Verb(
    _create,
    (
        *FILES,
        *writing.MANAGER,
        writing.DRY_RUN,
        *OUTPUT,
        Flag("selector", "l"),
        Flag("save-config", kind="bool"),
        Flag("edit", kind="bool"),
        Flag("raw"),
        Flag("windows-line-endings", kind="bool"),
        Flag("image", kind="list"),
        Flag("replicas", "r", "int", default="1"),
        Flag("port", kind="int", default="-1"),
        Flag("tcp", kind="list"),
        Flag("clusterip"),
        Flag("node-port", kind="int", default="0"),
        Flag("external-name"),
        Flag("from-literal", kind="list"),
        Flag("from-file", kind="list"),
        Flag("from-env-file", kind="list"),
        Flag("append-hash", kind="bool", modelled=False),
    ),
)
