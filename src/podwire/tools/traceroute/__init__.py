"""``traceroute`` 2.1.2 (Dmitry Butskoy's, as Debian 12 has it): UDP and ICMP over IPv4."""

from __future__ import annotations

from podwire.tools.traceroute.main import traceroute

__all__ = ["traceroute"]
