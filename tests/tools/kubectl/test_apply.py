"""``kubectl apply``, ``create -f``, ``replace`` and their errors; those about YAML and missing kinds were seen at a real kubectl."""

import json

import pytest

from podwire import NotModelled

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
OFF = "if you choose to ignore these errors, turn validation off with --validate=false"
NO_FOO = 'no matches for kind "Foo" in version "v1"\nensure CRDs are installed first'
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: p, image: nginx}]}\n"


def test_apply_creates_configures_and_leaves_alone(kubectl):
    assert kubectl("apply -f -", CONFIG) == "configmap/c created\n"
    assert kubectl("apply -f -", CONFIG) == "configmap/c unchanged\n"
    assert kubectl("apply -f -", CONFIG.replace("b}", "c}")) == "configmap/c configured\n"


def test_apply_takes_away_what_was_applied_and_keeps_what_others_wrote(kubectl, lab):
    kubectl("apply -f -", CONFIG)
    kubectl('patch cm c -p \'{"data": {"other": "x"}}\'')
    kubectl("apply -f -", CONFIG.replace("a: b", "q: m"))
    assert lab.api.store.need("ConfigMap", "c", "default").document["data"] == {"q": "m", "other": "x"}


def test_apply_warns_of_an_object_that_was_not_applied(kubectl):
    kubectl("create -f -", CONFIG)
    assert kubectl("apply -f -", CONFIG) == (
        "Warning: resource configmaps/c is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by"
        " kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or"
        " kubectl apply. The missing annotation will be patched automatically.\nconfigmap/c configured\n"
    )


def test_create_with_save_config_needs_no_warning(kubectl):
    kubectl("create --save-config -f -", CONFIG)
    assert kubectl("apply -f -", CONFIG) == "configmap/c unchanged\n"


def test_files_of_a_directory_come_in_order_and_deep_ones_with_recursive(kubectl, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.yaml", "a.yml", "sub/c.json", "d.txt"):
        own = name.rpartition("/")[2].partition(".")[0]
        text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": own}})
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert kubectl(f"apply -f {tmp_path}") == "configmap/a created\nconfigmap/b created\n"
    assert kubectl(f"apply -R -f {tmp_path}") == "configmap/a unchanged\nconfigmap/b unchanged\nconfigmap/c created\n"


def test_a_file_of_the_place_comes_before_one_of_the_caller(kubectl, lab):
    lab.workstation.place.files["/tmp/cm.yaml"] = CONFIG
    assert kubectl("create -f /tmp/cm.yaml") == "configmap/c created\n"


@pytest.mark.parametrize(("how", "word"), [("client", "dry run"), ("server", "server dry run")])
def test_a_dry_run_changes_nothing(how, word, kubectl, lab):
    before = lab.api.store.version
    assert kubectl(f"apply -f - --dry-run={how}", POD) == f"pod/p created ({word})\n"
    assert kubectl(f"create -f - --dry-run={how}", POD) == f"pod/p created ({word})\n"
    assert lab.api.store.version == before
    assert [pod.name for pod in lab.pods if pod.name == "default/p"] == []


def test_output_of_one_object_and_of_several(kubectl):
    assert kubectl("apply -f - -o name", CONFIG) == "configmap/c\n"
    assert kubectl("apply -f - -o jsonpath={.data.a}", CONFIG) == "b"
    several = CONFIG + "---\n" + CONFIG.replace("c}", "d}", 1)
    assert kubectl("apply -f - -o jsonpath={.items[*].metadata.name}", several) == "c d"


def test_what_the_server_refuses_does_not_keep_the_rest_from_being_applied(kubectl):
    several = CONFIG + "---\n" + "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports: [{port: 70000}]\n"
    wrong = "must be between 1 and 65535, inclusive"
    assert kubectl("apply -f -", several) == (
        "configmap/c created\n"
        'The Service "s" is invalid: \n'
        f"* spec.ports[0].port: Invalid value: 70000: {wrong}\n"
        f"* spec.ports[0].targetPort: Invalid value: 70000: {wrong}\n"
        "podwire: see STDIN:10\n[1]"
    )


def test_several_failures_stand_in_a_row(kubectl):
    several = POD.replace("nginx}", "nginx, ports: [{containerPort: 0}]}") + "---\n" + POD.replace("spec:", "spek:")
    assert kubectl("apply -f -", several) == (
        'Error from server (Invalid): error when creating "STDIN": Pod "p" is invalid: spec.containers[0].ports[0].containerPort:'
        " Invalid value: 0: must be between 1 and 65535, inclusive\n"
        'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod:'
        ' strict decoding error: unknown field "spek"\n'
        "podwire: see STDIN:4\npodwire: see STDIN:9\n[1]"
    )


def test_what_podwire_does_not_model_is_refused_before_anything_is_done(kubectl, lab):
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    before = lab.api.store.version
    for wrong in (secret, POD.replace("spec: {", "spec: {hostname: x, ")):
        with pytest.raises(NotModelled):
            kubectl("apply -f -", CONFIG + "---\n" + wrong)
    assert lab.api.store.version == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b\nc: [d\n", "error parsing FILE: error converting YAML to JSON: yaml: line 2: did not find expected ',' or ']'"),
        ("a: b\n  c: d\n", "error parsing FILE: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context"),
        (
            "apiVersion: v1\nmetadata: {name: x}\n",
            'error validating "FILE": error validating data: kind not set; ' + OFF,
        ),
        (
            "a: b\n",
            'error validating "FILE": error validating data: [apiVersion not set, kind not set]; ' + OFF,
        ),
        (
            "apiVersion: v1\nkind: Foo\nmetadata: {name: c}\n",
            f'resource mapping not found for name: "c" namespace: "" from "FILE": {NO_FOO}',
        ),
        ("", "no objects passed to apply"),
    ],
)  # fmt: skip
def test_files_that_make_no_sense(text, message, kubectl, tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    assert kubectl(f"apply -f {file}") == f"error: {message}\n[1]".replace("FILE", str(file))


def test_a_path_that_is_not_there_and_a_directory_without_manifests(kubectl, tmp_path):
    assert kubectl("apply -f nosuch.yaml") == 'error: the path "nosuch.yaml" does not exist\n[1]'
    assert kubectl(f"apply -f {tmp_path}") == (
        f"error: error reading [{tmp_path}]: recognized file extensions are [.json .yaml .yml]\n[1]"
    )
    assert kubectl("apply") == "error: must specify one of -f and -k\n[1]"


def test_the_namespace_of_an_object_and_that_of_the_command(kubectl):
    kubectl("create ns a")
    assert kubectl("apply -n a -f -", CONFIG) == "configmap/c created\n"
    assert kubectl("apply -n b -f -", CONFIG.replace("name: c", "name: c, namespace: a")) == (
        'error: the namespace from the provided object "a" does not match the namespace "b".'
        " You must pass '--namespace=a' to perform this operation.\n[1]"
    )
    assert kubectl("apply -n nosuch -f -", CONFIG) == (
        'Error from server (NotFound): error when creating "STDIN": namespaces "nosuch" not found\n[1]'
    )


def test_a_policy_whose_egress_says_from(kubectl):
    """Seed ledger, row A16: the manifest as the note prints it."""
    policy = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-egress}
spec:
  podSelector: {matchLabels: {app: test2}}
  policyTypes: [Egress]
  egress:
  - from:
    - podSelector: {matchLabels: {app: test1}}
"""
    assert kubectl("apply -f -", policy) == (
        'Error from server (BadRequest): error when creating "STDIN": NetworkPolicy in version "v1" cannot be handled as a'
        ' NetworkPolicy: strict decoding error: unknown field "spec.egress[0].from"\npodwire: see STDIN:10\n[1]'
    )


def test_create_and_replace(kubectl):
    assert (
        kubectl("replace -f -", CONFIG)
        == 'Error from server (NotFound): error when replacing "STDIN": configmaps "c" not found\n[1]'
    )
    assert kubectl("create -f -", CONFIG) == "configmap/c created\n"
    assert kubectl("create -f -", CONFIG) == (
        'Error from server (AlreadyExists): error when creating "STDIN": configmaps "c" already exists\n[1]'
    )
    assert kubectl("replace -f -", CONFIG.replace("a: b", "z: w")) == "configmap/c replaced\n"
    assert kubectl("get cm c -o jsonpath={.data}") == '{"z":"w"}'


def test_a_selector_chooses_among_the_objects_of_a_file(kubectl):
    several = CONFIG + "---\n" + CONFIG.replace("name: c", "name: d, labels: {x: w}")
    assert kubectl("apply -l x=w -f -", several) == "configmap/d created\n"


@pytest.mark.parametrize("flag", ["--prune --all", "-k .", "--server-side", "--force"])
def test_flags_that_are_not_modelled(flag, kubectl):
    with pytest.raises(NotModelled):
        kubectl(f"apply -f - {flag}", CONFIG)
