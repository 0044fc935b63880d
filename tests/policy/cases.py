"""The sets of policies of ``cases.yaml``, as manifests for a world."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml

_ADDRESS = re.compile(r"\{(\w+/\w+)(?::(\d+))?\}")


@cache
def cases() -> Mapping[str, Mapping[str, Any]]:
    """By name the policies of each set, by ``namespace/name``."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text("utf-8"))
    return found


def manifests(given: Mapping[str, Any], address: Callable[[str], str]) -> list[dict[str, Any]]:
    """NetworkPolicies; ``address`` gives that of a pod ``x/a``."""

    def filled(match: re.Match[str]) -> str:
        at = address(match[1])
        return at if match[2] is None else str(ip_network(f"{at}/{match[2]}", strict=False))

    found = []
    for key, spec in given.items():
        space, _, name = key.partition("/")
        found.append(policy(space, name, _walk(spec, lambda text: _ADDRESS.sub(filled, text))))
    return found


def policy(space: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": space},
        "spec": dict(spec),
    }


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(each, change) for each in value]
    if isinstance(value, dict):
        return {key: _walk(each, change) for key, each in value.items()}
    return value
