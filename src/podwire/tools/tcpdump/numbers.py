"""The words that tcpdump prints for numbers: EtherTypes, IP protocols, vendors.

Sources: ethertype.h, ipproto.c and oui.c of tcpdump 4.99.3.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

ETHERTYPES: Final = MappingProxyType(
    {
        0x0800: "IPv4",
        0x8847: "MPLS unicast",
        0x8848: "MPLS multicast",
        0x86DD: "IPv6",
        0x8100: "802.1Q",
        0x9100: "802.1Q-9100",
        0x88A8: "802.1Q-QinQ",
        0x9200: "802.1Q-9200",
        0x88E5: "802.1AE MACsec",
        0x0200: "PUP",
        0x0806: "ARP",
        0x8035: "Reverse ARP",
        0x0600: "NS",
        0x0500: "Sprite",
        0x1000: "Trail",
        0x6001: "MOP DL",
        0x6002: "MOP RC",
        0x6003: "DN",
        0x6004: "LAT",
        0x6007: "SCA",
        0x6558: "TEB",
        0x8038: "Lanbridge",
        0x803C: "DEC DNS",
        0x803E: "DEC DTS",
        0x805B: "VEXP",
        0x805C: "VPROD",
        0x809B: "Appletalk",
        0x80F3: "Appletalk ARP",
        0x8137: "IPX",
        0x880B: "PPP",
        0x8808: "MPCP",
        0x8809: "Slow Protocols",
        0x8863: "PPPoE D",
        0x8864: "PPPoE S",
        0x888E: "EAPOL",
        0x8899: "Realtek protocols",
        0x886F: "MS NLB heartbeat",
        0x8870: "Jumbo",
        0x894F: "NSH",
        0x9000: "Loopback",
        0xFEFE: "OSI",
        0x00FE: "GRE-OSI",
        0xABCD: "CFM (old)",
        0x8902: "CFM",
        0x893A: "IEEE1905.1",
        0x88CC: "LLDP",
        0x88CA: "TIPC",
        0x0707: "GeoNet (old)",
        0x8947: "GeoNet",
        0x1111: "CALM FAST",
        0x88A2: "AoE",
        0x88F7: "PTP",
        0xD28B: "Arista Vendor Specific Protocol",
    }
)

UNPRINTED_ETHERTYPES: Final = MappingProxyType(
    {
        0x86DD: "IPv6",
        0x6003: "DECnet",
        0x809B: "AppleTalk",
        0x80F3: "AppleTalk ARP",
        0x8137: "IPX",
        0xFEFE: "OSI",
        0x8863: "PPPoE",
        0x8864: "PPPoE",
        0x3C12: "PPPoE",
        0x3C13: "PPPoE",
        0x888E: "EAPOL",
        0x8899: "Realtek protocols",
        0x880B: "PPP",
        0x8808: "MPCP",
        0x8809: "Slow Protocols",
        0x8902: "CFM",
        0xABCD: "CFM",
        0x88CC: "LLDP",
        0x894F: "NSH",
        0x9000: "Loopback",
        0x8847: "MPLS",
        0x8848: "MPLS",
        0x88CA: "TIPC",
        0x886F: "MS NLB heartbeat",
        0x0707: "GeoNet",
        0x8947: "GeoNet",
        0x1111: "CALM FAST",
        0x88A2: "AoE",
        0x88F7: "PTP",
    }
)
"""What the real tool dissects and podwire does not."""

IP_PROTOCOLS: Final = MappingProxyType(
    {
        0: "Options",
        1: "ICMP",
        2: "IGMP",
        4: "IPIP",
        6: "TCP",
        8: "EGP",
        9: "IGRP",
        17: "UDP",
        33: "DCCP",
        41: "IPv6",
        43: "Routing",
        44: "Fragment",
        46: "RSVP",
        47: "GRE",
        50: "ESP",
        51: "AH",
        55: "Mobile IP",
        58: "ICMPv6",
        62: "Mobile IP (old)",
        88: "EIGRP",
        89: "OSPF",
        103: "PIM",
        108: "Compressed IP",
        112: "VRRP",
        113: "PGM",
        132: "SCTP",
        135: "Mobility",
        143: "Ethernet",
    }
)
"""As ``-v`` prints them: ``proto ICMP (1)``."""

UNPRINTED_PROTOCOLS: Final = MappingProxyType(
    {
        8: "EGP",
        9: "IGRP",
        33: "DCCP",
        41: "IPv6",
        46: "RSVP",
        47: "GRE",
        51: "AH",
        55: "Mobile IP",
        88: "EIGRP",
        89: "OSPF",
        103: "PIM",
        108: "compressed IP",
        112: "VRRP",
        113: "PGM",
        132: "SCTP",
    }
)
"""What the real tool dissects and podwire does not."""

_NETDB: Final = """
hopopt icmp igmp ggp ipencap st tcp cbt egp igp bbn-rcc-mon nvp-ii pup argus emcon xnet chaos udp mux dcn-meas
hmp prm xns-idp trunk-1 trunk-2 leaf-1 leaf-2 rdp irtp iso-tp4 netblt mfe-nsp merit-inp dccp 3pc idpr xtp ddp
idpr-cmtp tp++ il ipv6 sdrp ipv6-route ipv6-frag idrp rsvp gre dsr bna esp ah i-nlsp swipe narp mobile tlsp skip
ipv6-icmp ipv6-nonxt ipv6-opts - cftp - sat-expak kryptolan rvd ippc - sat-mon visa ipcv cpnx rspf wsn pvp
br-sat-mon sun-nd wb-mon wb-expak iso-ip vmtp secure-vmtp vines ttp nsfnet-igp dgp tcf eigrp ospf sprite-rpc
larp mtp ax.25 ipip micp scc-sp etherip encap - gmtp ifmp pnni pim aris scps qnx a/n ipcomp snp compaq-peer
ipx-in-ip vrrp pgm - l2tp ddx iatp stp srp uti smp sm ptp isis fire crtp crudp sscopmce iplt sps pipe sctp fc
rsvp-e2e-ignore mobility-header udplite mpls-in-ip manet hip shim6 wesp rohc
"""
"""From 0 on; ``-`` where tcpdump has no name."""

NETDB_PROTOCOLS: Final = MappingProxyType(
    {number: name for number, name in enumerate(_NETDB.split()) if name != "-"}
    | {253: "exptest-253", 254: "exptest-254", 255: "reserved"}
)
"""Names without ``-n`` of what is not dissected, and of fragments: ``10.0.0.1 > 10.0.0.2: icmp``."""

VENDORS: Final = MappingProxyType(
    {
        0x000000: "Ethernet",
        0x00000C: "Cisco",
        0x00005E: "IANA",
        0x000081: "Nortel Networks SONMP",
        0x0000F8: "Cisco bridged",
        0x0080C2: "Ethernet bridged",
        0x00A03E: "ATM Forum",
        0x00E02F: "DOCSIS Spanning Tree",
        0x080007: "Appletalk",
        0x009069: "Juniper",
        0x080009: "Hewlett-Packard",
        0x00120F: "IEEE 802.3 Private",
        0x0012BB: "ANSI/TIA",
        0x001B21: "DCBX",
        0x002320: "Nicira Networks",
        0x5C16C7: "Big Switch Networks",
        0xB0D2F5: "Vello Systems",
        0x002481: "HP",
        0x0004EA: "HP-Labs",
        0x748771: "Infoblox Inc",
        0xA42305: "Open Networking Lab",
        0x00049F: "Freescale",
        0x0015AD: "Netronome",
        0x001018: "Broadcom",
        0x00E004: "PMC-Sierra",
        0xD0F0DB: "Ericsson",
    }
)
"""All the vendors that tcpdump knows: behind a MAC address stands ``(oui Unknown)`` for the rest of the world."""

LINK_TYPES: Final = frozenset(
    """
A429 A653_ICM AOS APPLE_IP_OVER_IEEE1394 ARCNET ARCNET_LINUX ATM_CLIP ATM_RFC1483 ATSC_ALP AX25_KISS
BACNET_MS_TP BLUETOOTH_BREDR_BB BLUETOOTH_HCI_H4 BLUETOOTH_HCI_H4_WITH_PHDR BLUETOOTH_LE_LL
BLUETOOTH_LE_LL_WITH_PHDR BLUETOOTH_LINUX_MONITOR CAN20B CAN_SOCKETCAN C_HDLC DBUS DECT DISPLAYPORT_AUX DOCSIS
DOCSIS31_XRA31 DSA_TAG_BRCM DSA_TAG_BRCM_PREPEND DSA_TAG_DSA DSA_TAG_EDSA DVB_CI EBHSCR ELEE EN10MB ENC EPON ERF
ERF_ETH ERF_POS ETHERNET_MPACKET FC_2 FC_2_WITH_FRAME_DELIMS FDDI FRELAY GPF_F GPF_T GPRS_LLC IEEE802 IEEE802_11
IEEE802_11_RADIO IEEE802_11_RADIO_AVS IEEE802_15_4 IEEE802_15_4_LINUX IEEE802_15_4_NOFCS IEEE802_15_4_NONASK_PHY
IEEE802_15_4_TAP IEEE802_16_MAC_CPS IEEE802_16_MAC_CPS_RADIO INFINIBAND IPMB_KONTRON IPMB_LINUX IPMI_HPM_2 IPNET
IPOIB IPV4 IPV6 IP_OVER_FC ISO_14443 JUNIPER_ATM1 JUNIPER_ATM2 JUNIPER_ATM_CEMIC JUNIPER_CHDLC JUNIPER_ES
JUNIPER_ETHER JUNIPER_FIBRECHANNEL JUNIPER_FRELAY JUNIPER_GGSN JUNIPER_ISM JUNIPER_MFR JUNIPER_MLFR
JUNIPER_MLPPP JUNIPER_MONITOR JUNIPER_PIC_PEER JUNIPER_PPP JUNIPER_PPPOE JUNIPER_PPPOE_ATM JUNIPER_SERVICES
JUNIPER_SRX_E2E JUNIPER_ST JUNIPER_VP JUNIPER_VS LINUX_EVDEV LINUX_IRDA LINUX_LAPD LINUX_SLL LINUX_SLL2 LOOP
LTALK MFR MPEG_2_TS MPLS MTP2 MTP2_WITH_PHDR MTP3 MUX27010 NETANALYZER NETANALYZER_TRANSPARENT NETLINK NFC_LLCP
NFLOG NG40 NORDIC_BLE NULL OPENFLOW OPENVIZSLA PFLOG PFSYNC PKTAP PPI PPP PPP_BSDOS PPP_ETHER PPP_PPPD
PPP_SERIAL PRISM_HEADER PROFIBUS_DL RAIF1 RAW RDS RTAC_SERIAL SCCP SCTP SDLC SITA SLIP SLIP_BSDOS
STANAG_5066_D_PDU SUNATM SYMANTEC_FIREWALL TI_LLN_SNIFFER USBPCAP USB_2_0 USB_DARWIN USB_FREEBSD USB_LINUX
USB_LINUX_MMAPPED VPP_DISPATCH VSOCK WATTSTOPPER_DLM WIHART ZWAVE_R1_R2 ZWAVE_R3 Z_WAVE_SERIAL
""".split()
)
"""Every name that ``-y`` takes."""
