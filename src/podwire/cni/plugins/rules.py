"""Rules of the nat table, as the plugins' library go-iptables writes them: each by a command of its own, and only where it is not there."""

from __future__ import annotations

from collections.abc import Sequence

from podwire.cni.plugins.values import PluginError
from podwire.errors import PodwireError
from podwire.linux.netfilter.save import rule_text
from podwire.linux.netlink import Netlink

LEGACY = "legacy"
NFT = "nft"
TABLE = "nat"


def variant_of(door: Netlink) -> str:
    """The variant that the node's ``iptables`` is: that which has rules already, as the wrapper of distributions chooses."""
    return LEGACY if any(variant == LEGACY for variant, _ in door.netns.xtables.tables) else NFT


def chains(door: Netlink, variant: str) -> dict[str, list[str]]:
    """The rules of every chain of nat, in iptables-save's words."""
    table = door.netns.xtables.table(variant, TABLE)
    if table is None:
        return {}
    return {name: [rule_text(rule.spec, variant) for rule in chain.rules] for name, chain in table.chains.items()}


def restore(door: Netlink, lines: Sequence[str]) -> None:
    """Change nat by these lines of iptables-restore. Raises ``PluginError`` with its words."""
    try:
        door.iptables_restore("\n".join((f"*{TABLE}", *lines, "COMMIT\n")), variant=variant_of(door), noflush=True)
    except PodwireError as error:
        raise PluginError(f"running [/usr/sbin/iptables -t {TABLE}]: {error}") from error


def ensure_chain(door: Netlink, name: str) -> None:
    """``EnsureChain``: make it where it is not there."""
    if name not in chains(door, variant_of(door)):
        restore(door, [f":{name} - [0:0]"])


def insert_unique(door: Netlink, chain: str, rule: str, *, first: bool = False) -> None:
    """``InsertUnique``: at the chain's end or its beginning, unless it is there. ``rule`` is in iptables-save's words."""
    if rule not in chains(door, variant_of(door)).get(chain, ()):
        restore(door, [f"-{'I' if first else 'A'} {chain} {rule}"])


def remove_chain(door: Netlink, name: str, entries: Sequence[str]) -> None:
    """Take away the rules of ``entries`` that jump to a chain, then the chain; one that is not there is no error."""
    there = chains(door, variant_of(door))
    if name not in there:
        return
    jumps = [
        f"-D {entry} {rule}"
        for entry in entries
        for rule in there.get(entry, ())
        if rule.rpartition(" -j ")[2].split(" ")[0] == name
    ]
    restore(door, [*jumps, f"-F {name}", f"-X {name}"])
