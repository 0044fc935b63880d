"""The door's verbs for rule sets. The grammar of iptables is loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.check import check_table
from podwire.linux.netfilter.commit import xt_commit
from podwire.linux.netfilter.tables import NFT, Adviser, Chain, Table
from podwire.linux.netfilter.xt.base import XtCheckError
from podwire.linux.rtnl.door import Door

if TYPE_CHECKING:
    from podwire.linux.netfilter.edit import Edit
    from podwire.linux.netfilter.xt.options import Names
    from podwire.trace.events import Owner

_KERN_INFO: Final = 6


class NetfilterVerbs(Door):
    """Tables of iptables."""

    def xt_commit(self, variant: str, tables: Mapping[str, Iterable[Chain] | None]) -> None:
        """Replace the content of tables of a variant (``nft``, ``legacy``) at once: all or nothing. None takes a table away."""
        try:
            xt_commit(self.netns, variant, tables)
        except XtCheckError as error:
            if error.dmesg:
                self.netns.machine.printk(_KERN_INFO, error.dmesg)
            raise

    def xt_edit(self, variant: str, table: str) -> Edit:
        """Begin to edit a table; ``xt_apply`` makes it real."""
        from podwire.linux.netfilter.edit import Edit

        return Edit(self.netns.xtables.table(variant, table), table, variant, self.writer)

    def xt_open(self, variant: str, table: str) -> Edit:
        """``xt_edit`` as ``iptc_init`` does it: who looks at a table of iptables-legacy has made it."""
        edit = self.xt_edit(variant, table)
        if variant == NFT or edit.exists:
            return edit
        edit.changed = True
        self.xt_apply(edit)
        return self.xt_edit(variant, table)

    def xt_apply(self, edit: Edit) -> None:
        """End an edit: everything that was changed takes effect at once, or nothing does.

        Raises ``TransactionError`` (nft), ``XtCheckError`` and ``NotModelled``.
        """
        edit.check()
        if edit.changed:
            self.xt_commit(edit.variant, {edit.name: edit.content})
            edit.settle(self.netns.xtables.table(edit.variant, edit.name))

    def xt_advise(self, adviser: Adviser) -> None:
        """Whoever writes rules here says of each packet that they discard what it lacks, as long as somebody listens to events.

        One adviser for each writer: another one takes its place.
        """
        self.netns.xtables.advisers[self.writer.component] = adviser

    def xt_check(self, edit: Edit) -> None:
        """Would ``xt_apply`` take it? Raises what that would, and changes nothing."""
        edit.check()
        table = Table(edit.name, edit.variant)
        table.chains = dict(edit.chains)
        check_table(table)

    def iptables_restore(
        self,
        text: str,
        *,
        variant: str = NFT,
        noflush: bool = False,
        counters: bool = False,
        names: Names | None = None,
        owners: Sequence[Owner] | None = None,
    ) -> None:
        """``iptables-restore``: each table of the text takes effect at its ``COMMIT``.

        ``noflush`` keeps what is there but for chains that the text names with ``:``; ``counters`` takes over ``[packets:bytes]``.
        ``owners`` has the owner of each line, where they are not all the writer's.
        Raises ``RestoreError``, which has the line and the tool's own words; ``NotModelled`` for what podwire does not simulate.
        """
        from podwire.linux.netfilter.kernelnames import KernelNames
        from podwire.linux.netfilter.restore import Restore

        names = names or KernelNames(self.netns)
        Restore(self, variant, names=names, noflush=noflush, counters=counters, owners=owners).run(text)

    def iptables_save(self, *, variant: str = NFT, counters: bool = False) -> str:
        """What ``iptables_restore`` would take: ``iptables-save`` without the comments that hold a date."""
        from podwire.linux.netfilter.save import save_text

        return save_text(self.netns.xtables, variant, counters=counters)
