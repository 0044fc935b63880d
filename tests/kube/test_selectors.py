"""Calico's selectors: what they select, and what they say about text that is none."""

import pytest

from podwire.kube.selectors import SelectorError, parse_selector

LABELS = {"app": "web", "zone": "eu-west-1a", "empty": "", "kubernetes.io/hostname": "node1"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("  \t", True),
        ("all()", True),
        ("all(  )", True),
        ("global()", False),
        ("!all()", False),
        ("!!all()", True),
        ("app == 'web'", True),
        ('app == "web"', True),
        ("app=='web'", True),
        ("app == 'db'", False),
        ("missing == 'web'", False),
        ("app != 'db'", True),
        ("missing != 'web'", True),
        ("empty == ''", True),
        ("has(app)", True),
        ("has( app )", True),
        ("has(missing)", False),
        ("! has(missing)", True),
        ("kubernetes.io/hostname == 'node1'", True),
        ("app in {'db', 'web'}", True),
        ("app in {'db','web',}", True),
        ("app in {}", False),
        ("missing in {'x'}", False),
        ("app not in {'db'}", True),
        ("app notin {'web'}", False),
        ("missing not in {'x'}", True),
        ("zone contains 'west'", True),
        ("zone starts with 'eu-'", True),
        ("zone ends with '1a'", True),
        ("zone ends with '1b'", False),
        ("missing contains ''", False),
        ("has(app) && has(zone)", True),
        ("has(app) && has(missing)", False),
        ("has(missing) || has(app)", True),
        # && binds closer than ||.
        ("has(app) || has(missing) && has(missing)", True),
        ("(has(app) || has(missing)) && has(missing)", False),
        ("!(has(missing) || app == 'db')", True),
        ("! has(missing) && app == 'db'", False),
        # Words of the grammar are labels too, where a label stands.
        ("in == 'x'", False),
        ("has == 'x' || contains != 'x'", True),
        ("allow == 'x'", False),
    ],
)
def test_what_a_selector_selects(text, selected):
    assert parse_selector(text)(LABELS) is selected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "app = 'web'",
            "expected an operator (==, !=, in, not in, contains, starts with, ends with) behind label app at",
        ),
        (
            "app",
            "expected an operator (==, !=, in, not in, contains, starts with, ends with) behind label app behind it",
        ),
        ("app == web", "expected text in quotes at 'web'"),
        ("app == 'web", "expected a selector such as all(), has(label) or label == 'value' at \"'web\""),
        ("app in 'web'", "expected a set such as {'a', 'b'} at"),
        ("app in {'web'", "expected } behind it"),
        ("(has(app)", "expected ) behind it"),
        ("has(app) has(zone)", "expected &&, || or the end at 'has(zone)'"),
        ("&& has(app)", "expected all(), has(label), label == 'value' or ( at '&& has(app)'"),
        ("has(app) &&", "expected all(), has(label), label == 'value' or ( behind it"),
        ("has(app) & has(zone)", "expected a selector such as"),
        ("has()", "expected an operator"),
    ],
)
def test_what_is_no_selector(text, complaint):
    with pytest.raises(SelectorError) as refused:
        parse_selector(text)
    assert str(refused.value).startswith(complaint), str(refused.value)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", "all()"),
        ("all( )", "all()"),
        ("global()", "global()"),
        ("a=='b'", 'a == "b"'),
        ("a != 'b\"c'", "a != 'b\"c'"),
        ("a in {'z', 'b','b'}", 'a in {"b", "z"}'),
        ("a not  in {}", "a not in {}"),
        ("a contains 'x'", 'a contains "x"'),
        ("a starts  with 'x'", 'a starts with "x"'),
        ("a ends with 'x'", 'a ends with "x"'),
        ("!has( a )", "!has(a)"),
        ("! ! a == 'b'", '!!a == "b"'),
        ("a == 'b' && c == 'd' && has(e)", '(a == "b" && c == "d" && has(e))'),
        ("a == 'b' && (c == 'd' && has(e))", '(a == "b" && (c == "d" && has(e)))'),
        ("(a == 'b')", 'a == "b"'),
        ("a == 'b' || c == 'd' && has(e)", '(a == "b" || (c == "d" && has(e)))'),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    """Sheet Calico, section 5; what is canonical stays so."""
    assert parse_selector(text).text == canonical
    assert parse_selector(canonical).text == canonical


def test_labels_get_a_prefix() -> None:
    selector = parse_selector("a == 'x' && !has(b) && c in {'1'}", "pcns.")
    assert selector.text == '(pcns.a == "x" && !has(pcns.b) && pcns.c in {"1"})'
    assert selector({"pcns.a": "x", "pcns.c": "1"})
    assert not selector({"a": "x", "c": "1"})
