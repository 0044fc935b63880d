"""Editors, which need a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.errors import NotModelled

if TYPE_CHECKING:
    from podwire.tools.process import Process


def editor(proc: Process) -> int:
    """Raises ``NotModelled`` that says how a file is changed without one."""
    raise NotModelled(f"{proc.argv[0]}: an editor needs a terminal; change the file with sed -i, tee or cp")
