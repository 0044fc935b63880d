"""Manifests: what is accepted, and the one line that says what is not."""

import io
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podwire.errors import ManifestError, NotModelled, PodwireError
from podwire.kube import document
from podwire.kube.document import documents
from podwire.kube.manifest import load_objects, load_references
from podwire.kube.objects import PodObject

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: pod1
  labels: {app: a}
spec:
  nodeName: node1
  containers:
  - name: web
    image: nicolaka/netshoot
    command: ["tail"]
    args: ["-f", "/dev/null"]
    env: [{name: A, value: b}]
    resources: {limits: {cpu: 1, memory: 64Mi}}
    imagePullPolicy: IfNotPresent
    ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP, name: dns}]
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
"""


def write(path: Path, text: str = POD) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def complaint(text: str, *, file: str = "pod.yaml") -> str:
    with pytest.raises(PodwireError) as caught:
        load_objects(text)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace("<text>", file)


def test_a_pod_as_the_seed_writes_it():
    (pod,) = load_objects(POD)
    assert isinstance(pod, PodObject)
    assert (pod.namespace, pod.name, pod.key) == ("default", "pod1", "default/pod1")
    assert pod.labels == {"app": "a"}
    assert pod.image == "nicolaka/netshoot"
    assert pod.ports == (80, 53)
    assert [(port.protocol, port.name) for port in pod.container_ports] == [("TCP", None), ("UDP", "dns")]
    assert pod.node_name == "node1"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "nodeName: node1",
            "nodename: node1",
            (
                'pod.yaml:7: spec.nodename: got "node1", expected no field of that name '
                '(strict decoding error: unknown field "spec.nodename"); did you mean nodeName?'
            ),
        ),
        (
            "containerPort: 80",
            "port: 80",
            (
                "pod.yaml:16: spec.containers[0].ports[0].port: got 80, expected no field of that name "
                '(strict decoding error: unknown field "spec.containers[0].ports[0].port")'
            ),
        ),
        (
            "containerPort: 80",
            "containerPort: 70000",
            "pod.yaml:16: spec.containers[0].ports[0].containerPort: got 70000, expected an integer from 1 to 65535",
        ),
        (
            "containerPort: 80",
            "containerPort: '80'",
            'pod.yaml:16: spec.containers[0].ports[0].containerPort: got "80", expected an integer from 1 to 65535',
        ),
        (
            "protocol: UDP",
            "protocol: udp",
            'pod.yaml:16: spec.containers[0].ports[1].protocol: got "udp", expected one of TCP, UDP, SCTP',
        ),
        ('["tail"]', "tail", 'pod.yaml:11: spec.containers[0].command: got "tail", expected a list'),
        ("{app: a}", "[app]", 'pod.yaml:5: metadata.labels: got ["app"], expected a mapping'),
        ("name: pod1", "nam: pod1", None),
        (
            "name: pod1",
            "name: Pod_1",
            (
                "pod.yaml:4: metadata.name: got \"Pod_1\", expected a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', "
                "which starts and ends with a letter or digit"
            ),
        ),
        (
            "    image: nicolaka/netshoot\n",
            "",
            "pod.yaml:9: spec.containers[0].image: got nothing, expected the name of an image",
        ),
        (
            "kind: Pod",
            "kind: Pood",
            'pod.yaml:2: kind: got "Pood", expected a kind that exists (no matches for kind "Pood" in version "v1")',
        ),
        ("apiVersion: v1", "apiVersion: apps/v1", None),
        ("apiVersion: v1\n", "", "pod.yaml:1: apiVersion: got nothing, expected text such as v1"),
        ("kind: Pod", "kind: PodTemplate", "pod.yaml:2: not modelled: kind PodTemplate of v1"),
        (
            "apiVersion: v1\nkind: Pod",
            "apiVersion: networking.k8s.io/v1\nkind: Ingress",
            "pod.yaml:2: not modelled: kind Ingress of networking.k8s.io/v1",
        ),
        ("nodeName: node1", "subdomain: x", "pod.yaml:7: not modelled: spec.subdomain of a Pod"),
        ("nodeName: node1", "hostAliases: [{ip: 10.0.0.1}]", "pod.yaml:7: not modelled: spec.hostAliases of a Pod"),
        (
            "    args:",
            "    livenessProbe: {grpc: {port: 80}}\n    args:",
            "pod.yaml:12: not modelled: spec.containers[0].livenessProbe.grpc of a Pod",
        ),
        (
            "labels: {app: a}",
            "annotations: {cni.projectcalico.org/hwAddr: 'ee:00:00:00:00:01'}",
            "pod.yaml:5: not modelled: metadata.annotations.cni.projectcalico.org/hwAddr of a Pod",
        ),
        (
            "nodeName: node1",
            "securityContext: {sysctls: [{name: a, value: b}]}",
            "pod.yaml:7: not modelled: spec.securityContext.sysctls of a Pod",
        ),
        (
            "name: dns}",
            "name: dns}]\n  - name: web\n    image: x\n    ports: [{containerPort: 1}",
            'pod.yaml:17: spec.containers[1].name: got "web", expected a name that no other has here (Duplicate value)',
        ),
    ],
)
def test_what_the_api_server_refuses_and_what_podwire_lacks(old, new, message):
    said = complaint(POD.replace(old, new, 1))
    assert message is None or said == message


@pytest.mark.parametrize(
    "accepted",
    [
        "  hostNetwork: false\n",
        "  volumes: [{name: x, emptyDir: {}}]\n  tolerations: [{operator: Exists}]\n",
        "  nodeSelector: {}\n  affinity: null\n",
        "  securityContext: {runAsUser: 0}\n",
        "status: {phase: Running}\n",
    ],
)
def test_fields_that_change_nothing_are_accepted(accepted):
    assert load_objects(POD + accepted)[0].name == "pod1"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("on", "got true, expected text (YAML reads on as true: put it in quotes)"),
        ("no", "got false, expected text (YAML reads no as false: put it in quotes)"),
        ("010", "got 8, expected text (YAML reads 010 as the octal number 8: put it in quotes)"),
        ("1", "got 1, expected text (YAML reads 1 as a number: put it in quotes)"),
        ("1.10", "got 1.1, expected text (YAML reads 1.10 as a number: put it in quotes)"),
        (
            "2026-01-02",
            "got datetime.date(2026, 1, 2), expected text (YAML reads 2026-01-02 as a date: put it in quotes)",
        ),
        (
            "42:01:10:00:00:24",
            "got 32674320024, expected text (YAML reads 42:01:10:00:00:24 as the number 32674320024, digits of base 60: put it in quotes)",
        ),
        ("", "got null, expected text"),
    ],
)
def test_what_yaml_made_of_a_word_is_explained(label, said):
    assert complaint(POD.replace("{app: a}", f"{{app: {label}}}")) == f"pod.yaml:5: metadata.labels.app: {said}"


def test_a_number_that_is_not_what_it_looks_like():
    expected = "an integer from 0 on (YAML reads 010 as the octal number 8: write 8 if that is what you mean)"
    said = complaint(POD.replace("Seconds: 0", "Seconds: 010"))
    assert said == f"pod.yaml:17: spec.terminationGracePeriodSeconds: got 8, expected {expected}"


def test_a_label_named_on():
    said = complaint(POD.replace("{app: a}", "{on: a}"))
    assert (
        said
        == "pod.yaml:5: metadata.labels: got true, expected a key that is text (YAML reads on as true: put it in quotes)"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [1,2\n", "f.yaml:2: got \"b: [1,2\", expected YAML (did not find expected ',' or ']')"),
        ("a: {x: 1, x: 2}", 'f.yaml:1: a.x: got "x", expected each key once'),
        ("a: &x [*x]", 'f.yaml:1: a[0]: got "an alias", expected no value that contains itself'),
        ("a: 2026-02-30", 'f.yaml:1: a: got "2026-02-30", expected a value that YAML can read; put text in quotes'),
        ("? [1]\n: 2", 'f.yaml:1: got "a list or mapping", expected a key that is text'),
        ("a: \x00", 'f.yaml: got "a: \\u0000", expected YAML (control characters are not allowed at position 3)'),
        ("!!python/name:os.system x", None),
        ("[" * 100_000, None),
    ],
)
def test_text_that_is_no_yaml(text, said):
    with pytest.raises(ManifestError) as caught:
        documents(text, "f.yaml")
    assert said is None or str(caught.value) == said


def test_aliases_of_aliases_end_somewhere(monkeypatch):
    monkeypatch.setattr(document, "_MOST", 1000)
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcd", "bcde", strict=True)
    )
    with pytest.raises(ManifestError, match="at most 1000 values in a document"):
        documents(text)


def test_merge_keys_and_anchors():
    (field,) = documents("a: &x {b: 1, c: 2}\nd: &y {<<: *x, c: 3}\ne: *y")
    assert field.plain() == {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}, "e": {"b": 1, "c": 3}}


words = st.text().filter(lambda text: text not in {"y", "Y", "n", "N"})  # PyYAML writes these without quotes
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(words.filter(bool), trees, min_size=1, max_size=4))
def test_values_are_those_of_yaml_and_every_one_has_its_line(tree):
    text = yaml.safe_dump(tree, default_flow_style=False)
    (field,) = documents(text, "f.yaml")
    assert field.plain() == tree
    line = 0
    for member in field.members().values():
        assert member.line is not None
        assert member.line > line or line == 0
        line = member.line


@given(st.text())
def test_any_text_is_read_or_refused_with_a_podwire_error(text):
    try:
        load_objects(text + "\n")
    except PodwireError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most texts are refused, not all


# --------------------------------------------------------------------------------------------------------------- sources


def test_a_path_text_a_mapping_several(tmp_path):
    path = write(tmp_path / "pod.yaml")
    mapping = yaml.safe_load(POD)
    for source in (path, str(path), POD, mapping, [mapping], load_objects(POD)):
        assert [pod.key for pod in load_objects(source)] == ["default/pod1"]


def test_a_list_is_its_items():
    text = "apiVersion: v1\nkind: List\nitems:\n- " + POD.replace("\n", "\n  ").rstrip() + "\n"
    assert [pod.key for pod in load_objects(text)] == ["default/pod1"]
    said = complaint(text.replace("nodeName", "foo"))
    assert said == (
        'pod.yaml:10: items[0].spec.foo: got "node1", expected no field of that name (strict decoding error: unknown field "items[0].spec.foo")'
    )


def test_a_directory_in_order_of_names(tmp_path):
    write(tmp_path / "b.yml", POD.replace("pod1", "b"))
    write(tmp_path / "a.yaml", POD.replace("pod1", "a") + "---\n" + POD.replace("pod1", "c"))
    write(tmp_path / "d.txt", "x")
    assert [pod.name for pod in load_objects(tmp_path)] == ["a", "c", "b"]


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(POD))
    assert load_objects("-")[0].name == "pod1"


def test_errors_of_a_mapping_have_no_line():
    with pytest.raises(ManifestError, match=r"^spec\.containers\[0\]\.image: got 1, expected text$"):
        load_objects(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "x"},
                "spec": {"containers": [{"name": "x", "image": 1}]},
            }
        )
    with pytest.raises(ManifestError, match=r"^metadata: got 1, expected a key that is text$"):
        load_objects({"apiVersion": "v1", "metadata": {1: 2}})


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin1.yaml").write_bytes(b"a: \xe9\n")
    for name, said in (
        ("nowhere.yaml", "No such file or directory"),
        ("latin1.yaml", "not UTF-8 text: invalid continuation byte at byte 3"),
    ):
        with pytest.raises(PodwireError) as caught:
            load_objects(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: {said}"


def test_nothing_is_no_object():
    for text in ("---\n---\n", "# only a comment\n"):
        with pytest.raises(PodwireError, match=r"^no objects passed to apply$"):
            load_objects(text)
    with pytest.raises(PodwireError, match=r"^no objects passed to delete$"):
        load_references([])


def test_deleting_needs_a_name_only():
    (reference,) = load_references("apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: w, labels: 7}\n")
    assert (reference.kind, reference.key) == ("Pod", "w/x")
    with pytest.raises(NotModelled):
        load_references("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n")
    with pytest.raises(ManifestError, match=r"metadata\.name: got nothing"):
        load_references("apiVersion: v1\nkind: Pod\nmetadata: {}\n")


def test_a_node_that_is_not_there():
    (pod,) = load_objects(POD)
    pod.check(["node1"])
    with pytest.raises(ManifestError) as caught:
        pod.check(["a", "b"])
    assert str(caught.value) == '<text>:7: spec.nodeName: got "node1", expected one of the nodes a, b'
    with pytest.raises(ManifestError, match="expected a node, and there is none"):
        pod.check([])


def test_y_and_n_are_booleans_as_for_gos_yaml():
    (field,) = documents("{a: y, b: N, c: 'y', d: yy}")
    assert field.plain() == {"a": True, "b": False, "c": "y", "d": "yy"}
