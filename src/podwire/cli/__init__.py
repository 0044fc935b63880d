"""The command line. Only what a command needs is loaded: ``podwire --help`` does not wait for the simulator."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_OK, _WRONG_USE = 0, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``podwire``; returns its exit status: 0 delivered or equal, 1 not delivered or different, 2 wrong use or bad input."""
    try:
        import click
    except ImportError:
        print("podwire: the command line needs click: pip install 'podwire[cli]'", file=sys.stderr)
        return _WRONG_USE
    from podwire.cli.commands import podwire
    from podwire.errors import PodwireError

    try:
        result = podwire.main(arguments, prog_name="podwire", standalone_mode=False)
    except click.exceptions.Abort:
        print("podwire: interrupted", file=sys.stderr)
        return _WRONG_USE
    except click.ClickException as error:
        error.show()
        return _WRONG_USE
    except PodwireError as error:
        print(f"podwire: {error}", file=sys.stderr)
        return _WRONG_USE
    except BrokenPipeError:
        _forget_output()
        return _WRONG_USE
    return result if isinstance(result, int) else _OK


def _forget_output() -> None:
    """Whoever read our output has gone; Python would complain at exit when it flushes."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
