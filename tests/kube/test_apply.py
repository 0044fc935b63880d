"""`Cluster.apply` and `Cluster.delete`: what they answer, and that a refusal leaves everything as it was."""

import pytest

from podwire import GKE, Cluster, ManifestError, NotModelled, PodwireError


@pytest.fixture
def cluster():
    return Cluster(GKE(dataplane="calico"), nodes=2)


def pod(name, *, node="node1", **more):
    spec = {"nodeName": node, "containers": [{"name": "c", "image": "nicolaka/netshoot", **more}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def test_created_configured_unchanged_deleted(cluster):
    assert cluster.apply([pod("a"), pod("b", node="node2")]) == ["pod/a created", "pod/b created"]
    assert [(each.name, each.node.name) for each in cluster.pods] == [("default/a", "node1"), ("default/b", "node2")]
    before = cluster.pod("a")
    changed = pod("a")
    changed["metadata"]["labels"] = {"app": "x"}
    assert cluster.apply([changed, pod("b", node="node2")]) == ["pod/a configured", "pod/b unchanged"]
    assert cluster.pod("a") is before
    assert before.labels == {"app": "x"}
    assert cluster.delete({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}) == ['pod "a" deleted']
    assert [each.name for each in cluster.pods] == ["default/b"]


def test_without_a_node_the_scheduler_chooses(cluster):
    free = pod("a")
    del free["spec"]["nodeName"]
    cluster.apply(pod("b"))
    cluster.apply(free)
    assert cluster.pod("a").node.name == "node2"


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (pod("b", node="node9"), ManifestError, 'spec.nodeName: got "node9", expected one of the nodes node1, node2'),
        (pod("b", image=1), ManifestError, "spec.containers[0].image: got 1, expected text"),
        ({**pod("b"), "kind": "PodTemplate"}, NotModelled, "not modelled: kind PodTemplate of v1"),
    ],
)
def test_a_refusal_leaves_everything_as_it_was(bad, error, message, cluster):
    with pytest.raises(error) as caught:
        cluster.apply([pod("a"), bad])
    assert str(caught.value) == message
    assert cluster.pods == ()


def test_a_running_pod_does_not_move(cluster):
    cluster.apply(pod("a"))
    with pytest.raises(
        PodwireError, match=r"pod updates may not change fields .* it runs on node1, spec\.nodeName says node2$"
    ):
        cluster.apply(pod("a", node="node2"))
    assert cluster.pod("a").node.name == "node1"


def test_deleting_what_is_not_there(cluster):
    cluster.apply(pod("a"))
    with pytest.raises(PodwireError, match="'default/b'"):
        cluster.delete([pod("a"), pod("b")])
    assert len(cluster.pods) == 1
