"""What every command of calicoctl gets, and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.tools.calicoctl.docopt import Option, Words

if TYPE_CHECKING:
    from podwire.cni.calico.backend import CalicoBackend
    from podwire.kube.store import Store
    from podwire.tools.ops import ClusterOps
    from podwire.tools.process import Process

CONFIG: Final = Option("--config", "-c", takes=True)
NAMESPACE: Final = Option("--namespace", "-n", takes=True)
CONTEXT: Final = Option("--context", takes=True)
MISMATCH: Final = Option("--allow-version-mismatch")
FILE: Final = (Option("--filename", "-f", takes=True), Option("--recursive", "-R"), Option("--skip-empty"))
"""There is one cluster: ``--config`` and ``--context``, which choose one, change nothing."""


_CHECKS: Final = 20
"""The minor version since which a client compares itself with the cluster."""


def client_of(proc: Process, calico: CalicoBackend | None) -> str:
    """The version of the calicoctl that a process is."""
    own = proc.image.tools.get("calicoctl")
    if own:
        return own
    return calico.config.client if calico is not None else "v3.28.1"


class CalicoctlError(Exception):
    """The command ends with status 1 and this text on standard error."""


class Context(msgspec.Struct, frozen=True):
    """One run: the process, the cluster, its Calico, and the words of the command."""

    proc: Process
    ops: ClusterOps
    calico: CalicoBackend
    words: Words

    @property
    def store(self) -> Store:
        """The objects of the cluster, as they are now."""
        return self.ops.store

    def out(self, text: str) -> None:
        """Standard output; newlines are the caller's."""
        self.proc.write(text)

    @property
    def client(self) -> str:
        """The version of this calicoctl: that of its container image, else the setting of the lab."""
        return client_of(self.proc, self.calico)

    def check_version(self) -> None:
        """Refuse to act upon a cluster of another version; clients before v3.20 do not look. Raises ``CalicoctlError``."""
        client, cluster = self.client, self.calico.config.version.lstrip("v").partition("-")[0]
        if int(client.lstrip("v").split(".")[1]) < _CHECKS or self.words.on(MISMATCH.name):
            return
        if client.lstrip("v").partition("-")[0] != cluster:
            raise CalicoctlError(
                f"Version mismatch.\nClient Version:   {client}\nCluster Version:  {cluster}\n"
                "Use --allow-version-mismatch to override.\n"
            )
