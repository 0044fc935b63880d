"""``kubectl api-resources``, and what words mean."""

import pytest

from podwire import GKE, Calico, Cluster
from podwire.tools.kubectl.catalog import BUILT_IN, find


@pytest.fixture(scope="module")
def lab():
    return Cluster(GKE(), nodes=1)


def test_the_table(lab):
    lines = lab.kubectl("api-resources").stdout.splitlines()
    assert lines[0] == (
        "NAME                                SHORTNAMES   APIVERSION                        NAMESPACED   KIND"
    )
    assert (
        lines[11]
        == "pods                                po           v1                                true         Pod"
    )
    assert len(lines) == 59


def test_the_wide_columns(lab):
    lines = lab.kubectl("api-resources -o wide --api-group=apps").stdout.splitlines()
    assert lines[0].split() == "NAME SHORTNAMES APIVERSION NAMESPACED KIND VERBS CATEGORIES".split()
    assert lines[3].split() == (
        "deployments deploy apps/v1 true Deployment create,delete,deletecollection,get,list,patch,update,watch all".split()
    )
    assert lines[1].endswith("watch   ")  # a category that is none leaves the blanks of its neighbour


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (
            "--api-group=networking.k8s.io",
            "ingressclasses.networking.k8s.io ingresses.networking.k8s.io networkpolicies.networking.k8s.io",
        ),
        ("--namespaced=false --api-group=", "componentstatuses namespaces nodes persistentvolumes"),
        (
            "--categories=all --namespaced --api-group=apps",
            "daemonsets.apps deployments.apps replicasets.apps statefulsets.apps",
        ),
        ("--verbs=deletecollection --namespaced=false --api-group=", "nodes persistentvolumes"),
        (
            "--sort-by=kind --api-group=apps",
            "controllerrevisions.apps daemonsets.apps deployments.apps replicasets.apps statefulsets.apps",
        ),
    ],
)
def test_filters(lab, words, names):
    assert lab.kubectl(f"api-resources -o name {words}").stdout.split() == names.split()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-o yaml", "error: --output yaml is not available\n"),
        ("--sort-by=x", "error: --sort-by accepts only name or kind\n"),
        ("x", "error: unexpected arguments: [x]\nSee 'kubectl api-resources -h' for help and examples\n"),
    ],
)
def test_errors(lab, words, said):
    assert lab.kubectl(f"api-resources {words}").stderr == said


def test_what_a_backend_keeps_is_listed():
    out = Cluster(Calico(), nodes=1).kubectl("api-resources --api-group=crd.projectcalico.org --no-headers").stdout
    assert ["ippools", "crd.projectcalico.org/v1", "false", "IPPool"] in [line.split() for line in out.splitlines()]
    assert ["networksets", "crd.projectcalico.org/v1", "true", "NetworkSet"] in [
        line.split() for line in out.splitlines()
    ]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("po", "v1 Pod"),
        ("PODS", "v1 Pod"),
        ("pod.v1", "v1 Pod"),
        ("netpol", "networking.k8s.io/v1 NetworkPolicy"),
        ("netpol.networking", "networking.k8s.io/v1 NetworkPolicy"),
        ("events", "v1 Event"),
        ("events.events.k8s.io", "events.k8s.io/v1 Event"),
        ("ev.events", "events.k8s.io/v1 Event"),
        ("deployments.v1.apps", "apps/v1 Deployment"),
        ("deployments.v2.apps", "None"),
        ("pods.apps", "None"),
        ("", "None"),
    ],
)
def test_words(word, kind):
    found = find(BUILT_IN, word)
    assert (f"{found.version} {found.kind}" if found is not None else "None") == kind
