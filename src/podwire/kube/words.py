"""Names, labels, ports and addresses: what may be written, and the API server's words for what may not.

Source of the words: k8s.io/apimachinery, pkg/util/validation.
Each function returns the complaints, of which there may be none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from podwire.kube.invalid import Problems
from podwire.wire.addr import Ip, Net

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_KEY: Final = "[-._a-zA-Z0-9]+"
ANNOTATIONS_MOST: Final = 256 * 1024


def _regex(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


_LABEL_WORDS: Final = _regex(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an"
    " alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_SUBDOMAIN_WORDS: Final = _regex(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end"
    " with an alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_LABEL_1035_WORDS: Final = _regex(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and"
    " end with an alphanumeric character",
    _LABEL_1035,
    "my-name",
    "abc-123",
)
_QUALIFIED_TEXT: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_QUALIFIED_EXAMPLES: Final = ("MyName", "my.name", "123-abc")
_VALUE_WORDS: Final = _regex(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character",
    f"({_QUALIFIED})?",
    "MyValue",
    "my_value",
    "12345",
)
_KEY_WORDS: Final = _regex(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _KEY,
    "key.name",
    "KEY_NAME",
    "key-name",
)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.ASCII) is not None


def _limited(text: str, most: int, pattern: str, words: str) -> list[str]:
    found = [] if len(text.encode()) <= most else [f"must be no more than {most} bytes"]
    return found if _matches(pattern, text) else [*found, words]


def dns_label(text: str) -> list[str]:
    """A name of RFC 1123."""
    return _limited(text, 63, _LABEL, _LABEL_WORDS)


def dns_subdomain(text: str) -> list[str]:
    """Names of RFC 1123 with dots between."""
    return _limited(text, 253, _SUBDOMAIN, _SUBDOMAIN_WORDS)


def dns_1035_label(text: str) -> list[str]:
    """A name of RFC 1035: a letter comes first."""
    return _limited(text, 63, _LABEL_1035, _LABEL_1035_WORDS)


def qualified_name(text: str) -> list[str]:
    """The key of a label or annotation: ``app``, ``example.com/app``."""
    prefix, slash, name = text.rpartition("/")
    if text.count("/") > 1:
        words = _regex(f"a qualified name {_QUALIFIED_TEXT}", _QUALIFIED, *_QUALIFIED_EXAMPLES)
        return [f"{words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    found = []
    if slash:
        found += (
            ["prefix part must be non-empty"]
            if not prefix
            else [f"prefix part {each}" for each in dns_subdomain(prefix)]
        )
    if not name:
        found.append("name part must be non-empty")
    words = _regex(_QUALIFIED_TEXT, _QUALIFIED, *_QUALIFIED_EXAMPLES)
    return found + [f"name part {each}" for each in _limited(name, 63, _QUALIFIED, words)]


def label_value(text: str) -> list[str]:
    """The value of a label."""
    return _limited(text, 63, f"({_QUALIFIED})?", _VALUE_WORDS)


def config_key(text: str) -> list[str]:
    """A key of a ConfigMap."""
    if text in {".", ".."}:
        return [f"must not be '{text}'"]
    return _limited(text, 253, _KEY, _KEY_WORDS)


def port_number(port: int) -> list[str]:
    """A port."""
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def port_name(text: str) -> list[str]:
    """The name of a container's port (RFC 6335)."""
    found = []
    if len(text) > 15:
        found.append("must be no more than 15 characters")
    if not _matches("[-a-z0-9]*", text):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        found.append("must contain at least one letter (a-z)")
    if "--" in text:
        found.append("must not contain consecutive hyphens")
    if text and "-" in {text[0], text[-1]}:
        found.append("must not begin or end with a hyphen")
    return found


def http_header(text: str) -> list[str]:
    """A header's name (``IsHTTPHeaderName``)."""
    if re.fullmatch("[-A-Za-z0-9]+", text, re.ASCII):
        return []
    return [
        _regex("a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+", "X-Header-Name")
    ]


def parse_ip(text: str) -> Ip | None:
    """An address, or None."""
    try:
        return Ip.parse(text)
    except ValueError:
        return None


def ip(text: str) -> list[str]:
    """An address."""
    return [] if parse_ip(text) is not None else ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]


def parse_cidr(text: str) -> Net | None:
    """A range, its host bits taken away as the server does; or None."""
    try:
        return Net.parse(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def cidr(text: str) -> list[str]:
    """A range."""
    return [] if parse_cidr(text) is not None else ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def check_labels(problems: Problems, path: str, labels: Mapping[str, str]) -> None:
    """Keys and values of labels."""
    for key, value in labels.items():
        problems.all(path, key, qualified_name(key))
        problems.all(path, value, label_value(value))


def check_annotations(problems: Problems, path: str, annotations: Mapping[str, str]) -> None:
    """Keys of annotations, and the size of all."""
    for key in annotations:
        problems.all(path, key, qualified_name(key.lower()))
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > ANNOTATIONS_MOST:
        problems.too_long(path, ANNOTATIONS_MOST)
