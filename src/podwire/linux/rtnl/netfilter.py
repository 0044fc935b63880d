"""The door's verbs for rule sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podwire.linux.netfilter.commit import xt_commit
from podwire.linux.netfilter.tables import Chain
from podwire.linux.rtnl.door import Door


class NetfilterVerbs(Door):
    """Tables of iptables."""

    def xt_commit(self, variant: str, tables: Mapping[str, Iterable[Chain]]) -> None:
        """Replace the content of tables of a variant (``nft``, ``legacy``) at once: all or nothing."""
        xt_commit(self.netns, variant, tables)
