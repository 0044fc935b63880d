"""TCP sockets (net/ipv4/tcp*.c; RFC 9293, 7323, 2018, 6298, 8985).

``socket`` is what a program holds, ``sock`` what the kernel knows of a connection, ``table`` who gets a segment. The other modules
are named after what they do: ``connect``, ``listen`` and ``minisocks`` the handshake; ``input``, ``data`` and ``ack`` what arrives;
``output``, ``segments``, ``window`` and ``delack`` what leaves; ``timers``, ``keepalive`` and ``recovery`` what happens when nothing
does; ``receive``, ``close``, ``timewait`` and ``error``.
"""

from __future__ import annotations

from podwire.linux.tcp.socket import SHUT_RD, SHUT_RDWR, SHUT_WR, TcpSocket
from podwire.linux.tcp.states import TcpState

__all__ = ["SHUT_RD", "SHUT_RDWR", "SHUT_WR", "TcpSocket", "TcpState"]
