"""``calicoctl version``: the client's, and what calico-node wrote into ClusterInformation."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.calicoctl.context import CONFIG, MISMATCH
from podwire.tools.calicoctl.docopt import Option, UsageError

if TYPE_CHECKING:
    from podwire.tools.calicoctl.context import Context

_COMMITS: Final = MappingProxyType(
    {
        "v3.25.0": "3f7fe4d29", "v3.25.1": "9ce0d6eae", "v3.25.2": "978a0e4bc", "v3.26.0": "1bd249b26", "v3.26.1": "b1d192c95",
        "v3.26.2": "7d155f39b", "v3.26.3": "bdb7878af", "v3.26.4": "6139b6dcd", "v3.26.5": "90bd9a548", "v3.27.0": "711528eeb",
        "v3.27.1": "764c17872", "v3.27.2": "402c0b381", "v3.27.3": "638464f94", "v3.27.4": "2183fee02", "v3.27.5": "62ef945dc",
        "v3.28.0": "413e6f559", "v3.28.1": "601856343", "v3.28.2": "9a96ee39f", "v3.28.3": "e2b74bea3", "v3.28.4": "122890af8",
        "v3.28.5": "1bf7ccd12", "v3.29.0": "26c4c71c7", "v3.29.1": "ddfc3b1ea", "v3.29.2": "05bdc34b2", "v3.29.3": "b5d7d74c1",
        "v3.30.0": "572a32dd9", "v3.30.1": "393b14e72", "v3.30.2": "cf50b5622", "v3.30.3": "3302e8bfd", "v3.31.0": "b1f3c43f8",
    }
)  # fmt: skip
"""The commit from which each release was built: its tag in the project's repository."""


def _version(ctx: Context) -> int:
    if ctx.words.args:
        raise UsageError
    if ctx.words.text("--poll", "0") not in {"0", "0s"}:
        raise NotModelled("--poll", "calicoctl version")
    config = ctx.calico.config
    commit = _COMMITS.get(ctx.client)
    if commit is None:
        raise NotModelled(f"the commit of calicoctl {ctx.client}", "calicoctl version")
    ctx.out(f"Client Version:    {ctx.client}\nGit commit:        {commit}\n")
    ctx.out(f"Cluster Version:   {config.version}\nCluster Type:      {config.cluster_type}\n")
    return 0


VERSION: Final = ((CONFIG, Option("--poll", takes=True), MISMATCH), _version)
