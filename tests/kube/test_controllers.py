"""Controllers and scheduler on a store, with a kubelet that only says that pods run."""

import copy
from random import Random

import pytest

from podwire.kube.controllers import ControlPlane
from podwire.kube.naming import ALPHABET, fnv32a, safe_encode
from podwire.kube.store import Store


class World:
    """A store with nodes n1, n2 …, its control plane, and a kubelet."""

    def __init__(self, nodes=2):
        streams: dict[tuple[str, ...], Random] = {}
        self.store = Store(lambda: 1_704_067_200_000_000_000, lambda *key: streams.setdefault(key, Random(repr(key))))
        self.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        self.log = []
        self.broken = False
        self.count = 0
        for number in range(1, nodes + 1):
            self.node(f"n{number}")
        self.plane = ControlPlane(self.store, self.kubelet)

    def node(self, name, taints=(), **labels):
        self.store.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
                "spec": {"taints": list(taints)},
            }
        )

    def kubelet(self):
        for pod in self.store.all("Pod"):
            new = copy.deepcopy(pod.document)
            if pod.terminating:
                self.store.finish(pod)
                self.log.append(f"-{pod.name}")
            elif new["spec"].get("nodeName") and new["status"]["phase"] == "Pending" and not self.broken:
                self.count += 1
                new["status"].update(phase="Running", podIP=f"10.0.0.{self.count}")
                new["status"].setdefault("conditions", []).append({"type": "Ready", "status": "True"})
                self.store.update(new, status=True)
                self.log.append(f"+{pod.name}")

    def apply(self, *documents):
        for each in documents:
            self.store.apply(each)
        self.plane.settle()

    @property
    def pods(self):
        return [each.name for each in self.store.all("Pod")]

    @property
    def places(self):
        return [each.document["spec"].get("nodeName") for each in self.store.all("Pod")]


@pytest.fixture
def world():
    return World()


def workload(kind="Deployment", name="web", image="nginx", spec=None, **more):
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [{"name": "c", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}],
                    **(spec or {}),
                },
            },
            **more,
        },
    }


def service(**spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "labels": {"team": "a"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "p", "port": 80, "targetPort": "http"}], **spec},
    }


def replica_sets(world):
    return {each.name: each.object.spec.replicas for each in world.store.all("ReplicaSet")}


# ---------------------------------------------------------------------------------------------------------- Deployment


def test_names_of_a_deployments_pods_hold_its_hash_and_five_letters(world):
    world.apply(workload(replicas=3))
    (name,) = replica_sets(world)
    digest = name.removeprefix("web-")
    assert set(digest) <= set(ALPHABET)
    for pod in world.store.all("Pod"):
        assert pod.labels["pod-template-hash"] == digest
        assert pod.name.startswith(f"{name}-")
        assert len(pod.name) == len(name) + 6
        assert set(pod.name[-5:]) <= set(ALPHABET)
    assert world.places == ["n1", "n2", "n1"]


def test_hashes_are_as_kubernetes_makes_them():
    assert fnv32a(b"") == 0x811C9DC5
    assert fnv32a(b"foobar") == 0xBF9CF968
    assert safe_encode("0123456789") == "456789bcdf"


def test_scaling_keeps_the_oldest(world):
    world.apply(workload(replicas=4))
    first = world.pods
    world.apply(workload(replicas=2))
    assert world.pods == first[:2]
    world.apply(workload(replicas=3))
    assert world.pods[:2] == first[:2]
    assert len(replica_sets(world)) == 1


def test_a_rolling_update_goes_by_quarters(world):
    world.apply(workload(replicas=4))
    old = world.pods
    world.log.clear()
    world.apply(workload(replicas=4, image="nginx:2"))
    assert sorted(replica_sets(world).values()) == [0, 4]
    assert not set(world.pods) & set(old)
    running = 4
    for entry in world.log:
        running += 1 if entry[0] == "+" else -1
        assert 3 <= running <= 5, "maxUnavailable 1, maxSurge 1"
    status = world.store.need("Deployment", "web", "default").document["status"]
    assert (status["updatedReplicas"], status["readyReplicas"], status["replicas"]) == (4, 4, 4)


def test_recreate_ends_the_old_before_the_new_begins(world):
    world.apply(workload(replicas=2, strategy={"type": "Recreate"}))
    world.log.clear()
    world.apply(workload(replicas=2, image="nginx:2", strategy={"type": "Recreate"}))
    assert [entry[0] for entry in world.log] == ["-", "-", "+", "+"]


def test_the_template_of_before_gets_its_replica_set_again(world):
    world.apply(workload())
    (first,) = replica_sets(world)
    world.apply(workload(image="nginx:2"))
    world.apply(workload())
    assert replica_sets(world)[first] == 1
    revision = "deployment.kubernetes.io/revision"
    assert world.store.need("ReplicaSet", first, "default").document["metadata"]["annotations"][revision] == "3"


def test_history_is_limited(world):
    for number in range(5):
        world.apply(workload(image=f"nginx:{number}", revisionHistoryLimit=1))
    assert sorted(replica_sets(world).values()) == [0, 1]


def test_a_new_template_whose_pods_never_run_leaves_the_old_ones(world):
    world.apply(workload(replicas=4))
    world.broken = True
    world.apply(workload(replicas=4, image="nope"))
    ready = [each for each in world.store.all("Pod") if each.document["status"]["phase"] == "Running"]
    assert len(ready) == 3
    status = world.store.need("Deployment", "web", "default").document["status"]
    assert [each["status"] for each in status["conditions"]] == ["True", "True"]


def test_a_paused_deployment_changes_only_its_size(world):
    world.apply(workload())
    world.apply(workload(paused=True, image="other", replicas=2))
    assert list(replica_sets(world).values()) == [2]


def test_a_lost_pod_is_replaced_and_a_relabelled_one_let_go(world):
    world.apply(workload(replicas=2))
    first, second = world.pods
    world.store.delete("Pod", first, "default")
    world.plane.settle()
    assert first not in world.pods
    assert len(world.pods) == 2
    world.store.patch("Pod", second, "default", {"metadata": {"labels": {"app": "lab"}}}, status=True)
    world.plane.settle()
    assert len(world.pods) == 3
    assert world.store.need("Pod", second, "default").controller == ""


def test_a_replica_set_adopts_pods_that_fit(world):
    labels = {"app": "web"}
    spec = {"containers": [{"name": "c", "image": "i"}]}
    world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mine", "labels": labels}, "spec": spec})
    world.apply(workload("ReplicaSet", replicas=2))
    assert len(world.pods) == 2
    assert "mine" in world.pods


def test_deleting_a_deployment_ends_its_pods(world):
    world.apply(workload(replicas=2))
    world.store.delete("Deployment", "web", "default")
    world.plane.settle()
    assert (world.pods, replica_sets(world)) == ([], {})


# ------------------------------------------------------------------------------------------- DaemonSet and StatefulSet


def test_a_daemon_set_has_a_pod_on_every_node_that_fits(world):
    world.node("n3", taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])
    world.apply(workload("DaemonSet"))
    assert sorted(world.places) == ["n1", "n2"]
    tolerate = {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}
    world.apply(workload("DaemonSet", spec=tolerate))
    assert sorted(world.places) == ["n1", "n2", "n3"]
    world.node("n4", disk="ssd")
    world.plane.settle()
    assert len(world.pods) == 4
    world.apply(workload("DaemonSet", spec={"nodeSelector": {"disk": "ssd"}}))
    assert world.places == ["n4"]
    status = world.store.need("DaemonSet", "web", "default").document["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"], status["updatedNumberScheduled"]) == (1, 1, 1)


def test_a_daemon_set_rolls_one_node_at_a_time(world):
    world.apply(workload("DaemonSet"))
    world.log.clear()
    world.apply(workload("DaemonSet", image="nginx:2"))
    assert [entry[0] for entry in world.log] == ["-", "+", "-", "+"]


def test_a_stateful_set_counts_up_and_down(world):
    world.apply(workload("StatefulSet", replicas=3, serviceName="web"))
    assert world.log == ["+web-0", "+web-1", "+web-2"]
    pod = world.store.need("Pod", "web-1", "default")
    assert (pod.object.spec.hostname, pod.object.spec.subdomain) == ("web-1", "web")
    assert pod.labels["apps.kubernetes.io/pod-index"] == "1"
    world.log.clear()
    world.apply(workload("StatefulSet", replicas=1, serviceName="web"))
    assert world.log == ["-web-2", "-web-1"]


def test_a_stateful_set_rolls_from_the_top(world):
    world.apply(workload("StatefulSet", replicas=3))
    world.log.clear()
    rolling = {"updateStrategy": {"rollingUpdate": {"partition": 1}}}
    world.apply(workload("StatefulSet", replicas=3, image="nginx:2", **rolling))
    assert world.log == ["-web-2", "+web-2", "-web-1", "+web-1"]


# ----------------------------------------------------------------------------------------------------------- scheduler


def test_the_node_with_the_fewest_pods_is_taken(world):
    world.apply(workload(replicas=5))
    assert world.places == ["n1", "n2", "n1", "n2", "n1"]


def test_anti_affinity_spreads_and_leaves_pending_what_fits_nowhere(world):
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    required = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    world.apply(workload(replicas=3, spec={"affinity": required}))
    assert world.places == ["n1", "n2", None]
    condition = world.store.all("Pod")[2].document["status"]["conditions"][0]
    assert (condition["reason"], condition["message"]) == (
        "Unschedulable",
        (
            "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."
            " preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
        ),
    )
    world.node("n3")
    world.plane.settle()
    assert world.places == ["n1", "n2", "n3"]


def test_preferred_anti_affinity_counts_before_load(world):
    world.apply(workload(name="other", replicas=3))
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    preferred = [{"weight": 1, "podAffinityTerm": term}]
    spec = {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}
    world.apply(workload(replicas=2, spec=spec))
    assert world.places[3:] == ["n2", "n1"]


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "n3"),
        ({"nodeSelector": {"disk": "none"}}, None),
        ({"tolerations": [{"key": "a", "value": "b", "effect": "NoSchedule"}], "nodeSelector": {"x": "y"}}, "n4"),
        ({"nodeSelector": {"x": "y"}}, None),
        ({"nodeName": "n4"}, "n4"),
    ],
)
def test_where_a_pod_may_run(world, spec, place):
    world.node("n3", disk="ssd")
    world.node("n4", taints=[{"key": "a", "value": "b", "effect": "NoSchedule"}], x="y")
    world.apply(workload(spec=spec))
    assert world.places == [place]


# ----------------------------------------------------------------------------------------------------------- endpoints


def only_slice(world):
    (found,) = world.store.all("EndpointSlice")
    return found.object


def test_endpoints_of_a_service(world):
    world.apply(service(), workload(replicas=2))
    found = only_slice(world)
    assert found.service == "default/web"
    assert found.metadata.labels == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert [(each.name, each.port, each.protocol) for each in found.ports] == [("p", 8080, "TCP")]
    assert [(each.addresses, each.node_name, each.ready) for each in found.endpoints] == [
        (("10.0.0.1",), "n1", True),
        (("10.0.0.2",), "n2", True),
    ]
    (subset,) = world.store.need("Endpoints", "web", "default").object.subsets
    assert [each.ip for each in subset.addresses] == ["10.0.0.1", "10.0.0.2"]
    assert subset.addresses[0].target_ref.name == world.pods[0]


def test_a_pod_that_is_going_serves_and_is_not_ready(world):
    world.apply(service(), workload(replicas=2))
    watch = world.store.watch("EndpointSlice")
    world.store.delete("Pod", world.pods[0], "default")
    world.plane.settle()
    first = watch.poll()[0].object.object.endpoints[0]
    assert (first.ready, first.serving, first.terminating) == (False, True, True)
    assert [each.addresses for each in only_slice(world).endpoints] == [("10.0.0.2",), ("10.0.0.3",)]


def test_a_service_without_endpoints_has_an_empty_slice(world):
    world.apply(service())
    assert (only_slice(world).endpoints, only_slice(world).ports) == ((), ())
    world.store.delete("Service", "web", "default")
    world.plane.settle()
    assert world.store.all("EndpointSlice") == world.store.all("Endpoints") == ()


def test_pods_with_another_number_for_a_name_have_a_slice_of_their_own(world):
    world.apply(service(), workload())
    other = workload(name="b")
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {
        "app": "web",
        "v": "2",
    }
    other["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = 9090
    world.apply(other)
    assert sorted(each.object.ports[0].port for each in world.store.all("EndpointSlice")) == [8080, 9090]
    assert len(world.store.need("Endpoints", "web", "default").object.subsets) == 2


def test_a_slice_holds_a_hundred_endpoints():
    world = World(nodes=1)
    world.apply(service(), workload(replicas=103))
    assert [len(each.object.endpoints) for each in world.store.all("EndpointSlice")] == [100, 3]


def test_settling_twice_changes_nothing(world):
    world.apply(service(), workload(replicas=3), workload("DaemonSet", "d"), workload("StatefulSet", "s", replicas=2))
    version = world.store.version
    world.plane.settle()
    assert world.store.version == version
