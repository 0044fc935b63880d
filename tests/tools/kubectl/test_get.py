"""``kubectl get`` on a cluster: words, flags, formats and errors."""

import json

import pytest
import yaml

from podwire import GKE, Calico, Cluster
from podwire.errors import NotModelled

_BAD_KEY = (
    'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a_", field selector "":'
    " unable to parse requirement: <nil>: Invalid value: \"a_\": name part must consist of alphanumeric characters, '-', '_' or"
    " '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 9000, targetPort: 80, nodePort: 30007}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: kube-node-lease}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: redis}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: kube-system}
data: {b: "2", a: "1\\n2\\n"}
"""


@pytest.fixture(scope="module")
def lab():
    found = Cluster(GKE(), nodes=2)
    found.run("pod1", node="node1", labels={"tier": "front", "n": "10"})
    found.run("pod2", node="node2", labels={"n": "9"})
    found.sleep(100)
    found.apply(MANIFEST)
    found.sleep(73)
    return found


def said(lab, line, **more):
    result = lab.kubectl(line, **more)
    return result.stdout, result.stderr, result.exit_code


def test_pods(lab):
    assert said(lab, "get po -owide -l tier") == (
        (
            "NAME   READY   STATUS    RESTARTS   AGE     IP          NODE    NOMINATED NODE   READINESS GATES\n"
            "pod1   1/1     Running   0          2m53s   10.32.0.2   node1   <none>           <none>\n"
        ),
        "",
        0,
    )


def test_several_kinds_stand_apart_with_their_names_before_them(lab):
    address = lab.service("web").stored.document["spec"]["clusterIP"]
    column = max(len(address), len("CLUSTER-IP")) + 3
    assert said(lab, "get deploy,svc,ep web")[0] == (
        "NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\n"
        "deployment.apps/web   2/2     2            2           73s\n\n"
        f"NAME          TYPE       {'CLUSTER-IP':{column}}EXTERNAL-IP   PORT(S)          AGE\n"
        f"service/web   NodePort   {address:{column}}<none>        9000:30007/TCP   73s\n\n"
        "NAME            ENDPOINTS                   AGE\n"
        "endpoints/web   10.32.0.3:80,10.32.1.3:80   73s\n"
    )


def test_all_is_pods_services_and_workloads(lab):
    out, _, _ = said(lab, "get all -o name")
    kinds = list(dict.fromkeys(line.partition("/")[0] for line in out.splitlines()))
    assert kinds == ["pod", "service", "deployment.apps", "replicaset.apps"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("po pod1 pod2", "pod/pod1 pod/pod2"),
        ("pod/pod2 svc/web pods/pod1", "pod/pod2 service/web pod/pod1"),
        ("Pod pod1", "pod/pod1"),
        ("deployments.apps", "deployment.apps/web"),
        ("deploy.v1.apps", "deployment.apps/web"),
        ("deployments.app", "deployment.apps/web"),
        ("no,no,nodes", "node/node1 node/node2"),
        ("ns default", "namespace/default"),
        ("ns -n nowhere default", "namespace/default"),
        ("cm -n kube-system --field-selector metadata.name=settings", "configmap/settings"),
        ("po -l n", "pod/pod1 pod/pod2"),
        ("po -l n,!tier", "pod/pod2"),
        ("po -ltier=front", "pod/pod1"),
        ("po --selector=tier!=front,n", "pod/pod2"),
        ("po -l", None),
        ("po --field-selector spec.nodeName=node1 -l n", "pod/pod1"),
        ("po --field-selector spec.nodeName!=node1 -l n", "pod/pod2"),
        ("po --sort-by=.metadata.labels.n -l n", "pod/pod2 pod/pod1"),
        ("po --sort-by={.metadata.name} -l n", "pod/pod1 pod/pod2"),
        ("svc -A --field-selector spec.type=NodePort", "service/web"),
    ],
)
def test_words_and_selectors(lab, words, names):
    out, err, code = said(lab, f"get {words} -o name") if names else said(lab, f"get {words}")
    if names is None:
        assert (err.splitlines()[0], code) == ("error: flag needs an argument: 'l' in -l", 1)
    else:
        assert (out.split(), err) == (names.split(), "")


def test_selectors_with_blanks(lab):
    for selector, names in (("n in (9, 11)", "pod/pod2"), ("n notin (9),n", "pod/pod1"), (" n , !tier ", "pod/pod2")):
        assert lab.kubectl(["get", "po", "-o", "name", "-l", selector]).stdout.split() == names.split()


def test_columns_of_labels(lab):
    assert said(lab, "get po -L tier,n -l n --no-headers")[0] == (
        "pod1   1/1   Running   0     2m53s   front   10\npod2   1/1   Running   0     2m53s           9\n"
    )
    assert said(lab, "get po pod1 --show-labels --show-kind")[0].splitlines()[1].split()[::5] == [
        "pod/pod1",
        "n=10,tier=front",
    ]


def test_all_namespaces_are_a_column_of_kinds_that_have_one(lab):
    out = said(lab, "get cm,ns -A --no-headers")[0].splitlines()
    assert [line.split()[:2] for line in out if "settings" in line] == [["kube-system", "configmap/settings"]]
    assert "namespace/default           Active   2m53s" in out


@pytest.mark.parametrize(
    ("words", "stderr"),
    [
        ("netpol", "No resources found in default namespace."),
        ("po -n kube-public", "No resources found in kube-public namespace."),
        ("po -l x=y -A", "No resources found"),
        ("netpol,no -l x=y", "No resources found"),
    ],
)
def test_nothing_is_found(lab, words, stderr):
    assert said(lab, f"get {words}") == ("", stderr + "\n", 0)


def test_nothing_that_may_be_missing_is_not_told(lab):
    assert said(lab, "get po x --ignore-not-found") == ("", "", 0)
    assert said(lab, "get po x --ignore-not-found -o yaml") == ("", "", 0)
    assert said(lab, "get netpol -o name") == ("", "", 0)


@pytest.mark.parametrize(
    ("words", "stderr"),
    [
        (["foo"], 'error: the server doesn\'t have a resource type "foo"'),
        (["foo.bar"], 'error: the server doesn\'t have a resource type "foo"'),
        (["po", "x"], 'Error from server (NotFound): pods "x" not found'),
        (["deploy/x"], 'Error from server (NotFound): deployments.apps "x" not found'),
        (
            ["po", "x", "y"],
            'Error from server (NotFound): pods "x" not found\nError from server (NotFound): pods "y" not found',
        ),
        (["po", "pod1", "-A"], "error: a resource cannot be retrieved by name across all namespaces"),
        (
            ["po", "pod/pod1"],
            (
                "error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name"
                " form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'"
            ),
        ),
        (["po/a/b"], "error: arguments in resource/name form may not have more than one slash"),
        (["po/"], "error: arguments in resource/name form must have a single resource and name"),
        (["po", "pod1", "-l", "n"], "error: name cannot be provided when a selector is specified"),
        (
            ["po/pod1", "-l", "n"],
            "error: selectors and the all flag cannot be used when passing resource/name arguments",
        ),
        (["all", "x"], "error: you must specify only one resource"),
        (
            ["po", "-o", "foo"],
            (
                'error: unable to match a printer suitable for the output format "foo", allowed formats are: custom-columns,'
                "custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,"
                "templatefile,wide,yaml"
            ),
        ),
        (
            ["po", "-l", "a b"],
            (
                'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a b", field selector'
                " \"\": unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
            ),
        ),
        (["po", "-l", " a_ "], _BAD_KEY),
        (
            ["po", "--field-selector", "spec.x=1"],
            (
                'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector'
                ' "spec.x=1": field label not supported: spec.x'
            ),
        ),
        (
            ["deploy", "--field-selector", "spec.x=1"],
            (
                'Error from server (BadRequest): Unable to find "apps/v1, Resource=deployments" that match label selector "",'
                ' field selector "spec.x=1": "spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
            ),
        ),
        (["po", "--show-labels", "-o", "yaml"], "error: --show-labels option cannot be used with yaml printer"),
        (
            ["po", "-L", "a", "-o", "custom-columns=A:.a"],
            "error: --label-columns option cannot be used with custom-columns=A:.a printer",
        ),
        (
            ["po", "--output-watch-events"],
            "error: --output-watch-events option can only be used with --watch or --watch-only",
        ),
        (["po", "-w", "svc/web"], "error: there is no need"),
        (["po,svc", "-w"], "error: you may only specify a single resource type"),
        (["po", "x", "-w"], 'Error from server (NotFound): pods "x" not found'),
        (["po", "-o", "jsonpath="], "error: template format specified but no template given"),
        (["po", "-o", "jsonpath={.x"], "error: error parsing jsonpath {.x, unclosed action\n"),
        (["po", "-o", "custom-columns"], "error: custom-columns format specified but no custom columns given"),
        (
            ["po", "-o", "custom-columns=A"],
            "error: unexpected custom-columns spec: A, expected <header>:<json-path-expr>",
        ),
        (
            ["po", "-o", "custom-columns-file=nowhere"],
            "error: error reading template nowhere, open nowhere: no such file or directory\n",
        ),
        (
            ["po", "-l", "n", "--sort-by", ".spec.nothing"],
            'error: couldn\'t find any field with path "{.spec.nothing}" in the list of objects',
        ),
    ],
)
def test_errors(lab, words, stderr):
    result = lab.kubectl(["get", *words])
    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr.startswith(stderr) if stderr.endswith("no need") else result.stderr == stderr + "\n"


def test_what_is_there_is_printed_before_what_is_not(lab):
    out, err, code = said(lab, "get po pod1 x --no-headers -o wide")
    assert (out.split()[0], err, code) == ("pod1", 'Error from server (NotFound): pods "x" not found\n', 1)


def test_one_object_that_is_not_there_is_no_document(lab):
    missing = 'Error from server (NotFound): pods "x" not found\n'
    assert said(lab, "get po x -o yaml") == ("", missing, 1)
    out, err, code = said(lab, "get po x pod1 -o name")
    assert (out, err, code) == ("pod/pod1\n", missing, 1)


def test_no_resource_at_all(lab):
    assert said(lab, "get") == (
        "",
        (
            'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported'
            " resources.\n\nerror: Required resource not specified.\n"
            'Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).\n'
            "See 'kubectl get -h' for help and examples\n"
        ),
        1,
    )


@pytest.mark.parametrize(
    "line",
    [
        "get secrets",
        "get po -o go-template={{.kind}}",
        "get --raw /api",
        "get po --server-print=false",
        "get po --subresource=status",
        "get po --template=x",
    ],
)
def test_what_podwire_lacks_is_said(lab, line):
    with pytest.raises(NotModelled):
        lab.kubectl(line.split())


# ----------------------------------------------------------------------------------------------------------- formats


def test_the_ranges_of_the_nodes_are_printed_without_a_newline(lab):
    """Ledger row A05."""
    assert said(lab, "get nodes -o jsonpath='{.items[*].spec.podCIDR}'") == ("10.32.0.0/24 10.32.1.0/24", "", 0)


def test_one_object_is_a_document_and_several_are_a_list(lab):
    one, many = (yaml.safe_load(said(lab, f"get {words} -o yaml")[0]) for words in ("po pod1", "po -l n"))
    assert (one["kind"], one["metadata"]["name"]) == ("Pod", "pod1")
    assert (many["kind"], many["metadata"], len(many["items"])) == ("List", {"resourceVersion": ""}, 2)
    assert (
        said(lab, "get po -l x=y -o yaml")[0]
        == 'apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: ""\n'
    )


def test_json_has_four_blanks_and_sorted_keys(lab):
    out = said(lab, "get cm settings -n kube-system -o json")[0]
    assert out.startswith(
        '{\n    "apiVersion": "v1",\n    "data": {\n        "a": "1\\n2\\n",\n        "b": "2"\n    },\n    "kind"'
    )
    assert json.loads(out)["metadata"]["annotations"].keys() == {"kubectl.kubernetes.io/last-applied-configuration"}
    assert "managedFields" not in out


def test_custom_columns(lab, tmp_path):
    assert said(lab, "get po -l n -o custom-columns=NAME:.metadata.name,L:metadata.labels,X:{.spec.x}")[0] == (
        "NAME   L                      X\npod1   map[n:10 tier:front]   <none>\npod2   map[n:9]               <none>\n"
    )
    (tmp_path / "columns").write_text("NAME  NODE\nmetadata.name  {.spec.nodeName}\n")
    assert said(lab, f"get po pod1 -o custom-columns-file={tmp_path}/columns")[0] == "NAME   NODE\npod1   node1\n"
    assert said(lab, "get po pod1 -o custom-columns=N:.metadata.name --no-headers")[0] == "pod1\n"


def test_a_template_that_fails_shows_what_it_was_given(lab):
    out, err, code = said(lab, "get ns default -o jsonpath='{.metadata[0]}'")
    head = (
        'error: error executing jsonpath "{.metadata[0]}": Error executing template: map[string]interface {} is not array or slice.'
        " Printing more information for debugging the template:\n\ttemplate was:\n\t\t{.metadata[0]}\n"
        '\tobject given to jsonpath engine was:\n\t\tmap[string]interface {}{"apiVersion":"v1", "kind":"Namespace", "metadata":map['
    )
    assert (out, err[: len(head)], code) == ("", head, 1)
    assert '"spec":map[string]interface {}{"finalizers":[]interface {}{"kubernetes"}}' in err


def test_objects_of_a_file(lab, tmp_path):
    (tmp_path / "web.yaml").write_text(MANIFEST)
    out, err, code = said(lab, f"get -f {tmp_path}/web.yaml -o name")
    assert (out.split(), err, code) == (
        ["service/web", "deployment.apps/web", "statefulset.apps/db", "configmap/settings"],
        "",
        0,
    )
    lab.workstation.place.files["/root/ns.yaml"] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: nowhere}"
    assert said(lab, "get -f /root/ns.yaml") == (
        "",
        'Error from server (NotFound): namespaces "nowhere" not found\n',
        1,
    )
    assert said(lab, "get -f /root/nothing.yaml")[1] == 'error: the path "/root/nothing.yaml" does not exist\n'


def test_a_document_of_every_kind_is_taken_back_as_it_was_printed(lab):
    seen = set()
    for kind in lab.operations.kinds():
        names = lab.kubectl(
            ["get", kind.resource, "-A", "-o", "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {end}"]
        )
        for key in names.stdout.split():
            space, _, name = key.partition("/")
            line = ["get", kind.resource, name, *(["-n", space] if space else [])]
            text = lab.kubectl([*line, "-o", "yaml"]).stdout
            found = lab.kubectl("apply -f -", stdin=text)
            assert (found.stderr.startswith(("", "Warning: resource")), found.exit_code) == (True, 0), found.stderr
            again = yaml.safe_load(lab.kubectl([*line, "-o", "yaml"]).stdout)
            assert again["metadata"]["name"] == name
            assert {**again, "metadata": 0, "status": 0} == {**yaml.safe_load(text), "metadata": 0, "status": 0}
            seen.add(kind.name)
            break
    assert {
        "Pod",
        "Service",
        "Endpoints",
        "EndpointSlice",
        "Node",
        "Deployment",
        "ReplicaSet",
        "DaemonSet",
        "StatefulSet",
        "ServiceAccount",
        "Event",
        "ConfigMap",
        "Namespace",
    } <= seen


def test_pools_of_calico_are_listed():
    lab = Cluster(Calico(), nodes=1)
    lab.sleep(60)
    assert said(lab, "get ippools") == ("NAME                  AGE\ndefault-ipv4-ippool   60s\n", "", 0)
    assert said(lab, "get ippool.crd.projectcalico.org default-ipv4-ippool -o jsonpath={.spec.blockSize}")[0] == "26"
    assert said(lab, "get ippool x")[1] == 'Error from server (NotFound): ippools.crd.projectcalico.org "x" not found\n'
    with pytest.raises(NotModelled, match="watch"):
        lab.kubectl("get ippools -w")


def test_a_cluster_without_calico_has_no_pools(lab):
    assert said(lab, "get ippools")[1] == 'error: the server doesn\'t have a resource type "ippools"\n'
