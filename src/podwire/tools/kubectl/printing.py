"""``-o``: which format, and what prints objects in it.

As k8s.io/cli-runtime, pkg/genericclioptions and pkg/printers, and kubectl's own custom columns have it. Tables are ``columns``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from podwire.errors import NotModelled
from podwire.tools.kubectl.columns import TabWriter, escaped
from podwire.tools.kubectl.context import KubectlError
from podwire.tools.kubectl.jsonpath import JsonPath, TemplateError, json_text, sprint
from podwire.tools.kubectl.manifests import read_file
from podwire.tools.kubectl.quoting import quoted
from podwire.tools.kubectl.yamltext import yaml_text

if TYPE_CHECKING:
    from podwire.tools.kubectl.context import Context

Document = Mapping[str, Any]
_TEMPLATES: Final = ("go-template", "go-template-file", "template", "templatefile")
FORMATS: Final = (
    "custom-columns",
    "custom-columns-file",
    *_TEMPLATES[:2],
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "name",
    *_TEMPLATES[2:],
    "wide",
    "yaml",
)
"""The formats of ``kubectl get -o``, in the order in which it lists them."""
_RELAXED: Final = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")


class Printer(Protocol):
    """Prints one object, or a ``List``, each time it is called."""

    def print(self, document: Document) -> None:
        """Print a document."""


def printer(ctx: Context, output: str, *, formats: Sequence[str] = FORMATS, headers: bool = True) -> Printer:
    """What prints objects as ``-o output`` says; ``formats`` are those that the verb takes, ``wide`` is the caller's.

    Raises ``KubectlError`` for a format that does not exist or a template that makes no sense, ``NotModelled`` for Go templates.
    """
    name, equals, value = output.partition("=")
    if name in _TEMPLATES and name in formats:
        raise NotModelled(f"output format {name}", f"kubectl {ctx.verb} -o")
    if name in formats and name.startswith(("jsonpath", "custom-columns")):
        if name.startswith("jsonpath"):
            return _jsonpath(ctx, name, value)
        if not value:
            raise KubectlError("error: custom-columns format specified but no custom columns given")
        return _custom_columns(ctx, name, value, headers=headers)
    if not equals:
        # These are told without regard to case.
        if name.lower() in {"json", "yaml"} and name.lower() in formats:
            return _Yaml(ctx) if name.lower() == "yaml" else _Json(ctx)
        if name == "name" and name in formats:
            return _Name(ctx)
    raise no_format(output, formats)


def no_format(output: str, formats: Sequence[str] = FORMATS) -> KubectlError:
    """The complaint about a format that does not exist."""
    return KubectlError(
        f"error: unable to match a printer suitable for the output format {quoted(output)}, allowed formats are:"
        f" {','.join(sorted(formats))}"
    )


class _Yaml:
    """``-o yaml``: documents divided by ``---``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._more = False

    def print(self, document: Document) -> None:
        self._ctx.out(("---\n" if self._more else "") + yaml_text(document))
        self._more = True


class _Json:
    """``-o json``: four blanks."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def print(self, document: Document) -> None:
        if "kind" in document:
            self._ctx.out(json_text(document, 4) + "\n")
        else:  # an event of a watch stands on one line, its type first
            self._ctx.out(f'{{"type":{json_text(document["type"])},"object":{json_text(document["object"])}}}\n')


class _Name:
    """``-o name``: ``deployment.apps/web``; the items of a list."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def print(self, document: Document) -> None:
        if "items" in document:
            for each in document["items"]:
                self.print(each)
            return
        inner = document.get("object", document) if "kind" not in document else document
        group = str(inner["apiVersion"]).rpartition("/")[0]
        kind = str(inner["kind"]).lower() + (f".{group}" if group else "")
        self._ctx.out(f"{kind}/{inner['metadata'].get('name') or '<unknown>'}\n")


# ---------------------------------------------------------------------------------------------------------- jsonpath


class _JsonPath:
    def __init__(self, ctx: Context, template: JsonPath, *, as_json: bool) -> None:
        self._ctx = ctx
        self._template = template
        self._as_json = as_json

    def print(self, document: Document) -> None:
        try:
            text = self._template.render(document, as_json=self._as_json)
        except TemplateError as error:
            raise KubectlError(
                f"error: error executing jsonpath {quoted(self._template.text)}: Error executing template: {error}. Printing more"
                f" information for debugging the template:\n\ttemplate was:\n\t\t{self._template.text}\n\tobject given to jsonpath"
                f" engine was:\n\t\t{_go_syntax(document)}\n\n"
            ) from None
        self._ctx.out(text)


def _jsonpath(ctx: Context, name: str, value: str) -> Printer:
    if not value:
        raise KubectlError("error: template format specified but no template given")
    if name == "jsonpath-file":
        value = _file(ctx, value, "--template")
    try:
        template = JsonPath(value)
    except TemplateError as error:
        raise KubectlError(f"error: error parsing jsonpath {value}, {error}\n") from None
    return _JsonPath(ctx, template, as_json=name == "jsonpath-as-json")


def _file(ctx: Context, path: str, what: str) -> str:
    try:
        return read_file(ctx.proc, path)
    except KubectlError:
        raise KubectlError(f"error: error reading {what} {path}, open {path}: no such file or directory\n") from None


def _go_syntax(value: Any) -> str:
    """``%#v`` of a document."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        members = ", ".join(f"{quoted(key)}:{_go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{members}}}"
    if isinstance(value, list | tuple):
        return f"[]interface {{}}{{{', '.join(_go_syntax(each) for each in value)}}}"
    return sprint(value)


def relaxed(text: str) -> str:
    """``metadata.name``, ``.metadata.name`` and ``{.metadata.name}`` are one path. Raises ``KubectlError``."""
    if not text:
        return text
    match = _RELAXED.fullmatch(text)
    if match is None:
        raise KubectlError(
            "error: unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        )
    return f"{{.{match.group(1) or match.group(2)}}}"


# ---------------------------------------------------------------------------------------------------- custom columns


class _CustomColumns:
    def __init__(self, ctx: Context, titles: list[str], paths: list[str], *, headers: bool) -> None:
        self._titles = titles
        self._paths = paths
        self._headers = headers
        self._writer = TabWriter(ctx.out)
        self._list: bool | None = None

    def print(self, document: Document) -> None:
        writer = self._writer
        # A list and an object are two types to kubectl, and each has its header.
        is_list = "items" in document
        if self._headers and self._list is not is_list:
            writer.line(self._titles)
        self._list = is_list
        try:
            templates = [JsonPath(path) for path in self._paths]
            for each in document["items"] if is_list else [document]:
                writer.line([_values(template, each) for template in templates])
        except TemplateError as error:
            raise KubectlError(f"error: {error}") from None
        finally:
            writer.flush()
            writer.forget()


def _values(template: JsonPath, document: Document) -> str:
    found = template.results(document)
    values = [escaped(sprint(value)) for each in found for value in each]
    return ",".join([*(["<none>"] if not found or not found[0] else []), *values])


def _custom_columns(ctx: Context, name: str, value: str, *, headers: bool) -> Printer:
    if name == "custom-columns-file":
        return _columns_of_file(ctx, value)
    titles, paths = [], []
    for part in value.split(","):
        title, colon, path = part.partition(":")
        if not colon:
            raise KubectlError(f"error: unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        titles.append(title)
        paths.append(relaxed(path))
    return _CustomColumns(ctx, titles, paths, headers=headers)


def _columns_of_file(ctx: Context, path: str) -> Printer:
    lines = _file(ctx, path, "template").splitlines()
    expected = "Expected format is one line of space separated headers, one line of space separated column specs."
    for index, what in enumerate(("header", "spec")):
        if len(lines) <= index:
            raise KubectlError(f"error: invalid template, missing {what} line. {expected}")
    titles, specs = lines[0].split(), lines[1].split()
    if len(titles) != len(specs):
        raise KubectlError(
            f"error: number of headers ({len(titles)}) and field specifications ({len(specs)}) don't match"
        )
    return _CustomColumns(ctx, titles, [relaxed(each) for each in specs], headers=True)
