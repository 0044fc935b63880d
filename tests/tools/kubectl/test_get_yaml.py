"""YAML as sigs.k8s.io/yaml writes it."""

import pytest
import yaml

from podwire.tools.kubectl.yamltext import yaml_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("two words", "two words"),
        ("", '""'),
        ("true", '"true"'),
        ("yes", '"yes"'),
        ("n", '"n"'),
        ("on", '"on"'),
        ("null", '"null"'),
        ("~", '"~"'),
        ("1", '"1"'),
        ("010", '"010"'),
        ("0x1F", '"0x1F"'),
        ("1.30", '"1.30"'),
        ("1e3", '"1e3"'),
        ("1_000", '"1_000"'),
        (".5", '".5"'),
        (".inf", '".inf"'),
        ("-", "'-'"),
        ("- a", "'- a'"),
        ("2024-01-01T00:00:00Z", '"2024-01-01T00:00:00Z"'),
        ("2024-01-01", '"2024-01-01"'),
        ("00:11:22:33:44:55", '"00:11:22:33:44:55"'),
        ("1:30", '"1:30"'),
        ("02:42:ac:11:00:02", "02:42:ac:11:00:02"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.0/24", "10.0.0.0/24"),
        ("v1.30.5", "v1.30.5"),
        ("a: b", "'a: b'"),
        ("a:b", "a:b"),
        ("# no", "'# no'"),
        ("*star", "'*star'"),
        ("it's", "it's"),
        ("'quoted'", "'''quoted'''"),
        ("{}", "'{}'"),
        (" lead", "' lead'"),
        ("tab\there", '"tab\\there"'),
        ("é", "é"),
        ("\x1b", '"\\e"'),
        ("@at", "'@at'"),
        ("%x", "'%x'"),
        (7, "7"),
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_one_value(value, text):
    assert yaml_text({"k": value}) == f"k: {text}\n"
    assert yaml.safe_load(yaml_text({"k": value})) == {"k": value}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": {"d": [], "c": "x"}}, "a:\n  c: x\n  d: []\nb: 1\n"),
        ({"l": ["a", {"x": 1, "y": 2}, ["p", "q"]]}, 'l:\n- a\n- x: 1\n  "y": 2\n- - p\n  - q\n'),
        ({"t": "one\ntwo\n"}, "t: |\n  one\n  two\n"),
        ({"t": "one\ntwo"}, "t: |-\n  one\n  two\n"),
        ({"t": "one\n\n"}, "t: |+\n  one\n\n"),
        ({"t": " one\ntwo\n"}, "t: |2\n   one\n  two\n"),
        # A blank before the end of a line cannot stand in a block.
        ({"t": "one \ntwo\n"}, 't: "one \\ntwo\\n"\n'),
        ({"t": "one\ntwo "}, 't: "one\\ntwo "\n'),
        ({"a10": 1, "a9": 2, "aB": 3, "a-": 4, "a.1": 5}, "a-: 4\na.1: 5\na9: 2\na10: 1\naB: 3\n"),
        ({"item01": 1, "item1": 2, "item10": 3, "item2": 4}, "item1: 2\nitem01: 1\nitem2: 4\nitem10: 3\n"),
    ],
)
def test_documents(value, text):
    assert yaml_text(value) == text
    assert yaml.safe_load(text) == value


def test_long_text_is_folded_at_a_blank_behind_column_80():
    words = " ".join(["lorem"] * 20)
    first, second = yaml_text({"message": words}).splitlines()
    assert first == "message: " + " ".join(["lorem"] * 13)
    assert second == "  " + " ".join(["lorem"] * 7)
    quoted = yaml_text({"message": words + "\t"})
    assert quoted.splitlines()[0] == 'message: "' + " ".join(["lorem"] * 12)
    assert yaml.safe_load(quoted) == {"message": words + "\t"}
