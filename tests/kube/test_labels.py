"""Selectors as kubectl takes them: what they mean, and what the server says of those that make no sense."""

import pytest

from podwire.errors import PodwireError
from podwire.kube.labels import field_matcher, label_matcher, parse_labels


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("a", [("a", "Exists", ())]),
        ("!a", [("a", "DoesNotExist", ())]),
        ("a=b, c==d", [("a", "In", ("b",)), ("c", "In", ("d",))]),
        ("a!=b", [("a", "NotIn", ("b",))]),
        ("a=", [("a", "In", ("",))]),
        ("a=,b", [("a", "In", ("",)), ("b", "Exists", ())]),
        ("a in (y, x),b notin (z)", [("a", "In", ("x", "y")), ("b", "NotIn", ("z",))]),
        ("a in (x,,y)", [("a", "In", ("", "x", "y"))]),
        ("a in ()", [("a", "In", ("",))]),
        ("in in (in,notin)", [("in", "In", ("in", "notin"))]),
        ("a>5,b<1", [("a", "Gt", ("5",)), ("b", "Lt", ("1",))]),
        ("example.com/app", [("example.com/app", "Exists", ())]),
    ],
)
def test_selectors(text, requirements):
    assert [(each.key, each.operator, each.values) for each in parse_labels(text)] == requirements


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,=", "found '=', expected: identifier after ','"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a in x", "unable to parse requirement: found 'x' expected: '('"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a in (x y)", "unable to parse requirement: found 'y', expected: ',' or ')'"),
        ("a in (x,", "unable to parse requirement: found '', expected: ',', or identifier"),
        ("a=!", "unable to parse requirement: found '!', expected: identifier"),
        (
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_selectors_that_make_no_sense(text, said):
    with pytest.raises(PodwireError) as caught:
        label_matcher(text)
    assert str(caught.value) == f'{said} (in selector "{text}")'


def test_a_bad_key_or_value_is_told_with_its_place():
    for text, said in (
        ("a_=b", '<nil>: Invalid value: "a_": name part'),
        ("a in (b,_c)", 'values[0][a]: Invalid value: "_c"'),
    ):
        with pytest.raises(PodwireError) as caught:
            label_matcher(text)
        assert said in str(caught.value)


POD = {"metadata": {"name": "a,b", "namespace": "default"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        (None, True),
        ("spec.nodeName=n", True),
        ("spec.nodeName==n,status.phase!=Failed", True),
        ("spec.nodeName!=n", False),
        (r"metadata.name=a\,b", True),
        ("spec.nodeName=n,,", True),
        ("spec.hostNetwork=false", True),
    ],
)
def test_field_selectors(text, matches):
    assert field_matcher("Pod", "v1", text)(POD) is matches


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        ("status.phase=a=b", "invalid field selector: unescaped character in value: 61"),
        (r"status.phase=a\b", r"invalid field selector: invalid escape sequence: \b"),
        ("status.phase=a\\", "invalid field selector: invalid escape sequence: \\"),
        (
            "spec.x=1",
            'Unable to find "v1, Kind=Pod" that match label selector "", field selector "spec.x=1": field label not supported: spec.x',
        ),
    ],
)
def test_field_selectors_that_make_no_sense(text, said):
    with pytest.raises(PodwireError) as caught:
        field_matcher("Pod", "v1", text)
    assert str(caught.value) == said


def test_events_are_found_by_what_they_are_about():
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "a"},
        "source": {"component": "kubelet"},
        "reason": "Started",
    }
    for text, found in (
        ("involvedObject.name=a,source=kubelet,reason=Started", True),
        ("involvedObject.kind!=Pod", False),
    ):
        assert field_matcher("Event", "v1", text)(event) is found
