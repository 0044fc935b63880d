"""What every verb of kubectl gets: the process, the cluster, the namespace, and how errors are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.kubectl.flags import Flag, Parsed, parse

if TYPE_CHECKING:
    from podwire.kube.store import Store
    from podwire.tools.ops import ClusterOps
    from podwire.tools.process import Process, Waiting

GLOBAL: Final = (
    Flag("namespace", "n"),
    Flag("context"),
    Flag("cluster"),
    Flag("user"),
    Flag("kubeconfig"),
    Flag("server", "s"),
    Flag("token", modelled=False),
    Flag("as", modelled=False),
    Flag("as-group", kind="list", modelled=False),
    Flag("as-uid", modelled=False),
    Flag("certificate-authority"),
    Flag("client-certificate"),
    Flag("client-key"),
    Flag("tls-server-name"),
    Flag("insecure-skip-tls-verify", kind="bool"),
    Flag("request-timeout", default="0"),
    Flag("cache-dir"),
    Flag("disable-compression", kind="bool"),
    Flag("match-server-version", kind="bool"),
    Flag("password"),
    Flag("username"),
    Flag("profile", modelled=False),
    Flag("profile-output"),
    Flag("v", "v", "int", default="0", modelled=False),
    Flag("vmodule", modelled=False),
    Flag("warnings-as-errors", kind="bool"),
    Flag("log-flush-frequency", default="5s"),
)
"""Flags of every verb. There is one cluster and one user: those that choose among several change nothing."""


class KubectlError(Exception):
    """The command ends with status 1 and this line on standard error, as it stands (``error: …``, ``Error from server (…): …``)."""


class Context(msgspec.Struct, frozen=True):
    """One run of kubectl: ``verb`` as typed (``rollout status``), its words, the namespace of ``-n`` (``default`` without)."""

    proc: Process
    ops: ClusterOps
    verb: str
    parsed: Parsed
    namespace: str

    @property
    def store(self) -> Store:
        """The objects of the cluster, as they are now."""
        return self.ops.store

    def out(self, text: str) -> None:
        """Standard output; newlines are the caller's."""
        self.proc.write(text)

    def err(self, text: str) -> None:
        """Standard error."""
        self.proc.error(text)


class Verb(msgspec.Struct, frozen=True):
    """A verb: its own flags, and what it does. ``run`` returns the exit status or waits, as every tool."""

    run: Callable[[Context], int | Waiting]
    flags: tuple[Flag, ...] = ()
    interspersed: bool = True


def read(proc: Process, ops: ClusterOps, name: str, verb: Verb, words: Iterable[str]) -> Context:
    """The words of a verb. Raises ``UsageError``, and ``NotModelled`` for a flag that podwire has nothing for."""
    parsed = parse(list(words), (*verb.flags, *GLOBAL), interspersed=verb.interspersed)
    for given in parsed.values:
        if not parsed.flags[given].modelled:
            raise NotModelled(f"flag --{given}", f"kubectl {name}")
    return Context(proc, ops, name, parsed, parsed.text("namespace") or "default")
