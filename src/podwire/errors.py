"""What podwire raises when it is used wrongly.

::

    Exception
    └── PodwireError           wrong use: every exception below, and whatever has no class of its own
        ├── ManifestError      a document that cannot be understood: names the file, line and field
        │   └── Invalid        an object that the API server refuses: its own words (`kube.invalid`)
        ├── StatusError        a request that the API server refuses: NotFound, Conflict … (`kube.invalid`)
        ├── ConfigError        values that are well formed and cannot be: names the object
        ├── NotModelled        something real that podwire does not simulate: names the option, rule or header
        ├── DecodeError, EncodeError    bytes that are no packet, a packet that has no bytes (`wire.codec`)
        ├── NetlinkError       the kernel refuses a request: its errno and its own text (`linux.errors`)
        ├── SocketError        the kernel refuses to send: its errno (`linux.socket`)
        ├── IpamError          the IPAM plugin refuses: its own text (`ipam.host_local`)
        ├── PluginError        a CNI plugin refuses: its own text (`cni.plugins.values`)
        ├── NetworkNotReady    no CNI configuration on the node that could be used: containerd's and the kubelet's text
        └── CaptureError       a file that is no capture: libpcap's words (`export.pcap`)

A packet that is dropped is data (a verdict and a reason), never an exception.

Each message is one line. The constructors take their parts by position, so that an exception survives being pickled
or copied: `BaseException` rebuilds it from `args`.
"""

import json
from typing import Final

__all__ = ["MISSING", "ConfigError", "ManifestError", "NotModelled", "PodwireError"]

# A value is quoted to recognise it by, not to read it through.
_QUOTED: Final = 60


class PodwireError(Exception):
    """Wrong use of podwire, explained in one line."""


class _Missing:
    """The type of `MISSING`; pickles and copies to the same object."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


#: The value of a field that is not there; `None` is a value that people can write.
MISSING: Final = _Missing()


class ManifestError(PodwireError):
    """A lab file or manifest that cannot be understood.

    `file` is None for a mapping that came from Python, `line` where it is not known (it counts from 1), and `path` is
    empty for the document as a whole. `expected` completes the sentence "expected …".
    """

    def __init__(self, file: str | None, line: int | None, path: str, value: object, expected: str) -> None:
        super().__init__(file, line, path, value, expected)
        self.file = file
        self.line = line
        self.path = path
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        place = [str(part) for part in (self.file, self.line) if part is not None]
        where = [":".join(place), self.path]
        return ": ".join([*filter(None, where), f"got {_quoted(self.value)}, expected {self.expected}"])


class ConfigError(PodwireError):
    """An object whose values cannot be, alone or beside the others: `node w1: address 10.0.0.9 is taken by node w2`."""

    def __init__(self, subject: str, problem: str) -> None:
        super().__init__(subject, problem)
        self.subject = subject
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}"


class NotModelled(PodwireError):
    """An option, rule or header that exists and that podwire does not simulate.

    It is raised rather than ignored: a simulator that skips what it does not know answers wrongly. `where` says what
    it was met in: a command, an object, a device.
    """

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what, where)
        self.what = what
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}not modelled: {self.what}"


def _quoted(value: object) -> str:
    """A value as one would write it in YAML's flow style, on one line and not too long."""
    if value is MISSING:
        return "nothing"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):  # what YAML can hold and JSON cannot: dates, keys that are not text, cycles
        text = " ".join(repr(value).split())
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"
