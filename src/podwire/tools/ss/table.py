"""The columns of ss as it prints them into a pipe (misc/ss.c, ``render_calc_width``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from podwire.linux.services import TCP_NAMES, UDP_NAMES
from podwire.tools.ss.query import Row
from podwire.wire.addr import Ip

_HEADER: Final = ("Netid", "State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port", "Process")
_DELIMITERS: Final = ("", " ", " ", " ", " ", "", " ", "", "")
_RIGHT: Final = frozenset({4, 6})
_LAST: Final = 8
_MANY_MINUTES: Final = 9


def render(
    rows: Sequence[Row],
    *,
    netid: bool,
    state: bool,
    header: bool,
    numeric: bool,
    ephemeral: tuple[int, int],
    timers: bool,
    processes: bool,
) -> str:
    """The whole output. ``ephemeral`` ports have no names."""
    lines = [list(_HEADER)] if header else []
    for row in rows:
        names = None if numeric else (row.netid, *ephemeral)
        local, peer = _address(row.local[0], row.dev), _address(row.peer[0], "")
        tail = _process(row) if processes else ""
        tail += _timer(row) if timers else ""
        lines.append(
            [
                row.netid,
                row.state,
                f"{row.rqueue:<6}",
                f"{row.wqueue:<6}",
                local,
                _port(row.local[1], names),
                peer,
                _port(row.peer[1], names),
                tail,
            ]
        )
    if not lines:
        return ""
    columns = [index for index in range(len(_HEADER)) if (index or netid) and (index != 1 or state)]
    return "".join(_line(line, columns, _widths(lines, columns)) for line in lines)


def _widths(lines: list[list[str]], columns: list[int]) -> dict[int, int]:
    """The longest of each column; the very last field of all is never measured."""
    widths: dict[int, int] = {}
    first = True
    for index in columns:
        measured = lines[:-1] if index == _LAST and len(lines) > 1 else lines
        widest = max(len(line[index]) for line in measured)
        widths[index] = widest + (len(_DELIMITERS[index]) if widest and not first else 0)
        first = first and not widths[index]
    return widths


def _line(line: list[str], columns: list[int], widths: dict[int, int]) -> str:
    parts: list[str] = []
    for place, index in enumerate(columns):
        delimiter = _DELIMITERS[index] if place else ""
        room = widths[index] - len(delimiter)
        text = line[index].rjust(room) if index in _RIGHT else line[index].ljust(room)
        parts.append(delimiter + text)
    return "".join(parts) + "\n"


def _address(address: Ip, dev: str) -> str:
    return f"{address}%{dev}:" if dev else f"{address}:"


def _port(port: int, names: tuple[str, int, int] | None) -> str:
    if not port:
        return "*"
    if names is not None and not names[1] <= port <= names[2]:
        return (UDP_NAMES if names[0] == "udp" else TCP_NAMES).get(port) or str(port)
    return str(port)


def _process(row: Row) -> str:
    if row.user is None:
        return ""
    name, pid, fd = row.user
    return f' users:(("{name}",pid={pid},fd={fd}))'


def _timer(row: Row) -> str:
    if row.timer is None:
        return ""
    what, left, count = row.timer
    return f" timer:({what},{_duration(left)},{count})"


def _duration(left: int) -> str:
    """``print_ms_timer``."""
    left = max(left, 0)
    minutes, seconds, ms = left // 60000, left // 1000 % 60, left % 1000
    text = ""
    if minutes:
        ms = 0
        text = f"{minutes}min"
        if minutes > _MANY_MINUTES:
            seconds = 0
    if seconds:
        if seconds > _MANY_MINUTES:
            ms = 0
        text += f"{seconds}{'.' if ms else 'sec'}"
    if ms:
        text += f"{ms:03d}ms"
    return text
