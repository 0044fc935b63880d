"""What podwire would get wrong of a pod's life: said before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podwire.cluster.lifecycle.commands import command_of, program_of
from podwire.errors import NotModelled
from podwire.kube.fields import Field
from podwire.kube.probe import KINDS
from podwire.linux.image import image_of_container
from podwire.tools import registry
from podwire.wire.addr import inet_aton


def check_life(spec: Field, where: str) -> None:
    """Raise ``NotModelled`` for handlers, hosts and programs that podwire does not know. ``spec`` is a Pod's."""
    for container in _items(spec, "initContainers"):
        plain: Any = container.plain()
        if plain.get("restartPolicy"):
            raise NotModelled(f"{container.path}.restartPolicy (a sidecar)", container.where or where)
        program = program_of(command_of(plain))
        if program is None or program.lasts is None:
            words = "true, false, sleep N, sh -c with those and exit N"
            raise NotModelled(
                f"{container.path}: an init container whose end podwire does not know (it knows {words})",
                container.where or where,
            )
        for kind in (*KINDS, "lifecycle"):
            _absent(container, (kind,), where)
    for container in _items(spec, "containers"):
        _check_container(container, where)


def _check_container(container: Field, where: str) -> None:
    image = str(container.at("image").value)
    for kind in KINDS:
        _absent(container, (kind, "grpc"), where)
        scheme = container.get(kind, "httpGet", "scheme")
        if scheme is not None and scheme.value == "HTTPS":
            raise NotModelled(f"{scheme.path}: HTTPS", scheme.where or where)
        for action in ("httpGet", "tcpSocket"):
            host = container.get(kind, action, "host")
            if host is not None and host.value and inet_aton(str(host.value)) is None:
                raise NotModelled(f"{host.path}: a name (an address is)", host.where or where)
        _known(container.get(kind, "exec"), image, where)
    for handler in ("httpGet", "tcpSocket"):
        for event in ("postStart", "preStop"):
            _absent(container, ("lifecycle", event, handler), where)
    _absent(container, ("lifecycle", "postStart", "sleep"), where)
    stop = container.get("lifecycle", "preStop", "exec")
    if stop is not None and stop.value:
        plain: Any = stop.plain()
        if program_of(plain.get("command") or ()) is None and not _ends_at_once(plain):
            raise NotModelled(f"{stop.path}: a command whose end podwire does not know", stop.where or where)


def _ends_at_once(handler: Mapping[str, Any]) -> bool:
    """``nginx -s quit`` tells the server to end, and ends."""
    command = handler.get("command") or [""]
    return str(command[0]).rpartition("/")[2] == "nginx" and "-s" in command


def _known(action: Field | None, image: str, where: str) -> None:
    """The command of an exec probe is one that podwire runs."""
    if action is None or not action.value:
        return
    plain: Any = action.plain()
    argv = plain.get("command") or ()
    if argv and program_of(argv) is None and registry.find(image_of_container(image), str(argv[0])) is None:
        raise NotModelled(f"{action.path}: command {argv[0]!r}", action.where or where)


def _absent(field: Field, path: tuple[str, ...], where: str) -> None:
    at = field.get(*path)
    if at is not None and at.value:
        raise NotModelled(f"{at.path} of a Pod", at.where or where)


def _items(field: Field, name: str) -> tuple[Field, ...]:
    member = field.get(name)
    return member.items() if member is not None and member.value else ()
