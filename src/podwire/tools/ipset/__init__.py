"""``ipset``: sets of addresses, networks and ports (ipset 7.17)."""

from podwire.tools.ipset.main import ipset

__all__ = ["ipset"]
