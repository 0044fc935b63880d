"""``kubectl set image``, ``env``, ``selector`` and ``serviceaccount`` (cmd/set)."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled, PodwireError
from podwire.tools.kubectl import generate, resources, writing
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import Failure, end, fail, failure, plain_failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES
from podwire.tools.kubectl.output import OUTPUT, Printed

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context

_Change = Callable[["Context", dict[str, Any], "list[str]"], None]
_VARIABLE: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def _set(context: Context) -> int:
    parsed = context.parsed
    if not parsed.args:
        raise NotModelled("help", "kubectl set")
    if parsed.all("filename"):
        raise NotModelled("flag --filename", "kubectl set")
    what, *words = parsed.args
    if what in {"resources", "subject"}:
        raise NotModelled(f"kubectl set {what}")
    change = _CHANGES.get(what)
    if change is None:
        fail(f"unknown command \"{what}\"\nSee 'kubectl set -h' for help and examples")
    names, settings = _split(what, words)
    how = writing.dry_run(context)
    found = resources.find(context, names, selector=parsed.text("selector"), everything=parsed.on("all"))
    failures = [failure(error) for error in found.errors]
    if what == "env" and parsed.on("list"):
        _list_env(context, found.objects)
        settings = []
        if not failures:
            return 0
    if what == "env" and not settings and not parsed.all("env") and not parsed.text("from"):
        return 0  # nothing is to be changed, and nothing is said
    return _write(context, what, change, found.objects, settings, how, failures)


def _write(  # what one run of a verb knows
    context: Context,
    what: str,
    change: _Change,
    objects: tuple[Stored, ...],
    settings: list[str],
    how: str,
    failures: list[Failure],
) -> int:
    printed = Printed(context, how)
    word = {"image": "image updated", "env": "env updated", "selector": "selector updated"}.get(
        what, "serviceaccount updated"
    )
    with writing.writing(context, how) as store:
        for each in objects:
            new = copy.deepcopy(each.document)
            try:
                change(context, new, settings)
                made = writing.update(context, store, each, new)
            except KubectlError as error:
                failures.append(plain_failure(str(error).removeprefix("error: ")))
                continue
            except PodwireError as error:
                told = failure(error)
                failures.append(_patching(told, what, each))
                continue
            if made is not each or what in {"selector", "serviceaccount"}:
                printed.add(made, word)
        printed.finish()
    if failures:
        end(failures)
    return 0


def _patching(told: Failure, what: str, each: Stored) -> Failure:
    """``set`` wraps what the server says."""
    words = {"image": "image update to pod template", "env": "env update to pod template"}
    said = told.beside.partition("): ")[2] or told.beside
    text = f"failed to patch {words.get(what, what)}: {said}"
    return Failure(f"error: {text}", text, told.where)


def _split(what: str, words: list[str]) -> tuple[list[str], list[str]]:
    """Resources, and what is set: ``container=image``, ``KEY=value``, ``KEY-``, a selector, a name."""
    if what in {"selector", "serviceaccount", "sa"}:
        return words[:-1], words[-1:]
    names = [word for word in words if "=" not in word and not (what == "env" and word.endswith("-"))]
    return names, [word for word in words if word not in names]


def _template(document: dict[str, Any]) -> dict[str, Any]:
    """The spec of the pods of an object."""
    spec: dict[str, Any] = document["spec"]
    if document["kind"] == "Pod":
        return spec
    if "template" not in spec:
        fail(f"{document['kind'].lower()}s/{document['metadata']['name']} does not have a pod spec")
    found: dict[str, Any] = spec["template"]["spec"]
    return found


def _image(context: Context, document: dict[str, Any], settings: list[str]) -> None:
    if not settings:
        fail("at least one image update is required")
    containers = _template(document)["containers"]
    for setting in settings:
        name, _, image = setting.partition("=")
        if not image:
            fail(f"invalid image format: {setting}")
        hits = [each for each in containers if name == "*" or each["name"] == name]
        if not hits:
            fail(f'unable to find container named "{name}"')
        for each in hits:
            each["image"] = image


def _env(context: Context, document: dict[str, Any], settings: list[str]) -> None:
    if context.parsed.text("from"):
        raise NotModelled("flag --from", "kubectl set env")
    settings = settings + context.parsed.all("env")
    if not settings:
        fail("at least one environment variable must be provided")
    pattern = context.parsed.text("containers")
    hits = [each for each in _template(document)["containers"] if fnmatchcase(each["name"], pattern)]
    if not hits:
        context.err(
            f"warning: {document['kind'].lower()}s/{document['metadata']['name']} does not have any containers matching {pattern!r}\n"
        )
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals and not setting.endswith("-"):
            fail(f"environment variables must be of the form key=value: {setting}")
        if equals and not _VARIABLE.fullmatch(name):
            fail(
                f'"{name}" is not a valid key name: a valid environment variable name must consist of alphabetic characters,'
                " digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or"
                " 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
            )
        for each in hits:
            rest = [one for one in each.get("env") or () if one["name"] != (name if equals else setting[:-1])]
            old = next((i for i, one in enumerate(each.get("env") or ()) if one["name"] == name), len(rest))
            if equals:
                rest.insert(min(old, len(rest)), {"name": name, "value": value})
            each["env"] = rest
            if not rest:
                del each["env"]


def _list_env(context: Context, objects: tuple[Stored, ...]) -> None:
    for each in objects:
        for container in _template(copy.deepcopy(each.document))["containers"]:
            context.out(f"# {each.kind.name} {each.name}, container {container['name']}\n")
            for one in container.get("env") or ():
                if "valueFrom" in one:
                    raise NotModelled("env with valueFrom", "kubectl set env --list")
                context.out(f"{one['name']}={one.get('value', '')}\n")


def _selector(context: Context, document: dict[str, Any], settings: list[str]) -> None:
    if document["kind"] != "Service":
        fail("setting a selector is only supported for Services")
    document["spec"]["selector"] = generate.parse_labels(settings[0] if settings else "")


def _service_account(context: Context, document: dict[str, Any], settings: list[str]) -> None:
    if not settings:
        fail("serviceaccount is required")
    spec = _template(document)
    spec["serviceAccountName"] = settings[0]
    spec["serviceAccount"] = settings[0]


_CHANGES: Final[Mapping[str, _Change]] = MappingProxyType(
    {
        "image": _image,
        "env": _env,
        "selector": _selector,
        **dict.fromkeys(("serviceaccount", "sa"), _service_account),
    }
)

SET: Final = Verb(
    _set,
    (
        *FILES,
        writing.DRY_RUN,
        *OUTPUT,
        Flag("all", kind="bool"),
        Flag("containers", "c", default="*"),
        Flag("env", "e", "list"),
        Flag("field-manager"),
        Flag("from"),
        Flag("keys", kind="list", modelled=False),
        Flag("list", kind="bool"),
        Flag("local", kind="bool", modelled=False),
        Flag("overwrite", kind="bool", default="true"),
        Flag("prefix", modelled=False),
        Flag("resolve", kind="bool", modelled=False),
        Flag("resource-version", modelled=False),
        Flag("selector", "l"),
    ),
)
