"""Where the fields of each header stand, and the widths of those that share a word."""

from __future__ import annotations

import struct
from typing import Final

ETHERNET_LAYOUT: Final = struct.Struct(">HIHIH")
ARP_LAYOUT: Final = struct.Struct(">HHBBHHIIHII")
IPV4_LAYOUT: Final = struct.Struct(">BBHHHBBHII")
ICMP_LAYOUT: Final = struct.Struct(">BBHI")
UDP_LAYOUT: Final = struct.Struct(">HHHH")
TCP_LAYOUT: Final = struct.Struct(">HHIIBBHHH")
VLAN_LAYOUT: Final = struct.Struct(">HH")
VXLAN_LAYOUT: Final = struct.Struct(">II")
GENEVE_LAYOUT: Final = struct.Struct(">BBHI")

ARP_ETHERNET_IPV4: Final = bytes.fromhex("0001 0800 06 04")
"""Hardware type 1, protocol type IPv4, address lengths 6 and 4: the only kind of ARP that ``Arp`` holds."""

DF: Final = 0x4000
MF: Final = 0x2000
EVIL: Final = 0x8000
OFFSET: Final = 0x1FFF
VNI_MAX: Final = 0xFFFFFF
GENEVE_OPTIONS: Final = 252
