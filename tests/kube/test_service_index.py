"""The endpoint controller looks at what was touched alone, and comes to the same as one that looks at everything."""

import copy
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.kube.endpoint_controller import EndpointController
from podwire.kube.service_index import ServiceIndex
from podwire.kube.store import Store

LABELS: tuple[dict[str, str], ...] = ({}, {"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"}, {"tier": "x"})


def new_store():
    streams: dict[tuple[str, ...], Random] = {}
    store = Store(lambda: 0, lambda *key: streams.setdefault(key, Random(str(key))))
    for name in ("default", "other"):
        store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for name in ("n1", "n2"):
        store.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    return store


def service(store, name, selector, namespace="default"):
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"port": 80}], "selector": selector},
    }
    return store.apply(document)[0]


def pod(store, name, labels, namespace="default", *, ip="10.0.0.1"):
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "nginx"}]},
        "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    old = store.get("Pod", name, namespace)
    if old is None:
        return store.create(document, status=True)
    new = copy.deepcopy(old.document)
    new["metadata"]["labels"] = labels
    new["status"]["podIP"] = ip
    return store.update(new, status=True)


def looked(controller):
    """What a run of the controller had to look at."""
    controller.run()
    return controller.looked_at


def addresses(store, name, namespace="default"):
    return sorted(
        address
        for each in store.all("EndpointSlice", namespace)
        if each.labels["kubernetes.io/service-name"] == name
        for end in each.document["endpoints"]
        for address in end["addresses"]
    )


def test_a_pod_touches_the_services_that_select_it_alone():
    store = new_store()
    for number in range(50):
        service(store, f"s{number}", {"app": f"a{number}"})
    service(store, "all", {"tier": "x"})
    controller = EndpointController(store)
    assert len(looked(controller)) == 51
    assert looked(controller) == ()
    pod(store, "p", {"app": "a7", "tier": "x"})
    assert looked(controller) == (("default", "s7"), ("default", "all"))
    assert addresses(store, "s7") == addresses(store, "all") == ["10.0.0.1"]
    pod(store, "p", {"app": "a8"})
    assert looked(controller) == (("default", "s7"), ("default", "s8"), ("default", "all"))
    assert (addresses(store, "s7"), addresses(store, "s8")) == ([], ["10.0.0.1"])
    store.delete("Pod", "p", "default", grace=0)
    assert looked(controller) == (("default", "s8"),)
    assert addresses(store, "s8") == []


def test_what_somebody_else_does_to_slices_and_endpoints_is_put_right():
    store = new_store()
    service(store, "s", {"app": "a"})
    pod(store, "p", {"app": "a"})
    controller = EndpointController(store)
    looked(controller)
    (mine,) = store.all("EndpointSlice")
    store.delete("EndpointSlice", mine.name, "default")
    store.delete("Endpoints", "s", "default")
    assert looked(controller) == (("default", "s"),)
    assert addresses(store, "s") == ["10.0.0.1"]
    assert store.get("Endpoints", "s", "default").document["subsets"][0]["addresses"][0]["ip"] == "10.0.0.1"


def test_a_zone_touches_everything():
    store = new_store()
    service(store, "s", {"app": "a"})
    pod(store, "p", {"app": "a"})
    controller = EndpointController(store)
    looked(controller)
    store.patch("Node", "n1", "", {"metadata": {"labels": {"topology.kubernetes.io/zone": "z"}}})
    assert looked(controller) == (("default", "s"),)
    (mine,) = store.all("EndpointSlice")
    assert mine.document["endpoints"][0]["zone"] == "z"
    store.patch("Node", "n1", "", {"metadata": {"labels": {"other": "z"}}})
    assert looked(controller) == ()


def test_what_was_taken_back_is_forgotten():
    store = new_store()
    service(store, "s", {"app": "a"})
    controller = EndpointController(store)
    looked(controller)
    with store.trial():
        pod(store, "p", {"app": "a"})
        service(store, "t", {"app": "a"})
        looked(controller)
        assert addresses(store, "t") == ["10.0.0.1"]
    assert set(looked(controller)) == {("default", "s")}
    assert addresses(store, "s") == []
    service(store, "u", {"app": "a"})
    assert looked(controller) == (("default", "u"),)


def test_pods_are_found_in_the_order_in_which_they_came():
    store = new_store()
    for name in ("z", "m", "a"):
        pod(store, name, {"app": "a"})
    pod(store, "z", {"app": "b"})
    pod(store, "z", {"app": "a", "tier": "x"})
    index = ServiceIndex(store)
    index.touched()
    assert [each.name for each in index.pods("default", {"app": "a"})] == ["z", "m", "a"]
    assert [each.name for each in index.pods("default", {"app": "a", "tier": "x"})] == ["z"]
    assert index.pods("other", {"app": "a"}) == []
    assert index.pods("default", {}) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["service", "pod", "gone service", "gone pod", "spoil", "zone", "look"]),
        st.integers(0, 3),
        st.integers(0, len(LABELS) - 1),
        st.sampled_from(["default", "other"]),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_it_leaves_nothing_to_do_for_one_that_looks_at_everything(steps):
    store = new_store()
    controller = EndpointController(store)
    for kind, number, labels, namespace in steps:
        match kind:
            case "service":
                service(store, f"s{number}", LABELS[labels] or {"none": "x"}, namespace)
            case "pod":
                pod(store, f"p{number}", LABELS[labels], namespace, ip=f"10.0.0.{number + 1}")
            case "gone service" if store.get("Service", f"s{number}", namespace):
                store.delete("Service", f"s{number}", namespace)
            case "gone pod" if store.get("Pod", f"p{number}", namespace):
                store.delete("Pod", f"p{number}", namespace, grace=0)
            case "spoil" if found := store.all("EndpointSlice", namespace):
                store.delete("EndpointSlice", found[number % len(found)].name, namespace)
            case "zone":
                store.patch("Node", "n1", "", {"metadata": {"labels": {"topology.kubernetes.io/zone": str(labels)}}})
            case _:
                looked(controller)
    looked(controller)
    version = store.version
    assert looked(controller) == ()
    looked(EndpointController(store))
    assert store.version == version
