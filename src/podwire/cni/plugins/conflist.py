"""The configuration that a node's runtime uses: which file, what is in it, and what the runtime says where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from podwire.cni.plugins.fields import kind_of, syntax
from podwire.errors import PodwireError

DIRECTORY: Final = "/etc/cni/net.d"
_ENDINGS: Final = (".conf", ".conflist", ".json")
_INVALID: Final = "invalid cni config"


class Conflist(msgspec.Struct, frozen=True):
    """A list of plugins: ``name`` of the network, ``version`` of the specification, and each plugin's own configuration."""

    name: str
    version: str
    plugins: tuple[dict[str, Any], ...]
    single: bool = False
    """It was one plugin's file (``.conf``), which has the network's name itself."""


class NetworkNotReady(PodwireError):
    """The runtime has no network for pods: the kubelet starts none but those of the host's network.

    ``why`` is what containerd logs; the text is the kubelet's with that behind it.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"{self.condition} ({self.why})"

    @property
    def condition(self) -> str:
        """What the kubelet says in the pod's event and in the node's condition Ready."""
        return (
            "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:Network plugin returns error: cni plugin not initialized"
        )


class _Wrong(Exception):
    """What libcni finds wrong in a file."""


def find(files: Mapping[str, str]) -> tuple[str, str]:
    """Path and text of the first configuration by name. Raises ``NetworkNotReady`` where there is none."""
    names = sorted(
        path.removeprefix(f"{DIRECTORY}/")
        for path in files
        if path.startswith(f"{DIRECTORY}/") and path.endswith(_ENDINGS) and "/" not in path[len(DIRECTORY) + 1 :]
    )
    if not names:
        raise NetworkNotReady(
            f"cni config load failed: no network config found in {DIRECTORY}: cni plugin not initialized: failed to load cni config"
        )
    path = f"{DIRECTORY}/{names[0]}"
    return path, files[path]


def parse(path: str, text: str) -> Conflist:
    """What is in a file. Raises ``NetworkNotReady`` with containerd's and libcni's words."""
    is_list = path.endswith(".conflist")
    try:
        return _list(text) if is_list else _single(text)
    except _Wrong as error:
        what = "CNI config list file" if is_list else "CNI config file"
        reason = f"failed to load {what} {path}: {error}: {_INVALID}"
        raise NetworkNotReady(f"cni config load failed: {reason}: failed to load cni config") from None


def _list(text: str) -> Conflist:
    """``ConfListFromBytes``."""
    start = "error parsing configuration list"
    raw, wrong = syntax(text)
    if wrong:
        raise _Wrong(f"{start}: {wrong}")
    if not isinstance(raw, dict):
        raise _Wrong(f"{start}: json: cannot unmarshal {kind_of(raw)} into Go value of type map[string]interface {{}}")
    if "name" not in raw:
        raise _Wrong(f"{start}: no name")
    name, version = raw["name"], raw.get("cniVersion", "")
    for key, value in (("name", name), ("cniVersion", version)):
        if not isinstance(value, str):
            raise _Wrong(f"{start}: invalid {key} type {_go_type(value)}")
    if "plugins" not in raw:
        raise _Wrong(f"{start}: no 'plugins' key")
    plugins = raw["plugins"]
    if not isinstance(plugins, list):
        raise _Wrong(f"{start}: invalid 'plugins' type {_go_type(plugins)}")
    if not plugins:
        raise _Wrong(f"{start}: no plugins in list")
    for index, each in enumerate(plugins):
        try:
            _check(each)
        except _Wrong as error:
            raise _Wrong(f"failed to parse plugin config {index}: {error}") from None
    return Conflist(name, version, tuple(plugins))


def _single(text: str) -> Conflist:
    """``ConfFromFile``, and the list that is made of it."""
    raw, wrong = syntax(text)
    if wrong:
        raise _Wrong(f"error parsing configuration: {wrong}")
    _check(raw)
    return Conflist(raw.get("name", ""), raw.get("cniVersion", ""), (raw,), single=True)


def _check(raw: object) -> None:
    """``ConfFromBytes``: a plugin has a type."""
    start = "error parsing configuration"
    if not isinstance(raw, dict):
        raise _Wrong(f"{start}: json: cannot unmarshal {kind_of(raw)} into Go value of type types.NetConf")
    for key in ("cniVersion", "name", "type"):
        if raw.get(key) is not None and not isinstance(raw[key], str):
            raise _Wrong(
                f"{start}: json: cannot unmarshal {kind_of(raw[key])} into Go struct field NetConf.{key} of type string"
            )
    if not raw.get("type"):
        raise _Wrong(f"{start}: missing 'type'")


def _go_type(value: object) -> str:
    """``%T`` of what Go's decoder makes of a value."""
    if value is None:
        return "<nil>"
    named = {"string": "string", "number": "float64", "bool": "bool", "array": "[]interface {}"}
    return named.get(kind_of(value), "map[string]interface {}")
