"""A chain of plugins as libcni runs it: ADD in order, each with the result of the one before; DEL the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cni.plugins import bridge, portmap, ptp
from podwire.cni.plugins.others import Bandwidth, Loopback, Missing
from podwire.cni.plugins.values import Call, Plugin, PluginError, Result
from podwire.errors import NotModelled, PodwireError

if TYPE_CHECKING:
    from podwire.cni.plugins.conflist import Conflist

REGISTRY: Final[MappingProxyType[str, Plugin]] = MappingProxyType(
    {"bandwidth": Bandwidth, "bridge": bridge, "loopback": Loopback, "portmap": portmap, "ptp": ptp}
)
"""The plugins by type."""
VERSIONS: Final = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")
"""Of the specification, that these releases speak."""
_WITH_PREVIOUS: Final = frozenset({"0.4.0", "1.0.0"})
"""Versions in which DEL is given the result of ADD."""
Registry = Callable[[str], Plugin | None]
MakeCall = Callable[[str], Call]
"""A call for a plugin of that type: the runtime's part of it."""


class ChainError(PodwireError):
    """A plugin of a chain failed: libcni's text. ``cause`` is the plugin's own error."""

    def __init__(self, text: str, cause: PodwireError) -> None:
        super().__init__(text, cause)
        self.text = text
        self.cause = cause

    def __str__(self) -> str:
        return self.text


def add(conflist: Conflist, call_of: MakeCall, others: Registry) -> Result:
    """``AddNetworkList``. Raises ``ChainError``, and ``NotModelled`` as it comes."""
    result: Result | None = None
    for conf in conflist.plugins:
        call = _call(conflist, conf, call_of, result)
        with _named(conf, conflist, "add"):
            plugin = _find(conf["type"], others)
            _check_version(conflist, plugin)
            result = plugin.add(call)
    assert result is not None  # noqa: S101 - a list has a plugin
    return result


def delete(conflist: Conflist, call_of: MakeCall, others: Registry, result: Result | None) -> None:
    """``DelNetworkList``, with the result of ADD where there was one. Raises ``ChainError``, and ``NotModelled`` as it comes."""
    for conf in reversed(conflist.plugins):
        call = _call(conflist, conf, call_of, result if conflist.version in _WITH_PREVIOUS else None)
        with _named(conf, conflist, "delete"):
            _find(conf["type"], others).delete(call)


def _call(conflist: Conflist, conf: dict[str, object], call_of: MakeCall, previous: Result | None) -> Call:
    call = call_of(str(conf["type"]))
    capabilities = conf.get("capabilities")
    takes = isinstance(capabilities, dict) and capabilities.get("portMappings")
    return msgspec.structs.replace(
        call,
        conf=conf,
        network=conflist.name,
        version=conflist.version or "0.1.0",
        mappings=call.mappings if takes else (),
        previous=previous,
    )


def _find(kind: str, others: Registry) -> Plugin:
    return others(kind) or REGISTRY.get(kind) or Missing(kind)


def _check_version(conflist: Conflist, plugin: Plugin) -> None:
    if conflist.version and conflist.version not in VERSIONS and not isinstance(plugin, Missing):
        known = " ".join(f'"{each}"' for each in VERSIONS)
        raise PluginError(f'incompatible CNI versions; config is "{conflist.version}", plugin supports [{known}]')


@contextmanager
def _named(conf: dict[str, object], conflist: Conflist, verb: str) -> Iterator[None]:
    """``plugin type="ptp" failed (add): …``."""
    try:
        yield
    except NotModelled:
        raise
    except PodwireError as error:
        what = f'type="{conf["type"]}"' + (f' name="{conflist.name}"' if conflist.single else "")
        raise ChainError(f"plugin {what} failed ({verb}): {error}", error) from error
