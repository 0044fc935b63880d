"""Probes and life-cycle handlers of a container (core/v1: Probe, Lifecycle): their fields, defaults and the server's checks."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from podwire.kube import words
from podwire.kube.invalid import Problems

KINDS: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_DEFAULTS: Final = (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3))


class HttpHeader(msgspec.Struct, frozen=True):
    """A header that a probe sends."""

    name: str
    value: str


class HttpGet(msgspec.Struct, frozen=True, rename="camel"):
    """A GET to the container: ``host`` is the pod's address where it is empty; ``port`` a number or the name of a container port."""

    port: int | str
    path: str = ""
    host: str = ""
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    http_headers: tuple[HttpHeader, ...] = ()


class TcpSocketAction(msgspec.Struct, frozen=True):
    """A connection that is closed as soon as it stands."""

    port: int | str
    host: str = ""


class ExecAction(msgspec.Struct, frozen=True):
    """A command in the container, without a shell."""

    command: tuple[str, ...] = ()


class SleepAction(msgspec.Struct, frozen=True):
    """The container waits."""

    seconds: int


class Probe(msgspec.Struct, frozen=True, rename="camel"):
    """A question that the kubelet asks a container again and again. Times in seconds."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocketAction | None = None
    exec: ExecAction | None = None
    grpc: dict[str, Any] | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None


class Handler(msgspec.Struct, frozen=True, rename="camel"):
    """What is done when a container has started, or before it is stopped."""

    exec: ExecAction | None = None
    http_get: HttpGet | None = None
    tcp_socket: TcpSocketAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(msgspec.Struct, frozen=True, rename="camel"):
    """``preStop`` comes before the signal that ends a container."""

    post_start: Handler | None = None
    pre_stop: Handler | None = None
    stop_signal: str | None = None


def default_probes(container: dict[str, Any]) -> None:
    """What the server fills in (apis/core/v1/defaults.go: ``SetDefaults_Probe``, ``SetDefaults_HTTPGetAction``)."""
    for kind in KINDS:
        probe = container.get(kind)
        if probe:
            for name, value in _DEFAULTS:
                if not probe.get(name):
                    probe[name] = value
            _default_get(probe)
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _default_get(handler)


def _default_get(handler: dict[str, Any]) -> None:
    get = handler.get("httpGet")
    if get:
        get["path"] = get.get("path") or "/"
        get["scheme"] = get.get("scheme") or "HTTP"


def check_probe(problems: Problems, at: str, kind: str, probe: Probe) -> None:
    """As ``validateProbe`` and ``validateLivenessProbe`` do (apis/core/validation)."""
    _check_handler(problems, at, probe)
    for name, value in (
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ):
        if value < 0:
            problems.invalid(f"{at}.{name}", value, "must be greater than or equal to 0")
    grace = probe.termination_grace_period_seconds
    if kind == "readinessProbe":
        if grace is not None:
            problems.invalid(f"{at}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")
        return
    if grace is not None and grace <= 0:
        problems.invalid(f"{at}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if probe.success_threshold != 1:
        problems.invalid(f"{at}.successThreshold", probe.success_threshold, "must be 1")


def check_lifecycle(problems: Problems, at: str, lifecycle: Lifecycle) -> None:
    """As ``validateLifecycle`` does."""
    for name, handler in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
        if handler is not None:
            _check_handler(problems, f"{at}.{name}", handler)


def _check_handler(problems: Problems, at: str, handler: Probe | Handler) -> None:
    """One handler, and no more."""
    names = ("exec", "http_get", "tcp_socket", "grpc", "sleep")
    given = [name for name in names if getattr(handler, name, None) is not None]
    if not given:
        problems.required(at, "must specify a handler type")
    for name in given[1:]:
        problems.forbidden(f"{at}.{_camel(name)}", "may not specify more than 1 handler type")
    if handler.exec is not None and not handler.exec.command:
        problems.required(f"{at}.exec.command")
    for action, path in ((handler.http_get, "httpGet"), (handler.tcp_socket, "tcpSocket")):
        if action is not None:
            _check_port(problems, f"{at}.{path}.port", action.port)
    if handler.http_get is not None:
        for index, header in enumerate(handler.http_get.http_headers):
            problems.all(f"{at}.httpGet.httpHeaders[{index}].name", header.name, words.http_header(header.name))


def _check_port(problems: Problems, at: str, port: int | str) -> None:
    problems.all(at, port, words.port_number(port) if isinstance(port, int) else words.port_name(port))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
