"""Configurations as Go's encoding/json reads them: members by type, with its words for what is of another type or no JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from podwire.cni.plugins.values import PluginError
from podwire.errors import NotModelled
from podwire.wire.addr import Ip, Net

_T = TypeVar("_T")
_GO: Final = MappingProxyType({int: "int", str: "string", bool: "bool"})
_CONTEXTS: Final = MappingProxyType(
    {
        "Expecting value": "looking for beginning of value",
        "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
        "Expecting ':' delimiter": "after object key",
        "Extra data": "after top-level value",
        "Invalid control character at": "in string literal",
    }
)


def kind_of(value: object) -> str:
    """What a value of JSON is, in the words of Go's decoder."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def member(conf: Mapping[str, Any], name: str, kind: type[_T], default: _T, *, struct: str = "NetConf") -> _T:
    """A member of a configuration; null and what is missing are the default.

    Raises ``PluginError`` in the words of Go's decoder.
    """
    value = conf.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        kind_named = f"number {value}" if isinstance(value, float) and kind is int else kind_of(value)
        raise PluginError(
            f"json: cannot unmarshal {kind_named} into Go struct field {struct}.{name} of type {_GO[kind]}"
        )
    return value


def objects(conf: Mapping[str, Any], name: str, what: str) -> list[dict[str, Any]]:
    """A list of objects. Raises ``PluginError``."""
    value = conf.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        wrong = value if not isinstance(value, list) else next(each for each in value if not isinstance(each, dict))
        raise PluginError(f"json: cannot unmarshal {kind_of(wrong)} into Go struct field {what}.{name}")
    return value


def address(text: str) -> Ip:
    """``net.ParseIP``. Raises ``PluginError``."""
    try:
        return Ip.parse(text)
    except ValueError:
        raise PluginError(f"invalid IP address: {text}") from None


def network(text: str) -> tuple[Ip, Net]:
    """``net.ParseCIDR``: the address, and its network. Raises ``PluginError``."""
    addr, _, plen = text.partition("/")
    try:
        ip = Ip.parse(addr)
        found = ip, Net.of(ip, int(plen) if plen.isdecimal() else -1)
    except ValueError:
        raise PluginError(f"invalid CIDR address: {text}") from None
    return found


def refuse(conf: Mapping[str, Any], plugin: str, *names: str) -> None:
    """Raise ``NotModelled`` for the first of these options that is set."""
    for name in names:
        if conf.get(name):
            raise NotModelled(f"{name} of the CNI plugin {plugin}")


def syntax(text: str) -> tuple[Any, str]:
    """A document and "", or None and what Go's decoder says of it."""
    try:
        return json.loads(text), ""
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            return None, "unexpected end of JSON input"
        context = _CONTEXTS.get(error.msg)
        if error.msg == "Expecting ',' delimiter":
            context = "after object key:value pair" if _in_object(text[: error.pos]) else "after array element"
        if error.msg.startswith("Invalid \\"):
            context = "in string escape code"
        at = text[error.pos : error.pos + 1]
        shown = {"'": "'\\''", '"': "'\"'"}.get(at, "'" + at.encode("unicode_escape").decode() + "'")
        return None, f"invalid character {shown} {context or 'looking for beginning of value'}"


def _in_object(text: str) -> bool:
    """Whether the innermost bracket that is open is a brace: up to here the text is well formed."""
    stack: list[str] = []
    quoted = escaped = False
    for char in text:
        if quoted:
            quoted, escaped = escaped or char != '"', char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char in "{[":
            stack.append(char)
        elif char in "}]":
            stack.pop()
    return stack[-1:] == ["{"]
