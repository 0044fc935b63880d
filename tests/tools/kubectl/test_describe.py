"""``kubectl describe``: the text of each kind, and which objects are shown. The texts in ``described`` are those of kubectl 1.30."""

import pytest

from podwire import Calico, Cluster
from tests.tools.kubectl.describing import FILES, Described, parts

CASES = [
    pytest.param(path, kind, name, text, id=f"{path.stem}-{kind}-{name}")
    for path in sorted(FILES.glob("*.txt"))
    for kind, name, text in parts(path)[1]
]


@pytest.mark.parametrize(("path", "kind", "name", "text"), CASES)
def test_an_object_is_described_as_kubectl_describes_it(path, kind, name, text):
    world = Described()
    world.add(parts(path)[0])
    world.now += 90_000_000_000
    assert world.text(kind, name) == text


# ------------------------------------------------------------------------------------------------- transcripts' lines

CALICO_NODE = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node}
spec:
  selector: {matchLabels: {k8s-app: calico-node}}
  template:
    metadata: {labels: {k8s-app: calico-node}}
    spec:
      initContainers:
      - name: install-cni-template
        image: gke.gcr.io/calico/cni:v3
        env:
        - {name: ENABLE_CALICO_NETWORK_POLICY, value: "true"}
        - {name: CNI_SPEC_NAME, value: 10-calico.conflist.template}
        - name: CNI_SPEC_TEMPLATE
          value: |-
            {
              "name": "gke-pod-network",
              "cniVersion": "0.3.1",
              "plugins": [
                {
                  "type": "calico",
                  "mtu": 1460,
      containers:
      - name: calico-node
        image: gke.gcr.io/calico/node:v3
        env:
        - {name: CALICO_CNI_SERVICE_ACCOUNT, value: calico-cni-sa}
        - {name: CALICO_NETWORKING_BACKEND, value: none}
        - {name: FELIX_DEFAULTENDPOINTTOHOSTACTION, value: ACCEPT}
        - {name: FELIX_REPORTINGINTERVALSECS, value: "0"}
        - {name: IP, value: autodetect}
        - {name: IP_AUTODETECTION_METHOD, value: kubernetes-internal-ip}
        - {name: NO_DEFAULT_POOLS, value: "true"}
        - {name: NODENAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        - {name: WAIT_FOR_DATASTORE, value: "true"}
"""
A18_INIT = """
  Init Containers:
   install-cni-template:
"""
A18_TEMPLATE = """
    Environment:
      ENABLE_CALICO_NETWORK_POLICY:  true
      CNI_SPEC_NAME:                 10-calico.conflist.template
      CNI_SPEC_TEMPLATE:             {
                                       "name": "gke-pod-network",
                                       "cniVersion": "0.3.1",
                                       "plugins": [
                                         {
                                           "type": "calico",
                                           "mtu": 1460,
"""
A18_NODE = """
    Environment:
      CALICO_CNI_SERVICE_ACCOUNT:         calico-cni-sa
      CALICO_NETWORKING_BACKEND:          none
      FELIX_DEFAULTENDPOINTTOHOSTACTION:  ACCEPT
      FELIX_REPORTINGINTERVALSECS:        0
      IP:                                 autodetect
      IP_AUTODETECTION_METHOD:            kubernetes-internal-ip
      NO_DEFAULT_POOLS:                   true
      NODENAME:                            (v1:spec.nodeName)
      WAIT_FOR_DATASTORE:                 true
"""


@pytest.mark.parametrize("lines", [A18_INIT, A18_TEMPLATE, "\n  Containers:\n   calico-node:\n", A18_NODE])
def test_a18_the_environment_of_calico_node_reads_as_in_the_transcript(lines):
    world = Described()
    world.add(CALICO_NODE)
    assert lines in world.text("DaemonSet", "calico-node")


def test_a22_the_config_of_netd_keeps_its_own_indentation():
    world = Described()
    conflist = ' "plugins": [\n    {...\n      "ipam": {\n        "type": "host-local",\n'
    (made,) = world.add("{apiVersion: v1, kind: ConfigMap, metadata: {name: netd-config}}")
    world.store.update({**made.document, "data": {"cni_spec_template": conflist}})
    text = world.text("ConfigMap", "netd-config")
    assert text.startswith(
        "Name:         netd-config\nNamespace:    default\nLabels:       <none>\nAnnotations:  <none>\n\nData\n====\n"
    )
    assert f"cni_spec_template:\n----\n{conflist}\n\nBinaryData\n====\n\nEvents:  <none>\n" in text


# ------------------------------------------------------------------------------------------------------------- events


def test_events_stand_below_an_object_with_their_counts():
    world = Described()
    (pod,) = world.add(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: 'a:1'}]}}"
    )
    tell = {"component": "kubelet", "host": "node1"}
    world.recorder.event(pod, "Normal", "Started", "Started container c", **tell)
    for _ in range(3):
        world.recorder.event(pod, "Warning", "Unhealthy", "Readiness probe failed: \n", **tell)
        world.now += 30_000_000_000
    world.now += 40_000_000_000
    assert world.text("Pod", "p").partition("Events:\n")[2] == (
        "  Type     Reason     Age                  From     Message\n"
        "  ----     ------     ----                 ----     -------\n"
        "  Normal   Started    2m10s                kubelet  Started container c\n"
        "  Warning  Unhealthy  70s (x3 over 2m10s)  kubelet  Readiness probe failed:\n"
    )
    assert "Events" not in world.text("Pod", "p", events=False)


def test_the_events_of_another_of_that_name_are_not_shown():
    world = Described()
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"
    (old,) = world.add(manifest)
    world.recorder.event(old, "Normal", "Seen", "by somebody", component="x")
    assert "by somebody" in world.text("ConfigMap", "c")
    world.store.delete("ConfigMap", "c", "default")
    world.add(manifest)
    assert "Events:  <none>" in world.text("ConfigMap", "c")


# ------------------------------------------------------------------------------------------------------ which objects


@pytest.fixture(scope="module")
def lab():
    lab = Cluster(Calico(), nodes=2)
    for name in ("web-1", "web-2", "db"):
        lab.run(name, node="node1", labels={"app": name.partition("-")[0]})
    lab.run("web-3", node="node2", namespace="shop")
    return lab


def names(result):
    return [line.split()[1] for line in result.stdout.splitlines() if line.startswith("Name: ")]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("pods", ["db", "web-1", "web-2"]),
        ("po db", ["db"]),
        ("pod/db po/web-1", ["db", "web-1"]),
        ("po web", ["web-1", "web-2"]),
        ("po -l app=web", ["web-1", "web-2"]),
        ("po -A -l app=web", ["web-1", "web-2"]),
        ("po web -n shop", ["web-3"]),
        ("no,po db", None),
        ("no", ["node1", "node2"]),
    ],
)
def test_words_choose_objects(lab, words, wanted):
    found = lab.kubectl(f"describe {words}")
    if wanted is None:
        assert (found.stdout, found.stderr) == ("", "error: you may only specify a single resource type\n")
    else:
        assert names(found) == wanted
        assert found.stderr == ""


def test_two_blank_lines_stand_between_objects_and_one_behind_those_of_a_prefix(lab):
    assert "\n\n\nName:             web-2\n" in lab.kubectl("describe pod/web-1 pod/web-2").stdout
    prefixed = lab.kubectl("describe pod web-").stdout
    assert "\n\nName:             web-2\n" in prefixed
    assert "\n\n\nName:" not in prefixed
    assert prefixed.endswith("\n\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            "",
            (
                'error: You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of'
                " supported resources.\n"
            ),
        ),
        ("pod nope", 'Error from server (NotFound): pods "nope" not found\n'),
        ("pod/db pod/nope", 'Error from server (NotFound): pods "nope" not found\n'),
        ("nothing", 'error: the server doesn\'t have a resource type "nothing"\n'),
        ("pod db -l a=b", "error: name cannot be provided when a selector is specified\n"),
    ],
)
def test_what_makes_no_sense_is_refused_in_kubectls_words(lab, words, error):
    found = lab.kubectl(f"describe {words}")
    assert (found.stdout, found.stderr) == ("", error)


def test_one_that_is_missing_among_three_is_told_behind_the_others(lab):
    found = lab.kubectl("describe pod db nope web-1")
    assert names(found) == ["db", "web-1"]
    assert found.stderr == 'Error from server (NotFound): pods "nope" not found\n'


def test_nothing_found_is_said_without_an_error(lab):
    assert lab.kubectl("describe pod -n empty").stderr == "No resources found in empty namespace.\n"
    assert lab.kubectl("describe pod -A -l no=thing").stderr == "No resources found\n"


def test_manifests_name_objects(lab, tmp_path):
    path = tmp_path / "pods.yaml"
    path.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: db}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: node2}\n"
    )
    assert names(lab.kubectl(f"describe -f {path}")) == ["db", "node2"]
    assert lab.kubectl(f"describe -f {path} pods").stderr == (
        "error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well\n"
    )


def test_show_events_false_leaves_them_out(lab):
    assert "Successfully assigned default/db to node1" in lab.kubectl("describe pod db").stdout
    assert "Events" not in lab.kubectl("describe pod db --show-events=false").stdout
