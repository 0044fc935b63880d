"""What ``create``, ``run`` and ``expose`` make up. The documents of ``--dry-run=client`` were seen at a real kubectl."""

import pytest

from podwire import NotModelled

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  creationTimestamp: null
  labels:
    app: d
  name: d
spec:
  replicas: 3
  selector:
    matchLabels:
      app: d
  strategy: {}
  template:
    metadata:
      creationTimestamp: null
      labels:
        app: d
    spec:
      containers:
      - image: nginx
        name: nginx
        ports:
        - containerPort: 80
        resources: {}
status: {}
"""
NODE_PORT = """\
apiVersion: v1
kind: Service
metadata:
  creationTimestamp: null
  labels:
    app: s
  name: s
spec:
  ports:
  - name: 80-8080
    port: 80
    protocol: TCP
    targetPort: 8080
  selector:
    app: s
  type: NodePort
status:
  loadBalancer: {}
"""
RUN = """\
apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  labels:
    a: b
    c: d
  name: x
  namespace: foo
spec:
  containers:
  - args:
    - sleep
    - "1"
    env:
    - name: A
      value: b
    image: nginx
    name: x
    ports:
    - containerPort: 80
    resources: {}
  dnsPolicy: ClusterFirst
  restartPolicy: Never
status: {}
"""


@pytest.mark.parametrize(
    ("command", "document"),
    [
        ("create deployment d --image=nginx --replicas=3 --port=80", DEPLOYMENT),
        ("create service nodeport s --tcp=80:8080", NODE_PORT),
        (
            "create ns n",
            'apiVersion: v1\nkind: Namespace\nmetadata:\n  creationTimestamp: null\n  name: "n"\nspec: {}\nstatus: {}\n',
        ),
        (
            "create cm c --from-literal=a=b",
            "apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  creationTimestamp: null\n  name: c\n",
        ),
        ("create sa s", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  creationTimestamp: null\n  name: s\n"),
        ("run x -n foo --image=nginx --port=80 --env=A=b --labels=a=b,c=d --restart=Never", RUN),
    ],
)
def test_documents_that_kubectl_makes_up(command, document, kubectl):
    tail = " -- sleep 1" if command.startswith("run") else ""
    assert kubectl(f"{command} --dry-run=client -o yaml{tail}") == document


def test_run_starts_a_pod_with_its_labels_and_ports(kubectl, lab):
    assert kubectl("run web --image=nginx --port=80 --labels=app=web") == "pod/web created\n"
    assert kubectl("run web --image=nginx") == 'Error from server (AlreadyExists): pods "web" already exists\n[1]'
    pod = lab.pod("web")
    assert pod.labels == {"app": "web"}
    assert pod.node.curl(f"http://{pod.ip}").status == 200


def test_run_exposes_the_pod(kubectl, lab):
    assert kubectl("run web --image=nginx --port=80 --expose") == "service/web created\npod/web created\n"
    assert lab.service("web").endpoints == (f"{lab.pod('web').ip}:80",)


def test_run_takes_overrides_and_commands(kubectl, lab):
    node = '{"spec": {"nodeName": "node2"}}'
    assert kubectl(f"run a --image=nginx --overrides='{node}'") == "pod/a created\n"
    assert lab.pod("a").node.name == "node2"
    kubectl("run b --image=nginx --command -- tail -f /dev/null")
    assert kubectl("get po b -o jsonpath={.spec.containers[0].command}") == '["tail","-f","/dev/null"]'


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run x", 'required flag(s) "image" not set'),
        ("run x --image=y --restart=Foo", "invalid restart policy: Foo\nSee 'kubectl run -h' for help and examples"),
        (
            "run x --image=y --expose",
            "--port must be set when exposing a service\nSee 'kubectl run -h' for help and examples",
        ),
        ("run x --image=y --dry-run=foo", 'Invalid dry-run value (foo). Must be "none", "server", or "client".'),
        ("create ns", "exactly one NAME is required, got 0\nSee 'kubectl create namespace -h' for help and examples"),
        ("create service clusterip s", "at least one tcp port specifier must be provided"),
        ("create service nodeport s --tcp=x", 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("create cm c --from-literal=a", "invalid literal source a, expected key=value"),
        ("create cm c --from-file=nosuch", "error reading nosuch: no such file or directory"),
        ("create deployment d", 'required flag(s) "image" not set'),
    ],
)
def test_words_that_make_no_sense(command, message, kubectl):
    assert kubectl(command) == f"error: {message}\n[1]"


def test_create_makes_what_it_made_up(kubectl, lab):
    assert kubectl("create deployment d --image=nginx --replicas=2 --port=80") == "deployment.apps/d created\n"
    assert kubectl("create deployment d --image=nginx") == (
        'error: failed to create deployment: deployments.apps "d" already exists\n[1]'
    )
    assert [pod.labels["app"] for pod in lab.pods if "app" in pod.labels] == ["d", "d"]
    assert kubectl("create ns a") == "namespace/a created\n"
    assert kubectl("create ns a") == 'Error from server (AlreadyExists): namespaces "a" already exists\n[1]'
    assert kubectl("create service nodeport d --tcp=80 --node-port=30080") == "service/d created\n"
    assert lab.service("d").node_ports == (30080,)


def test_a_config_map_of_files(kubectl, tmp_path):
    (tmp_path / "a.txt").write_text("A\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("B\n", encoding="utf-8")
    assert kubectl(f"create cm all --from-file={tmp_path}") == "configmap/all created\n"
    assert kubectl(f"create cm one --from-file=key={tmp_path}/a.txt --from-literal=x='y'") == "configmap/one created\n"
    assert kubectl("get cm all -o jsonpath={.data}") == '{"a.txt":"A\\n","b.txt":"B\\n"}'
    assert kubectl("get cm one -o jsonpath={.data}") == '{"key":"A\\n","x":"y"}'


def test_expose_takes_ports_and_selector_of_the_object(kubectl, lab):
    kubectl("create deployment d --image=nginx --port=80")
    kubectl("run web --image=nginx --port=80")
    assert kubectl("expose deploy d --type=NodePort") == "service/d exposed\n"
    assert kubectl("expose pod web --name=w --port=9000 --target-port=80") == "service/w exposed\n"
    assert kubectl("expose svc w --name=v") == "service/v exposed\n"
    assert kubectl("get svc w v -o jsonpath={.items[*].spec.ports[0].port}") == "9000 9000"
    assert lab.service("w").endpoints == (f"{lab.pod('web').ip}:80",)
    assert lab.node("node1").curl(f"http://{lab.service('w').ip}:9000").status == 200
    assert kubectl("expose deploy d") == 'Error from server (AlreadyExists): services "d" already exists\n[1]'


def test_expose_without_a_target_leads_to_the_same_port(kubectl, lab):
    kubectl("run web --image=nginx --port=80")
    kubectl("expose pod web --port=80 --protocol=TCP --labels=x=y --selector=a=b")
    service = lab.service("web").stored
    assert service.document["spec"]["ports"][0]["targetPort"] == 80
    assert (service.labels, service.document["spec"]["selector"]) == ({"x": "y"}, {"a": "b"})


def test_expose_without_a_port_or_of_something_else(kubectl):
    kubectl("run web --image=foo/bar")
    assert kubectl("expose pod web") == "error: couldn't find port via --port flag or introspection\n[1]"
    assert kubectl("expose ns default --port=80") == "error: cannot expose a Namespace\n[1]"


@pytest.mark.parametrize(
    "command", ["run x --image=y -it", "run x --image=y --rm", "create job j --image=x", "create secret generic s"]
)
def test_what_is_not_modelled(command, kubectl):
    with pytest.raises(NotModelled):
        kubectl(command)
