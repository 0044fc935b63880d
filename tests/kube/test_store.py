"""The store: versions, watches, selectors, apply, patches, deletion."""

from random import Random

import pytest

from podwire.errors import PodwireError
from podwire.kube.allocate import NODE_PORTS, Addresses, NodePorts, static_part
from podwire.kube.invalid import Invalid, StatusError
from podwire.kube.kinds import Kind
from podwire.kube.patch import json_patch, merge, strategic, three_way
from podwire.kube.store import LAST_APPLIED, Store
from podwire.wire.addr import Net


def new_store(seed=0):
    streams: dict[tuple[str, ...], Random] = {}
    store = Store(lambda: 1_704_067_200_000_000_000, lambda *key: streams.setdefault(key, Random(repr((seed, *key)))))
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    return store


@pytest.fixture
def store():
    return new_store()


def pod(name, *, labels=None, **spec):
    meta = {"name": name, "labels": labels or {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"name": "c", "image": "i"}], **spec},
    }


def config(name="c", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def service(name="web", **spec):
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


# ------------------------------------------------------------------------------------------------------ list and watch


def test_a_watch_tells_what_happened_since_its_last_look(store):
    watch = store.watch("ConfigMap")
    store.create(config(a="1"))
    store.create(pod("other"))
    store.update(config(a="2"))
    store.update(config(a="2"))
    assert [(each.type, each.object.document["data"]) for each in watch.poll()] == [
        ("ADDED", {"a": "1"}),
        ("MODIFIED", {"a": "2"}),
    ]
    store.delete("ConfigMap", "c", "default")
    assert [each.type for each in watch.poll()] == ["DELETED"]
    assert watch.poll() == ()
    assert [each.version for each in store.events(0)] == list(range(1, store.version + 1))


def test_equal_seeds_give_equal_objects():
    one, other = new_store(), new_store()
    for each in (one, other):
        each.create(service(type="NodePort"))
    assert one.need("Service", "web", "default").document == other.need("Service", "web", "default").document
    third = new_store(seed=1)
    third.create(service(type="NodePort"))
    assert third.need("Service", "web", "default").uid != one.need("Service", "web", "default").uid


@pytest.mark.parametrize(
    ("labels", "fields", "names"),
    [
        (None, None, "a b c"),
        ("app=web", None, "a b"),
        ("app!=web", None, "c"),
        ("app==web,env", None, "b"),
        ("!env", None, "a c"),
        ("env in (prod, test)", None, "b"),
        ("env notin (prod)", None, "a c"),
        ("app in (web,db),!env", None, "a c"),
        (None, "metadata.name=a", "a"),
        (None, "spec.nodeName=n1,status.phase!=Running", "b"),
        (None, "spec.nodeName=", "a c"),
        ("app=web", "metadata.namespace==default", "a b"),
    ],
)
def test_selectors(store, labels, fields, names):
    store.create(pod("b", labels={"app": "web", "env": "prod"}, nodeName="n1"))
    store.create(pod("a", labels={"app": "web"}))
    store.create(pod("c", labels={"app": "db"}))
    assert " ".join(each.name for each in store.select("Pod", labels=labels, fields=fields)) == names


@pytest.mark.parametrize(
    ("labels", "fields", "said"),
    [
        ("app in web", None, "expected: '('"),
        ("app=web,", None, "identifier after ','"),
        ("=web", None, "found '='"),
        ("a b", None, "found 'b'"),
        (None, "spec.image=x", "field label not supported: spec.image"),
        (None, "name", "can't understand 'name'"),
    ],
)
def test_selectors_that_are_none(store, labels, fields, said):
    with pytest.raises(PodwireError, match=r".*") as caught:
        store.select("Pod", labels=labels, fields=fields)
    assert said in str(caught.value)


# ------------------------------------------------------------------------------------------------------------ defaults


def test_defaults_of_a_service(store):
    spec = store.create(service(sessionAffinity="ClientIP")).object.spec
    assert (spec.type, spec.internal_traffic_policy, spec.ip_families, spec.external_traffic_policy) == (
        "ClusterIP",
        "Cluster",
        ("IPv4",),
        "",
    )
    assert (spec.ports[0].protocol, spec.ports[0].target_port, spec.ports[0].node_port) == ("TCP", 80, 0)
    assert store.need("Service", "web", "default").object.affinity_seconds == 10800


def test_node_ports_of_two_protocols_of_one_port_are_one(store):
    ports = [{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}, {"name": "x", "port": 80}]
    first, second, third = store.create(service(type="NodePort", ports=ports)).object.spec.ports
    assert first.node_port == second.node_port != third.node_port
    assert {first.node_port, third.node_port} <= set(NODE_PORTS)


def test_a_policy_with_egress_rules_is_of_both_types(store):
    document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}}
    assert store.create({**document, "spec": {"podSelector": {}}}).object.spec.policy_types == ("Ingress",)
    document["metadata"] = {"name": "q"}
    assert store.create({**document, "spec": {"egress": [{}]}}).object.spec.policy_types == ("Ingress", "Egress")


def test_the_dump_of_an_object_makes_the_same_object_again(store):
    first = store.create(service())
    store.delete("Service", "web", "default")
    dumped = {**first.document, "status": {"loadBalancer": {"what": "ever"}}}
    second, word = store.apply(dumped)
    assert word == "created"
    assert second.document["spec"] == first.document["spec"]
    assert second.document["metadata"]["resourceVersion"] != first.document["metadata"]["resourceVersion"]


# ---------------------------------------------------------------------------------------------------------- allocation


@pytest.mark.parametrize(
    ("size", "step", "most", "part"), [(16, 16, 256, 0), (256, 16, 256, 16), (4096, 16, 256, 256), (2768, 32, 128, 86)]
)
def test_the_static_part_of_a_range(size, step, most, part):
    assert static_part(size, step=step, most=most) == part


def test_the_server_draws_from_the_dynamic_part_until_it_is_empty():
    addresses = Addresses(Net.parse("10.0.0.0/24"))
    drawn = [int(addresses.draw(Random(1), "x")) & 0xFF for _ in range(253)]
    assert sorted(drawn[:238]) == list(range(17, 255))
    assert sorted(drawn[238:]) == list(range(2, 17))
    with pytest.raises(PodwireError, match="range is full"):
        addresses.draw(Random(1), "x")


def test_node_ports_are_drawn_above_the_static_part():
    ports = NodePorts()
    assert min(ports.draw(Random(3), "x") for _ in range(2768 - 86)) == 30086
    assert ports.draw(Random(3), "x") < 30086


# ----------------------------------------------------------------------------------------------------- apply and patch


def test_apply_takes_away_what_the_manifest_no_longer_has_and_leaves_what_others_wrote(store):
    assert store.apply(config(a="1", b="2"))[1] == "created"
    store.patch("ConfigMap", "c", "default", {"data": {"other": "3"}}, "merge")
    new, word = store.apply(config(a="1"))
    assert word == "configured"
    assert new.document["data"] == {"a": "1", "other": "3"}
    assert store.apply(config(a="1"))[1] == "unchanged"
    assert new.document["metadata"]["annotations"][LAST_APPLIED] == (
        '{"apiVersion":"v1","data":{"a":"1"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"c","namespace":"default"}}\n'
    )


def test_apply_keeps_address_and_node_port(store):
    first = store.apply(service(type="NodePort"))[0].object.spec
    ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
    second = store.apply(service(type="NodePort", ports=ports))[0].object.spec
    assert (second.cluster_ip, second.ports[0].node_port) == (first.cluster_ip, first.ports[0].node_port)
    third = store.apply(service(type="ClusterIP"))[0].object.spec
    assert (third.cluster_ip, third.ports[0].node_port, third.external_traffic_policy) == (first.cluster_ip, 0, "")


def test_a_strategy_of_another_type_takes_the_settings_of_the_old_along(store):
    container = {"name": "c", "image": "i"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    assert store.apply(document)[0].object.spec.strategy.rolling_update.max_surge == "25%"
    new, _ = store.apply({**document, "spec": {**spec, "strategy": {"type": "Recreate"}}})
    assert new.document["spec"]["strategy"] == {"type": "Recreate"}
    assert new.object.metadata.generation == 2
    assert "generation" not in store.create(service()).document["metadata"]


def test_three_way_merges_lists_by_their_keys():
    old = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}
    live = {"spec": {"containers": [{"name": "a", "image": "1", "x": 1}, {"name": "b", "image": "1"}, {"name": "c"}]}}
    new = {"spec": {"containers": [{"name": "a", "image": "2"}]}}
    assert three_way(old, new, live) == {"spec": {"containers": [{"name": "a", "image": "2", "x": 1}, {"name": "c"}]}}


def test_strategic_merge():
    live = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}, "list": [1, 2]}
    assert strategic(live, {"spec": {"containers": [{"name": "a", "image": "2"}]}, "list": [3]}) == {
        "spec": {"containers": [{"name": "a", "image": "2"}, {"name": "b"}]},
        "list": [3],
    }
    gone = {"spec": {"containers": [{"name": "a", "$patch": "delete"}], "$setElementOrder/containers": [{"name": "b"}]}}
    assert strategic(live, gone)["spec"] == {"containers": [{"name": "b"}]}
    assert strategic(live, {"spec": {"$patch": "replace", "x": 1}})["spec"] == {"x": 1}
    assert strategic(live, {"spec": None}) == {"list": [1, 2]}
    with pytest.raises(PodwireError, match="does not contain declared merge key: name"):
        strategic(live, {"spec": {"containers": [{"image": "2"}]}})


def test_merge_patch_and_json_patch():
    live = {"a": {"b": 1, "c": 2}, "l": [1, 2]}
    assert merge(live, {"a": {"b": None}, "l": [3]}) == {"a": {"c": 2}, "l": [3]}
    operations: list[dict[str, object]] = [
        {"op": "test", "path": "/a/b", "value": 1},
        {"op": "replace", "path": "/a/b", "value": 9},
        {"op": "add", "path": "/l/0", "value": 0},
        {"op": "add", "path": "/l/-", "value": 3},
        {"op": "remove", "path": "/a/c"},
        {"op": "copy", "from": "/a", "path": "/x~1y"},
    ]
    assert json_patch(live, operations) == {"a": {"b": 9}, "l": [0, 1, 2, 3], "x/y": {"b": 9}}
    assert live == {"a": {"b": 1, "c": 2}, "l": [1, 2]}
    for bad in (
        {"op": "remove", "path": "/no"},
        {"op": "test", "path": "/a/b", "value": 5},
        {"op": "add", "path": "a"},
    ):
        with pytest.raises(PodwireError):
            json_patch(live, [bad])


# ------------------------------------------------------------------------------------------------------------ deletion


def owned(name, uid):
    document = config(name)
    document["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": uid}]
    return document


def test_what_is_owned_goes_with_its_owner(store):
    uid = store.create(config()).uid
    inner = store.create(owned("inner", uid)).uid
    store.create(owned("innermost", inner))
    store.delete("ConfigMap", "c", "default")
    assert store.all("ConfigMap") == ()


def test_orphans_stay(store):
    uid = store.create(config()).uid
    store.create(owned("inner", uid))
    store.delete("ConfigMap", "c", "default", propagation="Orphan")
    assert store.need("ConfigMap", "inner", "default").owners == ()


def test_a_pod_on_a_node_terminates_until_its_kubelet_is_done(store):
    store.create(pod("a", nodeName="n1"))
    store.delete("Pod", "a", "default")
    terminating = store.need("Pod", "a", "default")
    assert terminating.terminating
    store.finish(terminating)
    assert store.get("Pod", "a", "default") is None
    store.create(pod("b", nodeName="n1"))
    store.delete("Pod", "b", "default", grace=0)
    assert store.get("Pod", "b", "default") is None


def test_finalizers_hold_an_object(store):
    document = config()
    document["metadata"]["finalizers"] = ["example.com/hold"]
    store.create(document)
    store.delete("ConfigMap", "c", "default")
    assert store.need("ConfigMap", "c", "default").terminating
    store.patch("ConfigMap", "c", "default", {"metadata": {"finalizers": None}}, "merge")
    assert store.get("ConfigMap", "c", "default") is None


def test_a_namespace_takes_what_is_in_it_along(store):
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    document = config()
    document["metadata"]["namespace"] = "shop"
    store.create(document)
    store.delete("Namespace", "shop")
    assert store.get("Namespace", "shop") is None
    assert store.all("ConfigMap") == ()
    with pytest.raises(StatusError, match="this namespace may not be deleted"):
        store.delete("Namespace", "default")


# ------------------------------------------------------------------------------------------------------ all or nothing


def test_an_exception_in_a_transaction_leaves_the_store_as_it_was():
    store, other = new_store(), new_store()

    def both():
        with store.transaction():
            store.create(service(type="NodePort"))
            store.create(service("bad", type="Nothing"))

    with pytest.raises(Invalid):
        both()
    assert (store.version, store.all("Service")) == (1, ())
    # Not even the random streams have moved on.
    assert store.create(service(type="NodePort")).document == other.create(service(type="NodePort")).document


def test_what_the_server_says_of_requests(store):
    store.create(config())
    for act, said in (
        (lambda: store.create(config()), 'Error from server (AlreadyExists): configmaps "c" already exists'),
        (lambda: store.delete("Pod", "x", "default"), 'Error from server (NotFound): pods "x" not found'),
        (
            lambda: store.update({**config(a="2"), "metadata": {"name": "c", "resourceVersion": "1"}}),
            (
                'Error from server (Conflict): Operation cannot be fulfilled on configmaps "c": the object has been modified; '
                "please apply your changes to the latest version and try again"
            ),
        ),
    ):
        with pytest.raises(StatusError) as caught:
            act()
        assert str(caught.value) == said


def test_a_backend_registers_kinds_of_its_own(store):
    store.kinds.register(
        Kind(version="example.com/v1", name="NetworkPolicy", plural="networkpolicies", namespaced=False)
    )
    store.create(
        {"apiVersion": "example.com/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {"a": [1]}}
    )
    assert store.all("NetworkPolicy") == ()
    assert store.need("NetworkPolicy.example.com", "p").object.spec == {"a": [1]}
    assert store.kinds.named("netpol").group == "networking.k8s.io"
    with pytest.raises(PodwireError, match="registered already"):
        store.kinds.register(Kind(version="v1", name="Pod", plural="pods"))
