"""``calicoctl node status``: Felix and BIRD of the machine on which it is typed (calicoctl, commands/node/status.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.tools.calicoctl.context import MISMATCH, CalicoctlError
from podwire.tools.calicoctl.docopt import UsageError
from podwire.tools.calicoctl.table import drawn

if TYPE_CHECKING:
    from podwire.tools.calicoctl.context import Context

_HEADER: Final = ("Peer address", "Peer type", "State", "Since", "Info")


def _status(ctx: Context) -> int:
    if ctx.words.args:
        raise UsageError
    store = ctx.calico.store
    node = ctx.proc.place.netns.machine.name
    if node not in store.started or ctx.proc.place.container:
        raise CalicoctlError("Calico process is not running.")
    ctx.out("Calico process is running.\n")
    if ctx.calico.config.backend != "bird":
        ctx.out("\nThe BGP backend process (BIRD) is not running.\n\n")
        return 0
    rows = ctx.calico.bgp_peers(node)
    ctx.out("\nIPv4 BGP status\n" + (drawn(_HEADER, rows) if rows else "No IPv4 peers found.\n"))
    ctx.out("\nIPv6 BGP status\nNo IPv6 peers found.\n\n")
    return 0


STATUS: Final = ((MISMATCH,), _status)
