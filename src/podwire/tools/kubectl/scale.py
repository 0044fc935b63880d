"""``kubectl scale`` (cmd/scale)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled, PodwireError
from podwire.kube.invalid import StatusError
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import end, fail, failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES
from podwire.tools.kubectl.output import OUTPUT, Printed

if TYPE_CHECKING:
    from podwire.kube.store import Store, Stored
    from podwire.tools.kubectl.context import Context

_SCALABLE: Final = frozenset({"Deployment", "ReplicaSet", "StatefulSet"})


def _scale(context: Context) -> int:
    parsed = context.parsed
    if parsed.all("filename"):
        raise NotModelled("flag --filename", "kubectl scale")
    if parsed.given("timeout"):
        raise NotModelled("flag --timeout", "kubectl scale")
    if not parsed.given("replicas"):
        raise KubectlError('error: required flag(s) "replicas" not set')
    if parsed.number("replicas") < 0:
        fail("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    how = writing.dry_run(context)
    found = resources.find(context, parsed.args, selector=parsed.text("selector"), everything=parsed.on("all"))
    failures = [failure(error) for error in found.errors]
    if not found.objects:
        fail("no objects passed to scale")
    printed = Printed(context, how)
    with writing.writing(context, how) as store:
        for each in found.objects:
            try:
                printed.add(_one(context, store, each), "scaled")
            except PodwireError as error:
                failures.append(failure(error))
        printed.finish()
    if failures:
        end(failures)
    return 0


def _one(context: Context, store: Store, each: Stored) -> Stored:
    if each.kind.name not in _SCALABLE:
        raise StatusError("NotFound", "the server could not find the requested resource")
    before = int(each.document["spec"].get("replicas", 1))
    current = context.parsed.number("current-replicas")
    if current not in {-1, before}:
        raise PodwireError(f"Expected replicas to be {current}, was {before}")
    version = context.parsed.text("resource-version")
    if version not in {"", each.document["metadata"]["resourceVersion"]}:
        raise PodwireError(
            f"Expected resource version to be {version}, was {each.document['metadata']['resourceVersion']}"
        )
    new = copy.deepcopy(each.document)
    new["spec"]["replicas"] = context.parsed.number("replicas")
    return writing.update(context, store, each, new)


SCALE: Final = Verb(
    _scale,
    (
        *FILES,
        writing.DRY_RUN,
        *OUTPUT,
        Flag("all", kind="bool"),
        Flag("current-replicas", kind="int", default="-1"),
        Flag("replicas", kind="int", default="0"),
        Flag("resource-version"),
        Flag("selector", "l"),
        Flag("timeout"),
    ),
)
