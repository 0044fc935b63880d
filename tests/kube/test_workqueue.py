"""Controllers look at what has changed alone, and come to the same as those that look at everything."""

import copy
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.kube.controllers import ControlPlane
from podwire.kube.store import Store
from podwire.kube.workqueue import WorkQueue

WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")


def new_store():
    streams: dict[tuple[str, ...], Random] = {}
    store = Store(lambda: 0, lambda *key: streams.setdefault(key, Random(str(key))))
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    for name in ("n1", "n2"):
        store.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    return store


def workload(store, kind, name, replicas=2, image="nginx"):
    labels = {"app": name}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}},
    }
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = name
    store.apply({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def kubelet(store):
    """All pods of nodes run, and those that terminate are gone."""

    def run():
        for pod in store.all("Pod"):
            if pod.terminating and pod.document["spec"].get("nodeName"):
                store.finish(pod)
            elif pod.document["spec"].get("nodeName") and not pod.object.status.ready:
                new = copy.deepcopy(pod.document)
                new["status"].update(
                    phase="Running", podIP="10.0.0.1", conditions=[{"type": "Ready", "status": "True"}]
                )
                store.update(new, status=True)

    return run


def names(queue):
    return [each.name for each in queue.take()]


def test_a_pod_makes_its_owner_wait_and_one_that_nobody_owns_all_of_them():
    store = new_store()
    for name in ("a", "b"):
        workload(store, "ReplicaSet", name)
    queue = WorkQueue(store, "ReplicaSet", ("Pod",))
    plane = ControlPlane(store, kubelet(store))
    plane.settle()
    assert names(queue) == ["a", "b"]
    assert names(queue) == []
    pod = next(each for each in store.all("Pod") if each.labels["app"] == "b")
    store.patch("Pod", pod.name, "default", {"metadata": {"labels": {"x": "y"}}})
    assert names(queue) == ["b"]
    store.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "bare", "labels": {"app": "a"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        }
    )
    assert names(queue) == ["a", "b"]
    store.delete("ReplicaSet", "a", "default")
    assert names(queue) == []


def test_who_loses_a_pod_waits():
    store = new_store()
    workload(store, "ReplicaSet", "a", 1)
    ControlPlane(store, kubelet(store)).settle()
    queue = WorkQueue(store, "ReplicaSet", ("Pod",))
    queue.take()
    (pod,) = store.all("Pod")
    changed = copy.deepcopy(pod.document)
    changed["metadata"]["namespace"] = "default"
    changed["metadata"]["labels"] = {"app": "other"}
    changed["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "z", "uid": "1-2", "controller": True}
    ]
    store.update(changed, status=True)
    assert names(queue) == ["a"]


def test_pods_reach_the_deployment_above_their_replica_set():
    store = new_store()
    for name in ("a", "b"):
        workload(store, "Deployment", name)
    plane = ControlPlane(store, kubelet(store))
    plane.settle()
    queue = WorkQueue(store, "Deployment", ("ReplicaSet", "Pod"))
    queue.take()
    pod = next(each for each in store.all("Pod") if each.labels["app"] == "b")
    store.delete("Pod", pod.name, "default", grace=0)
    assert names(queue) == ["b"]
    plane.settle()
    assert len(store.all("Pod")) == 4


def test_what_was_taken_back_is_listed_anew():
    store = new_store()
    workload(store, "ReplicaSet", "a")
    queue = WorkQueue(store, "ReplicaSet", ("Pod",))
    queue.take()
    with store.trial():
        workload(store, "ReplicaSet", "b")
        assert names(queue) == ["b"]
    assert names(queue) == ["a"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["workload", "image", "scale", "gone", "gone pod", "taint", "orphan", "settle", "settle"]),
        st.sampled_from(WORKLOADS),
        st.integers(0, 3),
    ),
    max_size=14,
)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_they_leave_nothing_to_do_for_those_that_look_at_everything(steps):
    store = new_store()
    plane = ControlPlane(store, kubelet(store))
    for step, kind, number in steps:
        name, there = kind.lower(), store.get(kind, kind.lower(), "default")
        pods = store.all("Pod")
        match step:
            case "workload" | "scale":
                workload(store, kind, name, number)
            case "image":
                workload(store, kind, name, 2, f"nginx:{number}")
            case "gone" if there:
                store.delete(kind, name, "default", propagation="Orphan" if number % 2 else "Background")
            case "gone pod" if pods:
                pod = pods[number % len(pods)]
                store.delete("Pod", pod.name, "default", grace=0)
            case "orphan" if pods:
                pod = pods[number % len(pods)]
                store.patch("Pod", pod.name, "default", {"metadata": {"labels": {"app": "nobody"}}})
            case "taint":
                taints = [{"key": "k", "effect": "NoExecute"}] if number % 2 else []
                store.patch("Node", "n1", "", {"spec": {"taints": taints}}, "merge")
            case _:
                plane.settle()
    plane.settle()
    before = [(each.kind.name, each.document) for kind in (*WORKLOADS, "Pod") for each in store.all(kind)]
    ControlPlane(store, kubelet(store)).settle()
    assert [(each.kind.name, each.document) for kind in (*WORKLOADS, "Pod") for each in store.all(kind)] == before
