"""Messages are one line that says where, what and what instead; exceptions survive pickling."""

import copy
import datetime as dt
import pickle

import pytest

from podwire import errors
from podwire.errors import MISSING, ConfigError, ManifestError, NotModelled, PodwireError


@pytest.mark.parametrize(
    ("file", "line", "path", "value", "message"),
    [
        ("lab.yaml", 7, "spec.seed", "x", 'lab.yaml:7: spec.seed: got "x", expected a number'),
        ("lab.yaml", None, "spec.seed", None, "lab.yaml: spec.seed: got null, expected a number"),
        (None, None, "spec.seed", True, "spec.seed: got true, expected a number"),
        ("lab.yaml", 1, "", [1], "lab.yaml:1: got [1], expected a number"),
        (None, None, "", MISSING, "got nothing, expected a number"),
        ("a.yaml", 2, "x", "two\nlines", 'a.yaml:2: x: got "two\\nlines", expected a number'),
        ("a.yaml", 2, "x", {"day": dt.date(2026, 1, 2)}, None),
        ("a.yaml", 2, "x", {(1, 2): "a tuple is a key in YAML, not in JSON"}, None),
        ("a.yaml", 2, "x", "y" * 500, None),
    ],
)
def test_a_manifest_error_says_file_line_path_value_and_what_was_expected(file, line, path, value, message):
    error = ManifestError(file, line, path, value, "a number")
    assert "\n" not in str(error)
    assert len(str(error)) < 120
    assert str(error).endswith(", expected a number")
    if message is not None:
        assert str(error) == message


def test_a_config_error_names_the_object():
    assert str(ConfigError("node w1", "has no network")) == "node w1: has no network"


def test_not_modelled_names_the_option_and_where_it_was_met():
    assert str(NotModelled("-m recent")) == "not modelled: -m recent"
    assert str(NotModelled("-m recent", "iptables -A INPUT")) == "iptables -A INPUT: not modelled: -m recent"


@pytest.mark.parametrize(
    "error",
    [
        PodwireError("no pod of that name"),
        ManifestError("lab.yaml", 7, "spec.seed", MISSING, "a number"),
        ConfigError("node w1", "has no network"),
        NotModelled("-m recent", "iptables -A INPUT"),
    ],
)
def test_every_error_is_a_podwire_error_and_survives_being_copied(error):
    assert isinstance(error, PodwireError)
    for same in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(same) is type(error)
        assert str(same) == str(error)
        assert vars(same) == vars(error)


def test_the_tree_in_the_docstring_is_the_tree():
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert errors.__doc__ is not None
    assert [name for name in errors.__all__ if name != "MISSING"] == sorted(cls.__name__ for cls in classes)
    for cls in classes:
        assert f" {cls.__name__} " in errors.__doc__
