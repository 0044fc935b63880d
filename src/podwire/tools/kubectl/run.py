"""``kubectl run``: a Pod (cmd/run)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from podwire.errors import NotModelled, PodwireError
from podwire.kube.patch import json_patch, merge, strategic
from podwire.tools.kubectl import generate, writing
from podwire.tools.kubectl.context import Verb
from podwire.tools.kubectl.failing import end, fail, failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.output import OUTPUT, Printed
from podwire.tools.kubectl.quoting import quoted

if TYPE_CHECKING:
    from podwire.kube.store import Store
    from podwire.tools.kubectl.context import Context

_PART: Final = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?(?::\d+)?/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
"""A reference to an image (distribution/reference, regexp.go)."""
_POLICIES: Final = ("Always", "OnFailure", "Never")


def _run(context: Context) -> int:
    parsed = context.parsed
    how = writing.dry_run(context)
    name, image = _words(context)
    for flag in ("rm", "attach", "stdin", "tty"):
        if parsed.on(flag):
            raise NotModelled(
                f"flag --{flag}: nobody waits for the end of a pod's program (kubectl run, then kubectl exec)",
                "kubectl run",
            )
    if parsed.on("expose") and not parsed.given("port"):
        fail("--port must be set when exposing a service\nSee 'kubectl run -h' for help and examples")
    documents = [_pod(context, name, image)]
    if parsed.on("expose"):
        documents.insert(0, _service(context, documents[0]))
    printed = Printed(context, how, typed=True)
    with writing.writing(context, how) as store:
        for each in reversed(documents):  # the pod is made first, and told last
            _create(context, store, each, how)
        for each in documents:
            printed.add_document(each, "created")
        printed.finish()
    return 0


def _words(context: Context) -> tuple[str, str]:
    parsed = context.parsed
    image = parsed.text("image")
    if not parsed.given("image"):
        fail('required flag(s) "image" not set')
    if not image:
        fail("--image is required")
    if not _IMAGE.fullmatch(image):
        why = "repository name must be lowercase" if _IMAGE.fullmatch(image.lower()) else "invalid reference format"
        fail(f"Invalid image name {quoted(image)}: {why}")
    if not parsed.args:
        fail("NAME is required for run\nSee 'kubectl run -h' for help and examples")
    restart = parsed.text("restart")
    if restart not in _POLICIES:
        fail(f"invalid restart policy: {restart}\nSee 'kubectl run -h' for help and examples")
    return parsed.args[0], image


def _pod(context: Context, name: str, image: str) -> dict[str, Any]:
    parsed = context.parsed
    labels = generate.parse_labels(parsed.text("labels")) if parsed.given("labels") else {"run": name}
    document = generate.pod(context, name, image, labels, parsed.text("restart"))
    container = document["spec"]["containers"][0]
    words = [*parsed.args[1:], *(parsed.dashed or [])]
    if words:
        container["command" if parsed.on("command") else "args"] = words
    if parsed.given("port"):
        if not parsed.text("port").isdecimal():
            fail(f'strconv.Atoi: parsing "{parsed.text("port")}": invalid syntax')
        container["ports"] = [{"containerPort": int(parsed.text("port"))}]
    if parsed.given("env"):
        container["env"] = [_variable(each) for each in parsed.all("env")]
    if parsed.given("image-pull-policy"):
        container["imagePullPolicy"] = parsed.text("image-pull-policy")
    if parsed.on("privileged"):
        container["securityContext"] = {"privileged": True}
    annotations = dict(each.partition("=")[::2] for each in parsed.all("annotations"))
    if annotations:
        document["metadata"]["annotations"] = annotations
    if parsed.text("overrides"):
        document = _overridden(document, parsed.text("overrides"), parsed.text("override-type"))
    if parsed.on("save-config"):
        writing.annotate_applied(document)
    return document


def _variable(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        fail(f"invalid env: {text}")
    return {"name": name, "value": value}


def _overridden(document: dict[str, Any], text: str, how: str) -> dict[str, Any]:
    change = {"merge": merge, "strategic": strategic, "json": json_patch}.get(how)
    if change is None:
        fail(f"Invalid --override-type: {how}, override type must be 'json', 'merge' or 'strategic'")
    try:
        patch = yaml.safe_load(text)
    except yaml.YAMLError:
        fail(f"Invalid JSON Patch\nSee 'kubectl run -h' for help and examples: {json.dumps(text)}")
    found: dict[str, Any] = change(document, patch)
    return found


def _service(context: Context, pod: dict[str, Any]) -> dict[str, Any]:
    """``--expose``: a ClusterIP Service of the pod's name on the same port."""
    port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": generate.meta(context, pod["metadata"]["name"]),
        "spec": {
            "ports": [{"port": port, "protocol": "TCP", "targetPort": port}],
            "selector": pod["metadata"].get("labels") or {},
        },
        "status": {"loadBalancer": {}},
    }


def _create(context: Context, store: Store, document: dict[str, Any], how: str) -> None:
    """Send it: a document that kubectl made itself says nothing of files."""
    if how == "client":
        return
    new = {**document, "metadata": {"namespace": context.namespace, **document["metadata"]}}
    try:
        writing.create(context, store, new)
    except PodwireError as error:
        end([failure(error, document=document)])


RUN: Final = Verb(
    _run,
    (
        writing.DRY_RUN,
        *OUTPUT,
        Flag("annotations", kind="list"),
        Flag("attach", kind="bool"),
        Flag("command", kind="bool"),
        Flag("env", kind="list"),
        Flag("expose", kind="bool"),
        Flag("field-manager"),
        Flag("image"),
        Flag("image-pull-policy"),
        Flag("labels", "l"),
        Flag("leave-stdin-open", kind="bool", modelled=False),
        Flag("override-type", default="merge"),
        Flag("overrides"),
        Flag("pod-running-timeout", default="1m0s"),
        Flag("port"),
        Flag("privileged", kind="bool", modelled=False),
        Flag("quiet", "q", "bool"),
        Flag("restart", default="Always"),
        Flag("rm", kind="bool"),
        Flag("save-config", kind="bool"),
        Flag("stdin", "i", "bool"),
        Flag("tty", "t", "bool"),
    ),
)
