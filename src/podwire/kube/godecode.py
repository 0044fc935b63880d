"""What the API server says of a document that its Go types cannot hold: values of another type, fields that nobody knows.

A request's members come in order of their names (kubectl writes JSON so); the first value of a wrong type ends it, and fields that are
not known are told all. Sources: sigs.k8s.io/json (decode.go, ``UnmarshalTypeError``), k8s.io/api for the names of types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "EgressRule": "NetworkPolicyEgressRule",
        "Handler": "LifecycleHandler",
        "HttpGet": "HTTPGetAction",
        "HttpHeader": "HTTPHeader",
        "IngressRule": "NetworkPolicyIngressRule",
        "Metadata": "ObjectMeta",
        "NodeSpecFields": "NodeSpec",
        "PodSpecFields": "PodSpec",
        "PodTemplate": "PodTemplateSpec",
        "PolicyPeer": "NetworkPolicyPeer",
        "PolicyPort": "NetworkPolicyPort",
        "Requirement": "LabelSelectorRequirement",
        "RollingUpdate": "RollingUpdateDeployment",
        "Strategy": "DeploymentStrategy",
        "TcpSocketAction": "TCPSocketAction",
        "_DnsConfig": "PodDNSConfig",
        "_DnsOption": "PodDNSConfigOption",
        "_EnvVar": "EnvVar",
        "_NamespaceSpec": "NamespaceSpec",
        "_Ordinals": "StatefulSetOrdinals",
        "_Resources": "ResourceRequirements",
    }
)
"""Go's names of types that have others here."""
_LONG: Final = frozenset(
    {"activeDeadlineSeconds", "deletionGracePeriodSeconds", "generation", "observedGeneration", "seconds"}
    | {"terminationGracePeriodSeconds"}
)
"""Members that are an int64."""


def complaint(document: Mapping[str, Any], kind: type[msgspec.Struct]) -> str | None:
    """What stands behind ``cannot be handled as a Pod: ``; None where the server could decode the document as ``kind``."""
    shown = {key: value for key, value in document.items() if key != "status"}
    wrong = next(_type_errors(shown, kind, ("", "", "")), None)
    if wrong is not None:
        return wrong
    unknown = [f'unknown field "{path}"' for path in _unknown(shown, kind, "")]
    return f"strict decoding error: {', '.join(unknown)}" if unknown else None


def go_name(kind: type[msgspec.Struct]) -> str:
    """The name of a struct in k8s.io/api."""
    return _NAMES.get(kind.__name__, kind.__name__)


def _members(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {info.encode_name: info.type for info in msgspec.structs.fields(kind) if info.encode_name != "at"}


def _plain(kind: Any) -> Any:
    """A type without its limits and without None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in {Union, UnionType}:
        rest = [each for each in get_args(kind) if each is not type(None)]
        return _plain(rest[0]) if len(rest) == 1 else kind
    return str if get_origin(kind) is Literal else kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _inner(kind: Any) -> Any:
    """The type of a list's items or a map's values; None for what is neither."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in {tuple, list}:
        return _plain(args[0])
    return _plain(args[1]) if origin is dict else None


# ------------------------------------------------------------------------------------------------------ unknown fields


def _unknown(value: Any, kind: Any, path: str) -> Iterator[str]:
    kind = _plain(kind)
    if _is_struct(kind) and isinstance(value, Mapping):
        known = _members(kind)
        for name in sorted(value):
            deeper = f"{path}.{name}" if path else name
            if name in known:
                yield from _unknown(value[name], known[name], deeper)
            else:
                yield deeper
    elif isinstance(value, list | tuple) and get_origin(kind) in {tuple, list}:
        for index, item in enumerate(value):
            yield from _unknown(item, _inner(kind), f"{path}[{index}]")
    elif isinstance(value, Mapping) and get_origin(kind) is dict:
        for name in sorted(value):
            yield from _unknown(value[name], _inner(kind), f"{path}.{name}")


# -------------------------------------------------------------------------------------------------------- wrong types


def _type_errors(value: Any, kind: Any, at: tuple[str, str, str]) -> Iterator[str]:
    """``at``: the name of the struct, the path of members without indices, and the member's name."""
    kind = _plain(kind)
    if value is None or kind in {Any, object}:
        return
    if get_origin(kind) in {Union, UnionType}:
        yield from _either(value, get_args(kind))
    elif _is_struct(kind):
        if not isinstance(value, Mapping):
            yield _said(value, f"v1.{go_name(kind)}", at)
            return
        known = _members(kind)
        for name in sorted(set(value) & set(known)):
            path = f"{at[1]}.{name}" if at[1] else name
            yield from _type_errors(value[name], known[name], (go_name(kind), path, name))
    elif get_origin(kind) is dict:
        if not isinstance(value, Mapping):
            yield _said(value, _go_type(kind, at[2]), at)
            return
        for name in sorted(value):
            yield from _type_errors(value[name], _inner(kind), at)
    elif get_origin(kind) in {tuple, list}:
        if not isinstance(value, list | tuple):
            yield _said(value, _go_type(kind, at[2]), at)
            return
        for item in value:
            yield from _type_errors(item, _inner(kind), at)
    elif not _fits(value, kind):
        yield _said(value, _go_type(kind, at[2]), at)


def _either(value: Any, kinds: tuple[Any, ...]) -> Iterator[str]:
    """An ``IntOrString``: what is no text is read as an int32, whose complaint names no field (intstr.go)."""
    if set(kinds) - {type(None)} == {int, str} and not isinstance(value, str) and not _fits(value, int):
        yield f"json: cannot unmarshal {_word(value)} into Go value of type int32"


def _fits(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return type(value) is int
    return kind not in {str, bool} or isinstance(value, kind)


def _said(value: Any, kind: str, at: tuple[str, str, str]) -> str:
    word = _word(value, shown=kind.startswith("int"))
    return f"json: cannot unmarshal {word} into Go struct field {at[0]}.{at[1]} of type {kind}"


def _word(value: Any, *, shown: bool = True) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}" if shown else "number"
    return "string" if isinstance(value, str) else "object" if isinstance(value, Mapping) else "array"


def _go_type(kind: Any, member: str) -> str:
    kind = _plain(kind)
    if _is_struct(kind):
        return f"v1.{go_name(kind)}"
    if get_origin(kind) in {tuple, list}:
        return f"[]{_go_type(_inner(kind), '')}"
    if get_origin(kind) is dict:
        return f"map[string]{_go_type(_inner(kind), '')}"
    if kind is int:
        return "int64" if member in _LONG else "int32"
    return {str: "string", bool: "bool", float: "float64"}.get(kind, "interface {}")
