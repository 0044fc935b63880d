"""``label``, ``annotate``, ``patch``, ``set``, ``scale`` and ``edit``."""

import pytest

from podwire import NotModelled
from podwire.cluster import running


@pytest.fixture
def web(kubectl):
    kubectl("run web --image=nginx --port=80")


@pytest.fixture
def deployment(kubectl):
    kubectl("create deployment d --image=nginx --replicas=2 --port=80")


def test_labels_are_set_changed_and_taken_away(web, kubectl, lab):
    assert kubectl("label pod web a=b c=d") == "pod/web labeled\n"
    assert kubectl("label pod web a=b") == "pod/web not labeled\n"
    assert kubectl("label pod web a=x") == "error: 'a' already has a value (b), and --overwrite is false\n[1]"
    assert kubectl("label pod web a=x --overwrite") == "pod/web labeled\n"
    assert lab.pod("web").labels == {"run": "web", "a": "x", "c": "d"}
    assert kubectl("label pod web a- c-") == "pod/web unlabeled\n"
    assert kubectl("label pod web a-") == 'label "a" not found.\npod/web not labeled\n'
    assert kubectl("label pod web --list") == "run=web\n"
    kubectl("label pod web long=value")
    # Labels that are shorter than before were taken away, unless they may be written over.
    assert kubectl("label pod web long=v --overwrite") == "pod/web labeled\n"


def test_labels_of_all_and_of_those_that_a_selector_finds(web, kubectl):
    kubectl("run x --image=nginx")
    assert kubectl("label pods --all -n default t=1") == "pod/web labeled\npod/x labeled\n"
    assert kubectl("label pods -l run=x t=2 --overwrite") == "pod/x labeled\n"
    assert kubectl("label pod web nosuch z=1") == (
        'pod/web labeled\nError from server (NotFound): pods "nosuch" not found\n[1]'
    )


def test_a_label_that_one_has_already_does_not_keep_others_from_theirs(web, kubectl):
    kubectl("run x --image=nginx")
    assert kubectl("label pods web x run=web") == (
        "pod/web not labeled\nerror: 'run' already has a value (x), and --overwrite is false\n[1]"
    )
    assert kubectl("label pods x web run=web z=1") == (
        "pod/web labeled\nerror: 'run' already has a value (x), and --overwrite is false\n[1]"
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("label", "one or more resources must be specified as <resource> <name> or <resource>/<name>"),
        ("label pod a", "at least one label update is required"),
        ("label pod x a=b a-", "can not both modify and remove a label in the same command"),
        ("annotate pod x", "at least one annotation update is required"),
        (
            "annotate pod x a=b a-",
            "can not both modify and remove the following annotation(s) in the same command: a",
        ),
        ("patch pod x", "must specify --patch or --patch-file containing the contents of the patch"),
        ("patch pod x -p {} --type=foo", '--type must be one of [json merge strategic], not "foo"'),
        ("patch pod x -p [a", "unable to parse \"[a\": yaml: line 1: did not find expected ',' or ']'"),
        (
            "scale deploy d --replicas=-1",
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ),
        ("scale deploy d", 'required flag(s) "replicas" not set'),
        ("set foo", "unknown command \"foo\"\nSee 'kubectl set -h' for help and examples"),
    ],
)
def test_words_that_make_no_sense(command, message, kubectl):
    assert kubectl(command) == f"error: {message}\n[1]"


def test_a_label_that_the_server_refuses(web, kubectl):
    assert "error: invalid label value:" in kubectl("label pod web a=-x")
    assert kubectl("label pod web -- a=b").startswith("error: at least one label update is required")


def test_annotations(web, kubectl):
    assert kubectl("annotate pod web a=b c=d") == "pod/web annotated\n"
    assert kubectl("annotate pod web a=x") == (
        "error: --overwrite is false but found the following declared annotation(s): 'a' already has a value (b)\n[1]"
    )
    assert kubectl("annotate pod web a=x --overwrite") == "pod/web annotated\n"
    assert kubectl("annotate pod web c-") == "pod/web annotated\n"
    assert kubectl("annotate pod web --list") == "a=x\n"


def test_patches_of_three_kinds(deployment, kubectl, lab):
    assert kubectl('patch deploy d -p \'{"spec": {"replicas": 1}}\'') == "deployment.apps/d patched\n"
    assert kubectl("patch deploy d -p 'spec: {replicas: 1}'") == "deployment.apps/d patched (no change)\n"
    assert kubectl('patch deploy d --type=merge -p \'{"metadata": {"labels": null}}\'') == "deployment.apps/d patched\n"
    change = '[{"op": "replace", "path": "/spec/replicas", "value": 3}]'
    assert kubectl(f"patch deploy d --type=json -p '{change}'") == "deployment.apps/d patched\n"
    assert kubectl("get deploy d -o jsonpath={.spec.replicas}{.metadata.labels}") == "3"
    assert len([pod for pod in lab.pods if "app" in pod.labels]) == 3


def test_a_patch_that_podwire_could_not_act_upon_changes_nothing(deployment, kubectl, lab):
    before = lab.api.store.version
    with pytest.raises(NotModelled):
        kubectl('patch deploy d -p \'{"spec": {"template": {"spec": {"hostname": "x"}}}}\'')
    assert lab.api.store.version == before


def test_a_patch_that_the_server_refuses(deployment, kubectl):
    assert kubectl('patch deploy d -p \'{"spec": {"replicas": -1}}\'') == (
        'The Deployment "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n[1]'
    )


def test_set_image_rolls_the_pods(deployment, kubectl, lab):
    before = {pod.name for pod in lab.pods}
    assert kubectl("set image deploy/d nginx=nginx:1.27") == "deployment.apps/d image updated\n"
    assert kubectl("set image deploy/d nginx=nginx:1.27") == ""
    assert kubectl("set image deploy/d foo=x") == 'error: unable to find container named "foo"\n[1]'
    kubectl("wait deploy d --for=jsonpath='{.status.updatedReplicas}'=2")
    kubectl("rollout status deploy d")
    assert {pod.image for pod in lab.pods if "app" in pod.labels} == {"nginx:1.27"}
    assert not before & {pod.name for pod in lab.pods if "app" in pod.labels}


def test_set_env_selector_and_service_account(deployment, kubectl):
    kubectl("expose deploy d")
    assert kubectl("set env deploy/d A=1 B=2") == "deployment.apps/d env updated\n"
    assert kubectl("set env deploy/d A-") == "deployment.apps/d env updated\n"
    assert kubectl("set env deploy/d --list") == "# Deployment d, container nginx\nB=2\n"
    assert kubectl("set selector svc d x=y") == "service/d selector updated\n"
    assert kubectl("get svc d -o jsonpath={.spec.selector}") == '{"x":"y"}'
    assert kubectl("create sa robot") == "serviceaccount/robot created\n"
    assert kubectl("set serviceaccount deploy d robot") == "deployment.apps/d serviceaccount updated\n"


def test_scale(deployment, web, kubectl, lab):
    assert kubectl("scale deploy d --replicas=3") == "deployment.apps/d scaled\n"
    assert kubectl("scale deploy d --replicas=1 --current-replicas=2") == "error: Expected replicas to be 2, was 3\n[1]"
    assert len([pod for pod in lab.pods if "app" in pod.labels]) == 3
    assert kubectl("scale pod web --replicas=2") == (
        "Error from server (NotFound): the server could not find the requested resource\n[1]"
    )
    assert kubectl("scale deploy nosuch --replicas=2") == "error: no objects passed to scale\n[1]"


# ---------------------------------------------------------------------------------------------------------------- edit


@pytest.fixture
def edit(lab):
    def type_(editor, *words):
        process = running.start(
            lab.network,
            lab.workstation.place,
            ["kubectl", "edit", *words],
            cluster=lab.operations,
            environment={"KUBE_EDITOR": editor} if editor else {},
        )
        running.finish(lab.network, process)
        return running.result_of(process).output

    return type_


def test_an_editor_that_changes_the_file(deployment, edit, kubectl):
    assert edit("sed -i s/replicas:.2/replicas:\\ 1/", "deploy", "d") == "deployment.apps/d edited\n"
    assert kubectl("get deploy d -o jsonpath={.spec.replicas}") == "1"


def test_an_editor_that_changes_nothing(deployment, edit, lab):
    before = lab.api.store.version
    assert edit("sed -i s/nosuch/x/", "deploy", "d") == "Edit cancelled, no changes made.\n"
    assert lab.api.store.version == before
    assert not [name for name in lab.workstation.place.files if "kubectl-edit" in name and name.endswith("x")]


def test_an_editor_that_writes_what_the_server_refuses(deployment, edit):
    said = edit("sed -i s/replicas:.2/replicas:\\ -1/", "deploy", "d").splitlines()
    assert (
        said[0] == 'The Deployment "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )
    assert said[1].startswith('A copy of your changes has been stored to "/tmp/kubectl-edit-')
    assert said[2:] == ["error: Edit cancelled, no valid changes were saved."]


@pytest.mark.parametrize("editor", ["", "emacs", "nano"])
def test_an_editor_that_somebody_would_type_into(editor, deployment, edit):
    with pytest.raises(NotModelled):
        edit(editor, "deploy", "d")
