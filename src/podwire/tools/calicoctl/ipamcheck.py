"""``calicoctl ipam check``: what IPAM has given out beside what is in use (calicoctl, commands/ipam/check.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled
from podwire.tools.calicoctl import derived
from podwire.tools.calicoctl.context import CONFIG, MISMATCH
from podwire.tools.calicoctl.docopt import Option, UsageError
from podwire.tools.calicoctl.ipam import blocks
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.ipam.calico_blocks import Allocation
    from podwire.tools.calicoctl.context import Context

_SHOWN: Final = 20
_TUNNELS: Final = ("ipv4IPIPTunnelAddr",)


def _check(ctx: Context) -> int:
    if ctx.words.args:
        raise UsageError
    if ctx.words.on("--output"):
        raise NotModelled("--output", "calicoctl ipam check")
    if ctx.words.on("--show-all-ips") or ctx.words.on("--show-problem-ips"):
        # Go prints maps in no order that could be foretold.
        raise NotModelled("--show-all-ips and --show-problem-ips", "calicoctl ipam check")
    ctx.check_version()
    ctx.out("Checking IPAM for inconsistencies...\n\n")
    given = _blocks(ctx)
    pools = _pools(ctx)
    used = _used(ctx)
    _top(ctx, given)
    leaked = [ip for ip in given if ip not in used]
    unknown = [ip for ip in used if ip not in given]
    foreign = [ip for ip in unknown if not any(ip in pool for pool in pools)]
    ctx.out("Scanning for IPs that are allocated but not actually in use...\n")
    ctx.out(f"Found {len(leaked)} IPs that are allocated in IPAM but not actually in use.\n")
    ctx.out("Scanning for IPs that are in use by a workload or node but not allocated in IPAM...\n")
    ctx.out(f"Found {len(foreign)} in-use IPs that are not in active IP pools.\n")
    ctx.out(
        f"Found {len(unknown) - len(foreign)} in-use IPs that are in active IP pools but have no corresponding IPAM allocation.\n\n"
    )
    handles = len({each.handle for each in given.values()})
    ctx.out("Scanning for IPAM handles with no matching IPs...\n")
    ctx.out(f"Found 0 handles with no matching IPs (and {handles} handles with matches).\n")
    ctx.out("Scanning for IPs with missing handle...\n")
    ctx.out("Found 0 handles mentioned in blocks with no matching handle resource.\n")
    ctx.out(f"Check complete; found {len(leaked) + len(unknown)} problems.\n")
    return 0


def _blocks(ctx: Context) -> dict[Ip, Allocation]:
    found = blocks(ctx)
    ctx.out(f"Loading all IPAM blocks...\nFound {len(found)} IPAM blocks.\n")
    given: dict[Ip, Allocation] = {}
    for block in found:
        owner = f"host:{block.affinity}" if block.affinity is not None else "<none>"
        ctx.out(f" IPAM block {block.cidr} affinity={owner}:\n")
        given |= {block.address(ordinal): each for ordinal, each in sorted(block.allocations.items())}
    ctx.out(f"IPAM blocks record {len(given)} allocations.\n\n")
    return given


def _pools(ctx: Context) -> list[Any]:
    active = [pool.cidr for pool in ctx.calico.store.ipam.pools if not pool.disabled]
    ctx.out("Loading all IPAM pools...\n" + "".join(f"  {cidr}\n" for cidr in active))
    ctx.out(f"Found {len(active)} active IP pools.\n\n")
    return active


def _used(ctx: Context) -> set[Ip]:
    tunnels = [Ip.parse(text) for node in derived.nodes(ctx) for text in _tunnels(node["spec"])]
    ctx.out(f"Loading all nodes.\nFound {len(tunnels)} node tunnel IPs.\n\n")
    pods = [
        Ip.parse(text.partition("/")[0])
        for each in derived.endpoints(ctx)
        for text in each["spec"].get("ipNetworks", ())
    ]
    used = {*tunnels, *pods}
    ctx.out(f"Loading all workload endpoints.\nFound {len(pods)} workload IPs.\n")
    ctx.out(f"Workloads and nodes are using {len(used)} IPs.\n\n")
    return used


def _tunnels(spec: dict[str, Any]) -> list[str]:
    bgp = spec.get("bgp") or {}
    return [text for text in (*(bgp.get(name) for name in _TUNNELS), spec.get("ipv4VXLANTunnelAddr")) if text]


def _top(ctx: Context, given: dict[Ip, Allocation]) -> None:
    counts: dict[str, int] = {}
    for each in given.values():
        counts[each.node] = counts.get(each.node, 0) + 1
    ctx.out("Loading all handles\n")
    ctx.out(f"Looking for top (up to {_SHOWN}) nodes by allocations...\n")
    order = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ctx.out("".join(f"  {node} has {count} allocations\n" for node, count in order[:_SHOWN]))
    if order:
        ctx.out(f"Node with most allocations has {order[0][1]}; median is {order[len(order) // 2][1]}\n")
    ctx.out("\n")


CHECK: Final = (
    (
        CONFIG,
        Option("--show-all-ips"),
        Option("--show-problem-ips"),
        Option("--output", "-o", takes=True),
        MISMATCH,
    ),
    _check,
)
