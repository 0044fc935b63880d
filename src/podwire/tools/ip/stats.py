"""Counters of a device: ``-s`` and ``-s -s`` (print_stats64)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context

_WIDTHS = (10, 7, 6, 7, 7, 7)
_KILO = 1000
_KIBI = 1024


def human(value: int, *, iec: bool) -> str:
    """``-h``: three digits and a prefix; ``-iec`` counts in 1024."""
    base = _KIBI if iec else _KILO
    if value < base:
        return str(value)
    power, prefixes = base, "kMGTPE"
    index = 0
    while value >= power * base and index < len(prefixes) - 1:
        power *= base
        index += 1
    # As many decimals as leave three digits.
    precision, bound = 2, 10
    while precision > 0 and value // power >= bound:
        precision -= 1
        bound *= 10
    return f"{value / power:.{precision}f}{prefixes[index]}{'i' if iec else ''}"


def print_stats(ctx: Context, link: Link) -> None:
    """The table of ``-s``, without its last newline; an object ``stats64`` in JSON."""
    if ctx.out.in_json:
        _json(ctx, link)
        return
    stats, more = link.stats, ctx.options.stats > 1
    rx = (stats.rx_bytes, stats.rx_packets, stats.rx_errors, stats.rx_dropped, 0, stats.multicast)
    tx = (
        stats.tx_bytes,
        stats.tx_packets,
        stats.tx_errors,
        stats.tx_dropped,
        stats.tx_carrier,
        stats.collisions,
    )
    changes = (0, 0, 0, 0, link.carrier_changes)
    rows = (rx, tx)
    widths = [max(width, *(len(str(row[i])) for row in rows)) for i, width in enumerate(_WIDTHS)]
    _section(ctx, "RX", ("bytes", "packets", "errors", "dropped", "missed", "mcast"), rx, widths)
    if more:
        _errors(ctx, "RX", ("length", "crc", "frame", "fifo", "overrun"), (0, 0, stats.rx_frame, 0, 0), widths)
    ctx.out.nl()
    _section(ctx, "TX", ("bytes", "packets", "errors", "dropped", "carrier", "collsns"), tx, widths)
    if more:
        _errors(ctx, "TX", ("aborted", "fifo", "window", "heartbt", "transns"), changes, widths)


def _numbers(ctx: Context, values: Sequence[int], widths: Sequence[int]) -> str:
    options = ctx.options
    texts = [human(value, iec=options.iec) if options.human else str(value) for value in values]
    return "".join(f"{text:>{width}} " for text, width in zip(texts, widths, strict=False))


def _section(ctx: Context, title: str, heads: Sequence[str], values: Sequence[int], widths: Sequence[int]) -> None:
    first, *rest = [
        f"{head:>{width - (0 if index else 4)}}" for index, (head, width) in enumerate(zip(heads, widths, strict=True))
    ]
    ctx.out.text(f"    {title}: {' '.join([first, *rest])} {'':>10}{ctx.out.newline}")
    ctx.out.text("    " + _numbers(ctx, values, widths))


def _errors(ctx: Context, title: str, heads: Sequence[str], values: Sequence[int], widths: Sequence[int]) -> None:
    out = ctx.out
    words = " ".join(f"{head:>{width}}" for head, width in zip(heads, widths[1:], strict=True))
    out.text(f"{out.newline}    {title} errors:{'':>{widths[0] - 10}} {words}{out.newline}")
    out.text(f"{'':>{widths[0] + 5}}{_numbers(ctx, values, widths[1:])}")


def _json(ctx: Context, link: Link) -> None:
    out, stats, more = ctx.out, link.stats, ctx.options.stats > 1
    with out.object("stats64"):
        with out.object("rx"):
            for key, value in (
                ("bytes", stats.rx_bytes),
                ("packets", stats.rx_packets),
                ("errors", stats.rx_errors),
                ("dropped", stats.rx_dropped),
                ("over_errors", 0),
                ("multicast", stats.multicast),
            ):
                out.only(key, value)
            if more:
                for key in ("length", "crc", "frame", "fifo", "missed"):
                    out.only(f"{key}_errors", stats.rx_frame if key == "frame" else 0)
        with out.object("tx"):
            for key, value in (
                ("bytes", stats.tx_bytes),
                ("packets", stats.tx_packets),
                ("errors", stats.tx_errors),
                ("dropped", stats.tx_dropped),
                ("carrier_errors", stats.tx_carrier),
                ("collisions", stats.collisions),
            ):
                out.only(key, value)
            if more:
                for key in ("aborted", "fifo", "window", "heartbeat"):
                    out.only(f"{key}_errors", 0)
                out.only("carrier_changes", link.carrier_changes)
