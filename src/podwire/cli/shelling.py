"""``podwire sh`` and ``podwire shell``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podwire.errors import PodwireError

if TYPE_CHECKING:
    from podwire.cluster import Cluster


def script(lab: Path | None, machine: str | None, arguments: Sequence[str], max_time: float, seed: int) -> int:
    """Run a script; its exit status."""
    from podwire.shell import run

    return run(arguments, cluster=_cluster(lab, machine), machine=machine, max_time=max_time, seed=seed)


def interactive(lab: Path | None, machine: str | None, max_time: float, seed: int) -> int:
    """A bash to type into; its exit status."""
    from podwire.shell import run

    if not os.isatty(0):
        raise PodwireError("podwire shell is for a terminal; for a script there is podwire sh")
    sys.stdout.flush()
    return run([], cluster=_cluster(lab, machine), machine=machine, max_time=max_time, seed=seed, interactive=True)


def _cluster(lab: Path | None, machine: str | None) -> Cluster | None:
    if lab is None:
        if machine is not None:
            raise PodwireError(f"-m {machine}: a machine is one of a lab's: name the lab with -f")
        return None
    from podwire.lab import load

    return load(lab)
