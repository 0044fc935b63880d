"""``kubectl expose``: a Service for a pod, service or workload (cmd/expose)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled, PodwireError
from podwire.tools.kubectl import generate, resources, writing
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import end, fail, failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES
from podwire.tools.kubectl.output import OUTPUT, Printed

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context

_KINDS: Final = frozenset({"Pod", "Service", "Deployment", "ReplicaSet"})


def _expose(context: Context) -> int:
    parsed = context.parsed
    if parsed.all("filename"):
        raise NotModelled("flag --filename", "kubectl expose")
    how = writing.dry_run(context)
    found = resources.select(context, parsed.args, selector="")
    printed = Printed(context, how, typed=True)
    documents = [_service(context, each) for each in found]
    with writing.writing(context, how) as store:
        for document in documents:
            if how == "client":
                printed.add_document(document, "exposed")
                continue
            new = {**document, "metadata": {"namespace": context.namespace, **document["metadata"]}}
            try:
                printed.add(writing.create(context, store, new), "exposed")
            except PodwireError as error:
                end([failure(error, document=document)])
        printed.finish()
    return 0


def _service(context: Context, each: Stored) -> dict[str, Any]:
    parsed = context.parsed
    if each.kind.name not in _KINDS:
        fail(
            f"cannot expose a {each.kind.name}.{each.kind.group}"
            if each.kind.group
            else f"cannot expose a {each.kind.name}"
        )
    name = parsed.text("name") or each.name[:63]
    selector = generate.parse_labels(parsed.text("selector")) if parsed.text("selector") else _selector(each)
    kind = parsed.text("type")
    spec: dict[str, Any] = {"ports": _ports(context, each), "selector": selector}
    if parsed.text("external-ip"):
        spec["externalIPs"] = [parsed.text("external-ip")]
    if kind:
        spec["type"] = kind
    if parsed.given("cluster-ip"):
        spec["clusterIP"] = parsed.text("cluster-ip")
    if parsed.text("load-balancer-ip"):
        spec["loadBalancerIP"] = parsed.text("load-balancer-ip")
    if parsed.text("session-affinity"):
        spec["sessionAffinity"] = parsed.text("session-affinity")
    labels = generate.parse_labels(parsed.text("labels")) if parsed.text("labels") else dict(each.labels)
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": generate.meta(context, name, labels),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }
    if parsed.on("save-config"):
        writing.annotate_applied(document)
    return document


def _selector(each: Stored) -> dict[str, str]:
    """polymorphichelpers, MapBasedSelectorForObject."""
    if each.kind.name == "Pod":
        if not each.labels:
            raise KubectlError(
                "error: couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed"
            )
        return dict(each.labels)
    spec = each.document["spec"]
    if each.kind.name == "Service":
        if not spec.get("selector"):
            fail(
                "couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set"
            )
        return dict(spec["selector"])
    if (spec.get("selector") or {}).get("matchExpressions"):
        fail(
            "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions -"
            f' "{spec["selector"]["matchExpressions"]}" to map-based selector format'
        )
    return dict(spec["selector"]["matchLabels"])


def _ports(context: Context, each: Stored) -> list[dict[str, Any]]:
    """``--port``, else every port of the containers, or of the Service."""
    parsed = context.parsed
    target = parsed.text("target-port")
    known = _known(each)
    numbers = parsed.text("port").split(",") if parsed.text("port") else [str(number) for number, _ in known]
    if not numbers:
        fail("couldn't find port via --port flag or introspection")
    found: list[dict[str, Any]] = []
    for index, text in enumerate(dict.fromkeys(numbers)):
        if not text.isdecimal():
            fail(f'strconv.Atoi: parsing "{text}": invalid syntax')
        number = int(text)
        protocols = dict(known)
        port: dict[str, Any] = {"name": f"port-{index + 1}"} if len(dict.fromkeys(numbers)) > 1 else {}
        port |= {"port": number, "protocol": parsed.text("protocol") or protocols.get(number, "TCP")}
        port["targetPort"] = (int(target) if target.isdecimal() else target) if target else number
        found.append(port)
    return found


def _known(each: Stored) -> list[tuple[int, str]]:
    """Ports and protocols of the object."""
    spec = each.document["spec"]
    if each.kind.name == "Service":
        return [(int(port["port"]), port.get("protocol", "TCP")) for port in spec.get("ports") or ()]
    pod = spec if each.kind.name == "Pod" else spec["template"]["spec"]
    return [
        (int(port["containerPort"]), port.get("protocol", "TCP"))
        for container in pod["containers"]
        for port in container.get("ports") or ()
    ]


EXPOSE: Final = Verb(
    _expose,
    (
        *FILES,
        writing.DRY_RUN,
        *OUTPUT,
        Flag("cluster-ip"),
        Flag("external-ip"),
        Flag("field-manager"),
        Flag("labels", "l"),
        Flag("load-balancer-ip"),
        Flag("name"),
        Flag("override-type", default="merge", modelled=False),
        Flag("overrides", modelled=False),
        Flag("port"),
        Flag("protocol"),
        Flag("save-config", kind="bool"),
        Flag("selector"),
        Flag("session-affinity"),
        Flag("target-port"),
        Flag("type"),
    ),
)
