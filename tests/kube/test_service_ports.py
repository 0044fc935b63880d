"""Addresses and ports that a Service is given, and what it loses: as the API server does it (core/service/storage, strategy)."""

import pytest

from podwire.kube.invalid import Invalid
from tests.kube.test_service_index import new_store


def apply(store, name, **spec):
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}], **spec},
    }
    return store.apply(document)[0]


def test_what_is_refused_takes_nothing():
    store = new_store()
    apply(store, "first", type="NodePort", ports=[{"port": 80, "nodePort": 30001}])
    cluster, ports = dict(store.addresses.cluster.taken), dict(store.addresses.node_ports.taken)
    with pytest.raises(Invalid, match="provided port is already allocated"):
        apply(
            store,
            "second",
            type="NodePort",
            clusterIP="10.96.7.7",
            ports=[{"name": "a", "port": 80, "nodePort": 30002}, {"name": "b", "port": 81, "nodePort": 30001}],
        )
    assert (dict(store.addresses.cluster.taken), dict(store.addresses.node_ports.taken)) == (cluster, ports)
    apply(store, "third", type="NodePort", clusterIP="10.96.7.7", ports=[{"port": 80, "nodePort": 30002}])


def test_a_policy_that_needs_no_health_check_gives_its_port_back():
    """``dropTypeDependentFields``."""
    store = new_store()
    local = apply(store, "s", type="LoadBalancer", externalTrafficPolicy="Local")
    port = local.document["spec"]["healthCheckNodePort"]
    assert port in store.addresses.node_ports.taken
    now = apply(store, "s", type="LoadBalancer", externalTrafficPolicy="Cluster")
    assert "healthCheckNodePort" not in now.document["spec"]
    assert port not in store.addresses.node_ports.taken
    apply(store, "s", type="LoadBalancer", externalTrafficPolicy="Local")
    plain = apply(store, "s", type="ClusterIP", externalTrafficPolicy=None)
    assert "healthCheckNodePort" not in plain.document["spec"]
    with pytest.raises(Invalid, match="may only be set when"):
        apply(store, "s", type="LoadBalancer", externalTrafficPolicy="Cluster", healthCheckNodePort=31000)
