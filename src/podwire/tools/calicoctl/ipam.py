"""``calicoctl ipam show``, ``configure`` and ``release`` (calicoctl, commands/ipam; reference sheet Calico, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.ipam.calico_blocks import Block, affinity_name, holds
from podwire.tools.calicoctl.context import CONFIG, MISMATCH, CalicoctlError
from podwire.tools.calicoctl.docopt import Option, UsageError
from podwire.tools.calicoctl.table import drawn
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.tools.calicoctl.context import Context

_USAGE: Final = ("GROUPING", "CIDR", "IPS TOTAL", "IPS IN USE", "IPS FREE")
_BORROWED: Final = ("IP", "BORROWING-NODE", "BLOCK", "BLOCK OWNER", "TYPE", "ALLOCATED-TO")
_SHOWS: Final = ("--ip", "--show-blocks", "--show-borrowed", "--show-configuration")


def blocks(ctx: Context) -> list[Block]:
    """All blocks, in the order of their objects' names."""
    return sorted(ctx.calico.store.ipam.blocks(), key=lambda block: affinity_name(block.cidr))


def _show(ctx: Context) -> int:
    words = ctx.words
    if words.args or sum(words.on(name) for name in _SHOWS) > 1:
        raise UsageError
    ctx.check_version()
    if words.on("--ip"):
        return _ip(ctx, words.text("--ip"))
    if words.on("--show-borrowed"):
        ctx.out(drawn(_BORROWED, list(_borrowed(ctx))))
    elif words.on("--show-configuration"):
        config = ctx.calico.store.ipam.config
        rows = [
            ("StrictAffinity", str(config.strict_affinity).lower()),
            ("AutoAllocateBlocks", str(config.auto_allocate_blocks).lower()),
            ("MaxBlocksPerHost", str(config.max_blocks_per_host)),
        ]
        ctx.out(drawn(("PROPERTY", "VALUE"), rows))
    else:
        ctx.out(drawn(_USAGE, list(_usage(ctx, with_blocks=words.on("--show-blocks")))))
    return 0


def _usage(ctx: Context, *, with_blocks: bool) -> Iterator[tuple[str, ...]]:
    """Pools by name, each with its blocks behind it; blocks outside every pool at the end, where blocks are asked for."""
    rest = blocks(ctx)
    for pool in ctx.calico.store.ipam.pools:
        mine = [block for block in rest if holds(pool, block.cidr)]
        rest = [block for block in rest if block not in mine]
        total = 1 << pool.cidr.addr.bits - pool.cidr.plen
        yield _row("IP Pool", str(pool.cidr), sum(len(block.allocations) for block in mine), total)
        if with_blocks:
            yield from (_row("Block", str(block.cidr), len(block.allocations), block.size) for block in mine)
    if with_blocks:
        yield from (_row("Block", str(block.cidr), len(block.allocations), block.size) for block in rest)


def _row(what: str, cidr: str, used: int, total: int) -> tuple[str, ...]:
    return (what, cidr, f"{total:.5g}", _share(used, total), _share(total - used, total))


def _share(some: int, total: int) -> str:
    return f"{some:.5g} ({100 * some / total:.0f}%)"


def _borrowed(ctx: Context) -> Iterator[tuple[str, ...]]:
    for block in blocks(ctx):
        for ip, each in block.borrowed():
            noted = each.attributes
            to = f"{noted['namespace']}/{noted['pod']}" if "pod" in noted else ""
            kind = "pod" if "pod" in noted else noted.get("type", "")
            yield (str(ip), each.node, str(block.cidr), block.affinity or "", kind, to)


def _parsed(ctx: Context, text: str) -> Ip | None:
    try:
        return Ip.parse(text)
    except ValueError:
        ctx.out(f"Error executing command: invalid IP address specified: {text}\n")
        return None


def _ip(ctx: Context, text: str) -> int:
    ip = _parsed(ctx, text)
    if ip is None:
        return 1
    found = ctx.calico.store.ipam.find(ip)
    if found is None:
        ctx.out(f"{ip} is not assigned\n")
        return 0
    lines = [f"  {name}: {found.attributes[name]}\n" for name in sorted(found.attributes)]
    ctx.out(f"IP {ip} is in use\n" + ("Attributes:\n" + "".join(lines) if lines else "No attributes defined\n"))
    return 0


# --------------------------------------------------------------------------------------------------------- what changes


def _configure(ctx: Context) -> int:
    if ctx.words.args or not ctx.words.on("--strictaffinity"):
        raise UsageError
    ctx.check_version()
    text = ctx.words.text("--strictaffinity")
    if text not in {"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}:
        raise CalicoctlError("Invalid value. Use true or false to set strictaffinity")
    strict = text[0] in "1tT"
    config = ctx.calico.store.ipam.config
    if config.strict_affinity != strict:
        if not strict and not config.auto_allocate_blocks:
            raise CalicoctlError("Error: Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time")
        if config.max_blocks_per_host and not strict:
            raise CalicoctlError("Error: MaxBlocksPerHost requires StrictAffinity to be enabled")
        ctx.calico.configure(msgspec.structs.replace(ctx.calico.config, strict_affinity=strict))
    ctx.out(f"Successfully set StrictAffinity to: {str(strict).lower()}\n")
    return 0


def _release(ctx: Context) -> int:
    if ctx.words.args:
        raise UsageError
    ctx.check_version()
    if ctx.words.on("--from-report") or ctx.words.on("--force"):
        raise NotModelled("--from-report", "calicoctl ipam release")
    if not ctx.words.on("--ip"):
        return 0
    ip = _parsed(ctx, ctx.words.text("--ip"))
    if ip is None:
        return 1
    if not ctx.calico.release_ip(ip):
        raise CalicoctlError(f"IP address {ip} is not assigned")
    ctx.ops.settle()
    ctx.out(f"Successfully released IP address {ip}\n")
    return 0


SHOW: Final = (
    (
        Option("--ip", takes=True),
        Option("--show-blocks"),
        Option("--show-borrowed"),
        Option("--show-configuration"),
        CONFIG,
        MISMATCH,
    ),
    _show,
)
CONFIGURE: Final = ((Option("--strictaffinity", takes=True), CONFIG, MISMATCH), _configure)
RELEASE: Final = (
    (
        Option("--ip", takes=True),
        Option("--from-report", takes=True, repeats=True),
        CONFIG,
        Option("--force"),
        MISMATCH,
    ),
    _release,
)
