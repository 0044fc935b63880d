"""What a new user types and meets: words, warnings and refusals that were compared with kubectl 1.30."""

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: p, image: nginx}]}\n"


def test_a_short_name_of_two_resources_warns_once(kubectl):
    assert kubectl("get ev,ev").startswith(
        'Warning: short name "ev" could also match lower priority resource events.events.k8s.io\n'
    )
    assert kubectl("get ev/a ev/b").count("Warning") == 1
    assert "Warning" not in kubectl("get events")


def test_a_pod_of_a_node_that_is_not_there_stays_pending(kubectl):
    assert kubectl("apply -f -", POD.replace("spec: {", "spec: {nodeName: node9, ")) == "pod/p created\n"
    assert kubectl("get po p -o jsonpath={.status.phase},{.spec.nodeName}") == "Pending,node9"
    assert kubectl("get po p --no-headers").split()[:3] == ["p", "0/1", "Pending"]


def test_pods_have_no_generation_in_1_30(kubectl):
    kubectl("apply -f -", POD)
    assert kubectl("get po p -o jsonpath={.metadata.generation}") == ""


def test_yaml_y_is_a_boolean_as_for_go(kubectl):
    assert "cannot unmarshal bool into Go struct field ConfigMap.data of type string" in kubectl(
        "apply -f -", CONFIG.replace("a: b", "a: y")
    )
    assert "cannot unmarshal bool" in kubectl("apply -f -", CONFIG.replace("a: b", "a: N"))
    assert kubectl("apply -f -", CONFIG.replace("a: b", "a: 'y'")) == "configmap/c created\n"


def test_several_json_objects_may_stand_in_a_row(kubectl):
    one = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"}}'
    assert kubectl("apply -f -", one % "x" + "\n" + one % "z") == "configmap/x created\nconfigmap/z created\n"
    assert kubectl("apply -f -", '{"apiVersion":"v1" "kind":1}') == (
        "error: error parsing STDIN: json: offset 20: invalid character '\"' after object key:value pair\n[1]"
    )


def test_an_object_that_is_refused_names_what_was_done_with_it(kubectl):
    kubectl("apply -f -", CONFIG)
    wrong = CONFIG + "date: {}\n"
    assert 'error when replacing "STDIN": ' in kubectl("replace -f -", wrong)
    assert kubectl("create -f - --dry-run=client", wrong) == "configmap/c created (dry run)\n"


def test_replace_forgets_what_was_applied_unless_the_manifest_says_it(kubectl):
    kubectl("apply -f -", CONFIG)
    assert kubectl("apply view-last-applied cm c").startswith("apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\n")
    kubectl("replace -f -", CONFIG)
    assert (
        kubectl("apply view-last-applied cm c")
        == "error: no last-applied-configuration annotation found on resource: c\n[1]"
    )
    kubectl("replace -f - --save-config", CONFIG)
    assert kubectl("apply view-last-applied cm c -o json").startswith('{\n  "apiVersion": "v1"')


def test_patches_that_make_no_sense(kubectl):
    kubectl("apply -f -", CONFIG)
    refused = "Error from server (BadRequest): {}\n[1]"
    assert kubectl("patch cm c -p '{a: 1}'") == refused.format(
        "invalid character 'a' looking for beginning of object key string"
    )
    assert kubectl("patch cm c --type merge -p '[1]'") == refused.format(
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    )
    assert kubectl("""patch cm c --type json -p '[{"op": "remove", "path": "/data/z"}]'""") == (
        "The request is invalid: the server rejected our request due to an error in our request\n[1]"
    )


def test_one_revision_of_a_rollout(kubectl):
    kubectl("create deployment web --image=nginx:1")
    kubectl("set image deploy/web nginx=nginx:2")
    assert kubectl("rollout history deploy web --revision=1").startswith(
        "deployment.apps/web with revision #1\nPod Template:\n  Labels:\tapp=web\n\tpod-template-hash="
    )
    assert kubectl("rollout history deploy web --revision=9") == "error: unable to find the specified revision\n[1]"
    assert kubectl("rollout status deploy web nosuch") == (
        'deployment "web" successfully rolled out\nError from server (NotFound): deployments.apps "nosuch" not found\n[1]'
    )


def test_create_of_words_that_make_no_sense(kubectl):
    assert kubectl("create foo") == (
        "Error: must specify one of -f and -k\n\nerror: unknown command \"foo\"\nSee 'kubectl create -h' for help and examples\n[1]"
    )
    assert (
        kubectl("create svc foo")
        == "error: unknown command \"foo\"\nSee 'kubectl create service -h' for help and examples\n[1]"
    )
    assert kubectl("create svc nodeport s --tcp=80 --node-port=x").endswith(
        "See 'kubectl create service nodeport --help' for usage.\n[1]"
    )
    assert (
        kubectl("create svc clusterip s --tcp=99999")
        == 'error: strconv.ParseUint: parsing "99999": value out of range\n[1]'
    )
    assert kubectl("create svc nodeport s --tcp=80 --node-port=1").startswith(
        "error: failed to create NodePort service: Service"
    )
    assert kubectl("run r --image='a b'") == 'error: Invalid image name "a b": invalid reference format\n[1]'


def test_labels_of_what_a_manifest_names(kubectl):
    kubectl("apply -f -", CONFIG)
    assert kubectl("label -f - a=b", CONFIG) == "configmap/c labeled\n"
