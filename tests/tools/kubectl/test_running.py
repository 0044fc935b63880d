"""``exec``, ``logs``, ``rollout``, ``delete``, ``wait``, ``cluster-info`` and ``version``."""

import pytest

from podwire import NotModelled
from podwire.cluster import running

SECOND = 1_000_000_000


@pytest.fixture
def web(kubectl):
    kubectl("run web --image=nginx --port=80")


@pytest.fixture
def deployment(kubectl):
    kubectl("create deployment d --image=nginx --replicas=2 --port=80")


@pytest.fixture
def begin(lab):
    """Starts a command that goes on."""

    def type_(command):
        return running.start(lab.network, lab.workstation.place, command.split(), cluster=lab.operations)

    return type_


# ---------------------------------------------------------------------------------------------------------------- exec


def test_exec_runs_in_the_pod_and_passes_on_how_it_ended(web, kubectl, lab):
    assert kubectl("exec web -- hostname") == "web\n"
    assert kubectl("exec -it pod/web -c web -- cat /etc/hostname") == "web\n"
    assert kubectl("exec web -- ping -c 1 -W 1 203.0.113.9").endswith("command terminated with exit code 1\n[1]")
    assert kubectl("exec -i web -- cat", "typed\n") == "typed\n"
    assert kubectl("exec web -- cat", "typed\n") == ""


def test_exec_of_a_workload_takes_one_of_its_pods(deployment, kubectl, lab):
    pods = {pod.spec.name for pod in lab.pods if "app" in pod.labels}
    assert kubectl("exec deploy/d -- hostname").strip() in pods


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("exec", "error: pod, type/name or --filename must be specified"),
        ("exec web", "error: you must specify at least one command for the container"),
        ("exec nosuch -- ls", 'Error from server (NotFound): pods "nosuch" not found'),
        ("exec web -c foo -- ls", "Error from server (BadRequest): container foo is not valid for pod web"),
        (
            "exec ns/default -- ls",
            "error: cannot attach to *unstructured.Unstructured: cannot extract pod selector from Namespace",
        ),
    ],
)
def test_exec_that_makes_no_sense(command, message, web, kubectl):
    assert kubectl(command) == f"{message}\n[1]"


def test_exec_into_a_pod_that_no_node_has(kubectl):
    kubectl("""run x --image=nginx --overrides='{"spec": {"nodeSelector": {"a": "b"}}}'""")
    assert kubectl("exec x -- ls") == "Error from server (BadRequest): pod x does not have a host assigned\n[1]"


def test_a_container_has_no_kubectl(web, kubectl, lab):
    assert 'exec: "kubectl": executable file not found in $PATH: unknown\n[1]' in kubectl("exec web -- kubectl get po")
    assert lab.pod("web").exec("kubectl get po").stderr == "bash: kubectl: command not found\n"


def test_interrupt_reaches_a_command_in_a_terminal(web, begin, lab):
    process = begin("kubectl exec -it web -- ping 203.0.113.9")
    lab.network.run_until(lambda: False, lab.network.now + 3 * SECOND)
    assert not process.done
    process.interrupt()
    assert "ping statistics" in process.stdout
    assert process.done


def test_interrupt_without_a_terminal_ends_kubectl_alone(web, begin, lab):
    process = begin("kubectl exec web -- ping 203.0.113.9")
    lab.network.run_until(lambda: False, lab.network.now + 3 * SECOND)
    process.interrupt()
    assert process.status == 130
    assert "ping statistics" not in process.stdout


# ---------------------------------------------------------------------------------------------------------------- logs


def test_logs_are_what_the_program_wrote(web, kubectl, lab):
    assert kubectl("logs web") == ""
    for path in ("a", "b", "c"):
        lab.node("node1").curl(f"http://{lab.pod('web').ip}/{path}")
    lines = kubectl("logs web").splitlines()
    assert [path for line in lines for path in ("/a", "/b", "/c") if f'] "GET {path} ' in line] == ["/a", "/b", "/c"]
    assert kubectl("logs --tail=1 pod/web --prefix") == f"[pod/web/web] {lines[-1]}\n"
    stamp, _, rest = kubectl("logs --tail=1 web --timestamps").partition(" ")
    assert (len(stamp), stamp[-1], rest) == (30, "Z", lines[-1] + "\n")
    lab.sleep(60)
    assert kubectl("logs web --since=30s") == ""
    assert len(kubectl("logs web --since=2m").splitlines()) == len(lines)


def test_logs_that_are_followed_end_with_the_pod(web, begin, kubectl, lab):
    process = begin("kubectl logs -f web")
    lab.node("node1").curl(f"http://{lab.pod('web').ip}/later")
    lab.sleep(1)
    assert "/later" in process.stdout
    assert not process.done
    kubectl("delete pod web")
    lab.sleep(1)
    assert process.status == 0


def test_logs_of_workloads_and_of_what_is_not_there(deployment, kubectl):
    assert kubectl("logs deploy/d").startswith("Found 2 pods, using pod/d-")
    assert kubectl("logs nosuch") == (
        'error: error from server (NotFound): pods "nosuch" not found in namespace "default"\n[1]'
    )
    assert kubectl("logs -l app=nosuch") == "No resources found in default namespace.\n"
    assert kubectl("logs") == (
        "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
        "POD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples\n[1]"
    )


def test_there_is_no_earlier_container(web, kubectl):
    assert kubectl("logs -p web") == (
        'Error from server (BadRequest): previous terminated container "web" in pod "web" not found\n[1]'
    )


# ------------------------------------------------------------------------------------------------------------- rollout


def test_history_and_undo_follow_the_revisions(deployment, kubectl, lab):
    kubectl("set image deploy/d nginx=nginx:2")
    assert kubectl("rollout status deploy/d").endswith('deployment "d" successfully rolled out\n')
    assert kubectl("rollout history deploy/d") == (
        "deployment.apps/d \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n"
    )
    assert kubectl("rollout undo deploy/d") == "deployment.apps/d rolled back\n"
    kubectl("rollout status deploy/d")
    assert {pod.image for pod in lab.pods if "app" in pod.labels} == {"nginx"}
    assert kubectl("rollout history deploy/d").splitlines()[2:4] == ["2         <none>", "3         <none>"]
    assert kubectl("rollout undo deploy/d --to-revision=3") == (
        "deployment.apps/d skipped rollback (current template already matches revision 3)\n"
    )
    assert (
        kubectl("rollout undo deploy/d --to-revision=9") == "error: unable to find specified revision 9 in history\n[1]"
    )


def test_undo_without_a_history(deployment, kubectl):
    assert kubectl("rollout undo deploy/d") == 'error: no rollout history found for deployment "d"\n[1]'


def test_restart_makes_new_pods(deployment, kubectl, lab):
    before = {pod.name for pod in lab.pods}
    assert kubectl("rollout restart deploy d") == "deployment.apps/d restarted\n"
    assert "already been triggered within the past second" in kubectl("rollout restart deploy d")
    kubectl("rollout status deploy d")
    assert not before & {pod.name for pod in lab.pods if "app" in pod.labels}


def test_a_paused_deployment(deployment, kubectl):
    assert kubectl("rollout pause deploy d") == "deployment.apps/d paused\n"
    assert kubectl("rollout pause deploy d") == 'error: deployments.apps "d" is already paused\n[1]'
    assert "can't restart paused deployment" in kubectl("rollout restart deploy d")
    assert kubectl("rollout resume deploy d") == "deployment.apps/d resumed\n"


def test_status_waits_for_what_is_not_ready_until_the_time_is_over(kubectl, lab):
    kubectl("create deployment d --image=nginx --replicas=1")
    kubectl("""patch deploy d -p '{"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}}'""")
    began = lab.network.now
    assert kubectl("rollout status deploy d --timeout=5s").endswith("error: timed out waiting for the condition\n[1]")
    assert lab.network.now - began == 5 * SECOND
    assert kubectl("rollout status deploy d --watch=false") == (
        'Waiting for deployment "d" rollout to finish: 1 old replicas are pending termination...\n'
    )


def test_rollouts_of_other_things(web, kubectl):
    assert kubectl("rollout restart pod web") == 'error: pods "web" restarting is not supported\n[1]'
    assert kubectl("rollout status pod web") == "error: no status viewer has been implemented for Pod\n[1]"
    assert kubectl("rollout status") == "error: required resource not specified\n[1]"
    with pytest.raises(NotModelled):
        kubectl("rollout history ds -n kube-system")


# ------------------------------------------------------------------------------------------------------ delete and wait


def test_delete_by_name_selector_and_all(web, deployment, kubectl, lab):
    assert kubectl("delete pod web") == 'pod "web" deleted\n'
    assert kubectl("delete pod web") == 'Error from server (NotFound): pods "web" not found\n[1]'
    assert kubectl("delete pod web --ignore-not-found") == ""
    assert kubectl("delete deploy,rs -l app=d -o name").splitlines()[0] == "deployment.apps/d"
    kubectl("wait pod -l app=d --for=delete")
    assert [pod.name for pod in lab.pods if "app" in pod.labels] == []
    assert kubectl("delete cm --all -n kube-public -l x=y").startswith("error: setting 'all' parameter")
    assert kubectl("delete deploy --all") == "No resources found\n"


def test_a_pod_terminates_and_leaves_its_endpoints(deployment, kubectl, lab):
    kubectl("expose deploy d")
    pod = next(pod for pod in lab.pods if "app" in pod.labels)
    address = f"{pod.ip}:80"
    assert address in lab.service("d").endpoints
    assert kubectl(f"delete pod {pod.spec.name}") == f'pod "{pod.spec.name}" deleted\n'
    assert address not in lab.service("d").endpoints
    assert pod not in lab.pods


def test_force_warns(web, kubectl, lab):
    assert kubectl("delete pod web --force") == (
        "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated."
        ' The resource may continue to run on the cluster indefinitely.\npod "web" force deleted\n'
    )
    assert not [pod for pod in lab.pods if pod.spec.name == "web"]


def test_no_grace_without_force_is_a_second(web, kubectl):
    assert kubectl("delete pod web --grace-period=0") == 'pod "web" deleted\n'


def test_wait_knows_another_object_of_the_same_name(web, begin, lab):
    store = lab.api.store
    waiting = begin("kubectl wait pod web --for=delete --timeout=60s")
    old = store.need("Pod", "web", "default")
    store.delete("Pod", "web", "default", grace=0)
    store.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": old.document["spec"]})
    lab.sleep(0)
    assert waiting.status == 0


def test_orphans_stay(deployment, kubectl, lab):
    assert kubectl("delete deploy d --cascade=orphan") == 'deployment.apps "d" deleted\n'
    assert len([pod for pod in lab.pods if "app" in pod.labels]) == 2


def test_delete_from_a_file_and_of_a_namespace(kubectl):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: a}\n"
    kubectl("create ns a")
    kubectl("create -f -", text)
    assert kubectl("delete -f - --dry-run=server", text) == 'configmap "c" deleted (server dry run)\n'
    assert kubectl("delete -f -", text) == 'configmap "c" deleted\n'
    assert kubectl("delete -f -", text) == (
        'Error from server (NotFound): error when deleting "STDIN": configmaps "c" not found\n[1]'
    )
    assert kubectl("delete ns a -n default") == (
        'Warning: deleting cluster-scoped resources, not scoped to the provided namespace\nnamespace "a" deleted\n'
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("delete pod", "resource(s) were provided, but no name was specified"),
        ("delete pod x --now --grace-period=3", "--now and --grace-period cannot be specified together"),
        ("delete pod x --cascade=foo", 'invalid cascade value (foo). Must be "background", "foreground", or "orphan"'),
        ("wait pod x", 'unrecognized condition: ""'),
        ("wait pod x --for=foo", 'unrecognized condition: "foo"'),
        ("wait pod -l a=b --for=condition=Ready", "no matching resources found"),
    ],
)
def test_words_that_make_no_sense(command, message, kubectl):
    assert kubectl(command) == f"error: {message}\n[1]"


def test_nodes_are_not_deleted(kubectl, lab):
    with pytest.raises(NotModelled):
        kubectl("delete node node1")
    assert [node.name for node in lab.nodes] == ["node1", "node2"]


def test_wait_for_conditions_values_and_deletion(web, kubectl, begin, lab):
    assert kubectl("wait pod web --for=condition=ready") == "pod/web condition met\n"
    assert kubectl("wait pod/web --for=jsonpath='{.status.phase}'=Running") == "pod/web condition met\n"
    began = lab.network.now
    assert kubectl("wait pod web --for=condition=Foo --timeout=2s") == (
        "error: timed out waiting for the condition on pods/web\n[1]"
    )
    assert lab.network.now - began == 2 * SECOND
    waiting = begin("kubectl wait pod web --for=delete --timeout=60s")
    assert not waiting.done
    kubectl("delete pod web")
    lab.sleep(0)
    assert (waiting.stdout, waiting.status) == ("pod/web condition met\n", 0)
    assert kubectl("wait pod web --for=delete") == ""


# ---------------------------------------------------------------------------------------------------------- cluster-info


def test_cluster_info_lists_services_that_say_so(kubectl, lab):
    last = "\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n"
    lab.control_plane = "https://203.0.113.1"
    for name, ports in (("b", "443"), ("a", "80")):
        kubectl(f"create service clusterip {name} --tcp={ports} -n kube-system")
        kubectl(f"label svc {name} -n kube-system kubernetes.io/cluster-service=true")
    kubectl("label svc a -n kube-system kubernetes.io/name=Alpha")
    proxy = "https://203.0.113.1/api/v1/namespaces/kube-system/services"
    assert kubectl("cluster-info") == (
        "Kubernetes control plane is running at https://203.0.113.1\n"
        f"Alpha is running at {proxy}/a:80-80/proxy\nb is running at {proxy}/https:b:443-443/proxy\n{last}"
    ).replace("80-80", "80").replace("443-443", "443")


def test_version(kubectl):
    lines = kubectl("version").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Client Version", "Kustomize Version", "Server Version"]
    assert kubectl("version --client").splitlines() == lines[:2]
    assert kubectl("version --output=x") == "error: --output must be 'yaml' or 'json'\n[1]"
