"""Containers that end, wait and start again; init containers; pods that take their time to stop; new sandboxes."""

import pytest

from podwire import GKE, Calico, Cluster, NotModelled

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 80}]},
}


@pytest.fixture
def lab():
    return Cluster(Calico(), nodes=2)


def run(lab, *command, **spec):
    container = {"name": "c", "image": "busybox:1.36", "command": list(command)}
    lab.apply({**POD, "spec": {"containers": [container], **spec}})


def status(lab, name="web"):
    return lab.api.store.need("Pod", name, "default").document["status"]


def container(lab):
    return status(lab)["containerStatuses"][0]


def conditions(lab):
    return {each["type"]: (each["status"], each.get("reason")) for each in status(lab)["conditions"]}


def endpoint(lab):
    slice_ = next(each for each in lab.api.store.all("EndpointSlice") if each.name.startswith("web-"))
    return [each["conditions"] for each in slice_.document["endpoints"]]


def test_a_container_that_ends_again_and_again_waits_longer_each_time(lab):
    run(lab, "sh", "-c", "exit 3")
    state = container(lab)
    assert state["restartCount"] == 1, "the first time it starts again at once"
    assert state["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    uid = lab.api.store.need("Pod", "web", "default").uid
    assert state["state"]["waiting"]["message"] == f"back-off 10s restarting failed container=c pod=web_default({uid})"
    assert state["lastState"]["terminated"]["exitCode"] == 3
    assert status(lab)["phase"] == "Running"
    counts = []
    for seconds in (9, 2, 18, 2, 38, 2, 78, 2, 158, 2, 298, 2, 298, 2):
        lab.sleep(seconds)
        counts.append(container(lab)["restartCount"])
    assert counts == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8]
    assert container(lab)["state"]["waiting"]["message"].startswith("back-off 5m0s restarting")


def test_a_container_that_ran_for_long_begins_with_a_short_wait_again(lab):
    run(lab, "sleep", "700")
    lab.sleep(701)
    assert container(lab)["restartCount"] == 1
    lab.sleep(699)
    assert "running" in container(lab)["state"]
    lab.sleep(2)
    assert container(lab)["restartCount"] == 2, "more than ten minutes after the last start"


@pytest.mark.parametrize(
    ("policy", "command", "phase", "reason"),
    [
        ("Never", ["true"], "Succeeded", "PodCompleted"),
        ("Never", ["sh", "-c", "sleep 1; exit 2"], "Failed", "PodFailed"),
        ("OnFailure", ["sleep", "1"], "Succeeded", "PodCompleted"),
    ],
    ids=str,
)
def test_a_pod_that_has_done_its_work_has_no_sandbox_any_more(lab, policy, command, phase, reason):
    run(lab, *command, restartPolicy=policy)
    lab.sleep(2)
    assert status(lab)["phase"] == phase
    assert conditions(lab)["Ready"] == ("False", reason)
    assert lab.pods == ()
    assert lab.delete(POD) == ['pod "web" deleted']
    assert lab.api.store.get("Pod", "web", "default") is None


def test_a_failure_is_tried_again_on_failure(lab):
    run(lab, "false", restartPolicy="OnFailure")
    assert container(lab)["restartCount"] == 1
    assert len(lab.pods) == 1


@pytest.mark.parametrize("command", [["tail", "-f", "/dev/null"], ["sleep", "infinity"], ["/app/server"]], ids=str)
def test_a_program_whose_end_nobody_knows_runs_for_ever(lab, command):
    run(lab, *command)
    lab.sleep(5000)
    assert lab.api.store.need("Pod", "web", "default").object.status.ready
    assert container(lab)["restartCount"] == 0


def test_init_containers_do_their_work_one_after_the_other(lab):
    inits = [
        {"name": "first", "image": "busybox", "command": ["sleep", "3"]},
        {"name": "second", "image": "busybox", "command": ["sh", "-c", "sleep 2 && true"]},
    ]
    lab.apply(SERVICE)
    lab.apply({**POD, "spec": {"initContainers": inits, "containers": [{"name": "c", "image": "nginx"}]}})
    client = lab.run("client")
    assert (status(lab)["phase"], conditions(lab)["Initialized"]) == ("Pending", ("False", "ContainersNotInitialized"))
    assert container(lab)["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert [list(each["state"]) for each in status(lab)["initContainerStatuses"]] == [["running"], ["waiting"]]
    assert lab.service("web").endpoints == ()
    assert not client.connect(lab.pod("web"), 80).ok
    lab.sleep(3)
    assert [list(each["state"]) for each in status(lab)["initContainerStatuses"]] == [["terminated"], ["running"]]
    assert [each["ready"] for each in status(lab)["initContainerStatuses"]] == [True, False]
    lab.sleep(2)
    assert (status(lab)["phase"], conditions(lab)["Initialized"]) == ("Running", ("True", None))
    assert client.connect(lab.service("web").ip, 80).ok


def test_an_init_container_that_fails_holds_the_pod_up(lab):
    lab.apply(
        {
            **POD,
            "spec": {
                "initContainers": [{"name": "i", "image": "busybox", "command": ["false"]}],
                "containers": [{"name": "c", "image": "nginx"}],
            },
        }
    )
    init = status(lab)["initContainerStatuses"][0]
    assert init["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status(lab)["phase"] == "Pending"
    lab.sleep(60)
    assert status(lab)["initContainerStatuses"][0]["restartCount"] == 3
    assert container(lab)["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_an_init_container_whose_end_nobody_knows_is_refused(lab):
    inits = [{"name": "i", "image": "busybox", "command": ["sh", "-c", "until nslookup db; do sleep 2; done"]}]
    with pytest.raises(NotModelled, match=r"initContainers\[0\]: an init container whose end podwire does not know"):
        lab.apply({**POD, "spec": {"initContainers": inits, "containers": [{"name": "c", "image": "nginx"}]}})
    assert lab.pods == ()


@pytest.mark.parametrize(
    "handler", [{"sleep": {"seconds": 10}}, {"exec": {"command": ["sh", "-c", "sleep 10"]}}], ids=["sleep", "exec"]
)
def test_a_pod_with_a_pre_stop_handler_goes_on_answering(lab, handler):
    lab.apply(SERVICE)
    lab.apply({**POD, "spec": {"containers": [{"name": "c", "image": "nginx", "lifecycle": {"preStop": handler}}]}})
    pod, client = lab.pod("web"), lab.run("client")
    assert endpoint(lab) == [{"ready": True, "serving": True, "terminating": False}]
    assert lab.delete(POD) == ['pod "web" deleted']
    assert endpoint(lab) == [{"ready": False, "serving": True, "terminating": True}]
    lab.sleep(9)
    assert client.connect(pod, 80).ok
    assert client.connect(lab.service("web").ip, 80).ok, "kube-proxy takes what terminates where nothing else is"
    lab.sleep(1)
    assert endpoint(lab) == []
    assert [each.name for each in lab.pods] == ["default/client"]


def test_the_grace_period_ends_a_handler(lab):
    handler = {"preStop": {"sleep": {"seconds": 10}}}
    containers = [{"name": "c", "image": "nginx", "lifecycle": handler}]
    lab.apply({**POD, "spec": {"terminationGracePeriodSeconds": 4, "containers": containers}})
    lab.delete(POD)
    lab.sleep(3.9)
    assert len(lab.pods) == 1
    lab.sleep(0.2)
    assert lab.pods == ()


def test_pod_delete_ends_it_at_once(lab):
    handler = {"preStop": {"sleep": {"seconds": 10}}}
    lab.apply({**POD, "spec": {"containers": [{"name": "c", "image": "nginx", "lifecycle": handler}]}})
    lab.pod("web").delete()
    assert lab.pods == ()
    assert lab.api.store.get("Pod", "web", "default") is None
    lab.sleep(20)


def test_what_ignores_the_signal_takes_the_whole_grace_period_after_its_liveness_probe_failed(lab):
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    containers = [{"name": "c", "image": "busybox", "command": ["sleep", "9000"], "livenessProbe": probe}]
    lab.apply({**POD, "spec": {"containers": containers}})
    lab.sleep(30)
    assert container(lab)["restartCount"] == 0
    lab.sleep(1.5)
    assert container(lab)["restartCount"] == 1
    assert container(lab)["lastState"]["terminated"]["exitCode"] == 137


@pytest.mark.parametrize("cni", [Calico(), GKE()], ids=["calico", "gke"])
@pytest.mark.parametrize("with_api", [False, True])
def test_a_new_sandbox_has_a_new_interface_and_the_address_that_ipam_gives(cni, with_api):
    lab = Cluster(cni, nodes=1)
    pod, client = lab.run("web", image="nginx", ports=[80]), lab.run("client")
    before = status(lab) if with_api else None
    node = lab.node("node1").machine.root.netns

    def ifindex():
        link = node.link(pod.interface)
        assert link is not None
        return link.ifindex

    address, index = pod.ip, ifindex()
    pod.restart()
    assert pod is lab.pod("web")
    assert pod.ip != address
    assert ifindex() > index
    assert client.connect(pod, 80).ok
    assert client.exec(f"ping -c1 -W1 {address}").exit_code == 1
    after = status(lab)
    assert after["podIP"] == str(pod.ip)
    if before is not None:
        old, new = before["containerStatuses"][0], after["containerStatuses"][0]
        assert (old["restartCount"], new["restartCount"]) == (0, 1)
        assert new["lastState"]["terminated"]["containerID"] == old["containerID"]


def test_services_follow_a_new_sandbox(lab):
    lab.apply(SERVICE)
    probe = {"tcpSocket": {"port": 80}}
    lab.apply({**POD, "spec": {"containers": [{"name": "c", "image": "nginx", "readinessProbe": probe}]}})
    client = lab.run("client")
    lab.sleep(1)
    old = lab.service("web").endpoints
    lab.pod("web").restart()
    assert lab.service("web").endpoints == ()
    lab.sleep(1)
    assert lab.service("web").endpoints == (f"{lab.pod('web').ip}:80",) != old
    assert client.connect(lab.service("web").ip, 80).ok
    assert container(lab)["restartCount"] == 1


def test_equal_labs_live_equal_lives():
    probe = {"httpGet": {"port": 81}, "periodSeconds": 3}
    labs = [Cluster(Calico(), nodes=2, seed=5) for _ in range(2)]
    for lab in labs:
        lab.apply({**POD, "spec": {"containers": [{"name": "c", "image": "nginx", "livenessProbe": probe}]}})
        lab.sleep(100)
    assert status(labs[0]) == status(labs[1])
    assert container(labs[0])["restartCount"] > 1


def test_a_program_that_ends_while_its_pod_terminates_does_not_start_again(lab):
    container_ = {"name": "c", "image": "busybox", "command": ["sleep", "5"]}
    lab.apply({**POD, "spec": {"containers": [{**container_, "lifecycle": {"preStop": {"sleep": {"seconds": 20}}}}]}})
    lab.delete(POD)
    lab.sleep(10)
    assert (status(lab)["phase"], container(lab)["restartCount"]) == ("Running", 0)
    assert list(container(lab)["state"]) == ["terminated"]


def test_a_host_network_pod_listens_on_its_node(lab):
    node, client = lab.node("node1"), lab.run("client")
    for name in ("web", "second"):
        spec = {"hostNetwork": True, "nodeName": "node1", "containers": [{"name": "c", "image": "nginx"}]}
        lab.apply({**POD, "metadata": {"name": name}, "spec": spec})
    assert client.curl(f"http://{node.ip}/").status == 200
    assert container(lab)["restartCount"] == 0
    state = status(lab, "second")["containerStatuses"][0]["state"]
    assert state["waiting"]["reason"] == "CrashLoopBackOff", "the port is taken"
    lab.pod("default/web").delete()
    assert client.curl(f"http://{node.ip}/").exit_code == 7
    lab.sleep(11)
    assert client.curl(f"http://{node.ip}/").status == 200
