"""``calicoctl get``: tables (sheet 2.5), documents, and what is not there."""

import json

import pytest
import yaml

from podwire import Calico, Cluster
from podwire.errors import NotModelled


def test_sheet_2_5_columns_are_three_blanks_apart_and_the_last_cell_is_padded_too(calicoctl):
    assert calicoctl("get wep") == (
        "WORKLOAD   NODE        NETWORKS           INTERFACE         \n"
        "pod-a      k8s-node1   10.111.156.65/32   cali5e1c4d6c68c   \n\n"
    )


def test_sheet_2_5_the_wide_table_of_endpoints_doubles_dashes_in_names(calicoctl):
    lines = calicoctl("get workloadendpoints -o wide").splitlines()
    assert lines[0].split() == ["NAME", "WORKLOAD", "NODE", "NETWORKS", "INTERFACE", "PROFILES", "NATS"]
    assert lines[1].split()[0] == "k8s--node1-k8s-pod--a-eth0"
    assert lines[1].split()[5] == "kns.default,ksa.default.default"


def test_sheet_2_5_pools(calicoctl):
    assert calicoctl("get ippool") == (
        "NAME                  CIDR           SELECTOR   \ndefault-ipv4-ippool   10.96.0.0/12   all()      \n\n"
    )
    wide = [line.split() for line in calicoctl("get pools --output=wide").splitlines()]
    assert wide[0] == "NAME CIDR NAT IPIPMODE VXLANMODE DISABLED DISABLEBGPEXPORT SELECTOR".split()
    assert wide[1] == "default-ipv4-ippool 10.96.0.0/12 true Always Never false false all()".split()


def test_sheet_2_5_a_node_without_an_as_number_shows_the_clusters_in_brackets(calicoctl):
    wide = [line.split() for line in calicoctl("get nodes -owide").splitlines()]
    assert wide[1] == ["k8s-master", "(64512)", "192.168.56.100/24"]


def test_all_namespaces_add_a_column_to_kinds_that_have_one(lab, calicoctl):
    lab.run("dns", namespace="kube-system", node="k8s-master")
    lines = [line.split() for line in calicoctl("get wep -A").splitlines()]
    assert [line[0] for line in lines if line] == ["NAMESPACE", "default", "kube-system"]
    assert "dns" not in calicoctl("get wep")
    assert calicoctl("get ippool -A") == "IPPool is not namespaced\n[1]"


def test_a_document_has_its_members_in_order(calicoctl):
    text = calicoctl("get ippool default-ipv4-ippool -o yaml")
    document = yaml.safe_load(text)
    assert (document["apiVersion"], document["kind"]) == ("projectcalico.org/v3", "IPPool")
    assert {"creationTimestamp", "name", "resourceVersion", "uid"} == set(document["metadata"])
    assert list(document["spec"]) == sorted(document["spec"])
    as_json = calicoctl("get ippool default-ipv4-ippool -o json")
    assert list(json.loads(as_json)) == ["kind", "apiVersion", "metadata", "spec"]
    assert list(json.loads(as_json)["spec"])[:4] == ["cidr", "vxlanMode", "ipipMode", "natOutgoing"]


def test_a_list_is_a_list_and_a_name_is_not(calicoctl):
    assert yaml.safe_load(calicoctl("get ippools -o yaml"))["kind"] == "IPPoolList"
    assert yaml.safe_load(calicoctl("get node k8s-node1 -o yaml"))["spec"]["bgp"]["ipv4Address"] == "192.168.56.101/24"


def test_export_leaves_out_what_the_cluster_says(calicoctl):
    exported = yaml.safe_load(calicoctl("get ippool default-ipv4-ippool -o yaml --export"))
    assert exported["metadata"] == {"name": "default-ipv4-ippool", "creationTimestamp": None}


def test_custom_columns_are_those_of_the_kind(calicoctl):
    assert calicoctl("get wep -o custom-columns=WORKLOAD,PROFILES").split() == [
        "WORKLOAD", "PROFILES", "pod-a", "kns.default,ksa.default.default",
    ]  # fmt: skip
    assert "Unknown heading COLOUR, valid values are: " in calicoctl("get wep -o custom-columns=COLOUR")


def test_what_is_not_there_is_told_and_the_rest_is_shown(calicoctl):
    printed = calicoctl("get ippool default-ipv4-ippool nosuch")
    assert printed.startswith("NAME ")
    assert printed.endswith(
        'resource does not exist: IPPool(nosuch) with error: ippools.crd.projectcalico.org "nosuch" not found\n[1]'
    )
    assert calicoctl("get ippool nosuch -o yaml").startswith("null\nresource does not exist")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("get colours", "Failed to get resources: resource type 'colours' is not supported\n[1]"),
        ("get wep -o xml", "unrecognized output format 'xml'\n[1]"),
        ("get wep -o custom-columns=", "need to specify at least one column\n[1]"),
        ("get wep -A -n default", "cannot use both --namespace and --all-namespaces flags at the same time\n[1]"),
        ("get wep k8s--node1-k8s-pod--a-eth0 -A", "cannot use --all-namespace flag for getting a single resource\n[1]"),
    ],
)
def test_bad_words_have_one_clear_answer(calicoctl, command, said):
    assert calicoctl(command).endswith(said)


@pytest.mark.parametrize("command", ["get", "get --colour wep", "get wep -f x.yaml", "get -f", "get wep --export=yes"])
def test_docopt_shows_the_usage_of_the_command(calicoctl, command):
    printed = calicoctl(command)
    assert printed.startswith("Usage:\n  calicoctl get ( (<KIND> [<NAME>...]) |\n")
    assert printed.endswith("[1]")


def test_options_may_be_shortened_and_joined(calicoctl):
    assert calicoctl("get wep --out=wide") == calicoctl("get wep -owide") == calicoctl("get wep -o wide")


def test_templates_are_not_modelled(calicoctl):
    with pytest.raises(NotModelled, match="go-template"):
        calicoctl("get wep -o go-template={{.}}")


def test_a_policy_of_kubernetes_is_shown_under_its_name_in_calico(lab, calicoctl):
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\n"
    applied = lab.kubectl("apply -f -", stdin=policy + "spec: {podSelector: {matchLabels: {app: web}}}\n")
    assert applied.output == "networkpolicy.networking.k8s.io/deny created\n"
    columns = calicoctl("get networkpolicy -o wide").splitlines()[1].split(maxsplit=2)
    selector = "projectcalico.org/orchestrator == 'k8s' && app == 'web'"
    assert [each.strip() for each in columns] == ["knp.default.deny", "1000", selector]
    refused = calicoctl("delete networkpolicy knp.default.deny")
    assert "kubernetes network policies must be managed through the kubernetes API" in refused


def test_a_policy_of_calico_has_its_own_name(lab, calicoctl):
    policy = (
        "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: allow, namespace: default},"
        " spec: {selector: app == 'web', order: 5, ingress: [{action: Allow}]}}"
    )
    assert calicoctl("apply -f -", policy) == "Successfully applied 1 'NetworkPolicy' resource(s)\n"
    assert calicoctl("get np -o wide").splitlines()[1].split() == ["allow", "5", "app", "==", "'web'"]
    assert "default.allow" in lab.kubectl("get networkpolicies.crd.projectcalico.org").stdout
    assert calicoctl("delete np allow") == "Successfully deleted 1 'NetworkPolicy' resource(s)\n"
    assert calicoctl("get np").split() == ["NAME"]


def test_without_calico_there_is_nothing_to_act_on():
    from podwire import GKE

    with pytest.raises(NotModelled, match="a cluster without Calico"):
        Cluster(GKE(), nodes=1).workstation.exec("calicoctl get wep")


def test_a_pod_has_no_calicoctl(lab):
    assert lab.pod("pod-a").exec("calicoctl version").stderr == "bash: calicoctl: command not found\n"


def test_versions_that_differ_are_refused_unless_a_flag_allows_it():
    lab = Cluster(Calico(version="v3.26.3", calicoctl_version="v3.28.1"))
    lab.add_network("lan", "192.168.56.0/24")
    lab.add_node("w1", "192.168.56.101/24", network="lan")
    refused = lab.workstation.exec("calicoctl ipam show")
    assert refused.stderr == (
        "Version mismatch.\nClient Version:   v3.28.1\nCluster Version:  3.26.3\n"
        "Use --allow-version-mismatch to override.\n\n"
    )
    assert refused.exit_code == 1
    assert lab.workstation.exec("calicoctl ipam show --allow-version-mismatch").exit_code == 0
    assert lab.workstation.exec("calicoctl version").stdout.splitlines() == [
        "Client Version:    v3.28.1",
        "Git commit:        601856343",
        "Cluster Version:   v3.26.3",
        "Cluster Type:      k8s,bgp,kubeadm,kdd",
    ]
