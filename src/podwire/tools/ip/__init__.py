"""``ip`` of iproute2 6.1.0: addresses, devices, routes, neighbours, rules and namespaces."""

from podwire.tools.ip.main import ip

__all__ = ["ip"]
