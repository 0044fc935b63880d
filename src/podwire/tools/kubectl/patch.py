"""``kubectl patch`` (cmd/patch)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from podwire.errors import NotModelled, PodwireError
from podwire.kube.document import Loader
from podwire.kube.invalid import StatusError
from podwire.kube.kinds import Custom
from podwire.kube.patch import json_patch, merge, strategic
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import Verb
from podwire.tools.kubectl.failing import end, fail, failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES, go_yaml, read_file
from podwire.tools.kubectl.output import OUTPUT, Printed
from podwire.tools.kubectl.quoting import quoted

if TYPE_CHECKING:
    from podwire.kube.store import Store, Stored
    from podwire.tools.kubectl.context import Context

_HOW: Final = {"json": json_patch, "merge": merge, "strategic": strategic}


def _patch(context: Context) -> int:
    parsed = context.parsed
    if parsed.all("filename"):
        raise NotModelled("flag --filename", "kubectl patch")
    how = writing.dry_run(context)
    kind = parsed.text("type").lower()
    if kind not in _HOW:
        fail(f'--type must be one of [json merge strategic], not "{parsed.text("type")}"')
    patch = _read(context)
    found = resources.find(context, parsed.args)
    failures = [failure(error) for error in found.errors]
    printed = Printed(context, how)
    with writing.writing(context, how) as store:
        for each in found.objects:
            try:
                made = _one(context, store, each, patch, kind)
            except PodwireError as error:
                failures.append(failure(error))
                continue
            printed.add(made, "patched" if made is not each else "patched (no change)")
        printed.finish()
    if failures:
        end(failures)
    return 0


def _read(context: Context) -> Any:
    """The patch, which may be YAML. Raises ``KubectlError``."""
    parsed = context.parsed
    text = parsed.text("patch")
    if text and parsed.text("patch-file"):
        fail("cannot specify --patch and --patch-file together")
    if parsed.text("patch-file"):
        text = read_file(context.proc, parsed.text("patch-file"))
    elif not text:
        fail("must specify --patch or --patch-file containing the contents of the patch")
    try:
        return yaml.load(text, Loader)  # noqa: S506 - it is the safe one
    except yaml.MarkedYAMLError as error:
        fail(f"unable to parse {quoted(text)}: {go_yaml(error)}")


def _one(context: Context, store: Store, each: Stored, patch: Any, how: str) -> Stored:
    if how == "strategic" and each.kind.type is Custom:
        raise StatusError(
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include:"
            " application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
    if (how == "json") is not isinstance(patch, list):
        expected = "of type []jsonpatch.Operation" if how == "json" else "of type map[string]interface {}"
        raise StatusError(
            "BadRequest", f"json: cannot unmarshal {'object' if how == 'json' else 'array'} into Go value {expected}"
        )
    new = cast("dict[str, Any]", _HOW[how](each.document, cast("Any", patch)))
    meta = new.get("metadata") or {}
    if (meta.get("name"), meta.get("namespace", "")) != (each.name, each.namespace):
        shown = json.dumps(meta.get("name"), ensure_ascii=False)
        raise StatusError(
            "BadRequest",
            f"the name of the object ({str(shown).strip(chr(34))}) does not match the name on the URL ({each.name})",
        )
    if context.parsed.text("subresource"):
        raise NotModelled("flag --subresource", "kubectl patch")
    return writing.update(context, store, each, new)


PATCH: Final = Verb(
    _patch,
    (
        *FILES,
        writing.DRY_RUN,
        *OUTPUT,
        Flag("field-manager"),
        Flag("local", kind="bool", modelled=False),
        Flag("patch", "p"),
        Flag("patch-file"),
        Flag("subresource"),
        Flag("type", default="strategic"),
    ),
)
