"""JSON as Go's encoding/json reads it, and prints members of structs."""

import pytest

from podwire.tools.kubectl.gojson import JsonError, go_json, json_end, unmarshal_error
from podwire.tools.kubectl.goorder import go_ordered


@pytest.mark.parametrize("text", ['{"a": [1, -2.5e3, true, false, null, "x\\u00e9\\n"]}', "[]", "{}", ' "x" ', "0"])
def test_what_is_json_has_its_value(text):
    go_json(text)


@pytest.mark.parametrize(
    ("text", "words", "offset"),
    [
        ("", "unexpected end of JSON input", None),
        ('{"a":', "unexpected end of JSON input", None),
        ("{a: 1}", "invalid character 'a' looking for beginning of object key string", 2),
        ('{"a" 1}', "invalid character '1' after object key", 6),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair", 8),
        ("[1 2]", "invalid character '2' after array element", 4),
        ("{} x", "invalid character 'x' after top-level value", 4),
        ("[x]", "invalid character 'x' looking for beginning of value", 2),
        ("[trux]", "invalid character 'x' in literal true (expecting 'e')", 5),
        ('["\\q"]', "invalid character 'q' in string escape code", 4),
        ('{"é" x}', "invalid character 'x' after object key", 7),
    ],
)
def test_what_is_no_json_is_refused_in_gos_words(text, words, offset):
    with pytest.raises(JsonError) as caught:
        go_json(text)
    assert (str(caught.value), caught.value.offset) == (words, offset)


def test_where_a_value_ends_and_what_another_type_is_called():
    assert json_end('{"a": 1} {"b": 2}') == 8
    assert unmarshal_error([], "map[string]interface {}") == (
        "json: cannot unmarshal array into Go value of type map[string]interface {}"
    )
    assert unmarshal_error(True, "int32") == "json: cannot unmarshal bool into Go value of type int32"


def test_members_stand_in_the_order_of_structs_and_maps_in_that_of_names():
    found = go_ordered(
        {"metadata": {"labels": {"name": "x", "a": "y"}, "name": "n"}, "apiVersion": "v1", "kind": "Pod", "other": 1}
    )
    assert list(found) == ["kind", "apiVersion", "metadata", "other"]
    assert list(found["metadata"]) == ["name", "labels"]
    assert list(found["metadata"]["labels"]) == ["a", "name"]
