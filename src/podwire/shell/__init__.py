"""Real bash over the simulated kernel (design: shell.md)."""

from podwire.shell.run import run

__all__ = ["run"]
