"""JSONPath templates: client-go's own examples and errors."""

import pytest

from podwire.tools.kubectl.jsonpath import JsonPath, TemplateError, json_text, sprint

STORE = {
    "kind": "List",
    "labels": {"web/html": 15, "app.example.com/name": "x"},
    "items": [
        {"name": "127.0.0.1", "capacity": {"cpu": "4"}, "n": 1, "ready": True},
        {"name": "127.0.0.2", "capacity": {"cpu": "8"}, "n": 2, "ready": False, "f": 1.5, "none": None},
    ],
    "users": [
        {"name": "myself", "user": {}},
        {"name": "e2e", "user": {"password": "secret", "username": "admin"}},
    ],
    "empty": [],
    "html": "<a> & b",
    "deep": [[1, 2], [3]],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("hello", "hello"),
        ("kind is {.kind}", "kind is List"),
        ("{['kind']}", "List"),
        ("{@.kind}{$.kind}", "ListList"),
        ("{.items[*].name}", "127.0.0.1 127.0.0.2"),
        ("{.items[*]['name', 'n']}", "127.0.0.1 127.0.0.2 1 2"),
        ("{.items[0].capacity}", '{"cpu":"4"}'),
        ("{.items[0].ready}{.items[1].f}{.items[1].none}", "true1.5null"),
        ("{.items[-1].n}", "2"),
        ("{.items[-2:].n}", "1 2"),
        ("{.items[:1].n}{.items[1:].n}", "12"),
        ("{.items[0:2:2].n}", "1"),
        ("{.items[0,1].n}", "1 2"),
        ("{.items[0:0].n}", ""),
        ("{.deep[*][0]}", "1 3"),
        ("{.deep[0][*]}", "1 2"),
        ("{..cpu}", "4 8"),
        ("{.items..cpu}", "4 8"),
        ("{.users[1].user.*}", "secret admin"),
        (r"{.labels.web/html}{.labels.app\.example\.com/name}", "15x"),
        (r"{.labels['app\.example\.com/name']}", "x"),
        ('{.users[?(@.name=="e2e")].user.password}', "secret"),
        ("{.users[?(@.name=='e2e')].user.password}", "secret"),
        ("{.items[?(@.n>1)].name}{.items[?(@.n<=1)].name}", "127.0.0.2127.0.0.1"),
        ("{.items[?(@.n!=1)].n}{.items[?(@.n>=1)].n}{.items[?(@.n<2)].n}", "21 21"),
        ("{.items[?(@.ready==true)].n}", "1"),
        ("{.items[?(@.f)].n}", "2"),
        ("{.items[?(@.f==1.5)].n}", "2"),
        ("{.items[?(@.missing==1)].n}", ""),
        ('{range .items[*]}{.name} {.n}{"\\n"}{end}', "127.0.0.1 1\n127.0.0.2 2\n"),
        ("{range .items[*]}[{.name}, {.capacity.cpu}] {end}.", "[127.0.0.1, 4] [127.0.0.2, 8] ."),
        ("{range .deep[*]}{range @[*]}{@},{end};{end}", "1,2,;3,;"),
        ("{range .empty[*]}{.x}{end}-", "-"),
        # Without an end the rest is evaluated for each, and once more for the whole.
        ("{range .items[*]}{.n}{.kind}", "12List"),
        ("{'it\\'s'}{\"\\t\"}{'\\u00e9'}", "it's\té"),
        ("{.missing}{.missing.deeper}{.missing[0]}", ""),
        ("{.html}", "<a> & b"),
        ("{.users[*].user}", '{} {"password":"secret","username":"admin"}'),
        ("{1}{1.5}{true}", "11.5true"),
    ],
)
def test_what_a_template_prints(template, text):
    assert JsonPath(template).render(STORE) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{.kind", "unclosed action"),
        ("{.items[0}", "unterminated array"),
        ("{.items[x]}", "invalid array index x"),
        ("{.items[?(@.n==1}", "unterminated filter"),
        ("{.items[?(@.n==1)}", "unclosed array expect ]"),
        ("{'x}", "unterminated quoted string"),
        ('{"\\q"}', 'unquote string "\\q" error invalid syntax'),
        ("{....}", "invalid multiple recursive descent"),
        ("{#}", "unrecognized character in action: U+0023 '#'"),
        ("{+a}", "cannot parse number +"),
    ],
)
def test_templates_that_make_no_sense(template, said):
    with pytest.raises(TemplateError) as caught:
        JsonPath(template)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{.items[5]}", "array index out of bounds: index 5, length 2"),
        ("{.items[1:5]}", "array index out of bounds: index 4, length 2"),
        ("{.items[-5]}", "array index out of bounds: index -3, length 2"),
        ("{.items[1:-2]}", "starting index 1 is greater than ending index 0"),
        ("{.items[0:2:0]}", "step must be > 0"),
        ("{.kind[0]}", "string is not array or slice"),
        ("{.labels[0]}", "map[string]interface {} is not array or slice"),
        ("{.kind[?(@.x)]}", "List is not array or slice and cannot be filtered"),
        ('{.items[?(@.n=="1")]}', "incompatible types for comparison"),
        ("{.items[?(@.capacity==1)]}", "invalid type for comparison"),
        ("{.items[?(@.ready<true)]}", "invalid type for comparison"),
        ("{.items[?(@.*==1)]}", "can only compare one element at a time"),
        ("{.items[?(@.n=<1)]}", "unrecognized filter operator =<"),
        ("{end}", "not in range, nothing to end"),
        ("{foo}", "unrecognized identifier foo"),
    ],
)
def test_templates_that_cannot_go_on(template, said):
    with pytest.raises(TemplateError) as caught:
        JsonPath(template).render(STORE)
    assert str(caught.value) == said


def test_a_member_that_is_not_there_may_be_an_error():
    with pytest.raises(TemplateError, match="missing is not found"):
        JsonPath("{.missing}", missing=False).render(STORE)
    assert JsonPath("{.kind}", missing=False).find(STORE) == ["List"]


def test_as_json_each_part_is_a_list():
    text = JsonPath("{.items[*].n}{.kind}").render(STORE, as_json=True)
    assert text == '[\n    1,\n    2\n]\n[\n    "List"\n]\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": "<&>"}, '{"a":"\\u003c\\u0026\\u003e","b":1}'),
        ([1.0, 1.5, None, True, "é"], '[1,1.5,null,true,"é"]'),
        ({}, "{}"),
    ],
)
def test_json_as_go_writes_it(value, text):
    assert json_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [({"b": 1, "a": [True, None]}, "map[a:[true <nil>] b:1]"), (3.0, "3"), (0.5, "0.5"), ([], "[]"), ("x", "x")],
)
def test_values_as_go_prints_them(value, text):
    assert sprint(value) == text
