"""What the API server says of documents that Go's types cannot hold (words of sigs.k8s.io/json and of the server's strict decoder)."""

import pytest
import yaml

from podwire.kube.godecode import complaint
from podwire.kube.kinds import KINDS

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"


def said(text):
    document = yaml.safe_load(text)
    return complaint(document, KINDS[document["apiVersion"], document["kind"]].type)


def test_a_document_that_fits_has_no_complaint():
    assert said(POD) is None
    assert said(POD + "status: {phase: 7}\n") is None


def test_all_unknown_fields_are_told_in_order_of_their_names():
    wrong = POD.replace("{name: p}", "{name: p, lables: {a: b}}").replace(
        "image: i", "image: i, port: 80, ports: [{number: 1}]"
    )
    assert said(wrong.replace("spec: {", "spec: {zone: x, ")) == (
        'strict decoding error: unknown field "metadata.lables", unknown field "spec.containers[0].port",'
        ' unknown field "spec.containers[0].ports[0].number", unknown field "spec.zone"'
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("image: i", "image: 1.25", "number into Go struct field Container.spec.containers.image of type string"),
        ("image: i", "image: i, tty: 'yes'", "string into Go struct field Container.spec.containers.tty of type bool"),
        (
            "image: i",
            "image: i, ports: [{containerPort: '80'}]",
            "string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            "image: i",
            "image: i, env: [{name: A, value: 1}]",
            "number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            "[{name: c, image: i}]",
            "{name: c}",
            "object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        ("{containers: [{name: c, image: i}]}", "[1]", "array into Go struct field Pod.spec of type v1.PodSpec"),
        (
            "spec: {",
            "spec: {nodeSelector: {a: true}, ",
            "bool into Go struct field PodSpec.spec.nodeSelector of type string",
        ),
        (
            "spec: {",
            "spec: {nodeSelector: x, ",
            "string into Go struct field PodSpec.spec.nodeSelector of type map[string]string",
        ),
        (
            "spec: {",
            "spec: {terminationGracePeriodSeconds: 1.5, ",
            "number 1.5 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
        ),
    ],
)
def test_a_value_of_another_type_ends_it(old, new, words):
    assert said(POD.replace(old, new)) == f"json: cannot unmarshal {words}"


def test_a_port_or_its_name_is_read_as_an_int32():
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, targetPort: [1]}]}\n"
    assert said(text) == "json: cannot unmarshal array into Go value of type int32"
    assert said(text.replace("[1]", "http")) is None
