from __future__ import annotations

import ipaddress
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podwire.wire.addr import (
    AF_INET,
    AF_INET6,
    ANY4,
    BROADCAST,
    LBCAST,
    NO_MAC,
    Ip,
    Ip4,
    Ip6,
    Mac,
    Net,
    prefix_mask,
)
from tests.wire.strategies import FUZZ, IPS, MACS

IP6S = st.integers(0, 2**128 - 1).map(Ip6)


# ------------------------------------------------------------------------------------------------------------------- MAC


@FUZZ
@given(MACS)
def test_a_mac_is_its_text(mac: Mac):
    assert Mac.parse(str(mac)) == mac
    assert Mac.parse(str(mac).upper()) == mac
    assert repr(mac) == f"Mac('{mac}')"
    assert type(pickle.loads(pickle.dumps(mac))) is Mac


@pytest.mark.parametrize(
    ("text", "value"),
    [("ee:ee:ee:ee:ee:ee", 0xEEEEEEEEEEEE), ("2:0:0:0:0:a", 0x02000000000A), ("00:00:00:00:00:01", 1)],
)
def test_a_mac_is_read(text, value):
    assert Mac.parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ee:ee:ee:ee:ee",
        "ee:ee:ee:ee:ee:ee:ee",
        "ee-ee-ee-ee-ee-ee",
        "eeeeeeeeeeee",
        "gg:0:0:0:0:0",
        "000:0:0:0:0:0",
        "0:0:0:0:0:0\n",
        "٠:0:0:0:0:0",
        "0:0:0:0:0:",
    ],
)
def test_what_is_no_mac(text):
    with pytest.raises(ValueError, match="not a MAC address: ") as caught:
        Mac.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "multicast"),
    [
        ("ff:ff:ff:ff:ff:ff", True),
        ("01:00:5e:00:00:fb", True),
        ("02:00:00:00:00:01", False),
        ("fe:ff:ff:ff:ff:ff", False),
    ],
)
def test_multicast_macs(text, multicast):
    assert Mac.parse(text).is_multicast is multicast


# -------------------------------------------------------------------------------------------------------------------- IP


@FUZZ
@given(IPS)
@example(Ip4(0xE0000000))
@example(Ip4(0xEFFFFFFF))
@example(Ip4(0xF0000000))
@example(Ip4(0x7F000001))
@example(Ip4(0x80000000))
@example(Ip4(0xA9FE0000))
@example(Ip4(0xA9FEFFFF))
@example(Ip4(0xA9FF0000))
def test_an_ipv4_address_is_its_text(ip: Ip4):
    assert str(ip) == str(ipaddress.IPv4Address(int(ip)))
    assert Ip.parse(str(ip)) == ip
    assert type(Ip.parse(str(ip))) is Ip4
    assert repr(ip) == f"Ip4('{ip}')"
    theirs = ipaddress.IPv4Address(int(ip))
    assert (ip.is_multicast, ip.is_loopback, ip.is_link_local) == (
        theirs.is_multicast,
        theirs.is_loopback,
        theirs.is_link_local,
    )


@FUZZ
@given(IP6S)
@example(Ip6(0))
@example(Ip6(1))
@example(Ip6(0xFE80 << 112 | 1))
@example(Ip6(0xFEBF << 112))
@example(Ip6(0xFEC0 << 112))
@example(Ip6(0xFF02 << 112 | 1))
def test_an_ipv6_address_is_its_text(ip: Ip6):
    assert ipaddress.IPv6Address(str(ip)) == ipaddress.IPv6Address(int(ip))
    assert Ip.parse(str(ip)) == ip
    assert type(Ip.parse(str(ip))) is Ip6
    assert repr(ip) == f"Ip6('{ip}')"
    theirs = ipaddress.IPv6Address(int(ip))
    assert (ip.is_multicast, ip.is_loopback, ip.is_link_local) == (
        theirs.is_multicast,
        theirs.is_loopback,
        theirs.is_link_local,
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("FE80:0:0:0:0:0:0:1", "fe80::1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),  # as inet_ntop, which the tools print with, on every Python
        ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"),
        ("::", "::"),
    ],
)
def test_ipv6_text(text, shown):
    assert str(Ip.parse(text)) == shown


@FUZZ
@given(st.text(alphabet="0123456789.", max_size=16) | st.text(max_size=16))
def test_no_other_text_is_an_ipv4_address(text: str):
    try:
        expected = int(ipaddress.IPv4Address(text))
    except ValueError:
        with pytest.raises(ValueError, match="not an IPv4 address: "):
            Ip4.parse(text)
    else:
        assert Ip4.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0",
        "10.0.0.256",
        "256.0.0.0",
        "0.256.0.0",
        "0.0.256.0",
        "010.0.0.1",
        "10.0.0.1.",
        "10.0.0.1\n",
        "10.0.0.1/8",
        "1.2.3.-4",
        "١.2.3.4",
        " 1.2.3.4",
        "10.0.0.00",
    ],
)
def test_what_is_no_ipv4_address(text):
    with pytest.raises(ValueError, match="not an IPv4 address: ") as caught:
        Ip.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text", [":", "fe80::1%eth0", ":::", "1:2:3:4:5:6:7:8:9", "fe80::g", "::\0", "\ud800::", "::1/128"]
)
def test_what_is_no_ipv6_address(text):
    with pytest.raises(ValueError, match="not an IPv6 address: ") as caught:
        Ip.parse(text)
    assert repr(text) in str(caught.value)


def test_addresses_with_a_name():
    assert (str(ANY4), str(LBCAST)) == ("0.0.0.0", "255.255.255.255")
    assert (str(NO_MAC), str(BROADCAST)) == ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")


def test_special_ipv4_addresses():
    assert Ip4.parse("0.0.0.0").is_zeronet
    assert not Ip4.parse("0.0.0.1").is_zeronet
    assert Ip4.parse("255.255.255.255").is_lbcast
    assert not Ip4.parse("255.255.255.254").is_lbcast
    assert (Ip4.bits, Ip4.family, Ip6.bits, Ip6.family) == (32, AF_INET, 128, AF_INET6) == (32, 2, 128, 10)


# ------------------------------------------------------------------------------------------------------------------- Net


@FUZZ
@given(IPS | IP6S, st.data())
def test_a_net_is_its_text_and_holds_its_addresses(ip: Ip, data: st.DataObject):
    plen = data.draw(st.integers(0, ip.bits))
    net = Net.of(ip, plen)
    theirs = ipaddress.ip_network((int(ip) if ip.bits == 32 else ip.to_bytes(16), plen), strict=False)
    assert ipaddress.ip_network(str(net)) == theirs
    assert Net.parse(str(net)) == net
    assert Net.parse(f"{ip}/{plen}", strict=False) == net
    assert (int(net.mask), int(net.broadcast)) == (int(theirs.netmask), int(theirs.broadcast_address))
    assert type(net.mask) is type(net.broadcast) is type(ip)
    assert net.family == ip.family
    assert ip in net
    assert net.broadcast in net
    other = type(ip)(data.draw(st.integers(0, 2**ip.bits - 1)))
    assert (other in net) == (ipaddress.ip_address(int(other) if ip.bits == 32 else other.to_bytes(16)) in theirs)
    assert prefix_mask(ip.bits, plen) == int(theirs.netmask)


def test_a_net_holds_no_address_of_the_other_family():
    assert Ip6(1) not in Net.parse("0.0.0.0/0")
    assert Ip4(1) not in Net.parse("::/0")


def test_a_bare_address_is_a_net_of_its_own():
    assert Net.parse("10.0.0.1") == Net(Ip4.parse("10.0.0.1"), 32)
    assert Net.parse("fe80::1") == Net(Ip6.parse("fe80::1"), 128)
    assert str(Net.parse("10.0.0.1")) == "10.0.0.1/32"


def test_nets_are_sorted_by_address():
    nets = [Net.parse(text) for text in ("10.0.0.0/8", "9.0.0.0/8", "10.0.0.0/16", "0.0.0.0/0")]
    assert [str(net) for net in sorted(nets)] == ["0.0.0.0/0", "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16"]


@pytest.mark.parametrize("tail", ["", "33", "-1", "8 ", "٨", "²", "a", "9" * 5000, "8/8", "+8"])
def test_what_is_no_prefix_length(tail):
    with pytest.raises(ValueError, match=r"not a prefix length \(0 to 32\): '10\.0\.0\.0/"):
        Net.parse(f"10.0.0.0/{tail}")


def test_host_bits():
    with pytest.raises(ValueError, match=r"host bits are set in '10\.0\.0\.1/8': the network is 10\.0\.0\.0/8"):
        Net.parse("10.0.0.1/8")
    assert Net.parse("10.0.0.1/8", strict=False) == Net(Ip4(10 << 24), 8)
