"""Resources and names on a command line: ``pods``, ``po,svc``, ``deploy web``, ``pod/a svc/b``, ``all``, and the objects they mean.

As k8s.io/cli-runtime, pkg/resource/builder.go reads them, with its words for what makes no sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.kube.invalid import StatusError
from podwire.kube.kinds import Kind
from podwire.kube.labels import field_matcher, label_matcher
from podwire.kube.shelf import Stored, not_found
from podwire.tools.kubectl import catalog
from podwire.tools.kubectl.context import KubectlError
from podwire.tools.kubectl.quoting import quoted

if TYPE_CHECKING:
    from podwire.tools.kubectl.context import Context

NOTHING_NAMED = """error: You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'"""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What the words ask for: ``names``, one by one, else every object of ``kinds`` that the selectors choose.

    ``namespace`` is None for all namespaces.
    """

    kinds: tuple[Kind, ...] = ()
    names: tuple[tuple[Kind, str], ...] = ()
    namespace: str | None = None
    selector: str = ""
    fields: str = ""

    @property
    def single(self) -> bool:
        """One object, by its name."""
        return len(self.names) == 1


class Found(msgspec.Struct, frozen=True):
    """What a query found, in its order, and the server's complaints about the rest."""

    objects: tuple[Stored, ...] = ()
    errors: tuple[StatusError, ...] = ()

    def complain(self) -> None:
        """Raise ``KubectlError`` with a line for each complaint, if there is one: what kubectl does once the rest is done."""
        if self.errors:
            raise KubectlError("\n".join(str(each) for each in self.errors))


# ------------------------------------------------------------------------------------------------------------- kinds


def kind_of(ctx: Context, word: str) -> Kind:
    """What ``po``, ``pods``, ``Pod``, ``deploy.apps`` or ``deployments.v1.apps`` means.

    Raises ``KubectlError`` for a resource that the server does not have, ``NotModelled`` for one that podwire does not keep.
    """
    found = catalog.find(catalog.catalog(ctx.ops.kinds()), word)
    if found is None:
        _refuse(f"the server doesn't have a resource type {quoted(word.partition('.')[0])}")
    _warn(ctx, found, word)
    return _kept(ctx, found, word)


def _warn(ctx: Context, found: catalog.Resource, word: str) -> None:
    """A short name that others bear too (restmapper, shortcut.go); each warning comes once."""
    others = [
        each
        for each in catalog.catalog(ctx.ops.kinds())
        if word in each.short and (each.plural, each.group) != (found.plural, found.group)
    ]
    if word in found.short and others:
        names = ", ".join(each.full for each in others)
        text = f"Warning: short name {quoted(word)} could also match lower priority resource {names}\n"
        if text not in ctx.proc.stderr:
            ctx.err(text)


def _kept(ctx: Context, resource: catalog.Resource, word: str) -> Kind:
    kind = _kind(ctx, resource)
    if kind is None:
        raise NotModelled(f"kind {resource.kind} of {resource.version}", f"kubectl {ctx.verb} {word}")
    return kind


def _kind(ctx: Context, resource: catalog.Resource) -> Kind | None:
    return next(
        (kind for kind in ctx.ops.kinds() if (kind.version, kind.name) == (resource.version, resource.kind)), None
    )


def kind_named(ctx: Context, version: str, name: str) -> Kind:
    """By apiVersion and kind, as a manifest has them. Raises ``StatusError`` for one that the server does not have."""
    found = [kind for kind in ctx.ops.kinds() if (kind.version, kind.name) == (version, name)]
    return found[0] if found else ctx.store.kind(version, name)


def kinds_of(ctx: Context, words: str) -> tuple[Kind, ...]:
    """``po,svc`` and categories such as ``all``; each kind once."""
    found: list[Kind] = []
    resources = catalog.catalog(ctx.ops.kinds())
    for word in dict.fromkeys(words.split(",")):
        members = [each for each in resources if word in each.categories]
        # Of a category's kinds, those that podwire does not keep have no objects here.
        kept = [_kind(ctx, each) for each in members] if members else [kind_of(ctx, word)]
        found += [each for each in kept if each is not None and each not in found]
    return tuple(found)


# ------------------------------------------------------------------------------------------------------------- words


def query(
    ctx: Context,
    args: Sequence[str],
    *,
    selector: str = "",
    field_selector: str = "",
    everything: bool = False,
    all_namespaces: bool = False,
    listing: bool = False,
) -> Query:
    """What words and flags ask for; nothing is looked up yet.

    ``everything`` is ``--all``. ``listing`` says that a resource without a name means all of them (get, describe).
    Raises ``KubectlError``.
    """
    # Selectors are trimmed, as LabelSelectorParam does.
    selector, fields = selector.strip(), field_selector.strip()
    if everything and selector:
        _refuse(f"found non-empty label selector {quoted(selector)} with previously set 'all' parameter. ")
    words = _spread(args)
    space = None if all_namespaces else ctx.namespace
    chosen = bool(selector or fields or everything)
    if any("/" in word for word in words):
        pairs = _pairs(ctx, words)
        if chosen:
            _refuse("selectors and the all flag cannot be used when passing resource/name arguments")
        kinds = {word: kind_of(ctx, word) for word, _ in pairs}
        return _named(tuple((kinds[word], name) for word, name in pairs), space, all_namespaces=all_namespaces)
    if len(words) > 1:
        if chosen:
            _refuse("name cannot be provided when a selector is specified")
        kinds_named = kinds_of(ctx, words[0])
        if len(kinds_named) > 1:
            _refuse("you must specify only one resource")
        return _named(tuple((kinds_named[0], name) for name in words[1:]), space, all_namespaces=all_namespaces)
    if not words:
        if chosen:
            _refuse("at least one resource must be specified to use a selector")
        raise KubectlError(NOTHING_NAMED)
    found = kinds_of(ctx, words[0])
    if not chosen and not listing:
        _refuse("resource(s) were provided, but no name was specified")
    return Query(kinds=found, namespace=space, selector=selector, fields=fields)


def _refuse(text: str) -> NoReturn:
    raise KubectlError(f"error: {text}")


def _spread(args: Sequence[str]) -> list[str]:
    """``deploy,svc web`` is ``deploy/web svc/web``."""
    if len(args) > 1 and "," in args[0]:
        return [f"{kind}/{name}" for kind in dict.fromkeys(args[0].split(",")) for name in args[1:]]
    return list(args)


def _pairs(ctx: Context, words: Sequence[str]) -> list[tuple[str, str]]:
    """Each ``resource/name``."""
    if not all("/" in word for word in words):
        me = ctx.proc.argv[0].rpartition("/")[2]
        _refuse(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form"
            f" (e.g. '{me} get resource/<resource_name>' instead of '{me} get resource resource/<resource_name>'"
        )
    found = []
    for word in words:
        resource, _, name = word.partition("/")
        if "/" in name:
            _refuse("arguments in resource/name form may not have more than one slash")
        if not resource or not name or len(dict.fromkeys(resource.split(","))) != 1:
            _refuse("arguments in resource/name form must have a single resource and name")
        found.append((resource.split(",")[0], name))
    return found


def _named(names: tuple[tuple[Kind, str], ...], space: str | None, *, all_namespaces: bool) -> Query:
    if all_namespaces and any(kind.namespaced for kind, _ in names):
        _refuse("a resource cannot be retrieved by name across all namespaces")
    return Query(names=names, namespace=space)


# ----------------------------------------------------------------------------------------------------------- objects


def look(ctx: Context, asked: Query) -> Found:
    """The objects that a query means, as they are now: those of one kind by namespace and name. ``errors`` are NotFound and BadRequest."""
    store = ctx.store
    objects: list[Stored] = []
    errors: list[StatusError] = []
    for kind, name in asked.names:
        one = one_of(ctx, kind, name, asked.namespace or "")
        if one is None:
            errors.append(not_found(kind.resource, name))
        else:
            objects.append(one)
    for kind in asked.kinds:
        try:
            chosen = Matcher(kind, asked)
        except StatusError as error:
            errors.append(error)
            continue
        kept = ctx.ops.kept(kind)
        every = store.all(kind.slot, asked.namespace if kind.namespaced else None) if kept is None else kept
        objects += sorted(filter(chosen, every), key=lambda each: f"{each.namespace}/{each.name}")
    return Found(tuple(objects), tuple(errors))


def one_of(ctx: Context, kind: Kind, name: str, namespace: str) -> Stored | None:
    """An object by its name, or None; ``namespace`` counts for kinds that have one."""
    kept = ctx.ops.kept(kind)
    if kept is not None:
        return next((each for each in kept if each.name == name), None)
    return ctx.store.get(kind.slot, name, namespace if kind.namespaced else "")


class Matcher:
    """Whether selectors choose an object of a kind. Raises ``StatusError`` BadRequest in the server's words."""

    def __init__(self, kind: Kind, asked: Query) -> None:
        try:
            self._labels = label_matcher(asked.selector)
            self._fields = field_matcher(kind.name, kind.version, asked.fields)
        except PodwireError as error:
            raise StatusError(
                "BadRequest",
                f'Unable to find "{kind.group}/{kind.version.rpartition("/")[2]}, Resource={kind.plural}" that match label selector'
                f" {quoted(asked.selector)}, field selector {quoted(asked.fields)}: {_reason(error, asked)}",
            ) from None

    def __call__(self, each: Stored) -> bool:
        return self._labels(each.labels) and self._fields(each.document)


def _reason(error: PodwireError, asked: Query) -> str:
    """The server's part of a complaint about a selector."""
    text = str(error).removesuffix(f' (in selector "{asked.selector}")')
    return text.rpartition(f'field selector "{asked.fields}": ')[2]


def find(
    ctx: Context,
    args: Sequence[str],
    *,
    selector: str = "",
    field_selector: str = "",
    everything: bool = False,
    all_namespaces: bool = False,
    listing: bool = False,
) -> Found:
    """``query`` and ``look`` in one: what verbs need that go on after an object that is not there."""
    asked = query(
        ctx,
        args,
        selector=selector,
        field_selector=field_selector,
        everything=everything,
        all_namespaces=all_namespaces,
        listing=listing,
    )
    return look(ctx, asked)


def select(
    ctx: Context,
    args: Sequence[str],
    *,
    selector: str = "",
    field_selector: str = "",
    everything: bool = False,
    all_namespaces: bool = False,
    listing: bool = False,
) -> list[Stored]:
    """The objects that words and flags mean. Raises ``KubectlError`` where one is not there, before anything is done."""
    found = find(
        ctx,
        args,
        selector=selector,
        field_selector=field_selector,
        everything=everything,
        all_namespaces=all_namespaces,
        listing=listing,
    )
    found.complain()
    return list(found.objects)
