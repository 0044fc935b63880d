"""The JSON form of a trace: a versioned document, its schema, and the one place where addresses become text and text addresses."""

from __future__ import annotations

import inspect
from typing import Any, Final, Literal

import msgspec

from podwire.errors import PodwireError
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason, Verdict
from podwire.wire.addr import Ip, Mac

VERSION: Final = "trace/v1"
_ADDRESS = r"\d{1,3}(\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*"
_MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"


class HopDocument(msgspec.Struct, frozen=True, gc=False):
    """One namespace's handling of the packet. ``steps`` are indexes into ``records``."""

    machine: str
    netns: str
    in_dev: str
    out_dev: str
    steps: tuple[int, ...]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A trace. ``records`` holds the whole tree (replies, ARP, ICMP errors, probes) in order; times are virtual nanoseconds.

    ``reply`` and ``caused`` are ids of packets of that tree. ``explanation`` is the fate in one sentence.
    """

    podwire: Literal["trace/v1"] = "trace/v1"
    packet: int
    verdict: Verdict
    reason: DropReason | None
    dropped_at: str | None
    decided_by: str
    explanation: str
    path: tuple[str, ...]
    hops: tuple[HopDocument, ...]
    reply: int | None
    caused: tuple[int, ...]
    records: tuple[Record, ...]


def enc_hook(value: Any) -> str:
    """Addresses as the text that Linux tools print."""
    if isinstance(value, Ip | Mac):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def dec_hook(kind: type, value: Any) -> Any:
    """Text as an address."""
    if kind is Ip and isinstance(value, str):
        return Ip.parse(value)
    if kind is Mac and isinstance(value, str):
        return Mac.parse(value)
    raise NotImplementedError(kind.__name__)


def schema_hook(kind: type) -> dict[str, str]:
    """Addresses in the JSON schema."""
    if kind is Ip:
        return {"type": "string", "description": "An IP address.", "pattern": f"^({_ADDRESS})$"}
    if kind is Mac:
        return {"type": "string", "description": "A MAC address.", "pattern": f"^{_MAC}$"}
    raise NotImplementedError(kind.__name__)


def encode(document: Document) -> bytes:
    """JSON, indented by two, with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=enc_hook), indent=2) + b"\n"


def decode(data: str | bytes) -> Document:
    """The document of a JSON text; raises ``PodwireError`` that says where it is wrong."""
    try:
        return msgspec.json.decode(data, type=Document, dec_hook=dec_hook)
    except msgspec.DecodeError as error:
        raise PodwireError(f"trace document: {error}") from error


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of ``Document``."""
    found = msgspec.json.schema(Document, schema_hook=schema_hook)
    for definition in found["$defs"].values():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"podwire {VERSION}", **found}


def schema_text() -> str:
    """The schema as it is published: ``docs/reference/trace.schema.json``."""
    return (msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n").decode()
