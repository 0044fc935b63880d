"""``bridge``: ports, forwarding database (iproute2 6.1.0, bridge/)."""

from podwire.tools.bridge.main import bridge

__all__ = ["bridge"]
