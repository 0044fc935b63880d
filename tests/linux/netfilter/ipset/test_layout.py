"""Keys of hash sets: the bytes of the kernel's structures, word by word. Which bucket they lead to the oracle's scripts show."""

from __future__ import annotations

import pytest

from podwire.linux.netfilter.ipset.hashtable import Element
from podwire.linux.netfilter.ipset.layout import packer
from podwire.wire.addr import AF_INET, AF_INET6

IP, IP2 = 0x0A000001, 0xC0A80002


@pytest.mark.parametrize(
    ("name", "element", "key"),
    [
        ("hash:ip", (IP,), "0a000001"),
        ("hash:net", (IP, 24), "0a000001 00000018"),
        ("hash:ip,port", (IP, 80, 6), "0a000001 00500600"),
        ("hash:ip,port,ip", (IP, 80, 6, IP2), "0a000001 c0a80002 00500600"),
        ("hash:ip,port,net", (IP, 80, 6, IP2, 24), "0a000001 c0a80002 00501706"),
        ("hash:net,port", (IP, 24, 80, 6), "0a000001 00500617"),
        ("hash:net,net", (IP, 24, IP2, 16), "0a000001 c0a80002 00001810 00000000"),
        ("hash:net,port,net", (IP, 24, 80, 6, IP2, 16), "0a000001 c0a80002 00501810 00000006"),
        ("hash:ip,mark", (IP, 0x12345678), "0a000001 78563412"),
        ("hash:ip,mac", (IP, 0x020000000005), "0a000001 02000000 00050000"),
        ("hash:mac", (0x020000000005,), "02000000 00050000"),
    ],
)
def test_key_of(name: str, element: Element, key: str) -> None:
    data = bytes.fromhex(key)
    words = tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))
    assert packer(name, AF_INET)(element) == words


def test_addresses_of_ipv6_take_four_words() -> None:
    assert len(packer("hash:net,net", AF_INET6)((1, 128, 2, 64))) == 9
    assert len(packer("hash:ip", AF_INET6)((1,))) == 4
