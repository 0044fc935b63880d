"""Events: how equal and similar ones are put together, how long they last, and what controllers and scheduler tell."""

import re
from random import Random

import pytest

from podwire.kube.events import TTL, Recorder
from podwire.kube.invalid import Invalid
from podwire.kube.store import Store
from tests.kube.test_controllers import World, workload

SECOND = 1_000_000_000
SPEC = {"containers": [{"name": "c", "image": "a:1"}]}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": SPEC}


class Desk:
    """A store whose time the test moves, and a recorder."""

    def __init__(self):
        streams: dict[tuple[str, ...], Random] = {}
        self.now = 1_704_067_200 * SECOND
        self.store = Store(lambda: self.now, lambda *key: streams.setdefault(key, Random(repr(key))))
        for name in ("default", "other"):
            self.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.recorder = Recorder(self.store)
        self.pod = self.store.create(POD)

    def tell(self, message, reason="Unhealthy", *, after=0, about=None, host="node1"):
        self.now += round(after * SECOND)
        self.recorder.event(about or self.pod, "Warning", reason, message, component="kubelet", host=host)

    def series(self, message, *, after=0):
        self.now += after * SECOND
        words = {"component": "default-scheduler", "instance": "default-scheduler-x", "action": "Scheduling"}
        self.recorder.series(self.pod, "Warning", "FailedScheduling", message, **words)

    @property
    def events(self):
        return [each.document for each in self.store.all("Event")]

    @property
    def counts(self):
        return {each["message"]: each.get("count", 0) for each in self.events}


@pytest.fixture
def desk():
    return Desk()


def test_an_event_names_its_object_and_its_source(desk):
    desk.tell("no answer")
    (event,) = desk.events
    assert re.fullmatch(r"p\.[0-9a-f]{16}", event["metadata"]["name"])
    assert int(event["metadata"]["name"].removeprefix("p."), base=16) > desk.now, "the time in ns, as in a cluster"
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "p",
        "uid": desk.pod.uid,
        "apiVersion": "v1",
        "resourceVersion": desk.pod.document["metadata"]["resourceVersion"],
    }
    assert event["source"] == {"component": "kubelet", "host": "node1"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node1")
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (1, *["2024-01-01T00:00:00Z"] * 2)
    assert desk.store.all("Event")[0].object.involved_object.name == "p", "it has a typed form"


def test_equal_events_are_counted(desk):
    for _ in range(3):
        desk.tell("no answer", after=10)
    (event,) = desk.events
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
        3,
        "2024-01-01T00:00:10Z",
        "2024-01-01T00:00:30Z",
    )


@pytest.mark.parametrize("other", [{"reason": "BackOff"}, {"host": "node2"}])
def test_what_differs_is_another_event(desk, other):
    desk.tell("no answer")
    desk.tell("no answer", **other)
    assert [each["count"] for each in desk.events] == [1, 1]


def test_the_tenth_message_of_a_kind_begins_the_combined_event(desk):
    """EventAggregator: maxEvents is 10 within 10 minutes."""
    for number in range(12):
        desk.tell(f"sandbox {number}", after=10)
    assert len(desk.events) == 10
    assert desk.counts["(combined from similar events): sandbox 11"] == 3
    assert all(desk.counts[f"sandbox {number}"] == 1 for number in range(9))


def test_after_ten_quiet_minutes_messages_stand_alone_again(desk):
    for number in range(9):
        desk.tell(f"sandbox {number}")
    desk.tell("sandbox 9", after=601)
    assert desk.counts["sandbox 9"] == 1


def test_more_than_25_events_of_an_object_are_held_back_and_counted_later(desk):
    """EventSourceObjectSpamFilter: a burst of 25, then one in five minutes."""
    for _ in range(30):
        desk.tell("no answer")
    assert desk.counts == {"no answer": 25}
    desk.tell("no answer", after=299)
    assert desk.counts == {"no answer": 25}
    desk.tell("no answer", after=2)
    assert desk.counts == {"no answer": 32}, "those that were held back too"
    desk.tell("no answer")
    assert desk.counts == {"no answer": 32}, "one in five minutes"
    other = desk.store.create({**POD, "metadata": {"name": "q"}})
    desk.tell("still heard", about=other)
    assert desk.counts["still heard"] == 1


def test_an_event_lives_for_an_hour_after_it_was_last_seen(desk):
    desk.tell("twice", "B")
    desk.tell("once", "A")
    desk.tell("twice", "B", after=1800)
    desk.now += TTL - 1801 * SECOND
    desk.recorder.expire()
    assert set(desk.counts) == {"once", "twice"}
    desk.now += SECOND
    desk.recorder.expire()
    assert set(desk.counts) == {"twice"}
    desk.now += 1800 * SECOND
    desk.recorder.expire()
    assert desk.events == []


def test_an_event_that_is_gone_comes_again_with_its_count(desk):
    """An update that finds nothing is a create (tools/record, recordToSink)."""
    desk.tell("no answer")
    name = desk.events[0]["metadata"]["name"]
    desk.store.delete("Event", name, "default")
    desk.tell("no answer")
    (event,) = desk.events
    assert (event["metadata"]["name"], event["count"]) == (name, 2)


def test_names_follow_the_order_in_which_things_happened(desk):
    for number in range(8):
        desk.tell("m", f"R{number}")
    found = sorted(desk.events, key=lambda each: each["metadata"]["name"])
    assert [each["reason"] for each in found] == [f"R{number}" for number in range(8)]


def test_a_namespace_that_ends_takes_no_events(desk):
    held = desk.store.create({**POD, "metadata": {"name": "p", "namespace": "other", "finalizers": ["x/y"]}})
    desk.tell("before", about=held)
    desk.store.delete("Namespace", "other")
    desk.tell("during", about=held)
    assert desk.store.all("Event", "other") == ()


def test_the_scheduler_counts_a_series_and_keeps_its_first_words(desk):
    desk.series("0/1")
    assert "series" not in desk.events[0]
    assert (desk.events[0]["eventTime"], desk.events[0]["source"]) == ("2024-01-01T00:00:00.000000Z", {})
    desk.series("0/2", after=300)
    desk.series("0/2", after=360)
    (event,) = desk.events
    assert event["message"] == "0/1"
    assert event["series"] == {"count": 3, "lastObservedTime": "2024-01-01T00:11:00.000000Z"}
    desk.series("0/3", after=361)
    assert [each["message"] for each in desk.events] == ["0/1", "0/3"], "a series ends after six minutes"


def test_an_event_of_another_namespace_than_its_object_is_refused(desk):
    document = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "other"},
    }
    with pytest.raises(
        Invalid, match=r'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    ):
        desk.store.create(document)


# -------------------------------------------------------------------------------------------------------- controllers


@pytest.fixture
def world():
    return World()


def told(world, kind, component=None):
    return [
        each.document["message"]
        for each in world.store.all("Event")
        if each.document["involvedObject"]["kind"] == kind and component in {None, each.document["reportingComponent"]}
    ]


def test_a_rolling_update_tells_its_steps(world):
    world.apply(workload(replicas=2))
    (first,) = (each.name for each in world.store.all("ReplicaSet"))
    assert told(world, "Deployment") == [f"Scaled up replica set {first} to 2"]
    world.apply(workload(replicas=2, image="nginx:2"))
    second = next(each.name for each in world.store.all("ReplicaSet") if each.name != first)
    assert told(world, "Deployment") == [
        f"Scaled up replica set {first} to 2",
        f"Scaled up replica set {second} to 1",
        f"Scaled down replica set {first} to 1 from 2",
        f"Scaled up replica set {second} to 2 from 1",
        f"Scaled down replica set {first} to 0 from 1",
    ]
    pods = told(world, "ReplicaSet", "replicaset-controller")
    assert sum(each.startswith("Created pod: ") for each in pods) == 4
    assert sum(each.startswith("Deleted pod: ") for each in pods) == 2


def test_the_sets_tell_of_their_pods(world):
    world.apply(workload("StatefulSet", "db", replicas=1), workload("DaemonSet", "agent"))
    assert told(world, "StatefulSet") == ["create Pod db-0 in StatefulSet db successful"]
    assert [each.rpartition("-")[0] for each in told(world, "DaemonSet", "daemonset-controller")] == [
        "Created pod: agent"
    ] * 2
    world.apply(
        workload("StatefulSet", "db", replicas=0), workload("DaemonSet", "agent", spec={"nodeSelector": {"a": "b"}})
    )
    assert told(world, "StatefulSet")[-1] == "delete Pod db-0 in StatefulSet db successful"
    assert told(world, "DaemonSet")[-1].startswith("Deleted pod: agent-")


def test_the_scheduler_tells_where_a_pod_goes_and_why_it_goes_nowhere(world):
    world.node("n3", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    world.apply({**POD, "metadata": {"name": "good"}})
    spec = {**SPEC, "nodeSelector": {"kubernetes.io/hostname": "n3"}}
    world.apply({**POD, "metadata": {"name": "bad"}, "spec": spec})
    assert told(world, "Pod", "default-scheduler") == [
        "Successfully assigned default/good to n1",
        (
            "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 node(s) didn't match Pod's node affinity/selector."
            " preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
        ),
    ]


def test_preemption_looks_where_other_pods_are_in_the_way(world):
    port = {"containers": [{"name": "c", "image": "a:1", "ports": [{"containerPort": 80, "hostPort": 80}]}]}
    for name in ("a", "b", "c"):
        world.apply(
            {**POD, "metadata": {"name": name}, "spec": {**port, "nodeSelector": {"kubernetes.io/hostname": "n1"}}}
        )
    message = told(world, "Pod", "default-scheduler")[-1]
    assert message.endswith(
        "preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod,"
        " 1 Preemption is not helpful for scheduling."
    )


def test_a_pod_that_never_preempts_says_so(world):
    world.apply({**POD, "spec": {**SPEC, "nodeSelector": {"a": "b"}, "preemptionPolicy": "Never"}})
    assert told(world, "Pod")[-1].endswith(" preemption: not eligible due to preemptionPolicy=Never.")


def test_looking_again_tells_nothing_new(world):
    world.apply({**POD, "spec": {**SPEC, "nodeSelector": {"a": "b"}}})
    version = world.store.version
    world.plane.settle()
    assert world.store.version == version
    assert len(told(world, "Pod")) == 1
