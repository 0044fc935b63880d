"""Lab files: a cluster, its network, its machines and its past in one YAML file (``podwire.dev/v1alpha1``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podwire.kube.document import documents
from podwire.kube.fields import Field
from podwire.kube.manifest import load_objects, read_text
from podwire.lab.building import build, plan
from podwire.lab.document import decode_lab

if TYPE_CHECKING:
    from podwire.cluster import Cluster

__all__ = ["load"]


def load(path: str | Path) -> Cluster:
    """Build the cluster that a Lab file describes; the same file gives the same bytes everywhere and always.

    Networks and machines are built first, then the steps of ``setup`` happen in order, then the other documents are applied.
    All of the file is decoded and checked before anything is built. Raises ``ManifestError`` or ``NotModelled`` that name
    file, line and field, ``PodwireError`` for a file that cannot be read.
    """
    file = Path(path)
    first, *rest = documents(read_text(file), str(file)) or [Field(None, "", str(file))]
    manifests = [each for document in rest for each in load_objects(document)]
    return build(plan(decode_lab(first), manifests, file.parent))
