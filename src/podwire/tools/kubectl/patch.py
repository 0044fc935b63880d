"""``kubectl patch`` (cmd/patch)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from podwire.errors import NotModelled, PodwireError
from podwire.kube.document import Loader
from podwire.kube.invalid import StatusError
from podwire.kube.patch import json_patch, merge, strategic
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import Verb
from podwire.tools.kubectl.failing import Failure, Said, end, fail, failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.gojson import JsonError, go_json, unmarshal_error
from podwire.tools.kubectl.manifests import FILES, go_yaml, read_file
from podwire.tools.kubectl.output import OUTPUT, Printed
from podwire.tools.kubectl.quoting import quoted

if TYPE_CHECKING:
    from podwire.kube.store import Store, Stored
    from podwire.tools.kubectl.context import Context

_UNPROCESSABLE: Final = "the server rejected our request due to an error in our request"
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
    if text.lstrip().startswith("{"):  # such a text goes to the server as it is
        try:
            return go_json(text)
        except JsonError as error:
            raise StatusError("BadRequest", _decoding(str(error), parsed.text("type"))) from None
    try:
        return yaml.load(text, Loader)  # noqa: S506 - it is the safe one
    except yaml.MarkedYAMLError as error:
        fail(f"unable to parse {quoted(text)}: {go_yaml(error)}")


def _decoding(text: str, how: str) -> str:
    """What the server says of a patch that it cannot read (handlers/patch.go)."""
    return text if how.lower() == "strategic" else f"error decoding patch: {text}"


def _one(context: Context, store: Store, each: Stored, patch: Any, how: str) -> Stored:
    if how == "strategic" and each.kind.is_custom:
        raise StatusError(
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include:"
            " application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
    if not isinstance(patch, list if how == "json" else dict):
        into = "[]interface {}" if how == "json" else "map[string]interface {}"
        raise StatusError("BadRequest", _decoding(unmarshal_error(patch, into), how))
    new = _patched(each, patch, how)
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


def _patched(each: Stored, patch: Any, how: str) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", _HOW[how](each.document, patch))
    except PodwireError as error:
        if how != "json":
            raise
        # The server keeps the library's words for itself (422 without details).
        raise Said(
            Failure(f"The request is invalid: {_UNPROCESSABLE}", f"Error from server (Invalid): {_UNPROCESSABLE}")
        ) from error


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
