"""``tcpdump`` 4.99.3 with libpcap 1.10.3: what a namespace's devices see, in the words of the real tool."""

from podwire.tools.tcpdump.tool import tcpdump

__all__ = ["tcpdump"]
