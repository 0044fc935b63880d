"""Transcripts (``.console``): terminals written down, typed again into a lab, and compared to the character."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podwire.errors import PodwireError
from podwire.kube.manifest import read_text
from podwire.transcript.play import play
from podwire.transcript.report import Report
from podwire.transcript.script import parse

if TYPE_CHECKING:
    from podwire.cluster import Cluster

__all__ = ["Report", "replay"]


def replay(path: str | Path, lab: str | Path | Cluster | None = None) -> Report:
    """Type the commands of a transcript into a lab and compare what is printed with what it says.

    ``lab`` is a Lab file or a cluster; without it the transcript's own header names the file, beside the transcript. Raises
    ``PodwireError`` with file and line for a transcript that cannot be read and for a command that podwire cannot run.
    """
    file = Path(path)
    script = parse(read_text(file), str(file))
    if lab is None and script.lab is None:
        raise PodwireError(f"{file}: its header names no lab, and none was given")
    if lab is None or isinstance(lab, str | Path):
        from podwire.lab import load

        cluster = load(file.parent / str(script.lab) if lab is None else lab)
    else:
        cluster = lab
    return play(script, cluster)
