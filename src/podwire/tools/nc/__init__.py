"""``nc``: netcat-openbsd 1.219 as Debian 12 has it, TCP and UDP over IPv4."""

from __future__ import annotations

from podwire.tools.nc.main import nc

__all__ = ["nc"]
