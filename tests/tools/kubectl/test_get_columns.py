"""Columns as kubectl's tab writer lays them out, and tables through it."""

import pytest

from podwire.kube.kinds import KINDS
from podwire.kube.shelf import Stored
from podwire.tools.kubectl.columns import Column, Row, Table, TableOptions, TablePrinter, TabWriter, selector_text

POD = KINDS["v1", "Pod"]


def stored(name="a", namespace="default", **labels):
    return Stored(POD, {"metadata": {"name": name, "namespace": namespace, "labels": labels}}, None)


def lines(*rows):
    found: list[str] = []
    writer = TabWriter(found.append)
    for row in rows:
        if row is None:
            writer.flush()
        else:
            writer.line(row)
    writer.flush()
    return "".join(found)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([("NAME", "AGE"), ("a", "5s")], "NAME   AGE\na      5s\n"),
        # Six at least, three blanks between, the last cell as it stands.
        ([("a", "b", "c")], "a     b     c\n"),
        ([("abc", "x"), ("abcd", "")], "abc    x\nabcd   \n"),
        # Runes are counted, not bytes.
        ([("é", "x"), ("abcd", "y")], "é      x\nabcd   y\n"),
        # A tab inside a cell ends it.
        ([("a\tb", "c"), ("a", "b", "c")], "a     b     c\na     b     c\n"),
        # A line without a column ends its block.
        ([("abcdefgh", "x"), ("y",), ("a", "x")], "abcdefgh   x\ny\na          x\n"),
    ],
)
def test_columns(rows, text):
    assert lines(*rows) == text


def test_a_flush_remembers_the_widths_and_never_narrows_them():
    assert lines(("long name", "1"), None, ("a", "2"), None, ("a longer name", "3"), None, ("b", "4")) == (
        "long name   1\na           2\na longer name   3\nb               4\n"
    )


def test_forgotten_widths_and_an_empty_line_between_two_tables():
    found: list[str] = []
    writer = TabWriter(found.append)
    writer.separate()
    writer.line(("a long name", "1"))
    writer.flush()
    writer.forget()
    writer.separate()
    writer.flush()
    writer.line(("b", "2"))
    writer.flush()
    assert "".join(found) == "a long name   1\n\nb     2\n"


COLUMNS = (Column("Name", name=True), Column("Age"), Column("Node", wide=True))


def printed(rows, *, event="", **options):
    found: list[str] = []
    writer = TabWriter(found.append)
    show = TablePrinter(TableOptions(**options))
    for row in rows:
        show.print(Table(COLUMNS, tuple(row)), writer, event)
    writer.flush()
    return "".join(found)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "NAME   AGE\na      1s\n"),
        ({"wide": True}, "NAME   AGE   NODE\na      1s    n\n"),
        ({"headers": False}, "a     1s\n"),
        ({"namespace": True}, "NAMESPACE   NAME   AGE\ndefault     a      1s\n"),
        ({"labels": ("example.com/app", "none")}, "NAME   AGE   APP   NONE\na      1s    web   \n"),
        ({"show_labels": True}, "NAME   AGE   LABELS\na      1s    example.com/app=web,x=y\n"),
        ({"kind": "pod"}, "NAME    AGE\npod/a   1s\n"),
        ({"event": "DELETED"}, "EVENT      NAME   AGE\nDELETED    a      1s\n"),
    ],
)
def test_the_options_of_a_table(options, text):
    row = Row(("a", "1s", "n"), stored(**{"example.com/app": "web", "x": "y"}))
    assert printed([[row]], **options) == text


def test_the_header_comes_once_with_the_first_table_that_has_rows():
    row = Row(("a", "1s", "n"), stored())
    assert printed([[], [row], [], [row]]) == "NAME   AGE\na      1s\na      1s\n"


@pytest.mark.parametrize(
    ("cell", "text"), [("one\ntwo", "one..."), ("a\x1b[31m", "a^[[31m"), (None, ""), (0, "0"), ("x\rz", "x...")]
)
def test_a_cell_is_cut_at_its_first_line_and_steers_no_terminal(cell, text):
    assert printed([[Row((cell, "1s", ""), stored())]], headers=False) == text.ljust(max(6, len(text) + 3)) + "1s\n"


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (None, "<none>"),
        ({}, "<none>"),
        ({"matchLabels": {"b": "1", "a": "2"}}, "a=2,b=1"),
        (
            {
                "matchLabels": {"m": "x"},
                "matchExpressions": [
                    {"key": "a", "operator": "In", "values": ["y", "x"]},
                    {"key": "z", "operator": "NotIn", "values": ["q"]},
                    {"key": "c", "operator": "Exists"},
                    {"key": "d", "operator": "DoesNotExist"},
                ],
            },
            "a in (x,y),c,!d,m=x,z notin (q)",
        ),
    ],
)
def test_selectors_as_text(selector, text):
    assert selector_text(selector) == text
