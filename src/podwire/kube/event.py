"""Event (v1): what a component of the cluster tells of an object. Nothing in the cluster acts upon one."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from podwire.kube.endpoints import ObjectReference
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata


class EventSource(msgspec.Struct, frozen=True):
    """Who tells it (``kubelet``), and on which node."""

    component: str = ""
    host: str = ""


class EventSeries(msgspec.Struct, frozen=True, rename="camel"):
    """How often it happened and when last, where the newer form of the API counts."""

    count: int = 0
    last_observed_time: str | None = None


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """One event. ``type`` is Normal or Warning.

    Kubelet and controllers write ``source``, ``count`` and the two timestamps; the scheduler writes the newer form: ``event_time``,
    ``series``, ``action`` and who reports it.
    """

    api_version: Literal["v1"]
    kind: Literal["Event"]
    metadata: Metadata
    involved_object: ObjectReference = ObjectReference()
    reason: str = ""
    message: str = ""
    source: EventSource = EventSource()
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    count: int = 0
    type: str = ""
    event_time: str | None = None
    series: EventSeries | None = None
    action: str = ""
    related: Any = None
    reporting_component: str = ""
    reporting_instance: str = ""


def check_event(event: Event, problems: Problems) -> None:
    """It is in the namespace of what it is about, or in ``default`` (apis/core/validation, events.go)."""
    about, space = event.involved_object, event.metadata.namespace
    if (about.namespace and about.namespace != space) or (
        not about.namespace and space not in {"", "default", "kube-system"}
    ):
        problems.invalid("involvedObject.namespace", about.namespace, "does not match event.namespace")
