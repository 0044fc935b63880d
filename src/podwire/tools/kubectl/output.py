"""What verbs that write say about each object: ``pod/web created``, or the object itself with ``-o``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.goorder import go_ordered
from podwire.tools.kubectl.jsonpath import json_text
from podwire.tools.kubectl.printing import FORMATS, printer
from podwire.tools.kubectl.writing import suffix

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context

OUTPUT: Final = (
    Flag("output", "o"),
    Flag("template", modelled=False),
    Flag("show-managed-fields", kind="bool"),
    Flag("allow-missing-template-keys", kind="bool", default="true"),
)
"""Flags of verbs that print objects."""
_FORMATS: Final = tuple(each for each in FORMATS if each not in {"custom-columns", "custom-columns-file", "wide"})


class Printed:
    """What was done, in order: lines at once; documents at the end, several in a ``List``."""

    def __init__(self, context: Context, how: str, *, typed: bool = False) -> None:
        """``typed``: the verb has Go's types in its hands, whose members stand in another order in JSON."""
        self._typed = typed
        self._context = context
        self._how = how
        self._output = context.parsed.text("output")
        self._printer = printer(context, self._output, formats=_FORMATS) if self._output else None
        self._documents: list[Mapping[str, Any]] = []

    def add(self, stored: Stored, word: str) -> None:
        """An object of the store."""
        self.add_document(stored.document, word)

    def add_document(self, document: Mapping[str, Any], word: str) -> None:
        """A document that may be stored nowhere."""
        if self._printer is not None:
            self._documents.append(document)
            return
        group = str(document["apiVersion"]).rpartition("/")[0]
        kind = str(document["kind"]).lower() + (f".{group}" if group else "")
        # The line names what was done behind the object; nothing stands there for some.
        self._context.out(f"{kind}/{document['metadata'].get('name') or '<unknown>'} {word}{suffix(self._how)}\n")

    def finish(self) -> None:
        """Print the documents."""
        if self._printer is None or not self._documents:
            return
        if self._typed and self._output == "json" and len(self._documents) == 1:
            self._context.out(json_text(go_ordered(self._documents[0]), 4, ordered=False) + "\n")
            return
        if len(self._documents) == 1 or self._output == "name":
            for each in self._documents:
                self._printer.print(each)
            return
        self._printer.print(
            {"apiVersion": "v1", "kind": "List", "items": list(self._documents), "metadata": {"resourceVersion": ""}}
        )
