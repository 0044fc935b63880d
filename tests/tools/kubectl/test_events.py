"""``kubectl events``, and what kubelets tell: a pod without an address tries again until it has one."""

import json

import pytest

from podwire import GKE, Cluster
from podwire.cluster import running

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.25"}]}
"""
STUCK = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "stuck"},
    "spec": {"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "c", "image": "nginx:1.25"}]},
}


def full():
    """A node with room for five pods that is asked for six."""
    lab = Cluster(GKE(), nodes=0)
    lab.add_node("node1", pod_cidr="10.32.0.0/29")
    lab.apply(WEB)
    return lab


def waiting(lab):
    return [each.name for each in lab.api.store.all("Pod") if each.document["status"]["phase"] == "Pending"]


def rows(lab, words):
    return [line.split(None, 4) for line in lab.kubectl(f"events {words}").stdout.splitlines()]


def test_a_pod_without_an_address_tells_of_each_try():
    lab = full()
    (name,) = waiting(lab)
    (first,) = rows(lab, "--types=Warning --no-headers")
    assert first[:4] == ["0s", "Warning", "FailedCreatePodSandBox", f"Pod/{name}"]
    assert first[4].startswith(
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "'
    )
    assert first[4].endswith(
        'plugin type="ptp" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.32.0.1-10.32.0.6'
    )
    lab.sleep(9)
    assert len(rows(lab, "--types=Warning --no-headers")) == 1, "not before ten seconds are over"
    lab.sleep(6.1)
    again = rows(lab, "--types=Warning --no-headers")
    assert len(again) == 2
    assert again[0][4] != again[1][4], "each try has a sandbox of its own"
    lab.sleep(300)
    last = lab.kubectl("events --types=Warning --no-headers").stdout.splitlines()[-1]
    assert "(combined from similar events): Failed to create pod sandbox: " in last
    assert waiting(lab) == [name]


def test_a_freed_address_is_taken_at_the_next_try():
    lab = full()
    (name,) = waiting(lab)
    lab.api.store.patch("Pod", name, "default", {"metadata": {"labels": {"app": "alone"}}})
    lab.apply(WEB.replace("replicas: 6", "replicas: 4"))  # one of the five that run goes
    assert waiting(lab) == [name], "nobody tells the kubelet"
    lab.sleep(16)
    assert waiting(lab) == []
    assert lab.pod(f"default/{name}").ip is not None
    told = [line for line in lab.kubectl(f"describe pod {name}").stdout.splitlines() if "kubelet" in line]
    assert told[-1].endswith("Started container nginx")


def test_a_pod_that_fits_nowhere_is_tried_again_every_five_minutes():
    lab = Cluster(GKE(), nodes=2)
    lab.apply(STUCK)
    lab.sleep(1000)
    (line,) = lab.kubectl("events --for pod/stuck --no-headers").stdout.splitlines()
    assert line.startswith(
        "100s (x4 over 16m)   Warning   FailedScheduling   Pod/stuck   0/2 nodes are available: 2 node(s) didn't"
    )


@pytest.fixture(scope="module")
def lab():
    lab = Cluster(GKE(), nodes=1)
    lab.run("a", image="nginx:1.25")
    lab.apply(STUCK)
    lab.sleep(75)
    return lab


def test_a_pod_that_runs_has_the_kubelets_events(lab):
    assert lab.kubectl("events --for=pods/a").stdout == (
        "LAST SEEN   TYPE     REASON      OBJECT   MESSAGE\n"
        "75s         Normal   Scheduled   Pod/a    Successfully assigned default/a to node1\n"
        '75s         Normal   Pulled      Pod/a    Container image "nginx:1.25" already present on machine\n'
        "75s         Normal   Created     Pod/a    Created container a\n"
        "75s         Normal   Started     Pod/a    Started container a\n"
    )


def test_what_was_seen_last_stands_last():
    lab = Cluster(GKE(), nodes=1)
    lab.apply({**STUCK, "metadata": {"name": "a"}})
    lab.run("z", image="nginx:1.25")
    assert rows(lab, "--no-headers")[-1][2:4] == ["Started", "Pod/z"]
    lab.sleep(310)
    assert lab.kubectl("events").stdout.splitlines()[-1].startswith("10s (x2 over 5m10s)   Warning   FailedScheduling")


def test_a_new_node_has_its_events(lab):
    reasons = [row[2] for row in rows(lab, "--no-headers") if row[3] == "Node/node1"]
    assert reasons[:7] == [
        "Starting",
        "NodeHasSufficientMemory",
        "NodeHasNoDiskPressure",
        "NodeHasSufficientPID",
        "NodeAllocatableEnforced",
        "RegisteredNode",
        "NodeReady",
    ]


def test_a_pod_that_ends_is_killed_and_its_events_stay():
    lab = Cluster(GKE(), nodes=1)
    lab.run("short", image="nginx:1.25").delete()
    lab.run("b", image="nginx:1.25")
    lab.kubectl("get pods")
    lab.pod("default/b").delete()
    assert rows(lab, "--for pod/b --no-headers")[-1] == ["0s", "Normal", "Killing", "Pod/b", "Stopping container b"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("--for a", "error: --for must be in resource/name form\n"),
        ("--for a/b/c", "error: arguments in resource/name form may not have more than one slash\n"),
        ("--types=Odd", "error: valid --types are Normal or Warning\n"),
        ("-n empty", "No events found in empty namespace.\n"),
        ("-A --for pod/none", "No events found.\n"),
    ],
)
def test_what_is_not_there_is_said(lab, words, error):
    found = lab.kubectl(f"events {words}")
    assert (found.stdout, found.stderr) == ("", error)


def test_all_namespaces_have_a_column(lab):
    lines = lab.kubectl("events -A --types=warning").stdout.splitlines()
    assert lines[0].startswith("NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE")
    assert lines[1].startswith("default     75s         Warning   FailedScheduling   Pod/stuck   0/1 nodes")


def test_other_formats_hold_the_documents(lab):
    found = json.loads(lab.kubectl("events --for pod/stuck -o json").stdout)
    assert (found["kind"], len(found["items"])) == ("EventList", 1)
    assert list(found) == ["kind", "apiVersion", "metadata", "items"], "the order of the type"
    assert list(found["items"][0])[-4:] == ["eventTime", "action", "reportingComponent", "reportingInstance"]
    assert "\n  firstTimestamp: null\n" in lab.kubectl("events --for pod/stuck -o yaml").stdout
    assert lab.kubectl("events --for pod/stuck -o name").stdout == ""
    assert lab.kubectl("events -o wide").stderr.startswith(
        "error: unable to match a printer suitable for the output format"
    )


def test_watching_prints_what_comes_and_what_is_counted():
    lab = Cluster(GKE(), nodes=1)
    lab.apply(STUCK)
    words = ["kubectl", "events", "-w", "--for", "pod/stuck"]
    watch = running.start(lab.network, lab.workstation.place, words, cluster=lab.operations)
    lab.sleep(310)
    lines = watch.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["LAST", "0s", "0s"]
    assert lines[2].startswith("0s (x2 over 5m)")
