"""Patches of documents: kubectl apply's three-way merge, strategic merge patch, JSON merge patch (RFC 7386), JSON patch (RFC 6902).

All functions take and return plain documents and change none of those they are given.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from podwire.errors import PodwireError

Path = tuple[str, ...]
_CONTAINERS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})
_KEYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_CONTAINERS, "name"),
    "conditions": "type",
    "env": "name",
    "hostAliases": "ip",
    "hostIPs": "ip",
    "imagePullSecrets": "name",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "secrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_PRIMITIVE: Final = frozenset({"finalizers", "podCIDRs"})
_RETAIN: Final = frozenset({("spec", "strategy"), ("spec", "updateStrategy")})
"""Unions: what the new document does not name goes with the member that it replaces (``patchStrategy: retainKeys``)."""


def merge_key(path: Path) -> str | None:
    """By which member the items of a list are told apart; None for a list that is replaced as a whole (the API's patchMergeKey)."""
    if path[-1] == "ports":
        if path == ("spec", "ports"):
            return "port"
        return "containerPort" if len(path) > 1 and path[-2] in _CONTAINERS else None
    if path == ("status", "addresses"):
        return "type"
    return _KEYS.get(path[-1])


# ------------------------------------------------------------------------------------------------------- kubectl apply


def three_way(original: Any, modified: Any, current: Any, path: Path = ()) -> Any:
    """``current`` with what ``modified`` says, without what was in ``original`` and no longer is.

    What neither names, which others wrote, stays.
    """
    if isinstance(modified, Mapping) and isinstance(current, Mapping):
        return _three_maps(original if isinstance(original, Mapping) else {}, modified, current, path)
    if isinstance(modified, list) and isinstance(current, list):
        key = merge_key(path) if path else None
        if key is not None:
            return _three_lists(original if isinstance(original, list) else [], modified, current, path, key)
        if path and path[-1] in _PRIMITIVE:
            gone = [each for each in original or () if each not in modified]
            return [each for each in current if each not in gone] + [each for each in modified if each not in current]
    return copy.deepcopy(modified)


def _three_maps(
    original: Mapping[str, Any], modified: Mapping[str, Any], current: Mapping[str, Any], path: Path
) -> Any:
    result = {
        key: copy.deepcopy(value)
        for key, value in current.items()
        if key in modified or (key not in original and path not in _RETAIN)
    }
    for key, value in modified.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = three_way(original.get(key), value, current.get(key), (*path, key))
    return result


def _three_lists(original: list[Any], modified: list[Any], current: list[Any], path: Path, key: str) -> list[Any]:
    before, there = _by_key(original, key), _by_key(current, key)
    wanted = {_identity(item, key) for item in modified}
    result = [
        three_way(before.get(_identity(item, key)), item, there.get(_identity(item, key)), path) for item in modified
    ]
    others = [item for item in current if _identity(item, key) not in wanted and _identity(item, key) not in before]
    return result + copy.deepcopy(others)


def _identity(item: Any, key: str) -> tuple[Any, ...]:
    """Ports of one number and two protocols are two ports."""
    if not isinstance(item, Mapping):
        return (item,)
    protocol = (item.get("protocol", "TCP"),) if key in {"port", "containerPort"} else ()
    return (item.get(key), *protocol)


def _by_key(items: Sequence[Any], key: str) -> dict[tuple[Any, ...], Any]:
    return {_identity(item, key): item for item in items}


# ----------------------------------------------------------------------------------------------- strategic merge patch


def strategic(current: Any, patch: Any, path: Path = ()) -> Any:
    """A strategic merge patch: lists of items with names are merged; ``$patch: delete`` and ``replace`` are understood.

    Raises ``PodwireError`` for a directive that does not exist, and an item without its key.
    """
    if isinstance(patch, Mapping):
        return _strategic_map(current if isinstance(current, Mapping) else {}, patch, path)
    if isinstance(patch, list):
        key = merge_key(path) if path else None
        if key is not None:
            return _strategic_list(current if isinstance(current, list) else [], patch, path, key)
        if path and path[-1] in _PRIMITIVE and isinstance(current, list):
            return current + [each for each in patch if each not in current]
    return copy.deepcopy(patch)


def _strategic_map(current: Mapping[str, Any], patch: Mapping[str, Any], path: Path) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise PodwireError(f"Unknown patch type: {directive}")
    result = copy.deepcopy(dict(current))
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [each for each in result.get(name) or () if each not in value]
        elif key == "$retainKeys":
            result = {name: each for name, each in result.items() if name in value}
        elif key == "$patch" or key.startswith("$setElementOrder/"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = strategic(result.get(key), value, (*path, key))
    return _ordered(result, patch, path)


def _ordered(result: dict[str, Any], patch: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """``$setElementOrder/containers``: in this order; the server's own items stand behind them."""
    for key, order in patch.items():
        if not key.startswith("$setElementOrder/"):
            continue
        name = key.partition("/")[2]
        merge = merge_key((*path, name))
        ranks = [_identity(item, merge) if merge else (item,) for item in order]
        items = result.get(name) or []
        result[name] = sorted(
            items,
            key=lambda item: next(
                (
                    rank
                    for rank, each in enumerate(ranks)
                    if each[0] == (_identity(item, merge) if merge else (item,))[0]
                ),
                len(ranks),
            ),
        )
    return result


def _strategic_list(current: list[Any], patch: list[Any], path: Path, key: str) -> list[Any]:
    if any(isinstance(item, Mapping) and item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if not (isinstance(item, Mapping) and "$patch" in item)]
    result = copy.deepcopy(current)
    for item in patch:
        if not isinstance(item, Mapping) or key not in item:
            raise PodwireError(
                f"map: {dict(item) if isinstance(item, Mapping) else item} does not contain declared merge key: {key}"
            )
        places = [
            index for index, each in enumerate(result) if isinstance(each, Mapping) and each.get(key) == item[key]
        ]
        if item.get("$patch") == "delete":
            result = [each for index, each in enumerate(result) if index not in places]
        elif places:
            result[places[0]] = strategic(result[places[0]], item, path)
        else:
            result.append(strategic({}, item, path))
    return result


# ------------------------------------------------------------------------------------------------------- JSON patches


def merge(current: Any, patch: Any) -> Any:
    """A JSON merge patch: null takes a member away, lists are replaced."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(current) if isinstance(current, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return copy.deepcopy(result)


def json_patch(current: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """A JSON patch. Raises ``PodwireError`` for an operation that cannot be done; nothing is done then."""
    document = copy.deepcopy(current)
    for each in operations:
        name, path = each.get("op"), _pointer(each.get("path"))
        if name == "test":
            if _at(document, path) != each.get("value"):
                raise PodwireError(f"testing value {each.get('path')} failed: test failed")
        elif name == "remove":
            document = _remove(document, path)
        elif name in {"add", "replace"}:
            if name == "replace":
                _at(document, path)
            document = _put(document, path, copy.deepcopy(each.get("value")), replace=name == "replace")
        elif name in {"move", "copy"}:
            source = _pointer(each.get("from"))
            value = copy.deepcopy(_at(document, source))
            if name == "move":
                document = _remove(document, source)
            document = _put(document, path, value)
        else:
            raise PodwireError(f"Unexpected kind: {name}")
    return document


def _pointer(text: object) -> Path:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PodwireError(f"a JSON pointer such as /spec/replicas, got {text!r}")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def _step(value: Any, part: str, path: Path) -> Any:
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    if isinstance(value, dict) and part in value:
        return value[part]
    raise PodwireError(f"the path /{'/'.join(path)} is not there: missing value")


def _at(document: Any, path: Path) -> Any:
    for part in path:
        document = _step(document, part, path)
    return document


def _remove(document: Any, path: Path) -> Any:
    if not path:
        return None
    holder = _at(document, path[:-1])
    _step(holder, path[-1], path)
    del holder[int(path[-1]) if isinstance(holder, list) else path[-1]]
    return document


def _put(document: Any, path: Path, value: Any, *, replace: bool = False) -> Any:
    if not path:
        return value
    holder, last = _at(document, path[:-1]), path[-1]
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list) and last == "-":
        holder.append(value)
    elif isinstance(holder, list) and last.isdecimal() and int(last) <= len(holder):
        if replace:
            holder[int(last)] = value
        else:
            holder.insert(int(last), value)
    else:
        raise PodwireError(f"the path /{'/'.join(path)} is not there: missing value")
    return document
