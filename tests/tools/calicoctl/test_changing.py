"""``apply``, ``create``, ``replace``, ``delete``, ``patch`` and ``label`` of calicoctl."""

import pytest
import yaml

POOL = "{{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {{name: {name}}}, spec: {{cidr: {cidr}}}}}"
ONE = POOL.format(name="one", cidr="10.50.0.0/16")


def test_create_apply_replace_delete_say_what_they_did(calicoctl):
    assert calicoctl("create -f -", ONE) == "Successfully created 1 'IPPool' resource(s)\n"
    assert calicoctl("apply -f -", ONE) == "Successfully applied 1 'IPPool' resource(s)\n"
    assert calicoctl("replace -f -", ONE) == "Successfully replaced 1 'IPPool' resource(s)\n"
    assert calicoctl("delete ippool one") == "Successfully deleted 1 'IPPool' resource(s)\n"
    assert "one" not in calicoctl("get ippool")


def test_what_is_there_cannot_be_created_and_what_is_not_cannot_be_replaced(calicoctl):
    missing = 'resource does not exist: IPPool(one) with error: ippools.crd.projectcalico.org "one" not found'
    assert calicoctl("replace -f -", ONE) == f"Failed to replace 'IPPool' resource: {missing}\n[1]"
    assert calicoctl("delete ippool one") == f"Failed to delete 'IPPool' resource: {missing}\n\n[1]"
    assert calicoctl("delete ippool one -s") == "Successfully deleted 1 'IPPool' resource(s)\n"
    calicoctl("create -f -", ONE)
    assert calicoctl("create -f -", ONE) == (
        "Failed to create 'IPPool' resource: [resource already exists: IPPool(one)]\n[1]"
    )
    assert calicoctl("create --skip-exists -f -", ONE) == "Successfully created 1 'IPPool' resource(s)\n"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            POOL.format(name="two", cidr="10.96.0.0/16"),
            (
                "error with field IPPool.Spec.CIDR = '10.96.0.0/16' (IPPool(two) CIDR overlaps with IPPool(default-ipv4-ippool) CIDR"
                " 10.96.0.0/12)"
            ),
        ),
        (
            POOL.format(name="default-ipv4-ippool", cidr="10.50.0.0/16"),
            "error with field IPPool.Spec.CIDR = '10.50.0.0/16' (IPPool CIDR cannot be modified)",
        ),
    ],
)
def test_what_the_api_refuses_names_the_field(calicoctl, document, said):
    assert calicoctl("apply -f -", document) == f"Failed to apply 'IPPool' resource: [{said}]\n[1]"


def test_a_file_that_holds_something_else_is_refused_before_anything_happens(calicoctl):
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: x}}"
    said = "Failed to execute command: Unknown resource type (Pod) and/or version (v1)\n[1]"
    assert calicoctl("apply -f -", f"{ONE}\n---\n{pod}") == said
    assert "one" not in calicoctl("get ippool")
    assert (
        calicoctl("apply -f nosuch.yaml")
        == "Failed to execute command: open nosuch.yaml: no such file or directory\n[1]"
    )
    assert calicoctl("apply -f -", "") == "No resources specified in file -\n[1]"
    assert calicoctl("apply -f - --skip-empty", "") == "No resources specified\n"


def test_the_first_ones_stay_where_a_later_one_fails(calicoctl):
    bad = POOL.format(name="two", cidr="10.96.0.0/16")
    good = POOL.format(name="three", cidr="10.60.0.0/16")
    printed = calicoctl("create -f -", f"{ONE}\n---\n{bad}\n---\n{good}")
    assert printed.startswith(
        "Partial success: created the first 2 out of 3 'IPPool' resources:\nHit error: [error with"
    )
    assert {"one", "three"} <= set(calicoctl("get ippool").split())


def test_a_document_that_is_out_of_date_is_refused(calicoctl):
    old = calicoctl("get ippool default-ipv4-ippool -o yaml")
    assert calicoctl("apply -f -", old.replace("natOutgoing: true", "natOutgoing: false")).startswith("Successfully")
    again = calicoctl("apply -f -", old)
    assert again == "Failed to apply 'IPPool' resource: [update conflict: IPPool(default-ipv4-ippool)]\n[1]"


def test_patch_changes_one_member(calicoctl):
    patched = calicoctl("""patch ippool default-ipv4-ippool -p '{"spec": {"natOutgoing": false}}'""")
    assert patched == "Successfully patched 1 'IPPool' resource\n"
    spec = yaml.safe_load(calicoctl("get ippool default-ipv4-ippool -o yaml"))["spec"]
    assert "natOutgoing" not in spec or spec["natOutgoing"] is False
    assert spec["ipipMode"] == "Always"
    assert calicoctl("patch ippool default-ipv4-ippool").startswith("Usage:\n  calicoctl patch <KIND> <NAME>")
    assert calicoctl("patch ippool nosuch -p '{}'").startswith("Hit error: resource does not exist: IPPool(nosuch)")


def test_labels_of_a_set(calicoctl):
    nets = "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: office}, spec: {nets: [10.1.0.0/16]}}"
    assert calicoctl("create -f -", nets) == "Successfully created 1 'GlobalNetworkSet' resource(s)\n"
    assert calicoctl("label globalnetworkset office a=b") == "Successfully set label a on globalnetworkset office\n"
    refused = calicoctl("label globalnetworkset office a=c")
    assert refused == (
        "failed to update label of globalnetworkset office, key a is already present. please use '--overwrite' to set a"
        " new value.\n[1]"
    )
    assert calicoctl("label globalnetworkset office a=c --overwrite").startswith("Successfully updated label a on")
    assert (
        calicoctl("label globalnetworkset office a --remove")
        == "Successfully removed label a from globalnetworkset office\n"
    )
    assert calicoctl("label globalnetworkset office a --remove").endswith("key a does not exist\n[1]")
    assert calicoctl("label globalnetworkset nosuch a=b") == "globalnetworkset nosuch not found\n[1]"
    assert calicoctl("get gnetsets -o wide").splitlines()[1].split() == ["office", "10.1.0.0/16"]
