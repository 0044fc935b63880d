"""The numbers of the protocols, against the tables of others."""

from __future__ import annotations

import socket

import pytest
from scapy.data import ETH_P_ARP, ETH_P_IP, ETH_P_IPV6
from scapy.layers.inet import TCP, icmpcodes, icmptypes
from scapy.layers.l2 import ARP

from podwire.wire import headers


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("ECHOREPLY", "echo-reply"),
        ("DEST_UNREACH", "dest-unreach"),
        ("SOURCE_QUENCH", "source-quench"),
        ("REDIRECT", "redirect"),
        ("ECHO", "echo-request"),
        ("TIME_EXCEEDED", "time-exceeded"),
        ("PARAMETERPROB", "parameter-problem"),
        ("TIMESTAMP", "timestamp-request"),
        ("TIMESTAMPREPLY", "timestamp-reply"),
    ],
)
def test_icmp_types(name, theirs):
    assert icmptypes[getattr(headers, f"ICMP_{name}")] == theirs


@pytest.mark.parametrize(
    ("kind", "name", "theirs"),
    [
        (3, "NET_UNREACH", "network-unreachable"),
        (3, "HOST_UNREACH", "host-unreachable"),
        (3, "PROT_UNREACH", "protocol-unreachable"),
        (3, "PORT_UNREACH", "port-unreachable"),
        (3, "FRAG_NEEDED", "fragmentation-needed"),
        (3, "SR_FAILED", "source-route-failed"),
        (3, "PKT_FILTERED", "communication-prohibited"),
        (5, "REDIR_NET", "network-redirect"),
        (5, "REDIR_HOST", "host-redirect"),
        (11, "EXC_TTL", "ttl-zero-during-transit"),
        (11, "EXC_FRAGTIME", "ttl-zero-during-reassembly"),
    ],
)
def test_icmp_codes(kind, name, theirs):
    assert icmpcodes[kind][getattr(headers, f"ICMP_{name}")] == theirs


@pytest.mark.parametrize(
    ("name", "letter"), list(zip("FIN SYN RST PSH ACK URG ECE CWR".split(), "FSRPAUEC", strict=True))
)
def test_tcp_flags(name, letter):
    assert TCP(flags=letter).flags == getattr(headers, f"TCP_{name}")


def test_protocols_and_ethertypes():
    assert (headers.ETH_P_IP, headers.ETH_P_ARP, headers.ETH_P_IPV6) == (ETH_P_IP, ETH_P_ARP, ETH_P_IPV6)
    for name in ("ICMP", "IPIP", "TCP", "UDP"):
        assert getattr(headers, f"IPPROTO_{name}") == getattr(socket, f"IPPROTO_{name}")
    assert (ARP(op="who-has").op, ARP(op="is-at").op) == (headers.ARPOP_REQUEST, headers.ARPOP_REPLY)
    assert headers.UNKNOWN_SENDER == 0
