"""``kubectl api-resources``: the resources of the server (kubectl, pkg/cmd/apiresources)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.tools.kubectl.catalog import Resource, catalog
from podwire.tools.kubectl.columns import TabWriter
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.flags import Flag

if TYPE_CHECKING:
    from podwire.tools.kubectl.context import Context

_TITLES: Final = ("NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND")
_WIDE: Final = ("VERBS", "CATEGORIES")


def _api_resources(ctx: Context) -> int:
    parsed = ctx.parsed
    output, order = parsed.text("output"), parsed.text("sort-by")
    if parsed.args:
        raise KubectlError(
            f"error: unexpected arguments: [{' '.join(parsed.args)}]\nSee 'kubectl api-resources -h' for help and examples"
        )
    if output not in {"", "wide", "name"}:
        raise KubectlError(f"error: --output {output} is not available")
    if order not in {"", "name", "kind"}:
        raise KubectlError("error: --sort-by accepts only name or kind")
    chosen = [each for each in catalog(ctx.ops.kinds()) if _wanted(ctx, each)]
    chosen.sort(key=lambda each: (_order(each, order), each.plural))
    if output == "name":
        ctx.out("".join(f"{each.full}\n" for each in chosen))
        return 0
    writer = TabWriter(ctx.out)
    wide = output == "wide"
    if not parsed.on("no-headers"):
        writer.line((*_TITLES, *(_WIDE if wide else ())))
    for each in chosen:
        writer.line(
            (
                each.plural,
                ",".join(each.short),
                each.version,
                str(each.namespaced).lower(),
                each.kind,
                *((",".join(each.verbs), ",".join(each.categories)) if wide else ()),
            )
        )
    writer.flush()
    return 0


def _order(each: Resource, order: str) -> str:
    """What rows are sorted by before their names."""
    return {"name": each.plural, "kind": each.kind}.get(order, each.group)


def _wanted(ctx: Context, each: Resource) -> bool:
    """What the flags ask for."""
    parsed = ctx.parsed
    verbs, categories = (
        {word for value in parsed.all(name) for word in value.split(",")} for name in ("verbs", "categories")
    )
    return (
        (not parsed.given("api-group") or parsed.text("api-group") == each.group)
        and (not parsed.given("namespaced") or parsed.on("namespaced") == each.namespaced)
        and verbs <= set(each.verbs)
        and categories <= set(each.categories)
    )


API_RESOURCES: Final = Verb(
    _api_resources,
    (
        Flag("output", "o"),
        Flag("sort-by"),
        Flag("api-group"),
        Flag("namespaced", kind="bool", default="true"),
        Flag("verbs", kind="list"),
        Flag("categories", kind="list"),
        Flag("no-headers", kind="bool"),
        Flag("cached", kind="bool"),
    ),
)
