"""``kubectl get --watch``: rows, or documents, as objects change; it ends with ^C (kubectl, pkg/cmd/get/get.go, ``watch``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from podwire.errors import NotModelled
from podwire.kube.invalid import StatusError
from podwire.kube.shelf import Stored, Watch
from podwire.tools.kubectl import resources
from podwire.tools.kubectl.columns import TablePrinter, TabWriter
from podwire.tools.kubectl.context import KubectlError
from podwire.tools.kubectl.printing import Printer, printer
from podwire.tools.kubectl.sorting import sort_by
from podwire.tools.kubectl.tables import table
from podwire.tools.process import Interrupt

if TYPE_CHECKING:
    from podwire.kube.kinds import Kind
    from podwire.tools.kubectl.columns import TableOptions
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Waiting


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at: the objects of a kind that ``query`` chooses, as they are when it begins."""

    kind: Kind
    query: resources.Query
    objects: tuple[Stored, ...]
    targets: int = 1
    """How many objects were asked for by name, or kinds."""


def watch(ctx: Context, watched: Watched, output: str, layout: TableOptions) -> Waiting:
    """Print what is there, unless ``--watch-only``, then each change, until somebody interrupts. Status 1, as kubectl ends by a signal."""
    show: _Shown = (
        _Rows(ctx, watched.kind, layout)
        if output in {"", "wide"}
        else _Documents(printer(ctx, output, headers=layout.headers))
    )
    objects, field = watched.objects, ctx.parsed.text("sort-by")
    if field and output in {"", "wide"}:
        objects = tuple(sort_by(field, objects, lambda each: each.document))
    marks = ctx.parsed.on("output-watch-events")
    if not ctx.parsed.on("watch-only"):
        show.show(objects, "ADDED" if marks else "")
    if watched.targets > 1:
        raise KubectlError("error: you may only watch a single resource or type of resource at a time")
    if ctx.ops.kept(watched.kind) is not None:
        raise NotModelled(f"a watch on {watched.kind.resource}", "kubectl get --watch")
    changes = _Changes(ctx, watched)
    ctx.proc.endless = True
    ctx.store.listeners.append(ctx.proc.wake)
    try:
        while True:
            for event, each in changes.next():
                show.show((each,), event if marks else "")
            yield None
    except Interrupt:
        return 1
    finally:
        ctx.ops.store.listeners.remove(ctx.proc.wake)


class _Changes:
    """What a watch of the server tells: an object that selectors no longer choose is gone for it, and the other way round."""

    def __init__(self, ctx: Context, watched: Watched) -> None:
        self._ctx = ctx
        self._kind = watched.kind
        self._chosen = resources.Matcher(watched.kind, watched.query)
        self._names = {name for _, name in watched.query.names}
        self._known = {(each.namespace, each.name): each for each in watched.objects}
        self._namespace = watched.query.namespace if watched.kind.namespaced else None
        self._watch = self._begin()

    def _begin(self) -> Watch:
        return self._ctx.store.watch(self._kind.slot, self._namespace)

    def next(self) -> list[tuple[str, Stored]]:
        """Changes since the last look: ADDED, MODIFIED or DELETED, and the object."""
        store = self._ctx.store  # what was done by hand is seen now
        try:
            changes = [(event.type == "DELETED", event.object) for event in self._watch.poll()]
        except StatusError:
            # What it told was taken back: look at everything anew, as a watch that has expired does.
            self._watch = self._begin()
            there = {(each.namespace, each.name): each for each in store.all(self._kind.slot, self._namespace)}
            changes = [(True, each) for key, each in self._known.items() if key not in there]
            changes += [
                (False, each)
                for key, each in there.items()
                if key not in self._known or self._known[key].version != each.version
            ]
        return [found for gone, each in changes for found in self._told(each, gone=gone)]

    def _told(self, each: Stored, *, gone: bool) -> list[tuple[str, Stored]]:
        if self._names and each.name not in self._names:
            return []
        key = (each.namespace, each.name)
        known = key in self._known
        if gone or not self._chosen(each):
            self._known.pop(key, None)
            return [("DELETED", each)] if known else []
        self._known[key] = each
        return [("MODIFIED" if known else "ADDED", each)]


class _Shown:
    """How objects are shown."""

    def show(self, objects: tuple[Stored, ...], event: str) -> None:
        """Show some; ``event`` is what happened to them, empty unless it is to be said."""
        raise NotImplementedError


class _Rows(_Shown):
    def __init__(self, ctx: Context, kind: Kind, layout: TableOptions) -> None:
        self._ctx = ctx
        self._kind = kind
        self._printer = TablePrinter(layout)
        self._writer = TabWriter(ctx.out)

    def show(self, objects: tuple[Stored, ...], event: str) -> None:
        self._printer.print(table(self._kind, objects, self._ctx.proc.now), self._writer, event)
        self._writer.flush()


class _Documents(_Shown):
    def __init__(self, show: Printer) -> None:
        self._printer = show

    def show(self, objects: tuple[Stored, ...], event: str) -> None:
        for each in objects:
            document: Mapping[str, Any] = each.document
            self._printer.print({"type": event, "object": document} if event else document)
